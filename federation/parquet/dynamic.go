package parquet

import (
	"math"
	"slices"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// dynamic is one dynamic filter of a scan.
type dynamic struct {
	connector.ScanFilter
	column int // of the table
	domain *connector.Domain
	step   *step // nil before there is a domain, and where rows are not tested
	active bool  // whether the last batch was tested
}

// domainTest passes the rows that matter by a domain.
type domainTest struct {
	column int
	domain *connector.Domain
	filter *kernel.DomainFilter
}

func (t *domainTest) columns(dst []int) []int { return append(dst, t.column) }

func (t *domainTest) keep(vec func(int) *vector.Vec, sel []int32) []int32 {
	v := vec(t.column)
	return append(sel[:0], t.filter.Select(t.domain, v, sel, 0)...)
}

// refresh looks for new domains and has the filter test rows by them. It
// reports false when no row of the scan matters any more. All columns are at
// the same row.
func (r *reader) refresh() bool {
	for i := range r.dynamics {
		d := &r.dynamics[i]
		now := d.Filter.Domain()
		if now == nil || now == d.domain {
			continue
		}
		if now.None() {
			return false
		}
		if d.domain == nil && oneSided(now) {
			r.queue.sort(r.table, d.column, now)
		}
		d.domain = now
		if d.step != nil {
			d.step.test.(*domainTest).domain = now
			d.step.forget()
			r.filter.seen, r.filter.passed, r.filter.off = 0, 0, false
			continue
		}
		if r.group != nil && r.testable(d) {
			r.enlist(d)
		}
	}
	return true
}

// testable reports whether rows of the current file can be tested by d.
func (r *reader) testable(d *dynamic) bool {
	m := r.table.files[r.group.file].fields[d.column]
	return m != nil && !m.convert && m.form != formNested
}

// enlist makes d a step of the row filter of the current row group.
func (r *reader) enlist(d *dynamic) {
	if r.filter == nil {
		r.filter = newRowFilter(nil)
	}
	w, err := r.window(d.column)
	if err != nil {
		return // there is no memory for it: it goes without
	}
	w.chunk = r.chunks[d.column]
	d.step = &step{test: &domainTest{column: d.column, domain: d.domain, filter: &kernel.DomainFilter{}}, columns: []int{d.column}, dynamic: d}
	r.filter.steps = append(r.filter.steps, d.step)
	r.filter.seen, r.filter.passed, r.filter.off = 0, 0, false
}

// Filters implements connector.FilteringReader.
func (r *reader) Filters(i int) bool { return i < len(r.dynamics) && r.dynamics[i].active }

// noteActive remembers which dynamic filters the batch that is read now is
// tested by.
func (r *reader) noteActive(on bool) {
	for i := range r.dynamics {
		d := &r.dynamics[i]
		d.active = on && d.step != nil
	}
}

// misses reports whether the statistics of a part say that none of its rows
// matters.
func (r *reader) misses(p part) bool {
	f := r.table.files[p.file]
	group := &f.footer.meta.Metadata().RowGroups[p.group]
	for i := range r.dynamics {
		d := &r.dynamics[i]
		if d.domain == nil {
			continue
		}
		b := chunkBounds(f.fields[d.column], group, group.NumRows)
		if !b.overlaps(d.domain, r.table.columns[d.column].Type, f.fields[d.column]) {
			d.Note(0, p.rows)
			return true
		}
	}
	return false
}

// overlaps reports whether a row within the bounds may matter.
func (b bounds) overlaps(d *connector.Domain, t types.Type, m *mapped) bool {
	nulls := m == nil || m.optional
	if b.allNull {
		return d.Nulls
	}
	low, high, ok := b.datums(t)
	return d.Overlaps(low, high, ok, nulls)
}

// oneSided reports whether a domain is the threshold of a top-N.
func oneSided(d *connector.Domain) bool {
	return d.HasMin != d.HasMax && d.Values == nil && d.Bits == nil && d.Bloom == nil
}

// partQueue gives out the parts of a scan to the readers that share it.
type partQueue struct {
	mu     sync.Mutex
	parts  []part
	sorted bool
}

// next takes a part; ok is false when there is none.
func (q *partQueue) next() (p part, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.parts) == 0 {
		return p, false
	}
	p = q.parts[0]
	q.parts = q.parts[1:]
	return p, true
}

// peek returns the part that next will give out, if it is of a file.
func (q *partQueue) peek(file int) (p part, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.parts) == 0 || q.parts[0].file != file {
		return p, false
	}
	return q.parts[0], true
}

// sort brings the parts in front whose values lie furthest within a one-sided
// domain, once: they make a top-N narrow the domain soonest.
func (q *partQueue) sort(t *table, column int, d *connector.Domain) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sorted {
		return
	}
	q.sorted = true
	key := func(p part) float64 {
		f := t.files[p.file]
		group := &f.footer.meta.Metadata().RowGroups[p.group]
		b := chunkBounds(f.fields[column], group, group.NumRows)
		x := math.Inf(1)
		switch {
		case b.kind == boundInt && d.HasMin:
			x = -float64(b.maxI)
		case b.kind == boundInt:
			x = float64(b.minI)
		case b.kind == boundFloat && d.HasMin:
			x = -b.maxF
		case b.kind == boundFloat:
			x = b.minF
		}
		return x
	}
	keys := make(map[part]float64, len(q.parts))
	for _, p := range q.parts {
		keys[p] = key(p)
	}
	// The readers may hold parts of the old slice.
	q.parts = slices.Clone(q.parts)
	slices.SortStableFunc(q.parts, func(a, b part) int {
		switch x, y := keys[a], keys[b]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
}
