package binder

import (
	"maps"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// cte is one bound WITH query.
type cte struct {
	shared *logical.Shared
	cols   []logical.Column
	// silent is set for a statement without RETURNING: it cannot be read.
	silent bool
	// work is set while the recursive part of the query is bound: its name reads
	// the rows of the round before. reads counts those references.
	work  *physical.WorkTable
	reads int
}

// bindRecursive binds "initial UNION [ALL] step" of WITH RECURSIVE. with is the
// scope of the WITH queries before it.
func (b *binder) bindRecursive(c *pg.CommonTableExpr, sel *pg.SelectStmt, with *scope) (*query, error) {
	if c.SearchClause != nil || c.CycleClause != nil {
		return nil, b.errorf(c.Location, pgerror.FeatureNotSupported, "SEARCH and CYCLE clauses are not supported")
	}
	if sel.Op != pg.SetOperation_SETOP_UNION {
		return nil, b.errorf(c.Location, pgerror.InvalidRecursion, "recursive query %q does not have the form non-recursive-term UNION [ALL] recursive-term", c.Ctename)
	}
	if len(sel.SortClause) > 0 || sel.LimitCount != nil || sel.LimitOffset != nil || len(sel.LockingClause) > 0 {
		return nil, b.errorf(c.Location, pgerror.FeatureNotSupported, "ORDER BY, LIMIT and FOR UPDATE in a recursive query are not implemented")
	}
	if loc := selfReference(sel.Larg, c.Ctename); loc >= 0 {
		return nil, b.errorf(loc, pgerror.InvalidRecursion, "recursive reference to query %q must not appear within its non-recursive term", c.Ctename)
	}
	level, err := b.bindWith(sel.WithClause, with)
	if err != nil {
		return nil, err
	}
	initial, err := b.bindSelect(sel.Larg, &scope{parent: level})
	if err != nil {
		return nil, err
	}
	if initial, err = b.finishUnknown(initial); err != nil {
		return nil, err
	}
	cols := append([]logical.Column(nil), initial.cols...)
	for i, a := range namesOf(c) {
		if i < len(cols) {
			cols[i].Name = a
		}
	}
	self := &cte{work: &physical.WorkTable{Name: c.Ctename}, cols: cols}
	inner := &scope{parent: level.parent, ctes: map[string]*cte{c.Ctename: self}, cteOnly: true}
	for name, other := range level.ctes {
		if name != c.Ctename {
			inner.ctes[name] = other
		}
	}
	step, err := b.bindSelect(sel.Rarg, &scope{parent: inner})
	if err != nil {
		return nil, err
	}
	if self.reads > 1 {
		return nil, b.errorf(c.Location, pgerror.InvalidRecursion, "recursive reference to query %q must not appear more than once", c.Ctename)
	}
	if len(step.cols) != len(cols) {
		return nil, b.errorf(firstLocation(sel.Rarg), pgerror.SyntaxError, "each UNION query must have the same number of columns")
	}
	targets := make([]types.Type, len(cols))
	for i := range cols {
		targets[i] = cols[i].Type
		have := step.cols[i].Type
		if have.OID == targets[i].OID || unknownType(have) {
			continue
		}
		common, err := b.env.Registry.CommonType("UNION", []types.OID{targets[i].OID, have.OID})
		if err != nil {
			return nil, b.at(err, firstLocation(sel.Rarg))
		}
		if common != targets[i].OID {
			return nil, b.at(pgerror.Newf(pgerror.DatatypeMismatch, "recursive query %q column %d has type %s in non-recursive term but type %s overall",
				c.Ctename, i+1, types.FormatType(types.Of(targets[i].OID)), types.FormatType(types.Of(common))).
				WithHint("Cast the output of the non-recursive term to the correct type."), firstLocation(sel.Larg))
		}
	}
	if step, err = b.coerceQuery(step, targets); err != nil {
		return nil, err
	}
	rec := &logical.Recursive{
		Initial: project(initial.plan, initial.cols), Step: project(step.plan, step.cols), Work: self.work, All: sel.All,
	}
	for _, col := range cols {
		if !sel.All {
			if err := b.needEquality(col.Type); err != nil {
				return nil, err
			}
		}
		rec.Cols = append(rec.Cols, b.newColumn(col.Name, col.Type))
	}
	return &query{plan: rec, cols: rec.Cols}, nil
}

// namesOf lists the column names of a WITH query.
func namesOf(c *pg.CommonTableExpr) []string { return names(c.Aliascolnames) }

// bindWith binds the WITH queries in order and returns the scope in which the
// main query is bound.
func (b *binder) bindWith(w *pg.WithClause, s *scope) (*scope, error) {
	if w == nil {
		return s, nil
	}
	out := &scope{parent: s.parent, items: s.items, star: s.star, ctes: map[string]*cte{}}
	maps.Copy(out.ctes, s.ctes)
	own := map[string]bool{}
	for _, n := range w.Ctes {
		c := n.GetCommonTableExpr()
		if own[c.Ctename] {
			return nil, b.errorf(c.Location, pgerror.DuplicateAlias, "WITH query name %q specified more than once", c.Ctename)
		}
		own[c.Ctename] = true
		sel := c.Ctequery.GetSelectStmt()
		if sel == nil {
			made, err := b.bindWrite(c, w == b.top, out)
			if err != nil {
				return nil, err
			}
			out.ctes[c.Ctename] = made
			continue
		}
		var q *query
		var err error
		if w.Recursive && selfReference(sel, c.Ctename) >= 0 {
			q, err = b.bindRecursive(c, sel, &scope{parent: s.parent, ctes: out.ctes, cteOnly: true})
		} else if q, err = b.bindSelect(sel, &scope{parent: &scope{parent: s.parent, ctes: out.ctes, cteOnly: true}}); err == nil {
			q, err = b.finishUnknown(q)
		}
		if err != nil {
			return nil, err
		}
		aliases := names(c.Aliascolnames)
		if len(aliases) > len(q.cols) {
			return nil, b.errorf(c.Location, pgerror.InvalidColumnReference, "WITH query %q has %d columns available but %d columns specified", c.Ctename, len(q.cols), len(aliases))
		}
		cols := append([]logical.Column(nil), q.cols...)
		for i, a := range aliases {
			cols[i].Name = a
		}
		out.ctes[c.Ctename] = &cte{
			shared: &logical.Shared{
				Name: c.Ctename, Input: q.plan,
				Materialize: c.Ctematerialized == pg.CTEMaterialize_CTEMaterializeAlways,
			},
			cols: cols,
		}
	}
	return out, nil
}

// bindWrite binds a data-modifying query of WITH, in the scope of those before
// it. It is executed once and to its end, whoever reads it.
func (b *binder) bindWrite(c *pg.CommonTableExpr, top bool, with *scope) (*cte, error) {
	if !top {
		return nil, b.errorf(c.Location, pgerror.FeatureNotSupported, "WITH clause containing a data-modifying statement must be at the top level")
	}
	m := &modifying{b: b, base: &scope{parent: with.parent, ctes: with.ctes}, node: &logical.Modify{}}
	if err := m.statement(c.Ctequery); err != nil {
		return nil, err
	}
	out := &cte{cols: slices.Clone(m.returning), silent: m.returning == nil}
	aliases := names(c.Aliascolnames)
	if len(aliases) > len(out.cols) {
		return nil, b.errorf(c.Location, pgerror.InvalidColumnReference, "WITH query %q has %d columns available but %d columns specified", c.Ctename, len(out.cols), len(aliases))
	}
	for i, a := range aliases {
		out.cols[i].Name = a
	}
	out.shared = &logical.Shared{Name: c.Ctename, Input: m.plan, Materialize: true}
	b.others = append(b.others, out)
	return out, nil
}

// with adds the data-modifying queries of WITH to the plan of a statement.
func (b *binder) with(plan logical.Node) logical.Node {
	if len(b.others) == 0 {
		return plan
	}
	out := &logical.With{Input: plan}
	for _, c := range b.others {
		n := c.shared.Input
		if c.shared.Refs > 0 {
			n, _ = b.scanCTE(c)
		}
		out.Others = append(out.Others, n)
	}
	return out
}

// scanCTE reads a WITH query under fresh identities. One that refers to an outer
// query has another result for each of its rows and is copied.
func (b *binder) scanCTE(c *cte) (logical.Node, []logical.Column) {
	if c.work != nil {
		scan := &logical.WorkScan{Of: c.work, Cols: make([]logical.Column, len(c.cols))}
		for i, col := range c.cols {
			scan.Cols[i] = b.newColumn(col.Name, col.Type)
		}
		c.reads++
		return scan, scan.Cols
	}
	if len(logical.Free(c.shared.Input)) > 0 {
		plan, ids := logical.Renumber(c.shared.Input, func() expr.ColumnID { b.nextID++; return b.nextID })
		p := &logical.Project{Input: plan}
		for _, col := range c.cols {
			ref := col.Ref()
			if to, ok := ids[col.ID]; ok {
				ref.ID = to
			}
			p.Exprs = append(p.Exprs, ref)
			p.Cols = append(p.Cols, b.newColumn(col.Name, col.Type))
		}
		return p, p.Cols
	}
	c.shared.Refs++
	pos := map[int]int{}
	outs := c.shared.Input.Outputs()
	for i, col := range c.cols {
		for j, o := range outs {
			if o.ID == col.ID {
				pos[i] = j
			}
		}
	}
	scan := &logical.SharedScan{Of: c.shared, Cols: make([]logical.Column, len(outs))}
	for j, o := range outs {
		scan.Cols[j] = b.newColumn(o.Name, o.Type)
	}
	cols := make([]logical.Column, len(c.cols))
	for i, col := range c.cols {
		cols[i] = scan.Cols[pos[i]]
		cols[i].Name = col.Name
		if o, ok := b.origins[col.ID]; ok {
			b.origins[cols[i].ID] = o
		}
	}
	return scan, cols
}

// selfReference returns where a WITH query reads itself, -1 when it does not.
func selfReference(sel *pg.SelectStmt, name string) int32 {
	if sel == nil {
		return -1
	}
	for _, arm := range []*pg.SelectStmt{sel.Larg, sel.Rarg} {
		if loc := selfReference(arm, name); loc >= 0 {
			return loc
		}
	}
	var inFrom func(n *pg.Node) int32
	inFrom = func(n *pg.Node) int32 {
		switch n := n.GetNode().(type) {
		case *pg.Node_RangeVar:
			if n.RangeVar.Schemaname == "" && n.RangeVar.Relname == name {
				return n.RangeVar.Location
			}
		case *pg.Node_RangeSubselect:
			return selfReference(n.RangeSubselect.Subquery.GetSelectStmt(), name)
		case *pg.Node_JoinExpr:
			return max(inFrom(n.JoinExpr.Larg), inFrom(n.JoinExpr.Rarg))
		}
		return -1
	}
	for _, n := range sel.FromClause {
		if loc := inFrom(n); loc >= 0 {
			return loc
		}
	}
	return -1
}
