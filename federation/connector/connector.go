// Package connector is the interface between HubSQL and a kind of source. A
// source implements the small core; every further ability is an interface of
// its own that the planner finds by type assertion.
package connector

import (
	"context"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/planner/expr"
)

// Connector is one foreign data wrapper.
type Connector interface {
	// Wrapper is the name in CREATE SERVER ... FOREIGN DATA WRAPPER.
	Wrapper() string
	// Options lists every option the wrapper knows. DDL validates against it.
	Options() []Option
	// Open makes a source of one server for one user mapping. It does not
	// connect: a wrong host or password is reported when the source is used.
	// The options have been validated against Options. The returned source is
	// shared by concurrent queries.
	Open(ctx context.Context, c Config) (Source, error)
}

// Level is where an option may stand.
type Level string

// Levels.
const (
	OnServer      Level = "server"
	OnUserMapping Level = "user mapping"
	OnTable       Level = "foreign table"
	OnColumn      Level = "column"
)

// Option describes one option of a wrapper.
type Option struct {
	Name  string
	Level Level
	Doc   string
	// Required options must be present when the object is created.
	Required bool
	// Secret values are stored encrypted and shown nowhere.
	Secret bool
	// Path marks a file name: absolute paths are for members of
	// pg_read_server_files, everybody else is confined by the server's root.
	Path bool
	// Check returns an error (22023 or HV024) when the value is not valid; nil
	// accepts everything.
	Check func(value string) error
}

// Config is what Open gets.
type Config struct {
	// Server is the server's name, for errors and the application name.
	Server  string
	Options map[string]string // of the server
	Mapping map[string]string // of the user mapping, secrets in clear
	// Account pays for what the source itself holds (connections, footers).
	Account *memory.Account
}

// Source is one server as one user mapping sees it. All methods may be called
// concurrently. Errors carry the server's name and an SQLSTATE (pgerror.Source).
type Source interface {
	// Schemas lists the schemas of the source; a source without schemas returns
	// one named "".
	Schemas(ctx context.Context) ([]string, error)
	// Tables lists tables and views of one schema.
	Tables(ctx context.Context, schema string) ([]string, error)
	// Table resolves one table and its columns. An unknown one is 42P01.
	Table(ctx context.Context, ref TableRef) (TableHandle, error)
	// Scan starts to read a handle of this source.
	Scan(ctx context.Context, h TableHandle, o ScanOptions) (Reader, error)
	// Close ends every connection. Running scans fail.
	Close() error
}

// Prober is a source that can say whether it can be reached.
type Prober interface {
	// Probe connects, authenticates and returns a line about the server (its
	// product and version).
	Probe(ctx context.Context) (string, error)
}

// DescriptionKeeper is a source whose table descriptions are expensive to get
// and change rarely.
type DescriptionKeeper interface {
	// KeepDescriptions is how long the result of Table and Estimate may be
	// reused. A query that the source then refuses makes it being asked again.
	KeepDescriptions() time.Duration
}

// Networked marks a source whose rows come from another server: fetching one is
// dear.
type Networked interface {
	// Networked has no meaning but to mark.
	Networked()
}

// TableRef names a table of a source.
type TableRef struct {
	Schema string
	Name   string
	// Options and Columns come from CREATE FOREIGN TABLE; both are nil when the
	// table is addressed live or imported. When Columns is given the handle has
	// exactly these columns, in this order, converted to these types.
	Options map[string]string
	Columns []Column
	// Root, when not empty, confines file names: they must lie below it after
	// symbolic links are resolved. AllowAbsolute is set for the owners who may
	// name any file of the machine.
	AllowAbsolute bool
}

// Column is one column of a table.
type Column struct {
	Name    string
	Type    types.Type
	NotNull bool
	// Key is set for the columns of the primary key that the source enforces: no
	// two rows are equal in all of them.
	Key bool
	// Hidden columns are found by name but are not part of * (xmin of a system
	// relation).
	Hidden  bool
	Options map[string]string
	// Note says why the type is only an approximation ("" otherwise): IMPORT
	// FOREIGN SCHEMA shows it as a NOTICE.
	Note string
	// User describes the type at the source when users have made it there; Type
	// is then what the column is read as by those who do not have the type. With
	// Array the column is an array of it.
	User  *UserType
	Array bool
}

