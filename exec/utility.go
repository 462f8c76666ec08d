package exec

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/ddl"
	"github.com/hubsql/hubsql/planner/expr"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// prepareUtility fills p for a statement that is no query.
func (s *Session) prepareUtility(ctx context.Context, p *Prepared) error {
	command := func(f func(ctx context.Context) (string, error)) {
		p.run = func(context.Context, []types.Datum) (Portal, error) {
			return &rowsPortal{compute: func(ctx context.Context) ([][]types.Datum, string, error) {
				tag, err := f(ctx)
				return nil, tag, err
			}}, nil
		}
	}
	rows := func(columns []Column, f func(ctx context.Context) ([][]types.Datum, string, error)) {
		p.columns = columns
		p.run = func(context.Context, []types.Datum) (Portal, error) {
			return &rowsPortal{columns: columns, compute: f}, nil
		}
	}
	switch n := p.query.Stmt.GetNode().(type) {
	case *pg.Node_TransactionStmt:
		command(func(ctx context.Context) (string, error) { return s.transactionStmt(ctx, n.TransactionStmt) })
		return nil
	case *pg.Node_VariableSetStmt:
		command(func(context.Context) (string, error) { return s.setStmt(n.VariableSetStmt) })
		return nil
	case *pg.Node_VariableShowStmt:
		columns, compute := s.showStmt(n.VariableShowStmt.Name)
		rows(columns, compute)
		return nil
	case *pg.Node_DiscardStmt:
		command(func(context.Context) (string, error) { return s.discardStmt(n.DiscardStmt) })
		return nil
	case *pg.Node_ExplainStmt:
		return s.prepareExplain(ctx, p, n.ExplainStmt)
	case *pg.Node_CopyStmt:
		return s.prepareCopy(ctx, p, n.CopyStmt)
	case *pg.Node_PrepareStmt:
		command(func(ctx context.Context) (string, error) { return "PREPARE", s.prepareStmt(ctx, p, n.PrepareStmt) })
		return nil
	case *pg.Node_ExecuteStmt:
		return s.executeStmt(p, n.ExecuteStmt)
	case *pg.Node_DeallocateStmt:
		command(func(context.Context) (string, error) {
			if n.DeallocateStmt.Name == "" {
				s.names.DropStatements()
				return "DEALLOCATE ALL", nil
			}
			return "DEALLOCATE", s.names.DropStatement(n.DeallocateStmt.Name)
		})
		return nil
	case *pg.Node_DeclareCursorStmt:
		return s.declareStmt(ctx, p, n.DeclareCursorStmt)
	case *pg.Node_FetchStmt:
		return s.fetchStmt(p, n.FetchStmt)
	case *pg.Node_ClosePortalStmt:
		command(func(context.Context) (string, error) {
			if n.ClosePortalStmt.Portalname == "" {
				s.names.CloseCursors()
				return "CLOSE CURSOR ALL", nil
			}
			return "CLOSE CURSOR", s.names.CloseCursor(n.ClosePortalStmt.Portalname)
		})
		return nil
	case *pg.Node_ListenStmt:
		command(func(context.Context) (string, error) { return "LISTEN", nil })
		return nil
	case *pg.Node_UnlistenStmt:
		command(func(context.Context) (string, error) { return "UNLISTEN", nil })
		return nil
	case *pg.Node_ConstraintsSetStmt:
		command(func(context.Context) (string, error) { return "SET CONSTRAINTS", nil })
		return nil
	case *pg.Node_InsertStmt, *pg.Node_UpdateStmt, *pg.Node_DeleteStmt, *pg.Node_MergeStmt:
		return s.prepareModify(ctx, p)
	case *pg.Node_TruncateStmt:
		command(func(ctx context.Context) (string, error) { return s.truncateStmt(ctx, n.TruncateStmt) })
		return nil
	case *pg.Node_SelectStmt:
		query := proto.Clone(n.SelectStmt).(*pg.SelectStmt)
		into := intoOf(query)
		clearInto(query)
		return s.prepareCreateAs(ctx, p, query, into, false)
	case *pg.Node_DoStmt:
		return pgerror.NotSupported("DO is not supported")
	case *pg.Node_CallStmt:
		return pgerror.NotSupported("CALL is not supported")
	case *pg.Node_CreateTableAsStmt:
		as := n.CreateTableAsStmt
		sel := as.Query.GetSelectStmt()
		switch {
		case as.Objtype == pg.ObjectType_OBJECT_MATVIEW:
			return s.prepareMatView(p, as)
		case sel == nil:
			return pgerror.NotSupported("CREATE TABLE AS EXECUTE is not supported")
		}
		return s.prepareCreateAs(ctx, p, sel, as.Into, as.IfNotExists)
	case *pg.Node_RefreshMatViewStmt:
		command(func(ctx context.Context) (string, error) { return s.refreshStmt(ctx, n.RefreshMatViewStmt) })
		return nil
	case *pg.Node_NotifyStmt:
		return pgerror.NotSupported("NOTIFY is not supported")
	case *pg.Node_VacuumStmt:
		if !n.VacuumStmt.IsVacuumcmd {
			command(func(ctx context.Context) (string, error) { return "ANALYZE", s.analyzeStmt(ctx, n.VacuumStmt) })
			return nil
		}
	case *pg.Node_LockStmt:
		return pgerror.NotSupported("LOCK TABLE is not supported")
	}
	if !ddl.Handles(p.query.Statement) {
		return pgerror.NotSupported("this statement is not supported")
	}
	rows(ddlColumns(p.query.Statement), func(ctx context.Context) ([][]types.Datum, string, error) { return s.ddlStmt(ctx, p.query) })
	return nil
}

