package masking

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// world is a catalog with one table "c" (id, email, ssn), which owner owns.
type world struct {
	t      *testing.T
	cat    *catalog.Catalog
	tx     *catalog.Tx
	server *catalog.Server
	table  *catalog.Relation
	roles  map[string]types.OID
}

func newWorld(t *testing.T, wrapper string) *world {
	t.Helper()
	cat, err := catalog.Open(t.TempDir(), catalog.OpenOptions{Wrappers: []string{wrapper}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cat.Close() })
	w := &world{t: t, cat: cat, tx: cat.Begin(), roles: map[string]types.OID{"PUBLIC": 0, "super": catalog.Bootstrap}}
	for _, name := range []string{"owner", "staff", "hr"} {
		w.role(name)
	}
	w.role("analyst", "staff")
	w.role("both", "staff", "hr")
	wr, _ := w.tx.Snapshot().Wrapper(wrapper)
	w.server = &catalog.Server{OID: w.tx.NewOID(), Name: "s", Wrapper: wrapper, WrapperID: wr.OID, Owner: catalog.Bootstrap}
	w.put(w.server)
	w.table = w.foreign("c", "owner", []string{"id", "email", "ssn"}, nil)
	return w
}

func (w *world) put(o catalog.Object) {
	w.t.Helper()
	if err := w.tx.Put(o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) role(name string, in ...string) {
	r := &catalog.Role{OID: w.tx.NewOID(), Name: name, Inherit: true, ConnLimit: -1}
	w.put(r)
	w.roles[name] = r.OID
	for _, g := range in {
		w.put(&catalog.Membership{OID: w.tx.NewOID(), Role: w.roles[g], Member: r.OID, Grantor: catalog.Bootstrap})
	}
}

func (w *world) foreign(name, owner string, columns []string, options catalog.Options) *catalog.Relation {
	r := &catalog.Relation{
		OID: w.tx.NewOID(), SchemaID: catalog.SchemaPublic, Schema: "public", Name: name, Kind: catalog.ForeignTable,
		Owner: w.roles[owner], Server: "s", ServerID: w.server.OID, Options: options,
	}
	for i, c := range columns {
		col := catalog.Column{Name: c, AttNum: int16(i + 1), Type: types.Of(types.Text)}
		if local, remote, ok := strings.Cut(c, "="); ok {
			col.Name, col.Options = local, catalog.Options{{Name: "column_name", Value: remote}}
		}
		r.Columns = append(r.Columns, col)
	}
	w.put(r)
	return r
}

func (w *world) oids(names string) []types.OID {
	var out []types.OID
	for n := range strings.FieldsSeq(names) {
		o, ok := w.roles[n]
		if !ok {
			w.t.Fatalf("no role %s", n)
		}
		out = append(out, o)
	}
	return out
}

func (w *world) mask(name string, column int16, to, except, using string, priority int32) {
	w.put(&catalog.MaskingPolicy{
		OID: w.tx.NewOID(), Name: name, Relation: w.table.OID, Column: column, To: w.oids(to), Except: w.oids(except),
		Using: using, Priority: priority, Owner: w.table.Owner,
	})
}

func (w *world) rows(name, to, using string, permissive bool) {
	w.put(&catalog.RowPolicy{OID: w.tx.NewOID(), Name: name, Relation: w.table.OID, Permissive: permissive, Command: 'r', Roles: w.oids(to), Using: using})
}

// see describes what a role gets of a relation.
func (w *world) see(role string, rel *catalog.Relation) string {
	w.t.Helper()
	p, err := Provider{}.ForTable(context.Background(), policy.Principal{Snapshot: w.tx.Snapshot(), Role: w.roles[role]}, rel)
	if err != nil {
		return "error " + string(pgerror.CodeOf(err))
	}
	var out []string
	for _, f := range p.RowFilters {
		var any []string
		for _, e := range f.Any {
			any = append(any, e.SQL)
		}
		out = append(out, "("+strings.Join(any, " or ")+")")
	}
	for _, c := range slices.Sorted(maps.Keys(p.Masks)) {
		out = append(out, c+":"+p.Masks[c].SQL)
	}
	return strings.Join(out, " ")
}

func TestMaskResolution(t *testing.T) {
	type mask struct {
		to, except, using string
		priority          int32
	}
	for _, c := range []struct {
		name  string
		masks []mask
		want  map[string]string
	}{
		{"none", nil, map[string]string{"analyst": "", "super": ""}},
		{"to a group", []mask{{"staff", "", "x", 0}}, map[string]string{"analyst": "x", "both": "x", "hr": "", "super": "", "owner": ""}},
		{"public", []mask{{"PUBLIC", "", "x", 0}}, map[string]string{"analyst": "x", "hr": "x", "super": "", "owner": ""}},
		{"public except", []mask{{"PUBLIC", "hr", "x", 0}}, map[string]string{"analyst": "x", "hr": "", "both": ""}},
		{"named owner and superuser", []mask{{"owner super", "", "x", 0}}, map[string]string{"owner": "x", "super": "x", "analyst": ""}},
		{"priority", []mask{{"PUBLIC", "", "low", 1}, {"staff", "", "high", 2}}, map[string]string{"analyst": "high", "hr": "low", "both": "high"}},
		{"except falls to the next", []mask{{"PUBLIC", "", "low", 1}, {"staff", "hr", "high", 2}}, map[string]string{"both": "low"}},
		{
			"tie by a membership: the strictest",
			[]mask{{"staff", "", "hub.partial_mask(email)", 0}, {"hr", "", "hub.full_mask(email)", 0}},
			map[string]string{"both": "hub.full_mask(email)", "analyst": "hub.partial_mask(email)"},
		},
		{
			"tie with an expression",
			[]mask{{"staff", "", "hub.null_mask(email) || hub.null_mask(x)", 0}, {"hr", "", "hub.hash_mask(email)", 0}},
			map[string]string{"both": "hub.hash_mask(email)"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "postgres_fdw")
			for i, m := range c.masks {
				w.mask("m"+string(rune('0'+i)), 2, m.to, m.except, m.using, m.priority)
			}
			for role, want := range c.want {
				if want != "" {
					want = "email:" + want
				}
				if got := w.see(role, w.table); got != want {
					t.Errorf("%s sees %q, want %q", role, got, want)
				}
			}
		})
	}
}

