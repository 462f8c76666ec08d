package wire

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// extended answers a message of the extended query protocol. After an error
// the connection ignores messages until Sync.
func (c *conn) extended(typ byte, body []byte) error {
	switch typ {
	case 'P':
		var m pgproto3.Parse
		if m.Decode(body) != nil {
			return violation("invalid message format")
		}
		return c.execute(func(ctx context.Context) error { return c.parse(ctx, &m) })
	case 'B':
		if !c.bound.decode(body) {
			return violation("invalid message format")
		}
		return c.execute(c.bind)
	case 'E':
		portal, limit, ok := decodeExecute(body)
		if !ok {
			return violation("invalid message format")
		}
		return c.execute(func(ctx context.Context) error { return c.executePortal(ctx, portal, limit) })
	}
	kind, name, ok := decodeTarget(body)
	if !ok {
		return violation("invalid message format")
	}
	answer := c.describe
	if typ == 'C' {
		answer = c.close
	}
	return c.guarded(c.ctx, func(context.Context) error { return answer(kind, name) })
}

func (c *conn) parse(ctx context.Context, m *pgproto3.Parse) error {
	if err := checkUTF8([]byte(m.Query)); err != nil {
		return err
	}
	if m.Name == "" {
		// Gone even when what follows fails.
		_ = c.names.DropStatement("")
	} else if s, err := c.names.Statement(m.Name); err == nil {
		return pgerror.Newf(pgerror.DuplicatePreparedStatement, "prepared statement \"%s\" already exists", s.Name)
	}
	queries, err := c.session.Parse(ctx, m.Query)
	if err != nil {
		return err
	}
	s := &Statement{Name: m.Name, Text: m.Query}
	switch len(queries) {
	case 0:
	case 1:
		declared := make([]types.OID, len(m.ParameterOIDs))
		for i, oid := range m.ParameterOIDs {
			declared[i] = types.OID(oid)
		}
		if s.Prepared, err = c.session.Prepare(ctx, queries[0], declared); err != nil {
			return err
		}
	default:
		return pgerror.New(pgerror.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	if err := c.names.AddStatement(s); err != nil {
		return err
	}
	c.put('1')
	return nil
}

// bind answers the Bind message in c.bound.
func (c *conn) bind(ctx context.Context) error {
	m := &c.bound
	s := c.names.statements[string(m.statement)]
	if s == nil {
		return errNoStatement(string(m.statement))
	}
	params, err := c.bindParams(m, s)
	if err != nil {
		return err
	}
	columns := s.columns()
	if f := len(m.resultFormats); f > 1 && f != len(columns) && columns != nil {
		return violation("bind message has %d result formats but query has %d columns", f, len(columns))
	}
	for _, code := range m.resultFormats {
		if code != formatText && code != formatBinary {
			return pgerror.Newf(pgerror.InvalidParameterValue, "unsupported format code: %d", code)
		}
	}
	name := string(m.portal)
	switch old := c.names.cursors[name]; {
	case old == nil:
	case name == "":
		_ = c.names.CloseCursor("")
	default:
		return pgerror.Newf(pgerror.DuplicateCursor, "cursor \"%s\" already exists", name)
	}
	cur := &Cursor{Name: name, formats: append([]int16(nil), m.resultFormats...)}
	if s.Prepared != nil {
		if cur.Portal, err = s.Prepared.Bind(ctx, params); err != nil {
			return err
		}
	}
	if err := c.names.AddCursor(cur); err != nil {
		return err
	}
	c.put('2')
	return nil
}

// portal finds the portal that a message names.
func (c *conn) portal(name []byte) (*Cursor, error) {
	cur := c.names.cursors[string(name)]
	switch {
	case cur != nil:
		return cur, nil
	case c.session.TxStatus() == 'E':
		// The portals of a failed transaction are closed already.
		return nil, pgerror.New(pgerror.InFailedSQLTransaction, "current transaction is aborted, commands ignored until end of transaction block")
	}
	return nil, pgerror.Newf(pgerror.InvalidCursorName, "portal \"%s\" does not exist", name)
}

func (c *conn) describe(kind byte, name []byte) error {
	var columns []Column
	var formats []int16
	switch kind {
	case 'S':
		s, err := c.names.Statement(string(name))
		if err != nil {
			return err
		}
		params := s.params()
		oids := make([]uint32, len(params))
		for i, oid := range params {
			oids[i] = uint32(oid)
		}
		c.send(&pgproto3.ParameterDescription{ParameterOIDs: oids})
		columns = s.columns()
	case 'P':
		cur, err := c.portal(name)
		if err != nil {
			return err
		}
		columns, formats = cur.columns(), cur.formats
	default:
		return violation("invalid DESCRIBE message subtype %d", kind)
	}
	if columns == nil {
		c.send(&pgproto3.NoData{})
		return nil
	}
	c.send(rowDescription(columns, formats))
	return nil
}

// rowDescription describes columns in the formats that Bind asked for; nil
// formats are all text.
func rowDescription(columns []Column, formats []int16) *pgproto3.RowDescription {
	m := &pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, len(columns))}
	for i, col := range columns {
		size := int16(-1)
		if info := types.Lookup(col.Type.OID); info != nil {
			size = info.Len
		}
		oid := col.Type.OID
		if _, array, _, _ := col.Type.Domain.User(); array {
			oid = col.Type.Domain // an array over a domain is not the array over its base type
		}
		m.Fields[i] = pgproto3.FieldDescription{
			Name:                 []byte(col.Name),
			TableOID:             uint32(col.TableOID),
			TableAttributeNumber: uint16(col.Attnum),
			DataTypeOID:          uint32(oid),
			DataTypeSize:         size,
			TypeModifier:         col.Type.Mod,
			Format:               formatOf(formats, i),
		}
	}
	return m
}

// executePortal runs a portal, or goes on with one that was suspended.
func (c *conn) executePortal(ctx context.Context, name []byte, limit int) error {
	cur, err := c.portal(name)
	if err != nil {
		return err
	}
	if cur.Portal == nil {
		c.send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	returnsRows := cur.columns() != nil
	if !returnsRows && cur.started {
		return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, "portal \"%s\" cannot be run", cur.Name)
	}
	portal := cur.Portal
	before := c.session.TxStatus()
	var n int64
	suspended := false
	if returnsRows {
		n, suspended, err = c.fetch(ctx, cur, cur.formats, limit)
	} else {
		n, err = c.fetchAll(ctx, cur, nil)
	}
	if err != nil {
		// A portal that has failed cannot go on: what it holds is given back.
		c.names.removeCursor(cur)
		return err
	}
	if suspended {
		c.sendNotices()
		c.put('s')
		return nil
	}
	tag := portal.Tag(n)
	c.afterStatement(before, tag)
	c.sendNotices()
	c.complete(tag)
	return nil
}

func (c *conn) close(kind byte, name []byte) error {
	switch kind {
	case 'S':
		_ = c.names.DropStatement(string(name)) // closing what is not there is no error
	case 'P':
		_ = c.names.CloseCursor(string(name))
	default:
		return violation("invalid CLOSE message subtype %d", kind)
	}
	c.put('3')
	return nil
}