// UserType is a type of a source that users have made there.
type UserType struct {
	Kind         types.UserKind
	Schema, Name string
	// Labels are those of an enum in their order.
	Labels []string
	// Columns are those of a composite type: names and types count.
	Columns []Column
	// Base is what a domain is made of; Default and Checks are SQL as PostgreSQL
	// writes it, over VALUE.
	Base    Column
	NotNull bool
	Default string
	Checks  []DomainCheck
}

// DomainCheck is a CHECK of a domain.
type DomainCheck struct{ Name, SQL string }

// TableHandle is a table with everything that was pushed into it. It is
// immutable: pushing returns a new handle. String describes it for EXPLAIN
// without any literal.
type TableHandle interface {
	Columns() []Column
	String() string
}

// ScanOptions are the wishes of the executor.
type ScanOptions struct {
	// Account pays for the buffers of the reader.
	Account *memory.Account
	// BatchSize is the largest number of rows per batch.
	BatchSize int
	// Format is how the session reads dates and the like from text.
	Format *types.Format
	// Filters are dynamic filters. The executor has waited for those that are
	// worth it: a remote source uses the domains that are there when Scan is
	// called, as part of its query where it compares exactly as HubSQL does; a
	// reader of local files asks for them again and again as it goes. A reader
	// that ignores them loses nothing but time: the executor drops rows by them
	// itself unless the reader is a FilteringReader that says it does.
	//
	// A handle with a limit must ignore them: it counts rows before they are
	// dropped.
	Filters []ScanFilter
	// Snapshot, when not nil, is a snapshot of the source whose state the scan is
	// to see.
	Snapshot Snapshot
	// Transaction, when not nil, is the transaction of the source that the scan
	// belongs to. The caller reads the scan to its end, and closes it, before
	// anything else happens in the transaction.
	Transaction Transaction
}

// Reader delivers the rows of one scan. It is used by one goroutine at a time.
type Reader interface {
	// Next fills dst with the next rows: dst.N > 0, dst.Sel nil, one vector per
	// column of the handle. It returns io.EOF, and leaves dst empty, when there
	// are no more. What dst refers to stays valid until dst is passed again or
	// the reader is closed; a caller may rotate several batches. Next returns
	// within a second when ctx ends.
	Next(ctx context.Context, dst *vector.Batch) error
	// Close releases everything, at any time, and may be called twice.
	Close() error
}

// LocalReader marks a reader that only computes and reads local files: the
// executor calls it on its workers instead of a goroutine of its own.
type LocalReader interface {
	Reader
	// Local has no meaning but to mark.
	Local()
}

// Splitter cuts a scan into parts that may be read in parallel.
type Splitter interface {
	// Split returns about n handles whose rows together are those of h, or only
	// h when it does not pay. All parts see one snapshot where the source can
	// give one.
	Split(ctx context.Context, h TableHandle, n int) ([]TableHandle, error)
}

// Pushed says what a source does with a predicate.
type Pushed uint8

// Outcomes of a push.
const (
	// Local: the source ignores it; HubSQL evaluates it.
	Local Pushed = iota
	// Superset: the source drops only rows that the predicate drops, maybe not
	// all; HubSQL evaluates it again.
	Superset
	// Exact: the source's answer equals HubSQL's.
	Exact
)

// String prints the outcome for EXPLAIN.
func (p Pushed) String() string { return [...]string{"local", "superset", "exact"}[p] }

// Outcome of pushing one predicate. Reason is for EXPLAIN and must be set for
// Local and Superset ("collation of column name is not binary").
type Outcome struct {
	Pushed Pushed
	Reason string
}

