package types

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// intervalUnit is a unit of interval input; the values are bits of the set of
// fields that a literal has given.
type intervalUnit uint32

const (
	unitMicro intervalUnit = 1 << iota
	unitMilli
	unitSecond
	unitMinute
	unitHour
	unitDay
	unitWeek
	unitMonth
	unitYear
	unitDecade
	unitCentury
	unitMillennium
	unitAgo
)

const unitTime = unitMicro | unitMilli | unitSecond | unitMinute | unitHour

// Bits of an interval's field modifier (the high half of its typmod).
const (
	fieldMonth  = 1 << 1
	fieldYear   = 1 << 2
	fieldDay    = 1 << 3
	fieldHour   = 1 << 10
	fieldMinute = 1 << 11
	fieldSecond = 1 << 12
	fieldAll    = 0x7FFF
	precAll     = 0xFFFF
)

// intervalUnitOf finds a unit word (lower case); PostgreSQL compares ten bytes.
func intervalUnitOf(w string) (intervalUnit, bool) {
	if len(w) > 10 {
		w = w[:10]
	}
	switch w {
	case "us", "usec", "usecs", "usecond", "useconds", "microsecon":
		return unitMicro, true
	case "ms", "msec", "msecs", "msecond", "mseconds", "millisecon":
		return unitMilli, true
	case "s", "sec", "secs", "second", "seconds":
		return unitSecond, true
	case "m", "min", "mins", "minute", "minutes":
		return unitMinute, true
	case "h", "hr", "hrs", "hour", "hours":
		return unitHour, true
	case "d", "day", "days":
		return unitDay, true
	case "w", "week", "weeks":
		return unitWeek, true
	case "mon", "mons", "month", "months":
		return unitMonth, true
	case "y", "yr", "yrs", "year", "years":
		return unitYear, true
	case "dec", "decs", "decade", "decades":
		return unitDecade, true
	case "c", "cent", "century", "centuries":
		return unitCentury, true
	case "mil", "mils", "millennia", "millennium":
		return unitMillennium, true
	case "ago":
		return unitAgo, true
	}
	return 0, false
}

// intervalSum collects the parts of an interval; overflow is sticky.
type intervalSum struct {
	months, days int64
	micros       int64
	overflow     bool
}

func (s *intervalSum) addMicros(v, unit int64, frac float64) {
	p := v * unit
	if v != 0 && (p/v != unit || v == math.MinInt64 && unit < 0) {
		s.overflow = true
		return
	}
	s.plusMicros(p)
	s.plusMicros(roundEven(frac * float64(unit)))
}

func (s *intervalSum) plusMicros(v int64) {
	sum := s.micros + v
	if (v > 0) != (sum > s.micros) && v != 0 {
		s.overflow = true
		return
	}
	s.micros = sum
}

// addFracDays adds frac*scale days; what is less than a day becomes time.
func (s *intervalSum) addFracDays(frac float64, scale int) {
	if frac == 0 {
		return
	}
	frac *= float64(scale)
	days := int64(frac)
	s.days += days
	s.addMicros(0, microsPerDay, frac-float64(days))
}

// add adds v+frac units.
func (s *intervalSum) add(u intervalUnit, v int64, frac float64) {
	if u >= unitDay && (v > math.MaxInt32 || v < math.MinInt32) {
		s.overflow = true
		return
	}
	years := func(n int64) {
		s.months += v*12*n + int64(math.RoundToEven(frac*12*float64(n)))
	}
	switch u {
	case unitMicro:
		s.plusMicros(v + roundEven(frac))
	case unitMilli:
		s.addMicros(v, 1000, frac)
	case unitSecond:
		s.addMicros(v, microsPerSecond, frac)
	case unitMinute:
		s.addMicros(v, microsPerMinute, frac)
	case unitHour:
		s.addMicros(v, microsPerHour, frac)
	case unitDay:
		s.days += v
		s.addFracDays(frac, 1)
	case unitWeek:
		s.days += v * 7
		s.addFracDays(frac, 7)
	case unitMonth:
		s.months += v
		s.addFracDays(frac, 30)
	case unitYear:
		years(1)
	case unitDecade:
		years(10)
	case unitCentury:
		years(100)
	case unitMillennium:
		years(1000)
	}
}

