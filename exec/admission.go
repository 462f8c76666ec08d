package exec

import (
	"context"
	"slices"
	"time"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	// leastMemory is what a query needs to begin: batches on their way, and tables
	// before they can move to disk. Of a small server it is a share.
	leastMemory      = 4 << 20
	leastMemoryShare = 16
	// admissionTimeout is how long a query waits for it.
	admissionTimeout = 30 * time.Second
	// admissionEvent is what pg_stat_activity shows meanwhile.
	admissionEvent = "MemoryAdmission"
)

// admission lets queries begin one by one while the memory of the server is
// short, in the order in which they came.
type admission struct {
	turn chan struct{}
}

// newAdmission returns an admission at which nobody waits.
func newAdmission() admission { return admission{turn: make(chan struct{}, 1)} }

// generates reports whether a plan makes rows by itself.
func generates(n physical.Node) bool {
	switch n.(type) {
	case *physical.FunctionScan, *physical.Recursive:
		return true
	}
	return slices.ContainsFunc(n.Children(), generates)
}

// room waits until the server has the memory that a query needs to begin, or
// fails with 53200 when that takes too long, or with the cause of ctx. The
// queries that run give back what they can move to disk.
func (s *Session) room(ctx context.Context) error {
	server := s.engine.Memory
	limit := server.Limit()
	if limit <= 0 {
		return nil
	}
	need := min(leastMemory, limit/leastMemoryShare)
	if own := s.queryMemory(); own > 0 {
		need = min(need, own)
	}
	// Without anybody in the line it is mostly there at once.
	if len(s.engine.admission.turn) == 0 && server.Used()+need <= limit {
		return nil
	}
	s.waiting("Resource", admissionEvent)
	defer s.waiting("", "")
	ctx, cancel := context.WithTimeout(ctx, admissionTimeout)
	defer cancel()
	select {
	case s.engine.admission.turn <- struct{}{}:
	case <-ctx.Done():
		return s.noRoom(ctx, need)
	}
	defer func() { <-s.engine.admission.turn }()
	probe := server.Child("admission of a query", 0)
	probe.Waits(ctx.Done(), func(wait func()) { wait() })
	for {
		err := probe.Reserve(need)
		if err == nil {
			// What others take until the query begins it makes them give back.
			probe.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return s.noRoom(ctx, need)
		case <-time.After(admissionPause):
		}
	}
}

// admissionPause is how long the first in the line waits before it tries again,
// when what runs has nothing that could move.
const admissionPause = 20 * time.Millisecond

// noRoom is the error of a query that does not begin.
func (s *Session) noRoom(ctx context.Context, need int64) error {
	if cause := context.Cause(ctx); cause != context.DeadlineExceeded {
		return cause
	}
	server := s.engine.Memory
	return pgerror.New(pgerror.OutOfMemory, "out of memory").
		WithDetail("The query waited %s for %s to begin; %s has a limit of %s and uses %s.", admissionTimeout, memory.Bytes(need), server.Name(), memory.Bytes(server.Limit()), memory.Bytes(server.Used())).
		WithHint("Raise memory_limit, or run fewer queries at a time.")
}

// waiting reports what the session waits for, "" for nothing.
func (s *Session) waiting(typ, event string) {
	e := &s.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status.WaitEventType, e.status.WaitEvent = typ, event
}

// recentHalf is after how long half of what a session used is forgotten.
const recentHalf = time.Second

// recent is the worker time that a session used lately. Its next query begins
// with it: who runs one long query after the other comes behind who runs a short
// one now and then.
type recent struct {
	used time.Duration
	at   time.Time
}

// now returns what counts at a time.
func (r *recent) now(at time.Time) time.Duration {
	if r.used <= 0 {
		return 0
	}
	gone := float64(at.Sub(r.at)) / float64(recentHalf)
	if gone > 30 {
		return 0
	}
	return time.Duration(float64(r.used) / (1 + gone*gone))
}

// add counts what a query has used.
func (r *recent) add(used time.Duration, at time.Time) {
	r.used, r.at = r.now(at)+used, at
}
