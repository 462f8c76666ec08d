package operator

import (
	"sync"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
)

// resultBatches is how far a query works ahead of its client.
const resultBatches = 4

// resultBytes is the share of a query's memory from which it has room for one of
// them.
const resultBytes = 4 << 20

// smallBatch is the number of rows up to which a batch joins the one before it.
const smallBatch = 256

// result is the sink of the last pipeline: a bounded queue that the client's
// goroutine empties. A task that finds it full parks, so a slow client costs no
// worker.
type result struct {
	q       *Query
	account *memory.Account
	room    int // batches that may wait
	// changed has room for one signal.
	changed chan struct{}

	mu      sync.Mutex
	queue   []*columnStore
	free    []*columnStore
	reading *columnStore // what the client looks at
	waiting []*task
	pending int // pushes that have been let in
	done    bool
	batch   vector.Batch
}

// newResult returns the queue of q.
func newResult(q *Query) *result {
	r := &result{q: q, account: q.newAccount("result"), room: resultBatches, changed: make(chan struct{}, 1)}
	if limit := q.env.Account.Limit(); limit > 0 {
		r.room = max(1, min(r.room, int(limit/resultBytes)))
	}
	return r
}

// signal makes the client look again.
func (r *result) signal() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// take gives back the batch of the last call and returns the next one, nil when
// there is none now; done when there will be none.
func (r *result) take() (b *vector.Batch, done bool) {
	r.mu.Lock()
	if r.reading != nil {
		r.reading.reset()
		r.free = append(r.free, r.reading)
		r.reading = nil
	}
	if len(r.queue) > 0 {
		r.reading = r.queue[0]
		r.queue = append(r.queue[:0], r.queue[1:]...)
		r.reading.all(&r.batch)
		b = &r.batch
	}
	done = r.done
	wake := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	for _, t := range wake {
		t.handle.Wake()
	}
	return b, done
}

// open implements sink.
func (r *result) open(t *task) (inlet, error) { return &resultInlet{r: r, t: t}, nil }

// finish implements sink.
func (r *result) finish() error {
	r.mu.Lock()
	r.done = true
	r.mu.Unlock()
	r.signal()
	return nil
}

// resultInlet is one task's end of the queue.
type resultInlet struct {
	r *result
	t *task
}

// ready implements inlet.
func (i *resultInlet) ready() bool {
	r := i.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue)+r.pending < r.room {
		return true
	}
	r.waiting = append(r.waiting, i.t)
	return false
}

// push implements inlet. The rows are copied: the batch belongs to the stream.
func (i *resultInlet) push(b *vector.Batch) error {
	r := i.r
	r.mu.Lock()
	var s *columnStore
	if n := len(r.queue); n > 0 && b.Rows() <= smallBatch && r.queue[n-1].rows+b.Rows() <= r.q.size {
		// The client has not come for the last batch yet: a few rows more cost
		// less than a batch of their own.
		s = r.queue[n-1]
		r.queue = r.queue[:n-1]
	} else if n := len(r.free); n > 0 {
		s = r.free[n-1]
		r.free = r.free[:n-1]
	}
	r.pending++
	r.mu.Unlock()
	if s == nil {
		s = newColumnStore(r.account, nil)
	}
	err := s.append(b.Cols, b.Sel, b.Rows())
	r.mu.Lock()
	r.pending--
	if err == nil {
		r.queue = append(r.queue, s)
	}
	r.mu.Unlock()
	r.signal()
	return err
}

// end implements inlet.
func (i *resultInlet) end() error { return nil }
