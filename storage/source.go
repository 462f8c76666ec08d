package storage

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// viewKey is the key of the View in a context.
type viewKey struct{}

// WithView returns a context in which scans read v. Every statement that reads
// local tables runs in one.
func WithView(ctx context.Context, v *View) context.Context {
	return context.WithValue(ctx, viewKey{}, v)
}

// Source reads local tables. A scan sees the View of its context, or what is
// committed when there is none.
type Source struct{ s *Store }

// Source returns the source of the local tables.
func (s *Store) Source() *Source { return &Source{s} }

// handle is a local table, or some columns of it.
type handle struct {
	table   types.OID
	name    string
	columns []connector.Column
	atts    []int16 // 0 stands for the row's identity
	// parts, when not nil, are the only ones to read: those of Split.
	from, to int
	split    bool
}

// RowID is the name of the hidden column that identifies a row for UPDATE and
// DELETE: int8, valid within one statement.
const RowID = "hub_row_id"

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column { return h.columns }

// String implements connector.TableHandle.
func (h *handle) String() string { return "local table " + h.name }

// Describe returns the handle of a table of the catalog. Its columns are those
// of the table and then, hidden, RowID.
func (s *Source) Describe(rel *catalog.Relation) connector.TableHandle {
	h := &handle{table: rel.OID, name: rel.Name}
	for _, c := range rel.Columns {
		h.columns = append(h.columns, connector.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
		h.atts = append(h.atts, c.AttNum)
	}
	h.columns = append(h.columns, connector.Column{Name: RowID, Type: types.Of(types.Int8), NotNull: true, Hidden: true})
	h.atts = append(h.atts, 0)
	return h
}

// Schemas implements connector.Source. Local tables are listed by the catalog.
func (s *Source) Schemas(context.Context) ([]string, error) { return nil, nil }

// Tables implements connector.Source.
func (s *Source) Tables(context.Context, string) ([]string, error) { return nil, nil }

// Table implements connector.Source. Local tables are described by Describe.
func (s *Source) Table(_ context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	return nil, pgerror.Newf(pgerror.UndefinedTable, "relation %q does not exist", ref.Name)
}

// Close implements connector.Source.
func (s *Source) Close() error { return nil }

// PushProject implements connector.ProjectPusher.
func (s *Source) PushProject(h connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	old := h.(*handle)
	n := *old
	n.columns, n.atts = make([]connector.Column, len(columns)), make([]int16, len(columns))
	for i, c := range columns {
		n.columns[i], n.atts[i] = old.columns[c], old.atts[c]
	}
	return &n, true
}

// Estimate implements connector.Estimator.
func (s *Source) Estimate(_ context.Context, h connector.TableHandle) (float64, bool) {
	return float64(s.s.Rows(h.(*handle).table)), true
}

// version returns the rows that a scan sees.
func (s *Source) version(ctx context.Context, table types.OID) *version {
	if v, ok := ctx.Value(viewKey{}).(*View); ok {
		return v.table(table)
	}
	return s.s.View(nil).table(table)
}

// Split implements connector.Splitter.
func (s *Source) Split(ctx context.Context, h connector.TableHandle, n int) ([]connector.TableHandle, error) {
	old := h.(*handle)
	parts := 0
	for _, g := range s.version(ctx, old.table).segments {
		parts += g.body.parts()
	}
	// Four morsels a worker even out what takes longer.
	n = min(4*n, parts)
	if n < 2 || old.split {
		return []connector.TableHandle{h}, nil
	}
	out := make([]connector.TableHandle, n)
	for i := range out {
		c := *old
		c.split, c.from, c.to = true, parts*i/n, parts*(i+1)/n
		out[i] = &c
	}
	return out, nil
}

// RemoteQuery implements connector.Explainer.
func (s *Source) RemoteQuery(h connector.TableHandle, _ bool) string {
	t := h.(*handle)
	out := t.String()
	if t.split {
		out += " blocks " + strconv.Itoa(t.from) + ".." + strconv.Itoa(t.to)
	}
	return out
}

// Scan implements connector.Source.
func (s *Source) Scan(ctx context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	t, ok := h.(*handle)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "not a local table")
	}
	r := &reader{h: t, size: o.BatchSize, account: o.Account}
	if r.size <= 0 {
		r.size = vector.BatchSize
	}
	at := 0
	for _, g := range s.version(ctx, t.table).segments {
		for i := range g.body.parts() {
			if !t.split || at >= t.from && at < t.to {
				r.todo = append(r.todo, part{g, i})
			}
			at++
		}
	}
	return r, nil
}

