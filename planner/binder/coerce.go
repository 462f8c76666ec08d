package binder

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// resolveType turns a type name of the grammar into a type.
func (b *binder) resolveType(n *pg.TypeName) (types.Type, error) {
	t, err := ResolveTypeName(n, b.env.Catalog)
	return t, b.at(err, n.GetLocation())
}

// ResolveTypeName turns a type name of the grammar into a type; 42704 when there
// is none of that name. c knows the types that users have made.
func ResolveTypeName(n *pg.TypeName, c Catalog) (types.Type, error) {
	parts := names(n.GetNames())
	if len(parts) == 0 {
		return types.Type{}, pgerror.New(pgerror.UndefinedObject, "a type name is missing")
	}
	if n.GetPctType() {
		return types.Type{}, pgerror.NotSupported("%%TYPE is not supported")
	}
	name := parts[len(parts)-1]
	var mods []int32
	for _, m := range n.GetTypmods() {
		c := m.GetAConst()
		if c == nil {
			return types.Type{}, pgerror.New(pgerror.InvalidParameterValue, "type modifiers must be simple constants or identifiers")
		}
		mods = append(mods, c.GetIval().GetIval())
	}
	if len(parts) > 1 && parts[len(parts)-2] == "information_schema" {
		// The domains of the information schema, by their base types.
		base := map[string]string{"cardinal_number": "int4", "sql_identifier": "name", "character_data": "varchar", "yes_or_no": "varchar", "time_stamp": "timestamptz"}
		if n, ok := base[name]; ok {
			name = n
		}
	}
	if len(parts) > 1 && parts[len(parts)-2] != function.PgCatalog || types.ByName(name) == nil {
		schema := ""
		if len(parts) > 1 {
			schema = parts[len(parts)-2]
		}
		if t, ok := c.UserType(schema, name, nil); ok {
			if len(mods) > 0 {
				return types.Type{}, pgerror.Newf(pgerror.SyntaxError, "type modifier is not allowed for type %q", name)
			}
			if len(n.GetArrayBounds()) > 0 && !t.IsArray() {
				domain := t.Domain
				if t = t.ArrayOf(); domain != 0 {
					t.Domain = types.Lookup(domain).Array
				}
			}
			return t, nil
		}
		if schema != "" && schema != function.PgCatalog && schema != "information_schema" {
			return types.Type{}, pgerror.Newf(pgerror.UndefinedObject, "type %q does not exist", schema+"."+name)
		}
	}
	t, err := types.ResolveTypeName(name, mods)
	if err != nil {
		return t, err
	}
	if len(n.GetArrayBounds()) > 0 {
		a := t.ArrayOf()
		if a.OID == 0 {
			return t, pgerror.Newf(pgerror.UndefinedObject, "type %q does not exist", name+"[]")
		}
		return a, nil
	}
	return t, nil
}

// coerce gives e the type to. explicit is a cast that the user wrote. loc places
// an error.
func (b *binder) coerce(e expr.Expr, to types.Type, ctx function.CastContext, explicit bool, loc int32) (expr.Expr, error) {
	from := e.Type()
	if from == to {
		return e, nil
	}
	if to.Domain != 0 && from.Domain != to.Domain {
		return b.coerceDomain(e, to, ctx, explicit, loc)
	}
	switch x := e.(type) {
	case *expr.Const:
		if unknownType(from) {
			return b.coerceLiteral(x, to, explicit, loc)
		}
		if x.Value.Null {
			if p := b.env.Registry.Coercion(from.OID, to.OID, ctx); p.Kind != function.PathNone {
				return &expr.Const{T: to, Value: types.Null}, nil
			}
		}
	case *expr.Param:
		if unknownType(from) {
			if to.OID == types.Unknown {
				return e, nil
			}
			if have := b.params[x.N-1]; have == types.Unknown || have == 0 {
				b.params[x.N-1] = to.OID
			}
			p := &expr.Param{N: x.N, T: types.Of(b.params[x.N-1])}
			if p.T.OID == to.OID && to.Mod < 0 {
				return p, nil
			}
			return b.coerce(p, to, ctx, explicit, loc)
		}
	case *expr.Row:
		if to.OID == types.Record {
			if from.OID == types.Record {
				return e, nil
			}
			return &expr.Row{Items: x.Items, Names: x.Names, T: to, Whole: true}, nil
		}
		if to.OID.IsComposite() && from.OID == types.Record {
			return b.coerceRow(x, to, ctx, explicit, loc)
		}
	}
	if to.OID == types.Unknown || to.OID == types.Any {
		return e, nil
	}
	if from.OID == to.OID {
		return b.applyMod(e, to, explicit, loc)
	}
	fromOID := from.OID
	if unknownType(from) {
		fromOID = types.Text
		e = &expr.Relabel{Arg: e, T: types.Of(types.Text)}
		if to.OID == types.Text {
			return e, nil
		}
		ctx, explicit = function.Explicit, false
	}
	if (from.OID == types.Text || from.OID == types.VarChar || from.OID == types.Name) && isReg(to.OID) && explicit {
		if c, ok := e.(*expr.Const); ok && !c.Value.Null {
			return b.regConst(c.Value.S, to, loc)
		}
	}
	path := b.env.Registry.Coercion(fromOID, to.OID, ctx)
	switch path.Kind {
	case function.PathSame:
		return b.applyMod(e, to, explicit, loc)
	case function.PathRelabel:
		r := &expr.Relabel{Arg: e, T: types.Of(to.OID), Explicit: explicit}
		if to.Mod < 0 {
			return r, nil
		}
		return b.applyMod(r, to, explicit, loc)
	case function.PathFunc:
		return &expr.Call{Fn: path.Fn, Args: []expr.Expr{e}, T: to, Cast: true, Explicit: explicit, Pos: int(loc)}, nil
	case function.PathIO, function.PathArray:
		return &expr.Call{Fn: b.env.Registry.IOCast(), Args: []expr.Expr{e}, T: to, Cast: true, Explicit: explicit, Pos: int(loc)}, nil
	}
	return nil, b.cannotCast(from, to, ctx, loc)
}

