package exec

import (
	"context"
	"errors"
	"io"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sample"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// analyzeRows is how many rows of a table ANALYZE looks at.
const analyzeRows = 30000

// analyzeStmt executes ANALYZE: of the tables named, or of all that the current
// role owns.
func (s *Session) analyzeStmt(ctx context.Context, n *pg.VacuumStmt) error {
	r := s.relations()
	if len(n.Rels) == 0 {
		for _, rel := range r.snap.Relations() {
			if (rel.Kind == catalog.ForeignTable || stored(rel)) && r.snap.IsMember(r.role, rel.Owner) {
				if err := s.analyze(ctx, r, rel); err != nil {
					if ctx.Err() != nil {
						return err
					}
					s.notice(pgerror.Warningf(pgerror.CodeOf(err), "skipping %q --- %s", rel.Name, pgerror.From(err).Message))
				}
			}
		}
		return nil
	}
	for _, v := range n.Rels {
		rv := v.GetVacuumRelation().GetRelation()
		rel, err := s.analyzed(ctx, r, binder.Name{Catalog: rv.GetCatalogname(), Schema: rv.GetSchemaname(), Name: rv.GetRelname()})
		if err != nil {
			return err
		}
		if rel == nil {
			continue
		}
		if err := s.analyze(ctx, r, rel); err != nil {
			return err
		}
	}
	return nil
}

// stored reports whether the rows of a relation are here.
func stored(rel *catalog.Relation) bool {
	return rel.Kind == catalog.Table || rel.Kind == catalog.MatView
}

// analyzed finds a table to analyze; nil, after a warning, for one that cannot
// be.
func (s *Session) analyzed(ctx context.Context, r *relations, name binder.Name) (*catalog.Relation, error) {
	found, err := r.Relation(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	o, _ := r.snap.Object(found.OID)
	rel, ok := o.(*catalog.Relation)
	switch {
	case !ok || rel.Kind != catalog.ForeignTable && !stored(rel):
		s.notice(pgerror.Warningf(pgerror.WrongObjectType, "skipping %q --- cannot analyze non-tables or special system tables", found.Name))
		return nil, nil
	case !r.snap.IsMember(r.role, rel.Owner):
		s.notice(pgerror.Warningf(pgerror.InsufficientPrivilege, "skipping %q --- only table or database owner can analyze it", found.Name))
		return nil, nil
	}
	return rel, nil
}

// analyze stores statistics of the columns that the table's source does not
// describe itself, from a sample of the rows as they are at the source.
func (s *Session) analyze(ctx context.Context, r *relations, rel *catalog.Relation) error {
	known, err := r.known(ctx, rel)
	defer s.releaseUsed()
	if err != nil {
		return err
	}
	if stored(rel) {
		ctx = s.inView(ctx)
	}
	// What was stored before does not count as known.
	stats := newTableStatistics(known.Source, known.Handle, known.Rows, nil)
	columns := known.Handle.Columns()
	var all, ask []int
	for i, c := range columns {
		if !c.Hidden {
			all = append(all, i)
		}
	}
	stats.Load(ctx, all)
	for _, i := range all {
		if c := stats.Column(i); c == nil || c.Distinct == 0 {
			ask = append(ask, i)
		}
	}
	out := &connector.Statistics{Rows: stats.Rows(), Columns: make([]*connector.ColumnStatistics, len(columns))}
	account := s.engine.Memory.Child("query", s.queryMemory())
	defer account.Close()
	options := connector.ScanOptions{Account: account, BatchSize: vector.BatchSize, Format: s.sess.Format()}
	// The values of a sample, with what keeps them apart.
	held := int64(len(ask)) * analyzeRows * 128
	if err := account.Reserve(held); err != nil {
		return err
	}
	defer account.Release(held)
	taken, whole, err := sample.Read(ctx, known.Source, known.Handle, ask, analyzeRows, options)
	if err != nil {
		return err
	}
	switch {
	case whole && len(taken) > 0:
		out.Rows = float64(taken[0].Rows())
	case out.Rows < 0:
		if out.Rows, err = countRows(ctx, known.Source, known.Handle, options); err != nil {
			return err
		}
	}
	if stored(rel) {
		for _, c := range rel.Columns {
			out.Of = append(out.Of, connector.StatisticsColumn{AttNum: c.AttNum, Type: c.Type})
		}
	}
	for k, i := range ask {
		out.Columns[i] = taken[k].Statistics(out.Rows, false)
	}
	// Every entry is stored: of the others nothing is known.
	if len(all) > 0 {
		out.Columns = out.Columns[:all[len(all)-1]+1]
	}
	for i, c := range out.Columns {
		if c == nil {
			out.Columns[i] = &connector.ColumnStatistics{Min: types.Null, Max: types.Null}
		}
	}
	return s.engine.Catalog.SetStatistics(rel.OID, out)
}

// countRows reads a table without its columns.
func countRows(ctx context.Context, src connector.Source, h connector.TableHandle, o connector.ScanOptions) (float64, error) {
	if p, ok := src.(connector.ProjectPusher); ok {
		if narrow, ok := p.PushProject(h, nil); ok {
			h = narrow
		}
	}
	reader, err := src.Scan(ctx, h, o)
	if err != nil {
		return 0, err
	}
	defer func() { _ = reader.Close() }()
	rows := 0.0
	var b vector.Batch
	for {
		err := reader.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return 0, err
		}
		rows += float64(b.N)
	}
}
