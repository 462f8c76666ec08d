package parser

import (
	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// ParseExpression parses one scalar expression, e.g. the text of a stored
// policy. The locations in the result are byte offsets in expr. Positions of
// errors count characters of expr.
func ParseExpression(expr string) (*pg.Node, error) {
	if err := checkText(expr); err != nil {
		return nil, err
	}
	if err := checkDepth(expr); err != nil {
		return nil, err
	}
	tokens, err := scan(expr)
	if err != nil {
		return nil, err
	}
	// Balance is checked on tokens: "1) UNION SELECT (2" would be one statement
	// to the grammar once it is put in parentheses.
	depth := 0
	for _, t := range tokens {
		switch t.Token {
		case pg.Token_ASCII_40:
			depth++
		case pg.Token_ASCII_41:
			depth--
		}
		if depth < 0 {
			return nil, pgerror.New(pgerror.SyntaxError, `syntax error at or near ")"`).At(Position(expr, int(t.Start)))
		}
	}
	const before = "SELECT ("
	tree, err := pg.Parse(before + expr + "\n)")
	if err != nil {
		e := pgerror.From(translate(err, before+expr, before+expr+"\n)"))
		if e.Position > 0 {
			e.Position = max(e.Position-len(before), 1)
		}
		return nil, e
	}
	if len(tree.Stmts) != 1 {
		return nil, pgerror.New(pgerror.SyntaxError, "expression expected")
	}
	sel := tree.Stmts[0].Stmt.GetSelectStmt()
	if sel == nil || sel.Op != pg.SetOperation_SETOP_NONE || len(sel.TargetList) != 1 ||
		sel.FromClause != nil || sel.WhereClause != nil || sel.GroupClause != nil || sel.HavingClause != nil ||
		sel.WindowClause != nil || sel.ValuesLists != nil || sel.SortClause != nil || sel.LimitCount != nil ||
		sel.LimitOffset != nil || sel.LockingClause != nil || sel.WithClause != nil || sel.IntoClause != nil ||
		sel.DistinctClause != nil {
		return nil, pgerror.New(pgerror.SyntaxError, "expression expected")
	}
	val := sel.TargetList[0].GetResTarget().GetVal()
	if val == nil {
		return nil, pgerror.New(pgerror.SyntaxError, "expression expected")
	}
	shift(val.ProtoReflect(), int32(len(before)))
	return val, nil
}

// shift subtracts n from every location below m.
func shift(m protoreflect.Message, n int32) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				shift(v.List().Get(i).Message(), n)
			}
		case f.Message() != nil && !f.IsMap():
			shift(v.Message(), n)
		case f.Name() == "location" && f.Kind() == protoreflect.Int32Kind && v.Int() >= int64(n):
			m.Set(f, protoreflect.ValueOfInt32(int32(v.Int())-n))
		}
		return true
	})
}

// maskExpression parses the body of USING at byte offset at of sql and refuses
// everything whose value would not be a function of one row. What needs names
// resolved (aggregates and set-returning functions called plainly) is refused
// when the expression is bound.
func maskExpression(sql, body string, at int) (*pg.Node, error) {
	node, err := ParseExpression(body)
	if err != nil {
		e := *pgerror.From(err)
		e.Position = Position(sql, at+ByteOffset(body, e.Position))
		return nil, &e
	}
	if err := checkScalar(node.ProtoReflect()); err != nil {
		e := pgerror.From(err)
		e.Position = Position(sql, at+max(e.Position-1, 0))
		return nil, e
	}
	return node, nil
}

// checkScalar walks a parse tree. The Position of its errors is a byte offset
// plus one.
func checkScalar(m protoreflect.Message) error {
	var found error
	fail := func(e *pgerror.Error, location int32) { found = e.At(int(location) + 1) }
	switch n := m.Interface().(type) {
	case *pg.SubLink:
		fail(pgerror.NotSupported("cannot use subquery in masking policy expression"), n.Location)
	case *pg.ParamRef:
		fail(pgerror.Newf(pgerror.UndefinedParameter, "there is no parameter $%d", n.Number), n.Location)
	case *pg.RowExpr:
		if n.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
			fail(pgerror.New(pgerror.SyntaxError, "masking policy expression must be a single value"), n.Location)
		}
	case *pg.A_Star:
		fail(pgerror.New(pgerror.SyntaxError, `"*" is not allowed in masking policy expressions`), 0)
	case *pg.GroupingFunc:
		fail(pgerror.New(pgerror.GroupingError, "grouping operations are not allowed in policy expressions"), n.Location)
	case *pg.SetToDefault:
		fail(pgerror.New(pgerror.SyntaxError, "DEFAULT is not allowed in this context"), n.Location)
	case *pg.FuncCall:
		switch {
		case n.Over != nil:
			fail(pgerror.New(pgerror.WindowingError, "window functions are not allowed in policy expressions"), n.Location)
		case n.AggStar, n.AggDistinct, n.AggWithinGroup, n.AggFilter != nil, len(n.AggOrder) > 0:
			fail(pgerror.New(pgerror.GroupingError, "aggregate functions are not allowed in policy expressions"), n.Location)
		}
	}
	if found != nil {
		return found
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList() && f.Message() != nil:
			for i := 0; i < v.List().Len() && found == nil; i++ {
				found = checkScalar(v.List().Get(i).Message())
			}
		case f.Message() != nil && !f.IsMap():
			found = checkScalar(v.Message())
		}
		return found == nil
	})
	return found
}
