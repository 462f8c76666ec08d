package catalog

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// OpenOptions configure Open.
type OpenOptions struct {
	// Wrappers are the foreign data wrappers of this build; those missing in
	// the catalog are added, owned by the bootstrap superuser.
	Wrappers []string
	// Log gets what an administrator should know; nil discards.
	Log *slog.Logger
}

// Catalog is the durable catalog of one data directory. It is safe for
// concurrent use.
type Catalog struct {
	keys    *keyring
	store   *store
	lock    *dirLock
	log     *slog.Logger
	current atomic.Pointer[Snapshot]
	nextOID atomic.Uint32
	staged  atomic.Uint64
	mu      sync.Mutex // serializes commits

	statisticsMu sync.Mutex
	statistics   map[types.OID]*connector.Statistics // see Statistics
}

// Open opens the catalog in dir, making it at first start. The directory is
// locked until Close: a second process gets an error that names the first.
func Open(dir string, o OpenOptions) (*Catalog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	c := &Catalog{lock: lock, log: o.Log}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if err := c.open(dir, o); err != nil {
		return nil, joinClose(err, c.Close())
	}
	return c, nil
}

// joinClose keeps the first error.
func joinClose(err, closing error) error {
	if err != nil {
		return err
	}
	return closing
}

func (c *Catalog) open(dir string, o OpenOptions) error {
	path := filepath.Join(dir, "catalog.db")
	_, statErr := os.Stat(path)
	var err error
	if c.keys, err = openKeys(filepath.Join(dir, "master.key"), statErr == nil); err != nil {
		return err
	}
	if c.store, err = openStore(path); err != nil {
		return err
	}
	snap, next, err := c.store.load(c.keys)
	if err != nil {
		return err
	}
	c.nextOID.Store(uint32(max(next, FirstNormal)))
	c.current.Store(snap)
	if err := c.loadStatistics(); err != nil {
		return err
	}
	tx := c.Begin()
	defer tx.Rollback()
	if err := install(tx, o.Wrappers); err != nil {
		return err
	}
	return tx.Commit()
}

// Close releases the data directory. Transactions must have ended.
func (c *Catalog) Close() error {
	var err error
	if c.store != nil {
		err = c.store.close()
	}
	return joinClose(err, c.lock.release())
}

// Current returns the committed catalog.
func (c *Catalog) Current() *Snapshot { return c.current.Load() }

// stagedVersion returns a version for a staged snapshot: odd, never used before.
func (c *Catalog) stagedVersion() uint64 { return c.staged.Add(1)*2 + 1 }

// Participant is stored in the same durable step as the catalog's changes.
type Participant interface {
	// Save writes what the transaction has changed into tables of its own. An
	// error undoes the whole transaction.
	Save(tx *sql.Tx) error
	// Saved is called once everything is durable.
	Saved()
}

// WithDatabase calls f with the database that holds the catalog, for tables that
// a Participant keeps there. Commits wait meanwhile.
func (c *Catalog) WithDatabase(f func(db *sql.DB) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f(c.store.db)
}

// Save makes a participant durable that goes with no change of the catalog.
func (c *Catalog) Save(p Participant) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.store.transact(p.Save); err != nil {
		return saveError(err)
	}
	p.Saved()
	return nil
}

// saveError keeps an error that already says what is wrong.
func saveError(err error) error {
	e := &pgerror.Error{}
	if errors.As(err, &e) {
		return err
	}
	return pgerror.Wrap(err, pgerror.IOError, "could not write the catalog")
}

// commit stores the changes of t, and those of p if there is one, and publishes
// them.
func (c *Catalog) commit(t *Tx, p Participant) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	current := c.Current()
	next, err := t.rebase(current)
	if err != nil {
		return err
	}
	next.version = current.version + 2
	var put []Object
	var removed []types.OID
	for id := range t.changed {
		if o, ok := next.objects[id]; ok {
			put = append(put, o)
		} else {
			removed = append(removed, id)
		}
	}
	slices.Sort(removed)
	slices.SortFunc(put, func(a, b Object) int { return int(int64(a.ID()) - int64(b.ID())) })
	err = c.store.transact(func(tx *sql.Tx) error {
		if err := write(tx, put, removed, next.version, types.OID(c.nextOID.Load())); err != nil || p == nil {
			return err
		}
		return p.Save(tx)
	})
	if err != nil {
		return saveError(err)
	}
	c.current.Store(next)
	if p != nil {
		p.Saved()
	}
	return nil
}

