package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// connBytes is charged for each open connection: SQLite's page cache and a bit.
const connBytes = 2 << 20

// busySlice is how long SQLite itself waits for a lock; busyLimit is how long
// the waiting is repeated in all. A cancel is noticed between the slices.
const (
	busySlice = 250 * time.Millisecond
	busyLimit = 10 * time.Second
)

// conn is one connection, spoken to below database/sql: values go from
// the row into the vectors without a Go value of their own. One goroutine uses
// it at a time; only interrupt may come from another.
type conn struct {
	source string
	file   string
	tls    *libc.TLS
	db     uintptr

	mu     sync.Mutex
	active bool // an interrupt has something to interrupt
}

// resultError is an SQLite result code with its message.
type resultError struct {
	code int32
	text string
}

// Error implements error.
func (e *resultError) Error() string { return fmt.Sprintf("%s (%d)", e.text, e.code) }

// openConn opens the file read-only.
func openConn(source, file string) (*conn, error) {
	return openFile(source, file, sqlite3.SQLITE_OPEN_READONLY, "PRAGMA query_only=1", "PRAGMA trusted_schema=0")
}

// openWriter opens the file, which must be there, for changes.
func openWriter(source, file string) (*conn, error) {
	c, err := openFile(source, file, sqlite3.SQLITE_OPEN_READWRITE, "PRAGMA foreign_keys=1", "PRAGMA trusted_schema=0")
	if err == nil {
		sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	}
	return c, err
}

// openFile opens the file and runs pragmas.
func openFile(source, file string, mode int32, pragmas ...string) (*conn, error) {
	c := &conn{source: source, file: file, tls: libc.NewTLS()}
	name, err := libc.CString(file)
	if err != nil {
		c.tls.Close()
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	size := int(unsafe.Sizeof(uintptr(0)))
	out := c.tls.Alloc(size)
	defer c.tls.Free(size)
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, out, mode|sqlite3.SQLITE_OPEN_FULLMUTEX, 0)
	c.db = *(*uintptr)(pointer(out))
	if rc != sqlite3.SQLITE_OK {
		err := c.result(rc)
		c.close()
		return nil, c.clientError(err)
	}
	sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(busySlice.Milliseconds()))
	for _, pragma := range pragmas {
		if err := c.each(context.Background(), pragma, func(*stmt) error { return nil }); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// pointer turns an address of SQLite's memory, which the collector does not
// move, into a pointer.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// close ends the connection; statements have been finalized.
func (c *conn) close() {
	if c.db != 0 {
		sqlite3.Xsqlite3_close_v2(c.tls, c.db)
		c.db = 0
	}
	c.tls.Close()
}

// result makes an error of a result code.
func (c *conn) result(rc int32) error {
	text := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))
	if c.db != 0 {
		if m := libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db)); m != "" && (rc&0xff == sqlite3.SQLITE_ERROR || constraintCode(rc) != "") {
			text = m
		}
	}
	return &resultError{rc, text}
}

// constraintCode is the SQLSTATE of a violated constraint whose message names
// objects and no values, "" for other codes.
func constraintCode(rc int32) pgerror.Code {
	switch rc {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return pgerror.UniqueViolation
	case sqlite3.SQLITE_CONSTRAINT_NOTNULL:
		return pgerror.NotNullViolation
	case sqlite3.SQLITE_CONSTRAINT_CHECK:
		return pgerror.CheckViolation
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return pgerror.ForeignKeyViolation
	}
	return ""
}

// clientError gives an error of SQLite its SQLSTATE and the source's name.
func (c *conn) clientError(err error) error {
	var r *resultError
	if !errors.As(err, &r) {
		return err
	}
	code, message := pgerror.FDWError, r.text
	if known := constraintCode(r.code); known != "" {
		return pgerror.Source(c.source, known, message, r)
	}
	switch r.code & 0xff {
	case sqlite3.SQLITE_READONLY:
		code = pgerror.ReadOnlySQLTransaction
	case sqlite3.SQLITE_CONSTRAINT:
		// A trigger's message may hold values.
		code, message = pgerror.CheckViolation, "the change was refused"
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		code, message = pgerror.UnableToConnect, fmt.Sprintf("could not open database file \"%s\": %s", c.file, r.text)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		code = pgerror.DataCorrupted
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL:
		code = pgerror.ConnectionFailure
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		code = pgerror.LockNotAvailable
	case sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_TOOBIG:
		code = pgerror.OutOfMemory
	}
	return pgerror.Source(c.source, code, message, r)
}

