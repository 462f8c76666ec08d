package binder

import (
	"math"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// exprContext says where an expression stands and what it may contain.
type exprContext struct {
	scope *scope
	// plan is where subqueries attach; nil when none are allowed.
	plan   *logical.Node
	clause string
	// agg takes aggregate calls; nil when none are allowed.
	agg         *aggregation
	inAggregate bool
	win         *windowing
	// sets takes set-returning calls of a select list.
	sets *setCalls
	// rangeFunction lets the outermost call be set-returning.
	rangeFunction bool
	// guard are the conditions under which the expression is evaluated at all: those
	// of the branches of CASE, COALESCE, AND and OR around it.
	guard []expr.Expr
}

// bindBool binds a condition and coerces it to boolean.
func (b *binder) bindBool(ec *exprContext, n *pg.Node, what string) (expr.Expr, error) {
	e, err := b.bindExpr(ec, n)
	if err != nil {
		return nil, err
	}
	return b.toBool(e, what, exprLocation(n))
}

// toBool coerces to boolean with the error text of the clause.
func (b *binder) toBool(e expr.Expr, what string, loc int32) (expr.Expr, error) {
	if e.Type().OID == types.Bool {
		return e, nil
	}
	if unknownType(e.Type()) {
		return b.coerce(e, types.Of(types.Bool), function.Implicit, false, loc)
	}
	return nil, b.errorf(loc, pgerror.DatatypeMismatch, "argument of %s must be type boolean, not type %s", what, types.FormatType(types.Of(e.Type().OID)))
}

// bindExpr binds any expression.
func (b *binder) bindExpr(ec *exprContext, n *pg.Node) (expr.Expr, error) {
	leave, err := b.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if ec.rangeFunction {
		if n.GetFuncCall() == nil {
			c := *ec
			c.rangeFunction = false
			ec = &c
		}
	}
	switch n := n.GetNode().(type) {
	case *pg.Node_AConst:
		if err := b.checkNumber(n.AConst); err != nil {
			return nil, err
		}
		e, err := b.bindConst(n.AConst)
		if c, ok := e.(*expr.Const); ok && b.quiet == 0 {
			if b.literals == nil {
				b.literals = map[*expr.Const]int32{}
			}
			b.literals[c] = n.AConst.Location
		}
		return e, err
	case *pg.Node_ColumnRef:
		return b.bindColumnRef(ec, n.ColumnRef)
	case *pg.Node_ParamRef:
		if len(b.calls) > 0 {
			if k := int(n.ParamRef.Number); k <= len(b.arguments) && k > 0 {
				return b.arguments[k-1].Ref(), nil
			}
			return nil, b.errorf(n.ParamRef.Location, pgerror.UndefinedParameter, "there is no parameter $%d", n.ParamRef.Number)
		}
		return b.bindParam(n.ParamRef)
	case *pg.Node_TypeCast:
		return b.bindTypeCast(ec, n.TypeCast)
	case *pg.Node_AExpr:
		return b.bindAExpr(ec, n.AExpr)
	case *pg.Node_BoolExpr:
		return b.bindBoolExpr(ec, n.BoolExpr)
	case *pg.Node_FuncCall:
		return b.bindFuncCall(ec, n.FuncCall)
	case *pg.Node_NullTest:
		return b.bindNullTest(ec, n.NullTest)
	case *pg.Node_BooleanTest:
		return b.bindBooleanTest(ec, n.BooleanTest)
	case *pg.Node_CaseExpr:
		return b.bindCase(withoutSets(ec, "CASE"), n.CaseExpr)
	case *pg.Node_CoalesceExpr:
		ec = withoutSets(ec, "COALESCE")
		args, t, err := b.bindCoalesceArgs(ec, n.CoalesceExpr.Args)
		if err != nil {
			return nil, err
		}
		return &expr.Coalesce{Args: args, T: t}, nil
	case *pg.Node_MinMaxExpr:
		return b.bindMinMax(ec, n.MinMaxExpr)
	case *pg.Node_SubLink:
		return b.bindSubLink(ec, n.SubLink)
	case *pg.Node_SqlvalueFunction:
		return b.bindSQLValue(n.SqlvalueFunction)
	case *pg.Node_AArrayExpr:
		return b.bindArray(ec, n.AArrayExpr)
	case *pg.Node_RowExpr:
		row, err := b.bindRow(ec, n.RowExpr)
		if err != nil {
			return nil, err
		}
		return row, b.resolveRow(row)
	case *pg.Node_AIndirection:
		return b.bindIndirection(ec, n.AIndirection)
	case *pg.Node_CollateClause:
		return b.bindCollate(ec, n.CollateClause)
	case *pg.Node_SetToDefault:
		return nil, b.errorf(n.SetToDefault.Location, pgerror.SyntaxError, "DEFAULT is not allowed in this context")
	case *pg.Node_GroupingFunc:
		return b.bindGrouping(ec, n.GroupingFunc)
	case *pg.Node_XmlExpr, *pg.Node_XmlSerialize:
		return nil, pgerror.NotSupported("XML expressions are not supported")
	case *pg.Node_CurrentOfExpr:
		return nil, pgerror.NotSupported("WHERE CURRENT OF is not supported")
	}
	return nil, pgerror.NotSupported("this kind of expression is not supported")
}

// withoutSets is the context of a construct whose parts are not all evaluated:
// set-returning calls may not stand in it.
func withoutSets(ec *exprContext, construct string) *exprContext {
	if ec.sets == nil {
		return ec
	}
	c := *ec
	c.sets, c.clause = nil, construct
	return &c
}

// bindRow binds ROW(...); the types of literals in it stay open.
func (b *binder) bindRow(ec *exprContext, n *pg.RowExpr) (*expr.Row, error) {
	var items []expr.Expr
	for _, a := range n.Args {
		// ROW(t.*) has the columns of t, not one field that is a row.
		if cr := a.GetColumnRef(); cr != nil && cr.Fields[len(cr.Fields)-1].GetAStar() != nil {
			cols, err := b.expandStar(cr, ec.scope)
			if err != nil {
				return nil, err
			}
			for _, c := range cols {
				items = append(items, b.columnAt(c, cr.Location))
			}
			continue
		}
		e, err := b.bindOperand(ec, a)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	row := &expr.Row{Items: items, T: types.Of(types.Record)}
	for i := range items {
		row.Names = append(row.Names, "f"+itoa(i+1))
	}
	return row, nil
}

// bindOperand binds an operand of a comparison: the literals of a row take their
// types from the other side.
func (b *binder) bindOperand(ec *exprContext, n *pg.Node) (expr.Expr, error) {
	if r := n.GetRowExpr(); r != nil {
		return b.bindRow(ec, r)
	}
	return b.bindExpr(ec, n)
}

// resolveRow makes text of the literals of a row whose types nothing has settled.
func (b *binder) resolveRow(row *expr.Row) error {
	for i, it := range row.Items {
		if inner, ok := it.(*expr.Row); ok {
			if err := b.resolveRow(inner); err != nil {
				return err
			}
			continue
		}
		var err error
		if row.Items[i], err = b.resolveUnknown(it); err != nil {
			return err
		}
	}
	return nil
}

// bindConst binds a literal.
func (b *binder) bindConst(c *pg.A_Const) (expr.Expr, error) {
	if c.Isnull {
		return &expr.Const{T: types.Of(types.Unknown), Value: types.Null}, nil
	}
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(int64(v.Ival.Ival))}, nil
	case *pg.A_Const_Fval:
		return b.numberConst(v.Fval.Fval, c.Location)
	case *pg.A_Const_Boolval:
		return &expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(v.Boolval.Boolval)}, nil
	case *pg.A_Const_Sval:
		return &expr.Const{T: types.Of(types.Unknown), Value: types.TextDatum(v.Sval.Sval)}, nil
	case *pg.A_Const_Bsval:
		d, err := types.ParseText(types.Of(types.Bit), v.Bsval.Bsval, b.env.Session.Format())
		if err != nil {
			return nil, b.at(err, c.Location)
		}
		return &expr.Const{T: types.Of(types.Bit), Value: d}, nil
	}
	// The protobuf form leaves out an integer zero.
	return &expr.Const{T: types.Of(types.Int4)}, nil
}

