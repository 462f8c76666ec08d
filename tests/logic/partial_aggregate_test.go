package logic

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/tests/fixture"
	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestGroupsOfOneServerBeforeAJoin compares answers with and without groupings
// that a server makes of its rows before they are joined.
func TestGroupsOfOneServerBeforeAJoin(t *testing.T) {
	w := fixture.New(t)
	w.PG.Exec(t, "shop",
		`CREATE TABLE facts AS SELECT g::int8 AS id, CASE WHEN g % 50 = 0 THEN NULL ELSE g % 100 END AS cust, g % 300 AS prod,
			CASE WHEN g % 7 = 0 THEN NULL ELSE g % 13 END AS qty, g::int8 * 1000 AS big, ((g % 1000) / 8.0)::numeric(12,2) AS price,
			CASE WHEN g % 3 = 0 THEN 'n' || g % 20 END AS note, g / 3.0::float8 AS f FROM generate_series(1, 12000) g`,
		"ANALYZE facts")
	ctx := context.Background()
	hub := w.Hub.Admin(t).PgConn()
	for _, sql := range []string{
		"IMPORT FOREIGN SCHEMA public LIMIT TO (facts) FROM SERVER shop INTO public",
		"CREATE TABLE dims (k int4, name text)",
		"INSERT INTO dims SELECT g, 'name ' || g % 10 FROM generate_series(0, 120) g UNION ALL SELECT 5, 'again'",
		"CREATE TABLE more AS SELECT * FROM facts WHERE id <= 2000",
	} {
		if _, err := hub.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	lines := func(sql string) string {
		t.Helper()
		_, rows, err := hubtest.Text(ctx, hub, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		var out []string
		for _, r := range rows {
			out = append(out, strings.Join(r, "|"))
		}
		return strings.Join(out, "\n")
	}
	for _, c := range []struct {
		sql   string
		fires bool
	}{
		{"SELECT name, sum(qty), count(*), count(qty), min(note), max(big), avg(price), sum(price), avg(qty), sum(big), avg(big) FROM facts JOIN dims ON cust = k GROUP BY 1 ORDER BY 1", true},
		{"SELECT count(*), sum(qty), avg(price) FROM facts JOIN dims ON cust = k", true},
		{"SELECT count(*), sum(qty), avg(price), max(note) FROM facts JOIN dims ON cust = k AND name = 'nothing'", false},
		{"SELECT name, count(*), sum(qty + 1) FROM facts LEFT JOIN dims ON cust = k WHERE id > 100 GROUP BY 1 ORDER BY 1", true},
		{"SELECT name, count(*), sum(price) FROM facts JOIN dims ON cust BETWEEN k AND k + 1 GROUP BY 1 ORDER BY 1", true},
		{"SELECT c2, sum(q), count(*) FROM (SELECT cust % 10 AS c2, qty * 2 AS q, k FROM facts JOIN dims ON cust = k) x GROUP BY 1 ORDER BY 1", true},
		{"SELECT cust, sum(qty) FROM facts WHERE EXISTS (SELECT 1 FROM dims WHERE k = cust AND name = 'name 3') GROUP BY 1 ORDER BY 1", true},
		{"SELECT cust, sum(qty) FROM facts WHERE NOT EXISTS (SELECT 1 FROM dims WHERE k = cust AND name <> 'name 3') GROUP BY 1 ORDER BY 1", true},
		{"SELECT DISTINCT cust FROM facts JOIN dims ON cust = k ORDER BY 1", true},
		{"SELECT prod, sum(qty), count(*), avg(price) FROM (SELECT prod, qty, price FROM facts UNION ALL SELECT prod, qty, price FROM more) u GROUP BY 1 ORDER BY 1", true},
		{"SELECT prod % 5, count(*), max(note) FROM (SELECT prod, qty, note FROM facts UNION ALL SELECT prod, qty, note FROM more UNION ALL SELECT k, k, name FROM dims) u WHERE qty > 3 GROUP BY 1 ORDER BY 1", true},
		{"SELECT count(*), count(qty), sum(qty) FROM (SELECT prod, qty FROM facts UNION ALL SELECT prod, qty FROM more) u", true},
		// What cannot be put together from groups, and what saves nothing.
		{"SELECT name, count(DISTINCT prod) FROM facts JOIN dims ON cust = k GROUP BY 1 ORDER BY 1", false},
		{"SELECT name, sum(qty) FILTER (WHERE prod > 5) FROM facts JOIN dims ON cust = k GROUP BY 1 ORDER BY 1", false},
		{"SELECT name, string_agg(note, ',' ORDER BY id) FROM facts JOIN dims ON cust = k WHERE id < 300 GROUP BY 1 ORDER BY 1", false},
		{"SELECT name, sum(f)::numeric(20,4) FROM facts JOIN dims ON cust = k GROUP BY 1 ORDER BY 1", false},
		{"SELECT name, count(*), sum(qty), count(cust) FROM dims LEFT JOIN facts ON cust = k GROUP BY 1 ORDER BY 1", false},
		{"SELECT name, sum(qty + k) FROM facts JOIN dims ON cust = k GROUP BY 1 ORDER BY 1", false},
		{"SELECT id % 2, sum(qty) FROM facts JOIN dims ON id = k GROUP BY 1 ORDER BY 1", false},
	} {
		on, plan := lines(c.sql), lines("EXPLAIN "+c.sql)
		if _, err := hub.Exec(ctx, "SET hub.disabled_rules = 'PartialAggregates'").ReadAll(); err != nil {
			t.Fatal(err)
		}
		off := lines(c.sql)
		if _, err := hub.Exec(ctx, "RESET hub.disabled_rules").ReadAll(); err != nil {
			t.Fatal(err)
		}
		if on != off {
			t.Errorf("%s:\n%s\nwithout the rule:\n%s", c.sql, on, off)
		}
		if fires := strings.Contains(plan, "Aggregate on (public.facts)"); fires != c.fires {
			t.Errorf("%s: fires %v\n%s", c.sql, fires, fmt.Sprint(plan))
		}
	}
}
