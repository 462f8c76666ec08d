package pgcatalog

import (
	"iter"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

var informationContents = map[string]func(*scan){
	"_pg_foreign_data_wrappers":             pgForeignDataWrappers,
	"_pg_foreign_servers":                   pgForeignServers,
	"_pg_foreign_table_columns":             pgForeignTableColumns,
	"_pg_foreign_tables":                    pgForeignTables,
	"_pg_user_mappings":                     pgUserMappingsInformation,
	"administrable_role_authorizations":     administrableRoleAuthorizations,
	"applicable_roles":                      applicableRoles,
	"character_sets":                        characterSets,
	"collation_character_set_applicability": collationApplicability,
	"collations":                            collations,
	"column_options":                        columnOptions,
	"column_privileges":                     columnPrivileges(false),
	"columns":                               informationColumns,
	"enabled_roles":                         enabledRoles,
	"foreign_data_wrappers":                 foreignDataWrappers,
	"foreign_server_options":                foreignServerOptions,
	"foreign_servers":                       foreignServers,
	"foreign_table_options":                 foreignTableOptions,
	"foreign_tables":                        foreignTables,
	"information_schema_catalog_name":       catalogName,
	"role_column_grants":                    columnPrivileges(true),
	"role_table_grants":                     tablePrivileges(true),
	"role_usage_grants":                     usagePrivileges(true),
	"schemata":                              schemata,
	"sql_implementation_info":               sqlImplementationInfo,
	"sql_parts":                             rows(partRows),
	"sql_sizing":                            rows(sizingRows),
	"table_privileges":                      tablePrivileges(false),
	"tables":                                informationTables,
	"usage_privileges":                      usagePrivileges(false),
	"user_mapping_options":                  userMappingOptions,
	"user_mappings":                         userMappings,
	"view_table_usage":                      viewTableUsage,
	"views":                                 informationViews,
}

// entry is a relation as the information schema sees it: the system's and the
// users' look alike.
type entry struct {
	oid          types.OID
	schema, name string
	kind         catalog.RelKind
	owner        types.OID
	acl          catalog.ACL
	sys          *RelationInfo
	user         *catalog.Relation
}

// entries yields every relation that the current user owns or has a privilege
// on, be it on one column.
func (x *scan) entries() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for _, r := range system().list {
			if !r.Public && !x.owns(catalog.Bootstrap) {
				continue
			}
			if !yield(entry{r.OID, r.Schema, r.Name, catalog.RelKind(r.Kind), catalog.Bootstrap, x.systemACL(r), r, nil}) {
				return
			}
		}
		for _, r := range x.relations() {
			if x.sees(r) && !yield(entry{r.OID, x.names.schemaName(r.SchemaID), r.Name, r.Kind, r.Owner, r.ACL, nil, r}) {
				return
			}
		}
	}
}

// sees reports whether the current user has any privilege on a relation.
func (s *source) sees(r *catalog.Relation) bool {
	if s.owns(r.Owner) || s.snap.TablePrivileges(s.role, r) != 0 {
		return true
	}
	for i := range r.Columns {
		if s.seesColumn(r, &r.Columns[i]) {
			return true
		}
	}
	return false
}

// seesColumn reports whether the current user has any privilege on a column.
func (s *source) seesColumn(r *catalog.Relation, c *catalog.Column) bool {
	for p := catalog.Insert; p <= catalog.References; p <<= 1 {
		if p&catalog.AllColumn != 0 && s.snap.HasColumn(s.role, r, c.AttNum, p) {
			return true
		}
	}
	return s.owns(r.Owner)
}

func catalogName(x *scan) { x.add(str(x.database)) }

func schemata(x *scan) {
	for _, s := range x.snap.Schemas() {
		if x.owns(s.Owner) || x.snap.HasSchema(x.role, s, catalog.Usage) || x.snap.HasSchema(x.role, s, catalog.Create) {
			x.add(str(x.database), str(s.Name), str(x.snap.RoleName(s.Owner)), null, null, null, null)
		}
	}
}

func informationTables(x *scan) {
	for e := range x.entries() {
		kind, insertable := "BASE TABLE", false
		switch e.kind {
		case catalog.View:
			kind = "VIEW"
		case catalog.ForeignTable:
			kind = "FOREIGN"
		case catalog.MatView:
			continue
		case catalog.Table:
			insertable = e.sys != nil
		}
		x.add(str(x.database), str(e.schema), str(e.name), str(kind), null, null, null, null, null, yesNo(insertable), yesNo(false), null)
	}
}

func informationViews(x *scan) {
	for e := range x.entries() {
		if e.kind != catalog.View {
			continue
		}
		definition := null
		if e.user != nil && x.owns(e.owner) {
			definition = str(viewDefinition(e.user))
		}
		x.add(str(x.database), str(e.schema), str(e.name), definition, str("NONE"), yesNo(false), yesNo(false), yesNo(false), yesNo(false), yesNo(false))
	}
}

func viewTableUsage(x *scan) {
	for _, v := range x.relations() {
		if v.Kind != catalog.View {
			continue
		}
		for _, on := range v.Depends {
			t, ok := x.snap.RelationByOID(on)
			if !ok || !x.owns(t.Owner) {
				continue
			}
			x.add(str(x.database), str(x.names.schemaName(v.SchemaID)), str(v.Name), str(x.database), str(x.names.schemaName(t.SchemaID)), str(t.Name))
		}
	}
}

func characterSets(x *scan) {
	x.add(null, null, str("UTF8"), str("UCS"), str("UTF8"), str(x.database), null, null)
}

func collations(x *scan) {
	for _, r := range collationRows() {
		x.add(str(x.database), str(function.PgCatalog), r[1], str("NO PAD"))
	}
}

func collationApplicability(x *scan) {
	for _, r := range collationRows() {
		x.add(str(x.database), str(function.PgCatalog), r[1], null, null, str("UTF8"))
	}
}

func sqlImplementationInfo(x *scan) {
	none := null
	for _, r := range [...]struct {
		id, name string
		number   types.Datum
		text     types.Datum
	}{
		{"10003", "CATALOG NAME", none, str("Y")},
		{"10004", "COLLATING SEQUENCE", none, str("C")},
		{"13", "SERVER NAME", none, str("")},
		{"17", "DBMS NAME", none, str("PostgreSQL")},
		{"18", "DBMS VERSION", none, str("15.18")},
		{"2", "DATA SOURCE NAME", none, str("")},
		{"23", "CURSOR COMMIT BEHAVIOR", num(1), none},
		{"26", "DEFAULT TRANSACTION ISOLATION", num(2), none},
		{"28", "IDENTIFIER CASE", num(3), none},
		{"46", "TRANSACTION CAPABLE", num(2), none},
		{"85", "NULL COLLATION", num(0), none},
		{"94", "SPECIAL CHARACTERS", none, str("all non-ASCII characters allowed")},
	} {
		x.add(str(r.id), str(r.name), r.number, r.text, null)
	}
}
