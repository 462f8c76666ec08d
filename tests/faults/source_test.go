package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hubsql/hubsql/cmd/hubsql/server"
)

// remote is a server that can be killed.
type remote interface {
	Kill()
	Start(t testing.TB)
}

func TestASourceThatDiesInTheMiddleOfAQuery(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	for _, s := range []struct {
		schema, name string
		server       remote
	}{{"pg", "shop_pg", w.pg}, {"maria", "shop_maria", w.maria}} {
		t.Run(s.name, func(t *testing.T) {
			c, idle := w.connect(t), w.connect(t)
			must(t, idle, "SELECT count(*) FROM "+s.schema+".small") // leaves connections in the pool
			must(t, idle, "PREPARE q AS SELECT count(*) FROM "+s.schema+".small")
			must(t, c, "BEGIN; DECLARE cur CURSOR FOR SELECT i, text FROM "+s.schema+".slow")
			if got := must(t, c, "FETCH 1 FROM cur"); got == "" {
				t.Fatal("no row")
			}
			s.server.Kill()
			_, err := run(c, "FETCH ALL FROM cur")
			fails(t, err, "08", s.name)
			must(t, c, "ROLLBACK")
			// While it is away its name is in the error, and the others answer.
			_, err = run(c, "SELECT count(*) FROM "+s.schema+".small")
			fails(t, err, "08", s.name)
			_, err = run(c, fmt.Sprintf("SELECT count(*) FROM %s.small a JOIN lite.small b USING (i)", s.schema))
			fails(t, err, "08", s.name)
			_, err = run(c, "SELECT hub.test_server('"+s.name+"')")
			fails(t, err, "08", s.name)
			w.others(t, s.schema)
			s.server.Start(t)
			for _, q := range []string{"EXECUTE q", "SELECT count(*) FROM " + s.schema + ".small"} {
				if got := must(t, idle, q); got != "100" {
					t.Errorf("%s: %s", q, got)
				}
			}
			// A restart between two statements goes unnoticed.
			s.server.Kill()
			s.server.Start(t)
			if got := must(t, idle, "EXECUTE q"); got != "100" {
				t.Error(got)
			}
			if got := must(t, c, "SELECT count(*) FROM "+s.schema+".small"); got != "100" {
				t.Error(got)
			}
			must(t, c, "SELECT hub.test_server('"+s.name+"')")
		})
	}
}

func TestFilesThatChangeUnderAQuery(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	type fault struct {
		name   string
		codes  string
		damage func(path string) error
	}
	truncate := func(keep int64) func(string) error {
		return func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, info.Size()*keep/100)
		}
	}
	overwrite := func(from, to int) func(string) error { // percent of the file
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for i := len(text) * from / 100; i < len(text)*to/100; i++ {
				text[i] = byte(i*31 + 7)
			}
			return os.WriteFile(path, text, 0o644)
		}
	}
	for _, f := range []struct {
		table, server, file string
		faults              []fault
	}{
		{"big_parquet", "shop_parquet", "big.parquet", []fault{
			{"removed", "58P01", os.Remove},
			{"empty", "XX001", truncate(0)},
			{"half", "XX001", truncate(50)},
			{"no footer", "XX001", truncate(99)},
			{"noise in the pages", "XX001", overwrite(30, 60)},
			{"noise in the footer", "XX001", overwrite(98, 100)},
			{"all noise", "XX001", overwrite(0, 100)},
		}},
		{"big_csv", "shop_csv", "big.csv", []fault{
			{"removed", "58P01", os.Remove},
			{"noise", "22 XX001", overwrite(40, 60)},
		}},
	} {
		path := filepath.Join(w.dir, f.file)
		count := "SELECT count(*), count(text), sum(i) FROM " + f.table
		for _, x := range f.faults {
			t.Run(f.file+" "+x.name, func(t *testing.T) {
				c := w.connect(t)
				want := must(t, c, count)
				if err := x.damage(path); err != nil {
					t.Fatal(err)
				}
				_, err := run(c, count)
				fails(t, err, x.codes, f.server)
				_, err = run(w.connect(t), "SELECT max(text || i) FROM "+f.table)
				fails(t, err, x.codes, f.server)
				w.others(t, f.file)
				writeFiles(t, w.dir)
				if got := must(t, c, count); got != want {
					t.Errorf("after the repair: %s, before: %s", got, want)
				}
			})
		}
		t.Run(f.file+" while it is read", func(t *testing.T) {
			for name, damage := range map[string]func(string) error{"truncated": truncate(30), "noise": overwrite(50, 95)} {
				c := w.connect(t)
				must(t, c, "BEGIN; DECLARE cur CURSOR FOR SELECT i, text FROM "+f.table)
				must(t, c, "FETCH 1 FROM cur")
				if err := damage(path); err != nil {
					t.Fatal(err)
				}
				// Rows that were read before are right; the rest is an error, or
				// for a text file that is cut between lines, missing.
				out, err := run(c, "FETCH ALL FROM cur")
				if err != nil {
					fails(t, err, "XX001 22 58P01", f.server)
				} else if f.table == "big_parquet" {
					t.Errorf("%s: %d bytes and no error", name, len(out))
				}
				w.others(t, f.file)
				writeFiles(t, w.dir)
			}
		})
	}
}

