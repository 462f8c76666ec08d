package wire

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	// flushAt is the number of bytes waiting that makes the connection write
	// them; one write takes at most this and one row.
	flushAt = 128 << 10
	// keepOut is the largest output buffer kept between writes, keepIdle the
	// largest kept between queries: many connections do nothing most of the time.
	keepOut  = 1 << 20
	keepIdle = 16 << 10
	// farewell bounds the write of the last message of a connection.
	farewell = 2 * time.Second
)

// conn is one client connection. Its goroutine (run) owns everything but the
// fields below mu and noticeMu.
type conn struct {
	srv    *Server
	log    *slog.Logger
	socket net.Conn // as accepted
	tls    *tls.ConnectionState
	// binding is the channel binding data of the TLS certificate, nil for none.
	binding []byte

	ctx context.Context // ends with the connection
	// work is the context of the messages up to the next ReadyForQuery, nil when
	// none has been executed; stopWork cancels it.
	work     context.Context
	stopWork context.CancelCauseFunc
	gone     func() // cancels the statement of a client that has gone

	version uint32
	pid     int32
	key     []byte // secret of CancelRequest
	start   Startup
	session Session
	names   *Names

	out      []byte
	writeErr error
	reported map[string]string

	bound bindMessage // the Bind message at hand

	skip   bool // an extended message failed: ignore messages until Sync
	failed bool // something failed since the last ReadyForQuery
	batch  bool // inside an extended batch: Sync has not come yet

	mu      sync.Mutex
	in      *reader // set once more when TLS starts
	writer  net.Conn
	cancel  context.CancelCauseFunc // of the statement that executes, or nil
	dying   *pgerror.Error          // why the connection is to end
	killed  bool                    // dying, and statements are not to finish
	closing bool

	noticeMu sync.Mutex
	notices  []*pgerror.Error
}

func newConn(s *Server, socket net.Conn) *conn {
	c := &conn{
		srv: s, log: s.cfg.Log, socket: socket,
		in: newReader(socket), writer: socket,
		names: NewNames(), reported: map[string]string{},
	}
	c.gone = func() { c.cancelStatement(errClientGone) }
	return c
}

// run is the life of the connection.
func (c *conn) run() {
	ctx, cancel := context.WithCancel(context.Background())
	c.ctx = ctx
	defer cancel()
	defer c.closeSocket()
	defer func() { c.in.watch.close() }()
	c.log = c.log.With(slog.String("remote", remoteAddr(c.socket)))
	ok, err := c.startup()
	if err != nil {
		c.farewell(err)
	}
	if !ok || err != nil {
		c.closeSession()
		return
	}
	c.log = c.log.With(slog.Int("pid", int(c.pid)), slog.String("user", c.start.User), slog.String("database", c.start.Database))
	c.log.Info("session started")
	began := time.Now()
	err = c.loop()
	if err != nil {
		c.farewell(err)
	}
	c.closeSession()
	c.log.Info("session ended", slog.Duration("duration", time.Since(began)))
}

// closeSession releases what the client left behind.
func (c *conn) closeSession() {
	defer func() {
		if p := recover(); p != nil {
			_ = recovered(c.log, p)
		}
	}()
	c.names.close()
	if c.session != nil {
		c.session.Close()
	}
}

// closeSocket closes the connection; it may be called from any goroutine and
// more than once.
func (c *conn) closeSocket() {
	c.mu.Lock()
	closing := c.closing
	c.closing = true
	writer := c.writer
	c.mu.Unlock()
	if closing {
		return
	}
	if writer != c.socket {
		// The TLS goodbye must not wait for a client that does not read.
		_ = c.socket.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_ = writer.Close()
	}
	_ = c.socket.Close()
}

// terminate makes the connection end with err: at once when it is idle; after
// the statement it executes, or with now by cancelling it.
func (c *conn) terminate(err *pgerror.Error, now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dying == nil {
		c.dying = err
	}
	if now {
		c.killed = true
		// Nor may a client that does not read hold the session up.
		_ = c.socket.SetWriteDeadline(time.Now().Add(farewell))
		if c.cancel != nil {
			c.cancel(err)
		}
	}
	c.in.interrupt()
}

// cancelStatement cancels the statement that executes, if any, with cause.
func (c *conn) cancelStatement(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel(cause)
	}
}

