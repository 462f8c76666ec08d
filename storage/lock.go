package storage

import (
	"context"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// locks gives each table to one writing transaction at a time, first come first
// served. A wait that could never end is 40P01.
type locks struct {
	mu     sync.Mutex
	owner  map[types.OID]*Tx
	queues map[types.OID][]waiter
}

type waiter struct {
	tx    *Tx
	ready chan struct{}
}

func newLocks() *locks {
	return &locks{owner: map[types.OID]*Tx{}, queues: map[types.OID][]waiter{}}
}

// take waits until t owns the table. It returns the cause when ctx ends.
func (l *locks) take(ctx context.Context, t *Tx, table types.OID) error {
	l.mu.Lock()
	owner := l.owner[table]
	if owner == nil || owner == t {
		l.owner[table] = t
		l.mu.Unlock()
		return nil
	}
	// Every transaction waits for at most one table, so the way is a line.
	for at := owner; at != nil; {
		if at == t {
			l.mu.Unlock()
			return pgerror.New(pgerror.DeadlockDetected, "deadlock detected").
				WithHint("See server log for query details.")
		}
		if at.waits == 0 {
			break
		}
		at = l.owner[at.waits]
	}
	w := waiter{tx: t, ready: make(chan struct{})}
	t.waits = table
	l.queues[table] = append(l.queues[table], w)
	l.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.waits = 0
	select {
	case <-w.ready: // it came just now; t owns it and releases it at its end
		return context.Cause(ctx)
	default:
	}
	queue := l.queues[table]
	for i := range queue {
		if queue[i].tx == t {
			l.queues[table] = append(queue[:i:i], queue[i+1:]...)
			break
		}
	}
	return context.Cause(ctx)
}

// release gives the tables of t to those who wait.
func (l *locks) release(t *Tx) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for table, owner := range l.owner {
		if owner != t {
			continue
		}
		queue := l.queues[table]
		if len(queue) == 0 {
			delete(l.owner, table)
			delete(l.queues, table)
			continue
		}
		next := queue[0]
		l.queues[table] = queue[1:]
		l.owner[table] = next.tx
		next.tx.waits = 0
		close(next.ready)
	}
}
