package operator

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

const (
	// chunkRows is how many rows of one partition are kept in one piece.
	chunkRows = vector.BatchSize
	// leastFlush and mostFlush bound how many rows of a partition wait: with
	// about as many as it has groups, its table is loaded into the cache once
	// for several rows of each group.
	leastFlush = 1024
	mostFlush  = 16 << 10
	// scatterRoom is about how many bytes of rows one task keeps waiting, and
	// scatterShare the share of the query's memory that it is at most.
	scatterRoom  = 32 << 20
	scatterShare = 16
)

// chunk is up to chunkRows rows of one partition.
type chunk struct {
	n     int
	cols  []chunkColumn
	bytes int64 // of long strings
}

// chunkColumn is one column of a chunk.
type chunkColumn struct {
	vec   vector.Vec
	bits  vector.Bitmap // allocated once there are NULLs
	bytes []byte        // of long strings
}

// scatter keeps one task's rows by partition.
type scatter struct {
	types []types.Type
	forms []scatterForm
	// nullable is set for columns that have had NULLs.
	nullable []bool
	current  [groupParts]*chunk
	full     [groupParts][]*chunk
	rows     [groupParts]int
	room     int64 // bytes from which rows go to their partitions early
	free     []*chunk
	mem      budget
	part     []uint8
	pos      []int32
}

// scatterForm is how the values of a numeric column are kept now.
type scatterForm struct {
	decided, scaled bool
	scale           int32
}

// newScatter makes an empty scatter for the rows of g, nil when the memory of the
// query is too small for it.
func newScatter(g *grouping) *scatter {
	s := &scatter{
		types: g.columns, forms: make([]scatterForm, len(g.columns)), nullable: make([]bool, len(g.columns)),
		mem: budget{account: g.account}, room: scatterRoom,
	}
	if limit := g.q.env.Account.Limit(); limit > 0 {
		s.room = min(s.room, limit/scatterShare)
	}
	if s.room < groupParts*s.size() {
		return nil
	}
	return s
}

// size is what a chunk takes without long strings.
func (s *scatter) size() int64 {
	n := int64(0)
	for _, t := range s.types {
		n += chunkRows*int64(layoutWidth(t)) + chunkRows/8
	}
	return n
}

// layoutWidth is the most bytes that a value of a type takes in its column.
func layoutWidth(t types.Type) int {
	return kernel.Width(&vector.Vec{Type: t})
}

// chunk returns an empty chunk.
func (s *scatter) chunk() (*chunk, error) {
	if n := len(s.free); n > 0 {
		c := s.free[n-1]
		s.free = s.free[:n-1]
		return c, nil
	}
	if err := s.mem.take(s.size()); err != nil {
		return nil, err
	}
	return &chunk{cols: make([]chunkColumn, len(s.types))}, nil
}

// release makes a chunk that was read free.
func (s *scatter) release(c *chunk) {
	s.mem.give(c.bytes)
	c.n, c.bytes = 0, 0
	for i := range c.cols {
		col := &c.cols[i]
		if cap(col.bytes) > 64<<10 {
			col.bytes = nil
		}
		col.bytes = col.bytes[:0]
		col.vec.Valid = nil
	}
	s.free = append(s.free, c)
}

// drop gives the memory back.
func (s *scatter) drop() {
	s.free, s.full = nil, [groupParts][]*chunk{}
	s.current = [groupParts]*chunk{}
	s.mem.release()
}

// rotate closes the current chunks: the form of a column has changed.
func (s *scatter) rotate() {
	for p, c := range s.current {
		if c != nil && c.n > 0 {
			s.full[p] = append(s.full[p], c)
			s.current[p] = nil
		}
	}
}

// add keeps n rows of cols, Flat or Const, by the partition of their hash. It
// may be repeated when it finds no memory.
func (s *scatter) add(cols []*vector.Vec, hash []uint64, n int) error {
	// What may need memory comes first.
	for i, v := range cols {
		cols[i] = s.form(i, v, n)
	}
	if cap(s.part) < n {
		s.part, s.pos = make([]uint8, n), make([]int32, n)
	}
	part, pos := s.part[:n], s.pos[:n]
	var count [groupParts]int32
	for i, h := range hash[:n] {
		p := uint8(partitionOf(h, 0)) & (groupParts - 1)
		part[i] = p
		pos[i] = count[p]
		count[p]++
	}
	for p, k := range count {
		c := s.current[p]
		if k == 0 || c != nil && c.n+int(k) <= chunkRows {
			continue
		}
		next, err := s.chunk()
		if err != nil {
			return err
		}
		if c != nil {
			s.full[p] = append(s.full[p], c)
		}
		s.current[p] = next
	}
	if err := s.mem.take(s.longBytes(cols, part, n)); err != nil {
		return err
	}
	var base [groupParts]int32
	for p, c := range s.current {
		if c != nil {
			base[p] = int32(c.n)
		}
	}
	for i, p := range part {
		pos[i] += base[p&(groupParts-1)]
	}
	for i, v := range cols {
		s.column(i, v, part, pos, n)
	}
	for p, k := range count {
		if k > 0 {
			s.current[p].n += int(k)
			s.rows[p] += int(k)
		}
	}
	return nil
}

