package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindSubLink binds a subquery in an expression: it becomes a join of the
// current plan with the subquery, and the expression reads its output.
func (b *binder) bindSubLink(ec *exprContext, n *pg.SubLink) (expr.Expr, error) {
	if ec.plan == nil {
		return nil, b.errorf(n.Location, pgerror.FeatureNotSupported, "cannot use subquery in %s", ec.clause)
	}
	q, err := b.bindSelect(n.Subselect.GetSelectStmt(), &scope{parent: ec.scope})
	if err != nil {
		return nil, err
	}
	switch n.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		plan := q.plan
		for {
			// Only the rows count.
			if p, ok := plan.(*logical.Project); ok {
				plan = p.Input
				continue
			}
			if s, ok := plan.(*logical.Sort); ok {
				plan = s.Input
				continue
			}
			break
		}
		return b.attachMark(ec, plan, nil, "exists"), nil
	case pg.SubLinkType_EXPR_SUBLINK:
		if len(q.cols) != 1 {
			return nil, b.errorf(n.Location, pgerror.SyntaxError, "subquery must return only one column")
		}
		if q, err = b.finishUnknown(q); err != nil {
			return nil, err
		}
		if e := computed(q); e != nil && ec.agg == nil {
			return e, nil
		}
		plan := project(q.plan, q.cols)
		kind, cond := physical.Single, expr.JoinAnd(ec.guard)
		if oneRow(plan) {
			kind, cond = physical.Left, nil
		}
		b.attach(ec, &logical.Join{Kind: kind, Right: plan, Cond: cond})
		return q.cols[0].Ref(), nil
	case pg.SubLinkType_ARRAY_SUBLINK:
		return b.arraySubLink(ec, q, n)
	case pg.SubLinkType_ANY_SUBLINK, pg.SubLinkType_ALL_SUBLINK:
		return b.quantified(ec, q, n)
	}
	return nil, b.errorf(n.Location, pgerror.FeatureNotSupported, "this kind of subquery is not supported")
}

// computed returns the expression that a subquery of one row without FROM
// computes, nil for another subquery. In the place of the subquery it is evaluated
// where its value is needed only.
func computed(q *query) expr.Expr {
	p, ok := q.plan.(*logical.Project)
	if !ok || len(p.Cols) != 1 || p.Cols[0].ID != q.cols[0].ID {
		return nil
	}
	if v, ok := p.Input.(*logical.Values); !ok || len(v.Rows) != 1 || len(v.Cols) > 0 {
		return nil
	}
	if changing(p.Exprs[0]) {
		return nil
	}
	return p.Exprs[0]
}

// changing reports whether e calls a volatile function.
func changing(e expr.Expr) bool {
	out := false
	expr.Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Call); ok && c.Fn.Volatility == function.Volatile {
			out = true
		}
		return !out
	})
	return out
}

// guarded is ec under a condition: what is bound there is evaluated only where the
// condition is true. A condition above a grouping is not kept, as expressions are
// rewritten there.
func (ec *exprContext) guarded(cond expr.Expr) *exprContext {
	if ec.agg != nil || ec.inAggregate || ec.plan == nil || changing(cond) {
		return ec
	}
	c := *ec
	c.guard = append(slices.Clip(ec.guard), cond)
	return &c
}

// not is NOT (e IS TRUE).
func not(e expr.Expr) expr.Expr {
	return &expr.BoolTest{Arg: e, Value: types.BoolDatum(true), Not: true}
}

// attach joins a subquery to the plan of the context.
func (b *binder) attach(ec *exprContext, j *logical.Join) {
	j.Left = *ec.plan
	j.Lateral = refersTo(j.Right, j.Left)
	*ec.plan = j
}

// attachMark joins with a mark and returns the mark.
func (b *binder) attachMark(ec *exprContext, right logical.Node, cond expr.Expr, name string) expr.Expr {
	mark := b.newColumn(name, types.Of(types.Bool))
	b.attach(ec, &logical.Join{Kind: physical.Mark, Right: right, Cond: cond, Mark: mark})
	return mark.Ref()
}

// oneRow reports whether a plan yields exactly one row, whatever the data.
func oneRow(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Project:
		return oneRow(n.Input)
	case *logical.Aggregate:
		return len(n.Keys) == 0
	case *logical.Values:
		return len(n.Rows) == 1
	case *logical.Sort:
		return oneRow(n.Input)
	}
	return false
}

