package types

import (
	"math"
	"math/big"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// The functions here are inexact: results are computed in binary floating point
// with enough guard bits and rounded once to the scale PostgreSQL selects.

// resultScale clamps a computed scale to what a result may show.
func resultScale(scale int, operands ...Num) int32 {
	for _, n := range operands {
		scale = max(scale, int(n.scale))
	}
	return int32(min(max(scale, 0), maxDisplayScale))
}

// bitsFor returns a precision in bits for digits decimal digits and a margin.
func bitsFor(digits int) uint { return uint(max(digits, 0)*10/3 + 96) }

// float returns n as a big.Float of the given precision.
func (n Num) float(prec uint) *big.Float {
	f := new(big.Float).SetPrec(prec).SetInt(n.coef())
	if n.scale > 0 {
		f.Quo(f, new(big.Float).SetPrec(prec).SetInt(bigPow10(n.scale)))
	}
	if n.neg {
		f.Neg(f)
	}
	return f
}

// roundFloat rounds f half away from zero to scale digits behind the point.
func roundFloat(f *big.Float, scale int32) Num {
	prec := f.Prec() + 64 + uint(scale)*4
	scaled := new(big.Float).SetPrec(prec).SetInt(bigPow10(scale))
	scaled.Mul(scaled, f)
	half := new(big.Float).SetFloat64(0.5)
	if scaled.Sign() < 0 {
		half.Neg(half)
	}
	scaled.Add(scaled, half)
	i, _ := scaled.Int(nil) // truncates; the accuracy is of no interest
	neg := i.Sign() < 0
	return fromBig(i.Abs(i), neg, scale)
}

// Sqrt returns the square root; 2201F for a negative n.
func (n Num) Sqrt() (Num, error) {
	switch {
	case n.kind == numNaN || n.kind == numPosInf:
		return n, nil
	case n.Sign() < 0:
		return Num{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	}
	_, weight := n.firstWord()
	var dweight int
	if weight >= 0 {
		dweight = weight*4/2 + 1
	} else {
		dweight = 1 - (1-weight*4)/2
	}
	return n.SqrtTo(resultScale(minSigDigits-dweight, n)), nil
}

// SqrtTo returns the square root of a finite n >= 0 with a display scale.
func (n Num) SqrtTo(scale int32) Num {
	if n.IsZero() {
		return Num{scale: scale}
	}
	// sqrt(c*10^-s) = isqrt(c * 10^(2*scale-s)) * 10^-scale, rounded up when the
	// remainder says so.
	x := n.coef()
	if shift := 2*scale - n.scale; shift >= 0 {
		x = new(big.Int).Mul(x, bigPow10(shift))
	} else {
		x = new(big.Int).Quo(x, bigPow10(-shift))
	}
	r := new(big.Int).Sqrt(x)
	rest := new(big.Int).Mul(r, r)
	if rest.Sub(x, rest).Cmp(r) > 0 {
		r.Add(r, big.NewInt(1))
	}
	return fromBig(r, false, scale)
}

// approx returns n as a float64, saturating.
func (n Num) approx() float64 {
	f, _ := n.float(64).Float64() // overflow gives an infinity
	return f
}

var (
	numOne      = NumFromInt(1)
	numNineTen  = NumFromScaled(9, 1)
	numElevenTn = NumFromScaled(11, 1)
)

// lnWeight estimates the decimal weight of ln(n), as PostgreSQL does to select
// scales.
func (n Num) lnWeight() int {
	if n.Sign() <= 0 {
		return 0
	}
	if n.Cmp(numNineTen) >= 0 && n.Cmp(numElevenTn) <= 0 {
		x, _ := n.Sub(numOne) // cannot overflow
		if x.IsZero() {
			return 0
		}
		word, weight := x.firstWord()
		return weight*4 + int(math.Log10(float64(word)))
	}
	// The first two words and the weight give the logarithm well enough.
	word, weight := n.firstWord()
	digits, dweight := float64(word), weight*4
	if second := n.secondWord(word, weight); second >= 0 {
		digits = digits*10000 + float64(second)
		dweight -= 4
	}
	ln := math.Log(digits) + float64(dweight)*2.302585092994046
	return int(math.Log10(math.Abs(ln)))
}

// secondWord returns the base-10000 digit below the first one, -1 when the value
// has only one.
func (n Num) secondWord(first, weight int) int {
	rest := n.Abs()
	head := NumFromInt(int64(first))
	if weight >= 0 {
		head = head.times10(int32(4 * weight))
	} else {
		head.scale = int32(-4 * weight)
	}
	rest, _ = rest.Sub(head) // smaller than n
	if rest.IsZero() {
		return -1
	}
	word, w := rest.firstWord()
	if w < weight-1 {
		return 0
	}
	return word
}

// errLog is 2201E.
func errLog(n Num) error {
	if n.Sign() == 0 {
		return pgerror.New(pgerror.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
	}
	return pgerror.New(pgerror.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
}

// Ln returns the natural logarithm; 2201E for zero and below.
func (n Num) Ln() (Num, error) {
	switch {
	case n.kind == numNaN || n.kind == numPosInf:
		return n, nil
	case n.Sign() <= 0:
		return Num{}, errLog(n)
	}
	scale := resultScale(minSigDigits-n.lnWeight(), n)
	return roundFloat(lnFloat(n, int(scale)+8), scale), nil
}

// lnFloat returns ln(n) with about digits digits behind the point.
func lnFloat(n Num, digits int) *big.Float {
	prec := bitsFor(digits+8) + 32
	return bigLn(n.float(prec+uint(n.scale)), prec)
}

// bigLn returns ln(x) for x > 0, exact to nearly prec bits behind the point.
func bigLn(x *big.Float, prec uint) *big.Float {
	m := new(big.Float).SetPrec(prec + 32)
	exp := x.MantExp(m) // m in [0.5, 1)
	// Bring m near 1, where no digits cancel against exp*ln 2.
	if m.Cmp(big.NewFloat(0.7071067811865476)) < 0 {
		m.SetMantExp(m, 1)
		exp--
	}
	r := lnNearOne(m, prec+32)
	if exp != 0 {
		two := new(big.Float).SetPrec(prec + 32).SetInt64(2)
		ln2 := lnNearOne(two, prec+32)
		r.Add(r, ln2.Mul(ln2, new(big.Float).SetPrec(prec+32).SetInt64(int64(exp))))
	}
	return r
}

// lnNearOne returns ln(m) for m around 1 by square roots and the series of
// artanh.
func lnNearOne(m *big.Float, prec uint) *big.Float {
	const roots = 8
	prec += 2 * roots
	x := new(big.Float).SetPrec(prec).Set(m)
	for range roots {
		x.Sqrt(x)
	}
	one := new(big.Float).SetPrec(prec).SetInt64(1)
	num := new(big.Float).SetPrec(prec).Sub(x, one)
	den := new(big.Float).SetPrec(prec).Add(x, one)
	z := num.Quo(num, den)
	if z.Sign() == 0 {
		return z
	}
	z2 := new(big.Float).SetPrec(prec).Mul(z, z)
	sum := new(big.Float).SetPrec(prec).Set(z)
	term := new(big.Float).SetPrec(prec).Set(z)
	part := new(big.Float).SetPrec(prec)
	limit := sum.MantExp(nil) - int(prec)
	for k := int64(3); ; k += 2 {
		term.Mul(term, z2)
		part.Quo(term, new(big.Float).SetPrec(prec).SetInt64(k))
		if part.Sign() == 0 || part.MantExp(nil) < limit {
			break
		}
		sum.Add(sum, part)
	}
	return sum.SetMantExp(sum, roots+1)
}

// bigExp returns e^x with prec significant bits.
func bigExp(x *big.Float, prec uint) *big.Float {
	prec += 64
	ln2 := lnNearOne(new(big.Float).SetPrec(prec).SetInt64(2), prec)
	q := new(big.Float).SetPrec(prec).Quo(x, ln2)
	k, _ := q.Int64() // callers bound x, so that this fits
	r := new(big.Float).SetPrec(prec).SetInt64(k)
	r.Sub(new(big.Float).SetPrec(prec).Set(x), r.Mul(r, ln2))
	const halvings = 12
	r.SetMantExp(r, -halvings)
	sum := new(big.Float).SetPrec(prec).SetInt64(1)
	term := new(big.Float).SetPrec(prec).SetInt64(1)
	for i := int64(1); ; i++ {
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetPrec(prec).SetInt64(i))
		if term.Sign() == 0 || term.MantExp(nil) < -int(prec) {
			break
		}
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum.SetMantExp(sum, int(k))
}

const log10E = 0.434294481903252

// Exp returns e^n; 22003 when the result has too many digits.
func (n Num) Exp() (Num, error) {
	switch n.kind {
	case numNaN, numPosInf:
		return n, nil
	case numNegInf:
		return Num{}, nil
	}
	val := n.approx()
	if val >= maxResultScale*3 {
		return Num{}, errNumericOverflow()
	}
	weight := min(max(val*log10E, -maxResultScale), maxResultScale)
	scale := resultScale(minSigDigits-int(weight), n)
	if val <= -maxResultScale*3 {
		return Num{scale: scale}, nil
	}
	prec := bitsFor(int(scale) + max(int(val*log10E), 0) + 8)
	return roundFloat(bigExp(n.float(prec+64), prec), scale).check()
}

// Log returns the logarithm of n to a base.
func (n Num) Log(base Num) (Num, error) {
	if n.IsNaN() || base.IsNaN() {
		return NaNNum(), nil
	}
	if base.Sign() <= 0 {
		return Num{}, errLog(base)
	}
	if n.Sign() <= 0 {
		return Num{}, errLog(n)
	}
	switch {
	case n.IsInf() && base.IsInf():
		return NaNNum(), nil
	case base.IsInf():
		return Num{}, nil
	case n.IsInf():
		return n, nil
	}
	wn, wb := n.lnWeight(), base.lnWeight()
	scale := resultScale(minSigDigits-(wn-wb), base, n)
	if base.Cmp(numOne) == 0 {
		return Num{}, errDivisionByZero()
	}
	digits := int(scale) + 24 + max(wn, 0) + 2*max(-wb, 0) + max(-wn, 0)
	q := lnFloat(n, digits)
	q.Quo(q, lnFloat(base, digits))
	return roundFloat(q, scale), nil
}

// Log10 returns the decimal logarithm.
func (n Num) Log10() (Num, error) { return n.Log(NumFromInt(10)) }

// Power returns n^e with PostgreSQL's scale and errors.
func (n Num) Power(e Num) (Num, error) {
	if r, done, err := n.powerSpecial(e); done || err != nil {
		return r, err
	}
	if n.IsZero() && e.Sign() < 0 {
		return Num{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	}
	whole := e.Cmp(e.Trunc(0)) == 0
	if n.Sign() < 0 && !whole {
		return Num{}, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
	}
	if whole {
		if v, _, ok := e.Trunc(0).Scaled(); ok && v >= math.MinInt32 && v <= math.MaxInt32 {
			return n.powerInt(v)
		}
	}
	if n.IsZero() {
		return Num{scale: minSigDigits}, nil
	}
	neg := false
	if n.Sign() < 0 {
		two := NumFromInt(2)
		r, err := e.Mod(two)
		if err != nil {
			return Num{}, err
		}
		neg = !r.IsZero()
		n = n.Abs()
	}
	// A first look at the result's size, at PostgreSQL's precision of eight
	// digits, selects the scale.
	first := int32(min(max(8-n.lnWeight(), 0), maxResultScale))
	ln := roundFloat(lnFloat(n, int(first)+8), first)
	product, err := ln.Mul(e)
	if err != nil {
		return Num{}, err
	}
	val := product.Round(first).approx()
	if math.Abs(val) > maxResultScale*3.01 {
		if val > 0 {
			return Num{}, errNumericOverflow()
		}
		return Num{scale: maxDisplayScale}, nil
	}
	scale := resultScale(minSigDigits-int(val*log10E), n, e)
	digits := int(scale) + max(int(val*log10E), 0) + 16 + e.digits()
	prec := bitsFor(digits)
	x := lnFloat(n, digits+max(-n.lnWeight(), 0))
	x.SetPrec(prec+uint(64)).Mul(x, e.float(prec+64))
	r := roundFloat(bigExp(x, prec), scale)
	r.neg = neg && !r.IsZero()
	return r.check()
}

// powerSpecial handles NaN and the infinities.
func (n Num) powerSpecial(e Num) (Num, bool, error) {
	if n.kind|e.kind == numFinite {
		return Num{}, false, nil
	}
	one := numOne
	switch {
	case e.IsZero() || n.kind == numFinite && n.Cmp(one) == 0:
		return one, true, nil
	case n.IsNaN() || e.IsNaN():
		return NaNNum(), true, nil
	case e.IsInf():
		c := n.Abs().Cmp(one)
		switch {
		case n.IsZero() && e.kind == numNegInf:
			return Num{}, true, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
		case c == 0:
			return one, true, nil
		case (c > 0) == (e.kind == numPosInf):
			return InfNum(false), true, nil
		}
		return Num{}, true, nil
	case n.kind == numNegInf:
		if e.Cmp(e.Trunc(0)) != 0 {
			return Num{}, true, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
		}
		if e.Sign() < 0 {
			return Num{}, true, nil
		}
		r, err := e.Mod(NumFromInt(2))
		return InfNum(!r.IsZero()), true, err
	case e.Sign() < 0:
		return Num{}, true, nil
	}
	return InfNum(false), true, nil
}

// powerInt raises a finite n to an integer power; the scale is at least 16.
func (n Num) powerInt(e int64) (Num, error) {
	scale := resultScale(minSigDigits, n)
	if n.IsZero() || e == 0 {
		if e == 0 {
			return numOne.Round(scale), nil
		}
		return Num{scale: scale}, nil
	}
	abs := e
	if abs < 0 {
		abs = -abs
	}
	// The decimal weight of the result, estimated, tells over- and underflow.
	x := n.float(128)
	x.Abs(x)
	ln, _ := bigLn(x, 128).Float64()
	weight := ln * float64(e) * log10E
	switch {
	case weight > maxNumericDigits+1:
		return Num{}, errNumericOverflow()
	case weight+1 < -float64(scale):
		return Num{scale: scale}, nil
	}
	if float64(n.digits())*float64(abs) < 20000 {
		c := new(big.Int).Exp(n.coef(), big.NewInt(abs), nil)
		neg := n.neg && abs%2 == 1
		cs := int64(n.scale) * abs
		if e > 0 {
			return fromBig(c, neg, int32(cs)).Round(scale).check()
		}
		// 1/(c*10^-cs) to scale digits.
		return NumFromInt(1).divTo(fromBig(c, neg, int32(cs)), scale, true).check()
	}
	prec := bitsFor(int(max(weight, 0)) + int(scale) + 24)
	base := n.float(prec + 64)
	r := new(big.Float).SetPrec(prec + 64).SetInt64(1)
	for k := abs; k > 0; k >>= 1 {
		if k&1 == 1 {
			r.Mul(r, base)
		}
		base.Mul(base, base)
	}
	if e < 0 {
		r.Quo(new(big.Float).SetPrec(prec+64).SetInt64(1), r)
	}
	return roundFloat(r, scale).check()
}
