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
	size        int // of the pool
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
	s := &source{name: c.Server, size: size, initCommand: c.Options["init_command"]}
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

// handle is a table, or several, with what was pushed into it.
type handle struct {
	source *source
	// table is nil when the rows are not those of one table.
	table    *table
	origins  []column // what outputs of the relation refer to
	relation *sqltext.Relation
	total    float64 // rows before conditions and limits, negative when unknown
	// locked is set when the rows are read to change them: nobody else does, and
	// what is read is what is there, not what the transaction began with.
	locked bool
	// keys identify a row when locked is set.
	keys []keyColumn
}

// newHandle returns the handle of all rows of a table.
func newHandle(s *source, t *table) *handle {
	outputs := make([]sqltext.Output, len(t.columns))
	for i, c := range t.columns {
		outputs[i] = sqltext.Output{Column: c.Column, Select: sqltext.Raw(c.expr), Rule: c.push, Origin: i}
	}
	from := sqltext.MySQL.Qualified(t.schema, t.name)
	return &handle{source: s, table: t, origins: t.columns, relation: sqltext.Table(sqltext.MySQL, from, outputs), total: t.rows}
}

// with returns h with another relation over the same tables.
func (h *handle) with(r *sqltext.Relation) *handle {
	next := *h
	next.relation = r
	return &next
}

// column describes an output.
func (h *handle) column(o sqltext.Output) column {
	if o.Origin == sqltext.Computed {
		return column{Column: o.Column, form: formOf(o.Type)}
	}
	c := h.origins[o.Origin]
	c.Name = o.Name
	return c
}

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column { return h.relation.Columns() }

// String implements connector.TableHandle.
func (h *handle) String() string { return h.relation.Text(true) }

// PushFilter implements connector.FilterPusher.
func (s *source) PushFilter(th connector.TableHandle, filter connector.Sealed) (connector.TableHandle, []connector.Outcome) {
	h := th.(*handle)
	next, out := h.relation.Filter(filter.Predicates())
	return h.with(next), out
}

// PushProject implements connector.ProjectPusher.
func (s *source) PushProject(th connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	h := th.(*handle)
	next, ok := h.relation.Project(columns)
	return h.with(next), ok
}

// PushLimit implements connector.LimitPusher.
func (s *source) PushLimit(th connector.TableHandle, limit int64) (connector.TableHandle, bool) {
	h := th.(*handle)
	return h.with(h.relation.Cut(limit)), true
}

// PushOperation implements connector.OperationPusher.
func (s *source) PushOperation(inputs []connector.TableHandle, op connector.SealedOperation) (connector.TableHandle, string) {
	h := inputs[0].(*handle)
	right := &handle{relation: &sqltext.Relation{}}
	if len(inputs) == 2 {
		right = inputs[1].(*handle)
	}
	if h.locked || right.locked {
		return nil, "the rows are locked to be changed"
	}
	relation, reason := h.relation.Apply(op.Operation(), right.relation.Shift(len(h.origins)))
	if reason != "" {
		return nil, reason
	}
	return &handle{source: s, origins: slices.Concat(h.origins, right.origins), relation: relation, total: -1}, ""
}

// Estimate implements connector.Estimator.
func (s *source) Estimate(_ context.Context, th connector.TableHandle) (float64, bool) {
	h := th.(*handle)
	if h.total < 0 {
		return 0, false
	}
	return h.relation.Estimate(h.total), true
}

// RemoteQuery implements connector.Explainer.
func (s *source) RemoteQuery(th connector.TableHandle, redact bool) string {
	return th.(*handle).relation.Text(redact)
}
