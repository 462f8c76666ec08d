package parser

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// token is one token of PostgreSQL's scanner with byte offsets.
type token = pg.ScanToken

// scan returns the tokens of sql without comments.
func scan(sql string) ([]*token, error) {
	r, err := pg.Scan(sql)
	if err != nil {
		return nil, translate(err, sql, sql)
	}
	out := r.Tokens[:0]
	for _, t := range r.Tokens {
		if t.Token != pg.Token_C_COMMENT && t.Token != pg.Token_SQL_COMMENT {
			out = append(out, t)
		}
	}
	return out, nil
}

// tokenEnd returns the byte offset behind t. The scanner reports U&"..." and
// U&'...' with the end of their first character only.
func tokenEnd(sql string, t *token) int {
	end := int(t.End)
	if t.Token != pg.Token_UIDENT && t.Token != pg.Token_USCONST {
		return end
	}
	i := int(t.Start) + 2
	if i >= len(sql) {
		return end
	}
	quote := sql[i]
	for i++; i < len(sql); i++ {
		if sql[i] != quote {
			continue
		}
		if i+1 < len(sql) && sql[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return len(sql)
}

// tokenRange is a half-open range of token indexes.
type tokenRange struct{ from, to int }

// split returns the token ranges of the statements, without semicolons and
// empty statements. A semicolon ends a statement unless it stands in
// parentheses (CREATE RULE) or in the BEGIN ATOMIC body of a function, whose
// END is told from the END of a CASE.
func split(tokens []*token) []tokenRange {
	var out []tokenRange
	start, parens, cases := 0, 0, 0
	atomic := false
	flush := func(end int) {
		if end > start {
			out = append(out, tokenRange{start, end})
		}
		start, parens, cases, atomic = end+1, 0, 0, false
	}
	for i, t := range tokens {
		switch t.Token {
		case pg.Token_ASCII_40:
			parens++
		case pg.Token_ASCII_41:
			parens = max(parens-1, 0)
		case pg.Token_ATOMIC:
			if i > start && tokens[i-1].Token == pg.Token_BEGIN_P && tokens[start].Token == pg.Token_CREATE {
				atomic = true
			}
		case pg.Token_CASE:
			if atomic {
				cases++
			}
		case pg.Token_END_P:
			if cases > 0 {
				cases--
			} else {
				atomic = false
			}
		case pg.Token_ASCII_59:
			if parens == 0 && !atomic {
				flush(i)
			}
		}
	}
	flush(len(tokens))
	return out
}

// mayHoldExtension is a cheap test that leaves ordinary texts to one parse:
// every extension statement spells the word MASKING.
func mayHoldExtension(sql string) bool {
	for i := 0; i+len("masking") <= len(sql); i++ {
		if sql[i]|0x20 == 'm' && strings.EqualFold(sql[i:i+len("masking")], "masking") {
			return true
		}
	}
	return false
}

// startsExtension reports whether a statement is one of HubSQL's own.
func startsExtension(sql string, ts []*token) bool {
	word := func(i int, w string) bool {
		return i < len(ts) && strings.EqualFold(sql[ts[i].Start:ts[i].End], w)
	}
	i := 1
	switch {
	case word(0, "create"):
		if word(1, "or") && word(2, "replace") {
			i = 3
		}
		return word(i, "masking") && word(i+1, "policy")
	case word(0, "drop"):
		return word(1, "masking") && word(2, "policy")
	case word(0, "show"):
		return word(1, "masking") && word(2, "policies")
	}
	return false
}
