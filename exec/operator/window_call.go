package operator

import (
	"math"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// newWindowCall returns the implementation of call i of w.
func newWindowCall(w *window, i int) (windowCall, error) {
	n := &w.n.Calls[i]
	f, err := newFrame(w.q, n.Frame)
	if err != nil {
		return nil, err
	}
	base := callBase{q: w.q, account: w.account, n: n, frame: f, args: w.args[i], filter: w.filter[i]}
	if n.Fn.Aggregate != nil {
		return &aggregateWindow{callBase: base}, nil
	}
	switch n.Fn.Name {
	case "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile":
		return &rankWindow{callBase: base}, nil
	case "lag", "lead":
		return &shiftWindow{base}, nil
	case "first_value", "last_value", "nth_value":
		return &valueWindow{base}, nil
	}
	return nil, pgerror.NotSupported("window function %s is not supported", n.Fn.Name)
}

// noRow stands for no row where rows are listed; rows before the chunk are
// negative, too.
const noRow = math.MinInt32

// callBase is what all window calls have.
type callBase struct {
	q       *Query
	account *memory.Account
	n       *physical.WindowCall
	frame   frame
	args    []int // columns of the arguments
	filter  int   // column of the FILTER, -1 for none
}

// begin implements windowCall.
func (b *callBase) begin() { b.frame.hints = [3]int64{} }

// arg returns argument k of row i of c.
func (b *callBase) arg(c *windowChunk, k, i int) types.Datum {
	return c.store.vec(b.args[k]).Datum(int(c.rows[i]))
}

// rankWindow numbers rows.
type rankWindow struct {
	callBase
	buckets int64 // of ntile in the partition at hand, 0 for NULL
}

// compute implements windowCall.
func (r *rankWindow) compute(c *windowChunk) (*vector.Vec, error) {
	n := len(c.rows)
	out := vector.New(r.n.T, n)
	for i := range n {
		at, size := int64(i)-int64(c.partStart[i]), int64(c.partEnd[i]-c.partStart[i])
		var d types.Datum
		switch r.n.Fn.Name {
		case "row_number":
			d.I = at + 1
		case "rank":
			d.I = int64(c.peerStart[i]-c.partStart[i]) + 1
		case "dense_rank":
			d.I = int64(c.group[i]) + 1
		case "percent_rank":
			d = types.FloatDatum(0)
			if size > 1 {
				d = types.FloatDatum(float64(c.peerStart[i]-c.partStart[i]) / float64(size-1))
			}
		case "cume_dist":
			d = types.FloatDatum(float64(c.peerEnd[i]-c.partStart[i]) / float64(size))
		case "ntile":
			if at == 0 {
				// The argument of the first row counts for its partition.
				a := r.arg(c, 0, i)
				switch {
				case a.Null:
					r.buckets = 0
				case a.I <= 0:
					return nil, pgerror.New(pgerror.InvalidArgumentForNtile, "argument of ntile must be greater than zero")
				default:
					r.buckets = a.I
				}
			}
			if r.buckets == 0 {
				out.Set(i, n, types.Null)
				continue
			}
			// The first size%buckets buckets have one row more.
			small, larger := size/r.buckets, size%r.buckets
			if at < larger*(small+1) {
				d.I = at/(small+1) + 1
			} else {
				d.I = larger + (at-larger*(small+1))/small + 1
			}
		}
		out.Set(i, n, d)
	}
	return out, nil
}

// shiftWindow is lag and lead.
type shiftWindow struct{ callBase }

// compute implements windowCall.
func (s *shiftWindow) compute(c *windowChunk) (*vector.Vec, error) {
	n := len(c.rows)
	from := make([]int32, n)
	var missing []int32
	for i := range n {
		by := int64(1)
		from[i] = noRow
		if len(s.n.Args) > 1 {
			d := s.arg(c, 1, i)
			if d.Null {
				continue
			}
			by = d.I
		}
		if s.n.Fn.Name == "lag" {
			by = -by
		}
		if at := int64(i) + by; at >= int64(c.partStart[i]) && at < int64(c.partEnd[i]) {
			from[i] = int32(at)
		} else {
			missing = append(missing, int32(i))
		}
	}
	out, err := s.take(c, from)
	if err != nil {
		return nil, err
	}
	if len(s.n.Args) > 2 && len(missing) > 0 {
		out = viewForm(out, n)
		for _, i := range missing {
			out.Set(int(i), n, s.arg(c, 2, int(i)))
		}
	}
	return out, nil
}

// viewForm returns v, of n rows, in a form that takes datums.
func viewForm(v *vector.Vec, n int) *vector.Vec {
	out := vector.New(v.Type, n)
	for i := range n {
		out.Set(i, n, v.Datum(i))
	}
	return out
}

// take returns the first argument of rows of c, NULL for noRow.
func (b *callBase) take(c *windowChunk, rows []int32) (*vector.Vec, error) {
	out := &vector.Vec{}
	if c.far != nil {
		store := newColumnStore(b.account, c.store.typesOf(b.args[:1]))
		c.held = append(c.held, store)
		if err := c.far.gather(store, b.args[0], rows); err != nil {
			return nil, err
		}
		*out = *store.vec(0)
	} else {
		gatherOuter(out, c.store.vec(b.args[0]), rows, nil, c.store.rows)
	}
	out.Type = b.n.T
	return out, nil
}

// valueWindow is first_value, last_value and nth_value.
type valueWindow struct{ callBase }

// compute implements windowCall.
func (v *valueWindow) compute(c *windowChunk) (*vector.Vec, error) {
	from := make([]int32, len(c.rows))
	for i := range from {
		if i&0xfff == 0 && v.q.stopped.Load() {
			break
		}
		from[i] = noRow
		nth := int64(1)
		if v.n.Fn.Name == "nth_value" {
			d := v.arg(c, 1, i)
			if d.Null {
				continue
			}
			if nth = d.I; nth <= 0 {
				return nil, pgerror.New(pgerror.InvalidArgumentForNthValue, "argument of nth_value must be greater than zero")
			}
		}
		start, end, err := v.frame.bounds(c, i)
		if err != nil {
			return nil, err
		}
		if v.frame.Exclude == 0 {
			at := int64(start) + nth - 1
			if v.n.Fn.Name == "last_value" {
				at = int64(end) - 1
			}
			if at >= int64(start) && at < int64(end) {
				from[i] = int32(at)
			}
			continue
		}
		for k := start; k < end; k++ {
			if v.frame.excludes(c, i, k) {
				continue
			}
			if v.n.Fn.Name == "last_value" {
				from[i] = int32(k)
			} else if nth--; nth == 0 {
				from[i] = int32(k)
				break
			}
		}
	}
	return v.take(c, from)
}

// excludes reports whether row k is left out of the frame of row i.
func (f *frame) excludes(c *windowChunk, i, k int) bool {
	peer := k >= int(c.peerStart[i]) && k < int(c.peerEnd[i])
	switch f.Exclude {
	case 'c':
		return k == i
	case 'g':
		return peer
	case 't':
		return peer && k != i
	}
	return false
}

// aggregateWindow is any aggregate over frames.
type aggregateWindow struct {
	callBase
	acc  function.Accumulator
	mem  budget
	size int   // groups that acc has
	last int32 // the group of the last partition of a growing frame
	// next is the row of a partition that is read from afar at which a growing
	// frame goes on.
	next int64

	groups []int32
	rows   []int32
	vecs   []vector.Vec
	args   []*vector.Vec
}

// compute implements windowCall. Rows with the same frame share a group of the
// accumulator; a frame that begins with the partition and only grows keeps one
// group for the whole partition, also when that goes on in the next chunk.
func (a *aggregateWindow) compute(c *windowChunk) (*vector.Vec, error) {
	grows := a.frame.Exclude == 0 && a.frame.Start == physical.UnboundedPreceding
	if !c.continues || !grows {
		acc, err := a.n.Fn.Aggregate.New(a.q.call(a.n.Args, a.n.T))
		if err != nil {
			return nil, err
		}
		a.acc, a.size, a.last, a.next = acc, 0, -1, 0
	}
	if grows {
		return a.growing(c)
	}
	n := len(c.rows)
	group := make([]int32, n)
	lastFrom, lastTo, g := -1, -1, int32(-1)
	for i := range n {
		if a.q.stopped.Load() {
			break
		}
		from, to, err := a.frame.bounds(c, i)
		if err != nil {
			return nil, err
		}
		to = max(from, to)
		if a.frame.Exclude == 0 && i > 0 && from == lastFrom && to == lastTo && c.partStart[i] == c.partStart[i-1] {
			group[i] = g
			continue
		}
		g++
		group[i], lastFrom, lastTo = g, from, to
		for k := from; k < to; k++ {
			if a.frame.Exclude != 0 && a.frame.excludes(c, i, k) || !a.passes(c, k) {
				continue
			}
			a.groups, a.rows = append(a.groups, g), append(a.rows, int32(k))
			if len(a.groups) == vector.BatchSize {
				if err := a.flush(c, int(g)+1); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := a.flush(c, int(g)+1); err != nil {
		return nil, err
	}
	values := vector.New(a.n.T, int(g)+1)
	if err := a.acc.Result(0, int(g)+1, values); err != nil {
		return nil, err
	}
	// The frames of the next chunk are others.
	a.mem.release()
	out := &vector.Vec{}
	vector.Gather(out, values, group, n)
	return out, nil
}

// growing computes frames that begin with the partition.
func (a *aggregateWindow) growing(c *windowChunk) (*vector.Vec, error) {
	n := len(c.rows)
	// One result per distinct frame, and which of them each row shows.
	results := newColumnStore(a.account, []types.Type{a.n.T})
	defer results.drop()
	which := make([]int32, n)
	one := &vector.Vec{}
	g, at, last := a.last, 0, -1
	if c.far != nil {
		at = int(a.next - c.far.base)
		last = -1 - int(c.far.base) // no row's
	}
	for i := range n {
		if i == 0 && !c.continues || i > 0 && c.partStart[i] != c.partStart[i-1] {
			g++
			at, last = i, -1
		}
		if a.q.stopped.Load() {
			break
		}
		_, to, err := a.frame.bounds(c, i)
		if err != nil {
			return nil, err
		}
		to = max(to, int(c.partStart[i]))
		if to != last {
			for ; at < to; at++ {
				if a.passes(c, at) {
					a.groups, a.rows = append(a.groups, g), append(a.rows, int32(at))
				}
				if len(a.groups) == vector.BatchSize {
					if err := a.flush(c, int(g)+1); err != nil {
						return nil, err
					}
				}
			}
			if err := a.flush(c, int(g)+1); err != nil {
				return nil, err
			}
			one.Bufs = nil
			one.Reset(a.n.T, 1)
			if err := a.acc.Result(int(g), int(g)+1, one); err != nil {
				return nil, err
			}
			if err := results.append([]*vector.Vec{one}, nil, 1); err != nil {
				return nil, err
			}
			last = to
		}
		which[i] = int32(results.rows - 1)
	}
	a.last = g
	if c.far != nil {
		a.next = c.far.base + int64(at)
	}
	out := &vector.Vec{}
	vector.Gather(out, results.vec(0), which, n)
	return out, nil
}

// passes evaluates the FILTER of the call.
func (a *aggregateWindow) passes(c *windowChunk, k int) bool {
	if a.filter < 0 {
		return true
	}
	v, r := c.at(a.filter, k)
	return !v.IsNull(r) && v.Bools()[r] != 0
}

// flush adds the pending rows to their groups, of which there are n so far.
func (a *aggregateWindow) flush(c *windowChunk, n int) error {
	if c.err != nil {
		return c.err
	}
	if n > a.size {
		a.size = max(n, 2*a.size)
		a.acc.Grow(a.size)
	}
	if len(a.groups) == 0 {
		return nil
	}
	if a.vecs == nil {
		a.vecs = make([]vector.Vec, len(a.n.Args))
		a.args = make([]*vector.Vec, len(a.n.Args))
		a.mem = budget{account: a.account}
	}
	for k := range a.vecs {
		if c.far == nil {
			vector.Gather(&a.vecs[k], c.store.vec(a.callBase.args[k]), a.rows, len(a.rows))
			a.args[k] = &a.vecs[k]
			continue
		}
		store := newColumnStore(a.account, c.store.typesOf(a.callBase.args[k:k+1]))
		defer store.drop()
		if err := c.far.gather(store, a.callBase.args[k], a.rows); err != nil {
			return err
		}
		a.args[k] = store.vec(0)
	}
	err := a.acc.Update(a.groups, a.args)
	a.groups, a.rows = a.groups[:0], a.rows[:0]
	if err != nil {
		return err
	}
	return a.mem.set(a.acc.Bytes() + a.acc.Width()*int64(a.size))
}
