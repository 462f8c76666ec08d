package postgres

import (
	"encoding/binary"
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// form is how one column's fields become values.
type form uint8

// Forms.
const (
	formBool form = iota
	formInt16
	formInt32
	formInt64
	formDate
	formTimestamp
	formInterval
	formTimeTZ
	formUUID
	formScaled
	formBytes
	formJSONB
)

// Days and microseconds between HubSQL's epoch, 1970, and the protocol's, 2000.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86_400_000_000
)

// powers are the powers of ten up to 10^18.
var powers = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// decoder fills one column of one batch.
type decoder struct {
	form  form
	t     types.Type
	scale int32 // of formScaled
	vec   vector.Vec
	// The typed views of vec in use, set by start.
	u8    []uint8
	i16   []int16
	i32   []int32
	i64   []int64
	wide  []vector.Wide
	views []vector.View
	text  []byte // bytes behind the views
	size  int    // rows that fit
	// unscaled is set when a value of a numeric column did not fit the scaled
	// form (NaN): the batch is delivered in the other one.
	unscaled bool
}

// newDecoder returns the decoder of values of type t.
func newDecoder(t types.Type) decoder {
	d := decoder{t: t}
	switch t.OID {
	case types.Date:
		d.form = formDate
		return d
	case types.Timestamp, types.TimestampTZ:
		d.form = formTimestamp
		return d
	case types.Interval:
		d.form = formInterval
		return d
	case types.TimeTZ:
		d.form = formTimeTZ
		return d
	case types.UUID:
		d.form = formUUID
		return d
	case types.JSONB:
		d.form = formJSONB
		return d
	case types.Numeric:
		d.form = formBytes
		if p, s, ok := t.NumericMod(); ok && p <= 18 && s >= 0 && s <= p {
			d.form, d.scale = formScaled, int32(s)
		}
		return d
	}
	switch t.Layout() {
	case types.LayoutBool:
		d.form = formBool
	case types.LayoutInt16:
		d.form = formInt16
	case types.LayoutInt32, types.LayoutFloat32:
		d.form = formInt32
	case types.LayoutInt64, types.LayoutFloat64:
		d.form = formInt64
	default:
		d.form = formBytes
	}
	return d
}

// start makes the vector ready for n rows. Storage of the batch before is used
// again: its owner has passed it back.
func (d *decoder) start(n int) {
	d.vec.Reset(d.t, n)
	d.size = n
	d.unscaled = false
	switch d.form {
	case formBool:
		d.u8 = d.vec.Bools()
	case formInt16:
		d.i16 = d.vec.Int16s()
	case formInt32, formDate:
		d.i32 = vector.Values[int32](&d.vec)
	case formInt64, formTimestamp:
		d.i64 = vector.Values[int64](&d.vec)
	case formScaled:
		d.vec.Scaled, d.vec.Scale = true, d.scale
		d.vec.Resize(n)
		d.i64 = d.vec.Int64s()
	case formInterval, formTimeTZ, formUUID:
		d.wide = d.vec.Wides()
	case formBytes, formJSONB:
		d.views = d.vec.Views()
		d.text = d.text[:0]
	}
}

// finish completes the vector.
func (d *decoder) finish() *vector.Vec {
	if (d.form == formBytes || d.form == formJSONB || d.unscaled) && len(d.text) > 0 {
		d.vec.Bufs = [][]byte{d.text}
	}
	return &d.vec
}

// null stores NULL as row i.
func (d *decoder) null(i int) {
	d.vec.SetNull(i, d.size)
	switch d.form {
	case formBool:
		d.u8[i] = 0
	case formInt16:
		d.i16[i] = 0
	case formInt32, formDate:
		d.i32[i] = 0
	case formInt64, formTimestamp:
		d.i64[i] = 0
	case formScaled:
		if d.unscaled {
			d.views[i] = vector.View{}
		} else {
			d.i64[i] = 0
		}
	case formInterval, formTimeTZ, formUUID:
		d.wide[i] = vector.Wide{}
	default:
		d.views[i] = vector.View{}
	}
}

