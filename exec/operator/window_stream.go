package operator

import (
	"io"
	"math"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// windowCut says where the rows that are computed at a time may end.
type windowCut int

// The places where a chunk may end.
const (
	cutRows       windowCut = iota // behind every row
	cutPeers                       // behind a peer group
	cutPartitions                  // behind a partition only
)

// cutBatches is from how many batches a partition is cut.
const cutBatches = 2

// cutOf returns where a chunk may end for a call: behind the last row that one of
// its rows looks at, as long as the call remembers what it needs of those before.
func cutOf(c *physical.WindowCall) windowCut {
	if c.Fn.Aggregate == nil {
		switch c.Fn.Name {
		case "row_number", "rank", "dense_rank":
			return cutRows
		}
		return cutPartitions
	}
	f := &c.Frame
	switch {
	case f.Exclude != 0 || f.Start != physical.UnboundedPreceding || f.End != physical.CurrentRow:
		return cutPartitions
	case f.Mode == physical.RowsFrame:
		return cutRows
	}
	return cutPeers
}

// windowStream reads sorts, computes the calls for some whole partitions at a
// time, or for a part of a large one, and delivers the rows in order.
type windowStream struct {
	w     *window
	t     *task
	calls []windowCall
	begun bool
	sort  *sorter
	in    stream // of sort, nil when the next is to be taken

	// store has the rows that were read and not delivered. The first chunk.n are
	// computed, of which given are delivered.
	store *columnStore
	chunk windowChunk
	given int
	ended bool // nothing of sort follows
	// far is a partition that is too large for a chunk. While it comes the store
	// has its last row, and then what follows it is kept in after.
	far   *farRows
	after *columnStore
	// seen is how many rows of the store have been compared with the one before;
	// partAt and peersAt are the last that begin a partition or a peer group, and
	// cutAt the first that begins a partition.
	seen, partAt, peersAt, firstAt int
	results                        []*vector.Vec
	mem                            budget

	idx  []int32
	part vector.Batch
	vecs []vector.Vec
	cols []*vector.Vec
	out  vector.Batch
}

// windowCall computes one call for the rows of a chunk.
type windowCall interface {
	// begin forgets the partitions before.
	begin()
	// compute returns the values for the rows of c, in their order.
	compute(c *windowChunk) (*vector.Vec, error)
}

// windowChunk is some whole partitions, or a part of one: the first n rows of a
// store, in window order.
type windowChunk struct {
	w     *window
	store *columnStore
	n     int
	rows  []int32 // 0..n-1
	// For each row: where its partition and its peer group begin and end, as
	// indexes into rows, and the number of its peer group in the partition. What
	// began before the chunk has a negative index.
	partStart, partEnd, peerStart, peerEnd, group []int32
	// continues says that the partition of the first row began before the chunk,
	// and peers that its peer group did.
	continues, peers bool

	far  *farRows // that the chunk is a part of, nil when the store has all rows
	err  error    // what far could not read
	held []*columnStore
}

// newWindowStream compiles the calls.
func newWindowStream(w *window, t *task) (stream, error) {
	s := &windowStream{w: w, t: t, vecs: make([]vector.Vec, w.width+len(w.n.Calls)), mem: budget{account: w.account}}
	s.chunk.w = w
	for i := range w.n.Calls {
		c, err := newWindowCall(w, i)
		if err != nil {
			return nil, err
		}
		s.calls = append(s.calls, c)
	}
	return s, s.take()
}

// take takes the next sort that has not been read, if there is one.
func (s *windowStream) take() error {
	for s.in == nil {
		at := int(s.w.claimed.Add(1)) - 1
		if at >= len(s.w.sorts) {
			s.w.claimed.Store(int32(len(s.w.sorts)))
			return nil
		}
		if len(s.w.sorts[at].inlets) == 0 {
			continue
		}
		s.sort = s.w.sorts[at]
		in, err := s.sort.read(s.t)
		if err != nil {
			return err
		}
		s.in, s.ended = in, false
		s.chunk.continues, s.chunk.peers = false, false
		s.restart()
	}
	return nil
}

// restart begins with an empty store.
func (s *windowStream) restart() {
	if s.store != nil {
		s.store.drop()
	}
	s.store = newColumnStore(s.w.account, s.w.types)
	s.chunk.n, s.given = 0, 0
	s.seen, s.partAt, s.peersAt, s.firstAt = 0, 0, 0, 0
}

// same reports whether two rows agree in the given columns.
func (c *columnStore) same(columns []int, a, b int) bool {
	for _, k := range columns {
		v := c.vec(k)
		if !sameValue(v, a, v, b) {
			return false
		}
	}
	return true
}

// next implements stream. It reads a batch, computes a chunk or delivers a batch.
func (s *windowStream) next() (*vector.Batch, error) {
	switch {
	case s.in == nil:
		return nil, io.EOF
	case !s.begun:
		s.begun = true
		if len(s.w.sorts) > 1 {
			s.t.p.want(s.w.q.workers)
		}
	}
	if s.given < s.chunk.n {
		return s.deliver(), nil
	}
	if s.far != nil && s.far.ready {
		return nil, s.farChunk()
	}
	if s.chunk.n > 0 {
		return nil, s.rest()
	}
	if s.ended {
		switch {
		case s.far != nil:
			return nil, s.moveFar(s.store.rows, true)
		case s.store.rows > 0:
			return nil, s.compute(s.store.rows, false)
		}
		s.in.close()
		s.in = nil
		s.store.drop()
		if len(s.w.sorts) > 1 {
			s.sort.drop()
		}
		return nil, s.take()
	}
	b, err := s.in.next()
	switch {
	case err == io.EOF:
		s.ended = true
		return nil, nil
	case b == nil || err != nil:
		return nil, err
	}
	for {
		err := s.store.append(b.Cols, b.Sel, b.Rows())
		if err == nil {
			return nil, s.scan()
		}
		rows := s.store.rows
		if !outOfMemory(err) || !s.mayMoveFar() || s.far != nil && (s.far.ready || rows <= 1) {
			return nil, err
		}
		if err := s.moveAll(); err != nil {
			return nil, err
		}
		if s.far.ready {
			// A partition has ended before these rows: they follow it.
			return nil, s.after.append(b.Cols, b.Sel, b.Rows())
		}
	}
}

// mayMoveFar reports whether a partition that is one chunk may be read from afar
// instead.
func (s *windowStream) mayMoveFar() bool {
	return s.w.cut == cutPartitions && s.w.q.env.Spill != nil && s.store.rows > 0
}

// tooLarge reports whether the rows at hand are too many for this task's share of
// the memory.
func (s *windowStream) tooLarge() bool {
	if !s.mayMoveFar() || s.store.rows < cutBatches*s.w.q.size {
		return false
	}
	env := &s.w.q.env
	if env.SpillAt > 0 && s.store.used > env.SpillAt {
		return true
	}
	limit := env.Account.Limit()
	return limit > 0 && s.store.used > max(limit/int64(8*s.w.q.workers), 256<<10)
}

// moveAll moves the first partition of the store to far, as much as there is.
func (s *windowStream) moveAll() error {
	if s.firstAt > 0 {
		return s.moveFar(s.firstAt, true)
	}
	return s.moveFar(s.store.rows-1, false)
}

// moveFar moves the first n rows of the store to far; ended says that nothing of
// their partition follows.
func (s *windowStream) moveFar(n int, ended bool) error {
	if s.far == nil {
		s.far = newFarRows(s.w)
	}
	if n > 0 {
		if err := s.far.add(s.store, n); err != nil {
			return err
		}
	}
	s.mem.release()
	if err := s.shift(n); err != nil {
		return err
	}
	if ended {
		s.far.end()
		s.after, s.store = s.store, nil
		s.chunk.continues = false
		for _, c := range s.calls {
			c.begin()
		}
	}
	return nil
}

// farChunk computes the next chunk of far, or goes on behind it.
func (s *windowStream) farChunk() error {
	c := &s.chunk
	s.dropChunk()
	if s.store != nil {
		s.store.drop()
	}
	s.store = newColumnStore(s.w.account, s.w.types)
	s.store.step = partStep
	c.n, s.given = 0, 0
	switch err := s.far.next(s.store); err {
	case nil:
	case io.EOF:
		s.far.close()
		s.far, s.store, s.after = nil, s.after, nil
		c.continues = false
		s.seen, s.partAt, s.peersAt, s.firstAt = 0, 0, 0, 0
		return s.scan()
	default:
		return err
	}
	n := s.store.rows
	if err := s.room(n); err != nil {
		return err
	}
	c.far, c.err = s.far, nil
	c.store, c.n = s.store, n
	if err := s.far.bounds(c); err != nil {
		return err
	}
	if err := s.callAll(); err != nil {
		return err
	}
	c.continues = true
	return nil
}

// dropChunk gives up what the results of the last chunk hold.
func (s *windowStream) dropChunk() {
	for _, h := range s.chunk.held {
		h.drop()
	}
	s.chunk.held, s.chunk.far = nil, nil
}

// callAll computes the calls for the chunk.
func (s *windowStream) callAll() error {
	s.results = s.results[:0]
	for _, call := range s.calls {
		v, err := call.compute(&s.chunk)
		if err == nil {
			err = s.chunk.err
		}
		if err != nil {
			return err
		}
		s.results = append(s.results, v)
	}
	return nil
}

// room makes the chunk fit n rows.
func (s *windowStream) room(n int) error {
	c := &s.chunk
	// The rows, their bounds, and about as much for the results.
	if err := s.mem.set(int64(n) * int64(24+24*len(s.calls))); err != nil {
		return err
	}
	if cap(c.rows) < n || cap(c.rows) > 4*max(n, cutBatches*vector.BatchSize) {
		c.rows = vector.Identity(nil, n)
		bounds := make([]int32, 5*n)
		c.partStart, c.partEnd, c.peerStart, c.peerEnd, c.group = bounds[:n:n], bounds[n:2*n:2*n], bounds[2*n:3*n:3*n], bounds[3*n:4*n:4*n], bounds[4*n:]
	}
	c.rows = vector.Identity(c.rows, n)
	c.partStart, c.partEnd, c.peerStart, c.peerEnd, c.group = c.partStart[:n], c.partEnd[:n], c.peerStart[:n], c.peerEnd[:n], c.group[:n]
	return nil
}

// scan finds where partitions and peer groups begin in new rows and computes a
// chunk when there is one.
func (s *windowStream) scan() error {
	w, rows, size := s.w, s.store.rows, s.w.q.size
	for i := max(s.seen, 1); i < rows; i++ {
		switch {
		case !s.store.same(w.partition, i-1, i):
			s.partAt, s.peersAt = i, i
			if s.firstAt == 0 {
				s.firstAt = i
			}
		case w.cut == cutPeers && !s.store.same(w.order, i-1, i):
			s.peersAt = i
		}
	}
	s.seen = rows
	switch {
	case s.far != nil && s.firstAt > 0:
		return s.moveFar(s.firstAt, true)
	case s.far != nil && rows > 1:
		return s.moveFar(rows-1, false)
	case s.far != nil:
		return nil
	case s.partAt == 0 && s.tooLarge():
		return s.moveAll()
	case s.chunk.continues && s.firstAt > 0:
		// So that the calls have to remember one partition.
		return s.compute(s.firstAt, false)
	case s.partAt >= size || s.partAt > 0 && rows >= cutBatches*size && w.cut < cutPartitions:
		return s.compute(s.partAt, false)
	case rows < cutBatches*size || s.partAt > 0:
		return nil
	case w.cut == cutRows:
		// The last row stays, to tell whether the next one is its peer.
		return s.compute(rows-1, true)
	case w.cut == cutPeers && s.peersAt >= size:
		return s.compute(s.peersAt, true)
	}
	return nil
}

// compute computes the calls for the first n rows. within says that they end
// inside a partition.
func (s *windowStream) compute(n int, within bool) error {
	err := s.computeNear(n, within)
	if !outOfMemory(err) || !s.mayMoveFar() {
		return err
	}
	s.chunk.n, s.given = 0, 0
	if s.firstAt == 0 && s.ended {
		return s.moveFar(s.store.rows, true)
	}
	return s.moveAll()
}

// computeNear computes the calls for the first n rows, with all that they look at
// in the store.
func (s *windowStream) computeNear(n int, within bool) error {
	w, c := s.w, &s.chunk
	// What is known of the partition that goes on.
	rowsBefore, peersBefore, group := int64(0), int64(0), int32(0)
	if c.continues {
		last := len(c.partStart) - 1
		rowsBefore = int64(len(c.partStart)) - int64(c.partStart[last])
		peersBefore = int64(len(c.partStart)) - int64(c.peerStart[last])
		group = c.group[last]
	}
	if rowsBefore+int64(n) > math.MaxInt32 {
		return pgerror.New(pgerror.ProgramLimitExceeded, "too many rows in one operation")
	}
	if err := s.room(n); err != nil {
		return err
	}
	c.store, c.n, s.given = s.store, n, 0
	c.partStart[0], c.peerStart[0], c.group[0] = 0, 0, 0
	if c.continues {
		c.partStart[0] = int32(-rowsBefore)
		if c.peers {
			c.peerStart[0], c.group[0] = int32(-peersBefore), group
		} else {
			c.group[0] = group + 1
		}
	}
	for i := 1; i < n; i++ {
		switch {
		case !s.store.same(w.partition, i-1, i):
			c.partStart[i], c.peerStart[i], c.group[i] = int32(i), int32(i), 0
		case !s.store.same(w.order, i-1, i):
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
	if err := s.callAll(); err != nil {
		return err
	}
	c.continues = within
	c.peers = within && s.store.same(w.order, n-1, n)
	return nil
}

// deliver returns the next rows of the chunk.
func (s *windowStream) deliver() *vector.Batch {
	from, to := s.given, min(s.given+s.w.q.size, s.chunk.n)
	s.given = to
	s.cols = s.cols[:0]
	if from%64 == 0 {
		for c := range s.w.width {
			s.cols = append(s.cols, s.store.vec(c).Slice(from, to))
		}
		for _, r := range s.results {
			s.cols = append(s.cols, r.Slice(from, to))
		}
	} else {
		s.idx = s.idx[:0]
		for i := from; i < to; i++ {
			s.idx = append(s.idx, int32(i))
		}
		for i := range s.vecs {
			v := &s.vecs[i]
			if i < s.w.width {
				vector.Gather(v, s.store.vec(i), s.idx, to-from)
			} else {
				vector.Gather(v, s.results[i-s.w.width], s.idx, to-from)
			}
			s.cols = append(s.cols, v)
		}
	}
	s.out = vector.Batch{N: to - from, Cols: s.cols}
	return &s.out
}

// rest drops the chunk, which was delivered, and goes on with the rows behind it.
func (s *windowStream) rest() error {
	if err := s.shift(s.chunk.n); err != nil {
		return err
	}
	return s.scan()
}

// shift drops the first n rows of the store.
func (s *windowStream) shift(n int) error {
	old := s.store
	s.store = nil
	s.restart()
	s.idx = s.idx[:0]
	for i := n; i < old.rows; i++ {
		s.idx = append(s.idx, int32(i))
	}
	old.all(&s.part)
	err := s.store.append(s.part.Cols, s.idx, len(s.idx))
	old.drop()
	return err
}

// close implements stream.
func (s *windowStream) close() {
	if s.in != nil {
		s.in.close()
	}
	s.dropChunk()
	for _, store := range []*columnStore{s.store, s.after} {
		if store != nil {
			store.drop()
		}
	}
	if s.far != nil {
		s.far.close()
	}
	s.mem.release()
}
