package sqlite

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/decode"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// transaction is one session's transaction, on a connection of its own. Nobody
// else changes the file while it is open.
type transaction struct {
	source *source
	conn   *conn // nil when the transaction has ended
}

// Begin implements connector.Transactor.
func (s *source) Begin(ctx context.Context) (connector.Transaction, error) {
	file, err := s.path()
	if err != nil {
		return nil, err
	}
	if s.account != nil {
		if err := s.account.Reserve(connBytes); err != nil {
			return nil, err
		}
	}
	c, err := openWriter(s.name, file)
	if err != nil {
		s.release()
		return nil, err
	}
	t := &transaction{source: s, conn: c}
	if err := t.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// exec runs a statement without rows.
func (t *transaction) exec(ctx context.Context, sql string) error {
	if err := t.lost(); err != nil {
		return err
	}
	return t.conn.each(ctx, sql, func(*stmt) error { return nil })
}

// lost returns the error of a transaction that has ended, or that SQLite has
// rolled back because it could not go on.
func (t *transaction) lost() error {
	if t.conn == nil {
		return pgerror.Source(t.source.name, pgerror.ConnectionDoesNotExist, "the transaction has ended", nil)
	}
	return nil
}

// end closes the connection, which undoes what is not committed.
func (t *transaction) end() {
	if t.conn != nil {
		t.conn.close()
		t.conn = nil
		t.source.release()
	}
}

// Sole implements connector.Transaction: whoever reads keeps the file from being
// changed.
func (t *transaction) Sole() bool { return true }

// Savepoint implements connector.Transaction.
func (t *transaction) Savepoint(ctx context.Context, name string) error {
	return t.exec(ctx, "SAVEPOINT "+name)
}

// RollbackTo implements connector.Transaction.
func (t *transaction) RollbackTo(ctx context.Context, name string) error {
	return t.exec(ctx, "ROLLBACK TO SAVEPOINT "+name)
}

// Commit implements connector.Transaction. What fails has not been committed: the
// journal undoes it.
func (t *transaction) Commit(ctx context.Context) error {
	err := t.exec(ctx, "COMMIT")
	t.end()
	return err
}

// Rollback implements connector.Transaction.
func (t *transaction) Rollback() { t.end() }

// Truncate implements connector.Truncater.
func (t *transaction) Truncate(ctx context.Context, h connector.TableHandle, o connector.TruncateOptions) error {
	if o.Restart || o.Cascade {
		return pgerror.Source(t.source.name, pgerror.FeatureNotSupported, "TRUNCATE with RESTART IDENTITY or CASCADE is not supported by SQLite", nil)
	}
	return t.exec(ctx, "DELETE FROM "+sqltext.SQLite.Ident(h.(*handle).table.name))
}

// Identify implements connector.Transactor: a row is known by its rowid.
func (s *source) Identify(ctx context.Context, h connector.TableHandle) (connector.TableHandle, error) {
	t := *h.(*handle).table
	refused := pgerror.Source(s.name, pgerror.FeatureNotSupported, "the rows of \""+t.name+"\" cannot be told apart, since it has no rowid", nil)
	if !t.plain {
		return nil, refused
	}
	taken := map[string]bool{}
	err := s.query(ctx, "SELECT name FROM pragma_table_xinfo("+quote(t.name)+")", func(r *stmt) error {
		taken[strings.ToLower(r.string(0))] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !taken[name] {
			t.columns = append(slices.Clip(t.columns), connector.Column{Name: name, Type: types.Of(types.Int8), NotNull: true, Hidden: true})
			t.remote = append(slices.Clip(t.remote), remoteColumn{name: name, typ: types.Of(types.Int8), notNull: true, rowid: true})
			return newHandle(&t), nil
		}
	}
	return nil, refused
}

// modification is what one statement changes. It implements connector.Updater: a
// prepared statement is executed for every row.
type modification struct {
	tx      *transaction
	table   *table
	o       connector.ModifyOptions
	format  *types.Format
	stmt    *stmt
	in      *reader // of the rows that come back, nil for none
	out     vector.Batch
	text    []byte
	buf     uintptr // SQLite's memory for a value
	room    int
	changed int64
}

// Modify implements connector.Modifier.
func (s *source) Modify(ctx context.Context, th connector.TableHandle, o connector.ModifyOptions) (connector.Modification, error) {
	tx, ok := connector.TransactionOf(ctx, s).(*transaction)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "a table of a source is changed outside a transaction")
	}
	if err := tx.lost(); err != nil {
		return nil, err
	}
	m := &modification{tx: tx, table: th.(*handle).table, o: o, format: types.DefaultFormat()}
	if o.Format != nil {
		m.format.Names = o.Format.Names
	}
	return m, nil
}

