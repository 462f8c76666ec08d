package builtin

import (
	"math/big"
	"math/bits"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// exactSum sums integers and numerics in 128 bits at one scale for all groups,
// with a list of groups that need more.
type exactSum struct {
	avg    bool
	states []exactTotal
	scale  int32 // of the totals
	scaled bool  // a value has decided scale
	// shown is the display scale by group once groups differ, else nil and
	// every group shows scale.
	shown []int32
	// wide holds what does not fit: NaN, infinities, large values. A group's
	// sum is wide[g] plus its total.
	wide map[int32]types.Num
}

// exactTotal is one group of an exactSum: one cache line at most is touched for
// a row.
type exactTotal struct {
	lo uint64
	hi int64
	n  int64
}

// add adds x.
func (t *exactTotal) add(x int64) {
	lo, carry := bits.Add64(t.lo, uint64(x), 0)
	t.lo = lo
	t.hi += x>>63 + int64(carry)
}

func (a *exactSum) Width() int64 {
	if a.shown != nil {
		return 28
	}
	return 24
}

func (a *exactSum) Grow(n int) {
	a.states = grow(a.states, n)
	if a.shown != nil {
		a.shown = grow(a.shown, n)
	}
}

// fits reports whether the values of v, an integer or numeric vector, can be
// added as they are.
func (a *exactSum) fits(v *vector.Vec) bool {
	if v.Type.Layout() != types.LayoutNumeric {
		return true
	}
	if !v.Scaled {
		return false
	}
	a.align(v.Scale)
	return a.scale == v.Scale && a.shown == nil
}

func (a *exactSum) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	if v.Kind == vector.Const && v.IsNull(0) {
		return nil
	}
	if !a.fits(v) {
		return a.addRows(groups, v)
	}
	if v.Kind == vector.Const {
		x := v.Int(0)
		for _, g := range groups {
			a.states[g].add(x)
			a.states[g].n++
		}
		return nil
	}
	switch v.Type.Layout() {
	case types.LayoutInt16:
		sumExact(a.states, groups, v.Int16s()[:len(groups)], v.Valid)
	case types.LayoutInt32:
		sumExact(a.states, groups, v.Int32s()[:len(groups)], v.Valid)
	default:
		sumExact(a.states, groups, v.Int64s()[:len(groups)], v.Valid)
	}
	return nil
}

// sumExact adds a column at the accumulator's scale.
func sumExact[T kernel.Integer](states []exactTotal, groups []int32, v []T, valid vector.Bitmap) {
	if valid == nil {
		for i, g := range groups {
			t := &states[g]
			x := int64(v[i])
			lo, carry := bits.Add64(t.lo, uint64(x), 0)
			t.lo = lo
			t.hi += x>>63 + int64(carry)
			t.n++
		}
		return
	}
	for i, g := range groups {
		if valid.Get(i) {
			t := &states[g]
			t.add(int64(v[i]))
			t.n++
		}
	}
}

// UpdateRuns implements function.RunUpdater.
func (a *exactSum) UpdateRuns(runs []function.Run, args []*vector.Vec) error {
	v := args[0]
	if v.Kind == vector.Const && v.IsNull(0) {
		return nil
	}
	if !a.fits(v) {
		for _, r := range runs {
			if err := a.addRun(r, v); err != nil {
				return err
			}
		}
		return nil
	}
	for _, r := range runs {
		t := &a.states[r.Group]
		n := present(r, v)
		t.n += int64(n)
		switch {
		case v.Kind == vector.Const:
			hi, lo := bits.Mul64(uint64(v.Int(0)), uint64(n))
			hi -= uint64(n) & uint64(v.Int(0)>>63) // the product of signed values
			var carry uint64
			t.lo, carry = bits.Add64(t.lo, lo, 0)
			t.hi += int64(hi + carry)
		case v.Type.Layout() == types.LayoutInt16:
			t.add(runSum(r, v.Int16s(), v.Valid))
		case v.Type.Layout() == types.LayoutInt32:
			t.add(runSum(r, v.Int32s(), v.Valid))
		default:
			runExact(t, r, v.Int64s(), v.Valid)
		}
	}
	return nil
}

