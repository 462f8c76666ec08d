package types

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Limits of PostgreSQL's numeric.
const (
	maxNumericScale   = 16383  // digits after the point that a value may carry
	maxNumericDigits  = 131072 // digits before the point
	maxDisplayScale   = 1000   // display scale that computed results are cut to
	minSigDigits      = 16     // significant digits of inexact results, at least
	maxResultScale    = 2000   // scale of intermediate results
	numericNaNSign    = 0xC000
	numericPInfSign   = 0xD000
	numericNInfSign   = 0xF000
	numericNegSign    = 0x4000
	numericHeaderSize = 8
)

// numKind tells finite values from the special ones.
type numKind uint8

const (
	numFinite numKind = iota
	numNaN
	numPosInf
	numNegInf
)

// Num is a decoded numeric: coefficient * 10^-scale with the display scale
// scale, or NaN or an infinity. The zero value is 0 with scale 0. A Num is a
// value: operations never change their operands.
type Num struct {
	kind  numKind
	neg   bool
	scale int32
	lo    uint64   // the coefficient when big is nil
	big   *big.Int // the coefficient when it does not fit lo; never negative
}

// NaNNum returns NaN.
func NaNNum() Num { return Num{kind: numNaN} }

// InfNum returns Infinity, or -Infinity when neg is set.
func InfNum(neg bool) Num {
	if neg {
		return Num{kind: numNegInf}
	}
	return Num{kind: numPosInf}
}

// NumFromInt returns i with scale 0.
func NumFromInt(i int64) Num { return NumFromScaled(i, 0) }

// NumFromScaled returns v * 10^-scale with display scale scale (>= 0).
func NumFromScaled(v int64, scale int32) Num {
	if v < 0 {
		return Num{neg: true, lo: -uint64(v), scale: scale}
	}
	return Num{lo: uint64(v), scale: scale}
}

// NumFromBig returns v * 10^-scale with display scale scale (>= 0); v is not
// kept.
func NumFromBig(v *big.Int, scale int32) Num {
	return fromBig(new(big.Int).Abs(v), v.Sign() < 0, scale)
}

// fromBig takes over the non-negative b.
func fromBig(b *big.Int, neg bool, scale int32) Num {
	if b.IsUint64() {
		u := b.Uint64()
		return Num{lo: u, neg: neg && u != 0, scale: scale}
	}
	return Num{big: b, neg: neg, scale: scale}
}

// IsNaN reports whether n is NaN.
func (n Num) IsNaN() bool { return n.kind == numNaN }

// IsInf reports whether n is an infinity.
func (n Num) IsInf() bool { return n.kind == numPosInf || n.kind == numNegInf }

// IsZero reports whether n is zero.
func (n Num) IsZero() bool { return n.kind == numFinite && n.big == nil && n.lo == 0 }

// Scale returns the display scale of a finite value.
func (n Num) Scale() int32 { return n.scale }

// Sign returns -1, 0 or 1; 0 for NaN.
func (n Num) Sign() int {
	switch {
	case n.kind == numPosInf:
		return 1
	case n.kind == numNegInf:
		return -1
	case n.kind == numNaN || n.IsZero():
		return 0
	case n.neg:
		return -1
	}
	return 1
}

// Scaled returns n as value * 10^-scale for a finite n whose coefficient fits.
func (n Num) Scaled() (value int64, scale int32, ok bool) {
	if n.kind != numFinite || n.big != nil {
		return 0, 0, false
	}
	if n.neg {
		if n.lo > 1<<63 {
			return 0, 0, false
		}
		return -int64(n.lo), n.scale, true
	}
	if n.lo > 1<<63-1 {
		return 0, 0, false
	}
	return int64(n.lo), n.scale, true
}

// coef returns the coefficient as a big integer that must not be changed.
func (n Num) coef() *big.Int {
	if n.big != nil {
		return n.big
	}
	return new(big.Int).SetUint64(n.lo)
}

// Unscaled returns the signed coefficient of a finite n as a fresh integer: n is
// Unscaled * 10^-Scale.
func (n Num) Unscaled() *big.Int {
	b := new(big.Int).Set(n.coef())
	if n.neg {
		b.Neg(b)
	}
	return b
}

var pow10u = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// bigPow10 returns 10^n.
func bigPow10(n int32) *big.Int {
	if n < int32(len(pow10u)) {
		return new(big.Int).SetUint64(pow10u[n])
	}
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// decimalDigits returns the number of decimal digits of u, 0 for 0.
func decimalDigits(u uint64) int {
	// The bit length gives the count to within one.
	d := bits.Len64(u) * 1233 >> 12
	if d < len(pow10u) && u >= pow10u[d] {
		d++
	}
	return d
}

// digits returns the number of decimal digits of the coefficient, 0 for 0.
func (n Num) digits() int {
	if n.big == nil {
		return decimalDigits(n.lo)
	}
	return bigDigits(n.big)
}

// bigDigits returns the number of decimal digits of b > 0.
func bigDigits(b *big.Int) int {
	d := int(float64(b.BitLen()-1) * 0.30102999566398119)
	if b.CmpAbs(bigPow10(int32(d))) >= 0 {
		d++
		if b.CmpAbs(bigPow10(int32(d))) >= 0 {
			d++
		}
	}
	return d
}

// errNumericOverflow is what PostgreSQL says when a value has too many digits.
func errNumericOverflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value overflows numeric format")
}

