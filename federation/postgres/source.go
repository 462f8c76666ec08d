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

// handle is a table, or several, with what was pushed into it.
type handle struct {
	source *source
	// table is nil when the rows are not those of one table.
	table    *table
	origins  []column // what outputs of the relation refer to
	relation *sqltext.Relation
	tuples   float64 // rows before conditions and limits, negative when unknown
	// parts, when not nil, are the streams that read the table together; the
	// handle is the part-th of them.
	parts *parts
	part  int
	// whole is why Split has not cut the scan, "" when it was not asked or has.
	whole string
}

// newHandle returns the handle of all rows of a table.
func newHandle(s *source, t *table) *handle {
	outputs := make([]sqltext.Output, len(t.columns))
	for i, c := range t.columns {
		outputs[i] = sqltext.Output{Column: c.Column, Select: sqltext.Raw(c.expr), Rule: c.push, Origin: i}
	}
	from := sqltext.Postgres.Qualified(t.schema, t.name)
	return &handle{source: s, table: t, origins: t.columns, relation: sqltext.Table(sqltext.Postgres, from, outputs), tuples: t.tuples}
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
		return column{Column: o.Column, wire: o.Type}
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
	relation, reason := h.relation.Apply(op.Operation(), right.relation.Shift(len(h.origins)))
	if reason != "" {
		return nil, reason
	}
	return &handle{source: s, origins: slices.Concat(h.origins, right.origins), relation: relation, tuples: -1}, ""
}

// Estimate implements connector.Estimator.
func (s *source) Estimate(_ context.Context, th connector.TableHandle) (float64, bool) {
	h := th.(*handle)
	if h.tuples < 0 {
		return 0, false
	}
	return h.relation.Estimate(h.tuples), true
}

// RemoteQuery implements connector.Explainer.
func (s *source) RemoteQuery(th connector.TableHandle, redact bool) string {
	return th.(*handle).relation.Text(redact)
}
