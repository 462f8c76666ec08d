package faults

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/cmd/hubsql/server"
)

func errorsAs(err error, pe **pgconn.PgError) bool { return errors.As(err, pe) }

// TestMemoryLimit: what wants too much goes to disk, or ends with an error that
// says who asked and how much there is; nothing of it stays reserved.
func TestMemoryLimit(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.MemoryLimit = 64 << 20 })
	c := w.connect(t)
	// Fits only when everything else was given back.
	const fits = "SELECT count(*) FROM (SELECT DISTINCT g FROM generate_series(1, 400000) g) x"
	must(t, c, fits)
	// What can go to disk does, and ends with the right answer.
	for operator, x := range map[string]struct{ sql, want string }{
		"Sort":          {"SELECT count(*), min(g), max(g) FROM (SELECT m, g FROM (SELECT md5(g::text) AS m, g FROM generate_series(1, 2000000) g) x ORDER BY m DESC OFFSET 1) y", "1999999|1|2000000"},
		"HashAggregate": {"SELECT count(*), sum(n) FROM (SELECT md5(g::text), count(*) AS n FROM generate_series(1, 2000000) g GROUP BY 1) x", "2000000|2000000"},
		"distinct":      {"SELECT count(*) FROM (SELECT DISTINCT md5(g::text) FROM generate_series(1, 2000000) g) x", "2000000"},
		"Join":          {"SELECT count(*) FROM generate_series(1, 2000000) a JOIN (SELECT g, md5(g::text) m FROM generate_series(1, 2000000) g) b ON a = b.g WHERE b.m > ''", "2000000"},
		"Nested Loop":   {"SELECT count(*) FROM generate_series(1, 3) a JOIN (SELECT md5(g::text) m FROM generate_series(1, 2000000) g) b ON length(b.m) > a", "6000000"},
		"INTERSECT":     {"SELECT count(*) FROM (SELECT md5(g::text) FROM generate_series(1, 1500000) g INTERSECT SELECT md5(g::text) FROM generate_series(500001, 2000000) g) x", "1000000"},
		"EXCEPT ALL":    {"SELECT count(*) FROM (SELECT md5(g::text) FROM generate_series(1, 1500000) g EXCEPT ALL SELECT md5(g::text) FROM generate_series(500001, 2000000) g) x", "500000"},
		"CTE":           {"WITH c AS MATERIALIZED (SELECT md5(g::text) m FROM generate_series(1, 2000000) g) SELECT (SELECT count(*) FROM c), (SELECT count(*) FROM c WHERE m > '')", "2000000|2000000"},
		"recursion":     {"WITH RECURSIVE r(i, m) AS (SELECT g, md5(g::text) FROM generate_series(1, 1000000) g UNION SELECT i / 10, md5((i / 10)::text) FROM r WHERE i > 10) SELECT count(*), sum(i) FROM r", "1000000|500000500000"},
		"window":        {"SELECT count(*), sum(n), max(l) FROM (SELECT ntile(4) OVER w AS n, lead(m) OVER w AS l, m FROM (SELECT md5(g::text) AS m, g FROM generate_series(1, 1000000) g) x WINDOW w AS (ORDER BY g)) y", "1000000|2500000|fffffe98d0963d27015c198262d97221"},
		"files":         {"SELECT count(*) > 1000000 FROM (SELECT DISTINCT a.text || b.g FROM big_csv a, generate_series(1, 20) b(g)) x", "t"},
	} {
		t.Run(operator, func(t *testing.T) {
			if got := must(t, c, x.sql); got != x.want {
				t.Errorf("got %s, want %s", got, x.want)
			}
			if got := must(t, c, fits); got != "400000" {
				t.Error(got)
			}
		})
	}
	for operator, sql := range map[string]string{
		"array_agg":     "SELECT cardinality(array_agg(md5(g::text))) FROM generate_series(1, 5000000) g",
		"string_agg":    "SELECT length(string_agg(md5(g::text), ',')) FROM generate_series(1, 5000000) g",
		"one value":     "SELECT length(repeat('x', 900000000))",
		"padding":       "SELECT length(lpad('x', 200000000, 'y')) + length(rpad(g::text, 200000000)) FROM generate_series(1, 3) g",
		"concatenation": "SELECT count(DISTINCT repeat('x', 1000000) || g) FROM generate_series(1, 3000) g",
		"many values":   "SELECT count(DISTINCT repeat(g::text, 1000000)) FROM generate_series(1, 3000) g",
	} {
		t.Run(operator, func(t *testing.T) {
			_, err := run(c, sql)
			fails(t, err, "53200", "limit")
			if operator == "array_agg" {
				fails(t, err, "53200", "64")
			}
			if got := must(t, c, fits); got != "400000" {
				t.Error(got)
			}
		})
	}
	w.others(t, "none")
}

