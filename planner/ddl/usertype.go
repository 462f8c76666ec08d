package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// maxLabel is the longest label of an enum, in bytes.
const maxLabel = 63

// typeOf resolves a type as written, those that users have made among them. For
// a domain it is the base type, marked with the domain.
func (r *run) typeOf(n *pg.TypeName) (types.Type, error) {
	parts := parser.Strings(n.GetNames())
	builtin := len(parts) == 1 && types.ByName(parts[0]) != nil || len(parts) == 2 && parts[0] == "pg_catalog"
	if len(parts) == 0 || builtin || n.PctType || n.Setof {
		return parser.TypeOf(n)
	}
	path, name := r.env.SearchPath, parts[len(parts)-1]
	if len(parts) > 1 {
		path = parts[len(parts)-2 : len(parts)-1]
	}
	t, ok := r.snap().FindType(path, name)
	if !ok {
		return parser.TypeOf(n)
	}
	if len(n.Typmods) > 0 {
		return types.Type{}, pgerror.Newf(pgerror.SyntaxError, `type modifier is not allowed for type "%s"`, name)
	}
	if len(n.ArrayBounds) > 0 && !t.IsArray() {
		t = catalog.ArrayOf(t)
	}
	return t, nil
}

// placeType returns the schema for a new type and its name, which must be free.
func (r *run) placeType(parts []string) (*catalog.Schema, string, error) {
	name, in := parts[len(parts)-1], ""
	if len(parts) > 1 {
		in = parts[len(parts)-2]
	}
	schema, err := r.createIn(in)
	if err != nil {
		return nil, "", err
	}
	return schema, name, r.freeType(schema, name)
}

// freeType fails when a type of that name exists in the schema.
func (r *run) freeType(schema *catalog.Schema, name string) error {
	_, taken := r.snap().Type(schema.Name, name)
	if !taken {
		_, taken = r.snap().Relation(schema.Name, name)
	}
	if taken {
		return exists("type", name)
	}
	return nil
}

// newTypeOID returns the OID for a new type of a kind.
func (r *run) newTypeOID(kind types.UserKind) (types.OID, error) {
	id := r.tx.NewOID()
	if id > types.MaxUserObject {
		return 0, pgerror.New(pgerror.ProgramLimitExceeded, "there are no identifiers left for types")
	}
	return types.UserOID(kind, id), nil
}

func (r *run) createEnum(s *pg.CreateEnumStmt) error {
	schema, name, err := r.placeType(parser.Strings(s.TypeName))
	if err != nil {
		return err
	}
	_, err = r.newEnum(schema, name, parser.Strings(s.Vals), 0)
	return err
}

// newEnum makes an enum type; server is where it was imported from, 0 for none.
func (r *run) newEnum(schema *catalog.Schema, name string, labels []string, server types.OID) (*catalog.UserType, error) {
	id, err := r.newTypeOID(types.EnumKind)
	if err != nil {
		return nil, err
	}
	t := &catalog.UserType{OID: id, SchemaID: schema.OID, Name: name, Owner: r.role.OID, Kind: types.EnumKind, Server: server}
	for i, label := range labels {
		if err := checkLabel(label); err != nil {
			return nil, err
		}
		if slices.Contains(labels[:i], label) {
			return nil, pgerror.New(pgerror.UniqueViolation, `duplicate key value violates unique constraint "pg_enum_typid_label_index"`).
				WithDetail("Key (enumtypid, enumlabel)=(%d, %s) already exists.", id, label)
		}
		t.Labels = append(t.Labels, types.EnumLabel{OID: r.tx.NewOID(), Order: float32(i + 1), Name: label})
	}
	return t, r.tx.Put(t)
}

func checkLabel(label string) error {
	if len(label) > maxLabel {
		return pgerror.Newf(pgerror.InvalidName, `invalid enum label "%s"`, label).WithDetail("Labels must be %d bytes or less.", maxLabel)
	}
	return nil
}

// ownType finds a type that users have made and that the current role owns.
func (r *run) ownType(parts []string) (*catalog.UserType, error) {
	t, err := r.findType(parts)
	if err != nil {
		return nil, err
	}
	if !r.owns(t.Owner) {
		return nil, mustBeOwner("type", t.Name)
	}
	return t, nil
}

