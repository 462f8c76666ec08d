package optimizer

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

const (
	// partialRows is the size from which the rows of another server are grouped
	// before they are joined, partialShare how many rows a group must have then.
	partialRows  = 1000
	partialShare = 4
)

// partialAggregates groups the rows of another server before they are joined with
// rows from elsewhere or put behind them: the server can then send few groups
// instead of many rows. What a grouping of both would compute from the rows the
// one that is left computes from sums, counts and extremes of the groups.
//
// The new grouping has the columns of its rows that anything above reads as its
// keys, so the joins above see the same values as often as there are groups, and
// every group stands for rows that all have the same partners.
func partialAggregates(env *Env, plan logical.Node) (logical.Node, error) {
	if !env.Pushdown {
		return plan, nil
	}
	f := func(n logical.Node) (logical.Node, error) {
		return logical.Rewrite(n, func(m logical.Node) logical.Node {
			if a, ok := m.(*logical.Aggregate); ok {
				return splitAggregate(env, a)
			}
			return m
		}), nil
	}
	if err := eachShared(plan, f); err != nil {
		return nil, err
	}
	return f(plan)
}

// splitAggregate returns n, or a plan for it with a grouping further below.
func splitAggregate(env *Env, n *logical.Aggregate) logical.Node {
	if oneServer(n.Input) != nil {
		return n // all of it may go there
	}
	parts, averages := n, map[expr.ColumnID]expr.Expr(nil)
	if slices.ContainsFunc(n.Aggs, func(a logical.AggCall) bool { return a.Fn.Name == "avg" }) {
		pusher := operationPusher{env: env}
		if parts, averages = pusher.withoutAverages(n); parts == nil {
			return n
		}
	}
	s := aggregateSplitter{env: env, rows: env.rows(n.Input)}
	calls := make([]logical.AggCall, len(parts.Aggs))
	for i, a := range parts.Aggs {
		if a.Distinct || a.Filter != nil || len(a.OrderBy) > 0 || slices.ContainsFunc(a.Args, volatile) {
			return n
		}
		if calls[i], s.finals = a, append(s.finals, s.final(a)); s.finals[i].fn == nil {
			return n
		}
	}
	need := map[expr.ColumnID]bool{}
	for _, k := range parts.Keys {
		expr.Columns(k, need)
	}
	below, ok := s.lower(parts.Input, calls, need, false)
	if !ok {
		return n
	}
	top := &logical.Aggregate{Input: below.node, Cols: parts.Cols}
	for _, k := range parts.Keys {
		top.Keys = append(top.Keys, logical.Remap(k, below.moved))
	}
	out := &logical.Project{Input: top, Cols: n.Outputs()}
	values := map[expr.ColumnID]expr.Expr{}
	for i, a := range parts.Aggs {
		f := s.finals[i]
		col := logical.Column{ID: env.fresh(), Name: a.Col.Name, Type: f.typ}
		top.Aggs = append(top.Aggs, logical.AggCall{Fn: f.fn, Args: []expr.Expr{below.parts[i].Ref()}, Col: col})
		values[a.Col.ID] = f.result(col.Ref(), len(n.Keys) == 0)
	}
	for _, c := range out.Cols {
		e := expr.Expr(c.Ref())
		if v, ok := values[c.ID]; ok {
			e = v
		} else if v, ok := averages[c.ID]; ok {
			e = expr.Rewrite(v, func(x expr.Expr) expr.Expr {
				if c, ok := x.(*expr.Column); ok && values[c.ID] != nil {
					return values[c.ID]
				}
				return x
			})
		}
		out.Exprs = append(out.Exprs, e)
	}
	return out
}

// oneServer returns the source of all tables below n, when it is on another
// server and can group rows; nil otherwise.
func oneServer(n logical.Node) connector.Source {
	switch n := n.(type) {
	case *logical.Scan:
		if _, ok := n.Source.(connector.OperationPusher); ok && remote(n) && len(n.Deferred) == 0 {
			return n.Source
		}
		return nil
	case *logical.Barrier, *logical.Filter, *logical.Project, *logical.Join:
		var source connector.Source
		for i, in := range n.Inputs() {
			s := oneServer(in)
			if s == nil || i > 0 && s != source {
				return nil
			}
			source = s
		}
		return source
	}
	return nil
}

