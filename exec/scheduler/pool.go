// Package scheduler shares the processors between queries. A fixed set of
// workers runs the tasks of all queries in slices of about a millisecond; the
// next slice goes to the query that has used the least time for its weight
// (stride scheduling), however many tasks it has.
package scheduler

import (
	"container/heap"
	"runtime"
	"sync"
	"time"
)

// Slice is how long a task runs before it has to give its worker back. It is
// short enough that a small query waits little behind large ones, and long
// enough that switching costs nothing that can be measured.
const Slice = time.Millisecond

// Pool is a set of workers. All methods are safe for concurrent use.
type Pool struct {
	mu      sync.Mutex
	idle    *sync.Cond
	ready   groupHeap
	floor   float64 // pass of the group that ran last: where newcomers start
	closed  bool
	workers int
	running sync.WaitGroup
}

// New starts a pool of workers goroutines, GOMAXPROCS when workers is 0 or less.
func New(workers int) *Pool {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{workers: workers}
	p.idle = sync.NewCond(&p.mu)
	p.running.Add(workers)
	for range workers {
		go p.work()
	}
	return p
}

// Workers returns the number of workers.
func (p *Pool) Workers() int { return p.workers }

// Close ends the workers after their current slice and waits for them. Tasks
// that are not done never run again: close the queries first.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.idle.Broadcast()
	p.running.Wait()
}

// work is one worker.
func (p *Pool) work() {
	defer p.running.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for len(p.ready) == 0 && !p.closed {
			p.idle.Wait()
		}
		if p.closed {
			return
		}
		g := p.ready[0]
		t := g.take()
		p.floor = g.pass
		// The slice is charged before it runs, so that a second worker that
		// looks meanwhile sees it, and corrected afterwards.
		g.pass += float64(Slice) / g.share()
		if len(g.queue) == 0 {
			heap.Pop(&p.ready)
		} else {
			heap.Fix(&p.ready, 0)
		}
		t.state = running
		p.mu.Unlock()
		used, outcome := t.slice(t.runner.Run)
		p.mu.Lock()
		p.settle(t, used, outcome)
	}
}

// settle ends a slice of t, which was charged as a whole one before it ran. p.mu
// is held.
func (p *Pool) settle(t *Task, used time.Duration, outcome Outcome) {
	g := t.group
	g.pass += float64(used-Slice) / g.share()
	g.used += used
	if g.index >= 0 {
		heap.Fix(&p.ready, g.index)
	}
	switch {
	case outcome == Done:
		t.state = done
	case outcome == Again || t.woken:
		t.woken = false
		p.enqueue(t)
	default:
		t.state = parked
	}
}

// enqueue makes t ready. p.mu is held.
func (p *Pool) enqueue(t *Task) {
	t.state = queued
	g := t.group
	g.queue = append(g.queue, t)
	if g.index < 0 {
		// A group that had nothing to do has no claim to the time it left unused.
		g.pass = max(g.pass, p.floor)
		heap.Push(&p.ready, g)
	}
	p.idle.Signal()
}

// groupHeap orders the groups that have a ready task by pass.
type groupHeap []*Group

// Len implements heap.Interface.
func (h groupHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h groupHeap) Less(i, j int) bool { return h[i].pass < h[j].pass }

// Swap implements heap.Interface.
func (h groupHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *groupHeap) Push(x any) {
	g := x.(*Group)
	g.index = len(*h)
	*h = append(*h, g)
}

// Pop implements heap.Interface.
func (h *groupHeap) Pop() any {
	old := *h
	g := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	g.index = -1
	return g
}
