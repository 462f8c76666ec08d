package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// windowing collects the window calls of one query level; calls with the same
// partitioning and order share a node.
type windowing struct {
	b     *binder
	defs  []*pg.Node
	nodes []*logical.Window
}

// bindWindowCall binds f(...) OVER (...).
func (b *binder) bindWindowCall(ec *exprContext, fc *pg.FuncCall, schema, name string) (expr.Expr, error) {
	w := ec.win
	if w == nil {
		if ec.clause == "window arguments" {
			return nil, b.errorf(fc.Location, pgerror.WindowingError, "window function calls cannot be nested")
		}
		if ec.inAggregate && ec.clause != "FILTER" {
			return nil, b.errorf(fc.Location, pgerror.GroupingError, "aggregate function calls cannot contain window function calls")
		}
		return nil, b.errorf(fc.Location, pgerror.WindowingError, "window functions are not allowed in %s", ec.clause)
	}
	in := *ec
	in.win, in.sets, in.clause = nil, nil, "window arguments"
	if fc.AggDistinct {
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "DISTINCT is not implemented for window functions")
	}
	if fc.AggWithinGroup {
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "OVER is not supported for ordered-set aggregate %s", name)
	}
	if len(fc.AggOrder) > 0 {
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "aggregate ORDER BY is not implemented for window functions")
	}
	args, err := b.bindArgs(&in, fc.Args)
	if err != nil {
		return nil, err
	}
	m, err := b.env.Registry.Function(schema, name, typeIDs(args), fc.FuncVariadic)
	if err != nil {
		return nil, b.at(err, fc.Location)
	}
	if m.Fn.Kind != function.Agg && m.Fn.Kind != function.WindowFn {
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "OVER specified, but %s is not a window function nor an aggregate function", name)
	}
	if m.Fn.Kind == function.WindowFn && fc.AggFilter != nil {
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "FILTER is not implemented for non-aggregate window functions")
	}
	if m.Fn.Kind == function.Agg && len(args) == 0 && !fc.AggStar {
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", name)
	}
	call := logical.WindowCall{Fn: m.Fn}
	if call.Args, err = b.coerceArgs(args, fc.Args, m); err != nil {
		return nil, err
	}
	if fc.AggFilter != nil {
		if call.Filter, err = b.bindBool(&in, fc.AggFilter, "FILTER"); err != nil {
			return nil, err
		}
	}
	in.clause = "window definitions"
	def, err := w.resolve(fc.Over)
	if err != nil {
		return nil, err
	}
	node := &logical.Window{}
	for _, p := range def.PartitionClause {
		e, err := b.bindExpr(&in, p)
		if err != nil {
			return nil, err
		}
		if e, err = b.resolveUnknown(e); err != nil {
			return nil, err
		}
		node.Partition = append(node.Partition, e)
	}
	for _, o := range def.OrderClause {
		sb := o.GetSortBy()
		e, err := b.bindExpr(&in, sb.Node)
		if err != nil {
			return nil, err
		}
		if e, err = b.resolveUnknown(e); err != nil {
			return nil, err
		}
		item, err := b.sortItem(sb, 0, e.Type())
		if err != nil {
			return nil, err
		}
		node.OrderBy = append(node.OrderBy, logical.SortKey{Expr: e, Desc: item.desc, NullsFirst: item.nullsFirst})
	}
	if call.Frame, err = b.bindFrame(&in, def, node); err != nil {
		return nil, err
	}
	call.Col = b.newColumn(name, resultType(m, call.Args))
	for _, n := range w.nodes {
		if sameWindow(n, node) {
			n.Calls = append(n.Calls, call)
			return call.Col.Ref(), nil
		}
	}
	node.Calls = []logical.WindowCall{call}
	w.nodes = append(w.nodes, node)
	return call.Col.Ref(), nil
}

