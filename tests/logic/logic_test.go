// Package logic runs the statements of *.slt against a hub whose tables live in
// five kinds of sources, and against one PostgreSQL that holds the same data.
// Both answers, and the one in the file, must agree: column names, type OIDs,
// every value as text, and for errors SQLSTATE, position and message. Every
// statement also runs as a prepared statement with binary results, which must
// mean the same values. With -rewrite the answers in the files are replaced by
// PostgreSQL's.
package logic

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/planner/optimizer"
	"github.com/hubsql/hubsql/tests/fixture"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

var (
	rewrite = flag.Bool("rewrite", false, "write PostgreSQL's answers into the files")
	only    = flag.String("files", "*.slt", "pattern of the files to run")
)

// record is one statement of a file in the sqllogictest format:
//
//	query nosort|rowsort
//	SELECT ...
//	----
//	name:oid ...
//	value|value
//
// An answer may also be "error SQLSTATE [at POSITION]: MESSAGE". A statement
// that returns nothing (CREATE VIEW) has an empty answer; it runs once for every
// setting, so it must be repeatable.
type record struct {
	sort string
	sql  string
	want string
}

// parse reads the records of a file.
func parse(t *testing.T, path string) []record {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []record
	for block := range strings.SplitSeq(string(text), "\n\n") {
		block = strings.Trim(block, "\n")
		if block == "" || strings.HasPrefix(block, "#") {
			continue
		}
		head, rest, _ := strings.Cut(block, "\n")
		mode, ok := strings.CutPrefix(head, "query ")
		if !ok {
			t.Fatalf("%s: %q is not a record", path, head)
		}
		sql, want, _ := strings.Cut(rest, "\n----")
		out = append(out, record{sort: mode, sql: sql, want: strings.Trim(want, "\n")})
	}
	return out
}

// write stores the records.
func write(t *testing.T, path string, list []record) {
	var b strings.Builder
	for i, r := range list {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString("query " + r.sort + "\n" + r.sql + "\n----\n")
		if r.want != "" {
			b.WriteString(r.want + "\n")
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// failure prints an error as the files hold it.
func failure(err error) string {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return "connection error: " + err.Error()
	}
	at := ""
	if pe.Position > 0 {
		at = fmt.Sprintf(" at %d", pe.Position)
	}
	return "error " + pe.Code + at + ": " + pe.Message
}

// answer runs a statement and prints its result as the files hold it.
func answer(ctx context.Context, c *pgconn.PgConn, r record) string {
	columns, rows, err := hubtest.Text(ctx, c, r.sql)
	if err != nil {
		return failure(err)
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = strings.Join(row, "|")
	}
	if r.sort == "rowsort" {
		slices.Sort(lines)
	}
	return strings.Join(append([]string{strings.Join(columns, " ")}, lines...), "\n")
}

// settings are run through: every answer must be the same whatever the engine's
// shape.
var settings = map[string][]string{
	"default":            nil,
	"one worker":         {"SET hub.workers = 1"},
	"batch of 3":         {"SET hub.batch_size = 3"},
	"no pushdown":        {"SET hub.enable_pushdown = off"},
	"everything on disk": {"SET hub.spill_at = '1kB'", "SET memory_limit = '32MB'"},
	littleMemory:         {"SET memory_limit = '1MB'"},
	"no dynamic filters": {"SET hub.enable_dynamic_filters = off"},
	"no rules":           {"SET hub.disabled_rules = " + strings.Join(rules(), ", ")},
}

// littleMemory is a setting in which a query may also end with 53200.
const littleMemory = "little memory"

// rules are those of the optimizer that can be switched off. Conditions are
// pushed down all the same: joins would be cross products without.
func rules() []string {
	var out []string
	for _, r := range optimizer.Rules() {
		if !r.Required && r.Name != "PushFilters" {
			out = append(out, r.Name)
		}
	}
	return out
}

func TestAnswersEqualPostgreSQL(t *testing.T) {
	w := fixture.New(t)
	ctx := context.Background()
	ref, err := pgconn.Connect(ctx, w.PG.URL(w.Reference))
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close(ctx)
	files, err := filepath.Glob(*only)
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range files {
		records := parse(t, path)
		for i, r := range records {
			got := answer(ctx, ref, r)
			if *rewrite {
				records[i].want = got
			} else if got != r.want {
				t.Errorf("%s: PostgreSQL itself answers differently from the file\n%s\ngot:\n%s\nwant:\n%s", path, r.sql, got, r.want)
			}
		}
		if *rewrite {
			write(t, path, records)
		}
		file := strings.TrimSuffix(path, ".slt")
		for name, set := range settings {
			if strings.HasPrefix(file, "topic_") && name != "default" && name != "batch of 3" {
				// Expressions without tables: the plan does not change.
				continue
			}
			t.Run(file+"/"+name, func(t *testing.T) {
				hub := w.Hub.Admin(t).PgConn()
				for _, s := range set {
					if _, err := hub.Exec(ctx, s).ReadAll(); err != nil {
						t.Fatal(err)
					}
				}
				for _, r := range records {
					got := answer(ctx, hub, r)
					if name == littleMemory && strings.HasPrefix(got, "error 53200: ") {
						continue
					}
					if got != r.want {
						t.Errorf("%s\ngot:\n%s\nwant:\n%s", r.sql, got, r.want)
					}
				}
			})
		}
		t.Run(file+"/prepared, binary", func(t *testing.T) {
			hub := w.Hub.Admin(t).PgConn()
			for _, r := range records {
				got, err := binaryAnswer(ctx, hub, r)
				if err != nil {
					t.Errorf("%s\n%v", r.sql, err)
				} else if want := canonicalAnswer(ctx, hub, r); got != want {
					t.Errorf("%s\nbinary:\n%s\ntext:\n%s", r.sql, got, want)
				}
			}
		})
	}
}
