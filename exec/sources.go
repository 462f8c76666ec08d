package exec

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// sources keeps one open source per server and user mapping. A source whose
// options have changed is replaced; the old one is closed when the last query
// that uses it has ended.
type sources struct {
	connectors map[string]connector.Connector
	account    *memory.Account
	log        *slog.Logger

	mu   sync.Mutex
	open map[sourceKey]*source
	// closing counts the sources that are being shut.
	closing sync.WaitGroup
}

type sourceKey struct {
	server, mapping types.OID
}

// source is an open source and who uses it.
type source struct {
	connector.Source
	server      string
	fingerprint [32]byte

	owner  *sources
	refs   int
	stale  bool
	mu     sync.Mutex
	tables map[string]described
}

// described is a table description that may be reused for a while.
type described struct {
	handle connector.TableHandle
	rows   float64
	until  time.Time
}

func newSources(list []connector.Connector, account *memory.Account, log *slog.Logger) *sources {
	s := &sources{connectors: map[string]connector.Connector{}, account: account, log: log, open: map[sourceKey]*source{}}
	for _, c := range list {
		s.connectors[c.Wrapper()] = c
	}
	return s
}

// Wrapper returns a connector by name.
func (s *sources) Wrapper(name string) (connector.Connector, bool) {
	c, ok := s.connectors[name]
	return c, ok
}

// Wrappers lists the names of all connectors.
func (s *sources) Wrappers() []string { return slices.Sorted(maps.Keys(s.connectors)) }

// get returns the source of a server for a role, acquired: the caller releases
// it.
func (s *sources) get(ctx context.Context, snap *catalog.Snapshot, server *catalog.Server, role types.OID) (*source, error) {
	c, ok := s.connectors[server.Wrapper]
	if !ok {
		return nil, pgerror.Newf(pgerror.UndefinedObject, "foreign-data wrapper %q is not part of this build", server.Wrapper)
	}
	key := sourceKey{server: server.OID}
	options, err := snap.Reveal(server.OID, server.Options)
	if err != nil {
		return nil, pgerror.Source(server.Name, pgerror.DataCorrupted, "its options cannot be decrypted", err)
	}
	mapping := map[string]string{}
	if m, ok := snap.UserMapping(server.OID, role); ok {
		key.mapping = m.OID
		if mapping, err = snap.Reveal(m.OID, m.Options); err != nil {
			return nil, pgerror.Source(server.Name, pgerror.DataCorrupted, "its user mapping cannot be decrypted", err)
		}
	} else if slices.ContainsFunc(c.Options(), func(o connector.Option) bool { return o.Level == connector.OnUserMapping }) {
		return nil, pgerror.Newf(pgerror.UndefinedObject, "user mapping not found for %q", snap.RoleName(role)).
			WithHint("Create one with CREATE USER MAPPING FOR %s SERVER %s OPTIONS (...).", snap.RoleName(role), server.Name)
	}
	fp := fingerprint(server.Name, server.Wrapper, options, mapping)
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.open[key]; ok {
		if have.fingerprint == fp {
			have.refs++
			return have, nil
		}
		delete(s.open, key)
		have.stale = true
		if have.refs == 0 {
			// It may have connections to close: not under the lock.
			s.closing.Go(have.shut)
		}
	}
	src, err := c.Open(ctx, connector.Config{
		Server: server.Name, Options: options, Mapping: mapping,
		Account: s.account.Child("source "+server.Name, 0),
	})
	if err != nil {
		return nil, err
	}
	out := &source{Source: src, server: server.Name, fingerprint: fp, owner: s, refs: 1, tables: map[string]described{}}
	s.open[key] = out
	return out, nil
}

// fingerprint identifies a configuration without keeping its secrets.
func fingerprint(parts ...any) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			fmt.Fprintf(h, "%d:%s;", len(p), p)
		case map[string]string:
			for _, k := range slices.Sorted(maps.Keys(p)) {
				fmt.Fprintf(h, "%d:%s=%d:%s;", len(k), k, len(p[k]), p[k])
			}
			fmt.Fprint(h, "|")
		}
	}
	var out [32]byte
	h.Sum(out[:0])
	return out
}

// acquire keeps a source open until release. It reports false when the source
// has been shut already.
func (s *source) acquire() bool {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	if s.stale && s.refs == 0 {
		return false
	}
	s.refs++
	return true
}

// releaseAll releases several sources.
func releaseAll(list []*source) {
	for _, s := range list {
		s.release()
	}
}

// release ends an acquire.
func (s *source) release() {
	s.owner.mu.Lock()
	s.refs--
	last := s.stale && s.refs == 0
	s.owner.mu.Unlock()
	if last {
		s.shut()
	}
}

// shut closes the source and notes a failure.
func (s *source) shut() {
	if err := s.Close(); err != nil {
		s.owner.log.Warn("closing a source failed", "server", s.server, "error", err)
	}
}

// table describes a table, from memory when the source says that descriptions
// keep.
func (s *source) table(ctx context.Context, key string, ref connector.TableRef) (described, error) {
	keeper, keeps := s.Source.(connector.DescriptionKeeper)
	if keeps {
		s.mu.Lock()
		d, ok := s.tables[key]
		s.mu.Unlock()
		if ok && time.Now().Before(d.until) {
			return d, nil
		}
	}
	h, err := s.Table(ctx, ref)
	if err != nil {
		return described{}, err
	}
	d := described{handle: h, rows: -1}
	if est, ok := s.Source.(connector.Estimator); ok {
		if rows, ok := est.Estimate(ctx, h); ok {
			d.rows = rows
		}
	}
	if keeps {
		d.until = time.Now().Add(keeper.KeepDescriptions())
		s.mu.Lock()
		if len(s.tables) > 10000 {
			clear(s.tables)
		}
		s.tables[key] = d
		s.mu.Unlock()
	}
	return d, nil
}

// forget drops what is known of the tables of a source, after it refused a query
// that its own description allowed.
func (s *source) forget() {
	s.mu.Lock()
	clear(s.tables)
	s.mu.Unlock()
}

// close ends every source.
func (s *sources) close() {
	s.mu.Lock()
	list := slices.Collect(maps.Values(s.open))
	clear(s.open)
	s.mu.Unlock()
	for _, src := range list {
		src.shut()
	}
	s.closing.Wait()
}
