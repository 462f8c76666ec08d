package ddl

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// describe names an object as dependency messages do.
func (r *run) describe(o catalog.Object) string {
	snap := r.snap()
	on := func(rel types.OID) string {
		if x, ok := snap.RelationByOID(rel); ok {
			return r.describe(x)
		}
		return "a dropped table"
	}
	switch o := o.(type) {
	case *catalog.Relation:
		name := o.Name
		if !slices.Contains(r.env.SearchPath, o.Schema) {
			name = o.Schema + "." + name
		}
		return o.Kind.String() + " " + name
	case *catalog.UserType:
		name := o.Name
		if s, ok := snap.SchemaByOID(o.SchemaID); ok && !slices.Contains(r.env.SearchPath, s.Name) {
			name = s.Name + "." + name
		}
		return "type " + name
	case *catalog.UserFunction:
		return "function " + o.Name + argumentList(o)
	case *catalog.Schema:
		return "schema " + o.Name
	case *catalog.Server:
		return "server " + o.Name
	case *catalog.Wrapper:
		return "foreign-data wrapper " + o.Name
	case *catalog.Role:
		return "role " + o.Name
	case *catalog.UserMapping:
		name := ""
		if s, ok := snap.ServerByOID(o.Server); ok {
			name = s.Name
		}
		return "user mapping for " + snap.RoleName(o.Role) + " on server " + name
	case *catalog.RowPolicy:
		return "policy " + o.Name + " on " + on(o.Relation)
	case *catalog.MaskingPolicy:
		return "masking policy " + o.Name + " on " + on(o.Relation)
	}
	return fmt.Sprintf("object %d", o.ID())
}

// dependent is an object that goes when another one goes.
type dependent struct {
	o catalog.Object
	// on is what it depends on; auto ones go without being asked.
	on   catalog.Object
	auto bool
}

// dependents lists what depends directly on an object.
func (r *run) dependents(o catalog.Object) []dependent {
	snap := r.snap()
	var out []dependent
	add := func(d catalog.Object, auto bool) { out = append(out, dependent{d, o, auto}) }
	switch o := o.(type) {
	case *catalog.Schema:
		for _, f := range snap.UserFunctions() {
			if f.SchemaID == o.OID {
				add(f, false)
			}
		}
		for _, rel := range snap.Relations() {
			if rel.SchemaID == o.OID {
				add(rel, false)
			}
		}
		for _, t := range snap.Types() {
			if t.SchemaID == o.OID {
				add(t, false)
			}
		}
	case *catalog.UserType:
		// What is made of a type goes as a whole when its schema goes.
		for _, rel := range snap.Relations() {
			if usesType(rel, o.OID) {
				add(rel, false)
			}
		}
		for _, t := range r.typesUsing(o.OID) {
			add(t, false)
		}
	case *catalog.Server:
		for _, m := range snap.UserMappings() {
			if m.Server == o.OID {
				add(m, false)
			}
		}
		for _, rel := range snap.TablesOf(o.OID) {
			add(rel, false)
		}
	case *catalog.Relation:
		for _, v := range snap.Dependents(o.OID) {
			add(v, false)
		}
		for _, s := range snap.OwnedSequences(o.OID, 0) {
			add(s, true)
		}
		for _, p := range snap.RowPolicies(o.OID) {
			add(p, true)
		}
		// A masking policy also governs other tables over the same object: it
		// does not vanish unnoticed with one of them.
		if masks := snap.MaskingPolicies(o.OID); len(masks) > 0 {
			alone := len(snap.SameSource(o)) <= 1
			for _, p := range masks {
				add(p, alone)
			}
		}
	}
	return out
}

