package mysql

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"math"
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
	// writeBytes is how much waits before it is sent, less where the server takes
	// less; writeRows is the same in rows, updateRows for an UPDATE, which looks
	// for each of its rows in a list.
	writeBytes = 1 << 20
	writeRows  = 1000
	updateRows = 100
)

// keyColumn is a column of a primary key.
type keyColumn struct {
	name string // quoted
	// plain is set for numbers, which stand in SQL as they are; others are strings,
	// or bytes when binary is set.
	plain, binary bool
}

// keyQuery lists the columns of the primary key.
const keyQuery = `SELECT c.column_name, LOWER(c.data_type), COALESCE(s.sub_part, 0)
FROM information_schema.statistics s JOIN information_schema.columns c ON c.table_schema = s.table_schema AND c.table_name = s.table_name AND c.column_name = s.column_name
WHERE s.table_schema = ? AND s.table_name = ? AND s.index_name = 'PRIMARY' ORDER BY s.seq_in_index`

// Identify implements connector.Transactor: a row is known by its primary key,
// and locked when it is read.
func (s *source) Identify(ctx context.Context, th connector.TableHandle) (connector.TableHandle, error) {
	t := *th.(*handle).table
	rows, err := s.rows(ctx, keyQuery, t.schema, t.name)
	if err != nil {
		return nil, err
	}
	refused := pgerror.Source(s.name, pgerror.FeatureNotSupported, "the rows of \""+t.name+"\" cannot be told apart, since it has no primary key of numbers, strings or dates", nil)
	if len(rows) == 0 {
		return nil, refused
	}
	var keys []keyColumn
	var parts []string
	for _, r := range rows {
		k := keyColumn{name: sqltext.MySQL.Ident(r[0])}
		part := "HEX(CONVERT(CAST(" + k.name + " AS CHAR) USING utf8mb4))"
		switch r[1] {
		case "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "decimal", "numeric":
			k.plain = true
			part = "CAST(" + k.name + " AS CHAR)"
		case "char", "varchar", "date", "datetime", "timestamp", "uuid":
		case "binary", "varbinary":
			k.binary = true
			part = "HEX(" + k.name + ")"
		default:
			return nil, refused
		}
		if r[2] != "0" {
			return nil, refused
		}
		keys, parts = append(keys, k), append(parts, part)
	}
	id := "CONCAT_WS(',', " + strings.Join(parts, ", ") + ")"
	c := column{
		Column: connector.Column{Name: "key", Type: types.Of(types.Text), NotNull: true, Hidden: true}, expr: id, form: formText,
		push: sqltext.Column{Name: "key", SQL: id, Type: types.Of(types.Text), Local: "the identity of a row is not compared"},
	}
	t.columns = append(slices.Clip(t.columns), c)
	h := newHandle(s, &t)
	h.locked, h.keys = true, keys
	return h, nil
}

// Modify implements connector.Modifier.
func (s *source) Modify(ctx context.Context, th connector.TableHandle, o connector.ModifyOptions) (connector.Modification, error) {
	tx, ok := connector.TransactionOf(ctx, s).(*transaction)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "a table of a source is changed outside a transaction")
	}
	h := th.(*handle)
	m := &modification{tx: tx, h: h, o: o, format: types.DefaultFormat(), room: min(writeBytes, tx.packet/2), target: sqltext.MySQL.Qualified(h.table.schema, h.table.name)}
	if o.Format != nil {
		m.format.Names = o.Format.Names
	}
	switch {
	case o.Returned != nil && !tx.returns:
		return nil, pgerror.Source(s.name, pgerror.FeatureNotSupported, "the server's INSERT does not return rows", nil)
	case len(o.OnColumns) > 0:
		return nil, pgerror.Source(s.name, pgerror.FeatureNotSupported, "ON CONFLICT with columns is not supported by the server", nil).
			WithHint("Leave the columns out: ON CONFLICT DO NOTHING.")
	}
	if err := tx.transactional(ctx, h.table); err != nil {
		return nil, err
	}
	if o.Account != nil {
		if err := o.Account.Reserve(int64(m.room)); err != nil {
			return nil, err
		}
		m.held = int64(m.room)
	}
	return m, nil
}

