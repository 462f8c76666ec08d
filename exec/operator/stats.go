package operator

import (
	"sync/atomic"
	"time"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
)

// NodeStats is what one node of the plan did.
type NodeStats struct {
	// Rows and Batches are what the node delivered.
	Rows, Batches int64
	// Time is the time of all workers in the node and what it reads from; for a
	// remote scan, the time spent waiting for the source.
	Time time.Duration
	// Peak is the largest amount of memory that the node held, in bytes.
	Peak int64
	// Tasks is the number of tasks that ran the node.
	Tasks int64
	// Filters are the dynamic filters of a scan, in the order of the plan.
	Filters []FilterStats
	// Streams says how a remote scan was read, "" when the source does not tell.
	Streams string
}

// FilterStats is what one dynamic filter did to a scan.
type FilterStats struct {
	// Known says whether the filter knew anything.
	Known bool
	// Dropped is the number of rows that were dropped by it, as far as they were
	// read; what a remote source left out is not counted.
	Dropped int64
}

// stat is a NodeStats in the making.
type stat struct {
	rows, batches, nanos, tasks atomic.Int64
	account                     *memory.Account
	filters                     []connector.ScanFilter
	streams                     atomic.Pointer[string] // nil until known
}

// Stats returns what every node of the plan that was executed has done so far.
func (q *Query) Stats() map[physical.Node]NodeStats {
	out := make(map[physical.Node]NodeStats, len(q.stats))
	for n, s := range q.stats {
		st := NodeStats{Rows: s.rows.Load(), Batches: s.batches.Load(), Time: time.Duration(s.nanos.Load()), Tasks: s.tasks.Load(), Peak: s.account.Peak()}
		for _, f := range s.filters {
			_, dropped := f.Counts()
			st.Filters = append(st.Filters, FilterStats{Known: f.Filter.Domain() != nil, Dropped: dropped})
		}
		if text := s.streams.Load(); text != nil {
			st.Streams = *text
		}
		out[n] = st
	}
	return out
}

// metered counts what a stream delivers.
type metered struct {
	in   stream
	stat *stat
	// timed is off where another clock runs.
	timed bool
}

// next implements stream.
func (m *metered) next() (*vector.Batch, error) {
	var start time.Time
	if m.timed {
		start = time.Now()
	}
	b, err := m.in.next()
	if m.timed {
		m.stat.nanos.Add(int64(time.Since(start)))
	}
	if b != nil {
		if n := b.Rows(); n > 0 {
			m.stat.rows.Add(int64(n))
			m.stat.batches.Add(1)
		}
	}
	return b, err
}

// close implements stream.
func (m *metered) close() { m.in.close() }
