package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/federation/localfile"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Scan implements connector.Source.
func (s *source) Scan(_ context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	x := h.(*handle)
	r := &reader{source: s.name, table: x.table, project: x.project, size: o.BatchSize, limit: -1, slots: decode.NewSlots[struct{}](o.Account)}
	if r.size <= 0 {
		r.size = vector.BatchSize
	}
	if x.limit > 0 {
		r.limit = x.limit
	}
	if r.spans = x.parts; r.spans == nil {
		files, err := x.table.files()
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			r.spans = append(r.spans, span{file: f, to: -1})
		}
	}
	for _, c := range x.project {
		col := x.table.columns[c]
		r.cols = append(r.cols, column{
			Column: decode.NewColumn(col.Type, o.Format), at: c, name: col.Name, key: memberName(col),
			forceNull: truth(col.Options["force_null"]), forceNotNull: truth(col.Options["force_not_null"]),
		})
	}
	return r, nil
}

// memberName returns the name of a column in the file.
func memberName(c connector.Column) string {
	if n := c.Options["column_name"]; n != "" {
		return n
	}
	return c.Name
}

// column is one projected column.
type column struct {
	*decode.Column
	at                      int    // index of its cell
	name, key               string // in the table and in the file
	forceNull, forceNotNull bool
	hint                    int // where the last JSON object had it
}

// reader reads spans one after the other.
type reader struct {
	source  string
	table   *table
	project []int
	cols    []column
	spans   []span
	size    int
	limit   int64 // rows still wanted, -1 for all
	slots   *decode.Slots[struct{}]

	in      *input
	name    string
	records *records
	objects *objects
	typed   typed
	row     int64  // of typed, the last one read
	span    span   // of objects
	spare   []byte // a window that is free
	failed  error
	closed  bool
}

// Local implements connector.LocalReader.
func (r *reader) Local() {}

// Next implements connector.Reader.
func (r *reader) Next(ctx context.Context, dst *vector.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.failed != nil {
		return r.failed
	}
	n, err := r.fill(ctx, dst)
	if err != nil {
		dst.N, dst.Cols = 0, dst.Cols[:0]
		if ctx.Err() == nil {
			r.failed = err
		}
		return err
	}
	if n == 0 {
		return io.EOF
	}
	dst.N = n
	if r.limit > 0 {
		r.limit -= int64(n)
	}
	return nil
}

// fill reads up to a batch of rows.
func (r *reader) fill(ctx context.Context, dst *vector.Batch) (int, error) {
	slot := r.slots.Take(dst, len(r.cols))
	size := r.size
	if r.limit >= 0 {
		size = int(min(int64(size), r.limit))
	}
	for i, c := range r.cols {
		c.Begin(slot.Vecs[i], r.size)
	}
	n := 0
	for n < size {
		if r.in == nil {
			if r.closed || len(r.spans) == 0 {
				break
			}
			sp := r.spans[0]
			r.spans = r.spans[1:]
			if err := r.open(sp); err != nil {
				return 0, err
			}
		}
		var more int
		var err error
		switch {
		case r.objects != nil:
			more, err = r.json(ctx, n, size)
		case r.typed != nil:
			more, err = r.typedRows(ctx, n, size)
		default:
			more, err = r.delimited(ctx, n, size)
		}
		if err != nil {
			return 0, err
		}
		if more == 0 {
			r.finish()
		}
		n += more
	}
	held := int64(0)
	if r.records != nil {
		held = int64(len(r.records.buf))
	}
	if r.objects != nil {
		held = int64(len(r.objects.buf))
	}
	if r.typed != nil {
		held += r.typed.held()
	}
	return n, r.slots.Charge(held)
}

// open starts a span.
func (r *reader) open(sp span) error {
	in, err := openInput(sp.file, r.table.layout.charset, sp.from, sp.to)
	if err != nil {
		return r.inputError(sp.file, err)
	}
	r.in, r.name = in, sp.file.Name
	if isTyped(r.table.layout.format) {
		if r.typed, err = openTyped(in); err != nil {
			return r.table.invalid(r.name, err)
		}
		r.row = 0
		r.bindTyped()
		return nil
	}
	if r.table.layout.format == formatJSON {
		w := window{r: in.Reader, buf: r.spare}
		if sp.from == 0 {
			if err := w.skipBOM(); err != nil {
				return r.inputError(sp.file, err)
			}
		}
		r.objects, r.span = newObjects(w), sp
		return nil
	}
	buf := []byte(nil)
	if r.records != nil {
		buf = r.records.buf
	}
	r.records = newRecords(r.table.layout, sp.line)
	r.records.r, r.records.buf = in.Reader, buf
	if sp.from > 0 {
		return nil
	}
	if err := r.records.skipBOM(); err != nil {
		return r.inputError(sp.file, err)
	}
	if r.table.layout.header == "false" {
		return nil
	}
	ok, err := r.records.next()
	if err != nil {
		return r.fail(err)
	}
	if ok && r.table.layout.header == "match" {
		return r.matchHeader()
	}
	return nil
}

