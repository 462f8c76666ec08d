package storage

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/kernel"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
)

// indexes holds the unique indexes that have been needed since the start. They
// are rebuilt from the rows.
type indexes struct {
	mu sync.Mutex
	of map[types.OID]map[string]*uniqueIndex
}

// uniqueIndex finds the rows that may have a key: it maps the hash of a key to
// identities of rows. It may know rows that are dead, rolled back or moved; what
// it finds is looked up in the version that counts. It is used by the
// transaction that has locked the table.
type uniqueIndex struct {
	account *memory.Account
	atts    []int16
	used    int
	// Linear probing over a power of two; the identity 0 marks a free slot, so
	// bodies are numbered from 1.
	hashes []uint64
	rows   []int64
}

// get returns the index of a constraint over the rows of v, building it first
// when there is none or when most of it is stale.
func (x *indexes) get(account *memory.Account, table types.OID, name string, atts []int16, v *version) (*uniqueIndex, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if u := x.of[table][name]; u != nil && slices.Equal(u.atts, atts) && int64(u.used) <= 2*v.rows+4*blockRows {
		return u, nil
	} else if u != nil {
		u.drop()
		delete(x.of[table], name)
	}
	u := &uniqueIndex{account: account, atts: atts}
	for _, s := range v.segments {
		if err := u.add(s); err != nil {
			u.drop()
			return nil, err
		}
	}
	if x.of == nil {
		x.of = map[types.OID]map[string]*uniqueIndex{}
	}
	if x.of[table] == nil {
		x.of[table] = map[string]*uniqueIndex{}
	}
	x.of[table][name] = u
	return u, nil
}

// added tells the indexes of a table about new bodies.
func (x *indexes) added(table types.OID, bodies []*body) error {
	x.mu.Lock()
	list := x.of[table]
	x.mu.Unlock()
	for name, u := range list {
		for _, b := range bodies {
			if err := u.add(segment{body: b}); err != nil {
				x.mu.Lock()
				delete(x.of[table], name)
				x.mu.Unlock()
				u.drop()
				return err
			}
		}
	}
	return nil
}

// drop forgets the indexes of a table.
func (x *indexes) drop(table types.OID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, u := range x.of[table] {
		u.drop()
	}
	delete(x.of, table)
}

// clear forgets all.
func (x *indexes) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, list := range x.of {
		for _, u := range list {
			u.drop()
		}
	}
	x.of = nil
}

func (u *uniqueIndex) drop() {
	u.account.Release(int64(16 * len(u.rows)))
	u.hashes, u.rows, u.used = nil, nil, 0
}

// add enters the rows of a segment.
func (u *uniqueIndex) add(s segment) error {
	var hashes []uint64
	for i := range s.body.parts() {
		n := s.body.partRows(i)
		keys := make([]*vector.Vec, len(u.atts))
		for k, att := range u.atts {
			c := s.body.layout.column(att)
			if c < 0 {
				return nil // NULL in every row
			}
			v, err := s.body.column(i, c)
			if err != nil {
				return err
			}
			keys[k] = v
		}
		if err := u.reserve(n); err != nil {
			return err
		}
		hashes = hashKeys(hashes, keys, n)
		for r := range n {
			row := i*blockRows + r
			if anyNull(keys, r) || s.dead != nil && s.dead.Get(row) {
				continue
			}
			u.insert(hashes[r], rowID(s.body.id, row))
		}
	}
	return nil
}

// reserve makes room for n more entries.
func (u *uniqueIndex) reserve(n int) error {
	if 2*(u.used+n) <= len(u.rows) {
		return nil
	}
	size := max(1<<bits.Len(uint(4*(u.used+n))), 256)
	if err := u.account.Reserve(int64(16 * size)); err != nil {
		return err
	}
	oldHashes, oldRows := u.hashes, u.rows
	u.hashes, u.rows, u.used = make([]uint64, size), make([]int64, size), 0
	for i, row := range oldRows {
		if row != 0 {
			u.insert(oldHashes[i], row)
		}
	}
	u.account.Release(int64(16 * len(oldRows)))
	return nil
}

func (u *uniqueIndex) insert(h uint64, row int64) {
	mask := uint64(len(u.rows) - 1)
	at := h & mask
	for u.rows[at] != 0 {
		at = (at + 1) & mask
	}
	u.hashes[at], u.rows[at] = h, row
	u.used++
}

// find reports whether a row of v has the key of row r of keys, whose hash is h.
func (u *uniqueIndex) find(v *version, h uint64, keys []*vector.Vec, r int, c *blockCache) (bool, error) {
	if len(u.rows) == 0 {
		return false, nil
	}
	mask := uint64(len(u.rows) - 1)
	for at := h & mask; u.rows[at] != 0; at = (at + 1) & mask {
		if u.hashes[at] != h {
			continue
		}
		id, row := splitRowID(u.rows[at])
		i := v.find(id)
		if i < 0 || v.segments[i].dead != nil && v.segments[i].dead.Get(int(row)) {
			continue
		}
		equal := true
		for k, att := range u.atts {
			b := v.segments[i].body
			col, err := c.column(b, int(row)/blockRows, b.layout.column(att))
			if err != nil {
				return false, err
			}
			equal = equal && kernel.Equal(col, int(row)%blockRows, keys[k], r)
		}
		if equal {
			return true, nil
		}
	}
	return false, nil
}

// blockCache keeps the blocks of files that were looked at last.
type blockCache struct {
	keys [8]blockKey
	vecs [8]*vector.Vec
	next int
}

type blockKey struct {
	body    int64
	part, c int
}

func (c *blockCache) column(b *body, part, col int) (*vector.Vec, error) {
	if b.file == nil {
		return b.column(part, col)
	}
	key := blockKey{b.id, part, col}
	for i, k := range c.keys {
		if k == key && c.vecs[i] != nil {
			return c.vecs[i], nil
		}
	}
	v, err := b.column(part, col)
	if err == nil {
		c.keys[c.next], c.vecs[c.next] = key, v
		c.next = (c.next + 1) % len(c.keys)
	}
	return v, err
}

// hashKeys hashes the first n rows of the key columns.
func hashKeys(dst []uint64, keys []*vector.Vec, n int) []uint64 {
	if cap(dst) < n {
		dst = make([]uint64, n)
	}
	dst = dst[:n]
	for k, v := range keys {
		kernel.Hash(dst, v, n, k > 0)
	}
	return dst
}

// anyNull reports whether one of the keys of a row is NULL: such a row equals no
// other.
func anyNull(keys []*vector.Vec, r int) bool {
	for _, v := range keys {
		if v.IsNull(r) {
			return true
		}
	}
	return false
}
