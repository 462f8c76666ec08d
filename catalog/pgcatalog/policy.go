package pgcatalog

import (
	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// rolesOf lists roles with 0 for PUBLIC, which an empty list means too.
func rolesOf(list []types.OID) []types.OID {
	if len(list) == 0 {
		return []types.OID{catalog.PublicRole}
	}
	return list
}

// roleNames is rolesOf by name.
func (s *source) roleNames(list []types.OID) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, s.snap.RoleName(r))
	}
	return out
}

// commandNames are the commands of row policies.
var commandNames = map[byte]string{'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE", '*': "ALL"}

func pgPolicy(x *scan) {
	for _, p := range x.snap.AllRowPolicies() {
		x.add(oid(p.OID), str(p.Name), oid(p.Relation), str(string(p.Command)), yes(p.Permissive), oids(rolesOf(p.Roles)), orNull(p.Using), orNull(p.Check))
	}
}

func pgPolicies(x *scan) {
	for _, p := range x.snap.AllRowPolicies() {
		schema, name, _ := x.names.relationName(p.Relation)
		permissive := "RESTRICTIVE"
		if p.Permissive {
			permissive = "PERMISSIVE"
		}
		x.add(str(schema), str(name), str(p.Name), str(permissive), texts(types.Name, x.roleNames(rolesOf(p.Roles))),
			str(commandNames[p.Command]), orNull(p.Using), orNull(p.Check))
	}
}
