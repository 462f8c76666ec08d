package builtin

import (
	"fmt"
	"unsafe"

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
		"interval", "text", "bpchar", "money", "inet", "anyarray", "anyenum",
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
		case types.LayoutNumeric:
			return &numericExtreme{t: t, scaled: intExtreme[int64]{larger: larger}, scale: -1}, nil
		}
		return newRowExtreme(larger, t), nil
	}}
}

// intExtreme keeps the extreme of an integer-like type. A group that has seen
// nothing holds the value that every other one beats, so that the loops need not
// ask.
type intExtreme[T int16 | int32 | uint32 | int64] struct {
	larger bool
	best   []T
	seen   []bool
}

func (a *intExtreme[T]) Width() int64 { return 9 }

func (a *intExtreme[T]) Grow(n int) {
	from, last := len(a.best), a.last()
	a.best, a.seen = grow(a.best, n), grow(a.seen, n)
	for i := from; i < len(a.best); i++ {
		a.best[i] = last
	}
}

// last returns the value that no other one loses against.
func (a *intExtreme[T]) last() T {
	var zero T
	lowest := zero
	if ^zero < 0 {
		lowest = T(1) << (8*unsafe.Sizeof(zero) - 1)
	}
	if a.larger {
		return lowest
	}
	return ^lowest
}

func (a *intExtreme[T]) Update(groups []int32, args []*vector.Vec) error {
	v := args[0]
	src, s := vector.Values[T](v), step(v)
	if v.Kind == vector.Const && v.IsNull(0) {
		return nil
	}
	best, seen := a.best, a.seen
	switch {
	case s == 0:
		for _, g := range groups {
			a.offer(g, src[0])
		}
	case v.Valid != nil:
		for i, g := range groups {
			if v.Valid.Get(i) {
				a.offer(g, src[i])
			}
		}
	case a.larger:
		src = src[:len(groups)]
		for i, g := range groups {
			best[g] = max(best[g], src[i])
			seen[g] = true
		}
	default:
		src = src[:len(groups)]
		for i, g := range groups {
			best[g] = min(best[g], src[i])
			seen[g] = true
		}
	}
	return nil
}

// UpdateRuns implements function.RunUpdater.
func (a *intExtreme[T]) UpdateRuns(runs []function.Run, args []*vector.Vec) error {
	v := args[0]
	src := vector.Values[T](v)
	if v.Kind == vector.Const && v.IsNull(0) {
		return nil
	}
	for _, r := range runs {
		if r.N == 0 {
			continue
		}
		best := a.best[r.Group]
		switch {
		case v.Kind == vector.Const:
			a.offer(r.Group, src[0])
			continue
		case v.Valid != nil:
			for k := range r.N {
				i := k
				if r.Rows != nil {
					i = int(r.Rows[k])
				}
				if v.Valid.Get(i) {
					a.offer(r.Group, src[i])
				}
			}
			continue
		case r.Rows == nil && a.larger:
			for _, x := range src[:r.N] {
				best = max(best, x)
			}
		case r.Rows == nil:
			for _, x := range src[:r.N] {
				best = min(best, x)
			}
		case a.larger:
			for _, i := range r.Rows[:r.N] {
				best = max(best, src[i])
			}
		default:
			for _, i := range r.Rows[:r.N] {
				best = min(best, src[i])
			}
		}
		a.offer(r.Group, best)
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
