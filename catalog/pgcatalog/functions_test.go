package pgcatalog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// eval calls an overload with arguments in text form: name(type,type).
func (f *fixture) eval(user, signature string, args ...string) (string, error) {
	f.t.Helper()
	name, list, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	schema := function.PgCatalog
	if strings.HasPrefix(name, "_pg_") {
		schema = "information_schema"
	}
	var ids []types.OID
	if list != "" {
		for a := range strings.SplitSeq(list, ",") {
			ids = append(ids, types.ByName(a).OID)
		}
	}
	for _, o := range f.reg.Candidates(schema, name) {
		if !equalTypes(o.Args, ids) {
			continue
		}
		call := &function.Call{Ctx: context.Background(), Session: f.session(user, "public"), Ret: types.Of(o.Ret)}
		var vecs []*vector.Vec
		var datums []types.Datum
		for i, t := range ids {
			d, err := types.ParseText(types.Of(t), args[i], nil)
			if err != nil {
				f.t.Fatal(err)
			}
			call.Args = append(call.Args, types.Of(t))
			datums = append(datums, d)
			vecs = append(vecs, vector.NewConst(types.Of(t), d))
		}
		if o.Kind == function.SetReturn {
			var out []string
			err := o.Rows(call, datums, func(row []types.Datum) error {
				var cells []string
				for i, d := range row {
					t := o.Ret
					if o.RetColumns != nil {
						t = o.RetColumns[i].Type
					}
					if t == types.AnyElement {
						t = types.Int4
					}
					cells = append(cells, string(types.AppendText(nil, types.Of(t), d, nil)))
				}
				out = append(out, strings.Join(cells, "|"))
				return nil
			})
			return strings.Join(out, " "), err
		}
		out := vector.New(call.Ret, 1)
		if err := o.Kernel(call, vecs, 1, out); err != nil {
			return "", err
		}
		d := out.Datum(0)
		if d.Null {
			return "NULL", nil
		}
		return string(types.AppendText(nil, call.Ret, d, nil)), nil
	}
	f.t.Fatalf("no function %s", signature)
	return "", nil
}