// checkNumber refuses the notations of numbers that PostgreSQL 15 does not have:
// other bases than ten, and underscores between digits.
func (b *binder) checkNumber(c *pg.A_Const) error {
	at := int(c.Location)
	if c.Isnull || at < 0 || at >= len(b.text) || b.quiet > 0 || b.text[at] < '0' || b.text[at] > '9' {
		return nil
	}
	end := at
	for end < len(b.text) && wordByte(b.text[end]) {
		end++
	}
	word := b.text[at:end]
	if strings.Contains(word, "_") || len(word) > 1 && strings.ContainsRune("xXoObB", rune(word[1])) {
		return b.errorf(c.Location, pgerror.SyntaxError, "trailing junk after numeric literal at or near \"%s\"", word)
	}
	return nil
}

// wordByte reports whether c may stand in an identifier.
func wordByte(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// numberConst types a number that is not an int4: int8 when it fits, else
// numeric.
func (b *binder) numberConst(text string, loc int32) (expr.Expr, error) {
	clean := strings.ReplaceAll(text, "_", "")
	if i, err := strconv.ParseInt(clean, 0, 64); err == nil && !strings.ContainsAny(clean, ".eE") || err == nil && strings.HasPrefix(clean, "0x") {
		t := types.Int8
		if i >= math.MinInt32 && i <= math.MaxInt32 {
			t = types.Int4
		}
		return &expr.Const{T: types.Of(t), Value: types.IntDatum(i)}, nil
	}
	d, err := types.ParseText(types.Of(types.Numeric), clean, b.env.Session.Format())
	if err != nil {
		return nil, b.at(err, loc)
	}
	return &expr.Const{T: types.Of(types.Numeric), Value: d}, nil
}

// bindColumnRef resolves a name.
func (b *binder) bindColumnRef(ec *exprContext, cr *pg.ColumnRef) (expr.Expr, error) {
	if cr.Fields[len(cr.Fields)-1].GetAStar() != nil {
		return b.starRow(ec, cr)
	}
	parts := names(cr.Fields)
	if len(parts) == 1 {
		hit, err := ec.scope.lookupColumn(parts[0])
		if err != nil {
			return nil, b.at(err, cr.Location)
		}
		if hit != nil {
			return b.columnAt(hit.col, cr.Location), nil
		}
		it, err := ec.scope.lookupItem("", parts[0])
		if err != nil {
			return nil, b.at(err, cr.Location)
		}
		if it != nil {
			return b.wholeRow(it, cr.Location)
		}
		return nil, b.undefinedColumn(ec.scope, parts[0], cr.Location)
	}
	col, table, schema := parts[len(parts)-1], parts[len(parts)-2], ""
	if len(parts) > 2 {
		schema = parts[len(parts)-3]
	}
	it, err := ec.scope.lookupItem(schema, table)
	if err != nil {
		return nil, b.at(err, cr.Location)
	}
	if it == nil {
		return nil, b.missingTable(ec.scope, table, cr.Location)
	}
	c, err := it.column(col)
	if err != nil {
		return nil, b.at(err, cr.Location)
	}
	if c == nil {
		return nil, b.errorf(cr.Location, pgerror.UndefinedColumn, "column %s.%s does not exist", table, col)
	}
	return b.columnAt(*c, cr.Location), nil
}

// columnAt reads a column and remembers where it was named.
func (b *binder) columnAt(c scopeColumn, loc int32) expr.Expr {
	if b.quiet == 0 {
		if b.locations == nil {
			b.locations = map[expr.ColumnID]int32{}
		}
		b.locations[c.ID] = loc
	}
	if c.item != nil {
		if b.itemOf == nil {
			b.itemOf = map[expr.ColumnID]string{}
		}
		b.itemOf[c.ID] = c.item.alias
	}
	return b.reader(c)
}

// locationOf is where a column was last named, -1 when unknown.
func (b *binder) locationOf(id expr.ColumnID) int32 {
	if l, ok := b.locations[id]; ok {
		return l
	}
	return -1
}

// qualified names a column as PostgreSQL's errors do: table.column.
func (b *binder) qualified(c *expr.Column) string {
	if a := b.itemOf[c.ID]; a != "" {
		return a + "." + c.Name
	}
	return c.Name
}

// undefinedColumn is 42703 with PostgreSQL's hint when a similar name exists.
func (b *binder) undefinedColumn(s *scope, name string, loc int32) error {
	e := pgerror.Newf(pgerror.UndefinedColumn, "column %q does not exist", name)
	best, table, dist := "", "", 4
	for at := s; at != nil; at = at.parent {
		for _, it := range at.items {
			for _, c := range it.cols {
				if d := editDistance(name, c.Name, dist); d < dist && d <= len(name)/2 {
					best, table, dist = c.Name, it.alias, d
				}
			}
		}
	}
	if best != "" {
		e.WithHint("Perhaps you meant to reference the column \"%s.%s\".", table, best)
	}
	return b.at(e, loc)
}

// missingTable is 42P01 for a qualified column of an unknown table.
func (b *binder) missingTable(s *scope, table string, loc int32) error {
	for at := s; at != nil; at = at.parent {
		for _, it := range at.unreachable {
			if it.alias == table {
				return b.at(pgerror.Newf(pgerror.UndefinedTable, "invalid reference to FROM-clause entry for table %q", table).
					WithDetail("There is an entry for table %q, but it cannot be referenced from this part of the query.", table), loc)
			}
		}
		for _, it := range at.items {
			if it.relation == table {
				return b.at(pgerror.Newf(pgerror.UndefinedTable, "invalid reference to FROM-clause entry for table %q", table).
					WithHint("Perhaps you meant to reference the table alias %q.", it.alias), loc)
			}
		}
	}
	return b.errorf(loc, pgerror.UndefinedTable, "missing FROM-clause entry for table %q", table)
}

// bindParam binds $n.
func (b *binder) bindParam(p *pg.ParamRef) (expr.Expr, error) {
	n := int(p.Number)
	if end := int(p.Location) + 1; p.Location >= 0 && b.quiet == 0 {
		for end < len(b.text) && b.text[end] >= '0' && b.text[end] <= '9' {
			end++
		}
		if end < len(b.text) && wordByte(b.text[end]) {
			for end < len(b.text) && wordByte(b.text[end]) {
				end++
			}
			return nil, b.errorf(p.Location, pgerror.SyntaxError, "trailing junk after parameter at or near \"%s\"", b.text[p.Location:end])
		}
	}
	if n < 1 || n > math.MaxUint16 {
		return nil, b.errorf(p.Location, pgerror.UndefinedParameter, "there is no parameter $%d", n)
	}
	if b.quiet > 0 {
		return nil, pgerror.Newf(pgerror.UndefinedParameter, "there is no parameter $%d", n)
	}
	for len(b.params) < n {
		b.params = append(b.params, types.Unknown)
	}
	if b.params[n-1] == 0 {
		b.params[n-1] = types.Unknown
	}
	return &expr.Param{N: n, T: types.Of(b.params[n-1])}, nil
}

// bindTypeCast binds expr::type and type 'literal'.
func (b *binder) bindTypeCast(ec *exprContext, tc *pg.TypeCast) (expr.Expr, error) {
	t, err := b.resolveType(tc.TypeName)
	if err != nil {
		return nil, err
	}
	if arr := tc.Arg.GetAArrayExpr(); arr != nil && t.IsArray() {
		if _, array, _, _ := t.Domain.User(); array || t.Domain == 0 {
			return b.bindArrayAs(ec, arr, t)
		}
		plain := t
		plain.Domain = 0
		e, err := b.bindArrayAs(ec, arr, plain)
		if err != nil {
			return nil, err
		}
		return b.coerce(e, t, function.Explicit, true, tc.Location)
	}
	e, err := b.bindOperand(ec, tc.Arg)
	if err != nil {
		return nil, err
	}
	if row, ok := e.(*expr.Row); ok && !t.OID.IsComposite() {
		if err := b.resolveRow(row); err != nil {
			return nil, err
		}
	}
	loc := tc.Location
	if loc < 0 {
		loc = exprLocation(tc.Arg)
	}
	return b.coerce(e, t, function.Explicit, true, loc)
}

// bindBoolExpr binds AND, OR, NOT.
func (b *binder) bindBoolExpr(ec *exprContext, e *pg.BoolExpr) (expr.Expr, error) {
	op, word := expr.And, "AND"
	switch e.Boolop {
	case pg.BoolExprType_OR_EXPR:
		op, word = expr.Or, "OR"
	case pg.BoolExprType_NOT_EXPR:
		op, word = expr.Not, "NOT"
	}
	out := &expr.Logic{Op: op}
	for _, a := range e.Args {
		x, err := b.bindBool(ec, a, word)
		if err != nil {
			return nil, err
		}
		switch op {
		case expr.And:
			if ec.clause != "SELECT" && len(ec.guard) == 0 {
				break // the optimizer evaluates the others first
			}
			ec = ec.guarded(&expr.BoolTest{Arg: x, Value: types.BoolDatum(false), Not: true})
		case expr.Or:
			ec = ec.guarded(not(x))
		}
		if l, ok := x.(*expr.Logic); ok && l.Op == op && op != expr.Not {
			out.Args = append(out.Args, l.Args...)
			continue
		}
		out.Args = append(out.Args, x)
	}
	if op == expr.Not {
		switch x := out.Args[0].(type) {
		case *expr.InList:
			c := *x
			c.Not = !x.Not
			return &c, nil
		case *expr.NullTest:
			return &expr.NullTest{Arg: x.Arg, Not: !x.Not}, nil
		}
	}
	return out, nil
}

// bindNullTest binds IS [NOT] NULL; on a row it looks at every field.
func (b *binder) bindNullTest(ec *exprContext, n *pg.NullTest) (expr.Expr, error) {
	e, err := b.bindExpr(ec, n.Arg)
	if err != nil {
		return nil, err
	}
	not := n.Nulltesttype == pg.NullTestType_IS_NOT_NULL
	if r, ok := b.sparseRow(e); ok {
		var all []expr.Expr
		for _, it := range r.Items {
			all = append(all, &expr.NullTest{Arg: it, Not: not})
		}
		if len(all) == 0 {
			return &expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(!not)}, nil
		}
		return expr.JoinAnd(all), nil
	}
	if e.Type().IsRow() {
		want := &expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(!not)}
		return b.hubCall("record_nulls", []expr.Expr{e, want}, types.Of(types.Bool), n.Location)
	}
	return &expr.NullTest{Arg: e, Not: not}, nil
}

