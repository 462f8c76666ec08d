// Package operator executes physical plans. A plan is cut into pipelines at the
// operators that need all of their input first (the breakers). A pipeline is run
// by one or more tasks on the process-wide workers of a scheduler; each task
// pulls batches through its own instances of the streaming operators into the
// breaker's sink. Remote sources are read by goroutines of their own: no worker
// ever waits for I/O.
package operator

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Env is what a plan is executed in.
type Env struct {
	// Pool runs the tasks.
	Pool *scheduler.Pool
	// Account pays for everything that the query holds. It is back to what it
	// was when Close returns.
	Account *memory.Account
	// Session is read by functions; it does not change while the query runs.
	Session *session.Session
	// Params are the values of the statement's parameters.
	Params []types.Datum
	// Handles are what scans of the plan read instead of their own handle:
	// conditions with parameters have been pushed into them.
	Handles map[*physical.Scan]connector.TableHandle
	// Format is how sources read dates and the like from text.
	Format *types.Format
	// BatchSize is the largest number of rows per batch, 0 for
	// vector.BatchSize.
	BatchSize int
	// Workers limits how many tasks a pipeline has, 0 for all workers. With 1
	// the rows keep the order in which the sources deliver them.
	Workers int
	// Weight is the query's share of the workers, 0 for 1.
	Weight float64
	// Spent is the worker time that the query counts as having used when it
	// begins: that of others before it, which it shall not have an advantage over.
	Spent time.Duration
	// Spill takes what does not fit into Account; with nil nothing is spilled and
	// a query that needs more fails with 53200.
	Spill *spill.Store
	// SpillLimit is how many bytes the query may have on disk, 0 for any number.
	SpillLimit int64
	// SpillAt makes every state that can be spilled move to disk when it holds
	// more than so many bytes, although there is memory. Tests use it; 0 means
	// never.
	SpillAt int64
	// manyGroups overrides the constant of that name, for tests.
	manyGroups int
	// work holds the rows of the round before, for the rounds of a Recursive.
	work map[*physical.WorkTable]*pageList
}

// Query is one execution of a plan. Next, Close and Stats are called by one
// goroutine at a time.
type Query struct {
	env     Env
	ctx     context.Context
	cancel  context.CancelFunc
	parent  context.Context
	unwatch func() bool
	group   *scheduler.Group
	workers int
	size    int
	account *memory.Account
	stats   map[physical.Node]*stat
	result  *result
	stopped atomic.Bool
	// running counts the tasks and I/O goroutines.
	running sync.WaitGroup
	closed  bool
	// snapshots is by source, for those that can freeze their state. The map does
	// not change once the query runs.
	snapshots map[connector.Source]*sourceSnapshot
	// txMu is held while the connection of the transaction at a source is used.
	txMu sync.Mutex

	mu        sync.Mutex
	err       error
	tasks     []*task
	pipelines []*pipeline // in an order in which they could run one by one
	active    int
	begin     []*task // to be begun by the goroutine of Next
	scans     []*scan // in the order in which the pipelines read them
	accounts  []*memory.Account
	closers   []func() // what Close undoes or gives up, besides memory
	// What the operators spill, and where to.
	spillables []*spillable
	files      []*spill.File
	quota      *spill.Quota
}

// maxPipelines is how many pipelines of a query run at a time: enough to overlap
// what waits for sources, without opening every source of a large UNION at once.
const maxPipelines = 8

// workerBytes is the share of a query's memory from which one more worker pays.
const workerBytes = 3 << 20

// Start begins to execute plan. Remote sources are opened at once; the rest
// begins on the goroutine of the first Next, whose first slice of work costs no
// switch, and goes on on the workers, ahead of Next by a few batches.
// It must be closed. When ctx ends, the query ends with its cause.
func Start(ctx context.Context, plan physical.Node, env Env) (*Query, error) {
	q := &Query{env: env, parent: ctx, unwatch: func() bool { return true }, stats: map[physical.Node]*stat{}, size: env.BatchSize, workers: env.Workers}
	if q.size <= 0 {
		q.size = vector.BatchSize
	}
	if q.workers <= 0 || q.workers > env.Pool.Workers() {
		q.workers = env.Pool.Workers()
	}
	q.ctx, q.cancel = context.WithCancel(ctx)
	q.group = env.Pool.Group(env.Weight, env.Spent)
	if limit := env.Account.Limit(); limit > 0 {
		// Every worker has buffers that cannot move: better fewer of them than none
		// that gets on.
		q.workers = min(q.workers, max(1, int(limit/workerBytes)))
	}
	q.account = env.Account.Child("query", 0)
	q.account.Waits(q.ctx.Done(), env.Pool.Block)
	q.quota = spill.NewQuota(env.SpillLimit)
	q.result = newResult(q)
	b := &builder{q: q}
	root, err := b.build(plan)
	if err != nil {
		q.cancel()
		q.endSpills()
		return nil, err
	}
	b.pipeline(root, q.result, nil)
	if ctx.Done() != nil {
		q.unwatch = context.AfterFunc(ctx, func() { q.fail(context.Cause(ctx)) })
	}
	q.launch(true)
	q.prefetch()
	return q, nil
}

