package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// merge binds MERGE: the source is joined with the table, each row of the join
// finds the first WHEN clause that is for it, and does what the clause says.
func (m *modifying) merge(s *pg.MergeStmt) error {
	b := m.b
	if err := m.target(s.Relation, s.WithClause, physical.MergeRows); err != nil {
		return err
	}
	level, raw, err := m.open()
	if err != nil {
		return err
	}
	inserts := false
	final := map[bool]bool{} // by matched: a clause without condition was there
	for _, n := range s.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		inserts = inserts || !w.Matched
		if final[w.Matched] {
			return pgerror.New(pgerror.SyntaxError, "unreachable WHEN clause specified after unconditional WHEN clause")
		}
		final[w.Matched] = w.Condition == nil
	}
	from := &scope{parent: level.parent, ctes: level.ctes, clause: "FROM clause"}
	source, err := b.bindFrom([]*pg.Node{s.SourceRelation}, from)
	if err != nil {
		return err
	}
	for _, it := range from.items {
		if it.alias == m.alias {
			return pgerror.Newf(pgerror.DuplicateAlias, "name %q specified more than once", it.alias).
				WithDetail("The name is used both as MERGE target table and data source.")
		}
	}
	level.items = append(level.items, from.items...)
	level.star = append(level.star, from.star...)
	if err := m.matchRows(s, level, source, inserts); err != nil {
		return err
	}
	// A clause sees no column of the table where there is no row of it.
	unmatched := &scope{parent: level.parent, ctes: level.ctes, items: from.items, star: from.star}
	scopeOf := func(w *pg.MergeWhenClause) *scope {
		if w.Matched {
			return level
		}
		return unmatched
	}
	rowID := raw[m.width()]
	which, err := m.choices(s, scopeOf, &expr.NullTest{Arg: rowID.Ref()})
	if err != nil {
		return err
	}
	values := make([][]expr.When, m.width())
	action := &expr.Case{T: types.Of(types.Int4), Else: integer(physical.SkipRow)}
	for k, n := range s.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		is, err := b.bindOperator("=", which.Ref(), integer(int32(k)), -1)
		if err != nil {
			return err
		}
		act, row, err := m.clause(w, scopeOf(w))
		if err != nil {
			return err
		}
		action.Whens = append(action.Whens, expr.When{Cond: is, Result: integer(act)})
		for i, e := range row {
			if e != nil {
				values[i] = append(values[i], expr.When{Cond: is, Result: e})
			}
		}
	}
	for i, whens := range values {
		var e expr.Expr = raw[i].Ref()
		if len(whens) > 0 {
			e = &expr.Case{Whens: whens, Else: e, T: m.rel.Columns[i].Type}
		}
		m.node.Values = append(m.node.Values, e)
	}
	m.node.Action, m.node.RowID, m.node.Input = action, rowID.Ref(), m.plan
	m.node.Target.Again = pgerror.New(pgerror.CardinalityViolation, "MERGE command cannot affect row a second time").
		WithHint("Ensure that not more than one source row matches any one target row.")
	if err := m.checks(); err != nil {
		return err
	}
	return m.finish(nil, nil)
}

// matchRows joins the source with the table; all keeps the rows of the source
// that match nothing.
func (m *modifying) matchRows(s *pg.MergeStmt, level *scope, source logical.Node, all bool) error {
	b := m.b
	j := &logical.Join{Kind: physical.Inner, Left: source, Right: m.plan}
	if all {
		j.Kind = physical.Left
	}
	var plan logical.Node = j
	level.clause = "JOIN/ON"
	cond, err := b.bindBool(&exprContext{scope: level, plan: &plan, clause: "JOIN conditions"}, s.JoinCondition, "JOIN/ON")
	switch {
	case err != nil:
		return err
	case plan == logical.Node(j):
		j.Cond = cond
	case !all:
		plan = &logical.Filter{Input: plan, Conds: expr.SplitAnd(nil, cond)}
	default:
		plan, err = b.outerJoinWithSubqueries(j, level, s.JoinCondition)
	}
	m.plan = plan
	return err
}

