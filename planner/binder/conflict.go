package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// conflict reads ON CONFLICT. It marks the constraints that DO NOTHING is about;
// for DO UPDATE it returns the columns whose values are in conflict.
func (m *modifying) conflict(c *pg.OnConflictClause) ([]int, error) {
	if c == nil {
		return nil, nil
	}
	if m.w.Remote != nil {
		return nil, m.remoteConflict(c)
	}
	update := c.Action == pg.OnConflictAction_ONCONFLICT_UPDATE
	unique := m.node.Target.Unique
	if c.Infer == nil {
		if update {
			return nil, m.b.at(pgerror.New(pgerror.SyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name").
				WithHint("For example, ON CONFLICT (column_name)."), c.Location)
		}
		for i := range unique {
			unique[i].SkipDuplicates = true
		}
		return nil, nil
	}
	if c.Infer.WhereClause != nil {
		return nil, pgerror.NotSupported("ON CONFLICT with a predicate is not supported")
	}
	mark := func(u *connector.Unique) {
		u.SkipDuplicates, u.Once = !update, update
	}
	if name := c.Infer.Conname; name != "" {
		i := slices.IndexFunc(unique, func(u connector.Unique) bool { return u.Name == name })
		if i < 0 {
			return nil, m.b.errorf(c.Infer.Location, pgerror.UndefinedObject, "constraint %q for table %q does not exist", name, m.rel.Name)
		}
		mark(&unique[i])
		if !update {
			return nil, nil
		}
		return unique[i].Columns, nil
	}
	var columns []int
	for _, n := range c.Infer.IndexElems {
		e := n.GetIndexElem()
		if e.Expr != nil {
			return nil, pgerror.New(pgerror.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
		}
		i := slices.IndexFunc(m.rel.Columns[:m.width()], func(c RelationColumn) bool { return c.Name == e.GetName() })
		if i < 0 {
			return nil, m.b.errorf(c.Infer.Location, pgerror.UndefinedColumn, "column %q does not exist", e.GetName())
		}
		columns = append(columns, i)
	}
	slices.Sort(columns)
	columns = slices.Compact(columns)
	found := false
	for i, u := range unique {
		if slices.Equal(slices.Sorted(slices.Values(u.Columns)), columns) {
			mark(&unique[i])
			found = true
		}
	}
	if !found {
		return nil, pgerror.New(pgerror.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
	}
	if !update {
		return nil, nil
	}
	return columns, nil
}

// integer is a constant of type int4.
func integer[T ~int32](v T) expr.Expr {
	return &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(int64(v))}
}

// choose is CASE WHEN cond THEN yes ELSE no END, of the type of yes.
func choose(cond, yes, no expr.Expr) expr.Expr {
	return &expr.Case{Whens: []expr.When{{Cond: cond, Result: yes}}, Else: no, T: yes.Type()}
}

// upsert binds ON CONFLICT DO UPDATE: the proposed rows are joined with the rows
// of the table that have the same keys, and each becomes an insert or an update.
// The table is locked, so what the join does not find is not there.
func (m *modifying) upsert(c *pg.OnConflictClause, keys []int) error {
	b := m.b
	proposed := &logical.Project{Input: m.node.Input, Exprs: slices.Clone(m.node.Values)}
	excluded := &rangeItem{alias: "excluded", relation: m.rel.Name}
	for _, rc := range m.rel.Columns[:m.width()] {
		col := b.newColumn(rc.Name, rc.Type)
		proposed.Cols = append(proposed.Cols, col)
		excluded.cols = append(excluded.cols, scopeColumn{Column: col, item: excluded})
		m.node.Proposed = append(m.node.Proposed, col.Ref())
	}
	plan, cols, raw, visible, err := b.bindRival(m.rel)
	if err != nil {
		return err
	}
	var same []expr.Expr
	for _, k := range keys {
		e, err := b.bindOperator("=", proposed.Cols[k].Ref(), raw[k].Ref(), -1)
		if err != nil {
			return err
		}
		same = append(same, e)
	}
	rowID := raw[m.width()]
	cond := same[0]
	if len(same) > 1 {
		cond = &expr.Logic{Op: expr.And, Args: same}
	}
	m.plan = &logical.Join{Kind: physical.Left, Left: proposed, Right: plan, Cond: cond}
	it := &rangeItem{alias: m.alias, relation: m.rel.Name, cols: cols}
	if m.alias == m.rel.Name {
		it.schema = m.rel.Schema
	}
	for i := range it.cols {
		it.cols[i].item = it
	}
	level := &scope{parent: m.outer.parent, ctes: m.outer.ctes, items: []*rangeItem{it, excluded}}
	level.star = slices.Concat(it.visible(), excluded.visible())
	isNew := &expr.NullTest{Arg: rowID.Ref()}
	var hidden expr.Expr
	if visible != nil {
		hidden = &expr.BoolTest{Arg: visible.Ref(), Value: types.BoolDatum(true), Not: true}
		m.node.Target.Hidden = pgerror.Newf(pgerror.InsufficientPrivilege,
			"new row violates row-level security policy (USING expression) for table %q", m.rel.Name)
	}
	if c.WhereClause != nil {
		level.clause = "WHERE"
		where, err := b.bindBool(&exprContext{scope: level, plan: &m.plan, clause: "WHERE"}, c.WhereClause, "WHERE")
		if err != nil {
			return err
		}
		yes := &expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(true)}
		if hidden != nil {
			where = choose(hidden, yes, where)
		}
		m.plan = &logical.Filter{Input: m.plan, Conds: []expr.Expr{choose(isNew, yes, where)}}
	}
	assigned, err := m.assignments(level, c.TargetList)
	if err != nil {
		return err
	}
	for i := range m.node.Values {
		if assigned[i] == nil {
			assigned[i] = raw[i].Ref()
		}
		m.node.Values[i] = choose(isNew, proposed.Cols[i].Ref(), assigned[i])
	}
	action := integer(physical.UpdateRow)
	if hidden != nil {
		action = choose(hidden, integer(physical.RefuseRow), action)
	}
	m.node.Action = choose(isNew, integer(physical.InsertRow), action)
	m.node.RowID = rowID.Ref()
	m.node.Target.Again = pgerror.New(pgerror.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
		WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
	m.node.Input = m.plan
	return nil
}
