package parquet

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/parquet-go/parquet-go/format"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// chunkReader reads one leaf column of one row group. Rows are read or passed
// over in order; what is passed over is decoded as little as the encoding
// allows.
type chunkReader struct {
	f      *field
	pages  *pageReader
	decode valueDecoder
	memory *budget
	ids    *atomic.Uint64 // gives every dictionary of a server another number
	// codes keeps the codes of any dictionary, also where the field's values
	// would be looked up.
	codes bool

	rows   int  // rows of the page
	pos    int  // next row in the page
	loaded bool // whether the page is decoded
	valid  vector.Bitmap
	nulls  bool // whether valid is in use
	vpos   int  // next value of vals
	vals   values
	coded  bool // the page has codes, which run reads
	run    hybrid

	dict     *dictionary
	dictDone bool

	column    *format.ColumnChunk
	index     []format.PageLocation // nil until needed, or without
	indexDone bool

	scratch []int32       // codes of one read
	spare   vector.Bitmap // for the validity of the vector that is filled
	ranks   []int32       // values of one pick
}

// newChunkReader opens a column chunk. The memory of the reader is paid by
// pool's budget.
func newChunkReader(f *field, file *os.File, column *format.ColumnChunk, limit int64, pool *blockPool, flate *inflater, ids *atomic.Uint64) (*chunkReader, error) {
	meta := &column.MetaData
	pages, err := openPages(file, meta, limit, pool, flate)
	if err != nil {
		return nil, err
	}
	t := f.column.Type()
	c := &chunkReader{f: f, column: column, pages: pages, memory: pool.memory, ids: ids}
	c.decode = valueDecoder{pool: pool, typ: meta.Type, text: f.form == formText}
	if meta.Type == format.FixedLenByteArray {
		c.decode.length = t.Length()
	}
	if format.Type(t.Kind()) != meta.Type {
		return nil, fmt.Errorf("%w: a column has another type than its schema says", errCorrupt)
	}
	return c, nil
}

// close releases the memory, except for what batches retain.
func (c *chunkReader) close() {
	c.decode.pool.put(c.vals.block)
	c.vals.block = nil
	c.decode.close()
	c.pages.close()
	c.memory.release(int64(4*cap(c.scratch) + 4*cap(c.ranks) + 8*cap(c.valid)))
	c.scratch, c.ranks, c.valid = nil, nil, nil
	if c.dict != nil {
		c.dict.drop(c.decode.pool)
		c.dict = nil
	}
}

// nextPage goes to the next page without decoding it.
func (c *chunkReader) nextPage() error {
	n, err := c.pages.next()
	if err != nil {
		return err
	}
	c.rows, c.pos, c.loaded = n, 0, false
	return nil
}

// load decodes the current page and goes to row pos of it.
func (c *chunkReader) load() error {
	if c.loaded {
		return nil
	}
	c.decode.pool.put(c.vals.block)
	c.vals = values{}
	b, levels, data, err := c.pages.body(c.f.optional)
	if err != nil {
		return err
	}
	c.vals.block = b
	present := c.rows
	c.nulls = false
	if c.f.optional {
		if err := c.room(); err != nil {
			return err
		}
		if c.valid, present, err = levelBits(c.valid, levels, c.rows); err != nil {
			return err
		}
		c.nulls = present < c.rows
	}
	if h := &c.pages.head; h.kind == format.DataPageV2 && c.rows-present != h.nulls {
		return fmt.Errorf("%w: a page has another number of nulls than its header says", errCorrupt)
	}
	enc := c.pages.head.encoding
	c.coded = codes(enc)
	c.vpos = 0
	if c.coded {
		if err := c.dictionary(); err != nil {
			return err
		}
		if c.dict == nil {
			return fmt.Errorf("%w: a column has no dictionary", errCorrupt)
		}
		switch {
		case len(data) > 0:
			err = c.run.reset(data[1:], uint(data[0]))
		case present > 0:
			err = errShort
		default:
			err = c.run.reset(nil, 0)
		}
		if err != nil {
			return err
		}
	} else if err := c.decode.decode(&c.vals, enc, b, data, present); err != nil {
		return err
	}
	c.loaded = true
	if c.pos > 0 {
		return c.pass(0, c.pos)
	}
	return nil
}

// room makes room for the validity of the page.
func (c *chunkReader) room() error {
	words := (c.rows + 63) / 64
	if cap(c.valid) >= words {
		return nil
	}
	words += words / 4
	if err := c.memory.reserve(int64(8 * (words - cap(c.valid)))); err != nil {
		return err
	}
	c.valid = make(vector.Bitmap, words)
	return nil
}

// dictionary decodes the dictionary unless that is done.
func (c *chunkReader) dictionary() error {
	if c.dictDone {
		return nil
	}
	b, n, err := c.pages.dictionary()
	if err != nil {
		return err
	}
	if b != nil {
		if c.dict, err = c.f.makeDictionary(&c.decode, b, n, c.memory); err != nil {
			return err
		}
		c.dict.id = c.ids.Add(1)
	}
	c.dictDone = true
	return nil
}

