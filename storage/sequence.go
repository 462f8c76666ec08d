package storage

import (
	"database/sql"
	"errors"
	"sync"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

const sequenceSchema = `
CREATE TABLE IF NOT EXISTS sequence (relation INTEGER PRIMARY KEY, value INTEGER NOT NULL, called INTEGER NOT NULL) STRICT`

// sequences holds where the sequences stand. They are no part of a transaction:
// a value that was drawn is never drawn again, whatever becomes of the
// transaction. What the database holds is always at or beyond what was drawn; a
// crash leaves out at most the values that were reserved.
type sequences struct {
	mu sync.Mutex
	of map[types.OID]*sequence
}

// sequence is the state of one.
type sequence struct {
	mu     sync.Mutex
	loaded bool
	value  int64
	called bool
	// left is how many more values the database has written off, ahead how many
	// it will the next time.
	left, ahead int64
}

// A sequence writes off so many values at once: more when it is used much.
const (
	leastAhead = 32
	mostAhead  = 8192
)

// sequence returns the state of a sequence, read at first use. The caller holds
// its lock until unlock.
func (s *Store) sequence(rel *catalog.Relation) (q *sequence, unlock func(), err error) {
	s.sequences.mu.Lock()
	if s.sequences.of == nil {
		s.sequences.of = map[types.OID]*sequence{}
	}
	q = s.sequences.of[rel.OID]
	if q == nil {
		q = &sequence{value: rel.Sequence.Start, ahead: leastAhead}
		s.sequences.of[rel.OID] = q
	}
	s.sequences.mu.Unlock()
	q.mu.Lock()
	if q.loaded {
		return q, q.mu.Unlock, nil
	}
	err = s.catalog.WithDatabase(func(db *sql.DB) error {
		var called int
		err := db.QueryRow("SELECT value, called FROM sequence WHERE relation = ?", rel.OID).Scan(&q.value, &called)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		q.called = called != 0
		return err
	})
	if err != nil {
		q.mu.Unlock()
		return nil, nil, pgerror.Wrap(err, pgerror.IOError, "could not read a sequence")
	}
	q.loaded = true
	return q, q.mu.Unlock, nil
}

// store writes where a sequence stands.
func (s *Store) store(id types.OID, value int64, called bool) error {
	n := 0
	if called {
		n = 1
	}
	err := s.catalog.WithDatabase(func(db *sql.DB) error {
		_, err := db.Exec("INSERT INTO sequence (relation, value, called) VALUES (?, ?, ?) ON CONFLICT (relation) DO UPDATE SET value = excluded.value, called = excluded.called",
			id, value, n)
		return err
	})
	if err != nil {
		return pgerror.Wrap(err, pgerror.IOError, "could not write a sequence")
	}
	return nil
}

// after returns the value after v by n steps, as far as there are so many, and
// how many there were.
func after(d *catalog.SequenceDef, v, n int64) (int64, int64) {
	for k := range n {
		next := v + d.Increment
		if d.Increment > 0 && (next > d.Max || next < v) || d.Increment < 0 && (next < d.Min || next > v) {
			return v, k
		}
		v = next
	}
	return v, n
}

// NextValue draws a value. 2200H when there are no more.
func (s *Store) NextValue(rel *catalog.Relation) (int64, error) {
	q, unlock, err := s.sequence(rel)
	if err != nil {
		return 0, err
	}
	defer unlock()
	d := rel.Sequence
	value := q.value
	if q.called {
		var steps int64
		if value, steps = after(d, q.value, 1); steps == 0 {
			switch {
			case !d.Cycle && d.Increment > 0:
				return 0, pgerror.Newf(pgerror.SequenceGeneratorLimitExceeded, "nextval: reached maximum value of sequence %q (%d)", rel.Name, d.Max)
			case !d.Cycle:
				return 0, pgerror.Newf(pgerror.SequenceGeneratorLimitExceeded, "nextval: reached minimum value of sequence %q (%d)", rel.Name, d.Min)
			case d.Increment > 0:
				value = d.Min
			default:
				value = d.Max
			}
			q.left = 0
		}
	}
	if q.left == 0 {
		end, steps := after(d, value, q.ahead)
		if err := s.store(rel.OID, end, true); err != nil {
			return 0, err
		}
		q.left, q.ahead = steps+1, min(2*q.ahead, mostAhead)
	}
	q.left--
	q.value, q.called = value, true
	return value, nil
}

// SetValue is setval: the next value is value, or the one after it if called.
func (s *Store) SetValue(rel *catalog.Relation, value int64, called bool) error {
	q, unlock, err := s.sequence(rel)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.store(rel.OID, value, called); err != nil {
		return err
	}
	q.value, q.called, q.left, q.ahead = value, called, 0, leastAhead
	return nil
}

// LastValue returns the value drawn or set last; called is false when it is the
// one to come.
func (s *Store) LastValue(rel *catalog.Relation) (value int64, called bool, err error) {
	q, unlock, err := s.sequence(rel)
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	return q.value, q.called, nil
}

// closeSequences gives back what was reserved and not drawn.
func (s *Store) closeSequences() error {
	var first error
	s.sequences.mu.Lock()
	defer s.sequences.mu.Unlock()
	for id, q := range s.sequences.of {
		if _, ok := s.catalog.Current().RelationByOID(id); ok && q.left > 0 {
			if err := s.store(id, q.value, q.called); err != nil && first == nil {
				first = err
			}
		}
	}
	s.sequences.of = nil
	return first
}

// forgetSequences removes the states of sequences that the catalog does not hold.
func (s *Store) forgetSequences(db *sql.DB, snap *catalog.Snapshot) error {
	return forgetRows(db, "sequence", snap)
}
