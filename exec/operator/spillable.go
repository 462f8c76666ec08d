package operator

import (
	"errors"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// spillable is a state of an operator that can move to disk: usually what one
// task has collected. All of it is charged to Account(), and nothing else.
//
// The owner works with the state inside do, batch by batch. Between two batches
// any goroutine of the process that finds no memory may run spill; inside do,
// spill runs when somebody has asked for the memory or when the work itself
// finds none. So the largest state of a query moves first, and one that waits
// for its turn moves without help.
type spillable struct {
	*memory.Revocable
	q     *Query
	spill func(need int64) error
}

// spillable makes a state below parent, the account of the operator. spill moves
// it to a file (see Query.spillFile) and gives its memory back; it may stop when
// it has freed need bytes or more, and frees nothing when there is nothing to
// move. It is called with the state locked, by any goroutine. It must not
// reserve: what it needs for itself it takes by Overdraw, as files do. The query
// closes the state at its end; an operator that ends it earlier calls Close.
func (q *Query) spillable(parent *memory.Account, spill func(need int64) error) *spillable {
	s := &spillable{q: q, spill: spill}
	s.Revocable = parent.Revocable(parent.Name(), func(need int64) {
		if q.env.Spill == nil {
			return
		}
		if err := spill(need); err != nil {
			// The query whose state it is fails, not the one that wants memory.
			q.fail(err)
		}
	})
	q.mu.Lock()
	q.spillables = append(q.spillables, s)
	q.mu.Unlock()
	return s
}

// do runs f, the work of one batch, with the state locked. When f finds no memory
// (53200) the state is spilled and f runs again: what f has done until then it
// must be able to do once more. It fails with 53200 when there is nothing left
// to spill.
func (s *spillable) do(f func() error) error {
	s.Lock()
	defer s.Unlock()
	if at := s.q.env.SpillAt; s.Asked() || at > 0 && s.Account().Used() > at {
		if err := s.free(0); err != nil {
			return err
		}
	}
	for tries := 0; ; {
		err := f()
		if !outOfMemory(err) || s.q.stopped.Load() || s.q.env.Spill == nil {
			return err
		}
		before := s.Account().Used()
		if e := s.spill(before); e != nil {
			return e
		}
		// From here on f waits for others. That it fails all the same means that it
		// had to make room for one of them, or that there is nobody to wait for:
		// then what it has allocated itself is no progress for ever.
		if tries++; !s.Contended() {
			tries += aloneCost
		}
		if tries > maxTries || tries > aloneCost && s.Account().Used() >= before {
			return err
		}
		s.Persist()
	}
}

// maxTries is how often work is tried again; a try of one who is alone with the
// memory counts for aloneCost more.
const (
	maxTries  = 48
	aloneCost = 5
)

// free spills when that is possible.
func (s *spillable) free(need int64) error {
	if s.q.env.Spill == nil {
		return nil
	}
	return s.spill(need)
}

// outOfMemory reports whether err is a reservation that failed.
func outOfMemory(err error) bool {
	if err == nil {
		return false
	}
	e, ok := errors.AsType[*pgerror.Error](err)
	return ok && e.Code == pgerror.OutOfMemory
}

// spillFile returns a file for what the operator of an account spills. It is
// closed with the query, or earlier by its owner.
func (q *Query) spillFile(account *memory.Account) (*spill.File, error) {
	f, err := q.env.Spill.Create(account.Name(), account, q.quota)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	q.files = append(q.files, f)
	q.mu.Unlock()
	return f, nil
}

// endSpills closes the states and the files. Nothing of the query runs any more,
// but another query may just be spilling a state of this one.
func (q *Query) endSpills() {
	for _, s := range q.spillables {
		s.Close()
	}
	for _, f := range q.files {
		f.Close()
	}
}

// spillStore appends the rows of a store to a run, in the order that order lists
// or, when it is nil, in their own, and flushes it.
func spillStore(run *spill.Run, store *columnStore, order []int32) error {
	var b vector.Batch
	store.all(&b)
	b.Sel = order
	if err := run.Append(&b); err != nil {
		return err
	}
	return run.Flush()
}
