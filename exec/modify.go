package exec

import (
	"context"
	"io"
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/ddl"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// prepareModify prepares INSERT, UPDATE, DELETE or MERGE.
func (s *Session) prepareModify(ctx context.Context, p *Prepared) error {
	p.modify = p.query.Stmt
	if err := p.analyse(ctx); err != nil {
		return err
	}
	if p.bind.result.Modified.Returning {
		p.columns = columnsOf(p.bind.result)
	}
	p.run = func(_ context.Context, params []types.Datum) (Portal, error) {
		return &modifyPortal{queryPortal: queryPortal{p: p, params: params, columns: p.columns}}, nil
	}
	return nil
}

// bindModify binds a statement that changes a table.
func (s *Session) bindModify(ctx context.Context, p *Prepared) (*binder.Result, error) {
	rel := s.relations()
	if p.refresh != nil {
		// As the owner sees it, by the names that it was made with.
		rel.refreshing, rel.role, rel.path = p.refresh.OID, p.refresh.Owner, p.refresh.ViewPath
	}
	if p.rewrite != nil {
		rel.raw, rel.rewriting, rel.path = true, true, p.rewrite.DefinitionPath
	}
	env := s.binderEnv(rel)
	if p.copyFrom != nil {
		_, cols, err := s.copyTarget(ctx, p.copyFrom)
		if err != nil {
			return nil, err
		}
		if p.copyIn != nil && !slices.Equal(cols, p.copyIn.Columns) {
			return nil, pgerror.New(pgerror.FeatureNotSupported, "cached plan must not change result type")
		}
		source := &copySource{}
		for _, c := range cols {
			source.columns = append(source.columns, connector.Column{Name: c.Name, Type: c.Type})
		}
		env.Catalog = copyCatalog{rel, source}
	}
	return binder.BindModify(ctx, env, p.modify, p.query.text, p.declared)
}

// writable refuses changes in a read-only transaction.
func (s *Session) writable(command string) error {
	if s.sess.Vars.ReadOnly() {
		return pgerror.Newf(pgerror.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", command)
	}
	return nil
}

// commands are the statements by kind, as messages and tags name them.
var commands = [...]string{physical.InsertRows: "INSERT", physical.UpdateRows: "UPDATE", physical.DeleteRows: "DELETE", physical.MergeRows: "MERGE"}

// modifyPortal executes a statement that changes a table. Without RETURNING it
// does all its work in the first call of Next.
type modifyPortal struct {
	queryPortal
	changed int64
}

// Next implements Portal.
func (m *modifyPortal) Next(ctx context.Context) (*vector.Batch, error) {
	for {
		b, err := m.queryPortal.Next(ctx)
		if err != nil {
			return nil, err
		}
		m.changed += int64(b.Rows())
		if m.columns != nil {
			return b, nil
		}
	}
}

// takeTables makes a statement that changes tables ready to execute: it is
// refused in a read-only transaction, and the tables are its transaction's own.
// The rows that it sees are those that are there once nobody else writes them.
func (p *Prepared) takeTables(ctx context.Context) error {
	s := p.s
	command := "SELECT"
	if m := p.bind.result.Modified; m != nil {
		command = commands[m.Kind]
	}
	if err := s.writable(command); err != nil {
		return err
	}
	if err := p.fresh(ctx); err != nil {
		return err
	}
	for {
		tables := p.written()
		for _, t := range tables {
			if err := s.lock(ctx, t); err != nil {
				return err
			}
		}
		// Whoever had a table may have dropped it, or made another one of its
		// name.
		s.refresh()
		if err := p.fresh(ctx); err != nil {
			return err
		}
		if slices.Equal(p.written(), tables) {
			for _, t := range tables {
				if err := s.unchanged(t); err != nil {
					return err
				}
			}
			return p.takeRemote(ctx)
		}
	}
}

// written lists the local tables that the statement changes.
func (p *Prepared) written() []types.OID {
	var out []types.OID
	for _, w := range p.bind.result.Writes {
		if w.Source == nil {
			out = append(out, w.Table)
		}
	}
	return out
}

// lock takes a local table for writing, waiting for at most statement_timeout.
func (s *Session) lock(ctx context.Context, table types.OID) error {
	w := newStopwatch(s.sess.Vars.StatementTimeout())
	ctx, done := w.start(ctx)
	defer done()
	if err := s.rows().Lock(ctx, table); err != nil {
		return w.explain(ctx, err)
	}
	return nil
}

// unchanged returns 40001 when the transaction, because it has changed the
// catalog itself, goes by a definition of a table that is no longer true. While
// the table is locked, that does not happen any more.
func (s *Session) unchanged(table types.OID) error {
	if s.tx.ddl == nil {
		return nil
	}
	return s.tx.ddl.Unchanged(table)
}

// Tag implements Portal.
func (m *modifyPortal) Tag(int64) string {
	tag := commands[m.p.bind.result.Modified.Kind]
	if tag == "INSERT" {
		tag = "INSERT 0"
	}
	return tag + " " + strconv.FormatInt(m.changed, 10)
}

// prepareCreateAs prepares CREATE TABLE AS and SELECT INTO: the table is made
// with the columns of the query, then filled by INSERT.
func (s *Session) prepareCreateAs(ctx context.Context, p *Prepared, query *pg.SelectStmt, into *pg.IntoClause, ifNotExists bool) error {
	p.sel = query
	if err := p.analyse(ctx); err != nil {
		return err
	}
	p.run = func(_ context.Context, params []types.Datum) (Portal, error) {
		return &rowsPortal{compute: func(ctx context.Context) ([][]types.Datum, string, error) {
			tag, err := s.createAs(ctx, p, into, ifNotExists, params)
			return nil, tag, err
		}}, nil
	}
	return nil
}

// createAs executes CREATE TABLE AS.
func (s *Session) createAs(ctx context.Context, p *Prepared, into *pg.IntoClause, ifNotExists bool, params []types.Datum) (string, error) {
	if err := s.writable("CREATE TABLE AS"); err != nil {
		return "", err
	}
	if err := p.fresh(ctx); err != nil {
		return "", err
	}
	var columns []ddl.ResultColumn
	for _, c := range p.bind.result.Columns {
		columns = append(columns, ddl.ResultColumn{Name: c.Name, Type: c.Type})
	}
	env := &ddl.Env{Tx: s.staged(), Session: s.sess, SearchPath: s.searchPath()}
	rel, notices, err := ddl.CreateTableAs(env, p.query.Statement, into, ifNotExists, columns)
	for _, n := range notices {
		s.notice(n)
	}
	if err != nil {
		return "", err
	}
	if rel == nil {
		return "CREATE TABLE AS", nil
	}
	if into.SkipData {
		return "CREATE TABLE AS", nil
	}
	insert := &pg.Node{Node: &pg.Node_InsertStmt{InsertStmt: &pg.InsertStmt{
		Relation:   &pg.RangeVar{Schemaname: rel.Schema, Relname: rel.Name, Inh: true, Relpersistence: "p", Location: -1},
		SelectStmt: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: p.sel}},
		Override:   pg.OverridingKind_OVERRIDING_NOT_SET,
	}}}
	s.begin() // names resolve with the new table
	fill := &Prepared{s: s, query: p.query, declared: p.params, modify: insert}
	defer fill.Close()
	if err := fill.analyse(ctx); err != nil {
		return "", err
	}
	x := &modifyPortal{queryPortal: queryPortal{p: fill, params: params}}
	defer x.Close()
	if _, err := x.Next(ctx); err != io.EOF {
		return "", err
	}
	return "SELECT " + strconv.FormatInt(x.changed, 10), nil
}

