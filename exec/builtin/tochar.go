package builtin

import (
	"fmt"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// moment is a local point in time taken apart for to_char.
type moment struct {
	year, month, day     int
	hour, minute, second int
	micro                int
	days                 int64 // since 1970
	zone                 string
	offset               int // seconds east of UTC
	interval             bool
	totalHours           int64
}

// dateWords are the patterns of to_char; the longest one that fits counts.
var dateWords = [...]string{
	"HH24", "HH12", "HH", "MI", "SSSSS", "SSSS", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6",
	"A.M.", "P.M.", "a.m.", "p.m.", "AM", "PM", "am", "pm",
	"Y,YYY", "YYYY", "IYYY", "YYY", "IYY", "YY", "IY", "Y", "I",
	"MONTH", "Month", "month", "MON", "Mon", "mon", "MM", "DAY", "Day", "day", "DY", "Dy", "dy", "DDD", "IDDD", "DD", "ID", "D",
	"IW", "WW", "W", "CC", "J", "Q", "RM", "rm", "TZH", "TZM", "TZ", "tz", "OF", "B.C.", "A.D.", "b.c.", "a.d.", "BC", "AD", "bc", "ad",
}

var (
	monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	dayNames   = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	romans     = [...]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}
)

// cased gives a name the case of its pattern.
func cased(pattern, name string) string {
	switch {
	case pattern == strings.ToUpper(pattern):
		return strings.ToUpper(name)
	case pattern == strings.ToLower(pattern):
		return strings.ToLower(name)
	}
	return name
}

// format fills a moment into a format.
func (m *moment) format(f string) (string, error) {
	var out strings.Builder
	for len(f) > 0 {
		if f[0] == '"' {
			f = f[1:]
			for len(f) > 0 && f[0] != '"' {
				if f[0] == '\\' && len(f) > 1 {
					f = f[1:]
				}
				out.WriteByte(f[0])
				f = f[1:]
			}
			f = strings.TrimPrefix(f, `"`)
			continue
		}
		if strings.HasPrefix(f, `\"`) {
			out.WriteByte('"')
			f = f[2:]
			continue
		}
		fill := true
		// Names in the language of the locale are not padded.
		for len(f) > 1 && (f[:2] == "FM" || f[:2] == "fm" || f[:2] == "TM" || f[:2] == "tm" || f[:2] == "FX" || f[:2] == "fx") {
			fill, f = fill && f[0]|0x20 == 'f' && f[1]|0x20 == 'x', f[2:]
		}
		word := ""
		for _, w := range dateWords {
			if strings.HasPrefix(f, w) || len(f) >= len(w) && strings.EqualFold(f[:len(w)], w) && strings.ToLower(w) != w && numericWord(w) {
				if len(w) > len(word) {
					word = w
				}
			}
		}
		if word == "" {
			if f != "" {
				out.WriteByte(f[0])
				f = f[1:]
			}
			continue
		}
		f = f[len(word):]
		s, number, err := m.word(word, fill)
		if err != nil {
			return "", err
		}
		out.WriteString(s)
		if number >= 0 && len(f) > 1 && (f[:2] == "TH" || f[:2] == "th") {
			out.WriteString(cased(f[:2], ordinal(number)))
			f = f[2:]
		}
	}
	return out.String(), nil
}

// numericWord reports whether a pattern is written alike in either case.
func numericWord(w string) bool {
	switch strings.ToUpper(w) {
	case "MONTH", "MON", "DAY", "DY", "AM", "PM", "A.M.", "P.M.", "RM", "TZ", "BC", "AD", "B.C.", "A.D.":
		return false
	}
	return true
}

// ordinal is the English suffix of a number.
func ordinal(n int) string {
	if n%100/10 != 1 {
		switch n % 10 {
		case 1:
			return "st"
		case 2:
			return "nd"
		case 3:
			return "rd"
		}
	}
	return "th"
}

