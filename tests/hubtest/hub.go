// Package hubtest starts a hub inside the test process, on a free loopback port
// and a temporary data directory.
package hubtest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
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
}

// Start runs a hub until the test ends.
func Start(t testing.TB) *Hub {
	t.Helper()
	h := &Hub{Password: "hub's pass", DataDir: t.TempDir()}
	h.run(t)
	return h
}

// run starts the server on h.DataDir.
func (h *Hub) run(t testing.TB) {
	t.Helper()
	c := &server.Config{
		DataDir: h.DataDir, Listen: "127.0.0.1:0", Auth: "scram-sha-256", MemoryLimit: 2 << 30,
		MaxConnections: 100, Database: "hubsql", LogLevel: "warn", DrainTimeout: 10 * time.Second,
		Superuser: "hubsql", SuperuserPassword: h.Password,
	}
	hub, err := server.Open(c, os.Stderr)
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
// server printed it, NULL as "NULL", and the columns' names and type OIDs.
func Text(ctx context.Context, c *pgconn.PgConn, sql string) (columns []string, rows [][]string, err error) {
	r := c.Exec(ctx, sql)
	defer r.Close()
	for r.NextResult() {
		rr := r.ResultReader()
		columns, rows = nil, nil
		for _, f := range rr.FieldDescriptions() {
			columns = append(columns, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
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
