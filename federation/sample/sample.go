// Package sample makes statistics of columns from some of their rows.
package sample

import (
	"cmp"
	"math"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// Limits of what statistics of one column hold.
const (
	// maxCommon is the number of most common values.
	maxCommon = 64
	// maxBounds is the number of histogram bounds.
	maxBounds = 65
	// maxTextBounds is the same for texts, of which patterns are tested against
	// every bound: a pattern that keeps one row in twenty should be found in more
	// than a handful of them.
	maxTextBounds = 385
	// maxWidth is the longest value that is kept in a list.
	maxWidth = 128
)

// Column collects a sample of one column. The zero value is not usable: see New.
type Column struct {
	typ    types.Type
	rows   int
	nulls  int
	bytes  int
	counts map[types.Datum]int
}

// New returns an empty sample of a column of type t.
func New(t types.Type) *Column { return &Column{typ: t, counts: map[types.Datum]int{}} }

// Add takes in the first n rows of a vector. The values are copied.
func (c *Column) Add(v *vector.Vec, n int) {
	for i := range n {
		c.AddDatum(v.Datum(i))
	}
}

// AddDatum takes in one value and keeps its string.
func (c *Column) AddDatum(d types.Datum) {
	c.rows++
	if d.Null {
		c.nulls++
		return
	}
	c.bytes += fixedWidth(c.typ) + len(d.S)
	c.counts[d]++
}

// fixedWidth is the size of a value beside its string.
func fixedWidth(t types.Type) int {
	switch t.Layout() {
	case types.LayoutBytes, types.LayoutNumeric:
		return 0
	case types.LayoutBool:
		return 1
	case types.LayoutWide:
		return 16
	}
	return 8
}

// Rows is the number of rows taken in.
func (c *Column) Rows() int { return c.rows }

// Statistics describes the column of a table of total rows. clustered says that
// equal values lie together in the table and the sample holds runs of adjacent
// rows: then the values of other parts are others.
func (c *Column) Statistics(total float64, clustered bool) *connector.ColumnStatistics {
	out := &connector.ColumnStatistics{Min: types.Null, Max: types.Null}
	if c.rows == 0 {
		return out
	}
	total = max(total, float64(c.rows))
	live := c.rows - c.nulls
	out.NullFraction = float64(c.nulls) / float64(c.rows)
	if live == 0 {
		return out
	}
	out.Width = float64(c.bytes) / float64(live)
	out.Distinct = c.distinct(total*(1-out.NullFraction), float64(live), clustered)
	if !types.Orderable(c.typ) {
		return out
	}
	values := make([]types.Datum, 0, len(c.counts))
	for d := range c.counts {
		values = append(values, d)
	}
	slices.SortFunc(values, func(a, b types.Datum) int { return types.Compare(c.typ, a, b) })
	out.Min, out.Max = values[0], values[len(values)-1]
	c.lists(out, values)
	return out
}

// distinct estimates how many values the live rows of the table have. Without
// clustering it is the estimator of Haas and Stokes ("Estimating the number of
// classes in a finite population", 1998), which PostgreSQL uses as well.
func (c *Column) distinct(total, live float64, clustered bool) float64 {
	d := float64(len(c.counts))
	if live >= total {
		return d
	}
	if clustered {
		return max(1, math.Round(d/live*total))
	}
	once := 0.0
	for _, n := range c.counts {
		if n == 1 {
			once++
		}
	}
	if once == live {
		return total // every row another value
	}
	est := live * d / (live - once + once*live/total)
	return min(max(est, d), total)
}

// lists fills in the most common values and the histogram.
func (c *Column) lists(out *connector.ColumnStatistics, values []types.Datum) {
	// A complete list of few values is worth having; otherwise a value must
	// occur clearly more often than the average one.
	complete := float64(len(values)) >= out.Distinct*0.99 && len(values) <= maxCommon
	least := max(2, 1.25*float64(c.rows-c.nulls)/out.Distinct)
	var common []types.Datum
	for _, d := range values {
		if (complete || float64(c.counts[d]) >= least) && len(d.S) <= maxWidth {
			common = append(common, d)
		}
	}
	slices.SortStableFunc(common, func(a, b types.Datum) int { return cmp.Compare(c.counts[b], c.counts[a]) })
	common = common[:min(len(common), maxCommon)]
	is := make(map[types.Datum]bool, len(common))
	for _, d := range common {
		is[d] = true
		out.Common = append(out.Common, connector.CommonValue{Value: d, Fraction: float64(c.counts[d]) / float64(c.rows)})
	}
	rest := 0
	for _, d := range values {
		if !is[d] {
			rest += c.counts[d]
		}
	}
	if len(values)-len(common) < 2 {
		return
	}
	bounds := maxBounds
	if c.typ.Layout() == types.LayoutBytes {
		bounds = maxTextBounds
	}
	bounds = min(bounds, len(values)-len(common))
	// The bound k of n is the value at the rank k*(rest-1)/(n-1).
	at, next := 0, 0
	for _, d := range values {
		if is[d] {
			continue
		}
		at += c.counts[d]
		for next < bounds && next*(rest-1)/(bounds-1) < at {
			if len(d.S) > maxWidth {
				d.S = d.S[:maxWidth]
			}
			out.Histogram = append(out.Histogram, d)
			next++
		}
	}
}
