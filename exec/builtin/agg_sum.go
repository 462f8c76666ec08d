package builtin

import (
	"math"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// sumAggregates are sum and avg.
func sumAggregates() []entry {
	exact := func(avg bool) *function.Aggregate {
		return aggregate(func() function.Accumulator { return &exactSum{avg: avg} })
	}
	float := func(avg bool) *function.Aggregate {
		return aggregate(func() function.Accumulator { return &floatSum{avg: avg} })
	}
	interval := func(avg bool) *function.Aggregate {
		return aggregate(func() function.Accumulator { return newIntervalSum(avg) })
	}
	return []entry{
		{sigs: "sum(int2) sum(int4)", aggregate: aggregate(func() function.Accumulator { return &intSum{} }), doc: "The sum as bigint; NULL without input."},
		{sigs: "sum(int8) sum(numeric)", aggregate: exact(false), doc: "The exact sum as numeric; NULL without input."},
		{sigs: "sum(float4) sum(float8)", aggregate: float(false), doc: "The sum; NULL without input."},
		{sigs: "sum(interval)", aggregate: interval(false), doc: "The sum; NULL without input."},
		{sigs: "avg(int2) avg(int4) avg(int8) avg(numeric)", aggregate: exact(true), doc: "The exact mean as numeric; NULL without input."},
		{sigs: "avg(float4) avg(float8)", aggregate: float(true), doc: "The mean; NULL without input."},
		{sigs: "avg(interval)", aggregate: interval(true), doc: "The mean; NULL without input."},
	}
}

// intSum sums small integers into 64 bits.
type intSum struct{ states []intTotal }

// intTotal is one group of an intSum.
type intTotal struct {
	sum int64
	n   int64
}

func (a *intSum) Width() int64 { return 16 }

func (a *intSum) Grow(n int) { a.states = grow(a.states, n) }

func (a *intSum) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	switch {
	case v.Kind == vector.Const:
		if v.IsNull(0) {
			return nil
		}
		x := v.Int(0)
		for _, g := range groups {
			if err := a.add(g, x, 1); err != nil {
				return err
			}
		}
		return nil
	case v.Type.Layout() == types.LayoutInt16:
		return sumInts(a, groups, v.Int16s()[:len(groups)], v.Valid)
	}
	return sumInts(a, groups, v.Int32s()[:len(groups)], v.Valid)
}

// add adds x, the sum of n values, to a group with an overflow check.
func (a *intSum) add(g int32, x, n int64) error {
	t := &a.states[g]
	s := t.sum + x
	if (s^x)&(s^t.sum) < 0 {
		return errOutOfRange(types.Int8)
	}
	t.sum = s
	t.n += n
	return nil
}

// sumInts adds a column; the overflow check is sticky, the sum of values that
// small cannot leave 64 bits and come back within one batch.
func sumInts[T int16 | int32](a *intSum, groups []int32, v []T, valid vector.Bitmap) error {
	states := a.states
	var bad int64
	if valid == nil {
		for i, g := range groups {
			x, t := int64(v[i]), &states[g]
			s := t.sum + x
			bad |= (s ^ x) & (s ^ t.sum)
			t.sum = s
			t.n++
		}
	} else {
		for i, g := range groups {
			if valid.Get(i) {
				x, t := int64(v[i]), &states[g]
				s := t.sum + x
				bad |= (s ^ x) & (s ^ t.sum)
				t.sum = s
				t.n++
			}
		}
	}
	if bad < 0 {
		return errOutOfRange(types.Int8)
	}
	return nil
}

// UpdateRuns implements function.RunUpdater. The sum of one batch fits 64 bits.
func (a *intSum) UpdateRuns(runs []function.Run, args []*vector.Vec) error {
	v := args[0]
	for _, r := range runs {
		var sum int64
		n := present(r, v)
		switch {
		case n == 0:
			continue
		case v.Kind == vector.Const:
			sum = v.Int(0) * int64(n)
		case v.Type.Layout() == types.LayoutInt16:
			sum = runSum(r, v.Int16s(), v.Valid)
		default:
			sum = runSum(r, v.Int32s(), v.Valid)
		}
		if err := a.add(r.Group, sum, int64(n)); err != nil {
			return err
		}
	}
	return nil
}

// runSum sums the values of a run, which must not overflow.
func runSum[T kernel.Integer](r function.Run, v []T, valid vector.Bitmap) (sum int64) {
	switch {
	case r.Rows == nil && valid == nil:
		for _, x := range v[:r.N] {
			sum += int64(x)
		}
	case valid == nil:
		for _, i := range r.Rows {
			sum += int64(v[i])
		}
	default:
		for k := range r.N {
			i := k
			if r.Rows != nil {
				i = int(r.Rows[k])
			}
			if valid.Get(i) {
				sum += int64(v[i])
			}
		}
	}
	return sum
}

func (a *intSum) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*intSum).states
	for i, g := range into {
		if err := a.add(g, o[from[i]].sum, o[from[i]].n); err != nil {
			return err
		}
	}
	return nil
}

func (a *intSum) Save(groups []int32, out *vector.Vec) error {
	return save(groups, out, func(w *stateWriter, g int32) error {
		w.int(a.states[g].sum)
		w.int(a.states[g].n)
		return nil
	})
}

func (a *intSum) Load(states *vector.Vec, into []int32) error {
	return load(states, into, func(r *stateReader, g int32) error {
		sum := r.int()
		return a.add(g, sum, r.int())
	})
}

