package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/format"
)

// pageHeader is what a page says about itself. Its sizes have been checked to
// be not negative, and nothing else.
type pageHeader struct {
	kind         format.PageType
	uncompressed int
	compressed   int
	crc          uint32 // 0 when not written
	values       int    // rows of a flat column, or entries of a dictionary
	nulls        int    // of version 2 only
	encoding     format.Encoding
	defEncoding  format.Encoding // of version 1 only
	repEncoding  format.Encoding // of version 1 only
	defLength    int             // of version 2 only
	repLength    int             // of version 2 only
	plainBody    bool            // version 2: the values are not compressed
}

// Element types of Thrift's compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// thriftReader walks a struct in the compact protocol. It reads into nothing:
// page headers are read once per page, and a general decoder allocates for each.
type thriftReader struct {
	b     []byte
	short bool // the bytes ended: a longer piece may be well formed
	bad   bool
}

// fail marks the input as malformed, or as too short.
func (r *thriftReader) fail(short bool) {
	if short {
		r.short = true
	} else {
		r.bad = true
	}
	r.b = nil
}

// ok reports whether all was well so far.
func (r *thriftReader) ok() bool { return !r.short && !r.bad }

// octet reads one byte.
func (r *thriftReader) octet() byte {
	if len(r.b) == 0 {
		r.fail(true)
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// varint reads an unsigned integer.
func (r *thriftReader) varint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(n == 0)
		return 0
	}
	r.b = r.b[n:]
	return x
}

// integer reads a signed integer.
func (r *thriftReader) integer() int64 {
	x := r.varint()
	return int64(x>>1) ^ -int64(x&1)
}

// size reads an i32 that counts something.
func (r *thriftReader) size() int {
	x := r.integer()
	if x < 0 || x > 1<<31-1 {
		r.fail(false)
		return 0
	}
	return int(x)
}

// field reads the header of the next field; typ is 0 at the end of the struct.
func (r *thriftReader) field(last int) (id, typ int) {
	c := r.octet()
	typ = int(c & 15)
	if typ == 0 {
		return 0, 0
	}
	if d := int(c >> 4); d != 0 {
		return last + d, typ
	}
	id = int(r.integer())
	if !r.ok() {
		typ = 0
	}
	return id, typ
}

// fields reads the headers of the fields of a struct, to its end. The loop must
// read or skip the value of each.
func (r *thriftReader) fields(yield func(id, typ int) bool) {
	for last := 0; ; {
		id, typ := r.field(last)
		if typ == 0 || !yield(id, typ) {
			return
		}
		last = id
	}
}

// skip passes over a value.
func (r *thriftReader) skip(typ, depth int) {
	if depth > 16 {
		r.fail(false)
	}
	if !r.ok() {
		return
	}
	switch typ {
	case thriftTrue, thriftFalse:
	case thriftByte:
		r.octet()
	case thriftI16, thriftI32, thriftI64:
		r.varint()
	case thriftDouble:
		r.bytes(8)
	case thriftBinary:
		r.bytes(r.varint())
	case thriftList, thriftSet:
		c := r.octet()
		n := uint64(c >> 4)
		if n == 15 {
			n = r.varint()
		}
		for ; n > 0 && r.ok(); n-- {
			r.element(int(c&15), depth)
		}
	case thriftMap:
		n := r.varint()
		if n == 0 {
			return
		}
		c := r.octet()
		for ; n > 0 && r.ok(); n-- {
			r.element(int(c>>4), depth)
			r.element(int(c&15), depth)
		}
	case thriftStruct:
		for _, t := range r.fields {
			r.skip(t, depth+1)
		}
	default:
		r.fail(false)
	}
}

// element passes over an element of a collection, where a boolean has a byte.
func (r *thriftReader) element(typ, depth int) {
	if typ == thriftTrue || typ == thriftFalse {
		typ = thriftByte
	}
	r.skip(typ, depth+1)
}

// bytes passes over n bytes.
func (r *thriftReader) bytes(n uint64) {
	if n > uint64(len(r.b)) {
		r.fail(true)
		return
	}
	r.b = r.b[n:]
}

// parsePageHeader reads the header at the start of b and returns its length, 0
// when b ends within it.
func parsePageHeader(b []byte) (h pageHeader, length int, err error) {
	r := &thriftReader{b: b}
	h.kind = -1
	seen := 0
	for id, typ := range r.fields {
		switch {
		case id == 1 && typ == thriftI32:
			h.kind = format.PageType(r.integer())
			seen |= 1
		case id == 2 && typ == thriftI32:
			h.uncompressed = r.size()
			seen |= 2
		case id == 3 && typ == thriftI32:
			h.compressed = r.size()
			seen |= 4
		case id == 4 && typ == thriftI32:
			h.crc = uint32(r.integer())
		case id == 5 && typ == thriftStruct:
			h.dataV1(r)
		case id == 7 && typ == thriftStruct:
			h.dictionary(r)
		case id == 8 && typ == thriftStruct:
			h.dataV2(r)
		default:
			r.skip(typ, 0)
		}
	}
	switch {
	case r.short:
		return h, 0, nil
	case r.bad || seen != 7:
		return h, 0, fmt.Errorf("%w: a page header is not valid", errCorrupt)
	}
	return h, len(b) - len(r.b), nil
}

// dataV1 reads a DataPageHeader.
func (h *pageHeader) dataV1(r *thriftReader) {
	for id, typ := range r.fields {
		switch {
		case id == 1 && typ == thriftI32:
			h.values = r.size()
		case id == 2 && typ == thriftI32:
			h.encoding = format.Encoding(r.integer())
		case id == 3 && typ == thriftI32:
			h.defEncoding = format.Encoding(r.integer())
		case id == 4 && typ == thriftI32:
			h.repEncoding = format.Encoding(r.integer())
		default:
			r.skip(typ, 1)
		}
	}
}

// dictionary reads a DictionaryPageHeader.
func (h *pageHeader) dictionary(r *thriftReader) {
	for id, typ := range r.fields {
		switch {
		case id == 1 && typ == thriftI32:
			h.values = r.size()
		case id == 2 && typ == thriftI32:
			h.encoding = format.Encoding(r.integer())
		default:
			r.skip(typ, 1)
		}
	}
}

// dataV2 reads a DataPageHeaderV2.
func (h *pageHeader) dataV2(r *thriftReader) {
	for id, typ := range r.fields {
		switch {
		case id == 1 && typ == thriftI32:
			h.values = r.size()
		case id == 2 && typ == thriftI32:
			h.nulls = r.size()
		case id == 4 && typ == thriftI32:
			h.encoding = format.Encoding(r.integer())
		case id == 5 && typ == thriftI32:
			h.defLength = r.size()
		case id == 6 && typ == thriftI32:
			h.repLength = r.size()
		case id == 7 && (typ == thriftTrue || typ == thriftFalse):
			h.plainBody = typ == thriftFalse
		default:
			r.skip(typ, 1)
		}
	}
}
