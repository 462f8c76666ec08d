package optimizer

import (
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// pruneColumns drops every column that nobody reads, down to the scans.
func pruneColumns(_ *Env, plan logical.Node) (logical.Node, error) { return prune(plan, false) }

// narrowScans drops them before joins are ordered, so that what is kept in
// memory is known. A scan that cannot be narrowed by its source is left alone:
// conditions are still to be pushed into it.
func narrowScans(_ *Env, plan logical.Node) (logical.Node, error) { return prune(plan, true) }

func prune(plan logical.Node, early bool) (logical.Node, error) {
	p := &pruner{early: early, needed: map[*logical.Shared]map[int]bool{}, seen: map[*logical.Shared]bool{}}
	root := logical.OutputSet(plan)
	p.collect(plan, root)
	// Shared plans are read by several scans: what any of them needs stays. A
	// shared plan may read another one, so this goes on until nothing is new.
	for changed := true; changed; {
		changed = false
		for s := range p.needed {
			if p.seen[s] {
				continue
			}
			changed, p.seen[s] = true, true
			p.collect(s.Input, p.sharedSet(s))
		}
	}
	for s := range p.needed {
		s.Input = p.prune(s.Input, p.sharedSet(s))
		s.Input = arrange(s.Input, p.keptOutputs(s))
	}
	return p.prune(plan, root), nil
}

type pruner struct {
	// early is set while conditions are not pushed into sources.
	early bool
	// needed lists, per shared plan, the positions of its outputs that are read.
	needed map[*logical.Shared]map[int]bool
	seen   map[*logical.Shared]bool
	kept   map[*logical.Shared][]logical.Column
}

// sharedSet is the set of a shared plan's outputs that are read.
func (p *pruner) sharedSet(s *logical.Shared) map[expr.ColumnID]bool {
	set := map[expr.ColumnID]bool{}
	for _, c := range p.keptOutputs(s) {
		set[c.ID] = true
	}
	return set
}

// keptOutputs lists them in order; at least one stays.
func (p *pruner) keptOutputs(s *logical.Shared) []logical.Column {
	if p.kept == nil {
		p.kept = map[*logical.Shared][]logical.Column{}
	}
	if k, ok := p.kept[s]; ok {
		return k
	}
	var out []logical.Column
	for i, c := range s.Input.Outputs() {
		if p.needed[s][i] {
			out = append(out, c)
		}
	}
	p.kept[s] = out
	return out
}

// collect notes which outputs of shared plans are read below n. It is
// conservative: every output of a shared scan counts.
func (p *pruner) collect(n logical.Node, _ map[expr.ColumnID]bool) {
	logical.Walk(n, func(m logical.Node) bool {
		if s, ok := m.(*logical.SharedScan); ok {
			set := p.needed[s.Of]
			if set == nil {
				set = map[int]bool{}
				p.needed[s.Of] = set
			}
			for i := range s.Cols {
				set[i] = true
			}
		}
		return true
	})
}

// prune returns n with at least the needed outputs.
func (p *pruner) prune(n logical.Node, need map[expr.ColumnID]bool) logical.Node {
	with := func(es ...expr.Expr) map[expr.ColumnID]bool {
		out := make(map[expr.ColumnID]bool, len(need))
		for id := range need {
			out[id] = true
		}
		for _, e := range es {
			if e != nil {
				expr.Columns(e, out)
			}
		}
		return out
	}
	switch n := n.(type) {
	case *logical.Project:
		c := &logical.Project{Policy: n.Policy}
		below := map[expr.ColumnID]bool{}
		for i, col := range n.Cols {
			if need[col.ID] {
				c.Exprs = append(c.Exprs, n.Exprs[i])
				c.Cols = append(c.Cols, col)
				expr.Columns(n.Exprs[i], below)
			}
		}
		c.Input = p.prune(n.Input, below)
		return c
	case *logical.Aggregate:
		c := *n
		c.Aggs = nil
		below := map[expr.ColumnID]bool{}
		for _, a := range n.Aggs {
			if need[a.Col.ID] {
				c.Aggs = append(c.Aggs, a)
			}
		}
		for _, e := range logical.Exprs(&c) {
			expr.Columns(e, below)
		}
		c.Input = p.prune(n.Input, below)
		return &c
	case *logical.Join:
		c := *n
		below := with(n.Cond)
		if n.Kind == physical.Mark && !need[n.Mark.ID] {
			return p.prune(n.Left, need) // nobody looks at the mark
		}
		if n.Kind == physical.Mark {
			delete(below, n.Mark.ID)
		}
		if unread(n, need) {
			return p.prune(n.Left, need)
		}
		c.Left, c.Right = p.narrow(n.Left, below), p.narrow(n.Right, below)
		return &c
	case *logical.SetOp:
		// Rows are compared as wholes, except by UNION ALL.
		if n.Kind == logical.Union && n.All {
			c := *n
			c.Cols = nil
			var l, r []logical.Column
			lo, ro := n.Left.Outputs(), n.Right.Outputs()
			for i, col := range n.Cols {
				if need[col.ID] {
					c.Cols, l, r = append(c.Cols, col), append(l, lo[i]), append(r, ro[i])
				}
			}
			c.Left = arrange(p.prune(n.Left, columnSet(l)), l)
			c.Right = arrange(p.prune(n.Right, columnSet(r)), r)
			return &c
		}
		lo, ro := n.Left.Outputs(), n.Right.Outputs()
		c := *n
		c.Left = arrange(p.prune(n.Left, columnSet(lo)), lo)
		c.Right = arrange(p.prune(n.Right, columnSet(ro)), ro)
		return &c
	case *logical.Recursive:
		c := *n
		for _, side := range []*logical.Node{&c.Initial, &c.Step} {
			outs := (*side).Outputs()
			*side = arrange(p.prune(*side, columnSet(outs)), outs)
		}
		return &c
	case *logical.Window:
		c := *n
		c.Calls = nil
		for _, w := range n.Calls {
			if need[w.Col.ID] {
				c.Calls = append(c.Calls, w)
			}
		}
		if len(c.Calls) == 0 {
			return p.prune(n.Input, need)
		}
		below := with(logical.Exprs(&c)...)
		c.Input = p.prune(n.Input, below)
		return &c
	case *logical.With:
		c := &logical.With{Input: p.prune(n.Input, need)}
		for _, o := range n.Others {
			c.Others = append(c.Others, p.prune(o, logical.OutputSet(o)))
		}
		return c
	case *logical.Scan, *logical.Values, *logical.SharedScan, *logical.WorkScan:
		return p.leaf(n, need)
	}
	in := n.Inputs()
	below := with(logical.Exprs(n)...)
	out := make([]logical.Node, len(in))
	for i := range in {
		out[i] = p.prune(in[i], below)
	}
	return n.WithInputs(out)
}

// unread reports whether a join only adds columns that nobody reads: it keeps
// each left row exactly once, as a scalar subquery does.
func unread(n *logical.Join, need map[expr.ColumnID]bool) bool {
	if n.Kind != physical.Single && n.Kind != physical.Left {
		return false
	}
	for _, c := range n.Right.Outputs() {
		if need[c.ID] {
			return false
		}
	}
	if n.Kind == physical.Single {
		return true
	}
	right := n.Right
	for {
		p, ok := right.(*logical.Project)
		if !ok {
			break
		}
		right = p.Input
	}
	agg, ok := right.(*logical.Aggregate)
	if !ok {
		return false
	}
	// A group is found at most once when every key is equated with the left.
	left := logical.OutputSet(n.Left)
	fixed := map[expr.ColumnID]bool{}
	if n.Cond != nil {
		for _, c := range expr.SplitAnd(nil, n.Cond) {
			if !isEquality(c) {
				continue
			}
			kids := expr.Children(c)
			if len(kids) != 2 {
				continue
			}
			for i, k := range kids {
				if col, ok := k.(*expr.Column); ok && covers(kids[1-i], left) {
					fixed[col.ID] = true
				}
			}
		}
	}
	for _, k := range agg.Cols {
		if !fixed[k.ID] {
			return false
		}
	}
	return true
}

// narrow prunes a join's input and projects away what only its filters read, so
// that the join does not carry it.
func (p *pruner) narrow(n logical.Node, need map[expr.ColumnID]bool) logical.Node {
	out := p.prune(n, need)
	if p.early {
		return out
	}
	cols := out.Outputs()
	var keep []logical.Column
	for _, c := range cols {
		if need[c.ID] {
			keep = append(keep, c)
		}
	}
	if len(keep) == len(cols) {
		return out
	}
	return arrange(out, keep)
}

// leaf narrows a leaf.
func (p *pruner) leaf(n logical.Node, need map[expr.ColumnID]bool) logical.Node {
	switch n := n.(type) {
	case *logical.Scan:
		return p.scan(n, need)
	case *logical.SharedScan, *logical.WorkScan:
		return n
	case *logical.Values:
		var keep []int
		for i, c := range n.Cols {
			if need[c.ID] {
				keep = append(keep, i)
			}
		}
		if len(keep) == len(n.Cols) {
			return n
		}
		c := &logical.Values{Rows: make([][]expr.Expr, len(n.Rows))}
		for r := range n.Rows {
			c.Rows[r] = make([]expr.Expr, len(keep))
			for k, i := range keep {
				c.Rows[r][k] = n.Rows[r][i]
			}
		}
		for _, i := range keep {
			c.Cols = append(c.Cols, n.Cols[i])
		}
		return c
	}
	return n
}

// scan asks the source for the needed columns only.
func (p *pruner) scan(n *logical.Scan, need map[expr.ColumnID]bool) logical.Node {
	var keep []int
	for i, c := range n.Cols {
		if need[c.ID] {
			keep = append(keep, i)
		}
	}
	if len(keep) == len(n.Cols) {
		return n
	}
	c := *n
	c.Cols = make([]logical.Column, len(keep))
	c.Of = make([]int, len(keep))
	for k, i := range keep {
		c.Cols[k], c.Of[k] = n.Cols[i], n.TableColumn(i)
	}
	if pp, ok := n.Source.(connector.ProjectPusher); ok {
		if h, ok := pp.PushProject(n.Handle, keep); ok {
			c.Handle = h
			return &c
		}
	}
	if p.early {
		return n
	}
	return arrange(n, c.Cols)
}

// columnSet is the set of identities of columns.
func columnSet(cols []logical.Column) map[expr.ColumnID]bool {
	set := make(map[expr.ColumnID]bool, len(cols))
	for _, c := range cols {
		set[c.ID] = true
	}
	return set
}
