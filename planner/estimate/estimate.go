// Package estimate predicts how many rows the nodes of a logical plan yield, from
// the statistics of the tables they read. Its answers decide how a query is
// executed, never what it answers.
package estimate

import (
	"context"
	"math"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
)

// Numbers for what is not known.
const (
	unknownRows = 1000
	// unknownGroup is the share of rows that are groups of their own.
	unknownGroup = 0.2
	// defaultWidth is the size of a string of unknown length.
	defaultWidth = 24
)

// Estimator answers for one plan and what the rules make of it. It remembers:
// nodes must not change once they were asked about.
type Estimator struct {
	ctx  context.Context
	cols map[expr.ColumnID]*column
	rows map[logical.Node]float64
	// loaded has the scans whose statistics were asked for.
	loaded map[logical.Statistics]map[int]bool
}

// column is what is known of the values of a column where it first appears.
type column struct {
	typ types.Type
	// stats is nil for computed columns.
	stats *connector.ColumnStatistics
	// rows is the number of rows there, distinct the number of values (0 when
	// unknown), nulls the fraction of NULLs.
	rows, distinct, nulls float64
}

// New returns an estimator.
func New(ctx context.Context) *Estimator {
	return &Estimator{
		ctx: ctx, cols: map[expr.ColumnID]*column{}, rows: map[logical.Node]float64{},
		loaded: map[logical.Statistics]map[int]bool{},
	}
}

// Load gets the statistics of every column that a condition, join key or group
// below the plans reads: one question per table.
func (e *Estimator) Load(plans ...logical.Node) {
	used := map[expr.ColumnID]bool{}
	var scans []*logical.Scan
	seen := map[*logical.Shared]bool{}
	var visit func(n logical.Node)
	visit = func(n logical.Node) {
		logical.Walk(n, func(m logical.Node) bool {
			switch m := m.(type) {
			case *logical.Scan:
				if m.Stats != nil {
					scans = append(scans, m)
				}
			case *logical.Filter, *logical.Join, *logical.Aggregate:
				for _, x := range logical.Exprs(m) {
					expr.Columns(x, used)
				}
			case *logical.Project:
				// A key may be computed from columns below.
				for _, x := range m.Exprs {
					if _, plain := x.(*expr.Column); !plain {
						expr.Columns(x, used)
					}
				}
			case *logical.SetOp:
				for _, c := range m.Left.Outputs() {
					used[c.ID] = true
				}
				for _, c := range m.Right.Outputs() {
					used[c.ID] = true
				}
			case *logical.SharedScan:
				if !seen[m.Of] {
					seen[m.Of] = true
					visit(m.Of.Input)
				}
			}
			return true
		})
	}
	for _, p := range plans {
		visit(p)
	}
	for _, s := range scans {
		have := e.loaded[s.Stats]
		if have == nil {
			have = map[int]bool{}
			e.loaded[s.Stats] = have
		}
		var ask []int
		for i, c := range s.Cols {
			if at := s.TableColumn(i); used[c.ID] && !have[at] {
				have[at] = true
				ask = append(ask, at)
			}
		}
		if len(ask) > 0 {
			s.Stats.Load(e.ctx, ask)
		}
	}
}

// Rows is the expected number of rows of a plan, at least 1.
func (e *Estimator) Rows(n logical.Node) float64 {
	if r, ok := e.rows[n]; ok {
		return r
	}
	r := e.estimate(n)
	if math.IsNaN(r) || r < 1 {
		r = 1
	}
	r = math.Min(r, 1e18)
	e.rows[n] = r
	return r
}

func (e *Estimator) estimate(n logical.Node) float64 {
	switch n := n.(type) {
	case *logical.Scan:
		return e.scan(n)
	case *logical.Values:
		rows := float64(len(n.Rows))
		for _, c := range n.Cols {
			e.cols[c.ID] = &column{typ: c.Type, rows: rows, distinct: rows}
		}
		return rows
	case *logical.Filter:
		rows := e.Rows(n.Input)
		return rows * e.Conjunction(n.Conds)
	case *logical.Project:
		rows := e.Rows(n.Input)
		for i, c := range n.Cols {
			e.define(c, n.Exprs[i], rows)
		}
		return rows
	case *logical.ProjectSet:
		return e.Rows(n.Input) * 10
	case *logical.Aggregate:
		return e.aggregate(n)
	case *logical.Join:
		return e.join(n)
	case *logical.SetOp:
		return e.setOp(n)
	case *logical.Limit:
		rows := e.Rows(n.Input)
		if c, ok := n.Count.(*expr.Const); ok && !c.Value.Null {
			rows = math.Min(rows, float64(c.Value.I))
		}
		return rows
	case *logical.SharedScan:
		rows := e.Rows(n.Of.Input)
		for i, c := range n.Of.Input.Outputs() {
			if have, ok := e.cols[c.ID]; ok && i < len(n.Cols) {
				e.cols[n.Cols[i].ID] = have
			}
		}
		return rows
	case *logical.Recursive:
		return e.Rows(n.Initial) * 10
	case *logical.WorkScan:
		return unknownRows
	}
	rows := 1.0
	for i, in := range n.Inputs() {
		if r := e.Rows(in); i == 0 {
			rows = r
		}
	}
	return rows
}

