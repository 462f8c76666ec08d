package operator

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// join is what the tasks of a HashJoin or NestedLoopJoin share. Both make pairs
// of a left row and a candidate row of the build side, keep those that satisfy
// the condition, and differ only in where candidates come from.
//
// The build side is collected by tasks and becomes one table, or it goes to
// disk, divided by the hash of its keys (see join_disk.go).
type join struct {
	q         *Query
	account   *memory.Account
	kind      physical.JoinKind
	leftTypes []types.Type
	right     int // columns of the build side
	leftKeys  []expr.Expr
	cond      expr.Expr     // nil for none
	reads     []int         // columns that cond refers to
	needed    []bool        // outputs that somebody reads, nil for all
	nulls     []*vector.Vec // by output
	nested    bool
	ranges    []physical.RangeCond // of a nested loop
	left      part
	published []publishedKey

	keys      *joinKeys // of the build side
	keepNulls bool
	mu        sync.Mutex
	sides     []*collected // of the build tasks
	table     *joinTable
	work      *phased   // fills the table, nil when it is full
	disk      *joinDisk // nil when the build side is in memory
	blooms    []spilledKey

	// active counts the streams that have not reached the end of the left side.
	// When it is zero all of them deliver what depends on the marks of the right
	// rows: restAt is the first row that nobody has taken.
	active  atomic.Int64
	restAt  atomic.Int64
	resting []*task // wait for active to be zero; guarded by mu
}

// hashJoin builds a HashJoin.
func (b *builder) hashJoin(n *physical.HashJoin, st *stat) (part, error) {
	j := &join{q: b.q, kind: n.Kind, leftKeys: n.LeftKeys, cond: n.Residual, needed: n.Needed}
	for _, p := range n.Publish {
		j.published = append(j.published, publishedKey{key: p.Key, column: p.Column, filter: b.dynamicFilter(p.Filter)})
	}
	return b.join(j, n.Left, n.Right, st, n.RightKeys, n.NullSafe)
}

// nestedLoopJoin builds a NestedLoopJoin.
func (b *builder) nestedLoopJoin(n *physical.NestedLoopJoin, st *stat) (part, error) {
	return b.join(&join{q: b.q, kind: n.Kind, cond: n.Cond, needed: n.Needed, nested: true, ranges: n.Ranges}, n.Left, n.Right, st, nil, nil)
}

// join builds j over its inputs.
func (b *builder) join(j *join, left, right physical.Node, st *stat, keys []expr.Expr, nullSafe []bool) (part, error) {
	in, err := b.build(right)
	if err != nil {
		return part{}, err
	}
	rightTypes := columnTypes(right.Columns())
	j.account = st.account
	j.right = len(rightTypes)
	j.leftTypes = columnTypes(left.Columns())
	for _, t := range append(slices.Clone(j.leftTypes), rightTypes...) {
		j.nulls = append(j.nulls, vector.NewNull(t))
	}
	j.nested = j.nested || len(keys) == 0
	j.keepNulls = j.kind == physical.Right || j.kind == physical.Full || j.kind == physical.Mark || j.kind == physical.RightAnti
	j.keys = newJoinKeys(rightTypes, keys, nullSafe)
	j.keys.addRanges(j.ranges)
	built := b.pipeline(in, j, st)
	if !j.nested {
		open := func(t *task) (stream, error) { return &buildStream{j: j, t: t}, nil }
		built = b.pipeline(part{open: open, after: []*pipeline{built}}, joinBuilt{j}, st)
	}
	if j.left, err = b.build(left); err != nil {
		return part{}, err
	}
	if j.cond != nil {
		set := map[expr.ColumnID]bool{}
		expr.Columns(j.cond, set)
		for c := range set {
			j.reads = append(j.reads, int(c))
		}
	}
	return part{open: j.probe, after: append([]*pipeline{built}, j.left.after...), abandon: j.left.abandon}, nil
}

// joinInlet collects one task's rows of the build side.
type joinInlet struct {
	j    *join
	rows *joinRows
	side *collected
}

// open implements sink.
func (j *join) open(*task) (inlet, error) {
	rows, err := j.keys.rows(j.q)
	if err != nil {
		return nil, err
	}
	return &joinInlet{j: j, rows: rows, side: j.newSide()}, nil
}

// newSide adds a collector of rows of the build side.
func (j *join) newSide() *collected {
	side := newCollected(j.q, j.account, j.keys, j.parts(), 0)
	side.seen = j.noteSpilled
	j.mu.Lock()
	j.sides = append(j.sides, side)
	j.mu.Unlock()
	return side
}

// ready implements inlet.
func (i *joinInlet) ready() bool { return true }

// end implements inlet.
func (i *joinInlet) end() error { return nil }

// push implements inlet.
func (i *joinInlet) push(b *vector.Batch) error {
	cols, sel, n, err := i.rows.of(b, i.j.keepNulls)
	if err != nil {
		return err
	}
	return i.side.add(cols, sel, n)
}

// oneMatch reports whether only the existence of a match matters.
func (j *join) oneMatch() bool {
	return j.kind == physical.Semi || j.kind == physical.Anti || j.kind == physical.Mark
}

// marksRight reports whether the join delivers build rows by whether they have a
// match.
func (j *join) marksRight() bool {
	return j.kind == physical.Right || j.kind == physical.Full || j.onlyRight()
}

// onlyRight reports whether the join delivers build rows alone.
func (j *join) onlyRight() bool { return j.kind == physical.RightSemi || j.kind == physical.RightAnti }

