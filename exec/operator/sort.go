package operator

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// runRows is the number of rows that are sorted at a time. Their keys fit the
// second level of the cache, and a run is written to disk when memory ends.
const runRows = 1 << 17

// topRows is the largest LIMIT + OFFSET for which a sort keeps only the first
// rows.
const topRows = 1 << 17

// sorter is the sink of Sort and of a top-N. Its tasks make sorted runs, in
// memory while there is room; they are merged when they are read.
type sorter struct {
	q       *Query
	account *memory.Account
	order   ordering
	// column[i] is where key i is in the stores: behind the payload unless it
	// is a column of it.
	column []int
	extra  []expr.Expr
	width  int // columns of the payload
	types  []types.Type
	keep   int   // rows that matter, 0 for all
	ties   bool  // also those equal to the last of them
	step   int64 // how much memory a task asks for at a time, 0 for budgetStep
	bound  sortBound
	// threshold takes the bound to a scan, nil when there is none that can use it.
	threshold *connector.DynamicFilter

	// skip and left are the OFFSET and LIMIT of what is read, left is
	// math.MaxInt64 for none.
	skip, left int64
	claimed    atomic.Bool

	mu     sync.Mutex
	inlets []*sortInlet
	merge  *rangeMerge // what runs in memory are read by
}

// newSorter returns the sink that sorts rows of the given columns.
func newSorter(q *Query, account *memory.Account, cols []physical.Column, keys []physical.SortKey) *sorter {
	s := &sorter{q: q, account: account, order: newOrdering(keys), width: len(cols), types: columnTypes(cols), left: math.MaxInt64}
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
	return b.breaker(in, s, st, s.read), nil
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
	s.ties, s.skip, s.left = n.WithTies, offset, count
	s.threshold = b.dynamicFilter(n.Publish)
	return b.breaker(in, s, st, s.read), nil
}

// keysOf returns the key columns among those of a store.
func (s *sorter) keysOf(cols []*vector.Vec) []*vector.Vec {
	keys := make([]*vector.Vec, len(s.column))
	for i, c := range s.column {
		keys[i] = cols[c]
	}
	return keys
}

// sortRun is a part of the input, sorted: in memory, or on disk.
type sortRun struct {
	store *columnStore
	order []int32
	disk  *spill.Run
	// ranges are those of the keys, forms those of the numeric columns.
	ranges []keyRange
	forms  []numericForm
}

// sortInlet collects one task's rows: a growing store and the runs made so far,
// which are what it spills.
type sortInlet struct {
	s     *sorter
	extra []*eval.Program
	state *spillable
	store *columnStore
	room  budget // for sorting the store
	runs  []*sortRun
	file  *spill.File

	cols, extras []*vector.Vec
	keys         []*vector.Vec
	flat         []kernel.Scratch
	dense        []kernel.Scratch
	sel, place   []int32
	filter       boundFilter
}

// open implements sink.
func (s *sorter) open(*task) (inlet, error) {
	extra, err := s.q.compile(s.extra)
	if err != nil {
		return nil, err
	}
	i := &sortInlet{s: s, extra: extra}
	i.state = s.q.spillable(s.account, i.spill)
	i.room = budget{account: i.state.Account(), step: s.step}
	s.mu.Lock()
	s.inlets = append(s.inlets, i)
	s.mu.Unlock()
	return i, nil
}

// ready implements inlet.
func (i *sortInlet) ready() bool { return true }

// push implements inlet.
func (i *sortInlet) push(b *vector.Batch) error {
	s := i.s
	n := b.Rows()
	i.extras = i.extras[:0]
	for _, p := range i.extra {
		v, err := p.Eval(b)
		if err != nil {
			return err
		}
		i.extras = append(i.extras, v)
	}
	sel := b.Sel
	i.place = nil // rows of the computed keys, which are dense
	if s.keep > 0 {
		rows, all := i.candidates(b, n)
		if !all {
			if len(rows) == 0 {
				return nil
			}
			if len(i.extra) > 0 {
				i.place = rows
			}
			n, sel = len(rows), rows
			if b.Sel != nil {
				i.sel = i.sel[:0]
				for _, r := range rows {
					i.sel = append(i.sel, b.Sel[r])
				}
				sel = i.sel
			}
		}
	}
	i.cols = append(i.cols[:0], b.Cols...)
	if len(i.extra) > 0 {
		// Computed keys are dense, so the rest has to be.
		if i.dense == nil {
			i.dense = make([]kernel.Scratch, len(s.types))
		}
		for c, v := range i.cols {
			i.cols[c] = i.dense[c].Dense(v, sel, n)
		}
		for e, v := range i.extras {
			i.cols = append(i.cols, i.dense[s.width+e].Dense(v, i.place, n))
		}
		sel = nil
	}
	if err := i.state.do(func() error { return i.add(sel, n) }); err != nil {
		return err
	}
	return i.state.do(i.settle)
}

// add appends the rows sel of i.cols.
func (i *sortInlet) add(sel []int32, n int) error {
	if i.store == nil {
		i.store = newColumnStore(i.state.Account(), i.s.types)
		i.store.step = i.s.step
	}
	if err := i.room.set(int64(i.store.rows+n) * sortCost); err != nil {
		return err
	}
	return i.store.append(i.cols, sel, n)
}

// settle keeps the store small.
func (i *sortInlet) settle() error {
	s := i.s
	switch {
	case i.store == nil:
	case s.keep > 0 && i.store.rows >= s.keep+max(s.keep, 512):
		return i.prune()
	case s.keep == 0 && i.store.rows >= runRows:
		return i.closeRun()
	}
	return nil
}

