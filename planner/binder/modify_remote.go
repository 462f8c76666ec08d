package binder

import (
	"context"
	"maps"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// RemoteTable is what changing a table of a source takes.
type RemoteTable struct {
	// Refuse returns the error of a change that the table does not allow.
	Refuse func(kind physical.ModifyKind) error
	// Identify returns the handle by which rows are found again
	// (connector.Transactor).
	Identify func(ctx context.Context) (connector.TableHandle, error)
}

// rowIdentity is the name of the column that identifies a row; no statement can
// contain it.
const rowIdentity = "\x00row"

// remoteTarget makes ready what m does to a table of a source.
func (m *modifying) remoteTarget(kind physical.ModifyKind) error {
	remote := m.w.Remote
	if err := remote.Refuse(kind); err != nil {
		return err
	}
	switch kind {
	case physical.MergeRows:
		return pgerror.Newf(pgerror.FeatureNotSupported, "cannot merge into foreign table %q", m.rel.Name).
			WithHint("Use INSERT, UPDATE and DELETE.")
	case physical.InsertRows:
		return nil
	}
	h, err := remote.Identify(m.b.ctx)
	if err != nil {
		return err
	}
	rel := *m.rel
	rel.Handle = h
	columns := h.Columns()
	id := columns[len(columns)-1]
	rel.Columns = append(slices.Clip(rel.Columns), RelationColumn{Name: rowIdentity, Type: id.Type, Hidden: true})
	m.rel = &rel
	return nil
}

// filledBySource reports whether the source gives column i its value when a
// statement gives none.
func (m *modifying) filledBySource(i int) bool {
	return m.w.Remote != nil && m.w.Defaults[i] == ""
}

// defaultOfSource is the error of DEFAULT where the source would have to give one
// column of several rows its default.
func (m *modifying) defaultOfSource(i int, loc int32) error {
	return m.b.at(pgerror.NotSupported("DEFAULT of column %q of foreign table %q is not supported here", m.rel.Columns[i].Name, m.rel.Name).
		WithHint("The source gives a column its default when an INSERT does not name it."), loc)
}

// keepsOld reports whether columns that are not assigned are needed: a local
// table gets a new row, a source only the changes.
func (m *modifying) keepsOld(returning []*pg.Node) bool {
	return m.w.Remote == nil || len(returning) > 0 || len(m.rel.Policy.Checks) > 0
}

// remoteConflict reads the ON CONFLICT of an INSERT into a table of a source,
// which decides itself what is in conflict.
func (m *modifying) remoteConflict(c *pg.OnConflictClause) error {
	if c.Action == pg.OnConflictAction_ONCONFLICT_UPDATE {
		return m.b.at(pgerror.NotSupported("ON CONFLICT DO UPDATE is not supported for foreign table %q", m.rel.Name), c.Location)
	}
	t := &m.node.Target
	t.SkipDuplicates = true
	if c.Infer == nil {
		return nil
	}
	if c.Infer.Conname != "" || c.Infer.WhereClause != nil {
		return m.b.at(pgerror.NotSupported("ON CONFLICT with a constraint or a predicate is not supported for foreign table %q", m.rel.Name), c.Infer.Location)
	}
	for _, n := range c.Infer.IndexElems {
		e := n.GetIndexElem()
		i := slices.IndexFunc(m.rel.Columns[:m.width()], func(c RelationColumn) bool { return c.Name == e.GetName() })
		switch {
		case e.Expr != nil:
			return pgerror.New(pgerror.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
		case i < 0:
			return m.b.errorf(c.Infer.Location, pgerror.UndefinedColumn, "column %q does not exist", e.GetName())
		}
		t.OnColumns = append(t.OnColumns, i)
	}
	return nil
}

// sourceDefaults lists the places of columns for which every row of VALUES says
// DEFAULT and that the source fills.
func (m *modifying) sourceDefaults(sel *pg.SelectStmt, columns []int) map[int]bool {
	if m.w.Remote == nil || len(sel.GetValuesLists()) == 0 {
		return nil
	}
	width := len(sel.ValuesLists[0].GetList().GetItems())
	drop := map[int]bool{}
	for k := range min(width, len(columns)) {
		drop[k] = m.filledBySource(columns[k])
	}
	for _, row := range sel.ValuesLists {
		items := row.GetList().GetItems()
		if len(items) != width {
			return nil
		}
		for k := range drop {
			drop[k] = drop[k] && items[k].GetSetToDefault() != nil
		}
	}
	maps.DeleteFunc(drop, func(_ int, all bool) bool { return !all })
	return drop
}

// allDefaults reports whether VALUES is one row that the source fills.
func (m *modifying) allDefaults(sel *pg.SelectStmt, columns []int) bool {
	n := len(sel.GetValuesLists())
	return n == 1 && len(m.sourceDefaults(sel, columns)) == len(sel.ValuesLists[0].GetList().GetItems())
}

// onlyDefaults turns VALUES in which every row has DEFAULT for a column that the
// source fills into VALUES without that column.
func (m *modifying) onlyDefaults(sel *pg.SelectStmt, columns []int) (*pg.SelectStmt, []int) {
	drop := m.sourceDefaults(sel, columns)
	if len(drop) == 0 || len(drop) == len(sel.ValuesLists[0].GetList().GetItems()) {
		return sel, columns
	}
	out := &pg.SelectStmt{}
	for _, row := range sel.ValuesLists {
		var items []*pg.Node
		for k, it := range row.GetList().GetItems() {
			if !drop[k] {
				items = append(items, it)
			}
		}
		out.ValuesLists = append(out.ValuesLists, &pg.Node{Node: &pg.Node_List{List: &pg.List{Items: items}}})
	}
	var left []int
	for k, i := range columns {
		if !drop[k] {
			left = append(left, i)
		}
	}
	return out, left
}
