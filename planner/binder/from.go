package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// from is a bound part of a FROM clause.
type from struct {
	plan  logical.Node
	items []*rangeItem
	// star are the columns that * shows, in order.
	star []scopeColumn
}

// unit is a plan of one row without columns.
func unit() logical.Node { return &logical.Values{Rows: [][]expr.Expr{{}}} }

// bindFrom binds a FROM list into s.
func (b *binder) bindFrom(list []*pg.Node, s *scope) (logical.Node, error) {
	var plan logical.Node
	for _, n := range list {
		f, err := b.bindFromItem(n, s)
		if err != nil {
			return nil, err
		}
		for _, it := range f.items {
			if err := s.addItem(it); err != nil {
				return nil, err
			}
		}
		s.star = append(s.star, f.star...)
		plan = crossJoin(plan, f.plan)
	}
	if plan == nil {
		plan = unit()
	}
	return plan, nil
}

// crossJoin joins without condition; the join is lateral when the right side
// refers to the left.
func crossJoin(left, right logical.Node) logical.Node {
	if left == nil {
		return right
	}
	return &logical.Join{Kind: physical.Inner, Left: left, Right: right, Lateral: refersTo(right, left)}
}

// refersTo reports whether plan is correlated with columns of other.
func refersTo(plan, other logical.Node) bool {
	free := logical.Free(plan)
	if len(free) == 0 {
		return false
	}
	for _, c := range other.Outputs() {
		if _, ok := free[c.ID]; ok {
			return true
		}
	}
	return false
}

// bindFromItem binds one item. s holds what lateral references may see.
func (b *binder) bindFromItem(n *pg.Node, s *scope) (*from, error) {
	leave, err := b.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	switch n := n.Node.(type) {
	case *pg.Node_RangeVar:
		plan, it, err := b.bindTable(n.RangeVar, s)
		if err != nil {
			return nil, err
		}
		return single(plan, it), nil
	case *pg.Node_RangeSubselect:
		return b.bindSubselect(n.RangeSubselect, s)
	case *pg.Node_RangeFunction:
		return b.bindRangeFunction(n.RangeFunction, s)
	case *pg.Node_JoinExpr:
		return b.bindJoin(n.JoinExpr, s)
	case *pg.Node_RangeTableSample:
		return b.bindSample(n.RangeTableSample, s)
	case *pg.Node_RangeTableFunc:
		return nil, pgerror.NotSupported("XMLTABLE is not supported")
	}
	return nil, pgerror.NotSupported("this kind of FROM item is not supported")
}

// single is a FROM part of one item.
func single(plan logical.Node, it *rangeItem) *from {
	for i := range it.cols {
		it.cols[i].item = it
	}
	return &from{plan: plan, items: []*rangeItem{it}, star: it.visible()}
}

// bindSubselect binds (SELECT ...) alias.
func (b *binder) bindSubselect(n *pg.RangeSubselect, s *scope) (*from, error) {
	if n.Alias == nil && b.quiet == 0 {
		sel := n.Subquery.GetSelectStmt()
		what, example := "subquery", "(SELECT ...)"
		if len(sel.GetValuesLists()) > 0 {
			what, example = "VALUES", "(VALUES ...)"
		}
		return nil, pgerror.Newf(pgerror.SyntaxError, "%s in FROM must have an alias", what).WithHint("For example, FROM %s [AS] foo.", example)
	}
	outer := s.outer()
	if n.Lateral {
		outer = s
	}
	q, err := b.bindSelect(n.Subquery.GetSelectStmt(), &scope{parent: outer})
	if err != nil {
		return nil, err
	}
	if q, err = b.finishUnknown(q); err != nil {
		return nil, err
	}
	it := newItem("", q.cols)
	if err := applyAlias(it, n.Alias); err != nil {
		return nil, err
	}
	return single(q.plan, it), nil
}

// outer is what a subquery of FROM that is not lateral may see: the WITH
// queries of this level and everything outside, but no FROM item of this level.
func (s *scope) outer() *scope {
	return &scope{parent: s.parent, ctes: s.ctes, cteOnly: true, unreachable: s.items}
}

