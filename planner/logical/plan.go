// Package logical is the plan as algebra: columns by identity, no algorithm
// chosen. Nodes are immutable once the binder has finished; rules build changed
// copies with WithInputs.
package logical

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// Column is an output column with its identity.
type Column struct {
	ID   expr.ColumnID
	Name string
	Type types.Type
}

// Ref returns an expression that reads the column.
func (c Column) Ref() *expr.Column { return &expr.Column{ID: c.ID, Name: c.Name, T: c.Type} }

// Node is one operator of the algebra.
type Node interface {
	// Outputs are the columns in order.
	Outputs() []Column
	// Inputs are the children in order.
	Inputs() []Node
	// WithInputs returns a copy over other children.
	WithInputs(in []Node) Node
}

// Scan reads a table of a source. Cols[i] is the handle's column i.
type Scan struct {
	Server string
	Table  string
	// Relations describes the operations that the source evaluates over its
	// tables, "" when the rows are those of Table.
	Relations string
	Source    connector.Source
	Handle    connector.TableHandle
	Cols      []Column
	Pushed    []physical.PushedFilter
	// Deferred are conditions that wait for the values of parameters to be
	// offered to the source; they are evaluated above the scan as well.
	Deferred []expr.Expr
	// Rows is the estimated number of rows, negative when unknown.
	Rows float64
	// Stats describes the whole table, as far as the reader may know; nil when
	// nothing is known.
	Stats Statistics
	// Of maps the outputs to the table's columns; nil when they are the same.
	Of []int
	// Sealed is set by the policy door: filters may be pushed into the handle
	// only then.
	Sealed bool
	// Hides says that the source drops rows by the row filters of a policy as part
	// of its operations: what is pushed from above must be leakproof.
	Hides bool
}

// Barrier stands above the policies of one base relation. No expression that a
// user wrote passes below it unless Admits allows.
type Barrier struct {
	Input Node
	// Table names the relation for EXPLAIN.
	Table string
	// Admits reports whether a predicate over Input's columns may be evaluated
	// below.
	Admits func(e expr.Expr) bool
}

// Values produces constant rows.
type Values struct {
	Rows [][]expr.Expr
	Cols []Column
}

// Filter keeps the rows for which every condition is true.
type Filter struct {
	Input Node
	Conds []expr.Expr
	// Policy marks the row filters of a table: they are evaluated here even when
	// the source has evaluated them too, and never merged with other filters.
	Policy bool
	// Exact says of the row filters of a table that the source drops exactly the
	// rows that they drop.
	Exact bool
}

// Project computes Exprs; Cols are the outputs. An expression that only reads a
// column may keep that column's identity.
type Project struct {
	Input Node
	Exprs []expr.Expr
	Cols  []Column
	// Policy marks the masks of a table.
	Policy bool
}

// SetCall is a set-returning call with one output per column of its result.
type SetCall struct {
	Call *expr.Call
	Cols []Column
}

// ProjectSet passes the input's columns and adds those of set-returning calls,
// run in step; Ordinality adds a counter per input row as the last column.
type ProjectSet struct {
	Input      Node
	Calls      []SetCall
	Ordinality *Column
	// Outer keeps an input row without results (ProjectSet of a select list
	// drops it).
	Outer bool
}

// AggCall is one aggregate.
type AggCall struct {
	Fn       *function.Overload
	Args     []expr.Expr
	Distinct bool
	Filter   expr.Expr
	OrderBy  []SortKey
	Col      Column
}

// Aggregate groups its input by Keys (Cols[i] names key i); without keys it
// yields one row. Outputs are the keys, then the aggregates.
type Aggregate struct {
	Input Node
	Keys  []expr.Expr
	Cols  []Column
	Aggs  []AggCall
}

// Join combines two inputs. For Semi and Anti the outputs are the left ones,
// for Mark the left ones and Mark. When Lateral is set, Right refers to columns
// of Left; the optimizer removes this before lowering. KeepLeft says of a Semi or
// Anti join with a key that the rows of Left are the ones to be kept in memory.
type Join struct {
	Kind        physical.JoinKind
	Left, Right Node
	Cond        expr.Expr // nil means true
	Mark        Column
	Lateral     bool
	KeepLeft    bool
}

// SortKey orders by one expression.
type SortKey struct {
	Expr       expr.Expr
	Desc       bool
	NullsFirst bool
}

// Sort orders its input.
type Sort struct {
	Input Node
	Keys  []SortKey
}

// Limit passes Count rows after Offset (nil: none). WithTies needs a Sort below.
type Limit struct {
	Input         Node
	Count, Offset expr.Expr
	WithTies      bool
}

// SetOpKind is the kind of a set operation.
type SetOpKind uint8

// Set operations.
const (
	Union SetOpKind = iota
	Intersect
	Except
)

// SetOp combines inputs of equal column types position by position.
type SetOp struct {
	Kind        SetOpKind
	All         bool
	Left, Right Node
	Cols        []Column
}

