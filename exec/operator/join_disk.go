package operator

import (
	"io"
	"sync"

	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// maxDivisions is how often rows are divided: after that many groups of bits of
// the hash, rows that are still together have the same keys.
const maxDivisions = 6

// joinDisk is a join whose build side did not fit. Both sides are divided by the
// hash of their keys into partitions on disk; the pairs of partitions are units
// of work that the tasks take one by one. A build partition that does not fit
// either is divided again; when that does not help, because most of its rows have
// one key, its rows are taken in chunks, and the probe rows read once for each.
type joinDisk struct {
	j    *join
	left *joinKeys
	// rows and nulls count the build side.
	rows, nulls int64
	build       [][]*spill.Run // by partition

	mu      sync.Mutex
	probe   [][]*spill.Run
	begun   bool // all left rows are on disk
	units   []*diskUnit
	busy    int // units in work
	waiting []*task
}

// diskUnit is one pair of partitions.
type diskUnit struct {
	build, probe         []*spill.Run
	buildRows, probeRows int64
	depth                int
	whole                bool // dividing is of no use
}

// newJoinDisk takes the runs of the build tasks.
func newJoinDisk(j *join) *joinDisk {
	d := &joinDisk{j: j, left: newJoinKeys(j.leftTypes, j.leftKeys, j.keys.nullSafe), build: make([][]*spill.Run, j.parts()), probe: make([][]*spill.Run, j.parts())}
	for _, s := range j.sides {
		d.rows += s.rows
		d.nulls += s.nulls
		addRuns(d.build, s)
	}
	return d
}

// addRuns adds the runs of c that are not empty, by partition.
func addRuns(to [][]*spill.Run, c *collected) {
	for p, r := range c.runs {
		if r.Rows() > 0 {
			to[p] = append(to[p], r)
		}
	}
}

// runRows counts rows.
func countRows(runs []*spill.Run) (n int64) {
	for _, r := range runs {
		n += r.Rows()
	}
	return n
}

// unitsOf pairs the partitions of two sides. Those that cannot deliver a row are
// left out. limit is the number of build rows from which a partition is not worth
// dividing further.
func (d *joinDisk) unitsOf(build, probe [][]*spill.Run, depth int, limit int64) []*diskUnit {
	var out []*diskUnit
	for p := range build {
		u := &diskUnit{build: build[p], probe: probe[p], buildRows: countRows(build[p]), probeRows: countRows(probe[p]), depth: depth}
		u.whole = d.j.parts() == 1 || depth >= maxDivisions || u.buildRows >= limit
		if u.buildRows == 0 && d.j.needsMatch() {
			continue
		}
		if u.probeRows == 0 && !d.j.marksRight() {
			continue
		}
		if d.j.parts() == 1 && !d.j.marksRight() {
			// Each run of probe rows can be joined on its own.
			for _, r := range u.probe {
				one := *u
				one.probe, one.probeRows = []*spill.Run{r}, r.Rows()
				out = append(out, &one)
			}
			continue
		}
		out = append(out, u)
	}
	return out
}

// leftEnded takes the left rows of one task. The last task makes the units.
func (d *joinDisk) leftEnded(side *collected) {
	d.mu.Lock()
	addRuns(d.probe, side)
	if d.j.active.Add(-1) == 0 && !d.begun {
		d.begun = true
		d.units = d.unitsOf(d.build, d.probe, 0, d.rows+1)
	}
	d.wake()
	d.mu.Unlock()
}

// wake runs the tasks that wait. d.mu is held.
func (d *joinDisk) wake() {
	for _, t := range d.waiting {
		t.handle.Wake()
	}
	d.waiting = nil
}

// claim returns a unit for t, io.EOF when none is left, or errBlocked when there
// may be one later.
func (d *joinDisk) claim(t *task) (*diskUnit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.units); n > 0 {
		u := d.units[n-1]
		d.units = d.units[:n-1]
		d.busy++
		return u, nil
	}
	if d.begun && d.busy == 0 {
		return nil, io.EOF
	}
	d.waiting = append(d.waiting, t)
	return nil, errBlocked
}

// release ends a unit, which was divided into more.
func (d *joinDisk) release(more []*diskUnit) {
	d.mu.Lock()
	d.units = append(d.units, more...)
	d.busy--
	d.wake()
	d.mu.Unlock()
}

// unitBytes is how much memory a unit may take.
func (d *joinDisk) unitBytes() int64 {
	if at := d.j.q.env.SpillAt; at > 0 {
		return at
	}
	limit := d.j.q.env.Account.Limit()
	if limit == 0 {
		return 1 << 62
	}
	return max(limit/int64(4*d.j.q.workers), 256<<10)
}

