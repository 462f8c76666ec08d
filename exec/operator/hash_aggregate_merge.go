package operator

import "github.com/hubsql/hubsql/exec/vector"

// distribute merges a set into the partitions and drops it.
func (g *grouping) distribute(set *groupSet) error {
	parts := g.partitioned()
	order, starts := set.byPartition(0)
	waits := false
	for k := range set.calls {
		waits = waits || set.calls[k].ordered != nil
	}
	into := make([]int32, set.groups())
	for p := range groupParts {
		list := order[starts[p]:starts[p+1]]
		if len(list) == 0 {
			continue
		}
		part := parts[p]
		if waits {
			for i := range into {
				into[i] = -1
			}
		}
		rest, err := part.mergeFrom(g, set, list, into)
		if outOfMemory(err) && !waits && g.q.env.Spill != nil {
			// The set cannot be moved while it is divided, so it may be what fills
			// the memory: what is left of it goes to disk.
			return g.saveRest(set, p, rest, order, starts)
		}
		if err != nil {
			return err
		}
		if g.q.stopped.Load() {
			return nil
		}
	}
	set.drop()
	return nil
}

// saveRest writes the groups of a set to disk from partition p on, of p only
// those in rest, and drops the set.
func (g *grouping) saveRest(set *groupSet, p int, rest, order []int32, starts [groupParts + 1]int32) error {
	file, err := g.diskFile(0)
	if err != nil {
		return err
	}
	parts := g.partitioned()
	for i := p; i < groupParts; i++ {
		list := order[starts[i]:starts[i+1]]
		if i == p {
			list = rest
		}
		if len(list) == 0 {
			continue
		}
		part := parts[i]
		// What is in memory came first.
		part.st.Lock()
		err := part.spill(g)
		part.st.Unlock()
		if err != nil {
			return err
		}
		if err := set.saveStates(file, list, func(r stateRun) {
			g.mu.Lock()
			part.runs = append(part.runs, r)
			g.mu.Unlock()
		}); err != nil {
			return err
		}
		if g.q.stopped.Load() {
			return nil
		}
	}
	set.drop()
	return nil
}

// mergeFrom merges the groups in list of another set into a partition. When it
// fails it returns those that it has not merged.
func (p *groupPart) mergeFrom(g *grouping, from *groupSet, list, into []int32) (rest []int32, err error) {
	vecs := make([]vector.Vec, len(g.keys))
	keys := make([]*vector.Vec, len(g.keys))
	for len(list) > 0 {
		rest = list
		part := list[:min(len(list), vector.BatchSize)]
		list = list[len(part):]
		for i := range keys {
			vector.Gather(&vecs[i], from.table.store.vec(i), part, len(part))
			keys[i] = &vecs[i]
		}
		merged := false
		err := p.st.do(func() error {
			if p.set == nil {
				var err error
				if p.set, err = g.newSet(p.st.Account(), partStep); err != nil {
					return err
				}
			}
			if !merged {
				groups, err := p.set.find(keys, len(part))
				if err != nil {
					return err
				}
				if err := p.set.merge(from, part, groups); err != nil {
					return err
				}
				for i, r := range part {
					into[r] = groups[i]
				}
				merged = true
				rest = list
			}
			p.groups.Store(int64(p.set.groups()))
			return p.set.pay()
		})
		if err != nil {
			return rest, err
		}
		if err := p.mergeOrdered(g, from, keys, part, into); err != nil {
			return rest, err
		}
		for _, r := range part {
			into[r] = -1
		}
	}
	return nil, nil
}

// mergeOrdered merges the rows that wait in another set for the groups in list.
func (p *groupPart) mergeOrdered(g *grouping, from *groupSet, keys []*vector.Vec, list, into []int32) error {
	for k := range from.calls {
		if from.calls[k].ordered == nil {
			continue
		}
		err := p.st.do(func() error {
			if p.set == nil {
				var err error
				if p.set, err = g.newSet(p.st.Account(), partStep); err != nil {
					return err
				}
			}
			groups, err := p.set.find(keys, len(list))
			if err != nil {
				return err
			}
			for i, r := range list {
				into[r] = groups[i]
			}
			before := p.set.calls[k].ordered.rows
			if err := p.set.mergeOrdered(from, k, into); err != nil {
				p.set.calls[k].ordered.rows = before // so that it can be repeated
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// finish is called when all tasks have ended.
func (g *grouping) finish() error {
	if !g.divided() {
		var sets []*groupSet
		for _, l := range g.locals {
			if set := l.take(); set != nil {
				sets = append(sets, set)
			}
		}
		if !g.divided() { // nobody has moved one to disk meanwhile
			return g.finishSingle(sets)
		}
		for _, set := range sets {
			if err := g.distribute(set); err != nil {
				return err
			}
		}
	}
	for _, l := range g.locals {
		if set := l.take(); set != nil {
			if err := g.distribute(set); err != nil {
				return err
			}
		}
	}
	for _, p := range g.parts {
		if p.groups.Load() > 0 || len(p.runs) > 0 {
			g.unread = append(g.unread, p)
		}
	}
	return nil
}

// finishSingle merges the sets of the tasks, of which none has many groups, into
// one. When they do not fit together they become partitions.
func (g *grouping) finishSingle(sets []*groupSet) error {
	if len(sets) == 0 {
		if len(g.keys) > 0 {
			return nil
		}
		set, err := g.newSet(g.account, budgetStep)
		if err != nil {
			return err
		}
		if err := set.grow(); err != nil {
			return err
		}
		sets = append(sets, set)
	}
	first := sets[0]
	fits := len(g.keys) == 0 || g.q.env.Spill == nil
	if !fits {
		// Merging takes at most as much again as there is.
		need := first.ordered()
		for _, set := range sets[1:] {
			need += set.held()
		}
		if fits = first.mem.take(need) == nil; fits {
			first.mem.give(need)
		}
	}
	if !fits {
		g.partitioned()
		for _, set := range sets {
			if err := g.distribute(set); err != nil {
				return err
			}
		}
		return g.finish()
	}
	for _, set := range sets[1:] {
		if err := g.mergeSets(first, set); err != nil {
			return err
		}
		set.drop()
	}
	g.single = first
	if err := first.finish(); err != nil {
		return err
	}
	return first.pay()
}

// mergeSets merges one set into another.
func (g *grouping) mergeSets(into, from *groupSet) error {
	mapping := make([]int32, 0, from.groups())
	if from.table == nil {
		mapping = append(mapping, 0)
		if err := into.grow(); err != nil {
			return err
		}
	} else {
		var b vector.Batch
		for at := 0; at < from.groups() && !g.q.stopped.Load(); at += vector.BatchSize {
			to := min(at+vector.BatchSize, from.groups())
			from.table.store.slice(&b, at, to)
			groups, err := into.find(b.Cols, to-at)
			if err != nil {
				return err
			}
			mapping = append(mapping, groups...)
		}
	}
	if g.q.stopped.Load() {
		return nil
	}
	for k := range into.calls {
		if into.calls[k].ordered != nil {
			if err := into.mergeOrdered(from, k, mapping); err != nil {
				return err
			}
		}
	}
	list := make([]int32, len(mapping))
	for i := range list {
		list[i] = int32(i)
	}
	if err := into.merge(from, list, mapping); err != nil {
		return err
	}
	return into.pay()
}
