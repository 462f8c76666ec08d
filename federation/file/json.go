package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/decode"
)

// objects streams the objects of a JSON file: one after the other, or the
// elements of one array.
type objects struct {
	window
	started bool
	array   bool
	n       int64 // objects read
	// members are those of the current object, in the order of the text; their
	// values lie in the window until the next object is read.
	members []member
	stack   []byte // the brackets that skip is within
}

// member is one member of an object.
type member struct {
	// name is without quotes; escaped says that it holds escapes.
	name    []byte
	escaped bool
	value   []byte
}

// errNotObject is the cause of 22P02 for a value that is not an object, and
// errJSON for text that is not JSON.
var (
	errNotObject = errors.New("a value is not a JSON object")
	errJSON      = errors.New("a value is not JSON")
)

// newObjects returns the objects that w has and reads.
func newObjects(w window) *objects { return &objects{window: w} }

// space passes over white space and returns the next byte; it returns false at
// the end.
func (o *objects) space() (byte, bool, error) {
	for {
		o.start = skipSpace(o.buf[:o.end], o.start)
		if o.start < o.end {
			return o.buf[o.start], true, nil
		}
		if o.eof {
			return 0, false, nil
		}
		if err := o.more(); err != nil {
			return 0, false, err
		}
	}
}

// next reads one object into members; it returns false at the end.
func (o *objects) next() (bool, error) {
	c, ok, err := o.space()
	if err != nil {
		return false, err
	}
	if !o.started && ok && c == '[' {
		o.array = true
		o.start++
		if c, ok, err = o.space(); err != nil {
			return false, err
		}
	} else if o.started && o.array && ok && c == ',' {
		o.start++
		if c, ok, err = o.space(); err != nil {
			return false, err
		}
		if ok && c == ']' {
			return false, errJSON
		}
	} else if o.started && o.array && ok && c != ']' {
		return false, errJSON
	}
	o.started = true
	switch {
	case !ok && o.array:
		return false, io.ErrUnexpectedEOF
	case !ok, o.array && c == ']':
		return false, nil
	}
	for {
		n, err := o.object(o.buf[o.start:o.end])
		if err == nil && n > 0 {
			o.start += n
			o.n++
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if o.eof {
			return false, io.ErrUnexpectedEOF
		}
		// Twice as much, so that a large object is not looked at again for
		// every small piece that comes.
		for want := 2 * (o.end - o.start); o.end-o.start < want && !o.eof; {
			if err := o.more(); err != nil {
				return false, err
			}
		}
	}
}

// value returns the value of a member, nil when there is none; of equal names
// the last wins. hint is where the member was in the object before.
func (o *objects) value(name string, hint *int) []byte {
	if h := *hint; h < len(o.members) && o.members[h].is(name) {
		// Nearly always; a second member of that name must come behind it.
		for k := len(o.members) - 1; k > h; k-- {
			if len(o.members[k].name) == len(name) && o.members[k].is(name) || o.members[k].escaped && o.members[k].is(name) {
				*hint = k
				return o.members[k].value
			}
		}
		return o.members[h].value
	}
	for k := len(o.members) - 1; k >= 0; k-- {
		if o.members[k].is(name) {
			*hint = k
			return o.members[k].value
		}
	}
	return nil
}

// is compares the name.
func (m *member) is(name string) bool {
	if m.escaped {
		return m.text() == name
	}
	return string(m.name) == name
}

// text returns the name as it is meant.
func (m *member) text() string {
	if !m.escaped {
		return string(m.name)
	}
	var s string
	quoted := append(append([]byte{'"'}, m.name...), '"')
	if json.Unmarshal(quoted, &s) != nil {
		return string(m.name)
	}
	return s
}

// object reads the object at the beginning of b into members and returns its
// length, 0 when b ends within it.
func (o *objects) object(b []byte) (int, error) {
	o.members = o.members[:0]
	if b[0] != '{' {
		// Anything else is only told from broken text.
		if end, err := o.skip(b, 0); err != nil || end == 0 {
			return 0, err
		}
		return 0, errNotObject
	}
	i := skipSpace(b, 1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i == len(b) {
			return 0, nil
		}
		if b[i] != '"' {
			return 0, errJSON
		}
		end, escaped, err := skipString(b, i)
		if err != nil || end == 0 {
			return 0, err
		}
		m := member{name: b[i+1 : end-1], escaped: escaped}
		if i = skipSpace(b, end); i == len(b) {
			return 0, nil
		}
		if b[i] != ':' {
			return 0, errJSON
		}
		if i = skipSpace(b, i+1); i == len(b) {
			return 0, nil
		}
		if end, err = o.skip(b, i); err != nil || end == 0 {
			return 0, err
		}
		m.value = b[i:end]
		o.members = append(o.members, m)
		if i = skipSpace(b, end); i == len(b) {
			return 0, nil
		}
		switch b[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = skipSpace(b, i+1)
		default:
			return 0, errJSON
		}
	}
}

// skipSpace returns the index of the next byte that is not white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the index behind the string at i, 0 when b ends within it.
func skipString(b []byte, i int) (end int, escaped bool, err error) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped, nil
		case c < 0x20:
			return 0, false, errJSON
		case c == '\\':
			escaped = true
			if i++; i == len(b) {
				return 0, false, nil
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for k := 1; k <= 4; k++ {
					if i+k == len(b) {
						return 0, false, nil
					}
					if !hexDigit(b[i+k]) {
						return 0, false, errJSON
					}
				}
				i += 4
			default:
				return 0, false, errJSON
			}
		}
	}
	return 0, false, nil
}

