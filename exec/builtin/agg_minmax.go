package builtin

import (
	"encoding/binary"
	"fmt"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// minMaxAggregates are min and max of every ordered type.
func minMaxAggregates() []entry {
	var list []entry
	for _, t := range []string{
		"int2", "int4", "int8", "float4", "float8", "numeric", "oid", "date", "time", "timetz", "timestamp", "timestamptz",
		"interval", "text", "bpchar", "money", "inet", "anyarray",
	} {
		list = append(list,
			entry{sigs: fmt.Sprintf("min(%s)", t), aggregate: extreme(false), doc: "The smallest value that is not NULL."},
			entry{sigs: fmt.Sprintf("max(%s)", t), aggregate: extreme(true), doc: "The largest value that is not NULL."})
	}
	return list
}

// extreme makes the aggregate for the type of the call's argument.
func extreme(larger bool) *function.Aggregate {
	return &function.Aggregate{IgnoresOrder: true, New: func(c *function.Call) (function.Accumulator, error) {
		t := c.Ret
		if len(c.Args) > 0 {
			t = c.Args[0]
		}
		switch t.Layout() {
		case types.LayoutInt16:
			return &intExtreme[int16]{larger: larger}, nil
		case types.LayoutInt32:
			if kernel.Unsigned(t) {
				return &intExtreme[uint32]{larger: larger}, nil
			}
			return &intExtreme[int32]{larger: larger}, nil
		case types.LayoutInt64:
			return &intExtreme[int64]{larger: larger}, nil
		}
		return &rowExtreme{larger: larger, t: t, order: kernel.CompareFunc(t)}, nil
	}}
}

// intExtreme keeps the extreme of an integer-like type.
type intExtreme[T int16 | int32 | uint32 | int64] struct {
	larger bool
	best   []T
	seen   []bool
}

func (a *intExtreme[T]) Width() int64 { return 9 }

func (a *intExtreme[T]) Grow(n int) { a.best, a.seen = grow(a.best, n), grow(a.seen, n) }

func (a *intExtreme[T]) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	src, s := vector.Values[T](v), step(v)
	if v.Kind == vector.Const && v.IsNull(0) {
		return nil
	}
	best, seen := a.best, a.seen
	for i, g := range groups {
		if s == 1 && v.Valid != nil && !v.Valid.Get(i) {
			continue
		}
		x := src[i*s]
		if !seen[g] || a.larger && x > best[g] || !a.larger && x < best[g] {
			best[g], seen[g] = x, true
		}
	}
	return nil
}

// UpdateRuns implements function.RunUpdater.
func (a *intExtreme[T]) UpdateRuns(runs []function.Run, args []*vector.Vec) error {
	v := args[0]
	src, s := vector.Values[T](v), step(v)
	if v.Kind == vector.Const && v.IsNull(0) {
		return nil
	}
	for _, r := range runs {
		var best T
		seen := false
		if s == 1 && v.Valid == nil && r.Rows == nil && r.N > 0 {
			best, seen = src[0], true
			if a.larger {
				for _, x := range src[:r.N] {
					best = max(best, x)
				}
			} else {
				for _, x := range src[:r.N] {
					best = min(best, x)
				}
			}
		} else {
			for k := range r.N {
				i := k
				if r.Rows != nil {
					i = int(r.Rows[k])
				}
				if s == 1 && v.Valid != nil && !v.Valid.Get(i) {
					continue
				}
				if x := src[i*s]; !seen || a.larger && x > best || !a.larger && x < best {
					best, seen = x, true
				}
			}
		}
		if seen {
			a.offer(r.Group, best)
		}
	}
	return nil
}

// offer takes x when it is more extreme than what group g has.
func (a *intExtreme[T]) offer(g int32, x T) {
	if !a.seen[g] || a.larger && x > a.best[g] || !a.larger && x < a.best[g] {
		a.best[g], a.seen[g] = x, true
	}
}

func (a *intExtreme[T]) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*intExtreme[T])
	for i, g := range into {
		if f := from[i]; o.seen[f] {
			a.offer(g, o.best[f])
		}
	}
	return nil
}

func (a *intExtreme[T]) Save(groups []int32, out *vector.Vec) error {
	return save(groups, out, func(w *stateWriter, g int32) error {
		w.bool(a.seen[g])
		w.int(int64(a.best[g]))
		return nil
	})
}

func (a *intExtreme[T]) Load(states *vector.Vec, into []int32) error {
	return load(states, into, func(r *stateReader, g int32) error {
		seen := r.bool()
		if x := T(r.int()); seen {
			a.offer(g, x)
		}
		return nil
	})
}

func (a *intExtreme[T]) Result(from, to int, out *vector.Vec) error {
	copy(vector.Values[T](out), a.best[from:to])
	unseen(a.seen[from:to], out)
	return nil
}

func (a *intExtreme[T]) Bytes() int64 { return int64(cap(a.best)) * 9 }

// rowExtreme keeps the extreme of any other ordered type in a vector with one
// row per group.
type rowExtreme struct {
	larger bool
	t      types.Type
	order  kernel.Comparer
	best   *vector.Vec
	n      int
	dead   int64 // bytes of replaced values still in best
	held   int64
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
	switch a.t.OID {
	case types.Text, types.VarChar, types.Bytea:
		a.updateText(groups, v)
	default:
		for i, g := range groups {
			if !v.IsNull(i) {
				a.offer(int(g), v, i)
			}
		}
	}
	a.compact()
	return nil
}

// updateText is Update for values in byte order: most are decided by their
// first four bytes, without a look at the rest.
func (a *rowExtreme) updateText(groups []int32, v *vector.Vec) {
	s, views := step(v), v.Views()
	if s == 0 && v.IsNull(0) {
		return
	}
	for i, g := range groups {
		if s == 1 && v.Valid != nil && !v.Valid.Get(i) {
			continue
		}
		if a.best.Valid.Get(int(g)) {
			x := binary.BigEndian.Uint32(views[i*s].Prefix[:])
			if y := binary.BigEndian.Uint32(a.best.Views()[g].Prefix[:]); x != y && (x > y) != a.larger {
				continue
			}
		}
		a.offer(int(g), v, i)
	}
}

// offer takes row i of v when it is more extreme than what group g has.
func (a *rowExtreme) offer(g int, v *vector.Vec, i int) {
	if a.best.Valid.Get(g) {
		if c := a.order(v, i, a.best, g); c == 0 || (c > 0) != a.larger {
			return
		}
	}
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
