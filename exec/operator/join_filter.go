package operator

import (
	"math/bits"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

const (
	// maxFilterValues is the largest set of values that is given one by one.
	maxFilterValues = 10_000
	// maxFilterRows is the largest build side that gets a Bloom filter: above,
	// the filter is larger than the cache and most rows have a match anyway.
	maxFilterRows = 8 << 20
	// maxFilterBits bounds the bits of an integer set: 4 MB.
	maxFilterBits = 32 << 20
	// minFilterBits is the range of integers that gets a set of bits however few
	// they are: 256 KB stay in a core's cache, and unlike a Bloom filter the set lets
	// no other value pass.
	minFilterBits = 2 << 20
	// maxRemoteValues is the largest set of integers that another server may be
	// asked with.
	maxRemoteValues = 100_000
)

// publishedKey is a key of the build side, or with a negative key a column, whose
// values go to scans.
type publishedKey struct {
	key, column int
	filter      *connector.DynamicFilter
}

// publish tells the scans of the probe side which values of the keys exist.
func (j *join) publish() error {
	for _, p := range j.published {
		column, nullSafe := p.column, false
		if p.key >= 0 {
			column, nullSafe = j.keys.column[p.key], j.keys.safe(p.key)
		}
		d, err := j.table.domain(column, nullSafe, p.filter.Remote())
		if err != nil {
			return err
		}
		p.filter.Publish(d)
	}
	return nil
}

// spilledBloom is the size of the filter of a build side that goes to disk, in
// bytes and keys: 4 MB, or what 32 of fit into the query's memory.
func (j *join) spilledBloom() int {
	n := int64(4 << 20)
	if limit := j.q.env.Account.Limit(); limit > 0 {
		n = max(min(n, limit/32), 64<<10)
	}
	return int(n)
}

// spilledKey is what is known of a published key of rows that are on disk.
type spilledKey struct {
	column int
	bloom  *connector.Bloom
}

// noteSpilled adds the published keys of rows that go to disk. It is called by
// several goroutines.
func (j *join) noteSpilled(store *columnStore) {
	if len(j.published) == 0 {
		return
	}
	j.mu.Lock()
	if j.blooms == nil {
		for _, p := range j.published {
			k := spilledKey{column: p.column}
			if p.key >= 0 {
				k.column = j.keys.column[p.key]
			}
			j.account.Overdraw(connector.BloomBytes(j.spilledBloom()))
			k.bloom = connector.NewBloom(j.spilledBloom())
			j.blooms = append(j.blooms, k)
		}
	}
	j.mu.Unlock()
	var hash [vector.BatchSize]uint64
	for _, k := range j.blooms {
		v := store.vec(k.column)
		for from := 0; from < store.rows; from += vector.BatchSize {
			to := min(from+vector.BatchSize, store.rows)
			part := v.Slice(from, to)
			kernel.Hash(hash[:], part, to-from, false)
			for i, h := range hash[:to-from] {
				if part.Valid == nil || part.Valid.Get(i) {
					k.bloom.AddShared(h)
				}
			}
		}
	}
}

// publishSpilled is publish for a build side on disk.
func (j *join) publishSpilled() {
	for i, p := range j.published {
		var d *connector.Domain
		if i < len(j.blooms) && j.disk.rows <= int64(2*j.spilledBloom()) {
			d = &connector.Domain{Type: j.keys.types[j.blooms[i].column], Nulls: p.key >= 0 && j.keys.safe(p.key), Bloom: j.blooms[i].bloom}
		}
		p.filter.Publish(d)
	}
}

// domain returns the values of a column of the store; nulls says whether NULL is
// one, remote whether another server is asked with them.
func (j *joinTable) domain(column int, nulls, remote bool) (*connector.Domain, error) {
	if j.store.rows == 0 {
		return &connector.Domain{Type: j.keys.types[column], Empty: true}, nil
	}
	v, n := j.store.vec(column), j.store.rows
	d := &connector.Domain{Type: v.Type}
	var rows []int32 // nil for all
	if count := v.NullCount(n); count > 0 {
		d.Nulls = nulls
		if count == n {
			d.Empty = true
			return d, nil
		}
		if err := j.mem.take(int64(n) * 4); err != nil {
			return nil, err
		}
		rows = kernel.KeepValid(vector.Identity(nil, n), v.Valid)
		defer j.mem.give(int64(n) * 4)
	}
	if connector.Bounded(v.Type) {
		if err := j.bound(d, v, rows, n, remote); err != nil {
			return nil, err
		}
	}
	if d.Bits != nil || n > maxFilterRows {
		return d, nil
	}
	return d, j.bloom(d, v, rows, n)
}

// bound finds bounds and, when they are few or lie close together (which matters
// less when they are to be sent), the values themselves among rows (nil: the first
// n) of v.
func (j *joinTable) bound(d *connector.Domain, v *vector.Vec, rows []int32, n int, remote bool) error {
	if rows != nil {
		n = len(rows)
	}
	at := func(i int) int {
		if rows != nil {
			return int(rows[i])
		}
		return i
	}
	switch v.Type.Layout() {
	case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
		var low, high int64
		switch v.Type.Layout() {
		case types.LayoutInt16:
			low, high = bounds(v.Int16s(), rows, n)
		case types.LayoutInt32:
			low, high = bounds(v.Int32s(), rows, n)
		default:
			low, high = bounds(v.Int64s(), rows, n)
		}
		d.Min, d.Max, d.HasMin, d.HasMax = types.IntDatum(low), types.IntDatum(high), true, true
		dense := uint64(max(32*n, minFilterBits))
		if remote && n <= maxRemoteValues {
			dense = maxFilterBits
		}
		if width := uint64(high) - uint64(low); width < maxFilterBits && width < dense {
			size := int(width) + 1
			if err := j.mem.take(int64(size/64+1) * 8); err != nil {
				return err
			}
			d.Bits = make(vector.Bitmap, size/64+1)
			switch v.Type.Layout() {
			case types.LayoutInt16:
				setBits(d.Bits, v.Int16s(), rows, n, low)
			case types.LayoutInt32:
				setBits(d.Bits, v.Int32s(), rows, n, low)
			default:
				setBits(d.Bits, v.Int64s(), rows, n, low)
			}
			if count := d.Bits.Count(size); count <= maxFilterValues {
				return j.bitValues(d, count)
			}
			return nil
		}
	default:
		compare := kernel.CompareFunc(v.Type)
		low, high := at(0), at(0)
		for i := 1; i < n; i++ {
			r := at(i)
			if compare(v, r, v, low) < 0 {
				low = r
			} else if compare(v, r, v, high) > 0 {
				high = r
			}
		}
		d.Min, d.Max, d.HasMin, d.HasMax = kept(v.Datum(low)), kept(v.Datum(high)), true, true
	}
	if n > 4*maxFilterValues {
		return nil
	}
	if err := j.mem.take(int64(n) * datumBytes); err != nil {
		return err
	}
	values := make([]types.Datum, n)
	for i := range values {
		values[i] = v.Datum(at(i))
	}
	order := func(a, b types.Datum) int { return types.Compare(v.Type, a, b) }
	slices.SortFunc(values, order)
	values = slices.CompactFunc(values, func(a, b types.Datum) bool { return order(a, b) == 0 })
	if len(values) > maxFilterValues {
		j.mem.give(int64(n) * datumBytes)
		return nil
	}
	size := int64(0)
	for _, x := range values {
		size += int64(len(x.S))
	}
	if err := j.mem.take(size); err != nil {
		return err
	}
	d.Values = make([]types.Datum, len(values))
	for i, x := range values {
		d.Values[i] = kept(x)
	}
	j.mem.give(int64(n-len(values)) * datumBytes)
	return nil
}

// datumBytes is the size of a types.Datum without its string.
const datumBytes = 40

// kept returns d with a string of its own: that of a vector's datum lives in the
// vector.
func kept(d types.Datum) types.Datum {
	d.S = string([]byte(d.S))
	return d
}

// bounds returns the least and the greatest of the rows (nil: the first n).
func bounds[T int16 | int32 | int64](vals []T, rows []int32, n int) (low, high int64) {
	if rows == nil {
		a, b := vals[0], vals[0]
		for _, x := range vals[:n] {
			a, b = min(a, x), max(b, x)
		}
		return int64(a), int64(b)
	}
	a, b := vals[rows[0]], vals[rows[0]]
	for _, r := range rows {
		a, b = min(a, vals[r]), max(b, vals[r])
	}
	return int64(a), int64(b)
}

// setBits marks the values of the rows (nil: the first n), from low on.
func setBits[T int16 | int32 | int64](set vector.Bitmap, vals []T, rows []int32, n int, low int64) {
	if rows == nil {
		for _, x := range vals[:n] {
			set.Set(int(int64(x) - low))
		}
		return
	}
	for _, r := range rows {
		set.Set(int(int64(vals[r]) - low))
	}
}

// bitValues lists the count bits that are set.
func (j *joinTable) bitValues(d *connector.Domain, count int) error {
	if err := j.mem.take(int64(count) * datumBytes); err != nil {
		return err
	}
	d.Values = make([]types.Datum, 0, count)
	for i, word := range d.Bits {
		for ; word != 0; word &= word - 1 {
			d.Values = append(d.Values, types.IntDatum(d.Min.I+int64(i<<6+bits.TrailingZeros64(word))))
		}
	}
	return nil
}

// bloom adds a Bloom filter over the rows (nil: the first n) of v.
func (j *joinTable) bloom(d *connector.Domain, v *vector.Vec, rows []int32, n int) error {
	size := n
	if rows != nil {
		size = len(rows)
	}
	if err := j.mem.take(connector.BloomBytes(size)); err != nil {
		return err
	}
	d.Bloom = connector.NewBloom(size)
	var hash [vector.BatchSize]uint64
	for from := 0; from < n; from += vector.BatchSize {
		if j.q.stopped.Load() {
			return nil
		}
		to := min(from+vector.BatchSize, n)
		part := v.Slice(from, to)
		kernel.Hash(hash[:], part, to-from, false)
		for i, h := range hash[:to-from] {
			if rows == nil || !part.IsNull(i) {
				d.Bloom.Add(h)
			}
		}
	}
	return nil
}
