package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// alterTag is the command tag of a statement about a relation.
func alterTag(t pg.ObjectType) string {
	switch t {
	case pg.ObjectType_OBJECT_FOREIGN_TABLE:
		return "ALTER FOREIGN TABLE"
	case pg.ObjectType_OBJECT_VIEW:
		return "ALTER VIEW"
	case pg.ObjectType_OBJECT_SEQUENCE:
		return "ALTER SEQUENCE"
	case pg.ObjectType_OBJECT_MATVIEW:
		return "ALTER MATERIALIZED VIEW"
	}
	return "ALTER TABLE"
}

// ofKind checks that a relation is what the statement calls it. ALTER TABLE is
// for every kind.
func ofKind(rel *catalog.Relation, t pg.ObjectType) error {
	switch {
	case t == pg.ObjectType_OBJECT_FOREIGN_TABLE && rel.Kind != catalog.ForeignTable:
		return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a foreign table`, rel.Name)
	case t == pg.ObjectType_OBJECT_VIEW && rel.Kind != catalog.View:
		return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a view`, rel.Name)
	case t == pg.ObjectType_OBJECT_MATVIEW && rel.Kind != catalog.MatView:
		return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a materialized view`, rel.Name)
	case t == pg.ObjectType_OBJECT_INDEX || t == pg.ObjectType_OBJECT_SEQUENCE && rel.Kind != catalog.Sequence:
		return pgerror.Newf(pgerror.WrongObjectType, `"%s" is a %s`, rel.Name, rel.Kind)
	}
	return nil
}

func (r *run) alterTable(s *pg.AlterTableStmt) error {
	if s.Objtype == pg.ObjectType_OBJECT_TYPE {
		return pgerror.NotSupported("ALTER TYPE is not supported")
	}
	rel, err := r.find(s.Relation)
	if err != nil {
		return err
	}
	if rel == nil {
		e := undefinedRelation(s.Relation)
		if s.MissingOk {
			r.notice(pgerror.SuccessfulCompletion, "%s, skipping", e.Message)
			return r.tag(alterTag(s.Objtype), nil)
		}
		return r.at(e, s.Relation.GetLocation())
	}
	if !r.owns(rel.Owner) {
		return mustBeOwner(rel.Kind.String(), rel.Name)
	}
	if err := ofKind(rel, s.Objtype); err != nil {
		return err
	}
	for _, n := range s.Cmds {
		rel, _ = r.snap().RelationByOID(rel.OID)
		if err := r.alterCommand(rel, n.GetAlterTableCmd()); err != nil {
			return err
		}
	}
	return r.tag(alterTag(s.Objtype), nil)
}

// alterCommand applies one subcommand.
func (r *run) alterCommand(old *catalog.Relation, c *pg.AlterTableCmd) error {
	rel := old.Clone()
	isTable := func() error {
		if rel.Kind != catalog.ForeignTable {
			return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a foreign table`, rel.Name)
		}
		return nil
	}
	switch c.Subtype {
	case pg.AlterTableType_AT_ChangeOwner:
		owner, err := r.roleSpec(c.Newowner)
		if err != nil {
			return err
		}
		return r.giveRelation(rel, owner)
	case pg.AlterTableType_AT_EnableRowSecurity, pg.AlterTableType_AT_DisableRowSecurity,
		pg.AlterTableType_AT_ForceRowSecurity, pg.AlterTableType_AT_NoForceRowSecurity:
		if rel.Kind == catalog.View {
			return pgerror.Newf(pgerror.WrongObjectType, `ALTER action %s cannot be performed on relation "%s"`, rowSecurityAction(c.Subtype), rel.Name).
				WithDetail("This operation is not supported for views.")
		}
		switch c.Subtype {
		case pg.AlterTableType_AT_EnableRowSecurity:
			rel.RowSecurity = true
		case pg.AlterTableType_AT_DisableRowSecurity:
			rel.RowSecurity = false
		case pg.AlterTableType_AT_ForceRowSecurity:
			rel.ForceRowSecurity = true
		default:
			rel.ForceRowSecurity = false
		}
		return r.tx.Put(rel)
	}
	if rel.Kind == catalog.Table {
		return r.alterLocal(rel, c)
	}
	if err := isTable(); err != nil {
		return err
	}
	server, ok := r.snap().ServerByOID(rel.ServerID)
	if !ok {
		return missing("server", rel.Server)
	}
	_, con, err := r.wrapper(server.Wrapper)
	if err != nil {
		return err
	}
	sc := r.tableScope(rel, server, con)
	switch c.Subtype {
	case pg.AlterTableType_AT_GenericOptions:
		if err := r.unprotected(rel, "change the options of"); err != nil {
			return err
		}
		if rel.Options, err = r.apply(rel.Options, c.Def.GetList().GetItems(), sc); err != nil {
			return err
		}
	case pg.AlterTableType_AT_AlterColumnGenericOptions:
		if _, err := column(rel, c.Name); err != nil {
			return err
		}
		if err := r.unprotected(rel, "change the options of"); err != nil {
			return err
		}
		sc.level = connector.OnColumn
		for i := range rel.Columns {
			if rel.Columns[i].Name == c.Name {
				if rel.Columns[i].Options, err = r.apply(rel.Columns[i].Options, c.Def.GetList().GetItems(), sc); err != nil {
					return err
				}
			}
		}
	case pg.AlterTableType_AT_AddColumn:
		if _, taken := rel.Column(c.Def.GetColumnDef().GetColname()); taken {
			if c.MissingOk {
				r.notice(pgerror.DuplicateColumn, `column "%s" of relation "%s" already exists, skipping`, c.Def.GetColumnDef().GetColname(), rel.Name)
				return nil
			}
			return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" of relation "%s" already exists`, c.Def.GetColumnDef().GetColname(), rel.Name)
		}
		if err := r.addColumn(rel, c.Def.GetColumnDef(), sc); err != nil {
			return err
		}
	case pg.AlterTableType_AT_DropColumn:
		if _, err := column(rel, c.Name); err != nil {
			if c.MissingOk {
				r.notice(pgerror.SuccessfulCompletion, `column "%s" of relation "%s" does not exist, skipping`, c.Name, rel.Name)
				return nil
			}
			return err
		}
		if err := r.unused(rel, "drop a column of"); err != nil {
			return err
		}
		rel.Columns = slices.DeleteFunc(rel.Columns, func(x catalog.Column) bool { return x.Name == c.Name })
	case pg.AlterTableType_AT_SetNotNull, pg.AlterTableType_AT_DropNotNull:
		if _, err := column(rel, c.Name); err != nil {
			return err
		}
		for i := range rel.Columns {
			if rel.Columns[i].Name == c.Name {
				rel.Columns[i].NotNull = c.Subtype == pg.AlterTableType_AT_SetNotNull
			}
		}
	case pg.AlterTableType_AT_AlterColumnType:
		if _, err := column(rel, c.Name); err != nil {
			return err
		}
		if err := r.unused(rel, "alter the type of a column of"); err != nil {
			return err
		}
		t, err := r.typeOf(c.Def.GetColumnDef().GetTypeName())
		if err != nil {
			return err
		}
		for i := range rel.Columns {
			if rel.Columns[i].Name == c.Name {
				rel.Columns[i].Type = t
			}
		}
	default:
		return pgerror.NotSupported("ALTER TABLE action %s is not supported", strings.TrimPrefix(c.Subtype.String(), "AT_"))
	}
	return r.tx.Put(rel)
}

