package types

import (
	"github.com/hubsql/hubsql/wire/pgerror"
)

// errSyntax is PostgreSQL's 22P02 of an input function.
func errSyntax(typeName, input string) error {
	return pgerror.New(pgerror.InvalidTextRepresentation, "invalid input syntax for type "+typeName+": \""+input+"\"")
}

// errBinary is PostgreSQL's 22P03 of a receive function.
func errBinary() error {
	return pgerror.New(pgerror.InvalidBinaryRepresentation, "incorrect binary data format")
}

// errShort is what a receive function says when the message ends early.
func errShort() error {
	return pgerror.New(pgerror.ProtocolViolation, "insufficient data left in message")
}

// isSpace reports what PostgreSQL's isspace does in the C locale.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isSpaceRune(r rune) bool { return r < 0x80 && isSpace(byte(r)) }

// trimSpace removes C white space at both ends.
func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// ParseText reads s as a value of type t, as PostgreSQL's input function of t
// does with the modifier of t. f says how the session writes dates; nil means
// PostgreSQL's defaults. Names given for regclass and its family are not
// resolved here (only their numbers are). The datum may share memory with s.
func ParseText(t Type, s string, f *Format) (Datum, error) {
	if f == nil {
		f = DefaultFormat()
	}
	switch t.OID {
	case Bool:
		return parseBool(s)
	case Int2, Int4, Int8:
		v, err := parseInt(t.OID, s)
		return IntDatum(v), err
	case Oid, XID, CID, RegProc, RegProcedure, RegOper, RegOperator, RegClass, RegType, RegNamespace, RegRole, RegCollation, regConfig, regDictionary:
		if f.named(t.OID) {
			return f.Names.ParseReg(t.OID, s)
		}
		v, err := parseOID(t.OID, s)
		return IntDatum(int64(int32(v))), err
	case Float4:
		v, err := parseFloat(s, 32)
		return FloatDatum(v), err
	case Float8:
		v, err := parseFloat(s, 64)
		return FloatDatum(v), err
	case Numeric:
		n, err := ParseNum(s)
		if err == nil {
			n, err = n.WithMod(t)
		}
		if err != nil {
			return Datum{}, err
		}
		return n.Datum(), nil
	case Text, Unknown, CString, RefCursor, XML, PgNodeTree:
		return parseString(s)
	case VarChar, BPChar:
		if err := checkText(s); err != nil {
			return Datum{}, err
		}
		v, err := FitChar(t, s, false)
		return TextDatum(v), err
	case Name:
		if err := checkText(s); err != nil {
			return Datum{}, err
		}
		return TextDatum(TruncateName(s)), nil
	case Char:
		return TextDatum(charOf(s)), nil
	case Bytea:
		return parseBytea(s)
	case Date:
		v, err := parseDate(s, f)
		return IntDatum(v), err
	case Time:
		v, err := parseTime(t, s, f)
		return IntDatum(v), err
	case TimeTZ:
		return parseTimeTZ(t, s, f)
	case Timestamp:
		v, err := parseTimestamp(t, s, f)
		return IntDatum(v), err
	case TimestampTZ:
		v, err := parseTimestampTZ(t, s, f)
		return IntDatum(v), err
	case Interval:
		return parseInterval(t, s, f)
	case UUID:
		return parseUUID(s)
	case JSON:
		if err := CheckJSON(s); err != nil {
			return Datum{}, err
		}
		return TextDatum(s), nil
	case JSONB:
		v, err := NormalizeJSONB(s)
		return TextDatum(v), err
	case JSONPath:
		v, err := ParseJSONPath(s)
		if err != nil {
			return Datum{}, err
		}
		return TextDatum(v.String()), nil
	case Int2Vector, OidVector:
		return parseVector(t.OID, s)
	case Bit, VarBit:
		return parseBits(t, s)
	case Inet, CIDR:
		return parseInet(t.OID, s)
	case MacAddr:
		return parseMacAddr(s)
	case Void:
		return Datum{}, nil
	case Record:
		return Datum{}, pgerror.NotSupported("input of anonymous composite types is not implemented")
	}
	if t.OID&userTypes != 0 && !t.IsArray() {
		return parseUser(t, s, f)
	}
	if RangeElem(t.OID) != 0 {
		return parseRanges(t.OID, s, f)
	}
	info := Lookup(t.OID)
	switch {
	case info == nil:
		return Datum{}, pgerror.Newf(pgerror.UndefinedObject, "cache lookup failed for type %d", t.OID)
	case info.Pseudo:
		return Datum{}, pgerror.NotSupported("cannot accept a value of type %s", info.Formal)
	case info.Category == CategoryArray && Lookup(info.Elem) != nil:
		return parseArray(t, s, f)
	}
	return Datum{}, pgerror.NotSupported("values of type %s are not supported", info.Formal)
}

