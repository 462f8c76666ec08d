package pgcatalog

import (
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// wish is one privilege asked for, maybe with grant option.
type wish struct {
	priv   catalog.Privilege
	option bool
}

// wishes reads a list of privileges: any of them will do.
func wishes(text string, all catalog.Privilege) ([]wish, error) {
	var out []wish
	for w := range strings.SplitSeq(text, ",") {
		w = strings.TrimSpace(w)
		name, option := strings.CutSuffix(strings.ToUpper(w), " WITH GRANT OPTION")
		p, ok := catalog.PrivilegeByName(name)
		if !ok || p&all == 0 {
			return nil, pgerror.Newf(pgerror.InvalidParameterValue, "unrecognized privilege type: %q", w)
		}
		out = append(out, wish{p, option})
	}
	return out, nil
}

// holder is whose privileges are asked for.
type holder struct {
	oid   types.OID
	roles catalog.RoleSet
}

// owns reports whether the holder has the privileges of an owner.
func (h holder) owns(owner types.OID) bool { return h.roles.Super || h.roles.Has(owner) }

// passesOn reports whether the holder has privileges with grant option.
func (h holder) passesOn(a catalog.ACL, owner types.OID, p catalog.Privilege) bool {
	if h.owns(owner) {
		return true
	}
	for _, i := range a {
		if (i.Grantee == catalog.PublicRole || h.roles.Has(i.Grantee)) && i.Option&p != 0 {
			return true
		}
	}
	return false
}

// roleArgument resolves a role given by name or OID; "public" and 0 are PUBLIC.
func (c *callee) roleArgument(i int) (holder, error) {
	id := c.oid(i)
	if c.named(i) {
		id = catalog.PublicRole
		if c.text(i) != "public" {
			r, ok := c.snap.Role(c.text(i))
			if !ok {
				return holder{}, noRole(c.text(i))
			}
			id = r.OID
		}
	}
	return holder{id, c.snap.EffectiveRoles(id)}, nil
}

// privilegeCheck is one kind of object of the has_*_privilege functions.
type privilegeCheck struct {
	all catalog.Privilege
	// find resolves the object's name; by OID there is none (NULL) when exists
	// is false.
	find   func(c *callee, name string) (types.OID, error)
	exists func(c *callee, id types.OID) bool
	has    func(c *callee, h holder, id types.OID, w wish) bool
}

// function makes has_X_privilege([role,] object, privileges).
func (p privilegeCheck) function(c *callee) (types.Datum, error) {
	h := holder{c.role, c.roles}
	at := 0
	if len(c.args) == 3 {
		var err error
		if h, err = c.roleArgument(0); err != nil {
			return null, err
		}
		at = 1
	}
	id := c.oid(at)
	if c.named(at) {
		var err error
		if id, err = p.find(c, c.text(at)); err != nil {
			return null, err
		}
	}
	list, err := wishes(c.text(at+1), p.all)
	if err != nil {
		return null, err
	}
	if !p.exists(c, id) {
		return null, nil
	}
	for _, w := range list {
		if p.has(c, h, id, w) {
			return yes(true), nil
		}
	}
	return yes(false), nil
}

// tablePrivilege reports whether the holder has a privilege on a relation.
func (s *source) tablePrivilege(h holder, id types.OID, w wish) bool {
	if r, ok := RelationByOID(id); ok {
		switch {
		case h.owns(catalog.Bootstrap):
			return true
		case w.option || w.priv != catalog.Select:
			return false
		}
		return r.Public || h.roles.Has(catalog.RoleReadAllData)
	}
	r, ok := s.snap.RelationByOID(id)
	if !ok {
		return false
	}
	if w.option {
		return h.passesOn(r.ACL, r.Owner, w.priv)
	}
	return s.snap.HasTable(h.oid, r, w.priv)
}

// columnPrivilege reports whether the holder has a privilege on a column.
func (s *source) columnPrivilege(h holder, id types.OID, number int16, w wish) bool {
	if s.tablePrivilege(h, id, w) {
		return true
	}
	r, ok := s.snap.RelationByOID(id)
	if !ok {
		return false
	}
	c, ok := r.ColumnByNumber(number)
	if !ok {
		return false
	}
	if w.option {
		return h.passesOn(c.ACL, r.Owner, w.priv)
	}
	return s.snap.HasColumn(h.oid, r, number, w.priv)
}

// relationExists reports whether there is a relation.
func relationExists(c *callee, id types.OID) bool {
	_, _, ok := c.names.relationName(id)
	return ok
}

func findRelation(c *callee, name string) (types.OID, error) {
	return c.names.Lookup(types.RegClass, name)
}

// fixed finds rows of a relation that never changes, by name in column 1.
func fixed(rows func() [][]types.Datum, missing func(string) error) (func(*callee, string) (types.OID, error), func(*callee, types.OID) bool) {
	find := func(_ *callee, name string) (types.OID, error) {
		for _, r := range rows() {
			if r[1].S == name {
				return oidOf(r[0]), nil
			}
		}
		return 0, missing(name)
	}
	exists := func(_ *callee, id types.OID) bool {
		for _, r := range rows() {
			if oidOf(r[0]) == id {
				return true
			}
		}
		return false
	}
	return find, exists
}

// privilegeFunctions are has_*_privilege, pg_has_role and those about aclitem.
var privilegeFunctions = func() map[string]scalar {
	findLanguage, languageExists := fixed(languageRows, func(n string) error {
		return pgerror.Newf(pgerror.UndefinedObject, "language %q does not exist", n)
	})
	findTablespace, tablespaceExists := fixed(tablespaceRows, noTablespace)
	everybody := func(_ *callee, h holder, _ types.OID, w wish) bool { return !w.option || h.owns(catalog.Bootstrap) }
	owner := func(_ *callee, h holder, _ types.OID, _ wish) bool { return h.owns(catalog.Bootstrap) }
	return map[string]scalar{
		"has_table_privilege": privilegeCheck{
			catalog.AllTable, findRelation, relationExists,
			func(c *callee, h holder, id types.OID, w wish) bool { return c.tablePrivilege(h, id, w) },
		}.function,
		"has_any_column_privilege": privilegeCheck{
			catalog.AllColumn, findRelation, relationExists,
			func(c *callee, h holder, id types.OID, w wish) bool {
				if c.tablePrivilege(h, id, w) {
					return true
				}
				if r, ok := c.snap.RelationByOID(id); ok {
					for _, col := range r.Columns {
						if c.columnPrivilege(h, id, col.AttNum, w) {
							return true
						}
					}
				}
				return false
			},
		}.function,
		"has_column_privilege": hasColumnPrivilege,
		"has_schema_privilege": privilegeCheck{
			catalog.AllSchema,
			func(c *callee, name string) (types.OID, error) { return c.names.schema(name) },
			func(c *callee, id types.OID) bool { return c.names.schemaName(id) != "" },
			func(c *callee, h holder, id types.OID, w wish) bool {
				s, _ := c.snap.SchemaByOID(id)
				if w.option {
					return h.passesOn(s.ACL, s.Owner, w.priv)
				}
				return c.snap.HasSchema(h.oid, s, w.priv)
			},
		}.function,
		"has_server_privilege": privilegeCheck{
			catalog.AllServer,
			func(c *callee, name string) (types.OID, error) {
				if s, ok := c.snap.Server(name); ok {
					return s.OID, nil
				}
				return 0, pgerror.Newf(pgerror.UndefinedObject, "server %q does not exist", name)
			},
			func(c *callee, id types.OID) bool { _, ok := c.snap.ServerByOID(id); return ok },
			func(c *callee, h holder, id types.OID, w wish) bool {
				s, _ := c.snap.ServerByOID(id)
				if w.option {
					return h.passesOn(s.ACL, s.Owner, w.priv)
				}
				return c.snap.HasServer(h.oid, s, w.priv)
			},
		}.function,
		"has_foreign_data_wrapper_privilege": privilegeCheck{
			catalog.AllWrapper,
			func(c *callee, name string) (types.OID, error) {
				if w, ok := c.snap.Wrapper(name); ok {
					return w.OID, nil
				}
				return 0, pgerror.Newf(pgerror.UndefinedObject, "foreign-data wrapper %q does not exist", name)
			},
			func(c *callee, id types.OID) bool { return c.wrapper(id) != nil },
			func(c *callee, h holder, id types.OID, w wish) bool {
				f := c.wrapper(id)
				if w.option {
					return h.passesOn(f.ACL, f.Owner, w.priv)
				}
				return c.snap.HasWrapper(h.oid, f, w.priv)
			},
		}.function,
		"has_database_privilege": privilegeCheck{
			catalog.Create | catalog.Temporary | catalog.Connect,
			func(c *callee, name string) (types.OID, error) {
				if name == c.database {
					return databaseOID, nil
				}
				return 0, noDatabase(name)
			},
			func(_ *callee, id types.OID) bool { return id == databaseOID },
			func(_ *callee, h holder, _ types.OID, w wish) bool {
				return h.owns(catalog.Bootstrap) || !w.option && w.priv != catalog.Create
			},
		}.function,
		"has_function_privilege": privilegeCheck{
			catalog.Execute,
			func(c *callee, name string) (types.OID, error) { return c.names.Lookup(types.RegProcedure, name) },
			func(c *callee, id types.OID) bool {
				_, ok := supportName(id)
				return ok || c.names.functionByOID(id) != nil
			}, everybody,
		}.function,
		"has_language_privilege":   privilegeCheck{catalog.Usage, findLanguage, languageExists, everybody}.function,
		"has_tablespace_privilege": privilegeCheck{catalog.Create, findTablespace, tablespaceExists, owner}.function,
		"has_type_privilege": privilegeCheck{
			catalog.Usage,
			func(c *callee, name string) (types.OID, error) { return c.names.Lookup(types.RegType, name) },
			func(c *callee, id types.OID) bool {
				if _, _, _, user := id.User(); user {
					_, _, ok := c.snap.TypeIdentity(id)
					return ok
				}
				return types.Lookup(id) != nil
			}, everybody,
		}.function,
		"has_sequence_privilege": privilegeCheck{
			catalog.Usage | catalog.Select | catalog.Update,
			func(c *callee, name string) (types.OID, error) {
				id, err := c.names.Lookup(types.RegClass, name)
				if err == nil {
					err = pgerror.Newf(pgerror.WrongObjectType, "%q is not a sequence", name)
				}
				return id, err
			},
			func(*callee, types.OID) bool { return false }, owner,
		}.function,
		"pg_has_role": pgHasRole,
		"acldefault":  aclDefault,
		"makeaclitem": makeACLItem,
	}
}()

// wrapper returns a foreign data wrapper by its OID, nil when there is none.
func (s *source) wrapper(id types.OID) *catalog.Wrapper {
	o, _ := s.snap.Object(id)
	w, _ := o.(*catalog.Wrapper)
	return w
}

// hasColumnPrivilege is has_column_privilege([role,] table, column, privileges).
func hasColumnPrivilege(c *callee) (types.Datum, error) {
	h, at := holder{c.role, c.roles}, 0
	var err error
	if len(c.args) == 4 {
		if h, err = c.roleArgument(0); err != nil {
			return null, err
		}
		at = 1
	}
	id := c.oid(at)
	if c.named(at) {
		if id, err = findRelation(c, c.text(at)); err != nil {
			return null, err
		}
	}
	if !relationExists(c, id) {
		return null, nil
	}
	number := int16(c.int(at + 1))
	if c.named(at + 1) {
		if number, err = c.columnNumber(id, c.text(at+1)); err != nil {
			return null, err
		}
	}
	list, err := wishes(c.text(at+2), catalog.AllColumn)
	if err != nil {
		return null, err
	}
	if c.columnName(id, number) == "" {
		return null, nil
	}
	for _, w := range list {
		if c.columnPrivilege(h, id, number, w) {
			return yes(true), nil
		}
	}
	return yes(false), nil
}

// pgHasRole is pg_has_role([user,] role, privileges).
func pgHasRole(c *callee) (types.Datum, error) {
	h, at := holder{c.role, c.roles}, 0
	var err error
	if len(c.args) == 3 {
		if h, err = c.roleArgument(0); err != nil {
			return null, err
		}
		at = 1
	}
	target := c.oid(at)
	if c.named(at) {
		r, ok := c.snap.Role(c.text(at))
		if !ok {
			return null, noRole(c.text(at))
		}
		target = r.OID
	}
	found := false
	for w := range strings.SplitSeq(c.text(at+1), ",") {
		w = strings.TrimSpace(w)
		switch strings.ToUpper(w) {
		case "USAGE":
			found = found || h.owns(target)
		case "MEMBER":
			found = found || c.snap.IsMember(h.oid, target)
		case "USAGE WITH GRANT OPTION", "USAGE WITH ADMIN OPTION", "MEMBER WITH GRANT OPTION", "MEMBER WITH ADMIN OPTION":
			found = found || c.snap.IsAdminOf(h.oid, target)
		default:
			return null, pgerror.Newf(pgerror.InvalidParameterValue, "unrecognized privilege type: %q", w)
		}
	}
	return yes(found), nil
}

// aclDefault is acldefault(kind, owner): what a missing list of grants means.
func aclDefault(c *callee) (types.Datum, error) {
	owner := c.oid(1)
	all, public := catalog.Privilege(0), catalog.Privilege(0)
	switch c.text(0) {
	case "c":
		return texts(types.ACLItem, []string{}), nil
	case "r":
		all = catalog.AllTable
	case "s":
		all = catalog.Usage | catalog.Select | catalog.Update
	case "d":
		all, public = catalog.Create|catalog.Temporary|catalog.Connect, catalog.Temporary|catalog.Connect
	case "f":
		all, public = catalog.Execute, catalog.Execute
	case "l", "T":
		all, public = catalog.Usage, catalog.Usage
	case "L":
		all = catalog.Select | catalog.Update
	case "n":
		all = catalog.AllSchema
	case "t":
		all = catalog.Create
	case "F", "S":
		all = catalog.Usage
	case "p":
		return texts(types.ACLItem, []string{}), nil
	default:
		return null, pgerror.Newf(pgerror.InternalError, "unrecognized object type abbreviation: %s", c.text(0))
	}
	var a catalog.ACL
	if public != 0 {
		a = append(a, catalog.ACLItem{Grantee: catalog.PublicRole, Grantor: owner, Privs: public})
	}
	a = append(a, catalog.ACLItem{Grantee: owner, Grantor: owner, Privs: all})
	return c.acl(a), nil
}

// makeACLItem is makeaclitem(grantee, grantor, privileges, grant option).
func makeACLItem(c *callee) (types.Datum, error) {
	list, err := wishes(c.text(2), ^catalog.Privilege(0))
	if err != nil {
		return null, err
	}
	i := catalog.ACLItem{Grantee: c.oid(0), Grantor: c.oid(1)}
	for _, w := range list {
		i.Privs |= w.priv
	}
	if c.args[3].Bool() {
		i.Option = i.Privs
	}
	return str(catalog.ACL{i}.Strings(c.aclName)[0]), nil
}

// aclExplode is aclexplode(aclitem[]).
func aclExplode(c *callee, emit func([]types.Datum) error) error {
	a, err := types.DecodeArray(c.args[0].S)
	if err != nil {
		return err
	}
	for _, e := range a.Elems {
		if e.Null {
			continue
		}
		grantee, privileges, grantor, err := c.parseACLItem(e.S)
		if err != nil {
			return err
		}
		for _, w := range privileges {
			if err := emit([]types.Datum{oid(grantor), oid(grantee), str(w.priv.Names()[0]), yes(w.option)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// aclLetters are the letters of aclitem in the order of their privileges.
var aclLetters = map[byte]catalog.Privilege{
	'a': catalog.Insert, 'r': catalog.Select, 'w': catalog.Update, 'd': catalog.Delete, 'D': catalog.Truncate, 'x': catalog.References,
	't': catalog.Trigger, 'X': catalog.Execute, 'U': catalog.Usage, 'C': catalog.Create, 'T': catalog.Temporary, 'c': catalog.Connect,
}

// parseACLItem reads grantee=letters/grantor.
func (s *source) parseACLItem(text string) (grantee types.OID, privileges []wish, grantor types.OID, err error) {
	role := func(name string) (types.OID, error) {
		if name == "" {
			return catalog.PublicRole, nil
		}
		if strings.HasPrefix(name, `"`) {
			name = strings.ReplaceAll(strings.Trim(name, `"`), `""`, `"`)
		}
		r, ok := s.snap.Role(name)
		if !ok {
			return 0, noRole(name)
		}
		return r.OID, nil
	}
	// A quoted name may hold = and /: look behind its closing quote.
	from := 0
	if strings.HasPrefix(text, `"`) {
		from = max(strings.Index(text, `"=`), 0)
	}
	eq := strings.IndexByte(text[from:], '=')
	if eq < 0 {
		return 0, nil, 0, pgerror.Newf(pgerror.InvalidTextRepresentation, "missing \"=\" sign")
	}
	eq += from
	if grantee, err = role(text[:eq]); err != nil {
		return 0, nil, 0, err
	}
	letters, by, _ := strings.Cut(text[eq+1:], "/")
	if grantor, err = role(by); err != nil {
		return 0, nil, 0, err
	}
	for i := 0; i < len(letters); i++ {
		p, ok := aclLetters[letters[i]]
		if !ok {
			return 0, nil, 0, pgerror.Newf(pgerror.InvalidTextRepresentation, "invalid mode character: must be one of \"arwdDxtXUCTcsA\"")
		}
		w := wish{priv: p}
		if i+1 < len(letters) && letters[i+1] == '*' {
			w.option = true
			i++
		}
		privileges = append(privileges, w)
	}
	return grantee, privileges, grantor, nil
}
