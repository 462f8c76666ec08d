package parquet

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/decode"
)

// nestedReader reads a nested field row by row and renders it as the text of a
// jsonb value: structs and maps become objects, lists and repeated fields
// arrays.
type nestedReader struct {
	f      *field
	leaves []*leafReader
	text   []byte
}

// newNestedReader opens the leaves of a field of a row group.
func newNestedReader(f *field, file *os.File, group *format.RowGroup, limit int64, pool *blockPool, flate *inflater) (*nestedReader, error) {
	n := &nestedReader{f: f}
	for k, c := range leavesOf(nil, f.column) {
		l, err := newLeafReader(c, file, &group.Columns[f.leaf+k], group.NumRows, limit, pool, flate)
		if err != nil {
			n.close()
			return nil, err
		}
		n.leaves = append(n.leaves, l)
	}
	return n, nil
}

// leavesOf appends the leaves of a field.
func leavesOf(list []*parquet.Column, c *parquet.Column) []*parquet.Column {
	if c.Leaf() {
		return append(list, c)
	}
	for _, k := range c.Columns() {
		list = leavesOf(list, k)
	}
	return list
}

// close gives the memory back.
func (r *nestedReader) close() {
	for _, l := range r.leaves {
		l.close()
	}
	r.leaves = nil
}

// skip passes over n rows.
func (r *nestedReader) skip(n int) error {
	for range n {
		for _, l := range r.leaves {
			if err := l.next(); err != nil {
				return err
			}
		}
	}
	return nil
}

// read fills rows 0..n-1 of v.
func (r *nestedReader) read(v *vector.Vec, n int) error {
	v.Reset(r.f.typ, n)
	for i := range n {
		rows := make([][]parquet.Value, len(r.leaves))
		for k, l := range r.leaves {
			if err := l.next(); err != nil {
				return err
			}
			rows[k] = l.row
		}
		r.text = r.text[:0]
		null, err := r.render(r.f.column, rows, false)
		if err != nil {
			return err
		}
		if null {
			v.SetNull(i, n)
			v.Views()[i] = vector.View{}
			continue
		}
		v.SetBytes(i, r.text)
	}
	return nil
}

// render appends the value of node c, whose leaves hold rows, and reports
// whether it is NULL (then nothing is appended). With element set c is an
// element of its own repetition.
func (r *nestedReader) render(c *parquet.Column, rows [][]parquet.Value, element bool) (null bool, err error) {
	if len(rows) == 0 || len(rows[0]) == 0 {
		return true, nil
	}
	def := rows[0][0].DefinitionLevel()
	if c.Repeated() && !element {
		if def < c.MaxDefinitionLevel() {
			r.text = append(r.text, "[]"...)
			return false, nil
		}
		return false, r.list(c, c, rows)
	}
	if def < c.MaxDefinitionLevel() {
		return true, nil
	}
	if c.Leaf() {
		r.text = appendLeaf(r.text, c.Type(), rows[0][0])
		return false, nil
	}
	kids := c.Columns()
	if len(kids) == 1 && kids[0].Repeated() {
		if _, ok := logicalValue(c.Type()).(*format.ListType); ok {
			if rows[0][0].DefinitionLevel() < kids[0].MaxDefinitionLevel() {
				r.text = append(r.text, "[]"...)
				return false, nil
			}
			item := kids[0]
			if inner := item.Columns(); !item.Leaf() && len(inner) == 1 && item.Name() != "array" && item.Name() != c.Name()+"_tuple" {
				return false, r.list(item, inner[0], rows)
			}
			return false, r.list(item, item, rows)
		}
		if _, ok := logicalValue(c.Type()).(*format.MapType); ok && len(kids[0].Columns()) == 2 {
			return false, r.mapping(kids[0], rows)
		}
	}
	return false, r.object(kids, rows)
}

// elements cuts rows at the repetitions of c.
func elements(c *parquet.Column, rows [][]parquet.Value, each func(rows [][]parquet.Value) error) error {
	level := c.MaxRepetitionLevel()
	at := make([]int, len(rows))
	for at[0] < len(rows[0]) {
		part := make([][]parquet.Value, len(rows))
		for k, vals := range rows {
			end := at[k] + 1
			for end < len(vals) && vals[end].RepetitionLevel() > level {
				end++
			}
			if at[k] >= len(vals) {
				return fmt.Errorf("%w: the leaves of a repeated field differ in length", errCorrupt)
			}
			part[k] = vals[at[k]:end]
			at[k] = end
		}
		if err := each(part); err != nil {
			return err
		}
	}
	return nil
}

// list renders the elements of the repeated node c; item is what each shows.
func (r *nestedReader) list(c, item *parquet.Column, rows [][]parquet.Value) error {
	r.text = append(r.text, '[')
	first := true
	err := elements(c, rows, func(part [][]parquet.Value) error {
		if !first {
			r.text = append(r.text, ", "...)
		}
		first = false
		null, err := r.render(item, part, item == c)
		if null {
			r.text = append(r.text, "null"...)
		}
		return err
	})
	r.text = append(r.text, ']')
	return err
}

// member is one member of an object.
type member struct{ key, value string }