// ddlColumns describes the rows of a DDL statement that has some.
func ddlColumns(st parser.Statement) []Column {
	if st.Extension == nil {
		return nil
	}
	var out []Column
	for _, c := range ddl.Columns(st) {
		out = append(out, Column{Name: c.Name, Type: c.Type})
	}
	return out
}

// ddlStmt executes a statement that changes the catalog, within the session's
// transaction.
func (s *Session) ddlStmt(ctx context.Context, q Query) ([][]types.Datum, string, error) {
	rel := s.relations()
	env := &ddl.Env{
		Tx: s.staged(), Session: s.sess, SearchPath: s.searchPath(), Sources: openers{s.engine.sources, s},
		CheckMask: func(ctx context.Context, r *catalog.Relation, c *catalog.Column, e policy.Expr) error {
			return binder.CheckPolicyExpr(ctx, s.binderEnv(s.relations()), plainRelation(r), e, c.Type)
		},
		CheckPolicy: func(ctx context.Context, r *catalog.Relation, e policy.Expr) error {
			return binder.CheckPolicyExpr(ctx, s.binderEnv(s.relations()), plainRelation(r), e, types.Of(types.Bool))
		},
		BindView: func(ctx context.Context, sql string) ([]catalog.Column, []types.OID, error) {
			return s.bindView(ctx, rel, sql)
		},
		CheckDefault: func(ctx context.Context, sql, column string, t types.Type) error {
			return binder.CheckDefault(ctx, s.binderEnv(s.relations()), sql, column, t)
		},
		CheckDomain: func(ctx context.Context, sql string, base types.Type) error {
			return binder.CheckDomain(ctx, s.binderEnv(s.relations()), sql, base)
		},
		CheckFunction: func(ctx context.Context, f *catalog.UserFunction) error {
			env := s.binderEnv(s.relations())
			env.Validating = true
			return binder.CheckFunction(ctx, env, userFunction(f))
		},
		Rows: localRows{s},
		CheckSetting: func(name, value string) error {
			v := session.NewVars(nil)
			v.SetAdmin(s.snapshot().IsSuper(s.role()))
			return v.SetStartup(name, value)
		},
	}
	res, err := ddl.Execute(ctx, env, q.Statement)
	for _, n := range res.Notices {
		s.notice(n)
	}
	if err != nil {
		return nil, "", err
	}
	s.syncRole()
	return res.Rows, res.Tag, nil
}

// openers gives DDL access to the sources.
type openers struct {
	*sources
	session *Session
}

// Open implements ddl.SourceOpener.
func (o openers) Open(ctx context.Context, snap *catalog.Snapshot, server *catalog.Server, role types.OID) (connector.Source, error) {
	src, err := o.get(ctx, snap, server, role)
	if err != nil {
		return nil, err
	}
	o.session.use(src) // until the statement ends
	return src.Source, nil
}

