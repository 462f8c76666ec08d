package planner

import (
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
)

const (
	// maxFetched is the largest result of a top-N whose columns are fetched when it
	// is known.
	maxFetched = 1000
	// minFetchRows is the size of a table from which that pays.
	minFetchRows = 50_000
)

// fetchLate makes a top-N over one table read only the columns that decide which
// rows are in it, and fetch the others for these rows. Expressions between move
// above the fetch. Tables with policies are left as they are.
func fetchLate(top *physical.Limit) physical.Node {
	if len(top.Keys) == 0 || top.WithTies || !smallCount(top.Count) || top.Offset != nil && !smallCount(top.Offset) {
		return top
	}
	c := lateColumns{}
	if !c.descend(top.Input) {
		return top
	}
	source, ok := c.scan.Source.(connector.Locator)
	pusher, can := c.scan.Source.(connector.ProjectPusher)
	if !ok || !can || c.scan.Rows < minFetchRows || !source.Locates(c.scan.Handle) || len(c.scan.Handle.Columns()) != len(c.scan.Cols) {
		return top
	}
	width := len(c.scan.Cols)
	early := make([]bool, width)
	for _, conds := range c.conds {
		early = reads(early, conds...)
	}
	keys := slices.Clone(top.Keys)
	for i := range keys {
		keys[i].Expr = c.over(keys[i].Expr)
		early = reads(early, keys[i].Expr)
	}
	early = reads(early, c.scan.Deferred...)
	late := reads(make([]bool, width), c.exprs...)
	var first, second []int // columns of the scan
	at := make(layout, width)
	wide := 0
	for i := range width {
		switch {
		case early[i]:
			at[expr.ColumnID(i)] = len(first)
			first = append(first, i)
		case late[i]:
			second = append(second, i)
			wide += 1 + 2*b2i(c.scan.Cols[i].Type.Layout() == types.LayoutBytes)
		}
	}
	if wide < 3 || len(first) == 0 {
		return top
	}
	scan := *c.scan
	if scan.Handle, ok = pusher.PushProject(c.scan.Handle, first); !ok {
		return top
	}
	handle, ok := pusher.PushProject(c.scan.Handle, second)
	if !ok {
		return top
	}
	scan.Located, scan.Cols, scan.Distinct = true, nil, nil
	for _, i := range first {
		scan.Cols = append(scan.Cols, c.scan.Cols[i])
		if len(c.scan.Distinct) == width {
			scan.Distinct = append(scan.Distinct, c.scan.Distinct[i])
		}
	}
	scan.Cols = append(scan.Cols, physical.Column{Name: "place", Type: types.Of(types.Int8)})
	if scan.Distinct != nil {
		scan.Distinct = append(scan.Distinct, 0)
	}
	var err error
	bind := func(list []expr.Expr) []expr.Expr {
		out, e := at.bindAll(list)
		if e != nil {
			err = e
		}
		return out
	}
	scan.Deferred = bind(scan.Deferred)
	var in physical.Node = &scan
	for i, conds := range c.conds {
		in = &physical.Filter{Sized: c.sizes[i], Input: in, Conds: bind(conds)}
	}
	limit := *top
	limit.Input, limit.Keys = in, keys
	for i := range keys {
		limit.Keys[i].Expr = bind([]expr.Expr{keys[i].Expr})[0]
	}
	fetch := &physical.Fetch{Input: &limit, Scan: &scan, Place: len(first), Handle: handle}
	where := layout{}
	for i, col := range c.scan.Cols {
		from, isEarly := at[expr.ColumnID(i)]
		if !isEarly {
			k := slices.Index(second, i)
			if k < 0 {
				continue // nobody reads it
			}
			from = -1 - k
		}
		where[expr.ColumnID(i)] = len(fetch.Cols)
		fetch.From, fetch.Cols = append(fetch.From, from), append(fetch.Cols, col)
	}
	exprs, e := where.bindAll(c.exprs)
	if err != nil || e != nil {
		return top
	}
	return &physical.Project{Input: fetch, Exprs: exprs, Cols: top.Input.Columns()}
}

// smallCount reports whether a LIMIT or OFFSET is a small number.
func smallCount(e expr.Expr) bool {
	c, ok := e.(*expr.Const)
	return ok && !c.Value.Null && c.Value.I >= 0 && c.Value.I <= maxFetched
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lateColumns is a chain of filters and projections over a scan.
type lateColumns struct {
	scan  *physical.Scan
	exprs []expr.Expr   // outputs of the chain, over the scan
	conds [][]expr.Expr // its filters from the lowest on, over the scan
	sizes []physical.Sized
}

// descend fills c; it reports false for a chain that is to stay as it is.
func (c *lateColumns) descend(n physical.Node) bool {
	switch n := n.(type) {
	case *physical.Scan:
		c.scan = n
		for i, col := range n.Cols {
			c.exprs = append(c.exprs, &expr.Column{ID: expr.ColumnID(i), Name: col.Name, T: col.Type})
		}
		return n.Server != ""
	case *physical.Filter:
		if n.Hidden || !c.descend(n.Input) || slices.ContainsFunc(n.Conds, volatile) {
			return false
		}
		var conds []expr.Expr
		for _, e := range n.Conds {
			conds = append(conds, c.over(e))
		}
		c.conds, c.sizes = append(c.conds, conds), append(c.sizes, n.Sized)
		return true
	case *physical.Project:
		if n.Hidden || !c.descend(n.Input) || slices.ContainsFunc(n.Exprs, volatile) {
			return false
		}
		exprs := make([]expr.Expr, len(n.Exprs))
		for i, e := range n.Exprs {
			exprs[i] = c.over(e)
		}
		c.exprs = exprs
		return true
	}
	return false
}

// over writes an expression over the outputs of the chain as one over the scan.
func (c *lateColumns) over(e expr.Expr) expr.Expr {
	return expr.Rewrite(e, func(x expr.Expr) expr.Expr {
		if col, ok := x.(*expr.Column); ok {
			return c.exprs[col.ID]
		}
		return x
	})
}
