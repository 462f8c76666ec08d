package catalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// RoleSet is a set of roles: those whose privileges a role has.
type RoleSet struct {
	// Super is set when the role is a superuser.
	Super bool
	// Bypass is set when the role itself has BYPASSRLS or is a superuser.
	Bypass bool
	oids   []types.OID // ascending
}

// Has reports whether role is in the set. A superuser is not in every set: ask
// Super for that.
func (s RoleSet) Has(role types.OID) bool {
	_, ok := slices.BinarySearch(s.oids, role)
	return ok
}

// OIDs lists the set in ascending order. It must not be changed.
func (s RoleSet) OIDs() []types.OID { return s.oids }

// Key is equal for equal sets; it belongs into the key of a plan cache.
func (s RoleSet) Key() string {
	var b strings.Builder
	if s.Super {
		b.WriteByte('s')
	}
	if s.Bypass {
		b.WriteByte('b')
	}
	for _, o := range s.oids {
		b.WriteByte(' ')
		b.WriteString(strconv.FormatUint(uint64(o), 36))
	}
	return b.String()
}

// EffectiveRoles is the closure of PostgreSQL's has_privs_of_role: the role and
// every role it is a member of through roles that have INHERIT. An unknown role
// has an empty set.
func (s *Snapshot) EffectiveRoles(role types.OID) RoleSet {
	d := s.index()
	if set, ok := d.roles.Load(role); ok {
		return set.(RoleSet)
	}
	var set RoleSet
	if r, ok := s.RoleByOID(role); ok {
		set = RoleSet{Super: r.Super, Bypass: r.Super || r.BypassRLS, oids: s.closure(role, true)}
	}
	d.roles.Store(role, set)
	return set
}

// closure returns role and the roles it is a member of, ascending; with inherit
// only through roles that inherit.
func (s *Snapshot) closure(role types.OID, inherit bool) []types.OID {
	out := []types.OID{role}
	for i := 0; i < len(out); i++ {
		r, ok := s.RoleByOID(out[i])
		if !ok || (inherit && !r.Inherit) {
			continue
		}
		for _, m := range s.index().members[out[i]] {
			if !slices.Contains(out, m.Role) {
				out = append(out, m.Role)
			}
		}
		// The owner of the database is implicitly in pg_database_owner.
		if out[i] == Bootstrap && !slices.Contains(out, RoleDatabaseOwner) {
			out = append(out, RoleDatabaseOwner)
		}
	}
	slices.Sort(out)
	return out
}

// IsMember reports whether role may SET ROLE to target: it is target, a direct
// or indirect member of it, or a superuser.
func (s *Snapshot) IsMember(role, target types.OID) bool {
	r, ok := s.RoleByOID(role)
	return ok && (r.Super || s.IsMemberNoSuper(role, target))
}

// IsMemberNoSuper is IsMember without the superuser's implicit membership.
func (s *Snapshot) IsMemberNoSuper(role, target types.OID) bool {
	return slices.Contains(s.closure(role, false), target)
}

// HasPrivsOf reports whether role has the privileges of target: ownership of
// what target owns, for example.
func (s *Snapshot) HasPrivsOf(role, target types.OID) bool {
	set := s.EffectiveRoles(role)
	return set.Super || set.Has(target)
}

// IsAdminOf reports whether role may grant membership in target.
func (s *Snapshot) IsAdminOf(role, target types.OID) bool {
	r, ok := s.RoleByOID(role)
	if !ok {
		return false
	}
	if r.Super {
		return true
	}
	for _, m := range s.index().grants[target] {
		if m.Admin && s.IsMemberNoSuper(role, m.Member) {
			return true
		}
	}
	return false
}

// IsSuper reports whether role is a superuser.
func (s *Snapshot) IsSuper(role types.OID) bool { return s.EffectiveRoles(role).Super }

// ReadsServerFiles reports whether role may name any file of the machine.
func (s *Snapshot) ReadsServerFiles(role types.OID) bool {
	return s.HasPrivsOf(role, RoleReadServerFiles)
}

