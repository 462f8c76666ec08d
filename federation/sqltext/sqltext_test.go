package sqltext

import (
	"math"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// The columns of the tests: i int4, t text, f float8, n numeric, b bool, d date.
var columns = []struct {
	name string
	oid  types.OID
}{{"i", types.Int4}, {"t", types.Text}, {"f", types.Float8}, {"n", types.Numeric}, {"b", types.Bool}, {"d", types.Date}}

// remote returns the columns with a rule for text.
func remote(d Dialect, rule TextRule) []Column {
	out := make([]Column, len(columns))
	for i, c := range columns {
		out[i] = Column{Name: c.name, SQL: d.Ident(c.name), Type: types.Of(c.oid), Text: rule}
	}
	return out
}

func col(i int) expr.Expr {
	return &expr.Column{ID: expr.ColumnID(i), Name: columns[i].name, T: types.Of(columns[i].oid)}
}

func lit(oid types.OID, d types.Datum) expr.Expr { return &expr.Const{T: types.Of(oid), Value: d} }

func integer(i int64) expr.Expr { return lit(types.Int4, types.IntDatum(i)) }

func str(s string) expr.Expr { return lit(types.Text, types.TextDatum(s)) }

func op(name string, l, r expr.Expr) expr.Expr {
	return &expr.Call{Fn: &function.Overload{Name: name}, Args: []expr.Expr{l, r}, T: types.Of(types.Bool), Op: name}
}

func logic(o expr.LogicOp, args ...expr.Expr) expr.Expr { return &expr.Logic{Op: o, Args: args} }

func TestRendering(t *testing.T) {
	superset := TextRule{Equal: connector.Superset, Like: connector.Superset, Why: "collation"}
	unknown := &expr.Call{Fn: &function.Overload{Name: "lower", Volatility: function.Immutable}, Args: []expr.Expr{col(1)}, T: types.Of(types.Text)}
	length := &expr.Call{Fn: &function.Overload{Name: "length", Volatility: function.Immutable}, Args: []expr.Expr{col(1)}, T: types.Of(types.Int4)}
	sum := &expr.Call{Fn: &function.Overload{Name: "int4pl"}, Args: []expr.Expr{col(0), integer(1)}, T: types.Of(types.Int4), Op: "+"}
	for _, c := range []struct {
		name string
		d    Dialect
		rule TextRule
		e    expr.Expr
		want string // outcome and SQL
	}{
		{"negative number", Postgres, ExactText(), op("=", col(0), integer(-5)), `exact ("i" = (-5))`},
		{"smallest number", Postgres, ExactText(), op("=", col(0), integer(math.MinInt32)), `exact ("i" = (-2147483648)::int4)`},
		{"quote", Postgres, ExactText(), op("=", col(1), str(`a'b\c`)), `exact ("t" = 'a''b\c'::text)`},
		{"quote in MySQL", MySQL, ExactText(), op("=", col(1), str(`a'b\c`)), "exact (`t` = 'a''b\\c')"},
		{"NUL", Postgres, ExactText(), op("=", col(1), str("a\x00")), "local "},
		{"invalid UTF-8", SQLite, ExactText(), op("=", col(1), str("a\xff")), "local "},
		{"NaN", Postgres, ExactText(), op("=", col(2), lit(types.Float8, types.FloatDatum(math.NaN()))), `exact ("f" = 'NaN'::float8)`},
		{"NaN elsewhere", MySQL, ExactText(), op("=", col(2), lit(types.Float8, types.FloatDatum(math.NaN()))), "local "},
		{"float", MySQL, ExactText(), op(">", col(2), lit(types.Float8, types.FloatDatum(-0.1))), "exact (`f` > (-1e-01))"},
		{"inexact float in SQLite", SQLite, ExactText(), op(">", col(2), lit(types.Float8, types.FloatDatum(1.0/3))), "local "},
		{"case-insensitive equality", MySQL, superset, op("=", col(1), str("x")), "superset (`t` = 'x')"},
		{"case-insensitive inequality", MySQL, superset, op("<>", col(1), str("x")), "local "},
		{"negated case-insensitive equality", MySQL, superset, logic(expr.Not, op("=", col(1), str("x"))), "local "},
		{"twice negated", MySQL, superset, logic(expr.Not, logic(expr.Not, op("=", col(1), str("x")))), "superset (`t` = 'x')"},
		{"case-insensitive order", MySQL, superset, op("<", col(1), str("x")), "local "},
		{"a conjunct with a local arm", MySQL, superset, logic(expr.And, op("<", col(1), str("x")), op("=", col(0), integer(1))), "superset ((`i` = 1))"},
		{"a disjunct with a local arm", MySQL, superset, logic(expr.Or, op("<", col(1), str("x")), op("=", col(0), integer(1))), "local "},
		{"NOT over AND", Postgres, ExactText(), logic(expr.Not, logic(expr.And, op("<", col(0), integer(1)), col(4))), `exact (("i" >= 1) OR (NOT "b"))`},
		{"NOT over AND with a local arm", Postgres, ExactText(), logic(expr.Not, logic(expr.And, op("=", unknown, str("x")), col(4))), "local "},
		{"locale-dependent function", Postgres, ExactText(), op("=", unknown, str("x")), "local "},
		{"verified function", Postgres, ExactText(), op(">", length, integer(3)), `exact (length("t") > 3)`},
		{"verified function elsewhere", SQLite, ExactText(), op(">", length, integer(3)), `exact (length("t") > 3)`},
		{"arithmetic", Postgres, ExactText(), op(">", sum, integer(3)), `exact (("i" + 1) > 3)`},
		{"arithmetic elsewhere", MySQL, ExactText(), op(">", sum, integer(3)), "local "},
		{"LIKE", Postgres, ExactText(), op("~~", col(1), str(`a\%%`)), `exact ("t" LIKE 'a\%%')`},
		{"LIKE in MySQL", MySQL, ExactText(), op("~~", col(1), str(`a\%_|%`)), "exact (`t` LIKE 'a|%_||%' ESCAPE '|')"},
		{"LIKE in SQLite", SQLite, ExactText(), op("~~", col(1), str(`a*\%_%`)), `exact ("t" GLOB 'a[*]%?*')`},
		{"a pattern that ends in an escape", Postgres, ExactText(), op("~~", col(1), str(`a\`)), "local "},
		{"parameter", Postgres, ExactText(), op("=", col(0), &expr.Param{N: 1, T: types.Of(types.Int4)}), "local "},
		{"decimal in SQLite", SQLite, ExactText(), op("=", col(3), lit(types.Numeric, types.TextDatum(string(types.AppendScaled(nil, 150, 2))))), "local "},
		{"decimal", MySQL, ExactText(), op("=", col(3), lit(types.Numeric, types.TextDatum(string(types.AppendScaled(nil, -150, 2))))), "exact (`n` = (-1.50))"},
		{"comparison with NULL", Postgres, ExactText(), op("=", col(0), lit(types.Int4, types.Null)), `exact ("i" = NULL::int4)`},
		{"infinite date", Postgres, ExactText(), op("<", col(5), lit(types.Date, types.IntDatum(math.MaxInt32))), `exact ("d" < 'infinity'::date)`},
		{"infinite date elsewhere", MySQL, ExactText(), op("<", col(5), lit(types.Date, types.IntDatum(math.MaxInt32))), "local "},
		{"date before Christ", Postgres, ExactText(), op("<", col(5), lit(types.Date, types.IntDatum(-735160))), `exact ("d" < '0044-03-15 BC'::date)`},
		{"IN", Postgres, ExactText(), &expr.InList{Arg: col(0), Items: []expr.Expr{integer(1), lit(types.Int4, types.Null), integer(-2)}}, `exact ("i" IN (1, (-2)))`},
		{"NOT IN with NULL", Postgres, ExactText(), &expr.InList{Arg: col(0), Items: []expr.Expr{integer(1), lit(types.Int4, types.Null)}, Not: true}, `exact (1 = 0)`},
	} {
		where, out := Push(c.d, remote(c.d, c.rule), []expr.Expr{c.e})
		got := out[0].Pushed.String() + " "
		if len(where) > 0 {
			got += where[0].Text
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s (%s)", c.name, got, c.want, out[0].Reason)
		}
		if out[0].Pushed != connector.Exact && out[0].Reason == "" {
			t.Errorf("%s: no reason", c.name)
		}
	}
}

func TestRedactionLeavesNoLiteral(t *testing.T) {
	list := []expr.Expr{
		op("=", col(1), str("secret")), op("~~", col(1), str("secret%")), op("<", col(0), integer(987654)),
		&expr.InList{Arg: col(1), Items: []expr.Expr{str("secret"), str("x")}},
	}
	for _, d := range []Dialect{Postgres, MySQL, SQLite} {
		where, _ := Push(d, remote(d, ExactText()), list)
		q := Query{Dialect: d, Select: []SQL{Raw("1")}, From: Raw(d.Qualified("s", "t")), Where: where, Limit: 987654}
		if len(where) != len(list) || !strings.Contains(q.Text(false), "secret") {
			t.Errorf("%d: %s", d, q.Text(false))
		}
		if s := q.Text(true); strings.Contains(s, "secret") || strings.Contains(s, "987654") {
			t.Errorf("%d: %s", d, s)
		}
	}
}

func TestGuardedColumnsLetOddValuesPass(t *testing.T) {
	cols := remote(SQLite, ExactText())
	cols[0].Guard = `typeof("i") NOT IN ('integer', 'null')`
	where, out := Push(SQLite, cols, []expr.Expr{op("=", col(0), integer(1)), op("=", col(1), str("x"))})
	if out[0].Pushed != connector.Superset || where[0].Text != `(("i" = 1) OR typeof("i") NOT IN ('integer', 'null'))` || out[1].Pushed != connector.Exact {
		t.Errorf("%v %v", out, where)
	}
}

func TestValuesReadAsNullAreKeptAway(t *testing.T) {
	cols := remote(MySQL, ExactText())
	cols[5].NullIf = "(zero)"
	day := lit(types.Date, types.IntDatum(0))
	where, out := Push(MySQL, cols, []expr.Expr{
		op("<", col(5), day), &expr.NullTest{Arg: col(5)}, &expr.NullTest{Arg: col(5), Not: true},
		&expr.Distinct{Left: col(5), Right: day, Not: true},
	})
	want := []string{"((`d` < DATE'1970-01-01') AND NOT ((zero)))", "((zero))", "(NOT ((zero)))"}
	for i, w := range want {
		if where[i].Text != w || out[i].Pushed != connector.Exact {
			t.Errorf("%s %v, want %s", where[i].Text, out[i], w)
		}
	}
	if out[3].Pushed != connector.Local {
		t.Error("IS NOT DISTINCT FROM over such a column must stay local")
	}
}

func TestHostileNamesAreQuoted(t *testing.T) {
	if got := Postgres.Qualified(`a"b`, `c`); got != `"a""b"."c"` {
		t.Error(got)
	}
	if got := MySQL.Ident("a`b"); got != "`a``b`" {
		t.Error(got)
	}
}

func TestDynamicFilters(t *testing.T) {
	d := types.IntDatum
	values := func(oid types.OID, list ...types.Datum) *connector.Domain {
		return &connector.Domain{Type: types.Of(oid), Min: list[0], Max: list[len(list)-1], HasMin: true, HasMax: true, Values: list}
	}
	bounds := func(oid types.OID, list ...types.Datum) *connector.Domain {
		out := values(oid, list...)
		out.Values, out.Bloom = nil, connector.NewBloom(1)
		return out
	}
	nulls := values(types.Int4, d(1))
	nulls.Nulls = true
	const first = 1<<31 - 70
	bitSet := &connector.Domain{Type: types.Of(types.Int8), Min: d(first), Max: d(1 << 31), HasMin: true, HasMax: true, Bits: make(vector.Bitmap, 2)}
	for _, v := range []int{first, first + 63, first + 64, 1<<31 - 1, 1 << 31} {
		bitSet.Bits.Set(v - first)
	}
	superset := TextRule{Equal: connector.Superset, Like: connector.Superset, Why: "collation"}
	for _, c := range []struct {
		name   string
		d      Dialect
		rule   TextRule
		column int
		domain *connector.Domain
		want   string
		exact  bool
	}{
		{"nothing known", Postgres, ExactText(), 0, nil, "", false},
		{"a set", Postgres, ExactText(), 0, values(types.Int4, d(1), d(7)), `("i" IN (1, 7))`, true},
		{"a wider type", Postgres, ExactText(), 0, values(types.Int8, d(1), d(1<<40)), `("i" IN (1))`, true},
		{"a set without one that fits", Postgres, ExactText(), 0, values(types.Int8, d(1<<40)), `(1 = 0)`, true},
		{"bounds", Postgres, ExactText(), 0, bounds(types.Int4, d(1), d(7)), `(("i" >= 1) AND ("i" <= 7))`, false},
		{"one bound fits", Postgres, ExactText(), 0, bounds(types.Int8, d(1), d(1<<40)), `("i" >= 1)`, false},
		{"NULL matters", Postgres, ExactText(), 0, nulls, `(("i" IN (1)) OR ("i" IS NULL))`, true},
		{"nothing matters", Postgres, ExactText(), 0, &connector.Domain{Type: types.Of(types.Int4), Empty: true}, `(1 = 0)`, true},
		{"a set as bits", Postgres, ExactText(), 0, bitSet, `("i" = ANY ('{2147483578,2147483641,2147483642,2147483647}'::int4[]))`, true},
		{"bits elsewhere", MySQL, ExactText(), 0, bitSet, "(`i` >= 2147483578)", false},
		{"text", Postgres, ExactText(), 1, values(types.Text, types.TextDatum("a'b")), `("t" IN ('a''b'::text))`, true},
		{"text under another collation", MySQL, superset, 1, values(types.Text, types.TextDatum("a")), "(`t` IN ('a'))", false},
		{"its order", MySQL, superset, 1, bounds(types.Text, types.TextDatum("a")), "", false},
		{"a value that cannot be sent", Postgres, ExactText(), 1, values(types.Text, types.TextDatum("a\x00"), types.TextDatum("b")), `("t" <= 'b'::text)`, false},
		{"numerics", SQLite, ExactText(), 3, values(types.Numeric, types.TextDatum("\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01")), "", false},
	} {
		f := connector.NewDynamicFilter(true)
		f.Publish(c.domain)
		out := PushDynamic(c.d, remote(c.d, c.rule), []connector.ScanFilter{connector.NewScanFilter(c.column, f)})
		got := ""
		for _, w := range out.Where {
			got += w.Text
		}
		if got != c.want || out.Filters(0) != c.exact {
			t.Errorf("%s: %s (exact %v), want %s (exact %v)", c.name, got, out.Filters(0), c.want, c.exact)
		}
	}
}
