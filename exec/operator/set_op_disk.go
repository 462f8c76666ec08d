package operator

import (
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
)

// counted is distinct rows with how often each has come: a table, and what of it
// has moved to disk by the partition of its hash at one level. One goroutine adds
// to it.
type counted struct {
	q      *Query
	files  *levelFiles
	st     *spillable
	types  []types.Type
	level  int
	table  *groupTable // nil when there are no rows in memory
	mem    budget
	counts []int64
	// settled is set when the rows can no longer move.
	settled bool
	runs    [groupParts][]*spill.Run
	onDisk  bool
}

// setUnit is two sets of rows that are combined by themselves: in memory, or on
// disk divided at a level.
type setUnit struct {
	left, right         *counted
	leftRuns, rightRuns []*spill.Run
	level               int
}

// levelFiles are the files of rows that are divided level by level.
type levelFiles struct {
	q       *Query
	account *memory.Account // of the operator

	mu    sync.Mutex
	files [maxLevel + 1]*spill.File
}

// at returns the file of a level.
func (l *levelFiles) at(level int) (*spill.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files[level] == nil {
		f, err := l.q.spillFile(l.account)
		if err != nil {
			return nil, err
		}
		l.files[level] = f
	}
	return l.files[level], nil
}

// close gives up the files. Nobody reads them any more.
func (l *levelFiles) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.files {
		if f != nil {
			f.Close()
			l.files[i] = nil
		}
	}
}

// newCounted makes an empty set of rows that is divided at a level.
func newCounted(files *levelFiles, ts []types.Type, level int) *counted {
	c := &counted{q: files.q, files: files, types: ts, level: level}
	c.st = c.q.spillable(files.account, func(int64) error { return c.spill() })
	c.mem = budget{account: c.st.Account()}
	return c
}

// groups returns how many rows are in memory.
func (c *counted) groups() int {
	if c.table == nil {
		return 0
	}
	return c.table.groups()
}

// add counts n dense rows, each as often as times says (nil: once).
func (c *counted) add(cols []*vector.Vec, n int, times []int64) error {
	return c.st.do(func() error {
		if c.table == nil {
			c.table = newGroupTable(c.st.Account(), c.types)
		}
		groups, err := c.table.find(cols, n, true)
		if err != nil {
			return err
		}
		if err := c.grow(c.table.groups()); err != nil {
			return err
		}
		for k, g := range groups {
			if times == nil {
				c.counts[g]++
			} else {
				c.counts[g] += times[k]
			}
		}
		return nil
	})
}

// grow makes n counters.
func (c *counted) grow(n int) error {
	if n > cap(c.counts) {
		room := max(n, 2*cap(c.counts))
		if err := c.mem.take(int64(room) * 8); err != nil {
			return err
		}
		old := c.counts
		c.counts = append(make([]int64, 0, room), old...)
		c.mem.give(int64(cap(old)) * 8)
	}
	c.counts = c.counts[:n]
	return nil
}

// savedRows splits a batch that spill wrote into rows and counts.
func savedRows(b *vector.Batch) (vector.Batch, []int64) {
	last := len(b.Cols) - 1
	v := *b.Cols[last]
	v.Flatten(b.N)
	return vector.Batch{N: b.N, Cols: b.Cols[:last]}, v.Int64s()[:b.N]
}

// addSaved counts a batch that spill wrote.
func (c *counted) addSaved(b *vector.Batch) error {
	rows, times := savedRows(b)
	return c.add(rows.Cols, rows.N, times)
}

// spill moves what is in memory to disk.
func (c *counted) spill() error {
	if c.table == nil || c.settled || c.level > maxLevel {
		return nil
	}
	// Rows without a count were made when the memory ended: they come again.
	n := min(c.table.groups(), len(c.counts))
	if n > 0 {
		if err := c.save(n); err != nil {
			return err
		}
	}
	c.table.drop()
	c.mem.release()
	c.table, c.counts = nil, nil
	return nil
}

// save writes the first n rows to disk, by partition.
func (c *counted) save(n int) error {
	file, err := c.files.at(c.level)
	if err != nil {
		return err
	}
	c.onDisk = true
	held := int64(n) * 5
	c.files.account.Overdraw(held)
	defer c.files.account.Release(held)
	order, starts := byHash(c.table.store, n, c.level)
	vecs := make([]vector.Vec, len(c.types)+1)
	cols := make([]*vector.Vec, len(vecs))
	for i := range cols {
		cols[i] = &vecs[i]
	}
	times := &vecs[len(c.types)]
	for p := range groupParts {
		list := order[starts[p]:starts[p+1]]
		if len(list) == 0 {
			continue
		}
		run := file.NewRun()
		for len(list) > 0 {
			part := list[:min(len(list), vector.BatchSize)]
			list = list[len(part):]
			for i := range c.types {
				vector.Gather(&vecs[i], c.table.store.vec(i), part, len(part))
			}
			times.Reset(types.Of(types.Int8), len(part))
			for i, g := range part {
				times.Int64s()[i] = c.counts[g]
			}
			if err := run.AppendRows(cols, nil, len(part)); err != nil {
				return err
			}
		}
		if err := run.Flush(); err != nil {
			return err
		}
		c.runs[p] = append(c.runs[p], run)
	}
	return nil
}

