package optimizer

import (
	"context"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/estimate"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// pushedHandle lists what was pushed into it.
type pushedHandle struct {
	connector.TableHandle
	text string
}

// computing is a source that evaluates every operation.
type computing struct{ connector.Source }

func (*computing) Networked() {}

func (*computing) PushProject(h connector.TableHandle, _ []int) (connector.TableHandle, bool) {
	return h, true
}

func (*computing) PushFilter(h connector.TableHandle, f connector.Sealed) (connector.TableHandle, []connector.Outcome) {
	out := make([]connector.Outcome, len(f.Predicates()))
	for i := range out {
		out[i].Pushed = connector.Exact
	}
	return &pushedHandle{text: h.(*pushedHandle).text + " filter"}, out
}

func (*computing) PushOperation(in []connector.TableHandle, op connector.SealedOperation) (connector.TableHandle, string) {
	text := in[0].(*pushedHandle).text
	switch op.Operation().(type) {
	case *connector.Aggregate:
		text += " aggregate"
	case *connector.TopN:
		text += " top"
	case *connector.Join:
		text += " join " + in[1].(*pushedHandle).text
	case *connector.Compute:
		text += " compute"
	case *connector.SetOperation:
		text += " set"
	}
	return &pushedHandle{text: text}, ""
}

// sent are the handles of a plan's scans, and the reasons for what stays.
func sent(n logical.Node) string {
	var out []string
	logical.Walk(n, func(m logical.Node) bool {
		if s, ok := m.(*logical.Scan); ok {
			text := s.Handle.(*pushedHandle).text
			if s.Hides {
				text += " (hides)"
			}
			for _, p := range s.Pushed {
				if p.Outcome.Pushed == connector.Local {
					text += " [" + p.Text + " " + p.Outcome.Reason + "]"
				}
			}
			out = append(out, text)
		}
		return true
	})
	return strings.Join(out, "; ")
}

func TestOperationsArePushed(t *testing.T) {
	one, other := &computing{}, &computing{Source: nil}
	w := &world{}
	remote := func(source *computing, name string, rows float64, values ...float64) *logical.Scan {
		s := w.table(name, rows, values...)
		s.Server, s.Source, s.Handle, s.Sealed = "s", source, &pushedHandle{text: name}, true
		if source == other {
			s.Server = "o"
		}
		return s
	}
	big := func() *logical.Scan { return remote(one, "big", 1e6, 5e5, 100) }
	counted := &function.Overload{Name: "count", Schema: "pg_catalog"}
	group := func(in logical.Node, key logical.Column) *logical.Aggregate {
		w.next += 2
		return &logical.Aggregate{
			Input: in, Keys: []expr.Expr{key.Ref()}, Cols: []logical.Column{{ID: w.next, Name: "k", Type: key.Type}},
			Aggs: []logical.AggCall{{Fn: counted, Col: logical.Column{ID: w.next - 1, Name: "count", Type: types.Of(types.Int8)}}},
		}
	}
	// masks puts a mask over column 1.
	masks := func(s *logical.Scan) (logical.Node, logical.Column) {
		w.next++
		mask := logical.Column{ID: w.next, Name: "secret", Type: s.Cols[1].Type}
		null := &expr.Const{T: mask.Type, Value: types.Null}
		p := &logical.Project{Input: s, Exprs: []expr.Expr{s.Cols[0].Ref(), null}, Cols: []logical.Column{s.Cols[0], mask}, Policy: true}
		return &logical.Barrier{Input: p}, mask
	}
	rows := func(s *logical.Scan, exact bool) logical.Node {
		f := &logical.Filter{Input: s, Conds: []expr.Expr{w.constant(s, 1)}, Policy: true, Exact: exact}
		return &logical.Barrier{Input: f}
	}
	join := func(l, r *logical.Scan, i, j int) *logical.Join {
		return &logical.Join{Kind: physical.Inner, Left: l, Right: r, Cond: w.equal(l, i, r, j)}
	}
	for _, c := range []struct {
		name string
		plan func() logical.Node
		want string
	}{
		{"groups", func() logical.Node { s := big(); return group(s, s.Cols[1]) }, "big aggregate"},
		{"groups of a masked column", func() logical.Node { p, mask := masks(big()); return group(p, mask) }, "big [(group by) column secret is masked]"},
		{"groups beside a masked column", func() logical.Node { s := big(); p, _ := masks(s); return group(p, s.Cols[0]) }, "big [(group by) column secret is masked]"},
		{"groups of rows that the source filters", func() logical.Node { s := big(); return group(rows(s, true), s.Cols[1]) }, "big aggregate (hides)"},
		{"groups of rows that HubSQL filters", func() logical.Node { s := big(); return group(rows(s, false), s.Cols[1]) }, "big [(group by) row security is evaluated by HubSQL]"},
		{"a condition on groups", func() logical.Node {
			s := big()
			g := group(s, s.Cols[1])
			return &logical.Filter{Input: g, Conds: []expr.Expr{&expr.NullTest{Arg: g.Aggs[0].Col.Ref()}}}
		}, "big aggregate filter"},
		{"first rows", func() logical.Node {
			s := big()
			ten := &expr.Const{T: types.Of(types.Int8), Value: types.IntDatum(10)}
			return &logical.Limit{Count: ten, Input: &logical.Sort{Input: s, Keys: []logical.SortKey{{Expr: s.Cols[0].Ref()}}}}
		}, "big top"},
		{"a join that has few rows", func() logical.Node { return join(big(), remote(one, "small", 20_000, 1e5), 0, 0) }, "big join small"},
		{"a join that has more rows than it reads", func() logical.Node { return join(big(), big(), 0, 0) }, "big [(join) its result is expected to be larger than what it reads]; big"},
		{"groups of such a join", func() logical.Node {
			l, r := big(), big()
			return group(join(l, r, 0, 0), l.Cols[1])
		}, "big join big aggregate"},
		{"a join of two sources", func() logical.Node { return join(big(), remote(other, "small", 20_000, 1e5), 0, 0) }, "big; small"},
	} {
		est := estimate.New(context.Background())
		env := &Env{Ctx: context.Background(), Estimator: est, Pushdown: true}
		plan := c.plan()
		env.nextID = maxID(plan)
		est.Load(plan)
		out, err := pushOperations(env, plan)
		if err != nil {
			t.Fatal(err)
		}
		if got := sent(out); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		env.Pushdown = false
		if out, _ := pushOperations(env, plan); out != plan {
			t.Errorf("%s: pushed although pushdown is off", c.name)
		}
	}
}
