package tpcds_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	_ "modernc.org/sqlite" // writes the tables that are kept in SQLite

	"github.com/hubsql/hubsql/tests/dataset"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
	"github.com/hubsql/hubsql/tests/tpcds"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// timeout bounds every statement on either side. On these few rows no answer needs
// a tenth of it.
const timeout = "SET statement_timeout = '30s'"

// withRows is the number of queries that must have an answer with a value in it.
const withRows = 98

// sources loads the tables: all into PostgreSQL and into Parquet files, and each
// where the federated arrangement keeps it. It returns the database of reference
// and the hub, which has the schemas parquet and federated.
func sources(t *testing.T) (*pgconn.PgConn, *hubtest.Hub) {
	ctx, dir := context.Background(), t.TempDir()
	pg, maria := harness.Postgres(t), harness.MariaDB(t)
	pg.Database(t, "tpcds", "")
	reference, err := pgconn.Connect(ctx, pg.URL("tpcds"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reference.Close(ctx) })
	maria.Exec(t, "", "CREATE OR REPLACE DATABASE tpcds CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.DBName = maria.User, maria.Password, "tcp", fmt.Sprintf("%s:%d", maria.Host, maria.Port), "tpcds"
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	file := filepath.Join(dir, "tpcds.db")
	lite, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	for _, table := range tpcds.Tables() {
		load := []error{table.LoadPostgres(ctx, reference), table.WriteParquet(dir)}
		switch tpcds.Home(table.Name) {
		case tpcds.MariaDB:
			load = append(load, table.LoadMariaDB(ctx, db))
		case tpcds.SQLite:
			load = append(load, table.LoadSQLite(ctx, lite))
		case tpcds.CSV:
			load = append(load, table.WriteCSV(dir))
		}
		for _, err := range load {
			if err != nil {
				t.Fatalf("%s: %v", table.Name, err)
			}
		}
	}
	hub := hubtest.Start(t)
	hub.Exec(t, tpcds.ParquetSchema("parquet", dir)...)
	hub.Exec(t, tpcds.FederatedSchema("federated", dir, file,
		dataset.Server{Host: pg.Host, Port: pg.Port, User: pg.User, Password: pg.Password, Database: "tpcds"},
		dataset.Server{Host: maria.Host, Port: maria.Port, User: maria.User, Password: maria.Password, Database: "tpcds"})...)
	return reference, hub
}

// hasValue tells whether an answer holds anything but NULL and zero.
func hasValue(rows [][]string) bool {
	return slices.ContainsFunc(rows, func(row []string) bool {
		return slices.ContainsFunc(row, func(v string) bool { return v != "NULL" && v != "0" })
	})
}

// TestAnswersAreThoseOfPostgreSQL runs the 99 queries over Parquet files and over
// tables of five kinds of sources: names and types of columns and every row are
// those of PostgreSQL, and in its order, which the queries fix.
func TestAnswersAreThoseOfPostgreSQL(t *testing.T) {
	ctx := context.Background()
	reference, hub := sources(t)
	conn := hub.Admin(t).PgConn()
	for _, c := range []*pgconn.PgConn{reference, conn} {
		if _, err := c.Exec(ctx, timeout).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	answered := 0
	for _, name := range tpcds.Queries() {
		columns, want, err := hubtest.Text(ctx, reference, tpcds.Query(name))
		if err != nil {
			t.Fatalf("PostgreSQL, query %s: %v", name, err)
		}
		if hasValue(want) {
			answered++
		} else {
			t.Logf("query %s: an answer without values", name)
		}
		for _, schema := range []string{"parquet", "federated"} {
			t.Run(schema+"/"+name, func(t *testing.T) {
				if _, err := conn.Exec(ctx, "SET search_path = "+schema).ReadAll(); err != nil {
					t.Fatal(err)
				}
				named, got, err := hubtest.Text(ctx, conn, tpcds.Query(name))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(named, columns) {
					t.Errorf("columns are %v, not %v", named, columns)
				}
				if !slices.EqualFunc(got, want, slices.Equal) {
					t.Errorf("%d rows that are not PostgreSQL's %d:\n%.1000v\nnot\n%.1000v", len(got), len(want), got, want)
				}
			})
		}
	}
	if answered < withRows {
		t.Errorf("only %d queries have an answer with values", answered)
	}
}

// TestRowsDoNotDependOnTheRun holds the number and a digest of the rows of every
// table.
func TestRowsDoNotDependOnTheRun(t *testing.T) {
	want := map[string]string{
		"call_center": "6 be04f2595d5b", "catalog_page": "240 361932ae7b02", "catalog_returns": "2541 bf540e7a5335", "catalog_sales": "17943 e4a256ae7019",
		"customer": "1000 80df580f2b2b", "customer_address": "800 25fc2892ef29", "customer_demographics": "7840 59b1875030ed", "date_dim": "3653 f62229f1bbd2",
		"household_demographics": "7200 253123e8bfa2", "income_band": "20 6be999b18b93", "inventory": "64740 875c90cd6ab6", "item": "600 02a5f1216ba6",
		"promotion": "60 368056998cbe", "reason": "35 d730e655f364", "ship_mode": "20 3e8e7ae213f4", "store": "12 621f0c0f59cc",
		"store_returns": "4265 1ae54c78f4b2", "store_sales": "29746 02e71d0b5590", "time_dim": "1440 fc5e134304ee", "warehouse": "5 a1db223e492b",
		"web_page": "60 3a135b331498", "web_returns": "1682 1bf085539582", "web_sales": "12002 2ba13c5af9f1", "web_site": "12 d94fe97a03c8",
	}
	for _, table := range tpcds.Tables() {
		b := dataset.NewBatch(&table.Table)
		h, rows := sha256.New(), 0
		for part := range table.Parts {
			b.Reset()
			table.Fill(part, b)
			rows += b.Len()
			for i := range b.Columns {
				c := &b.Columns[i]
				fmt.Fprint(h, c.Ints, c.Ends, c.Nulls)
				h.Write(c.Bytes)
			}
		}
		if got := fmt.Sprintf("%d %x", rows, h.Sum(nil)[:6]); got != want[table.Name] {
			t.Errorf("%s: %q, not %q", table.Name, got, want[table.Name])
		}
	}
}
