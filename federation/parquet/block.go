package parquet

import (
	"github.com/hubsql/hubsql/exec/memory"
)

// padding is how many bytes behind the contents of a block may be read or
// overwritten by loops that work on whole words.
const padding = 64

// maxPage is the largest page, before or after compression, that is read.
const maxPage = 1 << 30

// budget pays for the memory of one reader.
type budget struct {
	account *memory.Account
	held    int64
}

// reserve takes n bytes, or gives back -n.
func (m *budget) reserve(n int64) error {
	if m.account != nil {
		if n < 0 {
			m.account.Release(-n)
		} else if err := m.account.Reserve(n); err != nil {
			return err
		}
	}
	m.held += n
	return nil
}

// release gives back n bytes.
func (m *budget) release(n int64) {
	if m.account != nil {
		m.account.Release(n)
	}
	m.held -= n
}

// block is a piece of memory with a counted lifetime: the column reader that
// filled it and every batch with views on it hold one reference each.
type block struct {
	bytes []byte
	refs  int
}

// blockPool gives out blocks and takes them back. It belongs to one reader.
type blockPool struct {
	memory *budget
	free   []*block
}

// keepFree is how many unused blocks a pool keeps.
const keepFree = 32

// get returns a block with room for n bytes and the padding; its contents are
// undefined. It has one reference.
func (p *blockPool) get(n int) (*block, error) {
	need := n + padding
	best := -1
	for i, b := range p.free {
		if cap(b.bytes) >= need && (best < 0 || cap(b.bytes) < cap(p.free[best].bytes)) {
			best = i
		}
	}
	// A block that is much too large would hold memory that nobody uses.
	if best >= 0 && (cap(p.free[best].bytes) <= 4*need || cap(p.free[best].bytes) <= 256<<10) {
		b := p.free[best]
		last := len(p.free) - 1
		p.free[best] = p.free[last]
		p.free = p.free[:last]
		b.bytes, b.refs = b.bytes[:n], 1
		return b, nil
	}
	size := (need + need/8 + 4095) &^ 4095
	for {
		err := p.memory.reserve(int64(size))
		if err == nil {
			break
		}
		if len(p.free) == 0 {
			return nil, err
		}
		p.drop(len(p.free) - 1)
	}
	return &block{bytes: make([]byte, n, size), refs: 1}, nil
}

// drop forgets a free block.
func (p *blockPool) drop(i int) {
	p.memory.release(int64(cap(p.free[i].bytes)))
	last := len(p.free) - 1
	p.free[i] = p.free[last]
	p.free[last] = nil
	p.free = p.free[:last]
}

// put takes one reference away; nil is allowed.
func (p *blockPool) put(b *block) {
	if b == nil {
		return
	}
	b.refs--
	if b.refs > 0 {
		return
	}
	p.free = append(p.free, b)
	if len(p.free) > keepFree {
		least := 0
		for i, f := range p.free {
			if cap(f.bytes) < cap(p.free[least].bytes) {
				least = i
			}
		}
		p.drop(least)
	}
}

// close forgets all free blocks.
func (p *blockPool) close() {
	for len(p.free) > 0 {
		p.drop(len(p.free) - 1)
	}
}
