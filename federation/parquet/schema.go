package parquet

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

// form is how the values of a leaf are decoded.
type form uint8

const (
	formBool       form = iota
	formInt32           // INT32 as int4 or date
	formInt16           // INT32 as int2
	formUint32          // INT32, unsigned, as int8
	formInt32Wide       // INT32 as int8 times mul (decimals, times)
	formInt64           // INT64 as it is
	formInt64Mul        // INT64 times mul, or divided by -mul rounding down
	formUint64          // INT64, unsigned, as numeric
	formInt96           // INT96 as timestamp
	formFloat           // FLOAT
	formDouble          // DOUBLE
	formHalf            // FIXED[2] as float4
	formText            // BYTE_ARRAY as text, validated
	formBytes           // BYTE_ARRAY as bytea
	formFixed           // FIXED as bytea
	formUUID            // FIXED[16]
	formDecimal         // FIXED or BYTE_ARRAY as scaled int64
	formBigDecimal      // FIXED or BYTE_ARRAY as numeric views
	formInterval        // FIXED[12]
	formNested          // a group or a repeated field as jsonb
	formNull            // a leaf of the type that has no value but NULL
)

// field is one top-level field of a file's schema as a column.
type field struct {
	name  string
	form  form
	typ   types.Type
	note  string
	mul   int64
	scale int
	// column is the field's node; leaf its index among the leaves (the first
	// one below it for a nested field).
	column   *parquet.Column
	leaf     int
	optional bool
}

// fieldsOf maps the top-level fields of a schema to columns. elements is the same
// schema as the file holds it: the root, and behind each group its fields.
func fieldsOf(root *parquet.Column, elements []format.SchemaElement) ([]field, error) {
	out := make([]field, 0, len(root.Columns()))
	leaf, at := 0, 1
	for _, c := range root.Columns() {
		if at >= len(elements) || elements[at].Name != c.Name() {
			return nil, fmt.Errorf("%w: the schema is not valid", errCorrupt)
		}
		f := field{form: formNested}
		if c.Leaf() && !c.Repeated() {
			// The library's type does not tell every annotation.
			f = leafForm(c.Type(), elements[at].LogicalType.Value)
		}
		f.name, f.column, f.leaf = c.Name(), c, leaf
		f.optional = c.Optional()
		if f.form == formNested {
			f.typ, f.note = types.Of(types.JSONB), "nested values are delivered as jsonb"
		}
		leaf += countLeaves(c)
		at += countNodes(c)
		out = append(out, f)
	}
	return out, nil
}

// countNodes returns the number of elements of a field's schema.
func countNodes(c *parquet.Column) int {
	n := 1
	for _, k := range c.Columns() {
		n += countNodes(k)
	}
	return n
}

// countLeaves returns the number of leaf columns of a field.
func countLeaves(c *parquet.Column) int {
	if c.Leaf() {
		return 1
	}
	n := 0
	for _, k := range c.Columns() {
		n += countLeaves(k)
	}
	return n
}

// unitMul returns what turns a time unit into microseconds: a factor, or a
// negative divisor.
func unitMul(u format.TimeUnit) int64 {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return 1000
	case *format.NanoSeconds:
		return -1000
	}
	return 1
}

// logicalValue returns the annotation of a type, nil without.
func logicalValue(t parquet.Type) format.LogicalTypeValue {
	if l := t.LogicalType(); l != nil {
		return l.Value
	}
	return nil
}

// alwaysNull reports whether a type has no value but NULL.
func alwaysNull(t parquet.Type) bool {
	_, ok := logicalValue(t).(*format.NullType)
	return ok
}

