package parquet

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// TestRowsAreFoundAgainAtTheirPlaces reads few columns with the places of the
// rows, also by predicates and in parts, and then the others for some of the
// rows.
func TestRowsAreFoundAgainAtTheirPlaces(t *testing.T) {
	const n = 40_000
	all := mixedRows(n)
	dir := t.TempDir()
	if err := os.Mkdir(join(dir, "many"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeMixed(t, join(dir, "many", "a.parquet"), all[:15_000], parquet.PageBufferSize(8_000), parquet.MaxRowsPerRowGroup(4_000))
	writeMixed(t, join(dir, "many", "b.parquet"), all[15_000:], parquet.DataPageVersion(1), parquet.MaxRowsPerRowGroup(20_000), parquet.Compression(&parquet.Zstd))
	root := memory.NewRoot("test", 0)
	src := open(t, dir)
	s := src.(*source)
	h, err := s.Table(t.Context(), connector.TableRef{Name: "many", Options: map[string]string{"filename": "many/*.parquet"}})
	if err != nil {
		t.Fatal(err)
	}
	o := connector.ScanOptions{Account: root}
	_, want := scanAll(t, s, h, o)
	cols := h.Columns()
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 12 {
		from := h
		if round%2 == 1 {
			p := randomPredicate(r, cols, 0)
			from, _ = s.PushFilter(h, connector.Seal([]expr.Expr{p.e}))
		}
		early, _ := s.PushProject(from, []int{0, 7})
		late, _ := s.PushProject(from, []int{0, 8, 13, 3})
		if !s.Locates(early) {
			t.Fatal("a scan does not locate its rows")
		}
		located, err := s.Locate(t.Context(), early)
		if err != nil {
			t.Fatal(err)
		}
		if c := located.Columns(); len(c) != 3 || c[2].Type != types.Of(types.Int8) {
			t.Fatalf("columns %v", c)
		}
		handles := []connector.TableHandle{located}
		if round%3 == 0 {
			if handles, err = s.Split(t.Context(), located, 3); err != nil {
				t.Fatal(err)
			}
		}
		places := map[int64]int64{} // of id
		for _, h := range handles {
			ids, rows := scanAll(t, s, h, o)
			for i, id := range ids {
				place, err := types.ParseText(types.Of(types.Int8), rows[i][strings.LastIndexByte(rows[i], '|')+1:], nil)
				if err != nil {
					t.Fatal(err)
				}
				places[place.I] = id
			}
		}
		var some []int64
		for p := range places {
			if r.IntN(1+len(places)/30) == 0 || r.IntN(10) == 0 && round > 8 {
				some = append(some, p)
			}
		}
		slices.Sort(some)
		ids, rows := scanAll(t, s, s.At(late, located, some), o)
		if len(ids) != len(some) {
			t.Fatalf("%d rows at %d places", len(ids), len(some))
		}
		for i, p := range some {
			fields := strings.Split(want[places[p]], "|")
			if exp := strings.Join([]string{fields[0], fields[8], fields[13], fields[3]}, "|"); ids[i] != places[p] || rows[i] != exp {
				t.Fatalf("at %d: %q, want %q", p, rows[i], exp)
			}
		}
		if root.Used() != 0 {
			t.Fatalf("%d bytes left", root.Used())
		}
	}
	limited, _ := s.PushLimit(h, 5)
	if s.Locates(limited) {
		t.Error("a limited scan locates its rows")
	}
}
