package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// granting is one GRANT or REVOKE.
type granting struct {
	*run
	stmt     *pg.GrantStmt
	grantees []types.OID
}

// columnPriv is a privilege on some columns.
type columnPriv struct {
	priv    catalog.Privilege
	columns []string
}

func (r *run) grant(s *pg.GrantStmt) error {
	if s.Targtype == pg.GrantTargetType_ACL_TARGET_DEFAULTS {
		return pgerror.NotSupported("ALTER DEFAULT PRIVILEGES is not supported")
	}
	g := &granting{run: r, stmt: s}
	if s.Grantor != nil {
		o, err := r.roleSpec(s.Grantor)
		if err != nil {
			return err
		}
		if o.OID != r.role.OID {
			return pgerror.New(pgerror.FeatureNotSupported, "grantor must be current user")
		}
	}
	var err error
	if g.grantees, err = r.rolesOrPublic(s.Grantees); err != nil {
		return err
	}
	for _, o := range g.grantees {
		if o == catalog.PublicRole && s.GrantOption && s.IsGrant {
			return pgerror.New(invalidGrant, "grant options can only be granted to roles")
		}
	}
	switch s.Objtype {
	case pg.ObjectType_OBJECT_TABLE:
		return g.tables(catalog.AllTable, "table")
	case pg.ObjectType_OBJECT_SEQUENCE:
		return g.tables(catalog.AllSequence, "sequence")
	case pg.ObjectType_OBJECT_SCHEMA:
		return g.schemas()
	case pg.ObjectType_OBJECT_FOREIGN_SERVER:
		return g.servers()
	case pg.ObjectType_OBJECT_FDW:
		return g.wrappers()
	}
	kind := strings.ReplaceAll(strings.TrimPrefix(s.Objtype.String(), "OBJECT_"), "_", " ")
	return pgerror.NotSupported("%s ON %s is not supported", word(s.IsGrant, "GRANT", "REVOKE"), kind)
}

// privileges returns the privileges asked for: on the whole object, and on
// columns. label is the kind of object in errors.
func (g *granting) privileges(all catalog.Privilege, label string) (catalog.Privilege, []columnPriv, error) {
	if len(g.stmt.Privileges) == 0 {
		return all, nil, nil
	}
	var whole catalog.Privilege
	var columns []columnPriv
	for _, n := range g.stmt.Privileges {
		p := n.GetAccessPriv()
		priv := catalog.AllColumn
		if p.GetPrivName() != "" {
			var ok bool
			if priv, ok = catalog.PrivilegeByName(p.GetPrivName()); !ok {
				return 0, nil, pgerror.Newf(pgerror.SyntaxError, `unrecognized privilege type "%s"`, p.GetPrivName())
			}
		}
		if len(p.GetCols()) > 0 {
			if label != "table" {
				return 0, nil, pgerror.New(invalidGrant, "column privileges are only valid for relations")
			}
			if priv&^catalog.AllColumn != 0 {
				return 0, nil, pgerror.Newf(invalidGrant, "invalid privilege type %s for column", priv.Names()[0])
			}
			columns = append(columns, columnPriv{priv, parser.Strings(p.GetCols())})
			continue
		}
		if priv&^all != 0 {
			return 0, nil, pgerror.Newf(invalidGrant, "invalid privilege type %s for %s", priv.Names()[0], label)
		}
		whole |= priv
	}
	return whole, columns, nil
}

// change applies the statement to one list. It returns the list unchanged when
// the current role may grant nothing of it but holds something of the object
// (a warning), and an error when it holds nothing.
func (g *granting) change(acl catalog.ACL, owner types.OID, all, privs catalog.Privilege, kind, name string) (catalog.ACL, error) {
	grantor := owner
	if !g.owns(owner) {
		set := g.snap().EffectiveRoles(g.role.OID)
		var best catalog.Privilege
		held := false
		for _, i := range acl {
			if i.Grantee != catalog.PublicRole && !set.Has(i.Grantee) {
				continue
			}
			held = held || i.Privs != 0
			if i.Grantee != catalog.PublicRole && popcount(i.Option&privs) > popcount(best) {
				best, grantor = i.Option&privs, i.Grantee
			}
		}
		if best == 0 {
			if !held {
				return nil, pgerror.PermissionDenied(kind, name)
			}
			g.warning("01007", word(g.stmt.IsGrant, "no privileges were granted for \"%s\"", "no privileges could be revoked for \"%s\""), name)
			return acl, nil
		}
		if best != privs {
			g.warning("01007", word(g.stmt.IsGrant, "not all privileges were granted for \"%s\"", "not all privileges could be revoked for \"%s\""), name)
		}
		privs = best
	}
	for _, grantee := range g.grantees {
		if g.stmt.IsGrant {
			acl = acl.Grant(owner, all, grantor, grantee, privs, g.stmt.GrantOption)
			continue
		}
		cascade := g.stmt.Behavior == pg.DropBehavior_DROP_CASCADE
		next, ok := acl.Revoke(owner, all, grantor, grantee, privs, g.stmt.GrantOption, cascade)
		if !ok {
			return nil, pgerror.New(pgerror.DependentObjectsStillExist, "dependent privileges exist").WithHint("Use CASCADE to revoke them too.")
		}
		acl = next
	}
	return acl, nil
}

