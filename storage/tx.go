package storage

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
)

// Tx is what one transaction has changed. It is used by one goroutine at a time
// and implements catalog.Participant: the catalog makes it durable.
type Tx struct {
	s *Store
	// base holds the committed version of every table that t has locked, now
	// what t sees of it. Nobody else changes these tables while t is open.
	base, now map[types.OID]*version
	// built are the bodies that t made: those that are not in now at the end are
	// removed.
	built []*body
	waits types.OID // the table that t waits for, guarded by locks.mu
	ended bool
}

// Mark is a savepoint of a Tx.
type Mark struct{ now map[types.OID]*version }

// View is the rows of all tables as one statement sees them.
type View struct {
	committed map[types.OID]*version
	own       map[types.OID]*version
	// gone holds the rows that the statement has deleted or replaced, by table:
	// no part of it does that again. It is used by one modification at a time.
	gone map[types.OID]map[int64]struct{}
}

// goneOf returns the rows of a table that the statement has deleted; the caller
// adds to it.
func (v *View) goneOf(table types.OID) map[int64]struct{} {
	if v.gone == nil {
		v.gone = map[types.OID]map[int64]struct{}{}
	}
	if v.gone[table] == nil {
		v.gone[table] = map[int64]struct{}{}
	}
	return v.gone[table]
}

// Begin opens a transaction.
func (s *Store) Begin() *Tx {
	return &Tx{s: s, base: map[types.OID]*version{}, now: map[types.OID]*version{}}
}

// View returns what a statement sees that begins now: what is committed and, if
// t is not nil, the changes of t.
func (s *Store) View(t *Tx) *View {
	v := &View{committed: *s.tables.Load()}
	if t != nil && len(t.now) > 0 {
		v.own = maps.Clone(t.now)
	}
	return v
}

// table returns the rows of a table.
func (v *View) table(id types.OID) *version {
	if own, ok := v.own[id]; ok {
		return own
	}
	if t := v.committed[id]; t != nil {
		return t
	}
	return &version{}
}

// Lock takes the table for writing until the end of t. It waits for other
// transactions that write it; 40P01 when they wait for t.
func (t *Tx) Lock(ctx context.Context, table types.OID) error {
	if _, ok := t.base[table]; ok {
		return nil
	}
	if err := t.s.locks.take(ctx, t, table); err != nil {
		return err
	}
	v := (*t.s.tables.Load())[table]
	if v == nil {
		v = &version{}
	}
	t.base[table], t.now[table] = v, v
	return nil
}

// Truncate deletes every row of a table that is locked.
func (t *Tx) Truncate(table types.OID) { t.now[table] = &version{} }

// Mark returns a savepoint.
func (t *Tx) Mark() Mark { return Mark{maps.Clone(t.now)} }

// RollbackTo undoes what was changed since m was taken. m stays usable; the
// locks stay.
func (t *Tx) RollbackTo(m Mark) {
	for table := range t.now {
		v, ok := m.now[table]
		if !ok {
			v = t.base[table]
		}
		t.now[table] = v
	}
}

// Changed reports whether there is anything to commit.
func (t *Tx) Changed() bool {
	for table, v := range t.now {
		if v != t.base[table] {
			return true
		}
	}
	return false
}

// Save implements catalog.Participant.
func (t *Tx) Save(tx *sql.Tx) error {
	for table, now := range t.now {
		if now == t.base[table] {
			continue
		}
		merged := t.merge(table, now)
		t.now[table] = merged
		if err := saveDiff(tx, table, t.base[table], merged); err != nil {
			return err
		}
	}
	return nil
}

// saveDiff stores what leads from base to now.
func saveDiff(tx *sql.Tx, table types.OID, base, now *version) error {
	for _, s := range base.segments {
		if now.find(s.body.id) < 0 {
			if _, err := tx.Exec("DELETE FROM segment WHERE id = ?", s.body.id); err != nil {
				return err
			}
		}
	}
	for _, s := range now.segments {
		var dead []byte
		if s.dead != nil {
			dead = packDead(s.dead, s.body.rows)
		}
		if i := base.find(s.body.id); i >= 0 {
			if base.segments[i].buried == s.buried {
				continue
			}
			if _, err := tx.Exec("UPDATE segment SET dead = ? WHERE id = ?", dead, s.body.id); err != nil {
				return err
			}
			continue
		}
		description, data, err := s.body.encode()
		if err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO segment (id, relation, description, data, dead) VALUES (?, ?, ?, ?, ?)",
			s.body.id, table, description, data, dead); err != nil {
			return err
		}
	}
	return nil
}

// merge joins the small bodies at the end of a version, so that many small
// transactions leave few bodies: one is joined with the next when that is at
// least half as large, so each row is copied a logarithmic number of times. When
// there is no memory for that, the bodies stay as they are.
func (t *Tx) merge(table types.OID, v *version) *version {
	list := v.segments
	first := len(list)
	rows := 0
	for first > 0 {
		s := list[first-1]
		if s.body.file != nil || rows > 0 && s.alive() > 2*rows || rows+s.alive() >= fileRows ||
			first < len(list) && !sameLayout(s.body.layout, list[first].body.layout) {
			break
		}
		rows += s.alive()
		first--
	}
	if len(list)-first < 2 {
		return v
	}
	b := t.builder(list[first].body.layout)
	bodies, err := joined(b, list[first:])
	if err == nil {
		err = t.s.indexes.added(table, bodies)
	}
	if err != nil {
		b.abandon()
		return v
	}
	t.built = append(t.built, bodies...)
	return of(list[:first:first]).with(bodies...)
}

// joined builds the bodies that hold the rows of a list of segments in memory.
func joined(b *builder, list []segment) ([]*body, error) {
	for _, s := range list {
		for i := range s.body.parts() {
			c := s.body.chunks[i]
			sel, n := s.living(i*blockRows, c.n, nil)
			if err := b.add(c.cols, sel, n); err != nil {
				return nil, err
			}
		}
	}
	return b.finish()
}

// sameLayout reports whether two bodies have the same columns.
func sameLayout(a, b layout) bool {
	return slices.Equal(a.atts, b.atts) && slices.Equal(a.types, b.types)
}

// builder returns a builder of bodies that t owns until they are committed.
func (t *Tx) builder(l layout) *builder { return &builder{s: t.s, layout: l, account: t.s.account} }

// Saved implements catalog.Participant: it publishes what has been made durable.
func (t *Tx) Saved() {
	s := t.s
	s.mu.Lock()
	next := maps.Clone(*s.tables.Load())
	for table, v := range t.now {
		if v != t.base[table] {
			next[table] = v
		}
	}
	s.tables.Store(&next)
	s.mu.Unlock()
	for table, v := range t.now {
		if v == t.base[table] {
			continue
		}
		var gone []segment
		for _, g := range t.base[table].segments {
			if v.find(g.body.id) < 0 {
				gone = append(gone, g)
			}
		}
		s.discard(gone)
	}
	t.end()
}

// Rollback forgets the changes. It may be called after the commit.
func (t *Tx) Rollback() {
	if t.ended {
		return
	}
	clear(t.now)
	t.end()
}

// end removes the bodies that were not kept and releases the tables.
func (t *Tx) end() {
	t.ended = true
	kept := map[int64]bool{}
	for _, v := range t.now {
		for _, g := range v.segments {
			kept[g.body.id] = true
		}
	}
	for _, b := range t.built {
		if !kept[b.id] {
			t.s.discard([]segment{{body: b}})
		}
	}
	t.built = nil
	t.s.locks.release(t)
}
