package mysql

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connectortest"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/tests/harness"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// open returns a source, closed with the test.
func open(t testing.TB, c connector.Config) *source {
	t.Helper()
	s, err := Connector{}.Open(t.Context(), c)
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

// tableOf resolves a table.
func tableOf(t testing.TB, s *source, ref connector.TableRef) connector.TableHandle {
	t.Helper()
	h, err := s.Table(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestEveryTypeIsReadOrReadAsText(t *testing.T) {
	m := harness.MariaDB(t)
	m.Exec(t, "", "CREATE DATABASE odd CHARACTER SET utf8mb4")
	m.Exec(t, "odd", "CREATE TABLE odd (ti tinyint, tu tinyint unsigned, b1 tinyint(1), su smallint unsigned, mi mediumint, iu int unsigned, bu bigint unsigned, "+
		"de decimal(65,30), d9 decimal(9,3), f float, y year, bits bit(10), b64 bit(64), tm time(3), da date, dt datetime(3), ts timestamp(6) NULL, c char(5), "+
		"e enum('x','y'), s set('p','q'), j json, vb varbinary(10), bi binary(4), u uuid, ip inet6, g point, l varchar(10) CHARACTER SET latin1, `we``ird` text, gen int AS (ti + 1) STORED)",
		"INSERT INTO odd (ti,tu,b1,su,mi,iu,bu,de,d9,f,y,bits,b64,tm,da,dt,ts,c,e,s,j,vb,bi,u,ip,g,l,`we``ird`) VALUES (-128,255,2,65535,-8388608,4294967295,18446744073709551615,"+
			"-12345678901234567890123456789012345.123456789012345678901234567890,-1.500,1.5,2024,b'1000000001',b'1',"+
			"'23:59:59.125','2024-02-29','2024-02-29 01:02:03.5','2024-02-29 01:02:03.000001','ab ','y','p,q','{\"a\": 1}',X'00ff','ab','00112233-4455-6677-8899-aabbccddeeff','::1',POINT(1,2),'äö','q')",
		"INSERT INTO odd (ti,de,d9,da,dt,ts) VALUES (0,0,0,'0000-00-00','2024-00-10 00:00:00','0000-00-00 00:00:00'), (1,0.000000000000000000000000000001,999999.999,'1000-01-01','9999-12-31 23:59:59',NULL)")
	s := open(t, config(m))
	h := tableOf(t, s, connector.TableRef{Schema: "odd", Name: "odd"})
	got, err := rows(t.Context(), s, h)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`-128|255|t|65535|-8388608|4294967295|18446744073709551615|-12345678901234567890123456789012345.123456789012345678901234567890|-1.500|1.5|2024|513|1|23:59:59.125|2024-02-29|2024-02-29 01:02:03.5|2024-02-28 22:02:03.000001|ab|y|p,q|{"a": 1}|\x00ff|\x61620000|00112233-4455-6677-8899-aabbccddeeff|::1|` + `*` + `|äö|q|-127`,
		`0|NULL|NULL|NULL|NULL|NULL|NULL|0.000000000000000000000000000000|0.000|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|1`,
		`1|NULL|NULL|NULL|NULL|NULL|NULL|0.000000000000000000000000000001|999999.999|NULL|NULL|NULL|NULL|NULL|1000-01-01|9999-12-31 23:59:59|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|2`,
	}
	for i, w := range want {
		g := strings.Split(got[i], "|")
		for k, cell := range strings.Split(w, "|") {
			if cell != "*" && g[k] != cell {
				t.Errorf("row %d column %s: got %s want %s", i, h.Columns()[k].Name, g[k], cell)
			}
		}
	}
	notes := 0
	for _, c := range h.Columns() {
		if c.Note != "" {
			notes++
		}
	}
	if notes != 5 { // year, both bits, inet6, point
		t.Errorf("%d notes", notes)
	}
	m.Exec(t, "odd", "CREATE TABLE late (t time)", "INSERT INTO late VALUES ('100:00:00')")
	if _, err := rows(t.Context(), s, tableOf(t, s, connector.TableRef{Schema: "odd", Name: "late"})); pgerror.CodeOf(err) != pgerror.DatetimeFieldOverflow {
		t.Errorf("a time beyond a day: %v", err)
	}
}

func TestZeroDatesAreNullInEveryPredicate(t *testing.T) {
	m := harness.MariaDB(t)
	m.Exec(t, "", "CREATE DATABASE zero")
	m.Exec(t, "zero", "CREATE TABLE z (id int, d date NOT NULL)", "INSERT INTO z VALUES (1,'0000-00-00'),(2,'2024-01-01'),(3,'2024-00-01'),(4,'2023-05-05')")
	s := open(t, config(m))
	h := tableOf(t, s, connector.TableRef{Schema: "zero", Name: "z"})
	if h.Columns()[1].NotNull {
		t.Error("a date column cannot be promised to have no NULL")
	}
	col := &expr.Column{ID: 1, Name: "d", T: types.Of(types.Date)}
	day := func(n int64) expr.Expr { return &expr.Const{T: types.Of(types.Date), Value: types.IntDatum(n)} }
	for name, c := range map[string]struct {
		e    expr.Expr
		want string
	}{
		"null":     {&expr.NullTest{Arg: col}, "1 3"},
		"not null": {&expr.NullTest{Arg: col, Not: true}, "2 4"},
		"less":     {connectortest.Compare("<", col, day(30000)), "2 4"},
		"not less": {connectortest.Not(connectortest.Compare("<", col, day(19700))), "2"},
		"differs":  {connectortest.Compare("<>", col, day(19723)), "4"},
		"not in":   {connectortest.In(col, []expr.Expr{day(19723), day(1), day(2)}, true), "4"},
	} {
		ph, out := s.PushFilter(h, connector.Seal([]expr.Expr{c.e}))
		ph, _ = s.PushProject(ph, []int{0})
		got, err := rows(t.Context(), s, ph)
		if err != nil || out[0].Pushed != connector.Exact || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v %q %v", name, out, got, err)
		}
	}
}

func TestOtherCharacterSetsAreReadRight(t *testing.T) {
	m := harness.MariaDB(t)
	m.Exec(t, "", "CREATE DATABASE sets")
	m.Exec(t, "sets", "CREATE TABLE l (t varchar(20) CHARACTER SET latin1, e enum('Abc','b') CHARACTER SET utf8mb4)", "INSERT INTO l VALUES ('äB','Abc'),('ab ','b'),('AB','b'),(NULL,NULL)")
	s := open(t, config(m))
	h := tableOf(t, s, connector.TableRef{Schema: "sets", Name: "l"})
	push := func(i int, op, v string) (connector.TableHandle, connector.Outcome) {
		col := &expr.Column{ID: expr.ColumnID(i), Name: "t", T: types.Of(types.Text)}
		ph, out := s.PushFilter(h, connector.Seal([]expr.Expr{connectortest.Compare(op, col, &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(v)})}))
		return ph, out[0]
	}
	ph, out := push(0, "=", "ab")
	if got, err := rows(t.Context(), s, ph); out.Pushed != connector.Superset || err != nil || len(got) != 2 {
		t.Errorf("%v %q %v", out, got, err)
	}
	for _, v := range []struct{ op, text string }{{"=", "€"}, {"<", "b"}, {"<>", "ab"}} {
		if _, out := push(0, v.op, v.text); out.Pushed != connector.Local || out.Reason == "" {
			t.Errorf("%v: %v", v, out)
		}
	}
	ph, out = push(1, "=", "abc")
	if got, err := rows(t.Context(), s, ph); out.Pushed != connector.Exact || err != nil || len(got) != 0 {
		t.Errorf("enum: %v %q %v", out, got, err)
	}
	ph, _ = push(1, "<", "b")
	if got, err := rows(t.Context(), s, ph); err != nil || len(got) != 1 {
		t.Errorf("enum order: %q %v", got, err)
	}
}

