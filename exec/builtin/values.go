package builtin

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// countNulls is num_nulls and num_nonnulls.
func countNulls(nulls bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		n := int64(0)
		for k := range r.n() {
			if r.null(k) == nulls {
				n++
			}
		}
		return types.IntDatum(n), nil
	})
}

// sizeUnits are the units of pg_size_bytes, as powers of 1024.
var sizeUnits = map[string]int{"bytes": 0, "kb": 1, "mb": 2, "gb": 3, "tb": 4, "pb": 5}

// sizeBytes is pg_size_bytes.
func sizeBytes(r *row) (types.Datum, error) {
	s := r.text(0)
	body := strings.Trim(s, " \t\n\v\f\r")
	bad := func() *pgerror.Error { return pgerror.Newf(pgerror.InvalidParameterValue, "invalid size: \"%s\"", s) }
	i, digits := 0, false
	for ; i < len(body) && (isDigitByte(body[i]) || i == 0 && (body[i] == '-' || body[i] == '+')); i++ {
		digits = digits || isDigitByte(body[i])
	}
	if i < len(body) && body[i] == '.' {
		for i++; i < len(body) && isDigitByte(body[i]); i++ {
			digits = true
		}
	}
	if !digits {
		return types.Null, bad()
	}
	if i < len(body) && body[i]|0x20 == 'e' {
		k := i + 1
		if k < len(body) && (body[k] == '-' || body[k] == '+') {
			k++
		}
		if k < len(body) && isDigitByte(body[k]) {
			for i = k; i < len(body) && isDigitByte(body[i]); {
				i++
			}
		}
	}
	n, err := types.ParseNum(body[:i])
	if err != nil {
		return types.Null, err
	}
	if unit := strings.TrimLeft(body[i:], " \t\n\v\f\r"); unit != "" {
		power, ok := sizeUnits[strings.ToLower(unit)]
		if !ok {
			return types.Null, bad().WithDetail("Invalid size unit: \"%s\".", unit).
				WithHint("Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".")
		}
		if n, err = n.Mul(types.NumFromInt(1 << (10 * power))); err != nil {
			return types.Null, err
		}
	}
	v, err := n.Int(types.Int8)
	return types.IntDatum(v), err
}

// unistr replaces Unicode escapes.
func unistr(s string) (string, error) {
	var out []byte
	pair := pgerror.New(pgerror.SyntaxError, "invalid Unicode surrogate pair")
	high := rune(-1)
	for i := 0; i < len(s); {
		if s[i] != '\\' || strings.HasPrefix(s[i:], `\\`) {
			if high >= 0 {
				return "", pair
			}
			out = append(out, s[i])
			if s[i] == '\\' {
				i++
			}
			i++
			continue
		}
		from, n := 1, 4
		switch {
		case strings.HasPrefix(s[i:], `\+`):
			from, n = 2, 6
		case strings.HasPrefix(s[i:], `\u`):
			from = 2
		case strings.HasPrefix(s[i:], `\U`):
			from, n = 2, 8
		}
		v, ok := rune(0), i+from+n <= len(s)
		for k := 0; ok && k < n; k++ {
			d := strings.IndexByte("0123456789abcdef", s[i+from+k]|0x20)
			if isDigitByte(s[i+from+k]) {
				d = int(s[i+from+k] - '0')
			}
			ok = d >= 0
			v = v<<4 | rune(d)
		}
		if !ok {
			return "", pgerror.New(pgerror.SyntaxError, "invalid Unicode escape").WithHint(`Unicode escapes must be \XXXX, \+XXXXXX, \uXXXX, or \UXXXXXXXX.`)
		}
		if v <= 0 || v > utf8.MaxRune {
			return "", pgerror.Newf(pgerror.InvalidParameterValue, "invalid Unicode code point: %04X", uint32(v))
		}
		i += from + n
		switch {
		case v >= 0xD800 && v < 0xDC00:
			if high >= 0 {
				return "", pair
			}
			high = v
			continue
		case v >= 0xDC00 && v < 0xE000:
			if high < 0 {
				return "", pair
			}
			v, high = 0x10000+(high-0xD800)<<10+(v-0xDC00), -1
		case high >= 0:
			return "", pair
		}
		out = utf8.AppendRune(out, v)
	}
	if high >= 0 {
		return "", pair
	}
	return string(out), nil
}

// normalForm returns a Unicode normalization form by name.
func normalForm(name string) (norm.Form, error) {
	switch strings.ToUpper(name) {
	case "NFC":
		return norm.NFC, nil
	case "NFD":
		return norm.NFD, nil
	case "NFKC":
		return norm.NFKC, nil
	case "NFKD":
		return norm.NFKD, nil
	}
	return 0, pgerror.Newf(pgerror.InvalidParameterValue, "invalid normalization form: %s", name)
}

// parseIdent is parse_ident: the parts of a qualified identifier.
func parseIdent(r *row) (types.Datum, error) {
	in, strict := r.text(0), r.bool(1)
	bad := func() *pgerror.Error {
		return pgerror.Newf(pgerror.InvalidParameterValue, "string is not a valid identifier: \"%s\"", in)
	}
	s := strings.TrimLeft(in, " \t\n\r\f\v")
	afterDot := false
	var parts []types.Datum
	for {
		missing := true
		switch {
		case strings.HasPrefix(s, `"`):
			var part strings.Builder
			for s = s[1:]; ; {
				k := strings.IndexByte(s, '"')
				if k < 0 {
					return types.Null, bad().WithDetail("String has unclosed double quotes.")
				}
				part.WriteString(s[:k])
				if s = s[k+1:]; !strings.HasPrefix(s, `"`) {
					break
				}
				part.WriteByte('"')
				s = s[1:]
			}
			if part.Len() == 0 {
				return types.Null, bad().WithDetail("Quoted identifier must not be empty.")
			}
			parts = append(parts, types.TextDatum(part.String()))
			missing = false
		case s != "" && identStart(s[0]):
			k := 1
			for k < len(s) && (identStart(s[k]) || isDigitByte(s[k]) || s[k] == '$') {
				k++
			}
			parts = append(parts, types.TextDatum(asciiLower(s[:k])))
			s, missing = s[k:], false
		}
		if missing {
			switch {
			case strings.HasPrefix(s, "."):
				return types.Null, bad().WithDetail("No valid identifier before \".\".")
			case afterDot:
				return types.Null, bad().WithDetail("No valid identifier after \".\".")
			}
			return types.Null, bad()
		}
		s = strings.TrimLeft(s, " \t\n\r\f\v")
		switch {
		case strings.HasPrefix(s, "."):
			afterDot = true
			s = strings.TrimLeft(s[1:], " \t\n\r\f\v")
		case s == "" || !strict:
			return types.TextDatum(string(types.NewArray(types.Text, parts).Append(nil))), nil
		default:
			return types.Null, bad()
		}
	}
}

func identStart(c byte) bool { return c == '_' || c >= 0x80 || c|0x20 >= 'a' && c|0x20 <= 'z' }

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// trimArray is trim_array: the array without its last n elements.
func trimArray(r *row) (types.Datum, error) {
	a, err := r.array(0)
	if err != nil {
		return types.Null, err
	}
	n, size := r.int(1), int64(0)
	if len(a.Dims) > 0 {
		size = int64(a.Dims[0].Len)
	}
	if n < 0 || n > size {
		return types.Null, pgerror.Newf(pgerror.ArraySubscriptError, "number of elements to trim must be between 0 and %d", size)
	}
	if n == size {
		return types.TextDatum(string(types.Array{Elem: a.Elem}.Append(nil))), nil
	}
	per := len(a.Elems) / int(size)
	a.Elems = a.Elems[:per*int(size-n)]
	a.Dims[0].Len = int32(size - n)
	a.Dims[0].Lower = 1
	return types.TextDatum(string(a.Append(nil))), nil
}

// bucketOf is width_bucket with thresholds.
func bucketOf(r *row) (types.Datum, error) {
	a, err := r.array(1)
	if err != nil {
		return types.Null, err
	}
	if len(a.Dims) > 1 {
		return types.Null, pgerror.New(pgerror.ArraySubscriptError, "thresholds must be one-dimensional array")
	}
	x, n := r.datum(0), int64(0)
	for _, d := range a.Elems {
		if d.Null {
			return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "thresholds array must not contain NULLs")
		}
	}
	for _, d := range a.Elems {
		if types.Compare(r.args[0].Type, x, d) < 0 {
			break
		}
		n++
	}
	return types.IntDatum(n), nil
}

