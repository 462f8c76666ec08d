package binder

import (
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// itoa is strconv.Itoa.
func itoa(i int) string { return strconv.Itoa(i) }

// exprEqual is expr.Equal.
func exprEqual(a, b expr.Expr) bool { return expr.Equal(a, b) }

// typeIDs returns the type OIDs of expressions.
func typeIDs(list []expr.Expr) []types.OID {
	out := make([]types.OID, len(list))
	for i, e := range list {
		out[i] = e.Type().OID
	}
	return out
}

// functionName splits a possibly qualified function name.
func functionName(parts []*pg.Node) (schema, name string) {
	n := names(parts)
	if len(n) > 1 {
		schema = n[len(n)-2]
	}
	return schema, n[len(n)-1]
}

// figureName is the output name of an expression without AS (PostgreSQL's
// FigureColname).
func figureName(n *pg.Node) string {
	name, _ := figure(n)
	if name == "" {
		return "?column?"
	}
	return name
}

// figure returns a name and how strong it is: 2 for a column or function, 1 for
// a type.
func figure(n *pg.Node) (string, int) {
	switch n := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		for _, v := range slices.Backward(n.ColumnRef.Fields) {
			if s := v.GetString_(); s != nil {
				return s.Sval, 2
			}
		}
	case *pg.Node_AIndirection:
		for _, v := range slices.Backward(n.AIndirection.Indirection) {
			if s := v.GetString_(); s != nil {
				return s.Sval, 2
			}
		}
		return figure(n.AIndirection.Arg)
	case *pg.Node_FuncCall:
		_, name := functionName(n.FuncCall.Funcname)
		return name, 2
	case *pg.Node_AExpr:
		if n.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF {
			return "nullif", 2
		}
	case *pg.Node_TypeCast:
		name, strength := figure(n.TypeCast.Arg)
		if strength > 1 {
			return name, strength
		}
		parts := names(n.TypeCast.TypeName.GetNames())
		return parts[len(parts)-1], 1
	case *pg.Node_CollateClause:
		return figure(n.CollateClause.Arg)
	case *pg.Node_CaseExpr:
		name, strength := figure(n.CaseExpr.Defresult)
		if strength > 1 {
			return name, strength
		}
		return "case", 1
	case *pg.Node_CoalesceExpr:
		return "coalesce", 2
	case *pg.Node_MinMaxExpr:
		if n.MinMaxExpr.Op == pg.MinMaxOp_IS_GREATEST {
			return "greatest", 2
		}
		return "least", 2
	case *pg.Node_AArrayExpr:
		return "array", 2
	case *pg.Node_RowExpr:
		return "row", 2
	case *pg.Node_GroupingFunc:
		return "grouping", 2
	case *pg.Node_SqlvalueFunction:
		return sqlValueName(n.SqlvalueFunction.Op), 2
	case *pg.Node_SubLink:
		switch n.SubLink.SubLinkType {
		case pg.SubLinkType_EXISTS_SUBLINK:
			return "exists", 2
		case pg.SubLinkType_ARRAY_SUBLINK:
			return "array", 2
		case pg.SubLinkType_EXPR_SUBLINK:
			sel := n.SubLink.Subselect.GetSelectStmt()
			for sel != nil && sel.Larg != nil {
				sel = sel.Larg
			}
			if sel != nil && len(sel.TargetList) > 0 {
				rt := sel.TargetList[0].GetResTarget()
				if rt.Name != "" {
					return rt.Name, 2
				}
				return figureName(rt.Val), 2
			}
			if sel != nil && len(sel.ValuesLists) > 0 {
				return "column1", 2
			}
		}
	}
	return "", 0
}

