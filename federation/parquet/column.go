package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/decode"
)

// errCorrupt is the cause of every error about what a file holds.
var errCorrupt = errors.New("the file does not follow the format")

// coded reports whether dictionary columns of this form keep their codes.
func (f *field) coded() bool {
	switch f.form {
	case formText, formBytes, formFixed, formBigDecimal, formUint64:
		return true
	}
	return false
}

// owned reports whether the bytes of the field's plain values are copied into
// buffers of the vector.
func (f *field) owned() bool {
	switch f.form {
	case formFixed, formBigDecimal, formUint64, formNested:
		return true
	}
	return false
}

// identity reports whether the values are stored in a page as in a vector.
func (f *field) identity() bool {
	switch f.form {
	case formInt32, formInt64, formFloat, formDouble:
		return true
	}
	return false
}

// dictionary is the dictionary of one column chunk as a Flat vector.
type dictionary struct {
	vec     *vector.Vec
	entries int
	id      uint64
	block   *block // what vec's views point into, nil when they need none
	size    int64  // paid for vec
	refs    int    // the column reader and every batch with codes of it
}

// drop takes one reference away.
func (d *dictionary) drop(p *blockPool) {
	if d.refs--; d.refs == 0 {
		p.memory.release(d.size)
		p.put(d.block)
	}
}

// keeper holds what a batch refers to.
type keeper struct {
	pool   *blockPool
	blocks []*block
	dicts  []*dictionary
}

// block keeps b until release.
func (k *keeper) block(b *block) {
	if b == nil || slices.Contains(k.blocks, b) {
		return
	}
	b.refs++
	k.blocks = append(k.blocks, b)
}

// dict keeps d until release.
func (k *keeper) dict(d *dictionary) {
	if slices.Contains(k.dicts, d) {
		return
	}
	d.refs++
	k.dicts = append(k.dicts, d)
}

// release lets go of everything.
func (k *keeper) release() {
	for i, b := range k.blocks {
		k.pool.put(b)
		k.blocks[i] = nil
	}
	for i, d := range k.dicts {
		d.drop(k.pool)
		k.dicts[i] = nil
	}
	k.blocks, k.dicts = k.blocks[:0], k.dicts[:0]
}

// makeDictionary decodes a dictionary page of n entries. The block, if views
// need it, belongs to the result; otherwise it is given back.
func (f *field) makeDictionary(d *valueDecoder, b *block, n int, m *budget) (*dictionary, error) {
	if n > 1<<28 || n > 0 && len(b.bytes)/n == 0 && f.form != formBool {
		d.pool.put(b)
		return nil, errShort
	}
	var x values
	if err := d.decode(&x, 0, b, b.bytes, n); err != nil {
		d.pool.put(x.block)
		return nil, err
	}
	out := &dictionary{entries: n, refs: 1}
	if n > 0 && f.identity() {
		// The page is the vector.
		size := (n*x.width + 7) / 8
		words := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(x.block.bytes))), size)
		out.vec, out.block = vector.Wrap(f.typ, words), x.block
		out.vec.Scaled, out.vec.Scale = f.scaled(), int32(f.scale)
		return out, nil
	}
	out.vec = &vector.Vec{}
	size := int64(16 * max(n, 1))
	if f.owned() {
		size += int64(len(x.data)) * 2
	}
	if err := m.reserve(size); err != nil {
		d.pool.put(x.block)
		return nil, err
	}
	out.size = size
	v := out.vec
	// One entry at least: the codes of NULL rows are 0.
	f.reset(v, max(n, 1))
	clear(v.Backing())
	keep := keeper{pool: d.pool}
	if err := f.store(v, 0, &x, 0, n, nil, &keep); err != nil {
		keep.release()
		m.release(size)
		d.pool.put(x.block)
		return nil, err
	}
	for i, p := range v.Bufs {
		// Nobody may append behind what batches share.
		v.Bufs[i] = slices.Clip(p)
	}
	if len(keep.blocks) > 0 {
		out.block = x.block
		keep.release()
	} else {
		d.pool.put(x.block)
	}
	return out, nil
}

// reset makes v an empty Flat vector of the field with room for n values.
func (f *field) reset(v *vector.Vec, n int) {
	bufs := v.Bufs[:0]
	codes := v.Codes
	v.Reset(f.typ, n)
	v.Bufs, v.Codes = bufs, codes
	if f.scaled() {
		v.Scaled, v.Scale = true, int32(f.scale)
		v.Resize(n)
	}
}

// lookup gathers dictionary values.
func lookup[T any](dst, dict []T, idx []int32) {
	dst = dst[:len(idx)]
	for i, x := range idx {
		dst[i] = dict[x]
	}
}