// findType finds a type that users have made: 42704 when there is none, 42809
// when the name is that of a table or of a built-in type.
func (r *run) findType(parts []string) (*catalog.UserType, error) {
	path, name := r.env.SearchPath, parts[len(parts)-1]
	if len(parts) > 1 {
		if _, err := r.schema(parts[len(parts)-2]); err != nil {
			return nil, err
		}
		path = parts[len(parts)-2 : len(parts)-1]
	}
	for _, schema := range path {
		if t, ok := r.snap().Type(schema, name); ok {
			return t, nil
		}
		if rel, ok := r.snap().Relation(schema, name); ok {
			return nil, pgerror.Newf(pgerror.WrongObjectType, "%s is a table's row type", rel.Name).WithHint("Use ALTER TABLE instead.")
		}
	}
	shown := name
	if len(parts) > 1 {
		shown = parts[len(parts)-2] + "." + name
	} else if types.ByName(name) != nil {
		return nil, pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop type %s because it is required by the database system", types.ByName(name).Formal)
	}
	return nil, missing("type", shown)
}

func (r *run) alterEnum(s *pg.AlterEnumStmt) error {
	t, err := r.ownType(parser.Strings(s.TypeName))
	if err != nil {
		return err
	}
	if t.Kind != types.EnumKind {
		return pgerror.Newf(pgerror.WrongObjectType, "%s is not an enum", t.Name)
	}
	t = t.Clone()
	at := func(label string) int {
		return slices.IndexFunc(t.Labels, func(l types.EnumLabel) bool { return l.Name == label })
	}
	if err := checkLabel(s.NewVal); err != nil {
		return err
	}
	if s.OldVal != "" {
		i := at(s.OldVal)
		switch {
		case i < 0:
			return pgerror.Newf(pgerror.InvalidParameterValue, `"%s" is not an existing enum label`, s.OldVal)
		case at(s.NewVal) >= 0:
			return pgerror.Newf(pgerror.DuplicateObject, `enum label "%s" already exists`, s.NewVal)
		}
		// The rows of local tables hold the label itself.
		for _, rel := range r.snap().Relations() {
			if rel.Kind == catalog.Table && usesType(rel, t.OID) {
				return pgerror.NotSupported(`a label cannot be renamed while table "%s" has a column of the type`, rel.Name)
			}
		}
		t.Labels[i].Name = s.NewVal
		return r.tx.Put(t)
	}
	if at(s.NewVal) >= 0 {
		if s.SkipIfNewValExists {
			r.notice(pgerror.DuplicateObject, `enum label "%s" already exists, skipping`, s.NewVal)
			return nil
		}
		return pgerror.Newf(pgerror.DuplicateObject, `enum label "%s" already exists`, s.NewVal)
	}
	i := len(t.Labels)
	if s.NewValNeighbor != "" {
		if i = at(s.NewValNeighbor); i < 0 {
			return pgerror.Newf(pgerror.InvalidParameterValue, `"%s" is not an existing enum label`, s.NewValNeighbor)
		}
		if s.NewValIsAfter {
			i++
		}
	}
	if err := r.insertLabel(t, i, s.NewVal); err != nil {
		return err
	}
	return r.tx.Put(t)
}

// insertLabel adds a label before the i-th of an enum. Its place in the order
// lies between those of its neighbours, which keep theirs.
func (r *run) insertLabel(t *catalog.UserType, i int, label string) error {
	order := float32(1)
	switch {
	case len(t.Labels) == 0:
	case i == 0:
		order = t.Labels[0].Order - 1
	case i == len(t.Labels):
		order = t.Labels[i-1].Order + 1
	default:
		before, after := t.Labels[i-1].Order, t.Labels[i].Order
		if order = before + (after-before)/2; order == before || order == after {
			return pgerror.Newf(pgerror.ProgramLimitExceeded, `there is no room for another label before "%s"`, t.Labels[i].Name)
		}
	}
	t.Labels = slices.Insert(t.Labels, i, types.EnumLabel{OID: r.tx.NewOID(), Order: order, Name: label})
	return nil
}

