package builtin

import (
	"context"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
)

// TestAggregates feeds two groups, of five and of no rows, in two batches to two
// accumulators that are merged; the answers are PostgreSQL's.
func TestAggregates(t *testing.T) {
	fns := overloads{}
	Register(fns)
	s := &session.Session{Vars: session.NewVars(session.Defaults{})}
	for _, c := range []struct {
		sig, want, empty string
		values           []string
	}{
		{"count(any)", "4", "0", []string{"1", "2", `\N`, "4", "5"}},
		{"sum(int4)", "12", `\N`, []string{"1", "2", `\N`, "4", "5"}},
		{"sum(int8)", "18446744073709551614", `\N`, []string{"9223372036854775807", "9223372036854775807", `\N`, "4", "-4"}},
		{"sum(numeric)", "12.85", `\N`, []string{"1.5", "2.25", `\N`, "4.1", "5"}},
		{"sum(numeric)", "NaN", `\N`, []string{"1.5", "2.25", "NaN", "4.1", "5"}},
		{"sum(numeric)", "100000000000000000000000000000006.0", `\N`, []string{"1.5", "1e32", "0.5", "4", "0.0"}},
		{"avg(int4)", "3.0000000000000000", `\N`, []string{"1", "2", `\N`, "4", "5"}},
		{"avg(numeric)", "3.2125000000000000", `\N`, []string{"1.5", "2.25", `\N`, "4.1", "5"}},
		{"avg(float8)", "2.5", `\N`, []string{"1", "2", `\N`, "3", "4"}},
		{"sum(float8)", "10", `\N`, []string{"1", "2", `\N`, "3", "4"}},
		{"min(int4)", "-3", `\N`, []string{"1", "-3", `\N`, "4", "5"}},
		{"max(text)", "a longer text value", `\N`, []string{"a", "a longer", `\N`, "a longer text value", "Z"}},
		{"min(numeric)", "-2.50", `\N`, []string{"1.5", "-2.50", `\N`, "4.1", "5"}},
		{"max(float8)", "NaN", `\N`, []string{"1", "NaN", `\N`, "3", "4"}},
		{"max(date)", "2021-01-01", `\N`, []string{"2020-01-01", "2021-01-01", `\N`, "2000-01-01", "2001-01-01"}},
		{"bool_and(bool)", "f", `\N`, []string{"t", "f", `\N`, "t", "t"}},
		{"bit_or(int4)", "7", `\N`, []string{"1", "2", `\N`, "4", "4"}},
		{"array_agg(anynonarray)", "{a,b,NULL,d,e}", `\N`, []string{"a", "b", `\N`, "d", "e"}},
		{"variance(int4)", "3.3333333333333333", `\N`, []string{"1", "2", `\N`, "4", "5"}},
		{"stddev(numeric)", "1.8257418583505537", `\N`, []string{"1", "2", `\N`, "4", "5"}},
		{"stddev_pop(float8)", "1.5811388300841898", `\N`, []string{"1", "2", `\N`, "4", "5"}},
		{"sum(interval)", "2 days 05:00:00", `\N`, []string{"1 day", "1 day", `\N`, "2 hours", "3 hours"}},
		{"json_agg(anyelement)", `["a", "b", null, "d", "e"]`, `\N`, []string{"a", "b", `\N`, "d", "e"}},
	} {
		fn := fns[c.sig]
		if fn == nil {
			t.Errorf("%s is not registered", c.sig)
			continue
		}
		in := types.Of(fn.Args[0])
		call := &function.Call{Ctx: context.Background(), Session: s, Ret: types.Of(fn.Ret)}
		if i := types.Lookup(in.OID); i.Pseudo {
			in = types.Of(types.Text)
		}
		if types.Lookup(call.Ret.OID).Pseudo {
			call.Ret = types.Of(types.TextArray)
		}
		call.Args = []types.Type{in}
		var ds []types.Datum
		for _, x := range c.values {
			d := types.Null
			if x != `\N` {
				var err error
				if d, err = types.ParseText(in, x, s.Format()); err != nil {
					t.Fatal(err)
				}
			}
			ds = append(ds, d)
		}
		accumulate := func(from, to int) function.Accumulator {
			a, err := fn.Aggregate.New(call)
			if err != nil {
				t.Fatal(err)
			}
			a.Grow(2)
			if err := a.Update(make([]int32, to-from), []*vector.Vec{vector.FromDatums(in, ds[from:to])}); err != nil {
				t.Errorf("%s: %v", c.sig, err)
			}
			return a
		}
		result := func(how string, a function.Accumulator) {
			out := vector.New(call.Ret, 2)
			if err := a.Result(0, 2, out); err != nil {
				t.Errorf("%s, %s: %v", c.sig, how, err)
				return
			}
			for i, want := range []string{c.want, c.empty} {
				got := `\N`
				if !out.IsNull(i) {
					got = types.FormatText(call.Ret, out.Datum(i), s.Format())
				}
				if got != want {
					t.Errorf("%s, %s, group %d: got %s, want %s", c.sig, how, i, got, want)
				}
			}
		}
		result("at once", accumulate(0, 5))
		a, b := accumulate(0, 3), accumulate(3, 5)
		if err := a.Merge(b, []int32{0, 1}, []int32{0, 1}); err != nil {
			t.Errorf("%s: %v", c.sig, err)
		}
		result("merged", a)
		// Through the form on disk, group 1 before group 0.
		loaded, err := fn.Aggregate.New(call)
		if err != nil {
			t.Fatal(err)
		}
		loaded.Grow(2)
		for _, part := range []function.Accumulator{accumulate(0, 1), accumulate(1, 3), accumulate(3, 5)} {
			states := vector.New(types.Of(types.Bytea), 2)
			if err := part.Save([]int32{1, 0}, states); err != nil {
				t.Errorf("%s: %v", c.sig, err)
			}
			if err := loaded.Load(states, []int32{1, 0}); err != nil {
				t.Errorf("%s: %v", c.sig, err)
			}
			if states.SetBytes(0, states.Bytes(0)[:max(len(states.Bytes(0))-1, 0)]); loaded.Load(states, []int32{1}) == nil && len(states.Bytes(0)) > 0 {
				t.Errorf("%s: a damaged state is accepted", c.sig)
			}
		}
		result("loaded", loaded)
		if runs, ok := accumulate(0, 0).(function.RunUpdater); ok {
			all := []*vector.Vec{vector.FromDatums(in, ds)}
			if err := runs.UpdateRuns([]function.Run{{Group: 0, N: 5}}, all); err != nil {
				t.Errorf("%s: %v", c.sig, err)
			}
			result("in one run", runs.(function.Accumulator))
			runs = accumulate(0, 0).(function.RunUpdater)
			for _, r := range []function.Run{{Group: 0, Rows: []int32{0, 2}, N: 2}, {Group: 0, Rows: []int32{1, 3, 4}, N: 3}} {
				if err := runs.UpdateRuns([]function.Run{r}, all); err != nil {
					t.Errorf("%s: %v", c.sig, err)
				}
			}
			result("in runs", runs.(function.Accumulator))
		}
	}
}

// TestExtremesOfAnyNumberOfGroups grows the groups by steps that are no multiple
// of a word of the validity bitmap.
func TestExtremesOfAnyNumberOfGroups(t *testing.T) {
	fns := overloads{}
	Register(fns)
	float := types.Of(types.Float8)
	call := &function.Call{Ctx: context.Background(), Args: []types.Type{float}, Ret: float}
	acc, err := fns["max(float8)"].Aggregate.New(call)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, n := range []int{70, 217, 230, 300, 1001} {
		acc.Grow(n)
		var groups []int32
		var values []types.Datum
		for ; at < n; at++ {
			groups, values = append(groups, int32(at)), append(values, types.FloatDatum(float64(at)))
		}
		if err := acc.Update(groups, []*vector.Vec{vector.FromDatums(float, values)}); err != nil {
			t.Fatal(err)
		}
	}
	out := vector.New(float, at)
	if err := acc.Result(0, at, out); err != nil {
		t.Fatal(err)
	}
	for i := range at {
		if out.Float(i) != float64(i) {
			t.Fatalf("group %d: %v", i, out.Float(i))
		}
	}
}
