package operator

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// numericForm is the physical form that a numeric column has in several stores.
type numericForm struct {
	decided bool // false while there are only NULLs
	scaled  bool
	scale   int32
}

// formOf returns the form of column c of a store.
func formOf(s *columnStore, c int) numericForm {
	col := &s.cols[c]
	return numericForm{decided: col.decided, scaled: col.vec.Scaled, scale: col.vec.Scale}
}

// join returns the form that both f and o can take.
func (f numericForm) join(o numericForm) numericForm {
	switch {
	case !o.decided:
		return f
	case !f.decided || f == o:
		return o
	}
	return numericForm{decided: true}
}

// giveForm makes column c of a store take the form.
func (s *columnStore) giveForm(c int, f numericForm) error {
	col := &s.cols[c]
	switch {
	case !f.decided || col.vec.Type.Layout() != types.LayoutNumeric:
		return nil
	case col.vec.Scaled && !f.scaled:
		return s.unscale(col)
	case f.scaled && !col.decided:
		s.rescale(col, f.scale)
	}
	col.decided = true
	return nil
}

// withForm returns v, a Flat numeric vector of n rows, in the form. A vector that
// has to become scaled holds only NULLs.
func withForm(v *vector.Vec, n int, f numericForm) *vector.Vec {
	switch {
	case !f.decided || v.Scaled == f.scaled && (!v.Scaled || v.Scale == f.scale):
		return v
	case f.scaled:
		out := vector.NewScaled(v.Type, f.scale, n)
		out.Valid = v.Valid
		return out
	}
	out := vector.New(v.Type, n)
	out.Valid = v.Valid
	var scratch [64]byte
	for i, x := range v.Int64s()[:n] {
		if v.Valid == nil || v.Valid.Get(i) {
			out.SetBytes(i, types.AppendScaled(scratch[:0], x, v.Scale))
		} else {
			out.SetBytes(i, nil)
		}
	}
	return out
}

// gatherFrom makes dst the rows rows[i] of srcs[from[i]]: Flat vectors of one
// type and form, nil where from never points. The bytes of long strings are
// shared.
func gatherFrom(dst *vector.Vec, srcs []*vector.Vec, from, rows []int32) {
	n := len(rows)
	var first *vector.Vec
	nulls := false
	for _, v := range srcs {
		if v != nil {
			first = v
			nulls = nulls || v.Valid != nil
		}
	}
	// The list of buffers may be shared with an earlier result.
	dst.Bufs = nil
	dst.Reset(first.Type, 0)
	dst.Scaled, dst.Scale = first.Scaled, first.Scale
	dst.Resize(n)
	if nulls {
		dst.Valid = vector.NewBitmap(n)
		for i, r := range from {
			if v := srcs[r]; v.Valid != nil && !v.Valid.Get(int(rows[i])) {
				dst.Valid.Clear(i)
			}
		}
	}
	switch kernel.Width(dst) {
	case 1:
		gatherFromOf[uint8](dst, srcs, from, rows)
	case 2:
		gatherFromOf[int16](dst, srcs, from, rows)
	case 4:
		gatherFromOf[int32](dst, srcs, from, rows)
	case 8:
		gatherFromOf[int64](dst, srcs, from, rows)
	default:
		if dst.Type.Layout() == types.LayoutWide {
			gatherFromOf[vector.Wide](dst, srcs, from, rows)
			return
		}
		gatherFromOf[vector.View](dst, srcs, from, rows)
		// The blocks of all sources follow each other.
		base := make([]int32, len(srcs))
		for i, v := range srcs {
			if v != nil {
				base[i] = int32(len(dst.Bufs))
				dst.Bufs = append(dst.Bufs, v.Bufs...)
			}
		}
		views := dst.Views()[:n]
		for i := range views {
			if views[i].Len > vector.MaxInline {
				views[i].Buf += base[from[i]]
			}
		}
	}
}

// gatherFromOf copies values of one width.
func gatherFromOf[T any](dst *vector.Vec, srcs []*vector.Vec, from, rows []int32) {
	vals := make([][]T, len(srcs))
	for i, v := range srcs {
		if v != nil {
			vals[i] = vector.Values[T](v)
		}
	}
	out := vector.Values[T](dst)[:len(rows)]
	for i, r := range from {
		out[i] = vals[r][rows[i]]
	}
}
