package binder

import (
	"errors"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindSelect binds any query expression. s is the scope of this level: its
// parent and WITH queries count, its items are empty.
func (b *binder) bindSelect(stmt *pg.SelectStmt, s *scope) (*query, error) {
	leave, err := b.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if stmt == nil {
		return nil, pgerror.NotSupported("only SELECT, VALUES and TABLE are supported here")
	}
	if stmt.IntoClause != nil {
		return nil, pgerror.NotSupported("SELECT INTO is not supported")
	}
	s, err = b.bindWith(stmt.WithClause, s)
	if err != nil {
		return nil, err
	}
	switch {
	case stmt.Op != pg.SetOperation_SETOP_NONE && stmt.Op != pg.SetOperation_SET_OPERATION_UNDEFINED:
		if err := checkSetOpLocks(stmt); err != nil {
			return nil, err
		}
		return b.bindSetOp(stmt, s)
	case len(stmt.ValuesLists) > 0:
		q, err := b.bindValues(stmt, s)
		if err == nil && len(stmt.LockingClause) > 0 {
			return nil, lockError(stmt.LockingClause[0].GetLockingClause(), "cannot be applied to VALUES")
		}
		return q, err
	}
	q, err := b.bindPlainSelect(stmt, s)
	if err == nil && len(stmt.LockingClause) > 0 {
		err = b.checkLocks(stmt, s)
	}
	return q, err
}

// target is one item of a select list.
type target struct {
	e    expr.Expr
	name string
	node *pg.Node // nil for an expanded *
	col  logical.Column
	junk bool // only for ORDER BY or DISTINCT ON
}

// bindPlainSelect binds SELECT ... FROM ... WHERE ... .
func (b *binder) bindPlainSelect(stmt *pg.SelectStmt, s *scope) (*query, error) {
	level := *s
	calls := b.listHasAggregate(stmt)
	q, err := b.bindLevel(stmt, &level, calls)
	// Only with the names resolved it is known to which level an aggregate
	// belongs.
	var other *otherLevel
	if errors.As(err, &other) && other.scope == &level {
		again := *s
		return b.bindLevel(stmt, &again, !calls)
	}
	return q, err
}

// bindLevel binds one query level; calls says that aggregates of this level are
// called.
func (b *binder) bindLevel(stmt *pg.SelectStmt, s *scope, calls bool) (*query, error) {
	s.clause = "FROM clause"
	b.noteRows(stmt)
	plan, err := b.bindFrom(stmt.FromClause, s)
	if err != nil {
		return nil, err
	}
	s.clause = "WHERE"
	if stmt.WhereClause != nil {
		ec := &exprContext{scope: s, plan: &plan, clause: "WHERE"}
		cond, err := b.bindBool(ec, stmt.WhereClause, "WHERE")
		if err != nil {
			return nil, err
		}
		plan = &logical.Filter{Input: plan, Conds: expr.SplitAnd(nil, cond)}
	}
	agg := &aggregation{b: b, pre: plan, node: &logical.Aggregate{}}
	agg.used = calls || len(stmt.GroupClause) > 0 || stmt.HavingClause != nil
	if agg.used {
		s.clause = "GROUP BY"
		if err := agg.bindGroupBy(stmt, s); err != nil {
			return nil, err
		}
		plan = agg.node
	}
	s.agg = agg
	for i, n := range stmt.WindowClause {
		w := n.GetWindowDef()
		if slices.ContainsFunc(stmt.WindowClause[:i], func(o *pg.Node) bool { return o.GetWindowDef().Name == w.Name }) {
			return nil, b.errorf(w.Location, pgerror.WindowingError, "window %q is already defined", w.Name)
		}
	}
	win := &windowing{b: b, defs: stmt.WindowClause}
	ec := &exprContext{scope: s, plan: &plan, clause: "SELECT", sets: &setCalls{}, win: win}
	if agg.used {
		ec.agg = agg
	}
	targets, err := b.bindTargets(ec, stmt.TargetList, s)
	if err != nil {
		return nil, err
	}
	var having expr.Expr
	if stmt.HavingClause != nil {
		hc := *ec
		hc.clause, hc.sets, hc.win = "HAVING", nil, nil
		if having, err = b.bindBool(&hc, stmt.HavingClause, "HAVING"); err != nil {
			return nil, err
		}
	}
	distinctOn, err := b.bindDistinctOn(ec, stmt, &targets)
	if err != nil {
		return nil, err
	}
	keys, err := b.bindOrderBy(ec, stmt, &targets)
	if err != nil {
		return nil, err
	}
	if agg.used && len(stmt.GroupClause) == 0 && stmt.HavingClause == nil && len(agg.node.Aggs) == 0 {
		return nil, &otherLevel{scope: s}
	}
	if agg.used {
		for i := range targets {
			if targets[i].e, err = agg.finish(targets[i].e, targets[i].node); err != nil {
				return nil, err
			}
		}
		finish := func(e expr.Expr) (expr.Expr, error) { return agg.finish(e, nil) }
		if err := win.mapExprs(finish); err != nil {
			return nil, err
		}
		if err := ec.sets.mapExprs(finish); err != nil {
			return nil, err
		}
		if having != nil {
			if having, err = agg.finish(having, stmt.HavingClause); err != nil {
				return nil, err
			}
		}
		if plan, err = agg.close(plan); err != nil {
			return nil, err
		}
		if having != nil {
			plan = &logical.Filter{Input: plan, Conds: expr.SplitAnd(nil, having)}
		}
	}
	if shape := (levelShape{len(agg.node.Aggs) > 0, len(win.nodes) > 0, len(ec.sets.calls) > 0}); shape != (levelShape{}) {
		if b.shapes == nil {
			b.shapes = map[*pg.SelectStmt]levelShape{}
		}
		b.shapes[stmt] = shape
	}
	plan = win.place(plan)
	plan = ec.sets.place(plan)
	// The projection. A target that only reads a column keeps its identity
	// unless it appears twice.
	proj := &logical.Project{Input: plan}
	have := logical.OutputSet(plan)
	seen := map[expr.ColumnID]bool{}
	for i := range targets {
		t := &targets[i]
		ref, isRef := t.e.(*expr.Column)
		if isRef && have[ref.ID] && !seen[ref.ID] {
			t.col = logical.Column{ID: ref.ID, Name: t.name, Type: ref.T}
		} else {
			t.col = b.newColumn(t.name, t.e.Type())
			if isRef {
				if o, ok := b.origins[ref.ID]; ok {
					b.origins[t.col.ID] = o
				}
			}
		}
		seen[t.col.ID] = true
		proj.Exprs = append(proj.Exprs, t.e)
		proj.Cols = append(proj.Cols, t.col)
	}
	// The fields of a row stay beside it, for (row).field in an outer query.
	var fields []logical.Column
	for _, t := range targets {
		row, ok := t.e.(*expr.Row)
		if !ok || t.junk || len(row.Names) != len(row.Items) || len(stmt.DistinctClause) > 0 {
			continue
		}
		var list []logical.Column
		for i, it := range row.Items {
			c := b.newColumn(row.Names[i], it.Type())
			proj.Exprs, proj.Cols = append(proj.Exprs, it), append(proj.Cols, c)
			list = append(list, c)
		}
		if b.fields == nil {
			b.fields = map[expr.ColumnID][]logical.Column{}
		}
		b.fields[t.col.ID] = list
		fields = append(fields, list...)
	}
	plan = proj
	out := &query{}
	for _, t := range targets {
		if !t.junk {
			out.cols = append(out.cols, t.col)
		}
	}
	sortKeys := make([]logical.SortKey, 0, len(keys))
	for _, k := range keys {
		sortKeys = append(sortKeys, logical.SortKey{Expr: targets[k.target].col.Ref(), Desc: k.desc, NullsFirst: k.nullsFirst})
	}
	switch {
	case len(distinctOn) > 0:
		plan, err = b.distinctOn(plan, targets, distinctOn, keys, sortKeys, exprLocation(stmt.DistinctClause[0]))
		if err != nil {
			return nil, err
		}
	case len(stmt.DistinctClause) > 0:
		for _, k := range keys {
			if targets[k.target].junk {
				return nil, b.at(pgerror.New(pgerror.InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list"), k.loc)
			}
		}
		// Literals are text from here on: DISTINCT compares them.
		q, err := b.finishUnknown(&query{plan: plan, cols: out.cols})
		if err != nil {
			return nil, err
		}
		for i, k := range keys {
			for j := range out.cols {
				if out.cols[j].ID == targets[k.target].col.ID {
					sortKeys[i].Expr = q.cols[j].Ref()
				}
			}
		}
		plan, out.cols = q.plan, q.cols
		if plan, err = b.distinct(plan, out.cols); err != nil {
			return nil, err
		}
	}
	if len(sortKeys) > 0 {
		plan = &logical.Sort{Input: plan, Keys: sortKeys}
	}
	if plan, err = b.bindLimit(plan, stmt, s); err != nil {
		return nil, err
	}
	out.plan = project(plan, append(slices.Clone(out.cols), fields...))
	return out, nil
}

// project drops and reorders columns when the plan has others than cols.
func project(plan logical.Node, cols []logical.Column) logical.Node {
	outs := plan.Outputs()
	if slices.EqualFunc(outs, cols, func(a, b logical.Column) bool { return a.ID == b.ID && a.Name == b.Name }) {
		return plan
	}
	p := &logical.Project{Input: plan, Cols: cols}
	for _, c := range cols {
		p.Exprs = append(p.Exprs, c.Ref())
	}
	return p
}

// distinct removes duplicate rows.
func (b *binder) distinct(plan logical.Node, cols []logical.Column) (logical.Node, error) {
	agg := &logical.Aggregate{Input: plan, Cols: cols}
	for _, c := range cols {
		if err := b.needEquality(c.Type); err != nil {
			return nil, err
		}
		agg.Keys = append(agg.Keys, c.Ref())
	}
	return agg, nil
}

// needEquality refuses to group by a type without equality (json, for one).
func (b *binder) needEquality(t types.Type) error {
	if t.OID == types.Unknown {
		return nil
	}
	if _, err := b.env.Registry.Equality(t.OID); err != nil {
		return pgerror.Newf(pgerror.UndefinedFunction, "could not identify an equality operator for type %s", types.FormatType(types.Of(t.OID)))
	}
	return nil
}

// bindTargets binds a select list.
func (b *binder) bindTargets(ec *exprContext, list []*pg.Node, s *scope) ([]target, error) {
	var out []target
	for _, n := range list {
		rt := n.GetResTarget()
		if cr := rt.Val.GetColumnRef(); cr != nil && cr.Fields[len(cr.Fields)-1].GetAStar() != nil {
			cols, err := b.expandStar(cr, s)
			if err != nil {
				return nil, err
			}
			for _, c := range cols {
				out = append(out, target{e: b.columnAt(c, cr.Location), name: c.Name})
			}
			continue
		}
		if ind := rt.Val.GetAIndirection(); ind != nil && len(ind.Indirection) == 1 && ind.Indirection[0].GetAStar() != nil {
			fields, err := b.expandFields(ec, ind.Arg)
			if err != nil {
				return nil, err
			}
			out = append(out, fields...)
			continue
		}
		var e expr.Expr
		var err error
		if k, ok := ec.keyOf(rt.Val); ok {
			e = k
		} else if e, err = b.bindExpr(ec, rt.Val); err != nil {
			return nil, err
		}
		name := rt.Name
		if name == "" {
			name = figureName(rt.Val)
		}
		out = append(out, target{e: e, name: name, node: rt.Val})
	}
	return out, nil
}

// expandFields resolves (row).* and (f(x)).*.
func (b *binder) expandFields(ec *exprContext, n *pg.Node) ([]target, error) {
	var out []target
	if n.GetFuncCall() != nil {
		cols, err := b.functionFields(ec, n)
		if err != nil {
			return nil, err
		}
		for _, c := range cols {
			out = append(out, target{e: c.Ref(), name: c.Name})
		}
		if out != nil {
			return out, nil
		}
	}
	e, err := b.bindExpr(ec, n)
	if err != nil {
		return nil, err
	}
	row, err := b.rowParts(e, exprLocation(n))
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, b.errorf(exprLocation(n), pgerror.WrongObjectType, "row expansion via \"*\" is not supported for type %s", types.FormatType(e.Type()))
	}
	for i, it := range row.Items {
		out = append(out, target{e: it, name: row.Names[i]})
	}
	return out, nil
}

// keyOf returns the grouping key that an item of the select list is.
func (ec *exprContext) keyOf(n *pg.Node) (expr.Expr, bool) {
	if ec.agg == nil {
		return nil, false
	}
	k, ok := ec.agg.keyOf[n]
	if !ok {
		return nil, false
	}
	return ec.agg.node.Keys[k], true
}

// expandStar resolves * and t.*.
func (b *binder) expandStar(cr *pg.ColumnRef, s *scope) ([]scopeColumn, error) {
	if len(cr.Fields) == 1 {
		if len(s.items) == 0 {
			return nil, b.errorf(cr.Location, pgerror.SyntaxError, "SELECT * with no tables specified is not valid")
		}
		return s.star, nil
	}
	parts := names(cr.Fields[:len(cr.Fields)-1])
	schema := ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	it, err := s.lookupItem(schema, parts[len(parts)-1])
	if err != nil {
		return nil, b.at(err, cr.Location)
	}
	if it == nil {
		return nil, b.errorf(cr.Location, pgerror.UndefinedTable, "missing FROM-clause entry for table %q", parts[len(parts)-1])
	}
	return it.visible(), nil
}

// sortItem is one ORDER BY entry, by index into the targets.
type sortItem struct {
	target     int
	desc       bool
	nullsFirst bool
	loc        int32
}

// bindOrderBy resolves ORDER BY: an output name, a position, or an expression,
// which becomes a junk target when the list does not have it.
func (b *binder) bindOrderBy(ec *exprContext, stmt *pg.SelectStmt, targets *[]target) ([]sortItem, error) {
	oc := *ec
	oc.clause = "ORDER BY"
	var out []sortItem
	for _, n := range stmt.SortClause {
		sb := n.GetSortBy()
		i, err := b.findTarget(&oc, sb.Node, targets, "ORDER BY", true)
		if err != nil {
			return nil, err
		}
		item, err := b.sortItem(sb, i, (*targets)[i].e.Type())
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// sortItem reads direction and NULLS of a SortBy.
func (b *binder) sortItem(sb *pg.SortBy, target int, t types.Type) (sortItem, error) {
	item := sortItem{target: target, loc: exprLocation(sb.Node)}
	if !unknownType(t) && !types.Orderable(t) {
		return item, b.at(pgerror.Newf(pgerror.UndefinedFunction, "could not identify an ordering operator for type %s", types.FormatType(types.Of(t.OID))).
			WithHint("Use an explicit ordering operator or modify the query."), exprLocation(sb.Node))
	}
	switch sb.SortbyDir {
	case pg.SortByDir_SORTBY_DESC:
		item.desc = true
	case pg.SortByDir_SORTBY_USING:
		switch op := names(sb.UseOp); op[len(op)-1] {
		case "<":
		case ">":
			item.desc = true
		default:
			if e := b.missingOrdering(op[len(op)-1], t); e != nil {
				return item, b.at(e, sb.Location)
			}
			return item, b.errorf(sb.Location, pgerror.WrongObjectType, "operator %s is not a valid ordering operator", op[len(op)-1])
		}
	}
	item.nullsFirst = item.desc
	switch sb.SortbyNulls {
	case pg.SortByNulls_SORTBY_NULLS_FIRST:
		item.nullsFirst = true
	case pg.SortByNulls_SORTBY_NULLS_LAST:
		item.nullsFirst = false
	}
	return item, nil
}

// missingOrdering is the error about an operator of ORDER BY ... USING that the type
// does not have at all; nil when it has it.
func (b *binder) missingOrdering(op string, t types.Type) error {
	_, _, err := b.env.Registry.Operator(op, t.OID, t.OID)
	return err
}

// findTarget resolves an entry of ORDER BY, GROUP BY or DISTINCT ON against the
// select list. sql92 lets an output name win over an input column.
func (b *binder) findTarget(ec *exprContext, n *pg.Node, targets *[]target, clause string, sql92 bool) (int, error) {
	if c := n.GetAConst(); c != nil {
		if iv, ok := c.Val.(*pg.A_Const_Ival); ok {
			k := int(iv.Ival.Ival)
			count := 0
			for i, t := range *targets {
				if t.junk {
					continue
				}
				if count++; count == k {
					return i, nil
				}
			}
			return 0, b.errorf(c.Location, pgerror.InvalidColumnReference, "%s position %d is not in select list", clause, k)
		}
		return 0, b.errorf(c.Location, pgerror.SyntaxError, "non-integer constant in %s", clause)
	}
	if cr := n.GetColumnRef(); sql92 && cr != nil && len(cr.Fields) == 1 {
		name := stringOf(cr.Fields[0])
		hit := -1
		for i, t := range *targets {
			if t.junk || t.name != name {
				continue
			}
			if hit >= 0 && !exprEqual((*targets)[hit].e, t.e) {
				return 0, b.errorf(cr.Location, pgerror.AmbiguousColumn, "%s %q is ambiguous", clause, name)
			}
			if hit < 0 {
				hit = i
			}
		}
		if hit >= 0 {
			return hit, nil
		}
	}
	e, err := b.bindExpr(ec, n)
	if err != nil {
		return 0, err
	}
	for i, t := range *targets {
		if exprEqual(t.e, e) {
			return i, nil
		}
	}
	*targets = append(*targets, target{e: e, name: "?column?", node: n, junk: true})
	return len(*targets) - 1, nil
}

// bindDistinctOn resolves the expressions of DISTINCT ON to targets.
func (b *binder) bindDistinctOn(ec *exprContext, stmt *pg.SelectStmt, targets *[]target) ([]int, error) {
	if len(stmt.DistinctClause) == 0 || stmt.DistinctClause[0].GetNode() == nil {
		return nil, nil
	}
	dc := *ec
	dc.clause = "DISTINCT ON"
	var out []int
	for _, n := range stmt.DistinctClause {
		i, err := b.findTarget(&dc, n, targets, "DISTINCT ON", true)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// distinctOn keeps the first row of each group in the ORDER BY order.
func (b *binder) distinctOn(plan logical.Node, targets []target, on []int, keys []sortItem, sortKeys []logical.SortKey, loc int32) (logical.Node, error) {
	for i, k := range keys {
		if i < len(on) && !slices.Contains(on, k.target) {
			return nil, b.at(pgerror.New(pgerror.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions"), loc)
		}
	}
	rn, err := b.env.Registry.Function("", "row_number", nil, false)
	if err != nil {
		return nil, err
	}
	w := &logical.Window{Input: plan, OrderBy: sortKeys}
	for _, i := range on {
		w.Partition = append(w.Partition, targets[i].col.Ref())
	}
	col := b.newColumn("row_number", types.Of(types.Int8))
	w.Calls = []logical.WindowCall{{Fn: rn.Fn, Col: col}}
	one := &expr.Const{T: types.Of(types.Int8), Value: types.IntDatum(1)}
	eq, err := b.bindOperator("=", col.Ref(), one, -1)
	if err != nil {
		return nil, err
	}
	return &logical.Filter{Input: w, Conds: []expr.Expr{eq}}, nil
}

// bindValues binds VALUES lists.
func (b *binder) bindValues(stmt *pg.SelectStmt, s *scope) (*query, error) {
	var rows [][]expr.Expr
	base := unit()
	plain := true
	plans := make([]logical.Node, len(stmt.ValuesLists))
	for r, n := range stmt.ValuesLists {
		plans[r] = base
		items := n.GetList().GetItems()
		if len(rows) > 0 && len(items) != len(rows[0]) {
			return nil, b.errorf(exprLocation(items[0]), pgerror.SyntaxError, "VALUES lists must all be the same length")
		}
		row := make([]expr.Expr, len(items))
		for i, it := range items {
			ec := &exprContext{scope: s, plan: &plans[r], clause: "VALUES"}
			e, err := b.bindExpr(ec, it)
			if err != nil {
				return nil, err
			}
			row[i] = e
		}
		plain = plain && plans[r] == base
		rows = append(rows, row)
	}
	cols := make([]logical.Column, len(rows[0]))
	for i := range cols {
		ts := make([]types.OID, len(rows))
		same := true
		for r := range rows {
			ts[r] = rows[r][i].Type().OID
			same = same && rows[r][i].Type() == rows[0][i].Type()
		}
		t := rows[0][i].Type()
		if !same || unknownType(t) {
			oid, err := b.env.Registry.CommonType("VALUES", ts)
			if err != nil {
				loc := int32(-1)
				for r := range rows {
					if ts[r] != ts[0] && ts[r] != types.Unknown && loc < 0 {
						loc = exprLocation(stmt.ValuesLists[r].GetList().GetItems()[i])
					}
				}
				return nil, b.at(err, loc)
			}
			t = types.Of(oid)
		}
		for r := range rows {
			e, err := b.coerce(rows[r][i], t, function.Implicit, false, exprLocation(stmt.ValuesLists[r].GetList().GetItems()[i]))
			if err != nil {
				return nil, err
			}
			rows[r][i] = e
		}
		cols[i] = b.newColumn("column"+itoa(i+1), t)
	}
	return b.orderAndLimit(stmt, s, b.rowsOf(rows, plans, cols, plain))
}

// rowsOf makes a query of expressions: plain says that none has a subquery,
// which would stand in its row's plan.
func (b *binder) rowsOf(rows [][]expr.Expr, plans []logical.Node, cols []logical.Column, plain bool) *query {
	if plain {
		return &query{plan: &logical.Values{Rows: rows, Cols: cols}, cols: cols}
	}
	// Rows with subqueries: one projection each.
	var out logical.Node
	for i, r := range rows {
		p := &logical.Project{Input: plans[i], Exprs: r}
		for i := range cols {
			p.Cols = append(p.Cols, b.newColumn(cols[i].Name, cols[i].Type))
		}
		if out == nil {
			out = p
			continue
		}
		outCols := make([]logical.Column, len(cols))
		for i := range cols {
			outCols[i] = b.newColumn(cols[i].Name, cols[i].Type)
		}
		out = &logical.SetOp{Kind: logical.Union, All: true, Left: out, Right: p, Cols: outCols}
	}
	return &query{plan: out, cols: out.Outputs()}
}

// orderAndLimit adds ORDER BY, LIMIT and OFFSET to a query whose sort keys can
// only be output columns (VALUES, set operations).
func (b *binder) orderAndLimit(stmt *pg.SelectStmt, s *scope, q *query) (*query, error) {
	if len(stmt.SortClause) > 0 {
		var err error
		if q, err = b.finishUnknown(q); err != nil {
			return nil, err
		}
	}
	targets := make([]target, len(q.cols))
	inner := &scope{parent: s.parent, ctes: s.ctes, items: []*rangeItem{newItem("", q.cols)}}
	for i, c := range q.cols {
		targets[i] = target{e: c.Ref(), name: c.Name, col: c}
	}
	var keys []logical.SortKey
	ec := &exprContext{scope: inner, clause: "ORDER BY"}
	for _, n := range stmt.SortClause {
		sb := n.GetSortBy()
		i, err := b.findTarget(ec, sb.Node, &targets, "ORDER BY", true)
		if err != nil {
			return nil, err
		}
		if targets[i].junk && len(stmt.ValuesLists) == 0 {
			return nil, b.at(pgerror.New(pgerror.FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
				WithDetail("Only result column names can be used, not expressions or functions.").
				WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause."), exprLocation(sb.Node))
		}
		item, err := b.sortItem(sb, i, targets[i].e.Type())
		if err != nil {
			return nil, err
		}
		keys = append(keys, logical.SortKey{Expr: targets[i].e, Desc: item.desc, NullsFirst: item.nullsFirst})
	}
	if len(keys) > 0 {
		q.plan = &logical.Sort{Input: q.plan, Keys: keys}
	}
	plan, err := b.bindLimit(q.plan, stmt, s)
	if err != nil {
		return nil, err
	}
	q.plan = plan
	return q, nil
}

// bindSetOp binds UNION, INTERSECT and EXCEPT.
func (b *binder) bindSetOp(stmt *pg.SelectStmt, s *scope) (*query, error) {
	level := &scope{parent: &scope{parent: s.parent, ctes: s.ctes, cteOnly: true}}
	left, err := b.bindSelect(stmt.Larg, level)
	if err != nil {
		return nil, err
	}
	right, err := b.bindSelect(stmt.Rarg, &scope{parent: level.parent})
	if err != nil {
		return nil, err
	}
	kind, word := logical.Union, "UNION"
	switch stmt.Op {
	case pg.SetOperation_SETOP_INTERSECT:
		kind, word = logical.Intersect, "INTERSECT"
	case pg.SetOperation_SETOP_EXCEPT:
		kind, word = logical.Except, "EXCEPT"
	}
	if len(left.cols) != len(right.cols) {
		return nil, b.errorf(firstLocation(stmt.Rarg), pgerror.SyntaxError, "each %s query must have the same number of columns", word)
	}
	targets := make([]types.Type, len(left.cols))
	for i := range targets {
		l, r := left.cols[i].Type, right.cols[i].Type
		if l == r && !unknownType(l) {
			targets[i] = l
			continue
		}
		t, err := b.env.Registry.CommonType(word, []types.OID{l.OID, r.OID})
		if err != nil {
			return nil, b.at(err, targetLocation(stmt.Rarg, i))
		}
		targets[i] = types.Of(t)
	}
	if left, err = b.coerceQuery(left, targets); err != nil {
		return nil, err
	}
	if right, err = b.coerceQuery(right, targets); err != nil {
		return nil, err
	}
	op := &logical.SetOp{Kind: kind, All: stmt.All, Left: project(left.plan, left.cols), Right: project(right.plan, right.cols)}
	for i, c := range left.cols {
		if !stmt.All || kind != logical.Union {
			if err := b.needEquality(targets[i]); err != nil {
				return nil, err
			}
		}
		op.Cols = append(op.Cols, b.newColumn(c.Name, targets[i]))
	}
	return b.orderAndLimit(stmt, s, &query{plan: op, cols: op.Cols})
}