func TestWrongAddressesAndPasswords(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	c := w.connect(t)
	const secret = "Wr0ngSecret"
	for _, s := range []struct{ name, create, mapping, table, code string }{
		{"pg_port", "postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'shop')", "user 'postgres', password '" + secret + "'", "schema_name 'public', table_name 'small'", "08001"},
		{"pg_host", "postgres_fdw OPTIONS (host 'no-such-host.invalid', dbname 'shop')", "user 'postgres', password '" + secret + "'", "table_name 'small'", "08001"},
		{"pg_password", fmt.Sprintf("postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'shop', sslmode 'disable')", w.pg.Port), "user 'postgres', password '" + secret + "'", "table_name 'small'", "28P01"},
		{"pg_user", fmt.Sprintf("postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'shop', sslmode 'disable')", w.pg.Port), "user 'nosuch', password '" + secret + "'", "table_name 'small'", "28"},
		{"pg_database", fmt.Sprintf("postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'nosuch', sslmode 'disable')", w.pg.Port), "user 'postgres', password " + quote(w.pg.Password), "table_name 'small'", "3D000 08"},
		{"pg_tls", fmt.Sprintf("postgres_fdw OPTIONS (host '127.0.0.1', port '%d', dbname 'shop', sslmode 'require')", w.pg.Port), "user 'postgres', password '" + secret + "'", "table_name 'small'", "08"},
		{"maria_port", "mysql_fdw OPTIONS (host '127.0.0.1', port '1')", "username 'hub', password '" + secret + "'", "dbname 'shop', table_name 'small'", "08001"},
		{"maria_password", fmt.Sprintf("mysql_fdw OPTIONS (host '127.0.0.1', port '%d')", w.maria.Port), "username 'hub', password '" + secret + "'", "dbname 'shop', table_name 'small'", "28P01"},
		{"maria_database", fmt.Sprintf("mysql_fdw OPTIONS (host '127.0.0.1', port '%d')", w.maria.Port), "username 'hub', password " + quote(w.maria.Password), "dbname 'nosuch', table_name 'small'", "3D000 08 42"},
		{"crossed", fmt.Sprintf("mysql_fdw OPTIONS (host '127.0.0.1', port '%d', connect_timeout '2')", w.pg.Port), "username 'hub', password '" + secret + "'", "dbname 'shop', table_name 'small'", "08"},
		{"crossed_back", fmt.Sprintf("postgres_fdw OPTIONS (host '127.0.0.1', port '%d', sslmode 'disable')", w.maria.Port), "user 'hub', password '" + secret + "'", "table_name 'small'", "08"},
	} {
		t.Run(s.name, func(t *testing.T) {
			must(t, c, "CREATE SERVER "+s.name+" FOREIGN DATA WRAPPER "+s.create)
			must(t, c, "CREATE USER MAPPING FOR PUBLIC SERVER "+s.name+" OPTIONS ("+s.mapping+")")
			must(t, c, "CREATE FOREIGN TABLE t_"+s.name+" (i int, text text) SERVER "+s.name+" OPTIONS ("+s.table+")")
			for _, q := range []string{
				"SELECT * FROM t_" + s.name, "SELECT count(*) FROM t_" + s.name + " WHERE i = 1", "SELECT hub.test_server('" + s.name + "')",
				"IMPORT FOREIGN SCHEMA shop FROM SERVER " + s.name + " INTO public", "SELECT * FROM " + s.name + ".shop.small",
			} {
				if s.name == "crossed" && q[0] != 'I' {
					continue // each waits for the end of the connect timeout
				}
				if s.name == "maria_database" && (q[0] == 'I' || q == "SELECT hub.test_server('maria_database')" || q == "SELECT * FROM maria_database.shop.small") {
					continue // the database is an option of the table
				}
				out, err := run(c, q)
				if err == nil {
					t.Errorf("%s works: %s", q, out)
					continue
				}
				fails(t, err, s.code, s.name)
				if containsAny(err.Error(), secret, w.pg.Password, w.maria.Password) {
					t.Errorf("%s: the error holds a password: %v", q, err)
				}
			}
		})
	}
	w.others(t, "none")
	must(t, c, "ALTER SERVER pg_port OPTIONS (SET port '"+fmt.Sprint(w.pg.Port)+"', ADD sslmode 'disable')")
	must(t, c, "ALTER USER MAPPING FOR PUBLIC SERVER pg_port OPTIONS (SET password "+quote(w.pg.Password)+")")
	if got := must(t, c, "SELECT count(*) FROM t_pg_port"); got != "100" {
		t.Error(got)
	}
	if containsAny(w.hub.Log(), secret, w.pg.Password, w.maria.Password) {
		t.Error("the log holds a password")
	}
}

