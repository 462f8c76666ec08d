package kernel

import (
	"encoding/binary"
	"math/bits"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Pow10 holds the powers of ten that fit an int64.
var Pow10 = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// Unscale decodes a numeric in binary form to value * 10^-scale, where scale is
// its display scale. It reports false for NaN, infinities, values beyond an
// int64 and display scales above 18.
func Unscale(b []byte) (value int64, scale int32, ok bool) {
	if len(b) < 8 {
		return 0, 0, false
	}
	n := int(binary.BigEndian.Uint16(b))
	weight := int(int16(binary.BigEndian.Uint16(b[2:])))
	sign := binary.BigEndian.Uint16(b[4:])
	scale = int32(binary.BigEndian.Uint16(b[6:]))
	if sign&^0x4000 != 0 || scale > 18 || len(b) < 8+2*n {
		return 0, 0, false
	}
	var u uint64
	// Digit i stands for 10000^(weight-i); in units of 10^-scale that is
	// 10^(4*(weight-i)+scale). Digits are taken most significant first, and the
	// rest is one multiplication at the end.
	for i := range n {
		e := 4*(weight-i) + int(scale)
		d := uint64(binary.BigEndian.Uint16(b[8+2*i:]))
		if e < 0 {
			// A digit that is partly behind the display scale: its hidden
			// part is zero in a well-formed value.
			if e <= -4 {
				if d != 0 {
					return 0, 0, false
				}
				continue
			}
			p := uint64(Pow10[-e])
			if d%p != 0 {
				return 0, 0, false
			}
			d /= p
			e = 0
		}
		if d == 0 {
			continue
		}
		if e > 18 {
			return 0, 0, false
		}
		hi, lo := bits.Mul64(d, uint64(Pow10[e]))
		s, c := bits.Add64(u, lo, 0)
		if hi != 0 || c != 0 || s > 1<<63-1 {
			return 0, 0, false
		}
		u = s
	}
	if sign != 0 {
		return -int64(u), scale, true
	}
	return int64(u), scale, true
}

// Normalize strips trailing zeros behind the point.
func Normalize(value int64, scale int32) (int64, int32) {
	for scale > 0 && value%10 == 0 {
		value /= 10
		scale--
	}
	return value, scale
}

// NumericBytes returns the binary form of row i of a numeric vector, appended
// to scratch when the vector is scaled.
func NumericBytes(scratch []byte, v *vector.Vec, i int) []byte {
	switch v.Kind {
	case vector.Const:
		i = 0
	case vector.Dict:
		i, v = int(v.Codes[i]), v.Dict
	}
	if v.Scaled {
		return types.AppendScaled(scratch, v.Int64s()[i], v.Scale)
	}
	return v.Bytes(i)
}

// Unscaled returns a numeric vector in views form: v itself, or a copy of its n
// rows.
func Unscaled(v *vector.Vec, n int) *vector.Vec {
	if v.Kind == vector.Dict {
		c := *v
		c.Flatten(n)
		v = &c
	}
	if !v.Scaled {
		return v
	}
	if v.Kind == vector.Const {
		n = 1
	}
	out := vector.New(v.Type, n)
	out.Kind, out.Valid = v.Kind, v.Valid
	var buf [64]byte
	for i, x := range v.Int64s()[:n] {
		out.SetBytes(i, types.AppendScaled(buf[:0], x, v.Scale))
	}
	return out
}

// ToScaled returns a numeric vector of n rows as scaled values in out's storage
// when every value fits with the same display scale, else nil.
func ToScaled(out, v *vector.Vec, n int) *vector.Vec {
	if v.Scaled || v.Kind == vector.Dict {
		return nil
	}
	if v.Kind == vector.Const {
		n = 1
	}
	scale := int32(-1)
	out.Reset(v.Type, n)
	dst := out.Int64s()
	for i := range n {
		if v.Valid != nil && !v.Valid.Get(i) {
			dst[i] = 0
			continue
		}
		x, s, ok := Unscale(v.Bytes(i))
		if !ok || scale >= 0 && s != scale {
			return nil
		}
		dst[i], scale = x, s
	}
	out.Kind, out.Valid, out.Scaled, out.Scale = v.Kind, v.Valid, true, max(scale, 0)
	return out
}

// CompareScaled orders a*10^-as and b*10^-bs.
func CompareScaled(a int64, as int32, b int64, bs int32) int {
	if as == bs {
		return Order(a, b)
	}
	if as < bs {
		return -CompareScaled(b, bs, a, as)
	}
	// as > bs: b is scaled up by 10^(as-bs), in 128 bits.
	if (a < 0) != (b < 0) {
		return Order(a, b)
	}
	ua, ub := uint64(a), uint64(b)
	if a < 0 {
		ua, ub = -ua, -ub
	}
	hi, lo := bits.Mul64(ub, uint64(Pow10[as-bs]))
	r := 1
	switch {
	case hi != 0 || lo > ua:
		r = -1
	case lo == ua:
		r = 0
	}
	if a < 0 {
		return -r
	}
	return r
}

// numericSign returns the class of a binary numeric: its sign word.
func numericSign(b []byte) uint16 { return binary.BigEndian.Uint16(b[4:]) }

// CompareNumeric orders two numerics in binary form as PostgreSQL does: NaN is
// equal to NaN and above everything, infinities are at the ends.
func CompareNumeric(a, b []byte) int {
	ra, rb := numericRank(a), numericRank(b)
	if ra != rb {
		return Order(ra, rb)
	}
	if ra != 0 {
		return 0
	}
	sa, sb := signum(a), signum(b)
	if sa != sb {
		return Order(sa, sb)
	}
	if sa == 0 {
		return 0
	}
	return sa * compareMagnitude(a, b)
}

// numericRank places the special values around the finite ones.
func numericRank(b []byte) int {
	switch numericSign(b) {
	case 0xC000:
		return 2
	case 0xD000:
		return 1
	case 0xF000:
		return -1
	}
	return 0
}

// signum returns the sign of a finite numeric.
func signum(b []byte) int {
	n := int(binary.BigEndian.Uint16(b))
	for i := range n {
		if binary.BigEndian.Uint16(b[8+2*i:]) != 0 {
			if numericSign(b) != 0 {
				return -1
			}
			return 1
		}
	}
	return 0
}

// compareMagnitude orders the absolute values of two finite, non-zero numerics.
func compareMagnitude(a, b []byte) int {
	da, wa := significant(a)
	db, wb := significant(b)
	if wa != wb {
		return Order(wa, wb)
	}
	for i := 0; i < len(da) || i < len(db); i += 2 {
		var x, y uint16
		if i < len(da) {
			x = binary.BigEndian.Uint16(da[i:])
		}
		if i < len(db) {
			y = binary.BigEndian.Uint16(db[i:])
		}
		if x != y {
			return Order(x, y)
		}
	}
	return 0
}

// significant returns the digits of a numeric without leading and trailing zero
// digits, and the weight of the first.
func significant(b []byte) (digits []byte, weight int) {
	n := int(binary.BigEndian.Uint16(b))
	weight = int(int16(binary.BigEndian.Uint16(b[2:])))
	digits = b[8 : 8+2*n]
	for len(digits) > 0 && digits[0] == 0 && digits[1] == 0 {
		digits = digits[2:]
		weight--
	}
	for len(digits) > 0 && digits[len(digits)-1] == 0 && digits[len(digits)-2] == 0 {
		digits = digits[:len(digits)-2]
	}
	return digits, weight
}