func TestErrorsNameTheSourceAndNoValue(t *testing.T) {
	m := harness.MariaDB(t)
	check := func(what string, code pgerror.Code, change func(c *connector.Config)) {
		t.Helper()
		c := config(m)
		change(&c)
		_, err := open(t, c).Schemas(t.Context())
		if pgerror.CodeOf(err) != code || !strings.Contains(err.Error(), "mytest") || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	check("wrong password", pgerror.InvalidPassword, func(c *connector.Config) { c.Mapping["password"] = "wrong" })
	check("wrong port", pgerror.UnableToConnect, func(c *connector.Config) { c.Options["port"] = "1" })
	check("wrong host", pgerror.UnableToConnect, func(c *connector.Config) { c.Options["host"] = "no-such-host.invalid" })
	check("TLS required", pgerror.UnableToConnect, func(c *connector.Config) { c.Options["tls"] = "require" })
	check("no answer", pgerror.UnableToConnect, func(c *connector.Config) {
		c.Options["host"], c.Options["connect_timeout"] = "10.255.255.1", "1"
	})
}

func TestAServerThatDiesIsReportedAndComesBack(t *testing.T) {
	m := harness.MariaDB(t)
	m.Exec(t, "", "CREATE DATABASE die")
	m.Exec(t, "die", "CREATE TABLE big AS SELECT seq AS id, REPEAT('x', 200) AS pad FROM seq_1_to_200000")
	s := open(t, config(m))
	h := tableOf(t, s, connector.TableRef{Schema: "die", Name: "big"})
	r, err := s.Scan(t.Context(), h, connector.ScanOptions{Account: memory.NewRoot("test", 0), BatchSize: 64})
	if err != nil {
		t.Fatal(err)
	}
	var b vector.Batch
	if err := r.Next(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	m.Kill()
	for err == nil {
		err = r.Next(t.Context(), &b)
	}
	r.Close()
	if pgerror.CodeOf(err) != pgerror.ConnectionFailure || !strings.Contains(err.Error(), "mytest") {
		t.Errorf("mid-stream: %v", err)
	}
	if _, err := rows(t.Context(), s, h); pgerror.CodeOf(err) != pgerror.UnableToConnect {
		t.Errorf("while down: %v", err)
	}
	m.Start(t)
	if got, err := rows(t.Context(), s, h); err != nil || len(got) != 200000 {
		t.Errorf("afterwards: %d rows, %v", len(got), err)
	}
}
