package parser

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// maxIdentifier is NAMEDATALEN-1: longer identifiers are cut, as in PostgreSQL.
const maxIdentifier = 63

// cursor walks over the tokens of one extension statement.
type cursor struct {
	sql string
	ts  []*token
	i   int
	end int // byte offset behind the statement
}

// parseExtension parses a statement that startsExtension accepted; end is the
// byte offset behind its last token.
func parseExtension(sql string, ts []*token, end int) (ExtStmt, error) {
	c := &cursor{sql: sql, ts: ts, end: end}
	var stmt ExtStmt
	var err error
	switch {
	case c.accept("create"):
		stmt, err = c.createMaskingPolicy()
	case c.accept("drop"):
		stmt, err = c.dropMaskingPolicy()
	default:
		c.i++
		stmt, err = c.showMaskingPolicies()
	}
	if err != nil {
		return nil, err
	}
	if c.i < len(c.ts) {
		return nil, c.syntaxError()
	}
	return stmt, nil
}

// is reports whether the next token is the unquoted word w.
func (c *cursor) is(w string) bool {
	return c.i < len(c.ts) && strings.EqualFold(c.text(), w)
}

// text is the next token as written.
func (c *cursor) text() string {
	t := c.ts[c.i]
	return c.sql[t.Start:tokenEnd(c.sql, t)]
}

// accept skips the words ws when all of them follow.
func (c *cursor) accept(ws ...string) bool {
	save := c.i
	for _, w := range ws {
		if !c.is(w) {
			c.i = save
			return false
		}
		c.i++
	}
	return true
}

// expect skips the words ws or fails at the first other token.
func (c *cursor) expect(ws ...string) error {
	for _, w := range ws {
		if !c.accept(w) {
			return c.syntaxError()
		}
	}
	return nil
}

// syntaxError is PostgreSQL's error for the next token.
func (c *cursor) syntaxError() error {
	if c.i >= len(c.ts) {
		return pgerror.New(pgerror.SyntaxError, "syntax error at end of input").At(Position(c.sql, c.end))
	}
	return pgerror.Newf(pgerror.SyntaxError, `syntax error at or near "%s"`, c.text()).At(Position(c.sql, c.location()))
}

// location is the byte offset of the next token.
func (c *cursor) location() int {
	if c.i >= len(c.ts) {
		return c.end
	}
	return int(c.ts[c.i].Start)
}

// identifier reads a name. Reserved words must be quoted; with anyWord those
// that PostgreSQL allows as role names pass too.
func (c *cursor) identifier(anyWord bool) (string, error) {
	if c.i >= len(c.ts) {
		return "", c.syntaxError()
	}
	t := c.ts[c.i]
	text := c.text()
	switch {
	case t.Token == pg.Token_IDENT:
	case t.KeywordKind == pg.KeywordKind_UNRESERVED_KEYWORD, t.KeywordKind == pg.KeywordKind_COL_NAME_KEYWORD:
	case anyWord && t.KeywordKind == pg.KeywordKind_TYPE_FUNC_NAME_KEYWORD:
	case t.Token == pg.Token_UIDENT:
		return "", pgerror.NotSupported("identifiers with Unicode escapes are not supported in this statement").At(Position(c.sql, c.location()))
	default:
		return "", c.syntaxError()
	}
	c.i++
	if strings.HasPrefix(text, `"`) {
		return truncate(strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)), nil
	}
	return truncate(foldCase(text)), nil
}

