package types

import (
	"math/big"
	"math/rand"
	"testing"
)

func TestCoefficientsOf128BitsReadBackAsTheyWere(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	for range 20000 {
		b := new(big.Int).Rand(r, new(big.Int).Lsh(big.NewInt(1), uint(1+r.Intn(128))))
		if r.Intn(3) == 0 { // zeros at the end
			b.Mul(b, bigPow10(int32(r.Intn(12))))
		}
		n := NumFromBig(b, int32(r.Intn(60)))
		n.neg = b.Sign() != 0 && r.Intn(2) == 0
		back := DecodeNumeric(n.Append(nil))
		if back.Scale() != n.Scale() || back.Unscaled().Cmp(n.Unscaled()) != 0 {
			t.Fatalf("%s reads back as %s", n, back)
		}
		if enc := n.Append(nil); len(enc) > numericHeaderSize && enc[8] == 0 && enc[9] == 0 {
			t.Fatalf("%s begins with a digit that is zero", n)
		}
	}
}

func TestQuotientsAreThoseOfDivision(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	for range 50000 {
		v := r.Int63() >> uint(r.Intn(63))
		if r.Intn(2) == 0 {
			v = -v
		}
		scale, n := int32(r.Intn(12)), 1+r.Int63()>>uint(r.Intn(63))
		q, err := NumFromScaled(v, scale).Div(NumFromInt(n))
		if err != nil {
			t.Fatal(err)
		}
		if got := DecodeNumeric(AppendQuotient(nil, v, scale, n)); got.String() != q.String() {
			t.Fatalf("%d e-%d / %d = %s, want %s", v, scale, n, got, q)
		}
	}
}