// bindBooleanTest binds IS [NOT] TRUE, FALSE, UNKNOWN.
func (b *binder) bindBooleanTest(ec *exprContext, n *pg.BooleanTest) (expr.Expr, error) {
	e, err := b.bindExpr(ec, n.Arg)
	if err != nil {
		return nil, err
	}
	word := map[pg.BoolTestType]string{
		pg.BoolTestType_IS_TRUE: "IS TRUE", pg.BoolTestType_IS_NOT_TRUE: "IS NOT TRUE",
		pg.BoolTestType_IS_FALSE: "IS FALSE", pg.BoolTestType_IS_NOT_FALSE: "IS NOT FALSE",
		pg.BoolTestType_IS_UNKNOWN: "IS UNKNOWN", pg.BoolTestType_IS_NOT_UNKNOWN: "IS NOT UNKNOWN",
	}[n.Booltesttype]
	if e, err = b.toBool(e, word, exprLocation(n.Arg)); err != nil {
		return nil, err
	}
	t := &expr.BoolTest{Arg: e, Not: strings.Contains(word, "NOT")}
	switch {
	case strings.HasSuffix(word, "TRUE"):
		t.Value = types.BoolDatum(true)
	case strings.HasSuffix(word, "FALSE"):
		t.Value = types.BoolDatum(false)
	default:
		t.Value = types.Null
	}
	return t, nil
}

