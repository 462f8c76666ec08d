package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	// socketBuffer is how much is read from the socket at once, in bytes.
	socketBuffer = 256 << 10
	// maxBatchText ends a batch early, in bytes of one column's text.
	maxBatchText = 4 << 20
	// maxMessage is the longest message accepted, in bytes: PostgreSQL's own
	// limit for a row.
	maxMessage = 1 << 30
)

// Scan implements connector.Source.
func (s *source) Scan(ctx context.Context, th connector.TableHandle, o connector.ScanOptions) (connector.Reader, error) {
	h := th.(*handle)
	if tx, ok := o.Transaction.(*transaction); ok {
		if err := tx.lost(); err != nil {
			return nil, err
		}
		relation, dynamic := h.relation.Dynamic(o.Filters)
		return s.read(ctx, h.with(relation), stream{conn: tx.conn, tx: tx, how: "1, in the transaction of the session"}, dynamic, o)
	}
	if h.parts != nil {
		return s.scanPart(ctx, h, o)
	}
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	in := stream{conn: c, how: "1"}
	if shared, ok := o.Snapshot.(*snapshot); ok {
		if in.inside, err = shared.enter(ctx, c); err != nil {
			s.release(c, false)
			return nil, s.failure(ctx, err, false)
		}
	}
	if in.how += sharing(o.Snapshot != nil, in.inside); h.whole != "" {
		in.how += "; not split: " + h.whole
	}
	relation, dynamic := h.relation.Dynamic(o.Filters)
	return s.read(ctx, h.with(relation), in, dynamic, o)
}

// stream is a connection that a table or a part of it is read from.
type stream struct {
	conn   *conn
	held   bool         // taken with TryHoldSpare
	tx     *transaction // that the connection belongs to, nil for none
	inside bool         // a transaction with the snapshot of others
	// how is what Streams says of the scan.
	how string
}

// Streams implements connector.StreamedReader.
func (s *stream) Streams() string { return s.how }

// sharing words whether a scan sees the snapshot of its statement.
func sharing(given, inside bool) string {
	switch {
	case !given:
		return ""
	case inside:
		return ", in the snapshot of the statement"
	}
	return ", not in the snapshot of the statement, which the server refused"
}

// giveBack gives the connection of a stream back to the pool.
func (s *source) giveBack(in stream, healthy bool) {
	if in.tx != nil {
		if !healthy {
			in.conn.Close()
		}
		return
	}
	healthy = healthy && (!in.inside || leave(in.conn))
	if in.held {
		s.pool.Unhold(in.conn, healthy && s.reuse && !in.conn.pg.IsClosed())
	} else {
		s.release(in.conn, healthy)
	}
}

// read starts to read h from a stream, which it gives back.
func (s *source) read(ctx context.Context, h *handle, in stream, dynamic sqltext.Dynamic, o connector.ScanOptions) (connector.Reader, error) {
	return s.readText(ctx, h, h.relation.Text(false), in, dynamic, o)
}

