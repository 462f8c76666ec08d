package operator

import (
	"io"

	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
)

// mergeFan is the most runs on disk that are merged at a time.
const mergeFan = 64

// runStream merges runs on disk. When there are more than memory allows to read
// at a time, neighbours are merged to longer runs first, pass by pass.
type runStream struct {
	s        *sorter
	inlets   []*sortInlet // whose runs are read, when they are not prepared
	prepared bool
	runs     []*sortRun
	cut      sortCut
	done     bool

	fan  int
	cur  *diskMerge
	last bool // cur is the one whose rows are delivered
	// A pass: what it has made so far, and where.
	made []*sortRun
	file *spill.File
	old  *spill.File // of the pass before
	pass *spill.Run

	sel []int32
	out vector.Batch
}

// next implements stream. It does one step at a time: a run is moved to disk, or
// a batch is merged.
func (r *runStream) next() (*vector.Batch, error) {
	if r.done {
		return nil, io.EOF
	}
	if !r.prepared {
		return nil, r.prepare()
	}
	if r.cur == nil {
		if err := r.begin(); err != nil {
			return nil, err
		}
	}
	b, err := r.cur.next()
	if err == io.EOF {
		return nil, r.ended()
	}
	if err != nil {
		return nil, err
	}
	if !r.last {
		return nil, r.pass.Append(b)
	}
	out, done := r.cut.deliver(&r.out, b, &r.sel)
	r.done = done
	return out, nil
}

// prepare moves what is still in memory of one task to disk.
func (r *runStream) prepare() error {
	if len(r.inlets) == 0 {
		r.prepared = true
		return nil
	}
	i := r.inlets[0]
	r.inlets = r.inlets[1:]
	i.state.Lock()
	err := i.spill(0)
	r.runs = append(r.runs, i.runs...)
	i.state.Unlock()
	i.state.Close()
	return err
}

// begin begins to merge the next runs: all of them, or as many as fit.
func (r *runStream) begin() error {
	if r.fan == 0 {
		r.fan = r.readable()
	}
	n := min(r.fan, len(r.runs))
	r.last = n == len(r.runs) && len(r.made) == 0
	if !r.last {
		if r.file == nil {
			f, err := r.s.q.spillFile(r.s.account)
			if err != nil {
				return err
			}
			r.file = f
		}
		r.pass = r.file.NewRun()
	}
	r.cur = newDiskMerge(r.s, r.runs[:n])
	r.runs = r.runs[n:]
	return nil
}

// readable returns how many runs may be read at a time. Readers take what they
// need whatever the limit is, so it is tried here whether there is room, for twice
// as much since others follow the sort.
func (r *runStream) readable() int {
	mem := budget{account: r.s.account}
	defer mem.release()
	n := 0
	for n < min(mergeFan, len(r.runs)) && mem.take(2*r.runs[n].disk.ReadCost()) == nil {
		n++
	}
	// Two can always be read: their buffers are small change.
	return max(n, 2)
}

// ended ends a merge.
func (r *runStream) ended() error {
	merged := r.cur
	merged.close()
	r.cur = nil
	if r.last {
		r.done = true
		return io.EOF
	}
	if err := r.pass.Flush(); err != nil {
		return err
	}
	run := &sortRun{disk: r.pass, ranges: merged.ranges(), forms: merged.forms}
	r.made = append(r.made, run)
	if len(r.runs) == 0 {
		// The pass has read everything: its input is not needed any more.
		if r.old != nil {
			r.old.Close()
		}
		r.old, r.file = r.file, nil
		r.runs, r.made = r.made, nil
	}
	return nil
}

// close implements stream.
func (r *runStream) close() {
	if r.cur != nil {
		r.cur.close()
		r.cur = nil
	}
}

// diskMerge merges some runs on disk by a heap over their next rows.
type diskMerge struct {
	s       *sorter
	runs    []*sortRun
	forms   []numericForm
	plan    keyPlan
	exact   bool
	cursors []diskCursor
	heap    []int32
	empty   []int32 // cursors that need their next batch

	from, rows []int32
	srcs       []*vector.Vec
	vecs       []vector.Vec
	out        vector.Batch
}

// diskCursor reads one run.
type diskCursor struct {
	in    *spill.Reader
	batch vector.Batch
	cols  []*vector.Vec
	keys  []*vector.Vec
	words []uint64
	other []uint64
	at    int
}