// farewell tells the client why the connection ends.
func (c *conn) farewell(err error) {
	if c.writeErr != nil || isGone(err) {
		return
	}
	e := fatal(err)
	c.log.Info("connection refused or ended by the server", slog.String("code", string(e.Code)), slog.String("message", e.Message))
	_ = c.socket.SetWriteDeadline(time.Now().Add(farewell))
	c.sendNotices()
	fields := errorFields(e, c.regNames())
	c.send(&fields)
	c.flush()
}

// isGone reports whether err means that nobody is there to be told.
func isGone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errClientGone) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || isOpError(err)
}

func isOpError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

// loop reads and answers messages. The error it returns goes to the client as
// FATAL; nil means that the client has ended the connection.
func (c *conn) loop() error {
	for {
		typ, body, err := c.receive()
		if err != nil {
			return err
		}
		if typ == 'X' {
			return nil
		}
		if c.skip && typ != 'S' {
			continue
		}
		if err := c.handle(typ, body); err != nil {
			return err
		}
		if c.writeErr != nil {
			return nil
		}
	}
}

// receive waits for the next message.
func (c *conn) receive() (byte, []byte, error) {
	idle := time.Duration(0)
	if c.in.buffered() == 0 {
		idle = c.idleTimeout()
		if idle > 0 {
			c.in.setDeadline(time.Now().Add(idle))
		}
	}
	typ, body, err := c.in.next(c.limit)
	if idle > 0 {
		c.in.setDeadline(time.Time{})
	}
	if err == nil {
		return typ, body, nil
	}
	var unknown errUnknownMessage
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.mu.Lock()
		dying := c.dying
		c.mu.Unlock()
		switch {
		case dying != nil:
			return 0, nil, dying
		case c.session.TxStatus() != 'I':
			return 0, nil, pgerror.Fatalf(idleInTransactionTimeout, "terminating connection due to idle-in-transaction timeout")
		}
		return 0, nil, pgerror.Fatalf(idleSessionTimeout, "terminating connection due to idle-session timeout")
	case errors.As(err, &unknown), errors.Is(err, errMessageLength):
		return 0, nil, pgerror.Fatalf(pgerror.ProtocolViolation, "%s", err.Error())
	}
	return 0, nil, err
}

// idleTimeout returns how long the client may be silent now, 0 for ever. A
// client between the messages of an extended batch is not idle.
func (c *conn) idleTimeout() time.Duration {
	if c.batch {
		return 0
	}
	return c.session.Settings().IdleTimeout(c.session.TxStatus() != 'I')
}

// limit returns the longest body of a message type, -1 for an unknown type.
func (c *conn) limit(typ byte) int {
	switch typ {
	case 'Q', 'P', 'B', 'F', 'd':
		return c.srv.cfg.MaxMessage
	case 'D', 'C', 'E', 'f':
		return maxSmallLen
	case 'S', 'H', 'X', 'c':
		// PostgreSQL takes a short body here and then finds it malformed.
		return maxSmallLen
	}
	return -1
}

// handle answers one message. Only what ends the connection is returned as an
// error.
func (c *conn) handle(typ byte, body []byte) (err error) {
	switch typ {
	case 'Q':
		err = c.query(body)
	case 'P', 'B', 'D', 'E', 'C':
		c.batch = true
		if err = c.extended(typ, body); err != nil {
			c.skip = true
			err = c.report(err)
			c.flush()
		}
		return err
	case 'H':
		c.sendNotices()
		c.flush()
		return nil
	case 'S':
		c.skip = false
		return c.ready(c.end())
	case 'F':
		c.failed = true
		err = pgerror.NotSupported("function calls through the protocol are not supported")
	case 'd', 'c', 'f':
		// Left over from a COPY that failed: ignored like PostgreSQL does.
		return nil
	}
	if err != nil {
		if err = c.report(err); err != nil {
			return err
		}
		return c.ready(c.end())
	}
	if c.session.TxStatus() == 'I' {
		c.names.EndTransaction(true)
	}
	return c.ready(nil)
}

