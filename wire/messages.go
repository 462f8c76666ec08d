package wire

import (
	"bytes"
	"encoding/binary"
)

// The messages that every execution of a prepared statement consists of are read
// in place: their parts point into the reader's buffer and are valid until the
// next message.

// bindMessage is a Bind message. Its slices are used again by the next decode.
type bindMessage struct {
	portal, statement []byte
	// paramFormats and resultFormats are format codes as sent: none, one for
	// all, or one for each.
	paramFormats, resultFormats []int16
	params                      [][]byte // nil is NULL
}

// decode reads the body of a message and reports whether it is well formed.
func (m *bindMessage) decode(b []byte) (ok bool) {
	if m.portal, b, ok = cutName(b); !ok {
		return false
	}
	if m.statement, b, ok = cutName(b); !ok {
		return false
	}
	if m.paramFormats, b, ok = cutFormats(m.paramFormats[:0], b); !ok {
		return false
	}
	if len(b) < 2 {
		return false
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	m.params = m.params[:0]
	for range n {
		if len(b) < 4 {
			return false
		}
		size := int(int32(binary.BigEndian.Uint32(b)))
		b = b[4:]
		if size == -1 {
			m.params = append(m.params, nil)
			continue
		}
		if size < 0 || size > len(b) {
			return false
		}
		m.params = append(m.params, b[:size:size])
		b = b[size:]
	}
	m.resultFormats, _, ok = cutFormats(m.resultFormats[:0], b)
	return ok
}

// cutName takes a zero-terminated string off the front of b.
func cutName(b []byte) (name, rest []byte, ok bool) {
	return bytes.Cut(b, []byte{0})
}

// cutFormats takes a counted list of format codes off the front of b.
func cutFormats(codes []int16, b []byte) (list []int16, rest []byte, ok bool) {
	if len(b) < 2 {
		return codes, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if len(b) < 2*n {
		return codes, nil, false
	}
	for i := range n {
		codes = append(codes, int16(binary.BigEndian.Uint16(b[2*i:])))
	}
	return codes, b[2*n:], true
}

// decodeExecute reads the body of an Execute message. maxRows is 0 for no limit.
func decodeExecute(b []byte) (portal []byte, maxRows int, ok bool) {
	portal, b, ok = cutName(b)
	if !ok || len(b) < 4 {
		return nil, 0, false
	}
	return portal, max(int(int32(binary.BigEndian.Uint32(b))), 0), true
}

// decodeTarget reads the body of a Describe or Close message: the kind of the
// object and its name.
func decodeTarget(b []byte) (kind byte, name []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, false
	}
	name, _, ok = cutName(b[1:])
	return b[0], name, ok
}