// plainRelation is a relation for checking an expression over its columns.
func plainRelation(r *catalog.Relation) *binder.Relation {
	out := &binder.Relation{OID: r.OID, Schema: r.Schema, Name: r.Name}
	for _, c := range r.Columns {
		out.Columns = append(out.Columns, binder.RelationColumn{Name: c.Name, Type: c.Type, AttNum: c.AttNum})
	}
	return out
}

// bindView binds the query of a view and lists what it reads.
func (s *Session) bindView(ctx context.Context, rel *relations, sql string) ([]catalog.Column, []types.OID, error) {
	sel, err := rel.Parse(sql)
	if err != nil {
		return nil, nil, err
	}
	rec := &recorder{relations: s.relations()}
	env := s.binderEnv(rec.relations)
	env.Catalog = rec
	res, err := binder.Bind(ctx, env, sel, sql, nil)
	if err != nil {
		return nil, nil, err
	}
	if len(res.Params) > 0 {
		return nil, nil, pgerror.Newf(pgerror.UndefinedParameter, "there is no parameter $1")
	}
	if len(res.Writes) > 0 {
		return nil, nil, pgerror.New(pgerror.FeatureNotSupported, "views must not contain data-modifying statements in WITH")
	}
	var cols []catalog.Column
	for i, c := range res.Columns {
		cols = append(cols, catalog.Column{Name: c.Name, AttNum: int16(i + 1), Type: c.Type})
	}
	return cols, rec.oids, nil
}

// recorder notes which stored relations a query reads directly.
type recorder struct {
	*relations
	oids []types.OID
}

// Relation implements binder.Catalog.
func (r *recorder) Relation(ctx context.Context, name binder.Name, path []string) (*binder.Relation, error) {
	rel, err := r.relations.Relation(ctx, name, path)
	if err == nil && rel.OID >= 16384 && path == nil && !slices.Contains(r.oids, rel.OID) {
		r.oids = append(r.oids, rel.OID)
	}
	return rel, err
}

// setStmt executes SET and RESET.
func (s *Session) setStmt(n *pg.VariableSetStmt) (string, error) {
	tag := "SET"
	defer s.syncRole()
	if n.IsLocal && s.tx.state == txImplicit {
		s.notice(pgerror.Warningf(pgerror.NoActiveSQLTransaction, "SET LOCAL can only be used in transaction blocks"))
	}
	switch n.Kind {
	case pg.VariableSetKind_VAR_RESET_ALL:
		s.sess.Vars.ResetAll()
		return "RESET", nil
	case pg.VariableSetKind_VAR_RESET:
		tag = "RESET"
		fallthrough
	case pg.VariableSetKind_VAR_SET_DEFAULT:
		switch n.Name {
		case "role":
			return tag, s.setRole("none", n.IsLocal)
		case "session_authorization":
			return tag, s.setRole("none", n.IsLocal)
		}
		return tag, s.sess.Vars.ResetTo(n.Name, n.IsLocal)
	case pg.VariableSetKind_VAR_SET_MULTI:
		if n.Name == "TRANSACTION" {
			return tag, s.transactionModes(n.Args, "transaction_", true)
		}
		return tag, s.transactionModes(n.Args, "default_transaction_", n.IsLocal)
	case pg.VariableSetKind_VAR_SET_CURRENT:
		v, err := s.sess.Vars.Get(n.Name)
		if err != nil {
			return "", err
		}
		return tag, s.sess.Vars.Set(n.Name, v, n.IsLocal)
	}
	values := make([]string, len(n.Args))
	for i, a := range n.Args {
		values[i] = settingValue(a)
	}
	switch n.Name {
	case "role":
		return tag, s.setRole(values[0], n.IsLocal)
	case "session_authorization":
		if values[0] != s.sess.SessionUser {
			return "", pgerror.NotSupported("SET SESSION AUTHORIZATION to another user is not supported").WithHint("Use SET ROLE.")
		}
		return tag, s.setRole("none", n.IsLocal)
	}
	return tag, s.sess.Vars.SetList(n.Name, values, n.IsLocal)
}