// closeRun sorts the store and makes it a run.
func (i *sortInlet) closeRun() error {
	s := i.s
	if i.store == nil || i.store.rows == 0 {
		return nil
	}
	var all vector.Batch
	i.store.all(&all)
	keys := s.keysOf(all.Cols)
	r := &sortRun{store: i.store, order: s.order.sortRows(keys, i.store.rows, &s.q.stopped)}
	if s.keep > 0 && !s.ties && len(r.order) > s.keep {
		r.order = r.order[:s.keep]
	}
	scratch := make([]uint64, vector.BatchSize)
	for _, v := range keys {
		r.ranges = append(r.ranges, rangeOfKey(v, nil, i.store.rows, 0, scratch))
	}
	for c := range s.types {
		r.forms = append(r.forms, formOf(i.store, c))
	}
	// What sorting needed is given back but for the order.
	i.room.release()
	i.store.overdraw(int64(len(r.order)) * 4)
	i.store = nil
	i.runs = append(i.runs, r)
	return nil
}

// spill moves everything to disk.
func (i *sortInlet) spill(int64) error {
	if i.s.merge != nil {
		return i.s.merge.spill()
	}
	if err := i.closeRun(); err != nil {
		return err
	}
	for _, r := range i.runs {
		if r.disk != nil {
			continue
		}
		if i.file == nil {
			f, err := i.s.q.spillFile(i.s.account)
			if err != nil {
				return err
			}
			i.file = f
		}
		if err := r.toDisk(i.file, r.order); err != nil {
			return err
		}
	}
	return nil
}

// toDisk writes the rows that order lists to f.
func (r *sortRun) toDisk(f *spill.File, order []int32) error {
	r.disk = f.NewRun()
	if err := spillStore(r.disk, r.store, order); err != nil {
		return err
	}
	r.store.drop()
	r.store, r.order = nil, nil
	return nil
}

// end implements inlet: it closes the last run.
func (i *sortInlet) end() error {
	return i.state.do(func() error {
		if i.s.keep > 0 && i.store != nil && i.store.rows > i.s.keep {
			if err := i.prune(); err != nil {
				return err
			}
		}
		return i.closeRun()
	})
}

// finish implements sink. What is in memory is merged there; when a part is on
// disk, the rest follows it before the merge.
func (s *sorter) finish() error {
	var runs []*sortRun
	for _, i := range s.inlets {
		i.state.Lock()
		defer i.state.Unlock()
		for _, r := range i.runs {
			if r.disk != nil {
				return nil
			}
			runs = append(runs, r)
		}
	}
	m, err := newRangeMerge(s, runs)
	if outOfMemory(err) && s.q.env.Spill != nil {
		// All of it goes to disk, by the stream that reads it.
		return nil
	}
	s.merge = m
	return err
}

// read returns the sorted rows. One task delivers them, so that the order holds;
// others help it.
func (s *sorter) read(t *task) (stream, error) {
	first := !s.claimed.Swap(true)
	switch {
	case s.merge != nil:
		return &rangeStream{m: s.merge, t: t, helper: !first, cut: sortCut{s: s, skip: s.skip, left: s.left}}, nil
	case first:
		return &runStream{s: s, inlets: s.inlets, cut: sortCut{s: s, skip: s.skip, left: s.left}}, nil
	}
	return empty{}, nil
}

// drop gives back what the sort holds, on disk too. All of it has been read.
func (s *sorter) drop() {
	for _, i := range s.inlets {
		i.state.Lock()
		if s.merge != nil {
			// Nothing is left to be written, so this cannot fail.
			_ = s.merge.spill()
		}
		i.state.Unlock()
		i.state.Close()
		if i.file != nil {
			i.file.Close()
		}
	}
	if s.merge != nil && s.merge.file != nil {
		s.merge.file.Close()
	}
}

// sortCut applies OFFSET, LIMIT and ties to sorted rows.
type sortCut struct {
	s          *sorter
	skip, left int64
	last       []*vector.Vec // keys of the last row delivered, for ties
}

// rows returns which of the next n rows, of which cols are all columns, are
// delivered, and done when nothing follows them.
func (c *sortCut) rows(cols []*vector.Vec, n int) (from, to int, done bool) {
	from = int(min(c.skip, int64(n)))
	c.skip -= int64(from)
	to = n
	if c.left == math.MaxInt64 {
		return from, to, false
	}
	to = from + int(min(c.left, int64(n-from)))
	c.left -= int64(to - from)
	if !c.s.ties {
		return from, to, c.left == 0
	}
	keys := c.s.keysOf(cols)
	if to > from {
		c.last = c.last[:0]
		for _, v := range keys {
			one := &vector.Vec{}
			vector.Gather(one, v, []int32{int32(to - 1)}, 1)
			one.Own(1)
			c.last = append(c.last, one)
		}
	}
	if c.left > 0 {
		return from, to, false
	}
	for to < n && c.last != nil && c.s.order.rows(c.last, 0, keys, to) == 0 {
		to++
	}
	return from, to, to < n
}

// deliver makes out the payload of the rows of b that are delivered, nil when
// there are none now, and reports whether none follow. sel is storage.
func (c *sortCut) deliver(out, b *vector.Batch, sel *[]int32) (*vector.Batch, bool) {
	from, to, done := c.rows(b.Cols, b.N)
	if from == to {
		return nil, done
	}
	*out = vector.Batch{N: b.N, Cols: b.Cols[:c.s.width]}
	if from > 0 || to < b.N {
		out.Sel = rangeOf(sel, out, from, to)
	}
	return out, done
}
