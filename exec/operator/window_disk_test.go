package operator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// numbered is a table of (id, id % partitions, id / 3, text) in an order that is
// not that of the ids.
func numbered(n, partitions int) *table {
	var rows [][]types.Datum
	for i := range n {
		id := int64(i * 7919 % n)
		rows = append(rows, []types.Datum{types.IntDatum(id), types.IntDatum(id % int64(partitions)), types.IntDatum(id / 3), types.TextDatum(fmt.Sprintf("a text of some length %08d", id))})
	}
	t := newTable([]types.Type{int8T, int8T, int8T, textT}, rows)
	t.parts = 3
	return t
}

// numbering plans row_number, rank and dense_rank by id/3.
func numbering(tab *table, divided bool) *physical.Window {
	n := &physical.Window{Input: tab.scan(), OrderBy: []physical.SortKey{{Expr: col(2, int8T)}}}
	if divided {
		n.Partition = []expr.Expr{col(1, int8T)}
	}
	n.Cols = tab.scan().Cols
	for _, c := range []string{"row_number", "rank", "dense_rank"} {
		n.Calls = append(n.Calls, physical.WindowCall{Fn: windowFn(c), T: int8T})
		n.Cols = append(n.Cols, physical.Column{Type: int8T})
	}
	return n
}

// numberingWants are its rows without the row number, which is not fixed.
func numberingWants(n, partitions int) []string {
	var out []string
	for first := range partitions {
		rank, dense := 0, 0
		for i, id := 1, first; id < n; i, id = i+1, id+partitions {
			if rank == 0 || (id-partitions)/3 != id/3 {
				rank, dense = i, dense+1
			}
			out = append(out, fmt.Sprintf("%d|%d|%d|%d|%d", id, first, id/3, rank, dense))
		}
	}
	slices.Sort(out)
	return out
}

func TestWindowsFitTheirMemory(t *testing.T) {
	const n = 100_000
	for _, c := range []struct {
		partitions int
		divided    bool
	}{{500, true}, {3, true}, {1, false}} {
		tab := numbered(n, c.partitions)
		want := numberingWants(n, c.partitions)
		for _, s := range []setup{{1, 2048}, {2, 2048}, {4, 512}} {
			limit := int64(6 << 20)
			for _, local := range []bool{true, false} {
				tab.local = local
				got, err := collectSpilling(t, numbering(tab, c.divided), s, limit, 0)
				if err != nil {
					t.Errorf("%+v %+v: %+v", c, s, err)
					continue
				}
				numbers := map[string]bool{}
				for i, line := range got {
					f := strings.Split(line, "|")
					key := f[4]
					if c.divided {
						key += "|" + f[1]
					}
					numbers[key] = true
					got[i] = strings.Join([]string{f[0], f[1], f[2], f[5], f[6]}, "|")
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%+v %+v: got %s\nwant %s", c, s, brief(got), brief(want))
				}
				if len(numbers) != n {
					t.Errorf("%+v %+v: %d row numbers", c, s, len(numbers))
				}
			}
		}
	}
}

func TestRunningWindowsGoOnBehindAChunk(t *testing.T) {
	tab := numbered(3000, 1)
	calls := []physical.WindowCall{{Fn: windowFn("rank"), T: int8T}}
	cols := append(tab.scan().Cols, physical.Column{Type: int8T}, physical.Column{Type: textT})
	for _, mode := range []physical.FrameMode{physical.RangeFrame, physical.GroupsFrame} {
		running := append(calls[:1:1], physical.WindowCall{
			Fn: listAgg(true), Args: []expr.Expr{col(2, int8T)}, Filter: less(col(2, int8T), lit(int8T, types.IntDatum(5))), T: textT,
			Frame: physical.Frame{Mode: mode, Start: physical.UnboundedPreceding, End: physical.CurrentRow},
		})
		var want []string
		for id := range 3000 {
			var list []string
			for k := range min(id/3, 4) + 1 {
				for range 3 {
					list = append(list, fmt.Sprint(k))
				}
			}
			want = append(want, fmt.Sprintf("%d|0|%d|a text of some length %08d|%d|%s", id, id/3, id, id/3*3+1, strings.Join(list, ",")))
		}
		check(t, func() physical.Node {
			return &physical.Window{Input: tab.scan(), OrderBy: []physical.SortKey{{Expr: col(2, int8T)}}, Calls: running, Cols: cols}
		}, want, false)
	}
}

