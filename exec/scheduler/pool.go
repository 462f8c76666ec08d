// Package scheduler shares the processors between queries. A fixed set of
// workers runs the tasks of all queries in slices of about a millisecond. Most
// slices go to the query that has used the least time for its weight so far: a
// short query is done before it has used as much as the long ones, however many
// of them there are. Every fourth goes by turns (stride scheduling), so that a
// long query goes on whatever comes. How many tasks a query has makes no
// difference.
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
	byPass  groupHeap // the groups with a ready task, those at turn first
	byUsed  groupHeap // the same groups, those that have used the least first
	picks   uint
	floor   float64 // where the pass of a newcomer starts
	closed  bool
	workers int
	surplus int // workers that end after their slice
	running sync.WaitGroup
}

// New starts a pool of workers goroutines, GOMAXPROCS when workers is 0 or less.
func New(workers int) *Pool {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{workers: workers, byPass: groupHeap{order: byPass}, byUsed: groupHeap{order: byUsed}}
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

// Block runs wait, which does nothing but wait, for a task in the middle of its
// slice: another worker takes the place of the one that waits, until that goes on.
// It must not be used after Close has begun.
func (p *Pool) Block(wait func()) {
	p.mu.Lock()
	if p.surplus > 0 {
		p.surplus--
	} else {
		p.running.Add(1)
		go p.work()
	}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.surplus++
		p.mu.Unlock()
		p.idle.Signal()
	}()
	wait()
}

// work is one worker.
func (p *Pool) work() {
	defer p.running.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for p.byPass.Len() == 0 && !p.closed && p.surplus == 0 {
			p.idle.Wait()
		}
		if p.closed {
			return
		}
		if p.surplus > 0 {
			p.surplus--
			if p.byPass.Len() > 0 {
				p.idle.Signal() // it was meant for one who works
			}
			return
		}
		g := p.pick()
		t := g.take()
		g.charge(Slice)
		if len(g.queue) == 0 {
			heap.Remove(&p.byPass, g.index[byPass])
			heap.Remove(&p.byUsed, g.index[byUsed])
		} else {
			p.moved(g)
		}
		t.state = running
		p.mu.Unlock()
		used, outcome := t.slice(t.runner.Run)
		p.mu.Lock()
		p.settle(t, used, outcome)
	}
}

// pick returns the group that gets the next slice. p.mu is held and a group is
// ready.
func (p *Pool) pick() *Group {
	p.floor = max(p.floor, p.byPass.list[0].pass)
	p.picks++
	if p.picks%turns == 0 {
		return p.byPass.list[0]
	}
	return p.byUsed.list[0]
}

// moved restores the order after a charge to g. p.mu is held.
func (p *Pool) moved(g *Group) {
	if g.index[byPass] >= 0 {
		heap.Fix(&p.byPass, g.index[byPass])
		heap.Fix(&p.byUsed, g.index[byUsed])
	}
}

// settle ends a slice of t, which was charged as a whole one before it ran: a
// second worker that looked meanwhile had to see it. p.mu is held.
func (p *Pool) settle(t *Task, used time.Duration, outcome Outcome) {
	g := t.group
	g.charge(used - Slice)
	p.moved(g)
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
	if g.index[byPass] < 0 {
		// A group that had nothing to do has no claim to the time it left unused.
		g.pass = max(g.pass, p.floor)
		heap.Push(&p.byPass, g)
		heap.Push(&p.byUsed, g)
	}
	p.idle.Signal()
}

// turns is how many slices are given out between two that go by turns.
const turns = 4

// The orders in which groups wait.
const (
	byPass = iota
	byUsed
	orders
)

// groupHeap orders the groups that have a ready task.
type groupHeap struct {
	list  []*Group
	order int
}

// Len implements heap.Interface.
func (h *groupHeap) Len() int { return len(h.list) }

// Less implements heap.Interface.
func (h *groupHeap) Less(i, j int) bool {
	a, b := h.list[i], h.list[j]
	if h.order == byPass {
		return a.pass < b.pass
	}
	return a.attained < b.attained
}

// Swap implements heap.Interface.
func (h *groupHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index[h.order], h.list[j].index[h.order] = i, j
}

// Push implements heap.Interface.
func (h *groupHeap) Push(x any) {
	g := x.(*Group)
	g.index[h.order] = len(h.list)
	h.list = append(h.list, g)
}

// Pop implements heap.Interface.
func (h *groupHeap) Pop() any {
	last := len(h.list) - 1
	g := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	g.index[h.order] = -1
	return g
}
