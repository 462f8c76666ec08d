// Package local tests what several sessions do to the same local tables at the
// same time, and what one session does that the statements of tests/slt cannot
// show.
package local

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// session is a connection that runs statements one by one.
type session struct {
	t *testing.T
	c *pgconn.PgConn
}

func connect(t *testing.T, h *hubtest.Hub) session { return session{t, h.Admin(t).PgConn()} }

// try runs a statement and returns its SQLSTATE, "" for success.
func (s session) try(sql string) string {
	_, _, err := hubtest.Text(context.Background(), s.c, sql)
	var e *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return err.Error()
}

// run runs statements that succeed.
func (s session) run(list ...string) {
	s.t.Helper()
	for _, sql := range list {
		if _, _, err := hubtest.Text(context.Background(), s.c, sql); err != nil {
			s.t.Fatalf("%s\n%v", sql, err)
		}
	}
}

// value returns the first value of a query.
func (s session) value(sql string) string {
	s.t.Helper()
	_, rows, err := hubtest.Text(context.Background(), s.c, sql)
	if err != nil {
		s.t.Fatalf("%s\n%v", sql, err)
	}
	if len(rows) == 0 {
		return "no row"
	}
	return rows[0][0]
}

// blocked starts a statement that has to wait, and returns its outcome later.
func (s session) blocked(sql string) <-chan string {
	s.t.Helper()
	out := make(chan string, 1)
	go func() { out <- s.try(sql) }()
	select {
	case code := <-out:
		s.t.Fatalf("%s does not wait: %q", sql, code)
	case <-time.After(150 * time.Millisecond):
	}
	return out
}

func TestExplainAnalyzeWritesLikeTheStatement(t *testing.T) {
	h := hubtest.Start(t)
	a, b := connect(t, h), connect(t, h)
	a.run("CREATE TABLE t (a int)", "EXPLAIN ANALYZE INSERT INTO t VALUES (1), (2)",
		"PREPARE p AS UPDATE t SET a = a + 1", "EXPLAIN ANALYZE EXECUTE p", "EXPLAIN (ANALYZE) DELETE FROM t WHERE a = 2")
	if got := a.value("SELECT string_agg(a::text, ',') FROM t"); got != "3" {
		t.Errorf("the table holds %s", got)
	}
	a.run("BEGIN READ ONLY")
	if code := a.try("EXPLAIN ANALYZE DELETE FROM t"); code != "25006" {
		t.Errorf("EXPLAIN ANALYZE in a read-only transaction: %q", code)
	}
	a.run("ROLLBACK", "BEGIN", "INSERT INTO t VALUES (9)")
	wait := b.blocked("EXPLAIN ANALYZE DELETE FROM t")
	a.run("COMMIT")
	if code := <-wait; code != "" {
		t.Error(code)
	}
	if got := a.value("SELECT count(*) FROM t"); got != "0" {
		t.Errorf("%s rows are left", got)
	}
}

func TestWriterFindsTheTableThatIsThereAfterItsWait(t *testing.T) {
	h := hubtest.Start(t)
	a, b := connect(t, h), connect(t, h)
	for _, sql := range []string{"INSERT INTO t VALUES (2)", "UPDATE t SET a = 3", "TRUNCATE t"} {
		a.run("DROP TABLE IF EXISTS t", "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", "BEGIN", "INSERT INTO t VALUES (1)")
		wait := b.blocked(sql)
		a.run("DROP TABLE t", "CREATE TABLE t (a int, b int)", "COMMIT")
		if code := <-wait; code != "" {
			t.Errorf("%s: %s", sql, code)
		}
		a.run("BEGIN", "INSERT INTO t VALUES (1)")
		wait = b.blocked(sql)
		a.run("DROP TABLE t", "COMMIT")
		if code := <-wait; code != "42P01" {
			t.Errorf("%s: %q", sql, code)
		}
	}
	// A transaction that has changed the catalog sees it as it was.
	a.run("CREATE TABLE t (a int)", "BEGIN", "INSERT INTO t VALUES (1)")
	b.run("BEGIN", "CREATE TABLE other (a int)")
	wait := b.blocked("INSERT INTO t VALUES (2)")
	a.run("DROP TABLE t", "COMMIT")
	if code := <-wait; code != "40001" {
		t.Errorf("%q", code)
	}
}

func TestDropWaitsForWriters(t *testing.T) {
	h := hubtest.Start(t)
	a, b := connect(t, h), connect(t, h)
	for _, drop := range []string{"DROP TABLE s.t", "DROP SCHEMA s CASCADE"} {
		a.run("CREATE SCHEMA IF NOT EXISTS s", "CREATE TABLE s.t (a int)", "INSERT INTO s.t VALUES (1)", "BEGIN", "INSERT INTO s.t VALUES (2)")
		wait := b.blocked(drop)
		a.run("COMMIT")
		if code := <-wait; code != "" {
			t.Errorf("%s: %s", drop, code)
		}
		if code := a.try("SELECT * FROM s.t"); code != "42P01" {
			t.Errorf("after %s: %q", drop, code)
		}
	}
	// A writer that waits for the one who drops finds no table.
	a.run("CREATE TABLE t (a int)", "BEGIN", "DROP TABLE t")
	wait := b.blocked("INSERT INTO t VALUES (1)")
	a.run("COMMIT")
	if code := <-wait; code != "42P01" {
		t.Errorf("%q", code)
	}
	a.run("CREATE TABLE t (a int)", "BEGIN", "DROP TABLE t")
	wait = b.blocked("INSERT INTO t VALUES (1)")
	a.run("ROLLBACK")
	if code := <-wait; code != "" {
		t.Error(code)
	}
	if got := a.value("SELECT count(*) FROM t"); got != "1" {
		t.Errorf("%s rows", got)
	}
}
