package eval_test

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// sequence is a batch of int4 values.
func sequence() *vector.Batch {
	xs := make([]int64, vector.BatchSize)
	for i := range xs {
		xs[i] = int64(i * 7919 % 1000)
	}
	return &vector.Batch{N: len(xs), Cols: []*vector.Vec{ints(xs...)}}
}

func BenchmarkFilterConstant(b *testing.B) {
	batch := sequence()
	f, err := eval.CompileFilter([]expr.Expr{call(int4gt, col(0, types.Int4), integer(500))}, env)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.Select(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vector.BatchSize, "ns/row")
}

func BenchmarkAdd(b *testing.B) {
	batch := sequence()
	p, err := eval.Compile(call(int4pl, col(0, types.Int4), integer(5)), env)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Eval(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vector.BatchSize, "ns/row")
}

func BenchmarkHash(b *testing.B) {
	batch := sequence()
	dst := make([]uint64, batch.N)
	for b.Loop() {
		kernel.Hash(dst, batch.Cols[0], batch.N, false)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vector.BatchSize, "ns/row")
}
