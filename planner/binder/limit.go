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

// bindLimit adds LIMIT and OFFSET.
func (b *binder) bindLimit(plan logical.Node, stmt *pg.SelectStmt, s *scope) (logical.Node, error) {
	if stmt.LimitCount == nil && stmt.LimitOffset == nil {
		return plan, nil
	}
	one := unit()
	computed := one
	outer := false
	bind := func(n *pg.Node, what string) (expr.Expr, error) {
		if n == nil || n.GetAConst().GetIsnull() {
			return nil, nil
		}
		e, err := b.bindExpr(&exprContext{scope: s, plan: &computed, clause: what}, n)
		if err != nil {
			return nil, err
		}
		used := map[expr.ColumnID]bool{}
		expr.Columns(e, used)
		for _, it := range s.items {
			for _, c := range it.cols {
				if used[c.ID] {
					return nil, b.errorf(exprLocation(n), pgerror.InvalidColumnReference, "argument of %s must not contain variables", what)
				}
			}
		}
		outer = outer || len(used) > 0
		return b.coerce(e, types.Of(types.Int8), function.Assignment, false, exprLocation(n))
	}
	count, err := bind(stmt.LimitCount, "LIMIT")
	if err != nil {
		return nil, err
	}
	offset, err := bind(stmt.LimitOffset, "OFFSET")
	if err != nil {
		return nil, err
	}
	ties := stmt.LimitOption == pg.LimitOption_LIMIT_OPTION_WITH_TIES
	if _, sorted := plan.(*logical.Sort); ties && !sorted {
		return nil, pgerror.New(pgerror.SyntaxError, "WITH TIES cannot be specified without ORDER BY clause")
	}
	if ties && count == nil {
		return nil, pgerror.New(pgerror.InvalidRowCountInLimit, "row count cannot be null in FETCH FIRST ... WITH TIES clause")
	}
	if count == nil && offset == nil {
		return plan, nil
	}
	if computed == one && !outer {
		return &logical.Limit{Input: plan, Count: count, Offset: offset, WithTies: ties}, nil
	}
	if ties {
		return nil, pgerror.NotSupported("WITH TIES with a count that a subquery computes is not supported")
	}
	return b.limitByNumber(plan, computed, count, offset)
}

// limitByNumber handles a count or offset that is not constant for the
// statement: computed, of one row, yields the values; the rows are numbered and
// compared with them.
func (b *binder) limitByNumber(plan, computed logical.Node, count, offset expr.Expr) (logical.Node, error) {
	rn, err := b.env.Registry.Function("", "row_number", nil, false)
	if err != nil {
		return nil, err
	}
	int8 := types.Of(types.Int8)
	zero := &expr.Const{T: int8, Value: types.IntDatum(0)}
	number := b.newColumn("row_number", int8)
	w := &logical.Window{Input: plan, Calls: []logical.WindowCall{{Fn: rn.Fn, Col: number}}}
	sort, sorted := plan.(*logical.Sort)
	if sorted {
		w.Input, w.OrderBy = sort.Input, sort.Keys
	}
	values := &logical.Project{Input: computed}
	value := func(e expr.Expr, name string) expr.Expr {
		if e == nil {
			return zero
		}
		col := b.newColumn(name, int8)
		values.Exprs, values.Cols = append(values.Exprs, e), append(values.Cols, col)
		return &expr.Coalesce{Args: []expr.Expr{col.Ref(), zero}, T: int8}
	}
	first := value(offset, "offset")
	after, err := b.bindOperator(">", number.Ref(), first, -1)
	if err != nil {
		return nil, err
	}
	conds := []expr.Expr{after}
	if count != nil {
		col := b.newColumn("count", int8)
		values.Exprs, values.Cols = append(values.Exprs, count), append(values.Cols, col)
		last, err := b.bindOperator("+", first, col.Ref(), -1)
		if err != nil {
			return nil, err
		}
		within, err := b.bindOperator("<=", number.Ref(), last, -1)
		if err != nil {
			return nil, err
		}
		conds = append(conds, &expr.Logic{Op: expr.Or, Args: []expr.Expr{&expr.NullTest{Arg: col.Ref()}, within}})
	}
	var out logical.Node = &logical.Filter{Input: &logical.Join{Kind: physical.Inner, Left: w, Right: values}, Conds: conds}
	if sorted {
		out = &logical.Sort{Input: out, Keys: sort.Keys}
	}
	return out, nil
}
