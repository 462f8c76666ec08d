package optimizer

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// decorrelate removes every lateral join. Two ways, in this order:
//
//   - pull: the correlated conditions of the right side's filters become the
//     join's condition. EXISTS, IN and scalar aggregates with an equality to the
//     outer query end here, as semi joins and joins with a grouped subquery.
//   - unnest (Neumann and Kemper, "Unnesting Arbitrary Queries", BTW 2015): the
//     distinct outer values D are pushed down into the right side until nothing
//     refers to them from outside, and the two sides are joined on D.
//
// The outermost join goes first: an inner lateral join below it then finds the
// outer columns among its own left columns.
func decorrelate(env *Env, plan logical.Node) (logical.Node, error) {
	if err := eachShared(plan, func(n logical.Node) (logical.Node, error) { return decorrelateNode(env, n) }); err != nil {
		return nil, err
	}
	out, err := decorrelateNode(env, plan)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(env.shared); i++ {
		s := env.shared[i]
		if s.Input, err = decorrelateNode(env, s.Input); err != nil {
			return nil, err
		}
	}
	for _, c := range logical.Free(out) {
		return nil, pgerror.Newf(pgerror.GroupingError, "subquery uses ungrouped column %q from outer query", c.Name)
	}
	return out, nil
}

// decorrelateNode handles n and everything below.
func decorrelateNode(env *Env, n logical.Node) (logical.Node, error) {
	if f, ok := n.(*logical.Filter); ok && !f.Policy {
		n = sink(f.Input, f.Conds)
	}
	if j, ok := n.(*logical.Join); ok && j.Lateral {
		out, err := decorrelateJoin(env, j)
		if err != nil {
			return nil, err
		}
		if oj, ok := out.(*logical.Join); ok && oj.Lateral {
			return nil, pgerror.NotSupported("this correlated subquery is not supported")
		}
		n = out
	}
	in := n.Inputs()
	out := make([]logical.Node, len(in))
	changed := false
	for i, c := range in {
		var err error
		if out[i], err = decorrelateNode(env, c); err != nil {
			return nil, err
		}
		changed = changed || out[i] != c
	}
	if changed {
		n = n.WithInputs(out)
	}
	return n, nil
}

// sink moves conditions that do not read a subquery's result below the join with
// it, so that the subquery is evaluated for the remaining rows only.
func sink(n logical.Node, conds []expr.Expr) logical.Node {
	j, ok := n.(*logical.Join)
	if !ok || j.Kind == physical.Right || j.Kind == physical.Full {
		return filter(n, conds)
	}
	left := logical.OutputSet(j.Left)
	var below, above []expr.Expr
	for _, c := range conds {
		if covers(c, left) && !volatile(c) {
			below = append(below, c)
		} else {
			above = append(above, c)
		}
	}
	if len(below) == 0 {
		return filter(n, conds)
	}
	c := *j
	c.Left = sink(j.Left, below)
	return filter(&c, above)
}

// correlation returns the columns of left that right refers to.
func correlation(left, right logical.Node) []logical.Column {
	free := logical.Free(right)
	var out []logical.Column
	for _, c := range left.Outputs() {
		if _, ok := free[c.ID]; ok {
			out = append(out, c)
		}
	}
	return out
}

// decorrelateJoin makes one lateral join plain.
func decorrelateJoin(env *Env, j *logical.Join) (logical.Node, error) {
	corr := correlation(j.Left, j.Right)
	if len(corr) == 0 {
		c := *j
		c.Lateral = false
		return &c, nil
	}
	set := map[expr.ColumnID]bool{}
	for _, c := range corr {
		set[c.ID] = true
	}
	if right, conds, ok := pull(j.Right, set); ok {
		return joinPulled(j, right, conds), nil
	}
	if out := pullAggregate(env, j, set); out != nil {
		return out, nil
	}
	return unnestJoin(env, j, corr)
}

