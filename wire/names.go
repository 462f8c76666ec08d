package wire

import (
	"context"
	"io"
	"iter"
	"slices"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Names is the one namespace of a connection's prepared statements and
// portals: what Parse and Bind make, EXECUTE and FETCH find, and the other way
// round. The connection's goroutine owns it; the engine may use it while that
// goroutine is inside a call of Session, Prepared or Portal.
type Names struct {
	statements map[string]*Statement
	cursors    map[string]*Cursor
	order      []string // names of statements in the order they were made
}

// Statement is a prepared statement under its name.
type Statement struct {
	Name string
	// Text is the statement as the client sent it.
	Text string
	// Prepared is nil for an empty statement.
	Prepared Prepared
	// FromSQL is set when PREPARE made it, not a Parse message.
	FromSQL bool
}

// Cursor is a portal under its name, with the place that reading has reached.
type Cursor struct {
	Name string
	// Portal is nil for an empty statement.
	Portal Portal
	// Hold is set for a cursor that survives the end of its transaction.
	Hold bool

	formats []int16 // result format codes as Bind gave them
	kept    bool    // a Hold cursor whose transaction has committed
	active  bool    // inside Next
	started bool
	atEnd   bool
	batch   *vector.Batch // the part of the last batch not handed out yet
	off     int
	part    vector.Batch
	sel     []int32
	encoder *rowEncoder
}

// NewNames returns an empty namespace.
func NewNames() *Names {
	return &Names{statements: map[string]*Statement{}, cursors: map[string]*Cursor{}}
}

// AddStatement enters a prepared statement and owns it from then on, also when
// it fails with 42P05 because the name is taken. The unnamed statement replaces
// its predecessor.
func (n *Names) AddStatement(s *Statement) error {
	if old := n.statements[s.Name]; old != nil {
		if s.Name != "" {
			s.close()
			return pgerror.Newf(pgerror.DuplicatePreparedStatement, "prepared statement \"%s\" already exists", s.Name)
		}
		n.removeStatement(old)
	}
	n.statements[s.Name] = s
	n.order = append(n.order, s.Name)
	return nil
}

// Statement returns a prepared statement, or 26000.
func (n *Names) Statement(name string) (*Statement, error) {
	if s := n.statements[name]; s != nil {
		return s, nil
	}
	return nil, errNoStatement(name)
}

// errNoStatement is 26000 for a statement that is not there.
func errNoStatement(name string) error {
	if name == "" {
		return pgerror.New(pgerror.InvalidSQLStatementName, "unnamed prepared statement does not exist")
	}
	return pgerror.Newf(pgerror.InvalidSQLStatementName, "prepared statement \"%s\" does not exist", name)
}

// DropStatement removes a prepared statement, or answers 26000.
func (n *Names) DropStatement(name string) error {
	s, err := n.Statement(name)
	if err != nil {
		return err
	}
	n.removeStatement(s)
	return nil
}

// DropStatements removes all prepared statements (DEALLOCATE ALL).
func (n *Names) DropStatements() {
	for _, s := range n.statements {
		s.close()
	}
	clear(n.statements)
	n.order = n.order[:0]
}

// Statements yields the prepared statements in the order they were made.
func (n *Names) Statements() iter.Seq[*Statement] {
	return func(yield func(*Statement) bool) {
		for _, name := range n.order {
			if !yield(n.statements[name]) {
				return
			}
		}
	}
}

func (n *Names) removeStatement(s *Statement) {
	delete(n.statements, s.Name)
	if i := slices.Index(n.order, s.Name); i >= 0 {
		n.order = slices.Delete(n.order, i, i+1)
	}
	s.close()
}

func (s *Statement) close() {
	if s.Prepared != nil {
		s.Prepared.Close()
	}
}

func (s *Statement) params() []types.OID {
	if s.Prepared == nil {
		return nil
	}
	return s.Prepared.Params()
}

func (s *Statement) columns() []Column {
	if s.Prepared == nil {
		return nil
	}
	return s.Prepared.Columns()
}

// AddCursor enters a portal and owns it from then on, also when it fails with
// 42P03 because the name is taken. The unnamed portal replaces its predecessor.
func (n *Names) AddCursor(c *Cursor) error {
	if old := n.cursors[c.Name]; old != nil {
		if c.Name != "" {
			c.close()
			return pgerror.Newf(pgerror.DuplicateCursor, "cursor \"%s\" already exists", c.Name)
		}
		n.removeCursor(old)
	}
	n.cursors[c.Name] = c
	return nil
}

// Cursor returns a portal; its error is SQL's wording of 34000.
func (n *Names) Cursor(name string) (*Cursor, error) {
	if c := n.cursors[name]; c != nil {
		return c, nil
	}
	return nil, pgerror.Newf(pgerror.InvalidCursorName, "cursor \"%s\" does not exist", name)
}

// CloseCursor closes a portal, or answers 34000.
func (n *Names) CloseCursor(name string) error {
	c, err := n.Cursor(name)
	if err != nil {
		return err
	}
	if c.active {
		return pgerror.Newf(pgerror.ObjectInUse, "cannot drop active portal \"%s\"", name)
	}
	n.removeCursor(c)
	return nil
}

// CloseCursors closes every portal but the one that is executing (CLOSE ALL).
func (n *Names) CloseCursors() {
	for _, c := range n.cursors {
		if !c.active {
			n.removeCursor(c)
		}
	}
}

// Cursors yields the portals in no order.
func (n *Names) Cursors() iter.Seq[*Cursor] {
	return func(yield func(*Cursor) bool) {
		for _, c := range n.cursors {
			if !yield(c) {
				return
			}
		}
	}
}

// EndTransaction closes the portals that end with the transaction: all but
// those declared WITH HOLD that this or an earlier transaction committed, and
// the one that is executing the COMMIT or ROLLBACK. The connection calls it
// whenever the session has become idle; an engine calls it itself where one
// statement ends a transaction and starts the next (COMMIT AND CHAIN).
func (n *Names) EndTransaction(committed bool) {
	if len(n.cursors) == 0 {
		return
	}
	for _, c := range n.cursors {
		switch {
		case c.active || c.kept:
		case c.Hold && committed:
			c.kept = true
		default:
			n.removeCursor(c)
		}
	}
}

func (n *Names) removeCursor(c *Cursor) {
	if n.cursors[c.Name] == c {
		delete(n.cursors, c.Name)
	}
	c.close()
}

// close releases everything at the end of the connection.
func (n *Names) close() {
	for _, c := range n.cursors {
		n.removeCursor(c)
	}
	n.DropStatements()
}

func (c *Cursor) close() {
	if c.Portal != nil {
		p := c.Portal
		c.Portal, c.batch, c.encoder = nil, nil, nil
		p.Close()
	}
}

// columns describes the cursor's rows.
func (c *Cursor) columns() []Column {
	if c.Portal == nil {
		return nil
	}
	return c.Portal.Columns()
}

// Next returns up to limit further rows (limit > 0), or any number when limit
// is 0, and io.EOF when there are none left. The batch is valid until the next
// call.
func (c *Cursor) Next(ctx context.Context, limit int) (*vector.Batch, error) {
	for c.batch == nil || c.off >= c.batch.Rows() {
		c.batch, c.off = nil, 0
		if c.atEnd || c.Portal == nil {
			return nil, io.EOF
		}
		c.started = true
		b, err := c.next(ctx)
		if err == io.EOF {
			c.atEnd = true
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		c.batch = b
	}
	rows := c.batch.Rows()
	if c.off == 0 && (limit == 0 || rows <= limit) {
		c.off = rows
		return c.batch, nil
	}
	end := rows
	if limit > 0 {
		end = min(rows, c.off+limit)
	}
	c.part = vector.Batch{N: c.batch.N, Cols: c.batch.Cols}
	if c.batch.Sel != nil {
		c.part.Sel = c.batch.Sel[c.off:end]
	} else {
		c.sel = c.sel[:0]
		for i := c.off; i < end; i++ {
			c.sel = append(c.sel, int32(i))
		}
		c.part.Sel = c.sel
	}
	c.off = end
	return &c.part, nil
}

func (c *Cursor) next(ctx context.Context) (*vector.Batch, error) {
	c.active = true
	defer func() { c.active = false }()
	return c.Portal.Next(ctx)
}
