package builtin

import (
	"math"
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// optional is a value that may not have been seen.
type optional struct {
	seen bool
	v    int64
}

// reduce makes an aggregate over one integer-like argument, NULLs left out.
func reduce(f func(a, b int64) int64) *function.Aggregate {
	merge := func(s *optional, x int64) {
		if s.seen {
			x = f(s.v, x)
		}
		*s = optional{true, x}
	}
	return aggregate(func() function.Accumulator {
		return &datums[optional]{
			strict: true,
			add:    func(s *optional, args []*vector.Vec, i int) error { merge(s, args[0].Int(i)); return nil },
			merge: func(s, o *optional) error {
				if o.seen {
					merge(s, o.v)
				}
				return nil
			},
			result: func(s *optional) (types.Datum, error) {
				if !s.seen {
					return types.Null, nil
				}
				return types.IntDatum(s.v), nil
			},
		}
	})
}

// joined is the state of string_agg.
type joined struct {
	seen  bool
	buf   []byte
	first int // length of the separator before the first value
}

// stringAgg is string_agg(value, separator): the separator of the first value is
// left out of the result but kept for merging.
func stringAgg() function.Accumulator {
	return &datums[joined]{
		add: func(s *joined, args []*vector.Vec, i int) error {
			if args[0].IsNull(i) {
				return nil
			}
			at := len(s.buf)
			if !args[1].IsNull(i) {
				s.buf = append(s.buf, args[1].Bytes(i)...)
			}
			if !s.seen {
				s.seen, s.first = true, len(s.buf)-at
			}
			s.buf = append(s.buf, args[0].Bytes(i)...)
			if len(s.buf) > maxText {
				return pgerror.New(pgerror.ProgramLimitExceeded, "string buffer exceeds maximum allowed length")
			}
			return nil
		},
		merge: func(s, o *joined) error {
			if !s.seen {
				*s = *o
				return nil
			}
			s.buf = append(s.buf, o.buf...)
			return nil
		},
		result: func(s *joined) (types.Datum, error) {
			if !s.seen {
				return types.Null, nil
			}
			return types.TextDatum(string(s.buf[s.first:])), nil
		},
		size: func(s *joined) int64 { return int64(cap(s.buf)) },
		save: func(s *joined, w *stateWriter) {
			w.bool(s.seen)
			w.int(int64(s.first))
			w.bytes(s.buf)
		},
		load: func(s *joined, r *stateReader) {
			s.seen, s.first = r.bool(), int(r.int())
			s.buf = append(s.buf, r.bytes()...)
		},
	}
}

// list is the state of aggregates that keep every value.
type list struct {
	v    []types.Datum
	w    []types.Datum // the second argument, for aggregates with two
	held int64
}

// add appends one value.
func (s *list) add(d types.Datum) {
	s.v = append(s.v, d)
	s.held += int64(len(d.S)) + 48
}

// save writes the state.
func (s *list) save(w *stateWriter) {
	w.datums(s.v)
	w.datums(s.w)
}

// load reads the state.
func (s *list) load(r *stateReader) {
	s.v, s.w = r.datums(), r.datums()
	for _, d := range s.v {
		s.held += int64(len(d.S)) + 48
	}
	for _, d := range s.w {
		s.held += int64(len(d.S)) + 48
	}
}

// collect makes an aggregate that keeps every value and finishes over them.
func collect(strict bool, finish func(c *function.Call, s *list) (types.Datum, error)) *function.Aggregate {
	return &function.Aggregate{New: func(c *function.Call) (function.Accumulator, error) {
		return &datums[list]{
			strict: strict,
			add: func(s *list, args []*vector.Vec, i int) error {
				s.add(args[0].Datum(i))
				if len(args) > 1 {
					d := args[1].Datum(i)
					s.w = append(s.w, d)
					s.held += int64(len(d.S)) + 48
				}
				return nil
			},
			merge: func(s, o *list) error {
				s.v, s.w, s.held = append(s.v, o.v...), append(s.w, o.w...), s.held+o.held
				return nil
			},
			result: func(s *list) (types.Datum, error) {
				if len(s.v) == 0 {
					return types.Null, nil
				}
				return finish(c, s)
			},
			size: func(s *list) int64 { return s.held },
			save: (*list).save,
			load: (*list).load,
		}, nil
	}}
}

// ordered marks an ordered-set aggregate. Its accumulator gets the direct
// arguments first, then the values in their WITHIN GROUP order.
func ordered(finish func(c *function.Call, direct types.Datum, values []types.Datum) (types.Datum, error)) *function.Aggregate {
	type state struct {
		direct types.Datum
		list
	}
	return &function.Aggregate{Ordered: true, New: func(c *function.Call) (function.Accumulator, error) {
		return &datums[state]{
			add: func(s *state, args []*vector.Vec, i int) error {
				last := args[len(args)-1]
				if len(args) > 1 {
					s.direct = args[0].Datum(i)
				}
				if !last.IsNull(i) {
					s.add(last.Datum(i))
				}
				return nil
			},
			merge: func(s, o *state) error {
				s.direct = o.direct
				s.v, s.held = append(s.v, o.v...), s.held+o.held
				return nil
			},
			result: func(s *state) (types.Datum, error) {
				if len(s.v) == 0 {
					return types.Null, nil
				}
				return finish(c, s.direct, s.v)
			},
			size: func(s *state) int64 { return s.held },
			save: func(s *state, w *stateWriter) {
				w.datum(s.direct)
				s.list.save(w)
			},
			load: func(s *state, r *stateReader) {
				s.direct = r.datum()
				s.list.load(r)
			},
		}, nil
	}}
}

// errPercentile is PostgreSQL's error for a fraction outside 0..1.
func errPercentile(p float64) error {
	return pgerror.Newf(pgerror.NumericValueOutOfRange, "percentile value %s is not between 0 and 1", types.FormatText(types.Of(types.Float8), types.FloatDatum(p), types.DefaultFormat()))
}

// percentiles applies f to one fraction, or to each of an array of them.
func percentiles(c *function.Call, direct types.Datum, f func(p float64) (types.Datum, error)) (types.Datum, error) {
	if direct.Null {
		return types.Null, nil
	}
	check := func(p float64) (types.Datum, error) {
		if p < 0 || p > 1 || p != p {
			return types.Null, errPercentile(p)
		}
		return f(p)
	}
	if len(c.Args) == 0 || !c.Args[0].IsArray() {
		return check(direct.Float())
	}
	a, err := types.DecodeArray(direct.S)
	if err != nil {
		return types.Null, err
	}
	for i, d := range a.Elems {
		if !d.Null {
			if a.Elems[i], err = check(d.Float()); err != nil {
				return types.Null, err
			}
		}
	}
	a.Elem = c.Ret.Elem().OID
	return a.Datum(), nil
}

// percentileDisc is the first value whose position is at least the fraction.
func percentileDisc(c *function.Call, direct types.Datum, v []types.Datum) (types.Datum, error) {
	return percentiles(c, direct, func(p float64) (types.Datum, error) {
		return v[max(int(math.Ceil(p*float64(len(v)))), 1)-1], nil
	})
}

// percentileCont interpolates between the two values next to the fraction.
func percentileCont(c *function.Call, direct types.Datum, v []types.Datum) (types.Datum, error) {
	return percentiles(c, direct, func(p float64) (types.Datum, error) {
		at := p * float64(len(v)-1)
		lo, hi := int(math.Floor(at)), int(math.Ceil(at))
		if lo == hi {
			return v[lo], nil
		}
		w := at - float64(lo)
		if t := c.Args[len(c.Args)-1]; t.OID == types.Interval {
			d, err := types.SubIntervals(v[hi], v[lo])
			if err != nil {
				return d, err
			}
			if d, err = types.MulInterval(d, w); err != nil {
				return d, err
			}
			return types.AddIntervals(v[lo], d)
		}
		a, b := v[lo].Float(), v[hi].Float()
		return types.FloatDatum(a + w*(b-a)), nil
	})
}

// mode is the most frequent value, the first of equals; values are sorted.
func mode(c *function.Call, _ types.Datum, v []types.Datum) (types.Datum, error) {
	t := c.Args[len(c.Args)-1]
	best, most := v[0], 0
	for i := 0; i < len(v); {
		k := i
		for k < len(v) && types.Compare(t, v[i], v[k]) == 0 {
			k++
		}
		if k-i > most {
			best, most = v[i], k-i
		}
		i = k
	}
	return best, nil
}

// arrayAgg makes an array of all values; of arrays it makes one of a dimension
// more.
func arrayAgg(c *function.Call, s *list) (types.Datum, error) {
	if c.Args[0].OID != c.Ret.OID {
		return types.NewArray(c.Args[0].OID, s.v).Datum(), nil
	}
	var out types.Array
	for i, d := range s.v {
		if d.Null {
			return types.Null, pgerror.New(pgerror.NullValueNotAllowed, "cannot accumulate null arrays")
		}
		a, err := types.DecodeArray(d.S)
		if err != nil {
			return types.Null, err
		}
		if len(a.Dims) == 0 {
			return types.Null, pgerror.New(pgerror.ArraySubscriptError, "cannot accumulate empty arrays")
		}
		if i == 0 {
			out = types.Array{Elem: a.Elem, Dims: append([]types.Dim{{Len: int32(len(s.v)), Lower: 1}}, a.Dims...)}
		} else if !slices.Equal(a.Dims, out.Dims[1:]) {
			return types.Null, pgerror.New(pgerror.ArraySubscriptError, "cannot accumulate arrays of different dimensionality")
		}
		out.Elems = append(out.Elems, a.Elems...)
	}
	return out.Datum(), nil
}

// collectAggregates are the aggregates that keep or combine single values.
func collectAggregates() []entry {
	and := reduce(func(a, b int64) int64 { return a & b })
	or := reduce(func(a, b int64) int64 { return a | b })
	xor := reduce(func(a, b int64) int64 { return a ^ b })
	ints := func(name string) string {
		return strings.Join([]string{name + "(int2)", name + "(int4)", name + "(int8)"}, " ")
	}
	return []entry{
		{sigs: "bool_and(bool) every(bool)", aggregate: and, doc: "True when every value is."},
		{sigs: "bool_or(bool)", aggregate: or, doc: "True when some value is."},
		{sigs: ints("bit_and"), aggregate: and, doc: "Bitwise AND of all values."},
		{sigs: ints("bit_or"), aggregate: or, doc: "Bitwise OR of all values."},
		{sigs: ints("bit_xor"), aggregate: xor, doc: "Bitwise exclusive OR of all values."},
		{sigs: "string_agg(text,text) string_agg(bytea,bytea)", aggregate: &function.Aggregate{New: func(*function.Call) (function.Accumulator, error) { return stringAgg(), nil }}, doc: "Joins the values that are not NULL with a separator."},
		{sigs: "array_agg(anynonarray) array_agg(anyarray)", aggregate: collect(false, arrayAgg), doc: "An array of all values, NULLs included."},
		{sigs: "percentile_disc(float8,anyelement) percentile_disc(_float8,anyelement)", aggregate: ordered(percentileDisc), doc: "The first value whose position in the order is at least a fraction."},
		{sigs: "percentile_cont(float8,float8) percentile_cont(float8,interval) percentile_cont(_float8,float8) percentile_cont(_float8,interval)", aggregate: ordered(percentileCont), doc: "The value at a fraction of the order, interpolated."},
		{sigs: "mode(anyelement)", aggregate: ordered(mode), doc: "The most frequent value."},
	}
}
