package exec

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/operator"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/binder"
	"github.com/hubsql/hubsql/planner/physical"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Column describes a result column.
type Column struct {
	Name     string
	Type     types.Type
	TableOID types.OID
	AttNum   int16
}

// Portal is one execution of a statement. Next does all the work of a statement
// without rows in its first call. A batch is valid until the next call.
type Portal interface {
	Columns() []Column
	Next(ctx context.Context) (*vector.Batch, error)
	Tag(rows int64) string
	Close()
}

// Prepared is an analysed statement that may be executed many times.
type Prepared struct {
	s        *Session
	query    Query
	declared []types.OID
	params   []types.OID
	columns  []Column
	// bound is set for statements that read: SELECT, EXPLAIN, COPY, DECLARE.
	sel  *pg.SelectStmt
	bind *binding
	// modify is the statement instead of sel when it changes a table.
	modify *pg.Node
	run    func(ctx context.Context, params []types.Datum) (Portal, error)
	copy   *CopyOut
	// copyFrom is set for COPY FROM, whose data has the format copyIn.
	copyFrom *pg.CopyStmt
	copyIn   *CopyIn
	// refresh is set when the statement stores the rows of a materialized view.
	refresh *catalog.Relation
	// rewrite is set when ALTER TABLE changes all rows of a table.
	rewrite *catalog.Relation
	history planHistory
	// entry is where the statement rests when it is closed, nil for none.
	entry *textEntry
	// owned are statements that only this one executes.
	owned  []*Prepared
	closed bool
}

// binding is a bound query and for whom it was bound.
type binding struct {
	result  *binder.Result
	sources []*source
	version uint64
	user    string
	path    []string
	at      time.Time
	// vars is the version of the settings that path was read from.
	vars uint64
	// cached is the plan that serves every execution, nil while there is none.
	cached *cachedPlan
	// local says that local tables are read.
	local bool
	// released is set when the sources are no longer held.
	released bool
}

// bindingAge is how long a binding serves: descriptions of files may change.
const bindingAge = time.Second

// Params returns the parameter types.
func (p *Prepared) Params() []types.OID { return p.params }

// Columns describes the result, nil for a statement without rows.
func (p *Prepared) Columns() []Column { return p.columns }

// CopyOut returns the format of COPY TO STDOUT, nil for other statements.
func (p *Prepared) CopyOut() *CopyOut { return p.copy }

// Close releases the statement. A portal that is executing goes on.
func (p *Prepared) Close() {
	if p.rest() {
		return
	}
	p.closed = true
	p.unbind()
	for _, o := range p.owned {
		o.Close()
	}
}

// unbind gives up the binding and its hold on the sources.
func (p *Prepared) unbind() {
	if p.bind != nil {
		releaseAll(p.bind.sources)
		p.bind.sources, p.bind.released = nil, true
	}
}

