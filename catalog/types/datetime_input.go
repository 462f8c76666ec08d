package types

import (
	"math"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// roundEven rounds to the nearest integer, ties to even, as C's rint.
func roundEven(f float64) int64 { return int64(math.RoundToEven(f)) }

// nowMicros returns the session's idea of now, in microseconds since 1970.
func nowMicros(f *Format) int64 {
	if f.Now.IsZero() {
		return time.Now().UnixMicro()
	}
	return f.Now.UnixMicro()
}

// zoneError completes dtUnknownZone.
func dtErr(e dtError, typeName, input, zone string) error {
	if e == dtUnknownZone {
		return pgerror.New(pgerror.InvalidParameterValue, "time zone \""+zone+"\" not recognized")
	}
	return dtFail(e, typeName, input)
}

// parseDate reads a date.
func parseDate(s string, f *Format) (int64, error) {
	p, e, zone := parseDateTime(s, f, false)
	if e != dtOK {
		return 0, dtErr(e, "date", s, zone)
	}
	if p.reserved >= 0 {
		switch p.reserved {
		case reservedInfinity:
			return DateInfinity, nil
		case reservedNegInfinity:
			return DateNegInfinity, nil
		case reservedEpoch:
			return 0, nil
		}
		local, _ := UTCToLocal(nowMicros(f), f.TimeZone)
		days, _ := SplitTimestamp(local)
		return days + reservedDays(p.reserved), nil
	}
	days := DaysFromCivil(p.year, p.month, p.day)
	if p.year > 5874898 || p.year < -4714 || !validDate(days) {
		return 0, pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range: \""+s+"\"")
	}
	return days, nil
}

// reservedDays is how far tomorrow and yesterday are from today.
func reservedDays(word int) int64 {
	switch word {
	case reservedTomorrow:
		return 1
	case reservedYesterday:
		return -1
	}
	return 0
}

// parseTimestamp reads a timestamp without time zone; a zone in the literal is
// ignored.
func parseTimestamp(t Type, s string, f *Format) (int64, error) {
	us, err := parseInstant(s, f, "timestamp", false)
	if err != nil {
		return 0, err
	}
	if us, ok := RoundTimestamp(t, us); ok {
		return us, nil
	}
	return 0, errTimestampRange()
}

// parseTimestampTZ reads a timestamp with time zone.
func parseTimestampTZ(t Type, s string, f *Format) (int64, error) {
	us, err := parseInstant(s, f, "timestamp with time zone", true)
	if err != nil {
		return 0, err
	}
	if us, ok := RoundTimestamp(t, us); ok {
		return us, nil
	}
	return 0, errTimestampRange()
}

// parseInstant reads a timestamp literal. With instant set the result is UTC,
// else it is the local time that was written.
func parseInstant(s string, f *Format, typeName string, instant bool) (us int64, err error) {
	p, e, zone := parseDateTime(s, f, false)
	if e != dtOK {
		return 0, dtErr(e, typeName, s, zone)
	}
	outOfRange := func() (int64, error) {
		return 0, pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range: \""+s+"\"")
	}
	switch p.reserved {
	case reservedInfinity:
		return TimestampInfinity, nil
	case reservedNegInfinity:
		return TimestampNegInfinity, nil
	case reservedNow:
		us = nowMicros(f)
		if !instant {
			us, _ = UTCToLocal(us, f.TimeZone)
		}
		return us, nil
	case reservedEpoch:
		return 0, nil
	case reservedToday, reservedTomorrow, reservedYesterday:
		local, _ := UTCToLocal(nowMicros(f), f.TimeZone)
		days, _ := SplitTimestamp(local)
		us = (days+reservedDays(p.reserved))*microsPerDay + p.tod
	default:
		if p.year > 294277 || p.year < -4714 {
			return outOfRange()
		}
		var ok bool
		// A zone may bring a local time just outside the range back into it.
		if us, ok = joinMicros(DaysFromCivil(p.year, p.month, p.day), p.tod); !ok && !(instant && us != 0) {
			return outOfRange()
		}
	}
	if instant {
		offset := p.offset
		switch {
		case p.loc != nil:
			offset = LocalOffset(us, p.loc)
		case !p.hasZone:
			offset = LocalOffset(us, f.TimeZone)
		}
		var ok bool
		if us, ok = shiftMicros(us, -int64(offset)*microsPerSecond); !ok {
			return outOfRange()
		}
	}
	return us, nil
}

