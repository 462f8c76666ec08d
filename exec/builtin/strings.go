package builtin

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// text makes a datum of a string that may share memory with a vector.
func text(s string) (types.Datum, error) { return types.TextDatum(s), nil }

// isASCII reports whether s has only single-byte characters.
func isASCII[T ~string | ~[]byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// offset returns the byte offset of character n of s, len(s) beyond the end.
func offset(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return at
}

// substring returns count characters of s from position from (1-based, may be
// before the start); count < 0 means to the end.
func substring(s string, from int64, count int64) string {
	end := int64(1<<62) + from
	if count >= 0 {
		end = from + count
	}
	from = max(from, 1)
	if end <= from {
		return ""
	}
	if isASCII(s) {
		n := int64(len(s))
		return s[min(from-1, n):min(end-1, n)]
	}
	a := offset(s, int(min(from-1, int64(len(s)))))
	rest := s[a:]
	return rest[:offset(rest, int(min(end-from, int64(len(rest)))))]
}

// substringFrom is substring(text from n [for m]).
func substringFrom(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	for i := range n {
		if !valid(out, i) {
			continue
		}
		count := int64(-1)
		if len(args) > 2 {
			if count = args[2].Int(i); count < 0 {
				return pgerror.New(pgerror.SubstringError, "negative substring length not allowed")
			}
		}
		out.SetString(i, substring(args[0].String(i), args[1].Int(i), count))
	}
	return nil
}

// byteSubstring is substring of bytea.
func byteSubstring(r *row) (types.Datum, error) {
	s, from, end := r.text(0), r.int(1), int64(1<<62)
	if r.n() > 2 {
		if r.int(2) < 0 {
			return types.Null, pgerror.New(pgerror.SubstringError, "negative substring length not allowed")
		}
		end = from + r.int(2)
	}
	from = max(from, 1)
	if end <= from {
		return text("")
	}
	n := int64(len(s))
	return text(s[min(from-1, n):min(end-1, n)])
}

// left and right with a negative count leave out characters at the other end.
func left(r *row) (types.Datum, error) {
	s, n := r.text(0), r.int(1)
	if n < 0 {
		n = max(int64(runes(s))+n, 0)
	}
	return text(substring(s, 1, n))
}

func right(r *row) (types.Datum, error) {
	s, n := r.text(0), r.int(1)
	total := int64(runes(s))
	if n < 0 {
		return text(substring(s, -n+1, total))
	}
	return text(substring(s, max(total-n, 0)+1, total))
}

// maxText is the largest text that PostgreSQL makes.
const maxText = 1<<30 - 1

// pad is lpad and rpad.
func pad(leftSide bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		s, n, fill := r.text(0), int(r.int(1)), " "
		if r.n() > 2 {
			fill = r.text(2)
		}
		if n > maxText/4 {
			return types.Null, pgerror.New(pgerror.ProgramLimitExceeded, "requested length too large")
		}
		have := runes(s)
		if n <= have || fill == "" {
			return text(substring(s, 1, int64(max(min(n, have), 0))))
		}
		need := n - have
		each := runes(fill)
		if err := r.room.ask(int64(len(s)) + int64(need/each+1)*int64(len(fill))); err != nil {
			return types.Null, err
		}
		p := strings.Repeat(fill, need/each) + substring(fill, 1, int64(need%each))
		if leftSide {
			return text(p + s)
		}
		return text(s + p)
	}
}

// trim removes the characters of a set from one or both ends.
func trim(leftSide, rightSide bool) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		set := " "
		for i := range n {
			if !valid(out, i) {
				continue
			}
			s := args[0].String(i)
			if len(args) > 1 {
				set = args[1].String(i)
			}
			if len(set) == 1 {
				for leftSide && len(s) > 0 && s[0] == set[0] {
					s = s[1:]
				}
				for rightSide && len(s) > 0 && s[len(s)-1] == set[0] {
					s = s[:len(s)-1]
				}
			} else if set != "" {
				if leftSide {
					s = strings.TrimLeft(s, set)
				}
				if rightSide {
					s = strings.TrimRight(s, set)
				}
			}
			out.SetString(i, s)
		}
		return nil
	}
}

// byteTrim is trim over bytes.
func byteTrim(leftSide, rightSide bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		s, set := r.text(0), r.text(1)
		for leftSide && len(s) > 0 && strings.IndexByte(set, s[0]) >= 0 {
			s = s[1:]
		}
		for rightSide && len(s) > 0 && strings.IndexByte(set, s[len(s)-1]) >= 0 {
			s = s[:len(s)-1]
		}
		return text(s)
	}
}

