// Package physical is the executable plan: operators with their algorithm
// chosen, columns by position. In every expression here expr.Column.ID is the
// index of a column in the node's input; for joins the columns of Left come
// first, those of Right behind them.
package physical

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// Column is one output column of a node.
type Column struct {
	Name string
	Type types.Type
}

// Node is one operator of the plan.
type Node interface {
	// Columns are the outputs in order.
	Columns() []Column
	// Children are the inputs in order.
	Children() []Node
}

// Sized is part of every node that the planner has an estimate for.
type Sized struct {
	// EstRows is the expected number of rows of the node's result, 0 when
	// unknown. It may be wrong by any factor: it only sizes and chooses.
	EstRows float64
	// EstWidth is the expected number of bytes of such a row, 0 when unknown.
	EstWidth float64
}

// SetSize notes an estimate.
func (s *Sized) SetSize(rows, width float64) { s.EstRows, s.EstWidth = rows, width }

// Size returns the estimate.
func (s *Sized) Size() (rows, width float64) { return s.EstRows, s.EstWidth }

// Scan reads a table handle of a source.
type Scan struct {
	Sized
	Server string // "" for system relations
	Table  string // as EXPLAIN shows it
	// Relations describes what the source evaluates over its tables, "" when the
	// rows are those of Table.
	Relations string
	Source    connector.Source
	Handle    connector.TableHandle
	Cols      []Column
	// Deferred are conditions with parameters, over the handle's columns. They
	// are offered to the source when an execution knows the values; the plan
	// evaluates them in any case.
	Deferred []expr.Expr
	// Pushed explains, per predicate, what the source does with it.
	Pushed []PushedFilter
	Rows   float64 // estimate, negative when unknown
	// Dynamic are the dynamic filters on columns of the scan.
	Dynamic []ScanFilter
	// Distinct is how many values each column is expected to have, 0 when nothing
	// is known.
	Distinct []float64
	// Located scans have a column more than the handle, the place of each row; the
	// source is a connector.Locator.
	Located bool
}

// DynamicFilter connects the node that finds out which values of a column matter
// with the scans that read the column. Each execution of the plan has a state of
// its own for it.
type DynamicFilter struct {
	// Awaited filters become known once and for all at some time: they come from
	// the build side of a join. The others narrow as rows arrive.
	Awaited bool
}

// ScanFilter is a dynamic filter on one column of a scan, by position.
type ScanFilter struct {
	Column int
	Filter *DynamicFilter
	// Wait says that it may pay to open the scan only when the filter is known.
	Wait bool
}

// BuildFilter is a dynamic filter that a join publishes: the values of one key of
// its build side, or, when Key is negative, of one column.
type BuildFilter struct {
	Key, Column int
	Filter      *DynamicFilter
}

// PushedFilter is one predicate that was offered to a source.
type PushedFilter struct {
	Text     string // deparsed, for EXPLAIN
	Redacted string // the same without literals
	Outcome  connector.Outcome
}

// Values produces constant rows; every expression is free of columns.
type Values struct {
	Sized
	Rows [][]expr.Expr
	Cols []Column
}

// Filter keeps the rows for which every condition is true.
type Filter struct {
	Sized
	Input Node
	Conds []expr.Expr
	// Hidden conditions are those of a policy: EXPLAIN does not show them.
	Hidden bool
}

// Project computes expressions.
type Project struct {
	Sized
	Input Node
	Exprs []expr.Expr
	Cols  []Column
	// Hidden expressions are the masks of a policy: neither EXPLAIN nor an error
	// shows what is in them.
	Hidden bool
}

// ProjectSet computes expressions of which some are set-returning calls; it
// emits as many rows per input row as the longest set, NULL-padded.
type ProjectSet struct {
	Sized
	Input Node
	// Items are in output order: either Expr or Set is given.
	Items []SetItem
	// Ordinality adds the number of the row within its input row, int8.
	Ordinality bool
	Cols       []Column
}

// SetItem is one output of ProjectSet. A set-returning call of several columns
// appears once per column, with the same Call node.
type SetItem struct {
	Expr   expr.Expr
	Call   *expr.Call // Fn.Rows is not nil
	Column int        // of the call's result
}

// FunctionScan calls a set-returning function with column-free arguments.
type FunctionScan struct {
	Sized
	Call       *expr.Call
	Ordinality bool
	Cols       []Column
}

