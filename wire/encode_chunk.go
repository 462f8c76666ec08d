package wire

import (
	"encoding/binary"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Rows leave in chunks, column by column: the first pass over a chunk finds the
// length of every message, the second writes each column's cells to their
// places. Every loop is over one type.
const (
	chunkRows = 256
	// maxChunk is the size from which a chunk is sent row by row.
	maxChunk = 1 << 20
	// rowHeader is the length of a DataRow before its cells.
	rowHeader = 7
)

// width returns the bytes of a cell's value when all have the same, else 0.
func (k cellKind) width() int32 {
	switch k {
	case binBool:
		return 1
	case binInt16:
		return 2
	case binInt32, binDate:
		return 4
	case binInt64, binTimestamp:
		return 8
	case binWide:
		return 16
	}
	return 0
}

// measure prepares the chunk of b that starts at row from and returns the number
// of bytes it takes.
func (e *rowEncoder) measure(b *vector.Batch, from int) int {
	n := min(chunkRows, b.Rows()-from)
	if b.Sel != nil {
		e.rows = append(e.rows[:0], b.Sel[from:from+n]...)
	} else {
		e.rows = e.rows[:0]
		for i := range n {
			e.rows = append(e.rows, int32(from+i))
		}
	}
	if cap(e.size) < n {
		e.size, e.pos = make([]int32, n), make([]int, n)
	}
	size := e.size[:n]
	clear(size)
	same := int32(rowHeader)
	for k := range e.cols {
		c := &e.cols[k]
		width := c.now.width()
		switch {
		case c.isConst:
			same += int32(len(c.constant))
		case c.codes == nil && width > 0:
			same += 4
			if c.valid == nil {
				same += width
				break
			}
			for k, i := range e.rows {
				if c.valid.Get(int(i)) {
					size[k] += width
				}
			}
		case c.codes == nil && c.now == cellBytes:
			same += 4
			views := c.vec.Views()
			for k, i := range e.rows {
				if c.valid == nil || c.valid.Get(int(i)) {
					size[k] += views[i].Len
				}
			}
		default:
			c.fill(e)
			last := int32(0)
			for k, end := range c.ends {
				size[k] += end - last
				last = end
			}
		}
	}
	total := 0
	for k := range size {
		size[k] += same
		total += int(size[k])
	}
	return total
}

// fill prints the cells of the chunk into c.scratch.
func (c *column) fill(e *rowEncoder) {
	s, ends := c.scratch[:0], c.ends[:0]
	kind := c.now
	if c.codes != nil {
		kind = cellGeneric
	}
	for _, row := range e.rows {
		i := int(row)
		at := len(s)
		switch {
		case kind < textBool:
			s = c.appendAny(e, s, i)
			ends = append(ends, int32(len(s)))
			continue
		case c.valid != nil && !c.valid.Get(i):
			s = appendNull(s)
			ends = append(ends, int32(len(s)))
			continue
		}
		s = append(s, 0, 0, 0, 0)
		switch kind {
		case textInt32:
			s = appendInt(s, int64(c.i32[i]))
		case textInt64:
			s = appendInt(s, c.i64[i])
		case textScaled:
			s = appendScaled(s, c.i64[i], c.scale)
		case textDate:
			s = e.dates.append(s, c.i32[i])
		case textTimestamp:
			s = e.dates.appendTimestamp(s, c.i64[i])
		case binScaled:
			s = appendScaledBinary(s, c.i64[i], c.scale)
		default:
			s = c.cell(e, s[:at], i)
		}
		binary.BigEndian.PutUint32(s[at:], uint32(len(s)-at-4))
		ends = append(ends, int32(len(s)))
	}
	c.scratch, c.ends = s, ends
}

// appendChunk appends the measured chunk, total bytes of DataRow messages.
func (e *rowEncoder) appendChunk(dst []byte, total int) []byte {
	at := len(dst)
	dst = slices.Grow(dst, total)[:at+total]
	pos := e.pos[:len(e.rows)]
	cols := uint16(len(e.cols))
	for k, size := range e.size[:len(pos)] {
		dst[at] = 'D'
		binary.BigEndian.PutUint32(dst[at+1:], uint32(size-1))
		binary.BigEndian.PutUint16(dst[at+5:], cols)
		pos[k] = at + rowHeader
		at += int(size)
	}
	for k := range e.cols {
		e.cols[k].place(dst, e.rows, pos)
	}
	return dst
}

// place writes the cells of one column behind those of the columns before it.
func (c *column) place(dst []byte, rows []int32, pos []int) {
	be := binary.BigEndian
	pos = pos[:len(rows)]
	switch {
	case c.isConst:
		for k, p := range pos {
			pos[k] = p + copy(dst[p:], c.constant)
		}
		return
	case c.codes == nil && c.now == cellBytes:
		for k, i := range rows {
			p := pos[k]
			if c.null(i) {
				pos[k] = putNull(dst, p)
				continue
			}
			b := c.vec.Bytes(int(i))
			be.PutUint32(dst[p:], uint32(len(b)))
			pos[k] = p + 4 + copy(dst[p+4:], b)
		}
		return
	case c.codes != nil || c.now.width() == 0:
		last := int32(0)
		for k, end := range c.ends {
			pos[k] += copy(dst[pos[k]:], c.scratch[last:end])
			last = end
		}
		return
	}
	switch c.now {
	case binInt32:
		for k, i := range rows {
			p := pos[k]
			if c.null(i) {
				pos[k] = putNull(dst, p)
				continue
			}
			be.PutUint64(dst[p:], 4<<32|uint64(uint32(c.i32[i])))
			pos[k] = p + 8
		}
	case binDate:
		for k, i := range rows {
			p := pos[k]
			if c.null(i) {
				pos[k] = putNull(dst, p)
				continue
			}
			be.PutUint64(dst[p:], 4<<32|uint64(uint32(types.DateToWire(c.i32[i]))))
			pos[k] = p + 8
		}
	case binInt64:
		for k, i := range rows {
			p := pos[k]
			if c.null(i) {
				pos[k] = putNull(dst, p)
				continue
			}
			be.PutUint32(dst[p:], 8)
			be.PutUint64(dst[p+4:], uint64(c.i64[i]))
			pos[k] = p + 12
		}
	case binTimestamp:
		for k, i := range rows {
			p := pos[k]
			if c.null(i) {
				pos[k] = putNull(dst, p)
				continue
			}
			be.PutUint32(dst[p:], 8)
			be.PutUint64(dst[p+4:], uint64(types.TimestampToWire(c.i64[i])))
			pos[k] = p + 12
		}
	default:
		for k, i := range rows {
			p := pos[k]
			if c.null(i) {
				pos[k] = putNull(dst, p)
				continue
			}
			// The cell has its final length: this appends in place.
			pos[k] = p + len(c.binaryCell(dst[p:p], int(i)))
		}
	}
}

// null reports whether physical row i of a vector without codes is NULL.
func (c *column) null(i int32) bool { return c.valid != nil && !c.valid.Get(int(i)) }

func putNull(dst []byte, p int) int {
	binary.BigEndian.PutUint32(dst[p:], 0xffffffff)
	return p + 4
}