// modification is what one statement changes. It implements connector.Updater.
type modification struct {
	tx      *transaction
	h       *handle
	o       connector.ModifyOptions
	format  *types.Format
	target  string // the table's name in SQL
	room    int    // of buf
	buf     bytes.Buffer
	queued  int
	changed int64
	held    int64
	text    []byte
	// keys and values are the rows of an UPDATE that wait.
	keys   []string
	values [][]string
	send   func(ctx context.Context) (int64, error)
}

// name is a column in SQL.
func (m *modification) name(c int) string { return sqltext.MySQL.Ident(m.h.table.columns[c].remote) }

// literal adds row r of v, a value for column c.
func (m *modification) literal(c int, v *vector.Vec, r int) error {
	if v.IsNull(r) {
		m.buf.WriteString("NULL")
		return nil
	}
	d := v.Datum(r)
	lost := func(what string) error {
		return pgerror.Source(m.tx.source.name, pgerror.NumericValueOutOfRange, "the server cannot store the value of column \""+m.h.table.columns[c].Name+"\": "+what, nil)
	}
	t := v.Type
	switch t.OID {
	case types.Bool, types.Int2, types.Int4, types.Int8:
		m.buf.WriteString(strconv.FormatInt(d.I, 10))
		return nil
	case types.Float4, types.Float8:
		f := d.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return lost("it has no NaN or Infinity")
		}
		bits := 64
		if t.OID == types.Float4 {
			bits = 32
		}
		m.buf.WriteString(strconv.FormatFloat(f, 'e', -1, bits))
		return nil
	case types.Bytea:
		m.buf.WriteString("X'" + hex.EncodeToString([]byte(d.S)) + "'")
		return nil
	case types.TimestampTZ:
		// The session's time zone is UTC.
		t = types.Of(types.Timestamp)
	}
	if t.OID.IsEnum() {
		m.text = append(m.text[:0], types.EnumText(d.S)...)
	} else {
		m.text = types.AppendText(m.text[:0], t, d, m.format)
	}
	switch t.OID {
	case types.Numeric:
		if strings.Trim(string(m.text), "-.0123456789") != "" {
			return lost("it has no NaN or Infinity")
		}
		m.buf.Write(m.text)
		return nil
	case types.Date, types.Timestamp:
		if s := string(m.text); strings.HasSuffix(s, "infinity") || strings.HasSuffix(s, "BC") {
			return lost("it is outside the range of dates")
		}
	}
	m.buf.WriteByte('\'')
	m.buf.Write(bytes.ReplaceAll(m.text, []byte("'"), []byte("''")))
	m.buf.WriteByte('\'')
	return nil
}

