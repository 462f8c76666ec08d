package types

import "math"

// Datum is one SQL value outside a vector: a constant, a parameter, a row of a
// slow path. Which fields are meaningful follows from the layout of its type:
//
//	LayoutBool            I is 0 or 1
//	LayoutInt16/32/64     I
//	LayoutFloat32/64      I holds math.Float64bits of the value
//	LayoutNumeric         S is PostgreSQL's binary form (numeric_send)
//	LayoutWide            A is I, B is J (see LayoutWide)
//	LayoutBytes           S
//
// A Datum is a value; it owns nothing that changes.
type Datum struct {
	Null bool
	I    int64
	J    int64
	S    string
}

// Null is the SQL NULL of any type.
var Null = Datum{Null: true}

// BoolDatum returns b as a datum.
func BoolDatum(b bool) Datum {
	if b {
		return Datum{I: 1}
	}
	return Datum{}
}

// IntDatum returns an integer, date, time, timestamp or oid.
func IntDatum(i int64) Datum { return Datum{I: i} }

// FloatDatum returns a float4 or float8.
func FloatDatum(f float64) Datum { return Datum{I: int64(math.Float64bits(f))} }

// TextDatum returns a text, bytea, json, array or numeric (binary form) value.
func TextDatum(s string) Datum { return Datum{S: s} }

// WideDatum returns an interval, timetz or uuid (see LayoutWide).
func WideDatum(a, b int64) Datum { return Datum{I: a, J: b} }

// Bool returns the value of a boolean datum.
func (d Datum) Bool() bool { return d.I != 0 }

// Float returns the value of a float4 or float8 datum.
func (d Datum) Float() float64 { return math.Float64frombits(uint64(d.I)) }

// IntervalParts splits an interval datum.
func (d Datum) IntervalParts() (months, days int32, micros int64) {
	return int32(d.J >> 32), int32(uint32(d.J)), d.I
}

// IntervalDatum builds an interval.
func IntervalDatum(months, days int32, micros int64) Datum {
	return Datum{I: micros, J: int64(months)<<32 | int64(uint32(days))}
}
