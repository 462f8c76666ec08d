package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// depthColumn is the column that counts the rounds of SEARCH BREADTH FIRST. It is
// no column of the WITH query.
const depthColumn = "*DEPTH*"

// traversal rewrites a recursive query with SEARCH or CYCLE into one without, as
// the standard defines them: columns that follow the way to each row.
type traversal struct {
	b *binder
	c *pg.CommonTableExpr
	// added are the names of the columns behind those of the query.
	added []string
}

// wanted reports whether the query has such a clause.
func (t *traversal) wanted() bool { return t.c.SearchClause != nil || t.c.CycleClause != nil }

// check refuses clauses that do not fit the columns of the query.
func (t *traversal) check(sel *pg.SelectStmt, cols []logical.Column) error {
	b := t.b
	has := func(name string) bool {
		return slices.ContainsFunc(cols, func(c logical.Column) bool { return c.Name == name })
	}
	if sel.Larg.Op > pg.SetOperation_SETOP_NONE {
		return pgerror.New(pgerror.FeatureNotSupported, "with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT")
	}
	if sel.Rarg.Op > pg.SetOperation_SETOP_NONE {
		return pgerror.New(pgerror.FeatureNotSupported, "with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT")
	}
	list := func(names []string, what string, loc int32) error {
		for i, n := range names {
			if !has(n) {
				return b.errorf(loc, pgerror.SyntaxError, "%s column %q not in WITH query column list", what, n)
			}
			if slices.Contains(names[:i], n) {
				return b.errorf(loc, pgerror.DuplicateColumn, "%s column %q specified more than once", what, n)
			}
		}
		return nil
	}
	s, c := t.c.SearchClause, t.c.CycleClause
	if s != nil {
		if err := list(names(s.SearchColList), "search", s.Location); err != nil {
			return err
		}
		if has(s.SearchSeqColumn) {
			return b.errorf(s.Location, pgerror.SyntaxError, "search sequence column name %q already used in WITH query column list", s.SearchSeqColumn)
		}
	}
	if c != nil {
		if err := list(names(c.CycleColList), "cycle", c.Location); err != nil {
			return err
		}
		if err := t.checkMark(c); err != nil {
			return err
		}
		switch {
		case has(c.CycleMarkColumn):
			return b.errorf(c.Location, pgerror.SyntaxError, "cycle mark column name %q already used in WITH query column list", c.CycleMarkColumn)
		case has(c.CyclePathColumn):
			return b.errorf(c.Location, pgerror.SyntaxError, "cycle path column name %q already used in WITH query column list", c.CyclePathColumn)
		case c.CycleMarkColumn == c.CyclePathColumn:
			return b.errorf(c.Location, pgerror.SyntaxError, "cycle mark column name and cycle path column name are the same")
		}
	}
	if s != nil && c != nil {
		switch s.SearchSeqColumn {
		case c.CycleMarkColumn:
			return b.errorf(s.Location, pgerror.SyntaxError, "search sequence column name and cycle mark column name are the same")
		case c.CyclePathColumn:
			return b.errorf(s.Location, pgerror.SyntaxError, "search sequence column name and cycle path column name are the same")
		}
	}
	return nil
}

// checkMark looks at the types of the values of a cycle mark.
func (t *traversal) checkMark(c *pg.CTECycleClause) error {
	ec := &exprContext{scope: &scope{}, clause: "CYCLE"}
	yes, err := t.b.bindExpr(ec, c.CycleMarkValue)
	if err != nil {
		return err
	}
	no, err := t.b.bindExpr(ec, c.CycleMarkDefault)
	if err != nil {
		return err
	}
	oid, err := t.b.env.Registry.CommonType("CYCLE", []types.OID{yes.Type().OID, no.Type().OID})
	if err != nil {
		return t.b.at(err, exprLocation(c.CycleMarkDefault))
	}
	if _, err := t.b.env.Registry.Equality(oid); err != nil {
		return pgerror.Newf(pgerror.UndefinedFunction, "could not identify an equality operator for type %s", types.FormatOID(oid))
	}
	return nil
}

// initial wraps the non-recursive term.
func (t *traversal) initial(sel *pg.SelectStmt, cols []logical.Column) *pg.SelectStmt {
	const from = "*TLOCRN*"
	out := t.wrap(sel, from, columnNames(cols), columnNames(cols))
	add := func(name string, value *pg.Node) {
		t.added = append(t.added, name)
		out.TargetList = append(out.TargetList, astTarget(name, value))
	}
	if s := t.c.SearchClause; s != nil {
		if s.SearchBreadthFirst {
			zero := &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: astInt(0), TypeName: astType("int8"), Location: -1}}}
			add(s.SearchSeqColumn, astRow(append([]*pg.Node{zero}, astColumns(from, names(s.SearchColList))...)))
			add(depthColumn, zero)
		} else {
			add(s.SearchSeqColumn, astArray(astRow(astColumns(from, names(s.SearchColList)))))
		}
	}
	if c := t.c.CycleClause; c != nil {
		add(c.CycleMarkColumn, t.mark(c, astBool(false)))
		add(c.CyclePathColumn, astArray(astRow(astColumns(from, names(c.CycleColList)))))
	}
	return out
}