// lookupInto stores the entries idx of dict, whose views share its buffers, as
// values of v from row at on.
func lookupInto(v *vector.Vec, at int, dict *vector.Vec, idx []int32) {
	switch v.Type.Layout() {
	case types.LayoutBool:
		lookup(v.Bools()[at:], dict.Bools(), idx)
	case types.LayoutInt16:
		lookup(v.Int16s()[at:], dict.Int16s(), idx)
	case types.LayoutInt32, types.LayoutFloat32:
		lookup(v.Int32s()[at:], dict.Int32s(), idx)
	case types.LayoutInt64, types.LayoutFloat64:
		lookup(v.Int64s()[at:], dict.Int64s(), idx)
	case types.LayoutWide:
		lookup(v.Wides()[at:], dict.Wides(), idx)
	default:
		if v.Scaled {
			lookup(v.Int64s()[at:], dict.Int64s(), idx)
			return
		}
		lookupViews(v, at, dict, idx)
	}
}

// lookupViews stores dictionary entries as views of their own.
func lookupViews(v *vector.Vec, at int, dict *vector.Vec, idx []int32) {
	base := int32(len(v.Bufs))
	v.Bufs = append(v.Bufs, dict.Bufs...)
	dst, src := v.Views()[at:], dict.Views()
	for i, x := range idx {
		w := src[x]
		if w.Len > vector.MaxInline {
			w.Buf += base
		}
		dst[i] = w
	}
}

// flatten turns a dictionary vector of n rows that is being filled, of which
// the first at are set, into a Flat one.
func flatten(v *vector.Vec, at, n int) {
	dict, codes := v.Dict, v.Codes
	v.Kind, v.Dict, v.DictID = vector.Flat, nil, 0
	v.Bufs = v.Bufs[:0]
	v.Resize(n)
	lookupInto(v, 0, dict, codes[:at])
}

// store stores n values of x at row at on: those from value from on or, when
// idx is not nil, those it lists. Blocks that v refers to are retained in keep.
func (f *field) store(v *vector.Vec, at int, x *values, from, n int, idx []int32, keep *keeper) error {
	if n == 0 {
		return nil
	}
	if x.offs != nil {
		return f.storeVariable(v, at, x, from, n, idx, keep)
	}
	if x.bits {
		dst := v.Bools()[at : at+n]
		if idx != nil {
			for i, k := range idx {
				dst[i] = x.data[k>>3] >> (uint(k) & 7) & 1
			}
			return nil
		}
		for i := range dst {
			k := from + i
			dst[i] = x.data[k>>3] >> (uint(k) & 7) & 1
		}
		return nil
	}
	if idx != nil {
		switch {
		case x.width == 8 && (f.form == formInt64 || f.form == formDouble):
			dst := v.Int64s()[at : at+n]
			for i, k := range idx {
				dst[i] = int64(binary.LittleEndian.Uint64(x.data[8*int(k):]))
			}
			return nil
		case x.width == 4 && (f.form == formInt32 || f.form == formFloat):
			dst := v.Int32s()[at : at+n]
			for i, k := range idx {
				dst[i] = int32(binary.LittleEndian.Uint32(x.data[4*int(k):]))
			}
			return nil
		}
		// Other forms are rare: one value at a time through the loops below.
		for i, k := range idx {
			if err := f.storeFixed(v, at+i, x, int(k), 1); err != nil {
				return err
			}
		}
		return nil
	}
	return f.storeFixed(v, at, x, from, n)
}

// storeFixed stores fixed-width values.
func (f *field) storeFixed(v *vector.Vec, at int, x *values, from, n int) error {
	src := x.data[from*x.width : (from+n)*x.width]
	switch f.form {
	case formInt32, formFloat:
		copy(vector.Values[byte](v)[4*at:4*(at+n)], src)
	case formInt64, formDouble:
		copy(vector.Values[byte](v)[8*at:8*(at+n)], src)
	case formInt16:
		dst := v.Int16s()[at : at+n]
		for i := range dst {
			dst[i] = int16(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case formUint32:
		dst := v.Int64s()[at : at+n]
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case formInt32Wide:
		dst := v.Int64s()[at : at+n]
		for i := range dst {
			dst[i] = int64(int32(binary.LittleEndian.Uint32(src[4*i:]))) * f.mul
		}
	case formInt64Mul:
		dst := v.Int64s()[at : at+n]
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 8*n), src)
		return f.rescale(dst, dst)
	case formInt96:
		dst := v.Int64s()[at : at+n]
		for i := range dst {
			nanos, day := int64(binary.LittleEndian.Uint64(src[12*i:])), int64(binary.LittleEndian.Uint32(src[12*i+8:]))
			dst[i] = (day-2440588)*86400e6 + floorDiv(nanos, 1000)
		}
	case formUint64:
		var scratch [32]byte
		for i := range n {
			var be [9]byte
			binary.BigEndian.PutUint64(be[1:], binary.LittleEndian.Uint64(src[8*i:]))
			v.SetBytes(at+i, decode.AppendBigEndian(scratch[:0], be[:], 0))
		}
	case formDecimal:
		return decimals(v.Int64s()[at:at+n], src, x.data[:(from+n)*x.width], x.width)
	case formBigDecimal:
		if x.width > 32 {
			return fmt.Errorf("%w: a decimal is too long", errCorrupt)
		}
		var scratch [128]byte
		for i := range n {
			v.SetBytes(at+i, decode.AppendBigEndian(scratch[:0], src[i*x.width:(i+1)*x.width], f.scale))
		}
	default:
		return f.storeOther(v, at, src, x.width, n)
	}
	return nil
}

