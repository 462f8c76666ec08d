package builtin

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// isScalar reports whether v is neither array nor object.
func isScalar(v types.JSONValue) bool {
	return v.Kind != types.JSONArrayKind && v.Kind != types.JSONObject
}

func errJSON(what string) *pgerror.Error { return pgerror.New(pgerror.InvalidParameterValue, what) }

// jsonEdit makes a kernel that changes the document in argument 0.
func jsonEdit(f func(r *row, v types.JSONValue) (types.JSONValue, error)) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		v, err := r.json(0)
		if err != nil {
			return types.Null, err
		}
		if v, err = f(r, v); err != nil {
			return types.Null, err
		}
		return text(v.String())
	})
}

// jsonConcat is ||: objects are merged, everything else is joined as arrays.
func jsonConcat(r *row, a types.JSONValue) (types.JSONValue, error) {
	b, err := r.json(1)
	if err != nil {
		return a, err
	}
	if a.Kind == types.JSONObject && b.Kind == types.JSONObject {
		return types.NewJSONObject(append(slices.Clone(a.Keys), b.Keys...), append(slices.Clone(a.Elems), b.Elems...)), nil
	}
	list := func(v types.JSONValue) []types.JSONValue {
		if v.Kind == types.JSONArrayKind {
			return v.Elems
		}
		return []types.JSONValue{v}
	}
	return types.JSONValue{Kind: types.JSONArrayKind, Elems: append(slices.Clone(list(a)), list(b)...)}, nil
}

// jsonWithout drops keys of an object, or strings of an array.
func jsonWithout(v types.JSONValue, drop func(string) bool) (types.JSONValue, error) {
	if isScalar(v) {
		return v, errJSON("cannot delete from scalar")
	}
	out := types.JSONValue{Kind: v.Kind}
	for i, e := range v.Elems {
		if v.Kind == types.JSONObject {
			if drop(v.Keys[i]) {
				continue
			}
			out.Keys = append(out.Keys, v.Keys[i])
		} else if e.Kind == types.JSONString && drop(e.Str) {
			continue
		}
		out.Elems = append(out.Elems, e)
	}
	return out, nil
}

// jsonDeleteIndex is - with an index.
func jsonDeleteIndex(r *row, v types.JSONValue) (types.JSONValue, error) {
	switch {
	case isScalar(v):
		return v, errJSON("cannot delete from scalar")
	case v.Kind == types.JSONObject:
		return v, errJSON("cannot delete from object using integer index")
	}
	i := r.int(1)
	if i < 0 {
		i += int64(len(v.Elems))
	}
	if i < 0 || i >= int64(len(v.Elems)) {
		return v, nil
	}
	return types.JSONValue{Kind: v.Kind, Elems: slices.Delete(slices.Clone(v.Elems), int(i), int(i)+1)}, nil
}

// Ways to change what stands at a path.
type editMode uint8

const (
	editReplace editMode = 1 << iota
	editCreate
	editDelete
	editBefore
	editAfter
)

// editAdds are the modes that add what is not there.
const editAdds = editCreate | editBefore | editAfter

// jsonChange is one change of a document at a path.
type jsonChange struct {
	path []types.Datum
	with types.JSONValue
	mode editMode
}

// apply changes v, which stands at the level of the path.
func (c *jsonChange) apply(v types.JSONValue, level int) (types.JSONValue, error) {
	if level >= len(c.path) {
		return v, nil
	}
	if c.path[level].Null {
		return v, pgerror.Newf(pgerror.NullValueNotAllowed, "path element at position %d is null", level+1)
	}
	if isScalar(v) {
		return v, nil
	}
	last := level == len(c.path)-1
	if v.Kind == types.JSONObject {
		return c.object(v, level, last)
	}
	return c.array(v, level, last)
}

func (c *jsonChange) object(v types.JSONValue, level int, last bool) (types.JSONValue, error) {
	key := c.path[level].S
	at, found := slices.BinarySearchFunc(v.Keys, key, types.CompareJSONKey)
	out := types.JSONValue{Kind: v.Kind, Keys: slices.Clone(v.Keys), Elems: slices.Clone(v.Elems)}
	switch {
	case !found && last && c.mode&editAdds != 0:
		out.Keys, out.Elems = slices.Insert(out.Keys, at, key), slices.Insert(out.Elems, at, c.with)
	case !found:
	case !last:
		var err error
		if out.Elems[at], err = c.apply(v.Elems[at], level+1); err != nil {
			return v, err
		}
	case c.mode&(editBefore|editAfter) != 0:
		return v, errJSON("cannot replace existing key").WithHint("Try using the function jsonb_set to replace key value.")
	case c.mode&editDelete != 0:
		out.Keys, out.Elems = slices.Delete(out.Keys, at, at+1), slices.Delete(out.Elems, at, at+1)
	default:
		out.Elems[at] = c.with
	}
	return out, nil
}

