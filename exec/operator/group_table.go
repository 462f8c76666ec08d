package operator

import (
	"math/bits"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
)

// groupTable numbers the distinct rows of its input; NULLs are equal. It is an
// open-addressing table over row numbers of a column store: no pointer per
// group. A table of one integer key keeps the key in the slot.
type groupTable struct {
	store *columnStore
	mem   budget

	// General form: a slot holds the upper half of the hash and the group + 1.
	slots  []uint64
	hashes []uint64 // of each group
	// Form of one integer key.
	single   bool
	intSlots []intSlot
	null     int32 // group of NULL + 1
	mask     uint64

	hash  []uint64
	group []int32
	fresh []int32 // rows of the last call that made a group
	bad   []int32
	flat  []kernel.Scratch
	cols  []*vector.Vec

	// In front of the table.
	codes  codeGroups
	direct directGroups
	cols1  [1]*vector.Vec
}

// intSlot is a key and its group + 1; 0 is free.
type intSlot struct {
	key   int64
	group int32
}

// newGroupTable returns a table for rows of types ts.
func newGroupTable(account *memory.Account, ts []types.Type) *groupTable {
	g := &groupTable{store: newColumnStore(account, ts), mem: budget{account: account}, flat: make([]kernel.Scratch, len(ts))}
	if len(ts) == 1 {
		switch ts[0].Layout() {
		case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
			g.single = true
		}
	}
	return g
}

// groups returns the number of groups.
func (g *groupTable) groups() int { return g.store.rows }

// drop gives the memory back.
func (g *groupTable) drop() {
	g.dropDirect()
	g.codes = codeGroups{}
	g.store.drop()
	g.mem.release()
}

// find returns the group of each of n dense rows. With insert, rows that are
// new make groups, numbered in the order of the rows; otherwise their group is
// -1. The result is valid until the next call.
func (g *groupTable) find(cols []*vector.Vec, n int, insert bool) ([]int32, error) {
	var groups []int32
	var ok bool
	var err error
	if len(cols) == 1 {
		groups, ok, err = g.findCodes(cols[0], n, insert)
	} else {
		groups, ok, err = g.findDirect(cols, n, insert)
	}
	if ok || err != nil {
		return groups, err
	}
	return g.findRows(cols, n, insert)
}

// findRows is find by the values of the rows; g.fresh lists those that made a
// group.
func (g *groupTable) findRows(cols []*vector.Vec, n int, insert bool) ([]int32, error) {
	if cap(g.group) < n {
		g.group, g.hash = make([]int32, n), make([]uint64, n)
	}
	g.group, g.hash, g.fresh = g.group[:n], g.hash[:n], g.fresh[:0]
	switch {
	case insert:
		if err := g.room(n); err != nil {
			return nil, err
		}
	case g.groups() == 0:
		for i := range g.group {
			g.group[i] = -1
		}
		return g.group, nil
	}
	g.cols = g.cols[:0]
	if g.single {
		g.cols = append(g.cols, g.flat[0].Flat(cols[0], n))
		g.findInts(g.cols[0], n, insert)
		return g.group, g.keep()
	}
	for i, c := range cols {
		kernel.Hash(g.hash, c, n, i > 0)
		g.cols = append(g.cols, g.flat[i].Flat(c, n))
	}
	g.findHashes(n, insert)
	if err := g.keep(); err != nil {
		return nil, err
	}
	// Equal hashes nearly always mean equal keys: that is checked column by
	// column, and the exceptions are looked up one by one.
	g.bad = g.bad[:0]
	for i, c := range g.cols {
		g.bad = differing(g.bad, c, g.store.vec(i), g.group, n)
	}
	for _, row := range g.bad {
		if err := g.findSlowly(row, insert); err != nil {
			return nil, err
		}
	}
	return g.group, nil
}

