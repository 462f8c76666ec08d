package pgcatalog

import (
	"iter"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// wrappers yields those that the current user owns or may use.
func (s *source) wrappers() iter.Seq[*catalog.Wrapper] {
	return func(yield func(*catalog.Wrapper) bool) {
		for _, w := range s.snap.Wrappers() {
			if (s.owns(w.Owner) || s.snap.HasWrapper(s.role, w, catalog.Usage)) && !yield(w) {
				return
			}
		}
	}
}

// servers yields those that the current user owns or may use.
func (s *source) servers() iter.Seq[*catalog.Server] {
	return func(yield func(*catalog.Server) bool) {
		for _, v := range s.snap.Servers() {
			if s.mayUse(v) && !yield(v) {
				return
			}
		}
	}
}

func (s *source) mayUse(v *catalog.Server) bool {
	return s.owns(v.Owner) || s.snap.HasServer(s.role, v, catalog.Usage)
}

// foreign yields the foreign tables that the current user has a privilege on.
func (x *scan) foreign() iter.Seq[*catalog.Relation] {
	return func(yield func(*catalog.Relation) bool) {
		for _, r := range x.relations() {
			if r.Kind == catalog.ForeignTable && x.sees(r) && !yield(r) {
				return
			}
		}
	}
}

// mappings yields the user mappings of servers the current user may use.
func (s *source) mappings() iter.Seq2[*catalog.UserMapping, *catalog.Server] {
	return func(yield func(*catalog.UserMapping, *catalog.Server) bool) {
		for _, m := range s.snap.UserMappings() {
			if v, ok := s.snap.ServerByOID(m.Server); ok && s.mayUse(v) && !yield(m, v) {
				return
			}
		}
	}
}

// authorization is the user of a mapping as the information schema spells it.
func (s *source) authorization(m *catalog.UserMapping) string { return s.grantee(m.Role) }

func pgForeignDataWrappers(x *scan) {
	for w := range x.wrappers() {
		x.add(oid(w.OID), oid(w.Owner), null, str(x.database), str(w.Name), str(x.snap.RoleName(w.Owner)), str("go"))
	}
}

func foreignDataWrappers(x *scan) {
	for w := range x.wrappers() {
		x.add(str(x.database), str(w.Name), str(x.snap.RoleName(w.Owner)), null, str("go"))
	}
}

func pgForeignServers(x *scan) {
	for v := range x.servers() {
		x.add(oid(v.OID), options(v.Options), str(x.database), str(v.Name), str(x.database), str(v.Wrapper), orNull(v.Type), orNull(v.Version), str(x.snap.RoleName(v.Owner)))
	}
}

func foreignServers(x *scan) {
	for v := range x.servers() {
		x.add(str(x.database), str(v.Name), str(x.database), str(v.Wrapper), orNull(v.Type), orNull(v.Version), str(x.snap.RoleName(v.Owner)))
	}
}

func foreignServerOptions(x *scan) {
	for v := range x.servers() {
		for name, value := range v.Options.All() {
			x.add(str(x.database), str(v.Name), str(name), str(value))
		}
	}
}

func pgForeignTables(x *scan) {
	for r := range x.foreign() {
		x.add(str(x.database), str(x.names.schemaName(r.SchemaID)), str(r.Name), options(r.Options), str(x.database), str(r.Server), str(x.snap.RoleName(r.Owner)))
	}
}

func foreignTables(x *scan) {
	for r := range x.foreign() {
		x.add(str(x.database), str(x.names.schemaName(r.SchemaID)), str(r.Name), str(x.database), str(r.Server))
	}
}

func foreignTableOptions(x *scan) {
	for r := range x.foreign() {
		for name, value := range r.Options.All() {
			x.add(str(x.database), str(x.names.schemaName(r.SchemaID)), str(r.Name), str(name), str(value))
		}
	}
}

func pgForeignTableColumns(x *scan) {
	for r := range x.foreign() {
		for i := range r.Columns {
			if c := &r.Columns[i]; x.seesColumn(r, c) {
				x.add(str(x.names.schemaName(r.SchemaID)), str(r.Name), str(c.Name), options(c.Options))
			}
		}
	}
}

func columnOptions(x *scan) {
	for r := range x.foreign() {
		for i := range r.Columns {
			c := &r.Columns[i]
			if !x.seesColumn(r, c) {
				continue
			}
			for name, value := range c.Options.All() {
				x.add(str(x.database), str(x.names.schemaName(r.SchemaID)), str(r.Name), str(c.Name), str(name), str(value))
			}
		}
	}
}

// informationOptions are the options of a mapping that may be shown.
func (s *source) informationOptions(m *catalog.UserMapping, v *catalog.Server) types.Datum {
	if s.mappingShown(m, v) {
		return options(m.Options)
	}
	return null
}

func pgUserMappingsInformation(x *scan) {
	for m, v := range x.mappings() {
		x.add(oid(m.OID), x.informationOptions(m, v), oid(m.Role), str(x.authorization(m)), str(x.database), str(v.Name), str(x.snap.RoleName(v.Owner)))
	}
}

func userMappings(x *scan) {
	for m, v := range x.mappings() {
		x.add(str(x.authorization(m)), str(x.database), str(v.Name))
	}
}

func userMappingOptions(x *scan) {
	for m, v := range x.mappings() {
		shown := x.mappingShown(m, v)
		for name, value := range m.Options.All() {
			if shown {
				x.add(str(x.authorization(m)), str(x.database), str(v.Name), str(name), str(value))
			} else {
				x.add(str(x.authorization(m)), str(x.database), str(v.Name), str(name), null)
			}
		}
	}
}
