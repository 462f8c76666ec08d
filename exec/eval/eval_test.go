package eval_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/builtin"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

type functions map[types.OID]*function.Overload

func (f functions) AddFunction(o *function.Overload) { f[o.OID] = o }
func (functions) AddOperator(function.Operator)      {}
func (functions) AddCast(function.Cast)              {}

var pg = func() functions {
	f := functions{}
	builtin.Register(f)
	return f
}()

var env = &eval.Env{Ctx: context.Background(), Session: &session.Session{Vars: session.NewVars(nil)}}

// OIDs of functions in the tests.
const (
	int4eq, int4lt, int4gt, int4pl, int4div = 65, 66, 147, 177, 154
	texteq, numericGt                       = 67, 1720
)

func call(oid types.OID, args ...expr.Expr) expr.Expr {
	fn := pg[oid]
	return &expr.Call{Fn: fn, Args: args, T: types.Of(fn.Ret), Pos: -1}
}

func col(i int, t types.OID) expr.Expr { return &expr.Column{ID: expr.ColumnID(i), T: types.Of(t)} }

func integer(i int64) expr.Expr {
	return &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(i)}
}

var null = &expr.Const{T: types.Of(types.Int4), Value: types.Null}

// rows makes an int4 vector; -999 is NULL.
func ints(xs ...int64) *vector.Vec {
	ds := make([]types.Datum, len(xs))
	for i, x := range xs {
		if ds[i] = types.IntDatum(x); x == -999 {
			ds[i] = types.Null
		}
	}
	return vector.FromDatums(types.Of(types.Int4), ds)
}

func texts(xs ...string) *vector.Vec {
	ds := make([]types.Datum, len(xs))
	for i, x := range xs {
		if ds[i] = types.TextDatum(x); x == "NULL" {
			ds[i] = types.Null
		}
	}
	return vector.FromDatums(types.Of(types.Text), ds)
}

// show prints the first n rows.
func show(v *vector.Vec, n int) string {
	s := ""
	for i := range n {
		if i > 0 {
			s += " "
		}
		if v.IsNull(i) {
			s += "NULL"
			continue
		}
		s += types.FormatText(v.Type, v.Datum(i), types.DefaultFormat())
	}
	return s
}

func TestExpressions(t *testing.T) {
	batch := &vector.Batch{N: 4, Cols: []*vector.Vec{ints(1, 0, -999, 7), ints(10, 20, 30, 40)}}
	a, b := col(0, types.Int4), col(1, types.Int4)
	inverse := call(int4div, b, a)
	for _, c := range []struct {
		name string
		e    expr.Expr
		want string
	}{
		{"strict call", call(int4pl, a, b), "11 20 NULL 47"},
		{"strict call of NULL", call(int4pl, a, null), "NULL NULL NULL NULL"},
		{"constant", call(int4pl, integer(1), integer(2)), "3 3 3 3"},
		{"case guards a division", &expr.Case{Whens: []expr.When{{Cond: call(int4eq, a, integer(0)), Result: integer(-1)}}, Else: inverse, T: types.Of(types.Int4)}, "10 -1 NULL 5"},
		{"case without else", &expr.Case{Whens: []expr.When{{Cond: call(int4gt, a, integer(0)), Result: b}}, T: types.Of(types.Int4)}, "10 NULL NULL 40"},
		{"coalesce", &expr.Coalesce{Args: []expr.Expr{a, b}, T: types.Of(types.Int4)}, "1 0 30 7"},
		{"and guards a division", &expr.Logic{Op: expr.And, Args: []expr.Expr{call(int4gt, a, integer(0)), call(int4gt, inverse, integer(6))}}, "t f NULL f"},
		{"or of NULL and true", &expr.Logic{Op: expr.Or, Args: []expr.Expr{call(int4gt, a, integer(0)), call(int4gt, b, integer(25))}}, "t f t t"},
		{"not", &expr.Logic{Op: expr.Not, Args: []expr.Expr{call(int4gt, a, integer(0))}}, "f t NULL f"},
		{"is null", &expr.NullTest{Arg: a}, "f f t f"},
		{"is not true", &expr.BoolTest{Arg: call(int4gt, a, integer(0)), Value: types.BoolDatum(true), Not: true}, "f t t f"},
		{"is distinct from", &expr.Distinct{Left: a, Right: integer(7), Eq: pg[int4eq]}, "t t t f"},
		{"in", &expr.InList{Arg: a, Items: []expr.Expr{integer(7), integer(0)}, Eq: pg[int4eq]}, "f t NULL t"},
		{"in with NULL", &expr.InList{Arg: a, Items: []expr.Expr{integer(7), null}, Eq: pg[int4eq]}, "NULL NULL NULL t"},
		{"not in with NULL", &expr.InList{Arg: a, Items: []expr.Expr{integer(7), null}, Eq: pg[int4eq], Not: true}, "NULL NULL NULL f"},
		{"in with a column", &expr.InList{Arg: integer(10), Items: []expr.Expr{a, b}, Eq: pg[int4eq]}, "t f NULL f"},
		{"greatest", &expr.MinMax{Args: []expr.Expr{a, b, integer(15)}, Greatest: true, Less: pg[int4lt], T: types.Of(types.Int4)}, "15 20 30 40"},
		{"least", &expr.MinMax{Args: []expr.Expr{a, b}, Less: pg[int4lt], T: types.Of(types.Int4)}, "1 0 30 7"},
		{"any", &expr.ArrayCompare{Left: a, Array: &expr.Array{Items: []expr.Expr{integer(1), a}, T: types.Of(types.Int4Array)}, Op: "=", Fn: pg[int4eq]}, "t t NULL t"},
		{"subscript", &expr.Subscript{Arg: &expr.Array{Items: []expr.Expr{a, b}, T: types.Of(types.Int4Array)}, Index: []expr.Expr{integer(2)}, T: types.Of(types.Int4)}, "10 20 30 40"},
	} {
		p, err := eval.Compile(c.e, env)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for range 2 {
			v, err := p.Eval(batch)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			} else if got := show(v, 4); got != c.want {
				t.Errorf("%s: got %s, want %s", c.name, got, c.want)
			}
		}
		// A selection of the rows gives the same values densely.
		sel := &vector.Batch{N: 4, Sel: []int32{0, 3}, Cols: batch.Cols}
		v, err := p.Eval(sel)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var w [4]string
		fmt.Sscan(c.want, &w[0], &w[1], &w[2], &w[3])
		if got := show(v, 2); got != w[0]+" "+w[3] {
			t.Errorf("%s selected: got %s, want %s %s", c.name, got, w[0], w[3])
		}
	}
}

