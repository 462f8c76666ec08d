package kernel

import (
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// DomainFilter tests batches of one column against the domain of a dynamic
// filter. It belongs to one goroutine.
type DomainFilter struct {
	rows, nulls, merged []int32
	hash                []uint64
	dense, flat         Scratch

	// of is the domain that the rest was made for.
	of       *connector.Domain
	min, max *vector.Vec
	order    Comparer
	// codes holds a byte per entry of dictionary dict: 1 when it passes.
	dict  *vector.Vec
	id    uint64
	codes []uint8
}

// Select returns the rows among sel (nil: the first n) of v that may matter by d,
// in storage of f that stays valid until the next call.
func (f *DomainFilter) Select(d *connector.Domain, v *vector.Vec, sel []int32, n int) []int32 {
	if f.of != d {
		f.prepare(d, v.Type)
	}
	if sel == nil && d.Bits != nil && !d.Empty && v.Kind == vector.Flat && v.Valid == nil {
		return f.denseBits(d, v, n)
	}
	if sel == nil {
		f.rows = vector.Identity(f.rows, n)
	} else {
		f.rows = append(f.rows[:0], sel...)
	}
	if len(f.rows) == 0 {
		return f.rows
	}
	if v.Kind == vector.Const {
		if v.IsNull(0) {
			if !d.Nulls {
				f.rows = f.rows[:0]
			}
			return f.rows
		}
		one := *v
		one.Kind = vector.Flat
		var row [1]int32
		if len(f.flatRows(row[:], d, &one)) == 0 {
			f.rows = f.rows[:0]
		}
		return f.rows
	}
	f.nulls = f.nulls[:0]
	if v.Valid != nil || v.Kind == vector.Dict && v.Dict.Valid != nil {
		k := 0
		for _, r := range f.rows {
			if v.IsNull(int(r)) {
				f.nulls = append(f.nulls, r)
				continue
			}
			f.rows[k] = r
			k++
		}
		f.rows = f.rows[:k]
	}
	if v.Kind == vector.Dict {
		f.rows = f.dictRows(f.rows, d, v, n)
	} else {
		f.rows = f.flatRows(f.rows, d, v)
	}
	if d.Nulls && len(f.nulls) > 0 {
		return f.merge()
	}
	return f.rows
}

// denseBits is Select over the first n rows of a Flat vector of integers without
// NULLs, for a domain that is a set of bits.
func (f *DomainFilter) denseBits(d *connector.Domain, v *vector.Vec, n int) []int32 {
	if cap(f.rows) < n {
		f.rows = make([]int32, max(n, vector.BatchSize))
	}
	rows := f.rows[:n]
	switch v.Type.Layout() {
	case types.LayoutInt16:
		f.rows = bitRows(rows, d, v.Int16s()[:n])
	case types.LayoutInt32:
		f.rows = bitRows(rows, d, v.Int32s()[:n])
	default:
		f.rows = bitRows(rows, d, v.Int64s()[:n])
	}
	return f.rows
}

// bitRows stores in rows, which is as long as vals, where the integers among the
// bits are, and returns that part.
func bitRows[T int16 | int32 | int64](rows []int32, d *connector.Domain, vals []T) []int32 {
	low, width, bits := uint64(d.Min.I), uint64(d.Max.I)-uint64(d.Min.I), d.Bits
	k := 0
	for i, x := range vals {
		if at := uint64(int64(x)) - low; at <= width && bits[at>>6]>>(at&63)&1 != 0 {
			rows[k] = int32(i)
			k++
		}
	}
	return rows[:k]
}

// prepare makes the constants of d for columns of type t.
func (f *DomainFilter) prepare(d *connector.Domain, t types.Type) {
	f.of, f.dict, f.min, f.max = d, nil, nil, nil
	f.order = nil
	if d.HasMin {
		f.min = vector.NewConst(d.Type, d.Min)
	}
	if d.HasMax {
		f.max = vector.NewConst(d.Type, d.Max)
	}
	if d.HasMin || d.HasMax {
		f.order = CompareFunc(t)
	}
}

// merge returns the rows that pass and the NULL ones in ascending order.
func (f *DomainFilter) merge() []int32 {
	out, a, b := f.merged[:0], f.rows, f.nulls
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	f.merged = append(append(out, a...), b...)
	return f.merged
}

// dictRows keeps the rows that pass of a Dict vector; none is NULL. It tests each
// entry of the dictionary once when that is less work.
func (f *DomainFilter) dictRows(rows []int32, d *connector.Domain, v *vector.Vec, n int) []int32 {
	if len(rows) == 0 {
		return rows
	}
	top := int32(-1)
	for _, c := range v.Codes[:n] {
		top = max(top, c)
	}
	if f.dict != v.Dict || f.id == 0 || f.id != v.DictID || len(f.codes) <= int(top) {
		if int(top) >= 2*len(rows) {
			return f.flatRows(rows, d, f.flat.Flat(v, n))
		}
		entries := int(top) + 1
		if cap(f.codes) < entries {
			f.codes = make([]uint8, entries)
		}
		f.codes = f.codes[:entries]
		clear(f.codes)
		for _, c := range f.flatRows(vector.Identity(nil, entries), d, v.Dict) {
			f.codes[c] = 1
		}
		f.dict, f.id = v.Dict, v.DictID
	}
	k := 0
	for _, r := range rows {
		rows[k] = r
		k += int(f.codes[v.Codes[r]])
	}
	return rows[:k]
}

// flatRows keeps the rows that pass of a Flat vector, in place. What it does with
// NULL rows is undefined.
func (f *DomainFilter) flatRows(rows []int32, d *connector.Domain, v *vector.Vec) []int32 {
	if d.Empty {
		return rows[:0]
	}
	bounds := d.HasMin || d.HasMax
	switch v.Type.Layout() {
	case types.LayoutInt16:
		rows = intRows(rows, d, v.Int16s())
		bounds = false
	case types.LayoutInt32:
		rows = intRows(rows, d, v.Int32s())
		bounds = false
	case types.LayoutInt64:
		rows = intRows(rows, d, v.Int64s())
		bounds = false
	case types.LayoutNumeric:
		if v.Scaled && bounds {
			if low, high, ok := f.scaledBounds(d, v.Scale); ok {
				k := 0
				vals := v.Int64s()
				for _, r := range rows {
					rows[k] = r
					k += u2i(vals[r] >= low) & u2i(vals[r] <= high)
				}
				rows, bounds = rows[:k], false
			}
		}
	}
	if bounds {
		k := 0
		for _, r := range rows {
			rows[k] = r
			if (f.min == nil || f.order(v, int(r), f.min, 0) >= 0) && (f.max == nil || f.order(v, int(r), f.max, 0) <= 0) {
				k++
			}
		}
		rows = rows[:k]
	}
	if d.Bits != nil || d.Bloom == nil || len(rows) == 0 {
		return rows
	}
	if cap(f.hash) < len(rows) {
		f.hash = make([]uint64, max(len(rows), vector.BatchSize))
	}
	hash := f.hash[:len(rows)]
	Hash(hash, f.dense.Dense(v, rows, len(rows)), len(rows), false)
	return rows[:d.Bloom.Select(rows, hash)]
}

// scaledBounds returns the bounds in units of 10^-scale: the first and the last
// value within. ok is false when they do not fit.
func (f *DomainFilter) scaledBounds(d *connector.Domain, scale int32) (low, high int64, ok bool) {
	low, high = math.MinInt64, math.MaxInt64
	if d.HasMin {
		if low, ok = scaledBound(d.Min, scale, true); !ok {
			return 0, 0, false
		}
	}
	if d.HasMax {
		if high, ok = scaledBound(d.Max, scale, false); !ok {
			return 0, 0, false
		}
	}
	return low, high, true
}

// scaledBound returns a numeric in units of 10^-scale, rounded up or down.
func scaledBound(bound types.Datum, scale int32, up bool) (int64, bool) {
	x, s, ok := Unscale([]byte(bound.S))
	if !ok {
		return 0, false
	}
	x, s = Normalize(x, s)
	if s <= scale {
		return Rescale(x, s, scale)
	}
	// Normalized: something is cut off.
	cut := x / Pow10[s-scale]
	switch {
	case up && x > 0:
		cut++
	case !up && x < 0:
		cut--
	}
	return cut, true
}

// intRows keeps the rows whose integers lie within the bounds and, when there
// are bits, are among them.
func intRows[T int16 | int32 | int64](rows []int32, d *connector.Domain, vals []T) []int32 {
	k := 0
	if d.Bits != nil {
		low, width, bits := uint64(d.Min.I), uint64(d.Max.I)-uint64(d.Min.I), d.Bits
		for _, r := range rows {
			rows[k] = r
			x := uint64(int64(vals[r])) - low
			if x <= width && bits[x>>6]>>(x&63)&1 != 0 {
				k++
			}
		}
		return rows[:k]
	}
	switch {
	case d.HasMin && d.HasMax:
		low, width := uint64(d.Min.I), uint64(d.Max.I)-uint64(d.Min.I)
		for _, r := range rows {
			rows[k] = r
			k += u2i(uint64(int64(vals[r]))-low <= width)
		}
	case d.HasMin:
		for _, r := range rows {
			rows[k] = r
			k += u2i(int64(vals[r]) >= d.Min.I)
		}
	case d.HasMax:
		for _, r := range rows {
			rows[k] = r
			k += u2i(int64(vals[r]) <= d.Max.I)
		}
	default:
		return rows
	}
	return rows[:k]
}