// SortKey orders by one expression. Less and Equal order of a type are those of
// its default btree operator class.
type SortKey struct {
	Expr       expr.Expr
	Desc       bool
	NullsFirst bool
}

// Agg is one aggregate call.
type Agg struct {
	Fn       *function.Overload
	Args     []expr.Expr
	Distinct bool
	Filter   expr.Expr // nil for none
	OrderBy  []SortKey // over the input
	T        types.Type
}

// HashAggregate groups by Keys. Without keys it yields exactly one row. Outputs
// are the keys, then the aggregates.
type HashAggregate struct {
	Sized
	Input Node
	Keys  []expr.Expr
	Aggs  []Agg
	Cols  []Column
}

// JoinKind is the kind of a join.
type JoinKind uint8

// Join kinds. Semi and Anti output the left columns only; Mark outputs the left
// columns and one boolean: true when a match exists, NULL when none does but one
// comparison was NULL (the result of IN), false otherwise. Single is a left join
// that fails with 21000 when a left row has more than one match. RightSemi and
// RightAnti are Semi and Anti the other way round: they output the right columns
// of the right rows with and without a match.
const (
	Inner JoinKind = iota
	Left
	Right
	Full
	Semi
	Anti
	Mark
	Single
	RightSemi
	RightAnti
)

// String names the kind as EXPLAIN does.
func (k JoinKind) String() string {
	return [...]string{"Inner", "Left", "Right", "Full", "Semi", "Anti", "Mark", "Single", "Right Semi", "Right Anti"}[k]
}

// HashJoin builds a table over Right and probes it with Left.
type HashJoin struct {
	Sized
	Kind        JoinKind
	Left, Right Node
	// LeftKeys are over Left's columns, RightKeys over Right's own columns
	// (starting at 0). Types are pairwise equal.
	LeftKeys, RightKeys []expr.Expr
	// NullSafe[i] makes key i match NULL with NULL (IS NOT DISTINCT FROM).
	NullSafe []bool
	// Residual is a further join condition over both sides, nil for none.
	Residual expr.Expr
	Cols     []Column
	// Needed says which outputs somebody reads, nil for all. The others are there,
	// but what they hold is undefined.
	Needed []bool
	// Publish are the keys and columns of the right side whose values scans use.
	Publish []BuildFilter
}

// RangeCond is an inequality between the sides of a join: Right >= Left (or >)
// when Above is set, else Right <= Left (or <). Both have the same type.
type RangeCond struct {
	Left, Right expr.Expr // over the columns of each side
	Above       bool
}

// NestedLoopJoin keeps Right in memory and tests every pair. Cond may be nil.
type NestedLoopJoin struct {
	Sized
	Kind        JoinKind
	Left, Right Node
	Cond        expr.Expr
	Cols        []Column
	// Ranges are conditions that Cond implies: pairs that fail one need not be
	// tested.
	Ranges []RangeCond
	// Needed is as in HashJoin.
	Needed []bool
}

// Sort orders its input; the sort is stable with one worker.
type Sort struct {
	Sized
	Input Node
	Keys  []SortKey
}

// Limit passes Count rows after Offset. Count and Offset are column-free
// expressions of type int8, nil for none; a NULL Count means no limit. With Keys
// it is a top-N: the input is ordered by Keys first.
type Limit struct {
	Sized
	Input         Node
	Count, Offset expr.Expr
	Keys          []SortKey
	// WithTies also passes the rows equal to the last one by Keys.
	WithTies bool
	// Publish, of a top-N, is where the worst value of the first key that still
	// matters goes; nil when no scan uses it.
	Publish *DynamicFilter
}

// Fetch reads columns of the few rows that are left of a scan. Its rows are those
// of Input in their order.
type Fetch struct {
	Sized
	Input Node
	// Scan is the located scan below Input, whose last column there is Place.
	Scan  *Scan
	Place int
	// Handle reads the columns that are fetched.
	Handle connector.TableHandle
	// From says where each output comes from: a column of Input, or, when negative,
	// column -1-From of the handle.
	From []int
	Cols []Column
}

// Append concatenates its inputs (UNION ALL); columns agree in type.
type Append struct {
	Sized
	Inputs []Node
	Cols   []Column
}

// SetOp is INTERSECT or EXCEPT; NULLs compare equal.
type SetOp struct {
	Sized
	Except      bool
	All         bool
	Left, Right Node
}