func rowSecurityAction(t pg.AlterTableType) string {
	switch t {
	case pg.AlterTableType_AT_EnableRowSecurity:
		return "ENABLE ROW SECURITY"
	case pg.AlterTableType_AT_DisableRowSecurity:
		return "DISABLE ROW SECURITY"
	case pg.AlterTableType_AT_ForceRowSecurity:
		return "FORCE ROW SECURITY"
	}
	return "NO FORCE ROW SECURITY"
}

// unprotected refuses a change that would move the policies of a table to
// another object or column of the source.
func (r *run) unprotected(rel *catalog.Relation, what string) error {
	snap := r.snap()
	if len(snap.RowPolicies(rel.OID))+len(snap.MaskingPolicies(rel.OID)) > 0 {
		return pgerror.Newf(pgerror.DependentObjectsStillExist, `cannot %s table "%s" while it has policies`, what, rel.Name).
			WithHint("Drop its policies first, and make them again afterwards.")
	}
	return nil
}

// unused refuses a change that the texts of views and policies would not follow.
func (r *run) unused(rel *catalog.Relation, what string) error {
	if err := r.unprotected(rel, what); err != nil {
		return err
	}
	for _, v := range r.snap().Dependents(rel.OID) {
		return pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot %s %s because other objects depend on it", what, r.describe(rel)).
			WithDetail("%s depends on %s", r.describe(v), r.describe(rel))
	}
	return nil
}

