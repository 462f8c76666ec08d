package sqlite

import (
	"context"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sample"
	"github.com/hubsql/hubsql/federation/sqltext"
)

// sampleRows is how many rows are looked at where ANALYZE has not been.
const sampleRows = 4096

// Statistics implements connector.Statistician: keys by the declaration, indexed
// columns by ANALYZE's statistics, the rest by a sample of the first rows.
func (s *source) Statistics(ctx context.Context, th connector.TableHandle, columns []int) (connector.Statistics, error) {
	h := th.(*handle)
	t := h.table
	if t == nil {
		return connector.Statistics{Rows: -1}, nil
	}
	all, err := s.statistics.Get(t.name+"\x00"+t.local, func() (connector.Statistics, error) { return s.loadStatistics(ctx, t) })
	if err != nil || len(all.Columns) != len(t.columns) {
		return all, err
	}
	out := connector.Statistics{Rows: all.Rows, Columns: make([]*connector.ColumnStatistics, len(h.relation.Outputs))}
	for _, i := range columns {
		if at := h.relation.Outputs[i].Origin; at != sqltext.Computed {
			out.Columns[i] = all.Columns[at]
		}
	}
	return out, nil
}

// loadStatistics describes all columns of a table.
func (s *source) loadStatistics(ctx context.Context, t *table) (connector.Statistics, error) {
	h := newHandle(t)
	every := make([]int, len(t.columns))
	for i := range every {
		every[i] = i
	}
	out := connector.Statistics{Rows: -1, Columns: make([]*connector.ColumnStatistics, len(t.columns))}
	if rows, ok := s.Estimate(ctx, h); ok {
		out.Rows = rows
	}
	taken, whole, err := sample.Read(ctx, s, h, every, sampleRows, connector.ScanOptions{Format: types.DefaultFormat()})
	if err != nil {
		return out, err
	}
	for i, c := range taken {
		if whole {
			out.Rows = float64(c.Rows())
		}
		out.Columns[i] = c.Statistics(out.Rows, false)
		if !whole {
			// The first rows do not bound the others.
			out.Columns[i].Min, out.Columns[i].Max = types.Null, types.Null
			out.Columns[i].Histogram = nil
		}
	}
	if whole || out.Rows <= 0 {
		return out, nil
	}
	for i, r := range t.remote {
		if r.rowid && i < len(out.Columns) {
			out.Columns[i].Distinct = out.Rows
		}
	}
	s.indexStatistics(ctx, t, &out)
	return out, nil
}

// indexStatistics reads sqlite_stat1, which exists after ANALYZE only: the rows
// of the table, then how many of them have one value of the first column.
func (s *source) indexStatistics(ctx context.Context, t *table, out *connector.Statistics) {
	_ = s.query(ctx, "SELECT (SELECT name FROM pragma_index_info(s.idx) WHERE seqno = 0), stat FROM sqlite_stat1 s WHERE tbl = "+quote(t.name)+" AND idx IS NOT NULL", func(r *stmt) error {
		fields := strings.Fields(r.string(1))
		if len(fields) < 2 {
			return nil
		}
		per, err := strconv.ParseFloat(fields[1], 64)
		if err != nil || per <= 0 {
			return nil //nolint:nilerr // what cannot be read is not known
		}
		for i, c := range t.remote {
			if strings.EqualFold(c.name, r.string(0)) && i < len(out.Columns) {
				out.Columns[i].Distinct = max(1, out.Rows/per)
			}
		}
		return nil
	})
}
