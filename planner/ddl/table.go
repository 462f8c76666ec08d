package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// maxColumns is PostgreSQL's MaxHeapAttributeNumber.
const maxColumns = 1600

func (r *run) createTable(s *pg.CreateForeignTableStmt) error {
	base := s.BaseStmt
	if len(base.InhRelations) > 0 || base.Partbound != nil || base.Partspec != nil || base.OfTypename != nil {
		return pgerror.NotSupported("inheritance and partitions of foreign tables are not supported")
	}
	if err := r.noCatalog(base.Relation); err != nil {
		return err
	}
	schema, err := r.createIn(base.Relation.Schemaname)
	if err != nil {
		return err
	}
	name := base.Relation.Relname
	if _, ok := r.snap().Relation(schema.Name, name); ok {
		if base.IfNotExists {
			r.notice(pgerror.DuplicateTable, `relation "%s" already exists, skipping`, name)
			return nil
		}
		return pgerror.Newf(pgerror.DuplicateTable, `relation "%s" already exists`, name)
	}
	server, err := r.server(s.Servername)
	if err != nil {
		return err
	}
	if !r.snap().HasServer(r.role.OID, server, catalog.Usage) {
		return pgerror.PermissionDenied("foreign server", server.Name)
	}
	_, con, err := r.wrapper(server.Wrapper)
	if err != nil {
		return err
	}
	rel := &catalog.Relation{
		OID: r.tx.NewOID(), SchemaID: schema.OID, Schema: schema.Name, Name: name, Kind: catalog.ForeignTable,
		Owner: r.role.OID, Server: server.Name, ServerID: server.OID, NextAttNum: 1,
	}
	sc := r.tableScope(rel, server, con)
	if rel.Options, err = r.apply(nil, s.Options, sc); err != nil {
		return err
	}
	for _, n := range base.TableElts {
		d := n.GetColumnDef()
		if d == nil {
			return pgerror.NotSupported("constraints and LIKE are not supported on foreign tables")
		}
		if err := r.addColumn(rel, d, sc); err != nil {
			return err
		}
	}
	return r.tx.Put(rel)
}

// tableScope is the scope of a foreign table's options.
func (r *run) tableScope(rel *catalog.Relation, server *catalog.Server, con connector.Connector) optionScope {
	_, rooted := server.Options.Get("root")
	return optionScope{con: con, level: connector.OnTable, object: rel.OID, rooted: rooted}
}

