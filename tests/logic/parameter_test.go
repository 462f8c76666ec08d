package logic

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/fixture"
)

// parameterized are statements with parameters and their values as text.
var parameterized = []struct {
	sql  string
	args []string
}{
	{"SELECT id FROM customers WHERE id = $1", []string{"5"}},
	{"SELECT id FROM customers WHERE id < $1 AND region = $2 ORDER BY id", []string{"20", "EMEA"}},
	{"SELECT id FROM customers WHERE born >= $1 ORDER BY id", []string{"1990-01-01"}},
	{"SELECT id FROM orders WHERE ordered_at BETWEEN $1 AND $2 ORDER BY id", []string{"2024-03-01", "2024-03-05 12:00"}},
	{"SELECT id FROM orders WHERE amount > $1::numeric AND qty = $2::int ORDER BY id", []string{"900", "5"}},
	{"SELECT $1", []string{"x"}},
	{"SELECT $1::int + $2", []string{"1", "2"}},
	{"SELECT $1 + 1, $2 || 'x', upper($3)", []string{"1", "a", "b"}},
	{"SELECT coalesce($1, 'none'), nullif($2, 5)", []string{"x", "5"}},
	{"SELECT CASE WHEN $1 THEN 'yes' ELSE $2 END", []string{"true", "no"}},
	{"SELECT id FROM customers WHERE id IN ($1, $2, 7) ORDER BY id", []string{"1", "2"}},
	{"SELECT id FROM customers WHERE id = ANY ($1) ORDER BY id", []string{"{1,2,3}"}},
	{"SELECT id FROM customers WHERE region = ANY ($1::text[]) ORDER BY id", []string{"{EMEA,APAC}"}},
	{"SELECT id FROM customers WHERE name LIKE $1 ORDER BY id", []string{"A%"}},
	{"SELECT id FROM customers ORDER BY id LIMIT $1 OFFSET $2", []string{"3", "2"}},
	{"SELECT id FROM customers WHERE vip = $1 ORDER BY id LIMIT 3", []string{"t"}},
	{"SELECT count(*) FROM events WHERE value > $1", []string{"99.5"}},
	{"SELECT count(*) FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer_id AND c.region = $1)", []string{"EMEA"}},
	{"SELECT region, count(*) FROM customers WHERE id > $1 GROUP BY region HAVING count(*) > $2 ORDER BY 1", []string{"10", "5"}},
	{"SELECT id FROM customers WHERE id = $1 UNION SELECT id FROM products WHERE id = $1 ORDER BY 1", []string{"4"}},
	{"SELECT * FROM (VALUES ($1, $2::int)) t (a, b)", []string{"x", "3"}},
	{"SELECT $1::date + 1, $2::timestamp - interval '1 day'", []string{"2024-02-29", "2024-03-01 10:00"}},
	{"SELECT now() > $1", []string{"2020-01-01"}},
	{"SELECT date '2024-01-01' + $1", []string{"5"}},
	{"SELECT $1 = $2", []string{"a", "a"}},
	{"SELECT $1 IS NULL", []string{"a"}},
	{"SELECT $1::int IS NULL", []string{"1"}},
	{"SELECT ARRAY[$1, 2], $2 = 'x'", []string{"1", "x"}},
	{"SELECT extract(year FROM $1::date), date_trunc('month', $2::timestamp)", []string{"2024-05-06", "2024-05-06"}},
	{"SELECT generate_series(1, $1)", []string{"3"}},
	{"SELECT id FROM customers WHERE id = $2", []string{"1", "2"}},
	{"SELECT id FROM customers WHERE id = $1", []string{"x"}},
	{"SELECT id FROM customers WHERE id = $1 AND name = $1", []string{"1"}},
	{"SELECT 1 WHERE $1", []string{"true"}},
	{"SELECT round($1, 2), abs($2)", []string{"1.234", "-5"}},
	{"SELECT greatest($1, 5), least($2, 'b')", []string{"7", "a"}},
	{"SELECT sum(qty * $1) FROM orders", []string{"2"}},
	{"SELECT string_agg(name, $1 ORDER BY id) FROM customers WHERE id < $2", []string{"-", "4"}},
	{"SELECT id, lag(id, $1) OVER (ORDER BY id) FROM customers WHERE id < 5 ORDER BY id", []string{"2"}},
	{"WITH t AS (SELECT $1::int AS x) SELECT x, x + $2 FROM t", []string{"1", "2"}},
	{"SELECT id FROM customers WHERE (id, region) = ($1, $2)", []string{"3", "EMEA"}},
	{"SELECT -$1::int, NOT $2", []string{"1", "true"}},
	{"SELECT $1 BETWEEN 1 AND 5, $2 IN ('a', 'b')", []string{"3", "c"}},
	{"SELECT substring($1 FROM $2 FOR $3)", []string{"abcdef", "2", "3"}},
}

// parameterAnswer is what a connection says to a statement with parameters: the
// types of the parameters, then the result.
func parameterAnswer(ctx context.Context, c *pgconn.PgConn, sql string, args []string) string {
	sd, err := c.Prepare(ctx, "", sql, nil)
	if err != nil {
		return failure(err)
	}
	values := make([][]byte, len(args))
	for i, a := range args {
		values[i] = []byte(a)
	}
	out := []string{fmt.Sprint(sd.ParamOIDs)}
	res := c.ExecPrepared(ctx, "", values, nil, nil).Read()
	if res.Err != nil {
		return strings.Join(append(out, failure(res.Err)), "\n")
	}
	for _, f := range res.FieldDescriptions {
		out = append(out, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
	}
	for _, row := range res.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = "NULL"
			if v != nil {
				cells[i] = string(v)
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return strings.Join(out, "\n")
}

func TestParametersAsInPostgreSQL(t *testing.T) {
	w := fixture.New(t)
	ctx := context.Background()
	ref, err := pgconn.Connect(ctx, w.PG.URL(w.Reference))
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close(ctx)
	hub := w.Hub.Admin(t).PgConn()
	for _, mode := range []string{"auto", "force_generic_plan"} {
		if _, err := hub.Exec(ctx, "SET plan_cache_mode = "+mode).ReadAll(); err != nil {
			t.Fatal(err)
		}
		for _, c := range parameterized {
			want, got := parameterAnswer(ctx, ref, c.sql, c.args), parameterAnswer(ctx, hub, c.sql, c.args)
			if got != want {
				t.Errorf("%s %q, %s\ngot:\n%s\nwant:\n%s", c.sql, c.args, mode, got, want)
			}
		}
	}
}
