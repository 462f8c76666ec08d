package spill

import (
	"encoding/binary"
	"errors"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// errShort says that a piece ends too early. Blocks are authenticated, so that
// only a mistake of this package can make it.
var errShort = errors.New("spill: piece ends early")

// decoder reads pieces.
type decoder struct {
	in   []byte
	cols []column
	lens []int32
	err  error
}

// column is a decoded column with storage for its parts.
type column struct {
	vec, dict vector.Vec
	valid     vector.Bitmap
	dictValid vector.Bitmap
	codes     []int32
}

// take returns the next n bytes.
func (d *decoder) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.in) {
		d.err = errShort
		return nil
	}
	out := d.in[:n]
	d.in = d.in[n:]
	return out
}

// word reads an integer of 1, 2, 4 or 8 bytes.
func (d *decoder) word(size int) uint64 {
	b := d.take(size)
	if b == nil {
		return 0
	}
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// piece decodes the next piece into dst.
func (d *decoder) piece(dst *vector.Batch) error {
	n, width := int(d.word(4)), int(d.word(2))
	if d.err != nil {
		return d.err
	}
	if len(d.cols) != width {
		d.cols = make([]column, width)
	}
	dst.N, dst.Sel, dst.Cols = n, nil, dst.Cols[:0]
	for i := range d.cols {
		c := &d.cols[i]
		d.column(c, &c.vec, &c.valid, n)
		dst.Cols = append(dst.Cols, &c.vec)
	}
	return d.err
}

// column decodes n rows of a column into v.
func (d *decoder) column(c *column, v *vector.Vec, valid *vector.Bitmap, n int) {
	form := byte(d.word(1))
	t := types.Type{OID: types.OID(d.word(4)), Mod: int32(d.word(4))}
	kind := vector.Kind(form & formKind)
	rows := n
	if kind == vector.Const {
		n = 1
	}
	v.Bufs = nil
	v.Reset(t, 0)
	v.Kind = kind
	if form&formScaled != 0 {
		v.Scaled, v.Scale = true, int32(d.word(4))
	}
	if form&formNulls != 0 {
		words := (n + 63) / 64
		if cap(*valid) < words {
			*valid = make(vector.Bitmap, words)
		}
		*valid = (*valid)[:words]
		clear(*valid)
		for i, b := range d.take((n + 7) / 8) {
			(*valid)[i>>3] |= uint64(b) << (8 * (uint(i) & 7))
		}
		v.Valid = *valid
	}
	if d.err != nil {
		return
	}
	if kind == vector.Dict {
		entries := int(d.word(4))
		if d.err != nil || entries > rows {
			d.err = errShort
			return
		}
		d.column(c, &c.dict, &c.dictValid, entries)
		if cap(c.codes) < rows {
			c.codes = make([]int32, rows)
		}
		c.codes = c.codes[:rows]
		readInts(d, c.codes)
		v.Dict, v.Codes = &c.dict, c.codes
		return
	}
	v.Resize(n)
	switch t.Layout() {
	case types.LayoutBool:
		copy(v.Bools(), d.take(n))
	case types.LayoutInt16:
		readInts(d, v.Int16s()[:n])
	case types.LayoutInt32:
		readInts(d, v.Int32s()[:n])
	case types.LayoutInt64:
		readInts(d, v.Int64s()[:n])
	case types.LayoutFloat32, types.LayoutFloat64, types.LayoutWide:
		copy(raw(v), d.take(n*width(v)))
	case types.LayoutNumeric:
		if v.Scaled {
			readInts(d, v.Int64s()[:n])
			return
		}
		d.views(v, n)
	default:
		d.views(v, n)
	}
}

// views decodes strings; the long ones stay where they are.
func (d *decoder) views(v *vector.Vec, n int) {
	if cap(d.lens) < n {
		d.lens = make([]int32, n)
	}
	lens := d.lens[:n]
	readInts(d, lens)
	total := int(d.word(4))
	if d.err != nil || total < 0 || total > len(d.in) || cap(d.in)-total < padding {
		d.err = errShort
		return
	}
	buf := d.in[: total+padding : total+padding]
	d.in = d.in[total:]
	v.Bufs = append(v.Bufs, buf[:total:total])
	out := vector.Values[[2]uint64](v)[:n]
	at := 0
	for i, l := range lens {
		if l < 0 || at+int(l) > total {
			d.err = errShort
			return
		}
		p := (*[padding]byte)(buf[at:])
		x := binary.LittleEndian.Uint64(p[:])
		if l > vector.MaxInline {
			out[i] = [2]uint64{uint64(l) | x<<32, uint64(at) << 32}
			at += int(l)
			continue
		}
		y := uint64(binary.LittleEndian.Uint32(p[8:]))
		// Nothing of the next value stays behind a short one.
		if l < 8 {
			x, y = x&(1<<(8*uint(l))-1), 0
		} else {
			y &= 1<<(8*uint(l-8)) - 1
		}
		out[i] = [2]uint64{uint64(l) | x<<32, x>>32 | y<<32}
		at += int(l)
	}
	if at != total {
		d.err = errShort
	}
}

// readInts decodes what appendInts wrote.
func readInts[T int16 | int32 | int64](d *decoder, dst []T) {
	width := int(d.word(1))
	base := d.word(8)
	in := d.take(width * len(dst))
	if d.err != nil {
		return
	}
	switch width {
	case 0:
		for i := range dst {
			dst[i] = T(base)
		}
	case 1:
		in = in[:len(dst)]
		for i, x := range in {
			dst[i] = T(base + uint64(x))
		}
	case 2:
		for i := range dst {
			dst[i] = T(base + uint64(binary.LittleEndian.Uint16(in[2*i:])))
		}
	case 4:
		for i := range dst {
			dst[i] = T(base + uint64(binary.LittleEndian.Uint32(in[4*i:])))
		}
	case 8:
		for i := range dst {
			dst[i] = T(base + binary.LittleEndian.Uint64(in[8*i:]))
		}
	default:
		d.err = errShort
	}
}
