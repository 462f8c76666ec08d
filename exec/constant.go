package exec

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// constantRow returns the result of a plan that is one row of constants and
// parameters, nil for any other: there is nothing to execute.
func constantRow(plan physical.Node, params []types.Datum) *vector.Batch {
	var exprs []expr.Expr
	switch n := plan.(type) {
	case *physical.Project:
		if v, ok := n.Input.(*physical.Values); !ok || n.Hidden || len(v.Rows) != 1 || len(v.Cols) != 0 {
			return nil
		}
		exprs = n.Exprs
	case *physical.Values:
		if len(n.Rows) != 1 {
			return nil
		}
		exprs = n.Rows[0]
	default:
		return nil
	}
	out := &vector.Batch{N: 1, Cols: make([]*vector.Vec, len(exprs))}
	for i, e := range exprs {
		var d types.Datum
		switch e := e.(type) {
		case *expr.Const:
			d = e.Value
		case *expr.Param:
			if e.N < 1 || e.N > len(params) {
				return nil
			}
			d = params[e.N-1]
		default:
			return nil
		}
		v := vector.New(e.Type(), 1)
		v.Set(0, 1, d)
		out.Cols[i] = v
	}
	return out
}
