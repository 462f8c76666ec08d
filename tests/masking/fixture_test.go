// Package masking attacks the policies. Its oracle: what an analyst gets must
// equal the answer of a real PostgreSQL to the same SQL over a copy that was
// masked and filtered beforehand, whatever the kind of source, the protocol and
// the shape of the engine, and no raw value may appear anywhere on the way.
package masking

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/parquet-go/parquet-go"

	_ "modernc.org/sqlite" // writes the SQLite source

	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// kinds are the schemas of the hub that hold the table customers, one for each
// kind of source.
var kinds = []string{"pgsrc", "mysrc", "litesrc", "csvsrc", "pqsrc"}

// columns of customers as CREATE FOREIGN TABLE takes them.
const columns = "(id int, name text, email text, ssn text, salary int, dob date, region text, pan text, notes text)"

// customer is a row; nil is NULL.
type customer struct {
	ID     int32   `parquet:"id"`
	Name   *string `parquet:"name,optional,dict"`
	Email  *string `parquet:"email,optional"`
	SSN    *string `parquet:"ssn,optional,dict"`
	Salary *int32  `parquet:"salary,optional"`
	DOB    *int32  `parquet:"dob,optional,date"`
	Region *string `parquet:"region,optional,dict"`
	PAN    *string `parquet:"pan,optional"`
	Notes  *string `parquet:"notes,optional"`
}

// customers are the raw rows. Row 3 is hidden from the analyst, row 8 is not;
// both have the salary 99999. Row 13 has a region that equals EMEA only where
// the collation ignores case.
func customers() []customer {
	text := func(format string, args ...any) *string { s := fmt.Sprintf(format, args...); return &s }
	var out []customer
	for i := 1; i <= 40; i++ {
		salary, dob := int32(6100000+i*1013), int32(10000+i*37)
		if i == 3 || i == 8 {
			salary = 99999
		}
		c := customer{
			ID: int32(i), Name: text("Nemo%02d", i%9), Email: text("zqlocal%02d%s@example.org", i, strings.Repeat("x", i%3)),
			SSN: text("078-05-%04d", 1112+i), Salary: &salary, DOB: &dob, Region: text("EMEA"),
			PAN: text("4000-0012-%04d-%04d", i*7, 9000+i%11), Notes: text("note, %d", i%5),
		}
		switch {
		case i == 13:
			c.Region = text("emea")
		case i == 17:
			c.Region = nil
		case i%2 == 1:
			c.Region = text("%s", []string{"US", "APAC", "EMEA "}[i%3])
		}
		if i == 10 || i == 11 {
			c.Name, c.Email, c.SSN, c.Salary, c.PAN = nil, nil, nil, nil, nil
		}
		if i == 12 {
			c.Email = text("a@b")
		}
		if i%7 == 0 {
			c.Notes, c.DOB = nil, nil
		}
		if c.Region == nil || *c.Region != "EMEA" {
			c.Notes = text("hidden-note-%02d", i)
		}
		out = append(out, c)
	}
	return out
}

// visible reports whether the analyst's row policy lets a row through.
func (c customer) visible() bool { return c.Region != nil && *c.Region == "EMEA" }

// masked is the row as the analyst sees it; hash gives hub.hash_mask.
func (c customer) masked(hash map[string]string) customer {
	each := func(v *string, f func(string) string) *string {
		if v == nil {
			return nil
		}
		s := f(*v)
		return &s
	}
	c.Name = each(c.Name, func(string) string { return "someone" })
	c.SSN = each(c.SSN, func(s string) string { return strings.Repeat("*", utf8.RuneCountInString(s)) })
	c.Email = each(c.Email, func(s string) string {
		if len(s) <= 4 {
			return strings.Repeat("*", len(s))
		}
		return s[:2] + strings.Repeat("*", len(s)-4) + s[len(s)-2:]
	})
	c.PAN = each(c.PAN, func(s string) string { return hash[s] })
	c.Salary = nil
	return c
}

// canaries are the strings that nobody but the superuser may meet.
func canaries() []string {
	var out []string
	for _, c := range customers() {
		if c.SSN != nil {
			out = append(out, *c.SSN, *c.PAN, fmt.Sprint(*c.Salary), fmt.Sprintf("local%02d", c.ID), *c.Name)
		}
		if !c.visible() {
			out = append(out, *c.Notes)
		}
	}
	return out
}

func quote(s *string) string {
	if s == nil {
		return "NULL"
	}
	return "'" + strings.ReplaceAll(*s, "'", "''") + "'"
}

