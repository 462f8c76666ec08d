package operator

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
)

// groupSet is a set of groups and what its aggregates know of each. It belongs
// to one goroutine at a time.
type groupSet struct {
	g     *grouping
	table *groupTable // nil without keys
	calls []callState
	room  int // groups that the accumulators fit
	mem   budget
	runs  runLists
}

// callState is one aggregate over the groups of a set: an accumulator, and for a
// call with ORDER BY the rows that wait for it: group, arguments, sort keys.
type callState struct {
	acc     function.Accumulator
	ordered *columnStore
	group   vector.Vec
	cols    []*vector.Vec
}

// partStep is the budget step of a partition, of which there are many.
const partStep = 8 << 10

// newSet makes an empty set whose memory is charged to account.
func (g *grouping) newSet(account *memory.Account, step int64) (*groupSet, error) {
	s := &groupSet{g: g, mem: budget{account: account, step: step}, calls: make([]callState, len(g.calls))}
	if len(g.keys) > 0 {
		s.table = newGroupTable(account, g.keys)
		s.table.mem.step, s.table.store.step = step, step
	}
	for k := range g.calls {
		c := &g.calls[k]
		if c.shares >= 0 {
			continue
		}
		var err error
		if s.calls[k].acc, err = c.n.Fn.Aggregate.New(g.q.call(c.n.Args, c.n.T)); err != nil {
			return nil, err
		}
		if len(c.order) > 0 {
			ts := append([]types.Type{types.Of(types.Int4)}, c.inputs...)
			s.calls[k].ordered = newColumnStore(account, ts)
			s.calls[k].ordered.step = step
		}
	}
	return s, nil
}

// groups returns the number of groups.
func (s *groupSet) groups() int {
	if s.table == nil {
		return 1
	}
	return s.table.groups()
}

// find returns the groups of n rows of keys, which are made when they are new.
// It may be repeated when it fails.
func (s *groupSet) find(keys []*vector.Vec, n int) ([]int32, error) {
	groups := s.g.zeros(n)
	if s.table != nil {
		var err error
		if groups, err = s.table.find(keys, n, true); err != nil {
			return nil, err
		}
	}
	return groups, s.grow()
}

// grow makes the accumulators fit the groups.
func (s *groupSet) grow() error {
	n := s.groups()
	if n <= s.room {
		return nil
	}
	room := 1
	if s.table != nil {
		room = max(n+n/8, 2*s.room, 64)
	}
	// The old states are held until they have been copied.
	width := int64(0)
	for k := range s.calls {
		if acc := s.calls[k].acc; acc != nil {
			width += acc.Width()
		}
	}
	if err := s.mem.take(width * int64(room)); err != nil {
		return err
	}
	for k := range s.calls {
		if acc := s.calls[k].acc; acc != nil {
			acc.Grow(room)
		}
	}
	s.mem.give(width * int64(s.room))
	s.room = room
	return nil
}

// update adds rows to call k: row i of args belongs to groups[i].
func (s *groupSet) update(k int, groups []int32, runs []function.Run, args []*vector.Vec) error {
	c := &s.calls[k]
	if c.ordered != nil {
		c.group.Reset(types.Of(types.Int4), len(groups))
		copy(c.group.Int32s(), groups)
		c.cols = append(append(c.cols[:0], &c.group), args...)
		return c.ordered.append(c.cols, nil, len(groups))
	}
	if runs != nil {
		if u, ok := c.acc.(function.RunUpdater); ok {
			return u.UpdateRuns(runs, args)
		}
	}
	return c.acc.Update(groups, args)
}

// pay charges what the accumulators hold.
func (s *groupSet) pay() error {
	bytes := int64(0)
	for k := range s.calls {
		if acc := s.calls[k].acc; acc != nil {
			bytes += acc.Bytes()
		}
	}
	return s.mem.set(bytes)
}

// drop gives the memory back.
func (s *groupSet) drop() {
	if s.table != nil {
		s.table.drop()
	}
	for k := range s.calls {
		if o := s.calls[k].ordered; o != nil {
			o.drop()
		}
	}
	s.calls = nil
	s.mem.release()
}

// hashes returns the hash of groups [from, to), at most vector.BatchSize of
// them; from is a multiple of 64.
func (s *groupSet) hashes(dst []uint64, from, to int) []uint64 {
	dst = dst[:to-from]
	for i := range s.g.keys {
		kernel.Hash(dst, s.table.store.vec(i).Slice(from, to), to-from, i > 0)
	}
	return dst
}

// byPartition lists the groups by the partition of their hash at a level: those
// of partition p are order[starts[p]:starts[p+1]], ascending.
func (s *groupSet) byPartition(level int) (order []int32, starts [groupParts + 1]int32) {
	n := s.groups()
	part := make([]uint8, n)
	var hash [vector.BatchSize]uint64
	for from := 0; from < n; from += vector.BatchSize {
		for i, h := range s.hashes(hash[:], from, min(n, from+vector.BatchSize)) {
			p := partitionOf(h, level)
			part[from+i] = uint8(p)
			starts[p+1]++
		}
	}
	for p := range groupParts {
		starts[p+1] += starts[p]
	}
	at := starts
	order = make([]int32, n)
	for i, p := range part {
		order[at[p]] = int32(i)
		at[p]++
	}
	return order, starts
}