// joinPulled puts pulled conditions on the join. For a mark join a condition
// that is NULL means that the row is not there, so it is tested with IS TRUE.
func joinPulled(j *logical.Join, right logical.Node, conds []expr.Expr) logical.Node {
	c := *j
	c.Lateral = false
	var all []expr.Expr
	if j.Cond != nil {
		all = expr.SplitAnd(nil, j.Cond)
	}
	for _, p := range conds {
		if j.Kind == physical.Mark {
			p = &expr.BoolTest{Arg: p, Value: types.BoolDatum(true)}
		}
		all = append(all, p)
	}
	c.Cond = expr.JoinAnd(all)
	// Columns that only the conditions need must not become outputs of a join
	// that shows its right side.
	switch j.Kind {
	case physical.Semi, physical.Anti, physical.Mark:
		c.Right = right
		return &c
	}
	c.Right = right
	want := j.Outputs()
	if len(c.Outputs()) == len(want) {
		return &c
	}
	p := &logical.Project{Input: &c, Cols: want}
	for _, w := range want {
		p.Exprs = append(p.Exprs, w.Ref())
	}
	return p
}

// pull takes the correlated conditions out of the filters of n. The returned
// node outputs at least n's columns and those the conditions read.
func pull(n logical.Node, corr map[expr.ColumnID]bool) (logical.Node, []expr.Expr, bool) {
	if !correlated(n, corr) {
		return n, nil, true
	}
	switch n := n.(type) {
	case *logical.Filter:
		in, conds, ok := pull(n.Input, corr)
		if !ok {
			return nil, nil, false
		}
		var stay []expr.Expr
		for _, c := range n.Conds {
			for _, part := range expr.SplitAnd(nil, c) {
				switch {
				case !touches(part, corr):
					stay = append(stay, part)
				case volatile(part):
					return nil, nil, false
				default:
					conds = append(conds, part)
				}
			}
		}
		return filter(in, stay), conds, true
	case *logical.Project:
		for _, e := range n.Exprs {
			if touches(e, corr) {
				return nil, nil, false
			}
		}
		in, conds, ok := pull(n.Input, corr)
		if !ok {
			return nil, nil, false
		}
		return expose(n, in, conds, corr), conds, true
	case *logical.Join:
		if n.Lateral {
			return nil, nil, false
		}
		switch n.Kind {
		case physical.Inner:
			l, lc, ok := pull(n.Left, corr)
			if !ok {
				return nil, nil, false
			}
			r, rc, ok := pull(n.Right, corr)
			if !ok {
				return nil, nil, false
			}
			conds := append(lc, rc...)
			var stay []expr.Expr
			if n.Cond != nil {
				for _, part := range expr.SplitAnd(nil, n.Cond) {
					if touches(part, corr) {
						conds = append(conds, part)
					} else {
						stay = append(stay, part)
					}
				}
			}
			c := *n
			c.Left, c.Right, c.Cond = l, r, expr.JoinAnd(stay)
			return &c, conds, true
		case physical.Left, physical.Semi, physical.Anti, physical.Mark, physical.Single:
			if correlated(n.Right, corr) || n.Cond != nil && touches(n.Cond, corr) {
				return nil, nil, false
			}
			l, conds, ok := pull(n.Left, corr)
			if !ok {
				return nil, nil, false
			}
			c := *n
			c.Left = l
			return &c, conds, true
		}
	case *logical.Sort:
		return pull(n.Input, corr) // the order of a subquery means nothing to a join
	}
	return nil, nil, false
}

// correlated reports whether anything in n refers to the columns.
func correlated(n logical.Node, corr map[expr.ColumnID]bool) bool {
	for id := range logical.Free(n) {
		if corr[id] {
			return true
		}
	}
	return false
}

// expose rebuilds a projection over in so that it also passes the columns that
// conds read.
func expose(p *logical.Project, in logical.Node, conds []expr.Expr, corr map[expr.ColumnID]bool) *logical.Project {
	out := &logical.Project{Input: in, Exprs: append([]expr.Expr(nil), p.Exprs...), Cols: append([]logical.Column(nil), p.Cols...), Policy: p.Policy}
	have := map[expr.ColumnID]bool{}
	for _, c := range p.Cols {
		have[c.ID] = true
	}
	need := map[expr.ColumnID]bool{}
	for _, c := range conds {
		expr.Columns(c, need)
	}
	for _, c := range in.Outputs() {
		if need[c.ID] && !have[c.ID] && !corr[c.ID] {
			out.Exprs = append(out.Exprs, c.Ref())
			out.Cols = append(out.Cols, c)
		}
	}
	return out
}

