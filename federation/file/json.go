package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/decode"
)

// objects streams the objects of a JSON file: one after the other, or the
// elements of one array.
type objects struct {
	dec     *json.Decoder
	started bool
	array   bool
	n       int64 // objects read
	raw     json.RawMessage
	current []byte // the object that members are of
	members map[string][]byte
}

// errNotObject is the cause of 22P02 for a value that is not an object.
var errNotObject = errors.New("a value is not a JSON object")

// newObjects returns the objects of r.
func newObjects(r io.Reader) *objects {
	return &objects{dec: json.NewDecoder(r), members: map[string][]byte{}}
}

// next reads one object into members; it returns false at the end.
func (o *objects) next() (bool, error) {
	if !o.started {
		o.started = true
		// Look whether the file is an array without consuming an object.
		var first json.RawMessage
		tok, rest, err := peekArray(o.dec)
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		o.array = tok
		if !tok && rest != nil {
			first = rest
			o.n++
			return true, o.split(first)
		}
	}
	if o.array && !o.dec.More() {
		if _, err := o.dec.Token(); err != nil && err != io.EOF {
			return false, err
		}
		return false, nil
	}
	o.raw = o.raw[:0]
	if err := o.dec.Decode(&o.raw); err != nil {
		if err == io.EOF {
			if o.array {
				return false, io.ErrUnexpectedEOF
			}
			return false, nil
		}
		return false, err
	}
	o.n++
	return true, o.split(o.raw)
}

// peekArray finds out whether the stream begins with an array; otherwise it
// returns the first value.
func peekArray(dec *json.Decoder) (array bool, first json.RawMessage, err error) {
	// Buffered shows what the decoder read ahead only after a read, so More
	// makes it read.
	if !dec.More() {
		return false, nil, io.EOF
	}
	head, err := io.ReadAll(io.LimitReader(dec.Buffered(), 4096))
	if err != nil {
		return false, nil, err
	}
	if t := bytes.TrimLeft(head, " \t\r\n"); len(t) > 0 && t[0] == '[' {
		_, err := dec.Token()
		return true, nil, err
	}
	if err := dec.Decode(&first); err != nil {
		return false, nil, err
	}
	return false, first, nil
}

// split cuts a valid object into its members; of equal names the last wins.
func (o *objects) split(raw []byte) error {
	clear(o.members)
	o.current = raw
	return eachMember(raw, func(name string, value []byte) { o.members[name] = value })
}

// eachMember calls f for the members of raw, which is valid JSON.
func eachMember(raw []byte, f func(name string, value []byte)) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return errNotObject
	}
	i := skipSpace(raw, 1)
	for i < len(raw) && raw[i] != '}' {
		end := skipValue(raw, i)
		name := raw[i+1 : end-1]
		key := string(name)
		if bytes.IndexByte(name, '\\') >= 0 {
			if err := json.Unmarshal(raw[i:end], &key); err != nil {
				return err
			}
		}
		i = skipSpace(raw, end)
		i = skipSpace(raw, i+1) // the colon
		end = skipValue(raw, i)
		f(key, raw[i:end])
		i = skipSpace(raw, end)
		if i < len(raw) && raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return nil
}

// skipSpace returns the index of the next byte that is not white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the index behind the valid JSON value at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i++
			for b[i] != '"' {
				if b[i] == '\\' {
					i++
				}
				i++
			}
			i++
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			from := i
			for i < len(b) && !bytes.ContainsRune([]byte(",:]} \t\r\n{[\""), rune(b[i])) {
				i++
			}
			if i == from {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
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
		if bytes.IndexByte(text, '\\') >= 0 || !plainText(text) {
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

// plainText reports whether every byte is ASCII.
func plainText(b []byte) bool {
	for _, x := range b {
		if x >= 0x80 {
			return false
		}
	}
	return true
}
