package policy

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

func TestSealFilter(t *testing.T) {
	eq := &function.Overload{Name: "int4eq", Leakproof: true, Infallible: true}
	div := &function.Overload{Name: "int4div", Volatility: function.Immutable}
	random := &function.Overload{Name: "random", Volatility: function.Volatile}
	id := &expr.Column{ID: 0, Name: "id", T: types.Of(types.Int4)}
	salary := &expr.Column{ID: 1, Name: "salary", T: types.Of(types.Int4)}
	one := &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(1)}
	call := func(f *function.Overload, a ...expr.Expr) expr.Expr { return &expr.Call{Fn: f, Args: a} }
	region := call(eq, id, one)
	masked := map[expr.ColumnID]bool{1: true}
	for _, c := range []struct {
		name   string
		b      Barrier
		p      expr.Expr
		reason string
	}{
		{"clear column, no policy", Barrier{}, call(eq, id, one), ""},
		{"fallible, no policy", Barrier{}, call(div, id, one), ""},
		{"masked column", Barrier{Masked: masked}, call(eq, salary, one), "column salary is masked"},
		{"masked column hidden in a row", Barrier{Masked: masked}, &expr.NullTest{Arg: &expr.Row{Items: []expr.Expr{id, salary}}}, "column salary is masked"},
		{"masked column IS NULL", Barrier{Masked: masked}, &expr.NullTest{Arg: salary}, "column salary is masked"},
		{"fallible on a clear column, masks only", Barrier{Masked: masked}, call(eq, call(div, one, id), one), ""},
		{"leakproof with row filter", Barrier{RowFilters: []expr.Expr{region}}, call(eq, id, one), ""},
		{"fallible with row filter", Barrier{RowFilters: []expr.Expr{region}}, call(eq, call(div, one, id), one), "function int4div is not leakproof"},
		{"fallible without column, with row filter", Barrier{RowFilters: []expr.Expr{region}}, call(eq, call(div, one, one), one), "function int4div is not leakproof"},
		{"IN list with row filter", Barrier{RowFilters: []expr.Expr{region}}, &expr.InList{Arg: id, Items: []expr.Expr{one}, Eq: eq}, ""},
		{"subscript with row filter", Barrier{RowFilters: []expr.Expr{region}}, &expr.Subscript{Arg: id, Index: []expr.Expr{one}}, "expression is not leakproof"},
		{"volatile", Barrier{}, call(eq, call(random), one), "function random is volatile"},
	} {
		o := SealFilter(c.b, []expr.Expr{c.p})
		if o.Refused[0] != c.reason {
			t.Errorf("%s: got %q, want %q", c.name, o.Refused[0], c.reason)
		}
		want := len(c.b.RowFilters)
		if c.reason == "" {
			want++
		}
		if len(o.Sealed.Predicates()) != want || o.RowFilters != len(c.b.RowFilters) {
			t.Errorf("%s: %d predicates sealed", c.name, len(o.Sealed.Predicates()))
		}
	}
}
