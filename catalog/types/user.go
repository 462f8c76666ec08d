package types

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// The OID of a type that users have made says what kind of type it is and
// whether it is the array over one, so that nothing that handles values has to
// ask the catalog: bit 30 is set, the lowest two bits are the UserKind, the next
// one marks the array type, and the rest is the OID of the catalog's object.

// UserKind is a kind of type that users make.
type UserKind uint8

// Kinds of types.
const (
	// EnumKind values are stored as EnumValue makes them.
	EnumKind UserKind = iota
	// CompositeKind values are stored as records are. Every table has such a
	// type of its own, too.
	CompositeKind
	// DomainKind never is the type of a value: its values have the type that it
	// is made of, and Type.Domain says what they are checked against.
	DomainKind
)

const (
	userTypes  OID = 1 << 30
	userArray  OID = 4
	userObject     = 3 // bits below the object's OID
)

// MaxUserObject is the largest OID that an object may have to get a type.
const MaxUserObject = userTypes>>userObject - 1

// UserOID returns the OID of the type that the catalog's object stands for.
func UserOID(kind UserKind, object OID) OID { return userTypes | object<<userObject | OID(kind) }

// User takes the OID of a user's type apart: its kind, whether it is the array
// type, and the catalog's object; ok is false for a built-in type.
func (o OID) User() (kind UserKind, array bool, object OID, ok bool) {
	if o&userTypes == 0 {
		return 0, false, 0, false
	}
	return UserKind(o & 3), o&userArray != 0, (o &^ userTypes) >> userObject, true
}

// IsEnum reports whether o is an enum type.
func (o OID) IsEnum() bool { return o&(userTypes|7) == userTypes|OID(EnumKind) }

// IsComposite reports whether o is a composite type with a name; record is none.
func (o OID) IsComposite() bool { return o&(userTypes|7) == userTypes|OID(CompositeKind) }

// IsRow reports whether values of t are records: of a composite type or of none.
func (t Type) IsRow() bool { return t.OID == Record || t.OID.IsComposite() }

// userInfo describes a type of a user. Its names are marks (see TypeMark).
func userInfo(o OID) *Info {
	i := &Info{OID: o, Name: TypeMark(o), Formal: TypeMark(o), Category: userCategory(o), Layout: LayoutBytes, Len: -1, Align: 'd'}
	switch {
	case o&userArray != 0:
		i.Elem = o &^ userArray
	default:
		i.Array = o | userArray
	}
	if o.IsEnum() {
		i.Len, i.Align = 4, 'i'
	}
	return i
}

// userCategory is the category of a user's type. A domain has that of its base
// type, which its OID does not tell: values never have it.
func userCategory(o OID) Category {
	switch {
	case o&userArray != 0:
		return CategoryArray
	case o.IsEnum():
		return CategoryEnum
	case o.IsComposite():
		return CategoryComposite
	}
	return CategoryUser
}

// markStart and markEnd enclose the OID of a type where its name belongs.
// They are private characters of Unicode.
const markStart, markEnd = "\uf8f0", "\uf8f1"

// TypeMark stands for the name of a user's type in a message: the catalog knows
// the names, and whoever shows the message replaces them by NameTypes.
func TypeMark(o OID) string { return markStart + strconv.FormatUint(uint64(o), 10) + markEnd }

// NameTypes replaces the marks in a message by the names that name returns.
func NameTypes(s string, name func(OID) string) string {
	for {
		before, rest, ok := strings.Cut(s, markStart)
		if !ok {
			return s
		}
		number, after, ok := strings.Cut(rest, markEnd)
		if !ok {
			return s
		}
		text := number
		if n, err := strconv.ParseUint(number, 10, 32); err == nil {
			text = name(OID(n))
		}
		s = before + text + after
	}
}

// UserTypes knows the types that users have made, as a statement sees them. It
// may be used concurrently. What it returns must not be changed.
type UserTypes interface {
	// Enum returns the labels of an enum type, nil when there is no such type.
	Enum(t OID) *Enum
	// Composite returns the columns of a composite type; ok is false when there
	// is no such type.
	Composite(t OID) (columns []Attribute, ok bool)
	// TypeName is the name of a type as format_type prints it.
	TypeName(t OID) string
}

// Attribute is a column of a composite type.
type Attribute struct {
	Name string
	Type Type
}

// Enum is the list of an enum type's labels in their order.
type Enum struct {
	Labels []EnumLabel
}

// EnumLabel is one label. Order is pg_enum.enumsortorder: labels are ordered by
// it, and it never changes.
type EnumLabel struct {
	OID   OID
	Order float32
	Name  string
}

// Value returns the value that a label stands for; ok is false when the type has
// no such label.
func (e *Enum) Value(label string) (Datum, bool) {
	for i := range e.Labels {
		if e.Labels[i].Name == label {
			return e.Labels[i].Value(), true
		}
	}
	return Datum{}, false
}

// Value returns the value that the label stands for: four bytes whose order is
// that of the labels, and the label. Values are compared as bytes, and print
// without asking the catalog.
func (l EnumLabel) Value() Datum {
	bits := math.Float32bits(l.Order)
	if bits>>31 != 0 {
		bits = ^bits
	} else {
		bits |= 1 << 31
	}
	var key [4]byte
	binary.BigEndian.PutUint32(key[:], bits)
	return Datum{S: string(key[:]) + l.Name}
}

// EnumText returns the label of an enum value.
func EnumText(value string) string {
	if len(value) < enumKey {
		return value
	}
	return value[enumKey:]
}

// enumKey is the length of what comes before the label.
const enumKey = 4

// users returns what f knows of users' types, nil for nothing.
func (f *Format) users() UserTypes {
	if f == nil {
		return nil
	}
	u, _ := f.Names.(UserTypes)
	return u
}

