package pgcatalog

import "github.com/hubsql/hubsql/catalog/types"

// hubRelations are HubSQL's own system relations.
var hubRelations = [...]struct {
	name    string
	oid     types.OID
	columns string
}{
	{"masking_policies", 14101, "name:name,schema:name,table:name,column:name,roles:_name,except:_name,expression:text,priority:int4"},
	{"sources", 14102, "server:name,wrapper:name,options:_text"},
}

var hubContents = map[string]func(*scan){
	"masking_policies": hubMaskingPolicies,
	"sources":          hubSources,
}

// hubMaskingPolicies lists the policies of the tables that the current role owns,
// as SHOW MASKING POLICIES does: what a mask does is nobody else's business.
func hubMaskingPolicies(x *scan) {
	for _, p := range x.snap.AllMaskingPolicies() {
		r, ok := x.snap.RelationByOID(p.Relation)
		if !ok || !x.roles.Super && !x.roles.Has(r.Owner) {
			continue
		}
		schema, name, _ := x.names.relationName(p.Relation)
		column := null
		if c, ok := r.ColumnByNumber(p.Column); ok {
			column = str(c.Name)
		}
		x.add(str(p.Name), str(schema), str(name), column, texts(types.Name, x.roleNames(p.To)), texts(types.Name, x.roleNames(p.Except)), str(p.Using), num(int(p.Priority)))
	}
}

func hubSources(x *scan) {
	for _, s := range x.snap.Servers() {
		x.add(str(s.Name), str(s.Wrapper), options(s.Options))
	}
}
