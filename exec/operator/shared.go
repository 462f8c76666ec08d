package operator

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// pageRows is the number of rows per page of a Shared: a multiple of 64, so that
// pages are read without copying.
const pageRows = 1 << 15

// sharedRows is the sink of a Shared: its rows, in pages that do not move.
type sharedRows struct {
	q       *Query
	account *memory.Account
	types   []types.Type
	built   *pipeline

	mu    sync.Mutex
	pages []*columnStore
}

// sharedScan builds a SharedScan, and the Shared when it is the first.
func (b *builder) sharedScan(n *physical.SharedScan, st *stat) (part, error) {
	s := b.shared[n.Of]
	if s == nil {
		in, err := b.build(n.Of.Input)
		if err != nil {
			return part{}, err
		}
		s = &sharedRows{q: b.q, account: st.account, types: columnTypes(n.Of.Input.Columns())}
		s.built = b.pipeline(in, s, st)
		if b.shared == nil {
			b.shared = map[*physical.Shared]*sharedRows{}
		}
		b.shared[n.Of] = s
	}
	next := new(atomic.Int64)
	return part{
		open:  func(t *task) (stream, error) { return &sharedStream{s: s, t: t, cursor: next}, nil },
		after: []*pipeline{s.built},
	}, nil
}

// open implements sink.
func (s *sharedRows) open(*task) (inlet, error) { return &sharedInlet{s: s}, nil }

// finish implements sink.
func (s *sharedRows) finish() error { return nil }

// sharedInlet fills one task's pages.
type sharedInlet struct {
	s    *sharedRows
	page *columnStore
}

// ready implements inlet.
func (i *sharedInlet) ready() bool { return true }

// push implements inlet.
func (i *sharedInlet) push(b *vector.Batch) error {
	if i.page == nil {
		i.page = newColumnStore(i.s.account, i.s.types)
	}
	if err := i.page.append(b.Cols, b.Sel, b.Rows()); err != nil {
		return err
	}
	if i.page.rows >= pageRows {
		return i.end()
	}
	return nil
}

// end implements inlet.
func (i *sharedInlet) end() error {
	if i.page != nil {
		i.s.mu.Lock()
		i.s.pages = append(i.s.pages, i.page)
		i.s.mu.Unlock()
		i.page = nil
	}
	return nil
}

// sharedStream reads the pages; tasks take one at a time.
type sharedStream struct {
	s      *sharedRows
	t      *task
	cursor *atomic.Int64
	begun  bool
	page   *columnStore
	at     int
	idx    []int32
	vecs   []vector.Vec
	out    vector.Batch
}

// next implements stream.
func (r *sharedStream) next() (*vector.Batch, error) {
	if !r.begun {
		r.begun = true
		r.t.p.want(len(r.s.pages))
	}
	for r.page == nil || r.at == r.page.rows {
		p := int(r.cursor.Add(1)) - 1
		if p >= len(r.s.pages) {
			r.cursor.Store(int64(len(r.s.pages)))
			return nil, io.EOF
		}
		r.page, r.at = r.s.pages[p], 0
	}
	from, to := r.at, min(r.at+r.s.q.size, r.page.rows)
	r.at = to
	if from%64 == 0 {
		r.page.slice(&r.out, from, to)
		return &r.out, nil
	}
	r.idx = r.idx[:0]
	for i := from; i < to; i++ {
		r.idx = append(r.idx, int32(i))
	}
	if r.vecs == nil {
		r.vecs = make([]vector.Vec, len(r.s.types))
	}
	r.out = vector.Batch{N: to - from, Cols: make([]*vector.Vec, len(r.vecs))}
	for c := range r.vecs {
		vector.Gather(&r.vecs[c], r.page.vec(c), r.idx, len(r.idx))
		r.out.Cols[c] = &r.vecs[c]
	}
	return &r.out, nil
}

// close implements stream.
func (r *sharedStream) close() {}
