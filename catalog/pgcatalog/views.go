package pgcatalog

import (
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// viewDefinition is the query of a view as PostgreSQL shows it: with a semicolon.
func viewDefinition(r *catalog.Relation) string {
	return " " + strings.TrimRight(strings.TrimSpace(r.ViewSQL), "; \n") + ";"
}

func pgViews(x *scan) {
	owner := x.snap.RoleName(catalog.Bootstrap)
	for _, r := range system().list {
		if r.Kind == 'v' {
			x.add(str(r.Schema), str(r.Name), str(owner), null)
		}
	}
	for _, r := range x.relations() {
		if r.Kind == catalog.View {
			x.add(str(x.names.schemaName(r.SchemaID)), str(r.Name), str(x.snap.RoleName(r.Owner)), str(viewDefinition(r)))
		}
	}
}

func pgTables(x *scan) {
	owner := x.snap.RoleName(catalog.Bootstrap)
	for _, r := range system().list {
		if r.Kind == 'r' {
			x.add(str(r.Schema), str(r.Name), str(owner), null, yes(false), yes(false), yes(false), yes(false))
		}
	}
	for _, r := range x.relations() {
		if r.Kind == catalog.Table {
			x.add(str(x.names.schemaName(r.SchemaID)), str(r.Name), str(x.snap.RoleName(r.Owner)), null, yes(false), yes(false), yes(false), yes(r.RowSecurity))
		}
	}
}

// statistics adds a row without any counts: nothing is counted per table.
func (x *scan) statistics(id types.OID, schema, name string) {
	zero := num(0)
	x.add(oid(id), str(schema), str(name), zero, zero, null, null, zero, zero, zero, zero, zero, zero, zero, zero, null, null, null, null, zero, zero, zero, zero)
}

func pgStatSysTables(x *scan) {
	for _, r := range system().list {
		if r.Kind == 'r' {
			x.statistics(r.OID, r.Schema, r.Name)
		}
	}
}

func pgStatAllTables(x *scan) {
	pgStatSysTables(x)
	for _, r := range x.relations() {
		if r.Kind == catalog.Table {
			x.statistics(r.OID, x.names.schemaName(r.SchemaID), r.Name)
		}
	}
}
