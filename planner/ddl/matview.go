package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// CreateMatView makes a materialized view without rows: query is its text,
// columns and depends are what it returns and reads. It returns nil when it exists
// and IF NOT EXISTS says that this is fine.
func CreateMatView(env *Env, st parser.Statement, as *pg.CreateTableAsStmt, query string, columns []ResultColumn, depends []types.OID) (*catalog.Relation, []*pgerror.Error, error) {
	if as.Into.Rel.Relpersistence != "p" {
		return nil, nil, pgerror.New(pgerror.FeatureNotSupported, "materialized views may not be temporary or unlogged")
	}
	rel, notices, err := CreateTableAs(env, st, as.Into, as.IfNotExists, columns)
	if err != nil || rel == nil {
		return nil, notices, err
	}
	rel = rel.Clone()
	rel.Kind, rel.ViewSQL, rel.ViewPath, rel.Depends = catalog.MatView, query, env.SearchPath, depends
	return rel, notices, env.Tx.Put(rel)
}

// RefreshedView finds a materialized view that the current role may refresh.
func RefreshedView(env *Env, name *pg.RangeVar) (*catalog.Relation, error) {
	role, ok := env.Tx.Snapshot().Role(env.Session.CurrentUser)
	if !ok {
		return nil, pgerror.Newf(pgerror.UndefinedObject, `role "%s" does not exist`, env.Session.CurrentUser)
	}
	r := &run{env: env, tx: env.Tx, role: role}
	rel, err := r.relation(name)
	if err != nil {
		e := *pgerror.From(err)
		e.Position = 0
		return nil, &e
	}
	switch {
	case !r.owns(rel.Owner):
		return nil, mustBeOwner("materialized view", rel.Name)
	case rel.Kind != catalog.MatView:
		return nil, pgerror.Newf(pgerror.FeatureNotSupported, `"%s" is not a materialized view`, rel.Name)
	}
	return rel, nil
}
