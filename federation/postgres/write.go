package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

const (
	// writeBytes is how much waits before it is sent, writeRows how many rows of a
	// statement that lists them.
	writeBytes = 1 << 20
	writeRows  = 1000
)

// Identify implements connector.Transactor: a row is known by its place, which
// nothing changes that the transaction's state does not show.
func (s *source) Identify(_ context.Context, th connector.TableHandle) (connector.TableHandle, error) {
	h := th.(*handle)
	if strings.IndexByte("rp", h.table.kind) < 0 {
		return nil, pgerror.Source(s.name, pgerror.FeatureNotSupported, "the rows of \""+h.table.name+"\" cannot be told apart, since it is not a table", nil)
	}
	t := *h.table
	const place = "tableoid::text || ctid::text"
	c := column{
		Column: connector.Column{Name: "ctid", Type: types.Of(types.Text), NotNull: true, Hidden: true},
		expr:   place, wire: types.Of(types.Text),
		push: sqltext.Column{Name: "ctid", SQL: place, Type: types.Of(types.Text), Local: "the place of a row is not compared"},
	}
	t.columns = append(slices.Clip(t.columns), c)
	t.ranged = false
	return newHandle(s, &t), nil
}

// Modify implements connector.Modifier.
func (s *source) Modify(ctx context.Context, th connector.TableHandle, o connector.ModifyOptions) (connector.Modification, error) {
	tx, ok := connector.TransactionOf(ctx, s).(*transaction)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "a table of a source is changed outside a transaction")
	}
	h := th.(*handle)
	m := &modification{tx: tx, h: h, table: h.table, o: o, format: types.DefaultFormat()}
	if o.Format != nil {
		m.format.Names = o.Format.Names
	}
	m.target = sqltext.Postgres.Qualified(m.table.schema, m.table.name)
	if err := m.describe(ctx); err != nil {
		return nil, err
	}
	if o.Account != nil {
		if err := o.Account.Reserve(writeBytes); err != nil {
			return nil, err
		}
		m.held = writeBytes
	}
	return m, nil
}

// modification is what one statement changes. It implements connector.Updater.
type modification struct {
	tx     *transaction
	h      *handle
	table  *table
	o      connector.ModifyOptions
	format *types.Format
	target string // the table's name in SQL
	// types are the types of the columns at the server, for casts.
	types map[string]string
	// copies is set when rows are inserted by COPY.
	copies  bool
	buf     bytes.Buffer
	queued  int // rows in buf
	changed int64
	held    int64
	text    []byte
	send    func(ctx context.Context) (int64, error)
}

// describe asks for what the description of a table for reading leaves out.
func (m *modification) describe(ctx context.Context) error {
	rows, err := m.tx.rows(ctx, `SELECT a.attname, format_type(a.atttypid, -1), coalesce(to_jsonb(a)->>'attidentity', '') = 'a',
  c.relkind IN ('r', 'p') AND NOT c.relrowsecurity AND NOT c.relhasrules
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attrelid = `+m.table.oid+` AND a.attnum > 0 AND NOT a.attisdropped`)
	if err != nil {
		return err
	}
	m.types = map[string]string{}
	given := map[string]bool{}
	for _, c := range m.o.Columns {
		given[m.table.columns[c].remote] = true
	}
	// COPY knows neither rules nor row security, and stores a value in a column
	// that is GENERATED ALWAYS.
	m.copies = m.o.Returned == nil && !m.o.SkipDuplicates && len(m.o.Columns) > 0
	for _, r := range rows {
		m.types[string(r[0])] = string(r[1])
		if string(r[3]) != "t" || string(r[2]) == "t" && given[string(r[0])] {
			m.copies = false
		}
	}
	return nil
}

// value returns the text of a value; it is valid until the next call.
func (m *modification) value(v *vector.Vec, r int) []byte {
	d := v.Datum(r)
	if v.Type.OID.IsEnum() {
		m.text = append(m.text[:0], types.EnumText(d.S)...)
	} else {
		m.text = types.AppendText(m.text[:0], v.Type, d, m.format)
	}
	return m.text
}

