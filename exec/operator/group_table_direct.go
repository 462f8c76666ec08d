package operator

import (
	"math/bits"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

const (
	// directBits bounds the array of directGroups: 256 KiB stay in the second
	// level of the cache.
	directBits = 16
	// maxDirect is how many keys are packed at most.
	maxDirect = 4
)

// directGroups remembers the group of combinations of small keys: each key is
// numbered, and the numbers side by side are the index of an array. Dictionary
// entries are numbered by a table of their own, integers by their distance from
// a base, NULL is a number too. Like codeGroups it decides nothing: what it does
// not know is looked up as rows are.
type directGroups struct {
	off   bool
	parts []directPart
	slots []int32 // group + 1; 0 unknown; -k: k-th row that is looked up now
	ids   []uint32
	out   []int32
	rows  []int32
	vecs  []vector.Vec
	cols  []*vector.Vec
}

// directPart numbers one key.
type directPart struct {
	entries *groupTable // of dictionaries, nil before the first
	base    int64       // of integers, whose number is their distance + 1
	begun   bool
	bits    uint // the numbers are below 1<<bits
}

// dropDirect gives the memory back, and nothing is remembered any more.
func (g *groupTable) dropDirect() {
	d := &g.direct
	for _, p := range d.parts {
		if p.entries != nil {
			p.entries.drop()
		}
	}
	g.mem.give(int64(len(d.slots)) * 4)
	*d = directGroups{off: true}
}

// findDirect is find for several keys that are all small; ok is false when the
// rows are to be looked up one by one.
func (g *groupTable) findDirect(cols []*vector.Vec, n int, insert bool) (groups []int32, ok bool, err error) {
	d := &g.direct
	if d.off || n < leastCoded || len(cols) < 2 || len(cols) > maxDirect || g.mem.step == partStep {
		return nil, false, nil
	}
	for _, c := range cols {
		if !numberable(c, n) {
			return nil, false, nil
		}
	}
	if d.parts == nil {
		d.parts, d.vecs = make([]directPart, len(cols)), make([]vector.Vec, len(cols))
	}
	if cap(d.ids) < n {
		d.ids, d.out = make([]uint32, max(n, vector.BatchSize)), make([]int32, max(n, vector.BatchSize))
	}
	ids, out := d.ids[:n], d.out[:n]
	if !g.numberKeys(cols, ids) {
		g.dropDirect()
		return nil, false, nil
	}
	least := int32(1)
	for i, id := range ids {
		x := d.slots[id]
		out[i] = x - 1
		least = min(least, x)
	}
	if least > 0 {
		return out, true, nil
	}
	// The unknown combinations, in the order of their first row.
	d.rows, d.cols = d.rows[:0], d.cols[:0]
	for i, id := range ids {
		if d.slots[id] == 0 {
			d.rows = append(d.rows, int32(i))
			d.slots[id] = -int32(len(d.rows))
		}
	}
	for i, c := range cols {
		if c.Kind == vector.Const {
			d.cols = append(d.cols, c)
			continue
		}
		vector.Gather(&d.vecs[i], c, d.rows, len(d.rows))
		d.cols = append(d.cols, &d.vecs[i])
	}
	found, err := g.findRows(d.cols, len(d.rows), insert)
	if err != nil {
		clear(d.slots) // what is half known is forgotten
		return nil, false, err
	}
	for k, r := range d.rows {
		d.slots[ids[r]] = found[k] + 1
	}
	for i, id := range ids {
		out[i] = d.slots[id] - 1
	}
	return out, true, nil
}

// numberable reports whether the values of v can be numbered without a look at
// each of them.
func numberable(v *vector.Vec, n int) bool {
	if v.Kind == vector.Dict {
		_, ok := codesPay(v, n)
		return ok
	}
	switch v.Type.Layout() {
	case types.LayoutBool, types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
		return true
	}
	return false
}

// numberKeys stores the packed numbers of the keys of each row in ids. It
// reports false when they do not fit, or their memory does not.
func (g *groupTable) numberKeys(cols []*vector.Vec, ids []uint32) bool {
	d := &g.direct
	n := len(ids)
	clear(ids)
	shift, grown := uint(0), d.slots == nil
	for i, v := range cols {
		p := &d.parts[i]
		before := *p
		var entries []int32
		if v.Kind == vector.Dict {
			if p.begun {
				return false // there were integers before
			}
			if p.entries == nil {
				// Numbers from here on are of entries, where NULL had 0 so far.
				p.entries, grown = newGroupTable(g.mem.account, []types.Type{v.Type}), true
			}
			g.cols1[0] = v
			var err error
			if entries, err = p.entries.find(g.cols1[:], n, true); err != nil {
				return false
			}
			p.bits = max(p.bits, uint(bits.Len(uint(p.entries.groups()-1))))
		} else if p.entries != nil || !p.cover(v, n) {
			return false
		}
		grown = grown || p.bits != before.bits || p.base != before.base
		if shift+p.bits > directBits {
			return false
		}
		switch {
		case entries != nil:
			for k, e := range entries {
				ids[k] |= uint32(e) << shift
			}
		case v.Type.Layout() == types.LayoutBool:
			packInts(ids, v, vector.Values[uint8](v), p.base, shift)
		case v.Type.Layout() == types.LayoutInt16:
			packInts(ids, v, v.Int16s(), p.base, shift)
		case v.Type.Layout() == types.LayoutInt32:
			packInts(ids, v, v.Int32s(), p.base, shift)
		default:
			packInts(ids, v, v.Int64s(), p.base, shift)
		}
		shift += p.bits
	}
	if !grown {
		return true
	}
	// The numbers have moved: all is forgotten.
	if size := 1 << shift; size > len(d.slots) {
		if g.mem.take(int64(size-len(d.slots))*4) != nil {
			return false
		}
		d.slots = make([]int32, size)
		return true
	}
	clear(d.slots)
	return true
}

// packInts adds the numbers of the values src of v at a shift.
func packInts[T uint8 | int16 | int32 | int64](ids []uint32, v *vector.Vec, src []T, base int64, shift uint) {
	if v.Kind == vector.Const {
		if !v.IsNull(0) {
			id := uint32(int64(src[0])-base+1) << shift
			for i := range ids {
				ids[i] |= id
			}
		}
		return
	}
	src = src[:len(ids)]
	if v.Valid == nil {
		for i, x := range src {
			ids[i] |= uint32(int64(x)-base+1) << shift
		}
		return
	}
	for i, x := range src {
		if v.Valid.Get(i) {
			ids[i] |= uint32(int64(x)-base+1) << shift
		}
	}
}

// cover makes the numbers fit the integers of v. It reports false when they are
// too far apart.
func (p *directPart) cover(v *vector.Vec, n int) bool {
	var low, high int64
	some := true
	switch v.Type.Layout() {
	case types.LayoutBool:
		// All there are: nothing moves later.
		low, high = 0, 1
	case types.LayoutInt16:
		low, high, some = span(v, v.Int16s(), n)
	case types.LayoutInt32:
		low, high, some = span(v, v.Int32s(), n)
	default:
		low, high, some = span(v, v.Int64s(), n)
	}
	if !some || p.begun && low >= p.base && uint64(high)-uint64(p.base) < 1<<p.bits-1 {
		return true
	}
	base, downward := low, false
	if p.begun {
		downward = low < p.base
		base, high = min(p.base, low), max(high, p.base+(1<<p.bits)-2)
	}
	width := uint64(high) - uint64(base)
	if width >= 1<<directBits {
		return false
	}
	p.bits = uint(bits.Len64(width + 1))
	if downward {
		// Room that rounding adds belongs below, where values have come from.
		if base2 := high - (1<<p.bits - 2); base2 <= base {
			base = base2
		}
	}
	p.base, p.begun = base, true
	return true
}

// span returns the smallest and the largest of n values that are not NULL; some
// is false when there is none.
func span[T int16 | int32 | int64](v *vector.Vec, src []T, n int) (low, high int64, some bool) {
	if v.Kind == vector.Const {
		return int64(src[0]), int64(src[0]), !v.IsNull(0)
	}
	src = src[:n]
	if v.Valid == nil {
		a, b := src[0], src[0]
		for _, x := range src {
			a, b = min(a, x), max(b, x)
		}
		return int64(a), int64(b), true
	}
	var a, b T
	for i, x := range src {
		switch {
		case !v.Valid.Get(i):
		case !some:
			a, b, some = x, x, true
		default:
			a, b = min(a, x), max(b, x)
		}
	}
	return int64(a), int64(b), some
}
