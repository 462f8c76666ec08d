// Package memory accounts for the bytes that queries hold. Accounts form a tree
// (operator > query > process); bytes are reserved in every account up to the
// root before they are allocated, and the root and every query read 0 when
// nothing runs.
package memory

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Account is one node of the tree. All methods are safe for concurrent use.
type Account struct {
	name   string
	parent *Account
	limit  int64
	used   atomic.Int64
	peak   atomic.Int64

	// state is the Revocable that the account is of or below, nil for none.
	state *Revocable
	waits waits

	// Of an account with a limit.
	working atomic.Int32 // states below it whose owner works and does not wait
	waiting atomic.Int32 // reservations that wait for room below it

	mu         sync.Mutex
	revocables []*Revocable  // those below it
	freed      chan struct{} // closed when there may be more room
}

// waits is how reservations in an account wait.
type waits struct {
	stop  <-chan struct{}
	block func(wait func())
}

// NewRoot returns an account without parent. limit is in bytes; 0 means none.
func NewRoot(name string, limit int64) *Account { return &Account{name: name, limit: limit} }

// Child returns an account whose reservations also count in a. limit is in
// bytes; 0 means that only the ancestors limit it.
func (a *Account) Child(name string, limit int64) *Account {
	return &Account{name: name, parent: a, limit: limit, state: a.state, waits: a.waits}
}

// Waits says how reservations in a, and in accounts that are made below it from
// now on, wait for memory: not after stop is closed, and within block, which lets
// others use the processor that the caller has and calls wait once. a is not in
// use yet.
func (a *Account) Waits(stop <-chan struct{}, block func(wait func())) {
	a.waits = waits{stop, block}
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
// they hold more than the one that asks, and may wait for them. n may be 0.
func (a *Account) Reserve(n int64) error {
	at, _ := a.take(n)
	if at == nil {
		return nil
	}
	return a.insist(n)
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
		if n > 0 && at.waiting.Load() > 0 {
			at.signal()
		}
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
