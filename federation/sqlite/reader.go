package sqlite

import (
	"context"
	"fmt"
	"io"
	"math"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Scan implements connector.Source.
func (s *source) Scan(ctx context.Context, h connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	table := h.(*handle).table
	relation, dynamic := h.(*handle).relation.Dynamic(o.Filters)
	tx, inside := o.Transaction.(*transaction)
	var c *conn
	var err error
	if inside {
		c, err = tx.conn, tx.lost()
	} else {
		c, err = s.take()
	}
	if err != nil {
		return nil, err
	}
	r := &reader{source: s, conn: c, kept: inside, table: table, outputs: relation.Columns(), size: o.BatchSize, Dynamic: dynamic, slots: decode.NewSlots[struct{}](o.Account)}
	if r.size <= 0 {
		r.size = vector.BatchSize
	}
	done := c.watch(ctx)
	r.stmt, err = c.prepare(relation.Text(false))
	done()
	if err != nil {
		if !inside {
			s.put(c)
		}
		return nil, err
	}
	for _, c := range r.outputs {
		r.cols = append(r.cols, decode.NewColumn(c.Type, o.Format))
	}
	return r, nil
}

// reader delivers the rows of one statement. It computes in process on a local
// file, so it counts as local.
type reader struct {
	source  *source
	conn    *conn
	kept    bool // the connection is a transaction's
	stmt    *stmt
	table   *table // nil when the rows are not those of one table
	outputs []connector.Column
	cols    []*decode.Column
	size    int
	slots   *decode.Slots[struct{}]
	end     bool
	failed  error
	sqltext.Dynamic
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
	slot := r.slots.Take(dst, len(r.cols))
	if r.end || r.conn == nil {
		dst.Cols = dst.Cols[:0]
		return io.EOF
	}
	n, err := r.fill(ctx, slot.Vecs)
	if err == nil && n == 0 {
		r.end, err = true, io.EOF
	}
	if err != nil {
		dst.Cols = dst.Cols[:0]
		if err != io.EOF {
			r.failed = err
		}
		return err
	}
	dst.N = n
	return nil
}

// fill reads up to a batch of rows.
func (r *reader) fill(ctx context.Context, vecs []*vector.Vec) (int, error) {
	done := r.conn.watch(ctx)
	defer done()
	for i, c := range r.cols {
		c.Begin(vecs[i], r.size)
	}
	n := 0
	for ; n < r.size; n++ {
		ok, err := r.stmt.step(ctx)
		if err != nil {
			return 0, err
		}
		if !ok {
			r.end = true
			break
		}
		for i, c := range r.cols {
			if err := r.value(c, n, i); err != nil {
				return 0, r.valueError(err, i)
			}
		}
		if n&63 == 63 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return n, r.slots.Charge(0)
}

// value stores column i of the current row as row n of c.
func (r *reader) value(c *decode.Column, n, i int) error {
	switch r.stmt.kind(i) {
	case sqlite3.SQLITE_NULL:
		c.Null(n)
		return nil
	case sqlite3.SQLITE_INTEGER:
		x := r.stmt.int(i)
		switch c.Type.OID {
		case types.Date:
			return c.Micros(n, floorDiv(x, 86400)*86400e6)
		case types.Timestamp, types.TimestampTZ:
			if x > math.MaxInt64/1_000_000 || x < math.MinInt64/1_000_000 {
				return pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range")
			}
			return c.Micros(n, x*1_000_000)
		case types.Bytea:
			return mismatch(c.Type)
		}
		return c.Int(n, x)
	case sqlite3.SQLITE_FLOAT:
		x := r.stmt.float(i)
		switch c.Type.OID {
		case types.Date, types.Timestamp, types.TimestampTZ:
			us := math.Round((x-2440587.5)*86400e3) * 1e3
			if !(math.Abs(us) < 9e18) {
				return pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range")
			}
			return c.Micros(n, int64(us))
		case types.Bytea:
			return mismatch(c.Type)
		}
		return c.Float(n, x)
	case sqlite3.SQLITE_BLOB:
		if c.Type.OID != types.Bytea {
			if b := r.stmt.blob(i); c.Type.OID == types.UUID && len(b) == 16 {
				return c.UUID(n, [16]byte(b))
			}
			return mismatch(c.Type)
		}
		return c.Bytes(n, r.stmt.blob(i))
	}
	if c.Type.OID == types.Bytea {
		return mismatch(c.Type)
	}
	return c.Text(n, r.stmt.text(i))
}

// mismatch is the error for a value whose storage class has no conversion.
func mismatch(t types.Type) error {
	return pgerror.Newf(pgerror.InvalidTextRepresentation, "invalid input syntax for type %s", decode.TypeName(t))
}

// floorDiv divides rounding down.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// valueError names the column of a value that does not fit, not the value.
func (r *reader) valueError(err error, i int) error {
	e := *pgerror.From(err)
	c := r.outputs[i]
	e.Message = fmt.Sprintf("source \"%s\": %s", r.source.name, e.Message)
	e.Column = c.Name
	e.Where = fmt.Sprintf("column \"%s\"", c.Name)
	if r.table != nil {
		e.Table = r.table.local
		e.Where += fmt.Sprintf(" of foreign table \"%s\"", r.table.local)
	}
	return &e
}

// Close implements connector.Reader.
func (r *reader) Close() error {
	if r.conn == nil {
		return nil
	}
	r.stmt.close()
	if !r.kept {
		r.source.put(r.conn)
	}
	r.conn = nil
	r.slots.Close()
	return nil
}
