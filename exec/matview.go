package exec

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/ddl"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// The rows of a materialized view are stored as its owner sees the tables below.
// Who reads them must be somebody to whom the same policies apply on each of
// these tables: otherwise a stored row could show what a mask or a row policy
// hides from him. What is compared is the text of the policies, so those that
// depend on anything but the row cannot be stored under.

// policyPrint stands for what a table's policies hide; "" for nothing.
func policyPrint(p policy.TablePolicy) (string, error) {
	if p.Empty() {
		return "", nil
	}
	text, err := json.Marshal(policy.TablePolicy{RowFilters: p.RowFilters, Masks: p.Masks, Denied: p.Denied})
	if err != nil {
		return "", pgerror.Wrap(err, pgerror.InternalError, "could not compare policies")
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// matview completes the relation of a materialized view for a reader.
func (r *relations) matview(ctx context.Context, out *binder.Relation, rel *catalog.Relation) error {
	out.MatView = true
	if r.raw || r.refreshing == rel.OID {
		return nil
	}
	if !rel.Populated {
		return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, "materialized view %q has not been populated", rel.Name).
			WithHint("Use the REFRESH MATERIALIZED VIEW command.")
	}
	for _, b := range rel.Bases {
		table, ok := r.snap.RelationByOID(b.Relation)
		now := ""
		if ok {
			p, err := r.engine.Policies.ForTable(ctx, policy.Principal{Snapshot: r.snap, Role: r.role}, table)
			if err != nil {
				return err
			}
			if now, err = policyPrint(p); err != nil {
				return err
			}
		}
		if !ok || now != b.Policies {
			return pgerror.PermissionDenied("materialized view", rel.Name).
				WithDetail("Its rows were stored under other policies than those that apply to the current user on the tables it reads.").
				WithHint("Read those tables, or a view of them.")
		}
		out.Bases = append(out.Bases, b.Relation)
	}
	return nil
}

// prepareMatView prepares CREATE MATERIALIZED VIEW.
func (s *Session) prepareMatView(p *Prepared, as *pg.CreateTableAsStmt) error {
	p.run = func(context.Context, []types.Datum) (Portal, error) {
		return &rowsPortal{compute: func(ctx context.Context) ([][]types.Datum, string, error) {
			tag, err := s.createMatView(ctx, p, as)
			return nil, tag, err
		}}, nil
	}
	return nil
}

// createMatView executes CREATE MATERIALIZED VIEW.
func (s *Session) createMatView(ctx context.Context, p *Prepared, as *pg.CreateTableAsStmt) (string, error) {
	if err := s.writable("CREATE MATERIALIZED VIEW"); err != nil {
		return "", err
	}
	query, err := parser.QueryText(as.Query)
	if err != nil {
		return "", err
	}
	columns, depends, err := s.bindView(ctx, s.relations(), query)
	if err != nil {
		// Positions in the text as it was printed mean nothing to the client.
		e := *pgerror.From(err)
		e.Position = 0
		return "", &e
	}
	var list []ddl.ResultColumn
	for _, c := range columns {
		list = append(list, ddl.ResultColumn{Name: c.Name, Type: c.Type})
	}
	env := &ddl.Env{Tx: s.staged(), Session: s.sess, SearchPath: s.searchPath()}
	rel, notices, err := ddl.CreateMatView(env, p.query.Statement, as, query, list, depends)
	for _, n := range notices {
		s.notice(n)
	}
	if err != nil || rel == nil || as.Into.SkipData {
		return "CREATE MATERIALIZED VIEW", err
	}
	s.begin() // names resolve with the new relation
	rows, err := s.fill(ctx, rel)
	return "SELECT " + strconv.FormatInt(rows, 10), err
}

// refreshStmt executes REFRESH MATERIALIZED VIEW. Readers see the old rows until
// the commit, with CONCURRENTLY and without.
func (s *Session) refreshStmt(ctx context.Context, n *pg.RefreshMatViewStmt) (string, error) {
	const tag = "REFRESH MATERIALIZED VIEW"
	if err := s.writable(tag); err != nil {
		return "", err
	}
	if n.Concurrent && n.SkipData {
		return "", pgerror.New(pgerror.SyntaxError, "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together")
	}
	env := &ddl.Env{Tx: s.staged(), Session: s.sess, SearchPath: s.searchPath()}
	rel, err := ddl.RefreshedView(env, n.Relation)
	if err != nil {
		return "", err
	}
	if err := s.lock(ctx, rel.OID); err != nil {
		return "", err
	}
	if err := s.unchanged(rel.OID); err != nil {
		return "", err
	}
	s.rows().Truncate(rel.OID)
	if n.SkipData {
		rel = rel.Clone()
		rel.Populated, rel.Bases = false, nil
		return tag, s.staged().Put(rel)
	}
	_, err = s.fill(ctx, rel)
	return tag, err
}

// fill stores the rows of a materialized view that has none, as its owner sees
// them, and what they were stored under.
func (s *Session) fill(ctx context.Context, rel *catalog.Relation) (int64, error) {
	list, err := parser.Parse(rel.ViewSQL)
	if err != nil {
		return 0, err
	}
	insert := &pg.Node{Node: &pg.Node_InsertStmt{InsertStmt: &pg.InsertStmt{
		Relation:   &pg.RangeVar{Schemaname: rel.Schema, Relname: rel.Name, Inh: true, Relpersistence: "p", Location: -1},
		SelectStmt: list[0].Stmt, Override: pg.OverridingKind_OVERRIDING_NOT_SET,
	}}}
	f := &Prepared{s: s, query: Query{text: rel.ViewSQL}, modify: insert, refresh: rel}
	defer f.Close()
	if err := f.analyse(ctx); err != nil {
		e := *pgerror.From(err)
		e.Position = 0
		return 0, &e
	}
	x := &modifyPortal{queryPortal: queryPortal{p: f}}
	defer x.Close()
	if _, err := x.Next(ctx); err != io.EOF {
		return 0, err
	}
	bases, err := s.storedUnder(ctx, f.bind.result, rel)
	if err != nil {
		return 0, err
	}
	done := rel.Clone()
	done.Populated, done.Bases = true, bases
	return x.changed, s.staged().Put(done)
}

// storedUnder lists the tables that rows come from, with the policies that they
// were stored under.
func (s *Session) storedUnder(ctx context.Context, res *binder.Result, rel *catalog.Relation) ([]catalog.MatViewBase, error) {
	snap := s.snapshot()
	var out []catalog.MatViewBase
	for _, b := range res.Bases {
		switch {
		case b.Live:
			return nil, pgerror.NotSupported("a materialized view of a table that is addressed live is not supported").
				WithHint("Make a foreign table of it.")
		case b.Unstable:
			return nil, pgerror.Newf(pgerror.FeatureNotSupported, "materialized view %q reads table %q under a policy that depends on the session", rel.Name, b.Name).
				WithDetail("Its rows would be right for one session only.")
		}
		table, ok := snap.RelationByOID(b.OID)
		if !ok {
			continue // a system relation
		}
		p, err := s.engine.Policies.ForTable(ctx, policy.Principal{Snapshot: snap, Role: rel.Owner}, table)
		if err != nil {
			return nil, err
		}
		print, err := policyPrint(p)
		if err != nil {
			return nil, err
		}
		out = append(out, catalog.MatViewBase{Relation: b.OID, Policies: print})
	}
	return out, nil
}