// choices adds a column to the plan that says which WHEN clause a row finds.
func (m *modifying) choices(s *pg.MergeStmt, scopeOf func(*pg.MergeWhenClause) *scope, unmatched expr.Expr) (logical.Column, error) {
	b := m.b
	var arms [2][]expr.When
	for k, n := range s.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		var cond expr.Expr = &expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(true)}
		if w.Condition != nil {
			level := scopeOf(w)
			level.clause = "MERGE WHEN AND condition"
			var err error
			if cond, err = b.bindBool(&exprContext{scope: level, plan: &m.plan, clause: "MERGE WHEN AND condition"}, w.Condition, "WHEN"); err != nil {
				return logical.Column{}, err
			}
		}
		at := 0
		if w.Matched {
			at = 1
		}
		arms[at] = append(arms[at], expr.When{Cond: cond, Result: integer(int32(k))})
	}
	pick := func(whens []expr.When) expr.Expr {
		if len(whens) == 0 {
			return integer(int32(-1))
		}
		return &expr.Case{Whens: whens, Else: integer(int32(-1)), T: types.Of(types.Int4)}
	}
	p := &logical.Project{Input: m.plan}
	for _, c := range m.plan.Outputs() {
		p.Exprs, p.Cols = append(p.Exprs, c.Ref()), append(p.Cols, c)
	}
	which := b.newColumn("which", types.Of(types.Int4))
	p.Exprs, p.Cols = append(p.Exprs, choose(unmatched, pick(arms[0]), pick(arms[1]))), append(p.Cols, which)
	m.plan = p
	return which, nil
}

// clause binds what a WHEN clause does: the action and the new row, nil entries
// for columns that stay as they are.
func (m *modifying) clause(w *pg.MergeWhenClause, level *scope) (physical.RowAction, []expr.Expr, error) {
	b := m.b
	switch w.CommandType {
	case pg.CmdType_CMD_UPDATE:
		row, err := m.assignments(level, w.TargetList)
		return physical.UpdateRow, row, err
	case pg.CmdType_CMD_DELETE:
		return physical.DeleteRow, nil, m.w.Permit(b.principal, physical.DeleteRows, nil)
	case pg.CmdType_CMD_INSERT:
		row, err := m.mergeInsert(w, level)
		return physical.InsertRow, row, err
	}
	return physical.SkipRow, nil, nil
}

// mergeInsert binds the new row of a clause that inserts.
func (m *modifying) mergeInsert(w *pg.MergeWhenClause, level *scope) ([]expr.Expr, error) {
	b := m.b
	columns, err := m.columns(w.TargetList)
	if err != nil {
		return nil, err
	}
	listed := len(w.TargetList) > 0
	if err := m.w.Permit(b.principal, physical.InsertRows, columns); err != nil {
		return nil, err
	}
	if len(w.Values) > 0 {
		more, less := int32(-1), int32(-1)
		if len(w.Values) > len(columns) {
			more = exprLocation(w.Values[len(columns)])
		} else if listed && len(w.Values) < len(columns) {
			less = w.TargetList[len(w.Values)].GetResTarget().Location
		}
		if err := m.fits(len(w.Values), len(columns), listed, more, less); err != nil {
			return nil, err
		}
	}
	row := make([]expr.Expr, m.width())
	level.clause = "VALUES"
	for k, it := range w.Values {
		i := columns[k]
		if it.GetSetToDefault() != nil {
			continue
		}
		if m.override = w.Override; m.generated(i) {
			if w.Override == pg.OverridingKind_OVERRIDING_USER_VALUE {
				continue
			}
			return nil, m.generatedAlways(i)
		}
		e, err := b.bindExpr(&exprContext{scope: level, plan: &m.plan, clause: "VALUES"}, it)
		if err != nil {
			return nil, err
		}
		if row[i], err = m.assign(e, i, exprLocation(it)); err != nil {
			return nil, err
		}
	}
	for i := range row {
		if row[i] == nil {
			if row[i], err = m.defaultOf(i); err != nil {
				return nil, err
			}
		}
	}
	return row, nil
}

// columns resolves a list of columns to insert; without a list it is all of
// them.
func (m *modifying) columns(list []*pg.Node) ([]int, error) {
	var out []int
	for _, n := range list {
		rt := n.GetResTarget()
		i, err := m.column(rt)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, i) {
			return nil, m.b.errorf(rt.Location, pgerror.DuplicateColumn, "column %q specified more than once", rt.Name)
		}
		out = append(out, i)
	}
	if len(list) == 0 {
		for i := range m.width() {
			out = append(out, i)
		}
	}
	return out, nil
}
