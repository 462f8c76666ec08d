package binder

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// aggregation is the grouping of one query level. While the select list is
// bound, expressions above the grouping read its output; a key that is a plain
// column keeps its identity, so that correlated subqueries need no rewriting.
type aggregation struct {
	b     *binder
	used  bool
	scope *scope
	// busy is above 0 while arguments of an aggregate are bound.
	busy int
	// pre is the plan below the grouping; subqueries in keys and arguments
	// attach to it.
	pre  logical.Node
	node *logical.Aggregate
	// sets are the grouping sets as indexes of keys; nil for a plain GROUP BY.
	sets [][]int
	// calls are the GROUPING(...) calls of the level.
	calls []groupingCall
	// keySets are the set-returning calls of the keys, which stand below the grouping.
	keySets setCalls
	// keyOf finds the key that an item of the select list was made by a position
	// or its name, so that the item is not bound a second time.
	keyOf map[*pg.Node]int
}

// otherLevel is the signal that the query of scope calls an aggregate, contrary
// to what its text shows, because a subquery does it, or that it calls none,
// because all belong to outer queries: it is bound again.
type otherLevel struct{ scope *scope }

// Error implements error.
func (*otherLevel) Error() string { return "an aggregate belongs to another query level" }

// bindGroupBy binds the GROUP BY items.
func (a *aggregation) bindGroupBy(stmt *pg.SelectStmt, s *scope) error {
	a.scope = s
	ec := &exprContext{scope: s, plan: &a.pre, clause: "GROUP BY", sets: &a.keySets}
	sets := [][]int{nil}
	special := false
	for _, n := range stmt.GroupClause {
		special = special || n.GetGroupingSet() != nil
		list, err := a.groupingSets(ec, n, stmt)
		if err != nil {
			return err
		}
		if sets, err = crossSets(sets, list); err != nil {
			return err
		}
	}
	a.pre = a.keySets.place(a.pre)
	if special {
		a.sets = sets
		if stmt.GroupDistinct {
			a.sets = distinctSets(sets)
		}
	}
	return nil
}

