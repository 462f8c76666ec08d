package operator

import (
	"sync"

	"github.com/hubsql/hubsql/federation/connector"
)

// sourceSnapshot is what the scans of one query see of a source that several of
// them read.
type sourceSnapshot struct {
	// scans is their number; it does not change once the query runs.
	scans int

	mu     sync.Mutex
	asked  bool
	shared connector.Snapshot // nil when there is none
	begun  int                // scans that have opened
}

// planSnapshot notes that a scan reads src.
func (q *Query) planSnapshot(src connector.Source) {
	if _, ok := src.(connector.Snapshotter); !ok {
		return
	}
	if q.snapshots == nil {
		q.snapshots = map[connector.Source]*sourceSnapshot{}
	}
	if q.snapshots[src] == nil {
		q.snapshots[src] = &sourceSnapshot{}
	}
	q.snapshots[src].scans++
}

// snapshot returns what the scans of src are to see; nil when nothing has to be
// frozen or can be. A single scan sees one state anyway.
func (q *Query) snapshot(src connector.Source) (connector.Snapshot, error) {
	s := q.snapshots[src]
	if s == nil || s.scans < 2 {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked {
		return s.shared, nil
	}
	shared, err := src.(connector.Snapshotter).Snapshot(q.ctx)
	if err != nil {
		return nil, err
	}
	s.asked, s.shared = true, shared
	return shared, nil
}

// noteStreams keeps how a scan is read, of the reader that was opened first.
func (s *scan) noteStreams(r connector.Reader) {
	if x, ok := r.(connector.StreamedReader); ok {
		text := x.Streams()
		if s.q.shares(s.n.Source) && s.snapshot == nil {
			text += "; the source had no snapshot to share between scans"
		}
		s.st.streams.Store(&text)
	}
}

// shares reports whether several scans read src.
func (q *Query) shares(src connector.Source) bool {
	s := q.snapshots[src]
	return s != nil && s.scans > 1
}

// begunScan notes that a scan of src has opened. Once all have, what they share
// need not be held any more.
func (q *Query) begunScan(src connector.Source) {
	s := q.snapshots[src]
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun++; s.begun == s.scans {
		s.close()
	}
}

// close gives the snapshot up. mu is held, or nothing runs any more.
func (s *sourceSnapshot) close() {
	if s.shared != nil {
		s.shared.Close()
		s.shared = nil
	}
}