// giveRelation makes owner the owner of a relation.
func (r *run) giveRelation(rel *catalog.Relation, owner *catalog.Role) error {
	if err := r.mayGive(owner); err != nil {
		return err
	}
	if schema, ok := r.snap().SchemaByOID(rel.SchemaID); ok && !r.super() && !r.snap().HasSchema(owner.OID, schema, catalog.Create) {
		return pgerror.PermissionDenied("schema", schema.Name)
	}
	// A view reads with its owner's privileges, and a file name that only some
	// roles may give must not pass to one that they trust more.
	if rel.Kind == catalog.ForeignTable && !r.super() && r.snap().ReadsServerFiles(owner.OID) && !r.snap().ReadsServerFiles(r.role.OID) {
		return pgerror.PermissionDenied("foreign table", rel.Name)
	}
	rel.ACL = rel.ACL.ChangeOwner(rel.Owner, owner.OID)
	for i := range rel.Columns {
		rel.Columns[i].ACL = rel.Columns[i].ACL.ChangeOwner(rel.Owner, owner.OID)
	}
	rel.Owner = owner.OID
	return r.tx.Put(rel)
}

func (r *run) alterOwner(s *pg.AlterOwnerStmt) error {
	owner, err := r.roleSpec(s.Newowner)
	if err != nil {
		return err
	}
	switch s.ObjectType {
	case pg.ObjectType_OBJECT_FOREIGN_SERVER:
		o, err := r.ownServer(names(s.Object)[0])
		if err != nil {
			return err
		}
		if err := r.mayGive(owner); err != nil {
			return err
		}
		w, ok := r.snap().Wrapper(o.Wrapper)
		if ok && !r.super() && !r.snap().HasWrapper(owner.OID, w, catalog.Usage) {
			return pgerror.PermissionDenied("foreign-data wrapper", w.Name)
		}
		o = o.Clone()
		o.ACL = o.ACL.ChangeOwner(o.Owner, owner.OID)
		o.Owner = owner.OID
		return r.tag("ALTER SERVER", r.tx.Put(o))
	case pg.ObjectType_OBJECT_TYPE:
		return r.tag("ALTER TYPE", r.giveType(names(s.Object), owner))
	case pg.ObjectType_OBJECT_DOMAIN:
		return r.tag("ALTER DOMAIN", r.giveType(names(s.Object), owner))
	case pg.ObjectType_OBJECT_SCHEMA:
		x, _, err := r.findSchema(s.Object, 0)
		if err != nil {
			return err
		}
		if err := r.mayGive(owner); err != nil {
			return err
		}
		if !r.super() && !r.owns(catalog.RoleDatabaseOwner) {
			return pgerror.PermissionDenied("database", r.env.Session.Database)
		}
		o := x.(*catalog.Schema).Clone()
		o.ACL = o.ACL.ChangeOwner(o.Owner, owner.OID)
		o.Owner = owner.OID
		return r.tag("ALTER SCHEMA", r.tx.Put(o))
	}
	return pgerror.NotSupported("ALTER %s OWNER is not supported", strings.ReplaceAll(strings.TrimPrefix(s.ObjectType.String(), "OBJECT_"), "_", " "))
}

