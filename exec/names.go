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

// ParseReg implements types.RegNames.
func (n *regNames) ParseReg(t types.OID, name string) (types.Datum, error) {
	oid, err := n.system.Lookup(n.snap, n.path, t, name)
	return types.IntDatum(int64(int32(oid))), err
}