// byHash lists the first n rows of a store by the partition of their hash at a
// level: those of partition p are order[starts[p]:starts[p+1]], ascending.
func byHash(store *columnStore, n, level int) (order []int32, starts [groupParts + 1]int32) {
	part := make([]uint8, n)
	var hash [vector.BatchSize]uint64
	for from := 0; from < n; from += vector.BatchSize {
		to := min(n, from+vector.BatchSize)
		for i := range store.cols {
			kernel.Hash(hash[:to-from], store.vec(i).Slice(from, to), to-from, i > 0)
		}
		for i, h := range hash[:to-from] {
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

// absorb adds the rows of another set, which is closed. Both are of one level.
func (c *counted) absorb(o *counted) error {
	o.st.Lock()
	// Nobody else sees the table from now on, so it does not move.
	table, counts := o.table, o.counts
	o.table, o.counts = nil, nil
	o.st.Unlock()
	c.takeRuns(o)
	if table == nil {
		o.st.Close()
		return nil
	}
	var b vector.Batch
	n := min(table.groups(), len(counts))
	for at := 0; at < n && !c.q.stopped.Load(); at += vector.BatchSize {
		to := min(at+vector.BatchSize, n)
		table.store.slice(&b, at, to)
		err := c.add(b.Cols, to-at, counts[at:to])
		if outOfMemory(err) && c.q.env.Spill != nil {
			// The table may be what fills the memory: the rest of it goes to disk.
			rest := &counted{q: c.q, files: c.files, st: o.st, types: c.types, level: c.level, table: table, counts: counts, mem: o.mem}
			for i := range at {
				rest.counts[i] = 0 // counted already
			}
			if err := rest.spill(); err != nil {
				return err
			}
			c.takeRuns(rest)
			break
		}
		if err != nil {
			return err
		}
	}
	o.st.Close()
	return nil
}

// takeRuns makes what another set has on disk a part of c.
func (c *counted) takeRuns(o *counted) {
	c.st.Lock()
	defer c.st.Unlock()
	for p, runs := range o.runs {
		c.runs[p] = append(c.runs[p], runs...)
	}
	c.onDisk = c.onDisk || o.onDisk
}

// settle keeps the rows in memory when none of them is on disk, and returns as
// many counters as there are rows.
func (c *counted) settle() (counters []int64, fits bool, err error) {
	err = c.st.do(func() error {
		if c.onDisk {
			return nil
		}
		if c.table == nil {
			c.table = newGroupTable(c.st.Account(), c.types)
		}
		if err := c.mem.take(int64(c.table.groups()) * 8); err != nil {
			return err
		}
		counters = make([]int64, c.table.groups())
		c.settled = true
		return nil
	})
	return counters, c.settled, err
}

// close gives up the rows in memory.
func (c *counted) close() {
	c.st.Lock()
	if c.table != nil {
		c.table.drop()
		c.mem.release()
		c.table, c.counts = nil, nil
	}
	c.st.Unlock()
	c.st.Close()
}

// setUnits pairs the rows of two sets of one level: as one unit when both are in
// memory, and otherwise by the partitions on disk.
func setUnits(left, right *counted) ([]*setUnit, error) {
	left.st.Lock()
	right.st.Lock()
	defer left.st.Unlock()
	defer right.st.Unlock()
	if !left.onDisk && !right.onDisk {
		// From here on the right side stays; the left one may still move.
		right.settled = true
		if right.table == nil {
			right.table = newGroupTable(right.st.Account(), right.types)
		}
		return []*setUnit{{left: left, right: right, level: left.level - 1}}, nil
	}
	for _, c := range []*counted{left, right} {
		if err := c.spill(); err != nil {
			return nil, err
		}
	}
	var out []*setUnit
	for p := range groupParts {
		if len(left.runs[p]) == 0 {
			continue // nothing on the left, nothing in the result
		}
		out = append(out, &setUnit{leftRuns: left.runs[p], rightRuns: right.runs[p], level: left.level})
	}
	return out, nil
}
