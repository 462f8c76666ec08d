package pgcatalog

import (
	"context"
	"io"
	"iter"
	"slices"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Scan implements connector.Source.
func (s *source) Scan(_ context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	t, ok := h.(*handle)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "the handle is of another source")
	}
	size := o.BatchSize
	if size <= 0 {
		size = vector.BatchSize
	}
	x := &scan{source: s, handle: t, size: size, width: len(t.rel.visible()), slots: decode.NewSlots[struct{}](o.Account)}
	if fill := contents[relationName{t.rel.Schema, t.rel.Name}]; fill != nil {
		x.resume, x.stop = iter.Pull(func(yield func(struct{}) bool) {
			x.yield = yield
			fill(x)
		})
	}
	return x, nil
}

// scan makes the rows of one relation. The relation's fill function runs as a
// coroutine that is resumed for each batch.
type scan struct {
	*source
	handle *handle
	size   int
	slots  *decode.Slots[struct{}]

	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	// stopped is set when nobody wants more rows: add does nothing then.
	stopped bool
	ended   bool

	cols  []*vector.Vec // of the batch being filled
	n     int
	row   int // rows made so far, for ctid
	width int // visible columns of the relation
	err   error

	// sink, when set, gets the rows in place of batches.
	sink func(row []types.Datum) error
}

// Local marks that nothing is waited for.
func (x *scan) Local() {}

// Next implements connector.Reader.
func (x *scan) Next(ctx context.Context, dst *vector.Batch) error {
	slot := x.slots.Take(dst, len(x.handle.project))
	if err := ctx.Err(); err != nil {
		return err
	}
	if x.resume == nil || x.ended {
		return io.EOF
	}
	for i, v := range slot.Vecs {
		v.Reset(x.handle.rel.Columns[x.handle.project[i]].Type, x.size)
	}
	x.cols, x.n = slot.Vecs, 0
	if _, more := x.resume(); !more {
		x.ended = true
	}
	if x.err != nil {
		return x.err
	}
	if x.n == 0 {
		return io.EOF
	}
	if err := x.slots.Charge(0); err != nil {
		return err
	}
	dst.N = x.n
	return nil
}

// Close implements connector.Reader.
func (x *scan) Close() error {
	x.stopped, x.ended = true, true
	if x.stop != nil {
		x.stop()
	}
	x.slots.Close()
	return nil
}

// add makes one row of the values of all visible columns, in order, unless a key
// excludes it.
func (x *scan) add(values ...types.Datum) {
	if x.stopped {
		return
	}
	x.row++
	if len(values) != x.width {
		x.err, x.stopped = pgerror.Newf(pgerror.InternalError, "%s has %d columns, not %d", x.handle, x.width, len(values)), true
		return
	}
	if x.sink != nil {
		if x.err = x.sink(slices.Clone(values)); x.err != nil {
			x.stopped = true
		}
		return
	}
	for _, k := range x.handle.keys {
		if !x.admits(k, x.value(values, k.column)) {
			return
		}
	}
	for i, p := range x.handle.project {
		x.cols[i].Set(x.n, x.size, x.value(values, p))
	}
	if x.n++; x.n == x.size && !x.yield(struct{}{}) {
		x.stopped = true
	}
}

// value returns column p of a row; system columns follow the row's own.
func (x *scan) value(values []types.Datum, p int) types.Datum {
	if p < len(values) {
		return values[p]
	}
	switch x.handle.rel.Columns[p].AttNum {
	case -1:
		return ctid(x.row)
	case -2:
		return oid(types.OID(txID(x.snap)))
	case -6:
		return oid(x.handle.rel.OID)
	}
	return types.IntDatum(0)
}

func (x *scan) admits(k key, v types.Datum) bool {
	if v.Null {
		return false
	}
	for i := range k.values {
		if k.values[i].I == v.I && k.values[i].S == v.S {
			return true
		}
	}
	return false
}

// column returns the number of a column of the relation.
func (x *scan) column(name string) int {
	for i := range x.handle.rel.Columns {
		if x.handle.rel.Columns[i].Name == name {
			return i
		}
	}
	panic("pgcatalog: no column " + name)
}

// keyed returns the OIDs that a column is restricted to; ok is false when it is
// not restricted.
func (x *scan) keyed(name string) (list []types.OID, ok bool) {
	c := x.column(name)
	for _, k := range x.handle.keys {
		if k.column == c {
			for _, v := range k.values {
				list = append(list, oidOf(v))
			}
			return list, true
		}
	}
	return nil, false
}

// emit passes the rows of a relation of pg_catalog to a set-returning function
// of the same columns.
func (s *source) emit(name string, f func(row []types.Datum) error) error {
	r := system().byName[relationName{function.PgCatalog, name}]
	x := &scan{source: s, handle: &handle{rel: r}, width: len(r.visible()), sink: f}
	pgCatalogContents[name](x)
	return x.err
}

// rows adds rows that exist already.
func rows(list func() [][]types.Datum) func(*scan) {
	return func(x *scan) {
		for _, r := range list() {
			x.add(r...)
		}
	}
}
