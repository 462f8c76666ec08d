package masking

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// login makes a role and connects as it; the role sees the schemas of all kinds.
func (w *world) login(t *testing.T, name string, grants ...string) *pgconn.PgConn {
	t.Helper()
	w.hub.Exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'p'", name), fmt.Sprintf("GRANT USAGE ON SCHEMA pgsrc, mysrc, litesrc, csvsrc, pqsrc, extra TO %s", name))
	for _, g := range grants {
		w.hub.Exec(t, g)
	}
	return w.connect(t, name, "p")
}

// connect opens a connection.
func (w *world) connect(t *testing.T, user, password string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), w.hub.URL(user, password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// expect compares the answer of a statement.
func expect(t *testing.T, c *pgconn.PgConn, sql, want string) {
	t.Helper()
	if got := run(c, sql); got != want {
		t.Errorf("%s\ngot  %s\nwant %s", sql, got, want)
	}
	if c.TxStatus() == 'E' {
		set(t, c, "ROLLBACK")
	}
}

// refused checks that a statement fails, whatever the reason.
func refused(t *testing.T, c *pgconn.PgConn, sql string) {
	t.Helper()
	if got := run(c, sql); !strings.HasPrefix(got, "error ") {
		t.Errorf("%s\nis not refused: %s", sql, got)
	} else if got == "error XX000" {
		t.Errorf("%s\nis an internal error", sql)
	}
}

const (
	stars = "***********"
	raw   = "078-05-1120" // the ssn of row 8
)

// TestPolicies attacks the rules of docs/design/policies.md one by one.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	admin := w.hub.Admin(t).PgConn()
	analyst := w.analyst(t, "pgsrc", &strings.Builder{})
	const ssn = "SELECT ssn FROM pgsrc.customers WHERE id = 8"

	t.Run("a role without grants sees nothing", func(t *testing.T) {
		c := w.connect(t, "nobody", "nobody")
		for _, k := range kinds {
			for _, sql := range []string{
				"SELECT * FROM %s.customers", "SELECT count(*) FROM %s.customers", "SELECT 1 FROM %s.customers", "COPY %s.customers TO STDOUT",
				"EXPLAIN SELECT id FROM %s.customers", "SELECT * FROM %s.v_all", "WITH c AS (SELECT * FROM %s.customers) SELECT 1",
				"SELECT 1 WHERE EXISTS (SELECT 1 FROM %s.customers)", "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM %s.customers",
				"PREPARE p AS SELECT id FROM %s.customers",
			} {
				expect(t, c, fmt.Sprintf(sql, k), "error 42501")
			}
		}
		w.hub.Exec(t, "GRANT USAGE ON SCHEMA pgsrc, mysrc, litesrc, csvsrc, pqsrc TO nobody")
		for _, k := range kinds {
			expect(t, c, "SELECT count(*) FROM "+k+".customers", "error 42501")
			expect(t, c, "SELECT count(*) FROM "+k+".v_all", "error 42501")
		}
		for _, live := range []string{"pg.public.customers", "maria.crm.customers", "lite.main.customers", "lite.customers"} {
			expect(t, c, "SELECT count(*) FROM "+live, "error 42501")
		}
	})

	t.Run("privileges count column by column", func(t *testing.T) {
		c := w.login(t, "clerk", "GRANT SELECT (id, dob) ON pgsrc.customers TO clerk", "CREATE POLICY p_clerk ON pgsrc.customers FOR SELECT TO clerk USING (region = 'EMEA')")
		expect(t, c, "SELECT count(*) FROM pgsrc.customers", "20") // the policy reads region, which clerk may not
		expect(t, c, "SELECT max(id) FROM pgsrc.customers", "40")
		for _, sql := range []string{
			"SELECT ssn FROM pgsrc.customers", "SELECT * FROM pgsrc.customers", "SELECT id FROM pgsrc.customers WHERE ssn = 'x'",
			"SELECT id FROM pgsrc.customers ORDER BY salary", "SELECT c FROM pgsrc.customers c", "SELECT count(*) FROM pgsrc.customers GROUP BY region",
			"SELECT a.id FROM pgsrc.customers a JOIN pgsrc.customers b USING (pan)", "COPY pgsrc.customers TO STDOUT",
		} {
			expect(t, c, sql, "error 42501")
		}
		w.hub.Exec(t, "REVOKE SELECT (dob) ON pgsrc.customers FROM clerk")
		expect(t, c, "SELECT dob FROM pgsrc.customers", "error 42501")
		w.hub.Exec(t, "GRANT SELECT (ssn) ON pgsrc.customers TO clerk")
		expect(t, c, ssn, raw) // no mask is for clerk
	})

	t.Run("GRANT and REVOKE count at Execute", func(t *testing.T) {
		c := w.login(t, "temp", "GRANT SELECT ON pgsrc.customers TO temp", "CREATE POLICY p_temp ON pgsrc.customers FOR SELECT TO temp USING (true)")
		if _, err := c.Prepare(t.Context(), "q", ssn, nil); err != nil {
			t.Fatal(err)
		}
		execute := func() string {
			r := c.ExecPrepared(t.Context(), "q", nil, nil, nil).Read()
			if r.Err != nil {
				return code(r.Err)
			}
			return string(r.Rows[0][0])
		}
		if got := execute(); got != raw {
			t.Error(got)
		}
		w.hub.Exec(t, "REVOKE SELECT ON pgsrc.customers FROM temp")
		if got := execute(); got != "42501" {
			t.Error(got)
		}
		w.hub.Exec(t, "GRANT SELECT ON pgsrc.customers TO temp")
		if got := execute(); got != raw {
			t.Error(got)
		}
		w.hub.Exec(t, "CREATE MASKING POLICY m_temp ON pgsrc.customers (ssn) TO temp USING (hub.fixed_mask(ssn, 'one'))")
		if got := execute(); got != "one" {
			t.Error(got)
		}
		w.hub.Exec(t, "CREATE OR REPLACE MASKING POLICY m_temp ON pgsrc.customers (ssn) TO temp USING (hub.fixed_mask(ssn, 'two'))")
		if got := execute(); got != "two" {
			t.Error(got)
		}
		w.hub.Exec(t, "REVOKE USAGE ON SCHEMA pgsrc FROM temp")
		if got := execute(); got != "42501" {
			t.Error(got)
		}
		w.hub.Exec(t, "GRANT USAGE ON SCHEMA pgsrc TO temp", "DROP MASKING POLICY m_temp ON pgsrc.customers")
		if got := execute(); got != raw {
			t.Error(got)
		}
		w.hub.Exec(t, "DROP POLICY p_temp ON pgsrc.customers")
		if r := c.ExecPrepared(t.Context(), "q", nil, nil, nil).Read(); r.Err != nil || len(r.Rows) != 0 {
			t.Error("rows without a policy that lets them through", r.Rows, r.Err)
		}
	})

	t.Run("within one transaction the next statement sees the new policy", func(t *testing.T) {
		set(t, analyst, "BEGIN", "PREPARE tx AS "+ssn)
		expect(t, analyst, "EXECUTE tx", stars)
		w.hub.Exec(t, "CREATE OR REPLACE MASKING POLICY m_ssn ON pgsrc.customers (ssn) TO analyst USING (hub.fixed_mask(ssn, 'new'))")
		expect(t, analyst, "EXECUTE tx", "new")
		expect(t, analyst, ssn, "new")
		set(t, analyst, "COMMIT", "DEALLOCATE tx")
		w.hub.Exec(t, "CREATE OR REPLACE MASKING POLICY m_ssn ON pgsrc.customers (ssn) TO analyst USING (hub.full_mask(ssn))")
	})

	t.Run("SET ROLE replans in both directions", func(t *testing.T) {
		c := w.login(t, "dual", "GRANT analyst, hr TO dual")
		if _, err := c.Prepare(t.Context(), "q", ssn, nil); err != nil {
			t.Fatal(err)
		}
		set(t, c, "PREPARE s AS "+ssn)
		check := func(want string) {
			t.Helper()
			expect(t, c, "EXECUTE s", want)
			expect(t, c, ssn, want)
			if r := c.ExecPrepared(t.Context(), "q", nil, nil, nil).Read(); r.Err != nil || string(r.Rows[0][0]) != want {
				t.Error(r.Rows, r.Err)
			}
		}
		check(stars) // a member of both is masked: the policy names analyst
		set(t, c, "SET ROLE hr")
		check(raw)
		set(t, c, "SET ROLE analyst")
		check(stars)
		set(t, c, "SET ROLE hr")
		check(raw)
		set(t, c, "SET ROLE NONE")
		check(stars)
		set(t, c, "BEGIN", "SET ROLE hr")
		check(raw)
		set(t, c, "ROLLBACK")
		check(stars)
		set(t, c, "BEGIN", "SET LOCAL ROLE hr")
		check(raw)
		set(t, c, "COMMIT")
		check(stars)
		set(t, c, "BEGIN", "SAVEPOINT x", "SET ROLE hr")
		check(raw)
		set(t, c, "ROLLBACK TO x")
		check(stars)
		set(t, c, "COMMIT", "SET ROLE hr", "RESET ROLE")
		check(stars)
		set(t, c, "SET ROLE hr", "DISCARD ALL")
		expect(t, c, ssn, stars)
		refused(t, c, "SET SESSION AUTHORIZATION hr")
		expect(t, c, "SET ROLE hubsql", "error 42501")
		// A portal that is open keeps the view it was opened with; the role of
		// the next one is the new one.
		set(t, c, "BEGIN", "DECLARE cur CURSOR FOR SELECT ssn FROM pgsrc.customers WHERE id IN (8, 14) ORDER BY id")
		expect(t, c, "FETCH 1 FROM cur", stars)
		set(t, c, "SET ROLE hr")
		expect(t, c, "FETCH 1 FROM cur", stars)
		set(t, c, "ROLLBACK")
		// The membership alone, without inheritance, neither masks nor grants.
		n := w.login(t, "noinherit", "ALTER ROLE noinherit NOINHERIT", "GRANT analyst, hr TO noinherit")
		expect(t, n, ssn, "error 42501")
		set(t, n, "SET ROLE analyst")
		expect(t, n, ssn, stars)
		// A member of a member.
		w.hub.Exec(t, "CREATE ROLE team", "GRANT analyst TO team")
		m := w.login(t, "intern", "GRANT team TO intern")
		expect(t, m, ssn, stars)
		expect(t, m, "SELECT count(*) FROM pgsrc.customers", "20")
	})

	t.Run("other ways to the same object share its policies", func(t *testing.T) {
		hidden := "SELECT count(*), count(salary) FROM %s"
		w.hub.Exec(t, "GRANT USAGE ON FOREIGN SERVER pg, maria, lite TO analyst")
		for _, live := range []string{"pg.public.customers", "maria.crm.customers", "lite.main.customers", "lite.customers", "hubsql.pgsrc.customers"} {
			expect(t, analyst, "SELECT ssn, salary, name FROM "+live+" WHERE id = 8", stars+"|NULL|someone")
			expect(t, analyst, fmt.Sprintf(hidden, live), "20|0")
			expect(t, analyst, "SELECT id FROM "+live+" WHERE ssn = '"+raw+"' OR salary > 0 OR id = 3", "")
		}
		file := func(name string) string { return filepath.Join(w.dir, name) }
		again := map[string]string{
			"pg2":    "SERVER pg OPTIONS (schema_name 'public', table_name 'customers')",
			"maria2": "SERVER maria OPTIONS (dbname 'crm', table_name 'CUSTOMERS')",
			"maria3": "SERVER maria OPTIONS (dbname 'crm', table_name 'customers')",
			"lite2":  "SERVER lite OPTIONS (table 'CUSTOMERS')",
			"csv2":   "SERVER files OPTIONS (filename '" + file("customers.csv") + "', format 'csv', header 'true')",
			"csv3":   "SERVER files OPTIONS (filename '" + file("cust*.csv") + "', format 'csv', header 'true')",
			"csv4":   "SERVER files OPTIONS (filename '" + file("./x/../customers.csv") + "', format 'csv', header 'true')",
			"pq2":    "SERVER lake OPTIONS (filename '" + file("customers.parquet") + "')",
			"pq3":    "SERVER lake OPTIONS (filename '" + file("*.parquet") + "')",
		}
		for name, options := range again {
			w.hub.Exec(t, "CREATE FOREIGN TABLE extra."+name+" "+columns+" "+options, "GRANT SELECT ON extra."+name+" TO analyst")
			if name == "maria2" {
				// Whether the source has a table of that name depends on the
				// machine; it must not be a way around.
				if got := run(analyst, "SELECT ssn FROM extra.maria2 WHERE id = 8"); got != stars && !strings.HasPrefix(got, "error ") {
					t.Error("maria2:", got)
				}
				continue
			}
			expect(t, analyst, "SELECT ssn, salary, name FROM extra."+name+" WHERE id = 8", stars+"|NULL|someone")
			expect(t, analyst, fmt.Sprintf(hidden, "extra."+name), "20|0")
		}
		// Columns under other names, and in another order.
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.renamed (secret text OPTIONS (column_name 'ssn'), nr int OPTIONS (column_name 'id'), region text) SERVER pg OPTIONS (schema_name 'public', table_name 'customers')",
			"GRANT SELECT ON extra.renamed TO analyst")
		expect(t, analyst, "SELECT secret FROM extra.renamed WHERE nr = 8", stars)
		expect(t, analyst, "SELECT count(*) FROM extra.renamed", "20")
		// Without the column that the row policy reads there is no answer.
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.short (id int, ssn text) SERVER pg OPTIONS (schema_name 'public', table_name 'customers')", "GRANT SELECT ON extra.short TO analyst")
		refused(t, analyst, "SELECT ssn FROM extra.short")
		// Another cut of the same text file.
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.lines (line text) SERVER files OPTIONS (filename '"+file("customers.csv")+"', format 'csv', delimiter '|', quote '`')", "GRANT SELECT ON extra.lines TO analyst")
		expect(t, analyst, "SELECT line FROM extra.lines", "error 42501")
		// The type of a foreign column is a cast at most.
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.typed (id int, salary text, region text) SERVER pg OPTIONS (schema_name 'public', table_name 'customers')", "GRANT SELECT ON extra.typed TO analyst")
		if got := run(analyst, "SELECT salary FROM extra.typed WHERE id = 8"); got != "NULL" && !strings.HasPrefix(got, "error ") {
			t.Error("typed:", got)
		}
	})

	t.Run("priorities and exceptions", func(t *testing.T) {
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.prio "+columns+" SERVER pg OPTIONS (schema_name 'public', table_name 'guesses2')")
		w.pg.Exec(t, "crm", "CREATE TABLE guesses2 AS SELECT * FROM customers")
		w.hub.Exec(t, "CREATE MASKING POLICY everybody ON extra.prio (ssn) EXCEPT hr USING (hub.fixed_mask(ssn, 'everybody'))",
			"CREATE MASKING POLICY analysts ON extra.prio (ssn) TO analyst USING (hub.fixed_mask(ssn, 'analysts')) PRIORITY 10",
			"GRANT SELECT ON extra.prio TO PUBLIC")
		q := "SELECT ssn FROM extra.prio WHERE id = 8"
		expect(t, analyst, q, "analysts")
		hr := w.connect(t, "hr", "hr")
		expect(t, hr, q, raw)
		late := w.login(t, "late")
		expect(t, late, q, "everybody")
		w.hub.Exec(t, "GRANT hr TO late")
		expect(t, late, q, raw)
		w.hub.Exec(t, "REVOKE hr FROM late", "CREATE ROLE below", "GRANT hr TO below", "GRANT below TO late")
		expect(t, late, q, raw)
		w.hub.Exec(t, "REVOKE below FROM late", "GRANT analyst TO late")
		expect(t, late, q, "analysts")
		expect(t, admin, q, raw)
		refused(t, admin, "CREATE MASKING POLICY third ON extra.prio (ssn) TO analyst USING (hub.full_mask(ssn)) PRIORITY 10")
		// A later membership makes a tie: the stricter mask wins.
		w.hub.Exec(t, "CREATE ROLE strict", "CREATE MASKING POLICY nulls ON extra.prio (ssn) TO strict USING (hub.null_mask(ssn)) PRIORITY 10", "GRANT strict TO late")
		expect(t, late, q, "NULL")
		w.hub.Exec(t, "DROP MASKING POLICY nulls ON extra.prio", "DROP MASKING POLICY analysts ON extra.prio")
		expect(t, late, q, "everybody")
		w.hub.Exec(t, "DROP MASKING POLICY everybody ON extra.prio")
		expect(t, late, q, raw)
	})

	t.Run("owners, superusers and BYPASSRLS", func(t *testing.T) {
		w.pg.Exec(t, "crm", "CREATE TABLE owned AS SELECT * FROM customers")
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.owned "+columns+" SERVER pg OPTIONS (schema_name 'public', table_name 'owned')")
		boss := w.login(t, "boss", "ALTER FOREIGN TABLE extra.owned OWNER TO boss", "GRANT SELECT ON extra.owned TO analyst, hr")
		w.hub.Exec(t, "CREATE MASKING POLICY hide ON extra.owned (ssn) USING (hub.full_mask(ssn))",
			"CREATE POLICY emea ON extra.owned FOR SELECT USING (region = 'EMEA')", "ALTER TABLE extra.owned ENABLE ROW LEVEL SECURITY")
		q := "SELECT ssn FROM extra.owned WHERE id IN (3, 8) ORDER BY id"
		expect(t, boss, q, "078-05-1115;"+raw)
		expect(t, admin, q, "078-05-1115;"+raw)
		expect(t, analyst, q, stars)
		w.hub.Exec(t, "ALTER TABLE extra.owned FORCE ROW LEVEL SECURITY")
		expect(t, boss, q, raw)
		expect(t, admin, q, "078-05-1115;"+raw)
		w.hub.Exec(t, "CREATE MASKING POLICY named ON extra.owned (ssn) TO boss USING (hub.fixed_mask(ssn, 'boss')) PRIORITY 1")
		expect(t, boss, q, "boss")
		by := w.login(t, "bypass", "ALTER ROLE bypass BYPASSRLS", "GRANT SELECT ON extra.owned TO bypass")
		expect(t, by, q, stars+";"+stars)
		// A superuser who is a member of the masked role is masked.
		su := w.login(t, "su", "ALTER ROLE su SUPERUSER")
		expect(t, su, q, "078-05-1115;"+raw)
		w.hub.Exec(t, "CREATE ROLE watched", "CREATE MASKING POLICY w ON extra.owned (ssn) TO watched USING (hub.fixed_mask(ssn, 'watched')) PRIORITY 2", "GRANT watched TO su")
		expect(t, su, q, "watched;watched")
	})

	t.Run("a view lends the right to read, never a clearer view", func(t *testing.T) {
		hr := w.login(t, "hr2", "GRANT hr TO hr2", "GRANT CREATE ON SCHEMA extra TO hr2")
		set(t, hr, "CREATE VIEW extra.v_hr AS SELECT * FROM pgsrc.customers", "GRANT SELECT ON extra.v_hr TO analyst, nobody")
		expect(t, hr, "SELECT ssn FROM extra.v_hr WHERE id = 3", "078-05-1115")
		expect(t, analyst, "SELECT ssn FROM extra.v_hr WHERE id IN (3, 8)", stars)
		w.hub.Exec(t, "GRANT USAGE ON SCHEMA extra TO nobody")
		c := w.connect(t, "nobody", "nobody")
		expect(t, c, "SELECT count(*) FROM extra.v_hr", "0") // no row policy is for nobody
		w.hub.Exec(t, "REVOKE hr FROM hr2")
		expect(t, analyst, "SELECT ssn FROM extra.v_hr WHERE id = 8", "error 42501")
	})

	t.Run("masks read raw values, whatever their order", func(t *testing.T) {
		w.pg.Exec(t, "crm", "CREATE TABLE swap AS SELECT * FROM customers")
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.swap "+columns+" SERVER pg OPTIONS (schema_name 'public', table_name 'swap')", "GRANT SELECT ON extra.swap TO analyst",
			"CREATE MASKING POLICY a ON extra.swap (name) TO analyst USING (notes)", "CREATE MASKING POLICY b ON extra.swap (notes) TO analyst USING (name)",
			"CREATE MASKING POLICY c ON extra.swap (salary) TO analyst USING (CASE WHEN region = 'EMEA' THEN salary / 100000 * 100000 END)")
		expect(t, analyst, "SELECT name, notes, salary FROM extra.swap WHERE id IN (3, 4) ORDER BY id", "hidden-note-03|Nemo03|NULL;note, 4|Nemo04|6100000")
		expect(t, analyst, "SELECT id FROM extra.swap WHERE name = 'note, 4' AND id < 10 ORDER BY id", "4")
		expect(t, analyst, "SELECT notes FROM extra.swap WHERE id = 4", "Nemo04")
	})

	t.Run("a policy that fails gives an error without values", func(t *testing.T) {
		w.pg.Exec(t, "crm", "CREATE TABLE broken AS SELECT * FROM customers")
		w.hub.Exec(t, "CREATE FOREIGN TABLE extra.broken "+columns+" SERVER pg OPTIONS (schema_name 'public', table_name 'broken')", "GRANT SELECT ON extra.broken TO analyst")
		for _, mask := range []string{"ssn::int::text", "(1 / (salary - 99999))::text", "pan::date::text", "(ssn::jsonb)::text", "to_char(to_date(ssn, 'DD.MM.YYYY'), 'YYYY')"} {
			w.hub.Exec(t, "CREATE OR REPLACE MASKING POLICY m ON extra.broken (ssn) TO analyst USING ("+mask+")")
			a := ask(analyst, simple, "SELECT ssn FROM extra.broken", true)
			if v := leak(a.raw, canaries()); v != "" {
				t.Errorf("%s: the error shows %q: %s", mask, v, a.raw)
			}
			if !strings.HasPrefix(a.text, "error ") {
				t.Errorf("%s: %s", mask, a.text)
			}
		}
		w.hub.Exec(t, "DROP MASKING POLICY m ON extra.broken", "CREATE POLICY r ON extra.broken USING (ssn::int > 0)", "ALTER TABLE extra.broken ENABLE ROW LEVEL SECURITY")
		a := ask(analyst, simple, "SELECT id FROM extra.broken", true)
		if v := leak(a.raw, canaries()); v != "" || !strings.HasPrefix(a.text, "error ") {
			t.Errorf("the row policy's error shows %q: %s", v, a.text)
		}
		// What would take a policy's column away is refused.
		for _, sql := range []string{
			"ALTER FOREIGN TABLE pgsrc.customers RENAME COLUMN ssn TO other", "ALTER FOREIGN TABLE pgsrc.customers DROP COLUMN ssn",
			"ALTER FOREIGN TABLE pgsrc.customers ALTER COLUMN ssn TYPE int", "ALTER FOREIGN TABLE pgsrc.customers OPTIONS (SET table_name 'guesses')",
			"ALTER FOREIGN TABLE pgsrc.customers ALTER COLUMN ssn OPTIONS (ADD column_name 'pan')", "DROP FOREIGN TABLE pgsrc.customers", "DROP ROLE analyst",
		} {
			refused(t, admin, sql)
		}
		expect(t, analyst, ssn, stars)
	})

	t.Run("policy expressions cannot smuggle", func(t *testing.T) {
		for _, body := range []string{
			"1) UNION SELECT (2", "ssn, 2", "$1", "(SELECT ssn FROM extra.guesses LIMIT 1)", "max(ssn)", "row_number() OVER ()", "unnest(ARRAY[ssn])::text",
			"ssn) TO hr USING (ssn", "pan::xyz", "nofunction(ssn)", "other.ssn", "ssn; DROP ROLE hr", "", "generate_series(1,2)::text", "DEFAULT", "*",
		} {
			refused(t, admin, "CREATE MASKING POLICY evil ON extra.guesses (ssn) TO analyst USING ("+body+")")
		}
		for _, body := range []string{"(SELECT true FROM extra.guesses)", "$1", "count(*) > 0", "1", "generate_series(1,2) > 0", "true) TO hr USING (true", "nocolumn"} {
			refused(t, admin, "CREATE POLICY evil ON extra.guesses USING ("+body+")")
		}
		for _, sql := range []string{
			"CREATE MASKING POLICY evil ON pgsrc.customers (ssn) TO hr USING (ssn)", "DROP MASKING POLICY m_ssn ON pgsrc.customers", "DROP POLICY p_emea ON pgsrc.customers",
			"CREATE OR REPLACE MASKING POLICY m_ssn ON pgsrc.customers (ssn) TO analyst USING (ssn)", "ALTER TABLE pgsrc.customers DISABLE ROW LEVEL SECURITY",
			"CREATE POLICY mine ON pgsrc.customers USING (true)", "ALTER ROLE analyst SUPERUSER", "ALTER ROLE analyst BYPASSRLS", "GRANT hr TO analyst", "ALTER FOREIGN TABLE pgsrc.customers OWNER TO analyst",
			"CREATE FOREIGN TABLE extra.mine " + columns + " SERVER pg OPTIONS (table_name 'customers')", "CREATE SERVER own FOREIGN DATA WRAPPER file_fdw",
			"IMPORT FOREIGN SCHEMA public FROM SERVER pg INTO extra", "CREATE VIEW pgsrc.own AS SELECT 1", "DROP FOREIGN TABLE pgsrc.customers CASCADE",
			"CREATE FUNCTION extra.leak(text) RETURNS bool LANGUAGE sql AS 'SELECT true'", "CREATE TABLE t2 AS SELECT * FROM pgsrc.customers", "SELECT * INTO t2 FROM pgsrc.customers",
			"CREATE MATERIALIZED VIEW m AS SELECT * FROM pgsrc.customers", "UPDATE pgsrc.customers SET notes = 'x' WHERE salary > 99998", "DELETE FROM pgsrc.customers",
			"INSERT INTO extra.guesses SELECT ssn, 1, pan, email FROM pgsrc.customers", "COPY pgsrc.customers TO '/tmp/x'", "COPY pgsrc.customers TO PROGRAM 'cat'",
		} {
			refused(t, analyst, sql)
		}
		expect(t, analyst, ssn, stars)
	})

	t.Run("the system catalog shows no statistics and no statements of others", func(t *testing.T) {
		held := w.hub.Connect(t, "hr", "hr").PgConn()
		set(t, held, "BEGIN", "PREPARE secret AS SELECT '"+raw+"'::text FROM pgsrc.customers WHERE ssn = '"+raw+"'", "SELECT count(*) FROM pgsrc.customers WHERE ssn = '"+raw+"'")
		for _, sql := range []string{"SELECT * FROM pg_stats", "SELECT * FROM pg_stat_activity", "SELECT * FROM pg_prepared_statements", "SELECT * FROM pg_cursors", "SELECT * FROM pg_statistic"} {
			if v := leak(ask(analyst, simple, sql, true).raw, append(canaries(), "secret AS")); v != "" {
				t.Errorf("%s shows %q", sql, v)
			}
		}
		set(t, held, "ROLLBACK")
	})
}

