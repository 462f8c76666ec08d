package parquet

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// intDomain is the domain of some integers.
func intDomain(t types.Type, values ...int64) *connector.Domain {
	d := &connector.Domain{Type: t, HasMin: true, HasMax: true, Bloom: connector.NewBloom(len(values))}
	v := vector.New(t, len(values))
	for i, x := range values {
		if i == 0 || x < d.Min.I {
			d.Min.I = x
		}
		if i == 0 || x > d.Max.I {
			d.Max.I = x
		}
		v.Set(i, len(values), types.IntDatum(x))
	}
	hash := make([]uint64, len(values))
	kernel.Hash(hash, v, len(values), false)
	for _, h := range hash {
		d.Bloom.Add(h)
	}
	return d
}

func TestDynamicFiltersDropOnlyWhatDoesNotMatter(t *testing.T) {
	const n = 40_000
	rows := mixedRows(n)
	dir := t.TempDir()
	writeMixed(t, join(dir, "m.parquet"), rows, parquet.PageBufferSize(20_000), parquet.MaxRowsPerRowGroup(8_000), parquet.Compression(&parquet.Snappy))
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	_, want := scanAll(t, s, h, connector.ScanOptions{})
	at := map[string]int{}
	for i, c := range h.Columns() {
		at[c.Name] = i
	}
	r := rand.New(rand.NewPCG(3, 3))
	for name, c := range map[string]struct {
		column string
		get    func(m *mixed) (int64, bool)
		top    int64
		nulls  bool
	}{
		"plain":              {"id", func(m *mixed) (int64, bool) { return m.ID, true }, n, false},
		"dictionary":         {"run", func(m *mixed) (int64, bool) { return int64(m.Run), true }, 60, false},
		"with NULLs":         {"opt", func(m *mixed) (int64, bool) { return deref(m.Opt), m.Opt != nil }, 1000, false},
		"NULLs matter":       {"opt", func(m *mixed) (int64, bool) { return deref(m.Opt), m.Opt != nil }, 1000, true},
		"optional, coded":    {"optd", func(m *mixed) (int64, bool) { return int64(deref(m.OptD)), m.OptD != nil }, 50, false},
		"coded, NULLs count": {"optd", func(m *mixed) (int64, bool) { return int64(deref(m.OptD)), m.OptD != nil }, 50, true},
	} {
		for _, size := range []int{1, 20, 2000} {
			in := map[int64]bool{}
			var list []int64
			for range size {
				x := r.Int64N(c.top)
				in[x] = true
				list = append(list, x)
			}
			d := intDomain(h.Columns()[at[c.column]].Type, list...)
			d.Nulls = c.nulls
			f := connector.NewDynamicFilter(true)
			f.Publish(d)
			root := memory.NewRoot("test", 0)
			sf := connector.NewScanFilter(at[c.column], f)
			ids, texts := scanAll(t, s, h, connector.ScanOptions{Account: root, Filters: []connector.ScanFilter{sf}})
			got := map[int64]bool{}
			for i, id := range ids {
				if got[id] || texts[i] != want[id] {
					t.Fatalf("%s: row %d is there again or wrong", name, id)
				}
				got[id] = true
			}
			for i := range rows {
				x, ok := c.get(&rows[i])
				if matters := ok && in[x] || !ok && c.nulls; matters && !got[int64(i)] {
					t.Fatalf("%s, %d values: row %d was lost", name, size, i)
				}
			}
			if _, dropped := sf.Counts(); size == 1 && !c.nulls && dropped == 0 {
				t.Errorf("%s: nothing was dropped, %d rows", name, len(ids))
			}
			if root.Used() != 0 {
				t.Errorf("%s: %d bytes left", name, root.Used())
			}
		}
	}
}

// deref returns what p points to, or zero.
func deref[T any](p *T) (x T) {
	if p != nil {
		x = *p
	}
	return x
}

func TestAThresholdThatTightensEndsTheScan(t *testing.T) {
	const n = 40_000
	dir := t.TempDir()
	writeMixed(t, join(dir, "m.parquet"), mixedRows(n), parquet.MaxRowsPerRowGroup(5_000))
	s := open(t, dir)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	// The ten largest of id, as a top-N finds them: the row groups with the
	// largest values are read after the first.
	f := connector.NewDynamicFilter(false)
	sf := connector.NewScanFilter(0, f)
	rd, err := s.Scan(t.Context(), h, connector.ScanOptions{Filters: []connector.ScanFilter{sf}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rd.Close() }()
	typ := h.Columns()[0].Type
	best, read := int64(-1), 0
	var b vector.Batch
	for {
		err := rd.Next(t.Context(), &b)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		read += b.N
		for i := range b.N {
			best = max(best, b.Cols[0].Datum(i).I)
		}
		f.Publish(&connector.Domain{Type: typ, HasMin: true, Min: types.IntDatum(best - 9)})
	}
	if best != n-1 {
		t.Errorf("the largest is %d", best)
	}
	if read > 14_000 {
		t.Errorf("%d rows were read", read)
	}
}
