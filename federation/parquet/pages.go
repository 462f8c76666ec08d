package parquet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/parquet-go/parquet-go/format"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// window is how many bytes of a column chunk are read at a time.
const window = 256 << 10

// pageReader reads the pages of one column chunk in turn. Pages whose rows are
// all skipped are not decompressed.
type pageReader struct {
	file  *os.File
	pool  *blockPool
	flate *inflater
	meta  *format.ColumnMetaData

	pos, end int64 // file offsets of the next byte and of the end of the chunk
	win      *block
	winAt    int64 // file offset of the window
	bodyLeft int   // bytes of the current page that were not read

	begun bool // whether the first header has been read
	head  pageHeader
	left  int64 // rows that come in pages behind the current one
	dict  pageHeader
	dicAt int64 // file offset of the dictionary's body, 0 without
}

// openPages starts at the first page of a chunk. limit is where the file's data
// ends.
func openPages(file *os.File, meta *format.ColumnMetaData, limit int64, pool *blockPool, flate *inflater) (*pageReader, error) {
	start := meta.DataPageOffset
	if d := meta.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	end := start + meta.TotalCompressedSize
	if start < 4 || meta.TotalCompressedSize < 0 || end < start || end > limit || meta.NumValues < 0 {
		return nil, fmt.Errorf("%w: a column chunk lies outside the file", errCorrupt)
	}
	return &pageReader{file: file, pool: pool, flate: flate, meta: meta, pos: start, end: end, left: meta.NumValues}, nil
}

// close gives the memory back.
func (p *pageReader) close() {
	p.pool.put(p.win)
	p.win = nil
}

// peek returns at least n of the next bytes, or all that are left.
func (p *pageReader) peek(n int) ([]byte, error) {
	if rest := p.end - p.pos; int64(n) > rest {
		n = int(rest)
	}
	if p.win != nil && p.pos >= p.winAt && p.pos+int64(n) <= p.winAt+int64(len(p.win.bytes)) {
		return p.win.bytes[p.pos-p.winAt:], nil
	}
	size := int(min(int64(max(n, window)), p.end-p.pos))
	next := p.win
	keep := 0
	if next != nil && p.pos >= p.winAt && p.pos < p.winAt+int64(len(next.bytes)) {
		keep = copy(next.bytes, next.bytes[p.pos-p.winAt:])
	}
	if next == nil || cap(next.bytes) < size+padding {
		b, err := p.pool.get(size)
		if err != nil {
			return nil, err
		}
		if next != nil {
			copy(b.bytes, next.bytes[:keep])
			p.pool.put(next)
		}
		next = b
	}
	next.bytes = next.bytes[:size]
	p.win, p.winAt = next, p.pos
	if _, err := p.file.ReadAt(next.bytes[keep:], p.pos+int64(keep)); err != nil {
		p.win.bytes = p.win.bytes[:0]
		return nil, p.readError(err)
	}
	return next.bytes, nil
}

// codes reports whether an encoding is that of dictionary codes: the second name
// is that of old writers, which also give it to dictionaries.
func codes(e format.Encoding) bool { return e == format.RLEDictionary || e == 2 }

// allCodes reports whether it is known that all data pages hold codes.
func (p *pageReader) allCodes() bool {
	data := false
	for _, s := range p.meta.EncodingStats {
		if s.PageType == format.DataPage || s.PageType == format.DataPageV2 {
			if !codes(s.Encoding) && s.Count > 0 {
				return false
			}
			data = true
		}
	}
	return data
}

// readError tells a file that is shorter than it was from a disk that fails.
func (p *pageReader) readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: the file is shorter than it says", errCorrupt)
	}
	return err
}

// header reads the header at the current position.
func (p *pageReader) header() (pageHeader, error) {
	for want := 1 << 10; ; want *= 16 {
		b, err := p.peek(want)
		if err != nil {
			return pageHeader{}, err
		}
		h, n, err := parsePageHeader(b)
		if err != nil {
			return h, err
		}
		if n > 0 {
			p.pos += int64(n)
			if int64(h.compressed) > p.end-p.pos || h.uncompressed > maxPage {
				return h, fmt.Errorf("%w: a page is larger than its column", errCorrupt)
			}
			return h, nil
		}
		if int64(len(b)) >= p.end-p.pos || want > 16<<20 {
			return h, fmt.Errorf("%w: a page header is cut off", errCorrupt)
		}
	}
}

