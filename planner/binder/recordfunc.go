package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// recordField is a column of a record and how it is computed.
type recordField struct {
	col   logical.Column
	value expr.Expr
}

// returnsRecord reports whether a call needs a column definition list: the
// functions that read a record out of JSON.
func returnsRecord(fc *pg.FuncCall) bool {
	switch _, name := functionName(fc.Funcname); name {
	case "json_to_record", "jsonb_to_record", "json_to_recordset", "jsonb_to_recordset":
		return true
	}
	return false
}

// bindRecordFunction binds json_to_record and its relatives: a call that yields
// a JSON object a row, and the columns that are read out of it.
func (b *binder) bindRecordFunction(ec *exprContext, fc *pg.FuncCall, defs []*pg.Node) (logical.SetCall, []recordField, error) {
	var sc logical.SetCall
	_, name := functionName(fc.Funcname)
	if len(defs) == 0 {
		return sc, nil, b.errorf(fc.Location, pgerror.SyntaxError, "a column definition list is required for functions returning \"record\"")
	}
	in := types.JSON
	if name[:5] == "jsonb" {
		in = types.JSONB
	}
	if len(fc.Args) != 1 {
		return sc, nil, b.errorf(fc.Location, pgerror.UndefinedFunction, "function %s with %d arguments does not exist", name, len(fc.Args))
	}
	arg, err := b.bindExpr(ec, fc.Args[0])
	if err != nil {
		return sc, nil, err
	}
	if arg, err = b.coerce(arg, types.Of(in), function.Implicit, false, exprLocation(fc.Args[0])); err != nil {
		return sc, nil, err
	}
	if in == types.JSONB {
		arg = &expr.Relabel{Arg: arg, T: types.Of(types.JSON)}
	}
	call, err := b.hubCall("json_rows", []expr.Expr{arg, &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(name)}}, types.Of(types.JSON), fc.Location)
	if err != nil {
		return sc, nil, err
	}
	row := b.newColumn("row", types.Of(types.JSON))
	sc = logical.SetCall{Call: call.(*expr.Call), Cols: []logical.Column{row}}
	var out []recordField
	for _, d := range defs {
		def := d.GetColumnDef()
		t, err := b.resolveType(def.TypeName)
		if err != nil {
			return sc, nil, err
		}
		v, err := b.hubCall("json_field_as", []expr.Expr{row.Ref(), &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(def.Colname)}}, t, -1)
		if err != nil {
			return sc, nil, err
		}
		out = append(out, recordField{col: b.newColumn(def.Colname, t), value: v})
	}
	return sc, out, nil
}
