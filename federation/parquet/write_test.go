package parquet

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/parquet-go/parquet-go"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connectortest"
)

// arrowType maps a column of the suite.
func arrowType(t types.Type) arrow.DataType {
	switch t.OID {
	case types.Bool:
		return arrow.FixedWidthTypes.Boolean
	case types.Int2:
		return arrow.PrimitiveTypes.Int16
	case types.Int4:
		return arrow.PrimitiveTypes.Int32
	case types.Int8:
		return arrow.PrimitiveTypes.Int64
	case types.Float8:
		return arrow.PrimitiveTypes.Float64
	case types.Numeric:
		p, s, _ := t.NumericMod()
		return &arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}
	case types.Date:
		return arrow.FixedWidthTypes.Date32
	case types.Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case types.Bytea:
		return arrow.BinaryTypes.Binary
	}
	return arrow.BinaryTypes.String
}

// unscaled returns decimal text in units of 10^-scale.
func unscaled(text string, scale int) *big.Int {
	whole, frac, _ := strings.Cut(text, ".")
	x, _ := new(big.Int).SetString(whole+frac+strings.Repeat("0", scale-len(frac)), 10)
	return x
}

// stamp parses an ISO timestamp or date.
func stamp(s string) time.Time {
	if t, err := time.Parse("2006-01-02 15:04:05.999999", s); err == nil {
		return t
	}
	t, _ := time.Parse("2006-01-02", s)
	return t
}