// TestManySessions: fifty sessions at once get right answers.
func TestManySessions(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	answers := map[string]string{
		"SELECT count(*), sum(i) FROM pg.small":    "100|5050",
		"SELECT count(*), sum(i) FROM maria.small": "100|5050",
		"SELECT count(*), sum(i) FROM lite.small":  "100|5050",
		"SELECT count(*) FROM pg.small a JOIN maria.small b USING (i) JOIN lite.small c USING (i) WHERE i > 40": "60",
		"SELECT count(*), min(text) FROM big_csv WHERE i < 1000":                                                "1000|row 0 of the file 0",
		"SELECT count(*), max(i) FROM big_parquet WHERE i BETWEEN 500 AND 1499":                                 "1000|1499",
		"SELECT string_agg(text, ',' ORDER BY i) FROM lite.small WHERE i < 4":                                   "lite 1,lite 2,lite 3",
		"SELECT count(*) FROM generate_series(1, 50000) g WHERE g % 3 = 0":                                      "16666",
	}
	var sessions sync.WaitGroup
	for range 50 {
		c := w.connect(t)
		sessions.Go(func() {
			for sql, want := range answers {
				if got, err := run(c, sql); err != nil || got != want {
					t.Errorf("%s: %s %v", sql, got, err)
				}
			}
		})
	}
	sessions.Wait()
}

// TestSecretsStaySecret: a password that the hub was told is in no view, error,
// log or file.
func TestSecretsStaySecret(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.LogLevel = "debug" })
	const secret = "Tr0ub4dorCanary"
	c := w.connect(t)
	must(t, c, "CREATE SERVER vault FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1')")
	must(t, c, "CREATE USER MAPPING FOR PUBLIC SERVER vault OPTIONS (user 'u', password '"+secret+"')")
	must(t, c, "CREATE USER MAPPING FOR hubsql SERVER vault OPTIONS (user 'u', password '"+secret+"2')")
	must(t, c, "ALTER USER MAPPING FOR hubsql SERVER vault OPTIONS (SET password '"+secret+"3')")
	must(t, c, "CREATE ROLE sesame LOGIN PASSWORD '"+secret+"'")
	must(t, c, "ALTER ROLE sesame PASSWORD '"+secret+"4'")
	var shown strings.Builder
	collect := func(sql string) {
		out, err := run(c, sql)
		shown.WriteString(out + "\n")
		if err != nil {
			if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
				shown.WriteString(strings.Join([]string{pe.Message, pe.Detail, pe.Hint, pe.Where, pe.InternalQuery}, "\n"))
			}
		}
	}
	// Errors of statements that hold the secret.
	for _, sql := range []string{
		"CREATE USER MAPPING FOR PUBLIC SERVER vault OPTIONS (user 'u', password '" + secret + "')",
		"CREATE USER MAPPING FOR nosuch SERVER vault OPTIONS (password '" + secret + "')",
		"ALTER USER MAPPING FOR PUBLIC SERVER vault OPTIONS (ADD password '" + secret + "')",
		"CREATE ROLE sesame PASSWORD '" + secret + "'", "ALTER SERVER vault OPTIONS (ADD password '" + secret + "')",
		"EXPLAIN CREATE ROLE x PASSWORD '" + secret + "'", "SELECT hub.test_server('vault')", "SELECT * FROM vault.public.t",
		"PREPARE p AS CREATE ROLE x PASSWORD '" + secret + "'",
	} {
		collect(sql)
	}
	views := must(t, c, "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('pg_catalog', 'hub', 'information_schema')")
	if !strings.Contains(views, "pg_user_mapping") || !strings.Contains(views, "hub.") {
		t.Errorf("few views: %s", views)
	}
	for view := range strings.SplitSeq(views, ";") {
		collect("SELECT * FROM " + view)
	}
	collect("SHOW ALL")
	// Another session's view of the statement that runs.
	if strings.Contains(shown.String(), secret) {
		for line := range strings.Lines(shown.String()) {
			if strings.Contains(line, secret) {
				t.Errorf("shown: %.300s", line)
			}
		}
	}
	if strings.Contains(w.hub.Log(), secret) {
		t.Error("the log holds the secret")
	}
	files := 0
	err := filepath.WalkDir(w.hub.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			t.Errorf("%s holds the secret", path)
		}
		if d.Name() == "master.key" {
			if info, err := d.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("master.key has mode %v", info.Mode())
			}
		}
		return err
	})
	if err != nil || files < 2 {
		t.Error(files, err)
	}
	// The role can use its password all the same.
	s, err := pgconn.Connect(context.Background(), w.hub.URL("sesame", secret+"4"))
	if err != nil {
		t.Fatal(err)
	}
	s.Close(context.Background())
}
