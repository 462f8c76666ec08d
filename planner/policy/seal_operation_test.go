package policy

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

func TestOperationsOverHiddenRowsHaveLeakproofConditions(t *testing.T) {
	eq := &function.Overload{Name: "int4eq", Leakproof: true}
	div := &function.Overload{Name: "int4div"}
	random := &function.Overload{Name: "random", Volatility: function.Volatile}
	col := &expr.Column{ID: 0, Name: "id", T: types.Of(types.Int4)}
	call := func(f *function.Overload, args ...expr.Expr) expr.Expr {
		return &expr.Call{Fn: f, Args: args, T: types.Of(types.Int4)}
	}
	fails, safe := call(eq, call(div, col, col), col), call(eq, col, col)
	sum := func(arg, filter expr.Expr) *connector.Aggregate {
		return &connector.Aggregate{Calls: []connector.AggregateCall{{Fn: &function.Overload{Name: "sum"}, Args: []expr.Expr{arg}, Filter: filter}}}
	}
	for _, c := range []struct {
		name   string
		op     connector.Operation
		hides  bool
		reason string
	}{
		{"a join that can fail", &connector.Join{Conds: []expr.Expr{fails}}, true, "function int4div is not leakproof"},
		{"a join that can fail, nothing hidden", &connector.Join{Conds: []expr.Expr{fails}}, false, ""},
		{"a join that cannot fail", &connector.Join{Conds: []expr.Expr{safe}}, true, ""},
		{"FILTER that can fail", sum(col, fails), true, "function int4div is not leakproof"},
		{"a result that can fail", sum(call(div, col, col), safe), true, ""},
		{"a volatile result", sum(call(random), nil), false, "function random is volatile"},
		{"a volatile order", &connector.TopN{Keys: []connector.SortKey{{Expr: call(random)}}}, false, "function random is volatile"},
		{"a volatile key", &connector.Aggregate{Keys: []expr.Expr{call(random)}}, false, "function random is volatile"},
		{"a volatile column", &connector.Compute{Exprs: []expr.Expr{call(random)}}, false, "function random is volatile"},
	} {
		if _, reason := SealOperation(c.op, c.hides); reason != c.reason {
			t.Errorf("%s: %q, want %q", c.name, reason, c.reason)
		}
	}
	if _, reason := SealConditions([]expr.Expr{safe, fails}, true); reason == "" {
		t.Error("a condition that can fail passes")
	}
	if s, reason := SealConditions([]expr.Expr{safe, fails}, false); reason != "" || len(s.Predicates()) != 2 {
		t.Errorf("%d conditions sealed: %s", len(s.Predicates()), reason)
	}
}