// mapCase is lower and upper: bytes are mapped in place for ASCII.
func mapCase(from, to byte, shift int, full func(rune) rune) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		var buf []byte
		for i := range n {
			if !valid(out, i) {
				continue
			}
			s := args[0].String(i)
			if !isASCII(s) {
				out.SetString(i, strings.Map(full, s))
				continue
			}
			buf = append(buf[:0], s...)
			for k, c := range buf {
				if c >= from && c <= to {
					buf[k] = byte(int(c) + shift)
				}
			}
			out.SetBytes(i, buf)
		}
		return nil
	}
}

// initcap raises the first letter of each word and lowers the others.
func initcap(s string) (string, error) {
	word := false
	return strings.Map(func(c rune) rune {
		alnum := unicode.IsLetter(c) || unicode.IsDigit(c)
		defer func() { word = alnum }()
		if word {
			return unicode.ToLower(c)
		}
		return unicode.ToUpper(c)
	}, s), nil
}

// lengths makes the kernel of a count over text.
func lengths(f func(s string) int) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		dst := out.Int32s()
		for i := range n {
			if valid(out, i) {
				dst[i] = int32(f(args[0].String(i)))
			}
		}
		return nil
	}
}

// strpos is the 1-based character position of a part, 0 for none.
func strpos(r *row) (types.Datum, error) {
	s, part := r.text(0), r.text(1)
	before, _, ok := strings.Cut(s, part)
	if !ok {
		return types.IntDatum(0), nil
	}
	return types.IntDatum(int64(runes(before)) + 1), nil
}

// translate replaces single characters.
func translate(r *row) (types.Datum, error) {
	from, to := []rune(r.text(1)), []rune(r.text(2))
	return text(strings.Map(func(c rune) rune {
		for i, f := range from {
			if f == c {
				if i < len(to) {
					return to[i]
				}
				return -1
			}
		}
		return c
	}, r.text(0)))
}

// repeat repeats text.
func repeat(r *row) (types.Datum, error) {
	s, n := r.text(0), max(r.int(1), 0)
	if s != "" && n > int64(maxText/len(s)) {
		return types.Null, pgerror.New(pgerror.ProgramLimitExceeded, "requested length too large")
	}
	if err := r.room.ask(int64(len(s)) * n); err != nil {
		return types.Null, err
	}
	return text(strings.Repeat(s, int(n)))
}

// reverse reverses characters.
func reverse(s string) (string, error) {
	buf := make([]byte, 0, len(s))
	for len(s) > 0 {
		_, w := utf8.DecodeLastRuneInString(s)
		buf = append(buf, s[len(s)-w:]...)
		s = s[:len(s)-w]
	}
	return string(buf), nil
}

// splitPart returns field n, counted from the end when negative.
func splitPart(r *row) (types.Datum, error) {
	s, sep, n := r.text(0), r.text(1), r.int(2)
	if n == 0 {
		return types.Null, pgerror.New(pgerror.InvalidParameterValue, "field position must not be zero")
	}
	if s == "" {
		return text("")
	}
	if sep == "" {
		if n == 1 || n == -1 {
			return text(s)
		}
		return text("")
	}
	if n < 0 {
		parts := strings.Split(s, sep)
		if k := int64(len(parts)) + n; k >= 0 {
			return text(parts[k])
		}
		return text("")
	}
	for ; n > 1; n-- {
		_, rest, ok := strings.Cut(s, sep)
		if !ok {
			return text("")
		}
		s = rest
	}
	s, _, _ = strings.Cut(s, sep)
	return text(s)
}

// concatenate is ||: views of both sides are joined in one buffer.
func concatenate(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	var buf []byte
	m := room{c: c}
	defer m.done()
	for i := range n {
		if valid(out, i) {
			if err := m.take(int64(len(args[0].Bytes(i)) + len(args[1].Bytes(i)))); err != nil {
				return err
			}
			buf = append(append(buf[:0], args[0].Bytes(i)...), args[1].Bytes(i)...)
			out.SetBytes(i, buf)
		}
	}
	return nil
}

// printed appends argument k as text. Booleans print as t and f.
func (r *row) printed(dst []byte, k int) []byte {
	v := r.args[k]
	if v.Type.Layout() == types.LayoutBytes && (textLike(v.Type.OID) || v.Type.OID == types.Name) {
		return append(dst, v.Bytes(r.i)...)
	}
	return types.AppendText(dst, v.Type, v.Datum(r.i), r.c.Session.Format())
}

// concat joins all arguments that are not NULL.
func concat(r *row) (types.Datum, error) {
	var buf []byte
	for k := range r.args {
		if !r.null(k) {
			buf = r.printed(buf, k)
		}
	}
	return text(string(buf))
}

// concatWS joins with a separator; a NULL separator makes the result NULL.
func concatWS(r *row) (types.Datum, error) {
	if r.null(0) {
		return types.Null, nil
	}
	var buf []byte
	first := true
	for k := 1; k < r.n(); k++ {
		if r.null(k) {
			continue
		}
		if !first {
			buf = append(buf, r.text(0)...)
		}
		first = false
		buf = r.printed(buf, k)
	}
	return text(string(buf))
}

