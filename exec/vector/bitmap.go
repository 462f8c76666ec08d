package vector

import "math/bits"

// Bitmap is Arrow's validity bitmap as 64-bit words, least significant bit
// first.
type Bitmap []uint64

// NewBitmap returns a bitmap of n set bits.
func NewBitmap(n int) Bitmap {
	b := make(Bitmap, (n+63)/64)
	for i := range b {
		b[i] = ^uint64(0)
	}
	return b
}

// Get reports bit i.
func (b Bitmap) Get(i int) bool { return b[i>>6]>>(uint(i)&63)&1 != 0 }

// Set sets bit i.
func (b Bitmap) Set(i int) { b[i>>6] |= 1 << (uint(i) & 63) }

// Clear clears bit i.
func (b Bitmap) Clear(i int) { b[i>>6] &^= 1 << (uint(i) & 63) }

// SetTo sets bit i to on, without a branch.
func (b Bitmap) SetTo(i int, on bool) {
	var bit uint64
	if on {
		bit = 1
	}
	w, s := i>>6, uint(i)&63
	b[w] = b[w]&^(1<<s) | bit<<s
}

// Count returns the number of set bits among the first n.
func (b Bitmap) Count(n int) int {
	c := 0
	for i := 0; i < n>>6; i++ {
		c += bits.OnesCount64(b[i])
	}
	if r := uint(n) & 63; r != 0 {
		c += bits.OnesCount64(b[n>>6] & (1<<r - 1))
	}
	return c
}

// And stores a AND b over n bits into dst, which may be one of them, and
// returns dst grown to n bits. A nil operand means all bits set; two nil
// operands give nil.
func And(dst, a, b Bitmap, n int) Bitmap {
	if a == nil && b == nil {
		return nil
	}
	words := (n + 63) / 64
	if cap(dst) < words {
		dst = make(Bitmap, words)
	}
	dst = dst[:words]
	switch {
	case a == nil:
		copy(dst, b[:words])
	case b == nil:
		copy(dst, a[:words])
	default:
		for i := range dst {
			dst[i] = a[i] & b[i]
		}
	}
	return dst
}
