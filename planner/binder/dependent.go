package binder

import (
	"slices"

	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
)

// keyOf returns the columns of a relation's primary key, as its rows come into a
// plan; nil when the policies leave out columns.
func keyOf(rel *Relation, cols []scopeColumn) []expr.ColumnID {
	if len(cols) != len(rel.Columns) {
		return nil
	}
	var key []expr.ColumnID
	for i, c := range rel.Columns {
		if c.Key {
			key = append(key, cols[i].ID)
		}
	}
	return key
}

// addDependent makes an ungrouped column a key when the primary key of its table
// is among the keys of every grouping set, and reports whether it did. Grouping
// by it as well changes no group as long as the key holds, and answers what was
// asked when a source lets go of it.
func (a *aggregation) addDependent(c *expr.Column) bool {
	if a.scope == nil || slices.ContainsFunc(a.node.Cols, func(k logical.Column) bool { return k.ID == c.ID }) {
		return false
	}
	at := slices.IndexFunc(a.scope.items, func(it *rangeItem) bool {
		return len(it.key) > 0 && slices.ContainsFunc(it.cols, func(sc scopeColumn) bool { return sc.ID == c.ID })
	})
	if at < 0 || a.b.needEquality(c.T) != nil {
		return false
	}
	for _, id := range a.scope.items[at].key {
		k := slices.IndexFunc(a.node.Keys, func(e expr.Expr) bool {
			ref, ok := e.(*expr.Column)
			return ok && ref.ID == id
		})
		if k < 0 || slices.ContainsFunc(a.sets, func(set []int) bool { return !slices.Contains(set, k) }) {
			return false
		}
	}
	for i := range a.sets {
		a.sets[i] = append(slices.Clone(a.sets[i]), len(a.node.Keys))
	}
	a.node.Keys = append(a.node.Keys, c)
	a.node.Cols = append(a.node.Cols, logical.Column{ID: c.ID, Name: c.Name, Type: c.T})
	return true
}
