package parquet

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Scan implements connector.Source.
func (s *source) Scan(_ context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	x := h.(*handle)
	t, err := s.current(x)
	if err != nil {
		return nil, err
	}
	parts := x.parts
	if parts == nil {
		parts = t.prune(x.checks)
	}
	size := o.BatchSize
	if size <= 0 {
		size = vector.BatchSize
	}
	r := &reader{
		source: s, table: t, project: x.project, parts: parts, size: size, limit: -1,
		format: o.Format, memory: &budget{account: o.Account}, slots: map[*vector.Batch]*slot{}, open: -1,
	}
	r.pool = &blockPool{memory: r.memory}
	r.flate = &inflater{memory: r.memory}
	if x.limit > 0 {
		r.limit = x.limit
	}
	return r, nil
}

// reader reads parts one after the other.
type reader struct {
	source  *source
	table   *table
	project []int
	parts   []part
	size    int
	limit   int64 // rows still wanted, -1 for all
	format  *types.Format
	memory  *budget
	pool    *blockPool
	flate   *inflater
	slots   map[*vector.Batch]*slot

	left   int64 // rows left of the current part
	cols   []columnReader
	file   *os.File
	open   int // index of the file that is open, -1 for none
	name   string
	failed error
	closed bool
}

// slot is the memory behind one batch that the caller rotates.
type slot struct {
	vecs  []*vector.Vec
	valid []vector.Bitmap
	keep  keeper
	owned int64 // paid for bytes that the vectors own
}

// columnReader reads one projected column of the current row group.
type columnReader struct {
	mapped *mapped // nil when the file lacks the column
	typ    types.Type
	chunk  *chunkReader
	nested *nestedReader

	// native and out convert to another type; native is only used until the
	// values are converted.
	native *vector.Vec
	keep   keeper
	out    *decode.Column
}

// Local implements connector.LocalReader.
func (r *reader) Local() {}

// take returns the slot of dst and empties dst.
func (r *reader) take(dst *vector.Batch) (*slot, error) {
	s := r.slots[dst]
	if s == nil {
		// What fixed-width values, views and codes need at most.
		if err := r.memory.reserve(int64(len(r.project)*r.size) * 20); err != nil {
			return nil, err
		}
		s = &slot{vecs: make([]*vector.Vec, len(r.project)), valid: make([]vector.Bitmap, len(r.project))}
		s.keep.pool = r.pool
		for i := range s.vecs {
			s.vecs[i] = &vector.Vec{}
		}
		r.slots[dst] = s
	}
	s.keep.release()
	for i, v := range s.vecs {
		if v.Valid != nil {
			s.valid[i] = v.Valid
		}
	}
	dst.N, dst.Sel = 0, nil
	dst.Cols = append(dst.Cols[:0], s.vecs...)
	return s, nil
}

// charge pays for the bytes that the vectors of a slot own.
func (r *reader) charge(s *slot) error {
	total := int64(0)
	for i := range r.cols {
		c := &r.cols[i]
		if c.mapped == nil || c.out == nil && !c.mapped.owned() {
			continue
		}
		for _, b := range s.vecs[i].Bufs {
			total += int64(cap(b))
		}
	}
	if d := total - s.owned; d > 1<<16 || d < -1<<20 {
		if err := r.memory.reserve(d); err != nil {
			return err
		}
		s.owned = total
	}
	return nil
}

// Next implements connector.Reader.
func (r *reader) Next(ctx context.Context, dst *vector.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt(r.source.name, r.name, fmt.Errorf("%w: %v", errCorrupt, p))
		}
		if err != nil {
			dst.N, dst.Sel, dst.Cols = 0, nil, dst.Cols[:0]
			if err != io.EOF && ctx.Err() == nil {
				r.failed = err
			}
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.failed != nil {
		return r.failed
	}
	if r.closed {
		return io.EOF
	}
	s, err := r.take(dst)
	if err != nil {
		return err
	}
	for r.left == 0 {
		if len(r.parts) == 0 || r.limit == 0 {
			return io.EOF
		}
		if err := r.start(r.parts[0]); err != nil {
			return corrupt(r.source.name, r.name, err)
		}
		r.left = r.parts[0].rows
		r.parts = r.parts[1:]
	}
	n := int(min(int64(r.size), r.left))
	if r.limit >= 0 {
		n = int(min(int64(n), r.limit))
	}
	if n == 0 {
		return io.EOF
	}
	for i := range r.cols {
		if err := r.cols[i].read(s.vecs[i], n, s.valid[i], &s.keep); err != nil {
			return corrupt(r.source.name, r.name, err)
		}
		if r.cols[i].mapped == nil {
			dst.Cols[i] = vector.NewNull(r.cols[i].typ)
		}
	}
	dst.N = n
	r.left -= int64(n)
	if r.limit > 0 {
		r.limit -= int64(n)
	}
	return r.charge(s)
}

