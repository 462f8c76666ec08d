package operator

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// sortValue returns a value of t for sorting, often equal to others, often at
// the edge of what t can hold.
func sortValue(r *rand.Rand, t types.Type) types.Datum {
	if r.IntN(8) == 0 {
		return types.Null
	}
	x := []int64{0, 1, -1, math.MinInt64, math.MaxInt64, r.Int64N(5), r.Int64N(1 << 40), int64(r.Uint64())}[r.IntN(8)]
	switch t.Layout() {
	case types.LayoutBool:
		return types.Datum{I: x & 1}
	case types.LayoutInt16:
		return types.Datum{I: int64(int16(x))}
	case types.LayoutInt32:
		return types.Datum{I: int64(int32(x))}
	case types.LayoutInt64:
		return types.Datum{I: x}
	case types.LayoutFloat32, types.LayoutFloat64:
		f := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1.5, -1.5, float64(float32(x))}[r.IntN(8)]
		return types.FloatDatum(f)
	case types.LayoutWide:
		return types.Datum{I: x, J: []int64{0, 1, -1, x}[r.IntN(4)]}
	case types.LayoutNumeric:
		return types.TextDatum(string(types.AppendScaled(nil, x, int32(r.IntN(3)))))
	}
	parts := []string{"", "a", "b", "\x00", "aaaaaaa", "aaaaaaaa", "\x00\x00", "same beginning ", "z", " "}
	if t.OID != types.Bytea {
		parts[3], parts[6] = "c", "d"
	}
	s := ""
	for range r.IntN(4) {
		s += parts[r.IntN(len(parts))]
	}
	return types.TextDatum(s)
}

// sortedTypes are the types whose order is tested.
var sortedTypes = []types.OID{
	types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Date, types.Oid,
	types.Timestamp, types.UUID, types.Interval, types.TimeTZ, types.Numeric, types.Text, types.VarChar, types.BPChar, types.Bytea,
}

// checkSortRows compares sortRows with a stable sort by comparison.
func checkSortRows(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	n := []int{0, 1, 2, 11, 40, 300, 3000}[r.IntN(7)]
	var o ordering
	var keys []*vector.Vec
	for range 1 + r.IntN(4) {
		typ := types.Of(sortedTypes[r.IntN(len(sortedTypes))])
		k := ascending([]types.Type{typ})[0]
		k.desc, k.nullsFirst = r.IntN(2) == 0, r.IntN(2) == 0
		few := make([]types.Datum, 1+r.IntN(30))
		for i := range few {
			few[i] = sortValue(r, typ)
		}
		ds := make([]types.Datum, n)
		for i := range ds {
			ds[i] = few[r.IntN(len(few))]
			if r.IntN(3) == 0 {
				ds[i] = sortValue(r, typ)
			}
		}
		v := vector.FromDatums(typ, ds)
		if typ.OID == types.Numeric && r.IntN(2) == 0 {
			v = vector.NewScaled(typ, 2, n)
			for i := range n {
				v.Int64s()[i] = int64(r.Uint64()) >> r.IntN(60)
				if r.IntN(8) == 0 {
					v.SetNull(i, n)
				}
			}
		}
		o, keys = append(o, k), append(keys, v)
	}
	var stop atomic.Bool
	got := o.sortRows(keys, n, &stop)
	want := vector.Identity(nil, n)
	slices.SortStableFunc(want, func(a, b int32) int { return o.rows(keys, int(a), keys, int(b)) })
	if !slices.Equal(got, want) {
		t.Fatalf("seed %d: %d rows by %+v are out of order", seed, n, o)
	}
}

func TestSortRowsAgreesWithComparison(t *testing.T) {
	for seed := range uint64(600) {
		checkSortRows(t, seed)
	}
}

func FuzzSortRows(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkSortRows)
}

func TestSortSpillsWhenMemoryEnds(t *testing.T) {
	tab := random(4, 40_000, 1<<40)
	tab.parts, tab.local = 3, true
	for _, keys := range [][]physical.SortKey{
		{{Expr: col(0, int8T)}},
		{{Expr: col(1, textT), Desc: true}, {Expr: col(2, numT)}},
		{{Expr: col(2, numT), NullsFirst: true}},
	} {
		var columns []int
		for _, k := range keys {
			columns = append(columns, map[types.OID]int{types.Int8: 0, types.Text: 1, types.Numeric: 2}[k.Expr.Type().OID])
		}
		want := tab.keysOf(tab.sortedBy(columns, keys), columns)
		for _, s := range []setup{{1, 2048}, {2, 2048}} {
			for _, limit := range []int64{3 << 20} {
				plan := &physical.Sort{Input: tab.scan(), Keys: keys}
				got, err := collectSpilling(t, plan, s, limit, 0)
				if err != nil {
					t.Fatalf("%+v limit %d: %v %s", s, limit, err, pgerror.From(err).Detail)
				}
				for i, line := range got {
					got[i] = fieldsOf(line, columns)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%+v limit %d: %d rows, out of order", s, limit, len(got))
				}
			}
		}
	}
}

// fieldsOf returns some columns of a printed row.
func fieldsOf(line string, columns []int) string {
	fields := bytes.Split([]byte(line), []byte("|"))
	var out [][]byte
	for _, c := range columns {
		out = append(out, fields[c])
	}
	return string(bytes.Join(out, []byte("|")))
}

func TestRunsInMemoryMoveWhileTheyAreRead(t *testing.T) {
	tab := random(2, 100_000, 1<<40)
	tab.parts, tab.local = 4, true
	keys := []physical.SortKey{{Expr: col(0, int8T)}, {Expr: col(1, textT)}}
	want := tab.keysOf(tab.sortedBy([]int{0, 1}, keys), []int{0, 1})
	for _, s := range []setup{{1, 2048}, {2, 2048}} {
		plan := &physical.Sort{Input: tab.scan(), Keys: keys}
		q, stop := startSpilling(t.Context(), t, plan, s, 1<<30, 0)
		var got []string
		other := q.env.Account.Child("other", 0)
		for n := 0; ; n++ {
			if n == 20 {
				// Somebody needs nearly all of the memory.
				if err := other.Reserve(1<<30 - 4<<20); err != nil {
					t.Fatal(err)
				}
			}
			b, err := q.Next(t.Context())
			if err != nil {
				break
			}
			for i := range b.N {
				got = append(got, fmt.Sprintf("%s|%s", show(int8T, b.Cols[0].Datum(i)), show(textT, b.Cols[1].Datum(i))))
			}
		}
		if n := len(q.files); n == 0 {
			t.Error("nothing was moved")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %d rows, want %d", s, len(got), len(want))
		}
		other.Close()
		stop()
	}
}
