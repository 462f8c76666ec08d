package mysql

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// form is how the driver's value of a column becomes one of HubSQL's.
type form uint8

// Forms.
const (
	formBool form = iota
	formInt
	formFloat
	formNumeric
	formBit
	formDate
	formTimestamp
	formTime
	formText
	formBytes
	formUUID
	// formConvert reads the value's text as the declared type.
	formConvert
)

// formOf is the form of computed values of a type.
func formOf(t types.Type) form {
	switch t.OID {
	case types.Bool:
		return formBool
	case types.Int2, types.Int4, types.Int8:
		return formInt
	case types.Float4, types.Float8:
		return formFloat
	case types.Numeric:
		return formNumeric
	case types.Date:
		return formDate
	case types.Timestamp:
		return formTimestamp
	case types.Time:
		return formTime
	case types.Text, types.VarChar:
		return formText
	case types.Bytea:
		return formBytes
	case types.UUID:
		return formUUID
	}
	return formConvert
}

// errRange is a value outside the range of the column's type, errForm one of
// another form.
var (
	errRange = pgerror.New(pgerror.NumericValueOutOfRange, "is out of range")
	errTime  = pgerror.New(pgerror.DatetimeFieldOverflow, "is out of range for type time")
	errNUL   = pgerror.New(pgerror.CharacterNotInRepertoire, "contains a NUL character")
	errForm  = pgerror.New(pgerror.InvalidTextRepresentation, "has an unexpected form")
)

// decoder fills one column of one batch.
type decoder struct {
	form   form
	t      types.Type
	scaled bool // numeric as scaled integers
	scale  int32
	vec    vector.Vec
	size   int
	text   []byte // bytes behind views
	number []byte // scratch
}

// newDecoder returns the decoder of a column.
func newDecoder(c column) decoder {
	d := decoder{form: c.form, t: c.Type}
	if d.form == formNumeric {
		if p, s, ok := d.t.NumericMod(); ok && p <= 18 && s >= 0 && s <= p {
			d.scaled, d.scale = true, int32(s)
		}
	}
	return d
}

// start makes the vector ready for n rows, using its storage again.
func (d *decoder) start(n int) {
	d.vec.Reset(d.t, n)
	if d.scaled {
		d.vec.Scaled, d.vec.Scale = true, d.scale
		d.vec.Resize(n)
	}
	d.size, d.text = n, d.text[:0]
}

// finish completes the vector.
func (d *decoder) finish() *vector.Vec {
	if len(d.text) > 0 {
		d.vec.Bufs = [][]byte{d.text}
	}
	return &d.vec
}

// held is the memory of the decoder in bytes.
func (d *decoder) held() int64 {
	return int64(8*cap(d.vec.Backing()) + cap(d.text) + 8*cap(d.vec.Valid))
}

// null stores NULL as row i.
func (d *decoder) null(i int) {
	d.vec.SetNull(i, d.size)
	switch {
	case d.scaled:
		d.vec.Int64s()[i] = 0
	default:
		d.vec.Set(i, d.size, types.Null)
	}
}

// put stores the driver's value v, not nil, as row i.
func (d *decoder) put(i int, v driver.Value) error {
	switch d.form {
	case formInt:
		n, ok := v.(int64)
		if b, is := v.([]byte); is {
			// A sum of integers is a decimal.
			var err error
			if n, err = strconv.ParseInt(string(b), 10, 64); err != nil {
				return errRange
			}
		} else if !ok {
			return errForm
		}
		switch d.t.Layout() {
		case types.LayoutInt16:
			if n != int64(int16(n)) {
				return errRange
			}
			d.vec.Int16s()[i] = int16(n)
		case types.LayoutInt32:
			if n != int64(int32(n)) {
				return errRange
			}
			d.vec.Int32s()[i] = int32(n)
		default:
			d.vec.Int64s()[i] = n
		}
		return nil
	case formFloat:
		switch f := v.(type) {
		case float64:
			d.vec.Float64s()[i] = f
		case float32:
			d.vec.Float32s()[i] = f
		default:
			return errForm
		}
		return nil
	case formBool:
		n, ok := v.(int64)
		if !ok {
			return errForm
		}
		if n != 0 {
			n = 1
		}
		d.vec.Bools()[i] = uint8(n)
		return nil
	case formNumeric:
		d.number = appendValue(d.number[:0], v)
		return d.numeric(i, d.number)
	}
	b, ok := v.([]byte)
	if !ok {
		if d.form != formConvert {
			return errForm
		}
		b = appendValue(d.number[:0], v)
	}
	switch d.form {
	case formText:
		if bytes.IndexByte(b, 0) >= 0 {
			return errNUL
		}
		d.bytes(i, b)
	case formBytes:
		d.bytes(i, b)
	case formDate, formTimestamp:
		return d.date(i, b)
	case formTime:
		us, ok := parseTime(b)
		if !ok {
			return errTime
		}
		d.vec.Int64s()[i] = us
	case formBit:
		var n uint64
		for _, c := range b {
			n = n<<8 | uint64(c)
		}
		if d.t.OID == types.Int8 {
			d.vec.Int64s()[i] = int64(n)
			return nil
		}
		d.number = strconv.AppendUint(d.number[:0], n, 10)
		return d.numeric(i, d.number)
	case formUUID:
		return d.uuid(i, b)
	case formConvert:
		value, err := types.ParseText(d.t, string(b), types.DefaultFormat())
		if err != nil {
			code := errForm.Code
			if e, ok := errors.AsType[*pgerror.Error](err); ok {
				code = e.Code
			}
			return pgerror.New(code, "does not fit its declared type")
		}
		d.vec.Set(i, d.size, value)
		return nil
	}
	return nil
}

