package pgcatalog

import (
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// missing reports whether an error only says that an object does not exist or a
// name is ambiguous.
func missing(err error) bool {
	switch pgerror.CodeOf(err) {
	case pgerror.UndefinedTable, pgerror.UndefinedObject, pgerror.UndefinedFunction, pgerror.AmbiguousFunction, pgerror.InvalidSchemaName:
		return true
	}
	return false
}

// objectFunctions describe objects by their OIDs.
var objectFunctions = map[string]scalar{
	"pg_get_userbyid": func(c *callee) (types.Datum, error) {
		if r, ok := c.snap.RoleByOID(c.oid(0)); ok {
			return str(r.Name), nil
		}
		return str("unknown (OID=" + strconv.FormatUint(uint64(c.oid(0)), 10) + ")"), nil
	},
	"obj_description(oid,name)": func(c *callee) (types.Datum, error) {
		return c.comment(c.text(1), c.oid(0), 0), nil
	},
	"obj_description(oid)": func(c *callee) (types.Datum, error) {
		for _, class := range []string{"pg_class", "pg_namespace", "pg_foreign_server", "pg_policy", "pg_foreign_data_wrapper", "pg_type", "pg_proc"} {
			if d := c.comment(class, c.oid(0), 0); !d.Null {
				return d, nil
			}
		}
		return null, nil
	},
	"col_description": func(c *callee) (types.Datum, error) {
		return c.comment("pg_class", c.oid(0), c.int(1)), nil
	},
	"shobj_description": func(c *callee) (types.Datum, error) {
		return c.comment(c.text(1), c.oid(0), 0), nil
	},
	"pg_describe_object": func(c *callee) (types.Datum, error) {
		_, _, _, _, s := c.identify(c.oid(0), c.oid(1), c.int(2))
		return orNull(s), nil
	},
	"pg_identify_object": func(c *callee) (types.Datum, error) {
		kind, schema, name, identity, _ := c.identify(c.oid(0), c.oid(1), c.int(2))
		fields := []types.Field{{Type: types.Text, Value: orNull(kind)}, {Type: types.Text, Value: orNull(schema)}, {Type: types.Text, Value: orNull(name)}, {Type: types.Text, Value: orNull(identity)}}
		return types.Datum{S: string(types.AppendRecord(nil, fields))}, nil
	},
	"format_type": func(c *callee) (types.Datum, error) {
		switch {
		case c.args[0].Null:
			return null, nil
		case c.args[1].Null:
			return str(c.names.TypeName(c.oid(0))), nil
		}
		return str(c.names.FormatType(types.Type{OID: c.oid(0), Mod: c.int(1)})), nil
	},
	"pg_typeof": func(c *callee) (types.Datum, error) { return oid(c.call.Args[0].OID), nil },
	"pg_get_serial_sequence": func(c *callee) (types.Datum, error) {
		id, err := c.names.Lookup(types.RegClass, c.text(0))
		if err != nil {
			return null, err
		}
		_, err = c.columnNumber(id, c.text(1))
		return null, err
	},
	"age(xid)": func(c *callee) (types.Datum, error) {
		x := uint32(c.args[0].I)
		if x < 3 { // never too old
			return num(1<<31 - 1), nil
		}
		return types.IntDatum(int64(int32(txID(c.snap) - x))), nil
	},
	"txid_current":                  func(c *callee) (types.Datum, error) { return num(int(txID(c.snap))), nil },
	"txid_current_if_assigned":      constant(null),
	"pg_partition_root":             constant(null),
	"pg_is_other_temp_schema":       constant(yes(false)),
	"pg_my_temp_schema":             constant(num(0)),
	"pg_relation_is_publishable":    existing(yes(false)),
	"pg_relation_is_updatable":      constant(num(0)),
	"pg_column_is_updatable":        constant(yes(false)),
	"pg_relation_filenode":          constant(null),
	"pg_relation_filepath":          constant(null),
	"pg_collation_actual_version":   constant(null),
	"pg_index_column_has_property":  constant(null),
	"pg_index_has_property":         constant(null),
	"pg_get_replica_identity_index": constant(null),
	"pg_indexam_has_property": func(c *callee) (types.Datum, error) {
		const btree, hash types.OID = 403, 405
		switch am := c.oid(0); c.text(1) {
		case "can_order", "can_unique", "can_multi_col", "can_include":
			if am == btree || am == hash {
				return yes(am == btree), nil
			}
		case "can_exclude":
			if am == btree || am == hash {
				return yes(true), nil
			}
		}
		return null, nil
	},
	"row_security_active": func(c *callee) (types.Datum, error) {
		id := c.oid(0)
		if c.named(0) {
			var err error
			if id, err = c.names.Lookup(types.RegClass, c.text(0)); err != nil {
				return null, err
			}
		}
		r, ok := c.snap.RelationByOID(id)
		if !ok {
			_, system := RelationByOID(id)
			return types.Datum{Null: !system}, nil
		}
		return yes(r.RowSecurity && !c.roles.Bypass && (r.ForceRowSecurity || !c.owns(r.Owner))), nil
	},
}

// existing returns a value for relations that exist and NULL for others.
func existing(d types.Datum) scalar {
	return func(c *callee) (types.Datum, error) {
		if _, _, ok := c.names.relationName(c.oid(0)); ok {
			return d, nil
		}
		return null, nil
	}
}

// comment returns the comment on an object of a system catalog.
func (c *callee) comment(class string, object types.OID, sub int32) types.Datum {
	r, ok := Relation(function.PgCatalog, class)
	if !ok {
		return null
	}
	id := catalog.Class(r.OID)
	if class == "pg_authid" || class == "pg_roles" {
		id = catalog.ClassRole
	}
	text, ok := c.snap.Comment(id, object, sub)
	if !ok {
		return null
	}
	return str(text)
}

// columnNumber finds a column of a relation, 42703 when there is none.
func (s *source) columnNumber(rel types.OID, name string) (int16, error) {
	if r, ok := RelationByOID(rel); ok {
		for _, c := range r.Columns {
			if c.Name == name {
				return c.AttNum, nil
			}
		}
	} else if r, ok := s.snap.RelationByOID(rel); ok {
		if c, ok := r.Column(name); ok {
			return c.AttNum, nil
		}
	}
	_, relation, _ := s.names.relationName(rel)
	return 0, pgerror.Newf(pgerror.UndefinedColumn, "column %q of relation %q does not exist", name, relation)
}

// columnName is the inverse of columnNumber, "" when there is none.
func (s *source) columnName(rel types.OID, number int16) string {
	if r, ok := RelationByOID(rel); ok {
		for _, c := range r.Columns {
			if c.AttNum == number {
				return c.Name
			}
		}
	} else if r, ok := s.snap.RelationByOID(rel); ok {
		if c, ok := r.ColumnByNumber(number); ok {
			return c.Name
		}
	}
	return ""
}

// identify names an object of a class: its kind, schema, name and identity as
// pg_identify_object does, and its description as pg_describe_object does. All
// are "" when there is none.
func (s *source) identify(class, object types.OID, sub int32) (kind, schema, name, identity, description string) {
	plain := func(kind, name string) (string, string, string, string, string) {
		return kind, "", QuoteIdent(name), QuoteIdent(name), kind + " " + name
	}
	switch catalog.Class(class) {
	case catalog.ClassRelation:
		relSchema, relName, ok := s.names.relationName(object)
		if !ok {
			return
		}
		kind = "table"
		if r, ok := s.snap.RelationByOID(object); ok {
			kind = r.Kind.String()
		} else if r, ok := RelationByOID(object); ok && r.Kind == 'v' {
			kind = "view"
		}
		identity = QuoteIdent(relSchema) + "." + QuoteIdent(relName)
		description = kind + " " + s.names.Text(types.RegClass, object)
		if sub != 0 {
			column := s.columnName(object, int16(sub))
			if column == "" {
				return "", "", "", "", ""
			}
			return kind + " column", QuoteIdent(relSchema), QuoteIdent(relName), identity + "." + QuoteIdent(column), "column " + column + " of " + description
		}
		return kind, QuoteIdent(relSchema), QuoteIdent(relName), identity, description
	case catalog.ClassSchema:
		if n := s.names.schemaName(object); n != "" {
			return plain("schema", n)
		}
	case catalog.ClassRole:
		if r, ok := s.snap.RoleByOID(object); ok {
			return plain("role", r.Name)
		}
	case catalog.ClassServer:
		if v, ok := s.snap.ServerByOID(object); ok {
			return plain("server", v.Name)
		}
	case catalog.ClassDatabase:
		if object == databaseOID {
			return plain("database", s.database)
		}
	case catalog.ClassWrapper:
		if o, ok := s.snap.Object(object); ok {
			if w, ok := o.(*catalog.Wrapper); ok {
				return plain("foreign-data wrapper", w.Name)
			}
		}
	case catalog.ClassType:
		if t, ok := s.snap.TypeByOID(object); ok {
			schema, _ := s.snap.SchemaByOID(t.SchemaID)
			full := s.names.TypeName(object)
			return "type", schema.Name, QuoteIdent(t.Name), full, "type " + full
		}
		if t := types.Lookup(object); t != nil {
			return "type", function.PgCatalog, QuoteIdent(t.Name), t.Formal, "type " + t.Formal
		}
	case 1255: // pg_proc
		if f := s.names.functionByOID(object); f != nil {
			signature := f.Name + typeList(f.Args)
			return "function", QuoteIdent(f.Schema), "", QuoteIdent(f.Schema) + "." + signature, "function " + signature
		}
	case 2618: // pg_rewrite
		if r, ok := s.snap.RelationByOID(object); ok && r.Kind == catalog.View {
			view := s.names.Text(types.RegClass, object)
			return "rule", "", "", `"_RETURN" on ` + view, "rule _RETURN on view " + view
		}
	}
	return
}

// sets are the set-returning functions.
var sets = map[string]rowsOf{
	"pg_get_keywords": func(_ *callee, emit func([]types.Datum) error) error {
		for _, r := range keywordRows() {
			if err := emit(r); err != nil {
				return err
			}
		}
		return nil
	},
	"pg_show_all_settings": func(c *callee, emit func([]types.Datum) error) error { return c.emit("pg_settings", emit) },
	"pg_timezone_names":    func(c *callee, emit func([]types.Datum) error) error { return c.emit("pg_timezone_names", emit) },
	"pg_timezone_abbrevs":  func(c *callee, emit func([]types.Datum) error) error { return c.emit("pg_timezone_abbrevs", emit) },
	"pg_options_to_table":  optionsToTable,
	"aclexplode":           aclExplode,
	"_pg_expandarray":      expandArray,

	"pg_available_extensions":         none,
	"pg_available_extension_versions": none,
	"pg_extension_update_paths":       none,
	"pg_partition_ancestors":          none,
	"pg_partition_tree":               none,
	"pg_listening_channels":           none,
	"pg_lock_status":                  none,
	"pg_prepared_xact":                none,
	"pg_get_catalog_foreign_keys":     none,
	"pg_tablespace_databases": func(c *callee, emit func([]types.Datum) error) error {
		if c.oid(0) != defaultTablespace {
			return nil
		}
		return emit([]types.Datum{oid(databaseOID)})
	},
}

// none emits nothing: the things it would list do not exist here.
func none(*callee, func([]types.Datum) error) error { return nil }

func optionsToTable(c *callee, emit func([]types.Datum) error) error {
	a, err := types.DecodeArray(c.args[0].S)
	if err != nil {
		return err
	}
	for _, e := range a.Elems {
		if e.Null {
			continue
		}
		name, value, ok := strings.Cut(e.S, "=")
		row := []types.Datum{str(name), str(value)}
		if !ok {
			row[1] = null
		}
		if err := emit(row); err != nil {
			return err
		}
	}
	return nil
}

// expandArray is information_schema._pg_expandarray: the elements with their
// numbers from 1.
func expandArray(c *callee, emit func([]types.Datum) error) error {
	a, err := types.DecodeArray(c.args[0].S)
	if err != nil {
		return err
	}
	for i, e := range a.Elems {
		if err := emit([]types.Datum{e, num(i + 1)}); err != nil {
			return err
		}
	}
	return nil
}
