package session

import (
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Drawn remembers what nextval has returned to one session. The zero value is
// ready; the workers of a query use it at the same time.
type Drawn struct {
	mu     sync.Mutex
	values map[types.OID]int64
	last   types.OID
}

// Set notes a value of a sequence. It becomes lastval, too, if next is set.
func (d *Drawn) Set(seq types.OID, value int64, next bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.values == nil {
		d.values = map[types.OID]int64{}
	}
	d.values[seq] = value
	if next {
		d.last = seq
	}
}

// Current returns the value drawn last from a sequence, 55000 when there is none.
func (d *Drawn) Current(seq types.OID, name string) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.values[seq]
	if !ok {
		return 0, pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, "currval of sequence %q is not yet defined in this session", name)
	}
	return v, nil
}

// Last returns the value that nextval has returned last and its sequence; ok is
// false when there is none.
func (d *Drawn) Last() (seq types.OID, value int64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.values[d.last]
	return d.last, v, ok
}

// Forget is DISCARD SEQUENCES.
func (d *Drawn) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.values, d.last = nil, 0
}