// matchHeader compares the header with the columns, as COPY ... HEADER MATCH.
func (r *reader) matchHeader() error {
	cells := r.records.cells
	if len(cells) != r.table.width {
		return r.at(pgerror.Newf(pgerror.BadCopyFileFormat, "wrong number of fields in header line: field count is %d, expected %d", len(cells), r.table.width), "")
	}
	for i, c := range r.table.columns {
		if string(cells[i].b) != memberName(c) {
			return r.at(pgerror.Newf(pgerror.BadCopyFileFormat, "column name mismatch in header line field %d: expected \"%s\"", i+1, memberName(c)), "")
		}
	}
	return nil
}

// finish closes the current span.
func (r *reader) finish() {
	if r.typed != nil {
		r.typed.close()
		r.typed = nil
	}
	if r.in != nil {
		r.in.Close()
		r.in = nil
	}
	if r.objects != nil {
		r.spare = r.objects.buf
	}
	r.objects = nil
}

// delimited reads records of a CSV or text file into rows n..size-1.
func (r *reader) delimited(ctx context.Context, n, size int) (int, error) {
	rec, width, null, csv := r.records, r.table.width, r.table.layout.null, r.table.layout.format == formatCSV
	from := n
	for ; n < size; n++ {
		if n&255 == 255 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		ok, err := rec.next()
		if err != nil {
			return 0, r.fail(err)
		}
		if !ok {
			break
		}
		cells := rec.cells
		if len(cells) != width {
			if len(cells) > width {
				if width == 0 && len(cells) == 1 && len(cells[0].b) == 0 {
					continue
				}
				return 0, r.at(pgerror.New(pgerror.BadCopyFileFormat, "extra data after last expected column"), "")
			}
			return 0, r.at(pgerror.Newf(pgerror.BadCopyFileFormat, "missing data for column \"%s\"", r.table.columns[len(cells)].Name), "")
		}
		for i := range r.cols {
			c := &r.cols[i]
			x := &cells[c.at]
			if csv {
				if string(x.b) == null && (!x.quoted && !c.forceNotNull || x.quoted && c.forceNull) {
					c.Null(n)
					continue
				}
			} else if x.null {
				c.Null(n)
				continue
			}
			if err := c.Text(n, x.b); err != nil {
				return 0, r.at(err, c.name)
			}
		}
	}
	return n - from, nil
}

// json reads objects into rows n..size-1.
func (r *reader) json(ctx context.Context, n, size int) (int, error) {
	from := n
	for ; n < size; n++ {
		if n&255 == 255 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		ok, err := r.objects.next()
		if err != nil {
			return 0, r.fail(err)
		}
		if !ok {
			break
		}
		for i := range r.cols {
			c := &r.cols[i]
			if err := jsonValue(c.Column, n, r.objects.value(c.key, &c.hint)); err != nil {
				return 0, r.at(err, c.name)
			}
		}
	}
	return n - from, nil
}

// at adds where an error happened: the table, the line and the column.
func (r *reader) at(err error, column string) error {
	e := *pgerror.From(err)
	line := int64(0)
	switch {
	case r.objects != nil:
		line = r.objects.n + r.objectsBefore()
	case r.typed != nil:
		line = r.row
	case r.records != nil:
		line = r.records.line
	}
	e.Where, e.Column = contextOf(r.table.ref.Name, line, column), column
	if len(r.table.pattern) > 0 && r.name != "" {
		e.Where += fmt.Sprintf(" (file \"%s\" of source \"%s\")", r.name, r.source)
	}
	return &e
}

// objectsBefore counts the objects before the current span, for an error: no
// other need is worth reading them.
func (r *reader) objectsBefore() int64 {
	if r.span.from == 0 {
		return 0
	}
	in, err := openInput(r.span.file, nil, 0, r.span.from)
	if err != nil {
		return 0
	}
	defer in.Close()
	w := window{r: in.Reader}
	if w.skipBOM() != nil {
		return 0
	}
	o := newObjects(w)
	for {
		if ok, err := o.next(); !ok || err != nil {
			return o.n
		}
	}
}

// fail turns an error of reading or splitting into the client's.
func (r *reader) fail(err error) error {
	switch {
	case errors.As(err, new(*pgerror.Error)):
		return r.at(err, "")
	case errors.As(err, new(errUnterminated)):
		return r.at(pgerror.New(pgerror.BadCopyFileFormat, "unterminated CSV quoted field"), "")
	case errors.Is(err, errTooLong):
		return r.at(pgerror.New(pgerror.ProgramLimitExceeded, "a record is longer than 1 GB"), "")
	case errors.Is(err, errNotObject), errors.Is(err, errJSON), r.objects != nil && errors.Is(err, io.ErrUnexpectedEOF):
		return r.at(pgerror.Wrap(err, pgerror.InvalidTextRepresentation, "invalid input syntax for type json"), "")
	}
	return pgerror.Source(r.source, pgerror.DataCorrupted, "could not read file \""+r.name+"\"", err)
}

// inputError is the error of opening a file or its decompression.
func (r *reader) inputError(f localfile.File, err error) error {
	if compressed(f.Name) != "" && !errors.As(err, new(interface{ Timeout() bool })) {
		return pgerror.Source(r.source, pgerror.DataCorrupted, "could not decompress file \""+f.Name+"\"", err)
	}
	return r.table.access.OpenError(f, err)
}

// Close implements connector.Reader.
func (r *reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.spans = nil
	r.finish()
	r.records = nil
	r.slots.Close()
	return nil
}
