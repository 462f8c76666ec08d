package dataset

import "math/bits"

// Random gives the numbers of one row. It is cheap to make, so that a row's
// values depend on the row alone and not on the rows before it.
type Random struct{ state uint64 }

// NewRandom returns the numbers of a row of a stream; streams are numbered by the
// generators as they like.
func NewRandom(stream, row uint64) Random {
	return Random{mix(mix(stream+0x632be59bd9b4e019) ^ row*0x9e3779b97f4a7c15)}
}

// mix spreads the bits of x (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Uint64 returns the next number.
func (r *Random) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	return mix(r.state)
}

// Below returns a number in [0, n).
func (r *Random) Below(n int64) int64 {
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int64(hi)
}

// Between returns a number in [low, high].
func (r *Random) Between(low, high int64) int64 { return low + r.Below(high-low+1) }

// Float returns a number in [0, 1).
func (r *Random) Float() float64 { return float64(r.Uint64()>>11) / (1 << 53) }
