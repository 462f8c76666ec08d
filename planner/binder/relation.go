package binder

import (
	"context"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Name is a table name as written; missing parts are "".
type Name struct{ Catalog, Schema, Name string }

// String prints the name with dots.
func (n Name) String() string {
	s := n.Name
	if n.Schema != "" {
		s = n.Schema + "." + s
	}
	if n.Catalog != "" {
		s = n.Catalog + "." + s
	}
	return s
}

// Relation is a table or view as the binder needs it.
type Relation struct {
	OID    types.OID
	Schema string
	Name   string
	// Server is the name of the foreign server, "" for system relations.
	Server  string
	Columns []RelationColumn
	// RowType is the composite type of its rows, 0 when it has none.
	RowType types.OID
	// View is set for a view, the rest for a table.
	View   *View
	Source connector.Source
	Handle connector.TableHandle
	// Writable is set for a table that statements can change.
	Writable *Writable
	// MatView is set for a materialized view, Bases are then the tables that its
	// rows come from.
	MatView bool
	Bases   []types.OID
	// Rows is the estimated number of rows, negative when unknown.
	Rows float64
	// Stats describes the table's rows, nil when nothing is known.
	Stats logical.Statistics
	// Policy is what governs the table for the current user.
	Policy policy.TablePolicy
	// Check returns 42501 when role may not read the columns (indexes; none
	// when only the number of rows is asked for). nil allows all.
	Check func(role types.OID, columns []int) error
}

// RelationColumn is a column of a relation; column i is column i of the handle.
type RelationColumn struct {
	Name   string
	Type   types.Type
	AttNum int16
	// Key is set for the columns of the primary key.
	Key bool
	// Hidden columns are found by name but are not part of * (xmin, ctid).
	Hidden bool
}

// View is the definition of a view.
type View struct {
	SQL        string
	SearchPath []string
	Owner      types.OID
}

// Catalog is what the binder asks of the catalog.
type Catalog interface {
	// Relation resolves a table for a principal; 42P01 when there is none.
	// searchPath is nil for the session's own.
	Relation(ctx context.Context, name Name, searchPath []string) (*Relation, error)
	// RegLookup resolves the text form of regclass, regtype, regproc,
	// regnamespace, regrole... to an OID.
	RegLookup(ctx context.Context, t types.OID, text string) (types.OID, error)
	// UserFunctions lists the functions of users that a name means; a schema of ""
	// stands for the search path, nil for the session's own.
	UserFunctions(schema, name string, searchPath []string) []*UserFunction
	// UserType resolves the name of a type that users have made; a schema of ""
	// looks along searchPath, nil for the session's own.
	UserType(schema, name string, searchPath []string) (types.Type, bool)
	// Domain describes a domain, nil when there is none.
	Domain(oid types.OID) *Domain
	// Parse parses the text of a view or policy into one SELECT.
	Parse(sql string) (*pg.SelectStmt, error)
}

// bindRelation is the one door through which a base relation comes into a plan:
// Barrier(Project(masks, Filter(row filters, Scan))). Nothing else builds a
// Scan.
func (b *binder) bindRelation(rel *Relation) (logical.Node, []scopeColumn, error) {
	plan, cols, _, _, err := b.enterRelation(rel, asSource)
	return plan, cols, err
}

// entry is what a relation enters a plan for.
type entry uint8

const (
	asSource entry = iota // its rows are read
	asTarget              // its rows are changed: bindTarget
	asRival               // new rows may be in conflict with its rows: bindRival
)

// bindTarget binds the table that a statement changes. Beside the columns that
// the user's expressions may see it returns the raw ones: they go into the row
// that is written, and nowhere else.
func (b *binder) bindTarget(rel *Relation) (logical.Node, []scopeColumn, []logical.Column, error) {
	plan, cols, raw, _, err := b.enterRelation(rel, asTarget)
	return plan, cols, raw, err
}

// bindRival binds the table that a statement inserts into as the rows with which
// the new ones may be in conflict. Rows that the user may not change are there as
// well, but their columns are NULL for his expressions: the column returned last,
// nil when there are no such rows, is true for the others.
func (b *binder) bindRival(rel *Relation) (logical.Node, []scopeColumn, []logical.Column, *logical.Column, error) {
	return b.enterRelation(rel, asRival)
}

// enterRelation makes the plan of a relation. Unless it is read only, its
// outputs keep the raw columns.
func (b *binder) enterRelation(rel *Relation, as entry) (logical.Node, []scopeColumn, []logical.Column, *logical.Column, error) {
	scan := &logical.Scan{
		Server: rel.Server, Table: displayName(rel), Source: rel.Source, Handle: rel.Handle,
		Rows: rel.Rows, Stats: rel.Stats, Sealed: true,
	}
	for _, c := range rel.Columns {
		scan.Cols = append(scan.Cols, b.newColumn(c.Name, c.Type))
	}
	target := as != asSource
	base := b.base(rel)
	var filters []expr.Expr
	var visible *logical.Column
	var plan logical.Node = scan
	if !rel.Policy.Empty() {
		var err error
		list := rel.Policy.RowFilters
		if target {
			list = slices.Concat(list, rel.Policy.Writable)
		}
		personal := b.personal
		if filters, err = b.bindRowFilters(list, rawScope(rel, scan.Cols)); err != nil {
			return nil, nil, nil, nil, policyError(rel, err)
		}
		base.Unstable = base.Unstable || b.personal != personal || !immutable(filters...)
		switch {
		case len(filters) == 0:
		case as == asRival:
			var seen expr.Expr = filters[0]
			if len(filters) > 1 {
				seen = &expr.Logic{Op: expr.And, Args: filters}
			}
			c := b.newColumn("visible", types.Of(types.Bool))
			visible = &c
			p := &logical.Project{Input: plan, Policy: true}
			for _, c := range scan.Cols {
				p.Exprs, p.Cols = append(p.Exprs, c.Ref()), append(p.Cols, c)
			}
			p.Exprs, p.Cols = append(p.Exprs, seen), append(p.Cols, c)
			plan = p
		default:
			plan = &logical.Filter{Input: plan, Conds: filters, Policy: true}
		}
	}
	if rel.Stats != nil && !rel.Policy.Empty() {
		known := &logical.Restricted{Of: rel.Stats, Hidden: map[int]bool{}, NoValues: len(filters) > 0}
		for i, c := range rel.Columns {
			if _, masked := rel.Policy.Masks[c.Name]; masked || slices.Contains(rel.Policy.Denied, c.Name) {
				known.Hidden[i] = true
			}
		}
		scan.Stats = known
	}
	plan, cols, err := b.mask(rel, plan, scan.Cols, filters, visible, target)
	return plan, cols, scan.Cols, visible, err
}

// maskRows puts the masks of a relation over rows of it that a statement has
// changed, for RETURNING.
func (b *binder) maskRows(rel *Relation, rows logical.Node, raw []logical.Column) (logical.Node, []scopeColumn, error) {
	return b.mask(rel, rows, raw, nil, nil, true)
}

// rawScope is the namespace of a relation's policies.
func rawScope(rel *Relation, cols []logical.Column) *scope {
	raw := &rangeItem{alias: rel.Name, schema: rel.Schema}
	for _, c := range cols {
		raw.cols = append(raw.cols, scopeColumn{Column: c})
	}
	return &scope{items: []*rangeItem{raw}}
}

// mask closes the door behind the raw columns of a relation: it puts the masks
// and the barrier over plan. Where the column visible, nil for none, is not true,
// every column is NULL. target keeps the outputs of plan beside the masked
// columns.
func (b *binder) mask(rel *Relation, plan logical.Node, raw []logical.Column, filters []expr.Expr, visible *logical.Column, target bool) (logical.Node, []scopeColumn, error) {
	u := &use{rel: rel, principal: b.principal, columns: map[int]bool{}, denied: map[int]bool{}, target: target}
	b.uses = append(b.uses, u)
	pol := rel.Policy
	outs := slices.Clone(raw)
	if !pol.Empty() {
		own := rawScope(rel, raw)
		barrier := policy.Barrier{RowFilters: filters, Masked: map[expr.ColumnID]bool{}}
		if len(pol.Masks) > 0 || len(pol.Denied) > 0 || visible != nil {
			p := &logical.Project{Input: plan, Policy: true}
			for i, c := range raw {
				var e expr.Expr = c.Ref()
				out := c
				var err error
				if m, ok := pol.Masks[c.Name]; ok {
					personal := b.personal
					// What stands for a value need not meet the constraints of its domain.
					t := c.Type
					t.Domain = 0
					if e, err = b.bindPolicyExpr(m, own, t); err != nil {
						return nil, nil, policyError(rel, err)
					}
					base := b.base(rel)
					base.Unstable = base.Unstable || b.personal != personal || !immutable(e)
					out = b.newColumn(c.Name, c.Type)
				}
				if slices.Contains(pol.Denied, c.Name) {
					e = &expr.Const{T: c.Type, Value: types.Null}
					out = b.newColumn(c.Name, c.Type)
					u.denied[i] = true
				}
				if visible != nil {
					e = &expr.Case{Whens: []expr.When{{Cond: visible.Ref(), Result: e}}, Else: &expr.Const{T: c.Type, Value: types.Null}, T: c.Type}
					out = b.newColumn(c.Name, c.Type)
				}
				if out.ID != c.ID {
					barrier.Masked[out.ID] = true
				}
				outs[i] = out
				p.Exprs = append(p.Exprs, e)
				p.Cols = append(p.Cols, out)
			}
			if target {
				have := columnIDs(p.Cols)
				for _, c := range plan.Outputs() {
					if !have[c.ID] {
						p.Exprs, p.Cols = append(p.Exprs, c.Ref()), append(p.Cols, c)
					}
				}
			}
			plan = p
		}
		plan = &logical.Barrier{Input: plan, Table: displayName(rel), Admits: barrier.Admits}
	}
	cols := make([]scopeColumn, len(outs))
	for i, c := range outs {
		cols[i] = scopeColumn{Column: c, hidden: rel.Columns[i].Hidden}
		b.origins[c.ID] = origin{table: rel.OID, attnum: rel.Columns[i].AttNum}
		b.useOf[c.ID] = useColumn{use: u, index: i}
	}
	return plan, cols, nil
}

// Base is a table that a statement reads.
type Base struct {
	OID  types.OID
	Name string
	// Live is set for one addressed as server.schema.table.
	Live bool
	// Unstable is set when a policy that applies depends on more than the row.
	Unstable bool
}

// base notes that a table is read.
func (b *binder) base(rel *Relation) *Base {
	live := rel.OID == 0 && rel.Server != ""
	for _, x := range b.bases {
		if x.OID == rel.OID && x.Live == live {
			return x
		}
	}
	x := &Base{OID: rel.OID, Name: rel.Name, Live: live}
	b.bases = append(b.bases, x)
	for _, id := range rel.Bases {
		b.base(&Relation{OID: id})
	}
	return x
}

// immutable reports whether expressions depend on their columns alone. A constant
// of a type whose literals the session or the clock has a say in counts as doubt:
// 'today' is one.
func immutable(list ...expr.Expr) bool {
	yes := true
	for _, e := range list {
		expr.Walk(e, func(x expr.Expr) bool {
			switch x := x.(type) {
			case *expr.Call:
				yes = yes && x.Fn.Volatility == function.Immutable
			case *expr.Const:
				c := x.T.Category()
				yes = yes && (c == types.CategoryBoolean || c == types.CategoryNumeric && !regType(x.T.OID) || c == types.CategoryString || x.Value.Null)
			case *expr.Param:
				yes = false
			}
			return yes
		})
	}
	return yes
}

// regType reports whether t names an object.
func regType(t types.OID) bool {
	i := types.Lookup(t)
	return i == nil || strings.HasPrefix(i.Name, "reg")
}

// columnIDs returns the identities of columns.
func columnIDs(cols []logical.Column) map[expr.ColumnID]bool {
	out := make(map[expr.ColumnID]bool, len(cols))
	for _, c := range cols {
		out[c.ID] = true
	}
	return out
}

// bindRowFilters binds the row filters of a table: all must hold, each by any of
// its expressions.
func (b *binder) bindRowFilters(list []policy.Filter, own *scope) ([]expr.Expr, error) {
	var out []expr.Expr
	for _, f := range list {
		any := &expr.Logic{Op: expr.Or}
		for _, p := range f.Any {
			e, err := b.bindPolicyExpr(p, own, types.Of(types.Bool))
			if err != nil {
				return nil, err
			}
			any.Args = append(any.Args, e)
		}
		switch len(any.Args) {
		case 0:
			out = append(out, &expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(false)})
		case 1:
			out = expr.SplitAnd(out, any.Args[0])
		default:
			out = append(out, any)
		}
	}
	return out, nil
}

