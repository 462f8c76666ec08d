package connpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// connectAttempts is how often a connection is tried that a server refuses or
	// drops while it is made; connectDelay passes before the second time, twice as
	// much before the third.
	connectAttempts = 3
	connectDelay    = 50 * time.Millisecond
	// slowFailure is the duration from which a failed attempt counts as one that
	// statements should not have to wait for.
	slowFailure = time.Second
	// slowFailures in a row open the breaker, for firstBreak first and twice as long
	// after each further one, at most longestBreak.
	slowFailures = 3
	firstBreak   = time.Second
	longestBreak = 30 * time.Second
)

// ErrSuspended is returned instead of trying to connect to a server whose last
// attempts took long to fail.
type ErrSuspended struct {
	// Last is why the last attempt failed, Until when the next is made.
	Last  error
	Until time.Time
}

// Error implements error.
func (e *ErrSuspended) Error() string {
	return fmt.Sprintf("not tried until %s after: %v", e.Until.Format(time.TimeOnly), e.Last)
}

// Unwrap returns why the last attempt failed.
func (e *ErrSuspended) Unwrap() error { return e.Last }

// breaker keeps statements from waiting, one after the other, for a server that
// does not answer: after slowFailures attempts that failed slowly it refuses at
// once for a while, and then lets one attempt through at a time (Nygard, "Release
// It!", Circuit Breaker). Attempts that fail at once cost nothing, and are always
// made.
type breaker struct {
	mu       sync.Mutex
	failures int
	last     error
	until    time.Time
	trying   bool
}

// enter returns an error when no attempt is to be made.
func (b *breaker) enter(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < slowFailures:
	case b.trying || now.Before(b.until):
		return &ErrSuspended{Last: b.last, Until: b.until}
	default:
		b.trying = true
	}
	return nil
}

// leave notes how an attempt ended that began at start. givenUp tells that
// nobody waited for its end.
func (b *breaker) leave(start, now time.Time, err error, givenUp bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	switch {
	case givenUp:
	case err == nil || now.Sub(start) < slowFailure:
		b.failures = 0
	default:
		b.failures++
		b.last = err
		pause := firstBreak << min(max(0, b.failures-slowFailures), 10)
		b.until = now.Add(min(pause, longestBreak))
	}
}

// connect opens a connection: it tries again when the server refuses or drops it,
// and does not try at all while the breaker is open.
func (p *Pool[C]) connect(ctx context.Context) (c C, err error) {
	for attempt := 1; ; attempt++ {
		start := time.Now()
		if err := p.breaker.enter(start); err != nil {
			return c, err
		}
		c, err = p.Connect(ctx)
		p.breaker.leave(start, time.Now(), err, ctx.Err() != nil)
		if err == nil || attempt == connectAttempts || !dropped(err) {
			return c, err
		}
		select {
		case <-time.After(time.Duration(attempt) * connectDelay):
		case <-ctx.Done():
			return c, ctx.Err()
		}
	}
}

// dropped reports whether an attempt to connect was refused or dropped at once,
// as servers do that restart.
func dropped(err error) bool {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
