package operator

import (
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// pipeline runs a stream into a sink, on one or more tasks that each have their
// own instance of the stream and share its sources.
type pipeline struct {
	q    *Query
	in   part
	sink sink
	// stat is charged with the time of the whole pipeline: that of the node
	// whose sink it feeds. nil for the result.
	stat *stat
	// waiting counts the pipelines of in.after that have not ended; dependents
	// are the reverse. Both, and started, are guarded by q.mu.
	waiting    int
	dependents []*pipeline
	started    bool

	mu    sync.Mutex
	tasks int // made so far
	live  int // not ended
	open  []*task
	ended bool
}

// task is one worker's share of a pipeline.
type task struct {
	q      *Query
	p      *pipeline
	in     stream
	out    inlet
	handle *scheduler.Task
	ended  bool
	// here is set while the goroutine of Query.Next runs the task.
	here bool
}

// want makes the pipeline run on n tasks, or on as many as the query may use. A
// source that finds enough work for several tasks calls it from one of them.
func (p *pipeline) want(n int) { p.tasksFor(n, false) }

// tasksFor is want; here leaves the new tasks to the goroutine of Query.Next.
func (p *pipeline) tasksFor(n int, here bool) {
	n = min(n, p.q.workers)
	for {
		p.mu.Lock()
		if p.tasks >= n || p.ended {
			p.mu.Unlock()
			return
		}
		t := &task{q: p.q, p: p}
		t.handle = p.q.group.Task(t)
		p.tasks++
		p.live++
		p.mu.Unlock()
		p.q.running.Add(1)
		t.start(here)
	}
}

// start opens the streams of t and makes it run.
func (t *task) start(here bool) {
	defer func() {
		if r := recover(); r != nil {
			t.q.fail(panicError(r))
			t.finish()
		}
	}()
	err := t.open()
	if err != nil {
		t.q.fail(err)
		t.finish()
		return
	}
	t.p.mu.Lock()
	t.p.open = append(t.p.open, t)
	t.p.mu.Unlock()
	t.q.add(t, here)
	if !here {
		t.handle.Wake()
	}
}

// open makes the stream and the inlet of t.
func (t *task) open() (err error) {
	if t.in, err = t.p.in.open(t); err != nil {
		return err
	}
	t.out, err = t.p.sink.open(t)
	return err
}

// runHere is Run on the goroutine of Query.Next.
func (t *task) runHere(until time.Time) scheduler.Outcome {
	t.here = true
	outcome := t.Run(until)
	t.here = false
	return outcome
}

// Run implements scheduler.Runner.
func (t *task) Run(until time.Time) (outcome scheduler.Outcome) {
	defer func() {
		if r := recover(); r != nil {
			t.q.fail(panicError(r))
			t.finish()
			outcome = scheduler.Done
		}
	}()
	start := time.Now()
	for !t.q.stopped.Load() {
		outcome, err := t.step()
		now := time.Now()
		if t.p.stat != nil {
			t.p.stat.nanos.Add(int64(now.Sub(start)))
		}
		start = now
		switch {
		case err != nil:
			t.q.fail(err)
			t.finish()
			return scheduler.Done
		case outcome == scheduler.Done:
			t.finish()
			return scheduler.Done
		case outcome == scheduler.Park || now.After(until):
			return outcome
		}
	}
	t.finish()
	return scheduler.Done
}

// step moves one batch from the stream to the sink.
func (t *task) step() (scheduler.Outcome, error) {
	if !t.out.ready() {
		return scheduler.Park, nil
	}
	b, err := t.in.next()
	switch err {
	case nil:
		if b != nil && b.Rows() > 0 {
			err = t.out.push(b)
		}
		return scheduler.Again, err
	case errBlocked:
		return scheduler.Park, nil
	case io.EOF:
		return scheduler.Done, t.out.end()
	}
	return scheduler.Done, err
}

// finish ends t; the last task of a pipeline finishes the sink and starts what
// waits for it.
func (t *task) finish() {
	if t.ended {
		return
	}
	t.ended = true
	defer t.q.running.Done()
	if t.in != nil {
		t.in.close()
	}
	p := t.p
	p.mu.Lock()
	p.live--
	last := p.live == 0
	p.ended = p.ended || last
	p.mu.Unlock()
	if !last || t.q.stopped.Load() {
		return
	}
	start := time.Now()
	if err := p.sink.finish(); err != nil {
		t.q.fail(err)
		return
	}
	if p.stat != nil {
		p.stat.nanos.Add(int64(time.Since(start)))
	}
	t.q.pipelineEnded(p, t.here)
}

// wake runs every task of p again that is parked.
func (p *pipeline) wake() {
	p.mu.Lock()
	tasks := p.open
	p.mu.Unlock()
	for _, t := range tasks {
		t.handle.Wake()
	}
}

// panicError is the error of one query in whose code a panic was recovered.
func panicError(r any) error {
	return pgerror.Wrap(fmt.Errorf("panic: %v\n%s", r, debug.Stack()), pgerror.InternalError, "internal error")
}
