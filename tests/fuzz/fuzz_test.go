package fuzz

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/planner/optimizer"
	"github.com/hubsql/hubsql/tests/fixture"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

var (
	seed     = flag.Uint64("seed", 1, "seed of the random queries")
	duration = flag.Duration("duration", 20*time.Second, "how long random queries run")
	stop     = flag.Int("stop", 5, "end after so many differences")
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// result is an answer in a form that can be compared: sorted lines, floats
// rounded; or the SQLSTATE of the error.
type result struct {
	lines []string
	code  string
	text  string
}

// The types whose values are not compared as text: floats are rounded, and of
// equal numerics any may stand for a group.
const (
	float8  = ":701"
	numeric = ":1700"
)

// run executes a query.
func run(ctx context.Context, c *pgconn.PgConn, sql string) result {
	columns, rows, err := hubtest.Text(ctx, c, sql)
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe):
		return result{code: pe.Code, text: pe.Message}
	case err != nil:
		return result{code: "connection", text: err.Error()}
	}
	out := result{}
	for _, row := range rows {
		for i, v := range row {
			if strings.HasSuffix(columns[i], numeric) && strings.Contains(v, ".") {
				row[i] = strings.TrimRight(strings.TrimRight(v, "0"), ".")
			}
			if strings.HasSuffix(columns[i], float8) && v != "NULL" {
				if f, err := strconv.ParseFloat(v, 64); err == nil {
					row[i] = strconv.FormatFloat(f, 'e', 8, 64)
				}
			}
		}
		out.lines = append(out.lines, strings.Join(row, "|"))
	}
	slices.Sort(out.lines)
	out.lines = append([]string{strings.Join(columns, " ")}, out.lines...)
	return out
}

// excused errors depend on the order of evaluation, on time or on what the hub
// says it does not support.
func excused(r result) bool {
	switch r.code {
	case "57014", "22003", "22008", "0A000", "53200", "42725", "21000":
		return true
	}
	return false
}

// differ reports a difference that is a fault of the hub.
func differ(pg, hub result) bool {
	if excused(pg) || excused(hub) {
		return false
	}
	if pg.code == "42803" && hub.code == "" {
		// An aggregate over a subquery that only reads outer columns belongs to
		// the outer query in PostgreSQL, to its own in the hub.
		return false
	}
	if pg.code != "" && hub.code != "" {
		return hub.code[:2] == "XX"
	}
	return pg.code != hub.code || !slices.Equal(pg.lines, hub.lines)
}

// show prints a result shortly.
func show(r result) string {
	if r.code != "" {
		return "error " + r.code + ": " + r.text
	}
	return fmt.Sprintf("%d rows\n%s", len(r.lines)-1, strings.Join(r.lines[:min(len(r.lines), 12)], "\n"))
}

// settings vary the engine's shape from query to query.
var settings = []string{
	"SET hub.enable_pushdown = on", "SET hub.enable_pushdown = off", "SET hub.workers = 1", "SET hub.batch_size = 3",
	"RESET hub.workers", "RESET hub.batch_size", "RESET hub.disabled_rules",
}

// rules are those of the optimizer that can be switched off.
func rules() []string {
	var out []string
	for _, r := range optimizer.Rules() {
		if !r.Required {
			out = append(out, r.Name)
		}
	}
	return out
}

func TestRandomQueriesAnswerAsPostgreSQL(t *testing.T) {
	w := fixture.New(t)
	ctx := context.Background()
	ref, err := pgconn.Connect(ctx, w.PG.URL(w.Reference))
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close(ctx)
	hub := w.Hub.Admin(t).PgConn()
	exec := func(c *pgconn.PgConn, sql string) {
		if _, err := c.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*pgconn.PgConn{ref, hub} {
		exec(c, "SET statement_timeout = '4s'")
	}
	g := &generator{Rand: rand.New(rand.NewPCG(*seed, 0))}
	off := rules()
	count, failed, empty, found := 0, map[string]int{}, 0, 0
	for end := time.Now().Add(*duration); time.Now().Before(end) && found < *stop; count++ {
		if count%10 == 0 {
			exec(hub, settings[g.IntN(len(settings))])
		}
		if count%10 == 5 {
			exec(hub, "SET hub.disabled_rules = "+off[g.IntN(len(off))])
		}
		g.aliases = 0
		q, _ := g.query(nil, 1+g.IntN(4), false)
		began := time.Now()
		a := run(ctx, ref, q.String())
		middle := time.Now()
		b := run(ctx, hub, q.String())
		if pg, own := middle.Sub(began), time.Since(middle); own > 2*time.Second && own > 10*pg {
			t.Logf("%v, PostgreSQL %v: %s", own, pg, q)
		}
		if b.code != "" {
			failed[b.code+" "+b.text]++
		} else if len(b.lines) < 2 {
			empty++
		}
		if !differ(a, b) {
			continue
		}
		found++
		shrink(q, 400, func(sql string) bool { return differ(run(ctx, ref, sql), run(ctx, hub, sql)) })
		sql := q.String()
		t.Errorf("%s\nPostgreSQL: %s\nhub: %s", sql, show(run(ctx, ref, sql)), show(run(ctx, hub, sql)))
	}
	t.Logf("%d queries, %d without rows", count, empty)
	for text, k := range failed {
		t.Logf("%d times %s", k, text)
	}
}

// TestConditionsPartitionTheRows checks the hub against itself: a condition is
// true, false or unknown for every row, and counting in the select list agrees
// with filtering.
func TestConditionsPartitionTheRows(t *testing.T) {
	w := fixture.New(t)
	ctx := context.Background()
	hub := w.Hub.Admin(t).PgConn()
	if _, err := hub.Exec(ctx, "SET statement_timeout = '4s'").ReadAll(); err != nil {
		t.Fatal(err)
	}
	g := &generator{Rand: rand.New(rand.NewPCG(*seed, 1))}
	number := func(sql string) (int64, bool) {
		r := run(ctx, hub, sql)
		if r.code != "" {
			return 0, false
		}
		v, err := strconv.ParseInt(r.lines[1], 10, 64)
		return v, err == nil
	}
	for end := time.Now().Add(*duration / 4); time.Now().Before(end); {
		g.aliases = 0
		from, s := g.from(nil, 1+g.IntN(2), 2)
		p, f := g.cond(s, 1+g.IntN(3)).String(), from.String()
		all, ok := number("SELECT count(*) FROM " + f)
		yes, ok1 := number("SELECT count(*) FROM " + f + " WHERE " + p)
		no, ok2 := number("SELECT count(*) FROM " + f + " WHERE NOT " + p)
		null, ok3 := number("SELECT count(*) FROM " + f + " WHERE " + p + " IS NULL")
		sum, ok4 := number("SELECT coalesce(sum(CASE WHEN " + p + " THEN 1 ELSE 0 END), 0) FROM " + f)
		if !ok || !ok1 || !ok2 || !ok3 || !ok4 {
			continue
		}
		if yes+no+null != all || sum != yes {
			t.Errorf("FROM %s WHERE %s: %d true (%d by CASE), %d false, %d unknown of %d", f, p, yes, sum, no, null, all)
		}
	}
}
