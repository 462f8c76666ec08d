// Package decode turns the text and the loosely typed values that files and
// dynamically typed sources hold into column vectors. Its errors name the type,
// never the value: a value may be protected by a policy.
package decode

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// kind chooses the parser of a column.
type kind uint8

const (
	kindSlow kind = iota
	kindText
	kindVarChar
	kindBPChar
	kindInt2
	kindInt4
	kindInt8
	kindFloat4
	kindFloat8
	kindScaled
	kindNumeric
	kindBool
	kindDate
	kindTimestamp
	kindTimestampTZ
	kindTime
	kindUUID
	kindJSON
)

// Column writes the values of one column into vectors, one batch after the
// other. It is used by one goroutine at a time.
type Column struct {
	Type   types.Type
	format *types.Format

	kind             kind
	precision, scale int // of numeric(p,s)
	chars            int // of varchar(n) and char(n), 0 for any
	capacity         int
	vec              *vector.Vec
	scratch          []byte
}

// NewColumn returns a column of type t. format is how dates and the like are
// read; nil means PostgreSQL's defaults.
func NewColumn(t types.Type, format *types.Format) *Column {
	if format == nil {
		format = types.DefaultFormat()
	}
	c := &Column{Type: t, format: format}
	switch t.OID {
	case types.Text, types.VarChar, types.BPChar:
		c.kind = kindText
		if n, ok := t.CharMod(); ok {
			c.chars, c.kind = n, kindVarChar
			if t.OID == types.BPChar {
				c.kind = kindBPChar
			}
		}
	case types.Int2:
		c.kind = kindInt2
	case types.Int4:
		c.kind = kindInt4
	case types.Int8:
		c.kind = kindInt8
	case types.Float4:
		c.kind = kindFloat4
	case types.Float8:
		c.kind = kindFloat8
	case types.Numeric:
		c.kind = kindNumeric
		p, s, ok := t.NumericMod()
		if ok {
			c.precision, c.scale = p, s
			if p <= 18 && s >= 0 && s <= 18 {
				c.kind = kindScaled
			}
		} else {
			c.precision = -1
		}
	case types.Bool:
		c.kind = kindBool
	case types.Date:
		c.kind = kindDate
	case types.Timestamp:
		c.kind = kindTimestamp
	case types.TimestampTZ:
		c.kind = kindTimestampTZ
	case types.Time:
		c.kind = kindTime
	case types.UUID:
		c.kind = kindUUID
	case types.JSON:
		c.kind = kindJSON
	}
	// Fractional-second modifiers round in the type's own input function.
	if t.Mod >= 0 && (c.kind == kindTimestamp || c.kind == kindTimestampTZ || c.kind == kindTime) {
		c.kind = kindSlow
	}
	return c
}

// Begin makes v an empty vector with room for n values, which the following
// calls write. The memory of v is used again.
func (c *Column) Begin(v *vector.Vec, n int) {
	var keep []byte
	for _, b := range v.Bufs {
		if cap(b) > cap(keep) {
			keep = b
		}
	}
	v.Reset(c.Type, n)
	if keep != nil {
		v.Bufs = append(v.Bufs, keep[:0])
	}
	if c.kind == kindScaled {
		v.Scaled, v.Scale = true, int32(c.scale)
	}
	c.vec, c.capacity = v, n
}

// Null makes value i NULL.
func (c *Column) Null(i int) {
	c.vec.SetNull(i, c.capacity)
	switch c.vec.Type.Layout() {
	case types.LayoutBytes:
		c.vec.Views()[i] = vector.View{}
	case types.LayoutNumeric:
		if !c.vec.Scaled {
			c.vec.Views()[i] = vector.View{}
		}
	}
}

