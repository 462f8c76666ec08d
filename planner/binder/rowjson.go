package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// jsonRowArgs says which arguments of a function are printed as JSON: rows among
// them need the names of their fields, which values of rows do not carry. nil
// for another function.
func jsonRowArgs(name string) func(i int) bool {
	switch name {
	case "row_to_json", "to_json", "to_jsonb", "json_agg", "jsonb_agg":
		return func(i int) bool { return i == 0 }
	case "json_build_array", "jsonb_build_array":
		return func(int) bool { return true }
	case "json_build_object", "jsonb_build_object", "json_object_agg", "jsonb_object_agg":
		return func(i int) bool { return i%2 == 1 }
	}
	return nil
}

// rowsAsJSON prints the rows among the arguments of a function of JSON as objects
// before the function gets them.
func (b *binder) rowsAsJSON(schema, name string, m function.Match, args []expr.Expr, at func(int) bool, fc *pg.FuncCall) (function.Match, []expr.Expr, error) {
	changed := false
	for i, a := range args {
		if !at(i) || !a.Type().IsRow() {
			continue
		}
		row := b.rowOf(a)
		if row == nil || len(row.Names) != len(row.Items) {
			continue
		}
		e, err := b.rowAsJSON(row, fc.Location)
		if err != nil {
			return m, nil, err
		}
		if c, ok := a.(*expr.Case); ok {
			e = &expr.Case{Whens: []expr.When{{Cond: c.Whens[0].Cond, Result: e}}, T: e.Type()}
		}
		if !changed {
			args = append([]expr.Expr(nil), args...)
		}
		args[i], changed = e, true
	}
	if !changed || name == "row_to_json" && len(args) > 1 {
		return m, args, nil
	}
	if name == "row_to_json" {
		name = "to_json"
	}
	out, err := b.env.Registry.Function(schema, name, typeIDs(args), false)
	return out, args, err
}

// rowAsJSON prints one row, and the rows in it.
func (b *binder) rowAsJSON(row *expr.Row, loc int32) (expr.Expr, error) {
	var args []expr.Expr
	for i, it := range row.Items {
		if inner := b.rowOf(it); inner != nil && it.Type().IsRow() && len(inner.Names) == len(inner.Items) {
			e, err := b.rowAsJSON(inner, loc)
			if err != nil {
				return nil, err
			}
			it = e
		}
		args = append(args, &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(row.Names[i])}, it)
	}
	return b.hubCall("row_json", args, types.RowJSON(), loc)
}