// anyCat is text || anything and anything || text.
func anyCat(r *row) (types.Datum, error) {
	var out []byte
	for i := range 2 {
		// A cast to text, which prints a boolean in full.
		switch {
		case r.args[i].Type.OID != types.Bool:
			out = r.printed(out, i)
		case r.bool(i):
			out = append(out, "true"...)
		default:
			out = append(out, "false"...)
		}
	}
	return text(string(out))
}

// overlay replaces a part of a text.
func overlay(r *row) (types.Datum, error) {
	s, part, from := r.text(0), r.text(1), r.int(2)
	count := int64(runes(part))
	if r.n() > 3 {
		count = r.int(3)
	}
	if from <= 0 {
		return types.Null, pgerror.New(pgerror.SubstringError, "negative substring length not allowed")
	}
	return text(substring(s, 1, from-1) + part + substring(s, from+count, int64(len(s))))
}

// byteOverlay is overlay over bytes.
func byteOverlay(r *row) (types.Datum, error) {
	s, part, from := r.text(0), r.text(1), r.int(2)
	count := int64(len(part))
	if r.n() > 3 {
		count = r.int(3)
	}
	if from <= 0 {
		return types.Null, pgerror.New(pgerror.SubstringError, "negative substring length not allowed")
	}
	n := int64(len(s))
	return text(s[:min(from-1, n)] + part + s[min(max(from-1+count, 0), n):])
}

// chr is the character with a code point.
func chr(r *row) (types.Datum, error) {
	c := r.int(0)
	switch {
	case c == 0:
		return types.Null, pgerror.New(pgerror.ProgramLimitExceeded, "null character not permitted")
	case c < 0:
		return types.Null, pgerror.New(pgerror.InvalidParameterValue, "character number must be positive")
	case c <= unicode.MaxRune && !utf8.ValidRune(rune(c)):
		return types.Null, pgerror.Newf(pgerror.ProgramLimitExceeded, "requested character not valid for encoding: %d", c)
	case c > unicode.MaxRune:
		return types.Null, pgerror.Newf(pgerror.ProgramLimitExceeded, "requested character too large for encoding: %d", c)
	}
	return text(string(rune(c)))
}

// textExtremum is text_larger and text_smaller.
func textExtremum(larger bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		if (kernel.Order(r.text(0), r.text(1)) > 0) == larger {
			return text(r.text(0))
		}
		return text(r.text(1))
	}
}

