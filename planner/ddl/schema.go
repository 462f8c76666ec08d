package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

func (r *run) createSchema(s *pg.CreateSchemaStmt) error {
	if len(s.SchemaElts) > 0 {
		return pgerror.NotSupported("CREATE SCHEMA with schema elements is not supported")
	}
	// Creating a schema is a privilege on the database, which belongs to the
	// bootstrap superuser.
	if !r.super() && !r.owns(catalog.RoleDatabaseOwner) {
		return pgerror.PermissionDenied("database", r.env.Session.Database)
	}
	owner := r.role
	if s.Authrole != nil {
		var err error
		if owner, err = r.roleSpec(s.Authrole); err != nil {
			return err
		}
		if err := r.mayGive(owner); err != nil {
			return err
		}
	}
	name := s.Schemaname
	if name == "" {
		name = owner.Name
	}
	if strings.HasPrefix(name, "pg_") {
		return pgerror.Newf(pgerror.ReservedName, `unacceptable schema name "%s"`, name).WithDetail(`The prefix "pg_" is reserved for system schemas.`)
	}
	if _, ok := r.snap().Schema(name); ok {
		if s.IfNotExists {
			r.notice(pgerror.DuplicateSchema, `schema "%s" already exists, skipping`, name)
			return nil
		}
		return pgerror.Newf(pgerror.DuplicateSchema, `schema "%s" already exists`, name)
	}
	return r.tx.Put(&catalog.Schema{OID: r.tx.NewOID(), Name: name, Owner: owner.OID})
}

// mayGive checks that the current role may make owner the owner of something.
func (r *run) mayGive(owner *catalog.Role) error {
	if !r.snap().IsMember(r.role.OID, owner.OID) {
		return pgerror.Newf(pgerror.InsufficientPrivilege, `must be member of role "%s"`, owner.Name)
	}
	return nil
}

func (r *run) createView(s *pg.ViewStmt) error {
	switch {
	case s.WithCheckOption > pg.ViewCheckOption_NO_CHECK_OPTION:
		return pgerror.NotSupported("WITH CHECK OPTION is not supported")
	case s.View.GetRelpersistence() == "t":
		return pgerror.NotSupported("temporary views are not supported")
	}
	for _, o := range s.Options {
		if n := o.GetDefElem().GetDefname(); n != "security_barrier" {
			return pgerror.NotSupported(`view option "%s" is not supported`, n)
		}
	}
	if err := r.noCatalog(s.View); err != nil {
		return err
	}
	schema, err := r.createIn(s.View.Schemaname)
	if err != nil {
		return err
	}
	name := s.View.Relname
	old, taken := r.snap().Relation(schema.Name, name)
	switch {
	case taken && !s.Replace:
		return pgerror.Newf(pgerror.DuplicateTable, `relation "%s" already exists`, name)
	case taken && old.Kind != catalog.View:
		return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a view`, name)
	case taken && !r.owns(old.Owner):
		return mustBeOwner("view", name)
	}
	query, from, err := parser.ViewQuery(r.st.SQL)
	if err != nil {
		return err
	}
	columns, depends, err := r.env.BindView(r.ctx, query)
	if err != nil {
		return r.within(err, r.st.Offset+from)
	}
	aliases := parser.Strings(s.Aliases)
	if len(aliases) > len(columns) {
		return pgerror.New(pgerror.SyntaxError, "CREATE VIEW specifies more column names than columns")
	}
	seen := map[string]bool{}
	for i := range columns {
		if i < len(aliases) {
			columns[i].Name = aliases[i]
		}
		columns[i].AttNum = int16(i + 1)
		if seen[columns[i].Name] {
			return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" specified more than once`, columns[i].Name)
		}
		seen[columns[i].Name] = true
	}
	v := &catalog.Relation{
		OID: r.tx.NewOID(), SchemaID: schema.OID, Schema: schema.Name, Name: name, Kind: catalog.View, Owner: r.role.OID,
		Columns: columns, NextAttNum: int16(len(columns) + 1), ViewSQL: query, ViewPath: r.env.SearchPath, Depends: depends,
	}
	if taken {
		if err := replaceable(old, v); err != nil {
			return err
		}
		if r.reads(depends, old.OID) {
			return pgerror.Newf(pgerror.InvalidObjectDefinition, `infinite recursion detected in rules for relation "%s"`, name)
		}
		v.OID, v.Owner, v.ACL = old.OID, old.Owner, old.ACL
		for i := range old.Columns {
			v.Columns[i].ACL = old.Columns[i].ACL
		}
	}
	return r.tx.Put(v)
}

// reads reports whether target is among relations or what their views read.
func (r *run) reads(relations []types.OID, target types.OID) bool {
	snap := r.snap()
	seen := map[types.OID]bool{}
	for todo := slices.Clone(relations); len(todo) > 0; {
		id := todo[0]
		todo = todo[1:]
		if id == target {
			return true
		}
		if rel, ok := snap.RelationByOID(id); ok && !seen[id] {
			seen[id] = true
			todo = append(todo, rel.Depends...)
		}
	}
	return false
}

// replaceable checks what CREATE OR REPLACE VIEW may change: columns may only be
// added at the end.
func replaceable(old, v *catalog.Relation) error {
	if len(v.Columns) < len(old.Columns) {
		return pgerror.New(pgerror.InvalidTableDefinition, "cannot drop columns from view")
	}
	for i, c := range old.Columns {
		n := v.Columns[i]
		if n.Name != c.Name {
			return pgerror.Newf(pgerror.InvalidTableDefinition, `cannot change name of view column "%s" to "%s"`, c.Name, n.Name).
				WithHint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.")
		}
		if n.Type != c.Type {
			return pgerror.Newf(pgerror.InvalidTableDefinition, `cannot change data type of view column "%s" from %s to %s`, c.Name, types.FormatType(c.Type), types.FormatType(n.Type))
		}
	}
	return nil
}
