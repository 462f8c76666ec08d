package logic

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/fixture"
	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestPreparedPlansAreKept executes prepared statements under a plan for all
// values: the answers are those of each value, and the sources still get it.
func TestPreparedPlansAreKept(t *testing.T) {
	w := fixture.New(t)
	ctx := context.Background()
	hub := w.Hub.Admin(t).PgConn()
	lines := func(sql string) []string {
		t.Helper()
		_, rows, err := hubtest.Text(ctx, hub, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		var out []string
		for _, r := range rows {
			out = append(out, strings.Join(r, "|"))
		}
		return out
	}
	exec := func(c *pgconn.PgConn, sql string) {
		t.Helper()
		if _, err := c.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(hub, "SET plan_cache_mode = force_generic_plan")
	tables := []struct{ name, key string }{{"customers", "id"}, {"orders", "id"}, {"products", "id"}, {"events", "id"}, {"regions", "code"}}
	for _, table := range tables {
		sql := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = ", table.name, table.key)
		exec(hub, "PREPARE by_"+table.name+" AS "+sql+"$1")
		for _, v := range lines(fmt.Sprintf("SELECT DISTINCT quote_literal(%s) FROM %s WHERE %s IS NOT NULL ORDER BY 1 LIMIT 4", table.key, table.name, table.key)) {
			got, want := lines("EXECUTE by_"+table.name+"("+v+")"), lines(sql+v)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s%s: %v, want %v", sql, v, got, want)
			}
		}
	}
	plan := strings.Join(lines("EXPLAIN EXECUTE by_orders('3')"), "\n")
	if !strings.Contains(plan, "$1") || !strings.Contains(plan, "WHERE") {
		t.Errorf("the plan is not for all values, or nothing is sent:\n%s", plan)
	}
	t.Run("the time of a statement is not kept", func(t *testing.T) {
		exec(hub, "PREPARE clock AS SELECT now(), clock_timestamp() >= now()")
		first := lines("EXECUTE clock")
		if second := lines("EXECUTE clock"); first[0] == second[0] {
			t.Errorf("twice %s", first[0])
		}
	})
	t.Run("settings count", func(t *testing.T) {
		exec(hub, "PREPARE zone AS SELECT '2024-07-01 12:00+00'::timestamptz::text")
		first := lines("EXECUTE zone")
		exec(hub, "SET TimeZone = 'Asia/Tokyo'")
		defer exec(hub, "RESET TimeZone")
		if second := lines("EXECUTE zone"); first[0] == second[0] {
			t.Errorf("twice %s", first[0])
		}
	})
	t.Run("a new policy counts at once", func(t *testing.T) {
		exec(hub, "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
		exec(hub, "PREPARE secret AS SELECT count(DISTINCT email) FROM customers")
		exec(hub, "SET ROLE reader")
		before := lines("EXECUTE secret")
		exec(hub, "RESET ROLE")
		exec(hub, "CREATE MASKING POLICY hide ON customers (email) TO reader USING ('x')")
		exec(hub, "SET ROLE reader")
		after := lines("EXECUTE secret")
		exec(hub, "RESET ROLE; DROP MASKING POLICY hide ON customers")
		if before[0] == after[0] || after[0] != "1" {
			t.Errorf("before %s, after %s", before[0], after[0])
		}
	})
}

// TestRepeatedTextsAreKept sends the same simple queries again and again: the
// answers are those of the moment.
func TestRepeatedTextsAreKept(t *testing.T) {
	w := fixture.New(t)
	ctx := context.Background()
	hub := w.Hub.Admin(t).PgConn()
	exec := func(sql string) {
		t.Helper()
		if _, err := hub.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	// all returns what a text gives the given number of times, one after another.
	all := func(sql string, times int) (out []string) {
		t.Helper()
		for range times {
			results, err := hub.Exec(ctx, sql).ReadAll()
			if err != nil {
				return append(out, err.Error())
			}
			text := ""
			for _, f := range results[0].FieldDescriptions {
				text += f.Name + " "
			}
			for _, r := range results[0].Rows {
				for _, v := range r {
					text += "|" + string(v)
				}
			}
			out = append(out, text)
		}
		return out
	}
	same := func(sql string) string {
		t.Helper()
		list := all(sql, 4)
		for _, x := range list {
			if x != list[0] {
				t.Errorf("%s: %q", sql, list)
			}
		}
		return list[0]
	}
	for _, sql := range []string{
		"SELECT 1", "SELECT count(*) FROM orders", "SELECT id, region FROM customers ORDER BY id LIMIT 3",
		"SELECT c.id, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY 1 ORDER BY 1 LIMIT 5",
		"SELECT 1/0", "SELECT nothing FROM nowhere", "SELECT $1",
	} {
		same(sql)
	}
	different := func(sql string) {
		t.Helper()
		list := all(sql, 4)
		for i := 1; i < len(list); i++ {
			if list[i] == list[i-1] {
				t.Errorf("%s: twice %q", sql, list[i])
			}
		}
	}
	different("SELECT now()")
	different("SELECT 'now'::timestamptz")
	different("SELECT random()")
	// What a text means changes with the session and the catalog.
	changes := func(sql, by, back string) {
		t.Helper()
		before := same(sql)
		exec(by)
		after := same(sql)
		exec(back)
		if again := same(sql); before == after || again != before {
			t.Errorf("%s around %s: %q, %q, %q", sql, by, before, after, again)
		}
	}
	changes("SELECT '2024-07-01 12:00+00'::timestamptz::text", "SET TimeZone = 'Asia/Tokyo'", "RESET TimeZone")
	changes("SELECT current_user", "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; SET ROLE reader", "RESET ROLE")
	changes("SELECT count(*) FROM customers", "SET search_path = nowhere", "RESET search_path")
	changes("SELECT count(DISTINCT email) FROM customers", "CREATE MASKING POLICY hide ON customers (email) TO CURRENT_USER USING ('x')", "DROP MASKING POLICY hide ON customers")
	changes("SELECT * FROM v", "CREATE VIEW v AS SELECT 1 AS a", "DROP VIEW v")
	exec("CREATE TABLE filled (a int)")
	changes("SELECT count(*) FROM filled", "INSERT INTO filled VALUES (1), (2)", "DELETE FROM filled")
	changes("SELECT sum(a), 'in a block' FROM filled", "BEGIN; INSERT INTO filled VALUES (3)", "ROLLBACK")
	// The extended protocol and PREPARE have statements of their own.
	same("SELECT count(*) AS n FROM orders")
	exec("PREPARE p AS SELECT count(*) AS n FROM orders")
	if r := hub.ExecParams(ctx, "SELECT count(*) AS n FROM orders", nil, nil, nil, nil).Read(); r.Err != nil || len(r.Rows) != 1 {
		t.Error(r.Err)
	}
	if got, want := same("EXECUTE p"), same("SELECT count(*) AS n FROM orders"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	exec("DISCARD ALL")
	same("SELECT count(*) AS n FROM orders")
}

// TestEstimatesDoNotTellHiddenValues compares what EXPLAIN expects of a
// condition for a role from which rows are hidden: it must not depend on the
// value.
func TestEstimatesDoNotTellHiddenValues(t *testing.T) {
	w := fixture.New(t)
	ctx := context.Background()
	hub := w.Hub.Admin(t).PgConn()
	run := func(sql string) string {
		t.Helper()
		_, rows, err := hubtest.Text(ctx, hub, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if len(rows) == 0 {
			return ""
		}
		return rows[0][0]
	}
	for _, sql := range []string{
		"CREATE ROLE limited LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO limited",
		"ALTER FOREIGN TABLE events ENABLE ROW LEVEL SECURITY", "CREATE POLICY few ON events TO limited USING (id < 10)",
		"CREATE MASKING POLICY hide ON customers (region) TO limited USING ('?')",
	} {
		run(sql)
	}
	// The most common value, a value that is there, and one that is not.
	estimate := func(table, column, value string) string {
		return run(fmt.Sprintf("EXPLAIN SELECT 1 FROM %s WHERE %s = '%s'", table, column, value))
	}
	kind := run("SELECT kind FROM events WHERE kind IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
	region := run("SELECT region FROM customers WHERE region IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
	if estimate("events", "kind", kind) == estimate("events", "kind", "no such kind") {
		t.Error("the superuser's estimates do not depend on the value")
	}
	run("SET ROLE limited")
	if a, b := estimate("events", "kind", kind), estimate("events", "kind", "no such kind"); a != b {
		t.Errorf("rows are hidden: %s and %s", a, b)
	}
	if a, b := estimate("customers", "region", region), estimate("customers", "region", "no such region"); a != b {
		t.Errorf("the column is masked: %s and %s", a, b)
	}
}
