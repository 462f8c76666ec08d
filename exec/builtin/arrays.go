package builtin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// array decodes argument k.
func (r *row) array(k int) (types.Array, error) { return types.DecodeArray(strings.Clone(r.text(k))) }

// dimension returns dimension d (1-based) of an array.
func (r *row) dimension() (types.Dim, bool, error) {
	a, err := r.array(0)
	if err != nil || r.int(1) < 1 || r.int(1) > int64(len(a.Dims)) {
		return types.Dim{}, false, err
	}
	return a.Dims[r.int(1)-1], true, nil
}

// ofDimension makes the kernel of a number of one dimension.
func ofDimension(f func(d types.Dim) int32) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		d, ok, err := r.dimension()
		if !ok {
			return types.Null, err
		}
		return types.IntDatum(int64(f(d))), nil
	})
}

// elemOID returns the element type of the result, or of an argument.
func elemOID(t types.Type) types.OID { return t.Elem().OID }

// arrayAppend is array_append and array_prepend; a NULL array is empty.
func arrayAppend(arr, elem int) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		var a types.Array
		if !r.null(arr) {
			var err error
			if a, err = r.array(arr); err != nil {
				return types.Null, err
			}
		}
		a.Elem = elemOID(r.c.Ret)
		if len(a.Dims) > 1 {
			return types.Null, pgerror.New("22000", "argument must be empty or one-dimensional array")
		}
		d := r.datum(elem)
		if len(a.Dims) == 0 {
			return types.NewArray(a.Elem, []types.Datum{d}).Datum(), nil
		}
		a.Dims[0].Len++
		if elem > arr {
			a.Elems = append(a.Elems, d)
		} else {
			a.Elems = append([]types.Datum{d}, a.Elems...)
		}
		return a.Datum(), nil
	}
}

// arrayCat joins two arrays, or an array and one of a dimension less.
func arrayCat(r *row) (types.Datum, error) {
	switch {
	case r.null(0):
		return r.datum(1), nil
	case r.null(1):
		return r.datum(0), nil
	}
	a, err := r.array(0)
	if err != nil {
		return types.Null, err
	}
	b, err := r.array(1)
	if err != nil {
		return types.Null, err
	}
	mismatch := pgerror.New(pgerror.ArraySubscriptError, "cannot concatenate incompatible arrays")
	switch {
	case len(a.Dims) == 0:
		return b.Datum(), nil
	case len(b.Dims) == 0:
		return a.Datum(), nil
	case len(a.Dims) == len(b.Dims):
		if !slices.EqualFunc(a.Dims[1:], b.Dims[1:], func(x, y types.Dim) bool { return x == y }) {
			return types.Null, mismatch
		}
		a.Dims[0].Len += b.Dims[0].Len
	case len(a.Dims) == len(b.Dims)+1:
		if !slices.Equal(a.Dims[1:], b.Dims) {
			return types.Null, mismatch
		}
		a.Dims[0].Len++
	case len(b.Dims) == len(a.Dims)+1:
		if !slices.Equal(b.Dims[1:], a.Dims) {
			return types.Null, mismatch
		}
		a.Dims = b.Dims
		a.Dims[0].Len++
	default:
		return types.Null, mismatch
	}
	a.Elems = append(a.Elems, b.Elems...)
	return a.Datum(), nil
}

// equalElem is IS NOT DISTINCT FROM of two elements.
func equalElem(t types.Type, a, b types.Datum) bool {
	if a.Null || b.Null {
		return a.Null && b.Null
	}
	return types.Compare(t, a, b) == 0
}

// arrayPositions returns the subscripts where an element is found.
func arrayPositions(r *row) ([]types.Datum, error) {
	a, err := r.array(0)
	if err != nil || len(a.Dims) == 0 {
		return nil, err
	}
	if len(a.Dims) > 1 {
		return nil, pgerror.NotSupported("searching for elements in multidimensional arrays is not supported")
	}
	var out []types.Datum
	from := int64(a.Dims[0].Lower)
	if r.n() > 2 {
		if r.null(2) {
			return nil, pgerror.New(pgerror.NullValueNotAllowed, "initial position must not be null")
		}
		from = r.int(2)
	}
	want := r.datum(1)
	for i, d := range a.Elems {
		if x := int64(a.Dims[0].Lower) + int64(i); x >= from && equalElem(types.Of(a.Elem), d, want) {
			out = append(out, types.IntDatum(x))
		}
	}
	return out, nil
}

