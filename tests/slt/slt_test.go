// Package slt runs files of the public sqllogictest dialect: CREATE TABLE,
// INSERT and queries against HubSQL's local tables, and against a PostgreSQL in
// an empty database beside it. What PostgreSQL answers as the file says, HubSQL
// must answer, too; and whatever a statement is, both must agree about it:
// command tag, rows, SQLSTATE and message.
//
// `make slt DIR=...` runs every .test file below a directory.
package slt

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

var (
	dir    = flag.String("dir", "testdata", "directory whose .test files are run")
	strict = flag.Bool("strict", true, "whether both servers must agree about every statement, not only where PostgreSQL passes")
)

// record is one statement or query of a file.
type record struct {
	line  int
	sql   string
	query bool
	// fails is set for "statement error".
	fails bool
	types string
	sort  string
	want  []string // as in the file: values, or one line with a hash
	// open is set for a query without an answer in the file: PostgreSQL's counts.
	open bool
}

// engine is the name by which files skip or choose records.
const engine = "postgresql"

// parse reads the records of a file up to halt.
func parse(path string) (out []record, threshold int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	skip := false
	for i := 0; i < len(lines); {
		at := i
		line := lines[i]
		i++
		if c := strings.IndexByte(line, '#'); c >= 0 {
			line = line[:c]
		}
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		body := func() (sql string, rest []string) {
			var b []string
			for i < len(lines) && strings.TrimSpace(lines[i]) != "" && lines[i] != "----" {
				b = append(b, lines[i])
				i++
			}
			if i < len(lines) && lines[i] == "----" {
				for i++; i < len(lines) && lines[i] != ""; i++ {
					rest = append(rest, lines[i])
				}
			}
			return strings.Join(b, "\n"), rest
		}
		switch f[0] {
		case "skipif":
			skip = skip || f[1] == engine
			continue
		case "onlyif":
			skip = skip || f[1] != engine
			continue
		case "halt":
			if !skip {
				return out, threshold, nil
			}
		case "hash-threshold":
			if threshold, err = strconv.Atoi(f[1]); err != nil {
				return nil, 0, fmt.Errorf("%s:%d: %w", path, at+1, err)
			}
		case "statement":
			sql, _ := body()
			if !skip {
				out = append(out, record{line: at + 1, sql: sql, fails: f[1] == "error"})
			}
		case "query":
			r := record{line: at + 1, query: true, sort: "nosort"}
			if len(f) > 1 {
				r.types = f[1]
			}
			if len(f) > 2 {
				r.sort = f[2]
			}
			r.sql, r.want = body()
			r.open = i == 0 || !slices.Contains(lines[at:i], "----")
			if !skip {
				out = append(out, r)
			}
		default:
			return nil, 0, fmt.Errorf("%s:%d: %q is not a record", path, at+1, line)
		}
		skip = false
	}
	return out, threshold, nil
}

// result is what a server answered.
type result struct {
	tag     string
	values  []string
	columns int
	err     error
}

// run executes a statement by the simple protocol.
func run(ctx context.Context, c *pgconn.PgConn, sql string) result {
	var r result
	m := c.Exec(ctx, sql)
	for m.NextResult() {
		rr := m.ResultReader()
		r.columns = len(rr.FieldDescriptions())
		for rr.NextRow() {
			for _, v := range rr.Values() {
				if v == nil {
					r.values = append(r.values, "\x00")
					continue
				}
				r.values = append(r.values, string(v))
			}
		}
		tag, err := rr.Close()
		r.tag = tag.String()
		if err != nil {
			r.err = err
		}
	}
	if err := m.Close(); err != nil && r.err == nil {
		r.err = err
	}
	return r
}

// fault prints an error without what depends on the server's version.
func fault(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pe.Code + ": " + pe.Message
	}
	return fmt.Sprint(err)
}

// render prints values as the dialect does.
func (r *record) render(got result) []string {
	out := make([]string, len(got.values))
	for i, v := range got.values {
		kind := byte('T')
		if got.columns > 0 && i%got.columns < len(r.types) {
			kind = r.types[i%got.columns]
		}
		switch {
		case v == "\x00":
			out[i] = "NULL"
		case kind == 'I':
			whole, _, _ := strings.Cut(v, ".")
			switch whole {
			case "t":
				whole = "1"
			case "f":
				whole = "0"
			}
			out[i] = whole
		case kind == 'R':
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				out[i] = v
				continue
			}
			out[i] = strconv.FormatFloat(x, 'f', 3, 64)
		case v == "":
			out[i] = "(empty)"
		default:
			out[i] = strings.Map(func(c rune) rune {
				if c < ' ' || c > '~' {
					return '@'
				}
				return c
			}, v)
		}
	}
	switch width := max(got.columns, 1); r.sort {
	case "rowsort":
		rows := slices.Collect(slices.Chunk(out, width))
		slices.SortStableFunc(rows, slices.Compare)
		out = slices.Concat(rows...)
	case "valuesort":
		slices.Sort(out)
	}
	return out
}

