// Package eval compiles bound expressions to trees of nodes that each compute
// one vector per batch.
//
// Invariants: a branch of CASE, COALESCE, AND, OR or a later conjunct of a
// filter is never evaluated on a row that an earlier one decided, unless the
// branch is infallible, where the difference cannot be seen. A node's result is
// valid until the node is evaluated again.
package eval

import (
	"context"
	"fmt"
	"sort"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Env is what expressions may read besides their columns. It must not change
// while a Program made with it is in use.
type Env struct {
	Ctx     context.Context
	Session *session.Session
	// Params holds the value of parameter n at n-1.
	Params []types.Datum
	// Memory limits what functions may produce; nil means no limit.
	Memory *memory.Account
}

// frame is the dense input of one evaluation: columns by index, n rows. Columns
// that the expression does not refer to may be nil.
type frame struct {
	cols []*vector.Vec
	n    int
}

// node computes one vector of f.n rows (Const and Dict allowed).
type node interface {
	eval(f *frame) (*vector.Vec, error)
}

// Program is a compiled expression of one worker. It is not safe for concurrent
// use.
type Program struct {
	root  node
	typ   types.Type
	cols  []int
	dense []kernel.Scratch
	whole frame // over the columns of the batch itself
	part  frame // over dense copies
}

// Compile makes a program of e, whose columns are indexes into the batches that
// Eval gets.
func Compile(e expr.Expr, env *Env) (*Program, error) {
	c := compiler{env: env}
	root, err := c.node(e)
	if err != nil {
		return nil, err
	}
	p := &Program{root: root, typ: e.Type(), cols: columnsOf(e)}
	p.dense = make([]kernel.Scratch, len(p.cols))
	return p, nil
}

// Type returns the type of the result.
func (p *Program) Type() types.Type { return p.typ }

// Eval computes the expression for the rows of b. The result has b.Rows() rows,
// may be of any kind, may be a column of b itself, and is valid until the next
// call or until b is.
func (p *Program) Eval(b *vector.Batch) (*vector.Vec, error) {
	if b.Sel == nil {
		p.whole = frame{cols: b.Cols, n: b.N}
		return p.root.eval(&p.whole)
	}
	narrow(&p.part, b.Cols, p.cols, p.dense, b.Sel)
	return p.root.eval(&p.part)
}

// narrow fills f, whose column list is its own, with the rows sel of the columns
// listed.
func narrow(f *frame, from []*vector.Vec, cols []int, dense []kernel.Scratch, sel []int32) {
	if len(cols) > 0 && cap(f.cols) <= cols[len(cols)-1] {
		f.cols = make([]*vector.Vec, cols[len(cols)-1]+1)
	}
	if len(cols) > 0 {
		f.cols = f.cols[:cols[len(cols)-1]+1]
	}
	f.n = len(sel)
	for k, c := range cols {
		f.cols[c] = dense[k].Dense(from[c], sel, len(sel))
	}
}

// columnsOf returns the column indexes that es refer to, ascending.
func columnsOf(es ...expr.Expr) []int {
	set := map[expr.ColumnID]bool{}
	for _, e := range es {
		expr.Columns(e, set)
	}
	out := make([]int, 0, len(set))
	for c := range set {
		out = append(out, int(c))
	}
	sort.Ints(out)
	return out
}

// compiler makes nodes.
type compiler struct {
	env *Env
	// sharing is nil where nothing is shared.
	sharing *sharing
}

// node compiles one expression.
func (c *compiler) node(e expr.Expr) (node, error) {
	switch e := e.(type) {
	case *expr.Call:
		return c.shared(e)
	case *expr.Relabel:
		arg, err := c.node(e.Arg)
		if err != nil {
			return nil, err
		}
		return &relabelNode{arg: arg, t: e.T}, nil
	}
	if c.sharing != nil {
		return c.apart(func() (node, error) { return c.node(e) })
	}
	switch e := e.(type) {
	case *expr.Column:
		return &columnNode{index: int(e.ID)}, nil
	case *expr.Const:
		return newConst(e.T, e.Value), nil
	case *expr.Param:
		if e.N < 1 || e.N > len(c.env.Params) {
			return nil, pgerror.Newf(pgerror.UndefinedParameter, "there is no parameter $%d", e.N)
		}
		return newConst(e.T, c.env.Params[e.N-1]), nil
	case *expr.Logic:
		return c.logic(e)
	case *expr.NullTest:
		arg, err := c.node(e.Arg)
		if err != nil {
			return nil, err
		}
		return &nullTestNode{arg: arg, not: e.Not}, nil
	case *expr.BoolTest:
		arg, err := c.node(e.Arg)
		if err != nil {
			return nil, err
		}
		return &boolTestNode{arg: arg, value: e.Value, not: e.Not}, nil
	case *expr.Distinct:
		return c.distinct(e)
	case *expr.Case:
		return c.caseOf(e)
	case *expr.Coalesce:
		return c.coalesce(e)
	case *expr.MinMax:
		return c.minMax(e)
	case *expr.InList:
		return c.inList(e)
	case *expr.ArrayCompare:
		return c.arrayCompare(e)
	case *expr.Array:
		return c.array(e)
	case *expr.Subscript:
		return c.subscript(e)
	case *expr.Row:
		return c.row(e)
	}
	return nil, pgerror.Newf(pgerror.InternalError, "cannot evaluate expression of kind %s", fmt.Sprintf("%T", e))
}

// nodes compiles a list.
func (c *compiler) nodes(list []expr.Expr) ([]node, error) {
	out := make([]node, len(list))
	for i, e := range list {
		n, err := c.node(e)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// columnNode is a column of the frame.
type columnNode struct{ index int }

func (n *columnNode) eval(f *frame) (*vector.Vec, error) { return f.cols[n.index], nil }

// constNode is a value known at compile time.
type constNode struct{ vec *vector.Vec }

// newConst makes a constant; a numeric is held scaled when it can be.
func newConst(t types.Type, d types.Datum) *constNode {
	v := vector.NewConst(t, d)
	if t.Layout() == types.LayoutNumeric && !d.Null {
		if s := kernel.ToScaled(new(vector.Vec), v, 1); s != nil {
			v = s
		}
	}
	return &constNode{vec: v}
}

func (n *constNode) eval(*frame) (*vector.Vec, error) { return n.vec, nil }

// relabelNode changes the type of a vector and nothing else.
type relabelNode struct {
	arg node
	t   types.Type
	out vector.Vec
}

func (n *relabelNode) eval(f *frame) (*vector.Vec, error) {
	v, err := n.arg.eval(f)
	if err != nil {
		return nil, err
	}
	n.out = *v
	n.out.Type = n.t
	return &n.out, nil
}

// branch is an expression that is evaluated on some rows of a frame.
type branch struct {
	n          node
	cols       []int
	infallible bool
	dense      []kernel.Scratch
	f          frame
}

// branch compiles e as a branch.
func (c *compiler) branch(e expr.Expr) (*branch, error) {
	n, err := c.node(e)
	if err != nil {
		return nil, err
	}
	b := &branch{n: n, cols: columnsOf(e), infallible: Infallible(e)}
	b.dense = make([]kernel.Scratch, len(b.cols))
	return b, nil
}

// eval evaluates the branch for rows, an ascending list of rows of f. When
// aligned is reported the result has a value for every row of f, else one for
// each of rows.
func (b *branch) eval(f *frame, rows []int32) (v *vector.Vec, aligned bool, err error) {
	if len(rows) == f.n || b.infallible && len(rows)*4 >= f.n || len(b.cols) == 0 && b.infallible {
		v, err = b.n.eval(f)
		return v, true, err
	}
	narrow(&b.f, f.cols, b.cols, b.dense, rows)
	v, err = b.n.eval(&b.f)
	return v, false, err
}

// result is the reusable output vector of a node. Its buffers are its own.
type result struct {
	vec   vector.Vec
	valid vector.Bitmap
	buf   []byte
	bufs  [1][]byte
}

// reset makes the vector Flat with n rows of type t, every byte of it zero when
// t is stored as views.
func (r *result) reset(t types.Type, n int) *vector.Vec {
	r.vec.Bufs = nil
	r.vec.Reset(t, n)
	r.vec.Bufs = nil
	if kernel.Width(&r.vec) == 16 {
		clear(r.vec.Backing())
		// A first buffer of the node's own is offered again each time; a value
		// that does not fit makes SetBytes append another.
		if r.buf == nil && n >= 256 {
			r.buf = make([]byte, 0, 64<<10)
		}
		if r.buf != nil {
			r.bufs[0] = r.buf[:0]
			r.vec.Bufs = r.bufs[:1:1]
		}
	}
	return &r.vec
}

// bitmap returns storage for n validity bits.
func (r *result) bitmap(n int) vector.Bitmap {
	words := (n + 63) / 64
	if cap(r.valid) < words {
		r.valid = make(vector.Bitmap, words)
	}
	r.valid = r.valid[:words]
	return r.valid
}