// looking are calls whose frames look anywhere in the partition of numbered rows.
func looking(partitions int) []physical.WindowCall {
	f8 := types.Of(types.Float8)
	args := func(c int, t types.Type) []expr.Expr { return []expr.Expr{col(c, t)} }
	frame := func(mode physical.FrameMode, from physical.BoundKind, a int64, to physical.BoundKind, b int64) physical.Frame {
		return physical.Frame{Mode: mode, Start: from, StartOffset: lit(int8T, types.IntDatum(a)), End: to, EndOffset: lit(int8T, types.IntDatum(b))}
	}
	few := frame(physical.RowsFrame, physical.OffsetPreceding, 2, physical.OffsetFollowing, 3)
	excluding := few
	excluding.Exclude = 't'
	calls := []physical.WindowCall{
		{Fn: windowFn("percent_rank"), T: f8},
		{Fn: windowFn("cume_dist"), T: f8},
		{Fn: windowFn("ntile"), Args: []expr.Expr{lit(int8T, types.IntDatum(7))}, T: int8T},
		{Fn: windowFn("lag"), Args: []expr.Expr{col(0, int8T), lit(int8T, types.IntDatum(3001)), lit(int8T, types.IntDatum(-1))}, T: int8T},
		{Fn: windowFn("lead"), Args: args(3, textT), T: textT},
		{Fn: windowFn("last_value"), Args: args(3, textT), T: textT, Frame: physical.Frame{Mode: physical.RangeFrame, Start: physical.UnboundedPreceding, End: physical.UnboundedFollowing}},
		{Fn: windowFn("first_value"), Args: args(0, int8T), T: int8T, Frame: frame(physical.RangeFrame, physical.OffsetPreceding, 5*int64(partitions), physical.CurrentRow, 0)},
		{Fn: windowFn("nth_value"), Args: []expr.Expr{col(0, int8T), lit(int8T, types.IntDatum(2))}, T: int8T, Frame: frame(physical.GroupsFrame, physical.OffsetPreceding, 700, physical.OffsetFollowing, 1)},
		{Fn: sum8, Args: args(0, int8T), T: int8T, Frame: few},
		{Fn: sum8, Args: args(0, int8T), T: int8T, Frame: excluding},
		{Fn: sum8, Args: args(0, int8T), T: int8T, Filter: less(col(2, int8T), lit(int8T, types.IntDatum(500))), Frame: frame(physical.RangeFrame, physical.OffsetPreceding, 3*int64(partitions), physical.OffsetFollowing, int64(partitions))},
		{Fn: sum8, Args: args(0, int8T), T: int8T, Frame: physical.Frame{Mode: physical.RowsFrame, Start: physical.UnboundedPreceding, End: physical.UnboundedFollowing}},
		{Fn: sum8, Args: args(0, int8T), T: int8T, Frame: frame(physical.RowsFrame, physical.UnboundedPreceding, 0, physical.OffsetPreceding, 2500)},
		{Fn: sum8, Args: args(0, int8T), T: int8T, Frame: frame(physical.GroupsFrame, physical.OffsetFollowing, 1, physical.OffsetFollowing, 2)},
	}
	return calls
}

func TestAPartitionThatDoesNotFitIsReadFromAfar(t *testing.T) {
	const n = 12_000
	for _, c := range []struct {
		partitions int
		divided    bool
		key        int
	}{{1, false, 0}, {3, true, 0}, {40, true, 0}, {2, true, 2}} {
		tab := numbered(n, c.partitions)
		plan := func() physical.Node {
			w := &physical.Window{Input: tab.scan(), OrderBy: []physical.SortKey{{Expr: col(c.key, int8T)}}, Calls: looking(c.partitions), Cols: tab.scan().Cols}
			if c.key == 2 {
				// Rows with equal keys come in any order.
				w.Calls = slices.DeleteFunc(w.Calls, func(c physical.WindowCall) bool {
					return c.Fn != sum8 && c.Fn.Name != "percent_rank" && c.Fn.Name != "cume_dist" || c.Frame.Mode == physical.RowsFrame && c.Fn == sum8 && c.Frame.End != physical.UnboundedFollowing
				})
			}
			if c.divided {
				w.Partition = []expr.Expr{col(1, int8T)}
			}
			for _, call := range w.Calls {
				w.Cols = append(w.Cols, physical.Column{Type: call.T})
			}
			return w
		}
		want, err := collectSpilling(t, plan(), setup{1, 2048}, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		for _, s := range []struct {
			setup
			limit, spillAt int64
		}{{setup{1, 2048}, 6 << 20, 0}, {setup{1, 512}, 0, 64 << 10}, {setup{4, 100}, 0, 1}, {setup{2, 512}, 6 << 20, 0}} {
			got, err := collectSpilling(t, plan(), s.setup, s.limit, s.spillAt)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%+v %+v: %s, got %s\nwant %s", c, s, explained(err), brief(got), brief(want))
			}
		}
	}
}
