package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	readBufferSize = 8 << 10
	// maxReadAhead bounds what the watcher reads while a statement executes.
	maxReadAhead = 64 << 10
	// keepBody is the largest message buffer kept for the next message.
	keepBody = 64 << 10
	// bodyStep bounds how far the memory for a message runs ahead of the bytes
	// that have arrived, so that a length alone costs nothing.
	bodyStep = 1 << 20
	// maxStartupLen and maxAuthLen bound the messages of unknown clients.
	maxStartupLen = 10000
	maxAuthLen    = 65535
	maxSmallLen   = 30000
)

// past is a deadline that makes a blocked read return at once.
var past = time.Unix(1, 0)

// errMessageLength is a length that cannot be, or is beyond the limit.
var errMessageLength = errors.New("invalid message length")

// reader cuts the client's bytes into messages. One goroutine calls next; while
// that goroutine executes a statement, the watcher goroutine may read ahead.
type reader struct {
	conn net.Conn
	buf  []byte // buf[start:end] has arrived and is not consumed
	// body is the message that next returned last.
	body       []byte
	start, end int
	err        error // sticky error of the socket

	// mu guards the deadline: once interrupted, it stays in the past.
	mu          sync.Mutex
	interrupted bool

	watch watcher
	ahead []byte // read by the watcher, not yet in buf
}

func newReader(conn net.Conn) *reader {
	r := &reader{conn: conn, buf: make([]byte, readBufferSize)}
	r.watch.r = r
	return r
}

// setDeadline sets the read deadline unless the reader has been interrupted.
func (r *reader) setDeadline(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.interrupted {
		_ = r.conn.SetReadDeadline(t) // fails only on a closed socket, which Read reports
	}
}

// interrupt makes the present and every later read from the socket fail with
// os.ErrDeadlineExceeded. It may be called from any goroutine.
func (r *reader) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = true
	_ = r.conn.SetReadDeadline(past)
}

// buffered is the number of bytes that have arrived and are not consumed.
func (r *reader) buffered() int { return r.end - r.start + len(r.ahead) }

// fill reads until at least n bytes (n <= readBufferSize) are in buf.
func (r *reader) fill(n int) error {
	if r.end-r.start >= n {
		return nil
	}
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	for r.end < n {
		got, err := r.read(r.buf[r.end:])
		r.end += got
		if err != nil && r.end < n {
			if errors.Is(err, io.EOF) && r.end > 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// read takes what the watcher has read, or reads from the socket.
func (r *reader) read(p []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.conn.Read(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		r.err = err
	}
	if n > 0 {
		return n, nil
	}
	return n, err
}

// peek returns the first byte to come without consuming it.
func (r *reader) peek() (byte, error) {
	if err := r.fill(1); err != nil {
		return 0, err
	}
	return r.buf[r.start], nil
}

// startup reads a message without type byte. The body is valid until the next
// call.
func (r *reader) startup() ([]byte, error) {
	if err := r.fill(4); err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(r.buf[r.start:]))) - 4
	if n < 4 || n > maxStartupLen {
		return nil, errMessageLength
	}
	r.start += 4
	return r.take(n)
}

// next reads one message. The body is valid until the next call. limit returns
// the longest body allowed for a type, negative for a type that does not exist.
func (r *reader) next(limit func(byte) int) (byte, []byte, error) {
	if err := r.fill(5); err != nil {
		return 0, nil, err
	}
	typ := r.buf[r.start]
	n := int(int32(binary.BigEndian.Uint32(r.buf[r.start+1:]))) - 4
	most := limit(typ)
	if most < 0 {
		return typ, nil, errUnknownMessage(typ)
	}
	if n < 0 || n > most {
		return typ, nil, errMessageLength
	}
	r.start += 5
	body, err := r.take(n)
	return typ, body, err
}

type errUnknownMessage byte

func (e errUnknownMessage) Error() string {
	return fmt.Sprintf("invalid frontend message type %d", byte(e))
}

// take consumes n bytes.
func (r *reader) take(n int) ([]byte, error) {
	if n <= r.end-r.start {
		body := r.buf[r.start : r.start+n]
		r.start += n
		return body, nil
	}
	if cap(r.body) > keepBody && n <= keepBody {
		r.body = nil
	}
	body := append(r.body[:0], r.buf[r.start:r.end]...)
	r.start, r.end = 0, 0
	for len(body) < n {
		have := len(body)
		if cap(body) == have || cap(body) < min(n, have+512) {
			grown := make([]byte, have, min(n, have+max(have, bodyStep)))
			copy(grown, body)
			body = grown
		}
		got, err := r.read(body[have:min(n, cap(body))])
		body = body[:have+got]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	r.body = body
	return body, nil
}
