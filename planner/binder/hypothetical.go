package binder

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// hypothetical reports whether name is a hypothetical-set aggregate (and a window
// function too).
func hypothetical(schema, name string) bool {
	if schema != "" && schema != "pg_catalog" {
		return false
	}
	switch name {
	case "rank", "dense_rank", "percent_rank", "cume_dist":
		return true
	}
	return false
}

// bindHypothetical binds rank(args) WITHIN GROUP (ORDER BY keys) and its kin: the
// place that a row args would have among the rows of the group, which follows from
// how many rows stand before it.
func (b *binder) bindHypothetical(ec *exprContext, fc *pg.FuncCall, name string) (expr.Expr, error) {
	if !fc.AggWithinGroup {
		if _, err := b.bindArgs(ec, fc.Args); err != nil {
			return nil, err
		}
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "WITHIN GROUP is required for ordered-set aggregate %s", name)
	}
	plan := unit()
	probe := &exprContext{scope: ec.scope, plan: &plan, clause: "aggregate arguments", inAggregate: true}
	direct, err := b.bindArgs(probe, fc.Args)
	if err != nil {
		return nil, err
	}
	if len(fc.Args) != len(fc.AggOrder) {
		shown := make([]string, 0, len(fc.Args)+len(fc.AggOrder))
		for _, e := range direct {
			shown = append(shown, types.FormatOID(e.Type().OID))
		}
		for _, o := range fc.AggOrder {
			e, err := b.bindExpr(probe, o.GetSortBy().Node)
			if err != nil {
				return nil, err
			}
			shown = append(shown, types.FormatOID(e.Type().OID))
		}
		return nil, b.at(pgerror.Newf(pgerror.UndefinedFunction, "function %s(%s) does not exist", name, strings.Join(shown, ", ")).
			WithHint("To use the hypothetical-set aggregate %s, the number of hypothetical direct arguments (here %d) must match the number of ordering columns (here %d).",
				name, len(fc.Args), len(fc.AggOrder)), fc.Location)
	}
	if err := b.checkDirect(ec.agg, direct); err != nil {
		return nil, err
	}
	before := rowBefore(fc, false)
	count := func(cond *pg.Node) *pg.Node {
		call := &pg.FuncCall{Funcname: []*pg.Node{astString("pg_catalog"), astString("count")}, AggStar: true, Location: fc.Location, AggFilter: cond}
		if fc.AggFilter != nil {
			call.AggFilter = fc.AggFilter
			if cond != nil {
				call.AggFilter = astLogic(pg.BoolExprType_AND_EXPR, fc.AggFilter, cond)
			}
		}
		return &pg.Node{Node: &pg.Node_FuncCall{FuncCall: call}}
	}
	float := func(n *pg.Node) *pg.Node {
		return &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: n, TypeName: astType("float8"), Location: -1}}}
	}
	op := func(name string, l, r *pg.Node) *pg.Node {
		return astOperator(pg.A_Expr_Kind_AEXPR_OP, name, l, r)
	}
	var out *pg.Node
	switch name {
	case "rank":
		out = op("+", count(before), astInt(1))
	case "dense_rank":
		n := count(before)
		call := n.GetFuncCall()
		call.AggStar, call.AggDistinct = false, true
		var keys []*pg.Node
		for _, o := range fc.AggOrder {
			keys = append(keys, o.GetSortBy().Node)
		}
		call.Args = []*pg.Node{astRow(keys)}
		out = op("+", n, astInt(1))
	case "percent_rank":
		none := op("=", count(nil), astInt(0))
		out = astCase([]*pg.Node{none}, []*pg.Node{float(astInt(0))}, op("/", float(count(before)), float(count(nil))))
	default:
		out = op("/", float(op("+", count(rowBefore(fc, true)), astInt(1))), float(op("+", count(nil), astInt(1))))
	}
	return b.bindExpr(ec, out)
}

// rowBefore is the condition that a row stands before the hypothetical one in the
// order of the keys; orPeer also takes rows equal to it.
func rowBefore(fc *pg.FuncCall, orPeer bool) *pg.Node {
	out := astBool(orPeer)
	for i, o := range slices.Backward(fc.AggOrder) {
		sb, arg := o.GetSortBy(), fc.Args[i]
		key, less := sb.Node, "<"
		desc := sb.SortbyDir == pg.SortByDir_SORTBY_DESC
		if sb.SortbyDir == pg.SortByDir_SORTBY_USING {
			desc = stringOf(sb.UseOp[len(sb.UseOp)-1]) == ">"
		}
		if desc {
			less = ">"
		}
		nullsFirst := desc
		switch sb.SortbyNulls {
		case pg.SortByNulls_SORTBY_NULLS_FIRST:
			nullsFirst = true
		case pg.SortByNulls_SORTBY_NULLS_LAST:
			nullsFirst = false
		}
		keyNull, argNull := astIsNull(key), astIsNull(arg)
		lt := astCase(
			[]*pg.Node{astLogic(pg.BoolExprType_AND_EXPR, keyNull, argNull), keyNull, argNull},
			[]*pg.Node{astBool(false), astBool(nullsFirst), astBool(!nullsFirst)},
			astOperator(pg.A_Expr_Kind_AEXPR_OP, less, key, arg))
		same := astOperator(pg.A_Expr_Kind_AEXPR_NOT_DISTINCT, "=", key, arg)
		out = astLogic(pg.BoolExprType_OR_EXPR, lt, astLogic(pg.BoolExprType_AND_EXPR, same, out))
	}
	return out
}

// checkDirect refuses direct arguments of an ordered-set aggregate that differ
// among the rows of a group.
func (b *binder) checkDirect(a *aggregation, direct []expr.Expr) error {
	if a == nil {
		return nil
	}
	pre := logical.OutputSet(a.pre)
	for _, e := range direct {
		left := expr.Replace(e, func(x expr.Expr) (expr.Expr, bool) {
			if _, isConst := x.(*expr.Const); isConst {
				return nil, false
			}
			for i, k := range a.node.Keys {
				if expr.Equal(k, x) {
					return &expr.Const{T: a.node.Cols[i].Type, Value: types.Null}, true
				}
			}
			return nil, false
		})
		var err error
		expr.Walk(left, func(x expr.Expr) bool {
			if c, ok := x.(*expr.Column); ok && pre[c.ID] && err == nil {
				err = b.at(pgerror.Newf(pgerror.GroupingError, "column %q must appear in the GROUP BY clause or be used in an aggregate function", b.qualified(c)).
					WithDetail("Direct arguments of an ordered-set aggregate must use only grouped columns."), b.locationOf(c.ID))
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}
