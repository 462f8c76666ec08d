package pgcatalog

import (
	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

func pgForeignDataWrapper(x *scan) {
	for _, w := range x.snap.Wrappers() {
		x.add(oid(w.OID), str(w.Name), oid(w.Owner), oid(0), oid(0), x.acl(w.ACL), null)
	}
}

func pgForeignServer(x *scan) {
	for _, s := range x.snap.Servers() {
		x.add(oid(s.OID), str(s.Name), oid(s.Owner), oid(s.WrapperID), orNull(s.Type), orNull(s.Version), x.acl(s.ACL), options(s.Options))
	}
}

func pgForeignTable(x *scan) {
	x.eachRelation("ftrelid", func(*RelationInfo) {}, func(r *catalog.Relation) {
		if r.Kind == catalog.ForeignTable {
			x.add(oid(r.OID), oid(r.ServerID), options(r.Options))
		}
	})
}

func pgUserMapping(x *scan) {
	for _, m := range x.snap.UserMappings() {
		x.add(oid(m.OID), oid(m.Role), oid(m.Server), options(m.Options))
	}
}

// mappingShown reports whether the options of a mapping may be shown to the
// current user: one's own to a user of the server, those of PUBLIC to the
// server's owner, all to a superuser.
func (s *source) mappingShown(m *catalog.UserMapping, server *catalog.Server) bool {
	switch {
	case s.roles.Super:
		return true
	case m.Role == catalog.PublicRole:
		return s.owns(server.Owner)
	}
	return m.Role == s.role && (s.owns(server.Owner) || s.snap.HasServer(s.role, server, catalog.Usage))
}

// owns reports whether the current user has the privileges of an owner.
func (s *source) owns(owner types.OID) bool { return s.roles.Super || s.roles.Has(owner) }

func pgUserMappings(x *scan) {
	for _, m := range x.snap.UserMappings() {
		server, ok := x.snap.ServerByOID(m.Server)
		if !ok {
			continue
		}
		shown := null
		if x.mappingShown(m, server) {
			shown = options(m.Options)
		}
		x.add(oid(m.OID), oid(m.Server), str(server.Name), oid(m.Role), str(x.snap.RoleName(m.Role)), shown)
	}
}
