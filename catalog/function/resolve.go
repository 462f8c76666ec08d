package function

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// candidate is an overload as a call with a given number of arguments sees it.
type candidate struct {
	fn       *Overload
	args     []types.OID // declared, the variadic tail expanded; may exceed the call's
	expanded bool
	defaults int // how many arguments take their defaults
	op       int32
}

// Function resolves a call by PostgreSQL's rules (section 10.3). schema "" is
// pg_catalog; unknown literals are types.Unknown; variadicCall says that the last
// argument was written VARIADIC. A Match without Fn is a cast in function
// notation. Errors: 42883 when nothing fits, 42725 when several fit equally.
func (r *Registry) Function(schema, name string, args []types.OID, variadicCall bool) (Match, error) {
	list := expand(r.Candidates(schema, name), len(args), variadicCall)
	fail := func(code pgerror.Code, what, hint string) (Match, error) {
		full := name
		if schema != "" {
			full = schema + "." + name
		}
		e := pgerror.Newf(code, "function %s%s %s", full, Signature(args), what)
		e.Hint = hint
		return Match{}, e
	}
	for i := range list {
		if slices.Equal(list[i].args[:len(args)], args) {
			return r.settle(&list[i], args)
		}
	}
	if schema == "" || schema == PgCatalog {
		if to := castTarget(name); to != 0 && len(args) == 1 && !variadicCall {
			if m, ok := r.castCall(args[0], to, len(list) == 0); ok {
				return m, nil
			}
		}
	}
	best, n := r.choose(list, args)
	switch {
	case best != nil:
		return r.settle(best, args)
	case n > 1:
		return fail(pgerror.AmbiguousFunction, "is not unique", "Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	return fail(pgerror.UndefinedFunction, "does not exist", "No function matches the given name and argument types. You might need to add explicit type casts.")
}

// castTarget returns the type a function name may stand for in f(x), 0 for none.
func castTarget(name string) types.OID {
	i := types.ByName(name)
	if i == nil || i.Pseudo || i.Category == types.CategoryArray && i.Name[0] == '_' {
		return 0
	}
	return i.OID
}

// castCall accepts f(x) as a cast where no function has exactly these arguments.
// A cast by function counts only when no function of the name exists: then the
// function is the cast's.
func (r *Registry) castCall(from, to types.OID, noFunctions bool) (Match, bool) {
	m := Match{Args: []types.OID{from}, Ret: to}
	switch r.Coercion(from, to, Explicit).Kind {
	case PathSame, PathRelabel:
		return m, true
	case PathIO:
		if (from == types.Record || from.IsComposite()) && category(to) == types.CategoryString {
			return Match{}, false
		}
		return m, true
	case PathFunc:
		return m, noFunctions
	}
	return Match{}, false
}

// expand lists the overloads that can be called with n arguments. Of several
// with the same argument types the one without variadic expansion, then the one
// with the fewest defaults, is kept.
func expand(list []*Overload, n int, variadicCall bool) []candidate {
	out := make([]candidate, 0, len(list))
	for _, o := range list {
		c := candidate{fn: o, args: o.Args}
		declared := len(o.Args)
		switch {
		case variadicCall:
			if !o.Variadic || declared != n {
				continue
			}
		case o.Variadic && n >= declared:
			last := o.Args[declared-1]
			elem := last
			switch last {
			case types.AnyArray:
				elem = types.AnyElement
			case types.AnyCompatibleArray:
				elem = types.AnyCompatible
			case types.Any:
			default:
				elem = elementOf(last)
			}
			c.args = make([]types.OID, n)
			copy(c.args, o.Args[:declared-1])
			for i := declared - 1; i < n; i++ {
				c.args[i] = elem
			}
			c.expanded = true
		case n > declared || n < declared-len(o.Defaults):
			continue
		default:
			c.defaults = declared - n
		}
		same := slices.IndexFunc(out, func(d candidate) bool { return slices.Equal(d.args[:n], c.args[:n]) })
		if same < 0 {
			out = append(out, c)
			continue
		}
		if d := &out[same]; d.expanded && !c.expanded || d.expanded == c.expanded && c.defaults < d.defaults {
			*d = c
		}
	}
	return out
}

// choose finds the one best candidate (PostgreSQL's func_match_argtypes and
// func_select_candidate); n is how many remain when there is none.
func (r *Registry) choose(list []candidate, args []types.OID) (best *candidate, n int) {
	fits := make([]*candidate, 0, len(list))
	for i := range list {
		if r.accepts(&list[i], args) {
			fits = append(fits, &list[i])
		}
	}
	if len(fits) == 1 {
		return fits[0], 1
	}
	if len(fits) == 0 {
		return nil, 0
	}
	// Most exact matches.
	fits = most(fits, func(c *candidate) int {
		n := 0
		for i, a := range args {
			if a != types.Unknown && c.args[i] == a {
				n++
			}
		}
		return n
	})
	// Most exact matches or preferred types of the argument's category.
	if len(fits) > 1 {
		fits = most(fits, func(c *candidate) int {
			n := 0
			for i, a := range args {
				if a != types.Unknown && (c.args[i] == a || category(c.args[i]) == category(a) && preferred(c.args[i])) {
					n++
				}
			}
			return n
		})
	}
	if len(fits) > 1 && slices.Contains(args, types.Unknown) {
		fits = byUnknowns(fits, args)
		if len(fits) > 1 {
			if c := r.sameKnown(fits, args); c != nil {
				return c, 1
			}
		}
	}
	if len(fits) == 1 {
		return fits[0], 1
	}
	return nil, len(fits)
}

// accepts reports whether the arguments can be coerced implicitly.
func (r *Registry) accepts(c *candidate, args []types.OID) bool {
	generics := false
	for i, a := range args {
		if IsPolymorphic(c.args[i]) {
			generics = true
			continue
		}
		if !r.coercible(a, c.args[i]) {
			return false
		}
	}
	if generics {
		_, ok := r.bind(c.args, args)
		return ok
	}
	return true
}

// most keeps the candidates with the highest score.
func most(list []*candidate, score func(*candidate) int) []*candidate {
	best := -1
	var out []*candidate
	for _, c := range list {
		switch s := score(c); {
		case s > best:
			best = s
			out = append(out[:0:0], c)
		case s == best:
			out = append(out, c)
		}
	}
	return out
}

// byUnknowns lets the candidates decide the category of each unknown literal:
// string when any accepts one, else the category all agree on; within it a
// preferred type wins. Without agreement all candidates stay.
func byUnknowns(list []*candidate, args []types.OID) []*candidate {
	cats := make([]types.Category, len(args))
	prefs := make([]bool, len(args))
	for i, a := range args {
		if a != types.Unknown {
			continue
		}
		conflict := false
		for _, c := range list {
			cat, pref := category(c.args[i]), preferred(c.args[i])
			switch {
			case cats[i] == 0:
				cats[i], prefs[i] = cat, pref
			case cat == cats[i]:
				prefs[i] = prefs[i] || pref
			case cat == types.CategoryString:
				cats[i], prefs[i] = cat, pref
			default:
				conflict = true
			}
		}
		if conflict && cats[i] != types.CategoryString {
			return list
		}
	}
	var out []*candidate
	for _, c := range list {
		keep := true
		for i, a := range args {
			if a == types.Unknown && (category(c.args[i]) != cats[i] || prefs[i] && !preferred(c.args[i])) {
				keep = false
				break
			}
		}
		if keep {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return list
	}
	return out
}

// sameKnown assumes that unknown literals have the type of the known arguments
// when those agree; it returns the only candidate that then fits, nil otherwise.
func (r *Registry) sameKnown(list []*candidate, args []types.OID) *candidate {
	known := types.Unknown
	for _, a := range args {
		switch {
		case a == types.Unknown:
		case known == types.Unknown:
			known = a
		case known != a:
			return nil
		}
	}
	if known == types.Unknown {
		return nil
	}
	all := make([]types.OID, len(args))
	for i := range all {
		all[i] = known
	}
	var only *candidate
	for _, c := range list {
		if r.accepts(c, all) {
			if only != nil {
				return nil
			}
			only = c
		}
	}
	return only
}

// Operator resolves an operator by PostgreSQL's rules (section 10.2); left is 0
// for a prefix operator. Errors: 42883 when nothing fits, 42725 when several fit
// equally.
func (r *Registry) Operator(name string, left, right types.OID) (Match, Operator, error) {
	l, rt := left, right
	// An unknown literal is first taken for the other operand's type.
	switch {
	case left == 0:
	case l == types.Unknown:
		l = rt
	case rt == types.Unknown:
		rt = l
	}
	if i, ok := r.exactOps[operatorKey{name, l, rt}]; ok {
		return r.operatorMatch(i, left, right)
	}
	args := []types.OID{left, right}
	if left == 0 {
		args = args[1:]
	}
	var list []candidate
	for _, i := range r.opsByName[name] {
		o := &r.operators[i]
		if (o.Left == 0) != (left == 0) {
			continue
		}
		c := candidate{fn: o.Fn, args: []types.OID{o.Left, o.Right}, op: i}
		if left == 0 {
			c.args = c.args[1:]
		}
		list = append(list, c)
	}
	best, n := r.choose(list, args)
	if best != nil {
		return r.operatorMatch(best.op, left, right)
	}
	shown := types.FormatOID(right)
	if left == 0 {
		shown = name + " " + shown
	} else {
		shown = types.FormatOID(left) + " " + name + " " + shown
	}
	var e *pgerror.Error
	switch {
	case n > 1:
		e = pgerror.New(pgerror.AmbiguousFunction, "operator is not unique: "+shown)
		e.Hint = "Could not choose a best candidate operator. You might need to add explicit type casts."
	case left == 0:
		e = pgerror.New(pgerror.UndefinedFunction, "operator does not exist: "+shown)
		e.Hint = "No operator matches the given name and argument type. You might need to add an explicit type cast."
	default:
		e = pgerror.New(pgerror.UndefinedFunction, "operator does not exist: "+shown)
		e.Hint = "No operator matches the given name and argument types. You might need to add explicit type casts."
	}
	return Match{}, Operator{}, e
}

// operatorMatch settles operator i for the given operands.
func (r *Registry) operatorMatch(i int32, left, right types.OID) (Match, Operator, error) {
	o := r.operators[i]
	c := candidate{fn: o.Fn, args: []types.OID{o.Left, o.Right}, op: i}
	args := []types.OID{left, right}
	if o.Left == 0 {
		c.args, args = c.args[1:], args[1:]
	}
	m, err := r.settle(&c, args)
	return m, o, err
}

// Equality returns the = of a type with itself, with the coercion of its
// operands (varchar compares as text). 42883 when the type has none.
func (r *Registry) Equality(t types.OID) (Match, error) {
	m, _, err := r.Operator("=", t, t)
	if err != nil {
		return Match{}, pgerror.Newf(pgerror.UndefinedFunction, "could not identify an equality operator for type %s", types.FormatOID(t))
	}
	return m, nil
}

// Less returns the < of a type with itself, like Equality.
func (r *Registry) Less(t types.OID) (Match, error) {
	m, _, err := r.Operator("<", t, t)
	if err != nil {
		e := pgerror.Newf(pgerror.UndefinedFunction, "could not identify an ordering operator for type %s", types.FormatOID(t))
		e.Hint = "Use an explicit ordering operator or modify the query."
		return Match{}, e
	}
	return m, nil
}