// bindCase binds CASE; the simple form becomes comparisons.
func (b *binder) bindCase(ec *exprContext, n *pg.CaseExpr) (expr.Expr, error) {
	var arg expr.Expr
	var err error
	if n.Arg != nil {
		if arg, err = b.bindExpr(ec, n.Arg); err != nil {
			return nil, err
		}
		if arg, err = b.resolveUnknown(arg); err != nil {
			return nil, err
		}
	}
	out := &expr.Case{}
	nodes := make([]*pg.Node, 0, len(n.Args)+1)
	var results []expr.Expr
	for _, a := range n.Args {
		w := a.GetCaseWhen()
		var cond expr.Expr
		if arg != nil {
			v, err := b.bindExpr(ec, w.Expr)
			if err != nil {
				return nil, err
			}
			if cond, err = b.bindOperator("=", arg, v, w.Location); err != nil {
				return nil, err
			}
		} else if cond, err = b.bindBool(ec, w.Expr, "CASE/WHEN"); err != nil {
			return nil, err
		}
		out.Whens = append(out.Whens, expr.When{Cond: cond})
		r, err := b.bindArgs(ec.guarded(&expr.BoolTest{Arg: cond, Value: types.BoolDatum(true)}), []*pg.Node{w.Result})
		if err != nil {
			return nil, err
		}
		nodes, results = append(nodes, w.Result), append(results, r...)
		ec = ec.guarded(not(cond))
	}
	if n.Defresult != nil {
		// PostgreSQL looks at the ELSE result first when it chooses the type.
		r, err := b.bindArgs(ec, []*pg.Node{n.Defresult})
		if err != nil {
			return nil, err
		}
		nodes, results = append([]*pg.Node{n.Defresult}, nodes...), append(r, results...)
	}
	t, err := b.makeCommon(results, nodes, "CASE")
	if err != nil {
		return nil, err
	}
	out.T = t
	if n.Defresult != nil {
		out.Else, results = results[0], results[1:]
	}
	for i := range out.Whens {
		out.Whens[i].Result = results[i]
	}
	return out, nil
}

