package masking

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestPoliciesOfTablesThatAreChangedAtSources changes a table of each kind of
// source as a role that sees it masked and in part.
func TestPoliciesOfTablesThatAreChangedAtSources(t *testing.T) {
	hub := hubtest.Start(t)
	admin := hub.Admin(t).PgConn()
	const canary = "078-05-1120"
	pg, maria := harness.Postgres(t), harness.MariaDB(t)
	pg.Database(t, "changed", "")
	maria.Exec(t, "", "CREATE DATABASE changed DEFAULT CHARACTER SET utf8mb4")
	file := filepath.Join(t.TempDir(), "changed.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := []string{
		"CREATE TABLE people (id integer PRIMARY KEY, region varchar(20) DEFAULT 'APAC', ssn varchar(20) UNIQUE, pay integer)",
		"INSERT INTO people VALUES (1, 'EMEA', '" + canary + "', 10), (2, 'EMEA', '111-11-1111', 20), (3, 'APAC', '222-22-2222', 30)",
	}
	pg.Exec(t, "changed", rows...)
	maria.Exec(t, "changed", rows...)
	for _, s := range rows {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	set(t, admin, "CREATE ROLE clerk LOGIN PASSWORD 'p'")
	config, err := pgconn.ParseConfig(hub.URL("clerk", "p"))
	if err != nil {
		t.Fatal(err)
	}
	clerk, err := pgconn.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer clerk.Close(t.Context())
	for _, kind := range []struct{ name, server, mapping, schema string }{
		{"pg", fmt.Sprintf("postgres_fdw OPTIONS (host '%s', port '%d', dbname 'changed', sslmode 'disable')", pg.Host, pg.Port), "user " + literal(pg.User) + ", password " + literal(pg.Password), "public"},
		{"my", fmt.Sprintf("mysql_fdw OPTIONS (host '%s', port '%d')", maria.Host, maria.Port), "username " + literal(maria.User) + ", password " + literal(maria.Password), "changed"},
		{"lite", "sqlite_fdw OPTIONS (database " + literal(file) + ")", "", "main"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			set(t, admin, "CREATE SERVER "+kind.name+" FOREIGN DATA WRAPPER "+kind.server)
			if kind.mapping != "" {
				set(t, admin, "CREATE USER MAPPING FOR PUBLIC SERVER "+kind.name+" OPTIONS ("+kind.mapping+")")
			}
			set(t, admin, "CREATE SCHEMA "+kind.name,
				"IMPORT FOREIGN SCHEMA "+kind.schema+" FROM SERVER "+kind.name+" INTO "+kind.name,
				"GRANT USAGE ON SCHEMA "+kind.name+" TO clerk", "GRANT USAGE ON FOREIGN SERVER "+kind.name+" TO clerk",
				"GRANT SELECT, INSERT, UPDATE, DELETE ON "+kind.name+".people TO clerk",
				"CREATE MASKING POLICY m_"+kind.name+" ON "+kind.name+".people (ssn) TO clerk USING (hub.full_mask(ssn))",
				"ALTER TABLE "+kind.name+".people ENABLE ROW LEVEL SECURITY",
				"CREATE POLICY own_"+kind.name+" ON "+kind.name+".people TO clerk USING (region = 'EMEA') WITH CHECK (region IN ('EMEA', 'LATAM'))")
			live := kind.name + "." + kind.schema + ".people"
			for _, c := range []struct{ sql, want string }{
				{"SELECT * FROM $ ORDER BY id", "1|EMEA|***********|10;2|EMEA|***********|20"},
				// What is not assigned stays as it is, unmasked.
				{"UPDATE $ SET pay = pay + 1 WHERE id = 1 RETURNING *", "1|EMEA|***********|11"},
				{"UPDATE $ SET pay = 99 WHERE id = 3 RETURNING id", ""},
				{"DELETE FROM $ WHERE id = 3 RETURNING id", ""},
				// A masked value is never written back.
				{"UPDATE $ SET ssn = ssn", "error 42501"},
				{"UPDATE $ SET ssn = ssn || 'x' WHERE id = 1", "error 42501"},
				{"UPDATE $ SET (ssn, pay) = (upper(ssn), 5)", "error 42501"},
				{"UPDATE $ p SET region = p.ssn FROM $ q WHERE p.id = q.id", "error 42501"},
				// Conditions see what a query would see.
				{"UPDATE $ SET pay = 50 WHERE ssn = '" + canary + "' RETURNING id", ""},
				{"DELETE FROM $ WHERE ssn = '" + canary + "' RETURNING id", ""},
				{"DELETE FROM $ WHERE ssn LIKE '078%' RETURNING id", ""},
				{"DELETE FROM $ WHERE 1 / (pay - 30) > 5 RETURNING id", ""},
				// New rows keep the policy, as the source stores them, and come back masked.
				{"INSERT INTO $ VALUES (4, 'APAC', 'x', 1)", "error 42501"},
				{"INSERT INTO $ (id) VALUES (4)", "error 42501"},
				{"UPDATE $ SET region = 'APAC' WHERE id = 2", "error 42501"},
				{"INSERT INTO $ VALUES (5, 'EMEA', '555-55-5555', 1) RETURNING *", "5|EMEA|***********|1"},
				{"UPDATE $ SET region = 'LATAM' WHERE id = 5 RETURNING id", "5"},
				{"SELECT id FROM $ ORDER BY id", "1;2"},
				// Errors tell that there is a conflict, not with what.
				{"INSERT INTO $ VALUES (6, 'EMEA', '" + canary + "', 1)", "error 23505"},
				{"UPDATE $ SET ssn = '" + canary + "' WHERE id = 2", "error 23505"},
				{"INSERT INTO $ VALUES (1, 'EMEA', 'z', 5) ON CONFLICT (id) DO UPDATE SET pay = 1", "error 0A000"},
				{"TRUNCATE $", "error 42501"},
				{"DELETE FROM " + live, "error 42501"},
				{"INSERT INTO " + live + " (id) VALUES (9)", "error 42501"},
			} {
				text := strings.ReplaceAll(c.sql, "$", kind.name+".people")
				a := ask(clerk, simple, text, true)
				if strings.Contains(a.text, canary) || strings.Contains(a.raw, canary) {
					t.Errorf("%s\nshows a masked value: %s", text, a.text)
				}
				if got := a.short(); got != c.want {
					t.Errorf("%s\ngot  %s\nwant %s\n%s", text, got, c.want, a.text)
				}
			}
			_, rows, err := hubtest.Text(t.Context(), admin, "SELECT id, region, ssn, pay FROM "+kind.name+".people ORDER BY id")
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
		})
	}
	// The canary may stand in the statements that named it, nowhere else.
	for line := range strings.SplitSeq(hub.Log(), "\n") {
		if strings.Contains(line, canary) {
			t.Errorf("the log holds a masked value: %s", line)
		}
	}
}

// literal makes an SQL literal.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
