package operator

import (
	"fmt"
	"math"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// filtered is a join whose build side tells the scan of its left side which
// values of the key exist.
func filtered(kind physical.JoinKind, l, r *table, key int, safe, wait bool) *physical.HashJoin {
	t := l.cols[key].Type
	f := &physical.DynamicFilter{Awaited: true}
	left := l.scan()
	left.Dynamic = []physical.ScanFilter{{Column: key, Filter: f, Wait: wait}}
	return &physical.HashJoin{
		Kind: kind, Left: left, Right: r.scan(), LeftKeys: []expr.Expr{col(key, t)}, RightKeys: []expr.Expr{col(key, t)},
		NullSafe: []bool{safe}, Cols: joinColumns(kind, l, r), Publish: []physical.BuildFilter{{Key: 0, Filter: f}},
	}
}

func TestDynamicFiltersChangeNoAnswer(t *testing.T) {
	floatT, charT := types.Of(types.Float8), types.Of(types.BPChar)
	floats := func(list ...float64) (rows [][]types.Datum) {
		for _, f := range list {
			rows = append(rows, []types.Datum{types.FloatDatum(f)})
		}
		return append(rows, []types.Datum{types.Null})
	}
	texts := func(list ...string) (rows [][]types.Datum) {
		for _, s := range list {
			rows = append(rows, []types.Datum{types.TextDatum(s)})
		}
		return append(rows, []types.Datum{types.Null})
	}
	type pair struct {
		name string
		l, r *table
		key  int
	}
	pairs := []pair{
		{"floats", newTable([]types.Type{floatT}, floats(0, math.Copysign(0, -1), math.NaN(), 1, math.Inf(1))), newTable([]types.Type{floatT}, floats(math.NaN(), math.Copysign(0, -1), 2)), 0},
		{"padded strings", newTable([]types.Type{charT}, texts("a", "a  ", "b ", "c")), newTable([]types.Type{charT}, texts("a ", "b", "d")), 0},
		{"strings", newTable([]types.Type{textT}, texts("a", "a ", "ä", "", "a long string that is not inline")), newTable([]types.Type{textT}, texts("a ", "", "a long string that is not inline")), 0},
		{"nothing to build", numbers(50), numbers(0), 0},
		{"only NULL to build", newTable([]types.Type{textT}, texts("a")), newTable([]types.Type{textT}, texts()), 0},
		{"sparse numbers", newTable([]types.Type{int8T}, [][]types.Datum{{types.IntDatum(math.MinInt64)}, {types.IntDatum(5)}, {types.IntDatum(math.MaxInt64)}}), newTable([]types.Type{int8T}, [][]types.Datum{{types.IntDatum(math.MaxInt64)}, {types.IntDatum(math.MinInt64)}}), 0},
	}
	for key := range 3 {
		pairs = append(pairs, pair{fmt.Sprintf("random %d", key), random(4, 300, 40), random(9, 20, 90), key})
	}
	for _, p := range pairs {
		for _, kind := range []physical.JoinKind{physical.Inner, physical.Semi, physical.Right} {
			for _, safe := range []bool{false, true} {
				equal := func(a, b []types.Datum) truth {
					x, y := a[p.key], b[p.key]
					if !x.Null && !y.Null {
						return map[bool]truth{true: yes, false: no}[types.Compare(p.l.cols[p.key].Type, x, y) == 0]
					}
					return equalTruth(p.l.cols[p.key].Type, x, y, safe)
				}
				want, _ := naiveJoin(kind, p.l, p.r, equal, func(_, _ []types.Datum) truth { return yes })
				for _, wait := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s %s safe=%v wait=%v", p.name, kind, safe, wait), func(t *testing.T) {
						kinds(t, []*table{p.l, p.r}, func(t *testing.T) {
							check(t, func() physical.Node { return filtered(kind, p.l, p.r, p.key, safe, wait) }, want, false)
						})
					})
				}
			}
		}
	}
}

func TestScansDeliverOnlyWhatMatters(t *testing.T) {
	l, r := numbers(5000), numbers(10)
	plan := filtered(physical.Inner, l, r, 0, false, true)
	q, stop := start(t.Context(), t, plan, setup{2, 2048}, 0)
	defer stop()
	for {
		if _, err := q.Next(t.Context()); err != nil {
			break
		}
	}
	st := q.Stats()[plan.Left]
	if st.Rows != 10 || len(st.Filters) != 1 || st.Filters[0].Dropped != 4990 {
		t.Errorf("%d rows, filters %+v", st.Rows, st.Filters)
	}
}

func TestScanEndsWhenNothingMatters(t *testing.T) {
	l := numbers(100)
	l.endless = true
	plan := filtered(physical.Semi, l, numbers(0), 0, false, true)
	rows, err := collect(t, plan, setup{1, 64})
	if err != nil || len(rows) != 0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if open := l.open.Load(); open != 0 {
		t.Errorf("%d readers are open", open)
	}
}

// TestFilterThatComesLateIsUsed: what is known when a batch comes is used for it.
func TestFilterThatComesLateIsUsed(t *testing.T) {
	f := connector.NewDynamicFilter(true)
	r := newRowFilter([]connector.ScanFilter{connector.NewScanFilter(0, f)})
	batch := func() *vector.Batch {
		return &vector.Batch{N: 3, Cols: []*vector.Vec{vector.FromDatums(int8T, []types.Datum{types.IntDatum(1), types.IntDatum(2), types.IntDatum(3)})}}
	}
	if b := r.apply(batch(), nil); b.Rows() != 3 {
		t.Errorf("nothing is known: %d rows", b.Rows())
	}
	narrow := func(low int64) {
		f.Publish(&connector.Domain{Type: int8T, Min: types.IntDatum(low), HasMin: true})
	}
	for want := 2; want > 0; want-- {
		narrow(int64(4 - want))
		if b := r.apply(batch(), nil); b.Rows() != want {
			t.Errorf("%d rows, want %d", b.Rows(), want)
		}
	}
	narrow(4)
	if b := r.apply(batch(), nil); b != nil {
		t.Errorf("%d rows, want none", b.Rows())
	}
}

// TestFilterThatDropsNothingRests: a filter that is of no use costs little.
func TestFilterThatDropsNothingRests(t *testing.T) {
	f := connector.NewDynamicFilter(true)
	f.Publish(&connector.Domain{Type: int8T, Min: types.IntDatum(0), HasMin: true})
	scan := connector.NewScanFilter(0, f)
	r := newRowFilter([]connector.ScanFilter{scan})
	v := vector.New(int8T, vector.BatchSize)
	clear(v.Int64s())
	b := &vector.Batch{N: vector.BatchSize, Cols: []*vector.Vec{v}}
	batches := sampleRows/vector.BatchSize + restBatches
	for range batches {
		r.apply(b, nil)
	}
	if passed, _ := scan.Counts(); passed != sampleRows {
		t.Errorf("%d rows were tested, want %d", passed, sampleRows)
	}
}
