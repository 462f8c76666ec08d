package wire

import (
	"bytes"
	"context"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// query answers a Query message: all its statements in one implicit
// transaction, up to the first error.
func (c *conn) query(body []byte) error {
	text, err := messageText(body)
	if err != nil {
		return err
	}
	// A simple query takes the place of the unnamed statement and portal.
	if c.names.statements[""] != nil {
		_ = c.names.DropStatement("")
	}
	if c.names.cursors[""] != nil {
		_ = c.names.CloseCursor("")
	}
	return c.execute(func(ctx context.Context) error { return c.statements(ctx, text) })
}

// messageText reads the string that a message consists of.
func messageText(body []byte) (string, error) {
	if len(body) == 0 || bytes.IndexByte(body, 0) != len(body)-1 {
		return "", violation("invalid message format")
	}
	if err := checkUTF8(body[:len(body)-1]); err != nil {
		return "", err
	}
	return string(body[:len(body)-1]), nil
}

func (c *conn) statements(ctx context.Context, text string) error {
	queries, err := c.session.Parse(ctx, text)
	if err != nil {
		return err
	}
	if len(queries) == 0 {
		if err := c.endQuery(ctx); err != nil {
			return err
		}
		c.send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	for i, q := range queries {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := c.statement(ctx, q, i == len(queries)-1); err != nil {
			return err
		}
	}
	return nil
}

// endQuery ends the implicit transaction before the last answer of a message
// goes out, so that a failing commit is not announced as a success.
func (c *conn) endQuery(ctx context.Context) error { return c.session.End(ctx, false) }

// statement executes one statement of a simple query.
func (c *conn) statement(ctx context.Context, q Query, last bool) (err error) {
	prepared, err := c.session.Prepare(ctx, q, nil)
	if err != nil {
		return err
	}
	defer prepared.Close()
	if n := len(prepared.Params()); n > 0 {
		return pgerror.New(pgerror.UndefinedParameter, "there is no parameter $1")
	}
	portal, err := prepared.Bind(ctx, nil)
	if err != nil {
		return err
	}
	cur := &Cursor{Portal: portal}
	defer cur.close()
	before := c.session.TxStatus()
	columns := cur.columns()
	if columns != nil {
		c.send(rowDescription(columns, nil))
	}
	n, err := c.fetchAll(ctx, cur, nil)
	if err != nil {
		return err
	}
	tag := portal.Tag(n)
	c.afterStatement(before, tag)
	if last {
		if err := c.endQuery(ctx); err != nil {
			return err
		}
	}
	c.sendNotices()
	c.complete(tag)
	return nil
}

// afterStatement ends the portals of a transaction block that a statement has
// ended.
func (c *conn) afterStatement(before byte, tag string) {
	if before != 'I' && c.session.TxStatus() == 'I' {
		c.names.EndTransaction(tag != "ROLLBACK")
	}
}

// fetchAll sends all rows of a cursor and returns their number.
func (c *conn) fetchAll(ctx context.Context, cur *Cursor, formats []int16) (int64, error) {
	if p, ok := cur.Portal.(CopyIner); ok {
		if columns, format, ok := p.CopyIn(); ok {
			return c.copyIn(ctx, p, columns, format)
		}
	}
	if p, ok := cur.Portal.(CopyOuter); ok {
		if cp := p.CopyOut(); cp != nil {
			return c.copyOut(ctx, cur, cp)
		}
	}
	n, _, err := c.fetch(ctx, cur, formats, 0)
	return n, err
}

// fetch sends up to limit rows of a cursor, all when limit is 0. suspended
// tells that it stopped at the limit.
func (c *conn) fetch(ctx context.Context, cur *Cursor, formats []int16, limit int) (n int64, suspended bool, err error) {
	columns := cur.columns()
	for {
		rest := 0
		if limit > 0 {
			if rest = limit - int(n); rest == 0 {
				return n, true, nil
			}
		}
		b, err := cur.Next(ctx, rest)
		if err == io.EOF {
			return n, false, nil
		}
		if err != nil {
			return n, false, err
		}
		if columns == nil {
			continue
		}
		if cur.encoder == nil {
			cur.encoder = c.newEncoder(columns, formats)
		}
		enc := cur.encoder
		if err := enc.load(b); err != nil {
			return n, false, err
		}
		c.sendNotices()
		if err := c.sendRows(ctx, enc, b); err != nil {
			return n, false, err
		}
		n += int64(b.Rows())
		if err := context.Cause(ctx); err != nil {
			return n, false, err
		}
	}
}

// sendRows sends the rows of the batch that enc has loaded.
func (c *conn) sendRows(ctx context.Context, enc *rowEncoder, b *vector.Batch) error {
	for from := 0; from < b.Rows(); from += chunkRows {
		total := enc.measure(b, from)
		if total <= maxChunk {
			c.out = enc.appendChunk(c.out, total)
			if len(c.out) >= flushAt {
				if err := c.flushRows(ctx); err != nil {
					return err
				}
			}
			continue
		}
		// Long values: no more than one row at a time beyond the buffer.
		for _, row := range enc.rows {
			c.out = enc.appendRow(c.out, int(row))
			if len(c.out) >= flushAt {
				if err := c.flushRows(ctx); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// flushRows writes the rows so far; it fails when the client is gone or the
// statement is cancelled.
func (c *conn) flushRows(ctx context.Context) error {
	c.flush()
	if c.writeErr != nil {
		return errClientGone
	}
	return context.Cause(ctx)
}

func (c *conn) newEncoder(columns []Column, formats []int16) *rowEncoder {
	names, _ := c.session.(RegNames)
	return newRowEncoder(columns, formats, c.session.Settings().Format(), names)
}
