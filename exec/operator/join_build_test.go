package operator

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// TestTablesFilledInPartsFindWhatOthersFind fills tables of numbers, of hashes and
// of heads by several goroutines and compares every chain with that of a table that
// was filled at once.
func TestTablesFilledInPartsFindWhatOthersFind(t *testing.T) {
	const n = 200_000
	r := rand.New(rand.NewPCG(3, 3))
	wide := make([]int64, n)
	near := make([]int64, n)
	few := make([]int64, n)
	for i := range n {
		wide[i], near[i], few[i] = r.Int64N(n)*1_000_003, r.Int64N(n), r.Int64N(40)*1_000_000_007
	}
	for _, c := range []struct {
		name string
		keys [][]int64
		typ  types.Type
		safe bool
	}{
		{"numbers", [][]int64{wide}, types.Of(types.Int8), false},
		{"pairs of numbers", [][]int64{wide, few}, types.Of(types.Int8), false},
		{"many rows for each number", [][]int64{few}, types.Of(types.Int8), false},
		{"heads", [][]int64{near}, types.Of(types.Int8), false},
		{"hashes", [][]int64{wide}, types.Of(types.Int8), true},
		{"many rows for each hash", [][]int64{few}, types.Of(types.Int8), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			account := memory.NewRoot("test", 0)
			table := func() *joinTable {
				ts, keys, safe := []types.Type{}, []expr.Expr{}, []bool{}
				cols := []*vector.Vec{}
				for k, vals := range c.keys {
					v := &vector.Vec{Type: c.typ}
					v.Resize(n)
					copy(v.Int64s(), vals)
					v.Valid = make(vector.Bitmap, (n+63)/64)
					for i := range n {
						v.Valid.SetTo(i, i%97 != 5)
					}
					cols = append(cols, v)
					ts, safe = append(ts, c.typ), append(safe, c.safe)
					keys = append(keys, &expr.Column{ID: expr.ColumnID(k), T: c.typ})
				}
				store := newColumnStore(account, ts)
				if err := store.append(cols, nil, n); err != nil {
					t.Fatal(err)
				}
				return newJoinTable(&Query{}, account, newJoinKeys(ts, keys, safe), store)
			}
			want, got := table(), table()
			if err := want.build(true, false, false); err != nil {
				t.Fatal(err)
			}
			b, err := got.prepare(4, true, false, false)
			if err != nil {
				t.Fatal(err)
			}
			if most := (&phased{units: b.units}).want(); most < 2 {
				t.Fatalf("units %v", b.units)
			}
			for phase, units := range b.units {
				var all sync.WaitGroup
				for unit := range units {
					all.Go(func() { b.run(phase, unit) })
				}
				all.Wait()
				b.ended(phase)
			}
			var heads, others [vector.BatchSize]int32
			var hash [vector.BatchSize]uint64
			for from := 0; from < n; from += vector.BatchSize {
				to := min(from+vector.BatchSize, n)
				vecs := []*vector.Vec{}
				for k := range c.keys {
					vecs = append(vecs, want.store.vec(k).Slice(from, to))
				}
				want.lookup(heads[:to-from], hash[:], vecs, to-from)
				got.lookup(others[:to-from], hash[:], vecs, to-from)
				for i := range to - from {
					if heads[i] != others[i] {
						t.Fatalf("row %d: head %d, want %d", from+i, others[i], heads[i])
					}
					if key := want.store.vec(0); heads[i] == 0 && (c.safe || !key.IsNull(from+i)) {
						t.Fatalf("row %d is not found", from+i)
					}
				}
			}
			if (want.next == nil) != (got.next == nil) {
				t.Fatal("only one has chains")
			}
			for i := range want.next {
				if want.next[i] != got.next[i] {
					t.Fatalf("row %d is followed by %d, want %d", i, got.next[i], want.next[i])
				}
			}
			want.drop()
			got.drop()
			if account.Used() != 0 {
				t.Errorf("%d bytes are still in use", account.Used())
			}
		})
	}
}
