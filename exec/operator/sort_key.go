package operator

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// Sort keys are compared as integers. Every value has an ordinal, an unsigned
// integer of the same order: exact for types of up to 8 bytes, the next 8 bytes
// for strings. A keyPlan packs the ordinals of as many keys as fit into one
// word, each in as few bits as its range needs, with DESC and NULLS FIRST
// applied: comparing two words compares the rows, up to where the plan ends.

// ordinalKind says how a type is turned into ordinals.
type ordinalKind uint8

const (
	ordinalNone  ordinalKind = iota // only by comparison
	ordinalExact                    // one word says it all
	ordinalBytes                    // 8 bytes at a time
	ordinalWide                     // two words
)

// ordinalOf returns how values of v, a Flat vector, are turned into ordinals.
func ordinalOf(v *vector.Vec) ordinalKind {
	switch v.Type.Layout() {
	case types.LayoutBool, types.LayoutInt16, types.LayoutInt32, types.LayoutInt64, types.LayoutFloat32, types.LayoutFloat64:
		return ordinalExact
	case types.LayoutNumeric:
		if v.Scaled {
			return ordinalExact
		}
	case types.LayoutWide:
		if v.Type.OID == types.UUID {
			return ordinalWide
		}
	case types.LayoutBytes:
		if bytewise(v.Type.OID) {
			return ordinalBytes
		}
	}
	return ordinalNone
}

// bytewise reports whether values of a type are ordered by their bytes.
func bytewise(oid types.OID) bool {
	switch oid {
	case types.Text, types.VarChar, types.Bytea, types.Name:
		return true
	}
	return false
}

const signBit = 1 << 63

// ordinals stores in dst the ordinals of the rows of v, a Flat vector, that rows
// lists (nil: row from and those behind it). off is the byte at which strings,
// and the word at which wide values, begin to count. The ordinals of NULLs are
// undefined.
func ordinals(dst []uint64, v *vector.Vec, rows []int32, from, off int) {
	switch v.Type.Layout() {
	case types.LayoutBool:
		ordinalInts(dst, v.Bools(), rows, from)
	case types.LayoutInt16:
		ordinalInts(dst, v.Int16s(), rows, from)
	case types.LayoutInt32:
		if kernel.Unsigned(v.Type) {
			ordinalInts(dst, vector.Values[uint32](v), rows, from)
			return
		}
		ordinalInts(dst, v.Int32s(), rows, from)
	case types.LayoutInt64, types.LayoutNumeric:
		ordinalInts(dst, v.Int64s(), rows, from)
	case types.LayoutFloat32:
		ordinalFloats(dst, v.Float32s(), rows, from)
	case types.LayoutFloat64:
		ordinalFloats(dst, v.Float64s(), rows, from)
	case types.LayoutWide:
		vals := v.Wides()
		for i := range dst {
			w := &vals[rowAt(rows, from, i)]
			dst[i] = uint64(w.A)
			if off > 0 {
				dst[i] = uint64(w.B)
			}
		}
	default:
		ordinalBytesOf(dst, v, rows, from, off)
	}
}

// rowAt returns row i of those that ordinals is asked for.
func rowAt(rows []int32, from, i int) int {
	if rows != nil {
		return int(rows[i])
	}
	return from + i
}

func ordinalInts[T uint8 | int16 | int32 | uint32 | int64](dst []uint64, vals []T, rows []int32, from int) {
	if rows == nil {
		vals = vals[from:]
		vals = vals[:len(dst)]
		for i, x := range vals {
			dst[i] = uint64(int64(x)) ^ signBit
		}
		return
	}
	rows = rows[:len(dst)]
	for i, r := range rows {
		dst[i] = uint64(int64(vals[r])) ^ signBit
	}
}

func ordinalFloats[T float32 | float64](dst []uint64, vals []T, rows []int32, from int) {
	for i := range dst {
		dst[i] = floatOrdinal(float64(vals[rowAt(rows, from, i)]))
	}
}

