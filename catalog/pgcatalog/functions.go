package pgcatalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// callee is what a system function gets: the catalog as the session sees it and
// one row of arguments.
type callee struct {
	*source
	call *function.Call
	// declared are the types of the arguments by which the overload was chosen.
	declared []types.OID
	args     []types.Datum
}

// text returns a text or name argument.
func (c *callee) text(i int) string { return c.args[i].S }

// oid returns an oid argument.
func (c *callee) oid(i int) types.OID { return oidOf(c.args[i]) }

// int returns an integer argument.
func (c *callee) int(i int) int32 { return int32(c.args[i].I) }

// named reports whether an argument is a name, and not an oid.
func (c *callee) named(i int) bool {
	return c.declared[i] == types.Text || c.declared[i] == types.Name
}

type (
	// scalar computes one value.
	scalar func(c *callee) (types.Datum, error)
	// rowsOf emits the rows of a set-returning function.
	rowsOf func(c *callee, emit func([]types.Datum) error) error
)

// scalars are the system functions by name; a function serves all overloads of
// its name, or with (types) behind the name one of them.
var scalars = gatherScalars(visibilityFunctions, definitionFunctions, privilegeFunctions, serverFunctions, objectFunctions, sizeFunctions, shapeFunctions)

func gatherScalars(groups ...map[string]scalar) map[string]scalar {
	out := map[string]scalar{}
	for _, g := range groups {
		maps.Copy(out, g)
	}
	return out
}

// fact is one line of facts/functions.tsv.
type fact struct {
	function.Overload
	signature string
}

func functionFacts() []fact {
	formal := map[string]types.OID{}
	for _, t := range types.All() {
		formal[t.Formal] = t.OID
	}
	typeOf := func(name string) types.OID {
		if t := types.ByName(name); t != nil {
			return t.OID
		}
		return types.Record // the row of a system relation
	}
	var out []fact
	for _, f := range lines("facts/functions.tsv") {
		id, err := strconv.ParseUint(f[0], 10, 32)
		must(err)
		o := fact{signature: f[2] + "(" + f[4] + ")"}
		o.OID, o.Schema, o.Name, o.Ret = types.OID(id), f[1], f[2], typeOf(f[5])
		o.Kind = function.Kind(f[3][0])
		o.Volatility, o.Strict, o.Variadic = function.Volatility(f[6][0]), f[7] == "s", f[8] == "v"
		if f[4] != "" {
			for a := range strings.SplitSeq(f[4], ",") {
				o.Args = append(o.Args, typeOf(a))
			}
		}
		if names := strings.Split(f[9], ","); f[9] != "" && len(names) == len(o.Args) {
			o.ArgNames = names
		}
		if f[10] != "" {
			o.Defaults = strings.Split(f[10], ", ")
		}
		if f[11] != "" {
			for c := range strings.SplitSeq(f[11], ",") {
				name, t, _ := strings.Cut(c, ":")
				o.RetColumns = append(o.RetColumns, function.Column{Name: name, Type: formal[t]})
			}
		}
		out = append(out, o)
	}
	return out
}

// Functions returns the system functions that need the catalog, but for those
// that reg has already. Their kernels find the catalog and the search path in
// the session of the call. act may be nil.
func Functions(reg *function.Registry, act Activity) []*function.Overload {
	var out []*function.Overload
	for _, f := range functionFacts() {
		if slices.ContainsFunc(reg.Candidates(f.Schema, f.Name), func(o *function.Overload) bool { return equalTypes(o.Args, f.Args) }) {
			continue
		}
		o := f.Overload
		if o.Kind == function.SetReturn {
			body := sets[f.signature]
			if body == nil {
				body = sets[f.Name]
			}
			if body == nil {
				continue
			}
			o.Rows = setRows(reg, act, o.Args, body)
		} else {
			body := scalars[f.signature]
			if body == nil {
				body = scalars[f.Name]
			}
			if body == nil {
				body = statistic(&f)
			}
			if body == nil {
				continue
			}
			o.Kernel = kernel(reg, act, o.Args, body)
		}
		out = append(out, &o)
	}
	return out
}

