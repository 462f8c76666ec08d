package ddl

import (
	"math"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// invalidSequence is an error in the options of a sequence.
func invalidSequence(format string, args ...any) *pgerror.Error {
	return pgerror.Newf(pgerror.InvalidParameterValue, format, args...)
}

// sequenceNumber reads a number of the options.
func sequenceNumber(d *pg.DefElem) (int64, error) {
	text := d.Arg.GetFloat().GetFval()
	if i := d.Arg.GetInteger(); i != nil {
		return int64(i.Ival), nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, pgerror.Newf(pgerror.NumericValueOutOfRange, `value "%s" is out of range for type bigint`, text)
	}
	return v, nil
}

// sequenceOptions changes d as a list of options says. fresh is set for a new
// sequence. restart is the value that RESTART names, nil without.
func (r *run) sequenceOptions(d *catalog.SequenceDef, list []*pg.Node, fresh bool) (restart *int64, owner []string, err error) {
	given := map[string]*pg.DefElem{}
	for _, n := range list {
		o := n.GetDefElem()
		if given[o.Defname] != nil {
			return nil, nil, r.at(pgerror.New(pgerror.SyntaxError, "conflicting or redundant options"), o.Location)
		}
		given[o.Defname] = o
	}
	number := func(name string, into *int64) (bool, error) {
		o := given[name]
		if o == nil || o.Arg == nil {
			return false, nil
		}
		v, err := sequenceNumber(o)
		if err == nil {
			*into = v
		}
		return err == nil, err
	}
	lo, hi := catalog.Bounds(d.Type)
	resetMin, resetMax := fresh, fresh
	if o := given["as"]; o != nil {
		t, err := parser.TypeOf(o.Arg.GetTypeName())
		if err != nil {
			return nil, nil, err
		}
		if t.OID != types.Int2 && t.OID != types.Int4 && t.OID != types.Int8 {
			return nil, nil, invalidSequence("sequence type must be smallint, integer, or bigint")
		}
		resetMin = resetMin || d.Min == lo
		resetMax = resetMax || d.Max == hi
		d.Type = t.OID
		lo, hi = catalog.Bounds(d.Type)
	}
	if _, err = number("increment", &d.Increment); err != nil {
		return nil, nil, err
	}
	if d.Increment == 0 {
		return nil, nil, invalidSequence("INCREMENT must not be zero")
	}
	bound := func(name string, into *int64, reset bool, otherwise int64) error {
		ok, err := number(name, into)
		if err == nil && !ok && (reset || given[name] != nil) {
			*into = otherwise
		}
		return err
	}
	top, bottom := hi, int64(1)
	if d.Increment < 0 {
		top, bottom = -1, lo
	}
	if err = bound("maxvalue", &d.Max, resetMax, top); err != nil {
		return nil, nil, err
	}
	if err = bound("minvalue", &d.Min, resetMin, bottom); err != nil {
		return nil, nil, err
	}
	name := types.FormatType(types.Of(d.Type))
	switch {
	case d.Max < lo || d.Max > hi:
		return nil, nil, invalidSequence("MAXVALUE (%d) is out of range for sequence data type %s", d.Max, name)
	case d.Min < lo || d.Min > hi:
		return nil, nil, invalidSequence("MINVALUE (%d) is out of range for sequence data type %s", d.Min, name)
	case d.Min >= d.Max:
		return nil, nil, invalidSequence("MINVALUE (%d) must be less than MAXVALUE (%d)", d.Min, d.Max)
	}
	ok, err := number("start", &d.Start)
	if err != nil {
		return nil, nil, err
	}
	if !ok && fresh {
		d.Start = d.Min
		if d.Increment < 0 {
			d.Start = d.Max
		}
	}
	switch {
	case d.Start < d.Min:
		return nil, nil, invalidSequence("START value (%d) cannot be less than MINVALUE (%d)", d.Start, d.Min)
	case d.Start > d.Max:
		return nil, nil, invalidSequence("START value (%d) cannot be greater than MAXVALUE (%d)", d.Start, d.Max)
	}
	if o := given["restart"]; o != nil {
		v := d.Start
		if _, err := number("restart", &v); err != nil {
			return nil, nil, err
		}
		switch {
		case v < d.Min:
			return nil, nil, invalidSequence("RESTART value (%d) cannot be less than MINVALUE (%d)", v, d.Min)
		case v > d.Max:
			return nil, nil, invalidSequence("RESTART value (%d) cannot be greater than MAXVALUE (%d)", v, d.Max)
		}
		restart = &v
	}
	if _, err = number("cache", &d.Cache); err != nil {
		return nil, nil, err
	}
	if fresh && given["cache"] == nil {
		d.Cache = 1
	}
	if d.Cache <= 0 {
		return nil, nil, invalidSequence("CACHE (%d) must be greater than zero", d.Cache)
	}
	if o := given["cycle"]; o != nil {
		d.Cycle = o.Arg.GetBoolean().GetBoolval() || o.Arg.GetInteger().GetIval() != 0
	}
	if o := given["owned_by"]; o != nil {
		owner = parser.Strings(o.Arg.GetList().GetItems())
	}
	return restart, owner, nil
}

// ownSequence makes a sequence go with a column.
func (r *run) ownSequence(seq *catalog.Relation, parts []string) error {
	d := seq.Sequence
	if len(parts) == 1 && strings.EqualFold(parts[0], "none") {
		d.OwnerTable, d.OwnerColumn = 0, 0
		return nil
	}
	if len(parts) < 2 {
		return pgerror.New(pgerror.SyntaxError, "invalid OWNED BY option").WithHint("Specify OWNED BY table.column or OWNED BY NONE.")
	}
	rel, err := r.relation(nameVar(parts[:len(parts)-1]))
	if err != nil {
		return err
	}
	switch {
	case rel.Owner != seq.Owner:
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "sequence must have same owner as table it is linked to")
	case rel.SchemaID != seq.SchemaID:
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "sequence must be in same schema as table it is linked to")
	}
	col, err := column(rel, parts[len(parts)-1])
	if err != nil {
		return err
	}
	d.OwnerTable, d.OwnerColumn = rel.OID, col.AttNum
	return nil
}