// Prepare analyses one statement. paramTypes are the declared parameter types, 0
// for those to infer; nil means a simple query, whose statement is executed once
// and closed after its portal.
func (s *Session) Prepare(ctx context.Context, q Query, paramTypes []types.OID) (*Prepared, error) {
	if err := s.allowed(q); err != nil {
		return nil, err
	}
	s.begin()
	s.report("active", q.shown(), s.sess.StatementStart)
	if e := q.entry; e != nil && e.idle != nil && paramTypes == nil {
		p := e.idle
		e.idle = nil
		if err := p.resume(ctx); err != nil {
			return nil, err
		}
		return p, nil
	}
	p := &Prepared{s: s, query: q, declared: paramTypes}
	if sel := q.Stmt.GetSelectStmt(); sel != nil && intoOf(sel) == nil {
		p.sel = sel
		if err := p.analyse(ctx); err != nil {
			return nil, err
		}
		if paramTypes == nil {
			p.entry = q.entry
		}
		p.columns = columnsOf(p.bind.result)
		p.run = func(_ context.Context, params []types.Datum) (Portal, error) {
			return &queryPortal{p: p, params: params, columns: p.columns}, nil
		}
		return p, nil
	}
	if err := s.prepareUtility(ctx, p); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// analyse binds the query of the statement for the session as it is now.
func (p *Prepared) analyse(ctx context.Context) error {
	s := p.s
	s.releaseUsed()
	s.readsLocal = false
	var res *binder.Result
	var err error
	if p.modify != nil {
		res, err = s.bindModify(ctx, p)
	} else {
		res, err = s.bind(ctx, p.sel, p.query.text, p.declared)
	}
	if err != nil {
		s.releaseUsed()
		return err
	}
	p.unbind()
	p.bind = &binding{
		result: res, sources: s.used, version: s.snapshot().Version(),
		user: s.sess.CurrentUser, path: s.searchPath(), at: time.Now(), vars: s.sess.Vars.Version(), local: s.readsLocal,
	}
	s.used = nil // the binding holds them now
	p.params = res.Params
	return nil
}

// fresh binds again when the catalog, the role or the search path has changed,
// or the binding has grown old. Policies are part of the binding, so no policy
// outlives its change by one execution.
func (p *Prepared) fresh(ctx context.Context) error {
	s, b := p.s, p.bind
	if !b.released && b.version == s.snapshot().Version() && b.user == s.sess.CurrentUser &&
		(b.vars == s.sess.Vars.Version() || slices.Equal(b.path, s.searchPath())) &&
		(len(b.sources) == 0 || time.Since(b.at) < bindingAge) {
		return nil
	}
	old := columnsOf(b.result)
	if p.declared == nil {
		p.declared = p.params // what the client was told stays
	}
	if err := p.analyse(ctx); err != nil {
		return err
	}
	now := columnsOf(p.bind.result)
	if !slices.EqualFunc(old, now, func(a, b Column) bool { return a.Name == b.Name && a.Type == b.Type }) {
		return pgerror.New(pgerror.FeatureNotSupported, "cached plan must not change result type")
	}
	return nil
}

// columnsOf describes a bound result; not nil even when there is no column.
func columnsOf(r *binder.Result) []Column {
	out := make([]Column, len(r.Columns))
	for i, c := range r.Columns {
		out[i] = Column{Name: c.Name, Type: c.Type, TableOID: c.TableOID, AttNum: c.AttNum}
	}
	return out
}

// Bind makes a portal. Nothing happens before its first Next.
func (p *Prepared) Bind(ctx context.Context, params []types.Datum) (Portal, error) {
	if err := p.s.allowed(p.query); err != nil {
		return nil, err
	}
	p.s.begin()
	p.s.report("active", p.query.shown(), p.s.sess.StatementStart)
	return p.run(ctx, params)
}

// execution is a running query with everything that must be given back.
type execution struct {
	s    *Session
	plan physical.Node
	// planning is how long it took to get the plan.
	planning time.Duration
	handles  map[*physical.Scan]connector.TableHandle
	history  *planHistory // nil when planning is not to be weighed
	// row is the whole result of a query of constants: there is nothing to
	// execute then.
	row     *vector.Batch
	query   *operator.Query
	account *memory.Account
	sources []*source
	timer   *stopwatch
}

// execute plans and starts the query of p; observed means that the caller will
// ask what its operators did.
func (p *Prepared) execute(ctx context.Context, params []types.Datum, observed bool) (*execution, error) {
	s := p.s
	x := &execution{s: s, timer: newStopwatch(s.sess.Vars.StatementTimeout())}
	ctx, done := x.timer.start(ctx)
	defer done()
	began := time.Now()
	if err := p.fresh(ctx); err != nil {
		return nil, x.timer.explain(ctx, err)
	}
	plan, err := p.planFor(ctx, params)
	if err != nil {
		return nil, x.timer.explain(ctx, err)
	}
	x.plan, x.handles, x.planning = plan.root, plan.handles, time.Since(began)
	if plan.custom > 0 {
		x.history = &p.history
		p.history.custom++
		p.history.planning += plan.custom
	}
	for _, src := range p.bind.sources {
		if src.acquire() {
			x.sources = append(x.sources, src)
		}
	}
	if p.closed { // a portal that outlived its statement
		p.unbind()
	}
	if !observed {
		if x.row = constantRow(plan.root, plan.params); x.row != nil {
			return x, nil
		}
	}
	if len(p.bind.sources) > 0 || p.bind.local || generates(plan.root) {
		// What only looks into the server begins at once, so that it can be seen
		// what waits.
		if err := s.room(ctx); err != nil {
			x.close()
			return nil, x.timer.explain(ctx, err)
		}
	}
	// The query lives as long as the portal, not as the call that starts it.
	x.account = s.engine.Memory.Child("query", s.queryMemory())
	base := context.WithoutCancel(ctx)
	if p.bind.local {
		base = s.inView(base)
	}
	base = s.inRemote(base, p)
	if x.query, err = s.start(base, plan, x.account); err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

// next returns the next rows.
func (x *execution) next(ctx context.Context) (*vector.Batch, error) {
	if x.query == nil {
		if x.row == nil {
			return nil, io.EOF
		}
		b := x.row
		x.row = nil
		return b, nil
	}
	ctx, done := x.timer.start(ctx)
	defer done()
	var began time.Time
	if x.history != nil {
		began = time.Now()
	}
	b, err := x.query.Next(ctx)
	if x.history != nil {
		x.history.running += time.Since(began)
	}
	if err != nil && err != io.EOF {
		err = x.timer.explain(ctx, err)
		for _, src := range x.sources {
			src.forget()
		}
	}
	return b, err
}

// close ends the query and gives everything back.
func (x *execution) close() {
	if x.query != nil {
		x.query.Close()
		x.s.executedRemote()
		x.s.recent.add(x.query.Used(), time.Now())
	}
	if x.account != nil {
		if left := x.account.Used(); left != 0 {
			x.s.engine.Log.Error("a query ended with memory reserved", "bytes", left)
		}
		x.account.Close()
	}
	for _, src := range x.sources {
		src.release()
	}
}

// stopwatch enforces statement_timeout: it counts the time inside the calls, not
// the time in which the client thinks.
type stopwatch struct {
	left time.Duration
	off  bool
}

func newStopwatch(limit time.Duration) *stopwatch {
	return &stopwatch{left: limit, off: limit <= 0}
}

// start bounds one call; the returned function ends it.
func (w *stopwatch) start(ctx context.Context) (context.Context, func()) {
	if w.off {
		return ctx, func() {}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, max(w.left, 0), pgerror.StatementTimeout())
	return ctx, func() {
		w.left -= time.Since(began)
		cancel()
	}
}

// explain turns the error of a call that was stopped into the reason for it.
func (w *stopwatch) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		cause := &pgerror.Error{}
		if errors.As(context.Cause(ctx), &cause) {
			return cause
		}
	}
	return err
}

