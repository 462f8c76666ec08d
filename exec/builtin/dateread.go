package builtin

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// dateReader reads a text by a format, for to_date, to_timestamp and the
// datetime method of jsonpath.
type dateReader struct {
	in, s  string
	nodes  []formatNode
	strict bool // FX, or the rules of the SQL standard
	std    bool
	skip   int // characters skipped beyond the format
	// iso is 1 for the Gregorian and 2 for the ISO week conventions, 0 for none.
	iso                                     int
	values                                  map[string]int
	yearDigits                              int
	zoneSign                                int
	twelve                                  bool
	dated, timed, zoned                     bool
	year, month, day, hour, minute, seconds int
	micro                                   int
	precision                               int // of FF1 to FF6, 0 for none
}

func errFormat(format string, args ...any) *pgerror.Error {
	return pgerror.Newf(pgerror.InvalidDatetimeFormat, format, args...)
}

// set stores a field, which must not contradict an earlier one.
func (d *dateReader) set(key string, v int, n *formatNode) error {
	if have := d.values[key]; have != 0 && have != v {
		return errFormat("conflicting values for \"%s\" field in formatting string", n.written).
			WithDetail("This value contradicts a previous setting for the same field type.")
	}
	d.values[key] = v
	return nil
}

// convention notes which calendar the fields belong to.
func (d *dateReader) convention(word string) error {
	mode := 0
	switch word {
	case "IYYY", "IYY", "IY", "I", "IW", "ID", "IDDD":
		mode = 2
	case "CC", "DDD", "DD", "DY", "DAY", "D", "J", "MM", "MON", "MONTH", "RM", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y":
		mode = 1
		if word == "J" || word == "CC" || word == "DAY" || word == "DY" {
			mode = 0
		}
	}
	if mode == 0 {
		return nil
	}
	if d.iso != 0 && d.iso != mode {
		return errFormat("invalid combination of date conventions").
			WithHint("Do not mix Gregorian and ISO week date conventions in a formatting template.")
	}
	d.iso = mode
	return nil
}

// leadingInt reads what strtol does.
func leadingInt(s string) (v int64, n int) {
	i := 0
	for i < len(s) && blank(s[i]) {
		i++
	}
	start := i
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == digits {
		return 0, 0
	}
	v, err := strconv.ParseInt(s[start:i], 10, 64)
	if err != nil {
		v = math.MaxInt64
	}
	return v, i
}

// number reads an integer of at most width characters, or as many as there are
// when what follows is not a digit.
func (d *dateReader) number(i, width int) (v, used int, err error) {
	n := &d.nodes[i]
	init := d.s
	d.s = strings.TrimLeft(d.s, " \t\n\v\f\r")
	part := d.s[:min(width, len(d.s))]
	var x int64
	if n.fill || freeWidth(d.nodes, i) {
		var k int
		x, k = leadingInt(init)
		d.s = init[k:]
	} else {
		if len(part) < width {
			return 0, 0, errFormat("source string too short for \"%s\" formatting field", n.written).
				WithDetail("Field requires %d characters, but only %d remain.", width, len(part)).
				WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
		}
		var k int
		x, k = leadingInt(part)
		if k > 0 && k < width {
			return 0, 0, errFormat("invalid value \"%s\" for \"%s\"", part, n.written).
				WithDetail("Field requires %d characters, but only %d could be parsed.", width, k).
				WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
		}
		if k == 0 {
			d.s = init
		} else {
			d.s = d.s[k:]
		}
	}
	if len(d.s) == len(init) {
		return 0, 0, errFormat("invalid value \"%s\" for \"%s\"", part, n.written).WithDetail("Value must be an integer.")
	}
	if x > math.MaxInt32 || x < math.MinInt32 {
		return 0, 0, pgerror.Newf(pgerror.DatetimeFieldOverflow, "value for \"%s\" in source string is out of range", n.written).
			WithDetail("Value must be in the range %d to %d.", math.MinInt32, math.MaxInt32)
	}
	return int(x), len(init) - len(d.s), nil
}

// oneOf reads one of several words, whatever their case; it returns its index.
func (d *dateReader) oneOf(n *formatNode, list []string, width int) (int, error) {
	for i, w := range list {
		if width > 0 {
			w = w[:width]
		}
		if len(d.s) >= len(w) && strings.EqualFold(d.s[:len(w)], w) {
			d.s = d.s[len(w):]
			return i, nil
		}
	}
	word := d.s
	if i := strings.IndexFunc(word, func(r rune) bool { return r < 0x80 && blank(byte(r)) }); i >= 0 {
		word = word[:i]
	}
	return 0, errFormat("invalid value \"%s\" for \"%s\"", word, n.written).
		WithDetail("The given value did not match any of the allowed values for this field.")
}

