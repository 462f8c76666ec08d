package writes

import (
	"strings"
	"testing"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestTablesOfSourcesAreChanged runs one script against a table of each kind of
// source: $ is the schema.
func TestTablesOfSourcesAreChanged(t *testing.T) {
	hub := hubtest.Start(t)
	c := hub.Admin(t).PgConn()
	for _, s := range sources(t, hub) {
		t.Run(s.name, func(t *testing.T) {
			for _, x := range []struct{ sql, want string }{
				{"INSERT INTO $.item (name, price) VALUES ('a', 2), ('b''\\', NULL)", "INSERT 0 2"},
				{"SELECT * FROM $.item ORDER BY id", "1|a|2.00|NULL|NULL|none;2|b'\\|NULL|NULL|NULL|none"},
				{"INSERT INTO $.item VALUES (-10, 'ten', 10.25, '2024-02-29 12:34:56.789', true, 'x')", "INSERT 0 1"},
				{"INSERT INTO $.item (id, name) VALUES (DEFAULT, 'd'), (DEFAULT, 'e') RETURNING id, name, price, note", "3|d|1.50|none;4|e|1.50|none"},
				{"INSERT INTO $.item (name) SELECT 'n' || g FROM generate_series(1, 3000) g", "INSERT 0 3000"},
				{"SELECT count(*), count(DISTINCT name), min(price), max(note) FROM $.item WHERE name LIKE 'n%'", "3000|3000|1.50|none"},
				{"DELETE FROM $.item WHERE name LIKE 'n%'", "DELETE 3000"},
				{"UPDATE $.item SET price = price + 1, ok = NOT ok WHERE id = -10", "UPDATE 1"},
				{"SELECT * FROM $.item WHERE id = -10", "-10|ten|11.25|2024-02-29 12:34:56.789|f|x"},
				{"WITH u AS (UPDATE $.item SET name = upper(name) RETURNING id, name) SELECT * FROM u ORDER BY id", "-10|TEN;1|A;2|B'\\;3|D;4|E"},
				{"UPDATE $.item i SET price = v.p FROM (VALUES (1, 7), (1, 7), (2, 8)) v (id, p) WHERE v.id = i.id", "UPDATE 2"},
				{"SELECT id, price FROM $.item WHERE id IN (1, 2) ORDER BY id", "1|7.00;2|8.00"},
				{"DELETE FROM $.item USING (VALUES (3), (4)) v (id) WHERE v.id = item.id RETURNING name", "D;E"},
				{"UPDATE $.item SET price = 0 WHERE id = 999", "UPDATE 0"},
				{"DELETE FROM $.item WHERE false", "DELETE 0"},
				{"INSERT INTO $.item (id) VALUES (1)", "error 23505"},
				{"INSERT INTO $.item (id) VALUES (1), (77) ON CONFLICT DO NOTHING", "INSERT 0 1"},
				{"UPDATE $.item SET note = NULL WHERE id = 1", "error 23502"},
				{"UPDATE $.item SET note = DEFAULT WHERE id = 1", "error 0A000"},
				{"INSERT INTO $.item (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'", "error 0A000"},
				{"MERGE INTO $.item i USING (VALUES (1)) v (id) ON v.id = i.id WHEN MATCHED THEN DELETE", "error 0A000"},
				{"WITH gone AS (DELETE FROM $.item WHERE id = 77 RETURNING id) SELECT * FROM gone", "77"},
				{"SELECT id, name FROM $.item ORDER BY id", "-10|TEN;1|A;2|B'\\"},
				{"DELETE FROM $.item", "DELETE 3"},
			} {
				sql := strings.ReplaceAll(x.sql, "$", s.name)
				run := tag
				if strings.HasPrefix(sql, "SELECT") || strings.Contains(sql, "RETURNING") {
					run = answer
				}
				if got := run(t, c, sql); got != x.want {
					t.Errorf("%s\ngot  %s\nwant %s", sql, got, x.want)
				}
			}
		})
	}
}

// TestParametersOfChanges executes prepared statements with parameters, many
// times, inside and outside of a transaction.
func TestParametersOfChanges(t *testing.T) {
	hub := hubtest.Start(t)
	c := hub.Admin(t)
	for _, s := range sources(t, hub) {
		t.Run(s.name, func(t *testing.T) {
			exec := func(want int64, sql string, args ...any) {
				t.Helper()
				tag, err := c.Exec(t.Context(), strings.ReplaceAll(sql, "$S", s.name), args...)
				if err != nil || tag.RowsAffected() != want {
					t.Errorf("%s %v: %s, %v, want %d rows", sql, args, tag, err, want)
				}
			}
			for i := range 20 {
				exec(1, "INSERT INTO $S.item (id, name, price) VALUES ($1, $2, $3)", i, "n", i)
			}
			exec(0, "BEGIN")
			for i := range 20 {
				exec(1, "UPDATE $S.item SET price = price + $2, name = $3 WHERE id = $1", i, 1, "m")
			}
			exec(10, "DELETE FROM $S.item WHERE id < $1", 10)
			exec(0, "COMMIT")
			var n int
			var sum float64
			if err := c.QueryRow(t.Context(), "SELECT count(*), sum(price)::float8 FROM "+s.name+".item WHERE name = $1", "m").Scan(&n, &sum); err != nil || n != 10 || sum != 155 {
				t.Errorf("the table holds %d rows, %v, %v", n, sum, err)
			}
			if _, err := c.CopyFrom(t.Context(), []string{s.name, "item"}, []string{"id", "name"}, &generated{n: 5000}); err != nil {
				t.Error(err)
			}
			exec(5000, "DELETE FROM $S.item WHERE name = $1", "copied")
		})
	}
}

// generated are rows for COPY.
type generated struct{ n, at int }

func (g *generated) Next() bool             { g.at++; return g.at <= g.n }
func (g *generated) Values() ([]any, error) { return []any{int32(1000 + g.at), "copied"}, nil }
func (g *generated) Err() error             { return nil }
