package operator

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// aggregateCall is one aggregate over the groups of one task. Calls with
// DISTINCT or ORDER BY collect their rows first, with the group in front, and
// feed the accumulator at the end.
type aggregateCall struct {
	q      *Query
	n      *physical.Agg
	acc    function.Accumulator
	filter *eval.Filter
	args   []*eval.Program // the arguments, then the sort keys
	flat   []kernel.Scratch
	vecs   []*vector.Vec
	groups []int32

	distinct *groupTable  // group, arguments, sort keys
	ordered  *columnStore // the same columns
	group    vector.Vec
}

// newAggregateCall compiles n for one task.
func newAggregateCall(q *Query, account *memory.Account, n *physical.Agg) (*aggregateCall, error) {
	if n.Fn == nil || n.Fn.Aggregate == nil {
		return nil, pgerror.New(pgerror.InternalError, "aggregate function without accumulator")
	}
	c := &aggregateCall{q: q, n: n}
	var err error
	if c.acc, err = n.Fn.Aggregate.New(q.call(n.Args, n.T)); err != nil {
		return nil, err
	}
	list := append(append([]expr.Expr(nil), n.Args...), keyExprs(n.OrderBy)...)
	if c.args, err = q.compile(list); err != nil {
		return nil, err
	}
	c.flat = make([]kernel.Scratch, len(list))
	if n.Filter != nil {
		if c.filter, err = eval.CompileFilter([]expr.Expr{n.Filter}, q.evalEnv()); err != nil {
			return nil, err
		}
	}
	ts := append([]types.Type{types.Of(types.Int4)}, exprTypes(list)...)
	switch {
	case n.Distinct:
		c.distinct = newGroupTable(account, ts)
	case len(n.OrderBy) > 0:
		c.ordered = newColumnStore(account, ts)
	}
	return c, nil
}

// update adds the rows of b, of which row i belongs to groups[i].
func (c *aggregateCall) update(b *vector.Batch, groups []int32) error {
	if c.filter != nil {
		sel, err := c.filter.Select(b)
		if err != nil {
			return err
		}
		if len(sel) == 0 {
			return nil
		}
		groups = c.narrow(groups, b.Sel, sel)
		b = &vector.Batch{N: b.N, Sel: sel, Cols: b.Cols}
	}
	var err error
	if c.vecs, err = evalAll(c.vecs, c.args, b); err != nil {
		return err
	}
	n := len(groups)
	for i, v := range c.vecs {
		if v.Kind == vector.Dict {
			c.vecs[i] = c.flat[i].Flat(v, n)
		}
	}
	switch {
	case c.distinct != nil:
		_, err = c.distinct.find(c.tagged(groups), n, true)
	case c.ordered != nil:
		err = c.ordered.append(c.tagged(groups), nil, n)
	default:
		err = c.acc.Update(groups, c.vecs)
	}
	return err
}

// narrow returns the groups of the rows that the filter kept: kept is a part of
// all, which lists the rows that groups is about.
func (c *aggregateCall) narrow(groups, all, kept []int32) []int32 {
	out := c.groups[:0]
	if all == nil {
		for _, r := range kept {
			out = append(out, groups[r])
		}
	} else {
		k := 0
		for _, r := range kept {
			for all[k] != r {
				k++
			}
			out = append(out, groups[k])
		}
	}
	c.groups = out
	return out
}

// tagged returns the group numbers as a vector, followed by the arguments.
func (c *aggregateCall) tagged(groups []int32) []*vector.Vec {
	c.group.Reset(types.Of(types.Int4), len(groups))
	copy(c.group.Int32s(), groups)
	return append([]*vector.Vec{&c.group}, c.vecs...)
}

// merge adds what another task has collected; mapping translates its groups.
func (c *aggregateCall) merge(o *aggregateCall, mapping []int32) error {
	var from *columnStore
	switch {
	case c.distinct != nil:
		from = o.distinct.store
	case c.ordered != nil:
		from = o.ordered
	default:
		return c.acc.Merge(o.acc, mapping)
	}
	var b vector.Batch
	for at := 0; at < from.rows && !c.q.stopped.Load(); at += vector.BatchSize {
		to := min(at+vector.BatchSize, from.rows)
		from.slice(&b, at, to)
		groups := b.Cols[0].Int32s()[:to-at]
		for i, g := range groups {
			groups[i] = mapping[g]
		}
		var err error
		if c.distinct != nil {
			_, err = c.distinct.find(b.Cols, to-at, true)
		} else {
			err = c.ordered.append(b.Cols, nil, to-at)
		}
		if err != nil {
			return err
		}
	}
	from.drop()
	return nil
}

// finish feeds the rows that were collected to the accumulator: in the order of
// the sort keys, or for DISTINCT in that of the arguments, as PostgreSQL does.
// Sorting over all groups at once orders the rows of each.
func (c *aggregateCall) finish() error {
	store, order := c.ordered, newOrdering(c.n.OrderBy)
	first := 1 + len(c.n.Args)
	if c.distinct != nil {
		store = c.distinct.store
		switch {
		case len(order) > 0:
		case c.n.Fn.Aggregate.IgnoresOrder:
		default:
			order, first = ascending(exprTypes(c.n.Args)), 1
		}
	}
	if store == nil {
		return nil
	}
	var rows []int32
	if len(order) > 0 {
		keys := make([]*vector.Vec, len(order))
		for i := range keys {
			keys[i] = store.vec(first + i)
		}
		if err := store.take(int64(store.rows) * 8); err != nil {
			return err
		}
		rows = order.sortRows(keys, store.rows, &c.q.stopped)
	}
	vecs := make([]vector.Vec, 1+len(c.n.Args))
	args := make([]*vector.Vec, len(c.n.Args))
	for at := 0; at < store.rows && !c.q.stopped.Load(); at += vector.BatchSize {
		to := min(at+vector.BatchSize, store.rows)
		for i := range vecs {
			if rows == nil {
				vecs[i] = *store.vec(i).Slice(at, to)
			} else {
				vector.Gather(&vecs[i], store.vec(i), rows[at:to], to-at)
			}
			if i > 0 {
				args[i-1] = &vecs[i]
			}
		}
		if err := c.acc.Update(vecs[0].Int32s()[:to-at], args); err != nil {
			return err
		}
	}
	store.drop()
	if c.distinct != nil {
		c.distinct.drop()
	}
	return nil
}