func TestSystemFunctions(t *testing.T) {
	f := newFixture(t)
	id := func(name string) string { return fmt.Sprint(f.oids[name]) }
	for _, c := range []struct {
		user, signature string
		args            []string
		want            string
	}{
		{"ann", "pg_table_is_visible(oid)", []string{id("recent")}, "t"},
		{"ann", "pg_table_is_visible(oid)", []string{id("orders")}, "f"},
		{"ann", "pg_table_is_visible(oid)", []string{"1259"}, "t"},
		{"ann", "pg_table_is_visible(oid)", []string{"13295"}, "f"},
		{"ann", "pg_table_is_visible(oid)", []string{"99999"}, "NULL"},
		{"ann", "pg_type_is_visible(oid)", []string{"23"}, "t"},
		{"ann", "current_schema()", nil, "public"},
		{"ann", "current_schemas(bool)", []string{"t"}, "{pg_catalog,public}"},
		{"ann", "current_schemas(bool)", []string{"f"}, "{public}"},
		{"ann", "pg_get_userbyid(oid)", []string{"10"}, "hubsql"},
		{"ann", "pg_get_userbyid(oid)", []string{"99999"}, "unknown (OID=99999)"},
		{"ann", "pg_get_viewdef(oid)", []string{id("recent")}, " SELECT id FROM sales.orders;"},
		{"ann", "pg_get_viewdef(text)", []string{"recent"}, " SELECT id FROM sales.orders;"},
		{"ann", "pg_get_viewdef(oid,bool)", []string{id("orders"), "t"}, "NULL"},
		{"ann", "pg_get_constraintdef(oid,bool)", []string{"1", "t"}, "NULL"},
		{"ann", "obj_description(oid,name)", []string{id("orders"), "pg_class"}, "all orders"},
		{"ann", "obj_description(oid)", []string{id("orders")}, "all orders"},
		{"ann", "col_description(oid,int4)", []string{id("orders"), "2"}, "address"},
		{"ann", "shobj_description(oid,name)", []string{id("ann"), "pg_authid"}, "first"},
		{"ann", "format_type(oid,int4)", []string{"1700", "655366"}, "numeric(10,2)"},
		{"ann", "pg_describe_object(oid,oid,int4)", []string{"1259", id("orders"), "2"}, "column mail of foreign table sales.orders"},
		{"ann", "pg_describe_object(oid,oid,int4)", []string{"1259", "1247", "0"}, "table pg_type"},
		{"ann", "pg_identify_object(oid,oid,int4)", []string{"1259", "1247", "0"}, "(table,pg_catalog,pg_type,pg_catalog.pg_type)"},
		{"ann", "has_table_privilege(text,text)", []string{"sales.orders", "SELECT"}, "t"},
		{"bob", "has_table_privilege(text,text)", []string{"sales.orders", "SELECT"}, "f"},
		{"bob", "has_table_privilege(name,text,text)", []string{"ann", "sales.orders", "select with grant option"}, "t"},
		{"bob", "has_table_privilege(oid,text)", []string{"1259", "select"}, "t"},
		{"bob", "has_table_privilege(oid,text)", []string{"1260", "select"}, "f"},
		{"bob", "has_table_privilege(oid,text)", []string{"99999", "select"}, "NULL"},
		{"bob", "has_any_column_privilege(oid,text)", []string{id("orders"), "INSERT, SELECT"}, "t"},
		{"bob", "has_column_privilege(text,text,text)", []string{"sales.orders", "mail", "SELECT"}, "t"},
		{"bob", "has_column_privilege(oid,int2,text)", []string{id("orders"), "1", "SELECT"}, "f"},
		{"bob", "has_column_privilege(oid,int2,text)", []string{id("orders"), "9", "SELECT"}, "NULL"},
		{"bob", "has_schema_privilege(text,text)", []string{"sales", "USAGE"}, "t"},
		{"bob", "has_schema_privilege(text,text)", []string{"sales", "CREATE"}, "f"},
		{"bob", "has_schema_privilege(name,oid,text)", []string{"public", "11", "USAGE"}, "t"},
		{"bob", "has_server_privilege(text,text)", []string{"crm", "USAGE"}, "f"},
		{"ann", "has_server_privilege(text,text)", []string{"crm", "USAGE"}, "t"},
		{"bob", "has_database_privilege(text,text)", []string{"hubsql", "CONNECT"}, "t"},
		{"bob", "has_database_privilege(text,text)", []string{"hubsql", "CREATE"}, "f"},
		{"bob", "has_function_privilege(text,text)", []string{"pg_get_userbyid(oid)", "EXECUTE"}, "t"},
		{"ann", "pg_has_role(name,text)", []string{"pg_read_all_stats", "USAGE"}, "t"},
		{"bob", "pg_has_role(name,name,text)", []string{"ann", "pg_read_all_stats", "MEMBER"}, "t"},
		{"bob", "pg_has_role(name,text)", []string{"ann", "MEMBER"}, "f"},
		{"ann", "pg_encoding_to_char(int4)", []string{"6"}, "UTF8"},
		{"ann", "pg_char_to_encoding(name)", []string{"utf-8"}, "6"},
		{"ann", "acldefault(char,oid)", []string{"r", "10"}, "{hubsql=arwdDxt/hubsql}"},
		{"ann", "acldefault(char,oid)", []string{"d", "10"}, "{=Tc/hubsql,hubsql=CTc/hubsql}"},
		{"ann", "to_regclass(text)", []string{"nosuch"}, "NULL"},
		{"ann", "to_regtype(text)", []string{"timestamp with time zone"}, "1184"},
		{"ann", "pg_relation_size(regclass,text)", []string{"1259", "main"}, "0"},
		{"ann", "pg_total_relation_size(regclass)", []string{"99999"}, "NULL"},
		{"ann", "age(xid)", []string{"1"}, "2147483647"},
		{"ann", "pg_stat_get_numscans(oid)", []string{"1259"}, "0"},
		{"ann", "pg_get_function_arguments(oid)", []string{"1922"}, "name, text, text"},
		{"ann", "pg_get_function_result(oid)", []string{"1686"}, "SETOF record"},
		{"ann", "pg_get_function_identity_arguments(oid)", []string{"1686"}, `OUT word text, OUT catcode "char", OUT barelabel boolean, OUT catdesc text, OUT baredesc text`},
		{"ann", "pg_options_to_table(_text)", []string{"{a=b,c=d=e}"}, "a|b c|d=e"},
		{"ann", "_pg_expandarray(anyarray)", nil, ""},
		{"ann", "_pg_char_max_length(oid,int4)", []string{"1043", "24"}, "20"},
		{"ann", "row_security_active(oid)", []string{id("orders")}, "f"},
		{"bob", "row_security_active(oid)", []string{id("orders")}, "t"},
		{"ann", "pg_indexam_has_property(oid,text)", []string{"403", "can_order"}, "t"},
	} {
		if c.signature == "_pg_expandarray(anyarray)" {
			continue
		}
		got, err := f.eval(c.user, c.signature, c.args...)
		if err != nil || got != c.want {
			t.Errorf("%s: %s%v = %s, %v; want %s", c.user, c.signature, c.args, got, err, c.want)
		}
	}
}

