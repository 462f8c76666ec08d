// Package parser turns SQL text into statements: PostgreSQL's grammar through
// pg_query, and in front of it a small token parser for the statements that
// only HubSQL has (masking policies).
package parser

import (
	"errors"
	"strings"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v5"
	pgparser "github.com/pganalyze/pg_query_go/v5/parser"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Statement is one statement of a text that may hold several. Exactly one of
// Stmt and Extension is set.
type Statement struct {
	// SQL is the statement's own text without the semicolon and without white
	// space around it.
	SQL string
	// Offset is the byte offset of SQL in the whole text. The locations inside
	// Stmt and Extension are byte offsets in the whole text too, so they need no
	// correction for an error position (Position).
	Offset int
	// Stmt is PostgreSQL's raw parse tree.
	Stmt *pg.Node
	// Extension is a statement of HubSQL's own DDL.
	Extension ExtStmt

	text string // the whole text
}

// Position converts a location of the parse tree into the 1-based character
// position in the whole text that errors carry, 0 for an unknown location.
func (s Statement) Position(location int) int {
	if s.text == "" {
		return 0
	}
	return Position(s.text, location)
}

// Parse splits a text into its statements, in order. Empty statements are left
// out: an empty text gives no statements and no error. As in PostgreSQL an error
// anywhere means that nothing of the text is executed. Errors carry a Position
// in characters of the whole text.
func Parse(sql string) ([]Statement, error) {
	if err := checkText(sql); err != nil {
		return nil, err
	}
	if err := checkDepth(sql); err != nil {
		return nil, err
	}
	if !mayHoldExtension(sql) {
		return parseOrdinary(sql, sql)
	}
	tokens, err := scan(sql)
	if err != nil {
		return nil, err
	}
	var own []Statement
	rest := []byte(sql)
	for _, r := range split(tokens) {
		if !startsExtension(sql, tokens[r.from:r.to]) {
			continue
		}
		from, to := int(tokens[r.from].Start), tokenEnd(sql, tokens[r.to-1])
		ext, err := parseExtension(sql, tokens[r.from:r.to], to)
		if err != nil {
			// What stands before the faulty statement may be wrong as well; the
			// first error is the one to report.
			if _, before := parseOrdinary(sql, string(rest[:from])); before != nil {
				return nil, before
			}
			return nil, err
		}
		own = append(own, Statement{SQL: sql[from:to], Offset: from, Extension: ext, text: sql})
		blank(rest[from:to])
	}
	ordinary, err := parseOrdinary(sql, string(rest))
	if err != nil {
		return nil, err
	}
	return merge(own, ordinary), nil
}

// parseOrdinary parses text, which is sql or has the same length with some
// statements blanked out.
func parseOrdinary(sql, text string) ([]Statement, error) {
	tree, err := pg.Parse(text)
	if err != nil {
		return nil, translate(err, sql, text)
	}
	out := make([]Statement, 0, len(tree.Stmts))
	for _, raw := range tree.Stmts {
		from := int(raw.StmtLocation)
		to := len(text)
		if raw.StmtLen > 0 {
			to = from + int(raw.StmtLen)
		}
		for from < to && isSpace(sql[from]) {
			from++
		}
		for to > from && isSpace(sql[to-1]) {
			to--
		}
		out = append(out, Statement{SQL: sql[from:to], Offset: from, Stmt: raw.Stmt, text: sql})
	}
	return out, nil
}

// merge joins two lists that are ordered by their offsets.
func merge(a, b []Statement) []Statement {
	out := make([]Statement, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Offset < b[0].Offset {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// blank overwrites a piece of text with spaces; its length in bytes stays.
func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

// checkText refuses what cannot be SQL text: PostgreSQL's scanner is a C string
// function, and a zero byte would end the text unnoticed.
func checkText(sql string) error {
	if strings.IndexByte(sql, 0) >= 0 {
		return pgerror.New(pgerror.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x00`)
	}
	if !utf8.ValidString(sql) {
		for i := 0; i < len(sql); {
			r, n := utf8.DecodeRuneInString(sql[i:])
			if r == utf8.RuneError && n == 1 {
				return pgerror.Newf(pgerror.CharacterNotInRepertoire, `invalid byte sequence for encoding "UTF8": 0x%02x`, sql[i])
			}
			i += n
		}
	}
	return nil
}

// translate makes an error of pg_query, raised for text, one of sql.
//
// pg_query carries no SQLSTATE: those few that are not 42601 are told apart by
// the wording, which belongs to the pinned version of the grammar.
func translate(err error, sql, text string) error {
	var pe *pgparser.Error
	if !errors.As(err, &pe) {
		return depthExceeded()
	}
	code := pgerror.SyntaxError
	switch m := pe.Message; {
	case strings.HasPrefix(m, "stack depth limit exceeded"):
		return depthExceeded()
	case strings.HasPrefix(m, "trailing junk after numeric literal at or near"):
		pe.Message = wholeNumber(text, pe.Cursorpos, m)
	case m == "invalid Unicode escape":
		return unicodeEscape(sql, text, pe.Cursorpos)
	case strings.HasPrefix(m, "LIMIT #,# syntax"):
		e := pgerror.New(code, m).WithHint("Use separate LIMIT and OFFSET clauses.")
		e.Position = Position(sql, ByteOffset(text, pe.Cursorpos))
		return e
	case strings.HasPrefix(m, "invalid escape string"):
		code = pgerror.InvalidEscapeSequence
	case strings.HasPrefix(m, "frame start"), strings.HasPrefix(m, "frame end"):
		code = pgerror.WindowingError
	case strings.HasPrefix(m, "invalid byte sequence"):
		code = pgerror.CharacterNotInRepertoire
	case strings.Contains(m, "not supported"), strings.Contains(m, "not yet implemented"), strings.Contains(m, "not implemented"):
		code = pgerror.FeatureNotSupported
	}
	e := pgerror.New(code, pe.Message)
	if pe.Cursorpos > 0 {
		// The cursor counts characters of text; blanked statements may have
		// fewer bytes per character there than in sql.
		e.Position = Position(sql, ByteOffset(text, pe.Cursorpos))
	}
	return e
}

// unicodeEscape is the error of a malformed escape: in a string with escapes it
// has a code of its own, in one with U& it is a syntax error.
func unicodeEscape(sql, text string, cursor int) error {
	at := ByteOffset(text, cursor)
	e := pgerror.New(pgerror.SyntaxError, "invalid Unicode escape").WithHint(`Unicode escapes must be \XXXX or \+XXXXXX.`)
	if at+1 < len(text) && (text[at+1] == 'u' || text[at+1] == 'U') {
		e = pgerror.New(pgerror.InvalidEscapeSequence, "invalid Unicode escape").WithHint(`Unicode escapes must be \uXXXX or \UXXXXXXXX.`)
	}
	if cursor > 0 {
		e.Position = Position(sql, at)
	}
	return e
}

// wholeNumber makes an error about a number name all of the word that follows the
// number.
func wholeNumber(text string, cursor int, message string) string {
	if cursor <= 0 {
		return message
	}
	at := ByteOffset(text, cursor)
	end := at
	for end < len(text) && (text[end] == '.' || wordByte(text[end])) {
		end++
	}
	if end < len(text) && (text[end] == '+' || text[end] == '-') && text[end-1]|0x20 == 'e' {
		end++ // the sign of an exponent
	}
	return "trailing junk after numeric literal at or near \"" + text[at:end] + "\""
}

// wordByte reports whether c may stand in an identifier or a number.
func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// Position converts a byte offset in sql into the 1-based character position
// that errors carry. An offset below 0 gives 0 (unknown).
func Position(sql string, offset int) int {
	if offset < 0 {
		return 0
	}
	return utf8.RuneCountInString(sql[:min(offset, len(sql))]) + 1
}

// ByteOffset is the inverse of Position; positions beyond the text give its
// length.
func ByteOffset(sql string, position int) int {
	n := 0
	for i := range sql {
		n++
		if n >= position {
			return i
		}
	}
	return len(sql)
}

// isSpace is PostgreSQL's scanner_isspace.
func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}
