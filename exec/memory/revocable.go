package memory

import (
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// revokeLeast is the least that is worth writing to disk.
	revokeLeast = 64 << 10
	// revokeSmall is the least that is written when nothing larger is left.
	revokeSmall = 4 << 10
)

// Revocable is memory that can be given back by moving what is in it to disk. Its
// owner locks it while he works with the state, never across a wait. While it is
// not locked, any goroutine whose reservation failed may lock it and call
// revoke; while it is, such a goroutine leaves a request that the owner finds by
// Asked.
type Revocable struct {
	account *Account
	revoke  func(need int64)
	mu      sync.Mutex
	closed  bool // guarded by mu
	asked   atomic.Bool
	// persists is set while the owner, who has moved everything to disk, tries
	// again.
	persists atomic.Bool
	// waits is set while the owner waits for memory with the state locked.
	waits atomic.Bool
}

// Revocable returns a child of a whose reservations revoke can give back. need
// is what the reservation that failed asked for: a large state may stop when it
// has freed that much or some more. revoke is called with the Revocable locked,
// by any goroutine; it reserves nothing (Overdraw is for its buffers), and
// reports its own failures. The Revocable must be closed.
func (a *Account) Revocable(name string, revoke func(need int64)) *Revocable {
	r := &Revocable{account: a.Child(name, 0), revoke: revoke}
	r.account.state = r
	for at := a; at != nil; at = at.parent {
		if at.limit > 0 {
			at.mu.Lock()
			at.revocables = append(at.revocables, r)
			at.mu.Unlock()
		}
	}
	return r
}

// Account returns where the state is charged, and nothing else.
func (r *Revocable) Account() *Account { return r.account }

// Lock begins a piece of the owner's work.
func (r *Revocable) Lock() {
	r.mu.Lock()
	r.works(1)
}

// Unlock ends it.
func (r *Revocable) Unlock() {
	r.persists.Store(false)
	r.works(-1)
	r.mu.Unlock()
	// What could not be moved while the owner worked can be now.
	r.signal()
}

// works changes the number of states at work by n.
func (r *Revocable) works(n int32) {
	for at := r.account.parent; at != nil; at = at.parent {
		if at.limit > 0 {
			at.working.Add(n)
		}
	}
}

// signal wakes the reservations that wait.
func (r *Revocable) signal() {
	for at := r.account.parent; at != nil; at = at.parent {
		if at.waiting.Load() > 0 {
			at.signal()
		}
	}
}

// Asked reports whether the memory is wanted elsewhere, and forgets it: the
// owner, who has locked r, gives it back now.
func (r *Revocable) Asked() bool {
	return r.asked.Load() && r.asked.Swap(false)
}

// Persist says that the owner, who has locked r, has given back all he could and
// tries again: until he unlocks r his reservations wait for others as long as
// there is hope, and take from those that hold less as well.
func (r *Revocable) Persist() {
	r.asked.Store(false)
	r.persists.Store(true)
	r.signal()
}

// Contended reports whether somebody else below a limit of the account works
// with a state or waits for memory.
func (r *Revocable) Contended() bool {
	for at := r.account.parent; at != nil; at = at.parent {
		if at.limit > 0 && (at.working.Load() > 1 || at.waiting.Load() > 0) {
			return true
		}
	}
	return false
}

// Close releases what the account holds and ends the revocations: when it
// returns none is running and none will begin. It may be called more than once,
// not by the one who holds the lock.
func (r *Revocable) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	for at := r.account.parent; at != nil; at = at.parent {
		if at.limit > 0 {
			at.mu.Lock()
			if i := slices.Index(at.revocables, r); i >= 0 {
				at.revocables = slices.Delete(at.revocables, i, i+1)
			}
			at.mu.Unlock()
		}
	}
	r.account.Close()
}
