package builtin

import (
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// floatState reads the state of an aggregate over floats, an array of n values.
func floatState(r *row, k, n int, name string) ([]float64, error) {
	a, err := r.array(k)
	if err != nil {
		return nil, err
	}
	bad := pgerror.Newf(pgerror.InternalError, "%s: expected %d-element float8 array", name, n)
	if len(a.Dims) != 1 || len(a.Elems) != n {
		return nil, bad
	}
	out := make([]float64, n)
	for i, d := range a.Elems {
		if d.Null {
			return nil, bad
		}
		out[i] = d.Float()
	}
	return out, nil
}

// floatArray is the datum of such a state.
func floatArray(v []float64) types.Datum {
	list := make([]types.Datum, len(v))
	for i, x := range v {
		list[i] = types.FloatDatum(x)
	}
	return types.NewArray(types.Float8, list).Datum()
}

// accumulate is float8_accum and float4_accum: the state is the count, the sum
// and the sum of squares of the distances from the mean, kept as Youngs and Cramer
// do.
func accumulate(r *row) (types.Datum, error) {
	s, err := floatState(r, 0, 3, "float8_accum")
	if err != nil {
		return types.Null, err
	}
	x, before := r.float(1), s[0]
	s[0]++
	s[1] += x
	if before > 0 {
		d := x*s[0] - s[1]
		s[2] += d * d / (s[0] * before)
	} else if x-x != 0 {
		s[2] = math.NaN()
	}
	return floatArray(s), nil
}

// accumulatePairs is float8_regr_accum: the state of two columns and of their
// product.
func accumulatePairs(r *row) (types.Datum, error) {
	s, err := floatState(r, 0, 6, "float8_regr_accum")
	if err != nil {
		return types.Null, err
	}
	y, x, before := r.float(1), r.float(2), s[0]
	s[0]++
	s[1] += x
	s[3] += y
	if before > 0 {
		dx, dy := x*s[0]-s[1], y*s[0]-s[3]
		scale := 1 / (s[0] * before)
		s[2] += dx * dx * scale
		s[4] += dy * dy * scale
		s[5] += dx * dy * scale
	} else if x-x != 0 || y-y != 0 {
		s[2], s[4], s[5] = math.NaN(), math.NaN(), math.NaN()
	}
	return floatArray(s), nil
}

// combine is float8_combine and float8_regr_combine.
func combine(n int, name string) func(*row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		a, err := floatState(r, 0, n, name)
		if err != nil {
			return types.Null, err
		}
		b, err := floatState(r, 1, n, name)
		switch {
		case err != nil:
			return types.Null, err
		case a[0] == 0:
			return floatArray(b), nil
		case b[0] == 0:
			return floatArray(a), nil
		}
		out := make([]float64, n)
		out[0] = a[0] + b[0]
		dx := a[1]/a[0] - b[1]/b[0]
		weight := a[0] * b[0]
		out[1], out[2] = a[1]+b[1], a[2]+b[2]+weight*dx*dx/out[0]
		if n > 3 {
			dy := a[3]/a[0] - b[3]/b[0]
			out[3], out[4] = a[3]+b[3], a[4]+b[4]+weight*dy*dy/out[0]
			out[5] = a[5] + b[5] + weight*dx*dy/out[0]
		}
		return floatArray(out), nil
	}
}

// arrayExtremum is array_larger and array_smaller.
func arrayExtremum(larger bool) func(*row) (types.Datum, error) {
	return func(r *row) (types.Datum, error) {
		a, b := r.datum(0), r.datum(1)
		if (types.CompareArray(a.S, b.S) > 0) == larger {
			return a, nil
		}
		return b, nil
	}
}

// transitions are the functions that aggregates are made of.
func transitions() []entry {
	return []entry{
		{sigs: "float8_accum(_float8,float8)", kernel: each(accumulate), doc: "Adds a value to a state of count, sum and variance."},
		{sigs: "float8_regr_accum(_float8,float8,float8)", kernel: each(accumulatePairs), doc: "Adds a pair to a state of two columns."},
		{sigs: "float8_combine(_float8,_float8)", kernel: each(combine(3, "float8_combine")), doc: "Joins two states of count, sum and variance."},
		{sigs: "float8_regr_combine(_float8,_float8)", kernel: each(combine(6, "float8_regr_combine")), doc: "Joins two states of two columns."},
		{sigs: "array_larger(anyarray,anyarray)", kernel: each(arrayExtremum(true)), infallible: true, doc: "The larger of two arrays."},
		{sigs: "array_smaller(anyarray,anyarray)", kernel: each(arrayExtremum(false)), infallible: true, doc: "The smaller of two arrays."},
		{sigs: "xideqint4(xid,int4)", kernel: each(func(r *row) (types.Datum, error) {
			return types.BoolDatum(uint32(r.int(0)) == uint32(r.int(1))), nil
		}), infallible: true, doc: "Tests a transaction identifier for equality with a number."},
		{sigs: "length(bytea,name)", kernel: each(func(r *row) (types.Datum, error) {
			s, err := recode(r.text(0), r.text(1), "UTF8")
			return types.IntDatum(int64(runes(s))), err
		}), doc: "The characters of a text in an encoding."},
	}
}
