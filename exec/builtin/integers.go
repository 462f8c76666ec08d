package builtin

import (
	"fmt"
	"math/bits"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// errOutOfRange is the overflow error of an integer type.
func errOutOfRange(oid types.OID) error {
	name := "integer"
	switch oid {
	case types.Int2:
		name = "smallint"
	case types.Int8:
		name = "bigint"
	}
	return pgerror.Newf(pgerror.NumericValueOutOfRange, "%s out of range", name)
}

// errDivisionByZero is PostgreSQL's 22012.
func errDivisionByZero() error {
	return pgerror.New(pgerror.DivisionByZero, "division by zero")
}

// loop is a checked loop of package kernel.
type loop[T kernel.Integer] func(a, b []T, ka, kb vector.Kind, n int, out []T, valid vector.Bitmap) int

// checked makes a kernel of a checked loop over two columns of one type.
func checked[T kernel.Integer](f loop[T]) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b := args[0], args[1]
		if f(vector.Values[T](a), vector.Values[T](b), a.Kind, b.Kind, n, vector.Values[T](out), out.Valid) >= 0 {
			return errOutOfRange(c.Ret.OID)
		}
		return nil
	}
}

// widen gives the values of a vector at a wider type, in buf's storage.
func widen[A, B kernel.Integer](buf []B, v *vector.Vec, n int) []B {
	if v.Kind == vector.Const {
		n = 1
	}
	if cap(buf) < n {
		buf = make([]B, n)
	}
	buf = buf[:n]
	for i, x := range vector.Values[A](v)[:n] {
		buf[i] = B(x)
	}
	return buf
}

// mixed makes a kernel of a checked loop over columns of types A and B at the
// wider type T.
func mixed[A, B, T kernel.Integer](f loop[T]) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b := args[0], args[1]
		if f(widen[A, T](nil, a, n), widen[B, T](nil, b, n), a.Kind, b.Kind, n, vector.Values[T](out), out.Valid) >= 0 {
			return errOutOfRange(c.Ret.OID)
		}
		return nil
	}
}

// divide stores a / b or a % b row by row, since a zero under a NULL must not
// raise.
func divide[A, B, T kernel.Integer](mod bool) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b, dst := args[0], args[1], vector.Values[T](out)
		x, y := vector.Values[A](a), vector.Values[B](b)
		for i := range n {
			p, q := T(x[at(a, i)]), T(y[at(b, i)])
			switch {
			case q == 0:
				if valid(out, i) {
					return errDivisionByZero()
				}
			case q == -1:
				// The only quotient that overflows, and one that traps.
				dst[i] = -p
				if mod {
					dst[i] = 0
				} else if p != 0 && -p == p && valid(out, i) {
					return errOutOfRange(c.Ret.OID)
				}
			case mod:
				dst[i] = p % q
			default:
				dst[i] = p / q
			}
		}
		return nil
	}
}

// negate stores -a or, with absolute, |a|.
func negate[T kernel.Integer](absolute bool) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst := vector.Values[T](args[0]), vector.Values[T](out)
		for i := range n {
			x := src[at(args[0], i)]
			if absolute && x >= 0 {
				dst[i] = x
				continue
			}
			dst[i] = -x
			if x != 0 && -x == x && valid(out, i) {
				return errOutOfRange(c.Ret.OID)
			}
		}
		return nil
	}
}

// copyOf is unary plus for fixed-width values.
func copyOf[T any]() function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst := vector.Values[T](args[0]), vector.Values[T](out)
		if args[0].Kind == vector.Const {
			dst[0] = src[0]
			return nil
		}
		copy(dst[:n], src[:n])
		return nil
	}
}

// bitwise makes the kernel of a bit operator.
func bitwise[T kernel.Integer](f func(a, b T) T) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b, dst := vector.Values[T](args[0]), vector.Values[T](args[1]), vector.Values[T](out)
		for i := range n {
			dst[i] = f(a[at(args[0], i)], b[at(args[1], i)])
		}
		return nil
	}
}

