package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sqltext"
)

const (
	// tidRangeScans is the first version whose plans select a range of ctid
	// without reading the rest of the table.
	tidRangeScans = 140000
	// splitPages is the size from which a table is read in parts, in pages.
	splitPages = 1000
	// partPages is the least size of a part, in pages.
	partPages = splitPages / 2
	// leastPool is the least number of connections of a source whose tables are
	// read in parts.
	leastPool = 4
	// lockTimeout bounds the wait for the table by every stream but the first. The
	// first holds a lock by then: somebody who waits for it to go would be waited
	// for in turn, which the server cannot see.
	lockTimeout = "50ms"
)

// errPartLost is the end of a scan that begins a part again.
var errPartLost = errors.New("a connection of several that read a table was lost")

// parts are the streams that read one scan together: each half-open range of
// ctid comes from a connection of its own, and all see one snapshot. They are
// all set up by the first part that is scanned; where there can be one only, the
// first part reads everything and the others nothing. A part is read once: what
// its connection saw is gone with it.
type parts struct {
	whole *handle
	most  int

	mu      sync.Mutex
	opened  bool
	streams []stream // of each part, empty when it is taken
	left    int      // streams that are not taken
	pages   int64
	done    func() bool // ends the watch over streams that nobody takes
}

// Split implements connector.Splitter. Nothing is asked of the server yet; the
// parts are for one scan each, and how many of them have rows is found when the
// first is opened.
func (s *source) Split(_ context.Context, th connector.TableHandle, n int) ([]connector.TableHandle, error) {
	h := th.(*handle)
	why := ""
	switch {
	case h.parts != nil || n < 2:
		return []connector.TableHandle{h}, nil
	case h.table == nil:
		why = "the server evaluates more than conditions"
	case !h.table.ranged:
		why = "not a plain table, an old server, or switched off"
	case h.relation.Limited():
		why = "a limit"
	case h.table.pages < splitPages:
		why = "small"
	case s.streams < 2:
		why = "parallelism is 1"
	case s.spare() == 0:
		why = "max_connections is below " + strconv.Itoa(leastPool)
	}
	if why != "" {
		one := *h
		one.whole = why
		return []connector.TableHandle{&one}, nil
	}
	n = min(n, s.streams, int(h.table.pages/partPages))
	shared := &parts{whole: h, most: n}
	out := make([]connector.TableHandle, n)
	for i := range out {
		part := *h
		part.parts, part.part = shared, i
		out[i] = &part
	}
	return out, nil
}

// spare is the number of connections that streams beyond the first of a scan
// leave free: half of the pool. 0 stands for a pool too small for any.
func (s *source) spare() int {
	if s.size < leastPool {
		return 0
	}
	return s.size / 2
}

// scanPart starts to read a part of a table.
func (s *source) scanPart(ctx context.Context, h *handle, o connector.ScanOptions) (connector.Reader, error) {
	p := h.parts
	relation, dynamic := p.whole.relation.Dynamic(o.Filters)
	whole := p.whole.with(relation)
	in, where, err := p.take(ctx, s, h.part, whole, o)
	if err != nil {
		return nil, s.failure(ctx, err, false)
	}
	if in.conn == nil {
		return nothing{}, nil
	}
	return s.read(ctx, whole.with(relation.And(where)), in, dynamic, o)
}

// take returns the stream of a part and the range that it is to read. The stream
// is empty when there are fewer.
func (p *parts) take(ctx context.Context, s *source, at int, whole *handle, o connector.ScanOptions) (stream, []sqltext.SQL, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.opened {
		streams, err := p.open(ctx, s, whole, o)
		if err != nil {
			return stream{}, nil, err
		}
		p.opened, p.streams, p.left = true, streams, len(streams)
		p.done = context.AfterFunc(ctx, func() { p.abandon(s) })
	}
	n := len(p.streams)
	if at >= n {
		return stream{}, nil, nil
	}
	in := p.streams[at]
	if in.conn == nil {
		return stream{}, nil, errPartLost
	}
	p.streams[at] = stream{}
	if p.left--; p.left == 0 {
		p.done()
	}
	return in, tidRange(p.pages, at, n), nil
}

// abandon gives back the streams that nobody has taken when the scan is over.
func (p *parts) abandon(s *source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, in := range p.streams {
		if in.conn != nil {
			s.giveBack(in, false)
			p.streams[i] = stream{}
		}
	}
}

