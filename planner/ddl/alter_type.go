package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// alterType is ALTER COLUMN ... TYPE on a copy of a local table. Rows keep their
// columns by number and type, so the column gets a number of its own for the new
// type: its values are computed beside the old ones, which are then forgotten.
func (r *run) alterType(rel *catalog.Relation, at *catalog.Column, typ types.Type, c *pg.AlterTableCmd) error {
	def := c.Def.GetColumnDef()
	if typ == at.Type && def.RawDefault == nil {
		return nil
	}
	if err := storable(at.Name, typ); err != nil {
		return err
	}
	if at.Identity != 0 && typ.OID != types.Int2 && typ.OID != types.Int4 && typ.OID != types.Int8 {
		return pgerror.New(pgerror.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
	}
	if err := r.env.Rows.Lock(r.ctx, rel.OID); err != nil {
		return err
	}
	old, fresh := at.AttNum, rel.NextAttNum
	value := session.QuoteIdentifier(at.Name)
	if def.RawDefault != nil {
		text, err := parser.ExprText(def.RawDefault)
		if err != nil {
			return err
		}
		value = text
	}
	// While it is computed, the new column stands at the end, under a name that
	// no other column has.
	wide := rel.Clone()
	wide.NextAttNum++
	scratch := at.Name
	for taken := true; taken; _, taken = wide.Column(scratch) {
		scratch += "+"
	}
	wide.Columns = append(wide.Columns, catalog.Column{Name: scratch, AttNum: fresh, Type: typ})
	if err := r.tx.Put(wide); err != nil {
		return err
	}
	if err := r.env.Rows.Rewrite(r.ctx, wide, scratch, value); err != nil {
		if pgerror.CodeOf(err) == pgerror.DatatypeMismatch {
			target := types.FormatType(typ)
			if def.RawDefault != nil {
				return pgerror.Newf(pgerror.DatatypeMismatch, `result of USING clause for column "%s" cannot be cast automatically to type %s`, at.Name, target).
					WithHint("You might need to add an explicit cast.")
			}
			return pgerror.Newf(pgerror.DatatypeMismatch, `column "%s" cannot be cast automatically to type %s`, at.Name, target).
				WithHint(`You might need to specify "USING %s::%s".`, session.QuoteIdentifier(at.Name), target)
		}
		return err
	}
	if at.Default != "" {
		if err := r.env.CheckDefault(r.ctx, at.Default, at.Name, typ); err != nil {
			return pgerror.Newf(pgerror.DatatypeMismatch, `default for column "%s" cannot be cast automatically to type %s`, at.Name, types.FormatType(types.Of(typ.OID)))
		}
	}
	at.AttNum, at.Type, rel.NextAttNum = fresh, typ, wide.NextAttNum
	for i := range rel.Constraints {
		k := &rel.Constraints[i]
		columns := make([]int16, len(k.Columns))
		for n, a := range k.Columns {
			columns[n] = a
			if a == old {
				columns[n] = fresh
			}
		}
		if len(columns) > 0 {
			k.Columns = columns
		}
	}
	if err := r.tx.Put(rel); err != nil {
		return err
	}
	if err := r.renumbered(rel.OID, old, fresh); err != nil {
		return err
	}
	for i := range rel.Constraints {
		if k := &rel.Constraints[i]; k.Kind != catalog.PlainIndex {
			if err := r.holds(rel, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// renumbered makes what names a column by its number follow a new one.
func (r *run) renumbered(table types.OID, old, fresh int16) error {
	for _, s := range r.snap().OwnedSequences(table, old) {
		n, d := s.Clone(), *s.Sequence
		d.OwnerColumn = fresh
		n.Sequence = &d
		if err := r.tx.Put(n); err != nil {
			return err
		}
	}
	for _, c := range r.snap().Comments() {
		if c.On == catalog.ClassRelation && c.Object == table && c.Sub == int32(old) {
			n := *c
			n.Sub = int32(fresh)
			r.tx.Remove(c.OID)
			n.OID = r.tx.NewOID()
			if err := r.tx.Put(&n); err != nil {
				return err
			}
		}
	}
	return nil
}
