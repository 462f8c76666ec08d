package operator

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
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
	out := &rounds{r: r, ctx: ctx, types: ts, next: newColumnStore(r.account, ts)}
	if !r.n.All {
		out.seen = newGroupTable(r.account, ts)
	}
	return out, out.start(r.n.Initial)
}

// rounds reads the rows of all rounds.
type rounds struct {
	r     *recursion
	ctx   context.Context
	types []types.Type
	// seen holds every row delivered, nil for UNION ALL.
	seen *groupTable
	// work is what the running round reads, next what it yields.
	work, next *columnStore
	query      *Query
	done       bool
}

// start runs one round.
func (r *rounds) start(plan physical.Node) error {
	env := r.r.q.env
	env.Account = r.r.account
	env.work = map[*physical.WorkTable]*columnStore{r.r.n.Work: r.work}
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
		b, err := r.query.Next(ctx)
		if err == io.EOF {
			r.query.Close()
			r.query = nil
			if r.next.rows == 0 {
				r.done = true
				break
			}
			if r.work != nil {
				r.work.drop()
			}
			r.work, r.next = r.next, newColumnStore(r.r.account, r.types)
			if err := r.start(r.r.n.Step); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		sel, n, err := r.fresh(b)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if err := r.next.append(b.Cols, sel, n); err != nil {
			return err
		}
		for len(dst.Cols) < len(b.Cols) {
			dst.Cols = append(dst.Cols, &vector.Vec{})
		}
		for i, v := range b.Cols {
			vector.Gather(dst.Cols[i], v, sel, n)
			dst.Cols[i].Own(n)
		}
		dst.N, dst.Sel = n, nil
		return nil
	}
	return io.EOF
}

// fresh returns the rows of b that have not been seen: a selection (nil for all)
// and its length.
func (r *rounds) fresh(b *vector.Batch) ([]int32, int, error) {
	if r.seen == nil {
		return b.Sel, b.Rows(), nil
	}
	var sel []int32
	known := int32(r.seen.groups())
	groups, err := r.seen.find(b.Cols, b.N, true)
	if err != nil {
		return nil, 0, err
	}
	for i, g := range groups {
		if g >= known {
			known = g + 1
			sel = append(sel, int32(i))
		}
	}
	return sel, len(sel), nil
}

// Close implements connector.Reader.
func (r *rounds) Close() error {
	r.done = true
	if r.query != nil {
		r.query.Close()
		r.query = nil
	}
	for _, s := range []*columnStore{r.work, r.next} {
		if s != nil {
			s.drop()
		}
	}
	r.work, r.next = nil, nil
	if r.seen != nil {
		r.seen.drop()
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
	return part{open: func(t *task) (stream, error) {
		if claimed.Swap(true) {
			return empty{}, nil
		}
		return &workStream{q: t.q, rows: rows}, nil
	}}, nil
}

// workStream delivers the rows of a store.
type workStream struct {
	q    *Query
	rows *columnStore
	at   int
	out  vector.Batch
}

// next implements stream.
func (w *workStream) next() (*vector.Batch, error) {
	if w.rows == nil || w.at >= w.rows.rows {
		return nil, io.EOF
	}
	// Slices begin at multiples of 64 rows.
	size := max(64, min(w.q.size, vector.BatchSize)&^63)
	end := min(w.at+size, w.rows.rows)
	w.rows.slice(&w.out, w.at, end)
	w.at = end
	return &w.out, nil
}

// close implements stream.
func (w *workStream) close() {}
