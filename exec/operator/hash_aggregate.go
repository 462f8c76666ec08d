package operator

import (
	"io"
	"slices"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// aggregate is the sink of a HashAggregate. The distinct inputs of calls with
// DISTINCT are groups of their own, by the keys and the inputs: when all rows
// have come, they are read and fed to the groups by the keys alone.
type aggregate struct {
	q     *Query
	n     *physical.HashAggregate
	main  *grouping
	feeds []*distinctFeed
	// waiting counts the feeds that have not been read.
	waiting atomic.Int32
	// fed is set when the feeds bring every group.
	fed bool
}

// distinctFeed is the distinct inputs of the calls that have the same ones.
type distinctFeed struct {
	calls []int
	rows  *grouping
}

// aggregate builds a HashAggregate.
func (b *builder) aggregate(n *physical.HashAggregate, st *stat) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	a := &aggregate{q: b.q, n: n}
	keys := exprTypes(n.Keys)
	calls := make([]groupCall, len(n.Aggs))
	for k := range n.Aggs {
		if calls[k], err = b.q.groupCall(n, k, calls[:k]); err != nil {
			return part{}, err
		}
	}
	for k := range calls {
		if c := &calls[k]; c.n.Distinct && c.shares < 0 {
			a.addFeed(k, c, keys, st)
		}
	}
	if len(a.feeds) > 0 {
		a.fed = len(keys) > 0
		for k := range calls {
			calls[k].partial = true
			a.fed = a.fed && (calls[k].shares >= 0 || calls[k].n.Distinct && calls[k].n.Filter == nil)
		}
	}
	a.main = newGrouping(b.q, st.account, keys, calls)
	read := func(g *grouping) func(t *task) (stream, error) {
		return func(t *task) (stream, error) { return &groupStream{t: t, r: groupReader{g: g}}, nil }
	}
	if len(a.feeds) == 0 {
		return b.breaker(in, a, st, read(a.main)), nil
	}
	first := b.pipeline(in, a, st)
	a.waiting.Store(int32(len(a.feeds)))
	var after []*pipeline
	for i, f := range a.feeds {
		rows := part{open: read(f.rows), after: []*pipeline{first}}
		after = append(after, b.pipeline(rows, &feedSink{a: a, feed: i}, st))
	}
	return part{open: read(a.main), after: after}, nil
}

// groupCall compiles aggregate k of n; before are those in front of it.
func (q *Query) groupCall(n *physical.HashAggregate, k int, before []groupCall) (groupCall, error) {
	agg := &n.Aggs[k]
	c := groupCall{n: agg, shares: -1, partial: agg.Filter != nil}
	if agg.Fn == nil || agg.Fn.Aggregate == nil {
		return c, errNoAccumulator()
	}
	acc, err := agg.Fn.Aggregate.New(q.call(agg.Args, agg.T))
	if err != nil {
		return c, err
	}
	for j := range before {
		o := &before[j]
		if o.shares >= 0 || !sameRows(o.n, agg) {
			continue
		}
		if o.n.Fn == agg.Fn && o.n.T == agg.T {
			c.shares = j
			return c, nil
		}
		first, err := o.n.Fn.Aggregate.New(q.call(o.n.Args, o.n.T))
		if err != nil {
			return c, err
		}
		if s, ok := first.(function.Sharer); ok && s.Share(acc) != nil {
			c.shares = j
			return c, nil
		}
	}
	c.inputs = append(exprTypes(agg.Args), exprTypes(keyExprs(agg.OrderBy))...)
	switch {
	case len(agg.OrderBy) > 0:
		c.order, c.orderAt = newOrdering(agg.OrderBy), len(agg.Args)
	case agg.Distinct && !agg.Fn.Aggregate.IgnoresOrder:
		// PostgreSQL finds the distinct rows by sorting.
		c.order = ascending(exprTypes(agg.Args))
	}
	return c, nil
}

// sameRows reports whether two calls get the same rows in the same order.
func sameRows(a, b *physical.Agg) bool {
	if a.Distinct != b.Distinct || len(a.Args) != len(b.Args) || len(a.OrderBy) != len(b.OrderBy) || (a.Filter == nil) != (b.Filter == nil) {
		return false
	}
	if a.Filter != nil && !(expr.Equal(a.Filter, b.Filter) && eval.Steady(a.Filter)) {
		return false
	}
	for i := range a.Args {
		if !expr.Equal(a.Args[i], b.Args[i]) || !eval.Steady(a.Args[i]) {
			return false
		}
	}
	for i, o := range a.OrderBy {
		if p := b.OrderBy[i]; !expr.Equal(o.Expr, p.Expr) || o.Desc != p.Desc || o.NullsFirst != p.NullsFirst || !eval.Steady(o.Expr) {
			return false
		}
	}
	return true
}

