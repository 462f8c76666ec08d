package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/decode"
)

// errCorrupt is the cause of every error about what a file holds.
var errCorrupt = errors.New("the file does not follow the format")

// chunkReader reads one leaf column of one row group, page by page.
type chunkReader struct {
	f     *field
	pages *parquet.FilePages

	page   parquet.Page
	data   encoding.Values
	levels []byte // definition levels, nil when no value is NULL
	rows   int    // rows of the page
	pos    int    // next row in the page
	vpos   int    // next value in data

	dictOf parquet.Dictionary // what dict was made of
	dict   *vector.Vec
	dictID uint64
	nextID *uint64
}

// close releases the page and the reader.
func (c *chunkReader) close() {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	if c.pages != nil {
		_ = c.pages.Close()
		c.pages = nil
	}
}

// next loads the next page that has rows.
func (c *chunkReader) next() error {
	for {
		if c.page != nil {
			parquet.Release(c.page)
			c.page = nil
		}
		p, err := c.pages.ReadPage()
		if err == io.EOF {
			return fmt.Errorf("%w: a column has fewer rows than its row group", errCorrupt)
		}
		if err != nil {
			return err
		}
		c.page = p
		c.rows, c.pos, c.vpos = int(p.NumRows()), 0, 0
		if c.rows == 0 {
			continue
		}
		c.levels = p.DefinitionLevels()
		if c.levels != nil && p.NumNulls() == 0 {
			c.levels = nil
		}
		for _, l := range c.levels {
			if l > 1 {
				return fmt.Errorf("%w: a definition level is out of range", errCorrupt)
			}
		}
		c.data = p.Data()
		if d := p.Dictionary(); d != nil && d != c.dictOf {
			if c.dict, err = c.f.dictionary(d); err != nil {
				return err
			}
			c.dictOf = d
			*c.nextID++
			c.dictID = *c.nextID
		}
		if c.page.Dictionary() == nil && (c.f.form == formText || c.f.form == formBytes) {
			data, offsets := c.data.ByteArray()
			if err := checkOffsets(data, offsets); err != nil {
				return err
			}
			if c.f.form == formText && !validText(data) {
				return fmt.Errorf("%w: text is not valid UTF-8", errCorrupt)
			}
		}
		return nil
	}
}

// skip passes over n rows.
func (c *chunkReader) skip(n int) error {
	for n > 0 {
		if c.page == nil || c.pos == c.rows {
			if err := c.next(); err != nil {
				return err
			}
		}
		k := min(n, c.rows-c.pos)
		c.vpos += c.values(k)
		c.pos += k
		n -= k
	}
	return nil
}

// values returns how many of the next k rows have a value.
func (c *chunkReader) values(k int) int {
	if c.levels == nil {
		return k
	}
	levels := c.levels[c.pos : c.pos+k]
	n := 0
	for len(levels) >= 8 {
		// The sum of eight levels of 0 or 1 ends in the highest byte.
		n += int(binary.LittleEndian.Uint64(levels) * 0x0101010101010101 >> 56)
		levels = levels[8:]
	}
	for _, l := range levels {
		n += int(l)
	}
	return n
}

// read fills rows 0..n-1 of v, which belongs to keep: pages that v refers to
// are retained there.
func (c *chunkReader) read(v *vector.Vec, n int, keep *pageSet) error {
	f := c.f
	bufs := v.Bufs[:0]
	codes := v.Codes
	v.Reset(f.typ, n)
	v.Bufs, v.Codes = bufs, codes
	if f.scaled() {
		v.Scaled, v.Scale = true, int32(f.scale)
		v.Resize(n)
	}
	for filled := 0; filled < n; {
		if c.page == nil || c.pos == c.rows {
			if err := c.next(); err != nil {
				return err
			}
		}
		k := min(n-filled, c.rows-c.pos)
		present := c.values(k)
		if err := c.decode(v, filled, present, n, keep); err != nil {
			return err
		}
		if present < k {
			c.spread(v, filled, k, present, n)
		}
		c.pos += k
		c.vpos += present
		filled += k
	}
	return nil
}

