package operator

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
)

// remoteChange is what a Modify needs for a table of a source.
type remoteChange struct {
	m     *modify
	table connector.Updater
	// seen holds the identities of rows that have been changed, when a row may
	// come several times.
	seen map[string]struct{}
	held int64
	// checker evaluates the checks of rows that the source has stored.
	checker *modifyInlet
}

// identityBytes is what one entry of seen costs beside its text.
const identityBytes = 48

// beginRemote opens a table of a source once. It waits for the network.
func (m *modify) beginRemote(source connector.Transactor, i *modifyInlet) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.table != nil {
		return nil
	}
	r := &remoteChange{m: m, checker: i}
	o := m.options()
	o.Columns, o.Account = m.n.Given, m.account
	o.SkipDuplicates, o.OnColumns = m.n.SkipDuplicates, m.n.OnColumns
	if m.n.Kind == physical.InsertRows && (m.n.Returning || m.n.CheckStored) {
		o.Returned = r.returned
	}
	m.q.txMu.Lock()
	defer m.q.txMu.Unlock()
	table, err := source.Modify(m.q.ctx, m.n.Handle, o)
	if err != nil {
		return err
	}
	m.change, m.table = r, table
	r.table = table.(connector.Updater)
	return nil
}

// returned takes the rows that an insert has made.
func (r *remoteChange) returned(cols []*vector.Vec, n int) error {
	m := r.m
	if m.n.CheckStored {
		if err := r.checker.check(cols, nil, n); err != nil {
			return err
		}
	}
	if m.rows == nil {
		return nil
	}
	if err := m.rows.append(cols, nil, n); err != nil {
		return err
	}
	m.kept += int64(n)
	return nil
}

// first lists the rows of ids that the statement has not changed yet, nil for all
// n. NULLs, which an outer join makes, are no rows.
func (r *remoteChange) first(ids *vector.Vec, n int) ([]int32, error) {
	if !r.m.n.Joined {
		return nil, nil
	}
	if r.seen == nil {
		r.seen = map[string]struct{}{}
	}
	sel := make([]int32, 0, n)
	more := int64(0)
	for i := range n {
		if ids.IsNull(i) {
			continue
		}
		key := string(types.AppendText(nil, ids.Type, ids.Datum(i), r.m.q.env.Format))
		if _, ok := r.seen[key]; ok {
			continue
		}
		r.seen[key] = struct{}{}
		more += int64(len(key)) + identityBytes
		sel = append(sel, int32(i))
	}
	if err := reserve(r.m.account, more); err != nil {
		return nil, err
	}
	r.held += more
	return sel, nil
}

// reserve takes bytes from an account.
func reserve(a *memory.Account, n int64) error {
	if n == 0 {
		return nil
	}
	return a.Reserve(n)
}

// send gives the rows that the inlet has computed to the source: the first n of
// its vectors, which are dense.
func (r *remoteChange) send(i *modifyInlet, ids *vector.Vec, n int) error {
	m := r.m
	q := m.q
	q.txMu.Lock()
	defer q.txMu.Unlock()
	vecs, more := i.vecs, i.more
	if ids != nil {
		sel, err := r.first(ids, n)
		if err != nil {
			return err
		}
		if sel != nil && len(sel) < n {
			if n = len(sel); n == 0 {
				return nil
			}
			k := 0
			dense := func(v *vector.Vec) *vector.Vec {
				k++
				return i.dense[k-1].Dense(v, sel, n)
			}
			vecs, more = nil, nil
			for _, v := range i.vecs {
				vecs = append(vecs, dense(v))
			}
			for _, v := range i.more {
				more = append(more, dense(v))
			}
			ids = i.idsDense.Dense(ids, sel, n)
		}
	}
	if m.n.Kind != physical.DeleteRows && !m.n.CheckStored {
		if err := i.check(vecs, nil, n); err != nil {
			return err
		}
	}
	var err error
	switch m.n.Kind {
	case physical.InsertRows:
		r.checker = i
		_, err = r.table.Insert(q.ctx, vecs, nil, n)
		return err
	case physical.UpdateRows:
		set := make([]*vector.Vec, len(m.n.Given))
		for k, c := range m.n.Given {
			set[k] = vecs[c]
		}
		err = r.table.Update(q.ctx, ids, set, n)
	case physical.DeleteRows:
		_, err = r.table.Delete(q.ctx, ids, nil, n)
	}
	if err != nil || m.rows == nil {
		return err
	}
	m.kept += int64(n)
	return m.rows.append(append(append([]*vector.Vec(nil), vecs...), more...), nil, n)
}

// finish sends the rest and learns how many rows were changed.
func (r *remoteChange) finish() error {
	q := r.m.q
	q.txMu.Lock()
	defer q.txMu.Unlock()
	if err := r.table.Finish(q.ctx); err != nil {
		return err
	}
	r.m.changed = r.table.Changed()
	if r.m.rows != nil {
		r.m.changed = r.m.kept
	}
	return nil
}
