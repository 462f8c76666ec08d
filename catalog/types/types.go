// Package types is HubSQL's type system: PostgreSQL's types with their OIDs,
// modifiers, physical layouts, text and binary forms. One file per family.
package types

// OID is a PostgreSQL object identifier.
type OID uint32

// Type is a SQL type: the OID of pg_type and a type modifier (-1 for none), as
// in PostgreSQL. It is a comparable value.
type Type struct {
	OID OID
	Mod int32
	// Domain is the domain that the values belong to, 0 for none. OID and Mod are
	// those of the type that the domain is made of: everything but a cast to the
	// domain treats its values as values of that type.
	Domain OID `json:",omitempty"`
}

// Of returns the type with no modifier.
func Of(oid OID) Type { return Type{OID: oid, Mod: -1} }

// Layout is the physical form of a type's values in a vector. The layouts are
// Arrow's, except where noted.
type Layout uint8

// Layouts.
const (
	// LayoutBool is one byte per value, 0 or 1 (Arrow packs bits; bytes keep
	// the kernels branch-free).
	LayoutBool Layout = iota
	LayoutInt16
	LayoutInt32 // int4, date (days since 1970-01-01), oid and its family (as uint32 bits), "char" is LayoutBytes
	LayoutInt64 // int8, time (µs), timestamp and timestamptz (µs since 1970-01-01 00:00 UTC)
	LayoutFloat32
	LayoutFloat64
	// LayoutNumeric is PostgreSQL's numeric; a vector holds it either as
	// scaled int64 (Vec.Scaled true, one display scale for the vector) or as
	// views on PostgreSQL's binary form.
	LayoutNumeric
	// LayoutWide is 16 bytes per value: interval (Wide.A = µs, Wide.B =
	// months<<32 | uint32(days)), timetz (A = µs, B = zone in seconds west of
	// UTC), uuid (A, B = its big-endian halves).
	LayoutWide
	// LayoutBytes is Arrow's string view: text and its family, bytea, json,
	// jsonb (its text), arrays and records (PostgreSQL's binary form).
	LayoutBytes
)

// Category is pg_type.typcategory.
type Category byte

// Type categories (PostgreSQL table 53.65).
const (
	CategoryArray     Category = 'A'
	CategoryBoolean   Category = 'B'
	CategoryComposite Category = 'C'
	CategoryDateTime  Category = 'D'
	CategoryEnum      Category = 'E'
	CategoryNetwork   Category = 'I'
	CategoryNumeric   Category = 'N'
	CategoryPseudo    Category = 'P'
	CategoryString    Category = 'S'
	CategoryTimespan  Category = 'T'
	CategoryUser      Category = 'U'
	CategoryBits      Category = 'V'
	CategoryUnknown   Category = 'X'
	CategoryInternal  Category = 'Z'
	CategoryRange     Category = 'R'
	CategoryGeometric Category = 'G'
)

// OIDs of the built-in types (src/include/catalog/pg_type.dat).
const (
	Bool               OID = 16
	Bytea              OID = 17
	Char               OID = 18 // "char"
	Name               OID = 19
	Int8               OID = 20
	Int2               OID = 21
	Int2Vector         OID = 22
	Int4               OID = 23
	RegProc            OID = 24
	Text               OID = 25
	Oid                OID = 26
	TID                OID = 27
	XID                OID = 28
	CID                OID = 29
	OidVector          OID = 30
	JSON               OID = 114
	XML                OID = 142
	PgNodeTree         OID = 194
	Float4             OID = 700
	Float8             OID = 701
	Unknown            OID = 705
	Money              OID = 790
	MacAddr            OID = 829
	Inet               OID = 869
	CIDR               OID = 650
	ACLItem            OID = 1033
	BPChar             OID = 1042
	VarChar            OID = 1043
	Date               OID = 1082
	Time               OID = 1083
	Timestamp          OID = 1114
	TimestampTZ        OID = 1184
	Interval           OID = 1186
	TimeTZ             OID = 1266
	Bit                OID = 1560
	VarBit             OID = 1562
	Numeric            OID = 1700
	RefCursor          OID = 1790
	RegProcedure       OID = 2202
	RegOper            OID = 2203
	RegOperator        OID = 2204
	RegClass           OID = 2205
	RegType            OID = 2206
	Record             OID = 2249
	CString            OID = 2275
	Any                OID = 2276
	AnyArray           OID = 2277
	Void               OID = 2278
	Trigger            OID = 2279
	Internal           OID = 2281
	AnyElement         OID = 2283
	RecordArray        OID = 2287
	AnyNonArray        OID = 2776
	UUID               OID = 2950
	AnyEnum            OID = 3500
	JSONB              OID = 3802
	JSONPath           OID = 4072
	RegNamespace       OID = 4089
	RegRole            OID = 4096
	RegCollation       OID = 4191
	AnyCompatible      OID = 5077
	AnyCompatibleArray OID = 5078
)

