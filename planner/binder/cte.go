package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// cte is one bound WITH query.
type cte struct {
	shared *logical.Shared
	cols   []logical.Column
}

// bindWith binds the WITH queries in order and returns the scope in which the
// main query is bound.
func (b *binder) bindWith(w *pg.WithClause, s *scope) (*scope, error) {
	if w == nil {
		return s, nil
	}
	out := &scope{parent: s.parent, items: s.items, star: s.star, ctes: map[string]*cte{}}
	for k, v := range s.ctes {
		out.ctes[k] = v
	}
	own := map[string]bool{}
	for _, n := range w.Ctes {
		c := n.GetCommonTableExpr()
		if own[c.Ctename] {
			return nil, b.errorf(c.Location, pgerror.DuplicateAlias, "WITH query name %q specified more than once", c.Ctename)
		}
		own[c.Ctename] = true
		sel := c.Ctequery.GetSelectStmt()
		if sel == nil {
			return nil, b.errorf(c.Location, pgerror.FeatureNotSupported, "data-modifying statements in WITH are not supported")
		}
		if w.Recursive && selfReference(sel, c.Ctename) {
			return nil, b.errorf(c.Location, pgerror.FeatureNotSupported, "WITH RECURSIVE is not supported")
		}
		q, err := b.bindSelect(sel, &scope{parent: &scope{parent: s.parent, ctes: out.ctes, cteOnly: true}})
		if err != nil {
			return nil, err
		}
		if q, err = b.finishUnknown(q); err != nil {
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

// scanCTE reads a WITH query under fresh identities. One that refers to an outer
// query has another result for each of its rows and is copied.
func (b *binder) scanCTE(c *cte) (logical.Node, []logical.Column) {
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

// selfReference reports whether a WITH query reads itself.
func selfReference(sel *pg.SelectStmt, name string) bool {
	if sel == nil {
		return false
	}
	if selfReference(sel.Larg, name) || selfReference(sel.Rarg, name) {
		return true
	}
	var inFrom func(n *pg.Node) bool
	inFrom = func(n *pg.Node) bool {
		switch n := n.GetNode().(type) {
		case *pg.Node_RangeVar:
			return n.RangeVar.Schemaname == "" && n.RangeVar.Relname == name
		case *pg.Node_RangeSubselect:
			return selfReference(n.RangeSubselect.Subquery.GetSelectStmt(), name)
		case *pg.Node_JoinExpr:
			return inFrom(n.JoinExpr.Larg) || inFrom(n.JoinExpr.Rarg)
		}
		return false
	}
	for _, n := range sel.FromClause {
		if inFrom(n) {
			return true
		}
	}
	return false
}