// literal adds a value as an untyped literal.
func (m *modification) literal(v *vector.Vec, r int) {
	if v.IsNull(r) {
		m.buf.WriteString("NULL")
		return
	}
	m.buf.WriteByte('\'')
	quoteInto(&m.buf, m.value(v, r))
	m.buf.WriteByte('\'')
}

// quoteInto doubles quotes.
func quoteInto(b *bytes.Buffer, text []byte) {
	for {
		i := bytes.IndexByte(text, '\'')
		if i < 0 {
			b.Write(text)
			return
		}
		b.Write(text[:i+1])
		b.WriteByte('\'')
		text = text[i+1:]
	}
}

// copyField adds a value in COPY's text format.
func (m *modification) copyField(v *vector.Vec, r int) {
	if v.IsNull(r) {
		m.buf.WriteString(`\N`)
		return
	}
	text := m.value(v, r)
	from := 0
	for i, c := range text {
		var e string
		switch c {
		case '\\':
			e = `\\`
		case '\t':
			e = `\t`
		case '\n':
			e = `\n`
		case '\r':
			e = `\r`
		default:
			continue
		}
		m.buf.Write(text[from:i])
		m.buf.WriteString(e)
		from = i + 1
	}
	m.buf.Write(text[from:])
}

// names lists columns in SQL.
func (m *modification) names(columns []int) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = sqltext.Postgres.Ident(m.table.columns[c].remote)
	}
	return strings.Join(out, ", ")
}

// queue begins the next row of a statement that begins with head and is finished
// by send.
func (m *modification) queue(ctx context.Context, send func(ctx context.Context) (int64, error)) error {
	if m.queued >= writeRows && !m.copies || m.buf.Len() >= writeBytes {
		if err := m.flush(ctx); err != nil {
			return err
		}
	}
	m.send = send
	m.queued++
	return nil
}

// flush sends what waits.
func (m *modification) flush(ctx context.Context) error {
	if m.queued == 0 {
		return nil
	}
	if grown := int64(m.buf.Cap()) - m.held; grown > 0 && m.o.Account != nil {
		if err := m.o.Account.Reserve(grown); err != nil {
			return err
		}
		m.held += grown
	}
	n, err := m.send(ctx)
	m.buf.Reset()
	m.queued = 0
	m.changed += n
	return err
}

// Insert implements connector.Modification.
func (m *modification) Insert(ctx context.Context, cols []*vector.Vec, _ []int32, n int) ([]int32, error) {
	given := m.o.Columns
	for r := range n {
		switch {
		case len(given) == 0:
			// Rows of defaults cannot be listed.
			if err := m.flush(ctx); err != nil {
				return nil, err
			}
			m.queued, m.send = 1, m.sendInsert
		case m.copies:
			if err := m.queue(ctx, m.sendCopy); err != nil {
				return nil, err
			}
			for k, c := range given {
				if k > 0 {
					m.buf.WriteByte('\t')
				}
				m.copyField(cols[c], r)
			}
			m.buf.WriteByte('\n')
		default:
			if err := m.queue(ctx, m.sendInsert); err != nil {
				return nil, err
			}
			m.row(func() {
				for k, c := range given {
					if k > 0 {
						m.buf.WriteString(", ")
					}
					m.literal(cols[c], r)
				}
			})
		}
	}
	return nil, nil
}

// row adds one row of VALUES.
func (m *modification) row(fields func()) {
	if m.queued > 1 {
		m.buf.WriteString(", ")
	}
	m.buf.WriteByte('(')
	fields()
	m.buf.WriteByte(')')
}

// sendCopy sends the rows that wait by COPY.
func (m *modification) sendCopy(ctx context.Context) (int64, error) {
	if err := m.tx.lost(); err != nil {
		return 0, err
	}
	tag, err := m.tx.conn.pg.CopyFrom(ctx, bytes.NewReader(m.buf.Bytes()), "COPY "+m.target+" ("+m.names(m.o.Columns)+") FROM STDIN")
	return tag.RowsAffected(), m.tx.source.failure(ctx, err, false)
}

