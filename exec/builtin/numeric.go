package builtin

import (
	"math"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// setScaled makes out, of n rows, hold scaled values.
func setScaled(out *vector.Vec, scale int32, n int) []int64 {
	out.Scaled, out.Scale = true, scale
	out.Resize(n)
	return out.Int64s()[:n]
}

// setViews makes out, of n rows, hold numerics in binary form.
func setViews(out *vector.Vec, n int) {
	out.Scaled, out.Scale = false, 0
	out.Resize(n)
	clear(out.Backing())
}

// numericSlow makes the kernel of an operation on two numerics of any form.
func numericSlow(f func(a, b types.Num) (types.Num, error)) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		setViews(out, n)
		var buf [64]byte
		for i := range n {
			if !valid(out, i) {
				continue
			}
			x, err := f(numAt(args[0], i), numAt(args[1], i))
			if err != nil {
				return err
			}
			out.SetBytes(i, x.Append(buf[:0]))
		}
		return nil
	}
}

// rescaled returns the values of a scaled vector at a larger scale, nil when
// one does not fit.
func rescaled(v *vector.Vec, scale int32, n int) []int64 {
	src := v.Int64s()
	if v.Scale == scale {
		return src
	}
	if v.Kind == vector.Const {
		n = 1
	}
	p := kernel.Pow10[scale-v.Scale]
	limit := math.MaxInt64 / p
	out := make([]int64, n)
	for i, x := range src[:n] {
		if x > limit || x < -limit {
			if v.Valid == nil || v.Valid.Get(i) {
				return nil
			}
			x = 0
		}
		out[i] = x * p
	}
	return out
}

// numericSum is + or - with the loop over scaled integers when both sides are.
func numericSum(f loop[int64], slow function.Kernel) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b := args[0], args[1]
		if a.Scaled && b.Scaled {
			scale := max(a.Scale, b.Scale)
			x, y := rescaled(a, scale, n), rescaled(b, scale, n)
			if x != nil && y != nil && f(x, y, a.Kind, b.Kind, n, setScaled(out, scale, n), out.Valid) < 0 {
				return nil
			}
		}
		return slow(c, args, n, out)
	}
}

// numericProduct is *.
func numericProduct(slow function.Kernel) function.Kernel {
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a, b := args[0], args[1]
		if a.Scaled && b.Scaled && a.Scale+b.Scale <= 18 {
			dst := setScaled(out, a.Scale+b.Scale, n)
			if kernel.Mul64(a.Int64s(), b.Int64s(), a.Kind, b.Kind, n, dst, out.Valid) < 0 {
				return nil
			}
		}
		return slow(c, args, n, out)
	}
}

// numericMap makes the kernel of a function of one numeric.
func numericMap(f func(x types.Num) (types.Num, error)) function.Kernel {
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		setViews(out, n)
		var buf [64]byte
		for i := range n {
			if !valid(out, i) {
				continue
			}
			x, err := f(numAt(args[0], i))
			if err != nil {
				return err
			}
			out.SetBytes(i, x.Append(buf[:0]))
		}
		return nil
	}
}

// numericNegate is unary minus, abs and unary plus.
func numericNegate(scaled func(int64) int64, slow func(types.Num) types.Num) function.Kernel {
	general := numericMap(func(x types.Num) (types.Num, error) { return slow(x), nil })
	return func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		if args[0].Scaled {
			dst, src, s := setScaled(out, args[0].Scale, n), args[0].Int64s(), step(args[0])
			lowest := false
			for i := range dst {
				x := src[i*s]
				lowest = lowest || x == math.MinInt64
				dst[i] = scaled(x)
			}
			if !lowest {
				return nil
			}
		}
		return general(c, args, n, out)
	}
}

// roundScaled rounds x, of the given scale, to a smaller scale, half away from
// zero or, with trunc, toward zero.
func roundScaled(x, p int64, trunc bool) int64 {
	q, r := x/p, x%p
	if trunc {
		return q
	}
	if r >= p-r && r > 0 {
		return q + 1
	}
	if -r >= p+r && r < 0 {
		return q - 1
	}
	return q
}

