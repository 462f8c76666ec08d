// Package connpool keeps the connections of one remote source: a bounded number
// of them, reused while they are healthy and not idle for too long, with what is
// told to users when one fails and the reads that use them.
package connpool

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"
)

// ErrClosed is returned by Get after Close.
var ErrClosed = errors.New("the source is closed")

// ErrExhausted is returned by Get when no connection becomes free in time.
var ErrExhausted = errors.New("no connection became free in time")

// Conn is a connection. Close may be called from any goroutine.
type Conn interface {
	Close()
}

// Pool hands out connections of type C. All methods are safe for concurrent use.
type Pool[C Conn] struct {
	// Connect opens a connection; it runs without any lock.
	Connect func(ctx context.Context) (C, error)
	// Check returns an error when a connection that Get returned is of no use;
	// Acquire calls it. fresh is set for a connection never used before.
	Check func(ctx context.Context, c C, fresh bool) error
	// Idle is how long an unused connection is kept, Wait how long Get waits
	// for one of the others to be returned.
	Idle, Wait time.Duration

	slots   chan struct{}
	breaker breaker
	mu      sync.Mutex
	held    int // connections that TryHold gave out
	idle    []idleConn[C]
	timer   *time.Timer
	closed  bool
}

// idleConn is a connection in the pool.
type idleConn[C Conn] struct {
	conn  C
	since time.Time
}

// New returns a pool of at most size connections.
func New[C Conn](size int, idle time.Duration, connect func(ctx context.Context) (C, error)) *Pool[C] {
	return &Pool[C]{Connect: connect, Idle: idle, Wait: 60 * time.Second, slots: make(chan struct{}, size)}
}

// Limits reads the options max_connections and pool_idle_timeout (seconds), which
// have been checked; they are 8 and 300 seconds when absent.
func Limits(options map[string]string) (size int, idle time.Duration) {
	size, idle = 8, 300*time.Second
	if n, err := strconv.Atoi(options["max_connections"]); err == nil {
		size = n
	}
	if n, err := strconv.Atoi(options["pool_idle_timeout"]); err == nil {
		idle = time.Duration(n) * time.Second
	}
	return size, idle
}

// checkTime bounds one call of Check.
const checkTime = 5 * time.Second

// Acquire returns a connection that passes Check. Its errors are those of Connect
// and of Get. The caller gives the connection back with Put or Drop.
func (p *Pool[C]) Acquire(ctx context.Context) (C, error) {
	for {
		c, reused, err := p.Get(ctx)
		if err != nil {
			return c, err
		}
		check, stop := context.WithTimeout(ctx, checkTime)
		err = p.Check(check, c, !reused)
		stop()
		if err == nil {
			return c, nil
		}
		p.Drop(c)
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if !reused {
			return c, err
		}
		// The server has gone away at some time; so have the other connections.
		p.Flush()
	}
}

// TryHold returns a connection that is kept while others of the pool are waited
// for. So that those who wait get one in the end, all but one may be held at
// most; ok is false when that is reached or no connection is free at once. The
// caller gives it back with Unhold.
func (p *Pool[C]) TryHold(ctx context.Context) (c C, ok bool, err error) {
	return p.TryHoldSpare(ctx, 0)
}

// TryHoldSpare is TryHold for a connection that only saves time: ok is false
// unless spare connections stay free after it.
func (p *Pool[C]) TryHoldSpare(ctx context.Context, spare int) (c C, ok bool, err error) {
	p.mu.Lock()
	if p.held >= cap(p.slots)-1 || len(p.slots) >= cap(p.slots)-spare {
		p.mu.Unlock()
		return c, false, nil
	}
	p.held++
	p.mu.Unlock()
	if c, err = p.Acquire(ctx); err != nil {
		p.unheld()
	}
	return c, err == nil, err
}

// Hold is TryHold that waits, at most for Wait, until a connection may be held.
func (p *Pool[C]) Hold(ctx context.Context) (C, error) {
	const pause = 10 * time.Millisecond
	end := time.Now().Add(p.Wait)
	for {
		c, ok, err := p.TryHold(ctx)
		if ok || err != nil {
			return c, err
		}
		if time.Now().After(end) {
			return c, ErrExhausted
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return c, ctx.Err()
		}
	}
}

// Unhold gives back a connection of TryHold, as Release does.
func (p *Pool[C]) Unhold(c C, healthy bool) {
	p.Release(c, healthy)
	p.unheld()
}

func (p *Pool[C]) unheld() {
	p.mu.Lock()
	p.held--
	p.mu.Unlock()
}

// Release gives a connection back: healthy ones with Put, others with Drop.
func (p *Pool[C]) Release(c C, healthy bool) {
	if healthy {
		p.Put(c)
	} else {
		p.Drop(c)
	}
}

// Get returns a connection, reused tells whether it was used before. The caller
// gives it back with Put or Drop.
func (p *Pool[C]) Get(ctx context.Context) (c C, reused bool, err error) {
	select {
	case p.slots <- struct{}{}:
	default:
		wait := time.NewTimer(p.Wait)
		defer wait.Stop()
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return c, false, ctx.Err()
		case <-wait.C:
			return c, false, ErrExhausted
		}
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.slots
		return c, false, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		c = p.idle[n-1].conn
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, true, nil
	}
	p.mu.Unlock()
	if c, err = p.connect(ctx); err != nil {
		<-p.slots
	}
	return c, false, err
}

// Put returns a connection that may be used again.
func (p *Pool[C]) Put(c C) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		c.Close()
	} else {
		p.idle = append(p.idle, idleConn[C]{c, time.Now()})
		if p.timer == nil {
			p.timer = time.AfterFunc(p.Idle, p.prune)
		}
		p.mu.Unlock()
	}
	<-p.slots
}

// Drop closes a connection that must not be used again.
func (p *Pool[C]) Drop(c C) {
	c.Close()
	<-p.slots
}

// Flush closes every idle connection: after one is found dead the others are
// suspect.
func (p *Pool[C]) Flush() {
	p.mu.Lock()
	old := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, i := range old {
		i.conn.Close()
	}
}

// prune closes connections that have been idle for too long.
func (p *Pool[C]) prune() {
	p.mu.Lock()
	var old []idleConn[C]
	for len(p.idle) > 0 && time.Since(p.idle[0].since) >= p.Idle {
		old = append(old, p.idle[0])
		p.idle = p.idle[1:]
	}
	p.timer = nil
	if len(p.idle) > 0 && !p.closed {
		p.timer = time.AfterFunc(p.Idle-time.Since(p.idle[0].since), p.prune)
	}
	p.mu.Unlock()
	for _, i := range old {
		i.conn.Close()
	}
}

// Close closes the idle connections; those in use are closed when they are
// returned.
func (p *Pool[C]) Close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.mu.Unlock()
	p.Flush()
}
