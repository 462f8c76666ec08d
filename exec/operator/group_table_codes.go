package operator

import (
	"github.com/hubsql/hubsql/exec/vector"
)

// maxCodes bounds how many entries of a dictionary have their groups remembered.
const maxCodes = 1 << 16

// leastCoded is the smallest batch that is worth a look at the codes.
const leastCoded = 64

// codeGroups remembers the group of each entry of the dictionary of a table's
// only key. It stands in front of the table and decides nothing itself: entries
// it does not know are looked up as rows are, so types whose equal values look
// different are as good as any.
type codeGroups struct {
	dict   *vector.Vec
	id     uint64
	groups []int32 // of each code + 1; 0 unknown; -k: k-th that is looked up now
	wanted []int32
	out    []int32
	vec    vector.Vec
	null   int32 // group of NULL + 1
}

// codesPay reports whether v, of n rows, is a dictionary vector whose entries
// are worth being remembered, and what its largest code is.
func codesPay(v *vector.Vec, n int) (top int32, ok bool) {
	if v.Kind != vector.Dict || n < leastCoded {
		return 0, false
	}
	for _, c := range v.Codes[:n] {
		top = max(top, c)
	}
	return top, top < maxCodes && (v.DictID != 0 || int(top) < n/2)
}

// findCodes is find for one key that is a dictionary vector; ok is false when
// the rows are to be looked up one by one.
func (g *groupTable) findCodes(v *vector.Vec, n int, insert bool) (groups []int32, ok bool, err error) {
	top, ok := codesPay(v, n)
	if !ok {
		return nil, false, nil
	}
	c := &g.codes
	nulls := v.Valid != nil && v.Valid.Count(n) < n
	if nulls && c.null == 0 {
		// The first rows with NULLs are looked up as they are, so that new
		// groups are numbered in the order of their rows.
		g.cols1[0] = v
		groups, err := g.findRows(g.cols1[:], n, insert)
		if err != nil {
			return nil, false, err
		}
		for i, x := range groups {
			if !v.Valid.Get(i) {
				c.null = x + 1
				break
			}
		}
		return groups, true, nil
	}
	if need := int(top) + 1; need > len(c.groups) {
		size := min(maxCodes, max(2*need, 1024))
		if g.mem.take(int64(size-len(c.groups))*4) != nil {
			return nil, false, nil // the table itself may still have room
		}
		old := c.groups
		c.groups = make([]int32, size)
		copy(c.groups, old)
	}
	if v.DictID == 0 || v.DictID != c.id || v.Dict != c.dict {
		clear(c.groups)
		c.dict, c.id = v.Dict, v.DictID
	}
	if cap(c.out) < n {
		c.out = make([]int32, max(n, vector.BatchSize))
	}
	out, codes := c.out[:n], v.Codes[:n]
	// A NULL row has a code too; its group is put right at the end.
	least := int32(1)
	for i, code := range codes {
		x := c.groups[code]
		out[i] = x - 1
		least = min(least, x)
	}
	if least <= 0 {
		if err := g.learnCodes(v, n, insert); err != nil {
			c.dict = nil // what is half known is forgotten
			return nil, false, err
		}
		for i, code := range codes {
			out[i] = c.groups[code] - 1
		}
	}
	if nulls {
		for i := range out {
			if !v.Valid.Get(i) {
				out[i] = c.null - 1
			}
		}
	}
	return out, true, nil
}

// learnCodes looks the unknown entries up that rows which are not NULL use, in
// the order of their first row.
func (g *groupTable) learnCodes(v *vector.Vec, n int, insert bool) error {
	c := &g.codes
	c.wanted = c.wanted[:0]
	for i, code := range v.Codes[:n] {
		if c.groups[code] == 0 && (v.Valid == nil || v.Valid.Get(i)) {
			c.wanted = append(c.wanted, code)
			c.groups[code] = -int32(len(c.wanted))
		}
	}
	if len(c.wanted) == 0 {
		return nil
	}
	vector.Gather(&c.vec, v.Dict, c.wanted, len(c.wanted))
	c.vec.Type = v.Type
	g.cols1[0] = &c.vec
	found, err := g.findRows(g.cols1[:], len(c.wanted), insert)
	if err != nil {
		return err
	}
	for k, code := range c.wanted {
		c.groups[code] = found[k] + 1
	}
	return nil
}
