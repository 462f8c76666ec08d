package operator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// listAgg is an aggregate that joins the printed values of its argument with
// commas, so that it shows which rows came and in which order.
func listAgg(ordered bool) *function.Overload {
	return &function.Overload{Name: "list", Kind: function.Agg, Aggregate: &function.Aggregate{
		New:          func(c *function.Call) (function.Accumulator, error) { return &listAcc{c: c}, nil },
		IgnoresOrder: !ordered,
	}}
}

type listAcc struct {
	c *function.Call
	s [][]string
}

func (a *listAcc) Grow(n int) {
	for len(a.s) < n {
		a.s = append(a.s, nil)
	}
}

func (a *listAcc) Update(groups []int32, args []*vector.Vec) error {
	for i, g := range groups {
		s := "*"
		if len(args) > 0 {
			s = show(args[0].Type, args[0].Datum(i))
		}
		a.s[g] = append(a.s[g], s)
	}
	return nil
}

func (a *listAcc) Merge(o function.Accumulator, from, into []int32) error {
	for i, g := range into {
		a.s[g] = append(a.s[g], o.(*listAcc).s[from[i]]...)
	}
	return nil
}

func (a *listAcc) Width() int64 { return 24 }

func (a *listAcc) Save(groups []int32, out *vector.Vec) error {
	for i, g := range groups {
		out.SetString(i, strings.Join(a.s[g], "\x00"))
		if len(a.s[g]) == 0 {
			out.SetNull(i, len(groups))
		}
	}
	return nil
}

func (a *listAcc) Load(states *vector.Vec, into []int32) error {
	for i, g := range into {
		if !states.IsNull(i) {
			a.s[g] = append(a.s[g], strings.Split(strings.Clone(states.String(i)), "\x00")...)
		}
	}
	return nil
}

func (a *listAcc) Result(from, to int, out *vector.Vec) error {
	for g := from; g < to; g++ {
		s := slices.Clone(a.s[g])
		if a.c.Session != nil && sortLists {
			slices.Sort(s)
		}
		out.Set(g-from, to-from, types.TextDatum(strings.Join(s, ",")))
	}
	return nil
}

func (a *listAcc) Bytes() int64 { return int64(len(a.s)) * 24 }

// sortLists makes list show its values sorted: the order of rows is not fixed
// with several workers.
const sortLists = true

// inOrder is listAgg without the sorting.
var inOrder = &function.Overload{Name: "list", Kind: function.Agg, Aggregate: &function.Aggregate{
	New: func(c *function.Call) (function.Accumulator, error) { return &orderedAcc{listAcc{c: c}}, nil },
}}

type orderedAcc struct{ listAcc }

func (a *orderedAcc) Merge(o function.Accumulator, from, into []int32) error {
	return a.listAcc.Merge(&o.(*orderedAcc).listAcc, from, into)
}

func (a *orderedAcc) Result(from, to int, out *vector.Vec) error {
	for g := from; g < to; g++ {
		out.Set(g-from, to-from, types.TextDatum(strings.Join(a.s[g], ",")))
	}
	return nil
}

