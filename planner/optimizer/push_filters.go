package optimizer

import (
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// pushFilters moves every condition as close to its columns as it may go: through
// projections, joins, groupings and set operations, and below a policy barrier
// when the barrier admits it. Outer joins that a condition makes inner become
// inner; marks that are only tested become semi and anti joins.
func pushFilters(env *Env, plan logical.Node) (logical.Node, error) {
	p := &filterPusher{env: env}
	if err := eachShared(plan, func(n logical.Node) (logical.Node, error) { return p.push(n, nil), nil }); err != nil {
		return nil, err
	}
	return p.push(plan, nil), nil
}

type filterPusher struct{ env *Env }

// push returns n with conds applied to its outputs.
func (p *filterPusher) push(n logical.Node, conds []expr.Expr) logical.Node {
	var here, down []expr.Expr
	for _, c := range conds {
		if volatile(c) {
			here = append(here, c)
		} else {
			down = append(down, c)
		}
	}
	return filter(p.pushInto(n, down), here)
}

// pushInto handles conditions that may move.
func (p *filterPusher) pushInto(n logical.Node, conds []expr.Expr) logical.Node {
	switch n := n.(type) {
	case *logical.Filter:
		if n.Policy {
			return n.WithInputs([]logical.Node{p.push(n.Input, conds)})
		}
		// What stood below may guard what comes from above: it stays first.
		return p.push(n.Input, appendAll(appendAll(nil, n.Conds), conds))
	case *logical.Project:
		return p.pushProject(n, conds)
	case *logical.Barrier:
		var pass, stay []expr.Expr
		for _, c := range conds {
			if n.Admits(c) {
				pass = append(pass, c)
			} else {
				stay = append(stay, c)
			}
		}
		return filter(n.WithInputs([]logical.Node{p.push(n.Input, pass)}), stay)
	case *logical.Join:
		return p.pushJoin(n, conds)
	case *logical.Aggregate:
		return p.pushAggregate(n, conds)
	case *logical.SetOp:
		side := func(in logical.Node) logical.Node {
			outs := in.Outputs()
			ids := map[expr.ColumnID]expr.ColumnID{}
			for i, c := range n.Cols {
				ids[c.ID] = outs[i].ID
			}
			mapped := make([]expr.Expr, len(conds))
			for i, c := range conds {
				mapped[i] = logical.Remap(c, ids)
			}
			return p.push(in, mapped)
		}
		return n.WithInputs([]logical.Node{side(n.Left), side(n.Right)})
	case *logical.Sort:
		return n.WithInputs([]logical.Node{p.push(n.Input, conds)})
	case *logical.Window:
		keys := map[expr.ColumnID]bool{}
		for _, e := range n.Partition {
			if c, ok := e.(*expr.Column); ok {
				keys[c.ID] = true
			}
		}
		pass, stay := splitBy(conds, keys)
		return filter(n.WithInputs([]logical.Node{p.push(n.Input, pass)}), stay)
	case *logical.ProjectSet:
		pass, stay := splitBy(conds, logical.OutputSet(n.Input))
		return filter(n.WithInputs([]logical.Node{p.push(n.Input, pass)}), stay)
	}
	in := n.Inputs()
	if len(in) > 0 {
		out := make([]logical.Node, len(in))
		for i := range in {
			out[i] = p.push(in[i], nil)
		}
		n = n.WithInputs(out)
	}
	return filter(n, conds)
}

// appendAll joins two lists into a new one, dropping duplicates.
func appendAll(a, b []expr.Expr) []expr.Expr {
	out := append([]expr.Expr(nil), a...)
	for _, e := range b {
		for _, part := range expr.SplitAnd(nil, e) {
			if !containsExpr(out, part) {
				out = append(out, part)
			}
		}
	}
	return out
}

// splitBy separates the conditions that only read columns of set.
func splitBy(conds []expr.Expr, set map[expr.ColumnID]bool) (inside, outside []expr.Expr) {
	for _, c := range conds {
		if covers(c, set) {
			inside = append(inside, c)
		} else {
			outside = append(outside, c)
		}
	}
	return inside, outside
}

// pushProject replaces projected columns by their expressions.
func (p *filterPusher) pushProject(n *logical.Project, conds []expr.Expr) logical.Node {
	def := map[expr.ColumnID]expr.Expr{}
	for i, c := range n.Cols {
		def[c.ID] = n.Exprs[i]
	}
	var pass, stay []expr.Expr
	for _, c := range conds {
		ok := true
		out := expr.Rewrite(c, func(x expr.Expr) expr.Expr {
			if col, isCol := x.(*expr.Column); isCol {
				if d, found := def[col.ID]; found {
					if volatile(d) {
						ok = false
					}
					return d
				}
			}
			return x
		})
		if ok {
			pass = append(pass, simplify(p.env, out))
		} else {
			stay = append(stay, c)
		}
	}
	return filter(n.WithInputs([]logical.Node{p.push(n.Input, pass)}), stay)
}

// pushAggregate passes conditions on keys below the grouping.
func (p *filterPusher) pushAggregate(n *logical.Aggregate, conds []expr.Expr) logical.Node {
	keys := map[expr.ColumnID]bool{}
	def := map[expr.ColumnID]expr.Expr{}
	for i, c := range n.Cols {
		if !volatile(n.Keys[i]) {
			keys[c.ID] = true
			def[c.ID] = n.Keys[i]
		}
	}
	if len(n.Keys) == 0 {
		keys = nil
	}
	var pass, stay []expr.Expr
	for _, c := range conds {
		used := map[expr.ColumnID]bool{}
		expr.Columns(c, used)
		if len(used) == 0 || !covers(c, keys) {
			stay = append(stay, c)
			continue
		}
		pass = append(pass, expr.Rewrite(c, func(x expr.Expr) expr.Expr {
			if col, ok := x.(*expr.Column); ok {
				return def[col.ID]
			}
			return x
		}))
	}
	return filter(n.WithInputs([]logical.Node{p.push(n.Input, pass)}), stay)
}

// pushJoin distributes conditions over a join.
func (p *filterPusher) pushJoin(n *logical.Join, conds []expr.Expr) logical.Node {
	j := *n
	left, right := logical.OutputSet(j.Left), logical.OutputSet(j.Right)
	var on []expr.Expr
	if j.Cond != nil {
		on = expr.SplitAnd(nil, j.Cond)
	}
	if j.Kind == physical.Mark {
		if out := p.markToSemi(&j, conds, on); out != nil {
			return out
		}
	}
	j.Kind = p.reduceOuter(j.Kind, conds, left, right)
	var toLeft, toRight, above, keep []expr.Expr
	switch j.Kind {
	case physical.Inner:
		all := p.derive(appendAll(on, conds))
		for _, c := range all {
			switch {
			case volatile(c):
				keep = append(keep, c)
			case covers(c, left):
				toLeft = append(toLeft, c)
			case covers(c, right):
				toRight = append(toRight, c)
			default:
				keep = append(keep, c)
			}
		}
	case physical.Left, physical.Single:
		toLeft, above = splitBy(conds, left)
		// A condition on a column that the join equates with the other side
		// restricts that side too.
		for _, c := range p.derived(toLeft, on) {
			if covers(c, right) && !containsExpr(toRight, c) {
				toRight = append(toRight, c)
			}
		}
		for _, c := range on {
			if covers(c, right) && !volatile(c) && j.Kind == physical.Left {
				toRight = append(toRight, c)
			} else {
				keep = append(keep, c)
			}
		}
	case physical.Right:
		toRight, above = splitBy(conds, right)
		for _, c := range p.derived(toRight, on) {
			if covers(c, left) {
				toLeft = append(toLeft, c)
			}
		}
		for _, c := range on {
			if covers(c, left) && !volatile(c) {
				toLeft = append(toLeft, c)
			} else {
				keep = append(keep, c)
			}
		}
	case physical.Full:
		above, keep = conds, on
	case physical.Semi:
		toLeft = conds
		for _, c := range p.derive(appendAll(on, conds)) {
			if containsExpr(conds, c) {
				continue
			}
			switch {
			case volatile(c):
				keep = append(keep, c)
			case covers(c, right):
				toRight = append(toRight, c)
			case covers(c, left):
				toLeft = append(toLeft, c)
			default:
				keep = append(keep, c)
			}
		}
	case physical.Anti:
		toLeft = conds
		for _, c := range on {
			if covers(c, right) && !volatile(c) {
				toRight = append(toRight, c)
			} else {
				keep = append(keep, c)
			}
		}
	case physical.Mark:
		toLeft, above = splitBy(conds, left)
		for _, c := range on {
			// A test that is never NULL drops rows of the right side; a
			// comparison that may be NULL must stay, it makes the mark NULL.
			if covers(c, right) && neverNull(c) && !volatile(c) {
				toRight = append(toRight, stripIsTrue(c))
			} else {
				keep = append(keep, c)
			}
		}
	}
	j.Left, j.Right = p.push(j.Left, toLeft), p.push(j.Right, toRight)
	j.Cond = expr.JoinAnd(keep)
	return filter(&j, above)
}

// neverNull reports whether a condition is always true or false.
func neverNull(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.BoolTest, *expr.NullTest, *expr.Distinct:
		return true
	case *expr.Const:
		return !e.Value.Null
	case *expr.Logic:
		for _, a := range e.Args {
			if !neverNull(a) {
				return false
			}
		}
		return true
	}
	return false
}

