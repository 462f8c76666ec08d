package session

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Type is the type of a setting (pg_settings.vartype).
type Type uint8

// Setting types.
const (
	Bool Type = iota
	Int
	Real
	String
	Enum
)

// String returns the name that pg_settings shows.
func (t Type) String() string {
	return [...]string{"bool", "integer", "real", "string", "enum"}[t]
}

// Context says who may change a setting, and when (pg_settings.context).
type Context uint8

// Contexts.
const (
	User       Context = iota // anyone, any time
	Superuser                 // administrators
	Sighup                    // only the configuration file
	Postmaster                // only at start
	Internal                  // never
)

// String returns the name that pg_settings shows.
func (c Context) String() string {
	return [...]string{"user", "superuser", "sighup", "postmaster", "internal"}[c]
}

// listKind tells how SET x = a, b makes one value of several.
type listKind uint8

const (
	noList    listKind = iota
	list               // joined by ", "
	listQuote          // the same, with identifiers quoted
)

// Setting describes one setting.
type Setting struct {
	Name    string
	Type    Type
	Default string
	// Unit is the base unit of an Int or Real setting: ms, s, min, kB, 8kB, B, MB
	// or "".
	Unit     string
	Min, Max float64
	Values   []string // of an Enum
	Context  Context
	Reported bool // sent to the client as ParameterStatus
	List     listKind
	Category string
	Doc      string
}

// Settings returns the description of every setting, ordered by name. The slice
// must not be changed.
func Settings() []Setting { return table[:] }

// exact finds a setting by its name as the table spells it.
var exact = func() map[string]*Setting {
	m := make(map[string]*Setting, len(table))
	for i := range table {
		m[table[i].Name] = &table[i]
	}
	return m
}()

// find looks a setting up by name in any case.
func find(name string) *Setting {
	if s := exact[name]; s != nil {
		return s
	}
	i, ok := slices.BinarySearchFunc(table[:], name, func(s Setting, n string) int {
		return strings.Compare(strings.ToLower(s.Name), strings.ToLower(n))
	})
	if ok {
		return &table[i]
	}
	switch strings.ToLower(name) {
	case "timezone", "time zone":
		return find("TimeZone")
	}
	return nil
}

type unit struct {
	name  string
	scale float64 // in the family's smallest unit
}

var (
	timeUnits   = []unit{{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"min", 60e6}, {"h", 3600e6}, {"d", 86400e6}}
	memoryUnits = []unit{{"B", 1}, {"kB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1 << 40}}
)

// units returns the units that s accepts and how many of the smallest make the
// base unit.
func (s *Setting) units() ([]unit, float64) {
	switch s.Unit {
	case "":
		return nil, 1
	case "8kB":
		return memoryUnits, 8 << 10
	}
	for _, family := range [][]unit{timeUnits, memoryUnits} {
		for _, u := range family {
			if u.name == s.Unit {
				return family, u.scale
			}
		}
	}
	return nil, 1
}

// invalid is 22023 for a value that does not parse.
func (s *Setting) invalid(value string) *pgerror.Error {
	return pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter \""+s.Name+"\": \""+value+"\"")
}

// canonical checks a value and returns it as it is stored: numbers in the base
// unit, booleans as on and off, enum values as declared.
func (s *Setting) canonical(value string) (string, error) {
	switch s.Type {
	case Bool:
		v, ok := types.BoolFromText(value)
		if !ok {
			return "", pgerror.Newf(pgerror.InvalidParameterValue, "parameter %q requires a Boolean value", s.Name)
		}
		if v {
			return "on", nil
		}
		return "off", nil
	case Enum:
		for _, v := range s.Values {
			if strings.EqualFold(v, value) {
				return v, nil
			}
		}
		if alias, ok := s.enumAlias(value); ok {
			return alias, nil
		}
		e := s.invalid(value)
		e.Hint = "Available values: " + strings.Join(s.Values, ", ") + "."
		return "", e
	case Int, Real:
		return s.number(value)
	}
	return s.checkString(value)
}

// enumAlias accepts the boolean spellings that some enums take.
func (s *Setting) enumAlias(value string) (string, bool) {
	if !slices.Contains(s.Values, "on") || !slices.Contains(s.Values, "off") {
		return "", false
	}
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		return "on", true
	case "false", "no", "0":
		return "off", true
	}
	return "", false
}

