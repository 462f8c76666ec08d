package operator

import (
	"math/bits"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// joinTable is the build side of a join and the sink that fills it. Rows with
// equal hashes are chained in their order; the table maps a hash to the first of
// them. A single integer key whose values lie close together is looked up in an
// array instead, without hashing or comparing. Without keys it is only a store.
type joinTable struct {
	q        *Query
	account  *memory.Account
	keys     []expr.Expr // over the build side
	nullSafe []bool
	// keepNulls keeps rows with a NULL key, which can match nothing.
	keepNulls bool
	types     []types.Type // payload, then computed keys
	column    []int        // where key k is in the store
	extra     []expr.Expr

	mu     sync.Mutex
	stores []*columnStore

	store  *columnStore
	mem    budget
	next   []int32 // row -> next row with the same hash + 1
	hashes []uint64
	slots  []uint64 // upper half of the hash, first row + 1
	mask   uint64
	// The array form: first row + 1 of key base + i.
	direct bool
	base   int64
	heads  []int32
	nulls  []int32 // rows with a NULL key that cannot match
}

// newJoinTable returns the sink for a build side of columns of types ts.
func newJoinTable(q *Query, account *memory.Account, ts []types.Type, keys []expr.Expr, nullSafe []bool, keepNulls bool) *joinTable {
	j := &joinTable{q: q, account: account, keys: keys, nullSafe: nullSafe, keepNulls: keepNulls, mem: budget{account: account}}
	j.types = append(j.types, ts...)
	for _, k := range keys {
		if c, ok := k.(*expr.Column); ok {
			j.column = append(j.column, int(c.ID))
			continue
		}
		j.column = append(j.column, len(j.types))
		j.types = append(j.types, k.Type())
		j.extra = append(j.extra, k)
	}
	return j
}

// safe reports whether key k matches NULL with NULL.
func (j *joinTable) safe(k int) bool { return k < len(j.nullSafe) && j.nullSafe[k] }

// joinInlet collects one task's rows.
type joinInlet struct {
	j     *joinTable
	extra []*eval.Program
	store *columnStore
	dense []kernel.Scratch
	cols  []*vector.Vec
	sel   []int32
}

// open implements sink.
func (j *joinTable) open(*task) (inlet, error) {
	extra, err := j.q.compile(j.extra)
	if err != nil {
		return nil, err
	}
	i := &joinInlet{j: j, extra: extra, store: newColumnStore(j.account, j.types), dense: make([]kernel.Scratch, len(j.types))}
	j.mu.Lock()
	j.stores = append(j.stores, i.store)
	j.mu.Unlock()
	return i, nil
}

// ready implements inlet.
func (i *joinInlet) ready() bool { return true }

// end implements inlet.
func (i *joinInlet) end() error { return nil }

// push implements inlet.
func (i *joinInlet) push(b *vector.Batch) error {
	j := i.j
	sel, n := b.Sel, b.Rows()
	i.cols = append(i.cols[:0], b.Cols...)
	if len(i.extra) > 0 {
		for c, v := range i.cols {
			i.cols[c] = i.dense[c].Dense(v, sel, n)
		}
		sel = nil
		for _, p := range i.extra {
			v, err := p.Eval(b)
			if err != nil {
				return err
			}
			i.cols = append(i.cols, v)
		}
	}
	if !j.keepNulls {
		for k, c := range j.column {
			if !j.safe(k) {
				sel, n = i.withoutNulls(i.cols[c], sel, n)
			}
		}
		if n == 0 {
			return nil
		}
	}
	return i.store.append(i.cols, sel, n)
}

// withoutNulls returns the rows where v is not NULL.
func (i *joinInlet) withoutNulls(v *vector.Vec, sel []int32, n int) ([]int32, int) {
	if v.Kind == vector.Flat && v.Valid == nil {
		return sel, n
	}
	out := i.sel[:0]
	for k := range n {
		r := int32(k)
		if sel != nil {
			r = sel[k]
		}
		if !v.IsNull(int(r)) {
			out = append(out, r)
		}
	}
	// sel may be i.sel itself: out is never ahead of it.
	i.sel = out
	return out, len(out)
}

// finish implements sink: it builds the table.
func (j *joinTable) finish() error {
	j.store = j.stores[0]
	for _, s := range j.stores[1:] {
		if err := j.store.appendStore(s); err != nil {
			return err
		}
		s.drop()
	}
	j.stores = nil
	n := j.store.rows
	if len(j.keys) == 0 || n == 0 {
		return nil
	}
	var skip vector.Bitmap // rows that cannot match, cleared
	if j.keepNulls {
		skip = j.findNulls()
	}
	if err := j.mem.take(int64(n) * 4); err != nil {
		return err
	}
	j.next = make([]int32, n)
	if ok, err := j.buildArray(skip); ok || err != nil {
		return err
	}
	size := 1 << bits.Len(uint(2*n-1))
	if err := j.mem.take(int64(n)*8 + int64(size)*8); err != nil {
		return err
	}
	j.hashes = make([]uint64, n)
	for k, c := range j.column {
		kernel.Hash(j.hashes, j.store.vec(c), n, k > 0)
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
		h := j.hashes[r]
		for s := h & j.mask; ; s = (s + 1) & j.mask {
			e := j.slots[s]
			if e == 0 || e>>32 == h>>32 && j.hashes[uint32(e)-1] == h {
				j.next[r] = int32(uint32(e))
				j.slots[s] = h>>32<<32 | uint64(r+1)
				break
			}
		}
	}
	return nil
}

// findNulls lists the rows with a NULL key and returns the bitmap without them,
// nil when there are none.
func (j *joinTable) findNulls() vector.Bitmap {
	n := j.store.rows
	var keep vector.Bitmap
	for k, c := range j.column {
		v := j.store.vec(c)
		if j.safe(k) || v.Valid == nil {
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

// buildArray builds the array form if the keys allow it.
func (j *joinTable) buildArray(skip vector.Bitmap) (bool, error) {
	if len(j.keys) != 1 || j.safe(0) {
		return false, nil
	}
	v, n := j.store.vec(j.column[0]), j.store.rows
	switch v.Type.Layout() {
	case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
	default:
		return false, nil
	}
	first := true
	var low, high int64
	for r := range n {
		if skip != nil && !skip.Get(r) {
			continue
		}
		x := v.Int(r)
		if first {
			low, high, first = x, x, false
		}
		low, high = min(low, x), max(high, x)
	}
	if width := uint64(high) - uint64(low); first || width >= uint64(max(4*n, 1024)) {
		return false, nil
	}
	size := int(high-low) + 1
	if err := j.mem.take(int64(size) * 4); err != nil {
		return false, err
	}
	j.direct, j.base, j.heads = true, low, make([]int32, size)
	for r := n - 1; r >= 0; r-- {
		if skip != nil && !skip.Get(r) {
			continue
		}
		h := &j.heads[v.Int(r)-low]
		j.next[r], *h = *h, int32(r+1)
	}
	return true, nil
}

// lookup stores in head the first candidate row + 1 for each of n dense rows of
// keys, 0 for none. Candidates of the array form match; those of the hash form
// have an equal hash. hash is scratch.
func (j *joinTable) lookup(head []int32, hash []uint64, keys []*vector.Vec, n int) {
	head = head[:n]
	if j.store.rows == 0 {
		clear(head)
		return
	}
	if j.direct {
		v := keys[0]
		switch {
		case v.Kind == vector.Flat && v.Type.Layout() == types.LayoutInt64:
			lookupArray(head, v.Int64s()[:n], j.heads, j.base)
		case v.Kind == vector.Flat && v.Type.Layout() == types.LayoutInt32:
			lookupArray(head, v.Int32s()[:n], j.heads, j.base)
		default:
			for i := range head {
				head[i] = 0
				if x := uint64(v.Int(i)) - uint64(j.base); x < uint64(len(j.heads)) {
					head[i] = j.heads[x]
				}
			}
		}
	} else {
		hash = hash[:n]
		for k, v := range keys {
			kernel.Hash(hash, v, n, k > 0)
		}
		for i, h := range hash {
			head[i] = 0
			for s := h & j.mask; j.slots[s] != 0; s = (s + 1) & j.mask {
				if e := j.slots[s]; e>>32 == h>>32 && j.hashes[uint32(e)-1] == h {
					head[i] = int32(uint32(e))
					break
				}
			}
		}
	}
	for k, v := range keys {
		if j.safe(k) || v.Kind == vector.Flat && v.Valid == nil {
			continue
		}
		for i := range head {
			if head[i] != 0 && v.IsNull(i) {
				head[i] = 0
			}
		}
	}
}

func lookupArray[T int32 | int64](head []int32, keys []T, heads []int32, base int64) {
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
	s := j.store.vec(j.column[k])
	if v.Kind == vector.Flat && (!j.safe(k) || v.Valid == nil && s.Valid == nil) {
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
