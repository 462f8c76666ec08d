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
			e, err := b.bindDefault(m.Fn, i, t)
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
		if t == types.Record && e.Type().OID.IsComposite() {
			out = append(out, e) // the type gives its fields their names
			continue
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
	if hypothetical(schema, name) && (fc.AggWithinGroup || len(fc.Args) > 0) {
		return b.bindHypothetical(ec, fc, name)
	}
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
	if named(fc.Args) {
		if fc, err := b.positional(ec, fc, schema, name); err != nil {
			return nil, err
		} else if fc != nil {
			if top {
				c := *ec
				c.rangeFunction = true
				ec = &c
			}
			return b.bindFuncCall(ec, fc)
		}
	}
	args, err := b.bindArgs(ec, fc.Args)
	if err != nil {
		return nil, err
	}
	if len(args) == 1 && (schema == "" || schema == "pg_catalog") {
		if e, done := b.specialCall(name, args[0], fc); done {
			return e, nil
		}
	}
	m, err := b.env.Registry.Function(schema, name, typeIDs(args), fc.FuncVariadic)
	if err != nil {
		if e := b.projection(fc, args); e != nil {
			return e, nil
		}
		if f, ferr := b.userFunction(fc, args); ferr != nil {
			return nil, ferr
		} else if f != nil {
			return b.inline(ec, f, args, fc.Location)
		}
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
	if fc.FuncVariadic && m.Fn.Args[len(m.Fn.Args)-1] == types.Any {
		if last := coerced[len(coerced)-1].Type(); !last.IsArray() {
			return nil, b.errorf(exprLocation(fc.Args[len(fc.Args)-1]), pgerror.DatatypeMismatch, "VARIADIC argument must be an array")
		}
		spread := *m.Fn
		spread.Kernel = function.Spread(m.Fn.Kernel, m.Fn.Name == "format")
		m.Fn = &spread
	}
	if rows := jsonRowArgs(m.Fn.Name); rows != nil {
		if m, coerced, err = b.rowsAsJSON(schema, name, m, coerced, rows, fc); err != nil {
			return nil, err
		}
	}
	call := &expr.Call{Fn: m.Fn, Args: coerced, T: resultType(m, coerced), Pos: int(fc.Location)}
	if m.Fn.Kind != function.SetReturn || top {
		return call, nil
	}
	if e := b.keySet(ec, call); e != nil {
		return e, nil
	}
	if ec.sets == nil {
		return nil, b.setNotAllowed(ec, fc.Location)
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

// keySet returns the column of a set-returning call that the grouping computed
// already, as one of its keys, nil for another call.
func (b *binder) keySet(ec *exprContext, call *expr.Call) expr.Expr {
	agg := ec.scope.agg
	if agg == nil || !agg.used {
		return nil
	}
	for _, have := range agg.keySets.calls {
		if len(have.Cols) == 1 && expr.Equal(have.Call, call) {
			return have.Cols[0].Ref()
		}
	}
	return nil
}

// specialCall binds the functions whose answer follows from binding alone.
func (b *binder) specialCall(name string, arg expr.Expr, fc *pg.FuncCall) (expr.Expr, bool) {
	switch name {
	case "pg_typeof":
		t := arg.Type().OID
		if d := arg.Type().Domain; d != 0 {
			t = d
		}
		return &expr.Const{T: types.Of(types.RegType), Value: types.IntDatum(int64(t))}, true
	case "to_regclass", "to_regtype", "to_regnamespace", "to_regrole", "to_regproc", "to_regprocedure":
		c, ok := arg.(*expr.Const)
		if !ok {
			if r, isRelabel := arg.(*expr.Relabel); isRelabel {
				c, ok = r.Arg.(*expr.Const)
			}
		}
		if !ok {
			return nil, false
		}
		t := types.ByName(name[len("to_"):])
		if t == nil {
			return nil, false
		}
		null := &expr.Const{T: types.Of(t.OID), Value: types.Null}
		if c.Value.Null {
			return null, true
		}
		e, err := b.regConst(c.Value.S, types.Of(t.OID), fc.Location)
		if err != nil {
			return null, true
		}
		return e, true
	}
	return nil, false
}

// bindSQLValue binds CURRENT_DATE and its kin to the functions behind them.
func (b *binder) bindSQLValue(n *pg.SQLValueFunction) (expr.Expr, error) {
	text := func(t types.OID, s string) (expr.Expr, error) {
		return &expr.Const{T: types.Of(t), Value: types.TextDatum(s)}, nil
	}
	b.personal++
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

// bindDefault binds the default of argument i of a function.
func (b *binder) bindDefault(fn *function.Overload, i int, t types.OID) (expr.Expr, error) {
	n, err := b.defaultNode(fn, i)
	if err != nil {
		return nil, err
	}
	b.quiet++
	defer func() { b.quiet-- }()
	e, err := b.bindExpr(&exprContext{scope: &scope{}, clause: "DEFAULT"}, n)
	if err != nil {
		return nil, err
	}
	return b.coerce(e, types.Of(t), function.Implicit, false, -1)
}

// defaultNode parses the default of argument i of a function.
func (b *binder) defaultNode(fn *function.Overload, i int) (*pg.Node, error) {
	stmt, err := b.env.Catalog.Parse("SELECT " + fn.Defaults[len(fn.Defaults)-(len(fn.Args)-i)])
	if err != nil {
		return nil, err
	}
	return stmt.TargetList[0].GetResTarget().Val, nil
}

// named reports whether a call names arguments.
func named(args []*pg.Node) bool {
	return slices.ContainsFunc(args, func(n *pg.Node) bool { return n.GetNamedArgExpr() != nil })
}

// positional puts the named arguments of a call into their places and the
// defaults into the places between. It fails when no function has these names.
func (b *binder) positional(ec *exprContext, fc *pg.FuncCall, schema, name string) (*pg.FuncCall, error) {
	first, used := -1, map[string]bool{}
	for i, a := range fc.Args {
		na := a.GetNamedArgExpr()
		switch {
		case na == nil && first >= 0:
			return nil, b.errorf(exprLocation(a), pgerror.SyntaxError, "positional argument cannot follow named argument")
		case na == nil:
			continue
		case used[na.Name]:
			return nil, b.errorf(na.Location, pgerror.SyntaxError, "argument name %q used more than once", na.Name)
		case first < 0:
			first = i
		}
		used[na.Name] = true
	}
	for _, fn := range b.env.Registry.Candidates(schema, name) {
		out, err := b.placed(fn, fc.Args, first)
		if err != nil {
			return nil, err
		}
		if out != nil {
			return &pg.FuncCall{Funcname: fc.Funcname, Args: out, Location: fc.Location, Funcformat: fc.Funcformat}, nil
		}
	}
	var shown []string
	for _, a := range fc.Args {
		n, label := a, ""
		if na := a.GetNamedArgExpr(); na != nil {
			n, label = na.Arg, na.Name+" => "
		}
		e, err := b.bindExpr(ec, n)
		if err != nil {
			return nil, err
		}
		shown = append(shown, label+types.FormatOID(e.Type().OID))
	}
	return nil, b.at(pgerror.Newf(pgerror.UndefinedFunction, "function %s(%s) does not exist", name, strings.Join(shown, ", ")).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts."), fc.Location)
}

// placed orders the arguments as fn declares them, nil when they do not fit.
func (b *binder) placed(fn *function.Overload, args []*pg.Node, first int) ([]*pg.Node, error) {
	if fn.Variadic || len(fn.ArgNames) != len(fn.Args) || len(args) > len(fn.Args) {
		return nil, nil
	}
	out := make([]*pg.Node, len(fn.Args))
	copy(out, args[:first])
	last := first - 1
	for _, a := range args[first:] {
		na := a.GetNamedArgExpr()
		i := slices.Index(fn.ArgNames, na.Name)
		if i < first {
			return nil, nil
		}
		out[i] = na.Arg
		last = max(last, i)
	}
	for i := range out {
		switch {
		case out[i] != nil:
		case i < len(fn.Args)-len(fn.Defaults):
			return nil, nil
		case i < last:
			var err error
			if out[i], err = b.defaultNode(fn, i); err != nil {
				return nil, err
			}
		}
	}
	return out[:last+1], nil
}

// setNotAllowed is the error of a set-returning call where none may stand.
func (b *binder) setNotAllowed(ec *exprContext, loc int32) error {
	hint := "You might be able to move the set-returning function into a LATERAL FROM item."
	switch {
	case ec.inAggregate:
		return b.at(pgerror.New(pgerror.FeatureNotSupported, "aggregate function calls cannot contain set-returning function calls").WithHint("%s", hint), loc)
	case ec.clause == "window arguments" || ec.clause == "window definitions":
		return b.at(pgerror.New(pgerror.FeatureNotSupported, "window function calls cannot contain set-returning function calls").WithHint("%s", hint), loc)
	case ec.clause == "functions in FROM":
		return b.errorf(loc, pgerror.FeatureNotSupported, "set-returning functions must appear at top level of FROM")
	case ec.clause == "CASE" || ec.clause == "COALESCE":
		return b.at(pgerror.Newf(pgerror.FeatureNotSupported, "set-returning functions are not allowed in %s", ec.clause).WithHint("%s", hint), loc)
	}
	return b.errorf(loc, pgerror.FeatureNotSupported, "set-returning functions are not allowed in %s", ec.clause)
}
