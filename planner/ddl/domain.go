package ddl

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

func joinLines(lines []string) string { return strings.Join(lines, "\n") }

// cutDepends leaves the first object of "x depends on y".
func cutDepends(line string) string {
	what, _, _ := strings.Cut(line, " depends on ")
	return what
}

func (r *run) createDomain(s *pg.CreateDomainStmt) error {
	schema, name, err := r.placeType(parser.Strings(s.Domainname))
	if err != nil {
		return err
	}
	base, err := r.typeOf(s.TypeName)
	if err != nil {
		return r.at(pgerror.From(err), s.TypeName.GetLocation())
	}
	if info := types.Lookup(base.OID); info == nil || info.Pseudo || base.OID == types.Unknown {
		return r.at(pgerror.Newf(pgerror.DatatypeMismatch, `"%s" is not a valid base type for a domain`, types.FormatType(base)), s.TypeName.GetLocation())
	}
	id, err := r.newTypeOID(types.DomainKind)
	if err != nil {
		return err
	}
	t := &catalog.UserType{
		OID: id, SchemaID: schema.OID, Name: name, Owner: r.role.OID, Kind: types.DomainKind, Base: base, Path: slices.Clone(r.env.SearchPath),
	}
	if parent, ok := r.snap().TypeByOID(base.Domain); ok && !base.IsArray() {
		t.Default = parent.Default
	}
	null := false
	for _, n := range s.Constraints {
		k := n.GetConstraint()
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_NOTNULL:
			t.NotNull = true
		case pg.ConstrType_CONSTR_NULL:
			null = true
		case pg.ConstrType_CONSTR_DEFAULT:
			if t.Default, err = r.defaultOf(k.RawExpr, name, base); err != nil {
				return err
			}
		case pg.ConstrType_CONSTR_CHECK:
			if err := r.addDomainCheck(t, k); err != nil {
				return err
			}
		case pg.ConstrType_CONSTR_UNIQUE:
			return pgerror.New(pgerror.SyntaxError, "unique constraints not possible for domains")
		case pg.ConstrType_CONSTR_PRIMARY:
			return pgerror.New(pgerror.SyntaxError, "primary key constraints not possible for domains")
		case pg.ConstrType_CONSTR_EXCLUSION:
			return pgerror.New(pgerror.SyntaxError, "exclusion constraints not possible for domains")
		case pg.ConstrType_CONSTR_FOREIGN:
			return pgerror.New(pgerror.SyntaxError, "foreign key constraints not possible for domains")
		default:
			return pgerror.NotSupported("this constraint of a domain is not supported")
		}
		if null && t.NotNull {
			return pgerror.New(pgerror.SyntaxError, "conflicting NULL/NOT NULL constraints")
		}
	}
	return r.tx.Put(t)
}

// addDomainCheck adds a CHECK to a domain that is not put yet.
func (r *run) addDomainCheck(t *catalog.UserType, k *pg.Constraint) error {
	text, err := parser.ExprText(k.RawExpr)
	if err != nil {
		return err
	}
	if r.env.CheckDomain != nil {
		if err := r.env.CheckDomain(r.ctx, text, t.Base); err != nil {
			return err
		}
	}
	name := k.Conname
	taken := func(name string) bool {
		return slices.ContainsFunc(t.Checks, func(c catalog.DomainCheck) bool { return c.Name == name })
	}
	if name == "" {
		base := t.Name + "_check"
		name = base
		for i := 1; taken(name); i++ {
			name = base + strconv.Itoa(i)
		}
	} else if taken(name) {
		return pgerror.Newf(pgerror.DuplicateObject, `constraint "%s" for domain "%s" already exists`, name, t.Name)
	}
	t.Checks = append(t.Checks, catalog.DomainCheck{OID: r.tx.NewOID(), Name: name, SQL: text})
	return nil
}

func (r *run) alterDomain(s *pg.AlterDomainStmt) error {
	t, err := r.ownType(parser.Strings(s.TypeName))
	if err != nil {
		return err
	}
	if t.Kind != types.DomainKind {
		return pgerror.Newf(pgerror.WrongObjectType, "%s is not a domain", t.Name)
	}
	t = t.Clone()
	switch s.Subtype {
	case "T": // SET or DROP DEFAULT
		t.Default = ""
		if s.Def != nil {
			if t.Default, err = r.defaultOf(s.Def, t.Name, t.Base); err != nil {
				return err
			}
		}
	case "N":
		t.NotNull = false
	case "O", "C":
		if err := r.unstored(t); err != nil {
			return err
		}
		if s.Subtype == "O" {
			t.NotNull = true
			break
		}
		k := s.Def.GetConstraint()
		switch k.GetContype() {
		case pg.ConstrType_CONSTR_CHECK:
			err = r.addDomainCheck(t, k)
		case pg.ConstrType_CONSTR_NOTNULL:
			t.NotNull = true
		default:
			err = pgerror.NotSupported("this constraint of a domain is not supported")
		}
		if err != nil {
			return err
		}
	case "X":
		n := len(t.Checks)
		t.Checks = slices.DeleteFunc(t.Checks, func(c catalog.DomainCheck) bool { return c.Name == s.Name })
		if len(t.Checks) == n {
			if !s.MissingOk {
				return pgerror.Newf(pgerror.UndefinedObject, `constraint "%s" of domain "%s" does not exist`, s.Name, t.Name)
			}
			r.notice(pgerror.SuccessfulCompletion, `constraint "%s" of domain "%s" does not exist, skipping`, s.Name, t.Name)
		}
	case "V":
		if !slices.ContainsFunc(t.Checks, func(c catalog.DomainCheck) bool { return c.Name == s.Name }) {
			return pgerror.Newf(pgerror.UndefinedObject, `constraint "%s" of domain "%s" does not exist`, s.Name, t.Name)
		}
	}
	return r.tx.Put(t)
}

// unstored refuses a stricter domain while rows of local tables might break it.
func (r *run) unstored(t *catalog.UserType) error {
	for _, rel := range r.snap().Relations() {
		if rel.Kind != catalog.Table || !usesType(rel, t.OID) {
			continue
		}
		if err := r.env.Rows.Lock(r.ctx, rel.OID); err != nil {
			return err
		}
		if n, err := r.env.Rows.Count(r.ctx, rel, ""); err != nil {
			return err
		} else if n > 0 {
			return pgerror.NotSupported(`constraints cannot be added to a domain while table "%s" has rows of it`, rel.Name)
		}
	}
	return nil
}