// floatOrdinal orders NaN above everything and -0 as 0.
func floatOrdinal(x float64) uint64 {
	if x != x {
		return math.MaxUint64
	}
	b := math.Float64bits(x)
	if x == 0 {
		b = 0
	}
	if b>>63 != 0 {
		return ^b
	}
	return b | signBit
}

// ordinalBytesOf takes 8 bytes of strings as a number, padded with zeros.
func ordinalBytesOf(dst []uint64, v *vector.Vec, rows []int32, from, off int) {
	words := vector.Values[[2]uint64](v)
	for i := range dst {
		r := rowAt(rows, from, i)
		w := &words[r]
		switch {
		case off == 0 && uint32(w[0]) <= vector.MaxInline:
			dst[i] = bits.ReverseBytes64(w[0]>>32 | w[1]<<32)
		case v.Valid != nil && !v.Valid.Get(r):
			dst[i] = 0
		default:
			b := v.Bytes(r)
			dst[i] = bytesOrdinal(b[min(off, len(b)):])
		}
	}
}

// bytesOrdinal returns the first 8 bytes as a number, padded with zeros.
func bytesOrdinal(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var w [8]byte
	copy(w[:], b)
	return binary.BigEndian.Uint64(w[:])
}

// keyRange is what is known about the ordinals of one key over some rows.
type keyRange struct {
	low, high uint64
	longest   int // of strings, in bytes
	nulls     bool
	values    bool // there is a value
	kind      ordinalKind
}

// join makes k cover o as well.
func (k *keyRange) join(o keyRange) {
	k.kind = min(k.kind, o.kind)
	k.nulls = k.nulls || o.nulls
	switch {
	case !o.values:
	case !k.values:
		k.low, k.high, k.longest, k.values = o.low, o.high, o.longest, true
	default:
		k.low, k.high, k.longest = min(k.low, o.low), max(k.high, o.high), max(k.longest, o.longest)
	}
}

// rangeOfKey looks at the rows of v that rows lists (nil: the first n). scratch
// is storage of at least a batch.
func rangeOfKey(v *vector.Vec, rows []int32, n, off int, scratch []uint64) keyRange {
	k := keyRange{kind: ordinalOf(v)}
	if k.kind == ordinalNone {
		return k
	}
	var views []vector.View
	if k.kind == ordinalBytes {
		views = v.Views()
	}
	for at := 0; at < n; at += len(scratch) {
		m := min(len(scratch), n-at)
		part := rows
		if rows != nil {
			part = rows[at : at+m]
		}
		words := scratch[:m]
		ordinals(words, v, part, at, off)
		low, high := uint64(math.MaxUint64), uint64(0)
		if v.Valid == nil {
			for _, w := range words {
				low, high = min(low, w), max(high, w)
			}
			k.values = true
		} else {
			for i, w := range words {
				if v.Valid.Get(rowAt(part, at, i)) {
					low, high = min(low, w), max(high, w)
					k.values = true
				} else {
					k.nulls = true
				}
			}
		}
		if at == 0 {
			k.low, k.high = low, high
		} else {
			k.low, k.high = min(k.low, low), max(k.high, high)
		}
		if views != nil {
			for i := range words {
				r := rowAt(part, at, i)
				if v.Valid == nil || v.Valid.Get(r) {
					k.longest = max(k.longest, int(views[r].Len))
				}
			}
		}
	}
	return k
}

// keyPart is what one key adds to a word.
type keyPart struct {
	key, off int
	// A value's code is (ordinal - low) >> drop, or the same counted down from
	// high, plus first; null is the code of NULL.
	low, high uint64
	drop      uint
	desc      bool
	first     uint64
	null      uint64
	// length is, for strings of at most 7 bytes, how many bytes are taken; then
	// the length of the value follows in 3 bits, and the code is exact. It is -1
	// when only the length is left to tell strings apart that end in zeros.
	length int
	bits   uint
}

