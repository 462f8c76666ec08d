package catalog

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // the driver

	"github.com/hubsql/hubsql/catalog/types"
)

// store keeps objects in SQLite: one row per object, its body as JSON, its
// secrets apart and encrypted. A committed transaction survives the death of
// the process and of the machine (synchronous=FULL).
type store struct{ db *sql.DB }

const storeFormat = 1

const storeSchema = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS object (oid INTEGER PRIMARY KEY, class INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS secret (oid INTEGER NOT NULL REFERENCES object ON DELETE CASCADE, name TEXT NOT NULL, box BLOB NOT NULL,
  PRIMARY KEY (oid, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS statistics (relation INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;`

func openStore(path string) (*store, error) {
	// SQLite gives its log files the mode of the database file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=secure_delete(ON)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	db.SetMaxOpenConns(1)
	s := &store{db}
	if _, err := db.Exec(storeSchema); err != nil {
		return nil, joinClose(fmt.Errorf("catalog %q: %w", path, err), db.Close())
	}
	format, ok, err := s.meta("format")
	if err == nil && ok && format != storeFormat {
		err = fmt.Errorf("catalog %q has format %d, this program reads format %d", path, format, storeFormat)
	}
	if err != nil {
		return nil, joinClose(err, db.Close())
	}
	return s, nil
}

func (s *store) close() error { return s.db.Close() }

func (s *store) meta(name string) (int64, bool, error) {
	var v int64
	err := s.db.QueryRow("SELECT value FROM meta WHERE name = ?", name).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return v, err == nil, err
}

// newObject returns an empty object of a class to decode into.
func newObject(c Class) (Object, error) {
	switch c {
	case ClassRole:
		return &Role{}, nil
	case ClassMembership:
		return &Membership{}, nil
	case ClassSchema:
		return &Schema{}, nil
	case ClassWrapper:
		return &Wrapper{}, nil
	case ClassServer:
		return &Server{}, nil
	case ClassUserMapping:
		return &UserMapping{}, nil
	case ClassRelation:
		return &Relation{}, nil
	case ClassComment:
		return &Comment{}, nil
	case ClassRowPolicy:
		return &RowPolicy{}, nil
	case ClassMaskingPolicy:
		return &MaskingPolicy{}, nil
	case ClassType:
		return &UserType{}, nil
	case ClassFunction:
		return &UserFunction{}, nil
	}
	return nil, fmt.Errorf("catalog holds an object of unknown class %d", c)
}

// load reads everything.
func (s *store) load(keys *keyring) (*Snapshot, types.OID, error) {
	snap := &Snapshot{objects: map[types.OID]Object{}, names: map[nameKey]types.OID{}, keys: keys, derived: &derived{}}
	version, _, err := s.meta("version")
	if err != nil {
		return nil, 0, err
	}
	next, _, err := s.meta("next_oid")
	if err != nil {
		return nil, 0, err
	}
	snap.version = uint64(version)
	boxes, err := s.loadSecrets()
	if err != nil {
		return nil, 0, err
	}
	rows, err := s.db.Query("SELECT oid, class, body FROM object ORDER BY oid")
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id types.OID
		var class Class
		var body string
		if err := rows.Scan(&id, &class, &body); err != nil {
			return nil, 0, err
		}
		o, err := newObject(class)
		if err != nil {
			return nil, 0, err
		}
		if err := json.Unmarshal([]byte(body), o); err != nil {
			return nil, 0, fmt.Errorf("catalog object %d: %w", id, err)
		}
		for _, f := range o.secrets() {
			f.set(Secret{boxes[secretKey{id, f.name}]})
		}
		if err := snap.put(o, nil); err != nil {
			return nil, 0, err
		}
	}
	return snap, types.OID(next), rows.Err()
}

// secretKey is the key of the secret table.
type secretKey struct {
	id   types.OID
	name string
}

func (s *store) loadSecrets() (map[secretKey][]byte, error) {
	rows, err := s.db.Query("SELECT oid, name, box FROM secret")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[secretKey][]byte{}
	for rows.Next() {
		var k secretKey
		var box []byte
		if err := rows.Scan(&k.id, &k.name, &box); err != nil {
			return nil, err
		}
		out[k] = box
	}
	return out, rows.Err()
}

// transact runs f in one durable transaction.
func (s *store) transact(f func(tx *sql.Tx) error) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

func write(tx *sql.Tx, put []Object, removed []types.OID, version uint64, next types.OID) error {
	for _, id := range removed {
		if _, err := tx.Exec("DELETE FROM object WHERE oid = ?", id); err != nil {
			return err
		}
	}
	for _, o := range put {
		body, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO object (oid, class, body) VALUES (?, ?, ?) ON CONFLICT (oid) DO UPDATE SET body = excluded.body",
			o.ID(), o.Class(), string(body)); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM secret WHERE oid = ?", o.ID()); err != nil {
			return err
		}
		for _, f := range o.secrets() {
			if s := f.get(); !s.Empty() {
				if _, err := tx.Exec("INSERT INTO secret (oid, name, box) VALUES (?, ?, ?)", o.ID(), f.name, s.box); err != nil {
					return err
				}
			}
		}
	}
	for name, value := range map[string]int64{"format": storeFormat, "version": int64(version), "next_oid": int64(next)} {
		if _, err := tx.Exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value); err != nil {
			return err
		}
	}
	return nil
}
