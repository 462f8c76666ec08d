package ddl

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// fake is a connector and a source with fixed tables.
type fake struct{ wrapper string }

func (f fake) Wrapper() string { return f.wrapper }

func (f fake) Options() []connector.Option {
	if f.wrapper == "file_fdw" {
		return []connector.Option{
			{Name: "root", Level: connector.OnServer, Path: true},
			{Name: "filename", Level: connector.OnTable, Path: true, Required: true},
			{Name: "format", Level: connector.OnTable},
		}
	}
	return []connector.Option{
		{Name: "host", Level: connector.OnServer},
		{Name: "port", Level: connector.OnServer},
		{Name: "user", Level: connector.OnUserMapping},
		{Name: "password", Level: connector.OnUserMapping, Secret: true},
		{Name: "schema_name", Level: connector.OnTable},
		{Name: "table_name", Level: connector.OnTable},
		{Name: "column_name", Level: connector.OnColumn},
	}
}

func (f fake) Open(context.Context, connector.Config) (connector.Source, error) { return f, nil }
func (f fake) Schemas(context.Context) ([]string, error)                        { return []string{"crm"}, nil }
func (f fake) Close() error                                                     { return nil }

func (f fake) Tables(context.Context, string) ([]string, error) {
	return []string{"customers", "odd", "orders"}, nil
}

func (f fake) Table(_ context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	if ref.Name == "odd" {
		return nil, pgerror.New(pgerror.FDWError, "strange table")
	}
	return handle(ref.Name), nil
}

func (f fake) Scan(context.Context, connector.TableHandle, connector.ScanOptions) (connector.Reader, error) {
	return reader{}, nil
}

type reader struct{}

func (reader) Next(context.Context, *vector.Batch) error { return io.EOF }
func (reader) Close() error                              { return nil }

type handle string

func (h handle) String() string { return string(h) }
func (h handle) Columns() []connector.Column {
	return []connector.Column{
		{Name: "id", Type: types.Of(types.Int4), NotNull: true},
		{Name: "email", Type: types.Of(types.Text)},
		{Name: "shape", Type: types.Of(types.Text), Note: "type geometry is read as text"},
	}
}

type sources struct{}

func (sources) Open(context.Context, *catalog.Snapshot, *catalog.Server, types.OID) (connector.Source, error) {
	return fake{"postgres_fdw"}, nil
}

func (sources) Wrapper(name string) (connector.Connector, bool) {
	return fake{name}, name == "postgres_fdw" || name == "file_fdw"
}
func (sources) Wrappers() []string { return []string{"postgres_fdw", "file_fdw"} }

// noRows are the rows of tables that have none; what it does not have is not
// asked for here.
type noRows struct{ LocalRows }

func (noRows) Lock(context.Context, types.OID) error { return nil }
func (noRows) Count(context.Context, *catalog.Relation, string) (int64, error) {
	return 0, nil
}

func (noRows) Duplicates(context.Context, *catalog.Relation, []string) (bool, error) {
	return false, nil
}

// hub is a catalog with a session.
type hub struct {
	t   *testing.T
	cat *catalog.Catalog
	// sources are what statements open.
	sources SourceOpener
}

func newHub(t *testing.T) *hub {
	t.Helper()
	cat, err := catalog.Open(t.TempDir(), catalog.OpenOptions{Wrappers: sources{}.Wrappers()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cat.Close() })
	if _, err := cat.Bootstrap("admin", ""); err != nil {
		t.Fatal(err)
	}
	return &hub{t, cat, sources{}}
}

func (h *hub) env(tx *catalog.Tx, user string) *Env {
	return &Env{
		Tx: tx, Session: &session.Session{Database: "hubsql", SessionUser: user, CurrentUser: user}, SearchPath: []string{"public"}, Sources: h.sources,
		CheckMask: func(_ context.Context, _ *catalog.Relation, _ *catalog.Column, e policy.Expr) error {
			if i := strings.Index(e.SQL, "nosuch"); i >= 0 {
				return pgerror.New(pgerror.UndefinedColumn, `column "nosuch" does not exist`).At(parser.Position(e.SQL, i))
			}
			return nil
		},
		Rows:         noRows{},
		CheckDefault: func(context.Context, string, string, types.Type) error { return nil },
		CheckPolicy:  func(context.Context, *catalog.Relation, policy.Expr) error { return nil },
		BindView: func(_ context.Context, sql string) ([]catalog.Column, []types.OID, error) {
			if strings.Contains(sql, "nosuch") {
				return nil, nil, pgerror.New(pgerror.UndefinedColumn, `column "nosuch" does not exist`).At(8)
			}
			var on []types.OID
			if rel, ok := tx.Snapshot().Relation("public", "customers"); ok {
				on = []types.OID{rel.OID}
			}
			return []catalog.Column{{Name: "id", Type: types.Of(types.Int4)}}, on, nil
		},
	}
}