// displayName is the table as EXPLAIN shows it.
func displayName(rel *Relation) string {
	if rel.Schema == "" {
		return rel.Name
	}
	return rel.Schema + "." + rel.Name
}

// policyError hides the text of a policy from the client: the cause goes to the
// log only.
func policyError(rel *Relation, err error) error {
	return pgerror.Wrap(err, pgerror.InsufficientPrivilege, "a policy of table "+rel.Name+" cannot be applied").
		WithHint("Ask the administrator: the reason is in the server log.")
}

// bindPolicyExpr binds the text of a mask or row filter in the table's own
// scope and gives it the type t.
func (b *binder) bindPolicyExpr(p policy.Expr, own *scope, t types.Type) (expr.Expr, error) {
	stmt, err := b.env.Catalog.Parse("SELECT (" + p.SQL + ")")
	if err != nil {
		return nil, err
	}
	if len(stmt.TargetList) != 1 || len(stmt.FromClause) > 0 {
		return nil, pgerror.New(pgerror.InvalidObjectDefinition, "a policy expression must be one scalar expression")
	}
	if p.Columns != nil {
		if own, err = renamed(own, p.Columns); err != nil {
			return nil, err
		}
	}
	saved := b.env.Catalog
	b.env.Catalog = pathCatalog{Catalog: saved, path: p.SearchPath}
	arguments := b.arguments
	b.arguments = nil
	b.quiet++
	defer func() { b.quiet--; b.env.Catalog, b.arguments = saved, arguments }()
	ec := &exprContext{scope: own, clause: "policy expressions"}
	e, err := b.bindExpr(ec, stmt.TargetList[0].GetResTarget().Val)
	if err != nil {
		return nil, err
	}
	return b.coerce(e, t, function.Assignment, false, -1)
}

