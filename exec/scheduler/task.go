package scheduler

import "time"

// Outcome is what a task wants after a slice.
type Outcome uint8

// Outcomes.
const (
	// Again: there is more to do.
	Again Outcome = iota
	// Park: nothing to do until Wake.
	Park
	// Done: never run again.
	Done
)

// Runner is the work of a task.
type Runner interface {
	// Run works until about the given time, or until there is nothing to do. It
	// never blocks and never panics. One task is run by one worker at a time,
	// not always the same.
	Run(until time.Time) Outcome
}

// Group is one query's claim on the pool.
type Group struct {
	pool   *Pool
	weight float64
	used   time.Duration
	// pass and attained are time used per weight, in nanoseconds: pass from where
	// the other groups were when this one came, attained from 0.
	pass, attained float64
	queue          []*Task
	index          [orders]int // in the heaps of ready groups, -1 when not there
}

// Group returns a new group. Groups get time in proportion to weight; 0 or less
// means 1. spent is how much time the group counts as having used when it is
// made.
func (p *Pool) Group(weight float64, spent time.Duration) *Group {
	if weight <= 0 {
		weight = 1
	}
	return &Group{pool: p, weight: weight, attained: float64(spent) / weight, index: [orders]int{-1, -1}}
}

// Used returns the worker time that the group's tasks have had.
func (g *Group) Used() time.Duration {
	g.pool.mu.Lock()
	defer g.pool.mu.Unlock()
	return g.used
}

// charge books time that a task of g uses. pool.mu is held.
func (g *Group) charge(d time.Duration) {
	g.used += d
	g.pass += float64(d) / g.weight
	g.attained += float64(d) / g.weight
}

// take removes the task that waits longest. pool.mu is held.
func (g *Group) take() *Task {
	t := g.queue[0]
	g.queue[0] = nil
	g.queue = g.queue[1:]
	return t
}

// state of a task.
type state uint8

const (
	fresh state = iota
	queued
	running
	parked
	done
)

// Task is one unit that is run in slices.
type Task struct {
	group  *Group
	runner Runner
	state  state
	woken  bool // Wake came while the task was running
}

// Task returns a task of g that does not run before Wake.
func (g *Group) Task(r Runner) *Task { return &Task{group: g, runner: r} }

// Wake makes a task ready that is new or parked. A task that is running will
// run again even when it asks to park, so no wake-up is lost. Otherwise Wake
// does nothing.
func (t *Task) Wake() {
	p := t.group.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	switch t.state {
	case fresh, parked:
		p.enqueue(t)
	case running:
		t.woken = true
	}
}

// Begin gives a new task its first slice on the calling goroutine instead of a
// worker: a query that is done within it never waits for one. run is what Run of
// the task's Runner does; its outcome is handled as a worker would. A task that
// has been woken before is left to the workers.
func (t *Task) Begin(run func(until time.Time) Outcome) {
	p := t.group.pool
	p.mu.Lock()
	if t.state != fresh {
		p.mu.Unlock()
		return
	}
	t.state = running
	t.group.pass = max(t.group.pass, p.floor)
	t.group.charge(Slice)
	p.moved(t.group)
	p.mu.Unlock()
	used, outcome := t.slice(run)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(t, used, outcome)
}

// slice runs one slice and measures it.
func (t *Task) slice(run func(until time.Time) Outcome) (used time.Duration, outcome Outcome) {
	start := time.Now()
	outcome = run(start.Add(Slice))
	return time.Since(start), outcome
}
