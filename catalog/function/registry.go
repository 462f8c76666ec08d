package function

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// Match is a resolved call.
type Match struct {
	// Fn is nil when a call f(x) turned out to be a cast of x to the type named f
	// (int4(x), text(x)): the caller plans an explicit cast to Ret.
	Fn *Overload
	// Args are the types the actual arguments are to be coerced to: polymorphic
	// types resolved, a variadic tail expanded. They may be more than the actual
	// arguments: the rest takes its Defaults.
	Args []types.OID
	Ret  types.OID
	// Expanded says that arguments from len(Fn.Args)-1 on are elements of the
	// variadic parameter: unless that is declared "any" (whose kernels take the
	// values as they come), the caller gathers them into an array.
	Expanded bool
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

// PgCatalog is the schema of overloads that name none.
const PgCatalog = "pg_catalog"

// firstOID is where assigned OIDs start: above PostgreSQL's own, below those of
// user objects (16384).
const firstOID types.OID = 9000

type operatorKey struct {
	name        string
	left, right types.OID
}

type castKey struct{ from, to types.OID }

// Registry holds all functions, operators and casts. It is filled by one
// goroutine, frozen, and then only read, by any number of goroutines.
type Registry struct {
	functions []*Overload
	byName    map[string][]*Overload
	operators []Operator
	opsByName map[string][]int32
	exactOps  map[operatorKey]int32
	casts     []Cast
	castIndex map[castKey]int32
	frozen    bool
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{
		byName:    map[string][]*Overload{},
		opsByName: map[string][]int32{},
		exactOps:  map[operatorKey]int32{},
		castIndex: map[castKey]int32{},
	}
}

// AddFunction registers an overload, which must not change afterwards (Freeze may
// set its OID and Schema). Not to be called after Freeze.
func (r *Registry) AddFunction(o *Overload) {
	if o.Schema == "" {
		o.Schema = PgCatalog
	}
	r.functions = append(r.functions, o)
	r.byName[o.Name] = append(r.byName[o.Name], o)
}

// AddOperator registers an operator.
func (r *Registry) AddOperator(o Operator) { r.operators = append(r.operators, o) }

// AddCast registers a cast.
func (r *Registry) AddCast(c Cast) { r.casts = append(r.casts, c) }

// Freeze ends registration: functions behind operators and casts become callable
// by name where the name is free, missing OIDs are assigned in an order that
// does not depend on the order of registration, and everything is sorted by OID.
// It reports what was registered twice.
func (r *Registry) Freeze() error {
	var problems []string
	signature := func(o *Overload) string { return o.Schema + "." + o.Name + Signature(o.Args) }
	known := map[*Overload]bool{}
	bySignature := map[string]bool{}
	for _, o := range r.functions {
		if bySignature[signature(o)] {
			problems = append(problems, "function "+signature(o))
		}
		known[o], bySignature[signature(o)] = true, true
	}
	var hidden []*Overload
	adopt := func(o *Overload) {
		if o == nil || known[o] {
			return
		}
		known[o] = true
		if o.Schema == "" {
			o.Schema = PgCatalog
		}
		if o.Name == "" || bySignature[signature(o)] {
			hidden = append(hidden, o)
			return
		}
		bySignature[signature(o)] = true
		r.AddFunction(o)
	}
	for i := range r.operators {
		adopt(r.operators[i].Fn)
	}
	for i := range r.casts {
		adopt(r.casts[i].Fn)
	}
	functions := append(slices.Clone(r.functions), hidden...)
	assign(functions, signature, func(o *Overload) *types.OID { return &o.OID }, &problems)
	byOID := func(a, b *Overload) int { return cmp.Compare(a.OID, b.OID) }
	slices.SortFunc(r.functions, byOID)
	for _, list := range r.byName {
		slices.SortFunc(list, byOID)
	}

	ops := make([]*Operator, len(r.operators))
	for i := range r.operators {
		ops[i] = &r.operators[i]
	}
	assign(ops, func(o *Operator) string { return o.Name + Signature([]types.OID{o.Left, o.Right}) }, func(o *Operator) *types.OID { return &o.OID }, &problems)
	slices.SortFunc(r.operators, func(a, b Operator) int { return cmp.Compare(a.OID, b.OID) })
	for i, o := range r.operators {
		key := operatorKey{o.Name, o.Left, o.Right}
		if _, dup := r.exactOps[key]; dup {
			problems = append(problems, fmt.Sprintf("operator %s(%d,%d)", o.Name, o.Left, o.Right))
		}
		r.exactOps[key] = int32(i)
		r.opsByName[o.Name] = append(r.opsByName[o.Name], int32(i))
	}

	casts := make([]*Cast, len(r.casts))
	for i := range r.casts {
		casts[i] = &r.casts[i]
	}
	assign(casts, func(c *Cast) string { return Signature([]types.OID{c.From, c.To}) }, func(c *Cast) *types.OID { return &c.OID }, &problems)
	slices.SortFunc(r.casts, func(a, b Cast) int { return cmp.Compare(a.OID, b.OID) })
	for i, c := range r.casts {
		key := castKey{c.From, c.To}
		if _, dup := r.castIndex[key]; dup {
			problems = append(problems, fmt.Sprintf("cast (%d,%d)", c.From, c.To))
		}
		r.castIndex[key] = int32(i)
	}
	r.frozen = true
	if len(problems) > 0 {
		slices.Sort(problems)
		return fmt.Errorf("registered more than once: %s", strings.Join(problems, ", "))
	}
	return nil
}

// assign gives entries without OID one, in the order of their keys.
func assign[T any](list []*T, key func(*T) string, oid func(*T) *types.OID, problems *[]string) {
	used := map[types.OID]bool{}
	var without []*T
	for _, e := range list {
		switch o := *oid(e); {
		case o == 0:
			without = append(without, e)
		case used[o]:
			*problems = append(*problems, fmt.Sprintf("OID %d (%s)", o, key(e)))
		default:
			used[o] = true
		}
	}
	slices.SortStableFunc(without, func(a, b *T) int { return strings.Compare(key(a), key(b)) })
	next := firstOID
	for _, e := range without {
		for used[next] {
			next++
		}
		*oid(e) = next
		used[next] = true
	}
}

// Candidates returns the overloads of that name in a schema ("" for pg_catalog),
// ordered by OID. The slice must not be changed when schema is "" .
func (r *Registry) Candidates(schema, name string) []*Overload {
	if schema == "" {
		schema = PgCatalog
	}
	list := r.byName[name]
	for i, o := range list {
		if o.Schema == schema {
			continue
		}
		// Names shared between schemas are rare: filter only then.
		out := slices.Clone(list[:i])
		for _, o := range list[i:] {
			if o.Schema == schema {
				out = append(out, o)
			}
		}
		return out
	}
	return list
}

// Functions yields every callable overload ordered by OID.
func (r *Registry) Functions() iter.Seq[*Overload] { return slices.Values(r.functions) }

// Operators yields every operator ordered by OID.
func (r *Registry) Operators() iter.Seq[Operator] { return slices.Values(r.operators) }

// Casts yields every cast ordered by OID.
func (r *Registry) Casts() iter.Seq[Cast] { return slices.Values(r.casts) }

// OperatorExact returns the operator with exactly these operand types.
func (r *Registry) OperatorExact(name string, left, right types.OID) (Operator, bool) {
	i, ok := r.exactOps[operatorKey{name, left, right}]
	if !ok {
		return Operator{}, false
	}
	return r.operators[i], true
}

// FunctionByOID returns a callable overload. It is for use after Freeze.
func (r *Registry) FunctionByOID(oid types.OID) (*Overload, bool) {
	i, ok := slices.BinarySearchFunc(r.functions, oid, func(o *Overload, oid types.OID) int { return cmp.Compare(o.OID, oid) })
	if !ok {
		return nil, false
	}
	return r.functions[i], true
}

// OperatorByOID returns an operator. It is for use after Freeze.
func (r *Registry) OperatorByOID(oid types.OID) (Operator, bool) {
	i, ok := slices.BinarySearchFunc(r.operators, oid, func(o Operator, oid types.OID) int { return cmp.Compare(o.OID, oid) })
	if !ok {
		return Operator{}, false
	}
	return r.operators[i], true
}

// OperatorsNamed returns the operators of that name. It is for use after Freeze.
func (r *Registry) OperatorsNamed(name string) []Operator {
	var out []Operator
	for _, i := range r.opsByName[name] {
		out = append(out, r.operators[i])
	}
	return out
}

// Signature prints argument types as PostgreSQL's messages do: (integer, text).
func Signature(args []types.OID) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(types.FormatOID(a))
	}
	b.WriteByte(')')
	return b.String()
}
