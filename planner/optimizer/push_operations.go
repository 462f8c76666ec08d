package optimizer

import (
	"slices"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/planner/policy"
)

// pushOperations gives whole parts of the plan to the source whose tables they
// read: groupings, joins, set operations, the first rows of an order. From the
// scans upwards it extends, node by node, what one source can compute exactly (a
// fragment), and keeps at each node the cheaper of the fragment and the plan
// without it: of a join whose rows are more than those of its tables the tables
// are read, unless something above makes few rows of them.
//
// A fragment begins at a scan whose conditions the source has evaluated exactly
// and ends below a mask, a row filter that was not evaluated exactly, and
// whatever else only HubSQL computes.
func pushOperations(env *Env, plan logical.Node) (logical.Node, error) {
	if !env.Pushdown {
		return plan, nil
	}
	f := func(n logical.Node) (logical.Node, error) {
		p := operationPusher{env: env}
		return p.visit(n).node, nil
	}
	if err := eachShared(plan, f); err != nil {
		return nil, err
	}
	return f(plan)
}

type operationPusher struct{ env *Env }

// fragment is a scan whose columns give all outputs of a subplan.
type fragment struct {
	scan *logical.Scan
	// defs are the outputs that are not columns of the scan, over its columns.
	defs map[expr.ColumnID]expr.Expr
	// hides is set when row filters hide rows of the tables.
	hides bool
	// work is what the source has to do, beside reading its tables.
	work float64
}

// part is what is known of a subplan.
type part struct {
	// node is the best plan found and cost what it costs.
	node logical.Node
	cost float64
	// frag is the whole subplan as a fragment, nil when there is none; then why is
	// the reason, shown at the scan below.
	frag  *fragment
	below *logical.Scan
	why   string
	// taken says that node is the fragment.
	taken bool
}

// refuse returns the part without its fragment.
func (p part) refuse(why string) part {
	if p.frag != nil {
		p.below = p.frag.scan
	}
	p.frag, p.taken = nil, false
	if p.why == "" {
		p.why = why
	}
	return p
}

// visit finds the best plan of n.
func (p *operationPusher) visit(n logical.Node) part {
	switch n := n.(type) {
	case *logical.Scan:
		out := part{node: n, cost: p.transfer(n)}
		if _, ok := n.Source.(connector.OperationPusher); ok && n.Sealed && n.Server != "" && len(n.Deferred) == 0 {
			out.frag = &fragment{scan: n, hides: n.Hides}
		}
		return out
	case *logical.Barrier:
		in := p.visit(n.Input)
		in.node = n.WithInputs([]logical.Node{in.node})
		return in
	case *logical.Filter:
		return p.filter(n)
	case *logical.Project:
		return p.project(n)
	case *logical.Aggregate:
		return p.aggregate(n)
	case *logical.Limit:
		return p.limit(n)
	case *logical.Join:
		return p.join(n)
	case *logical.SetOp:
		return p.setOp(n)
	}
	return p.others(n)
}

// others is for nodes that no source computes.
func (p *operationPusher) others(n logical.Node) part {
	in := n.Inputs()
	out := part{cost: p.env.rows(n)}
	nodes := make([]logical.Node, len(in))
	changed := false
	for i := range in {
		x := p.visit(in[i])
		nodes[i], changed = x.node, changed || x.node != in[i]
		out.cost += x.cost
	}
	if changed {
		n = n.WithInputs(nodes)
	}
	out.node = n
	return out
}

// transfer is the cost of getting the rows of a scan.
func (p *operationPusher) transfer(s *logical.Scan) float64 {
	// The estimator must not see a fragment while it estimates what is above: it
	// knows columns by their identity.
	rows, width := s.Rows, p.env.Estimator.Width(s.Cols)
	if rows < 0 {
		rows = p.env.rows(s)
	}
	if remote(s) {
		return rows * (remoteRow + remoteByte*width)
	}
	return rows * localByte * (width + remoteRow/2)
}