// usesType reports whether a relation has a column made of a user's type.
func usesType(rel *catalog.Relation, id types.OID) bool {
	return slices.ContainsFunc(rel.Columns, func(c catalog.Column) bool { return catalog.UsesType(c.Type, id) })
}

func (r *run) createComposite(s *pg.CompositeTypeStmt) error {
	parts := []string{s.Typevar.GetRelname()}
	if n := s.Typevar.GetSchemaname(); n != "" {
		parts = []string{n, parts[0]}
	}
	schema, name, err := r.placeType(parts)
	if err != nil {
		return err
	}
	id, err := r.newTypeOID(types.CompositeKind)
	if err != nil {
		return err
	}
	t := &catalog.UserType{OID: id, SchemaID: schema.OID, Name: name, Owner: r.role.OID, Kind: types.CompositeKind}
	for _, n := range s.Coldeflist {
		if err := r.addAttribute(t, n.GetColumnDef()); err != nil {
			return err
		}
	}
	return r.tx.Put(t)
}

// addAttribute appends a column to a composite type that is not put yet.
func (r *run) addAttribute(t *catalog.UserType, d *pg.ColumnDef) error {
	for _, c := range t.Columns {
		if c.Name == d.Colname {
			return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" specified more than once`, d.Colname)
		}
	}
	typ, err := r.typeOf(d.TypeName)
	if err != nil {
		return r.at(pgerror.From(err), d.TypeName.GetLocation())
	}
	if err := storable(d.Colname, typ); err != nil {
		return err
	}
	if typ.OID == t.OID || typ.OID.IsComposite() && r.contains(typ.OID, t.OID) {
		return pgerror.Newf(pgerror.InvalidTableDefinition, "composite type %s cannot be made a member of itself", t.Name)
	}
	t.Columns = append(t.Columns, catalog.Column{Name: d.Colname, AttNum: int16(len(t.Columns) + 1), Type: typ})
	return nil
}

// contains reports whether a composite type has a column of type of, at any
// depth.
func (r *run) contains(t, of types.OID) bool {
	columns, _ := r.snap().Composite(t)
	return slices.ContainsFunc(columns, func(c types.Attribute) bool {
		return catalog.UsesType(c.Type, of) || c.Type.OID.IsComposite() && r.contains(c.Type.OID, of)
	})
}

// renameType is ALTER TYPE and ALTER DOMAIN ... RENAME TO.
func (r *run) renameType(s *pg.RenameStmt) error {
	t, err := r.ownType(names(s.Object))
	if err != nil {
		return err
	}
	if s.RenameType == pg.ObjectType_OBJECT_DOMAIN && t.Kind != types.DomainKind {
		return pgerror.Newf(pgerror.WrongObjectType, "%s is not a domain", t.Name)
	}
	schema, ok := r.snap().SchemaByOID(t.SchemaID)
	if !ok {
		return missing("schema", "")
	}
	if err := r.freeType(schema, s.Newname); err != nil {
		return err
	}
	t = t.Clone()
	t.Name = s.Newname
	return r.tx.Put(t)
}

// renameAttribute is ALTER TYPE ... RENAME ATTRIBUTE.
func (r *run) renameAttribute(s *pg.RenameStmt) error {
	t, err := r.ownType([]string{s.Relation.GetRelname()})
	if err != nil {
		return err
	}
	t = t.Clone()
	i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return c.Name == s.Subname })
	switch {
	case i < 0:
		return pgerror.Newf(pgerror.UndefinedColumn, `column "%s" does not exist`, s.Subname)
	case slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Name == s.Newname }):
		return pgerror.Newf(pgerror.DuplicateColumn, `column "%s" of relation "%s" already exists`, s.Newname, t.Name)
	}
	t.Columns[i].Name = s.Newname
	return r.tx.Put(t)
}

// giveType is ALTER TYPE ... OWNER TO.
func (r *run) giveType(parts []string, owner *catalog.Role) error {
	t, err := r.ownType(parts)
	if err != nil {
		return err
	}
	if err := r.mayGive(owner); err != nil {
		return err
	}
	t = t.Clone()
	t.Owner = owner.OID
	return r.tx.Put(t)
}

