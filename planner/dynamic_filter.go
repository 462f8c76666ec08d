package planner

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

// planDynamicFilters connects joins and top-Ns with the scans that can use what
// they find out: a scan below the probe side of a join needs only the rows whose
// key is on the build side, one below a top-N only those that are not beyond its
// worst row.
//
// A filter goes down to a scan only along a chain of plain columns. So it never
// speaks about a masked value: a mask is an expression in between, where the
// chain ends. It does pass row filters, which drop rows of their own.
func planDynamicFilters(n physical.Node) {
	seen := map[*physical.Shared]bool{}
	var visit func(n physical.Node)
	visit = func(n physical.Node) {
		switch n := n.(type) {
		case *physical.HashJoin:
			publishKeys(n)
			reduceBuild(n)
		case *physical.Limit:
			if len(n.Keys) > 0 {
				f := &physical.DynamicFilter{}
				if c, ok := filterColumn(n.Keys[0].Expr); ok && connector.Bounded(n.Keys[0].Expr.Type()) && pushDynamic(n.Input, c, f) {
					n.Publish = f
				}
			}
		case *physical.SharedScan:
			if !seen[n.Of] {
				seen[n.Of] = true
				visit(n.Of.Input)
			}
		}
		for _, c := range n.Children() {
			visit(c)
		}
	}
	visit(n)
	planWaits(n)
}

// maxScanFilters is the most filters that one scan gets.
const maxScanFilters = 16

// publishKeys plans the filters of one join. Rows of the left side without a
// match must not survive it.
func publishKeys(n *physical.HashJoin) {
	switch n.Kind {
	case physical.Inner, physical.Semi, physical.Right, physical.RightSemi, physical.RightAnti:
	default:
		return
	}
	for i, k := range n.LeftKeys {
		f := &physical.DynamicFilter{Awaited: true}
		if c, ok := filterColumn(k); ok && pushDynamic(n.Left, c, f) {
			n.Publish = append(n.Publish, physical.BuildFilter{Key: i, Filter: f})
		}
	}
}

// reduceBuild gives the build side of a join what is known about the keys of its
// probe side before that is read: a join further down has collected the values
// that they can have. The rows dropped must be such that only a match would have
// let them matter.
func reduceBuild(n *physical.HashJoin) {
	switch n.Kind {
	case physical.Inner, physical.Left, physical.Semi, physical.Anti, physical.Single, physical.RightSemi:
	default:
		return
	}
	for i, k := range n.LeftKeys {
		c, ok := filterColumn(k)
		to, plain := filterColumn(n.RightKeys[i])
		if !ok || !plain || n.NullSafe[i] {
			continue
		}
		for _, s := range buildsOf(n.Left, c, nil) {
			f := s.filter()
			if pushDynamic(n.Right, to, f) {
				s.publish(f)
			}
		}
	}
}

// buildSide is a key (Key not negative) or column of the build side of a join.
type buildSide struct {
	join        *physical.HashJoin
	key, column int
}

// filter returns the filter that the join publishes for s, or a new one.
func (s buildSide) filter() *physical.DynamicFilter {
	for _, p := range s.join.Publish {
		if p.Key == s.key && p.Column == s.column {
			return p.Filter
		}
	}
	return &physical.DynamicFilter{Awaited: true}
}

// publish makes the join publish f for s.
func (s buildSide) publish(f *physical.DynamicFilter) {
	for _, p := range s.join.Publish {
		if p.Filter == f {
			return
		}
	}
	s.join.Publish = append(s.join.Publish, physical.BuildFilter{Key: s.key, Column: s.column, Filter: f})
}

// buildsOf adds to list the build sides below n that hold every value of column
// c of n but NULL.
func buildsOf(n physical.Node, c int, list []buildSide) []buildSide {
	switch n := n.(type) {
	case *physical.Filter:
		return buildsOf(n.Input, c, list)
	case *physical.Sort:
		return buildsOf(n.Input, c, list)
	case *physical.Limit:
		return buildsOf(n.Input, c, list)
	case *physical.Project:
		x, ok := n.Exprs[c].(*expr.Column)
		if !ok {
			return list
		}
		return buildsOf(n.Input, int(x.ID), list)
	case *physical.HashAggregate:
		if c < len(n.Keys) {
			if x, ok := n.Keys[c].(*expr.Column); ok {
				return buildsOf(n.Input, int(x.ID), list)
			}
		}
	case *physical.HashJoin:
		if n.Kind == physical.RightSemi || n.Kind == physical.RightAnti {
			return append(list, buildSide{join: n, key: -1, column: c})
		}
		left := len(n.Left.Columns())
		inner := n.Kind == physical.Inner || n.Kind == physical.Semi
		if c < left {
			for i, k := range n.LeftKeys {
				if x, ok := k.(*expr.Column); inner && ok && int(x.ID) == c && !n.NullSafe[i] {
					list = append(list, buildSide{join: n, key: i})
				}
			}
			if keepsLeft(n.Kind) {
				return buildsOf(n.Left, c, list)
			}
			return list
		}
		if n.Kind == physical.Inner || n.Kind == physical.Left {
			list = append(list, buildSide{join: n, key: -1, column: c - left})
		}
	}
	return list
}