// addFeed makes call k, which is distinct, wait for the distinct rows.
func (a *aggregate) addFeed(k int, c *groupCall, keys []types.Type, st *stat) {
	for _, f := range a.feeds {
		if sameRows(&a.n.Aggs[f.calls[0]], &a.n.Aggs[k]) {
			f.calls = append(f.calls, k)
			return
		}
	}
	ts := append(slices.Clone(keys), c.inputs...)
	a.feeds = append(a.feeds, &distinctFeed{calls: []int{k}, rows: newGrouping(a.q, st.account, ts, nil)})
}

// aggregateInlet is one task's end of the sink.
type aggregateInlet struct {
	a     *aggregate
	exprs *eval.Set // keys, then the inputs of calls without FILTER
	calls []*callInput
	main  *groupLocal
	feeds []*groupLocal
	rows  groupRows
	feed  groupRows
}

// open implements sink.
func (a *aggregate) open(*task) (inlet, error) {
	i := &aggregateInlet{a: a, rows: groupRows{calls: make([]callRows, len(a.n.Aggs))}}
	list := slices.Clone(a.n.Keys)
	for k := range a.n.Aggs {
		c := &callInput{}
		if a.main.calls[k].shares < 0 {
			var err error
			if list, err = c.compile(a.q, &a.n.Aggs[k], list); err != nil {
				return nil, err
			}
		}
		i.calls = append(i.calls, c)
	}
	var err error
	if i.exprs, err = eval.CompileSet(list, a.q.evalEnv()); err != nil {
		return nil, err
	}
	i.main = a.main.open()
	for _, f := range a.feeds {
		i.feeds = append(i.feeds, f.rows.open())
	}
	return i, nil
}

// ready implements inlet.
func (i *aggregateInlet) ready() bool { return true }

// push implements inlet.
func (i *aggregateInlet) push(b *vector.Batch) error {
	vecs, err := i.exprs.Eval(b)
	if err != nil {
		return err
	}
	in := &i.rows
	in.n, in.keys = b.Rows(), append(in.keys[:0], vecs[:len(i.a.n.Keys)]...)
	for k, c := range i.calls {
		if i.a.main.calls[k].shares >= 0 {
			continue
		}
		if err := c.eval(b, vecs, &in.calls[k]); err != nil {
			return err
		}
	}
	for f, l := range i.feeds {
		if err := i.pushDistinct(l, &in.calls[i.a.feeds[f].calls[0]]); err != nil {
			return err
		}
	}
	if i.a.fed {
		return nil
	}
	for k := range i.calls {
		in.calls[k].skip = in.calls[k].skip || i.a.n.Aggs[k].Distinct
	}
	return i.main.add(in)
}

// pushDistinct adds the rows of a call to its distinct ones.
func (i *aggregateInlet) pushDistinct(l *groupLocal, c *callRows) error {
	if c.skip { // its filter keeps no row of the batch
		return nil
	}
	in := &i.feed
	in.n, in.keys = i.rows.n, in.keys[:0]
	if c.rows != nil {
		in.n = len(c.rows)
	}
	in.keys = append(in.keys, c.keys(i.rows.keys)...)
	in.keys = append(in.keys, c.inputs...)
	return l.add(in)
}

// end implements inlet.
func (i *aggregateInlet) end() error {
	for _, l := range i.feeds {
		if err := l.end(); err != nil {
			return err
		}
	}
	return i.main.end()
}

// finish implements sink.
func (a *aggregate) finish() error {
	if len(a.feeds) == 0 {
		return a.main.finish()
	}
	for _, f := range a.feeds {
		if err := f.rows.finish(); err != nil {
			return err
		}
	}
	return nil
}

// groupStream reads the groups of an aggregate.
type groupStream struct {
	t     *task
	r     groupReader
	begun bool
	ended bool
}

// next implements stream.
func (s *groupStream) next() (*vector.Batch, error) {
	if s.ended {
		return nil, io.EOF
	}
	if !s.begun {
		s.begun = true
		s.t.p.want(s.r.g.want())
	}
	b, err := s.r.read()
	s.ended = err == io.EOF
	return b, err
}

// close implements stream.
func (s *groupStream) close() { s.r.close() }
