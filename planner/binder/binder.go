// Package binder turns parsed SELECT statements into logical plans: it resolves
// names and types, makes every coercion explicit, and lets base relations in by
// one door only (relation.go).
package binder

import (
	"context"
	"errors"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Env is what binding depends on.
type Env struct {
	Catalog  Catalog
	Registry *function.Registry
	Session  *session.Session
	// Principal is the role whose privileges and policies apply.
	Principal types.OID
	// Fold evaluates an expression without columns; used for LIMIT and the
	// like. It returns the expression unchanged when it cannot.
	Fold func(expr.Expr) expr.Expr
	// Validating is set when a definition (a view, a policy) is only checked:
	// privileges of the columns are not asked for.
	Validating bool
}

// Result is a bound statement.
type Result struct {
	Plan    logical.Node
	Columns []OutputColumn
	// Params are the parameter types, declared or inferred.
	Params []types.OID
	// Modified is set for a statement that changes a table.
	Modified *Modified
	// Bases are the tables that are read, also below views.
	Bases []Base
	// Writes are all changes of tables, those of WITH first.
	Writes []Modified
}

// OutputColumn describes a column of the result. TableOID and AttNum are 0 for
// a computed column.
type OutputColumn struct {
	Name     string
	Type     types.Type
	TableOID types.OID
	AttNum   int16
}

// origin is where a column comes from, for RowDescription.
type origin struct {
	table  types.OID
	attnum int16
}

// binder is the state of binding one statement.
type binder struct {
	ctx     context.Context
	env     Env
	nextID  expr.ColumnID
	params  []types.OID
	origins map[expr.ColumnID]origin
	// uses collects which columns of which base relation are referred to, for
	// the privilege check at the end.
	uses []*use
	// useOf finds the use behind a column.
	useOf map[expr.ColumnID]useColumn
	// text and base place errors: AST locations are byte offsets in text.
	text string
	// quiet suppresses positions while text that the client did not send (a
	// view, a policy) is bound.
	quiet int
	depth int
	// top is the WITH clause of the statement itself: only its queries may change
	// tables. others are their plans, writes what they change.
	top    *pg.WithClause
	others []*cte
	writes []Modified
	bases  []*Base
	// arguments are the parameters of the function whose query is bound, calls
	// the functions that it stands in; replaced counts all calls that were
	// replaced by a query.
	arguments []scopeColumn
	calls     []types.OID
	replaced  int
	// personal counts what was bound to a value of the session (current_user).
	personal int
	// principal is the role whose privileges apply now (a view's owner inside
	// the view).
	principal types.OID
	views     []string
	// locations and itemOf serve error messages about columns.
	locations map[expr.ColumnID]int32
	literals  map[*expr.Const]int32
	itemOf    map[expr.ColumnID]string
	// shapes are the query levels with calls that forbid row locks.
	shapes map[*pg.SelectStmt]levelShape
	// fields lists, for a column that holds a row, the columns beside it in the
	// plan that hold the row's fields.
	fields map[expr.ColumnID][]logical.Column
	// rowNames are the names that are used as rows where outer joins are; rowCases
	// are such rows that may be NULL.
	rowNames map[string]bool
	rowCases map[*expr.Case]*expr.Row
}

// use is one reference to a base relation in the statement.
type use struct {
	rel       *Relation
	principal types.OID
	columns   map[int]bool
	// denied columns must not be read by anybody.
	denied map[int]bool
	// target is set for the table that the statement changes: nothing of it need
	// be read.
	target bool
}

type useColumn struct {
	use   *use
	index int
}

// Bind binds a SELECT (or VALUES, TABLE) statement. text is the string that the
// AST's locations point into. paramTypes are the types the client declared, 0
// for unknown; more parameters are inferred.
func Bind(ctx context.Context, env Env, stmt *pg.SelectStmt, text string, paramTypes []types.OID) (*Result, error) {
	b := &binder{
		ctx: ctx, env: env, text: text, principal: env.Principal,
		params:  append([]types.OID(nil), paramTypes...),
		origins: map[expr.ColumnID]origin{},
		useOf:   map[expr.ColumnID]useColumn{},
	}
	b.top = stmt.WithClause
	q, err := b.bindSelect(stmt, &scope{})
	if err != nil {
		return nil, err
	}
	if q, err = b.finishUnknown(q); err != nil {
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
	res := &Result{Plan: b.with(project(q.plan, q.cols)), Params: b.params, Writes: b.writes, Bases: b.read()}
	for _, c := range q.cols {
		o := b.origins[c.ID]
		res.Columns = append(res.Columns, OutputColumn{Name: c.Name, Type: c.Type, TableOID: o.table, AttNum: o.attnum})
	}
	return res, nil
}

// read lists the tables that the statement reads.
func (b *binder) read() []Base {
	out := make([]Base, len(b.bases))
	for i, x := range b.bases {
		out[i] = *x
	}
	return out
}

// query is a bound query: its plan outputs at least cols.
type query struct {
	plan logical.Node
	cols []logical.Column
}

// newColumn makes a column with a fresh identity.
func (b *binder) newColumn(name string, t types.Type) logical.Column {
	b.nextID++
	return logical.Column{ID: b.nextID, Name: name, Type: t}
}

// finishUnknown gives output columns of type unknown the type text.
func (b *binder) finishUnknown(q *query) (*query, error) {
	need := false
	for _, c := range q.cols {
		need = need || c.Type.OID == types.Unknown
	}
	if !need {
		return q, nil
	}
	targets := make([]types.Type, len(q.cols))
	for i, c := range q.cols {
		targets[i] = c.Type
		if c.Type.OID == types.Unknown {
			targets[i] = types.Of(types.Text)
		}
	}
	return b.coerceQuery(q, targets)
}

// coerceQuery gives the outputs of q the target types.
func (b *binder) coerceQuery(q *query, targets []types.Type) (*query, error) {
	same := true
	for i, c := range q.cols {
		same = same && c.Type == targets[i]
	}
	if same {
		return q, nil
	}
	p := &logical.Project{Input: q.plan}
	out := &query{}
	// A literal that a projection of this query produces is coerced at its
	// place, so that it is read as the target type.
	inner, _ := q.plan.(*logical.Project)
	for i, c := range q.cols {
		var e expr.Expr = c.Ref()
		if c.Type.OID == types.Unknown && inner != nil {
			for j, ic := range inner.Cols {
				if ic.ID == c.ID {
					e = inner.Exprs[j]
				}
			}
		}
		if c.Type != targets[i] {
			var err error
			if e, err = b.coerce(e, targets[i], function.Implicit, false, -1); err != nil {
				return nil, err
			}
		}
		col := c
		if ref, ok := e.(*expr.Column); !ok || ref.ID != c.ID {
			col = b.newColumn(c.Name, targets[i])
		}
		p.Exprs = append(p.Exprs, e)
		p.Cols = append(p.Cols, col)
		out.cols = append(out.cols, col)
	}
	out.plan = p
	return out, nil
}

// enter counts nesting, so that a hostile statement gets an error instead of
// exhausting the stack.
func (b *binder) enter() (func(), error) {
	const maxDepth = 2000
	if b.depth++; b.depth > maxDepth {
		b.depth--
		return nil, pgerror.New(pgerror.StatementTooComplex, "stack depth limit exceeded")
	}
	return func() { b.depth-- }, nil
}

// at places err at byte offset loc of the statement text.
func (b *binder) at(err error, loc int32) error {
	if err == nil || loc < 0 || b.quiet > 0 || int(loc) > len(b.text) {
		return err
	}
	e := &pgerror.Error{}
	if errors.As(err, &e) {
		e.At(utf8.RuneCountInString(b.text[:loc]) + 1)
	}
	return err
}

// errorf makes a placed error.
func (b *binder) errorf(loc int32, code pgerror.Code, format string, args ...any) error {
	return b.at(pgerror.Newf(code, format, args...), loc)
}

// checkPrivileges asks every relation whether its columns may be read.
func (b *binder) checkPrivileges() error {
	if b.env.Validating {
		return nil
	}
	for _, u := range b.uses {
		for i := range u.denied {
			if u.columns[i] {
				return pgerror.PermissionDenied("table", u.rel.Name)
			}
		}
		if u.rel.Check == nil {
			continue
		}
		cols := make([]int, 0, len(u.columns))
		for i := range u.rel.Columns {
			if u.columns[i] {
				cols = append(cols, i)
			}
		}
		if u.target && len(cols) == 0 {
			continue
		}
		if err := u.rel.Check(u.principal, cols); err != nil {
			return err
		}
	}
	return nil
}

// stringOf returns the string in a String node, "" for another node.
func stringOf(n *pg.Node) string { return n.GetString_().GetSval() }

// names returns the strings of a name list.
func names(list []*pg.Node) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = stringOf(n)
	}
	return out
}

// BindValue binds an expression without columns or subqueries and gives it a
// type: an argument of EXECUTE.
func BindValue(ctx context.Context, env Env, n *pg.Node, text string, t types.Type) (expr.Expr, error) {
	b := &binder{ctx: ctx, env: env, text: text, principal: env.Principal, origins: map[expr.ColumnID]origin{}, useOf: map[expr.ColumnID]useColumn{}}
	e, err := b.bindExpr(&exprContext{scope: &scope{}, clause: "EXECUTE parameters"}, n)
	if err != nil {
		return nil, err
	}
	return b.coerce(e, t, function.Assignment, false, exprLocation(n))
}