// Text parses b, which is not kept, as the type's input function does, and
// stores it as value i.
func (c *Column) Text(i int, b []byte) error {
	switch c.kind {
	case kindText:
		if !validText(b) {
			return badEncoding()
		}
		c.vec.SetBytes(i, b)
		return nil
	case kindInt8:
		if x, ok := parseInt(b); ok {
			c.vec.Int64s()[i] = x
			return nil
		}
		return c.slowInt(i, b, math.MinInt64, math.MaxInt64)
	case kindInt4:
		if x, ok := parseInt(b); ok && x == int64(int32(x)) {
			c.vec.Int32s()[i] = int32(x)
			return nil
		}
		return c.slowInt(i, b, math.MinInt32, math.MaxInt32)
	case kindInt2:
		if x, ok := parseInt(b); ok && x == int64(int16(x)) {
			c.vec.Int16s()[i] = int16(x)
			return nil
		}
		return c.slowInt(i, b, math.MinInt16, math.MaxInt16)
	case kindFloat8, kindFloat4:
		return c.float(i, b)
	case kindScaled:
		if x, ok := parseScaled(b, c.scale, c.precision); ok {
			c.vec.Int64s()[i] = x
			return nil
		}
		return c.scaledSlow(i, b)
	case kindNumeric:
		return c.numeric(i, b)
	case kindBool:
		x, ok := parseBool(b)
		if !ok {
			return c.invalid()
		}
		c.vec.Bools()[i] = x
		return nil
	case kindDate:
		if d, rest, ok := parseDate(b); ok && len(rest) == 0 {
			c.vec.Int32s()[i] = d
			return nil
		}
	case kindTimestamp:
		if us, zone, ok := parseTimestamp(b); ok && len(zone) == 0 {
			c.vec.Int64s()[i] = us
			return nil
		}
	case kindTimestampTZ:
		if us, zone, ok := parseTimestamp(b); ok && len(zone) > 0 {
			if off, ok := parseOffset(zone); ok {
				c.vec.Int64s()[i] = us - off
				return nil
			}
		}
	case kindTime:
		if us, rest, ok := parseClock(b); ok && len(rest) == 0 {
			c.vec.Int64s()[i] = us
			return nil
		}
	case kindUUID:
		if w, ok := parseUUID(b); ok {
			c.vec.Wides()[i] = w
			return nil
		}
	case kindVarChar, kindBPChar:
		return c.char(i, b)
	case kindJSON:
		if !validText(b) {
			return badEncoding()
		}
		if !validJSON(b) {
			return c.invalid()
		}
		c.vec.SetBytes(i, b)
		return nil
	}
	return c.slow(i, b)
}

// Int stores an integer as value i, converted to the column's type.
func (c *Column) Int(i int, x int64) error {
	switch c.kind {
	case kindInt8:
		c.vec.Int64s()[i] = x
		return nil
	case kindInt4:
		if x != int64(int32(x)) {
			return c.outOfRange()
		}
		c.vec.Int32s()[i] = int32(x)
		return nil
	case kindInt2:
		if x != int64(int16(x)) {
			return c.outOfRange()
		}
		c.vec.Int16s()[i] = int16(x)
		return nil
	case kindFloat8:
		c.vec.Float64s()[i] = float64(x)
		return nil
	case kindFloat4:
		c.vec.Float32s()[i] = float32(x)
		return nil
	}
	c.scratch = strconv.AppendInt(c.scratch[:0], x, 10)
	return c.Text(i, c.scratch)
}

// Float stores a double as value i, converted to the column's type. An integer
// column takes whole numbers only.
func (c *Column) Float(i int, x float64) error {
	switch c.kind {
	case kindFloat8:
		c.vec.Float64s()[i] = x
		return nil
	case kindFloat4:
		f := float32(x)
		if math.IsInf(float64(f), 0) && !math.IsInf(x, 0) {
			return c.outOfRange()
		}
		c.vec.Float32s()[i] = f
		return nil
	case kindInt2, kindInt4, kindInt8:
		if x != math.Trunc(x) {
			return c.invalid()
		}
		if x < -(1<<63) || x >= 1<<63 {
			return c.outOfRange()
		}
		return c.Int(i, int64(x))
	}
	c.scratch = AppendFloat(c.scratch[:0], x)
	return c.Text(i, c.scratch)
}

// Bytes stores binary data as value i of a bytea column, without parsing.
func (c *Column) Bytes(i int, b []byte) error {
	if c.Type.OID != types.Bytea {
		return c.Text(i, b)
	}
	c.vec.SetBytes(i, b)
	return nil
}

// AppendFloat appends x as PostgreSQL prints a float8.
func AppendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(x, -1):
		return append(dst, "-Infinity"...)
	}
	if a := math.Abs(x); a == 0 || (a >= 1e-4 && a < 1e15) {
		return strconv.AppendFloat(dst, x, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, x, 'e', -1, 64)
}

