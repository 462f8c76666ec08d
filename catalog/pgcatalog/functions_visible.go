package pgcatalog

import (
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// visibilityFunctions say whether an unqualified name finds an object; NULL when
// there is no such object.
var visibilityFunctions = map[string]scalar{
	"pg_table_is_visible": func(c *callee) (types.Datum, error) {
		schema, name, ok := c.names.relationName(c.oid(0))
		if r, k := constraintByOID(c.snap, c.oid(0)); !ok && k != nil && indexed(k) {
			schema, name, ok = r.Schema, r.Name, true
		}
		if !ok {
			return null, nil
		}
		return yes(c.names.relationVisible(schema, name)), nil
	},
	"pg_type_is_visible": func(c *callee) (types.Datum, error) {
		if _, name, ok := c.snap.TypeIdentity(c.oid(0)); ok {
			text := c.names.userType(c.oid(0))
			return yes(strings.TrimSuffix(text, "[]") == QuoteIdent(name)), nil
		}
		if _, _, _, user := c.oid(0).User(); user || types.Lookup(c.oid(0)) == nil {
			return null, nil
		}
		return yes(true), nil
	},
	"pg_function_is_visible": func(c *callee) (types.Datum, error) {
		if f := c.names.functionByOID(c.oid(0)); f != nil {
			return yes(c.names.schemaVisible(f.Schema)), nil
		}
		if _, ok := supportName(c.oid(0)); ok {
			return yes(true), nil
		}
		return null, nil
	},
	"pg_operator_is_visible": func(c *callee) (types.Datum, error) {
		if _, ok := c.names.operatorByOID(c.oid(0)); ok {
			return yes(true), nil
		}
		return null, nil
	},
	"pg_collation_is_visible":      visibleRow(collationRows),
	"pg_opclass_is_visible":        visibleRow(opclassRows),
	"pg_opfamily_is_visible":       visibleRow(opfamilyRows),
	"pg_conversion_is_visible":     constant(null),
	"pg_statistics_obj_is_visible": constant(null),
	"pg_ts_config_is_visible":      constant(null),
	"pg_ts_dict_is_visible":        constant(null),
	"pg_ts_parser_is_visible":      constant(null),
	"pg_ts_template_is_visible":    constant(null),
	"current_schema": func(c *callee) (types.Datum, error) {
		if len(c.names.SearchPath) == 0 {
			return null, nil
		}
		return str(c.names.SearchPath[0]), nil
	},
	"current_schemas": func(c *callee) (types.Datum, error) {
		path := c.names.SearchPath
		if c.args[0].Bool() {
			path = c.names.path()
		}
		return texts(types.Name, append([]string{}, path...)), nil
	},
	"to_regclass":       toReg(types.RegClass),
	"to_regtype":        toReg(types.RegType),
	"to_regproc":        toReg(types.RegProc),
	"to_regprocedure":   toReg(types.RegProcedure),
	"to_regoper":        toReg(types.RegOper),
	"to_regoperator":    toReg(types.RegOperator),
	"to_regnamespace":   toReg(types.RegNamespace),
	"to_regrole":        toReg(types.RegRole),
	"to_regcollation":   toReg(types.RegCollation),
	"regclass(text)":    func(c *callee) (types.Datum, error) { return c.names.ParseReg(types.RegClass, c.text(0)) },
	"pg_is_in_recovery": constant(yes(false)),
}

// visibleRow serves objects of pg_catalog that never change.
func visibleRow(list func() [][]types.Datum) scalar {
	return func(c *callee) (types.Datum, error) {
		for _, r := range list() {
			if oidOf(r[0]) == c.oid(0) {
				return yes(true), nil
			}
		}
		return null, nil
	}
}

// toReg looks a name up; what does not exist is NULL.
func toReg(t types.OID) scalar {
	return func(c *callee) (types.Datum, error) {
		d, err := c.names.ParseReg(t, c.text(0))
		if missing(err) {
			return null, nil
		}
		return d, err
	}
}
