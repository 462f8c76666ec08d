package kernel

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Odd constants with evenly spread bits; the values have no meaning.
const (
	k0       uint64 = 0xa0761d6478bd642f
	k1       uint64 = 0xe7037ed1a0b428db
	k2       uint64 = 0x8ebc6af09c88c6e3
	k3       uint64 = 0x589965cc75374cc3
	hashNull uint64 = 0x1d8e4e27c47d124f
)

// fold multiplies to 128 bits and folds the halves.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// mix joins the hash of one more column to the hash of a row.
func mix(seed, h uint64) uint64 { return fold(seed^k2, h^k3) }

// hashWord hashes one 64-bit value.
func hashWord(x uint64) uint64 { return fold(x^k0, k1) }

// HashInt is the hash that Hash gives to the integer x of any width.
func HashInt(x int64) uint64 { return hashWord(uint64(x)) }

// HashBytes is the hash that Hash gives to the text or bytea b.
func HashBytes(b []byte) uint64 {
	if len(b) <= vector.MaxInline {
		var w [16]byte
		binary.LittleEndian.PutUint32(w[:], uint32(len(b)))
		copy(w[4:], b)
		return hashShort(binary.LittleEndian.Uint64(w[:]), binary.LittleEndian.Uint64(w[8:]))
	}
	h := uint64(len(b)) ^ k0
	p := b
	for len(p) > 16 {
		h = fold(binary.LittleEndian.Uint64(p)^k1, binary.LittleEndian.Uint64(p[8:])^h)
		p = p[16:]
	}
	// The last 16 bytes may overlap what was read; the value is longer than 12
	// bytes, so two overlapping words of 8 always exist.
	q := b[max(0, len(b)-16):]
	h = fold(binary.LittleEndian.Uint64(q)^k2, binary.LittleEndian.Uint64(q[len(q)-8:])^h)
	return fold(h^k3, uint64(len(b))^k1)
}

// hashShort hashes the two words of an inline view.
func hashShort(a, b uint64) uint64 { return fold(a^k1, b^k2) }

// Hash stores the hash of the first n rows of v in dst; with combine it is
// joined to what dst holds, for keys of several columns. Values that are equal
// by SQL's = of their type (and of the integer types among each other, and of
// float4 with float8) hash equal in every kind and physical form of vector; all
// NULLs hash equal.
func Hash(dst []uint64, v *vector.Vec, n int, combine bool) {
	dst = dst[:n]
	switch v.Kind {
	case vector.Const:
		var one [1]uint64
		hashFlat(one[:], v, 1)
		if combine {
			for i := range dst {
				dst[i] = mix(dst[i], one[0])
			}
			return
		}
		for i := range dst {
			dst[i] = one[0]
		}
		return
	case vector.Dict:
		hashDict(dst, v, n, combine)
		return
	}
	if !combine {
		hashFlat(dst, v, n)
		return
	}
	var block [vector.BatchSize]uint64
	for from := 0; from < n; from += vector.BatchSize {
		to := min(from+vector.BatchSize, n)
		part := v
		if from > 0 {
			part = v.Slice(from, to)
		}
		hashFlat(block[:to-from], part, to-from)
		for i, h := range block[:to-from] {
			dst[from+i] = mix(dst[from+i], h)
		}
	}
}

// hashDict hashes each dictionary entry in use once when that is less work.
func hashDict(dst []uint64, v *vector.Vec, n int, combine bool) {
	top := int32(-1)
	for _, c := range v.Codes[:n] {
		top = max(top, c)
	}
	var table []uint64
	if int(top) < n {
		table = make([]uint64, top+1)
		hashFlat(table, v.Dict, int(top)+1)
	} else {
		flat := *v
		flat.Flatten(n)
		Hash(dst, &flat, n, combine)
		return
	}
	for i, c := range v.Codes[:n] {
		h := table[c]
		if v.Valid != nil && !v.Valid.Get(i) {
			h = hashNull
		}
		if combine {
			h = mix(dst[i], h)
		}
		dst[i] = h
	}
}

// hashFlat hashes n rows of a Flat vector (or the one of a Const).
func hashFlat(dst []uint64, v *vector.Vec, n int) {
	dst = dst[:n]
	switch v.Type.Layout() {
	case types.LayoutBool:
		for i, x := range v.Bools()[:n] {
			dst[i] = hashWord(uint64(x))
		}
	case types.LayoutInt16:
		for i, x := range v.Int16s()[:n] {
			dst[i] = hashWord(uint64(int64(x)))
		}
	case types.LayoutInt32:
		for i, x := range v.Int32s()[:n] {
			dst[i] = hashWord(uint64(int64(x)))
		}
	case types.LayoutInt64:
		for i, x := range v.Int64s()[:n] {
			dst[i] = hashWord(uint64(x))
		}
	case types.LayoutFloat32:
		for i, x := range v.Float32s()[:n] {
			dst[i] = hashFloat(float64(x))
		}
	case types.LayoutFloat64:
		for i, x := range v.Float64s()[:n] {
			dst[i] = hashFloat(x)
		}
	case types.LayoutWide:
		interval := v.Type.OID == types.Interval
		for i, x := range v.Wides()[:n] {
			if interval {
				hi, lo := IntervalSpan(x)
				x = vector.Wide{A: int64(lo), B: hi}
			}
			dst[i] = fold(uint64(x.A)^k0, uint64(x.B)^k1)
		}
	case types.LayoutNumeric:
		hashNumeric(dst, v, n)
	default:
		hashViews(dst, v, n)
	}
	if v.Valid != nil {
		for i := range dst {
			if !v.Valid.Get(i) {
				dst[i] = hashNull
			}
		}
	}
}

