package operator

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// orderKey is one key of an ordering.
type orderKey struct {
	t          types.Type
	desc       bool
	nullsFirst bool
	compare    kernel.Comparer
}

// ordering orders rows by keys.
type ordering []orderKey

// newOrdering returns the ordering of keys.
func newOrdering(keys []physical.SortKey) ordering {
	out := make(ordering, len(keys))
	for i, k := range keys {
		t := k.Expr.Type()
		out[i] = orderKey{t: t, desc: k.Desc, nullsFirst: k.NullsFirst, compare: kernel.CompareFunc(t)}
	}
	return out
}

// ascending returns the ordering by all of ts, NULLs last.
func ascending(ts []types.Type) ordering {
	out := make(ordering, len(ts))
	for i, t := range ts {
		out[i] = orderKey{t: t, compare: kernel.CompareFunc(t)}
	}
	return out
}

// rows orders row i of a against row j of b; a[k] and b[k] are the values of
// key k.
func (o ordering) rows(a []*vector.Vec, i int, b []*vector.Vec, j int) int {
	for k := range o {
		if c := o[k].values(a[k], i, b[k], j); c != 0 {
			return c
		}
	}
	return 0
}

// values orders two values, NULLs included.
func (k *orderKey) values(a *vector.Vec, i int, b *vector.Vec, j int) int {
	x, y := a.IsNull(i), b.IsNull(j)
	switch {
	case x && y:
		return 0
	case x != y:
		if x == k.nullsFirst {
			return -1
		}
		return 1
	}
	c := k.compare(a, i, b, j)
	if k.desc {
		return -c
	}
	return c
}

// sortBlock is the number of rows that are sorted without a look at whether the
// query was cancelled.
const sortBlock = 1 << 16

// sortRows returns the rows 0..n-1 in order; keys are the Flat columns of the
// ordering. The sort is stable. It ends early, with an undefined result, when
// stop is set.
func (o ordering) sortRows(keys []*vector.Vec, n int, stop *atomic.Bool) []int32 {
	out := make([]int32, n)
	if len(o) == 0 {
		return vector.Identity(out, n)
	}
	pairs := make([]sortPair, 0, min(n, sortBlock))
	var scratch []sortPair
	for from := 0; from < n && !stop.Load(); from += sortBlock {
		to := min(from+sortBlock, n)
		scratch = o.sortBlock(out[from:to], keys, from, pairs, scratch)
	}
	if n <= sortBlock {
		return out
	}
	other := make([]int32, n)
	for width := sortBlock; width < n; width *= 2 {
		for from := 0; from < n; from += 2 * width {
			mid, to := min(from+width, n), min(from+2*width, n)
			o.merge(other[from:to], out[from:mid], out[mid:to], keys, stop)
		}
		out, other = other, out
	}
	return out
}

// merge merges two sorted lists of rows.
func (o ordering) merge(dst, a, b []int32, keys []*vector.Vec, stop *atomic.Bool) {
	for k := range dst {
		if k&0xfff == 0 && stop.Load() {
			return
		}
		if len(b) == 0 || len(a) > 0 && o.rows(keys, int(a[0]), keys, int(b[0])) <= 0 {
			dst[k], a = a[0], a[1:]
		} else {
			dst[k], b = b[0], b[1:]
		}
	}
}

// sortPair is a row with the beginning of its first key as an unsigned integer
// of the same order.
type sortPair struct {
	key uint64
	row int32
}

// sortBlock sorts the rows from.. into out: by the prefix of the first key with
// a radix sort, then the rows that are equal there by comparison. It returns
// scratch for the next call.
func (o ordering) sortBlock(out []int32, keys []*vector.Vec, from int, pairs, scratch []sortPair) []sortPair {
	first := &o[0]
	v := keys[0]
	pairs = pairs[:0]
	nulls := 0
	prefix, exact := prefixOf(first.t, v)
	for i := range out {
		row := from + i
		if v.Valid != nil && !v.Valid.Get(row) {
			// NULLs wait at the end of out.
			nulls++
			out[len(out)-nulls] = int32(row)
			continue
		}
		k := prefix(row)
		if first.desc {
			k = ^k
		}
		pairs = append(pairs, sortPair{k, int32(row)})
	}
	null := append([]int32(nil), out[len(out)-nulls:]...)
	slices.Reverse(null)
	scratch = radixSort(pairs, scratch)
	rest, restKeys := o, keys
	if exact {
		rest, restKeys = o[1:], keys[1:]
	}
	if len(rest) > 0 {
		for i := 0; i < len(pairs); {
			j := i + 1
			for j < len(pairs) && pairs[j].key == pairs[i].key {
				j++
			}
			if j > i+1 {
				slices.SortFunc(pairs[i:j], func(a, b sortPair) int {
					if c := rest.rows(restKeys, int(a.row), restKeys, int(b.row)); c != 0 {
						return c
					}
					return cmp.Compare(a.row, b.row)
				})
			}
			i = j
		}
	}
	if len(o) > 1 {
		slices.SortFunc(null, func(a, b int32) int {
			if c := o[1:].rows(keys[1:], int(a), keys[1:], int(b)); c != 0 {
				return c
			}
			return cmp.Compare(a, b)
		})
	}
	at := 0
	if first.nullsFirst {
		at = copy(out, null)
	}
	for _, p := range pairs {
		out[at] = p.row
		at++
	}
	if !first.nullsFirst {
		copy(out[at:], null)
	}
	return scratch
}