// present returns how many of the k rows of the page from row from on have a
// value.
func (c *chunkReader) present(from, k int) int {
	if !c.nulls {
		return k
	}
	return countBits(c.valid, from, k)
}

// pass moves the values past the k rows from row from on.
func (c *chunkReader) pass(from, k int) error {
	n := c.present(from, k)
	c.vpos += n
	if c.coded {
		return c.run.skip(n)
	}
	return nil
}

// skip passes over n rows.
func (c *chunkReader) skip(n int) error {
	for n > 0 {
		if c.pos == c.rows {
			if err := c.nextPage(); err != nil {
				return err
			}
		}
		k := min(n, c.rows-c.pos)
		if c.loaded {
			if err := c.pass(c.pos, k); err != nil {
				return err
			}
		}
		c.pos += k
		n -= k
	}
	return nil
}

// begin makes v an empty vector with room for n rows. spare is memory that its
// validity may use.
func (c *chunkReader) begin(v *vector.Vec, n int, spare vector.Bitmap) {
	c.f.reset(v, n)
	c.spare = spare
}

// read appends the next n rows to v, which has at rows and room for size. What
// v refers to is retained in keep.
func (c *chunkReader) read(v *vector.Vec, at, n, size int, keep *keeper) error {
	for n > 0 {
		if c.pos == c.rows {
			if err := c.nextPage(); err != nil {
				return err
			}
		}
		if err := c.load(); err != nil {
			return err
		}
		k := min(n, c.rows-c.pos)
		present := c.present(c.pos, k)
		if err := c.values(v, at, present, nil, 0, size, keep); err != nil {
			return err
		}
		if c.nulls {
			c.setValid(v, at, size, c.pos, k, present == k)
			if present < k {
				spread(v, at, k, present, v.Valid)
			}
		} else if v.Valid != nil {
			fillBits(v.Valid, at, k)
		}
		c.pos += k
		c.vpos += present
		at += k
		n -= k
	}
	return nil
}

// pick appends those of the next n rows that sel lists, ascending, to v, which
// has at rows and room for size.
func (c *chunkReader) pick(v *vector.Vec, at int, sel []int32, n, size int, keep *keeper) error {
	base := 0 // row of sel's numbering at pos
	for n > 0 {
		if len(sel) == 0 {
			return c.skip(n)
		}
		if c.pos == c.rows {
			if err := c.nextPage(); err != nil {
				return err
			}
		}
		k := min(n, c.rows-c.pos)
		m := 0
		for m < len(sel) && int(sel[m]) < base+k {
			m++
		}
		if m == 0 {
			if err := c.skip(k); err != nil {
				return err
			}
			base += k
			n -= k
			continue
		}
		if err := c.load(); err != nil {
			return err
		}
		if err := c.pickPage(v, at, sel[:m], base, k, size, keep); err != nil {
			return err
		}
		at += m
		sel = sel[m:]
		base += k
		n -= k
	}
	return nil
}

// pickPage picks rows of the current page, of which the next k are passed. Row
// base of sel's numbering is the next one.
func (c *chunkReader) pickPage(v *vector.Vec, at int, sel []int32, base, k, size int, keep *keeper) error {
	if cap(c.ranks) < len(sel) {
		more := max(len(sel), vector.BatchSize)
		if err := c.memory.reserve(int64(4 * (more - cap(c.ranks)))); err != nil {
			return err
		}
		c.ranks = make([]int32, more)
	}
	ranks := c.ranks[:0]
	total := c.present(c.pos, k)
	if !c.nulls {
		ranks = ranks[:len(sel)]
		for i, s := range sel {
			ranks[i] = s - int32(base)
		}
	} else {
		// Only rows with a value have a rank.
		before, from := 0, c.pos
		if v.Valid == nil {
			v.Valid = c.newValid(size)
			fillBits(v.Valid, 0, at)
		}
		for i, s := range sel {
			row := c.pos + int(s) - base
			before += countBits(c.valid, from, row-from)
			from = row
			has := c.valid.Get(row)
			v.Valid.SetTo(at+i, has)
			if has {
				ranks = append(ranks, int32(before))
			}
		}
	}
	if err := c.values(v, at, len(ranks), ranks, total, size, keep); err != nil {
		return err
	}
	switch {
	case len(ranks) < len(sel):
		spread(v, at, len(sel), len(ranks), v.Valid)
	case !c.nulls && v.Valid != nil:
		fillBits(v.Valid, at, len(sel))
	}
	c.pos += k
	c.vpos += total
	return nil
}

