package builtin

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// grow returns s with length n, new elements zero. The length is the number of
// groups; capacity doubles.
func grow[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	if n <= cap(s) {
		return s[:n]
	}
	out := make([]T, n, max(n, 2*cap(s), 64))
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

func (a *counter) Merge(other function.Accumulator, mapping []int32) error {
	for i, g := range mapping {
		a.n[g] += other.(*counter).n[i]
	}
	return nil
}

func (a *counter) Result(from, to int, out *vector.Vec) error {
	copy(out.Int64s(), a.n[from:to])
	return nil
}

func (a *counter) Bytes() int64 { return int64(cap(a.n)) * 8 }

// datums is an aggregate state of any kind kept group by group: the slow but
// general form, for aggregates that are rarely the bulk of a query.
type datums[S any] struct {
	states []S
	// strict leaves out rows where an argument is NULL.
	strict bool
	add    func(s *S, args []*vector.Vec, i int) error
	merge  func(s, other *S) error
	result func(s *S) (types.Datum, error)
	size   func(s *S) int64
	bytes  int64
}

func (a *datums[S]) Grow(n int) {
	a.states = grow(a.states, n)
}

func (a *datums[S]) Update(groups []int32, args []*vector.Vec) error {
rows:
	for i, g := range groups {
		if a.strict {
			for _, v := range args {
				if v.IsNull(i) {
					continue rows
				}
			}
		}
		s := &a.states[g]
		if a.size != nil {
			a.bytes -= a.size(s)
		}
		if err := a.add(s, args, i); err != nil {
			return err
		}
		if a.size != nil {
			a.bytes += a.size(s)
		}
	}
	return nil
}

func (a *datums[S]) Merge(other function.Accumulator, mapping []int32) error {
	o := other.(*datums[S])
	for i, g := range mapping {
		s := &a.states[g]
		if a.size != nil {
			a.bytes -= a.size(s)
		}
		if err := a.merge(s, &o.states[i]); err != nil {
			return err
		}
		if a.size != nil {
			a.bytes += a.size(s)
		}
	}
	return nil
}

func (a *datums[S]) Result(from, to int, out *vector.Vec) error {
	for i := from; i < to; i++ {
		d, err := a.result(&a.states[i])
		if err != nil {
			return err
		}
		out.Set(i-from, to-from, d)
	}
	return nil
}

func (a *datums[S]) Bytes() int64 { return a.bytes + int64(cap(a.states))*64 }