func TestFilterKeepsOrderOfConjuncts(t *testing.T) {
	dict := vector.Vec{Type: types.Of(types.Text), Kind: vector.Dict, Dict: texts("x", "yy"), Codes: []int32{0, 1, 1, 0}, DictID: 7}
	batch := &vector.Batch{N: 4, Cols: []*vector.Vec{ints(1, 0, -999, 7), ints(10, 20, 30, 40), &dict}}
	a, b, d := col(0, types.Int4), col(1, types.Int4), col(2, types.Text)
	text := func(s string) expr.Expr { return &expr.Const{T: types.Of(types.Text), Value: types.TextDatum(s)} }
	for _, c := range []struct {
		conds []expr.Expr
		want  string
	}{
		{nil, "[0 1 2 3]"},
		{[]expr.Expr{call(int4gt, a, integer(0))}, "[0 3]"},
		{[]expr.Expr{call(int4gt, a, integer(0)), call(int4gt, call(int4div, b, a), integer(6))}, "[0]"},
		{[]expr.Expr{call(int4lt, a, b)}, "[0 1 3]"},
		{[]expr.Expr{&expr.NullTest{Arg: a}}, "[2]"},
		{[]expr.Expr{&expr.NullTest{Arg: a, Not: true}, call(int4lt, integer(15), b)}, "[1 3]"},
		{[]expr.Expr{call(texteq, d, text("yy"))}, "[1 2]"},
		{[]expr.Expr{call(texteq, d, text("x")), call(int4gt, a, integer(1))}, "[3]"},
		{[]expr.Expr{&expr.InList{Arg: d, Items: []expr.Expr{text("q"), text("x")}, Eq: pg[texteq]}}, "[0 3]"},
	} {
		f, err := eval.CompileFilter(c.conds, env)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			sel, err := f.Select(batch)
			if err != nil {
				t.Errorf("%v", err)
			}
			if got := fmt.Sprint(sel); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		}
	}
}

func TestNumericFormsCompareAndHashAlike(t *testing.T) {
	parse := func(s string) types.Datum {
		d, err := types.ParseText(types.Of(types.Numeric), s, types.DefaultFormat())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	views := vector.FromDatums(types.Of(types.Numeric), []types.Datum{parse("1.5"), parse("1.50"), parse("-3"), parse("1e30"), parse("NaN"), parse("1.5000000000000000000000")})
	scaled := vector.NewScaled(types.Of(types.Numeric), 3, 3)
	copy(scaled.Int64s(), []int64{1500, 1500, -3000})
	h, g := make([]uint64, 6), make([]uint64, 3)
	kernel.Hash(h, views, 6, false)
	kernel.Hash(g, scaled, 3, false)
	if h[0] != h[1] || h[0] != g[0] || h[2] != g[2] || h[5] != h[0] || h[3] == h[4] {
		t.Errorf("hashes %x %x", h, g)
	}
	order := kernel.CompareFunc(types.Of(types.Numeric))
	if order(views, 0, scaled, 1) != 0 || order(views, 2, scaled, 0) >= 0 || order(views, 4, views, 3) <= 0 || !kernel.Equal(views, 5, scaled, 0) {
		t.Error("numeric order")
	}
	batch := &vector.Batch{N: 3, Cols: []*vector.Vec{scaled}}
	f, err := eval.CompileFilter([]expr.Expr{call(numericGt, col(0, types.Numeric), &expr.Const{T: types.Of(types.Numeric), Value: parse("1.4")})}, env)
	if err != nil {
		t.Fatal(err)
	}
	if sel, err := f.Select(batch); err != nil || fmt.Sprint(sel) != "[0 1]" {
		t.Errorf("got %v %v", sel, err)
	}
}

func TestFold(t *testing.T) {
	a := col(0, types.Int4)
	e := eval.Fold(call(int4pl, a, call(int4pl, integer(1), integer(2))), env)
	if c, ok := e.(*expr.Call).Args[1].(*expr.Const); !ok || c.Value.I != 3 {
		t.Errorf("got %#v", e)
	}
	if _, ok := eval.Fold(call(int4div, integer(1), integer(0)), env).(*expr.Call); !ok {
		t.Error("an error must stay unfolded")
	}
	if d, err := eval.EvalConst(call(int4pl, integer(4), integer(2)), env); err != nil || d.I != 6 {
		t.Errorf("got %v %v", d, err)
	}
}
