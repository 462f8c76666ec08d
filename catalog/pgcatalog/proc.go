package pgcatalog

import (
	"slices"
	"sync"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// supportFunctions are functions that types refer to (int4in, array_recv): they
// are in pg_proc, but nobody can call them.
type supportFunctions struct {
	byName map[string]types.OID
	byOID  map[types.OID][]types.Datum
}

var support = sync.OnceValue(func() supportFunctions {
	s := supportFunctions{map[string]types.OID{}, map[types.OID][]types.Datum{}}
	for _, r := range procRows() {
		s.byName[r[1].S], s.byOID[oidOf(r[0])] = oidOf(r[0]), r
	}
	return s
})

func supportName(id types.OID) (string, bool) {
	r, ok := support().byOID[id]
	if !ok {
		return "", false
	}
	return r[1].S, true
}

func supportOID(name string) (types.OID, bool) {
	id, ok := support().byName[name]
	return id, ok
}

// supportArgs returns the argument types of a support function.
func supportArgs(id types.OID) []types.OID {
	const proargtypes = 19
	r, ok := support().byOID[id]
	if !ok {
		return nil
	}
	a, err := types.DecodeArray(r[proargtypes].S)
	must(err)
	out := make([]types.OID, len(a.Elems))
	for i, e := range a.Elems {
		out[i] = oidOf(e)
	}
	return out
}

// internalLanguage is pg_language.oid of built-in functions.
const internalLanguage types.OID = 12

// variadicType is pg_proc.provariadic: the element type of the last argument.
func variadicType(f *function.Overload) types.OID {
	if !f.Variadic || len(f.Args) == 0 {
		return 0
	}
	switch last := f.Args[len(f.Args)-1]; last {
	case types.Any:
		return types.Any
	case types.AnyArray:
		return types.AnyElement
	case types.AnyCompatibleArray:
		return types.AnyCompatible
	default:
		return types.Of(last).Elem().OID
	}
}

// kindOf is pg_proc.prokind.
func kindOf(f *function.Overload) string {
	if f.Kind == function.SetReturn {
		return "f"
	}
	return string(f.Kind)
}

// retSet reports whether a function returns a set.
func retSet(f *function.Overload) bool { return f.Kind == function.SetReturn }

func pgProc(x *scan) {
	only, keyed := x.keyed("oid")
	seen := map[types.OID]bool{}
	if x.reg != nil {
		for f := range x.reg.Functions() {
			if keyed && !contains(only, f.OID) {
				continue
			}
			seen[f.OID] = true
			x.addProc(f)
		}
	}
	for _, f := range x.snap.UserFunctions() {
		if !keyed || contains(only, f.OID) {
			x.addUserFunction(f)
		}
	}
	for _, r := range procRows() {
		if !seen[oidOf(r[0])] {
			x.add(r...)
		}
	}
}

// sqlLanguage is pg_language's row of SQL.
const sqlLanguage types.OID = 14

// addUserFunction adds a function that users have made.
func (x *scan) addUserFunction(f *catalog.UserFunction) {
	args := make([]types.OID, len(f.Args))
	all, modes, named := []types.OID(nil), []string(nil), false
	for i, a := range f.Args {
		args[i] = a.OID
		all, modes = append(all, a.OID), append(modes, "i")
		named = named || f.ArgNames[i] != ""
	}
	allTypes, modeList, names := null, null, null
	list := slices.Clone(f.ArgNames)
	if len(f.Columns) > 0 {
		for _, c := range f.Columns {
			all, modes, list = append(all, c.Type.OID), append(modes, "t"), append(list, c.Name)
		}
		allTypes, modeList, named = oids(all), texts(types.Char, modes), true
	}
	if named {
		names = texts(types.Text, list)
	}
	estimate := 0.0
	if f.Set {
		estimate = 1000
	}
	x.add(oid(f.OID), str(f.Name), oid(f.SchemaID), oid(f.Owner), oid(sqlLanguage), types.FloatDatum(100), types.FloatDatum(estimate),
		oid(0), oid(0), str("f"), yes(false), yes(false), yes(f.Strict), yes(f.Set), str(string(f.Volatility)), str("u"),
		num(len(args)), num(0), oid(f.Ret.OID), vectorOf(args), allTypes, modeList, names, null, null, str(f.SQL), null, null, null, null)
}

func (x *scan) addProc(f *function.Overload) {
	allTypes, modes, names := null, null, null
	if len(f.RetColumns) > 0 {
		var list []types.OID
		var m, n []string
		for i, a := range f.Args {
			list, m = append(list, a), append(m, "i")
			if i < len(f.ArgNames) {
				n = append(n, f.ArgNames[i])
			} else {
				n = append(n, "")
			}
		}
		for _, c := range f.RetColumns {
			list, m, n = append(list, c.Type), append(m, "o"), append(n, c.Name)
		}
		allTypes, modes, names = oids(list), texts(types.Char, m), texts(types.Text, n)
	} else if len(f.ArgNames) > 0 {
		names = texts(types.Text, f.ArgNames)
	}
	defaults := null
	if len(f.Defaults) > 0 {
		defaults = str(joinComma(f.Defaults))
	}
	estimate := 0.0
	if retSet(f) {
		estimate = 100
	}
	x.add(oid(f.OID), str(f.Name), oid(schemaOID(f.Schema)), oid(catalog.Bootstrap), oid(internalLanguage), types.FloatDatum(1), types.FloatDatum(estimate),
		oid(variadicType(f)), oid(0), str(kindOf(f)), yes(false), yes(f.Leakproof), yes(f.Strict), yes(retSet(f)), str(string(f.Volatility)), str("s"),
		num(len(f.Args)), num(len(f.Defaults)), oid(f.Ret), vectorOf(f.Args), allTypes, modes, names, defaults, null, str(f.Name), null, null, null, null)
}

func pgAggregate(x *scan) {
	if x.reg == nil {
		return
	}
	for f := range x.reg.Functions() {
		if f.Kind != function.Agg {
			continue
		}
		kind, direct := "n", 0
		if f.Aggregate != nil && f.Aggregate.Ordered {
			kind, direct = "o", max(len(f.Args)-1, 0)
		}
		x.add(oid(f.OID), str(kind), num(direct), oid(0), oid(0), oid(0), oid(0), oid(0), oid(0), oid(0), oid(0),
			yes(false), yes(false), str("r"), str("r"), oid(0), oid(types.Internal), num(0), oid(0), num(0), null, null)
	}
}

func pgOperator(x *scan) {
	if x.reg == nil {
		return
	}
	for o := range x.reg.Operators() {
		kind := "b"
		if o.Left == 0 {
			kind = "l"
		}
		var code, result, commutator, negator types.OID
		if o.Fn != nil {
			code, result = o.Fn.OID, o.Fn.Ret
		}
		if c, ok := x.reg.OperatorExact(o.Commutator, o.Right, o.Left); ok && o.Commutator != "" {
			commutator = c.OID
		}
		if n, ok := x.reg.OperatorExact(o.Negator, o.Left, o.Right); ok && o.Negator != "" {
			negator = n.OID
		}
		equality := o.Name == "=" && o.Left == o.Right
		x.add(oid(o.OID), str(o.Name), oid(catalog.SchemaPgCatalog), oid(catalog.Bootstrap), str(kind), yes(equality), yes(equality),
			oid(o.Left), oid(o.Right), oid(result), oid(commutator), oid(negator), oid(code), oid(0), oid(0))
	}
}

func pgCast(x *scan) {
	if x.reg == nil {
		return
	}
	for c := range x.reg.Casts() {
		if regName(c.From) {
			if t := types.Of(c.To); t.Category() == types.CategoryString {
				continue // PostgreSQL prints these by their output functions
			}
		}
		if t := types.Of(c.From); regName(c.To) && c.To != types.RegClass && t.Category() == types.CategoryString {
			continue // and reads those by their input functions
		}
		fn, method := types.OID(0), "b"
		if c.Fn != nil {
			fn, method = c.Fn.OID, "f"
		}
		x.add(oid(c.OID), oid(c.From), oid(c.To), oid(fn), str(string(c.Context)), str(method))
	}
}

// regName reports whether values of a type print as names of the catalog.
func regName(t types.OID) bool {
	switch t {
	case types.RegClass, types.RegType, types.RegProc, types.RegProcedure, types.RegOper, types.RegOperator,
		types.RegNamespace, types.RegRole, types.RegCollation:
		return true
	}
	return false
}