// keyPlan packs keys into words.
type keyPlan struct {
	parts []keyPart
	bits  uint
	// Comparison goes on at byte or word off of key next; next is the number of
	// keys when equal words mean equal rows. stuck says that key next cannot be
	// packed at all.
	next, off int
	stuck     bool
}

// planKeys packs the keys of o from byte off of key k on. ranges(key, off) tells
// what the values are like.
func planKeys(o ordering, k, off int, ranges func(key, off int) keyRange) keyPlan {
	p := keyPlan{next: k, off: off}
	for p.next < len(o) && p.bits < 64 {
		r := ranges(p.next, p.off)
		if r.kind == ordinalNone {
			p.stuck = len(p.parts) == 0
			return p
		}
		key := keyPart{key: p.next, off: p.off, desc: o[p.next].desc}
		exact := r.kind == ordinalExact || r.kind == ordinalWide && p.off > 0
		if r.kind == ordinalBytes && p.off == 0 && r.longest <= 7 {
			key.length, exact = max(r.longest, 1), true
			shift := uint(8 * (8 - key.length))
			r.low, r.high = r.low>>shift<<3, r.high>>shift<<3|7
		} else if r.kind == ordinalBytes && r.longest <= p.off {
			key.length, exact = -1, true
			r.low, r.high = 0, uint64(r.longest)
		}
		if !r.values {
			r.low, r.high = 0, 0
		}
		key.low, key.high = r.low, r.high
		span := r.high - r.low
		key.bits = uint(bits.Len64(span))
		if r.nulls {
			key.bits = uint(bits.Len64(span + 1))
			if span == math.MaxUint64 {
				key.bits = 65
			}
		}
		left := 64 - p.bits
		if key.bits > left {
			// Only the upper bits fit; the rest is compared later.
			key.drop = key.bits - left
			span >>= key.drop
			if r.nulls && span == 1<<left-1 {
				// No code is left for NULL.
				key.drop++
				span >>= 1
			}
			key.bits, exact = left, false
		}
		if r.nulls {
			if o[p.next].nullsFirst {
				key.first = 1
			} else {
				key.null = span + 1
			}
		}
		p.bits += key.bits
		p.parts = append(p.parts, key)
		switch {
		case exact:
			p.next, p.off = p.next+1, 0
		case key.drop == 0:
			p.off += 8
			return p
		default:
			return p
		}
	}
	return p
}

// words stores in dst the packed keys of the rows that rows lists (nil: the
// first rows). keys are Flat. scratch is as long as dst.
func (p *keyPlan) words(dst, scratch []uint64, keys []*vector.Vec, rows []int32) {
	if len(p.parts) == 0 {
		clear(dst)
		return
	}
	for n := range p.parts {
		k := &p.parts[n]
		v := keys[k.key]
		scratch = scratch[:len(dst)]
		ordinals(scratch, v, rows, 0, k.off)
		if k.length < 0 {
			views := v.Views()
			for i := range scratch {
				scratch[i] = uint64(views[rowAt(rows, 0, i)].Len)
			}
		}
		if k.length > 0 {
			views, shift := v.Views(), uint(8*(8-k.length))
			for i, w := range scratch {
				scratch[i] = w>>shift<<3 | uint64(views[rowAt(rows, 0, i)].Len&7)
			}
		}
		if k.desc {
			for i, w := range scratch {
				scratch[i] = (k.high-w)>>k.drop + k.first
			}
		} else {
			for i, w := range scratch {
				scratch[i] = (w-k.low)>>k.drop + k.first
			}
		}
		if v.Valid != nil {
			for i := range scratch {
				if !v.Valid.Get(rowAt(rows, 0, i)) {
					scratch[i] = k.null
				}
			}
		}
		if n == 0 {
			copy(dst, scratch)
			continue
		}
		for i, w := range scratch {
			dst[i] = dst[i]<<k.bits | w
		}
	}
}
