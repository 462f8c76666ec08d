package catalog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
)

// Object is anything the catalog stores. Objects are immutable once they are in
// a snapshot: a change puts a changed copy (each class has Clone).
type Object interface {
	// ID is the object's OID, unique over all classes.
	ID() types.OID
	// Class is the system catalog it belongs to.
	Class() Class
	// key is its unique name within its class.
	key() nameKey
	// refs lists the objects that must exist as long as this one does.
	refs() []types.OID
	// secrets gives access to the sealed values the store keeps apart.
	secrets() []secretField
}

// nameKey is what must be unique.
type nameKey struct {
	class  Class
	parent types.OID
	name   string
}

// secretField is one sealed value of an object.
type secretField struct {
	name string
	get  func() Secret
	set  func(Secret)
}

// Role is a role: a user when CanLogin.
type Role struct {
	OID         types.OID
	Name        string
	Super       bool
	Inherit     bool
	CreateRole  bool
	CreateDB    bool
	CanLogin    bool
	Replication bool
	BypassRLS   bool
	// ConnLimit is the largest number of sessions, -1 for no limit.
	ConnLimit int32
	// ValidUntil is when the password expires; zero for never.
	ValidUntil time.Time
	// Verifier is the SCRAM verifier, empty when the role has no password.
	Verifier Secret
	// Settings are those of ALTER ROLE ... SET, in order.
	Settings []Setting
}

// Setting is one "name = value" of a role.
type Setting struct{ Name, Value string }

// Membership says that Member is a member of Role.
type Membership struct {
	OID     types.OID
	Role    types.OID
	Member  types.OID
	Grantor types.OID
	Admin   bool
}

// Schema is a schema.
type Schema struct {
	OID   types.OID
	Name  string
	Owner types.OID
	ACL   ACL
}

// Wrapper is a foreign data wrapper: a kind of source.
type Wrapper struct {
	OID   types.OID
	Name  string
	Owner types.OID
	ACL   ACL
}

// Server is a registered source.
type Server struct {
	OID       types.OID
	Name      string
	Wrapper   string
	WrapperID types.OID
	Type      string
	Version   string
	Owner     types.OID
	ACL       ACL
	Options   Options
}

// UserMapping is how a role logs in to a server.
type UserMapping struct {
	OID    types.OID
	Server types.OID
	// Role is PublicRole for a mapping FOR PUBLIC.
	Role    types.OID
	Options Options
}

// Comment is COMMENT ON.
type Comment struct {
	OID    types.OID
	On     Class
	Object types.OID
	// Sub is the column number for a column, 0 otherwise.
	Sub  int32
	Text string
}

// RowPolicy is CREATE POLICY.
type RowPolicy struct {
	OID        types.OID
	Name       string
	Relation   types.OID
	Permissive bool
	// Command is r (SELECT), a, w, d or * (ALL).
	Command byte
	// Roles holds PublicRole for PUBLIC.
	Roles []types.OID
	// Using and Check are SQL texts, "" for none. Names in them were looked up
	// with SearchPath.
	Using, Check string
	SearchPath   []string
}

// MaskingPolicy is CREATE MASKING POLICY: what the roles in To, but for those in
// Except, see in place of a column.
type MaskingPolicy struct {
	OID      types.OID
	Name     string
	Relation types.OID
	Column   int16 // attribute number
	To       []types.OID
	Except   []types.OID
	// Using is the text of the expression; names in it were looked up with
	// SearchPath.
	Using      string
	SearchPath []string
	// Priority: the highest applicable one wins.
	Priority int32
	Owner    types.OID
	Created  time.Time
}

// ID implements Object.
func (o *Role) ID() types.OID { return o.OID }

// ID implements Object.
func (o *Membership) ID() types.OID { return o.OID }

// ID implements Object.
func (o *Schema) ID() types.OID { return o.OID }

// ID implements Object.
func (o *Wrapper) ID() types.OID { return o.OID }

// ID implements Object.
func (o *Server) ID() types.OID { return o.OID }

// ID implements Object.
func (o *UserMapping) ID() types.OID { return o.OID }

// ID implements Object.
func (o *Comment) ID() types.OID { return o.OID }

// ID implements Object.
func (o *RowPolicy) ID() types.OID { return o.OID }

// ID implements Object.
func (o *MaskingPolicy) ID() types.OID { return o.OID }

// Class implements Object.
func (o *Role) Class() Class { return ClassRole }

// Class implements Object.
func (o *Membership) Class() Class { return ClassMembership }

// Class implements Object.
func (o *Schema) Class() Class { return ClassSchema }

// Class implements Object.
func (o *Wrapper) Class() Class { return ClassWrapper }

// Class implements Object.
func (o *Server) Class() Class { return ClassServer }

// Class implements Object.
func (o *UserMapping) Class() Class { return ClassUserMapping }

// Class implements Object.
func (o *Comment) Class() Class { return ClassComment }