// slowInt parses an integer with blanks around it and tells the error apart.
func (c *Column) slowInt(i int, b []byte, lo, hi int64) error {
	x, err := strconv.ParseInt(str(trim(b)), 10, 64)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return c.outOfRange()
		}
		return c.invalid()
	}
	if x < lo || x > hi {
		return c.outOfRange()
	}
	return c.Int(i, x)
}

// float parses a float4 or float8.
func (c *Column) float(i int, b []byte) error {
	b = trim(b)
	bits := 64
	if c.kind == kindFloat4 {
		bits = 32
	}
	x, err := strconv.ParseFloat(str(b), bits)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return c.outOfRange()
		}
		return c.invalid()
	}
	if bits == 32 {
		c.vec.Float32s()[i] = float32(x)
	} else {
		c.vec.Float64s()[i] = x
	}
	return nil
}

// char stores a varchar(n) or char(n): blanks beyond n are cut, anything else
// beyond n is an error.
func (c *Column) char(i int, b []byte) error {
	if !validText(b) {
		return badEncoding()
	}
	n := len(b)
	if n > c.chars || c.kind == kindBPChar {
		n = utf8.RuneCount(b)
	}
	if n > c.chars {
		cut := 0
		for k := 0; k < c.chars; k++ {
			_, size := utf8.DecodeRune(b[cut:])
			cut += size
		}
		for _, x := range b[cut:] {
			if x != ' ' {
				name := "character varying"
				if c.kind == kindBPChar {
					name = "character"
				}
				return pgerror.Newf(pgerror.StringDataRightTruncation, "value too long for type %s(%d)", name, c.chars)
			}
		}
		b = b[:cut]
	}
	if c.kind == kindBPChar && n < c.chars {
		c.scratch = append(c.scratch[:0], b...)
		for ; n < c.chars; n++ {
			c.scratch = append(c.scratch, ' ')
		}
		b = c.scratch
	}
	c.vec.SetBytes(i, b)
	return nil
}

// invalid is 22P02 (22007 for dates and times) without the value.
func (c *Column) invalid() error {
	code := pgerror.InvalidTextRepresentation
	if c.Type.Category() == types.CategoryDateTime || c.Type.Category() == types.CategoryTimespan {
		code = pgerror.InvalidDatetimeFormat
	}
	return pgerror.Newf(code, "invalid input syntax for type %s", TypeName(c.Type))
}

// outOfRange is 22003 without the value.
func (c *Column) outOfRange() error {
	return pgerror.Newf(pgerror.NumericValueOutOfRange, "value is out of range for type %s", TypeName(c.Type))
}

// TypeName returns the name of t without modifier as PostgreSQL's messages
// print it.
func TypeName(t types.Type) string {
	if i := types.Lookup(t.OID); i != nil {
		return i.Formal
	}
	return "unknown"
}

// badEncoding is PostgreSQL's error for text that is not UTF-8, without the
// bytes.
func badEncoding() error {
	return pgerror.New(pgerror.CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\"")
}

// validText reports whether b is UTF-8 without NUL bytes.
func validText(b []byte) bool {
	ascii := true
	for _, x := range b {
		if x == 0 {
			return false
		}
		if x >= utf8.RuneSelf {
			ascii = false
		}
	}
	return ascii || utf8.Valid(b)
}

// str views b as a string without copying.
func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// trim removes the blanks that PostgreSQL's input functions ignore.
func trim(b []byte) []byte {
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// space is C's isspace.
func space(x byte) bool { return x == ' ' || (x >= '\t' && x <= '\r') }

// Micros stores a moment, in microseconds since 1970-01-01 UTC, as value i of a
// date, timestamp or timestamptz column; a date takes the day.
func (c *Column) Micros(i int, us int64) error {
	switch c.Type.OID {
	case types.Date:
		days := us / 86400e6
		if us%86400e6 < 0 {
			days--
		}
		c.vec.Int32s()[i] = int32(days)
		return nil
	case types.Timestamp, types.TimestampTZ:
		c.vec.Int64s()[i] = us
		return nil
	}
	return c.invalid()
}

// UUID stores the 16 bytes of a uuid as value i.
func (c *Column) UUID(i int, b [16]byte) error {
	c.vec.Wides()[i] = vector.Wide{A: int64(binary.BigEndian.Uint64(b[:])), B: int64(binary.BigEndian.Uint64(b[8:]))}
	return nil
}