func TestUnknownWrappersAndOptionsNameTheValidOnes(t *testing.T) {
	w := newWorld(t, func(*server.Config) {})
	c := w.connect(t)
	must(t, c, "CREATE SERVER plain FOREIGN DATA WRAPPER file_fdw")
	for _, x := range []struct{ sql, code, bad, good string }{
		{"CREATE SERVER s FOREIGN DATA WRAPPER oracle_fdw", "42704", "oracle_fdw", "postgres_fdw"},
		{"CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (hots 'x')", "HV00D", "hots", "host"},
		{"CREATE SERVER s FOREIGN DATA WRAPPER mysql_fdw OPTIONS (dbname 'x', nope 'y')", "HV00D", "", "host"},
		{"CREATE SERVER s FOREIGN DATA WRAPPER sqlite_fdw OPTIONS (file 'x')", "HV00D", "file", "database"},
		{"CREATE USER MAPPING FOR PUBLIC SERVER shop_lite OPTIONS (pasword 'Wr0ngSecret')", "HV00D", "pasword", ""},
		{"ALTER USER MAPPING FOR PUBLIC SERVER shop_pg OPTIONS (ADD pasword 'Wr0ngSecret')", "HV00D", "pasword", "password"},
		{"CREATE FOREIGN TABLE x (i int) SERVER plain OPTIONS (filname '/tmp/x')", "HV00D", "filname", "filename"},
		{"CREATE FOREIGN TABLE x (i int) SERVER plain OPTIONS (filename '/tmp/x', format 'orc')", "", "orc", ""},
		{"CREATE FOREIGN TABLE x (i int OPTIONS (colname 'y')) SERVER shop_pg OPTIONS (table_name 'small')", "HV00D", "colname", "column_name"},
		{"CREATE FOREIGN TABLE x (i int) SERVER nosuch", "42704", "nosuch", ""},
		{"ALTER SERVER shop_pg OPTIONS (DROP nosuch)", "", "nosuch", ""},
		{"ALTER SERVER shop_pg OPTIONS (ADD host 'y')", "", "host", ""},
		{"CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'a', port 'many')", "", "port", ""},
	} {
		_, err := run(c, x.sql)
		fails(t, err, x.code, x.bad, x.good)
		if err != nil && containsAny(err.Error(), "Wr0ngSecret") {
			t.Errorf("%s: %v", x.sql, err)
		}
	}
}