// next goes to the next data page with rows and returns their number. The page
// is not decompressed before body.
func (p *pageReader) next() (rows int, err error) {
	if p.left > 0 {
		if err := p.findDictionary(); err != nil {
			return 0, err
		}
	}
	for {
		p.pos += int64(p.bodyLeft)
		p.bodyLeft = 0
		if p.left == 0 {
			return 0, fmt.Errorf("%w: a column has fewer rows than its row group", errCorrupt)
		}
		h, err := p.header()
		if err != nil {
			return 0, err
		}
		p.bodyLeft = h.compressed
		switch h.kind {
		case format.DictionaryPage:
			return 0, fmt.Errorf("%w: a dictionary is not the first page", errCorrupt)
		case format.DataPage, format.DataPageV2:
		default:
			continue
		}
		if int64(h.values) > p.left {
			return 0, fmt.Errorf("%w: a column has more rows than its row group", errCorrupt)
		}
		p.left -= int64(h.values)
		p.head = h
		if h.values > 0 {
			return h.values, nil
		}
	}
}

// seek goes to the data page at a file offset that the offset index gave, with
// left rows from there on. A page that has begun already stays where it is.
func (p *pageReader) seek(offset, left int64) error {
	if err := p.findDictionary(); err != nil {
		return err
	}
	if offset < p.pos || offset > p.end || left < 0 || left > p.meta.NumValues {
		return fmt.Errorf("%w: an offset index is not valid", errCorrupt)
	}
	p.pos, p.bodyLeft, p.left = offset, 0, left
	return nil
}

// findDictionary looks whether the first page is the dictionary, unless that is
// known.
func (p *pageReader) findDictionary() error {
	if p.begun {
		return nil
	}
	p.begun = true
	at := p.pos
	h, err := p.header()
	if err != nil {
		return err
	}
	if h.kind == format.DictionaryPage {
		p.dict, p.dicAt, p.bodyLeft = h, p.pos, h.compressed
		return nil
	}
	p.pos = at
	return nil
}

// check compares the checksum of a page, when it has one.
func (h *pageHeader) check(body []byte) error {
	if h.crc != 0 && crc32.ChecksumIEEE(body) != h.crc {
		return fmt.Errorf("%w: the checksum of a page is wrong", errCorrupt)
	}
	return nil
}

// decompress decompresses the current page into a block, which the caller owns.
// head is the length of the levels at its start where the page's header knows it,
// in pages of version 2.
func (p *pageReader) decompress() (b *block, head int, err error) {
	h := &p.head
	raw, err := p.peek(h.compressed)
	if err != nil {
		return nil, 0, err
	}
	raw = raw[:h.compressed]
	if err := h.check(raw); err != nil {
		return nil, 0, err
	}
	if b, err = p.pool.get(h.uncompressed); err != nil {
		return nil, 0, err
	}
	out := b.bytes
	plain := false
	if h.kind == format.DataPageV2 {
		head = h.repLength + h.defLength
		plain = h.plainBody || p.meta.Codec == format.Uncompressed
	}
	switch {
	case head > len(raw) || head > len(out):
		err = fmt.Errorf("%w: the levels of a page are too long", errCorrupt)
	case plain && len(raw) != len(out):
		err = fmt.Errorf("%w: the sizes of a page differ", errCorrupt)
	default:
		copy(out[:head], raw[:head])
		switch {
		case plain:
			copy(out[head:], raw[head:])
		case len(out) > head:
			err = p.flate.inflate(p.meta.Codec, out[head:], raw[head:])
		}
	}
	if err != nil {
		p.pool.put(b)
		return nil, 0, err
	}
	p.pos, p.bodyLeft = p.pos+int64(h.compressed), 0
	clear(out[len(out) : len(out)+padding])
	return b, head, nil
}