// storeOther stores fixed-length values that are not decimals.
func (f *field) storeOther(v *vector.Vec, at int, src []byte, width, n int) error {
	want := width
	switch f.form {
	case formUUID:
		want = 16
	case formHalf:
		want = 2
	case formInterval:
		want = 12
	}
	if want != width {
		return fmt.Errorf("%w: a fixed length is not valid", errCorrupt)
	}
	for i := range n {
		b := src[i*width : (i+1)*width]
		switch f.form {
		case formUUID:
			v.Wides()[at+i] = vector.Wide{A: int64(binary.BigEndian.Uint64(b)), B: int64(binary.BigEndian.Uint64(b[8:]))}
		case formHalf:
			v.Float32s()[at+i] = half(binary.LittleEndian.Uint16(b))
		case formInterval:
			months, days := int32(binary.LittleEndian.Uint32(b)), int32(binary.LittleEndian.Uint32(b[4:]))
			d := types.IntervalDatum(months, days, int64(binary.LittleEndian.Uint32(b[8:]))*1000)
			v.Wides()[at+i] = vector.Wide{A: d.I, B: d.J}
		case formFixed:
			v.SetBytes(at+i, b)
		default:
			return fmt.Errorf("%w: a column has another type than its schema says", errCorrupt)
		}
	}
	return nil
}

// storeVariable stores values of varying length.
func (f *field) storeVariable(v *vector.Vec, at int, x *values, from, n int, idx []int32, keep *keeper) error {
	switch f.form {
	case formText, formBytes:
		// A page that v refers to already keeps its number.
		last := len(v.Bufs) - 1
		if last < 0 || len(x.data) > 0 && (len(v.Bufs[last]) == 0 || &v.Bufs[last][0] != &x.data[0]) {
			v.Bufs = append(v.Bufs, slices.Clip(x.data))
			last++
		}
		keep.block(x.block)
		if idx != nil {
			pickViews(v.Views()[at:at+n], int32(last), x, idx)
		} else {
			setViews(v.Views()[at:at+n], int32(last), x.data, x.offs[from:from+n+1], x.gap)
		}
		return nil
	case formDecimal:
		dst := v.Int64s()[at : at+n]
		for i := range dst {
			k := from + i
			if idx != nil {
				k = int(idx[i])
			}
			y, ok := bigEndian(x.bytes(k))
			if !ok {
				return errPrecision
			}
			dst[i] = y
		}
		return nil
	case formBigDecimal:
		var scratch [128]byte
		for i := range n {
			k := from + i
			if idx != nil {
				k = int(idx[i])
			}
			b := x.bytes(k)
			if len(b) > 32 {
				return fmt.Errorf("%w: a decimal is too long", errCorrupt)
			}
			v.SetBytes(at+i, decode.AppendBigEndian(scratch[:0], b, f.scale))
		}
		return nil
	}
	return fmt.Errorf("%w: a column has another type than its schema says", errCorrupt)
}

// rescale turns moments into microseconds. dst may be src.
func (f *field) rescale(dst, src []int64) error {
	if f.mul < 0 {
		for i, x := range src {
			dst[i] = floorDiv(x, -f.mul)
		}
		return nil
	}
	limit := math.MaxInt64 / f.mul
	for i, x := range src {
		if x > limit || x < -limit {
			return fmt.Errorf("%w: a timestamp is out of range", errCorrupt)
		}
		dst[i] = x * f.mul
	}
	return nil
}

// floorDiv divides rounding down.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// errPrecision is the error for a decimal that its type cannot hold.
var errPrecision = fmt.Errorf("%w: a decimal exceeds its precision", errCorrupt)