// room makes the table fit n more groups at a load of at most one half.
func (g *groupTable) room(n int) error {
	need := 2 * (g.groups() + n)
	if need <= max(len(g.slots), len(g.intSlots)) {
		return nil
	}
	size := 1 << bits.Len(uint(need-1))
	if g.groups() > 0 {
		size *= 2
	}
	if g.single {
		if err := g.mem.take(int64(size-len(g.intSlots)) * 16); err != nil {
			return err
		}
		old := g.intSlots
		g.intSlots, g.mask = make([]intSlot, size), uint64(size-1)
		for _, e := range old {
			if e.group != 0 {
				s := kernel.HashInt(e.key) & g.mask
				for g.intSlots[s].group != 0 {
					s = (s + 1) & g.mask
				}
				g.intSlots[s] = e
			}
		}
		return nil
	}
	// Up to size/2 hashes of groups go with the slots.
	if err := g.mem.take(int64(size-len(g.slots)) * 12); err != nil {
		return err
	}
	g.slots, g.mask = make([]uint64, size), uint64(size-1)
	for i, h := range g.hashes {
		s := h & g.mask
		for g.slots[s] != 0 {
			s = (s + 1) & g.mask
		}
		g.slots[s] = h>>32<<32 | uint64(i+1)
	}
	return nil
}

// findInts finds the groups of integer keys.
func (g *groupTable) findInts(v *vector.Vec, n int, insert bool) {
	if v.Kind == vector.Const && n > 1 {
		// One value stands for all rows.
		g.findInts(v, 1, insert)
		for i := range g.group[:n] {
			g.group[i] = g.group[0]
		}
		return
	}
	switch v.Type.Layout() {
	case types.LayoutInt16:
		findInts(g, v.Int16s()[:n], v.Valid, insert)
	case types.LayoutInt32:
		findInts(g, v.Int32s()[:n], v.Valid, insert)
	default:
		findInts(g, v.Int64s()[:n], v.Valid, insert)
	}
}

func findInts[T int16 | int32 | int64](g *groupTable, keys []T, valid vector.Bitmap, insert bool) {
	next := int32(g.groups())
	slots, mask := g.intSlots, g.mask
	group := g.group[:len(keys)]
	for i, k := range keys {
		if valid != nil && !valid.Get(i) {
			if g.null == 0 && insert {
				next++
				g.null = next
				g.fresh = append(g.fresh, int32(i))
			}
			group[i] = g.null - 1
			continue
		}
		key := int64(k)
		for s := kernel.HashInt(key) & mask; ; s = (s + 1) & mask {
			e := &slots[s]
			if e.group == 0 {
				if !insert {
					group[i] = -1
					break
				}
				next++
				*e = intSlot{key, next}
				g.fresh = append(g.fresh, int32(i))
			}
			if e.key == key {
				group[i] = e.group - 1
				break
			}
		}
	}
}

// findHashes finds groups by hash alone.
func (g *groupTable) findHashes(n int, insert bool) {
	next := g.groups()
	slots, mask, group := g.slots, g.mask, g.group[:n]
	for i, h := range g.hash[:n] {
		for s := h & mask; ; s = (s + 1) & mask {
			e := slots[s]
			if e == 0 {
				if !insert {
					group[i] = -1
					break
				}
				slots[s] = h>>32<<32 | uint64(next+1)
				g.hashes = append(g.hashes, h)
				g.fresh = append(g.fresh, int32(i))
				group[i] = int32(next)
				next++
				break
			}
			if e>>32 == h>>32 {
				if k := uint32(e) - 1; g.hashes[k] == h {
					group[i] = int32(k)
					break
				}
			}
		}
	}
}

// findSlowly finds the group of one row, comparing keys.
func (g *groupTable) findSlowly(row int32, insert bool) error {
	h := g.hash[row]
	s := h & g.mask
	for ; g.slots[s] != 0; s = (s + 1) & g.mask {
		e := g.slots[s]
		if k := int32(uint32(e) - 1); e>>32 == h>>32 && g.hashes[k] == h && g.equal(row, k) {
			g.group[row] = k
			return nil
		}
	}
	g.group[row] = -1
	if !insert {
		return nil
	}
	g.group[row] = int32(g.groups())
	g.slots[s] = h>>32<<32 | uint64(g.groups()+1)
	g.hashes = append(g.hashes, h)
	g.fresh = append(g.fresh, row)
	g.fresh = append(g.fresh[:0], row)
	return g.keep()
}

