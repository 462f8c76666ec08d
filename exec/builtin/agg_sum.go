package builtin

import (
	"math"
	"math/big"

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
type intSum struct {
	sum  []int64
	seen []bool
}

func (a *intSum) Grow(n int) { a.sum, a.seen = grow(a.sum, n), grow(a.seen, n) }

func (a *intSum) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	switch {
	case v.Kind == vector.Const:
		if v.IsNull(0) {
			return nil
		}
		x := v.Int(0)
		for _, g := range groups {
			a.seen[g] = true
			if err := a.add(g, x); err != nil {
				return err
			}
		}
		return nil
	case v.Type.Layout() == types.LayoutInt16:
		return sumInts(a, groups, v.Int16s()[:len(groups)], v.Valid)
	}
	return sumInts(a, groups, v.Int32s()[:len(groups)], v.Valid)
}

// add adds x to a group with an overflow check.
func (a *intSum) add(g int32, x int64) error {
	s := a.sum[g] + x
	if (s^x)&(s^a.sum[g]) < 0 {
		return errOutOfRange(types.Int8)
	}
	a.sum[g] = s
	return nil
}

// sumInts adds a column; the overflow check is sticky, the sum of values that
// small cannot leave 64 bits and come back within one batch.
func sumInts[T int16 | int32](a *intSum, groups []int32, v []T, valid vector.Bitmap) error {
	sum, seen := a.sum, a.seen
	var bad int64
	if valid == nil {
		for i, g := range groups {
			x := int64(v[i])
			s := sum[g] + x
			bad |= (s ^ x) & (s ^ sum[g])
			sum[g], seen[g] = s, true
		}
	} else {
		for i, g := range groups {
			if valid.Get(i) {
				x := int64(v[i])
				s := sum[g] + x
				bad |= (s ^ x) & (s ^ sum[g])
				sum[g], seen[g] = s, true
			}
		}
	}
	if bad < 0 {
		return errOutOfRange(types.Int8)
	}
	return nil
}