func TestACLExplodeReadsWhatPgClassShows(t *testing.T) {
	f := newFixture(t)
	src := newSource(f.cat.Current(), f.session("ann"), f.reg, nil)
	acl := catalog.ACL{{Grantee: f.oids["bob"], Grantor: f.oids["ann"], Privs: catalog.Select | catalog.Insert, Option: catalog.Select}, {Grantee: catalog.PublicRole, Grantor: f.oids["ann"], Privs: catalog.Usage}}
	var got []string
	c := &callee{source: src, args: []types.Datum{src.acl(acl)}}
	if err := aclExplode(c, func(r []types.Datum) error {
		got = append(got, fmt.Sprintf("%v %d %s %v", oidOf(r[0]) == f.oids["ann"], oidOf(r[1]), r[2].S, r[3].Bool()))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	bob := fmt.Sprint(f.oids["bob"])
	if want := []string{"true " + bob + " INSERT false", "true " + bob + " SELECT true", "true 0 USAGE false"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v", got)
	}
}

func TestErrorsOfSystemFunctions(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		signature string
		args      []string
		code      pgerror.Code
		message   string
	}{
		{"has_table_privilege(text,text)", []string{"nosuch", "select"}, "42P01", `relation "nosuch" does not exist`},
		{"has_table_privilege(name,text,text)", []string{"nosuch", "pg_class", "select"}, "42704", `role "nosuch" does not exist`},
		{"has_table_privilege(text,text)", []string{"pg_class", "foo"}, "22023", `unrecognized privilege type: "foo"`},
		{"has_column_privilege(text,text,text)", []string{"pg_class", "nosuch", "select"}, "42703", `column "nosuch" of relation "pg_class" does not exist`},
		{"has_schema_privilege(text,text)", []string{"nosuch", "usage"}, "3F000", `schema "nosuch" does not exist`},
		{"has_server_privilege(text,text)", []string{"nosuch", "usage"}, "42704", `server "nosuch" does not exist`},
		{"has_database_privilege(text,text)", []string{"nosuch", "connect"}, "3D000", `database "nosuch" does not exist`},
		{"pg_has_role(name,text)", []string{"hubsql", "foo"}, "22023", `unrecognized privilege type: "foo"`},
		{"pg_get_viewdef(text)", []string{"nosuch"}, "42P01", `relation "nosuch" does not exist`},
		{"pg_get_serial_sequence(text,text)", []string{"pg_class", "x"}, "42703", `column "x" of relation "pg_class" does not exist`},
	} {
		_, err := f.eval("hubsql", c.signature, c.args...)
		if e := pgerror.From(err); e == nil || e.Code != c.code || e.Message != c.message {
			t.Errorf("%s%v: %v", c.signature, c.args, err)
		}
	}
}

func TestNamesPrintAndReadAsInPostgreSQL(t *testing.T) {
	f := newFixture(t)
	f.reg = function.NewRegistry()
	abs := func(t types.OID) *function.Overload {
		return &function.Overload{Name: "abs", Kind: function.Scalar, Args: []types.OID{t}, Ret: t}
	}
	plus := &function.Overload{OID: 177, Name: "int4pl", Kind: function.Scalar, Args: []types.OID{types.Int4, types.Int4}, Ret: types.Int4}
	f.reg.AddFunction(abs(types.Int4))
	f.reg.AddFunction(abs(types.Int8))
	f.reg.AddFunction(&function.Overload{OID: 1299, Name: "now", Kind: function.Scalar, Ret: types.TimestampTZ})
	f.reg.AddOperator(function.Operator{OID: 551, Name: "+", Left: types.Int4, Right: types.Int4, Fn: plus})
	f.reg.AddOperator(function.Operator{OID: 1916, Name: "+", Right: types.Int8, Fn: abs(types.Int8)})
	f.reg.AddOperator(function.Operator{OID: 96, Name: "===", Left: types.Int4, Right: types.Int4, Fn: plus})
	if err := f.reg.Freeze(); err != nil {
		t.Log(err) // the same function behind two operators
	}
	n := Names{f.cat.Current(), []string{"public"}, f.reg}
	for _, c := range []struct {
		t    types.OID
		text string
		want string // printed again, or SQLSTATE and message
	}{
		{types.RegClass, "pg_class", "pg_class"},
		{types.RegClass, " pg_class ", "pg_class"},
		{types.RegClass, "PG_CLASS", "pg_class"},
		{types.RegClass, "pg_catalog.pg_class", "pg_class"},
		{types.RegClass, "information_schema.tables", "information_schema.tables"},
		{types.RegClass, "sales.orders", "sales.orders"},
		{types.RegClass, `public."recent"`, "recent"},
		{types.RegClass, "hubsql.public.recent", "recent"},
		{types.RegClass, "99999", "99999"},
		{types.RegClass, "-", "-"},
		{types.RegClass, "nosuch", `42P01 relation "nosuch" does not exist`},
		{types.RegClass, "public.nosuch", `42P01 relation "public.nosuch" does not exist`},
		{types.RegClass, "nosuch.x", `3F000 schema "nosuch" does not exist`},
		{types.RegClass, "x y", "42602 invalid name syntax"},
		{types.RegClass, `"a`, "42602 invalid name syntax"},
		{types.RegClass, "", "42602 invalid name syntax"},
		{types.RegClass, "a.b.c.d", "42601 improper relation name (too many dotted names): a.b.c.d"},
		{types.RegClass, "99999999999", `22003 value "99999999999" is out of range for type oid`},
		{types.RegType, "int4", "integer"},
		{types.RegType, "numeric(10,2)", "numeric"},
		{types.RegType, "int4[3]", "integer[]"},
		{types.RegType, "timestamp(3) with time zone", "timestamp with time zone"},
		{types.RegType, "pg_catalog._text", "text[]"},
		{types.RegType, `"char"`, `"char"`},
		{types.RegType, "double precision", "double precision"},
		{types.RegType, "hstore", `42704 type "hstore" does not exist`},
		{types.RegType, "nosuch.t", `3F000 schema "nosuch" does not exist`},
		{types.RegProc, "now", "now"},
		{types.RegProc, "pg_catalog.array_in", "array_in"},
		{types.RegProc, "abs", `42725 more than one function named "abs"`},
		{types.RegProc, "nosuch", `42883 function "nosuch" does not exist`},
		{types.RegProcedure, "abs(int)", "abs(integer)"},
		{types.RegProcedure, "abs(uuid)", `42883 function "abs(uuid)" does not exist`},
		{types.RegProcedure, "abs", "22P02 expected a left parenthesis"},
		{types.RegOper, "+", "42725 more than one operator named +"},
		{types.RegOper, "===", "==="},
		{types.RegOper, "@@@@", "42883 operator does not exist: @@@@"},
		{types.RegOperator, "+(int4,int4)", "+(integer,integer)"},
		{types.RegOperator, "+(none,int8)", "+(NONE,bigint)"},
		{types.RegOperator, "+(int4,uuid)", "42883 operator does not exist: +(int4,uuid)"},
		{types.RegNamespace, "public", "public"},
		{types.RegNamespace, "nosuch", `3F000 schema "nosuch" does not exist`},
		{types.RegRole, "ann", "ann"},
		{types.RegRole, "nosuch", `42704 role "nosuch" does not exist`},
		{types.RegCollation, `"C"`, `"C"`},
		{types.RegCollation, "C", `42704 collation "c" for encoding "UTF8" does not exist`},
	} {
		id, err := n.Lookup(c.t, c.text)
		got := n.Text(c.t, id)
		if e := pgerror.From(err); e != nil {
			got = string(e.Code) + " " + e.Message
		}
		if got != c.want {
			t.Errorf("%s %q reads as %s, want %s", types.FormatOID(c.t), c.text, got, c.want)
		}
	}
}

func TestCastsKnowTheCatalog(t *testing.T) {
	f := newFixture(t)
	cast := func(from, to types.OID, in types.Datum) types.Datum {
		t.Helper()
		for c := range f.reg.Casts() {
			if c.From != from || c.To != to {
				continue
			}
			call := &function.Call{Ctx: context.Background(), Session: f.session("ann", "public"), Args: []types.Type{types.Of(from)}, Ret: types.Of(to)}
			out := vector.New(call.Ret, 1)
			if err := c.Fn.Kernel(call, []*vector.Vec{vector.NewConst(types.Of(from), in)}, 1, out); err != nil {
				t.Fatal(err)
			}
			return out.Datum(0)
		}
		t.Fatalf("no cast from %d to %d", from, to)
		return null
	}
	if got := cast(types.RegClass, types.Text, oid(f.oids["orders"])); got.S != "sales.orders" {
		t.Errorf("orders prints as %q", got.S)
	}
	if got := cast(types.Name, types.RegClass, str("recent")); oidOf(got) != f.oids["recent"] {
		t.Errorf("recent reads as %d", oidOf(got))
	}
	if got := cast(types.RegType, types.VarChar, oid(types.TimestampTZ)); got.S != "timestamp with time zone" {
		t.Errorf("timestamptz prints as %q", got.S)
	}
}
