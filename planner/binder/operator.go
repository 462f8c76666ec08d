package binder

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindOperator applies an operator to bound operands; left is nil for a prefix
// operator. Row operands are compared field by field.
func (b *binder) bindOperator(op string, left, right expr.Expr, loc int32) (expr.Expr, error) {
	lr, lok := left.(*expr.Row)
	rr, rok := right.(*expr.Row)
	if lok && rok {
		if !lr.Whole && !rr.Whole {
			return b.compareRows(op, lr, rr, loc)
		}
		if err := similarRows(lr, rr); err != nil {
			return nil, err
		}
	}
	var lt types.OID
	if left != nil {
		lt = left.Type().OID
	}
	m, oper, err := b.env.Registry.Operator(op, lt, right.Type().OID)
	if err != nil {
		return nil, b.at(err, loc)
	}
	args := make([]expr.Expr, 0, 2)
	if left != nil {
		args = append(args, left)
	}
	args = append(args, right)
	for i := range args {
		target := types.Of(m.Args[i])
		if args[i].Type().OID == m.Args[i] {
			continue // the modifier of an operand stays
		}
		if args[i], err = b.coerce(args[i], target, function.Implicit, false, loc); err != nil {
			return nil, err
		}
	}
	return &expr.Call{Fn: m.Fn, Args: args, T: types.Of(m.Ret), Op: oper.Name, Pos: int(loc)}, nil
}

// similarRows reports what PostgreSQL says when it compares two records whose
// columns differ in type or number.
func similarRows(l, r *expr.Row) error {
	for i := range min(len(l.Items), len(r.Items)) {
		lt, rt := l.Items[i].Type().OID, r.Items[i].Type().OID
		if lt != rt {
			return pgerror.Newf(pgerror.DatatypeMismatch, "cannot compare dissimilar column types %s and %s at record column %d",
				types.FormatOID(lt), types.FormatOID(rt), i+1)
		}
	}
	if len(l.Items) != len(r.Items) {
		return pgerror.New(pgerror.DatatypeMismatch, "cannot compare record types with different numbers of columns")
	}
	return nil
}