// numericLCM is lcm of numeric.
func numericLCM(r *row) (types.Datum, error) {
	a, b := r.num(0), r.num(1)
	if a.IsNaN() || b.IsNaN() || a.IsInf() || b.IsInf() {
		return types.NaNNum().Datum(), nil
	}
	scale := max(a.Scale(), b.Scale())
	if a.IsZero() || b.IsZero() {
		return types.NumFromScaled(0, scale).Datum(), nil
	}
	x, y := new(big.Int).Abs(a.Round(scale).Unscaled()), new(big.Int).Abs(b.Round(scale).Unscaled())
	g := new(big.Int).GCD(nil, nil, x, y)
	l := x.Mul(x.Quo(x, g), y)
	n := types.NumFromBig(l, scale)
	if s := n.Trunc(0).String(); len(s) > 131072 {
		return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "value overflows numeric format")
	}
	return n.Datum(), nil
}

// comparesBy makes the function of an operator class that orders two values.
func comparesBy(r *row) (types.Datum, error) {
	return types.IntDatum(int64(types.Compare(r.args[0].Type, r.datum(0), r.datum(1)))), nil
}

// valueHash hashes a value so that equal values have equal hashes; the numbers
// are not PostgreSQL's.
func valueHash(r *row) (types.Datum, error) {
	h := fnv.New32a()
	d := r.datum(0)
	switch r.args[0].Type.OID {
	case types.Numeric:
		_, _ = h.Write([]byte(types.DecodeNumeric(d.S).TrimScale().String()))
	case types.JSONB:
		v, err := types.ParseJSONB(d.S)
		if err != nil {
			return types.Null, err
		}
		_, _ = h.Write([]byte(types.CanonicalJSON(v)))
	case types.Interval:
		days, us := types.IntervalSpan(d)
		_, _ = h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(days)), uint64(us)))
	default:
		_, _ = h.Write(types.AppendBinary(nil, r.args[0].Type, d))
	}
	return types.IntDatum(int64(int32(h.Sum32()))), nil
}