func TestAggregateGroupsByEveryKindOfKey(t *testing.T) {
	for seed := range uint64(5) {
		tab := random(seed, int(seed*seed)*40, int(seed*10)+3)
		for _, keys := range [][]int{{}, {0}, {1}, {2}, {2, 1}, {0, 1, 2}} {
			groups := map[string][][]string{}
			if len(keys) == 0 {
				groups[""] = make([][]string, 4)
			}
			for i, r := range tab.rows {
				k := tab.keysOf([]int{i}, keys)[0]
				g := groups[k]
				if g == nil {
					g = make([][]string, 4)
				}
				x, y := show(int8T, r[0]), show(textT, r[1])
				g[0] = append(g[0], "*")
				g[1] = append(g[1], x)
				if !r[0].Null && r[0].I < 3 {
					g[2] = append(g[2], y)
				}
				if !slices.Contains(g[3], y) {
					g[3] = append(g[3], y)
				}
				groups[k] = g
			}
			var want []string
			for k, g := range groups {
				var row []string
				if len(keys) > 0 {
					row = append(row, k)
				}
				for i, s := range g {
					slices.Sort(s)
					_ = i
					row = append(row, strings.Join(s, ","))
				}
				want = append(want, strings.Join(row, "|"))
			}
			n := physical.HashAggregate{Aggs: []physical.Agg{
				{Fn: listAgg(false), T: textT},
				{Fn: listAgg(false), Args: []expr.Expr{col(0, int8T)}, T: textT},
				{Fn: listAgg(false), Args: []expr.Expr{col(1, textT)}, Filter: less(col(0, int8T), lit(int8T, types.IntDatum(3))), T: textT},
				{Fn: listAgg(false), Args: []expr.Expr{col(1, textT)}, Distinct: true, T: textT},
			}}
			for _, c := range keys {
				n.Keys = append(n.Keys, col(c, tab.cols[c].Type))
				n.Cols = append(n.Cols, physical.Column{Type: tab.cols[c].Type})
			}
			for range n.Aggs {
				n.Cols = append(n.Cols, physical.Column{Type: textT})
			}
			t.Run(fmt.Sprintf("%v seed=%d", keys, seed), func(t *testing.T) {
				compare := checkGroups
				if seed > 2 {
					compare = func(t *testing.T, plan func() physical.Node, want []string) { check(t, plan, want, false) }
				}
				compare(t, func() physical.Node {
					m := n
					m.Input = &physical.Filter{Input: tab.scan(), Conds: []expr.Expr{lit(boolT, types.BoolDatum(true))}}
					return &m
				}, want)
			})
		}
	}
}

func TestAggregateOrdersItsInput(t *testing.T) {
	tab := random(4, 500, 20)
	keys := []physical.SortKey{{Expr: col(2, numT), Desc: true, NullsFirst: true}, {Expr: col(0, int8T)}, {Expr: col(1, textT)}}
	byKey := map[string][]string{}
	for _, i := range tab.sortedBy([]int{2, 0, 1}, keys) {
		k := show(textT, tab.rows[i][1])
		byKey[k] = append(byKey[k], show(int8T, tab.rows[i][0]))
	}
	distinct := map[string][]string{}
	for _, i := range tab.sortedBy([]int{0}, []physical.SortKey{{}}) {
		k, v := show(textT, tab.rows[i][1]), show(int8T, tab.rows[i][0])
		if l := distinct[k]; len(l) == 0 || l[len(l)-1] != v {
			distinct[k] = append(l, v)
		}
	}
	var want []string
	for k, l := range byKey {
		want = append(want, k+"|"+strings.Join(l, ",")+"|"+strings.Join(distinct[k], ","))
	}
	checkGroups(t, func() physical.Node {
		return &physical.HashAggregate{
			Input: tab.scan(), Keys: []expr.Expr{col(1, textT)},
			Aggs: []physical.Agg{
				{Fn: inOrder, Args: []expr.Expr{col(0, int8T)}, OrderBy: keys, T: textT},
				{Fn: inOrder, Args: []expr.Expr{col(0, int8T)}, Distinct: true, T: textT},
			},
			Cols: []physical.Column{{Type: textT}, {Type: textT}, {Type: textT}},
		}
	}, want)
}

func TestManyGroups(t *testing.T) {
	tab := numbers(60_000)
	tab.parts = 4
	var want []string
	for i := range 60_000 {
		want = append(want, fmt.Sprintf("%d|*", i))
	}
	for _, key := range []int{0, 2} {
		typ := tab.cols[key].Type
		got, err := collect(t, &physical.HashAggregate{
			Input: tab.scan(), Keys: []expr.Expr{col(key, typ)}, Aggs: []physical.Agg{{Fn: inOrder, T: textT}},
			Cols: []physical.Column{{Type: typ}, {Type: textT}},
		}, setup{2, 2048})
		slices.SortFunc(got, func(a, b string) int {
			x, _ := strconv.Atoi(strings.TrimSuffix(a, "|*"))
			y, _ := strconv.Atoi(strings.TrimSuffix(b, "|*"))
			return x - y
		})
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v %s", err, brief(got))
		}
	}
}