// part is one chunk or stripe of a segment.
type part struct {
	seg segment
	i   int
}

// reader reads parts of a table. It implements connector.LocalReader: the files
// are in the page cache or come from a local disk, a block at a time.
type reader struct {
	h       *handle
	size    int
	account *memory.Account
	held    int64
	todo    []part

	now  chunk // the part being read, its columns those of the handle
	at   int
	seg  segment
	base int // of the part, in the body
	sel  []int32
	vecs []*vector.Vec
}

// Local implements connector.LocalReader.
func (r *reader) Local() {}

// Next implements connector.Reader.
func (r *reader) Next(ctx context.Context, dst *vector.Batch) error {
	for {
		if r.at >= r.now.n {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if err := r.open(); err != nil {
				return err
			}
		}
		from := r.at
		n := min(r.size, r.now.n-from)
		r.at += n
		sel, alive := r.seg.living(r.base+from, n, r.sel)
		if sel != nil {
			r.sel = sel
		}
		if alive == 0 {
			continue
		}
		if sel == nil && from%64 != 0 {
			r.sel = vector.Identity(r.sel, n)
			sel = r.sel
		}
		dst.N, dst.Sel, dst.Cols = alive, nil, dst.Cols[:0]
		for i := range sel {
			sel[i] += int32(from)
		}
		for i, v := range r.now.cols {
			switch {
			case sel != nil && v.Kind != vector.Const:
				if r.vecs[i] == nil {
					r.vecs[i] = &vector.Vec{}
				}
				vector.Gather(r.vecs[i], v, sel, alive)
				v = r.vecs[i]
			case v.Kind != vector.Const:
				v = v.Slice(from, from+n)
			}
			dst.Cols = append(dst.Cols, v)
		}
		return nil
	}
}

// open reads the next part.
func (r *reader) open() error {
	if len(r.todo) == 0 {
		return io.EOF
	}
	p := r.todo[0]
	r.todo = r.todo[1:]
	r.seg, r.at, r.base = p.seg, 0, p.i*blockRows
	b := p.seg.body
	r.now = chunk{n: b.partRows(p.i)}
	if r.vecs == nil {
		r.vecs = make([]*vector.Vec, len(r.h.atts))
	}
	if b.file != nil {
		if err := r.charge(b, p.i); err != nil {
			return err
		}
	}
	for i, att := range r.h.atts {
		v, err := r.read(b, p.i, att, r.h.columns[i].Type)
		if err != nil {
			return err
		}
		r.now.cols = append(r.now.cols, v)
	}
	return nil
}

// charge reserves what decoding a stripe takes: its values, estimated by their
// width, and what is read.
func (r *reader) charge(b *body, i int) error {
	want := int64(0)
	for _, att := range r.h.atts {
		want += int64(16 * b.stripes[i].Rows)
		if c := b.layout.column(att); c >= 0 {
			want += 4 * b.stripes[i].Blocks[c].Len
		}
	}
	if want > r.held {
		if err := r.account.Reserve(want - r.held); err != nil {
			return err
		}
		r.held = want
	}
	return nil
}

// read returns one column of a part.
func (r *reader) read(b *body, part int, att int16, t types.Type) (*vector.Vec, error) {
	if att == 0 {
		n := b.partRows(part)
		v := vector.New(t, n)
		for i, out := 0, v.Int64s(); i < n; i++ {
			out[i] = rowID(b.id, part*blockRows+i)
		}
		return v, nil
	}
	c := b.layout.column(att)
	if c < 0 {
		return vector.NewNull(t), nil
	}
	v, err := b.column(part, c)
	if err != nil || v.Type == t {
		return v, err
	}
	if v.Type.OID != t.OID {
		return nil, pgerror.New(pgerror.InternalError, fmt.Sprintf("column %d of a local table has type %d, not %d", att, v.Type.OID, t.OID))
	}
	w := *v
	w.Type = t
	return &w, nil
}

// Close implements connector.Reader.
func (r *reader) Close() error {
	r.account.Release(r.held)
	r.held, r.todo, r.now = 0, nil, chunk{}
	return nil
}
