package storage

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	// fileRows is the number of rows from which a body is a file of its own;
	// below, it lives in memory and in the catalog's database.
	fileRows = 4 * blockRows
	// bodyRows is the largest number of rows of a body: deleting from one copies
	// a bit per row.
	bodyRows = 64 * blockRows
)

// body is a run of rows that never changes: in memory, or in a file by blocks.
type body struct {
	id     int64
	layout layout
	rows   int
	// chunks is the memory form: each has blockRows rows but the last.
	chunks []chunk
	// bytes is what the memory form holds.
	bytes int64
	// file and stripes are the file form. The file may be unlinked while readers
	// still use it; the last of them to be forgotten closes it (os.File does).
	file    *os.File
	stripes []stripe
}

// layout is the columns of a body, by attribute number.
type layout struct {
	atts  []int16
	types []types.Type
}

// column returns the index of an attribute, -1 when the rows are older than it.
func (l layout) column(att int16) int {
	for i, a := range l.atts {
		if a == att {
			return i
		}
	}
	return -1
}

// chunk is up to blockRows rows, one vector each column, Flat or Dict.
type chunk struct {
	n    int
	cols []*vector.Vec
}

// stripe is up to blockRows rows in a file: where the block of each column is.
type stripe struct {
	Rows   int
	Blocks []span
}

// span is a range of bytes.
type span struct{ At, Len int64 }

// parts returns the number of chunks or stripes.
func (b *body) parts() int {
	if b.file != nil {
		return len(b.stripes)
	}
	return len(b.chunks)
}

// partRows returns the rows of part i.
func (b *body) partRows(i int) int {
	if b.file != nil {
		return b.stripes[i].Rows
	}
	return b.chunks[i].n
}

// column returns column c of part i; of a file it reads and decodes the block.
func (b *body) column(i, c int) (*vector.Vec, error) {
	if b.file == nil {
		return b.chunks[i].cols[c], nil
	}
	s := b.stripes[i]
	buf := make([]byte, s.Blocks[c].Len)
	if _, err := b.file.ReadAt(buf, s.Blocks[c].At); err != nil {
		return nil, pgerror.Wrap(err, pgerror.IOError, "could not read the rows of a local table")
	}
	v, err := readBlock(buf, b.layout.types[c], s.Rows)
	if err != nil {
		return nil, pgerror.Wrap(fmt.Errorf("%s: %w", b.file.Name(), err), pgerror.DataCorrupted, "the rows of a local table are damaged")
	}
	return v, nil
}

// meta is what the catalog's database keeps of a body.
type meta struct {
	Rows    int
	InFile  bool
	Columns []metaColumn
	Stripes []stripe
}

type metaColumn struct {
	Att int16
	OID types.OID
	Mod int32
}

// encode returns the description of a body and, for one in memory, its blocks.
func (b *body) encode() (description string, data []byte, err error) {
	m := meta{Rows: b.rows, InFile: b.file != nil, Stripes: b.stripes}
	for i, a := range b.layout.atts {
		m.Columns = append(m.Columns, metaColumn{a, b.layout.types[i].OID, b.layout.types[i].Mod})
	}
	for _, c := range b.chunks {
		s := stripe{Rows: c.n}
		for _, v := range c.cols {
			at := len(data)
			data = appendBlock(data, flat(v, c.n), c.n)
			s.Blocks = append(s.Blocks, span{int64(at), int64(len(data) - at)})
		}
		m.Stripes = append(m.Stripes, s)
	}
	text, err := json.Marshal(m)
	return string(text), data, err
}

// decode makes a body from its description and, for one in memory, its blocks.
// One in a file has stripes and no file yet.
func decode(id int64, description string, data []byte) (*body, error) {
	var m meta
	if err := json.Unmarshal([]byte(description), &m); err != nil {
		return nil, err
	}
	b := &body{id: id, rows: m.Rows}
	for _, c := range m.Columns {
		b.layout.atts = append(b.layout.atts, c.Att)
		b.layout.types = append(b.layout.types, types.Type{OID: c.OID, Mod: c.Mod})
	}
	total := 0
	for _, s := range m.Stripes {
		if len(s.Blocks) != len(m.Columns) || s.Rows <= 0 || s.Rows > blockRows {
			return nil, errCorrupt
		}
		total += s.Rows
	}
	if total != m.Rows {
		return nil, errCorrupt
	}
	if m.InFile {
		b.stripes = m.Stripes
		return b, nil
	}
	for _, s := range m.Stripes {
		c := chunk{n: s.Rows}
		for i, at := range s.Blocks {
			if at.At < 0 || at.Len < 0 || at.At+at.Len > int64(len(data)) {
				return nil, errCorrupt
			}
			v, err := readBlock(data[at.At:at.At+at.Len], b.layout.types[i], s.Rows)
			if err != nil {
				return nil, err
			}
			c.cols = append(c.cols, v)
		}
		b.chunks = append(b.chunks, c)
		b.bytes += c.size()
	}
	return b, nil
}

// size returns the bytes that a chunk holds.
func (c chunk) size() int64 {
	n := int64(0)
	for _, v := range c.cols {
		n += vecBytes(v)
		if v.Kind == vector.Dict {
			n += vecBytes(v.Dict) + int64(4*len(v.Codes))
		}
	}
	return n
}

func vecBytes(v *vector.Vec) int64 {
	n := int64(8*len(v.Backing()) + 8*len(v.Valid))
	for _, b := range v.Bufs {
		n += int64(cap(b))
	}
	return n
}

// flat returns v as a Flat vector.
func flat(v *vector.Vec, n int) *vector.Vec {
	if v.Kind == vector.Flat {
		return v
	}
	c := *v
	c.Flatten(n)
	return &c
}

// concat joins vectors of one column into a Flat one of its own. Numerics of
// different scales become the binary form.
func concat(vecs []*vector.Vec, rows []int) *vector.Vec {
	total, nulls := 0, false
	scaled := true
	for i, v := range vecs {
		vecs[i] = flat(v, rows[i])
		total += rows[i]
		nulls = nulls || vecs[i].Valid != nil
		scaled = scaled && v.Scaled && v.Scale == vecs[0].Scale
	}
	out := &vector.Vec{Type: vecs[0].Type}
	if scaled {
		out.Scaled, out.Scale = true, vecs[0].Scale
	}
	out.Resize(total)
	if nulls {
		out.Valid = vector.NewBitmap(total)
	}
	w, at := kernel.Width(out), 0
	for i, v := range vecs {
		n := rows[i]
		if !scaled && v.Scaled {
			v = kernel.Unscaled(v, n)
		}
		if v.Valid != nil {
			for r := range n {
				if !v.Valid.Get(r) {
					out.Valid.Clear(at + r)
				}
			}
		}
		copy(vector.Values[byte](out)[at*w:(at+n)*w], vector.Values[byte](v)[:n*w])
		if isBytes(out) && len(v.Bufs) > 0 {
			shift := int32(len(out.Bufs))
			out.Bufs = append(out.Bufs, v.Bufs...)
			views := out.Views()[at : at+n]
			for r := range views {
				if views[r].Len > vector.MaxInline {
					views[r].Buf += shift
				}
			}
		}
		at += n
	}
	out.Own(total)
	return out
}
