package operator

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// sameForm gives column c the same physical form in all stores.
func sameForm(stores []*columnStore, c int) error {
	if stores[0].cols[c].vec.Type.Layout() != types.LayoutNumeric {
		return nil
	}
	var form *vector.Vec
	same := true
	for _, s := range stores {
		col := &s.cols[c]
		if !col.decided {
			continue
		}
		if form == nil {
			form = &col.vec
		}
		same = same && col.vec.Scaled == form.Scaled && col.vec.Scale == form.Scale
	}
	for _, s := range stores {
		col := &s.cols[c]
		switch {
		case !same && col.vec.Scaled:
			if err := s.unscale(col); err != nil {
				return err
			}
		case same && form != nil && form.Scaled && !col.decided:
			s.rescale(col, form.Scale)
		}
	}
	return nil
}

// gatherRuns makes dst the values of column c: for each output row, row rows[i]
// of run from[i]. The column has the same form in all runs.
func gatherRuns(dst *vector.Vec, runs []*sortRun, c int, from, rows []int32) {
	n := len(rows)
	first := runs[0].store.vec(c)
	dst.Reset(first.Type, 0)
	dst.Scaled, dst.Scale = first.Scaled, first.Scale
	dst.Resize(n)
	nulls := false
	for _, r := range runs {
		nulls = nulls || r.store.vec(c).Valid != nil
	}
	if nulls {
		dst.Valid = vector.NewBitmap(n)
		for i, r := range from {
			if v := runs[r].store.vec(c); v.Valid != nil && !v.Valid.Get(int(rows[i])) {
				dst.Valid.Clear(i)
			}
		}
	}
	switch kernel.Width(dst) {
	case 1:
		gatherRunsOf[uint8](dst, runs, c, from, rows)
	case 2:
		gatherRunsOf[int16](dst, runs, c, from, rows)
	case 4:
		gatherRunsOf[int32](dst, runs, c, from, rows)
	case 8:
		gatherRunsOf[int64](dst, runs, c, from, rows)
	default:
		if l := dst.Type.Layout(); l == types.LayoutWide {
			gatherRunsOf[vector.Wide](dst, runs, c, from, rows)
			return
		}
		gatherRunsOf[vector.View](dst, runs, c, from, rows)
		// The blocks of all runs follow each other.
		base := make([]int32, len(runs))
		dst.Bufs = nil
		for i, r := range runs {
			base[i] = int32(len(dst.Bufs))
			dst.Bufs = append(dst.Bufs, r.store.vec(c).Bufs...)
		}
		views := dst.Views()[:n]
		for i := range views {
			if views[i].Len > vector.MaxInline {
				views[i].Buf += base[from[i]]
			}
		}
	}
}

// gatherRunsOf copies values of one width.
func gatherRunsOf[T any](dst *vector.Vec, runs []*sortRun, c int, from, rows []int32) {
	src := make([][]T, len(runs))
	for i, r := range runs {
		src[i] = vector.Values[T](r.store.vec(c))
	}
	out := vector.Values[T](dst)[:len(rows)]
	for i, r := range from {
		out[i] = src[r][rows[i]]
	}
}