// sends makes the function that gives a value in the protocol's binary form.
func sends(r *row) (types.Datum, error) {
	return text(string(types.AppendBinary(nil, r.args[0].Type, r.datum(0))))
}

// jsonPretty is array_to_json and row_to_json with line feeds between the parts.
func jsonPretty(r *row) (types.Datum, error) {
	b, err := appendJSON(nil, r.args[0].Type, r.datum(0), r.c.Session.Format())
	if err != nil || !r.bool(1) {
		return types.TextDatum(string(b)), err
	}
	s := string(b)
	out := []byte{s[0]}
	first := true
	jsonMembers(s, func(k, v string) bool {
		if !first {
			out = append(out, ",\n "...)
		}
		first = false
		if k != "" {
			out = append(append(out, k...), ':')
		}
		out = append(out, v...)
		return true
	})
	return text(string(append(out, s[len(s)-1])))
}

// latin1 converts between UTF-8 and LATIN1.
func latin1(s string, to bool) (string, error) {
	var out []byte
	if !to {
		for i := range len(s) {
			out = utf8.AppendRune(out, rune(s[i]))
		}
		return string(out), nil
	}
	for _, c := range s {
		if c > 0xFF {
			return "", pgerror.Newf(pgerror.UntranslatableCharacter, "character with byte sequence %s in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"", hexBytes(string(c)))
		}
		out = append(out, byte(c))
	}
	return string(out), nil
}

func hexBytes(s string) string {
	const digits = "0123456789abcdef"
	var parts []string
	for _, b := range []byte(s) {
		parts = append(parts, "0x"+string(digits[b>>4])+string(digits[b&15]))
	}
	return strings.Join(parts, " ")
}

// encodingName is an encoding's name without the marks that do not count.
func encodingName(s string) string {
	n := strings.ToUpper(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
	switch n {
	case "UTF8", "UNICODE":
		return "UTF8"
	case "LATIN1", "ISO88591":
		return "LATIN1"
	}
	return n
}

// recode is convert(bytea, name, name) among UTF-8 and LATIN1.
func recode(s, from, to string) (string, error) {
	a, b := encodingName(from), encodingName(to)
	known := func(n string) bool { return n == "UTF8" || n == "LATIN1" || n == "SQLASCII" }
	switch {
	case !known(a) || !known(b):
		return "", pgerror.NotSupported("conversion from \"%s\" to \"%s\" is not supported", from, to)
	case a == "UTF8":
		if err := types.CheckText(s); err != nil {
			return "", err
		}
	}
	switch {
	case a == b || a == "SQLASCII" || b == "SQLASCII":
		return strings.Clone(s), nil
	case b == "LATIN1":
		return latin1(s, true)
	}
	return latin1(s, false)
}

// valueFunctions are functions of values of any type, of identifiers, sizes and encodings.
func valueFunctions() []entry {
	one := func(f func(r *row) (string, error)) function.Kernel {
		return each(func(r *row) (types.Datum, error) {
			s, err := f(r)
			return types.TextDatum(s), err
		})
	}
	return []entry{
		{sigs: "num_nulls(any)", kernel: countNulls(true), doc: "The number of arguments that are NULL."},
		{sigs: "num_nonnulls(any)", kernel: countNulls(false), doc: "The number of arguments that are not NULL."},
		{sigs: "pg_size_bytes(text)", kernel: each(sizeBytes), doc: "The bytes of a size with a unit."},
		{sigs: "unistr(text)", kernel: textOf(unistr), doc: "Replaces Unicode escapes."},
		{sigs: "normalize(text,text)", kernel: one(func(r *row) (string, error) {
			f, err := normalForm(r.text(1))
			if err != nil {
				return "", err
			}
			return f.String(strings.Clone(r.text(0))), nil
		}), doc: "A Unicode normalization form."},
		{sigs: "is_normalized(text,text)", kernel: each(func(r *row) (types.Datum, error) {
			f, err := normalForm(r.text(1))
			return types.BoolDatum(err == nil && f.IsNormalString(r.text(0))), err
		}), doc: "Tests for a Unicode normalization form."},
		{sigs: "parse_ident(text,bool)", kernel: each(parseIdent), doc: "The parts of a qualified identifier."},
		{sigs: "trim_array(anyarray,int4)", kernel: each(trimArray), doc: "The array without its last elements."},
		{sigs: "width_bucket(anycompatible,anycompatiblearray)", kernel: each(bucketOf), doc: "How many thresholds are not above a value."},
		{sigs: "numeric_inc(numeric)", kernel: each(func(r *row) (types.Datum, error) {
			n, err := r.num(0).Add(types.NumFromInt(1))
			return n.Datum(), err
		}), doc: "One more."},
		{sigs: "lcm(numeric,numeric)", kernel: each(numericLCM), doc: "The least common multiple."},
		{sigs: "timestamp_cmp(timestamp,timestamp) timestamptz_cmp(timestamptz,timestamptz) date_cmp(date,date) time_cmp(time,time) timetz_cmp(timetz,timetz) interval_cmp(interval,interval) numeric_cmp(numeric,numeric) uuid_cmp(uuid,uuid) bpcharcmp(bpchar,bpchar) byteacmp(bytea,bytea)", kernel: each(comparesBy), doc: "Orders two values: -1, 0 or 1."},
		{sigs: "jsonb_hash(jsonb) hash_numeric(numeric) interval_hash(interval) hashtext(text) time_hash(time) timestamp_hash(timestamp)", kernel: each(valueHash), doc: "A hash; equal values have equal ones."},
		{sigs: "float4send(float4) float8send(float8) int2send(int2) int4send(int4) int8send(int8) oidsend(oid) byteasend(bytea) textsend(text) bpcharsend(bpchar) varcharsend(varchar) boolsend(bool) numeric_send(numeric) date_send(date) timestamp_send(timestamp) uuid_send(uuid) jsonb_send(jsonb)", kernel: each(sends), doc: "The protocol's binary form."},
		{sigs: "array_to_json(anyarray,bool) row_to_json(record,bool)", kernel: each(jsonPretty), doc: "An array or row as JSON, with line feeds between its parts."},
		{sigs: "convert(bytea,name,name)", kernel: one(func(r *row) (string, error) { return recode(r.text(0), r.text(1), r.text(2)) }), doc: "Text in another encoding."},
		{sigs: "convert_from(bytea,name)", kernel: one(func(r *row) (string, error) {
			s, err := recode(r.text(0), r.text(1), "UTF8")
			if err == nil {
				err = types.CheckText(s)
			}
			return s, err
		}), doc: "Text of bytes in an encoding."},
		{sigs: "convert_to(text,name)", kernel: one(func(r *row) (string, error) { return recode(r.text(0), "UTF8", r.text(1)) }), doc: "The bytes of a text in an encoding."},
		{sigs: "to_ascii(text)", kernel: one(func(*row) (string, error) {
			return "", pgerror.NotSupported("encoding conversion from UTF8 to ASCII not supported")
		}), doc: "Not supported in a database in UTF-8."},
		{sigs: "setseed(float8)", kernel: each(func(r *row) (types.Datum, error) {
			if x := r.float(0); !(math.Abs(x) <= 1) {
				return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "setseed parameter %g is out of allowed range [-1,1]", x)
			}
			return types.Datum{}, nil
		}), doc: "Accepted; random() does not repeat."},
		{sigs: "pg_column_size(any)", kernel: each(func(r *row) (types.Datum, error) {
			info := types.Lookup(r.args[0].Type.OID)
			if info != nil && info.Len > 0 {
				return types.IntDatum(int64(info.Len)), nil
			}
			return types.IntDatum(int64(len(types.AppendBinary(nil, r.args[0].Type, r.datum(0)))) + 4), nil
		}), doc: "The bytes of a value."},
	}
}
