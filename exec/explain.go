package exec

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// prepareExplain prepares EXPLAIN [ANALYZE].
func (s *Session) prepareExplain(ctx context.Context, p *Prepared, n *pg.ExplainStmt) error {
	o := physical.ExplainOptions{Costs: true}
	analyze, format, timing := false, "text", true
	var summary *bool // nil: with ANALYZE only
	for _, opt := range n.Options {
		d := opt.GetDefElem()
		on := boolOption(d)
		switch d.Defname {
		case "analyze":
			analyze = on
		case "verbose":
			o.Verbose = on
		case "costs":
			o.Costs = on
		case "timing":
			timing = on
		case "format":
			format = strings.ToLower(d.Arg.GetString_().GetSval())
		case "summary":
			summary = &on
		case "settings", "buffers", "wal", "generic_plan":
		default:
			return pgerror.Newf(pgerror.SyntaxError, "unrecognized EXPLAIN option %q", d.Defname)
		}
	}
	column := Column{Name: "QUERY PLAN", Type: types.Of(types.Text)}
	switch format {
	case "text":
	case "json":
		column.Type = types.Of(types.JSON)
	default:
		return pgerror.NotSupported("EXPLAIN (FORMAT %s) is not supported", strings.ToUpper(format))
	}
	inner, err := s.Prepare(ctx, p.inner(n.Query), p.declared)
	if err != nil {
		return err
	}
	p.owned = append(p.owned, inner)
	if inner.sel == nil && inner.modify == nil {
		if ex := n.Query.GetExecuteStmt(); ex != nil {
			if inner, err = s.names.Statement(ex.Name); err != nil {
				return err
			}
		}
		if inner.sel == nil && inner.modify == nil {
			return pgerror.NotSupported("only queries can be explained")
		}
	}
	p.params = inner.params
	executed := n.Query.GetExecuteStmt()
	if executed != nil {
		p.params = nil // its arguments are the values
	}
	p.columns = []Column{column}
	p.run = func(_ context.Context, params []types.Datum) (Portal, error) {
		return &rowsPortal{columns: p.columns, compute: func(ctx context.Context) ([][]types.Datum, string, error) {
			if executed != nil {
				var err error
				if params, err = s.executeValues(ctx, p, executed, inner); err != nil {
					return nil, "", err
				}
			}
			lines, err := s.explain(ctx, inner, params, o, explained{analyze, timing, summary == nil && analyze || summary != nil && *summary})
			if err != nil {
				return nil, "", err
			}
			if format == "json" {
				text, err := json.MarshalIndent([]any{map[string]any{"Plan": map[string]any{"Text": lines}}}, "", "  ")
				if err != nil {
					return nil, "", err
				}
				lines = []string{string(text)}
			}
			out := make([][]types.Datum, len(lines))
			for i, l := range lines {
				out[i] = []types.Datum{types.TextDatum(l)}
			}
			return out, "EXPLAIN", nil
		}}, nil
	}
	return nil
}

// boolOption reads an option that may be given without value.
func boolOption(d *pg.DefElem) bool {
	if d.Arg == nil {
		return true
	}
	if s := d.Arg.GetString_(); s != nil {
		switch strings.ToLower(s.Sval) {
		case "off", "false", "no", "0":
			return false
		}
		return true
	}
	if i := d.Arg.GetInteger(); i != nil {
		return i.Ival != 0
	}
	return true
}

// explained is what EXPLAIN is to do beside showing the plan.
type explained struct {
	analyze, timing bool
	// summary adds how long planning and execution took.
	summary bool
}

// explain plans the query, executes it when asked to, and prints the plan.
// Literals are shown to superusers only: a row filter of a policy may have gone
// into the text that the source gets.
func (s *Session) explain(ctx context.Context, inner *Prepared, params []types.Datum, o physical.ExplainOptions, e explained) ([]string, error) {
	started := time.Now()
	snap := s.snapshot()
	super := snap.IsSuper(s.role())
	o.Redact = !super
	planning := func(d time.Duration) string {
		return fmt.Sprintf("Planning Time: %.3f ms", float64(d)/float64(time.Millisecond))
	}
	if !e.analyze {
		if err := inner.fresh(ctx); err != nil {
			return nil, err
		}
		plan, err := inner.planFor(ctx, params)
		if err != nil {
			return nil, err
		}
		o.Handles = plan.handles
		planned := time.Since(started)
		lines := s.namedTypes(physical.Explain(plan.root, o))
		if e.summary {
			lines = append(lines, planning(planned))
		}
		return lines, nil
	}
	if len(inner.bind.result.Writes) > 0 {
		if err := inner.takeTables(ctx); err != nil {
			return nil, err
		}
	}
	x, err := inner.execute(ctx, params, true)
	if err != nil {
		return nil, err
	}
	defer x.close()
	started = time.Now()
	for {
		if _, err := x.next(ctx); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
	}
	ran := time.Since(started)
	stats := x.query.Stats()
	hidden := map[physical.Node]bool{}
	if !super {
		hideBelowPolicies(x.plan, false, hidden)
	}
	o.Actual = func(n physical.Node) string {
		st, ok := stats[n]
		if !ok {
			return ""
		}
		if hidden[n] {
			return "(actual hidden by a policy)"
		}
		if !e.timing {
			return fmt.Sprintf("(actual rows=%d loops=1)", st.Rows)
		}
		ms := float64(st.Time) / float64(time.Millisecond)
		return fmt.Sprintf("(actual time=%.3f..%.3f rows=%d loops=1)", 0.0, ms, st.Rows)
	}
	o.Filtered = func(n *physical.Scan, i int) string {
		st := stats[n]
		switch {
		case hidden[n] || i >= len(st.Filters):
			return ""
		case !st.Filters[i].Known:
			return "not known in time"
		}
		return fmt.Sprintf("%d rows removed", st.Filters[i].Dropped)
	}
	o.Streams = func(n *physical.Scan) string {
		if hidden[n] {
			return ""
		}
		return stats[n].Streams
	}
	o.Handles = x.handles
	lines := s.namedTypes(physical.Explain(x.plan, o))
	if e.summary {
		lines = append(lines, planning(x.planning), fmt.Sprintf("Execution Time: %.3f ms", float64(ran)/float64(time.Millisecond)))
	}
	return lines, nil
}

// hideBelowPolicies marks the nodes whose row counts would tell how many rows a
// policy hides.
func hideBelowPolicies(n physical.Node, below bool, hidden map[physical.Node]bool) {
	if below {
		hidden[n] = true
	}
	if f, ok := n.(*physical.Filter); ok && f.Hidden {
		below = true
	}
	if c, ok := n.(*physical.SharedScan); ok {
		hideBelowPolicies(c.Of.Input, false, hidden)
	}
	for _, c := range n.Children() {
		hideBelowPolicies(c, below, hidden)
	}
}

// namedTypes puts the names of users' types into lines of a plan.
func (s *Session) namedTypes(lines []string) []string {
	names := s.scoped().names
	for i, l := range lines {
		lines[i] = types.NameTypes(l, names.TypeName)
	}
	return lines
}
