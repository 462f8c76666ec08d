package operator

import (
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

const (
	// windowDivisions is into how many sorts the rows go by the hash of their
	// partition keys, a power of two.
	windowDivisions = groupParts
	// divisionBytes is about what one task needs for one of them before it holds
	// a row.
	divisionBytes = 64 << 10
	// divisionStep is how much memory one of them asks for at a time.
	divisionStep = 8 << 10
)

// window is the sink of a Window: it sorts the rows, with the values of every
// expression behind the payload, by partition and order. Rows that are divided
// by their partition keys are read by as many tasks as there are; one sort alone
// is read by one, with the help of others.
type window struct {
	q       *Query
	n       *physical.Window
	account *memory.Account
	width   int // columns of the payload
	exprs   []expr.Expr
	types   []types.Type
	// Where things are among the columns.
	partition, order []int
	args             [][]int // of each call
	filter           []int   // of each call, -1 for none
	cut              windowCut

	sorts   []*sorter
	claimed atomic.Int32 // sorts
}

// window builds a Window.
func (b *builder) window(n *physical.Window, st *stat) (part, error) {
	in, err := b.build(n.Input)
	if err != nil {
		return part{}, err
	}
	w := &window{q: b.q, n: n, account: st.account, types: columnTypes(n.Input.Columns())}
	w.width = len(w.types)
	w.partition = w.add(n.Partition...)
	w.order = w.add(keyExprs(n.OrderBy)...)
	for i := range n.Calls {
		c := &n.Calls[i]
		w.args = append(w.args, w.add(c.Args...))
		f := -1
		if c.Filter != nil {
			f = w.add(c.Filter)[0]
		}
		w.filter = append(w.filter, f)
		w.cut = max(w.cut, cutOf(c))
	}
	if len(w.types) == 0 {
		// Rows without columns are counted by one.
		w.add(&expr.Const{T: types.Of(types.Bool), Value: types.BoolDatum(true)})
	}
	order := append(ascending(exprTypes(n.Partition)), newOrdering(n.OrderBy)...)
	column := append(append([]int(nil), w.partition...), w.order...)
	for range w.divisions() {
		s := newSorter(b.q, st.account, nil, nil)
		s.order, s.column, s.types, s.width = order, column, w.types, len(w.types)
		w.sorts = append(w.sorts, s)
	}
	if len(w.sorts) > 1 {
		for _, s := range w.sorts {
			s.step = divisionStep
		}
	}
	return b.breaker(in, w, st, w.read), nil
}

// divisions returns the number of sorts.
func (w *window) divisions() int {
	n := windowDivisions
	if w.q.workers == 1 || len(w.partition) == 0 {
		return 1
	}
	if limit := w.q.env.Account.Limit(); limit > 0 {
		for n > 1 && int64(n*w.q.workers)*divisionBytes > limit/4 {
			n /= 2
		}
	}
	return n
}

// add returns the columns that hold es, new ones unless they are in the payload.
func (w *window) add(es ...expr.Expr) []int {
	var at []int
	for _, e := range es {
		if c, ok := e.(*expr.Column); ok {
			at = append(at, int(c.ID))
			continue
		}
		at = append(at, len(w.types))
		w.exprs = append(w.exprs, e)
		w.types = append(w.types, e.Type())
	}
	return at
}

// read opens the stream of one task.
func (w *window) read(t *task) (stream, error) {
	if len(w.sorts) == 1 && w.sorts[0].claimed.Load() {
		// All that is left to do is to help the task that reads.
		return w.sorts[0].read(t)
	}
	return newWindowStream(w, t)
}

// windowInlet divides one task's rows.
type windowInlet struct {
	w        *window
	t        *task
	programs []*eval.Program
	dense    denseColumns
	batch    vector.Batch
	inlets   []inlet // of the sorts, nil until they get a row
	hash     []uint64
	sels     [][]int32
}

// open implements sink.
func (w *window) open(t *task) (inlet, error) {
	programs, err := w.q.compile(w.exprs)
	if err != nil {
		return nil, err
	}
	return &windowInlet{w: w, t: t, programs: programs, inlets: make([]inlet, len(w.sorts)), sels: make([][]int32, len(w.sorts))}, nil
}

// ready implements inlet.
func (i *windowInlet) ready() bool { return true }

// end implements inlet.
func (i *windowInlet) end() error {
	for _, in := range i.inlets {
		if in == nil {
			continue
		}
		if err := in.end(); err != nil {
			return err
		}
	}
	return nil
}

// push implements inlet.
func (i *windowInlet) push(b *vector.Batch) error {
	out := &i.batch
	out.N, out.Sel = b.Rows(), nil
	if len(i.programs) == 0 {
		out.N, out.Sel = b.N, b.Sel
		out.Cols = append(out.Cols[:0], b.Cols...)
	} else {
		out.Cols = append(out.Cols[:0], i.dense.of(b)...)
	}
	for _, p := range i.programs {
		v, err := p.Eval(b)
		if err != nil {
			return err
		}
		out.Cols = append(out.Cols, v)
	}
	if len(i.inlets) == 1 {
		return i.give(0, out)
	}
	if cap(i.hash) < out.N {
		i.hash = make([]uint64, out.N)
	}
	hash := i.hash[:out.N]
	for k, c := range i.w.partition {
		kernel.Hash(hash, out.Cols[c], out.N, k > 0)
	}
	for p := range i.sels {
		i.sels[p] = i.sels[p][:0]
	}
	mask := len(i.sels) - 1
	if out.Sel == nil {
		for r, h := range hash {
			p := partitionOf(h, 0) & mask
			i.sels[p] = append(i.sels[p], int32(r))
		}
	} else {
		for _, r := range out.Sel {
			p := partitionOf(hash[r], 0) & mask
			i.sels[p] = append(i.sels[p], r)
		}
	}
	for p, sel := range i.sels {
		if len(sel) == 0 {
			continue
		}
		out.Sel = sel
		if err := i.give(p, out); err != nil {
			return err
		}
	}
	return nil
}

// give adds the rows of b to a sort.
func (i *windowInlet) give(p int, b *vector.Batch) error {
	if i.inlets[p] == nil {
		in, err := i.w.sorts[p].open(i.t)
		if err != nil {
			return err
		}
		i.inlets[p] = in
	}
	return i.inlets[p].push(b)
}

// finish implements sink.
func (w *window) finish() error {
	for _, s := range w.sorts {
		if err := s.finish(); err != nil {
			return err
		}
	}
	return nil
}
