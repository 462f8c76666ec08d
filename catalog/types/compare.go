package types

import (
	"cmp"
	"strings"
	"unsafe"
)

// Orderable reports whether t has a default btree order.
func Orderable(t Type) bool {
	switch t.OID {
	case JSON, XML, Unknown, Void, PgNodeTree, JSONPath, XID, CID, ACLItem:
		return false
	}
	if t.OID.IsEnum() || t.OID.IsComposite() {
		return true
	}
	info := Lookup(t.OID)
	if info == nil {
		return false
	}
	if info.Category == CategoryArray && t.OID != Int2Vector && t.OID != OidVector {
		return Orderable(t.Elem())
	}
	return (!info.Pseudo || t.OID == Record || t.OID == RecordArray) && info.Category != CategoryGeometric
}

// Hashable reports whether equal values of t can be found by hash.
func Hashable(t Type) bool {
	switch t.OID {
	case XID, CID, ACLItem:
		return true
	}
	return Orderable(t)
}

// Compare orders two values of type t that are not NULL by t's default btree
// operator class: -1, 0, 1. Text is ordered bytewise. Values of a type that is
// not orderable compare by their bytes.
func Compare(t Type, a, b Datum) int {
	switch t.OID {
	case Oid, XID, CID, RegProc, RegProcedure, RegOper, RegOperator, RegClass, RegType, RegNamespace, RegRole, RegCollation, regConfig, regDictionary:
		return cmp.Compare(uint32(a.I), uint32(b.I))
	case Float4, Float8:
		return CompareFloat(a.Float(), b.Float())
	case Numeric:
		if len(a.S) < numericHeaderSize || len(b.S) < numericHeaderSize {
			return strings.Compare(a.S, b.S)
		}
		return CompareNumeric(bytesOf(a.S), bytesOf(b.S))
	case BPChar:
		return strings.Compare(strings.TrimRight(a.S, " "), strings.TrimRight(b.S, " "))
	case Interval:
		return CompareInterval(a, b)
	case TimeTZ:
		return CompareTimeTZ(a, b)
	case UUID:
		if c := cmp.Compare(uint64(a.I), uint64(b.I)); c != 0 {
			return c
		}
		return cmp.Compare(uint64(a.J), uint64(b.J))
	case JSONB:
		x, err1 := ParseJSONB(a.S)
		y, err2 := ParseJSONB(b.S)
		if err1 != nil || err2 != nil {
			return strings.Compare(a.S, b.S) // a stored jsonb always parses
		}
		return CompareJSON(x, y)
	case Inet, CIDR:
		return compareInet(a.S, b.S)
	case Record:
		return compareRecord(a.S, b.S)
	}
	if RangeElem(t.OID) != 0 {
		return compareStoredRanges(t.OID, a.S, b.S)
	}
	if t.OID.IsComposite() {
		return compareRecord(a.S, b.S)
	}
	switch t.Layout() {
	case LayoutBool, LayoutInt16, LayoutInt32, LayoutInt64:
		return cmp.Compare(a.I, b.I)
	}
	if t.Category() == CategoryArray {
		return CompareArray(a.S, b.S)
	}
	return strings.Compare(a.S, b.S)
}

// bytesOf views a string as bytes that are only read.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// CompareFloat orders floats with NaN largest and equal to itself.
func CompareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return int(b2i(a != a)) - int(b2i(b != b))
}

// CompareInterval orders intervals by their length, a month counting 30 days and
// a day 24 hours.
func CompareInterval(a, b Datum) int {
	da, ta := IntervalSpan(a)
	db, tb := IntervalSpan(b)
	if c := cmp.Compare(da, db); c != 0 {
		return c
	}
	return cmp.Compare(ta, tb)
}

// IntervalSpan returns the length of an interval as days and microseconds of a
// day (0 <= micros < a day): equal for exactly the intervals that compare equal.
func IntervalSpan(d Datum) (days, micros int64) {
	m, dd, us := d.IntervalParts()
	q, r := SplitTimestamp(us)
	return int64(m)*30 + int64(dd) + q, r
}

// CompareTimeTZ orders by the instant, then by zone.
func CompareTimeTZ(a, b Datum) int {
	if c := cmp.Compare(a.I+a.J*microsPerSecond, b.I+b.J*microsPerSecond); c != 0 {
		return c
	}
	return cmp.Compare(a.J, b.J)
}

// CompareArray orders two binary arrays: elements first, then the number of
// elements, then the shape. NULL elements are equal and larger than others.
func CompareArray(a, b string) int {
	x, err1 := DecodeArray(a)
	y, err2 := DecodeArray(b)
	if err1 != nil || err2 != nil {
		return strings.Compare(a, b) // stored arrays are well-formed
	}
	t := Of(x.Elem)
	for i := 0; i < len(x.Elems) && i < len(y.Elems); i++ {
		if c := compareNullable(t, x.Elems[i], y.Elems[i]); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(len(x.Elems), len(y.Elems)); c != 0 {
		return c
	}
	if c := cmp.Compare(len(x.Dims), len(y.Dims)); c != 0 {
		return c
	}
	for i := range x.Dims {
		if c := cmp.Compare(x.Dims[i].Len, y.Dims[i].Len); c != 0 {
			return c
		}
		if c := cmp.Compare(x.Dims[i].Lower, y.Dims[i].Lower); c != 0 {
			return c
		}
	}
	return 0
}

// compareNullable puts NULLs last and equal.
func compareNullable(t Type, a, b Datum) int {
	if a.Null || b.Null {
		return int(b2i(a.Null)) - int(b2i(b.Null))
	}
	return Compare(t, a, b)
}

func compareRecord(a, b string) int {
	x, err1 := DecodeRecord(a)
	y, err2 := DecodeRecord(b)
	if err1 != nil || err2 != nil {
		return strings.Compare(a, b) // stored records are well-formed
	}
	for i := 0; i < len(x) && i < len(y); i++ {
		if c := compareNullable(Of(x[i].Type), x[i].Value, y[i].Value); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// compareInet orders by family, the bits of the shorter prefix, its length, and
// the whole address.
func compareInet(a, b string) int {
	x, n, ok1 := InetParts(a)
	y, m, ok2 := InetParts(b)
	if !ok1 || !ok2 || x.BitLen() != y.BitLen() {
		return strings.Compare(a, b)
	}
	bits := min(n, m)
	px, _ := x.Prefix(bits) // bits is within the address
	py, _ := y.Prefix(bits)
	if c := px.Addr().Compare(py.Addr()); c != 0 {
		return c
	}
	if c := cmp.Compare(n, m); c != 0 {
		return c
	}
	return x.Compare(y)
}
