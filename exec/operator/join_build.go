package operator

import (
	"io"
	"math/bits"
	"slices"
	"sync"

	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

const (
	// leastShared is the smallest number of rows of which a table is made by
	// several tasks, and about how many each of them is worth starting for.
	leastShared = 64 << 10
	// buildRange is how many rows are one unit of the first two phases.
	buildRange = 64 << 10
	// cachedTable is how much of a table is filled at a time: that much stays in
	// the cache of a core. The parts are at most maxBuildParts, which is at how many
	// places rows are written down at the same time.
	cachedTable   = 256 << 10
	maxBuildParts = 256
	// buildScratch is what a row takes while a table is made in parts.
	buildScratch = 8 + 8 + 4
	// slotFactor spreads the low bits of a hash to the high ones, of which rows that
	// went to disk together have some in common.
	slotFactor = 0x9e3779b97f4a7c15
)

// tableBuild fills the table of a join, in phases of units that several tasks can
// run at the same time. A table beyond the cache is filled part by part:
//
//  1. The number or hash of every row is computed, and the rows of each range are
//     counted by the part of the table where they belong.
//  2. The rows are written down part by part.
//  3. Each part is filled. A row that finds no place before the end of its part
//     waits until all parts have been filled.
//
// An array of heads has the third phase only: whoever fills a part looks at all
// numbers. All memory is taken before, so that units do not fail. Rows go in from
// the last to the first: then chains are in the order of rows.
type tableBuild struct {
	t        *joinTable
	n        int
	keep     vector.Bitmap // rows that can match; nil for all
	distinct bool          // only the first row of each key is wanted
	units    []int         // by phase

	parts  int
	shift  int       // of a slot to its part
	keys   []uint64  // number or hash of each row
	first  [][]int32 // by range and part: where its next row goes
	bounds []int32   // where the rows of each part begin
	sorted []uint64  // keys by part
	rows   []int32   // and their rows, ascending
	late   []int32   // by part: where the rows begin that wait
	bytes  int64     // of all this

	chained  sync.Once
	nextHeld bool // memory for the chains is taken
}

// prepare takes the memory of a table over the store and chooses its form. workers
// is how many tasks may fill it, 0 for the caller alone, who then needs nothing
// besides the table. keepNulls says that there are rows with a NULL key, which
// match nothing; distinct, that only the first row of each key is wanted; match,
// that matched rows will be marked. It fails with 53200, and may then be called
// again after drop.
func (j *joinTable) prepare(workers int, keepNulls, distinct, match bool) (*tableBuild, error) {
	n := j.store.rows
	if match {
		words := (n + 31) / 32
		if err := j.mem.take(int64(words) * 4); err != nil {
			return nil, err
		}
		j.matched = make([]uint32, words)
	}
	if len(j.keys.ranges) > 0 {
		j.buildRanges()
	}
	b := &tableBuild{t: j, n: n, distinct: distinct, parts: 1}
	if len(j.keys.column) == 0 || n == 0 {
		return b, nil
	}
	if keepNulls {
		b.keep = j.findNulls()
	}
	size, ok := j.numberRows(b.keep)
	switch {
	case ok && size <= maxArray(n):
		if err := j.mem.take(int64(size) * 4); err != nil {
			return nil, err
		}
		j.heads = make([]int32, size)
		b.parts = max(1, min(workers, n/leastShared))
		b.units = []int{b.parts}
	default:
		if err := b.slots(workers, ok); err != nil {
			return nil, err
		}
	}
	if err := j.mem.take(int64(n) * 4); err != nil {
		return nil, err
	}
	b.nextHeld = true
	return b, nil
}

// slots makes an empty hash table, of numbers or of hashes.
func (b *tableBuild) slots(workers int, numbers bool) error {
	j, width := b.t, int64(8)
	if numbers {
		width = 16
	}
	log := bits.Len(uint(2*b.n - 1))
	bytes := width << log
	if err := j.mem.take(bytes); err != nil {
		return err
	}
	if numbers {
		j.open = make([]numberSlot, 1<<log)
	} else {
		j.slots = make([]uint64, 1<<log)
	}
	j.mask, j.shift = 1<<log-1, uint(64-log)
	b.units = []int{1}
	if workers == 0 || b.n < leastShared || bytes < 2*cachedTable {
		return nil
	}
	split := min(bits.Len(uint(maxBuildParts-1)), bits.Len64(uint64(bytes/cachedTable-1)))
	b.parts, b.shift = 1<<split, log-split
	ranges := (b.n + buildRange - 1) / buildRange
	b.bytes = int64(b.n)*buildScratch + int64(ranges*b.parts)*4
	if err := j.mem.take(b.bytes); err != nil {
		return err
	}
	b.units = []int{ranges, ranges, b.parts}
	b.keys, b.sorted, b.rows = make([]uint64, b.n), make([]uint64, b.n), make([]int32, b.n)
	b.first, b.bounds, b.late = make([][]int32, ranges), make([]int32, b.parts+1), make([]int32, b.parts)
	return nil
}

// buildBytes is about what prepare takes for n rows that workers tasks fill.
func buildBytes(n, workers int) int64 {
	if workers == 0 || n < leastShared {
		return tableBytes(n)
	}
	return tableBytes(n) + int64(n)*buildScratch
}

// run is one unit of a phase.
func (b *tableBuild) run(phase, unit int) {
	switch {
	case b.t.heads != nil:
		b.fillArray(unit)
	case b.parts == 1:
		b.fillWhole()
	case phase == 0:
		b.count(unit)
	case phase == 1:
		b.scatter(unit)
	case b.t.open != nil:
		b.fillNumbers(unit)
	default:
		b.fillHashes(unit)
	}
}

// ended is called after the last unit of a phase and before the next phase.
func (b *tableBuild) ended(phase int) {
	switch {
	case phase == len(b.units)-1:
		b.end()
	case phase == 0:
		at := int32(0)
		for p := range b.parts {
			b.bounds[p] = at
			for _, first := range b.first {
				k := first[p]
				first[p] = at
				at += k
			}
		}
		b.bounds[b.parts] = at
	}
}

// all runs every phase.
func (b *tableBuild) all() {
	if len(b.units) == 0 {
		b.end()
		return
	}
	for phase, n := range b.units {
		for unit := range n {
			b.run(phase, unit)
		}
		b.ended(phase)
	}
}

// end puts the rows in that waited and gives back what only the build needed.
func (b *tableBuild) end() {
	for p, from := range b.late {
		for i := b.bounds[p+1] - 1; i >= from; i-- {
			b.put(b.sorted[i], b.rows[i])
		}
	}
	b.t.mem.give(b.bytes)
	if b.nextHeld && b.t.next == nil {
		b.t.mem.give(int64(b.n) * 4)
	}
	*b = tableBuild{}
}

// chain puts row r before another one, given + 1.
func (b *tableBuild) chain(r, before int32) {
	if b.distinct {
		return
	}
	b.chained.Do(func() { b.t.next = make([]int32, b.n) })
	b.t.next[r] = before
}

// put puts a row into a hash table that nobody else fills.
func (b *tableBuild) put(key uint64, r int32) {
	j := b.t
	if j.open != nil {
		for s := j.numberSlot(key); ; s = (s + 1) & j.mask {
			p := &j.open[s]
			if p.head == 0 || p.number == key {
				if p.head != 0 {
					b.chain(r, p.head)
				}
				*p = numberSlot{key, r + 1}
				return
			}
		}
	}
	for s := j.hashSlot(key); ; s = (s + 1) & j.mask {
		e := j.slots[s]
		if e == 0 || uint32(e>>32) == uint32(key) {
			if e != 0 {
				b.chain(r, int32(uint32(e)))
			}
			j.slots[s] = key<<32 | uint64(r+1)
			return
		}
	}
}

// compute stores in dst the numbers or hashes of the rows from..from+len(dst)-1;
// from is a multiple of 64.
func (b *tableBuild) compute(dst []uint64, from int) {
	j := b.t
	for k, c := range j.keys.column {
		v := j.store.vec(c).Slice(from, from+len(dst))
		if j.ints != nil {
			j.ints[k].number(dst, v, k > 0)
		} else {
			kernel.Hash(dst, v, len(dst), k > 0)
		}
	}
}

// backwards calls use with the rows and keys of one batch after the other, the last
// one first.
func (b *tableBuild) backwards(use func(from int, keys []uint64)) {
	var keys [vector.BatchSize]uint64
	for from := (b.n - 1) / vector.BatchSize * vector.BatchSize; from >= 0 && !b.t.q.stopped.Load(); from -= vector.BatchSize {
		part := keys[:min(vector.BatchSize, b.n-from)]
		b.compute(part, from)
		use(from, part)
	}
}

// fillWhole fills a hash table.
func (b *tableBuild) fillWhole() {
	b.backwards(func(from int, keys []uint64) {
		for i, key := range slices.Backward(keys) {
			if b.keep == nil || b.keep.Get(from+i) {
				b.put(key, int32(from+i))
			}
		}
	})
}

// fillArray fills one part of the array of heads.
func (b *tableBuild) fillArray(part int) {
	size := uint64(len(b.t.heads))
	low, high := size*uint64(part)/uint64(b.parts), size*uint64(part+1)/uint64(b.parts)
	heads := b.t.heads
	b.backwards(func(from int, keys []uint64) {
		for i, x := range slices.Backward(keys) {
			if x-low >= high-low || b.keep != nil && !b.keep.Get(from+i) {
				continue
			}
			r := int32(from + i)
			if before := heads[x]; before != 0 {
				b.chain(r, before)
			}
			heads[x] = r + 1
		}
	})
}

// part returns the part of the table where a key belongs.
func (b *tableBuild) part(key uint64) uint64 {
	if b.t.open != nil {
		return b.t.numberSlot(key) >> b.shift
	}
	return b.t.hashSlot(key) >> b.shift
}

// count is the first phase for one range of rows.
func (b *tableBuild) count(unit int) {
	from := unit * buildRange
	to := min(from+buildRange, b.n)
	first := make([]int32, b.parts)
	b.compute(b.keys[from:to], from)
	for i, key := range b.keys[from:to] {
		if b.keep == nil || b.keep.Get(from+i) {
			first[b.part(key)]++
		}
	}
	b.first[unit] = first
}

// scatter is the second phase for one range of rows.
func (b *tableBuild) scatter(unit int) {
	from := unit * buildRange
	to := min(from+buildRange, b.n)
	first := b.first[unit]
	for i, key := range b.keys[from:to] {
		if b.keep == nil || b.keep.Get(from+i) {
			p := b.part(key)
			at := first[p]
			first[p] = at + 1
			b.sorted[at], b.rows[at] = key, int32(from+i)
		}
	}
}

// fillNumbers fills one part of an open table of numbers.
func (b *tableBuild) fillNumbers(part int) {
	j, end := b.t, uint64(part+1)<<b.shift
	late := b.bounds[part+1]
	for i := late - 1; i >= b.bounds[part]; i-- {
		key, r := b.sorted[i], b.rows[i]
		s := j.numberSlot(key)
		for ; s < end; s++ {
			p := &j.open[s]
			if p.head == 0 || p.number == key {
				if p.head != 0 {
					b.chain(r, p.head)
				}
				*p = numberSlot{key, r + 1}
				break
			}
		}
		if s == end {
			late--
			b.sorted[late], b.rows[late] = key, r
		}
	}
	b.late[part] = late
}

// fillHashes fills one part of a table of hashes.
func (b *tableBuild) fillHashes(part int) {
	j, end := b.t, uint64(part+1)<<b.shift
	late := b.bounds[part+1]
	for i := late - 1; i >= b.bounds[part]; i-- {
		key, r := b.sorted[i], b.rows[i]
		s := j.hashSlot(key)
		for ; s < end; s++ {
			e := j.slots[s]
			if e == 0 || uint32(e>>32) == uint32(key) {
				if e != 0 {
					b.chain(r, int32(uint32(e)))
				}
				j.slots[s] = key<<32 | uint64(r+1)
				break
			}
		}
		if s == end {
			late--
			b.sorted[late], b.rows[late] = key, r
		}
	}
	b.late[part] = late
}

// phased gives the units of a build to tasks: those of a phase when all of the
// phase before have ended.
type phased struct {
	of *tableBuild

	mu                 sync.Mutex
	phase, next, doing int
	units              []int
	waiting            []*task
}

// want is how many tasks can be busy at the same time.
func (p *phased) want() int {
	most := 0
	for _, n := range p.units {
		most = max(most, n)
	}
	return most
}

// step runs one unit on behalf of t. It returns errBlocked while others have to end
// theirs first, which wakes t, and io.EOF when nothing is left.
func (p *phased) step(t *task) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == len(p.units) {
		return io.EOF
	}
	if p.next == p.units[p.phase] {
		p.waiting = append(p.waiting, t)
		return errBlocked
	}
	phase, unit := p.phase, p.next
	p.next++
	p.doing++
	p.mu.Unlock()
	p.of.run(phase, unit)
	p.mu.Lock()
	if p.doing--; p.doing > 0 || p.next < p.units[p.phase] {
		return nil
	}
	p.of.ended(phase)
	p.phase, p.next = p.phase+1, 0
	for _, t := range p.waiting {
		t.handle.Wake()
	}
	p.waiting = nil
	return nil
}

// buildStream is one task's share of making the table of a join.
type buildStream struct {
	j     *join
	t     *task
	begun bool
}

// next implements stream.
func (s *buildStream) next() (*vector.Batch, error) {
	if s.j.work == nil {
		return nil, io.EOF
	}
	if !s.begun {
		s.begun = true
		s.t.p.want(s.j.work.want())
	}
	return nil, s.j.work.step(s.t)
}

// close implements stream.
func (s *buildStream) close() {}

// joinBuilt is the end of the pipeline that makes the table.
type joinBuilt struct{ j *join }

// open implements sink.
func (b joinBuilt) open(*task) (inlet, error) { return b, nil }

// ready implements inlet.
func (b joinBuilt) ready() bool { return true }

// push implements inlet.
func (b joinBuilt) push(*vector.Batch) error { return nil }

// end implements inlet.
func (b joinBuilt) end() error { return nil }

// finish implements sink.
func (b joinBuilt) finish() error {
	if b.j.work == nil {
		return nil
	}
	b.j.work = nil
	return b.j.publish()
}
