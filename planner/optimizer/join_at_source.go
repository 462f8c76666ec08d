package optimizer

import (
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// joinAtSource lets a source join its own tables where inner joins bring tables
// of several sources together, before the order of the joins is decided: the
// joined rows then are one input of it. Two inputs are joined at their source
// when fewer bytes come over the network, with the keys in mind that small inputs
// of other sources will send. Joins of one source alone are left to
// PushOperations, which sees what is made of their rows.
func joinAtSource(env *Env, plan logical.Node) (logical.Node, error) {
	if !env.Pushdown {
		return plan, nil
	}
	env.Estimator.Load(plan)
	f := func(n logical.Node) (logical.Node, error) {
		j := sourceJoiner{p: operationPusher{env: env}}
		return j.visit(n), nil
	}
	if err := eachShared(plan, f); err != nil {
		return nil, err
	}
	return f(plan)
}

type sourceJoiner struct{ p operationPusher }

// innerJoin reports whether a node is one of the joins to collect.
func innerJoin(n logical.Node) bool {
	j, ok := n.(*logical.Join)
	return ok && j.Kind == physical.Inner && !j.Lateral
}

func (s *sourceJoiner) visit(n logical.Node) logical.Node {
	if inner, _ := transparent(n); innerJoin(inner) {
		c := &joinGroup{}
		c.flatten(n)
		changed := false
		for i, m := range c.members {
			c.members[i] = s.visit(m)
			changed = changed || c.members[i] != m
		}
		if s.merge(c) || changed {
			return arrange(c.build(), n.Outputs())
		}
		return n
	}
	in := n.Inputs()
	out := make([]logical.Node, len(in))
	changed := false
	for i := range in {
		out[i] = s.visit(in[i])
		changed = changed || out[i] != in[i]
	}
	if changed {
		n = n.WithInputs(out)
	}
	return n
}

// joinGroup is a tree of inner joins: its inputs and all conditions.
type joinGroup struct {
	members []logical.Node
	conds   []expr.Expr
}

func (c *joinGroup) flatten(n logical.Node) {
	inner, conds := transparent(n)
	if !innerJoin(inner) {
		c.members = append(c.members, n)
		return
	}
	c.conds = append(c.conds, conds...)
	j := inner.(*logical.Join)
	c.flatten(j.Left)
	c.flatten(j.Right)
	if j.Cond != nil {
		c.conds = expr.SplitAnd(c.conds, j.Cond)
	}
}

// build joins the members from left to right, conditions as early as possible.
func (c *joinGroup) build() logical.Node {
	used := make([]bool, len(c.conds))
	out := c.members[0]
	take := func(n logical.Node) []expr.Expr {
		var here []expr.Expr
		set := logical.OutputSet(n)
		for i, e := range c.conds {
			if !used[i] && !volatile(e) && covers(e, set) {
				used[i] = true
				here = append(here, e)
			}
		}
		return here
	}
	for _, m := range c.members[1:] {
		j := &logical.Join{Kind: physical.Inner, Left: out, Right: m}
		j.Cond = expr.JoinAnd(take(j))
		out = j
	}
	var rest []expr.Expr
	for i, e := range c.conds {
		if !used[i] {
			rest = append(rest, e)
		}
	}
	return filter(out, rest)
}

// input is a member that a source gives as a whole.
type input struct {
	frag *fragment
	node logical.Node
	cols map[expr.ColumnID]bool
}

// merge replaces members of one source by their join and reports whether it has.
func (s *sourceJoiner) merge(c *joinGroup) bool {
	inputs := make([]*input, len(c.members))
	sources := map[any]int{}
	others := false
	for i, m := range c.members {
		if !readsOneTable(m) {
			others = true
			continue
		}
		part := s.p.visit(pushNode(s.p.env, m))
		if part.frag == nil || !remote(part.frag.scan) {
			others = true
			continue
		}
		inputs[i] = &input{frag: part.frag, node: m, cols: logical.OutputSet(m)}
		sources[part.frag.scan.Source]++
	}
	if !others && len(sources) < 2 {
		return false
	}
	merged := false
	for {
		i, j, in, conds := s.best(c, inputs)
		if in == nil {
			return merged
		}
		merged = true
		c.members[i], inputs[i] = in.node, in
		c.members = append(c.members[:j:j], c.members[j+1:]...)
		inputs = append(inputs[:j:j], inputs[j+1:]...)
		c.conds = conds
	}
}

// readsOneTable reports whether a member is a scan with conditions and
// projections above.
func readsOneTable(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Scan:
		return n.Server != ""
	case *logical.Filter, *logical.Project, *logical.Barrier:
		return readsOneTable(n.Inputs()[0])
	}
	return false
}

