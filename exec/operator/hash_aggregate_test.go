package operator

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// groupSetup is one way to execute an aggregate.
type groupSetup struct {
	workers, batch, many int
	spillAt, limit       int64
}

// groupSetups divide sets early, move them to disk again and again, or both.
var groupSetups = []groupSetup{
	{workers: 1, batch: 64, many: 1},
	{workers: 2, batch: 7, many: 3},
	{workers: 4, batch: 2048, many: 2},
	{workers: 1, batch: 7, spillAt: 1},
	{workers: 2, batch: 64, spillAt: 1},
	{workers: 2, batch: 64, spillAt: 1, many: 2},
	{workers: 4, batch: 2048, spillAt: 100_000, many: 5},
	{workers: 2, batch: 512, spillAt: 200_000},
}

// collectGroups executes plan; peak is the most memory that it has held.
func collectGroups(t *testing.T, plan physical.Node, s groupSetup) (out []string, peak int64, err error) {
	t.Helper()
	store, err := spill.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pool := scheduler.New(max(s.workers, 2))
	defer pool.Close()
	account := memory.NewRoot("test", s.limit)
	q, err := Start(t.Context(), plan, Env{
		Pool: pool, Account: account, Session: &session.Session{}, Format: types.DefaultFormat(),
		BatchSize: s.batch, Workers: s.workers, Spill: store, SpillAt: s.spillAt, manyGroups: s.many,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		q.Close()
		if used := account.Used(); used != 0 {
			t.Errorf("account holds %d bytes", used)
		}
		if used := store.Used(); used != 0 {
			t.Errorf("%d bytes are left on disk", used)
		}
	}()
	for {
		b, err := q.Next(t.Context())
		if err == io.EOF {
			return out, account.Peak(), nil
		}
		if err != nil {
			return nil, account.Peak(), err
		}
		for i := range b.N {
			var row []string
			for _, v := range b.Cols {
				row = append(row, show(v.Type, v.Datum(i)))
			}
			out = append(out, strings.Join(row, "|"))
		}
	}
}

// checkGroups executes plan in every way and compares as multisets.
func checkGroups(t *testing.T, plan func() physical.Node, want []string) {
	t.Helper()
	check(t, plan, want, false)
	want = slices.Sorted(slices.Values(want))
	for _, s := range groupSetups {
		if s.spillAt == 1 && len(want) > 15 {
			continue // every group would be written at every level
		}
		got, _, err := collectGroups(t, plan(), s)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%+v: got %s\nwant %s", s, brief(got), brief(want))
		}
	}
}

// grouped is a HashAggregate over tab with the count of rows.
func grouped(tab *table, keys ...int) func() physical.Node {
	return func() physical.Node {
		n := &physical.HashAggregate{Input: tab.scan(), Aggs: []physical.Agg{{Fn: sum8, Args: []expr.Expr{lit(int8T, types.IntDatum(1))}, T: int8T}}}
		for _, k := range keys {
			n.Keys = append(n.Keys, col(k, tab.cols[k].Type))
			n.Cols = append(n.Cols, physical.Column{Type: tab.cols[k].Type})
		}
		n.Cols = append(n.Cols, physical.Column{Type: int8T})
		return n
	}
}

func TestEqualKeysAreOneGroup(t *testing.T) {
	text := func(ss ...string) (out []types.Datum) {
		for _, s := range ss {
			if s == "NULL" {
				out = append(out, types.Null)
			} else {
				out = append(out, types.TextDatum(s))
			}
		}
		return out
	}
	ints := func(xs ...int64) (out []types.Datum) {
		for _, x := range xs {
			d := types.IntDatum(x)
			if x == -999 {
				d = types.Null
			}
			out = append(out, d)
		}
		return out
	}
	floats := func(xs ...float64) (out []types.Datum) {
		for _, x := range xs {
			out = append(out, types.FloatDatum(x))
		}
		return out
	}
	nums := func(ss ...string) (out []types.Datum) {
		for _, s := range ss {
			n, err := types.ParseNum(s)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, n.Datum())
		}
		return out
	}
	const big, small = math.MaxInt64, math.MinInt64
	for _, c := range []struct {
		name   string
		typ    types.OID
		values []types.Datum
		counts []int
	}{
		{"NULL is a value", types.Int8, ints(1, -999, 1, -999, -999), []int{3, 2}},
		{"integers at both ends", types.Int8, ints(big, small, 0, big, -999, small, 0, -1), []int{1, 1, 2, 2, 2}},
		{"small integers", types.Int2, ints(1, 2, 1, -999, 32767, -32768), []int{1, 1, 1, 1, 2}},
		{"dates", types.Date, ints(1, 2, 1, 8000, -999, 2147483647), []int{1, 1, 1, 1, 2}},
		{"booleans", types.Bool, ints(0, 1, 0, -999, 1, 1), []int{1, 2, 3}},
		{"zeros and NaN", types.Float8, floats(0, math.Copysign(0, -1), math.NaN(), -math.NaN(), 1), []int{1, 2, 2}},
		{"numeric scales", types.Numeric, nums("1.0", "1.00", "1", "10e-1", "2", "NaN", "NaN", "1e40", "10e39", "0", "0.000"), []int{1, 2, 2, 2, 4}},
		{"text keeps blanks", types.Text, text("a", "a ", "a", "", "NULL", "longer than a view", "longer than a view"), []int{1, 1, 1, 2, 2}},
		{"char pads", types.BPChar, text("a", "a ", "a   ", "b", "", "  "), []int{1, 2, 3}},
	} {
		slices.Sort(c.counts)
		for _, dict := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s dict=%v", c.name, dict), func(t *testing.T) {
				// Alone, and with another key beside it.
				for _, keys := range [][]int{{0}, {0, 1}, {1, 0}} {
					var rows [][]types.Datum
					for range 5 {
						for _, v := range c.values {
							rows = append(rows, []types.Datum{v, types.IntDatum(7)})
						}
					}
					tab := newTable([]types.Type{types.Of(c.typ), int8T}, rows)
					tab.dict = dict
					for _, s := range append(groupSetups, groupSetup{workers: 1, batch: 2}, groupSetup{workers: 2, batch: 2048}) {
						got, _, err := collectGroups(t, grouped(tab, keys...)(), s)
						if err != nil {
							t.Fatalf("%+v: %v", s, err)
						}
						var counts []int
						for _, row := range got {
							n := 0
							if _, err := fmt.Sscan(row[strings.LastIndexByte(row, '|')+1:], &n); err != nil {
								t.Fatal(err)
							}
							counts = append(counts, n/5)
						}
						if slices.Sort(counts); !slices.Equal(counts, c.counts) {
							t.Errorf("keys %v, %+v: groups of %v rows, want %v: %q", keys, s, counts, c.counts, got)
						}
					}
				}
			})
		}
	}
}

