package sqlite

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// create makes a database file with the given statements.
func create(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%.80s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// declared returns the SQLite type of a column of the suite.
func declared(c connectortest.Column, strict bool) string {
	if strict {
		switch c.Type.OID {
		case types.Int2, types.Int4, types.Int8, types.Bool:
			return "INTEGER"
		case types.Float8:
			return "REAL"
		case types.Bytea:
			return "BLOB"
		}
		return "TEXT"
	}
	switch c.Type.OID {
	case types.Bool:
		return "BOOLEAN"
	case types.Int2, types.Int4, types.Int8:
		return "INTEGER"
	case types.Float8:
		return "DOUBLE"
	case types.Numeric:
		if p, _, _ := c.Type.NumericMod(); p > 15 {
			return "TEXT"
		}
		return "DECIMAL(12,2)"
	case types.Date:
		return "DATE"
	case types.Timestamp:
		return "TIMESTAMP"
	case types.Bytea:
		return "BLOB"
	}
	return "VARCHAR(60)"
}

// ddl returns the statements that store a table of the suite.
func ddl(tab *connectortest.Table, strict bool) []string {
	var cols []string
	for _, c := range tab.Columns {
		s := c.Name + " " + declared(c, strict)
		if c.Name == "id" {
			s += " PRIMARY KEY"
		}
		cols = append(cols, s)
	}
	end := ""
	if strict {
		end = " STRICT"
	}
	literal := func(c connectortest.Column, text string) string {
		switch c.Type.OID {
		case types.Bool:
			return map[string]string{"t": "1", "f": "0"}[text]
		case types.Int2, types.Int4, types.Int8, types.Float8:
			return text
		case types.Bytea:
			return "x'" + text[2:] + "'"
		}
		return connectortest.QuoteSQL(text)
	}
	out := []string{"CREATE TABLE " + tab.Name + " (" + strings.Join(cols, ", ") + ")" + end, "BEGIN"}
	out = append(out, tab.Inserts(tab.Name, literal)...)
	return append(out, "COMMIT")
}

func TestConformance(t *testing.T) {
	for _, strict := range []bool{false, true} {
		name := map[bool]string{false: "ordinary tables", true: "strict tables"}[strict]
		t.Run(name, func(t *testing.T) {
			var all []string
			for _, tab := range []*connectortest.Table{connectortest.TypesTable(), connectortest.BigTable(), connectortest.EmptyTable()} {
				all = append(all, ddl(tab, strict)...)
			}
			all = append(all, "CREATE VIEW slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) SELECT max(i) AS i FROM n")
			path := create(t, all...)
			connectortest.Run(t, connectortest.Fixture{
				Connector: New(),
				Config:    connector.Config{Server: "crm", Options: map[string]string{"database": path}},
				Types:     connector.TableRef{Schema: "main", Name: "hub_types"},
				Big:       connector.TableRef{Schema: "main", Name: "hub_big"},
				Empty:     connector.TableRef{Name: "hub_empty"},
				Missing:   connector.TableRef{Name: "nothing"},
				Slow:      connector.TableRef{Name: "slow"},
				MustPush:  []string{"id", "i4", "i8", "f8", "t"},
			})
		})
	}
}

// open opens a database as a source.
func open(t *testing.T, path string) connector.Source {
	t.Helper()
	s, err := New().Open(t.Context(), connector.Config{Server: "crm", Options: map[string]string{"database": path}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// texts reads a table as text.
func texts(t *testing.T, s connector.Source, ref connector.TableRef) ([]string, error) {
	t.Helper()
	h, err := s.Table(t.Context(), ref)
	if err != nil {
		return nil, err
	}
	r, err := s.Scan(t.Context(), h, connector.ScanOptions{BatchSize: 100})
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	var b vector.Batch
	if err := r.Next(context.Background(), &b); err != nil {
		return nil, err
	}
	var out []string
	for i := range b.N {
		var row []string
		for c := range b.Cols {
			d := b.Cols[c].Datum(i)
			if d.Null {
				row = append(row, "NULL")
			} else {
				row = append(row, types.FormatText(b.Cols[c].Type, d, nil))
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out, nil
}

func TestDeclaredTypesFollowAffinity(t *testing.T) {
	for declared, want := range map[string]types.Type{
		"INTEGER": types.Of(types.Int8), "int": types.Of(types.Int8), "UNSIGNED BIG INT": types.Of(types.Int8),
		"": types.Of(types.Text), "VARCHAR(20)": types.Of(types.Text), "NATIVE CHARACTER(70)": types.Of(types.Text),
		"NUMERIC": types.Of(types.Numeric), "DECIMAL(10, 2)": types.NumericType(10, 2), "DECIMAL(10)": types.NumericType(10, 0),
		"double precision": types.Of(types.Float8), "BOOLEAN": types.Of(types.Bool), "date": types.Of(types.Date),
		"DATETIME": types.Of(types.Timestamp), "TIMESTAMP WITH TIME ZONE": types.Of(types.TimestampTZ), "BLOB": types.Of(types.Bytea),
		"SOMETHING": types.Of(types.Text),
	} {
		if got, _ := typeOf(declared); got != want {
			t.Errorf("%q is read as %v, want %v", declared, got, want)
		}
	}
}

func TestMomentsInEveryStorageForm(t *testing.T) {
	path := create(t, "CREATE TABLE m (d DATE, ts TIMESTAMP, tz TIMESTAMPTZ)",
		"INSERT INTO m VALUES ('2024-02-29', '2024-02-29 10:11:12.5', '2024-02-29T10:11:12+02:00'), (86400, 86401, 0), (2440588.5, 2440588.25, 2440587.5), (-1, -1, NULL)")
	got, err := texts(t, open(t, path), connector.TableRef{Name: "M"})
	want := []string{
		"2024-02-29|2024-02-29 10:11:12.5|2024-02-29 08:11:12+00",
		"1970-01-02|1970-01-02 00:00:01|1970-01-01 00:00:00+00",
		"1970-01-02|1970-01-01 18:00:00|1970-01-01 00:00:00+00",
		"1969-12-31|1969-12-31 23:59:59|NULL",
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestValueThatDoesNotFitIsAnErrorWithoutTheValue(t *testing.T) {
	path := create(t, "CREATE TABLE x (n INTEGER)", "INSERT INTO x VALUES (1), ('secret')")
	_, err := texts(t, open(t, path), connector.TableRef{Name: "x"})
	e := pgerror.From(err)
	if e == nil || e.Code != pgerror.InvalidTextRepresentation || e.Column != "n" || e.Table != "x" || !strings.Contains(e.Message, "crm") {
		t.Fatalf("%+v", e)
	}
	if strings.Contains(e.Error()+e.Detail+e.Where, "secret") {
		t.Errorf("the value is shown: %v", e)
	}
}

func TestDeclaredColumnsAreRenamedAndConverted(t *testing.T) {
	path := create(t, `CREATE TABLE "odd ""name" ("a b" INTEGER, c TEXT)`, `INSERT INTO "odd ""name" VALUES (7, '2024-01-02')`)
	got, err := texts(t, open(t, path), connector.TableRef{Name: "f", Options: map[string]string{"table": `odd "name`}, Columns: []connector.Column{
		{Name: "d", Type: types.Of(types.Date), Options: map[string]string{"column_name": "C"}},
		{Name: "n", Type: types.NumericType(5, 1), Options: map[string]string{"column_name": "a b"}},
	}})
	if err != nil || len(got) != 1 || got[0] != "2024-01-02|7.0" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestUnreachableFiles(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]pgerror.Code{
		filepath.Join(dir, "nothing.db"): pgerror.UnableToConnect,
		garbage:                          pgerror.DataCorrupted,
	} {
		_, err := open(t, path).(connector.Prober).Probe(t.Context())
		if e := pgerror.From(err); err == nil || e.Code != code || !strings.Contains(e.Message, "crm") {
			t.Errorf("%s: %v, want %s", path, err, code)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "nothing.db")); err == nil {
		t.Error("a missing database was created")
	}
}

func TestWithoutRowidAndViewsAreRead(t *testing.T) {
	path := create(t, "CREATE TABLE w (k TEXT PRIMARY KEY, n INT) WITHOUT ROWID", "INSERT INTO w VALUES ('a', 1)", "CREATE VIEW v AS SELECT k, n + 1 AS m FROM w")
	s := open(t, path)
	for _, name := range []string{"w", "v"} {
		if got, err := texts(t, s, connector.TableRef{Name: name}); err != nil || len(got) != 1 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
