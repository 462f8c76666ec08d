package operator

import (
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// columnStore holds rows that an operator keeps: one growing Flat column each,
// with the bytes of long strings in blocks of its own. There is no pointer per
// row. Rows are only added at the end, so vectors and views into the store stay
// valid until reset or release.
type columnStore struct {
	cols []column
	rows int
	budget
	idx []int32
}

// column is one column of a store.
type column struct {
	vec   vector.Vec
	room  int // rows that fit
	typed bool
	// decided is set for a numeric column when its form has been chosen: that of
	// the first values. When values of another scale come, the column turns to
	// the binary form for good.
	decided bool
	held    int64 // bytes of values, bitmap and blocks
}

// maxRows is the largest number of rows of a store: rows are addressed by int32.
const maxRows = math.MaxInt32 - 2*vector.BatchSize

// newColumnStore returns an empty store. ts may be nil: then the first rows
// decide the types.
func newColumnStore(account *memory.Account, ts []types.Type) *columnStore {
	s := &columnStore{budget: budget{account: account}}
	if ts != nil {
		s.setTypes(ts)
	}
	return s
}

// setTypes makes the columns.
func (s *columnStore) setTypes(ts []types.Type) {
	s.cols = make([]column, len(ts))
	for i, t := range ts {
		s.cols[i].vec.Type = t
		s.cols[i].typed = true
	}
}

// append adds the rows sel (nil: the first n) of cols; n is their number.
func (s *columnStore) append(cols []*vector.Vec, sel []int32, n int) error {
	if n == 0 {
		return nil
	}
	if s.rows+n > maxRows {
		return pgerror.New(pgerror.ProgramLimitExceeded, "too many rows in one operation")
	}
	if s.cols == nil {
		s.cols = make([]column, len(cols))
	}
	for i := range s.cols {
		if err := s.appendColumn(&s.cols[i], cols[i], sel, n); err != nil {
			return err
		}
	}
	s.rows += n
	return nil
}

// appendColumn adds rows to one column.
func (s *columnStore) appendColumn(c *column, src *vector.Vec, sel []int32, n int) error {
	if !c.typed {
		c.vec.Type, c.typed = src.Type, true
	}
	from, at := src, sel
	if src.Kind == vector.Dict {
		// The rows of the dictionary stand for the rows of the vector.
		if cap(s.idx) < n {
			s.idx = make([]int32, n)
		}
		s.idx = s.idx[:n]
		if sel == nil {
			copy(s.idx, src.Codes[:n])
		} else {
			for i, r := range sel {
				s.idx[i] = src.Codes[r]
			}
		}
		from, at = src.Dict, s.idx
	}
	views := c.vec.Type.Layout() == types.LayoutBytes
	if c.vec.Type.Layout() == types.LayoutNumeric && !(src.Kind == vector.Const && src.IsNull(0)) {
		switch {
		case !c.decided:
			// Whatever is there is NULL.
			c.decided = true
			switch {
			case from.Scaled:
				s.rescale(c, from.Scale)
			case c.vec.Scaled:
				if err := s.unscale(c); err != nil {
					return err
				}
			}
		case c.vec.Scaled && (!from.Scaled || from.Scale != c.vec.Scale):
			if err := s.unscale(c); err != nil {
				return err
			}
		}
	}
	if err := s.room(c, s.rows+n); err != nil {
		return err
	}
	if err := s.appendNulls(c, src, sel, n); err != nil {
		return err
	}
	switch {
	case src.Kind == vector.Const && src.IsNull(0):
		return nil
	case c.vec.Type.Layout() == types.LayoutNumeric && !c.vec.Scaled:
		return s.appendNumeric(c, src, sel, n)
	case views:
		return s.appendViews(c, from, at, n)
	}
	pos, constant := s.rows, from.Kind == vector.Const
	switch kernel.Width(&c.vec) {
	case 1:
		appendFixed(vector.Values[uint8](&c.vec)[pos:pos+n], vector.Values[uint8](from), at, constant)
	case 2:
		appendFixed(vector.Values[int16](&c.vec)[pos:pos+n], vector.Values[int16](from), at, constant)
	case 4:
		appendFixed(vector.Values[int32](&c.vec)[pos:pos+n], vector.Values[int32](from), at, constant)
	case 8:
		appendFixed(vector.Values[int64](&c.vec)[pos:pos+n], vector.Values[int64](from), at, constant)
	default:
		appendFixed(vector.Values[vector.Wide](&c.vec)[pos:pos+n], vector.Values[vector.Wide](from), at, constant)
	}
	return nil
}

// appendFixed copies values of fixed width.
func appendFixed[T any](dst, src []T, sel []int32, constant bool) {
	switch {
	case constant:
		x := src[0]
		for i := range dst {
			dst[i] = x
		}
	case sel == nil:
		copy(dst, src)
	default:
		sel = sel[:len(dst)]
		for i, r := range sel {
			dst[i] = src[r]
		}
	}
}

// appendNulls sets the validity of n new rows.
func (s *columnStore) appendNulls(c *column, src *vector.Vec, sel []int32, n int) error {
	if c.vec.Valid == nil && (src.Valid == nil && (src.Kind != vector.Dict || src.Dict.Valid == nil)) {
		return nil
	}
	if c.vec.Valid == nil {
		if err := s.charge(c, int64(c.room/8)); err != nil {
			return err
		}
		c.vec.Valid = vector.NewBitmap(c.room)
	}
	pos, valid := s.rows, c.vec.Valid
	if src.Kind == vector.Const {
		on := !src.IsNull(0)
		for i := range n {
			valid.SetTo(pos+i, on)
		}
		return nil
	}
	if src.Kind == vector.Flat {
		if src.Valid == nil {
			for i := range n {
				valid.Set(pos + i)
			}
			return nil
		}
		if sel == nil {
			for i := range n {
				valid.SetTo(pos+i, src.Valid.Get(i))
			}
			return nil
		}
		for i, r := range sel[:n] {
			valid.SetTo(pos+i, src.Valid.Get(int(r)))
		}
		return nil
	}
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		valid.SetTo(pos+i, !src.IsNull(r))
	}
	return nil
}

