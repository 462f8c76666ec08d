package binder

import pg "github.com/pganalyze/pg_query_go/v5"

// The functions here make nodes of the grammar for rewritten queries. They have
// no place in the text of the statement.

func astString(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: s}}}
}

func astInt(i int32) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Ival{Ival: &pg.Integer{Ival: i}}, Location: -1}}}
}

func astBool(v bool) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Boolval{Boolval: &pg.Boolean{Boolval: v}}, Location: -1}}}
}

func astType(name string) *pg.TypeName {
	return &pg.TypeName{Names: []*pg.Node{astString("pg_catalog"), astString(name)}, Typemod: -1, Location: -1}
}

func astColumn(table, name string) *pg.Node {
	return &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: []*pg.Node{astString(table), astString(name)}, Location: -1}}}
}

func astColumns(table string, names []string) []*pg.Node {
	out := make([]*pg.Node, len(names))
	for i, n := range names {
		out[i] = astColumn(table, n)
	}
	return out
}

func astRow(fields []*pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_RowExpr{RowExpr: &pg.RowExpr{Args: fields, RowFormat: pg.CoercionForm_COERCE_EXPLICIT_CALL, Location: -1}}}
}

func astArray(items ...*pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_AArrayExpr{AArrayExpr: &pg.A_ArrayExpr{Elements: items, Location: -1}}}
}

func astTarget(name string, value *pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Name: name, Val: value, Location: -1}}}
}

func astOperator(kind pg.A_Expr_Kind, op string, left, right *pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_AExpr{AExpr: &pg.A_Expr{Kind: kind, Name: []*pg.Node{astString(op)}, Lexpr: left, Rexpr: right, Location: -1}}}
}

func astLogic(op pg.BoolExprType, args ...*pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_BoolExpr{BoolExpr: &pg.BoolExpr{Boolop: op, Args: args, Location: -1}}}
}

func astIsNull(n *pg.Node) *pg.Node {
	return &pg.Node{Node: &pg.Node_NullTest{NullTest: &pg.NullTest{Arg: n, Nulltesttype: pg.NullTestType_IS_NULL, Location: -1}}}
}

// astCase is CASE WHEN conds[0] THEN results[0] ... ELSE other END.
func astCase(conds, results []*pg.Node, other *pg.Node) *pg.Node {
	c := &pg.CaseExpr{Defresult: other, Location: -1}
	for i := range conds {
		c.Args = append(c.Args, &pg.Node{Node: &pg.Node_CaseWhen{CaseWhen: &pg.CaseWhen{Expr: conds[i], Result: results[i], Location: -1}}})
	}
	return &pg.Node{Node: &pg.Node_CaseExpr{CaseExpr: c}}
}

// astLiteral is a literal of a string.
func astLiteral(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Sval{Sval: &pg.String{Sval: s}}, Location: -1}}}
}

func astFloat(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_AConst{AConst: &pg.A_Const{Val: &pg.A_Const_Fval{Fval: &pg.Float{Fval: s}}, Location: -1}}}
}
