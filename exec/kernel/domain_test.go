package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// ints are int8 values, nil for NULL.
func intVec(t types.OID, vals ...any) *vector.Vec {
	ds := make([]types.Datum, len(vals))
	for i, v := range vals {
		ds[i] = types.Null
		if v != nil {
			ds[i] = types.IntDatum(int64(v.(int)))
		}
	}
	return vector.FromDatums(types.Of(t), ds)
}

// bloomOf is a filter with the values of v.
func bloomOf(v *vector.Vec, n int) *connector.Bloom {
	b := connector.NewBloom(n)
	hash := make([]uint64, n)
	Hash(hash, v, n, false)
	for _, h := range hash {
		b.Add(h)
	}
	return b
}

func TestDomainFilterKeepsWhatMayMatter(t *testing.T) {
	int8T, floatT, numT, textT := types.Of(types.Int8), types.Of(types.Float8), types.Of(types.Numeric), types.Of(types.Text)
	bits := connector.Domain{Type: int8T, Min: types.IntDatum(10), Max: types.IntDatum(13), HasMin: true, HasMax: true, Bits: vector.Bitmap{0b1001}}
	nullsToo := bits
	nullsToo.Nulls = true
	floats := func(f ...float64) *vector.Vec {
		ds := make([]types.Datum, len(f))
		for i, x := range f {
			ds[i] = types.FloatDatum(x)
		}
		return vector.FromDatums(floatT, ds)
	}
	num := func(s string) types.Datum {
		d, err := types.ParseText(numT, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	scaled := vector.NewScaled(numT, 2, 5)
	copy(scaled.Int64s(), []int64{149, 150, 151, 300, 301})
	dict := &vector.Vec{Type: textT, Kind: vector.Dict, Dict: vector.FromDatums(textT, []types.Datum{types.TextDatum("a"), types.TextDatum("b")}), Codes: []int32{0, 1, 0, 1}, Valid: vector.Bitmap{0b0111}}
	words := vector.FromDatums(textT, []types.Datum{types.TextDatum("b")})
	for _, c := range []struct {
		name string
		d    connector.Domain
		v    *vector.Vec
		sel  []int32
		n    int
		want []int32
	}{
		{"bits are exact", bits, intVec(types.Int8, 9, 10, 11, 13, 14, nil), nil, 6, []int32{1, 3}},
		{"another width", bits, intVec(types.Int2, 9, 10, 11, 13), nil, 4, []int32{1, 3}},
		{"a selection", bits, intVec(types.Int4, 10, 10, 13, 13), []int32{1, 2}, 4, []int32{1, 2}},
		{"NULL rows that matter", nullsToo, intVec(types.Int8, nil, 10, 11, nil), nil, 4, []int32{0, 1, 3}},
		{"extremes do not wrap", bits, intVec(types.Int8, math.MinInt64, math.MaxInt64, 10), nil, 3, []int32{2}},
		{"nothing", connector.Domain{Type: int8T, Empty: true}, intVec(types.Int8, 1, nil), nil, 2, nil},
		{"only NULL", connector.Domain{Type: int8T, Empty: true, Nulls: true}, intVec(types.Int8, 1, nil), nil, 2, []int32{1}},
		{"a lower bound", connector.Domain{Type: int8T, Min: types.IntDatum(3), HasMin: true}, intVec(types.Int8, 2, 3, 4), nil, 3, []int32{1, 2}},
		{"NaN is above every bound", connector.Domain{Type: floatT, Min: types.FloatDatum(1), HasMin: true}, floats(0.5, math.NaN(), 1), nil, 3, []int32{1, 2}},
		{"and dropped by one", connector.Domain{Type: floatT, Max: types.FloatDatum(1), HasMax: true}, floats(0.5, math.NaN(), 1), nil, 3, []int32{0, 2}},
		{"minus zero is zero", connector.Domain{Type: floatT, Bloom: bloomOf(floats(0), 1)}, floats(math.Copysign(0, -1), 7), nil, 2, []int32{0}},
		{"scaled numerics", connector.Domain{Type: numT, Min: num("1.5000"), Max: num("3"), HasMin: true, HasMax: true}, scaled, nil, 5, []int32{1, 2, 3}},
		{"bounds between two units", connector.Domain{Type: numT, Min: num("1.505"), Max: num("3.009"), HasMin: true, HasMax: true}, scaled, nil, 5, []int32{2, 3}},
		{"and negative ones", connector.Domain{Type: numT, Min: num("-0.001"), Max: num("-0.0001"), HasMin: true, HasMax: true}, scaled, nil, 5, nil},
		{"dictionaries", connector.Domain{Type: textT, Bloom: bloomOf(words, 1)}, dict, nil, 4, []int32{1}},
		{"a constant", bits, vector.NewConst(int8T, types.IntDatum(13)), nil, 3, []int32{0, 1, 2}},
		{"another constant", bits, vector.NewConst(int8T, types.IntDatum(12)), nil, 3, nil},
		{"a NULL constant", nullsToo, vector.NewNull(int8T), nil, 2, []int32{0, 1}},
	} {
		var f DomainFilter
		for range 2 {
			if got := f.Select(&c.d, c.v, c.sel, c.n); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			}
		}
	}
}

func TestBloomForgetsNothing(t *testing.T) {
	for _, n := range []int{1, 7, 100, 5000} {
		b := connector.NewBloom(n)
		for i := range n {
			b.Add(HashInt(int64(i)))
		}
		wrong := 0
		for i := range 2 * n {
			switch has := b.Has(HashInt(int64(i))); {
			case i < n && !has:
				t.Fatalf("%d of %d is missing", i, n)
			case i >= n && has:
				wrong++
			}
		}
		if n >= 100 && wrong > n/8 {
			t.Errorf("%d of %d pass by mistake", wrong, n)
		}
	}
}

func TestDomainOverlaps(t *testing.T) {
	int8T, floatT := types.Of(types.Int8), types.Of(types.Float8)
	d := func(i int64) types.Datum { return types.IntDatum(i) }
	bits := connector.Domain{Type: int8T, Min: d(100), Max: d(400), HasMin: true, HasMax: true, Bits: vector.NewBitmap(320)}
	clear(bits.Bits)
	bits.Bits.Set(0)
	bits.Bits.Set(300)
	values := connector.Domain{Type: int8T, Min: d(1), Max: d(9), HasMin: true, HasMax: true, Values: []types.Datum{d(1), d(5), d(9)}}
	nan := connector.Domain{Type: floatT, Min: types.FloatDatum(3), Max: types.FloatDatum(math.NaN()), HasMin: true, HasMax: true}
	for _, c := range []struct {
		d         connector.Domain
		low, high types.Datum
		nulls     bool
		want      bool
	}{
		{bits, d(0), d(99), true, false},
		{bits, d(0), d(100), false, true},
		{bits, d(101), d(399), false, false},
		{bits, d(101), d(500), false, true},
		{bits, d(401), d(500), false, false},
		{values, d(2), d(4), false, false},
		{values, d(2), d(5), false, true},
		{values, d(6), d(8), false, false},
		{nan, types.FloatDatum(0), types.FloatDatum(1), false, true},
	} {
		if got := c.d.Overlaps(c.low, c.high, true, c.nulls); got != c.want {
			t.Errorf("%s: [%d, %d] overlaps: %v", fmt.Sprint(c.d.Type.OID), c.low.I, c.high.I, got)
		}
		if !c.d.Overlaps(c.low, c.high, false, c.nulls) {
			t.Error("unknown statistics prune")
		}
	}
}
