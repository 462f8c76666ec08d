package operator

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
)

// frozenTable is a table that counts its snapshots.
type frozenTable struct {
	*table
	made, closed atomic.Int64
	with         atomic.Int64 // scans that got one
}

func (f *frozenTable) Snapshot(context.Context) (connector.Snapshot, error) {
	f.made.Add(1)
	return frozen{f}, nil
}

func (f *frozenTable) Scan(ctx context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	if o.Snapshot == (frozen{f}) {
		f.with.Add(1)
	}
	return f.table.Scan(ctx, h, o)
}

type frozen struct{ f *frozenTable }

func (s frozen) Close() { s.f.closed.Add(1) }

// scan plans a scan of f.
func (f *frozenTable) scan() *physical.Scan {
	n := f.table.scan()
	n.Source = f
	return n
}

func TestScansOfOneSourceShareASnapshot(t *testing.T) {
	f := &frozenTable{table: numbers(10)}
	two := &physical.Append{Inputs: []physical.Node{f.scan(), f.scan()}, Cols: f.scan().Cols}
	rows, err := collect(t, two, setup{2, 2048})
	if err != nil || len(rows) != 20 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if f.made.Load() != 1 || f.with.Load() != 2 || f.closed.Load() != 1 {
		t.Errorf("%d snapshots made, %d scans used one, %d closed", f.made.Load(), f.with.Load(), f.closed.Load())
	}
}

func TestSingleScanNeedsNoSnapshot(t *testing.T) {
	f := &frozenTable{table: numbers(10)}
	if rows, err := collect(t, f.scan(), setup{2, 2048}); err != nil || len(rows) != 10 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if f.made.Load() != 0 {
		t.Error("a single scan made a snapshot")
	}
}

func TestSnapshotEndsWithAQueryThatIsNotReadToItsEnd(t *testing.T) {
	f := &frozenTable{table: numbers(5000)}
	f.endless = true
	two := &physical.Append{Inputs: []physical.Node{f.scan(), f.scan()}, Cols: f.scan().Cols}
	q, stop := start(t.Context(), t, two, setup{1, 64}, 0)
	if _, err := q.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if f.made.Load() != f.closed.Load() {
		t.Errorf("%d snapshots made, %d closed", f.made.Load(), f.closed.Load())
	}
}
