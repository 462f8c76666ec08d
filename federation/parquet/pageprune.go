package parquet

import (
	"github.com/parquet-go/parquet-go/format"
)

// pageRanges returns the rows of a part that the column indexes of the filter's
// columns leave: pages whose bounds say that no row passes are not among them.
func (r *reader) pageRanges(p part, f tableFile) ([]rowRange, error) {
	ranges := []rowRange{{from: p.from, rows: p.rows}}
	if r.filter == nil {
		return ranges, nil
	}
	for c, w := range r.filter.work {
		if w.chunk == nil || w.chunk.column.ColumnIndexOffset == 0 {
			continue
		}
		misses, err := r.missingPages(c, w.chunk, f.fields[c])
		if err != nil {
			return nil, err
		}
		for _, m := range misses {
			ranges = subtract(ranges, m)
		}
	}
	left := int64(0)
	for _, x := range ranges {
		left += x.rows
	}
	for i := range r.dynamics {
		if d := &r.dynamics[i]; d.step != nil {
			d.Note(0, p.rows-left)
			break
		}
	}
	return ranges, nil
}

// missingPages returns the ranges of rows of one column chunk in which nothing
// passes by the bounds of its pages.
func (r *reader) missingPages(c int, chunk *chunkReader, m *mapped) ([]rowRange, error) {
	if err := chunk.readIndex(); err != nil || len(chunk.index) < 2 {
		return nil, err
	}
	var index format.ColumnIndex
	if err := chunk.pages.pageIndex(chunk.column.ColumnIndexOffset, chunk.column.ColumnIndexLength, &index); err != nil {
		return nil, err
	}
	pages := chunk.index
	if len(index.MinValues) != len(pages) || len(index.MaxValues) != len(pages) || len(index.NullPages) != len(pages) {
		return nil, nil
	}
	var out []rowRange
	for i, page := range pages {
		end := chunk.pages.meta.NumValues
		if i+1 < len(pages) {
			end = pages[i+1].FirstRowIndex
		}
		b := bounds{values: end - page.FirstRowIndex, allNull: m.optional && index.NullPages[i]}
		if !index.NullPages[i] {
			b = b.between(m, index.MinValues[i], index.MaxValues[i])
		}
		if r.mayPass(c, b, m) {
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].from+out[k].rows == page.FirstRowIndex {
			out[k].rows += b.values
			continue
		}
		out = append(out, rowRange{page.FirstRowIndex, b.values})
	}
	return out, nil
}

// mayPass reports whether a page of column c with bounds b may have a row that
// passes all predicates and dynamic filters.
func (r *reader) mayPass(c int, b bounds, m *mapped) bool {
	stats := func(column int) bounds {
		if column == c {
			return b
		}
		return bounds{values: b.values}
	}
	if !allOf(r.checks).mayMatch(stats) {
		return false
	}
	for i := range r.dynamics {
		if d := &r.dynamics[i]; d.column == c && d.domain != nil && !b.overlaps(d.domain, r.table.columns[c].Type, m) {
			return false
		}
	}
	return true
}

// subtract takes a range away from ascending ranges.
func subtract(ranges []rowRange, m rowRange) []rowRange {
	var out []rowRange
	end := m.from + m.rows
	for _, r := range ranges {
		to := r.from + r.rows
		if to <= m.from || r.from >= end {
			out = append(out, r)
			continue
		}
		if r.from < m.from {
			out = append(out, rowRange{r.from, m.from - r.from})
		}
		if to > end {
			out = append(out, rowRange{end, to - end})
		}
	}
	return out
}
