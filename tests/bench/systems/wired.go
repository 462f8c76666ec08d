package systems

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Wired is a system that speaks PostgreSQL's protocol.
type Wired struct {
	name string
	// Conn is the connection that statements go over.
	Conn *pgconn.PgConn
	// processor tells the processor time used so far; nil when nobody knows.
	processor func() (time.Duration, error)
}

// Dial connects to a server.
func Dial(ctx context.Context, name, url string) (*Wired, error) {
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Wired{name: name, Conn: conn}, nil
}

// Name implements System.
func (w *Wired) Name() string { return w.name }

// Close ends the connection.
func (w *Wired) Close() { w.Conn.Close(context.Background()) }

// Exec runs statements.
func (w *Wired) Exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := w.Conn.Exec(ctx, s).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w\n%.300s", w.name, err, s)
		}
	}
	return nil
}

// Answer implements System.
func (w *Wired) Answer(ctx context.Context, sql string) ([][]string, error) {
	r := w.Conn.ExecParams(ctx, sql, nil, nil, nil, nil)
	var out [][]string
	for r.NextRow() {
		row := make([]string, len(r.Values()))
		for i, v := range r.Values() {
			row[i] = "NULL"
			if v != nil {
				row[i] = string(v)
			}
		}
		out = append(out, row)
	}
	_, err := r.Close()
	return out, err
}

// Time implements System.
func (w *Wired) Time(ctx context.Context, sql string) (Sample, error) {
	return w.TimeFormat(ctx, sql, false)
}

// TimeFormat is Time with rows in the text or the binary format.
func (w *Wired) TimeFormat(ctx context.Context, sql string, binary bool) (Sample, error) {
	var formats []int16
	if binary {
		formats = []int16{1}
	}
	var s Sample
	before, err := w.used()
	if err != nil {
		return s, err
	}
	started := time.Now()
	r := w.Conn.ExecParams(ctx, sql, nil, nil, nil, formats)
	for r.NextRow() {
		s.Rows++
	}
	_, err = r.Close()
	s.Wall = time.Since(started)
	if err != nil {
		return s, err
	}
	after, err := w.used()
	s.CPU = after - before
	return s, err
}

func (w *Wired) used() (time.Duration, error) {
	if w.processor == nil {
		return 0, nil
	}
	return w.processor()
}

// State returns the SQLSTATE of an error of a server, "" for other errors.
func State(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// Explained adds the detail of an error of a server to its text.
func Explained(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Detail != "" {
		return err.Error() + ": " + e.Detail
	}
	return err.Error()
}
