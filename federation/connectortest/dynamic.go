package connectortest

import (
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// domainOf returns a domain with exactly the given values.
func domainOf(t types.Type, values []types.Datum, nulls, list bool) *connector.Domain {
	d := &connector.Domain{Type: t, Nulls: nulls, Empty: len(values) == 0}
	if d.Empty {
		return d
	}
	order := func(a, b types.Datum) int { return types.Compare(t, a, b) }
	values = slices.Clone(values)
	slices.SortFunc(values, order)
	values = slices.CompactFunc(values, func(a, b types.Datum) bool { return order(a, b) == 0 })
	d.Bloom = connector.NewBloom(len(values))
	hash := make([]uint64, len(values))
	kernel.Hash(hash, vector.FromDatums(t, values), len(values), false)
	for _, h := range hash {
		d.Bloom.Add(h)
	}
	if connector.Bounded(t) {
		d.Min, d.Max, d.HasMin, d.HasMax = values[0], values[len(values)-1], true, true
		if list {
			d.Values = values
		}
	}
	return d
}

// bitsOf returns a domain with the integers among values that lie close together
// as bits, nil for other types.
func bitsOf(t types.Type, values []types.Datum, nulls bool) *connector.Domain {
	switch t.OID {
	case types.Int2, types.Int4, types.Int8:
	default:
		return nil
	}
	near := slices.DeleteFunc(slices.Clone(values), func(v types.Datum) bool { return v.I < -1000 || v.I > 1000 })
	if len(near) == 0 {
		return nil
	}
	d := domainOf(t, near, nulls, false)
	d.Bloom, d.Bits = nil, make(vector.Bitmap, (d.Max.I-d.Min.I)/64+1)
	for _, v := range near {
		d.Bits.Set(int(v.I - d.Min.I))
	}
	return d
}

// dynamic reads the table with dynamic filters of many shapes: every row that a
// filter keeps must come, and no other when the reader says so.
func (s *suite) dynamic(t *testing.T) {
	h := s.table(t, s.f.Types)
	cols := h.Columns()
	all := s.read(t, h, vector.BatchSize)
	for i, c := range cols {
		values := constants(c)
		if !types.Hashable(c.Type) || len(values) == 0 {
			continue
		}
		var domains []*connector.Domain
		for _, nulls := range []bool{false, true} {
			domains = append(domains, domainOf(c.Type, nil, nulls, true), domainOf(c.Type, values, nulls, true), domainOf(c.Type, values, nulls, false))
			for k := range values {
				domains = append(domains, domainOf(c.Type, values[k:k+1], nulls, true), domainOf(c.Type, values[k:], nulls, false))
			}
			if d := bitsOf(c.Type, values, nulls); d != nil {
				domains = append(domains, d)
			}
		}
		for _, d := range domains {
			f := connector.NewDynamicFilter(true)
			f.Publish(d)
			filters := []connector.ScanFilter{connector.NewScanFilter(i, f)}
			rows, applied := s.readFiltered(t, h, 3, filters)
			got := keys(cols, rows)
			var want [][]types.Datum
			for _, r := range all {
				if d.May(r[i], func() uint64 {
					var hash [1]uint64
					kernel.Hash(hash[:], vector.FromDatums(c.Type, r[i:i+1]), 1, false)
					return hash[0]
				}) {
					want = append(want, r)
				}
			}
			wanted := keys(cols, want)
			if applied[0] && !slices.Equal(got, wanted) {
				t.Errorf("column %s: %d rows, want exactly %d (%d values, NULL %v)", c.Name, len(got), len(wanted), len(d.Values), d.Nulls)
			}
			for _, k := range wanted {
				at, found := slices.BinarySearch(got, k)
				if !found {
					t.Errorf("column %s: a row is missing (%d values, NULL %v): %s", c.Name, len(d.Values), d.Nulls, k)
					break
				}
				got = slices.Delete(got, at, at+1)
			}
		}
	}
	// Below a limit a filter must not change which rows are counted.
	if p, ok := s.source.(connector.LimitPusher); ok {
		limited, ok := p.PushLimit(h, 2)
		if !ok {
			return
		}
		f := connector.NewDynamicFilter(true)
		f.Publish(&connector.Domain{Type: cols[0].Type, Empty: true})
		plain := keys(cols, s.read(t, limited, 3))
		filtered, applied := s.readFiltered(t, limited, 3, []connector.ScanFilter{connector.NewScanFilter(0, f)})
		if got := keys(cols, filtered); !applied[0] && len(got) != len(plain) {
			t.Errorf("a dynamic filter below a limit: %d rows, want %d", len(got), len(plain))
		}
	}
}
