package operator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/physical"
)

// random returns a table of n rows (int8, text, numeric), with NULLs and few
// distinct values.
func random(seed uint64, n, distinct int) *table {
	r := rand.New(rand.NewPCG(seed, 7))
	pick := func(d types.Datum) types.Datum {
		if r.IntN(10) == 0 {
			return types.Null
		}
		return d
	}
	var rows [][]types.Datum
	for range n {
		x, y, z := r.Int64N(int64(distinct)), r.Int64N(int64(distinct)), r.Int64N(int64(distinct))
		s := fmt.Sprintf("t%d", y)
		if y%2 == 0 {
			s = fmt.Sprintf("text that does not fit inline %d", y)
		}
		rows = append(rows, []types.Datum{pick(types.IntDatum(x - 2)), pick(types.TextDatum(s)), pick(num(z - 1))})
	}
	t := newTable([]types.Type{int8T, textT, numT}, rows)
	t.dict, t.scaled = seed%2 == 0, seed%3 == 0
	t.parts = int(seed%4) + 1
	t.local = seed%5 != 0
	return t
}

// compareDatums orders two values with NULLs as given.
func compareDatums(t types.Type, a, b types.Datum, desc, nullsFirst bool) int {
	switch {
	case a.Null && b.Null:
		return 0
	case a.Null != b.Null:
		if a.Null == nullsFirst {
			return -1
		}
		return 1
	}
	var c int
	switch t.Layout() {
	case types.LayoutBytes:
		c = cmp.Compare(a.S, b.S)
	case types.LayoutNumeric:
		c = cmp.Compare(decodeNum(a.S), decodeNum(b.S))
	default:
		c = cmp.Compare(a.I, b.I)
	}
	if desc {
		return -c
	}
	return c
}

// sortedBy returns the rows of t in the stable order of keys over columns.
func (t *table) sortedBy(columns []int, keys []physical.SortKey) []int {
	rows := make([]int, len(t.rows))
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, func(a, b int) int {
		for k, c := range columns {
			if x := compareDatums(t.cols[c].Type, t.rows[a][c], t.rows[b][c], keys[k].Desc, keys[k].NullsFirst); x != 0 {
				return x
			}
		}
		return 0
	})
	return rows
}

// line prints row i.
func (t *table) line(i int) string {
	var row []string
	for c, d := range t.rows[i] {
		row = append(row, show(t.cols[c].Type, d))
	}
	return strings.Join(row, "|")
}

func sortKeys(r *rand.Rand, t *table) (columns []int, keys []physical.SortKey) {
	for range r.IntN(3) + 1 {
		c := r.IntN(len(t.cols))
		columns = append(columns, c)
		keys = append(keys, physical.SortKey{Expr: col(c, t.cols[c].Type), Desc: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0})
	}
	return columns, keys
}

// project returns the keys of the rows as text.
func (t *table) keysOf(rows, columns []int) []string {
	var out []string
	for _, i := range rows {
		var row []string
		for _, c := range columns {
			row = append(row, show(t.cols[c].Type, t.rows[i][c]))
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

func TestSortOrdersStably(t *testing.T) {
	for seed := range uint64(12) {
		tab := random(seed, int(seed*seed*20), 5)
		r := rand.New(rand.NewPCG(seed, 1))
		columns, keys := sortKeys(r, tab)
		rows := tab.sortedBy(columns, keys)
		var want []string
		for _, i := range rows {
			want = append(want, tab.line(i))
		}
		plan := func() physical.Node { return &physical.Sort{Input: tab.scan(), Keys: keys} }
		check(t, plan, want, false)
		for n, s := range append(setups, setup{1, 256}, setup{2, 64}, setup{2, 2048}) {
			spillAt := int64(0)
			if n >= len(setups) {
				spillAt = int64(s.batch*10 + 20000)
			}
			got, err := collectSpilling(t, plan(), s, 0, spillAt)
			if err != nil {
				t.Fatal(err)
			}
			if s.workers == 1 && (tab.local || tab.parts == 1) {
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d %+v: got %s want %s", seed, s, brief(got), brief(want))
				}
				continue
			}
			// The order of the keys holds with any number of workers.
			var k []string
			for _, line := range got {
				f := strings.Split(line, "|")
				var row []string
				for _, c := range columns {
					row = append(row, f[c])
				}
				k = append(k, strings.Join(row, "|"))
			}
			if !slices.Equal(k, tab.keysOf(rows, columns)) {
				t.Fatalf("seed %d %+v: keys out of order", seed, s)
			}
		}
	}
}

func TestSortMergesRuns(t *testing.T) {
	tab := random(2, 2*runRows+1000, 1000)
	_, keys := []int{1, 0}, []physical.SortKey{{Expr: col(1, textT)}, {Expr: col(0, int8T), Desc: true}}
	rows := tab.sortedBy([]int{1, 0}, keys)
	var want []string
	for _, i := range rows {
		want = append(want, tab.line(i))
	}
	got, err := collect(t, &physical.Sort{Input: tab.scan(), Keys: keys}, setup{1, 2048})
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v %s", err, brief(got))
	}
}

func TestTopNGivesTheFirstRows(t *testing.T) {
	for seed := range uint64(12) {
		tab := random(seed, 9000, 50)
		r := rand.New(rand.NewPCG(seed, 2))
		columns, keys := sortKeys(r, tab)
		rows := tab.sortedBy(columns, keys)
		offset, count := r.IntN(20), r.IntN(60)
		for _, ties := range []bool{false, true} {
			to := min(offset+count, len(rows))
			for ties && count > 0 && to < len(rows) && tab.keysOf(rows[to-1:to], columns)[0] == tab.keysOf(rows[to:to+1], columns)[0] {
				to++
			}
			want := tab.keysOf(rows[offset:to], columns)
			plan := &physical.Limit{Input: tab.scan(), Keys: keys, WithTies: ties, Count: lit(int8T, types.IntDatum(int64(count))), Offset: lit(int8T, types.IntDatum(int64(offset)))}
			for n, s := range append(setups[2:], setup{1, 2048}, setup{2, 640}) {
				got, err := collectSpilling(t, plan, s, 0, int64(n/len(setups[2:]))*1000)
				if err != nil {
					t.Fatal(err)
				}
				var k []string
				for _, line := range got {
					f := strings.Split(line, "|")
					var row []string
					for _, c := range columns {
						row = append(row, f[c])
					}
					k = append(k, strings.Join(row, "|"))
				}
				if !slices.Equal(k, want) {
					t.Fatalf("seed %d %+v ties %v: got %s want %s", seed, s, ties, brief(k), brief(want))
				}
			}
		}
	}
}
