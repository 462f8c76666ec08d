package catalog

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

func TestEffectiveRolesHonourInherit(t *testing.T) {
	c := open(t, t.TempDir())
	var a, b, g, h, n *Role
	change(t, c, func(tx *Tx) {
		h = addRole(t, tx, "h")
		g = addRole(t, tx, "g", h)
		a = addRole(t, tx, "a", g)
		n = addRole(t, tx, "n", g).Clone()
		n.Inherit = false
		put(t, tx, n)
		b = addRole(t, tx, "b", n)
	})
	s := c.Current()
	for _, x := range []struct {
		role, target *Role
		privs, set   bool
	}{
		{a, a, true, true},
		{a, g, true, true},
		{a, h, true, true},
		{g, a, false, false},
		{n, g, false, true},
		{n, h, false, true},
		{b, n, true, true},
		{b, g, false, true},
	} {
		if got := s.HasPrivsOf(x.role.OID, x.target.OID); got != x.privs {
			t.Errorf("%s has privileges of %s: %v", x.role.Name, x.target.Name, got)
		}
		if got := s.IsMember(x.role.OID, x.target.OID); got != x.set {
			t.Errorf("%s is member of %s: %v", x.role.Name, x.target.Name, got)
		}
	}
	super, _ := s.RoleByOID(Bootstrap)
	if !s.IsMember(super.OID, a.OID) || !s.HasPrivsOf(super.OID, a.OID) || s.EffectiveRoles(super.OID).Has(a.OID) {
		t.Error("a superuser has all privileges but is in no role by itself")
	}
	if s.EffectiveRoles(a.OID).Key() == s.EffectiveRoles(g.OID).Key() {
		t.Error("different sets have equal keys")
	}
}

func TestPrivilegesByACL(t *testing.T) {
	c := open(t, t.TempDir())
	var owner, alice, bob, group *Role
	var rel *Relation
	change(t, c, func(tx *Tx) {
		owner, group = addRole(t, tx, "owner"), addRole(t, tx, "staff")
		alice, bob = addRole(t, tx, "alice", group), addRole(t, tx, "bob")
		rel = addTable(t, tx, addServer(t, tx, "s", "postgres_fdw"), "t", []string{"a", "b"}).Clone()
		rel.Owner = owner.OID
		put(t, tx, rel)
	})
	s := c.Current()
	if !s.HasTable(owner.OID, rel, AllTable) || !s.HasTable(Bootstrap, rel, AllTable) {
		t.Error("owner and superuser have everything")
	}
	if s.HasTable(alice.OID, rel, Select) || s.HasAnyColumn(alice.OID, rel, Select) {
		t.Error("a new table is visible to others")
	}
	change(t, c, func(tx *Tx) {
		rel = rel.Clone()
		rel.ACL = rel.ACL.Grant(rel.Owner, AllTable, rel.Owner, group.OID, Select, false)
		rel.Columns[1].ACL = rel.Columns[1].ACL.Grant(rel.Owner, 0, rel.Owner, bob.OID, Select, false)
		put(t, tx, rel)
	})
	s = c.Current()
	if !s.HasTable(alice.OID, rel, Select) || s.HasTable(alice.OID, rel, Insert) {
		t.Error("privilege of the group")
	}
	if s.HasTable(bob.OID, rel, Select) || s.HasColumn(bob.OID, rel, 1, Select) || !s.HasColumn(bob.OID, rel, 2, Select) || !s.HasAnyColumn(bob.OID, rel, Select) {
		t.Error("privilege on a column")
	}
	public, _ := s.Schema("public")
	if !s.HasSchema(bob.OID, public, Usage) || s.HasSchema(bob.OID, public, Create) || !s.HasSchema(Bootstrap, public, Create) {
		t.Error("schema public: USAGE for all, CREATE for the database owner")
	}
}