// addColumn appends a column to a relation that is not in the catalog yet.
func (r *run) addColumn(rel *catalog.Relation, d *pg.ColumnDef, sc optionScope) error {
	if _, ok := rel.Column(d.Colname); ok {
		return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" specified more than once`, d.Colname)
	}
	if len(rel.Columns) >= maxColumns {
		return pgerror.Newf(pgerror.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	t, err := r.typeOf(d.TypeName)
	if err != nil {
		return r.at(pgerror.From(err), d.TypeName.GetLocation())
	}
	c := catalog.Column{Name: d.Colname, AttNum: rel.NextAttNum, Type: t, NotNull: d.IsNotNull}
	for _, n := range d.Constraints {
		switch k := n.GetConstraint(); k.GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL:
			c.NotNull = true
		case pg.ConstrType_CONSTR_NULL:
			c.NotNull = false
		case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE, pg.ConstrType_CONSTR_FOREIGN:
			kind := map[pg.ConstrType]string{
				pg.ConstrType_CONSTR_PRIMARY: "primary key", pg.ConstrType_CONSTR_UNIQUE: "unique", pg.ConstrType_CONSTR_FOREIGN: "foreign key",
			}[k.GetContype()]
			return r.at(pgerror.NotSupported("%s constraints are not supported on foreign tables", kind), k.GetLocation())
		default:
			return r.at(pgerror.NotSupported("DEFAULT, CHECK and generated columns are not supported on foreign tables"), k.GetLocation())
		}
	}
	sc.level = connector.OnColumn
	if c.Options, err = r.apply(nil, d.Fdwoptions, sc); err != nil {
		return err
	}
	rel.Columns = append(rel.Columns, c)
	rel.NextAttNum++
	return nil
}

// importSchema makes one foreign table per table of a remote schema. Tables that
// cannot be read are left out with a WARNING.
func (r *run) importSchema(s *pg.ImportForeignSchemaStmt) error {
	server, err := r.server(s.ServerName)
	if err != nil {
		return err
	}
	if !r.snap().HasServer(r.role.OID, server, catalog.Usage) {
		return pgerror.PermissionDenied("foreign server", server.Name)
	}
	schema, err := r.createIn(s.LocalSchema)
	if err != nil {
		return err
	}
	_, con, err := r.wrapper(server.Wrapper)
	if err != nil {
		return err
	}
	notNull := true
	for _, n := range s.Options {
		switch d := n.GetDefElem(); d.GetDefname() {
		case "import_collate", "import_default", "import_generated":
		case "import_not_null":
			notNull = defText(d) != "false"
		default:
			return pgerror.Newf(pgerror.FDWInvalidOptionName, `invalid option "%s"`, d.GetDefname()).
				WithHint("Valid options in this context are: import_collate, import_default, import_generated, import_not_null")
		}
	}
	source, err := r.env.Sources.Open(r.ctx, r.snap(), server, r.role.OID)
	if err != nil {
		return err
	}
	remote, err := remoteSchema(r, source, server, s.RemoteSchema)
	if err != nil {
		return err
	}
	tables, err := source.Tables(r.ctx, remote)
	if err != nil {
		return err
	}
	made := &importing{run: r, schema: schema, server: server, done: map[string]types.Type{}}
	snap := r.snap()
	absolute := snap.ReadsServerFiles(r.role.OID)
	wanted := wantedTables(s)
	for _, name := range tables {
		if !wanted(name) {
			continue
		}
		if _, ok := snap.Relation(schema.Name, name); ok {
			return pgerror.Newf(pgerror.DuplicateTable, `relation "%s" already exists`, name)
		}
		h, err := source.Table(r.ctx, connector.TableRef{Schema: remote, Name: name, AllowAbsolute: absolute})
		if err != nil {
			if r.ctx.Err() != nil {
				return err
			}
			if code := string(pgerror.CodeOf(err)); strings.HasPrefix(code, "08") || strings.HasPrefix(code, "28") {
				return err // the source itself is gone, not one table
			}
			e := pgerror.From(err)
			r.warning(e.Code, `table "%s" is not imported: %s`, name, e.Message)
			continue
		}
		rel := &catalog.Relation{
			OID: r.tx.NewOID(), SchemaID: schema.OID, Schema: schema.Name, Name: name, Kind: catalog.ForeignTable,
			Owner: r.role.OID, Server: server.Name, ServerID: server.OID, NextAttNum: 1,
			Remote: &catalog.RemoteName{Schema: remote, Name: name},
		}
		rel.Options = importedOptions(con, remote, name)
		ok, err := r.importColumns(rel, con, h.Columns(), notNull, made)
		if err != nil {
			return err
		}
		if ok {
			if err := r.tx.Put(rel); err != nil {
				return err
			}
		}
	}
	return nil
}

// importedOptions are those that name the remote table, in the wrapper's terms.
func importedOptions(con connector.Connector, schema, table string) catalog.Options {
	var out catalog.Options
	for _, o := range []struct{ name, value string }{{"schema_name", schema}, {"dbname", schema}, {"table_name", table}, {"table", table}} {
		if o.value != "" && hasOption(con, connector.OnTable, o.name) {
			out = out.With(catalog.Option{Name: o.name, Value: o.value})
		}
	}
	return out
}

// importColumns adds the columns a source reports; false means that the table
// cannot be imported and a WARNING says why.
func (r *run) importColumns(rel *catalog.Relation, con connector.Connector, columns []connector.Column, notNull bool, made *importing) (bool, error) {
	if len(columns) > maxColumns {
		r.warning(pgerror.TooManyColumns, `table "%s" is not imported: it has more than %d columns`, rel.Name, maxColumns)
		return false, nil
	}
	named := hasOption(con, connector.OnColumn, "column_name")
	for _, c := range columns {
		if _, ok := rel.Column(c.Name); ok {
			r.warning(pgerror.DuplicateColumn, `table "%s" is not imported: column "%s" occurs twice`, rel.Name, c.Name)
			return false, nil
		}
		t, err := made.columnType(c)
		if err != nil {
			return false, typeError(rel.Name, c.Name, err)
		}
		if c.Note != "" && c.User == nil {
			r.notice(pgerror.WarningCode, `column "%s" of table "%s": %s`, c.Name, rel.Name, c.Note)
		}
		col := catalog.Column{Name: c.Name, AttNum: rel.NextAttNum, Type: t, NotNull: c.NotNull && notNull}
		if named {
			col.Options = catalog.Options{{Name: "column_name", Value: c.Name}}
		}
		rel.Columns = append(rel.Columns, col)
		rel.NextAttNum++
	}
	return true, nil
}

// remoteSchema returns the schema of the source that the statement means.
func remoteSchema(r *run, source connector.Source, server *catalog.Server, name string) (string, error) {
	schemas, err := source.Schemas(r.ctx)
	if err != nil {
		return "", err
	}
	if slices.Contains(schemas, name) {
		return name, nil
	}
	// Sources of one schema take any name; for those of files the usual names
	// stand for the root.
	usual := name == "public" || name == "main"
	if i := slices.Index(schemas, ""); i >= 0 && (len(schemas) == 1 || usual) {
		return "", nil
	}
	if len(schemas) == 1 && usual && server.Wrapper == "sqlite_fdw" {
		return schemas[0], nil
	}
	return "", pgerror.Newf(pgerror.FDWSchemaNotFound, `schema "%s" is not present on foreign server "%s"`, name, server.Name)
}

// wantedTables is the LIMIT TO or EXCEPT clause.
func wantedTables(s *pg.ImportForeignSchemaStmt) func(string) bool {
	list := map[string]bool{}
	for _, n := range s.TableList {
		list[n.GetRangeVar().GetRelname()] = true
	}
	switch s.ListType {
	case pg.ImportForeignSchemaType_FDW_IMPORT_SCHEMA_LIMIT_TO:
		return func(t string) bool { return list[t] }
	case pg.ImportForeignSchemaType_FDW_IMPORT_SCHEMA_EXCEPT:
		return func(t string) bool { return !list[t] }
	}
	return func(string) bool { return true }
}
