package exec

import (
	"context"
	"slices"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/ddl"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// OpenRequest is what a new session starts from. The user is authenticated.
type OpenRequest struct {
	User, Database string
	PID            int32
	ClientAddr     string
	// Settings are applied in order, as the client's defaults.
	Settings []Setting
	// Notice sends a NOTICE or WARNING to the client.
	Notice func(error)
	// Names holds prepared statements and cursors.
	Names Names
}

// Setting is a setting with its value.
type Setting struct{ Name, Value string }

// Names is the namespace of prepared statements and cursors that SQL shares with
// the protocol.
type Names interface {
	AddStatement(name, text string, p *Prepared) error
	// Statement returns a prepared statement, 26000 when there is none.
	Statement(name string) (*Prepared, error)
	DropStatement(name string) error
	DropStatements()
	AddCursor(name string, p Portal, hold bool) error
	// Cursor describes a cursor's columns, 34000 when there is none.
	Cursor(name string) ([]Column, error)
	// Fetch reads up to limit rows (negative: all) in batches; io.EOF at the end
	// of the cursor or of the limit.
	Fetch(ctx context.Context, name string, limit int) (*vector.Batch, error)
	CloseCursor(name string) error
	CloseCursors()
	// EndTransaction closes the cursors that do not outlive their transaction.
	EndTransaction(committed bool)
}

// Session executes the statements of one connection, one at a time.
type Session struct {
	engine *Engine
	sess   *session.Session
	names  Names
	tx     transaction
	// used collects the sources that the statement being bound refers to.
	used []*source
	// readsLocal is set when the statement being bound reads local tables.
	readsLocal bool
	// scope is what names mean, as long as nothing it depends on has changed.
	scope scope
	entry entry
	texts textCache
	// recent is what the queries of the session used lately.
	recent recent
	// synced is what the last syncRole went by.
	synced synced
}

// synced is what the current role and its rights depend on.
type synced struct {
	snap          *catalog.Snapshot
	version, vars uint64
}

// scope is what a session's settings and the catalog make of each other.
type scope struct {
	snap        *catalog.Snapshot
	version     uint64 // of snap
	vars        uint64 // version of the settings
	currentUser string
	path        []string // see searchPath
	names       *regNames
}

// Open starts a session. Errors: 3D000 unknown database, 28000 unknown role or
// one that may not log in, 53300 too many sessions of the role, 22023 and others for a setting.
func (e *Engine) Open(_ context.Context, r OpenRequest) (*Session, error) {
	snap := e.Catalog.Current()
	role, ok := snap.Role(r.User)
	if !ok {
		return nil, pgerror.Fatalf(pgerror.InvalidAuthorizationSpecification, "role %q does not exist", r.User)
	}
	if !role.CanLogin {
		return nil, pgerror.Fatalf(pgerror.InvalidAuthorizationSpecification, "role %q is not permitted to log in", r.User)
	}
	if r.Database != e.Database {
		return nil, pgerror.Fatalf(pgerror.InvalidCatalogName, "database %q does not exist", r.Database).
			WithHint("HubSQL has one database: %q.", e.Database)
	}
	defaults, err := session.ParseDefaults(e.Defaults)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	s := &Session{engine: e, names: r.Names, sess: &session.Session{
		PID: r.PID, Database: r.Database, SessionUser: r.User, CurrentUser: r.User,
		ClientAddr: r.ClientAddr, Started: now, TxStart: now, StatementStart: now,
		Vars: session.NewVars(defaults), Drawn: &session.Drawn{}, Notice: r.Notice,
	}}
	super := snap.IsSuper(role.OID)
	s.sess.Vars.SetInternal("session_authorization", r.User)
	s.sess.Vars.SetInternal("is_superuser", map[bool]string{true: "on", false: "off"}[super])
	// Whoever made the settings of the role was allowed to: that was checked then.
	s.sess.Vars.SetAdmin(true)
	for _, v := range role.Settings {
		if err := s.sess.Vars.SetStartup(v.Name, v.Value); err != nil {
			s.notice(pgerror.Warningf(pgerror.CodeOf(err), "the setting %q of role %q cannot be applied", v.Name, r.User))
		}
	}
	s.sess.Vars.SetAdmin(super)
	for _, v := range r.Settings {
		if err := s.sess.Vars.SetStartup(v.Name, v.Value); err != nil {
			return nil, err
		}
	}
	if err := s.admit(role.ConnLimit, super); err != nil {
		return nil, err
	}
	s.syncRole()
	s.idle()
	return s, nil
}

// State returns the session's state, for the protocol.
func (s *Session) State() *session.Session { return s.sess }

// Close rolls back what is open.
func (s *Session) Close() {
	s.rollback()
	s.releaseUsed()
	if err := s.dropTemporary(); err != nil {
		s.engine.Log.Warn("the temporary tables of a session could not be removed; the next start does", "error", err)
	}
	s.forgotten()
}

// AppendReg prints a value of regclass and its kin as a name.
func (s *Session) AppendReg(dst []byte, t types.OID, oid uint32) []byte {
	return append(dst, s.engine.SystemRelations.Text(s.snapshot(), s.searchPath(), t, types.OID(oid))...)
}

// ParseReg reads one; its errors are those of the cast.
func (s *Session) ParseReg(t types.OID, name string) (types.Datum, error) {
	oid, err := s.engine.SystemRelations.Lookup(s.snapshot(), s.searchPath(), t, name)
	return types.IntDatum(int64(int32(oid))), err
}

// notice sends a notice to the client.
func (s *Session) notice(err error) {
	if s.sess.Notice != nil {
		s.sess.Notice(err)
	}
}

// Parse splits the text of one message into statements.
func (s *Session) Parse(_ context.Context, sql string) ([]Query, error) {
	if e := s.texts.find(sql); e != nil {
		return []Query{e.query}, nil
	}
	list, err := s.engine.parse(sql)
	if err != nil {
		return nil, err
	}
	out := make([]Query, len(list))
	for i, st := range list {
		out[i] = Query{Statement: st, text: sql}
	}
	if len(out) == 1 {
		if e := s.texts.offer(out[0]); e != nil {
			e.query.entry = e
			out[0] = e.query
		}
	}
	return out, nil
}

// Query is one parsed statement and the text that its positions point into.
type Query struct {
	parser.Statement
	text string
	// entry is where the session keeps the statement, nil for nowhere.
	entry *textEntry
}

// shown is the statement as other sessions may see it. Everything but a plain
// query is shown without its literals: a definition may hold a password.
func (q Query) shown() string {
	if q.Stmt.GetSelectStmt() != nil {
		return q.SQL
	}
	return parser.Redact(q.SQL)
}

// String returns the statement's own text.
func (q Query) String() string { return q.SQL }

// snapshot is the catalog as the session sees it: with its own changes.
func (s *Session) snapshot() *catalog.Snapshot {
	if s.tx.ddl != nil {
		return s.tx.ddl.Snapshot()
	}
	return s.engine.Catalog.Current()
}

// searchPath lists the schemas to look in, with "$user" replaced and missing
// ones left out. The list must not be changed.
func (s *Session) searchPath() []string { return s.scoped().path }

// scoped returns the scope of the session as it is now.
func (s *Session) scoped() *scope {
	c := &s.scope
	snap, vars := s.snapshot(), s.sess.Vars.Version()
	if c.names != nil && c.snap == snap && c.version == snap.Version() && c.vars == vars && c.currentUser == s.sess.CurrentUser {
		return c
	}
	*c = scope{snap: snap, version: snap.Version(), vars: vars, currentUser: s.sess.CurrentUser}
	temp := ddl.TempSchemaOf(s.sess.PID)
	if _, ok := snap.Schema(temp); ok {
		c.path = append(c.path, temp) // looked in first, whatever the setting says
	}
	for _, name := range s.sess.Vars.SearchPath() {
		if name == "$user" {
			name = s.sess.CurrentUser
		}
		if _, ok := snap.Schema(name); ok && !slices.Contains(c.path, name) {
			c.path = append(c.path, name)
		}
	}
	c.names = &regNames{s.engine.SystemRelations, snap, c.path}
	return c
}

// syncRole makes CurrentUser what the setting role says; it is called whenever
// settings may have changed, by SET, RESET or the end of a transaction.
func (s *Session) syncRole() {
	snap := s.snapshot()
	now := synced{snap: snap, version: snap.Version(), vars: s.sess.Vars.Version()}
	if s.synced == now {
		return
	}
	s.synced = now
	s.sess.CurrentUser = s.sess.SessionUser
	if role := s.sess.Vars.Str("role"); role != "" && role != "none" {
		s.sess.CurrentUser = role
	}
	if r, ok := snap.Role(s.sess.CurrentUser); ok {
		s.sess.Vars.SetAdmin(snap.IsSuper(r.OID))
	} else {
		s.sess.Vars.SetAdmin(false)
	}
}

// setRole is SET ROLE: only to a role that the session user is a member of.
func (s *Session) setRole(name string, local bool) error {
	if name != "none" {
		snap := s.snapshot()
		role, ok := snap.Role(name)
		if !ok {
			return pgerror.Newf(pgerror.UndefinedObject, "role %q does not exist", name)
		}
		user, ok := snap.Role(s.sess.SessionUser)
		if !ok || !snap.IsMember(user.OID, role.OID) {
			return pgerror.Newf(pgerror.InsufficientPrivilege, "permission denied to set role %q", name)
		}
	}
	if err := s.sess.Vars.Set("role", name, local); err != nil {
		return err
	}
	s.syncRole()
	return nil
}

// role is the current role's OID, 0 when it was dropped.
func (s *Session) role() types.OID {
	if r, ok := s.snapshot().Role(s.sess.CurrentUser); ok {
		return r.OID
	}
	return 0
}

// use takes over a source that the statement being bound reads, acquired.
func (s *Session) use(src *source) {
	if slices.Contains(s.used, src) {
		src.release()
		return
	}
	s.used = append(s.used, src)
}

// releaseUsed gives up the sources of a statement that kept no binding.
func (s *Session) releaseUsed() {
	releaseAll(s.used)
	s.used = nil
}
