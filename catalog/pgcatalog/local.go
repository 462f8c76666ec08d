package pgcatalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// btreeAM is the access method that indexes say they have.
const btreeAM types.OID = 403

// eachConstraint yields the constraints and indexes of local tables.
func (x *scan) eachConstraint(f func(r *catalog.Relation, c *catalog.Constraint)) {
	for _, r := range x.relations() {
		for i := range r.Constraints {
			f(r, &r.Constraints[i])
		}
	}
}

// indexed reports whether a constraint is an index, too.
func indexed(c *catalog.Constraint) bool { return c.Kind != catalog.CheckClause }

// hasIndex reports whether a relation has one.
func hasIndex(r *catalog.Relation) bool {
	return slices.ContainsFunc(r.Constraints, func(c catalog.Constraint) bool { return indexed(&c) })
}

// checks counts the CHECK constraints.
func checks(r *catalog.Relation) int {
	n := 0
	for _, c := range r.Constraints {
		if c.Kind == catalog.CheckClause {
			n++
		}
	}
	return n
}

// shorts makes an int2vector.
func shorts(list []int16) types.Datum {
	elems := make([]types.Datum, len(list))
	for i, n := range list {
		elems[i] = types.Datum{I: int64(n)}
	}
	return types.NewVector(types.Int2, elems)
}

// shortArray makes an int2[], NULL when it is empty.
func shortArray(list []int16) types.Datum {
	if len(list) == 0 {
		return null
	}
	elems := make([]types.Datum, len(list))
	for i, n := range list {
		elems[i] = types.Datum{I: int64(n)}
	}
	return types.NewArray(types.Int2, elems).Datum()
}

func pgIndex(x *scan) {
	x.eachConstraint(func(r *catalog.Relation, c *catalog.Constraint) {
		if !indexed(c) {
			return
		}
		n := len(c.Columns)
		zeros, options := make([]types.OID, n), make([]int16, n)
		x.add(oid(c.OID), oid(r.OID), num(n), num(n), yes(c.Kind != catalog.PlainIndex), yes(false), yes(c.Kind == catalog.PrimaryKey),
			yes(false), yes(true), yes(false), yes(true), yes(false), yes(true), yes(true), yes(false),
			shorts(c.Columns), vectorOf(zeros), vectorOf(zeros), shorts(options), null, null)
	})
}

func pgConstraint(x *scan) {
	x.eachConstraint(func(r *catalog.Relation, c *catalog.Constraint) {
		if c.Index {
			return
		}
		index, bin := c.OID, null
		columns := c.Columns
		if c.Kind == catalog.CheckClause {
			index, bin = 0, str(c.SQL)
		}
		x.add(oid(c.OID), str(c.Name), oid(r.SchemaID), str(string(c.Kind)), yes(false), yes(false), yes(true), oid(r.OID), oid(0), oid(index),
			oid(0), oid(0), str(" "), str(" "), str(" "), yes(true), num(0), yes(c.Kind != catalog.CheckClause),
			shortArray(columns), null, null, null, null, null, null, bin)
	})
}

func pgAttrdef(x *scan) {
	for _, r := range x.relations() {
		for _, c := range r.Columns {
			if c.Default != "" {
				// Rows of this catalog are never referred to by OID.
				x.add(oid(r.OID), oid(r.OID), num(int(c.AttNum)), str(x.defaultText(c.Default)))
			}
		}
	}
}

func pgIndexes(x *scan) {
	x.eachConstraint(func(r *catalog.Relation, c *catalog.Constraint) {
		if indexed(c) {
			x.add(str(r.Schema), str(r.Name), str(c.Name), null, str(indexDefinition(r, c)))
		}
	})
}

// keyNames lists the columns of a key.
func keyNames(r *catalog.Relation, c *catalog.Constraint) []string {
	out := make([]string, 0, len(c.Columns))
	for _, a := range c.Columns {
		if col, ok := r.ColumnByNumber(a); ok {
			out = append(out, QuoteIdent(col.Name))
		}
	}
	return out
}

// constraintDefinition prints a constraint as pg_get_constraintdef does.
func constraintDefinition(r *catalog.Relation, c *catalog.Constraint) string {
	switch c.Kind {
	case catalog.PrimaryKey:
		return "PRIMARY KEY (" + joinComma(keyNames(r, c)) + ")"
	case catalog.UniqueKey:
		return "UNIQUE (" + joinComma(keyNames(r, c)) + ")"
	}
	return "CHECK ((" + c.SQL + "))"
}

// indexDefinition prints an index as pg_get_indexdef does.
func indexDefinition(r *catalog.Relation, c *catalog.Constraint) string {
	unique := ""
	if c.Kind != catalog.PlainIndex {
		unique = "UNIQUE "
	}
	return "CREATE " + unique + "INDEX " + QuoteIdent(c.Name) + " ON " + QuoteIdent(r.Schema) + "." + QuoteIdent(r.Name) +
		" USING btree (" + joinComma(keyNames(r, c)) + ")"
}

// constraintByOID finds a constraint or index.
func constraintByOID(snap *catalog.Snapshot, id types.OID) (*catalog.Relation, *catalog.Constraint) {
	for _, r := range snap.Relations() {
		for i := range r.Constraints {
			if r.Constraints[i].OID == id {
				return r, &r.Constraints[i]
			}
		}
	}
	return nil, nil
}

// definitionOf is a function that prints a constraint or index.
func definitionOf(accept func(*catalog.Constraint) bool, text func(*catalog.Relation, *catalog.Constraint) string) func(c *callee) (types.Datum, error) {
	return func(c *callee) (types.Datum, error) {
		r, k := constraintByOID(c.snap, c.oid(0))
		if k == nil || !accept(k) {
			return null, nil
		}
		return str(text(r, k)), nil
	}
}

// defaultText shows the default of a column: one that draws from a sequence names
// it.
func (x *scan) defaultText(sql string) string {
	id, ok := strings.CutPrefix(sql, "nextval('")
	if !ok {
		return sql
	}
	id, rest, _ := strings.Cut(id, "'")
	n, err := strconv.ParseUint(id, 10, 32)
	seq, known := x.snap.RelationByOID(types.OID(n))
	if err != nil || !known {
		return sql
	}
	name := QuoteIdent(seq.Name)
	if !slices.Contains(x.sess.SearchPath, seq.Schema) {
		name = QuoteIdent(seq.Schema) + "." + name
	}
	return "nextval('" + strings.ReplaceAll(name, "'", "''") + "'" + rest
}

func pgSequence(x *scan) {
	for _, r := range x.relations() {
		if d := r.Sequence; d != nil {
			x.add(oid(r.OID), oid(d.Type), types.IntDatum(d.Start), types.IntDatum(d.Increment), types.IntDatum(d.Max), types.IntDatum(d.Min),
				types.IntDatum(d.Cache), yes(d.Cycle))
		}
	}
}

func pgSequences(x *scan) {
	for _, r := range x.relations() {
		d := r.Sequence
		if d == nil {
			continue
		}
		last := null
		if v, called := x.act.LastValue(r); called && x.snap.HasSequence(x.role, r, catalog.Select|catalog.Usage) {
			last = types.IntDatum(v)
		}
		x.add(str(r.Schema), str(r.Name), str(x.snap.RoleName(r.Owner)), oid(d.Type), types.IntDatum(d.Start), types.IntDatum(d.Min),
			types.IntDatum(d.Max), types.IntDatum(d.Increment), yes(d.Cycle), types.IntDatum(d.Cache), last)
	}
}