// coded reports whether dictionary columns of this form keep their codes.
func (f *field) coded() bool {
	switch f.form {
	case formText, formBytes, formFixed, formBigDecimal, formUint64:
		return true
	}
	return false
}

// decode stores the next present values densely from row at on.
func (c *chunkReader) decode(v *vector.Vec, at, present, n int, keep *pageSet) error {
	if c.page.Dictionary() == nil {
		if v.Kind == vector.Dict {
			flatten(v, at, n)
		}
		return c.f.plain(v, at, c.data, c.vpos, present, c.page, keep)
	}
	idx := c.data.Int32()[c.vpos : c.vpos+present]
	entries := int32(c.dictOf.Len())
	for _, x := range idx {
		if uint32(x) >= uint32(entries) {
			return fmt.Errorf("%w: a dictionary index is out of range", errCorrupt)
		}
	}
	if c.f.coded() {
		if at == 0 {
			v.Kind, v.Dict, v.DictID = vector.Dict, c.dict, c.dictID
			if cap(v.Codes) < n {
				v.Codes = make([]int32, n)
			}
			v.Codes = v.Codes[:n]
		}
		if v.Kind == vector.Dict && v.Dict == c.dict {
			copy(v.Codes[at:], idx)
			return nil
		}
		if v.Kind == vector.Dict {
			flatten(v, at, n)
		}
		c.lookupViews(v, at, idx)
		return nil
	}
	switch v.Type.Layout() {
	case types.LayoutBool:
		lookup(v.Bools()[at:], c.dict.Bools(), idx)
	case types.LayoutInt16:
		lookup(v.Int16s()[at:], c.dict.Int16s(), idx)
	case types.LayoutInt32, types.LayoutFloat32:
		lookup(v.Int32s()[at:], c.dict.Int32s(), idx)
	case types.LayoutWide:
		lookup(v.Wides()[at:], c.dict.Wides(), idx)
	default:
		lookup(v.Int64s()[at:], c.dict.Int64s(), idx)
	}
	return nil
}

// lookup gathers dictionary values.
func lookup[T any](dst, dict []T, idx []int32) {
	dst = dst[:len(idx)]
	for i, x := range idx {
		dst[i] = dict[x]
	}
}

// lookupViews stores dictionary entries as views of their own.
func (c *chunkReader) lookupViews(v *vector.Vec, at int, idx []int32) {
	base := int32(len(v.Bufs))
	v.Bufs = append(v.Bufs, c.dict.Bufs...)
	dst, src := v.Views()[at:], c.dict.Views()
	for i, x := range idx {
		w := src[x]
		if w.Len > vector.MaxInline {
			w.Buf += base
		}
		dst[i] = w
	}
}

// flatten turns the first n rows of a dictionary vector that is being filled,
// of which the first at are set, into views.
func flatten(v *vector.Vec, at, n int) {
	dict, codes := v.Dict, v.Codes
	v.Kind, v.Dict, v.DictID = vector.Flat, nil, 0
	v.Resize(n)
	v.Bufs = append(v.Bufs[:0], dict.Bufs...)
	dst, src := v.Views(), dict.Views()
	for i := range at {
		dst[i] = src[codes[i]]
	}
}

// spread moves present dense values from row at on to the rows that are not
// NULL and clears the validity of the others.
func (c *chunkReader) spread(v *vector.Vec, at, k, present, n int) {
	levels := c.levels[c.pos : c.pos+k]
	if v.Valid == nil {
		v.Valid = vector.NewBitmap(n)
	}
	setValid(v.Valid, at, levels)
	if v.Kind == vector.Dict {
		spread(v.Codes[at:at+k], levels, present)
		return
	}
	switch v.Type.Layout() {
	case types.LayoutBool:
		spread(v.Bools()[at:at+k], levels, present)
	case types.LayoutInt16:
		spread(v.Int16s()[at:at+k], levels, present)
	case types.LayoutInt32, types.LayoutFloat32:
		spread(v.Int32s()[at:at+k], levels, present)
	case types.LayoutInt64, types.LayoutFloat64:
		spread(v.Int64s()[at:at+k], levels, present)
	case types.LayoutNumeric:
		if v.Scaled {
			spread(v.Int64s()[at:at+k], levels, present)
			return
		}
		spread(v.Views()[at:at+k], levels, present)
	default:
		spread(v.Views()[at:at+k], levels, present)
	}
}

