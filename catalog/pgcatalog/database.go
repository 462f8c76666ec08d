package pgcatalog

import (
	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// databaseOID is the OID of the one database of a catalog: what PostgreSQL gives
// to the database "postgres".
const databaseOID types.OID = 5

// utf8Encoding is PostgreSQL's number of UTF8.
const utf8Encoding = 6

const defaultTablespace types.OID = 1663

func pgDatabase(x *scan) {
	x.add(oid(databaseOID), str(x.database), oid(catalog.Bootstrap), num(utf8Encoding), str("c"), yes(false), yes(true), num(-1),
		oid(0), oid(0), oid(defaultTablespace), str("C.UTF-8"), str("C.UTF-8"), null, null, null)
}

func pgStatDatabase(x *scan) {
	zero, none := num(0), types.FloatDatum(0)
	x.add(oid(databaseOID), str(x.database), num(len(x.backends())), zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero, zero,
		null, null, none, none, none, none, none, zero, zero, zero, zero, null)
}

func pgSettings(x *scan) {
	if x.act == nil {
		return
	}
	for _, s := range x.act.Settings(x.sess) {
		x.add(str(s.Name), str(s.Value), orNull(s.Unit), orNull(s.Category), orNull(s.Description), null, orNull(s.Context), orNull(s.Type), orNull(s.Source),
			orNull(s.Min), orNull(s.Max), texts(types.Text, s.Enum), str(s.BootValue), str(s.ResetValue), null, null, yes(false))
	}
}
