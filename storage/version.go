package storage

import (
	"slices"

	"github.com/hubsql/hubsql/exec/vector"
)

// version is the rows of one table at one moment. It never changes.
type version struct {
	segments []segment
	rows     int64 // alive
}

// segment is a body with the rows that were deleted from it.
type segment struct {
	body *body
	// dead has a set bit for every deleted row, nil for none.
	dead   vector.Bitmap
	buried int
}

// alive returns the number of rows that are not deleted.
func (s segment) alive() int { return s.body.rows - s.buried }

// of returns a version of segments.
func of(segments []segment) *version {
	v := &version{segments: segments}
	for _, s := range segments {
		v.rows += int64(s.alive())
	}
	return v
}

// find returns the index of the segment over a body, -1 when the version has
// none.
func (v *version) find(id int64) int {
	return slices.IndexFunc(v.segments, func(s segment) bool { return s.body.id == id })
}

// with returns v with more bodies.
func (v *version) with(bodies ...*body) *version {
	out := slices.Clone(v.segments)
	for _, b := range bodies {
		out = append(out, segment{body: b})
	}
	return of(out)
}

// without returns v with rows deleted that were alive: rows[id] are those of the
// body with that id.
func (v *version) without(rows map[int64][]int32) *version {
	out := make([]segment, 0, len(v.segments))
	for _, s := range v.segments {
		list := rows[s.body.id]
		if len(list) == 0 {
			out = append(out, s)
			continue
		}
		dead := make(vector.Bitmap, (s.body.rows+63)/64)
		copy(dead, s.dead)
		for _, r := range list {
			if !dead.Get(int(r)) {
				dead.Set(int(r))
				s.buried++
			}
		}
		s.dead = dead
		if s.alive() > 0 {
			out = append(out, s)
		}
	}
	return of(out)
}

// rowID names a row of a table: the body's id and the row in it.
func rowID(body int64, row int) int64 { return body<<32 | int64(row) }

// splitRowID is the reverse.
func splitRowID(id int64) (body int64, row int32) { return id >> 32, int32(id & 0xffffffff) }

// living returns the rows [from, from+n) of a body that are not deleted, counted
// from from, and their number; nil stands for all of them. buf is reused.
func (s segment) living(from, n int, buf []int32) ([]int32, int) {
	if s.dead == nil {
		return nil, n
	}
	buf = buf[:0]
	for i := range n {
		if !s.dead.Get(from + i) {
			buf = append(buf, int32(i))
		}
	}
	if len(buf) == n {
		return nil, n
	}
	return buf, len(buf)
}