// numericRound is round and trunc to a number of digits; digits nil means 0.
func numericRound(trunc bool) function.Kernel {
	one := func(x types.Num, digits int32) types.Num {
		if trunc {
			return x.Trunc(digits)
		}
		return x.Round(digits)
	}
	return func(_ *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		a := args[0]
		digits := int64(0)
		if len(args) > 1 {
			if args[1].Kind == vector.Const {
				digits = args[1].Int(0)
			} else {
				digits = -1
			}
		}
		if a.Scaled && digits >= 0 && digits <= 18 {
			if int32(digits) >= a.Scale {
				if x := rescaled(a, int32(digits), n); x != nil {
					dst, s := setScaled(out, int32(digits), n), step(a)
					for i := range dst {
						dst[i] = x[i*s]
					}
					return nil
				}
			} else {
				dst, src, s := setScaled(out, int32(digits), n), a.Int64s(), step(a)
				p := kernel.Pow10[a.Scale-int32(digits)]
				for i := range dst {
					dst[i] = roundScaled(src[i*s], p, trunc)
				}
				return nil
			}
		}
		setViews(out, n)
		var buf [64]byte
		for i := range n {
			if !valid(out, i) {
				continue
			}
			if len(args) > 1 {
				digits = args[1].Int(i)
			}
			x := one(numAt(a, i), int32(max(min(digits, 16383), -131072)))
			out.SetBytes(i, x.Append(buf[:0]))
		}
		return nil
	}
}

// numericMod applies the modifier of the call's result: numeric(p, s).
func numericModifier(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	t := c.Ret
	if len(args) > 1 && args[1].Kind == vector.Const {
		t.Mod = int32(args[1].Int(0))
	}
	a := args[0]
	precision, scale, ok := t.NumericMod()
	if a.Scaled && (!ok || scale >= 0 && precision <= 18) {
		if !ok {
			dst, src, s := setScaled(out, a.Scale, n), a.Int64s(), step(a)
			for i := range dst {
				dst[i] = src[i*s]
			}
			return nil
		}
		if done := fitScaled(a, precision, int32(scale), n, out); done {
			return nil
		}
	}
	if !a.Scaled && ok && scale >= 0 && precision <= 18 {
		// Values of a bounded precision have the scaled form from here on.
		dst := setScaled(out, int32(scale), n)
		for i := range dst {
			dst[i] = 0
			if !valid(out, i) {
				continue
			}
			x, err := numAt(a, i).WithMod(t)
			if err != nil {
				return err
			}
			v, s, fit := x.Scaled()
			if !fit || s != int32(scale) {
				return numericMap(func(x types.Num) (types.Num, error) { return x.WithMod(t) })(c, args, n, out)
			}
			dst[i] = v
		}
		return nil
	}
	return numericMap(func(x types.Num) (types.Num, error) { return x.WithMod(t) })(c, args, n, out)
}

// fitScaled rounds scaled values to a precision and scale; it reports false
// when a value does not fit, which the general path reports.
func fitScaled(a *vector.Vec, precision int, scale int32, n int, out *vector.Vec) bool {
	limit := uint64(kernel.Pow10[precision])
	dst, s := setScaled(out, scale, n), step(a)
	if scale >= a.Scale {
		x := rescaled(a, scale, n)
		if x == nil {
			return false
		}
		for i := range dst {
			v := x[i*s]
			dst[i] = v
			if magnitude(v) >= limit && valid(out, i) {
				return false
			}
		}
		return true
	}
	src, p := a.Int64s(), kernel.Pow10[a.Scale-scale]
	for i := range dst {
		v := roundScaled(src[i*s], p, false)
		dst[i] = v
		if magnitude(v) >= limit && valid(out, i) {
			return false
		}
	}
	return true
}

// numericFromInt converts integers; the result has scale 0 or that of the
// modifier.
func numericFromInt(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	a := args[0]
	rows := n
	if a.Kind == vector.Const {
		rows = 1
	}
	if _, _, ok := c.Ret.NumericMod(); ok {
		tmp := vector.NewScaled(types.Of(types.Numeric), 0, rows)
		copyInts(tmp.Int64s()[:rows], a, rows)
		tmp.Kind, tmp.Valid = a.Kind, a.Valid
		return numericModifier(c, []*vector.Vec{tmp}, n, out)
	}
	dst := setScaled(out, 0, n)
	copyInts(dst[:rows], a, rows)
	for i := rows; i < n; i++ {
		dst[i] = dst[0]
	}
	return nil
}

// copyInts widens n integers of any width.
func copyInts(dst []int64, v *vector.Vec, n int) {
	switch v.Type.Layout() {
	case types.LayoutInt16:
		for i, x := range v.Int16s()[:n] {
			dst[i] = int64(x)
		}
	case types.LayoutInt32:
		if kernel.Unsigned(v.Type) {
			for i, x := range vector.Values[uint32](v)[:n] {
				dst[i] = int64(x)
			}
			return
		}
		for i, x := range v.Int32s()[:n] {
			dst[i] = int64(x)
		}
	default:
		copy(dst[:n], v.Int64s()[:n])
	}
}

// numericFromFloat converts floats with the digits that PostgreSQL keeps.
func numericFromFloat(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	single := args[0].Type.Layout() == types.LayoutFloat32
	return each(func(r *row) (types.Datum, error) {
		x := r.float(0)
		num := types.NumFromFloat(x)
		if single {
			num = types.NumFromFloat32(float32(x))
		}
		num, err := num.WithMod(r.c.Ret)
		return num.Datum(), err
	})(c, args, n, out)
}

