package pgcatalog

import (
	"slices"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// null is the value of columns that have none.
var null = types.Null

// oid makes an oid or a value of its family.
func oid(o types.OID) types.Datum { return types.Datum{I: int64(int32(o))} }

// oidOf is the inverse of oid.
func oidOf(d types.Datum) types.OID { return types.OID(uint32(d.I)) }

// str makes a text, name or "char".
func str(s string) types.Datum { return types.Datum{S: s} }

// orNull makes a text, NULL when it is empty.
func orNull(s string) types.Datum {
	if s == "" {
		return null
	}
	return types.Datum{S: s}
}

// num makes an integer.
func num(i int) types.Datum { return types.Datum{I: int64(i)} }

// yes makes a boolean.
func yes(b bool) types.Datum { return types.BoolDatum(b) }

// yesNo makes a yes_or_no of the information schema.
func yesNo(b bool) types.Datum {
	if b {
		return types.Datum{S: "YES"}
	}
	return types.Datum{S: "NO"}
}

// instant makes a timestamptz, NULL for the zero time.
func instant(t time.Time) types.Datum {
	if t.IsZero() {
		return null
	}
	return types.Datum{I: t.UnixMicro()}
}

// texts makes an array of text, name, aclitem or "char", NULL for nil.
func texts(elem types.OID, list []string) types.Datum {
	if list == nil {
		return null
	}
	elems := make([]types.Datum, len(list))
	for i, s := range list {
		elems[i] = str(s)
	}
	return types.NewArray(elem, elems).Datum()
}

// oids makes an oid[], NULL for nil.
func oids(list []types.OID) types.Datum {
	if list == nil {
		return null
	}
	elems := make([]types.Datum, len(list))
	for i, o := range list {
		elems[i] = oid(o)
	}
	return types.NewArray(types.Oid, elems).Datum()
}

// vectorOf makes an oidvector.
func vectorOf(list []types.OID) types.Datum {
	elems := make([]types.Datum, len(list))
	for i, o := range list {
		elems[i] = oid(o)
	}
	return types.NewVector(types.Oid, elems)
}

// options makes the name=value array of options without secrets, NULL when
// there is nothing to show.
func options(o catalog.Options) types.Datum {
	var list []string
	for name, value := range o.All() {
		list = append(list, name+"="+value)
	}
	return texts(types.Text, list)
}

// settings makes the name=value array of a role's settings, NULL when there are
// none.
func settings(list []catalog.Setting) types.Datum {
	var out []string
	for _, s := range list {
		if s.Name != "hub.bootstrapped" { // the mark of a superuser that was set up
			out = append(out, s.Name+"="+s.Value)
		}
	}
	return texts(types.Text, out)
}

// contains reports whether a list has an oid.
func contains(list []types.OID, o types.OID) bool { return slices.Contains(list, o) }

// joinComma joins SQL texts.
func joinComma(list []string) string { return strings.Join(list, ", ") }