func (s *intervalSum) negate() {
	s.months, s.days = -s.months, -s.days
	if s.micros == math.MinInt64 {
		s.overflow = true
		return
	}
	s.micros = -s.micros
}

func (s *intervalSum) datum() (Datum, bool) {
	if s.overflow || s.months != int64(int32(s.months)) || s.days != int64(int32(s.days)) {
		return Datum{}, false
	}
	return IntervalDatum(int32(s.months), int32(s.days), s.micros), true
}

// intervalFields returns the field set of an interval type, fieldAll for none.
func intervalFields(t Type) int {
	if t.Mod < 0 {
		return fieldAll
	}
	return int(t.Mod>>16) & fieldAll
}

// parseInterval reads any of PostgreSQL's interval notations.
func parseInterval(t Type, s string, f *Format) (Datum, error) {
	sum, e := intervalSum{}, dtBadFormat
	if tokens, ok := scanDateTime(s); ok {
		sum, e = decodeInterval(tokens, intervalFields(t), f.IntervalStyle == "sql_standard")
	}
	if e == dtBadFormat {
		if w := trimSpace(s); len(w) > 1 && w[0] == 'P' {
			sum, e = decodeISOInterval(w[1:])
		}
	}
	if e == dtBadFormat {
		return Datum{}, dtFail(dtBadFormat, "interval", s)
	}
	d, ok := sum.datum()
	if e == dtOK && !sum.overflow && sum.months != int64(int32(sum.months)) {
		return Datum{}, errIntervalRange()
	}
	if e == dtOverflow || !ok {
		return Datum{}, pgerror.New(pgerror.IntervalFieldOverflow, "interval field value out of range: \""+s+"\"")
	}
	return FitInterval(t, d)
}

// decodeInterval reads the tokens from right to left, so that a unit is known
// before its number.
func decodeInterval(tokens []token, fields int, sqlStandard bool) (sum intervalSum, e dtError) {
	var unit, seen, ago intervalUnit
	// In the SQL standard a leading sign covers every field without one.
	allNegative := false
	if sqlStandard && len(tokens) > 0 && tokens[0].text[0] == '-' {
		allNegative = true
		for _, t := range tokens[1:] {
			if t.text[0] == '-' || t.text[0] == '+' {
				allNegative = false
			}
		}
	}
	for _, t := range slices.Backward(tokens) {
		var mask intervalUnit
		switch {
		case t.kind == tokTime || t.kind == tokZone && strings.IndexByte(t.text, ':') >= 0:
			us, e := intervalClock(t.text, fields)
			if e != dtOK {
				return sum, e
			}
			if allNegative && us > 0 {
				us = -us
			}
			sum.plusMicros(us)
			mask, unit = unitTime, unitDay
		case t.kind == tokNumber || t.kind == tokZone || t.kind == tokDate:
			if unit == 0 {
				unit = defaultUnit(fields)
			}
			v, frac, months, e := intervalNumber(t.text)
			if e != dtOK {
				return sum, e
			}
			if months {
				unit = unitMonth
			}
			if allNegative {
				if v > 0 {
					v = -v
				}
				if frac > 0 {
					frac = -frac
				}
			}
			if unit == unitAgo {
				return sum, dtBadFormat
			}
			sum.add(unit, v, frac)
			mask = unit
			if months {
				mask = unitMonth | unitYear
				if seen&unitYear == 0 && seen&unitMonth == 0 {
					mask = unitMonth
				}
			}
			if unit == unitSecond && frac != 0 {
				mask |= unitMilli | unitMicro
			}
			if unit == unitHour {
				unit = unitDay
			}
		default:
			w := lower(t.text)
			if u, ok := intervalUnitOf(w); ok {
				if u == unitAgo {
					ago = unitAgo
					unit = unitAgo
					continue
				}
				unit = u
				continue
			}
			if dw, ok := dateWords[w]; ok && dw.kind == wordIgnore {
				continue
			}
			return sum, dtBadFormat
		}
		if mask&seen != 0 {
			return sum, dtBadFormat
		}
		seen |= mask
	}
	if seen == 0 {
		return sum, dtBadFormat
	}
	if ago != 0 {
		sum.negate()
	}
	return sum, dtOK
}

