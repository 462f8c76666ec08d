package parser

import pg "github.com/pganalyze/pg_query_go/v5"

// ExtStmt is a statement of HubSQL's own DDL.
type ExtStmt interface {
	// Tag is the command tag.
	Tag() string
}

// Name is a table name of up to three parts (Catalog is a server). Parts that
// were not written are "".
type Name struct {
	Catalog, Schema, Name string
	// Location is the byte offset in the whole text.
	Location int
}

// RoleKind tells named roles from the special ones.
type RoleKind uint8

// Kinds of a role specification.
const (
	NamedRole RoleKind = iota
	Public
	CurrentUser // also CURRENT_ROLE
	SessionUser
)

// Role is a role specification.
type Role struct {
	Kind     RoleKind
	Name     string // for NamedRole
	Location int
}

// CreateMaskingPolicy is CREATE [OR REPLACE] MASKING POLICY.
type CreateMaskingPolicy struct {
	OrReplace, IfNotExists bool
	Name                   string
	NameLocation           int
	Table                  Name
	Column                 string
	ColumnLocation         int
	// To is never empty: PUBLIC when the clause is left out.
	To, Except []Role
	// Using is the text between the parentheses of USING, Expr its parse tree
	// (with locations relative to the text of Using) and UsingLocation its byte
	// offset in the whole text.
	Using         string
	Expr          *pg.Node
	UsingLocation int
	// Priority is 0 when left out; the highest one wins.
	Priority int32
}

// DropMaskingPolicy is DROP MASKING POLICY.
type DropMaskingPolicy struct {
	IfExists     bool
	Name         string
	NameLocation int
	Table        *Name // nil when left out
	Cascade      bool
}

// ShowMaskingPolicies is SHOW MASKING POLICIES.
type ShowMaskingPolicies struct {
	Table *Name // nil for all tables
}

// Tag implements ExtStmt.
func (*CreateMaskingPolicy) Tag() string { return "CREATE MASKING POLICY" }

// Tag implements ExtStmt.
func (*DropMaskingPolicy) Tag() string { return "DROP MASKING POLICY" }

// Tag implements ExtStmt.
func (*ShowMaskingPolicies) Tag() string { return "SHOW" }