// open returns what a task does with the join.
func (d *joinDisk) open(s *joinStream) (*diskStream, error) {
	rows, err := d.left.rows(d.j.q)
	if err != nil {
		return nil, err
	}
	side := newCollected(d.j.q, d.j.account, d.left, d.j.parts(), 0)
	side.eager = true
	return &diskStream{d: d, s: s, rows: rows, side: side, step: (*diskStream).collect}, nil
}

// diskStream is one task's part in a joinDisk: it brings left rows to disk, then
// works on units, in steps of about one batch.
type diskStream struct {
	d    *joinDisk
	s    *joinStream
	rows *joinRows
	side *collected
	step func(*diskStream) (*vector.Batch, error)

	u      *diskUnit
	store  *columnStore
	in     runReader // of build rows
	loaded int64     // build rows in this chunk and those before
	chunk  int

	from runReader // of probe rows
	left vector.Batch
	base int64 // of the left batch in the probe rows
	next int64

	// What is known of the probe rows from earlier chunks.
	matched, null vector.Bitmap
	held          int64

	buildSide, probeSide *collected // of a division
}

// runReader reads runs one after another.
type runReader struct {
	runs []*spill.Run
	r    *spill.Reader
	b    vector.Batch
	full bool // b has not been used yet
}

// read makes r.b the next batch.
func (r *runReader) read() error {
	for !r.full {
		if r.r == nil {
			if len(r.runs) == 0 {
				return io.EOF
			}
			r.r, r.runs = r.runs[0].Read(false), r.runs[1:]
		}
		err := r.r.Next(&r.b)
		if err == nil {
			r.full = true
			break
		}
		r.r.Close()
		r.r = nil
		if err != io.EOF {
			return err
		}
	}
	return nil
}

// close ends a read.
func (r *runReader) close() {
	if r.r != nil {
		r.r.Close()
	}
	*r = runReader{}
}

// collect brings the rows of a left batch to disk.
func (x *diskStream) collect() (*vector.Batch, error) {
	b, err := x.s.in.next()
	switch {
	case err == io.EOF:
		if err := x.side.flush(); err != nil {
			return nil, err
		}
		x.side.st.Close()
		x.d.leftEnded(x.side)
		x.step = (*diskStream).claim
		return nil, nil
	case b == nil || err != nil:
		return nil, err
	}
	cols, sel, n, err := x.rows.of(b, !x.d.j.needsMatch())
	if err != nil {
		return nil, err
	}
	return nil, x.side.add(cols, sel, n)
}

// claim takes a unit.
func (x *diskStream) claim() (*vector.Batch, error) {
	u, err := x.d.claim(x.s.t)
	if err != nil {
		return nil, err
	}
	x.u, x.loaded, x.chunk = u, 0, 0
	x.in = runReader{runs: u.build}
	x.beginChunk()
	return nil, nil
}

// beginChunk starts to load build rows.
func (x *diskStream) beginChunk() {
	x.store = newColumnStore(x.d.j.account, x.d.j.keys.types)
	x.step = (*diskStream).load
}

// load reads a batch of build rows.
func (x *diskStream) load() (*vector.Batch, error) {
	err := x.in.read()
	if err == io.EOF {
		return x.build()
	}
	if err != nil {
		return nil, err
	}
	full := x.store.rows > 0 && x.store.held+tableBytes(x.store.rows+x.in.b.N) > x.d.unitBytes()
	if !full {
		err := x.store.append(x.in.b.Cols, x.in.b.Sel, x.in.b.N)
		if err != nil && !outOfMemory(err) {
			return nil, err
		}
		if err == nil {
			x.in.full = false
			x.loaded += int64(x.in.b.N)
			return nil, nil
		}
		if x.store.rows == 0 {
			return nil, err
		}
	}
	if !x.u.whole {
		x.divide()
		return nil, nil
	}
	return x.build()
}

// build makes the table of the rows at hand.
func (x *diskStream) build() (*vector.Batch, error) {
	j := x.d.j
	t := newJoinTable(j.q, j.account, j.keys, x.store)
	if err := j.buildTable(t); err != nil {
		if outOfMemory(err) && !x.u.whole {
			t.mem.release()
			x.divide()
			return nil, nil
		}
		return nil, err
	}
	x.s.table, x.store = t, nil
	if x.chunk == 0 && x.loaded < x.u.buildRows && j.kind != physical.Inner && j.kind != physical.Right && !j.onlyRight() {
		words := (x.u.probeRows + 63) / 64
		if err := j.account.Reserve(2 * 8 * words); err != nil {
			return nil, err
		}
		x.held = 2 * 8 * words
		x.matched, x.null = make(vector.Bitmap, words), make(vector.Bitmap, words)
	}
	x.from = runReader{runs: x.u.probe}
	x.next = 0
	x.step = (*diskStream).probe
	return nil, nil
}

// last reports whether no build rows are left behind this chunk.
func (x *diskStream) last() bool { return x.loaded == x.u.buildRows }

