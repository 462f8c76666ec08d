package types

import (
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// RangeFlags reads the third argument of a range's constructor: [], [), (] or ().
// Another text is 42601.
func RangeFlags(s string) (lower, upper bool, err error) {
	if len(s) != 2 || s[0] != '[' && s[0] != '(' || s[1] != ']' && s[1] != ')' {
		return false, false, pgerror.New(pgerror.SyntaxError, "invalid range bound flags").
			WithHint(`Valid values are "[]", "[)", "(]", and "()".`)
	}
	return s[0] == '[', s[1] == ']', nil
}

// parseRange reads the text of a range.
func parseRange(t OID, s string, f *Format) (Range, error) {
	bad := func(detail string) (Range, error) {
		return Range{}, pgerror.New(pgerror.InvalidTextRepresentation, "malformed range literal: \""+s+"\"").WithDetail("%s", detail)
	}
	p := trimLeft(s)
	if len(p) >= 5 && strings.EqualFold(p[:5], "empty") {
		if trimSpace(p[5:]) != "" {
			return bad(`Junk after "empty" key word.`)
		}
		return EmptyRange(), nil
	}
	if p == "" || p[0] != '[' && p[0] != '(' {
		return bad("Missing left parenthesis or bracket.")
	}
	lower, upper := Bound{Inc: p[0] == '['}, Bound{}
	text, rest, ok := rangeBound(p[1:])
	switch {
	case !ok:
		return bad("Unexpected end of input.")
	case rest[0] != ',':
		return bad("Missing comma after lower bound.")
	}
	lower.Inf = text == nil
	second, rest, ok := rangeBound(rest[1:])
	switch {
	case !ok:
		return bad("Unexpected end of input.")
	case rest[0] == ',':
		return bad("Too many commas.")
	}
	upper.Inf, upper.Inc = second == nil, rest[0] == ']'
	if trimSpace(rest[1:]) != "" {
		return bad("Junk after right parenthesis or bracket.")
	}
	var err error
	elem := Of(RangeElem(t))
	if text != nil {
		if lower.Value, err = ParseText(elem, *text, f); err != nil {
			return Range{}, err
		}
	}
	if second != nil {
		if upper.Value, err = ParseText(elem, *second, f); err != nil {
			return Range{}, err
		}
	}
	return NewRange(t, lower, upper)
}

// trimLeft removes white space at the beginning.
func trimLeft(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// rangeBound reads a bound up to the character that ends it, nil for none.
func rangeBound(s string) (bound *string, rest string, ok bool) {
	if s == "" {
		return nil, "", false
	}
	if s[0] == ',' || s[0] == ')' || s[0] == ']' {
		return nil, s, true
	}
	var text []byte
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case !quoted && (c == ',' || c == ')' || c == ']'):
			out := string(text)
			return &out, s[i:], true
		case c == '\\':
			if i++; i >= len(s) {
				return nil, "", false
			}
			text = append(text, s[i])
		case c == '"' && !quoted:
			quoted = true
		case c == '"' && i+1 < len(s) && s[i+1] == '"':
			text = append(text, '"')
			i++
		case c == '"':
			quoted = false
		default:
			text = append(text, c)
		}
	}
	return nil, "", false
}

// appendRangeText prints a range.
func appendRangeText(dst []byte, t OID, r Range, f *Format) []byte {
	if r.Empty {
		return append(dst, "empty"...)
	}
	pick := func(inc bool, yes, no byte) byte {
		if inc {
			return yes
		}
		return no
	}
	dst = append(dst, pick(r.Lower.Inc, '[', '('))
	elem := Of(RangeElem(t))
	if !r.Lower.Inf {
		from := len(dst)
		dst = quoteBound(AppendText(dst, elem, r.Lower.Value, f), from)
	}
	dst = append(dst, ',')
	if !r.Upper.Inf {
		from := len(dst)
		dst = quoteBound(AppendText(dst, elem, r.Upper.Value, f), from)
	}
	return append(dst, pick(r.Upper.Inc, ']', ')'))
}

// quoteBound quotes dst[from:] when the syntax of ranges needs it.
func quoteBound(dst []byte, from int) []byte {
	raw := string(dst[from:])
	if raw != "" && !strings.ContainsAny(raw, "\"\\()[], \t\n\r\v\f") {
		return dst
	}
	dst = append(dst[:from], '"')
	for i := range len(raw) {
		if raw[i] == '"' || raw[i] == '\\' {
			dst = append(dst, raw[i])
		}
		dst = append(dst, raw[i])
	}
	return append(dst, '"')
}

// parseMultirange reads the text of a multirange whose ranges have type t.
func parseMultirange(t OID, s string, f *Format) ([]Range, error) {
	bad := func(detail string) ([]Range, error) {
		return nil, pgerror.New(pgerror.InvalidTextRepresentation, "malformed multirange literal: \""+s+"\"").WithDetail("%s", detail)
	}
	p := trimLeft(s)
	if p == "" || p[0] != '{' {
		return bad("Missing left brace.")
	}
	var list []Range
	p = trimLeft(p[1:])
	if p != "" && p[0] == '}' {
		if trimSpace(p[1:]) != "" {
			return bad("Junk after closing right brace.")
		}
		return nil, nil
	}
	for {
		p = trimLeft(p)
		if p == "" {
			return bad("Unexpected end of input.")
		}
		n := rangeLength(p)
		switch {
		case n == 0:
			return bad("Expected range start.")
		case n < 0:
			return bad("Unexpected end of input.")
		}
		r, err := parseRange(t, p[:n], f)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
		p = trimLeft(p[n:])
		switch {
		case p == "":
			return bad("Unexpected end of input.")
		case p[0] == '}':
			if trimSpace(p[1:]) != "" {
				return bad("Junk after closing right brace.")
			}
			return NewMultirange(t, list), nil
		case p[0] != ',':
			return bad("Expected comma or end of multirange.")
		}
		p = p[1:]
	}
}

// rangeLength is the length of the range that s begins with: 0 when none begins
// here, -1 when it does not end.
func rangeLength(s string) int {
	if len(s) >= 5 && strings.EqualFold(s[:5], "empty") {
		return 5
	}
	if s[0] != '[' && s[0] != '(' {
		return 0
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ']' || c == ')'):
			return i + 1
		}
	}
	return -1
}

// appendMultirangeText prints a multirange whose ranges have type t.
func appendMultirangeText(dst []byte, t OID, list []Range, f *Format) []byte {
	dst = append(dst, '{')
	for i, r := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendRangeText(dst, t, r, f)
	}
	return append(dst, '}')
}

// parseRanges reads a value of a range or multirange type.
func parseRanges(t OID, s string, f *Format) (Datum, error) {
	if r := RangeOf(t); r != 0 {
		list, err := parseMultirange(r, s, f)
		if err != nil {
			return Datum{}, err
		}
		return MultirangeDatum(r, list), nil
	}
	r, err := parseRange(t, s, f)
	if err != nil {
		return Datum{}, err
	}
	return RangeDatum(t, r), nil
}

// appendRanges prints a stored value of a range or multirange type.
func appendRanges(dst []byte, t OID, s string, f *Format) []byte {
	if r := RangeOf(t); r != 0 {
		list, err := DecodeMultirange(r, s)
		if err != nil {
			return append(dst, "{}"...)
		}
		return appendMultirangeText(dst, r, list, f)
	}
	r, err := DecodeRange(t, s)
	if err != nil {
		return append(dst, "empty"...)
	}
	return appendRangeText(dst, t, r, f)
}
