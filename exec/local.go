package exec

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/operator"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/ddl"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/storage"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// rows returns the session's transaction on local tables, opening it when
// needed.
func (s *Session) rows() *storage.Tx {
	if s.tx.rows == nil {
		s.tx.rows = s.engine.Rows.Begin()
	}
	return s.tx.rows
}

// inView returns a context in which a statement that begins now reads and
// changes local tables.
func (s *Session) inView(ctx context.Context) context.Context {
	ctx = storage.WithView(ctx, s.engine.Rows.View(s.tx.rows))
	if s.tx.rows != nil {
		ctx = storage.WithTx(ctx, s.tx.rows)
	}
	return ctx
}

// local makes the binder's relation of a local table.
func (r *relations) local(ctx context.Context, out *binder.Relation, rel *catalog.Relation) error {
	src := r.engine.Rows.Source()
	out.Source, out.Handle, out.Rows = src, src.Describe(rel), float64(r.engine.Rows.Rows(rel.OID))
	out.Columns = append(out.Columns, binder.RelationColumn{Name: storage.RowID, Type: types.Of(types.Int8), Hidden: true})
	out.Stats = newTableStatistics(src, out.Handle, out.Rows, localStatistics(rel, r.engine.Catalog.Statistics(rel.OID)))
	r.session.readsLocal = true
	if r.raw && !r.rewriting {
		return nil
	}
	if !r.raw {
		var err error
		if out.Policy, err = r.engine.Policies.ForTable(ctx, policy.Principal{Snapshot: r.snap, Role: r.role}, rel); err != nil {
			return err
		}
	}
	if rel.Kind == catalog.MatView && r.refreshing != rel.OID {
		return nil
	}
	w := &binder.Writable{Source: src, SearchPath: rel.DefinitionPath, Permit: r.permit(rel)}
	at := map[int16]int{}
	for i, c := range rel.Columns {
		w.Defaults, w.NotNull = append(w.Defaults, c.Default), append(w.NotNull, c.NotNull)
		w.Identity = append(w.Identity, c.Identity)
		at[c.AttNum] = i
	}
	for _, k := range rel.Constraints {
		switch k.Kind {
		case catalog.CheckClause:
			w.Checks = append(w.Checks, binder.CheckConstraint{Name: k.Name, SQL: k.SQL})
		case catalog.PrimaryKey, catalog.UniqueKey:
			u := connector.Unique{Name: k.Name}
			for _, a := range k.Columns {
				u.Columns = append(u.Columns, at[a])
			}
			w.Unique = append(w.Unique, u)
			for _, i := range u.Columns {
				out.Columns[i].Key = out.Columns[i].Key || k.Kind == catalog.PrimaryKey
			}
		}
	}
	out.Writable = w
	return nil
}

// localStatistics puts stored statistics in the order of the columns that a
// local table has now; nil when there are none.
func localStatistics(rel *catalog.Relation, stored *connector.Statistics) *connector.Statistics {
	if stored == nil {
		return nil
	}
	out := &connector.Statistics{Rows: stored.Rows, Columns: make([]*connector.ColumnStatistics, len(rel.Columns))}
	for i, c := range rel.Columns {
		k := slices.Index(stored.Of, connector.StatisticsColumn{AttNum: c.AttNum, Type: c.Type})
		if k >= 0 && k < len(stored.Columns) {
			out.Columns[i] = stored.Columns[k]
		}
	}
	return out
}

// permit asks for the privilege to change a table, or columns of it.
func (r *relations) permit(rel *catalog.Relation) func(types.OID, physical.ModifyKind, []int) error {
	return func(role types.OID, kind physical.ModifyKind, columns []int) error {
		if r.raw || rel.Kind == catalog.MatView {
			return nil // only its refresh gets here
		}
		want := [...]catalog.Privilege{catalog.Insert, catalog.Update, catalog.Delete}[kind]
		if r.snap.HasTable(role, rel, want) {
			return nil
		}
		for _, i := range columns {
			if !r.snap.HasColumn(role, rel, rel.Columns[i].AttNum, want) {
				return pgerror.PermissionDenied("table", rel.Name)
			}
		}
		if len(columns) == 0 {
			return pgerror.PermissionDenied("table", rel.Name)
		}
		return nil
	}
}

// permitTruncate asks for the privilege to empty a table.
func (r *relations) permitTruncate(rel *catalog.Relation) error {
	if !r.snap.HasTable(r.role, rel, catalog.Truncate) {
		return pgerror.PermissionDenied("table", rel.Name)
	}
	return nil
}

// localRows implements ddl.LocalRows. What it reads it reads without policies,
// to answer whether constraints hold; no value of a row leaves it.
type localRows struct{ s *Session }

// Lock implements ddl.LocalRows.
func (l localRows) Lock(ctx context.Context, table types.OID) error {
	if err := l.s.lock(ctx, table); err != nil {
		return err
	}
	return l.s.unchanged(table)
}

