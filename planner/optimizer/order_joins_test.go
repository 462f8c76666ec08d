package optimizer

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/estimate"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// known is what a test says of a table: its rows and how many values each column
// has.
type known struct {
	rows   float64
	values []float64
}

func (k *known) Load(context.Context, []int) {}
func (k *known) Rows() float64               { return k.rows }
func (k *known) Column(i int) *connector.ColumnStatistics {
	return &connector.ColumnStatistics{Distinct: k.values[i], Min: types.Null, Max: types.Null}
}

// world makes tables whose columns have identities of their own.
type world struct {
	next expr.ColumnID
	eq   *function.Overload
}

func (w *world) table(name string, rows float64, values ...float64) *logical.Scan {
	s := &logical.Scan{Table: name, Rows: rows, Stats: &known{rows, values}}
	for range values {
		w.next++
		s.Cols = append(s.Cols, logical.Column{ID: w.next, Name: name, Type: types.Of(types.Int8)})
	}
	return s
}

func (w *world) equal(a *logical.Scan, i int, b *logical.Scan, j int) expr.Expr {
	if w.eq == nil {
		w.eq = &function.Overload{Name: "int8eq"}
	}
	return &expr.Call{Fn: w.eq, Op: "=", Args: []expr.Expr{a.Cols[i].Ref(), b.Cols[j].Ref()}, T: types.Of(types.Bool)}
}

func (w *world) constant(a *logical.Scan, i int) expr.Expr {
	if w.eq == nil {
		w.eq = &function.Overload{Name: "int8eq"}
	}
	one := &expr.Const{T: types.Of(types.Int8), Value: types.IntDatum(1)}
	return &expr.Call{Fn: w.eq, Op: "=", Args: []expr.Expr{a.Cols[i].Ref(), one}, T: types.Of(types.Bool)}
}

func join(k physical.JoinKind, l, r logical.Node, conds ...expr.Expr) *logical.Join {
	return &logical.Join{Kind: k, Left: l, Right: r, Cond: expr.JoinAnd(conds)}
}

// shape prints the joins of a plan: (left right) with the kind unless inner.
func shape(n logical.Node) string {
	switch n := n.(type) {
	case *logical.Scan:
		return n.Table
	case *logical.Join:
		kind := ""
		if n.Kind != physical.Inner {
			kind = n.Kind.String() + " "
		}
		if n.KeepLeft {
			kind += "keeps "
		}
		cross := ""
		if n.Cond == nil {
			cross = " x"
		}
		return fmt.Sprintf("(%s%s%s %s)", kind, shape(n.Left), cross, shape(n.Right))
	case *logical.Filter:
		return "[" + shape(n.Input) + "]"
	}
	return shape(n.Inputs()[0])
}

