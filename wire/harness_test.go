package wire_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"go.uber.org/goleak"

	"github.com/hubsql/hubsql/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type server struct {
	*wire.Server
	t    testing.TB
	fake *fakeBackend
	addr string
}

// serve starts a server on a loopback port; cfg may change its configuration.
func serve(t testing.TB, change func(*wire.Config)) *server {
	t.Helper()
	fake := newFake()
	cfg := wire.Config{Backend: fake, Log: discard(), Auth: wire.AuthTrust}
	if change != nil {
		change(&cfg)
	}
	s, err := wire.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-done; err != wire.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
		if n := fake.open.Load(); n != 0 {
			t.Errorf("%d portals were not closed", n)
		}
	})
	return &server{Server: s, t: t, fake: fake, addr: ln.Addr().String()}
}

func (s *server) url(extra string) string {
	return "postgres://ann@" + s.addr + "/hub?sslmode=disable" + extra
}

// connect opens a pgconn connection.
func (s *server) connect(extra string) *pgconn.PgConn {
	s.t.Helper()
	c, err := pgconn.Connect(context.Background(), s.url(extra))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// pgx opens a pgx connection.
func (s *server) pgx(extra string) *pgx.Conn {
	s.t.Helper()
	c, err := pgx.Connect(context.Background(), s.url(extra))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// raw is a client that speaks single messages.
type raw struct {
	t    testing.TB
	conn net.Conn
	fe   *pgproto3.Frontend
	pid  uint32
	key  []byte
}

// dial opens a socket without a startup packet.
func (s *server) dial() *raw {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return &raw{t: s.t, conn: conn, fe: pgproto3.NewFrontend(conn, conn)}
}

// raw opens a socket and reads up to the first ReadyForQuery.
func (s *server) raw(params ...string) *raw {
	s.t.Helper()
	r := s.dial()
	m := map[string]string{"user": "ann", "database": "hub"}
	for i := 0; i < len(params); i += 2 {
		m[params[i]] = params[i+1]
	}
	r.fe.Send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: m})
	r.flush()
	r.until('Z')
	return r
}

func (r *raw) flush() {
	r.t.Helper()
	if err := r.fe.Flush(); err != nil {
		r.t.Fatal(err)
	}
}

// send sends messages in one write.
func (r *raw) send(messages ...pgproto3.FrontendMessage) {
	r.t.Helper()
	for _, m := range messages {
		r.fe.Send(m)
	}
	r.flush()
}

// until reads up to the message of that type and returns a transcript: one
// word per message, rows counted.
func (r *raw) until(last byte) string {
	r.t.Helper()
	var out []string
	rows := 0
	for {
		m, err := r.fe.Receive()
		if err != nil {
			r.t.Fatalf("after %q: %v", strings.Join(out, " "), err)
		}
		if _, ok := m.(*pgproto3.DataRow); ok {
			rows++
			continue
		}
		if rows > 0 {
			out = append(out, fmt.Sprintf("rows:%d", rows))
			rows = 0
		}
		if k, ok := m.(*pgproto3.BackendKeyData); ok {
			r.pid, r.key = k.ProcessID, append([]byte(nil), k.SecretKey...)
		}
		word, typ := describe(m)
		out = append(out, word)
		if typ == last {
			return strings.Join(out, " ")
		}
	}
}

func describe(m pgproto3.BackendMessage) (string, byte) {
	switch m := m.(type) {
	case *pgproto3.ReadyForQuery:
		return "Z:" + string(m.TxStatus), 'Z'
	case *pgproto3.ParseComplete:
		return "1", '1'
	case *pgproto3.BindComplete:
		return "2", '2'
	case *pgproto3.CloseComplete:
		return "3", '3'
	case *pgproto3.CommandComplete:
		return "C:" + strings.ReplaceAll(string(m.CommandTag), " ", "_"), 'C'
	case *pgproto3.ErrorResponse:
		return "E:" + m.Severity + ":" + m.Code, 'E'
	case *pgproto3.NoticeResponse:
		return "N:" + m.Severity + ":" + m.Message, 'N'
	case *pgproto3.RowDescription:
		var f []string
		for _, c := range m.Fields {
			f = append(f, fmt.Sprintf("%s/%d/%d", c.Name, c.DataTypeOID, c.Format))
		}
		return "T:" + strings.Join(f, ","), 'T'
	case *pgproto3.ParameterDescription:
		return strings.ReplaceAll(fmt.Sprintf("t:%v", m.ParameterOIDs), " ", ","), 't'
	case *pgproto3.NoData:
		return "n", 'n'
	case *pgproto3.PortalSuspended:
		return "s", 's'
	case *pgproto3.EmptyQueryResponse:
		return "I", 'I'
	case *pgproto3.ParameterStatus:
		return "S:" + m.Name + "=" + m.Value, 'S'
	case *pgproto3.BackendKeyData:
		return "K", 'K'
	case *pgproto3.AuthenticationOk:
		return "R", 'R'
	case *pgproto3.CopyOutResponse:
		return "H", 'H'
	case *pgproto3.CopyData:
		return "d", 'd'
	case *pgproto3.CopyDone:
		return "c", 'c'
	}
	return fmt.Sprintf("%T", m), 0
}

// eof checks that the server has closed the connection.
func (r *raw) eof() {
	r.t.Helper()
	if m, err := r.fe.Receive(); err == nil {
		word, _ := describe(m)
		r.t.Fatalf("got %s instead of the end", word)
	}
}

func (r *raw) want(last byte, transcript string) {
	r.t.Helper()
	if got := r.until(last); got != transcript {
		r.t.Errorf("got\n  %s\nwant\n  %s", got, transcript)
	}
}