// appendViews copies strings. from and at are where the bytes are; the NULLs of
// the new rows are in s already.
func (s *columnStore) appendViews(c *column, from *vector.Vec, at []int32, n int) error {
	pos := s.rows
	dst := c.vec.Views()[pos : pos+n]
	views := from.Views()
	for i := range dst {
		r := i
		switch {
		case from.Kind == vector.Const:
			r = 0
		case at != nil:
			r = int(at[i])
		}
		w := views[r]
		if w.Len > vector.MaxInline {
			if c.vec.Valid != nil && !c.vec.Valid.Get(pos+i) {
				w = vector.View{}
			} else {
				b := from.Bufs[w.Buf][w.Off : w.Off+w.Len]
				buf, off, err := s.store(c, b)
				if err != nil {
					return err
				}
				w.Buf, w.Off = buf, off
				if from.Kind == vector.Const {
					// One copy serves all rows.
					for k := range dst {
						dst[k] = w
					}
					return nil
				}
			}
		}
		dst[i] = w
	}
	return nil
}

// appendNumeric copies numerics of any form into the binary form.
func (s *columnStore) appendNumeric(c *column, src *vector.Vec, sel []int32, n int) error {
	var scratch [64]byte
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if src.IsNull(r) {
			c.vec.Views()[s.rows+i] = vector.View{}
			continue
		}
		v, k := src, r
		switch src.Kind {
		case vector.Const:
			k = 0
		case vector.Dict:
			v, k = src.Dict, int(src.Codes[r])
		}
		if err := s.setBytes(c, s.rows+i, kernel.NumericBytes(scratch[:0], v, k)); err != nil {
			return err
		}
	}
	return nil
}

// setBytes stores b as value i.
func (s *columnStore) setBytes(c *column, i int, b []byte) error {
	w := vector.View{Len: int32(len(b))}
	if len(b) <= vector.MaxInline {
		// SetBytes does the same without a block.
		c.vec.SetBytes(i, b)
		return nil
	}
	copy(w.Prefix[:], b)
	var err error
	if w.Buf, w.Off, err = s.store(c, b); err != nil {
		return err
	}
	c.vec.Views()[i] = w
	return nil
}

// store copies b into a block of c.
func (s *columnStore) store(c *column, b []byte) (buf, off int32, err error) {
	last := len(c.vec.Bufs) - 1
	if last < 0 || cap(c.vec.Bufs[last])-len(c.vec.Bufs[last]) < len(b) {
		size := 1 << 10
		if last >= 0 {
			size = min(2*cap(c.vec.Bufs[last]), 1<<20)
		}
		size = max(size, len(b))
		if err := s.charge(c, int64(size)); err != nil {
			return 0, 0, err
		}
		c.vec.Bufs = append(c.vec.Bufs, make([]byte, 0, size))
		last++
	}
	off = int32(len(c.vec.Bufs[last]))
	c.vec.Bufs[last] = append(c.vec.Bufs[last], b...)
	return int32(last), off, nil
}

// charge pays for n more bytes of c.
func (s *columnStore) charge(c *column, n int64) error {
	if err := s.take(n); err != nil {
		return err
	}
	c.held += n
	return nil
}

// room makes c fit n rows.
func (s *columnStore) room(c *column, n int) error {
	if n <= c.room {
		return nil
	}
	room := max(n, 64)
	if c.room > 0 {
		grown := 2 * c.room
		if c.room > 1<<20 {
			grown = c.room + c.room/2
		}
		room = max(room, grown)
	}
	room = (room + 63) &^ 63
	bytes := int64((room - c.room) * kernel.Width(&c.vec))
	if c.vec.Valid != nil {
		bytes += int64(room-c.room) / 8
	}
	if err := s.charge(c, bytes); err != nil {
		return err
	}
	c.resize(room)
	return nil
}

