package connector

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// ScanFilter is a dynamic filter on one column of a scan: rows of the scan whose
// value in the column is not in the filter's Domain cannot reach the result, so
// a reader may drop them. It never has to: everything that the filter follows
// from is evaluated again above the scan.
//
// A filter is only planned for a column that the reader delivers as it is in the
// source and that no policy masks.
type ScanFilter struct {
	// Column is an index into the Columns of the handle. Its type is that of the
	// domain, or another integer width, or another of text, varchar and name.
	Column int
	Filter *DynamicFilter
	// Distinct is how many values the column is expected to have, 0 when nothing
	// is known: a filter that has most of them drops few rows.
	Distinct float64
	counts   *filterCounts
}

// filterCounts are the rows of one scan that were tested against a filter.
type filterCounts struct{ passed, dropped atomic.Int64 }

// NewScanFilter returns f as a filter on a column of one scan.
func NewScanFilter(column int, f *DynamicFilter) ScanFilter {
	return ScanFilter{Column: column, Filter: f, counts: &filterCounts{}}
}

// Note counts rows of the scan that were tested against the filter, for EXPLAIN
// ANALYZE. Readers that skip rows unread count them as dropped where the number
// is known.
func (f ScanFilter) Note(passed, dropped int64) {
	if f.counts != nil {
		f.counts.passed.Add(passed)
		f.counts.dropped.Add(dropped)
	}
}

// Counts returns the sums of Note.
func (f ScanFilter) Counts() (passed, dropped int64) {
	if f.counts == nil {
		return 0, 0
	}
	return f.counts.passed.Load(), f.counts.dropped.Load()
}

// DynamicFilter is knowledge about the values of a column that is found while
// the query runs: the keys of the build side of a join, the worst row of a
// top-N. It starts unknown, becomes known and may get narrower, never wider. All
// methods may be called concurrently.
type DynamicFilter struct {
	domain  atomic.Pointer[Domain]
	awaited bool
	remote  bool
	once    sync.Once
	ready   chan struct{}
}

// NewDynamicFilter returns a filter that nothing is known about. awaited says
// that it becomes ready once and for all after a time, so that it can pay to
// wait; otherwise it is ready at once (and narrows while its own scan is read).
func NewDynamicFilter(awaited bool) *DynamicFilter {
	f := &DynamicFilter{awaited: awaited, ready: make(chan struct{})}
	if !awaited {
		close(f.ready)
	}
	return f
}

// ForRemote says that a scan of another server has the filter: a set of keys is
// worth more there than its hashes, which cannot be sent. It is called before the
// query runs.
func (f *DynamicFilter) ForRemote() { f.remote = true }

// Remote reports whether ForRemote was called.
func (f *DynamicFilter) Remote() bool { return f.remote }

// Domain returns what is known, nil when that is nothing. It is immutable; a
// reader that looks again (before a row group, a page, a batch) may find another
// one, which is narrower.
func (f *DynamicFilter) Domain() *Domain { return f.domain.Load() }

// Ready is closed when the first domain has been published or will never come.
func (f *DynamicFilter) Ready() <-chan struct{} { return f.ready }

// Publish makes d the domain; d must be contained in what was published before
// and is not changed afterwards. nil says that nothing will be known.
func (f *DynamicFilter) Publish(d *Domain) {
	if d != nil {
		f.domain.Store(d)
	}
	if f.awaited {
		f.once.Do(func() { close(f.ready) })
	}
}

// Domain is a set of values that contains all that matter. Every part that is
// given holds: a value is in the domain when it passes all of them.
type Domain struct {
	// Type is the type of the values.
	Type types.Type
	// Nulls says whether rows that are NULL matter.
	Nulls bool
	// Empty says that no value matters: with Nulls false no row does, and a
	// reader may end at once.
	Empty bool
	// Min and Max, when HasMin and HasMax, are inclusive bounds in the order of
	// types.Compare (text by bytes, NaN greatest).
	Min, Max       types.Datum
	HasMin, HasMax bool
	// Values, when not nil, are all values: distinct, ascending, none NULL. They
	// are given up to some thousands.
	Values []types.Datum
	// Bits, when not nil, is for integer layouts with Min and Max: bit i is set
	// when Min+i is a value. It is exact.
	Bits vector.Bitmap
	// Bloom, when not nil, holds the hashes of all values.
	Bloom *Bloom
}

// Bounded reports whether values of t are given as bounds and sets; of other
// types a Domain has at most a Bloom filter. The order and equality of bounded
// types is simple enough for every consumer to follow: char(n) with its blanks,
// intervals of equal length and composite values are not among them.
func Bounded(t types.Type) bool {
	switch t.OID {
	case types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric,
		types.Date, types.Timestamp, types.TimestampTZ, types.Time, types.UUID,
		types.Text, types.VarChar, types.Name, types.Bytea:
		return true
	}
	return false
}

// None reports whether no row matters.
func (d *Domain) None() bool { return d.Empty && !d.Nulls }