// stripIsTrue removes an IS TRUE where only true counts.
func stripIsTrue(e expr.Expr) expr.Expr {
	if t, ok := e.(*expr.BoolTest); ok && !t.Not && !t.Value.Null && t.Value.Bool() {
		return t.Arg
	}
	return e
}

// markToSemi turns a mark join whose mark is a condition of its own into a semi
// join, or an anti join for NOT mark when the mark can never be NULL. nil when
// the mark is used otherwise.
func (p *filterPusher) markToSemi(j *logical.Join, conds, on []expr.Expr) logical.Node {
	at, kind := -1, physical.Semi
	for i, c := range conds {
		if col, ok := c.(*expr.Column); ok && col.ID == j.Mark.ID {
			at, kind = i, physical.Semi
			break
		}
		if l, ok := c.(*expr.Logic); ok && l.Op == expr.Not {
			if col, ok := l.Args[0].(*expr.Column); ok && col.ID == j.Mark.ID && neverNull(andOf(on)) {
				at, kind = i, physical.Anti
				break
			}
		}
	}
	if at < 0 {
		return nil
	}
	mark := map[expr.ColumnID]bool{j.Mark.ID: true}
	rest := append(append([]expr.Expr(nil), conds[:at]...), conds[at+1:]...)
	for _, c := range rest {
		if touches(c, mark) {
			return nil
		}
	}
	semi := &logical.Join{Kind: kind, Left: j.Left, Right: j.Right}
	for i := range on {
		on[i] = stripIsTrue(on[i])
	}
	semi.Cond = expr.JoinAnd(on)
	pushed := p.pushJoin(semi, rest)
	// The mark stays an output: it is constant where the join lets a row pass.
	out := &logical.Project{Input: pushed}
	for _, c := range j.Left.Outputs() {
		out.Exprs = append(out.Exprs, c.Ref())
		out.Cols = append(out.Cols, c)
	}
	out.Exprs = append(out.Exprs, boolConst(kind == physical.Semi))
	out.Cols = append(out.Cols, j.Mark)
	return out
}

