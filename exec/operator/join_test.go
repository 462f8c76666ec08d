package operator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// less8 is < of int8.
var less8 = &function.Overload{Name: "test_less", Strict: true, Volatility: function.Immutable, Kernel: func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	for i := range n {
		out.Bools()[i] = 0
		if !args[0].IsNull(i) && !args[1].IsNull(i) && args[0].Int(i) < args[1].Int(i) {
			out.Bools()[i] = 1
		}
	}
	return nil
}}

func less(a, b expr.Expr) expr.Expr {
	return &expr.Call{Fn: less8, Args: []expr.Expr{a, b}, T: boolT, Pos: -1}
}

// truth is a three-valued boolean.
type truth int8

const (
	no truth = iota
	unknown
	yes
)

// equalTruth is = on two values.
func equalTruth(t types.Type, a, b types.Datum, safe bool) truth {
	switch {
	case safe && a.Null && b.Null:
		return yes
	case safe && (a.Null || b.Null):
		return no
	case a.Null || b.Null:
		return unknown
	case compareDatums(t, a, b, false, false) == 0:
		return yes
	}
	return no
}

// naiveJoin joins by testing every pair; keys gives the truth of the keys, rest
// that of the residual condition.
func naiveJoin(kind physical.JoinKind, l, r *table, keys, rest func(a, b []types.Datum) truth) (out []string, fails bool) {
	nulls := func(t *table) string { return strings.TrimSuffix(strings.Repeat("-|", len(t.cols)), "|") }
	used := make([]bool, len(r.rows))
	for i, a := range l.rows {
		n, maybe := 0, false
		for k, b := range r.rows {
			x, y := keys(a, b), rest(a, b)
			if x == yes && y == yes {
				n++
				used[k] = true
				switch kind {
				case physical.Inner, physical.Left, physical.Right, physical.Full, physical.Single:
					out = append(out, l.line(i)+"|"+r.line(k))
				}
			} else if x == unknown && y == yes {
				maybe = true
			}
		}
		switch kind {
		case physical.Left, physical.Full, physical.Single:
			if n == 0 {
				out = append(out, l.line(i)+"|"+nulls(r))
			}
			fails = fails || kind == physical.Single && n > 1
		case physical.Semi:
			if n > 0 {
				out = append(out, l.line(i))
			}
		case physical.Anti:
			if n == 0 {
				out = append(out, l.line(i))
			}
		case physical.Mark:
			m := "0"
			switch {
			case n > 0:
				m = "1"
			case maybe:
				m = "-"
			}
			out = append(out, l.line(i)+"|"+m)
		}
	}
	if kind == physical.Right || kind == physical.Full {
		for k := range r.rows {
			if !used[k] {
				out = append(out, nulls(l)+"|"+r.line(k))
			}
		}
	}
	if kind == physical.RightSemi || kind == physical.RightAnti {
		for k := range r.rows {
			if used[k] == (kind == physical.RightSemi) {
				out = append(out, r.line(k))
			}
		}
	}
	return out, fails
}

// joinColumns returns the outputs of a join.
func joinColumns(kind physical.JoinKind, l, r *table) []physical.Column {
	cols := slices.Clone(l.scan().Cols)
	switch kind {
	case physical.Semi, physical.Anti:
	case physical.RightSemi, physical.RightAnti:
		cols = r.scan().Cols
	case physical.Mark:
		cols = append(cols, physical.Column{Type: boolT})
	default:
		cols = append(cols, r.scan().Cols...)
	}
	return cols
}