// mark is the value of the cycle mark; met says that the row was met before.
func (t *traversal) mark(c *pg.CTECycleClause, met *pg.Node) *pg.Node {
	return astCase([]*pg.Node{met}, []*pg.Node{c.CycleMarkValue}, c.CycleMarkDefault)
}

// step wraps the recursive term, which hands on the columns of the row before.
func (t *traversal) step(sel *pg.SelectStmt, cols []logical.Column) *pg.SelectStmt {
	const from = "*TROCRN*"
	inner := &pg.SelectStmt{
		DistinctClause: sel.DistinctClause, IntoClause: sel.IntoClause, FromClause: sel.FromClause, WhereClause: sel.WhereClause,
		GroupClause: sel.GroupClause, GroupDistinct: sel.GroupDistinct, HavingClause: sel.HavingClause, WindowClause: sel.WindowClause,
		ValuesLists: sel.ValuesLists, SortClause: sel.SortClause, LimitOffset: sel.LimitOffset, LimitCount: sel.LimitCount,
		LimitOption: sel.LimitOption, LockingClause: sel.LockingClause, WithClause: sel.WithClause,
		TargetList: slices.Clone(sel.TargetList),
	}
	source := selfAlias(sel, t.c.Ctename)
	for _, n := range t.added {
		inner.TargetList = append(inner.TargetList, astTarget(n, astColumn(source, n)))
	}
	list := append(columnNames(cols), t.added...)
	out := t.wrap(inner, from, list, columnNames(cols))
	op := func(name string, l, r *pg.Node) *pg.Node {
		return astOperator(pg.A_Expr_Kind_AEXPR_OP, name, l, r)
	}
	add := func(name string, value *pg.Node) { out.TargetList = append(out.TargetList, astTarget(name, value)) }
	if s := t.c.SearchClause; s != nil {
		fields := astColumns(from, names(s.SearchColList))
		if s.SearchBreadthFirst {
			next := op("+", astColumn(from, depthColumn), astInt(1))
			add(s.SearchSeqColumn, astRow(append([]*pg.Node{next}, fields...)))
			add(depthColumn, next)
		} else {
			add(s.SearchSeqColumn, op("||", astColumn(from, s.SearchSeqColumn), astArray(astRow(fields))))
		}
	}
	if c := t.c.CycleClause; c != nil {
		row := astRow(astColumns(from, names(c.CycleColList)))
		met := astOperator(pg.A_Expr_Kind_AEXPR_OP_ANY, "=", row, astColumn(from, c.CyclePathColumn))
		add(c.CycleMarkColumn, t.mark(c, met))
		add(c.CyclePathColumn, op("||", astColumn(from, c.CyclePathColumn), astArray(row)))
		out.WhereClause = op("<>", astColumn(from, c.CycleMarkColumn), c.CycleMarkValue)
	}
	return out
}

// wrap makes SELECT show FROM (sel) AS from (list).
func (t *traversal) wrap(sel *pg.SelectStmt, from string, list, show []string) *pg.SelectStmt {
	alias := &pg.Alias{Aliasname: from}
	for _, n := range list {
		alias.Colnames = append(alias.Colnames, astString(n))
	}
	sub := &pg.RangeSubselect{Subquery: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: sel}}, Alias: alias}
	out := &pg.SelectStmt{Op: pg.SetOperation_SETOP_NONE, FromClause: []*pg.Node{{Node: &pg.Node_RangeSubselect{RangeSubselect: sub}}}}
	for _, n := range show {
		out.TargetList = append(out.TargetList, astTarget(n, astColumn(from, n)))
	}
	return out
}

// selfAlias is under which name a query reads the WITH query name.
func selfAlias(sel *pg.SelectStmt, name string) string {
	out := name
	var look func(n *pg.Node)
	look = func(n *pg.Node) {
		if j := n.GetJoinExpr(); j != nil {
			look(j.Larg)
			look(j.Rarg)
		}
		if rv := n.GetRangeVar(); rv != nil && rv.Schemaname == "" && rv.Relname == name && rv.Alias != nil {
			out = rv.Alias.Aliasname
		}
	}
	for _, n := range sel.FromClause {
		look(n)
	}
	return out
}

// columnNames lists the names of columns.
func columnNames(cols []logical.Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}
