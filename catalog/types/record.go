package types

import (
	"encoding/binary"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Field is one column of a record value.
type Field struct {
	Type  OID
	Value Datum
}

// AppendRecord appends the binary form of a record, which is how records are
// stored.
func AppendRecord(dst []byte, fields []Field) []byte {
	be := binary.BigEndian
	dst = be.AppendUint32(dst, uint32(len(fields)))
	for _, f := range fields {
		dst = be.AppendUint32(dst, uint32(f.Type))
		if f.Value.Null {
			dst = be.AppendUint32(dst, ^uint32(0))
			continue
		}
		at := len(dst)
		dst = AppendBinary(append(dst, 0, 0, 0, 0), Of(f.Type), f.Value)
		be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst
}

// DecodeRecord decodes a record datum's S; broken input is an error 22P03. The
// strings of the fields may share memory with b.
func DecodeRecord(b string) ([]Field, error) {
	if len(b) < 4 {
		return nil, errShort()
	}
	n := int(int32(beUint32(b)))
	if n < 0 || n > len(b)/8 {
		return nil, errBinary()
	}
	fields := make([]Field, n)
	at := 4
	for i := range fields {
		if at+8 > len(b) {
			return nil, errShort()
		}
		fields[i].Type = OID(beUint32(b[at:]))
		value, null, next := ArrayElement(b, at+4)
		if next < 0 {
			return nil, errShort()
		}
		at = next
		if null {
			fields[i].Value = Null
			continue
		}
		d, err := elementDatum(fields[i].Type, value)
		if err != nil {
			return nil, err
		}
		fields[i].Value = d
	}
	if at != len(b) {
		return nil, errBinary()
	}
	return fields, nil
}

// recordBinary refuses what PostgreSQL refuses: a record whose columns are not
// known.
func recordBinary([]byte) (Datum, error) {
	return Datum{}, pgerror.NotSupported("input of anonymous composite types is not implemented")
}

// appendRecord appends (a,"b c",): NULLs are empty, and values with syntax
// characters quoted.
func appendRecord(dst []byte, b string, f *Format) []byte {
	fields, err := DecodeRecord(b)
	if err != nil {
		return append(dst, "()"...)
	}
	dst = append(dst, '(')
	for i := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		if fields[i].Value.Null {
			continue
		}
		start := len(dst)
		dst = AppendText(dst, Of(fields[i].Type), fields[i].Value, f)
		dst = quoteField(dst, start)
	}
	return append(dst, ')')
}

// quoteField quotes dst[start:] when the record syntax needs it; quotes and
// backslashes are doubled.
func quoteField(dst []byte, start int) []byte {
	text := dst[start:]
	need := len(text) == 0
	for _, c := range text {
		if c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || isSpace(c) {
			need = true
			break
		}
	}
	if !need {
		return dst
	}
	raw := string(text)
	dst = append(dst[:start], '"')
	for i := range len(raw) {
		if raw[i] == '"' || raw[i] == '\\' {
			dst = append(dst, raw[i])
		}
		dst = append(dst, raw[i])
	}
	return append(dst, '"')
}
