// Package exec runs statements. This file is the path of a query, top to
// bottom; the files beside it hold one concern each.
package exec

import (
	"context"
	"log/slog"
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/eval"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/operator"
	"github.com/hubsql/hubsql/exec/scheduler"
	"github.com/hubsql/hubsql/exec/spill"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/storage"
)

// Config is what an engine is made of. Every field is required
// unless it says otherwise.
type Config struct {
	Catalog  *catalog.Catalog
	Registry *function.Registry
	Policies policy.Provider
	// Connectors by wrapper name.
	Connectors []connector.Connector
	// System makes the source of the system relations for one statement.
	System func(*catalog.Snapshot, *session.Session) connector.Source
	// SystemRelations resolves the OID and shape of a system relation.
	SystemRelations SystemRelations
	Pool            *scheduler.Pool
	// Rows holds the local tables.
	Rows *storage.Store
	// Memory is the account of the process; QueryMemory limits one query.
	Memory      *memory.Account
	QueryMemory int64
	// Spill takes what queries move to disk; nil means that none may.
	Spill *spill.Store
	Log   *slog.Logger
	// Database is the name of the one database.
	Database string
	// Defaults override the built-in defaults of settings.
	Defaults map[string]string
	// ExportDir is the directory that COPY TO a file writes below, "" for none.
	ExportDir string
}

// SystemRelations is what the engine asks of the system catalog.
type SystemRelations interface {
	// Relation returns the identity of a system relation and whether role may
	// read it; ok is false when there is none.
	Relation(snap *catalog.Snapshot, schema, name string, role types.OID) (oid types.OID, readable, ok bool)
	// Lookup resolves the text form of a reg* type, Text prints one.
	Lookup(snap *catalog.Snapshot, searchPath []string, t types.OID, text string) (types.OID, error)
	Text(snap *catalog.Snapshot, searchPath []string, t, oid types.OID) string
}

// Engine executes statements for any number of sessions.
type Engine struct {
	Config
	sources   *sources
	started   time.Time
	activity  activity
	admission admission
	exports   exports
}

// New returns an engine. Its Functions must be registered before the registry is
// frozen and the first session opens.
func New(c Config) *Engine {
	e := &Engine{Config: c, started: time.Now(), activity: activity{list: map[*Session]*entry{}}, admission: newAdmission()}
	e.sources = newSources(c.Connectors, c.Memory, c.Log)
	return e
}

// Close ends every source. No statement may be running.
func (e *Engine) Close() { e.sources.close() }

// The path of a query: parse, bind, plan, execute. Everything else in this
// package leads here.

// parse splits a message into statements.
func (e *Engine) parse(sql string) ([]parser.Statement, error) { return parser.Parse(sql) }

// bind resolves names, types and policies of a query for the session as it is
// now.
func (s *Session) bind(ctx context.Context, stmt *pg.SelectStmt, text string, params []types.OID) (*binder.Result, error) {
	rel := s.relations()
	return binder.Bind(ctx, s.binderEnv(rel), stmt, text, params)
}

// binderEnv is what binding depends on.
func (s *Session) binderEnv(rel *relations) binder.Env {
	return binder.Env{
		Catalog: rel, Registry: s.engine.Registry, Session: s.sess,
		Principal: rel.role, Fold: s.fold,
	}
}

// plan optimizes a bound query for these parameter values. lasting is false when
// the plan holds for one execution only, because it contains the value of now()
// or the like.
func (s *Session) plan(ctx context.Context, b *binder.Result, params []types.Datum) (_ physical.Node, lasting bool, _ error) {
	lasting = true
	out, err := planner.Plan(ctx, planner.Env{
		Registry: s.engine.Registry, Fold: s.lastingFold(&lasting), Evaluate: s.constant, Pushdown: s.sess.Vars.Bool("hub.enable_pushdown"),
		DynamicFilters: s.sess.Vars.Bool("hub.enable_dynamic_filters"),
		DisabledRules:  disabledRules(s.sess.Vars.Str("hub.disabled_rules")),
	}, b.Plan, params)
	return out, lasting, err
}

// disabledRules splits the setting.
func disabledRules(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '"' })
}

// start executes a plan. account is closed by the caller after the query.
func (s *Session) start(ctx context.Context, plan planned, account *memory.Account) (*operator.Query, error) {
	return operator.Start(ctx, plan.root, operator.Env{
		Pool: s.engine.Pool, Account: account, Session: s.sess, Format: s.sess.Format(),
		Params: plan.params, Handles: plan.handles,
		BatchSize: int(s.sess.Vars.Int("hub.batch_size")), Workers: int(s.sess.Vars.Int("hub.workers")),
		Weight: s.sess.Vars.Weight(), Spent: s.recent.now(time.Now()),
		Spill: s.engine.Spill, SpillLimit: s.sess.Vars.TempFileLimit(), SpillAt: s.sess.Vars.Int("hub.spill_at") << 10,
	})
}

// queryMemory returns the memory limit of the session's next query in bytes, 0
// for none but the server's: memory_limit lowers that of the server's queries,
// and a superuser may raise it as well.
func (s *Session) queryMemory() int64 {
	limit, own := s.engine.QueryMemory, s.sess.Vars.MemoryLimit()
	if own > 0 && (limit == 0 || own < limit || s.sess.Vars.Bool("is_superuser")) {
		return own
	}
	return limit
}

// fold evaluates what does not read rows. The plan serves one execution, so
// stable functions fold as well.
func (s *Session) fold(e expr.Expr) expr.Expr {
	env := &eval.Env{Ctx: context.Background(), Session: s.sess, Memory: s.engine.Memory}
	if _, isConst := e.(*expr.Const); isConst || hasParam(e) {
		return e
	}
	d, err := eval.EvalConst(e, env)
	if err != nil {
		return e // the error comes when, and if, a row reaches it
	}
	return &expr.Const{T: e.Type(), Value: d}
}

// constant returns the value of an expression that reads no rows.
func (s *Session) constant(e expr.Expr) (types.Datum, error) {
	return eval.EvalConst(e, &eval.Env{Ctx: context.Background(), Session: s.sess, Memory: s.engine.Memory})
}

// hasParam reports whether an expression waits for a parameter.
func hasParam(e expr.Expr) bool {
	found := false
	expr.Walk(e, func(x expr.Expr) bool {
		if _, ok := x.(*expr.Param); ok {
			found = true
		}
		return !found
	})
	return found
}