// numericToInt converts to an integer type, rounding half away from zero.
func numericToInt(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
	a := args[0]
	for i := range n {
		if !valid(out, i) {
			continue
		}
		var x int64
		if a.Scaled {
			x = roundScaled(a.Int64s()[at(a, i)], kernel.Pow10[a.Scale], false)
			if t := types.IntDatum(x); !intFits(c.Ret.OID, t.I) {
				return errOutOfRange(c.Ret.OID)
			}
		} else {
			var err error
			if x, err = numAt(a, i).Int(c.Ret.OID); err != nil {
				return err
			}
		}
		setInt(out, i, x)
	}
	return nil
}

// intFits reports whether x is in the range of an integer type.
func intFits(oid types.OID, x int64) bool {
	switch oid {
	case types.Int2:
		return int64(int16(x)) == x
	case types.Int4:
		return int64(int32(x)) == x
	}
	return true
}

// setInt stores an integer at the width of out.
func setInt(out *vector.Vec, i int, x int64) {
	switch out.Type.Layout() {
	case types.LayoutInt16:
		out.Int16s()[i] = int16(x)
	case types.LayoutInt32:
		out.Int32s()[i] = int32(x)
	default:
		out.Int64s()[i] = x
	}
}

// numericToFloat converts to double precision or real.
func numericToFloat(r *row) (types.Datum, error) {
	if r.c.Ret.OID == types.Float4 {
		f, err := r.num(0).Float32()
		return types.FloatDatum(float64(f)), err
	}
	f, err := r.num(0).Float64()
	return types.FloatDatum(f), err
}

// numericExtremum is numeric_larger and numeric_smaller.
func numericExtremum(larger bool) function.Kernel {
	return numericSlow(func(a, b types.Num) (types.Num, error) {
		if (a.Cmp(b) > 0) == larger {
			return a, nil
		}
		return b, nil
	})
}

// numericGCD computes at the larger of the two scales.
func numericGCD(r *row) (types.Datum, error) {
	a, b := r.num(0).Abs(), r.num(1).Abs()
	if a.IsNaN() || b.IsNaN() || a.IsInf() || b.IsInf() {
		return types.NaNNum().Datum(), nil
	}
	scale := max(a.Scale(), b.Scale())
	for !b.IsZero() {
		m, err := a.Mod(b)
		if err != nil {
			return types.Null, err
		}
		a, b = b, m
	}
	return a.Round(scale).Datum(), nil
}