// renamed is a scope in which the columns have the names that a policy of
// another table over the same source object uses.
func renamed(own *scope, names map[string]string) (*scope, error) {
	it := own.items[0]
	out := &rangeItem{alias: it.alias, schema: it.schema}
	for name, col := range names {
		c, err := it.column(col)
		if err != nil {
			return nil, err
		}
		if c != nil {
			r := *c
			r.Name = name
			out.cols = append(out.cols, r)
		}
	}
	return &scope{items: []*rangeItem{out}}, nil
}

// CheckPolicyExpr verifies at definition time that an expression binds over the
// columns of rel and has (or can be assigned to) type t.
func CheckPolicyExpr(ctx context.Context, env Env, rel *Relation, p policy.Expr, t types.Type) error {
	b := &binder{ctx: ctx, env: env, principal: env.Principal, origins: map[expr.ColumnID]origin{}, useOf: map[expr.ColumnID]useColumn{}}
	raw := &rangeItem{alias: rel.Name, schema: rel.Schema}
	for _, c := range rel.Columns {
		raw.cols = append(raw.cols, scopeColumn{Column: b.newColumn(c.Name, c.Type)})
	}
	_, err := b.bindPolicyExpr(p, &scope{items: []*rangeItem{raw}}, t)
	return err
}

