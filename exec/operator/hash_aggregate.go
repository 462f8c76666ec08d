package operator

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// aggregate is the sink of a HashAggregate. Every task groups into a table of
// its own; at the end the tables are merged into the first.
type aggregate struct {
	q       *Query
	n       *physical.HashAggregate
	account *memory.Account
	keys    []types.Type

	mu     sync.Mutex
	locals []*aggregateInlet
	// Reading: the next group, and a lock since accumulators serve one goroutine.
	next    atomic.Int64
	results sync.Mutex
}

// aggregate builds a HashAggregate.
func (b *builder) aggregate(n *physical.HashAggregate, st *stat) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	a := &aggregate{q: b.q, n: n, account: st.account, keys: exprTypes(n.Keys)}
	return b.breaker(in, a, st, func(t *task) (stream, error) { return &groupStream{a: a, t: t}, nil }), nil
}

// aggregateInlet is one task's groups.
type aggregateInlet struct {
	a     *aggregate
	keys  []*eval.Program
	table *groupTable // nil without keys
	calls []*aggregateCall
	mem   budget // of the accumulators
	vecs  []*vector.Vec
	zero  []int32
}

// open implements sink.
func (a *aggregate) open(*task) (inlet, error) {
	i := &aggregateInlet{a: a, mem: budget{account: a.account}}
	var err error
	if i.keys, err = a.q.compile(a.n.Keys); err != nil {
		return nil, err
	}
	if len(i.keys) > 0 {
		i.table = newGroupTable(a.account, a.keys)
	}
	for k := range a.n.Aggs {
		c, err := newAggregateCall(a.q, a.account, &a.n.Aggs[k])
		if err != nil {
			return nil, err
		}
		i.calls = append(i.calls, c)
	}
	i.grow()
	a.mu.Lock()
	a.locals = append(a.locals, i)
	a.mu.Unlock()
	return i, nil
}

// groups returns the number of groups.
func (i *aggregateInlet) groups() int {
	if i.table == nil {
		return 1
	}
	return i.table.groups()
}

// grow makes the accumulators fit the groups.
func (i *aggregateInlet) grow() {
	n := i.groups()
	for _, c := range i.calls {
		c.acc.Grow(n)
	}
}

// pay charges what the accumulators hold.
func (i *aggregateInlet) pay() error {
	bytes := int64(0)
	for _, c := range i.calls {
		bytes += c.acc.Bytes()
	}
	return i.mem.set(bytes)
}

// ready implements inlet.
func (i *aggregateInlet) ready() bool { return true }

// push implements inlet.
func (i *aggregateInlet) push(b *vector.Batch) error {
	n := b.Rows()
	var groups []int32
	if i.table == nil {
		if len(i.zero) < n {
			i.zero = make([]int32, n)
		}
		groups = i.zero[:n]
	} else {
		var err error
		if i.vecs, err = evalAll(i.vecs, i.keys, b); err != nil {
			return err
		}
		if groups, err = i.table.find(i.vecs, n, true); err != nil {
			return err
		}
		if len(i.table.fresh) > 0 {
			i.grow()
		}
	}
	for _, c := range i.calls {
		if err := c.update(b, groups); err != nil {
			return err
		}
	}
	return i.pay()
}

// end implements inlet.
func (i *aggregateInlet) end() error { return nil }

// finish implements sink: it merges the tasks' tables.
func (a *aggregate) finish() error {
	into := a.locals[0]
	for _, from := range a.locals[1:] {
		mapping := into.zero[:0]
		if into.table == nil {
			mapping = append(mapping, 0)
		} else {
			var b vector.Batch
			for at := 0; at < from.groups() && !a.q.stopped.Load(); at += vector.BatchSize {
				to := min(at+vector.BatchSize, from.groups())
				from.table.store.slice(&b, at, to)
				groups, err := into.table.find(b.Cols, to-at, true)
				if err != nil {
					return err
				}
				mapping = append(mapping, groups...)
			}
			into.grow()
		}
		if a.q.stopped.Load() {
			return nil
		}
		for k, c := range into.calls {
			if err := c.merge(from.calls[k], mapping); err != nil {
				return err
			}
		}
		if err := into.pay(); err != nil {
			return err
		}
		if from.table != nil {
			from.table.drop()
		}
		from.mem.release()
		clear(into.zero)
	}
	a.locals = a.locals[:1]
	for _, c := range into.calls {
		if err := c.finish(); err != nil {
			return err
		}
	}
	return into.pay()
}

// groupStream reads the groups of an aggregate; tasks take ranges of them.
type groupStream struct {
	a     *aggregate
	t     *task
	begun bool
	idx   []int32
	vecs  []vector.Vec
	cols  []*vector.Vec
	batch vector.Batch
	out   vector.Batch
}

// next implements stream.
func (g *groupStream) next() (*vector.Batch, error) {
	a := g.a
	groups := a.locals[0]
	total, size := groups.groups(), a.q.size
	if !g.begun {
		g.begun = true
		if total >= splitRows {
			g.t.p.want(a.q.workers)
		}
		g.vecs = make([]vector.Vec, len(a.keys)+len(groups.calls))
	}
	from := int(a.next.Add(int64(size))) - size
	if from >= total {
		a.next.Store(int64(total)) // so that it never overflows
		return nil, io.EOF
	}
	to := min(from+size, total)
	g.cols = g.cols[:0]
	if groups.table != nil {
		store := groups.table.store
		if from%64 == 0 {
			store.slice(&g.batch, from, to)
			g.cols = append(g.cols, g.batch.Cols...)
		} else {
			g.idx = g.idx[:0]
			for r := from; r < to; r++ {
				g.idx = append(g.idx, int32(r))
			}
			for k := range a.keys {
				vector.Gather(&g.vecs[k], store.vec(k), g.idx, len(g.idx))
				g.cols = append(g.cols, &g.vecs[k])
			}
		}
	}
	a.results.Lock()
	defer a.results.Unlock()
	for k, c := range groups.calls {
		out := &g.vecs[len(a.keys)+k]
		out.Bufs = nil
		out.Reset(c.n.T, to-from)
		if err := c.acc.Result(from, to, out); err != nil {
			return nil, err
		}
		g.cols = append(g.cols, out)
	}
	g.out = vector.Batch{N: to - from, Cols: g.cols}
	return &g.out, nil
}

// close implements stream.
func (g *groupStream) close() {}