// bindCommon binds expressions and gives them one type.
func (b *binder) bindCommon(ec *exprContext, list []*pg.Node, context string) ([]expr.Expr, types.Type, error) {
	args, err := b.bindArgs(ec, list)
	if err != nil {
		return nil, types.Type{}, err
	}
	t, err := b.makeCommon(args, list, context)
	return args, t, err
}

// bindCoalesceArgs binds the arguments of COALESCE: each but the first is
// evaluated when those before it are NULL.
func (b *binder) bindCoalesceArgs(ec *exprContext, list []*pg.Node) ([]expr.Expr, types.Type, error) {
	var args []expr.Expr
	for _, n := range list {
		e, err := b.bindArgs(ec, []*pg.Node{n})
		if err != nil {
			return nil, types.Type{}, err
		}
		args = append(args, e...)
		ec = ec.guarded(&expr.NullTest{Arg: e[0]})
	}
	t, err := b.makeCommon(args, list, "COALESCE")
	return args, t, err
}

// makeCommon gives bound expressions one type.
func (b *binder) makeCommon(args []expr.Expr, list []*pg.Node, context string) (types.Type, error) {
	t, err := b.commonType(args, list, context)
	if err != nil {
		return t, err
	}
	for i := range args {
		if args[i], err = b.coerce(args[i], t, function.Implicit, false, exprLocation(list[i])); err != nil {
			return t, err
		}
	}
	return t, nil
}

