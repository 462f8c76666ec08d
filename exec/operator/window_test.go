package operator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// ranked is a table of (id, partition text, value int8 with NULLs and ties).
func ranked(seed uint64, n int) *table {
	r := rand.New(rand.NewPCG(seed, 3))
	var rows [][]types.Datum
	for i := range n {
		p := types.TextDatum(fmt.Sprintf("partition %d", r.IntN(4)))
		if r.IntN(5) == 0 {
			p = types.Null
		}
		v := types.IntDatum(r.Int64N(12))
		if r.IntN(8) == 0 {
			v = types.Null
		}
		rows = append(rows, []types.Datum{types.IntDatum(int64(i)), p, v})
	}
	t := newTable([]types.Type{int8T, textT, int8T}, rows)
	t.dict, t.parts = seed%2 == 0, int(seed%3)+1
	return t
}

func windowFn(name string) *function.Overload {
	return &function.Overload{Name: name, Kind: function.WindowFn}
}

// naiveFrame lists the positions of the frame of row i of a sorted partition.
func naiveFrame(f physical.Frame, t *table, p []int, i int, key physical.SortKey) []int {
	offset := func(e expr.Expr) int64 {
		if e == nil {
			return 0
		}
		return e.(*expr.Const).Value.I
	}
	value := func(k int) types.Datum { return t.rows[p[k]][2] }
	order := func(a, b int) int {
		return compareDatums(int8T, value(a), value(b), key.Desc, key.NullsFirst)
	}
	groups := make([]int64, len(p))
	for k := 1; k < len(p); k++ {
		groups[k] = groups[k-1]
		if order(k-1, k) != 0 {
			groups[k]++
		}
	}
	// side says where row k is: -1 before the bound, 0 on it, 1 behind.
	side := func(kind physical.BoundKind, e expr.Expr, k int) int {
		o := offset(e)
		if kind == physical.OffsetPreceding {
			o = -o
		}
		switch kind {
		case physical.UnboundedPreceding:
			return 1
		case physical.UnboundedFollowing:
			return -1
		case physical.CurrentRow:
			o = 0
		}
		sign := func(x int64) int {
			switch {
			case x < 0:
				return -1
			case x > 0:
				return 1
			}
			return 0
		}
		switch f.Mode {
		case physical.RowsFrame:
			return sign(int64(k-i) - o)
		case physical.GroupsFrame:
			return sign(groups[k] - groups[i] - o)
		}
		if kind == physical.CurrentRow {
			return order(k, i)
		}
		if value(k).Null || value(i).Null {
			return order(k, i)
		}
		d := value(k).I - value(i).I
		if key.Desc {
			d = -d
		}
		return sign(d - o)
	}
	var out []int
	for k := range p {
		if side(f.Start, f.StartOffset, k) < 0 || side(f.End, f.EndOffset, k) > 0 {
			continue
		}
		peer := order(k, i) == 0
		if f.Exclude == 'c' && k == i || f.Exclude == 'g' && peer || f.Exclude == 't' && peer && k != i {
			continue
		}
		out = append(out, k)
	}
	return out
}

