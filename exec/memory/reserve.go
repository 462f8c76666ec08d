package memory

import (
	"slices"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	// workWait is how long a reservation waits, after the last sign of others,
	// while somebody works with memory that can be given back. He never waits for
	// a client or a source, but may be writing all he has to a slow disk.
	workWait = 30 * time.Second
	// idleWait is how long it waits when nobody does: then only memory that
	// cannot move may come back, as batches are passed on.
	idleWait = 200 * time.Millisecond
)

// insist takes n bytes when the first attempt has failed: it makes others give
// memory back, and waits for those that will.
func (a *Account) insist(n int64) error {
	for {
		at, used := a.take(n)
		if at == nil {
			return nil
		}
		event := at.event()
		// Room that came before the event was there is not announced by it.
		if full, _ := a.take(n); full == nil {
			return nil
		}
		if at.revoke(a, n) {
			continue
		}
		if !at.await(a, event) {
			return pgerror.New(pgerror.OutOfMemory, "out of memory").
				WithDetail("%s asked for %s; %s has a limit of %s and uses %s.", a.name, Bytes(n), at.name, Bytes(at.limit), Bytes(used)).
				WithHint("Raise memory_limit, or make the query touch less data.")
		}
	}
}

// own returns what a reservation in a can give back itself: what the state holds
// that it is for.
func (a *Account) own() int64 {
	if a.state == nil {
		return 0
	}
	return a.state.account.Used()
}

// victim is a Revocable with what it held when it was looked at.
type victim struct {
	r    *Revocable
	held int64
}

// victims lists the states below a that hold at least so much, the largest
// first, without that of the reservation from.
func (a *Account) victims(from *Account, least int64) []victim {
	var out []victim
	a.mu.Lock()
	for _, r := range a.revocables {
		if held := r.account.Used(); held >= least && r != from.state {
			out = append(out, victim{r, held})
		}
	}
	a.mu.Unlock()
	slices.SortFunc(out, func(x, y victim) int { return int(min(max(y.held-x.held, -1), 1)) })
	return out
}

// revoke makes somebody below a give memory back for a reservation of n bytes in
// from, and reports whether there is more room than before. A state whose owner
// works is asked.
func (a *Account) revoke(from *Account, n int64) bool {
	own := from.own()
	persists := from.state != nil && from.state.persists.Load()
	for _, v := range a.victims(from, revokeLeast) {
		if v.held <= own && !persists {
			break
		}
		if v.give(n) {
			return true
		}
		if !v.r.waits.Load() {
			v.r.asked.Store(true)
		}
	}
	if own >= revokeLeast && !persists {
		return false
	}
	// Many states of little size may be what fills the memory.
	for _, v := range a.victims(from, revokeSmall) {
		if v.held < revokeLeast && v.give(n) {
			return true
		}
	}
	return false
}

// give moves the state to disk for a reservation of n bytes, unless somebody
// works with it, and reports whether that has made room.
func (v victim) give(n int64) bool {
	r := v.r
	if !r.mu.TryLock() {
		return false
	}
	r.works(1)
	if !r.closed {
		r.revoke(n)
		r.asked.Store(false)
	}
	r.works(-1)
	r.mu.Unlock()
	r.signal()
	return r.account.Used() < v.held
}

// await waits for room below a, and reports whether there is reason to try again.
// The one who asks does not wait when he can help himself: when he holds a state
// of some size that he has not moved yet, or when everybody waits and nobody who
// does holds more than he.
func (a *Account) await(from *Account, event <-chan struct{}) bool {
	own, s := from.own(), from.state
	if own >= revokeLeast && !s.persists.Load() {
		return false
	}
	if s != nil {
		s.waits.Store(true)
		s.works(-1)
		defer func() {
			s.works(1)
			s.waits.Store(false)
		}()
	}
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	patience := workWait
	if a.working.Load() <= 0 {
		// The largest of those who wait makes room for the others.
		patience = idleWait
		yields := false
		for _, v := range a.victims(from, revokeLeast) {
			if v.r.waits.Load() && v.held > own {
				v.r.asked.Store(true)
				yields = true
				break
			}
		}
		if !yields && own >= revokeLeast {
			return false
		}
		if yields {
			// All who wait look whether it is they. What follows is another event.
			a.signal()
			event = a.event()
		}
	}
	again := false
	wait := func() {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-event:
			again = true
		case <-from.waits.stop:
		case <-timer.C:
		}
	}
	if from.waits.block != nil {
		from.waits.block(wait)
	} else {
		wait()
	}
	return again && (s == nil || !s.asked.Load())
}

// event returns what is closed when there may be more room below a.
func (a *Account) event() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.freed == nil {
		a.freed = make(chan struct{})
	}
	return a.freed
}

// signal closes the event.
func (a *Account) signal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.freed != nil {
		close(a.freed)
		a.freed = nil
	}
}