// number reads an Int or Real value with an optional unit.
func (s *Setting) number(value string) (string, error) {
	text := strings.TrimSpace(value)
	if s.Name == "data_directory_mode" {
		return text, nil // octal, shown as written
	}
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.' || text[end] == '+' || text[end] == '-' || (text[end]|0x20 == 'e' && end+1 < len(text) && (text[end+1] >= '0' && text[end+1] <= '9' || text[end+1] == '-' || text[end+1] == '+'))) {
		end++
	}
	var f float64
	var err error
	if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
		end = 2
		for end < len(text) && strings.IndexByte("0123456789abcdefABCDEF", text[end]) >= 0 {
			end++
		}
		var i int64
		i, err = strconv.ParseInt(text[2:end], 16, 64)
		f = float64(i)
	} else {
		f, err = strconv.ParseFloat(text[:end], 64)
	}
	if err != nil || math.IsNaN(f) {
		return "", s.invalid(value)
	}
	family, base := s.units()
	if name := strings.TrimSpace(text[end:]); name != "" {
		i := slices.IndexFunc(family, func(u unit) bool { return u.name == name })
		if i < 0 {
			e := s.invalid(value)
			switch {
			case len(family) > 0 && family[0].name == "us":
				e.Hint = `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`
			case len(family) > 0:
				e.Hint = `Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`
			}
			return "", e
		}
		f = f * family[i].scale / base
		// A fraction of a unit is rounded to the next smaller one, so that 30.1
		// GB is a whole number of megabytes.
		if i > 0 && f != math.Trunc(f) {
			step := family[i-1].scale / base
			f = math.RoundToEven(f/step) * step
		}
	}
	if s.Type == Int {
		f = math.RoundToEven(f)
	}
	if f < s.Min || f > s.Max {
		suffix := s.Unit
		if suffix != "" {
			suffix = " " + suffix
		}
		return "", pgerror.Newf(pgerror.InvalidParameterValue, "%s%s is outside the valid range for parameter %q (%s .. %s)",
			shortNumber(f), suffix, s.Name, shortNumber(s.Min), shortNumber(s.Max))
	}
	if s.Type == Int {
		return strconv.FormatInt(int64(f), 10), nil
	}
	return strconv.FormatFloat(f, 'g', -1, 64), nil
}

// shortNumber prints like C's %g, integers in full.
func shortNumber(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', 6, 64)
}

// checkString checks the strings that have a syntax.
func (s *Setting) checkString(value string) (string, error) {
	switch s.Name {
	case "client_encoding":
		switch strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(value)) {
		case "UTF8", "UNICODE":
			return "UTF8", nil
		}
		return "", s.invalid(value)
	case "application_name", "cluster_name":
		out := []byte(value)
		for i, c := range out {
			if c < ' ' || c > '~' {
				out[i] = '?'
			}
		}
		return string(out), nil
	case "search_path", "temp_tablespaces":
		if _, ok := SplitIdentifiers(value); !ok {
			e := s.invalid(value)
			e.Detail = "List syntax is invalid."
			return "", e
		}
	}
	return value, nil
}

// show prints a stored value as SHOW does: numbers with the largest unit that
// divides them.
func (s *Setting) show(value string) string {
	if s.Type == Bool || s.Unit == "" || s.Type != Int && s.Type != Real {
		return value
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || f <= 0 {
		return value
	}
	family, base := s.units()
	for _, f0 := range slices.Backward(family) {
		if n := f * base / f0.scale; n == math.Trunc(n) {
			return strconv.FormatInt(int64(n), 10) + f0.name
		}
	}
	return value + s.Unit
}

// SplitIdentifiers splits a list of SQL identifiers separated by commas: quoted
// ones are taken literally, others folded to lower case and cut to 63 bytes. ok
// is false for a broken list. An empty string is an empty list.
func SplitIdentifiers(s string) (names []string, ok bool) {
	rest := strings.TrimLeft(s, " \t\n\r\f")
	if rest == "" {
		return nil, true
	}
	for {
		name := ""
		if strings.HasPrefix(rest, `"`) {
			rest = rest[1:]
			for {
				end := strings.IndexByte(rest, '"')
				if end < 0 {
					return nil, false
				}
				name += rest[:end]
				rest = rest[end+1:]
				if !strings.HasPrefix(rest, `"`) {
					break
				}
				name += `"`
				rest = rest[1:]
			}
		} else {
			end := strings.IndexAny(rest, ", \t\n\r\f")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, false
			}
			name, rest = strings.ToLower(rest[:end]), rest[end:]
		}
		names = append(names, types.TruncateName(name))
		rest = strings.TrimLeft(rest, " \t\n\r\f")
		if rest == "" {
			return names, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimLeft(rest[1:], " \t\n\r\f")
	}
}

// QuoteIdentifier quotes a name where SQL needs it.
func QuoteIdentifier(name string) string {
	plain := name != ""
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c == '_' || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			plain = false
			break
		}
	}
	if plain && !reservedNames[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
