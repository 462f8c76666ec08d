package policy

import (
	"slices"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// SealOperation seals an operation over inputs that show no masked column.
// filtered says that a source drops rows of an input by the row filters of a
// policy: the source may evaluate a condition of a join, or one that chooses rows
// of an aggregate, on rows that the filters hide, so such a condition must be
// leakproof as a whole. Results are computed of the rows that are left only. It
// returns the reason when the operation must stay above the barrier.
func SealOperation(op connector.Operation, filtered bool) (connector.SealedOperation, string) {
	var all, conds []expr.Expr
	switch op := op.(type) {
	case *connector.Compute:
		all = op.Exprs
	case *connector.Aggregate:
		all = op.Keys
		for _, c := range op.Calls {
			all = append(slices.Clip(all), c.Args...)
			if c.Filter != nil {
				conds = append(conds, c.Filter)
			}
		}
	case *connector.TopN:
		for _, k := range op.Keys {
			all = append(all, k.Expr)
		}
	case *connector.Join:
		conds = op.Conds
	}
	for _, e := range all {
		if reason := refuse(Barrier{}, e); reason != "" {
			return connector.SealedOperation{}, reason
		}
	}
	b := Barrier{}
	if filtered {
		b = hidden
	}
	for _, e := range conds {
		if reason := refuse(b, e); reason != "" {
			return connector.SealedOperation{}, reason
		}
	}
	return connector.SealOperation(op), ""
}

// SealConditions seals conditions over the result of operations that were pushed
// into a source; with filtered they must be leakproof. It returns the reason when
// one must stay above the barrier.
func SealConditions(conds []expr.Expr, filtered bool) (connector.Sealed, string) {
	b := Barrier{}
	if filtered {
		b = hidden
	}
	for _, e := range conds {
		if reason := refuse(b, e); reason != "" {
			return connector.Sealed{}, reason
		}
	}
	return connector.Seal(conds), ""
}

// hidden is a barrier below which rows are hidden.
var hidden = Barrier{RowFilters: []expr.Expr{nil}}
