package kernel

import (
	"bytes"
	"cmp"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Order is cmp.Compare for types without NaN.
func Order[T cmp.Ordered](a, b T) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// OrderFloat orders floats as PostgreSQL does: NaN equals NaN and is above
// everything, -0 equals 0.
func OrderFloat[T ~float32 | ~float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	case a == a:
		return -1
	case b == b:
		return 1
	}
	return 0
}

// Comparer orders row i of a against row j of b; neither is NULL.
type Comparer func(a *vector.Vec, i int, b *vector.Vec, j int) int

// at maps a row to the vector and index that store it.
func at(v *vector.Vec, i int) (*vector.Vec, int) {
	switch v.Kind {
	case vector.Const:
		return v, 0
	case vector.Dict:
		return v.Dict, int(v.Codes[i])
	}
	return v, i
}

// CompareFunc returns the order of type t (that of its default btree operator
// class, text in byte order) for vectors of any kind and physical form. Types
// without an order compare by their bytes.
func CompareFunc(t types.Type) Comparer {
	switch t.Layout() {
	case types.LayoutBool:
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			a, i = at(a, i)
			b, j = at(b, j)
			return Order(a.Bools()[i], b.Bools()[j])
		}
	case types.LayoutInt16:
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			a, i = at(a, i)
			b, j = at(b, j)
			return Order(a.Int16s()[i], b.Int16s()[j])
		}
	case types.LayoutInt32:
		if Unsigned(t) {
			return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
				a, i = at(a, i)
				b, j = at(b, j)
				return Order(uint32(a.Int32s()[i]), uint32(b.Int32s()[j]))
			}
		}
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			a, i = at(a, i)
			b, j = at(b, j)
			return Order(a.Int32s()[i], b.Int32s()[j])
		}
	case types.LayoutInt64:
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			a, i = at(a, i)
			b, j = at(b, j)
			return Order(a.Int64s()[i], b.Int64s()[j])
		}
	case types.LayoutFloat32:
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			a, i = at(a, i)
			b, j = at(b, j)
			return OrderFloat(a.Float32s()[i], b.Float32s()[j])
		}
	case types.LayoutFloat64:
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			a, i = at(a, i)
			b, j = at(b, j)
			return OrderFloat(a.Float64s()[i], b.Float64s()[j])
		}
	case types.LayoutWide:
		return compareWide(t)
	case types.LayoutNumeric:
		return compareNumericRows
	}
	switch {
	case t.OID == types.BPChar:
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			return bytes.Compare(TrimBlanks(a.Bytes(i)), TrimBlanks(b.Bytes(j)))
		}
	case t.IsArray() || t.IsRow():
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			return CompareComposite(t, a.Bytes(i), b.Bytes(j))
		}
	}
	if byBytes(t) {
		return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
			return bytes.Compare(a.Bytes(i), b.Bytes(j))
		}
	}
	return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
		return types.Compare(t, types.Datum{S: a.String(i)}, types.Datum{S: b.String(j)})
	}
}

// byBytes reports whether the values of t, stored as bytes, are equal and
// ordered as their bytes are.
func byBytes(t types.Type) bool {
	switch t.OID {
	case types.JSONB, types.Inet, types.CIDR, types.Bit, types.VarBit:
		return false
	}
	return types.RangeElem(t.OID) == 0
}

// Unsigned reports whether the 32-bit values of t are unsigned.
func Unsigned(t types.Type) bool {
	switch t.OID {
	case types.Int4, types.Date:
		return false
	}
	return t.Layout() == types.LayoutInt32
}

// compareWide orders uuid, timetz and interval values.
func compareWide(t types.Type) Comparer {
	order := OrderWide(t.OID)
	return func(a *vector.Vec, i int, b *vector.Vec, j int) int {
		a, i = at(a, i)
		b, j = at(b, j)
		return order(a.Wides()[i], b.Wides()[j])
	}
}

// OrderWide returns the order of a type of 16 bytes.
func OrderWide(oid types.OID) func(a, b vector.Wide) int {
	switch oid {
	case types.Interval:
		return func(a, b vector.Wide) int {
			ah, al := IntervalSpan(a)
			bh, bl := IntervalSpan(b)
			if ah != bh {
				return Order(ah, bh)
			}
			return Order(al, bl)
		}
	case types.TimeTZ:
		// By the instant first, then the zone west of UTC.
		return func(a, b vector.Wide) int {
			if c := Order(a.A+a.B*1000000, b.A+b.B*1000000); c != 0 {
				return c
			}
			return Order(a.B, b.B)
		}
	}
	return func(a, b vector.Wide) int {
		if c := Order(uint64(a.A), uint64(b.A)); c != 0 {
			return c
		}
		return Order(uint64(a.B), uint64(b.B))
	}
}

// compareNumericRows orders numerics in any pair of physical forms.
func compareNumericRows(a *vector.Vec, i int, b *vector.Vec, j int) int {
	a, i = at(a, i)
	b, j = at(b, j)
	if a.Scaled && b.Scaled {
		return CompareScaled(a.Int64s()[i], a.Scale, b.Int64s()[j], b.Scale)
	}
	var x, y [64]byte
	return CompareNumeric(NumericBytes(x[:0], a, i), NumericBytes(y[:0], b, j))
}

// Equal reports whether row i of a and row j of b, neither NULL and both of the
// same type, are equal.
func Equal(a *vector.Vec, i int, b *vector.Vec, j int) bool {
	a, i = at(a, i)
	b, j = at(b, j)
	switch a.Type.Layout() {
	case types.LayoutBool:
		return a.Bools()[i] == b.Bools()[j]
	case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
		return a.Int(i) == b.Int(j)
	case types.LayoutFloat32, types.LayoutFloat64:
		return OrderFloat(a.Float(i), b.Float(j)) == 0
	case types.LayoutWide:
		return OrderWide(a.Type.OID)(a.Wides()[i], b.Wides()[j]) == 0
	case types.LayoutNumeric:
		return compareNumericRows(a, i, b, j) == 0
	}
	switch {
	case a.Type.OID == types.BPChar:
		return bytes.Equal(TrimBlanks(a.Bytes(i)), TrimBlanks(b.Bytes(j)))
	case a.Type.IsArray() || a.Type.IsRow():
		return CompareComposite(a.Type, a.Bytes(i), b.Bytes(j)) == 0
	case !byBytes(a.Type):
		return types.Compare(a.Type, types.Datum{S: a.String(i)}, types.Datum{S: b.String(j)}) == 0
	}
	return bytes.Equal(a.Bytes(i), b.Bytes(j))
}