// tidRange is the part at of n of a table of so many pages. The last has no end:
// rows of the snapshot may be in pages that the table got since it was measured.
func tidRange(pages int64, at, n int) []sqltext.SQL {
	var out []sqltext.SQL
	bound := func(op string, at int) {
		out = append(out, sqltext.Raw(fmt.Sprintf("ctid %s '(%d,0)'", op, pages*int64(at)/int64(n))))
	}
	if at > 0 {
		bound(">=", at)
	}
	if at < n-1 {
		bound("<", at+1)
	}
	return out
}

// open connects the streams of a scan. Every one of them is in a transaction
// with the same snapshot and holds the lock of a reader on the table before the
// first row is read, so that nothing can move rows to other places meanwhile.
// One stream, which reads everything, is what remains when there is no such
// snapshot, no connection to spare, or no sequential scan to cut: conditions that
// an index answers would be looked up once per part.
func (p *parts) open(ctx context.Context, s *source, whole *handle, o connector.ScanOptions) ([]stream, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	first := stream{conn: c}
	name := sqltext.Postgres.Qualified(whole.table.schema, whole.table.name)
	lock := "; SELECT ctid FROM " + name + " LIMIT 0"
	start := begin
	shared, given := o.Snapshot.(*snapshot)
	if given {
		if first.inside, err = shared.enter(ctx, c); err == nil && first.inside {
			start = ""
		}
	}
	id, ok := "", false
	if err == nil {
		if id, p.pages, ok, err = s.measure(ctx, c, start+lock, whole); err == nil {
			first.inside = c.pg.TxStatus() == 'T'
		}
	}
	if err == nil && !first.inside {
		// The server has refused, which ended the transaction.
		if !leave(c) {
			err = errNotQuiet
		} else if given {
			first.inside, err = shared.enter(ctx, c)
		}
	}
	if err != nil {
		s.release(c, false)
		return nil, err
	}
	how := sharing(given, first.inside)
	if !ok {
		first.how = "1" + how + "; not split: the scan is not sequential there, or there is no snapshot"
		return []stream{first}, nil
	}
	streams := []stream{first}
	most := min(p.most, int(p.pages/partPages))
	for len(streams) < most {
		c, got, err := s.pool.TryHoldSpare(ctx, s.spare())
		if err == nil && got {
			extra := stream{conn: c, held: true}
			if extra.inside, err = enter(ctx, c, id, "; SET LOCAL lock_timeout = '"+lockTimeout+"'"+lock); err == nil && extra.inside {
				streams = append(streams, extra)
				continue
			}
			s.giveBack(extra, err == nil)
		}
		if ctx.Err() != nil {
			for _, in := range streams {
				s.giveBack(in, false)
			}
			return nil, ctx.Err()
		}
		// Fewer streams do: a connection that cannot be made is no failure here.
		break
	}
	if n := len(streams); n > 1 {
		if !given {
			how = ", in one snapshot"
		}
		streams[0].how = strconv.Itoa(n) + how
	} else {
		streams[0].how = "1" + how + "; not split: no connection to spare"
	}
	return streams, nil
}

// measure locks the table with the SQL that it is given, exports the snapshot of
// the transaction on c and returns its name with the pages of the table. ok is
// false when the scan is not to be cut; then the transaction may have failed.
func (s *source) measure(ctx context.Context, c *conn, lock string, whole *handle) (id string, pages int64, ok bool, err error) {
	results, err := c.pg.Exec(ctx, lock+"; EXPLAIN (COSTS OFF) "+whole.relation.Text(false)+
		"; SELECT pg_relation_size("+whole.table.oid+"::oid) / current_setting('block_size')::int8; SELECT pg_export_snapshot()").ReadAll()
	if err != nil {
		if refused(err) {
			err = nil
		}
		return "", 0, false, err
	}
	if len(results) < 4 {
		return "", 0, false, nil
	}
	results = results[len(results)-3:]
	cell := func(i int) string {
		if rows := results[i].Rows; len(rows) > 0 {
			return string(rows[0][0])
		}
		return ""
	}
	pages, size := strconv.ParseInt(cell(1), 10, 64)
	id = cell(2)
	ok = size == nil && pages >= splitPages && strings.HasPrefix(cell(0), "Seq Scan on ") && validID(id)
	return id, pages, ok, nil
}

// nothing is the reader of a part that another has read.
type nothing struct{}

// Next implements connector.Reader.
func (nothing) Next(_ context.Context, dst *vector.Batch) error {
	dst.N, dst.Sel = 0, nil
	return io.EOF
}

// Close implements connector.Reader.
func (nothing) Close() error { return nil }