func TestSetOperations(t *testing.T) {
	for seed := range uint64(6) {
		l, r := random(seed, int(seed)*40, 3), random(seed+7, 200-int(seed)*40, 3)
		left, right := map[string]int{}, map[string]int{}
		for i := range l.rows {
			left[l.line(i)]++
		}
		for i := range r.rows {
			right[r.line(i)]++
		}
		for _, c := range []struct{ except, all bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
			var want []string
			for row, n := range left {
				m := right[row]
				k := 0
				switch {
				case c.except && c.all:
					k = max(n-m, 0)
				case c.all:
					k = min(n, m)
				case c.except == (m == 0):
					k = 1
				}
				for range k {
					want = append(want, row)
				}
			}
			t.Run(fmt.Sprintf("%+v seed=%d", c, seed), func(t *testing.T) {
				check(t, func() physical.Node {
					return &physical.SetOp{Except: c.except, All: c.all, Left: l.scan(), Right: r.scan()}
				}, want, false)
			})
		}
	}
}

func TestSharedIsReadByEveryScan(t *testing.T) {
	tab := random(6, 3000, 40)
	cols := tab.scan().Cols
	var want []string
	for i := range tab.rows {
		want = append(want, tab.line(i), tab.line(i))
	}
	check(t, func() physical.Node {
		shared := &physical.Shared{Name: "x", Input: tab.scan()}
		return &physical.Append{Inputs: []physical.Node{&physical.SharedScan{Of: shared, Cols: cols}, &physical.SharedScan{Of: shared, Cols: cols}}, Cols: cols}
	}, want, false)
}

// upTo is generate_series(1, n).
var upTo = &function.Overload{Name: "up_to", Kind: function.SetReturn, Strict: true, Rows: func(c *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
	for i := range args[0].I {
		if err := emit([]types.Datum{types.IntDatum(i + 1)}); err != nil {
			return err
		}
	}
	return nil
}}

func series(n expr.Expr) *expr.Call {
	return &expr.Call{Fn: upTo, Args: []expr.Expr{n}, T: int8T, Pos: -1}
}

func TestFunctionScanWithOrdinality(t *testing.T) {
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprintf("%d|%d", i+1, i+1))
	}
	check(t, func() physical.Node {
		return &physical.FunctionScan{Call: series(lit(int8T, types.IntDatum(100))), Ordinality: true, Cols: []physical.Column{{Type: int8T}, {Type: int8T}}}
	}, want, true)
}

func TestLimitEndsASetReturningFunction(t *testing.T) {
	got, err := collect(t, &physical.Limit{
		Input: &physical.FunctionScan{Call: series(lit(int8T, types.IntDatum(1<<60))), Cols: []physical.Column{{Type: int8T}}},
		Count: lit(int8T, types.IntDatum(5)),
	}, setup{1, 2048})
	if err != nil || len(got) != 5 {
		t.Fatal(got, err)
	}
}

func TestProjectSetPadsShorterSets(t *testing.T) {
	tab := newTable([]types.Type{int8T, int8T}, [][]types.Datum{
		{types.IntDatum(2), types.IntDatum(3)}, {types.IntDatum(0), types.IntDatum(0)}, {types.Null, types.IntDatum(1)},
	})
	a, b := series(col(0, int8T)), series(col(1, int8T))
	check(t, func() physical.Node {
		return &physical.ProjectSet{Input: tab.scan(), Items: []physical.SetItem{{Expr: col(1, int8T)}, {Call: a}, {Call: b}}, Cols: []physical.Column{{Type: int8T}, {Type: int8T}, {Type: int8T}}}
	}, []string{"3|1|1", "3|2|2", "3|-|3", "1|-|1"}, false)
}