// arrayEdit is array_remove and array_replace.
func arrayEdit(replace bool) func(r *row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		if r.null(0) {
			return types.Null, nil
		}
		a, err := r.array(0)
		if err != nil {
			return types.Null, err
		}
		t, want := types.Of(a.Elem), r.datum(1)
		if replace {
			for i, d := range a.Elems {
				if equalElem(t, d, want) {
					a.Elems[i] = r.datum(2)
				}
			}
			return a.Datum(), nil
		}
		if len(a.Dims) > 1 {
			return types.Null, pgerror.NotSupported("removing elements from multidimensional arrays is not supported")
		}
		a.Elems = slices.DeleteFunc(a.Elems, func(d types.Datum) bool { return equalElem(t, d, want) })
		if len(a.Elems) == 0 {
			a.Dims = nil
		} else {
			a.Dims[0].Len = int32(len(a.Elems))
		}
		return a.Datum(), nil
	}
}

// contains reports whether every element of b is in a; a NULL never is.
func contains(a, b types.Array) bool {
	t := types.Of(a.Elem)
	for _, want := range b.Elems {
		if want.Null || !slices.ContainsFunc(a.Elems, func(d types.Datum) bool { return !d.Null && types.Compare(t, d, want) == 0 }) {
			return false
		}
	}
	return true
}

// pairOf makes the kernel of a predicate over two arrays.
func pairOf(f func(a, b types.Array) bool) function.Kernel {
	return each(func(r *row) (types.Datum, error) {
		a, err := r.array(0)
		if err != nil {
			return types.Null, err
		}
		b, err := r.array(1)
		return types.BoolDatum(f(a, b)), err
	})
}

// arrayToString is array_to_string(array, separator [, null text]).
func arrayToString(r *row) (types.Datum, error) {
	if r.null(0) || r.null(1) {
		return types.Null, nil
	}
	a, err := r.array(0)
	if err != nil {
		return types.Null, err
	}
	var out []byte
	first := true
	for _, d := range a.Elems {
		if d.Null && (r.n() < 3 || r.null(2)) {
			continue
		}
		if !first {
			out = append(out, r.text(1)...)
		}
		first = false
		if d.Null {
			out = append(out, r.text(2)...)
		} else {
			out = types.AppendText(out, types.Of(a.Elem), d, r.c.Session.Format())
		}
	}
	return types.TextDatum(string(out)), nil
}

// stringToArray is string_to_array(text, separator [, null text]).
func stringToArray(r *row) (types.Datum, error) {
	if r.null(0) {
		return types.Null, nil
	}
	var elems []types.Datum
	for _, p := range pieces(strings.Clone(r.text(0)), r.null(1), r.textOr(1)) {
		d := types.TextDatum(p)
		if r.n() > 2 && !r.null(2) && p == r.text(2) {
			d = types.Null
		}
		elems = append(elems, d)
	}
	return types.NewArray(types.Text, elems).Datum(), nil
}

// textOr returns a text argument, "" for NULL.
func (r *row) textOr(k int) string {
	if r.null(k) {
		return ""
	}
	return r.text(k)
}

// pieces splits a text: at a separator, into characters for a NULL one, not at
// all for an empty one.
func pieces(s string, chars bool, sep string) []string {
	switch {
	case s == "":
		return nil
	case chars:
		return strings.Split(s, "")
	case sep == "":
		return []string{s}
	}
	return strings.Split(s, sep)
}

// stringToTable is string_to_table.
func stringToTable(_ *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	if args[0].Null {
		return nil
	}
	for _, p := range pieces(args[0].S, args[1].Null, args[1].S) {
		d := types.TextDatum(p)
		if len(args) > 2 && !args[2].Null && p == args[2].S {
			d = types.Null
		}
		if err := emit([]types.Datum{d}); err != nil {
			return err
		}
	}
	return nil
}

// arrayFill is array_fill(value, lengths [, lower bounds]).
func arrayFill(r *row) (types.Datum, error) {
	if r.null(1) || r.n() > 2 && r.null(2) {
		return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "dimension array or low bound array cannot be null")
	}
	dims, err := r.array(1)
	if err != nil {
		return types.Null, err
	}
	if len(dims.Dims) > 1 {
		return types.Null, pgerror.New(pgerror.ArraySubscriptError, "wrong number of array subscripts").WithDetail("Dimension array must be one dimensional.")
	}
	a := types.Array{Elem: elemOID(r.c.Ret)}
	n := int64(1)
	for _, d := range dims.Elems {
		if d.Null {
			return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "dimension values cannot be null")
		}
		if n *= d.I; d.I < 0 || n > maxText/16 {
			return types.Null, pgerror.New(pgerror.ProgramLimitExceeded, "array size exceeds the maximum allowed")
		}
		a.Dims = append(a.Dims, types.Dim{Len: int32(d.I), Lower: 1})
	}
	if r.n() > 2 {
		lower, err := r.array(2)
		if err != nil {
			return types.Null, err
		}
		if len(lower.Elems) != len(a.Dims) {
			return types.Null, pgerror.New(pgerror.ArraySubscriptError, "wrong number of array subscripts").WithDetail("Low bound array has different size than dimensions array.")
		}
		for i, d := range lower.Elems {
			a.Dims[i].Lower = int32(d.I)
		}
	}
	if n == 0 || len(a.Dims) == 0 {
		return types.NewArray(a.Elem, nil).Datum(), nil
	}
	v := r.datum(0)
	for range n {
		a.Elems = append(a.Elems, v)
	}
	return a.Datum(), nil
}

