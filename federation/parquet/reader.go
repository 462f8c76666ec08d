package parquet

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

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
	queue := x.queue
	if queue == nil {
		queue = &partQueue{parts: t.prune(x.checks)}
	}
	size := o.BatchSize
	if size <= 0 {
		size = vector.BatchSize
	}
	r := &reader{
		source: s, table: t, checks: x.checks, bound: -1, project: x.project, queue: queue, size: size, limit: -1,
		format: o.Format, memory: &budget{account: o.Account}, slots: map[*vector.Batch]*slot{}, open: -1,
	}
	r.located, r.places = x.located, x.places
	r.pool = &blockPool{memory: r.memory}
	r.flate = &inflater{memory: r.memory, spare: &s.decoders}
	if x.limit > 0 {
		r.limit = x.limit
		return r, nil
	}
	for _, f := range o.Filters {
		r.dynamics = append(r.dynamics, dynamic{ScanFilter: f, column: x.project[f.Column]})
	}
	return r, nil
}

// reader reads parts one after the other.
type reader struct {
	source  *source
	table   *table
	project []int
	checks  []check
	queue   *partQueue
	size    int
	limit   int64 // rows still wanted, -1 for all
	format  *types.Format
	memory  *budget
	pool    *blockPool
	flate   *inflater
	slots   map[*vector.Batch]*slot

	row    int64      // next row of the current row group
	left   int64      // rows left of the current range
	ranges []rowRange // ranges behind it
	cols   []columnReader
	// chunks are the readers of leaf columns by column of the table, for the
	// projection and the filter.
	chunks map[int]*chunkReader
	filter *rowFilter // nil without tests
	bound  int        // the file that filter is bound to
	// dynamics are the dynamic filters by their index.
	dynamics []dynamic
	group    *part // the current part, nil for none
	// located: the place of the first row of the group; places: the rows wanted.
	located bool
	place   int64
	places  map[part][]rowRange
	ended   bool // no row matters any more
	whole   bool // a column cannot be read in pieces of a batch
	file    *os.File
	open    int // index of the file that is open, -1 for none
	name    string
	failed  error
	closed  bool
}

// rowRange is a range of rows of a row group.
type rowRange struct{ from, rows int64 }

