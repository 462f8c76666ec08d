package operator

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// window is the sink of a Window: it keeps all rows, with the values of every
// expression behind the payload, and sorts them by partition and order.
type window struct {
	q       *Query
	n       *physical.Window
	account *memory.Account
	width   int // columns of the payload
	exprs   []expr.Expr
	types   []types.Type
	// Where things are in the store.
	partition, order int
	args             []int // first argument of each call
	filter           []int // of each call, -1 for none
	ordering         ordering

	mu      sync.Mutex
	stores  []*columnStore
	store   *columnStore
	rows    []int32
	claimed atomic.Bool
}

// window builds a Window.
func (b *builder) window(n *physical.Window, st *stat) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	w := &window{q: b.q, n: n, account: st.account, types: columnTypes(n.Input.Columns())}
	w.width = len(w.types)
	w.partition = w.add(n.Partition...)
	w.order = w.add(keyExprs(n.OrderBy)...)
	for i := range n.Calls {
		c := &n.Calls[i]
		w.args = append(w.args, w.add(c.Args...))
		f := -1
		if c.Filter != nil {
			f = w.add(c.Filter)
		}
		w.filter = append(w.filter, f)
	}
	w.ordering = append(ascending(exprTypes(n.Partition)), newOrdering(n.OrderBy)...)
	return b.breaker(in, w, st, func(*task) (stream, error) {
		if w.claimed.Swap(true) {
			return empty{}, nil
		}
		return newWindowStream(w)
	}), nil
}

// add makes es columns of the store and returns the index of the first.
func (w *window) add(es ...expr.Expr) int {
	at := len(w.types)
	w.exprs = append(w.exprs, es...)
	w.types = append(w.types, exprTypes(es)...)
	return at
}

// windowInlet collects one task's rows.
type windowInlet struct {
	programs []*eval.Program
	store    *columnStore
	dense    denseColumns
	cols     []*vector.Vec
}

// open implements sink.
func (w *window) open(*task) (inlet, error) {
	programs, err := w.q.compile(w.exprs)
	if err != nil {
		return nil, err
	}
	i := &windowInlet{programs: programs, store: newColumnStore(w.account, w.types)}
	w.mu.Lock()
	w.stores = append(w.stores, i.store)
	w.mu.Unlock()
	return i, nil
}

// ready implements inlet.
func (i *windowInlet) ready() bool { return true }

// end implements inlet.
func (i *windowInlet) end() error { return nil }

// push implements inlet.
func (i *windowInlet) push(b *vector.Batch) error {
	i.cols = append(i.cols[:0], i.dense.of(b)...)
	for _, p := range i.programs {
		v, err := p.Eval(b)
		if err != nil {
			return err
		}
		i.cols = append(i.cols, v)
	}
	return i.store.append(i.cols, nil, b.Rows())
}

// finish implements sink.
func (w *window) finish() error {
	w.store = w.stores[0]
	for _, s := range w.stores[1:] {
		if err := w.store.appendStore(s); err != nil {
			return err
		}
		s.drop()
	}
	keys := make([]*vector.Vec, len(w.ordering))
	for i := range keys {
		// The order keys follow the partition keys in the store.
		keys[i] = w.store.vec(w.partition + i)
	}
	if err := w.store.take(int64(w.store.rows) * 8); err != nil {
		return err
	}
	w.rows = w.ordering.sortRows(keys, w.store.rows, &w.q.stopped)
	return nil
}

// windowStream computes the calls for some whole partitions at a time and
// delivers the rows in order.
type windowStream struct {
	w       *window
	calls   []windowCall
	at      int // next row of w.rows
	chunk   []int32
	given   int // rows of chunk that were delivered
	results []*vector.Vec
	mem     budget

	rows []int32
	vecs []vector.Vec
	cols []*vector.Vec
	out  vector.Batch
}

// windowCall computes one call for the partitions of a chunk.
type windowCall interface {
	// compute returns the values for the rows of c, in their order.
	compute(c *windowChunk) (*vector.Vec, error)
}

// windowChunk is some whole partitions: stored rows in window order.
type windowChunk struct {
	w    *window
	rows []int32
	// For each row: where its partition and its peer group begin and end, as
	// indexes into rows, and the number of its peer group in the partition.
	partStart, partEnd, peerStart, peerEnd, group []int32
}

