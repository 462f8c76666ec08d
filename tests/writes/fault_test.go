package writes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// proxy passes bytes on until a client sends a needle.
type proxy struct {
	net.Listener
	to string

	mu     sync.Mutex
	needle []byte
	pass   bool // the needle still reaches the server, its answer does not come back
}

// newProxy starts a proxy to an address; the test's end stops it.
func newProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: to}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

// arm sets the needle, "" for none.
func (p *proxy) arm(needle string, pass bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.needle, p.pass = []byte(needle), pass
}

// serve passes one connection on.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		hit, pass := len(p.needle) > 0 && bytes.Contains(buf[:n], p.needle), p.pass
		p.mu.Unlock()
		if hit {
			client.(*net.TCPConn).SetLinger(0)
			client.Close()
			if pass {
				server.Write(buf[:n])
				time.Sleep(200 * time.Millisecond)
			}
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// TestLostConnections cuts the connection of a transaction at a source: what is
// not known to be committed is never reported as done, and nothing is half there.
func TestLostConnections(t *testing.T) {
	hub := hubtest.Start(t)
	c := hub.Admin(t).PgConn()
	for _, s := range sources(t, hub)[:2] {
		t.Run(s.name, func(t *testing.T) {
			p := newProxy(t, s.address)
			hub.Exec(t, fmt.Sprintf("ALTER SERVER %s OPTIONS (SET port '%d')", s.name, p.Addr().(*net.TCPAddr).Port))
			expect := func(sql, want string) {
				t.Helper()
				run := tag
				if sql[0] == 'S' {
					run = answer
				}
				if got := run(t, c, sql); got != want {
					t.Errorf("%s\ngot  %s\nwant %s", sql, got, want)
				}
			}
			item := s.name + ".item"
			count := "SELECT count(*) FROM " + item
			expect("INSERT INTO "+item+" (id, name) VALUES (1, 'kept')", "INSERT 0 1")
			// In the middle of the rows.
			p.arm("needle", false)
			expect("INSERT INTO "+item+" (id, name) SELECT g, CASE g WHEN 200000 THEN 'needle' ELSE 'hay' END FROM generate_series(2, 300000) g", "error 08006")
			p.arm("", false)
			expect(count, "1")
			// At COMMIT, before and after the server has seen it.
			p.arm("COMMIT", false)
			expect("INSERT INTO "+item+" (id, name) VALUES (2, 'x')", "error 08007")
			p.arm("", false)
			expect(count, "1")
			p.arm("COMMIT", true)
			expect("INSERT INTO "+item+" (id, name) VALUES (3, 'y')", "error 08007")
			p.arm("", false)
			expect(count, "2")
			// Between the statements of a transaction.
			expect("BEGIN", "BEGIN")
			expect("UPDATE "+item+" SET name = 'changed'", "UPDATE 2")
			p.arm("SELECT", false)
			expect(count, "error 08006")
			p.arm("", false)
			expect("COMMIT", "ROLLBACK")
			expect("SELECT name FROM "+item+" ORDER BY id", "kept;y")
			expect("BEGIN", "BEGIN")
			expect("DELETE FROM "+item, "DELETE 2")
			p.arm("SAVEPOINT", false)
			expect("SAVEPOINT a", "error 08006")
			p.arm("", false)
			expect("ROLLBACK", "ROLLBACK")
			expect(count, "2")
			// A statement that waits for a lock at the source ends when it is cancelled.
			other := hub.Admin(t).PgConn()
			tag(t, other, "BEGIN")
			tag(t, other, "UPDATE "+item+" SET name = 'mine'")
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			ended := make(chan error, 1)
			go func() {
				_, err := c.Exec(ctx, "DELETE FROM "+item).ReadAll()
				ended <- err
			}()
			time.Sleep(500 * time.Millisecond)
			begun := time.Now()
			if err := c.CancelRequest(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := <-ended
			var e *pgconn.PgError
			if !errors.As(err, &e) || e.Code != "57014" || time.Since(begun) > 2*time.Second {
				t.Errorf("a cancelled DELETE ended with %v after %s", err, time.Since(begun))
			}
			tag(t, other, "ROLLBACK")
			expect(count, "2")
		})
	}
}
