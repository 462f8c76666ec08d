package wire

import (
	"encoding/binary"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Format codes of the protocol.
const (
	formatText   = 0
	formatBinary = 1
)

// RegNames is an optional ability of a Session: the names behind regclass and
// its family, which their text form shows. Without it they are numbers.
type RegNames interface {
	// AppendReg appends the text form of oid as type t.
	AppendReg(dst []byte, t types.OID, oid uint32) []byte
	// ParseReg resolves a name; its errors are those of the cast.
	ParseReg(t types.OID, name string) (types.Datum, error)
}

// cellKind says how a column's values become bytes. It is chosen once per
// portal from the column's type and format and, for numeric, once per batch from
// the vector's form. Up to cellRawLast text and binary form are the same.
type cellKind uint8

const (
	cellGeneric cellKind = iota // through types.AppendText or AppendBinary
	cellBytes                   // the value's bytes as they are

	textBool
	textInt16
	textInt32
	textInt64
	textScaled
	textNumeric
	textDate
	textTimestamp
	textTimestampTZ
	textFloat32
	textFloat64
	textReg

	binBool
	binInt16
	binInt32
	binInt64 // floats too: their bits
	binDate
	binTimestamp
	binScaled
	binWide
	binJSONB
)

// column is the state of one column's encoding. The slices point into the
// vector of the current batch.
type column struct {
	typ    types.Type
	format int16
	kind   cellKind // by type
	now    cellKind // kind for the vector at hand

	vec   *vector.Vec // holds the values: the vector itself or its dictionary
	valid vector.Bitmap
	codes []int32
	// constant is the whole cell of a Const vector, with its length word, when
	// isConst is set.
	constant []byte
	isConst  bool
	i64      []int64
	i32      []int32
	i16      []int16
	scale    int32

	// The cells of a dictionary that is worth it are encoded once, when first
	// met: cells[at[code]:] is the cell of code plus its length word; at is 0
	// for one not encoded yet.
	cells  []byte
	at     []int32
	dictID uint64
	cached bool

	// The cells of a chunk of rows, for kinds whose length is not known before
	// they are printed: cell k ends at ends[k].
	scratch []byte
	ends    []int32
}

// rowEncoder turns batches into DataRow messages, or into rows of a COPY.
type rowEncoder struct {
	cols   []column
	format *types.Format
	zone   zoneCache
	dates  dateCache
	names  RegNames

	rows []int32 // the physical rows of the chunk
	size []int32 // bytes of each message of the chunk
	pos  []int   // where the next cell of each row goes
}

// newRowEncoder returns an encoder for columns in the requested formats: none
// (all text), one for all, or one for each.
func newRowEncoder(columns []Column, formats []int16, format *types.Format, names RegNames) *rowEncoder {
	e := &rowEncoder{cols: make([]column, len(columns)), format: format, names: names}
	e.zone.location = format.TimeZone
	for i := range e.cols {
		c := &e.cols[i]
		c.typ, c.format = columns[i].Type, formatOf(formats, i)
		if c.format == formatBinary {
			c.kind = binaryKind(c.typ)
		} else {
			c.kind = textKind(c.typ, format, names != nil)
		}
	}
	return e
}

// formatOf returns the format code of column or parameter i.
func formatOf(formats []int16, i int) int16 {
	switch len(formats) {
	case 0:
		return formatText
	case 1:
		return formats[0]
	}
	return formats[i]
}

// load makes b the current batch.
func (e *rowEncoder) load(b *vector.Batch) error {
	if len(b.Cols) < len(e.cols) {
		return pgerror.Newf(pgerror.InternalError, "result has %d columns instead of %d", len(b.Cols), len(e.cols))
	}
	for i := range e.cols {
		e.cols[i].load(e, b.Cols[i])
	}
	return nil
}

func (c *column) load(e *rowEncoder, v *vector.Vec) {
	c.vec, c.valid, c.codes = v, v.Valid, nil
	c.isConst, c.cached = v.Kind == vector.Const, false
	if v.Kind == vector.Dict {
		c.codes, c.vec = v.Codes, v.Dict
	}
	c.now = c.kind
	switch {
	case c.vec.Type.Layout() != c.typ.Layout():
		// A producer that keeps to the column's type never gets here; values of
		// another layout must not be read as what they are not.
		c.now = cellGeneric
	case c.vec.Scaled && c.now == textNumeric:
		c.now = textScaled
	case c.vec.Scaled && c.now == cellBytes:
		c.now = binScaled
	}
	c.scale = c.vec.Scale
	switch c.now {
	case textInt64, textScaled, textTimestamp, textTimestampTZ, binInt64, binTimestamp, binScaled:
		c.i64 = c.vec.Int64s()
	case textInt32, textDate, textReg, binInt32, binDate:
		c.i32 = c.vec.Int32s()
	case textInt16, binInt16:
		c.i16 = c.vec.Int16s()
	}
	switch {
	case c.isConst && v.IsNull(0):
		c.constant = appendNull(c.constant[:0])
	case c.isConst:
		c.constant = c.cell(e, c.constant[:0], 0)
	case v.Kind == vector.Dict && c.now != cellBytes:
		c.cached = true
		if v.DictID == 0 || v.DictID != c.dictID {
			c.cells = append(c.cells[:0], 0)
			clear(c.at)
		}
		c.dictID = v.DictID
	}
}

// appendNull appends the cell of NULL.
func appendNull(dst []byte) []byte { return append(dst, 0xff, 0xff, 0xff, 0xff) }

// appendRow appends physical row i as a DataRow message.
func (e *rowEncoder) appendRow(dst []byte, i int) []byte {
	start := len(dst)
	n := len(e.cols)
	dst = append(dst, 'D', 0, 0, 0, 0, byte(n>>8), byte(n))
	dst = e.appendCells(dst, i)
	binary.BigEndian.PutUint32(dst[start+1:], uint32(len(dst)-start-1))
	return dst
}

// appendCells appends the values of row i, each behind its length.
func (e *rowEncoder) appendCells(dst []byte, i int) []byte {
	for k := range e.cols {
		dst = e.cols[k].appendAny(e, dst, i)
	}
	return dst
}

// appendAny appends the cell of physical row i, whatever the vector's kind.
func (c *column) appendAny(e *rowEncoder, dst []byte, i int) []byte {
	switch {
	case c.isConst:
		return append(dst, c.constant...)
	case c.valid != nil && !c.valid.Get(i):
		return appendNull(dst)
	case c.codes == nil:
		return c.cell(e, dst, i)
	}
	j := int(c.codes[i])
	switch {
	case c.vec.Valid != nil && !c.vec.Valid.Get(j):
		return appendNull(dst)
	case c.cached:
		return c.appendCached(e, dst, j)
	}
	return c.cell(e, dst, j)
}

func (c *column) appendCached(e *rowEncoder, dst []byte, code int) []byte {
	if code >= len(c.at) {
		c.at = append(c.at, make([]int32, code+1-len(c.at))...)
	}
	at := c.at[code]
	if at == 0 {
		at = int32(len(c.cells))
		c.at[code] = at
		c.cells = c.cell(e, c.cells, code)
	}
	size := 4 + int32(binary.BigEndian.Uint32(c.cells[at:]))
	return append(dst, c.cells[at:at+size]...)
}

// cell appends value j of c.vec, which is not NULL, behind its length.
func (c *column) cell(e *rowEncoder, dst []byte, j int) []byte {
	if c.now >= binBool {
		return c.binaryCell(dst, j)
	}
	if c.now == cellBytes {
		b := c.vec.Bytes(j)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
		return append(dst, b...)
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if c.now == cellGeneric && c.format == formatBinary {
		dst = types.AppendSend(dst, c.vec.Type, c.vec.Datum(j))
	} else {
		dst = c.textValue(e, dst, j)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