// setValid stores the levels, 0 or 1, as bits from at on. Eight levels are
// gathered into a byte by one multiplication.
func setValid(valid vector.Bitmap, at int, levels []byte) {
	i := 0
	for ; i < len(levels) && (at+i)&63 != 0; i++ {
		valid.SetTo(at+i, levels[i] != 0)
	}
	for ; i+64 <= len(levels); i += 64 {
		word := uint64(0)
		for k := 0; k < 64; k += 8 {
			x := binary.LittleEndian.Uint64(levels[i+k:])
			word |= x * 0x0102040810204080 >> 56 << k
		}
		valid[(at+i)>>6] = word
	}
	for ; i < len(levels); i++ {
		valid.SetTo(at+i, levels[i] != 0)
	}
}

// spread moves the first present values of s to the places whose level is 1,
// from the end, and zeroes the others.
func spread[T any](s []T, levels []byte, present int) {
	// Behind the last NULL everything is in its place already.
	for i := len(levels) - 1; i >= 0 && present <= i; i-- {
		if levels[i] != 0 {
			present--
			s[i] = s[present]
		} else {
			var zero T
			s[i] = zero
		}
	}
}

// dictionary decodes a dictionary page into a Flat vector of its own memory.
func (f *field) dictionary(d parquet.Dictionary) (*vector.Vec, error) {
	n := d.Len()
	v := &vector.Vec{}
	// One entry at least: the codes of NULL rows are 0.
	v.Reset(f.typ, max(n, 1))
	if f.scaled() {
		v.Scaled, v.Scale = true, int32(f.scale)
	}
	clear(v.Backing())
	if n == 0 {
		return v, nil
	}
	data := d.Page().Data()
	if f.form != formText && f.form != formBytes {
		err := f.plain(v, 0, data, 0, n, nil, nil)
		for i, b := range v.Bufs {
			// Nobody may append behind what batches share.
			v.Bufs[i] = slices.Clip(b)
		}
		return v, err
	}
	raw, offsets := data.ByteArray()
	if err := checkOffsets(raw, offsets); err != nil {
		return nil, err
	}
	if len(offsets) < n+1 {
		return nil, fmt.Errorf("%w: a dictionary is too short", errCorrupt)
	}
	if f.form == formText && !validText(raw) {
		return nil, fmt.Errorf("%w: text is not valid UTF-8", errCorrupt)
	}
	raw = append([]byte(nil), raw...)
	v.Bufs = [][]byte{slices.Clip(raw)}
	setViews(v.Views()[:n], 0, raw, offsets[:n+1])
	return v, nil
}