func (r *run) rename(s *pg.RenameStmt) error {
	switch s.RenameType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_FOREIGN_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_MATVIEW:
		return r.renameRelation(s)
	case pg.ObjectType_OBJECT_COLUMN:
		return r.renameColumn(s)
	case pg.ObjectType_OBJECT_TYPE:
		return r.tag("ALTER TYPE", r.renameType(s))
	case pg.ObjectType_OBJECT_DOMAIN:
		return r.tag("ALTER DOMAIN", r.renameType(s))
	case pg.ObjectType_OBJECT_ATTRIBUTE:
		return r.tag("ALTER TYPE", r.renameAttribute(s))
	case pg.ObjectType_OBJECT_SCHEMA:
		return r.tag("ALTER SCHEMA", r.renameSchema(s))
	case pg.ObjectType_OBJECT_FOREIGN_SERVER:
		return r.tag("ALTER SERVER", r.renameServer(s))
	case pg.ObjectType_OBJECT_ROLE:
		return r.tag("ALTER ROLE", r.renameRole(s))
	case pg.ObjectType_OBJECT_POLICY:
		rel, err := r.ownRelation(s.Relation)
		if err != nil {
			return err
		}
		p, ok := r.snap().RowPolicy(rel.OID, s.Subname)
		if !ok {
			return noPolicy("policy", s.Subname, rel)
		}
		if _, taken := r.snap().RowPolicy(rel.OID, s.Newname); taken {
			return pgerror.Newf(pgerror.DuplicateObject, `policy "%s" for table "%s" already exists`, s.Newname, rel.Name)
		}
		p = p.Clone()
		p.Name = s.Newname
		return r.tag("ALTER POLICY", r.tx.Put(p))
	}
	return pgerror.NotSupported("ALTER %s RENAME is not supported", strings.ReplaceAll(strings.TrimPrefix(s.RenameType.String(), "OBJECT_"), "_", " "))
}

func (r *run) renameRelation(s *pg.RenameStmt) error {
	tag := alterTag(s.RenameType)
	rel, err := r.find(s.Relation)
	if err != nil {
		return err
	}
	if rel == nil {
		e := undefinedRelation(s.Relation)
		if s.MissingOk {
			r.notice(pgerror.SuccessfulCompletion, "%s, skipping", e.Message)
			return r.tag(tag, nil)
		}
		return r.at(e, s.Relation.GetLocation())
	}
	if !r.owns(rel.Owner) {
		return mustBeOwner(rel.Kind.String(), rel.Name)
	}
	if err := ofKind(rel, s.RenameType); err != nil {
		return err
	}
	if _, taken := r.snap().Relation(rel.Schema, s.Newname); taken {
		return pgerror.Newf(pgerror.DuplicateTable, `relation "%s" already exists`, s.Newname)
	}
	if len(r.snap().Dependents(rel.OID)) > 0 {
		if err := r.unused(rel, "rename"); err != nil {
			return err
		}
	}
	rel = rel.Clone()
	r.keepRemoteName(rel)
	rel.Name = s.Newname
	if err := renamed(rel, s.Relation.Relname, "", ""); err != nil {
		return err
	}
	return r.tag(tag, r.tx.Put(rel))
}

// keepRemoteName makes explicit what the source calls a table whose options do
// not say it, before its own name changes.
func (r *run) keepRemoteName(rel *catalog.Relation) {
	if rel.Kind == catalog.ForeignTable && rel.Remote == nil {
		rel.Remote = &catalog.RemoteName{Schema: rel.Schema, Name: rel.Name}
	}
}

