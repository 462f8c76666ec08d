package pgcatalog

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

//go:embed facts/*.tsv facts/rows/*.tsv
var files embed.FS

// Column is one column of a system relation. System columns (xmin, ctid and the
// like) have negative numbers: they are not part of *.
type Column struct {
	Name    string
	Type    types.Type
	AttNum  int16
	NotNull bool
	// inC is set for collation C.
	inC bool
}

// RelationInfo describes one system relation.
type RelationInfo struct {
	Schema, Name string
	// OID is PostgreSQL's own; relations of schema hub have theirs below
	// catalog.FirstNormal.
	OID types.OID
	// Kind is pg_class.relkind: 'r' or 'v'.
	Kind byte
	// Public relations may be read by everybody, others by superusers alone.
	Public bool
	// Columns are the columns of the relation's handle, in order.
	Columns []Column
}

// visible returns the columns that * has.
func (r *RelationInfo) visible() []Column {
	for i, c := range r.Columns {
		if c.AttNum < 0 {
			return r.Columns[:i]
		}
	}
	return r.Columns
}

// relationName is a schema and a name.
type relationName struct{ schema, name string }

// index is every system relation, by name and by OID.
type index struct {
	list   []*RelationInfo
	byName map[relationName]*RelationInfo
	byOID  map[types.OID]*RelationInfo
}

// systemColumns are those that every table has besides its own.
var systemColumns = [...]Column{
	{"ctid", types.Of(types.TID), -1, true, false},
	{"xmin", types.Of(types.XID), -2, true, false},
	{"cmin", types.Of(types.CID), -3, true, false},
	{"xmax", types.Of(types.XID), -4, true, false},
	{"cmax", types.Of(types.CID), -5, true, false},
	{"tableoid", types.Of(types.Oid), -6, true, false},
}

// system returns the index; it is read once and never changes.
var system = sync.OnceValue(func() *index {
	x := &index{byName: map[relationName]*RelationInfo{}, byOID: map[types.OID]*RelationInfo{}}
	add := func(r *RelationInfo) {
		x.list = append(x.list, r)
		x.byName[relationName{r.Schema, r.Name}], x.byOID[r.OID] = r, r
	}
	for _, f := range lines("facts/relations.tsv") {
		oid, err := strconv.ParseUint(f[2], 10, 32)
		must(err)
		r := &RelationInfo{Schema: f[0], Name: f[1], OID: types.OID(oid), Kind: f[3][0], Public: f[4] == "p"}
		r.Columns = parseColumns(f[5])
		if r.Kind == 'r' && r.Schema == function.PgCatalog {
			r.Columns = append(r.Columns, systemColumns[:]...)
		}
		add(r)
	}
	for i := range hubRelations {
		r := &hubRelations[i]
		add(&RelationInfo{Schema: "hub", Name: r.name, OID: r.oid, Kind: 'v', Public: true, Columns: parseColumns(r.columns)})
	}
	return x
})

// parseColumns reads name:type[:modifier][~][!] separated by commas.
func parseColumns(s string) []Column {
	var out []Column
	for i, f := range strings.Split(s, ",") {
		f, notNull := strings.CutSuffix(f, "!")
		f, inC := strings.CutSuffix(f, "~")
		p := strings.Split(f, ":")
		c := Column{Name: p[0], Type: types.Of(typeNamed(p[1])), AttNum: int16(i + 1), NotNull: notNull, inC: inC}
		if len(p) == 3 {
			mod, err := strconv.ParseInt(p[2], 10, 32)
			must(err)
			c.Type.Mod = int32(mod)
		}
		out = append(out, c)
	}
	return out
}

// typeNamed returns the OID of a type by its name in pg_type.
func typeNamed(name string) types.OID {
	info := types.ByName(name)
	if info == nil {
		panic("pgcatalog: unknown type " + name)
	}
	return info.OID
}

// must stops the program: the facts are part of it, and tests read them all.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("pgcatalog: damaged facts: %v", err))
	}
}

// lines splits a file of tab-separated fields.
func lines(name string) [][]string {
	b, err := files.ReadFile(name)
	must(err)
	var out [][]string
	for line := range strings.Lines(string(b)) {
		out = append(out, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return out
}

// staticRows reads the rows of a relation that never change.
func staticRows(schema, name string) func() [][]types.Datum {
	return sync.OnceValue(func() [][]types.Datum {
		cols := system().byName[relationName{schema, name}].visible()
		var out [][]types.Datum
		for _, f := range lines("facts/rows/" + name + ".tsv") {
			row := make([]types.Datum, len(cols))
			for i, c := range cols {
				if f[i] == `\N` {
					row[i] = types.Null
					continue
				}
				d, err := types.ParseText(c.Type, unescape.Replace(f[i]), nil)
				must(err)
				row[i] = d
			}
			out = append(out, row)
		}
		return out
	})
}

// unescape undoes the escapes of COPY that occur.
var unescape = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n")

// Rows that never change.
var (
	typeRows       = staticRows(function.PgCatalog, "pg_type")
	languageRows   = staticRows(function.PgCatalog, "pg_language")
	amRows         = staticRows(function.PgCatalog, "pg_am")
	collationRows  = staticRows(function.PgCatalog, "pg_collation")
	opclassRows    = staticRows(function.PgCatalog, "pg_opclass")
	opfamilyRows   = staticRows(function.PgCatalog, "pg_opfamily")
	rangeRows      = staticRows(function.PgCatalog, "pg_range")
	tablespaceRows = staticRows(function.PgCatalog, "pg_tablespace")
	procRows       = staticRows(function.PgCatalog, "pg_proc")
	partRows       = staticRows("information_schema", "sql_parts")
	sizingRows     = staticRows("information_schema", "sql_sizing")
)

// typeFacts are what pg_attribute copies from pg_type.
type typeFacts struct {
	byVal     bool
	storage   string
	collation types.OID
	align     string
}

// factsOf maps types to their facts.
var factsOf = sync.OnceValue(func() map[types.OID]typeFacts {
	out := map[types.OID]typeFacts{}
	cols := system().byName[relationName{function.PgCatalog, "pg_type"}].Columns
	at := func(name string) int {
		for i, c := range cols {
			if c.Name == name {
				return i
			}
		}
		panic("pgcatalog: no column " + name)
	}
	byVal, storage, collation, align := at("typbyval"), at("typstorage"), at("typcollation"), at("typalign")
	for _, r := range typeRows() {
		out[types.OID(uint32(r[0].I))] = typeFacts{r[byVal].Bool(), r[storage].S, types.OID(uint32(r[collation].I)), r[align].S}
	}
	return out
})

// Relations lists every system relation, the same in each database. It must not
// be changed.
func Relations() []*RelationInfo { return system().list }

// Relation returns a system relation by its name.
func Relation(schema, name string) (*RelationInfo, bool) {
	r, ok := system().byName[relationName{schema, name}]
	return r, ok
}

// RelationByOID returns a system relation.
func RelationByOID(oid types.OID) (*RelationInfo, bool) {
	r, ok := system().byOID[oid]
	return r, ok
}

// MayRead reports whether role may read a system relation.
func (r *RelationInfo) MayRead(snap *catalog.Snapshot, role types.OID) bool {
	return r.Public || snap.IsSuper(role)
}
