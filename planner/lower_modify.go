package planner

import (
	"slices"

	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// modify lowers INSERT, UPDATE and DELETE.
func (l *lowering) modify(n *logical.Modify) (physical.Node, error) {
	in, err := l.node(n.Input)
	if err != nil {
		return nil, err
	}
	lay := layoutOf(n.Input.Outputs())
	out := &physical.Modify{ModifyTarget: n.Target, Input: in, Checks: slices.Clone(n.Checks), Cols: columns(n.Outputs())}
	if n.RowID != nil {
		if out.RowID, err = lay.bind(n.RowID); err != nil {
			return nil, err
		}
	}
	if n.Action != nil {
		if out.Action, err = lay.bind(n.Action); err != nil {
			return nil, err
		}
	}
	if out.Proposed, err = lay.bindAll(n.Proposed); err != nil {
		return nil, err
	}
	if out.Values, err = lay.bindAll(n.Values); err != nil {
		return nil, err
	}
	for _, c := range n.Extras {
		e, err := lay.bind(expr.Expr(c.Ref()))
		if err != nil {
			return nil, err
		}
		out.Extras = append(out.Extras, e)
	}
	row := layoutOf(n.Cols)
	for i := range out.Checks {
		if out.Checks[i].Cond, err = row.bind(out.Checks[i].Cond); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// with lowers the data-modifying queries of WITH in their order.
func (l *lowering) with(n *logical.With) (physical.Node, error) {
	out := &physical.With{}
	for _, o := range n.Others {
		p, err := l.node(o)
		if err != nil {
			return nil, err
		}
		out.Others = append(out.Others, p)
	}
	var err error
	out.Input, err = l.node(n.Input)
	return out, err
}
