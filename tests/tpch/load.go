package tpch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/tests/dataset"
)

// Names of the tables, in three groups: where the federated arrangement keeps
// them.
var (
	InPostgres = []string{"orders", "lineitem"}
	InMariaDB  = []string{"part", "partsupp"}
	InParquet  = []string{"customer", "supplier", "nation", "region"}
)

// Everything returns the names of all tables.
func Everything() []string { return slices.Concat(InPostgres, InMariaDB, InParquet) }

// WriteParquet writes the tables into a folder, one file each, as many at a time
// as there are processors.
func (s *Scale) WriteParquet(dir string) error {
	var wait sync.WaitGroup
	tables := s.Tables()
	failed := make([]error, len(tables))
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, t := range tables {
		turn <- struct{}{} // in order: the largest first
		wait.Go(func() {
			defer func() { <-turn }()
			failed[i] = dataset.WriteParquet(&t, filepath.Join(dir, t.Name+".parquet"))
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

// LoadPostgres creates and fills tables in the database of a connection, with
// keys, indexes and statistics.
func (s *Scale) LoadPostgres(ctx context.Context, conn *pgconn.PgConn, names []string) error {
	exec := func(statement string) error {
		_, err := conn.Exec(ctx, statement).ReadAll()
		return err
	}
	for _, t := range s.Tables() {
		if !slices.Contains(names, t.Name) {
			continue
		}
		// Rows of a table of the same transaction need no log at wal_level minimal.
		for _, step := range []func() error{
			func() error { return exec("BEGIN; CREATE TABLE " + t.Name + " (" + t.Postgres() + ")") },
			func() error { return dataset.CopyPostgres(ctx, conn, &t, t.Name) },
			func() error { return exec("COMMIT") },
		} {
			if err := step(); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		for _, statement := range append(Keys(t.Name), "VACUUM (ANALYZE) "+t.Name) {
			if err := exec(statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return nil
}

// LoadMariaDB creates and fills tables in the database of a pool, with keys,
// indexes and statistics.
func (s *Scale) LoadMariaDB(ctx context.Context, db *sql.DB, names []string) error {
	for _, t := range s.Tables() {
		if !slices.Contains(names, t.Name) {
			continue
		}
		if _, err := db.ExecContext(ctx, "CREATE TABLE "+t.Name+" ("+t.MariaDB()+")"); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		if err := dataset.LoadMariaDB(ctx, db, &t, t.Name); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		for _, statement := range append(Keys(t.Name), "ANALYZE TABLE "+t.Name) {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return nil
}

// ParquetSchema returns the statements by which a hub gets the tables of a
// folder, into a schema of that name.
func ParquetSchema(schema, dir string, names []string) []string {
	return []string{
		"CREATE SCHEMA " + schema,
		"CREATE SERVER " + schema + "_files FOREIGN DATA WRAPPER parquet_fdw OPTIONS (root " + dataset.Quote(dir) + ")",
		fmt.Sprintf("IMPORT FOREIGN SCHEMA public LIMIT TO (%s) FROM SERVER %s_files INTO %[2]s", strings.Join(names, ", "), schema),
	}
}

// PostgresSchema returns the statements by which a hub gets tables of a database
// of PostgreSQL, into a schema of that name.
func PostgresSchema(schema string, server dataset.Server, names []string) []string {
	return append([]string{"CREATE SCHEMA " + schema}, fromPostgres(schema, server, names)...)
}

func fromPostgres(schema string, server dataset.Server, names []string) []string {
	return append(server.Postgres(schema+"_postgres"),
		fmt.Sprintf("IMPORT FOREIGN SCHEMA public LIMIT TO (%s) FROM SERVER %s_postgres INTO %[2]s", strings.Join(names, ", "), schema))
}

// FederatedSchema returns the statements by which a hub gets orders and lineitem
// from PostgreSQL, part and partsupp from MariaDB, and the others from the files
// of a folder, into one schema.
func FederatedSchema(schema, dir string, postgres, mariadb dataset.Server) []string {
	return slices.Concat(
		ParquetSchema(schema, dir, InParquet),
		fromPostgres(schema, postgres, InPostgres),
		mariadb.MariaDB(schema+"_mariadb"),
		[]string{
			fmt.Sprintf("IMPORT FOREIGN SCHEMA %s LIMIT TO (%s) FROM SERVER %s_mariadb INTO %[3]s", mariadb.Database, strings.Join(InMariaDB, ", "), schema),
		},
	)
}
