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
)

// String names the kind as EXPLAIN does.
func (k ModifyKind) String() string { return [...]string{"Insert", "Update", "Delete"}[k] }

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
	// Returning says that the changed rows are wanted, not only their number.
	Returning bool
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
	// RowID, Values and Extras are over Input, the Checks over the new row.
	RowID  expr.Expr
	Values []expr.Expr
	Extras []expr.Expr
	Checks []Check
	Cols   []Column
}

// Columns implements Node.
func (n *Modify) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Modify) Children() []Node { return []Node{n.Input} }