// runExact sums 64-bit values. Those of a batch seldom need more than 64 bits
// together: the OR of their magnitudes says so.
func runExact(t *exactTotal, r function.Run, v []int64, valid vector.Bitmap) {
	var sum int64
	var all uint64
	switch {
	case valid != nil:
		for k := range r.N {
			i := k
			if r.Rows != nil {
				i = int(r.Rows[k])
			}
			if valid.Get(i) {
				t.add(v[i])
			}
		}
		return
	case r.Rows == nil:
		for _, x := range v[:r.N] {
			sum += x
			all |= uint64(x ^ x>>63)
		}
	default:
		for _, i := range r.Rows {
			x := v[i]
			sum += x
			all |= uint64(x ^ x>>63)
		}
	}
	if bits.Len64(all)+bits.Len(uint(r.N)) <= 62 {
		t.add(sum)
		return
	}
	for k := range r.N {
		i := k
		if r.Rows != nil {
			i = int(r.Rows[k])
		}
		t.add(v[i])
	}
}

// align takes the scale of the first input. A later, different one makes the
// display scales of groups their own.
func (a *exactSum) align(scale int32) {
	if !a.scaled {
		a.scaled, a.scale = true, scale
	}
	if a.scale == scale || a.shown != nil {
		return
	}
	for _, t := range a.states {
		if t.n > 0 {
			a.diverge()
			return
		}
	}
	a.scale = scale // there were only NULLs
}

// diverge begins display scales by group.
func (a *exactSum) diverge() {
	if a.shown != nil {
		return
	}
	a.scaled = true
	a.shown = make([]int32, len(a.states))
	for i, t := range a.states {
		if t.n > 0 {
			a.shown[i] = a.scale
		}
	}
}

// at returns x of the given scale at the accumulator's; ok is false when it does
// not fit.
func (a *exactSum) at(x int64, scale int32) (y int64, ok bool) {
	if scale > a.scale {
		return 0, false
	}
	return kernel.Rescale(x, scale, a.scale)
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
		if err := a.addRow(g, v, i); err != nil {
			return err
		}
	}
	return nil
}

// addRun is addRows for a run.
func (a *exactSum) addRun(r function.Run, v *vector.Vec) error {
	for k := range r.N {
		i := k
		if r.Rows != nil {
			i = int(r.Rows[k])
		}
		if err := a.addRow(r.Group, v, i); err != nil {
			return err
		}
	}
	return nil
}

// addRow adds one numeric of any form.
func (a *exactSum) addRow(g int32, v *vector.Vec, i int) error {
	if v.IsNull(i) {
		return nil
	}
	var x int64
	var s int32
	ok := true
	if v.Scaled {
		x, s = v.Int64s()[at(v, i)], v.Scale
	} else if x, s, ok = kernel.Unscale(v.Bytes(i)); !ok {
		return a.addNum(g, types.DecodeNumeric(v.Bytes(i)), 1)
	}
	a.align(s)
	y, ok := a.at(x, s)
	if !ok {
		return a.addNum(g, types.NumFromScaled(x, s), 1)
	}
	a.states[g].add(y)
	a.states[g].n++
	a.show(g, s)
	return nil
}

// addNum adds the sum of n values that has no place in 128 bits at the common
// scale.
func (a *exactSum) addNum(g int32, x types.Num, n int64) error {
	if a.wide == nil {
		a.wide = map[int32]types.Num{}
	}
	a.diverge()
	if w, ok := a.wide[g]; ok {
		var err error
		if x, err = w.Add(x); err != nil {
			return err
		}
	}
	a.wide[g] = x
	a.states[g].n += n
	a.show(g, x.Scale())
	return nil
}

// addTotal adds the total of another accumulator at the same scale.
func (a *exactSum) addTotal(g int32, o exactTotal) {
	t := &a.states[g]
	var carry uint64
	t.lo, carry = bits.Add64(t.lo, o.lo, 0)
	t.hi += o.hi + int64(carry)
	t.n += o.n
}

