package parquet

import (
	"context"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// The place of a row is the number of its file, and of the row within the file.
const rowBits = 40

// Locates implements connector.Locator.
func (s *source) Locates(h connector.TableHandle) bool {
	x := h.(*handle)
	return x.limit == 0 && !x.fixed
}

// Locate implements connector.Locator.
func (s *source) Locate(_ context.Context, h connector.TableHandle) (connector.TableHandle, error) {
	out := *h.(*handle)
	t, err := s.current(&out)
	if err != nil {
		return nil, err
	}
	out.table, out.pinned, out.located = t, true, true
	return &out, nil
}

// At implements connector.Locator.
func (s *source) At(h, located connector.TableHandle, places []int64) connector.TableHandle {
	out := *h.(*handle)
	out.table, out.pinned, out.fixed, out.rows, out.limit, out.checks = located.(*handle).table, true, true, int64(len(places)), 0, nil
	out.places = map[part][]rowRange{}
	out.queue = &partQueue{}
	for _, place := range places {
		p, row := out.table.partOf(place)
		ranges := out.places[p]
		if n := len(ranges); n == 0 {
			out.queue.parts = append(out.queue.parts, p)
		} else if last := &ranges[n-1]; last.from+last.rows == row {
			last.rows++
			continue
		}
		out.places[p] = append(ranges, rowRange{from: row, rows: 1})
	}
	return &out
}

// partOf returns the row group of a place as a part, and the row within it.
func (t *table) partOf(place int64) (part, int64) {
	file, row := int(place>>rowBits), place&(1<<rowBits-1)
	for g, x := range t.files[file].footer.groups {
		n := x.NumRows()
		if row < n {
			return part{file: file, group: g, rows: n}, row
		}
		row -= n
	}
	return part{}, 0 // a place is never beyond its file
}

// placeOf is the place of the first row of a row group.
func (t *table) placeOf(p part) int64 {
	place := int64(p.file) << rowBits
	for _, g := range t.files[p.file].footer.groups[:p.group] {
		place += g.NumRows()
	}
	return place
}

// locate stores the places of rows at, at+1, ... of the batch: those of the rows
// from the given one of the row group that sel lists, nil for the first n.
func (r *reader) locate(v *vector.Vec, at int, from int64, sel []int32, n int) {
	if v == nil {
		return
	}
	places, from := v.Int64s()[at:], from+r.place
	if sel == nil {
		for i := range places[:n] {
			places[i] = from + int64(i)
		}
		return
	}
	for i, s := range sel {
		places[i] = from + int64(s)
	}
}