func (c *jsonChange) array(v types.JSONValue, level int, last bool) (types.JSONValue, error) {
	word := c.path[level].S
	n, err := strconv.ParseInt(strings.TrimLeft(word, " \t\n\r\f\v"), 10, 32)
	if err != nil || strings.Contains(word, "_") {
		return v, pgerror.Newf(pgerror.InvalidTextRepresentation, "path element at position %d is not an integer: \"%s\"", level+1, word)
	}
	size := int64(len(v.Elems))
	if n < 0 {
		if -n > size {
			n = math.MinInt32
		} else {
			n += size
		}
	}
	n = min(n, size)
	out := types.JSONValue{Kind: v.Kind, Elems: slices.Clone(v.Elems)}
	switch {
	case n == math.MinInt32 || size == 0:
		if last && c.mode&editAdds != 0 {
			out.Elems = slices.Insert(out.Elems, 0, c.with)
		}
	case n == size:
		if last && c.mode&editAdds != 0 {
			out.Elems = append(out.Elems, c.with)
		}
	case !last:
		if out.Elems[n], err = c.apply(v.Elems[n], level+1); err != nil {
			return v, err
		}
	case c.mode&editDelete != 0:
		out.Elems = slices.Delete(out.Elems, int(n), int(n)+1)
	case c.mode&editBefore != 0:
		out.Elems = slices.Insert(out.Elems, int(n), c.with)
	case c.mode&editAfter != 0:
		out.Elems = slices.Insert(out.Elems, int(n)+1, c.with)
	default:
		out.Elems[n] = c.with
	}
	return out, nil
}

// change reads the path in argument 1 and applies a change.
func (r *row) change(v, with types.JSONValue, mode editMode) (types.JSONValue, error) {
	a, err := r.array(1)
	if err != nil {
		return v, err
	}
	if len(a.Dims) > 1 {
		return v, pgerror.New(pgerror.ArraySubscriptError, "wrong number of array subscripts")
	}
	if isScalar(v) {
		if mode == editDelete {
			return v, errJSON("cannot delete path in scalar")
		}
		return v, errJSON("cannot set path in scalar")
	}
	if len(v.Elems) == 0 && mode&editAdds == 0 {
		return v, nil
	}
	c := jsonChange{path: a.Elems, with: with, mode: mode}
	return c.apply(v, 0)
}

// jsonSet is jsonb_set.
func jsonSet(r *row, v types.JSONValue) (types.JSONValue, error) {
	with, err := r.json(2)
	if err != nil {
		return v, err
	}
	mode := editReplace
	if r.bool(3) {
		mode = editCreate
	}
	return r.change(v, with, mode)
}

// jsonInsert is jsonb_insert.
func jsonInsert(r *row, v types.JSONValue) (types.JSONValue, error) {
	with, err := r.json(2)
	if err != nil {
		return v, err
	}
	mode := editBefore
	if r.bool(3) {
		mode = editAfter
	}
	return r.change(v, with, mode)
}

// jsonSetLax is jsonb_set_lax, which is not strict.
func jsonSetLax(r *row) (types.Datum, error) {
	if r.null(0) || r.null(1) || r.null(3) {
		return types.Null, nil
	}
	if r.null(4) {
		return types.Null, errTreatment()
	}
	v, err := r.json(0)
	if err != nil {
		return types.Null, err
	}
	if !r.null(2) {
		v, err = jsonSet(r, v)
		return types.TextDatum(v.String()), err
	}
	switch r.text(4) {
	case "raise_exception":
		return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "JSON value must not be null").
			WithDetail("Exception was raised because null_value_treatment is \"raise_exception\".").
			WithHint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")
	case "use_json_null":
		mode := editReplace
		if r.bool(3) {
			mode = editCreate
		}
		v, err = r.change(v, types.JSONValue{Kind: types.JSONNull}, mode)
	case "delete_key":
		v, err = r.change(v, types.JSONValue{}, editDelete)
	case "return_target":
	default:
		return types.Null, errTreatment()
	}
	return types.TextDatum(v.String()), err
}

func errTreatment() error {
	return errJSON("null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")
}

// stripNulls drops the members of objects that are null.
func stripNulls(v types.JSONValue) types.JSONValue {
	if isScalar(v) {
		return v
	}
	out := types.JSONValue{Kind: v.Kind}
	for i, e := range v.Elems {
		if v.Kind == types.JSONObject {
			if e.Kind == types.JSONNull {
				continue
			}
			out.Keys = append(out.Keys, v.Keys[i])
		}
		out.Elems = append(out.Elems, stripNulls(e))
	}
	return out
}

// prettyJSON appends v with one member a line.
func prettyJSON(dst []byte, v types.JSONValue, indent int) []byte {
	if isScalar(v) {
		return v.Append(dst)
	}
	line := func(n int) {
		dst = append(dst, '\n')
		dst = append(dst, strings.Repeat("    ", n)...)
	}
	open, end := byte('['), byte(']')
	if v.Kind == types.JSONObject {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i, e := range v.Elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		line(indent + 1)
		if v.Kind == types.JSONObject {
			dst = append(types.AppendJSONString(dst, v.Keys[i]), ": "...)
		}
		dst = prettyJSON(dst, e, indent+1)
	}
	line(indent)
	return append(dst, end)
}

