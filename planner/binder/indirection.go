package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindIndirection binds subscripts and field selection.
func (b *binder) bindIndirection(ec *exprContext, n *pg.A_Indirection) (expr.Expr, error) {
	rest := n.Indirection
	var e expr.Expr
	var err error
	if field := rest[0].GetString_(); field != nil && n.Arg.GetFuncCall() != nil {
		// A column of a function's result: (f(x)).column.
		cols, err := b.functionFields(ec, n.Arg)
		if err != nil {
			return nil, err
		}
		for _, c := range cols {
			if c.Name == field.Sval {
				e = c.Ref()
			}
		}
		if cols != nil {
			if e == nil {
				return nil, b.errorf(exprLocation(n.Arg), pgerror.UndefinedColumn, "could not identify column %q in record data type", field.Sval)
			}
			rest = rest[1:]
		}
	}
	if e == nil {
		if e, err = b.bindExpr(ec, n.Arg); err != nil {
			return nil, err
		}
	}
	for len(rest) > 0 {
		switch ind := rest[0].Node.(type) {
		case *pg.Node_AIndices:
			n2 := 1
			for n2 < len(rest) && rest[n2].GetAIndices() != nil {
				n2++
			}
			if e, err = b.bindSubscripts(ec, e, rest[:n2], exprLocation(n.Arg)); err != nil {
				return nil, err
			}
			rest = rest[n2:]
		case *pg.Node_String_:
			x, err := b.selectField(e, ind.String_.Sval, exprLocation(n.Arg))
			if err != nil {
				if r, ok := e.(*expr.Row); ok && r.Whole && n.Arg.GetColumnRef() != nil && len(n.Arg.GetColumnRef().Fields) == 1 && pgerror.CodeOf(err) == pgerror.UndefinedColumn {
					return nil, b.errorf(exprLocation(n.Arg), pgerror.UndefinedColumn, "column %s.%s does not exist", stringOf(n.Arg.GetColumnRef().Fields[0]), ind.String_.Sval)
				}
				return nil, err
			}
			e = x
			rest = rest[1:]
		default:
			return nil, b.errorf(exprLocation(n.Arg), pgerror.FeatureNotSupported, "row expansion via \"*\" is not supported here")
		}
	}
	return e, nil
}

// rowOf returns the fields of a row value, nil when e is none or they are not
// known.
func (b *binder) rowOf(e expr.Expr) *expr.Row {
	switch e := e.(type) {
	case *expr.Row:
		return e
	case *expr.Case:
		return b.rowCases[e]
	case *expr.Column:
		if fields, ok := b.fields[e.ID]; ok {
			row := &expr.Row{T: e.T, Whole: true}
			for _, c := range fields {
				row.Items, row.Names = append(row.Items, c.Ref()), append(row.Names, c.Name)
			}
			return row
		}
	}
	return nil
}

// functionFields binds a call of a set-returning function of several columns in
// a select list and returns its columns; nil for another function. Equal calls
// share their rows.
func (b *binder) functionFields(ec *exprContext, call *pg.Node) ([]logical.Column, error) {
	fc := call.GetFuncCall()
	schema, name := functionName(fc.Funcname)
	if !slices.ContainsFunc(b.env.Registry.Candidates(schema, name), func(o *function.Overload) bool {
		return o.Kind == function.SetReturn && len(o.RetColumns) > 0
	}) {
		return nil, nil
	}
	if ec.sets == nil {
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "set-returning functions are not allowed in %s", ec.clause)
	}
	rc := *ec
	rc.rangeFunction = true
	e, err := b.bindExpr(&rc, call)
	if err != nil {
		return nil, err
	}
	c, ok := e.(*expr.Call)
	if !ok || len(c.Fn.RetColumns) == 0 {
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "%s does not return a composite value", name)
	}
	for _, have := range ec.sets.calls {
		if expr.Equal(have.Call, c) {
			return have.Cols, nil
		}
	}
	sc := logical.SetCall{Call: c, Cols: b.resultColumns(c)}
	ec.sets.calls = append(ec.sets.calls, sc)
	return sc.Cols, nil
}

// resultColumns makes the columns of a set-returning call of several columns.
func (b *binder) resultColumns(c *expr.Call) []logical.Column {
	var out []logical.Column
	for _, rc := range c.Fn.RetColumns {
		t := types.Of(rc.Type)
		if rc.Type == types.AnyElement {
			t = c.T
			if len(c.Args) > 0 && c.Args[0].Type().IsArray() {
				t = c.Args[0].Type().Elem()
			}
		}
		out = append(out, b.newColumn(rc.Name, t))
	}
	return out
}
