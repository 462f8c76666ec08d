package types

import (
	"encoding/binary"
	"math"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// AppendBinary appends d, a value of type t that is not NULL, in the protocol's
// binary form (the send function of t).
func AppendBinary(dst []byte, t Type, d Datum) []byte {
	be := binary.BigEndian
	switch t.OID {
	case Bool:
		return append(dst, byte(d.I))
	case Date:
		return be.AppendUint32(dst, uint32(DateToWire(int32(d.I))))
	case Timestamp, TimestampTZ:
		return be.AppendUint64(dst, uint64(TimestampToWire(d.I)))
	case TimeTZ:
		return be.AppendUint32(be.AppendUint64(dst, uint64(d.I)), uint32(d.J))
	case Interval:
		months, days, us := d.IntervalParts()
		dst = be.AppendUint64(dst, uint64(us))
		dst = be.AppendUint32(dst, uint32(days))
		return be.AppendUint32(dst, uint32(months))
	case JSONB, JSONPath:
		return append(append(dst, 1), d.S...)
	case Bit, VarBit:
		return appendBits(dst, d.S)
	case Char:
		if d.S == "" {
			return append(dst, 0)
		}
		return append(dst, d.S[0])
	}
	switch t.Layout() {
	case LayoutInt16:
		return be.AppendUint16(dst, uint16(d.I))
	case LayoutInt32:
		return be.AppendUint32(dst, uint32(d.I))
	case LayoutInt64:
		return be.AppendUint64(dst, uint64(d.I))
	case LayoutFloat32:
		return be.AppendUint32(dst, math.Float32bits(float32(d.Float())))
	case LayoutFloat64:
		return be.AppendUint64(dst, uint64(d.I))
	case LayoutWide:
		return be.AppendUint64(be.AppendUint64(dst, uint64(d.I)), uint64(d.J))
	}
	return append(dst, d.S...)
}

// DateToWire converts days since 1970 to days since 2000, keeping infinities.
func DateToWire(days int32) int32 {
	if days == math.MaxInt32 || days == math.MinInt32 {
		return days
	}
	return days - int32(postgresEpoch)
}

// TimestampToWire converts microseconds since 1970 to microseconds since 2000,
// keeping infinities.
func TimestampToWire(us int64) int64 {
	if us == TimestampInfinity || us == TimestampNegInfinity {
		return us
	}
	return us - epochMicros
}

// DateFromWire is the inverse of DateToWire; ok is false out of range.
func DateFromWire(days int32) (int32, bool) {
	if days == math.MaxInt32 || days == math.MinInt32 {
		return days, true
	}
	d := int64(days) + postgresEpoch
	return int32(d), validDate(d)
}

// TimestampFromWire is the inverse of TimestampToWire; ok is false out of range.
func TimestampFromWire(us int64) (int64, bool) {
	if us == TimestampInfinity || us == TimestampNegInfinity {
		return us, true
	}
	return shiftMicros(us, epochMicros)
}

// ParseBinary reads the protocol's binary form of type t, as its receive
// function does with the modifier of t. Errors are 22P03, 08P01 or those of the
// type. The datum does not share memory with b.
func ParseBinary(t Type, b []byte) (Datum, error) {
	be := binary.BigEndian
	need := func(n int) error {
		switch {
		case len(b) < n:
			return errShort()
		case len(b) > n:
			return errBinary()
		}
		return nil
	}
	switch t.OID {
	case Bool:
		if err := need(1); err != nil {
			return Datum{}, err
		}
		return BoolDatum(b[0] != 0), nil
	case Numeric:
		return parseNumericBinary(t, b)
	case Date:
		if err := need(4); err != nil {
			return Datum{}, err
		}
		v, ok := DateFromWire(int32(be.Uint32(b)))
		if !ok {
			return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range")
		}
		return IntDatum(int64(v)), nil
	case Time:
		if err := need(8); err != nil {
			return Datum{}, err
		}
		v := int64(be.Uint64(b))
		if v < 0 || v > microsPerDay {
			return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "time out of range")
		}
		return IntDatum(RoundTime(t, v)), nil
	case TimeTZ:
		if err := need(12); err != nil {
			return Datum{}, err
		}
		v := int64(be.Uint64(b))
		if v < 0 || v > microsPerDay {
			return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "time out of range")
		}
		zone := int64(int32(be.Uint32(b[8:])))
		if zone <= -maxZoneOffset || zone >= maxZoneOffset {
			return Datum{}, pgerror.New(pgerror.InvalidTimeZoneDisplacement, "time zone displacement out of range")
		}
		return WideDatum(RoundTime(t, v), zone), nil
	case Timestamp, TimestampTZ:
		if err := need(8); err != nil {
			return Datum{}, err
		}
		v, ok := TimestampFromWire(int64(be.Uint64(b)))
		if ok {
			v, ok = RoundTimestamp(t, v)
		}
		if !ok {
			return Datum{}, errTimestampRange()
		}
		return IntDatum(v), nil
	case Interval:
		if err := need(16); err != nil {
			return Datum{}, err
		}
		d := IntervalDatum(int32(be.Uint32(b[12:])), int32(be.Uint32(b[8:])), int64(be.Uint64(b)))
		return FitInterval(t, d)
	case UUID:
		if err := need(16); err != nil {
			return Datum{}, err
		}
		return WideDatum(int64(be.Uint64(b)), int64(be.Uint64(b[8:]))), nil
	case JSONB:
		if len(b) == 0 {
			return Datum{}, errShort()
		}
		if b[0] != 1 {
			return Datum{}, pgerror.Newf(pgerror.InternalError, "unsupported jsonb version number %d", b[0])
		}
		return ParseText(t, string(b[1:]), nil)
	case Char:
		if err := need(1); err != nil {
			return Datum{}, err
		}
		if b[0] == 0 {
			return Datum{}, nil
		}
		return TextDatum(string(b)), nil
	case Bit, VarBit:
		return bitsBinary(t, b)
	case JSONPath:
		if len(b) == 0 || b[0] != 1 {
			return Datum{}, errBinary()
		}
		return ParseText(t, string(b[1:]), nil)
	case Bytea:
		return TextDatum(string(b)), nil
	case Text, Unknown, VarChar, BPChar, Name, JSON, CString, XML:
		return ParseText(t, string(b), nil)
	case Inet, CIDR:
		return inetBinary(t.OID, b)
	case MacAddr:
		if err := need(6); err != nil {
			return Datum{}, err
		}
		return TextDatum(string(b)), nil
	case Void:
		return Datum{}, nil
	case Record:
		return recordBinary(b)
	}
	switch t.Layout() {
	case LayoutInt16:
		if err := need(2); err != nil {
			return Datum{}, err
		}
		return IntDatum(int64(int16(be.Uint16(b)))), nil
	case LayoutInt32:
		if err := need(4); err != nil {
			return Datum{}, err
		}
		return IntDatum(int64(int32(be.Uint32(b)))), nil
	case LayoutInt64:
		if err := need(8); err != nil {
			return Datum{}, err
		}
		return IntDatum(int64(be.Uint64(b))), nil
	case LayoutFloat32:
		if err := need(4); err != nil {
			return Datum{}, err
		}
		return FloatDatum(float64(math.Float32frombits(be.Uint32(b)))), nil
	case LayoutFloat64:
		if err := need(8); err != nil {
			return Datum{}, err
		}
		return IntDatum(int64(be.Uint64(b))), nil
	}
	info := Lookup(t.OID)
	if info != nil && info.Category == CategoryArray && Lookup(info.Elem) != nil {
		return arrayBinary(t, b)
	}
	if info == nil {
		return Datum{}, pgerror.Newf(pgerror.UndefinedObject, "cache lookup failed for type %d", t.OID)
	}
	return Datum{}, pgerror.NotSupported("no binary input function available for type %s", info.Formal)
}

