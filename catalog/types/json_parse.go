package types

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// jsonHandler receives the parts of a JSON text. A nil function ignores its part.
type jsonHandler struct {
	scalar     func(kind byte, text string) error // kind: s string (unescaped), n number, t f z
	startArray func()
	endArray   func()
	startObj   func()
	key        func(string)
	endObj     func()
}

// jsonParser checks RFC 8259 text with PostgreSQL's errors.
type jsonParser struct {
	s     string
	i     int
	depth int
	h     *jsonHandler // nil only checks
}

// maxJSONDepth bounds nesting; PostgreSQL's stack limit allows about as much.
const maxJSONDepth = 11000

// CheckJSON returns PostgreSQL's error when s is not valid JSON.
func CheckJSON(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	p := jsonParser{s: s}
	return p.document()
}

func (p *jsonParser) document() error {
	p.space()
	if err := p.value("Expected JSON value"); err != nil {
		return err
	}
	p.space()
	if p.i < len(p.s) {
		return p.unexpected("Expected end of input")
	}
	return nil
}

func (p *jsonParser) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\t' || p.s[p.i] == '\n' || p.s[p.i] == '\r') {
		p.i++
	}
}

func (p *jsonParser) fail(end int, detail string) error {
	e := pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type json")
	e.Detail = detail
	line := 1 + strings.Count(p.s[:min(p.i, len(p.s))], "\n")
	start := strings.LastIndexByte(p.s[:min(p.i, len(p.s))], '\n') + 1
	// Show at most 50 bytes before the end of the token, at character boundaries.
	prefix := ""
	for end-start >= 50 {
		_, w := utf8.DecodeRuneInString(p.s[start:])
		start += w
		prefix = "..."
	}
	if start <= 3 && prefix != "" {
		start, prefix = 0, ""
	}
	suffix := ""
	if end < len(p.s) && p.s[end] != '\n' && p.s[end] != '\r' {
		suffix = "..."
	}
	e.Where = fmt.Sprintf("JSON data, line %d: %s%s%s", line, prefix, p.s[start:end], suffix)
	return e
}

// unexpected complains about the token at p.i, or about the end of the input.
func (p *jsonParser) unexpected(want string) error {
	if p.i >= len(p.s) {
		return p.fail(len(p.s), "The input string ended unexpectedly.")
	}
	end := p.tokenEnd()
	tok := p.s[p.i:end]
	if !p.validToken(tok) {
		return p.fail(end, `Token "`+tok+`" is invalid.`)
	}
	return p.fail(end, want+`, but found "`+tok+`".`)
}

// tokenEnd finds where the token at p.i ends, as PostgreSQL's lexer cuts it.
func (p *jsonParser) tokenEnd() int {
	c := p.s[p.i]
	switch {
	case c == '"':
		j := p.i + 1
		for j < len(p.s) && p.s[j] != '"' {
			if p.s[j] == '\\' {
				j++
			}
			j++
		}
		return min(j+1, len(p.s))
	case strings.IndexByte("{}[],:", c) >= 0:
		return p.i + 1
	case c == '-' || isDigit(c):
		j := p.i + 1
		for j < len(p.s) && (wordByte(p.s[j]) || p.s[j] == '.' || p.s[j] == '+' || p.s[j] == '-') {
			j++
		}
		return j
	}
	j := p.i
	for j < len(p.s) && wordByte(p.s[j]) {
		j++
	}
	if j == p.i {
		_, w := utf8.DecodeRuneInString(p.s[j:])
		j += max(w, 1)
	}
	return j
}

func wordByte(c byte) bool { return isAlpha(c) || isDigit(c) || c == '_' || c >= 0x80 }

func (p *jsonParser) validToken(tok string) bool {
	switch c := tok[0]; {
	case c == '"' || strings.IndexByte("{}[],:", c) >= 0:
		return true
	case c == '-' || isDigit(c):
		return jsonNumber(tok) == len(tok)
	}
	return tok == "true" || tok == "false" || tok == "null"
}

// jsonNumber returns the length of the JSON number at the start of s, 0 for none.
func jsonNumber(s string) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

func (p *jsonParser) value(want string) error {
	if p.i >= len(p.s) {
		return p.unexpected(want)
	}
	switch c := p.s[p.i]; {
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '"':
		v, err := p.str()
		if err != nil || p.h == nil {
			return err
		}
		return p.h.scalar('s', v)
	case c == '-' || isDigit(c):
		end := p.tokenEnd()
		tok := p.s[p.i:end]
		if jsonNumber(tok) != len(tok) {
			return p.fail(end, `Token "`+tok+`" is invalid.`)
		}
		p.i = end
		if p.h == nil {
			return nil
		}
		return p.h.scalar('n', tok)
	}
	end := p.tokenEnd()
	tok := p.s[p.i:end]
	kind := byte(0)
	switch tok {
	case "true":
		kind = 't'
	case "false":
		kind = 'f'
	case "null":
		kind = 'z'
	default:
		return p.unexpected(want)
	}
	p.i = end
	if p.h == nil {
		return nil
	}
	return p.h.scalar(kind, "")
}

func (p *jsonParser) enter() error {
	if p.depth++; p.depth > maxJSONDepth {
		return pgerror.New(pgerror.StatementTooComplex, "stack depth limit exceeded")
	}
	p.i++
	p.space()
	return nil
}

