package kernel

import (
	"bytes"
	"cmp"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// u2i widens the 0 or 1 of a comparison.
func u2i(b bool) int {
	var i int
	if b {
		i = 1
	}
	return i
}

// room returns dst with length n.
func room(dst []int32, n int) []int32 {
	if cap(dst) < n {
		dst = make([]int32, max(n, vector.BatchSize))
	}
	return dst[:n]
}

// SelectConst stores in dst the rows among sel (nil: 0..n-1) where v op c is
// true, for a Flat vector and a Const one that is not NULL, of the same type and
// (for numerics) both scaled with equal scales. It reports false when it has no
// loop for the type. sel may be dst's own storage.
func SelectConst(dst []int32, op Op, v, c *vector.Vec, sel []int32, n int) ([]int32, bool) {
	switch v.Type.Layout() {
	case types.LayoutBool:
		dst = selectConst(dst, op, v.Bools()[:n], c.Bools()[0], sel)
	case types.LayoutInt16:
		dst = selectConst(dst, op, v.Int16s()[:n], c.Int16s()[0], sel)
	case types.LayoutInt32:
		if Unsigned(v.Type) {
			dst = selectConst(dst, op, vector.Values[uint32](v)[:n], uint32(c.Int32s()[0]), sel)
			break
		}
		dst = selectConst(dst, op, v.Int32s()[:n], c.Int32s()[0], sel)
	case types.LayoutInt64:
		dst = selectConst(dst, op, v.Int64s()[:n], c.Int64s()[0], sel)
	case types.LayoutFloat32:
		if x := c.Float32s()[0]; x == x {
			dst = selectConst(dst, op, v.Float32s()[:n], x, sel)
			break
		}
		return dst, false
	case types.LayoutFloat64:
		if x := c.Float64s()[0]; x == x {
			dst = selectConst(dst, op, v.Float64s()[:n], x, sel)
			break
		}
		return dst, false
	case types.LayoutNumeric:
		if !v.Scaled || !c.Scaled || v.Scale != c.Scale {
			return dst, false
		}
		dst = selectConst(dst, op, v.Int64s()[:n], c.Int64s()[0], sel)
	case types.LayoutBytes:
		if t := v.Type; t.OID == types.BPChar || t.IsArray() || t.IsRow() || !byBytes(t) {
			return dst, false
		}
		dst = selectText(dst, op, v, c, sel, n)
	default:
		return dst, false
	}
	return KeepValid(dst, v.Valid), true
}

// SelectColumns is SelectConst for two Flat vectors.
func SelectColumns(dst []int32, op Op, a, b *vector.Vec, sel []int32, n int) ([]int32, bool) {
	switch a.Type.Layout() {
	case types.LayoutInt16:
		dst = selectColumns(dst, op, a.Int16s()[:n], b.Int16s()[:n], sel)
	case types.LayoutInt32:
		if Unsigned(a.Type) {
			return dst, false
		}
		dst = selectColumns(dst, op, a.Int32s()[:n], b.Int32s()[:n], sel)
	case types.LayoutInt64:
		dst = selectColumns(dst, op, a.Int64s()[:n], b.Int64s()[:n], sel)
	case types.LayoutNumeric:
		if !a.Scaled || !b.Scaled || a.Scale != b.Scale {
			return dst, false
		}
		dst = selectColumns(dst, op, a.Int64s()[:n], b.Int64s()[:n], sel)
	default:
		return dst, false
	}
	return KeepValid(KeepValid(dst, a.Valid), b.Valid), true
}

// KeepValid removes from sel the rows whose bit is clear.
func KeepValid(sel []int32, valid vector.Bitmap) []int32 {
	if valid == nil {
		return sel
	}
	k := 0
	for _, i := range sel {
		sel[k] = i
		k += int(valid[i>>6] >> (uint(i) & 63) & 1)
	}
	return sel[:k]
}

// KeepNull removes from sel the rows whose bit is set.
func KeepNull(sel []int32, valid vector.Bitmap) []int32 {
	if valid == nil {
		return sel[:0]
	}
	k := 0
	for _, i := range sel {
		sel[k] = i
		k += int(^valid[i>>6] >> (uint(i) & 63) & 1)
	}
	return sel[:k]
}

// selectConst writes every candidate and moves on by the outcome: no branch
// depends on the data.
func selectConst[T cmp.Ordered](dst []int32, op Op, v []T, c T, sel []int32) []int32 {
	k := 0
	if sel != nil {
		dst = room(dst, len(sel))
		switch op {
		case Eq:
			for _, i := range sel {
				dst[k] = i
				k += u2i(v[i] == c)
			}
		case Ne:
			for _, i := range sel {
				dst[k] = i
				k += u2i(v[i] != c)
			}
		case Lt:
			for _, i := range sel {
				dst[k] = i
				k += u2i(v[i] < c)
			}
		case Le:
			for _, i := range sel {
				dst[k] = i
				k += u2i(v[i] <= c)
			}
		case Gt:
			for _, i := range sel {
				dst[k] = i
				k += u2i(!(v[i] <= c))
			}
		case Ge:
			for _, i := range sel {
				dst[k] = i
				k += u2i(!(v[i] < c))
			}
		}
		return dst[:k]
	}
	dst = room(dst, len(v))
	switch op {
	case Eq:
		for i, x := range v {
			dst[k] = int32(i)
			k += u2i(x == c)
		}
	case Ne:
		for i, x := range v {
			dst[k] = int32(i)
			k += u2i(x != c)
		}
	case Lt:
		for i, x := range v {
			dst[k] = int32(i)
			k += u2i(x < c)
		}
	case Le:
		for i, x := range v {
			dst[k] = int32(i)
			k += u2i(x <= c)
		}
	case Gt:
		for i, x := range v {
			dst[k] = int32(i)
			k += u2i(!(x <= c))
		}
	case Ge:
		for i, x := range v {
			dst[k] = int32(i)
			k += u2i(!(x < c))
		}
	}
	return dst[:k]
}

// selectColumns is selectConst for two columns.
func selectColumns[T cmp.Ordered](dst []int32, op Op, a, b []T, sel []int32) []int32 {
	if op == Gt || op == Ge {
		a, b, op = b, a, op.Swap()
	}
	b = b[:len(a)]
	k := 0
	if sel != nil {
		dst = room(dst, len(sel))
		switch op {
		case Eq:
			for _, i := range sel {
				dst[k] = i
				k += u2i(a[i] == b[i])
			}
		case Ne:
			for _, i := range sel {
				dst[k] = i
				k += u2i(a[i] != b[i])
			}
		case Lt:
			for _, i := range sel {
				dst[k] = i
				k += u2i(a[i] < b[i])
			}
		case Le:
			for _, i := range sel {
				dst[k] = i
				k += u2i(a[i] <= b[i])
			}
		}
		return dst[:k]
	}
	dst = room(dst, len(a))
	switch op {
	case Eq:
		for i, x := range a {
			dst[k] = int32(i)
			k += u2i(x == b[i])
		}
	case Ne:
		for i, x := range a {
			dst[k] = int32(i)
			k += u2i(x != b[i])
		}
	case Lt:
		for i, x := range a {
			dst[k] = int32(i)
			k += u2i(x < b[i])
		}
	case Le:
		for i, x := range a {
			dst[k] = int32(i)
			k += u2i(x <= b[i])
		}
	}
	return dst[:k]
}

// selectText compares views with a constant in byte order.
func selectText(dst []int32, op Op, v, c *vector.Vec, sel []int32, n int) []int32 {
	if sel == nil {
		sel = vector.Identity(dst, n)
		dst = sel
	} else {
		dst = room(dst, len(sel))
	}
	words := vector.Values[[2]uint64](v)
	q, long := vector.Values[[2]uint64](c)[0], c.Bytes(0)
	k := 0
	if uint32(q[0]) <= vector.MaxInline && (op == Eq || op == Ne) {
		flip := u2i(op == Ne)
		for _, i := range sel {
			p := words[i]
			dst[k] = i
			k += u2i(p[0] == q[0] && p[1] == q[1]) ^ flip
		}
		return dst[:k]
	}
	for _, i := range sel {
		if v.Valid != nil && !v.Valid.Get(int(i)) {
			continue
		}
		var hit bool
		switch op {
		case Eq:
			hit = words[i][0] == q[0] && bytes.Equal(v.Bytes(int(i)), long)
		case Ne:
			hit = words[i][0] != q[0] || !bytes.Equal(v.Bytes(int(i)), long)
		default:
			hit = op.Holds(bytes.Compare(v.Bytes(int(i)), long))
		}
		if hit {
			dst[k] = i
			k++
		}
	}
	return dst[:k]
}