func (a *intSum) Merge(other function.Accumulator, mapping []int32) error {
	o := other.(*intSum)
	for i, g := range mapping {
		a.seen[g] = a.seen[g] || o.seen[i]
		if err := a.add(g, o.sum[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *intSum) Result(from, to int, out *vector.Vec) error {
	copy(out.Int64s(), a.sum[from:to])
	unseen(a.seen[from:to], out)
	return nil
}

// unseen marks the groups without input as NULL.
func unseen(seen []bool, out *vector.Vec) {
	for i, s := range seen {
		if !s {
			out.SetNull(i, len(seen))
		}
	}
}

func (a *intSum) Bytes() int64 { return int64(cap(a.sum)) * 9 }

// exactSum sums integers and numerics in 128 bits at one scale for all groups,
// with a list of groups that need more.
type exactSum struct {
	avg   bool
	hi    []int64
	lo    []uint64
	n     []int64
	scale int32 // of hi:lo
	// shown is the display scale by group once groups differ, else nil and
	// every group shows scale.
	shown []int32
	// wide holds what does not fit: NaN, infinities, large values. A group's
	// sum is wide[g] plus hi:lo.
	wide map[int32]types.Num
}

func (a *exactSum) Grow(n int) {
	a.hi, a.lo, a.n = grow(a.hi, n), grow(a.lo, n), grow(a.n, n)
	if a.shown != nil {
		a.shown = grow(a.shown, n)
	}
}

func (a *exactSum) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	l := v.Type.Layout()
	if v.Kind == vector.Const {
		if v.IsNull(0) {
			return nil
		}
		if l == types.LayoutNumeric && !v.Scaled {
			for _, g := range groups {
				if err := a.addNum(g, types.DecodeNumeric(v.Bytes(0))); err != nil {
					return err
				}
			}
			return nil
		}
		if l == types.LayoutNumeric {
			a.align(v.Scale)
		}
		x, ok := v.Int(0), int64(1)
		if l == types.LayoutNumeric {
			if x, ok = a.at(x, v.Scale); ok == 0 {
				return a.addRows(groups, v)
			}
		}
		for _, g := range groups {
			a.hi[g], a.lo[g] = add128(a.hi[g], a.lo[g], x)
			a.n[g]++
			a.show(g, scaleOf(v))
		}
		return nil
	}
	switch l {
	case types.LayoutInt16:
		sumExact(a, groups, v.Int16s()[:len(groups)], v.Valid)
	case types.LayoutInt32:
		sumExact(a, groups, v.Int32s()[:len(groups)], v.Valid)
	case types.LayoutInt64:
		sumExact(a, groups, v.Int64s()[:len(groups)], v.Valid)
	default:
		if !v.Scaled {
			return a.addRows(groups, v)
		}
		if a.align(v.Scale); a.scale != v.Scale || a.shown != nil {
			return a.addRows(groups, v)
		}
		sumExact(a, groups, v.Int64s()[:len(groups)], v.Valid)
	}
	return nil
}

// scaleOf is the display scale of an integer or scaled vector.
func scaleOf(v *vector.Vec) int32 {
	if v.Scaled {
		return v.Scale
	}
	return 0
}

// sumExact adds a column at the accumulator's scale.
func sumExact[T kernel.Integer](a *exactSum, groups []int32, v []T, valid vector.Bitmap) {
	hi, lo, n := a.hi, a.lo, a.n
	if valid == nil {
		for i, g := range groups {
			hi[g], lo[g] = add128(hi[g], lo[g], int64(v[i]))
			n[g]++
		}
		return
	}
	for i, g := range groups {
		if valid.Get(i) {
			hi[g], lo[g] = add128(hi[g], lo[g], int64(v[i]))
			n[g]++
		}
	}
}

// align takes the scale of the first input. A later, different one makes the
// display scales of groups their own.
func (a *exactSum) align(scale int32) {
	if a.scale == scale {
		return
	}
	empty := a.wide == nil
	for i := range a.n {
		empty = empty && a.n[i] == 0
	}
	if empty && a.shown == nil {
		a.scale = scale
		return
	}
	if a.shown == nil {
		a.shown = make([]int32, len(a.n), cap(a.n))
		for i := range a.shown {
			a.shown[i] = a.scale
			if a.n[i] == 0 {
				a.shown[i] = 0
			}
		}
	}
}

// at returns x of the given scale at the accumulator's; ok is 0 when it does
// not fit.
func (a *exactSum) at(x int64, scale int32) (y, ok int64) {
	if scale > a.scale {
		return 0, 0
	}
	y, exact := kernel.Rescale(x, scale, a.scale)
	if !exact {
		return 0, 0
	}
	return y, 1
}

// show raises the display scale of a group.
func (a *exactSum) show(g, scale int32) {
	if a.shown != nil {
		a.shown[g] = max(a.shown[g], scale)
	}
}

// addRows adds a numeric column row by row.
func (a *exactSum) addRows(groups []int32, v *vector.Vec) error {
	for i, g := range groups {
		if v.IsNull(i) {
			continue
		}
		var x int64
		var s int32
		ok := true
		if v.Scaled {
			x, s = v.Int64s()[at(v, i)], v.Scale
		} else if x, s, ok = kernel.Unscale(v.Bytes(i)); !ok {
			if err := a.addNum(g, types.DecodeNumeric(v.Bytes(i))); err != nil {
				return err
			}
			continue
		}
		a.align(s)
		y, fit := a.at(x, s)
		if fit == 0 {
			if err := a.addNum(g, types.NumFromScaled(x, s)); err != nil {
				return err
			}
			continue
		}
		a.hi[g], a.lo[g] = add128(a.hi[g], a.lo[g], y)
		a.n[g]++
		a.show(g, s)
	}
	return nil
}

// addNum adds a value that has no place in 128 bits at the common scale.
func (a *exactSum) addNum(g int32, x types.Num) error {
	if a.wide == nil {
		a.wide = map[int32]types.Num{}
	}
	if a.shown == nil {
		a.align(a.scale + 1)
		if a.shown == nil { // nothing was added before
			a.scale = 0
			a.shown = make([]int32, len(a.n), cap(a.n))
		}
	}
	if w, ok := a.wide[g]; ok {
		var err error
		if x, err = w.Add(x); err != nil {
			return err
		}
	}
	a.wide[g] = x
	a.n[g]++
	a.show(g, x.Scale())
	return nil
}

// total returns the sum of a group.
func (a *exactSum) total(g int) (types.Num, error) {
	var x types.Num
	if h := a.hi[g]; h == int64(a.lo[g])>>63 {
		x = types.NumFromScaled(int64(a.lo[g]), a.scale)
	} else {
		b := new(big.Int).Lsh(big.NewInt(h), 64)
		x = types.NumFromBig(b.Add(b, new(big.Int).SetUint64(a.lo[g])), a.scale)
	}
	if w, ok := a.wide[int32(g)]; ok {
		var err error
		if x, err = x.Add(w); err != nil {
			return x, err
		}
	}
	if a.shown != nil && !x.IsNaN() && !x.IsInf() {
		x = x.Round(a.shown[g])
	}
	return x, nil
}

func (a *exactSum) Merge(other function.Accumulator, mapping []int32) error {
	o := other.(*exactSum)
	empty := true
	for i := range a.n {
		empty = empty && a.n[i] == 0
	}
	if empty && a.shown == nil && o.shown == nil {
		a.scale = o.scale
	}
	same := a.scale == o.scale && a.shown == nil && o.shown == nil
	for i, g := range mapping {
		if o.n[i] == 0 {
			continue
		}
		if same {
			l := a.lo[g] + o.lo[i]
			a.hi[g] += o.hi[i]
			if l < o.lo[i] {
				a.hi[g]++
			}
			a.lo[g] = l
			a.n[g] += o.n[i]
			continue
		}
		x, err := o.total(i)
		if err != nil {
			return err
		}
		if err := a.addNum(g, x); err != nil {
			return err
		}
		a.n[g] += o.n[i] - 1
	}
	return nil
}

func (a *exactSum) Result(from, to int, out *vector.Vec) error {
	n := to - from
	if !a.avg && a.shown == nil {
		small := true
		for g := from; g < to; g++ {
			small = small && a.hi[g] == int64(a.lo[g])>>63
		}
		if small {
			dst := setScaled(out, a.scale, n)
			for i := range dst {
				dst[i] = int64(a.lo[from+i])
				if a.n[from+i] == 0 {
					out.SetNull(i, n)
				}
			}
			return nil
		}
	}
	setViews(out, n)
	for i := range n {
		g := from + i
		if a.n[g] == 0 {
			out.SetNull(i, n)
			continue
		}
		x, err := a.total(g)
		if err != nil {
			return err
		}
		if a.avg {
			if x, err = x.Div(types.NumFromInt(a.n[g])); err != nil {
				return err
			}
		}
		out.Set(i, n, x.Datum())
	}
	return nil
}

func (a *exactSum) Bytes() int64 {
	return int64(cap(a.hi))*24 + int64(cap(a.shown))*4 + int64(len(a.wide))*64
}

// floatSum sums floats at double precision.
type floatSum struct {
	avg bool
	sum []float64
	n   []int64
}

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

func (a *floatSum) Merge(other function.Accumulator, mapping []int32) error {
	o := other.(*floatSum)
	for i, g := range mapping {
		a.sum[g] += o.sum[i]
		a.n[g] += o.n[i]
	}
	return nil
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
