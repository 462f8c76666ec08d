package operator

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

const (
	// groupPartBits of the hash decide the partition at each level.
	groupPartBits = 6
	groupParts    = 1 << groupPartBits
	// maxLevel is the last level at which a partition is divided further: groups
	// that are still together share most of their hash.
	maxLevel = 8
	// manyGroups is how many groups a task keeps in one table: more no longer
	// fit the second level of the cache, and partitions do.
	manyGroups = 16 << 10
)

// partitionOf returns the partition of a hash at a level: the levels use bits
// from the top, tables those at the bottom.
func partitionOf(h uint64, level int) int {
	return int(bits.RotateLeft64(h, (level+1)*groupPartBits) & (groupParts - 1))
}

// groupCall is an aggregate as a grouping sees it.
type groupCall struct {
	n *physical.Agg
	// shares is the call whose accumulator also gives the result of this one, -1
	// for none.
	shares int
	// inputs are the types of the arguments and then of the sort keys.
	inputs []types.Type
	// order sorts the rows of each group by the inputs from orderAt on before
	// the accumulator gets them.
	order   ordering
	orderAt int
	// partial is set when batches may leave out rows of the call.
	partial bool
}

// grouping groups rows by keys for any number of tasks. Every task has a set of
// groups of its own until it has many: then all tasks share one set per
// partition of the hash. When memory ends, sets go to disk by partition, and
// each partition is put together when it is read.
type grouping struct {
	q       *Query
	account *memory.Account
	keys    []types.Type
	calls   []groupCall
	columns []types.Type // of scattered rows: see partitioner
	// ordered is set when an accumulator depends on the order of its input, or
	// equal keys may look different: the first one stands for the group.
	ordered bool
	many    int // groups from which a task's set is divided
	zero    []int32

	mu     sync.Mutex
	locals []*groupLocal
	idle   []*groupLocal // of tasks that have ended
	parts  []*groupPart  // nil until there are partitions
	files  [maxLevel + 1]*spill.File
	// Reading.
	single *groupSet
	next   atomic.Int64 // group of single
	unread []*groupPart
}

// groupPart is one partition: a set, and what of it is on disk.
type groupPart struct {
	st     *spillable
	level  int
	set    *groupSet
	groups atomic.Int64 // about how many, for those that do not lock st
	runs   []stateRun   // guarded by grouping.mu until it is read
	// While it is read, what does not fit is divided further. closed is set when
	// the set can no longer move.
	reading, closed bool
	divided         *division
}

// newPart makes an empty partition.
func (g *grouping) newPart(level int) *groupPart {
	p := &groupPart{level: level}
	p.st = g.q.spillable(g.account, func(int64) error { return p.spill(g) })
	return p
}

// newGrouping makes a grouping.
func newGrouping(q *Query, account *memory.Account, keys []types.Type, calls []groupCall) *grouping {
	g := &grouping{q: q, account: account, keys: keys, calls: calls, zero: make([]int32, vector.BatchSize)}
	if g.many = q.env.manyGroups; g.many == 0 {
		g.many = manyGroups
	}
	g.columns = append(g.columns, keys...)
	for _, c := range calls {
		if c.shares >= 0 {
			continue
		}
		if c.partial {
			g.columns = append(g.columns, types.Of(types.Bool))
		}
		g.columns = append(g.columns, c.inputs...)
		g.ordered = g.ordered || !c.n.Fn.Aggregate.IgnoresOrder
	}
	for _, t := range keys {
		g.ordered = g.ordered || !looksTell(t)
	}
	return g
}

// looksTell reports whether equal values of a type always look the same, which
// is not so of 1.0 and 1.00.
func looksTell(t types.Type) bool {
	switch t.Layout() {
	case types.LayoutBool, types.LayoutInt16, types.LayoutInt32, types.LayoutInt64:
		return true
	case types.LayoutBytes:
		return bytewise(t.OID)
	}
	return t.OID == types.UUID
}

// zeros returns n zeros that must not be changed.
func (g *grouping) zeros(n int) []int32 {
	if n <= len(g.zero) {
		return g.zero[:n]
	}
	return make([]int32, n)
}

// diskFile returns the file of a level.
func (g *grouping) diskFile(level int) (*spill.File, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.files[level] == nil {
		var err error
		if g.files[level], err = g.q.spillFile(g.account); err != nil {
			return nil, err
		}
	}
	return g.files[level], nil
}

// partitioned makes the partitions and returns them.
func (g *grouping) partitioned() []*groupPart {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.parts == nil {
		parts := make([]*groupPart, groupParts)
		for i := range parts {
			parts[i] = g.newPart(0)
		}
		g.parts = parts
	}
	return g.parts
}

// divided reports whether there are partitions.
func (g *grouping) divided() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.parts != nil
}

// spill moves the set of a partition to disk.
func (p *groupPart) spill(g *grouping) error {
	switch {
	case p.set == nil || p.closed:
		return nil
	case p.reading:
		return p.divide(g)
	}
	return g.toDisk(&p.set)
}

// toDisk moves a set of level 0 to disk.
func (g *grouping) toDisk(set **groupSet) error {
	file, err := g.diskFile(0)
	if err != nil {
		return err
	}
	parts := g.partitioned()
	s := *set
	*set = nil
	return s.save(file, 0, func(p int, r stateRun) {
		g.mu.Lock()
		parts[p].runs = append(parts[p].runs, r)
		g.mu.Unlock()
	})
}

// groupRows is a batch for a grouping. The vectors are Flat, Const or Dict.
type groupRows struct {
	n     int
	keys  []*vector.Vec
	calls []callRows
}

