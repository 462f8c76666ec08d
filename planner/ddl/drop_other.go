package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// dropOther answers DROP of kinds of objects that nobody can make here: one that
// is named does not exist, or is part of the system. nil for other kinds.
func (r *run) dropOther(s *pg.DropStmt) error {
	if s.MissingOk {
		return nil
	}
	for _, n := range s.Objects {
		switch s.RemoveType {
		case pg.ObjectType_OBJECT_AGGREGATE, pg.ObjectType_OBJECT_OPERATOR:
			o := n.GetObjectWithArgs()
			list := make([]string, 0, len(o.GetObjargs()))
			for _, a := range o.GetObjargs() {
				if a.GetTypeName() == nil {
					return nil
				}
				t, err := r.typeOf(a.GetTypeName())
				if err != nil {
					return err
				}
				list = append(list, types.FormatOID(t.OID))
			}
			name := strings.Join(names(&pg.Node{Node: &pg.Node_List{List: &pg.List{Items: o.GetObjname()}}}), ".")
			if s.RemoveType == pg.ObjectType_OBJECT_OPERATOR {
				if len(list) == 2 && !systemOperator(name) {
					return pgerror.Newf(pgerror.UndefinedFunction, "operator does not exist: %s %s %s", list[0], name, list[1])
				}
				continue
			}
			if !systemAggregate(name) {
				return pgerror.Newf(pgerror.UndefinedFunction, "aggregate %s(%s) does not exist", name, strings.Join(list, ", "))
			}
		case pg.ObjectType_OBJECT_RULE, pg.ObjectType_OBJECT_TRIGGER:
			parts := names(n)
			if len(parts) < 2 {
				return nil
			}
			table := parts[:len(parts)-1]
			rel, err := r.find(nameVar(table))
			if err != nil {
				return err
			}
			if rel == nil {
				return pgerror.Newf(pgerror.UndefinedTable, "relation %q does not exist", strings.Join(table, "."))
			}
			what := "rule"
			if s.RemoveType == pg.ObjectType_OBJECT_TRIGGER {
				what = "trigger"
			}
			word := "relation"
			if what == "trigger" {
				word = "table"
			}
			return pgerror.Newf(pgerror.UndefinedObject, "%s %q for %s %q does not exist", what, parts[len(parts)-1], word, rel.Name)
		}
	}
	return nil
}

// systemAggregate reports whether the system has an aggregate function of a name.
func systemAggregate(name string) bool {
	switch strings.TrimPrefix(name, "pg_catalog.") {
	case "array_agg", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count", "covar_pop", "covar_samp", "cume_dist",
		"dense_rank", "every", "json_agg", "json_object_agg", "jsonb_agg", "jsonb_object_agg", "max", "min", "mode", "percent_rank",
		"percentile_cont", "percentile_disc", "range_agg", "range_intersect_agg", "rank", "regr_avgx", "regr_avgy", "regr_count",
		"regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "stddev", "stddev_pop", "stddev_samp",
		"string_agg", "sum", "var_pop", "var_samp", "variance", "xmlagg":
		return true
	}
	return false
}

// systemOperator reports whether the system has an operator of a name.
func systemOperator(name string) bool {
	switch name {
	case "=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^", "||", "~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*", "&", "|",
		"#", "<<", ">>", "<<=", ">>=", "&&", "@>", "<@", "->", "->>", "#>", "#>>", "?", "?|", "?&", "#-", "@?", "@@", "^@", "-|-", "&<", "&>",
		"<->", "~=", "*=", "*<>", "*<", "*<=", "*>", "*>=":
		return true
	}
	return false
}
