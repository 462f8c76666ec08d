package estimate

import (
	"math"
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
)

// Selectivities of conditions of which nothing is known.
const (
	equalUnknown = 0.01
	rangeUnknown = 0.3
	likeUnknown  = 0.05
	otherUnknown = 0.3
	leastKept    = 1e-9
)

// Conjunction is the fraction of rows that all conditions keep. Two limits of
// one column are one range; from the third condition on only the root of a
// fraction counts, since conditions of one table are rarely independent.
func (e *Estimator) Conjunction(conds []expr.Expr) float64 {
	type limits struct {
		col      *column
		lo, hi   float64
		from, to bool
	}
	var ranges []*limits
	var parts []float64
	var add func(c expr.Expr)
	add = func(c expr.Expr) {
		if l, ok := c.(*expr.Logic); ok && l.Op == expr.And {
			for _, a := range l.Args {
				add(a)
			}
			return
		}
		col, op, at, ok := e.comparison(c)
		if !ok || op == "=" || op == "<>" || !col.ordered() {
			parts = append(parts, e.Selectivity(c))
			return
		}
		var r *limits
		for _, have := range ranges {
			if have.col == col {
				r = have
			}
		}
		if r == nil {
			r = &limits{col: col, lo: 0, hi: 1}
			ranges = append(ranges, r)
		}
		f := col.below(at, op == "<=" || op == ">")
		if op == "<" || op == "<=" {
			r.hi, r.to = math.Min(r.hi, f), true
		} else {
			r.lo, r.from = math.Max(r.lo, f), true
		}
	}
	for _, c := range conds {
		add(c)
	}
	for _, r := range ranges {
		s := r.hi - r.lo
		if least := 0.5 / math.Max(r.col.distinct, 1000); s < least {
			s = least
		}
		parts = append(parts, s*(1-r.col.nulls))
	}
	slices.Sort(parts)
	out := 1.0
	for i, p := range parts {
		if i >= 2 {
			p = math.Sqrt(p)
		}
		out *= clamp(p)
	}
	return math.Max(out, leastKept)
}

func clamp(s float64) float64 {
	if math.IsNaN(s) {
		return otherUnknown
	}
	return math.Min(1, math.Max(s, leastKept))
}

// Selectivity is the fraction of rows for which one condition is true.
func (e *Estimator) Selectivity(x expr.Expr) float64 { return clamp(e.selectivity(x)) }

func (e *Estimator) selectivity(x expr.Expr) float64 {
	switch x := x.(type) {
	case *expr.Const:
		if x.Value.Null || x.Value.I == 0 {
			return leastKept
		}
		return 1
	case *expr.Column:
		if c := e.cols[x.ID]; c != nil {
			if s, ok := c.equal(types.BoolDatum(true)); ok {
				return s
			}
		}
		return 0.5
	case *expr.Logic:
		switch x.Op {
		case expr.And:
			return e.Conjunction(x.Args)
		case expr.Or:
			out := 1.0
			for _, a := range x.Args {
				out *= 1 - e.Selectivity(a)
			}
			return 1 - out
		}
		return math.Max(0, 1-e.Selectivity(x.Args[0])-e.nulls(x.Args[0]))
	case *expr.NullTest:
		n := 0.0
		if c := e.columnOf(x.Arg); c != nil {
			n = c.nulls
			if c.stats == nil {
				n = 0.1
			}
		}
		if x.Not {
			return 1 - n
		}
		return n
	case *expr.BoolTest:
		s := 0.1
		if !x.Value.Null {
			s = e.Selectivity(x.Arg)
			if !x.Value.Bool() {
				s = 1 - s
			}
		}
		if x.Not {
			return 1 - s
		}
		return s
	case *expr.Distinct:
		s := equalUnknown
		if k, ok := x.Right.(*expr.Const); ok {
			s = e.equalTo(x.Left, k)
		} else if d := math.Max(e.distinctOf(x.Left, math.Inf(1)), e.distinctOf(x.Right, math.Inf(1))); d > 0 {
			s = 1 / d
		}
		if !x.Not {
			return 1 - s
		}
		return s
	case *expr.InList:
		s := 0.0
		for _, i := range x.Items {
			s += e.equalTo(x.Arg, i)
		}
		s = math.Min(s, 1)
		if x.Not {
			return math.Max(0, 1-s-e.nulls(x.Arg))
		}
		return s
	case *expr.ArrayCompare:
		return e.arrayCompare(x)
	case *expr.Call:
		return e.call(x)
	}
	return otherUnknown
}

