// Package writes changes tables of sources through a hub and looks at the sources
// afterwards.
package writes

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	_ "modernc.org/sqlite" // makes the SQLite source

	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/tests/hubtest"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// source is a server with a table item, known to the hub as schema and server of
// its name.
type source struct {
	name string
	// create is the DDL of the table, after is more of it.
	create string
	// exec runs SQL at the source itself.
	exec func(t testing.TB, statements ...string)
	// address is where the server listens, "" for a file.
	address string
}

// sources starts a server of each kind and makes it known to a hub.
func sources(t *testing.T, hub *hubtest.Hub) []*source {
	t.Helper()
	name := strings.ToLower(t.Name())
	pg := harness.Postgres(t)
	pg.Database(t, name, "")
	maria := harness.MariaDB(t)
	maria.Exec(t, "", "CREATE DATABASE "+name+" DEFAULT CHARACTER SET utf8mb4")
	file := filepath.Join(t.TempDir(), "writes.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	lite := func(t testing.TB, statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatalf("%v\n%s", err, s)
			}
		}
	}
	out := []*source{
		{
			name: "pg", address: net.JoinHostPort(pg.Host, strconv.Itoa(pg.Port)),
			create: "CREATE TABLE item (id serial PRIMARY KEY, name text, price numeric(10,2) DEFAULT 1.50, made timestamp, ok boolean, note varchar(20) NOT NULL DEFAULT 'none')",
			exec:   func(t testing.TB, s ...string) { t.Helper(); pg.Exec(t, name, s...) },
		},
		{
			name: "my", address: net.JoinHostPort(maria.Host, strconv.Itoa(maria.Port)),
			create: "CREATE TABLE item (id int AUTO_INCREMENT PRIMARY KEY, name text, price decimal(10,2) DEFAULT 1.50, made datetime(6), ok tinyint(1), note varchar(20) NOT NULL DEFAULT 'none')",
			exec:   func(t testing.TB, s ...string) { t.Helper(); maria.Exec(t, name, s...) },
		},
		{
			name:   "lite",
			create: "CREATE TABLE item (id integer PRIMARY KEY, name text, price numeric(10,2) DEFAULT 1.50, made timestamp, ok boolean, note varchar(20) NOT NULL DEFAULT 'none')",
			exec:   lite,
		},
	}
	hub.Exec(t,
		fmt.Sprintf("CREATE SERVER pg FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%d', dbname '%s', sslmode 'disable')", pg.Host, pg.Port, name),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER pg OPTIONS (user '%s', password '%s')", pg.User, strings.ReplaceAll(pg.Password, "'", "''")),
		fmt.Sprintf("CREATE SERVER my FOREIGN DATA WRAPPER mysql_fdw OPTIONS (host '%s', port '%d')", maria.Host, maria.Port),
		fmt.Sprintf("CREATE USER MAPPING FOR PUBLIC SERVER my OPTIONS (username '%s', password '%s')", maria.User, strings.ReplaceAll(maria.Password, "'", "''")),
		fmt.Sprintf("CREATE SERVER lite FOREIGN DATA WRAPPER sqlite_fdw OPTIONS (database '%s')", file),
	)
	for _, s := range out {
		remote := map[string]string{"pg": "public", "my": name, "lite": "main"}[s.name]
		s.exec(t, s.create)
		hub.Exec(t, "CREATE SCHEMA "+s.name, "IMPORT FOREIGN SCHEMA "+remote+" FROM SERVER "+s.name+" INTO "+s.name)
	}
	return out
}

// answer runs SQL and prints its rows as "a|b;c|d", or "error CODE".
func answer(t testing.TB, c *pgconn.PgConn, sql string) string {
	t.Helper()
	_, rows, err := hubtest.Text(t.Context(), c, sql)
	if err != nil {
		if e, ok := errors.AsType[*pgconn.PgError](err); ok {
			t.Logf("%s: %s %s %s", sql, e.Message, e.Detail, e.Hint)
			return "error " + e.Code
		}
		return "error " + err.Error()
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, strings.Join(r, "|"))
	}
	return strings.Join(lines, ";")
}

// tag runs SQL without rows and returns its command tag, or "error CODE".
func tag(t testing.TB, c *pgconn.PgConn, sql string) string {
	t.Helper()
	results, err := c.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		if e, ok := errors.AsType[*pgconn.PgError](err); ok {
			t.Logf("%s: %s %s %s", sql, e.Message, e.Detail, e.Hint)
			return "error " + e.Code
		}
		return "error " + err.Error()
	}
	return results[len(results)-1].CommandTag.String()
}
