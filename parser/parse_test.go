package parser

import (
	"strings"
	"testing"

	"github.com/hubsql/hubsql/wire/pgerror"
)

func TestSyntaxErrorPositionsCountCharacters(t *testing.T) {
	for _, c := range []struct {
		sql      string
		code     pgerror.Code
		message  string
		position int
	}{
		{"select 'é€' frm x y z", "42601", `syntax error at or near "x"`, 17},
		{"select 'ééé' 'x", "42601", `unterminated quoted string at or near "'x"`, 14},
		{"SELECT 1; ; select 'é' +", "42601", "syntax error at end of input", 25},
		{"select U&'\\00'", "42601", "invalid Unicode escape", 11},
		{"create masking policy é on t (c) to public using ('é') priority x", "42601", `syntax error at or near "x"`, 65},
		{"create masking policy é on t (c) using ('é'); selec 1", "42601", `syntax error at or near "selec"`, 47},
		{"selec 1; create masking policy p on", "42601", `syntax error at or near "selec"`, 1},
		{"select 1; create masking policy p on", "42601", "syntax error at end of input", 37},
		{"select 'é' create masking policy p on t (c) using (1)", "42601", `syntax error at or near "create"`, 12},
		{"create masking policy p on a.b.c.d (c) using (1)", "42601", "improper qualified name (too many dotted names): a.b.c.d", 28},
		{"create masking policy p on t (c) to none using (1)", "42939", `role name "none" is reserved`, 37},
		{"create masking policy p on t (select) using (1)", "42601", `syntax error at or near "select"`, 31},
		{"create or replace masking policy if not exists p on t (c) using (1)", "42601", `syntax error at or near "if"`, 34},
		{"drop masking policy p on t restrict x", "42601", `syntax error at or near "x"`, 37},
		{"show masking policies for", "42601", `syntax error at or near "for"`, 23},
		{"select '\x80'", "22021", `invalid byte sequence for encoding "UTF8": 0x80`, 0},
		{"select '\x00'", "22021", `invalid byte sequence for encoding "UTF8": 0x00`, 0},
	} {
		_, err := Parse(c.sql)
		if err == nil {
			t.Errorf("%s: no error", c.sql)
			continue
		}
		e := pgerror.From(err)
		if e.Code != c.code || e.Message != c.message || e.Position != c.position {
			t.Errorf("%s\n got %s %s at %d\nwant %s %s at %d", c.sql, e.Code, e.Message, e.Position, c.code, c.message, c.position)
		}
	}
}

