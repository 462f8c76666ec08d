package builtin

import "math"

// The functions here compute with twice the precision of float64 and round once,
// so that their results are those of a C library that rounds correctly, which the
// functions of package math do not promise.

// twin is the unevaluated sum of two floats, of which lo is at most half a unit
// in the last place of hi.
type twin struct{ hi, lo float64 }

// sumOf adds two floats exactly.
func sumOf(a, b float64) twin {
	s := a + b
	t := s - a
	return twin{s, (a - (s - t)) + (b - t)}
}

// productOf multiplies two floats exactly.
func productOf(a, b float64) twin {
	p := a * b
	return twin{p, math.FMA(a, b, -p)}
}

func (x twin) add(y twin) twin {
	s := sumOf(x.hi, y.hi)
	t := sumOf(x.lo, y.lo)
	s = sumOf(s.hi, s.lo+t.hi)
	return sumOf(s.hi, s.lo+t.lo)
}

func (x twin) neg() twin { return twin{-x.hi, -x.lo} }

func (x twin) sub(y twin) twin { return x.add(y.neg()) }

func (x twin) mul(y twin) twin {
	p := productOf(x.hi, y.hi)
	return sumOf(p.hi, p.lo+(x.hi*y.lo+x.lo*y.hi))
}

func (x twin) scale(f float64) twin {
	p := productOf(x.hi, f)
	return sumOf(p.hi, p.lo+x.lo*f)
}

func (x twin) div(y twin) twin {
	q := x.hi / y.hi
	r := x.sub(y.scale(q))
	p := r.hi / y.hi
	r = r.sub(y.scale(p))
	return sumOf(q, p).add(twin{r.hi / y.hi, 0})
}

// root is the square root of x >= 0.
func (x twin) root() twin {
	if x.hi <= 0 {
		return twin{}
	}
	r := math.Sqrt(x.hi)
	e := x.sub(productOf(r, r))
	return sumOf(r, e.hi/(2*r))
}

func (x twin) float() float64 { return x.hi + x.lo }

const (
	ln2A, ln2B, ln2C                   = 0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56, 0x1.7b57a079a1934p-111
	halfPiA, halfPiB, halfPiC, halfPiD = 0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110, 0x1.4cf98e804177dp-164
)

// expOf is e to the power of x, which must not overflow, as a factor and a power
// of two.
func expOf(x twin) (twin, int) {
	const halvings = 9
	k := math.Round(x.hi / ln2A)
	r := x.sub(productOf(k, ln2A)).sub(productOf(k, ln2B)).sub(twin{k * ln2C, 0})
	r = r.scale(1.0 / (1 << halvings))
	// The series of e^r - 1, then (s+1)^2 - 1 = s(s+2) for each halving.
	sum, term := r, r
	for i := 2.0; i <= 9; i++ {
		term = term.mul(r).div(twin{i, 0})
		sum = sum.add(term)
	}
	for range halvings {
		sum = sum.mul(sum.add(twin{2, 0}))
	}
	return sum.add(twin{1, 0}), int(k)
}

// exactExp is e to the power of x.
func exactExp(x float64) float64 {
	if x != x || x > 709.9 || x < -745.2 || x == 0 {
		return math.Exp(x)
	}
	e, k := expOf(twin{x, 0})
	return ldexp(e, k)
}

// ldexp is x times two to the power of k, rounded once.
func ldexp(x twin, k int) float64 {
	if k < -1000 {
		return math.Ldexp(math.Ldexp(x.hi, 0)+x.lo, k)
	}
	return math.Ldexp(x.float(), k)
}

// logOf is the natural logarithm of a positive finite x.
func logOf(x float64) twin {
	frac, exp := math.Frexp(x)
	if frac < math.Sqrt2/2 {
		frac, exp = frac*2, exp-1
	}
	y := math.Log(frac)
	// One step of Newton: y + frac e^-y - 1.
	e, k := expOf(twin{-y, 0})
	e = e.scale(math.Ldexp(frac, k))
	l := e.sub(twin{1, 0}).add(twin{y, 0})
	n := float64(exp)
	return productOf(n, ln2A).add(productOf(n, ln2B)).add(twin{n * ln2C, 0}).add(l)
}

