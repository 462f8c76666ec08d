package parquet

import (
	"context"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

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
		source: s.name, table: t, project: x.project, parts: parts, size: size, limit: -1,
		format: o.Format, slots: decode.NewSlots[pageSet](o.Account), open: -1,
	}
	if x.limit > 0 {
		r.limit = x.limit
	}
	return r, nil
}

// reader reads parts one after the other.
type reader struct {
	source  string
	table   *table
	project []int
	parts   []part
	size    int
	limit   int64 // rows still wanted, -1 for all
	format  *types.Format
	slots   *decode.Slots[pageSet]

	left    int64 // rows left of the current part
	cols    []columnReader
	file    *os.File
	open    int // index of the file that is open, -1 for none
	name    string
	dictIDs uint64
	failed  error
	closed  bool
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
	keep   pageSet
	out    *decode.Column
}

// Local implements connector.LocalReader.
func (r *reader) Local() {}

// Next implements connector.Reader.
func (r *reader) Next(ctx context.Context, dst *vector.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt(r.source, r.name, fmt.Errorf("%w: %v", errCorrupt, p))
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
	slot := r.slots.Take(dst, len(r.project))
	slot.Keep.release()
	for r.left == 0 {
		if r.closed || len(r.parts) == 0 || r.limit == 0 {
			return io.EOF
		}
		if err := r.start(r.parts[0]); err != nil {
			return corrupt(r.source, r.name, err)
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
		v := slot.Vecs[i]
		if err := r.cols[i].read(v, n, &slot.Keep); err != nil {
			return corrupt(r.source, r.name, err)
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
	return r.slots.Charge(0)
}

// read fills n rows of v.
func (c *columnReader) read(v *vector.Vec, n int, keep *pageSet) error {
	switch {
	case c.mapped == nil:
		return nil
	case c.out == nil && c.nested != nil:
		return c.nested.read(v, n)
	case c.out == nil:
		return c.chunk.read(v, n, keep)
	}
	c.keep.release()
	var err error
	if c.nested != nil {
		err = c.nested.read(c.native, n)
	} else {
		err = c.chunk.read(c.native, n, &c.keep)
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
	chunks := group.ColumnChunks()
	r.cols = make([]columnReader, len(r.project))
	for i, c := range r.project {
		col := &r.cols[i]
		col.typ = r.table.columns[c].Type
		m := f.fields[c]
		if m == nil {
			continue
		}
		col.mapped = m
		if m.convert {
			col.native = &vector.Vec{}
			col.out = decode.NewColumn(col.typ, r.format)
		}
		for k := range countLeaves(m.column) {
			if err := r.codec(f.footer, p.group, m.leaf+k); err != nil {
				return err
			}
		}
		if m.form == formNested {
			n := &nestedReader{f: &m.field}
			for k := range countLeaves(m.column) {
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
		chunk := chunks[m.leaf].(*parquet.FileColumnChunk)
		col.chunk = &chunkReader{f: &m.field, nextID: &r.dictIDs}
		if p.from == 0 {
			col.chunk.pages = chunk.PagesFrom(r.file)
			continue
		}
		if err := col.chunk.seek(chunk, r.file, p.from); err != nil {
			return err
		}
	}
	return nil
}

// codec refuses the codecs that the page reader cannot be trusted with: it does
// not hand over the right buffer for LZ4 pages that compress badly.
func (r *reader) codec(ft *footer, group, leaf int) error {
	switch c := ft.meta.Metadata().RowGroups[group].Columns[leaf].MetaData.Codec; c {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli:
		return nil
	default:
		return pgerror.Source(r.source, pgerror.FeatureNotSupported, fmt.Sprintf("compression %s of Parquet file %q is not supported", c, r.name), nil)
	}
}

// seek starts at row from: at the page that holds it, by the offset index.
func (c *chunkReader) seek(chunk *parquet.FileColumnChunk, file *os.File, from int64) error {
	first := int64(0)
	if index, err := chunk.OffsetIndexFrom(file); err == nil && index != nil && index.NumPages() > 0 {
		n := index.NumPages()
		k := sort.Search(n, func(i int) bool { return index.FirstRowIndex(i) > from }) - 1
		if k > 0 {
			first = index.FirstRowIndex(k)
		}
	}
	c.pages = chunk.PagesFrom(file)
	if first > 0 {
		if err := c.pages.SeekToRow(first); err != nil {
			return err
		}
	}
	return c.skip(int(from - first))
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
	r.slots.Each(func(s *decode.Slot[pageSet]) { s.Keep.release() })
	r.slots.Close()
	return nil
}
