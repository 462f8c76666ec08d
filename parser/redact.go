package parser

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Fingerprint returns a hexadecimal hash that is equal for texts which differ
// only in literals, white space and comments. It never fails: a text that does
// not parse is hashed by its redacted tokens.
func Fingerprint(sql string) string {
	if checkText(sql) == nil && checkDepth(sql) == nil && !mayHoldExtension(sql) {
		if f, err := pg.Fingerprint(sql); err == nil {
			return f
		}
	}
	return fmt.Sprintf("%016x", pg.HashXXH3_64([]byte(Redact(sql)), 0))
}

// Redact returns sql with every literal replaced by ? and without comments, for
// logs. It works on tokens, so it holds for statements that do not parse: the
// value after PASSWORD and the values in OPTIONS are replaced even when they
// were written without quotes by mistake. Of a text that cannot be cut into
// tokens nothing is shown but its length.
func Redact(sql string) string {
	if checkText(sql) != nil {
		return unreadable(sql)
	}
	tokens, err := scan(sql)
	if err != nil {
		return unreadable(sql)
	}
	var b strings.Builder
	b.Grow(len(sql))
	end := 0
	r := redactor{sql: sql}
	for i, t := range tokens {
		from, to := int(t.Start), tokenEnd(sql, t)
		if i > 0 && from > end {
			b.WriteByte(' ')
		}
		end = to
		if r.secret(t) {
			b.WriteByte('?')
		} else {
			b.WriteString(sql[from:to])
		}
	}
	return b.String()
}

// unreadable stands for a text that must not be shown.
func unreadable(sql string) string { return fmt.Sprintf("<%d bytes of text>", len(sql)) }

// redactor decides token by token what must not be shown.
type redactor struct {
	sql   string
	last  pg.Token // the token before
	words int      // words since the start of the statement
	role  bool     // within CREATE or ALTER of a role
	// options is the nesting of parentheses within OPTIONS (...), 0 outside;
	// name is set when the next word there is a value.
	options int
	value   bool
}

// secret reports whether t is to be replaced.
func (r *redactor) secret(t *token) bool {
	defer func() { r.last = t.Token }()
	switch t.Token {
	case pg.Token_SCONST, pg.Token_USCONST, pg.Token_BCONST, pg.Token_XCONST, pg.Token_ICONST, pg.Token_FCONST:
		r.value = false
		return true
	case pg.Token_ASCII_59:
		r.words, r.role, r.options, r.value = 0, false, 0, false
		return false
	case pg.Token_ASCII_40:
		if r.options > 0 || r.last == pg.Token_OPTIONS {
			r.options++
			r.value = false
		}
		return false
	case pg.Token_ASCII_41:
		if r.options > 0 {
			r.options--
		}
		return false
	case pg.Token_ASCII_44:
		r.value = false
		return false
	}
	r.words++
	if r.words == 2 && (r.last == pg.Token_CREATE || r.last == pg.Token_ALTER) {
		r.role = t.Token == pg.Token_ROLE || t.Token == pg.Token_USER || t.Token == pg.Token_GROUP_P
	}
	quoted := strings.HasPrefix(r.sql[t.Start:], `"`) || t.Token == pg.Token_UIDENT
	if r.last == pg.Token_PASSWORD && t.Token != pg.Token_NULL_P && (r.role || quoted) {
		return true
	}
	if r.options > 0 {
		if r.value {
			return true
		}
		switch t.Token {
		case pg.Token_ADD_P, pg.Token_SET, pg.Token_DROP:
		default:
			r.value = true
		}
	}
	return false
}
