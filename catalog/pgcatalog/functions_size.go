package pgcatalog

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// sizeFunctions answer 0 for what exists: relations keep nothing on this
// machine's disk that PostgreSQL would count.
var sizeFunctions = map[string]scalar{
	"pg_relation_size":       existing(num(0)),
	"pg_table_size":          existing(num(0)),
	"pg_indexes_size":        existing(num(0)),
	"pg_total_relation_size": existing(num(0)),
	"pg_database_size": func(c *callee) (types.Datum, error) {
		if c.named(0) {
			if c.text(0) != c.database {
				return null, noDatabase(c.text(0))
			}
		} else if c.oid(0) != databaseOID {
			return null, nil
		}
		return num(0), nil
	},
	"pg_tablespace_size": func(c *callee) (types.Datum, error) {
		for _, r := range tablespaceRows() {
			if c.named(0) && r[1].S == c.text(0) || !c.named(0) && oidOf(r[0]) == c.oid(0) {
				return num(0), nil
			}
		}
		if c.named(0) {
			return null, noTablespace(c.text(0))
		}
		return null, nil
	},
}

func noDatabase(name string) error {
	return pgerror.Newf(pgerror.InvalidCatalogName, "database %q does not exist", name)
}

func noTablespace(name string) error {
	return pgerror.Newf(pgerror.UndefinedObject, "tablespace %q does not exist", name)
}

// shapeFunctions are those of the information schema about sizes of types.
var shapeFunctions = map[string]scalar{
	"_pg_char_max_length":         ofType(charLength),
	"_pg_char_octet_length":       ofType(octetLength),
	"_pg_numeric_precision":       ofType(numericPrecision),
	"_pg_numeric_scale":           ofType(numericScale),
	"_pg_datetime_precision":      ofType(datetimePrecision),
	"_pg_numeric_precision_radix": ofType(func(t types.OID, _ int32) (int, bool) { return numericRadix(t) }),
	"_pg_interval_type":           func(c *callee) (types.Datum, error) { return intervalFields(c.oid(0), c.int(1)), nil },
	"_pg_index_position":          constant(null),
	// There are no domains: the true type is the attribute's own.
	"_pg_truetypid":  field(2),
	"_pg_truetypmod": field(8),
}

func ofType(f func(types.OID, int32) (int, bool)) scalar {
	return func(c *callee) (types.Datum, error) {
		n, ok := f(c.oid(0), c.int(1))
		return intOrNull(n, ok), nil
	}
}

// field returns a column of a row of pg_attribute.
func field(i int) scalar {
	return func(c *callee) (types.Datum, error) {
		list, err := types.DecodeRecord(c.args[0].S)
		if err != nil || i >= len(list) {
			return null, err
		}
		return list[i].Value, nil
	}
}
