package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/federation/sample"
	"github.com/hubsql/hubsql/federation/sqltext"
)

// source is one server as one user mapping sees it.
type source struct {
	name     string
	reuse    bool
	config   *pgconn.Config
	pool     *connpool.Pool[*conn]
	failures connpool.Failures
	account  *memory.Account
	size     int  // of the pool
	ranges   bool // large tables are read in parts, unless the table says otherwise
	streams  int  // largest number of parts
	readers  connpool.Running[*reader]

	statistics sample.Cache
}

// newSource makes a source; nothing is connected.
func newSource(c connector.Config) (*source, error) {
	size, idle := connpool.Limits(c.Options)
	s := &source{name: c.Server, reuse: true, account: c.Account, size: size, ranges: true, streams: 4}
	s.failures = connpool.Failures{Name: c.Server, Size: size, Remote: s.reported, Reason: reason}
	config, err := connectConfig(c)
	if err != nil {
		return nil, s.failure(context.Background(), err, true)
	}
	s.config = config
	if v, ok := connector.ParseBoolean(c.Options["keep_connections"]); ok {
		s.reuse = v
	}
	if v, ok := connector.ParseBoolean(c.Options["use_ctid_split"]); ok {
		s.ranges = v
	}
	if n, err := strconv.Atoi(c.Options["parallelism"]); err == nil {
		s.streams = n
	}
	s.pool = connpool.New(size, idle, func(ctx context.Context) (*conn, error) { return connect(ctx, config) })
	s.pool.Check = check
	return s, nil
}

// check reports a connection that the server no longer answers on.
func check(ctx context.Context, c *conn, fresh bool) error {
	if !fresh || !c.quiet() {
		if err := c.pg.Exec(ctx, "").Close(); err != nil {
			return err
		}
	}
	if !c.quiet() {
		return errNotQuiet
	}
	return nil
}

// errNotQuiet is a connection on which the server has said more than it was
// asked.
var errNotQuiet = errors.New("unread messages")

// acquire returns a connection that works.
func (s *source) acquire(ctx context.Context) (*conn, error) {
	c, err := s.pool.Acquire(ctx)
	return c, s.failure(ctx, err, true)
}

// release gives a connection back.
func (s *source) release(c *conn, healthy bool) {
	s.pool.Release(c, healthy && s.reuse && !c.pg.IsClosed())
}

// failure is the error that a user sees of an error of a connection.
func (s *source) failure(ctx context.Context, err error, connecting bool) error {
	return s.failures.Of(ctx, err, connecting)
}

// with runs f on a connection.
func (s *source) with(ctx context.Context, f func(*conn) error) error {
	c, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	err = f(c)
	var remote *pgconn.PgError
	s.release(c, err == nil || errors.As(err, &remote))
	return s.failure(ctx, err, false)
}

// Probe implements connector.Prober.
func (s *source) Probe(ctx context.Context) (string, error) {
	names, err := s.names(ctx, "SELECT version()")
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// Close implements connector.Source.
func (s *source) Close() error {
	s.readers.Each((*reader).abort)
	s.pool.Close()
	return nil
}

// handle is a table with what was pushed into it.
type handle struct {
	source *source
	table  *table
	cols   []int // of the table, in order
	where  []sqltext.SQL
	limit  int64
	// parts, when not nil, are the streams that read the table together; the
	// handle is the part-th of them.
	parts *parts
	part  int
	// whole is why Split has not cut the scan, "" when it was not asked or has.
	whole string
}

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column {
	out := make([]connector.Column, len(h.cols))
	for i, c := range h.cols {
		out[i] = h.table.columns[c].Column
	}
	return out
}

// String implements connector.TableHandle.
func (h *handle) String() string { return h.query(true) }

// query is the SELECT of h.
func (h *handle) query(redact bool) string {
	q := sqltext.Query{Dialect: sqltext.Postgres, From: sqltext.Postgres.Qualified(h.table.schema, h.table.name), Where: h.where, Limit: h.limit}
	for _, c := range h.cols {
		q.Select = append(q.Select, h.table.columns[c].expr)
	}
	return q.Text(redact)
}

// PushFilter implements connector.FilterPusher.
func (s *source) PushFilter(th connector.TableHandle, filter connector.Sealed) (connector.TableHandle, []connector.Outcome) {
	h := th.(*handle)
	list := filter.Predicates()
	if h.limit >= 0 {
		out := make([]connector.Outcome, len(list))
		for i := range out {
			out[i].Reason = "a limit is applied before"
		}
		return h, out
	}
	where, out := sqltext.Push(sqltext.Postgres, h.rules(), list)
	next := *h
	next.where = append(slices.Clip(h.where), where...)
	return &next, out
}

// rules says how the columns of h may be used in remote SQL.
func (h *handle) rules() []sqltext.Column {
	cols := make([]sqltext.Column, len(h.cols))
	for i, c := range h.cols {
		cols[i] = h.table.columns[c].push
	}
	return cols
}

// dynamic returns h with what is known of dynamic filters. A limit counts the
// rows before they are dropped, so below one the executor applies them.
func (h *handle) dynamic(filters []connector.ScanFilter) (*handle, sqltext.Dynamic) {
	if len(filters) == 0 || h.limit >= 0 {
		return h, sqltext.Dynamic{}
	}
	d := sqltext.PushDynamic(sqltext.Postgres, h.rules(), filters)
	next := *h
	next.where = append(slices.Clip(h.where), d.Where...)
	return &next, d
}

// PushProject implements connector.ProjectPusher.
func (s *source) PushProject(th connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	next := *th.(*handle)
	cols := make([]int, len(columns))
	for i, c := range columns {
		cols[i] = next.cols[c]
	}
	next.cols = cols
	return &next, true
}

// PushLimit implements connector.LimitPusher.
func (s *source) PushLimit(th connector.TableHandle, limit int64) (connector.TableHandle, bool) {
	next := *th.(*handle)
	if next.limit < 0 || limit < next.limit {
		next.limit = limit
	}
	return &next, true
}

// Estimate implements connector.Estimator.
func (s *source) Estimate(_ context.Context, th connector.TableHandle) (float64, bool) {
	h := th.(*handle)
	rows := h.table.tuples
	if rows < 0 {
		return 0, false
	}
	for range h.where {
		rows *= 0.3
	}
	if h.limit >= 0 {
		rows = min(rows, float64(h.limit))
	}
	return rows, true
}

// RemoteQuery implements connector.Explainer.
func (s *source) RemoteQuery(th connector.TableHandle, redact bool) string {
	return th.(*handle).query(redact)
}