// resolve follows named windows.
func (w *windowing) resolve(def *pg.WindowDef) (*pg.WindowDef, error) {
	ref := def.Refname
	if def.Name != "" && len(def.PartitionClause) == 0 && len(def.OrderClause) == 0 && ref == "" {
		ref = def.Name
	}
	if ref == "" {
		return def, nil
	}
	for _, n := range w.defs {
		named := n.GetWindowDef()
		if named.Name != ref {
			continue
		}
		base := named
		if named.Refname != "" {
			var err error
			if base, err = w.resolve(&pg.WindowDef{Refname: named.Refname, OrderClause: named.OrderClause, FrameOptions: named.FrameOptions, StartOffset: named.StartOffset, EndOffset: named.EndOffset}); err != nil {
				return nil, err
			}
		}
		if def.Name != "" {
			return base, nil
		}
		if base.FrameOptions&frameNonDefault != 0 {
			e := pgerror.Newf(pgerror.WindowingError, "cannot copy window %q because it has a frame clause", ref)
			if len(def.OrderClause) == 0 && len(def.PartitionClause) == 0 && def.FrameOptions&frameNonDefault == 0 {
				e.WithHint("Omit the parentheses in this OVER clause.")
			}
			return nil, w.b.at(e, def.Location)
		}
		out := &pg.WindowDef{
			PartitionClause: base.PartitionClause, OrderClause: base.OrderClause,
			FrameOptions: def.FrameOptions, StartOffset: def.StartOffset, EndOffset: def.EndOffset,
		}
		if len(def.PartitionClause) > 0 {
			return nil, w.b.errorf(def.Location, pgerror.WindowingError, "cannot override PARTITION BY clause of window %q", ref)
		}
		if len(def.OrderClause) > 0 {
			if len(base.OrderClause) > 0 {
				return nil, w.b.errorf(def.Location, pgerror.WindowingError, "cannot override ORDER BY clause of window %q", ref)
			}
			out.OrderClause = def.OrderClause
		}
		return out, nil
	}
	return nil, w.b.errorf(def.Location, pgerror.UndefinedObject, "window %q does not exist", ref)
}

// Frame option bits of the grammar (PostgreSQL's FRAMEOPTION_*).
const (
	frameNonDefault              = 0x1
	frameRange                   = 0x2
	frameRows                    = 0x4
	frameGroups                  = 0x8
	frameStartUnboundedPreceding = 0x20
	frameStartUnboundedFollowing = 0x80
	frameEndUnboundedFollowing   = 0x100
	frameStartCurrent            = 0x200
	frameEndCurrent              = 0x400
	frameStartPreceding          = 0x800
	frameEndPreceding            = 0x1000
	frameStartFollowing          = 0x2000
	frameEndFollowing            = 0x4000
	frameExcludeCurrent          = 0x8000
	frameExcludeGroup            = 0x10000
	frameExcludeTies             = 0x20000
)

