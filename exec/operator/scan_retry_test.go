package operator

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// flaky is a table whose first readers lose their connection.
type flaky struct {
	*table
	// losses is how many readers fail, after so many rows; whileOpening makes
	// Scan fail instead.
	losses       int64
	after        int
	whileOpening bool
	err          error
	begun        atomic.Int64
}

func (f *flaky) Scan(ctx context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	lose := f.begun.Add(1) <= f.losses
	if lose && f.whileOpening {
		return nil, f.err
	}
	r, err := f.table.Scan(ctx, h, o)
	if lose && err == nil {
		return &losing{Reader: r, f: f}, nil
	}
	return r, err
}

// losing reads until the connection is lost.
type losing struct {
	connector.Reader
	f    *flaky
	rows int
}

func (l *losing) Next(ctx context.Context, dst *vector.Batch) error {
	if l.rows >= l.f.after {
		return l.f.err
	}
	err := l.Reader.Next(ctx, dst)
	l.rows += dst.N
	return err
}

func (f *flaky) scan() *physical.Scan {
	n := f.table.scan()
	n.Source = f
	return n
}

func TestScanBeginsAgainWhenTheConnectionIsLostBeforeItsFirstRow(t *testing.T) {
	lost := pgerror.Source("s", pgerror.ConnectionFailure, "server closed the connection unexpectedly", nil)
	for _, c := range []struct {
		name  string
		f     *flaky
		begun int64
		ok    bool
	}{
		{"before the first row", &flaky{losses: 1, err: lost}, 2, true},
		{"while it is opened", &flaky{losses: 2, err: lost, whileOpening: true}, 3, true},
		{"always", &flaky{losses: 100, err: lost}, 3, false},
		{"behind the first row", &flaky{losses: 1, err: lost, after: 1}, 1, false},
		{"another error", &flaky{losses: 1, err: pgerror.Source("s", pgerror.UndefinedTable, "no such table", nil)}, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.f
			f.table = numbers(100)
			rows, err := collect(t, f.scan(), setup{1, 8})
			switch {
			case c.ok && (err != nil || len(rows) != 100):
				t.Errorf("%d rows, %v", len(rows), err)
			case !c.ok && pgerror.CodeOf(err) != pgerror.CodeOf(f.err):
				t.Errorf("%d rows, %v", len(rows), err)
			}
			if f.begun.Load() != c.begun {
				t.Errorf("%d readers were begun, want %d", f.begun.Load(), c.begun)
			}
			if f.open.Load() != 0 {
				t.Errorf("%d readers left open", f.open.Load())
			}
		})
	}
}

func TestLostSharedSnapshotIsNotReadAgain(t *testing.T) {
	f := &frozenFlaky{flaky{table: numbers(10), losses: 1, err: pgerror.Source("s", pgerror.ConnectionFailure, "lost", nil)}}
	two := &physical.Append{Inputs: []physical.Node{f.scan(), f.scan()}, Cols: f.scan().Cols}
	if rows, err := collect(t, two, setup{2, 2048}); pgerror.CodeOf(err) != pgerror.ConnectionFailure {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
}

// frozenFlaky is flaky, with snapshots.
type frozenFlaky struct{ flaky }

func (f *frozenFlaky) Snapshot(context.Context) (connector.Snapshot, error) {
	return nothingFrozen{}, nil
}

func (f *frozenFlaky) scan() *physical.Scan {
	n := f.table.scan()
	n.Source = f
	return n
}

type nothingFrozen struct{}

func (nothingFrozen) Close() {}
