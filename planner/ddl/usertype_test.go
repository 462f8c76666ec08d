package ddl

import (
	"context"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

// typed is a source with one table, whose columns are of types made there.
type typed struct {
	fake
	mood []string
}

func (s *typed) Tables(context.Context, string) ([]string, error) { return []string{"people"}, nil }

func (s *typed) Table(context.Context, connector.TableRef) (connector.TableHandle, error) {
	return typedHandle{s}, nil
}

type typedHandle struct{ source *typed }

func (h typedHandle) String() string { return "people" }

func (h typedHandle) Columns() []connector.Column {
	mood := &connector.UserType{Kind: types.EnumKind, Schema: "crm", Name: "mood", Labels: h.source.mood}
	age := &connector.UserType{
		Kind: types.DomainKind, Schema: "crm", Name: "age", Base: connector.Column{Type: types.Of(types.Int4)},
		Checks: []connector.DomainCheck{{Name: "age_check", SQL: "(VALUE > 0)"}},
	}
	pair := &connector.UserType{Kind: types.CompositeKind, Schema: "crm", Name: "pair", Columns: []connector.Column{
		{Name: "m", User: mood}, {Name: "a", User: age}, {Name: "t", Type: types.Of(types.Text)},
	}}
	return []connector.Column{
		{Name: "m", Type: types.Of(types.Text), User: mood, Note: "read as text"},
		{Name: "ms", Type: types.Of(types.Text), User: mood, Array: true},
		{Name: "a", Type: types.Of(types.Int4), User: age},
		{Name: "p", Type: types.Of(types.Text), User: pair},
	}
}

// Open implements SourceOpener.
func (s *typed) Open(context.Context, *catalog.Snapshot, *catalog.Server, types.OID) (connector.Source, error) {
	return s, nil
}
func (s *typed) Wrapper(name string) (connector.Connector, bool) { return fake{name}, true }
func (s *typed) Wrappers() []string                              { return []string{"postgres_fdw"} }

// labels are those of the enum mood in a schema.
func (h *hub) labels(schema string) string {
	t, ok := h.cat.Current().Type(schema, "mood")
	if !ok {
		return "none"
	}
	var out []string
	for _, l := range t.Labels {
		out = append(out, l.Name)
	}
	return strings.Join(out, ",")
}

func TestImportBringsTypesAlong(t *testing.T) {
	h := newHub(t)
	src := &typed{mood: []string{"sad", "ok"}}
	h.sources = src
	h.run("admin", "create server s foreign data wrapper postgres_fdw; create schema a; create schema b")
	if got := h.run("admin", "import foreign schema crm from server s into a"); got != "IMPORT FOREIGN SCHEMA" {
		t.Fatal(got)
	}
	rel, _ := h.cat.Current().Relation("a", "people")
	mood, _ := h.cat.Current().Type("a", "mood")
	age, _ := h.cat.Current().Type("a", "age")
	pair, _ := h.cat.Current().Type("a", "pair")
	want := []types.Type{types.Of(mood.OID), types.Of(mood.OID).ArrayOf(), {OID: types.Int4, Mod: -1, Domain: age.OID}, types.Of(pair.OID)}
	for i, w := range want {
		if rel.Columns[i].Type != w {
			t.Errorf("column %s has type %v, want %v", rel.Columns[i].Name, rel.Columns[i].Type, w)
		}
	}
	if pair.Columns[0].Type != want[0] || pair.Columns[1].Type != want[2] || len(age.Checks) != 1 {
		t.Errorf("types in types: %v, %v", pair.Columns, age.Checks)
	}
	order := mood.Labels[0].Order

	// A second import finds the types; new labels take their places.
	src.mood = []string{"worst", "sad", "so-so", "ok", "happy"}
	if got := h.run("admin", "drop foreign table a.people; import foreign schema crm from server s into a"); got != "DROP FOREIGN TABLE\nIMPORT FOREIGN SCHEMA" {
		t.Fatal(got)
	}
	if got := h.labels("a"); got != "worst,sad,so-so,ok,happy" {
		t.Error(got)
	}
	mood, _ = h.cat.Current().Type("a", "mood")
	if mood.Labels[1].Order != order {
		t.Error("a label has moved")
	}

	// A label that is gone, and a type that was made here, are conflicts.
	src.mood = []string{"sad", "ok"}
	const differs = `ERROR: 42710 type "mood" already exists DETAIL: Its labels differ from those of the type at the source. HINT: Import into another schema, or drop or rename the type.`
	if got := h.run("admin", "drop foreign table a.people; import foreign schema crm from server s into a"); !strings.HasSuffix(got, differs) {
		t.Error(got)
	}
	h.run("admin", "create type b.mood as enum ('sad')")
	if got := h.run("admin", "import foreign schema crm from server s into b"); got != differs {
		t.Error(got)
	}
	h.run("admin", "drop type b.mood; create type b.mood as enum ('sad', 'ok')")
	if got := h.run("admin", "import foreign schema crm from server s into b"); got != "IMPORT FOREIGN SCHEMA" {
		t.Error(got)
	}
}

func TestTypeStatements(t *testing.T) {
	h := newHub(t)
	for _, c := range []struct{ user, sql, want string }{
		{"admin", "create type mood as enum ('sad', 'ok')", "CREATE TYPE"},
		{"admin", "create type mood as enum ('x')", `ERROR: 42710 type "mood" already exists`},
		{"admin", "create type m2 as enum ('" + strings.Repeat("x", 64) + "')", `ERROR: 42602 invalid enum label "` + strings.Repeat("x", 64) + `" DETAIL: Labels must be 63 bytes or less.`},
		{"admin", "alter type mood add value 'happy'; alter type mood add value 'worst' before 'sad'; alter type mood add value 'so-so' after 'sad'", "ALTER TYPE\nALTER TYPE\nALTER TYPE"},
		{"admin", "alter type mood add value 'ok'", `ERROR: 42710 enum label "ok" already exists`},
		{"admin", "alter type mood add value if not exists 'ok'", "NOTICE: enum label \"ok\" already exists, skipping\nALTER TYPE"},
		{"admin", "alter type mood add value 'x' before 'nope'", `ERROR: 22023 "nope" is not an existing enum label`},
		{"admin", "alter type mood rename value 'happy' to 'glad'", "ALTER TYPE"},
		{"admin", "alter type mood rename value 'happy' to 'x'", `ERROR: 22023 "happy" is not an existing enum label`},
		{"admin", "create type pair as (m mood, n int4)", "CREATE TYPE"},
		{"admin", "create type bad as (p pair, p int)", `ERROR: 42701 column "p" specified more than once`},
		{"admin", "alter type pair add value 'x'", "ERROR: 42809 pair is not an enum"},
		{"admin", "alter type pair rename attribute n to o", "ALTER TYPE"},
		{"admin", "create type r as range (subtype = int4)", "ERROR: 0A000 CREATE TYPE ... AS RANGE is not supported"},
		{"admin", "create domain age as int4 default 1 not null check (value > 0)", "CREATE DOMAIN"},
		{"admin", "create domain bad as int4 null not null", "ERROR: 42601 conflicting NULL/NOT NULL constraints"},
		{"admin", "create domain bad as nosuch", `ERROR: 42704 type "nosuch" does not exist AT: nosuch`},
		{"admin", "alter domain age drop constraint age_check", "ALTER DOMAIN"},
		{"admin", "alter domain age drop constraint age_check", `ERROR: 42704 constraint "age_check" of domain "age" does not exist`},
		{"admin", "alter domain mood drop default", "ERROR: 42809 mood is not a domain"},
		{"admin", "create table t (m mood, a age, ps pair[], n int)", "CREATE TABLE"},
		{"admin", "alter type mood rename value 'glad' to 'x'", `ERROR: 0A000 a label cannot be renamed while table "t" has a column of the type`},
		{"admin", "drop type mood", "ERROR: 2BP01 cannot drop type mood because other objects depend on it DETAIL: column m of table t depends on type mood\ntype pair depends on type mood HINT: Use DROP ... CASCADE to drop the dependent objects too."},
		{"admin", "drop domain mood", `ERROR: 42809 "mood" is not a domain`},
		{"admin", "drop type if exists nope", "NOTICE: type \"nope\" does not exist, skipping\nDROP TYPE"},
		{"admin", "drop type int4", "ERROR: 2BP01 cannot drop type integer because it is required by the database system"},
		{"admin", "comment on type mood is 'how'", "COMMENT"},
		{"admin", "create role dev", "CREATE ROLE"},
		{"dev", "drop type mood", "ERROR: 42501 must be owner of type mood"},
		{"dev", "alter type mood add value 'x'", "ERROR: 42501 must be owner of type mood"},
		{"dev", "create type x as enum ()", "ERROR: 42501 permission denied for schema public"},
		{"admin", "alter type mood owner to dev", "ALTER TYPE"},
		{"admin", "drop role dev", "ERROR: 2BP01 role \"dev\" cannot be dropped because some objects depend on it DETAIL: owner of type mood"},
		{"admin", "alter type mood rename to feeling", "ALTER TYPE"},
		{"admin", "alter type t rename to u", "ERROR: 42809 t is a table's row type HINT: Use ALTER TABLE instead."},
		{"admin", "drop type feeling cascade", "NOTICE: drop cascades to 2 other objects\nDETAIL: drop cascades to column m of table t\ndrop cascades to type pair\nNOTICE: drop cascades to column ps of table t\nDROP TYPE"},
		{"admin", "drop domain age cascade", "NOTICE: drop cascades to column a of table t\nDROP DOMAIN"},
		{"admin", "create schema s; create type s.e as enum ('a'); create type s.r as (e s.e)", "CREATE SCHEMA\nCREATE TYPE\nCREATE TYPE"},
		{"admin", "drop schema s", "ERROR: 2BP01 cannot drop schema s because other objects depend on it DETAIL: type s.e depends on schema s\ntype s.r depends on type s.e HINT: Use DROP ... CASCADE to drop the dependent objects too."},
		{"admin", "drop schema s cascade", "NOTICE: drop cascades to 2 other objects\nDETAIL: drop cascades to type s.e\ndrop cascades to type s.r\nDROP SCHEMA"},
	} {
		if got := h.run(c.user, c.sql); got != c.want {
			t.Errorf("%s: %s\ngot:  %s\nwant: %s", c.user, c.sql, got, c.want)
		}
	}
	rel, _ := h.cat.Current().Relation("public", "t")
	if len(rel.Columns) != 1 || len(h.cat.Current().Types()) != 0 {
		t.Errorf("left: %v, %v", rel.Columns, h.cat.Current().Types())
	}
}

func TestLabelsRunOutOfRoomWithAnError(t *testing.T) {
	h := newHub(t)
	h.run("admin", "create type e as enum ('a', 'z')")
	for i := range 40 {
		got := h.run("admin", "alter type e add value 'l"+strings.Repeat("x", i)+"' before 'z'")
		if strings.HasPrefix(got, "ERROR: 54000") && i > 10 {
			return
		}
		if got != "ALTER TYPE" {
			t.Fatalf("%d: %s", i, got)
		}
	}
	t.Error("the order has no end")
}
