package binder

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/logical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// scope is the namespace of one query level.
type scope struct {
	parent *scope
	items  []*rangeItem
	// star is what * expands to, in order.
	star []scopeColumn
	ctes map[string]*cte
	// cteOnly marks a scope that a WITH clause made.
	cteOnly bool
	// unreachable are the FROM items that a subquery of FROM would see if it
	// were lateral; they serve an error message.
	unreachable []*rangeItem
	// agg takes the aggregates of this level that its subqueries call; nil in
	// clauses (clause names the last) where none are allowed.
	agg    *aggregation
	clause string
}

// rangeItem is one named item of FROM: a table, a subquery, a function.
type rangeItem struct {
	alias  string
	schema string
	// relation is the name of the table or view behind it, "" for none.
	relation string
	// rowType is the composite type of its rows, 0 for none.
	rowType types.OID
	cols    []scopeColumn
	// key are the columns of the primary key, nil without one.
	key []expr.ColumnID
	// using is set for the alias of the columns of USING.
	using bool
	// join is set for the alias of a join.
	join bool
	// composite is set for a function that returns a scalar: its alias may be
	// used as a value.
	scalar bool
	// view says that relation is a view.
	view bool
	// recursive is set for the rows of the round before of a recursive query.
	recursive bool
	// present is NULL where an outer join found no row of the item; nil when the
	// item always has a row or nobody asks.
	present *logical.Column
}

// kind is what an error calls the item.
func (it *rangeItem) kind() string {
	if it.join {
		return "join expression"
	}
	return "table"
}

// scopeColumn is a column that a name may resolve to.
type scopeColumn struct {
	logical.Column
	// hidden columns are not part of * (metadata columns).
	hidden bool
	// merged columns were joined with USING: an unqualified name finds the
	// merged column instead.
	merged bool
	item   *rangeItem
}

// found is a resolved name and how many query levels up it was.
type found struct {
	col   scopeColumn
	level int
}

// lookupColumn resolves an unqualified column name through all levels.
func (s *scope) lookupColumn(name string) (*found, error) {
	level := 0
	for at := s; at != nil; at = at.parent {
		if at.cteOnly {
			continue
		}
		var hit *scopeColumn
		for _, it := range at.items {
			for i := range it.cols {
				c := &it.cols[i]
				if c.merged || c.Name != name {
					continue
				}
				if hit != nil {
					return nil, pgerror.Newf(pgerror.AmbiguousColumn, "column reference %q is ambiguous", name)
				}
				hit = c
			}
		}
		if hit != nil {
			return &found{col: *hit, level: level}, nil
		}
		level++
	}
	return nil, nil
}

// lookupItem resolves a table name or alias, maybe qualified.
func (s *scope) lookupItem(schema, name string) (*rangeItem, error) {
	for at := s; at != nil; at = at.parent {
		if at.cteOnly {
			continue
		}
		var hit *rangeItem
		for _, it := range at.items {
			if it.alias != name || (schema != "" && it.schema != schema) {
				continue
			}
			if hit != nil {
				return nil, pgerror.Newf(pgerror.AmbiguousAlias, "table reference %q is ambiguous", name)
			}
			hit = it
		}
		if hit != nil {
			return hit, nil
		}
	}
	return nil, nil
}

// column finds a column of the item by name.
func (it *rangeItem) column(name string) (*scopeColumn, error) {
	var hit *scopeColumn
	for i := range it.cols {
		if it.cols[i].Name == name {
			if hit != nil {
				return nil, pgerror.Newf(pgerror.AmbiguousColumn, "column reference %q is ambiguous", name)
			}
			hit = &it.cols[i]
		}
	}
	return hit, nil
}

// lookupCTE finds a WITH query by name.
func (s *scope) lookupCTE(name string) *cte {
	for at := s; at != nil; at = at.parent {
		if c := at.ctes[name]; c != nil {
			return c
		}
	}
	return nil
}

// addItem adds a FROM item; its columns join the star in order.
func (s *scope) addItem(it *rangeItem) error {
	for i := range it.cols {
		it.cols[i].item = it
	}
	if it.alias != "" {
		for _, o := range s.items {
			if o.alias == it.alias && (o.schema == it.schema || o.schema == "" || it.schema == "") {
				return pgerror.Newf(pgerror.DuplicateAlias, "table name %q specified more than once", it.alias)
			}
		}
	}
	s.items = append(s.items, it)
	return nil
}

// visible returns the columns of it that * shows.
func (it *rangeItem) visible() []scopeColumn {
	var out []scopeColumn
	for _, c := range it.cols {
		if !c.hidden {
			out = append(out, c)
		}
	}
	return out
}

// newItem makes an item over columns.
func newItem(alias string, cols []logical.Column) *rangeItem {
	it := &rangeItem{alias: alias}
	for _, c := range cols {
		it.cols = append(it.cols, scopeColumn{Column: c})
	}
	return it
}

// reader returns the expression that reads a scope column and notes the use of
// the base relation behind it.
func (b *binder) reader(c scopeColumn) expr.Expr {
	b.noteUse(c.ID)
	return c.Ref()
}

// noteUse records that a column of a base relation is read.
func (b *binder) noteUse(id expr.ColumnID) {
	if u, ok := b.useOf[id]; ok {
		u.use.columns[u.index] = true
	}
}

// unknownType reports whether t still has to be resolved.
func unknownType(t types.Type) bool { return t.OID == types.Unknown }
