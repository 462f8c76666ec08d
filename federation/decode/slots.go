package decode

import (
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
)

// Slots keeps one set of vectors for each batch that a caller rotates through a
// reader, so that what an earlier batch refers to stays untouched until that
// batch is passed again, and memory is used again then. K is what else a reader
// keeps with a batch.
type Slots[K any] struct {
	account *memory.Account
	charged int64
	slots   map[*vector.Batch]*Slot[K]
}

// Slot is the memory behind one batch.
type Slot[K any] struct {
	Vecs []*vector.Vec
	Keep K
}

// NewSlots returns an empty set whose memory account pays for.
func NewSlots[K any](account *memory.Account) *Slots[K] {
	return &Slots[K]{account: account, slots: map[*vector.Batch]*Slot[K]{}}
}

// Take returns the slot of dst with the given number of columns and empties
// dst.
func (s *Slots[K]) Take(dst *vector.Batch, columns int) *Slot[K] {
	slot := s.slots[dst]
	if slot == nil {
		slot = &Slot[K]{Vecs: make([]*vector.Vec, columns)}
		for i := range slot.Vecs {
			slot.Vecs[i] = &vector.Vec{}
		}
		s.slots[dst] = slot
	}
	dst.N, dst.Sel = 0, nil
	dst.Cols = append(dst.Cols[:0], slot.Vecs...)
	return slot
}

// Charge brings the account in line with the memory of all slots and extra
// bytes of the reader itself. Small changes are not worth a reservation.
func (s *Slots[K]) Charge(extra int64) error {
	total := extra
	for _, slot := range s.slots {
		for _, v := range slot.Vecs {
			total += int64(8*cap(v.Backing()) + 4*cap(v.Codes) + 8*cap(v.Valid))
			for _, b := range v.Bufs {
				total += int64(cap(b))
			}
		}
	}
	if d := total - s.charged; d > 1<<16 || d < -1<<20 {
		if err := s.reserve(d); err != nil {
			return err
		}
		s.charged = total
	}
	return nil
}

// reserve moves the account by d bytes.
func (s *Slots[K]) reserve(d int64) error {
	if s.account == nil {
		return nil
	}
	if d < 0 {
		s.account.Release(-d)
		return nil
	}
	return s.account.Reserve(d)
}

// Each calls f for every slot.
func (s *Slots[K]) Each(f func(*Slot[K])) {
	for _, slot := range s.slots {
		f(slot)
	}
}

// Close forgets all slots and gives their memory back to the account.
func (s *Slots[K]) Close() {
	s.slots = map[*vector.Batch]*Slot[K]{}
	if s.account != nil {
		s.account.Release(s.charged)
	}
	s.charged = 0
}
