package builtin

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// hubFunctions are what the binder calls for syntax that PostgreSQL has no
// function for.
func hubFunctions() []*function.Overload {
	return []*function.Overload{
		{
			Name: "array_slice", Schema: "hub", Kind: function.Scalar, Args: []types.OID{types.AnyArray, types.Text, types.Any}, Variadic: true, Ret: types.AnyArray,
			Volatility: function.Immutable, Strict: true, Kernel: each(arraySlice),
			Doc: "A part of an array: the second argument says which of the bounds behind it were written.",
		},
		{
			Name: "row_json", Schema: "hub", Kind: function.Scalar, Args: []types.OID{types.Any}, Variadic: true, Ret: types.JSON,
			Volatility: function.Stable, Kernel: each(rowJSON),
			Doc: "A row as a JSON object: the names of its fields and their values in turn.",
		},
		{
			Name: "json_rows", Schema: "hub", Kind: function.SetReturn, Args: []types.OID{types.JSON, types.Text}, Ret: types.JSON,
			Volatility: function.Immutable, Rows: jsonObjects,
			Doc: "The objects that the rows of a function returning records are read from.",
		},
		{
			Name: "json_field_as", Schema: "hub", Kind: function.Scalar, Args: []types.OID{types.JSON, types.Text}, Ret: types.Any,
			Volatility: function.Stable, Strict: true, Kernel: each(jsonFieldAs),
			Doc: "A member of an object as a value of the call's type.",
		},
		{
			Name: "record_field", Schema: "hub", Kind: function.Scalar, Args: []types.OID{types.Any, types.Int4}, Ret: types.Any,
			Volatility: function.Immutable, Strict: true, Kernel: each(recordField),
			Doc: "A field of a value of a composite type, by its number from 0.",
		},
		{
			Name: "record_nulls", Schema: "hub", Kind: function.Scalar, Args: []types.OID{types.Any, types.Bool}, Ret: types.Bool,
			Volatility: function.Immutable, Kernel: each(recordNulls),
			Doc: "Whether every field of a record is NULL, or not NULL when the second argument is false.",
		},
		{
			Name: "refuse_value", Schema: "hub", Kind: function.Scalar, Args: []types.OID{types.Any, types.Text, types.Text}, Ret: types.Any,
			Volatility: function.Stable, Kernel: each(refuseValue),
			Doc: "Raises an error: a value does not belong to a domain.",
		},
	}
}

// arraySlice cuts a part out of an array; its bounds start at 1. What lies
// outside of the array is empty.
func arraySlice(r *row) (types.Datum, error) {
	a, err := r.array(0)
	if err != nil {
		return types.Null, err
	}
	empty := types.Array{Elem: a.Elem}
	n := (r.n() - 2) / 2
	if len(a.Dims) < n || len(a.Dims) == 0 {
		return types.TextDatum(string(empty.Append(nil))), nil
	}
	written := r.text(1)
	out := types.Array{Elem: a.Elem, Dims: make([]types.Dim, len(a.Dims))}
	from := make([]int, len(a.Dims))
	for k, d := range a.Dims {
		lo, hi := int64(d.Lower), int64(d.Lower)+int64(d.Len)-1
		if k < n {
			if written[2*k] == '1' {
				lo = max(lo, r.int(2+2*k))
			}
			if written[2*k+1] == '1' {
				hi = min(hi, r.int(3+2*k))
			}
		}
		if lo > hi {
			return types.TextDatum(string(empty.Append(nil))), nil
		}
		from[k] = int(lo - int64(d.Lower))
		out.Dims[k] = types.Dim{Len: int32(hi - lo + 1), Lower: 1}
	}
	var cut func(k, at int)
	cut = func(k, at int) {
		if k == len(a.Dims) {
			out.Elems = append(out.Elems, a.Elems[at])
			return
		}
		for i := range int(out.Dims[k].Len) {
			cut(k+1, at*int(a.Dims[k].Len)+from[k]+i)
		}
	}
	cut(0, 0)
	return types.TextDatum(string(out.Append(nil))), nil
}

// rowJSON prints a row.
func rowJSON(r *row) (types.Datum, error) {
	b := []byte{'{'}
	for k := 0; k+1 < r.n(); k += 2 {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(types.AppendJSONString(b, r.text(k)), ':')
		var err error
		if b, err = appendJSON(b, r.args[k+1].Type, r.datum(k+1), r.c.Session.Format()); err != nil {
			return types.Null, err
		}
	}
	return types.TextDatum(string(append(b, '}'))), nil
}