// commonType is section 10.5; the modifier survives when all agree.
func (b *binder) commonType(args []expr.Expr, list []*pg.Node, context string) (types.Type, error) {
	same := true
	for _, a := range args {
		same = same && a.Type() == args[0].Type()
	}
	if same && !unknownType(args[0].Type()) {
		return args[0].Type(), nil
	}
	oid, err := b.env.Registry.CommonType(context, typeIDs(args))
	if err != nil {
		loc := int32(-1)
		for i, a := range args {
			if i > 0 && a.Type().OID != args[0].Type().OID && !unknownType(a.Type()) {
				loc = exprLocation(list[i])
				break
			}
		}
		return types.Type{}, b.at(err, loc)
	}
	return types.Of(oid), nil
}

// bindMinMax binds GREATEST and LEAST.
func (b *binder) bindMinMax(ec *exprContext, n *pg.MinMaxExpr) (expr.Expr, error) {
	word, greatest := "LEAST", false
	if n.Op == pg.MinMaxOp_IS_GREATEST {
		word, greatest = "GREATEST", true
	}
	args, t, err := b.bindCommon(ec, n.Args, word)
	if err != nil {
		return nil, err
	}
	m, err := b.env.Registry.Less(t.OID)
	if err != nil {
		return nil, b.at(err, n.Location)
	}
	return &expr.MinMax{Args: args, Greatest: greatest, Less: m.Fn, T: t}, nil
}