// put decodes the field b as row i. It reports false when b is not a value of
// the type.
func (d *decoder) put(i int, b []byte) bool {
	be := binary.BigEndian
	switch d.form {
	case formBytes:
		d.bytes(i, b)
		return true
	case formInt64:
		if len(b) != 8 {
			return false
		}
		d.i64[i] = int64(be.Uint64(b))
	case formInt32:
		if len(b) != 4 {
			return false
		}
		d.i32[i] = int32(be.Uint32(b))
	case formScaled:
		return d.numeric(i, b)
	case formDate:
		if len(b) != 4 {
			return false
		}
		days := int32(be.Uint32(b))
		if days != math.MaxInt32 && days != math.MinInt32 {
			days += epochDays
		}
		d.i32[i] = days
	case formTimestamp:
		if len(b) != 8 {
			return false
		}
		us := int64(be.Uint64(b))
		if us != math.MaxInt64 && us != math.MinInt64 {
			if us > math.MaxInt64-epochMicros-1 {
				return false
			}
			us += epochMicros
		}
		d.i64[i] = us
	case formInt16:
		if len(b) != 2 {
			return false
		}
		d.i16[i] = int16(be.Uint16(b))
	case formBool:
		if len(b) != 1 {
			return false
		}
		d.u8[i] = b[0] & 1
	case formInterval:
		if len(b) != 16 {
			return false
		}
		days, months := be.Uint32(b[8:]), be.Uint32(b[12:])
		d.wide[i] = vector.Wide{A: int64(be.Uint64(b)), B: int64(months)<<32 | int64(days)}
	case formTimeTZ:
		if len(b) != 12 {
			return false
		}
		d.wide[i] = vector.Wide{A: int64(be.Uint64(b)), B: int64(int32(be.Uint32(b[8:])))}
	case formUUID:
		if len(b) != 16 {
			return false
		}
		d.wide[i] = vector.Wide{A: int64(be.Uint64(b)), B: int64(be.Uint64(b[8:]))}
	case formJSONB:
		// The field is a version byte and the text.
		if len(b) < 1 || b[0] != 1 {
			return false
		}
		d.bytes(i, b[1:])
	}
	return true
}

// bytes stores a copy of b as row i.
func (d *decoder) bytes(i int, b []byte) {
	v := vector.View{Len: int32(len(b))}
	if len(b) <= vector.MaxInline {
		var short [vector.MaxInline]byte
		copy(short[:], b)
		v.Prefix = [4]byte(short[:4])
		v.Buf = int32(binary.NativeEndian.Uint32(short[4:]))
		v.Off = int32(binary.NativeEndian.Uint32(short[8:]))
	} else {
		v.Prefix = [4]byte(b[:4])
		v.Off = int32(len(d.text))
		d.text = append(d.text, b...)
	}
	d.views[i] = v
}

// numeric stores a numeric field as a scaled integer.
func (d *decoder) numeric(i int, b []byte) bool {
	if len(b) < 8 {
		return false
	}
	if d.unscaled {
		d.bytes(i, b)
		return true
	}
	be := binary.BigEndian
	n, weight, sign, scale := int(be.Uint16(b)), int(int16(be.Uint16(b[2:]))), be.Uint16(b[4:]), int32(be.Uint16(b[6:]))
	if len(b) != 8+2*n {
		return false
	}
	// lowest is the power of ten of the last group of digits.
	lowest := 4 * (weight - n + 1)
	shift := lowest + int(d.scale)
	if sign > 0x4000 || scale != d.scale || n > 6 || n > 0 && (shift <= -4 || 4*weight+digits(be.Uint16(b[8:]))+int(d.scale) > 18) {
		d.unscale(i)
		d.bytes(i, b)
		return true
	}
	var v int64
	for k := range n {
		digit := int64(be.Uint16(b[8+2*k:]))
		if k == n-1 && shift < 0 {
			// The last group has decimal places beyond the scale, which are zero.
			v = v*powers[4+shift] + digit/powers[-shift]
		} else {
			v = v*10000 + digit
		}
	}
	if shift > 0 && n > 0 {
		v *= powers[min(shift, 18)]
	}
	if sign == 0x4000 {
		v = -v
	}
	d.i64[i] = v
	return true
}

// digits is the number of decimal digits of a group.
func digits(group uint16) int {
	switch {
	case group >= 1000:
		return 4
	case group >= 100:
		return 3
	case group >= 10:
		return 2
	}
	return 1
}

// unscale turns the rows before i into the general form of numeric.
func (d *decoder) unscale(i int) {
	scaled := append([]int64(nil), d.i64[:i]...)
	valid := d.vec.Valid
	d.vec.Reset(d.t, d.size)
	d.vec.Valid = valid
	d.views, d.text, d.unscaled = d.vec.Views(), d.text[:0], true
	var scratch [64]byte
	for k, v := range scaled {
		if valid != nil && !valid.Get(k) {
			d.views[k] = vector.View{}
			continue
		}
		d.bytes(k, types.AppendScaled(scratch[:0], v, d.scale))
	}
}

// held is the memory of the decoder in bytes.
func (d *decoder) held() int64 {
	return int64(8*cap(d.vec.Backing()) + cap(d.text) + 8*cap(d.vec.Valid))
}

// errField is the error of a field that is not of its type.
func errField(source, column string) error {
	return pgerror.Source(source, pgerror.InvalidBinaryRepresentation, "a value of column \""+column+"\" has an unexpected form or is out of range", nil)
}
