// Package hubtest starts a hub inside the test process, on a free loopback port
// and a temporary data directory.
package hubtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/cmd/hubsql/server"
)

// Hub is a running server with the superuser "hubsql".
type Hub struct {
	Host, Password string
	Port           int
	DataDir        string
	log            record
}

// record keeps what the server logs and shows it.
type record struct {
	sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (r *record) Write(p []byte) (int, error) {
	r.Lock()
	defer r.Unlock()
	r.text.Write(p)
	return os.Stderr.Write(p)
}

// Start runs a hub until the test ends.
func Start(t testing.TB) *Hub {
	t.Helper()
	return StartWith(t, func(*server.Config) {})
}

// StartWith runs a hub whose configuration edit has changed.
func StartWith(t testing.TB, edit func(*server.Config)) *Hub {
	t.Helper()
	h := &Hub{Password: "hub's pass", DataDir: t.TempDir()}
	h.run(t, edit)
	return h
}

// Log returns what the server has logged.
func (h *Hub) Log() string {
	h.log.Lock()
	defer h.log.Unlock()
	return h.log.text.String()
}

// run starts the server on h.DataDir. At the end of the test no query may have
// kept memory.
func (h *Hub) run(t testing.TB, edit func(*server.Config)) {
	t.Helper()
	c := &server.Config{
		DataDir: h.DataDir, Listen: "127.0.0.1:0", Auth: "scram-sha-256", MemoryLimit: 2 << 30,
		MaxConnections: 100, Database: "hubsql", LogLevel: "warn", DrainTimeout: 10 * time.Second,
		Superuser: "hubsql", SuperuserPassword: h.Password,
	}
	edit(c)
	hub, err := server.Open(c, &h.log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	addr := make(chan net.Addr, 1)
	go func() { ended <- hub.Run(ctx, func(a net.Addr) { addr <- a }) }()
	select {
	case a := <-addr:
		h.Host = a.(*net.TCPAddr).IP.String()
		h.Port = a.(*net.TCPAddr).Port
	case err := <-ended:
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := hub.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(h.Log(), "memory reserved") {
			t.Error("a query ended with memory reserved")
		}
	})
}

// URL returns a connection string for a role.
func (h *Hub) URL(user, password string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password),
		Host: net.JoinHostPort(h.Host, strconv.Itoa(h.Port)), Path: "/hubsql", RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Connect opens a connection that the test's end closes.
func (h *Hub) Connect(t testing.TB, user, password string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), h.URL(user, password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// Admin opens a connection as the superuser.
func (h *Hub) Admin(t testing.TB) *pgx.Conn { return h.Connect(t, "hubsql", h.Password) }

// Exec runs statements as the superuser.
func (h *Hub) Exec(t testing.TB, statements ...string) {
	t.Helper()
	c := h.Admin(t)
	for _, s := range statements {
		if _, err := c.PgConn().Exec(context.Background(), s).ReadAll(); err != nil {
			t.Fatalf("%v\n%.500s", err, s)
		}
	}
}

// Text runs one statement by the simple protocol and returns every value as the
// server printed it, NULL as "NULL", and the columns' names and type OIDs,
// "user" for a type that users have made.
func Text(ctx context.Context, c *pgconn.PgConn, sql string) (columns []string, rows [][]string, err error) {
	r := c.Exec(ctx, sql)
	defer r.Close()
	for r.NextResult() {
		rr := r.ResultReader()
		columns, rows = nil, nil
		for _, f := range rr.FieldDescriptions() {
			oid := fmt.Sprint(f.DataTypeOID)
			if f.DataTypeOID >= 16384 {
				oid = "user" // made by users: not the same on two servers
			}
			columns = append(columns, f.Name+":"+oid)
		}
		for rr.NextRow() {
			row := make([]string, len(rr.Values()))
			for i, v := range rr.Values() {
				row[i] = "NULL"
				if v != nil {
					row[i] = string(v)
				}
			}
			rows = append(rows, row)
		}
		if _, err := rr.Close(); err != nil {
			return columns, rows, err
		}
	}
	return columns, rows, r.Close()
}
