package sqlite

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// typeOf maps a declared type to the type that the column's values are read as,
// with a note where it is only an approximation. The rules are SQLite's
// affinities, refined by the names that say more; n of varchar(n) is dropped,
// because SQLite does not enforce it.
func typeOf(declared string) (types.Type, string) {
	name, args, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(declared)), "(")
	name = strings.TrimSpace(name)
	has := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case name == "":
		return types.Of(types.Text), "the column has no declared type, so it is read as text"
	case has("BOOL"):
		return types.Of(types.Bool), ""
	case name == "DATE":
		return types.Of(types.Date), ""
	case name == "TIMESTAMPTZ", has("WITH TIME ZONE"):
		return types.Of(types.TimestampTZ), ""
	case name == "DATETIME", has("TIMESTAMP"):
		return types.Of(types.Timestamp), ""
	case name == "TIME":
		return types.Of(types.Time), ""
	case name == "UUID":
		return types.Of(types.UUID), ""
	case name == "JSON":
		return types.Of(types.JSON), ""
	case name == "NUMERIC", name == "DECIMAL", name == "NUMBER":
		return numericOf(args), ""
	case has("INT"):
		return types.Of(types.Int8), ""
	case has("CHAR"), has("CLOB"), has("TEXT"), name == "STRING":
		return types.Of(types.Text), ""
	case has("BLOB"), name == "BYTEA":
		return types.Of(types.Bytea), ""
	case has("REAL"), has("FLOA"), has("DOUB"):
		return types.Of(types.Float8), ""
	}
	return types.Of(types.Text), "the declared type " + strconv.Quote(declared) + " has no equivalent, so it is read as text"
}

// numericOf parses what follows NUMERIC( .
func numericOf(args string) types.Type {
	args, _, _ = strings.Cut(args, ")")
	p, s, _ := strings.Cut(args, ",")
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	if err != nil || precision < 1 || precision > 1000 {
		return types.Of(types.Numeric)
	}
	scale := 0
	if s = strings.TrimSpace(s); s != "" {
		if scale, err = strconv.Atoi(s); err != nil || scale < 0 || scale > precision {
			return types.Of(types.Numeric)
		}
	}
	return types.NumericType(precision, scale)
}
