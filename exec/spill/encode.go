package spill

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// A piece is
//
//	rows u32, columns u16, and for each column
//	form u8, type OID u32, type modifier u32,
//	scale i32            if scaled
//	validity             (rows+7)/8 bytes, if there are NULLs
//	values
//
// in the machine's byte order, which is little-endian wherever vectors are. The
// values of a constant are one, those of a dictionary are codes, as integers,
// behind the number of entries and the entries as a column.
const (
	formKind   = 0x0f // a vector.Kind
	formNulls  = 0x10
	formScaled = 0x20
)

// encoder collects pieces.
type encoder struct {
	buf   []byte
	dense vector.Vec
	lens  []int32
	remap []int32
	used  []int32
	codes []int32
}

// piece encodes the rows from..to-1 of those sel lists (nil: of all) of cols.
// Without a selection, from is a multiple of 64.
func (e *encoder) piece(cols []*vector.Vec, sel []int32, from, to int) {
	n := to - from
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(n))
	e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(len(cols)))
	for _, v := range cols {
		switch {
		case v.Kind == vector.Const:
		case sel != nil:
			vector.Gather(&e.dense, v, sel[from:to], n)
			v = &e.dense
		case from > 0:
			v = v.Slice(from, to)
		}
		e.column(v, n)
	}
}

// column encodes n dense rows.
func (e *encoder) column(v *vector.Vec, n int) {
	if v.Kind == vector.Dict && !e.shrink(v, n) {
		flat := *v
		flat.Flatten(n)
		v = &flat
	}
	form := byte(v.Kind)
	if v.Kind == vector.Const {
		n = 1
	}
	nulls := v.Valid != nil && v.Valid.Count(n) < n
	if nulls {
		form |= formNulls
	}
	if v.Scaled {
		form |= formScaled
	}
	e.buf = append(e.buf, form)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(v.Type.OID))
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(v.Type.Mod))
	if v.Scaled {
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(v.Scale))
	}
	var valid vector.Bitmap
	if nulls {
		valid = v.Valid
		for i := 0; i < n; i += 8 {
			e.buf = append(e.buf, byte(valid[i>>6]>>(uint(i)&63)))
		}
	}
	if v.Kind == vector.Dict {
		e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(len(e.used)))
		var entries vector.Vec
		vector.Gather(&entries, v.Dict, e.used, len(e.used))
		codes := e.codes
		e.column(&entries, len(e.used))
		e.buf = appendInts(e.buf, codes, nil)
		return
	}
	switch v.Type.Layout() {
	case types.LayoutBool:
		e.buf = append(e.buf, v.Bools()[:n]...)
	case types.LayoutInt16:
		e.buf = appendInts(e.buf, v.Int16s()[:n], valid)
	case types.LayoutInt32:
		e.buf = appendInts(e.buf, v.Int32s()[:n], valid)
	case types.LayoutInt64:
		e.buf = appendInts(e.buf, v.Int64s()[:n], valid)
	case types.LayoutFloat32, types.LayoutFloat64, types.LayoutWide:
		e.buf = append(e.buf, raw(v)[:n*width(v)]...)
	case types.LayoutNumeric:
		if v.Scaled {
			e.buf = appendInts(e.buf, v.Int64s()[:n], valid)
			return
		}
		e.views(v, n, valid)
	default:
		e.views(v, n, valid)
	}
}

// shrink finds the entries of a dictionary that n rows use; it reports false
// when the values themselves are no longer.
func (e *encoder) shrink(v *vector.Vec, n int) bool {
	top := int32(-1)
	for _, c := range v.Codes[:n] {
		top = max(top, c)
	}
	if int(top) >= 8*n {
		return false
	}
	if cap(e.remap) <= int(top) {
		e.remap = make([]int32, top+1)
	}
	e.remap = e.remap[:top+1]
	clear(e.remap)
	e.used, e.codes = e.used[:0], slices.Grow(e.codes[:0], n)
	for _, c := range v.Codes[:n] {
		m := e.remap[c]
		if m == 0 {
			e.used = append(e.used, c)
			m = int32(len(e.used))
			e.remap[c] = m
		}
		e.codes = append(e.codes, m-1)
	}
	return 2*len(e.used) <= n
}

// views encodes strings: their lengths and their bytes.
func (e *encoder) views(v *vector.Vec, n int, valid vector.Bitmap) {
	e.lens = slices.Grow(e.lens[:0], n)[:n]
	views := v.Views()[:n]
	total := 0
	for i := range views {
		l := views[i].Len
		if valid != nil && !valid.Get(i) {
			l = 0
		}
		e.lens[i] = l
		total += int(l)
	}
	e.buf = appendInts(e.buf, e.lens, nil)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(total))
	at := len(e.buf)
	e.buf = slices.Grow(e.buf, total)[:at+total]
	out := e.buf[at:]
	for i := range views {
		l := e.lens[i]
		if l == 0 {
			continue
		}
		w := &views[i]
		if l <= vector.MaxInline {
			copy(out[:l], unsafe.Slice((*byte)(unsafe.Pointer(&w.Prefix)), vector.MaxInline))
		} else {
			copy(out[:l], v.Bufs[w.Buf][w.Off:w.Off+l])
		}
		out = out[l:]
	}
}

// appendInts encodes integers as the smallest one and the differences to it, in
// as many bytes as the largest difference needs. What is stored under a NULL
// does not survive.
func appendInts[T int16 | int32 | int64](dst []byte, vals []T, valid vector.Bitmap) []byte {
	low, high := T(0), T(0)
	if valid == nil {
		if len(vals) > 0 {
			low, high = vals[0], vals[0]
		}
		for _, x := range vals {
			low, high = min(low, x), max(high, x)
		}
	} else {
		first := true
		for i, x := range vals {
			if valid.Get(i) {
				if first {
					low, high, first = x, x, false
				}
				low, high = min(low, x), max(high, x)
			}
		}
	}
	width := byte(0)
	switch span := uint64(int64(high)) - uint64(int64(low)); {
	case span > math.MaxUint32:
		width = 8
	case span > math.MaxUint16:
		width = 4
	case span > math.MaxUint8:
		width = 2
	case span > 0:
		width = 1
	}
	dst = append(dst, width)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(int64(low)))
	at := len(dst)
	dst = slices.Grow(dst, len(vals)*int(width))[:at+len(vals)*int(width)]
	out := dst[at:]
	base := uint64(int64(low))
	switch width {
	case 1:
		for i, x := range vals {
			out[i] = byte(uint64(int64(x)) - base)
		}
	case 2:
		for i, x := range vals {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(uint64(int64(x))-base))
		}
	case 4:
		for i, x := range vals {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(uint64(int64(x))-base))
		}
	case 8:
		for i, x := range vals {
			binary.LittleEndian.PutUint64(out[8*i:], uint64(int64(x))-base)
		}
	}
	return dst
}

// raw returns the backing store of v as bytes.
func raw(v *vector.Vec) []byte { return vector.Values[byte](v) }

// width returns the bytes per value of a vector that is stored as it is.
func width(v *vector.Vec) int {
	switch v.Type.Layout() {
	case types.LayoutBool:
		return 1
	case types.LayoutFloat32:
		return 4
	case types.LayoutFloat64:
		return 8
	}
	return 16
}
