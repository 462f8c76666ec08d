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

// sharedRows is the sink of a Shared: its rows, in pages that may move to disk.
type sharedRows struct {
	q       *Query
	account *memory.Account
	types   []types.Type
	built   *pipeline

	mu    sync.Mutex
	lists []*pageList // of each task that filled one
	pages []sharedPage
}

// sharedPage is a page of one of the lists.
type sharedPage struct {
	l *pageList
	p *page
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
func (s *sharedRows) open(*task) (inlet, error) {
	l := newPageList(s.q, s.account, s.types, pageRows)
	s.mu.Lock()
	s.lists = append(s.lists, l)
	s.mu.Unlock()
	return &sharedInlet{l: l}, nil
}

// finish implements sink.
func (s *sharedRows) finish() error {
	for _, l := range s.lists {
		for i := 0; ; i++ {
			p := l.page(i)
			if p == nil {
				break
			}
			s.pages = append(s.pages, sharedPage{l, p})
		}
	}
	return nil
}

// sharedInlet fills one task's pages.
type sharedInlet struct{ l *pageList }

// ready implements inlet.
func (i *sharedInlet) ready() bool { return true }

// push implements inlet.
func (i *sharedInlet) push(b *vector.Batch) error { return i.l.append(b.Cols, b.Sel, b.Rows()) }

// end implements inlet.
func (i *sharedInlet) end() error { return nil }

// sharedStream reads the pages; tasks take one at a time.
type sharedStream struct {
	s      *sharedRows
	t      *task
	cursor *atomic.Int64
	begun  bool
	in     pageReader
}

// next implements stream.
func (r *sharedStream) next() (*vector.Batch, error) {
	if !r.begun {
		r.begun = true
		r.t.p.want(len(r.s.pages))
	}
	b, err := r.in.next()
	if err != io.EOF {
		return b, err
	}
	at := int(r.cursor.Add(1)) - 1
	if at >= len(r.s.pages) {
		r.cursor.Store(int64(len(r.s.pages)))
		return nil, io.EOF
	}
	p := r.s.pages[at]
	r.in.begin(p.l, p.p)
	return nil, nil
}

// close implements stream.
func (r *sharedStream) close() { r.in.close() }
