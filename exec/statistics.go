package exec

import (
	"context"

	"github.com/hubsql/hubsql/federation/connector"
)

// tableStatistics gives the planner what the source of one table knows of its
// rows. Statistics that ANALYZE has stored stand in for what the source does not
// tell.
type tableStatistics struct {
	source connector.Source
	handle connector.TableHandle
	// stored has one entry per column of the handle, or none at all.
	stored connector.Statistics
	rows   float64
	known  []*connector.ColumnStatistics
}

// newTableStatistics describes a table of rows rows (negative: unknown).
func newTableStatistics(src connector.Source, h connector.TableHandle, rows float64, stored *connector.Statistics) *tableStatistics {
	t := &tableStatistics{source: src, handle: h, rows: rows}
	if stored != nil {
		t.stored = *stored
		if rows < 0 {
			t.rows = stored.Rows
		}
	}
	return t
}

// Load implements logical.Statistics.
func (t *tableStatistics) Load(ctx context.Context, columns []int) {
	if t.known == nil {
		t.known = make([]*connector.ColumnStatistics, len(t.handle.Columns()))
	}
	if s, ok := t.source.(connector.Statistician); ok {
		got, err := s.Statistics(ctx, t.handle, columns)
		if err == nil {
			if t.rows < 0 {
				t.rows = got.Rows
			}
			for _, c := range columns {
				if c < len(got.Columns) && got.Columns[c] != nil {
					t.known[c] = got.Columns[c]
				}
			}
		}
	}
	for _, c := range columns {
		if t.known[c] == nil && c < len(t.stored.Columns) {
			t.known[c] = t.stored.Columns[c]
		}
	}
}

// Rows implements logical.Statistics.
func (t *tableStatistics) Rows() float64 { return t.rows }

// Column implements logical.Statistics.
func (t *tableStatistics) Column(i int) *connector.ColumnStatistics {
	if i >= len(t.known) {
		return nil
	}
	return t.known[i]
}
