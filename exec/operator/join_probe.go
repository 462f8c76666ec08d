package operator

import (
	"io"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// joinStream probes with one task's left rows.
type joinStream struct {
	j       *join
	t       *task
	in      stream
	table   *joinTable  // the one that is probed
	disk    *diskStream // nil when the build side is in memory
	keys    []*eval.Program
	cond    *eval.Filter
	program *eval.Program // of the condition of a nested-loop Mark join

	// The left batch at hand. Its rows are counted densely: 0..n-1.
	b         *vector.Batch
	n         int
	vecs      []*vector.Vec // keys
	head      []int32
	hash      []uint64
	matched   []bool
	null      []bool // of a Mark join: a comparison was NULL
	at        int    // left row
	candidate int32  // of row at: stored row + 1, 0 for none left

	// Pairs.
	left, right []int32
	rows        []int32 // left in terms of the batch
	idx         []int32
	outSel      []int32
	spread      []int32 // right row by left row

	dense    []kernel.Scratch
	gathered []vector.Vec
	cols     []*vector.Vec
	out      vector.Batch
	sel      []int32
	mark     vector.Vec
	pair     pairBatch
	ranges   rangeProbe

	ended bool
	tail  bool // delivers rows of the right side
	begun bool // all left rows have been seen by then
	// row is the next right row, rowEnd where the range of the stream ends.
	row, rowEnd int
}

// pairBatch evaluates the join condition over pairs.
type pairBatch struct {
	batch    vector.Batch
	dense    []kernel.Scratch
	gathered []vector.Vec
}

// next implements stream.
func (s *joinStream) next() (*vector.Batch, error) {
	switch {
	case s.disk != nil:
		return s.disk.step(s.disk)
	case s.tail:
		return s.rest()
	case s.ended:
		return nil, io.EOF
	}
	if s.b == nil {
		if s.table.store.rows == 0 && s.j.needsMatch() {
			for _, abandon := range s.j.left.abandon {
				abandon()
			}
			s.ended = true
			return nil, io.EOF
		}
		b, err := s.in.next()
		if err == io.EOF {
			return s.leftEnded()
		}
		if b == nil || err != nil {
			return nil, err
		}
		if b.Rows() == 0 {
			return nil, nil
		}
		if err := s.begin(b); err != nil {
			return nil, err
		}
	}
	return s.step()
}

// step makes the next pairs of the left batch at hand.
func (s *joinStream) step() (*vector.Batch, error) {
	if s.at < s.n {
		s.pairs()
		out, err := s.deliver()
		if err != nil || out != nil {
			return out, err
		}
		if s.at < s.n {
			return nil, nil
		}
	}
	b := s.b
	s.b = nil
	return s.finishBatch(b)
}

// begin takes a left batch.
func (s *joinStream) begin(b *vector.Batch) error {
	n := b.Rows()
	s.b, s.n, s.at = b, n, 0
	if cap(s.head) < n {
		s.head, s.hash, s.matched, s.null = make([]int32, n), make([]uint64, n), make([]bool, n), make([]bool, n)
	}
	s.head, s.matched, s.null = s.head[:n], s.matched[:n], s.null[:n]
	clear(s.matched)
	clear(s.null)
	if s.disk != nil {
		s.disk.recall(s.matched, s.null)
	}
	if s.j.nested {
		s.candidate = 0
		s.ranges.begin(s.table, b, n)
		if s.table.store.rows == 0 {
			s.at = n
		}
		return nil
	}
	if s.disk == nil {
		var err error
		if s.vecs, err = evalAll(s.vecs, s.keys, b); err != nil {
			return err
		}
	}
	s.table.lookup(s.head, s.hash[:n], s.vecs, n)
	s.candidate = s.head[0]
	return nil
}

// pairs fills left and right with the next pairs whose keys are equal. Several
// calls may be needed for one batch; s.at == s.n says that it is done.
func (s *joinStream) pairs() {
	left, right := s.left[:0], s.right[:0]
	size := min(s.j.q.size, vector.BatchSize)
	one := s.j.kind == physical.Semi || s.j.kind == physical.Anti || s.j.kind == physical.Mark
	if s.j.nested && s.ranges.on {
		s.rangePairs(size, one)
		return
	}
	if s.j.nested {
		stored := int32(s.table.store.rows)
		for s.at < s.n && len(left) < size {
			if one && s.matched[s.at] {
				s.at, s.candidate = s.at+1, 0
				continue
			}
			left, right = append(left, int32(s.at)), append(right, s.candidate)
			if s.candidate++; s.candidate == stored {
				s.at, s.candidate = s.at+1, 0
			}
		}
		s.left, s.right = left, right
		return
	}
	next := s.table.next
	if next == nil {
		// Every row has one candidate at most.
		for ; s.at < s.n && len(left) < size; s.at++ {
			if h := s.head[s.at]; h != 0 && !(one && s.matched[s.at]) {
				left, right = append(left, int32(s.at)), append(right, h-1)
			}
		}
		s.left, s.right = left, right
		s.equal()
		return
	}
	marks := s.j.onlyRight() && s.j.cond == nil
	for {
		if s.candidate == 0 || one && s.matched[s.at] || marks && s.candidate == s.head[s.at] && s.allMarked(s.candidate-1) {
			s.at++
			if s.at == s.n {
				break
			}
			s.candidate = s.head[s.at]
			continue
		}
		if len(left) == size {
			break
		}
		left, right = append(left, int32(s.at)), append(right, s.candidate-1)
		s.candidate = next[s.candidate-1]
	}
	s.left, s.right = left, right
	s.equal()
}

// allMarked reports whether the build rows that match the left row at hand are all
// marked, or will be by who has begun to: first is the first of their chain. Without
// it few keys with many rows on both sides would cost the product.
func (s *joinStream) allMarked(first int32) bool {
	if atomic.LoadUint32(&s.table.matched[first>>5])>>(first&31)&1 == 0 {
		return false
	}
	return s.table.exact || s.mayEqual(s.at, int(first))
}

// equal drops the pairs whose keys are not equal.
func (s *joinStream) equal() {
	if s.table.exact {
		return
	}
	for k, v := range s.vecs {
		n := s.table.equalPairs(k, v, s.left, s.right)
		s.left, s.right = s.left[:n], s.right[:n]
	}
}

// batchRows translates dense left rows to rows of the batch.
func (s *joinStream) batchRows(dense []int32) []int32 {
	if s.b.Sel == nil {
		return dense
	}
	s.rows = s.rows[:0]
	for _, d := range dense {
		s.rows = append(s.rows, s.b.Sel[d])
	}
	return s.rows
}

// condition drops the pairs that fail the join condition.
func (s *joinStream) condition() error {
	if s.j.cond == nil || len(s.left) == 0 {
		return nil
	}
	b := s.pairColumns()
	var sel []int32
	if s.program != nil {
		v, err := s.program.Eval(b)
		if err != nil {
			return err
		}
		for i, l := range s.left {
			if v.IsNull(i) {
				s.null[l] = true
			}
		}
		s.sel = vector.SelectTrue(s.sel, v, nil, b.N)
		sel = s.sel
	} else {
		var err error
		if sel, err = s.cond.Select(b); err != nil {
			return err
		}
	}
	for i, k := range sel {
		s.left[i], s.right[i] = s.left[k], s.right[k]
	}
	s.left, s.right = s.left[:len(sel)], s.right[:len(sel)]
	return nil
}

// pairColumns gathers the columns that the condition reads.
func (s *joinStream) pairColumns() *vector.Batch {
	p, width := &s.pair, len(s.j.leftTypes)
	if p.dense == nil {
		p.dense, p.gathered = make([]kernel.Scratch, width), make([]vector.Vec, s.j.right)
		p.batch.Cols = make([]*vector.Vec, width+s.j.right)
	}
	p.batch.N = len(s.left)
	rows := s.batchRows(s.left)
	for _, c := range s.j.reads {
		if c < width {
			p.batch.Cols[c] = p.dense[c].Dense(s.b.Cols[c], rows, len(rows))
			continue
		}
		g := &p.gathered[c-width]
		vector.Gather(g, s.table.store.vec(c-width), s.right, len(s.right))
		p.batch.Cols[c] = g
	}
	return &p.batch
}

// deliver turns the pairs into output, or notes them.
func (s *joinStream) deliver() (*vector.Batch, error) {
	if err := s.condition(); err != nil {
		return nil, err
	}
	if len(s.left) == 0 {
		return nil, nil
	}
	switch s.j.kind {
	case physical.Single:
		for _, l := range s.left {
			if s.matched[l] {
				return nil, pgerror.New(pgerror.CardinalityViolation, "more than one row returned by a subquery used as an expression")
			}
			s.matched[l] = true
		}
	case physical.Inner:
	case physical.Right:
		s.noteRight()
	case physical.RightSemi, physical.RightAnti:
		s.noteRight()
		return nil, nil
	case physical.Full:
		s.noteRight()
		fallthrough
	default:
		for _, l := range s.left {
			s.matched[l] = true
		}
	}
	switch s.j.kind {
	case physical.Semi, physical.Anti, physical.Mark:
		return nil, nil
	}
	return s.emit(s.batchRows(s.left), s.right), nil
}

// noteRight marks the build rows of the pairs as matched.
func (s *joinStream) noteRight() {
	for _, r := range s.right {
		word, bit := &s.table.matched[r>>5], uint32(1)<<(r&31)
		if atomic.LoadUint32(word)&bit == 0 {
			atomic.OrUint32(word, bit)
		}
	}
}

// emit returns the rows of the left batch beside the rows of the build side, -1
// for NULLs. The rows of a left batch that all come at once stay where they are.
func (s *joinStream) emit(left, right []int32) *vector.Batch {
	s.cols = s.cols[:0]
	n, sel := len(left), []int32(nil)
	if s.at == s.n && s.table.next == nil && !s.j.nested && 4*n >= s.b.N && n > 0 && n <= s.n {
		n = s.b.N
		if len(left) < n {
			s.outSel = append(s.outSel[:0], left...)
			sel = s.outSel
		}
		s.cols = append(s.cols, s.b.Cols...)
		if sel != nil {
			if cap(s.spread) < n {
				s.spread = make([]int32, n)
			}
			s.spread = s.spread[:n]
			clear(s.spread)
			for i, l := range left {
				s.spread[l] = right[i]
			}
			right = s.spread
		}
	} else {
		for c, v := range s.b.Cols {
			if !s.j.isNeeded(c) {
				s.cols = append(s.cols, s.j.nulls[c])
				continue
			}
			s.cols = append(s.cols, s.dense[c].Dense(v, left, n))
		}
	}
	store := s.table.store
	for c := range s.gathered {
		if !s.j.isNeeded(len(s.j.leftTypes) + c) {
			s.cols = append(s.cols, s.j.nulls[len(s.j.leftTypes)+c])
			continue
		}
		s.idx = gatherOuter(&s.gathered[c], store.vec(c), right, s.idx, store.rows)
		s.cols = append(s.cols, &s.gathered[c])
	}
	s.out = vector.Batch{N: n, Sel: sel, Cols: s.cols}
	return &s.out
}

// isNeeded reports whether somebody reads output c.
func (j *join) isNeeded(c int) bool { return j.needed == nil || j.needed[c] }

// finishBatch delivers what depends on whether each left row of b was matched.
func (s *joinStream) finishBatch(b *vector.Batch) (*vector.Batch, error) {
	if s.j.kind == physical.Mark && !s.j.nested {
		s.b = b
		err := s.findNullMarks()
		s.b = nil
		if err != nil {
			return nil, err
		}
	}
	if s.disk != nil && s.disk.keep(s.matched, s.null) {
		return nil, nil
	}
	switch s.j.kind {
	case physical.Left, physical.Full, physical.Single:
		s.left, s.right = s.left[:0], s.right[:0]
		for i, m := range s.matched {
			if !m {
				s.left, s.right = append(s.left, int32(i)), append(s.right, -1)
			}
		}
		if len(s.left) == 0 {
			return nil, nil
		}
		s.b = b
		out := s.emit(s.batchRows(s.left), s.right)
		s.b = nil
		return out, nil
	case physical.Semi, physical.Anti:
		s.sel = s.sel[:0]
		for i, m := range s.matched {
			if m == (s.j.kind == physical.Semi) {
				s.sel = append(s.sel, int32(i))
			}
		}
		if len(s.sel) == 0 {
			return nil, nil
		}
		if b.Sel != nil {
			for i, d := range s.sel {
				s.sel[i] = b.Sel[d]
			}
		}
		s.out = vector.Batch{N: b.N, Sel: s.sel, Cols: b.Cols}
		return &s.out, nil
	case physical.Mark:
		return s.marked(b), nil
	}
	return nil, nil
}

// marked delivers a left batch with its marks.
func (s *joinStream) marked(b *vector.Batch) *vector.Batch {
	s.mark.Reset(types.Of(types.Bool), b.N)
	vals := s.mark.Bools()
	for i := range s.n {
		r := i
		if b.Sel != nil {
			r = int(b.Sel[i])
		}
		vals[r] = 0
		switch {
		case s.matched[i]:
			vals[r] = 1
		case s.null[i]:
			s.mark.SetNull(r, b.N)
		}
	}
	s.cols = append(append(s.cols[:0], b.Cols...), &s.mark)
	s.out = vector.Batch{N: b.N, Sel: b.Sel, Cols: s.cols}
	return &s.out
}

// findNullMarks finds the left rows without a match for which one comparison of
// keys was NULL and none was false: only rows with a NULL on one side can do it.
func (s *joinStream) findNullMarks() error {
	t := s.table
	if s.disk != nil && s.j.parts() > 1 {
		for i := range s.n {
			s.null[i] = !s.matched[i] && s.disk.nullMark(s.vecs[0], i)
		}
		return nil
	}
	if t.store.rows == 0 {
		return nil
	}
	var all []int32
	for i := range s.n {
		if s.matched[i] || s.null[i] {
			continue
		}
		candidates := t.nulls
		for k, v := range s.vecs {
			if !t.keys.safe(k) && v.IsNull(i) {
				if all == nil {
					all = vector.Identity(nil, t.store.rows)
				}
				candidates = all
				break
			}
		}
		if len(candidates) == 0 {
			continue
		}
		if len(s.vecs) == 1 && s.j.cond == nil {
			s.null[i] = true
			continue
		}
		for from := 0; from < len(candidates) && !s.null[i] && !s.j.q.stopped.Load(); from += vector.BatchSize {
			s.left, s.right = s.left[:0], s.right[:0]
			for _, r := range candidates[from:min(from+vector.BatchSize, len(candidates))] {
				if s.mayEqual(i, int(r)) {
					s.left, s.right = append(s.left, int32(i)), append(s.right, r)
				}
			}
			if err := s.condition(); err != nil {
				return err
			}
			s.null[i] = len(s.left) > 0
		}
	}
	return nil
}

// mayEqual reports whether no key comparison of a pair is false.
func (s *joinStream) mayEqual(left, right int) bool {
	t := s.table
	for k, v := range s.vecs {
		w := t.store.vec(t.keys.column[k])
		if !t.keys.safe(k) && (v.IsNull(left) || w.IsNull(right)) {
			continue
		}
		if !sameValue(v, left, w, right) {
			return false
		}
	}
	return true
}

// leftEnded handles the end of the left side.
func (s *joinStream) leftEnded() (*vector.Batch, error) {
	s.ended = true
	last := s.j.active.Add(-1) == 0
	if s.table.matched == nil {
		return nil, io.EOF
	}
	if last {
		s.j.mu.Lock()
		for _, t := range s.j.resting {
			t.handle.Wake()
		}
		s.j.resting = nil
		s.j.mu.Unlock()
	}
	s.tail = true
	return nil, nil
}

// restRows is how many right rows a stream takes at a time.
const restRows = 16 << 10

// rest delivers right rows when all streams have marked what they match.
func (s *joinStream) rest() (*vector.Batch, error) {
	if !s.begun {
		s.j.mu.Lock()
		if s.j.active.Load() > 0 {
			s.j.resting = append(s.j.resting, s.t)
			s.j.mu.Unlock()
			return nil, errBlocked
		}
		s.j.mu.Unlock()
		s.begun = true
	}
	if s.row == s.rowEnd {
		rows := s.table.store.rows
		from := int(s.j.restAt.Add(restRows)) - restRows
		if from >= rows {
			return nil, io.EOF
		}
		s.row, s.rowEnd = from, min(from+restRows, rows)
	}
	b, err := s.rightRows()
	if err == io.EOF {
		return nil, nil
	}
	return b, err
}

// rightRows delivers the next rows of the range of build rows that the kind of
// join asks for: those with a match or those without.
func (s *joinStream) rightRows() (*vector.Batch, error) {
	if s.row == s.rowEnd {
		return nil, io.EOF
	}
	store := s.table.store
	s.right = s.right[:0]
	size := min(s.j.q.size, vector.BatchSize)
	want := uint32(0)
	if s.j.kind == physical.RightSemi {
		want = 1
	}
	for limit := s.row + 1<<16; s.row < min(s.rowEnd, limit) && len(s.right) < size; s.row++ {
		if s.table.matched[s.row>>5]>>(s.row&31)&1 == want {
			s.right = append(s.right, int32(s.row))
		}
	}
	if len(s.right) == 0 {
		return nil, nil
	}
	s.cols = s.cols[:0]
	first := len(s.j.leftTypes)
	if s.j.onlyRight() {
		first = 0
	}
	s.cols = append(s.cols, s.j.nulls[:first]...)
	for c := range s.gathered {
		if !s.j.isNeeded(first + c) {
			s.cols = append(s.cols, s.j.nulls[len(s.j.leftTypes)+c])
			continue
		}
		vector.Gather(&s.gathered[c], store.vec(c), s.right, len(s.right))
		s.cols = append(s.cols, &s.gathered[c])
	}
	s.out = vector.Batch{N: len(s.right), Cols: s.cols}
	return &s.out, nil
}

// close implements stream.
func (s *joinStream) close() {
	if s.disk != nil {
		s.disk.close()
	}
	s.in.close()
}
