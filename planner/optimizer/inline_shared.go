package optimizer

import (
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
)

// inlineShared replaces the scan of a WITH query that is read once by the query
// itself, unless it is MATERIALIZED.
func inlineShared(env *Env, plan logical.Node) (logical.Node, error) {
	var apply func(n logical.Node) logical.Node
	refs := map[*logical.Shared]int{}
	counted := map[*logical.Shared]bool{}
	var count func(n logical.Node)
	count = func(n logical.Node) {
		logical.Walk(n, func(m logical.Node) bool {
			if s, ok := m.(*logical.SharedScan); ok {
				refs[s.Of]++
				if !counted[s.Of] {
					counted[s.Of] = true
					count(s.Of.Input)
				}
			}
			return true
		})
	}
	count(plan)
	done := map[*logical.Shared]bool{}
	apply = func(n logical.Node) logical.Node {
		return logical.Rewrite(n, func(m logical.Node) logical.Node {
			s, ok := m.(*logical.SharedScan)
			if !ok {
				return m
			}
			if !done[s.Of] {
				done[s.Of] = true
				s.Of.Input = apply(s.Of.Input)
			}
			if refs[s.Of] > 1 || s.Of.Materialize {
				return m
			}
			p := &logical.Project{Input: s.Of.Input, Cols: s.Cols}
			for _, c := range s.Of.Input.Outputs() {
				p.Exprs = append(p.Exprs, c.Ref())
			}
			return p
		})
	}
	return apply(plan), nil
}

// foldConstants evaluates constant subexpressions and drops conditions that are
// true.
func foldConstants(env *Env, plan logical.Node) (logical.Node, error) {
	fold := func(n logical.Node) (logical.Node, error) {
		return logical.Rewrite(n, func(m logical.Node) logical.Node {
			m = logical.MapExprs(m, func(e expr.Expr) expr.Expr { return simplify(env, e) })
			if f, ok := m.(*logical.Filter); ok {
				var keep []expr.Expr
				for _, c := range f.Conds {
					for _, part := range expr.SplitAnd(nil, c) {
						if !isTrue(part) {
							keep = append(keep, part)
						}
					}
				}
				if len(keep) == 0 {
					return f.Input
				}
				c := *f
				c.Conds = keep
				return &c
			}
			return m
		}), nil
	}
	if err := eachShared(plan, fold); err != nil {
		return nil, err
	}
	return fold(plan)
}

// isTrue reports whether e is the constant true.
func isTrue(e expr.Expr) bool {
	c, ok := e.(*expr.Const)
	return ok && !c.Value.Null && c.Value.I != 0
}