// newDiskMerge prepares a merge.
func newDiskMerge(s *sorter, runs []*sortRun) *diskMerge {
	m := &diskMerge{s: s, runs: runs, vecs: make([]vector.Vec, len(s.types)), forms: make([]numericForm, len(s.types))}
	for c := range m.forms {
		for _, r := range runs {
			m.forms[c] = m.forms[c].join(r.forms[c])
		}
	}
	m.plan, m.exact = s.mergePlan(runs)
	m.cursors = make([]diskCursor, len(runs))
	for i, r := range runs {
		m.cursors[i].in = r.disk.Read(false)
		m.empty = append(m.empty, int32(i))
	}
	return m
}

// ranges returns what is known about the keys of the result.
func (m *diskMerge) ranges() []keyRange {
	out := append([]keyRange(nil), m.runs[0].ranges...)
	for _, r := range m.runs[1:] {
		for k := range out {
			out[k].join(r.ranges[k])
		}
	}
	for k, c := range m.s.column {
		if f := m.forms[c]; f.decided && !f.scaled {
			out[k].kind = ordinalNone
		}
	}
	return out
}

// load reads the next batch of a cursor, and reports whether there is one.
func (m *diskMerge) load(i int32) (bool, error) {
	c := &m.cursors[i]
	if err := c.in.Next(&c.batch); err != nil {
		c.in.Close()
		if err == io.EOF {
			return false, nil
		}
		return false, err
	}
	c.at = 0
	c.cols = c.cols[:0]
	for k, v := range c.batch.Cols {
		c.cols = append(c.cols, withForm(v, c.batch.N, m.forms[k]))
	}
	c.keys = m.s.keysOf(c.cols)
	if cap(c.words) < c.batch.N {
		c.words, c.other = make([]uint64, c.batch.N), make([]uint64, c.batch.N)
	}
	c.words = c.words[:c.batch.N]
	m.plan.words(c.words, c.other[:c.batch.N], c.keys, nil)
	return true, nil
}

// before reports whether the next row of cursor a precedes that of b; of equal
// rows that of the earlier run does.
func (m *diskMerge) before(a, b int32) bool {
	x, y := &m.cursors[a], &m.cursors[b]
	v, w := x.words[x.at], y.words[y.at]
	if v != w {
		return v < w
	}
	if !m.exact {
		if c := m.s.order.rows(x.keys, x.at, y.keys, y.at); c != 0 {
			return c < 0
		}
	}
	return a < b
}

// down restores the heap below i.
func (m *diskMerge) down(i int) {
	h := m.heap
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && m.before(h[c+1], h[c]) {
			c++
		}
		if !m.before(h[c], h[i]) {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}

// next returns the next rows with all columns, valid until the following call.
// It ends a batch where a run needs to be read on, so that all its rows are in
// memory.
func (m *diskMerge) next() (*vector.Batch, error) {
	for _, i := range m.empty {
		ok, err := m.load(i)
		if err != nil {
			return nil, err
		}
		if ok {
			m.heap = append(m.heap, i)
		}
	}
	if len(m.empty) > 0 {
		m.empty = m.empty[:0]
		for i := len(m.heap)/2 - 1; i >= 0; i-- {
			m.down(i)
		}
	}
	if len(m.heap) == 0 {
		return nil, io.EOF
	}
	m.from, m.rows = m.from[:0], m.rows[:0]
	for size := m.s.q.size; len(m.rows) < size; {
		i := m.heap[0]
		c := &m.cursors[i]
		m.from, m.rows = append(m.from, i), append(m.rows, int32(c.at))
		c.at++
		if c.at == c.batch.N {
			m.empty = append(m.empty, i)
			end := len(m.heap) - 1
			m.heap[0] = m.heap[end]
			m.heap = m.heap[:end]
			break
		}
		m.down(0)
	}
	m.out.N, m.out.Sel, m.out.Cols = len(m.rows), nil, m.out.Cols[:0]
	if m.srcs == nil {
		m.srcs = make([]*vector.Vec, len(m.cursors))
	}
	for k := range m.vecs {
		for i := range m.cursors {
			m.srcs[i] = nil
			if c := &m.cursors[i]; c.cols != nil {
				m.srcs[i] = c.cols[k]
			}
		}
		gatherFrom(&m.vecs[k], m.srcs, m.from, m.rows)
		m.out.Cols = append(m.out.Cols, &m.vecs[k])
	}
	return &m.out, nil
}

// close gives the buffers back. It may be called more than once.
func (m *diskMerge) close() {
	for i := range m.cursors {
		m.cursors[i].in.Close()
	}
}