// names lists columns, each followed by more.
func (m *modification) names(columns []int, more string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = sqltext.SQLite.Ident(m.table.remote[c].name) + more
	}
	return strings.Join(out, ", ")
}

// prepare compiles the statement at its first use.
func (m *modification) prepare(text string) error {
	if m.stmt != nil {
		return nil
	}
	if m.o.Returned != nil {
		all := make([]int, len(m.table.columns))
		for i := range all {
			all[i] = i
		}
		text += " RETURNING " + m.names(all, "")
	}
	var err error
	if m.stmt, err = m.tx.conn.prepare(text); err != nil {
		return err
	}
	if m.o.Returned != nil {
		m.in = &reader{source: m.tx.source, conn: m.tx.conn, table: m.table, outputs: m.table.columns, kept: true, stmt: m.stmt, size: 1, slots: decode.NewSlots[struct{}](m.o.Account)}
		for _, c := range m.table.columns {
			m.in.cols = append(m.in.cols, decode.NewColumn(c.Type, m.o.Format))
		}
	}
	return nil
}

// run executes the statement with what is bound.
func (m *modification) run(ctx context.Context) error {
	done := m.tx.conn.watch(ctx)
	defer done()
	defer sqlite3.Xsqlite3_reset(m.tx.conn.tls, m.stmt.p)
	if err := ctx.Err(); err != nil {
		return err
	}
	m.stmt.rows = 0
	before := sqlite3.Xsqlite3_total_changes64(m.tx.conn.tls, m.tx.conn.db)
	for {
		row, err := m.stmt.step(ctx)
		if err != nil {
			return err
		}
		if !row {
			break
		}
		if m.in == nil {
			continue
		}
		slot := m.in.slots.Take(&m.out, len(m.in.cols))
		for i, c := range m.in.cols {
			c.Begin(slot.Vecs[i], 1)
			if err := m.in.value(c, 0, i); err != nil {
				return m.in.valueError(err, i)
			}
		}
		if err := m.o.Returned(m.out.Cols, 1); err != nil {
			return err
		}
	}
	// What triggers change does not count.
	if sqlite3.Xsqlite3_total_changes64(m.tx.conn.tls, m.tx.conn.db) != before {
		m.changed += sqlite3.Xsqlite3_changes64(m.tx.conn.tls, m.tx.conn.db)
	}
	return nil
}

// Insert implements connector.Modification.
func (m *modification) Insert(ctx context.Context, cols []*vector.Vec, _ []int32, n int) ([]int32, error) {
	text := "INSERT INTO " + sqltext.SQLite.Ident(m.table.name) + " DEFAULT VALUES"
	if given := m.o.Columns; len(given) > 0 {
		text = "INSERT INTO " + sqltext.SQLite.Ident(m.table.name) + " (" + m.names(given, "") + ") VALUES (?" + strings.Repeat(", ?", len(given)-1) + ")"
		if m.o.SkipDuplicates {
			text += " ON CONFLICT"
			if len(m.o.OnColumns) > 0 {
				text += " (" + m.names(m.o.OnColumns, "") + ")"
			}
			text += " DO NOTHING"
		}
	}
	if err := m.prepare(text); err != nil {
		return nil, err
	}
	for r := range n {
		for k, c := range m.o.Columns {
			if err := m.bind(k, c, cols[c], r); err != nil {
				return nil, err
			}
		}
		if err := m.run(ctx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Update implements connector.Updater.
func (m *modification) Update(ctx context.Context, ids *vector.Vec, cols []*vector.Vec, n int) error {
	id := len(m.table.columns) - 1
	if err := m.prepare("UPDATE " + sqltext.SQLite.Ident(m.table.name) + " SET " + m.names(m.o.Columns, " = ?") + " WHERE " + m.names([]int{id}, " = ?")); err != nil {
		return err
	}
	for r := range n {
		for k, c := range m.o.Columns {
			if err := m.bind(k, c, cols[k], r); err != nil {
				return err
			}
		}
		if err := m.bind(len(m.o.Columns), id, ids, r); err != nil {
			return err
		}
		if err := m.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Delete implements connector.Modification.
func (m *modification) Delete(ctx context.Context, ids *vector.Vec, _ []int32, n int) ([]int32, error) {
	id := len(m.table.columns) - 1
	if err := m.prepare("DELETE FROM " + sqltext.SQLite.Ident(m.table.name) + " WHERE " + m.names([]int{id}, " = ?")); err != nil {
		return nil, err
	}
	for r := range n {
		if err := m.bind(0, id, ids, r); err != nil {
			return nil, err
		}
		if err := m.run(ctx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// digits is how many digits of a decimal SQLite keeps.
const digits = 15

// bind makes row r of v, a value for a column, parameter k.
func (m *modification) bind(k, column int, v *vector.Vec, r int) error {
	tls, p, at := m.tx.conn.tls, m.stmt.p, int32(k+1)
	if v.IsNull(r) {
		return m.bound(sqlite3.Xsqlite3_bind_null(tls, p, at))
	}
	d := v.Datum(r)
	lost := func(what string) error {
		return pgerror.Source(m.tx.source.name, pgerror.NumericValueOutOfRange, "SQLite cannot store the value of column \""+m.table.columns[column].Name+"\": "+what, nil)
	}
	switch v.Type.OID {
	case types.Bool, types.Int2, types.Int4, types.Int8:
		return m.bound(sqlite3.Xsqlite3_bind_int64(tls, p, at, d.I))
	case types.Float4, types.Float8:
		f := d.Float()
		if math.IsNaN(f) {
			return lost("it has no NaN")
		}
		return m.bound(sqlite3.Xsqlite3_bind_double(tls, p, at, f))
	case types.Numeric:
		m.text = types.AppendText(m.text[:0], v.Type, d, m.format)
		text := string(m.text)
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return m.bound(sqlite3.Xsqlite3_bind_int64(tls, p, at, i))
		}
		plain := strings.Trim(strings.ReplaceAll(strings.TrimLeft(text, "-"), ".", ""), "0")
		if strings.Trim(plain, "0123456789") != "" || len(plain) > digits {
			return lost("it keeps 15 digits of a decimal")
		}
	case types.Date, types.Timestamp, types.TimestampTZ:
		m.text = types.AppendText(m.text[:0], v.Type, d, m.format)
		if strings.HasSuffix(string(m.text), "infinity") || strings.HasSuffix(string(m.text), "BC") {
			return lost("it is outside the range of dates")
		}
	case types.Bytea:
		m.keep([]byte(d.S))
		return m.bound(sqlite3.Xsqlite3_bind_blob(tls, p, at, m.buf, int32(len(d.S)), transient))
	default:
		if v.Type.OID.IsEnum() {
			m.text = append(m.text[:0], types.EnumText(d.S)...)
		} else {
			m.text = types.AppendText(m.text[:0], v.Type, d, m.format)
		}
	}
	m.keep(m.text)
	return m.bound(sqlite3.Xsqlite3_bind_text(tls, p, at, m.buf, int32(len(m.text)), transient))
}

// transient makes SQLite copy what is bound.
const transient = ^uintptr(0)

// keep puts bytes into SQLite's memory.
func (m *modification) keep(b []byte) {
	if m.buf == 0 || len(b) > m.room {
		m.free()
		m.room = max(2*len(b), 256)
		m.buf = libc.Xmalloc(m.tx.conn.tls, libc.Tsize_t(m.room))
	}
	copy(unsafe.Slice((*byte)(pointer(m.buf)), m.room), b)
}

// free gives the memory of keep back.
func (m *modification) free() {
	if m.buf != 0 && m.tx.conn != nil {
		libc.Xfree(m.tx.conn.tls, m.buf)
	}
	m.buf = 0
}

// bound is the error of a bind.
func (m *modification) bound(rc int32) error {
	if rc == sqlite3.SQLITE_OK {
		return nil
	}
	return m.tx.conn.clientError(m.tx.conn.result(rc))
}

// Finish implements connector.Modification: every row is there already.
func (m *modification) Finish(context.Context) error { return nil }

// Changed implements connector.Updater.
func (m *modification) Changed() int64 { return m.changed }

// Close implements connector.Modification.
func (m *modification) Close() {
	if m.tx.conn == nil {
		return
	}
	m.stmt.close()
	m.free()
	if m.in != nil {
		m.in.slots.Close()
		m.in = nil
	}
}
