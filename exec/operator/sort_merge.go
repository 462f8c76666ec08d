package operator

import (
	"io"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
)

const (
	// rangeRows is about how many rows a task merges at a time.
	rangeRows = 4096
	// sampleEvery is how far apart the rows are that may bound a range.
	sampleEvery = 1024
)

// rangeMerge merges runs in memory. The result is cut into ranges, between rows
// sampled from the runs; tasks take one range after the other, merge its parts of
// all runs and gather its rows, and one of them delivers the ranges in order.
//
// The rest of the runs can move to disk between two ranges.
type rangeMerge struct {
	s      *sorter
	runs   []*sortRun
	keys   [][]*vector.Vec // of each run
	cols   [][]*vector.Vec // of each column, in every run
	plan   keyPlan
	exact  bool
	wanted int // columns that are gathered
	bytes  int // of a gathered row
	window int // ranges that may be ready
	splits []mergeRow

	// rw is held for reading while a range is merged, and for writing while the
	// runs move. Whoever holds it reserves nothing.
	rw   sync.RWMutex
	file *spill.File // of what was moved

	mu      sync.Mutex
	at      []int32 // position in each run behind the ranges that were taken
	taken   int     // ranges
	rows    int64   // in them
	skip    int64   // rows of OFFSET that whole ranges cover
	ready   []*sortedRange
	given   int // ranges delivered
	ended   bool
	moved   bool
	waiting []*task
}

// mergeRow is a row of a run, by its position in the order.
type mergeRow struct {
	word uint64
	run  int
	pos  int32
}

// sortedRange is a merged range: Flat columns of n rows. Without columns its rows
// are skipped.
type sortedRange struct {
	cols []*vector.Vec
	n    int
	mem  budget
}

// newRangeMerge prepares the merge of runs. It fails with 53200 when there is no
// room to give a column the same form everywhere.
func newRangeMerge(s *sorter, runs []*sortRun) (*rangeMerge, error) {
	m := &rangeMerge{s: s, runs: runs, wanted: s.width, window: 2 * s.q.workers, skip: s.skip}
	if s.ties {
		m.wanted = len(s.types)
	}
	m.at = make([]int32, len(runs))
	if len(runs) == 0 {
		return m, nil
	}
	for c := range s.types {
		var form numericForm
		for _, r := range runs {
			form = form.join(r.forms[c])
		}
		for _, r := range runs {
			if err := r.store.giveForm(c, form); err != nil {
				return nil, err
			}
			r.forms[c] = formOf(r.store, c)
		}
	}
	m.cols = make([][]*vector.Vec, len(s.types))
	for c := range m.cols {
		for _, r := range runs {
			m.cols[c] = append(m.cols[c], r.store.vec(c))
		}
	}
	for _, r := range runs {
		var all vector.Batch
		r.store.all(&all)
		m.keys = append(m.keys, s.keysOf(all.Cols))
	}
	for c := range m.wanted {
		m.bytes += kernel.Width(m.cols[c][0])
	}
	m.plan, m.exact = s.mergePlan(runs)
	m.split()
	m.ready = make([]*sortedRange, len(m.splits)+1)
	return m, nil
}

// mergePlan returns the plan that packs the keys of all runs; exact when equal
// words mean equal rows.
func (s *sorter) mergePlan(runs []*sortRun) (plan keyPlan, exact bool) {
	plan = planKeys(s.order, 0, 0, func(key, _ int) keyRange {
		var all keyRange
		c := s.column[key]
		var form numericForm
		for i, r := range runs {
			if i == 0 {
				all = r.ranges[key]
			} else {
				all.join(r.ranges[key])
			}
			form = form.join(r.forms[c])
		}
		if form.decided && !form.scaled {
			all.kind = ordinalNone
		}
		return all
	})
	return plan, plan.next == len(s.order)
}

// word returns the packed key of one row.
func (m *rangeMerge) word(run int, row int32) uint64 {
	var dst, scratch [1]uint64
	m.plan.words(dst[:], scratch[:], m.keys[run], []int32{row})
	return dst[0]
}

