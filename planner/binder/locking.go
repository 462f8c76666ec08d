package binder

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Row locks: FOR UPDATE and its relatives are checked as PostgreSQL checks them
// and lock nothing. No source would hold a lock beyond one read, and statements
// that change local tables find conflicting changes when they commit.

// levelShape is what the checks of FOR UPDATE need to know of a query level.
type levelShape struct{ aggregates, windows, sets bool }

// lockName is the clause as PostgreSQL calls it.
func lockName(s pg.LockClauseStrength) string {
	switch s {
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		return "FOR KEY SHARE"
	case pg.LockClauseStrength_LCS_FORSHARE:
		return "FOR SHARE"
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		return "FOR NO KEY UPDATE"
	}
	return "FOR UPDATE"
}

// lockError is a clause that cannot be used there.
func lockError(l *pg.LockingClause, where string) *pgerror.Error {
	return pgerror.Newf(pgerror.FeatureNotSupported, "%s %s", lockName(l.Strength), where)
}

// checkSetOpLocks refuses locks of a set operation and of what it combines.
func checkSetOpLocks(stmt *pg.SelectStmt) error {
	if stmt == nil {
		return nil
	}
	if len(stmt.LockingClause) > 0 {
		return lockError(stmt.LockingClause[0].GetLockingClause(), "is not allowed with UNION/INTERSECT/EXCEPT")
	}
	if stmt.Larg == nil {
		return nil
	}
	if err := checkSetOpLocks(stmt.Larg); err != nil {
		return err
	}
	return checkSetOpLocks(stmt.Rarg)
}

// checkLocks checks the locking clauses of a bound query level.
func (b *binder) checkLocks(stmt *pg.SelectStmt, s *scope) error {
	for _, n := range stmt.LockingClause {
		l := n.GetLockingClause()
		if err := b.checkLockedLevel(l, stmt); err != nil {
			return err
		}
		var named []string
		for _, r := range l.LockedRels {
			rv := r.GetRangeVar()
			if rv.Schemaname != "" || rv.Catalogname != "" {
				return b.errorf(rv.Location, pgerror.SyntaxError, "%s must specify unqualified relation names", lockName(l.Strength))
			}
			item := findLocked(stmt.FromClause, rv.Relname)
			if item == nil {
				return b.errorf(rv.Location, pgerror.UndefinedTable, "relation %q in %s clause not found in FROM clause", rv.Relname, lockName(l.Strength))
			}
			if what := b.lockedKind(item, s); what != "" {
				return b.at(lockError(l, "cannot be applied to "+what), rv.Location)
			}
			if sub := item.GetRangeSubselect(); sub != nil {
				if err := b.checkLockedSubquery(l, sub.Subquery.GetSelectStmt(), s); err != nil {
					return err
				}
			}
			named = append(named, rv.Relname)
		}
		if len(l.LockedRels) == 0 {
			for _, f := range stmt.FromClause {
				if err := b.checkLockedItems(l, f, s); err != nil {
					return err
				}
			}
		}
		for _, f := range stmt.FromClause {
			if b.lockedNullable(f, named, s, false) {
				return lockError(l, "cannot be applied to the nullable side of an outer join")
			}
		}
	}
	return nil
}

// checkLockedLevel refuses levels whose rows are not rows of a table.
func (b *binder) checkLockedLevel(l *pg.LockingClause, stmt *pg.SelectStmt) error {
	shape := b.shapes[stmt]
	switch {
	case stmt.Larg != nil:
		return lockError(l, "is not allowed with UNION/INTERSECT/EXCEPT")
	case len(stmt.DistinctClause) > 0:
		return lockError(l, "is not allowed with DISTINCT clause")
	case len(stmt.GroupClause) > 0:
		return lockError(l, "is not allowed with GROUP BY clause")
	case stmt.HavingClause != nil:
		return lockError(l, "is not allowed with HAVING clause")
	case shape.aggregates:
		return lockError(l, "is not allowed with aggregate functions")
	case shape.windows:
		return lockError(l, "is not allowed with window functions")
	case shape.sets:
		return lockError(l, "is not allowed with set-returning functions in the target list")
	}
	return nil
}

