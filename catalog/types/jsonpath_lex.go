package types

import (
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Kinds of jsonpath tokens.
const (
	pathEnd = iota
	pathSymbol
	pathWord
	pathString
	pathVariable
	pathInt
	pathNumeric
)

// pathToken is a token: what it means and how it was written.
type pathToken struct {
	kind int
	text string
	raw  string
}

type pathLexer struct {
	s string
	i int
}

const pathSpecials = "?%$.[]{}()|&!=<>@#,*:-+/"

// other reports whether c belongs to a word.
func pathOther(c byte) bool {
	return !isSpace(c) && c != '"' && c != '\\' && strings.IndexByte(pathSpecials, c) < 0
}

// fail is PostgreSQL's error of the scanner and the grammar.
func (l *pathLexer) fail(what, near string) error {
	if near == "" {
		return pgerror.Newf(pgerror.SyntaxError, "%s at end of jsonpath input", what)
	}
	return pgerror.New(pgerror.SyntaxError, what+" at or near \""+near+"\" of jsonpath input")
}

func (l *pathLexer) next() (pathToken, error) {
	for l.i < len(l.s) && isSpace(l.s[l.i]) {
		l.i++
	}
	start := l.i
	if start == len(l.s) {
		return pathToken{kind: pathEnd}, nil
	}
	if strings.HasPrefix(l.s[start:], "/*") {
		end := strings.Index(l.s[start+2:], "*/")
		if end < 0 {
			return pathToken{}, l.fail("unexpected end of comment", "")
		}
		l.i = start + 2 + end + 2
		return l.next()
	}
	c := l.s[start]
	switch {
	case c == '"':
		l.i++
		return l.quoted(pathString, start)
	case c == '$' && start+1 < len(l.s) && l.s[start+1] == '"':
		l.i += 2
		return l.quoted(pathVariable, start)
	case c == '$' && start+1 < len(l.s) && pathOther(l.s[start+1]):
		l.i++
		for l.i < len(l.s) && pathOther(l.s[l.i]) {
			l.i++
		}
		return pathToken{kind: pathVariable, text: l.s[start+1 : l.i], raw: l.s[start:l.i]}, nil
	case isDigit(c) || c == '.' && start+1 < len(l.s) && isDigit(l.s[start+1]):
		return l.number()
	case c == '\\' || pathOther(c):
		return l.word(start)
	}
	for _, sym := range [...]string{"&&", "||", "**", "<=", "==", "<>", "!=", ">="} {
		if strings.HasPrefix(l.s[start:], sym) {
			l.i += 2
			return pathToken{kind: pathSymbol, text: sym, raw: sym}, nil
		}
	}
	l.i++
	return pathToken{kind: pathSymbol, text: l.s[start:l.i], raw: l.s[start:l.i]}, nil
}

// number reads an integer, a decimal or a real.
func (l *pathLexer) number() (pathToken, error) {
	start, kind := l.i, pathInt
	digits := func() {
		for l.i < len(l.s) && isDigit(l.s[l.i]) {
			l.i++
		}
	}
	junk := func() (pathToken, error) {
		_, w := utf8.DecodeRuneInString(l.s[l.i:])
		return pathToken{}, l.fail("trailing junk after numeric literal", l.s[start:l.i+w])
	}
	if l.s[l.i] == '0' {
		if l.i++; l.i < len(l.s) && isDigit(l.s[l.i]) {
			return junk()
		}
	} else {
		digits()
	}
	if l.i < len(l.s) && l.s[l.i] == '.' {
		kind = pathNumeric
		l.i++
		digits()
	}
	if l.i < len(l.s) && l.s[l.i]|0x20 == 'e' {
		kind = pathNumeric
		l.i++
		if l.i < len(l.s) && (l.s[l.i] == '+' || l.s[l.i] == '-') {
			l.i++
		}
		if l.i == len(l.s) || !isDigit(l.s[l.i]) {
			return pathToken{}, l.fail("trailing junk after numeric literal", l.s[start:min(l.i, len(l.s))])
		}
		digits()
	}
	if l.i < len(l.s) && pathOther(l.s[l.i]) {
		return junk()
	}
	return pathToken{kind: kind, text: l.s[start:l.i], raw: l.s[start:l.i]}, nil
}

// word reads an unquoted name, which may hold escapes.
func (l *pathLexer) word(start int) (pathToken, error) {
	var text []byte
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case c == '\\':
			var err error
			if text, err = l.escape(text, start); err != nil {
				return pathToken{}, err
			}
		case pathOther(c):
			text = append(text, c)
			l.i++
		default:
			// PostgreSQL's scanner names what ended the word, when that is
			// white space.
			end := l.i
			for end < len(l.s) && isSpace(l.s[end]) {
				end++
			}
			return pathToken{kind: pathWord, text: string(text), raw: l.s[l.i:end]}, nil
		}
	}
	return pathToken{kind: pathWord, text: string(text)}, nil
}

