package builtin

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// numericExtreme keeps the extreme of numerics: of those that are scaled alike,
// as nearly all of a column are, as integers, and of all others in binary form.
// The extreme of a group is the better of the two.
type numericExtreme struct {
	t      types.Type
	scaled intExtreme[int64]
	scale  int32       // of scaled, -1 before the first value
	rest   *rowExtreme // nil while every value has had that scale
	n      int
	one    *vector.Vec
}

func (a *numericExtreme) Width() int64 {
	if a.rest != nil {
		return a.scaled.Width() + a.rest.Width()
	}
	return a.scaled.Width()
}

func (a *numericExtreme) Grow(n int) {
	a.n = n
	a.scaled.Grow(n)
	if a.rest != nil {
		a.rest.Grow(n)
	}
}

// fits reports whether v holds integers in units of a's scale, which the first
// scaled vector decides.
func (a *numericExtreme) fits(v *vector.Vec) bool {
	if v.Scaled && a.scale < 0 {
		a.scale = v.Scale
	}
	return v.Scaled && v.Scale == a.scale
}

// others returns what keeps the values of other scales.
func (a *numericExtreme) others() *rowExtreme {
	if a.rest == nil {
		a.rest = newRowExtreme(a.scaled.larger, a.t)
		a.rest.Grow(a.n)
	}
	return a.rest
}

func (a *numericExtreme) Update(groups []int32, args []*vector.Vec) error {
	if a.fits(args[0]) {
		return a.scaled.Update(groups, args)
	}
	return a.others().Update(groups, args)
}

// UpdateRuns implements function.RunUpdater.
func (a *numericExtreme) UpdateRuns(runs []function.Run, args []*vector.Vec) error {
	v := args[0]
	if a.fits(v) {
		return a.scaled.UpdateRuns(runs, args)
	}
	if v.Scaled {
		n := 0
		for _, r := range runs {
			switch {
			case r.N == 0:
			case r.Rows == nil:
				n = max(n, r.N)
			default:
				n = max(n, int(r.Rows[r.N-1])+1)
			}
		}
		v = kernel.Unscaled(v, n)
	}
	return a.others().UpdateRuns(runs, []*vector.Vec{v})
}

// offerScaled offers x*10^-scale to group g.
func (a *numericExtreme) offerScaled(g int32, x int64, scale int32) {
	if a.scale < 0 {
		a.scale = scale
	}
	if scale == a.scale {
		a.scaled.offer(g, x)
		return
	}
	var buf [64]byte
	a.offerBytes(g, types.AppendScaled(buf[:0], x, scale))
}

// offerBytes offers a value in binary form to group g.
func (a *numericExtreme) offerBytes(g int32, b []byte) {
	if a.one == nil {
		a.one = vector.New(a.t, 1)
	}
	for i := range a.one.Bufs {
		a.one.Bufs[i] = a.one.Bufs[i][:0]
	}
	a.one.SetBytes(0, b)
	a.others().offer(int(g), a.one, 0)
}

func (a *numericExtreme) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*numericExtreme)
	for i, g := range into {
		if f := from[i]; o.scaled.seen[f] {
			a.offerScaled(g, o.scaled.best[f], o.scale)
		}
	}
	if o.rest != nil {
		return a.others().Merge(o.rest, from, into)
	}
	return nil
}

// binary returns the extreme of group g in binary form, appended to scratch when
// it is scaled; nil when there is none.
func (a *numericExtreme) binary(scratch []byte, g int) []byte {
	var b []byte
	if a.scaled.seen[g] {
		b = types.AppendScaled(scratch, a.scaled.best[g], a.scale)
	}
	if a.rest == nil || a.rest.best.IsNull(g) {
		return b
	}
	c := a.rest.best.Bytes(g)
	if b == nil || (kernel.CompareNumeric(c, b) > 0) == a.scaled.larger {
		return c
	}
	return b
}

func (a *numericExtreme) Save(groups []int32, out *vector.Vec) error {
	var buf [64]byte
	return save(groups, out, func(w *stateWriter, g int32) error {
		b := a.binary(buf[:0], int(g))
		w.bool(b == nil)
		if b != nil {
			w.bytes(b)
		}
		return nil
	})
}

func (a *numericExtreme) Load(states *vector.Vec, into []int32) error {
	return load(states, into, func(r *stateReader, g int32) error {
		if r.bool() {
			return nil
		}
		b := r.bytes()
		if len(b) < 8 {
			r.short = true
			return nil
		}
		if x, scale, ok := kernel.Unscale(b); ok {
			a.offerScaled(g, x, scale)
		} else {
			a.offerBytes(g, b)
		}
		return nil
	})
}

func (a *numericExtreme) Result(from, to int, out *vector.Vec) error {
	n := to - from
	if a.rest == nil {
		copy(setScaled(out, max(a.scale, 0), n), a.scaled.best[from:to])
		unseen(a.scaled.seen[from:to], out)
		return nil
	}
	setViews(out, n)
	var buf [64]byte
	for i := range n {
		if b := a.binary(buf[:0], from+i); b != nil {
			out.SetBytes(i, b)
		} else {
			out.SetNull(i, n)
		}
	}
	return nil
}

func (a *numericExtreme) Bytes() int64 {
	if a.rest != nil {
		return a.scaled.Bytes() + a.rest.Bytes()
	}
	return a.scaled.Bytes()
}
