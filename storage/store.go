// Package storage keeps the rows of local tables: in the data directory, in
// columnar files, with small additions in the catalog's database. A transaction
// is made durable together with the catalog's changes, in one step; whatever a
// crash leaves behind is removed at the next start.
//
// A table is a list of bodies, runs of rows that never change, each with a
// bitmap of the rows that were deleted. Readers see the version that was
// committed when their statement began; one transaction at a time writes a
// table. docs/design/local-tables.md has the reasons.
package storage

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
)

// Store holds the rows of all local tables of one catalog. It is safe for
// concurrent use.
type Store struct {
	dir     string
	catalog *catalog.Catalog
	account *memory.Account
	log     *slog.Logger
	nextID  atomic.Int64
	locks   *locks
	// tables is replaced as a whole when a transaction commits, under mu.
	mu      sync.Mutex
	tables  atomic.Pointer[map[types.OID]*version]
	indexes indexes

	sequences sequences
}

const schema = `
CREATE TABLE IF NOT EXISTS segment (id INTEGER PRIMARY KEY, relation INTEGER NOT NULL, description TEXT NOT NULL, data BLOB, dead BLOB) STRICT`

// Open opens the rows of cat's local tables, whose files are in dir; account
// pays for those in memory. What no table needs any more is removed.
func Open(dir string, cat *catalog.Catalog, account *memory.Account, log *slog.Logger) (*Store, error) {
	s := &Store{dir: dir, catalog: cat, account: account.Child("local tables", 0), log: log, locks: newLocks()}
	s.tables.Store(&map[types.OID]*version{})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("local tables: %w", err)
	}
	if err := cat.WithDatabase(s.load); err != nil {
		return nil, fmt.Errorf("local tables: %w", err)
	}
	return s, nil
}