// nulls is the fraction of rows for which x is NULL, as far as it is a strict
// expression of columns.
func (e *Estimator) nulls(x expr.Expr) float64 {
	live := 1.0
	set := map[expr.ColumnID]bool{}
	expr.Columns(x, set)
	for id := range set {
		if c := e.cols[id]; c != nil {
			live *= 1 - c.nulls
		}
	}
	return 1 - live
}

// arrayCompare estimates = ANY and its kin by the number of elements.
func (e *Estimator) arrayCompare(x *expr.ArrayCompare) float64 {
	n := 10.0
	switch a := x.Array.(type) {
	case *expr.Array:
		n = float64(len(a.Items))
	case *expr.Const:
		if v, err := types.DecodeArray(a.Value.S); err == nil && !a.Value.Null {
			n = float64(len(v.Elems))
		}
	}
	s := rangeUnknown
	switch x.Op {
	case "=":
		s = e.equalTo(x.Left, nil)
	case "<>":
		s = 1 - e.equalTo(x.Left, nil)
	}
	if x.All {
		return math.Pow(s, n)
	}
	return 1 - math.Pow(1-s, n)
}

func (e *Estimator) call(x *expr.Call) float64 {
	switch x.Op {
	case "=", "<>", "<", "<=", ">", ">=":
		return e.compare(x)
	case "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*":
		s := e.like(x)
		if x.Op[0] == '!' {
			return math.Max(0, 1-s-e.nulls(x.Args[0]))
		}
		return s
	}
	return otherUnknown
}

// compare estimates a comparison of two expressions.
func (e *Estimator) compare(x *expr.Call) float64 {
	if len(x.Args) != 2 {
		return otherUnknown
	}
	l, r := x.Args[0], x.Args[1]
	if x.Op == "=" || x.Op == "<>" {
		s := 0.0
		switch {
		case isValue(r):
			s = e.equalTo(l, r)
		case isValue(l):
			s = e.equalTo(r, l)
		default:
			s = equalUnknown
			if d := math.Max(e.distinctOf(l, math.Inf(1)), e.distinctOf(r, math.Inf(1))); d > 0 {
				s = 1 / d
			}
		}
		if x.Op == "<>" {
			return math.Max(0, 1-s-e.nulls(x))
		}
		return s
	}
	if col, op, at, ok := e.comparison(x); ok && col.ordered() {
		f := col.below(at, op == "<=" || op == ">")
		if op == ">" || op == ">=" {
			f = 1 - f
		}
		return f * (1 - col.nulls)
	}
	if !isValue(l) && !isValue(r) {
		return 0.4 // two columns: either may be the larger one
	}
	return rangeUnknown
}

// isValue reports whether x is the same for every row.
func isValue(x expr.Expr) bool {
	set := map[expr.ColumnID]bool{}
	expr.Columns(x, set)
	return len(set) == 0
}

