package tpcds

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/dataset"
)

// Where the federated arrangement keeps a table.
const (
	Postgres = "postgres"
	MariaDB  = "mariadb"
	SQLite   = "sqlite"
	CSV      = "csv"
	Parquet  = "parquet"
)

// Home tells where the federated arrangement keeps a table: the sales and what is
// returned in PostgreSQL, what describes customers in MariaDB, stores, warehouses
// and promotions in SQLite, small lists in CSV files, the rest in Parquet files.
func Home(table string) string {
	switch table {
	case "store_sales", "store_returns", "catalog_sales", "catalog_returns", "web_sales", "web_returns":
		return Postgres
	case "customer", "customer_address", "customer_demographics", "household_demographics", "income_band":
		return MariaDB
	case "store", "warehouse", "promotion", "call_center":
		return SQLite
	case "reason", "ship_mode", "web_site", "web_page", "catalog_page":
		return CSV
	default:
		return Parquet
	}
}

// WriteParquet writes a table into a folder.
func (t *Table) WriteParquet(dir string) error {
	return dataset.WriteParquet(&t.Table, filepath.Join(dir, t.Name+".parquet"))
}

// LoadPostgres creates and fills a table in the database of a connection, with its
// primary key and statistics.
func (t *Table) LoadPostgres(ctx context.Context, conn *pgconn.PgConn) error {
	exec := func(statement string) error {
		_, err := conn.Exec(ctx, statement).ReadAll()
		return err
	}
	if err := exec("CREATE TABLE " + t.Name + " (" + t.Definitions + ", PRIMARY KEY (" + t.Key + "))"); err != nil {
		return err
	}
	if err := dataset.CopyPostgres(ctx, conn, &t.Table, t.Name); err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	return exec("VACUUM (ANALYZE) " + t.Name)
}

// LoadMariaDB creates and fills a table in the database of a pool, whose texts
// are utf8mb4_bin, with its primary key and statistics.
func (t *Table) LoadMariaDB(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE TABLE "+t.Name+" ("+t.Definitions+", PRIMARY KEY ("+t.Key+"))"); err != nil {
		return err
	}
	if err := dataset.LoadMariaDB(ctx, db, &t.Table, t.Name); err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	_, err := db.ExecContext(ctx, "ANALYZE TABLE "+t.Name)
	return err
}

// LoadSQLite creates and fills a table in a database of SQLite.
func (t *Table) LoadSQLite(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // has no effect behind Commit
	if _, err := tx.ExecContext(ctx, "CREATE TABLE "+t.Name+" ("+t.Definitions+", PRIMARY KEY ("+t.Key+"))"); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+t.Name+" VALUES (?"+strings.Repeat(", ?", len(t.Columns)-1)+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	err = t.each(func(values []string, nulls []bool) error {
		given := make([]any, len(values))
		for i, v := range values {
			if !nulls[i] {
				given[i] = v // the column's affinity makes a number of it
			}
		}
		_, err := insert.ExecContext(ctx, given...)
		return err
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	return tx.Commit()
}

// WriteCSV writes a table with a line of names into a folder; NULL is empty.
func (t *Table) WriteCSV(dir string) error {
	f, err := os.Create(filepath.Join(dir, t.Name+".csv"))
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	err = w.Write(names)
	if err == nil {
		err = t.each(func(values []string, _ []bool) error { return w.Write(values) })
	}
	w.Flush()
	return errors.Join(err, w.Error(), f.Close())
}

// each calls use with the texts of every row; that of a NULL is empty.
func (t *Table) each(use func(values []string, nulls []bool) error) error {
	b := dataset.NewBatch(&t.Table)
	values, nulls := make([]string, len(t.Columns)), make([]bool, len(t.Columns))
	for part := range t.Parts {
		b.Reset()
		t.Fill(part, b)
		for row := range b.Len() {
			for i, c := range t.Columns {
				v := &b.Columns[i]
				if nulls[i] = v.IsNull(row); nulls[i] {
					values[i] = ""
					continue
				}
				switch c.Type {
				case dataset.Text:
					values[i] = string(v.At(row))
				case dataset.Date:
					values[i] = time.Unix(v.Ints[row]*86400, 0).UTC().Format(time.DateOnly)
				case dataset.Decimal:
					values[i] = strconv.FormatFloat(float64(v.Ints[row])/100, 'f', 2, 64)
				default:
					values[i] = strconv.FormatInt(v.Ints[row], 10)
				}
			}
			if err := use(values, nulls); err != nil {
				return err
			}
		}
	}
	return nil
}

// ParquetSchema returns the statements by which a hub gets all tables from the
// Parquet files of a folder, into a schema of that name.
func ParquetSchema(schema, dir string) []string {
	out := []string{"CREATE SCHEMA " + schema, "CREATE SERVER " + schema + "_files FOREIGN DATA WRAPPER parquet_fdw OPTIONS (root " + dataset.Quote(dir) + ")"}
	for _, t := range Tables() {
		out = append(out, t.foreign(schema, schema+"_files", "filename "+dataset.Quote(t.Name+".parquet")))
	}
	return out
}

// FederatedSchema returns the statements by which a hub gets every table from its
// Home, into a schema of that name: PostgreSQL and MariaDB by their databases,
// SQLite by its file, CSV and Parquet by the files of a folder.
func FederatedSchema(schema, dir, sqlite string, postgres, mariadb dataset.Server) []string {
	out := append([]string{
		"CREATE SCHEMA " + schema,
		"CREATE SERVER " + schema + "_" + Parquet + " FOREIGN DATA WRAPPER parquet_fdw OPTIONS (root " + dataset.Quote(dir) + ")",
		"CREATE SERVER " + schema + "_" + CSV + " FOREIGN DATA WRAPPER file_fdw OPTIONS (root " + dataset.Quote(dir) + ")",
		"CREATE SERVER " + schema + "_" + SQLite + " FOREIGN DATA WRAPPER sqlite_fdw OPTIONS (database " + dataset.Quote(sqlite) + ")",
	}, append(postgres.Postgres(schema+"_"+Postgres), mariadb.MariaDB(schema+"_"+MariaDB)...)...)
	for _, t := range Tables() {
		home, options := Home(t.Name), ""
		switch home {
		case Postgres:
			options = "schema_name 'public', table_name " + dataset.Quote(t.Name)
		case MariaDB:
			options = "dbname " + dataset.Quote(mariadb.Database) + ", table_name " + dataset.Quote(t.Name)
		case SQLite:
			options = "table " + dataset.Quote(t.Name)
		case CSV:
			options = "filename " + dataset.Quote(t.Name+".csv") + ", format 'csv', header 'true'"
		default:
			options = "filename " + dataset.Quote(t.Name+".parquet")
		}
		out = append(out, t.foreign(schema, schema+"_"+home, options))
	}
	return out
}

// foreign is the statement that makes the table in a schema of a hub.
func (t *Table) foreign(schema, server, options string) string {
	return "CREATE FOREIGN TABLE " + schema + "." + t.Name + " (" + t.Definitions + ") SERVER " + server + " OPTIONS (" + options + ")"
}