// decimals decodes big-endian two's complement integers of width bytes from
// src, which is the end of all.
func decimals(dst []int64, src, all []byte, width int) error {
	switch {
	case width == 16:
		for i := range dst {
			b := src[16*i:]
			hi, lo := int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
			if hi != lo>>63 {
				return errPrecision
			}
			dst[i] = lo
		}
	case width <= 8:
		// Load eight bytes that end with the value and drop what is before it;
		// the first values have no bytes before them.
		shift := uint(64 - 8*width)
		first := len(all) - len(src)
		for i := range dst {
			end := first + (i+1)*width
			if end < 8 {
				dst[i], _ = bigEndian(all[end-width : end])
				continue
			}
			dst[i] = int64(binary.BigEndian.Uint64(all[end-8:])<<shift) >> shift
		}
	default:
		for i := range dst {
			x, ok := bigEndian(src[i*width : (i+1)*width])
			if !ok {
				return errPrecision
			}
			dst[i] = x
		}
	}
	return nil
}

// bigEndian reads a two's complement integer; ok is false when it needs more
// than 64 bits.
func bigEndian(b []byte) (x int64, ok bool) {
	if len(b) > 0 {
		x = int64(int8(b[0])) >> 7
	}
	for len(b) > 8 {
		if int64(int8(b[0])) != x || int64(int8(b[1]))>>7 != x {
			return 0, false
		}
		b = b[1:]
	}
	for _, d := range b {
		x = x<<8 | int64(d)
	}
	return x, true
}

// half widens an IEEE half-precision number.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15), int(h>>10&31), uint32(h&1023)
	switch {
	case exp == 31:
		return math.Float32frombits(sign<<31 | 0xFF<<23 | frac<<13)
	case exp == 0:
		f := float32(frac) / (1 << 24)
		if sign != 0 {
			f = -f
		}
		return f
	}
	return math.Float32frombits(sign<<31 | uint32(exp+112)<<23 | frac<<13)
}

// rawView is the two words of a view.
type rawView struct{ a, b uint64 }

// makeView returns the view on data[off:off+n] in buffer buf. Up to safe twelve
// bytes can be loaded at once.
func makeView(data []byte, buf int32, off, n, safe uint32) rawView {
	switch {
	case n > vector.MaxInline:
		return rawView{uint64(n) | uint64(binary.LittleEndian.Uint32(data[off:]))<<32, uint64(uint32(buf)) | uint64(off)<<32}
	case off < safe:
		b := data[off:]
		lo, hi := binary.LittleEndian.Uint64(b), uint64(binary.LittleEndian.Uint32(b[8:]))
		if n < 8 {
			lo, hi = lo&(1<<(8*n)-1), 0
		} else {
			hi &= 1<<(8*(n-8)) - 1
		}
		return rawView{uint64(n) | lo<<32, lo>>32 | hi<<32}
	}
	var b [12]byte
	copy(b[:], data[off:off+n])
	lo, hi := binary.LittleEndian.Uint64(b[:]), uint64(binary.LittleEndian.Uint32(b[8:]))
	return rawView{uint64(n) | lo<<32, lo>>32 | hi<<32}
}

// rawViews returns the words of views.
func rawViews(dst []vector.View) []rawView {
	return unsafe.Slice((*rawView)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
}

// safeEnd returns up to which offset twelve bytes can be loaded.
func safeEnd(data []byte) uint32 {
	if len(data) < 12 {
		return 0
	}
	return uint32(len(data) - 11)
}

// setViews stores views on data. Value i begins gap bytes behind offs[i] and
// ends at offs[i+1]; offs has been checked.
func setViews(dst []vector.View, buf int32, data []byte, offs []uint32, gap uint32) {
	out := rawViews(dst)
	safe := safeEnd(data)
	offs = offs[:len(out)+1]
	off := offs[0]
	for i := range out {
		end := offs[i+1]
		off += gap
		n := end - off
		if n > vector.MaxInline {
			out[i] = rawView{uint64(n) | uint64(binary.LittleEndian.Uint32(data[off:]))<<32, uint64(uint32(buf)) | uint64(off)<<32}
		} else {
			out[i] = makeView(data, buf, off, n, safe)
		}
		off = end
	}
}

// pickViews stores views on the values idx.
func pickViews(dst []vector.View, buf int32, x *values, idx []int32) {
	out := rawViews(dst)
	safe := safeEnd(x.data)
	for i, k := range idx {
		off := x.offs[k] + x.gap
		out[i] = makeView(x.data, buf, off, x.offs[k+1]-off, safe)
	}
}
