// Package expr is the bound scalar expression: names resolved to column
// identities, calls to overloads, every node typed, every coercion explicit.
package expr

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// ColumnID identifies a column within one plan, whatever node produces it. In a
// predicate handed to a connector it is the index of the column in the table
// handle's Columns.
type ColumnID int32

// Expr is a bound scalar expression. Nodes are immutable once built; Rewrite
// makes changed copies.
type Expr interface {
	Type() types.Type
}

// Column refers to a column of the input.
type Column struct {
	ID   ColumnID
	Name string // for printing only
	T    types.Type
}

// Const is a literal or a folded expression.
type Const struct {
	T     types.Type
	Value types.Datum
}

// Param is a parameter of a prepared statement, 1-based.
type Param struct {
	N int
	T types.Type
}

// Call applies a scalar function, operator or cast function.
type Call struct {
	Fn   *function.Overload
	Args []Expr
	T    types.Type
	// Op is the operator's symbol when the call was written as an operator.
	Op string
	// Cast is set when the call is a cast; Explicit when the user wrote it.
	Cast     bool
	Explicit bool
	// Pos is the byte offset in the statement, -1 when unknown; errors of the
	// kernel are placed there.
	Pos int
}

// Relabel gives its argument another type of the same physical form (a binary
// coercible cast).
type Relabel struct {
	Arg      Expr
	T        types.Type
	Explicit bool
}

// LogicOp is AND, OR or NOT.
type LogicOp uint8

// Logic operators.
const (
	And LogicOp = iota
	Or
	Not
)

// Logic is a three-valued AND or OR of any number of arguments, or NOT of one.
type Logic struct {
	Op   LogicOp
	Args []Expr
}

// NullTest is IS [NOT] NULL.
type NullTest struct {
	Arg Expr
	Not bool
}

// BoolTest is IS [NOT] TRUE, FALSE or UNKNOWN.
type BoolTest struct {
	Arg Expr
	// Value is the datum tested for; Null for UNKNOWN.
	Value types.Datum
	Not   bool
}

// Distinct is IS [NOT] DISTINCT FROM. Eq is the equality of the operand type.
type Distinct struct {
	Left, Right Expr
	Eq          *function.Overload
	Not         bool
}

// When is one arm of a CASE.
type When struct{ Cond, Result Expr }

// Case is a searched CASE; a simple CASE is bound to one. Else may be nil.
type Case struct {
	Whens []When
	Else  Expr
	T     types.Type
}

// Coalesce returns its first argument that is not NULL.
type Coalesce struct {
	Args []Expr
	T    types.Type
}

// MinMax is GREATEST or LEAST. Less is the < of the type.
type MinMax struct {
	Args     []Expr
	Greatest bool
	Less     *function.Overload
	T        types.Type
}

// InList is arg [NOT] IN (items). Eq compares arg with an item.
type InList struct {
	Arg   Expr
	Items []Expr
	Eq    *function.Overload
	Not   bool
}

// ArrayCompare is left op ANY (array) or left op ALL (array).
type ArrayCompare struct {
	Left, Array Expr
	Op          string
	Fn          *function.Overload
	All         bool
}

// Array is ARRAY[items].
type Array struct {
	Items []Expr
	T     types.Type
}

// Subscript is arr[i][j]... .
type Subscript struct {
	Arg   Expr
	Index []Expr
	T     types.Type
}

// Row is ROW(items), or a whole row of a table; Names are its fields.
type Row struct {
	Items []Expr
	Names []string
	T     types.Type
	// Whole is set for the row of a table or of a composite value; a row that was
	// written as ROW(...) is compared field by field.
	Whole bool
}

// Type implements Expr.
func (e *Column) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Const) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Param) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Call) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Relabel) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Logic) Type() types.Type { return types.Of(types.Bool) }

// Type implements Expr.
func (e *NullTest) Type() types.Type { return types.Of(types.Bool) }

// Type implements Expr.
func (e *BoolTest) Type() types.Type { return types.Of(types.Bool) }

// Type implements Expr.
func (e *Distinct) Type() types.Type { return types.Of(types.Bool) }

// Type implements Expr.
func (e *Case) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Coalesce) Type() types.Type { return e.T }

// Type implements Expr.
func (e *MinMax) Type() types.Type { return e.T }

// Type implements Expr.
func (e *InList) Type() types.Type { return types.Of(types.Bool) }

// Type implements Expr.
func (e *ArrayCompare) Type() types.Type { return types.Of(types.Bool) }

// Type implements Expr.
func (e *Array) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Subscript) Type() types.Type { return e.T }

// Type implements Expr.
func (e *Row) Type() types.Type { return e.T }
