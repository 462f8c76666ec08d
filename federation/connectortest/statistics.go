package connectortest

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

// statistics checks that what a source says of its columns is possible: shares
// are shares, values are of the column's type and in order, and a narrowed
// handle describes the columns that it has.
func (s *suite) statistics(t *testing.T) {
	src, ok := s.source.(connector.Statistician)
	if !ok {
		return // it need not describe its columns
	}
	for _, ref := range []connector.TableRef{s.f.Types, s.f.Big, s.f.Empty} {
		if ref.Name == "" {
			continue
		}
		h, err := s.source.Table(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		columns := h.Columns()
		all := make([]int, len(columns))
		for i := range all {
			all[i] = i
		}
		got, err := src.Statistics(t.Context(), h, all)
		if err != nil {
			t.Fatalf("table %s: %v", ref.Name, err)
		}
		for i, c := range got.Columns {
			if c != nil {
				possible(t, columns[i], c, got.Rows)
			}
		}
		p, ok := s.source.(connector.ProjectPusher)
		if !ok || len(columns) < 2 || len(got.Columns) == 0 {
			continue
		}
		last := len(columns) - 1
		narrow, ok := p.PushProject(h, []int{last})
		if !ok {
			continue
		}
		one, err := src.Statistics(t.Context(), narrow, []int{0})
		if err != nil {
			t.Fatal(err)
		}
		if len(one.Columns) != 1 || (one.Columns[0] == nil) != (got.Columns[last] == nil) {
			t.Errorf("table %s: a narrowed handle describes %d columns", ref.Name, len(one.Columns))
		}
	}
}

// possible checks the statistics of one column.
func possible(t *testing.T, col connector.Column, c *connector.ColumnStatistics, rows float64) {
	t.Helper()
	if c.NullFraction < 0 || c.NullFraction > 1 || c.Distinct < 0 || c.Width < 0 {
		t.Errorf("column %s: %g NULL, %g values of %g bytes", col.Name, c.NullFraction, c.Distinct, c.Width)
	}
	if rows >= 0 && c.Distinct > rows+1 {
		t.Errorf("column %s: %g values in %g rows", col.Name, c.Distinct, rows)
	}
	if c.Min.Null != c.Max.Null || !c.Min.Null && types.Compare(col.Type, c.Min, c.Max) > 0 {
		t.Errorf("column %s: bounds %v and %v", col.Name, c.Min, c.Max)
	}
	sum := 0.0
	for _, m := range c.Common {
		sum += m.Fraction
	}
	if sum > 1.0001 {
		t.Errorf("column %s: the common values make %g of the rows", col.Name, sum)
	}
	for i := 1; i < len(c.Histogram); i++ {
		if types.Compare(col.Type, c.Histogram[i-1], c.Histogram[i]) > 0 {
			t.Errorf("column %s: bounds %d and %d of the histogram are out of order", col.Name, i-1, i)
		}
	}
}