// pullAggregate handles a right side that is a projection of an aggregate
// without keys whose correlation is only equalities: the aggregate is grouped by
// the inner sides of the equalities and joined on them. nil when it is not of
// that shape.
func pullAggregate(env *Env, j *logical.Join, corr map[expr.ColumnID]bool) logical.Node {
	if j.Kind != physical.Left && j.Kind != physical.Single && j.Kind != physical.Inner || j.Cond != nil {
		return nil
	}
	right := j.Right
	var proj *logical.Project
	if p, ok := right.(*logical.Project); ok {
		proj, right = p, p.Input
	}
	agg, ok := right.(*logical.Aggregate)
	if !ok || len(agg.Keys) > 0 {
		return nil
	}
	for _, e := range logical.Exprs(agg) {
		if touches(e, corr) {
			return nil
		}
	}
	in, conds, ok := pull(agg.Input, corr)
	if !ok || len(conds) == 0 {
		return nil
	}
	grouped := &logical.Aggregate{Input: in}
	var on []expr.Expr
	inner := logical.OutputSet(in)
	for _, c := range conds {
		call, ok := c.(*expr.Call)
		if !ok || call.Op != "=" || len(call.Args) != 2 {
			return nil
		}
		args := append([]expr.Expr(nil), call.Args...)
		side := 0
		if covers(args[1], inner) {
			side = 1
		}
		if !covers(args[side], inner) || touches(args[1-side], inner) {
			return nil
		}
		key := logical.Column{ID: env.fresh(), Name: "key", Type: args[side].Type()}
		grouped.Keys = append(grouped.Keys, args[side])
		grouped.Cols = append(grouped.Cols, key)
		args[side] = key.Ref()
		eq := *call
		eq.Args = args
		on = append(on, &eq)
	}
	// Without a match the aggregates have their value over no rows.
	values := map[expr.ColumnID]expr.Expr{}
	for _, a := range agg.Aggs {
		moved := a
		moved.Col.ID = env.fresh()
		grouped.Aggs = append(grouped.Aggs, moved)
		values[a.Col.ID] = emptyDefault(moved)
	}
	join := &logical.Join{Kind: physical.Left, Left: j.Left, Right: grouped, Cond: expr.JoinAnd(on)}
	out := &logical.Project{Input: join, Cols: j.Outputs()}
	for _, c := range j.Left.Outputs() {
		out.Exprs = append(out.Exprs, c.Ref())
	}
	substitute := func(e expr.Expr) expr.Expr {
		return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if c, ok := x.(*expr.Column); ok {
				if v, ok := values[c.ID]; ok {
					return v
				}
			}
			return x
		})
	}
	if proj != nil {
		for _, e := range proj.Exprs {
			out.Exprs = append(out.Exprs, substitute(e))
		}
	} else {
		for _, a := range agg.Aggs {
			out.Exprs = append(out.Exprs, values[a.Col.ID])
		}
	}
	return out
}

// emptyDefault reads an aggregate's column after an outer join: the count of
// nothing is 0, other aggregates of nothing are NULL.
func emptyDefault(a logical.AggCall) expr.Expr {
	if a.Fn.Name == "count" || a.Fn.Name == "regr_count" {
		zero := &expr.Const{T: a.Col.Type, Value: types.IntDatum(0)}
		return &expr.Coalesce{Args: []expr.Expr{a.Col.Ref(), zero}, T: a.Col.Type}
	}
	return a.Col.Ref()
}

// domain is the distinct outer values D of one lateral join.
type domain struct {
	env    *Env
	shared *logical.Shared
	// corr are the outer columns, at[i] the position of corr[i] in the shared
	// plan's outputs.
	corr []logical.Column
	at   []int
}

