package operator

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
)

// sortBound is the last of the rows that matter to a top-N so far: rows behind
// it cannot be in the result. Its tasks share it.
type sortBound struct {
	mu  sync.Mutex
	row atomic.Pointer[boundRow]
}

// boundRow is a row of key values, which nobody changes.
type boundRow struct {
	keys []*vector.Vec
	// word is the ordinal of the first key; exact says that it is the whole of
	// it. Neither is meaningful for NULL or when a kind is ordinalNone.
	word  uint64
	kind  ordinalKind
	null  bool
	exact bool
}

// offer makes row n of keys the bound unless there is a better one.
func (s *sorter) offer(keys []*vector.Vec, n int) {
	s.bound.mu.Lock()
	defer s.bound.mu.Unlock()
	if old := s.bound.row.Load(); old != nil && s.order.rows(old.keys, 0, keys, n) <= 0 {
		return
	}
	b := &boundRow{}
	for _, v := range keys {
		one := &vector.Vec{}
		vector.Gather(one, v, []int32{int32(n)}, 1)
		one.Own(1)
		b.keys = append(b.keys, one)
	}
	first := b.keys[0]
	b.kind, b.null = ordinalOf(first), first.IsNull(0)
	b.exact = b.kind == ordinalExact
	if b.kind != ordinalNone && !b.null {
		var w [1]uint64
		ordinals(w[:], first, nil, 0, 0)
		b.word = w[0]
	}
	s.bound.row.Store(b)
	s.publish(b)
}

// publish tells the scan of the first key which of its values still matter.
func (s *sorter) publish(b *boundRow) {
	k := &s.order[0]
	if s.threshold == nil || !connector.Bounded(k.t) {
		return
	}
	d := &connector.Domain{Type: k.t, Nulls: k.nullsFirst || b.null}
	switch value := b.keys[0].Datum(0); {
	case b.null && !k.nullsFirst:
		// NULLs are last, so every row is before the bound.
		return
	case b.null:
		d.Empty = true
	case k.desc:
		d.Min, d.HasMin = value, true
	default:
		d.Max, d.HasMax = value, true
	}
	s.threshold.Publish(d)
}

// boundFilter is scratch for comparing batches with a bound.
type boundFilter struct {
	words []uint64
	rows  []int32
}

// candidates returns the rows of b, counted densely, that come before the bound
// (or, with ties, equal it); all when that are all of them.
func (i *sortInlet) candidates(b *vector.Batch, n int) (rows []int32, all bool) {
	s := i.s
	bound := s.bound.row.Load()
	if bound == nil {
		return nil, true
	}
	if i.flat == nil {
		i.flat = make([]kernel.Scratch, 2*len(s.column))
	}
	// Keys that are columns are made dense: they are few.
	i.keys = i.keys[:0]
	for k, c := range s.column {
		var v *vector.Vec
		if c >= s.width {
			v = i.extras[c-s.width]
		} else {
			v = i.flat[2*k].Dense(b.Cols[c], b.Sel, n)
		}
		i.keys = append(i.keys, v)
		if k == 0 {
			// The others are looked at only for rows that pass the first.
			if rows, all = i.filter.first(s, bound, i.flat[1].Flat(v, n), n); len(rows) == 0 && !all {
				return nil, false
			}
		}
	}
	if !all && bound.exact && !s.ties && len(s.column) == 1 && !bound.null {
		return rows, false
	}
	if all {
		rows = vector.Identity(i.filter.rows, n)
		i.filter.rows = rows
	}
	out := rows[:0]
	for _, r := range rows {
		if c := s.order.rows(i.keys, int(r), bound.keys, 0); c < 0 || c == 0 && s.ties {
			out = append(out, r)
		}
	}
	return out, false
}

// first returns the rows whose first key does not come behind that of the bound;
// all when it cannot tell. Where the first key is the only one, rows equal to it
// are left out.
func (f *boundFilter) first(s *sorter, b *boundRow, v *vector.Vec, n int) (rows []int32, all bool) {
	k := &s.order[0]
	w := b.keys[0]
	if v.Kind == vector.Const || b.kind == ordinalNone || ordinalOf(v) != b.kind || v.Scaled && v.Scale != w.Scale || b.null {
		return nil, true
	}
	if cap(f.words) < n {
		f.words, f.rows = make([]uint64, n), make([]int32, n)
	}
	words, out := f.words[:n], f.rows[:n]
	ordinals(words, v, nil, 0, 0)
	// Rows pass when word <= limit, with DESC turned around. Where the first key
	// says it all, those equal to the bound do not.
	limit, flip, none := b.word, uint64(0), false
	if k.desc {
		limit, flip = ^limit, math.MaxUint64
	}
	if b.exact && len(s.order) == 1 && !s.ties {
		none = limit == 0
		limit--
	}
	m := 0
	switch {
	case none:
	case v.Valid == nil:
		for r, x := range words {
			out[m] = int32(r)
			if x^flip <= limit {
				m++
			}
		}
		return out[:m], false
	}
	if v.Valid == nil {
		return out[:0], false
	}
	for r, x := range words {
		out[m] = int32(r)
		pass := !none && x^flip <= limit
		if !v.Valid.Get(r) {
			pass = k.nullsFirst
		}
		if pass {
			m++
		}
	}
	return out[:m], false
}

// prune keeps the first rows of the store only, and makes the last of them the
// bound.
func (i *sortInlet) prune() error {
	s := i.s
	var all vector.Batch
	i.store.all(&all)
	keys := s.keysOf(all.Cols)
	order := s.order.sortRows(keys, i.store.rows, &s.q.stopped)
	if s.q.stopped.Load() {
		return nil
	}
	n := s.keep
	s.offer(keys, int(order[n-1]))
	for s.ties && n < len(order) && s.order.rows(keys, int(order[n-1]), keys, int(order[n])) == 0 {
		n++
	}
	kept := newColumnStore(i.state.Account(), s.types)
	if err := kept.append(all.Cols, order[:n], n); err != nil {
		kept.drop()
		return err
	}
	i.store.drop()
	i.store = kept
	return nil
}
