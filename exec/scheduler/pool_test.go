package scheduler

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runFunc is a Runner.
type runFunc func(until time.Time) Outcome

func (f runFunc) Run(until time.Time) Outcome { return f(until) }

func TestTasksRunUntilTheyAreDone(t *testing.T) {
	p := New(2)
	defer p.Close()
	g := p.Group(1, 0)
	var wg sync.WaitGroup
	var slices atomic.Int64
	for range 20 {
		wg.Add(1)
		left := 5
		g.Task(runFunc(func(time.Time) Outcome {
			slices.Add(1)
			if left--; left == 0 {
				wg.Done()
				return Done
			}
			return Again
		})).Wake()
	}
	wg.Wait()
	if n := slices.Load(); n != 100 {
		t.Fatalf("%d slices, want 100", n)
	}
}

func TestWakeDuringTheSliceIsNotLost(t *testing.T) {
	p := New(2)
	defer p.Close()
	g := p.Group(1, 0)
	finished := make(chan struct{})
	entered, woken := make(chan struct{}), make(chan struct{})
	first := true
	task := g.Task(runFunc(func(time.Time) Outcome {
		if !first {
			close(finished)
			return Done
		}
		first = false
		close(entered)
		<-woken
		return Park
	}))
	task.Wake()
	<-entered
	task.Wake()
	close(woken)
	<-finished
}

func TestParkedTaskRunsOnlyWhenWoken(t *testing.T) {
	p := New(1)
	defer p.Close()
	g := p.Group(1, 0)
	ran := make(chan int, 10)
	n := 0
	task := g.Task(runFunc(func(time.Time) Outcome {
		n++
		ran <- n
		if n == 3 {
			return Done
		}
		return Park
	}))
	for want := 1; want <= 3; want++ {
		task.Wake()
		if got := <-ran; got != want {
			t.Fatalf("slice %d, want %d", got, want)
		}
		for parkedNow := false; !parkedNow && want < 3; {
			p.mu.Lock()
			parkedNow = task.state == parked
			p.mu.Unlock()
		}
	}
	task.Wake() // done: nothing happens
}

// TestManyTasksGetNoMoreThanOne runs a group of one task beside a group of many
// on one worker and counts slices instead of measuring time.
func TestManyTasksGetNoMoreThanOne(t *testing.T) {
	p := New(1)
	defer p.Close()
	var few, many atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	start := func(g *Group, n int, count *atomic.Int64, work time.Duration) {
		for range n {
			wg.Add(1)
			g.Task(runFunc(func(time.Time) Outcome {
				if stop.Load() {
					wg.Done()
					return Done
				}
				count.Add(1)
				time.Sleep(work)
				return Again
			})).Wake()
		}
	}
	a, b := p.Group(1, 0), p.Group(1, 0)
	start(a, 1, &few, 200*time.Microsecond)
	start(b, 50, &many, 200*time.Microsecond)
	for few.Load()+many.Load() < 400 {
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	wg.Wait()
	ratio := float64(a.Used()) / float64(b.Used())
	if ratio < 0.5 || ratio > 2 {
		t.Errorf("one task got %v, fifty got %v", a.Used(), b.Used())
	}
}

func TestWeightsShareTheTime(t *testing.T) {
	p := New(1)
	defer p.Close()
	var slices atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	run := func(g *Group) {
		for range 4 {
			wg.Add(1)
			g.Task(runFunc(func(time.Time) Outcome {
				if stop.Load() {
					wg.Done()
					return Done
				}
				slices.Add(1)
				time.Sleep(100 * time.Microsecond)
				return Again
			})).Wake()
		}
	}
	heavy, light := p.Group(3, 0), p.Group(1, 0)
	run(heavy)
	run(light)
	for slices.Load() < 800 {
		time.Sleep(time.Millisecond)
	}
	stop.Store(true)
	wg.Wait()
	if share := float64(heavy.Used()) / float64(heavy.Used()+light.Used()); share < 0.6 || share > 0.9 {
		t.Errorf("weight 3 of 4 got %.2f of the time", share)
	}
}

// pull takes n slices of p by hand and returns the groups that got them.
func pull(p *Pool, n int, used time.Duration) []*Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*Group
	for range n {
		g := p.pick()
		t := g.take()
		g.charge(Slice)
		heap.Remove(&p.byPass, g.index[byPass])
		heap.Remove(&p.byUsed, g.index[byUsed])
		p.settle(t, used, Again)
		out = append(out, g)
	}
	return out
}

