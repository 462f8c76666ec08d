package ddl

import (
	"slices"
	"strconv"
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/parser"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// condition turns the USING clause of a row policy into checked text.
func (r *run) condition(rel *catalog.Relation, name string, n *pg.Node) (string, error) {
	if n == nil {
		return "", nil
	}
	text, err := parser.ExprText(n)
	if err != nil {
		return "", err
	}
	e := policy.Expr{SQL: text, Owner: rel.Owner, SearchPath: r.env.SearchPath, Policy: name}
	if err := r.env.CheckPolicy(r.ctx, rel, e); err != nil {
		// The text was printed again: positions in it mean nothing to the client.
		p := *pgerror.From(err)
		p.Position = 0
		return "", &p
	}
	return text, nil
}

func (r *run) createPolicy(s *pg.CreatePolicyStmt) error {
	rel, err := r.ownRelation(s.Table)
	if err != nil {
		return err
	}
	if rel.Kind == catalog.View {
		return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a table`, rel.Name)
	}
	if _, ok := r.snap().RowPolicy(rel.OID, s.PolicyName); ok {
		return pgerror.Newf(pgerror.DuplicateObject, `policy "%s" for table "%s" already exists`, s.PolicyName, rel.Name)
	}
	p := &catalog.RowPolicy{OID: r.tx.NewOID(), Name: s.PolicyName, Relation: rel.OID, Permissive: s.Permissive, SearchPath: r.env.SearchPath}
	switch s.CmdName {
	case "all":
		p.Command = '*'
	case "select":
		p.Command = 'r'
	default:
		return pgerror.NotSupported("policies FOR %s are not supported", strings.ToUpper(s.CmdName))
	}
	if s.WithCheck != nil {
		if p.Command == 'r' {
			return pgerror.New(pgerror.SyntaxError, "WITH CHECK cannot be applied to SELECT or DELETE")
		}
		if p.Check, err = r.condition(rel, p.Name, s.WithCheck); err != nil {
			return err
		}
	}
	if p.Roles, err = r.rolesOrPublic(s.Roles); err != nil {
		return err
	}
	if p.Using, err = r.condition(rel, p.Name, s.Qual); err != nil {
		return err
	}
	return r.tx.Put(p)
}

func (r *run) alterPolicy(s *pg.AlterPolicyStmt) error {
	rel, err := r.ownRelation(s.Table)
	if err != nil {
		return err
	}
	old, ok := r.snap().RowPolicy(rel.OID, s.PolicyName)
	if !ok {
		return noPolicy("policy", s.PolicyName, rel)
	}
	p := old.Clone()
	if s.WithCheck != nil {
		if p.Command == 'r' {
			return pgerror.New(pgerror.SyntaxError, "only USING expression allowed for SELECT, DELETE")
		}
		if p.Check, err = r.condition(rel, p.Name, s.WithCheck); err != nil {
			return err
		}
	}
	if len(s.Roles) > 0 {
		if p.Roles, err = r.rolesOrPublic(s.Roles); err != nil {
			return err
		}
	}
	if s.Qual != nil {
		if p.Using, err = r.condition(rel, p.Name, s.Qual); err != nil {
			return err
		}
		p.SearchPath = r.env.SearchPath
	}
	return r.tx.Put(p)
}

func noPolicy(kind, name string, rel *catalog.Relation) *pgerror.Error {
	return pgerror.Newf(pgerror.UndefinedObject, `%s "%s" for table "%s" does not exist`, kind, name, rel.Name)
}

// ownVar is the name of a table in HubSQL's own statements.
func ownVar(n parser.Name) *pg.RangeVar {
	return &pg.RangeVar{Catalogname: n.Catalog, Schemaname: n.Schema, Relname: n.Name, Location: int32(n.Location)}
}

func (r *run) createMaskingPolicy(s *parser.CreateMaskingPolicy) error {
	rel, err := r.ownRelation(ownVar(s.Table))
	if err != nil {
		return err
	}
	if rel.Kind != catalog.ForeignTable && rel.Kind != catalog.Table {
		return pgerror.Newf(pgerror.WrongObjectType, `"%s" is not a table`, rel.Name).
			WithDetail("A view shows what the policies of its tables leave.").WithHint("Make the masking policy on the tables that the view reads.")
	}
	col, err := column(rel, s.Column)
	if err != nil {
		return r.at(pgerror.From(err), int32(s.ColumnLocation))
	}
	old, taken := r.snap().MaskingPolicy(rel.OID, s.Name)
	if taken && !s.OrReplace {
		if s.IfNotExists {
			r.notice(pgerror.DuplicateObject, `masking policy "%s" for table "%s" already exists, skipping`, s.Name, rel.Name)
			return nil
		}
		return pgerror.Newf(pgerror.DuplicateObject, `masking policy "%s" for table "%s" already exists`, s.Name, rel.Name)
	}
	p := &catalog.MaskingPolicy{
		OID: r.tx.NewOID(), Name: s.Name, Relation: rel.OID, Column: col.AttNum, Using: s.Using, SearchPath: r.env.SearchPath,
		Priority: s.Priority, Owner: rel.Owner, Created: time.Now().UTC(),
	}
	if taken {
		p.OID = old.OID
	}
	if p.To, err = r.roles(s.To); err != nil {
		return err
	}
	if p.Except, err = r.roles(s.Except); err != nil {
		return err
	}
	e := policy.Expr{SQL: s.Using, Owner: p.Owner, SearchPath: p.SearchPath, Policy: p.Name}
	if err := r.env.CheckMask(r.ctx, rel, col, e); err != nil {
		return r.within(err, s.UsingLocation)
	}
	if err := r.checkTie(rel, p); err != nil {
		return err
	}
	return r.tx.Put(p)
}

// checkTie refuses a policy of the same priority as another one on the same
// column of the same object when there is a role that both apply to.
func (r *run) checkTie(rel *catalog.Relation, p *catalog.MaskingPolicy) error {
	snap := r.snap()
	tables := snap.SameSource(rel)
	if len(tables) == 0 {
		tables = []*catalog.Relation{rel}
	}
	for _, t := range tables {
		columns, _ := snap.MatchColumns(rel, t)
		there, ok := columns[p.Column]
		if !ok {
			continue
		}
		for _, o := range snap.MaskingPolicies(t.OID) {
			if o.OID == p.OID || o.Column != there || o.Priority != p.Priority {
				continue
			}
			if who, both := overlap(snap, o, p); both {
				return pgerror.Newf(pgerror.InvalidObjectDefinition, `masking policy "%s" on the same column has the same priority %d`, o.Name, o.Priority).
					WithDetail("Both apply to %s.", who).WithHint("Give the policy another PRIORITY: the highest one wins.")
			}
		}
	}
	return nil
}

// overlap names a role that two policies both apply to. Besides the roles there
// are now it considers those that may be made later: two policies TO PUBLIC
// always overlap.
func overlap(snap *catalog.Snapshot, a, b *catalog.MaskingPolicy) (string, bool) {
	if slices.Contains(a.To, catalog.PublicRole) && slices.Contains(b.To, catalog.PublicRole) {
		return "PUBLIC", true
	}
	reaches := func(p *catalog.MaskingPolicy, set catalog.RoleSet) bool {
		has := func(list []types.OID) bool {
			return slices.ContainsFunc(list, func(o types.OID) bool { return o == catalog.PublicRole || set.Has(o) })
		}
		return has(p.To) && !has(p.Except)
	}
	for _, role := range snap.Roles() {
		set := snap.EffectiveRoles(role.OID)
		if reaches(a, set) && reaches(b, set) {
			return `role "` + role.Name + `"`, true
		}
	}
	return "", false
}

func (r *run) dropMaskingPolicy(s *parser.DropMaskingPolicy) error {
	var found []*catalog.MaskingPolicy
	where := ""
	if s.Table != nil {
		rel, err := r.find(ownVar(*s.Table))
		if err != nil {
			return err
		}
		if rel == nil {
			e := undefinedRelation(ownVar(*s.Table))
			if s.IfExists {
				r.notice(pgerror.SuccessfulCompletion, "%s, skipping", e.Message)
				return nil
			}
			return r.at(e, int32(s.Table.Location))
		}
		where = ` for table "` + rel.Name + `"`
		if p, ok := r.snap().MaskingPolicy(rel.OID, s.Name); ok {
			found = append(found, p)
		}
	} else {
		for _, p := range r.snap().AllMaskingPolicies() {
			if p.Name == s.Name {
				found = append(found, p)
			}
		}
	}
	switch {
	case len(found) == 0 && s.IfExists:
		r.notice(pgerror.SuccessfulCompletion, `masking policy "%s"%s does not exist, skipping`, s.Name, where)
		return nil
	case len(found) == 0:
		return r.at(pgerror.Newf(pgerror.UndefinedObject, `masking policy "%s"%s does not exist`, s.Name, where), int32(s.NameLocation))
	case len(found) > 1:
		return r.at(pgerror.Newf(pgerror.AmbiguousAlias, `masking policy name "%s" is ambiguous`, s.Name).
			WithHint("Several tables have a masking policy of that name: add ON table."), int32(s.NameLocation))
	}
	rel, ok := r.snap().RelationByOID(found[0].Relation)
	if !ok || !r.owns(rel.Owner) {
		return mustBeOwner("table of masking policy", s.Name)
	}
	r.remove(found[0].OID)
	return nil
}

// showMaskingPolicies lists the policies of the tables that the current role
// owns; their expressions are nobody else's business.
func (r *run) showMaskingPolicies(s *parser.ShowMaskingPolicies) error {
	r.result.Columns = maskingPolicyColumns()
	var only *catalog.Relation
	if s.Table != nil {
		var err error
		if only, err = r.ownRelation(ownVar(*s.Table)); err != nil {
			return err
		}
	}
	snap := r.snap()
	roles := func(list []types.OID) types.Datum {
		var out []string
		for _, o := range list {
			out = append(out, snap.RoleName(o))
		}
		return types.TextDatum(strings.Join(out, ", "))
	}
	type row struct {
		rel *catalog.Relation
		p   *catalog.MaskingPolicy
	}
	var rows []row
	for _, p := range snap.AllMaskingPolicies() {
		rel, ok := snap.RelationByOID(p.Relation)
		if ok && (only == nil || only.OID == rel.OID) && r.owns(rel.Owner) {
			rows = append(rows, row{rel, p})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return strings.Compare(a.rel.Schema+"\x00"+a.rel.Name+"\x00"+a.p.Name, b.rel.Schema+"\x00"+b.rel.Name+"\x00"+b.p.Name)
	})
	for _, x := range rows {
		name := ""
		if c, ok := x.rel.ColumnByNumber(x.p.Column); ok {
			name = c.Name
		}
		r.result.Rows = append(r.result.Rows, []types.Datum{
			types.TextDatum(x.p.Name), types.TextDatum(x.rel.Schema), types.TextDatum(x.rel.Name), types.TextDatum(name),
			roles(x.p.To), roles(x.p.Except), types.TextDatum(x.p.Using), types.IntDatum(int64(x.p.Priority)),
		})
	}
	return nil
}
