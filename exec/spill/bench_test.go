package spill

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

const errNoSpace = syscall.ENOSPC

// orders is a batch that looks like facts: keys, amounts, dates, short and long
// text.
func orders(r *rand.Rand, n int) *vector.Batch {
	key, amount := vector.New(types.Of(types.Int8), n), vector.NewScaled(types.NumericType(15, 2), 2, n)
	day, flag, text := vector.New(types.Of(types.Date), n), vector.New(types.Of(types.Text), n), vector.New(types.Of(types.Text), n)
	words := []string{"carefully", "final", "deposits", "sleep", "quickly", "above", "the", "ironic", "requests"}
	for i := range n {
		key.Int64s()[i] = r.Int64N(6e6)
		amount.Int64s()[i] = r.Int64N(1e7)
		day.Int32s()[i] = 8000 + r.Int32N(2500)
		flag.SetString(i, "ANR"[r.IntN(3):][:1])
		s := ""
		for range 2 + r.IntN(3) {
			s += words[r.IntN(len(words))] + " "
		}
		text.SetString(i, s)
	}
	return &vector.Batch{N: n, Cols: []*vector.Vec{key, amount, day, flag, text}}
}

func BenchmarkWrite(b *testing.B) {
	_, f := open(b)
	batch := orders(rand.New(rand.NewPCG(1, 1)), vector.BatchSize)
	run := f.NewRun()
	b.ReportAllocs()
	for b.Loop() {
		if err := run.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := run.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(f.Size())/float64(run.Rows()), "bytes/row")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(run.Rows()), "ns/row")
}

func BenchmarkRead(b *testing.B) {
	_, f := open(b)
	batch := orders(rand.New(rand.NewPCG(1, 1)), vector.BatchSize)
	run := f.NewRun()
	for range 64 {
		if err := run.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := run.Flush(); err != nil {
		b.Fatal(err)
	}
	rows := 0
	for b.Loop() {
		rd := run.Read(false)
		var out vector.Batch
		for rd.Next(&out) == nil {
			rows += out.N
		}
		rd.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
}
