package clients

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// psql runs psql with some of its own arguments and returns what it wrote.
func psql(t *testing.T, h *hubtest.Hub, user, password string, args ...string) (stdout, stderr string) {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Fatal("no psql found: install the Debian package postgresql-client")
	}
	args = append([]string{"-X", "-h", h.Host, "-p", strconv.Itoa(h.Port), "-U", user, "-d", "hubsql"}, args...)
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password, "PAGER=cat", "LC_ALL=C.UTF-8", "PGCLIENTENCODING=UTF8")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && errs.Len() == 0 {
		t.Fatalf("psql %q: %v", args, err)
	}
	return out.String(), errs.String()
}

func TestPsqlListsWhatIsRegistered(t *testing.T) {
	h := fixture(t)
	for _, c := range []struct{ command, want string }{
		{`\d`, `public \| people \| foreign table \| hubsql`},
		{`\dE`, `public \| people \| foreign table \| hubsql`},
		{`\d people`, `(?s)Foreign table "public\.people".*id +\| integer +\| +\| not null .*salary +\| numeric\(10,2\).*seen +\| timestamp without time zone.*Server: files`},
		{`\des`, `files +\| hubsql +\| file_fdw`},
		{`\deu`, `files +\| hubsql`},
		{`\det`, `public +\| people +\| files`},
		{`\dew`, `file_fdw(?s:.*)parquet_fdw`},
		{`\du`, `(?s)analyst.*hubsql +\| .*Superuser.*steward`},
		{`\dn`, `public`},
		{`\l`, `hubsql`},
		{`\df hub.partial_mask`, `hub +\| partial_mask +\| text +\| v text +\| func`},
		{`\dp people`, `(?s)people.*foreign table.*steward=r/hubsql`},
		{`\conninfo`, `connected to database "hubsql" as user "hubsql"`},
	} {
		t.Run(c.command, func(t *testing.T) {
			out, errs := psql(t, h, "hubsql", h.Password, "-c", c.command)
			if errs != "" {
				t.Fatalf("psql complains:\n%s", errs)
			}
			// One blank between words, so that the widths of columns do not matter.
			if !regexp.MustCompile(c.want).MatchString(out) && !regexp.MustCompile(c.want).MatchString(regexp.MustCompile(` +`).ReplaceAllString(out, " ")) {
				t.Errorf("no match for %s in:\n%s", c.want, out)
			}
		})
	}
	t.Run(`\dt`, func(t *testing.T) {
		// A foreign table is no table to \dt.
		out, errs := psql(t, h, "hubsql", h.Password, "-c", `\dt`)
		if strings.Contains(out, "people") || !strings.Contains(out+errs, "Did not find any relations") {
			t.Errorf("got %s%s", out, errs)
		}
	})
}

func TestPsqlPrintsRows(t *testing.T) {
	h := fixture(t)
	out, errs := psql(t, h, "steward", stewardPassword, "-c", "SELECT id, name, ssn, salary, born, active, score, seen FROM people WHERE id < 3 ORDER BY id")
	want := ` id |    name     |     ssn     |  salary  |    born    | active | score |        seen         
----+-------------+-------------+----------+------------+--------+-------+---------------------
  1 | person 1    | 901-11-0001 | 30001.01 | 1960-01-02 | t      | 0.125 | 2020-01-01 00:01:00
  2 | Ørsted, Åse | 902-12-0002 | 30002.02 | 1960-01-03 | t      |  0.25 | 2020-01-01 00:02:00
(2 rows)

`
	if out != want || errs != "" {
		t.Errorf("got\n%s%s\nwant\n%s", out, errs, want)
	}
}

func TestPsqlShowsTheMaskedRoleMasksOnly(t *testing.T) {
	h := fixture(t)
	out, errs := psql(t, h, "analyst", analystPassword, "-At", "-c", "SELECT id, ssn, salary FROM people WHERE id <= 4 ORDER BY id")
	if want := "1|90*******01|\n2|90*******02|\n4|90*******04|\n"; out != want || errs != "" {
		t.Errorf("got %q %q, want %q", out, errs, want)
	}
	// Nobody finds a row by its raw value.
	out, errs = psql(t, h, "analyst", analystPassword, "-At", "-c", "SELECT count(*) FROM people WHERE ssn = '"+ssn(1)+"'", "-c", "SELECT count(*) FROM people WHERE salary > 0")
	if out != "0\n0\n" || errs != "" {
		t.Errorf("got %q %q", out, errs)
	}
}

func TestPsqlPointsAtTheMistake(t *testing.T) {
	h := fixture(t)
	for _, c := range []struct{ sql, want string }{
		{
			"SELECT id,\n  nme FROM people",
			"ERROR:  column \"nme\" does not exist\nLINE 2:   nme FROM people\n          ^\nHINT:  Perhaps you meant to reference the column \"people.name\".\n",
		},
		{"SELECT 1 FROM", "ERROR:  syntax error at end of input\nLINE 1: SELECT 1 FROM\n                     ^\n"},
		{"SELECT * FROM persons", "ERROR:  relation \"persons\" does not exist\nLINE 1: SELECT * FROM persons\n                      ^\n"},
		{"SELECT 1/(id-id) FROM people", "ERROR:  division by zero\n"},
	} {
		if out, errs := psql(t, h, "steward", stewardPassword, "-c", c.sql); errs != c.want {
			t.Errorf("%s: got\n%s%s\nwant\n%s", c.sql, out, errs, c.want)
		}
	}
}

func TestPsqlFetchesByCursorAndCopiesOut(t *testing.T) {
	h := fixture(t)
	out, errs := psql(t, h, "steward", stewardPassword, "-At", "-v", "FETCH_COUNT=250", "-c", "SELECT id FROM people ORDER BY id")
	if n := strings.Count(out, "\n"); n != people || errs != "" || !strings.HasSuffix(out, "\n"+strconv.Itoa(people)+"\n") {
		t.Errorf("%d rows %s", n, errs)
	}
	out, errs = psql(t, h, "analyst", analystPassword, "-c", "COPY (SELECT id, ssn FROM people ORDER BY id LIMIT 2) TO STDOUT WITH (FORMAT csv, HEADER)")
	if want := "id,ssn\n1,90*******01\n2,90*******02\n"; out != want || errs != "" {
		t.Errorf("got %q %q", out, errs)
	}
}

func TestPsqlIsRefusedWithAWrongPassword(t *testing.T) {
	h := fixture(t)
	if _, errs := psql(t, h, "analyst", "wrong", "-c", "SELECT 1"); !strings.Contains(errs, `FATAL:  password authentication failed for user "analyst"`) {
		t.Errorf("got %s", errs)
	}
}
