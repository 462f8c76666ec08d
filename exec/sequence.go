package exec

import (
	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// sequenceFunctions are nextval and its kin.
func (e *Engine) sequenceFunctions() []*function.Overload {
	over := func(oid types.OID, name string, args []types.OID, doc, example string, f func(c *function.Call, args []*vector.Vec, i int) (int64, error)) *function.Overload {
		return &function.Overload{
			OID: oid, Name: name, Kind: function.Scalar, Args: args, Ret: types.Int8, Volatility: function.Volatile, Strict: true,
			Doc: doc, Example: example,
			Kernel: func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
				for i := range n {
					null := false
					for _, a := range args {
						null = null || a.IsNull(i)
					}
					if null {
						out.SetNull(i, n)
						continue
					}
					v, err := f(c, args, i)
					if err != nil {
						return err
					}
					out.Set(i, n, types.IntDatum(v))
				}
				return nil
			},
		}
	}
	find := func(c *function.Call, v *vector.Vec, i int, want catalog.Privilege) (*catalog.Relation, error) {
		return e.sequenceOf(c, types.OID(uint32(v.Int(i))), want)
	}
	set := func(c *function.Call, args []*vector.Vec, i int, called bool) (int64, error) {
		rel, err := find(c, args[0], i, catalog.Update)
		if err != nil {
			return 0, err
		}
		if c.Session.Vars.ReadOnly() {
			return 0, pgerror.New(pgerror.ReadOnlySQLTransaction, "cannot execute setval() in a read-only transaction")
		}
		v, d := args[1].Int(i), rel.Sequence
		if v < d.Min || v > d.Max {
			return 0, pgerror.Newf(pgerror.NumericValueOutOfRange, "setval: value %d is out of bounds for sequence %q (%d..%d)", v, rel.Name, d.Min, d.Max)
		}
		if called {
			c.Session.Drawn.Set(rel.OID, v, false)
		}
		return v, e.Rows.SetValue(rel, v, called)
	}
	return []*function.Overload{
		over(1574, "nextval", []types.OID{types.RegClass}, "Draws the next value of a sequence.", "SELECT nextval('s')",
			func(c *function.Call, args []*vector.Vec, i int) (int64, error) {
				rel, err := find(c, args[0], i, catalog.Usage|catalog.Update)
				if err != nil {
					return 0, err
				}
				if c.Session.Vars.ReadOnly() {
					return 0, pgerror.New(pgerror.ReadOnlySQLTransaction, "cannot execute nextval() in a read-only transaction")
				}
				v, err := e.Rows.NextValue(rel)
				if err == nil {
					c.Session.Drawn.Set(rel.OID, v, true)
				}
				return v, err
			}),
		over(1575, "currval", []types.OID{types.RegClass}, "The value that nextval returned last for a sequence in this session.", "SELECT currval('s')",
			func(c *function.Call, args []*vector.Vec, i int) (int64, error) {
				rel, err := find(c, args[0], i, catalog.Select|catalog.Usage)
				if err != nil {
					return 0, err
				}
				return c.Session.Drawn.Current(rel.OID, rel.Name)
			}),
		over(2559, "lastval", nil, "The value that nextval returned last in this session.", "SELECT lastval()",
			func(c *function.Call, _ []*vector.Vec, _ int) (int64, error) {
				seq, v, ok := c.Session.Drawn.Last()
				if !ok {
					return 0, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
				}
				_, err := e.sequenceOf(c, seq, catalog.Select|catalog.Usage)
				return v, err
			}),
		over(1576, "setval", []types.OID{types.RegClass, types.Int8}, "Sets the value of a sequence; nextval returns the one after it.", "SELECT setval('s', 10)",
			func(c *function.Call, args []*vector.Vec, i int) (int64, error) { return set(c, args, i, true) }),
		over(1765, "setval", []types.OID{types.RegClass, types.Int8, types.Bool}, "Sets the value of a sequence and whether it has been used.", "SELECT setval('s', 10, false)",
			func(c *function.Call, args []*vector.Vec, i int) (int64, error) {
				return set(c, args, i, args[2].Int(i) != 0)
			}),
	}
}

// sequenceOf finds a sequence for the current user, who must hold one of the
// privileges.
func (e *Engine) sequenceOf(c *function.Call, id types.OID, want catalog.Privilege) (*catalog.Relation, error) {
	snap, ok := c.Session.Catalog.(*catalog.Snapshot)
	if !ok {
		return nil, pgerror.New(pgerror.InternalError, "no catalog in this context")
	}
	rel, ok := snap.RelationByOID(id)
	if !ok {
		return nil, pgerror.Newf(pgerror.UndefinedTable, "could not open relation with OID %d", id)
	}
	if rel.Sequence == nil {
		return nil, pgerror.Newf(pgerror.WrongObjectType, "%q is not a sequence", rel.Name)
	}
	role, ok := snap.Role(c.Session.CurrentUser)
	if !ok || !snap.HasSequence(role.OID, rel, want) && !e.identityWriter(snap, role.OID, rel) {
		return nil, pgerror.PermissionDenied("sequence", rel.Name)
	}
	return rel, nil
}

// identityWriter reports whether a role may insert into the table of an identity
// column: it then needs no privilege on the sequence.
func (e *Engine) identityWriter(snap *catalog.Snapshot, role types.OID, rel *catalog.Relation) bool {
	if !rel.Sequence.Identity {
		return false
	}
	table, ok := snap.RelationByOID(rel.Sequence.OwnerTable)
	return ok && snap.HasAnyColumn(role, table, catalog.Insert)
}
