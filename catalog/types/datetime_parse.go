package types

import (
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// parsedTime is what a date/time literal said.
type parsedTime struct {
	reserved int // reservedNow..., -1 for an ordinary literal
	hasDate  bool
	hasTime  bool
	year     int // 0 is 1 BC
	month    int
	day      int
	tod      int64 // microseconds; may be a whole day (24:00)
	hasZone  bool
	offset   int            // seconds east of UTC, when loc is nil
	loc      *time.Location // a named zone
}

// dtError is a way for a literal to be wrong.
type dtError uint8

const (
	dtOK          dtError = iota
	dtBadFormat           // 22007
	dtOverflow            // 22008
	dtMonthDay            // 22008 with the datestyle hint
	dtZoneRange           // 22009
	dtUnknownZone         // 22023
)

// dtFail makes PostgreSQL's error for e.
func dtFail(e dtError, typeName, input string) error {
	switch e {
	case dtOverflow:
		return pgerror.New(pgerror.DatetimeFieldOverflow, "date/time field value out of range: \""+input+"\"")
	case dtMonthDay:
		return pgerror.New(pgerror.DatetimeFieldOverflow, "date/time field value out of range: \""+input+"\"").
			WithHint("%s", `Perhaps you need a different "datestyle" setting.`)
	case dtZoneRange:
		return pgerror.New(pgerror.InvalidTimeZoneDisplacement, "time zone displacement out of range: \""+input+"\"")
	}
	return pgerror.New(pgerror.InvalidDatetimeFormat, "invalid input syntax for type "+typeName+": \""+input+"\"")
}

// errTimestampRange is 22008 without the value.
func errTimestampRange() error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "timestamp out of range")
}

// ErrTimestampRange is PostgreSQL's 22008 "timestamp out of range".
func ErrTimestampRange() error { return errTimestampRange() }

// ErrDateRange is PostgreSQL's 22008 "date out of range".
func ErrDateRange() error {
	return pgerror.New(pgerror.DatetimeFieldOverflow, "date out of range")
}

// maxZoneOffset bounds zone offsets, in seconds.
const maxZoneOffset = 16 * 3600

// dtParser collects fields while the tokens of a literal are read.
type dtParser struct {
	out       parsedTime
	order     string // MDY, DMY, YMD
	haveY     bool
	haveM     bool
	haveD     bool
	textMonth bool
	twoDigits bool
	bc        bool
	haveEra   bool
	ampm      int // -1 none, 0 am, 1 pm
	yearday   int
	julian    bool
	wantTime  bool // after T
	unit      int  // of the next number, 0 for none
	badZone   string
}

// parseDateTime reads a literal of date, timestamp or time type. timeOnly
// accepts a time without a date.
func parseDateTime(s string, f *Format, timeOnly bool) (parsedTime, dtError, string) {
	var p dtParser
	if !p.fastISO(s) {
		tokens, ok := scanDateTime(s)
		if !ok || len(tokens) == 0 {
			return p.out, dtBadFormat, ""
		}
		p.order, p.ampm = f.DateOrder, -1
		p.out.reserved = -1
		for i, t := range tokens {
			var next *token
			if i+1 < len(tokens) {
				next = &tokens[i+1]
			}
			if e := p.token(t, next, timeOnly); e != dtOK {
				return p.out, e, p.badZone
			}
		}
	}
	return p.out, p.finish(timeOnly), p.badZone
}

