package postgres

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// open returns a source of a database, closed with the test.
func open(t testing.TB, pg *harness.PG, database string) *source {
	t.Helper()
	s, err := Connector{}.Open(t.Context(), config(pg, database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*source)
}

// rows reads a handle as text, one string per row.
func rows(ctx context.Context, s *source, h connector.TableHandle) ([]string, error) {
	r, err := s.Scan(ctx, h, connector.ScanOptions{Account: memory.NewRoot("test", 0), BatchSize: vector.BatchSize, Format: types.DefaultFormat()})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []string
	var b vector.Batch
	for {
		if err := r.Next(ctx, &b); err == io.EOF {
			return out, nil
		} else if err != nil {
			return out, err
		}
		for i := range b.N {
			var cells []string
			for _, c := range b.Cols {
				if c.IsNull(i) {
					cells = append(cells, "NULL")
				} else {
					cells = append(cells, types.FormatText(c.Type, c.Datum(i), types.DefaultFormat()))
				}
			}
			out = append(out, strings.Join(cells, "|"))
		}
	}
}

// tableOf resolves public.name.
func tableOf(t testing.TB, s *source, ref connector.TableRef) connector.TableHandle {
	t.Helper()
	if ref.Schema == "" {
		ref.Schema = "public"
	}
	h, err := s.Table(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestEveryTypeIsReadOrReadAsText(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_odd", "")
	pg.Exec(t, "hub_odd",
		`CREATE TYPE mood AS ENUM ('sad', 'ok')`,
		`CREATE DOMAIN small AS int CHECK (VALUE < 100)`, `CREATE DOMAIN smaller AS small`, `CREATE DOMAIN price AS numeric(10,2)`,
		`CREATE TABLE odd (e mood, dom smaller, p price, a int[], ta text[], j json, jb jsonb, iv interval, tt timetz, t time,
  u uuid, ip inet, m money, bits bit(3), c char(5), n name, o oid, f4 real, tz timestamptz, d date, ts timestamp, num numeric, n2 numeric(6,2), x xml, r int4range, "we""ird" text, gone int)`,
		`ALTER TABLE odd DROP COLUMN gone`,
		`INSERT INTO odd VALUES ('ok', 5, 1.5, '{1,NULL,3}', '{a,"b c"}', '{"a": 1}', '{"b": [1, 2]}', '1 mon -2 days 03:04:05.678', '12:34:56+02', '24:00:00',
  '00112233-4455-6677-8899-aabbccddeeff', '10.0.0.1/8', '12.34', B'101', 'ab', 'nm', 42, 1.5, '2024-01-02 03:04:05+00', 'infinity', '-infinity', 'NaN', 'NaN', '<a/>', '[1,5)', 'q')`,
		`INSERT INTO odd (d, ts, num, n2, tz) VALUES ('0044-03-15 BC', '0001-01-01 00:00:00 BC', 'Infinity', -12.30, 'infinity'), ('5874897-12-31', '290000-01-01', 1e-20, 0, '1900-01-01 00:00:00+00')`,
		`CREATE VIEW public.view_odd AS SELECT e, n2 FROM odd`,
		`CREATE MATERIALIZED VIEW mat AS SELECT 1 AS one`,
		`CREATE TABLE part (k int, v text) PARTITION BY LIST (k)`, `CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1)`, `INSERT INTO part VALUES (1, 'x')`,
		`CREATE TABLE none ()`, `INSERT INTO none SELECT`, `INSERT INTO none SELECT`)
	s := open(t, pg, "hub_odd")
	h := tableOf(t, s, connector.TableRef{Name: "odd"})
	notes := map[string]string{}
	for _, c := range h.Columns() {
		if c.Note != "" {
			notes[c.Name] = c.Note
		}
	}
	for _, name := range []string{"e", "m"} {
		if notes[name] == "" {
			t.Errorf("column %s is approximated without a note", name)
		}
	}
	if len(notes) != 2 {
		t.Errorf("notes %v", notes)
	}
	got, err := rows(t.Context(), s, h)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`ok|5|1.50|{1,NULL,3}|{a,"b c"}|{"a": 1}|{"b": [1, 2]}|1 mon -2 days +03:04:05.678|12:34:56+02|24:00:00|00112233-4455-6677-8899-aabbccddeeff|10.0.0.1/8|$12.34|101|ab   |nm|42|1.5|2024-01-02 03:04:05+00|infinity|-infinity|NaN|NaN|<a/>|[1,5)|q`,
		`NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|infinity|0044-03-15 BC|0001-01-01 00:00:00 BC|Infinity|-12.30|NULL|NULL|NULL`,
		`NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|1900-01-01 00:00:00+00|5874897-12-31|290000-01-01 00:00:00|0.00000000000000000001|0.00|NULL|NULL|NULL`,
	}
	for i := range want {
		if i >= len(got) || strings.ReplaceAll(got[i], "$", "$") != want[i] {
			t.Errorf("row %d:\n%s\nwant\n%s", i, got[i], want[i])
		}
	}
	tables, err := s.Tables(t.Context(), "public")
	if err != nil || strings.Join(tables, " ") != "mat none odd part view_odd" {
		t.Errorf("tables %v %v", tables, err)
	}
	if got, err := rows(t.Context(), s, tableOf(t, s, connector.TableRef{Name: "none"})); err != nil || len(got) != 2 {
		t.Errorf("a table without columns: %q %v", got, err)
	}
	if got, err := rows(t.Context(), s, tableOf(t, s, connector.TableRef{Name: "part"})); err != nil || len(got) != 1 {
		t.Errorf("a partitioned table: %q %v", got, err)
	}
}

func TestDeclaredColumnsAreConverted(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_decl", "")
	pg.Exec(t, "hub_decl", `CREATE TABLE src (i int, s text, d date, n numeric)`,
		`INSERT INTO src VALUES (7, '42', '2024-02-03', 1.25), (NULL, NULL, NULL, NULL)`)
	s := open(t, pg, "hub_decl")
	column := func(name, remote string, oid types.OID) connector.Column {
		return connector.Column{Name: name, Type: types.Of(oid), Options: map[string]string{"column_name": remote}}
	}
	h := tableOf(t, s, connector.TableRef{Name: "local_name", Options: map[string]string{"table_name": "src", "schema_name": "public"}, Columns: []connector.Column{
		column("big", "i", types.Int8), column("num", "s", types.Int4), column("txt", "d", types.Text), column("ts", "d", types.Timestamp), column("f", "n", types.Float8),
	}})
	got, err := rows(t.Context(), s, h)
	if err != nil || len(got) != 2 || got[0] != "7|42|2024-02-03|2024-02-03 00:00:00|1.25" || got[1] != "NULL|NULL|NULL|NULL|NULL" {
		t.Errorf("%q %v", got, err)
	}
	eq := func(i int, name string, typ types.OID, v types.Datum) expr.Expr {
		return connectortest.Compare("=", &expr.Column{ID: expr.ColumnID(i), Name: name, T: types.Of(typ)}, &expr.Const{T: types.Of(typ), Value: v})
	}
	_, out := s.PushFilter(h, connector.Seal([]expr.Expr{eq(0, "big", types.Int8, types.IntDatum(7)), eq(1, "num", types.Int4, types.IntDatum(42))}))
	if out[0].Pushed != connector.Exact || out[1].Pushed != connector.Local {
		t.Errorf("outcomes %v", out)
	}
	pg.Exec(t, "hub_decl", `INSERT INTO src (s) VALUES ('secret words')`)
	_, err = rows(t.Context(), s, h)
	if pgerror.CodeOf(err) != pgerror.InvalidTextRepresentation || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), `"num"`) {
		t.Errorf("error %v", err)
	}
	_, err = s.Table(t.Context(), connector.TableRef{Schema: "public", Name: "src", Columns: []connector.Column{{Name: "nope", Type: types.Of(types.Text)}}})
	if pgerror.CodeOf(err) != pgerror.UndefinedColumn {
		t.Errorf("error %v", err)
	}
	pg.Exec(t, "hub_decl", `ALTER TABLE src DROP COLUMN n`)
	if _, err = rows(t.Context(), s, h); pgerror.CodeOf(err) != pgerror.UndefinedColumn || !strings.Contains(err.Error(), "pgtest") {
		t.Errorf("drift: %v", err)
	}
}