func (a *intSum) Result(from, to int, out *vector.Vec) error {
	dst := out.Int64s()
	for i, t := range a.states[from:to] {
		dst[i] = t.sum
		if t.n == 0 {
			out.SetNull(i, to-from)
		}
	}
	return nil
}

func (a *intSum) Bytes() int64 { return int64(cap(a.states)) * 16 }

// unseen marks the groups without input as NULL.
func unseen(seen []bool, out *vector.Vec) {
	for i, s := range seen {
		if !s {
			out.SetNull(i, len(seen))
		}
	}
}

// floatSum sums floats at double precision.
type floatSum struct {
	avg bool
	sum []float64
	n   []int64
}

func (a *floatSum) Width() int64 { return 16 }

func (a *floatSum) Grow(n int) { a.sum, a.n = grow(a.sum, n), grow(a.n, n) }

func (a *floatSum) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	if v.Kind == vector.Const {
		if !v.IsNull(0) {
			x := v.Float(0)
			for _, g := range groups {
				a.sum[g] += x
				a.n[g]++
			}
		}
		return a.check(groups, v)
	}
	if v.Type.Layout() == types.LayoutFloat32 {
		src := v.Float32s()
		for i, g := range groups {
			if v.Valid == nil || v.Valid.Get(i) {
				// Each partial sum has the precision of real, as in PostgreSQL.
				if a.avg {
					a.sum[g] += float64(src[i])
				} else {
					a.sum[g] = float64(float32(a.sum[g]) + src[i])
				}
				a.n[g]++
			}
		}
		return a.check(groups, v)
	}
	src := v.Float64s()[:len(groups)]
	if v.Valid == nil {
		for i, g := range groups {
			a.sum[g] += src[i]
			a.n[g]++
		}
		return a.check(groups, v)
	}
	for i, g := range groups {
		if v.Valid.Get(i) {
			a.sum[g] += src[i]
			a.n[g]++
		}
	}
	return a.check(groups, v)
}

// check raises an overflow when a sum became infinite without an infinite
// input in this batch.
func (a *floatSum) check(groups []int32, v *vector.Vec) error {
	suspect := false
	for _, g := range groups {
		suspect = suspect || math.IsInf(a.sum[g], 0)
	}
	if !suspect {
		return nil
	}
	infinite := map[int32]bool{}
	for i, g := range groups {
		if !v.IsNull(i) && math.IsInf(v.Float(i), 0) {
			infinite[g] = true
		}
	}
	for i, g := range groups {
		if math.IsInf(a.sum[g], 0) && !infinite[g] && !v.IsNull(i) {
			if a.sum[g]-v.Float(i) == a.sum[g] && a.n[g] > int64(len(groups)) {
				continue // infinite since an earlier batch
			}
			return errOverflow()
		}
	}
	return nil
}

func (a *floatSum) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*floatSum)
	for i, g := range into {
		a.sum[g] += o.sum[from[i]]
		a.n[g] += o.n[from[i]]
	}
	return nil
}

func (a *floatSum) Save(groups []int32, out *vector.Vec) error {
	return save(groups, out, func(w *stateWriter, g int32) error {
		w.float(a.sum[g])
		w.int(a.n[g])
		return nil
	})
}

func (a *floatSum) Load(states *vector.Vec, into []int32) error {
	return load(states, into, func(r *stateReader, g int32) error {
		a.sum[g] += r.float()
		a.n[g] += r.int()
		return nil
	})
}

func (a *floatSum) Result(from, to int, out *vector.Vec) error {
	single := out.Type.Layout() == types.LayoutFloat32
	for g := from; g < to; g++ {
		i := g - from
		if a.n[g] == 0 {
			out.Set(i, to-from, types.Null)
			continue
		}
		x := a.sum[g]
		if a.avg {
			x /= float64(a.n[g])
		}
		if single {
			out.Float32s()[i] = float32(x)
		} else {
			out.Float64s()[i] = x
		}
	}
	return nil
}

func (a *floatSum) Bytes() int64 { return int64(cap(a.sum)) * 16 }

// intervalTotal is the sum of intervals by field.
type intervalTotal struct {
	months, days, micros int64
	n                    int64
}

// newIntervalSum returns sum(interval) or avg(interval).
func newIntervalSum(avg bool) function.Accumulator {
	return &datums[intervalTotal]{
		strict: true,
		add: func(s *intervalTotal, args []*vector.Vec, i int) error {
			m, d, us := args[0].Datum(i).IntervalParts()
			s.months, s.days, s.micros, s.n = s.months+int64(m), s.days+int64(d), s.micros+us, s.n+1
			return nil
		},
		merge: func(s, o *intervalTotal) error {
			s.months, s.days, s.micros, s.n = s.months+o.months, s.days+o.days, s.micros+o.micros, s.n+o.n
			return nil
		},
		result: func(s *intervalTotal) (types.Datum, error) {
			if s.n == 0 {
				return types.Null, nil
			}
			if int64(int32(s.months)) != s.months || int64(int32(s.days)) != s.days {
				return types.Null, pgerror.New(pgerror.DatetimeFieldOverflow, "interval out of range")
			}
			d := types.IntervalDatum(int32(s.months), int32(s.days), s.micros)
			if !avg {
				return d, nil
			}
			return types.DivInterval(d, float64(s.n))
		},
	}
}
