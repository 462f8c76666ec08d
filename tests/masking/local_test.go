package masking

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestPoliciesOfLocalTables changes a table as a role that sees it masked and in
// part.
func TestPoliciesOfLocalTables(t *testing.T) {
	hub := hubtest.Start(t)
	admin := hub.Admin(t).PgConn()
	const canary = "078-05-1120"
	set(t, admin,
		"CREATE TABLE people (id int PRIMARY KEY, region text, ssn text UNIQUE, pay int CHECK (pay > 0))",
		"INSERT INTO people VALUES (1, 'EMEA', '"+canary+"', 10), (2, 'EMEA', '111-11-1111', 20), (3, 'APAC', '222-22-2222', 30)",
		"CREATE ROLE clerk LOGIN PASSWORD 'p'",
		"CREATE FUNCTION ssn_of(int) RETURNS text LANGUAGE SQL AS 'SELECT ssn FROM people WHERE id = $1'",
		"CREATE FUNCTION everybody() RETURNS SETOF int LANGUAGE SQL AS 'SELECT id FROM people'",
		"CREATE TABLE secrets (s text)",
		"CREATE FUNCTION secrets_of() RETURNS SETOF text LANGUAGE SQL AS 'SELECT s FROM secrets'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON people TO clerk",
		"CREATE MASKING POLICY m ON people (ssn) TO clerk USING (hub.full_mask(ssn))",
		"ALTER TABLE people ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY own ON people TO clerk USING (region = 'EMEA') WITH CHECK (region IN ('EMEA', 'LATAM'))",
	)
	config, err := pgconn.ParseConfig(hub.URL("clerk", "p"))
	if err != nil {
		t.Fatal(err)
	}
	clerk, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer clerk.Close(context.Background())
	for _, c := range []struct{ sql, want string }{
		{"SELECT * FROM people ORDER BY id", "1|EMEA|***********|10;2|EMEA|***********|20"},
		// What is not assigned stays as it is, unmasked.
		{"UPDATE people SET pay = pay + 1 WHERE id = 1 RETURNING *", "1|EMEA|***********|11"},
		{"UPDATE people SET pay = 99 WHERE id = 3 RETURNING id", ""},
		{"DELETE FROM people WHERE id = 3 RETURNING id", ""},
		// A masked value is never written back.
		{"UPDATE people SET ssn = ssn", "error 42501"},
		{"UPDATE people SET ssn = ssn || 'x' WHERE id = 1", "error 42501"},
		{"UPDATE people SET (ssn, pay) = (upper(ssn), 5)", "error 42501"},
		// Conditions see what a query would see.
		{"UPDATE people SET pay = 50 WHERE ssn = '" + canary + "' RETURNING id", ""},
		{"DELETE FROM people WHERE ssn = '" + canary + "' RETURNING id", ""},
		{"DELETE FROM people WHERE ssn LIKE '078%' RETURNING id", ""},
		// New rows keep the policy, and come back masked.
		{"INSERT INTO people VALUES (4, 'APAC', 'x', 1)", "error 42501"},
		{"UPDATE people SET region = 'APAC' WHERE id = 2", "error 42501"},
		{"INSERT INTO people VALUES (5, 'EMEA', '555-55-5555', 1) RETURNING *", "5|EMEA|***********|1"},
		{"UPDATE people SET region = 'LATAM' WHERE id = 5 RETURNING id", "5"},
		{"SELECT id FROM people ORDER BY id", "1;2"},
		// Errors tell that there is a conflict, not with what.
		{"INSERT INTO people VALUES (6, 'EMEA', '" + canary + "', 1)", "error 23505"},
		{"UPDATE people SET pay = -1 WHERE id = 1", "error 23514"},
		{"UPDATE people SET id = NULL WHERE id = 1", "error 23502"},
		// What is in conflict may be changed when it is visible, and shows nothing
		// when it is not.
		{"INSERT INTO people VALUES (1, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = people.pay + excluded.pay RETURNING *", "1|EMEA|***********|16"},
		{"INSERT INTO people VALUES (1, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = 11 RETURNING pay", "11"},
		{"INSERT INTO people VALUES (1, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET ssn = people.ssn", "error 42501"},
		{"INSERT INTO people VALUES (1, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = 7 WHERE people.ssn = '" + canary + "' RETURNING id", ""},
		{"INSERT INTO people VALUES (1, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET region = 'APAC'", "error 42501"},
		{"INSERT INTO people VALUES (3, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = 7", "error 42501"},
		{"INSERT INTO people VALUES (3, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = 7 WHERE people.pay = 0", "error 42501"},
		{"INSERT INTO people VALUES (3, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = 1 / (people.pay - 30)", "error 42501"},
		{"INSERT INTO people VALUES (3, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = 1 WHERE 1 / (people.pay - 30) > 0", "error 42501"},
		{"INSERT INTO people VALUES (7, 'EMEA', '" + canary + "', 5) ON CONFLICT (ssn) DO UPDATE SET pay = 11 RETURNING *", "1|EMEA|***********|11"},
		{"TRUNCATE people", "error 42501"},
		{"ALTER TABLE people DISABLE ROW LEVEL SECURITY", "error 42501"},
		{"DROP TABLE people", "error 42501"},
		// Functions are executed with the rights of who calls them, and see what he
		// sees.
		{"SELECT ssn_of(1)", "***********"},
		{"SELECT ssn_of(3)", "NULL"},
		{"SELECT * FROM everybody() ORDER BY 1", "1;2"},
		{"SELECT * FROM secrets_of()", "error 42501"},
		{"SELECT id FROM people WHERE ssn_of(id) = '" + canary + "'", ""},
		// A copy holds what its maker sees.
		{"CREATE TEMP TABLE mine AS SELECT * FROM people", ""},
		{"SELECT ssn FROM mine ORDER BY id", "***********;***********"},
	} {
		a := ask(clerk, simple, c.sql, true)
		if strings.Contains(a.text, canary) {
			t.Errorf("%s\nshows a masked value: %s", c.sql, a.text)
		}
		if got := a.short(); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.sql, got, c.want)
		}
	}
	_, rows, err := hubtest.Text(t.Context(), admin, "SELECT id, region, ssn, pay FROM people ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, strings.Join(r, "|"))
	}
	if got, want := strings.Join(lines, ";"), "1|EMEA|"+canary+"|11;2|EMEA|111-11-1111|20;3|APAC|222-22-2222|30;5|LATAM|555-55-5555|1"; got != want {
		t.Errorf("the table holds\n%s\nwant\n%s", got, want)
	}
	// The canary may stand in the statements that named it, nowhere else.
	for line := range strings.SplitSeq(hub.Log(), "\n") {
		if strings.Contains(line, canary) {
			t.Errorf("the log holds a masked value: %s", line)
		}
	}
}
