package binder

import (
	"context"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// UserFunction is a function in LANGUAGE SQL.
type UserFunction struct {
	OID      types.OID
	Name     string
	Args     []types.Type
	ArgNames []string
	Ret      types.Type
	Set      bool
	// Columns are those of RETURNS TABLE.
	Columns    []RelationColumn
	SQL        string
	SearchPath []string
	Strict     bool
}

// Functions may call each other so deep, and so many calls may one statement have:
// each becomes a part of its plan.
const (
	maxFunctionDepth = 32
	maxFunctionCalls = 2000
)

// userFunction finds the function of users that a call means, nil when there is
// none. args are the arguments as they were bound.
func (b *binder) userFunction(fc *pg.FuncCall, args []expr.Expr) (*UserFunction, error) {
	schema, name := functionName(fc.Funcname)
	if fc.Over != nil || fc.FuncVariadic || named(fc.Args) {
		return nil, nil
	}
	list := b.env.Catalog.UserFunctions(schema, name, nil)
	var found []*UserFunction
	best := -1
	for _, f := range list {
		if len(f.Args) != len(args) {
			continue
		}
		same, ok := 0, true
		for i, a := range args {
			from := a.Type()
			switch {
			case from.OID == f.Args[i].OID:
				same++
			case unknownType(from):
			case b.env.Registry.Coercion(from.OID, f.Args[i].OID, function.Implicit).Kind == function.PathNone:
				ok = false
			}
		}
		switch {
		case !ok || same < best:
		case same > best:
			best, found = same, []*UserFunction{f}
		default:
			found = append(found, f)
		}
	}
	if len(found) > 1 {
		// A literal is rather a string than anything else.
		texts := slices.DeleteFunc(slices.Clone(found), func(f *UserFunction) bool {
			for i, a := range args {
				if unknownType(a.Type()) && f.Args[i].Category() != types.CategoryString {
					return true
				}
			}
			return false
		})
		if len(texts) == 1 {
			return texts[0], nil
		}
		return nil, b.at(pgerror.Newf(pgerror.AmbiguousFunction, "function %s is not unique", name+typeList(args)).
			WithHint("Could not choose a best candidate function. You might need to add explicit type casts."), fc.Location)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

// typeList prints the types of arguments as errors do.
func typeList(args []expr.Expr) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = types.FormatType(types.Of(a.Type().OID))
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// functionQuery binds the query of a function with its arguments in the places of
// its parameters. The tables in it enter the plan by the door of all tables, with
// the privileges and policies of the current user.
func (b *binder) functionQuery(f *UserFunction, args []expr.Expr, loc int32) (*query, error) {
	b.replaced++
	switch {
	case slices.Contains(b.calls, f.OID):
		return nil, b.at(pgerror.New(pgerror.StatementTooComplex, "stack depth limit exceeded").
			WithDetail("Function %q calls itself.", f.Name), loc)
	case len(b.calls) >= maxFunctionDepth || b.replaced > maxFunctionCalls:
		return nil, b.at(pgerror.New(pgerror.StatementTooComplex, "stack depth limit exceeded").
			WithDetail("The statement calls more than %d functions in SQL, or more than %d deep.", maxFunctionCalls, maxFunctionDepth), loc)
	}
	stmt, err := b.env.Catalog.Parse(f.SQL)
	if err != nil {
		return nil, err
	}
	params := &rangeItem{alias: f.Name}
	given := map[expr.ColumnID]expr.Expr{}
	for i, t := range f.Args {
		e, err := b.coerce(args[i], t, function.Implicit, false, loc)
		if err != nil {
			return nil, err
		}
		if changing(e) {
			return nil, b.at(pgerror.NotSupported("a volatile argument of a function in SQL is not supported"), loc)
		}
		c := b.newColumn(f.ArgNames[i], t)
		given[c.ID] = e
		params.cols = append(params.cols, scopeColumn{Column: c, item: params})
	}
	saved, principal, env, list, top := b.arguments, b.principal, b.env, b.params, b.top
	b.arguments, b.params, b.top, b.principal = params.cols, nil, nil, b.env.Principal
	b.env.Catalog = pathCatalog{Catalog: env.Catalog, path: f.SearchPath}
	b.calls = append(b.calls, f.OID)
	b.quiet++
	q, err := b.bindSelect(stmt, &scope{parent: &scope{items: []*rangeItem{params}}})
	if err == nil {
		q, err = b.finishUnknown(q)
	}
	b.quiet--
	b.calls = b.calls[:len(b.calls)-1]
	b.arguments, b.principal, b.env, b.params, b.top = saved, principal, env, list, top
	if err != nil {
		return nil, err
	}
	q.plan = logical.Rewrite(q.plan, func(n logical.Node) logical.Node {
		return logical.MapExprs(n, func(e expr.Expr) expr.Expr {
			return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
				if c, ok := x.(*expr.Column); ok && given[c.ID] != nil {
					return given[c.ID]
				}
				return x
			})
		})
	})
	// A parameter that is passed on as it is got a column of the query only now.
	p := &logical.Project{Input: q.plan}
	targets := f.targets()
	if len(q.cols) != len(targets) {
		return nil, returnMismatch(f, "Final statement returns %s.", word(len(q.cols) > len(targets), "too many columns", "too few columns"))
	}
	out := &query{}
	for i, c := range q.cols {
		var e expr.Expr = c.Ref()
		if given[c.ID] != nil {
			e = given[c.ID]
		}
		if e, err = b.coerce(e, targets[i], function.Assignment, false, -1); err != nil {
			return nil, returnMismatch(f, "Actual return type is %s.", types.FormatType(c.Type))
		}
		col := b.newColumn(c.Name, targets[i])
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, col)
		out.cols = append(out.cols, col)
	}
	out.plan = p
	return out, nil
}