// install adds what every catalog has and this one lacks.
func install(t *Tx, wrappers []string) error {
	s := t.Snapshot()
	var missing []Object
	add := func(o Object) {
		if _, ok := s.Object(o.ID()); !ok {
			missing = append(missing, o)
		}
	}
	add(&Role{OID: Bootstrap, Name: "hubsql", Super: true, Inherit: true, CreateRole: true, CreateDB: true, CanLogin: true, Replication: true, BypassRLS: true, ConnLimit: -1})
	for _, r := range predefinedRoles {
		add(&Role{OID: r.oid, Name: r.name, Inherit: true, ConnLimit: -1})
	}
	for i, role := range []types.OID{RoleReadAllSettings, RoleReadAllStats, RoleStatScanTables} {
		add(&Membership{OID: 10100 + types.OID(i), Role: role, Member: RoleMonitor, Grantor: Bootstrap})
	}
	open := func(owner types.OID) ACL {
		return ACL{{Grantee: owner, Grantor: owner, Privs: AllSchema}, {Grantee: PublicRole, Grantor: owner, Privs: Usage}}
	}
	add(&Schema{OID: SchemaPgCatalog, Name: "pg_catalog", Owner: Bootstrap, ACL: open(Bootstrap)})
	add(&Schema{OID: SchemaInformation, Name: "information_schema", Owner: Bootstrap, ACL: open(Bootstrap)})
	add(&Schema{OID: SchemaHub, Name: "hub", Owner: Bootstrap, ACL: open(Bootstrap)})
	if s.version == 0 {
		add(&Schema{OID: SchemaPublic, Name: "public", Owner: RoleDatabaseOwner, ACL: open(RoleDatabaseOwner)})
	}
	for _, name := range wrappers {
		if _, ok := s.Wrapper(name); !ok {
			missing = append(missing, &Wrapper{OID: t.NewOID(), Name: name, Owner: Bootstrap})
		}
	}
	for _, o := range missing {
		if err := t.Put(o); err != nil {
			return err
		}
	}
	return nil
}

// Bootstrap names the superuser of a new catalog and sets its password, in clear
// or as a SCRAM verifier; "" sets none (only for trust authentication). On a
// catalog whose superuser has been set up before it does nothing and returns
// false.
func (c *Catalog) Bootstrap(user, password string) (bool, error) {
	t := c.Begin()
	defer t.Rollback()
	r, ok := t.Snapshot().RoleByOID(Bootstrap)
	if !ok {
		return false, pgerror.New(pgerror.DataCorrupted, "the bootstrap superuser is missing in the catalog")
	}
	if c.Initialized() {
		return false, nil
	}
	if user == "" || user == "public" || user == "none" || strings.HasPrefix(user, "pg_") {
		return false, pgerror.Newf(pgerror.ReservedName, "role name %q is reserved", user)
	}
	n := r.Clone()
	n.Name = user
	if password != "" {
		verifier, err := NewVerifier(password)
		if err != nil {
			return false, err
		}
		if n.Verifier, err = t.SealVerifier(n.OID, verifier); err != nil {
			return false, err
		}
	}
	n.Settings = append(n.Settings, Setting{bootstrapMark, time.Now().UTC().Format(time.RFC3339)})
	if err := t.Put(n); err != nil {
		return false, err
	}
	return true, t.Commit()
}

// bootstrapMark is a setting of the bootstrap role that says it was set up. Its
// name is one that ALTER ROLE SET refuses.
const bootstrapMark = "hub.bootstrapped"

// Initialized reports whether Bootstrap has been done.
func (c *Catalog) Initialized() bool {
	r, ok := c.Current().RoleByOID(Bootstrap)
	return ok && slices.ContainsFunc(r.Settings, func(s Setting) bool { return s.Name == bootstrapMark })
}
