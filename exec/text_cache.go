package exec

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"time"
)

const (
	// textEntries is how many statements a session keeps by their text, and
	// textBytes how long one may be.
	textEntries = 32
	textBytes   = 8 << 10
	// seenTexts is how many texts are remembered as seen once: who never repeats a
	// statement keeps none.
	seenTexts = 256
)

// textCache keeps statements of the simple protocol, which clients send again and
// again without preparing them: their parse trees, and while none of what a
// binding depends on changes, binding and plan as well.
type textCache struct {
	entries map[string]*textEntry
	seen    [seenTexts]uint64 // hashes
	seed    maphash.Seed
	clock   uint64
}

// textEntry is one statement.
type textEntry struct {
	query Query
	used  uint64
	// idle is the statement while nobody executes it. It holds no sources.
	idle *Prepared
}

// find returns the statement that a text consists of, nil for one that is not
// kept.
func (c *textCache) find(text string) *textEntry {
	e := c.entries[text]
	if e != nil {
		c.clock++
		e.used = c.clock
	}
	return e
}

// offer keeps a query that was parsed if its text has come before.
func (c *textCache) offer(q Query) *textEntry {
	sel := q.Stmt.GetSelectStmt()
	if sel == nil || intoOf(sel) != nil || len(q.text) > textBytes || namesATime(q.text) {
		return nil
	}
	if c.entries == nil {
		c.entries, c.seed = map[string]*textEntry{}, maphash.MakeSeed()
	}
	h := maphash.String(c.seed, q.text)
	if at := &c.seen[h%seenTexts]; *at != h {
		*at = h
		return nil
	}
	if len(c.entries) == textEntries {
		oldest := ""
		for text, e := range c.entries {
			if oldest == "" || e.used < c.entries[oldest].used {
				oldest = text
			}
		}
		delete(c.entries, oldest)
	}
	c.clock++
	e := &textEntry{query: q, used: c.clock}
	c.entries[q.text] = e
	return e
}

// namesATime reports whether a text may have a literal whose value is that of the
// moment at which it is read: 'now', 'today' and their kin.
func namesATime(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{"now", "today", "tomorrow", "yesterday"}, func(word string) bool { return strings.Contains(text, word) })
}

// clear forgets all statements.
func (c *textCache) clear() { clear(c.entries) }

// rest gives the statement back to its entry and reports whether it did. Its
// sources may be closed until it is used again.
func (p *Prepared) rest() bool {
	e := p.entry
	if e == nil || e.idle != nil || p.bind == nil || p.bind.released || len(p.params) > 0 || len(p.bind.result.Writes) > 0 {
		return false
	}
	releaseAll(p.bind.sources)
	e.idle = p
	return true
}

// resume makes a statement that has rested what Prepare would make of its text
// now.
func (p *Prepared) resume(ctx context.Context) error {
	s, b := p.s, p.bind
	same := b.version == s.snapshot().Version() && b.user == s.sess.CurrentUser && b.vars == s.sess.Vars.Version() &&
		(len(b.sources) == 0 || time.Since(b.at) < bindingAge)
	if same && acquireAll(b.sources) {
		return nil
	}
	b.sources, b.released = nil, true
	if err := p.analyse(ctx); err != nil {
		return err
	}
	p.columns = columnsOf(p.bind.result)
	return nil
}

// acquireAll acquires several sources, or none.
func acquireAll(list []*source) bool {
	for i, src := range list {
		if !src.acquire() {
			releaseAll(list[:i])
			return false
		}
	}
	return true
}