// newWindowStream compiles the calls.
func newWindowStream(w *window) (stream, error) {
	s := &windowStream{w: w, vecs: make([]vector.Vec, w.width+len(w.n.Calls)), mem: budget{account: w.account}}
	for i := range w.n.Calls {
		c, err := newWindowCall(w, i)
		if err != nil {
			return nil, err
		}
		s.calls = append(s.calls, c)
	}
	return s, nil
}

// same reports whether two stored rows agree in the columns [from, to).
func (w *window) same(from, to int, a, b int32) bool {
	for c := from; c < to; c++ {
		v := w.store.vec(c)
		if !sameValue(v, int(a), v, int(b)) {
			return false
		}
	}
	return true
}

// next implements stream.
func (s *windowStream) next() (*vector.Batch, error) {
	if s.given == len(s.chunk) {
		if s.at == len(s.w.rows) {
			return nil, io.EOF
		}
		if err := s.compute(); err != nil {
			return nil, err
		}
	}
	n := min(s.w.q.size, len(s.chunk)-s.given)
	s.rows = s.rows[:0]
	for i := range n {
		s.rows = append(s.rows, int32(s.given+i))
	}
	s.cols = s.cols[:0]
	for c := range s.w.width {
		vector.Gather(&s.vecs[c], s.w.store.vec(c), s.chunk[s.given:s.given+n], n)
		s.cols = append(s.cols, &s.vecs[c])
	}
	for i, r := range s.results {
		v := &s.vecs[s.w.width+i]
		vector.Gather(v, r, s.rows, n)
		s.cols = append(s.cols, v)
	}
	s.given += n
	s.out = vector.Batch{N: n, Cols: s.cols}
	return &s.out, nil
}

// compute takes the next partitions, at least a batch of rows unless the input
// ends, and computes the calls.
func (s *windowStream) compute() error {
	w, from := s.w, s.at
	all := w.rows
	partEnd, orderEnd := w.partition+len(w.n.Partition), w.order+len(w.n.OrderBy)
	for s.at < len(all) && s.at-from < vector.BatchSize {
		s.at++
		for s.at < len(all) && w.same(w.partition, partEnd, all[s.at-1], all[s.at]) {
			if s.at&0xffff == 0 && w.q.stopped.Load() {
				break
			}
			s.at++
		}
	}
	s.chunk, s.given = all[from:s.at], 0
	n := len(s.chunk)
	// The bounds of each row, and about as much for the results.
	if err := s.mem.set(int64(n) * int64(20+24*len(s.calls))); err != nil {
		return err
	}
	bounds := make([]int32, 5*n)
	c := &windowChunk{w: w, rows: s.chunk, partStart: bounds[:n], partEnd: bounds[n : 2*n], peerStart: bounds[2*n : 3*n], peerEnd: bounds[3*n : 4*n], group: bounds[4*n:]}
	for i := 1; i < n; i++ {
		a, b := s.chunk[i-1], s.chunk[i]
		switch {
		case !w.same(w.partition, partEnd, a, b):
			c.partStart[i], c.peerStart[i], c.group[i] = int32(i), int32(i), 0
		case !w.same(w.order, orderEnd, a, b):
			c.partStart[i], c.peerStart[i], c.group[i] = c.partStart[i-1], int32(i), c.group[i-1]+1
		default:
			c.partStart[i], c.peerStart[i], c.group[i] = c.partStart[i-1], c.peerStart[i-1], c.group[i-1]
		}
	}
	for i := n - 1; i >= 0; i-- {
		c.partEnd[i], c.peerEnd[i] = int32(n), int32(n)
		if i+1 < n {
			if c.partStart[i+1] == c.partStart[i] {
				c.partEnd[i] = c.partEnd[i+1]
			} else {
				c.partEnd[i] = int32(i + 1)
			}
			if c.peerStart[i+1] == c.peerStart[i] {
				c.peerEnd[i] = c.peerEnd[i+1]
			} else {
				c.peerEnd[i] = int32(i + 1)
			}
		}
	}
	s.results = s.results[:0]
	for _, call := range s.calls {
		v, err := call.compute(c)
		if err != nil {
			return err
		}
		s.results = append(s.results, v)
	}
	return nil
}

// close implements stream.
func (s *windowStream) close() {}
