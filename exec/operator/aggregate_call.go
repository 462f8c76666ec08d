package operator

import (
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// errNoAccumulator is the error of a call that cannot be computed.
func errNoAccumulator() error {
	return pgerror.New(pgerror.InternalError, "aggregate function without accumulator")
}

// callInput computes the inputs of one call for one task: its arguments and sort
// keys, on the rows that its FILTER keeps.
type callInput struct {
	at, n  int          // columns of the set of all expressions, without FILTER
	filter *eval.Filter // nil for none
	own    *eval.Set
	rows   []int32
	dense  []kernel.Scratch
	keys   []*vector.Vec
	part   vector.Batch
}

// compile adds the inputs of n to list, or compiles them by themselves.
func (c *callInput) compile(q *Query, n *physical.Agg, list []expr.Expr) ([]expr.Expr, error) {
	inputs := append(append([]expr.Expr(nil), n.Args...), keyExprs(n.OrderBy)...)
	if n.Filter == nil {
		c.at, c.n = len(list), len(inputs)
		return append(list, inputs...), nil
	}
	var err error
	if c.filter, err = eval.CompileFilter([]expr.Expr{n.Filter}, q.evalEnv()); err != nil {
		return nil, err
	}
	c.own, err = eval.CompileSet(inputs, q.evalEnv())
	return list, err
}

// eval fills out for a batch, of which vecs are the values of the set of all
// expressions.
func (c *callInput) eval(b *vector.Batch, vecs []*vector.Vec, out *callRows) error {
	out.skip, out.rows, out.input = false, nil, c
	if c.filter == nil {
		out.inputs = append(out.inputs[:0], vecs[c.at:c.at+c.n]...)
		return nil
	}
	sel, err := c.filter.Select(b)
	if err != nil {
		return err
	}
	if len(sel) < b.Rows() {
		c.rows = positions(c.rows[:0], b.Sel, sel)
		out.rows = c.rows
		if out.inputs = out.inputs[:0]; len(sel) == 0 {
			out.skip = true
			return nil
		}
	}
	c.part = vector.Batch{N: b.N, Sel: sel, Cols: b.Cols}
	if vecs, err = c.own.Eval(&c.part); err != nil {
		return err
	}
	out.inputs = append(out.inputs[:0], vecs...)
	return nil
}

// positions appends where the rows kept are in all (nil: all rows), both
// ascending.
func positions(dst, all, kept []int32) []int32 {
	if all == nil {
		return append(dst, kept...)
	}
	k := int32(0)
	for _, r := range kept {
		for all[k] != r {
			k++
		}
		dst = append(dst, k)
	}
	return dst
}

// keys returns the rows of keys that take part in the call.
func (c *callRows) keys(keys []*vector.Vec) []*vector.Vec {
	if c.rows == nil {
		return keys
	}
	i := c.input
	if i.dense == nil {
		i.dense = make([]kernel.Scratch, len(keys))
	}
	i.keys = i.keys[:0]
	for k, v := range keys {
		i.keys = append(i.keys, i.dense[k].Dense(v, c.rows, len(c.rows)))
	}
	return i.keys
}

// feedSink gives the distinct rows of one feed to the groups.
type feedSink struct {
	a    *aggregate
	feed int
}

// open implements sink.
func (s *feedSink) open(*task) (inlet, error) {
	return &feedInlet{s: s, main: s.a.main.open(), rows: groupRows{calls: make([]callRows, len(s.a.n.Aggs))}}, nil
}

// finish implements sink: the last feed completes the groups.
func (s *feedSink) finish() error {
	if s.a.waiting.Add(-1) > 0 {
		return nil
	}
	return s.a.main.finish()
}

// feedInlet is one task's end of a feedSink.
type feedInlet struct {
	s    *feedSink
	main *groupLocal
	rows groupRows
}

// ready implements inlet.
func (i *feedInlet) ready() bool { return true }

// push implements inlet.
func (i *feedInlet) push(b *vector.Batch) error {
	in, keys := &i.rows, len(i.s.a.n.Keys)
	in.n, in.keys = b.N, append(in.keys[:0], b.Cols[:keys]...)
	for k := range in.calls {
		in.calls[k] = callRows{skip: true, inputs: in.calls[k].inputs[:0]}
	}
	for _, k := range i.s.a.feeds[i.s.feed].calls {
		in.calls[k].skip = false
		in.calls[k].inputs = append(in.calls[k].inputs, b.Cols[keys:]...)
	}
	return i.main.add(in)
}

// end implements inlet.
func (i *feedInlet) end() error { return i.main.end() }