// plain stores present values of data, from value from on, at row at on. page
// is retained in keep when v refers to it (nil: the bytes are copied).
func (f *field) plain(v *vector.Vec, at int, data encoding.Values, from, present int, page parquet.Page, keep *pageSet) error {
	to := from + present
	switch f.form {
	case formBool:
		bits := data.Boolean()
		dst := v.Bools()[at : at+present]
		for i := range dst {
			k := from + i
			dst[i] = bits[k>>3] >> (uint(k) & 7) & 1
		}
	case formInt32:
		copy(v.Int32s()[at:at+present], data.Int32()[from:to])
	case formInt16:
		src := data.Int32()[from:to]
		dst := v.Int16s()[at : at+present]
		for i, x := range src {
			dst[i] = int16(x)
		}
	case formUint32:
		src := data.Int32()[from:to]
		dst := v.Int64s()[at : at+present]
		for i, x := range src {
			dst[i] = int64(uint32(x))
		}
	case formInt32Wide:
		src := data.Int32()[from:to]
		dst := v.Int64s()[at : at+present]
		for i, x := range src {
			dst[i] = int64(x) * f.mul
		}
	case formInt64:
		copy(v.Int64s()[at:at+present], data.Int64()[from:to])
	case formInt64Mul:
		return f.rescale(v.Int64s()[at:at+present], data.Int64()[from:to])
	case formFloat:
		copy(v.Float32s()[at:at+present], data.Float()[from:to])
	case formDouble:
		copy(v.Float64s()[at:at+present], data.Double()[from:to])
	case formInt96:
		src := data.Int96()[from:to]
		dst := v.Int64s()[at : at+present]
		for i, x := range src {
			nanos := int64(uint64(x[0]) | uint64(x[1])<<32)
			dst[i] = (int64(x[2])-2440588)*86400e6 + floorDiv(nanos, 1000)
		}
	case formText, formBytes:
		raw, offsets := data.ByteArray()
		if len(offsets) < to+1 {
			return fmt.Errorf("%w: a page has fewer values than its header says", errCorrupt)
		}
		v.Bufs = append(v.Bufs, slices.Clip(raw))
		keep.retain(page)
		setViews(v.Views()[at:at+present], int32(len(v.Bufs)-1), raw, offsets[from:to+1])
	case formUint64:
		src := data.Int64()[from:to]
		var scratch [32]byte
		for i, x := range src {
			var be [9]byte
			binary.BigEndian.PutUint64(be[1:], uint64(x))
			v.SetBytes(at+i, decode.AppendBigEndian(scratch[:0], be[:], 0))
		}
	case formDecimal, formBigDecimal:
		return f.decimals(v, at, data, from, to)
	default:
		return f.fixed(v, at, data, from, to)
	}
	return nil
}

// rescale turns moments into microseconds.
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

