package eval_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

func TestFiltersOnMixedInstantsKeepWhatTheOperatorSays(t *testing.T) {
	const day = 24 * 3600 * 1000000
	values := map[types.OID][]int64{
		types.Date:        {-2, -1, 0, 1, 2, 8000, 1<<31 - 1, -1 << 31},
		types.Timestamp:   {-day - 1, -day, -1, 0, 1, day - 1, day, day + 1, types.TimestampInfinity, types.TimestampNegInfinity},
		types.TimestampTZ: {-day, -1, 0, 1, 3600 * 1000000, day - 7200*1000000, day, types.TimestampInfinity, types.TimestampNegInfinity},
	}
	column := func(oid types.OID) *vector.Vec {
		ds := []types.Datum{types.Null}
		for _, x := range values[oid] {
			ds = append(ds, types.IntDatum(x))
		}
		return vector.FromDatums(types.Of(oid), ds)
	}
	tried := 0
	for _, fn := range pg {
		if len(fn.Args) != 2 || fn.Args[0] == fn.Args[1] || fn.Kernel == nil || values[fn.Args[0]] == nil || values[fn.Args[1]] == nil || fn.Ret != types.Bool {
			continue
		}
		for side := range 2 {
			v := column(fn.Args[side])
			for _, x := range values[fn.Args[1-side]] {
				args := []expr.Expr{col(0, fn.Args[0]), col(0, fn.Args[1])}
				args[1-side] = &expr.Const{T: types.Of(fn.Args[1-side]), Value: types.IntDatum(x)}
				cond := &expr.Call{Fn: fn, Args: args, T: types.Of(types.Bool), Pos: -1}
				f, err := eval.CompileFilter([]expr.Expr{cond}, env)
				if err != nil {
					t.Fatal(err)
				}
				b := &vector.Batch{N: len(values[fn.Args[side]]) + 1, Cols: []*vector.Vec{v}}
				got, err := f.Select(b)
				if err != nil {
					t.Fatal(err)
				}
				p, err := eval.Compile(cond, env)
				if err != nil {
					t.Fatal(err)
				}
				r, err := p.Eval(b)
				if err != nil {
					t.Fatal(err)
				}
				if want := vector.SelectTrue(nil, r, nil, b.N); !slices.Equal(got, want) {
					t.Errorf("%s, constant %d on side %d: rows %v, want %v", fn.Name, x, 1-side, got, want)
				}
				tried++
			}
		}
	}
	if tried < 300 {
		t.Fatalf("only %d comparisons", tried)
	}
}

func TestProductsOverflowToTheGeneralForm(t *testing.T) {
	const numericMul = 1726
	for _, c := range []struct{ x, y, want string }{
		{"3037000500", "3037000500", "9223372037000250000"},
		{"-3037000500", "3037000499", "-9223372033963249500"},
		{"9223372036854775807", "1", "9223372036854775807"},
		{"-4611686018427387904", "2", "-9223372036854775808"},
		{"4611686018427387904", "2", "9223372036854775808"},
	} {
		num := func(s string) *vector.Vec {
			n, err := types.ParseNum(s)
			if err != nil {
				t.Fatal(err)
			}
			return vector.FromDatums(types.Of(types.Numeric), []types.Datum{n.Datum(), n.Datum()})
		}
		p, err := eval.Compile(call(numericMul, col(0, types.Numeric), col(1, types.Numeric)), env)
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.Eval(&vector.Batch{N: 2, Cols: []*vector.Vec{num(c.x), num(c.y)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(types.DecodeNumeric([]byte(v.Datum(1).S))); got != c.want {
			t.Errorf("%s * %s = %s", c.x, c.y, got)
		}
	}
}
