package types

import "encoding/binary"

// AppendScaled appends the binary form (numeric_send) of value * 10^-scale with
// display scale scale (0..18).
func AppendScaled(dst []byte, value int64, scale int32) []byte {
	const base = 10000
	neg := value < 0
	u := uint64(value)
	if neg {
		u = -u
	}
	// Align the fraction to whole base-10000 digits.
	frac := (int(scale) + 3) / 4 // base-10000 digits behind the point
	pad := frac*4 - int(scale)
	var digits [8]uint16 // least significant first; 20 decimal digits + 3 of padding
	n := 0
	mul := [...]uint64{1, 10, 100, 1000}[pad]
	// The first digit takes 4-pad decimal digits, the others four.
	if pad > 0 {
		div := uint64(base) / mul
		digits[0] = uint16(u % div * mul)
		u /= div
		n = 1
	}
	for u > 0 {
		digits[n] = uint16(u % base)
		u /= base
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
