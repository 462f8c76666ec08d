package operator

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	// ringBatches is how many batches of a remote reader are in flight.
	ringBatches = 4
	// splitRows is the estimate from which a scan is split: below, one worker
	// has finished before a second is of use.
	splitRows = 50_000
	// fanOutBatches is how many batches a remote scan delivers before it may ask
	// for more tasks.
	fanOutBatches = 16
	// maxPrefetch is how many remote scans are opened before they are needed.
	maxPrefetch = 4
	// maxScanAttempts is how often a reader is begun whose connection is lost
	// before it has delivered a row; scanRetryDelay passes before the second time,
	// twice as much before the third.
	maxScanAttempts = 3
	scanRetryDelay  = 50 * time.Millisecond
)

// scan reads one table handle for all tasks of a pipeline. It is opened on a
// goroutine, since that may ask a remote server. When the readers are local,
// tasks take one split each and read it on their workers. Otherwise every reader
// has a goroutine that fills a ring of batches which the tasks share.
type scan struct {
	q      *Query
	n      *physical.Scan
	st     *stat
	ctx    context.Context
	cancel context.CancelFunc
	split  int // how many parts are wanted
	// filters are the dynamic filters on columns of the scan.
	filters []connector.ScanFilter
	awaited []*connector.DynamicFilter

	// snapshot is what the readers see, nil for the state in which they begin. It
	// is set before the first is opened.
	snapshot connector.Snapshot

	// located is what a scan that locates its rows reads, once it is open.
	located connector.TableHandle

	mu        sync.Mutex
	started   bool
	opened    bool
	ended     bool // all read, or nobody reads on
	local     bool
	units     []*scanUnit
	claimed   int // local units taken by tasks
	reading   int // remote units whose reader has more
	delivered int
	full      []ringBatch
	waiting   []*task
}

// scanUnit is one split.
type scanUnit struct {
	handle connector.TableHandle
	reader connector.Reader // nil until opened
	// free holds the batches that the reader may fill; it has room for all.
	free chan *vector.Batch
}

// ringBatch is a filled batch and where it goes back to.
type ringBatch struct {
	batch *vector.Batch
	unit  *scanUnit
}

// scan builds a Scan.
func (b *builder) scan(n *physical.Scan, st *stat) (part, error) {
	s := &scan{q: b.q, n: n, st: st, split: 1}
	if b.q.workers > 1 && (n.Rows < 0 || n.Rows >= splitRows) {
		s.split = b.q.workers
	}
	for _, f := range n.Dynamic {
		d := b.dynamicFilter(f.Filter)
		if _, ok := n.Source.(connector.Networked); ok {
			d.ForRemote()
		}
		filter := connector.NewScanFilter(f.Column, d)
		if f.Column < len(n.Distinct) {
			filter.Distinct = n.Distinct[f.Column]
		}
		s.filters = append(s.filters, filter)
		if f.Wait {
			s.awaited = append(s.awaited, d)
		}
	}
	st.filters = s.filters
	if n.Located {
		if b.located == nil {
			b.located = map[*physical.Scan]*scan{}
		}
		b.located[n] = s
	}
	s.ctx, s.cancel = context.WithCancel(b.q.ctx)
	b.q.scans = append(b.q.scans, s)
	b.q.planSnapshot(n.Source)
	return part{
		open:    func(t *task) (stream, error) { return &scanStream{s: s, t: t, rows: newRowFilter(s.filters)}, nil },
		abandon: []func(){s.abandon},
	}, nil
}

// prefetch opens the next remote scans before they are needed. A scan is only
// opened ahead when all scans that are read before it are open: then no scan
// can hold a connection that an earlier one waits for.
func (q *Query) prefetch() {
	ahead := 0
	for _, s := range q.scans {
		s.mu.Lock()
		started, opened, ended, reading := s.started, s.opened, s.ended, s.reading > 0
		s.mu.Unlock()
		switch {
		case ended:
		case started && !opened:
			return
		case started:
			if reading {
				ahead++
			}
		case ahead >= maxPrefetch || q.stopped.Load():
			return
		default:
			s.start()
			return
		}
	}
}

// start opens the scan unless that has begun.
func (s *scan) start() {
	s.mu.Lock()
	begin := !s.started && !s.ended
	s.started = true
	s.mu.Unlock()
	if begin {
		s.q.goroutine(func() {
			if err := s.open(); err != nil {
				s.fail(err)
			}
			s.q.prefetch()
		})
	}
}

// fail ends the query, unless the scan was cut off on purpose.
func (s *scan) fail(err error) {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if !ended {
		s.q.fail(err)
	}
}