func (p *jsonParser) object() error {
	if err := p.enter(); err != nil {
		return err
	}
	if p.h != nil {
		p.h.startObj()
	}
	if p.at('}') {
		return p.leave(true)
	}
	for want := `Expected string or "}"`; ; want = "Expected string" {
		if !p.at('"') {
			return p.unexpected(want)
		}
		k, err := p.str()
		if err != nil {
			return err
		}
		if p.h != nil {
			p.h.key(k)
		}
		p.space()
		if !p.at(':') {
			return p.unexpected(`Expected ":"`)
		}
		p.i++
		p.space()
		if err := p.value("Expected JSON value"); err != nil {
			return err
		}
		p.space()
		if p.at('}') {
			return p.leave(true)
		}
		if !p.at(',') {
			return p.unexpected(`Expected "," or "}"`)
		}
		p.i++
		p.space()
	}
}

func (p *jsonParser) array() error {
	if err := p.enter(); err != nil {
		return err
	}
	if p.h != nil {
		p.h.startArray()
	}
	if p.at(']') {
		return p.leave(false)
	}
	for want := `Expected array element or "]"`; ; want = "Expected JSON value" {
		if err := p.value(want); err != nil {
			return err
		}
		p.space()
		if p.at(']') {
			return p.leave(false)
		}
		if !p.at(',') {
			return p.unexpected(`Expected "," or "]"`)
		}
		p.i++
		p.space()
	}
}

func (p *jsonParser) at(c byte) bool { return p.i < len(p.s) && p.s[p.i] == c }

func (p *jsonParser) leave(object bool) error {
	p.i++
	p.depth--
	if p.h != nil {
		if object {
			p.h.endObj()
		} else {
			p.h.endArray()
		}
	}
	return nil
}

// str reads a string; the result is unescaped when there is a handler.
func (p *jsonParser) str() (string, error) {
	start := p.i + 1
	j := start
	for j < len(p.s) && p.s[j] != '"' && p.s[j] != '\\' && p.s[j] >= 0x20 {
		j++
	}
	if j < len(p.s) && p.s[j] == '"' {
		p.i = j + 1
		return p.s[start:j], nil
	}
	buf := []byte(p.s[start:j])
	high := rune(-1)
	for {
		if j >= len(p.s) {
			return "", p.fail(len(p.s), `Token "`+p.s[start-1:]+`" is invalid.`)
		}
		c := p.s[j]
		if high >= 0 && (c != '\\' || j+1 < len(p.s) && p.s[j+1] != 'u') {
			return "", p.surrogate(j, "Unicode low surrogate must follow a high surrogate.")
		}
		switch {
		case c == '"':
			p.i = j + 1
			return string(buf), nil
		case c < 0x20:
			return "", p.fail(j, fmt.Sprintf("Character with value 0x%02x must be escaped.", c))
		case c != '\\':
			buf = append(buf, c)
			j++
			continue
		}
		if j++; j >= len(p.s) {
			return "", p.fail(len(p.s), `Token "`+p.s[start-1:]+`" is invalid.`)
		}
		switch c = p.s[j]; c {
		case '"', '\\', '/':
			buf = append(buf, c)
		case 'b':
			buf = append(buf, '\b')
		case 'f':
			buf = append(buf, '\f')
		case 'n':
			buf = append(buf, '\n')
		case 'r':
			buf = append(buf, '\r')
		case 't':
			buf = append(buf, '\t')
		case 'u':
			r := rune(0)
			for k := 1; k <= 4; k++ {
				if j+k >= len(p.s) {
					return "", p.fail(len(p.s), `Token "`+p.s[start-1:]+`" is invalid.`)
				}
				d, ok := hexDigit(p.s[j+k])
				if !ok {
					_, w := utf8.DecodeRuneInString(p.s[j+k:])
					return "", p.fail(j+k+w, `"\u" must be followed by four hexadecimal digits.`)
				}
				r = r<<4 | rune(d)
			}
			j += 4
			if p.h != nil {
				var err error
				if high, buf, err = p.unicode(buf, r, high, j+1); err != nil {
					return "", err
				}
			}
		default:
			_, w := utf8.DecodeRuneInString(p.s[j:])
			return "", p.fail(j+w, `Escape sequence "\`+p.s[j:j+w]+`" is invalid.`)
		}
		j++
	}
}

// unicode appends the character of a \u escape, pairing surrogates.
func (p *jsonParser) unicode(buf []byte, r, high rune, end int) (rune, []byte, error) {
	switch {
	case r >= 0xD800 && r <= 0xDBFF:
		if high >= 0 {
			return -1, buf, p.surrogate(end, "Unicode high surrogate must not follow a high surrogate.")
		}
		return r, buf, nil
	case r >= 0xDC00 && r <= 0xDFFF:
		if high < 0 {
			return -1, buf, p.surrogate(end, "Unicode low surrogate must follow a high surrogate.")
		}
		r = 0x10000 + (high-0xD800)<<10 + (r - 0xDC00)
	case high >= 0:
		return -1, buf, p.surrogate(end, "Unicode low surrogate must follow a high surrogate.")
	case r == 0:
		e := pgerror.New(pgerror.UntranslatableCharacter, "unsupported Unicode escape sequence")
		e.Detail = `\u0000 cannot be converted to text.`
		return -1, buf, e
	}
	return -1, utf8.AppendRune(buf, r), nil
}

func (p *jsonParser) surrogate(end int, detail string) error {
	return p.fail(min(end, len(p.s)), detail)
}