func TestGrantOptionChain(t *testing.T) {
	const owner, a, b types.OID = 1, 2, 3
	acl := ACL(nil).Grant(owner, AllTable, owner, a, Select, true).Grant(owner, AllTable, a, b, Select, false)
	name := func(o types.OID) string { return string(rune('w' + o)) }
	if got := acl.Strings(name); len(got) != 3 || got[0] != "x=arwdDxt/x" || got[1] != "y=r*/x" || got[2] != "z=r/y" {
		t.Errorf("%v", got)
	}
	if _, ok := acl.Revoke(owner, AllTable, owner, a, Select, false, false); ok {
		t.Error("dependent privileges must stop a revoke without cascade")
	}
	got, ok := acl.Revoke(owner, AllTable, owner, a, Select, true, true)
	if !ok || len(got) != 2 || got[1].Option != 0 || got[1].Privs != Select {
		t.Errorf("%v %v", got, ok)
	}
}

func TestLiveAccessNeedsServerAndTable(t *testing.T) {
	c := open(t, t.TempDir())
	var alice *Role
	var srv *Server
	var rel *Relation
	change(t, c, func(tx *Tx) {
		alice = addRole(t, tx, "alice")
		srv = addServer(t, tx, "s", "postgres_fdw")
		rel = addTable(t, tx, srv, "local", []string{"id", "mail"}, Option{Name: "schema_name", Value: "crm"}, Option{Name: "table_name", Value: "cust"})
	})
	columns := []connector.Column{{Name: "id"}, {Name: "mail"}, {Name: "new"}}
	live := c.Current().Live(srv, "crm", "cust", columns)
	if c.Current().HasAnyColumn(alice.OID, live, Select) {
		t.Error("no privilege yet")
	}
	if !c.Current().HasTable(Bootstrap, live, Select) {
		t.Error("superuser")
	}
	change(t, c, func(tx *Tx) {
		rel = rel.Clone()
		rel.ACL = rel.ACL.Grant(rel.Owner, AllTable, rel.Owner, alice.OID, Select, false)
		put(t, tx, rel)
	})
	if c.Current().HasAnyColumn(alice.OID, live, Select) {
		t.Error("SELECT on the foreign table is not enough")
	}
	change(t, c, func(tx *Tx) {
		n := srv.Clone()
		n.ACL = n.ACL.Grant(n.Owner, AllServer, n.Owner, alice.OID, Usage, false)
		put(t, tx, n)
	})
	s := c.Current()
	if !s.HasColumn(alice.OID, live, 1, Select) || !s.HasColumn(alice.OID, live, 2, Select) || s.HasColumn(alice.OID, live, 3, Select) {
		t.Error("live columns follow the foreign table's")
	}
	if other := s.Live(srv, "crm", "other", columns); s.HasAnyColumn(alice.OID, other, Select) {
		t.Error("another table of the same server")
	}
}

func TestSourceIdentity(t *testing.T) {
	file := func(p string) SourceObject { return SourceObject{Server: "f", Table: p, Files: true} }
	for _, x := range []struct {
		a, b SourceObject
		same bool
	}{
		{SourceObject{Server: "s", Schema: "a", Table: "t"}, SourceObject{Server: "s", Schema: "a", Table: "t"}, true},
		{SourceObject{Server: "s", Schema: "a", Table: "t"}, SourceObject{Server: "r", Schema: "a", Table: "t"}, false},
		{SourceObject{Server: "s", Schema: "a", Table: "t"}, SourceObject{Server: "s", Schema: "b", Table: "t"}, false},
		{file("/d/a.csv"), file("/d/a.csv"), true},
		{file("/d/a.csv"), file("/d/b.csv"), false},
		{file("/d/*.parquet"), file("/d/a.parquet"), true},
		{file("/d/*.parquet"), file("/d/sub/a.parquet"), false},
		{file("/d/**"), file("/d/sub/a.parquet"), true},
		{file("/d"), file("/d/sub/a.parquet"), true},
		{file("/d/a*"), file("/d/ab*"), true},
		{file("/d/a*"), file("/e/a*"), false},
		{file("/d/a.csv"), file("/x\n/d/a\n/d/a.*"), true},
		{file("/d/a.csv"), file("/d/b\n/d/b.*"), false},
		{file("/d/a*.csv"), file("/d/abc\n/d/abc.*"), true},
		{file("/d/*.csv"), file("/d"), true},
	} {
		if x.a.Same(x.b) != x.same || x.b.Same(x.a) != x.same {
			t.Errorf("%v and %v: want %v", x.a, x.b, x.same)
		}
	}
}