// keep stores the rows that made groups. When there is no memory for them the
// groups are gone again.
func (g *groupTable) keep() error {
	err := g.store.append(g.cols, g.fresh, len(g.fresh))
	if err == nil || len(g.fresh) == 0 {
		return err
	}
	first := uint64(g.groups())
	for i := range g.intSlots {
		if e := &g.intSlots[i]; uint64(e.group) > first {
			*e = intSlot{}
		}
	}
	if uint64(g.null) > first {
		g.null = 0
	}
	// Groups that come last are where the search for their slot ended, so no other
	// is behind them.
	for i, e := range g.slots {
		if uint64(uint32(e)) > first {
			g.slots[i] = 0
		}
	}
	g.hashes = g.hashes[:min(len(g.hashes), int(first))]
	return err
}

// equal compares a row of the input with a group.
func (g *groupTable) equal(row, group int32) bool {
	for i, c := range g.cols {
		if !sameValue(c, int(row), g.store.vec(i), int(group)) {
			return false
		}
	}
	return true
}

// sameValue reports whether two values are equal, NULL equal to NULL.
func sameValue(a *vector.Vec, i int, b *vector.Vec, j int) bool {
	x, y := a.IsNull(i), b.IsNull(j)
	if x || y {
		return x && y
	}
	return kernel.Equal(a, i, b, j)
}

// differing appends to dst the rows i of v whose value is not that of row
// at[i] of s; rows with a negative at[i] are left out. v is Flat or Const, s
// Flat. NULLs are equal.
func differing(dst []int32, v, s *vector.Vec, at []int32, n int) []int32 {
	if v.Kind == vector.Flat && v.Valid == nil && s.Valid == nil {
		switch v.Type.Layout() {
		case types.LayoutBool:
			return differingFixed(dst, v.Bools(), s.Bools(), at[:n])
		case types.LayoutInt16:
			return differingFixed(dst, v.Int16s(), s.Int16s(), at[:n])
		case types.LayoutInt32:
			return differingFixed(dst, v.Int32s(), s.Int32s(), at[:n])
		case types.LayoutInt64:
			return differingFixed(dst, v.Int64s(), s.Int64s(), at[:n])
		case types.LayoutNumeric:
			if v.Scaled && s.Scaled && v.Scale == s.Scale {
				return differingFixed(dst, v.Int64s(), s.Int64s(), at[:n])
			}
		case types.LayoutBytes:
			if bytewise(v.Type.OID) {
				return differingViews(dst, v, s, at[:n])
			}
		}
	}
	for i, r := range at[:n] {
		if r >= 0 && !sameValue(v, i, s, int(r)) {
			dst = append(dst, int32(i))
		}
	}
	return dst
}

func differingFixed[T comparable](dst []int32, v, s []T, at []int32) []int32 {
	v = v[:len(at)]
	for i, r := range at {
		if r >= 0 && v[i] != s[r] {
			dst = append(dst, int32(i))
		}
	}
	return dst
}

// differingViews compares length and prefix before the rest.
func differingViews(dst []int32, v, s *vector.Vec, at []int32) []int32 {
	a, b := vector.Values[[2]uint64](v)[:len(at)], vector.Values[[2]uint64](s)
	for i, r := range at {
		if r < 0 {
			continue
		}
		x, y := &a[i], &b[r]
		if x[0] == y[0] && (uint32(x[0]) <= vector.MaxInline && x[1] == y[1] || uint32(x[0]) > vector.MaxInline && vector.Equal(v, i, s, int(r))) {
			continue
		}
		dst = append(dst, int32(i))
	}
	return dst
}
