package optimizer

import (
	"slices"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/planner/policy"
)

// pushIntoSources offers the conditions directly above a scan to its source.
// What the source evaluates exactly disappears here; a superset is evaluated
// again; row filters of a policy always are.
func pushIntoSources(env *Env, plan logical.Node) (logical.Node, error) {
	f := func(n logical.Node) (logical.Node, error) { return pushNode(env, n), nil }
	if err := eachShared(plan, f); err != nil {
		return nil, err
	}
	return f(plan)
}

func pushNode(env *Env, n logical.Node) logical.Node {
	if f, ok := n.(*logical.Filter); ok {
		if out := pushChain(env, f); out != nil {
			return out
		}
	}
	in := n.Inputs()
	if len(in) == 0 {
		return n
	}
	out := make([]logical.Node, len(in))
	for i := range in {
		out[i] = pushNode(env, in[i])
	}
	return n.WithInputs(out)
}

// pushChain handles a chain of filters over a scan, nil when n is none.
func pushChain(env *Env, top *logical.Filter) logical.Node {
	var chain []*logical.Filter
	var at logical.Node = top
	for {
		f, ok := at.(*logical.Filter)
		if !ok {
			break
		}
		chain = append(chain, f)
		at = f.Input
	}
	scan, ok := at.(*logical.Scan)
	if !ok || !scan.Sealed || scan.Hides {
		return nil
	}
	// The innermost filter stands directly above the scan.
	for i := len(chain) - 1; i >= 0; i-- {
		f := chain[i]
		conds := f.Conds
		next, rest := offer(env, scan, conds, f.Policy)
		scan = next
		exact := f.Policy && len(rest) == 0
		if f.Policy {
			rest = conds
		}
		chain[i] = &logical.Filter{Conds: rest, Policy: f.Policy, Exact: exact}
	}
	out := logical.Node(scan)
	for _, c := range slices.Backward(chain) {
		if len(c.Conds) > 0 {
			c.Input = out
			out = c
		}
	}
	return out
}

// offer gives conditions to the source and returns the scan and the conditions
// that must still be evaluated.
func offer(env *Env, scan *logical.Scan, conds []expr.Expr, isPolicy bool) (*logical.Scan, []expr.Expr) {
	out := *scan
	out.Pushed = append([]physical.PushedFilter(nil), scan.Pushed...)
	note := func(c expr.Expr, o connector.Outcome) {
		text, redacted := expr.String(c), expr.Redacted(c)
		if isPolicy {
			text, redacted = "(row security)", "(row security)"
		}
		out.Pushed = append(out.Pushed, physical.PushedFilter{Text: text, Redacted: redacted, Outcome: o})
	}
	pusher, ok := scan.Source.(connector.FilterPusher)
	if !ok || !env.Pushdown {
		reason := "the source takes no filters"
		if ok {
			reason = "pushdown is off"
		}
		for _, c := range conds {
			note(c, connector.Outcome{Pushed: connector.Local, Reason: reason})
		}
		return &out, conds
	}
	index := map[expr.ColumnID]expr.ColumnID{}
	for i, c := range scan.Cols {
		index[c.ID] = expr.ColumnID(i)
	}
	offered := make([]expr.Expr, 0, len(conds))
	var kept []expr.Expr
	var mine []expr.Expr
	for _, c := range conds {
		if volatile(c) {
			kept = append(kept, c)
			note(c, connector.Outcome{Pushed: connector.Local, Reason: "it is volatile"})
			continue
		}
		if hasParam(c) {
			kept = append(kept, c)
			out.Deferred = append(slices.Clone(out.Deferred), c)
			note(c, connector.Outcome{Pushed: connector.Superset, Reason: "its parameters are sent with each execution"})
			continue
		}
		mine = append(mine, c)
		offered = append(offered, logical.Remap(c, index))
	}
	if len(offered) == 0 {
		return &out, kept
	}
	env.rows(scan) // lets the estimator know the columns
	handle, outcomes := pusher.PushFilter(scan.Handle, policy.SealFilter(policy.Barrier{}, offered).Sealed)
	out.Handle = handle
	for i, c := range mine {
		o := outcomes[i]
		note(c, o)
		if o.Pushed != connector.Exact {
			kept = append(kept, c)
		}
		if o.Pushed == connector.Exact && out.Rows >= 0 {
			out.Rows = max(1, out.Rows*env.Estimator.Selectivity(c))
		}
	}
	return &out, kept
}

// hasParam reports whether a parameter of e has no value yet.
func hasParam(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if _, ok := x.(*expr.Param); ok {
			found = true
		}
		return !found
	})
	return found
}

// pushLimits gives a LIMIT without order to a source that has evaluated every
// condition exactly, and copies it into the arms of UNION ALL.
func pushLimits(env *Env, plan logical.Node) (logical.Node, error) {
	f := func(n logical.Node) (logical.Node, error) {
		return logical.Rewrite(n, func(m logical.Node) logical.Node {
			l, ok := m.(*logical.Limit)
			if !ok || l.WithTies {
				return m
			}
			count, ok := l.Count.(*expr.Const)
			if !ok || count.Value.Null || count.Value.I < 0 {
				return m
			}
			total := count.Value.I
			if l.Offset != nil {
				off, ok := l.Offset.(*expr.Const)
				if !ok {
					return m
				}
				if !off.Value.Null {
					total += off.Value.I
				}
			}
			if total < 0 {
				return m
			}
			c := *l
			c.Input = limitInto(env, l.Input, total)
			return &c
		}), nil
	}
	if err := eachShared(plan, f); err != nil {
		return nil, err
	}
	return f(plan)
}

// limitInto passes a limit down to where rows are read.
func limitInto(env *Env, n logical.Node, limit int64) logical.Node {
	switch n := n.(type) {
	case *logical.Project, *logical.Barrier:
		return n.WithInputs([]logical.Node{limitInto(env, n.Inputs()[0], limit)})
	case *logical.SetOp:
		if n.Kind == logical.Union && n.All {
			return n.WithInputs([]logical.Node{limitInto(env, n.Left, limit), limitInto(env, n.Right, limit)})
		}
	case *logical.Scan:
		if p, ok := n.Source.(connector.LimitPusher); ok && env.Pushdown && n.Sealed {
			if h, ok := p.PushLimit(n.Handle, limit); ok {
				c := *n
				c.Handle = h
				if c.Rows >= 0 {
					c.Rows = min(c.Rows, float64(limit))
				}
				return &c
			}
		}
	}
	return n
}