// hashFloat hashes -0 as 0 and every NaN alike.
func hashFloat(x float64) uint64 {
	if x == 0 {
		x = 0
	}
	if x != x {
		return hashWord(0x7ff8000000000000)
	}
	if x == 0 {
		return hashWord(0)
	}
	return hashWord(math.Float64bits(x))
}

// hashNumeric hashes the value without its trailing zeros.
func hashNumeric(dst []uint64, v *vector.Vec, n int) {
	if v.Scaled {
		for i, x := range v.Int64s()[:n] {
			x, s := Normalize(x, v.Scale)
			dst[i] = hashScaled(x, s)
		}
		return
	}
	for i := range dst {
		if v.Valid != nil && !v.Valid.Get(i) {
			continue
		}
		dst[i] = hashNumericBytes(v.Bytes(i))
	}
}

// hashScaled hashes a normalised scaled numeric.
func hashScaled(x int64, scale int32) uint64 {
	return fold(uint64(x)^k0, k1+uint64(scale))
}

// hashNumericBytes hashes a numeric in binary form, so that a value that also
// has a scaled form hashes as that does.
func hashNumericBytes(b []byte) uint64 {
	if numericRank(b) != 0 {
		return hashWord(uint64(numericSign(b)))
	}
	if x, s, ok := Unscale(b); ok {
		x, s = Normalize(x, s)
		return hashScaled(x, s)
	}
	// The display scale may be what does not fit: take the smallest one.
	digits, weight := significant(b)
	if len(digits) == 0 {
		return hashScaled(0, 0)
	}
	var small [40]byte
	if len(digits) <= 16 {
		last := binary.BigEndian.Uint16(digits[len(digits)-2:])
		scale := 4 * (len(digits)/2 - 1 - weight)
		for last%10 == 0 {
			last /= 10
			scale--
		}
		w := binary.BigEndian.AppendUint16(small[:0], uint16(len(digits)/2))
		w = binary.BigEndian.AppendUint16(w, uint16(int16(weight)))
		w = binary.BigEndian.AppendUint16(w, numericSign(b))
		w = binary.BigEndian.AppendUint16(w, uint16(max(scale, 0)))
		if x, s, ok := Unscale(append(w, digits...)); ok {
			x, s = Normalize(x, s)
			return hashScaled(x, s)
		}
	}
	return fold(HashBytes(digits)^uint64(numericSign(b)), uint64(int64(weight))^k2)
}

// hashViews hashes text and everything else that is stored as bytes.
func hashViews(dst []uint64, v *vector.Vec, n int) {
	switch {
	case v.Type.OID == types.BPChar:
		for i := range dst {
			if v.Valid == nil || v.Valid.Get(i) {
				dst[i] = HashBytes(TrimBlanks(v.Bytes(i)))
			}
		}
		return
	case v.Type.IsArray() || v.Type.IsRow():
		for i := range dst {
			if v.Valid == nil || v.Valid.Get(i) {
				dst[i] = hashComposite(v.Type, v.Bytes(i))
			}
		}
		return
	}
	if types.RangeElem(v.Type.OID) != 0 || v.Type.OID == types.JSONB || v.Type.OID == types.Inet || v.Type.OID == types.CIDR {
		hashByValue(dst, v)
		return
	}
	words := vector.Values[[2]uint64](v)[:n]
	for i := range words {
		w := &words[i]
		if uint32(w[0]) <= vector.MaxInline {
			dst[i] = hashShort(w[0], w[1])
			continue
		}
		if v.Valid == nil || v.Valid.Get(i) {
			dst[i] = HashBytes(v.Bytes(i))
		}
	}
}

// hashByValue hashes values whose equality is not that of their bytes: numbers in
// jsonb have a scale, and inet does not tell networks from hosts.
func hashByValue(dst []uint64, v *vector.Vec) {
	for i := range dst {
		if v.Valid != nil && !v.Valid.Get(i) {
			continue
		}
		b := v.Bytes(i)
		if types.RangeElem(v.Type.OID) != 0 {
			dst[i] = HashBytes([]byte(types.RangeKey(v.Type.OID, string(b))))
			continue
		}
		if v.Type.OID != types.JSONB {
			if len(b) > 3 {
				dst[i] = HashBytes(b[3:]) ^ uint64(b[1])
			}
			continue
		}
		if j, err := types.ParseJSONB(string(b)); err == nil {
			dst[i] = HashBytes([]byte(types.CanonicalJSON(j)))
		}
	}
}

// TrimBlanks drops the trailing blanks that char(n) ignores.
func TrimBlanks(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// IntervalSpan returns the length of an interval in microseconds with months of
// 30 days and days of 24 hours, as 128 bits: PostgreSQL compares intervals so.
func IntervalSpan(w vector.Wide) (hi int64, lo uint64) {
	const day = 24 * 3600 * 1000000
	months, days := w.B>>32, int64(int32(uint32(w.B)))
	d := months*30 + days
	h, l := bits.Mul64(uint64(d), day)
	if d < 0 {
		h -= day
	}
	l, c := bits.Add64(l, uint64(w.A), 0)
	h, _ = bits.Add64(h, uint64(w.A>>63), c)
	return int64(h), l
}