// checkLockedItems checks the subqueries of a FROM item that a clause without
// names reaches.
func (b *binder) checkLockedItems(l *pg.LockingClause, n *pg.Node, s *scope) error {
	if j := n.GetJoinExpr(); j != nil {
		if err := b.checkLockedItems(l, j.Larg, s); err != nil {
			return err
		}
		return b.checkLockedItems(l, j.Rarg, s)
	}
	return b.checkLockedSubquery(l, n.GetRangeSubselect().GetSubquery().GetSelectStmt(), s)
}

// checkLockedSubquery checks a subquery whose tables are locked.
func (b *binder) checkLockedSubquery(l *pg.LockingClause, sub *pg.SelectStmt, s *scope) error {
	if sub == nil || len(sub.ValuesLists) > 0 {
		return nil
	}
	if err := b.checkLockedLevel(l, sub); err != nil {
		return err
	}
	for _, f := range sub.FromClause {
		if err := b.checkLockedItems(l, f, s); err != nil {
			return err
		}
	}
	return nil
}

// lockedKind names an item that cannot be locked, "" for one that can.
func (b *binder) lockedKind(n *pg.Node, s *scope) string {
	switch {
	case n.GetJoinExpr() != nil:
		return "a join"
	case n.GetRangeFunction() != nil:
		return "a function"
	case n.GetRangeVar() != nil:
		if rv := n.GetRangeVar(); rv.Schemaname == "" && s.lookupCTE(rv.Relname) != nil {
			return "a WITH query"
		}
	}
	return ""
}

// findLocked finds the item of FROM with a name.
func findLocked(list []*pg.Node, name string) *pg.Node {
	for _, n := range list {
		if lockedName(n) == name {
			return n
		}
		j := n.GetJoinExpr()
		if j == nil || j.Alias != nil {
			continue
		}
		if hit := findLocked([]*pg.Node{j.Larg, j.Rarg}, name); hit != nil {
			return hit
		}
	}
	return nil
}

// lockedName is the name of a FROM item, "" for none.
func lockedName(n *pg.Node) string {
	switch n := n.Node.(type) {
	case *pg.Node_RangeVar:
		if a := n.RangeVar.Alias; a != nil {
			return a.Aliasname
		}
		return n.RangeVar.Relname
	case *pg.Node_RangeSubselect:
		return n.RangeSubselect.Alias.GetAliasname()
	case *pg.Node_RangeTableSample:
		return lockedName(n.RangeTableSample.Relation)
	case *pg.Node_JoinExpr:
		if n.JoinExpr.Alias != nil {
			return n.JoinExpr.Alias.Aliasname
		}
		return n.JoinExpr.JoinUsingAlias.GetAliasname()
	case *pg.Node_RangeFunction:
		if a := n.RangeFunction.Alias; a != nil {
			return a.Aliasname
		}
		if f := n.RangeFunction.Functions; len(f) == 1 {
			if fc := f[0].GetList().GetItems()[0].GetFuncCall(); fc != nil {
				return stringOf(fc.Funcname[len(fc.Funcname)-1])
			}
		}
	}
	return ""
}

// lockedNullable reports whether a locked item, any when named is empty, stands
// where an outer join may have no row.
func (b *binder) lockedNullable(n *pg.Node, named []string, s *scope, nullable bool) bool {
	if j := n.GetJoinExpr(); j != nil {
		full := j.Jointype == pg.JoinType_JOIN_FULL
		return b.lockedNullable(j.Larg, named, s, nullable || full || j.Jointype == pg.JoinType_JOIN_RIGHT) ||
			b.lockedNullable(j.Rarg, named, s, nullable || full || j.Jointype == pg.JoinType_JOIN_LEFT)
	}
	if !nullable || b.lockedKind(n, s) != "" {
		return false
	}
	return len(named) == 0 || slices.Contains(named, lockedName(n))
}
