package builtin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// json parses argument k.
func (r *row) json(k int) (types.JSONValue, error) {
	return types.ParseJSONB(strings.Clone(r.text(k)))
}

// jsonStep descends into an object by key or an array by index.
func jsonStep(v types.JSONValue, key string, index int64, byIndex bool) (types.JSONValue, bool) {
	switch {
	case !byIndex && v.Kind == types.JSONObject:
		return v.Get(key)
	case byIndex && v.Kind != types.JSONArrayKind && v.Kind != types.JSONObject && (index == 0 || index == -1):
		return v, true // a scalar document is an array of one element
	case byIndex && v.Kind == types.JSONArrayKind:
		if index < 0 {
			index += int64(len(v.Elems))
		}
		if index >= 0 && index < int64(len(v.Elems)) {
			return v.Elems[index], true
		}
	}
	return types.JSONValue{}, false
}

// jsonResult is a JSON value as json, or as text: a string without its quotes,
// null as NULL.
func jsonResult(v types.JSONValue, ok, asText bool) (types.Datum, error) {
	switch {
	case !ok || asText && v.Kind == types.JSONNull:
		return types.Null, nil
	case asText && v.Kind == types.JSONString:
		return types.TextDatum(v.Str), nil
	}
	return types.TextDatum(v.String()), nil
}

// jsonField is -> and ->>.
func jsonField(asText, byIndex bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		v, err := r.json(0)
		if err != nil {
			return types.Null, err
		}
		var sub types.JSONValue
		var ok bool
		if byIndex {
			sub, ok = jsonStep(v, "", r.int(1), true)
		} else {
			sub, ok = jsonStep(v, r.text(1), 0, false)
		}
		return jsonResult(sub, ok, asText)
	})
}

// jsonPath is #> and #>>.
func jsonPath(asText bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		v, err := r.json(0)
		if err != nil {
			return types.Null, err
		}
		path, err := r.array(1)
		if err != nil {
			return types.Null, err
		}
		for _, p := range path.Elems {
			if p.Null {
				return types.Null, nil
			}
			ok := false
			if v.Kind == types.JSONArrayKind {
				d, err := types.ParseText(types.Of(types.Int4), p.S, r.c.Session.Format())
				if err != nil {
					return types.Null, nil //nolint:nilerr // a word is no index: there is no such element
				}
				v, ok = jsonStep(v, "", d.I, true)
			} else {
				v, ok = jsonStep(v, p.S, 0, false)
			}
			if !ok {
				return types.Null, nil
			}
		}
		return jsonResult(v, true, asText)
	})
}

