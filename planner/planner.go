package planner

import (
	"context"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/estimate"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/optimizer"
	"github.com/hubsql/hubsql/planner/physical"
)

// Env is what planning depends on.
type Env struct {
	Registry *function.Registry
	// Fold evaluates an expression that reads no row; it returns the expression
	// unchanged when it cannot.
	Fold func(expr.Expr) expr.Expr
	// Evaluate returns the value of an expression of constants and immutable
	// functions, or its error.
	Evaluate func(expr.Expr) (types.Datum, error)
	// Pushdown lets sources evaluate filters and limits.
	Pushdown bool
	// DynamicFilters lets joins and top-Ns tell scans which rows they need.
	DynamicFilters bool
	// DisabledRules names rules of the optimizer that are not applied.
	DisabledRules []string
}

// Plan optimizes a bound plan for one execution with the given parameter values
// and lowers it. Parameters become constants, so that they fold and go down to
// sources like literals; without values they stay what they are (see Generic).
// The bound plan is not changed and may be planned again.
func Plan(ctx context.Context, env Env, bound logical.Node, params []types.Datum) (physical.Node, error) {
	plan := substitute(bound, params)
	est := estimate.New(ctx)
	plan, err := optimizer.Optimize(&optimizer.Env{
		Ctx: ctx, Registry: env.Registry, Fold: env.Fold, Evaluate: env.Evaluate, Pushdown: env.Pushdown, Disabled: env.DisabledRules, Estimator: est,
	}, plan)
	if err != nil {
		return nil, err
	}
	out, err := Lower(env.Registry, est, plan)
	if err != nil {
		return nil, err
	}
	planNeeded(out)
	if env.DynamicFilters {
		planDynamicFilters(out)
	}
	return out, nil
}

// substitute copies a plan, shared plans included, with the parameters replaced
// by their values.
func substitute(bound logical.Node, params []types.Datum) logical.Node {
	shared := map[*logical.Shared]*logical.Shared{}
	replace := func(e expr.Expr) expr.Expr { return withValues(e, params) }
	var apply func(n logical.Node) logical.Node
	apply = func(n logical.Node) logical.Node {
		return logical.Rewrite(n, func(m logical.Node) logical.Node {
			if s, ok := m.(*logical.SharedScan); ok {
				c, ok := shared[s.Of]
				if !ok {
					copied := *s.Of
					c = &copied
					shared[s.Of] = c
					c.Input = apply(s.Of.Input)
				}
				return &logical.SharedScan{Of: c, Cols: s.Cols}
			}
			if len(params) > 0 {
				return logical.MapExprs(m, replace)
			}
			return m
		})
	}
	return apply(bound)
}