// scan makes one more instance of D and the mapping from outer columns to its
// columns.
func (d *domain) scan() (logical.Node, map[expr.ColumnID]expr.ColumnID) {
	outs := d.shared.Input.Outputs()
	scan := &logical.SharedScan{Of: d.shared, Cols: make([]logical.Column, len(outs))}
	for i, o := range outs {
		scan.Cols[i] = logical.Column{ID: d.env.fresh(), Name: o.Name, Type: o.Type}
	}
	agg := &logical.Aggregate{Input: scan}
	ids := map[expr.ColumnID]expr.ColumnID{}
	for i, c := range d.corr {
		col := scan.Cols[d.at[i]]
		agg.Keys = append(agg.Keys, col.Ref())
		agg.Cols = append(agg.Cols, col)
		ids[c.ID] = col.ID
	}
	return agg, ids
}

// columns lists D's columns under a mapping, in the order of corr.
func (d *domain) columns(ids map[expr.ColumnID]expr.ColumnID) []logical.Column {
	out := make([]logical.Column, len(d.corr))
	for i, c := range d.corr {
		out[i] = logical.Column{ID: ids[c.ID], Name: c.Name, Type: c.Type}
	}
	return out
}

// equal is the condition that two instances of D agree; NULLs are equal.
func (d *domain) equal(a, b map[expr.ColumnID]expr.ColumnID) ([]expr.Expr, error) {
	var out []expr.Expr
	for _, c := range d.corr {
		m, err := d.env.Registry.Equality(c.Type.OID)
		if err != nil {
			return nil, pgerror.NotSupported("a correlated subquery over type %s is not supported", types.FormatType(c.Type))
		}
		side := func(id expr.ColumnID) expr.Expr {
			var e expr.Expr = &expr.Column{ID: id, Name: c.Name, T: c.Type}
			if m.Args[0] != c.Type.OID {
				e = &expr.Relabel{Arg: e, T: types.Of(m.Args[0])}
			}
			return e
		}
		out = append(out, &expr.Distinct{Left: side(a[c.ID]), Right: side(b[c.ID]), Eq: m.Fn, Not: true})
	}
	return out, nil
}

// unnestJoin is the general way.
func unnestJoin(env *Env, j *logical.Join, corr []logical.Column) (logical.Node, error) {
	left, err := decorrelateNode(env, j.Left)
	if err != nil {
		return nil, err
	}
	shared := &logical.Shared{Name: "outer", Input: left, Refs: 2, Materialize: true}
	env.shared = append(env.shared, shared)
	outs := left.Outputs()
	// The shared plan keeps its identities inside; the scan that stands for the
	// left side shows them outside.
	inner, ids := logical.Renumber(left, env.fresh)
	shared.Input = inner
	_ = ids
	d := &domain{env: env, shared: shared, corr: corr}
	for _, c := range corr {
		for i, o := range outs {
			if o.ID == c.ID {
				d.at = append(d.at, i)
			}
		}
	}
	right, dcols, err := d.unnest(j.Right)
	if err != nil {
		return nil, err
	}
	own := map[expr.ColumnID]expr.ColumnID{}
	for _, c := range corr {
		own[c.ID] = c.ID
	}
	eq, err := d.equal(own, dcols)
	if err != nil {
		return nil, err
	}
	var conds []expr.Expr
	if j.Cond != nil {
		conds = expr.SplitAnd(nil, j.Cond)
	}
	c := *j
	c.Lateral = false
	c.Left = &logical.SharedScan{Of: shared, Cols: outs}
	c.Right = right
	c.Cond = expr.JoinAnd(append(conds, eq...))
	want := j.Outputs()
	if len(c.Outputs()) == len(want) {
		return &c, nil
	}
	p := &logical.Project{Input: &c, Cols: want}
	for _, w := range want {
		p.Exprs = append(p.Exprs, w.Ref())
	}
	return p, nil
}