// finalCall says how the results of groups make the result of all their rows.
type finalCall struct {
	fn  *function.Overload
	typ types.Type // of fn
	// cast turns it into the type of the whole call, nil when it has that.
	cast  *function.Overload
	whole types.Type
	// count is set when the result over no rows is 0.
	count bool
}

// result is the value of the whole call.
func (f finalCall) result(e expr.Expr, alone bool) expr.Expr {
	if f.cast != nil {
		e = &expr.Call{Fn: f.cast, Args: []expr.Expr{e}, T: f.whole, Cast: true, Pos: -1}
	}
	if f.count && alone {
		e = &expr.Coalesce{Args: []expr.Expr{e, &expr.Const{T: f.whole, Value: types.IntDatum(0)}}, T: f.whole}
	}
	return e
}

// aggregateSplitter moves the calls of one grouping down.
type aggregateSplitter struct {
	env    *Env
	rows   float64 // of the input of the grouping
	finals []finalCall
}

// final returns how a call is put together, without fn when it is not.
func (s *aggregateSplitter) final(a logical.AggCall) finalCall {
	out := finalCall{whole: a.Col.Type, typ: a.Col.Type, count: a.Fn.Name == "count"}
	switch a.Fn.Name {
	case "min", "max":
		out.fn = a.Fn
	case "sum", "count":
		part := types.OID(a.Fn.Ret)
		if part != types.Int8 && part != types.Numeric {
			return out // the order of additions matters
		}
		m, err := s.env.Registry.Function("pg_catalog", "sum", []types.OID{part}, false)
		if err != nil {
			return out
		}
		out.typ = types.Of(m.Fn.Ret)
		if m.Fn.Ret != part {
			path := s.env.Registry.Coercion(m.Fn.Ret, part, function.Explicit)
			if path.Kind != function.PathFunc {
				return out
			}
			out.cast = path.Fn
		}
		out.fn = m.Fn
	}
	return out
}

// lowered is a plan with a grouping in it: parts are its columns for the calls,
// and moved says which columns have another identity now.
type lowered struct {
	node  logical.Node
	parts []logical.Column
	moved map[expr.ColumnID]expr.ColumnID
}

// lower puts a grouping below n, which is to deliver the columns of need and the
// parts of the calls. forced is set when it has to be made whatever it saves.
func (s *aggregateSplitter) lower(n logical.Node, calls []logical.AggCall, need map[expr.ColumnID]bool, forced bool) (lowered, bool) {
	if forced && oneBranch(n) || s.pays(n, need) {
		return s.group(n, calls, need), true
	}
	switch n := n.(type) {
	case *logical.Filter:
		if n.Policy {
			return lowered{}, false
		}
		more := with(need, n.Conds...)
		below, ok := s.lower(n.Input, calls, more, false)
		if !ok {
			return lowered{}, false
		}
		f := &logical.Filter{Input: below.node}
		for _, c := range n.Conds {
			f.Conds = append(f.Conds, logical.Remap(c, below.moved))
		}
		below.node = f
		return below, true
	case *logical.Project:
		return s.lowerProject(n, calls, need)
	case *logical.Join:
		return s.lowerJoin(n, calls, need)
	case *logical.SetOp:
		if n.Kind == logical.Union && n.All && !forced {
			return s.lowerUnion(n, calls, need)
		}
	}
	return lowered{}, false
}

// oneBranch reports whether a branch of a union is to be grouped as a whole.
func oneBranch(n logical.Node) bool {
	u, ok := n.(*logical.SetOp)
	return !ok || u.Kind != logical.Union || !u.All
}

// pays reports whether the rows of n come from one server in large groups, so
// that fewer groups than rows of the whole are left.
func (s *aggregateSplitter) pays(n logical.Node, need map[expr.ColumnID]bool) bool {
	if oneServer(n) == nil {
		return false
	}
	rows := s.env.rows(n)
	var keys []expr.Expr
	for _, c := range n.Outputs() {
		if need[c.ID] {
			keys = append(keys, c.Ref())
		}
	}
	groups := s.env.Estimator.Groups(keys, rows)
	return rows >= partialRows && groups*partialShare <= rows && groups*2 <= s.rows
}