// comparison reads a condition as column op constant.
func (e *Estimator) comparison(x expr.Expr) (col *column, op string, at expr.Const, ok bool) {
	c, isCall := x.(*expr.Call)
	if !isCall || len(c.Args) != 2 {
		return nil, "", at, false
	}
	op = c.Op
	l, r := c.Args[0], c.Args[1]
	if _, isConst := l.(*expr.Const); isConst {
		l, r = r, l
		op = map[string]string{"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
	}
	k, isConst := r.(*expr.Const)
	if !isConst || k.Value.Null {
		return nil, "", at, false
	}
	switch op {
	case "=", "<>", "<", "<=", ">", ">=":
	default:
		return nil, "", at, false
	}
	if col = e.columnOf(l); col == nil {
		return nil, "", at, false
	}
	return col, op, *k, true
}

// columnOf is what is known of the column that x reads, through conversions that
// keep every value.
func (e *Estimator) columnOf(x expr.Expr) *column {
	if c, ok := strip(x).(*expr.Column); ok {
		return e.cols[c.ID]
	}
	return nil
}

// bounds returns the positions of the smallest and largest value of x.
func (e *Estimator) bounds(x expr.Expr) (lo, hi float64, ok bool) {
	c := e.columnOf(x)
	if c == nil || c.stats == nil || c.stats.Min.Null || c.stats.Max.Null {
		return 0, 0, false
	}
	lo, hi = position(c.typ, c.stats.Min), position(c.typ, c.stats.Max)
	if c.typ.OID == types.Date && x.Type().OID == types.Date {
		return lo / dayMicros, hi / dayMicros, true
	}
	return lo, hi, true
}

// equalTo is the fraction of rows for which x equals a value; v may be no
// constant, or nil, for a value that is not known.
func (e *Estimator) equalTo(x expr.Expr, v expr.Expr) float64 {
	if c := e.columnOf(x); c != nil {
		if k, ok := v.(*expr.Const); ok && !k.Value.Null {
			if d, ok := convert(k, c.typ); ok {
				if s, ok := c.equal(d); ok {
					return s
				}
			}
		}
		if c.distinct > 0 {
			return (1 - c.nulls) / c.distinct
		}
		return equalUnknown
	}
	if d := e.distinctOf(x, math.Inf(1)); d > 0 && !math.IsInf(d, 1) {
		return math.Max(1/d, 1e-4)
	}
	return equalUnknown
}

// equal is the fraction of rows that have a value.
func (c *column) equal(v types.Datum) (float64, bool) {
	s := c.stats
	if s == nil {
		if c.distinct > 0 {
			return 1 / c.distinct, true
		}
		return 0, false
	}
	common, least := 0.0, 1.0
	for _, m := range s.Common {
		if types.Compare(c.typ, m.Value, v) == 0 {
			return m.Fraction, true
		}
		common += m.Fraction
		least = math.Min(least, m.Fraction)
	}
	if c.distinct <= 0 {
		return 0, false
	}
	if !s.Min.Null && !s.Max.Null && c.ordered() {
		if at := position(c.typ, v); at < position(c.typ, s.Min) || at > position(c.typ, s.Max) {
			return 0.1 / math.Max(c.rows, 1), true
		}
	}
	rest := c.distinct - float64(len(s.Common))
	if rest < 1 {
		// Every value should be in the list; this one is rarer than all.
		return math.Min(least, 1/math.Max(c.rows, 1)), true
	}
	share := math.Max(0, 1-c.nulls-common) / rest
	return math.Min(share, least), true
}

// like estimates a pattern by the values that are known, and where those are few
// by what patterns usually keep.
func (e *Estimator) like(x *expr.Call) float64 {
	if len(x.Args) != 2 {
		return likeUnknown
	}
	k, ok := x.Args[1].(*expr.Const)
	if !ok || k.Value.Null {
		return likeUnknown
	}
	if !strings.HasSuffix(strings.TrimPrefix(x.Op, "!"), "~~") {
		return likeUnknown
	}
	if !strings.ContainsAny(k.Value.S, `%_\`) {
		return e.equalTo(x.Args[0], k)
	}
	c := e.columnOf(x.Args[0])
	if c == nil || c.stats == nil {
		return likeUnknown
	}
	common, hit := 0.0, 0.0
	for _, m := range c.stats.Common {
		common += m.Fraction
		if matches(m.Value.S, k.Value.S) {
			hit += m.Fraction
		}
	}
	rest := math.Max(0, 1-c.nulls-common)
	share := likeUnknown
	if n := len(c.stats.Histogram); n >= 10 {
		found := 0
		for _, v := range c.stats.Histogram {
			if matches(v.S, k.Value.S) {
				found++
			}
		}
		// A handful of values does not tell a rare pattern from none.
		share = math.Max(float64(found), 0.5) / float64(n)
		if found == 0 {
			share = math.Min(share, 0.02)
		}
	}
	return hit + rest*share
}

// matches is LIKE with the default escape.
func matches(s, pattern string) bool {
	// back is where to go on after the last %.
	si, pi, backS, backP := 0, 0, -1, -1
	for si < len(s) {
		switch {
		case pi < len(pattern) && pattern[pi] == '%':
			pi++
			backS, backP = si, pi
			continue
		case pi < len(pattern) && pattern[pi] == '_':
			pi++
			for si++; si < len(s) && s[si]&0xC0 == 0x80; si++ {
			}
			continue
		case pi+1 < len(pattern) && pattern[pi] == '\\' && pattern[pi+1] == s[si]:
			pi += 2
			si++
			continue
		case pi < len(pattern) && pattern[pi] != '\\' && pattern[pi] == s[si]:
			pi++
			si++
			continue
		}
		if backS < 0 {
			return false
		}
		backS++
		si, pi = backS, backP
	}
	return strings.Trim(pattern[pi:], "%") == ""
}
