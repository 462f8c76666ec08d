package parser

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// maxDepth bounds the depth of parse trees. The grammar's own code recurses in
// C over the finished tree without a check, on an 8 MB stack that ends between
// 12,000 and 25,000 levels; beyond that the whole process would die.
const maxDepth = 10000

// depthExceeded is PostgreSQL's error for a statement that is nested too deeply.
func depthExceeded() error {
	return pgerror.New(pgerror.StatementTooComplex, "stack depth limit exceeded").
		WithHint("Simplify the statement: its expressions are nested too deeply or chain too many operators.")
}

// checkDepth refuses a text whose parse tree could be deeper than maxDepth. It
// is an upper bound from the tokens: within one list element the depth is at
// most the number of operators and keywords plus the deepest bracket. AND, OR,
// the arms of CASE and commas make lists, not levels.
func checkDepth(sql string) error {
	if len(sql) < maxDepth {
		return nil
	}
	tokens, err := scan(sql)
	if err != nil {
		return err
	}
	type frame struct {
		levels, deepest, best int
		caseArm               bool
	}
	stack := []frame{{}}
	settle := func(f *frame) {
		f.best = max(f.best, f.levels+f.deepest)
		f.levels, f.deepest = 0, 0
	}
	pop := func() {
		f := &stack[len(stack)-1]
		settle(f)
		depth := f.best + 1
		stack = stack[:len(stack)-1]
		top := &stack[len(stack)-1]
		top.deepest = max(top.deepest, depth)
	}
	for _, t := range tokens {
		top := &stack[len(stack)-1]
		switch t.Token {
		case pg.Token_ASCII_40, pg.Token_ASCII_91:
			stack = append(stack, frame{})
		case pg.Token_CASE:
			stack = append(stack, frame{caseArm: true})
		case pg.Token_ASCII_41, pg.Token_ASCII_93:
			if len(stack) > 1 {
				pop()
			}
		case pg.Token_END_P:
			if top.caseArm {
				pop()
			}
		case pg.Token_ASCII_44, pg.Token_AND, pg.Token_OR, pg.Token_WHEN, pg.Token_THEN, pg.Token_ELSE:
			settle(top)
		case pg.Token_ASCII_59:
			settle(top)
		case pg.Token_IDENT, pg.Token_SCONST, pg.Token_ICONST, pg.Token_FCONST, pg.Token_PARAM, pg.Token_ASCII_46:
		default:
			top.levels++
		}
		top = &stack[len(stack)-1]
		if len(stack)+top.levels+top.deepest > maxDepth {
			return depthExceeded()
		}
	}
	return nil
}