// writeArrow stores a table of the suite through pqarrow.
func writeArrow(t testing.TB, path string, tab *connectortest.Table, props *arrowparquet.WriterProperties, rowGroup int64) {
	t.Helper()
	fields := make([]arrow.Field, len(tab.Columns))
	for i, c := range tab.Columns {
		fields[i] = arrow.Field{Name: c.Name, Type: arrowType(c.Type), Nullable: !c.NotNull}
	}
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(arrowmem.DefaultAllocator, schema)
	for _, row := range tab.Rows {
		for i, v := range row {
			if v.Null {
				b.Field(i).AppendNull()
				continue
			}
			switch f := b.Field(i).(type) {
			case *array.BooleanBuilder:
				f.Append(v.Text == "t")
			case *array.Int16Builder:
				x, _ := strconv.Atoi(v.Text)
				f.Append(int16(x))
			case *array.Int32Builder:
				x, _ := strconv.Atoi(v.Text)
				f.Append(int32(x))
			case *array.Int64Builder:
				x, _ := strconv.ParseInt(v.Text, 10, 64)
				f.Append(x)
			case *array.Float64Builder:
				x, _ := strconv.ParseFloat(v.Text, 64)
				f.Append(x)
			case *array.Decimal128Builder:
				_, s, _ := tab.Columns[i].Type.NumericMod()
				f.Append(decimal128.FromBigInt(unscaled(v.Text, s)))
			case *array.Date32Builder:
				f.Append(arrow.Date32(stamp(v.Text).Unix() / 86400))
				if u := stamp(v.Text).Unix(); u < 0 && u%86400 != 0 {
					t.Fatal("date")
				}
			case *array.TimestampBuilder:
				f.Append(arrow.Timestamp(stamp(v.Text).UnixMicro()))
			case *array.BinaryBuilder:
				x, _ := hex.DecodeString(v.Text[2:])
				f.Append(x)
			case *array.StringBuilder:
				f.Append(v.Text)
			default:
				t.Fatalf("builder %T", f)
			}
		}
	}
	rec := b.NewRecordBatch()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	table := array.NewTableFromRecords(schema, []arrow.RecordBatch{rec})
	if err := pqarrow.WriteTable(table, file, rowGroup, props, pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
}

// nodeOf maps a column of the suite to a schema of parquet-go.
func nodeOf(c connectortest.Column, enc func(parquet.Node) parquet.Node) parquet.Node {
	var n parquet.Node
	switch c.Type.OID {
	case types.Bool:
		n = parquet.Leaf(parquet.BooleanType)
	case types.Int2:
		n = parquet.Int(16)
	case types.Int4:
		n = parquet.Int(32)
	case types.Int8:
		n = parquet.Leaf(parquet.Int64Type)
	case types.Float8:
		n = parquet.Leaf(parquet.DoubleType)
	case types.Numeric:
		p, s, _ := c.Type.NumericMod()
		if p <= 18 {
			n = parquet.Decimal(s, p, parquet.Int64Type)
		} else {
			n = parquet.Decimal(s, p, parquet.ByteArrayType)
		}
	case types.Date:
		n = parquet.Date()
	case types.Timestamp:
		n = parquet.TimestampAdjusted(parquet.Microsecond, false)
	case types.Bytea:
		n = parquet.Leaf(parquet.ByteArrayType)
	default:
		n = parquet.String()
	}
	n = enc(n)
	if !c.NotNull {
		n = parquet.Optional(n)
	}
	return n
}

// valueOf makes a parquet-go value.
func valueOf(c connectortest.Column, text string) parquet.Value {
	switch c.Type.OID {
	case types.Bool:
		return parquet.BooleanValue(text == "t")
	case types.Int2, types.Int4:
		x, _ := strconv.Atoi(text)
		return parquet.Int32Value(int32(x))
	case types.Int8:
		x, _ := strconv.ParseInt(text, 10, 64)
		return parquet.Int64Value(x)
	case types.Float8:
		x, _ := strconv.ParseFloat(text, 64)
		return parquet.DoubleValue(x)
	case types.Numeric:
		p, s, _ := c.Type.NumericMod()
		x := unscaled(text, s)
		if p <= 18 {
			return parquet.Int64Value(x.Int64())
		}
		return parquet.ByteArrayValue(twosComplement(x))
	case types.Date:
		return parquet.Int32Value(int32(stamp(text).Unix() / 86400))
	case types.Timestamp:
		return parquet.Int64Value(stamp(text).UnixMicro())
	case types.Bytea:
		x, _ := hex.DecodeString(text[2:])
		return parquet.ByteArrayValue(x)
	}
	return parquet.ByteArrayValue([]byte(text))
}

// twosComplement is the shortest big-endian form.
func twosComplement(x *big.Int) []byte {
	var b [17]byte
	if x.Sign() < 0 {
		m := new(big.Int).Add(x, new(big.Int).Lsh(big.NewInt(1), 136))
		m.FillBytes(b[:])
	} else {
		x.FillBytes(b[:])
	}
	out := b[:]
	for len(out) > 1 && (out[0] == 0 && out[1] < 0x80 || out[0] == 0xFF && out[1] >= 0x80) {
		out = out[1:]
	}
	return bytes.Clone(out)
}

// writeGo stores a table of the suite through parquet-go.
func writeGo(t testing.TB, path string, tab *connectortest.Table, rowGroup int64, enc func(parquet.Node) parquet.Node, options ...parquet.WriterOption) {
	t.Helper()
	group := parquet.Group{}
	for _, c := range tab.Columns {
		group[c.Name] = nodeOf(c, enc)
	}
	schema := parquet.NewSchema("suite", group)
	index := map[string]int{}
	for i, p := range schema.Columns() {
		index[p[0]] = i
	}
	var buf bytes.Buffer
	w := parquet.NewGenericWriter[any](&buf, append([]parquet.WriterOption{schema, parquet.MaxRowsPerRowGroup(rowGroup)}, options...)...)
	rows := make([]parquet.Row, 0, len(tab.Rows))
	for _, r := range tab.Rows {
		row := make(parquet.Row, len(r))
		for i, v := range r {
			c := tab.Columns[i]
			def := 1
			if c.NotNull {
				def = 0
			}
			k := index[c.Name]
			if v.Null {
				row[k] = parquet.NullValue().Level(0, 0, k)
			} else {
				row[k] = valueOf(c, v.Text).Level(0, def, k)
			}
		}
		rows = append(rows, row)
	}
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// join is filepath.Join for brevity in tables.
func join(parts ...string) string { return filepath.Join(parts...) }
