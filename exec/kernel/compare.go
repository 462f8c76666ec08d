package kernel

import (
	"bytes"
	"cmp"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Op is a comparison operator.
type Op uint8

// Comparison operators.
const (
	Eq Op = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

// Swap returns the operator for exchanged operands.
func (o Op) Swap() Op {
	switch o {
	case Lt:
		return Gt
	case Le:
		return Ge
	case Gt:
		return Lt
	case Ge:
		return Le
	}
	return o
}

// Holds reports whether the operator is true of an order (-1, 0, 1).
func (o Op) Holds(order int) bool {
	switch o {
	case Eq:
		return order == 0
	case Ne:
		return order != 0
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	case Gt:
		return order > 0
	}
	return order >= 0
}

// b2u is 1 for true; the compiler makes it a SETcc.
func b2u(b bool) uint8 {
	var u uint8
	if b {
		u = 1
	}
	return u
}

// Compare stores a op b for n rows in out. The vectors are Flat or Const of the
// same type; both Const means n = 1. Values under NULLs may be anything.
func Compare(op Op, a, b *vector.Vec, n int, out []uint8) {
	switch a.Type.Layout() {
	case types.LayoutBool:
		CompareValues(op, a.Bools(), b.Bools(), a.Kind, b.Kind, n, out)
	case types.LayoutInt16:
		CompareValues(op, a.Int16s(), b.Int16s(), a.Kind, b.Kind, n, out)
	case types.LayoutInt32:
		if Unsigned(a.Type) {
			CompareValues(op, vector.Values[uint32](a), vector.Values[uint32](b), a.Kind, b.Kind, n, out)
			return
		}
		CompareValues(op, a.Int32s(), b.Int32s(), a.Kind, b.Kind, n, out)
	case types.LayoutInt64:
		CompareValues(op, a.Int64s(), b.Int64s(), a.Kind, b.Kind, n, out)
	case types.LayoutFloat32:
		compareFloats(op, a.Float32s(), b.Float32s(), a.Kind, b.Kind, n, out)
	case types.LayoutFloat64:
		compareFloats(op, a.Float64s(), b.Float64s(), a.Kind, b.Kind, n, out)
	case types.LayoutNumeric:
		compareNumerics(op, a, b, n, out)
	case types.LayoutWide:
		if a.Type.OID == types.UUID && (op == Eq || op == Ne) {
			x, y := a.Wides(), b.Wides()
			for i := range n {
				p, q := x[stride(a, i)], y[stride(b, i)]
				out[i] = b2u(p == q) ^ b2u(op == Ne)
			}
			return
		}
		compareOrdered(op, a, b, n, out)
	default:
		if t := a.Type; t.OID == types.BPChar || t.IsArray() || t.IsRow() || !byBytes(t) {
			compareOrdered(op, a, b, n, out)
			return
		}
		compareViews(op, a, b, n, out)
	}
}

// stride is the index of row i of a Flat or Const vector.
func stride(v *vector.Vec, i int) int {
	if v.Kind == vector.Const {
		return 0
	}
	return i
}

// CompareValues stores a op b for integers; a Const side has one value.
func CompareValues[T cmp.Ordered](op Op, a, b []T, ka, kb vector.Kind, n int, out []uint8) {
	switch {
	case kb == vector.Const && (ka != vector.Const || n == 1):
		compareConst(op, a[:n], b[0], out)
	case ka == vector.Const:
		compareConst(op.Swap(), b[:n], a[0], out)
	default:
		compareColumns(op, a[:n], b[:n], out)
	}
}

// compareConst stores a op c. Greater is written as not less-or-equal, which for
// floats and a c that is not NaN places NaN above everything.
func compareConst[T cmp.Ordered](op Op, a []T, c T, out []uint8) {
	out = out[:len(a)]
	switch op {
	case Eq:
		for i, x := range a {
			out[i] = b2u(x == c)
		}
	case Ne:
		for i, x := range a {
			out[i] = b2u(x != c)
		}
	case Lt:
		for i, x := range a {
			out[i] = b2u(x < c)
		}
	case Le:
		for i, x := range a {
			out[i] = b2u(x <= c)
		}
	case Gt:
		for i, x := range a {
			out[i] = b2u(!(x <= c))
		}
	case Ge:
		for i, x := range a {
			out[i] = b2u(!(x < c))
		}
	}
}

// compareColumns stores a op b.
func compareColumns[T cmp.Ordered](op Op, a, b []T, out []uint8) {
	out, b = out[:len(a)], b[:len(a)]
	switch op {
	case Eq:
		for i, x := range a {
			out[i] = b2u(x == b[i])
		}
	case Ne:
		for i, x := range a {
			out[i] = b2u(x != b[i])
		}
	case Lt:
		for i, x := range a {
			out[i] = b2u(x < b[i])
		}
	case Le:
		for i, x := range a {
			out[i] = b2u(x <= b[i])
		}
	case Gt:
		for i, x := range a {
			out[i] = b2u(x > b[i])
		}
	case Ge:
		for i, x := range a {
			out[i] = b2u(x >= b[i])
		}
	}
}

// compareFloats is CompareValues with PostgreSQL's place for NaN.
func compareFloats[T ~float32 | ~float64](op Op, a, b []T, ka, kb vector.Kind, n int, out []uint8) {
	if kb == vector.Const && ka != vector.Const && b[0] == b[0] {
		compareConst(op, a[:n], b[0], out)
		return
	}
	if ka == vector.Const && kb != vector.Const && a[0] == a[0] {
		compareConst(op.Swap(), b[:n], a[0], out)
		return
	}
	CompareFloatRows(op, a, b, ka, kb, n, out)
}

// CompareFloatRows compares floats of two widths row by row.
func CompareFloatRows[T, U ~float32 | ~float64](op Op, a []T, b []U, ka, kb vector.Kind, n int, out []uint8) {
	for i := range n {
		x, y := float64(a[pick(ka, i)]), float64(b[pick(kb, i)])
		out[i] = b2u(op.Holds(OrderFloat(x, y)))
	}
}

// pick is the index of row i by the kind of vector.
func pick(k vector.Kind, i int) int {
	if k == vector.Const {
		return 0
	}
	return i
}

// CompareMixed compares integers of two widths.
func CompareMixed[T, U ~int16 | ~int32 | ~int64](op Op, a []T, b []U, ka, kb vector.Kind, n int, out []uint8) {
	switch {
	case kb == vector.Const && ka != vector.Const:
		mixedConst(op, a[:n], int64(b[0]), out)
	case ka == vector.Const && kb != vector.Const:
		mixedConst(op.Swap(), b[:n], int64(a[0]), out)
	default:
		for i := range n {
			out[i] = b2u(op.Holds(Order(int64(a[pick(ka, i)]), int64(b[pick(kb, i)]))))
		}
	}
}

// mixedConst stores a op c. A constant beyond T decides for every row.
func mixedConst[T ~int16 | ~int32 | ~int64](op Op, a []T, c int64, out []uint8) {
	if t := T(c); int64(t) == c {
		compareConst(op, a, t, out)
		return
	}
	order := -1
	if c < 0 {
		order = 1
	}
	r := b2u(op.Holds(order))
	for i := range a {
		out[i] = r
	}
}

// compareNumerics stores a op b for numerics.
func compareNumerics(op Op, a, b *vector.Vec, n int, out []uint8) {
	var ta, tb vector.Vec
	if a.Scaled != b.Scaled {
		// A constant usually has a scaled form too.
		if a.Kind == vector.Const && !a.Scaled {
			if s := ToScaled(&ta, a, 1); s != nil {
				a = s
			}
		}
		if b.Kind == vector.Const && !b.Scaled {
			if s := ToScaled(&tb, b, 1); s != nil {
				b = s
			}
		}
	}
	if a.Scaled && b.Scaled {
		if a.Scale == b.Scale {
			CompareValues(op, a.Int64s(), b.Int64s(), a.Kind, b.Kind, n, out)
			return
		}
		if b.Kind == vector.Const && a.Kind != vector.Const {
			if c, ok := Rescale(b.Int64s()[0], b.Scale, a.Scale); ok {
				compareConst(op, a.Int64s()[:n], c, out)
				return
			}
		}
		if a.Kind == vector.Const && b.Kind != vector.Const {
			if c, ok := Rescale(a.Int64s()[0], a.Scale, b.Scale); ok {
				compareConst(op.Swap(), b.Int64s()[:n], c, out)
				return
			}
		}
		x, y := a.Int64s(), b.Int64s()
		for i := range n {
			out[i] = b2u(op.Holds(CompareScaled(x[stride(a, i)], a.Scale, y[stride(b, i)], b.Scale)))
		}
		return
	}
	compareOrdered(op, a, b, n, out)
}

// Rescale changes the scale of a value when that is exact.
func Rescale(x int64, from, to int32) (int64, bool) {
	if from > to {
		p := Pow10[from-to]
		return x / p, x%p == 0
	}
	p := Pow10[to-from]
	y := x * p
	return y, y/p == x
}

// compareOrdered is the general row loop, for values that are not NULL.
func compareOrdered(op Op, a, b *vector.Vec, n int, out []uint8) {
	order := CompareFunc(a.Type)
	for i := range n {
		if a.IsNull(i) || b.IsNull(i) {
			out[i] = 0
			continue
		}
		out[i] = b2u(op.Holds(order(a, i, b, i)))
	}
}

// compareViews compares text and bytea in byte order.
func compareViews(op Op, a, b *vector.Vec, n int, out []uint8) {
	if op == Eq || op == Ne {
		flip := b2u(op == Ne)
		if a.Kind == vector.Const && b.Kind != vector.Const {
			a, b = b, a
		}
		x, y := vector.Values[[2]uint64](a), vector.Values[[2]uint64](b)
		if b.Kind == vector.Const && a.Kind != vector.Const {
			if b.IsNull(0) {
				clear(out[:n])
				return
			}
			q, long := y[0], b.Bytes(0)
			if uint32(q[0]) <= vector.MaxInline {
				for i, p := range x[:n] {
					out[i] = b2u(p[0] == q[0] && p[1] == q[1]) ^ flip
				}
				return
			}
			for i, p := range x[:n] {
				out[i] = b2u(p[0] == q[0] && !a.IsNull(i) && bytes.Equal(a.Bytes(i), long)) ^ flip
			}
			return
		}
		for i := range n {
			p, q := x[stride(a, i)], y[stride(b, i)]
			switch {
			case p[0] != q[0]:
				out[i] = flip
			case uint32(p[0]) <= vector.MaxInline:
				out[i] = b2u(p[1] == q[1]) ^ flip
			case a.IsNull(i) || b.IsNull(i):
				out[i] = 0
			default:
				out[i] = b2u(bytes.Equal(a.Bytes(i), b.Bytes(i))) ^ flip
			}
		}
		return
	}
	for i := range n {
		if a.IsNull(i) || b.IsNull(i) {
			out[i] = 0
			continue
		}
		out[i] = b2u(op.Holds(bytes.Compare(a.Bytes(i), b.Bytes(i))))
	}
}