// TypeName prints a type's name: what FormatOID returns for a built-in type.
func (f *Format) TypeName(t OID) string {
	if u := f.users(); u != nil && t&userTypes != 0 {
		return u.TypeName(t)
	}
	return FormatOID(t)
}

// Composite returns the columns of a composite type, nil when f does not know
// it.
func (f *Format) Composite(t OID) []Attribute {
	if u := f.users(); u != nil {
		c, _ := u.Composite(t)
		return c
	}
	return nil
}

// Enum returns the labels of an enum type, nil when f does not know it.
func (f *Format) Enum(t OID) *Enum {
	if u := f.users(); u != nil {
		return u.Enum(t)
	}
	return nil
}

// parseEnum reads a label.
func parseEnum(t OID, s string, f *Format) (Datum, error) {
	e := f.Enum(t)
	if e == nil {
		return Datum{}, pgerror.Newf(pgerror.UndefinedObject, "cache lookup failed for type %d", t)
	}
	if v, ok := e.Value(s); ok {
		return v, nil
	}
	return Datum{}, pgerror.New(pgerror.InvalidTextRepresentation, "invalid input value for enum "+f.TypeName(t)+": \""+s+"\"")
}

// parseUser reads the text of a user's type that is no array.
func parseUser(t Type, s string, f *Format) (Datum, error) {
	switch {
	case t.OID.IsEnum():
		return parseEnum(t.OID, s, f)
	case t.OID.IsComposite():
		return parseRecord(t.OID, s, f)
	}
	return Datum{}, pgerror.Newf(pgerror.UndefinedObject, "cache lookup failed for type %d", t.OID)
}

// parseRecord reads (a,"b c",) as a composite type.
func parseRecord(t OID, s string, f *Format) (Datum, error) {
	columns := f.Composite(t)
	bad := func(detail string) (Datum, error) {
		e := pgerror.New(pgerror.InvalidTextRepresentation, "malformed record literal: \""+s+"\"")
		e.Detail = detail
		return Datum{}, e
	}
	if columns == nil {
		return Datum{}, pgerror.Newf(pgerror.UndefinedObject, "cache lookup failed for type %d", t)
	}
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i >= len(s) || s[i] != '(' {
		return bad("Missing left parenthesis.")
	}
	i++
	fields := make([]Field, len(columns))
	var text []byte
	for k, c := range columns {
		if k > 0 {
			if i >= len(s) || s[i] != ',' {
				return bad("Too few columns.")
			}
			i++
		}
		fields[k].Type = c.Type.OID
		if i >= len(s) {
			return bad("Unexpected end of input.")
		}
		if s[i] == ',' || s[i] == ')' {
			fields[k].Value = Null
			continue
		}
		text = text[:0]
		quoted := false
		for {
			if i >= len(s) {
				return bad("Unexpected end of input.")
			}
			c := s[i]
			if !quoted && (c == ',' || c == ')') {
				break
			}
			i++
			switch {
			case c == '\\':
				if i >= len(s) {
					return bad("Unexpected end of input.")
				}
				text = append(text, s[i])
				i++
			case c == '"' && !quoted:
				quoted = true
			case c == '"' && i < len(s) && s[i] == '"':
				text = append(text, '"')
				i++
			case c == '"':
				quoted = false
			default:
				text = append(text, c)
			}
		}
		d, err := ParseText(c.Type, string(text), f)
		if err != nil {
			return Datum{}, err
		}
		fields[k].Value = d
	}
	if i >= len(s) {
		return bad("Unexpected end of input.")
	}
	if s[i] == ',' {
		return bad("Too many columns.")
	}
	if len(columns) == 0 && s[i] != ')' {
		return bad("Too many columns.")
	}
	i++
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i < len(s) {
		return bad("Junk after right parenthesis.")
	}
	return Datum{S: string(AppendRecord(nil, fields))}, nil
}

// AppendSend appends the form in which a value that is not NULL is sent to a
// client in binary. It differs from AppendBinary, which is how the elements of
// arrays and records are stored, for values that hold enum values.
func AppendSend(dst []byte, t Type, d Datum) []byte {
	switch {
	case t.OID.IsEnum():
		return append(dst, EnumText(d.S)...)
	case t.IsRow():
		fields, err := DecodeRecord(d.S)
		if err != nil {
			break
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(fields)))
		for _, x := range fields {
			dst = binary.BigEndian.AppendUint32(dst, uint32(x.Type))
			dst = appendSent(dst, Of(x.Type), x.Value)
		}
		return dst
	case t.IsArray() && sendsElements(t.Elem()):
		a, err := DecodeArray(d.S)
		if err != nil || len(a.Elems) == 0 {
			break
		}
		ndim, _, _, at, ok := ArrayHeader(d.S)
		if !ok || ndim == 0 {
			break
		}
		dst = append(dst, d.S[:at]...)
		for _, x := range a.Elems {
			dst = appendSent(dst, Of(a.Elem), x)
		}
		return dst
	}
	return AppendBinary(dst, t, d)
}

// sendsElements reports whether elements of an array are not sent as they are
// stored.
func sendsElements(t Type) bool { return t.OID&userTypes != 0 || t.OID == Record }

// appendSent appends a value behind its length, -1 for NULL.
func appendSent(dst []byte, t Type, d Datum) []byte {
	if d.Null {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	at := len(dst)
	dst = AppendSend(append(dst, 0, 0, 0, 0), t, d)
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// SentAsStored reports whether binary values of t are sent to clients in the form
// in which they are stored.
func SentAsStored(t Type) bool {
	return !t.IsRow() && !t.OID.IsEnum() && (!t.IsArray() || !sendsElements(t.Elem()))
}
