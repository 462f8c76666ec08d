// Package sqlite is the connector of wrapper sqlite_fdw: SQLite database files,
// opened read-only for scans.
//
// SQLite types values, not columns. A value is converted to its column's type
// when it fits and is an error otherwise. Dates and timestamps may be stored as
// ISO text, as an integer (seconds since 1970-01-01 UTC) or as a real (Julian
// day with a fraction: SQLite itself turns a whole number in a DATE column into
// an integer).
package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/localfile"
	"github.com/hubsql/hubsql/federation/sample"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// mainSchema is the one schema of a database file.
const mainSchema = "main"

// Connector is the foreign data wrapper.
type Connector struct{}

// New returns the connector.
func New() *Connector { return &Connector{} }

// Wrapper implements connector.Connector.
func (*Connector) Wrapper() string { return "sqlite_fdw" }

// Options implements connector.Connector.
func (*Connector) Options() []connector.Option {
	boolean := func(value string) error {
		switch strings.ToLower(value) {
		case "true", "false", "on", "off", "yes", "no", "1", "0", "t", "f":
			return nil
		}
		return pgerror.Newf(pgerror.FDWInvalidAttributeValue, "invalid value for boolean option: %s", value)
	}
	return []connector.Option{
		{Name: "database", Level: connector.OnServer, Required: true, Path: true, Doc: "The database file; relative names lie below root."},
		{Name: "root", Level: connector.OnServer, Path: true, Doc: "Directory that a relative database name lies below."},
		{Name: "keep_connections", Level: connector.OnServer, Check: boolean, Doc: "Accepted for sqlite_fdw's sake; has no effect."},
		{Name: "truncatable", Level: connector.OnServer, Check: boolean, Doc: "Whether tables may be emptied by TRUNCATE. Default: true."},
		{Name: "updatable", Level: connector.OnServer, Check: boolean, Doc: "Whether tables may be changed. Default: true."},
		{Name: "table", Level: connector.OnTable, Doc: "Name of the table in the database; default the foreign table's."},
		{Name: "truncatable", Level: connector.OnTable, Check: boolean, Doc: "As for the server, for this table."},
		{Name: "updatable", Level: connector.OnTable, Check: boolean, Doc: "As for the server, for this table."},
		{Name: "column_name", Level: connector.OnColumn, Doc: "Name of the column in the database; default the foreign table's."},
		{Name: "key", Level: connector.OnColumn, Check: boolean, Doc: "Accepted for sqlite_fdw's sake; has no effect."},
	}
}

// Open implements connector.Connector.
func (*Connector) Open(_ context.Context, c connector.Config) (connector.Source, error) {
	s := &source{name: c.Server, file: c.Options["database"], account: c.Account, used: map[*conn]bool{}}
	if s.file == "" {
		return nil, pgerror.Source(c.Server, pgerror.FDWOptionNameNotFound, "option \"database\" is required", nil)
	}
	if root := c.Options["root"]; root != "" && !filepath.IsAbs(s.file) {
		if !filepath.IsLocal(s.file) {
			return nil, pgerror.Source(c.Server, pgerror.InsufficientPrivilege, fmt.Sprintf("permission denied for file \"%s\"", s.file), nil).
				WithDetail("The file is not below the server's root.")
		}
		s.root = root
	}
	return s, nil
}

// maxIdle is how many connections wait for the next scan.
const maxIdle = 4

// source is one database file.
type source struct {
	name    string
	file    string
	root    string // the root that confines file, "" for none
	account *memory.Account

	statistics sample.Cache

	mu     sync.Mutex
	idle   []*conn
	used   map[*conn]bool
	closed bool
}

// take returns a connection, a new one if none is idle.
func (s *source) take() (*conn, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, pgerror.Source(s.name, pgerror.ConnectionDoesNotExist, "the source is closed", nil)
	}
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.used[c] = true
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	file, err := s.path()
	if err != nil {
		return nil, err
	}
	if s.account != nil {
		if err := s.account.Reserve(connBytes); err != nil {
			return nil, err
		}
	}
	c, err := openConn(s.name, file)
	if err != nil {
		s.release()
		return nil, err
	}
	s.mu.Lock()
	s.used[c] = true
	s.mu.Unlock()
	return c, nil
}

// path returns the file's name.
func (s *source) path() (string, error) {
	if s.root == "" {
		return s.file, nil
	}
	// Expand checks that the file is below the root.
	access := localfile.Access{Source: s.name, Root: s.root}
	if _, err := access.Expand(s.file); err != nil {
		return "", err
	}
	return filepath.Join(s.root, s.file), nil
}

// release gives a connection's memory back to the account.
func (s *source) release() {
	if s.account != nil {
		s.account.Release(connBytes)
	}
}

// put returns a connection.
func (s *source) put(c *conn) {
	s.mu.Lock()
	delete(s.used, c)
	keep := !s.closed && len(s.idle) < maxIdle
	if keep {
		s.idle = append(s.idle, c)
	}
	s.mu.Unlock()
	if !keep {
		c.close()
		s.release()
	}
}

// Close implements connector.Source. Connections of running scans are
// interrupted and close with their readers.
func (s *source) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	for c := range s.used {
		c.interrupt()
	}
	s.mu.Unlock()
	for _, c := range idle {
		c.close()
		s.release()
	}
	return nil
}

// query runs f for each row of a query on a connection of its own.
func (s *source) query(ctx context.Context, text string, f func(*stmt) error) error {
	c, err := s.take()
	if err != nil {
		return err
	}
	defer s.put(c)
	return c.each(ctx, text, f)
}

