package exec

import (
	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// regNames implements types.RegNames for one statement.
type regNames struct {
	system SystemRelations
	snap   *catalog.Snapshot
	path   []string
}

// AppendReg implements types.RegNames.
func (n *regNames) AppendReg(dst []byte, t types.OID, oid uint32) []byte {
	return append(dst, n.system.Text(n.snap, n.path, t, types.OID(oid))...)
}

// Enum implements types.UserTypes.
func (n *regNames) Enum(t types.OID) *types.Enum { return n.snap.Enum(t) }

// Composite implements types.UserTypes.
func (n *regNames) Composite(t types.OID) ([]types.Attribute, bool) { return n.snap.Composite(t) }

// TypeName implements types.UserTypes.
func (n *regNames) TypeName(t types.OID) string {
	return n.system.Text(n.snap, n.path, types.RegType, t)
}

// ParseReg implements types.RegNames.
func (n *regNames) ParseReg(t types.OID, name string) (types.Datum, error) {
	oid, err := n.system.Lookup(n.snap, n.path, t, name)
	return types.IntDatum(int64(int32(oid))), err
}
