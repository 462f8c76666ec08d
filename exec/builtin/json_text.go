package builtin

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// The type json keeps its text: parts of a document are cut out of it as they
// are written. The text is valid JSON.

// jsonSkip returns the position behind white space.
func jsonSkip(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// jsonEnd returns where the value that starts at i ends.
func jsonEnd(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(s))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// jsonMembers calls f for each member of the object or element of the array s;
// key is the key as written, with its quotes, "" in an array.
func jsonMembers(s string, f func(key, value string) bool) {
	i := jsonSkip(s, 0)
	if i >= len(s) || s[i] != '{' && s[i] != '[' {
		return
	}
	object := s[i] == '{'
	for i = jsonSkip(s, i+1); i < len(s) && s[i] != '}' && s[i] != ']'; {
		key := ""
		if object {
			end := jsonEnd(s, i)
			key = s[i:end]
			i = jsonSkip(s, jsonSkip(s, end)+1)
		}
		end := jsonEnd(s, i)
		if !f(key, s[i:end]) {
			return
		}
		if i = jsonSkip(s, end); i < len(s) && s[i] == ',' {
			i = jsonSkip(s, i+1)
		}
	}
}

// jsonString returns what a JSON string literal means.
func jsonString(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1], nil
	}
	v, err := types.ParseJSONB(strings.Clone(s))
	return v.Str, err
}

// jsonStart is the first byte of a document.
func jsonStart(s string) byte {
	if i := jsonSkip(s, 0); i < len(s) {
		return s[i]
	}
	return 0
}

// textField returns the last member with a key.
func textField(s, key string) (value string, ok bool, err error) {
	if jsonStart(s) != '{' {
		return "", false, nil
	}
	jsonMembers(s, func(k, v string) bool {
		var name string
		if name, err = jsonString(k); err != nil {
			return false
		}
		if name == key {
			value, ok = v, true
		}
		return true
	})
	return value, ok, err
}

// textElement returns an element of an array.
func textElement(s string, index int64) (value string, ok bool) {
	if jsonStart(s) != '[' {
		return "", false
	}
	if index < 0 {
		jsonMembers(s, func(_, _ string) bool { index++; return true })
		if index < 0 {
			return "", false
		}
		// index counted up once for every element is the position from the start.
	}
	jsonMembers(s, func(_, v string) bool {
		if index == 0 {
			value, ok = v, true
			return false
		}
		index--
		return true
	})
	return value, ok
}

// textResult is a part of a document as json, or as text.
func textResult(s string, ok, asText bool) (types.Datum, error) {
	if !ok {
		return types.Null, nil
	}
	if asText {
		switch jsonStart(s) {
		case 'n':
			return types.Null, nil
		case '"':
			v, err := jsonString(strings.TrimSpace(s))
			return types.TextDatum(strings.Clone(v)), err
		}
	}
	return types.TextDatum(strings.Clone(s)), nil
}

// escapesHold checks the escapes of a document, which its type takes as they are:
// who reads a part of it reads them all.
func escapesHold(s string) error {
	if !strings.Contains(s, `\u`) {
		return nil
	}
	_, err := types.ParseJSONB(s)
	return err
}

// textStep is -> and ->> on json.
func textStep(asText, byIndex bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		if err := escapesHold(r.text(0)); err != nil {
			return types.Null, err
		}
		if byIndex {
			v, ok := textElement(r.text(0), r.int(1))
			return textResult(v, ok, asText)
		}
		v, ok, err := textField(r.text(0), r.text(1))
		if err != nil {
			return types.Null, err
		}
		return textResult(v, ok, asText)
	})
}

// textPath is #> and #>> on json.
func textPath(asText bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		path, err := r.array(1)
		if err == nil {
			err = escapesHold(r.text(0))
		}
		if err != nil {
			return types.Null, err
		}
		s, ok := r.text(0), true
		if len(path.Elems) > 0 {
			s = strings.Trim(s, " \t\n\r")
		}
		for _, p := range path.Elems {
			if p.Null {
				return types.Null, nil
			}
			if jsonStart(s) == '[' {
				n, err := strconv.ParseInt(strings.TrimLeft(p.S, " \t\n\r"), 10, 32)
				if err != nil {
					return types.Null, nil //nolint:nilerr // a word is no index: there is no such element
				}
				s, ok = textElement(s, n)
			} else if s, ok, err = textField(s, p.S); err != nil {
				return types.Null, err
			}
			if !ok {
				return types.Null, nil
			}
		}
		return textResult(s, true, asText)
	})
}

