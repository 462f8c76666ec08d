package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/connpool"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// transaction is one session's transaction. It implements connector.Transaction
// and connector.Truncater.
type transaction struct {
	source *source
	conn   *conn
	held   bool // taken with Hold
	ended  bool
	broken bool // the connection is of no use any more
	// packet is the longest statement that the server takes, in bytes.
	packet int
	// returns is set for a server whose INSERT has RETURNING.
	returns bool
}

// Begin implements connector.Transactor.
func (s *source) Begin(ctx context.Context) (connector.Transaction, error) {
	t := &transaction{source: s, packet: 1 << 20}
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
	rows, err := t.conn.rows(ctx, "SELECT @@max_allowed_packet, VERSION()")
	if err == nil {
		if n, e := strconv.Atoi(rows[0][0]); e == nil {
			t.packet = n
		}
		t.returns = strings.Contains(rows[0][1], "MariaDB")
		_, err = t.conn.Conn.(driver.ExecerContext).ExecContext(ctx, "START TRANSACTION READ WRITE", nil)
	}
	if err != nil {
		t.broke()
		t.end(false)
		return nil, s.failure(ctx, err, false)
	}
	return t, nil
}

// Sole implements connector.Transaction.
func (t *transaction) Sole() bool { return !t.held }

// broke gives up the connection and ends what it does at the server.
func (t *transaction) broke() {
	if !t.broken {
		t.broken = true
		t.conn.Close()
		t.source.kill(t.conn.id)
	}
}

// lost returns the error of a transaction whose connection is gone.
func (t *transaction) lost() error {
	if t.ended || t.broken {
		return pgerror.Source(t.source.name, pgerror.ConnectionFailure, "the connection of the transaction was lost", nil)
	}
	return nil
}

// exec runs a statement and returns how many rows it has changed.
func (t *transaction) exec(ctx context.Context, sql string) (int64, error) {
	if err := t.lost(); err != nil {
		return 0, err
	}
	if err := connpool.Canceled(ctx); err != nil {
		return 0, err
	}
	result, err := t.conn.Conn.(driver.ExecerContext).ExecContext(ctx, sql, nil)
	if err != nil {
		if _, remote := errors.AsType[*driverpkg.MySQLError](err); !remote {
			t.broke()
		}
		return 0, t.source.failure(ctx, err, false)
	}
	n, err := result.RowsAffected()
	return n, t.source.failure(ctx, err, false)
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
	_, err := t.conn.Conn.(driver.ExecerContext).ExecContext(ctx, "COMMIT", nil)
	var remote *driverpkg.MySQLError
	switch {
	case err == nil:
		t.end(true)
		return nil
	case errors.As(err, &remote):
		t.Rollback()
		return t.source.failure(ctx, err, false)
	}
	t.broke()
	t.end(false)
	return connpool.Unresolved(t.source.name, err)
}

// Rollback implements connector.Transaction.
func (t *transaction) Rollback() {
	if t.ended {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer stop()
	_, err := t.exec(ctx, "ROLLBACK")
	t.end(err == nil)
}

// end gives the connection back.
func (t *transaction) end(healthy bool) {
	if t.ended {
		return
	}
	t.ended = true
	healthy = healthy && !t.broken
	if t.held {
		t.source.pool.Unhold(t.conn, healthy)
	} else {
		t.source.pool.Release(t.conn, healthy)
	}
}

// Truncate implements connector.Truncater. The server's TRUNCATE would commit.
func (t *transaction) Truncate(ctx context.Context, th connector.TableHandle, o connector.TruncateOptions) error {
	if o.Restart || o.Cascade {
		return pgerror.Source(t.source.name, pgerror.FeatureNotSupported, "TRUNCATE with RESTART IDENTITY or CASCADE is not supported by the server", nil)
	}
	h := th.(*handle)
	if err := t.transactional(ctx, h.table); err != nil {
		return err
	}
	_, err := t.exec(ctx, "DELETE FROM "+sqltext.MySQL.Qualified(h.table.schema, h.table.name))
	return err
}

// transactional returns an error for a table whose changes the server cannot
// undo, and for what is no table.
func (t *transaction) transactional(ctx context.Context, of *table) error {
	if err := t.lost(); err != nil {
		return err
	}
	rows, err := t.conn.rows(ctx, "SELECT COALESCE(e.transactions, '') FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine WHERE t.table_schema = ? AND t.table_name = ?", of.schema, of.name)
	if err != nil {
		return t.source.failure(ctx, err, false)
	}
	if len(rows) != 1 || rows[0][0] != "YES" {
		return pgerror.Source(t.source.name, pgerror.FeatureNotSupported, "\""+of.name+"\" cannot be changed, since the server could not undo it", nil).
			WithHint("Only tables of a transactional engine (InnoDB) are changed.")
	}
	return nil
}