// matches compares rendered values with the file's.
func (r *record) matches(got []string, columns, threshold int) bool {
	want := r.want
	if len(want) == 1 && strings.Contains(want[0], " values hashing to ") {
		sum := md5.Sum([]byte(strings.Join(got, "\n") + "\n"))
		return want[0] == fmt.Sprintf("%d values hashing to %s", len(got), hex.EncodeToString(sum[:]))
	}
	if len(want) != len(got) && columns > 1 {
		// One row a line, its values apart by blanks.
		var all []string
		for _, line := range want {
			all = append(all, strings.Fields(line)...)
		}
		want = all
	}
	return slices.Equal(want, got)
}

// counts sums a file up.
type counts struct{ statements, passed, differs, failed int }

func TestFiles(t *testing.T) {
	var files []string
	err := filepath.WalkDir(*dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".test") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("there is no .test file below %s", *dir)
	}
	pg := harness.Postgres(t)
	hub := hubtest.Start(t)
	for i, path := range files {
		name, _ := filepath.Rel(*dir, path)
		t.Run(name, func(t *testing.T) { runFile(t, pg, hub, path, fmt.Sprintf("slt%d", i)) })
	}
}

// runFile runs one file on both servers, each in an empty namespace.
func runFile(t *testing.T, pg *harness.PG, hub *hubtest.Hub, path, space string) {
	records, threshold, err := parse(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	pg.Exec(t, "postgres", "CREATE DATABASE "+space)
	ref, err := pgconn.Connect(ctx, pg.URL(space))
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close(ctx)
	conn := hub.Admin(t).PgConn()
	if r := run(ctx, conn, "CREATE SCHEMA "+space); r.err != nil {
		t.Fatal(r.err)
	}
	if r := run(ctx, conn, "SET search_path = "+space); r.err != nil {
		t.Fatal(r.err)
	}
	defer func() {
		if r := run(ctx, conn, "DROP SCHEMA "+space+" CASCADE"); r.err != nil {
			t.Error(r.err)
		}
	}()
	var c counts
	for i := range records {
		r := &records[i]
		c.statements++
		want := run(ctx, ref, r.sql)
		got := run(ctx, conn, r.sql)
		problem := r.compare(want, got, threshold)
		switch {
		case problem == "":
			c.passed++
		case problem == elsewhere:
			c.differs++
		default:
			c.failed++
			t.Errorf("%s:%d: %s\n%s", path, r.line, problem, r.sql)
		}
		if conn.IsClosed() || ref.IsClosed() {
			t.Fatalf("%s:%d: the connection was lost\n%s", path, r.line, r.sql)
		}
	}
	t.Logf("%d statements, %d passed, %d that PostgreSQL itself answers otherwise, %d failed", c.statements, c.passed, c.differs, c.failed)
}

// elsewhere says that PostgreSQL does not answer as the file says and HubSQL is
// not asked to.
const elsewhere = "elsewhere"

// compare returns what is wrong, "" for nothing.
func (r *record) compare(want, got result, threshold int) string {
	wanted, had := r.render(want), r.render(got)
	passes := false
	switch {
	case r.open:
		passes = true
	case r.query:
		passes = want.err == nil && r.matches(wanted, want.columns, threshold)
	default:
		passes = r.fails == (want.err != nil)
	}
	if !passes && !*strict {
		return elsewhere
	}
	if r.fails && !*strict && want.err != nil && got.err != nil {
		return "" // the file asks for an error, not for which
	}
	if (want.err == nil) != (got.err == nil) || want.err != nil && fault(want.err) != fault(got.err) {
		return fmt.Sprintf("PostgreSQL: %s\nHubSQL: %s", fault(want.err), fault(got.err))
	}
	if want.tag != got.tag {
		return fmt.Sprintf("PostgreSQL: %s\nHubSQL: %s", want.tag, got.tag)
	}
	if !slices.Equal(wanted, had) {
		return fmt.Sprintf("PostgreSQL: %s\nHubSQL: %s", strings.Join(wanted, " "), strings.Join(had, " "))
	}
	if !passes {
		return fmt.Sprintf("PostgreSQL itself answers otherwise than the file: %v %s", want.err, strings.Join(wanted, " "))
	}
	return ""
}