// filter handles conditions. Those directly above a scan were offered to its
// source before.
func (p *operationPusher) filter(n *logical.Filter) part {
	in := p.visit(n.Input)
	out := in
	out.node = n.WithInputs([]logical.Node{in.node})
	out.cost += p.env.rows(n.Input)
	switch {
	case in.frag == nil:
	case n.Policy && n.Exact:
		out.taken = false
		f := *in.frag
		f.hides = true
		out.frag = &f
	case n.Policy:
		return out.refuse("row security is evaluated by HubSQL")
	case in.frag.scan.Relations == "":
		return out.refuse("a condition before it is evaluated by HubSQL")
	default:
		conds := in.frag.inline(n.Conds)
		sealed, reason := policy.SealConditions(in.frag.bind(conds), in.frag.hides)
		if reason != "" {
			return out.refuse(reason)
		}
		handle, outcomes := in.frag.scan.Source.(connector.FilterPusher).PushFilter(in.frag.scan.Handle, sealed)
		f := *in.frag
		scan := *f.scan
		for i, o := range outcomes {
			if o.Pushed != connector.Exact {
				return out.refuse(o.Reason)
			}
			scan.Pushed = append(slices.Clip(scan.Pushed), physical.PushedFilter{
				Text: expr.String(n.Conds[i]), Redacted: expr.Redacted(n.Conds[i]), Outcome: o,
			})
		}
		scan.Handle = handle
		f.scan = p.resized(&scan, n)
		out.frag = &f
		return p.choose(n, out, n.Outputs())
	}
	return out
}

// project keeps expressions in the fragment's definitions: they are sent when
// something above needs them.
func (p *operationPusher) project(n *logical.Project) part {
	in := p.visit(n.Input)
	out := in
	out.node = n.WithInputs([]logical.Node{in.node})
	if in.frag == nil {
		return out
	}
	f := *in.frag
	f.defs = map[expr.ColumnID]expr.Expr{}
	for i, c := range n.Cols {
		e := n.Exprs[i]
		col, plain := e.(*expr.Column)
		switch {
		case n.Policy && (!plain || col.ID != c.ID):
			return out.refuse("column " + c.Name + " is masked")
		case volatile(e):
			return out.refuse("a volatile expression is evaluated by HubSQL")
		}
		f.defs[c.ID] = in.frag.inline([]expr.Expr{e})[0]
	}
	out.frag = &f
	if in.taken {
		out.node, out.cost = p.finish(&f, n.Cols)
	}
	return out
}

// inline replaces the outputs of the fragment by their definitions.
func (f *fragment) inline(list []expr.Expr) []expr.Expr {
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		out[i] = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			if c, ok := x.(*expr.Column); ok {
				if d, ok := f.defs[c.ID]; ok {
					return d
				}
			}
			return x
		})
	}
	return out
}

// bind makes columns indexes into those of the scan.
func (f *fragment) bind(list []expr.Expr) []expr.Expr {
	return bindColumns(list, f.scan.Cols)
}

// bindColumns makes columns indexes into cols.
func bindColumns(list []expr.Expr, cols []logical.Column) []expr.Expr {
	index := make(map[expr.ColumnID]expr.ColumnID, len(cols))
	for i, c := range cols {
		index[c.ID] = expr.ColumnID(i)
	}
	out := make([]expr.Expr, len(list))
	for i, e := range list {
		out[i] = expr.Rewrite(e, func(x expr.Expr) expr.Expr {
			c, ok := x.(*expr.Column)
			if !ok {
				return x
			}
			at, ok := index[c.ID]
			if !ok {
				at = -1 // no source has it
			}
			return &expr.Column{ID: at, Name: c.Name, T: c.T}
		})
	}
	return out
}

// columns describes outputs for a source.
func columns(cols []logical.Column) []connector.Column {
	out := make([]connector.Column, len(cols))
	for i, c := range cols {
		out[i] = connector.Column{Name: c.Name, Type: c.Type}
	}
	return out
}

// push offers an operation over fragments to their source. n is the node that it
// stands for and outputs are its columns, in order.
func (p *operationPusher) push(op connector.Operation, n logical.Node, outputs []logical.Column, relations string, inputs ...*fragment) (*fragment, string) {
	first := inputs[0]
	scan := *first.scan
	out := &fragment{}
	var handles []connector.TableHandle
	var pushed []physical.PushedFilter
	from, at := map[expr.ColumnID]logical.Statistics{}, map[expr.ColumnID]int{}
	for _, f := range inputs {
		handles = append(handles, f.scan.Handle)
		pushed = append(pushed, f.scan.Pushed...)
		out.hides = out.hides || f.hides
		out.work += f.work
		for i, c := range f.scan.Cols {
			if f.scan.Stats != nil {
				from[c.ID], at[c.ID] = f.scan.Stats, f.scan.TableColumn(i)
			}
		}
	}
	sealed, reason := policy.SealOperation(op, out.hides)
	if reason != "" {
		return nil, reason
	}
	handle, reason := scan.Source.(connector.OperationPusher).PushOperation(handles, sealed)
	if reason != "" {
		return nil, reason
	}
	if agg, ok := n.(*logical.Aggregate); ok {
		for i, k := range first.inline(agg.Keys) {
			if col, ok := k.(*expr.Column); ok {
				from[agg.Cols[i].ID], at[agg.Cols[i].ID] = from[col.ID], at[col.ID]
			}
		}
	}
	known := &logical.Gathered{Count: p.env.rows(n)}
	for _, c := range outputs {
		known.From, known.At = append(known.From, from[c.ID]), append(known.At, at[c.ID])
	}
	scan.Handle, scan.Cols, scan.Of, scan.Stats = handle, outputs, nil, known
	scan.Pushed, scan.Relations, scan.Hides = pushed, relations, out.hides
	out.scan = p.resized(&scan, n)
	return out, ""
}

