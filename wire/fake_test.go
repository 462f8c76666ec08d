package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire"
	"github.com/hubsql/hubsql/wire/pgerror"
	"github.com/hubsql/hubsql/wire/scram"
)

// fakeBackend answers a handful of canned statements.
type fakeBackend struct {
	secrets map[string]scram.Secret
	running atomic.Int32  // statements inside sleep
	causes  chan error    // why sleeps ended
	release chan struct{} // ends sleeps
	open    atomic.Int32  // portals not closed
	mu      sync.Mutex
	starts  []wire.Startup
}

func newFake() *fakeBackend {
	return &fakeBackend{secrets: map[string]scram.Secret{}, causes: make(chan error, 16), release: make(chan struct{})}
}

func (b *fakeBackend) Secret(_ context.Context, user string) (scram.Secret, bool, error) {
	s, ok := b.secrets[user]
	return s, ok, nil
}

func (b *fakeBackend) Open(_ context.Context, start wire.Startup) (wire.Session, error) {
	b.mu.Lock()
	b.starts = append(b.starts, start)
	b.mu.Unlock()
	if start.Database == "nosuch" {
		return nil, pgerror.Newf(pgerror.InvalidCatalogName, "database %q does not exist", start.Database)
	}
	s := &fakeSession{backend: b, start: start, tx: 'I', format: types.DefaultFormat(), vars: map[string]string{
		"application_name": "", "client_encoding": "UTF8", "DateStyle": "ISO, MDY", "integer_datetimes": "on",
		"server_version": "15.18", "standard_conforming_strings": "on", "TimeZone": "UTC",
	}, other: map[string]string{}, changed: true}
	for _, set := range start.Settings {
		s.set(set.Name, set.Value)
	}
	return s, nil
}

type fakeSession struct {
	backend *fakeBackend
	start   wire.Startup
	tx      byte
	format  *types.Format
	vars    map[string]string // reported
	other   map[string]string
	changed bool
}

func (s *fakeSession) set(name, value string) {
	for known := range s.vars {
		if strings.EqualFold(known, name) {
			s.vars[known] = value
			s.changed = true
			return
		}
	}
	s.other[strings.ToLower(name)] = value
}

func (s *fakeSession) Settings() wire.Settings { return s }
func (s *fakeSession) Format() *types.Format   { return s.format }
func (s *fakeSession) Get(name string) string  { return s.other[name] }
func (s *fakeSession) TxStatus() byte          { return s.tx }
func (s *fakeSession) Close()                  {}

func (s *fakeSession) IdleTimeout(inTransaction bool) time.Duration {
	name := "idle_session_timeout"
	if inTransaction {
		name = "idle_in_transaction_session_timeout"
	}
	d, _ := time.ParseDuration(s.other[name])
	return d
}

func (s *fakeSession) Reported() []wire.Setting {
	if !s.changed {
		return nil
	}
	s.changed = false
	var out []wire.Setting
	for _, name := range slices.Sorted(maps.Keys(s.vars)) {
		out = append(out, wire.Setting{Name: name, Value: s.vars[name]})
	}
	return out
}

func (s *fakeSession) End(_ context.Context, failed bool) error {
	if failed && s.tx == 'T' {
		s.tx = 'E'
	}
	return nil
}

type fakeQuery string

func (q fakeQuery) String() string { return string(q) }

func (s *fakeSession) Parse(_ context.Context, sql string) ([]wire.Query, error) {
	var out []wire.Query
	for part := range strings.SplitSeq(sql, ";") {
		part = strings.TrimSpace(part)
		if part == "syntax" {
			return nil, pgerror.New(pgerror.SyntaxError, `syntax error at or near "syntax"`).At(strings.Index(sql, "syntax") + 1)
		}
		if part != "" {
			out = append(out, fakeQuery(part))
		}
	}
	return out, nil
}

var (
	colN    = wire.Column{Name: "n", Type: types.Of(types.Int8)}
	colText = wire.Column{Name: "t", Type: types.Of(types.Text), TableOID: 16384, Attnum: 2}
)

