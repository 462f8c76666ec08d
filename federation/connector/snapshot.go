package connector

import "context"

// Snapshotter is a source whose scans can be made to see the same state.
type Snapshotter interface {
	// Snapshot freezes the present state for the scans of one statement, which get
	// it in ScanOptions. It returns nil, and no error, when the source has none to
	// give now; then every scan sees the state in which it begins.
	//
	// Where the source is a Splitter too, the first part of a scan that is opened
	// takes the state over for all parts: they see one state in any case, and the
	// snapshot may be given up then.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is a frozen state of one source. It belongs to whoever asked for it.
type Snapshot interface {
	// Close gives it up. Scans that have begun keep what they see; no other may
	// begin with it. It may be called once.
	Close()
}

// StreamedReader is a reader of a remote source that knows how its scan is read.
type StreamedReader interface {
	Reader
	// Streams is how many connections read the scan, with what decided that, and
	// which state they see, for EXPLAIN ANALYZE. It holds no values of the table.
	Streams() string
}
