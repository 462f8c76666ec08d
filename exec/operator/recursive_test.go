package operator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// third is x/3 of the first argument and the text of it.
var third = [2]*function.Overload{
	{Name: "third", Strict: true, Volatility: function.Immutable, Kernel: func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		for i := range n {
			out.Set(i, n, types.IntDatum(args[0].Int(i)/3))
		}
		return nil
	}},
	{Name: "third_text", Strict: true, Volatility: function.Immutable, Kernel: func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		for i := range n {
			out.Set(i, n, types.TextDatum(longText(args[0].Int(i)/3)))
		}
		return nil
	}},
}

func longText(i int64) string { return fmt.Sprintf("a text of some length %08d", i) }

// thirds plans WITH RECURSIVE t AS (rows of tab UNION [ALL] SELECT a/3, text FROM
// t WHERE 0 < a).
func thirds(tab *table, all bool) physical.Node {
	cols := tab.scan().Cols
	work := &physical.WorkTable{Name: "t"}
	step := &physical.Project{
		Input: &physical.Filter{Input: &physical.WorkScan{Of: work, Cols: cols}, Conds: []expr.Expr{less(lit(int8T, types.IntDatum(0)), col(0, int8T))}},
		Exprs: []expr.Expr{
			&expr.Call{Fn: third[0], Args: []expr.Expr{col(0, int8T)}, T: int8T, Pos: -1},
			&expr.Call{Fn: third[1], Args: []expr.Expr{col(0, int8T)}, T: textT, Pos: -1},
		},
		Cols: cols,
	}
	return &physical.Recursive{Initial: tab.scan(), Step: step, Work: work, All: all, Cols: cols}
}

func TestRecursionFitsItsMemory(t *testing.T) {
	const n = 40_000
	var rows [][]types.Datum
	counts := map[int64]int{}
	for i := range int64(n) {
		id := n + i*7919%n
		rows = append(rows, []types.Datum{types.IntDatum(id), types.TextDatum(longText(id))})
		for ; id > 0; id /= 3 {
			counts[id]++
		}
		counts[0]++
	}
	tab := newTable([]types.Type{int8T, textT}, rows)
	tab.parts = 3
	for _, all := range []bool{true, false} {
		var want []string
		for id, k := range counts {
			for i := range k {
				if i == 0 || all {
					want = append(want, fmt.Sprintf("%d|%s", id, longText(id)))
				}
			}
		}
		slices.Sort(want)
		for _, c := range []struct {
			setup
			limit, spillAt int64
		}{{setup{1, 2048}, 0, 0}, {setup{1, 2048}, 2 << 20, 0}, {setup{4, 512}, 3 << 20, 0}, {setup{2, 2048}, 0, 200 << 10}} {
			got, err := collectSpilling(t, thirds(tab, all), c.setup, c.limit, c.spillAt)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("all %v, %+v: %s, got %s\nwant %s", all, c, explained(err), brief(got), brief(want))
			}
		}
	}
}

func TestDistinctRowsAreToldFromDisk(t *testing.T) {
	var rows [][]types.Datum
	seen := map[int64]bool{}
	for i := range int64(300) {
		rows = append(rows, []types.Datum{types.IntDatum(i), types.TextDatum(longText(i))})
		seen[i] = true
	}
	var want []string
	for id := range seen {
		want = append(want, fmt.Sprintf("%d|%s", id, longText(id)))
	}
	tab := newTable([]types.Type{int8T, textT}, append(rows, rows...))
	check(t, func() physical.Node { return thirds(tab, false) }, want, false)
}

func TestSharedRowsFitTheirMemory(t *testing.T) {
	tab := pairedTexts(0, 30_000, 1)
	cols := tab.scan().Cols
	var want []string
	for i := range tab.rows {
		want = append(want, tab.line(i), tab.line(i))
	}
	slices.Sort(want)
	for _, s := range []setup{{1, 2048}, {1, 7}, {4, 2048}} {
		shared := &physical.Shared{Name: "x", Input: tab.scan()}
		plan := &physical.Append{Inputs: []physical.Node{&physical.SharedScan{Of: shared, Cols: cols}, &physical.SharedScan{Of: shared, Cols: cols}}, Cols: cols}
		got, err := collectSpilling(t, plan, s, 2<<20, 0)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: %s, got %s\nwant %s", s, explained(err), brief(got), brief(want))
		}
	}
}