// compare orders two rows of runs by their keys.
func (m *rangeMerge) compare(a uint64, aRun int, aRow int32, b uint64, bRun int, bRow int32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case m.exact:
		return 0
	}
	return m.s.order.rows(m.keys[aRun], int(aRow), m.keys[bRun], int(bRow))
}

// split chooses the rows at which ranges begin.
func (m *rangeMerge) split() {
	if len(m.runs) == 1 {
		for at := rangeRows; at < len(m.runs[0].order); at += rangeRows {
			m.splits = append(m.splits, mergeRow{pos: int32(at)})
		}
		return
	}
	var sample []mergeRow
	for i, r := range m.runs {
		for at := sampleEvery; at < len(r.order); at += sampleEvery {
			sample = append(sample, mergeRow{m.word(i, r.order[at]), i, int32(at)})
		}
	}
	slices.SortFunc(sample, func(a, b mergeRow) int {
		if c := m.compare(a.word, a.run, m.runs[a.run].order[a.pos], b.word, b.run, m.runs[b.run].order[b.pos]); c != 0 {
			return c
		}
		// Of equal rows those of the earlier run come first.
		if a.run != b.run {
			return a.run - b.run
		}
		return int(a.pos - b.pos)
	})
	for i := rangeRows / sampleEvery; i < len(sample); i += rangeRows / sampleEvery {
		m.splits = append(m.splits, sample[i])
	}
}

