package pgcatalog

import (
	"strconv"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// contents says how the rows of a relation are made. Relations that are not in
// it are empty.
var contents = func() map[relationName]func(*scan) {
	out := map[relationName]func(*scan){}
	for schema, list := range map[string]map[string]func(*scan){
		function.PgCatalog:   pgCatalogContents,
		"information_schema": informationContents,
		"hub":                hubContents,
	} {
		for name, fill := range list {
			out[relationName{schema, name}] = fill
		}
	}
	return out
}()

var pgCatalogContents = map[string]func(*scan){
	"pg_aggregate":            pgAggregate,
	"pg_am":                   rows(amRows),
	"pg_attrdef":              pgAttrdef,
	"pg_attribute":            pgAttribute,
	"pg_auth_members":         pgAuthMembers,
	"pg_authid":               pgAuthid,
	"pg_cast":                 pgCast,
	"pg_class":                pgClass,
	"pg_collation":            rows(collationRows),
	"pg_constraint":           pgConstraint,
	"pg_database":             pgDatabase,
	"pg_db_role_setting":      pgDBRoleSetting,
	"pg_depend":               pgDepend,
	"pg_description":          pgDescription,
	"pg_enum":                 pgEnum,
	"pg_foreign_data_wrapper": pgForeignDataWrapper,
	"pg_foreign_server":       pgForeignServer,
	"pg_foreign_table":        pgForeignTable,
	"pg_group":                pgGroup,
	"pg_index":                pgIndex,
	"pg_indexes":              pgIndexes,
	"pg_language":             rows(languageRows),
	"pg_namespace":            pgNamespace,
	"pg_opclass":              rows(opclassRows),
	"pg_operator":             pgOperator,
	"pg_opfamily":             rows(opfamilyRows),
	"pg_policies":             pgPolicies,
	"pg_policy":               pgPolicy,
	"pg_proc":                 pgProc,
	"pg_range":                rows(rangeRows),
	"pg_rewrite":              pgRewrite,
	"pg_roles":                pgRoles,
	"pg_sequence":             pgSequence,
	"pg_sequences":            pgSequences,
	"pg_settings":             pgSettings,
	"pg_shadow":               pgShadow,
	"pg_shdescription":        pgShdescription,
	"pg_stat_activity":        pgStatActivity,
	"pg_stat_all_tables":      pgStatAllTables,
	"pg_stat_database":        pgStatDatabase,
	"pg_stat_gssapi":          pgStatGSSAPI,
	"pg_stat_ssl":             pgStatSSL,
	"pg_stat_sys_tables":      pgStatSysTables,
	"pg_tables":               pgTables,
	"pg_tablespace":           rows(tablespaceRows),
	"pg_timezone_abbrevs":     pgTimezoneAbbrevs,
	"pg_timezone_names":       pgTimezoneNames,
	"pg_type":                 pgType,
	"pg_user":                 pgUser,
	"pg_user_mapping":         pgUserMapping,
	"pg_user_mappings":        pgUserMappings,
	"pg_views":                pgViews,
}

// txBase keeps transaction numbers above those that PostgreSQL reserves.
const txBase = 1000

// txID stands for the transaction that made the catalog as it is: xmin of all
// its rows, and what txid_current shows.
func txID(snap *catalog.Snapshot) uint32 { return uint32(snap.Version()) + txBase }

// ctid makes the place of a row, by its number.
func ctid(row int) types.Datum { return str("(0," + strconv.Itoa(row) + ")") }
