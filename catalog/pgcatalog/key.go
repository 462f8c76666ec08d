package pgcatalog

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// keyOf recognizes column = constant, column IN (constants) and column =
// ANY (constant array): it returns the column and the values it may have.
func keyOf(e expr.Expr) (column int, values []types.Datum, ok bool) {
	switch e := e.(type) {
	case *expr.Call:
		if e.Op != "=" || len(e.Args) != 2 {
			return 0, nil, false
		}
		for i, side := range e.Args {
			c, okColumn := columnOf(side)
			v, okConst := constOf(e.Args[1-i])
			if okColumn && okConst && comparable(c.T, v.T) {
				return int(c.ID), nonNull(v.Value), true
			}
		}
	case *expr.InList:
		c, ok := columnOf(e.Arg)
		if !ok || e.Not {
			return 0, nil, false
		}
		for _, item := range e.Items {
			v, ok := constOf(item)
			if !ok || !comparable(c.T, v.T) {
				return 0, nil, false
			}
			values = append(values, nonNull(v.Value)...)
		}
		return int(c.ID), values, true
	case *expr.ArrayCompare:
		c, okColumn := columnOf(e.Left)
		v, okConst := constOf(e.Array)
		if !okColumn || !okConst || e.Op != "=" || e.All {
			return 0, nil, false
		}
		if v.Value.Null {
			return int(c.ID), nil, true
		}
		a, err := types.DecodeArray(v.Value.S)
		if err != nil || !comparable(c.T, types.Of(a.Elem)) {
			return 0, nil, false
		}
		for _, x := range a.Elems {
			values = append(values, nonNull(x)...)
		}
		return int(c.ID), values, true
	}
	return 0, nil, false
}

func nonNull(d types.Datum) []types.Datum {
	if d.Null {
		return nil
	}
	return []types.Datum{d}
}

// columnOf looks through casts that keep the value.
func columnOf(e expr.Expr) (*expr.Column, bool) {
	for {
		switch x := e.(type) {
		case *expr.Relabel:
			e = x.Arg
		case *expr.Column:
			return x, true
		default:
			return nil, false
		}
	}
}

func constOf(e expr.Expr) (*expr.Const, bool) {
	for {
		switch x := e.(type) {
		case *expr.Relabel:
			e = x.Arg
		case *expr.Const:
			return x, true
		default:
			return nil, false
		}
	}
}

// comparable reports whether equal values of two types have equal datums.
func comparable(a, b types.Type) bool {
	switch a.OID {
	case types.Text, types.Name, types.VarChar, types.Char:
		switch b.OID {
		case types.Text, types.Name, types.VarChar, types.Char, types.Unknown:
			return true
		}
		return false
	}
	switch a.Layout() {
	case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64, types.LayoutBool:
		return a.Layout() == b.Layout()
	}
	return false
}
