package operator

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/physical"
)

// orderKey is one key of an ordering.
type orderKey struct {
	t          types.Type
	desc       bool
	nullsFirst bool
	compare    kernel.Comparer
}

// ordering orders rows by keys.
type ordering []orderKey

// newOrdering returns the ordering of keys.
func newOrdering(keys []physical.SortKey) ordering {
	out := make(ordering, len(keys))
	for i, k := range keys {
		t := k.Expr.Type()
		out[i] = orderKey{t: t, desc: k.Desc, nullsFirst: k.NullsFirst, compare: kernel.CompareFunc(t)}
	}
	return out
}

// ascending returns the ordering by all of ts, NULLs last.
func ascending(ts []types.Type) ordering {
	out := make(ordering, len(ts))
	for i, t := range ts {
		out[i] = orderKey{t: t, compare: kernel.CompareFunc(t)}
	}
	return out
}

// rows orders row i of a against row j of b; a[k] and b[k] are the values of
// key k.
func (o ordering) rows(a []*vector.Vec, i int, b []*vector.Vec, j int) int {
	for k := range o {
		if c := o[k].values(a[k], i, b[k], j); c != 0 {
			return c
		}
	}
	return 0
}

// values orders two values, NULLs included.
func (k *orderKey) values(a *vector.Vec, i int, b *vector.Vec, j int) int {
	x, y := a.IsNull(i), b.IsNull(j)
	switch {
	case x && y:
		return 0
	case x != y:
		if x == k.nullsFirst {
			return -1
		}
		return 1
	}
	c := k.compare(a, i, b, j)
	if k.desc {
		return -c
	}
	return c
}
