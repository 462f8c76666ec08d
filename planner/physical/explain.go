package physical

import (
	"fmt"
	"math"
	"strings"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// ExplainOptions say what EXPLAIN shows.
type ExplainOptions struct {
	Verbose bool
	Costs   bool
	// Redact hides every literal, for roles that may not see what policies and
	// other sessions put into remote queries.
	Redact bool
	// Handles are what scans read instead of their own handle.
	Handles map[*Scan]connector.TableHandle
	// Actual adds what a node did (EXPLAIN ANALYZE); nil without.
	Actual func(Node) string
	// Filtered says what dynamic filter i did to a scan, "" when that may not be
	// shown; nil without EXPLAIN ANALYZE.
	Filtered func(s *Scan, i int) string
	// Streams says over how many connections a scan was read, "" when that is not
	// known or may not be shown; nil without EXPLAIN ANALYZE.
	Streams func(s *Scan) string
}

// Explain prints a plan as PostgreSQL's text format does, one line each.
func Explain(root Node, o ExplainOptions) []string {
	e := &explainer{o: o, shared: map[*Shared]bool{}}
	e.node(root, 0, "")
	return e.lines
}

type explainer struct {
	o      ExplainOptions
	lines  []string
	shared map[*Shared]bool
}

// add prints one line; the depth counts nodes.
func (e *explainer) add(depth int, format string, args ...any) {
	indent := ""
	if depth > 0 {
		indent = strings.Repeat(" ", 6*depth-4)
	}
	e.lines = append(e.lines, indent+fmt.Sprintf(format, args...))
}

// detail prints a property of the node at depth.
func (e *explainer) detail(depth int, format string, args ...any) {
	indent := "  "
	if depth > 0 {
		indent = strings.Repeat(" ", 6*depth+2)
	}
	e.lines = append(e.lines, indent+fmt.Sprintf(format, args...))
}

func (e *explainer) node(n Node, depth int, prefix string) {
	arrow := ""
	if depth > 0 {
		arrow = "->  "
	}
	title := title(n)
	line := arrow + prefix + title
	if e.o.Costs {
		line += fmt.Sprintf("  (cost=0.00..%.2f rows=%.0f width=%d)", cost(n), rows(n), width(n))
	}
	if e.o.Actual != nil {
		if a := e.o.Actual(n); a != "" {
			line += " " + a
		}
	}
	e.add(depth, "%s", line)
	if e.o.Verbose {
		names := make([]string, len(n.Columns()))
		for i, c := range n.Columns() {
			names[i] = c.Name
		}
		e.detail(depth, "Output: %s", strings.Join(names, ", "))
	}
	e.properties(n, depth)
	for _, c := range n.Children() {
		e.node(c, depth+1, "")
	}
	if s, ok := n.(*SharedScan); ok && !e.shared[s.Of] {
		e.shared[s.Of] = true
		e.node(s.Of.Input, depth+1, "CTE "+s.Of.Name+": ")
	}
}

// title names a node as PostgreSQL would.
func title(n Node) string {
	switch n := n.(type) {
	case *Scan:
		if n.Server == "" {
			return "Seq Scan on " + n.Table
		}
		if n.Relations != "" {
			return "Foreign Scan"
		}
		return "Foreign Scan on " + n.Table
	case *Values:
		if len(n.Rows) == 1 {
			return "Result"
		}
		return "Values Scan"
	case *Filter:
		return "Filter"
	case *Project:
		if n.Hidden {
			return "Projection (masking)"
		}
		return "Projection"
	case *ProjectSet:
		return "ProjectSet"
	case *FunctionScan:
		return "Function Scan on " + n.Call.Fn.Name
	case *HashAggregate:
		switch {
		case len(n.Keys) == 0:
			return "Aggregate"
		case len(n.Aggs) == 0:
			return "HashAggregate (distinct)"
		}
		return "HashAggregate"
	case *HashJoin:
		return joinTitle("Hash", n.Kind)
	case *NestedLoopJoin:
		return joinTitle("Nested Loop", n.Kind)
	case *Sort:
		return "Sort"
	case *Fetch:
		return "Foreign Fetch on " + n.Scan.Table
	case *Limit:
		if len(n.Keys) > 0 {
			return "Limit (top-N)"
		}
		return "Limit"
	case *With:
		return "With"
	case *Modify:
		return n.Kind.String() + " on " + n.Table
	case *Append:
		return "Append"
	case *SetOp:
		word := "Intersect"
		if n.Except {
			word = "Except"
		}
		if n.All {
			word += " All"
		}
		return "HashSetOp " + word
	case *Window:
		return "WindowAgg"
	case *SharedScan:
		return "CTE Scan on " + n.Of.Name
	case *Recursive:
		return "Recursive Union"
	case *WorkScan:
		return "WorkTable Scan on " + n.Of.Name
	}
	return fmt.Sprintf("%T", n)
}

func joinTitle(algorithm string, k JoinKind) string {
	if k == Inner {
		if algorithm == "Hash" {
			return "Hash Join"
		}
		return algorithm
	}
	return algorithm + " " + k.String() + " Join"
}

// text prints an expression, redacted when literals are hidden.
func (e *explainer) text(x expr.Expr) string {
	if e.o.Redact {
		return expr.Redacted(x)
	}
	return expr.String(x)
}

func (e *explainer) list(list []expr.Expr) string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = e.text(x)
	}
	return strings.Join(out, ", ")
}

