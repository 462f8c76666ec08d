package optimizer

import (
	"math"

	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// orderJoins arranges each cluster of inner joins: the largest input is read
// last (it probes), and at every step the input that keeps the result smallest
// is joined; inputs without a condition come last. The right side of every join
// is the one that is kept in memory, so it is the smaller one where that is free
// to choose.
func orderJoins(env *Env, plan logical.Node) (logical.Node, error) {
	if err := eachShared(plan, func(n logical.Node) (logical.Node, error) { return orderNode(n), nil }); err != nil {
		return nil, err
	}
	return orderNode(plan), nil
}

func orderNode(n logical.Node) logical.Node {
	if j, ok := n.(*logical.Join); ok && j.Kind == physical.Inner {
		var leaves []logical.Node
		var conds []expr.Expr
		flatten(j, &leaves, &conds)
		for i := range leaves {
			leaves[i] = orderNode(leaves[i])
		}
		return arrangeJoin(leaves, conds, n.Outputs())
	}
	in := n.Inputs()
	if len(in) == 0 {
		return n
	}
	out := make([]logical.Node, len(in))
	for i := range in {
		out[i] = orderNode(in[i])
	}
	n = n.WithInputs(out)
	if j, ok := n.(*logical.Join); ok {
		// An outer join keeps its smaller side in memory.
		if l, r := Estimate(j.Left), Estimate(j.Right); l*2 < r && (j.Kind == physical.Left || j.Kind == physical.Right) {
			return flip(j)
		}
	}
	return n
}

// flip exchanges the sides of a LEFT or RIGHT join.
func flip(j *logical.Join) logical.Node {
	c := *j
	c.Left, c.Right = j.Right, j.Left
	if j.Kind == physical.Left {
		c.Kind = physical.Right
	} else {
		c.Kind = physical.Left
	}
	return arrange(&c, j.Outputs())
}

// flatten collects the inputs and conditions of a cluster of inner joins. A
// filter between two joins belongs to it.
func flatten(n logical.Node, leaves *[]logical.Node, conds *[]expr.Expr) {
	if j, ok := n.(*logical.Join); ok && j.Kind == physical.Inner {
		flatten(j.Left, leaves, conds)
		flatten(j.Right, leaves, conds)
		if j.Cond != nil {
			*conds = expr.SplitAnd(*conds, j.Cond)
		}
		return
	}
	*leaves = append(*leaves, n)
}

// arrangeJoin builds a left-deep tree.
func arrangeJoin(leaves []logical.Node, conds []expr.Expr, want []logical.Column) logical.Node {
	type leaf struct {
		n    logical.Node
		rows float64
		set  map[expr.ColumnID]bool
	}
	rest := make([]leaf, len(leaves))
	start := 0
	for i, n := range leaves {
		rest[i] = leaf{n, Estimate(n), logical.OutputSet(n)}
		if rest[i].rows > rest[start].rows {
			start = i
		}
	}
	cur := rest[start]
	rest = append(rest[:start:start], rest[start+1:]...)
	used := make([]bool, len(conds))
	for len(rest) > 0 {
		best, bestRows, bestLinked := -1, math.Inf(1), false
		for i, l := range rest {
			linked := false
			rows := cur.rows * l.rows
			for k, c := range conds {
				if used[k] || covers(c, cur.set) || covers(c, l.set) || !coversBoth(c, cur.set, l.set) {
					continue
				}
				linked = true
				if isEquality(c) {
					rows = math.Min(rows, math.Max(cur.rows, l.rows))
				} else {
					rows *= 0.3
				}
			}
			// Among linked inputs the smallest goes first: it filters most.
			if best < 0 || linked && !bestLinked || linked == bestLinked && (rows < bestRows || rows == bestRows && l.rows < rest[best].rows) {
				best, bestRows, bestLinked = i, rows, linked
			}
		}
		l := rest[best]
		rest = append(rest[:best:best], rest[best+1:]...)
		var on []expr.Expr
		for k, c := range conds {
			if !used[k] && coversBoth(c, cur.set, l.set) {
				used[k] = true
				on = append(on, c)
			}
		}
		j := &logical.Join{Kind: physical.Inner, Left: cur.n, Right: l.n, Cond: expr.JoinAnd(on)}
		for id := range l.set {
			cur.set[id] = true
		}
		cur.n, cur.rows = j, math.Max(1, bestRows)
	}
	var left []expr.Expr
	for k, c := range conds {
		if !used[k] {
			left = append(left, c)
		}
	}
	return arrange(filter(cur.n, left), want)
}

// coversBoth reports whether e reads only columns of the two sets.
func coversBoth(e expr.Expr, a, b map[expr.ColumnID]bool) bool {
	ok := true
	expr.Walk(e, func(x expr.Expr) bool {
		if c, isCol := x.(*expr.Column); isCol && !a[c.ID] && !b[c.ID] {
			ok = false
		}
		return ok
	})
	return ok
}

// isEquality reports whether a condition equates two values.
func isEquality(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.Call:
		return e.Op == "="
	case *expr.Distinct:
		return e.Not
	case *expr.BoolTest:
		test := stripIsTrue(e)
		return test != expr.Expr(e) && isEquality(test)
	}
	return false
}