// bindKeyList binds one item of GROUP BY, a column or a parenthesised list, and
// returns the indexes of its keys.
func (a *aggregation) bindKeyList(ec *exprContext, n *pg.Node, stmt *pg.SelectStmt) ([]int, error) {
	items := []*pg.Node{n}
	if r := n.GetRowExpr(); r != nil && r.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
		items = r.Args
	}
	var out []int
	for _, it := range items {
		e, err := a.bindKey(ec, it, stmt)
		if err != nil {
			return nil, err
		}
		i, err := a.addKey(e, it)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// bindKey binds one item: an input column wins over an output name.
func (a *aggregation) bindKey(ec *exprContext, n *pg.Node, stmt *pg.SelectStmt) (expr.Expr, error) {
	b := a.b
	if c := n.GetAConst(); c != nil {
		iv, ok := c.Val.(*pg.A_Const_Ival)
		if !ok {
			return nil, b.errorf(c.Location, pgerror.SyntaxError, "non-integer constant in GROUP BY")
		}
		return a.bindPosition(ec, int(iv.Ival.Ival), c.Location, stmt)
	}
	if cr := n.GetColumnRef(); cr != nil && len(cr.Fields) == 1 && cr.Fields[0].GetString_() != nil {
		name := stringOf(cr.Fields[0])
		hit, err := ec.scope.lookupColumn(name)
		if err != nil {
			return nil, b.at(err, cr.Location)
		}
		if hit == nil || hit.level > 0 {
			for _, t := range stmt.TargetList {
				if rt := t.GetResTarget(); rt.Name == name {
					return a.bindItem(ec, rt.Val)
				}
			}
		}
	}
	return b.bindExpr(ec, n)
}

// bindItem binds an item of the select list as a key.
func (a *aggregation) bindItem(ec *exprContext, n *pg.Node) (expr.Expr, error) {
	e, err := a.b.bindExpr(ec, n)
	if err != nil {
		return nil, err
	}
	if e, err = a.b.resolveUnknown(e); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(a.node.Keys, func(k expr.Expr) bool { return expr.Equal(k, e) })
	if at < 0 {
		at = len(a.node.Keys)
	}
	if a.keyOf == nil {
		a.keyOf = map[*pg.Node]int{}
	}
	a.keyOf[n] = at
	return e, nil
}

// bindPosition binds GROUP BY k.
func (a *aggregation) bindPosition(ec *exprContext, k int, loc int32, stmt *pg.SelectStmt) (expr.Expr, error) {
	at := 0
	for _, t := range stmt.TargetList {
		val := t.GetResTarget().Val
		if cr := val.GetColumnRef(); cr != nil && cr.Fields[len(cr.Fields)-1].GetAStar() != nil {
			cols, err := a.b.expandStar(cr, ec.scope)
			if err != nil {
				return nil, err
			}
			for _, c := range cols {
				if at++; at == k {
					return a.b.reader(c), nil
				}
			}
			continue
		}
		if at++; at == k {
			return a.bindItem(ec, val)
		}
	}
	return nil, a.b.errorf(loc, pgerror.InvalidColumnReference, "GROUP BY position %d is not in select list", k)
}

// addKey adds a grouping key and returns its index.
func (a *aggregation) addKey(e expr.Expr, n *pg.Node) (int, error) {
	for i, k := range a.node.Keys {
		if expr.Equal(k, e) {
			return i, nil
		}
	}
	if unknownType(e.Type()) {
		var err error
		if e, err = a.b.coerce(e, types.Of(types.Text), function.Implicit, false, -1); err != nil {
			return 0, err
		}
	}
	if err := a.b.needEquality(e.Type()); err != nil {
		return 0, a.b.at(err, exprLocation(n))
	}
	name := figureName(n)
	col := a.b.newColumn(name, e.Type())
	if ref, ok := e.(*expr.Column); ok && logical.OutputSet(a.pre)[ref.ID] {
		col = logical.Column{ID: ref.ID, Name: ref.Name, Type: ref.T}
	}
	a.node.Keys = append(a.node.Keys, e)
	a.node.Cols = append(a.node.Cols, col)
	return len(a.node.Keys) - 1, nil
}

// bindAggregate binds a call of an aggregate function.
func (b *binder) bindAggregate(ec *exprContext, fc *pg.FuncCall, schema, name string) (expr.Expr, error) {
	a := ec.agg
	if ec.inAggregate {
		return nil, b.errorf(fc.Location, pgerror.GroupingError, "%s", ec.nestedAggregate())
	}
	// Subqueries among the arguments attach here until the level that computes the
	// aggregate is known.
	before := unit()
	if a != nil {
		before = a.pre
		a.busy++
	}
	plan := before
	in := &exprContext{scope: ec.scope, clause: "aggregate arguments", inAggregate: true, plan: &plan}
	call, err := b.bindAggCall(in, ec.agg, fc, schema, name)
	if a != nil {
		a.busy--
	}
	if err != nil {
		return nil, err
	}
	owner := b.ownerOf(ec.scope, call, attached(plan, before))
	switch {
	case owner == ec.scope && a == nil:
		return nil, b.errorf(fc.Location, pgerror.GroupingError, "aggregate functions are not allowed in %s", ec.clause)
	case owner == ec.scope && slices.ContainsFunc(owner.items, func(it *rangeItem) bool { return it.recursive }):
		return nil, b.errorf(fc.Location, pgerror.InvalidRecursion, "aggregate functions are not allowed in a recursive query's recursive term")
	case owner == ec.scope:
		a.pre = plan
	case owner.agg == nil:
		return nil, b.errorf(fc.Location, pgerror.GroupingError, "aggregate functions are not allowed in %s", owner.notHere())
	case owner.agg.busy > 0:
		return nil, b.errorf(fc.Location, pgerror.GroupingError, "aggregate function calls cannot be nested")
	case !owner.agg.used:
		return nil, &otherLevel{scope: owner}
	default:
		a = owner.agg
		if plan != before {
			// The subqueries belong below the grouping of that level.
			in.plan = &a.pre
			if call, err = b.bindAggCall(in, ec.agg, fc, schema, name); err != nil {
				return nil, err
			}
		}
	}
	for _, have := range a.node.Aggs {
		if sameAgg(have, *call) {
			return have.Col.Ref(), nil
		}
	}
	call.Col = b.newColumn(name, call.Col.Type)
	a.node.Aggs = append(a.node.Aggs, *call)
	return call.Col.Ref(), nil
}

// nestedAggregate says what is wrong with an aggregate inside of another one's call.
func (ec *exprContext) nestedAggregate() string {
	if ec.clause == "FILTER" {
		return "aggregate functions are not allowed in FILTER"
	}
	return "aggregate function calls cannot be nested"
}

// notHere names the clause of a level in which none of its aggregates may stand,
// for an error about one in a subquery of it.
func (s *scope) notHere() string {
	if s.clause == "FROM clause" {
		return "FROM clause of their own query level"
	}
	return s.clause
}

// attached lists the subqueries that were joined to before and made it plan.
func attached(plan, before logical.Node) []logical.Node {
	var out []logical.Node
	for plan != before {
		j, ok := plan.(*logical.Join)
		if !ok {
			break
		}
		out = append(out, j.Right)
		plan = j.Left
	}
	return out
}

// ownerOf returns the query level that an aggregate call belongs to: the
// innermost one that its arguments or the subqueries in them read, this level
// when they read none.
func (b *binder) ownerOf(s *scope, call *logical.AggCall, subqueries []logical.Node) *scope {
	used := map[expr.ColumnID]bool{}
	for _, e := range logical.Exprs(&logical.Aggregate{Aggs: []logical.AggCall{*call}}) {
		expr.Columns(e, used)
	}
	for _, q := range subqueries {
		for id := range logical.Free(q) {
			used[id] = true
		}
	}
	return levelOf(s, used)
}

// levelOf returns the innermost level from s on that has one of the columns, s
// when none has.
func levelOf(s *scope, used map[expr.ColumnID]bool) *scope {
	if len(used) == 0 {
		return s
	}
	for at := s; at != nil; at = at.parent {
		for _, it := range at.items {
			for _, c := range it.cols {
				if used[c.ID] {
					return at
				}
			}
		}
	}
	return s
}

// bindAggCall binds arguments, FILTER and ORDER BY; Col.Type is the result type.
// a is the grouping that direct arguments are evaluated above, nil for none.
func (b *binder) bindAggCall(in *exprContext, a *aggregation, fc *pg.FuncCall, schema, name string) (*logical.AggCall, error) {
	call := &logical.AggCall{Distinct: fc.AggDistinct}
	argNodes := fc.Args
	if fc.AggWithinGroup {
		// The ordered-set arguments stand behind the direct ones.
		for _, o := range fc.AggOrder {
			argNodes = append(slices.Clone(argNodes), o.GetSortBy().Node)
		}
	}
	args, err := b.bindArgs(in, argNodes)
	if err != nil {
		return nil, err
	}
	switch ordered := name == "mode" || strings.HasPrefix(name, "percentile_"); {
	case fc.AggWithinGroup && !ordered:
		if _, err := b.env.Registry.Function(schema, name, typeIDs(args), fc.FuncVariadic); err != nil {
			return nil, b.at(err, fc.Location)
		}
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name)
	case ordered && !fc.AggWithinGroup:
		if _, err := b.env.Registry.Function(schema, name, typeIDs(args), fc.FuncVariadic); err != nil {
			return nil, b.at(err, fc.Location)
		}
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "WITHIN GROUP is required for ordered-set aggregate %s", name)
	case fc.AggWithinGroup:
		if err := b.checkDirect(a, args[:len(fc.Args)]); err != nil {
			return nil, err
		}
	}
	m, err := b.env.Registry.Function(schema, name, typeIDs(args), fc.FuncVariadic)
	if err != nil {
		return nil, b.at(err, fc.Location)
	}
	if m.Fn.Kind != function.Agg {
		if fc.AggStar || fc.AggDistinct || fc.AggFilter != nil || len(fc.AggOrder) > 0 {
			return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "DISTINCT, FILTER or ORDER BY specified, but %s is not an aggregate function", name)
		}
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "%s is not an aggregate function", name)
	}
	if len(args) == 0 && !fc.AggStar {
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", name)
	}
	if call.Args, err = b.coerceArgs(args, argNodes, m); err != nil {
		return nil, err
	}
	if rows := jsonRowArgs(m.Fn.Name); rows != nil {
		if m, call.Args, err = b.rowsAsJSON(schema, name, m, call.Args, rows, fc); err != nil {
			return nil, err
		}
	}
	call.Fn = m.Fn
	call.Col.Type = resultType(m, call.Args)
	if fc.AggDistinct {
		for _, e := range call.Args {
			if err := b.needEquality(e.Type()); err != nil {
				return nil, b.at(err, fc.Location)
			}
		}
	}
	if fc.AggFilter != nil {
		fe := *in
		fe.clause = "FILTER"
		if call.Filter, err = b.bindBool(&fe, fc.AggFilter, "FILTER"); err != nil {
			return nil, err
		}
	}
	for i, o := range fc.AggOrder {
		sb := o.GetSortBy()
		var e expr.Expr
		if fc.AggWithinGroup {
			e = call.Args[len(call.Args)-len(fc.AggOrder)+i]
		} else if e, err = b.bindExpr(in, sb.Node); err != nil {
			return nil, err
		}
		if unknownType(e.Type()) {
			if e, err = b.coerce(e, types.Of(types.Text), function.Implicit, false, -1); err != nil {
				return nil, err
			}
		}
		item, err := b.sortItem(sb, 0, e.Type())
		if err != nil {
			return nil, err
		}
		if call.Distinct {
			at := slices.IndexFunc(args, func(a expr.Expr) bool { return exprEqual(a, e) })
			if at < 0 {
				return nil, b.errorf(exprLocation(sb.Node), pgerror.InvalidColumnReference, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
			}
			e = call.Args[at]
		}
		call.OrderBy = append(call.OrderBy, logical.SortKey{Expr: e, Desc: item.desc, NullsFirst: item.nullsFirst})
	}
	if m.Fn.Aggregate != nil && m.Fn.Aggregate.IgnoresOrder {
		call.OrderBy = nil
	}
	return call, nil
}

