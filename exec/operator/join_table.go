package operator

import (
	"math/bits"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// joinKeys says how rows of one side of a join are stored: the columns of the
// side, then those keys that are not columns.
type joinKeys struct {
	nullSafe []bool
	types    []types.Type
	width    int   // columns of the side
	column   []int // where key k is
	extra    []expr.Expr
	// ranges are the inequalities of a nested loop, bounds those of their right
	// sides that are not columns. rangesFail is set when one cannot be evaluated.
	ranges     []rangeBound
	bounds     []expr.Expr
	rangesFail atomic.Bool
}

// newJoinKeys returns the layout of a side with columns of types ts.
func newJoinKeys(ts []types.Type, keys []expr.Expr, nullSafe []bool) *joinKeys {
	k := &joinKeys{nullSafe: nullSafe, width: len(ts)}
	k.types = append(k.types, ts...)
	for _, e := range keys {
		if c, ok := e.(*expr.Column); ok {
			k.column = append(k.column, int(c.ID))
			continue
		}
		k.column = append(k.column, len(k.types))
		k.types = append(k.types, e.Type())
		k.extra = append(k.extra, e)
	}
	return k
}

// safe reports whether key k matches NULL with NULL.
func (j *joinKeys) safe(k int) bool { return k < len(j.nullSafe) && j.nullSafe[k] }

// joinTable finds the rows of a build side, or of a part of it, by their keys.
// Rows with equal keys are chained in their order.
//
// Integer keys that are not NULL-safe are counted in one number, the first key
// from its least value on, times the width of the second, and so on. When these
// numbers lie close together they index an array; else they are the keys of an
// open hash table themselves. Other keys are found by 32 bits of their hash, and
// the pairs have to be compared. Without keys the table is only a store.
type joinTable struct {
	q     *Query
	keys  *joinKeys
	store *columnStore
	mem   budget
	next  []int32 // row -> next row of its chain + 1; nil when no key is repeated
	// A search in slots or open begins at the upper bits of a hash, which shift
	// leaves, and goes on by one, within mask.
	mask  uint64
	shift uint
	// slots of the hash form: the lower half of the hash, first row + 1.
	slots []uint64
	// exact is set when a candidate is a match.
	exact bool
	ints  []intKey // of numbered keys
	// open is the hash table of numbers.
	open []numberSlot
	// heads of the array: first row + 1.
	heads []int32
	nulls []int32 // rows with a NULL key that cannot match
	// ranges is the index of a nested loop, nil for none.
	ranges *rangeIndex
	// matched marks the rows of a Right or Full join that were, set atomically.
	matched []uint32
}

// intKey is one integer key as part of a number.
type intKey struct {
	base   int64
	width  uint64 // largest value - base
	stride uint64
}

// numberSlot is a number and its first row + 1, 0 for a free slot.
type numberSlot struct {
	number uint64
	head   int32
}

// newJoinTable returns a table over store, which it owns from now on.
func newJoinTable(q *Query, account *memory.Account, keys *joinKeys, store *columnStore) *joinTable {
	return &joinTable{q: q, keys: keys, store: store, mem: budget{account: account}}
}

// drop gives the memory of the table back.
func (j *joinTable) drop() {
	j.store.drop()
	j.mem.release()
	*j = joinTable{q: j.q, keys: j.keys, store: j.store, mem: j.mem}
}

// tableBytes is about what build takes for n rows.
func tableBytes(n int) int64 { return int64(n) * 36 }

// build makes the table at once; see prepare.
func (j *joinTable) build(keepNulls, distinct, match bool) error {
	b, err := j.prepare(0, keepNulls, distinct, match)
	if err == nil {
		b.all()
	}
	return err
}

// numberSlot returns where the search for a number begins.
func (j *joinTable) numberSlot(x uint64) uint64 { return kernel.HashInt(int64(x)) >> j.shift }

// hashSlot returns where the search for a hash begins.
func (j *joinTable) hashSlot(h uint64) uint64 { return h * slotFactor >> j.shift }

// findNulls lists the rows with a NULL key and returns the bitmap without them,
// nil when there are none.
func (j *joinTable) findNulls() vector.Bitmap {
	n := j.store.rows
	var keep vector.Bitmap
	for k, c := range j.keys.column {
		v := j.store.vec(c)
		if j.keys.safe(k) || v.Valid == nil {
			continue
		}
		keep = vector.And(keep, keep, v.Valid, n)
	}
	if keep == nil {
		return nil
	}
	for r := range n {
		if !keep.Get(r) {
			j.nulls = append(j.nulls, int32(r))
		}
	}
	return keep
}

// maxArray is the largest array for n rows: a cache line holds sixteen entries
// of it, but only four pairs of the open table, of which a half is free.
func maxArray(n int) uint64 { return uint64(max(8*n, 1024)) }

// numberRows prepares to count the keys in one number, if they allow it, and
// returns how many numbers there are. keep has the rows that matter, nil for all.
func (j *joinTable) numberRows(keep vector.Bitmap) (size uint64, ok bool) {
	n := j.store.rows
	for k, c := range j.keys.column {
		switch j.keys.types[c].Layout() {
		case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
			if !j.keys.safe(k) {
				continue
			}
		}
		return 0, false
	}
	size = 1
	keys := make([]intKey, len(j.keys.column))
	for k, c := range j.keys.column {
		low, high, ok := intBounds(j.store.vec(c), keep, n)
		if !ok {
			return 0, false
		}
		keys[k] = intKey{base: low, width: uint64(high) - uint64(low), stride: size}
		hi, lo := bits.Mul64(size, keys[k].width+1)
		if hi != 0 || lo >= 1<<63 || keys[k].width+1 == 0 {
			return 0, false
		}
		size = lo
	}
	j.ints, j.exact = keys, true
	return size, true
}

// intBounds returns the least and greatest of n integers, of those in keep when
// that is not nil; ok is false when there are none.
func intBounds(v *vector.Vec, keep vector.Bitmap, n int) (low, high int64, ok bool) {
	var rows []int32
	if keep != nil {
		rows = kernel.KeepValid(vector.Identity(nil, n), keep)
		if len(rows) == 0 {
			return 0, 0, false
		}
	}
	switch v.Type.Layout() {
	case types.LayoutInt16:
		low, high = bounds(v.Int16s(), rows, n)
	case types.LayoutInt32:
		low, high = bounds(v.Int32s(), rows, n)
	default:
		low, high = bounds(v.Int64s(), rows, n)
	}
	return low, high, true
}

// noNumber is what a row gets whose keys are out of range: no number is as high.
const noNumber = ^uint64(0)

// number stores in dst, or with add adds, the part of the key in the numbers of
// the dense rows of v.
func (k *intKey) number(dst []uint64, v *vector.Vec, add bool) {
	if v.Kind == vector.Flat {
		switch v.Type.Layout() {
		case types.LayoutInt16:
			numberInts(dst, v.Int16s(), *k, add)
			return
		case types.LayoutInt32:
			numberInts(dst, v.Int32s(), *k, add)
			return
		case types.LayoutInt64:
			numberInts(dst, v.Int64s(), *k, add)
			return
		}
	}
	var one [1]int64
	for i := range dst {
		one[0] = v.Int(i)
		numberInts(dst[i:i+1], one[:], *k, add)
	}
}

// numberInts is number for one width.
func numberInts[T int16 | int32 | int64](dst []uint64, vals []T, k intKey, add bool) {
	vals = vals[:len(dst)]
	if !add {
		for i, x := range vals {
			n := uint64(int64(x)) - uint64(k.base)
			if n > k.width {
				n = noNumber
			}
			dst[i] = n
		}
		return
	}
	for i, x := range vals {
		n := uint64(int64(x)) - uint64(k.base)
		if n > k.width || dst[i] == noNumber {
			dst[i] = noNumber
			continue
		}
		dst[i] += n * k.stride
	}
}

// lookup stores in head the first candidate row + 1 for each of n dense rows of
// keys, 0 for none. hash is scratch.
func (j *joinTable) lookup(head []int32, hash []uint64, keys []*vector.Vec, n int) {
	head, hash = head[:n], hash[:n]
	switch {
	case j.store.rows == 0 || j.ints == nil && j.slots == nil:
		clear(head)
		return
	case j.ints != nil:
		j.lookupInts(head, hash, keys)
	default:
		for k, v := range keys {
			kernel.Hash(hash, v, n, k > 0)
		}
		j.lookupHashes(head, hash)
	}
	for k, v := range keys {
		if j.keys.safe(k) || v.Kind == vector.Flat && v.Valid == nil {
			continue
		}
		for i := range head {
			if head[i] != 0 && v.IsNull(i) {
				head[i] = 0
			}
		}
	}
}

// lookupInts is lookup in the forms for integers.
func (j *joinTable) lookupInts(head []int32, numbers []uint64, keys []*vector.Vec) {
	if j.heads != nil && len(keys) == 1 && keys[0].Kind == vector.Flat {
		switch v := keys[0]; v.Type.Layout() {
		case types.LayoutInt64:
			lookupArray(head, v.Int64s(), j.heads, j.ints[0].base)
			return
		case types.LayoutInt32:
			lookupArray(head, v.Int32s(), j.heads, j.ints[0].base)
			return
		}
	}
	for k, v := range keys {
		j.ints[k].number(numbers, v, k > 0)
	}
	if j.heads != nil {
		heads := j.heads
		for i, x := range numbers {
			h := int32(0)
			if x < uint64(len(heads)) {
				h = heads[x]
			}
			head[i] = h
		}
		return
	}
	j.lookupNumbers(head, numbers)
}

// lookupBlock is how many rows are looked up at a time: first all of them where
// their search begins, without a branch that depends on what is there, so that the
// processor waits for many cache lines at the same time; then those that have to
// search on.
const lookupBlock = 256

// lookupNumbers finds numbers in the open table.
func (j *joinTable) lookupNumbers(head []int32, numbers []uint64) {
	slots, mask := j.open, j.mask
	var more [lookupBlock]uint8
	for len(numbers) > 0 {
		block, out := numbers[:min(lookupBlock, len(numbers))], head
		numbers, head = numbers[len(block):], head[len(block):]
		k := 0
		for i, x := range block {
			p := &slots[j.numberSlot(x)]
			h, on := p.head, 0
			if h != 0 {
				on = 1
			}
			if p.number == x {
				on = 0
			} else {
				h = 0
			}
			out[i] = h
			more[k&(lookupBlock-1)] = uint8(i)
			k += on
		}
		for _, i := range more[:k] {
			x := block[i]
			for s := (j.numberSlot(x) + 1) & mask; ; s = (s + 1) & mask {
				p := &slots[s]
				if p.head == 0 || p.number == x {
					out[i] = p.head
					break
				}
			}
		}
	}
}

// lookupHashes finds hashes in the table of hashes.
func (j *joinTable) lookupHashes(head []int32, hashes []uint64) {
	slots, mask := j.slots, j.mask
	var more [lookupBlock]uint8
	for len(hashes) > 0 {
		block, out := hashes[:min(lookupBlock, len(hashes))], head
		hashes, head = hashes[len(block):], head[len(block):]
		k := 0
		for i, x := range block {
			e := slots[j.hashSlot(x)]
			h, on := int32(uint32(e)), 0
			if h != 0 {
				on = 1
			}
			if uint32(e>>32) == uint32(x) {
				on = 0
			} else {
				h = 0
			}
			out[i] = h
			more[k&(lookupBlock-1)] = uint8(i)
			k += on
		}
		for _, i := range more[:k] {
			x := block[i]
			for s := (j.hashSlot(x) + 1) & mask; ; s = (s + 1) & mask {
				e := slots[s]
				if e == 0 || uint32(e>>32) == uint32(x) {
					out[i] = int32(uint32(e))
					break
				}
			}
		}
	}
}

func lookupArray[T int32 | int64](head []int32, keys []T, heads []int32, base int64) {
	keys = keys[:len(head)]
	for i, k := range keys {
		h := int32(0)
		if x := uint64(int64(k)) - uint64(base); x < uint64(len(heads)) {
			h = heads[x]
		}
		head[i] = h
	}
}

// equalPairs keeps the pairs (left[i], right[i]) of which key k of the left rows
// v equals that of the stored rows, in place, and returns their number.
func (j *joinTable) equalPairs(k int, v *vector.Vec, left, right []int32) int {
	s := j.store.vec(j.keys.column[k])
	if v.Kind == vector.Flat && (!j.keys.safe(k) || v.Valid == nil && s.Valid == nil) {
		switch v.Type.Layout() {
		case types.LayoutInt32:
			return equalFixed(v.Int32s(), s.Int32s(), left, right)
		case types.LayoutInt64:
			return equalFixed(v.Int64s(), s.Int64s(), left, right)
		case types.LayoutNumeric:
			if v.Scaled && s.Scaled && v.Scale == s.Scale {
				return equalFixed(v.Int64s(), s.Int64s(), left, right)
			}
		case types.LayoutBytes:
			if bytewise(v.Type.OID) {
				n := 0
				a, b := vector.Values[[2]uint64](v), vector.Values[[2]uint64](s)
				for i, l := range left {
					r := right[i]
					x, y := &a[l], &b[r]
					left[n], right[n] = l, r
					if x[0] == y[0] && (uint32(x[0]) <= vector.MaxInline && x[1] == y[1] || uint32(x[0]) > vector.MaxInline && vector.Equal(v, int(l), s, int(r))) {
						n++
					}
				}
				return n
			}
		}
	}
	n := 0
	for i, l := range left {
		r := right[i]
		left[n], right[n] = l, r
		if sameValue(v, int(l), s, int(r)) {
			n++
		}
	}
	return n
}

func equalFixed[T comparable](v, s []T, left, right []int32) int {
	n := 0
	for i, l := range left {
		r := right[i]
		left[n], right[n] = l, r
		if v[l] == s[r] {
			n++
		}
	}
	return n
}