// read fills n rows of v.
func (c *columnReader) read(v *vector.Vec, n int, spare vector.Bitmap, keep *keeper) error {
	switch {
	case c.mapped == nil:
		return nil
	case c.out == nil && c.nested != nil:
		return c.nested.read(v, n)
	case c.out == nil:
		c.chunk.begin(v, n, spare)
		return c.chunk.read(v, 0, n, n, keep)
	}
	c.keep.release()
	var err error
	if c.nested != nil {
		err = c.nested.read(c.native, n)
	} else {
		c.chunk.begin(c.native, n, nil)
		err = c.chunk.read(c.native, 0, n, n, &c.keep)
	}
	if err != nil {
		return err
	}
	c.out.Begin(v, n)
	if err := c.out.Convert(c.native, n); err != nil {
		// A value that does not fit its declared type: say which column, not
		// which value.
		e := *pgerror.From(err)
		e.Column, e.Where = c.mapped.name, fmt.Sprintf("column %q of a Parquet file", c.mapped.name)
		return &e
	}
	return nil
}

// start opens the columns of a part.
func (r *reader) start(p part) error {
	r.stop()
	f := r.table.files[p.file]
	r.name = f.file.Name
	if r.open != p.file {
		r.closeFile()
		if len(r.project) > 0 {
			file, err := f.file.Open()
			if err != nil {
				return r.table.access.OpenError(f.file, err)
			}
			r.file, r.open = file, p.file
		}
	}
	group := f.footer.groups[p.group]
	meta := &f.footer.meta.Metadata().RowGroups[p.group]
	r.cols = make([]columnReader, len(r.project))
	for i, c := range r.project {
		col := &r.cols[i]
		col.typ = r.table.columns[c].Type
		m := f.fields[c]
		if m == nil {
			continue
		}
		col.mapped = m
		col.keep.pool = r.pool
		if m.convert {
			col.native = &vector.Vec{}
			col.out = decode.NewColumn(col.typ, r.format)
		}
		if m.form == formNested {
			chunks := group.ColumnChunks()
			n := &nestedReader{f: &m.field}
			for k := range countLeaves(m.column) {
				if err := nestedCodec(meta.Columns[m.leaf+k].MetaData.Codec); err != nil {
					return err
				}
				chunk := chunks[m.leaf+k].(*parquet.FileColumnChunk)
				n.leaves = append(n.leaves, &leafReader{pages: chunk.PagesFrom(r.file)})
			}
			col.nested = n
			if p.from > 0 {
				if err := n.skip(int(p.from)); err != nil {
					return err
				}
			}
			continue
		}
		chunk, err := newChunkReader(&m.field, r.file, &meta.Columns[m.leaf].MetaData, f.file.Size, r.pool, r.flate, &r.source.dictIDs)
		if err != nil {
			return err
		}
		col.chunk = chunk
		if chunk.pages.meta.NumValues != group.NumRows() {
			return fmt.Errorf("%w: a column has another number of rows than its row group", errCorrupt)
		}
		if p.from > 0 {
			if err := chunk.seek(p.from, &meta.Columns[m.leaf]); err != nil {
				return err
			}
		}
	}
	return nil
}

// stop closes the columns of the current part.
func (r *reader) stop() {
	for i := range r.cols {
		c := &r.cols[i]
		if c.chunk != nil {
			c.chunk.close()
		}
		if c.nested != nil {
			c.nested.close()
		}
		c.keep.release()
	}
	r.cols = nil
}

// closeFile closes the open file.
func (r *reader) closeFile() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
	r.open = -1
}

// Close implements connector.Reader.
func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.parts, r.left = nil, 0
	r.stop()
	r.closeFile()
	for _, s := range r.slots {
		s.keep.release()
	}
	r.slots = nil
	r.pool.close()
	r.flate.close()
	r.memory.release(r.memory.held)
	return nil
}
