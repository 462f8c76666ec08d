package wire

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watchDelay is how long a statement runs before its socket is watched.
const watchDelay = 50 * time.Millisecond

// watcher reads ahead on a socket while a statement executes, so that a client
// that has closed its connection is noticed. One timer serves the connection: it
// is left to run over short statements, which pay for a lock only, and finds out
// when it fires whether there is something to watch.
type watcher struct {
	r *reader

	mu    sync.Mutex
	timer *time.Timer
	armed bool      // the timer will fire
	since time.Time // when the present execution began, zero between executions
	gone  func()
	done  chan struct{} // closed at the end of the present watching, nil for none

	stopping atomic.Bool
}

// start announces an execution: gone is called when the client turns out to have
// closed its connection. stop must be called before the next read.
func (w *watcher) start(gone func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.gone = time.Now(), gone
	switch {
	case w.armed:
	case w.timer == nil:
		w.timer = time.AfterFunc(watchDelay, w.fire)
	default:
		w.timer.Reset(watchDelay)
	}
	w.armed = true
}

// fire runs on a goroutine of its own when the timer ends.
func (w *watcher) fire() {
	w.mu.Lock()
	if w.since.IsZero() {
		w.armed = false
		w.mu.Unlock()
		return
	}
	if rest := watchDelay - time.Since(w.since); rest > 0 {
		w.timer.Reset(rest)
		w.mu.Unlock()
		return
	}
	w.armed = false
	done, gone := make(chan struct{}), w.gone
	w.done = done
	w.mu.Unlock()
	defer close(done)
	w.run(gone)
}

func (w *watcher) run(gone func()) {
	r := w.r
	chunk := make([]byte, 4096)
	for !w.stopping.Load() && r.err == nil && len(r.ahead) < maxReadAhead {
		n, err := r.conn.Read(chunk)
		r.ahead = append(r.ahead, chunk[:n]...)
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			r.err = err
			gone()
		}
		return
	}
}

// stop ends the watching; afterwards the caller owns the reader again.
func (w *watcher) stop() {
	w.mu.Lock()
	w.since, w.gone = time.Time{}, nil
	done := w.done
	w.done = nil
	w.mu.Unlock()
	if done == nil {
		return
	}
	w.stopping.Store(true)
	w.r.setDeadline(past)
	<-done
	w.r.setDeadline(time.Time{})
	w.stopping.Store(false)
}

// close ends the timer.
func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}
