package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// open opens a catalog that the test closes.
func open(t *testing.T, dir string) *Catalog {
	t.Helper()
	c, err := Open(dir, OpenOptions{Wrappers: []string{"postgres_fdw", "sqlite_fdw", "file_fdw"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// change runs f in a transaction and commits.
func change(t *testing.T, c *Catalog, f func(tx *Tx)) {
	t.Helper()
	tx := c.Begin()
	f(tx)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, tx *Tx, o Object) {
	t.Helper()
	if err := tx.Put(o); err != nil {
		t.Fatal(err)
	}
}

func addRole(t *testing.T, tx *Tx, name string, in ...*Role) *Role {
	t.Helper()
	r := &Role{OID: tx.NewOID(), Name: name, Inherit: true, CanLogin: true, ConnLimit: -1}
	put(t, tx, r)
	for _, g := range in {
		put(t, tx, &Membership{OID: tx.NewOID(), Role: g.OID, Member: r.OID, Grantor: Bootstrap})
	}
	return r
}

func addServer(t *testing.T, tx *Tx, name, wrapper string, options ...Option) *Server {
	t.Helper()
	w, ok := tx.Snapshot().Wrapper(wrapper)
	if !ok {
		t.Fatalf("no wrapper %s", wrapper)
	}
	s := &Server{OID: tx.NewOID(), Name: name, Wrapper: wrapper, WrapperID: w.OID, Owner: Bootstrap, Options: options}
	put(t, tx, s)
	return s
}

func addTable(t *testing.T, tx *Tx, server *Server, name string, columns []string, options ...Option) *Relation {
	t.Helper()
	r := &Relation{
		OID: tx.NewOID(), SchemaID: SchemaPublic, Schema: "public", Name: name, Kind: ForeignTable, Owner: Bootstrap,
		Server: server.Name, ServerID: server.OID, Options: options, NextAttNum: int16(len(columns) + 1),
	}
	for i, c := range columns {
		r.Columns = append(r.Columns, Column{Name: c, AttNum: int16(i + 1), Type: types.Of(types.Text)})
	}
	put(t, tx, r)
	return r
}

func TestNewCatalogHasWhatPostgreSQLHas(t *testing.T) {
	s := open(t, t.TempDir()).Current()
	for _, n := range []string{"public", "pg_catalog", "information_schema", "hub"} {
		if _, ok := s.Schema(n); !ok {
			t.Errorf("no schema %s", n)
		}
	}
	if r, ok := s.Role("pg_read_all_data"); !ok || r.OID != RoleReadAllData {
		t.Error("no pg_read_all_data")
	}
	if !s.EffectiveRoles(RoleMonitor).Has(RoleReadAllStats) {
		t.Error("pg_monitor lacks pg_read_all_stats")
	}
	if err := s.check(ids(s)); err != nil {
		t.Error(err)
	}
}

func ids(s *Snapshot) []types.OID {
	var out []types.OID
	for id := range s.objects {
		out = append(out, id)
	}
	return out
}

func TestCommittedChangesSurviveKill(t *testing.T) {
	dir := t.TempDir()
	if os.Getenv("CATALOG_CHILD") != "" {
		c, err := Open(os.Getenv("CATALOG_CHILD"), OpenOptions{Wrappers: []string{"postgres_fdw"}})
		if err != nil {
			t.Fatal(err)
		}
		tx := c.Begin()
		srv := addServer(t, tx, "s", "postgres_fdw", Option{Name: "host", Value: "h"})
		opt, err := tx.Seal(srv.OID+1, "password", "S3CRET-CANARY")
		if err != nil {
			t.Fatal(err)
		}
		put(t, tx, &UserMapping{OID: tx.NewOID(), Server: srv.OID, Options: Options{opt}})
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		addServer(t, c.Begin(), "uncommitted", "postgres_fdw")
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCommittedChangesSurviveKill$")
	cmd.Env = append(os.Environ(), "CATALOG_CHILD="+dir)
	if err := cmd.Run(); err == nil {
		t.Fatal("the child was not killed")
	}
	c := open(t, dir)
	s := c.Current()
	srv, ok := s.Server("s")
	if !ok {
		t.Fatal("committed server is gone")
	}
	if _, ok := s.Server("uncommitted"); ok {
		t.Error("uncommitted server is there")
	}
	m, ok := s.UserMapping(srv.OID, Bootstrap)
	if !ok {
		t.Fatal("no mapping")
	}
	got, err := s.Reveal(m.OID, m.Options)
	if err != nil || got["password"] != "S3CRET-CANARY" {
		t.Errorf("%v %v", got, err)
	}
	if next := c.Begin().NewOID(); next <= m.OID {
		t.Errorf("OID %d was given before", next)
	}
}

func TestSecretsAreNowhereInClear(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	const canary = "S3CRET-CANARY"
	var m *UserMapping
	var r *Role
	change(t, c, func(tx *Tx) {
		srv := addServer(t, tx, "s", "postgres_fdw")
		id := tx.NewOID()
		opt, err := tx.Seal(id, "password", canary)
		if err != nil {
			t.Fatal(err)
		}
		m = &UserMapping{OID: id, Server: srv.OID, Options: Options{{Name: "user", Value: "u"}, opt}}
		put(t, tx, m)
		r = addRole(t, tx, "r").Clone()
		if r.Verifier, err = tx.SealVerifier(r.OID, canary); err != nil {
			t.Fatal(err)
		}
		put(t, tx, r)
	})
	body, err := json.Marshal([]any{m, r})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(body), fmt.Sprint(m), fmt.Sprintf("%+v %#v %v %s", m, m, *m, m.Options), fmt.Sprintf("%+v %#v", r, *r)} {
		if strings.Contains(text, canary) {
			t.Errorf("secret in %s", text)
		}
	}
	if v, _ := m.Options.Get("password"); v != "********" {
		t.Errorf("shown as %s", v)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("secret in %s", f)
		}
		if info, _ := os.Stat(f); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}
	if _, err := c.Current().Reveal(m.OID+1, m.Options); pgerror.CodeOf(err) != pgerror.DataCorrupted {
		t.Errorf("a secret moved to another object opens: %v", err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := Open(dir, OpenOptions{})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("PID %d", os.Getpid())) {
		t.Errorf("%v", err)
	}
}

func TestMissingKeyFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, OpenOptions{}); err == nil {
		t.Error("opened without its key")
	}
}

func TestConcurrentChanges(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second func(t *testing.T, tx *Tx, srv *Server)
		conflict      bool
	}{
		{
			"different objects", func(t *testing.T, tx *Tx, _ *Server) { addRole(t, tx, "a") },
			func(t *testing.T, tx *Tx, _ *Server) { addRole(t, tx, "b") },
			false,
		},
		{
			"same name", func(t *testing.T, tx *Tx, _ *Server) { addRole(t, tx, "a") },
			func(t *testing.T, tx *Tx, _ *Server) { addRole(t, tx, "a") },
			true,
		},
		{
			"same object", func(t *testing.T, tx *Tx, s *Server) { n := s.Clone(); n.Version = "1"; put(t, tx, n) },
			func(t *testing.T, tx *Tx, s *Server) { n := s.Clone(); n.Version = "2"; put(t, tx, n) },
			true,
		},
		{
			"table on a dropped server", func(t *testing.T, tx *Tx, s *Server) { tx.Remove(s.OID) },
			func(t *testing.T, tx *Tx, s *Server) { addTable(t, tx, s, "t", nil) },
			true,
		},
		{
			"server dropped under a table", func(t *testing.T, tx *Tx, s *Server) { addTable(t, tx, s, "t", nil) },
			func(t *testing.T, tx *Tx, s *Server) { tx.Remove(s.OID) },
			true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat := open(t, t.TempDir())
			var srv *Server
			change(t, cat, func(tx *Tx) { srv = addServer(t, tx, "s", "postgres_fdw") })
			a, b := cat.Begin(), cat.Begin()
			c.first(t, a, srv)
			c.second(t, b, srv)
			if err := a.Commit(); err != nil {
				t.Fatal(err)
			}
			before := cat.Current()
			err := b.Commit()
			if c.conflict != (pgerror.CodeOf(err) == pgerror.SerializationFailure) {
				t.Errorf("got %v", err)
			}
			if c.conflict && cat.Current() != before {
				t.Error("a failed commit changed the catalog")
			}
			if err := cat.Current().check(ids(cat.Current())); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStagedChangesAreVisibleOnlyInside(t *testing.T) {
	c := open(t, t.TempDir())
	tx := c.Begin()
	addRole(t, tx, "a")
	inside := tx.Snapshot()
	m := tx.Mark()
	addRole(t, tx, "b")
	if _, ok := inside.Role("b"); ok {
		t.Error("an older snapshot changed")
	}
	if _, ok := tx.Snapshot().Role("b"); !ok {
		t.Error("own change is not visible")
	}
	if _, ok := c.Current().Role("a"); ok {
		t.Error("uncommitted change is visible outside")
	}
	if tx.Snapshot().Version() == c.Current().Version() || tx.Snapshot().Version() == inside.Version() {
		t.Error("staged snapshots need versions of their own")
	}
	tx.RollbackTo(m)
	if _, ok := tx.Snapshot().Role("b"); ok {
		t.Error("rolled back change is visible")
	}
	before := c.Current().Version()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Current().Role("a"); !ok || c.Current().Version() <= before {
		t.Error("commit is not visible")
	}
	if _, ok := c.Current().Role("b"); ok {
		t.Error("rolled back change was committed")
	}
}

func TestBootstrapHappensOnce(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if done, err := c.Bootstrap("admin", "pässword"); !done || err != nil {
		t.Fatal(done, err)
	}
	_ = c.Close()
	c = open(t, dir)
	if done, err := c.Bootstrap("other", "x"); done || err != nil {
		t.Fatal(done, err)
	}
	r, ok := c.Current().Role("admin")
	if !ok || r.OID != Bootstrap || !r.Super {
		t.Fatalf("%+v", r)
	}
	text, err := c.Current().Verifier(r)
	if err != nil {
		t.Fatal(err)
	}
	v, err := ParseVerifier(text)
	if err != nil || !v.Matches("pässword") || v.Matches("password") {
		t.Error(text, err)
	}
}

func TestVerifierEqualsPostgreSQLs(t *testing.T) {
	// Made by PostgreSQL 15: ALTER ROLE x PASSWORD 'secret'.
	const pg = "SCRAM-SHA-256$4096:iJiuLTbPz2xi9juX+L11mw==$zq6lGU/MnDeMqO8xsRmuan4tVjfN6tEghsyXn28+bok=:MzTQ72TnKjjC6mEHprYGBzcaJuZA26j0ZQV0/Mb/gRE="
	v, err := ParseVerifier(pg)
	if err != nil {
		t.Fatal(err)
	}
	again, err := deriveVerifier("secret", v.Salt, v.Iterations)
	if err != nil || again != pg {
		t.Errorf("got %s", again)
	}
	if same, err := NewVerifier(pg); err != nil || same != pg {
		t.Errorf("a verifier must stay as it is: %s %v", same, err)
	}
	if _, err := NewVerifier("md5" + strings.Repeat("0", 32)); pgerror.CodeOf(err) != pgerror.FeatureNotSupported {
		t.Error(err)
	}
	if SASLprep("a\u00adb\u00a0c\u2168") != "ab cIX" {
		t.Errorf("%q", SASLprep("a\u00adb\u00a0c\u2168"))
	}
}
