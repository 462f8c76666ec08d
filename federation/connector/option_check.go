package connector

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// The checks that options of several wrappers share. Each returns a function for
// Option.Check, whose error is 22023 and says which values are valid.

// badOption is the error for an option's value.
func badOption(name, value, valid string) error {
	return pgerror.Newf(pgerror.InvalidParameterValue, "invalid value for option %q: %q", name, value).WithHint("Valid values are %s.", valid)
}

// WholeNumber accepts integers from low to high.
func WholeNumber(name string, low, high int) func(string) error {
	return func(v string) error {
		if n, err := strconv.Atoi(v); err != nil || n < low || n > high {
			return badOption(name, v, "integers from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		}
		return nil
	}
}

// Number accepts numbers with or without a fraction.
func Number(name string) func(string) error {
	return func(v string) error {
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return badOption(name, v, "numbers")
		}
		return nil
	}
}

// Boolean accepts what ParseBoolean reads.
func Boolean(name string) func(string) error {
	return func(v string) error {
		if _, ok := ParseBoolean(v); !ok {
			return badOption(name, v, "true and false")
		}
		return nil
	}
}

// ParseBoolean reads PostgreSQL's spellings of booleans in options.
func ParseBoolean(v string) (value, ok bool) {
	switch strings.ToLower(v) {
	case "true", "on", "yes", "1", "t":
		return true, true
	case "false", "off", "no", "0", "f":
		return false, true
	}
	return false, false
}

// OneOf accepts the listed values.
func OneOf(name string, values ...string) func(string) error {
	return func(v string) error {
		if !slices.Contains(values, v) {
			return badOption(name, v, strings.Join(values, ", "))
		}
		return nil
	}
}
