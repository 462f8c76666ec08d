package storage

import (
	"context"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// txKey is the key of the Tx in a context.
type txKey struct{}

// WithTx returns a context in which changes belong to t.
func WithTx(ctx context.Context, t *Tx) context.Context { return context.WithValue(ctx, txKey{}, t) }

// modification is what one statement changes of one table. It implements
// connector.Modification.
type modification struct {
	tx      *Tx
	h       *handle
	o       connector.ModifyOptions
	build   *builder
	deleted map[int64][]int32
	gone    map[int64]struct{}
	checks  []*uniqueCheck
	// late is set when rows have been deleted: then keys are compared at the end
	// of the statement, so that an update may move them.
	late bool
	done bool
	held int64 // reserved for the keys of checks
}

// uniqueCheck finds duplicates of one constraint among the rows of a statement
// and those that were there before.
type uniqueCheck struct {
	connector.Unique
	index   *uniqueIndex
	cache   blockCache
	batches [][]*vector.Vec
	hashes  [][]uint64
	rows    map[uint64][]int64 // hash -> batch<<32 | row
}

// Modify implements connector.Modifier. The table has been locked.
func (s *Source) Modify(ctx context.Context, h connector.TableHandle, o connector.ModifyOptions) (connector.Modification, error) {
	t, ok := h.(*handle)
	tx, inTx := ctx.Value(txKey{}).(*Tx)
	if !ok || !inTx {
		return nil, pgerror.New(pgerror.InternalError, "a local table is changed without a transaction")
	}
	now, locked := tx.now[t.table]
	if !locked {
		return nil, pgerror.New(pgerror.InternalError, "a local table is changed without its lock")
	}
	m := &modification{tx: tx, h: t, o: o, deleted: map[int64][]int32{}, gone: map[int64]struct{}{}}
	if v, ok := ctx.Value(viewKey{}).(*View); ok {
		m.gone = v.goneOf(t.table)
	}
	var l layout
	for i, a := range t.atts {
		if a != 0 {
			l.atts, l.types = append(l.atts, a), append(l.types, t.columns[i].Type)
		}
	}
	m.build = tx.builder(l)
	for _, u := range o.Unique {
		c := &uniqueCheck{Unique: u, rows: map[uint64][]int64{}}
		var atts []int16
		for _, i := range u.Columns {
			atts = append(atts, t.atts[i])
		}
		var err error
		if c.index, err = s.s.indexes.get(s.s.account, t.table, u.Name, atts, now); err != nil {
			return nil, err
		}
		m.checks = append(m.checks, c)
	}
	return m, nil
}

// Delete implements connector.Modification.
func (m *modification) Delete(_ context.Context, ids *vector.Vec, sel []int32, n int) ([]int32, error) {
	m.late = true
	out := make([]int32, 0, n)
	for k := range n {
		r := k
		if sel != nil {
			r = int(sel[k])
		}
		if ids.IsNull(r) {
			continue // the NULL side of an outer join
		}
		id := ids.Int(r)
		if _, again := m.gone[id]; again {
			continue
		}
		m.gone[id] = struct{}{}
		b, row := splitRowID(id)
		m.deleted[b] = append(m.deleted[b], row)
		out = append(out, int32(r))
	}
	return out, nil
}

// Insert implements connector.Modification.
func (m *modification) Insert(_ context.Context, cols []*vector.Vec, sel []int32, n int) ([]int32, error) {
	for _, c := range m.checks {
		var err error
		if sel, n, err = c.take(m, cols, sel, n); err != nil {
			return nil, err
		}
	}
	if err := m.build.add(cols, sel, n); err != nil {
		return nil, err
	}
	if sel == nil {
		sel = vector.Identity(nil, n)
	}
	return sel, nil
}

// take remembers the keys of new rows. It compares them unless rows are deleted
// in the same statement; with SkipDuplicates it returns those that are new.
func (c *uniqueCheck) take(m *modification, cols []*vector.Vec, sel []int32, n int) ([]int32, int, error) {
	keys := make([]*vector.Vec, len(c.Columns))
	for k, i := range c.Columns {
		v := &vector.Vec{}
		vector.Gather(v, cols[i], sel, n)
		v.Flatten(n)
		v.Own(n)
		keys[k] = v
	}
	hashes := hashKeys(nil, keys, n)
	size := int64(40 * n) // hashes and the map from them
	for _, v := range keys {
		size += vecBytes(v)
	}
	if err := m.build.account.Reserve(size); err != nil {
		return nil, 0, err
	}
	m.held += size
	batch := int64(len(c.batches))
	c.batches, c.hashes = append(c.batches, keys), append(c.hashes, hashes)
	kept := make([]int32, 0, n)
	for k := range n {
		r := int32(k)
		if sel != nil {
			r = sel[k]
		}
		if !anyNull(keys, k) {
			dup := c.among(keys, k, hashes[k])
			if !dup && !m.late {
				var err error
				if dup, err = c.index.find(m.tx.now[m.h.table], hashes[k], keys, k, &c.cache); err != nil {
					return nil, 0, err
				}
			}
			if dup {
				if c.SkipDuplicates {
					continue
				}
				if c.Once && c.among(keys, k, hashes[k]) {
					return nil, 0, pgerror.New(pgerror.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
						WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
				}
				return nil, 0, m.duplicate(c, keys, k)
			}
			c.rows[hashes[k]] = append(c.rows[hashes[k]], batch<<32|int64(k))
		}
		kept = append(kept, r)
	}
	if len(kept) == n {
		return sel, n, nil
	}
	return kept, len(kept), nil
}

// among reports whether an earlier row of the statement has the key.
func (c *uniqueCheck) among(keys []*vector.Vec, r int, h uint64) bool {
	for _, at := range c.rows[h] {
		other, row := c.batches[at>>32], int(at&0xffffffff)
		equal := true
		for k := range keys {
			equal = equal && kernel.Equal(other[k], row, keys[k], r)
		}
		if equal {
			return true
		}
	}
	return false
}

// duplicate is PostgreSQL's error; the values are left out when the user may not
// see them.
func (m *modification) duplicate(c *uniqueCheck, keys []*vector.Vec, r int) error {
	err := pgerror.Newf(pgerror.UniqueViolation, "duplicate key value violates unique constraint %q", c.Name)
	if m.o.HideValues {
		return err
	}
	var names, values []string
	for k, i := range c.Columns {
		names = append(names, m.h.columns[i].Name)
		values = append(values, string(types.AppendText(nil, keys[k].Type, keys[k].Datum(r), m.o.Format)))
	}
	return err.WithDetail("Key (%s)=(%s) already exists.", strings.Join(names, ", "), strings.Join(values, ", "))
}

// Finish implements connector.Modification.
func (m *modification) Finish(context.Context) error {
	t, table := m.tx, m.h.table
	now := t.now[table].without(m.deleted)
	if m.late {
		for _, c := range m.checks {
			for i, keys := range c.batches {
				for r, h := range c.hashes[i] {
					if anyNull(keys, r) {
						continue
					}
					dup, err := c.index.find(now, h, keys, r, &c.cache)
					if err != nil {
						return err
					}
					if dup {
						return m.duplicate(c, keys, r)
					}
				}
			}
		}
	}
	bodies, err := m.build.finish()
	if err != nil {
		return err
	}
	if err := t.s.indexes.added(table, bodies); err != nil {
		return err
	}
	t.built = append(t.built, bodies...)
	t.now[table] = now.with(bodies...)
	m.done = true
	m.release()
	return nil
}

// release gives back what the checks held.
func (m *modification) release() {
	m.build.account.Release(m.held)
	m.held, m.checks = 0, nil
}

// Close implements connector.Modification.
func (m *modification) Close() {
	if !m.done {
		m.done = true
		m.build.abandon()
		m.release()
	}
}
