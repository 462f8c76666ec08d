package sqltext

import (
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// tableOf is the table of the tests as a relation: i, t, f, n, b, d.
func tableOf(d Dialect, rule TextRule, change func([]Column)) *Relation {
	rules := remote(d, rule)
	if change != nil {
		change(rules)
	}
	outputs := make([]Output, len(rules))
	for i, c := range rules {
		outputs[i] = Output{Column: connector.Column{Name: c.Name, Type: c.Type}, Select: Raw(d.Ident(c.Name)), Rule: c, Origin: i}
	}
	return Table(d, d.Ident("t"), outputs)
}

// agg is an aggregate call.
func agg(name string, t types.Type, args ...expr.Expr) connector.AggregateCall {
	return connector.AggregateCall{Fn: &function.Overload{Name: name}, Args: args, Name: name, Type: t}
}

// grouped is a grouping by columns with calls.
func grouped(calls []connector.AggregateCall, keys ...int) *connector.Aggregate {
	op := &connector.Aggregate{Calls: calls}
	for _, k := range keys {
		op.Keys = append(op.Keys, col(k))
		op.Columns = append(op.Columns, connector.Column{Name: columns[k].name, Type: types.Of(columns[k].oid)})
	}
	return op
}

func TestOperations(t *testing.T) {
	count := agg("count", types.Of(types.Int8))
	sumI := agg("sum", types.Of(types.Int8), col(0))
	folded := TextRule{Equal: connector.Superset, Like: connector.Superset, Why: "collation"}
	binary := ExactText()
	binary.EqualCollate, binary.OrderCollate = " COLLATE x", " COLLATE x"
	varchar := func(c []Column) { c[1].Type = types.VarCharType(20) }
	filtered := agg("sum", types.Of(types.Int8), col(0))
	filtered.Filter = op(">", col(0), integer(1))
	distinct := agg("count", types.Of(types.Int8), col(1))
	distinct.Distinct = true
	first := func(k int, desc, nulls bool) *connector.TopN {
		return &connector.TopN{Keys: []connector.SortKey{{Expr: col(k), Desc: desc, NullsFirst: nulls}}, Limit: 5, Offset: 2}
	}
	choice := &expr.Case{T: types.Of(types.Int4), Whens: []expr.When{{Cond: op("=", col(1), str("x")), Result: integer(1)}}, Else: integer(0)}
	named := &expr.Column{ID: 1, Name: "t", T: types.VarCharType(20)}
	for _, c := range []struct {
		name   string
		d      Dialect
		rule   TextRule
		change func([]Column)
		op     connector.Operation
		want   string // the statement, or "local"
	}{
		{"groups", Postgres, ExactText(), nil, grouped([]connector.AggregateCall{count, sumI}, 1, 5), `SELECT "t", "d", count(*), sum("i") FROM "t" GROUP BY "t", "d"`},
		{"no groups", SQLite, ExactText(), nil, grouped([]connector.AggregateCall{count}), `SELECT count(*) FROM "t"`},
		{"groups of text that compares otherwise", Postgres, binary, nil, grouped([]connector.AggregateCall{count}, 1), `SELECT "t" COLLATE x, count(*) FROM "t" GROUP BY "t" COLLATE x`},
		{"groups of text that is folded", MySQL, folded, varchar, &connector.Aggregate{Keys: []expr.Expr{named}, Columns: []connector.Column{{Name: "t"}}, Calls: []connector.AggregateCall{count}}, "local"},
		{"groups of short text", MySQL, binary, varchar, &connector.Aggregate{Keys: []expr.Expr{named}, Columns: []connector.Column{{Name: "t"}}, Calls: []connector.AggregateCall{count}}, "SELECT `t` COLLATE x, count(*) FROM `t` GROUP BY `t` COLLATE x"},
		{"groups of long text", MySQL, binary, nil, grouped([]connector.AggregateCall{count}, 1), "local"},
		{"a constant as key", Postgres, ExactText(), nil, &connector.Aggregate{Keys: []expr.Expr{integer(1)}, Columns: []connector.Column{{Name: "x"}}}, "local"},
		{"an average", Postgres, ExactText(), nil, grouped([]connector.AggregateCall{agg("avg", types.Of(types.Numeric), col(0))}), `SELECT avg("i") FROM "t"`},
		{"an average elsewhere", MySQL, ExactText(), nil, grouped([]connector.AggregateCall{agg("avg", types.Of(types.Numeric), col(0))}), "local"},
		{"a sum of floats elsewhere", MySQL, ExactText(), nil, grouped([]connector.AggregateCall{agg("sum", types.Of(types.Float8), col(2))}), "local"},
		{"a sum of decimals of any size", MySQL, ExactText(), nil, grouped([]connector.AggregateCall{agg("sum", types.Of(types.Numeric), col(3))}), "local"},
		{"a sum of integers in SQLite", SQLite, ExactText(), nil, grouped([]connector.AggregateCall{sumI}), `SELECT sum("i") FROM "t"`},
		{"an unknown aggregate", Postgres, ExactText(), nil, grouped([]connector.AggregateCall{agg("string_agg", types.Of(types.Text), col(1))}), "local"},
		{"FILTER", Postgres, ExactText(), nil, grouped([]connector.AggregateCall{filtered}), `SELECT sum("i") FILTER (WHERE ("i" > 1)) FROM "t"`},
		{"FILTER elsewhere", MySQL, ExactText(), nil, grouped([]connector.AggregateCall{filtered}), "SELECT sum(CASE WHEN (`i` > 1) THEN `i` END) FROM `t`"},
		{"DISTINCT", Postgres, ExactText(), nil, grouped([]connector.AggregateCall{distinct}), `SELECT count(DISTINCT "t") FROM "t"`},
		{"CASE", Postgres, ExactText(), nil, grouped([]connector.AggregateCall{agg("sum", types.Of(types.Int8), choice)}), `SELECT sum(CASE WHEN ("t" = 'x'::text) THEN 1 ELSE 0 END) FROM "t"`},
		{"a guarded column", SQLite, ExactText(), func(c []Column) { c[0].Guard = "odd" }, grouped([]connector.AggregateCall{sumI}), "local"},
		{"the number of rows beside a guarded column", SQLite, ExactText(), func(c []Column) { c[0].Guard = "odd" }, grouped([]connector.AggregateCall{count}), `SELECT count(*) FROM "t"`},
		{
			"values read as NULL", MySQL, ExactText(), func(c []Column) { c[5].NullIf = "(zero)" }, grouped([]connector.AggregateCall{count}, 5),
			"SELECT CASE WHEN NOT ((zero)) THEN `d` END, count(*) FROM `t` GROUP BY CASE WHEN NOT ((zero)) THEN `d` END",
		},
		{"first rows", Postgres, binary, nil, first(1, true, false), `SELECT "i", "t", "f", "n", "b", "d" FROM "t" ORDER BY "t" COLLATE x DESC NULLS LAST LIMIT 5 OFFSET 2`},
		{"first rows with NULLs where they are", MySQL, ExactText(), nil, first(0, false, true), "SELECT `i`, `t`, `f`, `n`, `b`, `d` FROM `t` ORDER BY `i` LIMIT 5 OFFSET 2"},
		{"first rows with NULLs elsewhere", MySQL, ExactText(), nil, first(0, true, true), "SELECT `i`, `t`, `f`, `n`, `b`, `d` FROM `t` ORDER BY (`i`) IS NULL DESC, `i` DESC LIMIT 5 OFFSET 2"},
		{"first rows in an order that differs", MySQL, folded, varchar, &connector.TopN{Keys: []connector.SortKey{{Expr: named}}, Limit: 1}, "local"},
		{"a column of no table", Postgres, ExactText(), nil, &connector.Compute{Exprs: []expr.Expr{&expr.Column{ID: -1, T: types.Of(types.Int4)}}, Columns: []connector.Column{{Name: "x"}}}, "local"},
	} {
		r, reason := tableOf(c.d, c.rule, c.change).Apply(c.op, nil)
		got := "local"
		if reason == "" {
			got = r.Text(false)
		}
		if got != c.want {
			t.Errorf("%s:\n got %s (%s)\nwant %s", c.name, got, reason, c.want)
		}
	}
}

func TestConditionsAboveGroupsBecomeASubquery(t *testing.T) {
	r, reason := tableOf(Postgres, ExactText(), nil).Apply(grouped([]connector.AggregateCall{agg("count", types.Of(types.Int8))}, 0), nil)
	if reason != "" {
		t.Fatal(reason)
	}
	having := op(">", &expr.Column{ID: 1, Name: "count", T: types.Of(types.Int8)}, integer(987654))
	r, out := r.Filter([]expr.Expr{having})
	want := `SELECT q.c0, q.c1 FROM (SELECT "i" AS c0, count(*) AS c1 FROM "t" GROUP BY "i") AS q WHERE (q.c1 > 987654)`
	if r.Text(false) != want || out[0].Pushed != connector.Exact {
		t.Errorf("%s %v", r.Text(false), out)
	}
	if strings.Contains(r.Text(true), "987654") {
		t.Error(r.Text(true))
	}
}

func TestJoins(t *testing.T) {
	right := func(i int) expr.Expr {
		return &expr.Column{ID: expr.ColumnID(i + 1), Name: columns[i].name, T: types.Of(columns[i].oid)}
	}
	one := func(d Dialect, indexed bool) *Relation {
		r, _ := tableOf(d, ExactText(), func(c []Column) { c[0].Indexed = indexed }).Project([]int{0})
		return r
	}
	equal, less := op("=", col(0), right(0)), op("<", col(0), right(0))
	for _, c := range []struct {
		d       Dialect
		indexed bool
		kind    connector.JoinKind
		cond    expr.Expr
		want    string
	}{
		{Postgres, false, connector.InnerJoin, equal, `SELECT l.c0, r.c0 FROM (SELECT "i" AS c0 FROM "t") AS l JOIN (SELECT "i" AS c0 FROM "t") AS r ON (l.c0 = r.c0)`},
		{Postgres, false, connector.LeftJoin, less, `SELECT l.c0, r.c0 FROM (SELECT "i" AS c0 FROM "t") AS l LEFT JOIN (SELECT "i" AS c0 FROM "t") AS r ON (l.c0 < r.c0)`},
		{Postgres, false, connector.AntiJoin, equal, `SELECT l.c0 FROM (SELECT "i" AS c0 FROM "t") AS l WHERE NOT EXISTS (SELECT 1 FROM (SELECT "i" AS c0 FROM "t") AS r WHERE (l.c0 = r.c0))`},
		{Postgres, false, connector.FullJoin, less, "local"},
		{MySQL, false, connector.InnerJoin, equal, "local"},
		{MySQL, true, connector.InnerJoin, equal, "SELECT l.c0, r.c0 FROM (SELECT `i` AS c0 FROM `t`) AS l JOIN (SELECT `i` AS c0 FROM `t`) AS r ON (l.c0 = r.c0)"},
		{MySQL, true, connector.SemiJoin, equal, "local"},
		{SQLite, false, connector.InnerJoin, less, "local"},
	} {
		r, reason := one(c.d, c.indexed).Apply(&connector.Join{Kind: c.kind, Conds: []expr.Expr{c.cond}}, one(c.d, c.indexed))
		got := "local"
		if reason == "" {
			got = r.Text(false)
		}
		if got != c.want {
			t.Errorf("join %d:\n got %s (%s)\nwant %s", c.kind, got, reason, c.want)
		}
	}
}

func TestAListOfMostValuesIsNotSent(t *testing.T) {
	values := make([]types.Datum, 200)
	for i := range values {
		values[i] = types.IntDatum(int64(i))
	}
	f := connector.NewDynamicFilter(true)
	f.Publish(&connector.Domain{Type: types.Of(types.Int4), Min: values[0], Max: values[199], HasMin: true, HasMax: true, Values: values})
	for distinct, want := range map[float64]bool{0: true, 210: false, 100000: true} {
		filter := connector.NewScanFilter(0, f)
		filter.Distinct = distinct
		out := PushDynamic(Postgres, remote(Postgres, ExactText()), []connector.ScanFilter{filter})
		if got := strings.Contains(out.Where[0].Text, " IN "); got != want || out.Filters(0) != want {
			t.Errorf("of %g values: %.60s", distinct, out.Where[0].Text)
		}
	}
}