func TestTextFilesReadInAnotherWayDoNotMatch(t *testing.T) {
	c := open(t, t.TempDir())
	var a, same, other, lines *Relation
	change(t, c, func(tx *Tx) {
		srv := addServer(t, tx, "f", "file_fdw", Option{Name: "root", Value: "/data"})
		name := Option{Name: "filename", Value: "c.csv"}
		a = addTable(t, tx, srv, "a", []string{"id", "ssn"}, name)
		same = addTable(t, tx, srv, "same", []string{"id", "ssn"}, Option{Name: "filename", Value: "/data/./c.csv"})
		other = addTable(t, tx, srv, "other", []string{"ssn", "id"}, name)
		lines = addTable(t, tx, srv, "lines", []string{"id", "ssn"}, name, Option{Name: "delimiter", Value: "|"})
	})
	s := c.Current()
	if got := s.SameSource(a); len(got) != 4 {
		t.Errorf("%d tables over one file", len(got))
	}
	for _, x := range []struct {
		rel   *Relation
		exact bool
	}{{a, true}, {same, true}, {other, false}, {lines, false}} {
		if _, exact := s.MatchColumns(x.rel, a); exact != x.exact {
			t.Errorf("%s: %v", x.rel.Name, exact)
		}
	}
}

func TestFilesOfATable(t *testing.T) {
	option := func(name, value string) Options { return Options{{Name: name, Value: value}} }
	for _, x := range []struct {
		name   string
		server Options
		rel    Relation
		file   string
		same   bool
	}{
		{"by option", nil, Relation{Options: option("filename", "/d/A.csv")}, "/d/a.csv", true},
		{"relative", option("root", "/d"), Relation{Options: option("filename", "./sub/../a.csv")}, "/d/a.csv", true},
		{"several", nil, Relation{Options: option("files", "/d/a /d/b.parquet")}, "/d/b.parquet", true},
		{"directory", nil, Relation{Options: option("directory", "/d/")}, "/d/x/y.parquet", true},
		{"imported", option("root", "/d"), Relation{Remote: &RemoteName{Schema: "", Name: "a"}}, "/d/a.csv", true},
		{"imported of public", option("root", "/d"), Relation{Remote: &RemoteName{Schema: "public", Name: "a"}}, "/d/a.csv", true},
		{"imported of a directory", option("root", "/d"), Relation{Remote: &RemoteName{Schema: "x", Name: "a"}}, "/d/x/a.csv", true},
		{"imported of another directory", option("root", "/d"), Relation{Remote: &RemoteName{Schema: "x", Name: "a"}}, "/d/a.csv", false},
		{"special characters", option("root", "/d"), Relation{Remote: &RemoteName{Name: "a[1]"}}, "/d/a[1].csv", true},
		{"default of the server", option("filename", "/d/a.csv"), Relation{}, "/d/a.csv", true},
	} {
		server := &Server{Name: "f", Wrapper: "parquet_fdw", Options: x.server}
		schema, name := x.rel.Schema, x.rel.Name
		if x.rel.Remote != nil {
			schema, name = x.rel.Remote.Schema, x.rel.Remote.Name
		}
		a := SourceObject{Server: "f", Table: files(server, &x.rel, schema, name), Files: true}
		if got := a.Same(SourceObject{Server: "f", Table: x.file, Files: true}); got != x.same {
			t.Errorf("%s: %q and %q: %v", x.name, a.Table, x.file, got)
		}
	}
}