func TestRowPoliciesAsInPostgreSQL(t *testing.T) {
	w := newWorld(t, "postgres_fdw")
	w.rows("p1", "staff", "a", true)
	w.rows("p2", "PUBLIC", "b", true)
	w.rows("r1", "staff", "r", false)
	w.rows("p3", "hr", "c", true)
	if got := w.see("analyst", w.table); got != "" {
		t.Errorf("row security is not enabled: %s", got)
	}
	w.table = w.table.Clone()
	w.table.RowSecurity = true
	w.put(w.table)
	for role, want := range map[string]string{
		"analyst": "(a or b) (r)", "hr": "(b or c)", "both": "(a or b or c) (r)", "owner": "", "super": "",
	} {
		if got := w.see(role, w.table); got != want {
			t.Errorf("%s: %q, want %q", role, got, want)
		}
	}
	w.table = w.table.Clone()
	w.table.ForceRowSecurity = true
	w.put(w.table)
	if got := w.see("owner", w.table); got != "(b)" {
		t.Errorf("forced: owner sees %q", got)
	}
	for _, p := range w.tx.Snapshot().RowPolicies(w.table.OID) {
		w.tx.Remove(p.OID)
	}
	if got := w.see("analyst", w.table); got != "()" {
		t.Errorf("without a policy there are no rows: %q", got)
	}
}

func TestPoliciesFollowTheSourceObject(t *testing.T) {
	w := newWorld(t, "postgres_fdw")
	w.mask("m", 2, "PUBLIC", "", "hub.full_mask(email)", 0)
	w.rows("p", "PUBLIC", "id > 1", true)
	w.table = w.table.Clone()
	w.table.RowSecurity = true
	w.put(w.table)
	alias := w.foreign("alias", "analyst", []string{"num=id", "mail=email"}, catalog.Options{{Name: "schema_name", Value: "public"}, {Name: "table_name", Value: "c"}})
	other := w.foreign("other", "analyst", []string{"id", "email"}, nil)
	live := w.tx.Snapshot().Live(w.server, "public", "c", []connector.Column{{Name: "id"}, {Name: "email"}, {Name: "new"}})
	for _, c := range []struct {
		rel        *catalog.Relation
		role, want string
	}{
		{alias, "analyst", "(id > 1) mail:hub.full_mask(email)"}, // the owner of the alias is not exempt
		{alias, "owner", ""},
		{alias, "super", ""},
		{other, "analyst", ""},
		{live, "analyst", "(id > 1) email:hub.full_mask(email)"},
	} {
		if got := w.see(c.role, c.rel); got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.role, c.rel.Name, got, c.want)
		}
	}
	p, err := Provider{}.ForTable(context.Background(), policy.Principal{Snapshot: w.tx.Snapshot(), Role: w.roles["analyst"]}, alias)
	if err != nil || p.Masks["mail"].Columns["email"] != "mail" || p.Masks["mail"].Columns["id"] != "num" {
		t.Errorf("renaming %v, %v", p.Masks["mail"].Columns, err)
	}
	if _, has := p.Masks["mail"].Columns["ssn"]; has {
		t.Error("a column that the alias lacks must not resolve")
	}
}

func TestFilesReadInAnotherWayAreRefused(t *testing.T) {
	w := newWorld(t, "file_fdw")
	file := catalog.Options{{Name: "filename", Value: "/d/c.csv"}}
	w.table = w.table.Clone()
	w.table.Options = file
	w.put(w.table)
	shifted := w.foreign("shifted", "analyst", []string{"ssn", "id", "email"}, file)
	glob := w.foreign("glob", "analyst", []string{"id", "email", "ssn"}, catalog.Options{{Name: "filename", Value: "/d/*.csv"}})
	if got := w.see("analyst", shifted); got != "" {
		t.Errorf("nothing to protect yet: %s", got)
	}
	w.mask("m", 3, "staff", "", "hub.full_mask(ssn)", 0)
	if got := w.see("analyst", shifted); got != "error 42501" {
		t.Errorf("got %s", got)
	}
	if got := w.see("hr", shifted); got != "" {
		t.Errorf("not masked for hr: %s", got)
	}
	if got := w.see("analyst", glob); got != "ssn:hub.full_mask(ssn)" {
		t.Errorf("got %s", got)
	}
}

func TestResolutionFailsClosed(t *testing.T) {
	w := newWorld(t, "postgres_fdw")
	w.mask("m", 9, "PUBLIC", "", "x", 0)
	if got := w.see("analyst", w.table); got != "error XX000" {
		t.Errorf("a policy without its column: %s", got)
	}
	if _, err := (Provider{}).ForTable(context.Background(), policy.Principal{Snapshot: w.tx.Snapshot(), Role: 1}, w.table); err == nil {
		t.Error("an unknown role must not read")
	}
	if _, err := (Provider{}).ForTable(context.Background(), policy.Principal{}, w.table); err == nil {
		t.Error("no catalog, no answer")
	}
}