// WindowCall is one window function over the partitions of a Window node.
type WindowCall struct {
	Fn     *function.Overload // an aggregate, or one of row_number, rank, ...
	Args   []expr.Expr
	Filter expr.Expr
	Frame  Frame
	T      types.Type
}

// FrameMode is ROWS, RANGE or GROUPS.
type FrameMode uint8

// Frame modes.
const (
	RangeFrame FrameMode = iota
	RowsFrame
	GroupsFrame
)

// BoundKind is the kind of one end of a frame.
type BoundKind uint8

// Frame bounds.
const (
	UnboundedPreceding BoundKind = iota
	OffsetPreceding
	CurrentRow
	OffsetFollowing
	UnboundedFollowing
)

// Frame of a window call. Offsets are column-free expressions.
type Frame struct {
	Mode                   FrameMode
	Start, End             BoundKind
	StartOffset, EndOffset expr.Expr
	// Exclude is 0, or 'c' CURRENT ROW, 'g' GROUP, 't' TIES.
	Exclude byte
}

// Window computes window functions that share partitioning and order. Outputs
// are the input columns, then one per call.
type Window struct {
	Sized
	Input     Node
	Partition []expr.Expr
	OrderBy   []SortKey
	Calls     []WindowCall
	Cols      []Column
}

// Shared materialises Input once per execution; every SharedScan of the same
// Shared reads it. The first of them in execution order fills it.
type Shared struct {
	Name  string
	Input Node
}

// SharedScan reads a Shared.
type SharedScan struct {
	Sized
	Of   *Shared
	Cols []Column
}

// WorkTable is what the rows of one round of a Recursive are called.
type WorkTable struct{ Name string }

// Recursive is WITH RECURSIVE: the rows of Initial, then those of Step over the
// rows of the round before, until a round yields none. Without All a row that
// has been seen is dropped.
type Recursive struct {
	Sized
	Initial, Step Node
	Work          *WorkTable
	All           bool
	Cols          []Column
}

// WorkScan reads the rows of the round before.
type WorkScan struct {
	Sized
	Of   *WorkTable
	Cols []Column
}

// Columns implements Node.
func (n *Recursive) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *WorkScan) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Recursive) Children() []Node { return []Node{n.Initial, n.Step} }

// Children implements Node.
func (n *WorkScan) Children() []Node { return nil }

// Columns implements Node.
func (n *Scan) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *Values) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *Filter) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Project) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *ProjectSet) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *FunctionScan) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *HashAggregate) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *HashJoin) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *NestedLoopJoin) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *Sort) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Fetch) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *Limit) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Append) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *SetOp) Columns() []Column { return n.Left.Columns() }

// Columns implements Node.
func (n *Window) Columns() []Column { return n.Cols }

// Columns implements Node.
func (n *SharedScan) Columns() []Column { return n.Cols }

// Children implements Node.
func (n *Scan) Children() []Node { return nil }

// Children implements Node.
func (n *Values) Children() []Node { return nil }

// Children implements Node.
func (n *Filter) Children() []Node { return []Node{n.Input} }

// Children implements Node.
func (n *Project) Children() []Node { return []Node{n.Input} }

// Children implements Node.
func (n *ProjectSet) Children() []Node { return []Node{n.Input} }

// Children implements Node.
func (n *FunctionScan) Children() []Node { return nil }

// Children implements Node.
func (n *HashAggregate) Children() []Node { return []Node{n.Input} }

// Children implements Node.
func (n *HashJoin) Children() []Node { return []Node{n.Left, n.Right} }

// Children implements Node.
func (n *NestedLoopJoin) Children() []Node { return []Node{n.Left, n.Right} }

// Children implements Node.
func (n *Sort) Children() []Node { return []Node{n.Input} }

// Children implements Node.
func (n *Fetch) Children() []Node { return []Node{n.Input} }

// Children implements Node.
func (n *Limit) Children() []Node { return []Node{n.Input} }

// Children implements Node.
func (n *Append) Children() []Node { return n.Inputs }

// Children implements Node.
func (n *SetOp) Children() []Node { return []Node{n.Left, n.Right} }

// Children implements Node.
func (n *Window) Children() []Node { return []Node{n.Input} }

// Children implements Node. Of's input is not a child: it is executed once,
// however many scans there are.
func (n *SharedScan) Children() []Node { return nil }
