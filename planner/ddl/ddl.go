// Package ddl executes the statements that change the catalog.
package ddl

import (
	"context"
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// SourceOpener gives access to the connectors of this build.
type SourceOpener interface {
	// Open returns the source of a server as role sees it. snap holds the server
	// and its user mappings, maybe not committed yet. The caller does not close
	// it.
	Open(ctx context.Context, snap *catalog.Snapshot, server *catalog.Server, role types.OID) (connector.Source, error)
	// Wrapper returns a connector by the name of its wrapper.
	Wrapper(name string) (connector.Connector, bool)
	// Wrappers lists the names of all wrappers.
	Wrappers() []string
}

// Env is what a statement is executed in.
type Env struct {
	Tx      *catalog.Tx
	Session *session.Session
	// SearchPath holds the names of the schemas that exist on the session's
	// path, without pg_catalog; the first is where objects are created.
	SearchPath []string
	Sources    SourceOpener

	// CheckMask binds the expression of a masking policy and checks its type
	// against the column's. CheckPolicy binds the condition of a row policy.
	// Positions of their errors are relative to the expression's text.
	CheckMask   func(ctx context.Context, rel *catalog.Relation, column *catalog.Column, e policy.Expr) error
	CheckPolicy func(ctx context.Context, rel *catalog.Relation, e policy.Expr) error
	// BindView binds the query of a view and returns its columns (names and
	// types; numbers are given here) and the stored relations it reads.
	// Positions of errors are relative to sql.
	BindView func(ctx context.Context, sql string) ([]catalog.Column, []types.OID, error)
	// CheckDefault binds the default of a column and checks its type.
	CheckDefault func(ctx context.Context, sql string, column string, t types.Type) error
	// CheckDomain binds the condition of a domain over values of its base type.
	CheckDomain func(ctx context.Context, sql string, base types.Type) error
	// CheckFunction binds the query of a function.
	CheckFunction func(ctx context.Context, f *catalog.UserFunction) error
	// Rows gives access to the rows of local tables.
	Rows LocalRows
	// CheckSetting validates ALTER ROLE ... SET; nil accepts everything.
	CheckSetting func(name, value string) error
}

// LocalRows is what DDL asks of the rows of local tables, within the transaction
// of the statement.
type LocalRows interface {
	// Lock keeps other transactions from changing the rows until the end of this
	// one.
	Lock(ctx context.Context, table types.OID) error
	// SequenceValue returns where a sequence stands, SetSequence changes it at
	// once: the next value is value, or the one after it if called.
	SequenceValue(seq *catalog.Relation) (value int64, called bool, err error)
	SetSequence(seq *catalog.Relation, value int64, called bool) error
	// Count returns how many rows of a table, as it stands in the catalog with
	// the changes of the transaction, meet a condition; "" counts all.
	Count(ctx context.Context, rel *catalog.Relation, condition string) (int64, error)
	// Rewrite sets a column of every row to an expression over the row, or to the
	// column's default; the table is locked.
	Rewrite(ctx context.Context, rel *catalog.Relation, column, value string) error
	// Duplicates reports whether two rows agree in the columns, none of them
	// NULL.
	Duplicates(ctx context.Context, rel *catalog.Relation, columns []string) (bool, error)
}

// Result is the outcome of a statement.
type Result struct {
	Tag string
	// Notices are NOTICEs and WARNINGs in order.
	Notices []*pgerror.Error
	// Columns and Rows are set for SHOW MASKING POLICIES.
	Columns []ResultColumn
	Rows    [][]types.Datum
}

// ResultColumn is one column of a Result with rows.
type ResultColumn struct {
	Name string
	Type types.Type
}

// Handles reports whether a statement is one for Execute: every utility
// statement but those of sessions, transactions, cursors and COPY.
func Handles(st parser.Statement) bool {
	if st.Extension != nil {
		return true
	}
	if st.Stmt == nil {
		return false
	}
	switch st.Stmt.Node.(type) {
	case *pg.Node_SelectStmt, *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt,
		*pg.Node_VariableSetStmt, *pg.Node_VariableShowStmt, *pg.Node_TransactionStmt, *pg.Node_PrepareStmt,
		*pg.Node_ExecuteStmt, *pg.Node_DeallocateStmt, *pg.Node_DiscardStmt, *pg.Node_ExplainStmt, *pg.Node_CopyStmt,
		*pg.Node_DeclareCursorStmt, *pg.Node_FetchStmt, *pg.Node_ClosePortalStmt, *pg.Node_ListenStmt,
		*pg.Node_NotifyStmt, *pg.Node_UnlistenStmt, *pg.Node_ConstraintsSetStmt:
		return false
	}
	return true
}

// Execute runs one statement on the transaction of env. On error nothing of the
// statement stays in the transaction. What PostgreSQL has and HubSQL lacks is
// 0A000.
func Execute(ctx context.Context, env *Env, st parser.Statement) (Result, error) {
	role, ok := env.Tx.Snapshot().Role(env.Session.CurrentUser)
	if !ok {
		return Result{}, pgerror.Newf(pgerror.UndefinedObject, `role "%s" does not exist`, env.Session.CurrentUser)
	}
	mark := env.Tx.Mark()
	r := &run{ctx: ctx, env: env, tx: env.Tx, role: role, st: st}
	if err := r.execute(); err != nil {
		env.Tx.RollbackTo(mark)
		return Result{}, err
	}
	return r.result, nil
}

// run is the execution of one statement.
type run struct {
	ctx    context.Context
	env    *Env
	tx     *catalog.Tx
	role   *catalog.Role
	st     parser.Statement
	result Result
}

// snap is the catalog with all changes so far. The next change copies it: loops
// that change take it once.
func (r *run) snap() *catalog.Snapshot { return r.tx.Snapshot() }

func (r *run) notice(code pgerror.Code, format string, args ...any) {
	r.result.Notices = append(r.result.Notices, pgerror.Noticef(code, format, args...))
}

func (r *run) warning(code pgerror.Code, format string, args ...any) {
	r.result.Notices = append(r.result.Notices, pgerror.Warningf(code, format, args...))
}

func (r *run) execute() error {
	switch x := r.st.Extension.(type) {
	case *parser.CreateMaskingPolicy:
		return r.tag(x.Tag(), r.createMaskingPolicy(x))
	case *parser.DropMaskingPolicy:
		return r.tag(x.Tag(), r.dropMaskingPolicy(x))
	case *parser.ShowMaskingPolicies:
		return r.tag(x.Tag(), r.showMaskingPolicies(x))
	}
	if r.st.Stmt == nil {
		return pgerror.New(pgerror.InternalError, "no statement")
	}
	switch x := r.st.Stmt.Node.(type) {
	case *pg.Node_CreateForeignServerStmt:
		return r.tag("CREATE SERVER", r.createServer(x.CreateForeignServerStmt))
	case *pg.Node_AlterForeignServerStmt:
		return r.tag("ALTER SERVER", r.alterServer(x.AlterForeignServerStmt))
	case *pg.Node_CreateUserMappingStmt:
		return r.tag("CREATE USER MAPPING", r.createMapping(x.CreateUserMappingStmt))
	case *pg.Node_AlterUserMappingStmt:
		return r.tag("ALTER USER MAPPING", r.alterMapping(x.AlterUserMappingStmt))
	case *pg.Node_DropUserMappingStmt:
		return r.tag("DROP USER MAPPING", r.dropMapping(x.DropUserMappingStmt))
	case *pg.Node_CreateForeignTableStmt:
		return r.tag("CREATE FOREIGN TABLE", r.createTable(x.CreateForeignTableStmt))
	case *pg.Node_CreateStmt:
		return r.tag("CREATE TABLE", r.createLocalTable(x.CreateStmt))
	case *pg.Node_CreateFunctionStmt:
		return r.tag("CREATE FUNCTION", r.createFunction(x.CreateFunctionStmt))
	case *pg.Node_CreateSeqStmt:
		return r.tag("CREATE SEQUENCE", r.createSequence(x.CreateSeqStmt))
	case *pg.Node_AlterSeqStmt:
		return r.tag("ALTER SEQUENCE", r.alterSequence(x.AlterSeqStmt))
	case *pg.Node_IndexStmt:
		return r.tag("CREATE INDEX", r.createIndex(x.IndexStmt))
	case *pg.Node_ImportForeignSchemaStmt:
		return r.tag("IMPORT FOREIGN SCHEMA", r.importSchema(x.ImportForeignSchemaStmt))
	case *pg.Node_CreateSchemaStmt:
		return r.tag("CREATE SCHEMA", r.createSchema(x.CreateSchemaStmt))
	case *pg.Node_ViewStmt:
		return r.tag("CREATE VIEW", r.createView(x.ViewStmt))
	case *pg.Node_CreateRoleStmt:
		return r.tag("CREATE ROLE", r.createRole(x.CreateRoleStmt))
	case *pg.Node_AlterRoleStmt:
		return r.tag("ALTER ROLE", r.alterRole(x.AlterRoleStmt))
	case *pg.Node_AlterRoleSetStmt:
		return r.tag("ALTER ROLE", r.alterRoleSet(x.AlterRoleSetStmt))
	case *pg.Node_DropRoleStmt:
		return r.tag("DROP ROLE", r.dropRole(x.DropRoleStmt))
	case *pg.Node_GrantStmt:
		return r.tag(word(x.GrantStmt.IsGrant, "GRANT", "REVOKE"), r.grant(x.GrantStmt))
	case *pg.Node_GrantRoleStmt:
		return r.tag(word(x.GrantRoleStmt.IsGrant, "GRANT ROLE", "REVOKE ROLE"), r.grantRole(x.GrantRoleStmt))
	case *pg.Node_CreatePolicyStmt:
		return r.tag("CREATE POLICY", r.createPolicy(x.CreatePolicyStmt))
	case *pg.Node_AlterPolicyStmt:
		return r.tag("ALTER POLICY", r.alterPolicy(x.AlterPolicyStmt))
	case *pg.Node_AlterTableStmt:
		return r.alterTable(x.AlterTableStmt)
	case *pg.Node_RenameStmt:
		return r.rename(x.RenameStmt)
	case *pg.Node_AlterOwnerStmt:
		return r.alterOwner(x.AlterOwnerStmt)
	case *pg.Node_CreateEnumStmt:
		return r.tag("CREATE TYPE", r.createEnum(x.CreateEnumStmt))
	case *pg.Node_AlterEnumStmt:
		return r.tag("ALTER TYPE", r.alterEnum(x.AlterEnumStmt))
	case *pg.Node_CompositeTypeStmt:
		return r.tag("CREATE TYPE", r.createComposite(x.CompositeTypeStmt))
	case *pg.Node_CreateDomainStmt:
		return r.tag("CREATE DOMAIN", r.createDomain(x.CreateDomainStmt))
	case *pg.Node_AlterDomainStmt:
		return r.tag("ALTER DOMAIN", r.alterDomain(x.AlterDomainStmt))
	case *pg.Node_CreateRangeStmt:
		return pgerror.NotSupported("CREATE TYPE ... AS RANGE is not supported")
	case *pg.Node_CommentStmt:
		return r.tag("COMMENT", r.comment(x.CommentStmt))
	case *pg.Node_DropStmt:
		return r.drop(x.DropStmt)
	}
	return pgerror.NotSupported("%s is not supported", statementName(r.st.Stmt))
}

// tag sets the command tag of a statement that succeeded.
func (r *run) tag(tag string, err error) error {
	if err == nil {
		r.result.Tag = tag
	}
	return err
}

func word(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// at places an error at a location of the parse tree.
func (r *run) at(e *pgerror.Error, location int32) error {
	if location < 0 {
		return e
	}
	return e.At(r.st.Position(int(location)))
}

// within moves the position of an error in a piece of the statement, which
// starts at byte offset from of the whole text, to where it is in the whole.
func (r *run) within(err error, from int) error {
	if err == nil {
		return nil
	}
	e := *pgerror.From(err)
	if e.Position > 0 {
		e.Position += r.st.Position(from) - 1
	}
	return &e
}

// statementName spells a statement for 0A000.
func statementName(n *pg.Node) string {
	switch x := n.Node.(type) {
	case *pg.Node_CreateTableAsStmt:
		if x.CreateTableAsStmt.Objtype == pg.ObjectType_OBJECT_MATVIEW {
			return "CREATE MATERIALIZED VIEW"
		}
		return "CREATE TABLE AS"
	case *pg.Node_RefreshMatViewStmt:
		return "REFRESH MATERIALIZED VIEW"
	case *pg.Node_ReindexStmt:
		return "REINDEX"
	case *pg.Node_CreateFdwStmt:
		return "CREATE FOREIGN DATA WRAPPER"
	case *pg.Node_AlterFdwStmt:
		return "ALTER FOREIGN DATA WRAPPER"
	case *pg.Node_AlterFunctionStmt:
		return "ALTER FUNCTION"
	case *pg.Node_DoStmt:
		return "DO"
	case *pg.Node_CallStmt:
		return "CALL"
	case *pg.Node_CreateTrigStmt:
		return "CREATE TRIGGER"
	case *pg.Node_CreateEventTrigStmt:
		return "CREATE EVENT TRIGGER"
	case *pg.Node_RuleStmt:
		return "CREATE RULE"
	case *pg.Node_AlterTypeStmt:
		return "ALTER TYPE"
	case *pg.Node_CreatedbStmt:
		return "CREATE DATABASE"
	case *pg.Node_DropdbStmt:
		return "DROP DATABASE"
	case *pg.Node_AlterDatabaseStmt, *pg.Node_AlterDatabaseSetStmt:
		return "ALTER DATABASE"
	case *pg.Node_CreateExtensionStmt:
		return "CREATE EXTENSION"
	case *pg.Node_AlterExtensionStmt:
		return "ALTER EXTENSION"
	case *pg.Node_VacuumStmt:
		return word(x.VacuumStmt.IsVacuumcmd, "VACUUM", "ANALYZE")
	case *pg.Node_ClusterStmt:
		return "CLUSTER"
	case *pg.Node_TruncateStmt:
		return "TRUNCATE TABLE"
	case *pg.Node_LockStmt:
		return "LOCK TABLE"
	case *pg.Node_CheckPointStmt:
		return "CHECKPOINT"
	case *pg.Node_LoadStmt:
		return "LOAD"
	case *pg.Node_SecLabelStmt:
		return "SECURITY LABEL"
	case *pg.Node_AlterDefaultPrivilegesStmt:
		return "ALTER DEFAULT PRIVILEGES"
	case *pg.Node_DropOwnedStmt:
		return "DROP OWNED"
	case *pg.Node_ReassignOwnedStmt:
		return "REASSIGN OWNED"
	case *pg.Node_AlterSystemStmt:
		return "ALTER SYSTEM"
	case *pg.Node_CreatePublicationStmt:
		return "CREATE PUBLICATION"
	case *pg.Node_CreateSubscriptionStmt:
		return "CREATE SUBSCRIPTION"
	case *pg.Node_CreateStatsStmt:
		return "CREATE STATISTICS"
	case *pg.Node_CreateCastStmt:
		return "CREATE CAST"
	case *pg.Node_DefineStmt:
		return "CREATE AGGREGATE, OPERATOR, TYPE, COLLATION or TEXT SEARCH"
	case *pg.Node_AlterObjectSchemaStmt:
		return "SET SCHEMA"
	case *pg.Node_CreateTableSpaceStmt:
		return "CREATE TABLESPACE"
	}
	return fmt.Sprintf("this statement (%T)", n.Node)
}
