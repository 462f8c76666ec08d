package connpool

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

func TestRefusedConnectionIsTriedAgain(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		name  string
		fails int64
		err   error
		tries int64
		ok    bool
	}{
		{"refused once", 1, refused, 2, true},
		{"dropped twice", 2, io.EOF, 3, true},
		{"refused always", 100, refused, connectAttempts, false},
		{"wrong password", 1, errors.New("password authentication failed"), 1, false},
		{"no answer", 1, ErrConnectTimeout, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, open := fakePool(2)
			var tries atomic.Int64
			connect := p.Connect
			p.Connect = func(ctx context.Context) (*fakeConn, error) {
				if tries.Add(1) <= c.fails {
					return nil, c.err
				}
				return connect(ctx)
			}
			conn, err := p.Acquire(t.Context())
			if (err == nil) != c.ok || !c.ok && !errors.Is(err, c.err) {
				t.Errorf("error %v", err)
			}
			if tries.Load() != c.tries {
				t.Errorf("%d attempts, want %d", tries.Load(), c.tries)
			}
			if err == nil {
				p.Release(conn, true)
			}
			p.Close()
			if open.Load() != 0 || len(p.slots) != 0 {
				t.Errorf("%d connections open, %d slots taken", open.Load(), len(p.slots))
			}
		})
	}
}

func TestBreakerOpensForServersThatDoNotAnswer(t *testing.T) {
	var b breaker
	now := time.Unix(1000, 0)
	slow := func() {
		t.Helper()
		if err := b.enter(now); err != nil {
			t.Fatalf("refused: %v", err)
		}
		start := now
		now = now.Add(2 * slowFailure)
		b.leave(start, now, ErrConnectTimeout, false)
	}
	for range slowFailures {
		slow()
	}
	err := b.enter(now)
	if s, ok := errors.AsType[*ErrSuspended](err); !ok || !errors.Is(err, ErrConnectTimeout) || s.Until != now.Add(firstBreak) {
		t.Fatalf("after %d slow failures: %v", slowFailures, err)
	}
	now = now.Add(firstBreak)
	slow()
	if b.enter(now.Add(2*firstBreak-1)) == nil {
		t.Error("the second pause is not longer than the first")
	}
	now = now.Add(longestBreak)
	if err := b.enter(now); err != nil {
		t.Fatalf("the pause does not end: %v", err)
	}
	if b.enter(now) == nil {
		t.Error("two attempts at once while the server is suspect")
	}
	b.leave(now, now.Add(2*slowFailure), context.Canceled, true)
	if err := b.enter(now); err != nil {
		t.Errorf("an attempt that was given up keeps others out: %v", err)
	}
	b.leave(now, now, nil, false)
	for range 10 {
		if err := b.enter(now); err != nil {
			t.Fatalf("closed again, but: %v", err)
		}
		b.leave(now, now, syscall.ECONNREFUSED, false)
	}
	if err := b.enter(now); err != nil {
		t.Errorf("quick failures suspend a server: %v", err)
	}
}

func TestSuspendedServerSaysSo(t *testing.T) {
	f := Failures{Name: "s", Remote: func(error, bool) error { return nil }}
	err := f.Of(t.Context(), &ErrSuspended{Last: ErrConnectTimeout, Until: time.Now().Add(2500 * time.Millisecond)}, true)
	e, ok := errors.AsType[*pgerror.Error](err)
	if !ok || e.Code != pgerror.UnableToConnect || !strings.Contains(e.Message, "timeout expired") || !strings.Contains(e.Hint, "in 3 s") {
		t.Errorf("%#v", err)
	}
}
