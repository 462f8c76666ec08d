package binder

import (
	"maps"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

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
	// the rows of the round before.
	work *physical.WorkTable
	// hidden is how many of the last columns * does not show: those that SEARCH and
	// CYCLE add, while the recursive part is bound.
	hidden int
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
	list := make([]*pg.CommonTableExpr, len(w.Ctes))
	for i, n := range w.Ctes {
		c := n.GetCommonTableExpr()
		if own[c.Ctename] {
			return nil, b.errorf(c.Location, pgerror.DuplicateAlias, "WITH query name %q specified more than once", c.Ctename)
		}
		own[c.Ctename] = true
		list[i] = c
	}
	recursive := map[*pg.CommonTableExpr]bool{}
	if w.Recursive {
		var err error
		if list, err = b.orderRecursive(list, recursive); err != nil {
			return nil, err
		}
	}
	for _, c := range list {
		sel := c.Ctequery.GetSelectStmt()
		if sel == nil {
			made, err := b.bindWrite(c, w == b.top, out)
			if err != nil {
				return nil, err
			}
			out.ctes[c.Ctename] = made
			continue
		}
		if !recursive[c] && (c.SearchClause != nil || c.CycleClause != nil) {
			return nil, b.errorf(c.Location, pgerror.SyntaxError, "WITH query is not recursive")
		}
		var q *query
		var err error
		if recursive[c] {
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
// query has another result for each of its rows, one that reads the rows of a
// recursion another in each round; these are copied.
func (b *binder) scanCTE(c *cte) (logical.Node, []logical.Column) {
	if c.work != nil {
		scan := &logical.WorkScan{Of: c.work, Cols: make([]logical.Column, len(c.cols))}
		for i, col := range c.cols {
			scan.Cols[i] = b.newColumn(col.Name, col.Type)
		}
		return scan, scan.Cols
	}
	if len(logical.Free(c.shared.Input)) > 0 || readsWork(c.shared.Input) {
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
