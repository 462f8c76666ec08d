package parser

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// ExprText returns an expression as SQL text.
func ExprText(n *pg.Node) (string, error) {
	tree := &pg.ParseResult{Stmts: []*pg.RawStmt{{Stmt: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{
		TargetList:  []*pg.Node{{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: n}}}},
		LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT,
		Op:          pg.SetOperation_SETOP_NONE,
	}}}}}}
	text, err := pg.Deparse(tree)
	if err != nil {
		return "", pgerror.Wrap(err, pgerror.InternalError, "could not print an expression")
	}
	return strings.TrimPrefix(text, "SELECT "), nil
}

// QueryText returns a query as SQL text.
func QueryText(n *pg.Node) (string, error) {
	text, err := pg.Deparse(&pg.ParseResult{Stmts: []*pg.RawStmt{{Stmt: n}}})
	if err != nil {
		return "", pgerror.Wrap(err, pgerror.InternalError, "could not print a query")
	}
	return text, nil
}

// ViewQuery returns the text of the query in a CREATE VIEW statement, as
// written, and its byte offset in sql.
func ViewQuery(sql string) (string, int, error) {
	tokens, err := scan(sql)
	if err != nil {
		return "", 0, err
	}
	depth := 0
	for i, t := range tokens {
		switch t.Token {
		case pg.Token_ASCII_40:
			depth++
		case pg.Token_ASCII_41:
			depth--
		case pg.Token_RECURSIVE:
			if depth == 0 {
				return "", 0, pgerror.NotSupported("CREATE RECURSIVE VIEW is not supported").WithHint("Use WITH RECURSIVE in the query.")
			}
		case pg.Token_AS:
			if depth == 0 && i+1 < len(tokens) {
				from := int(tokens[i+1].Start)
				return strings.TrimRight(sql[from:], " \t\r\n\f\v;"), from, nil
			}
		}
	}
	return "", 0, pgerror.New(pgerror.SyntaxError, "syntax error at end of input")
}
