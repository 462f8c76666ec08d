package wire

import (
	"math"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
)

// textKind chooses how values of t are printed. Dates in another style than ISO
// take the slow path.
func textKind(t types.Type, f *types.Format, names bool) cellKind {
	iso := f.DateStyle == "ISO"
	switch t.OID {
	case types.Bool:
		return textBool
	case types.Int2:
		return textInt16
	case types.Int4:
		return textInt32
	case types.Int8:
		return textInt64
	case types.Numeric:
		return textNumeric
	case types.Float4:
		return textFloat32
	case types.Float8:
		return textFloat64
	case types.Text, types.VarChar, types.BPChar, types.Name, types.JSON, types.JSONB, types.XML, types.Unknown,
		types.CString, types.RefCursor, types.PgNodeTree:
		return cellBytes
	case types.Date:
		if iso {
			return textDate
		}
	case types.Timestamp:
		if iso {
			return textTimestamp
		}
	case types.TimestampTZ:
		if iso {
			return textTimestampTZ
		}
	case types.RegProc, types.RegProcedure, types.RegOper, types.RegOperator, types.RegClass, types.RegType,
		types.RegNamespace, types.RegRole, types.RegCollation:
		if names {
			return textReg
		}
	}
	return cellGeneric
}

// textValue appends value j, which is not NULL, as text.
func (c *column) textValue(e *rowEncoder, dst []byte, j int) []byte {
	switch c.now {
	case textInt32:
		return appendInt(dst, int64(c.i32[j]))
	case textInt64:
		return appendInt(dst, c.i64[j])
	case textInt16:
		return appendInt(dst, int64(c.i16[j]))
	case textScaled:
		return appendScaled(dst, c.i64[j], c.scale)
	case textNumeric:
		return types.AppendNumericText(dst, c.vec.Bytes(j))
	case textDate:
		return e.dates.append(dst, c.i32[j])
	case textTimestamp:
		return e.dates.appendTimestamp(dst, c.i64[j])
	case textTimestampTZ:
		return e.zone.appendTimestamp(dst, c.i64[j])
	case textBool:
		if c.vec.Bools()[j] != 0 {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case textFloat64:
		return types.AppendFloat64(dst, c.vec.Float64s()[j], e.format)
	case textFloat32:
		return types.AppendFloat32(dst, c.vec.Float32s()[j], e.format)
	case textReg:
		return e.names.AppendReg(dst, c.typ.OID, uint32(c.i32[j]))
	case cellBytes:
		return append(dst, c.vec.Bytes(j)...)
	}
	return types.AppendText(dst, c.vec.Type, c.vec.Datum(j), e.format)
}

const digitPairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// appendInt appends v in decimal, two digits at a time.
func appendInt(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	var digits [20]byte
	i := len(digits)
	for u >= 100 {
		q := u / 100
		p := (u - q*100) * 2
		u = q
		i -= 2
		digits[i], digits[i+1] = digitPairs[p], digitPairs[p+1]
	}
	if u >= 10 {
		i -= 2
		digits[i], digits[i+1] = digitPairs[u*2], digitPairs[u*2+1]
	} else {
		i--
		digits[i] = byte('0' + u)
	}
	return append(dst, digits[i:]...)
}

// dateCache remembers the text of dates: those of a column mostly repeat, and
// are dearer to compute than to copy.
type dateCache struct {
	slots []dateSlot
	seen  int // dates printed before there are slots
}

type dateSlot struct {
	days int32
	ok   bool
	text [10]byte // yyyy-mm-dd
}

const (
	dateSlots = 1024
	// Short results do without slots.
	datesBeforeSlots = 128
	// Years of four digits after Christ, in days since 1970: others are longer.
	firstPlainDay, lastPlainDay = -719162, 2932896
	microsPerDay                = 86400 * 1_000_000
)

// append appends a date in ISO format.
func (d *dateCache) append(dst []byte, days int32) []byte {
	if days < firstPlainDay || days > lastPlainDay {
		return types.AppendDate(dst, days)
	}
	if d.slots == nil {
		if d.seen++; d.seen <= datesBeforeSlots {
			return types.AppendDate(dst, days)
		}
		d.slots = make([]dateSlot, dateSlots)
	}
	s := &d.slots[uint32(days)%dateSlots]
	if s.days != days || !s.ok {
		s.days, s.ok = days, true
		types.AppendDate(s.text[:0], days)
	}
	return append(dst, s.text[:]...)
}

// appendTimestamp appends a timestamp without zone in ISO format.
func (d *dateCache) appendTimestamp(dst []byte, us int64) []byte {
	days := us / microsPerDay
	tod := us - days*microsPerDay
	if tod < 0 {
		days--
		tod += microsPerDay
	}
	if days < firstPlainDay || days > lastPlainDay {
		return types.AppendTimestamp(dst, us)
	}
	dst = d.append(dst, int32(days))
	seconds := uint32(tod / 1_000_000)
	fraction := uint32(tod - int64(seconds)*1_000_000)
	h, m, s := seconds/3600*2, seconds/60%60*2, seconds%60*2
	dst = append(dst, ' ', digitPairs[h], digitPairs[h+1], ':', digitPairs[m], digitPairs[m+1], ':', digitPairs[s], digitPairs[s+1])
	if fraction == 0 {
		return dst
	}
	a, b, c := fraction/10000*2, fraction/100%100*2, fraction%100*2
	dst = append(dst, '.', digitPairs[a], digitPairs[a+1], digitPairs[b], digitPairs[b+1], digitPairs[c], digitPairs[c+1])
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendScaled appends v * 10^-scale.
func appendScaled(dst []byte, v int64, scale int32) []byte {
	if scale != 2 || v <= -1<<62 {
		return types.AppendScaledText(dst, v, scale)
	}
	// Amounts of money are the common case.
	if v < 0 {
		dst = append(dst, '-')
		v = -v
	}
	whole := v / 100
	cents := (v - whole*100) * 2
	return append(appendInt(dst, whole), '.', digitPairs[cents], digitPairs[cents+1])
}

// zoneCache remembers the offset of the time zone around the last timestamp:
// neighbours in a column mostly share it.
type zoneCache struct {
	location   *time.Location
	from, to   int64 // microseconds in which zone holds, to exclusive
	zone       *time.Location
	configured bool
}

// appendTimestamp appends a timestamptz in ISO format.
func (z *zoneCache) appendTimestamp(dst []byte, us int64) []byte {
	if !z.configured || us < z.from || us >= z.to {
		z.find(us)
	}
	return types.AppendTimestampTZ(dst, us, z.zone)
}

// find sets the range around us and a location of the one offset in it, which
// costs no search.
func (z *zoneCache) find(us int64) {
	z.configured = true
	seconds := us / 1_000_000
	const farthest = math.MaxInt64 / 1_000_000
	if seconds > farthest-1 || seconds < -farthest+1 {
		// The infinities have no zone.
		z.from, z.to, z.zone = us, us, z.location
		return
	}
	t := time.Unix(seconds, 0).In(z.location)
	start, end := t.ZoneBounds()
	z.from, z.to = math.MinInt64, math.MaxInt64
	if !start.IsZero() {
		z.from = start.Unix() * 1_000_000
	}
	if !end.IsZero() {
		z.to = end.Unix() * 1_000_000
	}
	name, offset := t.Zone()
	z.zone = time.FixedZone(name, offset)
	if us < z.from || us >= z.to {
		// us / 1e6 rounds towards zero: a moment before 1970 next to a bound.
		z.from, z.to, z.zone = us, us, z.location
	}
}
