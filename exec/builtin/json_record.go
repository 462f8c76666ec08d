package builtin

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// jsonObjects yields the objects of json_to_record, which is one, and of
// json_to_recordset, the elements of an array. The second argument is the
// function's name.
func jsonObjects(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if anyNull(args[1:]) {
		return nil
	}
	name := args[1].S
	set := strings.HasSuffix(name, "set")
	if args[0].Null {
		if set {
			return nil
		}
		return emit([]types.Datum{types.Null})
	}
	s := args[0].S
	start := jsonStart(s)
	if !set {
		switch start {
		case '{':
			return emit([]types.Datum{types.TextDatum(s)})
		case '[':
			return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on an array", name)
		}
		return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a scalar", name)
	}
	switch start {
	case '[':
	case '{':
		return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on an object", name)
	default:
		return pgerror.Newf(pgerror.InvalidParameterValue, "cannot call %s on a scalar", name)
	}
	var err error
	jsonMembers(s, func(_, v string) bool {
		if jsonStart(v) != '{' {
			err = pgerror.Newf(pgerror.InvalidParameterValue, "argument of %s must be an array of objects", name)
			return false
		}
		err = emit([]types.Datum{types.TextDatum(strings.Clone(v))})
		return err == nil
	})
	return err
}

// jsonFieldAs reads a member of an object as the type of the call.
func jsonFieldAs(r *row) (types.Datum, error) {
	v, ok, err := textField(r.text(0), r.text(1))
	if err != nil || !ok {
		return types.Null, err
	}
	return jsonAs(strings.Clone(v), r.c.Ret, r.text(1), r.c.Session.Format())
}

// jsonAs reads a JSON value as a type: arrays element by element, everything else
// by its text.
func jsonAs(s string, t types.Type, key string, f *types.Format) (types.Datum, error) {
	start := jsonStart(s)
	switch {
	case start == 'n':
		return types.Null, nil
	case t.OID == types.JSON:
		return types.TextDatum(s), nil
	case t.OID == types.JSONB:
		return types.ParseText(t, s, f)
	}
	if t.IsArray() && start != '"' {
		out := types.Array{Elem: t.Elem().OID}
		if start != '[' {
			return types.Null, pgerror.New(pgerror.InvalidTextRepresentation, "expected JSON array").WithHint("See the value of key \"%s\".", key)
		}
		if err := jsonArrayAs(&out, s, t, key, "", 0, f); err != nil {
			return types.Null, err
		}
		if len(out.Elems) == 0 {
			out.Dims = nil
		}
		return types.TextDatum(string(out.Append(nil))), nil
	}
	if start == '"' {
		var err error
		if s, err = jsonString(strings.TrimSpace(s)); err != nil {
			return types.Null, err
		}
	}
	if t.OID == types.VarChar || t.OID == types.BPChar {
		fit, err := types.FitChar(t, s, false)
		return types.TextDatum(fit), err
	}
	return types.ParseText(t, s, f)
}

// jsonArrayAs appends the elements of one level of a JSON array.
func jsonArrayAs(out *types.Array, s string, t types.Type, key, at string, depth int, f *types.Format) error {
	if len(out.Dims) == depth {
		out.Dims = append(out.Dims, types.Dim{Len: -1, Lower: 1})
	}
	n := int32(0)
	var err error
	jsonMembers(s, func(_, v string) bool {
		here := at + "[" + strconv.Itoa(int(n)) + "]"
		n++
		nested := jsonStart(v) == '['
		switch {
		case nested && (len(out.Elems) == 0 || len(out.Dims) > depth+1):
			err = jsonArrayAs(out, v, t, key, here, depth+1, f)
		case nested || len(out.Dims) > depth+1:
			err = pgerror.New(pgerror.InvalidTextRepresentation, "expected JSON array").WithHint("See the array element %s of key \"%s\".", here, key)
		default:
			var d types.Datum
			if d, err = jsonAs(strings.Clone(v), types.Type{OID: t.Elem().OID, Mod: t.Mod}, key, f); err == nil {
				out.Elems = append(out.Elems, d)
			}
		}
		return err == nil
	})
	switch d := &out.Dims[depth]; {
	case err != nil:
	case d.Len == -1:
		d.Len = n
	case d.Len != n:
		err = pgerror.New(pgerror.InvalidTextRepresentation, "malformed JSON array").WithDetail("Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	return err
}