// settingValue is the text of one value of SET.
func settingValue(n *pg.Node) string {
	if tc := n.GetTypeCast(); tc != nil {
		if t := tc.TypeName.GetNames(); len(t) > 0 && t[len(t)-1].GetString_().GetSval() == "interval" {
			return "INTERVAL '" + settingValue(tc.Arg) + "'" // SET TIME ZONE INTERVAL '...'
		}
		return settingValue(tc.Arg)
	}
	c := n.GetAConst()
	switch v := c.GetVal().(type) {
	case *pg.A_Const_Ival:
		return strconv.Itoa(int(v.Ival.Ival))
	case *pg.A_Const_Fval:
		return v.Fval.Fval
	case *pg.A_Const_Sval:
		return v.Sval.Sval
	case *pg.A_Const_Boolval:
		return strconv.FormatBool(v.Boolval.Boolval)
	}
	return "0"
}

// textColumn is an output column of type text.
func textColumn(name string) Column { return Column{Name: name, Type: types.Of(types.Text)} }

// showStmt describes and computes SHOW.
func (s *Session) showStmt(name string) ([]Column, func(context.Context) ([][]types.Datum, string, error)) {
	if name == "all" {
		return []Column{textColumn("name"), textColumn("setting"), textColumn("description")},
			func(context.Context) ([][]types.Datum, string, error) {
				var out [][]types.Datum
				for _, e := range s.sess.Vars.All() {
					out = append(out, []types.Datum{types.TextDatum(e.Setting.Name), types.TextDatum(e.Shown), types.TextDatum(e.Setting.Doc)})
				}
				return out, "SHOW", nil
			}
	}
	shown := name
	for _, e := range s.sess.Vars.All() {
		if strings.EqualFold(e.Setting.Name, name) {
			shown = e.Setting.Name
		}
	}
	return []Column{textColumn(shown)}, func(context.Context) ([][]types.Datum, string, error) {
		v, err := s.sess.Vars.Get(name)
		if err != nil {
			return nil, "", err
		}
		return [][]types.Datum{{types.TextDatum(v)}}, "SHOW", nil
	}
}

// discardStmt executes DISCARD.
func (s *Session) discardStmt(n *pg.DiscardStmt) (string, error) {
	switch n.Target {
	case pg.DiscardMode_DISCARD_PLANS:
		s.texts.clear()
		return "DISCARD PLANS", nil
	case pg.DiscardMode_DISCARD_SEQUENCES:
		s.sess.Drawn.Forget()
		return "DISCARD SEQUENCES", nil
	case pg.DiscardMode_DISCARD_TEMP:
		return "DISCARD TEMP", nil
	}
	if s.tx.state == txBlock {
		return "", pgerror.New(pgerror.ActiveSQLTransaction, "DISCARD ALL cannot run inside a transaction block")
	}
	s.names.CloseCursors()
	s.names.DropStatements()
	if err := s.setRole("none", false); err != nil {
		return "", err
	}
	s.sess.Drawn.Forget()
	s.sess.Vars.ResetAll()
	s.syncRole()
	s.texts.clear()
	return "DISCARD ALL", nil
}

// prepareStmt executes PREPARE.
func (s *Session) prepareStmt(ctx context.Context, p *Prepared, n *pg.PrepareStmt) error {
	var declared []types.OID
	for _, t := range n.Argtypes {
		ty, err := binder.ResolveTypeName(t.GetTypeName(), s.relations())
		if err != nil {
			return err
		}
		declared = append(declared, ty.OID)
	}
	inner, err := s.Prepare(ctx, p.inner(n.Query), declared)
	if err != nil {
		return err
	}
	return s.names.AddStatement(n.Name, p.query.SQL, inner)
}

// inner is a statement within the statement of p.
func (p *Prepared) inner(n *pg.Node) Query {
	return Query{Statement: parser.Statement{SQL: p.query.SQL, Offset: p.query.Offset, Stmt: n}, text: p.query.text}
}

// executeStmt prepares EXECUTE: its result is that of the named statement.
func (s *Session) executeStmt(p *Prepared, n *pg.ExecuteStmt) error {
	inner, err := s.names.Statement(n.Name)
	if err != nil {
		return err
	}
	if len(n.Params) != len(inner.params) {
		return pgerror.Newf(pgerror.SyntaxError, "wrong number of parameters for prepared statement %q", n.Name).
			WithDetail("Expected %d parameters but got %d.", len(inner.params), len(n.Params))
	}
	p.columns, p.copy = inner.columns, inner.copy
	p.run = func(ctx context.Context, _ []types.Datum) (Portal, error) {
		values, err := s.executeValues(ctx, p, n, inner)
		if err != nil {
			return nil, err
		}
		return inner.Bind(ctx, values)
	}
	return nil
}

