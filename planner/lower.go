// Package planner turns a bound statement into an executable plan: optimizer
// rules, then lowering to operators.
package planner

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/estimate"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// lowering translates a logical plan: column identities become positions, joins
// get their algorithm.
type lowering struct {
	registry *function.Registry
	est      *estimate.Estimator
	shared   map[*logical.Shared]*physical.Shared
}

// Lower returns the executable form of an optimized plan, its nodes with the
// sizes that est expects.
func Lower(registry *function.Registry, est *estimate.Estimator, n logical.Node) (physical.Node, error) {
	l := &lowering{registry: registry, est: est, shared: map[*logical.Shared]*physical.Shared{}}
	return l.node(n)
}

// layout maps identities to positions.
type layout map[expr.ColumnID]int

func layoutOf(cols ...[]logical.Column) layout {
	out := layout{}
	at := 0
	for _, list := range cols {
		for _, c := range list {
			out[c.ID] = at
			at++
		}
	}
	return out
}

// bind rewrites an expression to positions.
func (l layout) bind(e expr.Expr) (expr.Expr, error) {
	var missing *expr.Column
	out := expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		c, ok := x.(*expr.Column)
		if !ok {
			return x
		}
		at, ok := l[c.ID]
		if !ok {
			missing = c
			return x
		}
		return &expr.Column{ID: expr.ColumnID(at), Name: c.Name, T: c.T}
	})
	if missing != nil {
		return nil, pgerror.Newf(pgerror.InternalError, "column %q is not in the input of its operator", missing.Name)
	}
	return out, nil
}

