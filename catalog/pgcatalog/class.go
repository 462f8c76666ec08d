package pgcatalog

import (
	"slices"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
)

// collationC is the OID of the collation "C".
const collationC types.OID = 950

// heapAM is the access method of tables.
const heapAM types.OID = 2

// acl prints a list of grants as aclitem[].
func (s *source) acl(a catalog.ACL) types.Datum {
	if a == nil {
		return null
	}
	return texts(types.ACLItem, a.Strings(s.aclName))
}

// aclName is a role as aclitem spells it.
func (s *source) aclName(role types.OID) string { return QuoteIdent(s.snap.RoleName(role)) }

// systemACL is the list of grants of a system relation.
func (s *source) systemACL(r *RelationInfo) catalog.ACL {
	a := catalog.ACL{{Grantee: catalog.Bootstrap, Grantor: catalog.Bootstrap, Privs: catalog.AllTable}}
	if r.Public {
		a = append(a, catalog.ACLItem{Grantee: catalog.PublicRole, Grantor: catalog.Bootstrap, Privs: catalog.Select})
	}
	return a
}

// schemaOID returns the OID of one of the system's schemas.
func schemaOID(name string) types.OID {
	switch name {
	case function.PgCatalog:
		return catalog.SchemaPgCatalog
	case "information_schema":
		return catalog.SchemaInformation
	}
	return catalog.SchemaHub
}

// eachRelation yields the relations asked for by the key column: the system's
// first, then the users', both by OID.
func (x *scan) eachRelation(key string, sys func(*RelationInfo), user func(*catalog.Relation)) {
	if ids, ok := x.keyed(key); ok {
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			if r, ok := RelationByOID(id); ok {
				sys(r)
			} else if r, ok := x.snap.RelationByOID(id); ok {
				user(r)
			}
		}
		return
	}
	for _, r := range system().list {
		sys(r)
	}
	for _, r := range x.relations() {
		user(r)
	}
}

func pgClass(x *scan) {
	add := func(id types.OID, name string, schema, owner types.OID, am types.OID, kind catalog.RelKind, columns, checks int, index, rules, rls, force bool, acl types.Datum) {
		file, identity := types.OID(0), "n"
		if kind == catalog.Table {
			file, identity = id, "d"
		}
		row := types.OID(0)
		if id >= catalog.FirstNormal && kind != 'i' && kind != 'S' {
			row = catalog.RowType(id)
		}
		x.add(oid(id), str(name), oid(schema), oid(row), oid(0), oid(owner), oid(am), oid(file), oid(0),
			num(0), types.FloatDatum(-1), num(0), oid(0),
			yes(index), yes(false), str("p"), str(string(kind)), num(columns), num(checks),
			yes(rules), yes(false), yes(false), yes(rls), yes(force), yes(true), str(identity), yes(false),
			oid(0), oid(0), oid(0), acl, null, null)
	}
	x.eachRelation("oid", func(r *RelationInfo) {
		am := types.OID(0)
		if r.Kind == 'r' {
			am = heapAM
		}
		add(r.OID, r.Name, schemaOID(r.Schema), catalog.Bootstrap, am, catalog.RelKind(r.Kind), len(r.visible()), 0, false, r.Kind == 'v', false, false, x.acl(x.systemACL(r)))
	}, func(r *catalog.Relation) {
		am := types.OID(0)
		if r.Kind == catalog.Table {
			am = heapAM
		}
		add(r.OID, r.Name, r.SchemaID, r.Owner, am, r.Kind, max(len(r.Columns), int(r.NextAttNum)-1), checks(r), hasIndex(r), r.Kind == catalog.View, r.RowSecurity, r.ForceRowSecurity, x.acl(r.ACL))
	})
	ids, keyed := x.keyed("oid")
	x.eachConstraint(func(r *catalog.Relation, c *catalog.Constraint) {
		if indexed(c) && (!keyed || slices.Contains(ids, c.OID)) {
			add(c.OID, c.Name, r.SchemaID, r.Owner, btreeAM, 'i', len(c.Columns), 0, false, false, false, false, null)
		}
	})
}