// prefixOf returns the function that maps values of v to integers of the same
// order; exact when equal integers mean equal values.
func prefixOf(t types.Type, v *vector.Vec) (prefix func(row int) uint64, exact bool) {
	const sign = 1 << 63
	switch t.Layout() {
	case types.LayoutBool:
		vals := v.Bools()
		return func(i int) uint64 { return uint64(vals[i]) }, true
	case types.LayoutInt16:
		vals := v.Int16s()
		return func(i int) uint64 { return uint64(vals[i]) ^ sign }, true
	case types.LayoutInt32:
		vals := v.Int32s()
		if kernel.Unsigned(t) {
			return func(i int) uint64 { return uint64(uint32(vals[i])) }, true
		}
		return func(i int) uint64 { return uint64(vals[i]) ^ sign }, true
	case types.LayoutInt64:
		vals := v.Int64s()
		return func(i int) uint64 { return uint64(vals[i]) ^ sign }, true
	case types.LayoutFloat32:
		vals := v.Float32s()
		return func(i int) uint64 { return floatPrefix(float64(vals[i])) }, true
	case types.LayoutFloat64:
		vals := v.Float64s()
		return func(i int) uint64 { return floatPrefix(vals[i]) }, true
	case types.LayoutNumeric:
		if v.Scaled {
			vals := v.Int64s()
			return func(i int) uint64 { return uint64(vals[i]) ^ sign }, true
		}
	case types.LayoutBytes:
		if bytewise(t.OID) {
			return func(i int) uint64 { return bytesPrefix(v.Bytes(i)) }, false
		}
	}
	return func(int) uint64 { return 0 }, false
}

// bytewise reports whether values of a type are ordered by their bytes.
func bytewise(oid types.OID) bool {
	switch oid {
	case types.Text, types.VarChar, types.Bytea, types.Name:
		return true
	}
	return false
}

// floatPrefix orders NaN above everything and -0 as 0.
func floatPrefix(x float64) uint64 {
	switch {
	case x != x:
		return math.MaxUint64
	case x == 0:
		x = 0
	}
	b := math.Float64bits(x)
	if x == 0 {
		b = 0
	}
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

// bytesPrefix returns the first 8 bytes as a number, padded with zeros.
func bytesPrefix(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var w [8]byte
	copy(w[:], b)
	return binary.BigEndian.Uint64(w[:])
}

// radixSort sorts pairs by key, keeping the order of equal keys. It returns
// scratch for the next call.
func radixSort(pairs, scratch []sortPair) []sortPair {
	n := len(pairs)
	if n < 200 {
		slices.SortFunc(pairs, func(a, b sortPair) int {
			if c := cmp.Compare(a.key, b.key); c != 0 {
				return c
			}
			return cmp.Compare(a.row, b.row)
		})
		return scratch
	}
	if cap(scratch) < n {
		scratch = make([]sortPair, n)
	}
	src, dst := pairs, scratch[:n]
	var counts [8][256]int32
	for i := range src {
		k := src[i].key
		for d := range counts {
			counts[d][byte(k>>(8*d))]++
		}
	}
	for d := range counts {
		c := &counts[d]
		if c[byte(src[0].key>>(8*d))] == int32(n) {
			continue // the digit is the same everywhere
		}
		sum := int32(0)
		for i := range c {
			c[i], sum = sum, sum+c[i]
		}
		for _, p := range src {
			b := byte(p.key >> (8 * d))
			dst[c[b]] = p
			c[b]++
		}
		src, dst = dst, src
	}
	if &src[0] != &pairs[0] {
		copy(pairs, src)
	}
	return scratch
}