func popcount(p catalog.Privilege) int { return len(p.Names()) }

// tables is for tables, and for sequences.
func (g *granting) tables(all catalog.Privilege, label string) error {
	whole, columns, err := g.privileges(all, label)
	if err != nil {
		return err
	}
	var rels []*catalog.Relation
	for _, n := range g.stmt.Objects {
		if g.stmt.Targtype == pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA {
			schema, err := g.schema(parser.Strings([]*pg.Node{n})[0])
			if err != nil {
				return err
			}
			for _, rel := range g.snap().Relations() {
				if rel.SchemaID == schema.OID && (rel.Kind == catalog.Sequence) == (label == "sequence") {
					rels = append(rels, rel)
				}
			}
			continue
		}
		rel, err := g.relation(n.GetRangeVar())
		if err != nil {
			return err
		}
		if label == "sequence" && rel.Kind != catalog.Sequence {
			return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a sequence`, rel.Name)
		}
		rels = append(rels, rel)
	}
	// All is computed before anything is put: each look at the catalog behind a
	// change would copy it.
	changed := make([]*catalog.Relation, 0, len(rels))
	for _, rel := range rels {
		c := rel.Clone()
		if whole != 0 {
			if c.ACL, err = g.change(c.ACL, c.Owner, all, whole, label, c.Name); err != nil {
				return err
			}
			if !g.stmt.IsGrant {
				g.revokeColumns(c, whole)
			}
		}
		for _, p := range columns {
			for _, name := range p.columns {
				if err := g.onColumn(c, name, p.priv); err != nil {
					return err
				}
			}
		}
		changed = append(changed, c)
	}
	for _, c := range changed {
		if err := g.tx.Put(c); err != nil {
			return err
		}
	}
	return nil
}

// onColumn grants or revokes on one column. Who may grant on the relation may
// grant on its columns.
func (g *granting) onColumn(rel *catalog.Relation, name string, priv catalog.Privilege) error {
	if _, err := column(rel, name); err != nil {
		return err
	}
	for i := range rel.Columns {
		if rel.Columns[i].Name != name {
			continue
		}
		acl, err := g.change(rel.Columns[i].ACL, rel.Owner, 0, priv, "column", name)
		if err != nil {
			return err
		}
		rel.Columns[i].ACL = cleaned(acl)
	}
	return nil
}

// revokeColumns takes privileges on columns away with those on the relation, as
// PostgreSQL does.
func (g *granting) revokeColumns(rel *catalog.Relation, privs catalog.Privilege) {
	for i := range rel.Columns {
		acl := rel.Columns[i].ACL
		if acl == nil {
			continue
		}
		for _, grantee := range g.grantees {
			if next, ok := acl.Revoke(rel.Owner, 0, rel.Owner, grantee, privs&catalog.AllColumn, g.stmt.GrantOption, true); ok {
				acl = next
			}
		}
		rel.Columns[i].ACL = cleaned(acl)
	}
}

// cleaned drops items without privileges; a column's empty list is nil.
func cleaned(acl catalog.ACL) catalog.ACL {
	var out catalog.ACL
	for _, i := range acl {
		if i.Privs != 0 {
			out = append(out, i)
		}
	}
	return out
}

func (g *granting) schemas() error {
	privs, _, err := g.privileges(catalog.AllSchema, "schema")
	if err != nil {
		return err
	}
	for _, n := range g.stmt.Objects {
		o, err := g.schema(parser.Strings([]*pg.Node{n})[0])
		if err != nil {
			return err
		}
		c := o.Clone()
		if c.ACL, err = g.change(c.ACL, c.Owner, catalog.AllSchema, privs, "schema", c.Name); err != nil {
			return err
		}
		if err := g.tx.Put(c); err != nil {
			return err
		}
	}
	return nil
}

func (g *granting) servers() error {
	privs, _, err := g.privileges(catalog.AllServer, "foreign server")
	if err != nil {
		return err
	}
	for _, n := range g.stmt.Objects {
		o, err := g.server(parser.Strings([]*pg.Node{n})[0])
		if err != nil {
			return err
		}
		c := o.Clone()
		if c.ACL, err = g.change(c.ACL, c.Owner, catalog.AllServer, privs, "foreign server", c.Name); err != nil {
			return err
		}
		if err := g.tx.Put(c); err != nil {
			return err
		}
	}
	return nil
}

func (g *granting) wrappers() error {
	privs, _, err := g.privileges(catalog.AllWrapper, "foreign-data wrapper")
	if err != nil {
		return err
	}
	for _, n := range g.stmt.Objects {
		o, _, err := g.wrapper(parser.Strings([]*pg.Node{n})[0])
		if err != nil {
			return err
		}
		c := o.Clone()
		if c.ACL, err = g.change(c.ACL, c.Owner, catalog.AllWrapper, privs, "foreign-data wrapper", c.Name); err != nil {
			return err
		}
		if err := g.tx.Put(c); err != nil {
			return err
		}
	}
	return nil
}
