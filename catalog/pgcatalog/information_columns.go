package pgcatalog

import (
	"strconv"

	"github.com/hubsql/hubsql/catalog/types"
)

// shape is what the information schema tells of a type's size.
type shape struct {
	charLength, octetLength types.Datum
	precision, radix, scale types.Datum
	datetime                types.Datum
	interval                types.Datum
}

// intOrNull makes an integer, NULL when there is none.
func intOrNull(n int, ok bool) types.Datum {
	if !ok {
		return null
	}
	return num(n)
}

// charLength is information_schema._pg_char_max_length.
func charLength(t types.OID, mod int32) (int, bool) {
	switch t {
	case types.BPChar, types.VarChar:
		return int(mod) - 4, mod != -1
	case types.Bit, types.VarBit:
		return int(mod), mod != -1
	}
	return 0, false
}

// octetLength is information_schema._pg_char_octet_length for UTF8.
func octetLength(t types.OID, mod int32) (int, bool) {
	switch t {
	case types.Text, types.BPChar, types.VarChar:
		if n, ok := charLength(t, mod); ok {
			return 4 * n, true
		}
		return 1 << 30, true
	}
	return 0, false
}

// numericPrecision is information_schema._pg_numeric_precision.
func numericPrecision(t types.OID, mod int32) (int, bool) {
	switch t {
	case types.Int2:
		return 16, true
	case types.Int4:
		return 32, true
	case types.Int8:
		return 64, true
	case types.Float4:
		return 24, true
	case types.Float8:
		return 53, true
	case types.Numeric:
		return int(mod-4) >> 16 & 0xffff, mod != -1
	}
	return 0, false
}

// numericRadix is information_schema._pg_numeric_precision_radix.
func numericRadix(t types.OID) (int, bool) {
	switch t {
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8:
		return 2, true
	case types.Numeric:
		return 10, true
	}
	return 0, false
}

// numericScale is information_schema._pg_numeric_scale.
func numericScale(t types.OID, mod int32) (int, bool) {
	switch t {
	case types.Int2, types.Int4, types.Int8:
		return 0, true
	case types.Numeric:
		return int(mod-4) & 0xffff, mod != -1
	}
	return 0, false
}

// datetimePrecision is information_schema._pg_datetime_precision.
func datetimePrecision(t types.OID, mod int32) (int, bool) {
	switch t {
	case types.Date:
		return 0, true
	case types.Time, types.TimeTZ, types.Timestamp, types.TimestampTZ:
		if mod < 0 {
			return 6, true
		}
		return int(mod), true
	case types.Interval:
		if mod < 0 || mod&0xffff == 0xffff {
			return 6, true
		}
		return int(mod & 0xffff), true
	}
	return 0, false
}

// intervalFields is information_schema._pg_interval_type.
func intervalFields(t types.OID, mod int32) types.Datum {
	if t != types.Interval {
		return null
	}
	const prefix = "interval "
	s := types.FormatType(types.Type{OID: t, Mod: mod})
	if len(s) <= len(prefix) || mod < 0 {
		return null
	}
	out := []byte(s[len(prefix):])
	for i, c := range out {
		if c == '(' {
			out = out[:i]
			break
		}
		if c >= 'a' && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
	}
	return str(string(out))
}

func shapeOf(t types.Type) shape {
	return shape{
		charLength:  intOrNull(charLength(t.OID, t.Mod)),
		octetLength: intOrNull(octetLength(t.OID, t.Mod)),
		precision:   intOrNull(numericPrecision(t.OID, t.Mod)),
		radix:       intOrNull(numericRadix(t.OID)),
		scale:       intOrNull(numericScale(t.OID, t.Mod)),
		datetime:    intOrNull(datetimePrecision(t.OID, t.Mod)),
		interval:    intervalFields(t.OID, t.Mod),
	}
}

func informationColumns(x *scan) {
	add := func(e *entry, name string, t types.Type, number int16, notNull, updatable bool, collationOID types.OID) {
		kind := "USER-DEFINED"
		if info := types.Lookup(t.OID); info != nil {
			if _, _, _, user := t.OID.User(); !user {
				kind = types.FormatOID(t.OID)
			}
			if info.Elem != 0 && info.Len == -1 {
				kind = "ARRAY"
			}
		}
		udtSchema, udt := x.typeNameOf(types.Of(t.OID))
		domainCatalog, domainSchema, domain := null, null, null
		if t.Domain != 0 {
			in, name := x.typeNameOf(t)
			domainCatalog, domainSchema, domain = str(x.database), str(in), str(name)
		}
		s := shapeOf(t)
		collationSchema, collation := null, null
		if collationOID == collationC {
			collationSchema, collation = str("pg_catalog"), str("C")
		}
		collationCatalog := null
		if !collation.Null {
			collationCatalog = str(x.database)
		}
		x.add(str(x.database), str(e.schema), str(e.name), str(name), num(int(number)), null, yesNo(!notNull), str(kind),
			s.charLength, s.octetLength, s.precision, s.radix, s.scale, s.datetime, s.interval, null,
			null, null, null, collationCatalog, collationSchema, collation, domainCatalog, domainSchema, domain,
			str(x.database), str(udtSchema), str(udt), null, null, null, null, str(strconv.Itoa(int(number))),
			yesNo(false), yesNo(false), null, null, null, null, null, yesNo(false), str("NEVER"), null, yesNo(updatable))
	}
	wanted := x.wanted("table_name")
	for e := range x.entries() {
		if !wanted(e.name) {
			continue
		}
		if e.sys != nil {
			for _, c := range e.sys.visible() {
				add(&e, c.Name, c.Type, c.AttNum, c.NotNull, e.kind == 'r', c.collation())
			}
			continue
		}
		for i := range e.user.Columns {
			if c := &e.user.Columns[i]; x.seesColumn(e.user, c) {
				add(&e, c.Name, c.Type, c.AttNum, c.NotNull, false, factsOf()[c.Type.OID].collation)
			}
		}
	}
}

// wanted returns a test for names that a key column admits.
func (x *scan) wanted(name string) func(string) bool {
	c := x.column(name)
	var keys []key
	for _, k := range x.handle.keys {
		if k.column == c {
			keys = append(keys, k)
		}
	}
	return func(s string) bool {
		for _, k := range keys {
			if !x.admits(k, str(s)) {
				return false
			}
		}
		return true
	}
}
