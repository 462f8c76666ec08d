package vector

import (
	"github.com/hubsql/hubsql/catalog/types"
)

// gatherFixed copies src[sel[i]] to dst[i].
func gatherFixed[T any](dst, src []T, sel []int32) {
	dst = dst[:len(sel)]
	for i, s := range sel {
		dst[i] = src[s]
	}
}

// Gather makes dst a dense copy of the rows of src that sel lists (nil: the
// first n rows). dst owns its fixed-width values afterwards; the bytes of long
// strings are shared with src (the buffer list is aliased, not copied), so dst
// lives as long as src does unless Own is called. Const stays Const and Dict
// stays Dict.
func Gather(dst, src *Vec, sel []int32, n int) {
	keep, codes, valid := dst.data, dst.Codes, dst.Valid
	*dst = Vec{Type: src.Type, Kind: src.Kind, Scaled: src.Scaled, Scale: src.Scale, data: keep, Codes: codes[:0]}
	if sel != nil {
		n = len(sel)
	}
	if src.Kind == Const {
		dst.data, dst.Bufs, dst.Valid = src.data, src.Bufs, src.Valid
		return
	}
	if src.Valid != nil {
		words := (n + 63) / 64
		if cap(valid) < words {
			valid = make(Bitmap, words)
		}
		valid = valid[:words]
		if sel == nil {
			copy(valid, src.Valid[:words])
		} else {
			clear(valid)
			for i, s := range sel {
				valid[i>>6] |= (src.Valid[s>>6] >> (uint(s) & 63) & 1) << (uint(i) & 63)
			}
		}
		dst.Valid = valid
	}
	if src.Kind == Dict {
		dst.Dict, dst.DictID = src.Dict, src.DictID
		if cap(codes) < n {
			codes = make([]int32, n)
		}
		dst.Codes = codes[:n]
		if sel == nil {
			copy(dst.Codes, src.Codes[:n])
		} else {
			gatherFixed(dst.Codes, src.Codes, sel)
		}
		return
	}
	dst.Resize(n)
	dst.Bufs = src.Bufs
	w := src.width()
	if sel == nil {
		copy(Values[byte](dst)[:n*w], Values[byte](src)[:n*w])
		return
	}
	switch w {
	case 1:
		gatherFixed(Values[uint8](dst), Values[uint8](src), sel)
	case 2:
		gatherFixed(Values[int16](dst), Values[int16](src), sel)
	case 4:
		gatherFixed(Values[int32](dst), Values[int32](src), sel)
	case 8:
		gatherFixed(Values[int64](dst), Values[int64](src), sel)
	default:
		gatherFixed(Values[Wide](dst), Values[Wide](src), sel)
	}
}

// Own makes v independent of any other vector: string bytes in use are copied
// into buffers of v alone and a dictionary is copied compacted, so nothing that
// the rows do not show survives in it. n is the number of rows.
func (v *Vec) Own(n int) {
	switch {
	case v.Kind == Dict:
		v.Flatten(n)
		v.Own(n)
		return
	case v.Kind == Const:
		n = 1
		v.data = append([]uint64(nil), v.data...)
	}
	if v.Kind == Const && v.Valid != nil {
		v.Valid = append(Bitmap(nil), v.Valid...)
	}
	if l := v.Type.Layout(); l != types.LayoutBytes && (l != types.LayoutNumeric || v.Scaled) {
		return
	}
	total := 0
	views := v.Views()[:n]
	for i := range views {
		if views[i].Len > MaxInline && !v.IsNull(i) {
			total += int(views[i].Len)
		}
	}
	buf := make([]byte, 0, total)
	old := v.Bufs
	for i := range views {
		w := &views[i]
		if v.Valid != nil && !v.Valid.Get(i) {
			*w = View{}
			continue
		}
		if w.Len > MaxInline {
			off := len(buf)
			buf = append(buf, old[w.Buf][w.Off:w.Off+w.Len]...)
			w.Buf, w.Off = 0, int32(off)
		}
	}
	v.Bufs = nil
	if total > 0 {
		v.Bufs = [][]byte{buf}
	}
}

// Flatten turns a Const or Dict vector of n rows into a Flat one.
func (v *Vec) Flatten(n int) {
	switch v.Kind {
	case Flat:
		return
	case Const:
		out := Vec{Type: v.Type, Scaled: v.Scaled, Scale: v.Scale, Bufs: v.Bufs}
		out.Resize(n)
		if v.IsNull(0) {
			out.Valid = make(Bitmap, (n+63)/64)
			clear(out.data)
			*v = out
			return
		}
		switch v.width() {
		case 1:
			fill(Values[uint8](&out)[:n], Values[uint8](v)[0])
		case 2:
			fill(Values[int16](&out)[:n], Values[int16](v)[0])
		case 4:
			fill(Values[int32](&out)[:n], Values[int32](v)[0])
		case 8:
			fill(Values[int64](&out)[:n], Values[int64](v)[0])
		default:
			fill(Values[Wide](&out)[:n], Values[Wide](v)[0])
		}
		*v = out
	case Dict:
		var out Vec
		Gather(&out, v.Dict, v.Codes[:n], n)
		out.Valid = And(nil, out.Valid, v.Valid, n)
		*v = out
	}
}

// fill sets every element of dst to x.
func fill[T any](dst []T, x T) {
	for i := range dst {
		dst[i] = x
	}
}

// Identity returns the selection 0..n-1 in buf's storage.
func Identity(buf []int32, n int) []int32 {
	if cap(buf) < n {
		buf = make([]int32, n)
	}
	buf = buf[:n]
	for i := range buf {
		buf[i] = int32(i)
	}
	return buf
}

// SelectTrue appends to dst the rows of a boolean vector that are true and not
// NULL, among sel (nil: the first n).
func SelectTrue(dst []int32, v *Vec, sel []int32, n int) []int32 {
	dst = dst[:0]
	if v.Kind == Const {
		if v.IsNull(0) || v.Bools()[0] == 0 {
			return dst
		}
		if sel == nil {
			return Identity(dst, n)
		}
		return append(dst, sel...)
	}
	if v.Kind == Dict {
		flat := *v
		flat.Flatten(n)
		v = &flat
	}
	vals := v.Bools()
	if sel != nil {
		for _, i := range sel {
			if vals[i] != 0 && (v.Valid == nil || v.Valid.Get(int(i))) {
				dst = append(dst, i)
			}
		}
		return dst
	}
	if cap(dst) < n {
		dst = make([]int32, 0, n)
	}
	dst = dst[:n]
	k := 0
	if v.Valid == nil {
		for i, b := range vals[:n] {
			dst[k] = int32(i)
			k += int(b)
		}
		return dst[:k]
	}
	for i, b := range vals[:n] {
		dst[k] = int32(i)
		k += int(b) & int(v.Valid[i>>6]>>(uint(i)&63)&1)
	}
	return dst[:k]
}

// NullCount returns the number of NULL rows among the first n.
func (v *Vec) NullCount(n int) int {
	if v.Kind == Flat {
		if v.Valid == nil {
			return 0
		}
		return n - v.Valid.Count(n)
	}
	c := 0
	for i := range n {
		if v.IsNull(i) {
			c++
		}
	}
	return c
}