// bindAll binds a list.
func (l layout) bindAll(list []expr.Expr) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		var err error
		if out[i], err = l.bind(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keys binds sort keys.
func (l layout) keys(list []logical.SortKey) ([]physical.SortKey, error) {
	out := make([]physical.SortKey, len(list))
	for i, k := range list {
		e, err := l.bind(k.Expr)
		if err != nil {
			return nil, err
		}
		out[i] = physical.SortKey{Expr: e, Desc: k.Desc, NullsFirst: k.NullsFirst}
	}
	return out, nil
}

// columns gives names and types of outputs.
func columns(cols []logical.Column) []physical.Column {
	out := make([]physical.Column, len(cols))
	for i, c := range cols {
		out[i] = physical.Column{Name: c.Name, Type: c.Type}
	}
	return out
}

func (l *lowering) node(n logical.Node) (physical.Node, error) {
	out, err := l.operator(n)
	if err != nil {
		return nil, err
	}
	// A node that stands for several keeps the estimate of the lowest.
	if s, ok := out.(interface {
		Size() (float64, float64)
		SetSize(rows, width float64)
	}); ok {
		if rows, _ := s.Size(); rows == 0 {
			s.SetSize(l.est.Rows(n), l.est.Width(n.Outputs()))
		}
	}
	return out, nil
}

// operator translates one node.
func (l *lowering) operator(n logical.Node) (physical.Node, error) {
	switch n := n.(type) {
	case *logical.Scan:
		deferred, err := layoutOf(n.Cols).bindAll(n.Deferred)
		if err != nil {
			return nil, err
		}
		distinct := make([]float64, len(n.Cols))
		for i := range n.Cols {
			if known := n.StatisticsOf(i); known != nil {
				distinct[i] = known.Distinct
			}
		}
		return &physical.Scan{
			Distinct: distinct,
			Server:   n.Server, Table: n.Table, Relations: n.Relations, Source: n.Source, Handle: n.Handle,
			Cols: columns(n.Cols), Deferred: deferred, Pushed: n.Pushed, Rows: n.Rows,
		}, nil
	case *logical.Barrier:
		return l.node(n.Input)
	case *logical.Values:
		return &physical.Values{Rows: n.Rows, Cols: columns(n.Cols)}, nil
	case *logical.Filter:
		in, err := l.node(n.Input)
		if err != nil {
			return nil, err
		}
		conds, err := layoutOf(n.Input.Outputs()).bindAll(n.Conds)
		if err != nil {
			return nil, err
		}
		return &physical.Filter{Input: in, Conds: conds, Hidden: n.Policy}, nil
	case *logical.Project:
		return l.project(n)
	case *logical.ProjectSet:
		return l.projectSet(n)
	case *logical.Aggregate:
		return l.aggregate(n)
	case *logical.Join:
		return l.join(n)
	case *logical.Sort:
		in, err := l.node(n.Input)
		if err != nil {
			return nil, err
		}
		keys, err := layoutOf(n.Input.Outputs()).keys(n.Keys)
		if err != nil {
			return nil, err
		}
		return &physical.Sort{Input: in, Keys: keys}, nil
	case *logical.Limit:
		return l.limit(n)
	case *logical.SetOp:
		return l.setOp(n)
	case *logical.Window:
		return l.window(n)
	case *logical.SharedScan:
		return l.sharedScan(n)
	case *logical.Recursive:
		// Both parts are executed as queries of their own, round by round: they
		// share no materialised input with what is around them.
		initial, err := Lower(l.registry, l.est, n.Initial)
		if err != nil {
			return nil, err
		}
		step, err := Lower(l.registry, l.est, n.Step)
		if err != nil {
			return nil, err
		}
		return &physical.Recursive{Initial: initial, Step: step, Work: n.Work, All: n.All, Cols: columns(n.Cols)}, nil
	case *logical.Modify:
		return l.modify(n)
	case *logical.With:
		return l.with(n)
	case *logical.WorkScan:
		return &physical.WorkScan{Of: n.Of, Cols: columns(n.Cols)}, nil
	}
	return nil, pgerror.Newf(pgerror.InternalError, "no operator for %T", n)
}

// project drops projections that change nothing.
func (l *lowering) project(n *logical.Project) (physical.Node, error) {
	in, err := l.node(n.Input)
	if err != nil {
		return nil, err
	}
	lay := layoutOf(n.Input.Outputs())
	exprs, err := lay.bindAll(n.Exprs)
	if err != nil {
		return nil, err
	}
	// A projection over a projection of columns is one projection.
	if p, ok := in.(*physical.Project); ok && !p.Hidden {
		plain := true
		for _, e := range p.Exprs {
			if _, isCol := e.(*expr.Column); !isCol {
				plain = false
			}
		}
		if plain {
			for i := range exprs {
				exprs[i] = expr.Rewrite(exprs[i], func(x expr.Expr) expr.Expr {
					if c, ok := x.(*expr.Column); ok {
						return p.Exprs[c.ID]
					}
					return x
				})
			}
			in = p.Input
		}
	}
	cols := columns(n.Cols)
	if len(exprs) == len(in.Columns()) {
		same := true
		for i, e := range exprs {
			c, ok := e.(*expr.Column)
			if !ok || int(c.ID) != i || in.Columns()[i].Type != cols[i].Type {
				same = false
			}
		}
		if same {
			return in, nil
		}
	}
	return &physical.Project{Input: in, Exprs: exprs, Cols: cols, Hidden: n.Policy}, nil
}

func (l *lowering) projectSet(n *logical.ProjectSet) (physical.Node, error) {
	lay := layoutOf(n.Input.Outputs())
	calls := make([]*expr.Call, len(n.Calls))
	for i, c := range n.Calls {
		e, err := lay.bind(c.Call)
		if err != nil {
			return nil, err
		}
		calls[i] = e.(*expr.Call)
	}
	if v, ok := n.Input.(*logical.Values); ok && len(v.Rows) == 1 && len(v.Cols) == 0 && len(calls) == 1 {
		return &physical.FunctionScan{Call: calls[0], Ordinality: n.Ordinality != nil, Cols: columns(n.Outputs())}, nil
	}
	in, err := l.node(n.Input)
	if err != nil {
		return nil, err
	}
	p := &physical.ProjectSet{Input: in, Cols: columns(n.Outputs())}
	for i, c := range n.Input.Outputs() {
		p.Items = append(p.Items, physical.SetItem{Expr: &expr.Column{ID: expr.ColumnID(i), Name: c.Name, T: c.Type}})
	}
	for i, c := range n.Calls {
		for k := range c.Cols {
			p.Items = append(p.Items, physical.SetItem{Call: calls[i], Column: k})
		}
	}
	p.Ordinality = n.Ordinality != nil
	return p, nil
}

func (l *lowering) aggregate(n *logical.Aggregate) (physical.Node, error) {
	in, err := l.node(n.Input)
	if err != nil {
		return nil, err
	}
	lay := layoutOf(n.Input.Outputs())
	out := &physical.HashAggregate{Input: in, Cols: columns(n.Outputs())}
	if out.Keys, err = lay.bindAll(n.Keys); err != nil {
		return nil, err
	}
	for _, a := range n.Aggs {
		p := physical.Agg{Fn: a.Fn, Distinct: a.Distinct, T: a.Col.Type}
		if p.Args, err = lay.bindAll(a.Args); err != nil {
			return nil, err
		}
		if a.Filter != nil {
			if p.Filter, err = lay.bind(a.Filter); err != nil {
				return nil, err
			}
		}
		if p.OrderBy, err = lay.keys(a.OrderBy); err != nil {
			return nil, err
		}
		out.Aggs = append(out.Aggs, p)
	}
	return out, nil
}

// join chooses a hash join when there is an equality between the two sides.
func (l *lowering) join(n *logical.Join) (physical.Node, error) {
	left, err := l.node(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := l.node(n.Right)
	if err != nil {
		return nil, err
	}
	lo, ro := n.Left.Outputs(), n.Right.Outputs()
	both := layoutOf(lo, ro)
	var conds []expr.Expr
	if n.Cond != nil {
		conds = expr.SplitAnd(nil, n.Cond)
	}
	kind := n.Kind
	// A mark whose conditions are never NULL is never NULL itself; the keys of
	// the hash table then are plain filters. Otherwise the hash table serves
	// only the single comparison of IN.
	exists := true
	for _, c := range conds {
		exists = exists && neverNull(c)
	}
	hash := &physical.HashJoin{Kind: kind, Left: left, Right: right, Cols: columns(n.Outputs())}
	var residual []expr.Expr
	ll, rl := layoutOf(lo), layoutOf(ro)
	for _, c := range conds {
		test := c
		if kind != physical.Mark || exists {
			if t, ok := c.(*expr.BoolTest); ok && !t.Not && !t.Value.Null && t.Value.Bool() {
				test = t.Arg
			}
		}
		lk, rk, nullSafe, ok := l.equiKey(test, lo, ro)
		if !ok {
			residual = append(residual, c)
			continue
		}
		le, err := ll.bind(lk)
		if err != nil {
			return nil, err
		}
		re, err := rl.bind(rk)
		if err != nil {
			return nil, err
		}
		hash.LeftKeys, hash.RightKeys = append(hash.LeftKeys, le), append(hash.RightKeys, re)
		hash.NullSafe = append(hash.NullSafe, nullSafe)
	}
	single := len(hash.LeftKeys) == 1 && len(residual) == 0
	if len(hash.LeftKeys) > 0 && (kind != physical.Mark || exists || single) {
		if r := expr.JoinAnd(residual); r != nil {
			if hash.Residual, err = both.bind(r); err != nil {
				return nil, err
			}
		}
		if kind == physical.Mark && exists {
			return existsMark(hash, len(lo)), nil
		}
		if n.KeepLeft {
			return l.keepLeft(hash, residual, ro, lo)
		}
		return hash, nil
	}
	if kind == physical.Mark {
		if out, err := l.markByTwo(n, left, right, conds); out != nil || err != nil {
			return out, err
		}
	}
	loop := &physical.NestedLoopJoin{Kind: kind, Left: left, Right: right, Cols: hash.Cols}
	if n.Cond != nil {
		if loop.Cond, err = both.bind(n.Cond); err != nil {
			return nil, err
		}
	}
	if kind != physical.Mark {
		for _, c := range conds {
			if err := l.rangeCond(loop, c, lo, ro); err != nil {
				return nil, err
			}
		}
	}
	return loop, nil
}

// maxRanges is how many inequalities of a nested loop are used at most.
const maxRanges = 4

// rangeCond notes what a condition of a nested loop says about the order of the
// values of its sides.
func (l *lowering) rangeCond(loop *physical.NestedLoopJoin, c expr.Expr, lo, ro []logical.Column) error {
	call, ok := c.(*expr.Call)
	if !ok || len(call.Args) != 2 || len(loop.Ranges) == maxRanges {
		return nil
	}
	var above bool
	switch call.Op {
	case "<", "<=":
		above = true
	case ">", ">=":
	default:
		return nil
	}
	left, right, turned, ok := sides(call.Args[0], call.Args[1], layoutOf(lo), layoutOf(ro))
	if !ok {
		return nil
	}
	left, right, ok = l.sameType(left, right)
	if !ok || !types.Orderable(left.Type()) || volatile(c) {
		return nil
	}
	out := physical.RangeCond{Above: above != turned}
	var err error
	if out.Left, err = layoutOf(lo).bind(left); err != nil {
		return err
	}
	if out.Right, err = layoutOf(ro).bind(right); err != nil {
		return err
	}
	loop.Ranges = append(loop.Ranges, out)
	return nil
}

// markByTwo makes a mark join hashed when only some of its conditions can be
// NULL and an equality is among the others: one join finds the rows for which
// all are true, a second one those for which none is false, where the mark is
// NULL. nil when there is no such equality.
func (l *lowering) markByTwo(n *logical.Join, left, right physical.Node, conds []expr.Expr) (physical.Node, error) {
	lo, ro := n.Left.Outputs(), n.Right.Outputs()
	ll, rl := layoutOf(lo), layoutOf(ro)
	var lks, rks, rest []expr.Expr
	var safe []bool
	for _, c := range conds {
		test := c
		if t, ok := c.(*expr.BoolTest); ok && !t.Not && !t.Value.Null && t.Value.Bool() {
			test = t.Arg
		}
		if neverNull(c) {
			if lk, rk, nullSafe, ok := l.equiKey(test, lo, ro); ok {
				le, err := ll.bind(lk)
				if err != nil {
					return nil, err
				}
				re, err := rl.bind(rk)
				if err != nil {
					return nil, err
				}
				lks, rks, safe = append(lks, le), append(rks, re), append(safe, nullSafe)
				continue
			}
		}
		rest = append(rest, c)
	}
	if len(lks) == 0 {
		return nil, nil
	}
	shared := &physical.Shared{Name: "subquery", Input: right}
	first := logical.Column{ID: -1, Name: n.Mark.Name, Type: n.Mark.Type}
	second := logical.Column{ID: -2, Name: n.Mark.Name, Type: n.Mark.Type}
	join := func(in physical.Node, cols []logical.Column, mark logical.Column, not bool) (physical.Node, error) {
		residual, err := layoutOf(cols, ro).bind(&expr.BoolTest{Arg: expr.JoinAnd(rest), Value: types.BoolDatum(!not), Not: not})
		if err != nil {
			return nil, err
		}
		hash := &physical.HashJoin{
			Kind: physical.Mark, Left: in, Right: &physical.SharedScan{Of: shared, Cols: columns(ro)},
			LeftKeys: lks, RightKeys: rks, NullSafe: safe, Residual: residual,
			Cols: columns(append(slices.Clone(cols), mark)),
		}
		return existsMark(hash, len(cols)), nil
	}
	one, err := join(left, lo, first, false)
	if err != nil {
		return nil, err
	}
	withFirst := append(slices.Clone(lo), first)
	two, err := join(one, withFirst, second, true)
	if err != nil {
		return nil, err
	}
	p := &physical.Project{Input: two, Cols: columns(n.Outputs())}
	for i, c := range lo {
		p.Exprs = append(p.Exprs, &expr.Column{ID: expr.ColumnID(i), Name: c.Name, T: c.Type})
	}
	at := func(i int) expr.Expr { return &expr.Column{ID: expr.ColumnID(i), Name: n.Mark.Name, T: n.Mark.Type} }
	p.Exprs = append(p.Exprs, &expr.Case{T: n.Mark.Type, Whens: []expr.When{
		{Cond: at(len(lo)), Result: &expr.Const{T: n.Mark.Type, Value: types.BoolDatum(true)}},
		{Cond: at(len(lo) + 1), Result: &expr.Const{T: n.Mark.Type, Value: types.Null}},
	}, Else: &expr.Const{T: n.Mark.Type, Value: types.BoolDatum(false)}})
	return p, nil
}

// keepLeft turns a Semi or Anti join round: the rows that it delivers are kept in
// memory, and the others probe. left and right are the sides of the result.
func (l *lowering) keepLeft(j *physical.HashJoin, residual []expr.Expr, left, right []logical.Column) (physical.Node, error) {
	kind := physical.RightSemi
	if j.Kind == physical.Anti {
		kind = physical.RightAnti
	}
	out := &physical.HashJoin{Kind: kind, Left: j.Right, Right: j.Left, LeftKeys: j.RightKeys, RightKeys: j.LeftKeys, NullSafe: j.NullSafe, Cols: j.Cols}
	if r := expr.JoinAnd(residual); r != nil {
		var err error
		if out.Residual, err = layoutOf(left, right).bind(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// existsMark makes the mark of a hash join false where it is NULL.
func existsMark(j *physical.HashJoin, mark int) physical.Node {
	p := &physical.Project{Input: j, Cols: j.Cols}
	for i, c := range j.Cols {
		var e expr.Expr = &expr.Column{ID: expr.ColumnID(i), Name: c.Name, T: c.Type}
		if i == mark {
			e = &expr.BoolTest{Arg: e, Value: types.BoolDatum(true)}
		}
		p.Exprs = append(p.Exprs, e)
	}
	return p
}

// neverNull reports whether a condition is always true or false.
func neverNull(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.BoolTest, *expr.NullTest, *expr.Distinct:
		return true
	case *expr.Const:
		return !e.Value.Null
	}
	return false
}

// equiKey splits an equality into a side over the left and a side over the right
// columns. Both sides have one type.
func (low *lowering) equiKey(c expr.Expr, lo, ro []logical.Column) (l, r expr.Expr, nullSafe, ok bool) {
	var a, b expr.Expr
	switch c := c.(type) {
	case *expr.Call:
		if c.Op != "=" || len(c.Args) != 2 {
			return nil, nil, false, false
		}
		a, b = c.Args[0], c.Args[1]
	case *expr.Distinct:
		if !c.Not {
			return nil, nil, false, false
		}
		a, b, nullSafe = c.Left, c.Right, true
	default:
		return nil, nil, false, false
	}
	if a, b, _, ok = sides(a, b, layoutOf(lo), layoutOf(ro)); !ok {
		return nil, nil, false, false
	}
	a, b, ok = low.sameType(a, b)
	return a, b, nullSafe, ok
}

// volatile reports whether an expression may have another value each time.
func volatile(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if c, ok := x.(*expr.Call); ok && c.Fn.Volatility == function.Volatile {
			found = true
		}
		return !found
	})
	return found
}

// sides returns the one of a and b that reads only the left columns of a join and
// the one that reads only the right ones; turned says that these are b and a.
func sides(a, b expr.Expr, left, right layout) (l, r expr.Expr, turned, ok bool) {
	inside := func(e expr.Expr, l layout) bool {
		n, all := 0, true
		expr.Walk(e, func(x expr.Expr) bool {
			if c, ok := x.(*expr.Column); ok {
				n++
				if _, in := l[c.ID]; !in {
					all = false
				}
			}
			return all
		})
		return all && n > 0
	}
	switch {
	case inside(a, left) && inside(b, right):
		return a, b, false, true
	case inside(b, left) && inside(a, right):
		return b, a, true, true
	}
	return nil, nil, false, false
}

// sameType converts the sides of a cross-type equality to one type in which it
// means the same, so that both sides hash alike. ok is false when there is none.
func (l *lowering) sameType(a, b expr.Expr) (_, _ expr.Expr, ok bool) {
	x, y := a.Type().OID, b.Type().OID
	if x == y {
		return a, b, hashable(x)
	}
	for _, family := range [][]types.OID{
		{types.Int2, types.Int4, types.Int8},
		{types.Float4, types.Float8},
		{types.Date, types.Timestamp},
		{types.Name, types.VarChar, types.Text},
	} {
		if !slices.Contains(family, x) || !slices.Contains(family, y) {
			continue
		}
		to := family[len(family)-1]
		a, aok := l.widen(a, to)
		b, bok := l.widen(b, to)
		return a, b, aok && bok
	}
	return nil, nil, false
}

// widen converts an expression along an implicit cast.
func (l *lowering) widen(e expr.Expr, to types.OID) (expr.Expr, bool) {
	if e.Type().OID == to {
		return e, true
	}
	switch p := l.registry.Coercion(e.Type().OID, to, function.Implicit); p.Kind {
	case function.PathRelabel:
		return &expr.Relabel{Arg: e, T: types.Of(to)}, true
	case function.PathFunc:
		return &expr.Call{Fn: p.Fn, Args: []expr.Expr{e}, T: types.Of(to), Cast: true, Pos: -1}, true
	}
	return nil, false
}

// hashable reports whether equal values of a type hash alike.
func hashable(t types.OID) bool { return types.Hashable(types.Of(t)) }

func (l *lowering) limit(n *logical.Limit) (physical.Node, error) {
	input := n.Input
	out := &physical.Limit{WithTies: n.WithTies}
	var none layout = layout{}
	var err error
	if n.Count != nil {
		if out.Count, err = none.bind(n.Count); err != nil {
			return nil, err
		}
	}
	if n.Offset != nil {
		if out.Offset, err = none.bind(n.Offset); err != nil {
			return nil, err
		}
	}
	// Order and limit become one operator, also through a projection of
	// columns between them.
	if s, ok := input.(*logical.Sort); ok && n.Count != nil {
		if out.Keys, err = layoutOf(s.Input.Outputs()).keys(s.Keys); err != nil {
			return nil, err
		}
		input = s.Input
	}
	if out.Input, err = l.node(input); err != nil {
		return nil, err
	}
	return fetchLate(out), nil
}

func (l *lowering) setOp(n *logical.SetOp) (physical.Node, error) {
	if n.Kind != logical.Union {
		left, err := l.node(n.Left)
		if err != nil {
			return nil, err
		}
		right, err := l.node(n.Right)
		if err != nil {
			return nil, err
		}
		return &physical.SetOp{Except: n.Kind == logical.Except, All: n.All, Left: left, Right: right}, nil
	}
	ap := &physical.Append{Cols: columns(n.Cols)}
	var collect func(m logical.Node, all bool) error
	collect = func(m logical.Node, all bool) error {
		if u, ok := m.(*logical.SetOp); ok && u.Kind == logical.Union && u.All == all && len(u.Cols) == len(n.Cols) {
			if err := collect(u.Left, all); err != nil {
				return err
			}
			return collect(u.Right, all)
		}
		p, err := l.node(m)
		if err != nil {
			return err
		}
		ap.Inputs = append(ap.Inputs, p)
		return nil
	}
	if err := collect(n, n.All); err != nil {
		return nil, err
	}
	if n.All {
		return ap, nil
	}
	agg := &physical.HashAggregate{Input: ap, Cols: ap.Cols}
	for i, c := range ap.Cols {
		agg.Keys = append(agg.Keys, &expr.Column{ID: expr.ColumnID(i), Name: c.Name, T: c.Type})
	}
	return agg, nil
}

func (l *lowering) window(n *logical.Window) (physical.Node, error) {
	in, err := l.node(n.Input)
	if err != nil {
		return nil, err
	}
	lay := layoutOf(n.Input.Outputs())
	out := &physical.Window{Input: in, Cols: columns(n.Outputs())}
	if out.Partition, err = lay.bindAll(n.Partition); err != nil {
		return nil, err
	}
	if out.OrderBy, err = lay.keys(n.OrderBy); err != nil {
		return nil, err
	}
	for _, c := range n.Calls {
		p := physical.WindowCall{Fn: c.Fn, Frame: c.Frame, T: c.Col.Type}
		if p.Args, err = lay.bindAll(c.Args); err != nil {
			return nil, err
		}
		if c.Filter != nil {
			if p.Filter, err = lay.bind(c.Filter); err != nil {
				return nil, err
			}
		}
		out.Calls = append(out.Calls, p)
	}
	return out, nil
}

func (l *lowering) sharedScan(n *logical.SharedScan) (physical.Node, error) {
	s := l.shared[n.Of]
	if s == nil {
		in, err := l.node(n.Of.Input)
		if err != nil {
			return nil, err
		}
		s = &physical.Shared{Name: n.Of.Name, Input: in}
		l.shared[n.Of] = s
	}
	return &physical.SharedScan{Of: s, Cols: columns(n.Cols)}, nil
}