// quantified binds x IN (subquery), x op ANY (subquery) and x op ALL (subquery).
// ALL is NOT ANY of the negated comparison.
func (b *binder) quantified(ec *exprContext, q *query, n *pg.SubLink) (expr.Expr, error) {
	left, err := b.bindOperand(ec, n.Testexpr)
	if err != nil {
		return nil, err
	}
	if q, err = b.finishUnknown(q); err != nil {
		return nil, err
	}
	op := "="
	if len(n.OperName) > 0 {
		op = stringOf(n.OperName[len(n.OperName)-1])
		if op == "!=" {
			op = "<>"
		}
	}
	want := 1
	row, isRow := left.(*expr.Row)
	if isRow {
		want = len(row.Items)
	}
	switch {
	case len(q.cols) > want:
		return nil, b.errorf(n.Location, pgerror.SyntaxError, "subquery has too many columns")
	case len(q.cols) < want:
		return nil, b.errorf(n.Location, pgerror.SyntaxError, "subquery has too few columns")
	}
	var right expr.Expr = q.cols[0].Ref()
	if isRow {
		r := &expr.Row{T: types.Of(types.Record)}
		for _, c := range q.cols {
			r.Items = append(r.Items, c.Ref())
		}
		right = r
	}
	cond, err := b.bindOperator(op, left, right, n.Location)
	if err != nil {
		return nil, err
	}
	if cond.Type().OID != types.Bool {
		return nil, b.errorf(n.Location, pgerror.WrongObjectType, "row comparison operator must yield type boolean, not type %s", types.FormatType(cond.Type()))
	}
	if n.SubLinkType == pg.SubLinkType_ALL_SUBLINK {
		mark := b.attachMark(ec, q.plan, &expr.Logic{Op: expr.Not, Args: []expr.Expr{cond}}, "all")
		return &expr.Logic{Op: expr.Not, Args: []expr.Expr{mark}}, nil
	}
	return b.attachMark(ec, q.plan, cond, "any"), nil
}

// rowCompare binds (a, b) op (SELECT x, y ...).
func (b *binder) rowCompare(ec *exprContext, row *expr.Row, op string, n *pg.SubLink, loc int32) (expr.Expr, error) {
	if ec.plan == nil {
		return nil, b.errorf(n.Location, pgerror.FeatureNotSupported, "cannot use subquery in %s", ec.clause)
	}
	q, err := b.bindSelect(n.Subselect.GetSelectStmt(), &scope{parent: ec.scope})
	if err != nil {
		return nil, err
	}
	if q, err = b.finishUnknown(q); err != nil {
		return nil, err
	}
	switch {
	case len(q.cols) > len(row.Items):
		return nil, b.errorf(n.Location, pgerror.SyntaxError, "subquery has too many columns")
	case len(q.cols) < len(row.Items):
		return nil, b.errorf(n.Location, pgerror.SyntaxError, "subquery has too few columns")
	}
	right := &expr.Row{T: types.Of(types.Record)}
	for _, c := range q.cols {
		right.Items = append(right.Items, c.Ref())
	}
	plan := project(q.plan, q.cols)
	kind := physical.Single
	if oneRow(plan) {
		kind = physical.Left
	}
	b.attach(ec, &logical.Join{Kind: kind, Right: plan})
	return b.bindOperator(op, row, right, loc)
}

// arraySubLink binds ARRAY(SELECT ...).
func (b *binder) arraySubLink(ec *exprContext, q *query, n *pg.SubLink) (expr.Expr, error) {
	if len(q.cols) != 1 {
		return nil, b.errorf(n.Location, pgerror.SyntaxError, "subquery must return only one column")
	}
	q, err := b.finishUnknown(q)
	if err != nil {
		return nil, err
	}
	col := q.cols[0]
	m, err := b.env.Registry.Function("", "array_agg", []types.OID{col.Type.OID}, false)
	if err != nil {
		return nil, b.at(err, n.Location)
	}
	agg := &logical.Aggregate{Input: q.plan}
	out := b.newColumn("array", types.Of(m.Ret))
	call := logical.AggCall{Fn: m.Fn, Args: []expr.Expr{col.Ref()}, Col: out}
	// The order of the subquery is the order of the elements.
	at, arg := q.plan, expr.Expr(col.Ref())
	if p, ok := at.(*logical.Project); ok && len(p.Exprs) == 1 {
		at, arg = p.Input, p.Exprs[0]
	}
	body := at
	if l, ok := at.(*logical.Limit); ok {
		body = l.Input
	}
	if s, ok := body.(*logical.Sort); ok {
		agg.Input, call.Args, call.OrderBy = at, []expr.Expr{arg}, s.Keys
	}
	agg.Aggs = []logical.AggCall{call}
	b.attach(ec, &logical.Join{Kind: physical.Left, Right: agg})
	return &expr.Coalesce{Args: []expr.Expr{out.Ref(), &expr.Array{T: out.Type}}, T: out.Type}, nil
}