func TestWindowEqualsTheDefinition(t *testing.T) {
	lit8 := func(n int64) expr.Expr { return lit(int8T, types.IntDatum(n)) }
	frames := []physical.Frame{
		{Mode: physical.RangeFrame, Start: physical.UnboundedPreceding, End: physical.CurrentRow},
		{Mode: physical.RangeFrame, Start: physical.UnboundedPreceding, End: physical.UnboundedFollowing},
		{Mode: physical.RowsFrame, Start: physical.UnboundedPreceding, End: physical.OffsetPreceding, EndOffset: lit8(1)},
		{Mode: physical.RowsFrame, Start: physical.OffsetPreceding, StartOffset: lit8(2), End: physical.OffsetFollowing, EndOffset: lit8(1)},
		{Mode: physical.RowsFrame, Start: physical.OffsetFollowing, StartOffset: lit8(2), End: physical.OffsetFollowing, EndOffset: lit8(1)},
		{Mode: physical.RowsFrame, Start: physical.CurrentRow, End: physical.UnboundedFollowing, Exclude: 'c'},
		{Mode: physical.RangeFrame, Start: physical.CurrentRow, End: physical.CurrentRow, Exclude: 't'},
		{Mode: physical.GroupsFrame, Start: physical.OffsetPreceding, StartOffset: lit8(1), End: physical.OffsetFollowing, EndOffset: lit8(2), Exclude: 'g'},
		{Mode: physical.GroupsFrame, Start: physical.UnboundedPreceding, End: physical.OffsetFollowing, EndOffset: lit8(1)},
		{Mode: physical.RangeFrame, Start: physical.OffsetPreceding, StartOffset: lit8(2), End: physical.OffsetFollowing, EndOffset: lit8(3)},
		{Mode: physical.RangeFrame, Start: physical.UnboundedPreceding, End: physical.OffsetPreceding, EndOffset: lit8(2)},
	}
	for seed := range uint64(4) {
		tab := ranked(seed, int(seed)*30)
		for fi, f := range frames {
			key := physical.SortKey{Expr: col(2, int8T), Desc: (int(seed)+fi)%2 == 0, NullsFirst: (int(seed)+fi)%3 == 0}
			parts := map[string][]int{}
			for _, i := range tab.sortedBy([]int{2}, []physical.SortKey{key}) {
				p := show(textT, tab.rows[i][1])
				parts[p] = append(parts[p], i)
			}
			var want []string
			for _, p := range parts {
				for i, row := range p {
					rank, dense := 1, 1
					for k := range p {
						c := compareDatums(int8T, tab.rows[p[k]][2], tab.rows[row][2], key.Desc, key.NullsFirst)
						if c < 0 {
							rank++
							if k == 0 || compareDatums(int8T, tab.rows[p[k]][2], tab.rows[p[k-1]][2], key.Desc, key.NullsFirst) != 0 {
								dense++
							}
						}
					}
					var list, filtered []string
					first := "-"
					for n, k := range naiveFrame(f, tab, p, i, key) {
						v := tab.rows[p[k]][2]
						if n == 0 {
							first = show(int8T, v)
						}
						list = append(list, show(int8T, v))
						if !v.Null && v.I < 6 {
							filtered = append(filtered, show(int8T, v))
						}
					}
					slices.Sort(list)
					slices.Sort(filtered)
					line := tab.line(row)
					if f.Mode == physical.RowsFrame {
						// Which of equal rows comes first is not fixed.
						list = []string{fmt.Sprint(len(list))}
						filtered, first = nil, ""
						line = line[strings.Index(line, "|"):]
					}
					want = append(want, fmt.Sprintf("%s|%d|%d|%s|%s|%s", line, rank, dense, strings.Join(list, ","), strings.Join(filtered, ","), first))
				}
			}
			slices.Sort(want)
			plan := &physical.Window{
				Input: tab.scan(), Partition: []expr.Expr{col(1, textT)}, OrderBy: []physical.SortKey{key},
				Calls: []physical.WindowCall{
					{Fn: windowFn("rank"), T: int8T},
					{Fn: windowFn("dense_rank"), T: int8T},
					{Fn: listAgg(true), Args: []expr.Expr{col(2, int8T)}, Frame: f, T: textT},
					{Fn: listAgg(true), Args: []expr.Expr{col(2, int8T)}, Filter: less(col(2, int8T), lit8(6)), Frame: f, T: textT},
					{Fn: windowFn("first_value"), Args: []expr.Expr{col(2, int8T)}, Frame: f, T: int8T},
				},
				Cols: append(tab.scan().Cols, physical.Column{Type: int8T}, physical.Column{Type: int8T}, physical.Column{Type: textT}, physical.Column{Type: textT}, physical.Column{Type: int8T}),
			}
			for _, s := range setups {
				got, err := collect(t, plan, s)
				if err != nil {
					t.Fatal(err)
				}
				if f.Mode == physical.RowsFrame {
					for i, line := range got {
						c := strings.Split(line, "|")
						n := 0
						if c[5] != "" {
							n = strings.Count(c[5], ",") + 1
						}
						c[0], c[5], c[6], c[7] = "", fmt.Sprint(n), "", ""
						got[i] = strings.Join(c, "|")
					}
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d frame %d %+v:\ngot  %s\nwant %s", seed, fi, s, brief(got), brief(want))
				}
			}
		}
	}
}

