package builtin

import (
	"errors"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// pathCache keeps the parsed path of a call.
type pathCache struct {
	text string
	path types.PathExpr
}

// newPathRun prepares an evaluation; vars is "" for none.
func newPathRun(c *function.Call, doc, path, vars string, hasVars, tz bool) (*pathRun, error) {
	cache, ok := c.Scratch.(*pathCache)
	if !ok || cache.text != path {
		cache = &pathCache{text: strings.Clone(path)}
		var err error
		if cache.path, err = types.ParseJSONPath(cache.text); err != nil {
			return nil, err
		}
		c.Scratch = cache
	}
	x := &pathRun{c: c, path: cache.path, array: -1, useTZ: tz, lenient: !cache.path.Strict}
	var err error
	if x.root, err = types.ParseJSONB(strings.Clone(doc)); err != nil {
		return nil, err
	}
	x.base.doc = x.root
	if hasVars {
		v, err := types.ParseJSONB(strings.Clone(vars))
		if err != nil {
			return nil, err
		}
		if v.Kind != types.JSONObject {
			return nil, pgerror.New(pgerror.InvalidParameterValue, "\"vars\" argument is not an object").
				WithDetail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.")
		}
		x.vars = &v
	}
	return x, nil
}

// run evaluates the path; with silent, errors that may be hidden leave what was
// found before them out.
func (x *pathRun) run(silent bool) (list []pathItem, err error) {
	err = x.eval(x.path.Root, pathItem{JSONValue: x.root}, !x.path.Strict, func(v pathItem) error {
		list = append(list, v)
		return nil
	})
	if err != nil && silent && suppressible(err) {
		return list, nil
	}
	return list, err
}

// pathCall is the evaluation for a row of a call of (doc, path [, vars, silent]).
func (r *row) pathCall(tz bool) (*pathRun, bool, error) {
	silent := r.n() < 4 || r.bool(3)
	vars, has := "", false
	if r.n() > 2 {
		vars, has = r.text(2), true
	}
	x, err := newPathRun(r.c, r.text(0), r.text(1), vars, has, tz)
	return x, silent, err
}

// pathExists is jsonb_path_exists and @?.
func pathExists(tz bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		x, silent, err := r.pathCall(tz)
		if err != nil {
			return types.Null, err
		}
		found := false
		err = x.eval(x.path.Root, pathItem{JSONValue: x.root}, !x.path.Strict, func(pathItem) error {
			found = true
			if x.path.Strict {
				return nil
			}
			return errPathStop
		})
		switch {
		case err == nil || errors.Is(err, errPathStop):
			return types.BoolDatum(found), nil
		case silent && suppressible(err):
			return types.Null, nil
		}
		return types.Null, err
	}
}

// pathMatch is jsonb_path_match and @@.
func pathMatch(tz bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		x, silent, err := r.pathCall(tz)
		if err != nil {
			return types.Null, err
		}
		list, err := x.run(silent)
		if err != nil {
			return types.Null, err
		}
		if len(list) == 1 && list[0].at == nil {
			switch list[0].Kind {
			case types.JSONTrue, types.JSONFalse:
				return types.BoolDatum(list[0].Kind == types.JSONTrue), nil
			case types.JSONNull:
				return types.Null, nil
			}
		}
		if !silent {
			return types.Null, pathError(codeSingleton, "single boolean result is expected")
		}
		return types.Null, nil
	}
}

// pathQuery yields what a path finds, for jsonb_path_query.
func pathQuery(tz bool) function.RowsFunc {
	return func(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
		if anyNull(args) {
			return nil
		}
		x, err := newPathRun(c, args[0].S, args[1].S, args[2].S, true, tz)
		if err != nil {
			return err
		}
		list, err := x.run(args[3].Bool())
		if err != nil {
			return err
		}
		for _, v := range list {
			if err := emit([]types.Datum{types.TextDatum(x.item(v).String())}); err != nil {
				return err
			}
		}
		return nil
	}
}

// pathArray is jsonb_path_query_array.
func pathArray(tz bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		x, silent, err := r.pathCall(tz)
		if err != nil {
			return types.Null, err
		}
		list, err := x.run(silent)
		if err != nil {
			return types.Null, err
		}
		out := types.JSONValue{Kind: types.JSONArrayKind}
		for _, v := range list {
			out.Elems = append(out.Elems, x.item(v))
		}
		return text(out.String())
	}
}

// pathFirst is jsonb_path_query_first.
func pathFirst(tz bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		x, silent, err := r.pathCall(tz)
		if err != nil {
			return types.Null, err
		}
		list, err := x.run(silent)
		if err != nil || len(list) == 0 {
			return types.Null, err
		}
		return text(x.item(list[0]).String())
	}
}

// jsonPaths are the functions and operators of jsonpath.
func jsonPaths() []entry {
	const args = "(jsonb,jsonpath,jsonb,bool)"
	return []entry{
		{sigs: "jsonb_path_exists" + args + " jsonb_path_exists_opr(jsonb,jsonpath)", kernel: each(pathExists(false)), doc: "Tests whether a path finds anything."},
		{sigs: "jsonb_path_exists_tz" + args, kernel: each(pathExists(true)), doc: "Tests whether a path finds anything, with the session's time zone."},
		{sigs: "jsonb_path_match" + args + " jsonb_path_match_opr(jsonb,jsonpath)", kernel: each(pathMatch(false)), doc: "The value of a predicate."},
		{sigs: "jsonb_path_match_tz" + args, kernel: each(pathMatch(true)), doc: "The value of a predicate, with the session's time zone."},
		{sigs: "jsonb_path_query" + args, rows: pathQuery(false), doc: "What a path finds."},
		{sigs: "jsonb_path_query_tz" + args, rows: pathQuery(true), doc: "What a path finds, with the session's time zone."},
		{sigs: "jsonb_path_query_array" + args, kernel: each(pathArray(false)), doc: "What a path finds, as an array."},
		{sigs: "jsonb_path_query_array_tz" + args, kernel: each(pathArray(true)), doc: "What a path finds, as an array, with the session's time zone."},
		{sigs: "jsonb_path_query_first" + args, kernel: each(pathFirst(false)), doc: "The first that a path finds."},
		{sigs: "jsonb_path_query_first_tz" + args, kernel: each(pathFirst(true)), doc: "The first that a path finds, with the session's time zone."},
	}
}
