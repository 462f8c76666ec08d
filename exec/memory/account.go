// Package memory accounts for the bytes that queries hold. Accounts form a tree
// (operator > query > process); bytes are reserved in every account up to the
// root before they are allocated, and the root and every query read 0 when
// nothing runs.
package memory

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Account is one node of the tree. All methods are safe for concurrent use.
type Account struct {
	name   string
	parent *Account
	limit  int64
	used   atomic.Int64
	peak   atomic.Int64

	mu         sync.Mutex
	revocables []*Revocable  // of an account with a limit: those below it
	freed      chan struct{} // closed when one that was asked has given back
}

// NewRoot returns an account without parent. limit is in bytes; 0 means none.
func NewRoot(name string, limit int64) *Account { return &Account{name: name, limit: limit} }

// Child returns an account whose reservations also count in a. limit is in
// bytes; 0 means that only the ancestors limit it.
func (a *Account) Child(name string, limit int64) *Account {
	return &Account{name: name, parent: a, limit: limit}
}

// Name returns the name given at creation.
func (a *Account) Name() string { return a.name }

// Used returns the bytes reserved now.
func (a *Account) Used() int64 { return a.used.Load() }

// Peak returns the largest value Used has had.
func (a *Account) Peak() int64 { return a.peak.Load() }

// Limit returns the limit in bytes, 0 for none.
func (a *Account) Limit() int64 { return a.limit }

// Reserve takes n bytes in a and all its ancestors, or takes nothing and
// returns 53200 naming the account that asked, the limit that was hit and the
// use. Before it gives up it makes others below the account whose limit was hit
// move their memory to disk (see Revocable), the largest first, for as long as
// they hold more than the one that asks. n may be 0.
func (a *Account) Reserve(n int64) error {
	var patience *time.Timer
	for {
		at, used := a.take(n)
		if at == nil {
			return nil
		}
		event := at.event()
		freed, coming := at.revoke(a, n)
		if freed {
			continue
		}
		if coming {
			// Somebody is at work with the memory that we need and gives it back
			// when he looks next, which is soon: he never waits while he works.
			if patience == nil {
				patience = time.NewTimer(revokeWait)
				defer patience.Stop()
			}
			select {
			case <-event:
				continue
			case <-patience.C:
			}
		}
		return pgerror.New(pgerror.OutOfMemory, "out of memory").
			WithDetail("%s asked for %s; %s has a limit of %s and uses %s.", a.name, Bytes(n), at.name, Bytes(at.limit), Bytes(used)).
			WithHint("Raise memory_limit, or make the query touch less data.")
	}
}

// event returns what is closed when a state below a that was asked has given its
// memory back.
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

// Overdraw takes n bytes whatever the limits say. It is for the buffers by
// which memory is given back: refusing them would keep what they free.
func (a *Account) Overdraw(n int64) {
	for at := a; at != nil; at = at.parent {
		at.raise(at.used.Add(n))
	}
}

// take adds n in a and its ancestors. When that is beyond the limit of one of
// them it takes nothing and returns that one and its use.
func (a *Account) take(n int64) (full *Account, used int64) {
	for at := a; at != nil; at = at.parent {
		used := at.used.Add(n)
		if n > 0 && at.limit > 0 && used > at.limit {
			for undo := a; ; undo = undo.parent {
				undo.used.Add(-n)
				if undo == at {
					return at, used - n
				}
			}
		}
		at.raise(used)
	}
	return nil, 0
}

// raise notes a use.
func (a *Account) raise(used int64) {
	for {
		peak := a.peak.Load()
		if used <= peak || a.peak.CompareAndSwap(peak, used) {
			return
		}
	}
}

// Release gives back n bytes that Reserve took.
func (a *Account) Release(n int64) {
	for at := a; at != nil; at = at.parent {
		at.used.Add(-n)
	}
}

// Close releases whatever a still holds.
func (a *Account) Close() {
	a.Release(a.used.Load())
}

// Bytes prints n as PostgreSQL prints memory settings (kB, MB, GB).
func Bytes(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