// unnest returns a plan without correlation that outputs n's columns for every
// row of D, together with D's columns, and how those are called.
func (d *domain) unnest(n logical.Node) (logical.Node, map[expr.ColumnID]expr.ColumnID, error) {
	set := map[expr.ColumnID]bool{}
	for _, c := range d.corr {
		set[c.ID] = true
	}
	if !correlated(n, set) {
		dn, ids := d.scan()
		if v, ok := n.(*logical.Values); ok && len(v.Rows) == 1 && len(v.Cols) == 0 {
			return dn, ids, nil
		}
		return &logical.Join{Kind: physical.Inner, Left: dn, Right: n}, ids, nil
	}
	switch n := n.(type) {
	case *logical.Filter, *logical.Sort:
		in, ids, err := d.unnest(n.Inputs()[0])
		if err != nil {
			return nil, nil, err
		}
		return remapped(n.WithInputs([]logical.Node{in}), ids), ids, nil
	case *logical.Project:
		in, ids, err := d.unnest(n.Input)
		if err != nil {
			return nil, nil, err
		}
		p := remapped(n.WithInputs([]logical.Node{in}), ids).(*logical.Project)
		p.Cols = append([]logical.Column(nil), p.Cols...)
		for _, c := range d.columns(ids) {
			p.Exprs = append(p.Exprs, c.Ref())
			p.Cols = append(p.Cols, c)
		}
		return p, ids, nil
	case *logical.ProjectSet:
		in, ids, err := d.unnest(n.Input)
		if err != nil {
			return nil, nil, err
		}
		return remapped(n.WithInputs([]logical.Node{in}), ids), ids, nil
	case *logical.Window:
		in, ids, err := d.unnest(n.Input)
		if err != nil {
			return nil, nil, err
		}
		w := remapped(n.WithInputs([]logical.Node{in}), ids).(*logical.Window)
		for _, c := range d.columns(ids) {
			w.Partition = append(w.Partition, c.Ref())
		}
		return w, ids, nil
	case *logical.Aggregate:
		return d.unnestAggregate(n)
	case *logical.Limit:
		return d.unnestLimit(n)
	case *logical.Join:
		return d.unnestInnerJoin(n)
	case *logical.SetOp:
		l, lids, err := d.unnest(n.Left)
		if err != nil {
			return nil, nil, err
		}
		r, rids, err := d.unnest(n.Right)
		if err != nil {
			return nil, nil, err
		}
		op := *n
		op.Left = arrange(l, append(append([]logical.Column(nil), n.Left.Outputs()...), d.columns(lids)...))
		op.Right = arrange(r, append(append([]logical.Column(nil), n.Right.Outputs()...), d.columns(rids)...))
		op.Cols = append([]logical.Column(nil), n.Cols...)
		ids := map[expr.ColumnID]expr.ColumnID{}
		for _, c := range d.corr {
			col := logical.Column{ID: d.env.fresh(), Name: c.Name, Type: c.Type}
			ids[c.ID] = col.ID
			op.Cols = append(op.Cols, col)
		}
		return &op, ids, nil
	case *logical.Values:
		if len(n.Rows) == 1 {
			p := &logical.Project{Input: &logical.Values{Rows: [][]expr.Expr{{}}}, Exprs: n.Rows[0], Cols: n.Cols}
			return d.unnest(p)
		}
		var union logical.Node
		for _, row := range n.Rows {
			p := &logical.Project{Input: &logical.Values{Rows: [][]expr.Expr{{}}}, Exprs: row}
			for _, c := range n.Cols {
				p.Cols = append(p.Cols, logical.Column{ID: d.env.fresh(), Name: c.Name, Type: c.Type})
			}
			if union == nil {
				union = p
				continue
			}
			op := &logical.SetOp{Kind: logical.Union, All: true, Left: union, Right: p}
			for _, c := range n.Cols {
				op.Cols = append(op.Cols, logical.Column{ID: d.env.fresh(), Name: c.Name, Type: c.Type})
			}
			union = op
		}
		named := &logical.Project{Input: union, Cols: n.Cols}
		for _, c := range union.Outputs() {
			named.Exprs = append(named.Exprs, c.Ref())
		}
		return d.unnest(named)
	}
	return nil, nil, pgerror.NotSupported("this correlated subquery is not supported")
}

// remapped replaces D's outer columns in n's own expressions.
func remapped(n logical.Node, ids map[expr.ColumnID]expr.ColumnID) logical.Node {
	return logical.MapExprs(n, func(e expr.Expr) expr.Expr { return logical.Remap(e, ids) })
}

