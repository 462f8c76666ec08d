package builtin

import (
	"fmt"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// rangeNames are the range types with the types of their bounds and their
// multirange types.
var rangeNames = [...][3]string{
	{"int4range", "int4", "int4multirange"},
	{"int8range", "int8", "int8multirange"},
	{"numrange", "numeric", "nummultirange"},
	{"tsrange", "timestamp", "tsmultirange"},
	{"tstzrange", "timestamptz", "tstzmultirange"},
	{"daterange", "date", "datemultirange"},
}

// ranges are the functions of range and multirange types. Most work on lists of
// ranges: a range is a list of one, or of none when it is empty.
func ranges() []entry {
	var list []entry
	for _, n := range rangeNames {
		list = append(list,
			entry{sigs: fmt.Sprintf("%s(%s,%s) %s(%s,%s,text)", n[0], n[1], n[1], n[0], n[1], n[1]), kernel: each(makeRange), doc: "A range of two bounds.", example: n[0] + "(NULL, NULL)"},
			entry{sigs: fmt.Sprintf("%s() %s(%s) %s(_%s)", n[2], n[2], n[0], n[2], n[0]), kernel: each(makeMultirange), doc: "A multirange of ranges."})
	}
	number := func(f func(a, b rangeList) bool) function.Kernel {
		return each(func(r *row) (types.Datum, error) {
			a, b, err := r.twoRanges()
			if err != nil {
				return types.Null, err
			}
			return types.BoolDatum(f(a, b)), nil
		})
	}
	// The names of a relation between ranges and multiranges in all combinations.
	pairs := func(name string) string {
		s := fmt.Sprintf("range_%s(anyrange,anyrange) range_%s_multirange(anyrange,anymultirange) multirange_%s_range(anymultirange,anyrange) ", name, name, name)
		return s + fmt.Sprintf("multirange_%s_multirange(anymultirange,anymultirange)", name)
	}
	relation := func(sigs string, f func(a, b rangeList) bool, doc string) {
		list = append(list, entry{sigs: sigs, kernel: number(f), doc: doc})
	}
	relation(pairs("overlaps"), rangeList.overlaps, "Whether the ranges have a value in common.")
	relation(pairs("before"), rangeList.before, "Whether the first range lies before the second.")
	relation(pairs("after"), func(a, b rangeList) bool { return b.before(a) }, "Whether the first range lies after the second.")
	relation(pairs("overleft"), rangeList.overleft, "Whether the first range does not extend beyond the end of the second.")
	relation(pairs("overright"), rangeList.overright, "Whether the first range does not begin before the second.")
	relation(pairs("adjacent"), rangeList.adjacent, "Whether the ranges touch.")
	relation("range_contains(anyrange,anyrange) range_contains_multirange(anyrange,anymultirange) multirange_contains_range(anymultirange,anyrange) multirange_contains_multirange(anymultirange,anymultirange)",
		rangeList.contains, "Whether the first range contains the second.")
	relation("range_contained_by(anyrange,anyrange) range_contained_by_multirange(anyrange,anymultirange) multirange_contained_by_range(anymultirange,anyrange) multirange_contained_by_multirange(anymultirange,anymultirange)",
		func(a, b rangeList) bool { return b.contains(a) }, "Whether the second range contains the first.")
	list = append(list,
		entry{sigs: "range_contains_elem(anyrange,anyelement) multirange_contains_elem(anymultirange,anyelement)", kernel: each(func(r *row) (types.Datum, error) { return containsValue(r, 0, 1) }), doc: "Whether a range contains a value."},
		entry{sigs: "elem_contained_by_range(anyelement,anyrange) elem_contained_by_multirange(anyelement,anymultirange)", kernel: each(func(r *row) (types.Datum, error) { return containsValue(r, 1, 0) }), doc: "Whether a value is in a range."})
	for _, x := range suffixes {
		list = append(list, entry{
			sigs: fmt.Sprintf("range_%s(anyrange,anyrange) multirange_%s(anymultirange,anymultirange)", x.name, x.name), kernel: compareSame(x.op), infallible: true,
			doc: fmt.Sprintf("Tests range %s range.", x.symbol),
		})
	}
	list = append(list, entry{sigs: "range_cmp(anyrange,anyrange) multirange_cmp(anymultirange,anymultirange)", kernel: each(func(r *row) (types.Datum, error) {
		return types.IntDatum(int64(types.Compare(r.args[0].Type, r.datum(0), r.datum(1)))), nil
	}), doc: "Compares two ranges."})
	return append(append(list, rangeParts()...), rangeSets()...)
}

// rangeParts are the functions that look at the bounds of a range.
func rangeParts() []entry {
	ask := func(f func(l rangeList) (types.Datum, error)) function.Kernel {
		return each(func(r *row) (types.Datum, error) {
			l, err := r.ranges(0)
			if err != nil {
				return types.Null, err
			}
			return f(l)
		})
	}
	bound := func(f func(l rangeList) types.Bound) function.Kernel {
		return ask(func(l rangeList) (types.Datum, error) {
			if len(l.of) == 0 || f(l).Inf {
				return types.Null, nil
			}
			d := f(l).Value
			if types.RangeElem(l.t) == types.Numeric {
				d.S = string([]byte(d.S))
			}
			return d, nil
		})
	}
	is := func(f func(l rangeList) bool) function.Kernel {
		return ask(func(l rangeList) (types.Datum, error) { return types.BoolDatum(len(l.of) > 0 && f(l)), nil })
	}
	both := func(name string) string { return fmt.Sprintf("%s(anyrange) %s(anymultirange)", name, name) }
	return []entry{
		{sigs: both("lower"), kernel: bound(rangeList.lower), doc: "The lower bound of a range."},
		{sigs: both("upper"), kernel: bound(rangeList.upper), doc: "The upper bound of a range."},
		{sigs: both("isempty"), kernel: ask(func(l rangeList) (types.Datum, error) { return types.BoolDatum(len(l.of) == 0), nil }), doc: "Whether a range has no values."},
		{sigs: both("lower_inc"), kernel: is(func(l rangeList) bool { return l.lower().Inc }), doc: "Whether a range includes its lower bound."},
		{sigs: both("upper_inc"), kernel: is(func(l rangeList) bool { return l.upper().Inc }), doc: "Whether a range includes its upper bound."},
		{sigs: both("lower_inf"), kernel: is(func(l rangeList) bool { return l.lower().Inf }), doc: "Whether a range has no lower bound."},
		{sigs: both("upper_inf"), kernel: is(func(l rangeList) bool { return l.upper().Inf }), doc: "Whether a range has no upper bound."},
	}
}

// rangeSets are the functions that make ranges of ranges.
func rangeSets() []entry {
	two := func(f func(a, b rangeList) ([]types.Range, error)) function.Kernel {
		return each(func(r *row) (types.Datum, error) {
			a, b, err := r.twoRanges()
			if err != nil {
				return types.Null, err
			}
			list, err := f(a, b)
			if err != nil {
				return types.Null, err
			}
			return rangesDatum(r.c.Ret.OID, list), nil
		})
	}
	split := func(what string) error {
		return pgerror.Newf(pgerror.DataException, "result of range %s would not be contiguous", what)
	}
	return []entry{
		{sigs: "range_union(anyrange,anyrange)", kernel: two(func(a, b rangeList) ([]types.Range, error) {
			list := types.NewMultirange(a.t, append(a.of, b.of...))
			if len(list) > 1 {
				return nil, split("union")
			}
			return list, nil
		}), doc: "The range of the values in either of two ranges."},
		{sigs: "range_minus(anyrange,anyrange)", kernel: two(func(a, b rangeList) ([]types.Range, error) {
			list := a.minus(b)
			if len(list) > 1 {
				return nil, split("difference")
			}
			return list, nil
		}), doc: "The values of the first range that are not in the second."},
		{sigs: "range_intersect(anyrange,anyrange) multirange_intersect(anymultirange,anymultirange)", kernel: two(func(a, b rangeList) ([]types.Range, error) {
			return a.intersect(b), nil
		}), doc: "The values that two ranges have in common."},
		{sigs: "range_merge(anyrange,anyrange)", kernel: two(func(a, b rangeList) ([]types.Range, error) {
			return rangeList{a.t, append(a.of, b.of...)}.hull(), nil
		}), doc: "The smallest range that contains both."},
		{sigs: "range_merge(anymultirange)", kernel: each(func(r *row) (types.Datum, error) {
			l, err := r.ranges(0)
			if err != nil {
				return types.Null, err
			}
			return rangesDatum(r.c.Ret.OID, l.hull()), nil
		}), doc: "The smallest range that contains a multirange."},
		{sigs: "multirange_union(anymultirange,anymultirange)", kernel: two(func(a, b rangeList) ([]types.Range, error) {
			return types.NewMultirange(a.t, append(a.of, b.of...)), nil
		}), doc: "The values in either of two multiranges."},
		{sigs: "multirange_minus(anymultirange,anymultirange)", kernel: two(func(a, b rangeList) ([]types.Range, error) {
			return a.minus(b), nil
		}), doc: "The values of the first multirange that are not in the second."},
		{sigs: "multirange(anyrange)", kernel: each(makeMultirange), doc: "A range as a multirange."},
		{sigs: "unnest(anymultirange)", rows: func(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
			if args[0].Null {
				return nil
			}
			t := types.RangeOf(c.Args[0].OID)
			list, err := types.DecodeMultirange(t, args[0].S)
			if err != nil {
				return err
			}
			for _, r := range list {
				if err := emit([]types.Datum{types.RangeDatum(t, r)}); err != nil {
					return err
				}
			}
			return nil
		}, doc: "The ranges of a multirange."},
		{sigs: "range_agg(anyrange) range_agg(anymultirange)", aggregate: collect(true, func(c *function.Call, s *list) (types.Datum, error) {
			if len(s.v) == 0 {
				return types.Null, nil
			}
			all := rangeList{t: rangeType(c.Args[0].OID)}
			for _, d := range s.v {
				l, err := rangesOf(c.Args[0].OID, d.S)
				if err != nil {
					return types.Null, err
				}
				all.of = append(all.of, l.of...)
			}
			return types.MultirangeDatum(all.t, types.NewMultirange(all.t, all.of)), nil
		}), doc: "The values of all ranges as a multirange."},
		{sigs: "range_intersect_agg(anyrange) range_intersect_agg(anymultirange)", aggregate: collect(true, func(c *function.Call, s *list) (types.Datum, error) {
			if len(s.v) == 0 {
				return types.Null, nil
			}
			common, err := rangesOf(c.Args[0].OID, s.v[0].S)
			for _, d := range s.v[1:] {
				if err != nil {
					break
				}
				var l rangeList
				if l, err = rangesOf(c.Args[0].OID, d.S); err == nil {
					common.of = common.intersect(l)
				}
			}
			return rangesDatum(c.Args[0].OID, common.of), err
		}), doc: "The values that all ranges have in common."},
	}
}

// rangeList is what a range or a multirange holds: ranges of type t in order, none
// of them empty or touching another.
type rangeList struct {
	t  types.OID
	of []types.Range
}

// rangeType is the range type of a range or multirange type.
func rangeType(t types.OID) types.OID {
	if r := types.RangeOf(t); r != 0 {
		return r
	}
	return t
}

// rangesOf decodes a value of a range or multirange type.
func rangesOf(t types.OID, s string) (rangeList, error) {
	out := rangeList{t: rangeType(t)}
	if out.t != t {
		var err error
		out.of, err = types.DecodeMultirange(out.t, s)
		return out, err
	}
	r, err := types.DecodeRange(t, s)
	if err == nil && !r.Empty {
		out.of = []types.Range{r}
	}
	return out, err
}

// rangesDatum makes a value of a range or multirange type.
func rangesDatum(t types.OID, list []types.Range) types.Datum {
	if r := types.RangeOf(t); r != 0 {
		return types.MultirangeDatum(r, list)
	}
	if len(list) == 0 {
		return types.RangeDatum(t, types.EmptyRange())
	}
	return types.RangeDatum(t, list[0])
}

// ranges returns argument k.
func (r *row) ranges(k int) (rangeList, error) {
	return rangesOf(r.args[k].Type.OID, string(r.args[k].Bytes(r.i)))
}

// twoRanges returns the first two arguments.
func (r *row) twoRanges() (a, b rangeList, err error) {
	if a, err = r.ranges(0); err == nil {
		b, err = r.ranges(1)
	}
	return a, b, err
}

// lower is the lower bound of a list that is not empty.
func (l rangeList) lower() types.Bound { return l.of[0].Lower }

// upper is the upper bound of a list that is not empty.
func (l rangeList) upper() types.Bound { return l.of[len(l.of)-1].Upper }

func (l rangeList) overlaps(o rangeList) bool {
	for i, j := 0, 0; i < len(l.of) && j < len(o.of); {
		if l.of[i].Overlaps(l.t, o.of[j]) {
			return true
		}
		if types.CompareBounds(l.t, l.of[i].Upper, false, o.of[j].Upper, false) < 0 {
			i++
		} else {
			j++
		}
	}
	return false
}

func (l rangeList) contains(o rangeList) bool {
	i := 0
	for _, x := range o.of {
		for i < len(l.of) && !l.of[i].Contains(l.t, x) {
			i++
		}
		if i == len(l.of) {
			return false
		}
	}
	return true
}

func (l rangeList) before(o rangeList) bool {
	return len(l.of) > 0 && len(o.of) > 0 && types.CompareBounds(l.t, l.upper(), false, o.lower(), true) < 0
}

func (l rangeList) overleft(o rangeList) bool {
	return len(l.of) > 0 && len(o.of) > 0 && types.CompareBounds(l.t, l.upper(), false, o.upper(), false) <= 0
}

func (l rangeList) overright(o rangeList) bool {
	return len(l.of) > 0 && len(o.of) > 0 && types.CompareBounds(l.t, l.lower(), true, o.lower(), true) >= 0
}

func (l rangeList) adjacent(o rangeList) bool {
	if len(l.of) == 0 || len(o.of) == 0 {
		return false
	}
	return l.hull()[0].Adjacent(l.t, o.hull()[0])
}

// hull is the smallest range around a list.
func (l rangeList) hull() []types.Range {
	var out []types.Range
	for _, r := range l.of {
		if len(out) == 0 {
			out = append(out, r)
			continue
		}
		out[0] = out[0].Merge(l.t, r)
	}
	return out
}

func (l rangeList) intersect(o rangeList) []types.Range {
	var out []types.Range
	for i, j := 0, 0; i < len(l.of) && j < len(o.of); {
		if x := l.of[i].Intersect(l.t, o.of[j]); !x.Empty {
			out = append(out, x)
		}
		if types.CompareBounds(l.t, l.of[i].Upper, false, o.of[j].Upper, false) < 0 {
			i++
		} else {
			j++
		}
	}
	return out
}

func (l rangeList) minus(o rangeList) []types.Range {
	var out []types.Range
	for _, r := range l.of {
		left := []types.Range{r}
		for _, x := range o.of {
			if n := len(left); n > 0 {
				left = append(left[:n-1], left[n-1].Minus(l.t, x)...)
			}
		}
		out = append(out, left...)
	}
	return out
}

// containsValue asks whether the range that one argument is contains the value
// that another one is.
func containsValue(r *row, in, value int) (types.Datum, error) {
	l, err := r.ranges(in)
	if err != nil {
		return types.Null, err
	}
	v := r.datum(value)
	for _, x := range l.of {
		if x.ContainsValue(l.t, v) {
			return types.BoolDatum(true), nil
		}
	}
	return types.BoolDatum(false), nil
}

// makeRange is the constructor of a range type.
func makeRange(r *row) (types.Datum, error) {
	lower, upper := types.Bound{Inc: true}, types.Bound{}
	if r.n() > 2 {
		if r.null(2) {
			return types.Null, pgerror.New(pgerror.DataException, "range constructor flags argument must not be null")
		}
		var err error
		if lower.Inc, upper.Inc, err = types.RangeFlags(r.text(2)); err != nil {
			return types.Null, err
		}
	}
	lower.Inf, upper.Inf = r.null(0), r.null(1)
	lower.Value, upper.Value = r.datum(0), r.datum(1)
	out, err := types.NewRange(r.c.Ret.OID, lower, upper)
	if err != nil {
		return types.Null, err
	}
	return types.RangeDatum(r.c.Ret.OID, out), nil
}

// makeMultirange makes a multirange of nothing, of a range, or of an array of
// ranges.
func makeMultirange(r *row) (types.Datum, error) {
	t := types.RangeOf(r.c.Ret.OID)
	var list []types.Range
	switch {
	case r.n() == 0:
	case r.args[0].Type.IsArray():
		a, err := types.DecodeArray(string(r.args[0].Bytes(r.i)))
		if err != nil {
			return types.Null, err
		}
		if len(a.Dims) > 1 {
			return types.Null, pgerror.New(pgerror.CardinalityViolation, "multiranges cannot be constructed from multidimensional arrays")
		}
		for _, d := range a.Elems {
			if d.Null {
				return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "multirange values cannot contain null members")
			}
			x, err := types.DecodeRange(t, d.S)
			if err != nil {
				return types.Null, err
			}
			list = append(list, x)
		}
	default:
		l, err := r.ranges(0)
		if err != nil {
			return types.Null, err
		}
		list = l.of
	}
	return types.MultirangeDatum(t, types.NewMultirange(t, list)), nil
}