func (e *explainer) keys(list []SortKey) string {
	out := make([]string, len(list))
	for i, k := range list {
		out[i] = e.text(k.Expr)
		if k.Desc {
			out[i] += " DESC"
		}
		if k.NullsFirst != k.Desc {
			out[i] += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.NullsFirst]
		}
	}
	return strings.Join(out, ", ")
}

func (e *explainer) properties(n Node, depth int) {
	switch n := n.(type) {
	case *Scan:
		e.scan(n, depth)
	case *Filter:
		if n.Hidden {
			e.detail(depth, "Filter: (row security)")
			return
		}
		e.detail(depth, "Filter: %s", e.text(expr.JoinAnd(n.Conds)))
	case *Project:
		if e.o.Verbose && !n.Hidden {
			e.detail(depth, "Expressions: %s", e.list(n.Exprs))
		}
	case *HashAggregate:
		if len(n.Keys) > 0 {
			e.detail(depth, "Group Key: %s", e.list(n.Keys))
		}
	case *HashJoin:
		pairs := make([]string, len(n.LeftKeys))
		for i := range n.LeftKeys {
			op := "="
			if n.NullSafe[i] {
				op = "IS NOT DISTINCT FROM"
			}
			pairs[i] = "(" + e.text(n.LeftKeys[i]) + " " + op + " " + e.text(n.RightKeys[i]) + ")"
		}
		e.detail(depth, "Hash Cond: %s", strings.Join(pairs, " AND "))
		if n.Residual != nil {
			e.detail(depth, "Join Filter: %s", e.text(n.Residual))
		}
	case *NestedLoopJoin:
		if n.Cond != nil {
			e.detail(depth, "Join Filter: %s", e.text(n.Cond))
		}
	case *Sort:
		e.detail(depth, "Sort Key: %s", e.keys(n.Keys))
	case *Fetch:
		var names []string
		for i, from := range n.From {
			if from < 0 {
				names = append(names, n.Cols[i].Name)
			}
		}
		e.detail(depth, "Columns: %s", strings.Join(names, ", "))
	case *Limit:
		if len(n.Keys) > 0 {
			e.detail(depth, "Sort Key: %s", e.keys(n.Keys))
		}
	case *Window:
		if len(n.Partition) > 0 {
			e.detail(depth, "Partition By: %s", e.list(n.Partition))
		}
		if len(n.OrderBy) > 0 {
			e.detail(depth, "Order By: %s", e.keys(n.OrderBy))
		}
	}
}

// handle is what a scan reads.
func (e *explainer) handle(n *Scan) connector.TableHandle {
	if h, ok := e.o.Handles[n]; ok {
		return h
	}
	return n.Handle
}

// scan prints what is sent to the source, and why conditions stayed.
func (e *explainer) scan(n *Scan, depth int) {
	if n.Relations != "" {
		e.detail(depth, "Relations: %s", n.Relations)
	}
	if n.Server != "" {
		e.detail(depth, "Server: %s", n.Server)
	}
	if x, ok := n.Source.(connector.Explainer); ok && n.Server != "" {
		e.detail(depth, "Remote SQL: %s", x.RemoteQuery(e.handle(n), e.o.Redact))
	}
	if e.o.Streams != nil {
		if text := e.o.Streams(n); text != "" {
			e.detail(depth, "Streams: %s", text)
		}
	}
	for i, f := range n.Dynamic {
		done := ""
		if e.o.Filtered != nil {
			if x := e.o.Filtered(n, i); x != "" {
				done = " (" + x + ")"
			}
		}
		e.detail(depth, "Dynamic Filter: %s%s", n.Cols[f.Column].Name, done)
	}
	for _, p := range n.Pushed {
		text := p.Text
		if e.o.Redact {
			text = p.Redacted
		}
		if p.Outcome.Reason == "" {
			e.detail(depth, "Pushed (%s): %s", p.Outcome.Pushed, text)
			continue
		}
		label := "Pushed (" + p.Outcome.Pushed.String() + ")"
		if p.Outcome.Pushed == connector.Local {
			label = "Local"
		}
		e.detail(depth, "%s: %s: %s", label, text, p.Outcome.Reason)
	}
}

// cost, rows and width are rough numbers for tools that read them.
func cost(n Node) float64 {
	total := rows(n) * 0.01
	for _, c := range n.Children() {
		total += cost(c)
	}
	return total
}

// EstimatedRows is the number of rows that n is expected to deliver.
func EstimatedRows(n Node) float64 { return rows(n) }

func rows(n Node) float64 {
	if s, ok := n.(interface{ Size() (float64, float64) }); ok {
		if r, _ := s.Size(); r > 0 {
			return max(1, math.Round(r))
		}
	}
	switch n := n.(type) {
	case *Scan:
		if n.Rows >= 0 {
			return max(1, n.Rows)
		}
		return 1000
	case *Values:
		return float64(len(n.Rows))
	}
	most := 1.0
	for _, c := range n.Children() {
		most = max(most, rows(c))
	}
	return most
}

func width(n Node) int {
	if s, ok := n.(interface{ Size() (float64, float64) }); ok {
		if _, w := s.Size(); w > 0 {
			return int(math.Round(w))
		}
	}
	return 8 * len(n.Columns())
}
