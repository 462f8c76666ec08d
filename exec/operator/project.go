package operator

import (
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// project computes expressions.
type project struct {
	in     stream
	exprs  *eval.Set
	out    vector.Batch
	hidden bool // a policy's masks (see filter.hidden)
}

// project builds a Project.
func (b *builder) project(n *physical.Project) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	if columns, ok := plainColumns(n.Exprs); ok {
		return over(in, func(_ *task, in stream) (stream, error) {
			return &pick{in: in, columns: columns, cols: make([]*vector.Vec, len(columns))}, nil
		}), nil
	}
	return over(in, func(t *task, in stream) (stream, error) {
		exprs, err := eval.CompileSet(n.Exprs, t.q.evalEnv())
		if err != nil {
			return nil, err
		}
		return &project{in: in, exprs: exprs, hidden: n.Hidden}, nil
	}), nil
}

// next implements stream.
func (p *project) next() (*vector.Batch, error) {
	b, err := p.in.next()
	if b == nil || err != nil {
		return nil, err
	}
	cols, err := p.exprs.Eval(b)
	if err != nil {
		if p.hidden {
			err = hiddenError(err)
		}
		return nil, err
	}
	p.out = vector.Batch{N: b.Rows(), Cols: cols}
	return &p.out, nil
}

// close implements stream.
func (p *project) close() { p.in.close() }

// pick is a projection of nothing but columns: it moves no values and keeps the
// selection.
type pick struct {
	in      stream
	columns []int
	cols    []*vector.Vec
	out     vector.Batch
}

// plainColumns returns the indexes when all of es are columns.
func plainColumns(es []expr.Expr) ([]int, bool) {
	out := make([]int, len(es))
	for i, e := range es {
		c, ok := e.(*expr.Column)
		if !ok {
			return nil, false
		}
		out[i] = int(c.ID)
	}
	return out, true
}

// next implements stream.
func (p *pick) next() (*vector.Batch, error) {
	b, err := p.in.next()
	if b == nil || err != nil {
		return nil, err
	}
	for i, c := range p.columns {
		p.cols[i] = b.Cols[c]
	}
	p.out = vector.Batch{N: b.N, Sel: b.Sel, Cols: p.cols}
	return &p.out, nil
}

// close implements stream.
func (p *pick) close() { p.in.close() }
