package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// sleeping waits until n statements sleep.
func (s *server) sleeping(n int32) {
	s.t.Helper()
	for range 1000 {
		if s.fake.running.Load() == n {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.t.Fatalf("%d statements sleep, not %d", s.fake.running.Load(), n)
}

func (s *server) cause() error {
	s.t.Helper()
	select {
	case err := <-s.fake.causes:
		return err
	case <-time.After(3 * time.Second):
		s.t.Fatal("the statement was not cancelled")
		return nil
	}
}

func TestCancelRequest(t *testing.T) {
	s := serve(t, nil)
	c := s.connect("")
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "sleep").ReadAll()
		done <- err
	}()
	s.sleeping(1)
	if err := c.CancelRequest(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-done, "57014", "canceling statement due to user request")
	if _, err := c.Exec(context.Background(), "rows 1").ReadAll(); err != nil {
		t.Fatalf("the connection is of no use after a cancel: %v", err)
	}
}

func TestCancelRequestWithAWrongKeyDoesNothing(t *testing.T) {
	s := serve(t, nil)
	r := s.raw()
	r.send(&pgproto3.Query{String: "sleep"})
	s.sleeping(1)
	x := s.dial()
	x.send(&pgproto3.CancelRequest{ProcessID: uint32(s.fake.starts[0].PID), SecretKey: []byte{1, 2, 3, 4}})
	x.eof()
	select {
	case err := <-s.fake.causes:
		t.Fatalf("cancelled: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if !s.CancelBackend(s.fake.starts[0].PID) || s.CancelBackend(99999) {
		t.Error("CancelBackend does not know who is there")
	}
	r.want('Z', "T:n/20/0 E:ERROR:57014 Z:I")
	// Nothing runs: nothing to cancel.
	s.CancelBackend(s.fake.starts[0].PID)
	r.send(&pgproto3.Query{String: "update"})
	r.want('Z', "C:UPDATE Z:I")
}

func TestCancelInTheExtendedProtocol(t *testing.T) {
	s := serve(t, nil)
	r := s.raw()
	r.send(parse("", "sleep"), bind("", ""), exec("", 0), parse("", "update"), syncMsg)
	s.sleeping(1)
	s.CancelBackend(s.fake.starts[0].PID)
	r.want('Z', "1 2 E:ERROR:57014 Z:I")
}

func TestLostClientCancelsItsStatement(t *testing.T) {
	s := serve(t, nil)
	for _, lose := range []func(*raw){
		func(r *raw) { _ = r.conn.Close() },
		func(r *raw) { r.send(&pgproto3.Terminate{}); _ = r.conn.Close() },
	} {
		r := s.raw()
		r.send(&pgproto3.Query{String: "sleep"})
		s.sleeping(1)
		start := time.Now()
		lose(r)
		if err := s.cause(); pgerror.CodeOf(err) != pgerror.ConnectionFailure {
			t.Errorf("cause is %v", err)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("it took %v", d)
		}
		s.sleeping(0)
	}
}

func TestLostClientStopsAStream(t *testing.T) {
	s := serve(t, nil)
	r := s.raw()
	r.send(&pgproto3.Query{String: "rows 1000000000"})
	time.Sleep(20 * time.Millisecond)
	_ = r.conn.Close()
	for range 500 {
		if s.Sessions() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the session goes on")
}

func TestTerminateBackend(t *testing.T) {
	s := serve(t, nil)
	idle, busy := s.raw(), s.raw()
	busy.send(&pgproto3.Query{String: "sleep"})
	s.sleeping(1)
	for _, start := range s.fake.starts {
		if !s.TerminateBackend(start.PID) {
			t.Error("no such session")
		}
	}
	idle.want('E', "E:FATAL:57P01")
	idle.eof()
	busy.want('E', "T:n/20/0 E:FATAL:57P01")
	busy.eof()
}

func TestShutdownLetsStatementsFinish(t *testing.T) {
	s := serve(t, nil)
	idle, busy := s.raw(), s.raw()
	busy.send(&pgproto3.Query{String: "sleep"})
	s.sleeping(1)
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.want('E', "E:FATAL:57P01")
	select {
	case <-done:
		t.Fatal("Shutdown did not wait")
	case <-time.After(100 * time.Millisecond):
	}
	close(s.fake.release)
	busy.want('E', "T:n/20/0 rows:1 C:SELECT_1 Z:I E:FATAL:57P01")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownCancelsWhatDoesNotFinish(t *testing.T) {
	s := serve(t, nil)
	busy := s.raw()
	busy.send(&pgproto3.Query{String: "sleep"})
	s.sleeping(1)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	busy.want('E', "T:n/20/0 E:FATAL:57P01")
	busy.eof()
}

func TestShutdownClosesAClientThatDoesNotRead(t *testing.T) {
	s := serve(t, nil)
	r := s.raw()
	r.send(&pgproto3.Query{String: "rows 1000000000"})
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	start := time.Now()
	_ = s.Shutdown(ctx)
	if d := time.Since(start); d > 4*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestTerminateBackendEndsAClientThatDoesNotRead(t *testing.T) {
	s := serve(t, nil)
	r := s.raw()
	r.send(&pgproto3.Query{String: "rows 1000000000"})
	time.Sleep(50 * time.Millisecond)
	s.TerminateBackend(s.fake.starts[0].PID)
	for range 500 {
		if s.Sessions() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the session goes on")
}

func TestCancelRequestThroughTLS(t *testing.T) {
	s := serve(t, withTLS(ecdsaCert(t)))
	r := s.raw()
	r.send(&pgproto3.Query{String: "sleep"})
	s.sleeping(1)
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"postgresql"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	x := &raw{t: t, conn: conn, fe: pgproto3.NewFrontend(conn, conn)}
	x.send(&pgproto3.CancelRequest{ProcessID: r.pid, SecretKey: r.key})
	x.eof()
	r.want('Z', "T:n/20/0 E:ERROR:57014 Z:I")
}

func TestUnixSocketsAreNotEncrypted(t *testing.T) {
	s := serve(t, withTLS(ecdsaCert(t)))
	name := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	conn, err := net.Dial("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := &raw{t: t, conn: conn, fe: pgproto3.NewFrontend(conn, conn)}
	r.send(&pgproto3.SSLRequest{})
	var b [1]byte
	if _, err := conn.Read(b[:]); err != nil || b[0] != 'N' {
		t.Fatalf("got %q, %v", b[:], err)
	}
	r.send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "ann"}})
	r.until('Z')
}

func BenchmarkRoundTrip(b *testing.B) {
	c := serve(b, nil).connect("")
	for b.Loop() {
		if _, err := c.Exec(context.Background(), "rows 1").ReadAll(); err != nil {
			b.Fatal(err)
		}
	}
}
