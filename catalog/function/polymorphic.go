package function

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// The simple polymorphic types stand for one type throughout a signature, the
// "compatible" ones for a common type of their arguments.
const (
	anyCompatibleNonArray types.OID = 5079
)

// IsPolymorphic reports whether a declared type is resolved from the actual
// arguments ("any" is not: it takes each argument as it is).
func IsPolymorphic(oid types.OID) bool {
	switch oid {
	case types.AnyElement, types.AnyArray, types.AnyNonArray, types.AnyEnum, types.AnyRange, types.AnyMultirange,
		types.AnyCompatible, types.AnyCompatibleArray, anyCompatibleNonArray:
		return true
	}
	return false
}

// generic is what the polymorphic types of a call stand for; 0 is not known.
type generic struct {
	elem       types.OID
	array      types.OID // of anyarray arguments: a vector type stays one
	ranged     types.OID // the range type
	compatible types.OID
	used       bool // a simple polymorphic type occurs
	usedCompat bool
	unknown    bool // some simple polymorphic argument is an unknown literal
}

// bind finds what the polymorphic types stand for; ok is false when the
// arguments contradict each other.
func (r *Registry) bind(declared, actual []types.OID) (g generic, ok bool) {
	var compat []types.OID
	nonArray, nonArrayCompat, enum := false, false, false
	elem := func(t types.OID) bool {
		if g.elem != 0 && g.elem != t {
			return false
		}
		g.elem = t
		return true
	}
	for i, d := range declared {
		if i >= len(actual) {
			break
		}
		a := actual[i]
		switch d {
		case types.AnyElement, types.AnyNonArray, types.AnyEnum:
			g.used = true
			nonArray = nonArray || d == types.AnyNonArray
			enum = enum || d == types.AnyEnum
			if a == types.Unknown {
				g.unknown = true
				continue
			}
			if d == types.AnyEnum && category(a) != types.CategoryEnum || !elem(a) {
				return g, false
			}
		case types.AnyArray:
			g.used = true
			if a == types.Unknown {
				g.unknown = true
				continue
			}
			if a == types.AnyArray {
				continue
			}
			if e := elementOf(a); e == 0 || !elem(e) || g.array != 0 && g.array != a {
				return g, false
			}
			g.array = a
		case types.AnyRange, types.AnyMultirange:
			g.used = true
			if a == types.Unknown {
				g.unknown = true
				continue
			}
			t := a
			if d == types.AnyMultirange {
				t = types.RangeOf(a)
			}
			if types.MultirangeOf(t) == 0 || !elem(types.RangeElem(t)) || g.ranged != 0 && g.ranged != t {
				return g, false
			}
			g.ranged = t
		case types.AnyCompatible, anyCompatibleNonArray:
			g.usedCompat = true
			if d == anyCompatibleNonArray {
				nonArrayCompat = true
			}
			compat = append(compat, a)
		case types.AnyCompatibleArray:
			g.usedCompat = true
			if a == types.Unknown {
				continue
			}
			e := elementOf(a)
			if e == 0 {
				return g, false
			}
			compat = append(compat, e)
		}
	}
	if nonArray && elementOf(g.elem) != 0 || enum && category(g.elem) != types.CategoryEnum {
		return g, false
	}
	if g.usedCompat {
		c, err := r.CommonType("", compat)
		if err != nil || nonArrayCompat && elementOf(c) != 0 {
			return g, false
		}
		for _, t := range compat {
			if !r.coercible(t, c) {
				return g, false
			}
		}
		g.compatible = c
	}
	return g, true
}

// resolve replaces a polymorphic type; 0 when it cannot be determined.
func (g *generic) resolve(declared types.OID) types.OID {
	switch declared {
	case types.AnyElement, types.AnyNonArray, types.AnyEnum:
		return g.elem
	case types.AnyArray:
		if g.array != 0 {
			return g.array
		}
		return arrayOf(g.elem)
	case types.AnyRange:
		return g.ranged
	case types.AnyMultirange:
		return types.MultirangeOf(g.ranged)
	case types.AnyCompatible, anyCompatibleNonArray:
		return g.compatible
	case types.AnyCompatibleArray:
		return arrayOf(g.compatible)
	}
	return declared
}

// settle turns a chosen candidate into a Match: polymorphic types resolved, "any"
// replaced by the actual types. 42804 when a type stays open.
func (r *Registry) settle(c *candidate, actual []types.OID) (Match, error) {
	m := Match{Fn: c.fn, Ret: c.fn.Ret, Expanded: c.expanded}
	g, _ := r.bind(c.args, actual) // it was consistent when the candidate was chosen
	open := func(t types.OID) bool {
		switch t {
		case types.AnyElement, types.AnyNonArray, types.AnyEnum, types.AnyArray, types.AnyRange, types.AnyMultirange:
			return true
		}
		return false
	}
	m.Args = make([]types.OID, len(c.args))
	for i, d := range c.args {
		m.Args[i] = g.resolve(d)
		if i >= len(actual) {
			continue
		}
		switch {
		case d == types.Any:
			m.Args[i] = actual[i]
		case open(d) && g.elem == 0 && actual[i] == types.AnyArray:
			m.Args[i] = types.AnyArray
		case open(d) && m.Args[i] == 0 && g.elem == 0:
			return Match{}, pgerror.New(pgerror.DatatypeMismatch, "could not determine polymorphic type because input has type unknown")
		case m.Args[i] == 0:
			return Match{}, pgerror.Newf(pgerror.UndefinedObject, "could not find array type for data type %s", types.FormatOID(g.elem))
		}
	}
	if IsPolymorphic(m.Ret) {
		ret := g.resolve(m.Ret)
		if ret == 0 {
			of := g.elem
			if m.Ret == types.AnyCompatibleArray {
				of = g.compatible
			}
			if of == 0 {
				return Match{}, pgerror.New(pgerror.DatatypeMismatch, "could not determine polymorphic type because input has type unknown")
			}
			return Match{}, pgerror.Newf(pgerror.UndefinedObject, "could not find array type for data type %s", types.FormatOID(of))
		}
		m.Ret = ret
	}
	return m, nil
}
