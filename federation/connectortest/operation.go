package connectortest

import (
	"slices"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// operations offers groupings, first rows and joins over every column, and
// compares the answers of those that the source takes with ones computed here.
func (s *suite) operations(t *testing.T) {
	p, ok := s.source.(connector.OperationPusher)
	if !ok {
		return // it need not evaluate any
	}
	h := s.table(t, s.f.Types)
	all := s.read(t, h, vector.BatchSize)
	taken := 0
	for i, c := range h.Columns() {
		col := &expr.Column{ID: expr.ColumnID(i), Name: c.Name, T: c.Type}
		for _, check := range []func(*testing.T, connector.OperationPusher, connector.TableHandle, [][]types.Datum, *expr.Column) bool{
			s.groups, s.extremes, s.first, s.joined,
		} {
			if check(t, p, h, all, col) {
				taken++
			}
		}
	}
	t.Logf("%d operations taken", taken)
	if rows := s.counted(t, p, h); rows != int64(len(all)) {
		t.Errorf("count(*) is %d of %d rows", rows, len(all))
	}
}

// pushed offers an operation; false when the source refuses it, with a reason.
func (s *suite) pushed(t *testing.T, p connector.OperationPusher, op connector.Operation, inputs ...connector.TableHandle) (connector.TableHandle, bool) {
	t.Helper()
	out, reason := p.PushOperation(inputs, connector.SealOperation(op))
	if (out == nil) != (reason != "") {
		t.Fatalf("%T: handle %v with reason %q", op, out, reason)
	}
	return out, reason == ""
}

// call is an aggregate by its name.
func call(name string, result types.Type, args ...expr.Expr) connector.AggregateCall {
	return connector.AggregateCall{Fn: &function.Overload{Name: name, Kind: function.Agg}, Args: args, Name: name, Type: result}
}

// counted is count(*) as the source computes it.
func (s *suite) counted(t *testing.T, p connector.OperationPusher, h connector.TableHandle) int64 {
	out, ok := s.pushed(t, p, &connector.Aggregate{Calls: []connector.AggregateCall{call("count", types.Of(types.Int8))}}, h)
	if !ok {
		t.Fatal("the source does not count its rows")
	}
	return s.read(t, out, vector.BatchSize)[0][0].I
}

// groups compares the sizes of the groups of equal values.
func (s *suite) groups(t *testing.T, p connector.OperationPusher, h connector.TableHandle, all [][]types.Datum, col *expr.Column) bool {
	t.Helper()
	op := &connector.Aggregate{Keys: []expr.Expr{col}, Columns: []connector.Column{{Name: "k", Type: col.T}}, Calls: []connector.AggregateCall{call("count", types.Of(types.Int8))}}
	out, ok := s.pushed(t, p, op, h)
	if !ok {
		return false
	}
	var want [][]types.Datum
	for _, r := range all {
		v := r[col.ID]
		at := slices.IndexFunc(want, func(w []types.Datum) bool {
			return w[0].Null == v.Null && (v.Null || compare(col.T, w[0], v) == 0)
		})
		if at < 0 {
			want = append(want, []types.Datum{v, types.IntDatum(0)})
			at = len(want) - 1
		}
		want[at][1] = types.IntDatum(want[at][1].I + 1)
	}
	s.compareRows(t, "groups of "+col.Name, out, s.read(t, out, 3), want)
	return true
}

// extremes compares the least and the greatest value, and how many there are.
func (s *suite) extremes(t *testing.T, p connector.OperationPusher, h connector.TableHandle, all [][]types.Datum, col *expr.Column) bool {
	t.Helper()
	result := types.Of(col.T.OID)
	if col.T.OID == types.VarChar {
		result = types.Of(types.Text)
	}
	op := &connector.Aggregate{Calls: []connector.AggregateCall{call("min", result, col), call("max", result, col), call("count", types.Of(types.Int8), col)}}
	out, ok := s.pushed(t, p, op, h)
	if !ok {
		return false
	}
	want := []types.Datum{types.Null, types.Null, types.IntDatum(0)}
	for _, r := range all {
		v := r[col.ID]
		if v.Null {
			continue
		}
		if want[0].Null || compare(col.T, v, want[0]) < 0 {
			want[0] = v
		}
		if want[1].Null || compare(col.T, v, want[1]) > 0 {
			want[1] = v
		}
		want[2].I++
	}
	s.compareRows(t, "extremes of "+col.Name, out, s.read(t, out, vector.BatchSize), [][]types.Datum{want})
	return true
}

// first compares the values of the first rows in all four orders.
func (s *suite) first(t *testing.T, p connector.OperationPusher, h connector.TableHandle, all [][]types.Datum, col *expr.Column) bool {
	t.Helper()
	taken := false
	for k := range 4 {
		key := connector.SortKey{Expr: col, Desc: k&1 != 0, NullsFirst: k&2 != 0}
		out, ok := s.pushed(t, p, &connector.TopN{Keys: []connector.SortKey{key}, Limit: 5, Offset: 2}, h)
		if !ok {
			continue
		}
		taken = true
		values := make([]types.Datum, len(all))
		for i, r := range all {
			values[i] = r[col.ID]
		}
		slices.SortFunc(values, func(a, b types.Datum) int {
			switch {
			case a.Null || b.Null:
				if a.Null == b.Null {
					return 0
				}
				if a.Null == key.NullsFirst {
					return -1
				}
				return 1
			case key.Desc:
				return compare(col.T, b, a)
			}
			return compare(col.T, a, b)
		})
		var got, want [][]types.Datum
		for _, r := range s.read(t, out, vector.BatchSize) {
			got = append(got, []types.Datum{r[col.ID]})
		}
		for _, v := range values[2:7] {
			want = append(want, []types.Datum{v})
		}
		one := []connector.Column{h.Columns()[col.ID]}
		if !slices.Equal(keys(one, got), keys(one, want)) {
			t.Errorf("first rows by %s, %+v: got %q, want %q\n%s", col.Name, key, keys(one, got), keys(one, want), s.sent(out))
		}
	}
	return taken
}

// joined compares the pairs of rows with equal values.
func (s *suite) joined(t *testing.T, p connector.OperationPusher, h connector.TableHandle, all [][]types.Datum, col *expr.Column) bool {
	t.Helper()
	right := &expr.Column{ID: col.ID + expr.ColumnID(len(h.Columns())), Name: col.Name, T: col.T}
	on := Compare("=", col, right)
	taken := false
	for _, kind := range []connector.JoinKind{connector.InnerJoin, connector.SemiJoin, connector.AntiJoin, connector.LeftJoin} {
		out, ok := s.pushed(t, p, &connector.Join{Kind: kind, Conds: []expr.Expr{on}}, h, h)
		if !ok {
			continue
		}
		taken = true
		want := 0
		for _, l := range all {
			pairs := 0
			for _, r := range all {
				if !l[col.ID].Null && !r[col.ID].Null && compare(col.T, l[col.ID], r[col.ID]) == 0 {
					pairs++
				}
			}
			switch kind {
			case connector.SemiJoin:
				pairs = min(pairs, 1)
			case connector.AntiJoin:
				pairs = 1 - min(pairs, 1)
			case connector.LeftJoin:
				pairs = max(pairs, 1)
			}
			want += pairs
		}
		if got := s.read(t, out, 64); len(got) != want {
			t.Errorf("join %d by %s: %d rows, want %d\n%s", kind, col.Name, len(got), want, s.sent(out))
		}
	}
	return taken
}

// sent is the statement of a handle.
func (s *suite) sent(h connector.TableHandle) string {
	if x, ok := s.source.(connector.Explainer); ok {
		return x.RemoteQuery(h, false)
	}
	return ""
}

// compareRows compares rows as multisets.
func (s *suite) compareRows(t *testing.T, what string, h connector.TableHandle, got, want [][]types.Datum) {
	t.Helper()
	a, b := keys(h.Columns(), got), keys(h.Columns(), want)
	if !slices.Equal(a, b) {
		t.Errorf("%s: got %q, want %q\n%s", what, a, b, s.sent(h))
	}
}
