// Package clients connects to a hub as people and programs do: psql, pgx, a JDBC
// program. The command line of the server has its tests in tests/process.
package clients

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hubsql/hubsql/tests/hubtest"
)

// people is the number of rows of the table people.
const people = 3000

// Passwords of the two roles: the steward sees everything, the analyst no ssn and
// no salary, and only people who are active.
const (
	stewardPassword = "steward's"
	analystPassword = "analyst's"
)

// ssn is the protected value of a row.
func ssn(id int) string { return fmt.Sprintf("9%02d-%02d-%04d", id%97, 10+id%89, id) }

// fixture starts a hub with the foreign table people, which is a CSV file.
func fixture(t *testing.T) *hubtest.Hub {
	t.Helper()
	dir := t.TempDir()
	writePeople(t, filepath.Join(dir, "people.csv"))
	h := hubtest.Start(t)
	h.Exec(
		t,
		"CREATE SERVER files FOREIGN DATA WRAPPER file_fdw OPTIONS (root '"+dir+"')",
		`CREATE FOREIGN TABLE people (
			id integer NOT NULL, name text, ssn text, salary numeric(10,2), born date, active boolean, score float8, seen timestamp
		) SERVER files OPTIONS (filename 'people.csv', format 'csv', header 'true')`,
		"CREATE USER MAPPING FOR CURRENT_USER SERVER files",
		"CREATE ROLE steward LOGIN PASSWORD 'steward''s'",
		"CREATE ROLE analyst LOGIN PASSWORD 'analyst''s'",
		"GRANT SELECT ON people TO steward, analyst",
		"CREATE MASKING POLICY hide_ssn ON people (ssn) TO analyst USING (hub.partial_mask(ssn))",
		"CREATE MASKING POLICY hide_salary ON people (salary) TO analyst USING (hub.null_mask(salary))",
		"CREATE POLICY everybody ON people FOR SELECT TO steward USING (true)",
		"CREATE POLICY active ON people FOR SELECT TO analyst USING (active)",
		"ALTER TABLE people ENABLE ROW LEVEL SECURITY",
	)
	return h
}

func writePeople(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "id,name,ssn,salary,born,active,score,seen")
	day := time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)
	for id := 1; id <= people; id++ {
		name := fmt.Sprintf("person %d", id)
		if id == 2 {
			name = `"Ørsted, Åse"`
		}
		fmt.Fprintf(w, "%d,%s,%s,%d.%02d,%s,%t,%g,%s\n", id, name, ssn(id), 30000+id, id%100, day.AddDate(0, 0, id).Format(time.DateOnly),
			id%3 != 0, float64(id)/8, day.AddDate(60, 0, 0).Add(time.Duration(id)*time.Minute).Format(time.DateTime))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
