package operator

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
)

// partitioner brings one task's rows to the partitions of a grouping. Its columns
// are the keys, and for each call with an accumulator a flag, if the call is
// partial, and the inputs.
type partitioner struct {
	cols  []*vector.Vec
	keys  []kernel.Scratch
	flags []vector.Vec
	wide  []vector.Vec
	hash  []uint64

	rows  groupRows // of a chunk
	sels  [][]int32
	dense [][]kernel.Scratch
}

// addScattered keeps a batch until enough rows of its partitions have come.
func (l *groupLocal) addScattered(in *groupRows) error {
	g := l.g
	if l.part == nil {
		l.part = &partitioner{
			keys: make([]kernel.Scratch, len(g.keys)), flags: make([]vector.Vec, len(g.calls)), wide: make([]vector.Vec, len(g.columns)),
			sels: make([][]int32, len(g.calls)), dense: make([][]kernel.Scratch, len(g.calls)),
		}
	}
	p := l.part
	if cap(p.hash) < in.n {
		p.hash = make([]uint64, in.n)
	}
	hash := p.hash[:in.n]
	p.cols = p.cols[:0]
	for i, v := range in.keys {
		kernel.Hash(hash, v, in.n, i > 0)
		p.cols = append(p.cols, p.keys[i].Flat(v, in.n))
	}
	for k := range in.calls {
		if g.calls[k].shares < 0 {
			l.align(k, &in.calls[k], in.n)
		}
	}
	err := l.scatter.add(p.cols, hash, in.n)
	if outOfMemory(err) {
		// What waits takes memory: it goes to its partitions, which can move.
		if err := l.flush(0); err != nil {
			return err
		}
		l.scatter.drop()
		err = l.scatter.add(p.cols, hash, in.n)
	}
	if outOfMemory(err) {
		// Groups of all partitions in one table need the least.
		l.scatter.drop()
		l.scatter, l.unscatter = nil, true
		_, err = l.into(l.st, &l.set, budgetStep, in)
		return err
	}
	if err != nil {
		return err
	}
	used, room := l.scatter.mem.used, l.scatter.room
	for i, n := range l.scatter.rows {
		if n < leastFlush && (n == 0 || used < 2*room) {
			continue
		}
		if n >= mostFlush || n >= l.g.parts[i].size() || used > room {
			if err := l.flushPart(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// align appends the inputs of call k with one value for each of n rows, behind
// a flag for rows that take part if the call is partial.
func (l *groupLocal) align(k int, c *callRows, n int) {
	p, call := l.part, &l.g.calls[k]
	if !call.partial {
		p.cols = append(p.cols, c.inputs...)
		return
	}
	flag := &p.flags[k]
	flag.Reset(types.Of(types.Bool), n)
	on := flag.Bools()[:n]
	if c.rows == nil && !c.skip {
		for i := range on {
			on[i] = 1
		}
		p.cols = append(append(p.cols, flag), c.inputs...)
		return
	}
	clear(on)
	for _, r := range c.rows {
		on[r] = 1
	}
	p.cols = append(p.cols, flag)
	for i, t := range call.inputs {
		if c.skip || len(c.rows) == 0 {
			p.cols = append(p.cols, vector.NewNull(t))
			continue
		}
		w := &p.wide[len(p.cols)]
		w.Bufs = nil
		w.Reset(t, n)
		kernel.Assemble(w, n, []kernel.Part{{Vec: c.inputs[i], Rows: c.rows}})
		p.cols = append(p.cols, w)
	}
}

// flush brings all rows to their partitions of which there are at least n.
func (l *groupLocal) flush(n int) error {
	for i := range groupParts {
		if l.scatter.rows[i] > n {
			if err := l.flushPart(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// size returns about how many groups the partition has.
func (p *groupPart) size() int { return int(p.groups.Load()) }

// flushPart brings the rows that wait for partition i to it.
func (l *groupLocal) flushPart(i int) error {
	part := l.g.parts[i]
	for _, c := range l.scatter.take(i) {
		if l.g.q.stopped.Load() {
			return nil
		}
		n, err := l.into(part.st, &part.set, partStep, l.rowsOf(c))
		if err != nil {
			return err
		}
		part.groups.Store(int64(n))
		l.scatter.release(c)
	}
	return nil
}

// rowsOf returns the rows of a chunk as a batch.
func (l *groupLocal) rowsOf(c *chunk) *groupRows {
	p, g := l.part, l.g
	in := &p.rows
	in.n, in.keys = c.n, in.keys[:0]
	if in.calls == nil {
		in.calls = make([]callRows, len(g.calls))
	}
	at := 0
	column := func() *vector.Vec {
		v := &c.cols[at].vec
		at++
		return v
	}
	for range g.keys {
		in.keys = append(in.keys, column())
	}
	for k := range g.calls {
		call, rows := &g.calls[k], &in.calls[k]
		if call.shares >= 0 {
			continue
		}
		rows.rows, rows.inputs = nil, rows.inputs[:0]
		if call.partial {
			flag := column()
			p.sels[k] = vector.SelectTrue(p.sels[k], flag, nil, c.n)
			if rows.rows = p.sels[k]; len(rows.rows) == c.n {
				rows.rows = nil
			}
		}
		if p.dense[k] == nil {
			p.dense[k] = make([]kernel.Scratch, len(call.inputs))
		}
		for i := range call.inputs {
			v := column()
			if rows.rows != nil {
				v = p.dense[k][i].Dense(v, rows.rows, len(rows.rows))
			}
			rows.inputs = append(rows.inputs, v)
		}
	}
	return in
}
