package operator

import (
	"io"
	"math"
	"sort"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// farRows is one partition that is too large to be a chunk. Its rows, and where
// its peer groups begin, are in lists that move to disk. Chunks of a batch are
// computed in turn; what their calls look at elsewhere is read from the lists,
// page by page, of which the last few used stay in memory.
type farRows struct {
	w      *window
	rows   *pageList
	groups *pageList // the first row of each peer group
	peer   bool      // the next row is a peer of the last one
	ready  bool      // all rows have come

	row   farCache // of rows
	first farCache // of groups
	in    pageReader
	page  int // next to be a chunk
	// base is the first row of the chunk, group its peer group.
	base, group int64
	size        int // of the chunk
}

const (
	// farPage is how many rows have a page together.
	farPage  = vector.BatchSize
	farBytes = 64 << 10
	// farPages is how many pages are kept: those of the row, of the ends of its
	// frame, and of the row that it looks at, for a few calls.
	farPages = 8
)

// newFarRows begins without rows.
func newFarRows(w *window) *farRows {
	f := &farRows{
		w: w, rows: newPageList(w.q, w.account, w.types, farPage),
		groups: newPageList(w.q, w.account, []types.Type{types.Of(types.Int8)}, farPage),
	}
	f.rows.bytes = farBytes
	f.row = farCache{l: f.rows, account: w.account}
	f.first = farCache{l: f.groups, account: w.account}
	return f
}

// add takes the first n rows of a store. What follows them there tells whether
// the next row is a peer of the last.
func (f *farRows) add(s *columnStore, n int) error {
	var all vector.Batch
	s.all(&all)
	starts := vector.New(types.Of(types.Int8), min(n, vector.BatchSize))
	k := 0
	flush := func() error {
		err := f.groups.append([]*vector.Vec{starts}, nil, k)
		k = 0
		return err
	}
	at := f.rows.rows
	if at+int64(n) > math.MaxInt32 {
		return pgerror.New(pgerror.ProgramLimitExceeded, "too many rows in one operation")
	}
	for i := range n {
		if i == 0 && !f.peer || i > 0 && !s.same(f.w.order, i-1, i) {
			starts.Int64s()[k] = at + int64(i)
			if k++; k == vector.BatchSize {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if k > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	f.peer = n < s.rows && s.same(f.w.order, n-1, n)
	return f.rows.append(all.Cols, nil, n)
}

// end is called when all rows have come.
func (f *farRows) end() { f.ready = true }

// next makes s the rows of the next chunk, or returns io.EOF.
func (f *farRows) next(s *columnStore) error {
	f.base += int64(f.size)
	f.size = 0
	for {
		b, err := f.in.next()
		switch {
		case err == io.EOF:
			p := f.rows.page(f.page)
			if p == nil {
				return io.EOF
			}
			f.page++
			f.in.begin(f.rows, p)
		case err != nil:
			return err
		default:
			f.size = b.Rows()
			return s.append(b.Cols, b.Sel, f.size)
		}
	}
}

// bounds fills in where the rows of c are.
func (f *farRows) bounds(c *windowChunk) error {
	total := f.groups.rows
	begin, err := f.start(f.group)
	if err != nil {
		return err
	}
	end, err := f.start(f.group + 1)
	if err != nil {
		return err
	}
	for i := range c.n {
		for f.base+int64(i) >= end && f.group+1 < total {
			f.group++
			begin = end
			if end, err = f.start(f.group + 1); err != nil {
				return err
			}
		}
		c.partStart[i], c.partEnd[i] = int32(-f.base), int32(f.rows.rows-f.base)
		c.peerStart[i], c.peerEnd[i], c.group[i] = int32(begin-f.base), int32(end-f.base), int32(f.group)
	}
	return nil
}

// start returns the first row of a peer group, or the end of the partition behind
// the last.
func (f *farRows) start(group int64) (int64, error) {
	if group >= f.groups.rows {
		return f.rows.rows, nil
	}
	s, at, err := f.first.at(group)
	if err != nil {
		return 0, err
	}
	return s.vec(0).Int64s()[at], nil
}

// firstOf returns the first row of a peer group as an index of c, and the start
// or the end of the partition for one before the first or behind the last.
func (f *farRows) firstOf(c *windowChunk, group int64) int {
	at, err := f.start(max(group, 0))
	if err != nil {
		c.err = err
	}
	return int(at - f.base)
}

// gather appends the values of a column of the rows listed, as indexes of the
// chunk or noRow, to an empty store of one column.
func (f *farRows) gather(dst *columnStore, column int, rows []int32) error {
	var sel []int32
	for i := 0; i < len(rows); {
		k := i
		if rows[i] == noRow {
			for k < len(rows) && rows[k] == noRow {
				k++
			}
			if err := dst.append([]*vector.Vec{vector.NewNull(f.w.types[column])}, nil, k-i); err != nil {
				return err
			}
			i = k
			continue
		}
		s, at, err := f.row.at(f.base + int64(rows[i]))
		if err != nil {
			return err
		}
		sel = sel[:0]
		for first := int(rows[i]) - at; k < len(rows) && rows[k] != noRow && int(rows[k]) >= first && int(rows[k])-first < s.rows; k++ {
			sel = append(sel, int32(int(rows[k])-first))
		}
		if err := dst.append([]*vector.Vec{s.vec(column)}, sel, len(sel)); err != nil {
			return err
		}
		i = k
	}
	return nil
}

// close gives up the rows.
func (f *farRows) close() {
	f.in.close()
	f.row.close()
	f.first.close()
	f.rows.close()
	f.groups.close()
}

// farCache keeps pages of a list in memory that were used last.
type farCache struct {
	l       *pageList
	account *memory.Account
	pages   []*farLoaded // the last used first
}

// farLoaded is a page in memory: pinned, or read from disk.
type farLoaded struct {
	p     *page
	store *columnStore
	own   bool // read from disk
}

// at returns the store and the index in it that has a row of the list. The store
// stays until the next call.
func (c *farCache) at(row int64) (*columnStore, int, error) {
	for i, e := range c.pages {
		if at := row - e.p.first; at >= 0 && at < int64(e.p.rows) {
			if i > 0 {
				copy(c.pages[1:i+1], c.pages[:i])
				c.pages[0] = e
			}
			return e.store, int(at), nil
		}
	}
	if n := len(c.pages); n == farPages {
		c.give(c.pages[n-1])
		c.pages = c.pages[:n-1]
	}
	e := &farLoaded{p: c.l.of(row)}
	if e.store = c.l.pin(e.p); e.store == nil {
		e.own = true
		if err := c.load(e); err != nil {
			return nil, 0, err
		}
	}
	c.pages = append(c.pages, nil)
	copy(c.pages[1:], c.pages)
	c.pages[0] = e
	return e.store, int(row - e.p.first), nil
}

// load reads a page from disk.
func (c *farCache) load(e *farLoaded) error {
	e.store = newColumnStore(c.account, c.l.types)
	e.store.step = partStep
	in := e.p.run.Read(false)
	defer in.Close()
	var b vector.Batch
	for {
		err := in.Next(&b)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = e.store.append(b.Cols, b.Sel, b.N)
		}
		if err != nil {
			e.store.drop()
			return err
		}
	}
}

// give gives up a page.
func (c *farCache) give(e *farLoaded) {
	if e.own {
		e.store.drop()
		return
	}
	c.l.unpin(e.p)
}

// close gives up all pages.
func (c *farCache) close() {
	for _, e := range c.pages {
		c.give(e)
	}
	c.pages = nil
}

// at returns where column col of row k of the partition is: the vector and the
// row in it. What cannot be read is the error of the chunk.
func (c *windowChunk) at(col, k int) (*vector.Vec, int) {
	if c.far == nil || k >= 0 && k < c.n {
		return c.store.vec(col), k
	}
	s, at, err := c.far.row.at(c.far.base + int64(k))
	if err != nil {
		c.err = err
		return c.store.vec(col), 0
	}
	return s.vec(col), at
}

// search returns the first k in [from, to) for which pred holds, to if there is
// none; it holds for all that follow. In a partition that is read from afar it
// begins at the row that hint names, which then is the result.
func (c *windowChunk) search(from, to int, hint *int64, pred func(k int) bool) int {
	if c.far == nil {
		return from + sort.Search(to-from, func(k int) bool { return pred(from + k) })
	}
	low, high := from, to
	at := min(max(int(*hint-c.far.base), from), to)
	if at == to || pred(at) {
		high = at
		for step := 1; low < high; step *= 2 {
			k := max(low, at-step)
			if !pred(k) {
				low = k + 1
				break
			}
			high = k
		}
	} else {
		low = at + 1
		for step := 1; low < high; step *= 2 {
			k := min(high-1, at+step)
			if pred(k) {
				high = k
				break
			}
			low = k + 1
		}
	}
	at = low + sort.Search(high-low, func(k int) bool { return pred(low + k) })
	*hint = c.far.base + int64(at)
	return at
}

// typesOf returns the types of some columns.
func (s *columnStore) typesOf(columns []int) []types.Type {
	out := make([]types.Type, len(columns))
	for i, c := range columns {
		out[i] = s.cols[c].vec.Type
	}
	return out
}
