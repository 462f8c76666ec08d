package mysql

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

// Schemas implements connector.Source: a schema is a database.
func (s *source) Schemas(ctx context.Context) ([]string, error) {
	return s.names(ctx, "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ('information_schema','performance_schema','mysql','sys') ORDER BY 1")
}

// Tables implements connector.Source.
func (s *source) Tables(ctx context.Context, schema string) ([]string, error) {
	return s.names(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type IN ('BASE TABLE','VIEW','SYSTEM VERSIONED') ORDER BY 1", schema)
}

// names returns the first column of a query.
func (s *source) names(ctx context.Context, query string, args ...string) ([]string, error) {
	rows, err := s.rows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r[0]
	}
	return out, nil
}

// rows runs a query of the catalog.
func (s *source) rows(ctx context.Context, query string, args ...string) (out [][]string, err error) {
	err = s.with(ctx, func(c *conn) error {
		out, err = c.rows(ctx, query, args...)
		return err
	})
	return out, err
}

// columnQuery lists the columns of a table. Names are compared by the rules of
// the catalog, which may ignore case, so they are checked again.
const columnQuery = `SELECT column_name, LOWER(data_type), LOWER(column_type), is_nullable, COALESCE(character_set_name, ''), COALESCE(collation_name, ''),
  COALESCE(numeric_precision, 0), COALESCE(numeric_scale, 0), COALESCE(character_maximum_length, 0), table_schema, table_name
FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`

// indexedQuery lists the columns that an index begins with.
const indexedQuery = "SELECT DISTINCT column_name FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? AND seq_in_index = 1"

// table is what the catalog knows of a relation. It is immutable and shared by
// the handles made of it.
type table struct {
	schema, name string
	rows         float64 // estimate, negative when unknown
	columns      []column
}

// column is one column that a handle may have.
type column struct {
	connector.Column
	expr string // what is selected
	form form   // how the driver's value becomes one of ours
	push sqltext.Column
	// remote is the column's name at the source.
	remote string
}

// Table implements connector.Source.
func (s *source) Table(ctx context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	schema, name := ref.Schema, ref.Name
	if v := ref.Options["dbname"]; v != "" {
		schema = v
	}
	if v := ref.Options["table_name"]; v != "" {
		name = v
	}
	cells, err := s.rows(ctx, columnQuery, schema, name)
	if err != nil {
		return nil, err
	}
	cells = slices.DeleteFunc(cells, func(c []string) bool { return c[9] != schema || c[10] != name })
	if len(cells) == 0 {
		return nil, pgerror.Source(s.name, pgerror.UndefinedTable, fmt.Sprintf("table \"%s.%s\" does not exist", schema, name), nil)
	}
	t := &table{schema: schema, name: name, rows: -1}
	collation, err := s.binaryCollation(ctx)
	if err != nil {
		return nil, err
	}
	size, err := s.rows(ctx, "SELECT table_rows FROM information_schema.tables WHERE table_schema = ? AND table_name = ? AND table_rows IS NOT NULL", schema, name)
	if err != nil {
		return nil, err
	}
	if len(size) == 1 {
		if n, err := strconv.ParseFloat(size[0][0], 64); err == nil {
			t.rows = n
		}
	}
	remote := make([]column, len(cells))
	for i, c := range cells {
		remote[i] = describe(c, collation)
	}
	if ref.Columns == nil {
		t.columns = remote
	} else if t.columns, err = s.declared(remote, ref.Columns); err != nil {
		return nil, err
	}
	indexed, err := s.names(ctx, indexedQuery, schema, name)
	if err != nil {
		return nil, err
	}
	for i := range t.columns {
		t.columns[i].push.Indexed = slices.Contains(indexed, t.columns[i].remote)
	}
	return newHandle(s, t), nil
}

// binaryCollation returns the server's collation that compares utf8mb4 by code
// points without padding, which is the order of bytes; "" when it has none.
func (s *source) binaryCollation(ctx context.Context) (string, error) {
	s.mu.Lock()
	known := s.collation
	s.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	rows, err := s.rows(ctx, "SELECT collation_name FROM information_schema.collations WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin') ORDER BY 1 DESC")
	if err != nil {
		return "", err
	}
	found := ""
	if len(rows) > 0 {
		found = rows[0][0]
	}
	s.mu.Lock()
	s.collation = &found
	s.mu.Unlock()
	return found, nil
}

