package operator

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// numbers is a table of n rows: i, 'row i' or NULL, i as numeric.
func numbers(n int) *table {
	var rows [][]types.Datum
	for i := range n {
		s := types.TextDatum(fmt.Sprintf("a rather long row %d", i))
		if i%3 == 0 {
			s = types.Null
		}
		rows = append(rows, []types.Datum{types.IntDatum(int64(i)), s, num(int64(i))})
	}
	return newTable([]types.Type{int8T, textT, numT}, rows)
}

// shown returns the rows of t that keep accepts, as show prints them.
func (t *table) shown(keep func(i int) bool) []string {
	var out []string
	for i, r := range t.rows {
		if keep != nil && !keep(i) {
			continue
		}
		var row []string
		for c, d := range r {
			row = append(row, show(t.cols[c].Type, d))
		}
		out = append(out, strings.Join(row, "|"))
	}
	return out
}

func TestScanDeliversEveryRowOnce(t *testing.T) {
	for _, n := range []int{0, 1, 7, 100, 5000} {
		tab := numbers(n)
		tab.dict, tab.scaled = true, true
		kinds(t, []*table{tab}, func(t *testing.T) {
			check(t, func() physical.Node { return tab.scan() }, tab.shown(nil), false)
			if tab.open.Load() != 0 {
				t.Errorf("%d readers left open", tab.open.Load())
			}
		})
	}
}

func TestScanOfNoColumnsCountsRows(t *testing.T) {
	tab := newTable(nil, make([][]types.Datum, 100))
	got, err := collect(t, tab.scan(), setup{1, 7})
	if err != nil || len(got) != 100 {
		t.Fatalf("%d rows, %v", len(got), err)
	}
}

func TestFilterKeepsRowsWhoseConditionsAreTrue(t *testing.T) {
	tab := numbers(1000)
	tab.dict = true
	kinds(t, []*table{tab}, func(t *testing.T) {
		check(t, func() physical.Node {
			return &physical.Project{
				Input: &physical.Filter{Input: tab.scan(), Conds: []expr.Expr{&expr.NullTest{Arg: col(1, textT), Not: true}}},
				Exprs: []expr.Expr{col(1, textT), &expr.NullTest{Arg: col(0, int8T)}},
				Cols:  []physical.Column{{Type: textT}, {Type: boolT}},
			}
		}, func() []string {
			var out []string
			for i := range 1000 {
				if i%3 != 0 {
					out = append(out, fmt.Sprintf("a rather long row %d|0", i))
				}
			}
			return out
		}(), false)
	})
}

func TestLimitAndOffset(t *testing.T) {
	tab := numbers(100)
	for _, c := range []struct{ count, offset, from, to int }{{10, 0, 0, 10}, {10, 95, 95, 100}, {0, 0, 0, 0}, {-1, 20, 20, 100}, {200, 100, 0, 0}, {5, 3, 3, 8}} {
		count := types.IntDatum(int64(c.count))
		if c.count < 0 {
			count = types.Null
		}
		plan := &physical.Limit{Input: tab.scan(), Count: lit(int8T, count), Offset: lit(int8T, types.IntDatum(int64(c.offset)))}
		for _, s := range setups {
			got, err := collect(t, plan, s)
			if err != nil {
				t.Fatal(err)
			}
			want := tab.shown(func(i int) bool { return i >= c.from && i < c.to })
			if s.workers == 1 && strings.Join(got, ",") != strings.Join(want, ",") || len(got) != len(want) {
				t.Errorf("%+v %+v: %s", c, s, brief(got))
			}
		}
	}
}

func TestNegativeLimitIsRefused(t *testing.T) {
	_, err := new(Query).limitBounds2(-1)
	if pgerror.CodeOf(err) != pgerror.InvalidRowCountInLimit {
		t.Error(err)
	}
}

func (q *Query) limitBounds2(n int64) (int64, error) {
	c, _, err := q.limitBounds(&physical.Limit{Count: lit(int8T, types.IntDatum(n))})
	return c, err
}

func TestLimitStopsEndlessReaders(t *testing.T) {
	tab := numbers(100)
	tab.endless = true
	kinds(t, []*table{tab}, func(t *testing.T) {
		for _, s := range setups {
			plan := &physical.Limit{
				Input: &physical.Append{Inputs: []physical.Node{tab.scan(), tab.scan()}, Cols: tab.scan().Cols},
				Count: lit(int8T, types.IntDatum(150)),
			}
			got, err := collect(t, plan, s)
			if err != nil || len(got) != 150 {
				t.Errorf("%+v: %d rows, %v", s, len(got), err)
			}
		}
	})
}

