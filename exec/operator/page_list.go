package operator

import (
	"io"
	"sort"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/exec/vector"
)

// pageList keeps rows in the order in which they come, for any number of readers
// at any places at a time. One goroutine adds rows. They are in pages, which move
// to disk when somebody needs the memory; a page that is being read stays in
// memory until its last reader leaves it.
type pageList struct {
	q       *Query
	account *memory.Account // of the operator
	types   []types.Type
	size    int   // rows of a full page
	bytes   int64 // from which a page is full whatever its rows
	st      *spillable
	file    *spill.File // guarded by st

	mu    sync.Mutex
	pages []*page
	rows  int64
}

// page is some rows of a list. What is below first does not change once the page
// is full or on disk.
type page struct {
	pins  int          // readers of store
	first int64        // number of its first row
	rows  int          // in it
	store *columnStore // nil when only run has the rows
	run   *spill.Run   // nil while it is in memory only
	full  bool
}

// pageRows is the number of rows of a page that is read from its begin to its
// end.
const pageRows = 1 << 14

// pageBytes is from how many bytes it is full: a reader keeps one in memory.
const pageBytes = 256 << 10

// newPageList makes an empty list with pages of size rows. It must be closed, or
// is with the query.
func newPageList(q *Query, account *memory.Account, ts []types.Type, size int) *pageList {
	l := &pageList{q: q, account: account, types: ts, size: size, bytes: pageBytes}
	l.st = q.spillable(account, func(int64) error { return l.spill() })
	return l
}

// append adds the rows sel (nil: the first n) of cols; n is their number.
func (l *pageList) append(cols []*vector.Vec, sel []int32, n int) error {
	for from := 0; from < n; {
		to := n
		err := l.st.do(func() error {
			p := l.last()
			to = min(n, from+l.size-p.rows)
			if from > 0 || to < n {
				// Rows of several pages.
				part := vector.Identity(nil, n)[from:to]
				if sel != nil {
					part = sel[from:to]
				}
				if err := p.store.append(cols, part, to-from); err != nil {
					return err
				}
			} else if err := p.store.append(cols, sel, n); err != nil {
				return err
			}
			l.mu.Lock()
			p.rows += to - from
			l.rows += int64(to - from)
			p.full = p.rows >= l.size || p.store.used >= l.bytes
			l.mu.Unlock()
			return nil
		})
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// last returns the page to which rows are added. The state is locked.
func (l *pageList) last() *page {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.pages); n > 0 && !l.pages[n-1].full {
		return l.pages[n-1]
	}
	p := &page{first: l.rows, store: newColumnStore(l.st.Account(), l.types)}
	p.store.step = partStep
	l.pages = append(l.pages, p)
	return p
}

// spill moves all pages to disk that are not there. Pages that are read go when
// their last reader leaves.
func (l *pageList) spill() error {
	l.mu.Lock()
	pages := l.pages
	l.mu.Unlock()
	for _, p := range pages {
		if p.run != nil {
			continue
		}
		if p.rows > 0 {
			if l.file == nil {
				f, err := l.q.spillFile(l.account)
				if err != nil {
					return err
				}
				l.file = f
			}
			run := l.file.NewRun()
			if err := spillStore(run, p.store, nil); err != nil {
				return err
			}
			l.mu.Lock()
			p.run, p.full = run, true
			l.mu.Unlock()
		}
		l.mu.Lock()
		switch {
		case p.rows == 0:
			// An append has found no memory: it begins again.
			l.pages = l.pages[:len(l.pages)-1]
			p.store.drop()
		case p.pins == 0:
			p.store.drop()
			p.store = nil
		}
		l.mu.Unlock()
	}
	return nil
}

// pin returns the rows of a page in memory, which stay there until unpin, or nil
// when the page is on disk.
func (l *pageList) pin(p *page) *columnStore {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.store != nil {
		p.pins++
	}
	return p.store
}

// unpin ends the use of a page that pin has returned.
func (l *pageList) unpin(p *page) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.pins--; p.pins == 0 && p.run != nil && p.store != nil {
		p.store.drop()
		p.store = nil
	}
}

// page returns page i, nil behind the last.
func (l *pageList) page(i int) *page {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i >= len(l.pages) {
		return nil
	}
	return l.pages[i]
}

// of returns the page that has a row, of which there is one.
func (l *pageList) of(row int64) *page {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pages[sort.Search(len(l.pages), func(i int) bool { return l.pages[i].first > row })-1]
}

// reset drops all rows, on disk too. Nobody reads them.
func (l *pageList) reset() {
	l.st.Lock()
	defer l.st.Unlock()
	l.drop()
}

// drop gives up the rows. The state is locked.
func (l *pageList) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pages {
		if p.store != nil {
			p.store.drop()
		}
	}
	l.pages, l.rows = nil, 0
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

// close ends the list. Nobody reads it.
func (l *pageList) close() {
	l.reset()
	l.st.Close()
}

// pageReader reads the rows of one page after the other.
type pageReader struct {
	l     *pageList
	p     *page
	store *columnStore // nil when the page is read from disk
	at    int
	rd    *spill.Reader
	idx   []int32
	vecs  []vector.Vec
	out   vector.Batch
}

// begin begins with a page.
func (r *pageReader) begin(l *pageList, p *page) {
	r.close()
	r.l, r.p, r.at = l, p, 0
	if r.store = l.pin(p); r.store == nil {
		r.rd = p.run.Read(false)
	}
}

// next returns the next rows of the page, valid until the following call, or
// io.EOF.
func (r *pageReader) next() (*vector.Batch, error) {
	if r.p == nil {
		return nil, io.EOF
	}
	if r.rd != nil {
		err := r.rd.Next(&r.out)
		if err != nil {
			r.close()
			return nil, err
		}
		return &r.out, nil
	}
	if r.at == r.p.rows {
		r.close()
		return nil, io.EOF
	}
	from, to := r.at, min(r.at+r.l.q.size, r.p.rows)
	r.at = to
	if from%64 == 0 {
		r.store.slice(&r.out, from, to)
		return &r.out, nil
	}
	r.idx = r.idx[:0]
	for i := from; i < to; i++ {
		r.idx = append(r.idx, int32(i))
	}
	if r.vecs == nil {
		r.vecs = make([]vector.Vec, len(r.l.types))
	}
	r.out = vector.Batch{N: to - from, Cols: make([]*vector.Vec, len(r.vecs))}
	for c := range r.vecs {
		vector.Gather(&r.vecs[c], r.store.vec(c), r.idx, len(r.idx))
		r.out.Cols[c] = &r.vecs[c]
	}
	return &r.out, nil
}

// close ends the reading of the page. It may be called more than once.
func (r *pageReader) close() {
	if r.p == nil {
		return
	}
	if r.rd != nil {
		r.rd.Close()
		r.rd = nil
	} else {
		r.l.unpin(r.p)
	}
	r.p, r.store = nil, nil
}
