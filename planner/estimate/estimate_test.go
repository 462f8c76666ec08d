package estimate

import (
	"context"
	"math"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// fixed is what is known of a table in a test.
type fixed struct {
	rows float64
	cols []*connector.ColumnStatistics
}

func (f *fixed) Load(context.Context, []int)              {}
func (f *fixed) Rows() float64                            { return f.rows }
func (f *fixed) Column(i int) *connector.ColumnStatistics { return f.cols[i] }

var (
	int8Type = types.Of(types.Int8)
	textType = types.Of(types.Text)
	dateType = types.Of(types.Date)
)

// uniform describes the integers from lo to hi, all equally frequent.
func uniform(lo, hi int64) *connector.ColumnStatistics {
	return &connector.ColumnStatistics{Distinct: float64(hi - lo + 1), Min: types.IntDatum(lo), Max: types.IntDatum(hi)}
}

// table makes a scan whose columns get the identities from first on.
func table(first expr.ColumnID, rows float64, cols []logical.Column, stats ...*connector.ColumnStatistics) *logical.Scan {
	s := &logical.Scan{Table: "t", Rows: rows, Stats: &fixed{rows, stats}}
	for i, c := range cols {
		c.ID = first + expr.ColumnID(i)
		s.Cols = append(s.Cols, c)
	}
	return s
}

func col(t types.Type) logical.Column { return logical.Column{Name: "c", Type: t} }

func op(name string, l, r expr.Expr) expr.Expr {
	return &expr.Call{Fn: &function.Overload{Name: name}, Op: name, Args: []expr.Expr{l, r}, T: types.Of(types.Bool)}
}

func integer(i int64) expr.Expr { return &expr.Const{T: int8Type, Value: types.IntDatum(i)} }

func str(s string) expr.Expr { return &expr.Const{T: textType, Value: types.TextDatum(s)} }

// near reports whether an estimate is within a tenth of the truth.
func near(got, want float64) bool { return math.Abs(got-want) <= 0.1*math.Max(want, 1e-6) }

func TestConditionsOfOneTable(t *testing.T) {
	// 10000 rows: n is 1..1000; s is a for half of them, b for a quarter, NULL for
	// the rest; d is the days 0..99; h is skewed, half of it below 10.
	hist := []types.Datum{types.IntDatum(0), types.IntDatum(10), types.IntDatum(1000)}
	s := table(1, 10000, []logical.Column{col(int8Type), col(textType), col(dateType), col(int8Type)},
		uniform(1, 1000),
		&connector.ColumnStatistics{Distinct: 2, NullFraction: 0.25, Min: types.Null, Max: types.Null, Common: []connector.CommonValue{
			{Value: types.TextDatum("a"), Fraction: 0.5},
			{Value: types.TextDatum("b"), Fraction: 0.25},
		}},
		uniform(0, 99),
		&connector.ColumnStatistics{Distinct: 500, Min: types.IntDatum(0), Max: types.IntDatum(1000), Histogram: hist},
	)
	n, text, d, h := s.Cols[0].Ref(), s.Cols[1].Ref(), s.Cols[2].Ref(), s.Cols[3].Ref()
	day := func(i int64) expr.Expr { return &expr.Const{T: dateType, Value: types.IntDatum(i)} }
	midnight := &expr.Const{T: types.Of(types.Timestamp), Value: types.IntDatum(50 * 86400e6)}
	ten := &expr.Const{T: types.Of(types.Numeric), Value: types.TextDatum(string(types.AppendScaled(nil, 1005, 1)))}
	e := New(t.Context())
	e.Rows(s)
	for _, c := range []struct {
		name  string
		conds []expr.Expr
		want  float64
	}{
		{"equality with a uniform column", []expr.Expr{op("=", n, integer(7))}, 0.001},
		{"equality outside the bounds", []expr.Expr{op("=", n, integer(5000))}, 0.00001},
		{"equality with a common value", []expr.Expr{op("=", text, str("b"))}, 0.25},
		{"inequality leaves NULL out", []expr.Expr{op("<>", text, str("b"))}, 0.5},
		{"IS NULL", []expr.Expr{&expr.NullTest{Arg: text}}, 0.25},
		{"IN", []expr.Expr{&expr.InList{Arg: text, Items: []expr.Expr{str("a"), str("b")}}}, 0.75},
		{"NOT IN", []expr.Expr{&expr.InList{Arg: n, Items: []expr.Expr{integer(1), integer(2)}, Not: true}}, 0.998},
		{"a range from one side", []expr.Expr{op("<=", n, integer(250))}, 0.25},
		{"two limits are one range", []expr.Expr{op(">", n, integer(100)), op("<=", n, integer(200))}, 0.1},
		{"a constant on the left", []expr.Expr{op(">", integer(100), n)}, 0.1},
		{"a scaled numeric against integers", []expr.Expr{op("<", n, ten)}, 0.1},
		{"dates", []expr.Expr{op(">=", d, day(25)), op("<", d, day(75))}, 0.5},
		{"a date against a timestamp", []expr.Expr{op("<", d, midnight)}, 0.5},
		{"a histogram", []expr.Expr{op("<", h, integer(10))}, 0.5},
		{"within a bucket", []expr.Expr{op("<", h, integer(505))}, 0.75},
		{"OR", []expr.Expr{&expr.Logic{Op: expr.Or, Args: []expr.Expr{op("=", text, str("a")), op("<=", n, integer(500))}}}, 0.75},
		{"NOT", []expr.Expr{&expr.Logic{Op: expr.Not, Args: []expr.Expr{op("<=", n, integer(250))}}}, 0.75},
		{"LIKE over common values", []expr.Expr{op("~~", text, str("%b%"))}, 0.25},
		{"NOT LIKE over common values", []expr.Expr{op("!~~", text, str("%b%"))}, 0.5},
		{"false", []expr.Expr{&expr.Const{T: types.Of(types.Bool)}}, leastKept},
	} {
		if got := e.Conjunction(c.conds); !near(got, c.want) {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
}

func TestUnknownColumnsGetDefaults(t *testing.T) {
	s := table(1, -1, []logical.Column{col(int8Type)}, nil)
	e := New(t.Context())
	if got := e.Rows(s); got != unknownRows {
		t.Errorf("rows of an unknown table: %g", got)
	}
	if got := e.Selectivity(op("=", s.Cols[0].Ref(), integer(1))); got != equalUnknown {
		t.Errorf("equality: %g", got)
	}
	if got := e.Selectivity(op("<", s.Cols[0].Ref(), integer(1))); got != rangeUnknown {
		t.Errorf("range: %g", got)
	}
}

func TestJoins(t *testing.T) {
	two := []logical.Column{col(int8Type), col(int8Type)}
	// 1000 customers; 10000 orders of 500 of them; 40000 lines of 10000 orders
	// and 200 parts; 800 prices of 200 parts by 4 shops.
	customer := table(1, 1000, two, uniform(1, 1000), uniform(1, 10))
	orders := table(11, 10000, two, uniform(1, 10000), uniform(1, 500))
	price := table(31, 800, two, uniform(1, 200), uniform(1, 4))
	item := table(41, 40000, two, uniform(1, 200), uniform(1, 4))
	eq := func(a, b *logical.Scan, i, j int) expr.Expr { return op("=", a.Cols[i].Ref(), b.Cols[j].Ref()) }
	region := &logical.Filter{Input: customer, Conds: []expr.Expr{op("=", customer.Cols[1].Ref(), integer(3))}}
	join := func(k physical.JoinKind, l, r logical.Node, cond expr.Expr) logical.Node {
		return &logical.Join{Kind: k, Left: l, Right: r, Cond: cond}
	}
	for _, c := range []struct {
		name string
		plan logical.Node
		want float64
	}{
		{"a foreign key", join(physical.Inner, orders, customer, eq(orders, customer, 1, 0)), 10000},
		{"a foreign key to filtered rows", join(physical.Inner, orders, region, eq(orders, customer, 1, 0)), 1000},
		{"two keys that identify a row", join(physical.Inner, item, price, expr.JoinAnd([]expr.Expr{eq(item, price, 0, 0), eq(item, price, 1, 1)})), 40000},
		{"many to many", join(physical.Inner, item, price, eq(item, price, 0, 0)), 160000},
		{"cross", join(physical.Inner, customer, price, nil), 800000},
		{"left keeps its rows", join(physical.Left, customer, region, eq(customer, customer, 0, 0)), 1000},
		{"semi", join(physical.Semi, customer, orders, eq(customer, orders, 0, 1)), 500},
		{"anti", join(physical.Anti, customer, orders, eq(customer, orders, 0, 1)), 500},
		{"groups of a key", &logical.Aggregate{Input: orders, Keys: []expr.Expr{orders.Cols[1].Ref()}, Cols: []logical.Column{{ID: 90}}}, 500},
		{"groups are no more than rows", &logical.Aggregate{Input: orders, Keys: []expr.Expr{orders.Cols[0].Ref(), orders.Cols[1].Ref()}, Cols: []logical.Column{{ID: 91}, {ID: 92}}}, 10000},
		{"one group", &logical.Aggregate{Input: orders}, 1},
		{"limit", &logical.Limit{Input: orders, Count: integer(5)}, 5},
	} {
		if got := New(t.Context()).Rows(c.plan); !near(got, c.want) {
			t.Errorf("%s: %g rows, want %g", c.name, got, c.want)
		}
	}
}

func TestFilteredRowsHaveFewerValues(t *testing.T) {
	for _, c := range []struct{ d, total, rows, want float64 }{
		{100, 1000, 1000, 100},
		{1000, 1000, 10, 10},
		{100, 10000, 1000, 100},
		{5000, 10000, 5000, 3750},
	} {
		if got := thin(c.d, c.total, c.rows); !near(got, c.want) {
			t.Errorf("thin(%g, %g, %g) = %g, want %g", c.d, c.total, c.rows, got, c.want)
		}
	}
}

func TestLikeMatches(t *testing.T) {
	for _, c := range []struct {
		s, pattern string
		want       bool
	}{
		{"abc", "abc", true},
		{"abc", "a%", true},
		{"abc", "%c", true},
		{"abc", "%b%", true},
		{"abc", "a_c", true},
		{"abc", "_", false},
		{"äbc", "_bc", true},
		{"abc", "%d%", false},
		{"", "%", true},
		{"", "_", false},
		{"a%c", `a\%c`, true},
		{"abc", `a\%c`, false},
		{"aab", "%ab", true},
		{"mississippi", "%iss%pi", true},
	} {
		if got := matches(c.s, c.pattern); got != c.want {
			t.Errorf("%q LIKE %q: %v", c.s, c.pattern, got)
		}
	}
}
