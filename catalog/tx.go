package catalog

import (
	"maps"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Tx stages changes of the catalog. It is used by one goroutine at a time. Its
// own changes are visible through Snapshot; others see them after Commit.
type Tx struct {
	cat  *Catalog
	base *Snapshot
	snap *Snapshot
	// owned says that the maps of snap are not shared with anybody.
	owned bool
	// changed lists the OIDs put or removed since base.
	changed map[types.OID]bool
	done    bool
}

// Mark is a savepoint of a Tx.
type Mark struct {
	snap    *Snapshot
	changed map[types.OID]bool
}

// Begin starts a transaction on the current snapshot.
func (c *Catalog) Begin() *Tx {
	s := c.Current()
	return &Tx{cat: c, base: s, snap: s, changed: map[types.OID]bool{}}
}

// Snapshot returns the catalog with the changes of the transaction so far. It
// does not change with later ones.
func (t *Tx) Snapshot() *Snapshot {
	t.owned = false
	return t.snap
}

// Changed reports whether there is anything to commit.
func (t *Tx) Changed() bool { return len(t.changed) > 0 }

// Refresh moves a transaction that has changed nothing to the current snapshot,
// as each statement of READ COMMITTED sees what others have committed.
func (t *Tx) Refresh() {
	if len(t.changed) == 0 && !t.done {
		t.base = t.cat.Current()
		t.snap, t.owned = t.base, false
	}
}

// Unchanged returns 40001 when another transaction has committed a change of the
// object since t began.
func (t *Tx) Unchanged(id types.OID) error {
	if t.cat.Current().objects[id] != t.base.objects[id] {
		return conflict()
	}
	return nil
}

// Mark returns a savepoint.
func (t *Tx) Mark() Mark {
	t.owned = false
	return Mark{snap: t.snap, changed: maps.Clone(t.changed)}
}

// RollbackTo undoes what was changed since m was taken. m stays usable.
func (t *Tx) RollbackTo(m Mark) {
	t.snap, t.owned = m.snap, false
	t.changed = maps.Clone(m.changed)
}

// NewOID returns an OID that no object has or had.
func (t *Tx) NewOID() types.OID { return types.OID(t.cat.nextOID.Add(1) - 1) }

// Seal encrypts the value of a secret option of the object with that OID.
func (t *Tx) Seal(id types.OID, option, value string) (Option, error) {
	s, err := t.cat.keys.seal(id, "option."+option, value)
	return Option{Name: option, IsSecret: true, Sealed: s}, err
}

// SealVerifier encrypts the SCRAM verifier of a role.
func (t *Tx) SealVerifier(role types.OID, verifier string) (Secret, error) {
	return t.cat.keys.seal(role, "verifier", verifier)
}

// own makes the staged snapshot changeable.
func (t *Tx) own() {
	if t.owned {
		return
	}
	t.snap = &Snapshot{
		version: t.cat.stagedVersion(), objects: maps.Clone(t.snap.objects), names: maps.Clone(t.snap.names),
		keys: t.snap.keys, derived: &derived{},
	}
	t.owned = true
}

// Put adds o, or replaces the object with its OID. The transaction keeps o: it
// must not be changed any more. A name that is taken is 42710; the callers say
// it better beforehand.
func (t *Tx) Put(o Object) error {
	t.own()
	return t.snap.put(o, func() { t.changed[o.ID()] = true })
}

// Remove takes an object away. The caller has dealt with what depends on it.
func (t *Tx) Remove(id types.OID) {
	if _, ok := t.snap.objects[id]; !ok {
		return
	}
	t.own()
	t.snap.remove(id)
	t.changed[id] = true
}

// put changes a snapshot that is not shared; what was derived is forgotten.
func (s *Snapshot) put(o Object, then func()) error {
	id, k := o.ID(), o.key()
	if other, taken := s.names[k]; taken && other != id {
		return pgerror.Newf(pgerror.DuplicateObject, "%q already exists", k.name)
	}
	if old, ok := s.objects[id]; ok {
		delete(s.names, old.key())
	}
	s.objects[id], s.names[k] = o, id
	s.derived = &derived{}
	if then != nil {
		then()
	}
	return nil
}

func (s *Snapshot) remove(id types.OID) {
	delete(s.names, s.objects[id].key())
	delete(s.objects, id)
	s.derived = &derived{}
}

// Rollback forgets the changes. It may be called after Commit.
func (t *Tx) Rollback() {
	t.done = true
	t.snap, t.owned, t.changed = t.base, false, map[types.OID]bool{}
}

// Commit makes the changes durable and visible. When another transaction has
// committed a change of the same objects, or one that these changes build on or
// clash with, it fails with 40001 and nothing is changed.
func (t *Tx) Commit() error { return t.CommitWith(nil) }

// CommitWith is Commit together with a participant, nil for none.
func (t *Tx) CommitWith(p Participant) error {
	if t.done {
		return pgerror.New(pgerror.NoActiveSQLTransaction, "transaction has ended")
	}
	t.done = true
	switch {
	case len(t.changed) > 0:
		return t.cat.commit(t, p)
	case p != nil:
		return t.cat.Save(p)
	}
	return nil
}

// conflict is PostgreSQL's error for a lost race.
func conflict() error {
	return pgerror.New(pgerror.SerializationFailure, "could not serialize access due to concurrent update").
		WithDetail("Another transaction changed the catalog at the same time.").
		WithHint("The transaction might succeed if retried.")
}

// rebase returns current with the changes of t applied.
func (t *Tx) rebase(current *Snapshot) (*Snapshot, error) {
	next := &Snapshot{keys: current.keys, derived: &derived{}}
	if current == t.base {
		next.objects, next.names = t.snap.objects, t.snap.names
		return next, next.check(t.touched(next))
	}
	next.objects, next.names = maps.Clone(current.objects), maps.Clone(current.names)
	for id := range t.changed {
		if current.objects[id] != t.base.objects[id] {
			return nil, conflict()
		}
		if _, ok := current.objects[id]; ok {
			next.remove(id)
		}
	}
	for id := range t.changed {
		if o, ok := t.snap.objects[id]; ok && next.put(o, nil) != nil {
			return nil, conflict()
		}
	}
	if next.check(t.touched(next)) != nil {
		return nil, conflict()
	}
	return next, nil
}

// touched lists the objects whose references the transaction may have broken:
// those it has put, and all of them when it has removed something.
func (t *Tx) touched(next *Snapshot) []types.OID {
	for id := range t.changed {
		if t.snap.objects[id] == nil {
			return slices.Collect(maps.Keys(next.objects))
		}
	}
	return slices.Collect(maps.Keys(t.changed))
}

// check returns an error when an object in ids refers to one that does not
// exist.
func (s *Snapshot) check(ids []types.OID) error {
	for _, id := range ids {
		o, ok := s.objects[id]
		if !ok {
			continue
		}
		for _, ref := range o.refs() {
			if !s.holds(ref) {
				return pgerror.Newf(pgerror.InternalError, "object %d of class %d refers to object %d, which does not exist", id, o.Class(), ref)
			}
		}
	}
	return nil
}