// sameAgg reports whether two calls compute the same.
func sameAgg(x, y logical.AggCall) bool {
	if x.Fn != y.Fn || x.Distinct != y.Distinct || x.Col.Type != y.Col.Type || len(x.OrderBy) != len(y.OrderBy) || !expr.Equal(x.Filter, y.Filter) {
		return false
	}
	for i := range x.OrderBy {
		if x.OrderBy[i].Desc != y.OrderBy[i].Desc || x.OrderBy[i].NullsFirst != y.OrderBy[i].NullsFirst || !expr.Equal(x.OrderBy[i].Expr, y.OrderBy[i].Expr) {
			return false
		}
	}
	return slices.EqualFunc(x.Args, y.Args, expr.Equal)
}

// finish rewrites an expression that was bound over the ungrouped columns: key
// expressions become key columns; any other ungrouped column is an error, placed
// in n.
func (a *aggregation) finish(e expr.Expr, n *pg.Node) (expr.Expr, error) {
	out := expr.Replace(e, func(x expr.Expr) (expr.Expr, bool) {
		if _, isConst := x.(*expr.Const); isConst {
			return nil, false
		}
		for i, k := range a.node.Keys {
			if expr.Equal(k, x) {
				return a.node.Cols[i].Ref(), true
			}
		}
		return nil, false
	})
	pre := logical.OutputSet(a.pre)
	for _, c := range a.node.Cols {
		delete(pre, c.ID)
	}
	var err error
	expr.Walk(out, func(x expr.Expr) bool {
		if c, ok := x.(*expr.Column); ok && pre[c.ID] && err == nil && !a.addDependent(c) {
			err = a.b.at(pgerror.Newf(pgerror.GroupingError, "column %q must appear in the GROUP BY clause or be used in an aggregate function", a.b.qualified(c)), a.b.columnLocation(c, n))
		}
		return true
	})
	return out, err
}