func (r *run) renameColumn(s *pg.RenameStmt) error {
	tag := alterTag(s.RelationType)
	rel, err := r.ownRelation(s.Relation)
	if err != nil {
		return err
	}
	col, ok := rel.Column(s.Subname)
	if !ok {
		return pgerror.Newf(pgerror.UndefinedColumn, `column "%s" does not exist`, s.Subname)
	}
	if _, taken := rel.Column(s.Newname); taken {
		return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" of relation "%s" already exists`, s.Newname, rel.Name)
	}
	if err := r.unused(rel, "rename a column of"); err != nil {
		return err
	}
	rel = rel.Clone()
	for i := range rel.Columns {
		if rel.Columns[i].AttNum == col.AttNum {
			rel.Columns[i].Name = s.Newname
		}
	}
	if err := renamed(rel, rel.Name, s.Subname, s.Newname); err != nil {
		return err
	}
	return r.tag(tag, r.tx.Put(rel))
}

// renamed makes the expressions of a copy of a table, which may have had another
// name, follow a column's new name.
func renamed(rel *catalog.Relation, table, from, to string) error {
	for i := range rel.Constraints {
		k := &rel.Constraints[i]
		if k.SQL == "" {
			continue
		}
		var err error
		if k.SQL, err = parser.RenameColumn(k.SQL, table, from, to); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) renameSchema(s *pg.RenameStmt) error {
	old, err := r.schema(s.Subname)
	if err != nil {
		return err
	}
	switch {
	case !r.owns(old.Owner):
		return mustBeOwner("schema", old.Name)
	case old.System():
		return pgerror.PermissionDenied("schema", old.Name)
	case strings.HasPrefix(s.Newname, "pg_"):
		return pgerror.Newf(pgerror.ReservedName, `unacceptable schema name "%s"`, s.Newname).WithDetail(`The prefix "pg_" is reserved for system schemas.`)
	}
	if _, taken := r.snap().Schema(s.Newname); taken {
		return pgerror.Newf(pgerror.DuplicateSchema, `schema "%s" already exists`, s.Newname)
	}
	var moved []*catalog.Relation
	for _, rel := range r.snap().Relations() {
		if rel.SchemaID != old.OID {
			continue
		}
		if err := r.unused(rel, "rename the schema of"); err != nil {
			return err
		}
		n := rel.Clone()
		r.keepRemoteName(n)
		n.Schema = s.Newname
		moved = append(moved, n)
	}
	for _, n := range moved {
		if err := r.tx.Put(n); err != nil {
			return err
		}
	}
	o := old.Clone()
	o.Name = s.Newname
	return r.tx.Put(o)
}

func (r *run) renameServer(s *pg.RenameStmt) error {
	old, err := r.ownServer(names(s.Object)[0])
	if err != nil {
		return err
	}
	if _, taken := r.snap().Server(s.Newname); taken {
		return exists("server", s.Newname)
	}
	snap := r.snap()
	for _, rel := range snap.TablesOf(old.OID) {
		n := rel.Clone()
		n.Server = s.Newname
		if err := r.tx.Put(n); err != nil {
			return err
		}
	}
	o := old.Clone()
	o.Name = s.Newname
	return r.tx.Put(o)
}

func (r *run) renameRole(s *pg.RenameStmt) error {
	old, err := r.roleByName(s.Subname)
	if err != nil {
		return err
	}
	if err := systemRole(old); err != nil {
		return err
	}
	switch {
	case old.Name == r.env.Session.SessionUser:
		return pgerror.New(pgerror.FeatureNotSupported, "session user cannot be renamed")
	case old.OID == r.role.OID:
		return pgerror.New(pgerror.FeatureNotSupported, "current user cannot be renamed")
	case old.Super && !r.super():
		return insufficient("must be superuser to rename superusers")
	case !r.super() && !r.role.CreateRole:
		return insufficient("permission denied to rename role")
	}
	if err := reserved(s.Newname); err != nil {
		return err
	}
	if _, taken := r.snap().Role(s.Newname); taken {
		return exists("role", s.Newname)
	}
	o := old.Clone()
	o.Name = s.Newname
	return r.tx.Put(o)
}
