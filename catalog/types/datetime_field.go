package types

import (
	"math"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// TimeField is a field of extract, date_part and date_trunc.
type TimeField uint8

// Time fields.
const (
	FieldMicroseconds TimeField = iota + 1
	FieldMilliseconds
	FieldSecond
	FieldMinute
	FieldHour
	FieldDay
	FieldWeek
	FieldMonth
	FieldQuarter
	FieldYear
	FieldDecade
	FieldCentury
	FieldMillennium
	FieldDow
	FieldIsoDow
	FieldDoy
	FieldIsoYear
	FieldEpoch
	FieldJulian
	FieldTimezone
	FieldTimezoneHour
	FieldTimezoneMinute
)

// timeFields are the fields that are not units of interval input; it never
// changes.
var timeFields = map[string]TimeField{
	"qtr": FieldQuarter, "quarter": FieldQuarter, "dow": FieldDow, "isodow": FieldIsoDow, "doy": FieldDoy,
	"isoyear": FieldIsoYear, "epoch": FieldEpoch, "julian": FieldJulian, "jd": FieldJulian, "j": FieldJulian,
	"timezone": FieldTimezone, "timezone_h": FieldTimezoneHour, "timezone_m": FieldTimezoneMinute,
}

// ParseTimeField finds a field by name for a value of type t; 22023 when it is
// unknown.
func ParseTimeField(name string, t OID) (TimeField, error) {
	w := lower(name)
	if len(w) > 10 {
		w = w[:10]
	}
	if f, ok := timeFields[w]; ok {
		return f, nil
	}
	if u, ok := intervalUnitOf(w); ok {
		switch u {
		case unitMicro:
			return FieldMicroseconds, nil
		case unitMilli:
			return FieldMilliseconds, nil
		case unitSecond:
			return FieldSecond, nil
		case unitMinute:
			return FieldMinute, nil
		case unitHour:
			return FieldHour, nil
		case unitDay:
			return FieldDay, nil
		case unitWeek:
			return FieldWeek, nil
		case unitMonth:
			return FieldMonth, nil
		case unitYear:
			return FieldYear, nil
		case unitDecade:
			return FieldDecade, nil
		case unitCentury:
			return FieldCentury, nil
		case unitMillennium:
			return FieldMillennium, nil
		}
	}
	return 0, pgerror.New(pgerror.InvalidParameterValue, "unit \""+lower(name)+"\" not recognized for type "+Lookup(t).Formal)
}

// ErrTimeField is 0A000 for a field that type t does not have.
func ErrTimeField(name string, t OID) error {
	return pgerror.NotSupported("unit \"%s\" not supported for type %s", lower(name), Lookup(t).Formal)
}

// ErrTruncField is date_trunc's error for a field that type t cannot be truncated
// to: 0A000 for units of time, 22023 for what is not one.
func ErrTruncField(name string, f TimeField, t OID) error {
	switch f {
	case FieldDow, FieldIsoDow, FieldDoy, FieldIsoYear, FieldEpoch, FieldJulian:
		return pgerror.New(pgerror.InvalidParameterValue, "unit \""+lower(name)+"\" not recognized for type "+Lookup(t).Formal)
	}
	return ErrTimeField(name, t)
}

// FieldScale is the display scale of extract's result for a field of a timestamp,
// time or interval: the values of the Extract functions come in that scale.
func FieldScale(f TimeField) int32 {
	switch f {
	case FieldSecond, FieldEpoch:
		return 6
	case FieldMilliseconds:
		return 3
	}
	return 0
}

// ExtractTimestamp returns a field of a finite local timestamp as an integer of
// scale FieldScale. ok is false for fields it has not (zones; Julian days, which
// need a quotient: see ExtractJulian).
func ExtractTimestamp(f TimeField, us int64) (v int64, ok bool) {
	switch f {
	case FieldEpoch:
		return us, true
	case FieldMicroseconds, FieldMilliseconds, FieldSecond, FieldMinute, FieldHour:
		_, tod := SplitTimestamp(us)
		return ExtractTime(f, tod)
	}
	days, _ := SplitTimestamp(us)
	return extractDay(f, days)
}

// ExtractTime returns a field of a time of day as an integer of scale FieldScale.
func ExtractTime(f TimeField, tod int64) (v int64, ok bool) {
	switch f {
	case FieldMicroseconds, FieldMilliseconds, FieldSecond:
		return tod % microsPerMinute, true
	case FieldMinute:
		return tod / microsPerMinute % 60, true
	case FieldHour:
		return tod / microsPerHour, true
	case FieldEpoch:
		return tod, true
	}
	return 0, false
}

// ExtractDate returns a field of a finite date; all have scale 0. ok is false for
// fields a date has not.
func ExtractDate(f TimeField, days int64) (v int64, ok bool) {
	switch f {
	case FieldEpoch:
		return days * secondsPerDay, true
	case FieldJulian:
		return days + julianEpoch, true
	}
	return extractDay(f, days)
}

func extractDay(f TimeField, days int64) (int64, bool) {
	switch f {
	case FieldDow:
		return int64(Weekday(days)), true
	case FieldIsoDow:
		if w := Weekday(days); w != 0 {
			return int64(w), true
		}
		return 7, true
	case FieldWeek:
		_, w := IsoWeek(days)
		return int64(w), true
	case FieldIsoYear:
		y, _ := IsoWeek(days)
		return bcYear(y), true
	}
	y, m, d := CivilFromDays(days)
	switch f {
	case FieldDay:
		return int64(d), true
	case FieldMonth:
		return int64(m), true
	case FieldQuarter:
		return int64((m-1)/3 + 1), true
	case FieldYear:
		return bcYear(y), true
	case FieldDecade:
		return floorDiv(int64(y), 10), true
	case FieldCentury:
		if y > 0 {
			return int64(y+99) / 100, true
		}
		return -int64(99-(y-1)) / 100, true
	case FieldMillennium:
		if y > 0 {
			return int64(y+999) / 1000, true
		}
		return -int64(999-(y-1)) / 1000, true
	case FieldDoy:
		return days - DaysFromCivil(y, 1, 1) + 1, true
	}
	return 0, false
}

// bcYear shows year 0 as -1, there being no year 0.
func bcYear(y int) int64 {
	if y <= 0 {
		return int64(y) - 1
	}
	return int64(y)
}

// ExtractJulian returns the Julian day of a finite local timestamp, with the
// fraction of the day.
func ExtractJulian(us int64) (Num, error) {
	days, tod := SplitTimestamp(us)
	frac, err := NumFromInt(tod).Div(NumFromInt(microsPerDay))
	if err != nil {
		return Num{}, err
	}
	return NumFromInt(days + julianEpoch).Add(frac)
}

// ExtractInfinite says what extract yields for an infinite date or timestamp:
// an infinity for fields that only grow, NULL (ok false) for others.
func ExtractInfinite(f TimeField) (ok bool) {
	switch f {
	case FieldYear, FieldDecade, FieldCentury, FieldMillennium, FieldJulian, FieldIsoYear, FieldEpoch:
		return true
	}
	return false
}

// ExtractInterval returns a field of an interval as an integer of scale
// FieldScale; ok is false for fields an interval has not.
func ExtractInterval(f TimeField, iv Datum) (v int64, ok bool) {
	months, days, us := iv.IntervalParts()
	switch f {
	case FieldMicroseconds, FieldMilliseconds, FieldSecond:
		return us % microsPerMinute, true
	case FieldMinute:
		return us / microsPerMinute % 60, true
	case FieldHour:
		return us / microsPerHour, true
	case FieldDay:
		return int64(days), true
	case FieldMonth:
		return int64(months % 12), true
	case FieldQuarter:
		return int64(months%12/3 + 1), true
	case FieldYear:
		return int64(months / 12), true
	case FieldDecade:
		return int64(months / 120), true
	case FieldCentury:
		return int64(months / 1200), true
	case FieldMillennium:
		return int64(months / 12000), true
	case FieldEpoch:
		return intervalDaySeconds(months, days)*microsPerSecond + us, true
	}
	return 0, false
}

// intervalDaySeconds are the seconds of the months and days of an interval: a year
// counts 365.25 days here, a month 30.
func intervalDaySeconds(months, days int32) int64 {
	quarters := int64(months/12)*1461 + int64(months%12)*120 + int64(days)*4
	return quarters * (secondsPerDay / 4)
}

// LongIntervalEpoch returns the epoch of an interval, in seconds, that has more
// microseconds than an int64 holds; ok is false for all others, whose epoch is
// ExtractInterval's.
func LongIntervalEpoch(iv Datum) (n Num, ok bool, err error) {
	months, days, us := iv.IntervalParts()
	secs := intervalDaySeconds(months, days)
	if limit := int64(math.MaxInt64/microsPerSecond)/2 - 1; secs < limit && secs > -limit && us/microsPerSecond < limit && us/microsPerSecond > -limit {
		return Num{}, false, nil
	}
	n, err = NumFromInt(secs).Add(NumFromScaled(us, 6))
	return n, true, err
}

// ExtractZone returns a zone field for an offset in seconds east of UTC.
func ExtractZone(f TimeField, offset int) (v int64, ok bool) {
	switch f {
	case FieldTimezone:
		return int64(offset), true
	case FieldTimezoneHour:
		return int64(offset / 3600), true
	case FieldTimezoneMinute:
		return int64(offset % 3600 / 60), true
	}
	return 0, false
}

// TruncTimestamp is date_trunc for a local timestamp; infinities stay. ok is
// false for fields that cannot be truncated to.
func TruncTimestamp(f TimeField, us int64) (out int64, ok bool) {
	if us == TimestampInfinity || us == TimestampNegInfinity {
		return us, true
	}
	days, tod := SplitTimestamp(us)
	switch f {
	case FieldMicroseconds:
		return us, true
	case FieldMilliseconds:
		return us - floorMod(us, 1000), true
	case FieldSecond:
		return us - tod%microsPerSecond, true
	case FieldMinute:
		return us - tod%microsPerMinute, true
	case FieldHour:
		return us - tod%microsPerHour, true
	}
	d, ok := truncDay(f, days)
	return d * microsPerDay, ok
}

func truncDay(f TimeField, days int64) (int64, bool) {
	switch f {
	case FieldDay:
		return days, true
	case FieldWeek:
		return days - floorMod(days+3, 7), true
	}
	y, m, _ := CivilFromDays(days)
	switch f {
	case FieldMonth:
	case FieldQuarter:
		m = (m-1)/3*3 + 1
	case FieldYear:
		m = 1
	case FieldDecade:
		m = 1
		y = int(floorDiv(int64(y), 10)) * 10
	case FieldCentury:
		m = 1
		y = int(floorDiv(int64(y-1), 100))*100 + 1
	case FieldMillennium:
		m = 1
		y = int(floorDiv(int64(y-1), 1000))*1000 + 1
	default:
		return 0, false
	}
	return DaysFromCivil(y, m, 1), true
}

// TruncTimestampTZ is date_trunc for an instant in the zone loc.
func TruncTimestampTZ(f TimeField, us int64, loc *time.Location) (out int64, ok bool) {
	if us == TimestampInfinity || us == TimestampNegInfinity || loc == time.UTC {
		return TruncTimestamp(f, us)
	}
	offset := int64(ZoneOffset(us, loc)) * microsPerSecond
	local, ok := TruncTimestamp(f, us+offset)
	if !ok {
		return 0, false
	}
	if f <= FieldHour {
		// Within a day the offset in force stays.
		return local - offset, true
	}
	return LocalToUTC(local, loc)
}

// TruncInterval is date_trunc for an interval; ok is false for fields that
// cannot be truncated to (week among them).
func TruncInterval(f TimeField, iv Datum) (out Datum, ok bool) {
	m, d, us := iv.IntervalParts()
	switch f {
	case FieldMicroseconds:
	case FieldMilliseconds:
		us -= us % 1000
	case FieldSecond:
		us -= us % microsPerSecond
	case FieldMinute:
		us -= us % microsPerMinute
	case FieldHour:
		us -= us % microsPerHour
	case FieldDay:
		us = 0
	case FieldMonth:
		us, d = 0, 0
	case FieldQuarter:
		us, d, m = 0, 0, m/3*3
	case FieldYear:
		us, d, m = 0, 0, m/12*12
	case FieldDecade:
		us, d, m = 0, 0, m/120*120
	case FieldCentury:
		us, d, m = 0, 0, m/1200*1200
	case FieldMillennium:
		us, d, m = 0, 0, m/12000*12000
	default:
		return iv, false
	}
	return IntervalDatum(m, d, us), true
}
