package types

import (
	"encoding/binary"
	"math/bits"
)

// AppendScaled appends the binary form (numeric_send) of value * 10^-scale with
// display scale scale (0..18).
func AppendScaled(dst []byte, value int64, scale int32) []byte {
	if value < 0 {
		return appendCoefficient(dst, 0, -uint64(value), true, scale)
	}
	return appendCoefficient(dst, 0, uint64(value), false, scale)
}

// appendCoefficient appends the binary form of (hi * 2^64 + lo) * 10^-scale, negated
// when neg is set.
func appendCoefficient(dst []byte, hi, lo uint64, neg bool, scale int32) []byte {
	const base = 10000
	// Align the fraction to whole base-10000 digits.
	frac := (int(scale) + 3) / 4 // base-10000 digits behind the point
	pad := frac*4 - int(scale)
	var digits [16]uint16 // least significant first; 39 decimal digits + 3 of padding
	n := 0
	mul := [...]uint64{1, 10, 100, 1000}[pad]
	// The first digit takes 4-pad decimal digits, the others four.
	if pad > 0 {
		div := uint64(base) / mul
		var rest uint64
		hi, lo, rest = divWide(hi, lo, div)
		digits[0] = uint16(rest * mul)
		n = 1
	}
	for hi > 0 {
		var rest uint64
		hi, lo, rest = divWide(hi, lo, base*base*base*base)
		for range 4 {
			digits[n] = uint16(rest % base)
			rest /= base
			n++
		}
	}
	for lo > 0 {
		digits[n] = uint16(lo % base)
		lo /= base
		n++
	}
	for n > 0 && digits[n-1] == 0 {
		n--
	}
	low := 0
	for low < n && digits[low] == 0 {
		low++
	}
	weight := n - 1 - frac
	if n == low {
		n, low, weight, neg = 0, 0, 0, false
	}
	sign := uint16(0)
	if neg {
		sign = 0x4000
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(n-low))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	for i := n - 1; i >= low; i-- {
		dst = binary.BigEndian.AppendUint16(dst, digits[i])
	}
	return dst
}

// divWide divides hi * 2^64 + lo by d.
func divWide(hi, lo, d uint64) (qhi, qlo, rest uint64) {
	if hi == 0 {
		return 0, lo / d, lo % d
	}
	qlo, rest = bits.Div64(hi%d, lo, d)
	return hi / d, qlo, rest
}

// AppendQuotient appends the binary form of value * 10^-scale / n, n > 0, as Num.Div
// gives it: it is what an average is made of.
func AppendQuotient(dst []byte, value int64, scale int32, n int64) []byte {
	a, b := NumFromScaled(value, scale), NumFromInt(n)
	to := divScale(a, b)
	if shift := to - scale; shift >= 0 && int(shift) < len(pow10u) {
		hi, lo := bits.Mul64(a.lo, pow10u[shift])
		hi, lo, rest := divWide(hi, lo, b.lo)
		if rest >= b.lo-rest {
			var carry uint64
			lo, carry = bits.Add64(lo, 1, 0)
			hi += carry
		}
		return appendCoefficient(dst, hi, lo, a.neg, to)
	}
	// The divisor is not zero and the quotient no larger than the dividend.
	q, _ := a.Div(b)
	return q.Append(dst)
}