// executeValues evaluates the arguments of an EXECUTE in the statement p.
func (s *Session) executeValues(ctx context.Context, p *Prepared, n *pg.ExecuteStmt, inner *Prepared) ([]types.Datum, error) {
	values := make([]types.Datum, len(n.Params))
	for i, a := range n.Params {
		e, err := binder.BindValue(ctx, s.binderEnv(s.relations()), a, p.query.text, types.Of(inner.params[i]))
		if err != nil {
			return nil, err
		}
		c, ok := s.fold(e).(*expr.Const)
		if !ok {
			// Folding keeps an expression that fails; evaluate it for its error.
			if values[i], err = s.evaluate(ctx, e); err != nil {
				return nil, err
			}
			continue
		}
		values[i] = c.Value
	}
	return values, nil
}

// Cursor options of the grammar.
const cursorHold = 0x20

// declareStmt prepares DECLARE.
func (s *Session) declareStmt(ctx context.Context, p *Prepared, n *pg.DeclareCursorStmt) error {
	hold := n.Options&cursorHold != 0
	inner, err := s.Prepare(ctx, p.inner(n.Query), p.declared)
	if err != nil {
		return err
	}
	p.owned = append(p.owned, inner)
	if inner.bind != nil && len(inner.bind.result.Writes) > 0 {
		return pgerror.New(pgerror.FeatureNotSupported, "DECLARE CURSOR must not contain data-modifying statements in WITH")
	}
	p.params = inner.params
	p.run = func(ctx context.Context, params []types.Datum) (Portal, error) {
		return &rowsPortal{compute: func(ctx context.Context) ([][]types.Datum, string, error) {
			if !hold && s.tx.state != txBlock {
				return nil, "", pgerror.New(pgerror.NoActiveSQLTransaction, "DECLARE CURSOR can only be used in transaction blocks")
			}
			portal, err := inner.Bind(ctx, params)
			if err != nil {
				return nil, "", err
			}
			return nil, "DECLARE CURSOR", s.names.AddCursor(n.Portalname, portal, hold)
		}}, nil
	}
	return nil
}

// fetchStmt prepares FETCH and MOVE, forward only.
func (s *Session) fetchStmt(p *Prepared, n *pg.FetchStmt) error {
	limit := int(n.HowMany)
	if n.Direction != pg.FetchDirection_FETCH_FORWARD || n.HowMany < 0 {
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "cursor can only scan forward").
			WithHint("Declare it with SCROLL option to enable backward scan.")
	}
	const all = 1<<31 - 1
	if n.HowMany >= all {
		limit = -1
	}
	columns, err := s.names.Cursor(n.Portalname)
	if err != nil {
		return err
	}
	if !n.Ismove {
		p.columns = columns
	}
	p.run = func(context.Context, []types.Datum) (Portal, error) {
		f := &fetchPortal{s: s, name: n.Portalname, limit: limit, move: n.Ismove}
		if !n.Ismove {
			f.columns = columns
		}
		return f, nil
	}
	return nil
}

// fetchPortal reads from a cursor.
type fetchPortal struct {
	s       *Session
	name    string
	limit   int
	move    bool
	columns []Column
	moved   int64
	done    bool
}

// Columns implements Portal.
func (f *fetchPortal) Columns() []Column { return f.columns }

// Next implements Portal.
func (f *fetchPortal) Next(ctx context.Context) (*vector.Batch, error) {
	for !f.done && f.limit != 0 {
		b, err := f.s.names.Fetch(ctx, f.name, f.limit)
		if err != nil {
			f.done = true
			return nil, err
		}
		if f.limit > 0 {
			f.limit -= b.Rows()
		}
		if !f.move {
			return b, nil
		}
		f.moved += int64(b.Rows())
	}
	f.done = true
	return nil, io.EOF
}

// Tag implements Portal.
func (f *fetchPortal) Tag(rows int64) string {
	if f.move {
		return "MOVE " + strconv.FormatInt(f.moved, 10)
	}
	return "FETCH " + strconv.FormatInt(rows, 10)
}

// Close implements Portal.
func (f *fetchPortal) Close() { f.done = true }
