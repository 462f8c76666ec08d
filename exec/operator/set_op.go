package operator

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// setOp is INTERSECT or EXCEPT: both sides are grouped and counted, and each
// group of the left side is delivered as often as the counts say.
type setOp struct {
	q           *Query
	n           *physical.SetOp
	left, right *countedRows
	claimed     atomic.Bool
}

// setOp builds a SetOp.
func (b *builder) setOp(n *physical.SetOp, st *stat) (part, error) {
	ts := columnTypes(n.Left.Columns())
	s := &setOp{q: b.q, n: n}
	s.left = &countedRows{q: b.q, account: st.account, types: ts}
	s.right = &countedRows{q: b.q, account: st.account, types: ts}
	out := part{open: func(*task) (stream, error) {
		if s.claimed.Swap(true) {
			return empty{}, nil
		}
		return &setStream{s: s}, nil
	}}
	for _, side := range []struct {
		node physical.Node
		rows *countedRows
	}{{n.Right, s.right}, {n.Left, s.left}} {
		in, err := b.build(side.node)
		if err != nil {
			return part{}, err
		}
		out.after = append(out.after, b.pipeline(in, side.rows, st))
	}
	return out, nil
}

// copies returns how many rows of a group are in the result.
func (s *setOp) copies(left, right int64) int64 {
	switch {
	case s.n.Except && s.n.All:
		return max(left-right, 0)
	case s.n.All:
		return min(left, right)
	case s.n.Except == (right == 0):
		return 1
	}
	return 0
}

// countedRows is a sink that counts equal rows.
type countedRows struct {
	q       *Query
	account *memory.Account
	types   []types.Type

	mu     sync.Mutex
	locals []*countedInlet
}

// countedInlet is one task's table.
type countedInlet struct {
	table  *groupTable
	mem    budget
	counts []int64
	dense  denseColumns
}

// open implements sink.
func (c *countedRows) open(*task) (inlet, error) {
	i := &countedInlet{table: newGroupTable(c.account, c.types), mem: budget{account: c.account}}
	c.mu.Lock()
	c.locals = append(c.locals, i)
	c.mu.Unlock()
	return i, nil
}

// finish implements sink.
func (c *countedRows) finish() error {
	into := c.locals[0]
	var b vector.Batch
	for _, from := range c.locals[1:] {
		for at := 0; at < from.table.groups() && !c.q.stopped.Load(); at += vector.BatchSize {
			to := min(at+vector.BatchSize, from.table.groups())
			from.table.store.slice(&b, at, to)
			if err := into.add(b.Cols, to-at, from.counts[at:to]); err != nil {
				return err
			}
		}
		from.table.drop()
		from.mem.release()
	}
	c.locals = c.locals[:1]
	return nil
}

// ready implements inlet.
func (i *countedInlet) ready() bool { return true }

// end implements inlet.
func (i *countedInlet) end() error { return nil }

// push implements inlet.
func (i *countedInlet) push(b *vector.Batch) error {
	return i.add(i.dense.of(b), b.Rows(), nil)
}

// add counts n rows, each as often as times says (nil: once).
func (i *countedInlet) add(cols []*vector.Vec, n int, times []int64) error {
	groups, err := i.table.find(cols, n, true)
	if err != nil {
		return err
	}
	if more := i.table.groups() - len(i.counts); more > 0 {
		if err := i.mem.take(int64(more) * 8); err != nil {
			return err
		}
		i.counts = append(i.counts, make([]int64, more)...)
	}
	for k, g := range groups {
		if times == nil {
			i.counts[g]++
		} else {
			i.counts[g] += times[k]
		}
	}
	return nil
}

// setStream delivers the result.
type setStream struct {
	s    *setOp
	at   int // next group
	part vector.Batch
	pend []int64 // copies of each group of part that are still to come
	row  int
	idx  []int32
	vecs []vector.Vec
	cols []*vector.Vec
	out  vector.Batch
}

// next implements stream.
func (r *setStream) next() (*vector.Batch, error) {
	left, right := r.s.left.locals[0], r.s.right.locals[0]
	if r.row == len(r.pend) {
		if r.at == left.table.groups() {
			return nil, io.EOF
		}
		to := min(r.at+vector.BatchSize, left.table.groups())
		left.table.store.slice(&r.part, r.at, to)
		groups, err := right.table.find(r.part.Cols, to-r.at, false)
		if err != nil {
			return nil, err
		}
		r.pend, r.row = r.pend[:0], 0
		for i, g := range groups {
			n := int64(0)
			if g >= 0 {
				n = right.counts[g]
			}
			r.pend = append(r.pend, r.s.copies(left.counts[r.at+i], n))
		}
		r.at = to
	}
	r.idx = r.idx[:0]
	for r.row < len(r.pend) && len(r.idx) < r.s.q.size {
		if r.pend[r.row] == 0 {
			r.row++
			continue
		}
		r.pend[r.row]--
		r.idx = append(r.idx, int32(r.row))
	}
	if len(r.idx) == 0 {
		return nil, nil
	}
	if r.vecs == nil {
		r.vecs = make([]vector.Vec, len(r.part.Cols))
	}
	r.cols = r.cols[:0]
	for i, c := range r.part.Cols {
		vector.Gather(&r.vecs[i], c, r.idx, len(r.idx))
		r.cols = append(r.cols, &r.vecs[i])
	}
	r.out = vector.Batch{N: len(r.idx), Cols: r.cols}
	return &r.out, nil
}

// close implements stream.
func (r *setStream) close() {}
