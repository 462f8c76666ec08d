package file

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
)

// avroFile reads an Avro object container file.
type avroFile struct {
	r      *ocf.Reader
	fields []avro.SchemaField
	from   []int
	text   []byte
}

// openAvro starts to read an Avro file.
func openAvro(in *input) (t *avroFile, err error) {
	defer guard(&err)
	r, err := ocf.NewReader(in)
	if err != nil {
		return nil, err
	}
	root := r.Schema().Root()
	if root.Type != "record" {
		_ = r.Close()
		return nil, fmt.Errorf("its values are no records")
	}
	return &avroFile{r: r, fields: root.Fields}, nil
}

// close implements typed.
func (t *avroFile) close() { _ = t.r.Close() }

// held implements typed. The library does not tell how large its block is; of
// what is decoded, one record is there at a time.
func (t *avroFile) held() int64 { return 1 << 20 }

// columns implements typed.
func (t *avroFile) columns() []connector.Column {
	out := make([]connector.Column, len(t.fields))
	for i := range t.fields {
		f := &t.fields[i]
		typ, note, null := avroType(&f.Type)
		out[i] = connector.Column{Name: f.Name, Type: typ, NotNull: !null, Note: note}
	}
	return out
}

// bind implements typed.
func (t *avroFile) bind(from []int) { t.from = from }

// avroType returns the type in which values of a schema are delivered.
func avroType(n *avro.SchemaNode) (typ types.Type, note string, null bool) {
	switch n.Type {
	case "null":
		return types.Of(types.Int4), "all values are NULL, and their type is not known", true
	case "union":
		var only *avro.SchemaNode
		others := 0
		for i := range n.Branches {
			if n.Branches[i].Type == "null" {
				null = true
				continue
			}
			only = &n.Branches[i]
			others++
		}
		if others == 1 {
			typ, note, _ = avroType(only)
			return typ, note, null
		}
		return types.Of(types.JSONB), "values of several types are delivered as jsonb", null
	case "boolean":
		return types.Of(types.Bool), "", false
	case "float":
		return types.Of(types.Float4), "", false
	case "double":
		return types.Of(types.Float8), "", false
	case "enum":
		return types.Of(types.Text), "", false
	}
	switch n.LogicalType {
	case "date":
		return types.Of(types.Date), "", false
	case "time-millis", "time-micros":
		return types.Of(types.Time), "", false
	case "timestamp-millis", "timestamp-micros", "timestamp-nanos":
		return types.Of(types.TimestampTZ), "", false
	case "local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		return types.Of(types.Timestamp), "", false
	case "uuid":
		return types.Of(types.UUID), "", false
	case "duration":
		return types.Of(types.Interval), "", false
	case "decimal":
		if n.Precision > 0 && n.Precision <= 1000 && n.Scale >= 0 && n.Scale <= n.Precision {
			return types.NumericType(n.Precision, n.Scale), "", false
		}
		return types.Of(types.Numeric), "", false
	}
	switch n.Type {
	case "int":
		return types.Of(types.Int4), "", false
	case "long":
		return types.Of(types.Int8), "", false
	case "string":
		return types.Of(types.Text), "", false
	case "bytes", "fixed":
		return types.Of(types.Bytea), "", false
	}
	return types.Of(types.JSONB), "nested values are delivered as jsonb", false
}

// read implements typed.
func (t *avroFile) read(ctx context.Context, cols []column, n, size int) (rows int, name string, err error) {
	defer guard(&err)
	for ; n < size; n++ {
		if rows&255 == 255 && ctx.Err() != nil {
			return rows, "", ctx.Err()
		}
		var record map[string]any
		if err := t.r.Decode(&record); err == io.EOF {
			break
		} else if err != nil {
			return rows, "", err
		}
		for i := range cols {
			c := &cols[i]
			if t.from[i] < 0 {
				c.Null(n)
				continue
			}
			f := &t.fields[t.from[i]]
			if err := t.value(c.Column, n, &f.Type, record[f.Name]); err != nil {
				return rows, c.name, err
			}
		}
		rows++
	}
	return rows, "", nil
}

// value stores a decoded value as value i.
func (t *avroFile) value(c *decode.Column, i int, n *avro.SchemaNode, v any) error {
	typ, _, _ := avroType(n)
	if typ.OID == types.JSONB && v != nil {
		t.text = appendJSON(t.text[:0], v)
		return c.Text(i, t.text)
	}
	switch v := v.(type) {
	case nil:
		c.Null(i)
		return nil
	case bool:
		if v {
			return c.Text(i, []byte("true"))
		}
		return c.Text(i, []byte("false"))
	case int:
		return c.Int(i, int64(v))
	case int32:
		return c.Int(i, int64(v))
	case int64:
		return c.Int(i, v)
	case float32:
		return c.Float(i, float64(v))
	case float64:
		return c.Float(i, v)
	case []byte:
		return c.Bytes(i, v)
	}
	t.text = appendText(t.text[:0], typ, v)
	return c.Text(i, t.text)
}

// appendText appends a decoded value of a type as PostgreSQL reads it.
func appendText(dst []byte, typ types.Type, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(dst, v...)
	case time.Time:
		return decode.AppendMoment(dst, typ, momentOf(typ, v))
	case time.Duration:
		return decode.AppendMoment(dst, types.Of(types.Time), v.Microseconds())
	case avro.Duration:
		return fmt.Appendf(dst, "%d mons %d days %d ms", v.Months, v.Days, v.Milliseconds)
	case *big.Rat:
		_, scale, ok := typ.NumericMod()
		if !ok {
			scale, _ = v.FloatPrec()
		}
		return append(dst, v.FloatString(scale)...)
	case json.Number:
		return append(dst, v...)
	case [16]byte:
		return fmt.Appendf(dst, "%x", v[:])
	}
	return fmt.Append(dst, v)
}

// momentOf is a date in days, or another moment in microseconds.
func momentOf(typ types.Type, v time.Time) int64 {
	if typ.OID == types.Date {
		return int64(math.Floor(float64(v.Unix()) / 86400))
	}
	return v.UnixMicro()
}

// appendJSON appends a decoded value as JSON.
func appendJSON(dst []byte, v any) []byte {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = json.RawMessage(appendJSON(nil, e))
		}
	case []any:
		for k, e := range x {
			x[k] = json.RawMessage(appendJSON(nil, e))
		}
	case []byte:
		v = fmt.Sprintf("\\x%x", x)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			v = string(decode.AppendFloat(nil, x))
		}
	case float32:
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			v = string(decode.AppendFloat(nil, f))
		}
	case *big.Rat:
		scale, _ := x.FloatPrec()
		v = json.RawMessage(x.FloatString(scale))
	case time.Time:
		v = x.UTC().Format("2006-01-02T15:04:05.999999999Z07:00")
	case time.Duration:
		v = string(decode.AppendMoment(nil, types.Of(types.Time), x.Microseconds()))
	}
	b, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, b...)
}