func (e *Estimator) scan(n *logical.Scan) float64 {
	rows := n.Rows
	if rows < 0 && n.Stats != nil {
		rows = n.Stats.Rows()
	}
	if rows < 0 {
		rows = unknownRows
	}
	rows = math.Max(rows, 1)
	for i, c := range n.Cols {
		col := &column{typ: c.Type, rows: rows}
		if s := n.StatisticsOf(i); s != nil {
			col.stats, col.nulls = s, math.Min(math.Max(s.NullFraction, 0), 1)
			col.distinct = math.Min(s.Distinct, rows)
		}
		e.cols[c.ID] = col
	}
	return rows
}

// define notes what is known of a computed column.
func (e *Estimator) define(c logical.Column, x expr.Expr, rows float64) {
	if ref, ok := strip(x).(*expr.Column); ok {
		if have, ok := e.cols[ref.ID]; ok {
			if ref.ID != c.ID {
				e.cols[c.ID] = have
			}
			return
		}
	}
	e.cols[c.ID] = &column{typ: c.Type, rows: rows, distinct: e.distinctOf(x, rows)}
}

// strip looks through conversions that keep every value.
func strip(x expr.Expr) expr.Expr {
	for {
		switch r := x.(type) {
		case *expr.Relabel:
			x = r.Arg
		case *expr.Call:
			if !r.Cast || len(r.Args) == 0 || !widening(r.Args[0].Type().OID, r.T) {
				return x
			}
			x = r.Args[0]
		default:
			return x
		}
	}
}

// widening reports whether a cast gives every value a value of its own.
func widening(from types.OID, to types.Type) bool {
	switch from {
	case types.Int2, types.Int4, types.Int8:
		return to.OID == types.Int4 || to.OID == types.Int8 || to.OID == types.Float8 || to.OID == types.Numeric && to.Mod < 0
	case types.Float4:
		return to.OID == types.Float8
	case types.Numeric:
		return to.OID == types.Numeric && to.Mod < 0 || to.OID == types.Float8
	case types.Date:
		return to.OID == types.Timestamp || to.OID == types.TimestampTZ
	case types.Timestamp:
		return to.OID == types.TimestampTZ
	}
	return false
}

func (e *Estimator) aggregate(n *logical.Aggregate) float64 {
	in := e.Rows(n.Input)
	groups := 1.0
	if len(n.Keys) > 0 {
		groups = e.Groups(n.Keys, in)
	}
	for i, c := range n.Cols {
		if ref, ok := strip(n.Keys[i]).(*expr.Column); ok && e.cols[ref.ID] != nil {
			have := *e.cols[ref.ID]
			have.distinct = e.distinctOf(ref, in)
			have.rows = groups
			if have.distinct > 0 {
				have.distinct = math.Min(have.distinct, groups)
			}
			if ref.ID == c.ID {
				// The same identity above and below: what holds for the base
				// column serves both.
				continue
			}
			e.cols[c.ID] = &have
			continue
		}
		e.cols[c.ID] = &column{typ: c.Type, rows: groups, distinct: math.Min(e.distinctOf(n.Keys[i], in), groups)}
	}
	for _, a := range n.Aggs {
		e.cols[a.Col.ID] = &column{typ: a.Col.Type, rows: groups}
	}
	return groups
}

// Groups is the expected number of different combinations of keys among rows.
func (e *Estimator) Groups(keys []expr.Expr, rows float64) float64 {
	groups := 1.0
	unknown := false
	for _, k := range keys {
		if d := e.distinctOf(k, rows); d > 0 {
			groups *= d
		} else {
			unknown = true
		}
	}
	if unknown {
		groups = math.Max(groups, rows*unknownGroup)
	}
	return math.Max(1, math.Min(groups, rows))
}

