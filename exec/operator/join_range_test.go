package operator

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// orderOf returns an overload that compares two values of any type.
func orderOf(name string, keep func(c int) bool) *function.Overload {
	return &function.Overload{Name: name, Strict: true, Volatility: function.Immutable, Kernel: func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		for i := range n {
			out.Bools()[i] = 0
			if !args[0].IsNull(i) && !args[1].IsNull(i) && keep(types.Compare(args[0].Type, args[0].Datum(i), args[1].Datum(i))) {
				out.Bools()[i] = 1
			}
		}
		return nil
	}}
}

var (
	orderLess    = orderOf("test_order_less", func(c int) bool { return c < 0 })
	orderAtLeast = orderOf("test_order_at_least", func(c int) bool { return c >= 0 })
)

func TestNestedLoopsWithRangesEqualTestingEveryPair(t *testing.T) {
	always := func(_, _ []types.Datum) truth { return yes }
	holds := func(typ types.Type, a, b types.Datum, keep func(int) bool) truth {
		switch {
		case a.Null || b.Null:
			return unknown
		case keep(types.Compare(typ, a, b)):
			return yes
		}
		return no
	}
	for seed := range uint64(2) {
		for kind := physical.Inner; kind <= physical.RightAnti; kind++ {
			if kind == physical.Mark || kind == physical.Single {
				continue
			}
			for _, keys := range [][]int{{0}, {1}, {0, 0}, {0, 2}, {2, 1, 0}} {
				l, r := random(seed+1, 70, 40), random(seed+6, 300, 40)
				n := physical.NestedLoopJoin{Kind: kind, Cols: joinColumns(kind, l, r)}
				width := len(l.cols)
				var conds []expr.Expr
				var tests []func(a, b []types.Datum) truth
				for i, c := range keys {
					typ := l.cols[c].Type
					right := expr.Expr(col(c, typ))
					if seed == 1 {
						right = &expr.Coalesce{Args: []expr.Expr{right, right}, T: typ}
					}
					if i%2 == 0 {
						conds = append(conds, &expr.Call{Fn: orderLess, Args: []expr.Expr{col(c, typ), col(width+c, typ)}, T: boolT, Pos: -1})
						n.Ranges = append(n.Ranges, physical.RangeCond{Left: col(c, typ), Right: right, Above: true})
						tests = append(tests, func(a, b []types.Datum) truth {
							return holds(typ, a[c], b[c], func(c int) bool { return c < 0 })
						})
						continue
					}
					conds = append(conds, &expr.Call{Fn: orderAtLeast, Args: []expr.Expr{col(c, typ), col(width+c, typ)}, T: boolT, Pos: -1})
					n.Ranges = append(n.Ranges, physical.RangeCond{Left: col(c, typ), Right: right})
					tests = append(tests, func(a, b []types.Datum) truth {
						return holds(typ, a[c], b[c], func(c int) bool { return c >= 0 })
					})
				}
				n.Cond = expr.JoinAnd(conds)
				cond := func(a, b []types.Datum) truth {
					out := yes
					for _, test := range tests {
						out = min(out, test(a, b))
					}
					return out
				}
				want, _ := naiveJoin(kind, l, r, cond, always)
				slices.Sort(want)
				t.Run(fmt.Sprintf("%s %v seed=%d", kind, keys, seed), func(t *testing.T) {
					plan := func() physical.Node {
						m := n
						m.Left, m.Right = l.scan(), r.scan()
						return &m
					}
					check(t, plan, want, false)
					got, err := runOnDisk(t, plan(), setup{2, 64}, 0, 1)
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("on disk: %v, got %s\nwant %s", err, brief(got), brief(want))
					}
				})
			}
		}
	}
}