// Class implements Object.
func (o *RowPolicy) Class() Class { return ClassRowPolicy }

// Class implements Object.
func (o *MaskingPolicy) Class() Class { return ClassMaskingPolicy }

func (o *Role) key() nameKey    { return nameKey{ClassRole, 0, o.Name} }
func (o *Schema) key() nameKey  { return nameKey{ClassSchema, 0, o.Name} }
func (o *Wrapper) key() nameKey { return nameKey{ClassWrapper, 0, o.Name} }
func (o *Server) key() nameKey  { return nameKey{ClassServer, 0, o.Name} }

func (o *Membership) key() nameKey {
	return nameKey{ClassMembership, o.Role, strconv.Itoa(int(o.Member))}
}

func (o *UserMapping) key() nameKey {
	return nameKey{ClassUserMapping, o.Server, strconv.Itoa(int(o.Role))}
}

func (o *Comment) key() nameKey {
	return nameKey{ClassComment, o.Object, strconv.Itoa(int(o.On)) + "." + strconv.Itoa(int(o.Sub))}
}

func (o *RowPolicy) key() nameKey     { return nameKey{ClassRowPolicy, o.Relation, o.Name} }
func (o *MaskingPolicy) key() nameKey { return nameKey{ClassMaskingPolicy, o.Relation, o.Name} }

func (o *Role) refs() []types.OID        { return nil }
func (o *Membership) refs() []types.OID  { return []types.OID{o.Role, o.Member} }
func (o *Schema) refs() []types.OID      { return append(o.ACL.roles(), o.Owner) }
func (o *Wrapper) refs() []types.OID     { return append(o.ACL.roles(), o.Owner) }
func (o *Server) refs() []types.OID      { return append(o.ACL.roles(), o.Owner, o.WrapperID) }
func (o *UserMapping) refs() []types.OID { return named(o.Server, o.Role) }

func (o *Comment) refs() []types.OID {
	if o.On == ClassDatabase {
		return nil
	}
	return []types.OID{o.Object}
}

func (o *RowPolicy) refs() []types.OID { return named(append(slices.Clone(o.Roles), o.Relation)...) }

func (o *MaskingPolicy) refs() []types.OID {
	return named(append(slices.Concat(o.To, o.Except), o.Relation, o.Owner)...)
}

// named leaves out PublicRole.
func named(oids ...types.OID) []types.OID {
	return slices.DeleteFunc(oids, func(o types.OID) bool { return o == PublicRole })
}

func (o *Role) secrets() []secretField {
	return []secretField{{"verifier", func() Secret { return o.Verifier }, func(s Secret) { o.Verifier = s }}}
}
func (o *Membership) secrets() []secretField    { return nil }
func (o *Schema) secrets() []secretField        { return nil }
func (o *Wrapper) secrets() []secretField       { return nil }
func (o *Server) secrets() []secretField        { return o.Options.fields() }
func (o *UserMapping) secrets() []secretField   { return o.Options.fields() }
func (o *Comment) secrets() []secretField       { return nil }
func (o *RowPolicy) secrets() []secretField     { return nil }
func (o *MaskingPolicy) secrets() []secretField { return nil }

// Clone returns a copy that may be changed and put.
func (o *Role) Clone() *Role {
	c := *o
	c.Settings = slices.Clone(o.Settings)
	return &c
}

// Clone returns a copy that may be changed and put.
func (o *Membership) Clone() *Membership { c := *o; return &c }

// Clone returns a copy that may be changed and put.
func (o *Schema) Clone() *Schema { c := *o; c.ACL = slices.Clone(o.ACL); return &c }

// Clone returns a copy that may be changed and put.
func (o *Wrapper) Clone() *Wrapper { c := *o; c.ACL = slices.Clone(o.ACL); return &c }

// Clone returns a copy that may be changed and put.
func (o *Server) Clone() *Server {
	c := *o
	c.ACL, c.Options = slices.Clone(o.ACL), slices.Clone(o.Options)
	return &c
}

// Clone returns a copy that may be changed and put.
func (o *UserMapping) Clone() *UserMapping { c := *o; c.Options = slices.Clone(o.Options); return &c }

// Clone returns a copy that may be changed and put.
func (o *RowPolicy) Clone() *RowPolicy { c := *o; c.Roles = slices.Clone(o.Roles); return &c }

// Clone returns a copy that may be changed and put.
func (o *MaskingPolicy) Clone() *MaskingPolicy {
	c := *o
	c.To, c.Except = slices.Clone(o.To), slices.Clone(o.Except)
	return &c
}

// System reports whether a schema belongs to the system: nobody creates or
// drops objects in it.
func (o *Schema) System() bool { return o.OID < FirstNormal && o.OID != SchemaPublic }

// Predefined reports whether a role is one of PostgreSQL's own.
func (o *Role) Predefined() bool { return strings.HasPrefix(o.Name, "pg_") }
