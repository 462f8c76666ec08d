package eval

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// Set is a list of expressions over the same rows. A call that several of them
// contain, or one contains twice, is computed once per batch, and a column that
// several use is made dense once. It belongs to one worker.
type Set struct {
	roots []node
	types []types.Type
	cols  []int
	dense []kernel.Scratch
	whole frame
	part  frame
	out   []*vector.Vec
	round uint64
}

// CompileSet makes a set of es, whose columns are indexes into the batches that
// Eval gets.
func CompileSet(es []expr.Expr, env *Env) (*Set, error) {
	s := &Set{}
	c := compiler{env: env, sharing: &sharing{round: &s.round}}
	for _, e := range es {
		c.sharing.find(e)
	}
	for _, e := range es {
		n, err := c.node(e)
		if err != nil {
			return nil, err
		}
		s.roots, s.types = append(s.roots, n), append(s.types, e.Type())
	}
	s.cols = columnsOf(es...)
	s.dense = make([]kernel.Scratch, len(s.cols))
	s.out = make([]*vector.Vec, len(es))
	return s, nil
}

// Len returns the number of expressions.
func (s *Set) Len() int { return len(s.roots) }

// Types returns the types of the results, which must not be changed.
func (s *Set) Types() []types.Type { return s.types }

// Eval computes the expressions for the rows of b: vectors of b.Rows() rows of
// any kind, maybe columns of b itself or the same vector twice, valid until the
// next call or until b is.
func (s *Set) Eval(b *vector.Batch) ([]*vector.Vec, error) {
	s.round++
	f := &s.whole
	if b.Sel == nil {
		f.cols, f.n = b.Cols, b.N
	} else {
		f = &s.part
		narrow(f, b.Cols, s.cols, s.dense, b.Sel)
	}
	for i, n := range s.roots {
		v, err := n.eval(f)
		if err != nil {
			return nil, err
		}
		s.out[i] = v
	}
	return s.out, nil
}

// sharing finds the calls that occur more than once where every row is
// evaluated: outside the branches of CASE, AND and the like, whose rows differ.
type sharing struct {
	round *uint64
	seen  []*expr.Call
	list  []*sharedNode
}

// sharedNode is a call that is computed once per round.
type sharedNode struct {
	of    *expr.Call
	n     node // nil until it is compiled
	round *uint64
	at    uint64
	vec   *vector.Vec
}

func (n *sharedNode) eval(f *frame) (*vector.Vec, error) {
	if n.at == *n.round {
		return n.vec, nil
	}
	v, err := n.n.eval(f)
	if err != nil {
		return nil, err
	}
	n.vec, n.at = v, *n.round
	return v, nil
}

// find notes the calls of e that occur again.
func (s *sharing) find(e expr.Expr) {
	switch e := e.(type) {
	case *expr.Relabel:
		s.find(e.Arg)
	case *expr.Call:
		if s.of(e) != nil {
			return // what it consists of is shared with it
		}
		for _, o := range s.seen {
			if o.Fn == e.Fn && expr.Equal(o, e) && Steady(e) {
				s.list = append(s.list, &sharedNode{of: e, round: s.round})
				return
			}
		}
		s.seen = append(s.seen, e)
		for _, a := range e.Args {
			s.find(a)
		}
	}
}

// of returns the shared form of a call, nil when it has none.
func (s *sharing) of(e *expr.Call) *sharedNode {
	for _, n := range s.list {
		if n.of.Fn == e.Fn && expr.Equal(n.of, e) {
			return n
		}
	}
	return nil
}

// Steady reports whether e has the same value each time it is evaluated for the
// same row in one statement: it calls nothing volatile.
func Steady(e expr.Expr) bool {
	ok := true
	expr.Walk(e, func(e expr.Expr) bool {
		for _, fn := range functionsOf(e) {
			ok = ok && fn.Volatility != function.Volatile
		}
		return ok
	})
	return ok
}

// shared compiles a call, which may be shared.
func (c *compiler) shared(e *expr.Call) (node, error) {
	s := c.sharing
	if s == nil {
		return c.call(e)
	}
	n := s.of(e)
	if n == nil {
		return c.call(e)
	}
	if n.n == nil {
		inner, err := c.call(e)
		if err != nil {
			return nil, err
		}
		n.n = inner
	}
	return n, nil
}

// apart compiles with nothing shared what f compiles.
func (c *compiler) apart(f func() (node, error)) (node, error) {
	s := c.sharing
	c.sharing = nil
	defer func() { c.sharing = s }()
	return f()
}
