package builtin

import (
	"crypto/md5" //nolint:gosec // md5() is a function of SQL
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// QuoteIdent writes an identifier so that it reads back as itself, in quotes
// only when it has to be.
func QuoteIdent(s string) string {
	plain := s != "" && (s[0] == '_' || s[0] >= 'a' && s[0] <= 'z')
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
	}
	if plain && !reserved[s] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// reserved are PostgreSQL's key words that are not unreserved.
var reserved = wordSet(`all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both
case cast char character check coalesce collate collation column concurrently constraint create cross current_catalog current_date
current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end
except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner
inout int integer intersect interval into is isnull join lateral leading least left like limit localtime localtimestamp national
natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position
precision primary real references returning right row select session_user setof similar smallint some substring symmetric table
tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where
window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`)

// wordSet makes a set of words.
func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

// QuoteLiteral writes a string literal.
func QuoteLiteral(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return " E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}

// quoteLiteral is quote_literal of any type.
func quoteLiteral(r *row) (types.Datum, error) {
	s := string(r.printed(nil, 0))
	if r.args[0].Type.OID == types.Bool {
		s = strconv.FormatBool(r.bool(0)) // the value's cast to text
	}
	return text(strings.TrimPrefix(QuoteLiteral(s), " "))
}

// quoteNullable is quote_nullable of any type.
func quoteNullable(r *row) (types.Datum, error) {
	if r.null(0) {
		return text("NULL")
	}
	return quoteLiteral(r)
}

// encode is encode(bytea, format).
func encode(r *row) (types.Datum, error) {
	b := r.text(0)
	switch strings.ToLower(r.text(1)) {
	case "hex":
		return text(hex.EncodeToString([]byte(b)))
	case "base64":
		s := base64.StdEncoding.EncodeToString([]byte(b))
		var out strings.Builder
		for len(s) > 76 {
			out.WriteString(s[:76] + "\n")
			s = s[76:]
		}
		return text(out.String() + s)
	case "escape":
		var out []byte
		for i := range len(b) {
			switch c := b[i]; {
			case c == 0 || c >= 0x80:
				out = append(out, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
			case c == '\\':
				out = append(out, '\\', '\\')
			default:
				out = append(out, c)
			}
		}
		return text(string(out))
	}
	return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "unrecognized encoding: \"%s\"", r.text(1))
}

// decode is decode(text, format).
func decode(r *row) (types.Datum, error) {
	s := r.text(0)
	switch strings.ToLower(r.text(1)) {
	case "hex":
		return types.ParseText(types.Of(types.Bytea), `\x`+strings.Clone(s), r.c.Session.Format())
	case "base64":
		clean := strings.Map(func(c rune) rune {
			if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
				return -1
			}
			return c
		}, s)
		for i := range len(clean) {
			if c := clean[i]; !alnum(c) && strings.IndexByte("+/=", c) < 0 {
				return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "invalid symbol \"%c\" found while decoding base64 sequence", c)
			}
		}
		b, err := base64.StdEncoding.DecodeString(clean)
		if err != nil {
			return types.Null, pgerror.New(pgerror.InvalidParameterValue, "invalid base64 end sequence").WithHint("Input data is missing padding, is truncated, or is otherwise corrupted.")
		}
		return text(string(b))
	case "escape":
		if strings.HasPrefix(s, `\x`) {
			return types.Null, pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type bytea")
		}
		return types.ParseText(types.Of(types.Bytea), strings.Clone(s), r.c.Session.Format())
	}
	return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "unrecognized encoding: \"%s\"", r.text(1))
}

// formatText is format(): %s, %I, %L with position, width and alignment.
func formatText(r *row) (types.Datum, error) {
	if r.null(0) {
		return types.Null, nil
	}
	f := r.text(0)
	var out strings.Builder
	next := 1
	bad := func(s string) (types.Datum, error) { return types.Null, pgerror.New(pgerror.InvalidParameterValue, s) }
	argument := func(k int) error {
		if k >= r.n() {
			return pgerror.New(pgerror.InvalidParameterValue, "too few arguments for format()")
		}
		return nil
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			out.WriteByte(f[i])
			continue
		}
		if i++; i == len(f) {
			return bad("unterminated format() type specifier")
		}
		if f[i] == '%' {
			out.WriteByte('%')
			continue
		}
		number := func() int {
			n := 0
			for i < len(f) && f[i] >= '0' && f[i] <= '9' {
				n = min(n*10+int(f[i]-'0'), 1<<40)
				i++
			}
			return n
		}
		arg, width, leftSide := -1, 0, false
		start := i
		if n := number(); i > start && i < len(f) && f[i] == '$' {
			if n == 0 {
				return bad("format specifies argument 0, but arguments are numbered from 1")
			}
			arg = n
			i++
		} else {
			i = start
		}
		for i < len(f) && f[i] == '-' {
			leftSide = true
			i++
		}
		if i < len(f) && f[i] == '*' {
			i++
			k := next
			if start := i; true {
				if n := number(); i > start && i < len(f) && f[i] == '$' {
					if n == 0 {
						return bad("format specifies argument 0, but arguments are numbered from 1")
					}
					k = n
					next = n + 1
					i++
				} else {
					next++
				}
			}
			if err := argument(k); err != nil {
				return types.Null, err
			}
			if !r.null(k) {
				width, _ = strconv.Atoi(string(r.printed(nil, k)))
			}
			if width < 0 {
				width, leftSide = -width, true
			}
		} else {
			width = number()
		}
		if width > math.MaxInt32 || arg > math.MaxInt32 {
			return types.Null, pgerror.New(pgerror.NumericValueOutOfRange, "number is out of range")
		}
		if i >= len(f) {
			return bad("unterminated format() type specifier")
		}
		if arg < 0 {
			arg = next
			next++
		} else {
			next = arg + 1
		}
		if strings.IndexByte("sIL", f[i]) < 0 {
			return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "unrecognized format() type specifier \"%c\"", f[i]).WithHint("For a single \"%%\" use \"%%%%\".")
		}
		if err := argument(arg); err != nil {
			return types.Null, err
		}
		s := ""
		switch {
		case r.null(arg) && f[i] == 'I':
			return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
		case r.null(arg) && f[i] == 'L':
			s = "NULL"
		case r.null(arg):
		default:
			s = string(r.printed(nil, arg))
			switch f[i] {
			case 'I':
				s = QuoteIdent(s)
			case 'L':
				s = strings.TrimPrefix(QuoteLiteral(s), " ")
			}
		}
		fill := strings.Repeat(" ", max(width-runes(s), 0))
		if leftSide {
			out.WriteString(s + fill)
		} else {
			out.WriteString(fill + s)
		}
	}
	return text(out.String())
}