// bindRangeFunction binds f(...) [WITH ORDINALITY] in FROM.
func (b *binder) bindRangeFunction(n *pg.RangeFunction, s *scope) (*from, error) {
	if f, err := b.rangeUserFunction(n, s); f != nil || err != nil {
		return f, err
	}
	set := &logical.ProjectSet{Input: unit()}
	var input logical.Node = set.Input
	it := &rangeItem{scalar: len(n.Functions) == 1}
	var fields []recordField
	for _, f := range n.Functions {
		item := f.GetList().GetItems()
		defs := n.Coldeflist
		if len(item) > 1 && len(item[1].GetList().GetItems()) > 0 {
			defs = item[1].GetList().GetItems()
		}
		call := item[0]
		if fc := call.GetFuncCall(); fc != nil && returnsRecord(fc) {
			if n.Ordinality && len(n.Coldeflist) > 0 {
				return nil, pgerror.New(pgerror.SyntaxError, "WITH ORDINALITY cannot be used with a column definition list").
					WithHint("Put the column definition list inside ROWS FROM().")
			}
			sc, out, err := b.bindRecordFunction(&exprContext{scope: s, plan: &input, clause: "functions in FROM"}, fc, defs)
			if err != nil {
				return nil, err
			}
			it.scalar = false
			if it.alias == "" {
				it.alias = stringOf(fc.Funcname[len(fc.Funcname)-1])
			}
			set.Calls = append(set.Calls, sc)
			fields = append(fields, out...)
			for _, c := range out {
				it.cols = append(it.cols, scopeColumn{Column: c.col})
			}
			continue
		}
		if len(defs) > 0 {
			return nil, b.errorf(exprLocation(call), pgerror.SyntaxError, "a column definition list is only allowed for functions returning \"record\"")
		}
		if fc := call.GetFuncCall(); fc != nil && len(fc.Args) > 1 && stringOf(fc.Funcname[len(fc.Funcname)-1]) == "unnest" && !named(fc.Args) {
			// unnest of several arrays is as many calls side by side.
			it.scalar = false
			if it.alias == "" {
				it.alias = "unnest"
			}
			for _, a := range fc.Args {
				one := &pg.FuncCall{Funcname: fc.Funcname, Args: []*pg.Node{a}, Location: fc.Location}
				e, err := b.bindExpr(&exprContext{scope: s, plan: &input, clause: "functions in FROM", rangeFunction: true}, &pg.Node{Node: &pg.Node_FuncCall{FuncCall: one}})
				if err != nil {
					return nil, err
				}
				c, ok := e.(*expr.Call)
				if !ok {
					return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "unnest of these arguments is not supported")
				}
				sc := logical.SetCall{Call: c, Cols: []logical.Column{b.newColumn("unnest", c.T)}}
				set.Calls = append(set.Calls, sc)
				it.cols = append(it.cols, newItem("", sc.Cols).cols...)
			}
			continue
		}
		name := "column"
		if fc := call.GetFuncCall(); fc != nil {
			name = stringOf(fc.Funcname[len(fc.Funcname)-1])
		} else {
			name = figureName(call)
		}
		if it.alias == "" {
			it.alias = name
		}
		ec := &exprContext{scope: s, plan: &input, clause: "functions in FROM", rangeFunction: true}
		e, err := b.bindExpr(ec, call)
		if err != nil {
			return nil, err
		}
		if c, ok := e.(*expr.Call); ok && c.Fn.Kind == function.SetReturn {
			sc := logical.SetCall{Call: c}
			if len(c.Fn.RetColumns) > 0 {
				it.scalar = false
				sc.Cols = b.resultColumns(c)
			} else {
				cname := name
				if a := n.Alias.GetAliasname(); a != "" && len(n.Functions) == 1 {
					cname = a
				}
				sc.Cols = []logical.Column{b.newColumn(cname, c.T)}
				if parts, err := b.rowFields(sc.Cols[0].Ref(), c.T); err != nil {
					return nil, err
				} else if parts != nil {
					it.scalar, it.rowType = false, wholeType(n, c.T)
					set.Calls = append(set.Calls, sc)
					fields = append(fields, parts...)
					it.cols = append(it.cols, fieldColumns(parts)...)
					continue
				}
			}
			set.Calls = append(set.Calls, sc)
			it.cols = append(it.cols, newItem("", sc.Cols).cols...)
			continue
		}
		// A function of one result is a one-row table.
		if unknownType(e.Type()) {
			if e, err = b.coerce(e, types.Of(types.Text), function.Implicit, false, -1); err != nil {
				return nil, err
			}
		}
		if a := n.Alias.GetAliasname(); a != "" && len(n.Functions) == 1 {
			name = a
		}
		col := b.newColumn(name, e.Type())
		if list := e.Type().ArrayOf(); len(n.Functions) > 1 && list.OID != 0 && !e.Type().IsArray() {
			// Beside functions of more rows it has one row only.
			m, err := b.env.Registry.Function("", "unnest", []types.OID{list.OID}, false)
			if err != nil {
				return nil, err
			}
			one := &expr.Array{Items: []expr.Expr{e}, T: types.Of(list.OID)}
			set.Calls = append(set.Calls, logical.SetCall{Call: &expr.Call{Fn: m.Fn, Args: []expr.Expr{one}, T: e.Type(), Pos: -1}, Cols: []logical.Column{col}})
			it.cols = append(it.cols, scopeColumn{Column: col})
			continue
		}
		input = extend(input, e, col)
		parts, err := b.rowFields(col.Ref(), e.Type())
		if err != nil {
			return nil, err
		}
		if parts != nil {
			it.scalar, it.rowType = false, wholeType(n, e.Type())
			fields = append(fields, parts...)
			it.cols = append(it.cols, fieldColumns(parts)...)
			continue
		}
		it.cols = append(it.cols, scopeColumn{Column: col})
	}
	set.Input = input
	if n.Ordinality {
		c := b.newColumn("ordinality", types.Of(types.Int8))
		set.Ordinality = &c
		it.cols = append(it.cols, scopeColumn{Column: c})
	}
	if err := applyAlias(it, n.Alias); err != nil {
		return nil, err
	}
	var plan logical.Node = set
	if len(set.Calls) == 0 && set.Ordinality == nil {
		plan = input
	}
	if len(set.Calls) == 0 && set.Ordinality != nil {
		// The one row of functions that return no set has the number 1.
		plan = extend(input, &expr.Const{T: types.Of(types.Int8), Value: types.IntDatum(1)}, *set.Ordinality)
	}
	if len(set.Calls) > 1 && set.Ordinality != nil {
		// The numbers of several functions in step count their common rows.
		m, err := b.env.Registry.Function("", "row_number", nil, false)
		if err != nil {
			return nil, err
		}
		col := *set.Ordinality
		set.Ordinality = nil
		frame := physical.Frame{Start: physical.UnboundedPreceding, End: physical.CurrentRow}
		plan = &logical.Window{Input: set, Calls: []logical.WindowCall{{Fn: m.Fn, Frame: frame, Col: col}}}
	}
	for _, f := range fields {
		plan = extend(plan, f.value, f.col)
	}
	return single(plan, it), nil
}

