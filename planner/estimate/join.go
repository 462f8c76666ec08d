package estimate

import (
	"math"

	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/planner/physical"
)

// Key is one equality between the two sides of a join.
type Key struct {
	Left, Right expr.Expr
}

// SplitKeys separates the equalities between the columns of two sets from the
// other conditions.
func SplitKeys(conds []expr.Expr, left, right func(expr.ColumnID) bool) (keys []Key, rest []expr.Expr) {
	for _, c := range conds {
		if k, ok := keyOf(c, left, right); ok {
			keys = append(keys, k)
		} else {
			rest = append(rest, c)
		}
	}
	return keys, rest
}

// keyOf reads a condition as an equality between two sides.
func keyOf(c expr.Expr, left, right func(expr.ColumnID) bool) (Key, bool) {
	if t, ok := c.(*expr.BoolTest); ok && !t.Not && !t.Value.Null && t.Value.Bool() {
		c = t.Arg
	}
	var a, b expr.Expr
	switch c := c.(type) {
	case *expr.Call:
		if c.Op != "=" || len(c.Args) != 2 {
			return Key{}, false
		}
		a, b = c.Args[0], c.Args[1]
	case *expr.Distinct:
		if !c.Not {
			return Key{}, false
		}
		a, b = c.Left, c.Right
	default:
		return Key{}, false
	}
	switch {
	case reads(a, left) && reads(b, right):
		return Key{a, b}, true
	case reads(b, left) && reads(a, right):
		return Key{b, a}, true
	}
	return Key{}, false
}

// reads reports whether x reads columns of a set, and only those.
func reads(x expr.Expr, set func(expr.ColumnID) bool) bool {
	n, all := 0, true
	expr.Walk(x, func(y expr.Expr) bool {
		if c, ok := y.(*expr.Column); ok {
			n++
			all = all && set(c.ID)
		}
		return all
	})
	return all && n > 0
}

// side is what is known of all keys of one side together: the number of rows
// where they come from and of different values there.
type side struct {
	rows, distinct float64
	// unique is set when every row there has another value.
	unique, known bool
	notNull       float64
}

func (e *Estimator) side(keys []Key, right bool, rows float64) side {
	s := side{rows: rows, distinct: 1, known: true, notNull: 1}
	base := 0.0
	for _, k := range keys {
		x := k.Left
		if right {
			x = k.Right
		}
		d, from := 0.0, rows
		if c, ok := strip(x).(*expr.Column); ok {
			if have := e.cols[c.ID]; have != nil {
				d, from = have.distinct, have.rows
				s.notNull *= 1 - have.nulls
			}
		} else {
			d = e.distinctOf(x, rows)
		}
		base = math.Max(base, from)
		if d <= 0 {
			s.known = false
			continue
		}
		s.distinct *= d
	}
	s.rows = base
	s.unique = s.known && s.distinct >= 0.9*base
	s.distinct = math.Min(s.distinct, base)
	if !s.known {
		s.distinct = 0
	}
	return s
}

// Match is the fraction of all pairs of rows whose keys are equal. lrows and
// rrows are the sizes of the sides.
//
// It rests on containment: the side with fewer values finds all of its own on
// the other side. Several keys together have at most as many values as their
// table has rows; where that limit is met they identify a row of it, and the
// other side, if it is the larger one, refers to it.
func (e *Estimator) Match(keys []Key, lrows, rrows float64) float64 {
	if len(keys) == 0 {
		return 1
	}
	l, r := e.side(keys, false, lrows), e.side(keys, true, rrows)
	d := 0.0
	switch {
	case l.known && r.known && l.unique && r.unique && len(keys) > 1:
		d = math.Min(l.distinct, r.distinct)
	case l.known && r.known:
		d = math.Max(l.distinct, r.distinct)
	case l.known:
		d = l.distinct
	case r.known:
		d = r.distinct
	default:
		// Nothing is known: the smaller table is referred to by the larger one.
		d = math.Min(l.rows, r.rows)
	}
	return l.notNull * r.notNull / math.Max(d, 1)
}

// Found is the fraction of the left rows that have a match on the right.
func (e *Estimator) Found(keys []Key, lrows, rrows float64) float64 {
	if len(keys) == 0 {
		return 1
	}
	l, r := e.side(keys, false, lrows), e.side(keys, true, rrows)
	if !l.known || !r.known {
		if r.known || l.known || rrows < lrows {
			return math.Min(0.5, math.Max(rrows/lrows, 0.05))
		}
		return 0.5
	}
	return l.notNull * math.Min(1, thin(r.distinct, r.rows, rrows)/math.Max(l.distinct, 1))
}

// join estimates a join node.
func (e *Estimator) join(n *logical.Join) float64 {
	l, r := e.Rows(n.Left), e.Rows(n.Right)
	var conds []expr.Expr
	if n.Cond != nil {
		conds = expr.SplitAnd(nil, n.Cond)
	}
	lset, rset := logical.OutputSet(n.Left), logical.OutputSet(n.Right)
	keys, rest := SplitKeys(conds, func(c expr.ColumnID) bool { return lset[c] }, func(c expr.ColumnID) bool { return rset[c] })
	return e.JoinRows(n.Kind, keys, rest, l, r)
}

// JoinRows is the expected number of rows of a join of l with r rows.
func (e *Estimator) JoinRows(kind physical.JoinKind, keys []Key, rest []expr.Expr, l, r float64) float64 {
	switch kind {
	case physical.Semi:
		return math.Max(1, l*e.Found(keys, l, r)*math.Sqrt(e.Conjunction(rest)))
	case physical.Anti:
		return math.Max(1, l*math.Max(0.05, 1-e.Found(keys, l, r)*math.Sqrt(e.Conjunction(rest))))
	case physical.Mark, physical.Single:
		return l
	}
	rows := l * r * e.Match(keys, l, r) * e.Conjunction(rest)
	switch kind {
	case physical.Left:
		rows = math.Max(rows, l)
	case physical.Right:
		rows = math.Max(rows, r)
	case physical.Full:
		rows = math.Max(rows, l+r)
	}
	return math.Max(1, rows)
}