// body decompresses the current page of a column that is not repeated: the
// definition levels, nil when there are none, and the values. Both lie in the
// block, which the caller owns.
func (p *pageReader) body(optional bool) (b *block, levels, values []byte, err error) {
	b, _, levels, values, err = p.nestedBody(false, optional)
	return b, levels, values, err
}

// nestedBody is body for a column that may be repeated: it returns the
// repetition levels, too.
func (p *pageReader) nestedBody(repeated, optional bool) (b *block, reps, defs, values []byte, err error) {
	b, head, err := p.decompress()
	if err != nil {
		return nil, nil, nil, nil, err
	}
	h := &p.head
	values = b.bytes
	if h.kind == format.DataPageV2 {
		if !repeated && h.repLength != 0 {
			err = fmt.Errorf("%w: the levels of a page are too long", errCorrupt)
		}
		reps, defs, values = values[:h.repLength], values[h.repLength:head], values[head:]
	} else {
		if repeated {
			reps, values, err = prefixedLevels(values, h.repEncoding)
		}
		if optional && err == nil {
			defs, values, err = prefixedLevels(values, h.defEncoding)
		}
	}
	if err != nil {
		p.pool.put(b)
		return nil, nil, nil, nil, err
	}
	return b, reps, defs, values, nil
}

// prefixedLevels cuts levels off that begin with their length, as in pages of
// version 1.
func prefixedLevels(b []byte, enc format.Encoding) (levels, rest []byte, err error) {
	if enc != format.RLE {
		return nil, nil, pgerror.NotSupported("levels in encoding %s are not supported", enc)
	}
	if len(b) < 4 {
		return nil, nil, errShort
	}
	n := int(binary.LittleEndian.Uint32(b))
	if n > len(b)-4 {
		return nil, nil, fmt.Errorf("%w: the levels of a page are too long", errCorrupt)
	}
	return b[4 : 4+n], b[4+n:], nil
}

// dictionary decompresses the dictionary, nil when the chunk has none. The
// caller owns the block. It may be called at any time.
func (p *pageReader) dictionary() (*block, int, error) {
	if err := p.findDictionary(); err != nil {
		return nil, 0, err
	}
	if p.dicAt == 0 {
		return nil, 0, nil
	}
	h := &p.dict
	if h.encoding != format.Plain && !codes(h.encoding) {
		return nil, 0, fmt.Errorf("%w: a dictionary has encoding %s", errCorrupt, h.encoding)
	}
	var raw []byte
	if p.pos == p.dicAt {
		b, err := p.peek(h.compressed)
		if err != nil {
			return nil, 0, err
		}
		raw = b[:h.compressed]
	} else {
		b, err := p.pool.get(h.compressed)
		if err != nil {
			return nil, 0, err
		}
		defer p.pool.put(b)
		if _, err := p.file.ReadAt(b.bytes, p.dicAt); err != nil {
			return nil, 0, p.readError(err)
		}
		raw = b.bytes
	}
	if err := h.check(raw); err != nil {
		return nil, 0, err
	}
	b, err := p.pool.get(h.uncompressed)
	if err != nil {
		return nil, 0, err
	}
	if h.uncompressed > 0 {
		if err := p.flate.inflate(p.meta.Codec, b.bytes, raw); err != nil {
			p.pool.put(b)
			return nil, 0, err
		}
	}
	clear(b.bytes[len(b.bytes) : len(b.bytes)+padding])
	return b, h.values, nil
}

// levelBits decodes the definition levels of n rows into bits; dst grows as
// needed. set is the number of rows that have a value.
func levelBits(dst vector.Bitmap, levels []byte, n int) (out vector.Bitmap, set int, err error) {
	words := (n + 63) / 64
	if cap(dst) < words {
		dst = make(vector.Bitmap, words)
	}
	dst = dst[:words]
	var h hybrid
	if err := h.reset(levels, 1); err != nil {
		return dst, 0, err
	}
	set, err = h.bitmap(dst, n)
	return dst, set, err
}
