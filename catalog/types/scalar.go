package types

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// parseBool reads PostgreSQL's spellings of a boolean: unique prefixes of true,
// false, yes, no, on, off, and 1 and 0.
func parseBool(s string) (Datum, error) {
	if v, ok := BoolFromText(trimSpace(s)); ok {
		return BoolDatum(v), nil
	}
	return Datum{}, errSyntax("boolean", s)
}

// BoolFromText reads a boolean as PostgreSQL spells it, without white space;
// settings use the same words.
func BoolFromText(s string) (value, ok bool) {
	if s == "" || len(s) > 5 {
		return false, false
	}
	w := strings.ToLower(s)
	switch {
	case strings.HasPrefix("true", w), strings.HasPrefix("yes", w), w == "on", w == "1":
		return true, true
	case strings.HasPrefix("false", w), strings.HasPrefix("no", w), w == "off", w == "of", w == "0":
		return false, true
	}
	return false, false
}

// parseInt reads int2, int4 or int8.
func parseInt(t OID, s string) (int64, error) {
	i, n := 0, len(s)
	for i < n && isSpace(s[i]) {
		i++
	}
	neg := false
	if i < n && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	start := i
	var u uint64
	over := false
	for ; i < n && isDigit(s[i]); i++ {
		if u > math.MaxInt64/10 {
			over = true
			continue
		}
		u = u*10 + uint64(s[i]-'0')
	}
	digits := i - start
	for i < n && isSpace(s[i]) {
		i++
	}
	if digits == 0 || i < n {
		return 0, errSyntax(Lookup(t).Formal, s)
	}
	limit := uint64(math.MaxInt64)
	switch t {
	case Int2:
		limit = math.MaxInt16
	case Int4:
		limit = math.MaxInt32
	}
	if neg {
		limit++
	}
	if over || u > limit {
		return 0, pgerror.New(pgerror.NumericValueOutOfRange,
			"value \""+s+"\" is out of range for type "+Lookup(t).Formal)
	}
	if neg {
		return -int64(u), nil
	}
	return int64(u), nil
}

// parseOID reads an oid or the number of one of its relatives.
func parseOID(t OID, s string) (uint32, error) {
	name := Lookup(t).Formal
	w := trimSpace(s)
	if t == XID || t == CID {
		// These read what digits there are, as strtoul.
		end := 0
		for end < len(w) && isDigit(w[end]) {
			end++
		}
		v, _ := strconv.ParseUint(w[:end], 10, 64) // no digits read as 0
		return uint32(v), nil
	}
	if w == "-" && t != Oid {
		return 0, nil
	}
	v, err := strconv.ParseInt(strings.TrimPrefix(w, "+"), 10, 64)
	if w == "" || err != nil && !strings.Contains(err.Error(), "range") || strings.ContainsRune(w, '_') {
		return 0, errSyntax(name, s)
	}
	if err != nil || v > math.MaxUint32 || v < math.MinInt32 {
		return 0, pgerror.New(pgerror.NumericValueOutOfRange, "value \""+s+"\" is out of range for type "+name)
	}
	return uint32(v), nil
}

// parseFloat reads float4 (bits 32) or float8 (bits 64).
func parseFloat(s string, bits int) (float64, error) {
	name := "double precision"
	if bits == 32 {
		name = "real"
	}
	w := trimSpace(s)
	number := w
	if number != "" && (number[0] == '+' || number[0] == '-') {
		number = number[1:]
	}
	if number == "" || strings.ContainsAny(number, "xXpP_") {
		return 0, errSyntax(name, s)
	}
	if !isDigit(number[0]) && number[0] != '.' {
		switch {
		case strings.EqualFold(w, "nan"):
			return math.NaN(), nil
		case strings.EqualFold(number, "infinity"), strings.EqualFold(number, "inf"):
			return math.Inf(1 - 2*int(b2i(w[0] == '-'))), nil
		}
		return 0, errSyntax(name, s)
	}
	v, err := strconv.ParseFloat(w, bits)
	if err != nil {
		if !math.IsInf(v, 0) {
			return 0, errSyntax(name, s)
		}
		return 0, pgerror.New(pgerror.NumericValueOutOfRange, "\""+w+"\" is out of range for type "+name)
	}
	if v == 0 && nonZeroMantissa(number) {
		return 0, pgerror.New(pgerror.NumericValueOutOfRange, "\""+w+"\" is out of range for type "+name)
	}
	return v, nil
}

