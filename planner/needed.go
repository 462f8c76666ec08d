package planner

import (
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// planNeeded tells joins which of their outputs somebody reads, so that they
// gather no others: a key is mostly read by the join itself only.
func planNeeded(root physical.Node) {
	w := needs{shared: map[*physical.Shared]bool{}}
	w.visit(root, nil)
}

// needs visits each shared input once.
type needs struct{ shared map[*physical.Shared]bool }

// visit notes the outputs of n that are read; nil means all.
func (w *needs) visit(n physical.Node, read []bool) {
	switch n := n.(type) {
	case *physical.Filter:
		w.visit(n.Input, reads(read, n.Conds...))
		return
	case *physical.Project:
		w.visit(n.Input, reads(make([]bool, len(n.Input.Columns())), n.Exprs...))
		return
	case *physical.HashAggregate:
		in := reads(make([]bool, len(n.Input.Columns())), n.Keys...)
		for _, a := range n.Aggs {
			in = reads(in, a.Args...)
			if a.Filter != nil {
				in = reads(in, a.Filter)
			}
			for _, k := range a.OrderBy {
				in = reads(in, k.Expr)
			}
		}
		w.visit(n.Input, in)
		return
	case *physical.HashJoin:
		n.Needed = read
		left, right := split(read, n.Left, n.Right, n.Kind, n.Residual)
		w.visit(n.Left, reads(left, n.LeftKeys...))
		w.visit(n.Right, reads(right, n.RightKeys...))
		return
	case *physical.NestedLoopJoin:
		n.Needed = read
		left, right := split(read, n.Left, n.Right, n.Kind, n.Cond)
		w.visit(n.Left, left)
		w.visit(n.Right, right)
		return
	case *physical.SharedScan:
		if !w.shared[n.Of] {
			w.shared[n.Of] = true
			w.visit(n.Of.Input, nil)
		}
		return
	}
	for _, c := range n.Children() {
		w.visit(c, nil)
	}
}

// reads returns a copy of read with the columns of es; nil stays nil.
func reads(read []bool, es ...expr.Expr) []bool {
	if read == nil {
		return nil
	}
	out := append([]bool(nil), read...)
	set := map[expr.ColumnID]bool{}
	for _, e := range es {
		expr.Columns(e, set)
	}
	for c := range set {
		if int(c) < len(out) {
			out[c] = true
		}
	}
	return out
}

// split returns what a join reads of its sides: the outputs in read and what cond
// refers to.
func split(read []bool, left, right physical.Node, kind physical.JoinKind, cond expr.Expr) (l, r []bool) {
	if read == nil {
		return nil, nil
	}
	nl, nr := len(left.Columns()), len(right.Columns())
	all := make([]bool, nl+nr)
	switch kind {
	case physical.Semi, physical.Anti, physical.Mark:
		copy(all[:nl], read)
	case physical.RightSemi, physical.RightAnti:
		copy(all[nl:], read)
	default:
		copy(all, read)
	}
	if cond != nil {
		all = reads(all, cond)
	}
	return all[:nl:nl], all[nl:]
}
