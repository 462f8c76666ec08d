package operator

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// recursive builds a Recursive: a scan whose reader executes the initial part
// and then the step, round by round, as queries of their own. Like every reader
// that waits it has a goroutine, so it holds no worker while a round runs.
func (b *builder) recursive(n *physical.Recursive, st *stat) (part, error) {
	source := &recursion{q: b.q, n: n, account: st.account}
	return b.scan(&physical.Scan{Table: n.Work.Name, Source: source, Handle: source, Cols: n.Cols, Rows: 1}, st)
}

// recursion is a Recursive as a source of one table.
type recursion struct {
	q       *Query
	n       *physical.Recursive
	account *memory.Account
}

// Schemas implements connector.Source.
func (r *recursion) Schemas(context.Context) ([]string, error) { return nil, nil }

// Tables implements connector.Source.
func (r *recursion) Tables(context.Context, string) ([]string, error) { return nil, nil }

// Table implements connector.Source.
func (r *recursion) Table(_ context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	return nil, pgerror.Newf(pgerror.UndefinedTable, "relation %q does not exist", ref.Name)
}

// Close implements connector.Source.
func (r *recursion) Close() error { return nil }

// Columns implements connector.TableHandle.
func (r *recursion) Columns() []connector.Column {
	out := make([]connector.Column, len(r.n.Cols))
	for i, c := range r.n.Cols {
		out[i] = connector.Column{Name: c.Name, Type: c.Type}
	}
	return out
}

// String implements connector.TableHandle.
func (r *recursion) String() string { return r.n.Work.Name }

// Scan implements connector.Source.
func (r *recursion) Scan(ctx context.Context, _ connector.TableHandle, _ connector.ScanOptions) (connector.Reader, error) {
	ts := columnTypes(r.n.Cols)
	out := &rounds{
		r: r, ctx: ctx,
		work: newPageList(r.q, r.account, ts, pageRows), next: newPageList(r.q, r.account, ts, pageRows),
		// The rounds have the limit of the query, as it decides on shares of it.
		limit: r.account.Child(r.account.Name(), r.q.env.Account.Limit()),
	}
	if !r.n.All {
		out.seen = newDistinctRows(r.q, r.account, ts)
	}
	return out, out.start(r.n.Initial)
}

// rounds reads the rows of all rounds.
type rounds struct {
	r     *recursion
	ctx   context.Context
	limit *memory.Account
	// seen finds the rows that have been delivered before, nil for UNION ALL.
	seen *distinctRows
	// work is what the running round reads, next what it yields.
	work, next *pageList
	query      *Query // nil between two rounds
	done       bool
}

// start runs one round.
func (r *rounds) start(plan physical.Node) error {
	env := r.r.q.env
	env.Account = r.limit
	env.work = map[*physical.WorkTable]*pageList{r.r.n.Work: r.work}
	for t, rows := range r.r.q.env.work {
		if t != r.r.n.Work {
			env.work[t] = rows
		}
	}
	q, err := Start(r.ctx, plan, env)
	r.query = q
	return err
}

// Next implements connector.Reader.
func (r *rounds) Next(ctx context.Context, dst *vector.Batch) error {
	for !r.done {
		b, err := r.fresh(ctx)
		if err == io.EOF {
			if r.next.rows == 0 {
				r.done = true
				break
			}
			r.work.reset()
			r.work, r.next = r.next, r.work
			if err := r.start(r.r.n.Step); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		n := b.Rows()
		if n == 0 {
			continue
		}
		if err := r.next.append(b.Cols, b.Sel, n); err != nil {
			return err
		}
		for len(dst.Cols) < len(b.Cols) {
			dst.Cols = append(dst.Cols, &vector.Vec{})
		}
		for i, v := range b.Cols {
			vector.Gather(dst.Cols[i], v, b.Sel, n)
			dst.Cols[i].Own(n)
		}
		dst.N, dst.Sel = n, nil
		return nil
	}
	return io.EOF
}

// fresh returns the next rows of the round that have not been seen, or io.EOF at
// its end.
func (r *rounds) fresh(ctx context.Context) (*vector.Batch, error) {
	if r.query != nil {
		b, err := r.query.Next(ctx)
		switch {
		case err == io.EOF:
			r.query.Close()
			r.query = nil
			if r.seen != nil {
				if err := r.seen.decide(); err != nil {
					return nil, err
				}
			}
		case err != nil:
			return nil, err
		case r.seen == nil:
			return b, nil
		default:
			return r.seen.add(b)
		}
	}
	if r.seen == nil {
		return nil, io.EOF
	}
	return r.seen.next()
}

// Close implements connector.Reader.
func (r *rounds) Close() error {
	r.done = true
	if r.query != nil {
		r.query.Close()
		r.query = nil
	}
	r.work.close()
	r.next.close()
	if r.seen != nil {
		r.seen.close()
		r.seen = nil
	}
	return nil
}

// workScan builds a WorkScan: one task delivers the rows of the round before.
func (b *builder) workScan(n *physical.WorkScan) (part, error) {
	rows, ok := b.q.env.work[n.Of]
	if !ok {
		return part{}, pgerror.Newf(pgerror.InternalError, "the work table %q is not open", n.Of.Name)
	}
	var claimed atomic.Bool
	return part{open: func(*task) (stream, error) {
		if claimed.Swap(true) {
			return empty{}, nil
		}
		return &workStream{rows: rows}, nil
	}}, nil
}

// workStream delivers the rows of a list, page by page.
type workStream struct {
	rows *pageList
	at   int // next page
	in   pageReader
}

// next implements stream.
func (w *workStream) next() (*vector.Batch, error) {
	b, err := w.in.next()
	if err != io.EOF {
		return b, err
	}
	p := w.rows.page(w.at)
	if p == nil {
		return nil, io.EOF
	}
	w.at++
	w.in.begin(w.rows, p)
	return nil, nil
}

// close implements stream.
func (w *workStream) close() { w.in.close() }
