package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// leafReader reads one leaf column of a nested field of one row group, row by
// row, with the levels of its values.
type leafReader struct {
	column *parquet.Column
	pages  *pageReader
	rows   int64 // rows that were not begun

	// The page: its levels and values, and the next place in both.
	n, at      int
	reps, defs []int32
	decode     valueDecoder
	vals       values
	coded      bool // vals are those of the dictionary, codes their numbers
	codes      hybrid
	pos        int

	dict       values
	dictDecode valueDecoder
	dictDone   bool

	held int64 // paid for the levels
	row  []parquet.Value
}

// newLeafReader opens a column chunk of a row group with some rows.
func newLeafReader(c *parquet.Column, file *os.File, chunk *format.ColumnChunk, rows, limit int64, pool *blockPool, flate *inflater) (*leafReader, error) {
	meta := &chunk.MetaData
	pages, err := openPages(file, meta, limit, pool, flate)
	if err != nil {
		return nil, err
	}
	l := &leafReader{column: c, pages: pages, rows: rows}
	l.decode = valueDecoder{pool: pool, typ: meta.Type, text: leafForm(c.Type(), logicalValue(c.Type())).form == formText}
	if meta.Type == format.FixedLenByteArray {
		l.decode.length = c.Type().Length()
	}
	if k := c.Type().Kind(); format.Type(k) != meta.Type && !alwaysNull(c.Type()) {
		return nil, fmt.Errorf("%w: a column has another type than its schema says", errCorrupt)
	}
	l.dictDecode = l.decode
	return l, nil
}

// close gives the memory back.
func (l *leafReader) close() {
	pool := l.pages.pool
	pool.put(l.vals.block)
	pool.put(l.dict.block)
	l.vals, l.dict = values{}, values{}
	l.decode.close()
	l.dictDecode.close()
	l.pages.close()
	pool.memory.release(l.held)
	l.held, l.reps, l.defs, l.row = 0, nil, nil, nil
}

// nextPage goes to the next page and decodes its levels.
func (l *leafReader) nextPage() error {
	n, err := l.pages.next()
	if err != nil {
		return err
	}
	maxRep, maxDef := l.column.MaxRepetitionLevel(), l.column.MaxDefinitionLevel()
	b, reps, defs, data, err := l.pages.nestedBody(maxRep > 0, maxDef > 0)
	if err != nil {
		return err
	}
	l.decode.pool.put(l.vals.block)
	l.vals = values{block: b}
	l.at, l.n, l.pos = 0, n, 0
	if l.reps, err = l.levels(l.reps, reps, n, maxRep); err != nil {
		return err
	}
	if l.defs, err = l.levels(l.defs, defs, n, maxDef); err != nil {
		return err
	}
	present := 0
	for _, d := range l.defs {
		if int(d) == maxDef {
			present++
		}
	}
	enc := l.pages.head.encoding
	if l.coded = codes(enc); !l.coded {
		return l.decode.decode(&l.vals, enc, b, data, present)
	}
	if err := l.dictionary(); err != nil {
		return err
	}
	switch {
	case len(data) > 0:
		return l.codes.reset(data[1:], uint(data[0]))
	case present > 0:
		return errShort
	}
	return l.codes.reset(nil, 0)
}

// levels decodes n levels of at most most.
func (l *leafReader) levels(dst []int32, src []byte, n, most int) ([]int32, error) {
	if cap(dst) < n {
		more := int64(4 * (n - cap(dst)))
		if err := l.pages.pool.memory.reserve(more); err != nil {
			return dst[:0], err
		}
		l.held += more
		dst = make([]int32, n)
	}
	dst = dst[:n]
	if most == 0 {
		clear(dst)
		return dst, nil
	}
	var h hybrid
	if err := h.reset(src, uint(bits.Len(uint(most)))); err != nil {
		return dst, err
	}
	if err := h.read(dst); err != nil {
		return dst, err
	}
	for _, x := range dst {
		if int(x) > most {
			return dst, fmt.Errorf("%w: a level is not valid", errCorrupt)
		}
	}
	return dst, nil
}

// dictionary decodes the dictionary unless that is done.
func (l *leafReader) dictionary() error {
	if l.dictDone {
		return nil
	}
	b, n, err := l.pages.dictionary()
	switch {
	case err != nil:
		return err
	case b == nil:
		return fmt.Errorf("%w: a column has no dictionary", errCorrupt)
	}
	l.dict.block = b
	if err := l.dictDecode.decode(&l.dict, format.Plain, b, b.bytes, n); err != nil {
		return err
	}
	l.dictDone = true
	return nil
}

// next collects the values of the next row.
func (l *leafReader) next() error {
	l.row = l.row[:0]
	if l.rows == 0 {
		return fmt.Errorf("%w: a column has more rows than its row group", errCorrupt)
	}
	l.rows--
	for {
		if l.at == l.n {
			if l.pages.left == 0 && len(l.row) > 0 {
				return nil
			}
			if err := l.nextPage(); err != nil {
				return err
			}
		}
		rep, def := int(l.reps[l.at]), int(l.defs[l.at])
		switch {
		case rep == 0 && len(l.row) > 0:
			return nil
		case rep > 0 && len(l.row) == 0:
			return fmt.Errorf("%w: a row begins in the middle", errCorrupt)
		}
		var v parquet.Value
		if def == l.column.MaxDefinitionLevel() {
			var err error
			if v, err = l.value(); err != nil {
				return err
			}
		}
		l.row = append(l.row, v.Level(rep, def, 0))
		l.at++
	}
}

// value returns the next value of the page. It does not refer to the page, which
// may go before the row is rendered.
func (l *leafReader) value() (parquet.Value, error) {
	x, i := &l.vals, l.pos
	l.pos++
	if l.coded {
		var code [1]int32
		if err := l.codes.read(code[:]); err != nil {
			return parquet.Value{}, err
		}
		x, i = &l.dict, int(code[0])
	}
	if i < 0 || i >= x.n {
		return parquet.Value{}, fmt.Errorf("%w: a value lies outside its page or dictionary", errCorrupt)
	}
	switch {
	case x.bits:
		return parquet.BooleanValue(x.data[i/8]>>(i%8)&1 != 0), nil
	case x.width == 0:
		return parquet.ByteArrayValue(append([]byte(nil), x.bytes(i)...)), nil
	}
	b := x.data[i*x.width : (i+1)*x.width]
	switch l.decode.typ {
	case format.Int32:
		return parquet.Int32Value(int32(binary.LittleEndian.Uint32(b))), nil
	case format.Int64:
		return parquet.Int64Value(int64(binary.LittleEndian.Uint64(b))), nil
	case format.Float:
		return parquet.FloatValue(math.Float32frombits(binary.LittleEndian.Uint32(b))), nil
	case format.Double:
		return parquet.DoubleValue(math.Float64frombits(binary.LittleEndian.Uint64(b))), nil
	case format.Int96:
		return parquet.Int96Value(deprecated.Int96{
			binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:]),
		}), nil
	}
	return parquet.FixedLenByteArrayValue(append([]byte(nil), b...)), nil
}
