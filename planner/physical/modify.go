package physical

import (
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// ModifyKind is what a Modify does.
type ModifyKind uint8

// Kinds of changes.
const (
	InsertRows ModifyKind = iota
	UpdateRows
	DeleteRows
	MergeRows
)

// String names the kind as EXPLAIN does.
func (k ModifyKind) String() string { return [...]string{"Insert", "Update", "Delete", "Merge"}[k] }

// RowAction is what a Modify does with one row of its input.
type RowAction int32

// Actions. A RefuseRow fails with the target's error Hidden.
const (
	SkipRow RowAction = iota
	InsertRow
	UpdateRow
	DeleteRow
	RefuseRow
)

// ModifyTarget is the table that a Modify changes.
type ModifyTarget struct {
	Kind   ModifyKind
	Table  string // as EXPLAIN and errors show it
	Source connector.Modifier
	Handle connector.TableHandle
	// NotNull says which columns must not be NULL.
	NotNull []bool
	Unique  []connector.Unique
	// HideValues keeps the table's values out of error messages.
	HideValues bool
	// Again is the error of a row that one statement would change twice, nil where
	// that does nothing; Hidden that of a row that the user may not see.
	Again, Hidden *pgerror.Error
	// Returning says that the changed rows are wanted, not only their number.
	Returning bool

	// What follows is about tables of sources.

	// Given are the columns that the statement gives values for or sets.
	Given []int
	// Joined says that a row may come several times; it is changed once.
	Joined bool
	// CheckStored says that the Checks are about the rows as the source stores
	// them.
	CheckStored bool
	// SkipDuplicates and OnColumns are those of connector.ModifyOptions.
	SkipDuplicates bool
	OnColumns      []int
}

// Check is a condition on new rows; a row for which it is false, or with Strict
// not true, fails with Err.
type Check struct {
	Cond   expr.Expr
	Strict bool
	Err    *pgerror.Error
}

// Modify changes a table and outputs the rows it changed: the table's columns,
// then Extras.
type Modify struct {
	ModifyTarget
	Input Node
	// RowID, Action, Proposed, Values and Extras are over Input, the Checks over
	// the new row. Action and Proposed may be nil.
	RowID    expr.Expr
	Action   expr.Expr
	Proposed []expr.Expr
	Values   []expr.Expr
	Extras   []expr.Expr
	Checks   []Check
	Cols     []Column
}

// With executes Input and, before its rows, all of Others to their end, in order.
// It outputs the rows of Input.
type With struct {
	Sized
	Input  Node
	Others []Node
}

// Columns implements Node.
func (n *With) Columns() []Column { return n.Input.Columns() }

// Children implements Node.
func (n *With) Children() []Node { return append([]Node{n.Input}, n.Others...) }

// Columns implements Node.
func (n *Modify) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Modify) Children() []Node { return []Node{n.Input} }