// ordered runs the rule.
func ordered(t *testing.T, n logical.Node) logical.Node {
	t.Helper()
	out, err := orderJoins(&Env{Ctx: t.Context(), Estimator: estimate.New(t.Context())}, n)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestJoinShapes(t *testing.T) {
	type test struct {
		name string
		plan func(w *world) logical.Node
		want string
	}
	for _, c := range []test{
		{"the smaller side is kept in memory", func(w *world) logical.Node {
			small, large := w.table("small", 10, 10), w.table("large", 1e6, 10)
			return join(physical.Inner, small, large, w.equal(small, 0, large, 0))
		}, "(large small)"},
		{"a star: the dimension that filters goes first", func(w *world) logical.Node {
			fact := w.table("fact", 1e6, 1000, 1e5)
			few, many := w.table("few", 1000, 1000, 100), w.table("many", 1e5, 1e5)
			picked := &logical.Filter{Input: few, Conds: []expr.Expr{w.constant(few, 1)}}
			return join(physical.Inner, join(physical.Inner, fact, many, w.equal(fact, 1, many, 0)), picked, w.equal(fact, 0, few, 0))
		}, "(many (fact [few]))"},
		{"dimensions of one dimension are joined first", func(w *world) logical.Node {
			fact := w.table("fact", 1e6, 1e4)
			shop, town := w.table("shop", 1e4, 1e4, 100), w.table("town", 100, 100, 10)
			picked := &logical.Filter{Input: town, Conds: []expr.Expr{w.constant(town, 1)}}
			return join(physical.Inner, join(physical.Inner, fact, shop, w.equal(fact, 0, shop, 0)), picked, w.equal(shop, 1, town, 0))
		}, "(fact (shop [town]))"},
		{"equal columns connect tables without a condition of their own", func(w *world) logical.Node {
			a, b, c := w.table("a", 1e6, 1e6), w.table("b", 1e6, 1e6), w.table("c", 10, 10)
			return join(physical.Inner, join(physical.Inner, a, b, w.equal(a, 0, b, 0)), c, w.equal(b, 0, c, 0))
		}, "(a (b c))"},
		{"a cross join comes last", func(w *world) logical.Node {
			a, b, c := w.table("a", 1000, 1000), w.table("b", 2, 2), w.table("c", 1000, 10)
			return join(physical.Inner, join(physical.Inner, a, b), c, w.equal(a, 0, c, 0))
		}, "((a c) x b)"},
		{"a left join waits for what filters its left side", func(w *world) logical.Node {
			a, b, c := w.table("a", 1e5, 1e5, 1e5), w.table("b", 1e5, 1e5), w.table("c", 10, 10)
			return join(physical.Inner, join(physical.Left, a, b, w.equal(a, 1, b, 0)), c, w.equal(a, 0, c, 0))
		}, "(Right b (a c))"},
		{"a semi join that filters is made early", func(w *world) logical.Node {
			a, b := w.table("a", 1e6, 1e6, 1e6), w.table("b", 1e6, 1e6)
			few := w.table("few", 10, 10)
			return join(physical.Semi, join(physical.Inner, a, b, w.equal(a, 1, b, 0)), few, w.equal(a, 0, few, 0))
		}, "(b (Semi a few))"},
		{"a semi join with much keeps the few rows that it filters", func(w *world) logical.Node {
			a, b := w.table("a", 1e3, 1e3), w.table("b", 1e6, 1e3)
			return join(physical.Semi, a, b, w.equal(a, 0, b, 0))
		}, "(Semi keeps a b)"},
		{"an anti join without a key keeps what it tests", func(w *world) logical.Node {
			a, b := w.table("a", 1e3, 1e3), w.table("b", 1e6, 1e3)
			return join(physical.Anti, a, b, w.constant(b, 0))
		}, "(Anti a b)"},
		{"an anti join that keeps most is made late", func(w *world) logical.Node {
			a, b := w.table("a", 1e6, 1e6, 1e6), w.table("b", 100, 100)
			gone := w.table("gone", 1e5, 1e5)
			return join(physical.Inner, join(physical.Anti, a, gone, w.equal(a, 1, gone, 0)), b, w.equal(a, 0, b, 0))
		}, "(Anti keeps (a b) gone)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := c.plan(&world{})
			got := ordered(t, plan)
			if s := shape(got); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
			if fmt.Sprint(got.Outputs()) != fmt.Sprint(plan.Outputs()) {
				t.Errorf("outputs changed: %v, want %v", got.Outputs(), plan.Outputs())
			}
		})
	}
}

func TestConditionsAboveALeftJoinStayAbove(t *testing.T) {
	w := &world{}
	a, b, c := w.table("a", 1e5, 1e5, 1e5), w.table("b", 1e5, 1e5), w.table("c", 10, 10)
	left := join(physical.Left, a, b, w.equal(a, 1, b, 0))
	missing := &logical.Filter{Input: left, Conds: []expr.Expr{&expr.NullTest{Arg: b.Cols[0].Ref()}}}
	got := shape(ordered(t, join(physical.Inner, missing, c, w.equal(a, 0, c, 0))))
	if strings.Contains(got, "[b]") || !strings.Contains(got, "[") {
		t.Errorf("the condition is below its join: %s", got)
	}
}

func TestManyTablesAreJoinedWithoutCrossProducts(t *testing.T) {
	w := &world{}
	first := w.table("t0", 1000, 1000, 1000)
	var plan logical.Node = first
	last := first
	for i := 1; i < 30; i++ {
		next := w.table(fmt.Sprintf("t%d", i), float64(1000*i), 1000, 1000)
		plan = join(physical.Inner, plan, next, w.equal(last, 1, next, 0))
		last = next
	}
	if got := shape(ordered(t, plan)); strings.Contains(got, " x ") {
		t.Errorf("%s", got)
	}
}
