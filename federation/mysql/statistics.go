package mysql

import (
	"context"
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sqltext"
)

// Networked implements connector.Networked.
func (*source) Networked() {}

// indexQuery lists how many values the first columns of indexes have.
const indexQuery = `SELECT column_name, max(cardinality), max(non_unique = 0 AND single)
FROM (SELECT s.column_name, s.cardinality, s.non_unique,
  (SELECT count(*) FROM information_schema.statistics o WHERE o.table_schema = s.table_schema AND o.table_name = s.table_name AND o.index_name = s.index_name) = 1 AS single
  FROM information_schema.statistics s WHERE s.table_schema = ? AND s.table_name = ? AND s.seq_in_index = 1 AND s.cardinality IS NOT NULL) i
GROUP BY column_name`

// columnStatsQuery reads what MariaDB's ANALYZE TABLE ... PERSISTENT has found
// out; MySQL has no such table, and reading it needs a privilege on it.
const columnStatsQuery = `SELECT column_name, min_value, max_value, nulls_ratio, avg_length, avg_frequency
FROM mysql.column_stats WHERE db_name = ? AND table_name = ?`

// Statistics implements connector.Statistician.
func (s *source) Statistics(ctx context.Context, th connector.TableHandle, columns []int) (connector.Statistics, error) {
	h := th.(*handle)
	t := h.table
	if t == nil {
		return connector.Statistics{Rows: -1}, nil
	}
	all, err := s.statistics.Get(t.schema+"\x00"+t.name, func() (connector.Statistics, error) { return s.loadStatistics(ctx, t) })
	if err != nil || len(all.Columns) != len(t.columns) {
		return connector.Statistics{Rows: t.rows}, err
	}
	out := connector.Statistics{Rows: t.rows, Columns: make([]*connector.ColumnStatistics, len(h.relation.Outputs))}
	for _, i := range columns {
		if at := h.relation.Outputs[i].Origin; at != sqltext.Computed {
			out.Columns[i] = all.Columns[at]
		}
	}
	return out, nil
}

// loadStatistics asks for all columns of a table.
func (s *source) loadStatistics(ctx context.Context, t *table) (connector.Statistics, error) {
	out := connector.Statistics{Rows: t.rows, Columns: make([]*connector.ColumnStatistics, len(t.columns))}
	at := func(name string) (int, *connector.ColumnStatistics) {
		for i, c := range t.columns {
			if c.remote == name {
				if out.Columns[i] == nil {
					out.Columns[i] = &connector.ColumnStatistics{Min: types.Null, Max: types.Null}
				}
				return i, out.Columns[i]
			}
		}
		return -1, nil
	}
	number := func(text string) float64 {
		f, _ := strconv.ParseFloat(text, 64)
		return f
	}
	indexes, err := s.rows(ctx, indexQuery, t.schema, t.name)
	if err != nil {
		return out, err
	}
	for _, r := range indexes {
		if _, c := at(r[0]); c != nil {
			c.Distinct = number(r[1])
			if r[2] == "1" && t.rows > 0 {
				c.Distinct = t.rows
			}
		}
	}
	persistent, err := s.rows(ctx, columnStatsQuery, t.schema, t.name)
	if err != nil {
		return out, nil //nolint:nilerr // there is no such table here, or it is not for this user
	}
	for _, r := range persistent {
		i, c := at(r[0])
		if c == nil {
			continue
		}
		c.NullFraction, c.Width = number(r[3]), number(r[4])
		if f := number(r[5]); f > 0 && t.rows > 0 && c.Distinct == 0 {
			c.Distinct = max(1, t.rows*(1-c.NullFraction)/f)
		}
		typ := t.columns[i].Type
		lo, err1 := types.ParseText(typ, r[1], types.DefaultFormat())
		hi, err2 := types.ParseText(typ, r[2], types.DefaultFormat())
		if err1 == nil && err2 == nil && r[1] != "" && ranged(typ.OID) {
			c.Min, c.Max = lo, hi
		}
	}
	return out, nil
}

// ranged reports whether bounds of a type mean the same here as there: those of
// strings depend on collations, and are cut off.
func ranged(t types.OID) bool {
	switch t {
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric, types.Date, types.Timestamp:
		return true
	}
	return false
}