// fastISO reads yyyy-mm-dd[( |T)hh:mm:ss[.f]], the form almost all input has.
func (p *dtParser) fastISO(s string) bool {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	y, ok1 := digits4(s)
	m, ok2 := digits2(s[5:])
	d, ok3 := digits2(s[8:])
	if !ok1 || !ok2 || !ok3 || y == 0 {
		return false
	}
	var tod int64
	hasTime := false
	if len(s) > 10 {
		if len(s) < 19 || s[10] != ' ' && s[10] != 'T' || s[13] != ':' || s[16] != ':' || len(s) > 26 {
			return false
		}
		h, ok1 := digits2(s[11:])
		mi, ok2 := digits2(s[14:])
		sec, ok3 := digits2(s[17:])
		if !ok1 || !ok2 || !ok3 || h > 23 || mi > 59 || sec > 59 {
			return false
		}
		us := int64(0)
		if len(s) > 19 {
			if s[19] != '.' || len(s) == 20 {
				return false
			}
			scale := int64(100000)
			for i := 20; i < len(s); i++ {
				if !isDigit(s[i]) {
					return false
				}
				us += int64(s[i]-'0') * scale
				scale /= 10
			}
		}
		tod = (int64(h)*3600+int64(mi)*60+int64(sec))*microsPerSecond + us
		hasTime = true
	}
	p.ampm = -1
	p.haveY, p.haveM, p.haveD = true, true, true
	p.out = parsedTime{reserved: -1, hasTime: hasTime, year: y, month: m, day: d, tod: tod}
	return true
}