// truncateStmt executes TRUNCATE.
func (s *Session) truncateStmt(ctx context.Context, n *pg.TruncateStmt) (string, error) {
	if err := s.writable("TRUNCATE TABLE"); err != nil {
		return "", err
	}
	for _, r := range n.Relations {
		done, err := s.truncateRemote(ctx, r.GetRangeVar(), connector.TruncateOptions{Restart: n.RestartSeqs, Cascade: n.Behavior == pg.DropBehavior_DROP_CASCADE})
		if done || err != nil {
			if err != nil {
				return "", err
			}
			continue
		}
		if err := s.truncate(ctx, r.GetRangeVar(), n.RestartSeqs); err != nil {
			return "", err
		}
	}
	return "TRUNCATE TABLE", nil
}

// truncate empties one table; with restart its sequences begin anew, at once.
func (s *Session) truncate(ctx context.Context, v *pg.RangeVar, restart bool) error {
	find := func() (types.OID, error) {
		rel := s.relations()
		out, err := rel.Relation(ctx, binder.Name{Catalog: v.Catalogname, Schema: v.Schemaname, Name: v.Relname}, nil)
		if err != nil {
			return 0, err
		}
		known, ok := rel.snap.RelationByOID(out.OID)
		if !ok || out.Writable == nil || out.Writable.Remote != nil {
			return 0, pgerror.Newf(pgerror.WrongObjectType, "%q is not a local table", v.Relname)
		}
		return out.OID, rel.permitTruncate(known)
	}
	for {
		table, err := find()
		if err != nil {
			return err
		}
		if err := s.lock(ctx, table); err != nil {
			return err
		}
		s.refresh()
		if now, err := find(); err != nil {
			return err
		} else if now == table {
			s.rows().Truncate(table)
			if restart {
				for _, seq := range s.snapshot().OwnedSequences(table, 0) {
					if err := s.engine.Rows.SetValue(seq, seq.Sequence.Start, false); err != nil {
						return err
					}
				}
			}
			return s.unchanged(table)
		}
	}
}

// intoOf returns the INTO clause of a query, which stands in the first SELECT of
// a set operation; nil when there is none.
func intoOf(s *pg.SelectStmt) *pg.IntoClause {
	for s != nil && s.IntoClause == nil {
		s = s.Larg
	}
	return s.GetIntoClause()
}

// clearInto removes the INTO clause.
func clearInto(s *pg.SelectStmt) {
	for ; s != nil; s = s.Larg {
		s.IntoClause = nil
	}
}
