package types

import (
	"strings"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// ZoneOffset returns the offset of loc at an instant (microseconds since 1970),
// in seconds east of UTC.
func ZoneOffset(us int64, loc *time.Location) int {
	if loc == time.UTC {
		return 0
	}
	_, offset := time.Unix(floorDiv(us, microsPerSecond), 0).In(loc).Zone()
	return offset
}

// zoneAt returns the abbreviation and offset of loc at an instant.
func zoneAt(us int64, loc *time.Location) (string, int) {
	return time.Unix(floorDiv(us, microsPerSecond), 0).In(loc).Zone()
}

// LocalOffset returns the offset (seconds east of UTC) in force in loc at the
// local time us. A local time that a change of the clock skips is read with the
// offset before the change, an ambiguous one with the offset after it.
func LocalOffset(us int64, loc *time.Location) int {
	if loc == time.UTC {
		return 0
	}
	local := floorDiv(us, microsPerSecond)
	before, after := offsetAt(local-secondsPerDay, loc), offsetAt(local+secondsPerDay, loc)
	if before == after {
		// No change nearby, or two that cancel out: the middle decides.
		if o := offsetAt(local-int64(before), loc); o == before {
			return before
		} else if offsetAt(local-int64(o), loc) == o {
			return o
		}
		return before
	}
	okBefore := offsetAt(local-int64(before), loc) == before
	okAfter := offsetAt(local-int64(after), loc) == after
	switch {
	case okBefore && !okAfter:
		return before
	case okAfter && !okBefore:
		return after
	}
	return min(before, after)
}

func offsetAt(sec int64, loc *time.Location) int {
	_, o := time.Unix(sec, 0).In(loc).Zone()
	return o
}

// LocalToUTC converts a timestamp in loc to an instant; ok is false when the
// result is out of range. The infinities stay.
func LocalToUTC(us int64, loc *time.Location) (int64, bool) {
	if us == TimestampInfinity || us == TimestampNegInfinity {
		return us, true
	}
	return shiftMicros(us, -int64(LocalOffset(us, loc))*microsPerSecond)
}

// UTCToLocal converts an instant to the timestamp that clocks in loc show.
func UTCToLocal(us int64, loc *time.Location) (int64, bool) {
	if us == TimestampInfinity || us == TimestampNegInfinity {
		return us, true
	}
	return shiftMicros(us, int64(ZoneOffset(us, loc))*microsPerSecond)
}

func shiftMicros(us, by int64) (int64, bool) {
	sum := us + by
	if (by > 0) != (sum > us) && by != 0 {
		return 0, false
	}
	return sum, validTimestamp(sum)
}

// LoadZone finds a time zone as SET TimeZone and AT TIME ZONE do: a name of the
// IANA database in any case, or a POSIX specification such as UTC-3 or
// <+0330>-3:30, whose sign counts west of Greenwich. Abbreviations are looked
// up when abbreviations is set (AT TIME ZONE, timestamp input; not SET).
func LoadZone(name string, abbreviations bool) (*time.Location, error) {
	if abbreviations {
		if loc := movingZone(name); loc != nil {
			return loc, nil
		}
		if o, ok := zoneAbbreviation(name); ok {
			return time.FixedZone(strings.ToUpper(name), o), nil
		}
	}
	if loc := ianaZone(name); loc != nil {
		return loc, nil
	}
	if loc := posixZone(name); loc != nil {
		return loc, nil
	}
	return nil, pgerror.Newf(pgerror.InvalidParameterValue, "time zone %q not recognized", name)
}

// ianaZone looks name up as written and in the spellings the database uses.
func ianaZone(name string) *time.Location {
	if name == "" || strings.EqualFold(name, "local") || strings.Contains(name, "..") {
		return nil
	}
	if strings.EqualFold(name, "utc") {
		return time.UTC
	}
	for _, try := range []string{name, strings.ToUpper(name), titleZone(name)} {
		if loc, err := time.LoadLocation(try); err == nil {
			return loc
		}
	}
	return nil
}

// titleZone spells a zone name as the database does: words capitalised, small
// words inside a place name not.
func titleZone(name string) string {
	out := []byte(strings.ToLower(name))
	start := 0
	for i := 0; i <= len(out); i++ {
		if i < len(out) && out[i] != '/' && out[i] != '_' && out[i] != '-' {
			continue
		}
		word := string(out[start:i])
		inner := start > 0 && (out[start-1] == '_' || out[start-1] == '-')
		switch {
		case word == "gmt" || word == "utc" || word == "uct" || word == "us" || word == "nz":
			copy(out[start:], strings.ToUpper(word))
		case inner && (word == "of" || word == "es" || word == "au" && i < len(out)):
		case strings.HasPrefix(word, "gmt+"):
			copy(out[start:], "GMT")
		case word != "":
			out[start] -= 32 * b2i(word[0] >= 'a' && word[0] <= 'z')
		}
		start = i + 1
	}
	return string(out)
}

func b2i(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// posixZone reads NAME[+-]h[:m[:s]] without daylight rules.
func posixZone(name string) *time.Location {
	rest := name
	label := ""
	if strings.HasPrefix(rest, "<") {
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return nil
		}
		label, rest = rest[1:end], rest[end+1:]
	} else {
		i := 0
		for i < len(rest) && isAlpha(rest[i]) {
			i++
		}
		label, rest = rest[:i], rest[i:]
		if len(label) > 0 && len(label) < 3 {
			return nil
		}
	}
	west, n := parseClockOffset(rest)
	if n == 0 {
		return nil
	}
	if n != len(rest) {
		return summerZone(name, rest[n:])
	}
	if label == "" {
		label = string(appendOffset(nil, -west))
	}
	return time.FixedZone(label, -west)
}

// summerZone reads a POSIX specification with daylight saving time, which rest
// starts with; without rules those of the United States hold.
func summerZone(name, rest string) *time.Location {
	rules := name
	if !strings.Contains(rest, ",") {
		rules += ",M3.2.0,M11.1.0"
	}
	// A file of the zone database that has nothing but the rule.
	header := func(version byte) []byte {
		h := append([]byte("TZif"), version)
		h = append(h, make([]byte, 15+4*4)...)
		return append(h, 0, 0, 0, 1, 0, 0, 0, 4)
	}
	block := []byte{0, 0, 0, 0, 0, 0, 'S', 'T', 'D', 0}
	data := append(header('2'), block...)
	data = append(append(data, header('2')...), block...)
	data = append(append(append(data, '\n'), rules...), '\n')
	loc, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil
	}
	// Without a rule that holds the name of the made-up type would show.
	if label, _ := time.Unix(0, 0).In(loc).Zone(); label == "STD" && !strings.HasPrefix(name, "STD") {
		return nil
	}
	return loc
}