// longBytes is what the long strings of a batch take.
func (s *scatter) longBytes(cols []*vector.Vec, part []uint8, n int) int64 {
	total := int64(0)
	for _, v := range cols {
		if kernel.Width(v) != 16 || v.Type.Layout() == types.LayoutWide {
			continue
		}
		views := v.Views()
		if v.Kind == vector.Const {
			if l := views[0].Len; l > vector.MaxInline && !v.IsNull(0) {
				total += int64(l) * int64(n)
				for _, p := range part {
					s.current[p].bytes += int64(l)
				}
			}
			continue
		}
		for i := range views[:n] {
			if l := views[i].Len; l > vector.MaxInline && (v.Valid == nil || v.Valid.Get(i)) {
				total += int64(l)
				s.current[part[i]].bytes += int64(l)
			}
		}
	}
	return total
}

// form brings a numeric column into the form that is kept, which changes at most
// twice: to that of the first values, and for good to the binary form.
func (s *scatter) form(i int, v *vector.Vec, n int) *vector.Vec {
	if v.Type.Layout() != types.LayoutNumeric || v.Kind == vector.Const && v.IsNull(0) {
		return v
	}
	f := &s.forms[i]
	switch {
	case !f.decided:
		s.rotate()
		*f = scatterForm{decided: true, scaled: v.Scaled, scale: v.Scale}
	case f.scaled && (!v.Scaled || v.Scale != f.scale):
		s.rotate()
		f.scaled = false
	}
	if !f.scaled && v.Scaled {
		return kernel.Unscaled(v, n)
	}
	return v
}

// column stores the rows of one column.
func (s *scatter) column(i int, v *vector.Vec, part []uint8, pos []int32, n int) {
	// Columns of NULLs have no form of their own.
	null := v.Kind == vector.Const && v.IsNull(0)
	for _, c := range s.current {
		if c == nil || c.n > 0 {
			continue
		}
		col := &c.cols[i]
		col.vec.Bufs = nil
		col.vec.Reset(s.types[i], 0)
		if f := s.forms[i]; f.scaled {
			col.vec.Scaled, col.vec.Scale = true, f.scale
		}
		col.vec.Resize(chunkRows)
	}
	if v.Valid != nil || null {
		s.nulls(i, v, part, pos, n)
	} else if s.nullable[i] {
		for k := range n {
			// Chunks that have NULLs mark the others too.
			if b := s.current[part[k]].cols[i].vec.Valid; b != nil {
				b.Set(int(pos[k]))
			}
		}
	}
	if null {
		return
	}
	switch kernel.Width(v) {
	case 1:
		scatterFixed[uint8](s, i, v, part, pos, n)
	case 2:
		scatterFixed[int16](s, i, v, part, pos, n)
	case 4:
		scatterFixed[int32](s, i, v, part, pos, n)
	case 8:
		scatterFixed[int64](s, i, v, part, pos, n)
	default:
		if v.Type.Layout() == types.LayoutWide {
			scatterFixed[vector.Wide](s, i, v, part, pos, n)
			return
		}
		s.views(i, v, part, pos, n)
	}
}

// nulls stores the validity of a column that has NULLs.
func (s *scatter) nulls(i int, v *vector.Vec, part []uint8, pos []int32, n int) {
	s.nullable[i] = true
	for k := range n {
		col := &s.current[part[k]].cols[i]
		if col.vec.Valid == nil {
			if col.bits == nil {
				col.bits = make(vector.Bitmap, chunkRows/64)
			}
			for w := range col.bits {
				col.bits[w] = ^uint64(0)
			}
			col.vec.Valid = col.bits
		}
		col.vec.Valid.SetTo(int(pos[k]), !v.IsNull(k))
	}
}

// scatterFixed stores values of fixed width.
func scatterFixed[T any](s *scatter, i int, v *vector.Vec, part []uint8, pos []int32, n int) {
	var dst [groupParts][]T
	for p, c := range s.current {
		if c != nil {
			dst[p] = vector.Values[T](&c.cols[i].vec)
		}
	}
	src := vector.Values[T](v)
	pos = pos[:n]
	if v.Kind == vector.Const {
		x := src[0]
		for k, p := range part[:n] {
			dst[p&(groupParts-1)][pos[k]] = x
		}
		return
	}
	src = src[:n]
	for k, p := range part[:n] {
		dst[p&(groupParts-1)][pos[k]] = src[k]
	}
}

// views stores strings.
func (s *scatter) views(i int, v *vector.Vec, part []uint8, pos []int32, n int) {
	src := v.Views()
	for k, p := range part[:n] {
		r := k
		if v.Kind == vector.Const {
			r = 0
		}
		w := src[r]
		col := &s.current[p&(groupParts-1)].cols[i]
		if w.Len > vector.MaxInline {
			if v.Valid != nil && !v.Valid.Get(r) {
				w = vector.View{}
			} else {
				b := v.Bufs[w.Buf][w.Off : w.Off+w.Len]
				w.Buf, w.Off = 0, int32(len(col.bytes))
				col.bytes = append(col.bytes, b...)
			}
		}
		col.vec.Views()[pos[k]] = w
	}
}

// take removes the chunks of a partition, in the order of their rows.
func (s *scatter) take(p int) []*chunk {
	list := s.full[p]
	if c := s.current[p]; c != nil && c.n > 0 {
		list = append(list, c)
		s.current[p] = nil
	}
	s.full[p], s.rows[p] = nil, 0
	for _, c := range list {
		for i := range c.cols {
			if col := &c.cols[i]; len(col.bytes) > 0 {
				col.vec.Bufs = append(col.vec.Bufs[:0], col.bytes)
			}
		}
	}
	return list
}