// callRows are the inputs of one call: dense, for the rows listed (nil: all).
type callRows struct {
	skip   bool
	rows   []int32
	inputs []*vector.Vec
	input  *callInput
}

// groupLocal is one task's share of a grouping.
type groupLocal struct {
	g   *grouping
	st  *spillable
	set *groupSet
	// Once there are partitions, rows wait for them here.
	scatter   *scatter
	unscatter bool // there was no memory for that

	groups []int32
	flat   [][]kernel.Scratch
	all    runLists
	part   *partitioner
	seen   seenCodes // of a grouping with one key and no calls
}

// open makes one task's share, or gives out one whose task has ended.
func (g *grouping) open() *groupLocal {
	g.mu.Lock()
	if n := len(g.idle); n > 0 {
		l := g.idle[n-1]
		g.idle = g.idle[:n-1]
		g.mu.Unlock()
		return l
	}
	g.mu.Unlock()
	l := &groupLocal{g: g, flat: make([][]kernel.Scratch, len(g.calls)), seen: seenCodes{mem: budget{account: g.account}}}
	l.st = g.q.spillable(g.account, func(int64) error {
		switch {
		case l.set == nil || l.set.table == nil:
			return nil // what has no keys has no partitions
		case l.set.groups() == 0:
			l.set.drop()
			l.set = nil
			return nil
		}
		return g.toDisk(&l.set)
	})
	g.mu.Lock()
	g.locals = append(g.locals, l)
	g.mu.Unlock()
	return l
}

// add adds a batch.
func (l *groupLocal) add(in *groupRows) error {
	if len(l.g.keys) == 1 && len(l.g.calls) == 0 {
		if in = l.seen.unseen(in); in.n == 0 {
			return nil
		}
	}
	for k := range in.calls {
		c := &in.calls[k]
		if len(l.flat[k]) < len(c.inputs) {
			l.flat[k] = make([]kernel.Scratch, len(c.inputs))
		}
		for i, v := range c.inputs {
			n := in.n
			if c.rows != nil {
				n = len(c.rows)
			}
			c.inputs[i] = l.flat[k][i].Flat(v, n)
		}
	}
	if l.scatter != nil {
		return l.addScattered(in)
	}
	n, err := l.into(l.st, &l.set, budgetStep, in)
	if err == nil && n > l.g.many && !l.unscatter && len(l.g.keys) > 0 && (n > 2*l.g.many || !l.direct()) {
		err = l.partition()
	}
	return err
}

// direct reports whether the groups of the task are found without their keys:
// what is in the cache then are the states alone, so there may be more of them.
func (l *groupLocal) direct() bool {
	l.st.Lock()
	defer l.st.Unlock()
	return l.set != nil && l.set.table != nil && l.set.table.direct.slots != nil
}

// into adds a batch to a set, which st owns and which is made when there is
// none, and returns how many groups it has. When the memory ends the set moves to
// disk and another is begun.
func (l *groupLocal) into(st *spillable, set **groupSet, step int64, in *groupRows) (n int, err error) {
	var groups []int32
	var runs []function.Run
	found, done := false, 0
	err = st.do(func() error {
		if *set == nil {
			s, err := l.g.newSet(st.Account(), step)
			if err != nil {
				return err
			}
			*set = s
			found = found && done == len(in.calls)
		}
		s := *set
		if !found {
			var err error
			if groups, err = s.find(in.keys, in.n); err != nil {
				return err
			}
			switch {
			case s.table == nil:
				runs = l.all.whole(in.n)
			default:
				runs = l.all.of(groups, s.groups())
			}
			found = true
		}
		for ; done < len(in.calls); done++ {
			if err := l.update(s, done, &in.calls[done], groups, runs); err != nil {
				return err
			}
		}
		n = s.groups()
		return s.pay()
	})
	return n, err
}

// update adds the rows of one call to a set.
func (l *groupLocal) update(s *groupSet, k int, c *callRows, groups []int32, runs []function.Run) error {
	if c.skip || s.g.calls[k].shares >= 0 || c.rows != nil && len(c.rows) == 0 {
		return nil
	}
	if c.rows != nil {
		if s.table == nil {
			groups = groups[:len(c.rows)]
			runs = s.runs.whole(len(c.rows))
		} else {
			l.groups = l.groups[:0]
			for _, r := range c.rows {
				l.groups = append(l.groups, groups[r])
			}
			groups, runs = l.groups, s.runs.of(l.groups, s.groups())
		}
	}
	return s.update(k, groups, runs, c.inputs)
}

// partition moves the groups of the task to the partitions, where its rows go
// from now on.
func (l *groupLocal) partition() error {
	if l.scatter = newScatter(l.g); l.scatter == nil {
		l.unscatter = true
		return nil
	}
	set := l.take()
	if set == nil {
		return nil
	}
	return l.g.distribute(set)
}

// take returns the set of the task, which nobody can move to disk any more.
func (l *groupLocal) take() *groupSet {
	l.st.Lock()
	defer l.st.Unlock()
	set := l.set
	l.set = nil
	return set
}

// end is called when the task has no more rows.
func (l *groupLocal) end() error {
	l.seen.drop()
	if l.scatter != nil {
		if err := l.flush(0); err != nil {
			return err
		}
		l.scatter.drop()
	}
	l.g.mu.Lock()
	l.g.idle = append(l.g.idle, l)
	l.g.mu.Unlock()
	if l.g.divided() {
		// Other tasks have partitions: this one's groups go there in parallel.
		if set := l.take(); set != nil {
			return l.g.distribute(set)
		}
	}
	return nil
}
