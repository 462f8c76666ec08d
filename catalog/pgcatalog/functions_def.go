package pgcatalog

import (
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// definitionFunctions print definitions; NULL when there is no such object.
// Constraints, indexes, triggers, partitions and extended statistics never
// exist.
var definitionFunctions = map[string]scalar{
	"pg_get_viewdef": func(c *callee) (types.Datum, error) {
		id := c.oid(0)
		if c.named(0) {
			var err error
			if id, err = c.names.Lookup(types.RegClass, c.text(0)); err != nil {
				return null, err
			}
		}
		if r, ok := c.snap.RelationByOID(id); ok && r.Kind == catalog.View {
			return str(viewDefinition(r)), nil
		}
		return null, nil
	},
	"pg_get_ruledef": func(c *callee) (types.Datum, error) {
		r, ok := c.snap.RelationByOID(c.oid(0))
		if !ok || r.Kind != catalog.View {
			return null, nil
		}
		return str("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO " + QuoteIdent(c.names.schemaName(r.SchemaID)) + "." + QuoteIdent(r.Name) + " DO INSTEAD " + viewDefinition(r)), nil
	},
	// Expressions are stored as the SQL they print as.
	"pg_get_expr": func(c *callee) (types.Datum, error) { return c.args[0], nil },

	"pg_get_constraintdef": definitionOf(func(c *catalog.Constraint) bool { return !c.Index }, constraintDefinition),
	"pg_get_indexdef": func(c *callee) (types.Datum, error) {
		r, k := constraintByOID(c.snap, c.oid(0))
		if k == nil || !indexed(k) {
			return null, nil
		}
		if len(c.args) > 1 && c.int(1) > 0 {
			names := keyNames(r, k)
			if int(c.int(1)) > len(names) {
				return null, nil
			}
			return str(names[c.int(1)-1]), nil
		}
		return str(indexDefinition(r, k)), nil
	},

	"pg_get_triggerdef":                   constant(null),
	"pg_get_partkeydef":                   constant(null),
	"pg_get_partition_constraintdef":      constant(null),
	"pg_get_statisticsobjdef":             constant(null),
	"pg_get_statisticsobjdef_columns":     constant(null),
	"pg_get_statisticsobjdef_expressions": constant(null),
	"pg_get_function_sqlbody":             constant(null),
	"pg_get_function_arg_default": func(c *callee) (types.Datum, error) {
		f := c.names.functionByOID(c.oid(0))
		if f == nil {
			return null, nil
		}
		i := int(c.int(1)) - 1 - (len(f.Args) - len(f.Defaults))
		if i < 0 || i >= len(f.Defaults) {
			return null, nil
		}
		return str(f.Defaults[i]), nil
	},
	"pg_get_function_arguments":          ofFunction(func(f *function.Overload) string { return arguments(f, true) }),
	"pg_get_function_identity_arguments": ofFunction(func(f *function.Overload) string { return arguments(f, false) }),
	"pg_get_function_result":             ofFunction(result),
	"pg_get_functiondef": func(c *callee) (types.Datum, error) {
		f := c.names.functionByOID(c.oid(0))
		if f == nil {
			return null, nil
		}
		if f.Kind == function.Agg {
			return null, pgerror.Newf(pgerror.WrongObjectType, "%q is an aggregate function", f.Name)
		}
		return str(definition(f)), nil
	},
}

// ofFunction prints something of a function.
func ofFunction(print func(*function.Overload) string) scalar {
	return func(c *callee) (types.Datum, error) {
		if f := c.names.functionByOID(c.oid(0)); f != nil {
			return str(print(f)), nil
		}
		if _, ok := supportName(c.oid(0)); ok {
			return str(print(&function.Overload{Args: supportArgs(c.oid(0)), Ret: oidOf(support().byOID[c.oid(0)][18])})), nil
		}
		return null, nil
	}
}

// arguments prints the arguments of a function as in CREATE FUNCTION.
func arguments(f *function.Overload, defaults bool) string {
	var list []string
	for i, a := range f.Args {
		s := types.FormatOID(a)
		if i < len(f.ArgNames) && f.ArgNames[i] != "" {
			s = QuoteIdent(f.ArgNames[i]) + " " + s
		}
		if f.Variadic && i == len(f.Args)-1 {
			s = "VARIADIC " + s
		}
		if k := i - (len(f.Args) - len(f.Defaults)); defaults && k >= 0 {
			s += " DEFAULT " + f.Defaults[k]
		}
		list = append(list, s)
	}
	for _, c := range f.RetColumns {
		list = append(list, "OUT "+QuoteIdent(c.Name)+" "+types.FormatOID(c.Type))
	}
	return strings.Join(list, ", ")
}

// result prints what a function returns.
func result(f *function.Overload) string {
	if retSet(f) {
		return "SETOF " + types.FormatOID(f.Ret)
	}
	return types.FormatOID(f.Ret)
}

// definition prints CREATE FUNCTION.
func definition(f *function.Overload) string {
	var b strings.Builder
	b.WriteString("CREATE OR REPLACE FUNCTION " + QuoteIdent(f.Schema) + "." + QuoteIdent(f.Name) + "(" + arguments(f, true) + ")\n RETURNS " + result(f) + "\n LANGUAGE internal\n")
	var attributes []string
	if f.Kind == function.WindowFn {
		attributes = append(attributes, "WINDOW")
	}
	switch f.Volatility {
	case function.Immutable:
		attributes = append(attributes, "IMMUTABLE")
	case function.Stable:
		attributes = append(attributes, "STABLE")
	}
	if f.Strict {
		attributes = append(attributes, "STRICT")
	}
	if f.Leakproof {
		attributes = append(attributes, "LEAKPROOF")
	}
	if len(attributes) > 0 {
		b.WriteString(" " + strings.Join(attributes, " ") + "\n")
	}
	b.WriteString("AS $function$" + f.Name + "$function$\n")
	return b.String()
}
