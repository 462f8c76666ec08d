package operator

import (
	"cmp"
	"io"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// fetch builds a Fetch.
func (b *builder) fetch(n *physical.Fetch, st *stat) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	s := b.located[n.Scan]
	if s == nil {
		return part{}, pgerror.New(pgerror.InternalError, "rows are fetched of a scan that does not locate them")
	}
	return over(in, func(_ *task, in stream) (stream, error) {
		return &fetchStream{
			q: b.q, n: n, st: st, scan: s, in: in,
			rows: newColumnStore(st.account, columnTypes(n.Input.Columns())),
		}, nil
	}), nil
}

// fetchStream collects the rows of its input, which are few, reads the missing
// columns in the order of their places and delivers the rows in the order in
// which they came.
type fetchStream struct {
	q    *Query
	n    *physical.Fetch
	st   *stat
	scan *scan
	in   stream

	rows   *columnStore
	reader connector.Reader // nil until the input has ended
	batch  vector.Batch
	late   *columnStore // by place
	rank   []int32      // of each row in late
	read   bool
	at     int

	vecs []vector.Vec
	out  vector.Batch
}

// next implements stream.
func (f *fetchStream) next() (*vector.Batch, error) {
	switch {
	case f.read:
		return f.deliver()
	case f.reader != nil:
		return nil, f.fetch()
	}
	b, err := f.in.next()
	switch {
	case err == io.EOF:
		if f.rows.rows == 0 {
			return nil, io.EOF
		}
		return nil, f.begin()
	case b == nil || err != nil:
		return nil, err
	}
	return nil, f.rows.append(b.Cols, b.Sel, b.Rows())
}

// begin opens the reader.
func (f *fetchStream) begin() error {
	n := f.rows.rows
	if err := f.rows.take(int64(n) * 24); err != nil {
		return err
	}
	places := f.rows.vec(f.n.Place).Int64s()[:n]
	order := vector.Identity(nil, n)
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(places[a], places[b]) })
	sorted := make([]int64, n)
	f.rank = make([]int32, n)
	for i, r := range order {
		sorted[i], f.rank[r] = places[r], int32(i)
	}
	var ts []types.Type
	for _, c := range f.n.Handle.Columns() {
		ts = append(ts, c.Type)
	}
	f.late = newColumnStore(f.st.account, ts)
	source := f.n.Scan.Source
	handle := source.(connector.Locator).At(f.n.Handle, f.scan.located, sorted)
	r, err := source.Scan(f.q.ctx, handle, connector.ScanOptions{Account: f.st.account, BatchSize: f.q.size, Format: f.q.env.Format})
	f.reader = r
	return err
}

// fetch reads a batch of the missing columns.
func (f *fetchStream) fetch() error {
	err := f.reader.Next(f.q.ctx, &f.batch)
	if err == nil {
		return f.late.append(f.batch.Cols, f.batch.Sel, f.batch.N)
	}
	if err != io.EOF {
		return err
	}
	if f.late.rows != f.rows.rows {
		return pgerror.New(pgerror.InternalError, "rows to be fetched are missing")
	}
	f.read = true
	return nil
}

// deliver returns the next rows.
func (f *fetchStream) deliver() (*vector.Batch, error) {
	from, to := f.at, min(f.at+f.q.size, f.rows.rows)
	if from == to {
		return nil, io.EOF
	}
	f.at = to
	if f.vecs == nil {
		f.vecs = make([]vector.Vec, len(f.n.From))
	}
	rows := vector.Identity(nil, f.rows.rows)[from:to]
	f.out = vector.Batch{N: to - from, Cols: f.out.Cols[:0]}
	for i, c := range f.n.From {
		if c >= 0 {
			vector.Gather(&f.vecs[i], f.rows.vec(c), rows, len(rows))
		} else {
			vector.Gather(&f.vecs[i], f.late.vec(-1-c), f.rank[from:to], to-from)
		}
		f.out.Cols = append(f.out.Cols, &f.vecs[i])
	}
	return &f.out, nil
}

// close implements stream.
func (f *fetchStream) close() {
	if f.reader != nil {
		// What a failing Close could tell no longer matters.
		_ = f.reader.Close()
	}
	if f.late != nil {
		f.late.drop()
	}
	f.rows.drop()
	f.in.close()
}
