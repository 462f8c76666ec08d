package types

import (
	"cmp"
	"math"
	"strconv"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// NumFromFloat converts a float8 as PostgreSQL does: to 15 significant digits.
func NumFromFloat(f float64) Num { return numFromFloat(f, 15) }

// NumFromFloat32 converts a float4: to 6 significant digits.
func NumFromFloat32(f float32) Num { return numFromFloat(float64(f), 6) }

func numFromFloat(f float64, digits int) Num {
	switch {
	case math.IsNaN(f):
		return NaNNum()
	case math.IsInf(f, 0):
		return InfNum(f < 0)
	}
	var scratch [40]byte
	n, err := ParseNum(string(strconv.AppendFloat(scratch[:0], f, 'g', digits, 64)))
	if err != nil {
		return NaNNum() // 'g' output is always numeric syntax
	}
	return n
}

// Float64 converts to float8; it fails with 22003 when n is too large.
func (n Num) Float64() (float64, error) {
	switch n.kind {
	case numNaN:
		return math.NaN(), nil
	case numPosInf:
		return math.Inf(1), nil
	case numNegInf:
		return math.Inf(-1), nil
	}
	// Both operands exact: one correctly rounded division.
	if n.big == nil && n.lo < 1<<53 && n.scale <= 22 {
		f := float64(n.lo) / math.Pow10(int(n.scale))
		if n.neg {
			f = -f
		}
		return f, nil
	}
	var scratch [64]byte
	text := string(n.AppendText(scratch[:0]))
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, pgerror.Newf(pgerror.NumericValueOutOfRange, "%q is out of range for type double precision", text)
	}
	return f, nil
}

// Float32 converts to float4; it fails with 22003 when n is out of range.
func (n Num) Float32() (float32, error) {
	if n.kind != numFinite {
		f, err := n.Float64()
		return float32(f), err
	}
	var scratch [64]byte
	text := string(n.AppendText(scratch[:0]))
	f, err := strconv.ParseFloat(text, 32)
	if err != nil || f == 0 && !n.IsZero() {
		return 0, pgerror.Newf(pgerror.NumericValueOutOfRange, "%q is out of range for type real", text)
	}
	return float32(f), nil
}

// Int rounds to an integer of type t (Int2, Int4 or Int8), failing as
// PostgreSQL's casts do: 22003 out of range, 0A000 for NaN and infinity.
func (n Num) Int(t OID) (int64, error) {
	name := Lookup(t).Formal
	switch n.kind {
	case numNaN:
		return 0, pgerror.NotSupported("cannot convert NaN to %s", name)
	case numPosInf, numNegInf:
		return 0, pgerror.NotSupported("cannot convert infinity to %s", name)
	}
	v, _, ok := n.Round(0).Scaled()
	if !ok || t == Int4 && v != int64(int32(v)) || t == Int2 && v != int64(int16(v)) {
		return 0, ErrOutOfRange(t)
	}
	return v, nil
}

// ErrOutOfRange is PostgreSQL's 22003 of integer arithmetic, e.g. "integer out
// of range".
func ErrOutOfRange(t OID) error {
	return pgerror.Newf(pgerror.NumericValueOutOfRange, "%s out of range", Lookup(t).Formal)
}

// WithMod applies the modifier of t (numeric(p,s)) to n: rounds to the scale,
// and fails with 22003 when the result has more digits than the precision has
// room for.
func (n Num) WithMod(t Type) (Num, error) {
	p, s, ok := t.NumericMod()
	if !ok || n.kind == numNaN {
		return n, nil
	}
	if n.kind != numFinite {
		return n, pgerror.New(pgerror.NumericValueOutOfRange, "numeric field overflow").
			WithDetail("A field with precision %d, scale %d cannot hold an infinite value.", p, s)
	}
	n = n.Round(int32(s))
	if d := n.digits() - int(n.scale); d > p-s && !n.IsZero() {
		limit := "1"
		if p-s != 0 {
			limit = "10^" + strconv.Itoa(p-s)
		}
		return n, pgerror.New(pgerror.NumericValueOutOfRange, "numeric field overflow").
			WithDetail("A field with precision %d, scale %d must round to an absolute value less than %s.", p, s, limit)
	}
	return n, nil
}