// parseNumericBinary validates numeric_send's form and stores it in the one
// shape CompareNumeric relies on: no zero words at either end.
func parseNumericBinary(t Type, b []byte) (Datum, error) {
	if len(b) < numericHeaderSize {
		return Datum{}, errShort()
	}
	nd := int(b[0])<<8 | int(b[1])
	if len(b) < numericHeaderSize+2*nd {
		return Datum{}, errShort()
	}
	if len(b) > numericHeaderSize+2*nd {
		return Datum{}, errBinary()
	}
	fail := func(what string) (Datum, error) {
		return Datum{}, pgerror.Newf(pgerror.InvalidBinaryRepresentation, "invalid %s in external \"numeric\" value", what)
	}
	switch sign := uint16(b[4])<<8 | uint16(b[5]); sign {
	case 0, numericNegSign, numericNaNSign, numericPInfSign, numericNInfSign:
	default:
		return fail("sign")
	}
	if scale := uint16(b[6])<<8 | uint16(b[7]); scale > maxNumericScale {
		return fail("scale")
	}
	for i := range nd {
		if int(b[numericHeaderSize+2*i])<<8|int(b[numericHeaderSize+2*i+1]) >= 10000 {
			return fail("digit")
		}
	}
	n, err := DecodeNumeric(b).WithMod(t)
	if err != nil {
		return Datum{}, err
	}
	return n.Datum(), nil
}