// defaultUnit is the unit of a bare number.
func defaultUnit(fields int) intervalUnit {
	switch {
	case fields == fieldAll || fields&fieldSecond != 0:
		return unitSecond
	case fields&fieldMinute != 0:
		return unitMinute
	case fields&fieldHour != 0:
		return unitHour
	case fields&fieldDay != 0:
		return unitDay
	case fields&fieldMonth != 0:
		return unitMonth
	case fields&fieldYear != 0:
		return unitYear
	}
	return unitSecond
}

// intervalNumber reads [sign]digits[.digits], or [sign]years-months.
func intervalNumber(s string) (v int64, frac float64, months bool, e dtError) {
	neg := s[0] == '-'
	body := strings.TrimLeft(s, "+-")
	if y, m, ok := strings.Cut(body, "-"); ok {
		yy, err1 := strconv.ParseInt(y, 10, 32)
		mm, err2 := int64(0), error(nil)
		if m != "" {
			mm, err2 = strconv.ParseInt(m, 10, 32)
		}
		if err1 != nil || err2 != nil {
			return 0, 0, false, dtBadFormat
		}
		if mm >= 12 {
			return 0, 0, false, dtOverflow
		}
		v, months = yy*12+mm, true
	} else {
		whole, digits, dot := strings.Cut(body, ".")
		if whole == "" && digits == "" {
			return 0, 0, false, dtBadFormat
		}
		if whole != "" {
			var err error
			if v, err = strconv.ParseInt(whole, 10, 64); err != nil {
				if strings.Contains(err.Error(), "range") {
					return 0, 0, false, dtOverflow
				}
				return 0, 0, false, dtBadFormat
			}
		}
		if dot && digits != "" {
			var err error
			if frac, err = strconv.ParseFloat("0."+digits, 64); err != nil {
				return 0, 0, false, dtBadFormat
			}
		}
	}
	if neg {
		v, frac = -v, -frac
	}
	return v, frac, months, dtOK
}

// intervalClock reads [sign]h:m[:s[.f]], or m:s with a fraction or for MINUTE TO
// SECOND.
func intervalClock(s string, fields int) (int64, dtError) {
	neg := s[0] == '-'
	body := strings.TrimLeft(s, "+-")
	parts := strings.Split(body, ":")
	if len(parts) > 3 || len(parts) < 2 {
		return 0, dtBadFormat
	}
	if len(parts) == 2 && (fields == fieldMinute|fieldSecond || strings.IndexByte(parts[1], '.') >= 0) {
		parts = append([]string{"0"}, parts...)
	}
	h, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return 0, dtBadFormat
	}
	m, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil {
		return 0, dtBadFormat
	}
	var sec, us int64
	if len(parts) == 3 {
		whole, frac, _ := strings.Cut(parts[2], ".")
		if sec, err = strconv.ParseInt(whole, 10, 32); err != nil {
			return 0, dtBadFormat
		}
		var ok bool
		if us, ok = fractionMicros(frac); !ok {
			return 0, dtBadFormat
		}
	}
	if m > 59 || sec > 60 || h > math.MaxInt64/microsPerHour {
		return 0, dtOverflow
	}
	us += m*microsPerMinute + sec*microsPerSecond
	if us > math.MaxInt64-h*microsPerHour {
		return 0, dtOverflow
	}
	us += h * microsPerHour
	if neg {
		us = -us
	}
	return us, dtOK
}

// decodeISOInterval reads ISO 8601 durations behind the P, with designators or
// in the alternative form yyyy-mm-ddThh:mm:ss.
func decodeISOInterval(s string) (sum intervalSum, e dtError) {
	date, clock, hasClock := strings.Cut(s, "T")
	if date == "" && !hasClock {
		return sum, dtBadFormat
	}
	if e := isoPart(date, false, &sum); e != dtOK {
		return sum, e
	}
	if hasClock {
		if e := isoPart(clock, true, &sum); e != dtOK {
			return sum, e
		}
	}
	return sum, dtOK
}

