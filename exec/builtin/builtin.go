// Package builtin implements PostgreSQL's functions, operators, casts and
// aggregates as vector kernels, one family per file.
//
// What a function is called, its OID, types, volatility, strictness and
// leakproofness are PostgreSQL's and stand in pg_proc.tsv, pg_operator.tsv and
// pg_cast.tsv; a family adds the kernel and the documentation. To add a
// function, add an entry to the list of its family.
package builtin

import (
	"fmt"
	"strings"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// entry implements one or more signatures of pg_proc.
type entry struct {
	// sigs lists signatures as name(argtypes), separated by blanks; the types
	// are pg_type names.
	sigs      string
	kernel    function.Kernel
	aggregate *function.Aggregate
	rows      function.RowsFunc
	// infallible is set for functions that never raise. Leakproof functions
	// are infallible without it.
	infallible bool
	doc        string
	example    string
}

// families lists every family of functions.
var families = [...]func() []entry{
	comparisons,
	integers,
	floats,
	numerics,
	booleans,
	casts,
	stringFunctions,
	likes,
	charFormats,
	transitions,
	jsons,
	jsonTexts,
	jsonPaths,
	jsonEdits,
	bitStrings,
	networks,
	valueFunctions,
	sets,
	enums,
	records,
	ranges,
	arrays,
	system,
	numericMath,
	regexes,
	encodings,
	dateCasts,
	dateArithmetic,
	dateFunctions,
	countAggregates,
	sumAggregates,
	minMaxAggregates,
	statAggregates,
	collectAggregates,
	windowFunctions,
}

// Registrar takes the definitions; *function.Registry is one.
type Registrar interface {
	AddFunction(*function.Overload)
	AddOperator(function.Operator)
	AddCast(function.Cast)
}

// Register adds every built-in function, operator, cast and aggregate to reg.
func Register(reg Registrar) {
	facts := readFacts()
	var unknown []string
	done := make(map[types.OID]*function.Overload, len(facts.list))
	for _, family := range families {
		for _, e := range family() {
			for sig := range strings.FieldsSeq(e.sigs) {
				o, ok := facts.bySig[sig]
				if !ok {
					unknown = append(unknown, sig)
					continue
				}
				f := *o
				f.Kernel, f.Aggregate, f.Rows = e.kernel, e.aggregate, e.rows
				f.Infallible = e.infallible || f.Leakproof
				f.Doc, f.Example = e.doc, e.example
				done[f.OID] = &f
				reg.AddFunction(&f)
			}
		}
	}
	for _, f := range hubFunctions() {
		reg.AddFunction(f)
	}
	if len(unknown) > 0 {
		panic(fmt.Sprintf("builtin: no functions of PostgreSQL: %s", strings.Join(unknown, " ")))
	}
	for _, o := range readOperators() {
		if fn := done[o.fn]; fn != nil {
			o.op.Fn = fn
			reg.AddOperator(o.op)
		}
	}
	for _, c := range readCasts() {
		switch fn := done[c.fn]; {
		case c.method == 'b':
			reg.AddCast(c.cast)
		case c.method == 'i':
			c.cast.Fn = &function.Overload{
				Kind: function.Scalar, Args: []types.OID{c.cast.From}, Ret: c.cast.To, Schema: "hub", Name: "io_cast",
				Volatility: function.Stable, Strict: true, Kernel: function.ConvertByText,
			}
			reg.AddCast(c.cast)
		case fn != nil:
			// The modifier and the explicitness come with the call, not as
			// arguments.
			if len(fn.Args) > 1 {
				one := *fn
				one.OID, one.Name, one.Args = 0, "", fn.Args[:1]
				fn = &one
			}
			c.cast.Fn = fn
			reg.AddCast(c.cast)
		}
	}
}
