package logical

import (
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// Modify changes a table: it inserts Values, deletes the rows that RowID names,
// or both. Its outputs are the rows it has changed, Cols, then the columns of
// its input that Extras lists.
type Modify struct {
	Input  Node
	Target physical.ModifyTarget
	// RowID is the identity of the row to delete, nil for INSERT.
	RowID expr.Expr
	// Action, an int4 of physical.RowAction, says what happens to each row; nil
	// when it follows from the kind of the target.
	Action expr.Expr
	// Proposed are the rows that INSERT ... ON CONFLICT DO UPDATE would insert
	// were there no conflict: they must satisfy the constraints, too.
	Proposed []expr.Expr
	// Values are the new row, one per column of the table; for DELETE they are
	// the old row.
	Values []expr.Expr
	// Checks must not be false for a new row; they are over Cols.
	Checks []physical.Check
	Cols   []Column
	Extras []Column
}

// Outputs implements Node.
func (n *Modify) Outputs() []Column { return append(append([]Column(nil), n.Cols...), n.Extras...) }

// Inputs implements Node.
func (n *Modify) Inputs() []Node { return []Node{n.Input} }

// WithInputs implements Node.
func (n *Modify) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }
