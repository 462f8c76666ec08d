package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hubsql/hubsql/federation/connector"
)

// begin opens a transaction whose state does not change.
const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"

// snapshot is an exported snapshot: an open transaction on a connection of its
// own, whose state transactions of other connections can take over.
type snapshot struct {
	source *source
	conn   *conn
	id     string // digits and hyphens
}

// Snapshot implements connector.Snapshotter. There is none when no connection is
// to spare, or when the server refuses.
func (s *source) Snapshot(ctx context.Context) (connector.Snapshot, error) {
	c, ok, err := s.pool.TryHold(ctx)
	if err != nil {
		return nil, s.failure(ctx, err, true)
	}
	if !ok {
		return nil, nil
	}
	out := &snapshot{source: s, conn: c}
	results, err := c.pg.Exec(ctx, begin+"; SELECT pg_catalog.pg_export_snapshot()").ReadAll()
	if err == nil && len(results) == 2 && len(results[1].Rows) == 1 {
		if out.id = string(results[1].Rows[0][0]); validID(out.id) {
			return out, nil
		}
	}
	out.Close()
	if refused(err) {
		return nil, nil
	}
	return nil, s.failure(ctx, err, false)
}

// validID reports whether the name of a snapshot may stand in SQL.
func validID(id string) bool { return id != "" && strings.Trim(id, "0123456789ABCDEF-") == "" }

// refused reports whether the server itself said no; the connection works on.
func refused(err error) bool {
	var remote *pgconn.PgError
	return err == nil || errors.As(err, &remote)
}

// enter makes c a transaction that sees the snapshot. It reports false when the
// server refuses, as one does that is not the one that exported it: c is as it was
// then.
func (s *snapshot) enter(ctx context.Context, c *conn) (bool, error) {
	return enter(ctx, c, s.id, "")
}

// enter makes c a transaction that sees the snapshot with this id and has run
// then, which is SQL that begins with a semicolon. It reports false when the
// server refuses either: c is as it was then.
func enter(ctx context.Context, c *conn, id, then string) (bool, error) {
	_, err := c.pg.Exec(ctx, begin+"; SET TRANSACTION SNAPSHOT '"+id+"'"+then).ReadAll()
	if err == nil {
		return true, nil
	}
	if !refused(err) || !leave(c) {
		return false, err
	}
	return false, nil
}

// leave ends a transaction and reports whether the connection may be used again.
func leave(c *conn) bool {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	return c.pg.Exec(ctx, "COMMIT").Close() == nil && c.quiet()
}

// Close implements connector.Snapshot.
func (s *snapshot) Close() {
	healthy := !s.conn.pg.IsClosed() && leave(s.conn)
	s.source.pool.Unhold(s.conn, healthy && s.source.reuse)
}