// privileges returns what role holds by an ACL.
func (s *Snapshot) privileges(role types.OID, acl ACL, owner types.OID, all Privilege) Privilege {
	set := s.EffectiveRoles(role)
	if set.Super {
		return all
	}
	return acl.orDefault(owner, all).held(set)
}

// TablePrivileges returns the privileges that role has on a whole relation.
func (s *Snapshot) TablePrivileges(role types.OID, rel *Relation) Privilege {
	if rel.Live() {
		if all, _ := s.liveAccess(role, rel); all {
			return Select
		}
		return 0
	}
	p := s.privileges(role, rel.ACL, rel.Owner, AllTable)
	set := s.EffectiveRoles(role)
	if set.Has(RoleReadAllData) {
		p |= Select
	}
	if set.Has(RoleWriteAllData) {
		p |= Insert | Update | Delete
	}
	return p
}

// HasTable reports whether role has all of priv on a whole relation.
func (s *Snapshot) HasTable(role types.OID, rel *Relation, priv Privilege) bool {
	return s.TablePrivileges(role, rel)&priv == priv
}

// HasColumn reports whether role has all of priv on a column, by the relation or
// by the column.
func (s *Snapshot) HasColumn(role types.OID, rel *Relation, attnum int16, priv Privilege) bool {
	p := s.TablePrivileges(role, rel)
	if p&priv == priv {
		return true
	}
	c, ok := rel.ColumnByNumber(attnum)
	if !ok {
		return false
	}
	if rel.Live() {
		_, columns := s.liveAccess(role, rel)
		return priv == Select && columns[attnum]
	}
	return (p|c.ACL.held(s.EffectiveRoles(role)))&priv == priv
}

// HasAnyColumn reports whether role has priv on the relation or at least one of
// its columns, which is what SELECT count(*) needs.
func (s *Snapshot) HasAnyColumn(role types.OID, rel *Relation, priv Privilege) bool {
	for _, c := range rel.Columns {
		if s.HasColumn(role, rel, c.AttNum, priv) {
			return true
		}
	}
	return s.HasTable(role, rel, priv)
}

// HasSchema reports whether role has all of priv on a schema.
func (s *Snapshot) HasSchema(role types.OID, schema *Schema, priv Privilege) bool {
	p := s.privileges(role, schema.ACL, schema.Owner, AllSchema)
	if set := s.EffectiveRoles(role); set.Has(RoleReadAllData) || set.Has(RoleWriteAllData) {
		p |= Usage
	}
	return p&priv == priv
}

// HasServer reports whether role has all of priv on a server.
func (s *Snapshot) HasServer(role types.OID, server *Server, priv Privilege) bool {
	return s.privileges(role, server.ACL, server.Owner, AllServer)&priv == priv
}

// HasWrapper reports whether role has all of priv on a foreign data wrapper.
func (s *Snapshot) HasWrapper(role types.OID, w *Wrapper, priv Privilege) bool {
	return s.privileges(role, w.ACL, w.Owner, AllWrapper)&priv == priv
}

// liveAccess says what role may read of a table addressed live: everything when
// it owns the server; otherwise it needs USAGE on the server, and reads what it
// may read of the foreign tables over the same object.
func (s *Snapshot) liveAccess(role types.OID, rel *Relation) (all bool, columns map[int16]bool) {
	server, ok := s.ServerByOID(rel.ServerID)
	if !ok {
		return false, nil
	}
	if s.HasPrivsOf(role, server.Owner) {
		return true, nil
	}
	if !s.HasServer(role, server, Usage) {
		return false, nil
	}
	columns = map[int16]bool{}
	for _, t := range s.SameSource(rel) {
		same, exact := s.match(rel, t)
		if !exact {
			continue
		}
		whole := s.HasTable(role, t, Select)
		for remote, local := range same {
			if whole || s.HasColumn(role, t, local, Select) {
				columns[remote] = true
			}
		}
	}
	all = len(rel.Columns) > 0
	for _, c := range rel.Columns {
		all = all && columns[c.AttNum]
	}
	return all, columns
}