// checkJoin checks a join plan against naiveJoin.
func checkJoin(t *testing.T, plan func() physical.Node, want []string, fails bool) {
	t.Helper()
	if !fails {
		check(t, plan, want, false)
		return
	}
	for _, s := range setups {
		if _, err := collect(t, plan(), s); pgerror.CodeOf(err) != pgerror.CardinalityViolation {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestHashJoinEqualsTestingEveryPair(t *testing.T) {
	always := func(_, _ []types.Datum) truth { return yes }
	smaller := func(a, b []types.Datum) truth {
		switch {
		case a[0].Null || b[0].Null:
			return unknown
		case a[0].I < b[0].I:
			return yes
		}
		return no
	}
	for seed := range uint64(6) {
		for kind := physical.Inner; kind <= physical.RightAnti; kind++ {
			for _, keys := range [][]int{{0}, {1}, {2, 0}, {1, 2}} {
				for safe := range 2 {
					for residual := range 2 {
						size := int(seed * 20)
						distinct := 6
						if kind == physical.Single {
							distinct = 500
						}
						l, r := random(seed+10, size, distinct), random(seed+3, 60-size/2, distinct)
						n := physical.HashJoin{Kind: kind, Cols: joinColumns(kind, l, r)}
						for i, c := range keys {
							typ := l.cols[c].Type
							n.LeftKeys = append(n.LeftKeys, col(c, typ))
							k := col(c, typ)
							if seed%2 == 1 {
								k = &expr.Coalesce{Args: []expr.Expr{k, lit(typ, types.Null)}, T: typ}
							}
							n.RightKeys = append(n.RightKeys, k)
							n.NullSafe = append(n.NullSafe, safe == 1 && i == 0)
						}
						rest := always
						if residual == 1 {
							n.Residual = less(col(0, int8T), col(3, int8T))
							rest = smaller
						}
						equal := func(a, b []types.Datum) truth {
							out := yes
							for i, c := range keys {
								out = min(out, equalTruth(l.cols[c].Type, a[c], b[c], n.NullSafe[i]))
							}
							return out
						}
						want, fails := naiveJoin(kind, l, r, equal, rest)
						name := fmt.Sprintf("%s %v safe=%d residual=%d seed=%d", kind, keys, safe, residual, seed)
						t.Run(name, func(t *testing.T) {
							checkJoin(t, func() physical.Node {
								m := n
								m.Left, m.Right = l.scan(), r.scan()
								return &m
							}, want, fails)
						})
					}
				}
			}
		}
	}
}

func TestNestedLoopJoinEqualsTestingEveryPair(t *testing.T) {
	for seed := range uint64(4) {
		for kind := physical.Inner; kind <= physical.RightAnti; kind++ {
			for _, with := range []bool{true, false} {
				l, r := random(seed+1, int(seed*15), 8), random(seed+6, 40-int(seed*13), 8)
				n := physical.NestedLoopJoin{Kind: kind, Cols: joinColumns(kind, l, r)}
				cond := func(_, _ []types.Datum) truth { return yes }
				if with {
					n.Cond = less(col(0, int8T), col(3, int8T))
					cond = func(a, b []types.Datum) truth {
						switch {
						case a[0].Null || b[0].Null:
							return unknown
						case a[0].I < b[0].I:
							return yes
						}
						return no
					}
				}
				want, fails := naiveJoin(kind, l, r, cond, func(_, _ []types.Datum) truth { return yes })
				t.Run(fmt.Sprintf("%s cond=%v seed=%d", kind, with, seed), func(t *testing.T) {
					checkJoin(t, func() physical.Node {
						m := n
						m.Left, m.Right = l.scan(), r.scan()
						return &m
					}, want, fails)
				})
			}
		}
	}
}

func TestFullJoinOverAppendDeliversTheUnmatchedOnce(t *testing.T) {
	l, r := random(3, 100, 20), random(7, 90, 20)
	always := func(_, _ []types.Datum) truth { return yes }
	want, _ := naiveJoin(physical.Full, l, r, func(a, b []types.Datum) truth { return equalTruth(int8T, a[0], b[0], false) }, always)
	cols := joinColumns(physical.Full, l, r)
	check(t, func() physical.Node {
		join := func() physical.Node {
			return &physical.HashJoin{Kind: physical.Full, Left: l.scan(), Right: r.scan(), LeftKeys: []expr.Expr{col(0, int8T)}, RightKeys: []expr.Expr{col(0, int8T)}, NullSafe: []bool{false}, Cols: cols}
		}
		return &physical.Append{Inputs: []physical.Node{join(), join()}, Cols: cols}
	}, append(slices.Clone(want), want...), false)
}

// TestKeptRowsOfManyEqualKeysAreMarkedOnce would take minutes if every pair were
// looked at.
func TestKeptRowsOfManyEqualKeysAreMarkedOnce(t *testing.T) {
	const n = 50_000
	for _, typ := range []types.Type{int8T, textT} {
		l, r := numbers(n), numbers(n)
		key := &expr.Const{T: int8T, Value: types.IntDatum(7)}
		if typ == textT {
			key = &expr.Const{T: textT, Value: types.Datum{S: "seven"}}
		}
		j := &physical.HashJoin{Kind: physical.RightSemi, Left: l.scan(), Right: r.scan(), LeftKeys: []expr.Expr{key}, RightKeys: []expr.Expr{key}, NullSafe: []bool{false}, Cols: r.scan().Cols}
		rows, err := collect(t, j, setup{2, 2048})
		if err != nil || len(rows) != n {
			t.Errorf("%v: %d rows, %v", typ, len(rows), err)
		}
	}
}

func TestCancelInsideANestedLoop(t *testing.T) {
	l, r := numbers(5000), numbers(5000)
	l.endless = true
	plan := &physical.NestedLoopJoin{Kind: physical.Inner, Left: l.scan(), Right: r.scan(), Cond: less(col(0, int8T), lit(int8T, types.IntDatum(-1))), Cols: joinColumns(physical.Inner, l, r)}
	q, stop := start(t.Context(), t, plan, setup{2, 2048}, 0)
	q.fail(pgerror.QueryCanceled())
	stop()
}