// nonZeroMantissa tells an underflow from a written zero.
func nonZeroMantissa(s string) bool {
	for i := 0; i < len(s) && s[i] != 'e' && s[i] != 'E'; i++ {
		if s[i] >= '1' && s[i] <= '9' {
			return true
		}
	}
	return false
}

// AppendFloat64 appends a float8 as PostgreSQL prints it; f may be nil.
func AppendFloat64(dst []byte, v float64, f *Format) []byte {
	return appendFloat(dst, v, 64, 15, 15, f)
}

// AppendFloat32 appends a float4 as PostgreSQL prints it; f may be nil.
func AppendFloat32(dst []byte, v float32, f *Format) []byte {
	return appendFloat(dst, float64(v), 32, 6, 6, f)
}

// appendFloat prints the shortest exact form, with an exponent when the decimal
// exponent is below -4 or at least sci, or digits+extra_float_digits significant
// digits when that setting is not positive.
func appendFloat(dst []byte, v float64, bits, digits, sci int, f *Format) []byte {
	switch {
	case v != v:
		return append(dst, "NaN"...)
	case v > math.MaxFloat64:
		return append(dst, "Infinity"...)
	case v < -math.MaxFloat64:
		return append(dst, "-Infinity"...)
	}
	if f != nil && f.ExtraFloatDigits <= 0 {
		return strconv.AppendFloat(dst, v, 'g', max(digits+f.ExtraFloatDigits, 1), bits)
	}
	if a := math.Abs(v); a >= 1e-4 && a < 1e15 && bits == 64 || a >= 1e-4 && a < 999999 || a == 0 {
		return strconv.AppendFloat(dst, v, 'f', -1, bits)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	at := start
	for dst[at] != 'e' {
		at++
	}
	exp, _ := strconv.Atoi(string(dst[at+1:])) // 'e' format always ends in a number
	if exp >= -4 && exp < sci {
		return strconv.AppendFloat(dst[:start], v, 'f', -1, bits)
	}
	return dst
}

// parseString reads text.
func parseString(s string) (Datum, error) {
	if err := checkText(s); err != nil {
		return Datum{}, err
	}
	return TextDatum(s), nil
}

// checkText refuses what cannot be text in a UTF-8 database.
func checkText(s string) error {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c == 0 {
				return pgerror.New(pgerror.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x00`)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			// PostgreSQL shows as many bytes as the first one announces.
			want := 1
			switch {
			case c >= 0xF0 && c < 0xF8:
				want = 4
			case c >= 0xE0 && c < 0xF0:
				want = 3
			case c >= 0xC0 && c < 0xE0:
				want = 2
			}
			var msg strings.Builder
			msg.WriteString(`invalid byte sequence for encoding "UTF8":`)
			for _, b := range []byte(s[i:min(i+want, len(s))]) {
				msg.WriteString(" 0x" + hex.EncodeToString([]byte{b}))
			}
			return pgerror.New(pgerror.CharacterNotInRepertoire, msg.String())
		}
		i += n
	}
	return nil
}

// CheckText returns PostgreSQL's 22021 when s is not valid UTF-8 or holds a
// zero byte.
func CheckText(s string) error { return checkText(s) }

// FitChar applies the length of t (varchar(n) or char(n)) to s: char(n) is padded
// with blanks; a value that is too long loses trailing blanks, and more than
// that only when explicit is set (a cast that was written), else 22001.
func FitChar(t Type, s string, explicit bool) (string, error) {
	n, ok := t.CharMod()
	if !ok {
		return s, nil
	}
	chars := len(s)
	if chars > n || t.OID == BPChar {
		chars = utf8.RuneCountInString(s)
	}
	if chars > n {
		cut := 0
		for range n {
			_, w := utf8.DecodeRuneInString(s[cut:])
			cut += w
		}
		if !explicit && strings.TrimRight(s[cut:], " ") != "" {
			return "", pgerror.Newf(pgerror.StringDataRightTruncation, "value too long for type %s", FormatType(t))
		}
		return s[:cut], nil
	}
	if t.OID == BPChar && chars < n {
		return s + strings.Repeat(" ", n-chars), nil
	}
	return s, nil
}

// TruncateName cuts an identifier to the 63 bytes that type name holds, at a
// character boundary.
func TruncateName(s string) string {
	if len(s) <= 63 {
		return s
	}
	cut := 63
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// charOf is what "char" keeps: one byte (also written \ooo), nothing for an
// empty string.
func charOf(s string) string {
	if s == "" || s[0] == 0 {
		return ""
	}
	if len(s) == 4 && s[0] == '\\' && octal(s[1]) && octal(s[2]) && octal(s[3]) {
		if c := (s[1]-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0'); c != 0 {
			return string([]byte{c})
		}
		return ""
	}
	return s[:1]
}

// parseBytea reads hex (\x...) or escape format.
func parseBytea(s string) (Datum, error) {
	if strings.HasPrefix(s, `\x`) {
		out := make([]byte, 0, len(s)/2)
		high, have := byte(0), false
		for i := 2; i < len(s); {
			c := s[i]
			if !have && (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
				i++
				continue
			}
			d, ok := hexDigit(c)
			if !ok {
				_, w := utf8.DecodeRuneInString(s[i:])
				return Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid hexadecimal digit: \""+s[i:i+w]+"\"")
			}
			if have {
				out = append(out, high<<4|d)
			}
			high, have = d, !have
			i++
		}
		if have {
			return Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
		}
		return TextDatum(string(out)), nil
	}
	if strings.IndexByte(s, '\\') < 0 {
		return TextDatum(s), nil
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		switch {
		case s[i] != '\\':
			out = append(out, s[i])
			i++
		case i+1 < len(s) && s[i+1] == '\\':
			out = append(out, '\\')
			i += 2
		case i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '3' && octal(s[i+2]) && octal(s[i+3]):
			out = append(out, (s[i+1]-'0')<<6|(s[i+2]-'0')<<3|(s[i+3]-'0'))
			i += 4
		default:
			return Datum{}, pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
	}
	return TextDatum(string(out)), nil
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func appendBytea(dst []byte, s string, f *Format) []byte {
	if f == nil || !f.ByteaEscape {
		dst = append(dst, '\\', 'x')
		return hex.AppendEncode(dst, []byte(s))
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// parseUUID reads 32 hex digits, optionally in braces and with a hyphen after
// any group of four.
func parseUUID(s string) (Datum, error) {
	body := s
	if strings.HasPrefix(body, "{") && strings.HasSuffix(body, "}") {
		body = body[1 : len(body)-1]
	}
	var half [2]uint64
	digits := 0
	for i := 0; i < len(body); i++ {
		if body[i] == '-' && digits > 0 && digits < 32 && digits%4 == 0 && body[i-1] != '-' {
			continue
		}
		d, ok := hexDigit(body[i])
		if !ok || digits == 32 {
			return Datum{}, errSyntax("uuid", s)
		}
		half[digits/16] = half[digits/16]<<4 | uint64(d)
		digits++
	}
	if digits != 32 {
		return Datum{}, errSyntax("uuid", s)
	}
	return WideDatum(int64(half[0]), int64(half[1])), nil
}

// AppendUUID appends the text of a uuid given as its big-endian halves.
func AppendUUID(dst []byte, a, b int64) []byte {
	const digits = "0123456789abcdef"
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		v := uint64(a)
		if i >= 16 {
			v = uint64(b)
		}
		dst = append(dst, digits[v>>(60-4*(i%16))&15])
	}
	return dst
}

func appendUUID(dst []byte, d Datum) []byte { return AppendUUID(dst, d.I, d.J) }