func pgAttribute(x *scan) {
	facts := factsOf()
	add := func(rel types.OID, kind catalog.RelKind, name string, t types.Type, number int16, notNull, byDefault bool, identity string, collation types.OID, acl, fdw types.Datum) {
		info, f := types.Lookup(t.OID), facts[t.OID]
		length, dims := int16(-1), 0
		if info != nil {
			length = info.Len
		}
		if kind != catalog.View && t.IsArray() {
			dims = 1
		}
		target, mod := -1, t.Mod
		if number < 0 {
			target = 0
		}
		id := t.OID
		if t.Domain != 0 {
			id = t.Domain
		}
		x.add(oid(rel), str(name), oid(id), num(target), num(int(length)), num(int(number)), num(dims), num(-1), num(int(mod)),
			yes(f.byVal), str(f.align), str(f.storage), str(""), yes(notNull), yes(byDefault), yes(false), str(identity), str(""),
			yes(false), yes(true), num(0), oid(collation), acl, null, fdw, null)
	}
	x.eachRelation("attrelid", func(r *RelationInfo) {
		for _, c := range r.Columns {
			add(r.OID, catalog.RelKind(r.Kind), c.Name, c.Type, c.AttNum, c.NotNull, false, "", c.collation(), null, null)
		}
	}, func(r *catalog.Relation) {
		for i := range r.Columns {
			c := &r.Columns[i]
			identity := ""
			if c.Identity != 0 {
				identity = string(c.Identity)
			}
			add(r.OID, r.Kind, c.Name, c.Type, c.AttNum, c.NotNull, c.Default != "" && identity == "", identity, facts[c.Type.OID].collation, x.acl(c.ACL), options(c.Options))
		}
	})
}

// collation is the collation of a column of a system relation.
func (c Column) collation() types.OID {
	if c.inC {
		return collationC
	}
	return factsOf()[c.Type.OID].collation
}

func pgNamespace(x *scan) {
	for _, s := range x.snap.Schemas() {
		x.add(oid(s.OID), str(s.Name), oid(s.Owner), x.acl(s.ACL))
	}
}

func pgDescription(x *scan) {
	for _, c := range x.snap.Comments() {
		if shared(c.On) {
			continue
		}
		x.add(oid(c.Object), oid(types.OID(c.On)), num(int(c.Sub)), str(c.Text))
	}
}

func pgShdescription(x *scan) {
	for _, c := range x.snap.Comments() {
		if shared(c.On) {
			x.add(oid(c.Object), oid(types.OID(c.On)), str(c.Text))
		}
	}
}

// shared reports whether the objects of a class belong to all databases.
func shared(c catalog.Class) bool { return c == catalog.ClassRole || c == catalog.ClassDatabase }

// ruleOID is the OID of the rule of a view: relations and rules are in different
// catalogs, so that the view's own may serve.
func ruleOID(view types.OID) types.OID { return view }

func pgRewrite(x *scan) {
	x.eachRelation("ev_class", func(*RelationInfo) {}, func(r *catalog.Relation) {
		if r.Kind == catalog.View {
			x.add(oid(ruleOID(r.OID)), str("_RETURN"), oid(r.OID), str("1"), str("O"), yes(true), str("<>"), str("<>"))
		}
	})
}

// pgDepend lists what views read, which is how lineage is found.
func pgDepend(x *scan) {
	const rewrite types.OID = 2618
	class := types.OID(catalog.ClassRelation)
	for _, r := range x.relations() {
		if r.Kind != catalog.View {
			continue
		}
		x.add(oid(rewrite), oid(ruleOID(r.OID)), num(0), oid(class), oid(r.OID), num(0), str("i"))
		for _, on := range r.Depends {
			x.add(oid(rewrite), oid(ruleOID(r.OID)), num(0), oid(class), oid(on), num(0), str("n"))
		}
	}
}
