package operator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/physical"
)

// pairedTexts is a table of long texts numbered from first, step apart, each twice.
func pairedTexts(first, n, step int) *table {
	var rows [][]types.Datum
	for i := range n {
		id := first + (i*7919%n)*step
		row := []types.Datum{types.IntDatum(int64(id % 5)), types.TextDatum(fmt.Sprintf("a text of some length %08d", id))}
		rows = append(rows, row, row)
	}
	t := newTable([]types.Type{int8T, textT}, rows)
	t.parts = 4
	return t
}

func TestSetOperationsFitTheirMemory(t *testing.T) {
	// Numbers 0..59999 on the left, every third up to 89999 on the right.
	l, r := pairedTexts(0, 60_000, 1), pairedTexts(0, 30_000, 3)
	for _, c := range []struct{ except, all bool }{{false, false}, {true, false}, {true, true}} {
		plan := func() physical.Node {
			return &physical.SetOp{Except: c.except, All: c.all, Left: l.scan(), Right: r.scan()}
		}
		want, err := collectSpilling(t, plan(), setup{2, 2048}, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		for _, s := range []setup{{1, 2048}, {2, 2048}, {4, 512}} {
			got, err := collectSpilling(t, plan(), s, 6<<20, 0)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%+v %+v: %s, got %s\nwant %s", c, s, explained(err), brief(got), brief(want))
			}
		}
	}
}