func TestWindowNumbersRowsInOrder(t *testing.T) {
	tab := newTable([]types.Type{int8T}, nil)
	for i := range 5 {
		tab.rows = append(tab.rows, []types.Datum{types.IntDatum(int64(10 * (5 - i)))})
	}
	f8 := types.Of(types.Float8)
	calls := []physical.WindowCall{
		{Fn: windowFn("row_number"), T: int8T},
		{Fn: windowFn("percent_rank"), T: f8},
		{Fn: windowFn("cume_dist"), T: f8},
		{Fn: windowFn("ntile"), Args: []expr.Expr{lit(int8T, types.IntDatum(2))}, T: int8T},
		{Fn: windowFn("lag"), Args: []expr.Expr{col(0, int8T)}, T: int8T},
		{Fn: windowFn("lead"), Args: []expr.Expr{col(0, int8T), lit(int8T, types.IntDatum(2)), lit(int8T, types.IntDatum(-1))}, T: int8T},
		{Fn: windowFn("last_value"), Args: []expr.Expr{col(0, int8T)}, Frame: physical.Frame{End: physical.UnboundedFollowing}, T: int8T},
		{Fn: windowFn("nth_value"), Args: []expr.Expr{col(0, int8T), lit(int8T, types.IntDatum(2))}, Frame: physical.Frame{End: physical.CurrentRow}, T: int8T},
	}
	cols := []physical.Column{{Type: int8T}}
	for _, c := range calls {
		cols = append(cols, physical.Column{Type: c.T})
	}
	check(t, func() physical.Node {
		return &physical.Window{Input: tab.scan(), OrderBy: []physical.SortKey{{Expr: col(0, int8T)}}, Calls: calls, Cols: cols}
	}, []string{
		"10|1|0|0.2|1|-|30|50|-",
		"20|2|0.25|0.4|1|10|40|50|20",
		"30|3|0.5|0.6|1|20|50|50|20",
		"40|4|0.75|0.8|2|30|-1|50|20",
		"50|5|1|1|2|40|-1|50|20",
	}, true)
}

func TestWindowArgumentsAreChecked(t *testing.T) {
	tab := ranked(1, 10)
	for _, c := range []struct {
		call physical.WindowCall
		code pgerror.Code
	}{
		{physical.WindowCall{Fn: windowFn("ntile"), Args: []expr.Expr{lit(int8T, types.IntDatum(0))}, T: int8T}, "22014"},
		{physical.WindowCall{Fn: windowFn("nth_value"), Args: []expr.Expr{col(0, int8T), lit(int8T, types.IntDatum(0))}, T: int8T}, "22016"},
		{physical.WindowCall{Fn: windowFn("first_value"), Args: []expr.Expr{col(0, int8T)}, T: int8T, Frame: physical.Frame{Mode: physical.RowsFrame, Start: physical.OffsetPreceding, StartOffset: lit(int8T, types.IntDatum(-1))}}, "22013"},
	} {
		_, err := collect(t, &physical.Window{Input: tab.scan(), Calls: []physical.WindowCall{c.call}, Cols: append(tab.scan().Cols, physical.Column{Type: int8T})}, setup{1, 7})
		if pgerror.CodeOf(err) != c.code {
			t.Errorf("%v, want %s", err, c.code)
		}
	}
}
