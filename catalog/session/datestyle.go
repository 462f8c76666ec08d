package session

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// checkDateStyle merges key words into the style and order in force.
func (v *Vars) checkDateStyle(s *Setting, value string) (string, error) {
	words, ok := SplitIdentifiers(value)
	if !ok {
		e := s.invalid(value)
		e.Detail = "List syntax is invalid."
		return "", e
	}
	style, order, _ := strings.Cut(v.value(s), ", ")
	haveStyle, haveOrder := "", ""
	conflict := false
	set := func(have, now *string, to string) {
		conflict = conflict || *have != "" && *have != to
		*have, *now = to, to
	}
	for _, w := range words {
		switch {
		case w == "iso":
			set(&haveStyle, &style, "ISO")
		case w == "sql":
			set(&haveStyle, &style, "SQL")
		case strings.HasPrefix(w, "postgres"):
			set(&haveStyle, &style, "Postgres")
		case w == "german":
			set(&haveStyle, &style, "German")
			if haveOrder == "" {
				order = "DMY"
			}
		case w == "ymd":
			set(&haveOrder, &order, "YMD")
		case w == "dmy" || strings.HasPrefix(w, "euro"):
			set(&haveOrder, &order, "DMY")
		case w == "mdy" || w == "us" || strings.HasPrefix(w, "noneuro"):
			set(&haveOrder, &order, "MDY")
		case w == "default":
			style, order, _ = strings.Cut(v.fallback(s), ", ")
		default:
			e := s.invalid(value)
			e.Detail = "Unrecognized key word: \"" + w + "\"."
			return "", e
		}
	}
	if conflict {
		e := s.invalid(value)
		e.Detail = `Conflicting "datestyle" specifications.`
		return "", e
	}
	return style + ", " + order, nil
}

// parseZone reads a value of TimeZone: a name, a number of hours east of UTC, or
// INTERVAL '...'. It returns the name that SHOW prints.
func parseZone(value string) (string, *time.Location, error) {
	bad := func() (string, *time.Location, error) {
		return "", nil, pgerror.New(pgerror.InvalidParameterValue, "invalid time zone")
	}
	text := strings.TrimSpace(value)
	if rest, ok := cutPrefixFold(text, "interval"); ok {
		rest = strings.Trim(strings.TrimSpace(rest), "'")
		d, err := types.ParseText(types.Of(types.Interval), rest, nil)
		months, days, us := d.IntervalParts()
		if err != nil || months|days != 0 || us%1e6 != 0 || us > 14*3600e6*2 || us < -14*3600e6*2 {
			return bad()
		}
		loc := types.ZoneByHours(int(us / 1e6))
		return loc.String(), loc, nil
	}
	if hours, err := strconv.ParseFloat(text, 64); err == nil {
		if math.Abs(hours) > 168 || math.IsNaN(hours) {
			return bad()
		}
		loc := types.ZoneByHours(int(hours * 3600))
		return loc.String(), loc, nil
	}
	loc, err := types.LoadZone(text, false)
	if err != nil {
		return bad()
	}
	name := loc.String()
	if isFixedLabel(text, name) {
		name = text
	}
	return name, loc, nil
}

// isFixedLabel reports that a zone came from a POSIX specification, whose full
// text is its name.
func isFixedLabel(text, name string) bool { return !strings.EqualFold(text, name) }

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