// appendObject appends members in the order of jsonb: shorter keys first, then
// by bytes; of equal keys the last wins.
func appendObject(dst []byte, list []member) []byte {
	sort.SliceStable(list, func(i, j int) bool {
		if len(list[i].key) != len(list[j].key) {
			return len(list[i].key) < len(list[j].key)
		}
		return list[i].key < list[j].key
	})
	dst = append(dst, '{')
	n := 0
	for i, m := range list {
		if i+1 < len(list) && list[i+1].key == m.key {
			continue
		}
		if n > 0 {
			dst = append(dst, ", "...)
		}
		n++
		dst = appendString(dst, m.key)
		dst = append(dst, ": "...)
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// sub renders a node apart from the text so far.
func (r *nestedReader) sub(c *parquet.Column, rows [][]parquet.Value) (string, error) {
	from := len(r.text)
	null, err := r.render(c, rows, false)
	s := "null"
	if !null {
		s = string(r.text[from:])
	}
	r.text = r.text[:from]
	return s, err
}

// object renders a struct.
func (r *nestedReader) object(kids []*parquet.Column, rows [][]parquet.Value) error {
	list := make([]member, 0, len(kids))
	at := 0
	for _, k := range kids {
		n := countLeaves(k)
		s, err := r.sub(k, rows[at:at+n])
		if err != nil {
			return err
		}
		at += n
		list = append(list, member{k.Name(), s})
	}
	r.text = appendObject(r.text, list)
	return nil
}

// mapping renders a map; keys that are not strings appear as their text.
func (r *nestedReader) mapping(pair *parquet.Column, rows [][]parquet.Value) error {
	if rows[0][0].DefinitionLevel() < pair.MaxDefinitionLevel() {
		r.text = append(r.text, "{}"...)
		return nil
	}
	key, value := pair.Columns()[0], pair.Columns()[1]
	n := countLeaves(key)
	var list []member
	err := elements(pair, rows, func(part [][]parquet.Value) error {
		k, err := r.sub(key, part[:n])
		if err != nil {
			return err
		}
		var s string
		if json.Unmarshal([]byte(k), &s) == nil && len(k) > 0 && k[0] == '"' {
			k = s
		}
		v, err := r.sub(value, part[n:])
		list = append(list, member{k, v})
		return err
	})
	r.text = appendObject(r.text, list)
	return err
}

// appendString appends a JSON string as jsonb prints it.
func appendString(dst []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}

// appendLeaf appends a leaf value that is not NULL as JSON.
func appendLeaf(dst []byte, t parquet.Type, v parquet.Value) []byte {
	f := leafForm(t, logicalValue(t))
	quoted := func(b []byte) []byte { return appendString(dst, string(b)) }
	switch f.form {
	case formBool:
		return strconv.AppendBool(dst, v.Boolean())
	case formInt32, formInt16, formInt32Wide, formInt64, formInt64Mul, formUint32, formDecimal, formBigDecimal:
	case formUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case formFloat:
		return appendFloat(dst, float64(v.Float()), 32)
	case formDouble:
		return appendFloat(dst, v.Double(), 64)
	case formHalf:
		b := v.ByteArray()
		return appendFloat(dst, float64(half(uint16(b[0])|uint16(b[1])<<8)), 32)
	case formText:
		if f.typ.OID == types.JSON {
			var out bytes.Buffer
			if json.Compact(&out, v.ByteArray()) == nil {
				return append(dst, out.Bytes()...)
			}
		}
		return quoted(v.ByteArray())
	case formUUID:
		b := v.ByteArray()
		var a, c int64
		for i := range 8 {
			a, c = a<<8|int64(b[i]), c<<8|int64(b[8+i])
		}
		return quoted(decode.AppendUUID(nil, a, c))
	case formInt96:
		x := v.Int96()
		nanos := int64(uint64(x[0]) | uint64(x[1])<<32)
		return quoted(isoMoment(f.typ, (int64(x[2])-2440588)*86400e6+floorDiv(nanos, 1000)))
	default:
		return quoted(base64.StdEncoding.AppendEncode(nil, v.ByteArray()))
	}
	if f.form == formDecimal || f.form == formBigDecimal {
		return decode.AppendNumericText(dst, decode.AppendBigEndian(nil, v.ByteArray(), f.scale))
	}
	var x int64
	switch {
	case f.form == formUint32:
		x = int64(v.Uint32())
	case t.Kind() == parquet.Int32:
		x = int64(v.Int32())
	default:
		x = v.Int64()
	}
	switch {
	case f.mul < 0:
		x = floorDiv(x, -f.mul)
	case f.mul > 1:
		x *= f.mul
	}
	switch f.typ.OID {
	case types.Numeric:
		return decode.AppendScaledText(dst, x, f.scale)
	case types.Date, types.Time, types.Timestamp, types.TimestampTZ:
		return quoted(isoMoment(f.typ, x))
	}
	return strconv.AppendInt(dst, x, 10)
}

// isoMoment is AppendMoment with the T that JSON uses.
func isoMoment(t types.Type, x int64) []byte {
	b := decode.AppendMoment(nil, t, x)
	return bytes.Replace(b, []byte(" "), []byte("T"), 1)
}

// appendFloat appends a JSON number, or a string for what JSON has none of.
func appendFloat(dst []byte, x float64, bits int) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return appendString(dst, string(decode.AppendFloat(nil, x)))
	}
	return strconv.AppendFloat(dst, x, 'f', -1, bits)
}
