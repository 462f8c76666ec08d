package sample

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
)

func TestDistinctValues(t *testing.T) {
	const total = 1000000
	for _, c := range []struct {
		name      string
		value     func(r *rand.Rand, i int) int64
		clustered bool
		want      float64
	}{
		{"few values", func(r *rand.Rand, _ int) int64 { return r.Int64N(7) }, false, 7},
		{"many values", func(r *rand.Rand, _ int) int64 { return r.Int64N(50000) }, false, 50000},
		{"a key", func(_ *rand.Rand, i int) int64 { return int64(i) }, false, total},
		{"runs of four", func(_ *rand.Rand, i int) int64 { return int64(i / 4) }, true, total / 4},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		s := New(types.Of(types.Int8))
		for i := range 8192 {
			s.AddDatum(types.IntDatum(c.value(r, i)))
		}
		if got := s.Statistics(total, c.clustered).Distinct; math.Abs(got-c.want) > 0.15*c.want {
			t.Errorf("%s: %g values, want %g", c.name, got, c.want)
		}
	}
}

func TestListsOfASample(t *testing.T) {
	s := New(types.Of(types.Int4))
	for i := range 1000 {
		switch {
		case i%10 == 0:
			s.AddDatum(types.Null)
		case i%2 == 1:
			s.AddDatum(types.IntDatum(5))
		default:
			s.AddDatum(types.IntDatum(int64(i)))
		}
	}
	got := s.Statistics(100000, false)
	if got.NullFraction != 0.1 {
		t.Errorf("NULLs: %g", got.NullFraction)
	}
	if len(got.Common) != 1 || got.Common[0].Value.I != 5 || got.Common[0].Fraction != 0.5 {
		t.Errorf("common values: %v", got.Common)
	}
	h := got.Histogram
	if len(h) != maxBounds || h[0].I != 2 || h[len(h)-1].I != 998 {
		t.Fatalf("histogram: %v", h)
	}
	for i := 1; i < len(h); i++ {
		if h[i].I < h[i-1].I {
			t.Errorf("bounds %d and %d are out of order", i-1, i)
		}
	}
}

func TestNothingIsKnownOfNoRows(t *testing.T) {
	got := New(types.Of(types.Text)).Statistics(10, false)
	if got.Distinct != 0 || !got.Min.Null || !got.Max.Null {
		t.Errorf("%+v", got)
	}
}
