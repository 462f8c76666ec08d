package binder

import (
	"context"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Domain is what the binder knows of a domain.
type Domain struct {
	Name string
	// Base is what it is made of, maybe another domain.
	Base    types.Type
	NotNull bool
	// Default is the SQL of the default of columns, "" for none.
	Default string
	// Checks are expressions over VALUE, whose names are looked up with
	// SearchPath.
	Checks     []DomainCheck
	SearchPath []string
}

// DomainCheck is one CHECK of a domain.
type DomainCheck struct{ Name, SQL string }

// UserFunctions implements Catalog.
func (c pathCatalog) UserFunctions(schema, name string, searchPath []string) []*UserFunction {
	if searchPath == nil {
		searchPath = c.path
	}
	return c.Catalog.UserFunctions(schema, name, searchPath)
}

// UserType implements Catalog.
func (c pathCatalog) UserType(schema, name string, searchPath []string) (types.Type, bool) {
	if searchPath == nil {
		searchPath = c.path
	}
	return c.Catalog.UserType(schema, name, searchPath)
}

// coerceDomain casts to a domain: e becomes a value of what the domain is made
// of, and then is checked.
func (b *binder) coerceDomain(e expr.Expr, to types.Type, ctx function.CastContext, explicit bool, loc int32) (expr.Expr, error) {
	plain := to
	plain.Domain = 0
	if _, array, _, _ := to.Domain.User(); array {
		return b.coerceDomains(e, to, ctx, explicit, loc)
	}
	chain, err := b.domains(to.Domain, loc)
	if err != nil {
		return nil, err
	}
	if x, ok := e.(*expr.Param); ok && unknownType(x.T) {
		if have := b.params[x.N-1]; have == types.Unknown || have == 0 {
			b.params[x.N-1] = plain.OID
		}
		e = &expr.Param{N: x.N, T: types.Of(b.params[x.N-1])}
	}
	value, err := b.coerce(e, plain, ctx, explicit, loc)
	if err != nil {
		return nil, err
	}
	name := chain[0].Name
	out := &expr.Case{T: to, Else: &expr.Relabel{Arg: value, T: to, Explicit: explicit}}
	refuse := func(code pgerror.Code, message string) (expr.Expr, error) {
		text := func(s string) expr.Expr {
			return &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(s)}
		}
		return b.hubCall("refuse_value", []expr.Expr{value, text(string(code)), text(message)}, to, -1)
	}
	if slices.ContainsFunc(chain, func(d *Domain) bool { return d.NotNull }) {
		no, err := refuse(pgerror.NotNullViolation, "domain "+name+" does not allow null values")
		if err != nil {
			return nil, err
		}
		out.Whens = append(out.Whens, expr.When{Cond: &expr.NullTest{Arg: value}, Result: no})
	}
	// The constraints of what a domain is made of come first.
	for _, d := range slices.Backward(chain) {
		for _, c := range d.Checks {
			cond, err := b.bindCheck(c.SQL, d, value)
			if err != nil {
				return nil, err
			}
			no, err := refuse(pgerror.CheckViolation, "value for domain "+name+" violates check constraint \""+c.Name+"\"")
			if err != nil {
				return nil, err
			}
			out.Whens = append(out.Whens, expr.When{Cond: &expr.BoolTest{Arg: cond, Value: types.BoolDatum(false)}, Result: no})
		}
	}
	if len(out.Whens) == 0 {
		return out.Else, nil
	}
	return out, nil
}

// domains lists a domain and those that it is made of, itself first.
func (b *binder) domains(oid types.OID, loc int32) ([]*Domain, error) {
	var chain []*Domain
	for ; oid != 0; oid = chain[len(chain)-1].Base.Domain {
		d := b.env.Catalog.Domain(oid)
		if d == nil {
			return nil, b.errorf(loc, pgerror.UndefinedObject, "cache lookup failed for type %d", oid)
		}
		chain = append(chain, d)
		if _, array, _, _ := d.Base.Domain.User(); array {
			break
		}
	}
	return chain, nil
}

// coerceDomains casts to an array over a domain. The elements have to be at hand
// to be checked.
func (b *binder) coerceDomains(e expr.Expr, to types.Type, ctx function.CastContext, explicit bool, loc int32) (expr.Expr, error) {
	plain := to
	plain.Domain = 0
	chain, err := b.domains(to.Elem().Domain, loc)
	if err != nil {
		return nil, err
	}
	free := !slices.ContainsFunc(chain, func(d *Domain) bool { return d.NotNull || len(d.Checks) > 0 })
	value, err := b.coerce(e, plain, ctx, explicit, loc)
	if err != nil {
		return nil, err
	}
	if c, ok := value.(*expr.Const); ok && !c.Value.Null && !free {
		a, err := types.DecodeArray(c.Value.S)
		if err != nil {
			return nil, err
		}
		if len(a.Dims) == 1 && a.Dims[0].Lower == 1 {
			out := &expr.Array{T: to}
			for _, d := range a.Elems {
				x, err := b.coerceDomain(&expr.Const{T: plain.Elem(), Value: d}, to.Elem(), ctx, explicit, loc)
				if err != nil {
					return nil, err
				}
				out.Items = append(out.Items, x)
			}
			return out, nil
		}
	} else if ok {
		free = true
	}
	if !free {
		return nil, b.errorf(loc, pgerror.FeatureNotSupported, "casting arrays to an array of a domain with constraints is not supported")
	}
	return &expr.Relabel{Arg: value, T: to, Explicit: explicit}, nil
}

// defaultOfDomain is the default of columns of a domain, "" for none.
func (b *binder) defaultOfDomain(t types.Type) (sql string, path []string) {
	if d := b.env.Catalog.Domain(t.Domain); d != nil {
		return d.Default, d.SearchPath
	}
	return "", nil
}