// bindTable binds a table, view or WITH query of FROM.
func (b *binder) bindTable(rv *pg.RangeVar, s *scope) (logical.Node, *rangeItem, error) {
	alias := rv.GetAlias().GetAliasname()
	if rv.Schemaname == "" {
		if c := s.lookupCTE(rv.Relname); c != nil {
			if c.silent {
				return nil, nil, b.errorf(rv.Location, pgerror.FeatureNotSupported, "WITH query %q does not have a RETURNING clause", rv.Relname)
			}
			plan, cols := b.scanCTE(c)
			it := newItem(rv.Relname, cols)
			it.recursive = c.work != nil
			for i := len(cols) - c.hidden; i < len(cols); i++ {
				it.cols[i].hidden = true
			}
			return plan, it, b.at(applyAlias(it, rv.Alias), rv.Location)
		}
	}
	name := Name{Catalog: rv.Catalogname, Schema: rv.Schemaname, Name: rv.Relname}
	rel, err := b.env.Catalog.Relation(b.ctx, name, nil)
	if err != nil {
		return nil, nil, b.at(err, rv.Location)
	}
	it := &rangeItem{alias: rv.Relname, schema: rv.Schemaname, relation: rel.Name, rowType: rel.RowType}
	if it.schema == "" {
		it.schema = rel.Schema
	}
	var plan logical.Node
	if it.view = rel.View != nil; it.view {
		plan, it.cols, err = b.bindView(rel)
	} else {
		plan, it.cols, err = b.bindRelation(rel)
		it.key = keyOf(rel, it.cols)
	}
	if err != nil {
		return nil, nil, err
	}
	if alias != "" {
		it.schema = ""
	}
	return plan, it, b.at(applyAlias(it, rv.Alias), rv.Location)
}

