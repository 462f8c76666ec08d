package scheduler

import (
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
	g := p.Group(1)
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
	g := p.Group(1)
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
	g := p.Group(1)
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
	a, b := p.Group(1), p.Group(1)
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
	heavy, light := p.Group(3), p.Group(1)
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