// Overlaps reports whether a set of rows may hold one that matters. Of the set
// is known that its values lie between low and high, bounds included (ok false:
// that is not known), and whether it may hold NULLs. It is the test for the
// statistics of a row group, a page or a file.
func (d *Domain) Overlaps(low, high types.Datum, ok, nulls bool) bool {
	if nulls && d.Nulls {
		return true
	}
	if d.Empty {
		return false
	}
	if !ok || !Bounded(d.Type) {
		return true
	}
	if d.HasMin && types.Compare(d.Type, high, d.Min) < 0 {
		// Statistics leave NaN out, which is above every bound.
		return d.mayBeNaN()
	}
	if d.HasMax && types.Compare(d.Type, low, d.Max) > 0 {
		return d.mayBeNaN()
	}
	if d.Values != nil {
		at := sort.Search(len(d.Values), func(i int) bool { return types.Compare(d.Type, d.Values[i], low) >= 0 })
		if at == len(d.Values) || types.Compare(d.Type, d.Values[at], high) > 0 {
			return d.mayBeNaN()
		}
	}
	if d.Bits != nil {
		from, to := max(low.I, d.Min.I)-d.Min.I, min(high.I, d.Max.I)-d.Min.I
		return anySet(d.Bits, int(from), int(to)+1)
	}
	return true
}

// mayBeNaN reports whether a value of the domain may be NaN.
func (d *Domain) mayBeNaN() bool {
	switch d.Type.OID {
	case types.Float4, types.Float8:
		return !d.HasMax || d.Max.Float() != d.Max.Float()
	case types.Numeric:
		return !d.HasMax || types.Compare(d.Type, d.Max, types.TextDatum(numericNaN)) >= 0
	}
	return false
}

// numericNaN is NaN in the binary form of numeric.
const numericNaN = "\x00\x00\x00\x00\xc0\x00\x00\x00"

// anySet reports whether one of the bits [from, to) is set.
func anySet(b vector.Bitmap, from, to int) bool {
	for from < to && from&63 != 0 {
		if b.Get(from) {
			return true
		}
		from++
	}
	for ; from+64 <= to; from += 64 {
		if b[from>>6] != 0 {
			return true
		}
	}
	for ; from < to; from++ {
		if b.Get(from) {
			return true
		}
	}
	return false
}

// May reports whether the row value v, NULL or not, may matter; hash is that of
// exec/kernel.Hash and only asked for when there is a Bloom filter. It is for
// tests of single values, a dictionary's say; exec/kernel.DomainFilter tests
// batches.
func (d *Domain) May(v types.Datum, hash func() uint64) bool {
	switch {
	case v.Null:
		return d.Nulls
	case d.Empty:
		return false
	case d.HasMin && types.Compare(d.Type, v, d.Min) < 0 || d.HasMax && types.Compare(d.Type, v, d.Max) > 0:
		return false
	case d.Bits != nil:
		return d.Bits.Get(int(v.I - d.Min.I))
	case d.Values != nil:
		_, found := slices.BinarySearchFunc(d.Values, v, func(a, b types.Datum) int { return types.Compare(d.Type, a, b) })
		return found
	case d.Bloom != nil:
		return d.Bloom.Has(hash())
	}
	return true
}

// Bloom is a Bloom filter over 64-bit hashes: every key sets four bits in one
// word, so that a test is one load.
type Bloom struct {
	words []uint64
	shift uint
}

// BloomBytes is the size of a filter for n keys, for reserving it.
func BloomBytes(n int) int64 { return int64(bloomWords(n)) * 8 }

// smallBloom is how many words a filter may have to give each key one of its own:
// 128 KB, which stay in a core's cache.
const smallBloom = 16 << 10

// bloomWords is a power of two that gives each key 8 to 16 bits (2 in 100 others
// pass), and up to 64 or more while the filter is small (2 in 1000).
func bloomWords(n int) int {
	words := 1
	for words*8 < n || words < n && words < smallBloom {
		words *= 2
	}
	return words
}

// NewBloom returns a filter for about n keys.
func NewBloom(n int) *Bloom {
	words := bloomWords(n)
	b := &Bloom{words: make([]uint64, words), shift: 64}
	for ; words > 1; words /= 2 {
		b.shift--
	}
	return b
}

// bloomMask returns the four bits of a hash. The word is chosen by its upper
// bits.
func bloomMask(h uint64) uint64 {
	return 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
}

// Add adds a key. It must not run beside other calls.
func (b *Bloom) Add(h uint64) { b.words[h>>b.shift&uint64(len(b.words)-1)] |= bloomMask(h) }

// AddShared adds a key; it may run beside other calls of AddShared.
func (b *Bloom) AddShared(h uint64) {
	atomic.OrUint64(&b.words[h>>b.shift&uint64(len(b.words)-1)], bloomMask(h))
}

// Has reports whether a key may have been added; false is certain.
func (b *Bloom) Has(h uint64) bool {
	m := bloomMask(h)
	return b.words[h>>b.shift&uint64(len(b.words)-1)]&m == m
}

// Select keeps in rows those of which hash[i] may have been added: hash[i]
// belongs to rows[i]. It returns the number kept.
func (b *Bloom) Select(rows []int32, hash []uint64) int {
	k, words, shift := 0, b.words, b.shift
	last := uint64(len(words) - 1)
	for i, h := range hash[:len(rows)] {
		m := bloomMask(h)
		r := rows[i]
		rows[k] = r
		if words[h>>shift&last]&m == m {
			k++
		}
	}
	return k
}

// FilteringReader is a reader that applies dynamic filters itself.
type FilteringReader interface {
	Reader
	// Filters reports whether the reader drops every row that filter i of the
	// ScanOptions drops (by its domain at about that time), so that the executor
	// need not test rows again. It is asked between calls of Next.
	Filters(i int) bool
}