// andOf is JoinAnd with the constant true for no conditions.
func andOf(list []expr.Expr) expr.Expr {
	if e := expr.JoinAnd(list); e != nil {
		return e
	}
	return boolConst(true)
}

// reduceOuter turns an outer join into a stricter one when a condition above
// rejects the rows that only the outer join adds.
func (p *filterPusher) reduceOuter(kind physical.JoinKind, conds []expr.Expr, left, right map[expr.ColumnID]bool) physical.JoinKind {
	rejects := func(set map[expr.ColumnID]bool) bool {
		for _, c := range conds {
			if rejectsNull(c, set) {
				return true
			}
		}
		return false
	}
	switch kind {
	case physical.Left:
		if rejects(right) {
			return physical.Inner
		}
	case physical.Right:
		if rejects(left) {
			return physical.Inner
		}
	case physical.Full:
		l, r := rejects(left), rejects(right)
		switch {
		case l && r:
			return physical.Inner
		case l:
			return physical.Left
		case r:
			return physical.Right
		}
	}
	return kind
}

// rejectsNull reports whether a condition cannot be true when all columns of set
// are NULL.
func rejectsNull(e expr.Expr, set map[expr.ColumnID]bool) bool {
	switch e := e.(type) {
	case *expr.Logic:
		switch e.Op {
		case expr.And:
			for _, a := range e.Args {
				if rejectsNull(a, set) {
					return true
				}
			}
			return false
		case expr.Or:
			for _, a := range e.Args {
				if !rejectsNull(a, set) {
					return false
				}
			}
			return true
		}
		return nullWhenNull(e.Args[0], set)
	case *expr.NullTest:
		return e.Not && nullWhenNull(e.Arg, set)
	case *expr.BoolTest:
		return !e.Not && !e.Value.Null && nullWhenNull(e.Arg, set)
	case *expr.ArrayCompare:
		// Of an empty array ANY is false and ALL is true, whatever is left.
		return !e.All && e.Fn.Strict && nullWhenNull(e.Left, set)
	}
	return nullWhenNull(e, set)
}

