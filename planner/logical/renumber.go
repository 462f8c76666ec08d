package logical

import "github.com/hubsql/hubsql/planner/expr"

// Renumber returns a copy of a plan in which every column that the plan itself
// produces has a new identity, and the mapping from old to new. Columns of outer
// queries stay. fresh makes an identity.
func Renumber(n Node, fresh func() expr.ColumnID) (Node, map[expr.ColumnID]expr.ColumnID) {
	ids := map[expr.ColumnID]expr.ColumnID{}
	Walk(n, func(m Node) bool {
		Introduced(m, func(c Column) {
			if _, ok := ids[c.ID]; !ok {
				ids[c.ID] = fresh()
			}
		})
		return true
	})
	out := Rewrite(n, func(m Node) Node {
		m = MapExprs(m, func(e expr.Expr) expr.Expr { return Remap(e, ids) })
		return mapOutputs(m, func(c Column) Column {
			if to, ok := ids[c.ID]; ok {
				c.ID = to
			}
			return c
		})
	})
	return out, ids
}

// Remap replaces column identities in an expression.
func Remap(e expr.Expr, ids map[expr.ColumnID]expr.ColumnID) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if c, ok := x.(*expr.Column); ok {
			if to, ok := ids[c.ID]; ok {
				return &expr.Column{ID: to, Name: c.Name, T: c.T}
			}
		}
		return x
	})
}

// mapOutputs applies f to the columns that a node introduces or names.
func mapOutputs(n Node, f func(Column) Column) Node {
	list := func(cols []Column) []Column {
		out := make([]Column, len(cols))
		for i, c := range cols {
			out[i] = f(c)
		}
		return out
	}
	switch n := n.(type) {
	case *Scan:
		c := *n
		c.Cols = list(n.Cols)
		return &c
	case *Values:
		c := *n
		c.Cols = list(n.Cols)
		return &c
	case *Project:
		c := *n
		c.Cols = list(n.Cols)
		return &c
	case *ProjectSet:
		c := *n
		c.Calls = append([]SetCall(nil), n.Calls...)
		for i := range c.Calls {
			c.Calls[i].Cols = list(c.Calls[i].Cols)
		}
		if n.Ordinality != nil {
			o := f(*n.Ordinality)
			c.Ordinality = &o
		}
		return &c
	case *Aggregate:
		c := *n
		c.Cols = list(n.Cols)
		c.Aggs = append([]AggCall(nil), n.Aggs...)
		for i := range c.Aggs {
			c.Aggs[i].Col = f(c.Aggs[i].Col)
		}
		return &c
	case *Join:
		c := *n
		c.Mark = f(n.Mark)
		return &c
	case *SetOp:
		c := *n
		c.Cols = list(n.Cols)
		return &c
	case *Window:
		c := *n
		c.Calls = append([]WindowCall(nil), n.Calls...)
		for i := range c.Calls {
			c.Calls[i].Col = f(c.Calls[i].Col)
		}
		return &c
	case *SharedScan:
		c := *n
		c.Cols = list(n.Cols)
		return &c
	case *Recursive:
		c := *n
		c.Cols = list(n.Cols)
		return &c
	case *WorkScan:
		c := *n
		c.Cols = list(n.Cols)
		return &c
	}
	return n
}
