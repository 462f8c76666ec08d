package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// values are the values of one page that are not codes, in one of three forms.
type values struct {
	// width is the bytes of a fixed-width value in data, 0 for other forms.
	width int
	data  []byte
	// offs delimits values of varying length: value i begins gap bytes behind
	// offs[i] and ends at offs[i+1].
	offs []uint32
	gap  uint32
	// bits, when set, says that data has one bit per value.
	bits bool
	n    int
	// block holds data.
	block *block
}

// bytes returns value i of varying length.
func (x *values) bytes(i int) []byte { return x.data[x.offs[i]+x.gap : x.offs[i+1]] }

// fixedWidth returns the bytes per value of a fixed-width type, 0 for others.
func fixedWidth(t format.Type, length int) int {
	switch t {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedLenByteArray:
		return length
	}
	return 0
}

// valueDecoder turns the bytes of a page into values. Its scratch memory is
// reused from page to page.
type valueDecoder struct {
	pool   *blockPool
	typ    format.Type
	length int  // of FIXED_LEN_BYTE_ARRAY
	text   bool // values must be text
	offs   *block
}

// close gives the memory back.
func (d *valueDecoder) close() {
	d.pool.put(d.offs)
	d.offs = nil
}

// offsets returns room for n offsets.
func (d *valueDecoder) offsets(n int) ([]uint32, error) {
	need := 4 * n
	if d.offs == nil || cap(d.offs.bytes) < need+padding {
		b, err := d.pool.get(need)
		if err != nil {
			return nil, err
		}
		d.pool.put(d.offs)
		d.offs = b
	}
	d.offs.bytes = d.offs.bytes[:need]
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(d.offs.bytes))), n), nil
}

// decode finds the n values in data, the part of b behind the levels. It takes
// b over: the values refer to it or to another block, of which the caller is
// the owner.
func (d *valueDecoder) decode(x *values, enc format.Encoding, b *block, data []byte, n int) (err error) {
	*x = values{data: data, n: n, block: b}
	width := fixedWidth(d.typ, d.length)
	variable := d.typ == format.ByteArray
	switch {
	case n == 0:
		x.width = width
		if variable {
			x.offs, err = d.offsets(1)
			if err == nil {
				x.offs[0] = 0
			}
		}
		x.bits = d.typ == format.Boolean
		return err
	case d.typ == format.FixedLenByteArray && (width <= 0 || width > maxPage):
		return fmt.Errorf("%w: a fixed length is not valid", errCorrupt)
	case enc == format.Plain && d.typ == format.Boolean:
		if len(data) < (n+7)/8 {
			return errShort
		}
		x.bits = true
		return nil
	case enc == format.Plain && variable:
		return d.plain(x, n)
	case enc == format.Plain:
		if len(data)/width < n {
			return errShort
		}
		x.width = width
		return nil
	case enc == format.RLE && d.typ == format.Boolean:
		return d.booleans(x, n)
	case enc == format.DeltaBinaryPacked && (d.typ == format.Int32 || d.typ == format.Int64):
		return d.replace(x, n*width, func(dst []byte) error {
			x.width = width
			p := unsafe.Pointer(unsafe.SliceData(dst))
			var err error
			if width == 4 {
				_, err = deltaBinary(unsafe.Slice((*int32)(p), n), data)
			} else {
				_, err = deltaBinary(unsafe.Slice((*int64)(p), n), data)
			}
			return err
		})
	case enc == format.ByteStreamSplit && width > 0:
		if len(data)/width < n {
			return errShort
		}
		return d.replace(x, n*width, func(dst []byte) error {
			x.width = width
			splitStreams(dst, data, n, width)
			return nil
		})
	case enc == format.DeltaLengthByteArray && variable:
		if x.offs, err = d.offsets(n + 1); err != nil {
			return err
		}
		if x.data, err = deltaLengths(x.offs, n, data); err != nil {
			return err
		}
		return d.checkText(x)
	case enc == format.DeltaByteArray && (variable || d.typ == format.FixedLenByteArray):
		return d.prefixed(x, n, width)
	}
	return pgerror.NotSupported("encoding %s of %s in Parquet files is not supported", enc, d.typ)
}

