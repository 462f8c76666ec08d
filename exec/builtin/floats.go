package builtin

import (
	"fmt"
	"math"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// float is the floating point types.
type float interface{ float32 | float64 }

func errOverflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value out of range: overflow")
}

func errUnderflow() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "value out of range: underflow")
}

// isInf reports whether x is an infinity.
func isInf[T float](x T) bool { return math.IsInf(float64(x), 0) }

// floatOp makes the kernel of an arithmetic operator on floats. The loop has
// the operators in its body; suspect results are examined afterwards.
func floatOp[A, B, T float](op byte) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b, dst := vector.Values[A](args[0]), vector.Values[B](args[1]), vector.Values[T](out)[:n]
		sa, sb := step(args[0]), step(args[1])
		suspect := false
		switch op {
		case '+':
			for i := range dst {
				s := T(a[i*sa]) + T(b[i*sb])
				dst[i] = s
				suspect = suspect || s-s != 0
			}
		case '-':
			for i := range dst {
				s := T(a[i*sa]) - T(b[i*sb])
				dst[i] = s
				suspect = suspect || s-s != 0
			}
		case '*':
			for i := range dst {
				s := T(a[i*sa]) * T(b[i*sb])
				dst[i] = s
				suspect = suspect || s-s != 0 || s == 0
			}
		case '/':
			for i := range dst {
				s := T(a[i*sa]) / T(b[i*sb])
				dst[i] = s
				suspect = suspect || s-s != 0 || s == 0
			}
		}
		if !suspect {
			return nil
		}
		for i, s := range dst {
			if !valid(out, i) {
				continue
			}
			x, y := T(a[i*sa]), T(b[i*sb])
			if op == '/' && y == 0 && x == x {
				return errDivisionByZero()
			}
			if isInf(s) && !isInf(x) && !isInf(y) {
				return errOverflow()
			}
			if s == 0 && x != 0 && (op == '*' && y != 0 || op == '/' && !isInf(y)) {
				return errUnderflow()
			}
		}
		return nil
	}
}

// step is 0 for a Const vector and 1 for a Flat one.
func step(v *vector.Vec) int {
	if v.Kind == vector.Const {
		return 0
	}
	return 1
}

// floatMap makes the kernel of a total function of one float8.
func floatMap(f func(float64) float64) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst := args[0].Float64s(), out.Float64s()[:n]
		s := step(args[0])
		for i := range dst {
			dst[i] = f(src[i*s])
		}
		return nil
	}
}

// floatTry makes the kernel of a function of one float8 that may fail.
func floatTry(f func(float64) (float64, error)) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst := args[0].Float64s(), out.Float64s()[:n]
		s := step(args[0])
		for i := range dst {
			if !valid(out, i) {
				continue
			}
			var err error
			if dst[i], err = f(src[i*s]); err != nil {
				return err
			}
		}
		return nil
	}
}

// ranged raises 22003 when f overflows or underflows.
func ranged(f func(float64) float64) function.Kernel {
	return floatTry(func(x float64) (float64, error) {
		y := f(x)
		if isInf(y) && !isInf(x) {
			return 0, errOverflow()
		}
		if y == 0 && x != 0 && !isInf(x) {
			return 0, errUnderflow()
		}
		return y, nil
	})
}

// domain refuses arguments outside [lo, hi].
func domain(lo, hi float64, f func(float64) float64) function.Kernel {
	return floatTry(func(x float64) (float64, error) {
		if x < lo || x > hi {
			return 0, errInputRange()
		}
		return f(x), nil
	})
}

func errInputRange() error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "input is out of range")
}

// finite refuses infinities, as the trigonometric functions do.
func finite(f func(float64) float64) function.Kernel {
	return floatTry(func(x float64) (float64, error) {
		if isInf(x) {
			return 0, errInputRange()
		}
		return f(x), nil
	})
}