// next drops one character of the input.
func (d *dateReader) next() {
	_, w := utf8.DecodeRuneInString(d.s)
	d.s = d.s[w:]
}

// read matches the input with the format.
func (d *dateReader) read() error {
	at := 0
	for ; at < len(d.nodes) && d.s != ""; at++ {
		n := &d.nodes[at]
		if !d.strict && n.word != "FX" && (n.kind == nodeField || at == 0) {
			for d.s != "" && blank(d.s[0]) {
				d.s = d.s[1:]
				d.skip++
			}
		}
		switch n.kind {
		case nodeSpace, nodeSeparator:
			switch {
			case d.std:
				if !strings.HasPrefix(d.s, n.char) {
					return errFormat("unmatched format separator \"%s\"", n.char)
				}
				d.s = d.s[1:]
			case d.strict:
				d.next()
			default:
				d.skip--
				if d.s != "" && (blank(d.s[0]) || separates(d.s[0])) {
					d.s = d.s[1:]
					d.skip++
				}
			}
			continue
		case nodeChar:
			switch {
			case d.strict:
				if d.std && !strings.HasPrefix(d.s, n.char) {
					return errFormat("unmatched format character \"%s\"", n.char)
				}
				d.next()
			case d.skip > 0:
				d.skip--
			case d.s != "":
				d.next()
			}
			continue
		}
		if err := d.convention(n.word); err != nil {
			return err
		}
		if err := d.field(at, n); err != nil {
			return err
		}
		if n.ordinal && n.word != "FX" {
			for range 2 {
				d.next()
			}
		}
		if !d.strict {
			d.skip = 0
			for d.s != "" && blank(d.s[0]) {
				d.s = d.s[1:]
				d.skip++
			}
		}
	}
	if d.std {
		if at < len(d.nodes) {
			return errFormat("input string is too short for datetime format")
		}
		if strings.TrimLeft(d.s, " \t\n\v\f\r") != "" {
			return errFormat("trailing characters remain in input string after datetime format")
		}
	}
	return nil
}

// halfDay and eras are the words of AM and BC; odd ones are the second.
var (
	halfDay     = []string{"am", "pm"}
	halfDayLong = []string{"a.m.", "p.m."}
	eras        = []string{"ad", "bc"}
	erasLong    = []string{"a.d.", "b.c."}
	// romansDown are the Roman months, a longer one before its prefix.
	romansDown = []string{"XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"}
)

// field reads one field.
func (d *dateReader) field(i int, n *formatNode) error {
	digits := func(key string, width int) error {
		v, _, err := d.number(i, width)
		if err != nil {
			return err
		}
		return d.set(key, v, n)
	}
	choose := func(key string, list []string, width, plus int) error {
		v, err := d.oneOf(n, list, width)
		if err != nil {
			return err
		}
		return d.set(key, v+plus, n)
	}
	switch n.word {
	case "FX":
		d.strict = true
		return nil
	case "AM", "PM":
		d.twelve = true
		return choose("pm", halfDay, 0, 0)
	case "A.M.", "P.M.":
		d.twelve = true
		return choose("pm", halfDayLong, 0, 0)
	case "HH", "HH12":
		d.twelve = true
		return digits("hour", 2)
	case "HH24":
		return digits("hour", 2)
	case "MI":
		return digits("minute", 2)
	case "SS":
		return digits("second", 2)
	case "MS":
		v, used, err := d.number(i, 3)
		if err != nil {
			return err
		}
		return d.set("ms", v*[...]int{1, 100, 10, 1}[min(used, 3)], n)
	case "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		if n.word != "US" {
			d.precision = int(n.word[2] - '0')
		}
		v, used, err := d.number(i, 6)
		if err != nil {
			return err
		}
		return d.set("us", v*[...]int{1, 100000, 10000, 1000, 100, 10, 1}[min(used, 6)], n)
	case "SSSS", "SSSSS":
		return digits("ssss", len(n.word))
	case "TZ", "OF":
		return pgerror.NotSupported("formatting field \"%s\" is only supported in to_char", n.written)
	case "TZH":
		d.zoneSign = 1
		switch {
		case d.s[0] == '+' || d.s[0] == '-' || d.s[0] == ' ':
			if d.s[0] == '-' {
				d.zoneSign = -1
			}
			d.s = d.s[1:]
		case d.skip > 0 && d.in[len(d.in)-len(d.s)-1] == '-':
			d.zoneSign = -1
		}
		return digits("tzh", 2)
	case "TZM":
		if d.zoneSign == 0 {
			d.zoneSign = 1
		}
		return digits("tzm", 2)
	case "AD", "BC":
		return choose("bc", eras, 0, 0)
	case "A.D.", "B.C.":
		return choose("bc", erasLong, 0, 0)
	case "MONTH":
		return choose("month", monthNames[:], 0, 1)
	case "MON":
		return choose("month", monthNames[:], 3, 1)
	case "MM":
		return digits("month", 2)
	case "DAY":
		return choose("dow", dayNames[:], 0, 1)
	case "DY":
		return choose("dow", dayNames[:], 3, 1)
	case "DD":
		return digits("day", 2)
	case "DDD", "IDDD":
		return digits("doy", 3)
	case "D":
		return digits("dow", 1)
	case "ID":
		v, _, err := d.number(i, 1)
		if err != nil {
			return err
		}
		return d.set("dow", v%7+1, n)
	case "WW", "IW":
		return digits("week", 2)
	case "Q":
		_, _, err := d.number(i, 1)
		return err
	case "CC":
		return digits("century", 2)
	case "W":
		return digits("monthweek", 1)
	case "J":
		return digits("julian", 1)
	case "RM":
		v, err := d.oneOf(n, romansDown, 0)
		if err != nil {
			return err
		}
		return d.set("month", 12-v, n)
	case "Y,YYY":
		m, k := leadingInt(d.s)
		rest := d.s[k:]
		if k == 0 || !strings.HasPrefix(rest, ",") {
			return errFormat("invalid input string for \"Y,YYY\"")
		}
		y, k := leadingInt(rest[1:min(4, len(rest))])
		if k == 0 {
			return errFormat("invalid input string for \"Y,YYY\"")
		}
		d.s, d.yearDigits = rest[1+k:], 4
		return d.set("year", int(m*1000+y), n)
	}
	// YYYY, YYY, YY, Y and their ISO forms.
	v, used, err := d.number(i, len(n.word))
	if err != nil {
		return err
	}
	d.yearDigits = len(n.word)
	if len(n.word) < 4 && used < 4 {
		switch {
		case v < 70:
			v += 2000
		case v < 100:
			v += 1900
		case v < 520:
			v += 2000
		case v < 1000:
			v += 1000
		}
	}
	return d.set("year", v, n)
}

