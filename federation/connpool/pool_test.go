package connpool

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// fakeConn counts how many of its kind are open.
type fakeConn struct {
	open *atomic.Int64
	dead bool
}

func (c *fakeConn) Close() { c.open.Add(-1) }

// fakePool returns a pool of fakeConns whose check fails for dead ones.
func fakePool(size int) (*Pool[*fakeConn], *atomic.Int64) {
	var open atomic.Int64
	p := New(size, time.Minute, func(context.Context) (*fakeConn, error) {
		open.Add(1)
		return &fakeConn{open: &open}, nil
	})
	p.Check = func(_ context.Context, c *fakeConn, fresh bool) error {
		if c.dead && !fresh {
			return io.EOF
		}
		return nil
	}
	return p, &open
}

func TestConnectionIsReusedWhileItAnswers(t *testing.T) {
	p, open := fakePool(2)
	a, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Release(a, true)
	b, err := p.Acquire(t.Context())
	if err != nil || a != b {
		t.Fatalf("another connection, or %v", err)
	}
	b.dead = true
	p.Release(b, true)
	c, err := p.Acquire(t.Context())
	if err != nil || c == b || open.Load() != 1 {
		t.Fatalf("dead connection kept: %v, %d open", err, open.Load())
	}
	p.Release(c, false)
	p.Close()
	if open.Load() != 0 {
		t.Errorf("%d connections left open", open.Load())
	}
	if _, err := p.Acquire(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed pool gives %v", err)
	}
}

func TestOneDeadConnectionMakesTheOthersSuspect(t *testing.T) {
	p, open := fakePool(3)
	var all []*fakeConn
	for range 3 {
		c, err := p.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for _, c := range all {
		c.dead = true
		p.Release(c, true)
	}
	c, err := p.Acquire(t.Context())
	if err != nil || open.Load() != 1 {
		t.Fatalf("%v, %d open", err, open.Load())
	}
	p.Release(c, true)
	p.Close()
}

func TestFullPoolWaitsAndGivesUp(t *testing.T) {
	p, _ := fakePool(1)
	p.Wait = 10 * time.Millisecond
	c, err := p.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Acquire(t.Context()); !errors.Is(err, ErrExhausted) {
		t.Errorf("a full pool gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Acquire(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait gives %v", err)
	}
	p.Release(c, false)
	p.Close()
}

func TestLimitsHaveDefaults(t *testing.T) {
	if size, idle := Limits(nil); size != 8 || idle != 300*time.Second {
		t.Errorf("%d, %v", size, idle)
	}
	if size, idle := Limits(map[string]string{"max_connections": "2", "pool_idle_timeout": "5"}); size != 2 || idle != 5*time.Second {
		t.Errorf("%d, %v", size, idle)
	}
}

func TestFailuresAreWordedWithoutSettings(t *testing.T) {
	remote := errors.New("remote")
	f := Failures{
		Name: "crm", Size: 4,
		Remote: func(err error, _ bool) error {
			if errors.Is(err, remote) {
				return pgerror.New(pgerror.InvalidPassword, "authentication failed")
			}
			return nil
		},
		Reason: func(err error) string {
			if strings.Contains(err.Error(), "strange") {
				return "it is strange"
			}
			return ""
		},
	}
	dial := &net.OpError{Op: "dial", Err: errors.New("connect: connection refused")}
	for _, tt := range []struct {
		err        error
		connecting bool
		code       pgerror.Code
		text       string
	}{
		{remote, true, pgerror.InvalidPassword, "authentication failed"},
		{ErrClosed, false, pgerror.ConnectionDoesNotExist, "the source is closed"},
		{ErrExhausted, false, pgerror.TooManyConnections, "all 4 connections of max_connections are busy"},
		{dial, true, pgerror.UnableToConnect, "could not connect to server: connection refused"},
		{ErrConnectTimeout, true, pgerror.UnableToConnect, "could not connect to server: timeout expired"},
		{io.EOF, true, pgerror.UnableToConnect, "could not connect to server: server closed the connection unexpectedly"},
		{errors.New("strange secret"), true, pgerror.UnableToConnect, "could not connect to server: it is strange"},
		{errors.New("secret"), true, pgerror.UnableToConnect, "could not connect to server: the connection could not be set up"},
		{io.EOF, false, pgerror.ConnectionFailure, "server closed the connection unexpectedly"},
	} {
		err := f.Of(t.Context(), tt.err, tt.connecting)
		if pgerror.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) || strings.Contains(pgerror.From(err).Message, "secret") {
			t.Errorf("%v becomes %v (%s), want %s %s", tt.err, err, pgerror.CodeOf(err), tt.code, tt.text)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Of(ctx, io.EOF, false); pgerror.CodeOf(err) != pgerror.QueryCanceledCode {
		t.Errorf("a cancelled read gives %v", err)
	}
	if err := f.Of(ctx, nil, false); err != nil {
		t.Errorf("no error becomes %v", err)
	}
}

func TestRunningVisitsTheReadsInProgress(t *testing.T) {
	var r Running[int]
	r.Add(1)
	r.Add(2)
	r.Remove(1)
	r.Each(func(n int) {
		if n != 2 {
			t.Errorf("%d is not running", n)
		}
		r.Remove(n) // no lock is held
	})
}
