package memory

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// revokeLeast is the least that is worth writing to disk.
	revokeLeast = 64 << 10
	// revokeWait is how long a reservation waits for memory that its holder has
	// been asked for. The holder answers between two batches, so the worker that
	// waits is back soon; but he may be writing all he has to a slow disk.
	revokeWait = 10 * time.Second
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
	answers bool // guarded by mu: the owner gives back on request
	asked   atomic.Bool
}

// Revocable returns a child of a whose reservations revoke can give back. need
// is what the reservation that failed asked for: a large state may stop when it
// has freed that much or some more. revoke is called with the Revocable locked,
// by any goroutine; it reserves nothing (Overdraw is for its buffers), and
// reports its own failures. The Revocable must be closed.
func (a *Account) Revocable(name string, revoke func(need int64)) *Revocable {
	r := &Revocable{account: a.Child(name, 0), revoke: revoke}
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
func (r *Revocable) Lock() { r.mu.Lock() }

// Unlock ends it.
func (r *Revocable) Unlock() {
	// One that was asked too late to answer can be revoked from now on.
	event := r.answers || r.asked.Load()
	r.answers = false
	r.mu.Unlock()
	if event {
		for at := r.account.parent; at != nil; at = at.parent {
			if at.limit > 0 {
				at.signal()
			}
		}
	}
}

// Asked reports whether the memory is wanted elsewhere, and forgets it: the
// owner, who has locked r, gives it back now.
func (r *Revocable) Asked() bool {
	if !r.asked.Load() {
		return false
	}
	r.asked.Store(false)
	r.answers = true
	return true
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

// victim is a Revocable with what it held when it was looked at.
type victim struct {
	r    *Revocable
	held int64
}

// revoke makes somebody below a give memory back for a reservation of n bytes in
// from. freed says that there is more room than before; coming, that there will
// be.
func (a *Account) revoke(from *Account, n int64) (freed, coming bool) {
	own := int64(0)
	var victims []victim
	a.mu.Lock()
	for _, r := range a.revocables {
		switch held := r.account.Used(); {
		case r.account.contains(from):
			// The one who asks holds it: he spills when this fails.
			own += held
		case held >= revokeLeast:
			victims = append(victims, victim{r, held})
		}
	}
	a.mu.Unlock()
	slices.SortFunc(victims, func(x, y victim) int { return int(min(max(y.held-x.held, -1), 1)) })
	for _, v := range victims {
		if v.held <= own {
			break
		}
		if !v.r.mu.TryLock() {
			v.r.asked.Store(true)
			coming = coming || own < revokeLeast
			continue
		}
		if !v.r.closed {
			v.r.revoke(n)
			v.r.asked.Store(false)
		}
		v.r.mu.Unlock()
		if v.r.account.Used() < v.held {
			return true, false
		}
	}
	return false, coming
}

// contains reports whether other is a or below it.
func (a *Account) contains(other *Account) bool {
	for ; other != nil; other = other.parent {
		if other == a {
			return true
		}
	}
	return false
}