// parseClockOffset reads [+-]h[h][:mm[:ss]] at the start of s: the seconds, and
// how many bytes were read (0 when there is no offset).
func parseClockOffset(s string) (seconds, n int) {
	neg := false
	if n < len(s) && (s[n] == '+' || s[n] == '-') {
		neg = s[n] == '-'
		n++
	}
	unit := 3600
	for part := range 3 {
		if part > 0 {
			if n >= len(s) || s[n] != ':' {
				break
			}
			n++
		}
		start, v := n, 0
		for n < len(s) && isDigit(s[n]) && n-start < 3 {
			v = v*10 + int(s[n]-'0')
			n++
		}
		if n == start || part > 0 && v > 59 || v > 167 {
			return 0, 0
		}
		seconds += v * unit
		unit /= 60
	}
	if neg {
		seconds = -seconds
	}
	return seconds, n
}

// ZoneByHours returns the zone of SET TIME ZONE with a number: seconds east of
// UTC.
func ZoneByHours(seconds int) *time.Location {
	// PostgreSQL names such a zone after its POSIX form.
	return time.FixedZone("<"+string(appendOffset(nil, seconds))+">"+string(appendOffset(nil, -seconds)), seconds)
}

// movingZone returns the zone of an abbreviation whose meaning has changed over
// the years: it is what the clocks there showed at the time. nil for others.
func movingZone(name string) *time.Location {
	zone := ""
	switch strings.ToUpper(name) {
	case "MSK", "MSD":
		zone = "Europe/Moscow"
	case "VET":
		zone = "America/Caracas"
	case "IRKT", "IRKST":
		zone = "Asia/Irkutsk"
	case "KRAT", "KRAST":
		zone = "Asia/Krasnoyarsk"
	case "NOVT", "NOVST":
		zone = "Asia/Novosibirsk"
	case "OMST", "OMSST":
		zone = "Asia/Omsk"
	case "VLAT", "VLAST":
		zone = "Asia/Vladivostok"
	case "YAKT", "YAKST":
		zone = "Asia/Yakutsk"
	case "YEKT", "YEKST":
		zone = "Asia/Yekaterinburg"
	}
	if zone == "" {
		return nil
	}
	return ianaZone(zone)
}

// NumericZone reads an offset such as +2 or -03:30, east of Greenwich, as
// make_timestamptz takes it; nil when name does not begin with a sign or a digit.
func NumericZone(name string) (*time.Location, error) {
	switch {
	case name == "":
		return nil, nil
	case isDigit(name[0]):
		return nil, pgerror.Newf(pgerror.InvalidParameterValue, "invalid input syntax for type numeric time zone: %q", name).
			WithHint(`Numeric time zones must have "-" or "+" as first character.`)
	case name[0] != '+' && name[0] != '-':
		return nil, nil
	}
	var p dtParser
	switch p.zone(name) {
	case dtOK:
		return time.FixedZone("", p.out.offset), nil
	case dtZoneRange:
		return nil, pgerror.Newf(pgerror.InvalidParameterValue, "numeric time zone %q out of range", name)
	}
	return nil, nil
}

// zoneAbbreviation returns the offset in seconds east of UTC of an abbreviation
// (PostgreSQL's Default set).
func zoneAbbreviation(name string) (int, bool) {
	if len(name) > 8 {
		return 0, false
	}
	o, ok := zoneAbbreviations[strings.ToUpper(name)]
	return int(o) * 60, ok
}
