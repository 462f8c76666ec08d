package operator

import (
	"cmp"
	"math/bits"
	"slices"
	"sync/atomic"

	"github.com/hubsql/hubsql/exec/vector"
)

const (
	// tieRows is up to how many rows that a word does not tell apart are put in
	// order by comparison.
	tieRows = 12
	// radixRows is from how many rows a radix sort pays.
	radixRows = 256
	// sortCost is what sorting needs for each row, in bytes: words and rows,
	// twice, and the order.
	sortCost = 36
)

// sortPair is a row with its packed key.
type sortPair struct {
	key uint64
	row int32
}

// tieGroup is a range of positions whose rows agree in the keys before byte off
// of key.
type tieGroup struct{ from, to, key, off int }

// rowSorter sorts row numbers. It is scratch for one goroutine.
type rowSorter struct {
	o     ordering
	keys  []*vector.Vec
	stop  *atomic.Bool
	word  []uint64
	word2 []uint64
	pairs []sortPair
	other []sortPair
	todo  []tieGroup
}

// sortRows returns the rows 0..n-1 in order; keys are the Flat columns of the
// ordering. The sort is stable. It ends early, with an undefined result, when
// stop is set.
func (o ordering) sortRows(keys []*vector.Vec, n int, stop *atomic.Bool) []int32 {
	s := rowSorter{o: o, keys: keys, stop: stop}
	return s.sort(n)
}

// sort returns the rows 0..n-1 in order: by words that pack as many keys as they
// can, then those that are equal there by words of what follows.
func (s *rowSorter) sort(n int) []int32 {
	out := vector.Identity(nil, n)
	if len(s.o) == 0 || n < 2 {
		return out
	}
	s.todo = append(s.todo[:0], tieGroup{0, n, 0, 0})
	for first := true; len(s.todo) > 0 && !s.stop.Load(); first = false {
		g := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		rows := out[g.from:g.to]
		if len(rows) <= tieRows {
			s.byComparison(rows, g.key)
			continue
		}
		listed := rows
		if first {
			listed = nil // they are all rows in their order
		}
		s.group(rows, listed, g)
	}
	return out
}