// bindView binds the query of a view as its owner; masks and row filters of the
// tables below stay those of the current user.
func (b *binder) bindView(rel *Relation) (logical.Node, []scopeColumn, error) {
	if slices.Contains(b.views, displayName(rel)) {
		return nil, nil, pgerror.Newf(pgerror.InvalidRecursion, "infinite recursion detected in rules for relation %q", rel.Name)
	}
	stmt, err := b.env.Catalog.Parse(rel.View.SQL)
	if err != nil {
		return nil, nil, err
	}
	u := &use{rel: rel, principal: b.principal, columns: map[int]bool{}}
	b.uses = append(b.uses, u)
	savedPrincipal, savedEnv := b.principal, b.env
	b.principal = rel.View.Owner
	b.env.Catalog = pathCatalog{Catalog: b.env.Catalog, path: rel.View.SearchPath}
	b.views = append(b.views, displayName(rel))
	b.quiet++
	q, err := b.bindSelect(stmt, &scope{})
	if err == nil {
		q, err = b.finishUnknown(q)
	}
	b.quiet--
	b.views = b.views[:len(b.views)-1]
	b.principal, b.env = savedPrincipal, savedEnv
	if err != nil {
		return nil, nil, err
	}
	if len(q.cols) < len(rel.Columns) {
		return nil, nil, pgerror.Newf(pgerror.InvalidTableDefinition, "view %q has fewer columns than when it was created", rel.Name)
	}
	p := &logical.Project{Input: q.plan}
	cols := make([]scopeColumn, len(rel.Columns))
	for i, c := range rel.Columns {
		e, err := b.coerce(q.cols[i].Ref(), c.Type, function.Assignment, false, -1)
		if err != nil {
			return nil, nil, pgerror.Newf(pgerror.DatatypeMismatch, "column %q of view %q has changed its type", c.Name, rel.Name)
		}
		out := b.newColumn(c.Name, c.Type)
		p.Exprs = append(p.Exprs, e)
		p.Cols = append(p.Cols, out)
		cols[i] = scopeColumn{Column: out}
		b.origins[out.ID] = origin{table: rel.OID, attnum: c.AttNum}
		b.useOf[out.ID] = useColumn{use: u, index: i}
	}
	return p, cols, nil
}

// pathCatalog resolves names with the search path of a view.
type pathCatalog struct {
	Catalog
	path []string
}

// Relation implements Catalog.
func (c pathCatalog) Relation(ctx context.Context, name Name, searchPath []string) (*Relation, error) {
	if searchPath == nil {
		searchPath = c.path
	}
	return c.Catalog.Relation(ctx, name, searchPath)
}

// applyAlias renames an item and its columns.
func applyAlias(it *rangeItem, a *pg.Alias) error {
	if a == nil {
		return nil
	}
	it.alias = a.Aliasname
	it.schema = ""
	cols := names(a.Colnames)
	vis := 0
	for i := range it.cols {
		if it.cols[i].hidden {
			continue
		}
		if vis < len(cols) {
			it.cols[i].Name = cols[vis]
		}
		vis++
	}
	if len(cols) > vis {
		return pgerror.Newf(pgerror.InvalidColumnReference, "%s %q has %d columns available but %d columns specified", it.kind(), a.Aliasname, vis, len(cols))
	}
	return nil
}