// word prints one pattern; number is its value for an ordinal, -1 for a name.
func (m *moment) word(w string, fill bool) (s string, number int, err error) {
	num := func(n, width int) (string, int, error) {
		if !fill {
			width = 0
		}
		if n < 0 && (w == "DD" || w == "MM") {
			return fmt.Sprintf("%0*d", width, n), -n, nil
		}
		if n < 0 {
			return fmt.Sprintf("-%0*d", width, -n), -n, nil
		}
		return fmt.Sprintf("%0*d", width, n), n, nil
	}
	name := func(s string, width int) (string, int, error) {
		if fill {
			s += strings.Repeat(" ", max(width-len(s), 0))
		}
		return cased(w, s), -1, nil
	}
	isoYear, isoWeek := 0, 0
	weekday, doy, year := 0, 0, m.year
	if !m.interval {
		isoYear, isoWeek = types.IsoWeek(m.days)
		if isoYear <= 0 {
			isoYear = 1 - isoYear
		}
		weekday = types.Weekday(m.days)
		doy = int(m.days-types.DaysFromCivil(m.year, 1, 1)) + 1
		if year <= 0 {
			year = 1 - year
		}
	} else if w == "DDD" {
		return num((m.year*12+m.month)*30+m.day, 3)
	} else if strings.ContainsAny(w, "D") && w != "DD" || strings.HasPrefix(w, "TZ") || w == "OF" {
		return "", 0, pgerror.New(pgerror.InvalidDatetimeFormat, "invalid format specification for an interval value").WithHint("Intervals are not tied to specific calendar dates.")
	}
	hour12 := m.hour % 12
	if hour12 == 0 {
		hour12 = 12
	}
	switch w {
	case "HH24":
		if m.interval {
			return num(int(m.totalHours), 2)
		}
		return num(m.hour, 2)
	case "HH12", "HH":
		if m.interval {
			h := int(m.totalHours % 12)
			if h == 0 {
				h = 12
			}
			return num(h, 2)
		}
		return num(hour12, 2)
	case "MI":
		return num(m.minute, 2)
	case "SS":
		return num(m.second, 2)
	case "SSSS", "SSSSS":
		return num(m.hour*3600+m.minute*60+m.second, 0)
	case "MS":
		return num(m.micro/1000, 3)
	case "US":
		return num(m.micro, 6)
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		return fmt.Sprintf("%06d", m.micro)[:w[2]-'0'], m.micro, nil
	case "AM", "PM", "am", "pm":
		s = "am"
		if m.hour >= 12 {
			s = "pm"
		}
		return cased(w, s), -1, nil
	case "A.M.", "P.M.", "a.m.", "p.m.":
		s = "a.m."
		if m.hour >= 12 {
			s = "p.m."
		}
		return cased(w, s), -1, nil
	case "BC", "AD", "bc", "ad", "B.C.", "A.D.", "b.c.", "a.d.":
		s = "ad"
		if m.year <= 0 {
			s = "bc"
		}
		if strings.Contains(w, ".") {
			s = s[:1] + "." + s[1:] + "."
		}
		return cased(w, s), -1, nil
	case "Y,YYY":
		return fmt.Sprintf("%d,%03d", year/1000, year%1000), year, nil
	case "YYYY":
		return num(year, 4)
	case "YYY":
		return num(year%1000, 3)
	case "YY":
		return num(year%100, 2)
	case "Y":
		return num(year%10, 1)
	case "IYYY":
		return num(isoYear, 4)
	case "IYY":
		return num(isoYear%1000, 3)
	case "IY":
		return num(isoYear%100, 2)
	case "I":
		return num(isoYear%10, 1)
	case "MM":
		return num(m.month, 2)
	case "DD":
		return num(m.day, 2)
	case "DDD":
		return num(doy, 3)
	case "IDDD":
		return num((isoWeek-1)*7+(weekday+6)%7+1, 3)
	case "D":
		return num(weekday+1, 1)
	case "ID":
		return num((weekday+6)%7+1, 1)
	case "WW":
		return num((doy-1)/7+1, 2)
	case "IW":
		return num(isoWeek, 2)
	case "W":
		return num((m.day-1)/7+1, 1)
	case "Q":
		return num((m.month-1)/3+1, 1)
	case "CC":
		if !m.interval && m.year <= 0 {
			return num(-((year + 99) / 100), 2)
		}
		return num((year+99)/100, 2)
	case "J":
		return num(int(m.days)+2440588, 0)
	case "TZ", "tz":
		return cased(w, m.zone), -1, nil
	case "TZH":
		return fmt.Sprintf("%s%02d", sign(m.offset), max(m.offset, -m.offset)/3600), -1, nil
	case "TZM":
		return fmt.Sprintf("%02d", max(m.offset, -m.offset)/60%60), -1, nil
	case "OF":
		s = fmt.Sprintf("%s%02d", sign(m.offset), max(m.offset, -m.offset)/3600)
		if x := max(m.offset, -m.offset) / 60 % 60; x != 0 {
			s += fmt.Sprintf(":%02d", x)
		}
		return s, -1, nil
	}
	if strings.ToUpper(w) == "RM" && m.interval {
		if m.year == 0 && m.month == 0 {
			return "", -1, nil
		}
		at := (m.month + 11) % 12
		if m.month == 0 && m.year >= 0 {
			at = 11
		}
		if m.month < 0 || m.month == 0 && m.year < 0 {
			at = 12 + m.month
			if m.month == 0 {
				at = 0
			}
		}
		return name(romans[at], 4)
	}
	if m.month < 1 || m.month > 12 {
		return "", -1, nil
	}
	switch strings.ToUpper(w) {
	case "MONTH":
		return name(monthNames[m.month-1], 9)
	case "MON":
		return name(monthNames[m.month-1][:3], 0)
	case "DAY":
		return name(dayNames[weekday], 9)
	case "DY":
		return name(dayNames[weekday][:3], 0)
	case "RM":
		return name(romans[m.month-1], 4)
	}
	return w, -1, nil
}