// cannotCast is 42846 for a written cast and 42804 otherwise.
func (b *binder) cannotCast(from, to types.Type, ctx function.CastContext, loc int32) error {
	f, t := types.FormatOID(from.OID), types.FormatOID(to.OID)
	if ctx == function.Explicit {
		return b.errorf(loc, pgerror.CannotCoerce, "cannot cast type %s to %s", f, t)
	}
	return b.errorf(loc, pgerror.DatatypeMismatch, "cannot convert type %s to %s", f, t)
}

// applyMod enforces a type modifier (length, precision).
func (b *binder) applyMod(e expr.Expr, to types.Type, explicit bool, loc int32) (expr.Expr, error) {
	if e.Type() == to {
		return e, nil
	}
	if to.Mod < 0 {
		return &expr.Relabel{Arg: e, T: to, Explicit: explicit}, nil
	}
	fn := b.env.Registry.LengthCast(to.OID)
	if fn == nil {
		if to.IsArray() {
			return &expr.Call{Fn: b.env.Registry.IOCast(), Args: []expr.Expr{e}, T: to, Cast: true, Explicit: explicit, Pos: int(loc)}, nil
		}
		return &expr.Relabel{Arg: e, T: to, Explicit: explicit}, nil
	}
	return &expr.Call{Fn: fn, Args: []expr.Expr{e}, T: to, Cast: true, Explicit: explicit, Pos: int(loc)}, nil
}

// coerceLiteral reads a quoted literal as a type.
func (b *binder) coerceLiteral(c *expr.Const, to types.Type, explicit bool, loc int32) (expr.Expr, error) {
	if at, ok := b.literals[c]; ok {
		loc = at
	}
	if c.Value.Null {
		return &expr.Const{T: to, Value: types.Null}, nil
	}
	if to.OID == types.Unknown {
		return c, nil
	}
	if info := types.Lookup(to.OID); info != nil && info.Pseudo {
		switch to.OID {
		case types.Any, types.AnyElement, types.AnyNonArray, types.AnyCompatible:
			return &expr.Const{T: types.Of(types.Text), Value: c.Value}, nil
		case types.CString:
			return &expr.Const{T: to, Value: c.Value}, nil
		}
		if to.OID == types.Record {
			return nil, b.errorf(loc, pgerror.FeatureNotSupported, "input of anonymous composite types is not implemented")
		}
		return nil, b.errorf(loc, pgerror.FeatureNotSupported, "cannot accept a value of type %s", info.Formal)
	}
	if isReg(to.OID) {
		return b.regConst(c.Value.S, to, loc)
	}
	_, sized := to.CharMod()
	if (sized || (to.OID == types.Bit || to.OID == types.VarBit) && to.Mod > 0) && explicit {
		// An explicit cast of a literal truncates like any explicit cast.
		plain, err := types.ParseText(types.Of(to.OID), c.Value.S, b.env.Session.Format())
		if err != nil {
			return nil, b.at(err, loc)
		}
		return b.applyMod(&expr.Const{T: types.Of(to.OID), Value: plain}, to, true, loc)
	}
	d, err := types.ParseText(to, c.Value.S, b.env.Session.Format())
	if err != nil {
		return nil, b.at(err, loc)
	}
	return &expr.Const{T: to, Value: d}, nil
}

// isReg reports whether a type's text form is looked up in the catalog.
func isReg(t types.OID) bool {
	switch t {
	case types.RegClass, types.RegType, types.RegProc, types.RegProcedure, types.RegOper, types.RegOperator,
		types.RegNamespace, types.RegRole, types.RegCollation:
		return true
	}
	return false
}

// regConst looks a name up in the catalog.
func (b *binder) regConst(text string, to types.Type, loc int32) (expr.Expr, error) {
	oid, err := b.env.Catalog.RegLookup(b.ctx, to.OID, text)
	if err != nil {
		return nil, b.at(err, loc)
	}
	return &expr.Const{T: to, Value: types.IntDatum(int64(int32(oid)))}, nil
}

// resolveUnknown makes an untyped literal text.
func (b *binder) resolveUnknown(e expr.Expr) (expr.Expr, error) {
	if !unknownType(e.Type()) {
		return e, nil
	}
	return b.coerce(e, types.Of(types.Text), function.Implicit, false, -1)
}