// shift makes the kernel of << or >>; the count is taken modulo the width.
func shift[T kernel.Integer](left bool, width uint) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b, dst := vector.Values[T](args[0]), args[1].Int32s(), vector.Values[T](out)
		for i := range n {
			s := uint(b[at(args[1], i)]) & (width - 1)
			if left {
				dst[i] = a[at(args[0], i)] << s
			} else {
				dst[i] = a[at(args[0], i)] >> s
			}
		}
		return nil
	}
}

// extremum is larger or smaller of two.
func extremum[T kernel.Integer](larger bool) function.Kernel {
	return bitwise(func(a, b T) T {
		if (a > b) == larger {
			return a
		}
		return b
	})
}

// integerType appends the operators of one integer type.
func integerType[T kernel.Integer](list []entry, t string, width uint, mul loop[T]) []entry {
	sig := func(name string) string { return fmt.Sprintf("%s%s(%s,%s)", t, name, t, t) }
	return append(list,
		entry{sigs: sig("pl"), kernel: checked(kernel.Add[T]), doc: "Adds; 22003 on overflow."},
		entry{sigs: sig("mi"), kernel: checked(kernel.Sub[T]), doc: "Subtracts; 22003 on overflow."},
		entry{sigs: sig("mul"), kernel: checked(mul), doc: "Multiplies; 22003 on overflow."},
		entry{sigs: sig("div"), kernel: divide[T, T, T](false), doc: "Divides, truncating toward zero; 22012 for zero."},
		entry{sigs: sig("mod") + fmt.Sprintf(" mod(%s,%s)", t, t), kernel: divide[T, T, T](true), doc: "Remainder with the sign of the dividend.", example: "mod(9, 4) = 1"},
		entry{sigs: fmt.Sprintf("%sum(%s)", t, t), kernel: negate[T](false), doc: "Negates; 22003 on overflow."},
		entry{sigs: fmt.Sprintf("%sup(%s)", t, t), kernel: copyOf[T](), infallible: true, doc: "Unary plus."},
		entry{sigs: fmt.Sprintf("%sabs(%s) abs(%s)", t, t, t), kernel: negate[T](true), doc: "Absolute value; 22003 on overflow.", example: "abs(-17) = 17"},
		entry{sigs: sig("and"), kernel: bitwise(func(a, b T) T { return a & b }), infallible: true, doc: "Bitwise AND."},
		entry{sigs: sig("or"), kernel: bitwise(func(a, b T) T { return a | b }), infallible: true, doc: "Bitwise OR."},
		entry{sigs: sig("xor"), kernel: bitwise(func(a, b T) T { return a ^ b }), infallible: true, doc: "Bitwise exclusive OR."},
		entry{sigs: fmt.Sprintf("%snot(%s)", t, t), kernel: invert[T](), infallible: true, doc: "Bitwise complement."},
		entry{sigs: fmt.Sprintf("%sshl(%s,int4)", t, t), kernel: shift[T](true, width), infallible: true, doc: "Shifts left."},
		entry{sigs: fmt.Sprintf("%sshr(%s,int4)", t, t), kernel: shift[T](false, width), infallible: true, doc: "Shifts right, keeping the sign."},
		entry{sigs: sig("larger"), kernel: extremum[T](true), infallible: true, doc: "The larger of two."},
		entry{sigs: sig("smaller"), kernel: extremum[T](false), infallible: true, doc: "The smaller of two."},
	)
}

// invert is the bitwise complement.
func invert[T kernel.Integer]() function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, dst := vector.Values[T](args[0]), vector.Values[T](out)
		for i := range n {
			dst[i] = ^src[at(args[0], i)]
		}
		return nil
	}
}

// integerPair appends the operators of two integer types of different width.
func integerPair[A, B, T kernel.Integer](list []entry, digits, a, b string, mul loop[T]) []entry {
	sig := func(name string) string { return fmt.Sprintf("int%s%s(%s,%s)", digits, name, a, b) }
	return append(list,
		entry{sigs: sig("pl"), kernel: mixed[A, B](kernel.Add[T]), doc: "Adds; 22003 on overflow."},
		entry{sigs: sig("mi"), kernel: mixed[A, B](kernel.Sub[T]), doc: "Subtracts; 22003 on overflow."},
		entry{sigs: sig("mul"), kernel: mixed[A, B](mul), doc: "Multiplies; 22003 on overflow."},
		entry{sigs: sig("div"), kernel: divide[A, B, T](false), doc: "Divides, truncating toward zero; 22012 for zero."},
	)
}