// behind returns the first position of a run, from at on, that does not come
// before the split.
func (m *rangeMerge) behind(run int, at int32, split mergeRow) int32 {
	if run == split.run {
		return split.pos
	}
	order := m.runs[run].order
	row := m.runs[split.run].order[split.pos]
	before := func(pos int32) bool {
		c := m.compare(m.word(run, order[pos]), run, order[pos], split.word, split.run, row)
		return c < 0 || c == 0 && run < split.run
	}
	// The position is rarely far away.
	step := int32(64)
	low, high := at, at
	for high < int32(len(order)) && before(high) {
		low = high + 1
		high += step
		step *= 2
	}
	high = min(high, int32(len(order)))
	for low < high {
		if mid := (low + high) / 2; before(mid) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// take takes the next range: its parts of all runs. ok is false when there is
// none, or when there is no place for more.
func (m *rangeMerge) take() (index int, from, to []int32, n int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		if m.over() || m.taken-m.given >= m.window {
			return 0, nil, nil, 0, false
		}
		index = m.taken
		from, to, n = slices.Clone(m.at), make([]int32, len(m.at)), 0
		for run := range m.runs {
			to[run] = int32(len(m.runs[run].order))
			if index < len(m.splits) {
				to[run] = m.behind(run, from[run], m.splits[index])
			}
			n += int(to[run] - from[run])
		}
		copy(m.at, to)
		m.taken++
		m.rows += int64(n)
		if int64(n) > m.skip {
			m.skip = 0
			return index, from, to, n, true
		}
		// Nothing of it is delivered.
		m.skip -= int64(n)
		m.ready[index] = &sortedRange{n: n}
	}
}

// over reports whether no range will be taken any more. m.mu is held.
func (m *rangeMerge) over() bool {
	return m.ended || m.moved || m.taken == len(m.ready) ||
		!m.s.ties && m.s.left != math.MaxInt64 && m.rows >= m.s.skip+m.s.left
}

// mergeScratch is what one task needs to merge.
type mergeScratch struct {
	word, other []uint64
	from, rows  []int32
	order       []int32
	outFrom     []int32
}

// work merges one range, and reports whether there was one.
func (m *rangeMerge) work(x *mergeScratch) (bool, error) {
	out := &sortedRange{mem: budget{account: m.s.account}}
	// Room is asked for before the runs are held, since that may move them.
	if err := out.mem.take(int64(m.bytes * rangeRows)); err != nil {
		return false, err
	}
	m.rw.RLock()
	defer m.rw.RUnlock()
	index, from, to, n, ok := m.take()
	if !ok {
		out.mem.release()
		return false, nil
	}
	if more := int64(m.bytes*n) - out.mem.used; more > 0 {
		out.mem.overdraw(more)
	}
	out.n = n
	if len(m.runs) == 1 {
		rows := m.runs[0].order[from[0]:to[0]]
		for c := range m.wanted {
			v := &vector.Vec{}
			vector.Gather(v, m.cols[c][0], rows, n)
			out.cols = append(out.cols, v)
		}
	} else {
		m.order(x, from, to, n)
		for c := range m.wanted {
			v := &vector.Vec{}
			gatherFrom(v, m.cols[c], x.outFrom, x.order)
			out.cols = append(out.cols, v)
		}
	}
	m.mu.Lock()
	m.ready[index] = out
	m.mu.Unlock()
	m.wake()
	return true, nil
}

// order merges the parts from..to of all runs into x.outFrom and x.order: by a
// radix sort of the words, which keeps the order of the runs, and by comparison
// where words are equal and say too little.
func (m *rangeMerge) order(x *mergeScratch, from, to []int32, n int) {
	if cap(x.word) < n {
		x.word, x.other = make([]uint64, n), make([]uint64, n)
		x.from, x.rows = make([]int32, n), make([]int32, n)
		x.order, x.outFrom = make([]int32, n), make([]int32, n)
	}
	word, other := x.word[:n], x.other[:n]
	x.order, x.outFrom = x.order[:n], x.outFrom[:n]
	at := 0
	for run, r := range m.runs {
		part := r.order[from[run]:to[run]]
		if len(part) == 0 {
			continue
		}
		end := at + len(part)
		m.plan.words(word[at:end], other[at:end], m.keys[run], part)
		copy(x.rows[at:end], part)
		for i := at; i < end; i++ {
			x.from[i] = int32(run)
		}
		at = end
	}
	low, high := word[0], word[0]
	for _, w := range word {
		low, high = min(low, w), max(high, w)
	}
	width, rowBits := uint(bits.Len64(high-low)), uint(bits.Len(uint(n-1)))
	if width+rowBits <= 64 {
		for i, w := range word {
			word[i] = (w-low)<<rowBits | uint64(i)
		}
		word = radixWords(word, other, rowBits, width)
		mask := uint64(1)<<rowBits - 1
		for i, w := range word {
			x.order[i], x.outFrom[i] = x.rows[w&mask], x.from[w&mask]
			word[i] = w >> rowBits
		}
	} else {
		place := make([]sortPair, n)
		for i, w := range word {
			place[i] = sortPair{w - low, int32(i)}
		}
		place = radixPairs(place, make([]sortPair, n), width)
		for i, p := range place {
			x.order[i], x.outFrom[i] = x.rows[p.row], x.from[p.row]
			word[i] = p.key
		}
	}
	if m.exact {
		return
	}
	for i := 1; i < n; i++ {
		if word[i] != word[i-1] {
			continue
		}
		first := i - 1
		for i < n && word[i] == word[first] {
			i++
		}
		m.settle(x.order[first:i], x.outFrom[first:i])
	}
}

// settle puts rows with equal words in order. They are listed run by run.
func (m *rangeMerge) settle(rows, from []int32) {
	pairs := make([]mergeRow, len(rows))
	for i, r := range rows {
		pairs[i] = mergeRow{run: int(from[i]), pos: r}
	}
	slices.SortStableFunc(pairs, func(a, b mergeRow) int {
		return m.s.order.rows(m.keys[a.run], int(a.pos), m.keys[b.run], int(b.pos))
	})
	for i, p := range pairs {
		rows[i], from[i] = p.pos, int32(p.run)
	}
}

// spill moves what no range has taken to disk. The runs become runs on disk.
func (m *rangeMerge) spill() error {
	m.rw.Lock()
	defer m.rw.Unlock()
	m.mu.Lock()
	nothing := m.over()
	m.moved = true
	m.mu.Unlock()
	defer m.wake()
	var err error
	if m.file == nil && !nothing {
		m.file, err = m.s.q.spillFile(m.s.account)
	}
	for i, r := range m.runs {
		switch {
		case r.store == nil:
		case nothing || err != nil:
			// The ranges that were taken have copies of what they need.
			r.store.drop()
			r.store, r.order = nil, nil
		default:
			err = r.toDisk(m.file, r.order[m.at[i]:])
		}
	}
	m.cols, m.keys = nil, nil
	return err
}

// wake runs the tasks that wait.
func (m *rangeMerge) wake() {
	m.mu.Lock()
	tasks := m.waiting
	m.waiting = nil
	m.mu.Unlock()
	for _, t := range tasks {
		t.handle.Wake()
	}
}

// end makes the helpers end.
func (m *rangeMerge) end() {
	m.mu.Lock()
	m.ended = true
	m.mu.Unlock()
	m.wake()
}

// rangeStream is one task's view of a rangeMerge. The first task delivers, the
// others help.
type rangeStream struct {
	m      *rangeMerge
	t      *task
	helper bool
	begun  bool
	x      mergeScratch
	cut    sortCut
	done   bool

	cur  *sortedRange
	at   int
	rest *runStream // what was moved to disk

	idx  []int32
	sel  []int32
	vecs []vector.Vec
	part vector.Batch
	out  vector.Batch
}

// next implements stream.
func (r *rangeStream) next() (*vector.Batch, error) {
	switch {
	case r.rest != nil:
		return r.rest.next()
	case r.helper:
		return nil, r.help()
	}
	if !r.begun {
		r.begun = true
		if len(r.m.ready) >= 4 {
			r.t.p.want(r.t.q.workers)
		}
	}
	if r.cur == nil || r.at == r.cur.n || r.done {
		if err := r.advance(); err != nil || r.cur == nil {
			return nil, err
		}
	}
	b, done := r.cut.deliver(&r.out, r.slice(), &r.sel)
	r.done = done
	return b, nil
}

// help merges one range.
func (r *rangeStream) help() error {
	m := r.m
	worked, err := m.work(&r.x)
	if worked || err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.over():
		return io.EOF
	case m.taken-m.given < m.window:
		return nil
	}
	m.waiting = append(m.waiting, r.t)
	return errBlocked
}

