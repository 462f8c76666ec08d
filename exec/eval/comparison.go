package eval

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/exec/kernel"
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