// hexDigit reports whether c is a hexadecimal digit.
func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// maxDepth is how deep values may be nested.
const maxDepth = 10_000

// skip checks the value at i and returns the index behind it, 0 when b ends
// within it. A number ends only before another byte.
func (o *objects) skip(b []byte, i int) (int, error) {
	stack := o.stack[:0]
	defer func() { o.stack = stack[:0] }()
	for {
		// A value starts at i.
		if i == len(b) {
			return 0, nil
		}
		var end int
		var err error
		switch c := b[i]; {
		case c == '"':
			end, _, err = skipString(b, i)
		case c == '{' || c == '[':
			if len(stack) == maxDepth {
				return 0, errJSON
			}
			next := skipSpace(b, i+1)
			if next == len(b) {
				return 0, nil
			}
			if b[next] == c+2 { // } and ] come two behind { and [
				end = next + 1
				break
			}
			stack = append(stack, c)
			if i = next; c == '{' {
				if i, err = skipName(b, i); err != nil || i == 0 {
					return 0, err
				}
			}
			continue
		case c == 't':
			end, err = skipWord(b, i, "true")
		case c == 'f':
			end, err = skipWord(b, i, "false")
		case c == 'n':
			end, err = skipWord(b, i, "null")
		default:
			end, err = o.skipNumber(b, i)
		}
		if err != nil || end == 0 {
			return 0, err
		}
		// The value ends at end: go up as long as what it is within ends, too.
		for {
			if len(stack) == 0 {
				return end, nil
			}
			top := stack[len(stack)-1]
			if i = skipSpace(b, end); i == len(b) {
				return 0, nil
			}
			if b[i] == top+2 {
				stack = stack[:len(stack)-1]
				end = i + 1
				continue
			}
			if b[i] != ',' {
				return 0, errJSON
			}
			i = skipSpace(b, i+1)
			if top == '{' {
				if i, err = skipName(b, i); err != nil || i == 0 {
					return 0, err
				}
			}
			break
		}
	}
}

// skipName passes over a name and its colon and returns where the value starts,
// 0 when b ends before.
func skipName(b []byte, i int) (int, error) {
	if i == len(b) {
		return 0, nil
	}
	if b[i] != '"' {
		return 0, errJSON
	}
	end, _, err := skipString(b, i)
	if err != nil || end == 0 {
		return 0, err
	}
	if i = skipSpace(b, end); i == len(b) {
		return 0, nil
	}
	if b[i] != ':' {
		return 0, errJSON
	}
	if i = skipSpace(b, i+1); i == len(b) {
		return 0, nil
	}
	return i, nil
}

// skipWord passes over a literal.
func skipWord(b []byte, i int, word string) (int, error) {
	n := min(len(word), len(b)-i)
	if string(b[i:i+n]) != word[:n] {
		return 0, errJSON
	}
	if n < len(word) {
		return 0, nil
	}
	return i + n, nil
}

// skipNumber passes over a number.
func (o *objects) skipNumber(b []byte, i int) (int, error) {
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	short := func() (int, error) {
		if i == len(b) {
			return 0, nil
		}
		return 0, errJSON
	}
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return short()
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return short()
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return short()
		}
	}
	if i == len(b) && !o.eof {
		return 0, nil // more digits may come
	}
	return i, nil
}

// jsonValue stores a JSON value (nil: the member is missing) as row i of c.
func jsonValue(c *decode.Column, i int, v []byte) error {
	switch {
	case v == nil || string(v) == "null" && c.Type.OID != types.JSON && c.Type.OID != types.JSONB:
		c.Null(i)
		return nil
	case c.Type.OID == types.JSON || c.Type.OID == types.JSONB:
		return c.Text(i, v)
	case v[0] == '"':
		text := v[1 : len(v)-1]
		if bytes.IndexByte(text, '\\') >= 0 || !utf8.Valid(text) {
			var s string
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
			text = []byte(s)
		}
		return c.Text(i, text)
	}
	return c.Text(i, v)
}