// columnLocation is where n names the column c outside of aggregates.
func (b *binder) columnLocation(c *expr.Column, n *pg.Node) int32 {
	loc := int32(-1)
	walkExprNodes(n, func(x *pg.Node) bool {
		if cr := x.GetColumnRef(); cr != nil && stringOf(cr.Fields[len(cr.Fields)-1]) == c.Name && (loc < 0 || cr.Location < loc) {
			loc = cr.Location
		}
		return x.GetFuncCall() == nil || !b.isAggregate(x.GetFuncCall())
	})
	if loc < 0 {
		loc = b.locationOf(c.ID)
	}
	return loc
}

// close puts the finished input below the grouping and returns plan, which holds
// the grouping, with grouping sets expanded. The subqueries between the grouping
// and plan may only read what the grouping yields.
func (a *aggregation) close(plan logical.Node) (logical.Node, error) {
	hidden := logical.OutputSet(a.pre)
	for id := range logical.OutputSet(a.node) {
		delete(hidden, id)
	}
	a.node.Input = a.pre
	for at := plan; at != logical.Node(a.node); {
		j, ok := at.(*logical.Join)
		if !ok {
			break
		}
		for id, c := range logical.Free(j.Right) {
			if hidden[id] && !a.addDependent(c.Ref()) {
				return nil, a.b.errorf(a.b.locationOf(id), pgerror.GroupingError, "subquery uses ungrouped column %q from outer query", a.b.qualified(c.Ref()))
			}
		}
		// Dependent columns became keys after the subquery was joined.
		j.Lateral = j.Lateral || refersTo(j.Right, j.Left)
		at = j.Left
	}
	if a.sets == nil && len(a.calls) == 0 {
		return plan, nil
	}
	expanded := a.expandSets()
	return logical.Rewrite(plan, func(n logical.Node) logical.Node {
		if n == logical.Node(a.node) {
			return expanded
		}
		if j, ok := n.(*logical.Join); ok && !j.Lateral && refersTo(j.Right, j.Left) {
			// A subquery that calls GROUPING reads a column of the expansion.
			c := *j
			c.Lateral = true
			return &c
		}
		return n
	}), nil
}