// CompareNumeric compares two binary forms without decoding them: -1, 0, 1 in
// PostgreSQL's order (NaN largest, equal to itself). Both are well-formed.
func CompareNumeric(a, b []byte) int {
	sa, sb := numericSign(a), numericSign(b)
	if sa != sb || sa == numericNaNRank || sa == -2 || sa == 2 {
		return cmp.Compare(sa, sb)
	}
	if sa == 0 {
		return 0
	}
	c := compareDigits(a, b)
	if sa < 0 {
		return -c
	}
	return c
}

const numericNaNRank = 3

// numericSign ranks a binary form: -2 -Infinity, -1, 0, 1, 2 Infinity, 3 NaN.
func numericSign(b []byte) int {
	switch b[4] >> 4 {
	case 0xC:
		return numericNaNRank
	case 0xD:
		return 2
	case 0xF:
		return -2
	}
	if b[0]|b[1] == 0 {
		return 0
	}
	if b[4]&0x40 != 0 {
		return -1
	}
	return 1
}

// compareDigits compares magnitudes. Digits are stored without leading or
// trailing zero words, so the weight decides first and the words compare as
// bytes (they are big-endian and below 10000).
func compareDigits(a, b []byte) int {
	wa, wb := int16(uint16(a[2])<<8|uint16(a[3])), int16(uint16(b[2])<<8|uint16(b[3]))
	if wa != wb {
		return cmp.Compare(wa, wb)
	}
	x, y := a[numericHeaderSize:], b[numericHeaderSize:]
	n := min(len(x), len(y))
	for i := range n {
		if x[i] != y[i] {
			return cmp.Compare(x[i], y[i])
		}
	}
	return cmp.Compare(len(x), len(y))
}

// NormalizeNumeric appends a form of b that is equal for exactly those values
// that compare equal, whatever their display scales: for hashing and grouping.
// It is itself a valid binary form, of the least scale.
func NormalizeNumeric(dst, b []byte) []byte {
	start := len(dst)
	dst = append(dst, b...)
	h := dst[start:]
	h[6], h[7] = 0, 0
	if h[4]>>4 >= 0xC {
		return dst[:start+numericHeaderSize]
	}
	nd := int(h[0])<<8 | int(h[1])
	if nd == 0 {
		h[2], h[3], h[4], h[5] = 0, 0, 0, 0
		return dst
	}
	weight := int(int16(uint16(h[2])<<8 | uint16(h[3])))
	// The least scale follows from the last word: four digits per word behind
	// the point less the zeros at its end.
	scale := 4 * (nd - 1 - weight)
	last := int(h[len(h)-2])<<8 | int(h[len(h)-1])
	for k := 0; k < 3 && last%10 == 0; k++ {
		last /= 10
		scale--
	}
	scale = max(scale, 0)
	h[6], h[7] = byte(scale>>8), byte(scale)
	return dst
}

// ScaledFromNumeric reads a binary form as value * 10^-scale with the given
// scale, without allocation. ok is false when the value does not fit or has
// more digits behind the point.
func ScaledFromNumeric(b []byte, scale int32) (value int64, ok bool) {
	n := DecodeNumeric(b)
	if n.kind != numFinite || n.big != nil {
		return 0, false
	}
	if n.scale > scale {
		p := n.scale - scale
		if p >= int32(len(pow10u)) || n.lo%pow10u[p] != 0 {
			return 0, false
		}
		n.lo /= pow10u[p]
	} else if n.scale < scale {
		if n = n.times10(scale - n.scale); n.big != nil {
			return 0, false
		}
	}
	v, _, ok := n.Scaled()
	return v, ok
}

// NumericScale returns the display scale of a binary form.
func NumericScale(b []byte) int32 { return int32(b[6])<<8 | int32(b[7]) }
