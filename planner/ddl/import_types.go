package ddl

import (
	"slices"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// importing makes the types that imported columns need.
type importing struct {
	*run
	schema *catalog.Schema
	server *catalog.Server
	// done are the types that this statement has made or checked already.
	done map[string]types.Type
}

// columnType is the type of an imported column: that of the schema which stands
// for the source's, made or refreshed as needed.
func (m *importing) columnType(c connector.Column) (types.Type, error) {
	if c.User == nil {
		return c.Type, nil
	}
	t, ok := m.done[c.User.Schema+"."+c.User.Name]
	if !ok {
		var err error
		if t, err = m.userType(c.User); err != nil {
			return t, err
		}
		m.done[c.User.Schema+"."+c.User.Name] = t
	}
	if c.Array {
		return catalog.ArrayOf(t), nil
	}
	return t, nil
}

// userType finds or makes the type that stands for one of the source.
func (m *importing) userType(u *connector.UserType) (types.Type, error) {
	old, found := m.snap().Type(m.schema.Name, u.Name)
	if !found {
		if _, taken := m.snap().Relation(m.schema.Name, u.Name); taken {
			return types.Type{}, m.conflict(u, "There is a relation of that name.")
		}
		return m.newType(u)
	}
	if old.Kind != u.Kind {
		return types.Type{}, m.conflict(u, "It is of another kind than the type at the source.")
	}
	switch u.Kind {
	case types.EnumKind:
		return types.Of(old.OID), m.refreshEnum(old, u)
	case types.CompositeKind:
		columns, err := m.columns(u)
		if err != nil {
			return types.Type{}, err
		}
		same := func(a, b catalog.Column) bool { return a.Name == b.Name && a.Type == b.Type }
		if !slices.EqualFunc(columns, old.Columns, same) {
			return types.Type{}, m.conflict(u, "Its columns differ from those of the type at the source.")
		}
		return old.Type(), nil
	}
	base, err := m.columnType(u.Base)
	if err != nil {
		return types.Type{}, err
	}
	if base != old.Base {
		return types.Type{}, m.conflict(u, "It is made of another type than the domain at the source.")
	}
	if old.Server != m.server.OID {
		return old.Type(), nil
	}
	n := old.Clone()
	m.constrain(n, u)
	return n.Type(), m.tx.Put(n)
}

// conflict says that a type of the schema cannot stand for one of the source.
func (m *importing) conflict(u *connector.UserType, detail string) error {
	return exists("type", u.Name).WithDetail("%s", detail).
		WithHint("Import into another schema, or drop or rename the type.")
}

// newType makes a type.
func (m *importing) newType(u *connector.UserType) (types.Type, error) {
	if u.Kind == types.EnumKind {
		t, err := m.newEnum(m.schema, u.Name, u.Labels, m.server.OID)
		if err != nil {
			return types.Type{}, err
		}
		return t.Type(), nil
	}
	columns, err := m.columns(u)
	if err != nil {
		return types.Type{}, err
	}
	id, err := m.newTypeOID(u.Kind)
	if err != nil {
		return types.Type{}, err
	}
	t := &catalog.UserType{OID: id, SchemaID: m.schema.OID, Name: u.Name, Owner: m.role.OID, Kind: u.Kind, Columns: columns, Server: m.server.OID}
	if u.Kind == types.DomainKind {
		if t.Base, err = m.columnType(u.Base); err != nil {
			return types.Type{}, err
		}
		m.constrain(t, u)
	}
	return t.Type(), m.tx.Put(t)
}

// constrain gives a domain the constraints of the one at the source.
func (m *importing) constrain(t *catalog.UserType, u *connector.UserType) {
	t.NotNull, t.Default, t.Path = u.NotNull, u.Default, []string{m.schema.Name}
	t.Checks = nil
	for _, k := range u.Checks {
		t.Checks = append(t.Checks, catalog.DomainCheck{OID: m.tx.NewOID(), Name: k.Name, SQL: k.SQL})
	}
}

// columns are those of a composite type.
func (m *importing) columns(u *connector.UserType) ([]catalog.Column, error) {
	var out []catalog.Column
	for i, c := range u.Columns {
		t, err := m.columnType(c)
		if err != nil {
			return nil, err
		}
		out = append(out, catalog.Column{Name: c.Name, AttNum: int16(i + 1), Type: t})
	}
	return out, nil
}

// refreshEnum adds the labels that the source has got since the type was
// imported; those that are there keep their place. The type must otherwise be
// the source's.
func (m *importing) refreshEnum(old *catalog.UserType, u *connector.UserType) error {
	names := make([]string, len(old.Labels))
	for i, l := range old.Labels {
		names[i] = l.Name
	}
	if slices.Equal(names, u.Labels) {
		return nil
	}
	at := 0
	for _, l := range u.Labels {
		if at < len(names) && names[at] == l {
			at++
		}
	}
	if at < len(names) || old.Server != m.server.OID {
		return m.conflict(u, "Its labels differ from those of the type at the source.")
	}
	t := old.Clone()
	for i, l := range u.Labels {
		if i < len(t.Labels) && t.Labels[i].Name == l {
			continue
		}
		if err := checkLabel(l); err != nil {
			return err
		}
		if err := m.insertLabel(t, i, l); err != nil {
			return err
		}
	}
	return m.tx.Put(t)
}

// typeError says which column needs the type that could not be made.
func typeError(table, column string, err error) error {
	e := *pgerror.From(err)
	e.Where = "column " + column + " of table " + table
	return &e
}