// typesUsing lists the types that are made of a type.
func (r *run) typesUsing(id types.OID) []*catalog.UserType {
	return slices.DeleteFunc(r.snap().Types(), func(t *catalog.UserType) bool {
		return !catalog.UsesType(t.Base, id) && !slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return catalog.UsesType(c.Type, id) })
	})
}

// dropTypes is DROP TYPE and DROP DOMAIN.
func (r *run) dropTypes(s *pg.DropStmt) error {
	for _, n := range s.Objects {
		parts := parser.Strings(n.GetTypeName().GetNames())
		if len(parts) == 0 {
			parts = names(n)
		}
		t, err := r.findType(parts)
		if err != nil {
			e := pgerror.From(err)
			if !s.MissingOk || e.Code != pgerror.UndefinedObject && e.Code != pgerror.InvalidSchemaName {
				return err
			}
			r.notice(pgerror.SuccessfulCompletion, "%s, skipping", e.Message)
			continue
		}
		schema, _ := r.snap().SchemaByOID(t.SchemaID)
		if !r.owns(t.Owner) && (schema == nil || !r.owns(schema.Owner)) {
			return mustBeOwner("type", t.Name)
		}
		if s.RemoveType == pg.ObjectType_OBJECT_DOMAIN && t.Kind != types.DomainKind {
			return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a domain`, t.Name)
		}
		if err := r.dropType(t, s.Behavior == pg.DropBehavior_DROP_CASCADE); err != nil {
			return err
		}
	}
	return nil
}

// dropType removes a type; with cascade the columns, types and views that are
// made of it go, too.
func (r *run) dropType(t *catalog.UserType, cascade bool) error {
	var lines []string
	var views []catalog.Object
	var tables []*catalog.Relation
	for _, rel := range r.snap().Relations() {
		for _, c := range rel.Columns {
			if catalog.UsesType(c.Type, t.OID) {
				lines = append(lines, "column "+c.Name+" of "+r.describe(rel)+" depends on "+r.describe(t))
			}
		}
		switch {
		case !usesType(rel, t.OID):
		case rel.Kind == catalog.View:
			views = append(views, rel)
		default:
			tables = append(tables, rel)
		}
	}
	made := r.typesUsing(t.OID)
	for _, m := range made {
		lines = append(lines, r.describe(m)+" depends on "+r.describe(t))
	}
	if len(lines) > 0 && !cascade {
		e := pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", r.describe(t))
		return e.WithDetail("%s", joinLines(lines)).WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	r.cascadeNotice(lines)
	for _, v := range views {
		if _, ok := r.snap().RelationByOID(v.ID()); !ok {
			continue
		}
		if err := r.dropAll([]catalog.Object{v}, true); err != nil {
			return err
		}
	}
	for _, rel := range tables {
		if err := r.unused(rel, "drop a column of"); err != nil {
			return err
		}
		if rel.Kind == catalog.Table {
			if err := r.env.Rows.Lock(r.ctx, rel.OID); err != nil {
				return err
			}
		}
		n := rel.Clone()
		for _, c := range rel.Columns {
			if rel.KeyColumn(c.AttNum) && catalog.UsesType(c.Type, t.OID) {
				n.Constraints = slices.DeleteFunc(n.Constraints, func(k catalog.Constraint) bool { return slices.Contains(k.Columns, c.AttNum) })
			}
		}
		n.Columns = slices.DeleteFunc(n.Columns, func(c catalog.Column) bool { return catalog.UsesType(c.Type, t.OID) })
		if err := r.tx.Put(n); err != nil {
			return err
		}
	}
	for _, m := range made {
		if err := r.dropType(m, true); err != nil {
			return err
		}
	}
	r.remove(t.OID)
	return nil
}

// cascadeNotice says what goes with an object.
func (r *run) cascadeNotice(lines []string) {
	for i, l := range lines {
		lines[i] = "drop cascades to " + cutDepends(l)
	}
	switch {
	case len(lines) == 1:
		r.notice(pgerror.SuccessfulCompletion, "%s", lines[0])
	case len(lines) > 1:
		r.notice(pgerror.SuccessfulCompletion, "drop cascades to %d other objects", len(lines))
		r.result.Notices[len(r.result.Notices)-1].Detail = joinLines(lines)
	}
}
