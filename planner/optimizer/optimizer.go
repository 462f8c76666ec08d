// Package optimizer rewrites logical plans by an ordered list of rules, one file
// each. Every rule keeps the plan's outputs (identities and order) and its
// result.
package optimizer

import (
	"context"
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/estimate"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Env is what the rules depend on.
type Env struct {
	Ctx      context.Context
	Registry *function.Registry
	// Fold evaluates what does not depend on rows.
	Fold func(expr.Expr) expr.Expr
	// Evaluate returns the value of an expression of constants and immutable
	// functions, or its error.
	Evaluate func(expr.Expr) (types.Datum, error)
	// Estimator predicts the sizes of plans.
	Estimator *estimate.Estimator
	// Infallible reports whether an expression can never raise an error.
	Infallible func(expr.Expr) bool
	// Pushdown is off when filters and limits stay local (a setting, for
	// comparing answers).
	Pushdown bool
	// Disabled names rules that are not applied.
	Disabled []string

	nextID expr.ColumnID
	shared []*logical.Shared
}

// Rule is one rewriting.
type Rule struct {
	Name  string
	Apply func(*Env, logical.Node) (logical.Node, error)
	// Required rules cannot be switched off: without them there is no plan, a
	// recursion that only its reader limits has no end, or what nobody reads
	// fails.
	Required bool
}

// Rules is the order in which rules run.
func Rules() []Rule {
	return []Rule{
		{Name: "InlineShared", Apply: inlineShared, Required: true},
		{Name: "Decorrelate", Apply: decorrelate, Required: true},
		{Name: "FoldConstants", Apply: foldConstants},
		{Name: "CompareInOneType", Apply: compareInOneType},
		{Name: "ExtractFromOr", Apply: extractFromOr},
		{Name: "PushFilters", Apply: pushFilters},
		{Name: "NarrowScans", Apply: narrowScans},
		{Name: "JoinAtSource", Apply: joinAtSource},
		{Name: "OrderJoins", Apply: orderJoins},
		{Name: "PushIntoSources", Apply: pushIntoSources},
		{Name: "PruneColumns", Apply: pruneColumns, Required: true},
		{Name: "ConstantErrors", Apply: constantErrors, Required: true},
		{Name: "PartialAggregates", Apply: partialAggregates},
		{Name: "PushOperations", Apply: pushOperations},
		{Name: "PushLimits", Apply: pushLimits},
	}
}

// Optimize applies the rules to a plan and to the plans it shares.
func Optimize(env *Env, plan logical.Node) (logical.Node, error) {
	rules := Rules()
	for _, name := range env.Disabled {
		i := slices.IndexFunc(rules, func(r Rule) bool { return strings.EqualFold(r.Name, name) })
		if i < 0 || rules[i].Required {
			return nil, pgerror.Newf(pgerror.InvalidParameterValue, "hub.disabled_rules: there is no rule %q that can be switched off", name)
		}
		rules = slices.Delete(rules, i, i+1)
	}
	env.nextID = maxID(plan)
	for _, r := range rules {
		var err error
		if plan, err = r.Apply(env, plan); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// fresh makes a column identity that the plan does not use yet.
func (e *Env) fresh() expr.ColumnID {
	e.nextID++
	return e.nextID
}

// maxID is the largest identity in a plan, shared plans included.
func maxID(plan logical.Node) expr.ColumnID {
	top := expr.ColumnID(0)
	seen := map[*logical.Shared]bool{}
	var visit func(n logical.Node)
	visit = func(n logical.Node) {
		logical.Walk(n, func(m logical.Node) bool {
			logical.Introduced(m, func(c logical.Column) { top = max(top, c.ID) })
			if s, ok := m.(*logical.SharedScan); ok && !seen[s.Of] {
				seen[s.Of] = true
				visit(s.Of.Input)
			}
			return true
		})
	}
	visit(plan)
	return top
}

// eachShared applies a rule to every shared plan below n, once each, before f
// sees n itself.
func eachShared(n logical.Node, f func(logical.Node) (logical.Node, error)) error {
	seen := map[*logical.Shared]bool{}
	var visit func(n logical.Node) error
	visit = func(n logical.Node) error {
		var err error
		logical.Walk(n, func(m logical.Node) bool {
			s, ok := m.(*logical.SharedScan)
			if !ok || seen[s.Of] || err != nil {
				return err == nil
			}
			seen[s.Of] = true
			if err = visit(s.Of.Input); err == nil {
				s.Of.Input, err = f(s.Of.Input)
			}
			return err == nil
		})
		return err
	}
	return visit(n)
}

// covers reports whether every column of e is in set.
func covers(e expr.Expr, set map[expr.ColumnID]bool) bool {
	ok := true
	expr.Walk(e, func(x expr.Expr) bool {
		if c, isCol := x.(*expr.Column); isCol && !set[c.ID] {
			ok = false
		}
		return ok
	})
	return ok
}

// touches reports whether e reads a column of set.
func touches(e expr.Expr, set map[expr.ColumnID]bool) bool {
	hit := false
	expr.Walk(e, func(x expr.Expr) bool {
		if c, isCol := x.(*expr.Column); isCol && set[c.ID] {
			hit = true
		}
		return !hit
	})
	return hit
}

// volatile reports whether e must be evaluated exactly where it stands.
func volatile(e expr.Expr) bool {
	hit := false
	expr.Walk(e, func(x expr.Expr) bool {
		if c, ok := x.(*expr.Call); ok && (c.Fn.Volatility == function.Volatile || c.Fn.Kind == function.SetReturn) {
			hit = true
		}
		return !hit
	})
	return hit
}

// filter puts conditions above a node; none gives the node itself.
func filter(n logical.Node, conds []expr.Expr) logical.Node {
	if len(conds) == 0 {
		return n
	}
	return &logical.Filter{Input: n, Conds: conds}
}
