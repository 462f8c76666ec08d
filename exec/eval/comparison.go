package eval

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// compared are the prefixes of PostgreSQL's comparison functions whose result
// is kernel.Compare of their arguments, taken at one type.
var compared = map[string]bool{
	"bool": true, "int2": true, "int4": true, "int8": true, "float4": true, "float8": true,
	"oid": true, "date_": true, "time_": true, "timestamp_": true, "timestamptz_": true,
	"numeric_": true, "text": true, "text_": true, "bpchar": true, "bytea": true, "name": true,
	"interval_": true, "uuid_": true, "timetz_": true,
}

// mixedWidths are the prefixes of comparisons between integers of two widths.
var mixedWidths = map[string]bool{"int24": true, "int28": true, "int42": true, "int48": true, "int82": true, "int84": true}

// operators are the suffixes of comparison functions.
var operators = map[string]kernel.Op{"eq": kernel.Eq, "ne": kernel.Ne, "lt": kernel.Lt, "le": kernel.Le, "gt": kernel.Gt, "ge": kernel.Ge}

// Comparison returns the operator that one of PostgreSQL's own comparison
// functions computes, ok false for every other function.
func Comparison(fn *function.Overload) (op kernel.Op, ok bool) {
	if fn.OID == 0 || fn.OID >= 16384 || len(fn.Args) != 2 || len(fn.Name) < 4 {
		return 0, false
	}
	prefix, suffix := fn.Name[:len(fn.Name)-2], fn.Name[len(fn.Name)-2:]
	op, ok = operators[suffix]
	if !ok || !compared[prefix] && !mixedWidths[prefix] {
		return 0, false
	}
	if !mixedWidths[prefix] && fn.Args[0] != fn.Args[1] {
		return 0, false
	}
	return op, strings.ToLower(fn.Name) == fn.Name
}

// instantTypes are the names of the types whose mixed comparisons PostgreSQL
// has functions for.
var instantTypes = map[string]bool{"date": true, "timestamp": true, "timestamptz": true}

// mixedInstants returns the operator of a comparison between two of date,
// timestamp and timestamptz, such as date_lt_timestamp.
func mixedInstants(fn *function.Overload) (kernel.Op, bool) {
	if fn.OID == 0 || fn.OID >= 16384 || len(fn.Args) != 2 || fn.Args[0] == fn.Args[1] {
		return 0, false
	}
	parts := strings.Split(fn.Name, "_")
	if len(parts) != 3 || !instantTypes[parts[0]] || !instantTypes[parts[2]] {
		return 0, false
	}
	op, ok := operators[parts[1]]
	return op, ok
}

// perDay is a day in microseconds.
const perDay = 24 * 3600 * 1000000

// instantSelector compiles a column of dates or timestamps compared with a
// constant of another of these types to a comparison with a constant of the
// column's own. It returns nil when there is no such constant: the order of
// local time and UTC differs where a zone sets its clock back, so only
// constants are converted.
func (c *compiler) instantSelector(col *expr.Column, op kernel.Op, v *vector.Vec, general *generalSelector) selector {
	x := v.Int(0)
	infinite := x == types.TimestampInfinity || x == types.TimestampNegInfinity
	if v.Type.OID == types.Date {
		infinite = int32(x) == 1<<31-1 || int32(x) == -1<<31
	}
	// Beyond 200 000 years the types' ranges end in different places.
	const far = 200_000 * 366
	switch {
	case infinite:
		return nil
	case v.Type.OID == types.Date:
		if x > far || x < -far {
			return nil
		}
		x *= perDay
	case x > far*perDay || x < -far*perDay:
		return nil
	}
	t := col.T
	switch {
	case t.OID == types.TimestampTZ:
		if c.env.Session == nil {
			return nil
		}
		u, ok := types.LocalToUTC(x, c.env.Session.Format().TimeZone)
		if !ok {
			return nil
		}
		x = u
	case v.Type.OID == types.TimestampTZ:
		return nil
	case t.OID == types.Date:
		day := x / perDay
		if x%perDay < 0 {
			day--
		}
		if x%perDay != 0 {
			// Midnight of a day is before x up to this day, and never equal.
			switch op {
			case kernel.Lt:
				op = kernel.Le
			case kernel.Ge:
				op = kernel.Gt
			case kernel.Eq:
				return noneSelector{}
			case kernel.Ne:
				return nil
			}
		}
		x = day
	}
	return &compareSelector{op: op, left: int(col.ID), right: -1, general: general, c: vector.NewConst(t, types.IntDatum(x))}
}
