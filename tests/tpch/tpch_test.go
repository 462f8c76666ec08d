package tpch_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/dataset"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
	"github.com/hubsql/hubsql/tests/tpch"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

func newScale(t *testing.T, factor float64) *tpch.Scale {
	t.Helper()
	s, err := tpch.NewScale(factor)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAnswersAreThoseOfPostgreSQL runs the 22 queries over Parquet files and over
// tables of three kinds of sources: every row is that of PostgreSQL, and in its
// order.
func TestAnswersAreThoseOfPostgreSQL(t *testing.T) {
	ctx := context.Background()
	scale, dir := newScale(t, 0.01), t.TempDir()
	if err := scale.WriteParquet(dir); err != nil {
		t.Fatal(err)
	}

	pg := harness.Postgres(t)
	pg.Database(t, "tpch", "")
	reference, err := pgconn.Connect(ctx, pg.URL("tpch"))
	if err != nil {
		t.Fatal(err)
	}
	defer reference.Close(ctx)
	if err := scale.LoadPostgres(ctx, reference, tpch.Everything()); err != nil {
		t.Fatal(err)
	}

	maria := harness.MariaDB(t)
	maria.Exec(t, "", "CREATE OR REPLACE DATABASE tpch")
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.DBName = maria.User, maria.Password, "tcp", fmt.Sprintf("%s:%d", maria.Host, maria.Port), "tpch"
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := scale.LoadMariaDB(ctx, db, tpch.InMariaDB); err != nil {
		t.Fatal(err)
	}

	hub := hubtest.Start(t)
	hub.Exec(t, tpch.ParquetSchema("parquet", dir, tpch.Everything())...)
	hub.Exec(t, tpch.FederatedSchema("federated", dir,
		dataset.Server{Host: pg.Host, Port: pg.Port, User: pg.User, Password: pg.Password, Database: "tpch"},
		dataset.Server{Host: maria.Host, Port: maria.Port, User: maria.User, Password: maria.Password, Database: "tpch"})...)
	conn := hub.Admin(t).PgConn()
	for n := 1; n <= tpch.Queries; n++ {
		columns, want, err := hubtest.Text(ctx, reference, tpch.Query(n))
		if err != nil {
			t.Fatalf("PostgreSQL, query %d: %v", n, err)
		}
		if len(want) == 0 {
			t.Errorf("query %d has an empty answer, which shows nothing", n)
		}
		for _, schema := range []string{"parquet", "federated"} {
			t.Run(fmt.Sprintf("%s/%02d", schema, n), func(t *testing.T) {
				if _, err := conn.Exec(ctx, "SET search_path = "+schema).ReadAll(); err != nil {
					t.Fatal(err)
				}
				named, got, err := hubtest.Text(ctx, conn, tpch.Query(n))
				if err != nil {
					t.Fatal(err)
				}
				if schema == "parquet" && !slices.Equal(named, columns) {
					t.Errorf("columns are %v, not %v", named, columns)
				}
				if !slices.EqualFunc(got, want, slices.Equal) {
					t.Errorf("%d rows that are not PostgreSQL's %d:\n%.1000v\nnot\n%.1000v", len(got), len(want), got, want)
				}
			})
		}
	}
}

// sum is a digest of the rows of one part of a table.
func sum(t *dataset.Table, part int) string {
	b := dataset.NewBatch(t)
	t.Fill(part, b)
	h := sha256.New()
	for _, c := range b.Columns {
		fmt.Fprint(h, c.Ints, c.Floats, c.Ends)
		h.Write(c.Bytes)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// TestRowsDependOnTheScaleAlone holds digests of every table. Who changes rows
// raises tpch.Version, by which stored files are found.
func TestRowsDependOnTheScaleAlone(t *testing.T) {
	want := map[string]string{
		"lineitem": "e491b8b00317c8b0", "orders": "24da5440261fd16a", "partsupp": "4f5eddf7ae6169ee", "part": "c399b2891a8e40db",
		"customer": "f9425dcac42793f2", "supplier": "9cb0f792b02b500f", "nation": "b760c6fb54496f3c", "region": "f2a98e51dad2a89c",
	}
	for _, table := range newScale(t, 0.01).Tables() {
		got := sum(&table, 0)
		if again := sum(&table, 0); got != again {
			t.Errorf("%s: %s and then %s", table.Name, got, again)
		}
		if got != want[table.Name] {
			t.Errorf("%s: rows have the digest %q, not %q: raise tpch.Version", table.Name, got, want[table.Name])
		}
	}
}

// TestKeysAreRelatedAsTheSpecificationSays looks at what the queries rely on.
func TestKeysAreRelatedAsTheSpecificationSays(t *testing.T) {
	scale := newScale(t, 0.02)
	batches := map[string]*dataset.Batch{}
	for _, table := range scale.Tables() {
		b := dataset.NewBatch(&table)
		for part := range table.Parts {
			table.Fill(part, b)
		}
		batches[table.Name] = b
	}
	count := func(name string, want int) {
		if got := batches[name].Len(); got != want {
			t.Errorf("%s has %d rows, not %d", name, got, want)
		}
	}
	count("region", 5)
	count("nation", 25)
	count("supplier", 200)
	count("part", 4000)
	count("partsupp", 16000)
	count("customer", 3000)
	count("orders", 30000)

	type pair struct{ part, supplier int64 }
	offered := map[pair]bool{}
	ps := batches["partsupp"].Columns
	for i := range ps[0].Ints {
		offered[pair{ps[0].Ints[i], ps[1].Ints[i]}] = true
	}
	if len(offered) != 16000 {
		t.Errorf("partsupp has %d different keys", len(offered))
	}
	l, o := batches["lineitem"].Columns, batches["orders"].Columns
	if n := len(l[0].Ints); n < 118_000 || n > 122_000 {
		t.Errorf("lineitem has %d rows", n)
	}
	totals, open, lines := map[int64]int64{}, map[int64]int{}, map[int64]int{}
	for i, order := range l[0].Ints {
		if !offered[pair{l[1].Ints[i], l[2].Ints[i]}] {
			t.Fatalf("line %d: part %d has no supplier %d", i, l[1].Ints[i], l[2].Ints[i])
		}
		totals[order] += (l[5].Ints[i]*(100-l[6].Ints[i])*(100+l[7].Ints[i]) + 5000) / 10000
		lines[order]++
		if string(l[9].At(i)) == "O" {
			open[order]++
		}
	}
	for i, order := range o[0].Ints {
		status := "P"
		switch open[order] {
		case 0:
			status = "F"
		case lines[order]:
			status = "O"
		}
		if got := string(o[2].At(i)); got != status || o[3].Ints[i] != totals[order] || lines[order] == 0 {
			t.Fatalf("order %d: status %s, total %d, %d lines", order, got, o[3].Ints[i], lines[order])
		}
		if customer := o[1].Ints[i]; customer%3 == 0 || customer < 1 || customer > 3000 {
			t.Fatalf("order %d is of customer %d", order, customer)
		}
		if order%32 > 8 || i > 0 && order <= o[0].Ints[i-1] {
			t.Fatalf("order key %d behind %d", order, o[0].Ints[i-1])
		}
	}
}