// merge adds the groups that list names of another set: their keys have been
// found to be groups into of this one. It may not be repeated.
func (s *groupSet) merge(from *groupSet, list, into []int32) error {
	for k := range s.calls {
		if s.calls[k].acc != nil && s.calls[k].ordered == nil {
			if err := s.calls[k].acc.Merge(from.calls[k].acc, list, into); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeOrdered adds the rows that wait in another set; into translates its
// groups, -1 for those that are left out.
func (s *groupSet) mergeOrdered(from *groupSet, k int, into []int32) error {
	rows := from.calls[k].ordered
	dst := s.calls[k].ordered
	var b vector.Batch
	var sel, groups []int32
	var group vector.Vec
	for at := 0; at < rows.rows; at += vector.BatchSize {
		to := min(at+vector.BatchSize, rows.rows)
		rows.slice(&b, at, to)
		sel, groups = sel[:0], groups[:0]
		for i, g := range b.Cols[0].Int32s()[:to-at] {
			if into[g] >= 0 {
				sel, groups = append(sel, int32(i)), append(groups, into[g])
			}
		}
		if len(sel) == 0 {
			continue
		}
		group.Reset(types.Of(types.Int4), to-at)
		for i, r := range sel {
			group.Int32s()[r] = groups[i]
		}
		b.Cols[0] = &group
		if err := dst.append(b.Cols, sel, len(sel)); err != nil {
			return err
		}
	}
	return nil
}

// held returns about what the set takes.
func (s *groupSet) held() int64 {
	n := s.mem.used + s.ordered()
	if s.table != nil {
		n += s.table.mem.used + s.table.store.used
	}
	return n
}

// ordered is what finish needs for the rows that wait: their order, and about as
// much again for the states.
func (s *groupSet) ordered() int64 {
	bytes := int64(0)
	for k := range s.calls {
		if o := s.calls[k].ordered; o != nil {
			bytes += int64(o.rows)*8 + o.used
		}
	}
	return bytes
}

// prepare reserves what finish needs. It may be repeated.
func (s *groupSet) prepare() error {
	bytes := s.ordered()
	if err := s.mem.take(bytes); err != nil {
		return err
	}
	s.mem.give(bytes)
	return nil
}

// finish feeds the rows that waited to the accumulators in the order of the
// call. Sorting over all groups at once orders the rows of each.
func (s *groupSet) finish() error {
	for k := range s.calls {
		c := &s.calls[k]
		if c.ordered == nil {
			continue
		}
		if err := s.feed(k, c); err != nil {
			return err
		}
		c.ordered.drop()
		c.ordered = nil
		if err := s.pay(); err != nil {
			return err
		}
	}
	return nil
}

// feed sorts the rows of call k.
func (s *groupSet) feed(k int, c *callState) error {
	n := &s.g.calls[k]
	store, q := c.ordered, s.g.q
	if store.rows == 0 {
		return nil
	}
	keys := make([]*vector.Vec, len(n.order))
	for i := range keys {
		keys[i] = store.vec(1 + n.orderAt + i)
	}
	if err := store.take(int64(store.rows) * 8); err != nil {
		return err
	}
	rows := n.order.sortRows(keys, store.rows, &q.stopped)
	vecs := make([]vector.Vec, 1+len(n.n.Args))
	args := make([]*vector.Vec, len(n.n.Args))
	for at := 0; at < store.rows && !q.stopped.Load(); at += vector.BatchSize {
		to := min(at+vector.BatchSize, store.rows)
		for i := range vecs {
			vector.Gather(&vecs[i], store.vec(i), rows[at:to], to-at)
			if i > 0 {
				args[i-1] = &vecs[i]
			}
		}
		if err := c.acc.Update(vecs[0].Int32s()[:to-at], args); err != nil {
			return err
		}
	}
	return nil
}

// result computes call k for groups [from, to) into out.
func (s *groupSet) result(k, from, to int, out *vector.Vec) error {
	n := &s.g.calls[k]
	acc := s.calls[k].acc
	if n.shares >= 0 {
		acc = s.calls[n.shares].acc
		if n.n.Fn != s.g.calls[n.shares].n.Fn {
			other, err := n.n.Fn.Aggregate.New(s.g.q.call(n.n.Args, n.n.T))
			if err != nil {
				return err
			}
			acc = acc.(function.Sharer).Share(other)
		}
	}
	out.Bufs = nil
	out.Reset(n.n.T, to-from)
	return acc.Result(from, to, out)
}

// stateRun is groups of one partition on disk: their keys and states, or when
// call is not negative their keys and rows that wait for a call.
type stateRun struct {
	call int
	run  *spill.Run
}

// save writes the groups to file, by the partition at a level, and drops the
// set. add takes each run.
func (s *groupSet) save(file *spill.File, level int, add func(p int, r stateRun)) error {
	order, starts := s.byPartition(level)
	held := int64(len(order)) * 5
	s.g.account.Overdraw(held)
	defer s.g.account.Release(held)
	for p := range groupParts {
		if list := order[starts[p]:starts[p+1]]; len(list) > 0 {
			if err := s.saveStates(file, list, func(r stateRun) { add(p, r) }); err != nil {
				return err
			}
		}
	}
	for k := range s.calls {
		if o := s.calls[k].ordered; o != nil && o.rows > 0 {
			if err := s.saveOrdered(file, k, order, starts, add); err != nil {
				return err
			}
		}
	}
	s.drop()
	return nil
}

// saveStates writes keys and states of the groups in list.
func (s *groupSet) saveStates(file *spill.File, list []int32, add func(r stateRun)) error {
	run := file.NewRun()
	vecs := make([]vector.Vec, len(s.g.keys)+len(s.calls))
	var cols []*vector.Vec
	for len(list) > 0 {
		part := list[:min(len(list), vector.BatchSize)]
		list = list[len(part):]
		cols = cols[:0]
		for i := range s.g.keys {
			vector.Gather(&vecs[i], s.table.store.vec(i), part, len(part))
			cols = append(cols, &vecs[i])
		}
		for k := range s.calls {
			if s.calls[k].acc == nil || s.calls[k].ordered != nil {
				continue
			}
			v := &vecs[len(s.g.keys)+k]
			v.Bufs = nil
			v.Reset(types.Of(types.Bytea), len(part))
			clear(v.Backing())
			// Groups that were made when the memory ended have no state yet.
			ready := part
			for len(ready) > 0 && int(ready[len(ready)-1]) >= s.room {
				ready = ready[:len(ready)-1]
			}
			if err := s.calls[k].acc.Save(ready, v); err != nil {
				return err
			}
			for i := len(ready); i < len(part); i++ {
				v.SetNull(i, len(part))
			}
			cols = append(cols, v)
		}
		if err := run.AppendRows(cols, nil, len(part)); err != nil {
			return err
		}
	}
	if err := run.Flush(); err != nil {
		return err
	}
	add(stateRun{call: -1, run: run})
	return nil
}

// saveOrdered writes the rows that wait for call k, with the keys in front.
func (s *groupSet) saveOrdered(file *spill.File, k int, order []int32, starts [groupParts + 1]int32, add func(p int, r stateRun)) error {
	part := make([]uint8, s.groups())
	for p := range groupParts {
		for _, g := range order[starts[p]:starts[p+1]] {
			part[g] = uint8(p)
		}
	}
	rows := s.calls[k].ordered
	groups := rows.vec(0).Int32s()[:rows.rows]
	vecs := make([]vector.Vec, len(s.g.keys)+len(s.g.calls[k].inputs))
	cols := make([]*vector.Vec, len(vecs))
	for p := range groupParts {
		run := file.NewRun()
		var sel, of []int32
		flush := func() error {
			for i := range s.g.keys {
				vector.Gather(&vecs[i], s.table.store.vec(i), of, len(of))
				cols[i] = &vecs[i]
			}
			for i := range s.g.calls[k].inputs {
				v := &vecs[len(s.g.keys)+i]
				vector.Gather(v, rows.vec(1+i), sel, len(sel))
				cols[len(s.g.keys)+i] = v
			}
			err := run.AppendRows(cols, nil, len(sel))
			sel, of = sel[:0], of[:0]
			return err
		}
		for i, g := range groups {
			if int(part[g]) != p {
				continue
			}
			if sel, of = append(sel, int32(i)), append(of, g); len(sel) == vector.BatchSize {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if len(sel) > 0 {
			if err := flush(); err != nil {
				return err
			}
		}
		if err := run.Flush(); err != nil {
			return err
		}
		if run.Rows() > 0 {
			add(p, stateRun{call: k, run: run})
		}
	}
	return nil
}

// load adds a batch that save wrote: groups are those of its keys.
func (s *groupSet) load(call int, b *vector.Batch, groups []int32) error {
	at := len(s.g.keys)
	if call >= 0 {
		return s.update(call, groups, nil, b.Cols[at:])
	}
	for k := range s.calls {
		if s.calls[k].acc == nil || s.calls[k].ordered != nil {
			continue
		}
		v := b.Cols[at]
		at++
		into := groups
		if v.Valid != nil || v.Kind != vector.Flat {
			flat := *v
			flat.Flatten(b.N)
			v = &flat
			n := b.N
			for n > 0 && v.IsNull(n-1) {
				n--
			}
			into = groups[:n]
		}
		if err := s.calls[k].acc.Load(v, into); err != nil {
			return err
		}
	}
	return nil
}