func (e *Estimator) setOp(n *logical.SetOp) float64 {
	l, r := e.Rows(n.Left), e.Rows(n.Right)
	rows := l
	if n.Kind == logical.Union {
		rows = l + r
	}
	lo, ro := n.Left.Outputs(), n.Right.Outputs()
	for i, c := range n.Cols {
		col := &column{typ: c.Type, rows: rows}
		dl, dr := e.distinctOf(lo[i].Ref(), l), e.distinctOf(ro[i].Ref(), r)
		if dl > 0 && dr > 0 {
			col.distinct = math.Min(math.Max(dl, dr)*1.5, dl+dr)
			if n.Kind != logical.Union {
				col.distinct = dl
			}
		}
		e.cols[c.ID] = col
	}
	if n.Kind == logical.Union && !n.All {
		refs := make([]expr.Expr, len(n.Cols))
		for i, c := range n.Cols {
			refs[i] = c.Ref()
		}
		rows = e.Groups(refs, rows)
	}
	return rows
}

// distinctOf is the expected number of values of x among rows rows of those that
// its columns come from, 0 when unknown.
func (e *Estimator) distinctOf(x expr.Expr, rows float64) float64 {
	x = strip(x)
	switch x := x.(type) {
	case *expr.Const, *expr.Param:
		return 1
	case *expr.Column:
		c := e.cols[x.ID]
		if c == nil || c.distinct <= 0 {
			return 0
		}
		return thin(c.distinct, c.rows, rows)
	case *expr.Case:
		n := float64(len(x.Whens) + 1)
		for _, w := range x.Whens {
			if _, isConst := w.Result.(*expr.Const); !isConst {
				n = 0
			}
		}
		if n > 0 {
			return n
		}
	}
	if x.Type().OID == types.Bool {
		return 2
	}
	if call, ok := x.(*expr.Call); ok {
		if d := e.partOfTime(call); d > 0 {
			return math.Min(d, rows)
		}
	}
	product := 1.0
	set := map[expr.ColumnID]bool{}
	expr.Columns(x, set)
	for id := range set {
		c := e.cols[id]
		if c == nil || c.distinct <= 0 {
			return 0
		}
		product *= thin(c.distinct, c.rows, rows)
	}
	return math.Min(product, rows)
}

// thin is the number of values that are left when rows of total rows with d
// values are left: each value is missed by chance.
func thin(d, total, rows float64) float64 {
	if rows >= total || d <= 0 {
		return d
	}
	if d >= total {
		return rows
	}
	return math.Max(1, d*-math.Expm1(total/d*math.Log1p(-rows/total)))
}

// partOfTime estimates the values of extract, date_part and date_trunc.
func (e *Estimator) partOfTime(c *expr.Call) float64 {
	if len(c.Args) != 2 {
		return 0
	}
	field, ok := c.Args[0].(*expr.Const)
	if !ok || field.Value.Null {
		return 0
	}
	days := 3650.0
	if lo, hi, ok := e.bounds(c.Args[1]); ok {
		days = hi - lo + 1
		if c.Args[1].Type().OID != types.Date {
			days = (hi - lo) / 86400e6
		}
	}
	trunc := c.Fn.Name == "date_trunc"
	if !trunc && c.Fn.Name != "extract" && c.Fn.Name != "date_part" {
		return 0
	}
	per := func(cycle, length float64) float64 {
		if trunc {
			return math.Ceil(days/length) + 1
		}
		return math.Min(cycle, math.Ceil(days/length)+1)
	}
	switch field.Value.S {
	case "year", "isoyear":
		return per(math.Inf(1), 365.25)
	case "quarter":
		return per(4, 91.3)
	case "month":
		return per(12, 30.4)
	case "week":
		return per(53, 7)
	case "day":
		return per(31, 1)
	case "dow", "isodow":
		return 7
	case "doy":
		return per(366, 1)
	case "hour":
		return per(24, 1.0/24)
	case "minute":
		return per(60, 1.0/1440)
	}
	return 0
}

// Width is the expected size in bytes of a row of these columns.
func (e *Estimator) Width(cols []logical.Column) float64 {
	total := 0.0
	for _, c := range cols {
		total += e.width(c)
	}
	return total
}

func (e *Estimator) width(c logical.Column) float64 {
	switch c.Type.Layout() {
	case types.LayoutBool:
		return 1
	case types.LayoutInt16:
		return 2
	case types.LayoutInt32, types.LayoutFloat32:
		return 4
	case types.LayoutInt64, types.LayoutFloat64, types.LayoutNumeric:
		return 8
	case types.LayoutWide:
		return 16
	}
	if have := e.cols[c.ID]; have != nil && have.stats != nil && have.stats.Width > 0 {
		return have.stats.Width
	}
	return defaultWidth
}
