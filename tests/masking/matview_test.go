package masking

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestMaterializedViewsShowNoMoreThanTheirTables reads what one role has stored
// as roles under other policies.
func TestMaterializedViewsShowNoMoreThanTheirTables(t *testing.T) {
	hub := hubtest.Start(t)
	admin := hub.Admin(t).PgConn()
	const canary = "078-05-1120"
	set(t, admin,
		"CREATE TABLE people (id int, region text, ssn text)",
		"INSERT INTO people VALUES (1, 'EMEA', '"+canary+"'), (2, 'APAC', '"+canary+"')",
		"CREATE TABLE other (id int)", "INSERT INTO other VALUES (1)",
		"CREATE ROLE clerk LOGIN PASSWORD 'p'", "CREATE ROLE twin LOGIN PASSWORD 'p'", "CREATE ROLE free LOGIN PASSWORD 'p'",
		"GRANT CREATE, USAGE ON SCHEMA public TO clerk, twin, free",
		"GRANT SELECT ON people, other TO clerk, twin, free",
		"CREATE VIEW between AS SELECT id, ssn FROM people",
		"GRANT SELECT ON between TO clerk, twin, free",
		"CREATE MASKING POLICY m ON people (ssn) TO clerk, twin USING (hub.full_mask(ssn))",
		"CREATE MATERIALIZED VIEW full_copy AS SELECT * FROM people",
		"CREATE MATERIALIZED VIEW below AS SELECT b.ssn || o.id AS x FROM between b JOIN other o USING (id)",
		"CREATE MATERIALIZED VIEW twice AS SELECT upper(ssn) AS u FROM full_copy",
		"CREATE MATERIALIZED VIEW harmless AS SELECT * FROM other",
		"GRANT SELECT ON full_copy, below, twice, harmless TO clerk, twin, free",
	)
	as := func(role string) *pgconn.PgConn {
		config, err := pgconn.ParseConfig(hub.URL(role, "p"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := pgconn.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(context.Background()) })
		return c
	}
	clerk, twin, free := as("clerk"), as("twin"), as("free")
	steps := []struct {
		c         *pgconn.PgConn
		sql, want string
	}{
		{free, "SELECT ssn FROM full_copy", canary + ";" + canary},
		{free, "SELECT u FROM twice", canary + ";" + canary},
		{clerk, "SELECT * FROM harmless", "1"},
		{clerk, "SELECT ssn FROM full_copy", "error 42501"},
		{clerk, "SELECT count(*) FROM full_copy", "error 42501"},
		{clerk, "SELECT x FROM below", "error 42501"},
		{clerk, "SELECT u FROM twice", "error 42501"},
		{clerk, "EXPLAIN ANALYZE SELECT u FROM twice", "error 42501"},
		{clerk, "CREATE TEMP TABLE stolen AS TABLE full_copy", "error 42501"},
		{clerk, "COPY full_copy TO STDOUT", "error 42501"},
		{clerk, "CREATE MATERIALIZED VIEW mine AS SELECT * FROM full_copy", "error 42501"},
		{clerk, "REFRESH MATERIALIZED VIEW full_copy", "error 42501"},
		// What is stored under masks holds masked values; who has the same masks
		// may read it, who has others may not.
		{clerk, "CREATE MATERIALIZED VIEW masked AS SELECT id, ssn FROM between", ""},
		{clerk, "GRANT SELECT ON masked TO twin, free", ""},
		{clerk, "SELECT ssn FROM masked", "***********;***********"},
		{twin, "SELECT ssn FROM masked", "***********;***********"},
		{free, "SELECT ssn FROM masked", "error 42501"},
		{admin, "REFRESH MATERIALIZED VIEW masked", ""}, // as its owner
		{twin, "SELECT ssn FROM masked", "***********;***********"},
		// Policies that come later hide what was stored before.
		{admin, "CREATE MASKING POLICY m2 ON people (region) TO free USING (NULL)", ""},
		{free, "SELECT u FROM twice", "error 42501"},
		{admin, "DROP MASKING POLICY m2 ON people", ""},
		{free, "SELECT u FROM twice", canary + ";" + canary},
		{admin, "ALTER TABLE people ENABLE ROW LEVEL SECURITY", ""},
		{free, "SELECT u FROM twice", "error 42501"},
		{twin, "SELECT ssn FROM masked", "error 42501"},
		{admin, "CREATE POLICY p ON people TO clerk, twin USING (region = 'EMEA')", ""},
		{twin, "SELECT ssn FROM masked", "error 42501"},
		{clerk, "REFRESH MATERIALIZED VIEW masked", ""},
		{twin, "SELECT id FROM masked", "1"},
		// Rows under a policy that depends on the session are right for nobody
		// else.
		{admin, "CREATE POLICY q ON people TO clerk USING (region = current_user)", ""},
		{twin, "SELECT id FROM masked", "1"},
		{clerk, "SELECT id FROM masked", "error 42501"},
		{clerk, "REFRESH MATERIALIZED VIEW masked", "error 0A000"},
	}
	for i, s := range steps {
		a := ask(s.c, simple, s.sql, true)
		if s.c == clerk && strings.Contains(a.text, canary) {
			t.Errorf("%s\nshows a masked value: %s", s.sql, a.text)
		}
		if got := a.short(); got != s.want {
			t.Errorf("step %d: %s\ngot  %s\nwant %s", i, s.sql, got, s.want)
		}
	}
}
