package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/cmd/hubsql/server"
	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestCopyToAFile writes files below the export directory, and nowhere else.
func TestCopyToAFile(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	hub := hubtest.StartWith(t, func(c *server.Config) { c.ExportDir = dir })
	hub.Exec(t, "CREATE TABLE t (a int, b text, c numeric, d jsonb, e bool)",
		`INSERT INTO t VALUES (1, 'x,"y"', 1.50, '{"k": [1]}', true), (2, E'line\nbreak\\', 'NaN', NULL, false), (3, NULL, NULL, '"s"', NULL)`,
		"CREATE ROLE clerk LOGIN PASSWORD 'p'", "GRANT SELECT ON t TO clerk")
	if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "away")), os.Symlink(filepath.Join(outside, "f"), filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "sub"), 0o755)); err != nil {
		t.Fatal(err)
	}
	run := func(user, password, sql string) string {
		c := hub.Connect(t, user, password).PgConn()
		results, err := c.Exec(t.Context(), sql).ReadAll()
		if e, ok := errors.AsType[*pgconn.PgError](err); ok {
			t.Log(sql, e.Message)
			return e.Code
		}
		if err != nil {
			t.Fatal(err)
		}
		return results[0].CommandTag.String()
	}
	for _, c := range []struct{ sql, want, file, text string }{
		{"COPY (SELECT * FROM t ORDER BY a) TO 'a.csv' (FORMAT csv, HEADER)", "COPY 3", "a.csv", "a,b,c,d,e\n1,\"x,\"\"y\"\"\",1.50,\"{\"\"k\"\": [1]}\",t\n2,\"line\nbreak\\\",NaN,,f\n3,,,\"\"\"s\"\"\",\n"},
		{"COPY (SELECT * FROM t ORDER BY a) TO 'sub/a.json' (FORMAT ndjson)", "COPY 3", "sub/a.json", `{"a":1,"b":"x,\"y\"","c":1.50,"d":{"k": [1]},"e":true}
{"a":2,"b":"line\nbreak\\","c":"NaN","d":null,"e":false}
{"a":3,"b":null,"c":null,"d":"s","e":null}
`},
		{"COPY t (a, b) TO '" + dir + "/a.txt'", "COPY 3", "a.txt", "1\tx,\"y\"\n2\tline\\nbreak\\\\\n3\t\\N\n"},
		{"COPY (SELECT 1 / (a - 3) FROM t) TO 'bad.csv'", "22012", "", ""},
		{"COPY (SELECT a FROM t ORDER BY a LIMIT 1) TO 'sub/a.json' (FORMAT 'json')", "COPY 1", "sub/a.json", "{\"a\":1}\n"},
		{"COPY t TO '../x'", "42501", "", ""},
		{"COPY t TO '" + outside + "/x'", "42501", "", ""},
		{"COPY t TO 'away/x'", "42501", "", ""},
		{"COPY t TO 'sub'", "42501", "", ""},
		{"COPY t TO 'no/such/x'", "58P01", "", ""},
		{"COPY t TO 'x' (FORMAT binary)", "0A000", "", ""},
	} {
		if got := run("hubsql", hub.Password, c.sql); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.sql, got, c.want)
		}
		if c.file == "" {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(dir, c.file)); err != nil || string(text) != c.text {
			t.Errorf("%s\nhas written %v\n%s\nwant\n%s", c.sql, err, text, c.text)
		}
	}
	if got := run("hubsql", hub.Password, "COPY t TO 'link'"); got != "42501" {
		t.Errorf("a link was followed or replaced: %s", got)
	}
	if got := run("clerk", "p", "COPY t TO 'c.csv'"); got != "42501" {
		t.Errorf("a role without the right has written: %s", got)
	}
	hub.Exec(t, "GRANT pg_write_server_files TO clerk")
	if got := run("clerk", "p", "COPY t TO 'c.csv'"); got != "COPY 3" {
		t.Errorf("a role with the right got %s", got)
	}
	for _, d := range []string{dir, outside} {
		list, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			switch f.Name() {
			case "a.csv", "a.txt", "c.csv", "sub", "away", "link":
			default:
				t.Errorf("%s is left in %s", f.Name(), d)
			}
		}
	}
}
