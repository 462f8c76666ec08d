package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// copyIn runs a COPY FROM STDIN and returns the number of rows. What the client
// sends after an error is left to the loop of the connection, which ignores it.
func (c *conn) copyIn(ctx context.Context, p CopyIner, columns int, format CopyFormat) (int64, error) {
	if err := p.Begin(ctx); err != nil {
		return 0, err
	}
	m := &pgproto3.CopyInResponse{ColumnFormatCodes: make([]uint16, columns)}
	if format == CopyBinary {
		m.OverallFormat = formatBinary
		for i := range m.ColumnFormatCodes {
			m.ColumnFormatCodes[i] = formatBinary
		}
	}
	c.sendNotices()
	c.send(m)
	c.flush()
	if c.writeErr != nil {
		return 0, errClientGone
	}
	for {
		typ, body, err := c.copyMessage(ctx)
		if err != nil {
			return 0, err
		}
		switch typ {
		case 'd':
			if err := p.Feed(ctx, body); err != nil {
				return 0, err
			}
		case 'c':
			return p.Finish(ctx)
		case 'f':
			reason, _, _ := bytes.Cut(body, []byte{0})
			return 0, pgerror.Newf(pgerror.QueryCanceledCode, "COPY from stdin failed: %s", reason)
		case 'H', 'S':
			// A client that pipelines sends them without waiting.
		case 'X':
			return 0, errClientGone
		default:
			return 0, fatal(violation("unexpected message type 0x%02X during COPY from stdin", typ))
		}
	}
}

// copyMessage reads the next message during a COPY. The socket is watched again
// while the statement works.
func (c *conn) copyMessage(ctx context.Context) (byte, []byte, error) {
	c.in.watch.stop()
	defer c.in.watch.start(c.gone)
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { c.in.setDeadline(past); close(woken) })
	// Only the wait for a message is broken off, not the message.
	err := c.in.fill(5)
	if !stop() {
		<-woken
		c.in.setDeadline(time.Time{})
		return 0, nil, context.Cause(ctx)
	}
	var typ byte
	var body []byte
	if err == nil {
		typ, body, err = c.in.next(c.limit)
	}
	var unknown errUnknownMessage
	switch {
	case err == nil:
		return typ, body, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, nil, errClientGone
	case errors.As(err, &unknown), errors.Is(err, errMessageLength):
		return 0, nil, pgerror.Fatalf(pgerror.ProtocolViolation, "%s", err.Error())
	}
	return 0, nil, err
}
