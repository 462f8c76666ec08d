package exec

import (
	"context"
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/ddl"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// relations resolves names for the binder over one catalog snapshot: system
// relations, foreign tables, views, and tables addressed live as
// server.schema.table.
type relations struct {
	engine  *Engine
	session *Session
	snap    *catalog.Snapshot
	role    types.OID // the current role: policies are always its own
	path    []string
	system  connector.Source
	// tables holds what the statement has described already: it may name a
	// table many times.
	tables map[string]described
	// raw leaves policies and privileges out: for the engine's own questions
	// about the rows of local tables.
	raw bool
	// rewriting lets raw change rows, too.
	rewriting bool
	// refreshing is the materialized view whose rows are being stored.
	refreshing types.OID
}

// describe describes a table of a source once per statement.
func (r *relations) describe(ctx context.Context, src *source, key string, ref connector.TableRef) (described, error) {
	at := src.server + "/" + key
	if d, ok := r.tables[at]; ok {
		return d, nil
	}
	d, err := src.table(ctx, key, ref)
	if err != nil {
		return d, err
	}
	if r.tables == nil {
		r.tables = map[string]described{}
	}
	r.tables[at] = d
	return d, nil
}

// relations returns the resolver for the session as it is now.
func (s *Session) relations() *relations {
	snap := s.snapshot()
	r := &relations{engine: s.engine, session: s, snap: snap, path: s.searchPath()}
	if role, ok := snap.Role(s.sess.CurrentUser); ok {
		r.role = role.OID
	}
	return r
}

// Parse implements binder.Catalog.
func (r *relations) Parse(sql string) (*pg.SelectStmt, error) {
	list, err := parser.Parse(sql)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 || list[0].Stmt.GetSelectStmt() == nil {
		return nil, pgerror.New(pgerror.InvalidObjectDefinition, "the definition is not one query")
	}
	return list[0].Stmt.GetSelectStmt(), nil
}

// RegLookup implements binder.Catalog.
func (r *relations) RegLookup(_ context.Context, t types.OID, text string) (types.OID, error) {
	return r.engine.SystemRelations.Lookup(r.snap, r.path, t, text)
}

// UserFunctions implements binder.Catalog.
func (r *relations) UserFunctions(schema, name string, searchPath []string) []*binder.UserFunction {
	if searchPath == nil {
		searchPath = r.path
	}
	if schema != "" {
		searchPath = []string{schema}
	}
	for _, s := range searchPath {
		sc, ok := r.snap.Schema(s)
		if !ok || !r.snap.HasSchema(r.role, sc, catalog.Usage) {
			continue
		}
		var out []*binder.UserFunction
		for _, f := range r.snap.FunctionsNamed(s, name) {
			out = append(out, userFunction(f))
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// userFunction is a function of the catalog as the binder needs it.
func userFunction(f *catalog.UserFunction) *binder.UserFunction {
	out := &binder.UserFunction{
		OID: f.OID, Name: f.Name, Args: f.Args, ArgNames: f.ArgNames, Ret: f.Ret, Set: f.Set,
		SQL: f.SQL, SearchPath: f.Path, Strict: f.Strict,
	}
	for _, c := range f.Columns {
		out.Columns = append(out.Columns, binder.RelationColumn{Name: c.Name, Type: c.Type, AttNum: c.AttNum})
	}
	return out
}

// UserType implements binder.Catalog.
func (r *relations) UserType(schema, name string, searchPath []string) (types.Type, bool) {
	if searchPath == nil {
		searchPath = r.path
	}
	if schema != "" {
		if schema == ddl.TempSchema {
			schema = ddl.TempSchemaOf(r.session.sess.PID)
		}
		searchPath = []string{schema}
	}
	return r.snap.FindType(searchPath, name)
}

// Domain implements binder.Catalog.
func (r *relations) Domain(oid types.OID) *binder.Domain {
	t, ok := r.snap.TypeByOID(oid)
	if !ok || t.Kind != types.DomainKind {
		return nil
	}
	d := &binder.Domain{Name: r.names().TypeName(oid), Base: t.Base, NotNull: t.NotNull, Default: t.Default, SearchPath: t.Path}
	for _, c := range t.Checks {
		d.Checks = append(d.Checks, binder.DomainCheck{Name: c.Name, SQL: c.SQL})
	}
	return d
}

// names are the names of the catalog's objects for the session.
func (r *relations) names() *regNames { return &regNames{r.engine.SystemRelations, r.snap, r.path} }

// Relation implements binder.Catalog.
func (r *relations) Relation(ctx context.Context, name binder.Name, searchPath []string) (*binder.Relation, error) {
	if r.role == 0 {
		return nil, pgerror.Newf(pgerror.UndefinedObject, "role %q does not exist", r.session.sess.CurrentUser)
	}
	if searchPath == nil {
		searchPath = r.path
	}
	if name.Schema == ddl.TempSchema {
		name.Schema = ddl.TempSchemaOf(r.session.sess.PID)
	}
	undefined := pgerror.Newf(pgerror.UndefinedTable, "relation %q does not exist", name.String())
	switch {
	case name.Catalog != "" && name.Catalog != r.engine.Database:
		server, ok := r.snap.Server(name.Catalog)
		if !ok {
			return nil, pgerror.Newf(pgerror.FeatureNotSupported, "cross-database references are not implemented: %q", name.String()).
				WithHint("There is no server %q. A registered server is addressed as server.schema.table.", name.Catalog)
		}
		return r.live(ctx, server, name.Schema, name.Name)
	case name.Schema != "":
		if rel, err := r.systemRelation(ctx, name.Schema, name.Name); rel != nil || err != nil {
			return rel, err
		}
		schema, ok := r.snap.Schema(name.Schema)
		if !ok {
			if server, ok := r.snap.Server(name.Schema); ok && name.Catalog == "" {
				return r.live(ctx, server, "", name.Name)
			}
			return nil, undefined
		}
		if !r.snap.HasSchema(r.role, schema, catalog.Usage) {
			return nil, pgerror.PermissionDenied("schema", name.Schema)
		}
		rel, ok := r.snap.Relation(name.Schema, name.Name)
		if !ok {
			return nil, undefined
		}
		return r.known(ctx, rel)
	}
	if !slices.Contains(searchPath, "pg_catalog") {
		if rel, err := r.systemRelation(ctx, "pg_catalog", name.Name); rel != nil || err != nil {
			return rel, err
		}
	}
	for _, schema := range searchPath {
		if rel, err := r.systemRelation(ctx, schema, name.Name); rel != nil || err != nil {
			return rel, err
		}
		s, ok := r.snap.Schema(schema)
		if !ok || !r.snap.HasSchema(r.role, s, catalog.Usage) {
			continue
		}
		if rel, ok := r.snap.Relation(schema, name.Name); ok {
			return r.known(ctx, rel)
		}
	}
	return nil, undefined
}

// systemRelation resolves a relation of pg_catalog, information_schema or hub.
func (r *relations) systemRelation(ctx context.Context, schema, name string) (*binder.Relation, error) {
	oid, readable, ok := r.engine.SystemRelations.Relation(r.snap, schema, name, r.role)
	if !ok {
		return nil, nil
	}
	if !readable {
		return nil, pgerror.PermissionDenied("table", name)
	}
	if r.system == nil {
		r.system = r.engine.System(r.snap, r.session.sess)
	}
	h, err := r.system.Table(ctx, connector.TableRef{Schema: schema, Name: name})
	if err != nil {
		return nil, err
	}
	out := &binder.Relation{OID: oid, Schema: schema, Name: name, Source: r.system, Handle: h, Rows: -1}
	if est, ok := r.system.(connector.Estimator); ok {
		if rows, ok := est.Estimate(ctx, h); ok {
			out.Rows = rows
		}
	}
	for i, c := range h.Columns() {
		out.Columns = append(out.Columns, binder.RelationColumn{Name: c.Name, Type: c.Type, AttNum: int16(i + 1), Hidden: c.Hidden})
	}
	return out, nil
}

// known makes the binder's relation of a catalog object.
func (r *relations) known(ctx context.Context, rel *catalog.Relation) (*binder.Relation, error) {
	out := &binder.Relation{OID: rel.OID, Schema: rel.Schema, Name: rel.Name, Rows: -1, Check: r.check(rel), RowType: catalog.RowType(rel.OID)}
	for _, c := range rel.Columns {
		out.Columns = append(out.Columns, binder.RelationColumn{Name: c.Name, Type: c.Type, AttNum: c.AttNum})
	}
	if rel.Kind == catalog.View {
		out.View = &binder.View{SQL: rel.ViewSQL, SearchPath: rel.ViewPath, Owner: rel.Owner}
		return out, nil
	}
	if rel.Kind == catalog.Sequence {
		return nil, pgerror.NotSupported("reading the relation of a sequence is not supported").WithHint("Read pg_sequences, or use currval.")
	}
	if rel.Kind == catalog.MatView {
		if err := r.matview(ctx, out, rel); err != nil {
			return nil, err
		}
	}
	if rel.Kind == catalog.Table || rel.Kind == catalog.MatView {
		if r.raw {
			out.Check = nil
		}
		return out, r.local(ctx, out, rel)
	}
	server, ok := r.snap.ServerByOID(rel.ServerID)
	if !ok {
		return nil, pgerror.Newf(pgerror.UndefinedObject, "server %q does not exist", rel.Server)
	}
	key := "t" + strconv.FormatUint(uint64(rel.OID), 10) + "@" + strconv.FormatUint(r.snap.Version(), 10)
	return out, r.foreign(ctx, out, server, rel, key)
}

// live resolves a table of a server by its name at the source.
func (r *relations) live(ctx context.Context, server *catalog.Server, schema, name string) (*binder.Relation, error) {
	// Whoever may not use the server learns nothing about its tables.
	if !r.snap.HasServer(r.role, server, catalog.Usage) {
		return nil, pgerror.PermissionDenied("foreign server", server.Name)
	}
	src, err := r.engine.sources.get(ctx, r.snap, server, r.role)
	if err != nil {
		return nil, err
	}
	r.session.use(src)
	absolute := r.snap.ReadsServerFiles(r.role)
	key := "l" + strconv.Quote(schema) + strconv.Quote(name) + strconv.FormatBool(absolute)
	d, err := r.describe(ctx, src, key, connector.TableRef{Schema: schema, Name: name, AllowAbsolute: absolute})
	if err != nil {
		return nil, err
	}
	rel := r.snap.Live(server, schema, name, d.handle.Columns())
	out := &binder.Relation{Schema: schema, Name: name, Check: r.check(rel)}
	for _, c := range rel.Columns {
		out.Columns = append(out.Columns, binder.RelationColumn{Name: c.Name, Type: c.Type, AttNum: c.AttNum})
	}
	return out, r.attach(ctx, out, server, src, d, rel)
}

// foreign opens the source of a foreign table and describes the table.
func (r *relations) foreign(ctx context.Context, out *binder.Relation, server *catalog.Server, rel *catalog.Relation, key string) error {
	src, err := r.engine.sources.get(ctx, r.snap, server, r.role)
	if err != nil {
		return err
	}
	r.session.use(src)
	ref := rel.TableRef(r.snap.ReadsServerFiles(rel.Owner))
	for i, c := range ref.Columns {
		// The source compares values of an enum only when it orders the labels alike.
		if e := r.snap.Enum(c.Type.OID); e != nil {
			u := &connector.UserType{Kind: types.EnumKind}
			for _, l := range e.Labels {
				u.Labels = append(u.Labels, l.Name)
			}
			ref.Columns[i].User = u
		}
	}
	d, err := r.describe(ctx, src, key, ref)
	if err != nil {
		return err
	}
	if len(d.handle.Columns()) != len(rel.Columns) {
		return pgerror.Source(server.Name, pgerror.FDWColumnNameNotFound, "table "+rel.Name+" no longer has the columns it was declared with", nil)
	}
	return r.attach(ctx, out, server, src, d, rel)
}

// attach completes a relation with its source and policies.
func (r *relations) attach(ctx context.Context, out *binder.Relation, server *catalog.Server, src *source, d described, rel *catalog.Relation) error {
	var err error
	out.Server, out.Source, out.Handle = server.Name, src.Source, d.handle
	for i, c := range d.handle.Columns() {
		out.Columns[i].Key = c.Key
	}
	var stored *connector.Statistics
	if rel.OID != 0 {
		stored = r.engine.Catalog.Statistics(rel.OID)
	}
	stats := newTableStatistics(src.Source, d.handle, d.rows, stored)
	out.Rows, out.Stats = stats.Rows(), stats
	if out.Policy, err = r.engine.Policies.ForTable(ctx, policy.Principal{Snapshot: r.snap, Role: r.role}, rel); err != nil {
		return err
	}
	r.remoteWritable(out, server, src, d, rel)
	return nil
}

// check asks for SELECT on columns, or on any when none is read.
func (r *relations) check(rel *catalog.Relation) func(role types.OID, columns []int) error {
	return func(role types.OID, columns []int) error {
		denied := pgerror.PermissionDenied(rel.Kind.String(), rel.Name)
		if len(columns) == 0 {
			if !r.snap.HasAnyColumn(role, rel, catalog.Select) {
				return denied
			}
			return nil
		}
		for _, i := range columns {
			if !r.snap.HasColumn(role, rel, rel.Columns[i].AttNum, catalog.Select) {
				return denied
			}
		}
		return nil
	}
}