// HasInput reports whether ParseText reads values of type t. Values of the others
// come from sources only and are kept as the text that the source printed.
func HasInput(t Type) bool {
	if t.OID&userTypes != 0 {
		return true
	}
	info := Lookup(t.OID)
	if info == nil || info.Pseudo {
		return false
	}
	if info.Category == CategoryArray && info.Elem != 0 {
		return HasInput(Of(info.Elem))
	}
	if RangeElem(t.OID) != 0 {
		return true
	}
	switch t.OID {
	case Bool, Char, Name, Bytea, Text, VarChar, BPChar, JSON, JSONB, JSONPath, XML, PgNodeTree, RefCursor, Bit, VarBit, Inet, CIDR,
		MacAddr, Int2Vector, OidVector, Numeric, UUID, Interval, TimeTZ, XID, CID:
		return true
	case TID, Money:
		return false
	}
	return info.Layout != LayoutBytes
}

// AppendText appends d, a value of type t that is not NULL, as PostgreSQL's
// output function of t prints it. f may be nil for PostgreSQL's defaults.
func AppendText(dst []byte, t Type, d Datum, f *Format) []byte {
	switch t.OID {
	case Bool:
		if d.I != 0 {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case Int2, Int4, Int8:
		return AppendInt(dst, d.I)
	case Oid, XID, CID, RegOper, RegOperator, RegClass, RegType, RegNamespace, RegRole, RegCollation, RegProc, RegProcedure, regConfig, regDictionary:
		if f.named(t.OID) {
			return f.Names.AppendReg(dst, t.OID, uint32(d.I))
		}
		if uint32(d.I) == 0 && t.OID != Oid && t.OID != XID && t.OID != CID {
			return append(dst, '-')
		}
		return AppendInt(dst, int64(uint32(d.I)))
	case Float4:
		return AppendFloat32(dst, float32(d.Float()), f)
	case Float8:
		return AppendFloat64(dst, d.Float(), f)
	case Numeric:
		return appendNumericText(dst, d.S)
	case Char:
		if d.S != "" && d.S[0] >= 0x80 {
			c := d.S[0]
			return append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		}
		return append(dst, d.S...)
	case Bytea:
		return appendBytea(dst, d.S, f)
	case Date:
		return appendDateStyled(dst, d.I, f)
	case Time:
		return AppendTime(dst, d.I)
	case TimeTZ:
		return appendOffset(AppendTime(dst, d.I), -int(d.J))
	case Timestamp:
		return appendTimestampStyled(dst, d.I, f, false)
	case TimestampTZ:
		return appendTimestampStyled(dst, d.I, f, true)
	case Interval:
		style := ""
		if f != nil {
			style = f.IntervalStyle
		}
		months, days, us := d.IntervalParts()
		return AppendInterval(dst, months, days, us, style)
	case UUID:
		return appendUUID(dst, d)
	case Int2Vector, OidVector:
		return appendVector(dst, d.S)
	case Inet, CIDR:
		return appendInet(dst, t.OID, d.S)
	case MacAddr:
		return appendMacAddr(dst, d.S)
	case Record:
		return appendRecord(dst, d.S, f)
	}
	switch {
	case RangeElem(t.OID) != 0:
		return appendRanges(dst, t.OID, d.S, f)
	case t.OID.IsEnum():
		return append(dst, EnumText(d.S)...)
	case t.OID.IsComposite():
		return appendRecord(dst, d.S, f)
	}
	if info := Lookup(t.OID); info != nil && info.Category == CategoryArray || t.OID == AnyArray || t.OID == RecordArray {
		return appendArray(dst, d.S, f)
	}
	return append(dst, d.S...)
}

// FormatText returns AppendText as a string.
func FormatText(t Type, d Datum, f *Format) string {
	var scratch [64]byte
	return string(AppendText(scratch[:0], t, d, f))
}

// OIDs that have no exported name.
const (
	regConfig     OID = 3734
	regDictionary OID = 3769
)
