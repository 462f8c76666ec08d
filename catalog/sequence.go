package catalog

import (
	"math"

	"github.com/hubsql/hubsql/catalog/types"
)

// Sequence is the kind of a relation that counts.
const Sequence RelKind = 'S'

// AllSequence are the privileges that exist on a sequence.
const AllSequence = Usage | Select | Update

// SequenceDef is how a sequence counts. Where it stands is kept with the rows of
// local tables.
type SequenceDef struct {
	// Type is int2, int4 or int8.
	Type                       types.OID
	Start, Increment, Min, Max int64
	Cache                      int64
	Cycle                      bool
	// OwnerTable and OwnerColumn name the column that it goes with, 0 for none;
	// Identity says that it is the column's GENERATED AS IDENTITY.
	OwnerTable  types.OID `json:",omitempty"`
	OwnerColumn int16     `json:",omitempty"`
	Identity    bool      `json:",omitempty"`
}

// Bounds are the least and the largest value of an integer type.
func Bounds(t types.OID) (lo, hi int64) {
	switch t {
	case types.Int2:
		return math.MinInt16, math.MaxInt16
	case types.Int4:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// HasSequence reports whether role has one of the privileges on a sequence.
func (s *Snapshot) HasSequence(role types.OID, rel *Relation, privs Privilege) bool {
	return s.privileges(role, rel.ACL, rel.Owner, AllSequence)&privs != 0
}

// OwnedSequences lists the sequences that go with a table, or with one column of
// it when column is not 0.
func (s *Snapshot) OwnedSequences(table types.OID, column int16) []*Relation {
	var out []*Relation
	for _, r := range s.Relations() {
		if d := r.Sequence; d != nil && d.OwnerTable == table && (column == 0 || d.OwnerColumn == column) {
			out = append(out, r)
		}
	}
	return out
}