// FilterPusher takes predicates.
type FilterPusher interface {
	// PushFilter offers conjuncts whose columns are indexes into h.Columns().
	// It returns the new handle and one outcome per conjunct.
	PushFilter(h TableHandle, filter Sealed) (TableHandle, []Outcome)
}

// ProjectPusher reads only some columns.
type ProjectPusher interface {
	// PushProject returns a handle whose Columns are those listed (indexes into
	// h.Columns(), each at most once; maybe none, when only the number of rows
	// matters).
	PushProject(h TableHandle, columns []int) (TableHandle, bool)
}

// LimitPusher stops early. It is only used when every filter was pushed exactly.
type LimitPusher interface {
	PushLimit(h TableHandle, limit int64) (TableHandle, bool)
}

// Estimator knows sizes without reading.
type Estimator interface {
	// Estimate returns the expected number of rows of h, ok false when unknown.
	Estimate(ctx context.Context, h TableHandle) (rows float64, ok bool)
}

// Explainer shows what will be sent.
type Explainer interface {
	// RemoteQuery returns the text that Scan will send, or a description of what
	// it reads. With redact every literal is replaced by a placeholder.
	RemoteQuery(h TableHandle, redact bool) string
}

// Sealed is a list of predicates that has passed the policies of its table. Only
// planner/policy makes one (an architecture test checks it); so nothing reaches
// a source but through that door.
type Sealed struct{ predicates []expr.Expr }

// Seal is for planner/policy alone.
func Seal(predicates []expr.Expr) Sealed { return Sealed{predicates: predicates} }

// Predicates returns the conjuncts. They must not be changed.
func (s Sealed) Predicates() []expr.Expr { return s.predicates }

// Modifier is a source whose tables can be changed.
type Modifier interface {
	// Modify starts what one statement changes of a table, whose handle has all
	// of its columns. The transaction is that of ctx.
	Modify(ctx context.Context, h TableHandle, o ModifyOptions) (Modification, error)
}

// ModifyOptions are the wishes of the executor.
type ModifyOptions struct {
	// Unique lists the constraints to enforce.
	Unique []Unique
	// HideValues keeps values of the table out of error messages.
	HideValues bool
	// Format is how error messages print values.
	Format *types.Format
	// Columns, for a Transactor, are the columns that an insert gives values for or
	// that an update sets: indexes into the columns of the handle.
	Columns []int
	// Returned, when not nil, gets the rows that an insert has made as the source
	// stores them, one vector per visible column. They are valid during the call.
	Returned func(cols []*vector.Vec, n int) error
	// Account pays for what waits to be sent.
	Account *memory.Account
	// SkipDuplicates leaves out rows that are in conflict with others, by the
	// constraint on OnColumns or, when there are none, any constraint.
	SkipDuplicates bool
	OnColumns      []int
}

// Unique is a primary key or unique constraint. Rows with a NULL in it equal no
// other.
type Unique struct {
	Name string
	// Columns are indexes into the columns of the handle.
	Columns []int
	// SkipDuplicates leaves out a row that exists already instead of failing
	// with 23505 (ON CONFLICT DO NOTHING).
	SkipDuplicates bool
	// Once makes a key that the statement itself has written before 21000 (ON
	// CONFLICT DO UPDATE).
	Once bool
}

// Modification is what one statement changes of one table. Nothing of it is
// visible before Finish. It is used by one goroutine at a time.
type Modification interface {
	// Delete removes the rows with these identities: the rows of ids that sel
	// lists (nil: the first n). It returns which of them this statement had not
	// removed before.
	Delete(ctx context.Context, ids *vector.Vec, sel []int32, n int) ([]int32, error)
	// Insert copies rows into the table, one vector per visible column of the
	// handle. It returns which of them were inserted.
	Insert(ctx context.Context, cols []*vector.Vec, sel []int32, n int) ([]int32, error)
	// Finish makes the changes visible to the rest of the transaction.
	Finish(ctx context.Context) error
	// Close undoes what has not been finished. It may be called twice.
	Close()
}