// group puts the grouping directly above n.
func (s *aggregateSplitter) group(n logical.Node, calls []logical.AggCall, need map[expr.ColumnID]bool) lowered {
	a := &logical.Aggregate{Input: n}
	out := lowered{node: a, moved: map[expr.ColumnID]expr.ColumnID{}}
	for _, c := range n.Outputs() {
		if need[c.ID] {
			key := logical.Column{ID: s.env.fresh(), Name: c.Name, Type: c.Type}
			out.moved[c.ID] = key.ID
			a.Keys, a.Cols = append(a.Keys, c.Ref()), append(a.Cols, key)
		}
	}
	for _, c := range calls {
		c.Col.ID = s.env.fresh()
		a.Aggs = append(a.Aggs, c)
		out.parts = append(out.parts, c.Col)
	}
	return out
}

// lowerProject is lower for expressions: calls and columns that are needed are
// written over what is below.
func (s *aggregateSplitter) lowerProject(n *logical.Project, calls []logical.AggCall, need map[expr.ColumnID]bool) (lowered, bool) {
	if n.Policy || slices.ContainsFunc(n.Exprs, volatile) {
		return lowered{}, false
	}
	defs := map[expr.ColumnID]expr.Expr{}
	more := map[expr.ColumnID]bool{}
	for i, c := range n.Cols {
		defs[c.ID] = n.Exprs[i]
		if need[c.ID] {
			expr.Columns(n.Exprs[i], more)
		}
	}
	inner := make([]logical.AggCall, len(calls))
	for i, c := range calls {
		inner[i] = c
		inner[i].Args = make([]expr.Expr, len(c.Args))
		for k, arg := range c.Args {
			inner[i].Args[k] = expr.Rewrite(arg, func(x expr.Expr) expr.Expr {
				if c, ok := x.(*expr.Column); ok && defs[c.ID] != nil {
					return defs[c.ID]
				}
				return x
			})
		}
	}
	below, ok := s.lower(n.Input, inner, more, false)
	if !ok {
		return lowered{}, false
	}
	out := lowered{parts: below.parts, moved: map[expr.ColumnID]expr.ColumnID{}}
	p := &logical.Project{Input: below.node}
	for i, c := range n.Cols {
		if !need[c.ID] {
			continue
		}
		e := logical.Remap(n.Exprs[i], below.moved)
		// A column keeps its identity, or gets a new one with its definition.
		id := s.env.fresh()
		if x, ok := e.(*expr.Column); ok {
			id = x.ID
			if slices.ContainsFunc(p.Cols, func(c logical.Column) bool { return c.ID == id }) {
				id = s.env.fresh()
			}
		}
		out.moved[c.ID] = id
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, logical.Column{ID: id, Name: c.Name, Type: c.Type})
	}
	for _, c := range below.parts {
		p.Exprs, p.Cols = append(p.Exprs, c.Ref()), append(p.Cols, c)
	}
	out.node = p
	return out, true
}

// lowerJoin is lower for joins: one side has all that the calls read, and each of
// its rows is in the result once for each partner.
func (s *aggregateSplitter) lowerJoin(n *logical.Join, calls []logical.AggCall, need map[expr.ColumnID]bool) (lowered, bool) {
	right := false
	switch n.Kind {
	case physical.Inner:
		right = true
	case physical.Left, physical.Semi, physical.Anti:
	default:
		return lowered{}, false
	}
	if n.Lateral || n.Cond != nil && volatile(n.Cond) {
		return lowered{}, false
	}
	more := need
	if n.Cond != nil {
		more = with(need, n.Cond)
	}
	for side := range 2 {
		in := []logical.Node{n.Left, n.Right}[side]
		if side == 1 && !right || !s.reads(calls, in) {
			continue
		}
		below, ok := s.lower(in, calls, more, false)
		if !ok {
			continue
		}
		j := *n
		if side == 0 {
			j.Left = below.node
		} else {
			j.Right = below.node
		}
		if n.Cond != nil {
			j.Cond = logical.Remap(n.Cond, below.moved)
		}
		below.node = &j
		return below, true
	}
	return lowered{}, false
}