// resize moves c into a store of room rows.
func (c *column) resize(room int) {
	old := c.vec.Backing()
	moved := vector.Vec{Type: c.vec.Type, Scaled: c.vec.Scaled, Scale: c.vec.Scale, Bufs: c.vec.Bufs}
	moved.Resize(room)
	copy(moved.Backing(), old)
	if c.vec.Valid != nil {
		moved.Valid = vector.NewBitmap(room)
		copy(moved.Valid, c.vec.Valid)
	}
	c.vec, c.room = moved, room
}

// rescale makes a column that holds only NULLs a scaled one.
func (s *columnStore) rescale(c *column, scale int32) {
	if c.vec.Scaled {
		c.vec.Scale = scale
		return
	}
	valid := c.vec.Valid
	c.vec = vector.Vec{Type: c.vec.Type, Scaled: true, Scale: scale, Valid: valid}
	c.vec.Resize(c.room)
	c.held -= int64(c.room) * 8
	s.give(int64(c.room) * 8)
}

// unscale turns a scaled column to the binary form.
func (s *columnStore) unscale(c *column) error {
	if err := s.charge(c, int64(c.room)*8); err != nil {
		return err
	}
	old := c.vec
	c.vec = vector.Vec{Type: old.Type, Valid: old.Valid}
	c.vec.Resize(c.room)
	var scratch [64]byte
	vals := old.Int64s()
	for i := range s.rows {
		if old.Valid != nil && !old.Valid.Get(i) {
			c.vec.Views()[i] = vector.View{}
			continue
		}
		if err := s.setBytes(c, i, types.AppendScaled(scratch[:0], vals[i], old.Scale)); err != nil {
			return err
		}
	}
	return nil
}

// appendStore adds all rows of o.
func (s *columnStore) appendStore(o *columnStore) error {
	cols := make([]*vector.Vec, len(o.cols))
	for i := range cols {
		cols[i] = o.vec(i)
	}
	if s.cols == nil && o.cols == nil {
		s.rows += o.rows
		return nil
	}
	if o.rows == 0 {
		return nil
	}
	return s.append(cols, nil, o.rows)
}

// vec returns column i, valid until the next append.
func (s *columnStore) vec(i int) *vector.Vec { return &s.cols[i].vec }

// all makes dst the whole store.
func (s *columnStore) all(dst *vector.Batch) {
	dst.N, dst.Sel = s.rows, nil
	if len(dst.Cols) != len(s.cols) {
		dst.Cols = make([]*vector.Vec, len(s.cols))
	}
	for i := range s.cols {
		dst.Cols[i] = s.vec(i)
	}
}

// slice makes dst the rows [from, to) without copying; from is a multiple of 64.
func (s *columnStore) slice(dst *vector.Batch, from, to int) {
	dst.N, dst.Sel = to-from, nil
	if len(dst.Cols) != len(s.cols) {
		dst.Cols = make([]*vector.Vec, len(s.cols))
	}
	for i := range s.cols {
		dst.Cols[i] = s.vec(i).Slice(from, to)
	}
}

// reset drops the rows and keeps the memory.
func (s *columnStore) reset() {
	s.rows = 0
	for i := range s.cols {
		c := &s.cols[i]
		c.decided = false
		if c.vec.Valid != nil {
			s.give(int64(c.room / 8))
			c.held -= int64(c.room / 8)
			c.vec.Valid = nil
		}
		if n := len(c.vec.Bufs); n > 0 {
			// The last block is the largest.
			for _, b := range c.vec.Bufs[:n-1] {
				s.give(int64(cap(b)))
				c.held -= int64(cap(b))
			}
			c.vec.Bufs = append(c.vec.Bufs[:0], c.vec.Bufs[n-1][:0])
		}
	}
}

// drop gives the memory of the store back.
func (s *columnStore) drop() {
	s.cols, s.rows, s.idx = nil, 0, nil
	s.release()
}

// gatherOuter makes dst the rows of v, which has stored rows, that rows lists;
// -1 gives NULL. idx is scratch and returned.
func gatherOuter(dst, v *vector.Vec, rows, idx []int32, stored int) []int32 {
	missing := false
	idx = idx[:0]
	for _, r := range rows {
		missing = missing || r < 0
		idx = append(idx, max(r, 0))
	}
	if !missing {
		vector.Gather(dst, v, idx, len(idx))
		return idx
	}
	if stored == 0 {
		*dst = *vector.NewNull(v.Type)
		return idx
	}
	vector.Gather(dst, v, idx, len(idx))
	if dst.Kind == vector.Const {
		dst.Flatten(len(rows))
	}
	if dst.Valid == nil {
		dst.Valid = vector.NewBitmap(len(rows))
	}
	for i, r := range rows {
		if r < 0 {
			dst.Valid.Clear(i)
		}
	}
	return idx
}
