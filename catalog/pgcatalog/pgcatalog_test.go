package pgcatalog

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/memory"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/expr"
)

// fixture is a catalog with one of everything.
type fixture struct {
	t    *testing.T
	cat  *catalog.Catalog
	reg  *function.Registry
	oids map[string]types.OID
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	c, err := catalog.Open(t.TempDir(), catalog.OpenOptions{Wrappers: []string{"postgres_fdw", "file_fdw"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	f := &fixture{t: t, cat: c, reg: function.NewRegistry(), oids: map[string]types.OID{}}
	tx := c.Begin()
	put := func(name string, o catalog.Object) types.OID {
		t.Helper()
		if err := tx.Put(o); err != nil {
			t.Fatal(err)
		}
		f.oids[name] = o.ID()
		return o.ID()
	}
	ann := put("ann", &catalog.Role{OID: tx.NewOID(), Name: "ann", Inherit: true, CanLogin: true, ConnLimit: -1, Settings: []catalog.Setting{{Name: "search_path", Value: "sales"}}})
	bob := put("bob", &catalog.Role{OID: tx.NewOID(), Name: "bob", Inherit: true, CanLogin: true, ConnLimit: -1})
	put("member", &catalog.Membership{OID: tx.NewOID(), Role: catalog.RoleReadAllStats, Member: ann, Grantor: catalog.Bootstrap, Admin: true})
	put("role comment", &catalog.Comment{OID: tx.NewOID(), On: catalog.ClassRole, Object: ann, Text: "first"})
	sales := put("sales", &catalog.Schema{OID: tx.NewOID(), Name: "sales", Owner: ann, ACL: catalog.ACL{
		{Grantee: ann, Grantor: ann, Privs: catalog.AllSchema}, {Grantee: bob, Grantor: ann, Privs: catalog.Usage},
	}})
	w, _ := tx.Snapshot().Wrapper("postgres_fdw")
	mapping := tx.NewOID()
	secret, err := tx.Seal(mapping, "password", "s3cr3t")
	if err != nil {
		t.Fatal(err)
	}
	server := put("crm", &catalog.Server{OID: tx.NewOID(), Name: "crm", Wrapper: "postgres_fdw", WrapperID: w.OID, Owner: ann, Options: catalog.Options{{Name: "host", Value: "db"}}})
	put("mapping", &catalog.UserMapping{OID: mapping, Server: server, Role: ann, Options: catalog.Options{{Name: "user", Value: "u"}, secret}})
	orders := put("orders", &catalog.Relation{
		OID: tx.NewOID(), SchemaID: sales, Schema: "sales", Name: "orders", Kind: catalog.ForeignTable, Owner: ann, Server: "crm", ServerID: server,
		Options: catalog.Options{{Name: "table_name", Value: "o"}}, RowSecurity: true, NextAttNum: 4,
		Columns: []catalog.Column{
			{Name: "id", AttNum: 1, Type: types.Of(types.Int4), NotNull: true},
			{Name: "mail", AttNum: 2, Options: catalog.Options{{Name: "column_name", Value: "email"}}, Type: types.VarCharType(20), ACL: catalog.ACL{{Grantee: bob, Grantor: ann, Privs: catalog.Select}}},
			{Name: "total", AttNum: 3, Type: types.NumericType(10, 2)},
		},
	})
	put("recent", &catalog.Relation{
		OID: tx.NewOID(), SchemaID: catalog.SchemaPublic, Schema: "public", Name: "recent", Kind: catalog.View, Owner: ann, NextAttNum: 2,
		ViewSQL: "SELECT id FROM sales.orders", Depends: []types.OID{orders}, Columns: []catalog.Column{{Name: "id", AttNum: 1, Type: types.Of(types.Int4)}},
	})
	put("local", &catalog.Relation{
		OID: tx.NewOID(), SchemaID: catalog.SchemaPublic, Schema: "public", Name: "notes", Kind: catalog.Table, Owner: ann, NextAttNum: 3,
		Columns: []catalog.Column{{Name: "id", AttNum: 1, Type: types.Of(types.Int4), NotNull: true}, {Name: "n", AttNum: 2, Type: types.Of(types.Int4), Default: "1 + 1"}},
		Constraints: []catalog.Constraint{
			{OID: tx.NewOID(), Name: "notes_pkey", Kind: catalog.PrimaryKey, Columns: []int16{1}},
			{OID: tx.NewOID(), Name: "notes_n_check", Kind: catalog.CheckClause, SQL: "n > 0"},
			{OID: tx.NewOID(), Name: "notes_n_idx", Kind: catalog.PlainIndex, Index: true, Columns: []int16{2}},
		},
	})
	put("sequence", &catalog.Relation{
		OID: tx.NewOID(), SchemaID: catalog.SchemaPublic, Schema: "public", Name: "numbers", Kind: catalog.Sequence, Owner: ann, NextAttNum: 4,
		Sequence: &catalog.SequenceDef{Type: types.Int4, Start: 1, Increment: 1, Min: 1, Max: 9, Cache: 1},
	})
	put("type", &catalog.UserType{
		OID: types.UserOID(types.EnumKind, tx.NewOID()), SchemaID: catalog.SchemaPublic, Name: "mood", Owner: bob, Kind: types.EnumKind,
		Labels: []types.EnumLabel{{OID: tx.NewOID(), Order: 1, Name: "sad"}, {OID: tx.NewOID(), Order: 2, Name: "ok"}},
	})
	put("policy", &catalog.RowPolicy{OID: tx.NewOID(), Name: "mine", Relation: orders, Permissive: true, Command: 'r', Roles: []types.OID{bob}, Using: "id > 1"})
	put("mask", &catalog.MaskingPolicy{OID: tx.NewOID(), Name: "hide", Relation: orders, Column: 2, To: []types.OID{catalog.PublicRole}, Using: "hub.full_mask(mail)", Owner: ann, Created: time.Unix(0, 0)})
	put("comment", &catalog.Comment{OID: tx.NewOID(), On: catalog.ClassRelation, Object: orders, Text: "all orders"})
	put("column comment", &catalog.Comment{OID: tx.NewOID(), On: catalog.ClassRelation, Object: orders, Sub: 2, Text: "address"})
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, o := range Functions(f.reg, quiet{}) {
		f.reg.AddFunction(o)
	}
	for _, c := range Casts(f.reg) {
		f.reg.AddCast(c)
	}
	if err := f.reg.Freeze(); err != nil {
		t.Fatal(err)
	}
	return f
}

// session returns a session of a user.
func (f *fixture) session(user string, path ...string) *session.Session {
	return &session.Session{
		PID: 1, Database: "hubsql", SessionUser: user, CurrentUser: user, Vars: session.NewVars(nil),
		Catalog: f.cat.Current(), SearchPath: path, Notice: func(error) {},
	}
}

// quiet is a server on which nothing happens.
type quiet struct{}

func (quiet) Backends() []Backend {
	return []Backend{{PID: 7, User: "ann", State: "active", Query: "SELECT 1", ClientAddr: "127.0.0.1", Started: time.Unix(1, 0)}}
}

func (quiet) LastValue(*catalog.Relation) (int64, bool) { return 0, false }
func (quiet) Started() time.Time                        { return time.Unix(0, 0) }

func (quiet) Settings(*session.Session) []Setting {
	return []Setting{{Name: "search_path", Value: "public", Type: "string", Context: "user", Source: "default"}}
}

// read returns the rows of a relation, as text by column.
func (f *fixture) read(user, schema, name string, keys ...key) []map[string]string {
	f.t.Helper()
	sess := f.session(user, "public")
	src := newSource(f.cat.Current(), sess, f.reg, quiet{})
	h, err := src.Table(context.Background(), connector.TableRef{Schema: schema, Name: name})
	if err != nil {
		f.t.Fatal(err)
	}
	h.(*handle).keys = keys
	account := memory.NewRoot("test", 0)
	rd, err := src.Scan(context.Background(), h, connector.ScanOptions{Account: account})
	if err != nil {
		f.t.Fatal(err)
	}
	var out []map[string]string
	var b vector.Batch
	for {
		err := rd.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			f.t.Fatal(err)
		}
		for i := range b.N {
			row := map[string]string{}
			for k, c := range h.Columns() {
				d := b.Cols[k].Datum(i)
				if !d.Null {
					row[c.Name] = string(types.AppendText(nil, c.Type, d, nil))
				}
			}
			out = append(out, row)
		}
	}
	if err := rd.Close(); err != nil {
		f.t.Fatal(err)
	}
	if account.Used() != 0 {
		f.t.Errorf("%s.%s: %d bytes left in the account", schema, name, account.Used())
	}
	return out
}

// find returns the first row whose column has a value.
func find(t *testing.T, rows []map[string]string, column, value string) map[string]string {
	t.Helper()
	for _, r := range rows {
		if r[column] == value {
			return r
		}
	}
	t.Fatalf("no row with %s = %s", column, value)
	return nil
}

func TestEveryRelationOfPostgreSQLExistsWithItsColumns(t *testing.T) {
	b, err := os.ReadFile("testdata/columns.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		r, ok := Relation(f[0], f[1])
		if !ok {
			t.Errorf("%s.%s does not exist", f[0], f[1])
			continue
		}
		var cols []string
		for _, c := range r.visible() {
			cols = append(cols, c.Name+":"+types.Lookup(c.Type.OID).Name)
		}
		if want := f[2]; strings.Join(cols, ",") != want {
			t.Errorf("%s.%s has %v instead of %s", f[0], f[1], cols, want)
		}
		n++
	}
	if n < 200 {
		t.Errorf("%d relations known", n)
	}
}

func TestOIDsOfRelationsAreUniqueAndBelowUsers(t *testing.T) {
	seen := map[types.OID]bool{catalog.SchemaPgCatalog: true, catalog.SchemaInformation: true, catalog.SchemaHub: true, catalog.SchemaPublic: true}
	for _, r := range Relations() {
		if seen[r.OID] || r.OID >= catalog.FirstNormal {
			t.Errorf("%s.%s has OID %d", r.Schema, r.Name, r.OID)
		}
		seen[r.OID] = true
	}
}

func TestEveryContentHasTheColumnsOfItsRelation(t *testing.T) {
	f := newFixture(t)
	for name := range contents {
		r, ok := Relation(name.schema, name.name)
		if !ok {
			t.Errorf("%v is no relation", name)
			continue
		}
		src := newSource(f.cat.Current(), f.session("hubsql"), f.reg, quiet{})
		x := &scan{source: src, handle: &handle{rel: r}, width: len(r.visible()), sink: func([]types.Datum) error { return nil }}
		contents[name](x)
		if x.err != nil {
			t.Error(x.err)
		}
		if x.row == 0 && !slices.Contains([]string{"pg_aggregate", "pg_operator", "pg_cast"}, name.name) {
			t.Errorf("%s.%s is empty", name.schema, name.name)
		}
		f.read("hubsql", name.schema, name.name)
	}
}

func TestKeysFindRowsByOID(t *testing.T) {
	f := newFixture(t)
	r, _ := Relation("pg_catalog", "pg_attribute")
	k := func(o types.OID) key { return key{column: 0, values: []types.Datum{oid(o)}} }
	got := f.read("ann", "pg_catalog", "pg_attribute", k(f.oids["orders"]))
	if len(got) != 3 || got[1]["attname"] != "mail" || got[1]["atttypmod"] != "24" || got[1]["attacl"] != "{bob=r/ann}" {
		t.Errorf("got %v", got)
	}
	if got := f.read("ann", "pg_catalog", "pg_attribute", k(r.OID)); len(got) != len(r.Columns) {
		t.Errorf("pg_attribute has %d columns", len(got))
	}
	if got := f.read("ann", "pg_catalog", "pg_class", k(1259)); len(got) != 1 || got[0]["relname"] != "pg_class" || got[0]["relkind"] != "r" {
		t.Errorf("got %v", got)
	}
}

func TestEqualityBecomesAKey(t *testing.T) {
	col := &expr.Column{ID: 3, T: types.Of(types.Oid)}
	seven := &expr.Const{T: types.Of(types.Int4), Value: types.IntDatum(7)}
	for _, c := range []struct {
		e    expr.Expr
		want int
		ok   bool
	}{
		{&expr.Call{Op: "=", Args: []expr.Expr{col, &expr.Relabel{Arg: seven, T: types.Of(types.Oid)}}}, 1, true},
		{&expr.Call{Op: "=", Args: []expr.Expr{&expr.Relabel{Arg: seven, T: types.Of(types.Oid)}, col}}, 1, true},
		{&expr.Call{Op: "<>", Args: []expr.Expr{col, seven}}, 0, false},
		{&expr.Call{Op: "=", Args: []expr.Expr{col, &expr.Const{T: types.Of(types.Int8), Value: types.IntDatum(7)}}}, 0, false},
		{&expr.InList{Arg: col, Items: []expr.Expr{seven, seven}}, 2, true},
		{&expr.InList{Arg: col, Items: []expr.Expr{seven}, Not: true}, 0, false},
		{&expr.ArrayCompare{Left: col, Op: "=", Array: &expr.Const{T: types.Of(types.OidArray), Value: oids([]types.OID{1, 2, 3})}}, 3, true},
		{&expr.Call{Op: "=", Args: []expr.Expr{col, &expr.Const{T: types.Of(types.Oid), Value: types.Null}}}, 0, true},
	} {
		column, values, ok := keyOf(c.e)
		if ok != c.ok || len(values) != c.want || ok && column != 3 {
			t.Errorf("%v: %d %v %v", c.e, column, values, ok)
		}
	}
}

func TestProjectionReadsOnlyWhatIsAskedFor(t *testing.T) {
	f := newFixture(t)
	src := newSource(f.cat.Current(), f.session("ann"), f.reg, quiet{})
	h, err := src.Table(context.Background(), connector.TableRef{Schema: "pg_catalog", Name: "pg_class"})
	if err != nil {
		t.Fatal(err)
	}
	h, _ = src.PushProject(h, []int{16, 1})
	if c := h.Columns(); len(c) != 2 || c[0].Name != "relkind" || c[1].Name != "relname" {
		t.Errorf("columns %v", c)
	}
	none, _ := src.PushProject(h, nil)
	rd, err := src.Scan(context.Background(), none, connector.ScanOptions{BatchSize: 64})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var b vector.Batch
	for rd.Next(context.Background(), &b) == nil {
		n += b.N
	}
	if n != len(Relations())+6 {
		t.Errorf("%d rows", n)
	}
	// A reader that is closed early ends its coroutine.
	rd, _ = src.Scan(context.Background(), h, connector.ScanOptions{BatchSize: 64})
	if err := rd.Next(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rd.Close(), rd.Close()); err != nil {
		t.Error(err)
	}
}

func TestSecretsAreShownNowhere(t *testing.T) {
	f := newFixture(t)
	for _, r := range Relations() {
		for _, row := range f.read("hubsql", r.Schema, r.Name) {
			for column, v := range row {
				if strings.Contains(v, "s3cr3t") || strings.Contains(v, "password=") {
					t.Errorf("%s.%s.%s shows %s", r.Schema, r.Name, column, v)
				}
			}
		}
	}
}

func TestUserMappingsShowOptionsToTheirUserOnly(t *testing.T) {
	f := newFixture(t)
	for user, want := range map[string]string{"hubsql": "{user=u}", "ann": "{user=u}", "bob": ""} {
		if got := f.read(user, "pg_catalog", "pg_user_mappings"); got[0]["umoptions"] != want {
			t.Errorf("%s sees %v", user, got[0])
		}
	}
}

func TestInformationSchemaFollowsPrivileges(t *testing.T) {
	f := newFixture(t)
	count := func(user, relation string, column, value string) int {
		n := 0
		for _, r := range f.read(user, "information_schema", relation) {
			if r[column] == value {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		user, relation, column, value string
		want                          int
	}{
		{"ann", "columns", "table_name", "orders", 3},
		{"bob", "columns", "table_name", "orders", 1},
		{"bob", "tables", "table_name", "orders", 1},
		{"bob", "tables", "table_name", "recent", 0},
		{"bob", "tables", "table_name", "pg_class", 1},
		{"bob", "tables", "table_name", "pg_authid", 0},
		{"bob", "schemata", "schema_name", "sales", 1},
		{"bob", "foreign_servers", "foreign_server_name", "crm", 0},
		{"ann", "foreign_servers", "foreign_server_name", "crm", 1},
		{"bob", "column_privileges", "column_name", "mail", 1},
		{"ann", "table_privileges", "table_name", "orders", 7},
	} {
		if got := count(c.user, c.relation, c.column, c.value); got != c.want {
			t.Errorf("%s sees %d rows of %s with %s = %s, not %d", c.user, got, c.relation, c.column, c.value, c.want)
		}
	}
	mail := find(t, f.read("ann", "information_schema", "columns"), "column_name", "mail")
	if mail["character_maximum_length"] != "20" || mail["character_octet_length"] != "80" || mail["data_type"] != "character varying" || mail["udt_name"] != "varchar" {
		t.Errorf("mail is %v", mail)
	}
	total := find(t, f.read("ann", "information_schema", "columns"), "column_name", "total")
	if total["numeric_precision"] != "10" || total["numeric_scale"] != "2" || total["numeric_precision_radix"] != "10" {
		t.Errorf("total is %v", total)
	}
}
