package sqltext

import (
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// maxPattern is the longest pattern sent, in bytes: SQLite limits patterns.
const maxPattern = 10_000

// like renders [NOT] LIKE with a constant pattern.
func (r *renderer) like(e *expr.Call, not bool) predicate {
	if len(e.Args) != 2 {
		return local("the pattern is not simple")
	}
	a, p := r.scalar(e.Args[0]), r.scalar(e.Args[1])
	switch {
	case a.reason != "":
		return local("%s", a.reason)
	case p.reason != "":
		return local("%s", p.reason)
	case familyOf(a.t) != textFamily || familyOf(p.t) != textFamily:
		return local("LIKE on %s is not sent to the source", typeName(a.t))
	case !p.constant || a.constant:
		return local("the pattern of LIKE is not a constant")
	case p.value.Null:
		return exact(Raw("1 = 0"))
	}
	rule, reason := r.textRule(a, p)
	switch {
	case reason != "":
		return local("%s", reason)
	case rule.Like == connector.Local || not && rule.Like != connector.Exact:
		return local("%s", rule.Why)
	}
	parts, ok := splitPattern(p.value.S)
	if !ok || len(p.value.S) > maxPattern {
		return local("the pattern of LIKE is not sent to the source")
	}
	op, pattern, escape := "LIKE", "", ""
	switch r.d {
	case Postgres:
		pattern = quote(p.value.S)
	case MySQL:
		pattern = quote(joinPattern(parts, "%", "_", func(c rune) string {
			if c == '%' || c == '_' || c == '|' {
				return "|" + string(c)
			}
			return string(c)
		}))
		escape = rule.EqualCollate + " ESCAPE '|'"
	case SQLite:
		// SQLite's LIKE ignores case; GLOB does not.
		op = "GLOB"
		pattern = quote(joinPattern(parts, "*", "?", func(c rune) string {
			if c == '*' || c == '?' || c == '[' {
				return "[" + string(c) + "]"
			}
			return string(c)
		}))
	}
	if not {
		op = "NOT " + op
	}
	out := exact(a.sql, Raw(" "+op+" "), literal(pattern), Raw(escape))
	if rule.Like == connector.Superset {
		out.pushed, out.reason = connector.Superset, rule.Why
	}
	return valid(out, a)
}

// Marks of a split pattern.
const (
	anyString rune = -1
	anyChar   rune = -2
)

// splitPattern resolves the escapes of a LIKE pattern: characters stand for
// themselves, wildcards are marks. It is not ok when the pattern ends in an
// escape character, which is an error when it is reached.
func splitPattern(s string) (out []rune, ok bool) {
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch c {
		case '%':
			c = anyString
		case '_':
			c = anyChar
		case '\\':
			if i == len(s) {
				return nil, false
			}
			c, n = utf8.DecodeRuneInString(s[i:])
			i += n
		}
		out = append(out, c)
	}
	return out, true
}

// joinPattern renders a split pattern in another syntax.
func joinPattern(parts []rune, many, one string, char func(rune) string) string {
	var b strings.Builder
	for _, c := range parts {
		switch c {
		case anyString:
			b.WriteString(many)
		case anyChar:
			b.WriteString(one)
		default:
			b.WriteString(char(c))
		}
	}
	return b.String()
}