// WindowCall is one window function.
type WindowCall struct {
	Fn     *function.Overload
	Args   []expr.Expr
	Filter expr.Expr
	Frame  physical.Frame
	Col    Column
}

// Window computes window functions sharing partition and order; outputs are the
// input's columns, then the calls'.
type Window struct {
	Input     Node
	Partition []expr.Expr
	OrderBy   []SortKey
	Calls     []WindowCall
}

// Shared is a subplan that several SharedScans read (a CTE). It is not a node.
type Shared struct {
	Name  string
	Input Node
	// Refs counts the scans that the binder made.
	Refs int
	// Materialize is MATERIALIZED: never inlined.
	Materialize bool
}

// SharedScan reads a Shared under new identities: Cols[i] is output i of it.
type SharedScan struct {
	Of   *Shared
	Cols []Column
}

// Recursive is WITH RECURSIVE (physical.Recursive). Initial and Step output the
// columns of Cols in order.
type Recursive struct {
	Initial, Step Node
	Work          *physical.WorkTable
	All           bool
	Cols          []Column
}

// WorkScan reads the rows of the round before.
type WorkScan struct {
	Of   *physical.WorkTable
	Cols []Column
}

// Outputs implements Node.
func (n *Recursive) Outputs() []Column { return n.Cols }

// Outputs implements Node.
func (n *WorkScan) Outputs() []Column { return n.Cols }

// Inputs implements Node.
func (n *Recursive) Inputs() []Node { return []Node{n.Initial, n.Step} }

// Inputs implements Node.
func (n *WorkScan) Inputs() []Node { return nil }

// WithInputs implements Node.
func (n *Recursive) WithInputs(in []Node) Node { c := *n; c.Initial, c.Step = in[0], in[1]; return &c }

// WithInputs implements Node.
func (n *WorkScan) WithInputs([]Node) Node { return n }

// Outputs implements Node.
func (n *Scan) Outputs() []Column { return n.Cols }

// Outputs implements Node.
func (n *Barrier) Outputs() []Column { return n.Input.Outputs() }

// Outputs implements Node.
func (n *Values) Outputs() []Column { return n.Cols }

// Outputs implements Node.
func (n *Filter) Outputs() []Column { return n.Input.Outputs() }

// Outputs implements Node.
func (n *Project) Outputs() []Column { return n.Cols }

// Outputs implements Node.
func (n *ProjectSet) Outputs() []Column {
	out := append([]Column(nil), n.Input.Outputs()...)
	for _, c := range n.Calls {
		out = append(out, c.Cols...)
	}
	if n.Ordinality != nil {
		out = append(out, *n.Ordinality)
	}
	return out
}

// Outputs implements Node.
func (n *Aggregate) Outputs() []Column {
	out := append([]Column(nil), n.Cols...)
	for _, a := range n.Aggs {
		out = append(out, a.Col)
	}
	return out
}

// Outputs implements Node.
func (n *Join) Outputs() []Column {
	l := n.Left.Outputs()
	switch n.Kind {
	case physical.Semi, physical.Anti:
		return l
	case physical.Mark:
		return append(append([]Column(nil), l...), n.Mark)
	}
	return append(append([]Column(nil), l...), n.Right.Outputs()...)
}

// Outputs implements Node.
func (n *Sort) Outputs() []Column { return n.Input.Outputs() }

// Outputs implements Node.
func (n *Limit) Outputs() []Column { return n.Input.Outputs() }

// Outputs implements Node.
func (n *SetOp) Outputs() []Column { return n.Cols }

// Outputs implements Node.
func (n *Window) Outputs() []Column {
	out := append([]Column(nil), n.Input.Outputs()...)
	for _, c := range n.Calls {
		out = append(out, c.Col)
	}
	return out
}

// Outputs implements Node.
func (n *SharedScan) Outputs() []Column { return n.Cols }

// Inputs implements Node.
func (n *Scan) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Barrier) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Values) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Filter) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Project) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *ProjectSet) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Aggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Join) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *Sort) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Limit) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *SetOp) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *Window) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *SharedScan) Inputs() []Node { return nil }

// WithInputs implements Node.
func (n *Scan) WithInputs([]Node) Node { return n }

// WithInputs implements Node.
func (n *Barrier) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *Values) WithInputs([]Node) Node { return n }

// WithInputs implements Node.
func (n *Filter) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *Project) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *ProjectSet) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *Aggregate) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *Join) WithInputs(in []Node) Node { c := *n; c.Left, c.Right = in[0], in[1]; return &c }

// WithInputs implements Node.
func (n *Sort) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *Limit) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *SetOp) WithInputs(in []Node) Node { c := *n; c.Left, c.Right = in[0], in[1]; return &c }

// WithInputs implements Node.
func (n *Window) WithInputs(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// WithInputs implements Node.
func (n *SharedScan) WithInputs([]Node) Node { return n }
