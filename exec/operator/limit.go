package operator

import (
	"io"
	"math"
	"sync"

	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// limitBounds evaluates LIMIT and OFFSET; no limit is math.MaxInt64.
func (q *Query) limitBounds(n *physical.Limit) (count, offset int64, err error) {
	get := func(e expr.Expr, missing int64, code pgerror.Code, name string) (int64, error) {
		if e == nil {
			return missing, nil
		}
		d, err := q.constant(e)
		if err != nil || d.Null {
			return missing, err
		}
		if d.I < 0 {
			return 0, pgerror.Newf(code, "%s must not be negative", name)
		}
		return d.I, nil
	}
	if offset, err = get(n.Offset, 0, pgerror.InvalidRowCountInOffset, "OFFSET"); err != nil {
		return 0, 0, err
	}
	count, err = get(n.Count, math.MaxInt64, pgerror.InvalidRowCountInLimit, "LIMIT")
	return count, offset, err
}

// limit builds a Limit.
func (b *builder) limit(n *physical.Limit, st *stat) (part, error) {
	count, offset, err := b.q.limitBounds(n)
	if err != nil {
		return part{}, err
	}
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	if len(n.Keys) > 0 {
		return b.topN(n, in, st, count, offset)
	}
	return limited(in, count, offset), nil
}

// limited passes count rows of in behind the first offset.
func limited(in part, count, offset int64) part {
	l := &limitState{skip: offset, left: count, in: in}
	return over(in, func(t *task, in stream) (stream, error) {
		return &limit{t: t, state: l, in: in}, nil
	})
}

// limitState is what the tasks of a limit share.
type limitState struct {
	in part

	mu         sync.Mutex
	skip, left int64
}

// limit passes some of the rows of its input.
type limit struct {
	t     *task
	state *limitState
	in    stream
	out   vector.Batch
	sel   []int32
}

// next implements stream.
func (l *limit) next() (*vector.Batch, error) {
	s := l.state
	s.mu.Lock()
	left := s.left
	s.mu.Unlock()
	if left == 0 {
		return nil, io.EOF
	}
	b, err := l.in.next()
	if b == nil || err != nil {
		return nil, err
	}
	rows := int64(b.Rows())
	s.mu.Lock()
	from := min(s.skip, rows)
	s.skip -= from
	n := min(s.left, rows-from)
	if s.left != math.MaxInt64 {
		s.left -= n
	}
	ended := s.left == 0
	s.mu.Unlock()
	if ended {
		// The other tasks end too, and nobody reads the sources any more.
		for _, abandon := range s.in.abandon {
			abandon()
		}
		l.t.p.wake()
	}
	switch {
	case n == 0:
		return nil, nil
	case n == rows:
		return b, nil
	}
	l.out = vector.Batch{N: b.N, Sel: rangeOf(&l.sel, b, int(from), int(from+n)), Cols: b.Cols}
	return &l.out, nil
}

// close implements stream.
func (l *limit) close() { l.in.close() }

// rangeOf returns the selection of the rows from..to-1 of those that belong to
// b. buf is storage.
func rangeOf(buf *[]int32, b *vector.Batch, from, to int) []int32 {
	if b.Sel != nil {
		return b.Sel[from:to]
	}
	*buf = vector.Identity(*buf, b.N)
	return (*buf)[from:to]
}
