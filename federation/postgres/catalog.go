package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/federation/sqltext"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Schemas implements connector.Source. System schemas are left out; they can be
// named all the same.
func (s *source) Schemas(ctx context.Context) ([]string, error) {
	return s.names(ctx, `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'USAGE') ORDER BY 1`)
}

// Tables implements connector.Source.
func (s *source) Tables(ctx context.Context, schema string) ([]string, error) {
	return s.names(ctx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition ORDER BY 1`, schema)
}

// names returns the first column of a query.
func (s *source) names(ctx context.Context, query string, args ...string) ([]string, error) {
	rows, err := s.rows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = string(r[0])
	}
	return out, nil
}

// rows runs a query of the catalog with text parameters and returns its cells as
// text, nil for NULL.
func (s *source) rows(ctx context.Context, query string, args ...string) ([][][]byte, error) {
	var out [][][]byte
	err := s.with(ctx, func(c *conn) error {
		values := make([][]byte, len(args))
		for i, a := range args {
			values[i] = []byte(a)
		}
		result := c.pg.ExecParams(ctx, query, values, nil, nil, nil).Read()
		out = result.Rows
		return result.Err
	})
	return out, err
}

// tableQuery finds a relation.
const tableQuery = `SELECT c.oid, c.relkind, c.reltuples, c.relpages, pg_encoding_to_char(d.encoding),
  d.datcollate, coalesce(to_jsonb(d)->>'datlocprovider', 'c'), current_setting('server_version_num'),
  c.relkind IN ('r','m') AND NOT c.relrowsecurity AND NOT c.relhassubclass AND c.relpersistence <> 't' AND a.amname = 'heap'
FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_database d ON d.datname = current_database()
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r','p','v','m','f')`

// columnQuery lists the columns of a relation; a domain shows the type that it
// is made of.
const columnQuery = `SELECT a.attname, a.attnotnull, b.oid, b.mod, b.typtype, b.typname, a.atttypid <> b.oid,
  coalesce(l.oid, 0), coalesce(l.collname, ''), coalesce(l.collcollate, ''), coalesce((to_jsonb(l)->>'collisdeterministic')::bool, true), coalesce(to_jsonb(l)->>'collprovider', 'c'), a.atttypid,
  EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'p' AND NOT k.condeferrable AND a.attnum = ANY (k.conkey))
FROM pg_attribute a
JOIN LATERAL (
  WITH RECURSIVE d AS (
    SELECT t.oid, a.atttypmod AS mod, t.typtype, t.typbasetype, t.typtypmod, t.typname FROM pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.oid, d.typtypmod, t.typtype, t.typbasetype, t.typtypmod, t.typname FROM d JOIN pg_type t ON d.typtype = 'd' AND t.oid = d.typbasetype)
  SELECT * FROM d WHERE typtype <> 'd' LIMIT 1) b ON true
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// table is what the catalog knows of a relation. It is immutable and shared by
// the handles made of it.
type table struct {
	schema, name string
	kind         byte
	tuples       float64 // estimate, negative when unknown
	// oid is the relation's, in digits.
	oid string
	// pages is its size when it was last analyzed or vacuumed.
	pages int64
	// ranged is set when rows can be selected cheaply by a range of ctid: a heap
	// without children or row security, at a server that has TID range scans.
	ranged  bool
	columns []column
}

// column is one column that a handle may have.
type column struct {
	connector.Column
	// expr is what is selected, wire the type it has; when it is not the type of
	// the column the text is read as that type.
	expr string
	wire types.Type
	push sqltext.Column
	// remote is the column's name at the source.
	remote string
}

// Table implements connector.Source.
func (s *source) Table(ctx context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	schema, name := ref.Schema, ref.Name
	if v := ref.Options["schema_name"]; v != "" {
		schema = v
	}
	if v := ref.Options["table_name"]; v != "" {
		name = v
	}
	if schema == "" {
		schema = "public"
	}
	found, err := s.rows(ctx, tableQuery, schema, name)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, pgerror.Source(s.name, pgerror.UndefinedTable, fmt.Sprintf("relation \"%s.%s\" does not exist", schema, name), nil)
	}
	row := found[0]
	t := &table{schema: schema, name: name, kind: row[1][0], tuples: -1}
	if n, err := strconv.ParseFloat(string(row[2]), 64); err == nil && strings.IndexByte("rmp", t.kind) >= 0 {
		// A table that was never analyzed has 0 pages; then nothing is known.
		if pages := string(row[3]); n > 0 || n == 0 && pages != "0" {
			t.tuples = n
		}
	}
	t.oid = string(row[0])
	t.pages, _ = strconv.ParseInt(string(row[3]), 10, 64)
	version, _ := strconv.Atoi(string(row[7]))
	t.ranged = version >= tidRangeScans && string(row[8]) == "t"
	if on, ok := connector.ParseBoolean(ref.Options["use_ctid_split"]); ok && !on {
		t.ranged = false
	} else if !ok && !s.ranges {
		t.ranged = false
	}
	env := encodingOf{utf8: string(row[4]) == "UTF8", collate: string(row[5]), provider: string(row[6])}
	cells, err := s.rows(ctx, columnQuery, string(row[0]))
	if err != nil {
		return nil, err
	}
	remote := make([]column, len(cells))
	for i, c := range cells {
		remote[i] = describe(c, env)
	}
	ids := make([]types.OID, len(cells))
	for i, c := range cells {
		id, _ := strconv.ParseUint(string(c[12]), 10, 32)
		ids[i] = types.OID(id)
	}
	if err := s.userTypes(ctx, remote, ids); err != nil {
		return nil, err
	}
	if ref.Columns == nil {
		t.columns = remote
	} else if t.columns, err = s.declared(remote, ref.Columns); err != nil {
		return nil, err
	}
	return newHandle(s, t), nil
}

// encodingOf is the character set and default collation of the database.
type encodingOf struct {
	utf8              bool
	collate, provider string
}

// binaryCollation reports whether a libc collation orders by code points, which
// in UTF-8 is the order of bytes.
func binaryCollation(provider, name string) bool {
	switch strings.ToLower(name) {
	case "c", "posix", "c.utf-8", "c.utf8", "ucs_basic":
		return provider == "c" || provider == "b" || provider == "d"
	}
	return false
}

// describe makes a column of a row of columnQuery.
func describe(c [][]byte, env encodingOf) column {
	name := string(c[0])
	oid, _ := strconv.ParseUint(string(c[2]), 10, 32)
	mod, _ := strconv.ParseInt(string(c[3]), 10, 32)
	quoted := sqltext.Postgres.Ident(name)
	col := column{Column: connector.Column{Name: name, NotNull: string(c[1]) == "t", Key: string(c[13]) == "t"}, expr: quoted, remote: name}
	col.Type = types.Type{OID: types.OID(oid), Mod: int32(mod)}
	// The type that the server sends, where HubSQL makes the values of text.
	wire := col.Type
	switch {
	case native(col.Type):
	case readable(col.Type):
		wire = types.Of(types.Text)
		col.expr = quoted + "::text"
	default:
		what := "type " + string(c[5])
		if string(c[4]) == "e" {
			what = "enumerated type " + string(c[5])
		}
		col.Note = what + " is read as text"
		col.Type = types.Of(types.Text)
		wire = col.Type
		col.expr = quoted + "::text"
	}
	if m := col.Type.OID; m != types.Numeric && m != types.VarChar && m != types.BPChar && m != types.Bit && m != types.VarBit {
		col.Type.Mod = -1
	}
	if wire.OID == col.Type.OID {
		wire = col.Type
	}
	col.wire = wire
	col.push = sqltext.Column{Name: name, SQL: col.expr, Type: col.Type}
	if wire != col.Type {
		col.push.Local = "column " + name + " of type " + types.Lookup(col.Type.OID).Formal + " is converted by HubSQL"
	}
	collation, collate := string(c[8]), string(c[9])
	provider := string(c[11])
	if collation == "default" {
		collate, provider = env.collate, env.provider
	}
	col.push.Text = textRule(name, collation, binaryCollation(provider, collate) || col.Type.OID == types.Name || collation == "", string(c[10]) == "t", env.utf8)
	return col
}

// textRule says how the server compares strings of a column.
func textRule(column, collation string, binary, deterministic, utf8 bool) sqltext.TextRule {
	rule := sqltext.ExactText()
	rule.ASCII = !utf8
	if !deterministic {
		// Equality too needs the order of bytes.
		rule.EqualCollate = ` COLLATE "C"`
		rule.Like = connector.Local
		rule.Why = fmt.Sprintf("collation %s of column %s is not deterministic", collation, column)
	}
	if !binary {
		rule.OrderCollate = ` COLLATE "C"`
	}
	if !utf8 {
		rule.Order = false
		rule.Why = "the database of column " + column + " is not encoded in UTF-8"
	}
	return rule
}

// native reports whether values of t have in a vector the form that the server
// sends.
func native(t types.Type) bool {
	switch t.OID {
	case types.Bool, types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric, types.Date, types.Time, types.TimeTZ,
		types.Timestamp, types.TimestampTZ, types.Interval, types.UUID, types.Text, types.VarChar, types.BPChar, types.Name, types.Bytea,
		types.JSON, types.JSONB, types.Oid:
		return true
	}
	return t.IsArray() && native(types.Of(t.Elem().OID))
}

// readable reports whether HubSQL reads the text of values of t as values of t:
// those that it knows the input of, and those that it only passes on.
func readable(t types.Type) bool {
	info := types.Lookup(t.OID)
	if info == nil || info.Pseudo || info.Category == types.CategoryComposite {
		return false
	}
	if t.IsArray() {
		return readable(types.Of(t.Elem().OID))
	}
	return info.Layout == types.LayoutBytes || t.OID == types.XID || t.OID == types.CID
}

// declared gives the columns of CREATE FOREIGN TABLE their remote expressions.
func (s *source) declared(remote []column, want []connector.Column) ([]column, error) {
	out := make([]column, len(want))
	for i, w := range want {
		name := w.Name
		if v := w.Options["column_name"]; v != "" {
			name = v
		}
		at := slices.IndexFunc(remote, func(c column) bool { return c.Name == name })
		if at < 0 {
			return nil, pgerror.Source(s.name, pgerror.UndefinedColumn, fmt.Sprintf("column %q does not exist", name), nil)
		}
		c := remote[at]
		from := c.Type
		c.Name, c.Type, c.Options, c.Note = w.Name, w.Type, w.Options, ""
		c.NotNull = c.NotNull && w.NotNull
		c.push.Name, c.push.Type = w.Name, w.Type
		switch {
		case direct(from, w.Type) && c.wire.OID != from.OID:
			// The text that describe asks for is what arrives.
		case direct(from, w.Type):
			c.wire = w.Type
		case widens(from.OID, w.Type.OID) && w.Type.Mod == -1:
			c.expr += "::" + types.Lookup(w.Type.OID).Name
			c.wire, c.push.SQL = w.Type, c.expr
			c.push.Text = sqltext.ExactText()
			c.push.Text.OrderCollate = ` COLLATE "C"`
		default:
			c.expr, c.wire = sqltext.Postgres.Ident(name)+"::text", types.Of(types.Text)
			c.push.Local = "column " + w.Name + " is converted from " + types.Lookup(from.OID).Formal + " by HubSQL"
			if sameEnum(remote[at], w) {
				// An enum is sent as its label. A cast would have the column's name, and
				// ORDER BY would mean the text.
				c.expr, c.wire = sqltext.Postgres.Ident(name), w.Type
				c.push.Local, c.push.SQL = "", c.expr
			}
		}
		out[i] = c
	}
	return out, nil
}

// direct reports whether values of one type can be delivered as the other.
func direct(from, to types.Type) bool {
	text := func(t types.Type) bool { return t.OID == types.Text || t.OID == types.VarChar }
	if text(from) && text(to) {
		return to.Mod == -1 || from.OID == types.VarChar && from.Mod != -1 && from.Mod <= to.Mod
	}
	return from.OID == to.OID && (to.Mod == -1 || from.Mod == to.Mod)
}

// widens reports whether every value of one type is a value of the other, so
// that the server may convert.
func widens(from, to types.OID) bool {
	switch from {
	case types.Int2:
		return to == types.Int4 || to == types.Int8 || to == types.Numeric || to == types.Float8 || to == types.Text
	case types.Int4:
		return to == types.Int8 || to == types.Numeric || to == types.Float8 || to == types.Text
	case types.Int8:
		return to == types.Numeric || to == types.Text
	case types.Float4:
		return to == types.Float8
	case types.Date:
		return to == types.Timestamp || to == types.Text
	case types.Numeric, types.Timestamp, types.UUID, types.JSON, types.JSONB, types.Name:
		return to == types.Text
	}
	return false
}
