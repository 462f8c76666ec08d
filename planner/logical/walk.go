package logical

import (
	"slices"

	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// Exprs returns every expression that n itself holds, in a fixed order.
func Exprs(n Node) []expr.Expr {
	var out []expr.Expr
	EachExpr(n, func(e expr.Expr) { out = append(out, e) })
	return out
}

// EachExpr visits every expression that n itself holds, in a fixed order.
func EachExpr(n Node, visit func(expr.Expr)) {
	list := func(es []expr.Expr) {
		for _, e := range es {
			visit(e)
		}
	}
	keys := func(ks []SortKey) {
		for _, k := range ks {
			visit(k.Expr)
		}
	}
	opt := func(e expr.Expr) {
		if e != nil {
			visit(e)
		}
	}
	switch n := n.(type) {
	case *Values:
		for _, r := range n.Rows {
			list(r)
		}
	case *Filter:
		list(n.Conds)
	case *Project:
		list(n.Exprs)
	case *ProjectSet:
		for _, c := range n.Calls {
			visit(c.Call)
		}
	case *Aggregate:
		list(n.Keys)
		for _, a := range n.Aggs {
			list(a.Args)
			opt(a.Filter)
			keys(a.OrderBy)
		}
	case *Join:
		opt(n.Cond)
	case *Sort:
		keys(n.Keys)
	case *Limit:
		opt(n.Count)
		opt(n.Offset)
	case *Modify:
		opt(n.RowID)
		opt(n.Action)
		list(n.Proposed)
		list(n.Values)
		for _, c := range n.Checks {
			opt(c.Cond)
		}
		for _, c := range n.Extras {
			opt(c.Ref())
		}
	case *Window:
		list(n.Partition)
		keys(n.OrderBy)
		for _, c := range n.Calls {
			list(c.Args)
			opt(c.Filter)
			opt(c.Frame.StartOffset)
			opt(c.Frame.EndOffset)
		}
	}
}

// MapExprs returns a copy of n with f applied to each of its expressions.
func MapExprs(n Node, f func(expr.Expr) expr.Expr) Node {
	list := func(es []expr.Expr) []expr.Expr {
		out := make([]expr.Expr, len(es))
		for i, e := range es {
			out[i] = f(e)
		}
		return out
	}
	opt := func(e expr.Expr) expr.Expr {
		if e == nil {
			return nil
		}
		return f(e)
	}
	keys := func(ks []SortKey) []SortKey {
		out := make([]SortKey, len(ks))
		for i, k := range ks {
			k.Expr = f(k.Expr)
			out[i] = k
		}
		return out
	}
	switch n := n.(type) {
	case *Values:
		c := *n
		c.Rows = make([][]expr.Expr, len(n.Rows))
		for i, r := range n.Rows {
			c.Rows[i] = list(r)
		}
		return &c
	case *Filter:
		c := *n
		c.Conds = list(n.Conds)
		return &c
	case *Project:
		c := *n
		c.Exprs = list(n.Exprs)
		return &c
	case *ProjectSet:
		c := *n
		c.Calls = make([]SetCall, len(n.Calls))
		for i, s := range n.Calls {
			call := *s.Call
			call.Args = list(s.Call.Args)
			c.Calls[i] = SetCall{Call: &call, Cols: s.Cols}
		}
		return &c
	case *Aggregate:
		c := *n
		c.Keys = list(n.Keys)
		c.Aggs = make([]AggCall, len(n.Aggs))
		for i, a := range n.Aggs {
			a.Args, a.Filter, a.OrderBy = list(a.Args), opt(a.Filter), keys(a.OrderBy)
			c.Aggs[i] = a
		}
		return &c
	case *Join:
		c := *n
		c.Cond = opt(n.Cond)
		return &c
	case *Sort:
		c := *n
		c.Keys = keys(n.Keys)
		return &c
	case *Limit:
		c := *n
		c.Count, c.Offset = opt(n.Count), opt(n.Offset)
		return &c
	case *Modify:
		c := *n
		c.RowID, c.Action, c.Values = opt(n.RowID), opt(n.Action), list(n.Values)
		if n.Proposed != nil {
			c.Proposed = list(n.Proposed)
		}
		c.Checks = slices.Clone(n.Checks)
		for i := range c.Checks {
			c.Checks[i].Cond = f(c.Checks[i].Cond)
		}
		return &c
	case *Window:
		c := *n
		c.Partition, c.OrderBy = list(n.Partition), keys(n.OrderBy)
		c.Calls = make([]WindowCall, len(n.Calls))
		for i, w := range n.Calls {
			w.Args, w.Filter = list(w.Args), opt(w.Filter)
			w.Frame.StartOffset, w.Frame.EndOffset = opt(w.Frame.StartOffset), opt(w.Frame.EndOffset)
			c.Calls[i] = w
		}
		return &c
	}
	return n
}

// Walk visits n and everything below it, parents first; visit returns false to
// leave out what is below. The inputs of Shared plans are not visited.
func Walk(n Node, visit func(Node) bool) {
	if !visit(n) {
		return
	}
	for _, c := range n.Inputs() {
		Walk(c, visit)
	}
}

// Rewrite replaces nodes bottom-up.
func Rewrite(n Node, f func(Node) Node) Node {
	in := n.Inputs()
	changed := false
	out := make([]Node, len(in))
	for i, c := range in {
		out[i] = Rewrite(c, f)
		changed = changed || out[i] != c
	}
	if changed {
		n = n.WithInputs(out)
	}
	return f(n)
}

// OutputSet returns the identities that n produces.
func OutputSet(n Node) map[expr.ColumnID]bool {
	cols := n.Outputs()
	set := make(map[expr.ColumnID]bool, len(cols))
	for _, c := range cols {
		set[c.ID] = true
	}
	return set
}

// Free returns the columns that the plan refers to and does not produce: its
// correlation with outer queries.
func Free(n Node) map[expr.ColumnID]Column {
	var used map[expr.ColumnID]Column
	made := map[expr.ColumnID]bool{}
	Walk(n, func(m Node) bool {
		Introduced(m, func(c Column) { made[c.ID] = true })
		return true
	})
	Walk(n, func(m Node) bool {
		EachExpr(m, func(e expr.Expr) {
			expr.Walk(e, func(x expr.Expr) bool {
				if c, ok := x.(*expr.Column); ok && !made[c.ID] {
					if used == nil {
						used = map[expr.ColumnID]Column{}
					}
					used[c.ID] = Column{ID: c.ID, Name: c.Name, Type: c.T}
				}
				return true
			})
		})
		return true
	})
	return used
}

// Introduced visits the outputs that n itself makes, rather than passing them on
// from below.
func Introduced(n Node, visit func(Column)) {
	list := func(cols []Column) {
		for _, c := range cols {
			visit(c)
		}
	}
	// An expression that passes a column under its own identity introduces
	// nothing: the column may be one of an outer query.
	named := func(cols []Column, exprs []expr.Expr) {
		for i, c := range cols {
			if ref, ok := exprs[i].(*expr.Column); !ok || ref.ID != c.ID {
				visit(c)
			}
		}
	}
	switch n := n.(type) {
	case *Scan:
		list(n.Cols)
	case *Values:
		list(n.Cols)
	case *Modify:
		list(n.Cols)
	case *Project:
		named(n.Cols, n.Exprs)
	case *ProjectSet:
		for _, c := range n.Calls {
			list(c.Cols)
		}
		if n.Ordinality != nil {
			visit(*n.Ordinality)
		}
	case *Aggregate:
		named(n.Cols, n.Keys)
		for _, a := range n.Aggs {
			visit(a.Col)
		}
	case *Join:
		if n.Kind == physical.Mark {
			visit(n.Mark)
		}
	case *SetOp:
		list(n.Cols)
	case *Window:
		for _, c := range n.Calls {
			visit(c.Col)
		}
	case *SharedScan:
		list(n.Cols)
	case *Recursive:
		list(n.Cols)
	case *WorkScan:
		list(n.Cols)
	}
}