// arrays are the functions and operators of arrays.
func arrays() []entry {
	return []entry{
		{sigs: "array_length(anyarray,int4)", kernel: ofDimension(func(d types.Dim) int32 { return d.Len }), doc: "The length of a dimension."},
		{sigs: "array_lower(anyarray,int4)", kernel: ofDimension(func(d types.Dim) int32 { return d.Lower }), doc: "The lower bound of a dimension."},
		{sigs: "array_upper(anyarray,int4)", kernel: ofDimension(func(d types.Dim) int32 { return d.Lower + d.Len - 1 }), doc: "The upper bound of a dimension."},
		{sigs: "array_ndims(anyarray)", kernel: each(func(r *row) (types.Datum, error) {
			a, err := r.array(0)
			if err != nil || len(a.Dims) == 0 {
				return types.Null, err
			}
			return types.IntDatum(int64(len(a.Dims))), nil
		}), doc: "The number of dimensions."},
		{sigs: "array_dims(anyarray)", kernel: each(func(r *row) (types.Datum, error) {
			a, err := r.array(0)
			if err != nil || len(a.Dims) == 0 {
				return types.Null, err
			}
			var s strings.Builder
			for _, d := range a.Dims {
				s.WriteString("[" + strconv.Itoa(int(d.Lower)) + ":" + strconv.Itoa(int(d.Lower+d.Len-1)) + "]")
			}
			return text(s.String())
		}), doc: "The bounds of all dimensions as text."},
		{sigs: "cardinality(anyarray)", kernel: each(func(r *row) (types.Datum, error) {
			a, err := r.array(0)
			return types.IntDatum(int64(len(a.Elems))), err
		}), doc: "The number of elements."},
		{sigs: "array_append(anycompatiblearray,anycompatible)", kernel: each(arrayAppend(0, 1)), doc: "Appends an element."},
		{sigs: "array_prepend(anycompatible,anycompatiblearray)", kernel: each(arrayAppend(1, 0)), doc: "Prepends an element."},
		{sigs: "array_cat(anycompatiblearray,anycompatiblearray)", kernel: each(arrayCat), doc: "Joins two arrays."},
		{sigs: "array_position(anycompatiblearray,anycompatible) array_position(anycompatiblearray,anycompatible,int4)", kernel: each(func(r *row) (types.Datum, error) {
			if r.null(0) {
				return types.Null, nil
			}
			p, err := arrayPositions(r)
			if err != nil || len(p) == 0 {
				return types.Null, err
			}
			return p[0], nil
		}), doc: "The first subscript of an element."},
		{sigs: "array_positions(anycompatiblearray,anycompatible)", kernel: each(func(r *row) (types.Datum, error) {
			if r.null(0) {
				return types.Null, nil
			}
			p, err := arrayPositions(r)
			return types.NewArray(types.Int4, p).Datum(), err
		}), doc: "All subscripts of an element."},
		{sigs: "array_remove(anycompatiblearray,anycompatible)", kernel: each(arrayEdit(false)), doc: "Removes all equal elements."},
		{sigs: "array_replace(anycompatiblearray,anycompatible,anycompatible)", kernel: each(arrayEdit(true)), doc: "Replaces all equal elements."},
		{sigs: "arraycontains(anyarray,anyarray)", kernel: pairOf(contains), doc: "Tests whether every element of the second is in the first."},
		{sigs: "arraycontained(anyarray,anyarray)", kernel: pairOf(func(a, b types.Array) bool { return contains(b, a) }), doc: "Tests whether every element of the first is in the second."},
		{sigs: "arrayoverlap(anyarray,anyarray)", kernel: pairOf(func(a, b types.Array) bool {
			for _, d := range b.Elems {
				if contains(a, types.Array{Elems: []types.Datum{d}}) {
					return true
				}
			}
			return false
		}), doc: "Tests for a common element."},
		{sigs: "array_to_string(anyarray,text) array_to_string(anyarray,text,text)", kernel: each(arrayToString), doc: "Joins the text of the elements."},
		{sigs: "string_to_array(text,text) string_to_array(text,text,text)", kernel: each(stringToArray), doc: "Splits a text at a separator."},
		{sigs: "string_to_table(text,text) string_to_table(text,text,text)", rows: stringToTable, doc: "Splits a text at a separator, a row for each piece."},
		{sigs: "array_fill(anyelement,_int4) array_fill(anyelement,_int4,_int4)", kernel: each(arrayFill), doc: "An array of one value, of given lengths."},
	}
}