func digits2(s string) (int, bool) {
	if !isDigit(s[0]) || !isDigit(s[1]) {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}

func digits4(s string) (int, bool) {
	a, ok1 := digits2(s)
	b, ok2 := digits2(s[2:])
	return a*100 + b, ok1 && ok2
}

func (p *dtParser) haveDate() bool { return p.haveY && p.haveM && p.haveD }

func (p *dtParser) token(t token, next *token, timeOnly bool) dtError {
	switch t.kind {
	case tokDate:
		if p.haveDate() || timeOnly && (!isDigit(t.text[0]) && strings.ContainsAny(t.text, "/_+") || isDigit(t.text[0]) && strings.Count(t.text, "-") == 1) {
			// A zone name with punctuation, or a run-together time and offset.
			if isAlpha(t.text[0]) {
				return p.namedZone(t.text)
			}
			if cut := strings.LastIndexByte(t.text, '-'); cut > 0 && !p.out.hasTime {
				if e := p.numberField(t.text[:cut], true); e != dtOK {
					return e
				}
				return p.zone(t.text[cut:])
			}
			return dtBadFormat
		}
		if isAlpha(t.text[0]) && !p.startsWithMonth(t.text) {
			return p.namedZone(t.text)
		}
		return p.date(t.text)
	case tokTime:
		if p.out.hasTime {
			return dtBadFormat
		}
		return p.time(t.text)
	case tokZone:
		if p.out.hasZone {
			return dtBadFormat
		}
		return p.zone(t.text)
	case tokNumber:
		return p.number(t.text, timeOnly)
	}
	return p.word(t.text, next)
}

func (p *dtParser) startsWithMonth(s string) bool {
	i := 0
	for i < len(s) && isAlpha(s[i]) {
		i++
	}
	w := dateWords[lower(s[:i])]
	return w.kind == wordMonth || w.kind == wordDay || w.kind == wordJulian || w.kind == wordEra
}

func (p *dtParser) word(text string, next *token) dtError {
	w, ok := dateWords[lower(text)]
	if !ok && text[0] == '+' {
		return dtBadFormat
	}
	if !ok {
		if loc := movingZone(text); loc != nil && !p.out.hasZone {
			p.out.hasZone, p.out.loc = true, loc
			return dtOK
		}
		if offset, ok := zoneAbbreviation(text); ok {
			if p.out.hasZone {
				return dtBadFormat
			}
			p.out.hasZone, p.out.offset = true, offset
			return dtOK
		}
		return p.namedZone(text)
	}
	switch w.kind {
	case wordMonth:
		// The number read as a month before must have been the day.
		if p.haveM && !p.textMonth && !p.haveD && p.out.month >= 1 && p.out.month <= 31 {
			p.out.day, p.haveD = p.out.month, true
		} else if p.haveM {
			return dtBadFormat
		}
		p.haveM, p.textMonth = true, true
		p.out.month = w.value
	case wordDay, wordIgnore:
	case wordAMPM:
		p.ampm = w.value
	case wordEra:
		p.haveEra, p.bc = true, w.value == 1
	case wordJulian:
		if next == nil || next.kind != tokNumber || p.haveY || p.haveM || p.haveD {
			return dtBadFormat
		}
		p.julian = true
	case wordUnit:
		if next == nil || next.kind != tokNumber {
			return dtBadFormat
		}
		p.unit = w.value
	case wordISOTime:
		if next == nil || next.kind != tokNumber && next.kind != tokTime && next.kind != tokDate || !p.haveDate() && next.kind != tokTime && next.kind != tokNumber {
			return dtBadFormat
		}
		p.wantTime = true
	case wordDST:
		if !p.out.hasZone || p.out.loc != nil {
			return dtBadFormat
		}
		p.out.offset += 3600
	case wordReserved:
		if p.out.reserved >= 0 && p.out.reserved != reservedAllBalls {
			return dtBadFormat
		}
		if w.value == reservedAllBalls {
			if p.out.hasTime {
				return dtBadFormat
			}
			p.out.hasTime, p.out.tod, p.out.hasZone, p.out.offset = true, 0, true, 0
			return dtOK
		}
		p.out.reserved = w.value
	}
	return dtOK
}

func (p *dtParser) namedZone(name string) dtError {
	if p.out.hasZone {
		return dtBadFormat
	}
	loc := ianaZone(name)
	if loc == nil {
		if strings.ContainsAny(name, "+-0123456789") {
			loc = posixZone(name)
		}
		if loc == nil {
			if strings.ContainsAny(name, "/_") || strings.ContainsAny(name, "+-") {
				p.badZone = lower(name)
				return dtUnknownZone
			}
			return dtBadFormat
		}
	}
	p.out.hasZone, p.out.loc = true, loc
	return dtOK
}

// zone reads +h, +hh, +hhmm, +hhmmss, +hh:mm, +hh:mm:ss.
func (p *dtParser) zone(s string) dtError {
	neg := s[0] == '-'
	s = s[1:]
	var h, m, sec int
	if strings.IndexByte(s, ':') >= 0 {
		for i, part := range strings.Split(s, ":") {
			v, err := strconv.Atoi(part)
			if err != nil || i > 2 {
				return dtBadFormat
			}
			*[]*int{&h, &m, &sec}[i] = v
		}
	} else {
		if i := strings.IndexByte(s, '-'); i >= 0 {
			if v, err := strconv.Atoi(s[:i]); err == nil && v > 15 {
				return dtZoneRange
			}
			return dtBadFormat
		}
		v, err := strconv.Atoi(s)
		if err != nil || len(s) > 6 {
			return dtBadFormat
		}
		switch {
		case len(s) > 4:
			h, m, sec = v/10000, v/100%100, v%100
		case len(s) > 2:
			h, m = v/100, v%100
		default:
			h = v
		}
	}
	if h > 15 || m > 59 || sec > 59 {
		return dtZoneRange
	}
	off := h*3600 + m*60 + sec
	if neg {
		off = -off
	}
	if p.out.hasZone && p.out.loc == nil {
		off += p.out.offset
	}
	p.out.hasZone, p.out.offset = true, off
	return dtOK
}

// time reads h:m[:s[.f]].
func (p *dtParser) time(s string) dtError {
	tod, e := parseClock(s)
	if e != dtOK {
		return e
	}
	p.out.hasTime, p.out.tod, p.wantTime = true, tod, false
	return dtOK
}

// parseClock reads h:m[:s[.f]], up to 24:00:00 and with a 60th second.
func parseClock(s string) (int64, dtError) {
	parts := strings.SplitN(s, ":", 4)
	if len(parts) < 2 || len(parts) > 3 {
		return 0, dtBadFormat
	}
	h, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, dtBadFormat
	}
	minutes := parts[1]
	secs := ""
	if len(parts) == 3 {
		secs = parts[2]
	} else if found := strings.Contains(minutes, "."); found {
		// h:m.f counts as minutes and seconds only in intervals.
		return 0, dtBadFormat
	}
	m, err := strconv.Atoi(minutes)
	if err != nil {
		return 0, dtBadFormat
	}
	sec, us := 0, int64(0)
	if secs != "" {
		whole, frac, _ := strings.Cut(secs, ".")
		if sec, err = strconv.Atoi(whole); err != nil {
			return 0, dtBadFormat
		}
		var ok bool
		if us, ok = fractionMicros(frac); !ok {
			return 0, dtBadFormat
		}
	}
	if h < 0 || m < 0 || m > 59 || sec < 0 || sec > 60 || h > 24 || h == 24 && (m > 0 || sec > 0 || us > 0) {
		return 0, dtOverflow
	}
	return (int64(h)*3600+int64(m)*60+int64(sec))*microsPerSecond + us, dtOK
}

