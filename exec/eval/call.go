package eval

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// callNode applies a scalar function.
type callNode struct {
	fn   *function.Overload
	call *function.Call
	args []node
	vecs []*vector.Vec
	flat []kernel.Scratch
	out  result
	// fixed is set when every argument is a constant of the statement and the
	// function is immutable: the result is computed once.
	fixed bool
	done  *vector.Vec

	// The result on the last dictionary seen.
	dictOut  result
	dictID   uint64
	dictRows int
	dictVec  vector.Vec
}

// call compiles a function call.
func (c *compiler) call(e *expr.Call) (node, error) {
	args, err := c.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	in := make([]types.Type, len(e.Args))
	for i, a := range e.Args {
		in[i] = a.Type()
	}
	n, err := c.apply(e.Fn, args, in, e.T)
	if err != nil {
		return nil, err
	}
	n.call.Explicit = e.Explicit
	return n, nil
}

// apply compiles the application of fn to compiled arguments.
func (c *compiler) apply(fn *function.Overload, args []node, in []types.Type, ret types.Type) (*callNode, error) {
	if fn.Kernel == nil {
		return nil, pgerror.NotSupported("function %s is not supported here", fn.Name)
	}
	n := &callNode{
		fn:   fn,
		args: args,
		vecs: make([]*vector.Vec, len(args)),
		flat: make([]kernel.Scratch, len(args)),
		call: &function.Call{Ctx: c.env.Ctx, Session: c.env.Session, Args: in, Ret: ret, Memory: c.env.Memory},
	}
	n.fixed = fn.Volatility == function.Immutable
	for _, a := range args {
		switch a := a.(type) {
		case *constNode:
		case *callNode:
			n.fixed = n.fixed && a.fixed
		default:
			n.fixed = false
		}
	}
	return n, nil
}

func (n *callNode) eval(f *frame) (*vector.Vec, error) {
	if n.done != nil {
		return n.done, nil
	}
	constant, varying := true, -1
	for i, a := range n.args {
		v, err := a.eval(f)
		if err != nil {
			return nil, err
		}
		n.vecs[i] = v
		if v.Kind != vector.Const {
			if constant {
				varying = i
			} else {
				varying = -1
			}
			constant = false
		} else if n.fn.Strict && v.IsNull(0) {
			return vector.NewNull(n.call.Ret), nil
		}
	}
	if constant && n.fn.Volatility != function.Volatile {
		out, err := n.run(&n.out, 1)
		if err != nil {
			return nil, err
		}
		out.Kind = vector.Const
		if n.fixed {
			n.done = out
		}
		return out, nil
	}
	if varying >= 0 && n.vecs[varying].Kind == vector.Dict && n.fn.Volatility == function.Immutable {
		if v := n.onDictionary(varying, f.n); v != nil {
			return v, nil
		}
	}
	for i, v := range n.vecs {
		n.vecs[i] = n.flat[i].Flat(v, f.n)
	}
	return n.run(&n.out, f.n)
}

// run calls the kernel on n.vecs, which are Flat or Const, for rows rows.
func (n *callNode) run(r *result, rows int) (*vector.Vec, error) {
	out := r.reset(n.call.Ret, rows)
	if n.fn.Strict {
		strictValid(r, out, n.vecs, rows)
	}
	if err := n.fn.Kernel(n.call, n.vecs, rows, out); err != nil {
		return nil, err
	}
	return out, nil
}

// strictValid sets out's validity to the AND of the arguments'.
func strictValid(r *result, out *vector.Vec, args []*vector.Vec, rows int) {
	for _, v := range args {
		if v.Kind == vector.Const || v.Valid == nil {
			continue
		}
		if out.Valid == nil {
			out.Valid = r.bitmap(rows)
			copy(out.Valid, v.Valid)
			continue
		}
		for w := range out.Valid {
			out.Valid[w] &= v.Valid[w]
		}
	}
}

// onDictionary evaluates the call on the entries of its only varying argument
// when they are fewer than the rows. It returns nil when the rows have to be
// evaluated: an entry that no row shows may raise an error that must not be.
func (n *callNode) onDictionary(varying, rows int) *vector.Vec {
	arg := n.vecs[varying]
	if !n.fn.Strict && arg.Valid != nil {
		return nil
	}
	entries := entriesOf(arg, rows)
	if entries > rows {
		return nil
	}
	if arg.DictID == 0 || arg.DictID != n.dictID || entries > n.dictRows {
		n.vecs[varying] = arg.Dict
		_, err := n.run(&n.dictOut, entries)
		n.vecs[varying] = arg
		if err != nil {
			n.dictID = 0
			return nil
		}
		n.dictID, n.dictRows = arg.DictID, entries
	}
	n.dictVec = vector.Vec{Type: n.call.Ret, Kind: vector.Dict, Dict: &n.dictOut.vec, Codes: arg.Codes, Valid: arg.Valid}
	return &n.dictVec
}

// entriesOf returns one more than the largest code among the rows.
func entriesOf(v *vector.Vec, rows int) int {
	top := int32(-1)
	for _, c := range v.Codes[:rows] {
		top = max(top, c)
	}
	return int(top) + 1
}
