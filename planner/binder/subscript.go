package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// bindSubscripts binds e[i][j:k]... . If any subscript is a slice all are, from
// the first element on where only one bound is written.
func (b *binder) bindSubscripts(ec *exprContext, e expr.Expr, list []*pg.Node, loc int32) (expr.Expr, error) {
	t := e.Type()
	if t.OID == types.JSONB {
		return b.bindJSONSubscripts(ec, e, list)
	}
	info := types.Lookup(t.OID)
	if info == nil || info.Elem == 0 {
		return nil, b.errorf(loc, pgerror.DatatypeMismatch, "cannot subscript type %s because it does not support subscripting", types.FormatType(t))
	}
	if len(list) > types.MaxArrayDims {
		return nil, pgerror.Newf(pgerror.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", len(list), types.MaxArrayDims)
	}
	slice := false
	for _, n := range list {
		slice = slice || n.GetAIndices().IsSlice
	}
	bound := func(n *pg.Node) (expr.Expr, error) {
		i, err := b.bindExpr(ec, n)
		if err != nil {
			return nil, err
		}
		out, err := b.coerce(i, types.Of(types.Int4), function.Assignment, false, exprLocation(n))
		if err != nil && !unknownType(i.Type()) {
			return nil, b.errorf(exprLocation(n), pgerror.DatatypeMismatch, "array subscript must have type integer")
		}
		return out, err
	}
	if !slice {
		s := &expr.Subscript{Arg: e, T: t.Elem()}
		for _, n := range list {
			i, err := bound(n.GetAIndices().Uidx)
			if err != nil {
				return nil, err
			}
			s.Index = append(s.Index, i)
		}
		return s, nil
	}
	one := &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(1)}
	args := []expr.Expr{e, nil}
	written := ""
	add := func(n *pg.Node, missing expr.Expr) error {
		if n == nil {
			mark := "1"
			if missing == nil {
				mark, missing = "0", one
			}
			written += mark
			args = append(args, missing)
			return nil
		}
		written += "1"
		i, err := bound(n)
		args = append(args, i)
		return err
	}
	for _, n := range list {
		ix := n.GetAIndices()
		var low expr.Expr
		if !ix.IsSlice {
			low = one
		}
		if err := add(ix.Lidx, low); err != nil {
			return nil, err
		}
		if err := add(ix.Uidx, nil); err != nil {
			return nil, err
		}
	}
	args[1] = &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(written)}
	return b.hubCall("array_slice", args, types.Of(t.OID), loc)
}

// hubCall calls a function of HubSQL that has no name in PostgreSQL.
func (b *binder) hubCall(name string, args []expr.Expr, t types.Type, loc int32) (expr.Expr, error) {
	list := b.env.Registry.Candidates("hub", name)
	if len(list) == 0 {
		return nil, b.errorf(loc, pgerror.FeatureNotSupported, "%s is not available", name)
	}
	return &expr.Call{Fn: list[0], Args: args, T: t, Pos: int(loc)}, nil
}

// bindJSONSubscripts binds the subscripts of a jsonb: a path of keys and indexes.
func (b *binder) bindJSONSubscripts(ec *exprContext, e expr.Expr, list []*pg.Node) (expr.Expr, error) {
	path := &expr.Array{T: types.Of(types.TextArray)}
	for _, n := range list {
		ix := n.GetAIndices()
		if ix.IsSlice {
			at := ix.Uidx
			if at == nil {
				at = ix.Lidx
			}
			return nil, b.errorf(exprLocation(at), pgerror.DatatypeMismatch, "jsonb subscript does not support slices")
		}
		i, err := b.bindExpr(ec, ix.Uidx)
		if err != nil {
			return nil, err
		}
		from := i.Type().OID
		asInt := b.env.Registry.Coercion(from, types.Int4, function.Implicit).Kind != function.PathNone
		asText := b.env.Registry.Coercion(from, types.Text, function.Implicit).Kind != function.PathNone
		if !unknownType(i.Type()) && asInt == asText {
			return nil, b.at(pgerror.Newf(pgerror.DatatypeMismatch, "subscript type %s is not supported", types.FormatOID(from)).
				WithHint("jsonb subscript must be coercible to either integer or text."), exprLocation(ix.Uidx))
		}
		if i, err = b.coerce(i, types.Of(types.Text), function.Explicit, false, exprLocation(ix.Uidx)); err != nil {
			return nil, err
		}
		path.Items = append(path.Items, i)
	}
	m, err := b.env.Registry.Function("", "jsonb_extract_path", []types.OID{types.JSONB, types.TextArray}, true)
	if err != nil {
		return nil, err
	}
	return &expr.Call{Fn: m.Fn, Args: []expr.Expr{e, path}, T: types.Of(types.JSONB), Pos: -1}, nil
}
