package wire

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/scram"
)

// Backend is the engine as the protocol sees it. It is used by many
// connections at once.
type Backend interface {
	// Secret returns the stored SCRAM secret of a role. ok is false when the
	// role is unknown, has no password or an expired one: the connection then
	// goes through the whole exchange with a made-up secret and fails with
	// 28P01, so that a client cannot tell the cases apart. An error is an
	// internal failure.
	Secret(ctx context.Context, user string) (secret scram.Secret, ok bool, err error)
	// Open starts the session of an authenticated user. Its errors end the
	// connection as FATAL: 3D000 for an unknown database, 28000 for a role that
	// is not there or may not log in, 22023 and others for a startup setting.
	Open(ctx context.Context, start Startup) (Session, error)
}

// Startup is what a connection knows of its client when its session opens.
type Startup struct {
	User     string
	Database string // the user's name when the client named none
	// Settings are the session defaults the client asked for, in the order in
	// which they are to be applied; those of `options` come first.
	Settings []Setting
	PID      int32
	// ClientAddr is the client's address without port, "" for a Unix socket.
	ClientAddr string
	// TLS is the connection's TLS state, nil without TLS.
	TLS *tls.ConnectionState
	// Names holds the connection's prepared statements and portals; SQL's
	// PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH and CLOSE work on it.
	Names *Names
	// Notice queues a NOTICE or WARNING for the client. It may be called from
	// any goroutine; session.Session.Notice is meant to be this function.
	Notice func(error)
}

// Setting is one setting with its value.
type Setting struct{ Name, Value string }

// Session is one connection's engine state. All calls come from the
// connection's goroutine, one at a time.
//
// The ctx of a call bounds that call only. It is cancelled with a *pgerror.Error
// as its cause (context.Cause) when the client cancels, disconnects or the
// server shuts down; the connection then reports that cause, whatever error the
// call returns.
type Session interface {
	// Settings returns the session's settings.
	Settings() Settings
	// Parse splits the text of one message into its statements, none when it
	// holds only white space and comments. Positions in errors are relative to
	// sql, in characters, here and in every later error of these statements.
	Parse(ctx context.Context, sql string) ([]Query, error)
	// Prepare analyses one statement. paramTypes are the types the client
	// declared for $1, $2...; 0 or a missing entry means infer. In a failed
	// transaction it answers 25P02 unless the statement ends the transaction.
	Prepare(ctx context.Context, q Query, paramTypes []types.OID) (Prepared, error)
	// End is called at the end of a simple query and at Sync. It commits the
	// implicit transaction, if one is open; with failed it rolls it back, or
	// turns an open transaction block into a failed one.
	End(ctx context.Context, failed bool) error
	// TxStatus is the transaction state of ReadyForQuery: 'I' idle, 'T' in a
	// transaction block, 'E' in a failed one.
	TxStatus() byte
	// Close ends the session: it rolls back and releases everything.
	Close()
}

// Settings is what the protocol reads of a session's settings.
type Settings interface {
	// Format returns how values are printed and read now.
	Format() *types.Format
	// Get returns a setting as SHOW prints it, "" when there is none.
	Get(name string) string
	// IdleTimeout is how long a client may be silent between two queries, or
	// within a transaction block; 0 means for ever.
	IdleTimeout(inTransaction bool) time.Duration
	// Reported returns the settings that clients are told of (application_name,
	// client_encoding, DateStyle, default_transaction_read_only, in_hot_standby,
	// integer_datetimes, IntervalStyle, is_superuser, server_encoding,
	// server_version, session_authorization, standard_conforming_strings,
	// TimeZone), spelt as a ParameterStatus message spells them: all of them at
	// the first call, later nil when none can have changed since the last call.
	// A connection asks before each ReadyForQuery and sends those that differ
	// from what it sent before.
	Reported() []Setting
}

// Query is one parsed statement, opaque to the protocol.
type Query interface {
	// String returns the statement's text.
	String() string
}

// Prepared is an analysed statement. It serves many executions.
type Prepared interface {
	// Params returns the types of all parameters, as declared or inferred.
	Params() []types.OID
	// Columns describes the result rows; nil when the statement returns none
	// (an empty slice that is not nil is a row without columns). A COPY returns
	// nil.
	Columns() []Column
	// Bind makes a portal with one value per parameter. Values are typed as
	// Params says. It does not execute anything that has an effect.
	Bind(ctx context.Context, params []types.Datum) (Portal, error)
	// Close releases the statement. Portals made from it live on.
	Close()
}

// Column describes one result column.
type Column struct {
	Name string
	Type types.Type
	// TableOID and Attnum name the column's origin, 0 when it is computed.
	TableOID types.OID
	Attnum   int16
}

// Portal is one execution of a statement.
type Portal interface {
	// Columns is as for Prepared.
	Columns() []Column
	// Next executes and returns the next rows, nil and io.EOF at the end. A
	// statement without rows does all its work in the first call and returns
	// io.EOF. A batch may have a selection and vectors of any kind; it is valid
	// until the next call of Next or Close. Work that goes on between calls
	// must not hang on the ctx of a call but end at Close.
	Next(ctx context.Context) (*vector.Batch, error)
	// Tag returns the command tag when Next has returned io.EOF; rows is the
	// number of rows sent since the last tag.
	Tag(rows int64) string
	// Close stops the execution and releases what it holds, also when it has
	// not been executed or has failed. It is called once.
	Close()
}

// CopyIner is a Portal whose rows come by COPY FROM STDIN. Next is not called.
type CopyIner interface {
	Portal
	// CopyIn returns the number of columns of the data and its format, ok false
	// when the portal is no COPY FROM STDIN.
	CopyIn() (columns int, format CopyFormat, ok bool)
	// Begin starts the statement; the client is asked for data when it succeeds.
	Begin(ctx context.Context) error
	// Feed takes data as it arrives and does not keep it. It may wait, and
	// returns the error of a statement that has failed.
	Feed(ctx context.Context, data []byte) error
	// Finish ends the data and returns the number of rows.
	Finish(ctx context.Context) (rows int64, err error)
}

// CopyOuter is a Portal whose rows leave as COPY TO STDOUT.
type CopyOuter interface {
	Portal
	// CopyOut returns the format of the copy, nil when the portal is no COPY
	// TO STDOUT.
	CopyOut() *CopyOut
}