// best finds the two inputs whose join at their source saves most, and returns it
// with the conditions that are left; nil when none saves anything.
func (s *sourceJoiner) best(c *joinGroup, inputs []*input) (left, right int, in *input, rest []expr.Expr) {
	most := 0.0
	for i, a := range inputs {
		for j := i + 1; j < len(inputs); j++ {
			b := inputs[j]
			if a == nil || b == nil || a.frag.scan.Source != b.frag.scan.Source || a.frag.scan.Server != b.frag.scan.Server {
				continue
			}
			joined, others, saved := s.join(c, a, b)
			if joined != nil && saved > most {
				most, left, right, in, rest = saved, i, j, joined, others
			}
		}
	}
	return left, right, in, rest
}

// join makes the join of two inputs at their source, nil when there is none; it
// returns the conditions that are left and what is saved.
func (s *sourceJoiner) join(c *joinGroup, a, b *input) (*input, []expr.Expr, float64) {
	n := &logical.Join{Kind: physical.Inner, Left: a.node, Right: b.node}
	both := logical.OutputSet(n)
	var on, rest []expr.Expr
	linked := false
	for _, e := range c.conds {
		switch {
		case volatile(e) || hasParam(e) || !covers(e, both):
			rest = append(rest, e)
		default:
			on = append(on, e)
			linked = linked || isEquality(e) && !covers(e, a.cols) && !covers(e, b.cols)
		}
	}
	if !linked {
		return nil, nil, 0
	}
	n.Cond = expr.JoinAnd(on)
	env := s.p.env
	lr, rr, rows := env.rows(a.node), env.rows(b.node), env.rows(n)
	fa, fb := s.share(c, a), s.share(c, b)
	own := joinCost(lr*fa, rr*fb, env.Estimator.Width(b.node.Outputs()), rows*min(fa, fb), env.Estimator.Width(n.Outputs()), true)
	apart := s.cost(a)*fa + s.cost(b)*fb + own
	kind := joinKinds[physical.Inner]
	f, reason := s.p.pushJoin(a.frag, b.frag, n, kind.kind, kind.name)
	if reason != "" {
		return nil, nil, 0
	}
	f.work += (lr*fa+rr*fb)*remoteJoinRow + rows*min(fa, fb)*outRow
	// What only the conditions of the join read need not be sent.
	_, cost := s.p.finish(f, needed(n.Outputs(), c, on))
	cost = (cost-f.work)*min(fa, fb) + f.work
	if cost >= apart {
		return nil, nil, 0
	}
	node, _ := s.p.finish(f, n.Outputs())
	return &input{frag: f, node: node, cols: both}, rest, apart - cost
}

// needed are the outputs of a join that something but its own conditions may
// read: all that the conditions do not name, and what other conditions name.
func needed(outputs []logical.Column, c *joinGroup, own []expr.Expr) []logical.Column {
	inside, outside := map[expr.ColumnID]bool{}, map[expr.ColumnID]bool{}
	for _, e := range c.conds {
		if containsExpr(own, e) {
			expr.Columns(e, inside)
		} else {
			expr.Columns(e, outside)
		}
	}
	var out []logical.Column
	for _, col := range outputs {
		if !inside[col.ID] || outside[col.ID] {
			out = append(out, col)
		}
	}
	return out
}

// cost is what it costs to get an input.
func (s *sourceJoiner) cost(in *input) float64 {
	_, cost := s.p.finish(in.frag, in.node.Outputs())
	return cost
}

// share is the share of an input's rows that is left by the keys that a small
// member of another source sends.
func (s *sourceJoiner) share(c *joinGroup, in *input) float64 {
	out := 1.0
	for _, m := range c.members {
		if m == in.node {
			continue
		}
		rows := s.p.env.rows(m)
		if rows > shippedKeys {
			continue
		}
		cols := logical.OutputSet(m)
		for _, e := range c.conds {
			call, ok := e.(*expr.Call)
			if !ok || call.Op != "=" || len(call.Args) != 2 {
				continue
			}
			for i, x := range call.Args {
				if col, ok := x.(*expr.Column); ok && in.cols[col.ID] && covers(call.Args[1-i], cols) {
					out = min(out, rows/s.p.distinct(in.node, col, s.p.env.rows(in.node)))
				}
			}
		}
	}
	return max(out, 0.02)
}
