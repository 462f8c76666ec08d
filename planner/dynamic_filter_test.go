package planner

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

var int8T = types.Of(types.Int8)

// scanOf is a scan of a table with int8 columns.
func scanOf(table string, rows float64, columns ...string) *physical.Scan {
	s := &physical.Scan{Server: "s", Table: table, Rows: rows}
	for _, c := range columns {
		s.Cols = append(s.Cols, physical.Column{Name: c, Type: int8T})
	}
	return s
}

func at(n physical.Node, i int) expr.Expr {
	return &expr.Column{ID: expr.ColumnID(i), Name: n.Columns()[i].Name, T: n.Columns()[i].Type}
}

// equi joins column l of left with column r of right.
func equi(kind physical.JoinKind, left physical.Node, l int, right physical.Node, r int) *physical.HashJoin {
	j := &physical.HashJoin{Kind: kind, Left: left, Right: right, LeftKeys: []expr.Expr{at(left, l)}, RightKeys: []expr.Expr{at(right, r)}, NullSafe: []bool{false}}
	switch kind {
	case physical.RightSemi, physical.RightAnti:
		j.Cols = right.Columns()
		return j
	}
	j.Cols = append(j.Cols, left.Columns()...)
	switch kind {
	case physical.Semi, physical.Anti:
	default:
		j.Cols = append(j.Cols, right.Columns()...)
	}
	return j
}

// dynamicColumns names the filtered columns of a scan.
func dynamicColumns(s *physical.Scan) string {
	out := ""
	for _, f := range s.Dynamic {
		out += s.Cols[f.Column].Name
		if f.Wait {
			out += "!"
		}
		out += " "
	}
	return out
}