// compareRows expands a row comparison (section 9.24.5).
func (b *binder) compareRows(op string, l, r *expr.Row, loc int32) (expr.Expr, error) {
	if len(l.Items) != len(r.Items) {
		return nil, b.errorf(loc, pgerror.SyntaxError, "unequal number of entries in row expressions")
	}
	if len(l.Items) == 0 {
		return nil, b.errorf(loc, pgerror.FeatureNotSupported, "cannot compare rows of zero length")
	}
	pairs := func(op string, n int) ([]expr.Expr, error) {
		out := make([]expr.Expr, n)
		for i := range out {
			var err error
			if out[i], err = b.bindOperator(op, l.Items[i], r.Items[i], loc); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch op {
	case "=":
		all, err := pairs("=", len(l.Items))
		if err != nil {
			return nil, err
		}
		return expr.JoinAnd(all), nil
	case "<>":
		any, err := pairs("<>", len(l.Items))
		if err != nil {
			return nil, err
		}
		if len(any) == 1 {
			return any[0], nil
		}
		return &expr.Logic{Op: expr.Or, Args: any}, nil
	case "<", "<=", ">", ">=", "~<~", "~<=~", "~>~", "~>=~":
		// (a1, a2) < (b1, b2) is a1 < b1 OR (a1 = b1 AND a2 < b2).
		if _, err := pairs(op, len(l.Items)); err != nil {
			return nil, err // errors come in the order of the items
		}
		strict := strings.Replace(op, "=", "", 1)
		last := len(l.Items) - 1
		out, err := b.bindOperator(op, l.Items[last], r.Items[last], loc)
		if err != nil {
			return nil, err
		}
		for i := last - 1; i >= 0; i-- {
			lt, err := b.bindOperator(strict, l.Items[i], r.Items[i], loc)
			if err != nil {
				return nil, err
			}
			eq, err := b.bindOperator("=", l.Items[i], r.Items[i], loc)
			if err != nil {
				return nil, err
			}
			out = &expr.Logic{Op: expr.Or, Args: []expr.Expr{lt, &expr.Logic{Op: expr.And, Args: []expr.Expr{eq, out}}}}
		}
		return out, nil
	}
	first, err := b.bindOperator(op, l.Items[0], r.Items[0], loc)
	if err != nil {
		return nil, err
	}
	if t := first.Type().OID; t != types.Bool {
		return nil, b.errorf(loc, pgerror.DatatypeMismatch, "row comparison operator must yield type boolean, not type %s", types.FormatType(types.Of(t)))
	}
	return nil, b.errorf(loc, pgerror.FeatureNotSupported, "could not determine interpretation of row comparison operator %s", op)
}

// bindAExpr binds the operator expressions of the grammar.
func (b *binder) bindAExpr(ec *exprContext, n *pg.A_Expr) (expr.Expr, error) {
	op := ""
	if len(n.Name) > 0 {
		op = stringOf(n.Name[len(n.Name)-1])
	}
	if op == "!=" {
		op = "<>"
	}
	switch n.Kind {
	case pg.A_Expr_Kind_AEXPR_IN:
		return b.bindIn(ec, n, op)
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		return b.bindArrayCompare(ec, n, op)
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN,
		pg.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		return b.bindBetween(ec, n)
	}
	var left expr.Expr
	var err error
	if n.Lexpr != nil {
		if left, err = b.bindOperand(ec, n.Lexpr); err != nil {
			return nil, err
		}
	}
	if sl := n.Rexpr.GetSubLink(); sl != nil && n.Kind == pg.A_Expr_Kind_AEXPR_OP && sl.SubLinkType == pg.SubLinkType_EXPR_SUBLINK {
		if row, ok := left.(*expr.Row); ok {
			return b.rowCompare(ec, row, op, sl, n.Location)
		}
	}
	// -literal is a negative literal.
	if c := n.Rexpr.GetAConst(); left == nil && c != nil && op == "-" {
		if f, ok := c.Val.(*pg.A_Const_Fval); ok {
			return b.numberConst("-"+f.Fval.Fval, n.Location)
		}
	}
	right, err := b.bindOperand(ec, n.Rexpr)
	if err != nil {
		return nil, err
	}
	switch n.Kind {
	case pg.A_Expr_Kind_AEXPR_DISTINCT, pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return b.bindDistinct(left, right, n.Kind == pg.A_Expr_Kind_AEXPR_NOT_DISTINCT, n.Location)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		eq, err := b.bindOperator("=", left, right, n.Location)
		if err != nil {
			return nil, err
		}
		// The result is the left operand as the operator sees it.
		arg := left
		if c, ok := eq.(*expr.Call); ok {
			arg = c.Args[0]
		}
		return &expr.Case{
			Whens: []expr.When{{Cond: eq, Result: &expr.Const{T: arg.Type(), Value: types.Null}}},
			Else:  arg, T: arg.Type(),
		}, nil
	}
	return b.bindOperator(op, left, right, n.Location)
}

// bindDistinct binds IS [NOT] DISTINCT FROM; not means NOT DISTINCT.
func (b *binder) bindDistinct(left, right expr.Expr, not bool, loc int32) (expr.Expr, error) {
	lr, lok := left.(*expr.Row)
	rr, rok := right.(*expr.Row)
	if lok && rok && !lr.Whole && !rr.Whole {
		if len(lr.Items) != len(rr.Items) {
			return nil, b.errorf(loc, pgerror.SyntaxError, "unequal number of entries in row expressions")
		}
		out := &expr.Logic{Op: expr.Or}
		if not {
			out.Op = expr.And
		}
		for i := range lr.Items {
			e, err := b.bindDistinct(lr.Items[i], rr.Items[i], not, loc)
			if err != nil {
				return nil, err
			}
			out.Args = append(out.Args, e)
		}
		return out, nil
	}
	eq, err := b.bindOperator("=", left, right, loc)
	if err != nil {
		return nil, err
	}
	call, ok := eq.(*expr.Call)
	if !ok {
		return nil, b.errorf(loc, pgerror.FeatureNotSupported, "IS DISTINCT FROM is not supported for these operands")
	}
	return &expr.Distinct{Left: call.Args[0], Right: call.Args[1], Eq: call.Fn, Not: not}, nil
}

// bindBetween expands BETWEEN.
func (b *binder) bindBetween(ec *exprContext, n *pg.A_Expr) (expr.Expr, error) {
	bounds := n.Rexpr.GetList().GetItems()
	x, err := b.bindExpr(ec, n.Lexpr)
	if err != nil {
		return nil, err
	}
	lo, err := b.bindExpr(ec, bounds[0])
	if err != nil {
		return nil, err
	}
	hi, err := b.bindExpr(ec, bounds[1])
	if err != nil {
		return nil, err
	}
	between := func(lo, hi expr.Expr, not bool) (expr.Expr, error) {
		lower, upper, logic := ">=", "<=", expr.And
		if not {
			lower, upper, logic = "<", ">", expr.Or
		}
		l, err := b.bindOperator(lower, x, lo, n.Location)
		if err != nil {
			return nil, err
		}
		h, err := b.bindOperator(upper, x, hi, n.Location)
		if err != nil {
			return nil, err
		}
		return &expr.Logic{Op: logic, Args: []expr.Expr{l, h}}, nil
	}
	switch n.Kind {
	case pg.A_Expr_Kind_AEXPR_BETWEEN:
		return between(lo, hi, false)
	case pg.A_Expr_Kind_AEXPR_NOT_BETWEEN:
		return between(lo, hi, true)
	}
	not := n.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM
	one, err := between(lo, hi, not)
	if err != nil {
		return nil, err
	}
	two, err := between(hi, lo, not)
	if err != nil {
		return nil, err
	}
	op := expr.Or
	if not {
		op = expr.And
	}
	return &expr.Logic{Op: op, Args: []expr.Expr{one, two}}, nil
}

// bindIn binds x [NOT] IN (list).
func (b *binder) bindIn(ec *exprContext, n *pg.A_Expr, op string) (expr.Expr, error) {
	not := op == "<>"
	left, err := b.bindOperand(ec, n.Lexpr)
	if err != nil {
		return nil, err
	}
	nodes := n.Rexpr.GetList().GetItems()
	items := make([]expr.Expr, len(nodes))
	for i := range nodes {
		if items[i], err = b.bindOperand(ec, nodes[i]); err != nil {
			return nil, err
		}
	}
	_, isRow := left.(*expr.Row)
	if !isRow {
		all := append([]expr.Expr{left}, items...)
		if t, err := b.env.Registry.CommonType("IN", typeIDs(all)); err == nil {
			if m, err := b.env.Registry.Equality(t); err == nil && len(m.Args) == 2 {
				target := types.Of(m.Args[0])
				arg := left
				if arg.Type().OID != target.OID {
					if arg, err = b.coerce(left, target, function.Implicit, false, exprLocation(n.Lexpr)); err != nil {
						return nil, err
					}
				}
				list := make([]expr.Expr, len(items))
				for i, it := range items {
					list[i] = it
					if it.Type().OID != target.OID {
						if list[i], err = b.coerce(it, target, function.Implicit, false, exprLocation(nodes[i])); err != nil {
							return nil, err
						}
					}
				}
				return &expr.InList{Arg: arg, Items: list, Eq: m.Fn, Not: not}, nil
			}
		}
	}
	out := &expr.Logic{Op: expr.Or}
	cmp := "="
	if not {
		out.Op, cmp = expr.And, "<>"
	}
	for _, it := range items {
		e, err := b.bindOperator(cmp, left, it, n.Location)
		if err != nil {
			return nil, err
		}
		out.Args = append(out.Args, e)
	}
	if len(out.Args) == 1 {
		return out.Args[0], nil
	}
	return out, nil
}

// bindArrayCompare binds x op ANY (array) and ALL.
func (b *binder) bindArrayCompare(ec *exprContext, n *pg.A_Expr, op string) (expr.Expr, error) {
	left, err := b.bindExpr(ec, n.Lexpr)
	if err != nil {
		return nil, err
	}
	right, err := b.bindExpr(ec, n.Rexpr)
	if err != nil {
		return nil, err
	}
	if unknownType(right.Type()) {
		t := left.Type()
		if unknownType(t) {
			t = types.Of(types.Text)
		}
		a := types.Of(t.OID).ArrayOf()
		if a.OID == 0 {
			return nil, b.errorf(n.Location, pgerror.UndefinedObject, "could not find array type for data type %s", types.FormatType(t))
		}
		if right, err = b.coerce(right, a, function.Implicit, false, exprLocation(n.Rexpr)); err != nil {
			return nil, err
		}
	}
	info := types.Lookup(right.Type().OID)
	if info == nil || info.Elem == 0 {
		return nil, b.errorf(n.Location, pgerror.WrongObjectType, "op ANY/ALL (array) requires array on right side")
	}
	m, oper, err := b.env.Registry.Operator(op, left.Type().OID, info.Elem)
	if err != nil {
		return nil, b.at(err, n.Location)
	}
	if m.Ret != types.Bool {
		return nil, b.errorf(n.Location, pgerror.WrongObjectType, "op ANY/ALL (array) requires operator to yield boolean")
	}
	if left.Type().OID != m.Args[0] {
		if left, err = b.coerce(left, types.Of(m.Args[0]), function.Implicit, false, exprLocation(n.Lexpr)); err != nil {
			return nil, err
		}
	}
	if info.Elem != m.Args[1] {
		a := types.Of(m.Args[1]).ArrayOf()
		if right, err = b.coerce(right, a, function.Implicit, false, exprLocation(n.Rexpr)); err != nil {
			return nil, err
		}
	}
	return &expr.ArrayCompare{Left: left, Array: right, Op: oper.Name, Fn: m.Fn, All: n.Kind == pg.A_Expr_Kind_AEXPR_OP_ALL}, nil
}