// filterColumn returns the column whose values an expression has: itself, or
// what is widened to another type with the same values and the same order.
func filterColumn(e expr.Expr) (int, bool) {
	for {
		switch x := e.(type) {
		case *expr.Column:
			return int(x.ID), true
		case *expr.Relabel:
			if !sameValues(x.Arg.Type(), x.T) {
				return 0, false
			}
			e = x.Arg
		case *expr.Call:
			if !x.Cast || len(x.Args) != 1 || !sameValues(x.Args[0].Type(), x.T) {
				return 0, false
			}
			e = x.Args[0]
		default:
			return 0, false
		}
	}
}

// sameValues reports whether a conversion changes no value and no comparison.
func sameValues(from, to types.Type) bool {
	width := func(t types.Type) int {
		return slices.Index([]types.OID{types.Int2, types.Int4, types.Int8}, t.OID)
	}
	if width(from) >= 0 && width(to) >= width(from) {
		return true
	}
	text := []types.OID{types.Text, types.VarChar, types.Name}
	return slices.Contains(text, from.OID) && slices.Contains(text, to.OID) && to.OID != types.Name && to.Mod < 0
}

// pushDynamic brings f from column c of n down to scans and reports whether one
// uses it. Dropping a row below must do no more to n's rows than dropping those
// with the same value in c.
func pushDynamic(n physical.Node, c int, f *physical.DynamicFilter) bool {
	switch n := n.(type) {
	case *physical.Scan:
		s := physical.ScanFilter{Column: c, Filter: f}
		if n.Server == "" || slices.Contains(n.Dynamic, s) || len(n.Dynamic) == maxScanFilters {
			return false
		}
		n.Dynamic = append(n.Dynamic, s)
		return true
	case *physical.Filter:
		return pushDynamic(n.Input, c, f)
	case *physical.Sort:
		return pushDynamic(n.Input, c, f)
	case *physical.Project:
		if n.Hidden {
			// Here stands a mask or the column itself; a mask that is another
			// column is still a mask.
			x, ok := n.Exprs[c].(*expr.Column)
			return ok && x.Name == n.Cols[c].Name && pushDynamic(n.Input, int(x.ID), f)
		}
		x, ok := filterColumn(n.Exprs[c])
		return ok && pushDynamic(n.Input, x, f)
	case *physical.ProjectSet:
		if c >= len(n.Items) || n.Items[c].Expr == nil {
			return false
		}
		x, ok := filterColumn(n.Items[c].Expr)
		return ok && pushDynamic(n.Input, x, f)
	case *physical.HashAggregate:
		// Whole groups go.
		if c >= len(n.Keys) {
			return false
		}
		x, ok := filterColumn(n.Keys[c])
		return ok && pushDynamic(n.Input, x, f)
	case *physical.Window:
		// Whole partitions go.
		for _, p := range n.Partition {
			if x, ok := p.(*expr.Column); ok && int(x.ID) == c {
				return pushDynamic(n.Input, c, f)
			}
		}
		return false
	case *physical.Append:
		used := false
		for _, in := range n.Inputs {
			used = pushDynamic(in, c, f) || used
		}
		return used
	case *physical.SetOp:
		left := pushDynamic(n.Left, c, f)
		return pushDynamic(n.Right, c, f) || left
	case *physical.HashJoin:
		return pushThroughJoin(n, c, f)
	case *physical.NestedLoopJoin:
		left := len(n.Left.Columns())
		if c < left {
			return keepsLeft(n.Kind) && pushDynamic(n.Left, c, f)
		}
		return n.Kind == physical.Inner && pushDynamic(n.Right, c-left, f)
	}
	return false
}

// keepsLeft reports whether a join gives every output row the columns of one
// left row, and a left row that is dropped changes no other row.
func keepsLeft(k physical.JoinKind) bool { return k != physical.Right && k != physical.Full }

// pushThroughJoin is pushDynamic for a hash join: when the column is a key, its
// counterpart on the other side has the same value.
func pushThroughJoin(n *physical.HashJoin, c int, f *physical.DynamicFilter) bool {
	left := len(n.Left.Columns())
	if n.Kind == physical.RightSemi || n.Kind == physical.RightAnti {
		c += left
	}
	used := false
	if c < left {
		if !keepsLeft(n.Kind) {
			return false
		}
		used = pushDynamic(n.Left, c, f)
		switch n.Kind {
		case physical.Inner, physical.Left, physical.Semi, physical.Anti, physical.Single:
			// Rows of the right side can only match left rows that are kept.
			for i, k := range n.LeftKeys {
				if x, ok := k.(*expr.Column); ok && int(x.ID) == c && !n.NullSafe[i] {
					if y, ok := n.RightKeys[i].(*expr.Column); ok {
						used = pushDynamic(n.Right, int(y.ID), f) || used
					}
				}
			}
		}
		return used
	}
	switch n.Kind {
	case physical.Inner, physical.Right, physical.RightSemi, physical.RightAnti:
	default:
		return false
	}
	used = pushDynamic(n.Right, c-left, f)
	if n.Kind != physical.Right {
		for i, k := range n.RightKeys {
			if x, ok := k.(*expr.Column); ok && int(x.ID) == c-left && !n.NullSafe[i] {
				if y, ok := n.LeftKeys[i].(*expr.Column); ok {
					used = pushDynamic(n.Left, int(y.ID), f) || used
				}
			}
		}
	}
	return used
}
