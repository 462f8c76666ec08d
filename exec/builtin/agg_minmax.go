package builtin

import (
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

func (a *intExtreme[T]) Merge(other function.Accumulator, mapping []int32) error {
	o := other.(*intExtreme[T])
	for i, g := range mapping {
		if x := o.best[i]; o.seen[i] && (!a.seen[g] || a.larger && x > a.best[g] || !a.larger && x < a.best[g]) {
			a.best[g], a.seen[g] = x, true
		}
	}
	return nil
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

func (a *rowExtreme) Grow(n int) {
	if a.best != nil && n <= a.n {
		return
	}
	// There is room for as many values as for bits of validity.
	if a.best == nil {
		words := (max(n, 64) + 63) / 64
		a.best = vector.New(a.t, 64*words)
		clear(a.best.Backing())
		a.best.Valid = make(vector.Bitmap, words)
		a.n = n
		return
	}
	if words := len(a.best.Valid); n > 64*words {
		words = max((n+63)/64, 2*words)
		next := vector.New(a.t, 64*words)
		clear(next.Backing())
		copy(next.Backing(), a.best.Backing())
		next.Valid = make(vector.Bitmap, words)
		copy(next.Valid, a.best.Valid)
		next.Bufs = a.best.Bufs
		a.best = next
	}
	a.n = n
}

func (a *rowExtreme) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	if v.Scaled {
		v = kernel.Unscaled(v, len(groups))
	}
	for i, g := range groups {
		if !v.IsNull(i) {
			a.offer(int(g), v, i)
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
	a.best.Valid.Set(g)
	switch l := a.t.Layout(); l {
	case types.LayoutBytes, types.LayoutNumeric:
		if k := len(a.best.Bytes(g)); k > vector.MaxInline {
			a.dead += int64(k)
		}
		b := v.Bytes(i)
		a.held += int64(len(b))
		a.best.SetBytes(g, b)
	default:
		a.best.Set(g, a.n, v.Datum(i))
	}
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

func (a *rowExtreme) Merge(other function.Accumulator, mapping []int32) error {
	o := other.(*rowExtreme)
	for i, g := range mapping {
		if !o.best.IsNull(i) {
			a.offer(int(g), o.best, i)
		}
	}
	return nil
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
