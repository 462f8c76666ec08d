package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

func missing(kind, name string) *pgerror.Error {
	return pgerror.Newf(pgerror.UndefinedObject, `%s "%s" does not exist`, kind, name)
}

func exists(kind, name string) *pgerror.Error {
	return pgerror.Newf(pgerror.DuplicateObject, `%s "%s" already exists`, kind, name)
}

func mustBeOwner(kind, name string) *pgerror.Error {
	return pgerror.Newf(pgerror.InsufficientPrivilege, "must be owner of %s %s", kind, name)
}

// owns reports whether the current role may do what an owner may.
func (r *run) owns(owner types.OID) bool { return r.snap().HasPrivsOf(r.role.OID, owner) }

func (r *run) super() bool { return r.role.Super }

// roleByName returns a role or 42704.
func (r *run) roleByName(name string) (*catalog.Role, error) {
	o, ok := r.snap().Role(name)
	if !ok {
		return nil, missing("role", name)
	}
	return o, nil
}

// roleSpec resolves a role specification that is not PUBLIC.
func (r *run) roleSpec(n *pg.RoleSpec) (*catalog.Role, error) {
	switch n.GetRoletype() {
	case pg.RoleSpecType_ROLESPEC_CURRENT_ROLE, pg.RoleSpecType_ROLESPEC_CURRENT_USER:
		return r.role, nil
	case pg.RoleSpecType_ROLESPEC_SESSION_USER:
		return r.roleByName(r.env.Session.SessionUser)
	case pg.RoleSpecType_ROLESPEC_PUBLIC:
		return nil, missing("role", "public")
	}
	return r.roleByName(n.GetRolename())
}

// roleOrPublic resolves a role specification; PUBLIC is catalog.PublicRole.
func (r *run) roleOrPublic(n *pg.RoleSpec) (types.OID, error) {
	if n.GetRoletype() == pg.RoleSpecType_ROLESPEC_PUBLIC {
		return catalog.PublicRole, nil
	}
	o, err := r.roleSpec(n)
	if err != nil {
		return 0, err
	}
	return o.OID, nil
}

// rolesOrPublic resolves a list of role specifications.
func (r *run) rolesOrPublic(nodes []*pg.Node) ([]types.OID, error) {
	var out []types.OID
	for _, n := range nodes {
		o, err := r.roleOrPublic(n.GetRoleSpec())
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (r *run) server(name string) (*catalog.Server, error) {
	s, ok := r.snap().Server(name)
	if !ok {
		return nil, missing("server", name)
	}
	return s, nil
}

func (r *run) schema(name string) (*catalog.Schema, error) {
	if name == TempSchema {
		name = TempSchemaOf(r.env.Session.PID)
	}
	s, ok := r.snap().Schema(name)
	if !ok {
		return nil, pgerror.Newf(pgerror.InvalidSchemaName, `schema "%s" does not exist`, name)
	}
	return s, nil
}

// createIn returns the schema that a new object called name goes to, with the
// privilege to create in it checked.
func (r *run) createIn(name string) (*catalog.Schema, error) {
	if name == "" {
		path := r.env.SearchPath
		if len(path) > 0 && path[0] == TempSchemaOf(r.env.Session.PID) {
			path = path[1:]
		}
		if len(path) == 0 {
			return nil, pgerror.New(pgerror.InvalidSchemaName, "no schema has been selected to create in")
		}
		name = path[0]
	}
	s, err := r.schema(name)
	if err != nil {
		return nil, err
	}
	if s.System() {
		return nil, pgerror.PermissionDenied("schema", name).WithDetail("System catalog modifications are currently disallowed.")
	}
	if !r.snap().HasSchema(r.role.OID, s, catalog.Create) {
		return nil, pgerror.PermissionDenied("schema", name)
	}
	return s, nil
}

// noCatalog refuses three-part names where a stored object is meant.
func (r *run) noCatalog(n *pg.RangeVar) error {
	if n.GetCatalogname() == "" || n.GetCatalogname() == r.env.Session.Database {
		return nil
	}
	return pgerror.NotSupported("tables addressed as server.schema.table cannot be changed").
		WithHint("Create a foreign table over it: what is defined there holds for the live table, too.")
}

// find looks a relation up; nil without an error when it does not exist.
func (r *run) find(n *pg.RangeVar) (*catalog.Relation, error) {
	if err := r.noCatalog(n); err != nil {
		return nil, err
	}
	if n.GetSchemaname() != "" {
		s, err := r.schema(n.GetSchemaname())
		if err != nil {
			return nil, err
		}
		rel, _ := r.snap().Relation(s.Name, n.GetRelname())
		return rel, nil
	}
	rel, _ := r.snap().Lookup(r.env.SearchPath, n.GetRelname())
	return rel, nil
}

// undefinedRelation is 42P01 with the name as written.
func undefinedRelation(n *pg.RangeVar) *pgerror.Error {
	name := n.GetRelname()
	if n.GetSchemaname() != "" {
		name = n.GetSchemaname() + "." + name
	}
	return pgerror.Newf(pgerror.UndefinedTable, `relation "%s" does not exist`, name)
}

// relation looks a relation up or fails.
func (r *run) relation(n *pg.RangeVar) (*catalog.Relation, error) {
	rel, err := r.find(n)
	if err == nil && rel == nil {
		err = r.at(undefinedRelation(n), n.GetLocation())
	}
	return rel, err
}

// ownRelation looks up a relation that the current role owns.
func (r *run) ownRelation(n *pg.RangeVar) (*catalog.Relation, error) {
	rel, err := r.relation(n)
	if err != nil {
		return nil, err
	}
	if !r.owns(rel.Owner) {
		return nil, mustBeOwner(rel.Kind.String(), rel.Name)
	}
	return rel, nil
}

// nameVar makes a RangeVar of a list of name parts.
func nameVar(parts []string) *pg.RangeVar {
	v := &pg.RangeVar{Location: -1}
	switch len(parts) {
	case 1:
		v.Relname = parts[0]
	case 2:
		v.Schemaname, v.Relname = parts[0], parts[1]
	case 3:
		v.Catalogname, v.Schemaname, v.Relname = parts[0], parts[1], parts[2]
	}
	return v
}

// names returns the parts of an object name, which the grammar gives as a
// String or a List of them.
func names(n *pg.Node) []string {
	if l := n.GetList(); l != nil {
		return parser.Strings(l.Items)
	}
	return parser.Strings([]*pg.Node{n})
}

// column finds a column or 42703.
func column(rel *catalog.Relation, name string) (*catalog.Column, error) {
	c, ok := rel.Column(name)
	if !ok {
		return nil, pgerror.Newf(pgerror.UndefinedColumn, `column "%s" of relation "%s" does not exist`, name, rel.Name)
	}
	return c, nil
}

// reserved checks the name of a new role.
func reserved(name string) error {
	switch {
	case name == "public" || name == "none":
		return pgerror.Newf(pgerror.ReservedName, `role name "%s" is reserved`, name)
	case len(name) >= 3 && name[:3] == "pg_":
		return pgerror.Newf(pgerror.ReservedName, `role name "%s" is reserved`, name).WithDetail(`Role names starting with "pg_" are reserved.`)
	}
	return nil
}