// replace puts the values into a block of their own with size bytes that fill
// fills.
func (d *valueDecoder) replace(x *values, size int, fill func([]byte) error) error {
	if size > maxPage {
		return fmt.Errorf("%w: a page is too large", errCorrupt)
	}
	b, err := d.pool.get(size)
	if err != nil {
		return err
	}
	err = fill(b.bytes)
	d.pool.put(x.block)
	x.block, x.data = b, b.bytes
	return err
}

// booleans decodes RLE booleans to bits.
func (d *valueDecoder) booleans(x *values, n int) error {
	if len(x.data) < 4 {
		return errShort
	}
	size := int(binary.LittleEndian.Uint32(x.data))
	if size > len(x.data)-4 {
		return errShort
	}
	src := x.data[4 : 4+size]
	x.bits = true
	return d.replace(x, (n+63)/64*8, func(dst []byte) error {
		words := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst)/8)
		_, _, err := levelBits(words, src, n)
		return err
	})
}

// prefixed decodes DELTA_BYTE_ARRAY.
func (d *valueDecoder) prefixed(x *values, n, width int) error {
	offs, err := d.offsets(n + 1)
	if err != nil {
		return err
	}
	tmp, err := d.pool.get(4 * n)
	if err != nil {
		return err
	}
	defer d.pool.put(tmp)
	prefixes := unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(tmp.bytes))), n)
	suffixes, size, err := deltaPrefixes(prefixes, offs, n, x.data)
	if err != nil {
		return err
	}
	err = d.replace(x, size, func(dst []byte) error {
		deltaJoin(dst, prefixes, offs, suffixes)
		return nil
	})
	if err != nil {
		return err
	}
	if d.typ == format.ByteArray {
		x.offs = offs
		return d.checkText(x)
	}
	for i := range n {
		if int(offs[i+1]-offs[i]) != width {
			return fmt.Errorf("%w: a fixed-length value has another length", errCorrupt)
		}
	}
	x.width = width
	return nil
}

// plain finds the values of a PLAIN page of strings and checks them.
func (d *valueDecoder) plain(x *values, n int) error {
	// Each value has four bytes at least; without that check a small page could
	// ask for much memory.
	if len(x.data)/4 < n {
		return errShort
	}
	offs, err := d.offsets(n + 1)
	if err != nil {
		return err
	}
	data := x.data
	pos, zeros := 0, 0
	for i := range n {
		if len(data)-pos < 4 {
			return errShort
		}
		l := int(binary.LittleEndian.Uint32(data[pos:]))
		offs[i] = uint32(pos)
		pos += 4
		if l > len(data)-pos {
			return errShort
		}
		pos += l
		if l < 256 {
			zeros += 3
			if l == 0 {
				zeros++
			}
		} else {
			zeros += zeroBytes(uint32(l))
		}
	}
	offs[n] = uint32(pos)
	x.offs, x.gap, x.data = offs, 4, data[:pos:cap(data)]
	if !d.text {
		return nil
	}
	// The lengths are part of the data: there are as many zero bytes as they
	// have, and without a byte above 127 everything is ASCII.
	if bytes.Count(x.data, zeroByte) != zeros {
		return errText
	}
	if ascii(x.data) {
		return nil
	}
	return d.checkEach(x)
}

// errText is the error for values that are not text.
var errText = fmt.Errorf("%w: text is not valid UTF-8", errCorrupt)

// zeroByte is what text must not contain.
var zeroByte = []byte{0}

// zeroBytes counts the zero bytes of a length.
func zeroBytes(l uint32) int {
	n := 0
	for range 4 {
		if l&255 == 0 {
			n++
		}
		l >>= 8
	}
	return n
}

// ascii reports whether no byte of b is above 127.
func ascii(b []byte) bool {
	for len(b) >= 32 {
		w := binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) | binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if w&0x8080808080808080 != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// checkText checks values that lie one behind the other.
func (d *valueDecoder) checkText(x *values) error {
	if !d.text {
		return nil
	}
	if bytes.IndexByte(x.data, 0) >= 0 {
		return errText
	}
	if ascii(x.data) {
		return nil
	}
	return d.checkEach(x)
}

// checkEach checks that each value is UTF-8.
func (d *valueDecoder) checkEach(x *values) error {
	for i := range x.n {
		if !utf8.Valid(x.bytes(i)) {
			return errText
		}
	}
	return nil
}
