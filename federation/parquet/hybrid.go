package parquet

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/parquet-go/bitpack"

	"github.com/hubsql/hubsql/exec/vector"
)

// hybrid reads the mixture of repeated values and bit-packed groups that holds
// dictionary codes, levels and booleans. Behind its input padding bytes can be
// read.
type hybrid struct {
	src   []byte // what comes behind the current run
	width uint
	left  int // values left of the current run
	// packed runs: the bytes of the run and the next value in them.
	run []byte
	at  int
	// repeated runs.
	value int32
}

// errShort is what reading behind the last run gives.
var errShort = fmt.Errorf("%w: a page has fewer values than its header says", errCorrupt)

// reset starts on src with values of width bits.
func (h *hybrid) reset(src []byte, width uint) error {
	if width > 32 {
		return fmt.Errorf("%w: a bit width is out of range", errCorrupt)
	}
	*h = hybrid{src: src, width: width}
	return nil
}

// next starts the next run.
func (h *hybrid) next() error {
	for h.left == 0 {
		head, k := binary.Uvarint(h.src)
		if k <= 0 || head>>1 > 1<<31 {
			return errShort
		}
		h.src = h.src[k:]
		count := int(head >> 1)
		if head&1 != 0 {
			// Groups of eight; the last bytes of a page are sometimes not written.
			size := count * int(h.width)
			h.left, h.at = count*8, 0
			if size > len(h.src) {
				size = len(h.src)
				h.left = size * 8 / max(int(h.width), 1)
			}
			h.run, h.src = h.src[:size], h.src[size:]
			continue
		}
		size := int(h.width+7) / 8
		if size > len(h.src) {
			return errShort
		}
		h.value = 0
		for i := range size {
			h.value |= int32(h.src[i]) << (8 * i)
		}
		// Callers rely on values of no more bits than the width says.
		if uint64(uint32(h.value))>>h.width != 0 {
			return fmt.Errorf("%w: a value of a run is out of range", errCorrupt)
		}
		h.src = h.src[size:]
		h.run, h.left = nil, count
	}
	return nil
}

// one returns value i of the packed run.
func (h *hybrid) one(i int) int32 {
	bit := i * int(h.width)
	b := h.run[:cap(h.run)]
	x := binary.LittleEndian.Uint64(b[bit>>3 : bit>>3+8])
	return int32(uint32(x >> (uint(bit) & 7) & (1<<h.width - 1)))
}

// read fills dst with the next values.
func (h *hybrid) read(dst []int32) error {
	for len(dst) > 0 {
		if h.left == 0 {
			if err := h.next(); err != nil {
				return err
			}
		}
		n := min(len(dst), h.left)
		h.left -= n
		out := dst[:n]
		dst = dst[n:]
		if h.run == nil {
			for i := range out {
				out[i] = h.value
			}
			continue
		}
		at := h.at
		h.at += n
		for len(out) > 0 && at&7 != 0 {
			out[0] = h.one(at)
			out, at = out[1:], at+1
		}
		if len(out) == 0 {
			continue
		}
		if h.width == 0 {
			clear(out)
			continue
		}
		from := at / 8 * int(h.width)
		bitpack.Unpack(out, h.run[from:cap(h.run)], h.width)
	}
	return nil
}

// skip passes over n values.
func (h *hybrid) skip(n int) error {
	for n > 0 {
		if h.left == 0 {
			if err := h.next(); err != nil {
				return err
			}
		}
		k := min(n, h.left)
		h.left -= k
		h.at += k
		n -= k
	}
	return nil
}

// pick fills dst with the values at the places idx, which ascend, counted from
// the next value, and passes over n values.
func (h *hybrid) pick(dst, idx []int32, n int) error {
	base := 0
	for k := 0; k < len(idx); {
		if h.left == 0 {
			if err := h.next(); err != nil {
				return err
			}
		}
		end := base + h.left
		if int(idx[k]) >= end {
			h.at += h.left
			h.left = 0
			base = end
			continue
		}
		if h.run == nil {
			for k < len(idx) && int(idx[k]) < end {
				dst[k] = h.value
				k++
			}
			continue
		}
		off := h.at - base
		for k < len(idx) && int(idx[k]) < end {
			dst[k] = h.one(int(idx[k]) + off)
			k++
		}
	}
	return h.skip(n - base)
}

// bitmap reads n values of width 1 as bits and returns how many are set. dst
// has room for n bits.
func (h *hybrid) bitmap(dst vector.Bitmap, n int) (set int, err error) {
	clear(dst[:(n+63)/64])
	for at := 0; at < n; {
		if h.left == 0 {
			if err := h.next(); err != nil {
				return 0, err
			}
		}
		k := min(n-at, h.left)
		h.left -= k
		switch {
		case h.run != nil:
			copyBits(dst, at, h.run[:cap(h.run)], h.at, k)
			h.at += k
		case h.value == 1:
			fillBits(dst, at, k)
		case h.value != 0:
			return 0, fmt.Errorf("%w: a level is out of range", errCorrupt)
		}
		at += k
	}
	return dst.Count(n), nil
}

// fillBits sets n bits from at on.
func fillBits(dst vector.Bitmap, at, n int) {
	for n > 0 {
		off := at & 63
		k := min(64-off, n)
		dst[at>>6] |= (^uint64(0) >> (64 - k)) << off
		at += k
		n -= k
	}
}

// copyBits sets the n bits of dst from at on, which are clear, to those of src
// from bit from on. Behind the bits of src eight bytes can be read.
func copyBits(dst vector.Bitmap, at int, src []byte, from, n int) {
	for n > 0 {
		off := at & 63
		k := min(64-off, n, 56)
		x := binary.LittleEndian.Uint64(src[from>>3:]) >> (from & 7)
		dst[at>>6] |= (x & (^uint64(0) >> (64 - k))) << off
		at += k
		from += k
		n -= k
	}
}

// moveBits sets the n bits of dst from at on to those of src from bit from on.
func moveBits(dst vector.Bitmap, at int, src vector.Bitmap, from, n int) {
	for n > 0 {
		off := at & 63
		k := min(64-off, n)
		w, s := from>>6, from&63
		x := src[w] >> s
		if s != 0 && w+1 < len(src) {
			x |= src[w+1] << (64 - s)
		}
		mask := (^uint64(0) >> (64 - k)) << off
		dst[at>>6] = dst[at>>6]&^mask | x<<off&mask
		at += k
		from += k
		n -= k
	}
}

// countBits returns how many of the n bits of b from bit from on are set.
func countBits(b vector.Bitmap, from, n int) int {
	c := 0
	for n > 0 {
		s := from & 63
		k := min(64-s, n)
		c += bits.OnesCount64(b[from>>6] >> s & (^uint64(0) >> (64 - k)))
		from += k
		n -= k
	}
	return c
}
