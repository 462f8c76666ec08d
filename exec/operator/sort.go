package operator

import (
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// runRows is the number of rows that are sorted at a time. A run is the unit
// that could be written to disk.
const runRows = 1 << 17

// topRows is the largest LIMIT + OFFSET for which a sort keeps only the first
// rows.
const topRows = 1 << 17

// sortRun is a part of the input, sorted.
type sortRun struct {
	store *columnStore
	keys  []*vector.Vec
	order []int32
}

// sorter is the sink of Sort and of a top-N.
type sorter struct {
	q       *Query
	account *memory.Account
	keys    []physical.SortKey
	order   ordering
	// column[i] is where key i is in the stores: behind the payload unless it
	// is a column of it.
	column  []int
	extra   []expr.Expr
	width   int // columns of the payload
	types   []types.Type
	keep    int  // rows that matter, 0 for all
	ties    bool // also those equal to the last of them
	claimed atomic.Bool

	mu   sync.Mutex
	runs []*sortRun
}

// newSorter returns the sink that sorts rows of the given columns.
func newSorter(q *Query, account *memory.Account, cols []physical.Column, keys []physical.SortKey) *sorter {
	s := &sorter{q: q, account: account, keys: keys, order: newOrdering(keys), width: len(cols), types: columnTypes(cols)}
	for _, k := range keys {
		if c, ok := k.Expr.(*expr.Column); ok {
			s.column = append(s.column, int(c.ID))
			continue
		}
		s.column = append(s.column, len(s.types))
		s.types = append(s.types, k.Expr.Type())
		s.extra = append(s.extra, k.Expr)
	}
	return s
}

// sort builds a Sort.
func (b *builder) sort(n *physical.Sort, st *stat) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	s := newSorter(b.q, st.account, n.Columns(), n.Keys)
	return b.breaker(in, s, st, func(*task) (stream, error) { return s.read(math.MaxInt64, 0) }), nil
}

// topN builds a Limit with keys.
func (b *builder) topN(n *physical.Limit, in part, st *stat, count, offset int64) (part, error) {
	if count == 0 {
		for _, abandon := range in.abandon {
			abandon()
		}
		return part{open: func(*task) (stream, error) { return empty{}, nil }}, nil
	}
	s := newSorter(b.q, st.account, n.Columns(), n.Keys)
	if count < topRows && offset < topRows && count+offset <= topRows {
		s.keep = int(count + offset)
	}
	s.ties = n.WithTies
	return b.breaker(in, s, st, func(*task) (stream, error) { return s.read(count, offset) }), nil
}

// open implements sink.
func (s *sorter) open(t *task) (inlet, error) {
	extra, err := s.q.compile(s.extra)
	if err != nil {
		return nil, err
	}
	return &sortInlet{s: s, extra: extra}, nil
}

// finish implements sink.
func (s *sorter) finish() error {
	if len(s.runs) < 2 {
		return nil
	}
	stores := make([]*columnStore, len(s.runs))
	for i, r := range s.runs {
		stores[i] = r.store
	}
	for c := range s.types {
		if err := sameForm(stores, c); err != nil {
			return err
		}
	}
	for _, r := range s.runs {
		r.keys = s.keysOf(r.store)
	}
	return nil
}

// keysOf returns the key columns of a store.
func (s *sorter) keysOf(store *columnStore) []*vector.Vec {
	keys := make([]*vector.Vec, len(s.column))
	for i, c := range s.column {
		keys[i] = store.vec(c)
	}
	return keys
}

// sortInlet collects one task's rows.
type sortInlet struct {
	s     *sorter
	extra []*eval.Program
	run   *columnStore
	dense []kernel.Scratch
	cols  []*vector.Vec
	keys  []*vector.Vec
	sel   []int32
	// bound holds, for a top-N, the last of the rows that matter so far.
	bound     []*vector.Vec
	boundRow  int
	haveBound bool
}

// ready implements inlet.
func (i *sortInlet) ready() bool { return true }

// push implements inlet.
func (i *sortInlet) push(b *vector.Batch) error {
	s := i.s
	sel, n := b.Sel, b.Rows()
	i.cols = append(i.cols[:0], b.Cols...)
	if len(i.extra) > 0 {
		if sel != nil {
			// Computed keys are dense, so the rest has to be.
			if i.dense == nil {
				i.dense = make([]kernel.Scratch, s.width)
			}
			for c := range s.width {
				i.cols[c] = i.dense[c].Dense(b.Cols[c], sel, n)
			}
		}
		for _, p := range i.extra {
			v, err := p.Eval(b)
			if err != nil {
				return err
			}
			i.cols = append(i.cols, v)
		}
		sel = nil
	}
	if i.haveBound {
		if sel = i.better(sel, n); len(sel) == 0 {
			return nil
		}
		n = len(sel)
	}
	if i.run == nil {
		i.run = newColumnStore(s.account, s.types)
	}
	if err := i.run.append(i.cols, sel, n); err != nil {
		return err
	}
	switch {
	case s.keep > 0 && i.run.rows >= 2*s.keep+2*vector.BatchSize:
		return i.prune()
	case s.keep == 0 && i.run.rows >= runRows:
		return i.end()
	}
	return nil
}

// better returns the rows that come before the bound (or, with ties, equal it).
func (i *sortInlet) better(sel []int32, n int) []int32 {
	s := i.s
	i.keys = i.keys[:0]
	for _, c := range s.column {
		i.keys = append(i.keys, i.cols[c])
	}
	out := i.sel[:0]
	for k := range n {
		r := int32(k)
		if sel != nil {
			r = sel[k]
		}
		c := s.order.rows(i.keys, int(r), i.bound, i.boundRow)
		if c < 0 || c == 0 && s.ties {
			out = append(out, r)
		}
	}
	i.sel = out
	return out
}