// textElements yields the elements of a json array.
func textElements(name string, asText bool) function.RowsFunc {
	return func(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
		if anyNull(args) {
			return nil
		}
		switch jsonStart(args[0].S) {
		case '[':
		case '{':
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a non-array", name)
		default:
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a scalar", name)
		}
		var err error
		jsonMembers(args[0].S, func(_, v string) bool {
			var d types.Datum
			if d, err = textResult(v, true, asText); err == nil {
				err = emit([]types.Datum{d})
			}
			return err == nil
		})
		return err
	}
}

// textPairs yields the members of a json object.
func textPairs(name string, values, asText bool) function.RowsFunc {
	return func(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
		if anyNull(args) {
			return nil
		}
		switch c := jsonStart(args[0].S); {
		case c == '{':
		case values && c == '[':
			return pgerror.New(pgerror.InvalidParameterValue, "cannot deconstruct an array as an object")
		case values:
			return pgerror.New(pgerror.InvalidParameterValue, "cannot deconstruct a scalar")
		case c == '[':
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on an array", name)
		default:
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a scalar", name)
		}
		var err error
		jsonMembers(args[0].S, func(k, v string) bool {
			var key string
			if key, err = jsonString(k); err != nil {
				return false
			}
			row := []types.Datum{types.TextDatum(strings.Clone(key))}
			if values {
				var d types.Datum
				if d, err = textResult(v, true, asText); err != nil {
					return false
				}
				row = append(row, d)
			}
			err = emit(row)
			return err == nil
		})
		return err
	}
}

// textStrip is json_strip_nulls: the text without white space and null members.
func textStrip(r *row) (types.Datum, error) {
	b, err := appendStripped(nil, strings.Trim(r.text(0), " \t\n\r"))
	return types.TextDatum(string(b)), err
}

func appendStripped(dst []byte, s string) ([]byte, error) {
	c := jsonStart(s)
	if c == '"' {
		v, err := jsonString(s)
		return types.AppendJSONString(dst, v), err
	}
	if c != '{' && c != '[' {
		return append(dst, s...), nil
	}
	dst = append(dst, c)
	first := true
	var err error
	jsonMembers(s, func(k, v string) bool {
		if c == '{' && jsonStart(v) == 'n' {
			return true
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if c == '{' {
			var key string
			if key, err = jsonString(k); err != nil {
				return false
			}
			dst = append(types.AppendJSONString(dst, key), ':')
		}
		dst, err = appendStripped(dst, v)
		return err == nil
	})
	return append(dst, c+2), err // } and ] stand two behind { and [
}

// jsonTexts are the functions of type json that keep the text.
func jsonTexts() []entry {
	return []entry{
		{sigs: "json_object_field(json,text)", kernel: textStep(false, false), doc: "A field of an object."},
		{sigs: "json_object_field_text(json,text)", kernel: textStep(true, false), doc: "A field of an object as text."},
		{sigs: "json_array_element(json,int4)", kernel: textStep(false, true), doc: "An element of an array."},
		{sigs: "json_array_element_text(json,int4)", kernel: textStep(true, true), doc: "An element of an array as text."},
		{sigs: "json_extract_path(json,_text)", kernel: textPath(false), doc: "What stands at a path."},
		{sigs: "json_extract_path_text(json,_text)", kernel: textPath(true), doc: "What stands at a path, as text."},
		{sigs: "json_array_elements(json)", rows: textElements("json_array_elements", false), doc: "The elements of an array."},
		{sigs: "json_array_elements_text(json)", rows: textElements("json_array_elements_text", true), doc: "The elements of an array as text."},
		{sigs: "json_object_keys(json)", rows: textPairs("json_object_keys", false, false), doc: "The keys of an object."},
		{sigs: "json_each(json)", rows: textPairs("json_each", true, false), doc: "The keys and values of an object."},
		{sigs: "json_each_text(json)", rows: textPairs("json_each_text", true, true), doc: "The keys and values of an object, values as text."},
		{sigs: "json_strip_nulls(json)", kernel: each(textStrip), doc: "Drops members that are null, and white space."},
	}
}