// still returns a pool whose workers have ended.
func still() *Pool {
	p := New(1)
	p.Close()
	return p
}

func TestQueryThatHasUsedLeastGetsThreeSlicesOfFour(t *testing.T) {
	p := still()
	var long []*Group
	for range 10 {
		g := p.Group(1, 0)
		g.Task(runFunc(nil)).Wake()
		long = append(long, g)
	}
	pull(p, 200, Slice)
	short := p.Group(1, 0)
	short.Task(runFunc(nil)).Wake()
	got := 0
	for _, g := range pull(p, 16, Slice) {
		if g == short {
			got++
		}
	}
	if got < 12 {
		t.Errorf("the newcomer got %d slices of 16", got)
	}
	pull(p, 400, Slice)
	for i, g := range append(long, short) {
		if g.used < 40*Slice || g.used > 70*Slice {
			t.Errorf("in the long run group %d got %v", i, g.used)
		}
	}
}

func TestLongQueryIsNotStarvedByShortOnes(t *testing.T) {
	p := still()
	long := p.Group(1, 0)
	long.Task(runFunc(nil)).Wake()
	pull(p, 1000, Slice)
	before := long.used
	for range 100 { // there is always a query younger than the long one
		g := p.Group(1, 0)
		g.Task(runFunc(nil)).Wake()
		pull(p, 4, Slice)
		p.mu.Lock()
		g.take()
		heap.Remove(&p.byPass, g.index[byPass])
		heap.Remove(&p.byUsed, g.index[byUsed])
		p.mu.Unlock()
	}
	if got := long.used - before; got < 90*Slice {
		t.Errorf("the long query got %v of %v", got, 400*Slice)
	}
}

func TestBeginRunsTheFirstSliceOnTheCaller(t *testing.T) {
	p := New(1)
	defer p.Close()
	finished := make(chan struct{})
	var slices []string
	task := p.Group(1, 0).Task(runFunc(func(time.Time) Outcome {
		slices = append(slices, "worker")
		close(finished)
		return Done
	}))
	task.Begin(func(time.Time) Outcome {
		slices = append(slices, "caller")
		return Again
	})
	<-finished
	if len(slices) != 2 || slices[0] != "caller" || slices[1] != "worker" {
		t.Errorf("slices ran on %v", slices)
	}
	woken := p.Group(1, 0).Task(runFunc(func(time.Time) Outcome { return Done }))
	woken.Wake()
	woken.Begin(func(time.Time) Outcome {
		t.Error("a task that the workers have runs on the caller")
		return Done
	})
}

func TestAWorkerThatWaitsIsReplaced(t *testing.T) {
	p := New(1)
	defer p.Close()
	other := make(chan struct{})
	group := p.Group(1, 0)
	waiter, worker := newSteps(), newSteps()
	waiter.f = func() { p.Block(func() { <-other }) }
	worker.f = func() { close(other) }
	group.Task(waiter).Wake()
	group.Task(worker).Wake()
	<-waiter.done
	<-worker.done
}

func TestOneWhoUsedMuchBeforeComesLater(t *testing.T) {
	p := New(1)
	defer p.Close()
	var mu sync.Mutex
	var order []string
	begin := make(chan struct{})
	hold := newSteps()
	hold.f = func() { <-begin }
	p.Group(1, 0).Task(hold).Wake()
	var all []*steps
	for _, g := range []struct {
		name  string
		spent time.Duration
	}{{"much", time.Second}, {"little", 0}} {
		s := newSteps()
		s.f = func() {
			mu.Lock()
			order = append(order, g.name)
			mu.Unlock()
		}
		p.Group(1, g.spent).Task(s).Wake()
		all = append(all, s)
	}
	close(begin)
	for _, s := range all {
		<-s.done
	}
	if order[0] != "little" {
		t.Errorf("the order is %v", order)
	}
}

// steps is a task of one slice.
type steps struct {
	f    func()
	done chan struct{}
}

func newSteps() *steps { return &steps{done: make(chan struct{})} }

// Run implements Runner.
func (s *steps) Run(time.Time) Outcome {
	s.f()
	close(s.done)
	return Done
}
