package ddl

import (
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// invalidGrant is SQLSTATE 0LP01.
const invalidGrant pgerror.Code = "0LP01"

func insufficient(format string, args ...any) *pgerror.Error {
	return pgerror.Newf(pgerror.InsufficientPrivilege, format, args...)
}

// roleChange is what the options of CREATE or ALTER ROLE ask for.
type roleChange struct {
	inRoles, members, admins []*pg.Node
	// elevated names the attribute that only a superuser may give, "" for none.
	elevated string
	// onlyPassword is false when anything but the password is changed.
	onlyPassword bool
}

// attributes applies options to a role that may be changed.
func (r *run) attributes(o *catalog.Role, options []*pg.Node) (roleChange, error) {
	c := roleChange{onlyPassword: true}
	seen := map[string]bool{}
	for _, n := range options {
		d := n.GetDefElem()
		name := d.GetDefname()
		if seen[name] {
			return c, r.at(pgerror.New(pgerror.SyntaxError, "conflicting or redundant options"), d.GetLocation())
		}
		seen[name] = true
		on := d.GetArg().GetBoolean().GetBoolval()
		if name != "password" {
			c.onlyPassword = false
		}
		switch name {
		case "password":
			o.Verifier = catalog.Secret{}
			if d.GetArg() == nil {
				continue
			}
			text := d.GetArg().GetString_().GetSval()
			if text == "" {
				r.notice(pgerror.WarningCode, "empty string is not a valid password, clearing password")
				continue
			}
			v, err := catalog.NewVerifier(text)
			if err != nil {
				return c, err
			}
			if o.Verifier, err = r.tx.SealVerifier(o.OID, v); err != nil {
				return c, err
			}
		case "superuser":
			if o.Super != on {
				c.elevated = "superuser"
			}
			o.Super = on
		case "isreplication":
			if o.Replication != on {
				c.elevated = "replication"
			}
			o.Replication = on
		case "bypassrls":
			if o.BypassRLS != on {
				c.elevated = "bypassrls"
			}
			o.BypassRLS = on
		case "inherit":
			o.Inherit = on
		case "createrole":
			o.CreateRole = on
		case "createdb":
			o.CreateDB = on
		case "canlogin":
			o.CanLogin = on
		case "connectionlimit":
			n := d.GetArg().GetInteger().GetIval()
			if n < -1 {
				return c, pgerror.Newf(pgerror.InvalidParameterValue, "invalid connection limit: %d", n)
			}
			o.ConnLimit = n
		case "validUntil":
			t, err := validUntil(d.GetArg().GetString_().GetSval())
			if err != nil {
				return c, err
			}
			o.ValidUntil = t
		case "addroleto":
			c.inRoles = d.GetArg().GetList().GetItems()
		case "rolemembers":
			c.members = d.GetArg().GetList().GetItems()
		case "adminmembers":
			c.admins = d.GetArg().GetList().GetItems()
		case "sysid":
			r.notice(pgerror.WarningCode, "SYSID can no longer be specified")
		default:
			return c, pgerror.NotSupported(`role option "%s" is not supported`, name)
		}
	}
	return c, nil
}

// validUntil reads the usual forms of a timestamp; "infinity" is never.
func validUntil(s string) (time.Time, error) {
	if strings.EqualFold(strings.TrimSpace(s), "infinity") {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05", "2006-01-02 15:04", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, pgerror.Newf(pgerror.InvalidDatetimeFormat, `invalid input syntax for type timestamp with time zone: "%s"`, s)
}

func (r *run) createRole(s *pg.CreateRoleStmt) error {
	if !r.super() && !r.role.CreateRole {
		return insufficient("permission denied to create role")
	}
	if err := reserved(s.Role); err != nil {
		return err
	}
	if _, ok := r.snap().Role(s.Role); ok {
		return exists("role", s.Role)
	}
	o := &catalog.Role{OID: r.tx.NewOID(), Name: s.Role, Inherit: true, ConnLimit: -1, CanLogin: s.StmtType == pg.RoleStmtType_ROLESTMT_USER}
	c, err := r.attributes(o, s.Options)
	if err != nil {
		return err
	}
	if c.elevated != "" && !r.super() {
		return insufficient("must be superuser to create %s", map[string]string{
			"superuser": "superusers", "replication": "replication users", "bypassrls": "bypassrls users",
		}[c.elevated])
	}
	if err := r.tx.Put(o); err != nil {
		return err
	}
	for _, n := range c.inRoles {
		g, err := r.roleSpec(n.GetRoleSpec())
		if err != nil {
			return err
		}
		if err := r.addMember(g, o, false); err != nil {
			return err
		}
	}
	for i, list := range [][]*pg.Node{c.members, c.admins} {
		for _, n := range list {
			m, err := r.roleSpec(n.GetRoleSpec())
			if err != nil {
				return err
			}
			if err := r.putMember(o, m, i == 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) alterRole(s *pg.AlterRoleStmt) error {
	old, err := r.roleSpec(s.Role)
	if err != nil {
		return err
	}
	if err := systemRole(old); err != nil {
		return err
	}
	o := old.Clone()
	c, err := r.attributes(o, s.Options)
	if err != nil {
		return err
	}
	if len(c.members) > 0 { // ALTER GROUP ... ADD|DROP USER
		for _, n := range c.members {
			m, err := r.roleSpec(n.GetRoleSpec())
			if err == nil && s.Action > 0 {
				err = r.addMember(old, m, false)
			} else if err == nil {
				err = r.dropMember(old, m, false)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if !r.super() {
		switch {
		case old.Super || c.elevated == "superuser":
			return insufficient("must be superuser to alter superuser roles or change superuser attribute")
		case old.Replication || c.elevated == "replication":
			return insufficient("must be superuser to alter replication roles or change replication attribute")
		case c.elevated == "bypassrls":
			return insufficient("must be superuser to change bypassrls attribute")
		case !r.role.CreateRole && !(c.onlyPassword && old.OID == r.role.OID):
			return insufficient("permission denied")
		}
	}
	if old.OID == catalog.Bootstrap && !o.Super {
		return pgerror.New(pgerror.FeatureNotSupported, "the bootstrap user must have the SUPERUSER attribute")
	}
	return r.tx.Put(o)
}

// systemRole refuses changes of PostgreSQL's predefined roles.
func systemRole(o *catalog.Role) error {
	if o.Predefined() {
		return pgerror.Newf(pgerror.ReservedName, `role name "%s" is reserved`, o.Name).WithDetail("Cannot alter reserved roles.")
	}
	return nil
}

func (r *run) alterRoleSet(s *pg.AlterRoleSetStmt) error {
	if s.Role == nil {
		return pgerror.NotSupported("ALTER ROLE ALL is not supported")
	}
	if s.Database != "" {
		return pgerror.NotSupported("ALTER ROLE ... IN DATABASE is not supported")
	}
	old, err := r.roleSpec(s.Role)
	if err != nil {
		return err
	}
	if err := systemRole(old); err != nil {
		return err
	}
	if !r.super() && old.OID != r.role.OID && (!r.role.CreateRole || old.Super) {
		return insufficient("permission denied")
	}
	o := old.Clone()
	set := s.Setstmt
	name := strings.ToLower(set.GetName())
	keep := o.Settings[:0]
	for _, x := range o.Settings {
		// The mark of the bootstrap role is not a setting anybody may change.
		if x.Name != name && set.GetKind() != pg.VariableSetKind_VAR_RESET_ALL || strings.HasPrefix(x.Name, "hub.bootstrap") {
			keep = append(keep, x)
		}
	}
	o.Settings = keep
	switch set.GetKind() {
	case pg.VariableSetKind_VAR_SET_VALUE:
		if strings.HasPrefix(name, "hub.bootstrap") {
			return pgerror.Newf(pgerror.CantChangeRuntimeParam, `parameter "%s" cannot be changed`, name)
		}
		value := settingText(set.GetArgs())
		if r.env.CheckSetting != nil {
			if err := r.env.CheckSetting(name, value); err != nil {
				return err
			}
		}
		o.Settings = append(o.Settings, catalog.Setting{Name: name, Value: value})
	case pg.VariableSetKind_VAR_RESET, pg.VariableSetKind_VAR_RESET_ALL, pg.VariableSetKind_VAR_SET_DEFAULT:
	default:
		return pgerror.NotSupported("this form of ALTER ROLE ... SET is not supported")
	}
	return r.tx.Put(o)
}

// settingText is the value of SET as text; lists are joined by commas.
func settingText(args []*pg.Node) string {
	var out []string
	for _, n := range args {
		c := n.GetAConst()
		if t := n.GetTypeCast(); t != nil {
			c = t.GetArg().GetAConst()
		}
		switch v := c.GetVal().(type) {
		case *pg.A_Const_Sval:
			out = append(out, v.Sval.Sval)
		case *pg.A_Const_Fval:
			out = append(out, v.Fval.Fval)
		case *pg.A_Const_Boolval:
			out = append(out, word(v.Boolval.Boolval, "on", "off"))
		case *pg.A_Const_Ival:
			out = append(out, itoa(int64(v.Ival.Ival)))
		}
	}
	return strings.Join(out, ", ")
}

func (r *run) dropRole(s *pg.DropRoleStmt) error {
	if !r.super() && !r.role.CreateRole {
		return insufficient("permission denied to drop role")
	}
	for _, n := range s.Roles {
		spec := n.GetRoleSpec()
		if spec.GetRoletype() != pg.RoleSpecType_ROLESPEC_CSTRING {
			return pgerror.New(pgerror.InvalidParameterValue, "cannot use special role specifier in DROP ROLE")
		}
		o, ok := r.snap().Role(spec.GetRolename())
		if !ok {
			if !s.MissingOk {
				return missing("role", spec.GetRolename())
			}
			r.notice(pgerror.SuccessfulCompletion, `role "%s" does not exist, skipping`, spec.GetRolename())
			continue
		}
		switch {
		case o.OID == r.role.OID:
			return pgerror.New(pgerror.ObjectInUse, "current user cannot be dropped")
		case o.Name == r.env.Session.SessionUser:
			return pgerror.New(pgerror.ObjectInUse, "session user cannot be dropped")
		case o.Super && !r.super():
			return insufficient("must be superuser to drop superusers")
		case o.OID < catalog.FirstNormal:
			return pgerror.Newf(pgerror.DependentObjectsStillExist, "cannot drop role %s because it is required by the database system", o.Name)
		}
		if uses := r.usesOf(o.OID); len(uses) > 0 {
			return pgerror.Newf(pgerror.DependentObjectsStillExist, `role "%s" cannot be dropped because some objects depend on it`, o.Name).
				WithDetail("%s", strings.Join(uses, "\n"))
		}
		snap := r.snap()
		for _, m := range snap.Memberships() {
			if m.Role == o.OID || m.Member == o.OID {
				r.tx.Remove(m.OID)
			}
		}
		r.remove(o.OID)
	}
	return nil
}

func (r *run) grantRole(s *pg.GrantRoleStmt) error {
	admin := false
	for _, n := range s.Opt {
		d := n.GetDefElem()
		if d.GetDefname() != "admin" {
			return pgerror.NotSupported(`grant option "%s" is not supported`, strings.ToUpper(d.GetDefname()))
		}
		admin = d.GetArg() == nil || d.GetArg().GetBoolean().GetBoolval()
	}
	for _, gn := range s.GrantedRoles {
		p := gn.GetAccessPriv()
		if len(p.GetCols()) > 0 {
			return pgerror.New(invalidGrant, "column names cannot be included in GRANT/REVOKE ROLE")
		}
		g, ok := r.snap().Role(p.GetPrivName())
		if !ok {
			e := missing("role", p.GetPrivName())
			if _, isPriv := catalog.PrivilegeByName(p.GetPrivName()); isPriv {
				e.Hint = "A privilege is granted with ON: GRANT " + strings.ToUpper(p.GetPrivName()) + " ON ... TO ..."
			}
			return e
		}
		for _, mn := range s.GranteeRoles {
			m, err := r.roleSpec(mn.GetRoleSpec())
			if err != nil {
				return err
			}
			if s.IsGrant {
				err = r.addMember(g, m, admin)
			} else {
				err = r.dropMember(g, m, admin)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// mayAdmin checks the right to change the members of a role.
func (r *run) mayAdmin(g *catalog.Role) error {
	switch {
	case r.super():
		return nil
	case g.Super:
		return insufficient("must be superuser to alter superusers")
	case g.OID == catalog.RoleDatabaseOwner:
		return pgerror.Newf(invalidGrant, `role "%s" cannot have explicit members`, g.Name)
	case r.role.CreateRole && !g.Predefined(), r.snap().IsAdminOf(r.role.OID, g.OID):
		return nil
	}
	return insufficient(`must have admin option on role "%s"`, g.Name)
}

func (r *run) addMember(g, m *catalog.Role, admin bool) error {
	if err := r.mayAdmin(g); err != nil {
		return err
	}
	return r.putMember(g, m, admin)
}

func (r *run) putMember(g, m *catalog.Role, admin bool) error {
	if g.OID == m.OID || r.snap().IsMemberNoSuper(g.OID, m.OID) {
		return pgerror.Newf(invalidGrant, `role "%s" is a member of role "%s"`, g.Name, m.Name)
	}
	if g.OID == catalog.RoleDatabaseOwner {
		return pgerror.Newf(invalidGrant, `role "%s" cannot have explicit members`, g.Name)
	}
	if old, ok := r.snap().Membership(g.OID, m.OID); ok {
		if old.Admin || !admin {
			r.notice(pgerror.WarningCode, `role "%s" is already a member of role "%s"`, m.Name, g.Name)
			return nil
		}
		n := old.Clone()
		n.Admin = true
		return r.tx.Put(n)
	}
	return r.tx.Put(&catalog.Membership{OID: r.tx.NewOID(), Role: g.OID, Member: m.OID, Grantor: r.role.OID, Admin: admin})
}

// dropMember takes a membership away, or its admin option only.
func (r *run) dropMember(g, m *catalog.Role, optionOnly bool) error {
	if err := r.mayAdmin(g); err != nil {
		return err
	}
	old, ok := r.snap().Membership(g.OID, m.OID)
	if !ok {
		r.warning(pgerror.WarningCode, `role "%s" is not a member of role "%s"`, m.Name, g.Name)
		return nil
	}
	if optionOnly {
		n := old.Clone()
		n.Admin = false
		return r.tx.Put(n)
	}
	r.tx.Remove(old.OID)
	return nil
}

// roles resolves the role specifications of HubSQL's own statements.
func (r *run) roles(list []parser.Role) ([]types.OID, error) {
	var out []types.OID
	for _, x := range list {
		switch x.Kind {
		case parser.Public:
			out = append(out, catalog.PublicRole)
			continue
		case parser.CurrentUser:
			out = append(out, r.role.OID)
			continue
		case parser.SessionUser:
			x.Name = r.env.Session.SessionUser
		}
		o, err := r.roleByName(x.Name)
		if err != nil {
			return nil, r.at(pgerror.From(err), int32(x.Location))
		}
		out = append(out, o.OID)
	}
	return out, nil
}