// logarithm refuses zero and negative arguments.
func logarithm(f func(float64) float64) function.Kernel {
	return floatTry(func(x float64) (float64, error) {
		switch {
		case x == 0:
			return 0, pgerror.New(pgerror.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
		case x < 0:
			return 0, pgerror.New(pgerror.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
		}
		return f(x), nil
	})
}

// floatPower is power(float8, float8).
func floatPower(r *row) (types.Datum, error) {
	x, y := r.float(0), r.float(1)
	switch {
	case x == 0 && y < 0:
		return types.Null, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case x < 0 && y != math.Floor(y) && y == y:
		return types.Null, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
	}
	p := exactPow(x, y)
	if !isInf(x) && !isInf(y) {
		if isInf(p) {
			return types.Null, errOverflow()
		}
		if p == 0 && x != 0 {
			return types.Null, errUnderflow()
		}
	}
	return types.FloatDatum(p), nil
}

// floatType appends the operators of one float type.
func floatType[T float](list []entry, t string) []entry {
	sig := func(name string) string { return fmt.Sprintf("%s%s(%s,%s)", t, name, t, t) }
	larger := func(larger bool) function.Kernel {
		return each(func(r *row) (types.Datum, error) {
			if (orderFloat(r.float(0), r.float(1)) > 0) == larger {
				return types.FloatDatum(r.float(0)), nil
			}
			return types.FloatDatum(r.float(1)), nil
		})
	}
	return append(list,
		entry{sigs: sig("pl"), kernel: floatOp[T, T, T]('+'), doc: "Adds; 22003 on overflow."},
		entry{sigs: sig("mi"), kernel: floatOp[T, T, T]('-'), doc: "Subtracts; 22003 on overflow."},
		entry{sigs: sig("mul"), kernel: floatOp[T, T, T]('*'), doc: "Multiplies; 22003 on overflow and underflow."},
		entry{sigs: sig("div"), kernel: floatOp[T, T, T]('/'), doc: "Divides; 22012 for zero."},
		entry{sigs: fmt.Sprintf("%sum(%s)", t, t), kernel: floatUnary(func(x T) T { return -x }), infallible: true, doc: "Negates."},
		entry{sigs: fmt.Sprintf("%sup(%s)", t, t), kernel: copyOf[T](), infallible: true, doc: "Unary plus."},
		entry{sigs: fmt.Sprintf("%sabs(%s) abs(%s)", t, t, t), kernel: floatUnary(func(x T) T { return T(math.Abs(float64(x))) }), infallible: true, doc: "Absolute value."},
		entry{sigs: sig("larger"), kernel: larger(true), infallible: true, doc: "The larger of two, NaN above everything."},
		entry{sigs: sig("smaller"), kernel: larger(false), infallible: true, doc: "The smaller of two, NaN above everything."},
	)
}

// orderFloat orders floats with NaN on top.
func orderFloat(a, b float64) int {
	switch {
	case a != a && b != b, a == b:
		return 0
	case a != a, a > b:
		return 1
	}
	return -1
}

// floatUnary maps one column of floats.
func floatUnary[T float](f func(T) T) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst := vector.Values[T](args[0]), vector.Values[T](out)[:n]
		s := step(args[0])
		for i := range dst {
			dst[i] = f(src[i*s])
		}
		return nil
	}
}

