package operator

import (
	"io"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// setOp is INTERSECT or EXCEPT: both sides are grouped and counted, and each
// group of the left side is delivered as often as the counts say. When memory
// ends the groups of both sides go to disk by the hash of the row, and the pairs
// of partitions are units of work that the tasks take one by one.
type setOp struct {
	q           *Query
	n           *physical.SetOp
	files       *levelFiles
	types       []types.Type
	left, right *countedRows

	mu      sync.Mutex
	begun   bool
	units   []*setUnit
	busy    int     // units in work
	waiting []*task // that had no unit
}

// setOp builds a SetOp.
func (b *builder) setOp(n *physical.SetOp, st *stat) (part, error) {
	s := &setOp{q: b.q, n: n, files: &levelFiles{q: b.q, account: st.account}, types: columnTypes(n.Left.Columns())}
	s.left = &countedRows{files: s.files, types: s.types}
	s.right = &countedRows{files: s.files, types: s.types}
	out := part{open: func(t *task) (stream, error) { return &setStream{s: s, t: t}, nil }}
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

// claim returns a unit for t, io.EOF when none is left, or errBlocked when there
// may be one later.
func (s *setOp) claim(t *task) (*setUnit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.begun = true
		var err error
		if s.units, err = setUnits(s.left.all, s.right.all); err != nil {
			return nil, err
		}
		if len(s.units) > 1 && t != nil {
			t.p.want(len(s.units))
		}
	}
	if n := len(s.units); n > 0 {
		u := s.units[n-1]
		s.units = s.units[:n-1]
		s.busy++
		return u, nil
	}
	if s.busy == 0 {
		return nil, io.EOF
	}
	s.waiting = append(s.waiting, t)
	return nil, errBlocked
}

// release ends a unit, which was divided into more.
func (s *setOp) release(more []*setUnit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.units = append(s.units, more...)
	s.busy--
	for _, t := range s.waiting {
		t.handle.Wake()
	}
	s.waiting = nil
}

// countedRows is a sink that counts equal rows.
type countedRows struct {
	files *levelFiles
	types []types.Type

	mu     sync.Mutex
	inlets []*countedInlet
	all    *counted // of all tasks, when they have ended
}

// countedInlet is one task's end of a countedRows.
type countedInlet struct {
	rows  *counted
	dense denseColumns
}

// open implements sink.
func (c *countedRows) open(*task) (inlet, error) {
	i := &countedInlet{rows: newCounted(c.files, c.types, 0)}
	c.mu.Lock()
	c.inlets = append(c.inlets, i)
	c.mu.Unlock()
	return i, nil
}

// finish implements sink: the rows of all tasks are brought together.
func (c *countedRows) finish() error {
	c.all = c.inlets[0].rows
	for _, i := range c.inlets[1:] {
		if err := c.all.absorb(i.rows); err != nil {
			return err
		}
	}
	c.inlets = nil
	return nil
}

// ready implements inlet.
func (i *countedInlet) ready() bool { return true }

// end implements inlet.
func (i *countedInlet) end() error { return nil }

// push implements inlet.
func (i *countedInlet) push(b *vector.Batch) error {
	return i.rows.add(i.dense.of(b), b.Rows(), nil)
}

// setStream is one task's part in the delivery (or, without a task, all of it): it takes a unit, brings its left
// side into memory, counts its right side against it, and delivers.
type setStream struct {
	s *setOp
	t *task
	// step does a piece of work of about one batch.
	step func(*setStream) (*vector.Batch, error)
	u    *setUnit
	rows *counted // the left side of u
	in   runReader
	// other counts the right rows of each group of rows.
	other []int64
	right *counted // of a unit that is divided
	at    int      // next group, or the next group of a right side in memory

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
	if r.step == nil {
		r.step = (*setStream).claim
	}
	return r.step(r)
}

// claim takes a unit.
func (r *setStream) claim() (*vector.Batch, error) {
	u, err := r.s.claim(r.t)
	if err != nil {
		return nil, err
	}
	r.u, r.at, r.row, r.pend = u, 0, 0, r.pend[:0]
	if u.left != nil {
		r.rows = u.left
		return nil, r.loaded()
	}
	r.rows = newCounted(r.s.files, r.s.types, u.level+1)
	r.in = runReader{runs: u.leftRuns}
	r.step = (*setStream).load
	return nil, nil
}

// load brings a batch of the left side into memory.
func (r *setStream) load() (*vector.Batch, error) {
	switch err := r.in.read(); err {
	case nil:
		r.in.full = false
		return nil, r.rows.addSaved(&r.in.b)
	case io.EOF:
		return nil, r.loaded()
	default:
		return nil, err
	}
}

// loaded begins with the right side when the left one fits into memory, and
// otherwise to divide the unit.
func (r *setStream) loaded() error {
	other, fits, err := r.rows.settle()
	if err != nil {
		return err
	}
	r.in = runReader{runs: r.u.rightRuns}
	r.other, r.step = other, (*setStream).count
	if fits {
		return nil
	}
	r.step = (*setStream).divide
	if r.right = r.u.right; r.right == nil {
		r.right = newCounted(r.s.files, r.s.types, r.u.level+1)
		return nil
	}
	r.right.st.Lock()
	r.right.settled = false
	r.right.st.Unlock()
	return nil
}

// count counts a batch of the right side against the left one.
func (r *setStream) count() (*vector.Batch, error) {
	var times []int64
	if right := r.u.right; right != nil {
		if r.at == right.groups() {
			right.close()
			r.at, r.step = 0, (*setStream).deliver
			return nil, nil
		}
		to := min(r.at+vector.BatchSize, right.groups())
		right.table.store.slice(&r.part, r.at, to)
		times = right.counts[r.at:to]
		r.at = to
	} else {
		switch err := r.in.read(); err {
		case nil:
			r.in.full = false
		case io.EOF:
			r.at, r.step = 0, (*setStream).deliver
			return nil, nil
		default:
			return nil, err
		}
		r.part, times = savedRows(&r.in.b)
	}
	groups, err := r.rows.table.find(r.part.Cols, r.part.N, false)
	if err != nil {
		return nil, err
	}
	for i, g := range groups {
		if g >= 0 {
			r.other[g] += times[i]
		}
	}
	return nil, nil
}

// divide brings a batch of the right side of a unit that does not fit to disk.
func (r *setStream) divide() (*vector.Batch, error) {
	switch err := r.in.read(); err {
	case nil:
		r.in.full = false
		return nil, r.right.addSaved(&r.in.b)
	case io.EOF:
	default:
		return nil, err
	}
	more, err := setUnits(r.rows, r.right)
	if err != nil {
		return nil, err
	}
	r.rows.st.Close()
	r.right.st.Close()
	r.rows, r.right, r.step = nil, nil, (*setStream).claim
	r.s.release(more)
	return nil, nil
}

// deliver returns the next rows of the unit.
func (r *setStream) deliver() (*vector.Batch, error) {
	left := r.rows
	if r.row == len(r.pend) {
		if r.at == left.groups() {
			left.close()
			r.rows, r.other, r.step = nil, nil, (*setStream).claim
			r.s.release(nil)
			return nil, nil
		}
		to := min(r.at+vector.BatchSize, left.groups())
		left.table.store.slice(&r.part, r.at, to)
		r.pend, r.row = r.pend[:0], 0
		for i := r.at; i < to; i++ {
			r.pend = append(r.pend, r.s.copies(left.counts[i], r.other[i]))
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
func (r *setStream) close() { r.in.close() }