func TestErrorsNameTheSourceAndNoValue(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_err", "")
	pg.Exec(t, "hub_err", `CREATE VIEW bad AS SELECT 'geheim'::text::int AS i`, `CREATE VIEW late AS SELECT 1 / (50000 - g) AS i FROM generate_series(1, 100000) g`,
		`CREATE FUNCTION raise() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'geheim'; END $$`, `CREATE VIEW raised AS SELECT raise() AS i`)
	s := open(t, pg, "hub_err")
	for name, code := range map[string]pgerror.Code{"bad": pgerror.InvalidTextRepresentation, "late": pgerror.DivisionByZero, "raised": "P0001"} {
		_, err := rows(t.Context(), s, tableOf(t, s, connector.TableRef{Name: name}))
		var e *pgerror.Error
		if !errors.As(err, &e) || e.Code != code || strings.Contains(e.Message+e.Detail, "geheim") || !strings.Contains(e.Message+e.Detail, `source "pgtest"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	check := func(what string, code pgerror.Code, change func(c *connector.Config)) {
		t.Helper()
		c := config(pg, "hub_err")
		change(&c)
		bad, err := Connector{}.Open(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		defer bad.Close()
		start := time.Now()
		_, err = bad.Schemas(t.Context())
		var e *pgerror.Error
		if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, "pgtest") || strings.Contains(err.Error(), "wrong") || time.Since(start) > 4*time.Second {
			t.Errorf("%s: %v, want %s (after %v)", what, err, code, time.Since(start))
		}
	}
	check("wrong password", pgerror.InvalidPassword, func(c *connector.Config) { c.Mapping["password"] = "wrong" })
	check("no password", pgerror.InvalidPassword, func(c *connector.Config) { delete(c.Mapping, "password") })
	check("wrong database", pgerror.InvalidCatalogName, func(c *connector.Config) { c.Options["dbname"] = "nix" })
	check("wrong port", pgerror.UnableToConnect, func(c *connector.Config) { c.Options["port"] = "1" })
	check("wrong host", pgerror.UnableToConnect, func(c *connector.Config) { c.Options["host"] = "no-such-host.invalid" })
	check("TLS required", pgerror.UnableToConnect, func(c *connector.Config) { c.Options["sslmode"] = "require" })
	check("no answer", pgerror.UnableToConnect, func(c *connector.Config) {
		c.Options["host"], c.Options["connect_timeout"] = "10.255.255.1", "1"
	})
}

func TestTheEnvironmentIsNotRead(t *testing.T) {
	pg := harness.Postgres(t)
	for name, value := range map[string]string{
		"PGHOST": "elsewhere.invalid", "PGPORT": "1", "PGUSER": "mallory", "PGPASSWORD": pg.Password, "PGDATABASE": "x",
		"PGSSLMODE": "verify-full", "PGSERVICE": "nope", "PGOPTIONS": "-c bogus=1", "PGAPPNAME": "x", "PGTZ": "Mars", "PGSSLCERTMODE": "", "PGREQUIREAUTH": "none",
		"PGTARGETSESSIONATTRS": "standby", "PGCHANNELBINDING": "require", "PGMINPROTOCOLVERSION": "9",
	} {
		t.Setenv(name, value)
	}
	s := open(t, pg, "postgres")
	if line, err := s.Probe(t.Context()); err != nil || !strings.HasPrefix(line, "PostgreSQL ") {
		t.Errorf("%q %v", line, err)
	}
	c := config(pg, "postgres")
	delete(c.Mapping, "password")
	bad, err := Connector{}.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	if _, err := bad.Schemas(t.Context()); pgerror.CodeOf(err) != pgerror.InvalidPassword {
		t.Errorf("PGPASSWORD was used: %v", err)
	}
}

func TestAServerThatDiesIsReportedAndComesBack(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_die", "")
	pg.Exec(t, "hub_die", `CREATE TABLE big AS SELECT g AS id, repeat('x', 200) AS pad FROM generate_series(1, 200000) g`, "CHECKPOINT")
	s := open(t, pg, "hub_die")
	h := tableOf(t, s, connector.TableRef{Name: "big"})
	r, err := s.Scan(t.Context(), h, connector.ScanOptions{Account: memory.NewRoot("test", 0), BatchSize: 64})
	if err != nil {
		t.Fatal(err)
	}
	var b vector.Batch
	if err := r.Next(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	pg.Kill()
	for err == nil {
		err = r.Next(t.Context(), &b)
	}
	r.Close()
	if pgerror.CodeOf(err) != pgerror.ConnectionFailure || !strings.Contains(err.Error(), "pgtest") {
		t.Errorf("mid-stream: %v", err)
	}
	if _, err := rows(t.Context(), s, h); pgerror.CodeOf(err) != pgerror.UnableToConnect {
		t.Errorf("while down: %v", err)
	}
	pg.Start(t)
	if got, err := rows(t.Context(), s, h); err != nil || len(got) != 200000 {
		t.Errorf("afterwards: %d rows, %v", len(got), err)
	}
}

func TestADatabaseInAnotherEncodingIsReadRight(t *testing.T) {
	pg := harness.Postgres(t)
	pg.Database(t, "hub_latin", "TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'")
	pg.Exec(t, "hub_latin", `CREATE TABLE l (t text)`, `INSERT INTO l VALUES ('äöü'), ('abc'), (NULL)`)
	s := open(t, pg, "hub_latin")
	h := tableOf(t, s, connector.TableRef{Name: "l"})
	col := &expr.Column{Name: "t", T: types.Of(types.Text)}
	push := func(op, v string) (connector.TableHandle, connector.Outcome) {
		ph, out := s.PushFilter(h, connector.Seal([]expr.Expr{connectortest.Compare(op, col, &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(v)})}))
		return ph, out[0]
	}
	ph, out := push("=", "abc")
	if got, err := rows(t.Context(), s, ph); out.Pushed != connector.Exact || err != nil || len(got) != 1 {
		t.Errorf("%v %q %v", out, got, err)
	}
	if _, out := push("=", "€"); out.Pushed != connector.Local {
		t.Errorf("a constant outside the encoding is pushed %v", out.Pushed)
	}
	if _, out := push("<", "b"); out.Pushed != connector.Local {
		t.Errorf("an order in another encoding is pushed %v", out.Pushed)
	}
}
