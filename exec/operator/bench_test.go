package operator

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// wideSource hands out slices of one vector per column, as a Parquet scan does.
type wideSource struct {
	table
	vecs []*vector.Vec
	n    int
}

type wideReader struct {
	s      *wideSource
	at, to int
	size   int
}

func (s *wideSource) Split(_ context.Context, _ connector.TableHandle, n int) ([]connector.TableHandle, error) {
	var out []connector.TableHandle
	for i := range n {
		out = append(out, tableHandle{&s.table, s.n * i / n / 64 * 64, s.n * (i + 1) / n / 64 * 64})
	}
	return out, nil
}

func (s *wideSource) Scan(_ context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	th := h.(tableHandle)
	return &wideReader{s, th.from, th.to, o.BatchSize}, nil
}
func (r *wideReader) Local()       {}
func (r *wideReader) Close() error { return nil }
func (r *wideReader) Next(_ context.Context, dst *vector.Batch) error {
	n := min(r.size, r.to-r.at)
	if n == 0 {
		return io.EOF
	}
	dst.N, dst.Cols = n, dst.Cols[:0]
	for _, v := range r.s.vecs {
		dst.Cols = append(dst.Cols, v.Slice(r.at, r.at+n))
	}
	r.at += n
	return nil
}

// sum8 sums int8 values.
var sum8 = &function.Overload{Name: "sum8", Kind: function.Agg, Aggregate: &function.Aggregate{
	New: func(*function.Call) (function.Accumulator, error) { return &sumAcc{}, nil }, IgnoresOrder: true,
}}

type sumAcc struct{ s []int64 }

func (a *sumAcc) Grow(n int) {
	if n > len(a.s) {
		a.s = append(a.s, make([]int64, n-len(a.s))...)
	}
}

func (a *sumAcc) Update(g []int32, args []*vector.Vec) error {
	v := args[0].Int64s()
	for i, k := range g {
		if args[0].Kind == vector.Const {
			i = 0
		}
		a.s[k] += v[i]
	}
	return nil
}

func (a *sumAcc) Merge(o function.Accumulator, from, into []int32) error {
	for i, g := range into {
		a.s[g] += o.(*sumAcc).s[from[i]]
	}
	return nil
}

func (a *sumAcc) Width() int64 { return 8 }

func (a *sumAcc) Save(groups []int32, out *vector.Vec) error {
	for i, g := range groups {
		out.SetBytes(i, binary.LittleEndian.AppendUint64(nil, uint64(a.s[g])))
	}
	return nil
}

func (a *sumAcc) Load(states *vector.Vec, into []int32) error {
	for i, g := range into {
		a.s[g] += int64(binary.LittleEndian.Uint64(states.Bytes(i)))
	}
	return nil
}

func (a *sumAcc) Result(from, to int, out *vector.Vec) error {
	copy(out.Int64s(), a.s[from:to])
	return nil
}
func (a *sumAcc) Bytes() int64 { return int64(cap(a.s)) * 8 }

func newWide(n, distinct int) *wideSource {
	s := &wideSource{n: n}
	r := rand.New(rand.NewPCG(1, 1))
	k, v, t := vector.New(int8T, n), vector.New(int8T, n), vector.New(textT, n)
	for i := range n {
		x := r.Int64N(int64(distinct))
		k.Int64s()[i], v.Int64s()[i] = x*7919, int64(i)
		t.SetString(i, "key number "+string(rune('a'+x%26))+string(rune('a'+x/26%26)))
	}
	s.vecs = []*vector.Vec{k, v, t}
	s.table.cols = []connector.Column{{Name: "k", Type: int8T}, {Name: "v", Type: int8T}, {Name: "t", Type: textT}}
	return s
}

func (s *wideSource) scan() *physical.Scan {
	n := s.table.scan()
	n.Source, n.Handle = s, tableHandle{&s.table, 0, s.n}
	return n
}

func benchmark(b *testing.B, rows int, plan func() physical.Node) {
	pool := scheduler.New(1)
	defer pool.Close()
	b.ReportAllocs()
	for b.Loop() {
		q, err := Start(b.Context(), plan(), Env{Pool: pool, Account: memory.NewRoot("b", 0), Session: &session.Session{}})
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := q.Next(b.Context()); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		q.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}

func BenchmarkOperators(b *testing.B) {
	const n = 1 << 20
	few, many := newWide(n, 1000), newWide(n, n/2)
	dim := newWide(1<<16, 1<<16)
	group := func(s *wideSource, key int, t types.Type) func() physical.Node {
		return func() physical.Node {
			return &physical.HashAggregate{Input: s.scan(), Keys: []expr.Expr{col(key, t)}, Aggs: []physical.Agg{{Fn: sum8, Args: []expr.Expr{col(1, int8T)}, T: int8T}}, Cols: []physical.Column{{Type: t}, {Type: int8T}}}
		}
	}
	sum := func(in physical.Node) physical.Node {
		return &physical.HashAggregate{Input: in, Aggs: []physical.Agg{{Fn: sum8, Args: []expr.Expr{col(1, int8T)}, T: int8T}}, Cols: []physical.Column{{Type: int8T}}}
	}
	b.Run("sum", func(b *testing.B) { benchmark(b, n, func() physical.Node { return sum(few.scan()) }) })
	b.Run("result", func(b *testing.B) { benchmark(b, n, func() physical.Node { return few.scan() }) })
	b.Run("group int 1000", func(b *testing.B) { benchmark(b, n, group(few, 0, int8T)) })
	b.Run("group int many", func(b *testing.B) { benchmark(b, n, group(many, 0, int8T)) })
	b.Run("group text 676", func(b *testing.B) { benchmark(b, n, group(many, 2, textT)) })
	b.Run("join", func(b *testing.B) {
		benchmark(b, n, func() physical.Node {
			return sum(&physical.HashJoin{Kind: physical.Inner, Left: few.scan(), Right: dim.scan(), LeftKeys: []expr.Expr{col(0, int8T)}, RightKeys: []expr.Expr{col(0, int8T)}, Cols: append(few.scan().Cols, dim.scan().Cols...)})
		})
	})
	b.Run("sort", func(b *testing.B) {
		benchmark(b, n, func() physical.Node {
			return sum(&physical.Sort{Input: many.scan(), Keys: []physical.SortKey{{Expr: col(0, int8T)}}})
		})
	})
	b.Run("top", func(b *testing.B) {
		benchmark(b, n, func() physical.Node {
			return &physical.Limit{Input: many.scan(), Count: lit(int8T, types.IntDatum(10)), Keys: []physical.SortKey{{Expr: col(0, int8T)}}}
		})
	})
}