// listHasAggregate reports whether the select list, ORDER BY or DISTINCT ON call
// an aggregate of this level.
func (b *binder) listHasAggregate(stmt *pg.SelectStmt) bool {
	for _, t := range stmt.TargetList {
		if b.hasAggregate(t.GetResTarget().Val) {
			return true
		}
	}
	for _, o := range stmt.SortClause {
		if b.hasAggregate(o.GetSortBy().Node) {
			return true
		}
	}
	return slices.ContainsFunc(stmt.DistinctClause, b.hasAggregate)
}

// hasAggregate looks for an aggregate call outside of subqueries.
func (b *binder) hasAggregate(n *pg.Node) bool {
	found := false
	walkExprNodes(n, func(n *pg.Node) bool {
		if fc := n.GetFuncCall(); fc != nil && b.isAggregate(fc) {
			found = true
		}
		return !found
	})
	return found
}

// isAggregate reports whether a call is one of an aggregate.
func (b *binder) isAggregate(fc *pg.FuncCall) bool {
	if fc.Over != nil || fc.AggWithinGroup {
		return fc.Over == nil
	}
	schema, name := functionName(fc.Funcname)
	return slices.ContainsFunc(b.env.Registry.Candidates(schema, name), func(o *function.Overload) bool { return o.Kind == function.Agg })
}
