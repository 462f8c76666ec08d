package types

import "time"

// Format is how a session wants values read and printed (section 20.11.2).
type Format struct {
	// TimeZone is where timestamptz values are shown; never nil.
	TimeZone *time.Location
	// DateStyle is one of ISO, SQL, Postgres, German; DateOrder one of MDY,
	// DMY, YMD.
	DateStyle, DateOrder string
	// IntervalStyle is postgres, postgres_verbose, sql_standard or iso_8601.
	IntervalStyle string
	// ExtraFloatDigits as the setting: above 0 prints the shortest exact form.
	ExtraFloatDigits int
	// ByteaEscape prints bytea in escape format instead of hex.
	ByteaEscape bool
	// Now is what the input 'now' and 'today' mean.
	Now time.Time
}

// DefaultFormat returns PostgreSQL's defaults in UTC.
func DefaultFormat() *Format {
	return &Format{TimeZone: time.UTC, DateStyle: "ISO", DateOrder: "MDY", IntervalStyle: "postgres", ExtraFloatDigits: 1}
}
