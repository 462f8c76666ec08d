package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindParams reads the parameter values of a Bind message for the statement s.
func (c *conn) bindParams(m *bindMessage, s *Statement) ([]types.Datum, error) {
	oids := s.params()
	n := len(m.params)
	if f := len(m.paramFormats); f > 1 && f != n {
		return nil, violation("bind message has %d parameter formats but %d parameters", f, n)
	}
	if n != len(oids) {
		return nil, violation("bind message supplies %d parameters, but prepared statement \"%s\" requires %d", n, s.Name, len(oids))
	}
	if n == 0 {
		return nil, nil
	}
	format := c.session.Settings().Format()
	names, _ := c.session.(RegNames)
	values := make([]types.Datum, n)
	for i, raw := range m.params {
		if raw == nil {
			values[i] = types.Null
			continue
		}
		var err error
		switch code := formatOf(m.paramFormats, i); code {
		case formatText:
			values[i], err = textParam(types.Of(oids[i]), raw, format, names)
		case formatBinary:
			values[i], err = binaryParam(types.Of(oids[i]), raw, i+1, format)
		default:
			err = pgerror.Newf(pgerror.InvalidParameterValue, "unsupported format code: %d", code)
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

func textParam(t types.Type, raw []byte, f *types.Format, names RegNames) (types.Datum, error) {
	if err := checkUTF8(raw); err != nil {
		return types.Datum{}, err
	}
	s := string(raw)
	if names != nil && textKind(t, f, true) == textReg {
		return names.ParseReg(t.OID, s)
	}
	return types.ParseText(t, s, f)
}

func binaryParam(t types.Type, raw []byte, number int, f *types.Format) (types.Datum, error) {
	switch t.OID {
	case types.Text, types.VarChar, types.BPChar, types.Name, types.JSON, types.JSONB, types.XML, types.Unknown:
		if err := checkUTF8(raw); err != nil {
			return types.Datum{}, err
		}
	}
	if t.OID.IsEnum() {
		// An enum is sent as its label.
		return textParam(t, raw, f, nil)
	}
	d, err := types.ParseBinary(t, raw)
	if err == nil {
		return d, nil
	}
	e := *pgerror.From(err)
	if e.Code == pgerror.InvalidBinaryRepresentation && e.Message == "incorrect binary data format" {
		e.Message = "incorrect binary data format in bind parameter " + string(appendInt(nil, int64(number)))
	}
	return types.Datum{}, &e
}

// checkUTF8 answers PostgreSQL's 22021 for bytes that are not UTF-8.
func checkUTF8(b []byte) error {
	if bytes.IndexByte(b, 0) < 0 && utf8.Valid(b) {
		return nil
	}
	bad := len(b)
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if b[i] == 0 || r == utf8.RuneError && size == 1 {
			bad = i
			break
		}
		i += size
	}
	var seq strings.Builder
	const hex = "0123456789abcdef"
	for i := bad; i < len(b) && i < bad+sequenceLen(b[bad]); i++ {
		if i > bad {
			seq.WriteByte(' ')
		}
		seq.WriteString("0x")
		seq.WriteByte(hex[b[i]>>4])
		seq.WriteByte(hex[b[i]&15])
	}
	return pgerror.Newf(pgerror.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": %s", seq.String())
}

// sequenceLen is the length that a UTF-8 lead byte announces.
func sequenceLen(lead byte) int {
	switch {
	case lead >= 0xf0 && lead < 0xf8:
		return 4
	case lead >= 0xe0 && lead < 0xf0:
		return 3
	case lead >= 0xc0 && lead < 0xe0:
		return 2
	}
	return 1
}