// describe prints the statements of a text with the kind of each.
func describe(t *testing.T, sql string) string {
	t.Helper()
	list, err := Parse(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out []string
	for _, s := range list {
		if sql[s.Offset:s.Offset+len(s.SQL)] != s.SQL {
			t.Errorf("offset %d does not point at %q", s.Offset, s.SQL)
		}
		if (s.Stmt == nil) == (s.Extension == nil) {
			t.Errorf("%q must be exactly one of ordinary and extension", s.SQL)
		}
		kind := "sql"
		if s.Extension != nil {
			kind = s.Extension.Tag()
		}
		out = append(out, kind+": "+s.SQL)
	}
	return strings.Join(out, "\n")
}

func TestBatchesSplitInOrder(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"", ""},
		{" ; -- nothing\n;", ""},
		{"select 1", "sql: select 1"},
		{" select 'a;b' ;\n select $$x;y$$; ", "sql: select 'a;b'\nsql: select $$x;y$$"},
		{
			"CREATE MASKING POLICY p ON t (c) USING ('é;'); CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 1",
			"CREATE MASKING POLICY: CREATE MASKING POLICY p ON t (c) USING ('é;')\n" +
				"sql: CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END\nsql: SELECT 1",
		},
		{
			"begin; drop masking policy if exists p on a.b.c cascade; show masking policies; select 'masking policy'; show masking policies on t;commit",
			"sql: begin\nDROP MASKING POLICY: drop masking policy if exists p on a.b.c cascade\nSHOW: show masking policies\n" +
				"sql: select 'masking policy'\nSHOW: show masking policies on t\nsql: commit",
		},
		{"select masking from policy", "sql: select masking from policy"},
		{"/* é */ create /* x */ masking -- y\n policy p on t (c) using (1) -- z", "CREATE MASKING POLICY: create /* x */ masking -- y\n policy p on t (c) using (1)"},
	} {
		if got := describe(t, c.sql); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestLocationsAreOffsetsInTheWholeText(t *testing.T) {
	sql := "create masking policy é on t (c) using ('é'); select nope"
	list, err := Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	ref := list[1].Stmt.GetSelectStmt().TargetList[0].GetResTarget().GetVal().GetColumnRef()
	if got := sql[ref.Location:]; got != "nope" {
		t.Errorf("location points at %q", got)
	}
}

func TestCreateMaskingPolicyIsParsed(t *testing.T) {
	list, err := Parse(`CREATE OR REPLACE MASKING POLICY "P ""q" ON Crm.public."Customers" (Email) TO analyst, "Big", CURRENT_USER EXCEPT hr, session_user USING ( hub.partial_mask(email) ) PRIORITY -7`)
	if err != nil {
		t.Fatal(err)
	}
	s := list[0].Extension.(*CreateMaskingPolicy)
	if !s.OrReplace || s.IfNotExists || s.Name != `P "q` || s.Table.Catalog != "crm" || s.Table.Schema != "public" ||
		s.Table.Name != "Customers" || s.Column != "email" || s.Using != "hub.partial_mask(email)" || s.Priority != -7 {
		t.Errorf("%+v", s)
	}
	if len(s.To) != 3 || s.To[0].Name != "analyst" || s.To[1].Name != "Big" || s.To[2].Kind != CurrentUser {
		t.Errorf("to %+v", s.To)
	}
	if len(s.Except) != 2 || s.Except[0].Name != "hr" || s.Except[1].Kind != SessionUser {
		t.Errorf("except %+v", s.Except)
	}
	if f := s.Expr.GetFuncCall(); f == nil || s.Using[f.Location:] != s.Using {
		t.Errorf("expr %v", s.Expr)
	}
}

func TestMaskBodiesThatAreNotOneScalarAreRefused(t *testing.T) {
	for body, code := range map[string]pgerror.Code{
		"1) UNION SELECT (2":            "42601",
		"val, 2":                        "42601",
		"$1":                            "42P02",
		"(SELECT ssn FROM t2)":          "0A000",
		"EXISTS (SELECT 1)":             "0A000",
		"1 IN (SELECT 2)":               "0A000",
		"count(*)":                      "42803",
		"sum(DISTINCT x)":               "42803",
		"row_number() OVER ()":          "42P20",
		"t.*":                           "42601",
		"":                              "42601",
		"1; select 2":                   "42601",
		"1 from t":                      "42601",
		"'a":                            "42601",
		"grouping(a)":                   "42803",
		"f(variadic (select array[1]))": "0A000",
	} {
		_, err := Parse("create masking policy p on t (c) using (" + body + ")")
		if pgerror.CodeOf(err) != code {
			t.Errorf("%s: got %v, want %s", body, err, code)
		}
	}
	if _, err := Parse("create masking policy p on t (c) using (case when a > (1 + 2) then b else 'x -- )' end -- )\n)"); err != nil {
		t.Error(err)
	}
}

func TestMaskBodyErrorPosition(t *testing.T) {
	sql := "create masking policy é on t (c) using ('é' || $1)"
	_, err := Parse(sql)
	if p := pgerror.From(err).Position; p != 48 {
		t.Errorf("position %d in %v", p, err)
	}
}

func TestDeepStatementsAreRefusedNotFatal(t *testing.T) {
	for name, sql := range map[string]string{
		"operators": "select 1" + strings.Repeat("+1", 100000),
		"unions":    "select 1" + strings.Repeat(" union select 1", 50000),
		"parens":    "select " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000),
		"case":      "select " + strings.Repeat("case when true then ", 30000) + "1" + strings.Repeat(" end", 30000),
		"not":       "select " + strings.Repeat("not ", 100000) + "true",
		"casts":     "select 1" + strings.Repeat("::int", 50000),
		"recursion": "select 1" + strings.Repeat("+1", 6000),
		"joins":     "select * from a" + strings.Repeat(" join b on true", 40000),
	} {
		if _, err := Parse(sql); pgerror.CodeOf(err) != pgerror.StatementTooComplex {
			t.Errorf("%s: %.80v", name, err)
		}
	}
}