// sqlValueName is the name of CURRENT_DATE and its kin.
func sqlValueName(op pg.SQLValueFunctionOp) string {
	switch op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:
		return "current_date"
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N:
		return "current_time"
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N:
		return "current_timestamp"
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIME, pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:
		return "localtime"
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP, pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		return "localtimestamp"
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE:
		return "current_role"
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_USER:
		return "current_user"
	case pg.SQLValueFunctionOp_SVFOP_USER:
		return "user"
	case pg.SQLValueFunctionOp_SVFOP_SESSION_USER:
		return "session_user"
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:
		return "current_catalog"
	}
	return "current_schema"
}

// exprLocation is the byte offset of an expression: its leftmost token where
// the node does not say.
func exprLocation(n *pg.Node) int32 {
	switch n := n.GetNode().(type) {
	case *pg.Node_AExpr:
		if l := exprLocation(n.AExpr.Lexpr); l >= 0 && (l < n.AExpr.Location || n.AExpr.Location < 0) {
			return l
		}
		return n.AExpr.Location
	case *pg.Node_TypeCast:
		if l := exprLocation(n.TypeCast.Arg); l >= 0 && (l < n.TypeCast.Location || n.TypeCast.Location < 0) {
			return l
		}
		return n.TypeCast.Location
	case *pg.Node_AIndirection:
		return exprLocation(n.AIndirection.Arg)
	case *pg.Node_NullTest:
		return exprLocation(n.NullTest.Arg)
	case *pg.Node_List:
		for _, i := range n.List.Items {
			return exprLocation(i)
		}
		return -1
	case nil:
		return -1
	}
	// Every other node has a location field of its own.
	m := n.ProtoReflect()
	loc := int32(-1)
	m.Range(func(_ protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		inner := v.Message()
		if fd := inner.Descriptor().Fields().ByName("location"); fd != nil {
			loc = int32(inner.Get(fd).Int())
		}
		return false
	})
	return loc
}

// firstLocation is where the select list of a query begins.
func firstLocation(stmt *pg.SelectStmt) int32 {
	for stmt != nil && stmt.Larg != nil {
		stmt = stmt.Larg
	}
	if stmt != nil && len(stmt.TargetList) > 0 {
		return stmt.TargetList[0].GetResTarget().Location
	}
	return -1
}

// targetLocation is where column i of a query is computed.
func targetLocation(stmt *pg.SelectStmt, i int) int32 {
	for stmt != nil && stmt.Larg != nil {
		stmt = stmt.Larg
	}
	if stmt == nil || i >= len(stmt.TargetList) {
		return firstLocation(stmt)
	}
	val := stmt.TargetList[i].GetResTarget().Val
	if c := val.GetTypeCast().GetArg().GetAConst(); c != nil {
		return c.Location
	}
	return exprLocation(val)
}

// walkExprNodes visits the nodes of an expression, not entering subqueries.
func walkExprNodes(n *pg.Node, visit func(*pg.Node) bool) {
	if n == nil || n.Node == nil || !visit(n) {
		return
	}
	if n.GetSubLink() != nil {
		walkExprNodes(n.GetSubLink().Testexpr, visit)
		return
	}
	if n.GetSelectStmt() != nil {
		return
	}
	walkMessage(n.ProtoReflect(), visit)
}

// walkMessage finds the Node messages below m.
func walkMessage(m protoreflect.Message, visit func(*pg.Node) bool) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Kind() != protoreflect.MessageKind {
			return true
		}
		each := func(c protoreflect.Message) {
			if node, ok := c.Interface().(*pg.Node); ok {
				walkExprNodes(node, visit)
				return
			}
			if _, ok := c.Interface().(*pg.SelectStmt); ok {
				return
			}
			walkMessage(c, visit)
		}
		if fd.IsList() {
			for i := 0; i < v.List().Len(); i++ {
				each(v.List().Get(i).Message())
			}
			return true
		}
		each(v.Message())
		return true
	})
}

// editDistance is the Levenshtein distance, or limit when it is not below.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost = 1 + min(diag, row[j], row[j-1])
			}
			diag, row[j] = row[j], cost
		}
	}
	return min(row[len(b)], limit)
}