// run executes a text as a user and describes what happened.
func (h *hub) run(user, sql string) string {
	h.t.Helper()
	list, err := parser.Parse(sql)
	if err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	var out []string
	tx := h.cat.Begin()
	for _, st := range list {
		if !Handles(st) {
			h.t.Fatalf("%s is not for this package", sql)
		}
		res, err := Execute(context.Background(), h.env(tx, user), st)
		for _, n := range res.Notices {
			out = append(out, string(n.Severity)+": "+n.Message)
			if n.Detail != "" {
				out = append(out, "DETAIL: "+n.Detail)
			}
		}
		if err != nil {
			tx.Rollback()
			e := pgerror.From(err)
			text := "ERROR: " + string(e.Code) + " " + e.Message
			if e.Detail != "" {
				text += " DETAIL: " + e.Detail
			}
			if e.Hint != "" {
				text += " HINT: " + e.Hint
			}
			if e.Position > 0 {
				text += " AT: " + sql[parser.ByteOffset(sql, e.Position):]
			}
			return strings.Join(append(out, text), "\n")
		}
		out = append(out, res.Tag)
		for _, row := range res.Rows {
			var f []string
			for _, d := range row[:7] {
				f = append(f, d.S)
			}
			out = append(out, strings.Join(f, "|"))
		}
	}
	if err := tx.Commit(); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(out, "\n")
}