// floats are the operators and functions of real and double precision.
func floats() []entry {
	var list []entry
	list = floatType[float32](list, "float4")
	list = floatType[float64](list, "float8")
	for _, op := range []struct {
		name string
		op   byte
	}{{"pl", '+'}, {"mi", '-'}, {"mul", '*'}, {"div", '/'}} {
		list = append(list,
			entry{sigs: "float48" + op.name + "(float4,float8)", kernel: floatOp[float32, float64, float64](op.op), doc: "Computes at double precision."},
			entry{sigs: "float84" + op.name + "(float8,float4)", kernel: floatOp[float64, float32, float64](op.op), doc: "Computes at double precision."})
	}
	sign := func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x * 0
	}
	return append(list,
		entry{sigs: "round(float8) dround(float8)", kernel: floatMap(math.RoundToEven), infallible: true, doc: "Rounds to the nearest integer, ties to even.", example: "round(42.5::float8) = 42"},
		entry{sigs: "trunc(float8) dtrunc(float8)", kernel: floatMap(math.Trunc), infallible: true, doc: "Truncates toward zero."},
		entry{sigs: "ceil(float8) ceiling(float8)", kernel: floatMap(math.Ceil), infallible: true, doc: "The nearest integer not below."},
		entry{sigs: "floor(float8)", kernel: floatMap(math.Floor), infallible: true, doc: "The nearest integer not above."},
		entry{sigs: "sign(float8)", kernel: floatMap(sign), infallible: true, doc: "-1, 0 or 1."},
		entry{sigs: "sqrt(float8) dsqrt(float8)", kernel: floatTry(func(x float64) (float64, error) {
			if x < 0 {
				return 0, pgerror.New(pgerror.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
			}
			return math.Sqrt(x), nil
		}), doc: "Square root."},
		entry{sigs: "cbrt(float8) dcbrt(float8)", kernel: floatMap(commonCbrt), infallible: true, doc: "Cube root."},
		entry{sigs: "exp(float8) dexp(float8)", kernel: ranged(exactExp), doc: "e raised to a power."},
		entry{sigs: "ln(float8) dlog1(float8)", kernel: logarithm(exactLog), doc: "Natural logarithm."},
		entry{sigs: "log(float8) log10(float8) dlog10(float8)", kernel: logarithm(commonLog10), doc: "Base 10 logarithm."},
		entry{sigs: "power(float8,float8) pow(float8,float8) dpow(float8,float8)", kernel: each(floatPower), doc: "a raised to the power of b.", example: "power(9, 3) = 729"},
		entry{sigs: "pi()", kernel: each(func(*row) (types.Datum, error) { return types.FloatDatum(math.Pi), nil }), infallible: true, doc: "The constant pi."},
		entry{sigs: "degrees(float8)", kernel: floatMap(func(x float64) float64 { return x / (math.Pi / 180) }), doc: "Radians to degrees."},
		entry{sigs: "radians(float8)", kernel: floatMap(func(x float64) float64 { return x * (math.Pi / 180) }), doc: "Degrees to radians."},
		entry{sigs: "sin(float8)", kernel: finite(exactSin), doc: "Sine, radians."},
		entry{sigs: "cos(float8)", kernel: finite(exactCos), doc: "Cosine, radians."},
		entry{sigs: "tan(float8)", kernel: finite(exactTan), doc: "Tangent, radians."},
		entry{sigs: "cot(float8)", kernel: finite(func(x float64) float64 { return 1 / exactTan(x) }), doc: "Cotangent, radians."},
		entry{sigs: "asin(float8)", kernel: domain(-1, 1, exactAsin), doc: "Inverse sine, radians."},
		entry{sigs: "acos(float8)", kernel: domain(-1, 1, exactAcos), doc: "Inverse cosine, radians."},
		entry{sigs: "atan(float8)", kernel: floatMap(exactAtan), infallible: true, doc: "Inverse tangent, radians."},
		entry{sigs: "atan2(float8,float8)", kernel: each(func(r *row) (types.Datum, error) {
			return types.FloatDatum(exactAtan2(r.float(0), r.float(1))), nil
		}), infallible: true, doc: "Inverse tangent of y/x, radians."},
		entry{sigs: "sind(float8)", kernel: finite(sineDegrees), doc: "Sine, degrees."},
		entry{sigs: "cosd(float8)", kernel: finite(cosineDegrees), doc: "Cosine, degrees."},
		entry{sigs: "tand(float8)", kernel: finite(tangentDegrees), doc: "Tangent, degrees."},
		entry{sigs: "cotd(float8)", kernel: finite(cotangentDegrees), doc: "Cotangent, degrees."},
		entry{sigs: "asind(float8)", kernel: domain(-1, 1, asinDegrees), doc: "Inverse sine, degrees."},
		entry{sigs: "acosd(float8)", kernel: domain(-1, 1, acosDegrees), doc: "Inverse cosine, degrees."},
		entry{sigs: "atand(float8)", kernel: floatMap(atanDegrees), infallible: true, doc: "Inverse tangent, degrees."},
		entry{sigs: "atan2d(float8,float8)", kernel: each(func(r *row) (types.Datum, error) {
			return types.FloatDatum(atan2Degrees(r.float(0), r.float(1))), nil
		}), infallible: true, doc: "Inverse tangent of y/x, degrees."},
		entry{sigs: "sinh(float8)", kernel: floatMap(commonSinh), infallible: true, doc: "Hyperbolic sine."},
		entry{sigs: "cosh(float8)", kernel: floatMap(commonCosh), infallible: true, doc: "Hyperbolic cosine."},
		entry{sigs: "tanh(float8)", kernel: floatMap(commonTanh), infallible: true, doc: "Hyperbolic tangent."},
		entry{sigs: "asinh(float8)", kernel: floatMap(commonAsinh), infallible: true, doc: "Inverse hyperbolic sine."},
		entry{sigs: "acosh(float8)", kernel: domain(1, math.Inf(1), commonAcosh), doc: "Inverse hyperbolic cosine."},
		entry{sigs: "atanh(float8)", kernel: domain(-1, 1, math.Atanh), doc: "Inverse hyperbolic tangent."},
		entry{sigs: "random()", kernel: randomKernel, doc: "A random value in [0, 1)."},
		entry{sigs: "width_bucket(float8,float8,float8,int4)", kernel: each(widthBucketFloat), doc: "The number of the bucket, of equal width between two bounds, that a value falls into."},
	)
}

// widthBucketFloat is width_bucket over double precision.
func widthBucketFloat(r *row) (types.Datum, error) {
	x, lo, hi, n := r.float(0), r.float(1), r.float(2), r.int(3)
	bad := func(s string) (types.Datum, error) {
		return types.Null, pgerror.New(pgerror.InvalidArgumentForWidthBucket, s)
	}
	switch {
	case n <= 0:
		return bad("count must be greater than zero")
	case x != x || lo != lo || hi != hi:
		return bad("operand, lower bound, and upper bound cannot be NaN")
	case isInf(lo) || isInf(hi):
		return bad("lower and upper bounds must be finite")
	case lo == hi:
		return bad("lower bound cannot equal upper bound")
	}
	if hi < lo {
		x, lo, hi = -x, -lo, -hi
	}
	switch {
	case x < lo:
		return types.IntDatum(0), nil
	case x >= hi:
		if n == 1<<31-1 {
			return types.Null, errOutOfRange(types.Int4)
		}
		return types.IntDatum(n + 1), nil
	}
	return types.IntDatum(min(int64(float64(n)*((x-lo)/(hi-lo))), n-1) + 1), nil
}