// numerics are the operators, functions and casts of numeric.
func numerics() []entry {
	add := numericSlow(func(a, b types.Num) (types.Num, error) { return a.Add(b) })
	sub := numericSlow(func(a, b types.Num) (types.Num, error) { return a.Sub(b) })
	mul := numericSlow(func(a, b types.Num) (types.Num, error) { return a.Mul(b) })
	plain := func(f func(types.Num) types.Num) function.Kernel {
		return numericMap(func(x types.Num) (types.Num, error) { return f(x), nil })
	}
	absolute := func(x int64) int64 {
		if x < 0 {
			return -x
		}
		return x
	}
	return []entry{
		{sigs: "numeric_add(numeric,numeric)", kernel: numericSum(kernel.Add[int64], add), doc: "Adds exactly."},
		{sigs: "numeric_sub(numeric,numeric)", kernel: numericSum(kernel.Sub[int64], sub), doc: "Subtracts exactly."},
		{sigs: "numeric_mul(numeric,numeric)", kernel: numericProduct(mul), doc: "Multiplies exactly."},
		{sigs: "numeric_div(numeric,numeric)", kernel: numericSlow(func(a, b types.Num) (types.Num, error) { return a.Div(b) }), doc: "Divides with at least 16 significant digits; 22012 for zero."},
		{sigs: "div(numeric,numeric) numeric_div_trunc(numeric,numeric)", kernel: numericSlow(func(a, b types.Num) (types.Num, error) { return a.DivTrunc(b) }), doc: "Integer quotient, truncated toward zero.", example: "div(9, 4) = 2"},
		{sigs: "mod(numeric,numeric) numeric_mod(numeric,numeric)", kernel: numericSlow(func(a, b types.Num) (types.Num, error) { return a.Mod(b) }), doc: "Remainder with the sign of the dividend."},
		{sigs: "numeric_uminus(numeric)", kernel: numericNegate(func(x int64) int64 { return -x }, types.Num.Neg), infallible: true, doc: "Negates."},
		{sigs: "numeric_uplus(numeric)", kernel: numericNegate(func(x int64) int64 { return x }, func(x types.Num) types.Num { return x }), infallible: true, doc: "Unary plus."},
		{sigs: "abs(numeric) numeric_abs(numeric)", kernel: numericNegate(absolute, types.Num.Abs), infallible: true, doc: "Absolute value."},
		{sigs: "sign(numeric)", kernel: plain(types.Num.SignNum), infallible: true, doc: "-1, 0 or 1."},
		{sigs: "round(numeric) round(numeric,int4)", kernel: numericRound(false), doc: "Rounds half away from zero, to whole numbers or to a number of digits.", example: "round(42.4382, 2) = 42.44"},
		{sigs: "trunc(numeric) trunc(numeric,int4)", kernel: numericRound(true), doc: "Truncates toward zero, to whole numbers or to a number of digits."},
		{sigs: "ceil(numeric) ceiling(numeric)", kernel: plain(types.Num.Ceil), doc: "The nearest integer not below."},
		{sigs: "floor(numeric)", kernel: plain(types.Num.Floor), doc: "The nearest integer not above."},
		{sigs: "numeric_larger(numeric,numeric)", kernel: numericExtremum(true), infallible: true, doc: "The larger of two."},
		{sigs: "numeric_smaller(numeric,numeric)", kernel: numericExtremum(false), infallible: true, doc: "The smaller of two."},
		{sigs: "scale(numeric)", kernel: each(func(r *row) (types.Datum, error) {
			x := r.num(0)
			if x.IsNaN() || x.IsInf() {
				return types.Null, nil
			}
			return types.IntDatum(int64(x.Scale())), nil
		}), doc: "The number of digits behind the point.", example: "scale(8.4100) = 4"},
		{sigs: "min_scale(numeric)", kernel: each(func(r *row) (types.Datum, error) {
			x := r.num(0)
			if x.IsNaN() || x.IsInf() {
				return types.Null, nil
			}
			return types.IntDatum(int64(x.MinScale())), nil
		}), doc: "The least number of digits behind the point that keeps the value."},
		{sigs: "trim_scale(numeric)", kernel: plain(types.Num.TrimScale), doc: "Drops trailing zeros behind the point."},
		{sigs: "gcd(numeric,numeric)", kernel: each(numericGCD), doc: "Greatest common divisor."},
		{sigs: "numeric(numeric,int4)", kernel: numericModifier, doc: "Rounds to a precision and scale; 22003 when the value does not fit."},
		{sigs: "numeric(int2) numeric(int4) numeric(int8)", kernel: numericFromInt, doc: "Converts an integer."},
		{sigs: "numeric(float4) numeric(float8)", kernel: numericFromFloat, doc: "Converts a float, keeping its significant decimal digits."},
		{sigs: "int2(numeric) int4(numeric) int8(numeric)", kernel: numericToInt, doc: "Rounds to an integer; 22003 when it does not fit."},
		{sigs: "float4(numeric) float8(numeric)", kernel: each(numericToFloat), doc: "Converts to the nearest float."},
		{sigs: "width_bucket(numeric,numeric,numeric,int4)", kernel: each(widthBucketNumeric), doc: "The number of the bucket, of equal width between two bounds, that a value falls into."},
	}
}

// widthBucketNumeric is width_bucket over numeric.
func widthBucketNumeric(r *row) (types.Datum, error) {
	x, lo, hi, n := r.num(0), r.num(1), r.num(2), r.int(3)
	bad := func(s string) (types.Datum, error) {
		return types.Null, pgerror.New(pgerror.InvalidArgumentForWidthBucket, s)
	}
	switch {
	case n <= 0:
		return bad("count must be greater than zero")
	case x.IsNaN() || lo.IsNaN() || hi.IsNaN():
		return bad("operand, lower bound, and upper bound cannot be NaN")
	case lo.IsInf() || hi.IsInf():
		return bad("lower and upper bounds must be finite")
	case lo.Cmp(hi) == 0:
		return bad("lower bound cannot equal upper bound")
	}
	if lo.Cmp(hi) > 0 {
		x, lo, hi = x.Neg(), lo.Neg(), hi.Neg()
	}
	if x.Cmp(lo) < 0 {
		return types.IntDatum(0), nil
	}
	if x.Cmp(hi) >= 0 {
		return types.IntDatum(n + 1), nil
	}
	offset, err := x.Sub(lo)
	if err != nil {
		return types.Null, err
	}
	if offset, err = offset.Mul(types.NumFromInt(n)); err != nil {
		return types.Null, err
	}
	span, err := hi.Sub(lo)
	if err != nil {
		return types.Null, err
	}
	q, err := offset.DivTrunc(span)
	if err != nil {
		return types.Null, err
	}
	b, err := q.Int(types.Int4)
	return types.IntDatum(b + 1), err
}
