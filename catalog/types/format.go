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
	// Names prints and reads regclass and its family as names of the catalog;
	// without it they are numbers.
	Names RegNames
}

// RegNames knows the names behind regclass, regtype and the like. It may be used
// concurrently.
type RegNames interface {
	// AppendReg appends the text form of oid as type t.
	AppendReg(dst []byte, t OID, oid uint32) []byte
	// ParseReg resolves a name; its errors are those of the cast.
	ParseReg(t OID, name string) (Datum, error)
}

// named reports whether values of t are names of the catalog that f knows.
func (f *Format) named(t OID) bool {
	if f == nil || f.Names == nil {
		return false
	}
	switch t {
	case RegClass, RegType, RegProc, RegProcedure, RegOper, RegOperator, RegNamespace, RegRole, RegCollation:
		return true
	}
	return false
}

// DefaultFormat returns PostgreSQL's defaults in UTC.
func DefaultFormat() *Format {
	return &Format{TimeZone: time.UTC, DateStyle: "ISO", DateOrder: "MDY", IntervalStyle: "postgres", ExtraFloatDigits: 1}
}