// SequenceValue implements ddl.LocalRows.
func (l localRows) SequenceValue(seq *catalog.Relation) (int64, bool, error) {
	return l.s.engine.Rows.LastValue(seq)
}

// SetSequence implements ddl.LocalRows.
func (l localRows) SetSequence(seq *catalog.Relation, value int64, called bool) error {
	return l.s.engine.Rows.SetValue(seq, value, called)
}

// Count implements ddl.LocalRows.
func (l localRows) Count(ctx context.Context, rel *catalog.Relation, condition string) (int64, error) {
	sql := "SELECT count(*) FROM " + qualified(rel)
	if condition != "" {
		sql += " WHERE " + condition
	}
	return l.number(ctx, sql, rel.DefinitionPath)
}

// Rewrite implements ddl.LocalRows.
func (l localRows) Rewrite(ctx context.Context, rel *catalog.Relation, column, value string) error {
	s := l.s
	text := "UPDATE " + qualified(rel) + " SET " + session.QuoteIdentifier(column) + " = " + value
	list, err := parser.Parse(text)
	if err != nil {
		return err
	}
	s.refresh() // names resolve with the changed relation
	f := &Prepared{s: s, query: Query{text: text}, modify: list[0].Stmt, rewrite: rel}
	defer f.Close()
	if err := f.analyse(ctx); err != nil {
		e := *pgerror.From(err)
		e.Position = 0
		return &e
	}
	x := &modifyPortal{queryPortal: queryPortal{p: f}}
	defer x.Close()
	if _, err := x.Next(ctx); err != io.EOF {
		return err
	}
	return nil
}

// Duplicates implements ddl.LocalRows.
func (l localRows) Duplicates(ctx context.Context, rel *catalog.Relation, columns []string) (bool, error) {
	quoted := make([]string, len(columns))
	present := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = session.QuoteIdentifier(c)
		present[i] = quoted[i] + " IS NOT NULL"
	}
	n, err := l.number(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+qualified(rel)+" WHERE "+strings.Join(present, " AND ")+
		" GROUP BY "+strings.Join(quoted, ", ")+" HAVING count(*) > 1 LIMIT 1) AS d", rel.DefinitionPath)
	return n > 0, err
}

// qualified is a relation's name in SQL.
func qualified(rel *catalog.Relation) string {
	return session.QuoteIdentifier(rel.Schema) + "." + session.QuoteIdentifier(rel.Name)
}

// number runs a query of one number over local tables as they are.
func (l localRows) number(ctx context.Context, sql string, path []string) (int64, error) {
	s := l.s
	list, err := parser.Parse(sql)
	if err != nil {
		return 0, err
	}
	rel := s.relations()
	rel.raw, rel.path = true, path
	res, err := binder.Bind(ctx, s.binderEnv(rel), list[0].Stmt.GetSelectStmt(), sql, nil)
	if err != nil {
		return 0, err
	}
	plan, _, err := s.plan(ctx, res, nil)
	if err != nil {
		return 0, err
	}
	account := s.engine.Memory.Child("query", s.queryMemory())
	defer account.Close()
	var q *operator.Query
	if q, err = s.start(s.inView(ctx), planned{root: plan}, account); err != nil {
		return 0, err
	}
	defer q.Close()
	b, err := q.Next(ctx)
	if err != nil {
		if err == io.EOF {
			err = nil
		}
		return 0, err
	}
	return b.Cols[0].Int(0), nil
}

// dropTemporary removes the session's temporary tables.
func (s *Session) dropTemporary() error {
	name := ddl.TempSchemaOf(s.sess.PID)
	if _, ok := s.engine.Catalog.Current().Schema(name); !ok {
		return nil
	}
	return s.engine.DropSchemas(func(schema string) bool { return schema == name })
}

// DropSchemas removes the schemas that a condition holds for, with the local
// tables in them: the temporary ones of a session that has ended.
func (e *Engine) DropSchemas(which func(name string) bool) error {
	tx := e.Catalog.Begin()
	snap := tx.Snapshot()
	going := map[types.OID]bool{}
	var drop func(rel *catalog.Relation)
	drop = func(rel *catalog.Relation) {
		if going[rel.OID] {
			return
		}
		going[rel.OID] = true
		for _, v := range snap.Dependents(rel.OID) {
			drop(v)
		}
		for _, s := range snap.OwnedSequences(rel.OID, 0) {
			drop(s)
		}
		for _, p := range snap.RowPolicies(rel.OID) {
			going[p.OID] = true
		}
		for _, p := range snap.MaskingPolicies(rel.OID) {
			going[p.OID] = true
		}
	}
	for _, schema := range snap.Schemas() {
		if !which(schema.Name) {
			continue
		}
		for _, rel := range snap.Relations() {
			if rel.SchemaID == schema.OID {
				drop(rel)
			}
		}
		going[schema.OID] = true
	}
	for _, c := range snap.Comments() {
		if going[c.Object] {
			going[c.OID] = true
		}
	}
	if len(going) == 0 {
		return nil
	}
	for id := range going {
		tx.Remove(id)
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return e.Rows.Sweep()
}
