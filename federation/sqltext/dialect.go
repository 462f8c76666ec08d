// Package sqltext renders bound predicates as SQL of a remote dialect and
// decides, predicate by predicate, whether the source's answer is HubSQL's
// (exact), holds it (superset) or cannot be trusted (local). Text is built from
// the expression tree alone; nothing that a user typed reaches a source
// unquoted.
package sqltext

import (
	"strconv"
	"strings"
)

// Dialect is a family of SQL.
type Dialect uint8

// Dialects. What the rendering relies on must hold in the remote session:
// standard_conforming_strings for Postgres; NO_BACKSLASH_ESCAPES and the
// character set utf8mb4 for MySQL. SQLite needs nothing.
const (
	Postgres Dialect = iota
	MySQL
	SQLite
)

// Ident quotes a name.
func (d Dialect) Ident(name string) string {
	if d == MySQL {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Qualified quotes schema.name; an empty schema is left out.
func (d Dialect) Qualified(schema, name string) string {
	if schema == "" {
		return d.Ident(name)
	}
	return d.Ident(schema) + "." + d.Ident(name)
}

// quote returns s as a string literal; s holds no NUL.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// SQL is a piece of remote SQL twice: as it is sent, and with every literal
// replaced by a placeholder, for those who may not see values.
type SQL struct{ Text, Redacted string }

// Raw returns SQL that contains no literal of a user.
func Raw(s string) SQL { return SQL{s, s} }

// literal returns SQL whose text is hidden when redacted.
func literal(s string) SQL { return SQL{s, "?"} }

// concat joins pieces.
func concat(parts ...SQL) SQL {
	var t, r strings.Builder
	for _, p := range parts {
		t.WriteString(p.Text)
		r.WriteString(p.Redacted)
	}
	return SQL{t.String(), r.String()}
}

// list joins pieces with a separator.
func list(sep string, parts []SQL) SQL {
	var t, r strings.Builder
	for i, p := range parts {
		if i > 0 {
			t.WriteString(sep)
			r.WriteString(sep)
		}
		t.WriteString(p.Text)
		r.WriteString(p.Redacted)
	}
	return SQL{t.String(), r.String()}
}

// parens puts p in parentheses.
func parens(p SQL) SQL { return SQL{"(" + p.Text + ")", "(" + p.Redacted + ")"} }

// Query is a SELECT.
type Query struct {
	Dialect Dialect
	// Select holds rendered expressions; none when only the number of rows
	// matters.
	Select []SQL
	// From is the rendered table, or what stands in its place.
	From SQL
	// Where holds conjuncts, GroupBy the keys of groups.
	Where, GroupBy []SQL
	// OrderBy holds keys with their directions.
	OrderBy []SQL
	// Limit is the largest number of rows, negative for all; Offset is how many
	// are left out before, and needs a limit.
	Limit, Offset int64
}

// Text returns the statement, with redact without its literals.
func (q *Query) Text(redact bool) string {
	s := q.sql()
	if redact {
		return s.Redacted
	}
	return s.Text
}

// sql returns the statement in both forms.
func (q *Query) sql() SQL {
	parts := []SQL{Raw("SELECT "), list(", ", q.Select)}
	if len(q.Select) == 0 && q.Dialect != Postgres {
		parts = append(parts, Raw("1"))
	}
	parts = append(parts, Raw(" FROM "), q.From)
	clause := func(word, sep string, items []SQL) {
		if len(items) > 0 {
			parts = append(parts, Raw(word), list(sep, items))
		}
	}
	clause(" WHERE ", " AND ", q.Where)
	clause(" GROUP BY ", ", ", q.GroupBy)
	clause(" ORDER BY ", ", ", q.OrderBy)
	number := func(word string, n int64) {
		parts = append(parts, Raw(word), literal(strconv.FormatInt(n, 10)))
	}
	if q.Limit >= 0 {
		number(" LIMIT ", q.Limit)
		if q.Offset > 0 {
			number(" OFFSET ", q.Offset)
		}
	}
	return concat(parts...)
}
