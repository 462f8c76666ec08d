package masking

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// query is a statement of queries.sql.
type query struct {
	sql                           string
	ordered, simple, lacks, shape bool
}

func queries(t *testing.T) []query {
	text, err := os.ReadFile("queries.sql")
	if err != nil {
		t.Fatal(err)
	}
	var out []query
	for block := range strings.SplitSeq(string(text), "\n\n") {
		var q query
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "--") {
				q.ordered = q.ordered || strings.HasSuffix(line, "ordered\n")
				q.simple = q.simple || strings.HasSuffix(line, "simple\n")
				q.lacks = q.lacks || strings.HasSuffix(line, "lacks\n")
				q.shape = q.shape || strings.HasSuffix(line, "shape\n")
			} else {
				q.sql += line
			}
		}
		if q.sql = strings.TrimSpace(q.sql); q.sql != "" {
			out = append(out, q)
		}
	}
	return out
}

// protocols a query can be sent by.
func (q query) protocols() []protocol {
	if q.simple {
		return []protocol{simple}
	}
	return []protocol{simple, extended, binary}
}

// shapes of the engine.
var shapes = map[string][]string{
	"default":     nil,
	"batch of 3":  {"SET hub.batch_size = 3"},
	"no pushdown": {"SET hub.enable_pushdown = off"},
}

// atSource finds a clause of a captured statement that works on a masked column.
var atSource = regexp.MustCompile("(?i)\\b(WHERE|HAVING|ORDER BY|GROUP BY|JOIN)\\b[^\n]*[\"`. (](ssn|salary|email|pan|name)\\b|(?i)\\b(min|max|sum|avg)\\([^\n)]*(ssn|salary|email|pan|name)\\b")

// checkSource searches the statements that a source has got.
func checkSource(t *testing.T, statements string, known []string) {
	t.Helper()
	if k := leak(statements, known); k != "" {
		t.Errorf("%q reached the source", k)
	}
	for line := range strings.Lines(statements) {
		if strings.Contains(line, "pg_catalog") || strings.Contains(line, "information_schema") || strings.Contains(line, "guesses") {
			continue
		}
		if m := atSource.FindString(line); m != "" {
			t.Errorf("the source got %q in %s", m, line)
		}
	}
}

func TestAnswersEqualThoseOverAMaskedCopy(t *testing.T) {
	w := newWorld(t)
	known, list := canaries(), queries(t)
	ref := w.reference(t)
	want := map[string]string{}
	for _, q := range list {
		for _, p := range q.protocols() {
			a := ask(ref, p, q.sql, q.ordered)
			if ref.TxStatus() != 'I' {
				set(t, ref, "ROLLBACK")
			}
			want[string(p)+q.sql] = a.text
		}
	}
	pgLog, mariaLog := len(w.pg.Log(t)), len(w.maria.Log(t))
	for _, k := range kinds {
		for shape, settings := range shapes {
			t.Run(k+"/"+shape, func(t *testing.T) {
				var notices strings.Builder
				c := w.analyst(t, k, &notices)
				set(t, c, settings...)
				for _, q := range list {
					for _, p := range q.protocols() {
						got := ask(c, p, q.sql, q.ordered)
						if c.TxStatus() != 'I' {
							set(t, c, "ROLLBACK")
						}
						same := got.text == want[string(p)+q.sql] || q.shape || q.lacks && strings.HasPrefix(got.text, "error 0A000: ")
						if !same {
							t.Errorf("%s: %s\ngot:\n%s\nwant:\n%s", p, q.sql, got.text, want[string(p)+q.sql])
						}
						if v := leak(got.raw, known); v != "" {
							t.Errorf("%s: %s\nthe client got %q", p, q.sql, v)
						}
					}
				}
				if v := leak(notices.String(), known); v != "" {
					t.Errorf("%q in a notice", v)
				}
			})
		}
	}
	checkSource(t, w.pg.Log(t)[pgLog:], known)
	checkSource(t, w.maria.Log(t)[mariaLog:], known)
	if v := leak(w.hub.Log(), known); v != "" {
		t.Errorf("%q in the log", v)
	}
}

// TestExplainShowsNothingRaw: neither the text of a plan nor its row counts tell
// of what policies hide.
func TestExplainShowsNothingRaw(t *testing.T) {
	w := newWorld(t)
	known := append(canaries(), "EMEA", "partial_mask", "hash_mask")
	removed := regexp.MustCompile(`Rows Removed by [A-Za-z ]*: (\d+)`)
	for _, k := range kinds {
		t.Run(k, func(t *testing.T) {
			c := w.analyst(t, k, &strings.Builder{})
			for _, q := range queries(t) {
				if q.simple {
					continue
				}
				for _, explain := range []string{"EXPLAIN ", "EXPLAIN VERBOSE ", "EXPLAIN (ANALYZE, VERBOSE) ", "EXPLAIN (FORMAT JSON) "} {
					a := ask(c, simple, explain+q.sql, true)
					text := a.raw
					if v := leak(text, without(known, q.sql)); v != "" {
						t.Errorf("%s%s\nshows %q:\n%s", explain, q.sql, v, text)
					}
					if m := removed.FindString(text); m != "" {
						t.Errorf("%s%s\nshows %s", explain, q.sql, m)
					}
					for line := range strings.Lines(text) {
						if strings.Contains(line, "Remote SQL") && !strings.Contains(line, "guesses") && atSource.MatchString(line) {
							t.Errorf("%s%s\nsends %s", explain, q.sql, line)
						}
					}
				}
			}
		})
	}
}

// without leaves out the values that the statement itself names.
func without(known []string, sql string) []string {
	var out []string
	for _, k := range known {
		if !strings.Contains(sql, k) {
			out = append(out, k)
		}
	}
	return out
}

// analyst connects as the analyst with the tables of one kind in view.
func (w *world) analyst(t *testing.T, kind string, notices *strings.Builder) *pgconn.PgConn {
	t.Helper()
	config, err := pgconn.ParseConfig(w.hub.URL("analyst", "analyst"))
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { fmt.Fprintf(notices, "%+v\n", *n) }
	c, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	set(t, c, "SET search_path = "+kind+", extra")
	return c
}
