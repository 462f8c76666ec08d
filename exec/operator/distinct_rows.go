package operator

import (
	"io"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// distinctRows tells rows that come for the first time from others, round by
// round. While all of them are in memory it tells at once. As soon as some are on
// disk, rows that are not among those in memory are candidates: at the end of the
// round what is on disk is read once for all of them, as far as it has partitions
// with candidates. It belongs to one goroutine.
type distinctRows struct {
	q     *Query
	types []types.Type
	files *levelFiles
	seen  *counted
	// The candidates of the round, nil when there are none, and their file.
	candidates *counted
	of         *levelFiles
	found      *setStream // delivers the candidates that are new

	dense denseColumns
	sel   []int32
	part  vector.Batch
	out   vector.Batch
}

// newDistinctRows begins without rows.
func newDistinctRows(q *Query, account *memory.Account, ts []types.Type) *distinctRows {
	files := &levelFiles{q: q, account: account}
	return &distinctRows{q: q, types: ts, files: files, seen: newCounted(files, ts, 0)}
}

// add takes rows of a round and returns those that are new, as far as that is
// known; next returns the others.
func (d *distinctRows) add(b *vector.Batch) (*vector.Batch, error) {
	cols, n := d.dense.of(b), b.Rows()
	d.out = vector.Batch{N: n, Cols: cols}
	disk := false
	err := d.seen.st.do(func() error {
		d.sel = d.sel[:0]
		c := d.seen
		if disk = c.onDisk; disk {
			if c.table == nil {
				d.sel = vector.Identity(d.sel, n)
				return nil
			}
			groups, err := c.table.find(cols, n, false)
			for i, g := range groups {
				if g < 0 {
					d.sel = append(d.sel, int32(i))
				}
			}
			return err
		}
		if c.table == nil {
			c.table = newGroupTable(c.st.Account(), c.types)
		}
		known := int32(c.table.groups())
		groups, err := c.table.find(cols, n, true)
		if err != nil {
			return err
		}
		if err := c.grow(c.table.groups()); err != nil {
			return err
		}
		for i, g := range groups {
			if g >= known {
				known = g + 1
				c.counts[g] = 1
				d.sel = append(d.sel, int32(i))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(d.sel) == 0 {
		return &vector.Batch{}, nil
	}
	if d.out.Sel = d.sel; !disk {
		return &d.out, nil
	}
	if d.candidates == nil {
		d.of = &levelFiles{q: d.q, account: d.files.account}
		d.candidates = newCounted(d.of, d.types, 0)
	}
	d.part = d.out
	var dense denseColumns
	if err := d.candidates.add(dense.of(&d.part), len(d.sel), nil); err != nil {
		return nil, err
	}
	return &vector.Batch{}, nil
}

// decide is called at the end of a round.
func (d *distinctRows) decide() error {
	c := d.candidates
	if c == nil {
		return nil
	}
	c.st.Lock()
	d.seen.st.Lock()
	units, err := d.units(c)
	d.seen.st.Unlock()
	c.st.Unlock()
	if err != nil {
		return err
	}
	op := &setOp{q: d.q, n: &physical.SetOp{Except: true}, files: d.of, types: d.types, units: units, begun: true}
	d.found = &setStream{s: op}
	return nil
}

// units pairs the candidates with the rows on disk. Both are locked.
func (d *distinctRows) units(c *counted) ([]*setUnit, error) {
	var out []*setUnit
	if !c.onDisk {
		all := &setUnit{left: c, level: -1}
		_, starts := byHash(c.table.store, c.table.groups(), 0)
		for p, runs := range d.seen.runs {
			if starts[p] < starts[p+1] {
				all.rightRuns = append(all.rightRuns, runs...)
			}
		}
		return []*setUnit{all}, nil
	}
	if err := c.spill(); err != nil {
		return nil, err
	}
	for p, runs := range c.runs {
		if len(runs) > 0 {
			out = append(out, &setUnit{leftRuns: runs, rightRuns: d.seen.runs[p], level: 0})
		}
	}
	return out, nil
}

// next returns rows of the round that are new and were not returned by add, or
// io.EOF.
func (d *distinctRows) next() (*vector.Batch, error) {
	for d.found != nil {
		b, err := d.found.next()
		switch {
		case err == io.EOF:
			d.found.close()
			d.candidates.close()
			d.found, d.candidates = nil, nil
			d.of.close()
		case err != nil:
			return nil, err
		case b != nil:
			return b, d.seen.add(b.Cols, b.N, nil)
		}
		if d.q.stopped.Load() {
			return nil, d.q.failure()
		}
	}
	return nil, io.EOF
}

// close gives up the rows.
func (d *distinctRows) close() {
	if d.found != nil {
		d.found.close()
	}
	if d.candidates != nil {
		d.candidates.close()
	}
	d.seen.close()
	d.files.close()
	if d.of != nil {
		d.of.close()
	}
}