// TestARangeThatCannotBeEvaluatedIsLeftToTheCondition has a right side that
// fails for rows which an earlier condition excludes.
func TestARangeThatCannotBeEvaluatedIsLeftToTheCondition(t *testing.T) {
	fails := &function.Overload{Name: "test_fails", Strict: true, Volatility: function.Immutable, Kernel: func(*function.Call, []*vector.Vec, int, *vector.Vec) error {
		return pgerror.New(pgerror.DivisionByZero, "division by zero")
	}}
	l, r := numbers(50), numbers(200)
	bad := func(c int) expr.Expr {
		return &expr.Call{Fn: fails, Args: []expr.Expr{col(c, int8T)}, T: int8T, Pos: -1}
	}
	for _, c := range []physical.RangeCond{
		{Left: col(0, int8T), Right: bad(0), Above: true},
		{Left: bad(0), Right: col(0, int8T), Above: true},
	} {
		plan := &physical.NestedLoopJoin{
			Kind: physical.Inner, Left: l.scan(), Right: r.scan(), Cols: joinColumns(physical.Inner, l, r),
			Cond: less(col(len(l.cols), int8T), col(0, int8T)), Ranges: []physical.RangeCond{c},
		}
		got, err := collect(t, plan, setup{1, 16})
		if err != nil || len(got) != 50*49/2 {
			t.Errorf("%d rows, %v", len(got), err)
		}
	}
}

func TestLimitsOfAnotherScaleAreRoundedOutwards(t *testing.T) {
	for _, c := range []struct {
		x      int64
		digits int
		above  bool
		want   int64
	}{
		{125, 2, true, 12500},
		{125, -2, true, 1},
		{125, -2, false, 2},
		{-125, -2, true, -2},
		{-125, -2, false, -1},
		{100, -2, false, 1},
		{math.MaxInt64 / 2, 3, false, math.MaxInt64},
		{math.MinInt64 / 2, 3, true, math.MinInt64},
	} {
		w := []uint64{uint64(c.x) ^ signBit}
		if rescaleLimits(w, c.digits, c.above); int64(w[0]^signBit) != c.want {
			t.Errorf("%d by %d digits, above %v: %d, want %d", c.x, c.digits, c.above, int64(w[0]^signBit), c.want)
		}
	}
}

// TestIntervalsAreFoundWithoutLookingAtAll counts the positions that a search
// for the intervals around a point touches.
func TestIntervalsAreFoundWithoutLookingAtAll(t *testing.T) {
	const n = 100_000
	account := memory.NewRoot("test", 0)
	keys := newJoinKeys([]types.Type{int8T, int8T}, nil, nil)
	keys.addRanges([]physical.RangeCond{{Left: col(0, int8T), Right: col(0, int8T)}, {Left: col(0, int8T), Right: col(1, int8T), Above: true}})
	store := newColumnStore(account, keys.types)
	from, to := vector.New(int8T, n), vector.New(int8T, n)
	for i := range n {
		from.Int64s()[i], to.Int64s()[i] = int64(i)*10, int64(i)*10+15
	}
	if err := store.append([]*vector.Vec{from, to}, nil, n); err != nil {
		t.Fatal(err)
	}
	table := newJoinTable(&Query{}, account, keys, store)
	if err := table.build(false, false, false); err != nil {
		t.Fatal(err)
	}
	x := table.ranges
	for _, at := range []int64{-1, 0, 7, 12, 500_003, 999_990, 1_000_005, 1_000_006} {
		limits := []uint64{uint64(at) ^ signBit, uint64(at) ^ signBit}
		var got []int32
		from, to := x.span(limits)
		for p := x.next(from, to, limits); p < to; p = x.next(p+1, to, limits) {
			got = append(got, x.order[p])
		}
		var want []int32
		for i := range int64(n) {
			if i*10 <= at && at <= i*10+15 {
				want = append(want, int32(i))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", at, got, want)
		}
		if p := x.skip(0, limits); at > 600 && p < int(at/10)-2*rangeBlock && len(want) > 0 {
			t.Errorf("%d: the first block is that of position %d", at, p)
		}
	}
	table.drop()
	if account.Used() != 0 {
		t.Errorf("%d bytes are left", account.Used())
	}
}
