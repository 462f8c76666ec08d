package policy

import (
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// Barrier describes what protects one scan, with everything bound: columns are
// indexes into the columns of the table handle.
type Barrier struct {
	// RowFilters are the conjuncts of the row filters.
	RowFilters []expr.Expr
	// Masked columns are those a mask replaces, and the denied ones.
	Masked map[expr.ColumnID]bool
}

// Offer is what may go down to the source.
type Offer struct {
	// Sealed holds the row filters first, then the user's predicates that pass.
	// Row filters are evaluated again by HubSQL whatever the source says.
	Sealed connector.Sealed
	// RowFilters is how many of the sealed predicates are row filters.
	RowFilters int
	// User lists, for the predicates behind them, the index in the list given.
	User []int
	// Refused says why a predicate stays above the barrier, by its index.
	Refused map[int]string
}

// SealFilter decides which predicates may be evaluated below the barrier, where
// values are raw and hidden rows exist. user are conjuncts over the table's
// columns.
//
//   - A row filter of a policy always may.
//   - A predicate that reads a masked column never may: it would be compared with
//     the raw value.
//   - A volatile predicate never may: it would be evaluated another number of
//     times.
//   - With row filters a predicate must be leakproof as a whole. A source
//     evaluates conjuncts in any order, so an error (division by zero, a failed
//     cast) would speak of a row that is hidden. This holds for expressions
//     without columns too: whether they are evaluated at all tells if there are
//     rows.
//   - With masks only, all rows are visible, and a predicate over clear columns
//     can fail on nothing but values that the reader sees anyway: it may go down
//     even when it can fail.
func SealFilter(b Barrier, user []expr.Expr) Offer {
	o := Offer{RowFilters: len(b.RowFilters)}
	sealed := append([]expr.Expr(nil), b.RowFilters...)
	for i, p := range user {
		if reason := refuse(b, p); reason != "" {
			if o.Refused == nil {
				o.Refused = map[int]string{}
			}
			o.Refused[i] = reason
			continue
		}
		sealed = append(sealed, p)
		o.User = append(o.User, i)
	}
	o.Sealed = connector.Seal(sealed)
	return o
}

// refuse returns why p must stay above the barrier, "" when it may pass.
func refuse(b Barrier, p expr.Expr) string {
	reason := ""
	expr.Walk(p, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok && b.Masked[c.ID] {
			reason = "column " + c.Name + " is masked"
		}
		return reason == ""
	})
	if reason != "" {
		return reason
	}
	expr.Walk(p, func(e expr.Expr) bool {
		fns, safe := functions(e)
		for _, f := range fns {
			switch {
			case f == nil:
				safe = false
			case f.Volatility == function.Volatile:
				reason = "function " + f.Name + " is volatile"
			case len(b.RowFilters) > 0 && !f.Leakproof:
				reason = "function " + f.Name + " is not leakproof"
			}
		}
		if !safe && len(b.RowFilters) > 0 && reason == "" {
			reason = "expression is not leakproof"
		}
		return reason == ""
	})
	return reason
}

// functions lists what a node calls. safe is false for nodes that may fail by
// themselves or that are not known here.
func functions(e expr.Expr) (fns []*function.Overload, safe bool) {
	switch e := e.(type) {
	case *expr.Call:
		return []*function.Overload{e.Fn}, true
	case *expr.Distinct:
		return []*function.Overload{e.Eq}, true
	case *expr.MinMax:
		return []*function.Overload{e.Less}, true
	case *expr.InList:
		return []*function.Overload{e.Eq}, true
	case *expr.ArrayCompare:
		return []*function.Overload{e.Fn}, true
	case *expr.Column, *expr.Const, *expr.Param, *expr.Relabel, *expr.Logic, *expr.NullTest, *expr.BoolTest,
		*expr.Case, *expr.Coalesce:
		return nil, true
	}
	return nil, false
}

// Admits reports whether a user's predicate may be evaluated below the barrier
// (the rules of SealFilter for one predicate).
func (b Barrier) Admits(p expr.Expr) bool { return refuse(b, p) == "" }