func word(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// targets are the types of what a function returns.
func (f *UserFunction) targets() []types.Type {
	if len(f.Columns) == 0 {
		return []types.Type{f.Ret}
	}
	var out []types.Type
	for _, c := range f.Columns {
		out = append(out, c.Type)
	}
	return out
}

// returnMismatch is the error of a query that does not return what its function
// says.
func returnMismatch(f *UserFunction, detail string, args ...any) error {
	return pgerror.Newf(pgerror.InvalidFunctionDefinition, "return type mismatch in function declared to return %s", types.FormatType(f.Ret)).
		WithDetail(detail, args...)
}

// inline replaces a call of a scalar function by its query.
func (b *binder) inline(ec *exprContext, f *UserFunction, args []expr.Expr, loc int32) (expr.Expr, error) {
	switch {
	case f.Set:
		return nil, b.errorf(loc, pgerror.FeatureNotSupported, "set-returning functions in SQL are supported in FROM only")
	case ec.plan == nil:
		return nil, b.errorf(loc, pgerror.FeatureNotSupported, "functions in SQL are not supported in %s", ec.clause)
	}
	q, err := b.functionQuery(f, args, loc)
	if err != nil {
		return nil, err
	}
	e := inlined(q)
	if e == nil {
		one := &logical.Limit{Input: project(q.plan, q.cols), Count: &expr.Const{T: types.Of(types.Int8), Value: types.IntDatum(1)}}
		b.attach(ec, &logical.Join{Kind: physical.Single, Right: one, Cond: expr.JoinAnd(ec.guard)})
		e = q.cols[0].Ref()
	}
	if !f.Strict || len(args) == 0 {
		return e, nil
	}
	var given []expr.Expr
	for _, a := range args {
		given = append(given, &expr.NullTest{Arg: a, Not: true})
	}
	return choose(expr.JoinAnd(given), e, &expr.Const{T: f.Ret, Value: types.Null}), nil
}

// inlined returns the expression that a query without FROM computes, nil for
// another query.
func inlined(q *query) expr.Expr {
	outer, ok := q.plan.(*logical.Project)
	if !ok || len(outer.Exprs) != 1 {
		return nil
	}
	e := outer.Exprs[0]
	n := outer.Input
	for {
		if v, ok := n.(*logical.Values); ok && len(v.Rows) == 1 && len(v.Cols) == 0 {
			return e
		}
		p, ok := n.(*logical.Project)
		if !ok || slices.ContainsFunc(p.Exprs, changing) {
			return nil
		}
		e = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if c, ok := x.(*expr.Column); ok {
				for i, col := range p.Cols {
					if col.ID == c.ID {
						return p.Exprs[i]
					}
				}
			}
			return x
		})
		n = p.Input
	}
}

