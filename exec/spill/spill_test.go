package spill

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// open makes a store and a file in it; at the end nothing may be charged or on
// disk.
func open(t testing.TB) (*Store, *File) {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	account := memory.NewRoot("test", 0)
	f, err := s.Create("Sort", account, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		f.Close()
		if account.Used() != 0 || s.Used() != 0 {
			t.Errorf("%d bytes charged, %d on disk", account.Used(), s.Used())
		}
	})
	return s, f
}

// randomDatum returns a value of a layout.
func randomDatum(r *rand.Rand, t types.Type, wide bool) types.Datum {
	x := int64(r.Uint64())
	if !wide {
		x = int64(r.IntN(300)) - 40
	}
	switch t.Layout() {
	case types.LayoutBool:
		return types.Datum{I: x & 1}
	case types.LayoutInt16:
		return types.Datum{I: int64(int16(x))}
	case types.LayoutInt32:
		return types.Datum{I: int64(int32(x))}
	case types.LayoutInt64:
		return types.Datum{I: x}
	case types.LayoutFloat32:
		return types.FloatDatum(float64(float32(x) / 3))
	case types.LayoutFloat64:
		return types.FloatDatum(float64(x) / 3)
	case types.LayoutWide:
		return types.Datum{I: x, J: int64(r.Uint64())}
	case types.LayoutNumeric:
		return types.TextDatum(string(types.AppendScaled(nil, x, int32(r.IntN(5)))))
	}
	n := r.IntN(16)
	if wide {
		n = r.IntN(200)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(4))
	}
	return types.TextDatum(string(b))
}

// randomVec returns n rows of type t in a random kind and form.
func randomVec(r *rand.Rand, t types.Type, n int) *vector.Vec {
	wide, nulls := r.IntN(2) == 0, r.IntN(3)
	value := func() types.Datum {
		if nulls == 1 && r.IntN(4) == 0 || nulls == 2 && r.IntN(50) != 0 {
			return types.Null
		}
		return randomDatum(r, t, wide)
	}
	switch r.IntN(4) {
	case 0:
		return vector.NewConst(t, value())
	case 1:
		entries := make([]types.Datum, 1+r.IntN(20))
		for i := range entries {
			entries[i] = value()
		}
		v := &vector.Vec{Type: t, Kind: vector.Dict, Dict: vector.FromDatums(t, entries), Codes: make([]int32, n)}
		for i := range v.Codes {
			v.Codes[i] = int32(r.IntN(len(entries)))
		}
		if r.IntN(2) == 0 {
			for i := range n {
				if r.IntN(5) == 0 {
					v.SetNull(i, n)
				}
			}
		}
		return v
	case 2:
		if t.Layout() == types.LayoutNumeric {
			v := vector.NewScaled(t, int32(r.IntN(6)), n)
			for i := range n {
				v.Int64s()[i] = int64(r.Uint64())
				if nulls > 0 && r.IntN(3) == 0 {
					v.SetNull(i, n)
				}
			}
			return v
		}
	}
	ds := make([]types.Datum, n)
	for i := range ds {
		ds[i] = value()
	}
	return vector.FromDatums(t, ds)
}

// allTypes returns the types that columns have, one per layout and more.
func allTypes() []types.Type {
	var out []types.Type
	for _, i := range types.All() {
		if !i.Pseudo {
			out = append(out, types.Of(i.OID))
		}
	}
	return append(out, types.NumericType(12, 2))
}

