package builtin

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// extremeBatch is rows of one batch and what they are.
type extremeBatch struct {
	v      *vector.Vec
	groups []int32
}

// checkExtremes feeds the batches row by row, in runs, merged and through the
// form on disk, and compares with what larger says of the datums.
func checkExtremes(t *testing.T, sig string, in types.Type, n int, batches []extremeBatch, wins func(a, b types.Datum) bool) {
	t.Helper()
	fns := overloads{}
	Register(fns)
	call := &function.Call{Ctx: context.Background(), Args: []types.Type{in}, Ret: in}
	want := make([]types.Datum, n)
	for g := range want {
		want[g] = types.Null
	}
	for _, b := range batches {
		for i, g := range b.groups {
			if d := b.v.Datum(i); !d.Null && (want[g].Null || wins(d, want[g])) {
				want[g] = d
			}
		}
	}
	make1 := func() function.Accumulator {
		a, err := fns[sig].Aggregate.New(call)
		if err != nil {
			t.Fatal(err)
		}
		a.Grow(n)
		return a
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	all := make([]int32, n)
	for g := range all {
		all[g] = int32(g)
	}
	rows, runs, merged, loaded := make1(), make1(), make1(), make1()
	for _, b := range batches {
		args := []*vector.Vec{b.v}
		must(rows.Update(b.groups, args))
		of := map[int32][]int32{}
		for i, g := range b.groups {
			of[g] = append(of[g], int32(i))
		}
		for g, list := range of {
			r := function.Run{Group: g, Rows: list, N: len(list)}
			if len(list) == len(b.groups) {
				r.Rows = nil
			}
			must(runs.(function.RunUpdater).UpdateRuns([]function.Run{r}, args))
		}
		one := make1()
		must(one.Update(b.groups, args))
		must(merged.Merge(one, all, all))
		states := vector.New(types.Of(types.Bytea), n)
		must(one.Save(all, states))
		must(loaded.Load(states, all))
	}
	for how, a := range map[string]function.Accumulator{"rows": rows, "runs": runs, "merged": merged, "loaded": loaded} {
		out := vector.New(in, n)
		must(a.Result(0, n, out))
		for g := range n {
			got := types.Null
			if !out.IsNull(g) {
				got = out.Datum(g)
			}
			if got.Null != want[g].Null || !got.Null && (wins(got, want[g]) || wins(want[g], got)) {
				t.Fatalf("%s of %s, group %d: got %q, want %q", sig, how, g, got.S, want[g].S)
			}
		}
	}
}

func TestExtremesOfText(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	in := types.Of(types.Bytea)
	word := func() string {
		s := []byte("prefix and more than fits")[:rnd.IntN(25)]
		for range rnd.IntN(3) {
			s = append(s, byte(rnd.IntN(3)*127))
		}
		return string(s)
	}
	for _, n := range []int{1, 3, 40} {
		var batches []extremeBatch
		for b := range 12 {
			var ds []types.Datum
			var groups []int32
			for range 200 {
				d := types.Datum{S: word()}
				if rnd.IntN(9) == 0 && b > 2 {
					d = types.Null
				}
				ds, groups = append(ds, d), append(groups, int32(rnd.IntN(n)))
			}
			batches = append(batches, extremeBatch{vector.FromDatums(in, ds), groups})
		}
		batches = append(batches,
			extremeBatch{vector.NewConst(in, types.Datum{S: "zz"}), []int32{0, 0, 0}},
			extremeBatch{vector.NewConst(in, types.Null), []int32{0, 0, 0}})
		order := func(a, b types.Datum) int { return bytes.Compare([]byte(a.S), []byte(b.S)) }
		checkExtremes(t, "max(text)", in, n+1, batches, func(a, b types.Datum) bool { return order(a, b) > 0 })
		checkExtremes(t, "min(text)", in, n+1, batches, func(a, b types.Datum) bool { return order(a, b) < 0 })
	}
}

// TestExtremesOfNumericsOfAnyScale mixes scaled vectors of several scales with
// such in binary form.
func TestExtremesOfNumericsOfAnyScale(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	in := types.Of(types.Numeric)
	for _, n := range []int{1, 3, 40} {
		for first := range 4 {
			var batches []extremeBatch
			for b := range 8 {
				groups := make([]int32, 100)
				for i := range groups {
					groups[i] = int32(rnd.IntN(n))
				}
				var v *vector.Vec
				if b+first >= 3 && b%2 == 0 {
					ds := make([]types.Datum, len(groups))
					for i := range ds {
						x, err := types.ParseText(in, []string{"NaN", "1e30", "-1e30", "0.00", fmt.Sprint(rnd.IntN(100))}[rnd.IntN(5)], types.DefaultFormat())
						if err != nil {
							t.Fatal(err)
						}
						ds[i] = x
					}
					v = vector.FromDatums(in, ds)
				} else {
					v = vector.NewScaled(in, int32(b*first%4), len(groups))
					for i := range groups {
						v.Int64s()[i] = int64(rnd.IntN(2000) - 1000)
					}
				}
				if b == 3 {
					v.SetNull(5, len(groups))
				}
				batches = append(batches, extremeBatch{v, groups})
			}
			order := func(a, b types.Datum) int { return kernel.CompareNumeric([]byte(a.S), []byte(b.S)) }
			checkExtremes(t, "max(numeric)", in, n+1, batches, func(a, b types.Datum) bool { return order(a, b) > 0 })
			checkExtremes(t, "min(numeric)", in, n+1, batches, func(a, b types.Datum) bool { return order(a, b) < 0 })
		}
	}
}

func TestExtremesOfIntegersAtTheirLimits(t *testing.T) {
	in := types.Of(types.Int2)
	ints := func(xs ...int64) *vector.Vec {
		var ds []types.Datum
		for _, x := range xs {
			ds = append(ds, types.IntDatum(x))
		}
		return vector.FromDatums(in, ds)
	}
	batches := []extremeBatch{
		{ints(-32768, 32767, 0, -1), []int32{0, 1, 2, 2}},
		{vector.NewConst(in, types.IntDatum(7)), []int32{3, 3}},
		{ints(-32768, 32767), []int32{4, 4}},
	}
	checkExtremes(t, "max(int2)", in, 6, batches, func(a, b types.Datum) bool { return a.I > b.I })
	checkExtremes(t, "min(int2)", in, 6, batches, func(a, b types.Datum) bool { return a.I < b.I })
}