// advance makes cur the next range, nil when there is none yet.
func (r *rangeStream) advance() error {
	m := r.m
	if r.cur != nil {
		r.cur.mem.release()
		r.cur, r.at = nil, 0
	}
	if r.done {
		m.end()
		return io.EOF
	}
	m.mu.Lock()
	if m.given < m.taken {
		next := m.ready[m.given]
		if next == nil {
			// Another task is at it.
			m.waiting = append(m.waiting, r.t)
			m.mu.Unlock()
			return errBlocked
		}
		m.ready[m.given] = nil
		m.given++
		m.mu.Unlock()
		m.wake()
		if next.cols == nil {
			r.cut.skip -= int64(next.n)
			return nil
		}
		r.cur = next
		return nil
	}
	moved, over := m.moved, m.over()
	m.mu.Unlock()
	switch {
	case moved:
		r.begin()
		return nil
	case over:
		m.end()
		return io.EOF
	}
	_, err := m.work(&r.x)
	return err
}

// begin goes on with what was moved to disk.
func (r *rangeStream) begin() {
	r.m.rw.RLock() // the move has ended
	defer r.m.rw.RUnlock()
	r.rest = &runStream{s: r.m.s, cut: r.cut}
	for _, run := range r.m.runs {
		if run.disk != nil {
			r.rest.runs = append(r.rest.runs, run)
		}
	}
	r.rest.prepared = true
}

// slice returns the next rows of the current range.
func (r *rangeStream) slice() *vector.Batch {
	from, to := r.at, min(r.at+r.t.q.size, r.cur.n)
	r.at = to
	r.part.N = to - from
	r.part.Cols = r.part.Cols[:0]
	if from%64 == 0 {
		for _, v := range r.cur.cols {
			r.part.Cols = append(r.part.Cols, v.Slice(from, to))
		}
		return &r.part
	}
	r.idx = r.idx[:0]
	for i := from; i < to; i++ {
		r.idx = append(r.idx, int32(i))
	}
	if r.vecs == nil {
		r.vecs = make([]vector.Vec, len(r.cur.cols))
	}
	for c, v := range r.cur.cols {
		vector.Gather(&r.vecs[c], v, r.idx, len(r.idx))
		r.part.Cols = append(r.part.Cols, &r.vecs[c])
	}
	return &r.part
}

// close implements stream.
func (r *rangeStream) close() {
	if r.cur != nil {
		r.cur.mem.release()
		r.cur = nil
	}
	if r.rest != nil {
		r.rest.close()
	}
}