// resized gives a scan the size of the node that it stands for.
func (p *operationPusher) resized(s *logical.Scan, n logical.Node) *logical.Scan {
	s.Rows = p.env.rows(n)
	return s
}

// choose keeps the cheaper of the plan in out and its fragment, which gives the
// outputs.
func (p *operationPusher) choose(n logical.Node, out part, outputs []logical.Column) part {
	node, cost := p.finish(out.frag, outputs)
	if cost <= out.cost {
		out.node, out.cost, out.taken = node, cost, true
		return out
	}
	out.node = note(out.node, out.frag.scan.Table, operationName(n), "its result is expected to be larger than what it reads")
	return out
}

// finish makes a plan of a fragment.
func (p *operationPusher) finish(f *fragment, outputs []logical.Column) (logical.Node, float64) {
	project := &logical.Project{Cols: outputs}
	read := map[expr.ColumnID]bool{}
	same := len(outputs) == len(f.scan.Cols)
	for i, c := range outputs {
		e := f.inline([]expr.Expr{c.Ref()})[0]
		expr.Columns(e, read)
		project.Exprs = append(project.Exprs, e)
		col, plain := e.(*expr.Column)
		same = same && plain && col.ID == c.ID && f.scan.Cols[i].ID == c.ID
	}
	scan := f.scan
	if same {
		return scan, p.transfer(scan) + f.work
	}
	if len(read) < len(scan.Cols) {
		var keep []int
		narrow := *scan
		narrow.Cols, narrow.Of = nil, nil
		for i, c := range scan.Cols {
			if read[c.ID] {
				keep = append(keep, i)
				narrow.Cols, narrow.Of = append(narrow.Cols, c), append(narrow.Of, scan.TableColumn(i))
			}
		}
		if pp, ok := scan.Source.(connector.ProjectPusher); ok {
			if h, ok := pp.PushProject(scan.Handle, keep); ok {
				narrow.Handle = h
				scan = &narrow
			}
		}
	}
	project.Input = scan
	return project, p.transfer(scan) + f.work
}

// note shows at the scans of a table why an operation above them is not pushed.
func note(n logical.Node, table, operation, reason string) logical.Node {
	done := false
	return logical.Rewrite(n, func(m logical.Node) logical.Node {
		s, ok := m.(*logical.Scan)
		if !ok || done || s.Table != table || s.Server == "" {
			return m
		}
		done = true
		c := *s
		c.Pushed = append(slices.Clip(c.Pushed), physical.PushedFilter{
			Text: operation, Redacted: operation, Outcome: connector.Outcome{Pushed: connector.Local, Reason: reason},
		})
		return &c
	})
}

// explain notes why n is not pushed at the scan below in.
func explain(in part, node, n logical.Node, reason string) logical.Node {
	scan := in.below
	if in.frag != nil {
		scan = in.frag.scan
	}
	if scan == nil || reason == "" {
		return node
	}
	return note(node, scan.Table, operationName(n), reason)
}

// operationName is how EXPLAIN calls an operation.
func operationName(n logical.Node) string {
	switch n := n.(type) {
	case *logical.Aggregate:
		switch {
		case len(n.Keys) == 0:
			return "(aggregate)"
		case len(n.Aggs) == 0:
			return "(distinct)"
		}
		return "(group by)"
	case *logical.Limit:
		if _, ok := n.Input.(*logical.Sort); ok {
			return "(order by with limit)"
		}
		return "(limit)"
	case *logical.Join:
		return "(join)"
	case *logical.SetOp:
		return "(set operation)"
	}
	return "(condition)"
}