// appendValue prints a value of the driver.
func appendValue(dst []byte, v driver.Value) []byte {
	switch v := v.(type) {
	case []byte:
		return append(dst, v...)
	case string:
		return append(dst, v...)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	}
	return append(dst, valueText(v)...)
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
	d.vec.Views()[i] = v
}

// date stores a date or timestamp; a zero in year, month or day makes it NULL.
func (d *decoder) date(i int, b []byte) error {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return errForm
	}
	y, m, day := atoi(b[:4]), atoi(b[5:7]), atoi(b[8:10])
	if y < 0 || m < 0 || day < 0 {
		return errForm
	}
	if y == 0 || m == 0 || day == 0 {
		d.null(i)
		return nil
	}
	days := daysFromCivil(y, m, day)
	if d.form == formDate {
		d.vec.Int32s()[i] = int32(days)
		return nil
	}
	us := int64(0)
	if len(b) > 11 {
		var ok bool
		if us, ok = parseTime(b[11:]); !ok {
			return errForm
		}
	}
	d.vec.Int64s()[i] = days*86_400_000_000 + us
	return nil
}

// atoi reads a number of digits only, negative when b is none.
func atoi(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// parseTime reads HH:MM:SS[.ffffff] within a day, 24:00:00 included.
func parseTime(b []byte) (int64, bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return 0, false
	}
	h, m, s := atoi(b[:2]), atoi(b[3:5]), atoi(b[6:8])
	us := ((h*60+m)*60 + s) * 1_000_000
	if len(b) > 8 {
		f := b[9:]
		if b[8] != '.' || len(f) == 0 || len(f) > 6 {
			return 0, false
		}
		v := atoi(f)
		for range 6 - len(f) {
			v *= 10
		}
		if v < 0 {
			return 0, false
		}
		us += v
	}
	return us, h >= 0 && m >= 0 && s >= 0 && us <= 86_400_000_000
}

// daysFromCivil returns the days since 1970-01-01 of a date of the Gregorian
// calendar.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// uuid stores the text of a uuid.
func (d *decoder) uuid(i int, b []byte) error {
	var half [2]uint64
	n := 0
	for _, c := range b {
		var v byte
		switch {
		case c >= '0' && c <= '9':
			v = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = c | 0x20 - 'a' + 10
		case c == '-':
			continue
		default:
			return errForm
		}
		if n == 32 {
			return errForm
		}
		half[n/16] = half[n/16]<<4 | uint64(v)
		n++
	}
	if n != 32 {
		return errForm
	}
	d.vec.Wides()[i] = vector.Wide{A: int64(half[0]), B: int64(half[1])}
	return nil
}

// numeric stores decimal text.
func (d *decoder) numeric(i int, b []byte) error {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	whole, frac, _ := bytes.Cut(b, []byte{'.'})
	if len(whole)+len(frac) == 0 || atoi(whole) < 0 && len(whole) < 19 || atoi(frac) < 0 && len(frac) < 19 {
		return errForm
	}
	if !d.scaled {
		var scratch [128]byte
		d.bytes(i, appendNumeric(scratch[:0], neg, bytes.TrimLeft(whole, "0"), frac))
		return nil
	}
	var v uint64
	for _, c := range whole {
		v = v*10 + uint64(c-'0')
	}
	for k := range int(d.scale) {
		v *= 10
		if k < len(frac) {
			v += uint64(frac[k] - '0')
		}
	}
	if len(whole)+int(d.scale) > 19 || v > math.MaxInt64 || len(frac) > int(d.scale) {
		return errRange
	}
	d.vec.Int64s()[i] = int64(v)
	if neg {
		d.vec.Int64s()[i] = -int64(v)
	}
	return nil
}

// appendNumeric appends the binary form of a numeric given by its digits: groups
// of four, aligned at the decimal point, without zero groups at either end.
func appendNumeric(dst []byte, neg bool, whole, frac []byte) []byte {
	var groups [40]uint16
	n, lead := 0, (len(whole)+3)/4
	at := func(k int) uint16 { // digit k, counted from the point; negative ones are before it
		if k < 0 {
			if k = len(whole) + k; k < 0 {
				return 0
			}
			return uint16(whole[k] - '0')
		}
		if k >= len(frac) {
			return 0
		}
		return uint16(frac[k] - '0')
	}
	weight := lead - 1
	for k := -4 * lead; k < len(frac); k += 4 {
		g := at4(at, k)
		if n == 0 && g == 0 {
			weight--
			continue
		}
		groups[n] = g
		n++
	}
	for n > 0 && groups[n-1] == 0 {
		n--
	}
	sign := uint16(0)
	if n == 0 {
		weight = 0
	} else if neg {
		sign = 0x4000
	}
	be := binary.BigEndian
	dst = be.AppendUint16(dst, uint16(n))
	dst = be.AppendUint16(dst, uint16(int16(weight)))
	dst = be.AppendUint16(dst, sign)
	dst = be.AppendUint16(dst, uint16(len(frac)))
	for _, g := range groups[:n] {
		dst = be.AppendUint16(dst, g)
	}
	return dst
}

// at4 is the group of four digits from k on; k is a multiple of four.
func at4(at func(int) uint16, k int) uint16 {
	var g uint16
	for j := range 4 {
		p := k + j
		g = g*10 + at(p)
	}
	return g
}
