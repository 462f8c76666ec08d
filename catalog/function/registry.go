package function

import "github.com/hubsql/hubsql/catalog/types"

// Match is a resolved call.
type Match struct {
	Fn *Overload
	// Args are the types the actual arguments are to be coerced to: polymorphic
	// types resolved, a variadic tail expanded.
	Args []types.OID
	Ret  types.OID
}

// PathKind says how a value gets from one type to another.
type PathKind uint8

// Coercion paths (PostgreSQL's find_coercion_pathway).
const (
	PathNone PathKind = iota
	// PathSame: the types are equal (a modifier may still have to be applied).
	PathSame
	// PathRelabel: binary coercible.
	PathRelabel
	// PathFunc: call Fn.
	PathFunc
	// PathIO: print the value and read it as the other type.
	PathIO
	// PathArray: apply the element's path to each element.
	PathArray
)

// Path is the result of a coercion lookup.
type Path struct {
	Kind PathKind
	Fn   *Overload
}