// reads reports whether n has all columns that the calls read.
func (s *aggregateSplitter) reads(calls []logical.AggCall, n logical.Node) bool {
	set := logical.OutputSet(n)
	for _, c := range calls {
		for _, a := range c.Args {
			if !covers(a, set) {
				return false
			}
		}
	}
	return true
}

// lowerUnion is lower for UNION ALL: when the grouping of one branch pays, all
// branches are grouped.
func (s *aggregateSplitter) lowerUnion(n *logical.SetOp, calls []logical.AggCall, need map[expr.ColumnID]bool) (lowered, bool) {
	branches := unionBranches(nil, n)
	inputs := make([]lowered, len(branches))
	some := false
	for _, forced := range []bool{false, true} {
		for i, b := range branches {
			if inputs[i].node != nil {
				continue
			}
			ids, inner := map[expr.ColumnID]expr.ColumnID{}, map[expr.ColumnID]bool{}
			for k, c := range n.Cols {
				id := b.Outputs()[k].ID
				ids[c.ID] = id
				if need[c.ID] {
					inner[id] = true
				}
			}
			moved := make([]logical.AggCall, len(calls))
			for k, c := range calls {
				moved[k] = c
				moved[k].Args = nil
				for _, a := range c.Args {
					moved[k].Args = append(moved[k].Args, logical.Remap(a, ids))
				}
			}
			if below, ok := s.lower(b, moved, inner, forced); ok {
				inputs[i], some = below, true
			}
		}
		if !some {
			return lowered{}, false
		}
	}
	out := lowered{moved: map[expr.ColumnID]expr.ColumnID{}}
	var cols []logical.Column
	for _, c := range n.Cols {
		if need[c.ID] {
			id := s.env.fresh()
			out.moved[c.ID] = id
			cols = append(cols, logical.Column{ID: id, Name: c.Name, Type: c.Type})
		}
	}
	for _, c := range calls {
		c.Col.ID = s.env.fresh()
		cols = append(cols, c.Col)
		out.parts = append(out.parts, c.Col)
	}
	for i, b := range branches {
		// The columns of a branch in the order of the union.
		p := &logical.Project{Input: inputs[i].node}
		for k, c := range n.Cols {
			if need[c.ID] {
				old := b.Outputs()[k]
				ref := old.Ref()
				p.Exprs = append(p.Exprs, logical.Remap(ref, inputs[i].moved))
				p.Cols = append(p.Cols, logical.Column{ID: s.env.fresh(), Name: c.Name, Type: c.Type})
			}
		}
		for _, c := range inputs[i].parts {
			p.Exprs = append(p.Exprs, c.Ref())
			p.Cols = append(p.Cols, logical.Column{ID: s.env.fresh(), Name: c.Name, Type: c.Type})
		}
		if i == 0 {
			out.node = p
			continue
		}
		u := &logical.SetOp{Kind: logical.Union, All: true, Left: out.node, Right: p, Cols: cols}
		if i < len(branches)-1 {
			u.Cols = slices.Clone(cols)
			for k := range u.Cols {
				u.Cols[k].ID = s.env.fresh()
			}
		}
		out.node = u
	}
	return out, true
}

// unionBranches adds the inputs of a UNION ALL to list.
func unionBranches(list []logical.Node, n logical.Node) []logical.Node {
	if !oneBranch(n) {
		u := n.(*logical.SetOp)
		return unionBranches(unionBranches(list, u.Left), u.Right)
	}
	return append(list, n)
}

// with returns the columns of need and of es.
func with(need map[expr.ColumnID]bool, es ...expr.Expr) map[expr.ColumnID]bool {
	out := make(map[expr.ColumnID]bool, len(need)+4)
	for c := range need {
		out[c] = true
	}
	for _, e := range es {
		expr.Columns(e, out)
	}
	return out
}
