package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// maxGroupingSets is PostgreSQL's limit.
const maxGroupingSets = 4096

// groupingCall is one GROUPING(...): the keys it asks about and its column.
type groupingCall struct {
	keys []int
	col  logical.Column
}

// groupingSets returns the grouping sets of one item of GROUP BY: one for an
// expression, several for ROLLUP, CUBE and GROUPING SETS.
func (a *aggregation) groupingSets(ec *exprContext, n *pg.Node, stmt *pg.SelectStmt) ([][]int, error) {
	g := n.GetGroupingSet()
	if g == nil {
		keys, err := a.bindKeyList(ec, n, stmt)
		return [][]int{keys}, err
	}
	switch g.Kind {
	case pg.GroupingSetKind_GROUPING_SET_EMPTY:
		return [][]int{nil}, nil
	case pg.GroupingSetKind_GROUPING_SET_SETS:
		var out [][]int
		for _, c := range g.Content {
			list, err := a.groupingSets(ec, c, stmt)
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
		return out, nil
	}
	parts := make([][]int, len(g.Content))
	for i, c := range g.Content {
		var err error
		if parts[i], err = a.bindKeyList(ec, c, stmt); err != nil {
			return nil, err
		}
	}
	if g.Kind == pg.GroupingSetKind_GROUPING_SET_ROLLUP {
		var out [][]int
		for n := len(parts); n >= 0; n-- {
			out = append(out, slices.Concat(parts[:n]...))
		}
		return out, nil
	}
	if len(parts) > 12 {
		return nil, pgerror.New(pgerror.TooManyColumns, "CUBE is limited to 12 elements")
	}
	var out [][]int
	for mask := 1<<len(parts) - 1; mask >= 0; mask-- {
		var set []int
		for i, p := range parts {
			if mask>>(len(parts)-1-i)&1 != 0 {
				set = append(set, p...)
			}
		}
		out = append(out, set)
	}
	return out, nil
}

// crossSets combines the sets of two items of GROUP BY.
func crossSets(a, b [][]int) ([][]int, error) {
	if len(a)*len(b) > maxGroupingSets {
		return nil, pgerror.Newf(pgerror.StatementTooComplex, "too many grouping sets present (maximum %d)", maxGroupingSets)
	}
	var out [][]int
	for _, x := range a {
		for _, y := range b {
			out = append(out, slices.Concat(x, y))
		}
	}
	return out, nil
}

// distinctSets drops repeated sets (GROUP BY DISTINCT).
func distinctSets(sets [][]int) [][]int {
	var out [][]int
	for _, s := range sets {
		s = slices.Clone(s)
		slices.Sort(s)
		s = slices.Compact(s)
		if !slices.ContainsFunc(out, func(o []int) bool { return slices.Equal(o, s) }) {
			out = append(out, s)
		}
	}
	return out
}

// bindGrouping binds GROUPING(key, ...), of this level or an outer one.
func (b *binder) bindGrouping(ec *exprContext, n *pg.GroupingFunc) (expr.Expr, error) {
	if len(n.Args) > 31 {
		return nil, b.errorf(n.Location, pgerror.TooManyColumns, "GROUPING must have fewer than 32 arguments")
	}
	if ec.inAggregate {
		return nil, b.errorf(n.Location, pgerror.GroupingError, "aggregate function calls cannot be nested")
	}
	plan := unit()
	in := &exprContext{scope: ec.scope, plan: &plan, clause: "GROUPING"}
	args := make([]expr.Expr, len(n.Args))
	used := map[expr.ColumnID]bool{}
	for i, arg := range n.Args {
		var err error
		if args[i], err = b.bindExpr(in, arg); err != nil {
			return nil, err
		}
		expr.Columns(args[i], used)
	}
	owner, agg := levelOf(ec.scope, used), ec.agg
	switch {
	case owner != ec.scope:
		agg = owner.agg
	case agg == nil && ec.clause != "SELECT" && ec.clause != "ORDER BY" && ec.clause != "HAVING":
		return nil, b.errorf(n.Location, pgerror.GroupingError, "grouping operations are not allowed in %s", ec.clause)
	}
	call := groupingCall{col: b.newColumn("grouping", types.Of(types.Int4))}
	for i, e := range args {
		at := -1
		if agg != nil {
			at = slices.IndexFunc(agg.node.Keys, func(k expr.Expr) bool { return expr.Equal(k, e) })
		}
		if at < 0 {
			return nil, b.errorf(exprLocation(n.Args[i]), pgerror.GroupingError, "arguments to GROUPING must be grouping expressions of the associated query level")
		}
		call.keys = append(call.keys, at)
	}
	agg.calls = append(agg.calls, call)
	return call.col.Ref(), nil
}

// expandSets replaces the grouping by one grouping per set over a shared input,
// concatenated. A key that is not in a set is NULL there.
func (a *aggregation) expandSets() logical.Node {
	sets := a.sets
	if sets == nil {
		all := make([]int, len(a.node.Keys))
		for i := range all {
			all[i] = i
		}
		sets = [][]int{all}
	}
	outs := a.node.Outputs()
	for _, c := range a.calls {
		outs = append(outs, c.col)
	}
	shared := &logical.Shared{Name: "grouping sets", Input: a.pre, Refs: len(sets), Materialize: true}
	var union logical.Node
	for _, set := range sets {
		arm := a.oneSet(shared, set, outs)
		if union == nil {
			union = arm
			continue
		}
		op := &logical.SetOp{Kind: logical.Union, All: true, Left: union, Right: arm}
		for _, c := range outs {
			op.Cols = append(op.Cols, a.b.newColumn(c.Name, c.Type))
		}
		union = op
	}
	named := &logical.Project{Input: union, Cols: outs}
	for _, c := range union.Outputs() {
		named.Exprs = append(named.Exprs, c.Ref())
	}
	return named
}

// readShared reads the input of the grouping under new identities. An input that
// refers to an outer query has another result for each of its rows and is
// copied, as is one that is read only once.
func (a *aggregation) readShared(shared *logical.Shared) (logical.Node, map[expr.ColumnID]expr.ColumnID) {
	if shared.Refs == 1 || len(logical.Free(shared.Input)) > 0 {
		return logical.Renumber(shared.Input, func() expr.ColumnID { a.b.nextID++; return a.b.nextID })
	}
	ids := map[expr.ColumnID]expr.ColumnID{}
	scan := &logical.SharedScan{Of: shared}
	for _, c := range shared.Input.Outputs() {
		n := a.b.newColumn(c.Name, c.Type)
		ids[c.ID] = n.ID
		scan.Cols = append(scan.Cols, n)
	}
	return scan, ids
}

// oneSet groups the shared input by one set; its outputs are laid out as outs.
func (a *aggregation) oneSet(shared *logical.Shared, set []int, outs []logical.Column) logical.Node {
	input, ids := a.readShared(shared)
	agg := &logical.Aggregate{}
	key := map[int]logical.Column{}
	for _, i := range set {
		if _, ok := key[i]; ok {
			continue
		}
		c := a.b.newColumn(a.node.Cols[i].Name, a.node.Cols[i].Type)
		key[i] = c
		agg.Keys, agg.Cols = append(agg.Keys, a.node.Keys[i]), append(agg.Cols, c)
	}
	for _, call := range a.node.Aggs {
		call.Col = a.b.newColumn(call.Col.Name, call.Col.Type)
		agg.Aggs = append(agg.Aggs, call)
	}
	agg = logical.MapExprs(agg, func(e expr.Expr) expr.Expr { return logical.Remap(e, ids) }).(*logical.Aggregate)
	agg.Input = input
	p := &logical.Project{Input: agg}
	for i, c := range a.node.Cols {
		if k, ok := key[i]; ok {
			p.Exprs = append(p.Exprs, k.Ref())
		} else {
			p.Exprs = append(p.Exprs, &expr.Const{T: c.Type, Value: types.Null})
		}
	}
	for _, call := range agg.Aggs {
		p.Exprs = append(p.Exprs, call.Col.Ref())
	}
	for _, call := range a.calls {
		bits := int64(0)
		for _, k := range call.keys {
			bits <<= 1
			if _, ok := key[k]; !ok {
				bits |= 1
			}
		}
		p.Exprs = append(p.Exprs, &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(bits)})
	}
	for _, c := range outs {
		p.Cols = append(p.Cols, a.b.newColumn(c.Name, c.Type))
	}
	return p
}