// prune keeps the first rows only.
func (i *sortInlet) prune() error {
	s := i.s
	keys := s.keysOf(i.run)
	order := s.order.sortRows(keys, i.run.rows, &s.q.stopped)
	n := s.keep
	for s.ties && n < len(order) && s.order.rows(keys, int(order[n-1]), keys, int(order[n])) == 0 {
		n++
	}
	kept := newColumnStore(s.account, s.types)
	var all vector.Batch
	i.run.all(&all)
	if err := kept.append(all.Cols, order[:n], n); err != nil {
		return err
	}
	i.run.drop()
	i.run = kept
	// The bound is a copy: the store may move.
	i.bound = i.bound[:0]
	for _, v := range s.keysOf(kept) {
		var one vector.Vec
		vector.Gather(&one, v, []int32{int32(n - 1)}, 1)
		one.Own(1)
		i.bound = append(i.bound, &one)
	}
	i.boundRow, i.haveBound = 0, true
	return nil
}

// end implements inlet: it closes the current run.
func (i *sortInlet) end() error {
	if i.run == nil {
		return nil
	}
	s := i.s
	if s.keep > 0 && i.run.rows > s.keep {
		if err := i.prune(); err != nil {
			return err
		}
	}
	// The order, and what sorting needs meanwhile.
	if err := i.run.take(int64(i.run.rows)*4 + min(int64(i.run.rows), sortBlock)*32); err != nil {
		return err
	}
	r := &sortRun{store: i.run, keys: s.keysOf(i.run)}
	r.order = s.order.sortRows(r.keys, i.run.rows, &s.q.stopped)
	i.run.give(min(int64(i.run.rows), sortBlock) * 32)
	i.run = nil
	s.mu.Lock()
	s.runs = append(s.runs, r)
	s.mu.Unlock()
	return nil
}

// read returns the sorted rows: count of them behind the first offset. One task
// reads, so that the order holds.
func (s *sorter) read(count, offset int64) (stream, error) {
	if s.claimed.Swap(true) {
		return empty{}, nil
	}
	m := &merged{s: s, at: make([]int, len(s.runs)), skip: offset, left: count}
	for i := range s.runs {
		m.heap = append(m.heap, i)
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// merged merges the runs of a sorter.
type merged struct {
	s          *sorter
	at         []int // next position in the order of each run
	heap       []int // runs with rows left, the one with the next row first
	skip, left int64
	last       int // run and row that were delivered last, for ties
	lastRow    int32
	delivered  bool

	from []int32 // run of each output row
	rows []int32
	vecs []vector.Vec
	cols []*vector.Vec
	out  vector.Batch
}

// before reports whether the next row of run a precedes that of run b. Of equal
// rows the one of the earlier run does, so that one worker's sort is stable.
func (m *merged) before(a, b int) bool {
	x, y := m.s.runs[a], m.s.runs[b]
	c := m.s.order.rows(x.keys, int(x.order[m.at[a]]), y.keys, int(y.order[m.at[b]]))
	return c < 0 || c == 0 && a < b
}

// down restores the heap below i.
func (m *merged) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(m.heap) {
			return
		}
		if c+1 < len(m.heap) && m.before(m.heap[c+1], m.heap[c]) {
			c++
		}
		if !m.before(m.heap[c], m.heap[i]) {
			return
		}
		m.heap[i], m.heap[c] = m.heap[c], m.heap[i]
		i = c
	}
}

// next implements stream.
func (m *merged) next() (*vector.Batch, error) {
	m.from, m.rows = m.from[:0], m.rows[:0]
	size := m.s.q.size
	for steps := 0; len(m.rows) < size && len(m.heap) > 0 && steps < 4*vector.BatchSize; steps++ {
		run := m.heap[0]
		r := m.s.runs[run]
		row := r.order[m.at[run]]
		if m.left == 0 && (!m.s.ties || !m.delivered || m.s.order.rows(m.s.runs[m.last].keys, int(m.lastRow), r.keys, int(row)) != 0) {
			m.heap = m.heap[:0]
			break
		}
		m.at[run]++
		if m.at[run] == len(r.order) {
			end := len(m.heap) - 1
			m.heap[0] = m.heap[end]
			m.heap = m.heap[:end]
		}
		if len(m.heap) > 1 {
			m.down(0)
		}
		if m.skip > 0 {
			m.skip--
			continue
		}
		if m.left > 0 && m.left != math.MaxInt64 {
			m.left--
		}
		m.last, m.lastRow, m.delivered = run, row, true
		m.from = append(m.from, int32(run))
		m.rows = append(m.rows, row)
	}
	if len(m.rows) == 0 {
		if len(m.heap) == 0 {
			return nil, io.EOF
		}
		return nil, nil
	}
	if m.vecs == nil {
		m.vecs = make([]vector.Vec, m.s.width)
		m.cols = make([]*vector.Vec, m.s.width)
	}
	for c := range m.vecs {
		if len(m.s.runs) == 1 {
			vector.Gather(&m.vecs[c], m.s.runs[0].store.vec(c), m.rows, len(m.rows))
		} else {
			gatherRuns(&m.vecs[c], m.s.runs, c, m.from, m.rows)
		}
		m.cols[c] = &m.vecs[c]
	}
	m.out = vector.Batch{N: len(m.rows), Cols: m.cols}
	return &m.out, nil
}

// close implements stream.
func (m *merged) close() {}
