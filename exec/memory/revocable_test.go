package memory

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// state is a Revocable that gives everything back.
func state(t *testing.T, a *Account, name string, held int64) (*Revocable, *atomic.Int32) {
	t.Helper()
	calls := new(atomic.Int32)
	var r *Revocable
	r = a.Revocable(name, func(int64) {
		calls.Add(1)
		r.Account().Release(r.Account().Used())
	})
	if err := r.Account().Reserve(held); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, calls
}

func TestTheLargestStateGivesItsMemoryBackFirst(t *testing.T) {
	query := NewRoot("server", 0).Child("query", 1<<20)
	_, small := state(t, query, "small", 200<<10)
	_, large := state(t, query, "large", 600<<10)
	other := query.Child("scan", 0)
	if err := other.Reserve(400 << 10); err != nil {
		t.Fatal(err)
	}
	if small.Load() != 0 || large.Load() != 1 {
		t.Errorf("small was revoked %d times, large %d", small.Load(), large.Load())
	}
	if err := other.Reserve(500 << 10); err != nil {
		t.Fatal(err)
	}
	if small.Load() != 1 {
		t.Errorf("small was revoked %d times", small.Load())
	}
	err := other.Reserve(500 << 10)
	if pgerror.CodeOf(err) != pgerror.OutOfMemory {
		t.Errorf("got %v", err)
	}
	other.Close()
}

func TestOneWhoHoldsMoreThanTheOthersIsRefused(t *testing.T) {
	query := NewRoot("server", 0).Child("query", 1<<20)
	_, small := state(t, query, "small", 200<<10)
	large, _ := state(t, query, "large", 600<<10)
	large.Lock()
	defer large.Unlock()
	if err := large.Account().Reserve(400 << 10); pgerror.CodeOf(err) != pgerror.OutOfMemory {
		t.Errorf("got %v", err)
	}
	if small.Load() != 0 {
		t.Error("the small state was revoked for the large one")
	}
}

func TestAStateAtWorkIsAskedAndWaitedFor(t *testing.T) {
	query := NewRoot("server", 0).Child("query", 1<<20)
	large, _ := state(t, query, "large", 900<<10)
	large.Lock()
	var wg sync.WaitGroup
	wg.Go(func() {
		for !large.Asked() {
			time.Sleep(time.Millisecond)
		}
		large.Account().Release(large.Account().Used())
		large.Unlock()
	})
	other := query.Child("scan", 0)
	if err := other.Reserve(400 << 10); err != nil {
		t.Error(err)
	}
	wg.Wait()
	other.Close()
}

func TestTheLimitOfTheServerTakesFromOtherQueries(t *testing.T) {
	server := NewRoot("server", 1<<20)
	_, large := state(t, server.Child("query", 0), "large", 900<<10)
	other := server.Child("query", 0)
	if err := other.Reserve(400 << 10); err != nil {
		t.Error(err)
	}
	if large.Load() != 1 {
		t.Errorf("revoked %d times", large.Load())
	}
	other.Close()
	if server.Used() != 0 {
		t.Errorf("%d bytes are left", server.Used())
	}
}

func TestNothingIsRevokedAfterClose(t *testing.T) {
	query := NewRoot("server", 0).Child("query", 1<<20)
	r, calls := state(t, query, "large", 900<<10)
	r.Close()
	r.Close()
	if query.Used() != 0 || len(query.revocables) != 0 {
		t.Errorf("%d bytes, %d states are left", query.Used(), len(query.revocables))
	}
	other := query.Child("scan", 0)
	for range 4 {
		_ = other.Reserve(400 << 10)
	}
	if calls.Load() != 0 {
		t.Errorf("revoked %d times", calls.Load())
	}
	other.Close()
}

func TestOverdrawGoesBeyondTheLimit(t *testing.T) {
	query := NewRoot("server", 0).Child("query", 1<<20)
	query.Overdraw(2 << 20)
	if query.Used() != 2<<20 || query.Peak() != 2<<20 {
		t.Errorf("used %d, peak %d", query.Used(), query.Peak())
	}
	if err := query.Reserve(1); pgerror.CodeOf(err) != pgerror.OutOfMemory {
		t.Errorf("got %v", err)
	}
	query.Release(2 << 20)
}

func TestStatesAreRevokedWhileTheirOwnersWork(t *testing.T) {
	query := NewRoot("server", 0).Child("query", 4<<20)
	var wg sync.WaitGroup
	for range 6 {
		var r *Revocable
		r = query.Revocable("state", func(int64) { r.Account().Release(r.Account().Used()) })
		wg.Go(func() {
			defer r.Close()
			for range 2000 {
				r.Lock()
				if r.Asked() {
					r.Account().Release(r.Account().Used())
				}
				if err := r.Account().Reserve(100 << 10); err != nil {
					r.Account().Release(r.Account().Used())
					if err := r.Account().Reserve(100 << 10); err != nil {
						t.Error(err)
					}
				}
				r.Unlock()
			}
		})
	}
	wg.Wait()
	if query.Used() != 0 {
		t.Errorf("%d bytes are left", query.Used())
	}
}
