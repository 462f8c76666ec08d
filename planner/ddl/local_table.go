package ddl

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// createLocalTable is CREATE TABLE.
func (r *run) createLocalTable(s *pg.CreateStmt) error {
	rel, err := r.newLocalTable(s.Relation, s.IfNotExists)
	if err != nil || rel == nil {
		return err
	}
	switch {
	case len(s.InhRelations) > 0 || s.Partbound != nil || s.Partspec != nil:
		return pgerror.NotSupported("inheritance and partitions of local tables are not supported")
	case s.OfTypename != nil:
		return pgerror.NotSupported("typed tables are not supported")
	case s.Oncommit == pg.OnCommitAction_ONCOMMIT_DROP || s.Oncommit == pg.OnCommitAction_ONCOMMIT_DELETE_ROWS:
		return pgerror.NotSupported("ON COMMIT DROP and ON COMMIT DELETE ROWS are not supported")
	}
	t := &tableMaker{run: r, rel: rel}
	for _, n := range s.TableElts {
		switch x := n.GetNode().(type) {
		case *pg.Node_ColumnDef:
			if err := t.column(x.ColumnDef); err != nil {
				return err
			}
		case *pg.Node_Constraint:
			t.later = append(t.later, x.Constraint)
		case *pg.Node_TableLikeClause:
			if err := t.like(x.TableLikeClause); err != nil {
				return err
			}
		default:
			return pgerror.NotSupported("this element of a table is not supported")
		}
	}
	if err := t.constraints(); err != nil {
		return err
	}
	return t.put()
}

// put stores the table and the sequences of its columns.
func (t *tableMaker) put() error {
	if err := t.tx.Put(t.rel); err != nil {
		return err
	}
	for _, s := range t.sequences {
		if err := t.tx.Put(s); err != nil {
			return err
		}
	}
	return nil
}

// CreateTableAs makes the table that CREATE TABLE AS or SELECT INTO fills: its
// columns are those of the query, renamed by the list of the statement. It
// returns nil when the table exists and IF NOT EXISTS says that this is fine.
func CreateTableAs(env *Env, st parser.Statement, into *pg.IntoClause, ifNotExists bool, columns []ResultColumn) (*catalog.Relation, []*pgerror.Error, error) {
	role, ok := env.Tx.Snapshot().Role(env.Session.CurrentUser)
	if !ok {
		return nil, nil, pgerror.Newf(pgerror.UndefinedObject, `role "%s" does not exist`, env.Session.CurrentUser)
	}
	r := &run{env: env, tx: env.Tx, role: role, st: st}
	if into.OnCommit == pg.OnCommitAction_ONCOMMIT_DROP || into.OnCommit == pg.OnCommitAction_ONCOMMIT_DELETE_ROWS {
		return nil, nil, pgerror.NotSupported("ON COMMIT DROP and ON COMMIT DELETE ROWS are not supported")
	}
	rel, err := r.newLocalTable(into.Rel, ifNotExists)
	if err != nil || rel == nil {
		return nil, r.result.Notices, err
	}
	aliases := parser.Strings(into.ColNames)
	if len(aliases) > len(columns) {
		return nil, nil, pgerror.New(pgerror.SyntaxError, "too many column names were specified")
	}
	for i, c := range columns {
		if i < len(aliases) {
			c.Name = aliases[i]
		}
		if _, taken := rel.Column(c.Name); taken {
			return nil, nil, pgerror.Newf(pgerror.DuplicateColumn, `column "%s" specified more than once`, c.Name)
		}
		if err := storable(c.Name, c.Type); err != nil {
			return nil, nil, err
		}
		rel.Columns = append(rel.Columns, catalog.Column{Name: c.Name, AttNum: rel.NextAttNum, Type: c.Type})
		rel.NextAttNum++
	}
	return rel, r.result.Notices, env.Tx.Put(rel)
}

