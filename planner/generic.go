package planner

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/optimizer"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/planner/policy"
)

// Generic is a plan that serves executions with different parameter values. It
// is immutable.
type Generic struct {
	Root physical.Node
	// deferred are the scans with conditions that wait for parameters.
	deferred []*physical.Scan
}

// NewGeneric looks for what an execution of plan has still to decide.
func NewGeneric(plan physical.Node) *Generic {
	g := &Generic{Root: plan}
	EachScan(plan, func(s *physical.Scan) {
		if len(s.Deferred) > 0 {
			g.deferred = append(g.deferred, s)
		}
	})
	return g
}

// EachScan visits the scans of a plan, those of shared plans once.
func EachScan(plan physical.Node, visit func(*physical.Scan)) {
	seen := map[*physical.Shared]bool{}
	var walk func(n physical.Node)
	walk = func(n physical.Node) {
		switch n := n.(type) {
		case *physical.Scan:
			visit(n)
		case *physical.SharedScan:
			if !seen[n.Of] {
				seen[n.Of] = true
				walk(n.Of.Input)
			}
		}
		for _, c := range n.Children() {
			walk(c)
		}
	}
	walk(plan)
}

// Handles gives the conditions that were waiting to the sources, now that the
// parameters are known, and returns what the scans read; nil when none waited.
// The plan evaluates the conditions again, so it does not matter what a source
// makes of them.
func (g *Generic) Handles(fold func(expr.Expr) expr.Expr, params []types.Datum) map[*physical.Scan]connector.TableHandle {
	if len(g.deferred) == 0 {
		return nil
	}
	out := make(map[*physical.Scan]connector.TableHandle, len(g.deferred))
	for _, s := range g.deferred {
		conds := make([]expr.Expr, len(s.Deferred))
		for i, c := range s.Deferred {
			conds[i] = optimizer.Simplify(fold, withValues(c, params))
		}
		pusher := s.Source.(connector.FilterPusher)
		out[s], _ = pusher.PushFilter(s.Handle, policy.SealFilter(policy.Barrier{}, conds).Sealed)
	}
	return out
}

// withValues replaces parameters by their values.
func withValues(e expr.Expr, params []types.Datum) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if p, ok := x.(*expr.Param); ok && p.N <= len(params) {
			return &expr.Const{T: p.T, Value: params[p.N-1]}
		}
		return x
	})
}