// rowFields returns the columns of a function's result that is a value of a
// composite type, nil when it is none.
func (b *binder) rowFields(e expr.Expr, t types.Type) ([]recordField, error) {
	var out []recordField
	for i, a := range b.attributes(t) {
		v, err := b.fieldOf(e, i, a, -1)
		if err != nil {
			return nil, err
		}
		out = append(out, recordField{col: b.newColumn(a.Name, a.Type), value: v})
	}
	return out, nil
}

// wholeType is the type of the rows of functions in FROM, 0 when it is none with a
// name.
func wholeType(n *pg.RangeFunction, t types.Type) types.OID {
	if len(n.Functions) > 1 || n.Ordinality {
		return 0
	}
	return t.OID
}

// fieldColumns are the columns of fields in a scope.
func fieldColumns(fields []recordField) []scopeColumn {
	out := make([]scopeColumn, len(fields))
	for i, f := range fields {
		out[i] = scopeColumn{Column: f.col}
	}
	return out
}

// extend adds a computed column to a plan.
func extend(input logical.Node, e expr.Expr, col logical.Column) logical.Node {
	p := &logical.Project{Input: input}
	for _, c := range input.Outputs() {
		p.Exprs = append(p.Exprs, c.Ref())
		p.Cols = append(p.Cols, c)
	}
	p.Exprs = append(p.Exprs, e)
	p.Cols = append(p.Cols, col)
	return p
}

