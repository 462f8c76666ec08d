package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"sync"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// maxBatchText ends a batch early, in bytes of one column's text.
const maxBatchText = 4 << 20

// Scan implements connector.Source. The statement is prepared, because only the
// results of prepared statements are binary.
func (s *source) Scan(ctx context.Context, th connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	h := th.(*handle)
	relation, dynamic := h.relation.Dynamic(o.Filters)
	text := relation.Text(false)
	if h.locked {
		text += " FOR UPDATE"
	}
	return s.read(ctx, h.with(relation), text, dynamic, o)
}

// read starts to read the rows of a statement, which have the columns of h.
func (s *source) read(ctx context.Context, h *handle, text string, dynamic sqltext.Dynamic, o connector.ScanOptions) (connector.Reader, error) {
	tx, _ := o.Transaction.(*transaction)
	var c *conn
	var err error
	if tx != nil {
		c, err = tx.conn, tx.lost()
	} else {
		c, err = s.acquire(ctx)
	}
	if err != nil {
		return nil, err
	}
	r := &reader{tx: tx, source: s, conn: c, account: o.Account, limit: o.BatchSize, Dynamic: dynamic, slots: map[*vector.Batch]*slot{}}
	for _, out := range h.relation.Outputs {
		col := h.column(out)
		r.names = append(r.names, col.Name)
		r.decoders = append(r.decoders, newDecoder(col))
	}
	// The driver watches the context of the query for as long as its rows are
	// read. The read outlives ctx, which is Scan's; each call ties its own.
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.readers.Add(r)
	if err := r.start(ctx, text); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// slot is the storage behind one of the caller's batches.
type slot struct {
	decoders []decoder
	cols     []*vector.Vec
}

// reader streams the rows of one statement.
type reader struct {
	source  *source
	conn    *conn
	tx      *transaction // that the connection belongs to, nil for none
	account *memory.Account
	held    int64
	limit   int
	sqltext.Dynamic

	names    []string
	decoders []decoder
	slots    map[*vector.Batch]*slot

	ctx     context.Context
	cancel  context.CancelFunc
	stmt    driver.Stmt
	rows    driver.Rows
	cells   []driver.Value
	ended   bool // every row was read, or the server refused the statement
	err     error
	closing sync.Once
}

// start sends the statement.
func (r *reader) start(ctx context.Context, query string) error {
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	stmt, err := r.conn.Conn.(driver.ConnPrepareContext).PrepareContext(r.ctx, query)
	if err != nil {
		return r.fail(ctx, err)
	}
	r.stmt = stmt
	if r.rows, err = stmt.(driver.StmtQueryContext).QueryContext(r.ctx, nil); err != nil {
		return r.fail(ctx, err)
	}
	r.cells = make([]driver.Value, len(r.rows.Columns()))
	if want := max(len(r.decoders), 1); len(r.cells) != want {
		return r.fail(ctx, pgerror.Source(r.source.name, pgerror.ProtocolViolation, "the result has another number of columns", nil))
	}
	return nil
}

// fail remembers the error that ends the read.
func (r *reader) fail(ctx context.Context, err error) error {
	if r.err == nil {
		var remote *driverpkg.MySQLError
		r.ended = r.ended || errors.As(err, &remote)
		r.err = r.source.failure(ctx, err, false)
	}
	return r.err
}

// Next implements connector.Reader.
func (r *reader) Next(ctx context.Context, dst *vector.Batch) error {
	dst.N, dst.Sel = 0, nil
	if r.err != nil {
		return r.err
	}
	if err := connpool.Canceled(ctx); err != nil {
		return r.fail(ctx, err)
	}
	if r.ended {
		return io.EOF
	}
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	s := r.slots[dst]
	if s == nil {
		s = &slot{decoders: append([]decoder(nil), r.decoders...), cols: make([]*vector.Vec, len(r.decoders))}
		r.slots[dst] = s
	}
	for i := range s.decoders {
		s.decoders[i].start(r.limit)
	}
	n := 0
	for full := false; n < r.limit && !full; n++ {
		err := r.rows.Next(r.cells)
		if err == io.EOF {
			r.ended = true
			break
		}
		if err != nil {
			return r.fail(ctx, err)
		}
		for i := range s.decoders {
			d := &s.decoders[i]
			if r.cells[i] == nil {
				d.null(n)
			} else if err := d.put(n, r.cells[i]); err != nil {
				return r.fail(ctx, r.source.valueError(r.names[i], err))
			}
			full = full || len(d.text) > maxBatchText
		}
	}
	if n == 0 {
		return io.EOF
	}
	held := int64(0)
	for i := range s.decoders {
		s.cols[i] = s.decoders[i].finish()
	}
	for _, other := range r.slots {
		for i := range other.decoders {
			held += other.decoders[i].held()
		}
	}
	if err := r.reserve(held); err != nil {
		return r.fail(ctx, err)
	}
	dst.N, dst.Cols = n, s.cols
	return nil
}

// valueError names the column of a value that cannot be read, not the value.
func (s *source) valueError(column string, err error) error {
	e := pgerror.From(err)
	return pgerror.Source(s.name, e.Code, "a value of column \""+column+"\" "+e.Message, nil)
}

// reserve changes what the reader holds in its account.
func (r *reader) reserve(total int64) error {
	delta := total - r.held
	if r.account == nil {
		return nil
	}
	if delta > 0 {
		if err := r.account.Reserve(delta); err != nil {
			return err
		}
	} else {
		r.account.Release(-delta)
	}
	r.held = total
	return nil
}

// Close implements connector.Reader. Rows that were not read are not drained:
// the connection is closed and its statement ended at the server.
func (r *reader) Close() error {
	r.closing.Do(func() {
		r.source.readers.Remove(r)
		if r.ended && r.ctx.Err() == nil {
			if r.rows != nil {
				r.rows.Close()
			}
			if r.stmt != nil {
				r.stmt.Close()
			}
			if r.tx == nil {
				r.source.pool.Release(r.conn, true)
			}
			r.cancel()
		} else {
			r.cancel()
			if r.tx == nil {
				r.source.pool.Release(r.conn, false)
				r.source.kill(r.conn.id)
			} else {
				r.tx.broke()
			}
		}
		r.slots = nil
		if r.err == nil {
			r.err = io.EOF
		}
		_ = r.reserve(0)
	})
	return nil
}
