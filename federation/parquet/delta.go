package parquet

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/parquet-go/bitpack"
)

// deltaHead reads the head of a DELTA_BINARY_PACKED block stream.
func deltaHead(src []byte) (rest []byte, size, minis, total int, first int64, err error) {
	bad := fmt.Errorf("%w: a delta encoding is not valid", errCorrupt)
	var head [3]uint64
	for i := range head {
		x, k := binary.Uvarint(src)
		if k <= 0 || x > 1<<31-1 {
			return nil, 0, 0, 0, 0, bad
		}
		head[i], src = x, src[k:]
	}
	first, k := binary.Varint(src)
	size, minis, total = int(head[0]), int(head[1]), int(head[2])
	if k <= 0 || minis == 0 || size == 0 || size%minis != 0 || size/minis%8 != 0 || minis > 1<<16 || size > 1<<24 {
		return nil, 0, 0, 0, 0, bad
	}
	return src[k:], size, minis, total, first, nil
}

// deltaBinary decodes DELTA_BINARY_PACKED integers into dst and returns what
// comes behind them. Behind src padding bytes can be read.
func deltaBinary[T int32 | int64](dst []T, src []byte) (rest []byte, err error) {
	src, size, minis, total, first, err := deltaHead(src)
	if err != nil {
		return nil, err
	}
	if total < len(dst) {
		return nil, errShort
	}
	if total > len(dst) {
		return nil, fmt.Errorf("%w: a page has more values than its header says", errCorrupt)
	}
	if total == 0 {
		return src, nil
	}
	x := T(first)
	dst[0] = x
	out := dst[1:]
	per := size / minis
	bitsOf := uint(unsafe.Sizeof(x)) * 8
	for len(out) > 0 {
		least, k := binary.Varint(src)
		if k <= 0 || len(src)-k < minis {
			return nil, errShort
		}
		widths := src[k : k+minis]
		src = src[k+minis:]
		for _, w := range widths {
			if len(out) == 0 {
				break
			}
			if uint(w) > bitsOf {
				return nil, fmt.Errorf("%w: a bit width is out of range", errCorrupt)
			}
			n := min(per, len(out))
			need := (n*int(w) + 7) / 8
			if need > len(src) {
				return nil, errShort
			}
			block := out[:n]
			if w == 0 {
				for i := range block {
					x += T(least)
					block[i] = x
				}
			} else {
				unpackDelta(block, src, uint(w))
				for i, d := range block {
					x += d + T(least)
					block[i] = x
				}
			}
			out = out[n:]
			// The last miniblock may be cut off behind its values.
			src = src[min(per*int(w)/8, len(src)):]
		}
	}
	return src, nil
}

// unpackDelta unpacks differences.
func unpackDelta[T int32 | int64](dst []T, src []byte, width uint) {
	bitpack.Unpack(dst, src[:cap(src)], width)
}

// deltaLengths decodes DELTA_LENGTH_BYTE_ARRAY: offs gets n+1 offsets into the
// bytes that are returned.
func deltaLengths(offs []uint32, n int, src []byte) (data []byte, err error) {
	lengths := unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(offs))), n+1)[1:]
	data, err = deltaBinary(lengths, src)
	if err != nil {
		return nil, err
	}
	offs[0] = 0
	end := uint64(0)
	for i, l := range lengths {
		if l < 0 {
			return nil, fmt.Errorf("%w: a length is negative", errCorrupt)
		}
		end += uint64(l)
		offs[i+1] = uint32(end)
	}
	if end > uint64(len(data)) {
		return nil, errShort
	}
	return data[:end:cap(data)], nil
}

// deltaPrefixes decodes the prefix lengths and suffixes of DELTA_BYTE_ARRAY.
// prefixes and offs have room for n and n+1; size is the length of all values.
func deltaPrefixes(prefixes []int32, offs []uint32, n int, src []byte) (suffixes []byte, size int, err error) {
	rest, err := deltaBinary(prefixes[:n], src)
	if err != nil {
		return nil, 0, err
	}
	if suffixes, err = deltaLengths(offs, n, rest); err != nil {
		return nil, 0, err
	}
	last := 0
	for i, p := range prefixes[:n] {
		if p < 0 || int(p) > last {
			return nil, 0, fmt.Errorf("%w: a prefix is longer than the value before", errCorrupt)
		}
		last = int(p) + int(offs[i+1]-offs[i])
		size += last
		if size > maxPage {
			return nil, 0, fmt.Errorf("%w: a page is too large", errCorrupt)
		}
	}
	return suffixes, size, nil
}

// deltaJoin writes the values of DELTA_BYTE_ARRAY one behind the other into dst
// and turns offs into their offsets.
func deltaJoin(dst []byte, prefixes []int32, offs []uint32, suffixes []byte) {
	at, before := 0, 0
	from := offs[0]
	for i, p := range prefixes {
		to := offs[i+1]
		start := at
		at += copy(dst[at:], dst[before:before+int(p)])
		at += copy(dst[at:], suffixes[from:to])
		before = start
		from = to
		offs[i+1] = uint32(at)
	}
}

// splitStreams undoes BYTE_STREAM_SPLIT of n values of width bytes.
func splitStreams(dst, src []byte, n, width int) {
	switch width {
	case 4:
		a, b, c, d := src[:n], src[n:2*n], src[2*n:3*n], src[3*n:4*n]
		for i := range a {
			binary.LittleEndian.PutUint32(dst[4*i:], uint32(a[i])|uint32(b[i])<<8|uint32(c[i])<<16|uint32(d[i])<<24)
		}
	case 8:
		for i := range n {
			x := uint64(0)
			for k := 7; k >= 0; k-- {
				x = x<<8 | uint64(src[k*n+i])
			}
			binary.LittleEndian.PutUint64(dst[8*i:], x)
		}
	default:
		for k := range width {
			s := src[k*n : (k+1)*n]
			for i, c := range s {
				dst[i*width+k] = c
			}
		}
	}
}
