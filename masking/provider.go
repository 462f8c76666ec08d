// Package masking decides which policies of the catalog apply to a role, and
// holds the mask functions.
package masking

import (
	"context"
	"slices"
	"strings"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/planner/policy"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Provider resolves the policies that a catalog snapshot holds. Policies belong
// to the object at the source: those of every foreign table over the same
// object apply, however it is addressed.
type Provider struct{}

// ForTable implements policy.Provider.
func (Provider) ForTable(ctx context.Context, p policy.Principal, rel *catalog.Relation) (policy.TablePolicy, error) {
	if err := ctx.Err(); err != nil {
		return policy.TablePolicy{}, err
	}
	if p.Snapshot == nil {
		return policy.TablePolicy{}, pgerror.New(pgerror.InternalError, "policies were asked for without a catalog")
	}
	if _, ok := p.Snapshot.RoleByOID(p.Role); !ok {
		return policy.TablePolicy{}, pgerror.Newf(pgerror.UndefinedObject, "role with OID %d does not exist", p.Role)
	}
	r := resolver{snap: p.Snapshot, role: p.Role, set: p.Snapshot.EffectiveRoles(p.Role), rel: rel}
	out := policy.TablePolicy{Version: p.Snapshot.Version()}
	tables := p.Snapshot.SameSource(rel)
	if len(tables) == 0 && !rel.Live() {
		tables = []*catalog.Relation{rel}
	}
	best := map[string]*catalog.MaskingPolicy{}
	for _, t := range tables {
		for _, f := range []struct {
			into *[]policy.Filter
			use  policyUse
		}{{&out.RowFilters, reading}, {&out.Writable, changing}, {&out.Checks, writing}} {
			filters, err := r.rowFilters(t, f.use)
			if err != nil {
				return policy.TablePolicy{}, err
			}
			*f.into = append(*f.into, filters...)
		}
		if err := r.masks(t, best, &out); err != nil {
			return policy.TablePolicy{}, err
		}
	}
	return out, nil
}

// resolver resolves the policies for one role and one relation.
type resolver struct {
	snap *catalog.Snapshot
	role types.OID
	set  catalog.RoleSet
	rel  *catalog.Relation
}

// names returns the renaming from columns of t to columns of the relation asked
// for, nil when they are the same relation.
func (r *resolver) names(t *catalog.Relation) (map[string]string, error) {
	if t.OID == r.rel.OID {
		return nil, nil
	}
	columns, exact := r.snap.MatchColumns(r.rel, t)
	if !exact {
		return nil, pgerror.Newf(pgerror.InsufficientPrivilege, "permission denied for %s %s", r.rel.Kind, r.rel.Name).
			WithDetail("Policies of another foreign table govern the same file, and this table's definition reads it differently.").
			WithHint("Use the foreign table that carries the policies.")
	}
	out := map[string]string{}
	for here, there := range columns {
		a, ok1 := r.rel.ColumnByNumber(here)
		b, ok2 := t.ColumnByNumber(there)
		if ok1 && ok2 {
			out[b.Name] = a.Name
		}
	}
	return out, nil
}

// policyUse is what row policies are asked for.
type policyUse uint8

const (
	reading  policyUse = iota // which rows are visible
	changing                  // which of them may be changed or deleted
	writing                   // which rows may be written
)

// rowFilters returns the filters of one table's row policies, by PostgreSQL's
// rules: superusers and roles with BYPASSRLS are exempt, the table's owner is
// unless row security is forced; permissive policies are joined by OR, each
// restrictive one must hold; without a permissive policy there are no rows.
func (r *resolver) rowFilters(t *catalog.Relation, use policyUse) ([]policy.Filter, error) {
	if !t.RowSecurity || r.set.Bypass || (r.set.Has(t.Owner) && !t.ForceRowSecurity) {
		return nil, nil
	}
	names, err := r.names(t)
	if err != nil {
		return nil, err
	}
	permissive := policy.Filter{}
	var out []policy.Filter
	for _, p := range r.snap.RowPolicies(t.OID) {
		if p.Command != '*' && (p.Command != 'r' || use != reading) || !r.among(p.Roles) {
			continue
		}
		e := policy.Expr{SQL: p.Using, Owner: t.Owner, SearchPath: p.SearchPath, Columns: names, Policy: p.Name}
		if use == writing && p.Check != "" {
			e.SQL = p.Check
		}
		if e.SQL == "" {
			e.SQL = "true"
		}
		if p.Permissive {
			permissive.Any = append(permissive.Any, e)
		} else {
			out = append(out, policy.Filter{Any: []policy.Expr{e}})
		}
	}
	return append([]policy.Filter{permissive}, out...), nil
}

// among reports whether a list of roles names PUBLIC or an effective role.
func (r *resolver) among(roles []types.OID) bool {
	return slices.ContainsFunc(roles, func(o types.OID) bool { return o == catalog.PublicRole || r.set.Has(o) })
}

// Applies reports whether a masking policy of t masks for a role whose effective
// roles are set. TO PUBLIC leaves out superusers and the owner of the table; a
// role named in TO includes its members, but not superusers who are not really
// members. EXCEPT wins over TO.
func Applies(p *catalog.MaskingPolicy, t *catalog.Relation, set catalog.RoleSet) bool {
	to := false
	for _, o := range p.To {
		if o == catalog.PublicRole {
			to = to || !set.Super && !set.Has(t.Owner)
		} else {
			to = to || set.Has(o)
		}
	}
	return to && !slices.ContainsFunc(p.Except, func(o types.OID) bool { return o == catalog.PublicRole || set.Has(o) })
}

// masks adds the masks of one table's policies; best holds the winner so far
// for each column.
func (r *resolver) masks(t *catalog.Relation, best map[string]*catalog.MaskingPolicy, out *policy.TablePolicy) error {
	for _, p := range r.snap.MaskingPolicies(t.OID) {
		if !Applies(p, t, r.set) {
			continue
		}
		names, err := r.names(t)
		if err != nil {
			return err
		}
		c, ok := t.ColumnByNumber(p.Column)
		if !ok {
			return pgerror.Newf(pgerror.InternalError, "masking policy %q of table %q has lost its column", p.Name, t.Name)
		}
		column := c.Name
		if names != nil {
			if column, ok = names[c.Name]; !ok {
				continue // this relation does not show the column
			}
		}
		if strings.TrimSpace(p.Using) == "" {
			return pgerror.Newf(pgerror.InternalError, "masking policy %q of table %q has no expression", p.Name, t.Name)
		}
		if w, ok := best[column]; ok && !wins(p, w) {
			continue
		}
		best[column] = p
		if out.Masks == nil {
			out.Masks = map[string]policy.Expr{}
		}
		out.Masks[column] = policy.Expr{SQL: p.Using, Owner: p.Owner, SearchPath: p.SearchPath, Columns: names, Policy: p.Name}
	}
	return nil
}

// wins reports whether a goes before b on the same column: by priority, then by
// strictness (a tie that DDL could not foresee, by a new membership), then by
// age.
func wins(a, b *catalog.MaskingPolicy) bool {
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	if sa, sb := strictness(a.Using), strictness(b.Using); sa != sb {
		return sa > sb
	}
	return a.OID < b.OID
}

// strictness orders mask expressions by how much they hide: null, full, fixed,
// hash, partial, anything else. An expression that is not one plain call counts
// as anything else.
func strictness(using string) int {
	s := strings.ToLower(strings.TrimSpace(using))
	if s == "null" || strings.HasPrefix(s, "null::") {
		return 5
	}
	s = strings.TrimPrefix(s, "hub.")
	for i, name := range []string{"partial_mask", "hash_mask", "fixed_mask", "full_mask", "null_mask"} {
		rest, ok := strings.CutPrefix(s, name)
		rest = strings.TrimSpace(rest)
		if ok && strings.HasPrefix(rest, "(") && strings.HasSuffix(rest, ")") && strings.Count(rest, "(") == strings.Count(rest, ")") {
			if end := closing(rest); end == len(rest)-1 {
				return i + 1
			}
		}
	}
	return 0
}

// closing returns the index of the parenthesis that closes the first one, as far
// as can be told without a scanner: a quote makes it give up.
func closing(s string) int {
	depth := 0
	quoted := false
	for i, c := range s {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
