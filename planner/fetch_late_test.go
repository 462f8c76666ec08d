package planner

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// locating is a source whose rows have places.
type locating struct{ connector.Source }

type columnsHandle []connector.Column

func (h columnsHandle) Columns() []connector.Column { return h }
func (h columnsHandle) String() string {
	names := make([]string, len(h))
	for i, c := range h {
		names[i] = c.Name
	}
	return strings.Join(names, " ")
}

func (locating) Locates(connector.TableHandle) bool { return true }

func (locating) Locate(_ context.Context, h connector.TableHandle) (connector.TableHandle, error) {
	return h, nil
}

func (locating) At(h, _ connector.TableHandle, _ []int64) connector.TableHandle { return h }

func (locating) PushProject(h connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	var out columnsHandle
	for _, c := range columns {
		out = append(out, h.Columns()[c])
	}
	return out, true
}

func TestTopNOverManyColumnsFetchesThemLate(t *testing.T) {
	random := &expr.Call{Fn: &function.Overload{Name: "random", Volatility: function.Volatile}, T: int8T}
	number := func(n int64) expr.Expr { return &expr.Const{T: int8T, Value: types.IntDatum(n)} }
	isNull := func(e expr.Expr) expr.Expr { return &expr.NullTest{Arg: e} }
	pair := func(a, b expr.Expr) expr.Expr { return &expr.Coalesce{Args: []expr.Expr{a, b}, T: int8T} }
	swapped := func(in physical.Node, hidden bool, extra expr.Expr) *physical.Project {
		p := &physical.Project{Input: in, Hidden: hidden}
		for i := len(in.Columns()) - 1; i >= 0; i-- {
			p.Exprs, p.Cols = append(p.Exprs, at(in, i)), append(p.Cols, in.Columns()[i])
		}
		if extra != nil {
			p.Exprs[0] = extra
		}
		return p
	}
	for _, c := range []struct {
		name string
		// plan is over a scan of a, b, c, d, e.
		plan func(s physical.Node) *physical.Limit
		want string // columns that are read for all rows, and those that are fetched
	}{
		{"a scan", func(s physical.Node) *physical.Limit {
			return &physical.Limit{Input: s, Keys: []physical.SortKey{{Expr: at(s, 1)}}, Count: number(10)}
		}, "b / a c d e"},
		{"a filter", func(s physical.Node) *physical.Limit {
			f := &physical.Filter{Input: s, Conds: []expr.Expr{isNull(at(s, 4))}}
			return &physical.Limit{Input: f, Keys: []physical.SortKey{{Expr: at(s, 1)}}, Count: number(10), Offset: number(5)}
		}, "b e / a c d"},
		{"keys over expressions over a projection", func(s physical.Node) *physical.Limit {
			p := swapped(s, false, pair(at(s, 0), at(s, 0)))
			f := &physical.Filter{Input: p, Conds: []expr.Expr{isNull(at(p, 0))}}
			return &physical.Limit{Input: f, Keys: []physical.SortKey{{Expr: at(p, 0)}}, Count: number(10)}
		}, "a / b c d"},
		{"columns that nobody reads", func(s physical.Node) *physical.Limit {
			p := &physical.Project{Input: s, Exprs: []expr.Expr{at(s, 0), at(s, 2), at(s, 3), at(s, 1)}, Cols: s.Columns()[:4]}
			return &physical.Limit{Input: p, Keys: []physical.SortKey{{Expr: at(p, 3)}}, Count: number(10)}
		}, "b / a c d"},
		{"a mask", func(s physical.Node) *physical.Limit {
			p := swapped(s, true, nil)
			return &physical.Limit{Input: p, Keys: []physical.SortKey{{Expr: at(p, 0)}}, Count: number(10)}
		}, ""},
		{"a filter of a policy", func(s physical.Node) *physical.Limit {
			f := &physical.Filter{Input: s, Conds: []expr.Expr{isNull(at(s, 4))}, Hidden: true}
			return &physical.Limit{Input: f, Keys: []physical.SortKey{{Expr: at(s, 1)}}, Count: number(10)}
		}, ""},
		{"a volatile column", func(s physical.Node) *physical.Limit {
			p := swapped(s, false, random)
			return &physical.Limit{Input: p, Keys: []physical.SortKey{{Expr: at(p, 1)}}, Count: number(10)}
		}, ""},
		{"many rows", func(s physical.Node) *physical.Limit {
			return &physical.Limit{Input: s, Keys: []physical.SortKey{{Expr: at(s, 1)}}, Count: number(maxFetched + 1)}
		}, ""},
		{"ties", func(s physical.Node) *physical.Limit {
			return &physical.Limit{Input: s, Keys: []physical.SortKey{{Expr: at(s, 1)}}, Count: number(1), WithTies: true}
		}, ""},
		{"no order", func(s physical.Node) *physical.Limit {
			return &physical.Limit{Input: s, Count: number(1)}
		}, ""},
		{"all columns are keys", func(s physical.Node) *physical.Limit {
			return &physical.Limit{Input: s, Keys: []physical.SortKey{{Expr: pair(at(s, 0), at(s, 1))}, {Expr: pair(at(s, 2), at(s, 3))}}, Count: number(1)}
		}, ""},
		{"a join", func(s physical.Node) *physical.Limit {
			j := equi(physical.Inner, s, 0, scanOf("u", 10, "u"), 0)
			return &physical.Limit{Input: j, Keys: []physical.SortKey{{Expr: at(j, 1)}}, Count: number(10)}
		}, ""},
	} {
		s := scanOf("t", 1e6, "a", "b", "c", "d", "e")
		var h columnsHandle
		for _, col := range s.Cols {
			h = append(h, connector.Column{Name: col.Name, Type: col.Type})
		}
		s.Source, s.Handle = locating{}, h
		top := c.plan(s)
		before := fmt.Sprint(top.Columns())
		out := fetchLate(top)
		got := ""
		if p, ok := out.(*physical.Project); ok {
			f := p.Input.(*physical.Fetch)
			got = f.Scan.Handle.String() + " / " + f.Handle.String()
			if !f.Scan.Located || len(f.Scan.Cols) != f.Place+1 {
				t.Errorf("%s: the scan has columns %v, the place is %d", c.name, f.Scan.Cols, f.Place)
			}
			if len(f.From) != len(f.Cols) {
				t.Errorf("%s: %d of %d columns", c.name, len(f.From), len(f.Cols))
			}
		} else if out != physical.Node(top) {
			t.Errorf("%s: %T", c.name, out)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if after := fmt.Sprint(out.Columns()); after != before {
			t.Errorf("%s: columns %s, want %s", c.name, after, before)
		}
		if s.Located {
			t.Errorf("%s: the scan itself was changed", c.name)
		}
	}
}