func TestStatements(t *testing.T) {
	h := newHub(t)
	for _, c := range []struct{ user, sql, want string }{
		{"admin", "create server s foreign data wrapper nope", `ERROR: 42704 foreign-data wrapper "nope" does not exist HINT: Valid wrappers are: file_fdw, postgres_fdw`},
		{"admin", "create server s foreign data wrapper postgres_fdw options (hosst 'x')", `ERROR: HV00D invalid option "hosst" HINT: Valid options in this context are: host, port`},
		{"admin", "create server s type 'pg' version '15' foreign data wrapper postgres_fdw options (host 'h')", "CREATE SERVER"},
		{"admin", "create server s foreign data wrapper postgres_fdw", `ERROR: 42710 server "s" already exists`},
		{"admin", "create server if not exists s foreign data wrapper postgres_fdw", "NOTICE: server \"s\" already exists, skipping\nCREATE SERVER"},
		{"admin", "alter server s options (set host 'i', add port '1')", "ALTER SERVER"},
		{"admin", "alter server s options (drop nope)", `ERROR: 42704 option "nope" not found`},
		{"admin", "alter server nope version '2'", `ERROR: 42704 server "nope" does not exist`},
		{"admin", "create role analyst login password 'x'; create user hr; create group staff; create role dev login", "CREATE ROLE\nCREATE ROLE\nCREATE ROLE\nCREATE ROLE"},
		{"admin", "create role hr", `ERROR: 42710 role "hr" already exists`},
		{"admin", "create role pg_x", `ERROR: 42939 role name "pg_x" is reserved DETAIL: Role names starting with "pg_" are reserved.`},
		{"dev", "create role x", "ERROR: 42501 permission denied to create role"},
		{"admin", "grant staff to analyst", "GRANT ROLE"},
		{"admin", "grant staff to analyst", "NOTICE: role \"analyst\" is already a member of role \"staff\"\nGRANT ROLE"},
		{"admin", "grant analyst to staff", `ERROR: 0LP01 role "analyst" is a member of role "staff"`},
		{"admin", "grant unmask to hr", `ERROR: 42704 role "unmask" does not exist`},
		{"dev", "grant staff to dev", `ERROR: 42501 must have admin option on role "staff"`},
		{"dev", "alter server s version '1'", "ERROR: 42501 must be owner of foreign server s"},
		{"dev", "create server t foreign data wrapper postgres_fdw", "ERROR: 42501 permission denied for foreign-data wrapper postgres_fdw"},
		{"dev", "create user mapping for dev server s options (user 'u', password 'p')", "ERROR: 42501 permission denied for foreign server s"},
		{"admin", "grant usage on foreign server s to dev", "GRANT"},
		{"dev", "create user mapping for dev server s options (user 'u', password 'p')", "CREATE USER MAPPING"},
		{"dev", "create user mapping for hr server s", "ERROR: 42501 must be owner of foreign server s"},
		{"admin", "create user mapping if not exists for dev server s", "NOTICE: user mapping for \"dev\" already exists for server \"s\", skipping\nCREATE USER MAPPING"},
		{"admin", "drop user mapping for hr server s", `ERROR: 42704 user mapping for "hr" does not exist for server "s"`},
		{"admin", "import foreign schema nope from server s into public", `ERROR: HV00P schema "nope" is not present on foreign server "s"`},
		{
			"admin", "import foreign schema crm except (orders) from server s into public",
			"NOTICE: column \"shape\" of table \"customers\": type geometry is read as text\nWARNING: table \"odd\" is not imported: strange table\nIMPORT FOREIGN SCHEMA",
		},
		{"admin", "create foreign table customers (id int) server s", `ERROR: 42P07 relation "customers" already exists`},
		{"admin", "create foreign table t2 (id int options (column_name 'x') not null, n numeric(10,2), v varchar(5)[]) server s options (table_name 't')", "CREATE FOREIGN TABLE"},
		{"admin", "create foreign table é (id nosuch) server s", `ERROR: 42704 type "nosuch" does not exist AT: nosuch) server s`},
		{"admin", "create foreign table t3 (id int primary key) server s", "ERROR: 0A000 primary key constraints are not supported on foreign tables AT: primary key) server s"},
		{"dev", "create foreign table t3 (id int) server s", "ERROR: 42501 permission denied for schema public"},
		{"admin", "create view v as select id from customers;", "CREATE VIEW"},
		{"admin", "create view w as select nosuch from customers", `ERROR: 42703 column "nosuch" does not exist AT: nosuch from customers`},
		{"admin", "create view é.w as select 1", `ERROR: 3F000 schema "é" does not exist`},
		{"admin", "drop foreign table customers", "ERROR: 2BP01 cannot drop foreign table customers because other objects depend on it DETAIL: view v depends on foreign table customers HINT: Use DROP ... CASCADE to drop the dependent objects too."},
		{"admin", "drop view customers", `ERROR: 42809 "customers" is not a view HINT: Use DROP FOREIGN TABLE to remove a foreign table.`},
		{"dev", "drop foreign table customers", "ERROR: 42501 must be owner of foreign table customers"},
		{"admin", "grant selekt on customers to dev", `ERROR: 42601 unrecognized privilege type "selekt"`},
		{"admin", "grant usage on customers to dev", "ERROR: 0LP01 invalid privilege type USAGE for table"},
		{"admin", "grant select (id, email) on customers to dev; grant select on all tables in schema public to staff", "GRANT\nGRANT"},
		{"admin", "grant select on nosuch to dev", `ERROR: 42P01 relation "nosuch" does not exist AT: nosuch to dev`},
		{"dev", "grant select on customers to hr", "ERROR: 42501 permission denied for table customers"},
		{"analyst", "grant select on customers to hr", "WARNING: no privileges were granted for \"customers\"\nGRANT"},
		{"admin", "create policy p on customers for select to analyst using (id > 1)", "CREATE POLICY"},
		{"admin", "create policy p on customers using (true)", `ERROR: 42710 policy "p" for table "customers" already exists`},
		{"admin", "create policy q on customers for insert with check (true)", "ERROR: 0A000 policies FOR INSERT are not supported"},
		{"admin", "create policy q on s.crm.customers using (true)", "ERROR: 0A000 tables addressed as server.schema.table cannot be changed HINT: Create a foreign table over it: what is defined there holds for the live table, too."},
		{"dev", "create policy q on customers using (true)", "ERROR: 42501 must be owner of foreign table customers"},
		{"admin", "alter table customers enable row level security", "ALTER TABLE"},
		{"admin", "create masking policy m on customers (email) to analyst, dev except hr using (hub.partial_mask(email)) priority 1", "CREATE MASKING POLICY"},
		{"admin", "create masking policy m on customers (email) using (1)", `ERROR: 42710 masking policy "m" for table "customers" already exists`},
		{"admin", "create masking policy m2 on customers (nope) using (1)", `ERROR: 42703 column "nope" of relation "customers" does not exist AT: nope) using (1)`},
		{"admin", "create masking policy m2 on customers (email) using ('é' || nosuch)", `ERROR: 42703 column "nosuch" does not exist AT: nosuch)`},
		{"admin", "create masking policy m2 on customers (email) to nosuch using (1)", `ERROR: 42704 role "nosuch" does not exist AT: nosuch using (1)`},
		{"admin", "create masking policy m2 on customers (email) using (hub.null_mask(email)) priority 1", `ERROR: 42P17 masking policy "m" on the same column has the same priority 1 DETAIL: Both apply to role "analyst". HINT: Give the policy another PRIORITY: the highest one wins.`},
		{"admin", "create masking policy m2 on customers (email) using (hub.null_mask(email)) priority 2", "CREATE MASKING POLICY"},
		{"admin", "show masking policies", "SHOW\nm|public|customers|email|analyst, dev|hr|hub.partial_mask(email)\nm2|public|customers|email|public||hub.null_mask(email)"},
		{"dev", "show masking policies", "SHOW"},
		{"dev", "show masking policies on customers", "ERROR: 42501 must be owner of foreign table customers"},
		{"admin", "create masking policy x on v (id) using (1)", `ERROR: 42809 "v" is not a table DETAIL: A view shows what the policies of its tables leave. HINT: Make the masking policy on the tables that the view reads.`},
		{"admin", "drop masking policy nope", `ERROR: 42704 masking policy "nope" does not exist AT: nope`},
		{"admin", "drop masking policy if exists nope on customers", "NOTICE: masking policy \"nope\" for table \"customers\" does not exist, skipping\nDROP MASKING POLICY"},
		{"dev", "drop masking policy m2", "ERROR: 42501 must be owner of table of masking policy m2"},
		{"admin", "drop masking policy m2", "DROP MASKING POLICY"},
		{"admin", "alter foreign table customers options (set table_name 'x')", `ERROR: 2BP01 cannot change the options of table "customers" while it has policies HINT: Drop its policies first, and make them again afterwards.`},
		{"admin", "alter foreign table t2 add column z date, alter column id options (drop column_name), drop column n, options (set table_name 'y')", "ALTER FOREIGN TABLE"},
		{"admin", "alter foreign table t2 rename to t4; alter foreign table t4 rename column z to y; alter table t4 owner to dev", "ALTER FOREIGN TABLE\nALTER FOREIGN TABLE\nALTER TABLE"},
		{"admin", "alter table t4 add constraint x check (true)", "ERROR: 0A000 ALTER TABLE action AddConstraint is not supported"},
		{"admin", "comment on column customers.email is 'mail'; comment on server s is 'x'; comment on foreign table customers is null", "COMMENT\nCOMMENT\nCOMMENT"},
		{"admin", "drop role analyst", `ERROR: 2BP01 role "analyst" cannot be dropped because some objects depend on it DETAIL: target of policy p on foreign table customers` + "\n" + `target of masking policy m on foreign table customers`},
		{"admin", "drop role admin", "ERROR: 55006 current user cannot be dropped"},
		{"admin", "drop role if exists nope", "NOTICE: role \"nope\" does not exist, skipping\nDROP ROLE"},
		{"admin", "alter role hr with nologin connection limit 3 valid until '2030-01-01'; alter role hr set statement_timeout = 5; alter role hr reset all", "ALTER ROLE\nALTER ROLE\nALTER ROLE"},
		{"hr", "alter role hr password 'new'", "ALTER ROLE"},
		{"hr", "alter role hr superuser", "ERROR: 42501 must be superuser to alter superuser roles or change superuser attribute"},
		{"admin", "alter role pg_monitor login", `ERROR: 42939 role name "pg_monitor" is reserved DETAIL: Cannot alter reserved roles.`},
		{"admin", "create schema crm authorization dev; create schema if not exists crm", "CREATE SCHEMA\nNOTICE: schema \"crm\" already exists, skipping\nCREATE SCHEMA"},
		{"dev", "create foreign table crm.c (id int) server s", "CREATE FOREIGN TABLE"},
		{"dev", "drop schema crm", "ERROR: 2BP01 cannot drop schema crm because other objects depend on it DETAIL: foreign table crm.c depends on schema crm HINT: Use DROP ... CASCADE to drop the dependent objects too."},
		{"dev", "drop schema crm cascade", "NOTICE: drop cascades to foreign table crm.c\nDROP SCHEMA"},
		{"dev", "create schema x", "ERROR: 42501 permission denied for database hubsql"},
		{"admin", "drop schema pg_catalog", "ERROR: 2BP01 cannot drop schema pg_catalog because it is required by the database system"},
		{"admin", "create table x (a int generated always as (1) stored)", "ERROR: 0A000 generated columns are not supported AT: generated always as (1) stored)"},
		{"admin", "create sequence x increment 0", "ERROR: 22023 INCREMENT must not be zero"},
		{"admin", "create table x (a int references y)", "ERROR: 0A000 foreign keys are not supported AT: references y)"},
		{"admin", "create foreign data wrapper x", "ERROR: 0A000 CREATE FOREIGN DATA WRAPPER is not supported"},
		{"admin", "drop foreign data wrapper postgres_fdw", "ERROR: 0A000 DROP FOREIGN DATA WRAPPER is not supported"},
		{"admin", "create index on customers (id)", "ERROR: 42809 cannot create index on relation \"customers\" DETAIL: This operation is not supported for foreign tables."},
		{"admin", "revoke select on all tables in schema public from staff; revoke usage on foreign server s from dev", "REVOKE\nREVOKE"},
		{
			"admin", "drop server s cascade",
			"NOTICE: drop cascades to 4 other objects\nDETAIL: drop cascades to user mapping for dev on server s\ndrop cascades to foreign table customers\ndrop cascades to view v\ndrop cascades to foreign table t4\nDROP SERVER",
		},
		{"admin", "drop server if exists s", "NOTICE: server \"s\" does not exist, skipping\nDROP SERVER"},
	} {
		if got := h.run(c.user, c.sql); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.user, c.sql, got, c.want)
		}
	}
	s := h.cat.Current()
	if len(s.AllMaskingPolicies())+len(s.AllRowPolicies())+len(s.UserMappings())+len(s.Relations())+len(s.Comments()) != 0 {
		t.Error("something is left behind")
	}
}