// objectOfArrays is json_object.
func objectOfArrays(r *row) (types.Datum, error) {
	a, err := r.array(0)
	if err != nil {
		return types.Null, err
	}
	subscripts := func(what string) (types.Datum, error) {
		return types.Null, pgerror.New(pgerror.ArraySubscriptError, what)
	}
	var keys, values []types.Datum
	if r.n() == 2 {
		b, err := r.array(1)
		if err != nil {
			return types.Null, err
		}
		switch {
		case len(a.Dims) > 1 || len(a.Dims) != len(b.Dims):
			return subscripts("wrong number of array subscripts")
		case len(a.Elems) != len(b.Elems):
			return subscripts("mismatched array dimensions")
		}
		keys, values = a.Elems, b.Elems
	} else {
		switch {
		case len(a.Dims) == 1 && len(a.Elems)%2 != 0:
			return subscripts("array must have even number of elements")
		case len(a.Dims) == 2 && a.Dims[1].Len != 2:
			return subscripts("array must have two columns")
		case len(a.Dims) > 2:
			return subscripts("wrong number of array subscripts")
		}
		for i := 0; i+1 < len(a.Elems); i += 2 {
			keys, values = append(keys, a.Elems[i]), append(values, a.Elems[i+1])
		}
	}
	b := []byte{'{'}
	for i := range keys {
		if keys[i].Null {
			return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "null value not allowed for object key")
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(types.AppendJSONString(b, keys[i].S), " : "...)
		if values[i].Null {
			b = append(b, "null"...)
		} else {
			b = types.AppendJSONString(b, values[i].S)
		}
	}
	return finishJSON(r.c, append(b, '}'))
}

// jsonEdits are the functions that change JSON documents.
func jsonEdits() []entry {
	return []entry{
		{sigs: "jsonb_concat(jsonb,jsonb)", kernel: jsonEdit(jsonConcat), doc: "Merges two objects or joins two arrays."},
		{sigs: "jsonb_delete(jsonb,text)", kernel: jsonEdit(func(r *row, v types.JSONValue) (types.JSONValue, error) {
			return jsonWithout(v, func(s string) bool { return s == r.text(1) })
		}), doc: "Drops a key or all equal strings."},
		{sigs: "jsonb_delete(jsonb,int4)", kernel: jsonEdit(jsonDeleteIndex), doc: "Drops an element."},
		{sigs: "jsonb_delete(jsonb,_text)", kernel: jsonEdit(func(r *row, v types.JSONValue) (types.JSONValue, error) {
			a, err := r.array(1)
			if err != nil {
				return v, err
			}
			if len(a.Dims) > 1 {
				return v, pgerror.New(pgerror.ArraySubscriptError, "wrong number of array subscripts")
			}
			return jsonWithout(v, func(s string) bool {
				return slices.ContainsFunc(a.Elems, func(d types.Datum) bool { return !d.Null && d.S == s })
			})
		}), doc: "Drops keys or strings."},
		{sigs: "jsonb_delete_path(jsonb,_text)", kernel: jsonEdit(func(r *row, v types.JSONValue) (types.JSONValue, error) {
			return r.change(v, types.JSONValue{}, editDelete)
		}), doc: "Drops what stands at a path."},
		{sigs: "jsonb_set(jsonb,_text,jsonb,bool)", kernel: jsonEdit(jsonSet), doc: "Changes what stands at a path."},
		{sigs: "jsonb_set_lax(jsonb,_text,jsonb,bool,text)", kernel: each(jsonSetLax), doc: "Changes what stands at a path; the last argument says what NULL does."},
		{sigs: "jsonb_insert(jsonb,_text,jsonb,bool)", kernel: jsonEdit(jsonInsert), doc: "Inserts at a path."},
		{sigs: "jsonb_strip_nulls(jsonb)", kernel: jsonEdit(func(_ *row, v types.JSONValue) (types.JSONValue, error) { return stripNulls(v), nil }), doc: "Drops members that are null."},
		{sigs: "jsonb_pretty(jsonb)", kernel: each(func(r *row) (types.Datum, error) {
			v, err := r.json(0)
			return types.TextDatum(string(prettyJSON(nil, v, 0))), err
		}), doc: "The document with one member a line."},
		{sigs: "json_object(_text) json_object(_text,_text) jsonb_object(_text) jsonb_object(_text,_text)", kernel: each(objectOfArrays), doc: "An object of strings."},
		{sigs: "jsonb_cmp(jsonb,jsonb)", kernel: each(func(r *row) (types.Datum, error) {
			a, err := r.json(0)
			if err != nil {
				return types.Null, err
			}
			b, err := r.json(1)
			return types.IntDatum(int64(types.CompareJSON(a, b))), err
		}), doc: "Orders two documents."},
	}
}
