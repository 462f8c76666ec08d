package operator

import (
	"math"
	"math/bits"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// rangeBlock is how many positions of a rangeIndex share one entry of its trees.
const rangeBlock = 32

// rangeIndex finds the rows of a build side that the inequalities of a nested
// loop admit. The rows are ordered by the value that most of the inequalities
// bound: what these admit is one range. For each of the others a tree over
// blocks of the order holds the largest or least value, so that blocks without a
// row to offer are skipped. What it finds is a superset: the condition is
// evaluated for every pair.
type rangeIndex struct {
	order []int32  // rows, by the ordinal of the first value
	first []uint64 // these ordinals
	// bounds[k] says where inequality k stands: it bounds the order when its trees
	// are nil.
	bounds []rangeBound
	leaves int // of each tree, a power of two
}

// rangeBound is one inequality: value >= limit when above is set, else value <=
// limit.
type rangeBound struct {
	above  bool
	column int
	vals   []uint64 // ordinals by position
	tree   []uint64 // the largest of vals when above, else the least
}

// addRanges lets the rows of a build side be stored with the right sides of
// inequalities.
func (j *joinKeys) addRanges(list []physical.RangeCond) {
	for _, c := range list {
		at := len(j.types)
		if x, ok := c.Right.(*expr.Column); ok {
			at = int(x.ID)
		} else {
			j.types = append(j.types, c.Right.Type())
			j.bounds = append(j.bounds, c.Right)
		}
		j.ranges = append(j.ranges, rangeBound{above: c.Above, column: at})
	}
}

// rangeValues adds the right sides of inequalities to the columns of a row. An
// error is one of the condition, which it may never be asked for: then the rows
// are found without the index.
func (r *joinRows) rangeValues(b *vector.Batch) {
	for _, p := range r.bounds {
		v, err := p.Eval(b)
		if err != nil {
			r.keys.rangesFail.Store(true)
			v = vector.NewNull(p.Type())
		}
		r.cols = append(r.cols, v)
	}
}

// buildRanges makes the index. Without memory for it, or for values that have no
// ordinals, there is none.
func (j *joinTable) buildRanges() {
	n := j.store.rows
	if n <= rangeBlock || j.keys.rangesFail.Load() {
		return
	}
	trees := int64(0)
	var keep vector.Bitmap
	for _, b := range j.keys.ranges {
		v := j.store.vec(b.column)
		if ordinalOf(v) == ordinalNone {
			return
		}
		if v.Valid != nil {
			keep = vector.And(keep, keep, v.Valid, n)
		}
		trees++
	}
	// The order while it is sorted takes two arrays of pairs.
	if j.mem.take(int64(n)*(32+12+9*trees)) != nil {
		return
	}
	x := &rangeIndex{bounds: make([]rangeBound, len(j.keys.ranges))}
	copy(x.bounds, j.keys.ranges)
	main := mostBounded(x.bounds)
	rows := vector.Identity(nil, n)
	if keep != nil {
		rows = kernel.KeepValid(rows, keep)
	}
	n = len(rows)
	if n > 0 {
		j.sortRanges(x, rows, main)
	}
	j.mem.give(int64(j.store.rows) * 32)
	j.ranges = x
}

// mostBounded returns the column that most inequalities bound.
func mostBounded(list []rangeBound) int {
	best, most := 0, 0
	for _, b := range list {
		n := 0
		for _, c := range list {
			if c.column == b.column {
				n++
			}
		}
		if n > most {
			best, most = b.column, n
		}
	}
	return best
}

// sortRanges orders rows by column main and makes the trees.
func (j *joinTable) sortRanges(x *rangeIndex, rows []int32, main int) {
	n := len(rows)
	words := make([]uint64, n)
	ordinals(words, j.store.vec(main), rows, 0, 0)
	pairs, other := make([]sortPair, n), make([]sortPair, n)
	for i, w := range words {
		pairs[i] = sortPair{key: w, row: rows[i]}
	}
	pairs = radixPairs(pairs, other, 64)
	for i, p := range pairs {
		words[i], rows[i] = p.key, p.row
	}
	x.first, x.order = words, rows
	x.leaves = 1 << bits.Len(uint((n-1)/rangeBlock))
	for k := range x.bounds {
		b := &x.bounds[k]
		if b.column == main || j.q.stopped.Load() {
			continue
		}
		b.vals = make([]uint64, n)
		ordinals(b.vals, j.store.vec(b.column), rows, 0, 0)
		b.plant(x.leaves)
	}
}

// plant makes the tree over the values.
func (b *rangeBound) plant(leaves int) {
	b.tree = make([]uint64, 2*leaves)
	if !b.above {
		for i := range b.tree {
			b.tree[i] = math.MaxUint64
		}
	}
	for i, v := range b.vals {
		at := leaves + i/rangeBlock
		if b.above {
			b.tree[at] = max(b.tree[at], v)
		} else {
			b.tree[at] = min(b.tree[at], v)
		}
	}
	for i := leaves - 1; i > 0; i-- {
		if b.above {
			b.tree[i] = max(b.tree[2*i], b.tree[2*i+1])
		} else {
			b.tree[i] = min(b.tree[2*i], b.tree[2*i+1])
		}
	}
}

// admits reports whether a value, or the best of many, is within a limit.
func (b *rangeBound) admits(v, limit uint64) bool {
	if b.above {
		return v >= limit
	}
	return v <= limit
}

// span returns the positions that the inequalities over the order admit, for the
// limits of one row.
func (x *rangeIndex) span(limits []uint64) (from, to int) {
	to = len(x.order)
	for k := range x.bounds {
		b := &x.bounds[k]
		switch {
		case b.tree != nil:
		case b.above:
			from = max(from, x.behind(limits[k], false))
		default:
			to = min(to, x.behind(limits[k], true))
		}
	}
	return from, to
}

// behind returns the first position whose ordinal is at least w, with over
// larger than w.
func (x *rangeIndex) behind(w uint64, over bool) int {
	lo, hi := 0, len(x.first)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if x.first[mid] < w || over && x.first[mid] == w {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// next returns the first position from at on, before end, that all limits admit,
// and one that is not before end when there is none.
func (x *rangeIndex) next(at, end int, limits []uint64) int {
	for at < end {
		if at%rangeBlock == 0 {
			if at = x.skip(at, limits); at >= end {
				break
			}
		}
		for stop := min(end, at-at%rangeBlock+rangeBlock); at < stop; at++ {
			ok := true
			for k := range x.bounds {
				if b := &x.bounds[k]; b.tree != nil && !b.admits(b.vals[at], limits[k]) {
					ok = false
					break
				}
			}
			if ok {
				return at
			}
		}
	}
	return at
}

// skip returns the start of the first block from position at on that may hold a
// row, or the end of all blocks.
func (x *rangeIndex) skip(at int, limits []uint64) int {
	node := x.leaves + at/rangeBlock
	for {
		if x.may(node, limits) {
			if node >= x.leaves {
				return (node - x.leaves) * rangeBlock
			}
			node *= 2
			continue
		}
		for node&1 == 1 {
			node >>= 1
		}
		if node == 0 {
			return x.leaves * rangeBlock
		}
		node++
	}
}

// may reports whether a row below a node of the trees may be admitted.
func (x *rangeIndex) may(node int, limits []uint64) bool {
	for k := range x.bounds {
		if b := &x.bounds[k]; b.tree != nil && !b.admits(b.tree[node], limits[k]) {
			return false
		}
	}
	return true
}

// rangeProbe is what a joinStream knows of its left batch.
type rangeProbe struct {
	programs []*eval.Program
	flat     []kernel.Scratch
	limits   [][]uint64 // by inequality and row
	never    []bool     // by row: a limit is NULL
	row      []uint64
	on       bool
	begun    bool // at and end are those of the row at hand
	at, end  int
}

// begin evaluates the left sides of the inequalities for b. Where that fails,
// all pairs are tested.
func (p *rangeProbe) begin(t *joinTable, b *vector.Batch, n int) {
	p.on, p.begun = false, false
	if t.ranges == nil {
		return
	}
	if p.limits == nil {
		p.limits, p.flat, p.row = make([][]uint64, len(p.programs)), make([]kernel.Scratch, len(p.programs)), make([]uint64, len(p.programs))
	}
	if cap(p.never) < n {
		p.never = make([]bool, n)
	}
	p.never = p.never[:n]
	clear(p.never)
	for k, program := range p.programs {
		v, err := program.Eval(b)
		if err != nil {
			return
		}
		v = p.flat[k].Flat(v, n)
		if cap(p.limits[k]) < n {
			p.limits[k] = make([]uint64, n)
		}
		p.limits[k] = p.limits[k][:n]
		if !limitOrdinals(p.limits[k], v, t.store.vec(t.ranges.bounds[k].column), t.ranges.bounds[k].above) {
			return
		}
		if v.Valid != nil || v.Kind == vector.Const && v.IsNull(0) {
			for i := range n {
				p.never[i] = p.never[i] || v.IsNull(i)
			}
		}
	}
	p.on = true
}

// limitOrdinals stores the ordinals of limits v of the values of a column s: not
// above the limits themselves when they bound from below, else not below them.
// It reports false when there are none.
func limitOrdinals(dst []uint64, v, s *vector.Vec, above bool) bool {
	if ordinalOf(v) == ordinalNone {
		return v.Kind == vector.Const && v.IsNull(0)
	}
	if v.Kind == vector.Const {
		ordinals(dst[:1], v, nil, 0, 0)
	} else {
		ordinals(dst, v, nil, 0, 0)
	}
	if v.Type.Layout() == types.LayoutNumeric && v.Scale != s.Scale {
		if v.Kind == vector.Const {
			rescaleLimits(dst[:1], int(s.Scale)-int(v.Scale), above)
		} else {
			rescaleLimits(dst, int(s.Scale)-int(v.Scale), above)
		}
	}
	if v.Kind == vector.Const {
		for i := range dst {
			dst[i] = dst[0]
		}
	}
	return true
}

// rescaleLimits multiplies the numbers whose ordinals dst holds by 10 to the power
// of digits, rounded away from what they admit no more.
func rescaleLimits(dst []uint64, digits int, above bool) {
	factor := int64(1)
	for range min(max(digits, -digits), 18) {
		factor *= 10
	}
	for i, w := range dst {
		x := int64(w ^ signBit)
		switch {
		case digits < 0:
			q, r := x/factor, x%factor
			switch {
			case above && r < 0:
				q--
			case !above && r > 0:
				q++
			}
			x = q
		case x > math.MaxInt64/factor:
			x = math.MaxInt64
		case x < math.MinInt64/factor:
			x = math.MinInt64
		default:
			x *= factor
		}
		dst[i] = uint64(x) ^ signBit
	}
}

// rangeWork is how many positions are looked at before the stop of a query is.
const rangeWork = 1 << 16

// rangePairs is pairs for a nested loop with inequalities.
func (s *joinStream) rangePairs(size int, one bool) {
	left, right := s.left[:0], s.right[:0]
	work := 0
	p, x := &s.ranges, s.table.ranges
	for s.at < s.n && len(left) < size && work < rangeWork {
		work++
		if !p.begun {
			p.begun, p.at, p.end = true, 0, 0
			if !p.never[s.at] && len(x.order) > 0 {
				for k := range p.limits {
					p.row[k] = p.limits[k][s.at]
				}
				p.at, p.end = x.span(p.row)
			}
		}
		if p.at < p.end && !(one && s.matched[s.at]) {
			from := p.at
			stop := min(p.end, from+rangeWork)
			p.at = x.next(from, stop, p.row)
			work += p.at - from
			if p.at >= stop && p.at < p.end {
				continue
			}
		}
		if p.at >= p.end || one && s.matched[s.at] {
			s.at++
			p.begun = false
			continue
		}
		left, right = append(left, int32(s.at)), append(right, x.order[p.at])
		p.at++
	}
	s.left, s.right = left, right
}
