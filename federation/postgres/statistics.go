package postgres

import (
	"context"
	"slices"
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sqltext"
)

// Networked implements connector.Networked.
func (*source) Networked() {}

// statisticsQuery reads what ANALYZE has found out; of a partitioned table the
// rows that cover its partitions. The view shows columns that the user may read,
// and none of a table with row security.
const statisticsQuery = `SELECT DISTINCT ON (attname) attname, null_frac, avg_width, n_distinct,
  most_common_vals::text, most_common_freqs::text, histogram_bounds::text
FROM pg_stats WHERE schemaname = $1 AND tablename = $2 ORDER BY attname, inherited DESC`

// Statistics implements connector.Statistician.
func (s *source) Statistics(ctx context.Context, th connector.TableHandle, columns []int) (connector.Statistics, error) {
	h := th.(*handle)
	t := h.table
	if t == nil {
		return connector.Statistics{Rows: -1}, nil
	}
	all, err := s.statistics.Get(t.schema+"\x00"+t.name, func() (connector.Statistics, error) { return s.loadStatistics(ctx, t) })
	if err != nil || len(all.Columns) != len(t.columns) {
		return connector.Statistics{Rows: t.tuples}, err
	}
	out := connector.Statistics{Rows: t.tuples, Columns: make([]*connector.ColumnStatistics, len(h.relation.Outputs))}
	for _, i := range columns {
		if at := h.relation.Outputs[i].Origin; at != sqltext.Computed {
			out.Columns[i] = all.Columns[at]
		}
	}
	return out, nil
}

// loadStatistics asks for all columns of a table.
func (s *source) loadStatistics(ctx context.Context, t *table) (connector.Statistics, error) {
	rows, err := s.rows(ctx, statisticsQuery, t.schema, t.name)
	if err != nil {
		return connector.Statistics{}, err
	}
	out := connector.Statistics{Rows: t.tuples, Columns: make([]*connector.ColumnStatistics, len(t.columns))}
	for _, r := range rows {
		for i, c := range t.columns {
			if c.remote == string(r[0]) {
				out.Columns[i] = columnStatistics(r, c.Type, t.tuples)
			}
		}
	}
	return out, nil
}

// columnStatistics makes statistics of a row of statisticsQuery. Values that do
// not read as values of the column's type are left out.
func columnStatistics(r [][]byte, t types.Type, tuples float64) *connector.ColumnStatistics {
	number := func(b []byte) float64 {
		f, _ := strconv.ParseFloat(string(b), 64)
		return f
	}
	out := &connector.ColumnStatistics{NullFraction: number(r[1]), Width: number(r[2]), Distinct: number(r[3]), Min: types.Null, Max: types.Null}
	if out.Distinct < 0 {
		// A fraction of the rows.
		out.Distinct = max(0, -out.Distinct*tuples)
	}
	freqs := elements(r[5], types.Of(types.Float8))
	for i, v := range elements(r[4], t) {
		if i < len(freqs) && !v.Null && !freqs[i].Null {
			out.Common = append(out.Common, connector.CommonValue{Value: v, Fraction: freqs[i].Float()})
		}
	}
	if !types.Orderable(t) {
		return out
	}
	out.Histogram = slices.DeleteFunc(elements(r[6], t), func(d types.Datum) bool { return d.Null })
	// The server's collation may have another order.
	slices.SortFunc(out.Histogram, func(a, b types.Datum) int { return types.Compare(t, a, b) })
	bound := func(d types.Datum) {
		if out.Min.Null || types.Compare(t, d, out.Min) < 0 {
			out.Min = d
		}
		if out.Max.Null || types.Compare(t, d, out.Max) > 0 {
			out.Max = d
		}
	}
	for _, d := range out.Histogram {
		bound(d)
	}
	if len(out.Histogram) > 0 || float64(len(out.Common)) >= out.Distinct {
		for _, m := range out.Common {
			bound(m.Value)
		}
	}
	return out
}

// elements reads an array's text form as values of type t; an element that
// cannot be read is NULL.
func elements(text []byte, t types.Type) []types.Datum {
	if text == nil {
		return nil
	}
	d, err := types.ParseText(types.Of(types.TextArray), string(text), types.DefaultFormat())
	if err != nil {
		return nil
	}
	a, err := types.DecodeArray(d.S)
	if err != nil {
		return nil
	}
	out := make([]types.Datum, len(a.Elems))
	for i, e := range a.Elems {
		out[i] = types.Null
		if e.Null {
			continue
		}
		if v, err := types.ParseText(t, e.S, types.DefaultFormat()); err == nil {
			out[i] = v
		}
	}
	return out
}
