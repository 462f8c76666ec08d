package optimizer

import (
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// extractFromOr adds to a condition (a AND b) OR (c AND d) over several tables
// what it says about each one alone, here a OR c when both read one table. The
// condition itself stays: the additions only drop rows earlier.
func extractFromOr(_ *Env, plan logical.Node) (logical.Node, error) {
	f := func(n logical.Node) (logical.Node, error) {
		return logical.Rewrite(n, func(m logical.Node) logical.Node {
			switch m := m.(type) {
			case *logical.Filter:
				if m.Policy {
					return m
				}
				if more := extracted(m.Conds, m.Input); len(more) > 0 {
					c := *m
					c.Conds = appendAll(m.Conds, more)
					return &c
				}
			case *logical.Join:
				if m.Kind != physical.Inner || m.Cond == nil {
					return m
				}
				conds := expr.SplitAnd(nil, m.Cond)
				if more := extracted(conds, m); len(more) > 0 {
					c := *m
					c.Cond = expr.JoinAnd(appendAll(conds, more))
					return &c
				}
			}
			return m
		}), nil
	}
	if err := eachShared(plan, f); err != nil {
		return nil, err
	}
	return f(plan)
}

// extracted returns what the conditions above n say about single inputs of the
// joins in n.
func extracted(conds []expr.Expr, n logical.Node) []expr.Expr {
	var out []expr.Expr
	var inputs []map[expr.ColumnID]bool
	for _, c := range conds {
		or, ok := c.(*expr.Logic)
		if !ok || or.Op != expr.Or || volatile(c) {
			continue
		}
		if inputs == nil {
			collectInputs(n, &inputs)
		}
		if len(inputs) < 2 {
			return nil
		}
		for _, set := range inputs {
			// A condition over one input goes down by itself.
			if covers(c, set) || !touches(c, set) {
				continue
			}
			if e := sayAbout(or, set); e != nil {
				out = append(out, e)
			}
		}
	}
	return out
}

// collectInputs lists the outputs of the inputs of a tree of joins.
func collectInputs(n logical.Node, out *[]map[expr.ColumnID]bool) {
	switch x := n.(type) {
	case *logical.Join:
		switch x.Kind {
		case physical.Inner, physical.Left, physical.Semi, physical.Anti, physical.Mark, physical.Single:
			collectInputs(x.Left, out)
			if x.Kind == physical.Inner {
				collectInputs(x.Right, out)
			}
			return
		}
	case *logical.Filter:
		if !x.Policy {
			collectInputs(x.Input, out)
			return
		}
	}
	*out = append(*out, logical.OutputSet(n))
}

// sayAbout returns the OR of what each arm says about the columns of set, nil
// when an arm says nothing.
func sayAbout(or *expr.Logic, set map[expr.ColumnID]bool) expr.Expr {
	arms := &expr.Logic{Op: expr.Or}
	for _, a := range or.Args {
		var keep []expr.Expr
		for _, c := range expr.SplitAnd(nil, a) {
			if covers(c, set) && touches(c, set) && plainTest(c) {
				keep = append(keep, c)
				continue
			}
			if in, ok := c.(*expr.Logic); ok && in.Op == expr.Or {
				if e := sayAbout(in, set); e != nil {
					keep = append(keep, e)
				}
			}
		}
		if len(keep) == 0 {
			return nil
		}
		arms.Args = append(arms.Args, expr.JoinAnd(keep))
	}
	return arms
}

// plainTest reports whether a condition compares columns as they are with
// constants: it cannot fail on a row that an earlier condition of its arm
// excludes.
func plainTest(e expr.Expr) bool {
	plain := func(x expr.Expr) bool {
		for {
			r, ok := x.(*expr.Relabel)
			if !ok {
				break
			}
			x = r.Arg
		}
		switch x.(type) {
		case *expr.Column, *expr.Const, *expr.Param:
			return true
		}
		return false
	}
	switch e := e.(type) {
	case *expr.Call:
		if e.Op == "" || len(e.Args) != 2 || !e.Fn.Infallible {
			return false
		}
		return plain(e.Args[0]) && plain(e.Args[1])
	case *expr.InList:
		for _, i := range e.Items {
			if !plain(i) {
				return false
			}
		}
		return plain(e.Arg) && e.Eq != nil && e.Eq.Infallible
	case *expr.NullTest:
		return plain(e.Arg)
	}
	return false
}