// bindArray binds ARRAY[...].
func (b *binder) bindArray(ec *exprContext, n *pg.A_ArrayExpr) (expr.Expr, error) {
	if len(n.Elements) == 0 {
		return nil, b.at(pgerror.New(pgerror.IndeterminateDatatype, "cannot determine type of empty array").
			WithHint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."), n.Location)
	}
	items, t, err := b.bindCommon(ec, n.Elements, "ARRAY")
	if err != nil {
		return nil, err
	}
	if t.IsArray() {
		return &expr.Array{Items: items, T: t}, nil
	}
	at := t.ArrayOf()
	if at.OID == 0 {
		return nil, b.errorf(n.Location, pgerror.UndefinedObject, "could not find array type for data type %s", types.FormatType(t))
	}
	return &expr.Array{Items: items, T: types.Of(at.OID)}, nil
}

// bindArrayAs binds ARRAY[...]::t[], giving the elements the type at once.
func (b *binder) bindArrayAs(ec *exprContext, n *pg.A_ArrayExpr, t types.Type) (expr.Expr, error) {
	out := &expr.Array{T: t}
	for _, el := range n.Elements {
		if nested := el.GetAArrayExpr(); nested != nil {
			e, err := b.bindArrayAs(ec, nested, t)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, e)
			continue
		}
		e, err := b.bindExpr(ec, el)
		if err != nil {
			return nil, err
		}
		if e, err = b.coerce(e, t.Elem(), function.Explicit, true, exprLocation(el)); err != nil {
			return nil, err
		}
		out.Items = append(out.Items, e)
	}
	return out, nil
}

// bindCollate accepts the collations that order by code point or bytes, which
// is how HubSQL compares text.
func (b *binder) bindCollate(ec *exprContext, n *pg.CollateClause) (expr.Expr, error) {
	name := names(n.Collname)
	switch last := name[len(name)-1]; last {
	case "default", "C", "POSIX", "ucs_basic", "C.UTF-8", "C.utf8":
	default:
		return nil, b.errorf(n.Location, pgerror.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", last)
	}
	e, err := b.bindExpr(ec, n.Arg)
	if err != nil {
		return nil, err
	}
	if e, err = b.resolveUnknown(e); err != nil {
		return nil, err
	}
	if c := e.Type().Category(); c != types.CategoryString {
		return nil, b.errorf(n.Location, pgerror.DatatypeMismatch, "collations are not supported by type %s", types.FormatType(types.Of(e.Type().OID)))
	}
	return e, nil
}