// checkRoundTrip writes random batches of random columns and reads them twice.
func checkRoundTrip(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	_, f := open(t)
	all := allTypes()
	ts := make([]types.Type, 1+r.IntN(5))
	for i := range ts {
		ts[i] = all[r.IntN(len(all))]
	}
	run := f.NewRun()
	want := make([][]types.Datum, len(ts))
	total := 0
	for range 1 + r.IntN(4) {
		n := 1 + r.IntN(200)
		if r.IntN(4) == 0 {
			n = 1 + r.IntN(3*vector.BatchSize)
		}
		b := &vector.Batch{N: n}
		if r.IntN(2) == 0 {
			b.Sel = []int32{}
			for i := range n {
				if r.IntN(3) != 0 {
					b.Sel = append(b.Sel, int32(i))
				}
			}
			if len(b.Sel) == 0 {
				b.Sel = []int32{int32(n - 1)}
			}
		}
		for c, typ := range ts {
			v := randomVec(r, typ, n)
			b.Cols = append(b.Cols, v)
			rows := b.Sel
			if rows == nil {
				rows = vector.Identity(nil, n)
			}
			for _, i := range rows {
				want[c] = append(want[c], v.Datum(int(i)))
			}
		}
		if err := run.Append(b); err != nil {
			t.Fatal(err)
		}
		total += b.Rows()
		if r.IntN(3) == 0 {
			if err := run.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := run.Flush(); err != nil {
		t.Fatal(err)
	}
	if run.Rows() != int64(total) {
		t.Fatalf("run has %d rows, want %d", run.Rows(), total)
	}
	for _, keep := range []bool{false, true} {
		rd := run.Read(keep)
		row := 0
		var kept []vector.Batch
		check := func(b vector.Batch, at int) {
			for c, v := range b.Cols {
				if v.Type != ts[c] {
					t.Fatalf("column %d has type %v, want %v", c, v.Type, ts[c])
				}
				for i := range b.N {
					if got := v.Datum(i); got != want[c][at+i] {
						t.Fatalf("keep %v column %d (%v) row %d: %+v, want %+v", keep, c, v.Type, at+i, got, want[c][at+i])
					}
				}
			}
		}
		for {
			var b vector.Batch
			err := rd.Next(&b)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if b.N > vector.BatchSize || b.Sel != nil {
				t.Fatalf("batch of %d rows, selection %v", b.N, b.Sel != nil)
			}
			if keep {
				kept = append(kept, b)
			} else {
				check(b, row)
			}
			row += b.N
		}
		if row != total {
			t.Fatalf("read %d rows, want %d", row, total)
		}
		at := 0
		for _, b := range kept {
			check(b, at)
			at += b.N
		}
		if err := rd.Next(&vector.Batch{}); err != io.EOF {
			t.Errorf("the end is not sticky: %v", err)
		}
		rd.Close()
		rd.Close()
	}
}

func TestRowsComeBackInEveryTypeKindAndForm(t *testing.T) {
	for seed := range uint64(100) {
		checkRoundTrip(t, seed)
	}
}

func FuzzRowsComeBack(f *testing.F) {
	f.Add(uint64(7))
	f.Fuzz(checkRoundTrip)
}

// ints is a batch of one column.
func ints(from, n int) *vector.Batch {
	v := vector.New(types.Of(types.Int8), n)
	for i := range n {
		v.Int64s()[i] = int64(from + i)
	}
	return &vector.Batch{N: n, Cols: []*vector.Vec{v}}
}

func TestRunsOfOneFileAreWrittenAtTheSameTime(t *testing.T) {
	_, f := open(t)
	var wg sync.WaitGroup
	runs := make([]*Run, 8)
	for i := range runs {
		runs[i] = f.NewRun()
		wg.Go(func() {
			for k := range 50 {
				if err := runs[i].Append(ints(1000000*i+2048*k, 2048)); err != nil {
					t.Error(err)
				}
			}
			if err := runs[i].Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, r := range runs {
		rd := r.Read(false)
		at := int64(1000000 * i)
		var b vector.Batch
		for rd.Next(&b) == nil {
			for _, x := range b.Cols[0].Int64s()[:b.N] {
				if x != at {
					t.Fatalf("run %d: %d, want %d", i, x, at)
				}
				at++
			}
		}
		rd.Close()
		if at != int64(1000000*i+50*2048) {
			t.Errorf("run %d ends at %d", i, at)
		}
	}
}

func TestAChangedByteIsAnErrorAndNoRow(t *testing.T) {
	_, f := open(t)
	run := f.NewRun()
	for k := range 40 {
		if err := run.Append(ints(2048*k*1000, 2048)); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Flush(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		at := r.Int64N(f.Size())
		var old [1]byte
		if _, err := f.file.ReadAt(old[:], at); err != nil {
			t.Fatal(err)
		}
		if _, err := f.file.WriteAt([]byte{old[0] ^ 1<<r.IntN(8)}, at); err != nil {
			t.Fatal(err)
		}
		rd := run.Read(false)
		var b vector.Batch
		next, err := int64(0), error(nil)
		for err == nil {
			if err = rd.Next(&b); err == nil {
				next += int64(b.N)
			}
		}
		rd.Close()
		if pgerror.CodeOf(err) != pgerror.DataCorrupted {
			t.Fatalf("byte %d: %v after %d rows", at, err, next)
		}
		if _, err := f.file.WriteAt(old[:], at); err != nil {
			t.Fatal(err)
		}
	}
	// A block in the place of another is an error too.
	run.blocks[0].at, run.blocks[1].at = run.blocks[1].at, run.blocks[0].at
	run.blocks[0].size, run.blocks[1].size = run.blocks[1].size, run.blocks[0].size
	rd := run.Read(false)
	defer rd.Close()
	if err := rd.Next(&vector.Batch{}); pgerror.CodeOf(err) != pgerror.DataCorrupted {
		t.Errorf("exchanged blocks: %v", err)
	}
}

func TestValuesAreNotReadableOnDisk(t *testing.T) {
	_, f := open(t)
	run := f.NewRun()
	v := vector.FromDatums(types.Of(types.Text), []types.Datum{types.TextDatum("a very secret value")})
	if err := run.AppendRows([]*vector.Vec{v}, nil, 1); err != nil {
		t.Fatal(err)
	}
	if err := run.Flush(); err != nil {
		t.Fatal(err)
	}
	all := make([]byte, f.Size())
	if _, err := f.file.ReadAt(all, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(all, []byte("secret")) {
		t.Error("the value is on disk as it is")
	}
}

func TestWhatACrashLeftIsRemovedAtStart(t *testing.T) {
	dir := t.TempDir()
	left, other := filepath.Join(dir, prefix+"1"+suffix), filepath.Join(dir, "notes.txt")
	for _, name := range []string{left, other} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the file of an earlier run is still there: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a foreign file is gone: %v", err)
	}
	f, err := s.Create("Sort", memory.NewRoot("test", 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("%d entries are left", len(entries))
	}
}

func TestTheQuotaOfAQueryIsKept(t *testing.T) {
	s, _ := open(t)
	q := NewQuota(100 << 10)
	account := memory.NewRoot("test", 0)
	f, err := s.Create("Sort", account, q)
	if err != nil {
		t.Fatal(err)
	}
	run := f.NewRun()
	r := rand.New(rand.NewPCG(1, 1))
	for err == nil {
		b := ints(0, 2048)
		for i := range b.N {
			b.Cols[0].Int64s()[i] = int64(r.Uint64())
		}
		err = run.Append(b)
	}
	if pgerror.CodeOf(err) != pgerror.ConfigurationLimitExceeded || q.Used() > 100<<10 {
		t.Errorf("%v with %d bytes", err, q.Used())
	}
	f.Close()
	if q.Used() != 0 {
		t.Errorf("quota holds %d bytes", q.Used())
	}
}

func TestErrorsOfTheDiskNameTheOperator(t *testing.T) {
	_, f := open(t)
	// A closed descriptor stands for a disk that fails.
	if err := f.file.Close(); err != nil {
		t.Fatal(err)
	}
	run := f.NewRun()
	if err := run.Append(ints(0, 2048)); err != nil {
		t.Fatal(err)
	}
	err := run.Flush()
	if pgerror.CodeOf(err) != pgerror.IOError || err.Error() == "" || !bytes.Contains([]byte(err.Error()), []byte("Sort")) {
		t.Errorf("got %v", err)
	}
	run.f.account.Release(run.held)
	full := &os.PathError{Op: "write", Path: "/x", Err: fmt.Errorf("wrapped: %w", errNoSpace)}
	if err := diskError(full, "write", "Sort"); pgerror.CodeOf(err) != pgerror.DiskFull {
		t.Errorf("got %v", err)
	}
}
