// Package catalog holds the objects that DDL makes (roles, schemas, servers,
// user mappings, foreign tables, views, policies, privileges), as immutable
// snapshots over a durable store.
package catalog

import "github.com/hubsql/hubsql/catalog/types"

// Class is the system catalog that an object belongs to, by the OID that the
// catalog has in PostgreSQL's pg_class.
type Class types.OID

// Classes of objects.
const (
	ClassType          Class = 1247
	ClassRelation      Class = 1259
	ClassRole          Class = 1260
	ClassMembership    Class = 1261
	ClassDatabase      Class = 1262
	ClassServer        Class = 1417
	ClassUserMapping   Class = 1418
	ClassWrapper       Class = 2328
	ClassComment       Class = 2609
	ClassSchema        Class = 2615
	ClassRowPolicy     Class = 3256
	ClassMaskingPolicy Class = 9256 // HubSQL's own
)

// OIDs that PostgreSQL fixes.
const (
	// Bootstrap is the superuser made at first start.
	Bootstrap types.OID = 10
	// PublicRole stands for PUBLIC in privileges and policies.
	PublicRole types.OID = 0

	SchemaPgCatalog types.OID = 11
	SchemaPublic    types.OID = 2200

	RoleDatabaseOwner     types.OID = 6171
	RoleReadAllData       types.OID = 6181
	RoleWriteAllData      types.OID = 6182
	RoleMonitor           types.OID = 3373
	RoleReadAllSettings   types.OID = 3374
	RoleReadAllStats      types.OID = 3375
	RoleStatScanTables    types.OID = 3377
	RoleReadServerFiles   types.OID = 4569
	RoleWriteServerFiles  types.OID = 4570
	RoleExecuteServerProg types.OID = 4571
	RoleSignalBackend     types.OID = 4200
	RoleCheckpoint        types.OID = 4544

	// SchemaInformation and SchemaHub have no fixed OID in PostgreSQL; they are
	// below FirstNormal so that no object made by a user gets them.
	SchemaInformation types.OID = 13207
	SchemaHub         types.OID = 13999

	// FirstNormal is the first OID for objects made by users.
	FirstNormal types.OID = 16384
)

// predefinedRoles are the roles every cluster of PostgreSQL 15 has.
var predefinedRoles = [...]struct {
	oid  types.OID
	name string
}{
	{RoleDatabaseOwner, "pg_database_owner"},
	{RoleReadAllData, "pg_read_all_data"},
	{RoleWriteAllData, "pg_write_all_data"},
	{RoleMonitor, "pg_monitor"},
	{RoleReadAllSettings, "pg_read_all_settings"},
	{RoleReadAllStats, "pg_read_all_stats"},
	{RoleStatScanTables, "pg_stat_scan_tables"},
	{RoleReadServerFiles, "pg_read_server_files"},
	{RoleWriteServerFiles, "pg_write_server_files"},
	{RoleExecuteServerProg, "pg_execute_server_program"},
	{RoleSignalBackend, "pg_signal_backend"},
	{RoleCheckpoint, "pg_checkpoint"},
}
