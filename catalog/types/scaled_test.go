package types

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestCoefficientsOf128BitsReadBackAsTheyWere(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 20000 {
		b := new(big.Int).SetUint64(r.Uint64())
		b.Lsh(b, 64).Add(b, new(big.Int).SetUint64(r.Uint64())).Rsh(b, uint(r.IntN(128)))
		if r.IntN(3) == 0 { // zeros at the end
			b.Mul(b, bigPow10(int32(r.IntN(12))))
		}
		n := NumFromBig(b, int32(r.IntN(60)))
		n.neg = b.Sign() != 0 && r.IntN(2) == 0
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
	r := rand.New(rand.NewPCG(8, 8))
	for range 50000 {
		v := r.Int64() >> uint(r.IntN(63))
		if r.IntN(2) == 0 {
			v = -v
		}
		scale, n := int32(r.IntN(12)), 1+r.Int64()>>uint(r.IntN(63))
		q, err := NumFromScaled(v, scale).Div(NumFromInt(n))
		if err != nil {
			t.Fatal(err)
		}
		if got := DecodeNumeric(AppendQuotient(nil, v, scale, n)); got.String() != q.String() {
			t.Fatalf("%d e-%d / %d = %s, want %s", v, scale, n, got, q)
		}
	}
}
