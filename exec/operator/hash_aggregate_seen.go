package operator

import (
	"github.com/hubsql/hubsql/exec/vector"
)

// maxSeen bounds how many entries of a dictionary are marked as seen: 32 KB.
const maxSeen = 1 << 18

// seenCodes leaves out rows that a grouping without calls has had before: of one
// dictionary key each entry matters once, however many rows have it. What stays is
// an entry for each, which is next to nothing when a dictionary serves many batches.
// It decides nothing: what it forgets is grouped again.
type seenCodes struct {
	dict *vector.Vec
	id   uint64
	bits vector.Bitmap
	null bool // a NULL was seen, whatever the dictionary
	mem  budget

	codes []int32
	rows  []int32
	vec   vector.Vec
	keys  [1]*vector.Vec
	out   groupRows
}

// unseen returns the part of a batch that may bring new groups.
func (s *seenCodes) unseen(in *groupRows) *groupRows {
	v := in.keys[0]
	if v.Kind != vector.Dict || v.DictID == 0 || v.Dict.Valid != nil || in.n < leastCoded {
		return in
	}
	codes := v.Codes[:in.n]
	top := int32(0)
	for _, c := range codes {
		top = max(top, c)
	}
	if top >= maxSeen {
		return in
	}
	if s.bits == nil {
		if s.mem.take(maxSeen/8) != nil {
			return in // the groups may still have room
		}
		s.bits = make(vector.Bitmap, maxSeen/64)
	}
	if s.dict != v.Dict || s.id != v.DictID {
		clear(s.bits)
		s.dict, s.id = v.Dict, v.DictID
	}
	s.codes, s.rows = s.codes[:0], s.rows[:0]
	if v.Valid == nil {
		for i, c := range codes {
			if w := &s.bits[c>>6]; *w>>(c&63)&1 == 0 {
				*w |= 1 << (c & 63)
				s.codes, s.rows = append(s.codes, c), append(s.rows, int32(i))
			}
		}
	} else {
		for i, c := range codes {
			switch {
			case !v.Valid.Get(i):
				if !s.null {
					// A NULL has no entry: the batch goes as it is, this once.
					s.null = true
					return in
				}
			case !s.bits.Get(int(c)):
				s.bits.Set(int(c))
				s.codes, s.rows = append(s.codes, c), append(s.rows, int32(i))
			}
		}
	}
	if len(s.codes) == in.n {
		return in
	}
	vector.Gather(&s.vec, v.Dict, s.codes, len(s.codes))
	s.vec.Type = v.Type
	s.keys[0] = &s.vec
	s.out = groupRows{n: len(s.codes), keys: s.keys[:]}
	return &s.out
}

// drop gives the memory back, and nothing is seen any more.
func (s *seenCodes) drop() {
	s.bits, s.dict = nil, nil
	s.mem.release()
}