// dropAll removes objects with what depends on them, or refuses.
func (r *run) dropAll(objects []catalog.Object, cascade bool) error {
	going := map[types.OID]bool{}
	for _, o := range objects {
		going[o.ID()] = true
	}
	var asked []dependent
	var order []catalog.Object
	var visit func(o catalog.Object)
	visit = func(o catalog.Object) {
		order = append(order, o)
		for _, d := range r.dependents(o) {
			if going[d.o.ID()] {
				continue
			}
			going[d.o.ID()] = true
			if !d.auto {
				asked = append(asked, d)
			}
			visit(d.o)
		}
	}
	for _, o := range objects {
		visit(o)
	}
	if err := r.undraw(order, going, cascade); err != nil {
		return err
	}
	if len(asked) > 0 && !cascade {
		lines := make([]string, len(asked))
		for i, d := range asked {
			lines[i] = r.describe(d.o) + " depends on " + r.describe(d.on)
		}
		e := pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", r.describe(objects[0]))
		if len(objects) > 1 {
			e.Message = "cannot drop desired object(s) because other objects depend on them"
		}
		return e.WithDetail("%s", strings.Join(lines, "\n")).WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
	}
	switch {
	case len(asked) == 1:
		r.notice(pgerror.SuccessfulCompletion, "drop cascades to %s", r.describe(asked[0].o))
	case len(asked) > 1:
		lines := make([]string, len(asked))
		for i, d := range asked {
			lines[i] = "drop cascades to " + r.describe(d.o)
		}
		r.notice(pgerror.SuccessfulCompletion, "drop cascades to %d other objects", len(asked))
		last := r.result.Notices[len(r.result.Notices)-1]
		last.Detail = strings.Join(lines, "\n")
	}
	ids := make([]types.OID, len(order))
	for i, o := range order {
		// Nobody may be writing the rows of a table that goes: his commit would
		// bring them back.
		if rel, ok := o.(*catalog.Relation); ok && (rel.Kind == catalog.Table || rel.Kind == catalog.MatView) {
			if err := r.env.Rows.Lock(r.ctx, rel.OID); err != nil {
				return err
			}
		}
		ids[len(order)-1-i] = o.ID()
	}
	r.remove(ids...)
	return nil
}

// remove takes objects and the comments on them away.
func (r *run) remove(ids ...types.OID) {
	going := map[types.OID]bool{}
	for _, id := range ids {
		going[id] = true
	}
	for _, c := range r.snap().Comments() {
		if going[c.Object] {
			r.tx.Remove(c.OID)
		}
	}
	for _, id := range ids {
		r.tx.Remove(id)
	}
}

func (r *run) drop(s *pg.DropStmt) error {
	kinds := map[pg.ObjectType]struct {
		tag  string
		find func(n *pg.Node, kind catalog.RelKind) (catalog.Object, string, error)
		kind catalog.RelKind
	}{
		pg.ObjectType_OBJECT_FOREIGN_SERVER: {"DROP SERVER", r.findServer, 0},
		pg.ObjectType_OBJECT_SCHEMA:         {"DROP SCHEMA", r.findSchema, 0},
		pg.ObjectType_OBJECT_FOREIGN_TABLE:  {"DROP FOREIGN TABLE", r.findRelation, catalog.ForeignTable},
		pg.ObjectType_OBJECT_VIEW:           {"DROP VIEW", r.findRelation, catalog.View},
		pg.ObjectType_OBJECT_FUNCTION:       {"DROP FUNCTION", r.findFunction, 0},
		pg.ObjectType_OBJECT_MATVIEW:        {"DROP MATERIALIZED VIEW", r.findRelation, catalog.MatView},
		pg.ObjectType_OBJECT_TABLE:          {"DROP TABLE", r.findRelation, catalog.Table},
		pg.ObjectType_OBJECT_SEQUENCE:       {"DROP SEQUENCE", r.findRelation, catalog.Sequence},
		pg.ObjectType_OBJECT_POLICY:         {"DROP POLICY", r.findPolicy, 0},
	}
	switch s.RemoveType {
	case pg.ObjectType_OBJECT_TYPE:
		return r.tag("DROP TYPE", r.dropTypes(s))
	case pg.ObjectType_OBJECT_DOMAIN:
		return r.tag("DROP DOMAIN", r.dropTypes(s))
	case pg.ObjectType_OBJECT_INDEX:
		return r.tag("DROP INDEX", r.dropIndexes(s))
	}
	k, ok := kinds[s.RemoveType]
	if !ok {
		if err := r.dropOther(s); err != nil {
			return err
		}
		name := strings.ReplaceAll(strings.TrimPrefix(s.RemoveType.String(), "OBJECT_"), "_", " ")
		if s.RemoveType == pg.ObjectType_OBJECT_FDW {
			name = "FOREIGN DATA WRAPPER"
		}
		return pgerror.NotSupported("DROP %s is not supported", name)
	}
	var objects []catalog.Object
	for _, n := range s.Objects {
		o, notice, err := k.find(n, k.kind)
		if err != nil {
			e := pgerror.From(err)
			gone := e.Code == pgerror.UndefinedObject || e.Code == pgerror.UndefinedTable || e.Code == pgerror.InvalidSchemaName || e.Code == pgerror.UndefinedFunction
			if !s.MissingOk || !gone {
				return err
			}
			if notice == "" {
				notice = e.Message
			}
			r.notice(pgerror.SuccessfulCompletion, "%s, skipping", notice)
			continue
		}
		objects = append(objects, o)
	}
	if len(objects) == 0 {
		return r.tag(k.tag, nil)
	}
	return r.tag(k.tag, r.dropAll(objects, s.Behavior == pg.DropBehavior_DROP_CASCADE))
}

