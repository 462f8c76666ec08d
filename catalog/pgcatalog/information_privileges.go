package pgcatalog

import (
	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// grantee is a role as the information schema spells it.
func (s *source) grantee(role types.OID) string {
	if role == catalog.PublicRole {
		return "PUBLIC"
	}
	return s.snap.RoleName(role)
}

// involved reports whether a grant concerns the current user: it gave it or got
// it, or it went to PUBLIC, unless grants to roles alone are asked for.
func (s *source) involved(i catalog.ACLItem, rolesOnly bool) bool {
	if i.Grantee == catalog.PublicRole {
		return !rolesOnly || s.owns(i.Grantor)
	}
	return s.owns(i.Grantor) || s.owns(i.Grantee)
}

// grantable reports whether a grantee may pass a privilege on.
func (s *source) grantable(i catalog.ACLItem, p catalog.Privilege, owner types.OID) bool {
	return i.Option&p != 0 || i.Grantee != catalog.PublicRole && s.snap.HasPrivsOf(i.Grantee, owner)
}

// stored returns a list of grants with the owner's default made explicit.
func stored(a catalog.ACL, owner types.OID, all catalog.Privilege) catalog.ACL {
	if a != nil {
		return a
	}
	return catalog.ACL{{Grantee: owner, Grantor: owner, Privs: all}}
}

// eachPrivilege yields the privileges of a set one by one.
func eachPrivilege(p catalog.Privilege, f func(catalog.Privilege, string)) {
	for bit := catalog.Privilege(1); bit != 0 && bit <= p; bit <<= 1 {
		if p&bit != 0 {
			f(bit, bit.Names()[0])
		}
	}
}

// allEntries is entries without regard to privileges.
func (x *scan) allEntries(f func(entry)) {
	for _, r := range system().list {
		f(entry{r.OID, r.Schema, r.Name, catalog.RelKind(r.Kind), catalog.Bootstrap, x.systemACL(r), r, nil})
	}
	for _, r := range x.relations() {
		f(entry{r.OID, x.names.schemaName(r.SchemaID), r.Name, r.Kind, r.Owner, r.ACL, nil, r})
	}
}

func tablePrivileges(rolesOnly bool) func(*scan) {
	return func(x *scan) {
		wanted := x.wanted("table_name")
		x.allEntries(func(e entry) {
			if !wanted(e.name) || e.kind == catalog.MatView {
				return
			}
			for _, i := range stored(e.acl, e.owner, catalog.AllTable) {
				if !x.involved(i, rolesOnly) {
					continue
				}
				eachPrivilege(i.Privs&catalog.AllTable, func(p catalog.Privilege, name string) {
					x.add(str(x.snap.RoleName(i.Grantor)), str(x.grantee(i.Grantee)), str(x.database), str(e.schema), str(e.name), str(name),
						yesNo(x.grantable(i, p, e.owner)), yesNo(p == catalog.Select))
				})
			}
		})
	}
}

func columnPrivileges(rolesOnly bool) func(*scan) {
	return func(x *scan) {
		wanted := x.wanted("table_name")
		x.allEntries(func(e entry) {
			if !wanted(e.name) || e.kind == catalog.MatView {
				return
			}
			one := func(column string, list catalog.ACL) {
				for _, i := range list {
					if !x.involved(i, rolesOnly) {
						continue
					}
					eachPrivilege(i.Privs&catalog.AllColumn, func(p catalog.Privilege, name string) {
						x.add(str(x.snap.RoleName(i.Grantor)), str(x.grantee(i.Grantee)), str(x.database), str(e.schema), str(e.name), str(column), str(name),
							yesNo(x.grantable(i, p, e.owner)))
					})
				}
			}
			whole := stored(e.acl, e.owner, catalog.AllTable)
			if e.sys != nil {
				for _, c := range e.sys.visible() {
					one(c.Name, whole)
				}
				return
			}
			for _, c := range e.user.Columns {
				list := whole
				for _, i := range c.ACL {
					list = list.Grant(e.owner, catalog.AllTable, i.Grantor, i.Grantee, i.Privs, false)
					if i.Option != 0 {
						list = list.Grant(e.owner, catalog.AllTable, i.Grantor, i.Grantee, i.Option, true)
					}
				}
				one(c.Name, list)
			}
		})
	}
}

func usagePrivileges(rolesOnly bool) func(*scan) {
	return func(x *scan) {
		if !rolesOnly {
			owner := str(x.snap.RoleName(catalog.Bootstrap))
			for _, r := range collationRows() {
				x.add(owner, str("PUBLIC"), str(x.database), str(function.PgCatalog), r[1], str("COLLATION"), str("USAGE"), yesNo(false))
			}
		}
		one := func(kind, name string, owner types.OID, list catalog.ACL) {
			for _, i := range stored(list, owner, catalog.Usage) {
				if i.Privs&catalog.Usage != 0 && x.involved(i, rolesOnly) {
					x.add(str(x.snap.RoleName(i.Grantor)), str(x.grantee(i.Grantee)), str(x.database), str(""), str(name), str(kind), str("USAGE"),
						yesNo(x.grantable(i, catalog.Usage, owner)))
				}
			}
		}
		for _, w := range x.snap.Wrappers() {
			one("FOREIGN DATA WRAPPER", w.Name, w.Owner, w.ACL)
		}
		for _, s := range x.snap.Servers() {
			one("FOREIGN SERVER", s.Name, s.Owner, s.ACL)
		}
	}
}

func enabledRoles(x *scan) {
	for _, r := range x.snap.Roles() {
		if x.owns(r.OID) {
			x.add(str(r.Name))
		}
	}
}

func applicableRoles(x *scan) {
	x.memberships(func(role, member types.OID, admin bool) {
		x.add(str(x.snap.RoleName(member)), str(x.snap.RoleName(role)), yesNo(admin))
	})
}

func administrableRoleAuthorizations(x *scan) {
	x.memberships(func(role, member types.OID, admin bool) {
		if admin {
			x.add(str(x.snap.RoleName(member)), str(x.snap.RoleName(role)), yesNo(true))
		}
	})
}

// memberships yields those of roles whose privileges the current user has.
func (x *scan) memberships(f func(role, member types.OID, admin bool)) {
	for _, m := range x.snap.Memberships() {
		if x.owns(m.Member) {
			f(m.Role, m.Member, m.Admin)
		}
	}
	if x.owns(catalog.Bootstrap) {
		f(catalog.RoleDatabaseOwner, catalog.Bootstrap, false)
	}
}