func TestDynamicFiltersGoDownToScans(t *testing.T) {
	call := func(e expr.Expr) expr.Expr { return &expr.Coalesce{Args: []expr.Expr{e, e}, T: e.Type()} }
	for _, c := range []struct {
		name string
		// over puts nodes over the scan of columns a, b; the filter is on output 0.
		over func(s physical.Node) physical.Node
		want string
	}{
		{"a scan", func(s physical.Node) physical.Node { return s }, "a! "},
		{"a filter of a policy", func(s physical.Node) physical.Node {
			return &physical.Filter{Input: s, Conds: []expr.Expr{&expr.NullTest{Arg: at(s, 1)}}, Hidden: true}
		}, "a! "},
		{"a swap of columns", func(s physical.Node) physical.Node {
			return &physical.Project{Input: s, Exprs: []expr.Expr{at(s, 1)}, Cols: s.Columns()[1:]}
		}, "b! "},
		{"an expression", func(s physical.Node) physical.Node {
			return &physical.Project{Input: s, Exprs: []expr.Expr{call(at(s, 0))}, Cols: s.Columns()[:1]}
		}, ""},
		{"a column beside a mask", func(s physical.Node) physical.Node {
			return &physical.Project{Input: s, Exprs: []expr.Expr{at(s, 0), call(at(s, 1))}, Cols: s.Columns(), Hidden: true}
		}, "a! "},
		{"a mask", func(s physical.Node) physical.Node {
			return &physical.Project{Input: s, Exprs: []expr.Expr{call(at(s, 0)), at(s, 1)}, Cols: s.Columns(), Hidden: true}
		}, ""},
		{"a mask that is another column", func(s physical.Node) physical.Node {
			return &physical.Project{Input: s, Exprs: []expr.Expr{at(s, 1), at(s, 1)}, Cols: s.Columns(), Hidden: true}
		}, ""},
		{"a limit", func(s physical.Node) physical.Node {
			return &physical.Limit{Input: s, Count: &expr.Const{T: int8T, Value: types.IntDatum(1)}}
		}, ""},
		{"a group key", func(s physical.Node) physical.Node {
			return &physical.HashAggregate{Input: s, Keys: []expr.Expr{at(s, 0)}, Cols: s.Columns()[:1]}
		}, "a! "},
		{"a window over the column", func(s physical.Node) physical.Node {
			return &physical.Window{Input: s, Partition: []expr.Expr{at(s, 0)}, Cols: s.Columns()}
		}, "a! "},
		{"a window over another", func(s physical.Node) physical.Node {
			return &physical.Window{Input: s, Partition: []expr.Expr{at(s, 1)}, Cols: s.Columns()}
		}, ""},
		{"the left side of a left join", func(s physical.Node) physical.Node {
			return equi(physical.Left, s, 1, scanOf("u", 10, "u"), 0)
		}, "a! "},
		{"the left side of an anti join", func(s physical.Node) physical.Node {
			return equi(physical.Anti, s, 1, scanOf("u", 10, "u"), 0)
		}, "a! "},
		{"the left side of a full join", func(s physical.Node) physical.Node {
			return equi(physical.Full, s, 1, scanOf("u", 10, "u"), 0)
		}, ""},
		{"the right side of a left join by its key", func(s physical.Node) physical.Node {
			return equi(physical.Left, scanOf("u", 10, "u"), 0, s, 0)
		}, "a! "},
		{"the kept side of a semi join", func(s physical.Node) physical.Node {
			return equi(physical.RightSemi, scanOf("u", 10, "u"), 0, s, 1)
		}, "a! "},
		{"the probing side of an anti join that keeps the other, by its key", func(s physical.Node) physical.Node {
			return equi(physical.RightAnti, s, 1, scanOf("u", 10, "u"), 0)
		}, "b! b! "},
		{"a union", func(s physical.Node) physical.Node {
			return &physical.Append{Inputs: []physical.Node{s, scanOf("u", 10, "u", "v")}, Cols: s.Columns()}
		}, "a! "},
		{"a shared input", func(s physical.Node) physical.Node {
			return &physical.SharedScan{Of: &physical.Shared{Input: s}, Cols: s.Columns()}
		}, ""},
	} {
		s := scanOf("t", 1000, "a", "b")
		n := c.over(s)
		planDynamicFilters(equi(physical.Inner, n, 0, scanOf("build", 5, "k"), 0))
		if got := dynamicColumns(s); got != c.want {
			t.Errorf("%s: filters on %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOnlyJoinsThatDropProbeRowsPublish(t *testing.T) {
	for kind := physical.Inner; kind <= physical.RightAnti; kind++ {
		s := scanOf("t", 1000, "a")
		planDynamicFilters(equi(kind, s, 0, scanOf("build", 5, "k"), 0))
		want := kind == physical.Inner || kind == physical.Semi || kind == physical.Right || kind == physical.RightSemi || kind == physical.RightAnti
		if got := len(s.Dynamic) > 0; got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
}

func TestBuildSidesAreReducedFromTheProbeSide(t *testing.T) {
	for kind := physical.Inner; kind <= physical.RightAnti; kind++ {
		fact, small, big := scanOf("fact", 1000, "f"), scanOf("small", 5, "s"), scanOf("big", 1e6, "b", "x")
		inner := equi(physical.Inner, fact, 0, small, 0)
		agg := &physical.HashAggregate{Input: big, Keys: []expr.Expr{at(big, 0)}, Cols: big.Columns()[:1]}
		planDynamicFilters(equi(kind, inner, 1, agg, 0))
		want := "b! "
		switch kind {
		case physical.Right, physical.Full, physical.Mark, physical.RightAnti:
			// Rows of the build side matter without a match.
			want = ""
		}
		if got := dynamicColumns(big); got != want {
			t.Errorf("%s: filters on %q, want %q", kind, got, want)
		}
	}
}

func TestNoTwoJoinsWaitForEachOther(t *testing.T) {
	// The outer build side is reduced by the inner one and the other way round.
	fact, small, big := scanOf("fact", 1000, "f"), scanOf("small", 5, "s"), scanOf("big", 1e6, "b")
	planDynamicFilters(equi(physical.Inner, equi(physical.Inner, fact, 0, small, 0), 1, big, 0))
	if got := dynamicColumns(big); got != "b! " {
		t.Errorf("the large build side: %q", got)
	}
	if got := dynamicColumns(small); got != "s " {
		t.Errorf("the small one: %q", got)
	}
}

func TestNeededOutputsOfJoins(t *testing.T) {
	l, r := scanOf("l", 10, "a", "b"), scanOf("r", 10, "c", "d")
	j := equi(physical.Inner, l, 0, r, 0)
	top := &physical.Project{Input: j, Exprs: []expr.Expr{at(j, 1)}, Cols: j.Cols[1:2]}
	planNeeded(top)
	for i, want := range []bool{false, true, false, false} {
		if j.Needed[i] != want {
			t.Errorf("output %d: %v", i, j.Needed[i])
		}
	}
	kept := equi(physical.RightSemi, l, 0, r, 0)
	deep := equi(physical.Inner, kept, 0, scanOf("s", 10, "e"), 0)
	planNeeded(&physical.Project{Input: deep, Exprs: []expr.Expr{at(deep, 2)}, Cols: deep.Cols[2:]})
	if len(kept.Needed) != 2 || !kept.Needed[0] || kept.Needed[1] {
		t.Errorf("of a semi join that keeps its result: %v", kept.Needed)
	}
	k := equi(physical.Inner, l, 0, r, 0)
	planNeeded(&physical.Sort{Input: k})
	if k.Needed != nil {
		t.Error("a sort keeps all columns")
	}
}