// rangeUserFunction binds a function of users in FROM, nil when the call is of
// another function.
func (b *binder) rangeUserFunction(n *pg.RangeFunction, s *scope) (*from, error) {
	if len(n.Functions) != 1 {
		return nil, nil
	}
	fc := n.Functions[0].GetList().GetItems()[0].GetFuncCall()
	if fc == nil || fc.Over != nil || fc.AggStar || named(fc.Args) {
		return nil, nil
	}
	schema, name := functionName(fc.Funcname)
	if len(b.env.Catalog.UserFunctions(schema, name, nil)) == 0 || len(b.env.Registry.Candidates(schema, name)) > 0 {
		return nil, nil
	}
	input := unit()
	args, err := b.bindArgs(&exprContext{scope: s, plan: &input, clause: "functions in FROM"}, fc.Args)
	if err != nil {
		return nil, err
	}
	f, err := b.userFunction(fc, args)
	if err != nil || f == nil {
		return nil, err
	}
	switch {
	case !isUnit(input):
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "subqueries in arguments of functions in SQL are not supported")
	case n.Ordinality:
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "WITH ORDINALITY of functions in SQL is not supported")
	case len(n.Coldeflist) > 0:
		return nil, b.errorf(fc.Location, pgerror.SyntaxError, "a column definition list is only allowed for functions returning \"record\"")
	}
	q, err := b.functionQuery(f, args, fc.Location)
	if err != nil {
		return nil, err
	}
	plan := q.plan
	if !f.Set {
		// One row, of NULL when the query has none.
		one := &logical.Limit{Input: project(plan, q.cols), Count: &expr.Const{T: types.Of(types.Int8), Value: types.IntDatum(1)}}
		plan = &logical.Join{Kind: physical.Left, Left: unit(), Right: one}
	}
	if f.Strict {
		var given []expr.Expr
		for _, a := range args {
			given = append(given, &expr.NullTest{Arg: a, Not: true})
		}
		if len(given) > 0 && f.Set {
			plan = &logical.Filter{Input: plan, Conds: given}
		}
	}
	it := newItem(f.Name, q.cols)
	it.scalar = len(f.Columns) == 0
	for i := range it.cols {
		it.cols[i].Name = f.Name
		if len(f.Columns) > 0 {
			it.cols[i].Name = f.Columns[i].Name
		}
	}
	if it.scalar && n.Alias != nil {
		it.cols[0].Name = n.Alias.Aliasname
	}
	if err := applyAlias(it, n.Alias); err != nil {
		return nil, err
	}
	return single(project(plan, q.cols), it), nil
}

// isUnit reports whether a plan is one row without columns.
func isUnit(n logical.Node) bool {
	v, ok := n.(*logical.Values)
	return ok && len(v.Rows) == 1 && len(v.Cols) == 0
}

// CheckFunction verifies at definition time that the query of a function binds and
// returns what the function says.
func CheckFunction(ctx context.Context, env Env, f *UserFunction) error {
	b := &binder{ctx: ctx, env: env, principal: env.Principal, origins: map[expr.ColumnID]origin{}, useOf: map[expr.ColumnID]useColumn{}}
	var args []expr.Expr
	for _, t := range f.Args {
		args = append(args, &expr.Const{T: t, Value: types.Null})
	}
	_, err := b.functionQuery(f, args, -1)
	return err
}
