package types

import "strconv"

// AppendInterval appends an interval in an IntervalStyle: postgres (also the
// meaning of ""), postgres_verbose, sql_standard or iso_8601.
func AppendInterval(dst []byte, months, days int32, us int64, style string) []byte {
	year, mon := int64(months/12), int64(months%12)
	day := int64(days)
	hour := us / microsPerHour
	us -= hour * microsPerHour
	minute := us / microsPerMinute
	us -= minute * microsPerMinute
	sec := us / microsPerSecond
	us -= sec * microsPerSecond
	switch style {
	case "iso_8601":
		return intervalISO(dst, year, mon, day, hour, minute, sec, us)
	case "sql_standard":
		return intervalSQL(dst, year, mon, day, hour, minute, sec, us)
	case "postgres_verbose":
		return intervalVerbose(dst, year, mon, day, hour, minute, sec, us)
	}
	zero, before := true, false
	part := func(v int64, unit string) {
		if v == 0 {
			return
		}
		if !zero {
			dst = append(dst, ' ')
		}
		if before && v > 0 {
			dst = append(dst, '+')
		}
		dst = append(strconv.AppendInt(dst, v, 10), ' ')
		dst = append(dst, unit...)
		if v != 1 {
			dst = append(dst, 's')
		}
		before, zero = v < 0, false
	}
	part(year, "year")
	part(mon, "mon")
	part(day, "day")
	if zero || hour != 0 || minute != 0 || sec != 0 || us != 0 {
		if !zero {
			dst = append(dst, ' ')
		}
		if hour < 0 || minute < 0 || sec < 0 || us < 0 {
			dst = append(dst, '-')
		} else if before {
			dst = append(dst, '+')
		}
		dst = appendHMS(dst, hour, minute, sec, us)
	}
	return dst
}

func abs64(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

func appendHMS(dst []byte, h, m, s, us int64) []byte {
	dst = append(append2(dst, int(abs64(h))), ':')
	dst = append(append2(dst, int(abs64(m))), ':')
	return appendFraction(append2(dst, int(abs64(s))), int(abs64(us)))
}

// appendSeconds appends signed seconds with their fraction.
func appendSeconds(dst []byte, s, us int64) []byte {
	if s < 0 || us < 0 {
		dst = append(dst, '-')
	}
	return appendFraction(strconv.AppendInt(dst, abs64(s), 10), int(abs64(us)))
}

func intervalISO(dst []byte, year, mon, day, hour, minute, sec, us int64) []byte {
	if year == 0 && mon == 0 && day == 0 && hour == 0 && minute == 0 && sec == 0 && us == 0 {
		return append(dst, "PT0S"...)
	}
	part := func(v int64, unit byte) {
		if v != 0 {
			dst = append(strconv.AppendInt(dst, v, 10), unit)
		}
	}
	dst = append(dst, 'P')
	part(year, 'Y')
	part(mon, 'M')
	part(day, 'D')
	if hour != 0 || minute != 0 || sec != 0 || us != 0 {
		dst = append(dst, 'T')
	}
	part(hour, 'H')
	part(minute, 'M')
	if sec != 0 || us != 0 {
		dst = append(appendSeconds(dst, sec, us), 'S')
	}
	return dst
}

func intervalSQL(dst []byte, year, mon, day, hour, minute, sec, us int64) []byte {
	neg := year < 0 || mon < 0 || day < 0 || hour < 0 || minute < 0 || sec < 0 || us < 0
	pos := year > 0 || mon > 0 || day > 0 || hour > 0 || minute > 0 || sec > 0 || us > 0
	hasYM, hasTime, hasDay := year != 0 || mon != 0, hour != 0 || minute != 0 || sec != 0 || us != 0, day != 0
	sign := func(negative bool) byte {
		if negative {
			return '-'
		}
		return '+'
	}
	if !neg && !pos {
		return append(dst, '0')
	}
	if neg && pos || hasYM && (hasDay || hasTime) {
		// Not a standard interval: every part with its sign.
		dst = append(dst, sign(year < 0 || mon < 0))
		dst = append(strconv.AppendInt(dst, abs64(year), 10), '-')
		dst = append(strconv.AppendInt(dst, abs64(mon), 10), ' ', sign(day < 0))
		dst = append(strconv.AppendInt(dst, abs64(day), 10), ' ', sign(hour < 0 || minute < 0 || sec < 0 || us < 0))
		return appendSQLTime(dst, hour, minute, sec, us)
	}
	if neg {
		dst = append(dst, '-')
	}
	switch {
	case hasYM:
		dst = append(strconv.AppendInt(dst, abs64(year), 10), '-')
		return strconv.AppendInt(dst, abs64(mon), 10)
	case hasDay:
		dst = append(strconv.AppendInt(dst, abs64(day), 10), ' ')
	}
	return appendSQLTime(dst, hour, minute, sec, us)
}

func appendSQLTime(dst []byte, hour, minute, sec, us int64) []byte {
	dst = append(strconv.AppendInt(dst, abs64(hour), 10), ':')
	dst = append(append2(dst, int(abs64(minute))), ':')
	return appendFraction(append2(dst, int(abs64(sec))), int(abs64(us)))
}

func intervalVerbose(dst []byte, year, mon, day, hour, minute, sec, us int64) []byte {
	dst = append(dst, '@')
	zero, before := true, false
	part := func(v int64, unit string) {
		if v == 0 {
			return
		}
		if zero {
			before = v < 0
			v = abs64(v)
		} else if before {
			v = -v
		}
		dst = strconv.AppendInt(append(dst, ' '), v, 10)
		dst = append(append(dst, ' '), unit...)
		if v != 1 {
			dst = append(dst, 's')
		}
		zero = false
	}
	part(year, "year")
	part(mon, "mon")
	part(day, "day")
	part(hour, "hour")
	part(minute, "min")
	if sec != 0 || us != 0 {
		negative := sec < 0 || us < 0
		dst = append(dst, ' ')
		if zero {
			before = negative
		} else if negative != before {
			dst = append(dst, '-')
		}
		dst = appendFraction(strconv.AppendInt(dst, abs64(sec), 10), int(abs64(us)))
		dst = append(dst, " sec"...)
		if abs64(sec) != 1 || us != 0 {
			dst = append(dst, 's')
		}
		zero = false
	}
	if zero {
		dst = append(dst, " 0"...)
	}
	if before {
		dst = append(dst, " ago"...)
	}
	return dst
}