// appendJSON appends a SQL value as JSON.
func appendJSON(dst []byte, t types.Type, d types.Datum, f *types.Format) ([]byte, error) {
	if d.Null {
		return append(dst, "null"...), nil
	}
	switch t.OID {
	case types.JSON, types.JSONB:
		return append(dst, d.S...), nil
	case types.Bool:
		if d.Bool() {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case types.Int2, types.Int4, types.Int8, types.Numeric, types.Float4, types.Float8:
		s := types.FormatText(t, d, f)
		if strings.ContainsAny(s, "NI") { // NaN and the infinities have no JSON number
			return types.AppendJSONString(dst, s), nil
		}
		return append(dst, s...), nil
	case types.Date, types.Timestamp, types.TimestampTZ:
		iso := *f
		iso.DateStyle = "ISO"
		s := types.FormatText(t, d, &iso)
		s = strings.Replace(s, " ", "T", 1)
		if n := len(s); t.OID == types.TimestampTZ && n > 3 && (s[n-3] == '+' || s[n-3] == '-') {
			s += ":00"
		}
		return types.AppendJSONString(dst, s), nil
	}
	if t.IsRow() {
		return appendJSONRow(dst, t, d, f)
	}
	if t.IsArray() {
		a, err := types.DecodeArray(d.S)
		if err != nil {
			return dst, err
		}
		return appendJSONArray(dst, a, a.Dims, f)
	}
	return types.AppendJSONString(dst, types.FormatText(t, d, f)), nil
}

// appendJSONRow appends a record: its fields have the names that its type gives
// them, else f1, f2 and so on.
func appendJSONRow(dst []byte, t types.Type, d types.Datum, f *types.Format) ([]byte, error) {
	fields, err := types.DecodeRecord(d.S)
	if err != nil {
		return dst, err
	}
	columns := f.Composite(t.OID)
	dst = append(dst, '{')
	for i, x := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		name := "f" + strconv.Itoa(i+1)
		if i < len(columns) {
			name = columns[i].Name
		}
		dst = append(types.AppendJSONString(dst, name), ':')
		if dst, err = appendJSON(dst, types.Of(x.Type), x.Value, f); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendJSONArray appends one dimension of an array.
func appendJSONArray(dst []byte, a types.Array, dims []types.Dim, f *types.Format) ([]byte, error) {
	dst = append(dst, '[')
	if len(dims) > 0 {
		per := len(a.Elems) / max(int(dims[0].Len), 1)
		for i := range int(dims[0].Len) {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if part := (types.Array{Elem: a.Elem, Elems: a.Elems[i*per : (i+1)*per]}); len(dims) > 1 {
				dst, err = appendJSONArray(dst, part, dims[1:], f)
			} else {
				dst, err = appendJSON(dst, types.Of(a.Elem), part.Elems[0], f)
			}
			if err != nil {
				return dst, err
			}
		}
	}
	return append(dst, ']'), nil
}

// finishJSON returns JSON text as the type of the call's result.
func finishJSON(c *function.Call, b []byte) (types.Datum, error) {
	if c.Ret.OID == types.JSONB {
		s, err := types.NormalizeJSONB(string(b))
		return types.TextDatum(s), err
	}
	return types.TextDatum(string(b)), nil
}

// toJSON is to_json and to_jsonb.
func toJSON(r *row) (types.Datum, error) {
	b, err := appendJSON(nil, r.args[0].Type, r.datum(0), r.c.Session.Format())
	if err != nil {
		return types.Null, err
	}
	return finishJSON(r.c, b)
}

// buildArray is json_build_array.
func buildArray(r *row) (types.Datum, error) {
	b := []byte{'['}
	for k := range r.args {
		if k > 0 {
			b = append(b, ", "...)
		}
		var err error
		if b, err = appendJSON(b, r.args[k].Type, r.datum(k), r.c.Session.Format()); err != nil {
			return types.Null, err
		}
	}
	return finishJSON(r.c, append(b, ']'))
}

// buildObject is json_build_object.
func buildObject(r *row) (types.Datum, error) {
	if r.n()%2 != 0 {
		return types.Null, pgerror.New(pgerror.InvalidParameterValue, "argument list must have even number of elements").
			WithHint("The arguments of %s() must consist of alternating keys and values.", map[bool]string{true: "jsonb_build_object", false: "json_build_object"}[r.c.Ret.OID == types.JSONB])
	}
	b := []byte{'{'}
	for k := 0; k < r.n(); k += 2 {
		if r.null(k) {
			if r.c.Ret.OID == types.JSONB {
				return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "argument %d: key must not be null", k+1)
			}
			return types.Null, pgerror.Newf(pgerror.InvalidParameterValue, "argument %d cannot be null", k+1).WithHint("Object keys should be text.")
		}
		switch t := r.args[k].Type; {
		case t.IsArray(), t.IsRow(), t.OID == types.JSON, t.OID == types.JSONB:
			return types.Null, pgerror.New(pgerror.InvalidParameterValue, "key value must be scalar, not array, composite, or json")
		}
		if k > 0 {
			b = append(b, ", "...)
		}
		b = types.AppendJSONString(b, string(r.printed(nil, k)))
		b = append(b, " : "...)
		var err error
		if b, err = appendJSON(b, r.args[k+1].Type, r.datum(k+1), r.c.Session.Format()); err != nil {
			return types.Null, err
		}
	}
	return finishJSON(r.c, append(b, '}'))
}

// kindNames are the answers of jsonb_typeof.
var kindNames = [...]string{
	types.JSONNull: "null", types.JSONString: "string", types.JSONNumber: "number", types.JSONFalse: "boolean",
	types.JSONTrue: "boolean", types.JSONArrayKind: "array", types.JSONObject: "object",
}

// jsonContains is @>: what b shows is in a. An array may contain a scalar.
func jsonContains(a, b types.JSONValue, top bool) bool {
	if a.Kind != b.Kind {
		return top && a.Kind == types.JSONArrayKind && b.Kind != types.JSONObject &&
			slices.ContainsFunc(a.Elems, func(x types.JSONValue) bool { return types.CompareJSON(x, b) == 0 })
	}
	switch a.Kind {
	case types.JSONObject:
		for i, k := range b.Keys {
			v, ok := a.Get(k)
			if !ok || !jsonContains(v, b.Elems[i], false) {
				return false
			}
		}
		return true
	case types.JSONArrayKind:
		for _, want := range b.Elems {
			if !slices.ContainsFunc(a.Elems, func(x types.JSONValue) bool { return jsonContains(x, want, false) }) {
				return false
			}
		}
		return true
	}
	return types.CompareJSON(a, b) == 0
}

// jsonExists is ?: a key of an object, or a string in an array.
func jsonExists(v types.JSONValue, key string) bool {
	switch v.Kind {
	case types.JSONObject:
		_, ok := v.Get(key)
		return ok
	case types.JSONArrayKind:
		return slices.ContainsFunc(v.Elems, func(x types.JSONValue) bool { return x.Kind == types.JSONString && x.Str == key })
	}
	return v.Kind == types.JSONString && v.Str == key
}

// existsOf is ?| and ?&.
func existsOf(all bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		v, err := r.json(0)
		if err != nil {
			return types.Null, err
		}
		keys, err := r.array(1)
		if err != nil {
			return types.Null, err
		}
		for _, k := range keys.Elems {
			if !k.Null && jsonExists(v, k.S) != all {
				return types.BoolDatum(!all), nil
			}
		}
		return types.BoolDatum(all), nil
	})
}