// parseTime reads a time without time zone.
func parseTime(t Type, s string, f *Format) (int64, error) {
	p, e, zone := parseDateTime(s, f, true)
	if e != dtOK {
		return 0, dtErr(e, "time", s, zone)
	}
	if p.reserved >= 0 {
		if p.reserved != reservedNow {
			return 0, dtFail(dtBadFormat, "time", s)
		}
		local, _ := UTCToLocal(nowMicros(f), f.TimeZone)
		_, tod := SplitTimestamp(local)
		return RoundTime(t, tod), nil
	}
	if !p.hasTime || p.loc != nil && !p.hasDate && !fixedZone(p.loc) {
		return 0, dtFail(dtBadFormat, "time", s)
	}
	return RoundTime(t, p.tod), nil
}

// fixedZone reports whether loc has one offset.
func fixedZone(loc *time.Location) bool {
	const half = 182 * secondsPerDay
	return loc == time.UTC || offsetAt(0, loc) == offsetAt(half, loc)
}

// parseTimeTZ reads a time with time zone.
func parseTimeTZ(t Type, s string, f *Format) (Datum, error) {
	const name = "time with time zone"
	p, e, zone := parseDateTime(s, f, true)
	if e != dtOK {
		return Datum{}, dtErr(e, name, s, zone)
	}
	now := nowMicros(f)
	if p.reserved >= 0 {
		if p.reserved != reservedNow {
			return Datum{}, dtFail(dtBadFormat, name, s)
		}
		offset := ZoneOffset(now, f.TimeZone)
		_, tod := SplitTimestamp(now + int64(offset)*microsPerSecond)
		return WideDatum(RoundTime(t, tod), int64(-offset)), nil
	}
	if !p.hasTime {
		return Datum{}, dtFail(dtBadFormat, name, s)
	}
	offset := p.offset
	if p.loc != nil || !p.hasZone {
		loc := p.loc
		if loc == nil {
			loc = f.TimeZone
		} else if !p.hasDate && !fixedZone(loc) {
			return Datum{}, dtFail(dtBadFormat, name, s)
		}
		if p.hasDate {
			offset = LocalOffset(DaysFromCivil(p.year, p.month, p.day)*microsPerDay+p.tod, loc)
		} else {
			local, _ := UTCToLocal(now, loc)
			days, _ := SplitTimestamp(local)
			offset = LocalOffset(days*microsPerDay+p.tod, loc)
		}
	}
	return WideDatum(RoundTime(t, p.tod), int64(-offset)), nil
}

var micropow = [7]int64{1_000_000, 100_000, 10_000, 1_000, 100, 10, 1}

// roundTo rounds us half away from zero to p digits of seconds.
func roundTo(us int64, p int32) int64 {
	unit := micropow[p]
	if us >= 0 {
		return (us + unit/2) / unit * unit
	}
	return -((-us + unit/2) / unit * unit)
}

// RoundTimestamp applies the precision of timestamp(p) or timestamptz(p) as a
// cast does; ok is false when the result is out of range. The fields of the
// modifier count from 2000, which matters for ties before that year.
func RoundTimestamp(t Type, us int64) (int64, bool) {
	if t.Mod < 0 || t.Mod >= 6 || us == TimestampInfinity || us == TimestampNegInfinity {
		return us, true
	}
	if us > math.MaxInt64-microsPerSecond {
		return us, false
	}
	us = roundTo(us-epochMicros, t.Mod) + epochMicros
	return us, validTimestamp(us)
}

// RoundTime applies the precision of time(p) or timetz(p).
func RoundTime(t Type, us int64) int64 {
	if t.Mod < 0 || t.Mod >= 6 {
		return us
	}
	return roundTo(us, t.Mod)
}