// fractionMicros reads the digits behind a decimal point of seconds, rounded to
// microseconds.
func fractionMicros(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	if len(s) <= 6 {
		us, scale := int64(0), int64(100000)
		for i := range len(s) {
			if !isDigit(s[i]) {
				return 0, false
			}
			us += int64(s[i]-'0') * scale
			scale /= 10
		}
		return us, true
	}
	f, err := strconv.ParseFloat("0."+s, 64)
	if err != nil {
		return 0, false
	}
	return roundEven(f * 1e6), true
}

// date reads a token with - / or . between its parts.
func (p *dtParser) date(s string) dtError {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '/' || r == '.' || r == '+' || r == '_' || r == ':' })
	// Letters run into digits are separate parts too: 08Jan1999 or Jan08.
	var fields []string
	for _, part := range parts {
		start := 0
		for i := 1; i <= len(part); i++ {
			if i == len(part) || isDigit(part[i]) != isDigit(part[i-1]) {
				fields = append(fields, part[start:i])
				start = i
			}
		}
	}
	if len(fields) > 3 {
		return dtBadFormat
	}
	// Text months first: they say what the numbers are not.
	for i, w := range fields {
		if isDigit(w[0]) {
			continue
		}
		word := dateWords[lower(w)]
		switch word.kind {
		case wordMonth:
			if p.haveM {
				return dtBadFormat
			}
			p.haveM, p.textMonth, p.out.month = true, true, word.value
		case wordDay:
		case wordJulian:
			if len(fields) != 2 || i != 0 {
				return dtBadFormat
			}
			p.julian = true
		default:
			return dtBadFormat
		}
		fields[i] = ""
	}
	for _, w := range fields {
		if w == "" {
			continue
		}
		if p.julian {
			return p.julianDay(w)
		}
		if e := p.datePart(w); e != dtOK {
			return e
		}
	}
	if !p.haveY || !p.haveM || !p.haveD {
		return dtBadFormat
	}
	return dtOK
}

// number reads a free-standing number.
func (p *dtParser) number(s string, timeOnly bool) dtError {
	if p.julian {
		return p.julianDay(s)
	}
	if p.unit != 0 {
		return p.unitValue(s)
	}
	whole, frac, dot := strings.Cut(s, ".")
	if p.wantTime {
		p.wantTime = false
		if p.out.hasTime {
			return dtBadFormat
		}
		return p.clockDigits(whole, frac)
	}
	if dot {
		switch {
		case (p.haveDate() || timeOnly) && !p.out.hasTime && len(whole) >= 4:
			return p.clockDigits(whole, frac)
		case !p.haveY && !p.haveM && !p.haveD && len(whole) == 4 && len(frac) == 3:
			// yyyy.ddd
			p.out.year, _ = strconv.Atoi(whole)
			p.yearday, _ = strconv.Atoi(frac)
			p.haveY, p.haveM, p.haveD = true, true, true
			if p.yearday < 1 || p.yearday > 366 {
				return dtOverflow
			}
			return dtOK
		case len(whole) >= 8 && !p.haveDate() && !p.out.hasTime:
			return dtBadFormat
		}
		return dtBadFormat
	}
	return p.numberField(s, timeOnly)
}

