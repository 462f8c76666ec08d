// Package kernel holds the typed loops over vectors that functions, the
// evaluator and the operators share: selection, comparison, hashing, checked
// arithmetic, and the assembly of vectors from parts. Loops are generic Go with
// the operator written in the body; none calls a function value per row.
package kernel

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Scratch is a reusable vector that holds a dense or flat copy of another. It
// never writes into buffers of the vectors that it copied from.
type Scratch struct {
	vec  vector.Vec
	bits vector.Bitmap
}

// Dense returns the rows of src that sel lists (nil: the first n), valid until
// the next use of s. A Const vector, and any vector when sel is nil, is returned
// as it is.
func (s *Scratch) Dense(src *vector.Vec, sel []int32, n int) *vector.Vec {
	if sel == nil || src.Kind == vector.Const {
		return src
	}
	s.gather(src, sel, n)
	return &s.vec
}

// gather runs vector.Gather with validity storage that s owns.
func (s *Scratch) gather(src *vector.Vec, sel []int32, n int) {
	s.vec.Valid = s.bits[:0]
	vector.Gather(&s.vec, src, sel, n)
	if s.vec.Valid != nil {
		s.bits = s.vec.Valid
	}
}

// Flat returns src itself when it is Flat or Const, and a Flat copy of a Dict
// vector of n rows otherwise, valid until the next use of s.
func (s *Scratch) Flat(src *vector.Vec, n int) *vector.Vec {
	if src.Kind != vector.Dict {
		return src
	}
	s.gather(src.Dict, src.Codes[:n], n)
	s.vec.Type = src.Type
	if src.Valid != nil {
		if s.vec.Valid == nil {
			s.vec.Valid = src.Valid
		} else {
			s.vec.Valid = vector.And(s.vec.Valid, s.vec.Valid, src.Valid, n)
		}
	}
	return &s.vec
}

// Part is a piece of a vector under assembly: the values of rows Rows of the
// whole. Value k of the part is at index k of Vec, or at index Rows[k] when
// Aligned is set.
type Part struct {
	Vec     *vector.Vec
	Rows    []int32
	Aligned bool
}

// Assemble fills out, of n rows and reset to its type, with the rows of parts.
// Rows that no part covers become NULL. The long strings of out alias the
// buffers of the parts.
func Assemble(out *vector.Vec, n int, parts []Part) {
	out.Valid = make(vector.Bitmap, (n+63)/64)
	if out.Type.Layout() == types.LayoutNumeric {
		scaled, scale := true, int32(-1)
		for _, p := range parts {
			v := p.Vec
			if v.Kind == vector.Dict {
				v = v.Dict
			}
			if len(p.Rows) == 0 || v.Kind == vector.Const && v.IsNull(0) {
				continue
			}
			if !v.Scaled || scale >= 0 && v.Scale != scale {
				scaled = false
				break
			}
			scale = v.Scale
		}
		if scaled && scale >= 0 {
			out.Scaled, out.Scale = true, scale
			out.Resize(n)
		}
	}
	clear(out.Backing())
	for _, p := range parts {
		scatter(out, p)
	}
}

// scatter stores one part.
func scatter(out *vector.Vec, p Part) {
	v := p.Vec
	if v.Kind == vector.Const {
		if v.IsNull(0) {
			return
		}
		for _, r := range p.Rows {
			out.Valid.Set(int(r))
		}
	} else {
		for k, r := range p.Rows {
			if i := p.index(k); !v.IsNull(i) {
				out.Valid.Set(int(r))
			}
		}
	}
	src := v
	if v.Kind == vector.Dict {
		src = v.Dict
	}
	switch Width(out) {
	case 1:
		scatterFixed[uint8](out, src, p)
	case 2:
		scatterFixed[int16](out, src, p)
	case 4:
		scatterFixed[int32](out, src, p)
	case 8:
		scatterFixed[int64](out, src, p)
	default:
		switch {
		case out.Type.Layout() == types.LayoutWide:
			scatterFixed[vector.Wide](out, src, p)
		case src.Scaled:
			scatterScaled(out, p)
		default:
			scatterViews(out, src, p)
		}
	}
}

// index returns the row of the part's vector that holds its value k.
func (p *Part) index(k int) int {
	if p.Aligned {
		return int(p.Rows[k])
	}
	return k
}

// source returns the index in src, the storage of the part's vector, of value k.
func (p *Part) source(k int) int {
	switch p.Vec.Kind {
	case vector.Const:
		return 0
	case vector.Dict:
		return int(p.Vec.Codes[p.index(k)])
	}
	return p.index(k)
}

// scatterFixed stores values of fixed width.
func scatterFixed[T any](out, src *vector.Vec, p Part) {
	dst, from := vector.Values[T](out), vector.Values[T](src)
	for k, r := range p.Rows {
		dst[r] = from[p.source(k)]
	}
}

// scatterViews stores views, appending the buffers they point into.
func scatterViews(out, src *vector.Vec, p Part) {
	base := int32(len(out.Bufs))
	for _, b := range src.Bufs {
		out.Bufs = append(out.Bufs, slices.Clip(b)) // never grown in place
	}
	dst, from := out.Views(), src.Views()
	for k, r := range p.Rows {
		if !out.Valid.Get(int(r)) {
			continue
		}
		w := from[p.source(k)]
		if w.Len > vector.MaxInline {
			w.Buf += base
		}
		dst[r] = w
	}
}

// scatterScaled stores scaled numerics in their binary form.
func scatterScaled(out *vector.Vec, p Part) {
	var buf [64]byte
	for k, r := range p.Rows {
		if out.Valid.Get(int(r)) {
			out.SetBytes(int(r), types.AppendScaled(buf[:0], p.Vec.Int(p.index(k)), scaleOf(p.Vec)))
		}
	}
}

// scaleOf returns the display scale of a scaled vector of any kind.
func scaleOf(v *vector.Vec) int32 {
	if v.Kind == vector.Dict {
		return v.Dict.Scale
	}
	return v.Scale
}

// Width returns the bytes per value of v's physical form.
func Width(v *vector.Vec) int {
	switch v.Type.Layout() {
	case types.LayoutBool:
		return 1
	case types.LayoutInt16:
		return 2
	case types.LayoutInt32, types.LayoutFloat32:
		return 4
	case types.LayoutInt64, types.LayoutFloat64:
		return 8
	case types.LayoutNumeric:
		if v.Scaled {
			return 8
		}
	}
	return 16
}
