package eval

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// assemble joins parts to one vector of n rows; one part that covers them all
// is returned itself.
func (r *result) assemble(t types.Type, n int, parts []kernel.Part) *vector.Vec {
	if len(parts) == 1 && len(parts[0].Rows) == n {
		return parts[0].Vec
	}
	out := r.reset(t, n)
	kernel.Assemble(out, n, parts)
	return out
}

// caseNode is a searched CASE.
type caseNode struct {
	conds, results []*branch // results has one more for ELSE, or not
	t              types.Type
	rest           []int32
	hits           [][]int32
	parts          []kernel.Part
	out            result
}

// caseOf compiles CASE.
func (c *compiler) caseOf(e *expr.Case) (node, error) {
	n := &caseNode{t: e.T, hits: make([][]int32, len(e.Whens))}
	for _, w := range e.Whens {
		cond, err := c.branch(w.Cond)
		if err != nil {
			return nil, err
		}
		res, err := c.branch(w.Result)
		if err != nil {
			return nil, err
		}
		n.conds, n.results = append(n.conds, cond), append(n.results, res)
	}
	if e.Else != nil {
		res, err := c.branch(e.Else)
		if err != nil {
			return nil, err
		}
		n.results = append(n.results, res)
	}
	return n, nil
}

func (n *caseNode) eval(f *frame) (*vector.Vec, error) {
	n.rest = vector.Identity(n.rest, f.n)
	rest := n.rest
	n.parts = n.parts[:0]
	for k, cond := range n.conds {
		if len(rest) == 0 {
			break
		}
		v, aligned, err := cond.eval(f, rest)
		if err != nil {
			return nil, err
		}
		hit, miss := n.hits[k][:0], rest[:0]
		if v.Kind == vector.Const {
			if v.IsNull(0) || v.Bools()[0] == 0 {
				continue
			}
			hit = append(hit, rest...)
		} else {
			for j, r := range rest {
				at := j
				if aligned {
					at = int(r)
				}
				if !v.IsNull(at) && v.Int(at) != 0 {
					hit = append(hit, r)
				} else {
					miss = append(miss, r)
				}
			}
		}
		n.hits[k], rest = hit, miss
		if err := n.part(f, n.results[k], hit); err != nil {
			return nil, err
		}
	}
	if len(n.results) > len(n.conds) {
		if err := n.part(f, n.results[len(n.conds)], rest); err != nil {
			return nil, err
		}
	}
	return n.out.assemble(n.t, f.n, n.parts), nil
}

// part evaluates a result for the rows that reach it.
func (n *caseNode) part(f *frame, b *branch, rows []int32) error {
	if len(rows) == 0 {
		return nil
	}
	v, aligned, err := b.eval(f, rows)
	if err != nil {
		return err
	}
	n.parts = append(n.parts, kernel.Part{Vec: v, Rows: rows, Aligned: aligned})
	return nil
}

// coalesceNode is COALESCE.
type coalesceNode struct {
	args  []*branch
	t     types.Type
	rest  []int32
	hits  [][]int32
	parts []kernel.Part
	out   result
}

// coalesce compiles COALESCE.
func (c *compiler) coalesce(e *expr.Coalesce) (node, error) {
	n := &coalesceNode{t: e.T, hits: make([][]int32, len(e.Args))}
	for _, a := range e.Args {
		b, err := c.branch(a)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, b)
	}
	return n, nil
}

func (n *coalesceNode) eval(f *frame) (*vector.Vec, error) {
	n.rest = vector.Identity(n.rest, f.n)
	rest := n.rest
	n.parts = n.parts[:0]
	for k, b := range n.args {
		if len(rest) == 0 {
			break
		}
		v, aligned, err := b.eval(f, rest)
		if err != nil {
			return nil, err
		}
		if k == 0 && (v.Kind == vector.Flat && v.Valid == nil || v.Kind == vector.Const && !v.IsNull(0)) {
			return v, nil
		}
		hit, miss := n.hits[k][:0], rest[:0]
		for j, r := range rest {
			at := j
			if aligned {
				at = int(r)
			}
			if v.IsNull(at) {
				miss = append(miss, r)
			} else {
				hit = append(hit, r)
			}
		}
		n.hits[k], rest = hit, miss
		if len(hit) == 0 {
			continue
		}
		if !aligned && len(miss) > 0 {
			// The part's values are numbered by the rows that were open, of
			// which only the hits are taken.
			v = compact(v, hit, miss)
		}
		n.parts = append(n.parts, kernel.Part{Vec: v, Rows: hit, Aligned: aligned})
	}
	return n.out.assemble(n.t, f.n, n.parts), nil
}

// compact keeps the values of v, numbered by the merge of hit and miss, that
// belong to hit.
func compact(v *vector.Vec, hit, miss []int32) *vector.Vec {
	if v.Kind == vector.Const {
		return v
	}
	sel := make([]int32, 0, len(hit))
	m := 0
	for h, r := range hit {
		for m < len(miss) && miss[m] < r {
			m++
		}
		sel = append(sel, int32(h+m))
	}
	out := new(vector.Vec)
	vector.Gather(out, v, sel, len(sel))
	return out
}

// minMaxNode is GREATEST or LEAST: every argument is evaluated.
type minMaxNode struct {
	args     []node
	greatest bool
	t        types.Type
	order    kernel.Comparer
	vecs     []*vector.Vec
	rows     [][]int32
	parts    []kernel.Part
	out      result
}

// minMax compiles GREATEST and LEAST.
func (c *compiler) minMax(e *expr.MinMax) (node, error) {
	args, err := c.nodes(e.Args)
	if err != nil {
		return nil, err
	}
	return &minMaxNode{
		args: args, greatest: e.Greatest, t: e.T, order: kernel.CompareFunc(e.T),
		vecs: make([]*vector.Vec, len(args)), rows: make([][]int32, len(args)),
	}, nil
}

func (n *minMaxNode) eval(f *frame) (*vector.Vec, error) {
	for k, a := range n.args {
		v, err := a.eval(f)
		if err != nil {
			return nil, err
		}
		n.vecs[k], n.rows[k] = v, n.rows[k][:0]
	}
	for i := range f.n {
		best := -1
		for k, v := range n.vecs {
			if v.IsNull(i) {
				continue
			}
			if best >= 0 {
				c := n.order(v, i, n.vecs[best], i)
				if c == 0 || (c > 0) != n.greatest {
					continue
				}
			}
			best = k
		}
		if best >= 0 {
			n.rows[best] = append(n.rows[best], int32(i))
		}
	}
	n.parts = n.parts[:0]
	for k, rows := range n.rows {
		if len(rows) > 0 {
			n.parts = append(n.parts, kernel.Part{Vec: n.vecs[k], Rows: rows, Aligned: true})
		}
	}
	return n.out.assemble(n.t, f.n, n.parts), nil
}

// Infallible reports whether evaluating e never raises an error, whatever the
// values of its columns, and has no effect besides its value.
func Infallible(e expr.Expr) bool {
	ok := true
	fn := func(f *function.Overload) bool { return f.Infallible && f.Volatility != function.Volatile }
	expr.Walk(e, func(e expr.Expr) bool {
		switch e := e.(type) {
		case *expr.Call:
			ok = ok && fn(e.Fn)
		case *expr.Distinct:
			ok = ok && fn(e.Eq)
		case *expr.InList:
			ok = ok && fn(e.Eq)
		case *expr.ArrayCompare:
			ok = ok && fn(e.Fn)
		case *expr.Array:
			ok = false
		}
		return ok
	})
	return ok
}