// stringFunctions are the functions of text and bytea that need no pattern.
func stringFunctions() []entry {
	trimmed := func(f func(string) int) func(string) int { return func(s string) int { return f(trimBlanks(s)) } }
	bytesOf := func(s string) int { return len(s) }
	return []entry{
		{sigs: "length(text) char_length(text) character_length(text)", kernel: lengths(runes), infallible: true, doc: "The number of characters.", example: "length('jose') = 4"},
		{sigs: "length(bpchar) char_length(bpchar) character_length(bpchar)", kernel: lengths(trimmed(runes)), infallible: true, doc: "The number of characters without trailing blanks."},
		{sigs: "octet_length(text) octet_length(bpchar) octet_length(bytea) length(bytea)", kernel: lengths(bytesOf), infallible: true, doc: "The number of bytes."},
		{sigs: "bit_length(text) bit_length(bytea)", kernel: lengths(func(s string) int { return 8 * len(s) }), infallible: true, doc: "The number of bits."},
		{sigs: "lower(text)", kernel: mapCase('A', 'Z', 32, unicode.ToLower), infallible: true, doc: "Lower case.", example: "lower('TOM') = tom"},
		{sigs: "upper(text)", kernel: mapCase('a', 'z', -32, unicode.ToUpper), infallible: true, doc: "Upper case."},
		{sigs: "initcap(text)", kernel: textOf(initcap), infallible: true, doc: "First letter of each word upper case, the others lower case.", example: "initcap('hi THOMAS') = Hi Thomas"},
		{sigs: "substring(text,int4) substring(text,int4,int4) substr(text,int4) substr(text,int4,int4)", kernel: substringFrom, doc: "Characters from a position, all or a number of them.", example: "substring('Thomas' from 2 for 3) = hom"},
		{sigs: "substring(bytea,int4) substring(bytea,int4,int4) substr(bytea,int4) substr(bytea,int4,int4)", kernel: each(byteSubstring), doc: "Bytes from a position, all or a number of them."},
		{sigs: "position(text,text) strpos(text,text)", kernel: each(strpos), infallible: true, doc: "The first position of a part, 0 for none.", example: "strpos('high', 'ig') = 2"},
		{sigs: "position(bytea,bytea)", kernel: each(func(r *row) (types.Datum, error) {
			return types.IntDatum(int64(strings.Index(r.text(0), r.text(1))) + 1), nil
		}), infallible: true, doc: "The first position of a part, 0 for none."},
		{sigs: "left(text,int4)", kernel: each(left), infallible: true, doc: "The first n characters; all but the last |n| for a negative n."},
		{sigs: "right(text,int4)", kernel: each(right), infallible: true, doc: "The last n characters; all but the first |n| for a negative n."},
		{sigs: "lpad(text,int4) lpad(text,int4,text)", kernel: each(pad(true)), doc: "Fills up or cuts to a length, at the left.", example: "lpad('hi', 5, 'xy') = xyxhi"},
		{sigs: "rpad(text,int4) rpad(text,int4,text)", kernel: each(pad(false)), doc: "Fills up or cuts to a length, at the right."},
		{sigs: "ltrim(text) ltrim(text,text)", kernel: trim(true, false), infallible: true, doc: "Removes characters of a set (blanks) from the start."},
		{sigs: "rtrim(text) rtrim(text,text)", kernel: trim(false, true), infallible: true, doc: "Removes characters of a set (blanks) from the end."},
		{sigs: "btrim(text) btrim(text,text)", kernel: trim(true, true), infallible: true, doc: "Removes characters of a set (blanks) from both ends.", example: "btrim('xyxtrimyyx', 'xyz') = trim"},
		{sigs: "btrim(bytea,bytea)", kernel: each(byteTrim(true, true)), infallible: true, doc: "Removes bytes of a set from both ends."},
		{sigs: "ltrim(bytea,bytea)", kernel: each(byteTrim(true, false)), infallible: true, doc: "Removes bytes of a set from the start."},
		{sigs: "rtrim(bytea,bytea)", kernel: each(byteTrim(false, true)), infallible: true, doc: "Removes bytes of a set from the end."},
		{sigs: "replace(text,text,text)", kernel: each(func(r *row) (types.Datum, error) {
			if r.text(1) == "" {
				return text(r.text(0))
			}
			return text(strings.ReplaceAll(r.text(0), r.text(1), r.text(2)))
		}), infallible: true, doc: "Replaces every occurrence of a part."},
		{sigs: "translate(text,text,text)", kernel: each(translate), infallible: true, doc: "Replaces characters of one set by those of another.", example: "translate('12345', '143', 'ax') = a2x5"},
		{sigs: "repeat(text,int4)", kernel: each(repeat), doc: "Repeats a text."},
		{sigs: "reverse(text)", kernel: textOf(reverse), infallible: true, doc: "The characters in reverse order."},
		{sigs: "split_part(text,text,int4)", kernel: each(splitPart), doc: "One field of a text with separators.", example: "split_part('abc~@~def', '~@~', 2) = def"},
		{sigs: "concat(any)", kernel: each(concat), doc: "Joins the text of all arguments, leaving out NULLs."},
		{sigs: "concat_ws(text,any)", kernel: each(concatWS), doc: "Joins the text of all arguments but the first with that one between, leaving out NULLs."},
		{sigs: "textcat(text,text) byteacat(bytea,bytea)", kernel: concatenate, infallible: true, doc: "Joins two texts."},
		{sigs: "textanycat(text,anynonarray) anytextcat(anynonarray,text)", kernel: each(anyCat), infallible: true, doc: "Joins a text and the text of another value."},
		{sigs: "overlay(text,text,int4) overlay(text,text,int4,int4)", kernel: each(overlay), doc: "Replaces a number of characters from a position.", example: "overlay('Txxxxas' placing 'hom' from 2 for 4) = Thomas"},
		{sigs: "overlay(bytea,bytea,int4) overlay(bytea,bytea,int4,int4)", kernel: each(byteOverlay), doc: "Replaces a number of bytes from a position."},
		{sigs: "starts_with(text,text)", kernel: each(func(r *row) (types.Datum, error) {
			return types.BoolDatum(strings.HasPrefix(r.text(0), r.text(1))), nil
		}), infallible: true, doc: "Tests for a prefix."},
		{sigs: "ascii(text)", kernel: each(func(r *row) (types.Datum, error) {
			if r.text(0) == "" {
				return types.IntDatum(0), nil
			}
			c, _ := utf8.DecodeRuneInString(r.text(0))
			return types.IntDatum(int64(c)), nil
		}), infallible: true, doc: "The code point of the first character."},
		{sigs: "chr(int4)", kernel: each(chr), doc: "The character with a code point."},
		{sigs: "text_larger(text,text)", kernel: each(textExtremum(true)), infallible: true, doc: "The larger of two."},
		{sigs: "text_smaller(text,text)", kernel: each(textExtremum(false)), infallible: true, doc: "The smaller of two."},
	}
}
