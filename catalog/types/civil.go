package types

import "math"

// Units of time.
const (
	microsPerSecond = int64(1_000_000)
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
	secondsPerDay   = 86400
)

// Infinite dates and timestamps, and the limits of the finite ones. PostgreSQL's
// timestamps end in 294276 AD; ours, which count from 1970, end with int64 on
// 294247-01-10.
const (
	DateInfinity         = int64(math.MaxInt32)
	DateNegInfinity      = int64(math.MinInt32)
	TimestampInfinity    = int64(math.MaxInt64)
	TimestampNegInfinity = int64(math.MinInt64)

	minDateDays   = int64(-2440588)              // 4714-11-24 BC, Julian day 0
	maxDateDays   = int64(2145042905)            // 5874897-12-31
	minTimestamp  = minDateDays * microsPerDay   // 4714-11-24 00:00:00 BC
	endTimestamp  = int64(math.MaxInt64)         // infinity; finite values are below
	postgresEpoch = int64(10957)                 // days from 1970-01-01 to 2000-01-01
	epochMicros   = postgresEpoch * microsPerDay // the same in microseconds
	julianEpoch   = int64(2440588)               // Julian day of 1970-01-01
)

// DaysFromCivil returns the days from 1970-01-01 to a date of the proleptic
// Gregorian calendar; year 0 is 1 BC. Day may lie outside the month.
func DaysFromCivil(year, month, day int) int64 {
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	// Count from March, so that the leap day ends the year; eras of 400 years
	// have 146097 days.
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + int64(day) - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// CivilFromDays is the inverse of DaysFromCivil.
func CivilFromDays(days int64) (year, month, day int) {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	y := yoe + era*400
	if month > 12 {
		month -= 12
		y++
	}
	return int(y), month, day
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// isLeap reports whether year (0 is 1 BC) has a 29 February.
func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// DaysInMonth returns the length of a month (1..12).
func DaysInMonth(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return monthDays[month]
}

// SplitTimestamp splits microseconds since 1970 into days and the microseconds
// of that day.
func SplitTimestamp(us int64) (days, tod int64) {
	days = us / microsPerDay
	tod = us - days*microsPerDay
	if tod < 0 {
		tod += microsPerDay
		days--
	}
	return days, tod
}

// civilTime is a broken-down local timestamp.
type civilTime struct {
	year, month, day int   // year 0 is 1 BC
	tod              int64 // microseconds of the day
}

func civilFromMicros(us int64) civilTime {
	days, tod := SplitTimestamp(us)
	y, m, d := CivilFromDays(days)
	return civilTime{y, m, d, tod}
}

// joinMicros adds days and microseconds; ok is false beyond the range of
// timestamps.
func joinMicros(days, tod int64) (us int64, ok bool) {
	if days < minDateDays-1 || days > 106751991 {
		return 0, false
	}
	us = days * microsPerDay
	if tod > 0 && us > math.MaxInt64-tod {
		return 0, false
	}
	us += tod
	return us, validTimestamp(us)
}

func validTimestamp(us int64) bool { return us >= minTimestamp && us < endTimestamp }

func validDate(days int64) bool { return days >= minDateDays && days <= maxDateDays }

// IsoWeek returns the ISO 8601 year and week of a date.
func IsoWeek(days int64) (year, week int) {
	// The week belongs to the year that its Thursday lies in.
	thursday := days - floorMod(days+3, 7) + 3
	y, _, _ := CivilFromDays(thursday)
	return y, int((thursday-DaysFromCivil(y, 1, 1))/7) + 1
}

// Weekday returns 0 for Sunday to 6 for Saturday.
func Weekday(days int64) int { return int(floorMod(days+4, 7)) }

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
