// Package faults breaks things under a running hub: sources that die, files that
// vanish, clients that cancel or go away, queries that want too much. Whatever
// happens, the error says what and where, everything is given back, and the hub
// and its other sources go on.
package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/parquet-go/parquet-go"

	_ "modernc.org/sqlite" // writes the SQLite source

	"github.com/hubsql/hubsql/cmd/hubsql/server"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// patience bounds what has to happen within a second; machines of continuous
// integration are slow.
const patience = 3 * time.Second

// fast is how many rows the slow views give at once.
const fast = 20000

// world is a hub over all kinds of sources. In PostgreSQL and MariaDB there are
// views that give some rows and then take their time (slow), and that give
// nothing for a minute (blocked).
type world struct {
	pg    *harness.PG
	maria *harness.Maria
	hub   *hubtest.Hub
	dir   string
}

// line is a row of the files.
type line struct {
	I    int64  `parquet:"i"`
	Text string `parquet:"text"`
}

// fileRows is how many rows the files have.
const fileRows = 100000

func (l *line) set(i int) {
	l.I, l.Text = int64(i), fmt.Sprintf("row %d of the file %x", i, uint32(i)*2654435761)
}

// writeFiles writes big.csv and big.parquet.
func writeFiles(t *testing.T, dir string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("i,text\n")
	f, err := os.Create(filepath.Join(dir, "big.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[line](f, parquet.MaxRowsPerRowGroup(5000))
	rows := make([]line, 1000)
	for i := 0; i < fileRows; i += len(rows) {
		for k := range rows {
			rows[k].set(i + k)
			fmt.Fprintf(&b, "%d,%s\n", rows[k].I, rows[k].Text)
		}
		if _, err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close(), os.WriteFile(filepath.Join(dir, "big.csv"), []byte(b.String()), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T, edit func(*server.Config)) *world {
	t.Helper()
	w := &world{pg: harness.Postgres(t), maria: harness.MariaDB(t), hub: hubtest.StartWith(t, edit), dir: t.TempDir()}
	w.pg.Database(t, "shop", "")
	w.pg.Exec(t, "shop", "CREATE TABLE small AS SELECT g AS i, 'pg ' || g AS text FROM generate_series(1, 100) g",
		fmt.Sprintf("CREATE VIEW slow AS SELECT g AS i, repeat('x', 100) || CASE WHEN g > %d THEN pg_sleep(0.05)::text ELSE '' END AS text FROM generate_series(1, 1000000) g", fast),
		"CREATE VIEW blocked AS SELECT 1 AS i, pg_sleep(60)::text AS text")
	// What a test writes must survive a crash of the server.
	w.maria.Exec(t, "", "SET GLOBAL innodb_flush_log_at_trx_commit = 1")
	w.maria.Exec(t, "", "DROP DATABASE IF EXISTS shop", "CREATE DATABASE shop")
	w.maria.Exec(t, "shop", "CREATE TABLE small (i int, text varchar(100))", "INSERT INTO small SELECT seq, concat('maria ', seq) FROM seq_1_to_100",
		fmt.Sprintf("CREATE VIEW slow AS SELECT seq AS i, concat(repeat('x', 100), IF(seq > %d, SLEEP(0.05), '')) AS text FROM seq_1_to_1000000", fast),
		"CREATE VIEW blocked AS SELECT 1 AS i, concat(SLEEP(60)) AS text")
	lite, err := sql.Open("sqlite", filepath.Join(w.dir, "small.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	if _, err := lite.Exec("CREATE TABLE small (i int, text text); WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 100) INSERT INTO small SELECT i, 'lite ' || i FROM r"); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, w.dir)
	w.hub.Exec(t, "CREATE SCHEMA pg", "CREATE SCHEMA maria", "CREATE SCHEMA lite",
		fmt.Sprintf("CREATE SERVER shop_pg FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'shop', sslmode 'disable')", w.pg.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER shop_pg OPTIONS (user '%s', password %s)", w.pg.User, quote(w.pg.Password)),
		fmt.Sprintf("CREATE SERVER shop_maria FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '127.0.0.1', port '%d')", w.maria.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER shop_maria OPTIONS (username '%s', password %s)", w.maria.User, quote(w.maria.Password)),
		"CREATE SERVER shop_lite FOREIGN DATA WRAPPER sqlite_fdw OPTIONS (database "+quote(filepath.Join(w.dir, "small.db"))+")",
		"CREATE SERVER shop_csv FOREIGN DATA WRAPPER file_fdw", "CREATE SERVER shop_parquet FOREIGN DATA WRAPPER parquet_fdw",
		"IMPORT FOREIGN SCHEMA public FROM SERVER shop_pg INTO pg", "IMPORT FOREIGN SCHEMA shop FROM SERVER shop_maria INTO maria", "IMPORT FOREIGN SCHEMA main FROM SERVER shop_lite INTO lite",
		"CREATE FOREIGN TABLE big_csv (i int8, text text) SERVER shop_csv OPTIONS (filename "+quote(filepath.Join(w.dir, "big.csv"))+", format 'csv', header 'true')",
		"CREATE FOREIGN TABLE big_parquet (i int8, text text) SERVER shop_parquet OPTIONS (filename "+quote(filepath.Join(w.dir, "big.parquet"))+")",
	)
	return w
}

func quote(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}

// connect opens a connection as the superuser.
func (w *world) connect(t testing.TB) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), w.hub.URL("hubsql", w.hub.Password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// run executes statements and returns the last one's rows, or the error.
func run(c *pgconn.PgConn, sql string) (string, error) {
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	_, rows, err := hubtest.Text(ctx, c, sql)
	var lines []string
	for _, r := range rows {
		lines = append(lines, strings.Join(r, "|"))
	}
	return strings.Join(lines, ";"), err
}

// must executes statements that work.
func must(t *testing.T, c *pgconn.PgConn, sql string) string {
	t.Helper()
	out, err := run(c, sql)
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return out
}

// fails checks the error of a statement: its SQLSTATE is one of codes, and its
// text holds every part.
func fails(t *testing.T, err error, codes string, parts ...string) {
	t.Helper()
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		t.Errorf("got %v, want an error %s", err, codes)
		return
	}
	text := fmt.Sprintf("%s: %s; %s; %s", pe.Code, pe.Message, pe.Detail, pe.Hint+"; "+pe.Where)
	ok := codes == ""
	for code := range strings.FieldsSeq(codes) {
		ok = ok || strings.HasPrefix(pe.Code, code)
	}
	for _, p := range parts {
		ok = ok && strings.Contains(text, p)
	}
	if !ok {
		t.Errorf("got %s\nwant %s with %q", text, codes, parts)
	}
}

// others checks that the hub answers from every source but the broken one.
func (w *world) others(t *testing.T, broken string) {
	t.Helper()
	c := w.connect(t)
	for _, table := range []string{"pg.small", "maria.small", "lite.small"} {
		if strings.HasPrefix(table, broken) {
			continue
		}
		if got := must(t, c, "SELECT count(*) FROM "+table); got != "100" {
			t.Errorf("%s: %s", table, got)
		}
	}
}