// slot is the memory behind one batch that the caller rotates.
type slot struct {
	vecs  []*vector.Vec
	valid []vector.Bitmap
	keep  keeper
	owned int64       // paid for bytes that the vectors own
	place *vector.Vec // of a scan that locates its rows
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
		if err := r.memory.reserve(int64((len(r.project)+1)*r.size) * 20); err != nil {
			return nil, err
		}
		s = &slot{vecs: make([]*vector.Vec, len(r.project)), valid: make([]vector.Bitmap, len(r.project))}
		s.keep.pool = r.pool
		for i := range s.vecs {
			s.vecs[i] = &vector.Vec{}
		}
		if r.located {
			s.place = vector.New(types.Of(types.Int8), r.size)
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
	if s.place != nil {
		dst.Cols = append(dst.Cols, s.place)
	}
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
	n, err := r.fill(ctx, s)
	if err != nil {
		if err == io.EOF || ctx.Err() != nil {
			return err
		}
		return corrupt(r.source.name, r.name, err)
	}
	for i := range r.cols {
		if r.cols[i].mapped == nil {
			dst.Cols[i] = vector.NewNull(r.cols[i].typ)
		}
	}
	dst.N = n
	return r.charge(s)
}

// fill reads the next rows, at least one.
func (r *reader) fill(ctx context.Context, s *slot) (int, error) {
	for {
		if len(r.dynamics) > 0 && (r.ended || !r.refresh()) {
			r.ended = true
			return 0, io.EOF
		}
		if err := r.advance(); err != nil {
			return 0, err
		}
		r.noteActive(r.filter != nil && !r.filter.off)
		if r.filter != nil && !r.filter.off {
			n, err := r.fillFiltered(ctx, s)
			if n > 0 || err != nil {
				return n, err
			}
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			continue
		}
		n := int(min(int64(r.size), r.left))
		if r.limit >= 0 {
			n = int(min(int64(n), r.limit))
			r.limit -= int64(n)
		}
		for i := range r.cols {
			if err := r.cols[i].read(s.vecs[i], n, s.valid[i], &s.keep); err != nil {
				return 0, err
			}
		}
		if r.filter != nil {
			for _, w := range r.filter.work {
				w.read = false
			}
			if err := r.pass(n); err != nil {
				return 0, err
			}
		}
		r.locate(s.place, 0, r.row, nil, n)
		r.row += int64(n)
		r.left -= int64(n)
		return n, nil
	}
}

// pass moves the columns that only the filter reads past n rows, unless it has
// read them.
func (r *reader) pass(n int) error {
	for c, w := range r.filter.work {
		if !w.read && w.chunk != nil && !slices.Contains(r.project, c) {
			if err := w.chunk.skip(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillFiltered reads the next rows that pass the filter, until the batch is
// nearly full, the range ends, or nothing has passed for long.
func (r *reader) fillFiltered(ctx context.Context, s *slot) (int, error) {
	at := 0
	for windows := 0; r.left > 0 && at <= r.size*3/4 && !r.filter.off; windows++ {
		if windows >= 64 && (at > 0 || ctx.Err() != nil) {
			break
		}
		n := int(min(int64(r.size-at), r.left))
		sel, err := r.filter.window(n)
		if err != nil {
			return 0, err
		}
		r.locate(s.place, at, r.row, sel, n)
		r.row += int64(n)
		r.left -= int64(n)
		for i := range r.cols {
			w := r.filter.work[r.project[i]]
			if w != nil && !w.read {
				w = nil
			}
			if err := r.cols[i].pick(s.vecs[i], at, sel, n, r.size, s.valid[i], &s.keep, w); err != nil {
				return 0, err
			}
		}
		if err := r.pass(n); err != nil {
			return 0, err
		}
		at += len(sel)
		if r.whole && at > 0 {
			break
		}
	}
	return at, nil
}

// advance makes sure that the current range has rows; io.EOF means that there
// are none left.
func (r *reader) advance() error {
	if r.limit == 0 {
		return io.EOF
	}
	for r.left == 0 {
		switch {
		case len(r.ranges) > 0:
			next := r.ranges[0]
			r.ranges = r.ranges[1:]
			if gap := next.from - r.row; gap > 0 {
				if err := r.skip(gap); err != nil {
					return err
				}
			}
			r.row, r.left = next.from, next.rows
		default:
			p, ok := r.queue.next()
			if !ok {
				return io.EOF
			}
			if r.misses(p) {
				continue
			}
			if err := r.start(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// skip passes over n rows of all columns.
func (r *reader) skip(n int64) error {
	for _, c := range r.chunks {
		if err := c.advance(n); err != nil {
			return err
		}
	}
	for i := range r.cols {
		if x := r.cols[i].nested; x != nil {
			if err := x.skip(int(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// pick appends those of the next n rows that sel lists to v, which has at rows
// and room for size. w is the window of the column when the filter has read it.
func (c *columnReader) pick(v *vector.Vec, at int, sel []int32, n, size int, spare vector.Bitmap, keep *keeper, w *windowColumn) error {
	switch {
	case c.mapped == nil:
		return nil
	case c.nested == nil && c.out == nil:
		if at == 0 {
			c.chunk.begin(v, size, spare)
		}
		if w == nil {
			return c.chunk.pick(v, at, sel, n, size, keep)
		}
		if len(sel) > 0 {
			w.appendRows(v, at, size, sel, spare, keep)
		}
		return nil
	case len(sel) == 0 && c.nested != nil:
		return c.nested.skip(n)
	case len(sel) == 0 && w != nil:
		return nil
	case len(sel) == 0:
		return c.chunk.skip(n)
	case c.nested != nil:
		if err := c.nested.read(c.native, n); err != nil {
			return err
		}
		if c.out == nil {
			vector.Gather(v, c.native, sel, n)
			// The next rows reuse the list of native, not the buffers.
			v.Bufs = slices.Clone(v.Bufs)
			return nil
		}
		var some vector.Vec
		vector.Gather(&some, c.native, sel, n)
		return c.convert(v, &some, len(sel))
	}
	c.keep.release()
	c.chunk.begin(c.native, size, nil)
	if w != nil {
		w.appendRows(c.native, 0, size, sel, nil, &c.keep)
	} else if err := c.chunk.pick(c.native, 0, sel, n, size, &c.keep); err != nil {
		return err
	}
	return c.convert(v, c.native, len(sel))
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
	return c.convert(v, c.native, n)
}

// convert stores n rows of src as values of the column's type.
func (c *columnReader) convert(v, src *vector.Vec, n int) error {
	c.out.Begin(v, n)
	if err := c.out.Convert(src, n); err != nil {
		// A value that does not fit its declared type: say which column, not
		// which value.
		e := *pgerror.From(err)
		e.Column, e.Where = c.mapped.name, fmt.Sprintf("column %q of a Parquet file", c.mapped.name)
		return &e
	}
	return nil
}

// start opens the columns of a part. A part that holds no row for the filter
// leaves no range.
func (r *reader) start(p part) error {
	r.stop()
	f := r.table.files[p.file]
	r.name = f.file.Name
	if r.bound != p.file {
		r.bound = p.file
		if err := r.bind(f); err != nil {
			return err
		}
	}
	if r.open != p.file {
		r.closeFile()
		if len(r.project) > 0 || r.filter != nil {
			file, err := f.file.Open()
			if err != nil {
				return r.table.access.OpenError(f.file, err)
			}
			r.file, r.open = file, p.file
		}
	}
	meta := &f.footer.meta.Metadata().RowGroups[p.group]
	r.chunks = map[int]*chunkReader{}
	r.row, r.group = 0, &p
	for i := range r.dynamics {
		d := &r.dynamics[i]
		if d.step = nil; d.domain == nil || !r.testable(d) {
			continue
		}
		if err := r.chunk(d.column, f.fields[d.column], f, meta); err != nil {
			return err
		}
		r.enlist(d)
	}
	if r.filter != nil {
		for _, c := range r.filter.columns() {
			if err := r.chunk(c, f.fields[c], f, meta); err != nil {
				return err
			}
			r.filter.work[c].chunk = r.chunks[c]
		}
		r.filter.begin()
		if none, err := r.filter.excluded(); none || err != nil {
			return err
		}
		if none, err := r.filter.bloomed(); none || err != nil {
			return err
		}
	}
	r.cols = make([]columnReader, len(r.project))
	r.whole = false
	for i, c := range r.project {
		col := &r.cols[i]
		col.typ = r.table.columns[c].Type
		m := f.fields[c]
		if m == nil {
			continue
		}
		col.mapped = m
		col.keep.pool = r.pool
		if m.convert || m.form == formNested {
			r.whole = true
			col.native = &vector.Vec{}
		}
		if m.convert {
			col.out = decode.NewColumn(col.typ, r.format)
		}
		if m.form != formNested {
			if err := r.chunk(c, m, f, meta); err != nil {
				return err
			}
			col.chunk = r.chunks[c]
			continue
		}
		n, err := newNestedReader(&m.field, r.file, meta, f.file.Size, r.pool, r.flate)
		if err != nil {
			return err
		}
		col.nested = n
	}
	var err error
	if r.places != nil {
		r.ranges = r.places[p]
	} else {
		r.ranges, err = r.pageRanges(p, f)
	}
	if r.located {
		r.place = r.table.placeOf(p)
	}
	r.announce(p.file)
	return err
}

// announce tells the kernel which bytes the next row group has for the columns
// that are being read, so that they come from the disk while this one is
// decoded.
func (r *reader) announce(file int) {
	p, ok := r.queue.peek(file)
	if !ok || p.group == r.group.group || r.limit >= 0 {
		return
	}
	f := r.table.files[file]
	columns := f.footer.meta.Metadata().RowGroups[p.group].Columns
	for c := range r.chunks {
		meta := &columns[f.fields[c].leaf].MetaData
		start := meta.DataPageOffset
		if d := meta.DictionaryPageOffset; d > 0 && d < start {
			start = d
		}
		readAhead(r.file, start, meta.TotalCompressedSize)
	}
}

// bind binds the predicates to the columns of a file.
func (r *reader) bind(f tableFile) error {
	if r.filter != nil {
		r.filter.close(r.memory)
		r.filter = nil
	}
	tests := bindAll(r.checks, f.fields)
	if len(tests) == 0 {
		return nil
	}
	r.filter = newRowFilter(tests)
	for _, c := range r.filter.columns() {
		if _, err := r.window(c); err != nil {
			return err
		}
	}
	return nil
}

// window returns the window of a column that the filter reads.
func (r *reader) window(c int) (*windowColumn, error) {
	if w := r.filter.work[c]; w != nil {
		return w, nil
	}
	w := &windowColumn{paid: int64(r.size) * 24}
	if err := r.memory.reserve(w.paid); err != nil {
		return nil, err
	}
	w.keep.pool = r.pool
	r.filter.work[c] = w
	return w, nil
}

// chunk opens the reader of column c, whose field is m, unless that is done.
func (r *reader) chunk(c int, m *mapped, f tableFile, group *format.RowGroup) error {
	if r.chunks[c] != nil {
		return nil
	}
	x, err := newChunkReader(&m.field, r.file, &group.Columns[m.leaf], f.file.Size, r.pool, r.flate, &r.source.dictIDs)
	if err != nil {
		return err
	}
	if x.pages.meta.NumValues != group.NumRows {
		return fmt.Errorf("%w: a column has another number of rows than its row group", errCorrupt)
	}
	r.chunks[c] = x
	return nil
}

// stop closes the columns of the current part.
func (r *reader) stop() {
	for _, c := range r.chunks {
		c.close()
	}
	r.chunks = nil
	if r.filter != nil {
		r.filter.end()
	}
	for i := range r.cols {
		c := &r.cols[i]
		if c.nested != nil {
			c.nested.close()
		}
		c.keep.release()
	}
	r.cols, r.ranges, r.left, r.group = nil, nil, 0, nil
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
	r.ended = true
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
