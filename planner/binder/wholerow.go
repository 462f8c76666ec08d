package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// wholeRow binds a table name used as a value.
func (b *binder) wholeRow(it *rangeItem, loc int32) (expr.Expr, error) {
	cols := it.visible()
	if it.scalar && len(cols) >= 1 {
		return b.columnAt(cols[0], loc), nil
	}
	r := &expr.Row{T: types.Of(types.Record), Whole: true}
	if it.rowType != 0 {
		r.T.OID = it.rowType
	}
	for _, c := range cols {
		r.Items, r.Names = append(r.Items, b.reader(c)), append(r.Names, c.Name)
	}
	return b.rowOrNull(it, r), nil
}

// starRow binds t.* where a value is wanted: the whole row.
func (b *binder) starRow(ec *exprContext, cr *pg.ColumnRef) (expr.Expr, error) {
	cols, err := b.expandStar(cr, ec.scope)
	if err != nil {
		return nil, err
	}
	r := &expr.Row{T: types.Of(types.Record), Whole: true}
	for _, c := range cols {
		r.Items, r.Names = append(r.Items, b.columnAt(c, cr.Location)), append(r.Names, c.Name)
	}
	if len(cr.Fields) == 2 {
		it, err := ec.scope.lookupItem("", stringOf(cr.Fields[0]))
		if err == nil && it != nil {
			if it.rowType != 0 {
				r.T.OID = it.rowType
			}
			return b.rowOrNull(it, r), nil
		}
	}
	return r, nil
}

// rowOrNull is r, or NULL where an outer join found no row of it.
func (b *binder) rowOrNull(it *rangeItem, r *expr.Row) expr.Expr {
	if it.present == nil {
		return r
	}
	c := &expr.Case{Whens: []expr.When{{Cond: &expr.NullTest{Arg: it.present.Ref(), Not: true}, Result: r}}, T: r.T}
	if b.rowCases == nil {
		b.rowCases = map[*expr.Case]*expr.Row{}
	}
	b.rowCases[c] = r
	return c
}

// sparseRow returns the fields of a row value that is tested for NULL: a row that
// an outer join did not find has fields that are NULL.
func (b *binder) sparseRow(e expr.Expr) (*expr.Row, bool) {
	switch e := e.(type) {
	case *expr.Row:
		return e, true
	case *expr.Case:
		r, ok := b.rowCases[e]
		return r, ok
	}
	return nil, false
}

// noteRows remembers which names a query uses as a value or with a star, when an
// outer join may leave rows out.
func (b *binder) noteRows(stmt *pg.SelectStmt) {
	outer := false
	w := &relationWalk{visit: func(*pg.RangeVar) error { return nil }}
	for _, n := range stmt.FromClause {
		outer = outer || hasOuterJoin(n)
	}
	if !outer {
		return
	}
	w.column = func(cr *pg.ColumnRef) {
		if len(cr.Fields) > 2 || len(cr.Fields) == 2 && cr.Fields[1].GetAStar() == nil {
			return
		}
		if b.rowNames == nil {
			b.rowNames = map[string]bool{}
		}
		b.rowNames[stringOf(cr.Fields[0])] = true
	}
	// The walk looks for names only, so it does not fail.
	_ = w.selectStmt(stmt)
}

// hasOuterJoin reports whether a FROM item is or has an outer join.
func hasOuterJoin(n *pg.Node) bool {
	j := n.GetJoinExpr()
	if j == nil {
		return false
	}
	return j.Jointype != pg.JoinType_JOIN_INNER || hasOuterJoin(j.Larg) || hasOuterJoin(j.Rarg)
}

// markPresent adds, to the sides of an outer join that may have no row, columns
// that tell so, for the items whose rows are used as values.
func (b *binder) markPresent(kind physical.JoinKind, left, right *from) {
	mark := func(f *from) {
		for _, it := range f.items {
			if it.present != nil || it.alias == "" || !b.rowNames[it.alias] {
				continue
			}
			col := b.newColumn("present", types.Of(types.Bool))
			f.plan = extend(f.plan, &expr.Const{T: col.Type, Value: types.BoolDatum(true)}, col)
			it.present = &col
		}
	}
	if kind == physical.Left || kind == physical.Full {
		mark(right)
	}
	if kind == physical.Right || kind == physical.Full {
		mark(left)
	}
}