// jsonRows makes the rows of a document with f.
func jsonRows(f func(v types.JSONValue, emit func([]types.Datum) error) error) function.RowsFunc {
	return func(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
		if anyNull(args) {
			return nil
		}
		v, err := types.ParseJSONB(args[0].S)
		if err != nil {
			return err
		}
		return f(v, emit)
	}
}

// elementsOf yields the elements of an array.
func elementsOf(asText bool) function.RowsFunc {
	return jsonRows(func(v types.JSONValue, emit func([]types.Datum) error) error {
		if v.Kind == types.JSONObject {
			return pgerror.New(pgerror.InvalidParameterValue, "cannot extract elements from an object")
		}
		if v.Kind != types.JSONArrayKind {
			return pgerror.New(pgerror.InvalidParameterValue, "cannot extract elements from a scalar")
		}
		for _, e := range v.Elems {
			d, err := jsonResult(e, true, asText)
			if err != nil {
				return err
			}
			if err := emit([]types.Datum{d}); err != nil {
				return err
			}
		}
		return nil
	})
}

// pairsOf yields the keys and, with values, the values of an object.
func pairsOf(name string, values, asText bool) function.RowsFunc {
	return jsonRows(func(v types.JSONValue, emit func([]types.Datum) error) error {
		if v.Kind != types.JSONObject {
			what := "a scalar"
			if v.Kind == types.JSONArrayKind {
				what = "an array"
			}
			if values {
				return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a non-object", name)
			}
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on %s", name, what)
		}
		for i, k := range v.Keys {
			row := []types.Datum{types.TextDatum(k)}
			if values {
				d, err := jsonResult(v.Elems[i], true, asText)
				if err != nil {
					return err
				}
				row = append(row, d)
			}
			if err := emit(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// jsonAgg is json_agg and jsonb_agg.
func jsonAgg(c *function.Call, s *list) (types.Datum, error) {
	b := []byte{'['}
	for i, d := range s.v {
		if i > 0 {
			b = append(b, ", "...)
			if !d.Null && (c.Args[0].IsArray() || c.Args[0].IsRow() || c.Args[0] == types.RowJSON()) {
				b = append(b, "\n "...)
			}
		}
		var err error
		if b, err = appendJSON(b, c.Args[0], d, c.Session.Format()); err != nil {
			return types.Null, err
		}
	}
	return finishJSON(c, append(b, ']'))
}

// jsonObjectAgg is json_object_agg and jsonb_object_agg.
func jsonObjectAgg(c *function.Call, s *list) (types.Datum, error) {
	b := []byte("{ ")
	for i, d := range s.v {
		if d.Null {
			return types.Null, pgerror.New(pgerror.InvalidParameterValue, "field name must not be null")
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = types.AppendJSONString(b, types.FormatText(c.Args[0], d, c.Session.Format()))
		b = append(b, " : "...)
		var err error
		if b, err = appendJSON(b, c.Args[1], s.w[i], c.Session.Format()); err != nil {
			return types.Null, err
		}
	}
	return finishJSON(c, append(b, " }"...))
}

// jsons are the functions, operators and aggregates of json and jsonb.
func jsons() []entry {
	predicate := func(f func(a, b types.JSONValue) bool) function.Kernel {
		return each(func(r *row) (types.Datum, error) {
			a, err := r.json(0)
			if err != nil {
				return types.Null, err
			}
			b, err := r.json(1)
			return types.BoolDatum(f(a, b)), err
		})
	}
	return []entry{
		{sigs: "jsonb_object_field(jsonb,text)", kernel: jsonField(false, false), doc: "A field of an object."},
		{sigs: "jsonb_object_field_text(jsonb,text)", kernel: jsonField(true, false), doc: "A field of an object as text."},
		{sigs: "jsonb_array_element(jsonb,int4)", kernel: jsonField(false, true), doc: "An element of an array."},
		{sigs: "jsonb_array_element_text(jsonb,int4)", kernel: jsonField(true, true), doc: "An element of an array as text."},
		{sigs: "jsonb_extract_path(jsonb,_text)", kernel: jsonPath(false), doc: "What stands at a path."},
		{sigs: "jsonb_extract_path_text(jsonb,_text)", kernel: jsonPath(true), doc: "What stands at a path, as text."},
		{sigs: "to_json(anyelement) to_jsonb(anyelement) array_to_json(anyarray) row_to_json(record)", kernel: each(toJSON), doc: "A SQL value as JSON."},
		{sigs: "json_build_array() json_build_array(any) jsonb_build_array() jsonb_build_array(any)", kernel: each(buildArray), doc: "A JSON array of the arguments."},
		{sigs: "json_build_object() json_build_object(any) jsonb_build_object() jsonb_build_object(any)", kernel: each(buildObject), doc: "A JSON object of alternating keys and values."},
		{sigs: "json_typeof(json) jsonb_typeof(jsonb)", kernel: each(func(r *row) (types.Datum, error) {
			v, err := r.json(0)
			return types.TextDatum(kindNames[v.Kind]), err
		}), doc: "The kind of a JSON value."},
		{sigs: "json_array_length(json) jsonb_array_length(jsonb)", kernel: each(func(r *row) (types.Datum, error) {
			v, err := r.json(0)
			if err == nil && v.Kind != types.JSONArrayKind {
				err = pgerror.Newf(pgerror.InvalidParameterValue, "cannot get array length of a %s", map[bool]string{true: "non-array", false: "scalar"}[v.Kind == types.JSONObject])
			}
			return types.IntDatum(int64(len(v.Elems))), err
		}), doc: "The number of elements of an array."},
		{sigs: "jsonb_contains(jsonb,jsonb)", kernel: predicate(func(a, b types.JSONValue) bool { return jsonContains(a, b, true) }), doc: "Tests whether the first contains the second."},
		{sigs: "jsonb_contained(jsonb,jsonb)", kernel: predicate(func(a, b types.JSONValue) bool { return jsonContains(b, a, true) }), doc: "Tests whether the second contains the first."},
		{sigs: "jsonb_exists(jsonb,text)", kernel: each(func(r *row) (types.Datum, error) {
			v, err := r.json(0)
			return types.BoolDatum(jsonExists(v, r.text(1))), err
		}), doc: "Tests for a key or a string element."},
		{sigs: "jsonb_exists_any(jsonb,_text)", kernel: existsOf(false), doc: "Tests for any of several keys."},
		{sigs: "jsonb_exists_all(jsonb,_text)", kernel: existsOf(true), doc: "Tests for all of several keys."},
		{sigs: "jsonb_array_elements(jsonb)", rows: elementsOf(false), doc: "The elements of an array."},
		{sigs: "jsonb_array_elements_text(jsonb)", rows: elementsOf(true), doc: "The elements of an array as text."},
		{sigs: "jsonb_object_keys(jsonb)", rows: pairsOf("jsonb_object_keys", false, false), doc: "The keys of an object."},
		{sigs: "jsonb_each(jsonb)", rows: pairsOf("jsonb_each", true, false), doc: "The keys and values of an object."},
		{sigs: "jsonb_each_text(jsonb)", rows: pairsOf("jsonb_each_text", true, true), doc: "The keys and values of an object, values as text."},
		{sigs: "json_agg(anyelement) jsonb_agg(anyelement)", aggregate: collect(false, jsonAgg), doc: "A JSON array of all values."},
		{sigs: "json_object_agg(any,any) jsonb_object_agg(any,any)", aggregate: collect(false, jsonObjectAgg), doc: "A JSON object of all keys and values."},
	}
}
