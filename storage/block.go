package storage

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/klauspost/compress/s2"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// A block is one column of up to blockRows rows as it is stored: a header, then
// the payload, compressed with S2. All numbers are little endian.
//
//	byte 0     form
//	byte 1     1 when a validity bitmap precedes the values
//	bytes 4-7  scale of scaled numerics
//	bytes 8-11 bytes of the payload before compression
//	bytes 12-15 CRC-32C of what follows
//
// The payload is the bitmap in words of 8 bytes, then the values: fixed-width
// ones as they are in memory; variable ones as a length of 4 bytes each, then
// their bytes; a dictionary as its number of entries (4 bytes) and the entries
// in that form, then a code of 2 bytes per row.
const blockHeader = 16

// Forms of a block.
const (
	formFixed byte = iota
	formScaled
	formBytes
	formDict
)

const (
	// blockRows is the largest number of rows of a block: large enough to
	// compress, small enough that a scan of many columns stays in the cache.
	blockRows = 8 * vector.BatchSize
	// maxDict is the largest dictionary of a block.
	maxDict = 1 << 12
	// maxPayload bounds what a corrupt header can make a reader allocate.
	maxPayload = 1 << 31
)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// errCorrupt is what every damaged block is; the reader adds where.
var errCorrupt = errors.New("a block is damaged")

// isBytes reports whether the values of v are views.
func isBytes(v *vector.Vec) bool {
	l := v.Type.Layout()
	return l == types.LayoutBytes || l == types.LayoutNumeric && !v.Scaled
}

// appendBlock appends the block of the n rows of a Flat vector.
func appendBlock(dst []byte, v *vector.Vec, n int) []byte {
	form := formFixed
	var payload []byte
	if v.Valid != nil {
		for _, w := range v.Valid[:(n+63)/64] {
			payload = binary.LittleEndian.AppendUint64(payload, w)
		}
	}
	switch {
	case isBytes(v):
		if p, ok := appendDict(payload, v, n); ok {
			form, payload = formDict, p
		} else {
			form, payload = formBytes, appendValues(payload, v, nil, n)
		}
	case v.Scaled:
		form = formScaled
		fallthrough
	default:
		payload = append(payload, vector.Values[byte](v)[:n*kernel.Width(v)]...)
	}
	var head [blockHeader]byte
	head[0] = form
	if v.Valid != nil {
		head[1] = 1
	}
	binary.LittleEndian.PutUint32(head[4:], uint32(v.Scale))
	binary.LittleEndian.PutUint32(head[8:], uint32(len(payload)))
	at := len(dst)
	dst = append(dst, head[:]...)
	dst = append(dst, s2.Encode(nil, payload)...)
	binary.LittleEndian.PutUint32(dst[at+12:], crc32.Checksum(dst[at+blockHeader:], crcTable))
	return dst
}

// appendValues appends the lengths and bytes of the rows that sel lists (nil:
// the first n). A NULL has no bytes.
func appendValues(dst []byte, v *vector.Vec, sel []int32, n int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, 4*n)...)
	for i := range n {
		r := i
		if sel != nil {
			r = int(sel[i])
		}
		if v.Valid != nil && !v.Valid.Get(r) {
			continue
		}
		b := v.Bytes(r)
		binary.LittleEndian.PutUint32(dst[at+4*i:], uint32(len(b)))
		dst = append(dst, b...)
	}
	return dst
}

// appendDict appends the dictionary form when few values repeat.
func appendDict(dst []byte, v *vector.Vec, n int) ([]byte, bool) {
	limit := min(maxDict, n/4)
	codes := make([]uint16, n)
	seen := make(map[string]uint16, limit)
	var entries []int32
	for i := range n {
		if v.Valid != nil && !v.Valid.Get(i) {
			continue // any code will do
		}
		code, ok := seen[v.String(i)]
		if !ok {
			if len(entries) >= limit {
				return dst, false
			}
			code = uint16(len(entries))
			seen[v.String(i)] = code
			entries = append(entries, int32(i))
		}
		codes[i] = code
	}
	if len(entries) == 0 {
		return dst, false
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(entries)))
	dst = appendValues(dst, v, entries, len(entries))
	for _, c := range codes {
		dst = binary.LittleEndian.AppendUint16(dst, c)
	}
	return dst, true
}