// resolve computes the date and the time of day.
func (d *dateReader) resolve() error {
	v := d.values
	d.month, d.day = 1, 1
	d.hour, d.minute, d.seconds = v["hour"], v["minute"], v["second"]
	if x := v["ssss"]; x != 0 {
		d.hour, d.minute, d.seconds = x/3600, x/60%60, x%60
	}
	if d.twelve {
		if d.hour < 1 || d.hour > 12 {
			return errFormat("hour \"%d\" is invalid for the 12-hour clock", d.hour).WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
		}
		if pm := v["pm"] == 1; pm && d.hour < 12 {
			d.hour += 12
		} else if !pm && d.hour == 12 {
			d.hour = 0
		}
	}
	bc, century := v["bc"] == 1, v["century"]
	if bc {
		century = -century
	}
	switch {
	case v["year"] != 0 && century != 0 && d.yearDigits <= 2:
		d.year = v["year"] % 100
		switch {
		case d.year != 0 && century >= 0:
			d.year += (century - 1) * 100
		case d.year != 0:
			d.year = (century+1)*100 - d.year + 1
		case century >= 0:
			d.year = century * 100
		default:
			d.year = century*100 + 1
		}
	case v["year"] != 0:
		d.year = v["year"]
		if bc {
			d.year = -d.year
		}
		if d.year < 0 {
			d.year++
		}
	case century > 0:
		d.year = (century-1)*100 + 1
	case century < 0:
		d.year = century*100 + 1
	}
	if j := v["julian"]; j != 0 {
		d.year, d.month, d.day = types.CivilFromDays(int64(j) - 2440588)
	}
	doy := v["doy"]
	if w := v["week"]; w != 0 {
		if d.iso == 2 {
			days := isoWeekStart(d.year) + int64(w-1)*7
			if dow := v["dow"]; dow > 1 {
				days += int64(dow - 2)
			} else if dow == 1 {
				days += 6
			}
			d.year, d.month, d.day = types.CivilFromDays(days)
		} else {
			doy = (w-1)*7 + 1
		}
	}
	if w := v["monthweek"]; w != 0 {
		d.day = (w-1)*7 + 1
	}
	if v["day"] != 0 {
		d.day = v["day"]
	}
	if v["month"] != 0 {
		d.month = v["month"]
	}
	if doy != 0 && (d.month <= 1 || d.day <= 1) {
		if d.year == 0 && !bc {
			return errFormat("cannot calculate day of year without year information")
		}
		if d.iso == 2 {
			d.year, d.month, d.day = types.CivilFromDays(isoWeekStart(d.year) + int64(doy) - 1)
		} else {
			m, rest := 1, doy
			for m <= 12 && rest > types.DaysInMonth(d.year, m) {
				rest -= types.DaysInMonth(d.year, m)
				m++
			}
			if d.month <= 1 {
				d.month = m
			}
			if d.day <= 1 {
				d.day = rest
			}
		}
	}
	d.micro = v["ms"]*1000 + v["us"]
	if d.month < 1 || d.month > 12 || d.day < 1 || d.day > types.DaysInMonth(d.year, d.month) ||
		d.hour < 0 || d.hour > 23 || d.minute < 0 || d.minute > 59 || d.seconds < 0 || d.seconds > 59 || d.micro < 0 || d.micro >= 1e6 {
		return pgerror.Newf(pgerror.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", d.in)
	}
	if d.zoneSign != 0 && (v["tzh"] < 0 || v["tzh"] > 15 || v["tzm"] < 0 || v["tzm"] > 59) {
		return pgerror.Newf(pgerror.InvalidTimeZoneDisplacement, "time zone displacement out of range: \"%s\"", d.in)
	}
	return nil
}

// isoWeekStart is the Monday of the first ISO week of a year, in days since 1970.
func isoWeekStart(year int) int64 {
	fourth := types.DaysFromCivil(year, 1, 4)
	return fourth - int64((types.Weekday(fourth)+6)%7)
}

// newDateReader reads s by the format.
func newDateReader(s, format string, std bool) (*dateReader, error) {
	d := &dateReader{in: s, s: s, std: std, strict: std, values: map[string]int{}}
	var err error
	if d.nodes, err = parseFormat(format, std); err != nil {
		return nil, err
	}
	for _, n := range d.nodes {
		switch n.word {
		case "":
		case "AM", "PM", "A.M.", "P.M.", "HH", "HH12", "HH24", "MI", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "SSSS", "SSSSS":
			d.timed = true
		case "TZH", "TZM", "TZ", "OF":
			d.zoned = true
		case "FX":
		default:
			d.dated = true
		}
	}
	if err := d.read(); err != nil {
		return nil, err
	}
	return d, d.resolve()
}

// days is the date in days since 1970.
func (d *dateReader) days() int64 { return types.DaysFromCivil(d.year, d.month, d.day) }

// clock is the time of day in microseconds.
func (d *dateReader) clock() int64 {
	return int64(d.hour*3600+d.minute*60+d.seconds)*microsPerSecond + int64(d.micro)
}

// zone is the offset that was read, in seconds east of UTC.
func (d *dateReader) zone() int64 {
	return int64(d.zoneSign) * int64(d.values["tzh"]*3600+d.values["tzm"]*60)
}

// readDate is to_date.
func readDate(s, format string) (int64, error) {
	d, err := newDateReader(s, format, false)
	if err != nil {
		return 0, err
	}
	if days := d.days(); days >= -2440588 && days <= math.MaxInt32-2440588 {
		return days, nil
	}
	return 0, pgerror.Newf(pgerror.DatetimeFieldOverflow, "date out of range: \"%s\"", s)
}

// readInstant is to_timestamp.
func readInstant(s, format string, loc *time.Location) (int64, error) {
	d, err := newDateReader(s, format, false)
	if err != nil {
		return 0, err
	}
	us := d.days()*microsPerDay + d.clock()
	if d.precision > 0 {
		unit := [...]int64{0, 100000, 10000, 1000, 100, 10, 1}[d.precision]
		us = int64(math.RoundToEven(float64(us%microsPerSecond)/float64(unit)))*unit + us/microsPerSecond*microsPerSecond
	}
	if d.year > 294276 || d.year < -4713 {
		return 0, types.ErrTimestampRange()
	}
	if d.zoneSign != 0 {
		return us - d.zone()*microsPerSecond, nil
	}
	return toUTC(us, loc)
}

// parseTemplate reads a date, time or both as the datetime method does; the
// format says which type it is.
func parseTemplate(s, format string, std bool) (*pathTime, error) {
	d, err := newDateReader(s, format, std)
	if err != nil {
		return nil, err
	}
	local := d.days()*microsPerDay + d.clock()
	switch {
	case d.dated && d.timed && d.zoned:
		return &pathTime{t: types.TimestampTZ, d: types.IntDatum(local - d.zone()*microsPerSecond), zone: int(d.zone())}, nil
	case d.dated && d.timed:
		return &pathTime{t: types.Timestamp, d: types.IntDatum(local)}, nil
	case d.dated && d.zoned:
		return nil, errFormat("datetime format is zoned but not timed")
	case d.dated:
		return &pathTime{t: types.Date, d: types.IntDatum(d.days())}, nil
	case d.timed && d.zoned:
		return &pathTime{t: types.TimeTZ, d: types.WideDatum(d.clock(), -d.zone())}, nil
	case d.timed:
		return &pathTime{t: types.Time, d: types.IntDatum(d.clock())}, nil
	}
	return nil, errFormat("datetime format is not dated and not timed")
}