// end ends the implicit transaction of a simple query or an extended batch and
// the portals that do not outlive it. Its error is the client's.
func (c *conn) end() error {
	failed := c.failed
	c.failed = false
	err := c.execute(func(ctx context.Context) error { return c.session.End(ctx, failed) })
	if err != nil {
		failed = true
	}
	switch c.session.TxStatus() {
	case 'I':
		c.names.EndTransaction(!failed)
	case 'E':
		// The portals of a failed block can only be closed: what they hold is
		// given back at once.
		c.names.EndTransaction(false)
	}
	return err
}

// ready reports err, if there is one, and tells the client that the next query
// may come.
func (c *conn) ready(err error) error {
	if err != nil {
		if err = c.report(err); err != nil {
			return err
		}
	}
	c.batch = false
	c.endWork()
	c.sendNotices()
	c.sendStatus()
	c.put('Z', c.session.TxStatus())
	c.flush()
	if cap(c.out) > keepIdle {
		c.out = nil
	}
	return nil
}

// report sends err as ErrorResponse. It returns err when that ends the
// connection.
func (c *conn) report(err error) error {
	c.failed = true
	if errors.Is(err, errClientGone) {
		return err
	}
	e := pgerror.From(err)
	if e.Severity == pgerror.SeverityFatal || e.Severity == pgerror.SeverityPanic {
		return e
	}
	if e.Code == pgerror.InternalError {
		c.log.Error("internal error", slog.String("message", e.Message), slog.Any("cause", e.Cause))
	}
	c.sendNotices()
	fields := errorFields(e, c.regNames())
	c.send(&fields)
	return nil
}

// regNames knows the names that types have in messages, nil before there is a
// session.
func (c *conn) regNames() RegNames {
	if c.session == nil {
		return nil
	}
	names, _ := c.session.(RegNames)
	return names
}

// notice queues a notice for the client; any goroutine may call it.
func (c *conn) notice(err error) {
	e := pgerror.From(err)
	c.noticeMu.Lock()
	c.notices = append(c.notices, e)
	c.noticeMu.Unlock()
}

// sendNotices sends the queued notices that the client wants.
func (c *conn) sendNotices() {
	c.noticeMu.Lock()
	queue := c.notices
	c.notices = nil
	c.noticeMu.Unlock()
	if len(queue) == 0 {
		return
	}
	least := ""
	if c.session != nil {
		least = c.session.Settings().Get("client_min_messages")
	}
	for _, e := range queue {
		if noticeWanted(e.Severity, least) {
			n := pgproto3.NoticeResponse(errorFields(e, c.regNames()))
			c.send(&n)
		}
	}
}

// sendStatus sends the reported settings that have changed.
func (c *conn) sendStatus() {
	for _, s := range c.session.Settings().Reported() {
		if old, sent := c.reported[s.Name]; !sent || old != s.Value {
			c.reported[s.Name] = s.Value
			c.send(&pgproto3.ParameterStatus{Name: s.Name, Value: s.Value})
		}
	}
}

// send puts a message into the output buffer.
func (c *conn) send(m pgproto3.BackendMessage) {
	out, err := m.Encode(c.out)
	if err != nil {
		// Only a message beyond the protocol's size cannot be encoded, and
		// leaving it out would break the order of answers.
		c.writeErr = err
		return
	}
	c.out = out
	if len(c.out) >= flushAt {
		c.flush()
	}
}

// put sends a message of one type byte and a short body.
func (c *conn) put(typ byte, body ...byte) {
	c.out = append(c.out, typ, 0, 0, 0, byte(4+len(body)))
	c.out = append(c.out, body...)
	if len(c.out) >= flushAt {
		c.flush()
	}
}

// complete sends CommandComplete.
func (c *conn) complete(tag string) {
	c.out = binary.BigEndian.AppendUint32(append(c.out, 'C'), uint32(4+len(tag)+1))
	c.out = append(append(c.out, tag...), 0)
	if len(c.out) >= flushAt {
		c.flush()
	}
}

// flush writes the output buffer. It blocks while the client does not read;
// after a failed write the connection is of no use, which the callers of
// Cursor.Next and loop look at.
func (c *conn) flush() {
	if c.writeErr == nil && len(c.out) > 0 {
		_, c.writeErr = c.writer.Write(c.out)
	}
	if cap(c.out) > keepOut {
		c.out = nil
	}
	c.out = c.out[:0]
}

func remoteAddr(socket net.Conn) string {
	if a := socket.RemoteAddr(); a != nil {
		return a.String()
	}
	return ""
}