func number(n *int32) string {
	if n == nil {
		return "NULL"
	}
	return fmt.Sprint(*n)
}

// day prints a date; empty for NULL.
func (c customer) day() *string {
	if c.DOB == nil {
		return nil
	}
	s := epoch.AddDate(0, 0, int(*c.DOB)).Format("2006-01-02")
	return &s
}

// insert makes one INSERT of all rows.
func insert(rows []customer) string {
	var list []string
	for _, c := range rows {
		list = append(list, fmt.Sprintf("(%d,%s,%s,%s,%s,%s,%s,%s,%s)", c.ID, quote(c.Name), quote(c.Email), quote(c.SSN), number(c.Salary),
			quote(c.day()), quote(c.Region), quote(c.PAN), quote(c.Notes)))
	}
	return "INSERT INTO customers VALUES " + strings.Join(list, ",")
}

// writeCSV writes the rows; NULL is an empty field.
func writeCSV(t *testing.T, path string, rows []customer) {
	var b strings.Builder
	b.WriteString("id,name,email,ssn,salary,dob,region,pan,notes\n")
	field := func(s *string) string {
		if s == nil {
			return ""
		}
		return `"` + strings.ReplaceAll(*s, `"`, `""`) + `"`
	}
	for _, c := range rows {
		salary := ""
		if c.Salary != nil {
			salary = fmt.Sprint(*c.Salary)
		}
		fmt.Fprintf(&b, "%d,%s,%s,%s,%s,%s,%s,%s,%s\n", c.ID, field(c.Name), field(c.Email), field(c.SSN), salary, field(c.day()), field(c.Region), field(c.PAN), field(c.Notes))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeParquet writes the rows in row groups of nine.
func writeParquet(t *testing.T, path string, rows []customer) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[customer](f, parquet.MaxRowsPerRowGroup(9))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// world is a hub with one customers table of each kind under the same policies,
// and a PostgreSQL database "masked" with the copy that an analyst should see.
type world struct {
	pg    *harness.PG
	maria *harness.Maria
	hub   *hubtest.Hub
	dir   string
}

// policies are made on the table customers of every schema.
const policies = `
CREATE MASKING POLICY m_name ON %[1]s.customers (name) TO analyst USING (hub.fixed_mask(name, 'someone'));
CREATE MASKING POLICY m_email ON %[1]s.customers (email) TO analyst USING (hub.partial_mask(email));
CREATE MASKING POLICY m_ssn ON %[1]s.customers (ssn) TO analyst USING (hub.full_mask(ssn));
CREATE MASKING POLICY m_salary ON %[1]s.customers (salary) TO analyst USING (hub.null_mask(salary));
CREATE MASKING POLICY m_pan ON %[1]s.customers (pan) TO analyst USING (hub.hash_mask(pan));
CREATE POLICY p_emea ON %[1]s.customers FOR SELECT TO analyst USING (region = 'EMEA');
CREATE POLICY p_all ON %[1]s.customers FOR SELECT TO hr USING (true);
ALTER TABLE %[1]s.customers ENABLE ROW LEVEL SECURITY`

// guesses is a clear table with what an attacker may guess.
const guesses = "(ssn text, salary int, pan text, email text)"

// views over customers; %s is the schema.
const views = `
CREATE VIEW %[1]s.v_all AS SELECT * FROM %[1]s.customers;
CREATE VIEW %[1]s.v_rich AS SELECT id, ssn, salary FROM %[1]s.customers WHERE salary > 50000;
CREATE VIEW %[1]s.v_nested AS SELECT c.id, c.email, upper(c.name) AS loud FROM %[1]s.v_all c WHERE c.ssn IS NOT NULL`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{pg: harness.Postgres(t), maria: harness.MariaDB(t), hub: hubtest.Start(t), dir: t.TempDir()}
	rows := customers()
	w.pg.Database(t, "crm", "")
	w.pg.Exec(t, "crm", "CREATE TABLE customers "+columns, insert(rows), "CREATE TABLE guesses "+guesses, insertGuesses(rows))
	w.maria.Exec(t, "", "DROP DATABASE IF EXISTS crm", "CREATE DATABASE crm")
	w.maria.Exec(t, "crm", "CREATE TABLE customers "+columns, insert(rows))
	lite, err := sql.Open("sqlite", filepath.Join(w.dir, "crm.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	for _, s := range []string{"CREATE TABLE customers " + columns, insert(rows)} {
		if _, err := lite.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	writeCSV(t, filepath.Join(w.dir, "customers.csv"), rows)
	writeParquet(t, filepath.Join(w.dir, "customers.parquet"), rows)
	file := func(name string) string { path := filepath.Join(w.dir, name); return quote(&path) }
	w.hub.Exec(t,
		fmt.Sprintf("CREATE SERVER pg FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'crm', sslmode 'disable')", w.pg.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER pg OPTIONS (user %s, password %s)", quote(&w.pg.User), quote(&w.pg.Password)),
		fmt.Sprintf("CREATE SERVER maria FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '127.0.0.1', port '%d')", w.maria.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER maria OPTIONS (username %s, password %s)", quote(&w.maria.User), quote(&w.maria.Password)),
		"CREATE SERVER lite FOREIGN DATA WRAPPER sqlite_fdw OPTIONS (database "+file("crm.db")+")",
		"CREATE SERVER files FOREIGN DATA WRAPPER file_fdw", "CREATE SERVER lake FOREIGN DATA WRAPPER parquet_fdw",
		"CREATE SCHEMA pgsrc", "CREATE SCHEMA mysrc", "CREATE SCHEMA litesrc", "CREATE SCHEMA csvsrc", "CREATE SCHEMA pqsrc", "CREATE SCHEMA extra",
		"CREATE FOREIGN TABLE pgsrc.customers "+columns+" SERVER pg OPTIONS (schema_name 'public', table_name 'customers')",
		"CREATE FOREIGN TABLE mysrc.customers "+columns+" SERVER maria OPTIONS (dbname 'crm', table_name 'customers')",
		"CREATE FOREIGN TABLE litesrc.customers "+columns+" SERVER lite OPTIONS (table 'customers')",
		"CREATE FOREIGN TABLE csvsrc.customers "+columns+" SERVER files OPTIONS (filename "+file("customers.csv")+", format 'csv', header 'true')",
		"CREATE FOREIGN TABLE pqsrc.customers "+columns+" SERVER lake OPTIONS (filename "+file("customers.parquet")+")",
		"CREATE FOREIGN TABLE extra.guesses "+guesses+" SERVER pg OPTIONS (schema_name 'public', table_name 'guesses')",
		"CREATE ROLE analyst LOGIN PASSWORD 'analyst'", "CREATE ROLE hr LOGIN PASSWORD 'hr'", "CREATE ROLE nobody LOGIN PASSWORD 'nobody'",
		"GRANT USAGE ON SCHEMA extra TO analyst, hr", "GRANT SELECT ON extra.guesses TO analyst, hr",
	)
	for _, k := range kinds {
		w.hub.Exec(t, fmt.Sprintf(policies, k), fmt.Sprintf(views, k),
			fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO analyst, hr", k),
			fmt.Sprintf("GRANT SELECT ON %[1]s.customers, %[1]s.v_all, %[1]s.v_rich, %[1]s.v_nested TO analyst, hr", k))
	}
	w.copy(t, rows)
	return w
}

// insertGuesses fills guesses with every raw value.
func insertGuesses(rows []customer) string {
	var list []string
	for _, c := range rows {
		list = append(list, fmt.Sprintf("(%s,%s,%s,%s)", quote(c.SSN), number(c.Salary), quote(c.PAN), quote(c.Email)))
	}
	return "INSERT INTO guesses VALUES " + strings.Join(list, ",")
}

// copy makes the database masked.
func (w *world) copy(t *testing.T, rows []customer) {
	hash := map[string]string{}
	admin := w.hub.Admin(t).PgConn()
	for _, c := range rows {
		if c.PAN != nil {
			_, out, err := hubtest.Text(context.Background(), admin, "SELECT hub.hash_mask("+quote(c.PAN)+")")
			if err != nil {
				t.Fatal(err)
			}
			hash[*c.PAN] = out[0][0]
		}
	}
	var seen []customer
	for _, c := range rows {
		if c.visible() {
			seen = append(seen, c.masked(hash))
		}
	}
	w.pg.Database(t, "masked", "")
	w.pg.Exec(t, "masked", "CREATE TABLE customers "+columns, insert(seen), fmt.Sprintf(views, "public"), "CREATE TABLE guesses "+guesses, insertGuesses(rows))
}

// reference connects to the masked copy.
func (w *world) reference(t *testing.T) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(context.Background(), w.pg.URL("masked"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}
