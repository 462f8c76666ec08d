package types

import (
	"cmp"
	"math/big"
	"math/bits"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// errDivisionByZero is PostgreSQL's 22012.
func errDivisionByZero() error {
	return pgerror.New(pgerror.DivisionByZero, "division by zero")
}

// align gives both operands the larger of the two scales.
func align(a, b Num) (Num, Num) {
	switch {
	case a.scale < b.scale:
		a = a.times10(b.scale - a.scale)
		a.scale = b.scale
	case b.scale < a.scale:
		b = b.times10(a.scale - b.scale)
		b.scale = a.scale
	}
	return a, b
}

// Neg returns -n.
func (n Num) Neg() Num {
	switch n.kind {
	case numPosInf:
		n.kind = numNegInf
	case numNegInf:
		n.kind = numPosInf
	case numFinite:
		n.neg = !n.neg && !n.IsZero()
	}
	return n
}

// Abs returns the absolute value.
func (n Num) Abs() Num {
	if n.kind == numNegInf {
		n.kind = numPosInf
	}
	n.neg = false
	return n
}

// Add returns a+b with the larger of the two scales. It fails with 22003 when
// the result has too many digits.
func (a Num) Add(b Num) (Num, error) {
	if a.kind|b.kind != numFinite {
		switch {
		case a.IsNaN() || b.IsNaN() || a.IsInf() && b.IsInf() && a.kind != b.kind:
			return NaNNum(), nil
		case a.IsInf():
			return a, nil
		}
		return b, nil
	}
	a, b = align(a, b)
	if a.big == nil && b.big == nil {
		if a.neg == b.neg {
			if sum, carry := bits.Add64(a.lo, b.lo, 0); carry == 0 {
				a.lo = sum
				return a, nil
			}
		} else {
			if a.lo < b.lo {
				a, b = b, a
			}
			a.lo -= b.lo
			a.neg = a.neg && a.lo != 0
			return a, nil
		}
	}
	sum := a.Unscaled()
	if b.neg {
		sum.Sub(sum, b.coef())
	} else {
		sum.Add(sum, b.coef())
	}
	neg := sum.Sign() < 0
	return fromBig(sum.Abs(sum), neg, a.scale).check()
}

// Sub returns a-b with the larger of the two scales.
func (a Num) Sub(b Num) (Num, error) { return a.Add(b.Neg()) }

// Mul returns a*b; its scale is the sum of the scales, at most 16383.
func (a Num) Mul(b Num) (Num, error) {
	if a.kind|b.kind != numFinite {
		if a.IsNaN() || b.IsNaN() || a.IsZero() || b.IsZero() {
			return NaNNum(), nil
		}
		return InfNum(a.Sign() != b.Sign()), nil
	}
	scale := a.scale + b.scale
	neg := a.neg != b.neg
	if a.big == nil && b.big == nil {
		if hi, lo := bits.Mul64(a.lo, b.lo); hi == 0 {
			n := Num{lo: lo, neg: neg && lo != 0, scale: scale}
			if scale > maxNumericScale {
				n = n.Round(maxNumericScale)
			}
			return n, nil
		}
	}
	n := fromBig(new(big.Int).Mul(a.coef(), b.coef()), neg, scale)
	if scale > maxNumericScale {
		n = n.Round(maxNumericScale)
	}
	return n.check()
}

// firstWord returns the first non-zero base-10000 digit of a finite n and its
// weight, as PostgreSQL stores it; 0, 0 for zero.
func (n Num) firstWord() (word, weight int) {
	d := n.digits()
	if d == 0 {
		return 0, 0
	}
	// top is the decimal weight of the first digit.
	top := d - 1 - int(n.scale)
	weight = top >> 2 // floor
	keep := top - weight*4 + 1
	if n.big == nil {
		if d > keep {
			return int(n.lo / pow10u[d-keep]), weight
		}
		return int(n.lo * pow10u[keep-d]), weight
	}
	return int(new(big.Int).Quo(n.big, bigPow10(int32(d-keep))).Int64()), weight
}

// divScale is the scale PostgreSQL gives a quotient: enough for 16 significant
// digits, never less than either operand's.
func divScale(a, b Num) int32 {
	f1, w1 := a.firstWord()
	f2, w2 := b.firstWord()
	q := w1 - w2
	if f1 <= f2 {
		q--
	}
	return int32(min(max(minSigDigits-q*4, int(a.scale), int(b.scale), 0), maxDisplayScale))
}

// Div returns a/b rounded to the scale that PostgreSQL selects. It fails with
// 22012 for a zero divisor.
func (a Num) Div(b Num) (Num, error) {
	if a.kind|b.kind != numFinite {
		switch {
		case a.IsNaN() || b.IsNaN():
			return NaNNum(), nil
		case a.IsInf() && b.IsInf():
			return NaNNum(), nil
		case a.IsInf():
			if b.IsZero() {
				return Num{}, errDivisionByZero()
			}
			return InfNum(a.Sign() != b.Sign()), nil
		}
		return Num{}, nil
	}
	if b.IsZero() {
		return Num{}, errDivisionByZero()
	}
	return a.divTo(b, divScale(a, b), true).check()
}

// DivTrunc returns the integer quotient of a/b, truncated toward zero (SQL's
// div function), with scale 0.
func (a Num) DivTrunc(b Num) (Num, error) {
	if a.kind|b.kind != numFinite {
		return a.Div(b)
	}
	if b.IsZero() {
		return Num{}, errDivisionByZero()
	}
	return a.divTo(b, 0, false).check()
}

// divTo divides finite values to the given scale, rounding half away from zero
// or truncating. b is not zero.
func (a Num) divTo(b Num, scale int32, round bool) Num {
	// a.coef*10^-as / (b.coef*10^-bs) = q*10^-scale, so
	// q = a.coef * 10^(scale + bs - as) / b.coef.
	shift := scale + b.scale - a.scale
	neg := a.neg != b.neg
	if a.big == nil && b.big == nil && shift >= 0 && shift < int32(len(pow10u)) {
		hi, lo := bits.Mul64(a.lo, pow10u[shift])
		if hi < b.lo {
			q, r := bits.Div64(hi, lo, b.lo)
			if round && r >= b.lo-r {
				q++
				if q == 0 {
					return fromBig(new(big.Int).Lsh(big.NewInt(1), 64), neg, scale)
				}
			}
			return Num{lo: q, neg: neg && q != 0, scale: scale}
		}
	}
	x, y := a.coef(), b.coef()
	if shift >= 0 {
		x = new(big.Int).Mul(x, bigPow10(shift))
	} else {
		y = new(big.Int).Mul(y, bigPow10(-shift))
	}
	q, r := new(big.Int).QuoRem(x, y, new(big.Int))
	if round && r.Lsh(r, 1).Cmp(y) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	return fromBig(q, neg, scale)
}

// Mod returns the remainder of a/b, with the sign of a and the larger scale.
func (a Num) Mod(b Num) (Num, error) {
	if a.kind|b.kind != numFinite {
		switch {
		case a.IsNaN() || b.IsNaN():
			return NaNNum(), nil
		case a.IsInf():
			if b.IsZero() {
				return Num{}, errDivisionByZero()
			}
			return NaNNum(), nil
		}
		return a, nil
	}
	if b.IsZero() {
		return Num{}, errDivisionByZero()
	}
	x, y := align(a, b)
	if x.big == nil && y.big == nil {
		x.lo %= y.lo
		x.neg = x.neg && x.lo != 0
		return x, nil
	}
	return fromBig(new(big.Int).Rem(x.coef(), y.coef()), x.neg, x.scale), nil
}

// Round rounds half away from zero to scale digits after the point; a negative
// scale rounds before the point. The display scale becomes max(scale, 0). NaN
// and the infinities stay.
func (n Num) Round(scale int32) Num { return n.toScale(scale, true) }

// Trunc cuts toward zero to scale digits after the point, like Round otherwise.
func (n Num) Trunc(scale int32) Num { return n.toScale(scale, false) }

func (n Num) toScale(scale int32, round bool) Num {
	if n.kind != numFinite {
		return n
	}
	shown := max(scale, 0)
	if scale >= n.scale {
		n = n.times10(scale - n.scale)
		n.scale = shown
		return n
	}
	drop := n.scale - scale
	if int(drop) > n.digits() {
		return Num{scale: shown}
	}
	if n.big == nil && drop < int32(len(pow10u)) {
		p := pow10u[drop]
		q, r := n.lo/p, n.lo%p
		if round && r >= p-r {
			q++
		}
		n.lo = q
		n.neg = n.neg && q != 0
	} else {
		p := bigPow10(drop)
		q, r := new(big.Int).QuoRem(n.coef(), p, new(big.Int))
		if round && r.Lsh(r, 1).Cmp(p) >= 0 {
			q.Add(q, big.NewInt(1))
		}
		n = fromBig(q, n.neg, 0)
	}
	if scale < 0 {
		n = n.times10(-scale)
	}
	n.scale = shown
	return n
}

// Ceil returns the smallest integer not below n.
func (n Num) Ceil() Num { return n.toward(false) }

// Floor returns the largest integer not above n.
func (n Num) Floor() Num { return n.toward(true) }

func (n Num) toward(down bool) Num {
	if n.kind != numFinite {
		return n
	}
	t := n.Trunc(0)
	if n.neg == down && n.Cmp(t) != 0 {
		one := NumFromInt(1)
		one.neg = down
		t, _ = t.Add(one) // cannot overflow: n itself has as many digits
	}
	return t
}

// SignNum returns -1, 0 or 1 as a numeric, NaN for NaN.
func (n Num) SignNum() Num {
	if n.IsNaN() {
		return n
	}
	return NumFromInt(int64(n.Sign()))
}

// Cmp compares a and b: -1, 0, 1. NaN equals NaN and is larger than anything
// else, as PostgreSQL orders it.
func (a Num) Cmp(b Num) int {
	if a.kind|b.kind != numFinite {
		return cmp.Compare(rank(a.kind), rank(b.kind))
	}
	sa, sb := a.Sign(), b.Sign()
	if sa != sb {
		if sa < sb {
			return -1
		}
		return 1
	}
	if sa == 0 {
		return 0
	}
	c := cmpMagnitude(a, b)
	if sa < 0 {
		return -c
	}
	return c
}

// rank orders the kinds: -Infinity, finite, Infinity, NaN.
func rank(k numKind) int {
	switch k {
	case numNegInf:
		return 0
	case numPosInf:
		return 2
	case numNaN:
		return 3
	}
	return 1
}

func cmpMagnitude(a, b Num) int {
	// Different decimal weights decide without scaling huge coefficients.
	wa, wb := a.digits()-int(a.scale), b.digits()-int(b.scale)
	if wa != wb {
		if wa < wb {
			return -1
		}
		return 1
	}
	a, b = align(a, b)
	if a.big == nil && b.big == nil {
		switch {
		case a.lo < b.lo:
			return -1
		case a.lo > b.lo:
			return 1
		}
		return 0
	}
	return a.coef().Cmp(b.coef())
}

// MinScale returns the least scale that represents a finite n exactly.
func (n Num) MinScale() int32 { return n.TrimScale().scale }

// TrimScale removes trailing zeros behind the point.
func (n Num) TrimScale() Num {
	if n.kind != numFinite {
		return n
	}
	if n.IsZero() {
		return Num{}
	}
	if n.big == nil {
		for n.scale > 0 && n.lo%10 == 0 {
			n.lo /= 10
			n.scale--
		}
		return n
	}
	text := n.big.Append(nil, 10)
	zeros := int32(0)
	for zeros < n.scale && text[len(text)-1-int(zeros)] == '0' {
		zeros++
	}
	if zeros == 0 {
		return n
	}
	return fromBig(new(big.Int).Quo(n.big, bigPow10(zeros)), n.neg, n.scale-zeros)
}
