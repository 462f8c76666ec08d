package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/cmd/hubsql/server"
)

func containsAny(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// endless are statements that run for very long, each at another point.
var endless = map[string]string{
	"remote scan blocked, PostgreSQL": "SELECT * FROM pg.blocked",
	"remote scan blocked, MariaDB":    "SELECT * FROM maria.blocked",
	"remote scan dripping":            "SELECT count(*) FROM pg.slow",
	"remote scan dripping, MariaDB":   "SELECT count(md5(text)) FROM maria.slow",
	"join over a blocked scan":        "SELECT * FROM lite.small a JOIN pg.blocked b USING (i) JOIN maria.blocked c USING (i)",
	"union over blocked scans":        "SELECT i FROM lite.small UNION ALL SELECT i FROM pg.blocked UNION ALL SELECT i FROM maria.blocked",
	"aggregate of a series":           "SELECT count(*), sum(g) FROM generate_series(1, 1000000000000) g",
	"grouping":                        "SELECT g % 10, count(*) FROM generate_series(1, 1000000000000) g GROUP BY 1",
	"filter of a series":              "SELECT g FROM generate_series(1, 1000000000000) g WHERE g < 0",
	"nested loop":                     "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a * 7 + b < 0",
	"hash join with few keys":         "SELECT count(*) FROM generate_series(1, 1000000) a JOIN generate_series(1, 1000000) b ON a % 3 = b % 3",
	"sort":                            "SELECT * FROM (SELECT md5(g::text) AS m FROM generate_series(1, 6000000) g) x ORDER BY m",
	"top-N":                           "SELECT g FROM generate_series(1, 1000000000000) g ORDER BY g DESC LIMIT 5",
	"correlated subquery":             "SELECT count(*) FROM generate_series(1, 100000) a WHERE EXISTS (SELECT 1 FROM generate_series(1, 100000) b WHERE b * 3 % (a + 1) = a + 7)",
	"window":                          "SELECT sum(s) FROM (SELECT sum(g) OVER (ORDER BY g ROWS BETWEEN 100000 PRECEDING AND CURRENT ROW) s FROM generate_series(1, 3000000) g) x",
	"wait at the hub":                 "SELECT pg_sleep(60)",
	"set-returning in the list":       "SELECT count(*) FROM (SELECT generate_series(1, 1000000000000)) x",
	"DISTINCT over a cross join":      "SELECT count(*) FROM (SELECT DISTINCT a % 7 FROM generate_series(1, 10000000) a, generate_series(1, 1000000) b) x",
	"EXPLAIN ANALYZE":                 "EXPLAIN ANALYZE SELECT count(*) FROM generate_series(1, 1000000000000) g",
	"COPY":                            "COPY (SELECT count(*) FROM generate_series(1, 1000000000000)) TO STDOUT",
	"cursor":                          "BEGIN; DECLARE c CURSOR FOR SELECT count(*) FROM generate_series(1, 1000000000000); FETCH ALL FROM c",
	"cross join of files":             "SELECT count(*) FROM big_csv a, big_parquet b WHERE a.i + b.i < 0",
	"concatenation of strings":        "SELECT length(string_agg(g::text, ',')) FROM generate_series(1, 1000000000000) g WHERE g < 0",
}

// soon fails when more than patience has passed.
func soon(t *testing.T, began time.Time, what string) {
	t.Helper()
	if took := time.Since(began); took > patience {
		t.Errorf("%s took %v", what, took)
	}
}

// active returns the statements that run at the hub, but this one.
func active(t *testing.T, c *pgconn.PgConn) string {
	return must(t, c, "SELECT pid, query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()")
}

// quiet waits until nothing runs at the hub any more.
func quiet(t *testing.T, c *pgconn.PgConn) {
	t.Helper()
	began := time.Now()
	for active(t, c) != "" {
		if time.Since(began) > patience {
			t.Fatalf("still running: %s", active(t, c))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// sourcesQuiet waits until no statement sleeps at a source.
func (w *world) sourcesQuiet(t *testing.T) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), w.pg.URL("shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	began := time.Now()
	for {
		running := must(t, c, "SELECT query FROM pg_stat_activity WHERE state = 'active' AND datname = 'shop' AND pid <> pg_backend_pid()")
		if running == "" {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("still running at the source: %s", running)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestCancelWithinASecondAnywhere(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	watch := w.connect(t)
	for name, sql := range endless {
		t.Run(name, func(t *testing.T) {
			t.Run("CancelRequest", func(t *testing.T) {
				c := w.connect(t)
				var canceled time.Time
				done := make(chan struct{})
				go func() {
					defer close(done)
					time.Sleep(300 * time.Millisecond)
					canceled = time.Now()
					if err := c.CancelRequest(context.Background()); err != nil {
						t.Error(err)
					}
				}()
				_, err := run(c, sql)
				<-done
				fails(t, err, "57014", "canceling statement due to user request")
				soon(t, canceled, "the cancel")
				if _, err := run(c, "ROLLBACK; SELECT 1"); err != nil {
					t.Error("the connection is gone:", err)
				}
			})
			t.Run("statement_timeout", func(t *testing.T) {
				c := w.connect(t)
				must(t, c, "SET statement_timeout = 200")
				began := time.Now()
				_, err := run(c, sql)
				fails(t, err, "57014", "canceling statement due to statement timeout")
				soon(t, began, "the timeout")
			})
			t.Run("disconnect", func(t *testing.T) {
				c := w.connect(t)
				ctx, stop := context.WithTimeout(context.Background(), 200*time.Millisecond)
				defer stop()
				// Closes the socket when the context ends.
				if _, err := c.Exec(ctx, sql).ReadAll(); err == nil {
					t.Error("it ended")
				}
				quiet(t, watch)
			})
		})
	}
	quiet(t, watch)
	w.sourcesQuiet(t)
	w.others(t, "none")
}

// TestACancelAtAnyMoment: also a cancel that overtakes the statement on its way
// to the source ends it there.
func TestACancelAtAnyMoment(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	r := rand.New(rand.NewPCG(5, 6))
	for _, table := range []string{"pg.blocked", "maria.blocked"} {
		c := w.connect(t)
		must(t, c, "SELECT count(*) FROM "+strings.Replace(table, "blocked", "small", 1))
		for range 40 {
			stop := time.AfterFunc(time.Duration(r.IntN(6000))*time.Microsecond, func() { _ = c.CancelRequest(context.Background()) })
			began := time.Now()
			again := time.AfterFunc(patience/2, func() { _ = c.CancelRequest(context.Background()) }) // the first may have come too early
			_, err := run(c, "SELECT * FROM "+table)
			stop.Stop()
			again.Stop()
			fails(t, err, "57014")
			soon(t, began, "the cancel")
		}
	}
	w.sourcesQuiet(t)
}

func TestAResultThatNobodyReads(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	watch := w.connect(t)
	const sql = "SELECT g, repeat('x', 1000) FROM generate_series(1, 1000000000000) g"
	t.Run("cancel", func(t *testing.T) {
		c := w.connect(t)
		r := c.Exec(t.Context(), sql)
		time.Sleep(300 * time.Millisecond)
		began := time.Now()
		if err := c.CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		for r.NextResult() {
			for rr := r.ResultReader(); rr.NextRow(); {
			}
		}
		fails(t, r.Close(), "57014")
		soon(t, began, "the cancel")
	})
	t.Run("disconnect", func(t *testing.T) {
		c := w.connect(t)
		c.Exec(t.Context(), sql)
		time.Sleep(300 * time.Millisecond)
		c.Conn().Close()
		quiet(t, watch)
	})
	t.Run("termination", func(t *testing.T) {
		c := w.connect(t)
		pid := c.PID()
		c.Exec(t.Context(), sql)
		time.Sleep(300 * time.Millisecond)
		must(t, watch, fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid))
		quiet(t, watch)
	})
}

// TestGoroutinesEnd: after many statements of which a part is cancelled or
// abandoned no goroutine is left.
func TestGoroutinesEnd(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	statements := []string{
		"SELECT count(*) FROM pg.small a JOIN maria.small b USING (i) JOIN lite.small c USING (i)", "SELECT * FROM big_csv WHERE i < 10", "SELECT * FROM big_parquet ORDER BY text LIMIT 3",
		"SELECT i FROM pg.slow LIMIT 5", "SELECT text FROM maria.slow LIMIT 5", "SELECT 1 / (i - 50) FROM lite.small", "SELECT * FROM pg.nosuch", "SELECT text::int FROM maria.small",
		"SELECT count(*) FROM big_csv a JOIN big_parquet b USING (i)", "SELECT i FROM pg.small UNION SELECT i FROM lite.small EXCEPT SELECT i FROM maria.small",
		"SELECT g, g FROM generate_series(1, 100000) g", "SELECT * FROM big_csv",
	}
	for _, s := range endless {
		statements = append(statements, s)
	}
	work := func(n int) {
		var workers sync.WaitGroup
		for worker := range 5 {
			workers.Go(func() {
				r := rand.New(rand.NewPCG(uint64(worker), 7))
				for range n {
					c, err := pgconn.Connect(context.Background(), w.hub.URL("hubsql", w.hub.Password))
					if err != nil {
						t.Error(err)
						return
					}
					sql := statements[r.IntN(len(statements))]
					pause := time.Duration(20+r.IntN(150)) * time.Millisecond
					ctx, stop := context.WithCancel(context.Background())
					timer := time.AfterFunc(pause, func() {
						if r.IntN(2) == 0 {
							stop() // breaks the connection
						} else if err := c.CancelRequest(context.Background()); err != nil {
							stop()
						}
					})
					_, err = c.Exec(ctx, sql).ReadAll()
					if pe := (*pgconn.PgError)(nil); err != nil && errorsAs(err, &pe) && strings.HasPrefix(pe.Code, "XX") {
						t.Errorf("%s: %v", sql, err)
					}
					timer.Stop()
					c.Close(context.Background())
					stop()
				}
			})
		}
		workers.Wait()
	}
	work(3) // opens the sources, whose own goroutines stay
	quiet(t, w.connect(t))
	before := settled()
	work(40)
	quiet(t, w.connect(t))
	after := settled()
	// The pools of the sources may hold some more connections than before.
	if after > before+20 {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after\n%s", before, after, buf[:runtime.Stack(buf, true)])
	}
	w.sourcesQuiet(t)
	w.others(t, "none")
}

// settled is the number of goroutines once it no longer falls.
func settled() int {
	n := runtime.NumGoroutine()
	for calm := 0; calm < 10; calm++ {
		time.Sleep(50 * time.Millisecond)
		if now := runtime.NumGoroutine(); now < n {
			n, calm = now, 0
		}
	}
	return n
}
