package kernel

import (
	"math/bits"

	"github.com/hubsql/hubsql/exec/vector"
)

// Integer is the integers of SQL.
type Integer interface{ ~int16 | ~int32 | ~int64 }

// Add stores a + b and returns the first row that overflows among those valid
// marks (nil: all), -1 for none. A Const side has one value.
func Add[T Integer](a, b []T, ka, kb vector.Kind, n int, out []T, valid vector.Bitmap) int {
	out = out[:n]
	var bad T
	switch {
	case kb == vector.Const:
		c := b[0]
		for i, x := range a[:n] {
			s := x + c
			bad |= (x ^ s) & (c ^ s)
			out[i] = s
		}
	case ka == vector.Const:
		return Add(b, a, kb, ka, n, out, valid)
	default:
		b = b[:n]
		for i, x := range a[:n] {
			y := b[i]
			s := x + y
			bad |= (x ^ s) & (y ^ s)
			out[i] = s
		}
	}
	if bad >= 0 {
		return -1
	}
	for i := range n {
		if x, y, s := a[pick(ka, i)], b[pick(kb, i)], out[i]; (x^s)&(y^s) < 0 && (valid == nil || valid.Get(i)) {
			return i
		}
	}
	return -1
}

// Sub stores a - b; see Add.
func Sub[T Integer](a, b []T, ka, kb vector.Kind, n int, out []T, valid vector.Bitmap) int {
	out = out[:n]
	var bad T
	switch {
	case kb == vector.Const:
		c := b[0]
		for i, x := range a[:n] {
			s := x - c
			bad |= (x ^ c) & (x ^ s)
			out[i] = s
		}
	case ka == vector.Const:
		c := a[0]
		for i, y := range b[:n] {
			s := c - y
			bad |= (c ^ y) & (c ^ s)
			out[i] = s
		}
	default:
		b = b[:n]
		for i, x := range a[:n] {
			y := b[i]
			s := x - y
			bad |= (x ^ y) & (x ^ s)
			out[i] = s
		}
	}
	if bad >= 0 {
		return -1
	}
	for i := range n {
		if x, y, s := a[pick(ka, i)], b[pick(kb, i)], out[i]; (x^y)&(x^s) < 0 && (valid == nil || valid.Get(i)) {
			return i
		}
	}
	return -1
}

// Mul stores a * b for integers of up to 32 bits; see Add.
func Mul[T ~int16 | ~int32](a, b []T, ka, kb vector.Kind, n int, out []T, valid vector.Bitmap) int {
	out = out[:n]
	bad := false
	switch {
	case kb == vector.Const:
		c := int64(b[0])
		for i, x := range a[:n] {
			p := int64(x) * c
			out[i] = T(p)
			bad = bad || int64(T(p)) != p
		}
	case ka == vector.Const:
		return Mul(b, a, kb, ka, n, out, valid)
	default:
		b = b[:n]
		for i, x := range a[:n] {
			p := int64(x) * int64(b[i])
			out[i] = T(p)
			bad = bad || int64(T(p)) != p
		}
	}
	if !bad {
		return -1
	}
	for i := range n {
		p := int64(a[pick(ka, i)]) * int64(b[pick(kb, i)])
		if int64(T(p)) != p && (valid == nil || valid.Get(i)) {
			return i
		}
	}
	return -1
}

// Mul64 is Mul for bigint.
func Mul64(a, b []int64, ka, kb vector.Kind, n int, out []int64, valid vector.Bitmap) int {
	out = out[:n]
	var ma, mb uint64 // the OR of all magnitudes of a side
	switch {
	case kb == vector.Const:
		c := b[0]
		mb = uint64(c ^ c>>63)
		for i, x := range a[:n] {
			ma |= uint64(x ^ x>>63)
			out[i] = x * c
		}
	case ka == vector.Const:
		return Mul64(b, a, kb, ka, n, out, valid)
	default:
		b = b[:n]
		for i, x := range a[:n] {
			y := b[i]
			ma |= uint64(x ^ x>>63)
			mb |= uint64(y ^ y>>63)
			out[i] = x * y
		}
	}
	// |x| <= 2^Len(x^x>>63), so products stay within 62 bits.
	if bits.Len64(ma)+bits.Len64(mb) <= 62 {
		return -1
	}
	for i := range n {
		if mulOverflows(a[pick(ka, i)], b[pick(kb, i)]) && (valid == nil || valid.Get(i)) {
			return i
		}
	}
	return -1
}

// mulOverflows reports whether x*y is beyond 64 bits.
func mulOverflows(x, y int64) bool {
	if uint64(x+1<<31) < 1<<32 && uint64(y+1<<31) < 1<<32 {
		return false
	}
	p := x * y
	return x != 0 && (p/x != y || x == -1 && y == -1<<63)
}
