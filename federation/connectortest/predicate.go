package connectortest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// operators are the comparisons with the suffix of their function's name.
var operators = map[string]string{"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "~~": "like", "!~~": "nlike"}

// Compare returns the bound call `l op r` for operands of equal type, as the
// binder makes it: varchar is relabelled to text.
func Compare(op string, l, r expr.Expr) expr.Expr {
	l, r = asText(l), asText(r)
	t := l.Type().OID
	name := map[types.OID]string{types.Text: "text"}[t]
	if name == "" {
		name = types.Lookup(t).Name
	}
	fn := &function.Overload{
		Name: name + operators[op], Kind: function.Scalar, Args: []types.OID{t, r.Type().OID}, Ret: types.Bool,
		Volatility: function.Immutable, Strict: true, Leakproof: true,
	}
	return &expr.Call{Fn: fn, Args: []expr.Expr{l, r}, T: types.Of(types.Bool), Op: op, Pos: -1}
}

// asText relabels varchar as the binder does.
func asText(e expr.Expr) expr.Expr {
	if e.Type().OID == types.VarChar {
		if c, ok := e.(*expr.Const); ok {
			return &expr.Const{T: types.Of(types.Text), Value: c.Value}
		}
		return &expr.Relabel{Arg: e, T: types.Of(types.Text)}
	}
	return e
}

// In returns the bound `arg [NOT] IN (items)`.
func In(arg expr.Expr, items []expr.Expr, not bool) expr.Expr {
	eq := Compare("=", arg, items[0]).(*expr.Call)
	list := make([]expr.Expr, len(items))
	for i := range items {
		list[i] = asText(items[i])
	}
	return &expr.InList{Arg: asText(arg), Items: list, Eq: eq.Fn, Not: not}
}

// Not returns NOT e.
func Not(e expr.Expr) expr.Expr { return &expr.Logic{Op: expr.Not, Args: []expr.Expr{e}} }

// leaves returns simple predicates over column i: every comparison with every
// constant, IN lists, NULL tests and patterns.
func leaves(i int, c connector.Column, consts []types.Datum) []expr.Expr {
	col := &expr.Column{ID: expr.ColumnID(i), Name: c.Name, T: c.Type}
	out := []expr.Expr{&expr.NullTest{Arg: col}, &expr.NullTest{Arg: col, Not: true}}
	if c.Type.OID == types.Bool {
		out = append(out, col, Not(col), &expr.BoolTest{Arg: col, Value: types.BoolDatum(true)},
			&expr.BoolTest{Arg: col, Value: types.BoolDatum(false), Not: true}, &expr.BoolTest{Arg: col, Value: types.Null})
	}
	if _, ok := parse(c.Type, "1"); !ok && len(consts) == 0 {
		return out
	}
	t := types.Of(c.Type.OID)
	lit := func(d types.Datum) expr.Expr { return &expr.Const{T: t, Value: d} }
	var items []expr.Expr
	for _, d := range consts {
		for _, op := range []string{"=", "<>", "<", "<=", ">", ">="} {
			out = append(out, Compare(op, col, lit(d)))
		}
		out = append(out, Compare("<", lit(d), col))
		items = append(items, lit(d))
	}
	if len(items) > 2 {
		out = append(out, In(col, items[:3], false), In(col, items[:3], true), In(col, items, false),
			In(col, append([]expr.Expr{lit(types.Null)}, items[:2]...), false), In(col, append([]expr.Expr{lit(types.Null)}, items[:2]...), true))
	}
	if t.OID == types.Text || t.OID == types.VarChar {
		for _, p := range []string{"a%", "%b%", "ABC", "_b_", `a\%b%`, `a\\b`, "%", "", "%😀", "abc_", "a'b%"} {
			out = append(out, Compare("~~", col, lit(types.TextDatum(p))), Compare("!~~", col, lit(types.TextDatum(p))))
		}
	}
	return out
}

// combine makes n random AND, OR and NOT trees of the leaves, always the same
// for one seed.
func combine(list []expr.Expr, n int, seed uint64) []expr.Expr {
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func() expr.Expr { return list[r.IntN(len(list))] }
	var tree func(depth int) expr.Expr
	tree = func(depth int) expr.Expr {
		if depth == 0 {
			return pick()
		}
		switch r.IntN(4) {
		case 0:
			return Not(tree(depth - 1))
		case 1:
			return &expr.Logic{Op: expr.And, Args: []expr.Expr{tree(depth - 1), tree(depth - 1)}}
		case 2:
			return &expr.Logic{Op: expr.Or, Args: []expr.Expr{tree(depth - 1), tree(depth - 1), pick()}}
		}
		return pick()
	}
	out := make([]expr.Expr, n)
	for i := range out {
		out[i] = tree(1 + r.IntN(3))
	}
	return out
}

// Evaluate computes a predicate of the suite over one row in three-valued
// logic, straight from the definition. It knows only the node kinds and
// operators that the suite makes and panics on others.
func Evaluate(e expr.Expr, row []types.Datum) types.Datum {
	switch e := e.(type) {
	case *expr.Column:
		return row[e.ID]
	case *expr.Const:
		return e.Value
	case *expr.Relabel:
		return Evaluate(e.Arg, row)
	case *expr.NullTest:
		return types.BoolDatum(Evaluate(e.Arg, row).Null != e.Not)
	case *expr.BoolTest:
		d := Evaluate(e.Arg, row)
		is := d.Null == e.Value.Null && (d.Null || d.Bool() == e.Value.Bool())
		return types.BoolDatum(is != e.Not)
	case *expr.Logic:
		return evaluateLogic(e, row)
	case *expr.InList:
		d := evaluateIn(e, row)
		if e.Not && !d.Null {
			return types.BoolDatum(!d.Bool())
		}
		return d
	case *expr.Call:
		l, r := Evaluate(e.Args[0], row), Evaluate(e.Args[1], row)
		if l.Null || r.Null {
			return types.Null
		}
		return types.BoolDatum(holds(e.Op, e.Args[0].Type(), l, r))
	}
	panic(fmt.Sprintf("connectortest: cannot evaluate %T", e))
}

// holds evaluates one comparison of values that are not NULL.
func holds(op string, t types.Type, l, r types.Datum) bool {
	switch op {
	case "~~":
		return like(l.S, r.S)
	case "!~~":
		return !like(l.S, r.S)
	}
	c := compare(t, l, r)
	switch op {
	case "=":
		return c == 0
	case "<>":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	panic("connectortest: cannot evaluate operator " + op)
}

// evaluateLogic is AND, OR, NOT.
func evaluateLogic(e *expr.Logic, row []types.Datum) types.Datum {
	if e.Op == expr.Not {
		d := Evaluate(e.Args[0], row)
		if d.Null {
			return d
		}
		return types.BoolDatum(!d.Bool())
	}
	out := types.BoolDatum(e.Op == expr.And)
	for _, a := range e.Args {
		d := Evaluate(a, row)
		switch {
		case d.Null:
			out = types.Null
		case d.Bool() == (e.Op == expr.Or):
			return d
		}
	}
	return out
}

// evaluateIn is IN without its negation.
func evaluateIn(e *expr.InList, row []types.Datum) types.Datum {
	l := Evaluate(e.Arg, row)
	if l.Null {
		return l
	}
	out := types.BoolDatum(false)
	for _, item := range e.Items {
		r := Evaluate(item, row)
		switch {
		case r.Null:
			out = types.Null
		case compare(e.Arg.Type(), l, r) == 0:
			return types.BoolDatum(true)
		}
	}
	return out
}

// like matches PostgreSQL's LIKE with backslash as escape.
func like(s, p string) bool {
	for p != "" {
		c, n := utf8.DecodeRuneInString(p)
		switch c {
		case '%':
			for i := 0; i <= len(s); i++ {
				if like(s[i:], p[n:]) {
					return true
				}
			}
			return false
		case '_':
			if s == "" {
				return false
			}
			_, m := utf8.DecodeRuneInString(s)
			s, p = s[m:], p[n:]
			continue
		case '\\':
			p = p[n:]
			_, n = utf8.DecodeRuneInString(p)
		}
		if !strings.HasPrefix(s, p[:n]) {
			return false
		}
		s, p = s[n:], p[n:]
	}
	return s == ""
}