// bindCheck binds a CHECK of a domain over value.
func (b *binder) bindCheck(sql string, d *Domain, value expr.Expr) (expr.Expr, error) {
	col := b.newColumn("value", d.Base)
	s := &scope{items: []*rangeItem{{cols: []scopeColumn{{Column: col}}}}}
	cond, err := b.bindDefinition(sql, d.SearchPath, s, types.Of(types.Bool))
	if err != nil {
		return nil, err
	}
	return expr.Rewrite(cond, func(x expr.Expr) expr.Expr {
		if c, ok := x.(*expr.Column); ok && c.ID == col.ID {
			return value
		}
		return x
	}), nil
}

// CheckDomain verifies at definition time that the condition of a domain binds.
func CheckDomain(ctx context.Context, env Env, sql string, base types.Type) error {
	b := &binder{ctx: ctx, env: env, principal: env.Principal, origins: map[expr.ColumnID]origin{}, useOf: map[expr.ColumnID]useColumn{}}
	_, err := b.bindCheck(sql, &Domain{Base: base}, &expr.Const{T: base, Value: types.Null})
	return err
}

// attributes returns the columns of a composite type, nil for another type.
func (b *binder) attributes(t types.Type) []types.Attribute {
	if !t.OID.IsComposite() {
		return nil
	}
	return b.env.Session.Format().Composite(t.OID)
}

// fieldOf reads column i of a composite value.
func (b *binder) fieldOf(e expr.Expr, i int, a types.Attribute, loc int32) (expr.Expr, error) {
	index := &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(int64(i))}
	return b.hubCall("record_field", []expr.Expr{e, index}, a.Type, loc)
}

// rowParts returns the fields of a value as a row: those of a row that was
// written or stands for a table, or those of a composite value.
func (b *binder) rowParts(e expr.Expr, loc int32) (*expr.Row, error) {
	if row := b.rowOf(e); row != nil {
		return row, nil
	}
	columns := b.attributes(e.Type())
	if columns == nil {
		return nil, nil
	}
	row := &expr.Row{T: e.Type(), Whole: true}
	for i, c := range columns {
		x, err := b.fieldOf(e, i, c, loc)
		if err != nil {
			return nil, err
		}
		row.Items, row.Names = append(row.Items, x), append(row.Names, c.Name)
	}
	return row, nil
}

// selectField binds e.name; nil when e is no row or has no such field, with the
// error that says so.
func (b *binder) selectField(e expr.Expr, name string, loc int32) (expr.Expr, error) {
	if row := b.rowOf(e); row != nil {
		if i := slices.Index(row.Names, name); i >= 0 {
			return row.Items[i], nil
		}
		if e.Type().OID.IsComposite() {
			return nil, b.errorf(loc, pgerror.UndefinedColumn, "column %q not found in data type %s", name, types.FormatType(e.Type()))
		}
		return nil, b.errorf(loc, pgerror.UndefinedColumn, "could not identify column %q in record data type", name)
	}
	t := e.Type()
	if t.OID == types.Record {
		return nil, b.errorf(loc, pgerror.UndefinedColumn, "could not identify column %q in record data type", name)
	}
	columns := b.attributes(t)
	if columns == nil {
		return nil, b.errorf(loc, pgerror.WrongObjectType, "column notation .%s applied to type %s, which is not a composite type", name, types.FormatType(t))
	}
	i := slices.IndexFunc(columns, func(a types.Attribute) bool { return a.Name == name })
	if i < 0 {
		return nil, b.errorf(loc, pgerror.UndefinedColumn, "column %q not found in data type %s", name, types.FormatType(t))
	}
	return b.fieldOf(e, i, columns[i], loc)
}

// projection binds f(x) as x.f where x is a row; nil when it is none or has no
// such field.
func (b *binder) projection(fc *pg.FuncCall, args []expr.Expr) expr.Expr {
	schema, name := functionName(fc.Funcname)
	if schema != "" || len(args) != 1 || !args[0].Type().IsRow() || fc.FuncVariadic {
		return nil
	}
	e, err := b.selectField(args[0], name, -1)
	if err != nil {
		return nil
	}
	return e
}

// coerceRow gives the fields of a row the types of a composite type's columns.
func (b *binder) coerceRow(r *expr.Row, to types.Type, ctx function.CastContext, explicit bool, loc int32) (expr.Expr, error) {
	columns := b.attributes(to)
	fail := func(format string, args ...any) error {
		e := b.errorf(loc, pgerror.CannotCoerce, "cannot cast type %s to %s", types.FormatType(r.T), types.FormatType(to))
		pgerror.From(e).WithDetail(format, args...)
		return e
	}
	switch {
	case len(r.Items) < len(columns):
		return nil, fail("Input has too few columns.")
	case len(r.Items) > len(columns):
		return nil, fail("Input has too many columns.")
	}
	out := &expr.Row{T: to, Whole: true}
	for i, c := range columns {
		x := r.Items[i]
		if from := x.Type(); !unknownType(from) && from.OID != c.Type.OID && from.OID != types.Record &&
			b.env.Registry.Coercion(from.OID, c.Type.OID, ctx).Kind == function.PathNone {
			return nil, fail("Cannot cast type %s to %s in column %d.", types.FormatType(from), types.FormatType(types.Of(c.Type.OID)), i+1)
		}
		x, err := b.coerce(x, c.Type, ctx, explicit, loc)
		if err != nil {
			return nil, err
		}
		out.Items, out.Names = append(out.Items, x), append(out.Names, c.Name)
	}
	return out, nil
}
