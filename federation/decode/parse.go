package decode

import (
	"encoding/json"

	"github.com/hubsql/hubsql/exec/vector"
)

// parseInt parses an optional sign and up to 18 digits: nothing that overflows.
func parseInt(b []byte) (int64, bool) {
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var x int64
	for _, d := range b {
		d -= '0'
		if d > 9 {
			return 0, false
		}
		x = x*10 + int64(d)
	}
	if neg {
		x = -x
	}
	return x, true
}

// pow10 holds the powers of ten of an int64.
var pow10 = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// parseScaled parses a plain decimal with at most scale digits behind the point
// and at most precision-scale before it into units of 10^-scale. Whatever else
// PostgreSQL accepts is left to the slow path.
func parseScaled(b []byte, scale, precision int) (int64, bool) {
	neg := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	var x int64
	point, digits := -1, 0
	for i, d := range b {
		if d == '.' && point < 0 {
			point = i
			continue
		}
		d -= '0'
		if d > 9 {
			return 0, false
		}
		x = x*10 + int64(d)
		digits++
	}
	if digits == 0 || digits > 18 {
		return 0, false
	}
	frac := 0
	if point >= 0 {
		frac = len(b) - point - 1
	}
	up := scale - frac
	if up < 0 || digits+up > 18 {
		return 0, false
	}
	x *= pow10[up]
	if x >= pow10[precision] {
		return 0, false
	}
	if neg {
		x = -x
	}
	return x, true
}

// parseBool accepts what boolin accepts: unique prefixes of true, false, yes,
// no, on and off, and 1 and 0, in any case, with blanks around.
func parseBool(b []byte) (uint8, bool) {
	b = trim(b)
	if len(b) == 0 || len(b) > 5 {
		return 0, false
	}
	if len(b) == 1 {
		switch b[0] {
		case 't', 'T', 'y', 'Y', '1':
			return 1, true
		case 'f', 'F', 'n', 'N', '0':
			return 0, true
		}
		return 0, false
	}
	var low [5]byte
	for i, x := range b {
		if x >= 'A' && x <= 'Z' {
			x += 'a' - 'A'
		}
		low[i] = x
	}
	s := string(low[:len(b)])
	prefix := func(word string) bool { return len(s) <= len(word) && word[:len(s)] == s }
	switch {
	case prefix("true"), prefix("yes"), s == "on":
		return 1, true
	case prefix("false"), prefix("no"), prefix("off"):
		return 0, true
	}
	return 0, false
}

// Days returns the days since 1970-01-01 of a day of the proleptic Gregorian
// calendar.
func Days(year, month, day int) int32 {
	// Count from March, so that the leap day is a year's last.
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + int64(day) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int32(era*146097 + doe - 719468)
}

// monthDays returns the number of days of a month.
func monthDays(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// two reads two digits.
func two(b []byte) (int, bool) {
	x, y := b[0]-'0', b[1]-'0'
	return int(x)*10 + int(y), x <= 9 && y <= 9
}

// parseDate reads YYYY-MM-DD and returns what follows.
func parseDate(b []byte) (days int32, rest []byte, ok bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, nil, false
	}
	c, ok1 := two(b)
	y, ok2 := two(b[2:])
	m, ok3 := two(b[5:])
	d, ok4 := two(b[8:])
	year := c*100 + y
	if !ok1 || !ok2 || !ok3 || !ok4 || year == 0 || m < 1 || m > 12 || d < 1 || d > monthDays(year, m) {
		return 0, nil, false
	}
	return Days(year, m, d), b[10:], true
}

// parseClock reads HH:MM[:SS[.ffffff]] in microseconds and returns what follows.
func parseClock(b []byte) (us int64, rest []byte, ok bool) {
	if len(b) < 5 || b[2] != ':' {
		return 0, nil, false
	}
	h, ok1 := two(b)
	m, ok2 := two(b[3:])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, nil, false
	}
	us = int64(h*60+m) * 60e6
	b = b[5:]
	if len(b) == 0 || b[0] != ':' {
		return us, b, true
	}
	if len(b) < 3 {
		return 0, nil, false
	}
	s, ok1 := two(b[1:])
	if !ok1 || s > 59 {
		return 0, nil, false
	}
	us += int64(s) * 1e6
	b = b[3:]
	if len(b) == 0 || b[0] != '.' {
		return us, b, true
	}
	b = b[1:]
	var frac int64
	n := 0
	for n < len(b) && b[n]-'0' <= 9 {
		if n == 6 {
			return 0, nil, false // rounding is left to the slow path
		}
		frac = frac*10 + int64(b[n]-'0')
		n++
	}
	if n == 0 {
		return 0, nil, false
	}
	return us + frac*pow10[6-n], b[n:], true
}

// parseTimestamp reads YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]]] in microseconds and
// returns the text behind it, which is a time zone if anything.
func parseTimestamp(b []byte) (us int64, zone []byte, ok bool) {
	days, rest, ok := parseDate(b)
	if !ok {
		return 0, nil, false
	}
	us = int64(days) * 86400e6
	if len(rest) == 0 {
		return us, nil, true
	}
	if rest[0] != ' ' && rest[0] != 'T' {
		return 0, nil, false
	}
	clock, zone, ok := parseClock(rest[1:])
	return us + clock, zone, ok
}

// parseOffset reads Z or ±HH[[:]MM] in microseconds east of UTC.
func parseOffset(b []byte) (int64, bool) {
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) < 3 || (b[0] != '+' && b[0] != '-') {
		return 0, false
	}
	h, ok := two(b[1:])
	if !ok || h > 15 {
		return 0, false
	}
	m := 0
	rest := b[3:]
	if len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	switch len(rest) {
	case 0:
		if len(b) != 3 {
			return 0, false
		}
	case 2:
		if m, ok = two(rest); !ok || m > 59 {
			return 0, false
		}
	default:
		return 0, false
	}
	off := int64(h*60+m) * 60e6
	if b[0] == '-' {
		off = -off
	}
	return off, true
}

// parseUUID reads the canonical form.
func parseUUID(b []byte) (w vector.Wide, ok bool) {
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return w, false
	}
	var half [2]uint64
	n := 0
	for i, x := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		var d byte
		switch {
		case x >= '0' && x <= '9':
			d = x - '0'
		case x >= 'a' && x <= 'f':
			d = x - 'a' + 10
		case x >= 'A' && x <= 'F':
			d = x - 'A' + 10
		default:
			return w, false
		}
		half[n/16] = half[n/16]<<4 | uint64(d)
		n++
	}
	return vector.Wide{A: int64(half[0]), B: int64(half[1])}, true
}

// validJSON reports whether b is one JSON value.
func validJSON(b []byte) bool { return json.Valid(b) }

// IsDate reports whether b is a day written YYYY-MM-DD.
func IsDate(b []byte) bool {
	_, rest, ok := parseDate(b)
	return ok && len(rest) == 0
}

// IsTimestamp reports whether b is a moment written YYYY-MM-DD HH:MM[:SS[.f]]
// (or with T) without a time zone, or a day alone.
func IsTimestamp(b []byte) bool {
	_, zone, ok := parseTimestamp(b)
	return ok && len(zone) == 0
}