// queue begins the next row.
func (m *modification) queue(ctx context.Context, most int, send func(ctx context.Context) (int64, error)) error {
	if m.queued >= most || m.buf.Len() >= m.room {
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
	m.queued, m.keys, m.values = 0, m.keys[:0], m.values[:0]
	m.changed += n
	return err
}

// Insert implements connector.Modification.
func (m *modification) Insert(ctx context.Context, cols []*vector.Vec, _ []int32, n int) ([]int32, error) {
	for r := range n {
		if err := m.queue(ctx, writeRows, m.sendInsert); err != nil {
			return nil, err
		}
		if m.queued > 1 {
			m.buf.WriteString(", ")
		}
		m.buf.WriteByte('(')
		for k, c := range m.o.Columns {
			if k > 0 {
				m.buf.WriteString(", ")
			}
			if err := m.literal(c, cols[c], r); err != nil {
				return nil, err
			}
		}
		m.buf.WriteByte(')')
	}
	return nil, nil
}

// sendInsert sends the rows that wait as one INSERT.
func (m *modification) sendInsert(ctx context.Context) (int64, error) {
	names := make([]string, len(m.o.Columns))
	for i, c := range m.o.Columns {
		names[i] = m.name(c)
	}
	sql := "INSERT INTO " + m.target + " (" + strings.Join(names, ", ") + ") VALUES " + m.buf.String()
	if m.o.SkipDuplicates {
		// A row that is there is set to what it is, and does not count.
		same := m.name(0)
		sql += " ON DUPLICATE KEY UPDATE " + same + " = " + m.target + "." + same
	}
	if m.o.Returned == nil {
		return m.tx.exec(ctx, sql)
	}
	return m.returning(ctx, sql)
}

// returning executes an INSERT and passes on the rows that the server has stored.
func (m *modification) returning(ctx context.Context, sql string) (n int64, err error) {
	if m.o.SkipDuplicates {
		return 0, pgerror.Source(m.tx.source.name, pgerror.FeatureNotSupported, "the server's INSERT does not tell rows that it skips from those that it returns", nil)
	}
	var list []string
	for _, o := range m.h.relation.Outputs {
		list = append(list, o.Select.Text)
	}
	o := connector.ScanOptions{Account: m.o.Account, BatchSize: vector.BatchSize, Format: m.o.Format, Transaction: m.tx}
	r, err := m.tx.source.read(ctx, m.h, sql+" RETURNING "+strings.Join(list, ", "), sqltext.Dynamic{}, o)
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

// key is the condition that one row meets.
func (m *modification) key(ids *vector.Vec, r int) string {
	parts := strings.Split(string(ids.Bytes(r)), ",")
	var out []string
	for i, k := range m.h.keys {
		value := ""
		if i < len(parts) {
			value = parts[i]
		}
		switch {
		case k.binary:
			value = "X'" + value + "'"
		case !k.plain:
			value = "_utf8mb4 X'" + value + "'"
		}
		out = append(out, k.name+" = "+value)
	}
	return "(" + strings.Join(out, " AND ") + ")"
}

// Update implements connector.Updater.
func (m *modification) Update(ctx context.Context, ids *vector.Vec, cols []*vector.Vec, n int) error {
	most := updateRows
	for _, c := range m.o.Columns {
		if slices.ContainsFunc(m.h.keys, func(k keyColumn) bool { return k.name == m.name(c) }) {
			// The server would look for the next rows by the new keys.
			most = 1
		}
	}
	for r := range n {
		if err := m.queue(ctx, most, m.sendUpdate); err != nil {
			return err
		}
		var row []string
		for k, c := range m.o.Columns {
			from := m.buf.Len()
			if err := m.literal(c, cols[k], r); err != nil {
				return err
			}
			row = append(row, string(m.buf.Bytes()[from:]))
		}
		m.keys, m.values = append(m.keys, m.key(ids, r)), append(m.values, row)
	}
	return nil
}

// sendUpdate sends the rows that wait as one UPDATE. They are locked: all of them
// are there.
func (m *modification) sendUpdate(ctx context.Context) (int64, error) {
	var sql strings.Builder
	sql.WriteString("UPDATE " + m.target + " SET ")
	for k, c := range m.o.Columns {
		if k > 0 {
			sql.WriteString(", ")
		}
		sql.WriteString(m.name(c) + " = ")
		if len(m.keys) == 1 {
			sql.WriteString(m.values[0][k])
			continue
		}
		sql.WriteString("CASE")
		for i, key := range m.keys {
			sql.WriteString(" WHEN " + key + " THEN " + m.values[i][k])
		}
		sql.WriteString(" END")
	}
	sql.WriteString(" WHERE " + strings.Join(m.keys, " OR "))
	_, err := m.tx.exec(ctx, sql.String())
	return int64(len(m.keys)), err
}

// Delete implements connector.Modification.
func (m *modification) Delete(ctx context.Context, ids *vector.Vec, _ []int32, n int) ([]int32, error) {
	for r := range n {
		if err := m.queue(ctx, writeRows, m.sendDelete); err != nil {
			return nil, err
		}
		if m.queued > 1 {
			m.buf.WriteString(" OR ")
		}
		m.buf.WriteString(m.key(ids, r))
	}
	return nil, nil
}

// sendDelete sends the rows that wait as one DELETE.
func (m *modification) sendDelete(ctx context.Context) (int64, error) {
	return m.tx.exec(ctx, "DELETE FROM "+m.target+" WHERE "+m.buf.String())
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