// sign is the sign of an offset from UTC.
func sign(offset int) string {
	if offset < 0 {
		return "-"
	}
	return "+"
}

// dateToChar is to_char of timestamps and intervals.
func dateToChar(r *row) (types.Datum, error) {
	var m moment
	if r.args[0].Type.OID == types.Interval {
		months, days, us := r.datum(0).IntervalParts()
		m = moment{interval: true, year: int(months / 12), month: int(months % 12), day: int(days), totalHours: us / 3600e6}
		m.hour, m.minute, m.second, m.micro = int(us/3600e6), int(us/60e6%60), int(us/1e6%60), int(us%1e6)
	} else {
		us := r.int(0)
		if infinite(us) {
			return types.Null, nil
		}
		if r.args[0].Type.OID == types.TimestampTZ {
			m.offset = types.ZoneOffset(us, r.zone())
			local, err := toLocal(us, r.zone())
			if err != nil {
				return types.Null, err
			}
			m.zone = zoneName(us, r)
			us = local
		}
		days, tod := types.SplitTimestamp(us)
		m.days = days
		m.year, m.month, m.day = types.CivilFromDays(days)
		m.hour, m.minute, m.second, m.micro = int(tod/3600e6), int(tod/60e6%60), int(tod/1e6%60), int(tod%1e6)
	}
	s, err := m.format(r.text(1))
	return types.TextDatum(s), err
}

// charFormats are to_char, to_date, to_timestamp and to_number.
func charFormats() []entry {
	return []entry{
		{sigs: "to_char(timestamp,text) to_char(timestamptz,text) to_char(interval,text)", kernel: each(dateToChar), doc: "A date or time by a format.", example: "to_char(timestamp '2002-04-20 17:31:12', 'HH12:MI:SS') = 05:31:12"},
		{sigs: "to_char(int4,text) to_char(int8,text) to_char(numeric,text) to_char(float4,text) to_char(float8,text)", kernel: each(numberToChar), doc: "A number by a format.", example: "to_char(125, '999') =  125"},
		{sigs: "to_date(text,text)", kernel: each(func(r *row) (types.Datum, error) {
			d, err := readDate(r.text(0), r.text(1))
			return types.IntDatum(d), err
		}), doc: "A date of a text by a format."},
		{sigs: "to_timestamp(text,text)", kernel: each(func(r *row) (types.Datum, error) {
			return intResult(readInstant(r.text(0), r.text(1), r.zone()))
		}), doc: "An instant of a text by a format, on the local clock."},
		{sigs: "to_number(text,text)", kernel: each(toNumber), doc: "A number of a text by a format."},
	}
}