// payloadBytes returns how many bytes reading a block allocates, so that they
// can be reserved before.
func payloadBytes(block []byte) (int64, error) {
	if len(block) < blockHeader {
		return 0, errCorrupt
	}
	n := binary.LittleEndian.Uint32(block[8:])
	if n >= maxPayload {
		return 0, errCorrupt
	}
	return int64(n), nil
}

// readBlock decodes a block of n rows of type t into a vector of its own. Every
// length is checked: a damaged block is errCorrupt, never other rows.
func readBlock(block []byte, t types.Type, n int) (*vector.Vec, error) {
	size, err := payloadBytes(block)
	if err != nil {
		return nil, err
	}
	body := block[blockHeader:]
	if crc32.Checksum(body, crcTable) != binary.LittleEndian.Uint32(block[12:]) {
		return nil, errCorrupt
	}
	if l, err := s2.DecodedLen(body); err != nil || int64(l) != size {
		return nil, errCorrupt
	}
	payload, err := s2.Decode(nil, body)
	if err != nil {
		return nil, errCorrupt
	}
	v := &vector.Vec{Type: t, Scale: int32(binary.LittleEndian.Uint32(block[4:]))}
	if block[1] != 0 {
		words := (n + 63) / 64
		if len(payload) < 8*words {
			return nil, errCorrupt
		}
		v.Valid = make(vector.Bitmap, words)
		for i := range v.Valid {
			v.Valid[i] = binary.LittleEndian.Uint64(payload[8*i:])
		}
		payload = payload[8*words:]
	}
	switch block[0] {
	case formScaled:
		if t.Layout() != types.LayoutNumeric {
			return nil, errCorrupt
		}
		v.Scaled = true
	case formFixed:
		if isBytes(v) {
			return nil, errCorrupt
		}
	case formBytes, formDict:
		if !isBytes(v) {
			return nil, errCorrupt
		}
		if block[0] == formDict {
			return readDict(v, payload, n)
		}
		rest, err := readValues(v, payload, n)
		if err != nil || len(rest) != 0 {
			return nil, errCorrupt
		}
		return v, nil
	default:
		return nil, errCorrupt
	}
	v.Resize(n)
	if want := n * kernel.Width(v); len(payload) != want {
		return nil, errCorrupt
	}
	copy(vector.Values[byte](v), payload)
	return v, nil
}

// readValues makes v n views on the bytes of payload and returns what follows.
func readValues(v *vector.Vec, payload []byte, n int) ([]byte, error) {
	if len(payload) < 4*n {
		return nil, errCorrupt
	}
	lengths, data := payload[:4*n], payload[4*n:]
	v.Resize(n)
	v.Bufs = [][]byte{data}
	at := 0
	for i := range n {
		l := int(binary.LittleEndian.Uint32(lengths[4*i:]))
		if l > len(data)-at {
			return nil, errCorrupt
		}
		v.SetView(i, 0, at, l)
		at += l
	}
	return data[at:], nil
}

// readDict makes v a Dict vector.
func readDict(v *vector.Vec, payload []byte, n int) (*vector.Vec, error) {
	if len(payload) < 4 {
		return nil, errCorrupt
	}
	entries := int(binary.LittleEndian.Uint32(payload))
	if entries == 0 || entries > maxDict {
		return nil, errCorrupt
	}
	dict := &vector.Vec{Type: v.Type}
	rest, err := readValues(dict, payload[4:], entries)
	if err != nil || len(rest) != 2*n {
		return nil, errCorrupt
	}
	v.Kind, v.Dict, v.Codes = vector.Dict, dict, make([]int32, n)
	for i := range v.Codes {
		c := int32(binary.LittleEndian.Uint16(rest[2*i:]))
		if int(c) >= entries {
			return nil, errCorrupt
		}
		v.Codes[i] = c
	}
	return v, nil
}
