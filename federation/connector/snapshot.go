package connector

import "context"

// Snapshotter is a source whose scans can be made to see the same state.
type Snapshotter interface {
	// Snapshot freezes the present state for the scans of one statement, which get
	// it in ScanOptions. It returns nil, and no error, when the source has none to
	// give now; then every scan sees the state in which it begins.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is a frozen state of one source. It belongs to whoever asked for it.
type Snapshot interface {
	// Close gives it up. Scans that have begun keep what they see; no other may
	// begin with it. It may be called once.
	Close()
}