// leafForm maps a primitive type with its annotation.
func leafForm(t parquet.Type, logical format.LogicalTypeValue) field {
	if _, ok := logical.(*format.NullType); ok {
		return field{form: formNull, typ: types.Of(types.Int4), note: "the file holds no value of this column, and not its type"}
	}
	if d, ok := logical.(*format.DecimalType); ok {
		return decimalForm(t.Kind(), int(d.Precision), int(d.Scale))
	}
	switch t.Kind() {
	case parquet.Boolean:
		return field{form: formBool, typ: types.Of(types.Bool)}
	case parquet.Int32:
		switch l := logical.(type) {
		case *format.DateType:
			return field{form: formInt32, typ: types.Of(types.Date)}
		case *format.TimeType:
			return field{form: formInt32Wide, typ: types.Of(types.Time), mul: 1000}
		case *format.IntType:
			switch {
			case l.BitWidth == 8 || l.BitWidth == 16 && l.IsSigned:
				return field{form: formInt16, typ: types.Of(types.Int2)}
			case l.BitWidth == 32 && !l.IsSigned:
				return field{form: formUint32, typ: types.Of(types.Int8)}
			}
		}
		return field{form: formInt32, typ: types.Of(types.Int4)}
	case parquet.Int64:
		switch l := logical.(type) {
		case *format.TimestampType:
			t := types.Of(types.Timestamp)
			if l.IsAdjustedToUTC {
				t = types.Of(types.TimestampTZ)
			}
			return scaledInt64(t, unitMul(l.Unit))
		case *format.TimeType:
			return scaledInt64(types.Of(types.Time), unitMul(l.Unit))
		case *format.IntType:
			if l.BitWidth == 64 && !l.IsSigned {
				return field{form: formUint64, typ: types.NumericType(20, 0)}
			}
		}
		return field{form: formInt64, typ: types.Of(types.Int8)}
	case parquet.Int96:
		return field{form: formInt96, typ: types.Of(types.Timestamp)}
	case parquet.Float:
		return field{form: formFloat, typ: types.Of(types.Float4)}
	case parquet.Double:
		return field{form: formDouble, typ: types.Of(types.Float8)}
	case parquet.FixedLenByteArray:
		switch logical.(type) {
		case *format.UUIDType:
			return field{form: formUUID, typ: types.Of(types.UUID)}
		case *format.Float16Type:
			return field{form: formHalf, typ: types.Of(types.Float4)}
		}
		if c := t.ConvertedType(); c != nil && *c == deprecated.Interval && t.Length() == 12 {
			return field{form: formInterval, typ: types.Of(types.Interval)}
		}
		return field{form: formFixed, typ: types.Of(types.Bytea)}
	}
	switch logical.(type) {
	case *format.StringType, *format.EnumType:
		return field{form: formText, typ: types.Of(types.Text)}
	case *format.JsonType:
		return field{form: formText, typ: types.Of(types.JSON)}
	case *format.BsonType:
		return field{form: formBytes, typ: types.Of(types.Bytea), note: "BSON is delivered as bytea"}
	}
	return field{form: formBytes, typ: types.Of(types.Bytea)}
}

// scaledInt64 is an INT64 moment in some unit.
func scaledInt64(t types.Type, mul int64) field {
	if mul == 1 {
		return field{form: formInt64, typ: t}
	}
	return field{form: formInt64Mul, typ: t, mul: mul}
}

// decimalForm maps a DECIMAL.
func decimalForm(k parquet.Kind, precision, scale int) field {
	f := field{typ: types.NumericType(precision, scale), scale: scale, mul: 1}
	switch k {
	case parquet.Int32:
		f.form = formInt32Wide
	case parquet.Int64:
		f.form = formInt64
	default:
		if f.form = formDecimal; precision > 18 {
			f.form = formBigDecimal
		}
	}
	if precision < 1 || scale < 0 || scale > precision || scale > 18 && f.form != formBigDecimal {
		return field{form: formBytes, typ: types.Of(types.Bytea), note: "the decimal's precision or scale is not valid"}
	}
	return f
}

// scaled reports whether the field's vectors are scaled integers.
func (f *field) scaled() bool {
	return f.typ.OID == types.Numeric && f.form != formBigDecimal && f.form != formUint64
}

// columnsOf returns the columns that a schema gives a table.
func columnsOf(fields []field) []connector.Column {
	out := make([]connector.Column, len(fields))
	for i, f := range fields {
		out[i] = connector.Column{Name: f.name, Type: f.typ, NotNull: !f.optional && f.form != formNested, Note: f.note}
	}
	return out
}
