package connector

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// OperationPusher is a source that evaluates more of a plan than conditions and
// limits: what stands above its tables goes down as one statement.
type OperationPusher interface {
	// PushOperation returns a handle whose rows are the result of the operation
	// over the rows of inputs, two for a Join and a SetOperation and one
	// otherwise, all of this source. Its columns are those that the operation
	// describes. It returns the reason instead when the source's answer might not
	// be HubSQL's: an operation is pushed exactly or not at all. Where SQL leaves
	// the answer open (which of equal rows a limit keeps, the last digit of a sum
	// of floating-point numbers), any that SQL allows is exact.
	PushOperation(inputs []TableHandle, op SealedOperation) (h TableHandle, reason string)
}

// Operation is a step of a plan: *Compute, *Aggregate, *TopN, *Join or
// *SetOperation. Columns in its expressions are indexes into the columns of its
// input, for a join into those of the left input followed by those of the right.
type Operation interface{ operation() }

// Compute replaces the columns by expressions.
type Compute struct {
	Exprs []expr.Expr
	// Columns are the names and types of the results.
	Columns []Column
}

// Aggregate groups rows by keys; without keys all rows are one group, which
// exists even when there are none. The result has the keys, then the calls.
type Aggregate struct {
	Keys []expr.Expr
	// Columns are the names and types of the keys.
	Columns []Column
	Calls   []AggregateCall
}

// AggregateCall is one aggregate function; no arguments means count(*).
type AggregateCall struct {
	Fn       *function.Overload
	Args     []expr.Expr
	Distinct bool
	// Filter, when not nil, chooses the rows that count.
	Filter expr.Expr
	// Ordered is set when the arguments have an order of their own.
	Ordered bool
	Name    string
	Type    types.Type
}

// TopN keeps the first Limit rows in an order after leaving out Offset rows.
// The rows that are kept may come in any order.
type TopN struct {
	Keys          []SortKey
	Limit, Offset int64
}

// SortKey is one expression of an order.
type SortKey struct {
	Expr             expr.Expr
	Desc, NullsFirst bool
}

// JoinKind is the kind of a Join.
type JoinKind uint8

// Joins. SemiJoin and AntiJoin have the columns of the left input.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	SemiJoin
	AntiJoin
)

// Join combines two inputs by conjuncts; without any each row goes with each.
type Join struct {
	Kind  JoinKind
	Conds []expr.Expr
}

// SetOperation combines two inputs with equal column types, position by
// position.
type SetOperation struct {
	// Name is UNION, INTERSECT or EXCEPT.
	Name string
	All  bool
	// Columns are the names and types of the result.
	Columns []Column
}

func (*Compute) operation()      {}
func (*Aggregate) operation()    {}
func (*TopN) operation()         {}
func (*Join) operation()         {}
func (*SetOperation) operation() {}

// SealedOperation is an operation that respects the policies of the tables below
// it. Only planner/policy makes one (an architecture test checks it).
type SealedOperation struct{ op Operation }

// SealOperation is for planner/policy alone.
func SealOperation(op Operation) SealedOperation { return SealedOperation{op: op} }

// Operation returns the operation, which must not be changed.
func (s SealedOperation) Operation() Operation { return s.op }
