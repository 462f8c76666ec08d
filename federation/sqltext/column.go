package sqltext

import (
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

// Column says how a column of a handle may be used in remote SQL.
type Column struct {
	// Name is for reasons.
	Name string
	// SQL is the expression that has, in the source, the value that HubSQL reads
	// (quoted name, cast and so on). Redacted is the same without literals; empty
	// when there are none.
	SQL, Redacted string
	// Type is the type that HubSQL reads.
	Type types.Type
	// Local, when not empty, is the reason why the column must not be used in
	// remote predicates at all.
	Local string
	// Text holds the rules for a column of a string type.
	Text TextRule
	// NullIf, when not empty, is a condition that is true exactly when HubSQL
	// reads the value as NULL (NULL itself, a zero date), and never NULL. Empty
	// means that only NULL is read as NULL.
	NullIf string
	// Guard, when not empty, is a condition that is true for every stored value
	// that is not of the column's type (SQLite checks types by value). Such rows
	// are always fetched, so that HubSQL judges them; predicates become
	// supersets.
	Guard string
	// Min and Max bound the constants, in the units of the datum, that the
	// source compares rightly; both 0 means no bounds.
	Min, Max int64
	// Indexed is set when an index of the source finds rows by the value.
	Indexed bool
}

// TextRule says how the source compares strings of a column, relative to
// HubSQL's order of bytes in UTF-8.
type TextRule struct {
	// Equal is what `=` and IN may be: Exact, Superset (equal bytes are always
	// equal there, but more is) or Local. It is what holds with EqualCollate
	// appended.
	Equal connector.Pushed
	// EqualCollate is appended to the column in equality (" COLLATE ...").
	EqualCollate string
	// Index adds the equality without EqualCollate too: it is a superset that
	// the source's index on the column can answer.
	Index bool
	// Order is true when <, <= and so on are exact with OrderCollate appended.
	Order        bool
	OrderCollate string
	// Like is what LIKE with a constant pattern may be.
	Like connector.Pushed
	// ASCII allows only constants of ASCII characters: others may have no
	// equivalent in the source's character set.
	ASCII bool
	// Why is the reason shown where a comparison is not exact.
	Why string
}

// ExactText is the rule of a column that is compared by bytes.
func ExactText() TextRule {
	return TextRule{Equal: connector.Exact, Order: true, Like: connector.Exact}
}

// family groups the types that compare with each other without conversion.
type family uint8

// Families.
const (
	noFamily family = iota
	boolFamily
	intFamily
	floatFamily
	numericFamily
	textFamily
	bpcharFamily
	dateFamily
	timestampFamily
	timestamptzFamily
	timeFamily
	intervalFamily
	uuidFamily
	byteaFamily
	// enumFamily are the enum types: two of them do not compare with each other.
	enumFamily
)

// familyOf classifies a type.
func familyOf(t types.Type) family {
	switch t.OID {
	case types.Bool:
		return boolFamily
	case types.Int2, types.Int4, types.Int8:
		return intFamily
	case types.Float4, types.Float8:
		return floatFamily
	case types.Numeric:
		return numericFamily
	case types.Text, types.VarChar, types.Name:
		return textFamily
	case types.BPChar:
		return bpcharFamily
	case types.Date:
		return dateFamily
	case types.Timestamp:
		return timestampFamily
	case types.TimestampTZ:
		return timestamptzFamily
	case types.Time:
		return timeFamily
	case types.Interval:
		return intervalFamily
	case types.UUID:
		return uuidFamily
	case types.Bytea:
		return byteaFamily
	}
	if t.OID.IsEnum() {
		return enumFamily
	}
	return noFamily
}

// comparable reports whether d compares values of the two families as
// PostgreSQL does; order is set for comparisons other than = and <>.
func (d Dialect) comparable(l, r types.Type, order bool) bool {
	a, b := familyOf(l), familyOf(r)
	switch d {
	case Postgres:
		if a == b {
			return a != noFamily && (a != enumFamily || l.OID == r.OID)
		}
		return a == dateFamily && b == timestampFamily || a == timestampFamily && b == dateFamily
	case MySQL:
		// The server may convert a constant to the precision of a FLOAT column.
		if l.OID == types.Float4 || r.OID == types.Float4 {
			return false
		}
		switch a {
		case boolFamily, intFamily, floatFamily, numericFamily, textFamily, timeFamily, byteaFamily:
			return a == b
		case dateFamily, timestampFamily:
			return b == dateFamily || b == timestampFamily
		case uuidFamily:
			return b == uuidFamily && !order
		}
	case SQLite:
		switch a {
		case boolFamily, intFamily, floatFamily, textFamily, byteaFamily:
			return a == b && l.OID != types.Float4 && r.OID != types.Float4
		}
	}
	return false
}