// integers are the operators and functions of smallint, integer and bigint.
func integers() []entry {
	var list []entry
	list = integerType(list, "int2", 32, kernel.Mul[int16])
	list = integerType(list, "int4", 32, kernel.Mul[int32])
	list = integerType(list, "int8", 64, kernel.Mul64)
	list = integerPair[int16, int32](list, "24", "int2", "int4", kernel.Mul[int32])
	list = integerPair[int32, int16](list, "42", "int4", "int2", kernel.Mul[int32])
	list = integerPair[int16, int64](list, "28", "int2", "int8", kernel.Mul64)
	list = integerPair[int64, int16](list, "82", "int8", "int2", kernel.Mul64)
	list = integerPair[int32, int64](list, "48", "int4", "int8", kernel.Mul64)
	list = integerPair[int64, int32](list, "84", "int8", "int4", kernel.Mul64)
	return append(list,
		entry{sigs: "int4inc(int4)", kernel: each(func(r *row) (types.Datum, error) {
			if r.int(0) == 1<<31-1 {
				return types.Null, errOutOfRange(types.Int4)
			}
			return types.IntDatum(r.int(0) + 1), nil
		}), doc: "Adds one."},
		entry{sigs: "gcd(int4,int4) gcd(int8,int8)", kernel: each(gcd), doc: "Greatest common divisor; 0 for two zeros.", example: "gcd(1071, 462) = 21"},
		entry{sigs: "lcm(int4,int4) lcm(int8,int8)", kernel: each(lcm), doc: "Least common multiple; 0 when an argument is 0.", example: "lcm(1071, 462) = 23562"},
		entry{sigs: "to_hex(int4)", kernel: each(func(r *row) (types.Datum, error) {
			return types.TextDatum(fmt.Sprintf("%x", uint32(r.int(0)))), nil
		}), infallible: true, doc: "Hexadecimal digits of the two's complement form.", example: "to_hex(2147483647) = 7fffffff"},
		entry{sigs: "to_hex(int8)", kernel: each(func(r *row) (types.Datum, error) {
			return types.TextDatum(fmt.Sprintf("%x", uint64(r.int(0)))), nil
		}), infallible: true, doc: "Hexadecimal digits of the two's complement form."},
	)
}

// magnitude returns |x| as an unsigned value.
func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

// fits returns u as a value of the result type.
func fits(r *row, u uint64) (types.Datum, error) {
	limit := uint64(1<<63 - 1)
	if r.c.Ret.OID == types.Int4 {
		limit = 1<<31 - 1
	}
	if u > limit {
		return types.Null, errOutOfRange(r.c.Ret.OID)
	}
	return types.IntDatum(int64(u)), nil
}

// divisor is Euclid's algorithm.
func divisor(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func gcd(r *row) (types.Datum, error) {
	return fits(r, divisor(magnitude(r.int(0)), magnitude(r.int(1))))
}

func lcm(r *row) (types.Datum, error) {
	a, b := magnitude(r.int(0)), magnitude(r.int(1))
	if a == 0 || b == 0 {
		return types.IntDatum(0), nil
	}
	hi, lo := bits.Mul64(a/divisor(a, b), b)
	if hi != 0 {
		return types.Null, errOutOfRange(r.c.Ret.OID)
	}
	return fits(r, lo)
}

// booleans are the functions of boolean.
func booleans() []entry {
	return []entry{
		{sigs: "booland_statefunc(bool,bool)", kernel: each(func(r *row) (types.Datum, error) {
			return types.BoolDatum(r.bool(0) && r.bool(1)), nil
		}), infallible: true, doc: "Conjunction of two booleans."},
		{sigs: "boolor_statefunc(bool,bool)", kernel: each(func(r *row) (types.Datum, error) {
			return types.BoolDatum(r.bool(0) || r.bool(1)), nil
		}), infallible: true, doc: "Disjunction of two booleans."},
	}
}
