package binder

import (
	"context"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Writable is what changing a table takes. The columns are those of the
// Relation without the hidden one for the row's identity, which is its last.
type Writable struct {
	Source connector.Modifier
	// Defaults are SQL expressions, "" for NULL; SearchPath resolves their names
	// and those of the Checks.
	Defaults   []string
	SearchPath []string
	NotNull    []bool
	// Identity is 'a' for a column GENERATED ALWAYS AS IDENTITY, 'd' for one BY
	// DEFAULT, 0 for others.
	Identity []rune
	Checks   []CheckConstraint
	Unique   []connector.Unique
	// Permit returns 42501 unless the role may do this on the columns (none:
	// on the table as a whole).
	Permit func(role types.OID, kind physical.ModifyKind, columns []int) error
	// Remote is set for a table of a source, nil for a local one.
	Remote *RemoteTable
}

// CheckConstraint is a CHECK of a table.
type CheckConstraint struct{ Name, SQL string }

// Modified describes a statement that changes a table.
type Modified struct {
	Table types.OID
	Kind  physical.ModifyKind
	// Returning is set when the statement has rows.
	Returning bool
	// Source is where the table is when it is not a local one.
	Source connector.Source
}

// BindModify binds INSERT, UPDATE, DELETE or MERGE.
func BindModify(ctx context.Context, env Env, n *pg.Node, text string, paramTypes []types.OID) (*Result, error) {
	b := &binder{
		ctx: ctx, env: env, text: text, principal: env.Principal,
		params:  append([]types.OID(nil), paramTypes...),
		origins: map[expr.ColumnID]origin{},
		useOf:   map[expr.ColumnID]useColumn{},
	}
	m := &modifying{b: b, base: &scope{}, node: &logical.Modify{}}
	b.top = withOf(n)
	if err := m.statement(n); err != nil {
		return nil, err
	}
	for i, t := range b.params {
		if t == 0 || t == types.Unknown {
			b.params[i] = types.Text
			return nil, pgerror.Newf(pgerror.IndeterminateDatatype, "could not determine data type of parameter $%d", i+1)
		}
	}
	if err := b.checkPrivileges(); err != nil {
		return nil, err
	}
	res := &Result{Plan: b.with(m.plan), Params: b.params, Writes: b.writes, Bases: b.read()}
	res.Modified = &res.Writes[len(res.Writes)-1]
	for _, c := range m.returning {
		o := b.origins[c.ID]
		res.Columns = append(res.Columns, OutputColumn{Name: c.Name, Type: c.Type, TableOID: o.table, AttNum: o.attnum})
	}
	return res, nil
}

// withOf returns the WITH clause of a statement that changes a table.
func withOf(n *pg.Node) *pg.WithClause {
	switch x := n.GetNode().(type) {
	case *pg.Node_InsertStmt:
		return x.InsertStmt.WithClause
	case *pg.Node_UpdateStmt:
		return x.UpdateStmt.WithClause
	case *pg.Node_DeleteStmt:
		return x.DeleteStmt.WithClause
	case *pg.Node_MergeStmt:
		return x.MergeStmt.WithClause
	}
	return nil
}

// statement binds a statement that changes a table.
func (m *modifying) statement(n *pg.Node) error {
	var err error
	switch x := n.GetNode().(type) {
	case *pg.Node_InsertStmt:
		err = m.insert(x.InsertStmt)
	case *pg.Node_UpdateStmt:
		err = m.update(x.UpdateStmt)
	case *pg.Node_DeleteStmt:
		err = m.delete(x.DeleteStmt)
	case *pg.Node_MergeStmt:
		err = m.merge(x.MergeStmt)
	default:
		err = pgerror.New(pgerror.InternalError, "not a statement that changes a table")
	}
	if err != nil {
		return err
	}
	done := Modified{Table: m.rel.OID, Kind: m.node.Target.Kind, Returning: m.returning != nil}
	if m.w.Remote != nil {
		done.Source = m.rel.Source
	}
	m.b.writes = append(m.b.writes, done)
	return nil
}

// modifying is the state of binding one statement that changes a table.
type modifying struct {
	b    *binder
	rel  *Relation
	w    *Writable
	node *logical.Modify
	// base is the scope that the statement stands in, outer holds the WITH
	// queries of the statement as well; alias is what the table is called in it.
	base *scope
	// override is OVERRIDING of an INSERT.
	override  pg.OverridingKind
	outer     *scope
	alias     string
	plan      logical.Node
	returning []logical.Column
}

// width is the number of columns that the table shows.
func (m *modifying) width() int { return len(m.w.NotNull) }

// target resolves the table.
func (m *modifying) target(rv *pg.RangeVar, with *pg.WithClause, kind physical.ModifyKind) error {
	b := m.b
	var err error
	if m.outer, err = b.bindWith(with, m.base); err != nil {
		return err
	}
	name := Name{Catalog: rv.Catalogname, Schema: rv.Schemaname, Name: rv.Relname}
	if m.rel, err = b.env.Catalog.Relation(b.ctx, name, nil); err != nil {
		return b.at(err, rv.Location)
	}
	if m.rel.Writable == nil {
		verb := [...]string{"insert into", "update", "delete from", "merge into"}[kind]
		what := "table"
		switch {
		case m.rel.MatView:
			return pgerror.Newf(pgerror.WrongObjectType, "cannot change materialized view %q", m.rel.Name)
		case m.rel.View != nil:
			what = "view"
		case m.rel.Server != "":
			what = "foreign table"
		}
		if what == "view" {
			return pgerror.Newf(pgerror.FeatureNotSupported, "cannot %s view %q", verb, m.rel.Name).
				WithDetail("HubSQL changes tables only.")
		}
		return pgerror.Newf(pgerror.FeatureNotSupported, "cannot %s %s %q", verb, what, m.rel.Name).
			WithHint("What this table is read from cannot be changed.")
	}
	m.w = m.rel.Writable
	if m.w.Remote != nil {
		if err := m.remoteTarget(kind); err != nil {
			return err
		}
	}
	m.alias = m.rel.Name
	if a := rv.GetAlias().GetAliasname(); a != "" {
		m.alias = a
	}
	m.node.Target = physical.ModifyTarget{
		Kind: kind, Table: displayName(m.rel), Source: m.w.Source, Handle: m.rel.Handle, NotNull: m.w.NotNull,
		Unique: slices.Clone(m.w.Unique), HideValues: !m.rel.Policy.Empty(),
	}
	for _, c := range m.rel.Columns[:m.width()] {
		m.node.Cols = append(m.node.Cols, b.newColumn(c.Name, c.Type))
	}
	return nil
}

// column finds a column to assign to.
func (m *modifying) column(rt *pg.ResTarget) (int, error) {
	i := slices.IndexFunc(m.rel.Columns[:m.width()], func(c RelationColumn) bool { return c.Name == rt.Name })
	if i < 0 {
		return 0, m.b.errorf(rt.Location, pgerror.UndefinedColumn, "column %q of relation %q does not exist", rt.Name, m.rel.Name)
	}
	if len(rt.Indirection) > 0 {
		return 0, pgerror.NotSupported("assigning to a part of a column is not supported")
	}
	return i, nil
}

// assign gives e the type of column i.
func (m *modifying) assign(e expr.Expr, i int, loc int32) (expr.Expr, error) {
	c := m.rel.Columns[i]
	from := e.Type()
	if _, row := e.(*expr.Row); row && c.Type.OID.IsComposite() && from.OID == types.Record {
		return m.b.coerce(e, c.Type, function.Assignment, false, loc)
	}
	if !unknownType(from) && from.OID != c.Type.OID && m.b.env.Registry.Coercion(from.OID, c.Type.OID, function.Assignment).Kind == function.PathNone {
		return nil, m.b.at(pgerror.Newf(pgerror.DatatypeMismatch, "column %q is of type %s but expression is of type %s",
			c.Name, types.FormatType(types.Of(c.Type.OID)), types.FormatType(types.Of(from.OID))).
			WithHint("You will need to rewrite or cast the expression."), loc)
	}
	return m.b.coerce(e, c.Type, function.Assignment, false, loc)
}

// defaultOf binds the default of column i.
func (m *modifying) defaultOf(i int) (expr.Expr, error) {
	c := m.rel.Columns[i]
	if m.w.Defaults[i] == "" && c.Type.Domain != 0 {
		if sql, path := m.b.defaultOfDomain(c.Type); sql != "" {
			return m.b.bindDefinition(sql, path, &scope{}, c.Type)
		}
		return m.b.coerce(&expr.Const{T: types.Of(types.Unknown), Value: types.Null}, c.Type, function.Assignment, false, -1)
	}
	if m.w.Defaults[i] == "" {
		return &expr.Const{T: c.Type, Value: types.Null}, nil
	}
	return m.b.bindDefinition(m.w.Defaults[i], m.w.SearchPath, &scope{}, c.Type)
}

// bindDefinition binds an expression that the catalog keeps, as type t.
func (b *binder) bindDefinition(sql string, path []string, s *scope, t types.Type) (expr.Expr, error) {
	stmt, err := b.env.Catalog.Parse("SELECT (" + sql + ")")
	if err != nil {
		return nil, err
	}
	if len(stmt.TargetList) != 1 || len(stmt.FromClause) > 0 {
		return nil, pgerror.New(pgerror.InvalidObjectDefinition, "the definition is not one expression")
	}
	saved := b.env.Catalog
	b.env.Catalog = pathCatalog{Catalog: saved, path: path}
	arguments := b.arguments
	b.arguments = nil
	b.quiet++
	defer func() { b.quiet--; b.env.Catalog, b.arguments = saved, arguments }()
	e, err := b.bindExpr(&exprContext{scope: s, clause: "table definitions"}, stmt.TargetList[0].GetResTarget().Val)
	if err != nil {
		return nil, err
	}
	return b.coerce(e, t, function.Assignment, false, -1)
}

// CheckDefault verifies at definition time that the default of a column is an
// expression without columns or subqueries that can be assigned to type t.
func CheckDefault(ctx context.Context, env Env, sql string, column string, t types.Type) error {
	b := &binder{ctx: ctx, env: env, principal: env.Principal, origins: map[expr.ColumnID]origin{}, useOf: map[expr.ColumnID]useColumn{}}
	stmt, err := env.Catalog.Parse("SELECT (" + sql + ")")
	if err != nil {
		return err
	}
	b.quiet++
	e, err := b.bindExpr(&exprContext{scope: &scope{}, clause: "DEFAULT expressions"}, stmt.TargetList[0].GetResTarget().Val)
	if err != nil {
		if pgerror.CodeOf(err) == pgerror.UndefinedColumn {
			return pgerror.New(pgerror.FeatureNotSupported, "cannot use column reference in DEFAULT expression")
		}
		return err
	}
	from := e.Type()
	if !unknownType(from) && from.OID != t.OID && env.Registry.Coercion(from.OID, t.OID, function.Assignment).Kind == function.PathNone {
		return pgerror.Newf(pgerror.DatatypeMismatch, "column %q is of type %s but default expression is of type %s",
			column, types.FormatType(types.Of(t.OID)), types.FormatType(types.Of(from.OID))).
			WithHint("You will need to rewrite or cast the expression.")
	}
	_, err = b.coerce(e, t, function.Assignment, false, -1)
	return err
}

// insert binds INSERT.
func (m *modifying) insert(s *pg.InsertStmt) error {
	b := m.b
	if err := m.target(s.Relation, s.WithClause, physical.InsertRows); err != nil {
		return err
	}
	columns, err := m.columns(s.Cols)
	if err != nil {
		return err
	}
	m.override = s.Override
	keys, err := m.conflict(s.OnConflictClause)
	if err != nil {
		return err
	}
	listed := len(s.Cols) > 0
	if err := m.w.Permit(b.principal, physical.InsertRows, columns); err != nil {
		return err
	}
	sel := s.SelectStmt.GetSelectStmt()
	switch {
	case s.SelectStmt == nil: // DEFAULT VALUES
		m.node.Input = unit()
		err = m.values(nil, nil)
	case m.allDefaults(sel, columns):
		m.node.Input = unit()
		err = m.values(nil, nil)
	case len(sel.GetValuesLists()) > 0 && len(sel.GetSortClause()) == 0 && sel.GetLimitCount() == nil && sel.GetLimitOffset() == nil && sel.GetWithClause() == nil:
		sel, columns = m.onlyDefaults(sel, columns)
		err = m.insertValues(s, sel, columns, listed)
	default:
		err = m.insertQuery(s, sel, columns, listed)
	}
	if err != nil {
		return err
	}
	if keys != nil {
		if err := m.upsert(s.OnConflictClause, keys); err != nil {
			return err
		}
	}
	if err := m.checks(); err != nil {
		return err
	}
	m.node.Target.CheckStored = m.w.Remote != nil && len(m.node.Checks) > 0
	return m.finish(s.ReturningList, nil)
}

// values sets the new row: exprs[k] goes to columns[k], the others get their
// default.
func (m *modifying) values(columns []int, exprs []expr.Expr) error {
	m.node.Values = make([]expr.Expr, m.width())
	for k, i := range columns[:len(exprs)] {
		m.node.Values[i] = exprs[k]
	}
	m.node.Target.Given = columns[:len(exprs)]
	for i, e := range m.node.Values {
		if e != nil {
			continue
		}
		if m.filledBySource(i) {
			m.node.Values[i] = &expr.Const{T: m.rel.Columns[i].Type, Value: types.Null}
			continue
		}
		m.node.Target.Given = append(slices.Clip(m.node.Target.Given), i)
		var err error
		if m.node.Values[i], err = m.defaultOf(i); err != nil {
			return err
		}
	}
	return nil
}

// tooMany is the error of a row that does not fit the list of columns.
func (m *modifying) fits(n, columns int, listed bool, more, less int32) error {
	switch {
	case n > columns:
		return m.b.errorf(more, pgerror.SyntaxError, "INSERT has more expressions than target columns")
	case n < columns && listed:
		return m.b.errorf(less, pgerror.SyntaxError, "INSERT has more target columns than expressions")
	}
	return nil
}

// insertValues binds INSERT ... VALUES: every expression is assigned to its
// column by itself, so that DEFAULT and untyped literals have their meaning.
func (m *modifying) insertValues(s *pg.InsertStmt, sel *pg.SelectStmt, columns []int, listed bool) error {
	b := m.b
	level, err := b.bindWith(sel.WithClause, &scope{parent: m.outer.parent, ctes: m.outer.ctes})
	if err != nil {
		return err
	}
	width := len(sel.ValuesLists[0].GetList().GetItems())
	var rows [][]expr.Expr
	base := unit()
	plain := true
	plans := make([]logical.Node, len(sel.ValuesLists))
	for r, n := range sel.ValuesLists {
		items := n.GetList().GetItems()
		if len(items) != width {
			return b.errorf(exprLocation(items[0]), pgerror.SyntaxError, "VALUES lists must all be the same length")
		}
		if len(items) > len(columns) {
			return m.fits(len(items), len(columns), listed, exprLocation(items[len(columns)]), -1)
		}
		if len(items) < len(columns) && listed {
			return m.fits(len(items), len(columns), listed, -1, s.Cols[len(items)].GetResTarget().Location)
		}
		plans[r] = base
		row := make([]expr.Expr, len(items))
		for k, it := range items {
			if it.GetSetToDefault() != nil {
				if m.filledBySource(columns[k]) {
					return m.defaultOfSource(columns[k], exprLocation(it))
				}
				if row[k], err = m.defaultOf(columns[k]); err != nil {
					return err
				}
				continue
			}
			if m.generated(columns[k]) {
				if m.override == pg.OverridingKind_OVERRIDING_USER_VALUE {
					if row[k], err = m.defaultOf(columns[k]); err != nil {
						return err
					}
					continue
				}
				return m.generatedAlways(columns[k])
			}
			e, err := b.bindOperand(&exprContext{scope: level, plan: &plans[r], clause: "VALUES"}, it)
			if err != nil {
				return err
			}
			if row[k], err = m.assign(e, columns[k], exprLocation(it)); err != nil {
				return err
			}
		}
		plain = plain && plans[r] == base
		rows = append(rows, row)
	}
	cols := make([]logical.Column, width)
	for k := range cols {
		c := m.rel.Columns[columns[k]]
		cols[k] = b.newColumn(c.Name, c.Type)
	}
	q := b.rowsOf(rows, plans, cols, plain)
	m.node.Input = q.plan
	refs := make([]expr.Expr, width)
	for k, c := range q.cols {
		refs[k] = c.Ref()
	}
	return m.values(columns, refs)
}

// generated reports whether a value given for column i does not become the
// column's.
func (m *modifying) generated(i int) bool {
	switch m.w.Identity[i] {
	case 'a':
		return m.override != pg.OverridingKind_OVERRIDING_SYSTEM_VALUE
	case 'd':
		return m.override == pg.OverridingKind_OVERRIDING_USER_VALUE
	}
	return false
}

// generatedAlways is the error of a value for such a column.
func (m *modifying) generatedAlways(i int) error {
	name := m.rel.Columns[i].Name
	return pgerror.Newf(pgerror.GeneratedAlways, "cannot insert a non-DEFAULT value into column %q", name).
		WithDetail("Column %q is an identity column defined as GENERATED ALWAYS.", name).
		WithHint("Use OVERRIDING SYSTEM VALUE to override.")
}

// insertQuery binds INSERT ... SELECT.
func (m *modifying) insertQuery(s *pg.InsertStmt, sel *pg.SelectStmt, columns []int, listed bool) error {
	b := m.b
	q, err := b.bindSelect(sel, &scope{parent: m.outer.parent, ctes: m.outer.ctes})
	if err != nil {
		return err
	}
	less := int32(-1)
	if listed && len(q.cols) < len(s.Cols) {
		less = s.Cols[len(q.cols)].GetResTarget().Location
	}
	if err := m.fits(len(q.cols), len(columns), listed, targetLocation(sel, len(columns)), less); err != nil {
		return err
	}
	// Literals are assigned as what they will be, not as text.
	targets := make([]types.Type, len(q.cols))
	literal := false
	for k, c := range q.cols {
		targets[k] = c.Type
		if unknownType(c.Type) {
			targets[k], literal = m.rel.Columns[columns[k]].Type, true
		}
	}
	if literal {
		if q, err = b.coerceQuery(q, targets); err != nil {
			return err
		}
	}
	m.node.Input = q.plan
	exprs := make([]expr.Expr, len(q.cols))
	for k, c := range q.cols {
		if m.generated(columns[k]) {
			if m.override != pg.OverridingKind_OVERRIDING_USER_VALUE {
				return m.generatedAlways(columns[k])
			}
			if exprs[k], err = m.defaultOf(columns[k]); err != nil {
				return err
			}
			continue
		}
		if exprs[k], err = m.assign(c.Ref(), columns[k], targetLocation(sel, k)); err != nil {
			return err
		}
	}
	return m.values(columns, exprs)
}

// open binds the table as the source of the rows to change: what the user's
// expressions see are masked columns, what stays in the row are the raw ones.
func (m *modifying) open() (*scope, []logical.Column, error) {
	b := m.b
	plan, cols, raw, err := b.bindTarget(m.rel)
	if err != nil {
		return nil, nil, err
	}
	it := &rangeItem{alias: m.alias, relation: m.rel.Name, cols: cols}
	if m.alias == m.rel.Name {
		it.schema = m.rel.Schema
	}
	for i := range it.cols {
		it.cols[i].item = it
	}
	m.plan = plan
	s := &scope{parent: m.outer.parent, ctes: m.outer.ctes, items: []*rangeItem{it}}
	s.star = it.visible()
	return s, raw, nil
}

// join adds the FROM or USING items and WHERE; it returns the columns of the
// further items.
func (m *modifying) join(s *scope, from []*pg.Node, where *pg.Node) ([]*rangeItem, error) {
	b := m.b
	var others []*rangeItem
	if len(from) > 0 {
		level := &scope{parent: s.parent, ctes: s.ctes}
		level.clause = "FROM clause"
		plan, err := b.bindFrom(from, level)
		if err != nil {
			return nil, err
		}
		for _, it := range level.items {
			if it.alias == m.alias {
				return nil, pgerror.Newf(pgerror.DuplicateAlias, "table name %q specified more than once", it.alias)
			}
		}
		others = level.items
		s.items = append(s.items, level.items...)
		s.star = append(s.star, level.star...)
		m.plan = &logical.Join{Kind: physical.Inner, Left: m.plan, Right: plan}
	}
	if where != nil {
		s.clause = "WHERE"
		cond, err := b.bindBool(&exprContext{scope: s, plan: &m.plan, clause: "WHERE"}, where, "WHERE")
		if err != nil {
			return nil, err
		}
		m.plan = &logical.Filter{Input: m.plan, Conds: expr.SplitAnd(nil, cond)}
	}
	return others, nil
}

// update binds UPDATE.
func (m *modifying) update(s *pg.UpdateStmt) error {
	if err := m.target(s.Relation, s.WithClause, physical.UpdateRows); err != nil {
		return err
	}
	level, raw, err := m.open()
	if err != nil {
		return err
	}
	others, err := m.join(level, s.FromClause, s.WhereClause)
	if err != nil {
		return err
	}
	assigned, err := m.assignments(level, s.TargetList)
	if err != nil {
		return err
	}
	m.node.Values = assigned
	m.node.Target.Joined = len(others) > 0
	for i := range m.node.Values {
		switch {
		case m.node.Values[i] != nil:
			m.node.Target.Given = append(m.node.Target.Given, i)
		case m.keepsOld(s.ReturningList):
			m.node.Values[i] = raw[i].Ref()
		default:
			m.node.Values[i] = &expr.Const{T: raw[i].Type, Value: types.Null}
		}
	}
	m.node.RowID = raw[m.width()].Ref()
	if err := m.checks(); err != nil {
		return err
	}
	m.node.Input = m.plan
	return m.finish(s.ReturningList, others)
}

// assignments binds a SET list in a scope whose first item is the table: the new
// values by column, nil for those that stay.
func (m *modifying) assignments(level *scope, list []*pg.Node) ([]expr.Expr, error) {
	b := m.b
	masked := map[expr.ColumnID]bool{}
	for i, c := range level.items[0].cols {
		name := m.rel.Columns[i].Name
		if _, ok := m.rel.Policy.Masks[name]; ok || slices.Contains(m.rel.Policy.Denied, name) {
			masked[c.ID] = true
		}
	}
	values := make([]expr.Expr, m.width())
	var assigned []int
	rows := map[*pg.Node][]expr.Expr{}
	ec := &exprContext{scope: level, plan: &m.plan, clause: "UPDATE"}
	level.clause = "UPDATE"
	for _, n := range list {
		rt := n.GetResTarget()
		i, err := m.column(rt)
		if err != nil {
			return nil, err
		}
		if slices.Contains(assigned, i) {
			return nil, b.errorf(rt.Location, pgerror.SyntaxError, "multiple assignments to same column %q", rt.Name)
		}
		assigned = append(assigned, i)
		if m.w.Identity[i] == 'a' && rt.Val.GetSetToDefault() == nil {
			return nil, pgerror.Newf(pgerror.GeneratedAlways, "column %q can only be updated to DEFAULT", rt.Name).
				WithDetail("Column %q is an identity column defined as GENERATED ALWAYS.", rt.Name)
		}
		e, err := m.source(ec, rt.Val, i, rows)
		if err != nil {
			return nil, err
		}
		if values[i], err = m.assign(e, i, exprLocation(rt.Val)); err != nil {
			return nil, err
		}
		if reads(values[i], masked) {
			return nil, b.at(pgerror.New(pgerror.InsufficientPrivilege, "permission denied for table "+m.rel.Name).
				WithDetail("Column %q would be set to a value that is computed from a masked column.", rt.Name), rt.Location)
		}
	}
	return values, m.w.Permit(b.principal, physical.UpdateRows, assigned)
}

// source binds the right side of an assignment; rows keeps what multi-column
// assignments share.
func (m *modifying) source(ec *exprContext, n *pg.Node, column int, rows map[*pg.Node][]expr.Expr) (expr.Expr, error) {
	if n.GetSetToDefault() != nil {
		if m.filledBySource(column) {
			return nil, m.defaultOfSource(column, exprLocation(n))
		}
		return m.defaultOf(column)
	}
	multi := n.GetMultiAssignRef()
	if multi == nil {
		return m.b.bindOperand(ec, n)
	}
	row, ok := rows[multi.Source]
	if !ok {
		r := multi.Source.GetRowExpr()
		if r == nil {
			return nil, pgerror.NotSupported("assigning a subquery to several columns is not supported")
		}
		for _, a := range r.Args {
			if a.GetSetToDefault() != nil {
				row = append(row, nil)
				continue
			}
			e, err := m.b.bindExpr(ec, a)
			if err != nil {
				return nil, err
			}
			row = append(row, e)
		}
		rows[multi.Source] = row
	}
	if len(row) != int(multi.Ncolumns) {
		return nil, m.b.errorf(exprLocation(multi.Source), pgerror.SyntaxError, "number of columns does not match number of values")
	}
	if row[multi.Colno-1] == nil {
		if m.filledBySource(column) {
			return nil, m.defaultOfSource(column, exprLocation(multi.Source))
		}
		return m.defaultOf(column)
	}
	return row[multi.Colno-1], nil
}

// reads reports whether e reads one of the columns.
func reads(e expr.Expr, columns map[expr.ColumnID]bool) bool {
	have := map[expr.ColumnID]bool{}
	expr.Columns(e, have)
	for id := range have {
		if columns[id] {
			return true
		}
	}
	return false
}

// delete binds DELETE.
func (m *modifying) delete(s *pg.DeleteStmt) error {
	if err := m.target(s.Relation, s.WithClause, physical.DeleteRows); err != nil {
		return err
	}
	if err := m.w.Permit(m.b.principal, physical.DeleteRows, nil); err != nil {
		return err
	}
	level, raw, err := m.open()
	if err != nil {
		return err
	}
	others, err := m.join(level, s.UsingClause, s.WhereClause)
	if err != nil {
		return err
	}
	m.node.Target.Joined = len(others) > 0
	for i := range m.width() {
		if m.keepsOld(s.ReturningList) {
			m.node.Values = append(m.node.Values, raw[i].Ref())
		} else {
			m.node.Values = append(m.node.Values, &expr.Const{T: raw[i].Type, Value: types.Null})
		}
	}
	m.node.RowID = raw[m.width()].Ref()
	m.node.Input = m.plan
	return m.finish(s.ReturningList, others)
}

// checks binds what new rows must satisfy: the constraints, and the row filters
// of the user, so that nobody writes a row that he may not see.
func (m *modifying) checks() error {
	b := m.b
	it := &rangeItem{alias: m.rel.Name, schema: m.rel.Schema}
	for _, c := range m.node.Cols {
		it.cols = append(it.cols, scopeColumn{Column: c})
	}
	own := &scope{items: []*rangeItem{it}}
	filters, err := b.bindRowFilters(m.rel.Policy.Checks, own)
	if err != nil {
		return policyError(m.rel, err)
	}
	for _, f := range filters {
		m.node.Checks = append(m.node.Checks, physical.Check{
			Cond: f, Strict: true,
			Err: pgerror.Newf(pgerror.InsufficientPrivilege, "new row violates row-level security policy for table %q", m.rel.Name),
		})
	}
	for _, c := range m.w.Checks {
		e, err := b.bindDefinition(c.SQL, m.w.SearchPath, own, types.Of(types.Bool))
		if err != nil {
			return err
		}
		m.node.Checks = append(m.node.Checks, physical.Check{
			Cond: e,
			Err:  pgerror.Newf(pgerror.CheckViolation, "new row for relation %q violates check constraint %q", m.rel.Name, c.Name),
		})
	}
	return nil
}

// finish binds RETURNING over the changed rows, masked as a query would see
// them, and the columns of the other items.
func (m *modifying) finish(list []*pg.Node, others []*rangeItem) error {
	b := m.b
	if len(list) == 0 {
		m.plan = m.node
		return nil
	}
	m.node.Target.Returning = true
	for _, it := range others {
		for _, c := range it.cols {
			m.node.Extras = append(m.node.Extras, c.Column)
		}
	}
	plan, cols, err := b.maskRows(m.rel, m.node, m.node.Cols)
	if err != nil {
		return err
	}
	it := &rangeItem{alias: m.alias, relation: m.rel.Name, cols: cols}
	if m.alias == m.rel.Name {
		it.schema = m.rel.Schema
	}
	for i := range it.cols {
		it.cols[i].item = it
	}
	s := &scope{parent: m.outer.parent, ctes: m.outer.ctes, items: append([]*rangeItem{it}, others...), clause: "RETURNING"}
	for _, i := range s.items {
		s.star = append(s.star, i.visible()...)
	}
	m.plan = plan
	ec := &exprContext{scope: s, plan: &m.plan, clause: "RETURNING"}
	targets, err := b.bindTargets(ec, list, s)
	if err != nil {
		return err
	}
	p := &logical.Project{Input: m.plan}
	for _, t := range targets {
		e, err := b.resolveUnknown(t.e)
		if err != nil {
			return err
		}
		c := b.newColumn(t.name, e.Type())
		if ref, ok := e.(*expr.Column); ok {
			b.origins[c.ID] = b.origins[ref.ID]
		}
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, c)
	}
	m.plan, m.returning = p, p.Cols
	return nil
}
