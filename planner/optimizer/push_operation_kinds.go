package optimizer

import (
	"maps"
	"slices"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// What operations cost at the source and here, in nanoseconds per row.
const (
	remoteJoinRow  = 60.0
	localGroupRow  = 30.0
	remoteGroupRow = 100.0
	sortRow        = 10.0
	// shippedKeys is the largest number of keys that a join sends to the scans of
	// its other side as a list.
	shippedKeys = 10_000
	// havingShare is by how much fewer groups a condition on aggregates is taken to
	// leave than is estimated, which is a third of them: such conditions look for
	// the exception.
	havingShare = 0.01
)

// aggregate pushes a grouping.
func (p *operationPusher) aggregate(n *logical.Aggregate) part {
	in := p.visit(n.Input)
	rows := p.env.rows(n.Input)
	local := n.WithInputs([]logical.Node{in.node})
	out := part{node: local, cost: in.cost + rows*localGroupRow}
	if in.frag == nil {
		out.node = explain(in, local, n, in.why)
		return out
	}
	f, reason := p.pushAggregate(in.frag, n)
	if reason != "" {
		if parts, top := p.withoutAverages(n); parts != nil {
			if f, other := p.pushAggregate(in.frag, parts); other == "" {
				f.defs = top
				f.work += rows * remoteGroupRow
				out.frag = f
				return p.choose(n, out, n.Outputs())
			}
		}
		out.node = explain(in, local, n, reason)
		return out
	}
	f.work += rows * remoteGroupRow
	out.frag = f
	return p.choose(n, out, n.Outputs())
}

func (p *operationPusher) pushAggregate(in *fragment, n *logical.Aggregate) (*fragment, string) {
	op := &connector.Aggregate{Keys: in.bind(in.inline(n.Keys)), Columns: columns(n.Cols)}
	for _, a := range n.Aggs {
		c := connector.AggregateCall{Fn: a.Fn, Args: in.bind(in.inline(a.Args)), Distinct: a.Distinct, Ordered: len(a.OrderBy) > 0, Name: a.Col.Name, Type: a.Col.Type}
		if a.Filter != nil {
			c.Filter = in.bind(in.inline([]expr.Expr{a.Filter}))[0]
		}
		op.Calls = append(op.Calls, c)
	}
	return p.push(op, n, n.Outputs(), "Aggregate on ("+relationsOf(in.scan)+")", in)
}

// relationsOf describes what a scan reads.
func relationsOf(s *logical.Scan) string {
	if s.Relations != "" {
		return s.Relations
	}
	return s.Table
}

// withoutAverages returns n with each average replaced by a sum and a count, and
// the averages as their quotients; nil when that is not the same. PostgreSQL
// itself computes the average of integers and decimals so.
func (p *operationPusher) withoutAverages(n *logical.Aggregate) (*logical.Aggregate, map[expr.ColumnID]expr.Expr) {
	c := *n
	c.Aggs = nil
	defs := map[expr.ColumnID]expr.Expr{}
	number := types.Of(types.Numeric)
	find := func(name string, args ...types.OID) *function.Overload {
		m, err := p.env.Registry.Function("pg_catalog", name, args, false)
		if err != nil {
			return nil
		}
		return m.Fn
	}
	cast := func(e expr.Expr) expr.Expr {
		if e.Type().OID == types.Numeric {
			return e
		}
		path := p.env.Registry.Coercion(e.Type().OID, types.Numeric, function.Implicit)
		if path.Kind != function.PathFunc {
			return nil
		}
		return &expr.Call{Fn: path.Fn, Args: []expr.Expr{e}, T: number, Cast: true, Pos: -1}
	}
	divide := find("numeric_div", types.Numeric, types.Numeric)
	for _, a := range n.Aggs {
		if a.Fn.Name != "avg" {
			c.Aggs = append(c.Aggs, a)
			continue
		}
		t := a.Args[0].Type().OID
		if t != types.Int2 && t != types.Int4 && t != types.Int8 && t != types.Numeric || len(a.Args) != 1 || divide == nil {
			return nil, nil
		}
		sum, count := a, a
		sum.Fn, count.Fn = find("sum", t), find("count", t)
		if sum.Fn == nil || count.Fn == nil {
			return nil, nil
		}
		sum.Col = logical.Column{ID: p.env.fresh(), Name: "sum", Type: types.Of(sum.Fn.Ret)}
		count.Col = logical.Column{ID: p.env.fresh(), Name: "count", Type: types.Of(count.Fn.Ret)}
		c.Aggs = append(c.Aggs, sum, count)
		l, r := cast(sum.Col.Ref()), cast(count.Col.Ref())
		if l == nil || r == nil {
			return nil, nil
		}
		// Without rows the sum is NULL and so is the quotient: the division by 0 is
		// not made.
		defs[a.Col.ID] = &expr.Call{Fn: divide, Args: []expr.Expr{l, r}, T: number, Op: "/", Pos: -1}
	}
	if len(defs) == 0 {
		return nil, nil
	}
	return &c, defs
}

// limit pushes the first rows, in an order or any.
func (p *operationPusher) limit(n *logical.Limit) part {
	sort, sorted := n.Input.(*logical.Sort)
	below := n.Input
	if sorted {
		below = sort.Input
	}
	in := p.visit(below)
	node := in.node
	if sorted {
		node = sort.WithInputs([]logical.Node{node})
	}
	rows := p.env.rows(below)
	out := part{node: n.WithInputs([]logical.Node{node}), cost: in.cost + rows*sortRow}
	count, offset, ok := limits(n)
	switch {
	case !ok || n.WithTies:
		return out
	case in.frag == nil:
		if sorted {
			out.node = explain(in, out.node, n, in.why)
		}
		return out
	}
	op := &connector.TopN{Limit: count, Offset: offset}
	if sorted {
		for _, k := range sort.Keys {
			e := in.frag.bind(in.frag.inline([]expr.Expr{k.Expr}))[0]
			op.Keys = append(op.Keys, connector.SortKey{Expr: e, Desc: k.Desc, NullsFirst: k.NullsFirst})
		}
	}
	f, reason := p.push(op, n, in.frag.scan.Cols, relationsOf(in.frag.scan), in.frag)
	if reason != "" {
		if sorted {
			out.node = explain(in, out.node, n, reason)
		}
		return out
	}
	// The relations stay those below: a limit is shown as one.
	f.scan.Relations = in.frag.scan.Relations
	f.defs, f.work = in.frag.defs, in.frag.work+rows*sortRow/2
	out.frag = f
	top, cost := p.finish(f, below.Outputs())
	if cost > out.cost || !sorted && offset == 0 {
		return out // a limit alone is pushed into the scan that is left
	}
	// The rows come in any order and are few.
	if sorted {
		top = sort.WithInputs([]logical.Node{top})
	}
	rest := *n
	rest.Input, rest.Offset = top, nil
	out.node, out.cost = &rest, cost
	return out
}

// limits returns what LIMIT and OFFSET say when they are known and there is a
// limit.
func limits(n *logical.Limit) (count, offset int64, ok bool) {
	c, ok := n.Count.(*expr.Const)
	if !ok || c.Value.Null || c.Value.I < 0 {
		return 0, 0, false
	}
	if n.Offset != nil {
		o, ok := n.Offset.(*expr.Const)
		if !ok || !o.Value.Null && o.Value.I < 0 {
			return 0, 0, false
		}
		if !o.Value.Null {
			offset = o.Value.I
		}
	}
	return c.Value.I, offset, true
}

// joinKinds are the joins that sources have.
var joinKinds = map[physical.JoinKind]struct {
	kind connector.JoinKind
	name string
}{
	physical.Inner: {connector.InnerJoin, "INNER JOIN"},
	physical.Left:  {connector.LeftJoin, "LEFT JOIN"},
	physical.Right: {connector.RightJoin, "RIGHT JOIN"},
	physical.Full:  {connector.FullJoin, "FULL JOIN"},
	physical.Semi:  {connector.SemiJoin, "SEMI JOIN"},
	physical.Anti:  {connector.AntiJoin, "ANTI JOIN"},
}

// join pushes a join of two fragments of one source.
func (p *operationPusher) join(n *logical.Join) part {
	l, r := p.visit(n.Left), p.visit(n.Right)
	est := p.env.Estimator
	lr, rr, rows := p.env.rows(n.Left), p.env.rows(n.Right), p.env.rows(n)
	equal := n.Cond != nil && slices.ContainsFunc(expr.SplitAnd(nil, n.Cond), isEquality)
	shipped := p.shipped(n, lr, rr)
	own := joinCost(lr*shipped, rr, est.Width(n.Right.Outputs()), rows, est.Width(n.Outputs()), equal)
	out := part{node: n.WithInputs([]logical.Node{l.node, r.node}), cost: l.cost*shipped + r.cost + own}
	kind, ok := joinKinds[n.Kind]
	if !ok || n.Lateral || !sameSource(l, r) {
		return out
	}
	reason := l.why
	if reason == "" {
		reason = r.why
	}
	if l.frag != nil && r.frag != nil {
		out.frag, reason = p.pushJoin(l.frag, r.frag, n, kind.kind, kind.name)
	}
	if out.frag == nil {
		out.node = explain(l, out.node, n, reason)
		return out
	}
	if equal {
		out.frag.work += (lr+rr)*remoteJoinRow + rows*outRow
	} else {
		out.frag.work += lr*rr*pair + rows*outRow
	}
	return p.choose(n, out, n.Outputs())
}

// shipped is the share of the left side's rows that are read when the join here
// sends the keys of its right side there. What the source would have to make of
// all rows, a grouping say, it then makes of few.
func (p *operationPusher) shipped(n *logical.Join, lr, rr float64) float64 {
	switch n.Kind {
	case physical.Inner, physical.Semi, physical.Right:
	default:
		return 1
	}
	if having(n.Right) {
		rr *= havingShare
	}
	if n.Cond == nil || rr > shippedKeys {
		return 1
	}
	share := 1.0
	left := logical.OutputSet(n.Left)
	for _, c := range expr.SplitAnd(nil, n.Cond) {
		call, ok := c.(*expr.Call)
		if !ok || call.Op != "=" || len(call.Args) != 2 {
			continue
		}
		for _, a := range call.Args {
			if col, ok := a.(*expr.Column); ok && left[col.ID] {
				share = min(share, rr/p.distinct(n.Left, col, lr))
			}
		}
	}
	return max(share, 0.02)
}

// having reports whether a plan are groups that a condition on their aggregates
// chooses.
func having(n logical.Node) bool {
	filtered := false
	for {
		switch x := n.(type) {
		case *logical.Filter:
			filtered, n = true, x.Input
		case *logical.Project:
			n = x.Input
		case *logical.Aggregate:
			return filtered
		default:
			return false
		}
	}
}

// distinct is how many values a column of n has, which has so many rows.
func (p *operationPusher) distinct(n logical.Node, col *expr.Column, rows float64) float64 {
	out := 0.0
	logical.Walk(n, func(m logical.Node) bool {
		if s, ok := m.(*logical.Scan); ok {
			for i, c := range s.Cols {
				if known := s.StatisticsOf(i); c.ID == col.ID && known != nil {
					out = known.Distinct
				}
			}
		}
		return out == 0
	})
	if out == 0 {
		return p.env.Estimator.Groups([]expr.Expr{col}, rows)
	}
	return max(1, min(out, rows))
}

// sameSource reports whether two parts read tables of one source, as one user.
func sameSource(l, r part) bool {
	of := func(p part) *logical.Scan {
		if p.frag != nil {
			return p.frag.scan
		}
		return p.below
	}
	a, b := of(l), of(r)
	return a != nil && b != nil && a.Server == b.Server && a.Source == b.Source
}

func (p *operationPusher) pushJoin(l, r *fragment, n *logical.Join, kind connector.JoinKind, name string) (*fragment, string) {
	// What an outer join fills with NULLs must be computed below it.
	var reason string
	if kind == connector.RightJoin || kind == connector.FullJoin {
		if l, reason = p.computed(l, n.Left); reason != "" {
			return nil, reason
		}
	}
	if kind == connector.LeftJoin || kind == connector.FullJoin {
		if r, reason = p.computed(r, n.Right); reason != "" {
			return nil, reason
		}
	}
	both := &fragment{defs: map[expr.ColumnID]expr.Expr{}}
	seen := map[expr.ColumnID]bool{}
	cols := slices.Concat(l.scan.Cols, r.scan.Cols)
	for _, c := range cols {
		if seen[c.ID] {
			return nil, "a column is read twice"
		}
		seen[c.ID] = true
	}
	outputs := cols
	if kind == connector.SemiJoin || kind == connector.AntiJoin {
		outputs = l.scan.Cols
	}
	for _, f := range []*fragment{l, r} {
		maps.Copy(both.defs, f.defs)
	}
	var conds []expr.Expr
	if n.Cond != nil {
		conds = both.inline(expr.SplitAnd(nil, n.Cond))
	}
	op := &connector.Join{Kind: kind, Conds: bindColumns(conds, cols)}
	relations := "(" + relationsOf(l.scan) + ") " + name + " (" + relationsOf(r.scan) + ")"
	f, reason := p.push(op, n, outputs, relations, l, r)
	if reason != "" {
		return nil, reason
	}
	f.defs = both.defs
	return f, ""
}

// computed returns a fragment whose outputs are columns of its scan, those of n
// in order.
func (p *operationPusher) computed(f *fragment, n logical.Node) (*fragment, string) {
	outputs := n.Outputs()
	op := &connector.Compute{Columns: columns(outputs)}
	refs := make([]expr.Expr, len(outputs))
	same := len(outputs) == len(f.scan.Cols)
	for i, c := range outputs {
		refs[i] = c.Ref()
		same = same && f.defs[c.ID] == nil && f.scan.Cols[i].ID == c.ID
	}
	if same {
		return f, ""
	}
	op.Exprs = f.bind(f.inline(refs))
	out, reason := p.push(op, n, outputs, f.scan.Relations, f)
	if reason == "" {
		out.work = f.work
	}
	return out, reason
}

// setWords are the set operations.
var setWords = map[logical.SetOpKind]string{logical.Union: "UNION", logical.Intersect: "INTERSECT", logical.Except: "EXCEPT"}

// setOp pushes a set operation over fragments of one source.
func (p *operationPusher) setOp(n *logical.SetOp) part {
	l, r := p.visit(n.Left), p.visit(n.Right)
	rows := p.env.rows(n.Left) + p.env.rows(n.Right)
	out := part{node: n.WithInputs([]logical.Node{l.node, r.node}), cost: l.cost + r.cost}
	if !sameSource(l, r) {
		return out
	}
	reason := l.why
	if reason == "" {
		reason = r.why
	}
	if l.frag != nil && r.frag != nil {
		out.frag, reason = p.pushSetOp(l.frag, r.frag, n)
	}
	if out.frag == nil {
		out.node = explain(l, out.node, n, reason)
		return out
	}
	out.frag.work += rows * remoteGroupRow
	if n.Kind == logical.Union && n.All {
		// By itself it saves nothing, and two scans may run at the same time.
		return out
	}
	out.cost += rows * localGroupRow
	return p.choose(n, out, n.Outputs())
}

func (p *operationPusher) pushSetOp(l, r *fragment, n *logical.SetOp) (*fragment, string) {
	l, reason := p.computed(l, n.Left)
	if reason != "" {
		return nil, reason
	}
	if r, reason = p.computed(r, n.Right); reason != "" {
		return nil, reason
	}
	word := setWords[n.Kind]
	op := &connector.SetOperation{Name: word, All: n.All, Columns: columns(n.Cols)}
	return p.push(op, n, n.Cols, "("+relationsOf(l.scan)+") "+word+" ("+relationsOf(r.scan)+")", l, r)
}
