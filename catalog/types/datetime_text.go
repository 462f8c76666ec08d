package types

import (
	"strconv"
	"strings"
	"time"
)

// AppendDate appends a date (days since 1970-01-01) in ISO format; years before
// 1 carry BC, the infinities are words.
func AppendDate(dst []byte, days int32) []byte {
	if int64(days) == DateInfinity {
		return append(dst, "infinity"...)
	}
	if int64(days) == DateNegInfinity {
		return append(dst, "-infinity"...)
	}
	y, m, d := CivilFromDays(int64(days))
	dst = appendISODate(dst, y, m, d)
	if y <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendISODate(dst []byte, y, m, d int) []byte {
	if y <= 0 {
		y = 1 - y
	}
	dst = appendYear(dst, y)
	return append(dst, '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

func appendYear(dst []byte, y int) []byte {
	if y > 9999 {
		return strconv.AppendInt(dst, int64(y), 10)
	}
	return append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10))
}

func append2(dst []byte, n int) []byte {
	if n > 99 {
		return strconv.AppendInt(dst, int64(n), 10)
	}
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// AppendTime appends a time of day (microseconds) as hh:mm:ss[.ffffff].
func AppendTime(dst []byte, us int64) []byte {
	s := us / microsPerSecond
	frac := int(us - s*microsPerSecond)
	dst = append2(dst, int(s/3600))
	dst = append(dst, ':')
	dst = append2(dst, int(s/60%60))
	dst = append(dst, ':')
	dst = append2(dst, int(s%60))
	return appendFraction(dst, frac)
}

// appendFraction appends .ffffff without trailing zeros, nothing for 0.
func appendFraction(dst []byte, us int) []byte {
	if us == 0 {
		return dst
	}
	dst = append(dst, '.')
	for p := 100000; us > 0; p /= 10 {
		dst = append(dst, byte('0'+us/p))
		us %= p
	}
	return dst
}

// AppendTimestamp appends a timestamp (microseconds since 1970-01-01) in ISO
// format.
func AppendTimestamp(dst []byte, us int64) []byte {
	if dst, ok := appendInfinity(dst, us); ok {
		return dst
	}
	days, tod := SplitTimestamp(us)
	y, m, d := CivilFromDays(days)
	dst = appendISODate(dst, y, m, d)
	dst = append(dst, ' ')
	dst = AppendTime(dst, tod)
	if y <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendInfinity(dst []byte, us int64) ([]byte, bool) {
	switch us {
	case TimestampInfinity:
		return append(dst, "infinity"...), true
	case TimestampNegInfinity:
		return append(dst, "-infinity"...), true
	}
	return dst, false
}

// AppendTimestampTZ appends a timestamptz in ISO format, in the zone loc with
// its offset.
func AppendTimestampTZ(dst []byte, us int64, loc *time.Location) []byte {
	if dst, ok := appendInfinity(dst, us); ok {
		return dst
	}
	offset := ZoneOffset(us, loc)
	days, tod := SplitTimestamp(us)
	tod += int64(offset) * microsPerSecond
	for tod < 0 {
		tod += microsPerDay
		days--
	}
	for tod >= microsPerDay {
		tod -= microsPerDay
		days++
	}
	y, m, d := CivilFromDays(days)
	dst = appendISODate(dst, y, m, d)
	dst = append(dst, ' ')
	dst = AppendTime(dst, tod)
	dst = appendOffset(dst, offset)
	if y <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendOffset appends a zone offset in seconds east of UTC as +hh[:mm[:ss]].
func appendOffset(dst []byte, offset int) []byte {
	sign := byte('+')
	if offset < 0 {
		sign = '-'
		offset = -offset
	}
	dst = append2(append(dst, sign), offset/3600)
	if offset%3600 != 0 {
		dst = append2(append(dst, ':'), offset/60%60)
	}
	if offset%60 != 0 {
		dst = append2(append(dst, ':'), offset%60)
	}
	return dst
}

var (
	monthNames = [13]string{"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	dayNames   = [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
)

// appendDateStyled appends a date in the session's DateStyle.
func appendDateStyled(dst []byte, days int64, f *Format) []byte {
	if f == nil || f.DateStyle == "ISO" || days == DateInfinity || days == DateNegInfinity {
		return AppendDate(dst, int32(days))
	}
	y, m, d := CivilFromDays(days)
	dst = appendStyledDate(dst, y, m, d, f)
	if y <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendStyledDate(dst []byte, y, m, d int, f *Format) []byte {
	if y <= 0 {
		y = 1 - y
	}
	sep := byte('/')
	first, second := m, d
	if f.DateOrder == "DMY" {
		first, second = d, m
	}
	switch f.DateStyle {
	case "Postgres":
		sep = '-'
	case "German":
		sep = '.'
		first, second = d, m
	}
	dst = append(append2(dst, first), sep)
	dst = append(append2(dst, second), sep)
	return appendYear(dst, y)
}

// appendTimestampStyled appends a timestamp in the session's DateStyle; withZone
// says that us is an instant, shown in the session's zone.
func appendTimestampStyled(dst []byte, us int64, f *Format, withZone bool) []byte {
	if f == nil || f.DateStyle == "ISO" || us == TimestampInfinity || us == TimestampNegInfinity {
		if !withZone {
			return AppendTimestamp(dst, us)
		}
		return AppendTimestampTZ(dst, us, zoneOf(f))
	}
	zone, offset := "", 0
	if withZone {
		zone, offset = zoneAt(us, f.TimeZone)
		us += int64(offset) * microsPerSecond
	}
	days, tod := SplitTimestamp(us)
	y, m, d := CivilFromDays(days)
	if f.DateStyle == "Postgres" {
		dst = append(append(dst, dayNames[Weekday(days)][:3]...), ' ')
		if f.DateOrder == "DMY" {
			dst = append(append(append2(dst, d), ' '), monthNames[m][:3]...)
		} else {
			dst = append2(append(append(dst, monthNames[m][:3]...), ' '), d)
		}
		dst = append(AppendTime(append(dst, ' '), tod), ' ')
		yy := y
		if yy <= 0 {
			yy = 1 - yy
		}
		dst = appendYear(dst, yy)
	} else {
		dst = AppendTime(append(appendStyledDate(dst, y, m, d, f), ' '), tod)
	}
	if withZone {
		if strings.HasPrefix(zone, "<") {
			zone, _, _ = strings.Cut(zone[1:], ">")
		}
		if zone != "" {
			dst = append(append(dst, ' '), zone...)
		} else {
			if f.DateStyle == "Postgres" {
				dst = append(dst, ' ')
			}
			dst = appendOffset(dst, offset)
		}
	}
	if y <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

// zoneOf returns the session's zone, UTC without a format.
func zoneOf(f *Format) *time.Location {
	if f == nil || f.TimeZone == nil {
		return time.UTC
	}
	return f.TimeZone
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