// check returns n, or an error when it has too many digits for a numeric.
func (n Num) check() (Num, error) {
	if n.scale > maxNumericScale {
		return n, errNumericOverflow()
	}
	// 10^131072 has 435412 bits: anything shorter needs no exact count.
	if n.big != nil && n.big.BitLen() > 400000 && n.digits()-int(n.scale) > maxNumericDigits {
		return n, errNumericOverflow()
	}
	return n, nil
}

// DecodeNumeric decodes the binary form. Broken input reads as NaN, the one
// value that makes no claim; ParseBinary refuses it before it gets here.
func DecodeNumeric[T ~string | ~[]byte](b T) Num {
	if len(b) < numericHeaderSize {
		return NaNNum()
	}
	nd := int(b[0])<<8 | int(b[1])
	weight := int(int16(uint16(b[2])<<8 | uint16(b[3])))
	sign := uint16(b[4])<<8 | uint16(b[5])
	scale := int(b[6])<<8 | int(b[7])
	switch sign {
	case numericNaNSign:
		return NaNNum()
	case numericPInfSign:
		return InfNum(false)
	case numericNInfSign:
		return InfNum(true)
	}
	if len(b) < numericHeaderSize+2*nd {
		return NaNNum()
	}
	n := Num{neg: sign == numericNegSign, scale: int32(scale)}
	frac := (scale + 3) / 4
	pad := frac*4 - scale
	// Words weight..-frac make the coefficient times 10^pad; those beyond the
	// stored digits are zero.
	words := weight + 1 + frac
	if nd == 0 || words <= 0 {
		n.neg = false
		return n
	}
	var lo uint64
	i := 0
	for ; i < words; i++ {
		hi, next := bits.Mul64(lo, 10000)
		var d uint64
		if i < nd {
			d = uint64(b[numericHeaderSize+2*i])<<8 | uint64(b[numericHeaderSize+2*i+1])
		}
		next, carry := bits.Add64(next, d, 0)
		if hi+carry != 0 {
			break
		}
		lo = next
	}
	if i == words {
		n.lo = lo / pow10u[pad]
		n.neg = n.neg && n.lo != 0
		return n
	}
	text := make([]byte, 0, 4*words)
	for i := range words {
		var d uint16
		if i < nd {
			d = uint16(b[numericHeaderSize+2*i])<<8 | uint16(b[numericHeaderSize+2*i+1])
		}
		text = append(text, byte('0'+d/1000%10), byte('0'+d/100%10), byte('0'+d/10%10), byte('0'+d%10))
	}
	c, ok := new(big.Int).SetString(string(text[:len(text)-pad]), 10)
	if !ok {
		return NaNNum()
	}
	return fromBig(c, n.neg, n.scale)
}

// Append appends the binary form (numeric_send) of n.
func (n Num) Append(dst []byte) []byte {
	switch n.kind {
	case numNaN:
		return append(dst, 0, 0, 0, 0, 0xC0, 0, 0, 0)
	case numPosInf:
		return append(dst, 0, 0, 0, 0, 0xD0, 0, 0, 0x20)
	case numNegInf:
		return append(dst, 0, 0, 0, 0, 0xF0, 0, 0, 0x20)
	}
	if n.big == nil {
		return appendCoefficient(dst, 0, n.lo, n.neg, n.scale)
	}
	if w := n.big.Bits(); len(w) == 2 && bits.UintSize == 64 {
		return appendCoefficient(dst, uint64(w[1]), uint64(w[0]), n.neg, n.scale)
	}
	frac := (int(n.scale) + 3) / 4
	pad := frac*4 - int(n.scale)
	text := n.coef().Append(make([]byte, 0, 64), 10)
	for range pad {
		text = append(text, '0')
	}
	lead := (4 - len(text)%4) % 4
	words := (len(text) + lead) / 4
	start := len(dst)
	dst = append(dst, make([]byte, numericHeaderSize)...)
	first, last := -1, -1
	for w := range words {
		var d uint16
		for k := 4*w - lead; k < 4*w-lead+4; k++ {
			d *= 10
			if k >= 0 {
				d += uint16(text[k] - '0')
			}
		}
		if d != 0 {
			if first < 0 {
				first = w
			}
			last = w
		}
		if first >= 0 {
			dst = binary.BigEndian.AppendUint16(dst, d)
		}
	}
	h := dst[start:]
	if first >= 0 {
		dst = dst[:start+numericHeaderSize+2*(last-first+1)]
		binary.BigEndian.PutUint16(h, uint16(last-first+1))
		binary.BigEndian.PutUint16(h[2:], uint16(int16(words-1-first-frac)))
		if n.neg {
			h[4] = 0x40
		}
	}
	binary.BigEndian.PutUint16(h[6:], uint16(n.scale))
	return dst
}