// readText is read for a statement whose rows have the columns of h.
func (s *source) readText(ctx context.Context, h *handle, text string, in stream, dynamic sqltext.Dynamic, o connector.ScanOptions) (connector.Reader, error) {
	r := &reader{source: s, stream: in, net: in.conn.pg.Conn(), account: o.Account, limit: o.BatchSize, Dynamic: dynamic, slots: map[*vector.Batch]*slot{}}
	for _, out := range h.relation.Outputs {
		col := h.column(out)
		r.names = append(r.names, col.Name)
		r.decoders = append(r.decoders, newDecoder(col.wire))
		r.convert = append(r.convert, newConversion(col, o.Format))
	}
	if err := r.reserve(socketBuffer); err != nil {
		s.giveBack(in, true)
		return nil, err
	}
	r.buf = make([]byte, socketBuffer)
	s.readers.Add(r)
	if err := r.start(ctx, "COPY ("+text+") TO STDOUT (FORMAT binary)"); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// slot is the storage behind one of the caller's batches.
type slot struct {
	decoders []decoder
	cols     []*vector.Vec
	out      []vector.Vec // of converted columns
}

// reader streams one COPY. It reads what the driver would read, without its
// layers: messages are taken apart in one large buffer and fields go from there
// into vectors.
type reader struct {
	source *source
	stream
	net     net.Conn
	account *memory.Account
	held    int64
	limit   int
	sqltext.Dynamic

	names    []string
	decoders []decoder // patterns for the slots
	convert  []conversion
	slots    map[*vector.Batch]*slot

	buf        []byte
	from, to   int // unread bytes of buf
	header     bool
	ended      bool // the server is ready for the next query
	clean      bool // ... and the COPY succeeded
	err        error
	closing    sync.Once
	closeMutex sync.Mutex // guards conn against abort
}

// reserve changes what the reader holds in its account.
func (r *reader) reserve(total int64) error {
	delta := total - r.held
	if delta > 0 && r.account != nil {
		if err := r.account.Reserve(delta); err != nil {
			return err
		}
	} else if r.account != nil {
		r.account.Release(-delta)
	}
	r.held = total
	return nil
}

// interrupt makes reads fail when ctx ends; the function returned undoes that.
func (r *reader) interrupt(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { r.net.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// start sends the statement and waits for the first answer, so that errors of
// planning are reported by Scan.
func (r *reader) start(ctx context.Context, query string) error {
	defer r.interrupt(ctx)()
	if err := connpool.Canceled(ctx); err != nil {
		return r.fail(ctx, err)
	}
	front := r.conn.pg.Frontend()
	front.Send(&pgproto3.Query{String: query})
	if err := front.Flush(); err != nil {
		return r.fail(ctx, err)
	}
	kind, _, err := r.message()
	if err != nil {
		return r.fail(ctx, err)
	}
	if kind != 'H' {
		return r.fail(ctx, pgerror.Source(r.source.name, pgerror.ProtocolViolation, "unexpected answer to COPY", nil))
	}
	return nil
}

// fail remembers the error that ends the read.
func (r *reader) fail(ctx context.Context, err error) error {
	if r.err == nil {
		r.err = r.source.failure(ctx, err, false)
	}
	return r.err
}

// fill reads more bytes, so that at least n are there.
func (r *reader) fill(n int) error {
	if r.to-r.from >= n {
		return nil
	}
	if n > len(r.buf) {
		if err := r.reserve(r.held + int64(2*n-len(r.buf))); err != nil {
			return err
		}
		bigger := make([]byte, 2*n)
		r.to = copy(bigger, r.buf[r.from:r.to])
		r.from, r.buf = 0, bigger
	} else if r.from+n > len(r.buf) {
		r.to = copy(r.buf, r.buf[r.from:r.to])
		r.from = 0
	}
	for r.to-r.from < n {
		m, err := r.conn.in.Read(r.buf[r.to:])
		r.to += m
		if err != nil && r.to-r.from < n {
			return err
		}
	}
	return nil
}

// message returns the next message that matters; its body is valid until the
// next call. After an ErrorResponse it reads on to ReadyForQuery, so that the
// connection stays usable.
func (r *reader) message() (kind byte, body []byte, err error) {
	var failed error
	for {
		if err := r.fill(5); err != nil {
			return 0, nil, err
		}
		kind = r.buf[r.from]
		size := int(binary.BigEndian.Uint32(r.buf[r.from+1:]))
		if size < 4 || size > maxMessage {
			return 0, nil, pgerror.Source(r.source.name, pgerror.ProtocolViolation, "invalid message length", nil)
		}
		if err := r.fill(1 + size); err != nil {
			return 0, nil, err
		}
		body = r.buf[r.from+5 : r.from+1+size]
		r.from += 1 + size
		switch kind {
		case 'S', 'N', 'A', 'C', 'c': // ParameterStatus, notices, CommandComplete, CopyDone
		case 'E':
			var m pgproto3.ErrorResponse
			if err := m.Decode(body); err != nil {
				return 0, nil, err
			}
			if failed = r.source.constraint(m.Code, m.TableName, m.ColumnName, m.ConstraintName); failed == nil {
				failed = r.source.remoteError(m.Code, m.Message, false)
			}
			if m.Severity == "FATAL" || m.Severity == "PANIC" {
				return 0, nil, failed
			}
		case 'Z':
			r.ended = true
			r.clean = failed == nil
			return kind, nil, failed
		default:
			return kind, body, nil
		}
	}
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
	defer r.interrupt(ctx)()
	s := r.slots[dst]
	if s == nil {
		s = &slot{decoders: append([]decoder(nil), r.decoders...), cols: make([]*vector.Vec, len(r.decoders)), out: make([]vector.Vec, len(r.decoders))}
		r.slots[dst] = s
	}
	for i := range s.decoders {
		s.decoders[i].start(r.limit)
	}
	n := 0
	for n < r.limit {
		kind, body, err := r.message()
		if err != nil {
			return r.fail(ctx, err)
		}
		if kind == 'Z' {
			break
		}
		if kind != 'd' {
			return r.fail(ctx, pgerror.Source(r.source.name, pgerror.ProtocolViolation, "unexpected message in COPY", nil))
		}
		row, full, err := r.row(s, n, body)
		if err != nil {
			return r.fail(ctx, err)
		}
		if row {
			n++
		}
		if full {
			break
		}
	}
	if n == 0 {
		return io.EOF
	}
	held := int64(len(r.buf))
	for i := range s.decoders {
		v := s.decoders[i].finish()
		if c := &r.convert[i]; c.active {
			if err := c.run(v, n, &s.out[i]); err != nil {
				return r.fail(ctx, r.source.conversionError(r.names[i], err))
			}
			v = &s.out[i]
		}
		s.cols[i] = v
	}
	for _, other := range r.slots {
		for i := range other.decoders {
			held += other.decoders[i].held() + int64(8*cap(other.out[i].Backing()))
		}
	}
	if err := r.reserve(held); err != nil {
		return r.fail(ctx, err)
	}
	dst.N, dst.Cols = n, s.cols
	return nil
}

// signature opens a binary COPY.
const signature = "PGCOPY\n\xff\r\n\x00"

// row decodes one CopyData message as row n. row is false for a message that
// holds none, full is true when the batch should end.
func (r *reader) row(s *slot, n int, b []byte) (row, full bool, err error) {
	bad := func() (bool, bool, error) {
		return false, false, pgerror.Source(r.source.name, pgerror.BadCopyFileFormat, "invalid COPY data", nil)
	}
	if !r.header {
		// The header may come alone or before the first row.
		const fixed = len(signature) + 8
		if len(b) < fixed || string(b[:len(signature)]) != signature {
			return bad()
		}
		ext := int(binary.BigEndian.Uint32(b[fixed-4:]))
		if ext < 0 || len(b) < fixed+ext {
			return bad()
		}
		b = b[fixed+ext:]
		r.header = true
		if len(b) == 0 {
			return false, false, nil
		}
	}
	if len(b) < 2 {
		return bad()
	}
	count := int(int16(binary.BigEndian.Uint16(b)))
	b = b[2:]
	if count == -1 {
		return false, false, nil // the trailer
	}
	if count != len(s.decoders) {
		return bad()
	}
	for i := range s.decoders {
		if len(b) < 4 {
			return bad()
		}
		size := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		d := &s.decoders[i]
		if size < 0 {
			d.null(n)
			continue
		}
		if int(size) > len(b) {
			return bad()
		}
		if !d.put(n, b[:size]) {
			return false, false, errField(r.source.name, r.names[i])
		}
		full = full || len(d.text) > maxBatchText
		b = b[size:]
	}
	return true, full, nil
}

// Close implements connector.Reader. A read that has not ended is cancelled at
// the server.
func (r *reader) Close() error {
	r.closing.Do(func() {
		r.source.readers.Remove(r)
		r.closeMutex.Lock()
		defer r.closeMutex.Unlock()
		healthy := r.ended && (r.clean || r.err != nil)
		if !r.ended {
			r.cancel()
		} else {
			r.net.SetDeadline(time.Time{})
		}
		r.source.giveBack(r.stream, healthy)
		r.slots, r.buf = nil, nil
		if r.err == nil {
			r.err = io.EOF
		}
		_ = r.reserve(0)
	})
	return nil
}

// cancel ends the statement at the server. A request that arrives before the
// server has read the statement is lost, so it is repeated until the server
// closes the connection, which it does at the goodbye behind the statement. That
// takes milliseconds; a server that does not react is left to itself.
func (r *reader) cancel() {
	const patience = 800 * time.Millisecond
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	end := time.Now().Add(patience)
	r.net.SetDeadline(end)
	front := r.conn.pg.Frontend()
	front.Send(&pgproto3.Terminate{})
	if front.Flush() != nil {
		_ = r.conn.pg.CancelRequest(ctx)
		return
	}
	scratch := make([]byte, 32<<10)
	for wait := 25 * time.Millisecond; time.Now().Before(end); wait *= 2 {
		if r.conn.pg.CancelRequest(ctx) != nil {
			return
		}
		if r.net.SetReadDeadline(time.Now().Add(wait)) != nil {
			return
		}
		for {
			if _, err := r.conn.in.Read(scratch); errors.Is(err, os.ErrDeadlineExceeded) {
				break
			} else if err != nil {
				return
			}
		}
	}
}

// abort makes a read in another goroutine fail, when the source is closed.
func (r *reader) abort() {
	r.closeMutex.Lock()
	defer r.closeMutex.Unlock()
	if r.slots != nil {
		r.net.SetDeadline(time.Unix(1, 0))
	}
}