// Array OIDs in use by name.
const (
	BoolArray        OID = 1000
	ByteaArray       OID = 1001
	CharArray        OID = 1002
	NameArray        OID = 1003
	Int2Array        OID = 1005
	Int4Array        OID = 1007
	TextArray        OID = 1009
	BPCharArray      OID = 1014
	VarCharArray     OID = 1015
	Int8Array        OID = 1016
	Float4Array      OID = 1021
	Float8Array      OID = 1022
	OidArray         OID = 1028
	ACLItemArray     OID = 1034
	TimestampArray   OID = 1115
	DateArray        OID = 1182
	TimestampTZArray OID = 1185
	IntervalArray    OID = 1187
	NumericArray     OID = 1231
	UUIDArray        OID = 2951
)

// Info describes a built-in type: the columns of pg_type that planning,
// encoding and the catalog need.
type Info struct {
	OID       OID
	Name      string // pg_type.typname
	Formal    string // as format_type prints it without modifier
	Array     OID    // its array type, 0 for none
	Elem      OID    // element type of an array or vector type, 0 otherwise
	Category  Category
	Preferred bool
	Layout    Layout
	Len       int16 // pg_type.typlen: -1 variable, -2 cstring
	Align     byte  // c s i d
	Pseudo    bool
}

// Lookup returns the description of a type, nil when oid is none. That of a type
// that users have made is derived from its OID alone: whether it exists is known
// to the catalog, and its names are marks (see TypeMark).
func Lookup(oid OID) *Info {
	if oid < maxOID {
		return byOID[oid]
	}
	if oid&userTypes != 0 {
		return userInfo(oid)
	}
	return nil
}

// ByName returns the built-in type with that pg_type.typname, nil when none.
func ByName(name string) *Info { return byName[name] }

// All returns every built-in type ordered by OID. The slice must not be changed.
func All() []*Info { return all }

// Layout returns the physical layout of t.
func (t Type) Layout() Layout {
	if t.OID < maxOID && byOID[t.OID] != nil {
		return byOID[t.OID].Layout
	}
	return LayoutBytes
}

// Category returns the type category of t.
func (t Type) Category() Category {
	if t.OID&userTypes != 0 {
		return userCategory(t.OID)
	}
	if i := Lookup(t.OID); i != nil {
		return i.Category
	}
	return CategoryUser
}

// IsArray reports whether t is an array type (not int2vector or oidvector).
func (t Type) IsArray() bool { return t.Category() == CategoryArray || t.OID == RecordArray }

// Elem returns the element type of an array, carrying the array's modifier.
func (t Type) Elem() Type {
	if t.OID&userTypes != 0 {
		if t.OID&userArray == 0 {
			return Type{Mod: -1}
		}
		return Type{OID: t.OID &^ userArray, Mod: t.Mod}
	}
	if i := Lookup(t.OID); i != nil {
		return Type{OID: i.Elem, Mod: t.Mod, Domain: t.Domain &^ userArray}
	}
	return Type{Mod: -1}
}

// ArrayOf returns the array type over t; its OID is 0 when there is none.
func (t Type) ArrayOf() Type {
	if i := Lookup(t.OID); i != nil {
		return Type{OID: i.Array, Mod: t.Mod}
	}
	return Type{Mod: -1}
}

// NumericType returns numeric(precision, scale).
func NumericType(precision, scale int) Type {
	return Type{OID: Numeric, Mod: int32(precision<<16|scale&0x7ff) + 4}
}

// NumericMod returns precision and scale of a numeric type, ok false when it is
// unconstrained. The scale may be negative.
func (t Type) NumericMod() (precision, scale int, ok bool) {
	if t.OID != Numeric || t.Mod < 4 {
		return 0, 0, false
	}
	m := t.Mod - 4
	return int(m>>16) & 0xffff, int((m&0x7ff)^1024) - 1024, true
}

// VarCharType returns varchar(n); n is in characters.
func VarCharType(n int) Type { return Type{OID: VarChar, Mod: int32(n) + 4} }

// CharMod returns n of varchar(n) or char(n), ok false when there is none.
func (t Type) CharMod() (n int, ok bool) {
	if (t.OID != VarChar && t.OID != BPChar) || t.Mod < 4 {
		return 0, false
	}
	return int(t.Mod) - 4, true
}

// RowJSON is the type of a row that is printed as JSON already, with the names of
// its fields. It is json with a modifier that no statement can write.
func RowJSON() Type { return Type{OID: JSON, Mod: 1} }