// TestKeysOfEveryRange changes the ranges of keys from batch to batch.
func TestKeysOfEveryRange(t *testing.T) {
	var rows [][]types.Datum
	want := map[string]int{}
	for i := range 6000 {
		a, b := int64(i%5), int64(i%3)
		switch {
		case i > 5000:
			a <<= 40
			b = -b << 30
		case i > 3000:
			a, b = a-100, b*70_000
		case i > 1000:
			a *= 1000
		}
		s := fmt.Sprintf("v%d", i%(1+i/1000*40))
		rows = append(rows, []types.Datum{types.IntDatum(a), types.IntDatum(b), types.TextDatum(s)})
		want[fmt.Sprintf("%d|%d|%s", a, b, s)]++
	}
	tab := newTable([]types.Type{int8T, int8T, textT}, rows)
	for _, keys := range [][]int{{0, 1, 2}, {0, 1}, {0}, {2, 1}} {
		for _, dict := range []bool{false, true} {
			tab.dict = dict
			counts := map[string]int{}
			for k, n := range want {
				parts := strings.Split(k, "|")
				var row []string
				for _, c := range keys {
					row = append(row, parts[c])
				}
				counts[strings.Join(row, "|")] += n
			}
			var list []string
			for k, n := range counts {
				list = append(list, fmt.Sprintf("%s|%d", k, n))
			}
			t.Run(fmt.Sprintf("%v dict=%v", keys, dict), func(t *testing.T) { checkGroups(t, grouped(tab, keys...), list) })
		}
	}
}

func TestAggregatesStayInsideTheirMemory(t *testing.T) {
	tab := numbers(200_000)
	tab.parts = 4
	distinct := func(agg physical.Agg) physical.Node {
		return &physical.HashAggregate{Input: tab.scan(), Aggs: []physical.Agg{agg}, Cols: []physical.Column{{Type: int8T}}}
	}
	for _, s := range []groupSetup{{workers: 1, batch: 2048}, {workers: 2, batch: 2048}, {workers: 4, batch: 512}} {
		_, free, err := collectGroups(t, grouped(tab, 0, 2)(), s)
		if err != nil {
			t.Fatal(err)
		}
		s.limit = 6 << 20
		got, peak, err := collectGroups(t, grouped(tab, 0, 2)(), s)
		if err != nil {
			t.Fatalf("%+v: %s", s, explained(err))
		}
		if len(got) != 200_000 {
			t.Errorf("%+v: %d groups", s, len(got))
		}
		if slices.Sort(got); len(slices.Compact(got)) != 200_000 {
			t.Errorf("%+v: groups come twice", s)
		}
		if free <= s.limit || peak > s.limit+s.limit/2 {
			t.Errorf("%+v: peak %d, without limit %d", s, peak, free)
		}
		got, _, err = collectGroups(t, distinct(physical.Agg{Fn: sum8, Args: []expr.Expr{col(0, int8T)}, Distinct: true, T: int8T}), s)
		if want := fmt.Sprint(200_000 * 199_999 / 2); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%+v: sum of distinct values %v (%s), want %s", s, got, explained(err), want)
		}
		// One group has nothing to divide.
		s.limit = 4 << 20
		_, _, err = collectGroups(t, distinct(physical.Agg{Fn: inOrder, Args: []expr.Expr{col(0, int8T)}, OrderBy: []physical.SortKey{{Expr: col(2, textT)}}, T: textT}), s)
		if pgerror.CodeOf(err) != pgerror.OutOfMemory || !strings.Contains(pgerror.From(err).Detail, "HashAggregate") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