// newSequence makes a sequence of a schema; the caller puts it.
func (r *run) newSequence(schema types.OID, schemaName, name string, d *catalog.SequenceDef) *catalog.Relation {
	return &catalog.Relation{
		OID: r.tx.NewOID(), SchemaID: schema, Schema: schemaName, Name: name, Kind: catalog.Sequence, Owner: r.role.OID, NextAttNum: 4,
		Columns: []catalog.Column{
			{Name: "last_value", AttNum: 1, Type: types.Of(types.Int8), NotNull: true},
			{Name: "log_cnt", AttNum: 2, Type: types.Of(types.Int8), NotNull: true},
			{Name: "is_called", AttNum: 3, Type: types.Of(types.Bool), NotNull: true},
		},
		Sequence: d,
	}
}

// createSequence is CREATE SEQUENCE.
func (r *run) createSequence(s *pg.CreateSeqStmt) error {
	at, err := r.newLocalTable(s.Sequence, s.IfNotExists)
	if err != nil || at == nil {
		return err
	}
	d := &catalog.SequenceDef{Type: types.Int8, Increment: 1, Cache: 1}
	_, owner, err := r.sequenceOptions(d, s.Options, true)
	if err != nil {
		return err
	}
	seq := r.newSequence(at.SchemaID, at.Schema, at.Name, d)
	if owner != nil {
		if err := r.ownSequence(seq, owner); err != nil {
			return err
		}
	}
	return r.tx.Put(seq)
}