// options returns what readers get.
func (s *scan) options() connector.ScanOptions {
	return connector.ScanOptions{Account: s.st.account, BatchSize: s.q.size, Format: s.q.env.Format, Filters: s.filters, Snapshot: s.snapshot}
}

// open splits the handle and opens the first reader, which decides between
// local and remote.
func (s *scan) open() error {
	s.await()
	if nothingMatters(s.filters) {
		s.abandon()
		return nil
	}
	handle := s.n.Handle
	if h, ok := s.q.env.Handles[s.n]; ok {
		handle = h
	}
	if s.n.Located {
		located, err := s.n.Source.(connector.Locator).Locate(s.ctx, handle)
		if err != nil {
			return err
		}
		s.located, handle = located, located
	}
	handles := []connector.TableHandle{handle}
	tx := connector.ReadTransaction(s.ctx, s.n.Source)
	if splitter, ok := s.n.Source.(connector.Splitter); ok && s.split > 1 && tx == nil {
		parts, err := splitter.Split(s.ctx, handle, s.split)
		if err != nil {
			return err
		}
		handles = parts
	}
	units := make([]*scanUnit, len(handles))
	for i, h := range handles {
		units[i] = &scanUnit{handle: h}
	}
	local := false
	if tx != nil {
		var err error
		if units[0].reader, err = s.spool(handle, tx); err != nil {
			return err
		}
		local = true
	} else if len(units) > 0 {
		var err error
		if s.snapshot, err = s.q.snapshot(s.n.Source); err != nil {
			return err
		}
		if err := s.openReader(units[0]); err != nil {
			return err
		}
		s.noteStreams(units[0].reader)
		_, local = units[0].reader.(connector.LocalReader)
	}
	s.q.begunScan(s.n.Source)
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		if len(units) > 0 {
			return units[0].reader.Close()
		}
		return nil
	}
	s.opened, s.local, s.units = true, local, units
	if !local {
		s.reading = len(units)
	}
	s.mu.Unlock()
	if !local {
		for _, u := range units {
			s.q.goroutine(func() { s.read(u) })
		}
	}
	s.wake()
	return nil
}

// wake runs the tasks that wait for the scan.
func (s *scan) wake() {
	s.mu.Lock()
	tasks := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for _, t := range tasks {
		t.handle.Wake()
	}
}

// abandon ends the scan early.
func (s *scan) abandon() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.cancel()
	s.wake()
}

// read is the goroutine of one remote reader.
func (s *scan) read(u *scanUnit) {
	u.free = make(chan *vector.Batch, ringBatches)
	for range ringBatches {
		u.free <- &vector.Batch{}
	}
	err := s.fill(u)
	// The batches refer to memory of the reader: it is closed when all are back.
	s.mu.Lock()
	s.reading--
	last := s.reading == 0
	s.mu.Unlock()
	if err != nil {
		s.fail(err)
	}
	s.wake()
	if last {
		defer s.q.prefetch()
	}
	for range ringBatches {
		select {
		case <-u.free:
			continue
		case <-s.ctx.Done():
		}
		s.drain(u)
		<-u.free
	}
	if u.reader != nil {
		// What a failing Close could tell no longer matters: all rows are read.
		_ = u.reader.Close()
	}
}

// drain gives the undelivered batches of u back.
func (s *scan) drain(u *scanUnit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := s.full[:0]
	for _, b := range s.full {
		if b.unit == u {
			u.free <- b.batch
		} else {
			keep = append(keep, b)
		}
	}
	s.full = keep
}

// fill reads until the end and leaves all batches of u either in the queue, with
// a task, or free.
func (s *scan) fill(u *scanUnit) error {
	if u.reader == nil {
		if err := s.openReader(u); err != nil {
			return err
		}
	}
	for delivered := false; ; delivered = true {
		var b *vector.Batch
		select {
		case b = <-u.free:
		case <-s.ctx.Done():
			return nil
		}
		start := time.Now()
		err := u.reader.Next(s.ctx, b)
		for attempt := 1; !delivered && len(s.units) == 1 && s.again(err, attempt); attempt++ {
			// Nothing has been seen of the rows yet: another connection may give
			// other ones. Parts would no longer fit together.
			_ = u.reader.Close()
			u.reader = nil
			if err = s.openReader(u); err == nil {
				err = u.reader.Next(s.ctx, b)
			}
		}
		s.st.nanos.Add(int64(time.Since(start)))
		if err != nil {
			u.free <- b
			if err == io.EOF {
				return nil
			}
			return err
		}
		s.mu.Lock()
		s.full = append(s.full, ringBatch{batch: b, unit: u})
		tasks := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		for _, t := range tasks {
			t.handle.Wake()
		}
	}
}