// bindFrame reads the frame of a window definition.
func (b *binder) bindFrame(ec *exprContext, def *pg.WindowDef, node *logical.Window) (physical.Frame, error) {
	o := def.FrameOptions
	f := physical.Frame{Start: physical.UnboundedPreceding, End: physical.CurrentRow}
	switch {
	case o&frameRows != 0:
		f.Mode = physical.RowsFrame
	case o&frameGroups != 0:
		f.Mode = physical.GroupsFrame
		if len(node.OrderBy) == 0 {
			return f, b.errorf(def.Location, pgerror.WindowingError, "GROUPS mode requires an ORDER BY clause")
		}
	}
	switch {
	case o&frameStartCurrent != 0:
		f.Start = physical.CurrentRow
	case o&frameStartPreceding != 0:
		f.Start = physical.OffsetPreceding
	case o&frameStartFollowing != 0:
		f.Start = physical.OffsetFollowing
	}
	switch {
	case o&frameEndUnboundedFollowing != 0:
		f.End = physical.UnboundedFollowing
	case o&frameEndPreceding != 0:
		f.End = physical.OffsetPreceding
	case o&frameEndFollowing != 0:
		f.End = physical.OffsetFollowing
	}
	switch {
	case o&frameExcludeCurrent != 0:
		f.Exclude = 'c'
	case o&frameExcludeGroup != 0:
		f.Exclude = 'g'
	case o&frameExcludeTies != 0:
		f.Exclude = 't'
	}
	offset := func(n *pg.Node) (expr.Expr, error) {
		if n == nil {
			return nil, nil
		}
		e, err := b.bindExpr(ec, n)
		if err != nil {
			return nil, err
		}
		t := types.Of(types.Int8)
		if f.Mode == physical.RangeFrame {
			if len(node.OrderBy) != 1 {
				return nil, b.errorf(def.Location, pgerror.WindowingError, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column")
			}
			key := node.OrderBy[0].Expr.Type()
			loc := exprLocation(n)
			switch key.OID {
			case types.Date, types.Time, types.TimeTZ, types.Timestamp, types.TimestampTZ, types.Interval:
				t = types.Of(types.Interval)
			case types.Int2, types.Int4, types.Int8, types.Numeric:
				t = types.Of(key.OID)
				if from := e.Type().OID; from == types.Int2 || from == types.Int4 || from == types.Int8 {
					// An offset of any width of integer fits a key of any.
					if key.OID != types.Numeric {
						t = types.Of(types.Int8)
					}
					return b.coerce(e, t, function.Explicit, false, loc)
				}
			case types.Float4, types.Float8:
				t = types.Of(key.OID)
				if from := e.Type().Category(); from == types.CategoryNumeric {
					return b.coerce(e, t, function.Explicit, false, loc)
				}
			default:
				return nil, b.errorf(loc, pgerror.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s", types.FormatOID(key.OID))
			}
			if !unknownType(e.Type()) && b.env.Registry.Coercion(e.Type().OID, t.OID, function.Implicit).Kind == function.PathNone {
				return nil, b.at(pgerror.Newf(pgerror.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s", types.FormatOID(key.OID), types.FormatOID(e.Type().OID)).
					WithHint("Cast the offset value to an appropriate type."), loc)
			}
		}
		vars := map[expr.ColumnID]bool{}
		if expr.Columns(e, vars); len(vars) > 0 {
			mode := "RANGE"
			switch f.Mode {
			case physical.RowsFrame:
				mode = "ROWS"
			case physical.GroupsFrame:
				mode = "GROUPS"
			}
			return nil, b.errorf(exprLocation(n), pgerror.InvalidColumnReference, "argument of %s must not contain variables", mode)
		}
		return b.coerce(e, t, function.Implicit, false, exprLocation(n))
	}
	var err error
	if f.StartOffset, err = offset(def.StartOffset); err != nil {
		return f, err
	}
	f.EndOffset, err = offset(def.EndOffset)
	return f, err
}

// sameWindow reports whether two nodes have the same partitioning and order.
func sameWindow(x, y *logical.Window) bool {
	if len(x.Partition) != len(y.Partition) || len(x.OrderBy) != len(y.OrderBy) {
		return false
	}
	for i := range x.Partition {
		if !expr.Equal(x.Partition[i], y.Partition[i]) {
			return false
		}
	}
	for i := range x.OrderBy {
		a, c := x.OrderBy[i], y.OrderBy[i]
		if a.Desc != c.Desc || a.NullsFirst != c.NullsFirst || !expr.Equal(a.Expr, c.Expr) {
			return false
		}
	}
	return true
}

// mapExprs applies f to every expression of the collected calls.
func (w *windowing) mapExprs(f func(expr.Expr) (expr.Expr, error)) error {
	var first error
	for i, n := range w.nodes {
		w.nodes[i] = logical.MapExprs(n, func(e expr.Expr) expr.Expr {
			out, err := f(e)
			if err != nil && first == nil {
				first = err
			}
			return out
		}).(*logical.Window)
	}
	return first
}

// place puts the window nodes on top of plan.
func (w *windowing) place(plan logical.Node) logical.Node {
	for _, n := range w.nodes {
		n.Input = plan
		plan = n
	}
	return plan
}

// setCalls collects the set-returning calls of a select list.
type setCalls struct{ calls []logical.SetCall }

// mapExprs applies f to the arguments of the calls.
func (s *setCalls) mapExprs(f func(expr.Expr) (expr.Expr, error)) error {
	for i, c := range s.calls {
		call := *c.Call
		call.Args = append([]expr.Expr(nil), call.Args...)
		for j := range call.Args {
			var err error
			if call.Args[j], err = f(call.Args[j]); err != nil {
				return err
			}
		}
		s.calls[i].Call = &call
	}
	return nil
}

// place puts the calls on top of plan: calls in the arguments of others first,
// each level in step.
func (s *setCalls) place(plan logical.Node) logical.Node {
	level := map[expr.ColumnID]int{}
	var levels [][]logical.SetCall
	for _, c := range s.calls {
		used := map[expr.ColumnID]bool{}
		expr.Columns(c.Call, used)
		at := 0
		for id := range used {
			if l, ok := level[id]; ok {
				at = max(at, l+1)
			}
		}
		for _, col := range c.Cols {
			level[col.ID] = at
		}
		for len(levels) <= at {
			levels = append(levels, nil)
		}
		levels[at] = append(levels[at], c)
	}
	for _, calls := range levels {
		plan = &logical.ProjectSet{Input: plan, Calls: calls}
	}
	return plan
}