// quoted reads a string behind its opening quote.
func (l *pathLexer) quoted(kind, start int) (pathToken, error) {
	var text []byte
	for l.i < len(l.s) {
		switch c := l.s[l.i]; c {
		case '"':
			l.i++
			return pathToken{kind: kind, text: string(text), raw: l.s[l.i-1 : l.i]}, nil
		case '\\':
			var err error
			if text, err = l.escape(text, start); err != nil {
				return pathToken{}, err
			}
		default:
			text = append(text, c)
			l.i++
		}
	}
	return pathToken{}, l.fail("unexpected end of quoted string", "")
}

// escape appends what an escape at l.i means.
func (l *pathLexer) escape(dst []byte, start int) ([]byte, error) {
	at := l.i
	l.i++
	if l.i == len(l.s) {
		return nil, l.fail("unexpected end after backslash", "")
	}
	c := l.s[l.i]
	l.i++
	switch c {
	case 'b':
		return append(dst, '\b'), nil
	case 'f':
		return append(dst, '\f'), nil
	case 'n':
		return append(dst, '\n'), nil
	case 'r':
		return append(dst, '\r'), nil
	case 't':
		return append(dst, '\t'), nil
	case 'v':
		return append(dst, '\v'), nil
	case 'x':
		v, ok := l.hex(2)
		if !ok {
			return nil, l.fail("invalid hexadecimal character sequence", l.s[at:min(at+2, len(l.s))])
		}
		return l.char(dst, v)
	case 'u':
		v, ok := l.unicode()
		if !ok {
			return nil, l.fail("invalid Unicode escape sequence", l.s[at:min(at+2, len(l.s))])
		}
		if v >= 0xD800 && v <= 0xDBFF {
			low, ok := rune(0), false
			if strings.HasPrefix(l.s[l.i:], `\u`) {
				l.i += 2
				low, ok = l.unicode()
			}
			if !ok || low < 0xDC00 || low > 0xDFFF {
				return nil, pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type jsonpath").WithDetail("Unicode low surrogate must follow a high surrogate.")
			}
			v = 0x10000 + (v-0xD800)<<10 + (low - 0xDC00)
		} else if v >= 0xDC00 && v <= 0xDFFF {
			return nil, pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type jsonpath").WithDetail("Unicode low surrogate must follow a high surrogate.")
		}
		return l.char(dst, v)
	}
	_ = start
	_, w := utf8.DecodeRuneInString(l.s[l.i-1:])
	dst = append(dst, l.s[l.i-1:l.i-1+w]...)
	l.i += w - 1
	return dst, nil
}

// char appends a character by its code point, which must not be 0.
func (l *pathLexer) char(dst []byte, v rune) ([]byte, error) {
	if v == 0 {
		return nil, pgerror.New(pgerror.UntranslatableCharacter, "unsupported Unicode escape sequence").WithDetail(`\u0000 cannot be converted to text.`)
	}
	return utf8.AppendRune(dst, v), nil
}

// hex reads exactly n hexadecimal digits.
func (l *pathLexer) hex(n int) (rune, bool) {
	v := rune(0)
	for range n {
		if l.i == len(l.s) {
			return 0, false
		}
		d, ok := hexDigit(l.s[l.i])
		if !ok {
			return 0, false
		}
		v = v<<4 | rune(d)
		l.i++
	}
	return v, true
}

// unicode reads XXXX or {X...} with one to six digits.
func (l *pathLexer) unicode() (rune, bool) {
	if l.i == len(l.s) || l.s[l.i] != '{' {
		return l.hex(4)
	}
	l.i++
	v, n := rune(0), 0
	for l.i < len(l.s) && n < 7 {
		if l.s[l.i] == '}' {
			l.i++
			return v, n > 0
		}
		d, ok := hexDigit(l.s[l.i])
		if !ok {
			return 0, false
		}
		v, n = v<<4|rune(d), n+1
		l.i++
	}
	return 0, false
}