// Estimate is the expected number of rows of a plan: the sources' own counts and
// fixed selectivities.
func Estimate(n logical.Node) float64 {
	const unknownRows = 1000
	switch n := n.(type) {
	case *logical.Scan:
		if n.Rows >= 0 {
			return math.Max(1, n.Rows)
		}
		return unknownRows
	case *logical.Values:
		return float64(max(1, len(n.Rows)))
	case *logical.Filter:
		rows := Estimate(n.Input)
		for _, c := range n.Conds {
			rows *= selectivity(c)
		}
		return math.Max(1, rows)
	case *logical.Aggregate:
		if len(n.Keys) == 0 {
			return 1
		}
		return math.Max(1, Estimate(n.Input)*0.2)
	case *logical.Join:
		l, r := Estimate(n.Left), Estimate(n.Right)
		switch n.Kind {
		case physical.Semi:
			return math.Max(1, l*0.5)
		case physical.Anti:
			return math.Max(1, l*0.5)
		case physical.Mark, physical.Single:
			return l
		}
		rows := l * r
		if n.Cond != nil {
			for _, c := range expr.SplitAnd(nil, n.Cond) {
				if isEquality(c) {
					rows = math.Min(rows, math.Max(l, r))
				} else {
					rows *= 0.3
				}
			}
		}
		switch n.Kind {
		case physical.Left:
			rows = math.Max(rows, l)
		case physical.Right:
			rows = math.Max(rows, r)
		case physical.Full:
			rows = math.Max(rows, l+r)
		}
		return math.Max(1, rows)
	case *logical.SetOp:
		if n.Kind == logical.Union {
			return Estimate(n.Left) + Estimate(n.Right)
		}
		return Estimate(n.Left)
	case *logical.Limit:
		rows := Estimate(n.Input)
		if c, ok := n.Count.(*expr.Const); ok && !c.Value.Null {
			rows = math.Min(rows, float64(c.Value.I))
		}
		return math.Max(1, rows)
	case *logical.SharedScan:
		return Estimate(n.Of.Input)
	case *logical.ProjectSet:
		return Estimate(n.Input) * 10
	}
	if in := n.Inputs(); len(in) > 0 {
		return Estimate(in[0])
	}
	return unknownRows
}

// selectivity is the fraction of rows that a condition is expected to keep.
func selectivity(e expr.Expr) float64 {
	switch e := e.(type) {
	case *expr.Call:
		switch e.Op {
		case "=":
			return 0.05
		case "<>":
			return 0.95
		case "<", "<=", ">", ">=":
			return 0.3
		}
		return 0.2
	case *expr.InList:
		s := math.Min(0.5, 0.05*float64(len(e.Items)))
		if e.Not {
			return 1 - s
		}
		return s
	case *expr.NullTest:
		if e.Not {
			return 0.9
		}
		return 0.1
	case *expr.Logic:
		switch e.Op {
		case expr.And:
			s := 1.0
			for _, a := range e.Args {
				s *= selectivity(a)
			}
			return s
		case expr.Or:
			s := 0.0
			for _, a := range e.Args {
				s += selectivity(a)
			}
			return math.Min(1, s)
		}
		return 1 - selectivity(e.Args[0])
	}
	return 0.5
}
