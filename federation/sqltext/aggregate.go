package sqltext

import (
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// maxSorted is how many characters of a string MariaDB and MySQL compare when
// they sort or group (max_sort_length is 1024 bytes).
const maxSorted = 255

// value renders an expression that reads a column.
func (r *renderer) value(e expr.Expr) (scalar, string) {
	s := r.scalar(e)
	if s.reason != "" {
		return s, s.reason
	}
	read := map[expr.ColumnID]bool{}
	if expr.Columns(e, read); len(read) == 0 {
		// A number would mean a position in the select list.
		return s, "it reads no column"
	}
	if len(r.used) > 0 {
		return s, "a column may hold values of other types"
	}
	return s, ""
}

// key renders an expression whose equal values the source must recognise as
// HubSQL does: a key of groups, an argument of DISTINCT.
func (r *renderer) key(e expr.Expr) (scalar, string) {
	s, reason := r.value(e)
	if reason != "" {
		return s, reason
	}
	f := familyOf(s.t)
	refuse := "the source may group values of type " + typeName(s.t) + " differently"
	switch r.d {
	case Postgres:
		if f == noFamily {
			return s, refuse
		}
	case MySQL:
		switch f {
		case boolFamily, intFamily, numericFamily, dateFamily, timestampFamily, uuidFamily:
		case floatFamily:
			if s.t.OID == types.Float4 {
				return s, refuse
			}
		case textFamily:
			if reason := r.sorts(s.t); reason != "" {
				return s, reason
			}
		default:
			return s, refuse
		}
	case SQLite:
		switch f {
		case boolFamily, intFamily, textFamily, byteaFamily:
		case floatFamily:
			if s.t.OID == types.Float4 {
				return s, refuse
			}
		default:
			return s, refuse
		}
	}
	if f == textFamily || f == bpcharFamily {
		if s.text.Equal != connector.Exact {
			return s, s.text.Why
		}
		s.sql = concat(s.sql, Raw(s.text.EqualCollate))
	}
	return s, ""
}

// sorts says why MySQL does not compare strings of a type to their end when it
// sorts them.
func (r *renderer) sorts(t types.Type) string {
	if n, ok := t.CharMod(); !ok || n > maxSorted {
		return "the source may compare only the beginning of long strings"
	}
	return ""
}

// ordered renders an expression that the source must order as HubSQL does.
func (r *renderer) ordered(e expr.Expr) (scalar, string) {
	s, reason := r.value(e)
	if reason != "" {
		return s, reason
	}
	f := familyOf(s.t)
	refuse := "the source may order values of type " + typeName(s.t) + " differently"
	switch r.d {
	case Postgres:
		if f == noFamily {
			return s, refuse
		}
	case MySQL:
		switch f {
		case boolFamily, intFamily, numericFamily, dateFamily, timestampFamily, textFamily:
		case floatFamily:
			if s.t.OID == types.Float4 {
				return s, refuse
			}
		default:
			return s, refuse
		}
	case SQLite:
		switch f {
		case boolFamily, intFamily, textFamily, byteaFamily:
		case floatFamily:
			if s.t.OID == types.Float4 {
				return s, refuse
			}
		default:
			return s, refuse
		}
	}
	if f == textFamily || f == bpcharFamily {
		if !s.text.Order {
			return s, orElse(s.text.Why, refuse)
		}
		s.sql = concat(s.sql, Raw(s.text.OrderCollate))
	}
	return s, ""
}

// sortKey renders a key of ORDER BY with its direction and the place of NULLs.
func (r *renderer) sortKey(k connector.SortKey, outputs []Output) ([]SQL, string) {
	s, reason := r.ordered(k.Expr)
	if reason != "" {
		return nil, reason
	}
	word := ""
	if k.Desc {
		word = " DESC"
	}
	if r.d != MySQL {
		if k.NullsFirst {
			return []SQL{concat(s.sql, Raw(word+" NULLS FIRST"))}, ""
		}
		return []SQL{concat(s.sql, Raw(word+" NULLS LAST"))}, ""
	}
	if familyOf(s.t) == textFamily {
		if reason := r.sorts(s.t); reason != "" {
			return nil, reason
		}
	}
	// There NULL is below every value.
	never := false
	if c, ok := k.Expr.(*expr.Column); ok {
		never = outputs[c.ID].NotNull // ordered has found the column
	}
	if never || k.NullsFirst != k.Desc {
		return []SQL{concat(s.sql, Raw(word))}, ""
	}
	nulls := concat(parens(s.sql), Raw(" IS NULL"))
	if k.NullsFirst {
		nulls = concat(nulls, Raw(" DESC"))
	}
	return []SQL{nulls, concat(s.sql, Raw(word))}, ""
}

// aggregate renders an aggregate whose result the source computes as HubSQL
// does, with the rule of its result.
func (r *renderer) aggregate(c connector.AggregateCall) (sql SQL, text TextRule, reason string) {
	name := c.Fn.Name
	switch {
	case c.Fn.Schema != "" && c.Fn.Schema != "pg_catalog":
		return SQL{}, text, "aggregate " + name + " is HubSQL's own"
	case c.Ordered:
		return SQL{}, text, "the arguments of " + name + " have an order"
	case len(c.Args) > 1 || len(c.Args) == 0 && name != "count":
		return SQL{}, text, "aggregate " + name + " is not on the list of aggregates that the source computes alike"
	}
	var condition SQL
	if c.Filter != nil {
		p := r.predicate(c.Filter, false)
		switch {
		case p.pushed != connector.Exact:
			return SQL{}, text, p.reason
		case len(r.used) > 0:
			return SQL{}, text, "a column may hold values of other types"
		}
		condition = p.sql
	}
	arg := Raw("*")
	if len(c.Args) == 1 {
		if arg, text, reason = r.argument(c); reason != "" {
			return SQL{}, text, reason
		}
	}
	distinct := ""
	if c.Distinct {
		distinct = "DISTINCT "
	}
	if c.Filter == nil || r.d != MySQL {
		sql = concat(Raw(name+"("+distinct), arg, Raw(")"))
		if c.Filter != nil {
			sql = concat(sql, Raw(" FILTER (WHERE "), condition, Raw(")"))
		}
		return sql, text, ""
	}
	if len(c.Args) == 0 {
		arg = Raw("1")
	}
	return concat(Raw(name+"("+distinct+"CASE WHEN "), condition, Raw(" THEN "), arg, Raw(" END)")), text, ""
}

// argument renders the argument of an aggregate that takes one.
func (r *renderer) argument(c connector.AggregateCall) (sql SQL, text TextRule, reason string) {
	name, e := c.Fn.Name, c.Args[0]
	refuse := "aggregate " + name + " over " + typeName(e.Type()) + " is not on the list of aggregates that the source computes alike"
	if name == "count" && !c.Distinct {
		s := r.scalar(e)
		switch {
		case s.reason != "":
			return SQL{}, text, s.reason
		case s.nullIf != "" || len(r.used) > 0:
			return SQL{}, text, refuse
		case r.d != Postgres && familyOf(s.t) == timeFamily:
			return SQL{}, text, refuse
		}
		return s.sql, text, ""
	}
	var s scalar
	if name == "min" || name == "max" {
		if s, reason = r.ordered(e); reason != "" {
			return SQL{}, text, reason
		}
		if f := familyOf(s.t); f == boolFamily || f == byteaFamily || f == uuidFamily {
			return SQL{}, text, refuse
		}
		return s.sql, s.text, ""
	}
	if c.Distinct {
		s, reason = r.key(e)
	} else {
		s, reason = r.value(e)
	}
	if reason != "" {
		return SQL{}, text, reason
	}
	if name == "count" || r.computes(name, s.t) {
		return s.sql, text, ""
	}
	return SQL{}, text, refuse
}

// computes reports whether the source computes an aggregate of numbers or truth
// values as HubSQL does, with a result of the same type and scale.
func (r *renderer) computes(name string, t types.Type) bool {
	f := familyOf(t)
	number := f == intFamily || f == numericFamily
	switch r.d {
	case Postgres:
		switch name {
		case "sum":
			return number || f == floatFamily || f == intervalFamily
		case "avg":
			return number || f == floatFamily
		case "bool_and", "bool_or", "every":
			return f == boolFamily
		}
		statistics := strings.HasPrefix(name, "var_") || strings.HasPrefix(name, "stddev_")
		return number && (statistics || slices.Contains([]string{"variance", "stddev"}, name))
	case MySQL:
		// The sum of decimals has the scale of the column and 22 digits more, of
		// which there are 65; the average has another scale than PostgreSQL's, and
		// sums of floating-point numbers overflow elsewhere.
		if name != "sum" || !number {
			return false
		}
		if f == numericFamily {
			p, _, ok := t.NumericMod()
			return ok && p <= 43
		}
		return true
	case SQLite:
		// Beyond 64 bits its sum fails, where PostgreSQL's sum of bigint does not.
		return name == "sum" && (t.OID == types.Int2 || t.OID == types.Int4)
	}
	return false
}
