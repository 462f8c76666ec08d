package file

import (
	"context"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sample"
)

// statisticsRows is how many rows of a table are looked at.
const statisticsRows = 4096

// Statistics implements connector.Statistician: from a sample, remembered for as
// long as the files are the same.
func (s *source) Statistics(ctx context.Context, th connector.TableHandle, columns []int) (connector.Statistics, error) {
	x := th.(*handle)
	files, err := x.table.files()
	if err != nil {
		return connector.Statistics{Rows: -1}, err
	}
	var key strings.Builder
	bytes := int64(0)
	for _, f := range files {
		bytes += f.Size
		key.WriteString(f.Name + "\x00" + strconv.FormatInt(f.Size, 36) + "\x00" + strconv.FormatInt(f.ModTime.UnixNano(), 36) + "\x00")
	}
	for _, c := range x.table.columns {
		key.WriteString(c.Name + "\x00" + strconv.Itoa(int(c.Type.OID)) + "\x00")
	}
	all, err := s.statistics.Get(key.String(), func() (connector.Statistics, error) { return s.loadStatistics(ctx, x.table, float64(bytes)) })
	if err != nil || len(all.Columns) != len(x.table.columns) {
		return all, err
	}
	out := connector.Statistics{Rows: all.Rows, Bytes: all.Bytes, Columns: make([]*connector.ColumnStatistics, len(x.project))}
	for _, i := range columns {
		out.Columns[i] = all.Columns[x.project[i]]
	}
	return out, nil
}

// loadStatistics reads a sample of all columns.
func (s *source) loadStatistics(ctx context.Context, t *table, bytes float64) (connector.Statistics, error) {
	h := &handle{table: t, project: make([]int, len(t.columns))}
	for i := range h.project {
		h.project[i] = i
	}
	out := connector.Statistics{Rows: -1, Bytes: bytes, Columns: make([]*connector.ColumnStatistics, len(t.columns))}
	if rows, ok := s.Estimate(ctx, h); ok {
		out.Rows = rows
	}
	taken, whole, err := sample.Read(ctx, s, h, h.project, statisticsRows, connector.ScanOptions{Format: types.DefaultFormat()})
	if err != nil {
		return out, err
	}
	for i, c := range taken {
		if whole {
			out.Rows = float64(c.Rows())
		}
		out.Columns[i] = c.Statistics(out.Rows, false)
	}
	return out, nil
}
