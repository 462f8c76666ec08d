package builtin

import (
	"context"

	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// roomStep is how much a function may produce per batch without asking, and the
// least that it asks for: accounts are shared by all workers.
const roomStep = 1 << 20

// room is what one run of a kernel may produce. It belongs to the call.
type room struct {
	c              *function.Call
	produced, held int64
}

// take asks for n more bytes of results, and notices that the statement was
// cancelled.
func (m *room) take(n int64) error {
	if m.produced += n; m.produced <= roomStep+m.held {
		return nil
	}
	if n > maxText {
		return pgerror.New(pgerror.ProgramLimitExceeded, "requested length too large")
	}
	if m.c.Ctx != nil && m.c.Ctx.Err() != nil {
		return context.Cause(m.c.Ctx)
	}
	if m.c.Memory == nil {
		return nil
	}
	want := max(m.produced-m.held, roomStep)
	if err := m.c.Memory.Reserve(want); err != nil {
		return err
	}
	m.held += want
	return nil
}

// ask checks that a value of n bytes may be made; take counts it when it is
// there.
func (m *room) ask(n int64) error {
	err := m.take(n)
	m.produced -= n
	return err
}

// done gives the reservation back: from here on the vector is the operator's,
// which reserves what it keeps.
func (m *room) done() {
	if m.held > 0 {
		m.c.Memory.Release(m.held)
		m.held = 0
	}
}