// remapTree replaces outer columns everywhere below n.
func remapTree(n logical.Node, ids map[expr.ColumnID]expr.ColumnID) logical.Node {
	return logical.Rewrite(n, func(m logical.Node) logical.Node { return remapped(m, ids) })
}

// arrange projects exactly the given columns.
func arrange(n logical.Node, cols []logical.Column) logical.Node {
	p := &logical.Project{Input: n, Cols: cols}
	for _, c := range cols {
		p.Exprs = append(p.Exprs, c.Ref())
	}
	return p
}

// unnestAggregate groups by D as well. An aggregate without keys yields a row
// for every D, also where its input is empty.
func (d *domain) unnestAggregate(n *logical.Aggregate) (logical.Node, map[expr.ColumnID]expr.ColumnID, error) {
	in, ids, err := d.unnest(n.Input)
	if err != nil {
		return nil, nil, err
	}
	agg := remapped(n.WithInputs([]logical.Node{in}), ids).(*logical.Aggregate)
	agg.Cols = append([]logical.Column(nil), agg.Cols...)
	if len(n.Keys) > 0 {
		for _, c := range d.columns(ids) {
			agg.Keys = append(agg.Keys, c.Ref())
			agg.Cols = append(agg.Cols, c)
		}
		return agg, ids, nil
	}
	for _, c := range d.columns(ids) {
		agg.Keys = append(agg.Keys, c.Ref())
		agg.Cols = append(agg.Cols, c)
	}
	dn, outer := d.scan()
	eq, err := d.equal(outer, ids)
	if err != nil {
		return nil, nil, err
	}
	p := &logical.Project{}
	for i := range agg.Aggs {
		orig := agg.Aggs[i].Col
		agg.Aggs[i].Col.ID = d.env.fresh()
		p.Exprs = append(p.Exprs, emptyDefault(agg.Aggs[i]))
		p.Cols = append(p.Cols, orig)
	}
	p.Input = &logical.Join{Kind: physical.Left, Left: dn, Right: agg, Cond: expr.JoinAnd(eq)}
	for _, c := range d.columns(outer) {
		p.Exprs = append(p.Exprs, c.Ref())
		p.Cols = append(p.Cols, c)
	}
	return p, outer, nil
}

// unnestLimit numbers the rows of each D and keeps those within the limit.
func (d *domain) unnestLimit(n *logical.Limit) (logical.Node, map[expr.ColumnID]expr.ColumnID, error) {
	if n.WithTies {
		return nil, nil, pgerror.NotSupported("WITH TIES in a correlated subquery is not supported")
	}
	var keys []logical.SortKey
	input := n.Input
	if s, ok := input.(*logical.Sort); ok {
		keys, input = s.Keys, s.Input
	}
	in, ids, err := d.unnest(input)
	if err != nil {
		return nil, nil, err
	}
	rn, err := d.env.Registry.Function("", "row_number", nil, false)
	if err != nil {
		return nil, nil, err
	}
	w := &logical.Window{Input: in, OrderBy: keys}
	w = remapped(w, ids).(*logical.Window)
	for _, c := range d.columns(ids) {
		w.Partition = append(w.Partition, c.Ref())
	}
	int8 := types.Of(types.Int8)
	num := logical.Column{ID: d.env.fresh(), Name: "row_number", Type: int8}
	w.Calls = []logical.WindowCall{{Fn: rn.Fn, Col: num}}
	op := func(name string, l, r expr.Expr) (expr.Expr, error) {
		m, oper, err := d.env.Registry.Operator(name, types.Int8, types.Int8)
		if err != nil {
			return nil, err
		}
		return &expr.Call{Fn: m.Fn, Args: []expr.Expr{l, r}, T: types.Of(m.Ret), Op: oper.Name, Pos: -1}, nil
	}
	var conds []expr.Expr
	var offset expr.Expr = &expr.Const{T: int8}
	if n.Offset != nil {
		offset = &expr.Coalesce{Args: []expr.Expr{n.Offset, &expr.Const{T: int8}}, T: int8}
		c, err := op(">", num.Ref(), offset)
		if err != nil {
			return nil, nil, err
		}
		conds = append(conds, c)
	}
	if n.Count != nil {
		last, err := op("+", offset, n.Count)
		if err != nil {
			return nil, nil, err
		}
		c, err := op("<=", num.Ref(), last)
		if err != nil {
			return nil, nil, err
		}
		conds = append(conds, c)
	}
	return filter(w, conds), ids, nil
}