// beginHere runs the tasks of q that are left to the goroutine of Next, for one
// slice in all, with those that become ready meanwhile. A task that waits in a
// function (pg_sleep) ends with ctx, too.
func (q *Query) beginHere(ctx context.Context) {
	q.mu.Lock()
	none := len(q.begin) == 0
	q.mu.Unlock()
	if none {
		return
	}
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() { q.fail(context.Cause(ctx)) })()
	}
	until := time.Now().Add(scheduler.Slice)
	for {
		q.mu.Lock()
		if len(q.begin) == 0 {
			q.mu.Unlock()
			return
		}
		t := q.begin[0]
		q.begin = q.begin[1:]
		q.mu.Unlock()
		if time.Now().After(until) {
			t.handle.Wake()
		} else {
			t.handle.Begin(t.runHere)
		}
	}
}

// Next returns the next rows of the result, dense, valid until the following
// call of Next or Close. It returns io.EOF after the last and waits while there
// are none. An error of the query, or the end of ctx, ends the query.
func (q *Query) Next(ctx context.Context) (*vector.Batch, error) {
	q.beginHere(ctx)
	for {
		b, done := q.result.take()
		if err := q.failure(); err != nil {
			return nil, err
		}
		if b != nil {
			return b, nil
		}
		if done {
			return nil, io.EOF
		}
		select {
		case <-q.result.changed:
		case <-ctx.Done():
			q.fail(context.Cause(ctx))
		}
	}
}

// Close ends the query, waits for everything that works for it and gives back
// all memory. It may be called more than once.
func (q *Query) Close() {
	if q.closed {
		return
	}
	q.closed = true
	q.unwatch()
	q.fail(errClosed)
	q.running.Wait()
	for _, s := range q.scans {
		s.discard()
	}
	q.endSpills()
	for _, s := range q.snapshots {
		s.close()
	}
	for _, c := range q.closers {
		c()
	}
	for _, a := range q.accounts {
		a.Close()
	}
	q.account.Close()
}

// Used returns the worker time that the query has had.
func (q *Query) Used() time.Duration { return q.group.Used() }

// errClosed ends a query that nobody reads any more; no client sees it.
var errClosed error = pgerror.QueryCanceled()

// newAccount returns an account of the query for what the named operator holds.
// It is emptied at Close.
func (q *Query) newAccount(name string) *memory.Account {
	a := q.account.Child(name, 0)
	q.mu.Lock()
	q.accounts = append(q.accounts, a)
	q.mu.Unlock()
	return a
}

// failure returns the error that ended the query, nil when none did.
func (q *Query) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// fail ends the query with err unless it has failed already.
func (q *Query) fail(err error) {
	if err != errClosed && q.parent.Err() != nil {
		// Whatever an operator or a source made of it, this is the reason.
		err = context.Cause(q.parent)
	}
	q.mu.Lock()
	if q.err != nil {
		q.mu.Unlock()
		return
	}
	q.err = pgerror.From(err)
	q.stopped.Store(true)
	tasks := q.tasks
	q.mu.Unlock()
	q.cancel()
	for _, t := range tasks {
		t.handle.Wake()
	}
	q.result.signal()
}

// add registers a task to be woken when the query fails, and with here to be
// begun by the goroutine of Next.
func (q *Query) add(t *task, here bool) {
	q.mu.Lock()
	q.tasks = append(q.tasks, t)
	if here {
		q.begin = append(q.begin, t)
	}
	q.mu.Unlock()
}

// goroutine runs f on a goroutine that Close waits for; a panic fails the query.
func (q *Query) goroutine(f func()) {
	q.running.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				q.fail(panicError(r))
			}
		}()
		f()
	})
}

// launch starts the pipelines whose inputs are complete; here leaves them to the
// goroutine of Next, which must be the caller.
func (q *Query) launch(here bool) {
	for {
		var p *pipeline
		q.mu.Lock()
		for _, c := range q.pipelines {
			if !c.started && c.waiting == 0 && q.active < maxPipelines {
				p = c
				p.started = true
				q.active++
				break
			}
		}
		q.mu.Unlock()
		if p == nil || q.stopped.Load() {
			return
		}
		p.tasksFor(1, here)
	}
}

// pause lets n more pipelines run because as many wait for them; with a negative
// n they have stopped waiting.
func (q *Query) pause(n int) {
	q.mu.Lock()
	q.active -= n
	q.mu.Unlock()
	if n > 0 {
		q.launch(false)
	}
}

// pipelineEnded starts what waited for p.
func (q *Query) pipelineEnded(p *pipeline, here bool) {
	q.mu.Lock()
	q.active--
	for _, d := range p.dependents {
		d.waiting--
	}
	q.mu.Unlock()
	q.launch(here)
}