// describe makes a column of a row of columnQuery.
func describe(c []string, collation string) column {
	name, dataType, columnType := c[0], c[1], c[2]
	precision, _ := strconv.Atoi(c[6])
	scale, _ := strconv.Atoi(c[7])
	length, _ := strconv.Atoi(c[8])
	unsigned := strings.Contains(columnType, "unsigned")
	quoted := sqltext.MySQL.Ident(name)
	col := column{Column: connector.Column{Name: name, NotNull: c[3] == "NO"}, expr: quoted, remote: name}
	col.push = sqltext.Column{Name: name, SQL: quoted}
	set := func(t types.Type, f form) { col.Type, col.form = t, f }
	local := func(reason string) { col.push.Local = "column " + name + " " + reason }
	pick := func(plain, other types.OID) types.Type {
		if unsigned {
			return types.Of(other)
		}
		return types.Of(plain)
	}
	switch dataType {
	case "tinyint":
		if strings.HasPrefix(columnType, "tinyint(1)") && !unsigned {
			set(types.Of(types.Bool), formBool)
			col.push.SQL = "(" + quoted + " <> 0)"
		} else {
			set(types.Of(types.Int2), formInt)
		}
	case "smallint":
		set(pick(types.Int2, types.Int4), formInt)
	case "mediumint":
		set(types.Of(types.Int4), formInt)
	case "int", "integer":
		set(pick(types.Int4, types.Int8), formInt)
	case "bigint":
		if unsigned {
			set(types.NumericType(20, 0), formNumeric)
		} else {
			set(types.Of(types.Int8), formInt)
		}
	case "decimal", "numeric":
		set(types.NumericType(precision, scale), formNumeric)
	case "float":
		set(types.Of(types.Float4), formFloat)
	case "double", "real":
		set(types.Of(types.Float8), formFloat)
	case "year":
		set(types.Of(types.Int4), formInt)
		col.Note = "type year is read as integer"
		local("is of type year, which has comparisons of its own")
	case "bit":
		set(types.Of(types.Int8), formBit)
		if precision > 63 {
			set(types.NumericType(20, 0), formBit)
		}
		col.Note = columnType + " is read as " + types.Lookup(col.Type.OID).Formal
		local("is of type bit")
	case "date", "datetime", "timestamp":
		set(types.Of(types.Timestamp), formTimestamp)
		if dataType == "date" {
			set(types.Of(types.Date), formDate)
		}
		// Dates with a zero in them are no dates in PostgreSQL.
		col.NotNull = false
		col.push.NullIf = fmt.Sprintf("(%[1]s IS NULL OR YEAR(%[1]s) = 0 OR MONTH(%[1]s) = 0 OR DAYOFMONTH(%[1]s) = 0)", quoted)
		if dataType == "timestamp" {
			col.push.Min, col.push.Max = 1_000_000, (1<<31-1)*1_000_000
		}
	case "time":
		set(types.Of(types.Time), formTime)
	case "char", "varchar":
		set(types.Of(types.Text), formText)
		if length > 0 && length <= 10485760 {
			col.Type = types.VarCharType(length)
		}
	case "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		set(types.Of(types.Text), formText)
	case "json":
		set(types.Of(types.JSON), formText)
		local("is of type json")
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		set(types.Of(types.Bytea), formBytes)
	case "uuid":
		set(types.Of(types.UUID), formUUID)
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection", "vector":
		set(types.Of(types.Bytea), formBytes)
		col.Note = "type " + dataType + " is read as bytea"
		local("is of type " + dataType)
	default:
		set(types.Of(types.Text), formText)
		col.Note = "type " + dataType + " is read as text"
		col.expr = "CAST(" + quoted + " AS CHAR)"
		local("is of type " + dataType)
	}
	col.push.Type = col.Type
	if col.form == formText {
		col.push.Text = textRule(name, c[4], c[5], collation)
	}
	return col
}

// textRule says how the server compares strings of a column. Under its own
// collation equal bytes are equal, but so may be other case, accents or trailing
// blanks; a binary collation that does not pad decides exactly.
func textRule(column, charset, collation, binary string) sqltext.TextRule {
	rule := sqltext.TextRule{
		Equal: connector.Superset, Like: connector.Superset, ASCII: charset != "utf8mb4",
		Why: fmt.Sprintf("collation %s of column %s is not that of bytes", collation, column),
	}
	if charset != "utf8mb4" || binary == "" {
		return rule
	}
	rule.Equal, rule.Like, rule.Order = connector.Exact, connector.Exact, true
	if collation != binary {
		rule.EqualCollate, rule.OrderCollate = " COLLATE "+binary, " COLLATE "+binary
		rule.Index = true
	}
	return rule
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
		integer := func(o types.OID) bool { return o == types.Int2 || o == types.Int4 || o == types.Int8 }
		text := func(t types.Type) bool { return t.OID == types.Text || t.OID == types.VarChar }
		switch {
		case from.OID == w.Type.OID && (w.Type.Mod == -1 || w.Type.Mod == from.Mod):
		case text(from) && text(w.Type) && (w.Type.Mod == -1 || from.Mod != -1 && from.Mod <= w.Type.Mod):
		case c.form == formInt && integer(w.Type.OID) && types.Lookup(from.OID).Len <= types.Lookup(w.Type.OID).Len:
		default:
			c.push.Local = "column " + w.Name + " is converted from " + types.Lookup(from.OID).Formal + " by HubSQL"
			c.form = formConvert
			if from.OID == types.Bool && integer(w.Type.OID) {
				// A tinyint(1) that is declared as a number is one.
				c.form = formInt
			}
		}
		out[i] = c
	}
	return out, nil
}