// bindJoin binds a JOIN.
func (b *binder) bindJoin(n *pg.JoinExpr, s *scope) (*from, error) {
	left, err := b.bindFromItem(n.Larg, s)
	if err != nil {
		return nil, err
	}
	// The right side may refer laterally to the left one.
	rs := &scope{parent: s.parent, ctes: s.ctes, items: slices.Clone(s.items), star: s.star}
	rs.items = append(rs.items, left.items...)
	right, err := b.bindFromItem(n.Rarg, rs)
	if err != nil {
		return nil, err
	}
	kind := map[pg.JoinType]physical.JoinKind{
		pg.JoinType_JOIN_INNER: physical.Inner, pg.JoinType_JOIN_LEFT: physical.Left,
		pg.JoinType_JOIN_RIGHT: physical.Right, pg.JoinType_JOIN_FULL: physical.Full,
	}[n.Jointype]
	b.markPresent(kind, left, right)
	j := &logical.Join{Kind: kind, Left: left.plan, Right: right.plan, Lateral: refersTo(right.plan, left.plan)}
	if j.Lateral && (kind == physical.Right || kind == physical.Full) {
		name, loc := "", int32(-1)
		for id := range logical.Free(right.plan) {
			if logical.OutputSet(left.plan)[id] {
				name, loc = b.itemOf[id], b.locationOf(id)
			}
		}
		return nil, b.at(pgerror.Newf(pgerror.InvalidColumnReference, "invalid reference to FROM-clause entry for table %q", name).
			WithDetail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."), loc)
	}
	out := &from{plan: j}
	out.items = append(append(out.items, left.items...), right.items...)
	seen := map[string]bool{}
	for _, it := range out.items {
		if it.alias != "" && seen[it.schema+"."+it.alias] {
			return nil, pgerror.Newf(pgerror.DuplicateAlias, "table name %q specified more than once", it.alias)
		}
		seen[it.schema+"."+it.alias] = true
	}
	using := names(n.UsingClause)
	if n.IsNatural {
		for _, l := range left.star {
			for _, r := range right.star {
				if l.Name == r.Name && !slices.Contains(using, l.Name) {
					using = append(using, l.Name)
				}
			}
		}
	}
	switch {
	case len(using) > 0:
		if err := b.bindUsing(j, left, right, using, out); err != nil {
			return nil, err
		}
		if a := n.GetJoinUsingAlias(); a != nil {
			it := &rangeItem{alias: a.Aliasname, using: true}
			for i := range using {
				it.cols = append(it.cols, scopeColumn{Column: out.star[i].Column, merged: true})
			}
			out.items = append(out.items, it)
		}
	case n.Quals != nil:
		js := &scope{parent: s.parent, ctes: s.ctes, items: slices.Concat(left.items, right.items), unreachable: s.items}
		plan := out.plan
		ec := &exprContext{scope: js, plan: &plan, clause: "JOIN conditions"}
		cond, err := b.bindBool(ec, n.Quals, "JOIN/ON")
		if err != nil {
			return nil, err
		}
		if plan == out.plan {
			j.Cond = cond
		} else if kind == physical.Inner {
			// Subqueries of the condition stand above the join.
			out.plan = &logical.Filter{Input: plan, Conds: expr.SplitAnd(nil, cond)}
		} else {
			if out.plan, err = b.outerJoinWithSubqueries(j, js, n.Quals); err != nil {
				return nil, err
			}
		}
		out.star = append(append(out.star, left.star...), right.star...)
	default:
		out.star = append(append(out.star, left.star...), right.star...)
	}
	if n.Alias != nil {
		for _, o := range out.items {
			if !o.using {
				s.unreachable = append(s.unreachable, o)
			}
		}
		it := &rangeItem{join: true}
		for _, c := range out.star {
			it.cols = append(it.cols, scopeColumn{Column: c.Column})
		}
		if err := applyAlias(it, n.Alias); err != nil {
			return nil, err
		}
		return single(out.plan, it), nil
	}
	return out, nil
}

// outerJoinWithSubqueries makes an outer join whose condition has subqueries a
// lateral one: L LEFT JOIN R ON c is L LEFT JOIN LATERAL (SELECT * FROM R WHERE
// c) ON true.
func (b *binder) outerJoinWithSubqueries(j *logical.Join, js *scope, quals *pg.Node) (logical.Node, error) {
	if j.Kind == physical.Full {
		return nil, pgerror.NotSupported("subqueries in the condition of a FULL JOIN are not supported")
	}
	kept, other := j.Left, j.Right
	if j.Kind == physical.Right {
		kept, other = other, kept
	}
	plan := other
	cond, err := b.bindBool(&exprContext{scope: js, plan: &plan, clause: "JOIN conditions"}, quals, "JOIN/ON")
	if err != nil {
		return nil, err
	}
	plan = project(&logical.Filter{Input: plan, Conds: expr.SplitAnd(nil, cond)}, other.Outputs())
	out := &logical.Join{Kind: physical.Left, Left: kept, Right: plan, Lateral: refersTo(plan, kept)}
	return project(out, j.Outputs()), nil
}

// bindUsing makes the conditions and merged columns of USING and NATURAL.
func (b *binder) bindUsing(j *logical.Join, left, right *from, using []string, out *from) error {
	pick := func(f *from, name, side string) (*scopeColumn, error) {
		var hit *scopeColumn
		for i := range f.star {
			if f.star[i].Name == name {
				if hit != nil {
					return nil, pgerror.Newf(pgerror.AmbiguousColumn, "common column name %q appears more than once in %s table", name, side)
				}
				hit = &f.star[i]
			}
		}
		if hit == nil {
			return nil, pgerror.Newf(pgerror.UndefinedColumn, "column %q specified in USING clause does not exist in %s table", name, side)
		}
		return hit, nil
	}
	for i, name := range using {
		if slices.Contains(using[:i], name) {
			return pgerror.Newf(pgerror.DuplicateColumn, "column name %q appears more than once in USING clause", name)
		}
	}
	var conds []expr.Expr
	merged := &rangeItem{}
	p := &logical.Project{}
	for _, c := range j.Outputs() {
		p.Exprs = append(p.Exprs, c.Ref())
		p.Cols = append(p.Cols, c)
	}
	used := map[expr.ColumnID]bool{}
	computed := false
	for _, name := range using {
		l, err := pick(left, name, "left")
		if err != nil {
			return err
		}
		r, err := pick(right, name, "right")
		if err != nil {
			return err
		}
		t, err := b.env.Registry.CommonType("JOIN/USING", []types.OID{l.Type.OID, r.Type.OID})
		if err != nil {
			return err
		}
		eq, err := b.bindOperator("=", b.reader(*l), b.reader(*r), -1)
		if err != nil {
			return err
		}
		conds = append(conds, eq)
		used[l.ID], used[r.ID] = true, true
		target := types.Of(t)
		if l.Type == r.Type {
			target = l.Type
		}
		le, err := b.coerce(l.Ref(), target, function.Implicit, false, -1)
		if err != nil {
			return err
		}
		re, err := b.coerce(r.Ref(), target, function.Implicit, false, -1)
		if err != nil {
			return err
		}
		var e expr.Expr
		switch j.Kind {
		case physical.Full:
			e = &expr.Coalesce{Args: []expr.Expr{le, re}, T: target}
		case physical.Right:
			e = re
		default:
			e = le
		}
		if ref, ok := e.(*expr.Column); ok {
			src := l
			if ref.ID == r.ID {
				src = r
			}
			merged.cols = append(merged.cols, scopeColumn{Column: src.Column})
			continue
		}
		computed = true
		col := b.newColumn(name, target)
		p.Exprs = append(p.Exprs, e)
		p.Cols = append(p.Cols, col)
		merged.cols = append(merged.cols, scopeColumn{Column: col})
	}
	j.Cond = expr.JoinAnd(conds)
	if computed {
		p.Input = j
		out.plan = p
	}
	// Unqualified names find the merged column; qualified ones the original.
	mark := func(f *from) {
		for _, it := range f.items {
			clone := *it
			clone.cols = slices.Clone(it.cols)
			for i := range clone.cols {
				if used[clone.cols[i].ID] {
					clone.cols[i].merged = true
				}
			}
			for k, o := range out.items {
				if o == it {
					out.items[k] = &clone
				}
			}
		}
	}
	mark(left)
	mark(right)
	out.items = append(out.items, merged)
	out.star = append(out.star, merged.cols...)
	for _, c := range left.star {
		if !used[c.ID] {
			out.star = append(out.star, c)
		}
	}
	for _, c := range right.star {
		if !used[c.ID] {
			out.star = append(out.star, c)
		}
	}
	return nil
}
