package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// fixture is a store over a catalog with one table (a int8 unique, b text).
type fixture struct {
	t       *testing.T
	dir     string
	cat     *catalog.Catalog
	s       *Store
	rel     *catalog.Relation
	account *memory.Account
}

func open(t *testing.T) *fixture {
	f := &fixture{t: t, dir: t.TempDir()}
	f.reopen()
	tx := f.cat.Begin()
	public, _ := tx.Snapshot().Schema("public")
	f.rel = &catalog.Relation{
		OID: tx.NewOID(), SchemaID: public.OID, Schema: "public", Name: "t", Kind: catalog.Table, Owner: catalog.Bootstrap, NextAttNum: 3,
		Columns: []catalog.Column{{Name: "a", AttNum: 1, Type: types.Of(types.Int8)}, {Name: "b", AttNum: 2, Type: types.Of(types.Text)}},
	}
	if err := tx.Put(f.rel); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func (f *fixture) reopen() {
	f.t.Helper()
	var err error
	if f.cat, err = catalog.Open(f.dir, catalog.OpenOptions{}); err != nil {
		f.t.Fatal(err)
	}
	f.account = memory.NewRoot("process", 0)
	if f.s, err = Open(filepath.Join(f.dir, "tables"), f.cat, f.account, slog.New(slog.DiscardHandler)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) close() {
	if err := f.s.Close(); err != nil {
		f.t.Error(err)
	}
	if used := f.account.Used(); used != 0 {
		f.t.Errorf("%d bytes are still reserved", used)
	}
	if err := f.cat.Close(); err != nil {
		f.t.Error(err)
	}
}

// rows makes n rows (from, "value from")...
func rows(from, n int) []*vector.Vec {
	a, b := vector.New(types.Of(types.Int8), n), vector.New(types.Of(types.Text), n)
	for i := range n {
		a.Int64s()[i] = int64(from + i)
		b.SetString(i, fmt.Sprintf("value number %d", from+i))
	}
	return []*vector.Vec{a, b}
}

func unique() connector.ModifyOptions {
	return connector.ModifyOptions{Unique: []connector.Unique{{Name: "t_a_key", Columns: []int{0}}}, Format: types.DefaultFormat()}
}

func (f *fixture) modify(tx *Tx, o connector.ModifyOptions, do func(connector.Modification) error) error {
	f.t.Helper()
	ctx := WithTx(f.t.Context(), tx)
	if err := tx.Lock(ctx, f.rel.OID); err != nil {
		return err
	}
	m, err := f.s.Source().Modify(ctx, f.s.Source().Describe(f.rel), o)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := do(m); err != nil {
		return err
	}
	return m.Finish(ctx)
}

func (f *fixture) insert(tx *Tx, from, n int) {
	f.t.Helper()
	if err := f.modify(tx, unique(), func(m connector.Modification) error {
		_, err := m.Insert(f.t.Context(), rows(from, n), nil, n)
		return err
	}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) commit(tx *Tx) {
	f.t.Helper()
	if err := f.cat.Save(tx); err != nil {
		f.t.Fatal(err)
	}
}

// read returns the values of a that a view sees, the rows' identities by value,
// and checks b against a.
func (f *fixture) read(v *View, size int) map[int64]int64 {
	f.t.Helper()
	ctx := WithView(f.t.Context(), v)
	account := f.account.Child("scan", 0)
	src := f.s.Source()
	parts, err := src.Split(ctx, src.Describe(f.rel), 2)
	if err != nil {
		f.t.Fatal(err)
	}
	out := map[int64]int64{}
	for _, h := range parts {
		r, err := src.Scan(ctx, h, connector.ScanOptions{Account: account, BatchSize: size})
		if err != nil {
			f.t.Fatal(err)
		}
		var b vector.Batch
		for {
			err := r.Next(ctx, &b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				f.t.Fatal(err)
			}
			for i := range b.N {
				a := b.Cols[0].Int(i)
				if got, want := b.Cols[1].String(i), fmt.Sprintf("value number %d", a); got != want {
					f.t.Fatalf("b is %q beside a = %d", got, a)
				}
				if _, twice := out[a]; twice {
					f.t.Fatalf("a = %d twice", a)
				}
				out[a] = b.Cols[2].Int(i)
			}
		}
		if err := r.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
	if account.Used() != 0 {
		f.t.Errorf("a scan left %d bytes reserved", account.Used())
	}
	return out
}

func TestRowsSurviveAReopen(t *testing.T) {
	for _, n := range []int{1, 100, blockRows + 7, fileRows + 3*blockRows/2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := open(t)
			tx := f.s.Begin()
			f.insert(tx, 0, n)
			if got := len(f.read(f.s.View(nil), 2048)); got != 0 {
				t.Fatalf("others see %d rows before the commit", got)
			}
			if got := len(f.read(f.s.View(tx), 1000)); got != n {
				t.Fatalf("the transaction sees %d of its %d rows", got, n)
			}
			f.commit(tx)
			f.close()
			f.reopen()
			if got := len(f.read(f.s.View(nil), 3)); got != n {
				t.Fatalf("%d rows after the reopen, want %d", got, n)
			}
			if f.s.Rows(f.rel.OID) != int64(n) {
				t.Errorf("Rows says %d", f.s.Rows(f.rel.OID))
			}
		})
	}
}

func TestDeletedRowsAreGoneForLaterStatementsOnly(t *testing.T) {
	for _, n := range []int{500, fileRows + 10} {
		f := open(t)
		tx := f.s.Begin()
		f.insert(tx, 0, n)
		f.commit(tx)
		before := f.s.View(nil)
		ids := f.read(before, 2048)
		tx = f.s.Begin()
		var gone []int64
		for a, id := range ids {
			if a%3 == 0 {
				gone = append(gone, id, id) // the second time it is gone already
			}
		}
		deleted := 0
		if err := f.modify(tx, connector.ModifyOptions{}, func(m connector.Modification) error {
			v := vector.New(types.Of(types.Int8), len(gone))
			copy(v.Int64s(), gone)
			list, err := m.Delete(t.Context(), v, nil, len(gone))
			deleted = len(list)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if deleted != len(gone)/2 {
			t.Fatalf("%d deleted, want %d", deleted, len(gone)/2)
		}
		f.commit(tx)
		if got := len(f.read(before, 2048)); got != n {
			t.Errorf("the old view sees %d rows, want %d", got, n)
		}
		f.close()
		f.reopen()
		left := f.read(f.s.View(nil), 2048)
		if len(left) != n-len(gone)/2 {
			t.Errorf("%d rows left, want %d", len(left), n-len(gone)/2)
		}
		for a := range left {
			if a%3 == 0 {
				t.Fatalf("row %d is still there", a)
			}
		}
	}
}

func TestManySmallTransactionsLeaveFewBodies(t *testing.T) {
	f := open(t)
	const n = 300
	for i := range n {
		tx := f.s.Begin()
		f.insert(tx, i, 1)
		f.commit(tx)
	}
	if got := len(f.read(f.s.View(nil), 2048)); got != n {
		t.Fatalf("%d rows, want %d", got, n)
	}
	if got := len(f.s.View(nil).table(f.rel.OID).segments); got > 12 {
		t.Errorf("%d bodies hold %d rows", got, n)
	}
	tx := f.s.Begin()
	defer tx.Rollback()
	err := f.modify(tx, unique(), func(m connector.Modification) error {
		_, err := m.Insert(t.Context(), rows(150, 1), nil, 1)
		return err
	})
	if pgerror.CodeOf(err) != pgerror.UniqueViolation {
		t.Errorf("a duplicate of a row that was moved: %v", err)
	}
}

func TestRollbackLeavesNoFile(t *testing.T) {
	f := open(t)
	tx := f.s.Begin()
	f.insert(tx, 0, 10)
	mark := tx.Mark()
	f.insert(tx, 10, fileRows+5)
	tx.RollbackTo(mark)
	if got := len(f.read(f.s.View(tx), 2048)); got != 10 {
		t.Errorf("%d rows after the rollback to the savepoint, want 10", got)
	}
	tx.Rollback()
	if got := len(f.read(f.s.View(nil), 2048)); got != 0 {
		t.Errorf("%d rows after the rollback", got)
	}
	list, err := os.ReadDir(f.s.dir)
	if err != nil || len(list) != 0 {
		t.Errorf("files left: %v %v", list, err)
	}
}

func TestAStartRemovesFilesOfNoBody(t *testing.T) {
	f := open(t)
	orphan := f.s.path(77)
	if err := os.WriteFile(orphan, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.close()
	f.reopen()
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestADamagedFileIsAnErrorNotOtherRows(t *testing.T) {
	f := open(t)
	tx := f.s.Begin()
	f.insert(tx, 0, fileRows)
	f.commit(tx)
	b := f.s.View(nil).table(f.rel.OID).segments[0].body
	data, err := os.ReadFile(f.s.path(b.id))
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(f.s.path(b.id), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range b.parts() {
		for c := range b.layout.atts {
			if _, err = b.column(i, c); err != nil {
				if pgerror.CodeOf(err) != pgerror.DataCorrupted {
					t.Errorf("got %v", err)
				}
				return
			}
		}
	}
	t.Error("the flipped bit was not noticed")
}

func TestDuplicateKeys(t *testing.T) {
	f := open(t)
	tx := f.s.Begin()
	f.insert(tx, 0, fileRows+100)
	f.commit(tx)
	insert := func(tx *Tx, from, n int, skip bool) (int, error) {
		o := unique()
		o.Unique[0].SkipDuplicates = skip
		kept := 0
		err := f.modify(tx, o, func(m connector.Modification) error {
			list, err := m.Insert(t.Context(), rows(from, n), nil, n)
			kept = len(list)
			return err
		})
		return kept, err
	}
	tx = f.s.Begin()
	_, err := insert(tx, 40, 1, false)
	e := pgerror.From(err)
	if e.Code != pgerror.UniqueViolation || !strings.Contains(e.Message, `"t_a_key"`) || e.Detail != "Key (a)=(40) already exists." {
		t.Errorf("got %v, detail %q", err, e.Detail)
	}
	if n, err := insert(tx, fileRows+90, 20, true); err != nil || n != 10 {
		t.Errorf("%d rows inserted, %v; want the 10 new ones", n, err)
	}
	if _, err := insert(tx, fileRows+105, 1, false); pgerror.CodeOf(err) != pgerror.UniqueViolation {
		t.Errorf("a duplicate of the own transaction: %v", err)
	}
	tx.Rollback()
	tx = f.s.Begin()
	if _, err := insert(tx, fileRows+105, 1, false); err != nil {
		t.Errorf("a key that was rolled back: %v", err)
	}
	// An update may keep its key.
	ids := f.read(f.s.View(tx), 2048)
	if err := f.modify(tx, unique(), func(m connector.Modification) error {
		v := vector.New(types.Of(types.Int8), 1)
		v.Int64s()[0] = ids[5]
		if _, err := m.Delete(t.Context(), v, nil, 1); err != nil {
			return err
		}
		_, err := m.Insert(t.Context(), rows(5, 1), nil, 1)
		return err
	}); err != nil {
		t.Errorf("an update that keeps its key: %v", err)
	}
	tx.Rollback()
}

func TestOneWriterAtATime(t *testing.T) {
	f := open(t)
	a, b := f.s.Begin(), f.s.Begin()
	f.insert(a, 0, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := b.Lock(ctx, f.rel.OID); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the second writer: %v", err)
	}
	locked := make(chan error)
	go func() { locked <- b.Lock(t.Context(), f.rel.OID) }()
	f.commit(a)
	if err := <-locked; err != nil {
		t.Fatal(err)
	}
	if got := len(f.read(f.s.View(b), 2048)); got != 1 {
		t.Errorf("the second writer sees %d rows, want 1", got)
	}
	b.Rollback()
}

func TestADeadlockIsAnError(t *testing.T) {
	f := open(t)
	a, b := f.s.Begin(), f.s.Begin()
	defer b.Rollback()
	const one, two = types.OID(1), types.OID(2)
	if err := errors.Join(a.Lock(t.Context(), one), b.Lock(t.Context(), two)); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() { waiting <- a.Lock(t.Context(), two) }()
	for {
		f.s.locks.mu.Lock()
		waits := a.waits
		f.s.locks.mu.Unlock()
		if waits == two {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := b.Lock(t.Context(), one); pgerror.CodeOf(err) != pgerror.DeadlockDetected {
		t.Errorf("got %v", err)
	}
	b.Rollback()
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	a.Rollback()
}

// A disk that is full is told apart from one that is broken.
func TestFullDiskHasItsOwnCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		code pgerror.Code
	}{
		{&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, pgerror.DiskFull},
		{fmt.Errorf("sync: %w", syscall.EDQUOT), pgerror.DiskFull},
		{&os.PathError{Op: "write", Path: "x", Err: syscall.EIO}, pgerror.IOError},
	} {
		if got := pgerror.CodeOf(ioError(c.err)); got != c.code {
			t.Errorf("%v: %s, want %s", c.err, got, c.code)
		}
	}
}

// A commit whose bodies cannot be joined for want of memory is a commit all the
// same, and keeps no memory for what it did not make.
func TestCommitWithoutMemoryToMerge(t *testing.T) {
	f := open(t)
	for i := range 3 {
		tx := f.s.Begin()
		f.insert(tx, 1000*i, 500)
		if i == 2 {
			// What the next merge would take is not there.
			f.s.account = f.account.Child("small", f.s.account.Used()/4)
			if err := f.cat.Save(tx); err != nil {
				t.Fatal(err)
			}
			break
		}
		f.commit(tx)
	}
	if n := f.s.Rows(f.rel.OID); n != 1500 {
		t.Errorf("%d rows", n)
	}
}