// exactLog is the natural logarithm of x.
func exactLog(x float64) float64 {
	if !(x > 0) || isInf(x) {
		return math.Log(x)
	}
	return logOf(x).float()
}

// commonLog10 is the decimal logarithm as the common C library computes it: from
// the natural logarithm of the fraction, with the power of two in two parts.
func commonLog10(x float64) float64 {
	if !(x > 0) || isInf(x) {
		return math.Log10(x)
	}
	const invLn10, log2A, log2B = 4.34294481903251816668e-01, 3.01029995663611771306e-01, 3.69423907715893078616e-13
	m, e := math.Frexp(x)
	m, e = 2*m, e-1
	if e < 0 {
		m, e = m/2, e+1
	}
	n := float64(e)
	return float64(float64(n*log2B)+float64(invLn10*exactLog(m))) + float64(n*log2A)
}

// exactPow is x to the power of y.
func exactPow(x, y float64) float64 {
	p := math.Pow(x, y)
	if p != p || p == 0 || isInf(p) || isInf(x) || isInf(y) || x == 0 || p == 1 || math.Abs(p) < 1e-300 {
		return p
	}
	l := logOf(math.Abs(x)).scale(y)
	if math.Abs(l.hi) > 709 {
		return p
	}
	e, k := expOf(l)
	return math.Copysign(ldexp(e, k), p)
}

// sinCos returns the sine and the cosine of x.
func sinCos(x float64) (sin, cos twin) {
	k := math.Round(x / halfPiA)
	r := twin{x, 0}.sub(productOf(k, halfPiA)).sub(productOf(k, halfPiB)).sub(productOf(k, halfPiC)).sub(twin{k * halfPiD, 0})
	sq := r.mul(r).neg()
	sin, cos = r, twin{1, 0}
	s, c := r, twin{1, 0}
	for i := 1.0; i < 30; i += 2 {
		c = c.mul(sq).div(twin{i * (i + 1), 0})
		s = s.mul(sq).div(twin{(i + 1) * (i + 2), 0})
		sin, cos = sin.add(s), cos.add(c)
		if math.Abs(c.hi) < 1e-34 {
			break
		}
	}
	switch int64(k) & 3 {
	case 1:
		sin, cos = cos, sin.neg()
	case 2:
		sin, cos = sin.neg(), cos.neg()
	case 3:
		sin, cos = cos.neg(), sin
	}
	return sin, cos
}

// reducible reports whether the period can be taken out of x here.
func reducible(x float64) bool { return math.Abs(x) < 1e8 && x != 0 }

// exactSin is the sine of x.
func exactSin(x float64) float64 {
	if !reducible(x) {
		return math.Sin(x)
	}
	s, _ := sinCos(x)
	return s.float()
}

// exactCos is the cosine of x.
func exactCos(x float64) float64 {
	if !reducible(x) {
		return math.Cos(x)
	}
	_, c := sinCos(x)
	return c.float()
}

// exactTan is the tangent of x.
func exactTan(x float64) float64 {
	if !reducible(x) {
		return math.Tan(x)
	}
	s, c := sinCos(x)
	return s.div(c).float()
}

// angle corrects a guess of the angle of the point x, y.
func angle(guess float64, y, x twin) float64 {
	s, c := sinCos(guess)
	d := y.mul(c).sub(x.mul(s)).div(x.mul(c).add(y.mul(s)))
	return twin{guess, 0}.add(d).float()
}

// exactAtan is the angle whose tangent is x.
func exactAtan(x float64) float64 {
	y := math.Atan(x)
	if x != x || isInf(x) || math.Abs(x) < 1e-8 || math.Abs(x) > 1e100 {
		return y
	}
	return angle(y, twin{x, 0}, twin{1, 0})
}

// exactAtan2 is the angle of the point x, y.
func exactAtan2(y, x float64) float64 {
	a := math.Atan2(y, x)
	if y == 0 || x == 0 || a != a || isInf(x) || isInf(y) || math.Abs(a) < 1e-8 || math.Max(math.Abs(x), math.Abs(y)) > 1e100 || math.Max(math.Abs(x), math.Abs(y)) < 1e-100 {
		return a
	}
	return angle(a, twin{y, 0}, twin{x, 0})
}