// Datum returns n as a numeric datum.
func (n Num) Datum() Datum {
	var scratch [64]byte
	return Datum{S: string(n.Append(scratch[:0]))}
}

// AppendText appends n as PostgreSQL prints it.
func (n Num) AppendText(dst []byte) []byte {
	switch n.kind {
	case numNaN:
		return append(dst, "NaN"...)
	case numPosInf:
		return append(dst, "Infinity"...)
	case numNegInf:
		return append(dst, "-Infinity"...)
	}
	if n.neg {
		dst = append(dst, '-')
	}
	if n.big == nil {
		return appendPoint(dst, n.lo, int(n.scale))
	}
	text := n.big.Append(make([]byte, 0, 64), 10)
	point := len(text) - int(n.scale)
	if point > 0 {
		dst = append(dst, text[:point]...)
		text = text[point:]
	} else {
		dst = append(dst, '0')
	}
	if n.scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ; point < 0; point++ {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

// String returns n as PostgreSQL prints it.
func (n Num) String() string { return string(n.AppendText(nil)) }

// ParseNum reads PostgreSQL's numeric input syntax.
func ParseNum(s string) (Num, error) {
	bad := func() (Num, error) { return Num{}, errSyntax("numeric", s) }
	t := strings.TrimFunc(s, isSpaceRune)
	neg := false
	body := t
	if body != "" && (body[0] == '+' || body[0] == '-') {
		neg = body[0] == '-'
		body = body[1:]
	}
	if body == "" {
		return bad()
	}
	if c := body[0]; c != '.' && (c < '0' || c > '9') {
		switch {
		case strings.EqualFold(t, "nan"):
			return NaNNum(), nil
		case strings.EqualFold(body, "infinity"), strings.EqualFold(body, "inf"):
			return InfNum(neg), nil
		}
		return bad()
	}
	var lo uint64
	fits := true
	digits, fraction, i := 0, 0, 0
	point := false
	for ; i < len(body); i++ {
		c := body[i]
		if c == '.' {
			if point {
				return bad()
			}
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if point {
			fraction++
		}
		if fits {
			if lo > (1<<64-10)/10 {
				fits = false
			} else {
				lo = lo*10 + uint64(c-'0')
			}
		}
	}
	if digits == 0 {
		return bad()
	}
	mantissa := body[:i]
	exponent := 0
	if i < len(body) {
		if body[i] != 'e' && body[i] != 'E' {
			return bad()
		}
		e := body[i+1:]
		eneg := false
		if e != "" && (e[0] == '+' || e[0] == '-') {
			eneg = e[0] == '-'
			e = e[1:]
		}
		if e == "" {
			return bad()
		}
		for k := range len(e) {
			if e[k] < '0' || e[k] > '9' {
				return bad()
			}
			if exponent = exponent*10 + int(e[k]-'0'); exponent >= 1<<30 {
				return bad()
			}
		}
		if eneg {
			exponent = -exponent
		}
	}
	n := Num{neg: neg, lo: lo}
	if !fits {
		c, ok := new(big.Int).SetString(strings.Replace(mantissa, ".", "", 1), 10)
		if !ok {
			return bad()
		}
		n = fromBig(c, neg, 0)
	}
	scale := fraction - exponent
	if n.IsZero() {
		n.neg = false
		n.scale = int32(min(max(scale, 0), maxNumericScale))
		if scale > maxNumericScale {
			return Num{}, errNumericOverflow()
		}
		return n, nil
	}
	if scale < 0 {
		if n.digits()-scale > maxNumericDigits {
			return Num{}, errNumericOverflow()
		}
		n = n.times10(int32(-scale))
		scale = 0
	}
	if scale > maxNumericScale {
		return Num{}, errNumericOverflow()
	}
	n.scale = int32(scale)
	return n.check()
}

// times10 multiplies the coefficient by 10^k, leaving the scale field alone.
func (n Num) times10(k int32) Num {
	if k == 0 || n.IsZero() {
		return n
	}
	if n.big == nil && k < int32(len(pow10u)) {
		if hi, lo := bits.Mul64(n.lo, pow10u[k]); hi == 0 {
			n.lo = lo
			return n
		}
	}
	return fromBig(new(big.Int).Mul(n.coef(), bigPow10(k)), n.neg, n.scale)
}

// StoredSize is the number of bytes that PostgreSQL stores a finite value in,
// with its length word.
func (n Num) StoredSize() int64 { return int64(len(n.Append(nil))) - 2 }