// load reads the descriptions and the rows that are not in files.
func (s *Store) load(db *sql.DB) error {
	if _, err := db.Exec(schema + ";" + sequenceSchema); err != nil {
		return err
	}
	if err := s.forgetSequences(db, s.catalog.Current()); err != nil {
		return err
	}
	rows, err := db.Query("SELECT id, relation, description, data, dead FROM segment ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	tables := map[types.OID][]segment{}
	files := map[int64]bool{}
	snap := s.catalog.Current()
	orphans := false
	for rows.Next() {
		var id int64
		var relation types.OID
		var description string
		var data, dead []byte
		if err := rows.Scan(&id, &relation, &description, &data, &dead); err != nil {
			return err
		}
		s.nextID.Store(id)
		if _, ok := snap.RelationByOID(relation); !ok {
			orphans = true
			continue
		}
		seg, err := s.open(id, description, data, dead)
		if err != nil {
			return fmt.Errorf("rows %d of relation %d: %w", id, relation, err)
		}
		if seg.body.file != nil {
			files[id] = true
		}
		tables[relation] = append(tables[relation], seg)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	// The database has one connection: it has to be free for what follows.
	if err := rows.Close(); err != nil {
		return err
	}
	versions := make(map[types.OID]*version, len(tables))
	for t, list := range tables {
		versions[t] = of(list)
	}
	s.tables.Store(&versions)
	if orphans {
		if err := s.forget(db, snap); err != nil {
			return err
		}
	}
	return s.clean(files)
}

// open makes a segment of what the database keeps.
func (s *Store) open(id int64, description string, data, dead []byte) (segment, error) {
	b, err := decode(id, description, data)
	if err != nil {
		return segment{}, err
	}
	if b.stripes != nil {
		if b.file, err = os.Open(s.path(id)); err != nil {
			return segment{}, err
		}
		if err := b.checkFile(); err != nil {
			return segment{}, err
		}
	} else if err := s.account.Reserve(b.bytes); err != nil {
		return segment{}, err
	}
	seg := segment{body: b}
	if dead != nil {
		if seg.dead, err = unpackDead(dead, b.rows); err != nil {
			return segment{}, err
		}
		seg.buried = seg.dead.Count(b.rows)
	}
	return seg, nil
}

// checkFile reports a file that is shorter than its description says.
func (b *body) checkFile() error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	for _, s := range b.stripes {
		for _, at := range s.Blocks {
			if at.At < 0 || at.Len < 0 || at.At+at.Len > info.Size() {
				return errCorrupt
			}
		}
	}
	return nil
}

// clean removes files that belong to no body.
func (s *Store) clean(wanted map[int64]bool) error {
	list, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		name, ok := strings.CutSuffix(e.Name(), ".rows")
		id, err := strconv.ParseInt(name, 10, 64)
		if !ok || err != nil || wanted[id] {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes the segments of relations that snap does not hold.
func (s *Store) forget(db *sql.DB, snap *catalog.Snapshot) error {
	return forgetRows(db, "segment", snap)
}

// forgetRows deletes what a table of the store's database holds of relations that
// snap does not.
func forgetRows(db *sql.DB, table string, snap *catalog.Snapshot) error {
	rows, err := db.Query("SELECT DISTINCT relation FROM " + table)
	if err != nil {
		return err
	}
	defer rows.Close()
	var gone []types.OID
	for rows.Next() {
		var id types.OID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if _, ok := snap.RelationByOID(id); !ok {
			gone = append(gone, id)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, id := range gone {
		if _, err := db.Exec("DELETE FROM "+table+" WHERE relation = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// Rows returns the number of rows of a table, as last committed.
func (s *Store) Rows(table types.OID) int64 {
	if v := (*s.tables.Load())[table]; v != nil {
		return v.rows
	}
	return 0
}

// Sweep removes the rows of tables that the catalog no longer holds. It is
// called after a commit that dropped some.
func (s *Store) Sweep() error {
	snap := s.catalog.Current()
	var gone []types.OID
	for t := range *s.tables.Load() {
		if _, ok := snap.RelationByOID(t); !ok {
			gone = append(gone, t)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	// Before mu: a commit takes mu while the catalog waits for it.
	if err := s.catalog.WithDatabase(func(db *sql.DB) error { return s.forget(db, snap) }); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(*s.tables.Load())
	for _, t := range gone {
		if v := next[t]; v != nil {
			delete(next, t)
			s.discard(v.segments)
			s.indexes.drop(t)
		}
	}
	s.tables.Store(&next)
	return nil
}

// discard gives up bodies that no version to come will hold.
func (s *Store) discard(list []segment) {
	for _, g := range list {
		if g.body.file != nil {
			s.remove(g.body.id, g.body.file)
		}
		s.account.Release(g.body.bytes)
	}
}

// Close closes the files. Nothing may be reading.
func (s *Store) Close() error {
	first := s.closeSequences()
	for _, v := range *s.tables.Load() {
		for _, g := range v.segments {
			if g.body.file != nil {
				if err := g.body.file.Close(); err != nil && first == nil {
					first = err
				}
			}
			s.account.Release(g.body.bytes)
		}
	}
	s.tables.Store(&map[types.OID]*version{})
	s.indexes.clear()
	return first
}

// packDead is the stored form of a bitmap of deleted rows.
func packDead(dead vector.Bitmap, rows int) []byte {
	v := &vector.Vec{Type: types.Of(types.Int8)}
	words := (rows + 63) / 64
	v.Resize(words)
	for i, w := range dead[:words] {
		v.Int64s()[i] = int64(w)
	}
	return appendBlock(nil, v, words)
}

// unpackDead is the reverse.
func unpackDead(b []byte, rows int) (vector.Bitmap, error) {
	words := (rows + 63) / 64
	v, err := readBlock(b, types.Of(types.Int8), words)
	if err != nil {
		return nil, err
	}
	out := make(vector.Bitmap, words)
	for i := range out {
		out[i] = uint64(v.Int64s()[i])
	}
	return out, nil
}