// The units that a letter before a number names.
const (
	unitOfYear = iota + 1
	unitOfMonth
	unitOfDay
	unitOfHour
	unitOfMinute
	unitOfSecond
)

// unitValue reads a number behind the letter of its unit, as in y2001m02d04.
func (p *dtParser) unitValue(s string) dtError {
	u := p.unit
	p.unit = 0
	whole, frac, _ := strings.Cut(s, ".")
	v, err := strconv.Atoi(whole)
	us, ok := fractionMicros(frac)
	if err != nil || !ok || frac != "" && u != unitOfSecond {
		return dtBadFormat
	}
	switch u {
	case unitOfYear:
		p.out.year, p.haveY = v, true
	case unitOfMonth:
		// Behind an hour it is the minute.
		if p.haveM && p.out.hasTime {
			p.out.tod += int64(v) * microsPerMinute
			return dtOK
		}
		p.out.month, p.haveM = v, true
	case unitOfDay:
		p.out.day, p.haveD = v, true
	case unitOfHour:
		p.out.hasTime, p.out.tod = true, p.out.tod+int64(v)*microsPerHour
	case unitOfMinute:
		p.out.hasTime, p.out.tod = true, p.out.tod+int64(v)*microsPerMinute
	default:
		p.out.hasTime, p.out.tod = true, p.out.tod+int64(v)*microsPerSecond+us
	}
	return dtOK
}

func (p *dtParser) numberField(s string, timeOnly bool) dtError {
	if (p.haveDate() || timeOnly && len(s) >= 4) && !p.out.hasTime {
		whole, frac, _ := strings.Cut(s, ".")
		if len(whole) == 2 || len(whole) == 1 {
			// An hour alone is no time, not even with AM or PM behind it.
			return dtBadFormat
		}
		return p.clockDigits(whole, frac)
	}
	if p.haveDate() {
		return dtBadFormat
	}
	if len(s) >= 6 && !p.haveY && !p.haveM && !p.haveD {
		// [yy]yymmdd; the year takes what is left of the last four digits.
		y, err := strconv.Atoi(s[:len(s)-4])
		if err != nil {
			return dtOverflow
		}
		p.out.year = y
		p.out.month, _ = digits2(s[len(s)-4:])
		p.out.day, _ = digits2(s[len(s)-2:])
		p.twoDigits = len(s) == 6
		p.haveY, p.haveM, p.haveD = true, true, true
		return dtOK
	}
	return p.datePart(s)
}

// clockDigits reads hhmm or hhmmss[.f].
func (p *dtParser) clockDigits(whole, frac string) dtError {
	if len(whole) != 4 && len(whole) != 6 || len(whole) != 6 && frac != "" {
		return dtBadFormat
	}
	clock := whole[:2] + ":"
	switch len(whole) {
	case 4:
		clock += whole[2:]
	case 6:
		clock += whole[2:4] + ":" + whole[4:]
		if frac != "" {
			clock += "." + frac
		}
	}
	return p.time(clock)
}

func (p *dtParser) julianDay(s string) dtError {
	p.julian = false
	whole, frac, dot := strings.Cut(s, ".")
	jd, err := strconv.Atoi(whole)
	if err != nil || jd < 0 {
		return dtOverflow
	}
	p.out.year, p.out.month, p.out.day = CivilFromDays(int64(jd) - julianEpoch)
	p.haveY, p.haveM, p.haveD = true, true, true
	p.yearday = -1
	if dot && frac != "" {
		part, err := strconv.ParseFloat("0."+frac, 64)
		if err != nil {
			return dtBadFormat
		}
		p.out.hasTime, p.out.tod = true, roundEven(part*float64(microsPerDay))
	}
	return dtOK
}