// TestNoRowMixesTwoPolicies: while one transaction after another changes both
// masks of a table, every answer has the masks of one of them.
func TestNoRowMixesTwoPolicies(t *testing.T) {
	w := newWorld(t)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 4 {
		c := w.analyst(t, kinds[i], &strings.Builder{})
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := c.ExecParams(context.Background(), "SELECT DISTINCT name, ssn FROM customers WHERE id IN (8, 14)", nil, nil, nil, nil).Read()
				if r.Err != nil || len(r.Rows) != 1 || string(r.Rows[0][0]) != string(r.Rows[0][1]) {
					if r.Err != nil || len(r.Rows) != 1 || string(r.Rows[0][0]) != "someone" || string(r.Rows[0][1]) != stars {
						t.Errorf("%s %v", r.Rows, r.Err)
						return
					}
				}
			}
		})
	}
	admin := w.hub.Admin(t)
	for n := range 15 {
		err := pgx.BeginFunc(t.Context(), admin, func(tx pgx.Tx) error {
			for _, k := range kinds {
				for _, column := range []string{"name", "ssn"} {
					if _, err := tx.Exec(t.Context(), fmt.Sprintf("CREATE OR REPLACE MASKING POLICY m_%[2]s ON %[1]s.customers (%[2]s) TO analyst USING (hub.fixed_mask(%[2]s, 'epoch%[3]d'))", k, column, n)); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}
