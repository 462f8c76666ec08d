// Package function holds the vocabulary of functions, operators, casts and
// aggregates, and the registry that resolves a call to one overload by
// PostgreSQL's rules (chapter 10).
package function

import (
	"context"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
)

// Kind says what a function may be used for (pg_proc.prokind; set-returning is
// proretset).
type Kind byte

// Kinds.
const (
	Scalar    Kind = 'f'
	Agg       Kind = 'a'
	WindowFn  Kind = 'w'
	SetReturn Kind = 's'
)

// Volatility as PostgreSQL defines it (section 38.7).
type Volatility byte

// Volatilities.
const (
	Immutable Volatility = 'i'
	Stable    Volatility = 's'
	Volatile  Volatility = 'v'
)

// Overload is one callable signature. It is immutable once registered.
type Overload struct {
	OID  types.OID // pg_proc.oid where PostgreSQL has the function, else assigned
	Name string
	// Schema is pg_catalog unless set ("hub" for HubSQL's own functions).
	Schema string
	Kind   Kind
	// Args are the declared argument types; polymorphic pseudo-types allowed.
	Args []types.OID
	// Optional is how many trailing arguments may be left out; Defaults holds
	// their values as SQL text.
	Defaults []string
	ArgNames []string
	// Variadic marks the last argument (declared as its array type, or "any")
	// as repeating.
	Variadic bool
	Ret      types.OID
	// RetColumns names the columns of a set-returning function that returns
	// several; nil for one column named after the function.
	RetColumns []Column

	Volatility Volatility
	// Strict functions return NULL for a NULL argument. The evaluator computes
	// the result's validity as the AND of the arguments' before the call.
	Strict bool
	// Leakproof functions reveal nothing of their arguments but by their
	// result: they may run below a policy barrier.
	Leakproof bool
	// Infallible functions never raise an error, whatever the (possibly
	// undefined) values of their arguments: they may be evaluated on rows that
	// a filter has removed.
	Infallible bool

	Kernel    Kernel
	Aggregate *Aggregate
	Rows      RowsFunc

	Doc     string
	Example string
}

// Column is a name and a type.
type Column struct {
	Name string
	Type types.OID
}

// Call is what a kernel knows of its invocation. One Call belongs to one
// expression node of one worker: Scratch may keep state between batches (a
// compiled regular expression, a buffer).
type Call struct {
	Ctx     context.Context
	Session *session.Session
	Args    []types.Type
	Ret     types.Type
	// Explicit is set for a cast written by the user (varchar(n) truncates
	// instead of raising).
	Explicit bool
	Scratch  any
	// Memory is asked before a function makes many or large values, so that no
	// expression outgrows the limit of its query; nil means no limit.
	Memory *memory.Account
}

// Kernel computes n rows of out from n rows of args.
//
// args are Flat or Const, in the layout of their declared type (a numeric may be
// scaled or not: see vector.Vec.Scaled). out is Flat, of type Call.Ret, sized
// for n values. For a strict function out.Valid is already the AND of the
// arguments' validity, and values under a NULL are undefined: a kernel that can
// fail skips them. The kernel may clear further bits (vector.Vec.SetNull). out
// may alias buffers of args (Bufs) but no argument is changed.
type Kernel func(c *Call, args []*vector.Vec, n int, out *vector.Vec) error

// Aggregate makes accumulators.
type Aggregate struct {
	// New returns an accumulator for any number of groups.
	New func(c *Call) (Accumulator, error)
	// IgnoresOrder is set when the result does not depend on the order of the
	// input and duplicates matter as usual.
	IgnoresOrder bool
	// Ordered marks ordered-set aggregates (WITHIN GROUP).
	Ordered bool
}

// Accumulator holds the states of one aggregate for all groups, column-wise.
// It is used by one goroutine at a time.
type Accumulator interface {
	Footprint
	Stored
	// Grow makes room for exactly groups 0..n-1; new groups are empty. A caller
	// that adds groups one by one doubles n.
	Grow(n int)
	// Update adds row i of args to group groups[i], for all i < len(groups), in
	// that order. args are dense, Flat or Const. NULL arguments are passed.
	Update(groups []int32, args []*vector.Vec) error
	// Merge adds group from[i] of other, an accumulator of the same kind, to
	// group into[i].
	Merge(other Accumulator, from, into []int32) error
	// Result stores the results of groups from..to-1 into rows 0.. of out,
	// which is Flat and sized.
	Result(from, to int, out *vector.Vec) error
}

// Footprint is what something allocates for groups.
type Footprint interface {
	// Width is how many bytes Grow allocates per group.
	Width() int64
	// Bytes is the memory held, for the account.
	Bytes() int64
}

// Stored is something whose states can be written and read back in the same
// process.
type Stored interface {
	// Save stores the states of groups as bytes in out, a Flat bytea vector of
	// len(groups) rows whose views are zero.
	Save(groups []int32, out *vector.Vec) error
	// Load merges state i of such a vector, without NULLs among them, into group
	// into[i]. A state that is damaged is XX001.
	Load(states *vector.Vec, into []int32) error
}

// Run is the rows of a batch that belong to one group.
type Run struct {
	Group int32
	// Rows are the rows in ascending order; nil means rows 0..N-1.
	Rows []int32
	N    int
}

// RunUpdater is an Accumulator that is faster when the rows of a batch come
// group by group, as they can when groups are few: a sum then stays in a
// register.
type RunUpdater interface {
	// UpdateRuns does what Update does.
	UpdateRuns(runs []Run, args []*vector.Vec) error
}

// Sharer is an Accumulator whose states also give the result of another
// aggregate over the same arguments, as those of avg give sum.
type Sharer interface {
	// Share returns an accumulator that reads the states of this one and gives
	// the results of other, a new accumulator; nil when its states are
	// different. Only Result of what it returns may be called.
	Share(other Accumulator) Accumulator
}

// RowsFunc is the body of a set-returning function: for one row of arguments it
// calls emit for each result row.
type RowsFunc func(c *Call, args []types.Datum, emit func(row []types.Datum) error) error

// CastContext says where a cast is applied without being written
// (pg_cast.castcontext).
type CastContext byte

// Cast contexts.
const (
	Implicit   CastContext = 'i'
	Assignment CastContext = 'a'
	Explicit   CastContext = 'e'
)

// Cast is one entry of pg_cast.
type Cast struct {
	From, To types.OID
	Context  CastContext
	// Fn converts; it also applies the modifier of Call.Ret. nil means binary
	// coercible: the values are used as they are.
	Fn *Overload
	// OID is pg_cast.oid; one is assigned when it is 0.
	OID types.OID
}

// Operator is one entry of pg_operator. Left is 0 for a prefix operator.
type Operator struct {
	Name        string
	Left, Right types.OID
	Fn          *Overload
	// Commutator and Negator are operator names, "" for none.
	Commutator, Negator string
	// OID is pg_operator.oid where PostgreSQL has the operator, else assigned.
	OID types.OID
}
