package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/federation/sample"
	"github.com/hubsql/hubsql/federation/sqltext"
)

// source is one server as one user mapping sees it.
type source struct {
	name        string
	config      *driverpkg.Config
	driver      driver.Connector
	initCommand string
	pool        *connpool.Pool[*conn]
	failures    connpool.Failures
	readers     connpool.Running[*reader]

	statistics sample.Cache

	mu        sync.Mutex
	collation *string // see binaryCollation
}

// newSource makes a source; nothing is connected.
func newSource(c connector.Config) (*source, error) {
	size, idle := connpool.Limits(c.Options)
	s := &source{name: c.Server, initCommand: c.Options["init_command"]}
	s.failures = connpool.Failures{Name: c.Server, Size: size, Remote: s.reported, Reason: reason}
	var err error
	if s.config, err = connectConfig(c); err != nil {
		return nil, err
	}
	if s.driver, err = driverpkg.NewConnector(s.config); err != nil {
		return nil, s.failure(context.Background(), err, true)
	}
	s.pool = connpool.New(size, idle, s.connect)
	s.pool.Check = check
	return s, nil
}

// check reports a connection that the server no longer answers on.
func check(ctx context.Context, c *conn, fresh bool) error {
	if fresh {
		return nil
	}
	return c.Conn.(driver.Pinger).Ping(ctx)
}

// acquire returns a connection that works.
func (s *source) acquire(ctx context.Context) (*conn, error) {
	c, err := s.pool.Acquire(ctx)
	return c, s.failure(ctx, err, true)
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
	var remote *driverpkg.MySQLError
	s.pool.Release(c, err == nil || errors.As(err, &remote))
	return s.failure(ctx, err, false)
}

// Probe implements connector.Prober.
func (s *source) Probe(ctx context.Context) (string, error) {
	names, err := s.names(ctx, "SELECT CONCAT(@@version_comment, ' ', VERSION())")
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// Close implements connector.Source.
func (s *source) Close() error {
	s.readers.Each(func(r *reader) { r.cancel() })
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
	q := sqltext.Query{Dialect: sqltext.MySQL, From: sqltext.MySQL.Qualified(h.table.schema, h.table.name), Where: h.where, Limit: h.limit}
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
	where, out := sqltext.Push(sqltext.MySQL, h.rules(), list)
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
	d := sqltext.PushDynamic(sqltext.MySQL, h.rules(), filters)
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
	rows := h.table.rows
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