func (r *run) findServer(n *pg.Node, _ catalog.RelKind) (catalog.Object, string, error) {
	o, err := r.ownServer(names(n)[0])
	return o, "", err
}

func (r *run) findSchema(n *pg.Node, _ catalog.RelKind) (catalog.Object, string, error) {
	o, err := r.schema(names(n)[0])
	if err != nil {
		return nil, "", err
	}
	if !r.owns(o.Owner) {
		return nil, "", mustBeOwner("schema", o.Name)
	}
	if o.System() {
		return nil, "", pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop schema %s because it is required by the database system", o.Name)
	}
	return o, "", nil
}

// findRelation finds a relation of one kind; the schema's owner may drop it,
// too.
func (r *run) findRelation(n *pg.Node, kind catalog.RelKind) (catalog.Object, string, error) {
	v := nameVar(names(n))
	rel, err := r.find(v)
	if err != nil {
		return nil, "", err
	}
	if rel == nil {
		name := strings.Join(names(n), ".")
		code := pgerror.UndefinedTable
		if kind == catalog.ForeignTable {
			code = pgerror.UndefinedObject
		}
		return nil, "", pgerror.Newf(code, `%s "%s" does not exist`, kind, name)
	}
	if rel.Kind != kind {
		return nil, "", pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a %s`, rel.Name, kind).
			WithHint("Use DROP %s to remove a %s.", strings.ToUpper(rel.Kind.String()), rel.Kind)
	}
	schema, _ := r.snap().SchemaByOID(rel.SchemaID)
	if !r.owns(rel.Owner) && (schema == nil || !r.owns(schema.Owner)) {
		return nil, "", mustBeOwner(rel.Kind.String(), rel.Name)
	}
	return rel, "", nil
}

func (r *run) findPolicy(n *pg.Node, _ catalog.RelKind) (catalog.Object, string, error) {
	parts := names(n)
	name := parts[len(parts)-1]
	rel, err := r.ownRelation(nameVar(parts[:len(parts)-1]))
	if err != nil {
		return nil, "", err
	}
	p, ok := r.snap().RowPolicy(rel.OID, name)
	if !ok {
		return nil, "", noPolicy("policy", name, rel)
	}
	return p, "", nil
}

// usesOf describes what keeps a role from being dropped.
func (r *run) usesOf(role types.OID) []string {
	snap := r.snap()
	var out []string
	use := func(format string, o catalog.Object) { out = append(out, fmt.Sprintf(format, r.describe(o))) }
	holder := func(o catalog.Object, owner types.OID, acls ...catalog.ACL) {
		if owner == role {
			use("owner of %s", o)
			return
		}
		for _, a := range acls {
			if a.Mentions(role) {
				use("privileges for %s", o)
				return
			}
		}
	}
	for _, o := range snap.Schemas() {
		holder(o, o.Owner, o.ACL)
	}
	for _, o := range snap.Wrappers() {
		holder(o, o.Owner, o.ACL)
	}
	for _, o := range snap.Servers() {
		holder(o, o.Owner, o.ACL)
	}
	for _, o := range snap.Types() {
		holder(o, o.Owner)
	}
	for _, o := range snap.Relations() {
		acls := []catalog.ACL{o.ACL}
		for _, c := range o.Columns {
			acls = append(acls, c.ACL)
		}
		holder(o, o.Owner, acls...)
	}
	for _, o := range snap.UserFunctions() {
		holder(o, o.Owner)
	}
	for _, o := range snap.UserMappings() {
		if o.Role == role {
			use("owner of %s", o)
		}
	}
	for _, o := range snap.AllRowPolicies() {
		if slices.Contains(o.Roles, role) {
			use("target of %s", o)
		}
	}
	for _, o := range snap.AllMaskingPolicies() {
		if slices.Contains(o.To, role) || slices.Contains(o.Except, role) || o.Owner == role {
			use("target of %s", o)
		}
	}
	return out
}

// comment is COMMENT ON.
func (r *run) comment(s *pg.CommentStmt) error {
	c := &catalog.Comment{Text: s.Comment}
	parts := names(s.Object)
	switch s.Objtype {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_FOREIGN_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_MATVIEW:
		rel, err := r.ownRelation(nameVar(parts))
		if err != nil {
			return err
		}
		c.On, c.Object = catalog.ClassRelation, rel.OID
	case pg.ObjectType_OBJECT_COLUMN:
		if len(parts) < 2 {
			return pgerror.New(pgerror.SyntaxError, "column name must be qualified")
		}
		rel, err := r.ownRelation(nameVar(parts[:len(parts)-1]))
		if err != nil {
			return err
		}
		col, err := column(rel, parts[len(parts)-1])
		if err != nil {
			return err
		}
		c.On, c.Object, c.Sub = catalog.ClassRelation, rel.OID, int32(col.AttNum)
	case pg.ObjectType_OBJECT_FUNCTION:
		o, _, err := r.findFunction(s.Object, 0)
		if err != nil {
			return err
		}
		c.On, c.Object = catalog.ClassFunction, o.ID()
	case pg.ObjectType_OBJECT_SCHEMA:
		o, _, err := r.findSchema(s.Object, 0)
		if err != nil {
			return err
		}
		c.On, c.Object = catalog.ClassSchema, o.ID()
	case pg.ObjectType_OBJECT_FOREIGN_SERVER:
		o, err := r.ownServer(parts[0])
		if err != nil {
			return err
		}
		c.On, c.Object = catalog.ClassServer, o.OID
	case pg.ObjectType_OBJECT_POLICY:
		o, _, err := r.findPolicy(s.Object, 0)
		if err != nil {
			return err
		}
		c.On, c.Object = catalog.ClassRowPolicy, o.ID()
	case pg.ObjectType_OBJECT_TYPE, pg.ObjectType_OBJECT_DOMAIN:
		o, err := r.ownType(parser.Strings(s.Object.GetTypeName().GetNames()))
		if err != nil {
			return err
		}
		c.On, c.Object = catalog.ClassType, o.OID
	case pg.ObjectType_OBJECT_ROLE:
		o, err := r.roleByName(parts[0])
		if err != nil {
			return err
		}
		if !r.super() && (!r.role.CreateRole || o.Super) {
			return insufficient("permission denied")
		}
		c.On, c.Object = catalog.ClassRole, o.OID
	default:
		return pgerror.NotSupported("COMMENT ON %s is not supported", strings.ReplaceAll(strings.TrimPrefix(s.Objtype.String(), "OBJECT_"), "_", " "))
	}
	for _, old := range r.snap().Comments() {
		if old.On == c.On && old.Object == c.Object && old.Sub == c.Sub {
			r.tx.Remove(old.OID)
		}
	}
	if c.Text == "" {
		return nil
	}
	c.OID = r.tx.NewOID()
	return r.tx.Put(c)
}
