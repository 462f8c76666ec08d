package vector

import (
	"github.com/hubsql/hubsql/catalog/types"
)

// Datum returns row i as a value of its own: strings are copied. A scaled
// numeric is converted to the binary form.
func (v *Vec) Datum(i int) types.Datum {
	if v.IsNull(i) {
		return types.Null
	}
	t := v.Type
	v, i = v.index(i)
	switch t.Layout() {
	case types.LayoutBool:
		return types.Datum{I: int64(v.Bools()[i])}
	case types.LayoutInt16:
		return types.Datum{I: int64(v.Int16s()[i])}
	case types.LayoutInt32:
		return types.Datum{I: int64(v.Int32s()[i])}
	case types.LayoutInt64:
		return types.Datum{I: v.Int64s()[i]}
	case types.LayoutFloat32:
		return types.FloatDatum(float64(v.Float32s()[i]))
	case types.LayoutFloat64:
		return types.FloatDatum(v.Float64s()[i])
	case types.LayoutWide:
		w := v.Wides()[i]
		return types.Datum{I: w.A, J: w.B}
	case types.LayoutNumeric:
		if v.Scaled {
			var scratch [64]byte
			return types.Datum{S: string(types.AppendScaled(scratch[:0], v.Int64s()[i], v.Scale))}
		}
	}
	return types.Datum{S: string(v.view(i))}
}

// Set stores d as value i of a Flat (or, with i = 0, Const) vector that has n
// rows. A scaled numeric vector cannot take datums: its type's form is views.
func (v *Vec) Set(i, n int, d types.Datum) {
	if d.Null {
		v.SetNull(i, n)
		v.zero(i)
		return
	}
	if v.Valid != nil {
		v.Valid.Set(i)
	}
	switch v.Type.Layout() {
	case types.LayoutBool:
		v.Bools()[i] = uint8(d.I)
	case types.LayoutInt16:
		v.Int16s()[i] = int16(d.I)
	case types.LayoutInt32:
		v.Int32s()[i] = int32(d.I)
	case types.LayoutInt64:
		v.Int64s()[i] = d.I
	case types.LayoutFloat32:
		v.Float32s()[i] = float32(d.Float())
	case types.LayoutFloat64:
		v.Float64s()[i] = d.Float()
	case types.LayoutWide:
		v.Wides()[i] = Wide{A: d.I, B: d.J}
	case types.LayoutNumeric, types.LayoutBytes:
		v.SetString(i, d.S)
	}
}

// zero clears value i, so that no stale bytes stay under a NULL.
func (v *Vec) zero(i int) {
	w := v.width()
	b := Values[byte](v)[i*w : (i+1)*w]
	clear(b)
}

// NewConst returns a Const vector of type t.
func NewConst(t types.Type, d types.Datum) *Vec {
	v := &Vec{Type: t}
	v.Resize(1)
	v.Set(0, 1, d)
	v.Kind = Const
	return v
}

// NewNull returns a Const vector of NULLs.
func NewNull(t types.Type) *Vec { return NewConst(t, types.Null) }

// FromDatums returns a Flat vector holding ds.
func FromDatums(t types.Type, ds []types.Datum) *Vec {
	v := New(t, len(ds))
	for i, d := range ds {
		v.Set(i, len(ds), d)
	}
	return v
}

// Float returns row i of a float layout as float64.
func (v *Vec) Float(i int) float64 {
	v, i = v.index(i)
	if v.Type.Layout() == types.LayoutFloat32 {
		return float64(v.Float32s()[i])
	}
	return v.Float64s()[i]
}
