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
		var m pgproto3.Bind
		if m.Decode(body) != nil {
			return violation("invalid message format")
		}
		return c.execute(func(ctx context.Context) error { return c.bind(ctx, &m) })
	case 'E':
		var m pgproto3.Execute
		if m.Decode(body) != nil {
			return violation("invalid message format")
		}
		return c.execute(func(ctx context.Context) error { return c.executePortal(ctx, &m) })
	case 'D':
		var m pgproto3.Describe
		if m.Decode(body) != nil {
			return violation("invalid message format")
		}
		return c.guard(func() error { return c.describe(&m) })
	}
	var m pgproto3.Close
	if m.Decode(body) != nil {
		return violation("invalid message format")
	}
	return c.guard(func() error { return c.close(&m) })
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
	c.send(&pgproto3.ParseComplete{})
	return nil
}

func (c *conn) bind(ctx context.Context, m *pgproto3.Bind) error {
	s, err := c.names.Statement(m.PreparedStatement)
	if err != nil {
		return err
	}
	params, err := c.bindParams(m, s)
	if err != nil {
		return err
	}
	columns := s.columns()
	if f := len(m.ResultFormatCodes); f > 1 && f != len(columns) && columns != nil {
		return violation("bind message has %d result formats but query has %d columns", f, len(columns))
	}
	for _, code := range m.ResultFormatCodes {
		if code != formatText && code != formatBinary {
			return pgerror.Newf(pgerror.InvalidParameterValue, "unsupported format code: %d", code)
		}
	}
	if m.DestinationPortal == "" {
		_ = c.names.CloseCursor("")
	} else if _, err := c.names.Cursor(m.DestinationPortal); err == nil {
		return pgerror.Newf(pgerror.DuplicateCursor, "cursor \"%s\" already exists", m.DestinationPortal)
	}
	cur := &Cursor{Name: m.DestinationPortal, formats: append([]int16(nil), m.ResultFormatCodes...)}
	if s.Prepared != nil {
		if cur.Portal, err = s.Prepared.Bind(ctx, params); err != nil {
			return err
		}
	}
	if err := c.names.AddCursor(cur); err != nil {
		return err
	}
	c.send(&pgproto3.BindComplete{})
	return nil
}

// portal finds the portal that a message names.
func (c *conn) portal(name string) (*Cursor, error) {
	cur, err := c.names.Cursor(name)
	switch {
	case err == nil:
		return cur, nil
	case c.session.TxStatus() == 'E':
		// The portals of a failed transaction are closed already.
		return nil, pgerror.New(pgerror.InFailedSQLTransaction, "current transaction is aborted, commands ignored until end of transaction block")
	}
	return nil, pgerror.Newf(pgerror.InvalidCursorName, "portal \"%s\" does not exist", name)
}

func (c *conn) describe(m *pgproto3.Describe) error {
	var columns []Column
	var formats []int16
	switch m.ObjectType {
	case 'S':
		s, err := c.names.Statement(m.Name)
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
		cur, err := c.portal(m.Name)
		if err != nil {
			return err
		}
		columns, formats = cur.columns(), cur.formats
	default:
		return violation("invalid DESCRIBE message subtype %d", m.ObjectType)
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
		m.Fields[i] = pgproto3.FieldDescription{
			Name:                 []byte(col.Name),
			TableOID:             uint32(col.TableOID),
			TableAttributeNumber: uint16(col.Attnum),
			DataTypeOID:          uint32(col.Type.OID),
			DataTypeSize:         size,
			TypeModifier:         col.Type.Mod,
			Format:               formatOf(formats, i),
		}
	}
	return m
}

// executePortal runs a portal, or goes on with one that was suspended.
func (c *conn) executePortal(ctx context.Context, m *pgproto3.Execute) error {
	cur, err := c.portal(m.Portal)
	if err != nil {
		return err
	}
	if cur.Portal == nil {
		c.send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	returnsRows := cur.columns() != nil
	if !returnsRows && cur.started {
		return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, "portal \"%s\" cannot be run", m.Portal)
	}
	portal := cur.Portal
	before := c.session.TxStatus()
	var n int64
	suspended := false
	if returnsRows {
		limit := 0
		if int32(m.MaxRows) > 0 {
			limit = int(m.MaxRows)
		}
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
		c.send(&pgproto3.PortalSuspended{})
		return nil
	}
	tag := portal.Tag(n)
	c.afterStatement(before, tag)
	c.sendNotices()
	c.send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
	return nil
}

func (c *conn) close(m *pgproto3.Close) error {
	switch m.ObjectType {
	case 'S':
		_ = c.names.DropStatement(m.Name) // closing what is not there is no error
	case 'P':
		_ = c.names.CloseCursor(m.Name)
	default:
		return violation("invalid CLOSE message subtype %d", m.ObjectType)
	}
	c.send(&pgproto3.CloseComplete{})
	return nil
}