// needsMatch reports whether a left row without a match changes nothing.
func (j *join) needsMatch() bool {
	return j.kind == physical.Inner || j.kind == physical.Semi || j.kind == physical.Right || j.onlyRight()
}

// buildTable builds the table over its store.
func (j *join) buildTable(t *joinTable) error {
	return t.build(j.keepNulls, j.oneMatch() && j.cond == nil, j.marksRight())
}

// fill begins to fill the table. A small one is full then, others have work left.
func (j *join) fill() error {
	workers := j.q.workers
	if j.nested || j.table.store.rows < leastShared || !j.room(buildBytes(j.table.store.rows, workers)) {
		return j.buildTable(j.table)
	}
	b, err := j.table.prepare(workers, j.keepNulls, j.oneMatch() && j.cond == nil, j.marksRight())
	if err != nil {
		return err
	}
	if len(b.units) == 0 {
		b.all()
		return nil
	}
	j.work = &phased{of: b, units: b.units}
	return nil
}

// room reports whether half of the query's memory is left when bytes more are in use.
func (j *join) room(bytes int64) bool {
	limit := j.q.env.Account.Limit()
	return limit == 0 || j.q.env.Account.Used()+bytes <= limit/2
}

// finish implements sink.
func (j *join) finish() error {
	spilled := false
	for _, s := range j.sides {
		s.st.Lock()
		spilled = spilled || s.runs != nil
		s.st.Unlock()
	}
	if !spilled {
		err := j.inMemory()
		if err == nil && j.work == nil {
			return j.publish()
		}
		if err == nil {
			return nil // until the table is full
		}
		if !outOfMemory(err) || j.q.env.Spill == nil {
			return err
		}
	}
	for _, s := range j.sides {
		if err := s.flush(); err != nil {
			return err
		}
		s.st.Close()
	}
	j.disk = newJoinDisk(j)
	j.publishSpilled()
	return nil
}

// inMemory makes the table of what the tasks have collected. When the memory does
// not suffice it fails with 53200 and the rows are in j.sides again.
func (j *join) inMemory() error {
	// From here on the rows cannot be moved to disk by others: they belong to the
	// table.
	store := newColumnStore(j.account, j.keys.types)
	j.table = newJoinTable(j.q, j.account, j.keys, store)
	err := j.gather(store)
	if err == nil && !j.fits(store) {
		err = errNoRoom
	}
	if err == nil {
		err = j.fill()
	}
	if err == nil {
		for _, s := range j.sides {
			s.st.Close()
		}
		j.sides = nil
		return nil
	}
	if !outOfMemory(err) || j.q.env.Spill == nil {
		return err
	}
	back := j.newSide()
	if e := back.divide(store); e != nil {
		return e
	}
	j.table.drop()
	j.table = nil
	return err
}

// gather moves the rows of all sides to store.
func (j *join) gather(store *columnStore) error {
	for i, s := range j.sides {
		s.st.Lock()
		var err error
		if i == 0 {
			// The first store is taken as it is.
			*store = *s.store
			j.account.Overdraw(store.held)
			store.account = j.account
			s.store = newColumnStore(s.st.Account(), j.keys.types)
			s.st.Account().Release(store.held)
		} else {
			err = store.appendStore(s.store)
			if err == nil {
				s.store.drop()
				s.store = newColumnStore(s.st.Account(), j.keys.types)
			}
		}
		s.st.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// errNoRoom says that a table would fit, but little else besides it.
var errNoRoom = pgerror.New(pgerror.OutOfMemory, "out of memory")

// parts is the number of partitions on disk. What may match rows with any key is
// not divided.
func (j *join) parts() int {
	if j.nested || j.kind == physical.Mark && (len(j.keys.column) > 1 || j.cond != nil) {
		return 1
	}
	return partitions
}

// fits reports whether a table over store leaves room for the other operators of
// the query: it stays in memory until the query ends.
func (j *join) fits(store *columnStore) bool {
	limit := j.q.env.Account.Limit()
	if limit == 0 || j.q.env.Spill == nil {
		return true
	}
	return j.room(tableBytes(store.rows)) || store.held+tableBytes(store.rows) <= limit/16
}

// probe opens one task's stream of the join.
func (j *join) probe(t *task) (stream, error) {
	// Counted before the left side is opened: whoever finds the count at zero
	// knows that no left row is on its way.
	j.active.Add(1)
	in, err := j.left.open(t)
	if err != nil {
		return nil, err
	}
	s := &joinStream{j: j, t: t, in: in, table: j.table, dense: make([]kernel.Scratch, len(j.leftTypes)), gathered: make([]vector.Vec, j.right)}
	if s.keys, err = j.q.compile(j.leftKeys); err == nil && j.cond != nil {
		if j.nested && j.kind == physical.Mark {
			s.program, err = eval.Compile(j.cond, j.q.evalEnv())
		} else {
			s.cond, err = eval.CompileFilter([]expr.Expr{j.cond}, j.q.evalEnv())
		}
	}
	for _, c := range j.ranges {
		if err == nil {
			var p []*eval.Program
			p, err = j.q.compile([]expr.Expr{c.Left})
			s.ranges.programs = append(s.ranges.programs, p...)
		}
	}
	if err == nil && j.disk != nil {
		s.disk, err = j.disk.open(s)
	}
	if err != nil {
		in.close()
		return nil, err
	}
	return s, nil
}
