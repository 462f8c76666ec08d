package operator

import (
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
)

const (
	// partitionBits is how many bits of the hash of its keys choose the partition
	// of a row that goes to disk; a partition that is too large is divided by the
	// next ones.
	partitionBits = 5
	partitions    = 1 << partitionBits
	// collectStep is how much is collected in memory before it is divided: each
	// partition then gets a block that compresses well.
	collectStep = 4 << 20
)

// joinRows makes the stored form of one task's batches.
type joinRows struct {
	keys   *joinKeys
	extra  []*eval.Program
	bounds []*eval.Program // of inequalities
	dense  []kernel.Scratch
	cols   []*vector.Vec
	sel    []int32
}

// rows returns the programs of one task.
func (j *joinKeys) rows(q *Query) (*joinRows, error) {
	extra, err := q.compile(j.extra)
	if err != nil {
		return nil, err
	}
	bounds, err := q.compile(j.bounds)
	if err != nil {
		return nil, err
	}
	return &joinRows{keys: j, extra: extra, bounds: bounds, dense: make([]kernel.Scratch, j.width)}, nil
}

// of returns the columns of the stored rows of b, the rows to be stored and their
// number. Rows with a NULL key that can match nothing are left out unless
// keepNulls is set.
func (r *joinRows) of(b *vector.Batch, keepNulls bool) (cols []*vector.Vec, sel []int32, n int, err error) {
	sel, n = b.Sel, b.Rows()
	r.cols = append(r.cols[:0], b.Cols...)
	if len(r.extra)+len(r.bounds) > 0 {
		for c, v := range r.cols {
			r.cols[c] = r.dense[c].Dense(v, sel, n)
		}
		sel = nil
		for _, p := range r.extra {
			v, err := p.Eval(b)
			if err != nil {
				return nil, nil, 0, err
			}
			r.cols = append(r.cols, v)
		}
		r.rangeValues(b)
	}
	if !keepNulls {
		for k, c := range r.keys.column {
			if !r.keys.safe(k) {
				sel, n = r.withoutNulls(r.cols[c], sel, n)
			}
		}
	}
	return r.cols, sel, n, nil
}

// withoutNulls returns the rows where v is not NULL.
func (r *joinRows) withoutNulls(v *vector.Vec, sel []int32, n int) ([]int32, int) {
	if v.Kind == vector.Flat && v.Valid == nil {
		return sel, n
	}
	out := r.sel[:0]
	for k := range n {
		at := int32(k)
		if sel != nil {
			at = sel[k]
		}
		if !v.IsNull(int(at)) {
			out = append(out, at)
		}
	}
	// sel may be r.sel itself: out is never ahead of it.
	r.sel = out
	return out, len(out)
}

// collected is what one task has got of one side of a join. The rows are in
// memory until that runs out; then they are in one run per partition.
type collected struct {
	q       *Query
	account *memory.Account // of the operator; it pays for the buffers of files
	keys    *joinKeys
	st      *spillable
	// store holds the rows in memory.
	store *columnStore
	depth int // how often the rows have been divided before
	parts int
	// eager divides the rows without need: the other side is on disk already.
	eager bool
	file  *spill.File
	runs  []*spill.Run
	rows  int64
	nulls int64              // rows in runs with a NULL key that cannot match
	seen  func(*columnStore) // called with rows before they go to disk
}

// newCollected returns a state below account, the operator's.
func newCollected(q *Query, account *memory.Account, keys *joinKeys, parts, depth int) *collected {
	c := &collected{q: q, account: account, keys: keys, parts: parts, depth: depth}
	c.st = q.spillable(account, func(int64) error { return c.toDisk() })
	c.store = newColumnStore(c.st.Account(), keys.types)
	return c
}

// add takes rows.
func (c *collected) add(cols []*vector.Vec, sel []int32, n int) error {
	if n == 0 {
		return nil
	}
	return c.st.do(func() error {
		if (c.eager || c.runs != nil) && c.store.held >= c.step() {
			if err := c.toDisk(); err != nil {
				return err
			}
		}
		return c.store.append(cols, sel, n)
	})
}

// step is how much is collected before it is divided.
func (c *collected) step() int64 {
	if limit := c.q.env.Account.Limit(); limit > 0 {
		return max(min(collectStep, limit/32), 64<<10)
	}
	return collectStep
}

// flush moves what is left in memory to the runs.
func (c *collected) flush() error {
	c.st.Lock()
	defer c.st.Unlock()
	return c.toDisk()
}

// toDisk divides the rows in memory. c.st is locked.
func (c *collected) toDisk() error {
	if c.store.rows == 0 && c.runs != nil {
		return nil
	}
	if err := c.divide(c.store); err != nil {
		return err
	}
	c.store.drop()
	c.store = newColumnStore(c.st.Account(), c.keys.types)
	return nil
}

// divide appends the rows of a store to the runs.
func (c *collected) divide(store *columnStore) error {
	if c.runs == nil {
		file, err := c.q.spillFile(c.account)
		if err != nil {
			return err
		}
		c.file = file
		c.runs = make([]*spill.Run, c.parts)
		for i := range c.runs {
			c.runs[i] = file.NewRun()
		}
	}
	n := store.rows
	if n == 0 {
		return nil
	}
	c.rows += int64(n)
	c.countNulls(store)
	if c.seen != nil {
		c.seen(store)
	}
	if c.parts == 1 {
		return spillStore(c.runs[0], store, nil)
	}
	hash, order := make([]uint64, min(n, divideRows)), make([]int32, min(n, divideRows))
	scratch := int64(len(hash)) * 12
	c.account.Overdraw(scratch)
	defer c.account.Release(scratch)
	for from := 0; from < n; from += divideRows {
		if err := c.divideSome(store, from, min(from+divideRows, n), hash, order); err != nil {
			return err
		}
	}
	return nil
}

// divideRows is how many rows are divided at a time: it bounds the scratch space,
// which nobody has reserved.
const divideRows = 64 << 10

// divideSome divides rows from..to-1 of a store.
func (c *collected) divideSome(store *columnStore, from, to int, hash []uint64, order []int32) error {
	var b vector.Batch
	store.slice(&b, from, to)
	hash, order = hash[:b.N], order[:b.N]
	for k, at := range c.keys.column {
		kernel.Hash(hash, b.Cols[at], b.N, k > 0)
	}
	var first [partitions + 1]int
	shift := 64 - partitionBits*(c.depth+1)
	for _, h := range hash {
		first[h>>shift&(partitions-1)+1]++
	}
	for i := range partitions {
		first[i+1] += first[i]
	}
	at := first
	for r, h := range hash {
		p := h >> shift & (partitions - 1)
		order[at[p]] = int32(r)
		at[p]++
	}
	for p, run := range c.runs {
		if first[p] == first[p+1] {
			continue
		}
		rows := order[first[p]:first[p+1]]
		if err := run.AppendRows(b.Cols, rows, len(rows)); err != nil {
			return err
		}
		if err := run.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// countNulls counts rows with a NULL key that cannot match.
func (c *collected) countNulls(store *columnStore) {
	for k, at := range c.keys.column {
		if !c.keys.safe(k) {
			c.nulls += int64(store.vec(at).NullCount(store.rows))
		}
	}
}
