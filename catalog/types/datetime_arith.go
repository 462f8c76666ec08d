package types

import (
	"math"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// AddInterval returns ts + iv for a timestamp without zone: months first (the
// day is clamped to the month's end), then days, then time. Infinities stay;
// 22008 out of range.
func AddInterval(ts int64, iv Datum) (int64, error) {
	if ts == TimestampInfinity || ts == TimestampNegInfinity {
		return ts, nil
	}
	months, days, us := iv.IntervalParts()
	if months|days != 0 {
		d, tod := SplitTimestamp(ts)
		d = addMonths(d, int64(months)) + int64(days)
		var ok bool
		if ts, ok = joinMicros(d, tod); !ok {
			return 0, errTimestampRange()
		}
	}
	ts, ok := shiftMicros(ts, us)
	if !ok {
		return 0, errTimestampRange()
	}
	return ts, nil
}

// addMonths moves a day by whole months, clamping to the month's end.
func addMonths(days, months int64) int64 {
	if months == 0 {
		return days
	}
	y, m, d := CivilFromDays(days)
	total := int64(y)*12 + int64(m-1) + months
	year, month := int(floorDiv(total, 12)), int(floorMod(total, 12))+1
	return DaysFromCivil(year, month, min(d, DaysInMonth(year, month)))
}

// AddIntervalTZ returns ts + iv for an instant: months and days move the local
// clock of loc, the time part is exact.
func AddIntervalTZ(ts int64, iv Datum, loc *time.Location) (int64, error) {
	if ts == TimestampInfinity || ts == TimestampNegInfinity {
		return ts, nil
	}
	months, days, us := iv.IntervalParts()
	if months|days != 0 {
		local, ok := UTCToLocal(ts, loc)
		if ok {
			d, tod := SplitTimestamp(local)
			local, ok = joinMicros(addMonths(d, int64(months))+int64(days), tod)
		}
		if ok {
			ts, ok = LocalToUTC(local, loc)
		}
		if !ok {
			return 0, errTimestampRange()
		}
	}
	ts, ok := shiftMicros(ts, us)
	if !ok {
		return 0, errTimestampRange()
	}
	return ts, nil
}

// NegInterval returns -iv; 22008 on overflow.
func NegInterval(iv Datum) (Datum, error) {
	m, d, us := iv.IntervalParts()
	if m == math.MinInt32 || d == math.MinInt32 || us == math.MinInt64 {
		return Datum{}, errIntervalRange()
	}
	return IntervalDatum(-m, -d, -us), nil
}

// AddIntervals returns a + b; 22008 on overflow.
func AddIntervals(a, b Datum) (Datum, error) {
	m1, d1, u1 := a.IntervalParts()
	m2, d2, u2 := b.IntervalParts()
	s := intervalSum{months: int64(m1) + int64(m2), days: int64(d1) + int64(d2), micros: u1}
	s.plusMicros(u2)
	d, ok := s.datum()
	if !ok {
		return Datum{}, errIntervalRange()
	}
	return d, nil
}

// SubIntervals returns a - b; 22008 on overflow.
func SubIntervals(a, b Datum) (Datum, error) {
	m1, d1, u1 := a.IntervalParts()
	m2, d2, u2 := b.IntervalParts()
	diff := u1 - u2
	if (u2 < 0) != (diff > u1) && u2 != 0 {
		return Datum{}, errIntervalRange()
	}
	s := intervalSum{months: int64(m1) - int64(m2), days: int64(d1) - int64(d2), micros: diff}
	d, ok := s.datum()
	if !ok {
		return Datum{}, errIntervalRange()
	}
	return d, nil
}

// tsRound rounds to microseconds, as PostgreSQL does between steps.
func tsRound(f float64) float64 { return math.RoundToEven(f*1e6) / 1e6 }

// MulInterval returns iv * factor; fractions of months become days, fractions of
// days time. 22008 on overflow.
func MulInterval(iv Datum, factor float64) (Datum, error) {
	return scaleInterval(iv, func(v float64) float64 { return v * factor })
}

// DivInterval returns iv / factor; 22012 for zero.
func DivInterval(iv Datum, factor float64) (Datum, error) {
	if factor == 0 {
		return Datum{}, errDivisionByZero()
	}
	return scaleInterval(iv, func(v float64) float64 { return v / factor })
}

func scaleInterval(iv Datum, scale func(float64) float64) (Datum, error) {
	m, d, us := iv.IntervalParts()
	fm, fd := scale(float64(m)), scale(float64(d))
	if !(math.Abs(fm) < math.MaxInt32) || !(math.Abs(fd) < math.MaxInt32) {
		return Datum{}, errIntervalRange()
	}
	months, days := int64(fm), int64(fd)
	monthDays := tsRound((fm - float64(months)) * 30)
	secs := tsRound((fd - float64(days) + monthDays - math.Trunc(monthDays)) * secondsPerDay)
	// Cascade whole days up, which rounding can leave behind.
	if math.Abs(secs) >= secondsPerDay {
		days += int64(secs / secondsPerDay)
		secs -= math.Trunc(secs/secondsPerDay) * secondsPerDay
	}
	days += int64(monthDays)
	t := math.RoundToEven(scale(float64(us)) + secs*1e6)
	if !(math.Abs(t) < math.MaxInt64) {
		return Datum{}, errIntervalRange()
	}
	s := intervalSum{months: months, days: days, micros: int64(t)}
	out, ok := s.datum()
	if !ok {
		return Datum{}, errIntervalRange()
	}
	return out, nil
}

// JustifyHours turns whole 24 hours into days.
func JustifyHours(iv Datum) (Datum, error) {
	m, d, us := iv.IntervalParts()
	return justified(int64(m), int64(d)+us/microsPerDay, us%microsPerDay, false)
}

// JustifyDays turns whole 30 days into months.
func JustifyDays(iv Datum) (Datum, error) {
	m, d, us := iv.IntervalParts()
	months, days := int64(m)+int64(d/30), int64(d%30)
	switch {
	case months > 0 && days < 0:
		days += 30
		months--
	case months < 0 && days > 0:
		days -= 30
		months++
	}
	s := intervalSum{months: months, days: days, micros: us}
	out, ok := s.datum()
	if !ok {
		return Datum{}, errIntervalRange()
	}
	return out, nil
}

// JustifyInterval does both and makes the signs agree.
func JustifyInterval(iv Datum) (Datum, error) {
	m, d, us := iv.IntervalParts()
	days := int64(d) + us/microsPerDay
	return justified(int64(m)+days/30, days%30, us%microsPerDay, true)
}

// justified makes the signs of the parts agree; months only when asked.
func justified(months, days, us int64, withMonths bool) (Datum, error) {
	if withMonths {
		switch {
		case months > 0 && (days < 0 || days == 0 && us < 0):
			days += 30
			months--
		case months < 0 && (days > 0 || days == 0 && us > 0):
			days -= 30
			months++
		}
	}
	switch {
	case days > 0 && us < 0:
		us += microsPerDay
		days--
	case days < 0 && us > 0:
		us -= microsPerDay
		days++
	}
	s := intervalSum{months: months, days: days, micros: us}
	out, ok := s.datum()
	if !ok {
		return Datum{}, errIntervalRange()
	}
	return out, nil
}

// SubTimestamps returns a - b as days and time; 22008 for infinities.
func SubTimestamps(a, b int64) (Datum, error) {
	if a == TimestampInfinity || a == TimestampNegInfinity || b == TimestampInfinity || b == TimestampNegInfinity {
		return Datum{}, pgerror.New(pgerror.DatetimeFieldOverflow, "cannot subtract infinite timestamps")
	}
	diff := a - b
	if (b < 0) != (diff > a) && b != 0 {
		return Datum{}, errIntervalRange()
	}
	return JustifyHours(IntervalDatum(0, 0, diff))
}

// AgeTimestamps returns a - b in years, months, days and time, as age() does for
// local timestamps.
func AgeTimestamps(a, b int64) (Datum, error) {
	if a == TimestampInfinity || a == TimestampNegInfinity || b == TimestampInfinity || b == TimestampNegInfinity {
		return Datum{}, errTimestampRange()
	}
	neg := a < b
	if neg {
		a, b = b, a
	}
	x, y := civilFromMicros(a), civilFromMicros(b)
	tod, days := x.tod-y.tod, x.day-y.day
	months := (x.year-y.year)*12 + x.month - y.month
	if tod < 0 {
		tod += microsPerDay
		days--
	}
	// Borrowed days are those of the earlier timestamp's month.
	for days < 0 {
		days += DaysInMonth(y.year, y.month)
		months--
	}
	if neg {
		return IntervalDatum(int32(-months), int32(-days), -tod), nil
	}
	return IntervalDatum(int32(months), int32(days), tod), nil
}

// DateAdd returns a date moved by days; infinities stay, 22008 out of range.
func DateAdd(date, days int64) (int64, error) {
	if date == DateInfinity || date == DateNegInfinity {
		return date, nil
	}
	if date += days; !validDate(date) {
		return 0, ErrDateRange()
	}
	return date, nil
}

// DateToTimestamp returns midnight of a date; 22008 out of range.
func DateToTimestamp(date int64) (int64, error) {
	switch date {
	case DateInfinity:
		return TimestampInfinity, nil
	case DateNegInfinity:
		return TimestampNegInfinity, nil
	}
	us, ok := joinMicros(date, 0)
	if !ok {
		return 0, pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range for timestamp")
	}
	return us, nil
}

// TimestampToDate returns the day of a timestamp.
func TimestampToDate(us int64) int64 {
	switch us {
	case TimestampInfinity:
		return DateInfinity
	case TimestampNegInfinity:
		return DateNegInfinity
	}
	days, _ := SplitTimestamp(us)
	return days
}

// MakeDate builds a date; a negative year counts BC. 22008 for impossible ones.
func MakeDate(year, month, day int) (int64, error) {
	y := year
	if y < 0 {
		y++
	}
	if year == 0 || month < 1 || month > 12 || day < 1 || year > 5874897 || year < -4714 || day > DaysInMonth(y, month) {
		return 0, pgerror.Newf(pgerror.DatetimeFieldOverflow, "date field value out of range: %d-%02d-%02d", year, month, day)
	}
	days := DaysFromCivil(y, month, day)
	if !validDate(days) {
		return 0, pgerror.Newf(pgerror.DatetimeFieldOverflow, "date out of range: %d-%02d-%02d", year, month, day)
	}
	return days, nil
}

// MakeTime builds a time of day; 22008 for impossible ones.
func MakeTime(hour, minute int, sec float64) (int64, error) {
	us := roundEven(sec * 1e6)
	if hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(sec >= 0 && sec <= 60) || hour == 24 && (minute > 0 || us > 0) ||
		(int64(hour)*60+int64(minute))*microsPerMinute+us > microsPerDay {
		return 0, pgerror.Newf(pgerror.DatetimeFieldOverflow, "time field value out of range: %d:%02d:%02g", hour, minute, sec)
	}
	return (int64(hour)*60+int64(minute))*microsPerMinute + us, nil
}

// MakeTimestamp builds a timestamp without zone.
func MakeTimestamp(year, month, day, hour, minute int, sec float64) (int64, error) {
	days, err := MakeDate(year, month, day)
	if err != nil {
		return 0, err
	}
	tod, err := MakeTime(hour, minute, sec)
	if err != nil {
		return 0, err
	}
	us, ok := joinMicros(days, tod)
	if !ok {
		return 0, pgerror.Newf(pgerror.DatetimeFieldOverflow, "timestamp out of range: %d-%02d-%02d %d:%02d:%02g", year, month, day, hour, minute, sec)
	}
	return us, nil
}

// MakeInterval builds an interval; 22008 on overflow.
func MakeInterval(years, months, weeks, days, hours, minutes int64, secs float64) (Datum, error) {
	s := intervalSum{months: years*12 + months, days: weeks*7 + days}
	s.addMicros(hours, microsPerHour, 0)
	s.addMicros(minutes, microsPerMinute, 0)
	us := math.RoundToEven(secs * 1e6)
	if !(math.Abs(us) < math.MaxInt64) {
		return Datum{}, errIntervalRange()
	}
	s.plusMicros(int64(us))
	d, ok := s.datum()
	if !ok {
		return Datum{}, errIntervalRange()
	}
	return d, nil
}