// values stores n values densely from row at on: the next ones or, when idx is
// not nil, those at the places idx among the next total, all of which are
// passed.
func (c *chunkReader) values(v *vector.Vec, at, n int, idx []int32, total, size int, keep *keeper) error {
	if !c.coded {
		if v.Kind == vector.Dict {
			flatten(v, at, size)
		}
		if idx != nil && c.vpos > 0 {
			for i := range idx {
				idx[i] += int32(c.vpos)
			}
		}
		return c.f.store(v, at, &c.vals, c.vpos, n, idx, keep)
	}
	toCodes := c.codes || c.f.coded()
	if toCodes && at == 0 {
		v.Kind, v.Dict, v.DictID = vector.Dict, c.dict.vec, c.dict.id
		if cap(v.Codes) < size {
			v.Codes = make([]int32, size)
		}
		v.Codes = v.Codes[:size]
		keep.dict(c.dict)
	}
	toCodes = toCodes && v.Kind == vector.Dict && v.Dict == c.dict.vec
	var codes []int32
	if toCodes {
		codes = v.Codes[at : at+n]
	} else {
		if cap(c.scratch) < n {
			more := max(n, vector.BatchSize)
			if err := c.memory.reserve(int64(4 * (more - cap(c.scratch)))); err != nil {
				return err
			}
			c.scratch = make([]int32, more)
		}
		codes = c.scratch[:n]
	}
	var err error
	if idx == nil {
		err = c.run.read(codes)
	} else {
		err = c.run.pick(codes, idx, total)
	}
	if err != nil {
		return err
	}
	if c.run.width > 31 || 1<<c.run.width > c.dict.entries {
		top := uint32(0)
		for _, x := range codes {
			top = max(top, uint32(x))
		}
		if n > 0 && int64(top) >= int64(c.dict.entries) {
			return fmt.Errorf("%w: a dictionary index is out of range", errCorrupt)
		}
	}
	if toCodes {
		return nil
	}
	if v.Kind == vector.Dict {
		flatten(v, at, size)
	}
	keep.dict(c.dict)
	lookupInto(v, at, c.dict.vec, codes)
	return nil
}

// newValid returns a bitmap for n rows, none of which is set.
func (c *chunkReader) newValid(n int) vector.Bitmap {
	words := (n + 63) / 64
	b := c.spare
	c.spare = nil
	if cap(b) < words {
		return make(vector.Bitmap, words)
	}
	b = b[:words]
	clear(b)
	return b
}

// setValid stores the validity of k rows of v, which has room for size, from
// row at on: those of the page from row from on. With all set nothing is NULL.
func (c *chunkReader) setValid(v *vector.Vec, at, size, from, k int, all bool) {
	if v.Valid == nil {
		if all {
			return
		}
		v.Valid = c.newValid(size)
		fillBits(v.Valid, 0, at)
	}
	moveBits(v.Valid, at, c.valid, from, k)
}

// spread moves the present dense values of v from row at on to those of the k
// rows whose bit in valid is set, and zeroes the others.
func spread(v *vector.Vec, at, k, present int, valid vector.Bitmap) {
	if v.Kind == vector.Dict {
		spreadInts(v.Codes[at:at+k], present, valid, at)
		return
	}
	switch v.Type.Layout() {
	case types.LayoutBool:
		spreadInts(v.Bools()[at:at+k], present, valid, at)
	case types.LayoutInt16:
		spreadInts(v.Int16s()[at:at+k], present, valid, at)
	case types.LayoutInt32, types.LayoutFloat32:
		spreadInts(v.Int32s()[at:at+k], present, valid, at)
	case types.LayoutInt64, types.LayoutFloat64:
		spreadInts(v.Int64s()[at:at+k], present, valid, at)
	case types.LayoutNumeric:
		if v.Scaled {
			spreadInts(v.Int64s()[at:at+k], present, valid, at)
			return
		}
		spreadWide(v.Wides()[at:at+k], present, valid, at)
	default:
		spreadWide(v.Wides()[at:at+k], present, valid, at)
	}
}

// spreadInts spreads values of up to eight bytes, from the end, without a branch
// per row.
func spreadInts[T uint8 | int16 | int32 | int64](s []T, present int, valid vector.Bitmap, at int) {
	// Behind the last NULL everything is in its place already.
	for i := len(s) - 1; i >= 0 && present <= i; i-- {
		bit := int(valid[(at+i)>>6] >> (uint(at+i) & 63) & 1)
		present -= bit
		s[i] = s[present] & -T(bit)
	}
}

// spreadWide spreads values of sixteen bytes.
func spreadWide(s []vector.Wide, present int, valid vector.Bitmap, at int) {
	for i := len(s) - 1; i >= 0 && present <= i; i-- {
		bit := int(valid[(at+i)>>6] >> (uint(at+i) & 63) & 1)
		present -= bit
		w := s[present]
		s[i] = vector.Wide{A: w.A & -int64(bit), B: w.B & -int64(bit)}
	}
}