func (s *fakeSession) Prepare(_ context.Context, q wire.Query, declared []types.OID) (wire.Prepared, error) {
	words := strings.Fields(q.String())
	p := &fakePrepared{s: s, words: words, declared: declared}
	if s.tx == 'E' && words[0] != "commit" && words[0] != "rollback" {
		return nil, pgerror.New(pgerror.InFailedSQLTransaction, "current transaction is aborted, commands ignored until end of transaction block")
	}
	switch words[0] {
	case "rows", "fetch":
		p.columns = []wire.Column{colN, colText}
	case "sleep":
		p.columns = []wire.Column{colN}
	case "show":
		p.columns = []wire.Column{colText}
	case "missing":
		return nil, pgerror.New(pgerror.UndefinedColumn, `column "missing" does not exist`).At(8).WithHint("a hint").WithDetail("a detail")
	case "echo":
		for i := range words[1:] {
			oid := types.Text
			if i < len(declared) && declared[i] != 0 {
				oid = declared[i]
			}
			p.params = append(p.params, oid)
			p.columns = append(p.columns, wire.Column{Name: "p" + strconv.Itoa(i+1), Type: types.Of(oid)})
		}
	case "all":
		for _, v := range allTypes() {
			p.columns = append(p.columns, wire.Column{Name: types.Lookup(v.Type.OID).Name, Type: v.Type})
		}
	}
	return p, nil
}

type fakePrepared struct {
	s        *fakeSession
	words    []string
	declared []types.OID
	params   []types.OID
	columns  []wire.Column
}

func (p *fakePrepared) Params() []types.OID    { return p.params }
func (p *fakePrepared) Columns() []wire.Column { return p.columns }
func (p *fakePrepared) Close()                 {}
func (p *fakePrepared) Bind(_ context.Context, params []types.Datum) (wire.Portal, error) {
	p.s.backend.open.Add(1)
	return &fakePortal{fakePrepared: p, values: params}, nil
}

type fakePortal struct {
	*fakePrepared
	values []types.Datum
	sent   int
	done   bool
	tag    string
	closed bool
}

func (p *fakePortal) Close() {
	if p.closed {
		panic("portal closed twice")
	}
	p.closed = true
	p.s.backend.open.Add(-1)
}

func (p *fakePortal) Tag(rows int64) string {
	switch p.words[0] {
	case "rows", "echo", "all", "sleep":
		return fmt.Sprintf("SELECT %d", rows)
	case "fetch":
		return fmt.Sprintf("FETCH %d", rows)
	case "copy":
		return fmt.Sprintf("COPY %d", rows)
	}
	if p.tag != "" {
		return p.tag
	}
	return strings.ToUpper(p.words[0])
}

func (p *fakePortal) CopyOut() *wire.CopyOut {
	if p.words[0] != "copy" {
		return nil
	}
	out := &wire.CopyOut{Columns: []wire.Column{colN, colText}, Null: `\N`}
	switch p.words[1] {
	case "csv":
		out.Format, out.Null, out.Header = wire.CopyCSV, "", true
	case "binary":
		out.Format = wire.CopyBinary
	}
	return out
}

// rowsBatch returns n rows starting at from; every seventh text is NULL.
func rowsBatch(from, n int) *vector.Batch {
	a, b := vector.New(types.Of(types.Int8), n), vector.New(types.Of(types.Text), n)
	for i := range n {
		a.Int64s()[i] = int64(from + i)
		if (from+i)%7 == 0 {
			b.SetNull(i, n)
			b.SetString(i, "")
		} else {
			b.SetString(i, "row "+strconv.Itoa(from+i))
		}
	}
	return &vector.Batch{N: n, Cols: []*vector.Vec{a, b}}
}

