package exec

import (
	"context"
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// remoteTx is the session's transaction at the one source that it changes.
type remoteTx struct {
	source *source // acquired
	tx     connector.Transaction
	// opener is the statement that began it, until that has been executed: what it
	// reads has not been changed.
	opener *Prepared
	marks  int // savepoints made
}

// remoteWritable adds to a relation what changing a table of a source takes; it
// stays as it is when the source cannot be changed.
func (r *relations) remoteWritable(out *binder.Relation, server *catalog.Server, src *source, d described, rel *catalog.Relation) {
	source, ok := src.Source.(connector.Transactor)
	if !ok {
		return
	}
	n := len(rel.Columns)
	w := &binder.Writable{
		Source: source, SearchPath: rel.DefinitionPath, Permit: r.permit(rel),
		NotNull: make([]bool, n), Identity: make([]rune, n), Defaults: make([]string, n),
	}
	for i, c := range rel.Columns {
		w.Defaults[i] = c.Default
	}
	w.Remote = &binder.RemoteTable{
		Refuse: func(kind physical.ModifyKind) error {
			if updatable(server.Options, rel.Options, "updatable") {
				return nil
			}
			verb := [...]string{"inserts", "updates", "deletes", "changes"}[kind]
			return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, "foreign table %q does not allow %s", rel.Name, verb)
		},
		Identify: func(ctx context.Context) (connector.TableHandle, error) { return source.Identify(ctx, d.handle) },
	}
	out.Writable = w
}

// updatable reads a flag of a foreign table that its server sets a default for.
func updatable(server, table catalog.Options, name string) bool {
	for _, o := range []catalog.Options{table, server} {
		if v, ok := o.Get(name); ok {
			on, valid := connector.ParseBoolean(v)
			return on || !valid
		}
	}
	return true
}

// takeRemote opens the transaction at the source whose tables the statement
// changes, unless it is open.
func (p *Prepared) takeRemote(ctx context.Context) error {
	for _, w := range p.bind.result.Writes {
		if w.Source == nil {
			continue
		}
		i := slices.IndexFunc(p.bind.sources, func(s *source) bool { return s.Source == w.Source })
		if i < 0 {
			return pgerror.New(pgerror.InternalError, "the source of a table to change is not open")
		}
		if err := p.s.openRemote(ctx, p.bind.sources[i], p); err != nil {
			return err
		}
	}
	return nil
}

// openRemote opens the session's transaction at a source for a statement, nil for
// one that has no binding.
func (s *Session) openRemote(ctx context.Context, src *source, opener *Prepared) error {
	if have := s.tx.remote; have != nil {
		if have.source != src {
			return pgerror.Newf(pgerror.FeatureNotSupported, "cannot change tables of server %q in a transaction that changes tables of server %q", src.server, have.source.server).
				WithDetail("A transaction can be committed at one source only.").WithHint("COMMIT first.")
		}
		return nil
	}
	if !src.acquire() {
		return pgerror.Source(src.server, pgerror.ConnectionDoesNotExist, "the source is closed", nil)
	}
	tx, err := src.Source.(connector.Transactor).Begin(ctx)
	if err != nil {
		src.release()
		return err
	}
	s.tx.remote = &remoteTx{source: src, tx: tx, opener: opener}
	return nil
}

// inRemote returns a context in which p is executed in the transaction at the
// source that it changes or reads.
func (s *Session) inRemote(ctx context.Context, p *Prepared) context.Context {
	r := s.tx.remote
	if r == nil {
		return ctx
	}
	reads := true
	if r.opener == p && p != nil && !r.tx.Sole() {
		// Only what is changed by identity must be read in the transaction; an insert
		// may read while it writes.
		reads = slices.ContainsFunc(p.bind.result.Writes, func(w binder.Modified) bool {
			return w.Source != nil && w.Kind != physical.InsertRows
		})
	}
	return connector.WithTransaction(ctx, r.source.Source, r.tx, reads)
}

// executedRemote notes that a statement has been executed.
func (s *Session) executedRemote() {
	if s.tx.remote != nil {
		s.tx.remote.opener = nil
	}
}

// truncateRemote empties a table of a source; false when the name is not one's.
func (s *Session) truncateRemote(ctx context.Context, v *pg.RangeVar, o connector.TruncateOptions) (bool, error) {
	rel := s.relations()
	defer s.releaseUsed()
	out, err := rel.Relation(ctx, binder.Name{Catalog: v.Catalogname, Schema: v.Schemaname, Name: v.Relname}, nil)
	if err != nil || out.Writable == nil || out.Writable.Remote == nil {
		return false, err
	}
	known, ok := rel.snap.RelationByOID(out.OID)
	if !ok {
		return true, pgerror.NotSupported("TRUNCATE of a table that is addressed live is not supported").WithHint("Make a foreign table of it.")
	}
	if err := rel.permitTruncate(known); err != nil {
		return true, err
	}
	server, ok := rel.snap.ServerByOID(known.ServerID)
	if !ok || !updatable(server.Options, known.Options, "updatable") || !updatable(server.Options, known.Options, "truncatable") {
		return true, pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, "foreign table %q does not allow truncates", known.Name)
	}
	i := slices.IndexFunc(s.used, func(x *source) bool { return x.Source == out.Source })
	if i < 0 {
		return true, pgerror.New(pgerror.InternalError, "the source of a table to change is not open")
	}
	if err := s.openRemote(ctx, s.used[i], nil); err != nil {
		return true, err
	}
	tx, ok := s.tx.remote.tx.(connector.Truncater)
	if !ok {
		return true, pgerror.Newf(pgerror.FeatureNotSupported, "cannot truncate foreign table %q", known.Name)
	}
	return true, tx.Truncate(ctx, out.Handle, o)
}

// commitRemote commits at the source and reports whether it did.
func (s *Session) commitRemote(ctx context.Context) (bool, error) {
	r := s.tx.remote
	if r == nil {
		return false, nil
	}
	s.tx.remote = nil
	defer r.source.release()
	if err := r.tx.Commit(ctx); err != nil {
		r.tx.Rollback()
		return false, err
	}
	r.source.forget() // sizes have changed
	return true, nil
}

// rollbackRemote undoes what was done at the source.
func (s *Session) rollbackRemote() {
	if r := s.tx.remote; r != nil {
		s.tx.remote = nil
		r.tx.Rollback()
		r.source.release()
	}
}

// markRemote sets a savepoint at the source and returns its name, "" when nothing
// was done there yet.
func (s *Session) markRemote(ctx context.Context) (string, error) {
	r := s.tx.remote
	if r == nil {
		return "", nil
	}
	r.marks++
	name := "hub_" + strconv.Itoa(r.marks)
	return name, r.tx.Savepoint(ctx, name)
}

// rollbackRemoteTo undoes what was done at the source since a savepoint.
func (s *Session) rollbackRemoteTo(ctx context.Context, mark string) error {
	if s.tx.remote == nil {
		return nil
	}
	if mark == "" {
		s.rollbackRemote()
		return nil
	}
	return s.tx.remote.tx.RollbackTo(ctx, mark)
}

// half is the error of a transaction that was committed at a source and then could
// not be saved here.
func half(server string, err error) error {
	e := *pgerror.From(err)
	e.Detail = "The changes of server \"" + server + "\" in this transaction are committed; those of local tables and of the catalog are not."
	return &e
}