// datePart takes one number of a date, deciding which part it is from what is
// known and from the DateStyle order.
func (p *dtParser) datePart(s string) dtError {
	v, err := strconv.Atoi(s)
	if err != nil {
		return dtOverflow
	}
	setYear := func() { p.out.year, p.haveY, p.twoDigits = v, true, len(s) <= 2 }
	setMonth := func() { p.out.month, p.haveM = v, true }
	setDay := func() { p.out.day, p.haveD = v, true }
	switch {
	case !p.haveY && !p.haveM && !p.haveD:
		switch {
		case len(s) >= 3 || p.order == "YMD":
			setYear()
		case p.order == "DMY":
			setDay()
		default:
			setMonth()
		}
	case p.haveY && !p.haveM && !p.haveD:
		if len(s) == 3 {
			// A year and a three-digit number: day of the year.
			p.yearday = v
			p.haveM, p.haveD = true, true
			if v < 1 || v > 366 {
				return dtOverflow
			}
			return dtOK
		}
		setMonth()
	case p.haveM && !p.haveY && !p.haveD:
		if p.textMonth && (len(s) >= 3 || p.order == "YMD") {
			setYear()
		} else {
			setDay()
		}
	case p.haveY && p.haveM && !p.haveD:
		if p.textMonth && len(s) >= 3 && p.twoDigits {
			p.out.day, p.haveD = p.out.year, true
			setYear()
		} else {
			setDay()
		}
	case p.haveD && !p.haveY && !p.haveM:
		setMonth()
	case p.haveM && p.haveD && !p.haveY:
		setYear()
	case p.haveY && p.haveD && !p.haveM:
		setMonth()
	default:
		return dtBadFormat
	}
	return dtOK
}

// finish checks the fields and settles year, month and day.
func (p *dtParser) finish(timeOnly bool) dtError {
	o := &p.out
	if p.julian || p.wantTime {
		return dtBadFormat
	}
	if o.reserved >= 0 {
		special := o.reserved == reservedNow || o.reserved >= reservedEpoch
		if p.haveY || p.haveM || p.haveD || special && (o.hasTime || o.hasZone && o.reserved != reservedEpoch) {
			return dtBadFormat
		}
		return dtOK
	}
	o.hasDate = p.haveDate()
	if !o.hasDate {
		if p.haveY || p.haveM || p.haveD || !timeOnly || !o.hasTime {
			return dtBadFormat
		}
		if o.tod > microsPerDay {
			return dtOverflow
		}
	} else {
		if p.yearday != -1 {
			switch {
			case p.bc:
				if o.year <= 0 {
					return dtOverflow
				}
				o.year = 1 - o.year
			case p.twoDigits:
				if o.year < 70 {
					o.year += 2000
				} else if o.year < 100 {
					o.year += 1900
				}
			case o.year <= 0:
				return dtOverflow
			}
		}
		if p.yearday > 0 {
			o.year, o.month, o.day = CivilFromDays(DaysFromCivil(o.year, 1, 1) + int64(p.yearday) - 1)
		}
		if o.month < 1 || o.month > 12 || o.day < 1 || o.day > 31 {
			return dtMonthDay
		}
		if o.day > DaysInMonth(o.year, o.month) {
			return dtOverflow
		}
	}
	if p.ampm >= 0 {
		if !o.hasTime {
			if timeOnly {
				return dtBadFormat
			}
			o.hasTime = true
		}
		h := o.tod / microsPerHour
		if h > 12 {
			return dtOverflow
		}
		switch {
		case p.ampm == 0 && h == 12:
			o.tod -= 12 * microsPerHour
		case p.ampm == 1 && h != 12:
			o.tod += 12 * microsPerHour
		}
	}
	return dtOK
}