// nullWhenNull reports whether e is NULL when all columns of set are NULL.
func nullWhenNull(e expr.Expr, set map[expr.ColumnID]bool) bool {
	switch e := e.(type) {
	case *expr.Column:
		return set[e.ID]
	case *expr.Relabel:
		return nullWhenNull(e.Arg, set)
	case *expr.Call:
		if !e.Fn.Strict {
			return false
		}
		for _, a := range e.Args {
			if nullWhenNull(a, set) {
				return true
			}
		}
	case *expr.InList:
		return nullWhenNull(e.Arg, set)
	case *expr.Logic:
		if e.Op == expr.Not {
			return nullWhenNull(e.Args[0], set)
		}
		for _, a := range e.Args {
			if !nullWhenNull(a, set) {
				return false
			}
		}
		return len(e.Args) > 0
	}
	return false
}

// derive adds what follows from equalities between columns: a = b and a < 5 give
// b < 5.
func (p *filterPusher) derive(conds []expr.Expr) []expr.Expr {
	// Through a chain of equalities in several steps.
	for range maxDerive {
		out := appendAll(conds, p.derived(conds, conds))
		if len(out) == len(conds) {
			break
		}
		conds = out
	}
	return conds
}

// maxDerive is how many equalities a derived condition may go through.
const maxDerive = 4

// derived returns the conditions that follow from conds by the equalities in on.
func (p *filterPusher) derived(conds, on []expr.Expr) []expr.Expr {
	var out []expr.Expr
	for _, e := range on {
		eq, ok := e.(*expr.Call)
		if !ok || eq.Op != "=" || len(eq.Args) != 2 {
			continue
		}
		l, lok := eq.Args[0].(*expr.Column)
		r, rok := eq.Args[1].(*expr.Column)
		if !lok || !rok || l.T.OID != r.T.OID {
			continue
		}
		for _, c := range conds {
			if c == e || volatile(c) {
				continue
			}
			for _, pair := range [2][2]*expr.Column{{l, r}, {r, l}} {
				if !onlyColumn(c, pair[0].ID) {
					continue
				}
				d := expr.Rewrite(c, func(x expr.Expr) expr.Expr {
					if col, ok := x.(*expr.Column); ok && col.ID == pair[0].ID {
						return pair[1]
					}
					return x
				})
				if !containsExpr(out, d) {
					out = append(out, d)
				}
			}
		}
	}
	return out
}

// onlyColumn reports whether e compares exactly one column with constants.
func onlyColumn(e expr.Expr, id expr.ColumnID) bool {
	switch e := e.(type) {
	case *expr.Call:
		if e.Op == "" || len(e.Args) != 2 {
			return false
		}
		switch e.Op {
		case "=", "<", "<=", ">", ">=":
		default:
			return false
		}
		c, isCol := e.Args[0].(*expr.Column)
		if isCol && isFixed(e.Args[1]) {
			return c.ID == id
		}
		c, isCol = e.Args[1].(*expr.Column)
		return isCol && isFixed(e.Args[0]) && c.ID == id
	case *expr.InList:
		c, ok := e.Arg.(*expr.Column)
		if !ok || c.ID != id || e.Not {
			return false
		}
		for _, i := range e.Items {
			if !isFixed(i) {
				return false
			}
		}
		return true
	}
	return false
}

// isFixed reports whether e is a constant or a parameter.
func isFixed(e expr.Expr) bool {
	switch e.(type) {
	case *expr.Const, *expr.Param:
		return true
	}
	return false
}
