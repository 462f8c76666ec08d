// Package policy is the vocabulary between the binder, which puts every base
// table behind its policies, and whoever decides which policies apply; and it is
// the only door through which predicates go down to a source.
package policy

import (
	"context"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// Principal is for whom policies are resolved.
type Principal struct {
	Snapshot *catalog.Snapshot
	// Role is the current role of the session, also within views: a view never
	// shows its reader what the reader's policies hide.
	Role types.OID
}

// Expr is the expression of a policy as SQL text. It is bound in the scope of
// the table it protects, on raw values.
type Expr struct {
	SQL string
	// Owner is the role that made the policy; SearchPath is what names in SQL
	// are looked up with.
	Owner      types.OID
	SearchPath []string
	// Columns renames: the key is a column name in SQL, the value the column of
	// the table being bound. It is nil when the names are the same, and holds
	// every column the policy's table shares with this one otherwise; a name
	// that it lacks does not exist in this table.
	Columns map[string]string
	// Policy is the name of the policy, for messages to its administrator.
	Policy string
}

// Filter keeps a row when any of its expressions is true. Without expressions it
// keeps none.
type Filter struct{ Any []Expr }

// TablePolicy is what one role gets to see of one table. The zero value hides
// nothing.
type TablePolicy struct {
	// RowFilters must all keep a row. They see raw values.
	RowFilters []Filter
	// Writable must all keep a row, beside RowFilters, that UPDATE or DELETE may
	// change; Checks must all hold for a row that INSERT or UPDATE writes.
	Writable, Checks []Filter
	// Masks replace columns, by name. They read raw values, never each other's
	// results, after the row filters.
	Masks map[string]Expr
	// Denied columns cannot be read at all (42501).
	Denied []string
	// Version is that of the catalog the policy was resolved in.
	Version uint64
}

// Empty reports whether the policy hides nothing, so that no barrier is needed.
func (t TablePolicy) Empty() bool {
	return len(t.RowFilters) == 0 && len(t.Masks) == 0 && len(t.Denied) == 0
}

// Provider resolves policies.
type Provider interface {
	// ForTable returns what p sees of rel. An error means that the table cannot
	// be read: there is no partial answer.
	ForTable(ctx context.Context, p Principal, rel *catalog.Relation) (TablePolicy, error)
}

// None hides nothing. It is for tests of planning alone.
type None struct{}

// ForTable implements Provider.
func (None) ForTable(_ context.Context, p Principal, _ *catalog.Relation) (TablePolicy, error) {
	t := TablePolicy{}
	if p.Snapshot != nil {
		t.Version = p.Snapshot.Version()
	}
	return t, nil
}
