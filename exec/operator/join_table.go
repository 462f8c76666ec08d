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
	mask  uint64
	// slots of the hash form: the upper half of the hash, first row + 1.
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

// build makes the table. keepNulls says that there are rows with a NULL key,
// which match nothing; distinct, that only the first row of each key is wanted;
// match, that matched rows will be marked. It fails with 53200, and may then be
// called again after drop.
func (j *joinTable) build(keepNulls, distinct, match bool) error {
	n := j.store.rows
	if match {
		words := (n + 31) / 32
		if err := j.mem.take(int64(words) * 4); err != nil {
			return err
		}
		j.matched = make([]uint32, words)
	}
	if len(j.keys.ranges) > 0 {
		j.buildRanges()
	}
	if len(j.keys.column) == 0 || n == 0 {
		return nil
	}
	var skip vector.Bitmap // rows that cannot match, cleared
	if keepNulls {
		skip = j.findNulls()
	}
	if ok, err := j.buildInts(skip, distinct); ok || err != nil {
		return err
	}
	return j.buildHash(skip)
}

// buildHash builds the hash form.
func (j *joinTable) buildHash(skip vector.Bitmap) error {
	n := j.store.rows
	size := 1 << bits.Len(uint(2*n-1))
	if err := j.mem.take(int64(n)*8 + int64(size)*8); err != nil {
		return err
	}
	hashes := make([]uint64, n)
	defer j.mem.give(int64(n) * 8)
	for k, c := range j.keys.column {
		kernel.Hash(hashes, j.store.vec(c), n, k > 0)
	}
	j.slots, j.mask = make([]uint64, size), uint64(size-1)
	// From the last row to the first, so that chains are in the order of rows.
	for r := n - 1; r >= 0; r-- {
		if r&0xffff == 0 && j.q.stopped.Load() {
			return nil
		}
		if skip != nil && !skip.Get(r) {
			continue
		}
		h := hashes[r]
		for s := h & j.mask; ; s = (s + 1) & j.mask {
			e := j.slots[s]
			if e != 0 && e>>32 != h>>32 {
				continue
			}
			if e != 0 {
				if err := j.chain(r, int32(uint32(e))); err != nil {
					return err
				}
			}
			j.slots[s] = h>>32<<32 | uint64(r+1)
			break
		}
	}
	return nil
}

// chain puts row r before another one, given + 1.
func (j *joinTable) chain(r int, before int32) error {
	if j.next == nil {
		if err := j.mem.take(int64(j.store.rows) * 4); err != nil {
			return err
		}
		j.next = make([]int32, j.store.rows)
	}
	j.next[r] = before
	return nil
}

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

// buildInts builds one of the forms for integer keys if the keys allow it.
func (j *joinTable) buildInts(skip vector.Bitmap, distinct bool) (bool, error) {
	n := j.store.rows
	for k, c := range j.keys.column {
		switch j.keys.types[c].Layout() {
		case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
			if !j.keys.safe(k) {
				continue
			}
		}
		return false, nil
	}
	size := uint64(1)
	keys := make([]intKey, len(j.keys.column))
	for k, c := range j.keys.column {
		low, high, ok := intBounds(j.store.vec(c), skip, n)
		if !ok {
			return false, nil
		}
		keys[k] = intKey{base: low, width: uint64(high) - uint64(low), stride: size}
		hi, lo := bits.Mul64(size, keys[k].width+1)
		if hi != 0 || lo >= 1<<63 || keys[k].width+1 == 0 {
			return false, nil
		}
		size = lo
	}
	j.ints, j.exact = keys, true
	bytes, slots := int64(size)*4, uint64(0)
	if size > maxArray(n) {
		slots = 1 << bits.Len(uint(2*n-1))
		bytes = int64(slots) * 16
	}
	if err := j.mem.take(bytes); err != nil {
		return false, err
	}
	if slots == 0 {
		j.heads = make([]int32, size)
	} else {
		j.open, j.mask = make([]numberSlot, slots), slots-1
	}
	var numbers [vector.BatchSize]uint64
	for from := (n - 1) / vector.BatchSize * vector.BatchSize; from >= 0; from -= vector.BatchSize {
		if j.q.stopped.Load() {
			return true, nil
		}
		to := min(from+vector.BatchSize, n)
		for k, c := range j.keys.column {
			keys[k].number(numbers[:to-from], j.store.vec(c).Slice(from, to), k > 0)
		}
		for r := to - 1; r >= from; r-- {
			if skip != nil && !skip.Get(r) {
				continue
			}
			head := j.place(numbers[r-from])
			before := *head
			*head = int32(r + 1)
			if before != 0 && !distinct {
				if err := j.chain(r, before); err != nil {
					return false, err
				}
			}
		}
	}
	return true, nil
}

// place returns where the head of the chain of a number is.
func (j *joinTable) place(x uint64) *int32 {
	if j.heads != nil {
		return &j.heads[x]
	}
	for s := kernel.HashInt(int64(x)) & j.mask; ; s = (s + 1) & j.mask {
		p := &j.open[s]
		if p.head == 0 {
			p.number = x
		}
		if p.number == x {
			return &p.head
		}
	}
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
		slots, mask := j.slots, j.mask
		for i, h := range hash {
			head[i] = 0
			for s := h & mask; slots[s] != 0; s = (s + 1) & mask {
				if e := slots[s]; e>>32 == h>>32 {
					head[i] = int32(uint32(e))
					break
				}
			}
		}
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
	slots, mask := j.open, j.mask
	for i, x := range numbers {
		head[i] = 0
		if x == noNumber {
			continue
		}
		for s := kernel.HashInt(int64(x)) & mask; ; s = (s + 1) & mask {
			p := &slots[s]
			if p.head == 0 || p.number == x {
				head[i] = p.head
				break
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
