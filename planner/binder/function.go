package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindArgs binds a list of expressions.
func (b *binder) bindArgs(ec *exprContext, list []*pg.Node) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(list))
	for i, n := range list {
		if na := n.GetNamedArgExpr(); na != nil {
			return nil, b.errorf(na.Location, pgerror.FeatureNotSupported, "named arguments are not supported")
		}
		e, err := b.bindExpr(ec, n)
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}

// coerceArgs gives the arguments the types of the chosen overload and adds its
// defaults.
func (b *binder) coerceArgs(args []expr.Expr, nodes []*pg.Node, m function.Match) ([]expr.Expr, error) {
	out := make([]expr.Expr, 0, len(m.Args))
	for i, t := range m.Args {
		if i >= len(args) {
			d := m.Fn.Defaults[len(m.Fn.Defaults)-(len(m.Args)-i)]
			stmt, err := b.env.Catalog.Parse("SELECT " + d)
			if err != nil {
				return nil, err
			}
			b.quiet++
			e, err := b.bindExpr(&exprContext{scope: &scope{}, clause: "DEFAULT"}, stmt.TargetList[0].GetResTarget().Val)
			if err == nil {
				e, err = b.coerce(e, types.Of(t), function.Implicit, false, -1)
			}
			b.quiet--
			if err != nil {
				return nil, err
			}
			out = append(out, e)
			continue
		}
		loc := int32(-1)
		if i < len(nodes) {
			loc = exprLocation(nodes[i])
		}
		e := args[i]
		if unknownType(e.Type()) && (t == types.Any || t == types.Unknown) {
			t = types.Text
		}
		if e.Type().OID != t {
			var err error
			if e, err = b.coerce(e, types.Of(t), function.Implicit, false, loc); err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	for i := len(m.Args); i < len(args); i++ {
		// The tail of a variadic "any".
		e, err := b.resolveUnknown(args[i])
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if m.Expanded && m.Fn.Args[len(m.Fn.Args)-1] != types.Any {
		// The tail arrives as one array.
		fixed := len(m.Fn.Args) - 1
		tail := &expr.Array{Items: out[fixed:], T: types.Of(m.Fn.Args[fixed])}
		if function.IsPolymorphic(tail.T.OID) && len(tail.Items) > 0 {
			tail.T = types.Of(types.Of(tail.Items[0].Type().OID).ArrayOf().OID)
		}
		out = append(out[:fixed:fixed], tail)
	}
	return out, nil
}

// resultType is the type of a resolved call. A function that returns its
// argument's type unchanged keeps no modifier, as in PostgreSQL.
func resultType(m function.Match, _ []expr.Expr) types.Type { return types.Of(m.Ret) }

// bindFuncCall binds a function, aggregate or window call.
func (b *binder) bindFuncCall(ec *exprContext, fc *pg.FuncCall) (expr.Expr, error) {
	schema, name := functionName(fc.Funcname)
	if fc.Over != nil {
		return b.bindWindowCall(ec, fc, schema, name)
	}
	candidates := b.env.Registry.Candidates(schema, name)
	for _, c := range candidates {
		if c.Kind == function.Agg {
			return b.bindAggregate(ec, fc, schema, name)
		}
	}
	if fc.AggStar || fc.AggDistinct || fc.AggFilter != nil || len(fc.AggOrder) > 0 {
		if len(candidates) > 0 {
			what := name + "(*)"
			switch {
			case fc.AggDistinct:
				what = "DISTINCT"
			case fc.AggWithinGroup:
				what = "WITHIN GROUP"
			case len(fc.AggOrder) > 0:
				what = "ORDER BY"
			case fc.AggFilter != nil:
				what = "FILTER"
			}
			return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "%s specified, but %s is not an aggregate function", what, name)
		}
	}
	top := ec.rangeFunction
	if top {
		c := *ec
		c.rangeFunction = false
		ec = &c
	}
	args, err := b.bindArgs(ec, fc.Args)
	if err != nil {
		return nil, err
	}
	if len(args) == 1 && (schema == "" || schema == "pg_catalog") {
		if e, err, done := b.specialCall(name, args[0], fc); done {
			return e, err
		}
	}
	m, err := b.env.Registry.Function(schema, name, typeIDs(args), fc.FuncVariadic)
	if err != nil {
		return nil, b.at(err, fc.Location)
	}
	if m.Fn == nil {
		return b.coerce(args[0], types.Of(m.Ret), function.Explicit, true, fc.Location)
	}
	if m.Fn.Kind == function.WindowFn {
		return nil, b.errorf(fc.Location, pgerror.WrongObjectType, "window function %s requires an OVER clause", name)
	}
	coerced, err := b.coerceArgs(args, fc.Args, m)
	if err != nil {
		return nil, err
	}
	call := &expr.Call{Fn: m.Fn, Args: coerced, T: resultType(m, coerced), Pos: int(fc.Location)}
	if m.Fn.Kind != function.SetReturn || top {
		return call, nil
	}
	if ec.sets == nil {
		return nil, b.errorf(fc.Location, pgerror.FeatureNotSupported, "set-returning functions are not allowed in %s", ec.clause)
	}
	if len(m.Fn.RetColumns) > 1 {
		sc := logical.SetCall{Call: call, Cols: b.resultColumns(call)}
		ec.sets.calls = append(ec.sets.calls, sc)
		row := &expr.Row{T: types.Of(types.Record)}
		for _, c := range sc.Cols {
			row.Items, row.Names = append(row.Items, c.Ref()), append(row.Names, c.Name)
		}
		return row, nil
	}
	col := b.newColumn(name, call.T)
	ec.sets.calls = append(ec.sets.calls, logical.SetCall{Call: call, Cols: []logical.Column{col}})
	return col.Ref(), nil
}

// specialCall binds the functions whose answer follows from binding alone.
func (b *binder) specialCall(name string, arg expr.Expr, fc *pg.FuncCall) (expr.Expr, error, bool) {
	switch name {
	case "pg_typeof":
		return &expr.Const{T: types.Of(types.RegType), Value: types.IntDatum(int64(arg.Type().OID))}, nil, true
	case "to_regclass", "to_regtype", "to_regnamespace", "to_regrole", "to_regproc", "to_regprocedure":
		c, ok := arg.(*expr.Const)
		if !ok {
			if r, isRelabel := arg.(*expr.Relabel); isRelabel {
				c, ok = r.Arg.(*expr.Const)
			}
		}
		if !ok {
			return nil, nil, false
		}
		t := types.ByName(name[len("to_"):])
		if t == nil {
			return nil, nil, false
		}
		null := &expr.Const{T: types.Of(t.OID), Value: types.Null}
		if c.Value.Null {
			return null, nil, true
		}
		e, err := b.regConst(c.Value.S, types.Of(t.OID), fc.Location)
		if err != nil {
			return null, nil, true
		}
		return e, nil, true
	}
	return nil, nil, false
}

// bindSQLValue binds CURRENT_DATE and its kin to the functions behind them.
func (b *binder) bindSQLValue(n *pg.SQLValueFunction) (expr.Expr, error) {
	text := func(t types.OID, s string) (expr.Expr, error) {
		return &expr.Const{T: types.Of(t), Value: types.TextDatum(s)}, nil
	}
	s := b.env.Session
	fn, to := "now", types.Of(types.TimestampTZ)
	switch n.Op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE, pg.SQLValueFunctionOp_SVFOP_CURRENT_USER, pg.SQLValueFunctionOp_SVFOP_USER:
		return text(types.Name, s.CurrentUser)
	case pg.SQLValueFunctionOp_SVFOP_SESSION_USER:
		return text(types.Name, s.SessionUser)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:
		return text(types.Name, s.Database)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA:
		fn = "current_schema"
		to = types.Of(types.Name)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:
		to = types.Of(types.Date)
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N:
		to = types.Type{OID: types.TimeTZ, Mod: n.Typmod}
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N:
		to = types.Type{OID: types.TimestampTZ, Mod: n.Typmod}
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIME, pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:
		to = types.Type{OID: types.Time, Mod: n.Typmod}
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP, pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		to = types.Type{OID: types.Timestamp, Mod: n.Typmod}
	}
	m, err := b.env.Registry.Function("", fn, nil, false)
	if err != nil {
		return nil, b.at(err, n.Location)
	}
	call := &expr.Call{Fn: m.Fn, T: types.Of(m.Ret), Pos: int(n.Location)}
	return b.coerce(call, to, function.Explicit, false, n.Location)
}