// watch makes the end of ctx interrupt what the connection does until the
// returned function is called.
func (c *conn) watch(ctx context.Context) (done func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	c.mu.Lock()
	c.active = true
	c.mu.Unlock()
	stop := context.AfterFunc(ctx, c.interrupt)
	return func() {
		stop()
		c.mu.Lock()
		c.active = false
		c.mu.Unlock()
	}
}

// interrupt stops a running statement. It may be called from any goroutine.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.active || c.db == 0 {
		return
	}
	tls := libc.NewTLS()
	sqlite3.Xsqlite3_interrupt(tls, c.db)
	tls.Close()
}

// stmt is a prepared statement.
type stmt struct {
	c    *conn
	p    uintptr
	rows int64
}

// prepare compiles one statement.
func (c *conn) prepare(query string) (*stmt, error) {
	text, err := libc.CString(query)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	size := int(unsafe.Sizeof(uintptr(0)))
	out := c.tls.Alloc(size)
	defer c.tls.Free(size)
	deadline := time.Now().Add(busyLimit)
	for {
		rc := sqlite3.Xsqlite3_prepare_v2(c.tls, c.db, text, -1, out, 0)
		if rc == sqlite3.SQLITE_OK {
			return &stmt{c: c, p: *(*uintptr)(pointer(out))}, nil
		}
		if rc&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return nil, c.clientError(c.result(rc))
		}
	}
}

// step moves to the next row; false at the end. ctx must be watched.
func (s *stmt) step(ctx context.Context) (bool, error) {
	var deadline time.Time
	for {
		rc := sqlite3.Xsqlite3_step(s.c.tls, s.p)
		switch rc {
		case sqlite3.SQLITE_ROW:
			s.rows++
			return true, nil
		case sqlite3.SQLITE_DONE:
			return false, nil
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if rc&0xff == sqlite3.SQLITE_BUSY && s.rows == 0 {
			// The lock can still be waited for: nothing was delivered yet.
			if deadline.IsZero() {
				deadline = time.Now().Add(busyLimit)
			}
			if time.Now().Before(deadline) {
				sqlite3.Xsqlite3_reset(s.c.tls, s.p)
				continue
			}
		}
		return false, s.c.clientError(s.c.result(rc))
	}
}

// close finalizes the statement; it may be called twice.
func (s *stmt) close() {
	if s != nil && s.p != 0 {
		sqlite3.Xsqlite3_finalize(s.c.tls, s.p)
		s.p = 0
	}
}

// kind returns the type of a value of the row.
func (s *stmt) kind(i int) int32 { return sqlite3.Xsqlite3_column_type(s.c.tls, s.p, int32(i)) }

// int returns an INTEGER value.
func (s *stmt) int(i int) int64 { return sqlite3.Xsqlite3_column_int64(s.c.tls, s.p, int32(i)) }

// float returns a REAL value.
func (s *stmt) float(i int) float64 { return sqlite3.Xsqlite3_column_double(s.c.tls, s.p, int32(i)) }

// text returns a TEXT value; it lives until the next step.
func (s *stmt) text(i int) []byte {
	p := sqlite3.Xsqlite3_column_text(s.c.tls, s.p, int32(i))
	return s.bytes(p, i)
}

// blob returns a BLOB value; it lives until the next step.
func (s *stmt) blob(i int) []byte {
	p := sqlite3.Xsqlite3_column_blob(s.c.tls, s.p, int32(i))
	return s.bytes(p, i)
}

// bytes views the memory of a value.
func (s *stmt) bytes(p uintptr, i int) []byte {
	n := sqlite3.Xsqlite3_column_bytes(s.c.tls, s.p, int32(i))
	if p == 0 || n <= 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(p)), int(n))
}

// string returns a value as a string of its own, "" for NULL.
func (s *stmt) string(i int) string { return string(s.text(i)) }

// each runs a query and calls f for each row.
func (c *conn) each(ctx context.Context, query string, f func(*stmt) error) error {
	done := c.watch(ctx)
	defer done()
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	defer s.close()
	for {
		ok, err := s.step(ctx)
		if err != nil || !ok {
			return err
		}
		if err := f(s); err != nil {
			return err
		}
	}
}
