package catalog

import (
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
)

// UserType is a type that users have made: an enum, a domain or a composite
// type. Tables have a composite type, too, which is not stored: its OID is made
// of the table's.
type UserType struct {
	// OID is pg_type.oid (types.UserOID).
	OID      types.OID
	SchemaID types.OID
	Name     string
	Owner    types.OID
	Kind     types.UserKind
	// Labels are those of an enum in their order.
	Labels []types.EnumLabel `json:",omitempty"`
	// Columns are those of a composite type; names, numbers and types count.
	Columns []Column `json:",omitempty"`
	// Base is what a domain is made of, maybe another domain.
	Base    types.Type `json:",omitzero"`
	NotNull bool       `json:",omitempty"`
	// Default is the SQL of a domain's default, "" for none.
	Default string        `json:",omitempty"`
	Checks  []DomainCheck `json:",omitempty"`
	// Path is the search path that names in the expressions were looked up with.
	Path []string `json:",omitempty"`
	// Server is where an imported type comes from, 0 for one made here.
	Server types.OID `json:",omitempty"`
}

// DomainCheck is a CHECK of a domain: an expression over VALUE.
type DomainCheck struct {
	OID  types.OID
	Name string
	SQL  string
}

// ID implements Object.
func (o *UserType) ID() types.OID { return o.OID }

// Class implements Object.
func (o *UserType) Class() Class { return ClassType }

func (o *UserType) key() nameKey { return nameKey{ClassType, o.SchemaID, o.Name} }

func (o *UserType) refs() []types.OID {
	out := append(typeRefs(o.Base), o.SchemaID, o.Owner)
	for _, c := range o.Columns {
		out = append(out, typeRefs(c.Type)...)
	}
	return out
}

func (o *UserType) secrets() []secretField { return nil }

// Clone returns a copy that may be changed and put.
func (o *UserType) Clone() *UserType {
	c := *o
	c.Labels, c.Columns, c.Checks = slices.Clone(o.Labels), slices.Clone(o.Columns), slices.Clone(o.Checks)
	return &c
}

// Type is the type of values: a domain's base type, marked with the domain.
func (o *UserType) Type() types.Type {
	if o.Kind != types.DomainKind {
		return types.Of(o.OID)
	}
	t := o.Base
	t.Domain = o.OID
	return t
}

// typeRefs lists the OIDs of the objects that a type is made of: a user's type, the
// element of its array, the table that a row type belongs to.
func typeRefs(t types.Type) []types.OID {
	var out []types.OID
	for _, id := range []types.OID{t.OID, t.Domain} {
		kind, array, object, ok := id.User()
		if !ok {
			continue
		}
		if array {
			id = types.UserOID(kind, object)
		}
		out = append(out, id)
	}
	return out
}

// UsesType reports whether a column's type is made of the user's type id, which
// is no array.
func UsesType(t types.Type, id types.OID) bool { return slices.Contains(typeRefs(t), id) }

// Type returns a type of users by schema and name.
func (s *Snapshot) Type(schema, name string) (*UserType, bool) {
	sc, ok := s.Schema(schema)
	if !ok {
		return nil, false
	}
	return byName[*UserType](s, nameKey{ClassType, sc.OID, name})
}

// TypeByOID returns a type of users. The OID of an array type finds that of its
// elements.
func (s *Snapshot) TypeByOID(id types.OID) (*UserType, bool) {
	if kind, array, object, ok := id.User(); ok && array {
		id = types.UserOID(kind, object)
	}
	o, ok := s.objects[id].(*UserType)
	return o, ok
}

// Types lists the types that users have made, without the row types of tables,
// by OID.
func (s *Snapshot) Types() []*UserType { return list[*UserType](s) }

// RowType is the type of a relation's rows.
func RowType(rel types.OID) types.OID {
	if rel < FirstNormal || rel > types.MaxUserObject {
		return types.Record
	}
	return types.UserOID(types.CompositeKind, rel)
}

// FindType resolves the name of a user's type, of the row type of a relation, or
// of the array over one (with a leading underscore), in the schemas of a path.
func (s *Snapshot) FindType(path []string, name string) (types.Type, bool) {
	for _, schema := range path {
		if t, ok := s.Type(schema, name); ok {
			return t.Type(), true
		}
		if r, ok := s.Relation(schema, name); ok && RowType(r.OID) != types.Record {
			return types.Of(RowType(r.OID)), true
		}
		if elem, ok := strings.CutPrefix(name, "_"); ok {
			if t, ok := s.FindType([]string{schema}, elem); ok {
				return ArrayOf(t), true
			}
		}
	}
	return types.Type{}, false
}

// ArrayOf is the array type over t, which may be a domain.
func ArrayOf(t types.Type) types.Type {
	a := t.ArrayOf()
	if t.Domain != 0 {
		a.Domain = types.Lookup(t.Domain).Array
	}
	return a
}

// Enum implements types.UserTypes.
func (s *Snapshot) Enum(t types.OID) *types.Enum {
	if o, ok := s.objects[t].(*UserType); ok && o.Kind == types.EnumKind {
		return &types.Enum{Labels: o.Labels}
	}
	return nil
}

// Composite implements types.UserTypes.
func (s *Snapshot) Composite(t types.OID) ([]types.Attribute, bool) {
	var columns []Column
	if o, ok := s.objects[t].(*UserType); ok && o.Kind == types.CompositeKind {
		columns = o.Columns
	} else if kind, _, object, ok := t.User(); ok && kind == types.CompositeKind {
		r, ok := s.RelationByOID(object)
		if !ok {
			return nil, false
		}
		columns = r.Columns
	} else {
		return nil, false
	}
	out := make([]types.Attribute, len(columns))
	for i, c := range columns {
		out[i] = types.Attribute{Name: c.Name, Type: c.Type}
	}
	return out, true
}

// TypeIdentity returns schema and name of a user's type, of the element type for
// an array; ok is false when there is none.
func (s *Snapshot) TypeIdentity(id types.OID) (schema types.OID, name string, ok bool) {
	if o, ok := s.TypeByOID(id); ok {
		return o.SchemaID, o.Name, true
	}
	if kind, _, object, ok := id.User(); ok && kind == types.CompositeKind {
		if r, ok := s.RelationByOID(object); ok {
			return r.SchemaID, r.Name, true
		}
	}
	return 0, "", false
}

// holds reports whether an object exists: one that is stored, or the row type of
// a relation that is.
func (s *Snapshot) holds(id types.OID) bool {
	if _, ok := s.objects[id]; ok {
		return true
	}
	kind, _, object, ok := id.User()
	if !ok || kind != types.CompositeKind {
		return false
	}
	_, ok = s.RelationByOID(object)
	return ok
}
