package connectortest

import (
	"context"
	"io"
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// writes stores the rows of the types table once more, changes and removes them,
// in transactions that are all undone: what is written is what is read.
func (s *suite) writes(t *testing.T) {
	source, ok := s.source.(connector.Transactor)
	if !ok {
		return // it is read only
	}
	h := s.table(t, s.f.Types)
	cols := h.Columns()
	rows := s.read(t, h, vector.BatchSize)
	before := keys(cols, rows)
	given := make([]int, len(cols))
	for i := range given {
		given[i] = i
	}
	begin := func() (connector.Transaction, context.Context) {
		t.Helper()
		tx, err := source.Begin(t.Context())
		if err != nil {
			t.Fatalf("Begin: %v", err)
		}
		return tx, connector.WithTransaction(t.Context(), s.source, tx, true)
	}
	unchanged := func(after string) {
		t.Helper()
		if now := keys(cols, s.read(t, h, vector.BatchSize)); !slices.Equal(now, before) {
			t.Errorf("after %s the table holds %d rows, not what it held before", after, len(now))
		}
	}
	change := func(ctx context.Context, h connector.TableHandle, f func(connector.Updater) error) {
		t.Helper()
		m, err := source.Modify(ctx, h, connector.ModifyOptions{Columns: given, Account: s.account, Format: types.DefaultFormat()})
		if err != nil {
			t.Fatalf("Modify: %v", err)
		}
		defer m.Close()
		u := m.(connector.Updater)
		if err := f(u); err != nil {
			t.Fatalf("%v", err)
		}
		if err := m.Finish(ctx); err != nil {
			t.Fatalf("Finish: %v", err)
		}
		if u.Changed() != int64(len(rows)) {
			t.Errorf("%d rows were changed, want %d", u.Changed(), len(rows))
		}
	}
	insert := func(ctx context.Context) {
		t.Helper()
		change(ctx, h, func(u connector.Updater) error {
			_, err := u.Insert(ctx, vectors(cols, rows), nil, len(rows))
			return err
		})
	}
	known, err := source.Identify(t.Context(), h)
	identified := err == nil
	if !identified && pgerror.CodeOf(err) != pgerror.FeatureNotSupported {
		t.Fatalf("Identify: %v", err)
	}
	// A table may have a key: its rows go before they come again.
	remove := func(ctx context.Context, tx connector.Transaction) {
		t.Helper()
		vecs := vectors(known.Columns(), s.readIn(t, known, tx))
		change(ctx, known, func(u connector.Updater) error {
			_, err := u.Delete(ctx, vecs[len(cols)], nil, len(rows))
			return err
		})
	}
	tx, ctx := begin()
	twice := append(slices.Clone(rows), rows...)
	if identified {
		twice = rows
		remove(ctx, tx)
	}
	insert(ctx)
	if now, want := keys(cols, s.readIn(t, h, tx)), keys(cols, twice); !slices.Equal(now, want) {
		for i := range min(len(now), len(want)) {
			if now[i] != want[i] {
				t.Errorf("stored %s\nreads  %s", want[i], now[i])
			}
		}
	}
	tx.Rollback()
	unchanged("a rollback")
	tx, ctx = begin()
	if err := tx.Savepoint(ctx, "hub_1"); err != nil {
		t.Fatal(err)
	}
	if identified {
		remove(ctx, tx)
	}
	insert(ctx)
	if err := tx.RollbackTo(ctx, "hub_1"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	tx.Rollback() // does nothing any more
	unchanged("a rollback to a savepoint and a commit")
	if !identified {
		return
	}
	all := known.Columns()
	if len(all) != len(cols)+1 || !all[len(cols)].Hidden {
		t.Fatalf("Identify gives %d columns for %d", len(all), len(cols))
	}
	tx, ctx = begin()
	vecs := vectors(all, s.readIn(t, known, tx))
	change(ctx, known, func(u connector.Updater) error {
		var set []*vector.Vec
		for _, c := range given {
			set = append(set, vecs[c])
		}
		return u.Update(ctx, vecs[len(cols)], set, len(rows))
	})
	if now := keys(cols, s.readIn(t, h, tx)); !slices.Equal(now, before) {
		t.Errorf("rows that are set to what they are read differently: %q, want %q", now, before)
	}
	remove(ctx, tx)
	if now := s.readIn(t, h, tx); len(now) != 0 {
		t.Errorf("%d rows are left", len(now))
	}
	tx.Rollback()
	unchanged("a rollback of changes")
}

// vectors makes columns of rows.
func vectors(cols []connector.Column, rows [][]types.Datum) []*vector.Vec {
	out := make([]*vector.Vec, len(cols))
	for c := range cols {
		out[c] = vector.New(cols[c].Type, len(rows))
		for r := range rows {
			out[c].Set(r, len(rows), rows[r][c])
		}
	}
	return out
}

// readIn returns every row of h in a transaction.
func (s *suite) readIn(t *testing.T, h connector.TableHandle, tx connector.Transaction) [][]types.Datum {
	t.Helper()
	r, err := s.source.Scan(t.Context(), h, connector.ScanOptions{Account: s.account, BatchSize: vector.BatchSize, Format: types.DefaultFormat(), Transaction: tx})
	if err != nil {
		t.Fatalf("Scan(%s): %v", h, err)
	}
	defer r.Close()
	var out [][]types.Datum
	var b vector.Batch
	for {
		err := r.Next(t.Context(), &b)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		for i := range b.N {
			row := make([]types.Datum, len(b.Cols))
			for c, v := range b.Cols {
				row[c] = v.Datum(i)
			}
			out = append(out, row)
		}
	}
}