func TestLongFlatStatementsPass(t *testing.T) {
	for name, sql := range map[string]string{
		"list": "select 1 in (" + strings.Repeat("1,", 50000) + "1)",
		"or":   "select * from t where a = 1" + strings.Repeat(" or a = 1", 20000),
		"rows": "values (1)" + strings.Repeat(", (1)", 20000),
		"many": strings.Repeat("select 1;", 5000),
	} {
		if _, err := Parse(sql); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRedactHidesLiteralsAndSecrets(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"select 'a', 1, -1.5, $1, E'x', $$y$$, U&'z', B'1' /* c */ from t -- d", "select ?, ?, -?, $1, ?, ?, ?, ? from t"},
		{"create user u password 'S3CRET'", "create user u password ?"},
		{`alter role u with password "S3CRET" login`, "alter role u with password ? login"},
		{"create user u password S3CRET", "create user u password ?"},
		{"alter user u password null", "alter user u password null"},
		{"create server s foreign data wrapper w options (host 'S3CRET', port S3CRET)", "create server s foreign data wrapper w options (host ?, port ?)"},
		{`alter user mapping for u server s options (set password 'S3CRET', add user "S3CRET", drop x)`, "alter user mapping for u server s options (set password ?, add user ?, drop x)"},
		{"create masking policy p on t (c) using ('S3CRET' || c) priority 3", "create masking policy p on t (c) using (? || c) priority ?"},
		{"set x to 'S3CRET'; alter role a set b = 'S3CRET'", "set x to ?; alter role a set b = ?"},
		{"select 'S3CRET", "<14 bytes of text>"},
		{"selec S from 'S3CRET'", "selec S from ?"},
		{"select password from t", "select password from t"},
	} {
		if got := Redact(c.sql); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestFingerprintIgnoresLiterals(t *testing.T) {
	for _, p := range [][2]string{
		{"select 1 from t where a = 'x'", "SELECT  2 FROM t WHERE a = 'y'"},
		{"create masking policy p on t (c) using ('a')", "create masking policy p on t (c) using  ('b') -- c"},
		{"selec 1", "selec 2"},
	} {
		if Fingerprint(p[0]) != Fingerprint(p[1]) {
			t.Errorf("%s <> %s", p[0], p[1])
		}
	}
	if Fingerprint("select a from t") == Fingerprint("select b from t") {
		t.Error("different statements are equal")
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		"select 1; select 'a;b'", "create masking policy p on t (c) using ('x'); select 1",
		"create function f() returns int begin atomic select 1; end; drop masking policy p",
		"show masking policies;;select $$;$$ -- ;", "select U&\"d\\0061\" ; show masking policies", "create masking policy (", "/* masking */ '",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		Redact(sql)
		list, err := Parse(sql)
		if err != nil {
			if e := pgerror.From(err); e.Code == pgerror.InternalError || e.Position > len(sql)+2 {
				t.Fatalf("%q: %v at %d", sql, err, e.Position)
			}
			return
		}
		end := 0
		for _, s := range list {
			if s.Offset < end || sql[s.Offset:s.Offset+len(s.SQL)] != s.SQL {
				t.Fatalf("%q: statement %q at %d overlaps", sql, s.SQL, s.Offset)
			}
			end = s.Offset + len(s.SQL)
		}
	})
}