// ownedSequence finds a sequence that the role owns.
func (r *run) ownedSequence(v *pg.RangeVar) (*catalog.Relation, error) {
	rel, err := r.relation(v)
	switch {
	case err != nil:
		return nil, err
	case rel.Kind != catalog.Sequence:
		return nil, pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a sequence`, rel.Name)
	case !r.owns(rel.Owner):
		return nil, mustBeOwner("sequence", rel.Name)
	}
	return rel, nil
}

// alterSequence is ALTER SEQUENCE with options. Where a sequence stands is no
// part of the transaction: RESTART is done at once.
func (r *run) alterSequence(s *pg.AlterSeqStmt) error {
	old, err := r.ownedSequence(s.Sequence)
	if err != nil {
		if s.MissingOk && pgerror.CodeOf(err) == pgerror.UndefinedTable {
			r.notice(pgerror.SuccessfulCompletion, "%s, skipping", pgerror.From(err).Message)
			return nil
		}
		return err
	}
	seq := old.Clone()
	d := *old.Sequence
	seq.Sequence = &d
	restart, owner, err := r.sequenceOptions(&d, s.Options, false)
	if err != nil {
		return err
	}
	if owner != nil {
		if d.Identity {
			return pgerror.New(pgerror.FeatureNotSupported, "cannot change ownership of identity sequence").
				WithDetail(`Sequence "%s" is linked to a table.`, seq.Name)
		}
		if err := r.ownSequence(seq, owner); err != nil {
			return err
		}
	}
	return r.putSequence(seq, restart)
}

// putSequence stores a changed sequence and where it goes on.
func (r *run) putSequence(seq *catalog.Relation, restart *int64) error {
	value, called, err := r.env.Rows.SequenceValue(seq)
	if err != nil {
		return err
	}
	if restart != nil {
		value, called = *restart, false
	}
	d := seq.Sequence
	switch {
	case value < d.Min:
		return invalidSequence("RESTART value (%d) cannot be less than MINVALUE (%d)", value, d.Min)
	case value > d.Max:
		return invalidSequence("RESTART value (%d) cannot be greater than MAXVALUE (%d)", value, d.Max)
	}
	if err := r.tx.Put(seq); err != nil {
		return err
	}
	return r.env.Rows.SetSequence(seq, value, called)
}

// serial returns the type of a serial column, 0 for others.
func serial(t *pg.TypeName) types.OID {
	list := parser.Strings(t.GetNames())
	if len(list) == 0 || len(t.GetArrayBounds()) > 0 {
		return 0
	}
	switch list[len(list)-1] {
	case "smallserial", "serial2":
		return types.Int2
	case "serial", "serial4":
		return types.Int4
	case "bigserial", "serial8":
		return types.Int8
	}
	return 0
}

// columnSequence makes the sequence of a serial or identity column, which the
// table's relation, not yet stored, will hold. It is put after the table.
func (t *tableMaker) columnSequence(c *catalog.Column, options []*pg.Node, identity bool) error {
	if c.Type.OID != types.Int2 && c.Type.OID != types.Int4 && c.Type.OID != types.Int8 {
		return pgerror.New(pgerror.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
	}
	d := &catalog.SequenceDef{Type: c.Type.OID, Increment: 1, Cache: 1, OwnerTable: t.rel.OID, OwnerColumn: c.AttNum, Identity: identity}
	name := t.freeName(t.rel.Name, c.Name, "seq")
	options = slices.DeleteFunc(slices.Clone(options), func(n *pg.Node) bool {
		o := n.GetDefElem()
		if o.Defname == "sequence_name" {
			list := parser.Strings(o.Arg.GetList().GetItems())
			name = list[len(list)-1]
			return true
		}
		return false
	})
	if _, _, err := t.sequenceOptions(d, options, true); err != nil {
		return err
	}
	seq := t.newSequence(t.rel.SchemaID, t.rel.Schema, name, d)
	seq.Owner = t.rel.Owner
	c.Default = drawFrom(seq.OID)
	c.NotNull = true
	t.sequences = append(t.sequences, seq)
	return nil
}

// freeName makes the name of a sequence of a column as PostgreSQL does.
func (t *tableMaker) freeName(table, column, suffix string) string {
	base := table + "_" + column
	if most := 63 - len(suffix) - 1; len(base) > most {
		base = base[:most]
	}
	name := base + "_" + suffix
	for n := 1; ; n++ {
		_, taken := t.snap().Relation(t.rel.Schema, name)
		for _, s := range t.sequences {
			taken = taken || s.Name == name
		}
		if !taken && name != t.rel.Name {
			return name
		}
		name = base + "_" + suffix + strconv.Itoa(n)
	}
}

// drawFrom is a default that draws from a sequence: by its number, since its name
// may change.
func drawFrom(seq types.OID) string {
	return "nextval('" + strconv.FormatUint(uint64(seq), 10) + "'::regclass)"
}

// drawers lists the tables whose defaults draw from a sequence.
func (r *run) drawers(seq types.OID) []*catalog.Relation {
	var out []*catalog.Relation
	for _, rel := range r.snap().Relations() {
		if slices.ContainsFunc(rel.Columns, func(c catalog.Column) bool { return c.Default == drawFrom(seq) }) {
			out = append(out, rel)
		}
	}
	return out
}

// drawing replaces, in a default that is nextval of a name, the name by the
// number of the sequence.
func (r *run) drawing(n *pg.Node) (string, bool) {
	call := n.GetFuncCall()
	name := parser.Strings(call.GetFuncname())
	if len(name) == 0 || name[len(name)-1] != "nextval" || len(name) > 1 && name[0] != "pg_catalog" || len(call.Args) != 1 {
		return "", false
	}
	arg := call.Args[0]
	if c := arg.GetTypeCast(); c != nil {
		arg = c.Arg
	}
	text := arg.GetAConst().GetSval().GetSval()
	if text == "" {
		return "", false
	}
	if id, err := strconv.ParseUint(text, 10, 32); err == nil {
		return drawFrom(types.OID(id)), true
	}
	list, err := parser.Parse("SELECT FROM " + text)
	if err != nil || len(list) != 1 || len(list[0].Stmt.GetSelectStmt().GetFromClause()) != 1 {
		return "", false
	}
	v := list[0].Stmt.GetSelectStmt().FromClause[0].GetRangeVar()
	if v == nil {
		return "", false
	}
	rel, err := r.find(v)
	if err != nil || rel == nil || rel.Kind != catalog.Sequence {
		return "", false
	}
	return drawFrom(rel.OID), true
}

// alterIdentity is ALTER COLUMN ... ADD, SET or DROP IDENTITY.
func (r *run) alterIdentity(rel *catalog.Relation, at *catalog.Column, c *pg.AlterTableCmd) error {
	owned := func() *catalog.Relation {
		for _, s := range r.snap().OwnedSequences(rel.OID, at.AttNum) {
			if s.Sequence.Identity {
				return s
			}
		}
		return nil
	}
	switch c.Subtype {
	case pg.AlterTableType_AT_AddIdentity:
		lo, _ := catalog.Bounds(at.Type.OID)
		switch {
		case at.Type.OID != types.Int8 && lo == math.MinInt64:
			return pgerror.New(pgerror.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
		case !at.NotNull:
			return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, `column "%s" of relation "%s" must be declared NOT NULL before identity can be added`, at.Name, rel.Name)
		case at.Identity != 0:
			return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, `column "%s" of relation "%s" is already an identity column`, at.Name, rel.Name)
		case at.Default != "":
			return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, `column "%s" of relation "%s" already has a default value`, at.Name, rel.Name)
		}
		k := c.Def.GetConstraint()
		t := &tableMaker{run: r, rel: rel}
		if err := t.columnSequence(at, k.Options, true); err != nil {
			return err
		}
		at.Identity = rune(k.GeneratedWhen[0])
		return t.put()
	case pg.AlterTableType_AT_DropIdentity:
		if at.Identity == 0 {
			if c.MissingOk {
				r.notice(pgerror.SuccessfulCompletion, `column "%s" of relation "%s" is not an identity column, skipping`, at.Name, rel.Name)
				return nil
			}
			return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, `column "%s" of relation "%s" is not an identity column`, at.Name, rel.Name)
		}
		at.Identity, at.Default = 0, ""
		seq := owned()
		if err := r.tx.Put(rel); err != nil || seq == nil {
			return err
		}
		r.remove(seq.OID)
		return nil
	}
	if at.Identity == 0 {
		return pgerror.Newf(pgerror.ObjectNotInPrerequisiteState, `column "%s" of relation "%s" is not an identity column`, at.Name, rel.Name)
	}
	var options []*pg.Node
	for _, n := range c.Def.GetList().GetItems() {
		if d := n.GetDefElem(); d.Defname == "generated" {
			at.Identity = d.Arg.GetInteger().GetIval()
			continue
		}
		options = append(options, n)
	}
	if err := r.tx.Put(rel); err != nil {
		return err
	}
	old := owned()
	if len(options) == 0 || old == nil {
		return nil
	}
	seq := old.Clone()
	d := *old.Sequence
	seq.Sequence = &d
	restart, _, err := r.sequenceOptions(&d, options, false)
	if err != nil {
		return err
	}
	return r.putSequence(seq, restart)
}

// undraw takes the defaults away that draw from sequences among the objects that
// go; it refuses unless that was asked for.
func (r *run) undraw(order []catalog.Object, going map[types.OID]bool, cascade bool) error {
	for _, o := range order {
		seq, ok := o.(*catalog.Relation)
		if !ok || seq.Kind != catalog.Sequence {
			continue
		}
		for _, rel := range r.drawers(seq.OID) {
			if going[rel.OID] {
				continue
			}
			for i := range rel.Columns {
				c := &rel.Columns[i]
				if c.Default != drawFrom(seq.OID) {
					continue
				}
				if c.Identity != 0 {
					return pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop %s because column %s of %s requires it", r.describe(seq), c.Name, r.describe(rel)).
						WithHint("You can drop column %s of %s instead.", c.Name, r.describe(rel))
				}
				if !cascade {
					return pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", r.describe(seq)).
						WithDetail("default value for column %s of %s depends on %s", c.Name, r.describe(rel), r.describe(seq)).
						WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
				}
				r.notice(pgerror.SuccessfulCompletion, "drop cascades to default value for column %s of %s", c.Name, r.describe(rel))
				rel = rel.Clone()
				rel.Columns[i].Default = ""
				if err := r.tx.Put(rel); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
