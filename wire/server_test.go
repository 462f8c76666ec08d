package wire_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hubsql/hubsql/wire"
)

// exhausted is a listener of a process without free file descriptors. It
// signals every attempt.
type exhausted struct {
	attempts chan struct{}
	closed   chan struct{}
	once     sync.Once
}

func (l *exhausted) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case l.attempts <- struct{}{}:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
}

func (l *exhausted) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *exhausted) Addr() net.Addr { return &net.TCPAddr{} }

func TestShutdownDoesNotWaitForTheNextAttemptToAccept(t *testing.T) {
	s, err := wire.NewServer(wire.Config{Backend: newFake(), Log: discard(), Auth: wire.AuthTrust})
	if err != nil {
		t.Fatal(err)
	}
	ln := &exhausted{attempts: make(chan struct{}), closed: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	// The pause behind the eighth failure is 640 ms.
	for range 8 {
		<-ln.attempts
	}
	began := time.Now()
	for range 2 {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; !errors.Is(err, wire.ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Errorf("Serve ended after %v", took)
	}
}