func TestAppendConcatenates(t *testing.T) {
	a, b := numbers(300), numbers(20)
	a.scaled = true
	kinds(t, []*table{a, b}, func(t *testing.T) {
		plan := func() physical.Node {
			return &physical.Append{Inputs: []physical.Node{a.scan(), b.scan(), &physical.Values{Cols: a.scan().Cols}, b.scan()}, Cols: a.scan().Cols}
		}
		want := append(append(a.shown(nil), b.shown(nil)...), b.shown(nil)...)
		check(t, plan, want, false)
		if a.parts == 1 {
			got, _ := collect(t, plan(), setup{1, 7})
			if strings.Join(got, ",") != strings.Join(want, ",") {
				t.Error("one worker does not keep the order")
			}
		}
	})
}

func TestValuesEvaluatesItsRows(t *testing.T) {
	check(t, func() physical.Node {
		return &physical.Values{Cols: []physical.Column{{Type: int8T}, {Type: textT}}, Rows: [][]expr.Expr{
			{lit(int8T, types.IntDatum(1)), lit(textT, types.TextDatum("x"))},
			{lit(int8T, types.Null), &expr.Coalesce{Args: []expr.Expr{lit(textT, types.Null), lit(textT, types.TextDatum("y"))}, T: textT}},
			{lit(int8T, types.IntDatum(3)), lit(textT, types.Null)},
		}}
	}, []string{"1|x", "-|y", "3|-"}, true)
}

func TestCancelInsideABlockedReader(t *testing.T) {
	tab := numbers(100)
	tab.block = 50
	kinds(t, []*table{tab}, func(t *testing.T) {
		if tab.local || tab.parts > 1 {
			return // a local reader never blocks; a split ends before it blocks
		}
		ctx, cancel := context.WithCancel(t.Context())
		q, stop := start(ctx, t, tab.scan(), setup{2, 7}, 0)
		defer stop()
		time.AfterFunc(20*time.Millisecond, cancel)
		for {
			if _, err := q.Next(context.Background()); err != nil {
				if pgerror.CodeOf(err) != pgerror.QueryCanceledCode {
					t.Error(err)
				}
				return
			}
		}
	})
}

func TestErrorInMidStreamEndsTheQuery(t *testing.T) {
	tab := numbers(100)
	tab.failAt = 60
	kinds(t, []*table{tab}, func(t *testing.T) {
		if tab.parts > 1 {
			return
		}
		for _, s := range setups {
			if got, err := collect(t, tab.scan(), s); err == nil || !strings.Contains(err.Error(), "the source died") {
				t.Errorf("%+v: %d rows, %v", s, len(got), err)
			}
		}
	})
}

func TestCloseWithoutReadingEndsEverything(t *testing.T) {
	tab := numbers(100)
	tab.endless = true
	kinds(t, []*table{tab}, func(t *testing.T) {
		for _, s := range setups {
			_, stop := start(t.Context(), t, tab.scan(), s, 0)
			stop()
		}
	})
}

func TestSlowClientParksTheQuery(t *testing.T) {
	tab := numbers(100)
	tab.endless = true
	q, stop := start(t.Context(), t, tab.scan(), setup{2, 64}, 0)
	defer stop()
	time.Sleep(20 * time.Millisecond)
	q.result.mu.Lock()
	queued := len(q.result.queue)
	q.result.mu.Unlock()
	if queued > resultBatches {
		t.Errorf("%d batches queued", queued)
	}
	for range 100 {
		if _, err := q.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMemoryLimitFailsTheQuery(t *testing.T) {
	tab := numbers(100)
	q, stop := start(t.Context(), t, tab.scan(), setup{1, 64}, 10_000)
	defer stop()
	var err error
	for err == nil {
		_, err = q.Next(t.Context())
	}
	if err == io.EOF || pgerror.CodeOf(err) != pgerror.OutOfMemory {
		t.Error(err)
	}
}

func TestPanicIsAnErrorOfOneQuery(t *testing.T) {
	tab := numbers(10)
	plan := &physical.Project{Input: tab.scan(), Exprs: []expr.Expr{col(7, int8T), &expr.NullTest{Arg: col(9, int8T)}}, Cols: []physical.Column{{Type: int8T}, {Type: boolT}}}
	_, err := collect(t, plan, setup{2, 7})
	if pgerror.CodeOf(err) != pgerror.InternalError {
		t.Error(err)
	}
}