// byteAt checks an index into a bytea.
func byteAt(i, n int64) error {
	if i < 0 || i >= n {
		return pgerror.Newf(pgerror.ArraySubscriptError, "index %d out of valid range, 0..%d", i, n-1)
	}
	return nil
}

// randomUUID is gen_random_uuid().
func randomUUID(_ *function.Call, _ []*vector.Vec, n int, out *vector.Vec) error {
	dst := out.Wides()[:n]
	for i := range dst {
		var b [16]byte
		if _, err := rand.Read(b[:]); err != nil {
			return pgerror.Wrap(err, pgerror.InternalError, "could not generate random values")
		}
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		dst[i] = vector.Wide{A: int64(binary.BigEndian.Uint64(b[:])), B: int64(binary.BigEndian.Uint64(b[8:]))}
	}
	return nil
}

// encodings are the functions of bytes, digests and quoting.
func encodings() []entry {
	digest := func(f func(b []byte) []byte) function.Kernel {
		return each(func(r *row) (types.Datum, error) { return text(string(f([]byte(r.text(0))))) })
	}
	return []entry{
		{sigs: "quote_ident(text)", kernel: textOf(func(s string) (string, error) { return QuoteIdent(s), nil }), infallible: true, doc: "An identifier, in quotes when needed."},
		{sigs: "quote_literal(text) quote_literal(anyelement)", kernel: each(quoteLiteral), doc: "A string literal."},
		{sigs: "quote_nullable(text) quote_nullable(anyelement)", kernel: each(quoteNullable), doc: "A string literal, or the word NULL."},
		{sigs: "format(text) format(text,any)", kernel: each(formatText), doc: "Fills arguments into a format with %s, %I and %L.", example: "format('Hello %s, %1$s', 'World') = Hello World, World"},
		{sigs: "md5(text) md5(bytea)", kernel: each(func(r *row) (types.Datum, error) {
			sum := md5.Sum([]byte(r.text(0))) //nolint:gosec // by name
			return text(hex.EncodeToString(sum[:]))
		}), doc: "The MD5 digest in hexadecimal."},
		{sigs: "sha224(bytea)", kernel: digest(func(b []byte) []byte { s := sha256.Sum224(b); return s[:] }), doc: "The SHA-224 digest."},
		{sigs: "sha256(bytea)", kernel: digest(func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }), doc: "The SHA-256 digest."},
		{sigs: "sha384(bytea)", kernel: digest(func(b []byte) []byte { s := sha512.Sum384(b); return s[:] }), doc: "The SHA-384 digest."},
		{sigs: "sha512(bytea)", kernel: digest(func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }), doc: "The SHA-512 digest."},
		{sigs: "encode(bytea,text)", kernel: each(encode), doc: "Bytes as text: hex, base64 or escape."},
		{sigs: "decode(text,text)", kernel: each(decode), doc: "The bytes of a text: hex, base64 or escape."},
		{sigs: "get_byte(bytea,int4)", kernel: each(func(r *row) (types.Datum, error) {
			if err := byteAt(r.int(1), int64(len(r.text(0)))); err != nil {
				return types.Null, err
			}
			return types.IntDatum(int64(r.text(0)[r.int(1)])), nil
		}), doc: "One byte."},
		{sigs: "set_byte(bytea,int4,int4)", kernel: each(func(r *row) (types.Datum, error) {
			b := []byte(r.text(0))
			if err := byteAt(r.int(1), int64(len(b))); err != nil {
				return types.Null, err
			}
			b[r.int(1)] = byte(r.int(2))
			return text(string(b))
		}), doc: "Changes one byte."},
		{sigs: "gen_random_uuid()", kernel: randomUUID, doc: "A random UUID of version 4."},
	}
}
