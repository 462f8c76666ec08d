package function

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// allows reports whether a cast declared for context have may be used in ctx.
func allows(have, ctx CastContext) bool {
	switch ctx {
	case Explicit:
		return true
	case Assignment:
		return have != Explicit
	}
	return have == Implicit
}

// category returns the type category of oid.
func category(oid types.OID) types.Category { return types.Of(oid).Category() }

// preferred reports whether oid is a preferred type of its category.
func preferred(oid types.OID) bool {
	i := types.Lookup(oid)
	return i != nil && i.Preferred
}

// elementOf returns the element type of an array or vector type, 0 for others.
func elementOf(oid types.OID) types.OID {
	if i := types.Lookup(oid); i != nil && (i.Category == types.CategoryArray || oid == types.RecordArray) {
		return i.Elem
	}
	return 0
}

// arrayOf returns the array type over an element type, 0 when there is none.
func arrayOf(elem types.OID) types.OID {
	if i := types.Lookup(elem); i != nil {
		return i.Array
	}
	return 0
}

// Coercion finds how a value of one type becomes another in a context; Kind is
// PathNone when it may not. A literal of type unknown becomes anything by being
// read as that type (PathIO).
func (r *Registry) Coercion(from, to types.OID, ctx CastContext) Path {
	if from == to {
		return Path{Kind: PathSame}
	}
	if to == types.Record && from.IsComposite() || to == types.RecordArray && elementOf(from).IsComposite() {
		return Path{Kind: PathRelabel}
	}
	if i, ok := r.castIndex[castKey{from, to}]; ok {
		c := &r.casts[i]
		switch {
		case !allows(c.Context, ctx):
			return Path{}
		case c.Fn == nil:
			return Path{Kind: PathRelabel}
		}
		return Path{Kind: PathFunc, Fn: c.Fn}
	}
	if from == types.Unknown {
		if i := types.Lookup(to); i != nil && i.Pseudo && to != types.CString && to != types.Void && to != types.Record {
			return Path{}
		}
		return Path{Kind: PathIO}
	}
	if to != types.OidVector && to != types.Int2Vector {
		if e, f := elementOf(to), elementOf(from); e != 0 && f != 0 {
			if p := r.Coercion(f, e, ctx); p.Kind != PathNone {
				if p.Kind == PathSame {
					return Path{Kind: PathRelabel}
				}
				return Path{Kind: PathArray, Fn: p.Fn}
			}
		}
	}
	switch {
	case ctx != Implicit && category(to) == types.CategoryString:
		return Path{Kind: PathIO}
	case ctx == Explicit && category(from) == types.CategoryString && !isPseudo(to):
		return Path{Kind: PathIO}
	}
	return Path{}
}

func isPseudo(oid types.OID) bool {
	i := types.Lookup(oid)
	return i == nil || i.Pseudo
}

// coercible reports whether an argument type can be passed where declared is
// asked for, polymorphic types aside.
func (r *Registry) coercible(from, declared types.OID) bool {
	switch {
	case from == declared || declared == types.Any || from == types.Unknown:
		return true
	case declared == types.Record && category(from) == types.CategoryComposite:
		return true
	case declared == types.CString:
		return false
	}
	return r.Coercion(from, declared, Implicit).Kind != PathNone
}

// CommonType selects the type that the branches of a construct share (section
// 10.5). context names the construct in the error (42804): "UNION", "CASE",
// "VALUES", "ARRAY", "COALESCE". Unknown literals fit any type; when there are
// only such, the result is text.
func (r *Registry) CommonType(context string, ts []types.OID) (types.OID, error) {
	if len(ts) == 0 {
		return types.Text, nil
	}
	p := ts[0]
	if p != types.Unknown && !slices.ContainsFunc(ts, func(t types.OID) bool { return t != p }) {
		return p, nil
	}
	for _, n := range ts[1:] {
		switch {
		case n == types.Unknown || n == p:
		case p == types.Unknown:
			p = n
		case category(n) != category(p):
			return 0, pgerror.Newf(pgerror.DatatypeMismatch, "%s types %s and %s cannot be matched", context, types.FormatOID(p), types.FormatOID(n))
		case !preferred(p) && r.coercible(p, n) && !r.coercible(n, p):
			p = n
		}
	}
	if p == types.Unknown {
		return types.Text, nil
	}
	return p, nil
}