// decimals decodes big-endian two's complement integers.
func (f *field) decimals(v *vector.Vec, at int, data encoding.Values, from, to int) error {
	var raw []byte
	var offsets []uint32
	size := 0
	if data.Kind() == encoding.ByteArray {
		raw, offsets = data.ByteArray()
		if err := checkOffsets(raw, offsets); err != nil {
			return err
		}
		if len(offsets) < to+1 {
			return fmt.Errorf("%w: a page has fewer values than its header says", errCorrupt)
		}
	} else {
		raw, size = data.FixedLenByteArray()
		if size <= 0 || len(raw) < to*size {
			return fmt.Errorf("%w: a page has fewer values than its header says", errCorrupt)
		}
	}
	value := func(i int) []byte {
		if offsets != nil {
			return raw[offsets[i]:offsets[i+1]]
		}
		return raw[i*size : (i+1)*size]
	}
	if f.form == formBigDecimal {
		var scratch [128]byte
		for i := from; i < to; i++ {
			b := value(i)
			if len(b) > 32 {
				return fmt.Errorf("%w: a decimal is too long", errCorrupt)
			}
			v.SetBytes(at+i-from, decode.AppendBigEndian(scratch[:0], b, f.scale))
		}
		return nil
	}
	dst := v.Int64s()[at : at+to-from]
	if offsets == nil && size == 16 {
		for i := range dst {
			b := raw[(from+i)*16:]
			hi, lo := int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
			if hi != lo>>63 {
				return fmt.Errorf("%w: a decimal exceeds its precision", errCorrupt)
			}
			dst[i] = lo
		}
		return nil
	}
	if offsets == nil && size <= 8 {
		// Load eight bytes that end with the value and drop what is before it;
		// the first values have no bytes before them.
		shift := uint(64 - 8*size)
		for i := range dst {
			end := (from + i + 1) * size
			if end < 8 {
				dst[i], _ = bigEndian(raw[end-size : end])
				continue
			}
			dst[i] = int64(binary.BigEndian.Uint64(raw[end-8:])<<shift) >> shift
		}
		return nil
	}
	for i := range dst {
		x, ok := bigEndian(value(from + i))
		if !ok {
			return fmt.Errorf("%w: a decimal exceeds its precision", errCorrupt)
		}
		dst[i] = x
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

// fixed decodes fixed-length values that are not decimals.
func (f *field) fixed(v *vector.Vec, at int, data encoding.Values, from, to int) error {
	raw, size := data.FixedLenByteArray()
	want := map[form]int{formUUID: 16, formHalf: 2, formInterval: 12}[f.form]
	if size <= 0 || len(raw) < to*size || want != 0 && want != size {
		return fmt.Errorf("%w: a page has fewer values than its header says", errCorrupt)
	}
	for i := from; i < to; i++ {
		b := raw[i*size : (i+1)*size]
		row := at + i - from
		switch f.form {
		case formUUID:
			v.Wides()[row] = vector.Wide{A: int64(binary.BigEndian.Uint64(b)), B: int64(binary.BigEndian.Uint64(b[8:]))}
		case formHalf:
			v.Float32s()[row] = half(binary.LittleEndian.Uint16(b))
		case formInterval:
			months, days := int32(binary.LittleEndian.Uint32(b)), int32(binary.LittleEndian.Uint32(b[4:]))
			d := types.IntervalDatum(months, days, int64(binary.LittleEndian.Uint32(b[8:]))*1000)
			v.Wides()[row] = vector.Wide{A: d.I, B: d.J}
		default:
			v.SetBytes(row, b)
		}
	}
	return nil
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

// checkOffsets checks that offsets ascend within data.
func checkOffsets(data []byte, offsets []uint32) error {
	last := uint32(0)
	for _, o := range offsets {
		if o < last {
			return fmt.Errorf("%w: string offsets do not ascend", errCorrupt)
		}
		last = o
	}
	if int(last) > len(data) {
		return fmt.Errorf("%w: a string ends behind its page", errCorrupt)
	}
	return nil
}

// validText reports whether b is UTF-8 without NUL bytes.
func validText(b []byte) bool {
	if slices.Contains(b, 0) {
		return false
	}
	return utf8.Valid(b)
}

// raw is the two words of a view.
type rawView struct{ a, b uint64 }

// setViews stores views on data, delimited by offsets, which have been checked.
func setViews(dst []vector.View, buf int32, data []byte, offsets []uint32) {
	if len(dst) == 0 {
		return
	}
	out := unsafe.Slice((*rawView)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
	// Up to here twelve bytes can be loaded at once.
	safe := uint32(0)
	if len(data) >= 12 {
		safe = uint32(len(data) - 11)
	}
	off := offsets[0]
	for i := range out {
		end := offsets[i+1]
		n := end - off
		switch {
		case n > vector.MaxInline:
			out[i] = rawView{uint64(n) | uint64(binary.LittleEndian.Uint32(data[off:]))<<32, uint64(uint32(buf)) | uint64(off)<<32}
		case off < safe:
			b := data[off:]
			lo, hi := binary.LittleEndian.Uint64(b), uint64(binary.LittleEndian.Uint32(b[8:]))
			if n < 8 {
				lo, hi = lo&(1<<(8*n)-1), 0
			} else {
				hi &= 1<<(8*(n-8)) - 1
			}
			out[i] = rawView{uint64(n) | lo<<32, lo>>32 | hi<<32}
		default:
			var b [12]byte
			copy(b[:], data[off:end])
			lo, hi := binary.LittleEndian.Uint64(b[:]), uint64(binary.LittleEndian.Uint32(b[8:]))
			out[i] = rawView{uint64(n) | lo<<32, lo>>32 | hi<<32}
		}
		off = end
	}
}

// pageSet holds the pages that a batch refers to.
type pageSet struct{ pages []parquet.Page }

// retain keeps a page until release; the last one is often the same.
func (s *pageSet) retain(p parquet.Page) {
	if s == nil || p == nil || len(s.pages) > 0 && s.pages[len(s.pages)-1] == p {
		return
	}
	parquet.Retain(p)
	s.pages = append(s.pages, p)
}

// release lets go of all pages.
func (s *pageSet) release() {
	for i, p := range s.pages {
		parquet.Release(p)
		s.pages[i] = nil
	}
	s.pages = s.pages[:0]
}
