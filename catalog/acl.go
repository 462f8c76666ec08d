package catalog

import (
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// Privilege is a set of privileges.
type Privilege uint16

// Privileges; the letters are those of aclitem.
const (
	Insert Privilege = 1 << iota
	Select
	Update
	Delete
	Truncate
	References
	Trigger
	Execute
	Usage
	Create
	Temporary
	Connect
)

// privilegeLetters are in aclitem's order, by bit.
const privilegeLetters = "arwdDxtXUCTc"

// privilegeNames are the words of GRANT, by bit.
var privilegeNames = [...]string{
	"INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "EXECUTE", "USAGE", "CREATE", "TEMPORARY", "CONNECT",
}

// PrivilegeByName returns the privilege that GRANT spells so (upper or lower
// case).
func PrivilegeByName(name string) (Privilege, bool) {
	name = strings.ToUpper(name)
	if name == "TEMP" {
		name = "TEMPORARY"
	}
	for i, n := range privilegeNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// Names lists the privileges of the set as GRANT spells them.
func (p Privilege) Names() []string {
	var out []string
	for i, n := range privilegeNames {
		if p&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// All privileges per kind of object.
const (
	AllTable   = Insert | Select | Update | Delete | Truncate | References | Trigger
	AllColumn  = Insert | Select | Update | References
	AllSchema  = Usage | Create
	AllServer  = Usage
	AllWrapper = Usage
)

// ACLItem is what one grantor gave to one grantee.
type ACLItem struct {
	Grantee types.OID // PublicRole for PUBLIC
	Grantor types.OID
	Privs   Privilege
	// Option is the part of Privs that was given WITH GRANT OPTION.
	Option Privilege `json:",omitempty"`
}

// ACL is a list of grants. nil means the default: everything to the owner.
type ACL []ACLItem

// orDefault returns the list to check: the stored one or the owner's default.
func (a ACL) orDefault(owner types.OID, all Privilege) ACL {
	if a != nil {
		return a
	}
	return ACL{{Grantee: owner, Grantor: owner, Privs: all}}
}

// held returns the privileges that the list gives to a set of roles.
func (a ACL) held(roles RoleSet) Privilege {
	var p Privilege
	for _, i := range a {
		if i.Grantee == PublicRole || roles.Has(i.Grantee) {
			p |= i.Privs
		}
	}
	return p
}

// grantable returns the privileges that role itself may pass on.
func (a ACL) grantable(role types.OID) Privilege {
	var p Privilege
	for _, i := range a {
		if i.Grantee == role {
			p |= i.Option
		}
	}
	return p
}

// roles lists every role in the list.
func (a ACL) roles() []types.OID {
	var out []types.OID
	for _, i := range a {
		out = append(out, named(i.Grantee, i.Grantor)...)
	}
	return out
}

// Mentions reports whether role is a grantee or grantor.
func (a ACL) Mentions(role types.OID) bool { return slices.Contains(a.roles(), role) }

// Grant returns the list with privs given by grantor to grantee. all are the
// privileges of the kind of object, for the owner's default.
func (a ACL) Grant(owner types.OID, all Privilege, grantor, grantee types.OID, privs Privilege, option bool) ACL {
	out := slices.Clone(a.orDefault(owner, all))
	for i := range out {
		if out[i].Grantee == grantee && out[i].Grantor == grantor {
			out[i].Privs |= privs
			if option {
				out[i].Option |= privs
			}
			return out
		}
	}
	item := ACLItem{Grantee: grantee, Grantor: grantor, Privs: privs}
	if option {
		item.Option = privs
	}
	return append(out, item)
}

// Revoke returns the list without privs that grantor gave to grantee; with
// optionOnly just the grant option goes. Grants that depend on a lost grant
// option go too when cascade is set; otherwise ok is false if there are any.
func (a ACL) Revoke(owner types.OID, all Privilege, grantor, grantee types.OID, privs Privilege, optionOnly, cascade bool) (_ ACL, ok bool) {
	out := slices.Clone(a.orDefault(owner, all))
	if out == nil {
		out = ACL{}
	}
	for i := range out {
		if out[i].Grantee == grantee && out[i].Grantor == grantor {
			out[i].Option &^= privs
			if !optionOnly {
				out[i].Privs &^= privs
			}
		}
	}
	// What was granted by a role that has lost its grant option depends on it.
	if grantee != owner && grantee != PublicRole {
		lost := privs &^ out.grantable(grantee)
		for _, i := range slices.Clone(out) {
			if i.Grantor != grantee || i.Privs&lost == 0 {
				continue
			}
			if !cascade {
				return a, false
			}
			if out, ok = out.Revoke(owner, all, grantee, i.Grantee, i.Privs&lost, false, true); !ok {
				return a, false
			}
		}
	}
	out = slices.DeleteFunc(out, func(i ACLItem) bool { return i.Privs == 0 })
	if out == nil {
		out = ACL{}
	}
	return out, true
}

// WithoutRole returns the list without anything that role gave or got.
func (a ACL) WithoutRole(role types.OID) ACL {
	if a == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a), func(i ACLItem) bool { return i.Grantee == role || i.Grantor == role })
}

// ChangeOwner returns the list with the old owner's place taken by the new one.
func (a ACL) ChangeOwner(from, to types.OID) ACL {
	if a == nil {
		return nil
	}
	out := ACL{}
	for _, i := range a {
		if i.Grantee == from {
			i.Grantee = to
		}
		if i.Grantor == from {
			i.Grantor = to
		}
		merged := false
		for k := range out {
			if out[k].Grantee == i.Grantee && out[k].Grantor == i.Grantor {
				out[k].Privs |= i.Privs
				out[k].Option |= i.Option
				merged = true
			}
		}
		if !merged {
			out = append(out, i)
		}
	}
	return out
}

// Strings prints the list as aclitems: grantee=privileges/grantor, a star behind
// each letter with grant option. name resolves roles.
func (a ACL) Strings(name func(types.OID) string) []string {
	out := make([]string, 0, len(a))
	for _, i := range a {
		var b strings.Builder
		if i.Grantee != PublicRole {
			b.WriteString(name(i.Grantee))
		}
		b.WriteByte('=')
		for k := range privilegeLetters {
			if i.Privs&(1<<k) != 0 {
				b.WriteByte(privilegeLetters[k])
				if i.Option&(1<<k) != 0 {
					b.WriteByte('*')
				}
			}
		}
		b.WriteByte('/')
		b.WriteString(name(i.Grantor))
		out = append(out, b.String())
	}
	return out
}
