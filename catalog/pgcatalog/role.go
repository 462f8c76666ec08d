package pgcatalog

import (
	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// stars stand where a password would.
const stars = "********"

func pgRoles(x *scan) {
	for _, r := range x.snap.Roles() {
		x.add(str(r.Name), yes(r.Super), yes(r.Inherit), yes(r.CreateRole), yes(r.CreateDB), yes(r.CanLogin), yes(r.Replication),
			num(int(r.ConnLimit)), str(stars), instant(r.ValidUntil), yes(r.BypassRLS), settings(r.Settings), oid(r.OID))
	}
}

// pgAuthid shows no verifier, not even to superusers: stars say that there is
// one.
func pgAuthid(x *scan) {
	for _, r := range x.snap.Roles() {
		x.add(oid(r.OID), str(r.Name), yes(r.Super), yes(r.Inherit), yes(r.CreateRole), yes(r.CreateDB), yes(r.CanLogin), yes(r.Replication),
			yes(r.BypassRLS), num(int(r.ConnLimit)), orNull(r.Verifier.String()), instant(r.ValidUntil))
	}
}

func (x *scan) addUsers(password func(*catalog.Role) types.Datum) {
	for _, r := range x.snap.Roles() {
		if r.CanLogin {
			x.add(str(r.Name), oid(r.OID), yes(r.CreateDB), yes(r.Super), yes(r.Replication), yes(r.BypassRLS), password(r), instant(r.ValidUntil), settings(r.Settings))
		}
	}
}

func pgUser(x *scan) { x.addUsers(func(*catalog.Role) types.Datum { return str(stars) }) }

func pgShadow(x *scan) {
	x.addUsers(func(r *catalog.Role) types.Datum { return orNull(r.Verifier.String()) })
}

func pgGroup(x *scan) {
	for _, r := range x.snap.Roles() {
		if r.CanLogin {
			continue
		}
		members := []types.OID{}
		for _, m := range x.snap.Memberships() {
			if m.Role == r.OID {
				members = append(members, m.Member)
			}
		}
		x.add(str(r.Name), oid(r.OID), oids(members))
	}
}

func pgAuthMembers(x *scan) {
	for _, m := range x.snap.Memberships() {
		x.add(oid(m.Role), oid(m.Member), oid(m.Grantor), yes(m.Admin))
	}
}

func pgDBRoleSetting(x *scan) {
	for _, r := range x.snap.Roles() {
		if s := settings(r.Settings); !s.Null {
			x.add(oid(0), oid(r.OID), s)
		}
	}
}
