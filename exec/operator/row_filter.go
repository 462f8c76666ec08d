package operator

import (
	"time"

	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

const (
	// remoteRow is about what it costs to read one row of a source. A scan waits
	// for its dynamic filters no longer than it would take to read it without,
	// so waiting in vain at most doubles its time.
	remoteRow = time.Microsecond
	// unknownWait is how long a scan of unknown size waits, maxFilterWait the
	// longest.
	unknownWait   = time.Second
	maxFilterWait = 20 * time.Second

	// sampleRows is how many rows are tested before a filter is judged. One that
	// lets more than 15 of 16 pass costs more than it saves and rests for
	// restBatches batches.
	sampleRows  = 16 << 10
	restBatches = 64
)

// await waits a bounded time for the dynamic filters that are worth it.
func (s *scan) await() {
	wait := unknownWait
	if s.n.Rows >= 0 {
		wait = min(time.Duration(s.n.Rows)*remoteRow, maxFilterWait)
	}
	var timer *time.Timer
	for _, f := range s.awaited {
		select {
		case <-f.Ready():
			continue
		default:
		}
		if timer == nil {
			timer = time.NewTimer(wait)
			defer timer.Stop()
			// What the filter comes from may not have begun because too many
			// pipelines run: one that waits does not count.
			s.q.pause(1)
			defer s.q.pause(-1)
		}
		select {
		case <-f.Ready():
		case <-s.ctx.Done():
			return
		case <-timer.C:
			return
		}
	}
}

// nothingMatters reports whether a filter has found that no row can reach the
// result.
func nothingMatters(filters []connector.ScanFilter) bool {
	for _, f := range filters {
		if d := f.Filter.Domain(); d != nil && d.None() {
			return true
		}
	}
	return false
}

// rowFilter drops rows by the dynamic filters that the reader does not apply
// itself. It belongs to one task.
type rowFilter struct {
	filters []filterState
	out     vector.Batch
}

// filterState is one filter of a rowFilter and how it fares.
type filterState struct {
	connector.ScanFilter
	test           kernel.DomainFilter
	domain         *connector.Domain
	tested, passed int
	rest           int // batches for which it is left out
}

// newRowFilter returns nil for no filters.
func newRowFilter(filters []connector.ScanFilter) *rowFilter {
	if len(filters) == 0 {
		return nil
	}
	r := &rowFilter{filters: make([]filterState, len(filters))}
	for i, f := range filters {
		r.filters[i].ScanFilter = f
	}
	return r
}

// apply returns the rows of b that may matter, nil when there are none. The
// batch is valid as long as b is.
func (r *rowFilter) apply(b *vector.Batch, reader connector.Reader) *vector.Batch {
	self, _ := reader.(connector.FilteringReader)
	sel, n := b.Sel, b.Rows()
	for i := range r.filters {
		f := &r.filters[i]
		d := f.Filter.Domain()
		if d == nil || self != nil && self.Filters(i) {
			continue
		}
		if d != f.domain {
			f.domain, f.tested, f.passed, f.rest = d, 0, 0, 0
		}
		if f.rest > 0 {
			f.rest--
			continue
		}
		sel = f.test.Select(d, b.Cols[f.Column], sel, b.N)
		f.Note(int64(len(sel)), int64(n-len(sel)))
		f.tested += n
		f.passed += len(sel)
		n = len(sel)
		if f.tested >= sampleRows {
			if f.passed > f.tested-f.tested/16 {
				f.rest = restBatches
			}
			f.tested, f.passed = 0, 0
		}
		if n == 0 {
			return nil
		}
	}
	if n == b.Rows() {
		return b
	}
	r.out = vector.Batch{N: b.N, Sel: sel, Cols: b.Cols}
	return &r.out
}