// byComparison sorts rows that agree in the keys before key.
func (s *rowSorter) byComparison(rows []int32, key int) {
	o, keys := s.o[key:], s.keys[key:]
	if len(rows) <= tieRows {
		for i := 1; i < len(rows); i++ {
			r := rows[i]
			k := i
			for k > 0 && o.rows(keys, int(rows[k-1]), keys, int(r)) > 0 {
				rows[k] = rows[k-1]
				k--
			}
			rows[k] = r
		}
		return
	}
	slices.SortFunc(rows, func(a, b int32) int {
		if c := o.rows(keys, int(a), keys, int(b)); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
}

// group sorts the rows of g by one word and notes what the word leaves open.
// listed are the rows, nil when they are 0..n-1.
func (s *rowSorter) group(rows, listed []int32, g tieGroup) {
	n := len(rows)
	s.grow(n)
	plan := planKeys(s.o, g.key, g.off, func(key, off int) keyRange {
		return rangeOfKey(s.keys[key], listed, n, off, s.word2[:min(n, 1<<14)])
	})
	if plan.stuck {
		s.byComparison(rows, g.key)
		return
	}
	word := s.word[:n]
	plan.words(word, s.word2[:n], s.keys, listed)
	open := plan.next < len(s.o)
	rowBits := uint(bits.Len(uint(n - 1)))
	if plan.bits+rowBits <= 64 {
		// Word and position fit together.
		for i, w := range word {
			word[i] = w<<rowBits | uint64(i)
		}
		word = radixWords(word, s.word2[:n], rowBits, plan.bits)
		mask := uint64(1)<<rowBits - 1
		if listed == nil {
			for i, w := range word {
				rows[i] = int32(w & mask)
			}
		} else {
			old := s.rowsOf(listed)
			for i, w := range word {
				rows[i] = old[w&mask].row
			}
		}
		if open {
			s.ties(g.from, n, func(i int) bool { return word[i]>>rowBits == word[i-1]>>rowBits }, plan)
		}
		return
	}
	pairs := s.pairs[:0]
	for i, w := range word {
		pairs = append(pairs, sortPair{w, int32(rowAt(listed, 0, i))})
	}
	if cap(s.other) < n {
		s.other = make([]sortPair, n)
	}
	s.pairs = pairs
	pairs = radixPairs(pairs, s.other[:n], plan.bits)
	for i := range pairs {
		rows[i] = pairs[i].row
	}
	if open {
		s.ties(g.from, n, func(i int) bool { return pairs[i].key == pairs[i-1].key }, plan)
	}
}

// rowsOf copies rows to where they are not overwritten.
func (s *rowSorter) rowsOf(rows []int32) []sortPair {
	s.pairs = s.pairs[:0]
	for _, r := range rows {
		s.pairs = append(s.pairs, sortPair{row: r})
	}
	return s.pairs
}

// ties notes the ranges of positions that the plan leaves open. same reports
// whether position i has the word of the one before.
func (s *rowSorter) ties(base, n int, same func(i int) bool, plan keyPlan) {
	for i := 1; i < n; i++ {
		if !same(i) {
			continue
		}
		from := i - 1
		for i < n && same(i) {
			i++
		}
		s.todo = append(s.todo, tieGroup{base + from, base + i, plan.next, plan.off})
	}
}

// grow makes the scratch fit n rows.
func (s *rowSorter) grow(n int) {
	if cap(s.word) < n {
		s.word, s.word2 = make([]uint64, n), make([]uint64, n)
	}
}

// digits returns how many bits a pass of a radix sort takes, and how many passes
// there are.
func digits(width uint) (size, passes uint) {
	passes = (width + 10) / 11
	if passes == 0 {
		return 0, 0
	}
	return (width + passes - 1) / passes, passes
}

// radixWords sorts words by the width bits above the lowest skip, which hold the
// position. The result is in one of the two slices.
func radixWords(words, other []uint64, skip, width uint) []uint64 {
	n := len(words)
	if n < radixRows {
		slices.Sort(words)
		return words
	}
	size, passes := digits(width)
	var counts [1 << 11]int32
	mask := uint64(1)<<size - 1
	for p := range passes {
		shift := skip + p*size
		c := counts[:1<<size]
		clear(c)
		for _, w := range words {
			c[w>>shift&mask]++
		}
		if c[words[0]>>shift&mask] == int32(n) {
			continue
		}
		sum := int32(0)
		for i, k := range c {
			c[i], sum = sum, sum+k
		}
		for _, w := range words {
			k := &c[w>>shift&mask]
			other[*k] = w
			*k++
		}
		words, other = other, words
	}
	return words
}

// radixPairs sorts pairs by the lowest width bits of their keys and keeps the
// order of equal keys. The result is in one of the two slices.
func radixPairs(pairs, other []sortPair, width uint) []sortPair {
	n := len(pairs)
	if n < radixRows {
		slices.SortStableFunc(pairs, func(a, b sortPair) int { return cmp.Compare(a.key, b.key) })
		return pairs
	}
	size, passes := digits(width)
	var counts [1 << 11]int32
	mask := uint64(1)<<size - 1
	for p := range passes {
		shift := p * size
		c := counts[:1<<size]
		clear(c)
		for i := range pairs {
			c[pairs[i].key>>shift&mask]++
		}
		if c[pairs[0].key>>shift&mask] == int32(n) {
			continue
		}
		sum := int32(0)
		for i, k := range c {
			c[i], sum = sum, sum+k
		}
		for _, x := range pairs {
			k := &c[x.key>>shift&mask]
			other[*k] = x
			*k++
		}
		pairs, other = other, pairs
	}
	return pairs
}
