package builtin

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/exec/vector"
)

// grow returns s with room for n groups, new elements zero.
func grow[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	out := make([]T, n)
	copy(out, s)
	return out
}

// aggregate wraps a constructor that needs nothing of the call.
func aggregate(f func() function.Accumulator) *function.Aggregate {
	return &function.Aggregate{New: func(*function.Call) (function.Accumulator, error) { return f(), nil }, IgnoresOrder: true}
}

// countAggregates are count(*) and count(x).
func countAggregates() []entry {
	return []entry{
		{sigs: "count()", aggregate: aggregate(func() function.Accumulator { return &counter{} }), doc: "The number of rows."},
		{sigs: "count(any)", aggregate: aggregate(func() function.Accumulator { return &counter{} }), doc: "The number of rows where the argument is not NULL."},
	}
}

// counter counts rows, or rows where its argument is not NULL.
type counter struct{ n []int64 }

func (a *counter) Width() int64 { return 8 }

func (a *counter) Grow(n int) { a.n = grow(a.n, n) }

func (a *counter) Update(groups []int32, args []*vector.Vec) error {
	n := a.n
	if len(args) == 0 || args[0].Valid == nil {
		for _, g := range groups {
			n[g]++
		}
		return nil
	}
	v := args[0]
	if v.Kind == vector.Const {
		if v.IsNull(0) {
			return nil
		}
		for _, g := range groups {
			n[g]++
		}
		return nil
	}
	for i, g := range groups {
		n[g] += int64(v.Valid[i>>6] >> (uint(i) & 63) & 1)
	}
	return nil
}

// UpdateRuns implements function.RunUpdater.
func (a *counter) UpdateRuns(runs []function.Run, args []*vector.Vec) error {
	for _, r := range runs {
		if len(args) == 0 {
			a.n[r.Group] += int64(r.N)
		} else {
			a.n[r.Group] += int64(present(r, args[0]))
		}
	}
	return nil
}

// present counts the rows of a run where v is not NULL.
func present(r function.Run, v *vector.Vec) int {
	switch {
	case v.Valid == nil:
		return r.N
	case v.Kind == vector.Const:
		if v.IsNull(0) {
			return 0
		}
		return r.N
	case r.Rows == nil:
		return v.Valid.Count(r.N)
	}
	n := 0
	for _, i := range r.Rows {
		n += int(v.Valid[i>>6] >> (uint(i) & 63) & 1)
	}
	return n
}

func (a *counter) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*counter).n
	for i, g := range into {
		a.n[g] += o[from[i]]
	}
	return nil
}

func (a *counter) Save(groups []int32, out *vector.Vec) error {
	return save(groups, out, func(w *stateWriter, g int32) error { w.int(a.n[g]); return nil })
}

func (a *counter) Load(states *vector.Vec, into []int32) error {
	return load(states, into, func(r *stateReader, g int32) error { a.n[g] += r.int(); return nil })
}

func (a *counter) Result(from, to int, out *vector.Vec) error {
	copy(out.Int64s(), a.n[from:to])
	return nil
}

func (a *counter) Bytes() int64 { return int64(cap(a.n)) * 8 }
