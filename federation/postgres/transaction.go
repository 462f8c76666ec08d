package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// beginWrite opens a transaction that changes tables. As in postgres_fdw, all
// statements of a transaction see one state; a row that somebody else has changed
// since then cannot be changed any more (40001).
const beginWrite = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ WRITE"

// transaction is one session's transaction. It implements connector.Transaction
// and connector.Truncater.
type transaction struct {
	source *source
	conn   *conn
	held   bool // taken with TryHold
	ended  bool
}

// Begin implements connector.Transactor.
func (s *source) Begin(ctx context.Context) (connector.Transaction, error) {
	t := &transaction{source: s}
	var err error
	if s.size == 1 {
		t.conn, err = s.acquire(ctx)
	} else {
		t.conn, err = s.pool.Hold(ctx)
		err = s.failure(ctx, err, true)
		t.held = true
	}
	if err != nil {
		return nil, err
	}
	if _, err := t.exec(ctx, beginWrite); err != nil {
		t.Rollback()
		return nil, err
	}
	return t, nil
}

// Sole implements connector.Transaction.
func (t *transaction) Sole() bool { return !t.held }

// exec runs SQL and returns how many rows the last statement is about.
func (t *transaction) exec(ctx context.Context, sql string) (int64, error) {
	if err := t.lost(); err != nil {
		return 0, err
	}
	results, err := t.conn.pg.Exec(ctx, sql).ReadAll()
	if err != nil {
		return 0, t.source.failure(ctx, err, false)
	}
	if len(results) == 0 {
		return 0, nil
	}
	return results[len(results)-1].CommandTag.RowsAffected(), nil
}

// rows runs a query and returns its cells as text.
func (t *transaction) rows(ctx context.Context, sql string) ([][][]byte, error) {
	if err := t.lost(); err != nil {
		return nil, err
	}
	results, err := t.conn.pg.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, t.source.failure(ctx, err, false)
	}
	return results[len(results)-1].Rows, nil
}

// lost returns the error of a transaction whose connection is gone.
func (t *transaction) lost() error {
	if t.ended || t.conn.pg.IsClosed() {
		return pgerror.Source(t.source.name, pgerror.ConnectionFailure, "the connection of the transaction was lost", nil)
	}
	return nil
}

// Savepoint implements connector.Transaction.
func (t *transaction) Savepoint(ctx context.Context, name string) error {
	_, err := t.exec(ctx, "SAVEPOINT "+name)
	return err
}

// RollbackTo implements connector.Transaction.
func (t *transaction) RollbackTo(ctx context.Context, name string) error {
	_, err := t.exec(ctx, "ROLLBACK TO SAVEPOINT "+name)
	return err
}

// Commit implements connector.Transaction.
func (t *transaction) Commit(ctx context.Context) error {
	if err := t.lost(); err != nil {
		return err
	}
	if err := connpool.Canceled(ctx); err != nil {
		return err
	}
	results, err := t.conn.pg.Exec(ctx, "COMMIT").ReadAll()
	var remote *pgconn.PgError
	switch {
	case errors.As(err, &remote) && remote.Severity == "ERROR":
		// A deferred constraint: the server has rolled back.
		err = t.source.failure(ctx, err, false)
		t.end(true)
		return err
	case err != nil:
		t.end(false)
		return connpool.Unresolved(t.source.name, err)
	case len(results) != 1 || results[0].CommandTag.String() != "COMMIT":
		t.end(true)
		return pgerror.Source(t.source.name, pgerror.TransactionRollback, "the transaction was rolled back", nil)
	}
	t.end(true)
	return nil
}

// Rollback implements connector.Transaction.
func (t *transaction) Rollback() {
	if t.ended {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), 800*time.Millisecond)
	defer stop()
	t.end(!t.conn.pg.IsClosed() && t.conn.pg.Exec(ctx, "ROLLBACK").Close() == nil)
}

// end gives the connection back.
func (t *transaction) end(healthy bool) {
	if t.ended {
		return
	}
	t.ended = true
	healthy = healthy && t.conn.pg.TxStatus() == 'I' && t.conn.quiet()
	if t.held {
		t.source.pool.Unhold(t.conn, healthy && t.source.reuse && !t.conn.pg.IsClosed())
	} else {
		t.source.release(t.conn, healthy)
	}
}

// Truncate implements connector.Truncater.
func (t *transaction) Truncate(ctx context.Context, th connector.TableHandle, o connector.TruncateOptions) error {
	h := th.(*handle)
	sql := "TRUNCATE " + sqltext.Postgres.Qualified(h.table.schema, h.table.name)
	if o.Restart {
		sql += " RESTART IDENTITY"
	}
	if o.Cascade {
		sql += " CASCADE"
	}
	_, err := t.exec(ctx, sql)
	return err
}