// total returns the sum of a group.
func (a *exactSum) total(g int) (types.Num, error) {
	var x types.Num
	t := a.states[g]
	if t.hi == int64(t.lo)>>63 {
		x = types.NumFromScaled(int64(t.lo), a.scale)
	} else {
		b := new(big.Int).Lsh(big.NewInt(t.hi), 64)
		x = types.NumFromBig(b.Add(b, new(big.Int).SetUint64(t.lo)), a.scale)
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

// takes prepares for totals at a scale; it reports whether they can be added as
// they are.
func (a *exactSum) takes(scale int32, plain bool) bool {
	if plain {
		a.align(scale)
	}
	return plain && a.scale == scale && a.shown == nil
}

func (a *exactSum) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*exactSum)
	if !o.scaled {
		// Integers on both sides, or nothing has been added to other.
		for i, g := range into {
			a.addTotal(g, o.states[from[i]])
		}
		return nil
	}
	same := a.takes(o.scale, o.shown == nil)
	for i, g := range into {
		t := o.states[from[i]]
		switch {
		case t.n == 0:
		case same:
			a.addTotal(g, t)
		default:
			x, err := o.total(int(from[i]))
			if err != nil {
				return err
			}
			if err := a.addNum(g, x, t.n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *exactSum) Save(groups []int32, out *vector.Vec) error {
	return save(groups, out, func(w *stateWriter, g int32) error {
		t := a.states[g]
		w.int(t.n)
		w.bool(a.shown == nil)
		if a.shown == nil {
			w.bool(a.scaled)
			w.buf = append(w.buf, byte(a.scale))
			w.int(int64(t.lo))
			w.int(t.hi)
			return nil
		}
		x, err := a.total(int(g))
		w.num(x)
		return err
	})
}

func (a *exactSum) Load(states *vector.Vec, into []int32) error {
	return load(states, into, func(r *stateReader, g int32) error {
		n := r.int()
		if !r.bool() {
			x := r.num()
			if n == 0 || r.short {
				return nil
			}
			return a.addNum(g, x, n)
		}
		scaled, scale := r.bool(), int32(0)
		if b := r.take(1); b != nil {
			scale = int32(b[0])
		}
		t := exactTotal{lo: uint64(r.int()), hi: r.int(), n: n}
		if n == 0 || r.short {
			return nil
		}
		if !scaled || a.takes(scale, true) {
			a.addTotal(g, t)
			return nil
		}
		one := exactSum{states: []exactTotal{t}, scale: scale}
		x, err := one.total(0)
		if err != nil {
			return err
		}
		return a.addNum(g, x, n)
	})
}

func (a *exactSum) Result(from, to int, out *vector.Vec) error {
	n := to - from
	if !a.avg && a.shown == nil {
		small := true
		for _, t := range a.states[from:to] {
			small = small && t.hi == int64(t.lo)>>63
		}
		if small {
			dst := setScaled(out, a.scale, n)
			for i, t := range a.states[from:to] {
				dst[i] = int64(t.lo)
				if t.n == 0 {
					out.SetNull(i, n)
				}
			}
			return nil
		}
	}
	setViews(out, n)
	var scratch [64]byte
	for i := range n {
		g := from + i
		t := a.states[g]
		if t.n == 0 {
			out.SetNull(i, n)
			continue
		}
		if a.avg && a.shown == nil && a.wide == nil && t.hi == int64(t.lo)>>63 {
			out.SetBytes(i, types.AppendQuotient(scratch[:0], int64(t.lo), a.scale, t.n))
			continue
		}
		x, err := a.total(g)
		if err != nil {
			return err
		}
		if a.avg {
			if x, err = x.Div(types.NumFromInt(a.states[g].n)); err != nil {
				return err
			}
		}
		out.Set(i, n, x.Datum())
	}
	return nil
}

// Share implements function.Sharer: sum and avg have the same states.
func (a *exactSum) Share(other function.Accumulator) function.Accumulator {
	if o, ok := other.(*exactSum); ok {
		return exactView{exactSum: a, avg: o.avg}
	}
	return nil
}

// exactView gives the results of another aggregate from the states of one.
type exactView struct {
	*exactSum
	avg bool
}

func (v exactView) Result(from, to int, out *vector.Vec) error {
	of := *v.exactSum
	of.avg = v.avg
	return of.Result(from, to, out)
}

func (a *exactSum) Bytes() int64 {
	return int64(cap(a.states))*24 + int64(cap(a.shown))*4 + int64(len(a.wide))*64
}
