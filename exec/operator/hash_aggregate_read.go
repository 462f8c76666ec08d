package operator

import (
	"io"

	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
)

// groupReader delivers the groups of a grouping, each task those of the
// partitions that it takes.
type groupReader struct {
	g     *grouping
	part  *groupPart
	run   int // next of the partition's runs
	rd    *spill.Reader
	in    vector.Batch
	ready bool // the set of the partition is complete
	at    int  // next group

	vecs []vector.Vec
	cols []*vector.Vec
	idx  []int32
	b    vector.Batch
	out  vector.Batch
}

// takePart returns the next partition to read, nil when there is none now.
func (g *grouping) takePart() *groupPart {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.unread) == 0 {
		return nil
	}
	p := g.unread[0]
	g.unread = g.unread[1:]
	return p
}

// want returns how many tasks can read at a time.
func (g *grouping) want() int {
	if g.single != nil {
		if g.single.groups() >= splitRows {
			return g.q.workers
		}
		return 1
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.unread) > 0 {
		return g.q.workers
	}
	return 1
}

// read returns the next groups: keys and the results of calls. It returns nil
// when it has only made progress, io.EOF at the end.
func (r *groupReader) read() (*vector.Batch, error) {
	g := r.g
	if g.single != nil {
		return r.readSingle()
	}
	if r.part == nil {
		if r.part = g.takePart(); r.part == nil {
			// Another task may still divide what it reads; then it reads all of it.
			return nil, io.EOF
		}
		r.run, r.ready, r.at = 0, false, 0
		return nil, r.part.begin(g)
	}
	if !r.ready {
		return nil, r.complete()
	}
	set := r.part.set
	if set == nil || r.at == set.groups() {
		r.end()
		return nil, nil
	}
	from := r.at
	r.at = min(from+g.q.size, set.groups())
	return r.batch(set, from, r.at)
}

// readSingle reads ranges of a set that all tasks share.
func (r *groupReader) readSingle() (*vector.Batch, error) {
	g, set := r.g, r.g.single
	total, size := set.groups(), g.q.size
	from := int(g.next.Add(int64(size))) - size
	if from >= total {
		g.next.Store(int64(total)) // so that it never overflows
		return nil, io.EOF
	}
	// Accumulators serve one goroutine at a time.
	g.mu.Lock()
	defer g.mu.Unlock()
	return r.batch(set, from, min(from+size, total))
}

// batch returns groups [from, to) of a set.
func (r *groupReader) batch(set *groupSet, from, to int) (*vector.Batch, error) {
	g := r.g
	if r.vecs == nil {
		r.vecs = make([]vector.Vec, len(g.keys)+len(g.calls))
	}
	r.cols = r.cols[:0]
	if set.table != nil {
		store := set.table.store
		if from%64 == 0 {
			store.slice(&r.b, from, to)
			r.cols = append(r.cols, r.b.Cols...)
		} else {
			r.idx = r.idx[:0]
			for i := from; i < to; i++ {
				r.idx = append(r.idx, int32(i))
			}
			for k := range g.keys {
				vector.Gather(&r.vecs[k], store.vec(k), r.idx, len(r.idx))
				r.cols = append(r.cols, &r.vecs[k])
			}
		}
	}
	for k := range g.calls {
		out := &r.vecs[len(g.keys)+k]
		if err := set.result(k, from, to, out); err != nil {
			return nil, err
		}
		r.cols = append(r.cols, out)
	}
	r.out = vector.Batch{N: to - from, Cols: r.cols}
	return &r.out, nil
}

// complete adds one batch from disk to the partition, or makes it ready to be
// read, or divides it when it does not fit.
func (r *groupReader) complete() error {
	p, g := r.part, r.g
	if r.run < len(p.runs) {
		sr := p.runs[r.run]
		if r.rd == nil {
			r.rd = sr.run.Read(false)
		}
		switch err := r.rd.Next(&r.in); err {
		case nil:
			return p.load(g, sr.call, &r.in)
		case io.EOF:
			r.rd.Close()
			r.rd = nil
			r.run++
			return nil
		default:
			return err
		}
	}
	err := p.st.do(func() error {
		switch {
		case p.divided != nil && p.set != nil:
			// Some of its groups are on disk again, so all must be.
			return p.divide(g)
		case p.divided != nil || p.set == nil:
			return nil
		}
		if err := p.set.prepare(); err != nil {
			return err
		}
		p.closed = true
		return nil
	})
	if err != nil {
		return err
	}
	if p.divided != nil {
		g.mu.Lock()
		for _, c := range p.divided {
			if c != nil {
				g.unread = append(g.unread, c)
			}
		}
		g.mu.Unlock()
		r.end()
		return nil
	}
	r.ready = true
	if p.set != nil {
		return p.set.finish()
	}
	return nil
}

// end gives up the partition that was read.
func (r *groupReader) end() {
	p := r.part
	p.st.Lock()
	if p.set != nil {
		p.set.drop()
		p.set = nil
	}
	p.st.Unlock()
	p.st.Close()
	r.part = nil
}

// close gives up what is being read.
func (r *groupReader) close() {
	if r.rd != nil {
		r.rd.Close()
		r.rd = nil
	}
}

// division is what a partition was divided into: those of the next level, nil
// where there is nothing.
type division [groupParts]*groupPart

// begin prepares a partition to be read.
func (p *groupPart) begin(g *grouping) error {
	p.st.Lock()
	defer p.st.Unlock()
	if g.ordered && len(p.runs) > 0 && p.set != nil {
		// What is in memory came last: it follows what is on disk.
		if err := p.spill(g); err != nil {
			return err
		}
	}
	p.reading = true
	return nil
}

// load adds a batch that was on disk.
func (p *groupPart) load(g *grouping, call int, b *vector.Batch) error {
	loaded := false
	return p.st.do(func() error {
		if loaded && p.set == nil {
			return nil
		}
		if p.set == nil {
			var err error
			if p.set, err = g.newSet(p.st.Account(), partStep); err != nil {
				return err
			}
		}
		if !loaded {
			groups, err := p.set.find(b.Cols[:len(g.keys)], b.N)
			if err != nil {
				return err
			}
			if err := p.set.load(call, b, groups); err != nil {
				return err
			}
			loaded = true
		}
		return p.set.pay()
	})
}

// divide moves the set to disk by the partitions of the next level.
func (p *groupPart) divide(g *grouping) error {
	if p.level == maxLevel {
		return nil
	}
	file, err := g.diskFile(p.level + 1)
	if err != nil {
		return err
	}
	if p.divided == nil {
		p.divided = &division{}
	}
	s := p.set
	p.set = nil
	return s.save(file, p.level+1, func(i int, r stateRun) {
		c := p.divided[i]
		if c == nil {
			c = g.newPart(p.level + 1)
			p.divided[i] = c
		}
		c.runs = append(c.runs, r)
	})
}