// sendInsert sends the rows that wait as one INSERT.
func (m *modification) sendInsert(ctx context.Context) (int64, error) {
	sql := "INSERT INTO " + m.target + " DEFAULT VALUES"
	if len(m.o.Columns) > 0 {
		sql = "INSERT INTO " + m.target + " (" + m.names(m.o.Columns) + ") VALUES " + m.buf.String()
	}
	if m.o.SkipDuplicates {
		sql += " ON CONFLICT"
		if len(m.o.OnColumns) > 0 {
			sql += " (" + m.names(m.o.OnColumns) + ")"
		}
		sql += " DO NOTHING"
	}
	if m.o.Returned == nil {
		return m.tx.exec(ctx, sql)
	}
	return m.returning(ctx, sql)
}

// returning executes an INSERT and passes on the rows that the server has stored.
func (m *modification) returning(ctx context.Context, sql string) (n int64, err error) {
	if err := m.tx.lost(); err != nil {
		return 0, err
	}
	var list []string
	for _, o := range m.h.relation.Outputs {
		list = append(list, o.Select.Text)
	}
	o := connector.ScanOptions{Account: m.o.Account, BatchSize: vector.BatchSize, Format: m.o.Format}
	r, err := m.tx.source.readText(ctx, m.h, sql+" RETURNING "+strings.Join(list, ", "), stream{conn: m.tx.conn, tx: m.tx}, sqltext.Dynamic{}, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var b vector.Batch
	for {
		switch err := r.Next(ctx, &b); err {
		case nil:
		case io.EOF:
			return n, nil
		default:
			return n, err
		}
		n += int64(b.N)
		if err := m.o.Returned(b.Cols, b.N); err != nil {
			return n, err
		}
	}
}

// place adds the identity of a row, as two values.
func (m *modification) place(ids *vector.Vec, r int) {
	table, ctid, _ := strings.Cut(string(ids.Bytes(r)), "(")
	m.buf.WriteString("'" + table + "'::oid, '(" + ctid + "'::tid")
}

// Update implements connector.Updater.
func (m *modification) Update(ctx context.Context, ids *vector.Vec, cols []*vector.Vec, n int) error {
	for r := range n {
		if err := m.queue(ctx, m.sendUpdate); err != nil {
			return err
		}
		m.row(func() {
			m.place(ids, r)
			for k, c := range m.o.Columns {
				m.buf.WriteString(", ")
				m.literal(cols[k], r)
				if m.queued == 1 {
					// The first row gives the column its type.
					m.buf.WriteString("::" + m.types[m.table.columns[c].remote])
				}
			}
		})
	}
	return nil
}

// sendUpdate sends the rows that wait as one UPDATE.
func (m *modification) sendUpdate(ctx context.Context) (int64, error) {
	names, set := "", ""
	for k, c := range m.o.Columns {
		v := "c" + strconv.Itoa(k)
		names += ", " + v
		if k > 0 {
			set += ", "
		}
		set += sqltext.Postgres.Ident(m.table.columns[c].remote) + " = v." + v
	}
	return m.tx.exec(ctx, "UPDATE "+m.target+" AS t SET "+set+" FROM (VALUES "+m.buf.String()+") AS v (part, place"+names+
		") WHERE t.tableoid = v.part AND t.ctid = v.place")
}

// Delete implements connector.Modification.
func (m *modification) Delete(ctx context.Context, ids *vector.Vec, _ []int32, n int) ([]int32, error) {
	for r := range n {
		if err := m.queue(ctx, m.sendDelete); err != nil {
			return nil, err
		}
		m.row(func() { m.place(ids, r) })
	}
	return nil, nil
}

// sendDelete sends the rows that wait as one DELETE.
func (m *modification) sendDelete(ctx context.Context) (int64, error) {
	return m.tx.exec(ctx, "DELETE FROM "+m.target+" AS t USING (VALUES "+m.buf.String()+
		") AS v (part, place) WHERE t.tableoid = v.part AND t.ctid = v.place")
}

// Finish implements connector.Modification.
func (m *modification) Finish(ctx context.Context) error { return m.flush(ctx) }

// Changed implements connector.Updater.
func (m *modification) Changed() int64 { return m.changed }

// Close implements connector.Modification. What was sent is undone with the
// transaction.
func (m *modification) Close() {
	if m.o.Account != nil {
		m.o.Account.Release(m.held)
	}
	m.held = 0
	m.buf = bytes.Buffer{}
}