func TestFileNamesByPrivilege(t *testing.T) {
	h := newHub(t)
	h.run("admin", "create role dev; create role ops; grant pg_read_server_files to ops; grant usage on foreign data wrapper file_fdw to dev, ops; grant create on schema public to dev, ops")
	h.run("admin", "create server f foreign data wrapper file_fdw options (root '/data'); create server g foreign data wrapper file_fdw; grant usage on foreign server f, g to dev, ops")
	for _, c := range []struct {
		user, sql string
		ok        bool
	}{
		{"dev", "create server x foreign data wrapper file_fdw options (root '/')", false},
		{"dev", "create server x foreign data wrapper file_fdw options (root 'data')", false},
		{"ops", "create server x foreign data wrapper file_fdw options (root '/')", true},
		{"dev", "create foreign table a (x text) server f options (filename '/etc/passwd')", false},
		{"dev", "create foreign table a (x text) server f options (filename '../etc/passwd')", false},
		{"dev", "create foreign table a (x text) server f options (filename 'a.csv')", true},
		{"dev", "create foreign table b (x text) server g options (filename 'a.csv')", false},
		{"ops", "create foreign table c (x text) server g options (filename '/etc/passwd')", true},
		{"dev", "create foreign table d (x text) server f", false},
	} {
		got := h.run(c.user, c.sql)
		if ok := !strings.Contains(got, "ERROR"); ok != c.ok {
			t.Errorf("%s: %s: %s", c.user, c.sql, got)
		}
	}
}

func TestFailedStatementLeavesNothing(t *testing.T) {
	h := newHub(t)
	tx := h.cat.Begin()
	list, err := parser.Parse("create role a; create role b in role nosuch; create role c")
	if err != nil {
		t.Fatal(err)
	}
	for i, st := range list {
		if _, err := Execute(context.Background(), h.env(tx, "admin"), st); (err != nil) != (i == 1) {
			t.Fatal(i, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range h.cat.Current().Roles() {
		names = append(names, r.Name)
	}
	if !slices.Contains(names, "a") || slices.Contains(names, "b") || !slices.Contains(names, "c") {
		t.Errorf("%v", names)
	}
}

func TestSessionStatementsAreNotHandled(t *testing.T) {
	list, err := parser.Parse("set x = 1; show x; begin; prepare p as select 1; execute p; deallocate p; select 1; explain select 1; copy t to stdout; discard all")
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range list {
		if Handles(st) {
			t.Errorf("%s is the engine's", st.SQL)
		}
	}
}
