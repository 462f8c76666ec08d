package clients

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

// TestStatementsOfTheReadmeWork runs every block of README.md that is marked with
// <!-- statements -->, with the addresses of the examples replaced.
func TestStatementsOfTheReadmeWork(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	pg, hub, dir := harness.Postgres(t), hubtest.Start(t), t.TempDir()
	pg.Database(t, "sales", "")
	pg.Exec(
		t, "sales", "CREATE ROLE reader LOGIN PASSWORD 'secret'",
		"CREATE TABLE customers (id int, name text, email text, region text)",
		"INSERT INTO customers VALUES (1,'Ada','ada@example.com','N'), (2,'Bob','bob@example.com','S'), (3,'Cyd','cyd@example.com','N')",
		"GRANT SELECT ON customers TO reader",
	)
	if err := os.WriteFile(filepath.Join(dir, "regions.csv"), []byte("code,name\nN,North\nS,South\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	replace := strings.NewReplacer("db.example.com", pg.Host, "'5432'", "'"+strconv.Itoa(pg.Port)+"'", "/srv/files", dir)
	blocks := strings.Split(string(text), "<!-- statements -->\n```sql\n")[1:]
	if len(blocks) != 4 {
		t.Fatalf("%d blocks of statements, not 4", len(blocks))
	}
	for _, b := range blocks {
		block, _, _ := strings.Cut(b, "```")
		for sql := range strings.SplitSeq(replace.Replace(block), ";\n") {
			if strings.TrimSpace(sql) != "" {
				hub.Exec(t, sql)
			}
		}
	}
	_, rows, err := hubtest.Text(t.Context(), hub.Connect(t, "analyst", "analyst").PgConn(), "SELECT * FROM sales_data.customers ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range rows {
		got += strings.Join(r, "|") + "\n"
	}
	if want := "1|Ada|ad***********om|N\n3|Cyd|cy***********om|N\n"; got != want {
		t.Errorf("the analyst sees\n%s\nnot\n%s", got, want)
	}
}