// probe joins with a batch of probe rows.
func (x *diskStream) probe() (*vector.Batch, error) {
	s := x.s
	if s.b == nil {
		err := x.from.read()
		if err == io.EOF {
			x.from.close()
			s.row, s.rowEnd = 0, s.table.store.rows
			x.step = (*diskStream).rest
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		x.from.full = false
		b := &x.from.b
		s.vecs = s.vecs[:0]
		for _, c := range x.d.left.column {
			s.vecs = append(s.vecs, b.Cols[c])
		}
		x.left = vector.Batch{N: b.N, Cols: b.Cols[:x.d.left.width]}
		x.base, x.next = x.next, x.next+int64(b.N)
		if err := s.begin(&x.left); err != nil {
			return nil, err
		}
	}
	return s.step()
}

// recall sets what earlier chunks have found out about the left batch.
func (x *diskStream) recall(matched, null []bool) {
	if x.matched == nil || x.chunk == 0 {
		return
	}
	for i := range matched {
		matched[i], null[i] = x.matched.Get(int(x.base)+i), x.null.Get(int(x.base)+i)
	}
}

// keep remembers what is known about the left batch and reports true, unless no
// chunk follows.
func (x *diskStream) keep(matched, null []bool) bool {
	if x.last() {
		return false
	}
	if x.matched != nil {
		for i := range matched {
			x.matched.SetTo(int(x.base)+i, matched[i])
			x.null.SetTo(int(x.base)+i, null[i])
		}
	}
	return true
}

// nullMark reports whether the mark of a left row without a match is NULL, when
// there is one key and nothing else: v is the left key.
func (x *diskStream) nullMark(v *vector.Vec, i int) bool {
	return !x.d.j.keys.safe(0) && (x.d.nulls > 0 || x.d.rows > 0 && v.IsNull(i))
}

// rest delivers the build rows of the chunk without a match and goes on to the
// next chunk or unit.
func (x *diskStream) rest() (*vector.Batch, error) {
	if x.d.j.marksRight() {
		b, err := x.s.rightRows()
		if err != io.EOF {
			return b, err
		}
	}
	x.s.table.drop()
	if !x.last() {
		x.chunk++
		x.beginChunk()
		return nil, nil
	}
	x.endUnit(nil)
	return nil, nil
}

// endUnit gives back what the unit holds.
func (x *diskStream) endUnit(more []*diskUnit) {
	x.in.close()
	x.from.close()
	x.d.j.account.Release(x.held)
	x.matched, x.null, x.held, x.u = nil, nil, 0, nil
	x.step = (*diskStream).claim
	x.d.release(more)
}

// divide begins to divide the unit.
func (x *diskStream) divide() {
	j := x.d.j
	x.buildSide = newCollected(j.q, j.account, j.keys, partitions, x.u.depth+1)
	x.probeSide = newCollected(j.q, j.account, x.d.left, partitions, x.u.depth+1)
	x.buildSide.eager, x.probeSide.eager = true, true
	x.from = runReader{runs: x.u.probe}
	x.step = (*diskStream).divideLoaded
}

// divideLoaded moves the rows that have been loaded.
func (x *diskStream) divideLoaded() (*vector.Batch, error) {
	x.buildSide.st.Lock()
	err := x.buildSide.divide(x.store)
	x.buildSide.st.Unlock()
	x.store.drop()
	x.store = nil
	x.step = (*diskStream).divideBuild
	return nil, err
}

// divideBuild moves a batch of build rows.
func (x *diskStream) divideBuild() (*vector.Batch, error) {
	done, err := move(&x.in, x.buildSide)
	if done {
		x.step = (*diskStream).divideProbe
	}
	return nil, err
}

// divideProbe moves a batch of probe rows and makes the new units at the end.
func (x *diskStream) divideProbe() (*vector.Batch, error) {
	done, err := move(&x.from, x.probeSide)
	if !done || err != nil {
		return nil, err
	}
	build, probe := make([][]*spill.Run, partitions), make([][]*spill.Run, partitions)
	addRuns(build, x.buildSide)
	addRuns(probe, x.probeSide)
	// What three quarters of the rows share is probably one key.
	x.endUnit(x.d.unitsOf(build, probe, x.u.depth+1, max(x.u.buildRows*3/4, 1)))
	x.buildSide, x.probeSide = nil, nil
	return nil, nil
}

// move adds the next batch of r to c and reports whether there was none.
func move(r *runReader, c *collected) (done bool, err error) {
	err = r.read()
	if err == io.EOF {
		r.close()
		err = c.flush()
		c.st.Close()
		return true, err
	}
	if err != nil {
		return false, err
	}
	r.full = false
	return false, c.add(r.b.Cols, r.b.Sel, r.b.N)
}

// close gives up what the task holds.
func (x *diskStream) close() {
	x.in.close()
	x.from.close()
}