// statistic returns the body of the functions that read PostgreSQL's counters,
// of which there are none here: counts are 0, everything else is NULL.
func statistic(f *fact) scalar {
	if !strings.HasPrefix(f.Name, "pg_stat_get_") || len(f.Args) > 1 {
		return nil
	}
	switch f.Ret {
	case types.Int8, types.Float8:
		return constant(types.Datum{})
	case types.Record:
		return nil
	}
	return constant(null)
}

// constant makes a function that returns always the same.
func constant(d types.Datum) scalar { return func(*callee) (types.Datum, error) { return d, nil } }

// view returns the catalog as the session of a call sees it.
func view(c *function.Call, reg *function.Registry, act Activity) (*source, error) {
	snap, ok := c.Session.Catalog.(*catalog.Snapshot)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "the session has no catalog")
	}
	return newSource(snap, c.Session, reg, act), nil
}

// kernel makes the kernel of a function that works row by row.
func kernel(reg *function.Registry, act Activity, declared []types.OID, f scalar) function.Kernel {
	return func(call *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
		src, err := view(call, reg, act)
		if err != nil {
			return err
		}
		c := callee{source: src, call: call, declared: declared, args: make([]types.Datum, len(args))}
		for i := range n {
			if out.Valid != nil && !out.Valid.Get(i) {
				continue
			}
			for k, a := range args {
				c.args[k] = a.Datum(i)
			}
			d, err := f(&c)
			if err != nil {
				return err
			}
			out.Set(i, n, d)
		}
		return nil
	}
}

// setRows makes the body of a set-returning function.
func setRows(reg *function.Registry, act Activity, declared []types.OID, f rowsOf) function.RowsFunc {
	return func(call *function.Call, args []types.Datum, emit func([]types.Datum) error) error {
		for _, a := range args {
			if a.Null {
				return nil
			}
		}
		src, err := view(call, reg, act)
		if err != nil {
			return err
		}
		return f(&callee{source: src, call: call, declared: declared, args: args}, emit)
	}
}

// Casts returns the casts between text and the types whose values are names of
// the catalog (regclass, regtype and so on), but for those that reg has already.
func Casts(reg *function.Registry) []function.Cast {
	known := map[[2]types.OID]bool{}
	for c := range reg.Casts() {
		known[[2]types.OID{c.From, c.To}] = true
	}
	var out []function.Cast
	add := func(from, to types.OID, context function.CastContext, f scalar) {
		if known[[2]types.OID{from, to}] {
			return
		}
		fn := &function.Overload{Schema: function.PgCatalog, Kind: function.Scalar, Args: []types.OID{from}, Ret: to, Volatility: function.Stable, Strict: true}
		fn.Kernel = kernel(reg, nil, fn.Args, f)
		out = append(out, function.Cast{From: from, To: to, Context: context, Fn: fn})
	}
	for _, reg := range []types.OID{
		types.RegClass, types.RegType, types.RegProc, types.RegProcedure, types.RegOper, types.RegOperator,
		types.RegNamespace, types.RegRole, types.RegCollation,
	} {
		print := func(c *callee) (types.Datum, error) { return str(c.names.Text(reg, c.oid(0))), nil }
		read := func(c *callee) (types.Datum, error) { return c.names.ParseReg(reg, c.text(0)) }
		context := function.Explicit
		if reg == types.RegClass {
			context = function.Implicit
		}
		for _, text := range []types.OID{types.Text, types.VarChar, types.BPChar} {
			add(reg, text, function.Assignment, print)
			add(text, reg, context, read)
		}
		add(types.Name, reg, function.Explicit, read)
		add(reg, types.Name, function.Assignment, func(c *callee) (types.Datum, error) {
			return str(types.TruncateName(c.names.Text(reg, c.oid(0)))), nil
		})
	}
	return out
}
