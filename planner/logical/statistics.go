package logical

import (
	"context"

	"github.com/hubsql/hubsql/federation/connector"
)

// Statistics is what is known of the rows of one table, got when a rule asks for
// it. It is used by one statement at a time.
type Statistics interface {
	// Load gets what is known of some columns (indexes into the table's columns)
	// at once. Failures leave them unknown.
	Load(ctx context.Context, columns []int)
	// Rows is the number of rows, negative when unknown.
	Rows() float64
	// Column describes a column that was loaded, nil when nothing is known.
	Column(i int) *connector.ColumnStatistics
}

// Restricted is the view of a table's statistics that a role gets who does not
// see all of the table: nothing of the columns that a policy replaces, and of
// the others no value when rows are hidden, so that no estimate tells which
// values hidden rows have.
type Restricted struct {
	Of Statistics
	// Hidden has the columns of which nothing is told.
	Hidden map[int]bool
	// NoValues leaves of the other columns only how many values there are and
	// how long they are.
	NoValues bool
}

// Load implements Statistics.
func (r *Restricted) Load(ctx context.Context, columns []int) {
	var ask []int
	for _, c := range columns {
		if !r.Hidden[c] {
			ask = append(ask, c)
		}
	}
	if len(ask) > 0 {
		r.Of.Load(ctx, ask)
	}
}

// Rows implements Statistics.
func (r *Restricted) Rows() float64 { return r.Of.Rows() }

// Column implements Statistics.
func (r *Restricted) Column(i int) *connector.ColumnStatistics {
	if r.Hidden[i] {
		return nil
	}
	c := r.Of.Column(i)
	if c == nil || !r.NoValues {
		return c
	}
	out := &connector.ColumnStatistics{Distinct: c.Distinct, Width: c.Width}
	out.Min.Null, out.Max.Null = true, true
	return out
}

// StatisticsOf describes output i of the scan, nil when nothing is known.
func (n *Scan) StatisticsOf(i int) *connector.ColumnStatistics {
	if n.Stats == nil {
		return nil
	}
	return n.Stats.Column(n.TableColumn(i))
}

// TableColumn is the position of output i among the columns of the table.
func (n *Scan) TableColumn(i int) int {
	if n.Of == nil {
		return i
	}
	return n.Of[i]
}

// Gathered is what is known of the rows that a source makes of several tables:
// of each column what is known of the table's column that it comes from.
type Gathered struct {
	// Count is the expected number of rows.
	Count float64
	// From has for each column a table's statistics, nil for none, and At the
	// column in them.
	From []Statistics
	At   []int
}

// Load implements Statistics.
func (g *Gathered) Load(ctx context.Context, columns []int) {
	for _, c := range columns {
		if g.From[c] != nil {
			g.From[c].Load(ctx, []int{g.At[c]})
		}
	}
}

// Rows implements Statistics.
func (g *Gathered) Rows() float64 { return g.Count }

// Column implements Statistics.
func (g *Gathered) Column(i int) *connector.ColumnStatistics {
	if g.From[i] == nil {
		return nil
	}
	return g.From[i].Column(g.At[i])
}
