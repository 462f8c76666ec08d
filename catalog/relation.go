package catalog

import (
	"maps"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

// RelKind is pg_class.relkind.
type RelKind byte

// Kinds of relations.
const (
	Table        RelKind = 'r'
	View         RelKind = 'v'
	ForeignTable RelKind = 'f'
	MatView      RelKind = 'm'
)

// String names the kind as error messages do.
func (k RelKind) String() string {
	switch k {
	case View:
		return "view"
	case ForeignTable:
		return "foreign table"
	case MatView:
		return "materialized view"
	case Sequence:
		return "sequence"
	}
	return "table"
}

// Relation is a local table, a foreign table or a view. A table addressed live
// (server.schema.table) is a Relation with OID 0 that no snapshot holds
// (Snapshot.Live).
type Relation struct {
	OID      types.OID
	SchemaID types.OID
	Schema   string
	Name     string
	Kind     RelKind
	Owner    types.OID
	ACL      ACL
	Columns  []Column
	// NextAttNum is the number of the next column: numbers are never reused.
	NextAttNum int16

	// Server, ServerID, Options and Remote belong to foreign tables. Remote is
	// set when the table was imported or is addressed live: its name at the
	// source.
	Server   string
	ServerID types.OID
	Options  Options
	Remote   *RemoteName

	// ViewSQL is the query of a view as written, ViewPath the search path its
	// names were resolved with, Depends the relations it reads.
	ViewSQL  string
	ViewPath []string
	Depends  []types.OID

	// Populated says that a materialized view has rows to show; Bases are the
	// tables they come from, through views and other materialized views as well.
	Populated bool          `json:",omitempty"`
	Bases     []MatViewBase `json:",omitempty"`

	// Constraints and indexes of a local table; DefinitionPath is the search path
	// of the expressions in them and in the columns' defaults.
	Constraints    []Constraint `json:",omitempty"`
	DefinitionPath []string     `json:",omitempty"`

	// Sequence is set for a sequence.
	Sequence *SequenceDef `json:",omitempty"`

	RowSecurity      bool
	ForceRowSecurity bool
}

// Constraint kinds: pg_constraint.contype, and 'i' for an index that enforces
// nothing.
const (
	PrimaryKey  = 'p'
	UniqueKey   = 'u'
	CheckClause = 'c'
	PlainIndex  = 'i'
)

// Constraint is a constraint or an index of a local table.
type Constraint struct {
	OID  types.OID
	Name string
	Kind rune
	// Index is set when CREATE INDEX made it.
	Index bool `json:",omitempty"`
	// Columns are the attribute numbers of a key.
	Columns []int16 `json:",omitempty"`
	// SQL is the expression of a check.
	SQL string `json:",omitempty"`
}

// Constraint returns a constraint or index by name.
func (o *Relation) Constraint(name string) (*Constraint, bool) {
	for i := range o.Constraints {
		if o.Constraints[i].Name == name {
			return &o.Constraints[i], true
		}
	}
	return nil, false
}

// KeyColumn reports whether a primary key, unique constraint or index holds the
// attribute.
func (o *Relation) KeyColumn(att int16) bool {
	for _, c := range o.Constraints {
		if slices.Contains(c.Columns, att) {
			return true
		}
	}
	return false
}

// MatViewBase is a table from which rows of a materialized view come, and the
// policies under which they were stored: "" for none, else a text that only the
// same policies have.
type MatViewBase struct {
	Relation types.OID
	Policies string `json:",omitempty"`
}

// RemoteName is what the source calls a table.
type RemoteName struct{ Schema, Name string }

// Column is one column of a relation.
type Column struct {
	Name    string
	AttNum  int16
	Type    types.Type
	NotNull bool
	// Default is the SQL of the default of a local table's column, "" for none.
	Default string `json:",omitempty"`
	// Identity is 'a' for GENERATED ALWAYS AS IDENTITY, 'd' for BY DEFAULT, 0
	// otherwise; Default then draws from the sequence.
	Identity rune `json:",omitempty"`
	Options  Options
	ACL      ACL
}

// ID implements Object.
func (o *Relation) ID() types.OID { return o.OID }

// Class implements Object.
func (o *Relation) Class() Class { return ClassRelation }

func (o *Relation) key() nameKey { return nameKey{ClassRelation, o.SchemaID, o.Name} }

func (o *Relation) refs() []types.OID {
	out := append(o.ACL.roles(), o.Owner, o.SchemaID)
	if o.ServerID != 0 {
		out = append(out, o.ServerID)
	}
	for _, c := range o.Columns {
		out = append(out, c.ACL.roles()...)
		out = append(out, typeRefs(c.Type)...)
	}
	if o.Sequence != nil && o.Sequence.OwnerTable != 0 {
		out = append(out, o.Sequence.OwnerTable)
	}
	return append(out, o.Depends...)
}

func (o *Relation) secrets() []secretField { return o.Options.fields() }

// Clone returns a copy that may be changed and put.
func (o *Relation) Clone() *Relation {
	c := *o
	c.ACL, c.Options, c.Columns = slices.Clone(o.ACL), slices.Clone(o.Options), slices.Clone(o.Columns)
	c.Constraints = slices.Clone(o.Constraints)
	return &c
}

// Live reports whether the relation is addressed as server.schema.table.
func (o *Relation) Live() bool { return o.OID == 0 }

// Column returns a column by name.
func (o *Relation) Column(name string) (*Column, bool) {
	for i := range o.Columns {
		if o.Columns[i].Name == name {
			return &o.Columns[i], true
		}
	}
	return nil, false
}

// ColumnByNumber returns a column by attribute number.
func (o *Relation) ColumnByNumber(n int16) (*Column, bool) {
	for i := range o.Columns {
		if o.Columns[i].AttNum == n {
			return &o.Columns[i], true
		}
	}
	return nil, false
}

// TableRef is what a connector needs to resolve a foreign table. For a live
// table it has neither options nor columns. absolute says that the owner may
// name any file of the machine (Snapshot.ReadsServerFiles), root is the option
// of the server that confines everybody else; the connector reads root from the
// server's options.
func (o *Relation) TableRef(absolute bool) connector.TableRef {
	ref := connector.TableRef{Schema: o.Schema, Name: o.Name, AllowAbsolute: absolute}
	if o.Remote != nil {
		ref.Schema, ref.Name = o.Remote.Schema, o.Remote.Name
	}
	if o.Live() {
		return ref
	}
	if len(o.Options) > 0 || o.Remote == nil {
		ref.Options = maps.Collect(o.Options.All())
	}
	ref.Columns = make([]connector.Column, len(o.Columns))
	for i, c := range o.Columns {
		ref.Columns[i] = connector.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
		if len(c.Options) > 0 {
			ref.Columns[i].Options = maps.Collect(c.Options.All())
		}
	}
	return ref
}