// queryPortal executes a SELECT.
type queryPortal struct {
	p       *Prepared
	params  []types.Datum
	columns []Column
	x       *execution
	done    bool
}

// Columns implements Portal.
func (q *queryPortal) Columns() []Column { return q.columns }

// Next implements Portal.
func (q *queryPortal) Next(ctx context.Context) (*vector.Batch, error) {
	if q.done {
		return nil, io.EOF
	}
	if q.x == nil {
		if len(q.p.bind.result.Writes) > 0 {
			if err := q.p.takeTables(ctx); err != nil {
				q.done = true
				return nil, err
			}
		}
		x, err := q.p.execute(ctx, q.params, false)
		if err != nil {
			q.p.entry = nil
			q.done = true
			return nil, err
		}
		q.x = x
	}
	b, err := q.x.next(ctx)
	if err != nil {
		if err != io.EOF {
			q.p.entry = nil
		}
		q.done = true
		q.x.close()
		q.x = nil
	}
	return b, err
}

// Tag implements Portal.
func (q *queryPortal) Tag(rows int64) string { return "SELECT " + strconv.FormatInt(rows, 10) }

// Close implements Portal.
func (q *queryPortal) Close() {
	q.done = true
	if q.x != nil {
		q.x.close()
		q.x = nil
	}
}

// rowsPortal delivers rows that a utility statement has computed.
type rowsPortal struct {
	columns []Column
	// compute runs at the first Next.
	compute func(ctx context.Context) (rows [][]types.Datum, tag string, err error)
	tag     string
	done    bool
}

// Columns implements Portal.
func (r *rowsPortal) Columns() []Column { return r.columns }

// Next implements Portal.
func (r *rowsPortal) Next(ctx context.Context) (*vector.Batch, error) {
	if r.done {
		return nil, io.EOF
	}
	r.done = true
	rows, tag, err := r.compute(ctx)
	if err != nil {
		return nil, err
	}
	r.tag = tag
	if len(rows) == 0 {
		return nil, io.EOF
	}
	b := &vector.Batch{N: len(rows)}
	for i, c := range r.columns {
		v := vector.New(c.Type, len(rows))
		for k, row := range rows {
			v.Set(k, len(rows), row[i])
		}
		b.Cols = append(b.Cols, v)
	}
	return b, nil
}

// Tag implements Portal.
func (r *rowsPortal) Tag(int64) string { return r.tag }

// Close implements Portal.
func (r *rowsPortal) Close() { r.done = true }