// otherLeg is the square root of 1 - x*x.
func otherLeg(x float64) twin { return sumOf(1, -x).mul(sumOf(1, x)).root() }

// exactAsin is the angle whose sine is x, of [-1, 1].
func exactAsin(x float64) float64 {
	if x != x || math.Abs(x) < 1e-8 || math.Abs(x) >= 1 {
		return math.Asin(x)
	}
	return angle(math.Asin(x), twin{x, 0}, otherLeg(x))
}

// exactAcos is the angle whose cosine is x, of [-1, 1].
func exactAcos(x float64) float64 {
	if x != x || math.Abs(x) >= 1 {
		return math.Acos(x)
	}
	return angle(math.Acos(x), otherLeg(x), twin{x, 0})
}

// commonCbrt is the cube root as the common C library computes it, which does not
// round correctly.
func commonCbrt(x float64) float64 {
	const cbrt2, cbrt4 = 1.2599210498948731648, 1.5874010519681994748
	if x == 0 || x != x || isInf(x) {
		return x
	}
	m, e := math.Frexp(math.Abs(x))
	// A polynomial as the first guess, then one step of Halley's method.
	u := -0.145263899385486377
	for _, c := range [...]float64{0.784932344976639262, -1.83469277483613086, 2.44693122563534430, -2.11499494167371287, 1.50819193781584896, 0.354895765043919860} {
		u = float64(u*m) + c
	}
	t := float64(u*u) * u
	factor := [...]float64{1 / cbrt4, 1 / cbrt2, 1, cbrt2, cbrt4}[2+e%3]
	y := u * (t + 2.0*m) / (2.0*t + m) * factor
	return math.Copysign(math.Ldexp(y, e/3), x)
}

// commonSinh is the hyperbolic sine as the common C library computes it.
func commonSinh(x float64) float64 {
	a, h := math.Abs(x), math.Copysign(0.5, x)
	switch {
	case x != x || isInf(x) || a < 1e-8:
		return math.Sinh(x)
	case a < 1:
		t := math.Expm1(a)
		return h * (2*t - t*t/(t+1))
	case a < 22:
		t := math.Expm1(a)
		return h * (t + t/(t+1))
	case a < 709.7:
		return h * exactExp(a)
	}
	return math.Sinh(x)
}

// commonCosh is the hyperbolic cosine as the common C library computes it.
func commonCosh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x || isInf(x) || a < 1e-15:
		return math.Cosh(x)
	case a < math.Ln2/2:
		t := math.Expm1(a)
		return 1 + t*t/(1+t+(1+t))
	case a < 22:
		t := exactExp(a)
		return 0.5*t + 0.5/t
	case a < 709.7:
		return 0.5 * exactExp(a)
	}
	return math.Cosh(x)
}

// commonTanh is the hyperbolic tangent as the common C library computes it.
func commonTanh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x || isInf(x) || a < 1e-15:
		return math.Tanh(x)
	case a >= 22:
		return math.Copysign(1, x)
	case a >= 1:
		return math.Copysign(1-2/(math.Expm1(2*a)+2), x)
	}
	t := math.Expm1(-2 * a)
	return math.Copysign(-t/(t+2), x)
}

// commonAsinh is the inverse hyperbolic sine as the common C library computes it.
func commonAsinh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x || isInf(x) || a < 1e-8:
		return math.Asinh(x)
	case a > 1<<28:
		return math.Copysign(exactLog(a)+math.Ln2, x)
	case a > 2:
		return math.Copysign(exactLog(2*a+1/(math.Sqrt(x*x+1)+a)), x)
	}
	t := x * x
	return math.Copysign(math.Log1p(a+t/(1+math.Sqrt(1+t))), x)
}

// commonAcosh is the inverse hyperbolic cosine as the common C library computes
// it.
func commonAcosh(x float64) float64 {
	switch {
	case !(x > 1) || isInf(x):
		return math.Acosh(x)
	case x > 1<<28:
		return exactLog(x) + math.Ln2
	case x > 2:
		return exactLog(2*x - 1/(x+math.Sqrt(x*x-1)))
	}
	t := x - 1
	return math.Log1p(t + math.Sqrt(2*t+t*t))
}
