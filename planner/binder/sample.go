package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindSample binds table TABLESAMPLE method (percent) [REPEATABLE (seed)]: every
// row stays by chance, whatever the method, since sources have no pages. With a
// seed the chance depends on the place of the row among those the table yields.
func (b *binder) bindSample(n *pg.RangeTableSample, s *scope) (*from, error) {
	rv := n.Relation.GetRangeVar()
	if rv == nil {
		return nil, b.errorf(n.Location, pgerror.FeatureNotSupported, "TABLESAMPLE clause can only be applied to tables and materialized views")
	}
	plan, it, err := b.bindTable(rv, s)
	if err != nil {
		return nil, err
	}
	if it.relation == "" || it.view {
		return nil, b.errorf(rv.Location, pgerror.FeatureNotSupported, "TABLESAMPLE clause can only be applied to tables and materialized views")
	}
	method := stringOf(n.Method[len(n.Method)-1])
	if method != "bernoulli" && method != "system" {
		return nil, b.errorf(n.Location, pgerror.UndefinedObject, "tablesample method %s does not exist", method)
	}
	if len(n.Args) != 1 {
		return nil, b.errorf(n.Location, invalidSample, "tablesample method %s requires 1 argument, not %d", method, len(n.Args))
	}
	number := func(n *pg.Node, null string, code pgerror.Code) (float64, error) {
		e, err := b.bindExpr(&exprContext{scope: s, clause: "TABLESAMPLE"}, n)
		if err != nil {
			return 0, err
		}
		if e, err = b.coerce(e, types.Of(types.Float8), function.Assignment, false, exprLocation(n)); err != nil {
			return 0, err
		}
		c, ok := b.env.Fold(e).(*expr.Const)
		if !ok {
			return 0, b.errorf(exprLocation(n), pgerror.FeatureNotSupported, "arguments of TABLESAMPLE must be constants")
		}
		if c.Value.Null {
			return 0, pgerror.New(code, null)
		}
		return c.Value.Float(), nil
	}
	percent, err := number(n.Args[0], "TABLESAMPLE parameter cannot be null", invalidSample)
	if err != nil {
		return nil, err
	}
	if !(percent >= 0 && percent <= 100) {
		return nil, pgerror.New(invalidSample, "sample percentage must be between 0 and 100")
	}
	chance := &pg.Node{Node: &pg.Node_FuncCall{FuncCall: &pg.FuncCall{Funcname: []*pg.Node{astString("pg_catalog"), astString("random")}, Location: -1}}}
	inner := &scope{items: []*rangeItem{it}}
	if n.Repeatable != nil {
		seed, err := number(n.Repeatable, "TABLESAMPLE REPEATABLE parameter cannot be null", "2202G")
		if err != nil {
			return nil, err
		}
		m, err := b.env.Registry.Function("", "row_number", nil, false)
		if err != nil {
			return nil, err
		}
		place := b.newColumn("place", types.Of(types.Int8))
		frame := physical.Frame{Start: physical.UnboundedPreceding, End: physical.CurrentRow}
		plan = &logical.Window{Input: plan, Calls: []logical.WindowCall{{Fn: m.Fn, Frame: frame, Col: place}}}
		inner.items = append(inner.items, newItem("*SAMPLE*", []logical.Column{place}))
		text := &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: astColumn("*SAMPLE*", "place"), TypeName: astType("text"), Location: -1}}}
		salted := astOperator(pg.A_Expr_Kind_AEXPR_OP, "||", text, astLiteral(types.FormatText(types.Of(types.Float8), types.FloatDatum(seed), types.DefaultFormat())))
		hash := &pg.Node{Node: &pg.Node_FuncCall{FuncCall: &pg.FuncCall{Funcname: []*pg.Node{astString("pg_catalog"), astString("hashtext")}, Args: []*pg.Node{salted}, Location: -1}}}
		// A hash of 32 bits as a fraction.
		wide := &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: hash, TypeName: astType("float8"), Location: -1}}}
		chance = astOperator(pg.A_Expr_Kind_AEXPR_OP, "+", astOperator(pg.A_Expr_Kind_AEXPR_OP, "/", wide, astFloat("4294967296")), astFloat("0.5"))
	}
	b.quiet++
	value, err := b.bindExpr(&exprContext{scope: inner, clause: "TABLESAMPLE"}, chance)
	b.quiet--
	if err != nil {
		return nil, err
	}
	limit := &expr.Const{T: types.Of(types.Float8), Value: types.FloatDatum(percent / 100)}
	cond, err := b.bindOperator("<", value, limit, -1)
	if err != nil {
		return nil, err
	}
	return single(&logical.Filter{Input: plan, Conds: []expr.Expr{cond}}, it), nil
}

// invalidSample is the code for a wrong argument of TABLESAMPLE.
const invalidSample pgerror.Code = "2202H"
