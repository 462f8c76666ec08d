package logic

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	_ "modernc.org/sqlite" // writes the CRM

	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// world is the same data twice: in one PostgreSQL database, and spread over
// PostgreSQL (orders, employees), MariaDB (products), SQLite (customers),
// Parquet (events) and CSV (regions) behind a hub.
type world struct {
	pg        *harness.PG
	maria     *harness.Maria
	hub       *hubtest.Hub
	reference string // the database with everything
}

// table is one table of the fixture: the definition for PostgreSQL and its rows
// as SQL literals.
type table struct {
	name string
	ddl  string
	rows []string
}

// inserts makes INSERT statements of 500 rows.
func (t table) inserts() []string {
	var out []string
	for i := 0; i < len(t.rows); i += 500 {
		out = append(out, "INSERT INTO "+t.name+" VALUES "+strings.Join(t.rows[i:min(i+500, len(t.rows))], ","))
	}
	return out
}

// quote makes a literal; "" gives NULL.
func quote(s string) string {
	if s == "" {
		return "NULL"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// event is a row of the Parquet table.
type event struct {
	ID         int64    `parquet:"id"`
	CustomerID *int32   `parquet:"customer_id,optional"`
	Kind       *string  `parquet:"kind,optional,dict"`
	Value      *float64 `parquet:"value,optional"`
	TS         int64    `parquet:"ts,timestamp(microsecond:local)"`
	Day        int32    `parquet:"day,date"`
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{pg: harness.Postgres(t), maria: harness.MariaDB(t), hub: hubtest.Start(t), reference: "reference"}
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	dir := t.TempDir()

	customers := table{name: "customers", ddl: "CREATE TABLE customers (id int8, name text, email text, region text, credit numeric(10,2), vip boolean, born date)"}
	for i := 1; i <= 60; i++ {
		email, credit := fmt.Sprintf("user%d@example.org", i), fmt.Sprintf("%d.%02d", r.IntN(10000), r.IntN(100))
		if i%7 == 0 {
			email = ""
		}
		if i%9 == 0 {
			credit = "NULL"
		}
		region := pick("EMEA", "APAC", "AMER", "LATAM", "")
		born := fmt.Sprintf("%d-%02d-%02d", 1950+r.IntN(50), 1+r.IntN(12), 1+r.IntN(28))
		if i%11 == 0 {
			born = ""
		}
		name := pick("Ann", "Bob", "Zoë", "Anders", "李雷", "O'Neil") + fmt.Sprintf(" %d", i)
		customers.rows = append(customers.rows, fmt.Sprintf("(%d,%s,%s,%s,%s,%v,%s)", i, quote(name), quote(email), quote(region), credit, r.IntN(3) == 0, quote(born)))
	}
	products := table{name: "products", ddl: "CREATE TABLE products (id int4, name varchar(40), category varchar(20), price numeric(10,2), stock int4, discontinued boolean, added date)"}
	for i := 1; i <= 80; i++ {
		products.rows = append(products.rows, fmt.Sprintf("(%d,%s,%s,%d.%02d,%d,%v,'2023-%02d-%02d')", i,
			quote(pick("widget", "Widget", "gadget", "gizmo")+fmt.Sprintf(" %d", i)), quote(pick("tools", "toys", "garden", "Tools", "books")),
			r.IntN(100), r.IntN(100), r.IntN(20), r.IntN(5) == 0, 1+r.IntN(12), 1+r.IntN(28)))
	}
	orders := table{name: "orders", ddl: "CREATE TABLE orders (id int4 NOT NULL, customer_id int4, product_id int4, amount numeric(12,2), qty int4, status text, ordered_at timestamp, note text)"}
	for i := 1; i <= 600; i++ {
		customer, status, note := fmt.Sprint(1+r.IntN(55)), pick("paid", "open", "sent", "returned", ""), ""
		if i%50 == 0 {
			customer = "NULL"
		}
		if i%4 == 0 {
			note = pick("rush", "gift, wrapped", "it's late", `back\slash`)
		}
		orders.rows = append(orders.rows, fmt.Sprintf("(%d,%s,%d,%d.%02d,%d,%s,'2024-%02d-%02d %02d:%02d:%02d.%03d',%s)", i, customer, 1+r.IntN(85),
			r.IntN(1000), r.IntN(100), 1+r.IntN(10), quote(status), 1+r.IntN(6), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), quote(note)))
	}
	employees := table{name: "employees", ddl: "CREATE TABLE employees (id int4, name text, manager_id int4, dept text, salary numeric, hired date, active boolean)"}
	for i := 1; i <= 20; i++ {
		manager := fmt.Sprint(1 + r.IntN(max(i-1, 1)))
		if i == 1 {
			manager = "NULL"
		}
		employees.rows = append(employees.rows, fmt.Sprintf("(%d,%s,%s,%s,%d.5,'2020-%02d-%02d',%v)", i, quote(fmt.Sprintf("emp %d", i)), manager,
			quote(pick("eng", "ops", "hr")), 1000+r.IntN(5000), 1+r.IntN(12), 1+r.IntN(28), r.IntN(4) > 0))
	}
	events := table{name: "events", ddl: "CREATE TABLE events (id int8, customer_id int4, kind text, value float8, ts timestamp, day date)"}
	f, err := os.Create(filepath.Join(dir, "events.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	pw := parquet.NewGenericWriter[event](f, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(700))
	for i := 1; i <= 2000; i++ {
		e := event{ID: int64(i)}
		customer, kind, value := "NULL", "", "NULL"
		if i%13 != 0 {
			c := int32(1 + r.IntN(60))
			e.CustomerID, customer = &c, fmt.Sprint(c)
		}
		if i%17 != 0 {
			kind = pick("click", "view", "buy")
			e.Kind = &kind
		}
		if i%19 != 0 {
			v := float64(r.IntN(100000)) / 1000
			e.Value, value = &v, fmt.Sprint(v)
		}
		const epochDays = 19723 // 2024-01-01
		day, sec := r.IntN(60), r.IntN(86400)
		e.Day = int32(epochDays + day)
		e.TS = (int64(epochDays+day)*86400 + int64(sec)) * 1e6
		events.rows = append(events.rows, fmt.Sprintf("(%d,%s,%s,%s,TIMESTAMP '2024-01-01' + INTERVAL '%d days %d seconds','2024-01-01'::date + %d)", i, customer, quote(kind), value, day, sec, day))
		if _, err := pw.Write([]event{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	regions := table{name: "regions", ddl: "CREATE TABLE regions (code text, label text, manager text, target numeric)", rows: []string{
		"('EMEA','Europe, Middle East','Ann',250.5)", "('APAC','Asia Pacific',NULL,80)", "('AMER','North \"America\"','Bob',1000.00)", "('ANTA','Antarctica','Zed',0)",
	}}
	csv := "code,label,manager,target\nEMEA,\"Europe, Middle East\",Ann,250.5\nAPAC,Asia Pacific,,80\nAMER,\"North \"\"America\"\"\",Bob,1000.00\nANTA,Antarctica,Zed,0\n"
	if err := os.WriteFile(filepath.Join(dir, "regions.csv"), []byte(csv), 0o644); err != nil {
		t.Fatal(err)
	}

	// Everything in one PostgreSQL.
	w.pg.Database(t, w.reference, "")
	for _, tab := range []table{customers, products, orders, employees, events, regions} {
		w.pg.Exec(t, w.reference, append([]string{tab.ddl}, tab.inserts()...)...)
	}
	// The same, spread.
	w.pg.Database(t, "shop", "")
	for _, tab := range []table{orders, employees} {
		w.pg.Exec(t, "shop", append([]string{tab.ddl}, tab.inserts()...)...)
	}
	w.maria.Exec(t, "", "DROP DATABASE IF EXISTS store", "CREATE DATABASE store")
	mysqlDDL := "CREATE TABLE products (id int, name varchar(40), category varchar(20), price decimal(10,2), stock int, discontinued tinyint(1), added date)"
	w.maria.Exec(t, "store", append([]string{mysqlDDL}, products.inserts()...)...)
	lite, err := sql.Open("sqlite", filepath.Join(dir, "crm.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	for _, s := range append([]string{"CREATE TABLE customers (id integer primary key, name text, email text, region text, credit numeric(10,2), vip boolean, born date)"}, customers.inserts()...) {
		if _, err := lite.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	w.hub.Exec(t,
		fmt.Sprintf("CREATE SERVER shop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'shop', sslmode 'disable')", w.pg.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (user %s, password %s)", quote(w.pg.User), quote(w.pg.Password)),
		fmt.Sprintf("CREATE SERVER store FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '127.0.0.1', port '%d')", w.maria.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER store OPTIONS (username %s, password %s)", quote(w.maria.User), quote(w.maria.Password)),
		fmt.Sprintf("CREATE SERVER crm FOREIGN DATA WRAPPER sqlite_fdw OPTIONS (database %s)", quote(filepath.Join(dir, "crm.db"))),
		"CREATE SERVER lake FOREIGN DATA WRAPPER parquet_fdw",
		"CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
		"IMPORT FOREIGN SCHEMA public FROM SERVER shop INTO public",
		"IMPORT FOREIGN SCHEMA store FROM SERVER store INTO public",
		"IMPORT FOREIGN SCHEMA main FROM SERVER crm INTO public",
		fmt.Sprintf("CREATE FOREIGN TABLE events (id int8, customer_id int4, kind text, value float8, ts timestamp, day date) SERVER lake OPTIONS (filename %s)", quote(filepath.Join(dir, "events.parquet"))),
		fmt.Sprintf("CREATE FOREIGN TABLE regions (code text, label text, manager text, target numeric) SERVER files OPTIONS (filename %s, format 'csv', header 'true')", quote(filepath.Join(dir, "regions.csv"))),
	)
	return w
}