func isoPart(s string, clock bool, sum *intervalSum) dtError {
	plain := -1 // position among numbers without designator
	named := false
	for s != "" {
		end := 0
		for end < len(s) && (isDigit(s[end]) || s[end] == '.' || end == 0 && (s[end] == '-' || s[end] == '+')) {
			end++
		}
		if end == 0 {
			return dtBadFormat
		}
		v, frac, _, e := intervalNumber(s[:end])
		if e != dtOK {
			return e
		}
		rest := s[end:]
		var u intervalUnit
		sep := byte('-')
		order := [3]intervalUnit{unitYear, unitMonth, unitDay}
		if clock {
			sep, order = ':', [3]intervalUnit{unitHour, unitMinute, unitSecond}
		}
		if rest == "" || rest[0] == sep {
			if plain++; plain > 2 || named {
				return dtBadFormat
			}
			if e, ok := isoBasic(s[:end], clock, sum); ok && plain == 0 && rest == "" {
				return e
			}
			u = order[plain]
			if rest != "" {
				rest = rest[1:]
			}
		} else {
			named = true
			switch c := rest[0]; {
			case plain >= 0:
				return dtBadFormat
			case !clock && c == 'Y':
				u = unitYear
			case !clock && c == 'M':
				u = unitMonth
			case !clock && c == 'W':
				u = unitWeek
			case !clock && c == 'D':
				u = unitDay
			case clock && c == 'H':
				u = unitHour
			case clock && c == 'M':
				u = unitMinute
			case clock && c == 'S':
				u = unitSecond
			default:
				return dtBadFormat
			}
			rest = rest[1:]
		}
		sum.add(u, v, frac)
		s = rest
	}
	return dtOK
}

// isoBasic reads the form without separators: yyyymmdd, or hhmmss.
func isoBasic(s string, clock bool, sum *intervalSum) (dtError, bool) {
	digits := strings.TrimLeft(s, "+-")
	if clock && len(digits) != 6 || !clock && len(digits) != 8 || strings.IndexByte(digits, '.') >= 0 {
		return dtOK, false
	}
	v, _, _, e := intervalNumber(s)
	units := [3]intervalUnit{unitYear, unitMonth, unitDay}
	if clock {
		units = [3]intervalUnit{unitHour, unitMinute, unitSecond}
	}
	sum.add(units[0], v/10000, 0)
	sum.add(units[1], v/100%100, 0)
	sum.add(units[2], v%100, 0)
	return e, true
}

// FitInterval applies the fields and the precision of an interval type to d, as
// a cast does.
func FitInterval(t Type, d Datum) (Datum, error) {
	if t.Mod < 0 {
		return d, nil
	}
	months, days, us := d.IntervalParts()
	fields, prec := intervalFields(t), t.Mod&precAll
	switch {
	case fields == fieldAll || fields&fieldSecond != 0:
	case fields&fieldMinute != 0:
		us = us / microsPerMinute * microsPerMinute
	case fields&fieldHour != 0:
		us = us / microsPerHour * microsPerHour
	case fields&fieldDay != 0:
		us = 0
	case fields&fieldMonth != 0:
		us, days = 0, 0
	case fields&fieldYear != 0:
		us, days, months = 0, 0, months/12*12
	}
	if prec != precAll && prec < 6 {
		if us > math.MaxInt64-microsPerSecond || us < math.MinInt64+microsPerSecond {
			return d, errIntervalRange()
		}
		us = roundTo(us, prec)
	}
	return IntervalDatum(months, days, us), nil
}

// errIntervalRange is 22008 "interval out of range".
func errIntervalRange() error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "interval out of range")
}

// IntervalType returns an interval type with the field mask of the grammar (0
// for all fields) and precision p (-1 for none).
func IntervalType(fields, p int) Type {
	if fields <= 0 && p < 0 {
		return Of(Interval)
	}
	if fields <= 0 {
		fields = fieldAll
	}
	if p < 0 {
		p = precAll
	}
	return Type{OID: Interval, Mod: int32(fields<<16 | p)}
}
