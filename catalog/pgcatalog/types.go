package pgcatalog

import (
	"slices"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// userTypeRow is what differs between the rows of pg_type for users' types.
type userTypeRow struct {
	id, schema, owner, relation types.OID
	name                        string
	kind, category              string
	length                      int
	align, storage              string
	byVal, notNull              bool
	base                        types.OID
	mod                         int32
	collation                   types.OID
	preset                      types.Datum
	input, output               types.OID
}

// Functions that read and print users' types, by their OIDs in pg_proc.
const (
	enumIn, enumOut, enumRecv, enumSend         types.OID = 3506, 3507, 3532, 3533
	recordIn, recordOut, recordRecv, recordSend types.OID = 2290, 2291, 2402, 2403
	domainIn, domainRecv                        types.OID = 2597, 2598
	arrayIn, arrayOut, arrayRecv, arraySend     types.OID = 750, 751, 2400, 2401
	arraySubscript                              types.OID = 6179
)

// pgType lists the built-in types, those that users have made, the row types of
// relations, and the array types over them.
func pgType(x *scan) {
	for _, r := range typeRows() {
		x.add(r...)
	}
	facts := factsOf()
	for _, t := range x.snap.Types() {
		r := userTypeRow{id: t.OID, schema: t.SchemaID, owner: t.Owner, name: t.Name, mod: -1, preset: null}
		switch t.Kind {
		case types.EnumKind:
			r.kind, r.category, r.length, r.align, r.storage, r.byVal = "e", "E", 4, "i", "p", true
			r.input, r.output = enumIn, enumOut
		case types.CompositeKind:
			r.kind, r.category, r.length, r.align, r.storage = "c", "C", -1, "d", "x"
			r.input, r.output = recordIn, recordOut
		case types.DomainKind:
			f := facts[t.Base.OID]
			r.kind, r.category, r.length = "d", string(t.Base.Category()), -1
			r.align, r.storage, r.byVal, r.collation = f.align, f.storage, f.byVal, f.collation
			if info := types.Lookup(t.Base.OID); info != nil {
				r.length = int(info.Len)
			}
			r.input, r.notNull, r.base, r.mod = domainIn, t.NotNull, t.Base.OID, t.Base.Mod
			if t.Base.Domain != 0 {
				r.base, r.mod = t.Base.Domain, -1
			}
			if t.Default != "" {
				r.preset = str(t.Default)
			}
		}
		x.addType(r)
	}
	for _, rel := range x.relations() {
		if id := catalog.RowType(rel.OID); id != types.Record && rel.Sequence == nil {
			x.addType(userTypeRow{
				id: id, schema: rel.SchemaID, owner: rel.Owner, relation: rel.OID, name: rel.Name, kind: "c", category: "C", length: -1,
				align: "d", storage: "x", mod: -1, preset: null, input: recordIn, output: recordOut,
			})
		}
	}
}

// addType adds the rows of a type and of the array over it.
func (x *scan) addType(r userTypeRow) {
	array := types.Lookup(r.id).Array
	recv, send := recordRecv, recordSend
	switch r.kind {
	case "e":
		recv, send = enumRecv, enumSend
	case "d":
		recv, send = domainRecv, 0
	}
	x.add(oid(r.id), str(r.name), oid(r.schema), oid(r.owner), num(r.length), yes(r.byVal), str(r.kind), str(r.category), yes(false), yes(true), str(","),
		oid(r.relation), oid(0), oid(0), oid(array), oid(r.input), oid(r.output), oid(recv), oid(send), oid(0), oid(0), oid(0),
		str(r.align), str(r.storage), yes(r.notNull), oid(r.base), num(int(r.mod)), num(0), oid(r.collation), null, r.preset, null)
	align := "i"
	if r.align == "d" {
		align = "d"
	}
	x.add(oid(array), str("_"+r.name), oid(r.schema), oid(r.owner), num(-1), yes(false), str("b"), str("A"), yes(false), yes(true), str(","),
		oid(0), oid(arraySubscript), oid(r.id), oid(0), oid(arrayIn), oid(arrayOut), oid(arrayRecv), oid(arraySend), oid(0), oid(0), oid(0),
		str(align), str("x"), yes(false), oid(0), num(-1), num(0), oid(r.collation), null, null, null)
}

// pgEnum lists the labels of enum types.
func pgEnum(x *scan) {
	ids, keyed := x.keyed("enumtypid")
	for _, t := range x.snap.Types() {
		if t.Kind != types.EnumKind || keyed && !slices.Contains(ids, t.OID) {
			continue
		}
		for _, l := range t.Labels {
			x.add(oid(l.OID), oid(t.OID), types.FloatDatum(float64(l.Order)), str(l.Name))
		}
	}
}

// typeNameOf is pg_type.typname and the schema of a column's type.
func (s *source) typeNameOf(t types.Type) (schema, name string) {
	id := t.OID
	if t.Domain != 0 {
		id = t.Domain
	}
	if in, name, ok := s.snap.TypeIdentity(id); ok {
		if _, array, _, _ := id.User(); array {
			name = "_" + name
		}
		return s.names.schemaName(in), name
	}
	if info := types.Lookup(id); info != nil {
		return function.PgCatalog, info.Name
	}
	return function.PgCatalog, ""
}