// foldCase lower-cases ASCII letters, as PostgreSQL folds names in UTF-8.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// truncate cuts an identifier at a character boundary.
func truncate(s string) string {
	if len(s) <= maxIdentifier {
		return s
	}
	n := maxIdentifier
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// tableName reads a name of one to three parts.
func (c *cursor) tableName() (Name, error) {
	n := Name{Location: c.location()}
	var parts []string
	for {
		p, err := c.identifier(len(parts) > 0)
		if err != nil {
			return n, err
		}
		parts = append(parts, p)
		if !c.accept(".") {
			break
		}
	}
	switch len(parts) {
	case 1:
		n.Name = parts[0]
	case 2:
		n.Schema, n.Name = parts[0], parts[1]
	case 3:
		n.Catalog, n.Schema, n.Name = parts[0], parts[1], parts[2]
	default:
		return n, pgerror.Newf(pgerror.SyntaxError, "improper qualified name (too many dotted names): %s", strings.Join(parts, ".")).
			At(Position(c.sql, n.Location))
	}
	return n, nil
}

// roles reads a comma-separated list of role specifications.
func (c *cursor) roles() ([]Role, error) {
	var out []Role
	for {
		r := Role{Location: c.location()}
		switch {
		case c.accept("current_user"), c.accept("current_role"), c.accept("user"):
			r.Kind = CurrentUser
		case c.accept("session_user"):
			r.Kind = SessionUser
		default:
			name, err := c.identifier(true)
			if err != nil {
				return nil, err
			}
			switch name {
			case "public":
				r.Kind = Public
			case "none":
				return nil, pgerror.New(pgerror.ReservedName, `role name "none" is reserved`).At(Position(c.sql, r.Location))
			default:
				r.Name = name
			}
		}
		out = append(out, r)
		if !c.accept(",") {
			return out, nil
		}
	}
}

// createMaskingPolicy parses what follows CREATE.
func (c *cursor) createMaskingPolicy() (ExtStmt, error) {
	s := &CreateMaskingPolicy{OrReplace: c.accept("or", "replace")}
	if err := c.expect("masking", "policy"); err != nil {
		return nil, err
	}
	s.IfNotExists = c.accept("if", "not", "exists")
	if s.IfNotExists && s.OrReplace {
		c.i -= 3
		return nil, c.syntaxError()
	}
	var err error
	s.NameLocation = c.location()
	if s.Name, err = c.identifier(false); err != nil {
		return nil, err
	}
	if err = c.expect("on"); err != nil {
		return nil, err
	}
	if s.Table, err = c.tableName(); err != nil {
		return nil, err
	}
	if err = c.expect("("); err != nil {
		return nil, err
	}
	s.ColumnLocation = c.location()
	if s.Column, err = c.identifier(false); err != nil {
		return nil, err
	}
	if err = c.expect(")"); err != nil {
		return nil, err
	}
	s.To = []Role{{Kind: Public, Location: -1}}
	if c.accept("to") {
		if s.To, err = c.roles(); err != nil {
			return nil, err
		}
	}
	if c.accept("except") {
		if s.Except, err = c.roles(); err != nil {
			return nil, err
		}
	}
	if err = c.expect("using"); err != nil {
		return nil, err
	}
	if s.Using, s.UsingLocation, err = c.parenthesized(); err != nil {
		return nil, err
	}
	if s.Expr, err = maskExpression(c.sql, s.Using, s.UsingLocation); err != nil {
		return nil, err
	}
	if c.accept("priority") {
		if s.Priority, err = c.integer(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parenthesized reads a balanced pair of parentheses and returns the text
// between them and its byte offset.
func (c *cursor) parenthesized() (string, int, error) {
	if !c.is("(") {
		return "", 0, c.syntaxError()
	}
	from := tokenEnd(c.sql, c.ts[c.i])
	depth := 0
	for ; c.i < len(c.ts); c.i++ {
		switch c.ts[c.i].Token {
		case pg.Token_ASCII_40:
			depth++
		case pg.Token_ASCII_41:
			if depth--; depth == 0 {
				to := int(c.ts[c.i].Start)
				c.i++
				for from < to && isSpace(c.sql[from]) {
					from++
				}
				for to > from && isSpace(c.sql[to-1]) {
					to--
				}
				return c.sql[from:to], from, nil
			}
		}
	}
	return "", 0, c.syntaxError()
}

// integer reads a signed 32-bit number.
func (c *cursor) integer() (int32, error) {
	at := c.location()
	sign := ""
	if c.accept("-") {
		sign = "-"
	}
	if c.i >= len(c.ts) || (c.ts[c.i].Token != pg.Token_ICONST && c.ts[c.i].Token != pg.Token_FCONST) {
		return 0, c.syntaxError()
	}
	n, err := strconv.ParseInt(sign+c.text(), 10, 32)
	if err != nil {
		return 0, pgerror.Newf(pgerror.NumericValueOutOfRange, `priority "%s" is out of range for type integer`, sign+c.text()).At(Position(c.sql, at))
	}
	c.i++
	return int32(n), nil
}

// dropMaskingPolicy parses what follows DROP.
func (c *cursor) dropMaskingPolicy() (ExtStmt, error) {
	if err := c.expect("masking", "policy"); err != nil {
		return nil, err
	}
	s := &DropMaskingPolicy{IfExists: c.accept("if", "exists")}
	var err error
	s.NameLocation = c.location()
	if s.Name, err = c.identifier(false); err != nil {
		return nil, err
	}
	if c.accept("on") {
		n, err := c.tableName()
		if err != nil {
			return nil, err
		}
		s.Table = &n
	}
	if s.Cascade = c.accept("cascade"); !s.Cascade {
		c.accept("restrict")
	}
	return s, nil
}

// showMaskingPolicies parses what follows SHOW.
func (c *cursor) showMaskingPolicies() (ExtStmt, error) {
	if err := c.expect("masking", "policies"); err != nil {
		return nil, err
	}
	s := &ShowMaskingPolicies{}
	if c.accept("on") {
		n, err := c.tableName()
		if err != nil {
			return nil, err
		}
		s.Table = &n
	}
	return s, nil
}
