package types

import (
	"cmp"
	"slices"
	"strings"
)

// JSONKind tells the kinds of JSON values, in jsonb's sort order.
type JSONKind uint8

// JSON kinds, smallest first as jsonb orders scalars, then arrays and objects.
const (
	JSONNull JSONKind = iota
	JSONString
	JSONNumber
	JSONFalse
	JSONTrue
	JSONArrayKind
	JSONObject
)

// JSONValue is a parsed JSON value. Objects have their keys in jsonb order,
// without duplicates.
type JSONValue struct {
	Kind JSONKind
	// Str is the unescaped string.
	Str string
	// Num is the number.
	Num Num
	// Elems are the elements of an array or the values of an object; Keys are
	// the object's keys.
	Elems []JSONValue
	Keys  []string
}

// ParseJSONB parses JSON text into a tree as jsonb input does: the last of
// duplicate keys wins, keys are sorted by length, then bytewise.
func ParseJSONB(s string) (JSONValue, error) {
	if err := checkText(s); err != nil {
		return JSONValue{}, err
	}
	var b jsonBuilder
	b.stack = []JSONValue{{Kind: JSONArrayKind}}
	p := jsonParser{s: s, h: &jsonHandler{
		scalar:     b.scalar,
		startArray: func() { b.stack = append(b.stack, JSONValue{Kind: JSONArrayKind}) },
		startObj:   func() { b.stack = append(b.stack, JSONValue{Kind: JSONObject}) },
		key: func(k string) {
			top := &b.stack[len(b.stack)-1]
			top.Keys = append(top.Keys, k)
		},
		endArray: b.pop,
		endObj: func() {
			b.stack[len(b.stack)-1].sortKeys()
			b.pop()
		},
	}}
	if err := p.document(); err != nil {
		return JSONValue{}, err
	}
	return b.stack[0].Elems[0], nil
}

type jsonBuilder struct{ stack []JSONValue }

func (b *jsonBuilder) add(v JSONValue) {
	top := &b.stack[len(b.stack)-1]
	top.Elems = append(top.Elems, v)
}

func (b *jsonBuilder) pop() {
	v := b.stack[len(b.stack)-1]
	b.stack = b.stack[:len(b.stack)-1]
	b.add(v)
}

func (b *jsonBuilder) scalar(kind byte, text string) error {
	switch kind {
	case 's':
		b.add(JSONValue{Kind: JSONString, Str: text})
	case 'n':
		n, err := ParseNum(text)
		if err != nil {
			return err
		}
		b.add(JSONValue{Kind: JSONNumber, Num: n})
	case 't':
		b.add(JSONValue{Kind: JSONTrue})
	case 'f':
		b.add(JSONValue{Kind: JSONFalse})
	default:
		b.add(JSONValue{Kind: JSONNull})
	}
	return nil
}

// CompareJSONKey orders the keys of a jsonb object.
func CompareJSONKey(a, b string) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// NewJSONObject builds an object; of equal keys the last one wins. It takes over
// both slices.
func NewJSONObject(keys []string, values []JSONValue) JSONValue {
	v := JSONValue{Kind: JSONObject, Keys: keys, Elems: values}
	v.sortKeys()
	return v
}

// sortKeys orders an object's keys and drops all but the last of equal ones.
func (v *JSONValue) sortKeys() {
	order := make([]int, len(v.Keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return CompareJSONKey(v.Keys[a], v.Keys[b]) })
	keys := make([]string, 0, len(order))
	values := make([]JSONValue, 0, len(order))
	for _, i := range order {
		if n := len(keys); n > 0 && keys[n-1] == v.Keys[i] {
			values[n-1] = v.Elems[i]
			continue
		}
		keys = append(keys, v.Keys[i])
		values = append(values, v.Elems[i])
	}
	v.Keys, v.Elems = keys, values
}

// Get returns the value of a key of an object.
func (v JSONValue) Get(key string) (JSONValue, bool) {
	i, ok := slices.BinarySearchFunc(v.Keys, key, CompareJSONKey)
	if !ok {
		return JSONValue{}, false
	}
	return v.Elems[i], true
}

// Append appends the value as jsonb prints it.
func (v JSONValue) Append(dst []byte) []byte {
	switch v.Kind {
	case JSONNull:
		return append(dst, "null"...)
	case JSONTrue:
		return append(dst, "true"...)
	case JSONFalse:
		return append(dst, "false"...)
	case JSONNumber:
		return v.Num.AppendText(dst)
	case JSONString:
		return AppendJSONString(dst, v.Str)
	case JSONArrayKind:
		dst = append(dst, '[')
		for i := range v.Elems {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = v.Elems[i].Append(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range v.Elems {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(AppendJSONString(dst, v.Keys[i]), ": "...)
		dst = v.Elems[i].Append(dst)
	}
	return append(dst, '}')
}

// String returns the value as jsonb prints it.
func (v JSONValue) String() string { return string(v.Append(nil)) }

// NormalizeJSONB returns the text that jsonb prints for s, which is how jsonb is
// stored.
func NormalizeJSONB(s string) (string, error) {
	v, err := ParseJSONB(s)
	if err != nil {
		return "", err
	}
	return v.String(), nil
}

// AppendJSONString appends s as a JSON string literal, escaped as PostgreSQL does.
func AppendJSONString(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

// CompareJSON orders two jsonb values as PostgreSQL does: objects above arrays
// above booleans above numbers above strings above null; larger containers above
// smaller ones, except that an empty array at the top sorts lowest.
func CompareJSON(a, b JSONValue) int { return compareJSON(a, b, true) }

func compareJSON(a, b JSONValue, top bool) int {
	if a.Kind != b.Kind {
		if top {
			// A scalar document is stored as an array of one element, so an
			// empty array comes before it.
			ka, kb := a.Kind, b.Kind
			if ka == JSONArrayKind && len(a.Elems) == 0 && kb != JSONObject {
				return -1
			}
			if kb == JSONArrayKind && len(b.Elems) == 0 && ka != JSONObject {
				return 1
			}
		}
		return cmp.Compare(a.Kind, b.Kind)
	}
	switch a.Kind {
	case JSONString:
		return strings.Compare(a.Str, b.Str)
	case JSONNumber:
		return a.Num.Cmp(b.Num)
	case JSONArrayKind, JSONObject:
		if c := cmp.Compare(len(a.Elems), len(b.Elems)); c != 0 {
			return c
		}
		for i := range a.Elems {
			if a.Kind == JSONObject {
				if c := strings.Compare(a.Keys[i], b.Keys[i]); c != 0 {
					return c
				}
			}
			if c := compareJSON(a.Elems[i], b.Elems[i], false); c != 0 {
				return c
			}
		}
	}
	return 0
}

// CanonicalJSON prints a value so that equal values have equal texts: numbers
// lose the zeros at their end.
func CanonicalJSON(v JSONValue) string { return v.canonical().String() }

func (v JSONValue) canonical() JSONValue {
	if v.Kind == JSONNumber {
		v.Num = v.Num.TrimScale()
	}
	if len(v.Elems) > 0 {
		elems := make([]JSONValue, len(v.Elems))
		for i, e := range v.Elems {
			elems[i] = e.canonical()
		}
		v.Elems = elems
	}
	return v
}