// newLocalTable starts a table; nil when it exists and that is fine.
func (r *run) newLocalTable(name *pg.RangeVar, ifNotExists bool) (*catalog.Relation, error) {
	if err := r.noCatalog(name); err != nil {
		return nil, err
	}
	if name.Relpersistence == "u" {
		r.notice(pgerror.SuccessfulCompletion, "unlogged tables are logged: table \"%s\" survives a crash", name.Relname)
	}
	var schema *catalog.Schema
	var err error
	if name.Relpersistence == "t" || name.Schemaname == TempSchema {
		if name.Schemaname != "" && name.Schemaname != TempSchema {
			return nil, pgerror.New(pgerror.InvalidTableDefinition, "cannot create temporary relation in non-temporary schema")
		}
		schema, err = r.tempSchema()
	} else {
		schema, err = r.createIn(name.Schemaname)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := r.snap().Relation(schema.Name, name.Relname); ok {
		if ifNotExists {
			r.notice(pgerror.DuplicateTable, `relation "%s" already exists, skipping`, name.Relname)
			return nil, nil
		}
		return nil, pgerror.Newf(pgerror.DuplicateTable, `relation "%s" already exists`, name.Relname)
	}
	return &catalog.Relation{
		OID: r.tx.NewOID(), SchemaID: schema.OID, Schema: schema.Name, Name: name.Relname, Kind: catalog.Table,
		Owner: r.role.OID, NextAttNum: 1, DefinitionPath: slices.Clone(r.env.SearchPath),
	}, nil
}

// TempSchema is what statements call the schema of the session's temporary
// tables.
const TempSchema = "pg_temp"

// TempSchemaOf is the schema of the temporary tables of the session with that
// number.
func TempSchemaOf(pid int32) string { return "pg_temp_" + strconv.Itoa(int(pid)) }

// tempSchema returns the schema of the session's temporary tables, making it the
// first time.
func (r *run) tempSchema() (*catalog.Schema, error) {
	name := TempSchemaOf(r.env.Session.PID)
	if s, ok := r.snap().Schema(name); ok {
		return s, nil
	}
	s := &catalog.Schema{OID: r.tx.NewOID(), Name: name, Owner: r.role.OID}
	return s, r.tx.Put(s)
}

// storable refuses columns of pseudo-types.
func storable(name string, t types.Type) error {
	if i := types.Lookup(t.OID); i == nil || i.Category == types.CategoryPseudo || t.OID == types.Unknown {
		return pgerror.Newf(pgerror.InvalidTableDefinition, `column "%s" has pseudo-type %s`, name, types.FormatType(t))
	}
	return nil
}

// tableMaker collects the elements of a table.
type tableMaker struct {
	*run
	rel *catalog.Relation
	// later are the constraints, which need all columns; of says on which column
	// one was written.
	later []*pg.Constraint
	of    map[*pg.Constraint]string
	// sequences are those of serial and identity columns.
	sequences []*catalog.Relation
}

// column adds a column.
func (t *tableMaker) column(d *pg.ColumnDef) error {
	rel := t.rel
	if _, ok := rel.Column(d.Colname); ok {
		return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" specified more than once`, d.Colname)
	}
	if len(rel.Columns) >= maxColumns {
		return pgerror.Newf(pgerror.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	var typ types.Type
	var err error
	counting := serial(d.TypeName)
	if counting != 0 {
		typ = types.Of(counting)
	} else if typ, err = t.typeOf(d.TypeName); err != nil {
		return t.at(pgerror.From(err), d.TypeName.GetLocation())
	}
	if err := storable(d.Colname, typ); err != nil {
		return err
	}
	if d.CollClause != nil {
		if names := parser.Strings(d.CollClause.Collname); !slices.Contains([]string{"C", "POSIX", "default", "ucs_basic"}, names[len(names)-1]) {
			return t.at(pgerror.NotSupported("collations of columns are not supported"), d.CollClause.Location)
		}
	}
	c := catalog.Column{Name: d.Colname, AttNum: rel.NextAttNum, Type: typ, NotNull: d.IsNotNull}
	if counting != 0 {
		if err := t.columnSequence(&c, nil, false); err != nil {
			return err
		}
	}
	for _, n := range d.Constraints {
		k := n.GetConstraint()
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL:
			c.NotNull = true
		case pg.ConstrType_CONSTR_NULL:
		case pg.ConstrType_CONSTR_DEFAULT:
			switch {
			case counting != 0:
				return t.at(pgerror.Newf(pgerror.SyntaxError, `multiple default values specified for column "%s" of table "%s"`, c.Name, rel.Name), k.Location)
			case c.Identity != 0:
				return t.at(pgerror.Newf(pgerror.SyntaxError, `both default and identity specified for column "%s" of table "%s"`, c.Name, rel.Name), k.Location)
			}
			if c.Default, err = t.defaultOf(k.RawExpr, c.Name, c.Type); err != nil {
				return err
			}
		case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
		case pg.ConstrType_CONSTR_IDENTITY:
			switch {
			case c.Identity != 0:
				return t.at(pgerror.Newf(pgerror.SyntaxError, `multiple identity specifications for column "%s" of table "%s"`, c.Name, rel.Name), k.Location)
			case c.Default != "":
				return t.at(pgerror.Newf(pgerror.SyntaxError, `both default and identity specified for column "%s" of table "%s"`, c.Name, rel.Name), k.Location)
			}
			if err := t.columnSequence(&c, k.Options, true); err != nil {
				return err
			}
			c.Identity = rune(k.GeneratedWhen[0])
		case pg.ConstrType_CONSTR_GENERATED:
			return t.at(pgerror.NotSupported("generated columns are not supported"), k.Location)
		default:
			if t.of == nil {
				t.of = map[*pg.Constraint]string{}
			}
			t.of[k] = c.Name
			t.later = append(t.later, k)
		}
	}
	rel.Columns = append(rel.Columns, c)
	rel.NextAttNum++
	return nil
}

// defaultOf returns the text of a default after checking it.
func (r *run) defaultOf(n *pg.Node, column string, t types.Type) (string, error) {
	text, err := parser.ExprText(n)
	if err != nil {
		return "", err
	}
	if c := n.GetAConst(); c != nil && c.Isnull {
		return "", nil
	}
	if draws, ok := r.drawing(n); ok {
		text = draws
	}
	return text, r.env.CheckDefault(r.ctx, text, column, t)
}

// like copies the columns of another relation.
func (t *tableMaker) like(l *pg.TableLikeClause) error {
	from, err := t.relation(l.Relation)
	if err != nil {
		return err
	}
	if !t.snap().HasAnyColumn(t.role.OID, from, catalog.Select) {
		return pgerror.PermissionDenied(from.Kind.String(), from.Name)
	}
	const defaults = 1 << 3 // CREATE_TABLE_LIKE_DEFAULTS
	for _, c := range from.Columns {
		if _, ok := t.rel.Column(c.Name); ok {
			return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" specified more than once`, c.Name)
		}
		n := catalog.Column{Name: c.Name, AttNum: t.rel.NextAttNum, Type: c.Type, NotNull: c.NotNull}
		if l.Options&defaults != 0 {
			n.Default = c.Default
		}
		t.rel.Columns = append(t.rel.Columns, n)
		t.rel.NextAttNum++
	}
	return nil
}

// constraints adds those that were put off.
func (t *tableMaker) constraints() error {
	for _, k := range t.later {
		if err := t.constraint(t.rel, k, t.of[k]); err != nil {
			return err
		}
	}
	return nil
}

// constraint adds one constraint to a relation; column is where it was written,
// "" for one of the table.
func (r *run) constraint(rel *catalog.Relation, k *pg.Constraint, column string) error {
	c := catalog.Constraint{OID: r.tx.NewOID(), Name: k.Conname}
	var named []string
	switch k.Contype {
	case pg.ConstrType_CONSTR_PRIMARY, pg.ConstrType_CONSTR_UNIQUE:
		if k.Deferrable || k.Initdeferred {
			return r.at(pgerror.NotSupported("deferrable constraints are not supported"), k.Location)
		}
		if k.Indexname != "" {
			return r.at(pgerror.NotSupported("constraints that use an index are not supported"), k.Location)
		}
		c.Kind = catalog.UniqueKey
		named = parser.Strings(k.Keys)
		if column != "" {
			named = []string{column}
		}
		if k.Contype == pg.ConstrType_CONSTR_PRIMARY {
			c.Kind = catalog.PrimaryKey
			for _, other := range rel.Constraints {
				if other.Kind == catalog.PrimaryKey {
					return r.at(pgerror.Newf(pgerror.InvalidTableDefinition, `multiple primary keys for table "%s" are not allowed`, rel.Name), k.Location)
				}
			}
		}
		if err := r.keyColumns(rel, &c, named, k.Location); err != nil {
			return err
		}
	case pg.ConstrType_CONSTR_CHECK:
		if k.IsNoInherit {
			return r.at(pgerror.NotSupported("NO INHERIT is not supported"), k.Location)
		}
		c.Kind = catalog.CheckClause
		text, err := parser.ExprText(k.RawExpr)
		if err != nil {
			return err
		}
		if err := r.env.CheckPolicy(r.ctx, rel, policy.Expr{SQL: text, SearchPath: rel.DefinitionPath}); err != nil {
			p := *pgerror.From(err)
			p.Position = 0
			return &p
		}
		// The table's own name may change.
		if c.SQL, err = parser.RenameColumn(text, rel.Name, "", ""); err != nil {
			return err
		}
		if column != "" {
			named = []string{column}
		} else if refs := parser.ColumnNames(k.RawExpr); len(refs) == 1 {
			named = refs
		}
	case pg.ConstrType_CONSTR_FOREIGN:
		return r.at(pgerror.NotSupported("foreign keys are not supported"), k.Location)
	case pg.ConstrType_CONSTR_EXCLUSION:
		return r.at(pgerror.NotSupported("exclusion constraints are not supported"), k.Location)
	default:
		return r.at(pgerror.NotSupported("this kind of constraint is not supported"), k.Location)
	}
	if c.Name == "" {
		c.Name = r.constraintName(rel, &c, named)
	} else if r.taken(rel, &c) {
		if c.Kind == catalog.CheckClause {
			return pgerror.Newf(pgerror.DuplicateObject, `constraint "%s" for relation "%s" already exists`, c.Name, rel.Name)
		}
		return pgerror.Newf(pgerror.DuplicateTable, `relation "%s" already exists`, c.Name)
	}
	rel.Constraints = append(rel.Constraints, c)
	return nil
}

// keyColumns resolves the columns of a key.
func (r *run) keyColumns(rel *catalog.Relation, c *catalog.Constraint, named []string, loc int32) error {
	for _, name := range named {
		col, ok := rel.Column(name)
		if !ok {
			return r.at(pgerror.Newf(pgerror.UndefinedColumn, `column "%s" named in key does not exist`, name), loc)
		}
		if slices.Contains(c.Columns, col.AttNum) {
			what := "unique"
			if c.Kind == catalog.PrimaryKey {
				what = "primary key"
			}
			return r.at(pgerror.Newf(pgerror.DuplicateColumn, `column "%s" appears twice in %s constraint`, name, what), loc)
		}
		if !types.Orderable(col.Type) {
			return pgerror.Newf(pgerror.UndefinedObject, `data type %s has no default operator class for access method "btree"`, types.FormatType(types.Of(col.Type.OID))).
				WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
		}
		c.Columns = append(c.Columns, col.AttNum)
		if c.Kind == catalog.PrimaryKey {
			col.NotNull = true
		}
	}
	return nil
}

// constraintName makes a name as PostgreSQL does.
func (r *run) constraintName(rel *catalog.Relation, c *catalog.Constraint, columns []string) string {
	suffix := map[rune]string{catalog.PrimaryKey: "pkey", catalog.UniqueKey: "key", catalog.CheckClause: "check", catalog.PlainIndex: "idx"}[c.Kind]
	if c.Index {
		suffix = "idx"
	}
	parts := []string{rel.Name}
	if c.Kind != catalog.PrimaryKey {
		parts = append(parts, columns...)
	}
	// Names have at most 63 bytes: the parts are cut, not the suffix.
	base := strings.Join(parts, "_")
	if most := 63 - len(suffix) - 1; len(base) > most {
		base = base[:most]
	}
	c.Name = base + "_" + suffix
	for n := 1; r.taken(rel, c); n++ {
		c.Name = base + "_" + suffix + strconv.Itoa(n)
	}
	return c.Name
}

// taken reports whether the name of a constraint is in use: among the table's
// constraints, and for keys among the relations of the schema.
func (r *run) taken(rel *catalog.Relation, c *catalog.Constraint) bool {
	if _, ok := rel.Constraint(c.Name); ok {
		return true
	}
	if c.Kind == catalog.CheckClause {
		return false
	}
	snap := r.snap()
	if _, ok := snap.Relation(rel.Schema, c.Name); ok || c.Name == rel.Name {
		return true
	}
	_, other := r.index(rel.Schema, c.Name)
	return other != nil
}

// index finds a key or index of a schema by its name.
func (r *run) index(schema, name string) (*catalog.Relation, *catalog.Constraint) {
	for _, rel := range r.snap().Relations() {
		if rel.Schema != schema {
			continue
		}
		if c, ok := rel.Constraint(name); ok && c.Kind != catalog.CheckClause {
			return rel, c
		}
	}
	return nil, nil
}

// createIndex is CREATE INDEX. Tables are stored by columns and read as a whole,
// so an index that is not unique is only noted in the catalog.
func (r *run) createIndex(s *pg.IndexStmt) error {
	rel, err := r.relation(s.Relation)
	if err != nil {
		return err
	}
	if rel.Kind != catalog.Table && rel.Kind != catalog.MatView {
		return pgerror.Newf(pgerror.WrongObjectType, `cannot create index on relation "%s"`, rel.Name).
			WithDetail("This operation is not supported for %ss.", rel.Kind)
	}
	if !r.owns(rel.Owner) {
		return mustBeOwner("table", rel.Name)
	}
	rel = rel.Clone()
	c := catalog.Constraint{OID: r.tx.NewOID(), Name: s.Idxname, Kind: catalog.PlainIndex, Index: true}
	if s.Unique {
		c.Kind = catalog.UniqueKey
		if s.WhereClause != nil {
			return pgerror.NotSupported("partial unique indexes are not supported")
		}
		if s.NullsNotDistinct {
			return pgerror.NotSupported("NULLS NOT DISTINCT is not supported")
		}
	}
	var named []string
	for _, n := range s.IndexParams {
		e := n.GetIndexElem()
		if e.Name == "" {
			if s.Unique {
				return pgerror.NotSupported("unique indexes on expressions are not supported")
			}
			named = append(named, "expr")
			continue
		}
		col, ok := rel.Column(e.Name)
		if !ok {
			return pgerror.Newf(pgerror.UndefinedColumn, `column "%s" does not exist`, e.Name)
		}
		named = append(named, e.Name)
		if !slices.Contains(c.Columns, col.AttNum) {
			c.Columns = append(c.Columns, col.AttNum)
		}
	}
	if c.Name == "" {
		c.Name = r.constraintName(rel, &c, named)
	} else if r.taken(rel, &c) {
		if s.IfNotExists {
			r.notice(pgerror.DuplicateTable, `relation "%s" already exists, skipping`, c.Name)
			return nil
		}
		return pgerror.Newf(pgerror.DuplicateTable, `relation "%s" already exists`, c.Name)
	}
	rel.Constraints = append(rel.Constraints, c)
	if s.Unique {
		if err := r.holds(rel, &c); err != nil {
			return err
		}
	}
	return r.tx.Put(rel)
}

// holds checks that the rows of a table keep a new constraint.
func (r *run) holds(rel *catalog.Relation, c *catalog.Constraint) error {
	if err := r.env.Rows.Lock(r.ctx, rel.OID); err != nil {
		return err
	}
	var names []string
	for _, a := range c.Columns {
		if col, ok := rel.ColumnByNumber(a); ok {
			names = append(names, col.Name)
		}
	}
	switch c.Kind {
	case catalog.CheckClause:
		n, err := r.env.Rows.Count(r.ctx, rel, "("+c.SQL+") IS FALSE")
		if err == nil && n > 0 {
			err = pgerror.Newf(pgerror.CheckViolation, `check constraint "%s" of relation "%s" is violated by some row`, c.Name, rel.Name)
		}
		return err
	case catalog.PrimaryKey:
		for _, name := range names {
			if err := r.noNulls(rel, name); err != nil {
				return err
			}
		}
	}
	dup, err := r.env.Rows.Duplicates(r.ctx, rel, names)
	if err == nil && dup {
		err = pgerror.Newf(pgerror.UniqueViolation, `could not create unique index "%s"`, c.Name).WithDetail("Some keys are duplicated.")
	}
	return err
}

// noNulls checks that no row has a NULL in a column.
func (r *run) noNulls(rel *catalog.Relation, column string) error {
	n, err := r.env.Rows.Count(r.ctx, rel, session.QuoteIdentifier(column)+" IS NULL")
	if err == nil && n > 0 {
		err = pgerror.Newf(pgerror.NotNullViolation, `column "%s" of relation "%s" contains null values`, column, rel.Name)
	}
	return err
}

// alterLocal applies one subcommand of ALTER TABLE to a local table.
func (r *run) alterLocal(rel *catalog.Relation, c *pg.AlterTableCmd) error {
	// rel is a copy that may be changed.
	col := func() (*catalog.Column, error) {
		if _, err := column(rel, c.Name); err != nil {
			return nil, err
		}
		at, _ := rel.Column(c.Name)
		return at, nil
	}
	switch c.Subtype {
	case pg.AlterTableType_AT_AddColumn:
		d := c.Def.GetColumnDef()
		if _, taken := rel.Column(d.GetColname()); taken {
			if c.MissingOk {
				r.notice(pgerror.DuplicateColumn, `column "%s" of relation "%s" already exists, skipping`, d.GetColname(), rel.Name)
				return nil
			}
			return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" of relation "%s" already exists`, d.GetColname(), rel.Name)
		}
		t := &tableMaker{run: r, rel: rel}
		had := len(rel.Constraints)
		if err := t.column(d); err != nil {
			return err
		}
		if err := t.constraints(); err != nil {
			return err
		}
		added := &rel.Columns[len(rel.Columns)-1]
		if added.Default != "" || added.NotNull {
			if err := r.env.Rows.Lock(r.ctx, rel.OID); err != nil {
				return err
			}
			n, err := r.env.Rows.Count(r.ctx, rel, "")
			if err != nil {
				return err
			}
			switch {
			case n > 0 && added.Default != "":
				// Constraints are checked below, against all rows.
				bare := rel.Clone()
				bare.Constraints = bare.Constraints[:had]
				if err := (&tableMaker{run: r, rel: bare, sequences: t.sequences}).put(); err != nil {
					return err
				}
				if err := r.env.Rows.Rewrite(r.ctx, bare, added.Name, "DEFAULT"); err != nil {
					return err
				}
			case n > 0:
				return pgerror.Newf(pgerror.NotNullViolation, `column "%s" of relation "%s" contains null values`, added.Name, rel.Name)
			}
		}
		if had < len(rel.Constraints) {
			if err := r.tx.Put(rel.Clone()); err != nil {
				return err
			}
		}
		for i := range rel.Constraints[had:] {
			if err := r.holds(rel, &rel.Constraints[had+i]); err != nil {
				return err
			}
		}
		if len(t.sequences) > 0 {
			return t.put()
		}
	case pg.AlterTableType_AT_DropColumn:
		at, err := col()
		if err != nil {
			if c.MissingOk {
				r.notice(pgerror.SuccessfulCompletion, `column "%s" of relation "%s" does not exist, skipping`, c.Name, rel.Name)
				return nil
			}
			return err
		}
		if err := r.unused(rel, "drop a column of"); err != nil {
			return err
		}
		att := at.AttNum
		for _, s := range r.snap().OwnedSequences(rel.OID, att) {
			r.remove(s.OID)
		}
		rel.Constraints = slices.DeleteFunc(rel.Constraints, func(k catalog.Constraint) bool { return slices.Contains(k.Columns, att) })
		for _, k := range rel.Constraints {
			if k.Kind == catalog.CheckClause && slices.Contains(parser.ColumnsOf(k.SQL), c.Name) {
				name := k.Name
				rel.Constraints = slices.DeleteFunc(rel.Constraints, func(x catalog.Constraint) bool { return x.Name == name })
			}
		}
		rel.Columns = slices.DeleteFunc(rel.Columns, func(x catalog.Column) bool { return x.AttNum == att })
	case pg.AlterTableType_AT_SetNotNull:
		at, err := col()
		if err != nil {
			return err
		}
		if err := r.env.Rows.Lock(r.ctx, rel.OID); err != nil {
			return err
		}
		if err := r.noNulls(rel, c.Name); err != nil {
			return err
		}
		at.NotNull = true
	case pg.AlterTableType_AT_DropNotNull:
		at, err := col()
		if err != nil {
			return err
		}
		for _, k := range rel.Constraints {
			if k.Kind == catalog.PrimaryKey && slices.Contains(k.Columns, at.AttNum) {
				return pgerror.Newf(pgerror.InvalidTableDefinition, `column "%s" is in a primary key`, c.Name)
			}
		}
		at.NotNull = false
	case pg.AlterTableType_AT_AddIdentity, pg.AlterTableType_AT_SetIdentity, pg.AlterTableType_AT_DropIdentity:
		at, err := col()
		if err != nil {
			return err
		}
		return r.alterIdentity(rel, at, c)
	case pg.AlterTableType_AT_ColumnDefault:
		at, err := col()
		if err != nil {
			return err
		}
		if at.Identity != 0 {
			return pgerror.Newf(pgerror.SyntaxError, `column "%s" of relation "%s" is an identity column`, at.Name, rel.Name)
		}
		at.Default = ""
		if c.Def != nil {
			if at.Default, err = r.defaultOf(c.Def, at.Name, at.Type); err != nil {
				return err
			}
		}
	case pg.AlterTableType_AT_AddConstraint:
		had := len(rel.Constraints)
		if err := r.constraint(rel, c.Def.GetConstraint(), ""); err != nil {
			return err
		}
		if !c.Def.GetConstraint().SkipValidation {
			if err := r.holds(rel, &rel.Constraints[had]); err != nil {
				return err
			}
		}
	case pg.AlterTableType_AT_DropConstraint:
		k, ok := rel.Constraint(c.Name)
		if !ok || k.Index {
			if c.MissingOk {
				r.notice(pgerror.SuccessfulCompletion, `constraint "%s" of relation "%s" does not exist, skipping`, c.Name, rel.Name)
				return nil
			}
			return pgerror.Newf(pgerror.UndefinedObject, `constraint "%s" of relation "%s" does not exist`, c.Name, rel.Name)
		}
		rel.Constraints = slices.DeleteFunc(rel.Constraints, func(x catalog.Constraint) bool { return x.Name == c.Name })
	case pg.AlterTableType_AT_AlterColumnType:
		at, err := col()
		if err != nil {
			return err
		}
		if err := r.unused(rel, "alter the type of a column of"); err != nil {
			return err
		}
		typ, err := r.typeOf(c.Def.GetColumnDef().GetTypeName())
		if err != nil {
			return err
		}
		return r.alterType(rel, at, typ, c)
	default:
		return pgerror.NotSupported("ALTER TABLE action %s is not supported", strings.TrimPrefix(c.Subtype.String(), "AT_"))
	}
	return r.tx.Put(rel)
}

// dropIndex removes an index.
func (r *run) dropIndexes(s *pg.DropStmt) error {
	for _, n := range s.Objects {
		parts := names(n)
		name := parts[len(parts)-1]
		schemas := r.env.SearchPath
		if len(parts) > 1 {
			schemas = parts[len(parts)-2 : len(parts)-1]
		}
		var rel *catalog.Relation
		var c *catalog.Constraint
		for _, schema := range schemas {
			if rel, c = r.index(schema, name); c != nil {
				break
			}
		}
		switch {
		case c == nil && s.MissingOk:
			r.notice(pgerror.SuccessfulCompletion, `index "%s" does not exist, skipping`, name)
			continue
		case c == nil:
			return pgerror.Newf(pgerror.UndefinedObject, `index "%s" does not exist`, strings.Join(parts, "."))
		case !r.owns(rel.Owner):
			return mustBeOwner("index", name)
		case !c.Index:
			return pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop index %s because constraint %s on table %s requires it", name, name, rel.Name).
				WithHint("You can drop constraint %s on table %s instead.", name, rel.Name)
		}
		rel = rel.Clone()
		rel.Constraints = slices.DeleteFunc(rel.Constraints, func(x catalog.Constraint) bool { return x.Name == name })
		if err := r.tx.Put(rel); err != nil {
			return err
		}
	}
	return nil
}