func (p *fakePortal) Next(ctx context.Context) (*vector.Batch, error) {
	if p.done {
		return nil, io.EOF
	}
	s := p.s
	switch p.words[0] {
	case "rows", "copy":
		total, _ := strconv.Atoi(p.words[len(p.words)-1])
		n := min(100, total-p.sent)
		if n <= 0 {
			p.done = true
			return nil, io.EOF
		}
		p.sent += n
		return rowsBatch(p.sent-n+1, n), nil
	case "sleep":
		s.backend.running.Add(1)
		defer s.backend.running.Add(-1)
		p.done = true
		select {
		case <-ctx.Done():
			s.backend.causes <- context.Cause(ctx)
			return nil, ctx.Err()
		case <-s.backend.release:
		case <-time.After(20 * time.Second):
			return nil, errors.New("nobody ended the sleep")
		}
		v := vector.FromDatums(colN.Type, []types.Datum{types.IntDatum(1)})
		return &vector.Batch{N: 1, Cols: []*vector.Vec{v}}, nil
	case "fetch":
		cur, err := s.start.Names.Cursor(p.words[2])
		if err != nil {
			return nil, err
		}
		total, _ := strconv.Atoi(p.words[1])
		if p.sent >= total {
			return nil, io.EOF
		}
		b, err := cur.Next(ctx, total-p.sent)
		if err == nil {
			p.sent += b.Rows()
		}
		return b, err
	}
	p.done = true
	switch p.words[0] {
	case "begin":
		s.tx = 'T'
	case "commit", "rollback":
		if s.tx == 'E' {
			p.tag = "ROLLBACK"
		}
		s.tx = 'I'
	case "set":
		s.set(p.words[1], p.words[3])
	case "show":
		v := vector.FromDatums(colText.Type, []types.Datum{types.TextDatum(s.other[p.words[1]])})
		return &vector.Batch{N: 1, Cols: []*vector.Vec{v}}, nil
	case "notice":
		s.start.Notice(pgerror.Noticef(pgerror.SuccessfulCompletion, "%s", p.words[1]))
	case "warning":
		s.start.Notice(pgerror.Warningf(pgerror.WarningCode, "%s", p.words[1]))
	case "panic":
		var none []int
		_ = none[3]
	case "fail":
		return nil, pgerror.New(pgerror.DivisionByZero, "division by zero")
	case "broken":
		return nil, errors.New("secret internal detail")
	case "fatal":
		return nil, pgerror.Fatalf(pgerror.AdminShutdown, "bye")
	case "declare":
		inner, _ := s.Prepare(ctx, fakeQuery(strings.Join(p.words[2:], " ")), nil)
		portal, _ := inner.Bind(ctx, nil)
		p.tag = "DECLARE CURSOR"
		if err := s.start.Names.AddCursor(&wire.Cursor{Name: p.words[1], Portal: portal}); err != nil {
			return nil, err
		}
	case "prepare":
		inner, _ := s.Prepare(ctx, fakeQuery(strings.Join(p.words[2:], " ")), nil)
		return nil, errOr(s.start.Names.AddStatement(&wire.Statement{Name: p.words[1], Text: "x", Prepared: inner, FromSQL: true}))
	case "echo":
		b := &vector.Batch{N: 1}
		for i, d := range p.values {
			b.Cols = append(b.Cols, vector.FromDatums(p.columns[i].Type, []types.Datum{d}))
		}
		return b, nil
	case "all":
		return &vector.Batch{N: 2, Cols: allTypes()}, nil
	}
	return nil, io.EOF
}

func errOr(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// allTypes returns columns of two rows, the second NULL, one for every way of
// encoding.
func allTypes() []*vector.Vec {
	var out []*vector.Vec
	add := func(oid types.OID, text string) {
		d, err := types.ParseText(types.Of(oid), text, nil)
		if err != nil {
			panic(err)
		}
		out = append(out, vector.FromDatums(types.Of(oid), []types.Datum{d, types.Null}))
	}
	add(types.Bool, "t")
	add(types.Int2, "-32768")
	add(types.Int4, "-2147483648")
	add(types.Int8, "-9223372036854775808")
	add(types.Oid, "4294967295")
	add(types.Float4, "1.5")
	add(types.Float8, "-0.1")
	add(types.Numeric, "-12345.6789000")
	add(types.Text, "größer\t\"x\"")
	add(types.VarChar, "")
	add(types.Bytea, `\x00ff10`)
	add(types.Date, "1999-12-31")
	add(types.Time, "23:59:59.5")
	add(types.Timestamp, "1969-12-31 23:59:59.000001")
	add(types.TimestampTZ, "2024-02-29 12:00:00+02")
	add(types.Interval, "1 mon 2 days 03:04:05")
	add(types.UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
	add(types.JSON, `{"a": 1}`)
	add(types.JSONB, `{"a": 1}`)
	scaled := vector.NewScaled(types.NumericType(10, 2), 2, 2)
	scaled.Int64s()[0] = -5
	scaled.SetNull(1, 2)
	return append(out, scaled)
}

// discard is a log that keeps nothing.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