// openReader starts to read u.
func (s *scan) openReader(u *scanUnit) error {
	for attempt := 1; ; attempt++ {
		r, err := s.n.Source.Scan(s.ctx, u.handle, s.options())
		if err == nil {
			u.reader = r
			return nil
		}
		if !s.again(err, attempt) {
			return err
		}
	}
}

// again reports, after a while, whether to read once more what failed with err
// before its first row: when the connection was lost, but not when the server let
// the time for its answer pass. What several scans see of a source together is
// lost with their connection.
func (s *scan) again(err error, attempt int) bool {
	if err == nil || attempt == maxScanAttempts || s.snapshot != nil ||
		pgerror.CodeOf(err) != pgerror.ConnectionFailure || errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	select {
	case <-time.After(time.Duration(attempt) * scanRetryDelay):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// scanStream is one task's view of a scan.
type scanStream struct {
	s     *scan
	t     *task
	begun bool
	// local: the split that the task reads, and the batch it fills.
	unit  *scanUnit
	batch vector.Batch
	// remote: the batch that was returned last.
	held ringBatch
	rows *rowFilter // nil for none
}

// next implements stream.
func (r *scanStream) next() (*vector.Batch, error) {
	b, err := r.read()
	if b == nil || r.rows == nil {
		return b, err
	}
	reader := r.held.unit
	if reader == nil {
		reader = r.unit
	}
	b = r.rows.apply(b, reader.reader)
	if b == nil && nothingMatters(r.s.filters) {
		r.s.abandon()
	}
	return b, nil
}

// read returns the next batch as the reader delivers it.
func (r *scanStream) read() (*vector.Batch, error) {
	s := r.s
	r.giveBack()
	if !r.begun {
		s.start()
	}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil, io.EOF
	}
	if !s.opened {
		s.waiting = append(s.waiting, r.t)
		s.mu.Unlock()
		return nil, errBlocked
	}
	if s.local {
		return r.nextLocal()
	}
	if len(s.full) == 0 {
		defer s.mu.Unlock()
		if s.reading == 0 {
			s.ended = true
			return nil, io.EOF
		}
		s.waiting = append(s.waiting, r.t)
		return nil, errBlocked
	}
	r.held = s.full[0]
	s.full = append(s.full[:0], s.full[1:]...)
	s.delivered++
	// Batches pile up: this pipeline is slower than the source.
	more := s.delivered >= fanOutBatches && len(s.full) >= ringBatches-2
	s.mu.Unlock()
	if more {
		r.t.p.want(r.t.q.workers)
	}
	return r.held.batch, nil
}

// giveBack returns the batch that was delivered last to its reader.
func (r *scanStream) giveBack() {
	if r.held.batch != nil {
		r.held.unit.free <- r.held.batch
		r.held = ringBatch{}
	}
}

// nextLocal reads on the worker. s.mu is held and given back.
func (r *scanStream) nextLocal() (*vector.Batch, error) {
	s := r.s
	units := len(s.units)
	if r.unit == nil {
		if s.claimed == units {
			s.mu.Unlock()
			return nil, io.EOF
		}
		r.unit = s.units[s.claimed]
		s.claimed++
	}
	s.mu.Unlock()
	if !r.begun {
		r.begun = true
		r.t.p.want(units)
	}
	start := time.Now()
	defer func() { s.st.nanos.Add(int64(time.Since(start))) }()
	if r.unit.reader == nil {
		reader, err := s.n.Source.Scan(s.ctx, r.unit.handle, s.options())
		if err != nil {
			return nil, r.cutOff(err)
		}
		r.unit.reader = reader
	}
	switch err := r.unit.reader.Next(s.ctx, &r.batch); err {
	case nil:
		return &r.batch, nil
	case io.EOF:
		r.closeUnit()
		return nil, nil
	default:
		return nil, r.cutOff(err)
	}
}

// cutOff returns err, or the end when the scan was abandoned meanwhile.
func (r *scanStream) cutOff(err error) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.ended {
		return io.EOF
	}
	return err
}

// closeUnit closes the local reader.
func (r *scanStream) closeUnit() {
	if r.unit != nil && r.unit.reader != nil {
		// All rows that are wanted have been read.
		_ = r.unit.reader.Close()
	}
	r.unit = nil
}

// close implements stream.
func (r *scanStream) close() {
	r.giveBack()
	r.closeUnit()
}

// discard closes what no task has taken. It is called when all tasks and
// goroutines have ended.
func (s *scan) discard() {
	s.cancel()
	if !s.local {
		return
	}
	for _, u := range s.units[s.claimed:] {
		if u.reader != nil {
			_ = u.reader.Close()
		}
	}
}
