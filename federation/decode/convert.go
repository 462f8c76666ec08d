package decode

import (
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// Convertible reports whether values that a file holds as type from may be read
// as a column declared as type to. Numbers convert among each other when the
// value fits, text is read by the input function of the declared type, dates
// become timestamps, and everything can be read as text.
func Convertible(from, to types.Type) bool {
	if from.OID == to.OID {
		return true
	}
	if isText(from) || isText(to) {
		return from.OID != types.Bytea && to.OID != types.Bytea
	}
	number := func(t types.Type) bool {
		switch t.OID {
		case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric:
			return true
		}
		return false
	}
	stamp := func(t types.Type) bool { return t.OID == types.Timestamp || t.OID == types.TimestampTZ }
	switch {
	case number(from) && number(to):
		return true
	case from.OID == types.Date && stamp(to), stamp(from) && stamp(to):
		return true
	case from.OID == types.JSON && to.OID == types.JSONB, from.OID == types.JSONB && to.OID == types.JSON:
		return true
	}
	return false
}

// SameForm reports whether a vector of type from can be delivered as type to
// without looking at its values. Of numerics only the unconstrained type takes
// any scaled vector.
func SameForm(from, to types.Type) bool {
	if from == to {
		return true
	}
	switch {
	case isText(from) && (to.OID == types.Text || to.OID == types.VarChar && to.Mod < 0):
		return true
	case from.OID == types.Numeric && to.OID == types.Numeric:
		return to.Mod < 4
	case from.OID == types.JSONB && (to.OID == types.JSON || to.OID == types.Text):
		return true
	case from.OID == types.JSON && to.OID == types.Text:
		return true
	case from.OID == to.OID:
		return to.Mod < 0
	}
	return false
}

// isText reports whether t is text, varchar or char.
func isText(t types.Type) bool {
	return t.OID == types.Text || t.OID == types.VarChar || t.OID == types.BPChar
}

// Convert stores the first n rows of src, which may be in any form, into the
// vector that Begin named.
func (c *Column) Convert(src *vector.Vec, n int) error {
	from := src.Type
	layout := from.Layout()
	for i := range n {
		if src.IsNull(i) {
			c.Null(i)
			continue
		}
		var err error
		switch layout {
		case types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
			switch from.OID {
			case types.Date, types.Time, types.Timestamp, types.TimestampTZ:
				err = c.moment(i, from, src.Int(i))
			default:
				err = c.Int(i, src.Int(i))
			}
		case types.LayoutFloat32, types.LayoutFloat64:
			err = c.Float(i, src.Float(i))
		case types.LayoutBool:
			b := "f"
			if isText(c.Type) {
				b = "false"
			}
			if src.Int(i) != 0 {
				b = "t"
				if isText(c.Type) {
					b = "true"
				}
			}
			err = c.Text(i, []byte(b))
		case types.LayoutNumeric:
			if src.Scaled {
				c.scratchScaled(src.Int(i), int(src.Scale))
				err = c.numberText(i)
			} else {
				c.scratch = AppendNumericText(c.scratch[:0], src.Bytes(i))
				err = c.numberText(i)
			}
		case types.LayoutWide:
			d := src.Datum(i)
			err = c.Text(i, AppendUUID(nil, d.I, d.J))
		default:
			err = c.Text(i, src.Bytes(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moment stores a date, time or timestamp of another type.
func (c *Column) moment(i int, from types.Type, x int64) error {
	const day = 86400e6
	switch {
	case from.OID == types.Date && (c.kind == kindTimestamp || c.kind == kindTimestampTZ):
		c.vec.Int64s()[i] = x * day
		return nil
	case (from.OID == types.Timestamp || from.OID == types.TimestampTZ) && (c.kind == kindTimestamp || c.kind == kindTimestampTZ):
		// A file's timestamps without a zone are UTC.
		c.vec.Int64s()[i] = x
		return nil
	}
	return c.Text(i, AppendMoment(nil, from, x))
}

// AppendMoment appends a date, time, timestamp or timestamptz (in UTC) in ISO
// form.
func AppendMoment(dst []byte, t types.Type, x int64) []byte {
	switch t.OID {
	case types.Date:
		return time.Unix(x*86400, 0).UTC().AppendFormat(dst, "2006-01-02")
	case types.Time:
		return time.UnixMicro(x).UTC().AppendFormat(dst, "15:04:05.999999")
	case types.TimestampTZ:
		return time.UnixMicro(x).UTC().AppendFormat(dst, "2006-01-02 15:04:05.999999+00")
	}
	return time.UnixMicro(x).UTC().AppendFormat(dst, "2006-01-02 15:04:05.999999")
}

// AppendUUID appends the canonical form.
func AppendUUID(dst []byte, a, b int64) []byte {
	var raw [16]byte
	for i := range 8 {
		raw[i] = byte(uint64(a) >> (56 - 8*i))
		raw[8+i] = byte(uint64(b) >> (56 - 8*i))
	}
	for i, part := range [][]byte{raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// scratchScaled renders an integer in units of 10^-scale into scratch.
func (c *Column) scratchScaled(x int64, scale int) {
	c.scratch = AppendScaledText(c.scratch[:0], x, scale)
}

// AppendScaledText appends x * 10^-scale as plain decimal text.
func AppendScaledText(dst []byte, x int64, scale int) []byte {
	u := uint64(x)
	if x < 0 {
		dst = append(dst, '-')
		u = -u
	}
	if scale == 0 {
		return strconv.AppendUint(dst, u, 10)
	}
	p := uint64(pow10[scale])
	dst = strconv.AppendUint(dst, u/p, 10)
	dst = append(dst, '.')
	frac := u % p
	for k := scale - 1; k >= 0; k-- {
		d := frac / uint64(pow10[k]) % 10
		dst = append(dst, '0'+byte(d))
	}
	return dst
}

// numberText parses scratch, a decimal, as the column's type; an integer column
// takes whole numbers only.
func (c *Column) numberText(i int) error {
	switch c.kind {
	case kindInt2, kindInt4, kindInt8:
		if at := strings.IndexByte(str(c.scratch), '.'); at >= 0 {
			for _, x := range c.scratch[at+1:] {
				if x != '0' {
					return c.invalid()
				}
			}
			c.scratch = c.scratch[:at]
		}
	}
	return c.Text(i, append([]byte(nil), c.scratch...))
}

// AppendNumericText appends the plain decimal text of a numeric in binary form.
func AppendNumericText(dst, b []byte) []byte {
	u16 := func(i int) int { return int(b[2*i])<<8 | int(b[2*i+1]) }
	n, weight, sign, scale := u16(0), int(int16(u16(1))), u16(2), u16(3)
	switch sign {
	case 0xC000:
		return append(dst, "NaN"...)
	case 0xD000:
		return append(dst, "Infinity"...)
	case 0xF000:
		return append(dst, "-Infinity"...)
	}
	x := new(big.Int)
	for i := range n {
		x.Mul(x, big.NewInt(10000))
		x.Add(x, big.NewInt(int64(u16(4+i))))
	}
	// x * 10000^(weight-n+1); bring it to units of 10^-scale.
	exp := 4*(weight-n+1) + scale
	if exp >= 0 {
		x.Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exp)), nil))
	} else {
		x.Quo(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-exp)), nil))
	}
	digits := x.String()
	for len(digits) <= scale {
		digits = "0" + digits
	}
	if sign != 0 {
		dst = append(dst, '-')
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, digits[len(digits)-scale:]...)
	}
	return dst
}
