package builtin

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// rowExtreme keeps the extreme of any other ordered type in a vector with one
// row per group.
type rowExtreme struct {
	larger bool
	t      types.Type
	order  kernel.Comparer
	text   bool // values are in byte order
	best   *vector.Vec
	n      int
	dead   int64 // bytes of replaced values still in best
	held   int64
}

func newRowExtreme(larger bool, t types.Type) *rowExtreme {
	a := &rowExtreme{larger: larger, t: t, order: kernel.CompareFunc(t)}
	switch t.OID {
	case types.Text, types.VarChar, types.Bytea:
		a.text = true
	}
	return a
}

func (a *rowExtreme) Width() int64 { return 17 }

func (a *rowExtreme) Grow(n int) {
	// There is room for as many values as for bits of validity.
	words := (n + 63) / 64
	next := vector.New(a.t, 64*words)
	clear(next.Backing())
	next.Valid = make(vector.Bitmap, words)
	if a.best != nil {
		copy(next.Backing(), a.best.Backing())
		copy(next.Valid, a.best.Valid)
		next.Bufs = a.best.Bufs
	}
	a.best, a.n = next, n
}

func (a *rowExtreme) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	if v.Scaled {
		v = kernel.Unscaled(v, len(groups))
	}
	if a.text {
		a.updateText(groups, v)
	} else {
		for i, g := range groups {
			if !v.IsNull(i) {
				a.offer(int(g), v, i)
			}
		}
	}
	a.compact()
	return nil
}

// UpdateRuns implements function.RunUpdater. Numerics must not be scaled.
func (a *rowExtreme) UpdateRuns(runs []function.Run, args []*vector.Vec) error {
	v := args[0]
	for _, r := range runs {
		if a.text {
			a.runText(r, v)
			continue
		}
		for k := range r.N {
			i := k
			if r.Rows != nil {
				i = int(r.Rows[k])
			}
			if !v.IsNull(i) {
				a.offer(int(r.Group), v, i)
			}
		}
	}
	a.compact()
	return nil
}

// offer takes row i of v when it is more extreme than what group g has.
func (a *rowExtreme) offer(g int, v *vector.Vec, i int) {
	if a.best.Valid.Get(g) {
		if c := a.order(v, i, a.best, g); c == 0 || (c > 0) != a.larger {
			return
		}
	}
	a.take(g, v, i)
}

// take makes row i of v what group g has.
func (a *rowExtreme) take(g int, v *vector.Vec, i int) {
	a.best.Valid.Set(g)
	if a.inBytes() {
		if k := len(a.best.Bytes(g)); k > vector.MaxInline {
			a.dead += int64(k)
		}
		b := v.Bytes(i)
		a.held += int64(len(b))
		a.best.SetBytes(g, b)
		return
	}
	a.best.Set(g, a.n, v.Datum(i))
}

// compact drops replaced values once they are most of what is held.
func (a *rowExtreme) compact() {
	if a.dead < 1<<20 || a.dead*2 < a.held {
		return
	}
	a.best.Own(a.n)
	a.held -= a.dead
	a.dead = 0
}

func (a *rowExtreme) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*rowExtreme)
	for i, g := range into {
		if f := int(from[i]); !o.best.IsNull(f) {
			a.offer(int(g), o.best, f)
		}
	}
	return nil
}

func (a *rowExtreme) Save(groups []int32, out *vector.Vec) error {
	bytes := a.inBytes()
	return save(groups, out, func(w *stateWriter, g int32) error {
		null := a.best.IsNull(int(g))
		w.bool(null)
		switch {
		case null:
		case bytes:
			w.bytes(a.best.Bytes(int(g)))
		default:
			w.datum(a.best.Datum(int(g)))
		}
		return nil
	})
}

func (a *rowExtreme) Load(states *vector.Vec, into []int32) error {
	bytes := a.inBytes()
	one := vector.New(a.t, 1)
	return load(states, into, func(r *stateReader, g int32) error {
		if r.bool() {
			return nil
		}
		if bytes {
			one.Bufs = nil
			one.SetBytes(0, r.bytes())
		} else {
			one.Set(0, 1, r.datum())
		}
		if !r.short {
			a.offer(int(g), one, 0)
		}
		return nil
	})
}

// inBytes reports whether the values are kept as bytes.
func (a *rowExtreme) inBytes() bool {
	l := a.t.Layout()
	return l == types.LayoutBytes || l == types.LayoutNumeric
}

func (a *rowExtreme) Result(from, to int, out *vector.Vec) error {
	for g := from; g < to; g++ {
		out.Set(g-from, to-from, a.best.Datum(g))
	}
	return nil
}

func (a *rowExtreme) Bytes() int64 {
	if a.best == nil {
		return 0
	}
	return int64(len(a.best.Backing()))*8 + a.held
}
