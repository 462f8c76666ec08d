package connector

import (
	"context"

	"github.com/hubsql/hubsql/exec/vector"
)

// Transactor is a source whose tables can be changed. Its Modify works in the
// Transaction that the context carries; without one it is XX000.
type Transactor interface {
	Modifier
	// Begin opens a transaction. Scans of the source that get it see what it has
	// changed.
	Begin(ctx context.Context) (Transaction, error)
	// Identify returns a handle with the columns of h, which has all those of its
	// table and nothing pushed into it, and one more, hidden and the last, that
	// identifies a row until the transaction ends. Rows that are read by it keep
	// everybody else from changing them, or the later change of one that was
	// changed meanwhile fails (40001). A table whose rows cannot be told apart is
	// 0A000.
	Identify(ctx context.Context, h TableHandle) (TableHandle, error)
}

// Transaction is one session's transaction at a source, on a connection of its
// own. Its methods are called one at a time. When the connection is lost every
// one fails, and what was done is undone by the source.
type Transaction interface {
	// Savepoint sets a savepoint. name is an identifier that needs no quotes and
	// was not used before.
	Savepoint(ctx context.Context, name string) error
	// RollbackTo undoes what was done since the savepoint, which stays.
	RollbackTo(ctx context.Context, name string) error
	// Commit ends the transaction. When it is not known whether the source has
	// committed the error is 08007; with any other it has not.
	Commit(ctx context.Context) error
	// Rollback ends the transaction, within a second. After Commit it does nothing.
	Rollback()
	// Sole reports that the source must not be read otherwise while the
	// transaction is open: there is no other connection, or it would be waited for.
	Sole() bool
}

// Updater is the Modification of a Transactor. Its Insert and Delete return no
// rows: what happened is known when Finish has returned. Vectors are dense and
// may be changed by the caller after a call.
type Updater interface {
	Modification
	// Update sets the columns that ModifyOptions lists, one vector each, of the
	// rows with these identities, each of which occurs once in a statement.
	Update(ctx context.Context, ids *vector.Vec, cols []*vector.Vec, n int) error
	// Changed is the number of rows that the source says it has changed, once
	// Finish has returned.
	Changed() int64
}

// Truncater is a Transaction that can empty tables.
type Truncater interface {
	// Truncate removes all rows of the table of a handle, as part of the
	// transaction.
	Truncate(ctx context.Context, table TableHandle, o TruncateOptions) error
}

// TruncateOptions are the words of TRUNCATE.
type TruncateOptions struct{ Restart, Cascade bool }

// open is the transaction of a context.
type open struct {
	source Source
	tx     Transaction
	reads  bool
}

type transactionKey struct{}

// WithTransaction returns a context in which changes of a source happen in tx.
// reads says that scans of the source are to see them, too.
func WithTransaction(ctx context.Context, source Source, tx Transaction, reads bool) context.Context {
	return context.WithValue(ctx, transactionKey{}, open{source, tx, reads})
}

// TransactionOf returns the transaction in which a source is changed, nil for
// none.
func TransactionOf(ctx context.Context, source Source) Transaction {
	if t, ok := ctx.Value(transactionKey{}).(open); ok && t.source == source {
		return t.tx
	}
	return nil
}

// ReadTransaction returns the transaction that scans of a source belong to, nil
// for none.
func ReadTransaction(ctx context.Context, source Source) Transaction {
	if t, ok := ctx.Value(transactionKey{}).(open); ok && t.source == source && t.reads {
		return t.tx
	}
	return nil
}