// unnestInnerJoin handles the joins inside a correlated subquery.
func (d *domain) unnestInnerJoin(n *logical.Join) (logical.Node, map[expr.ColumnID]expr.ColumnID, error) {
	set := map[expr.ColumnID]bool{}
	for _, c := range d.corr {
		set[c.ID] = true
	}
	c := *n
	if n.Lateral {
		// The left side takes D along; the right side finds the outer columns
		// there and stays lateral, to be handled on its own.
		l, ids, err := d.unnest(n.Left)
		if err != nil {
			return nil, nil, err
		}
		c.Left = l
		c.Right = remapTree(n.Right, ids)
		if n.Cond != nil {
			c.Cond = logical.Remap(n.Cond, ids)
		}
		return &c, ids, nil
	}
	lcorr, rcorr := correlated(n.Left, set), correlated(n.Right, set)
	var conds []expr.Expr
	if n.Cond != nil {
		conds = expr.SplitAnd(nil, n.Cond)
	}
	finish := func(ids map[expr.ColumnID]expr.ColumnID, eq []expr.Expr) (logical.Node, map[expr.ColumnID]expr.ColumnID, error) {
		for i := range conds {
			conds[i] = logical.Remap(conds[i], ids)
		}
		c.Cond = expr.JoinAnd(append(conds, eq...))
		return &c, ids, nil
	}
	var err error
	var lids, rids map[expr.ColumnID]expr.ColumnID
	switch {
	case n.Kind == physical.Inner && !rcorr, !rcorr && n.Kind != physical.Right && n.Kind != physical.Full:
		if c.Left, lids, err = d.unnest(n.Left); err != nil {
			return nil, nil, err
		}
		return finish(lids, nil)
	case (n.Kind == physical.Inner || n.Kind == physical.Right) && !lcorr:
		if c.Right, rids, err = d.unnest(n.Right); err != nil {
			return nil, nil, err
		}
		return finish(rids, nil)
	}
	if c.Left, lids, err = d.unnest(n.Left); err != nil {
		return nil, nil, err
	}
	if c.Right, rids, err = d.unnest(n.Right); err != nil {
		return nil, nil, err
	}
	eq, err := d.equal(lids, rids)
	if err != nil {
		return nil, nil, err
	}
	switch n.Kind {
	case physical.Right:
		return finish(rids, eq)
	case physical.Full:
		return d.unnestFullJoin(n, &c, lids, rids, eq)
	}
	return finish(lids, eq)
}

// unnestFullJoin finishes a FULL JOIN whose sides both carry D: a row of either
// side alone belongs to the outer row of that side.
func (d *domain) unnestFullJoin(n, c *logical.Join, lids, rids map[expr.ColumnID]expr.ColumnID, eq []expr.Expr) (logical.Node, map[expr.ColumnID]expr.ColumnID, error) {
	conds := eq
	if n.Cond != nil {
		conds = append(expr.SplitAnd(nil, logical.Remap(n.Cond, lids)), eq...)
	}
	c.Cond = expr.JoinAnd(conds)
	p := &logical.Project{Input: c}
	for _, col := range n.Outputs() {
		p.Exprs = append(p.Exprs, col.Ref())
		p.Cols = append(p.Cols, col)
	}
	ids := map[expr.ColumnID]expr.ColumnID{}
	l, r := d.columns(lids), d.columns(rids)
	for i, o := range d.corr {
		col := logical.Column{ID: d.env.fresh(), Name: o.Name, Type: o.Type}
		ids[o.ID] = col.ID
		p.Exprs = append(p.Exprs, &expr.Coalesce{Args: []expr.Expr{l[i].Ref(), r[i].Ref()}, T: o.Type})
		p.Cols = append(p.Cols, col)
	}
	return p, ids, nil
}