// Probe implements connector.Prober.
func (s *source) Probe(ctx context.Context) (string, error) {
	line := ""
	err := s.query(ctx, "SELECT sqlite_version(), (SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view'))", func(r *stmt) error {
		line = fmt.Sprintf("SQLite %s, %s with %d tables and views", r.string(0), s.file, r.int(1))
		return nil
	})
	return line, err
}

// Schemas implements connector.Source.
func (s *source) Schemas(context.Context) ([]string, error) { return []string{mainSchema}, nil }

// Tables implements connector.Source. Every schema name means the same tables:
// a database file has no schemas.
func (s *source) Tables(ctx context.Context, _ string) ([]string, error) {
	var out []string
	err := s.query(ctx, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name", func(r *stmt) error {
		out = append(out, r.string(0))
		return nil
	})
	return out, err
}

// quote returns a string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// remoteColumn is a column as the database declares it.
type remoteColumn struct {
	name    string
	typ     types.Type
	note    string
	notNull bool
	// rowid is set for an alias of the rowid: always an integer.
	rowid bool
}

// table is a resolved table.
type table struct {
	source  string
	local   string // name in HubSQL
	name    string // in the database
	strict  bool
	plain   bool // a table with a rowid
	utf8    bool
	columns []connector.Column
	remote  []remoteColumn
}

// Table implements connector.Source.
func (s *source) Table(ctx context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	t := &table{source: s.name, local: ref.Name, name: ref.Name}
	if n := ref.Options["table"]; n != "" {
		t.name = n
	}
	c, err := s.take()
	if err != nil {
		return nil, err
	}
	defer s.put(c)
	missing := pgerror.Source(s.name, pgerror.UndefinedTable, fmt.Sprintf("table \"%s\" does not exist", t.name), nil)
	if strings.ContainsRune(t.name, 0) {
		return nil, missing
	}
	found := false
	err = c.each(ctx, "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = "+quote(t.name)+" COLLATE NOCASE", func(r *stmt) error {
		found = true
		t.name, t.plain, t.strict = r.string(0), r.string(1) == "table" && r.int(2) == 0, r.int(3) != 0
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, missing
	}
	if err := c.each(ctx, "PRAGMA encoding", func(r *stmt) error { t.utf8 = r.string(0) == "UTF-8"; return nil }); err != nil {
		return nil, err
	}
	remote, err := t.describe(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(remote) == 0 {
		return nil, missing
	}
	if ref.Columns == nil {
		t.remote = remote
		for _, r := range remote {
			t.columns = append(t.columns, connector.Column{Name: r.name, Type: r.typ, NotNull: r.notNull, Note: r.note})
		}
	} else {
		t.columns = ref.Columns
		for _, col := range ref.Columns {
			r, err := t.find(remote, col)
			if err != nil {
				return nil, err
			}
			t.remote = append(t.remote, r)
		}
	}
	return newHandle(t), nil
}

// describe reads the columns of the table.
func (t *table) describe(ctx context.Context, c *conn) ([]remoteColumn, error) {
	var out []remoteColumn
	keys := 0
	err := c.each(ctx, "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo("+quote(t.name)+") WHERE hidden <> 1 ORDER BY cid", func(r *stmt) error {
		declared := r.string(1)
		typ, note := typeOf(declared)
		if t.strict && strings.EqualFold(declared, "ANY") {
			typ, note = types.Of(types.Text), "values of any type are read as text"
		}
		if r.int(3) > 0 {
			keys++
		}
		out = append(out, remoteColumn{
			name: r.string(0), typ: typ, note: note, notNull: r.int(2) != 0,
			rowid: t.plain && r.int(3) == 1 && strings.EqualFold(declared, "INTEGER"),
		})
		return nil
	})
	for i := range out {
		if keys != 1 {
			out[i].rowid = false
		}
		out[i].notNull = out[i].notNull || out[i].rowid
	}
	return out, err
}

// find matches a declared column.
func (t *table) find(remote []remoteColumn, col connector.Column) (remoteColumn, error) {
	name := col.Name
	if n := col.Options["column_name"]; n != "" {
		name = n
	}
	for _, r := range remote {
		if r.name == name {
			return r, nil
		}
	}
	for _, r := range remote {
		if strings.EqualFold(r.name, name) {
			return r, nil
		}
	}
	return remoteColumn{}, pgerror.Source(t.source, pgerror.UndefinedColumn, fmt.Sprintf("column \"%s\" of table \"%s\" does not exist", name, t.name), nil)
}

// Estimate implements connector.Estimator: by ANALYZE's statistics, or by the
// largest rowid.
func (s *source) Estimate(ctx context.Context, h connector.TableHandle) (float64, bool) {
	t := h.(*handle).table
	if t == nil {
		return 0, false
	}
	rows, ok := 0.0, false
	// The statistics table exists only after ANALYZE.
	_ = s.query(ctx, "SELECT stat FROM sqlite_stat1 WHERE tbl = "+quote(t.name)+" LIMIT 1", func(r *stmt) error {
		first, _, _ := strings.Cut(r.string(0), " ")
		n, err := strconv.ParseFloat(first, 64)
		rows, ok = n, err == nil
		return nil
	})
	if !ok && t.plain {
		err := s.query(ctx, "SELECT max(rowid) FROM "+sqltext.SQLite.Ident(t.name), func(r *stmt) error {
			rows, ok = float64(r.int(0)), true
			return nil
		})
		ok = ok && err == nil
	}
	return h.(*handle).relation.Estimate(rows), ok
}
