package operator

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// projectSet computes expressions of which some are set-returning calls, whose
// rows it reads in step.
type projectSet struct {
	q        *Query
	n        *physical.ProjectSet
	in       stream
	programs []*eval.Program // nil for calls
	calls    []setCall
	callOf   []int

	b      *vector.Batch // at hand, counted densely
	vecs   []*vector.Vec
	row    int
	open   bool  // the calls of row are open
	number int64 // of the row of the current input row

	idx   []int32
	dense []kernel.Scratch
	cols  []*vector.Vec
	out   vector.Batch
}

// setCall is one call and its rows for the current input row.
type setCall struct {
	call    *expr.Call
	args    []*eval.Program
	vecs    []*vector.Vec
	rows    *rowSource
	done    bool
	current []types.Datum
}

// projectSet builds a ProjectSet.
func (b *builder) projectSet(n *physical.ProjectSet) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	return over(in, func(t *task, in stream) (stream, error) {
		p := &projectSet{
			q: t.q, n: n, in: in, programs: make([]*eval.Program, len(n.Items)), callOf: make([]int, len(n.Items)),
			vecs: make([]*vector.Vec, len(n.Items)), dense: make([]kernel.Scratch, len(n.Items)),
		}
		seen := map[*expr.Call]int{}
		for i, item := range n.Items {
			if item.Call == nil {
				e, err := eval.Compile(item.Expr, t.q.evalEnv())
				if err != nil {
					return nil, err
				}
				p.programs[i] = e
				continue
			}
			k, ok := seen[item.Call]
			if !ok {
				args, err := t.q.compile(item.Call.Args)
				if err != nil {
					return nil, err
				}
				k = len(p.calls)
				seen[item.Call] = k
				p.calls = append(p.calls, setCall{call: item.Call, args: args})
			}
			p.callOf[i] = k
		}
		return p, nil
	}), nil
}

// begin takes an input batch.
func (p *projectSet) begin(b *vector.Batch) error {
	for i, e := range p.programs {
		if e == nil {
			continue
		}
		v, err := e.Eval(b)
		if err != nil {
			return err
		}
		p.vecs[i] = v
	}
	for i := range p.calls {
		c := &p.calls[i]
		var err error
		if c.vecs, err = evalAll(c.vecs, c.args, b); err != nil {
			return err
		}
	}
	p.b, p.row = b, 0
	return nil
}

// next implements stream.
func (p *projectSet) next() (*vector.Batch, error) {
	if p.b == nil || p.row == p.b.Rows() && !p.open {
		p.b = nil
		b, err := p.in.next()
		if b == nil || err != nil {
			return nil, err
		}
		if err := p.begin(b); err != nil {
			return nil, err
		}
	}
	size := p.q.size
	p.cols, p.idx = p.cols[:0], p.idx[:0]
	for i, c := range p.n.Cols {
		var v *vector.Vec
		if i == len(p.programs) || p.programs[i] == nil {
			v = vector.New(c.Type, size)
		}
		p.cols = append(p.cols, v)
	}
	n := 0
	for steps := 0; n < size && steps < 4*vector.BatchSize && p.row < p.b.Rows(); steps++ {
		more, err := p.advance()
		if err != nil {
			return nil, err
		}
		if !more {
			p.closeCalls()
			p.row++
			continue
		}
		p.idx = append(p.idx, int32(p.row))
		if p.number++; p.n.Ordinality {
			p.cols[len(p.programs)].Set(n, size, types.IntDatum(p.number))
		}
		for i, item := range p.n.Items {
			if p.programs[i] != nil {
				continue
			}
			if c := &p.calls[p.callOf[i]]; c.done || item.Column >= len(c.current) {
				p.cols[i].Set(n, size, types.Null)
			} else {
				p.cols[i].Set(n, size, c.current[item.Column])
			}
		}
		n++
	}
	if n == 0 {
		return nil, nil
	}
	for i, e := range p.programs {
		if e != nil {
			p.cols[i] = p.dense[i].Dense(p.vecs[i], p.idx, n)
		}
	}
	p.out = vector.Batch{N: n, Cols: p.cols}
	return &p.out, nil
}

// advance fetches the next row of every call for the current input row; false
// when all are at their end.
func (p *projectSet) advance() (bool, error) {
	if !p.open {
		p.open, p.number = true, 0
		for i := range p.calls {
			c := &p.calls[i]
			args := make([]types.Datum, len(c.vecs))
			for k, v := range c.vecs {
				args[k] = v.Datum(p.row)
			}
			rows, err := p.q.rows(c.call, args)
			if err != nil {
				return false, err
			}
			c.rows, c.done = rows, false
		}
	}
	more := false
	for i := range p.calls {
		c := &p.calls[i]
		if c.done {
			continue
		}
		row, err, ok := c.rows.next()
		if err != nil {
			return false, err
		}
		c.current, c.done = row, !ok
		more = more || ok
	}
	return more, nil
}

// closeCalls ends the calls of the current input row.
func (p *projectSet) closeCalls() {
	for i := range p.calls {
		if c := &p.calls[i]; c.rows != nil {
			c.rows.stop()
			c.rows = nil
		}
	}
	p.open = false
}

// close implements stream.
func (p *projectSet) close() {
	p.closeCalls()
	p.in.close()
}
