package builtin

import (
	"unsafe"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// datums is an aggregate state of any kind kept group by group: the slow but
// general form, for aggregates that are rarely the bulk of a query.
type datums[S any] struct {
	states []S
	// strict leaves out rows where an argument is NULL.
	strict bool
	add    func(s *S, args []*vector.Vec, i int) error
	merge  func(s, other *S) error
	result func(s *S) (types.Datum, error)
	// size is what a state holds besides itself, nil for nothing.
	size  func(s *S) int64
	bytes int64
	// save and load are a state's form on disk. nil means that S is plain
	// memory without pointers.
	save func(s *S, w *stateWriter)
	load func(s *S, r *stateReader)
}

func (a *datums[S]) Width() int64 {
	var s S
	return int64(unsafe.Sizeof(s))
}

func (a *datums[S]) Grow(n int) { a.states = grow(a.states, n) }

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

func (a *datums[S]) Merge(other function.Accumulator, from, into []int32) error {
	o := other.(*datums[S])
	for i, g := range into {
		if err := a.join(g, &o.states[from[i]]); err != nil {
			return err
		}
	}
	return nil
}

// join merges a state into that of group g.
func (a *datums[S]) join(g int32, o *S) error {
	s := &a.states[g]
	if a.size != nil {
		a.bytes -= a.size(s)
	}
	if err := a.merge(s, o); err != nil {
		return err
	}
	if a.size != nil {
		a.bytes += a.size(s)
	}
	return nil
}

func (a *datums[S]) Save(groups []int32, out *vector.Vec) error {
	return save(groups, out, func(w *stateWriter, g int32) error {
		if s := &a.states[g]; a.save != nil {
			a.save(s, w)
		} else {
			w.buf = append(w.buf, unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))...)
		}
		return nil
	})
}

func (a *datums[S]) Load(states *vector.Vec, into []int32) error {
	return load(states, into, func(r *stateReader, g int32) error {
		var s S
		if a.load != nil {
			a.load(&s, r)
		} else if b := r.take(int(unsafe.Sizeof(s))); b != nil {
			copy(unsafe.Slice((*byte)(unsafe.Pointer(&s)), unsafe.Sizeof(s)), b)
		}
		if r.short {
			return nil // load reports it
		}
		return a.join(g, &s)
	})
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

func (a *datums[S]) Bytes() int64 { return a.bytes + int64(cap(a.states))*a.Width() }
