package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// typesQuery describes types and everything that they are made of.
const typesQuery = `WITH RECURSIVE need AS (
  SELECT t.oid FROM pg_type t WHERE t.oid = ANY ($1::oid[])
  UNION
  SELECT x.oid FROM need n JOIN pg_type t ON t.oid = n.oid CROSS JOIN LATERAL (
    SELECT t.typbasetype UNION ALL SELECT t.typelem UNION ALL
    SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) x(oid)
  WHERE x.oid <> 0)
SELECT t.oid, n.nspname, t.typname, t.typtype, CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END, t.typbasetype, t.typtypmod, t.typnotnull,
  (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
  (SELECT json_agg(json_build_array(a.attname, a.atttypid::text, a.atttypmod::text) ORDER BY a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
   WHERE t.typtype = 'c' AND c.relkind = 'c' AND c.oid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT json_agg(json_build_array(k.conname, pg_get_expr(k.conbin, 0)) ORDER BY k.conname) FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'),
  t.typdefault
FROM need JOIN pg_type t ON t.oid = need.oid JOIN pg_namespace n ON n.oid = t.typnamespace`

// remoteType is a row of typesQuery.
type remoteType struct {
	oid          types.OID
	schema, name string
	kind         byte
	elem, base   types.OID
	mod          int32
	notNull      bool
	labels       []string
	columns      [][3]string
	checks       [][2]string
	preset       string
}

// userTypes describes the types in ids, which are the columns' own, and adds to
// the columns those that users have made.
func (s *source) userTypes(ctx context.Context, columns []column, ids []types.OID) error {
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		if id >= firstNormal {
			list = append(list, strconv.Itoa(int(id)))
		}
	}
	if len(list) == 0 {
		return nil
	}
	rows, err := s.rows(ctx, typesQuery, "{"+strings.Join(list, ",")+"}")
	if err != nil {
		return err
	}
	known := make(map[types.OID]*remoteType, len(rows))
	for _, r := range rows {
		t, err := readType(r)
		if err != nil {
			return pgerror.Source(s.name, pgerror.FDWError, "the description of a type cannot be read", err)
		}
		known[t.oid] = t
	}
	for i := range columns {
		c := &columns[i]
		if ids[i] < firstNormal {
			continue
		}
		if u, array := userType(known, ids[i], 0); u != nil {
			c.User, c.Array = u, array
		}
	}
	return nil
}

// firstNormal is the first OID of what users have made.
const firstNormal types.OID = 16384

// sameEnum reports whether a column of an enum type has at the source a type with
// the same labels in the same order, so that the source compares as HubSQL does.
func sameEnum(remote column, want connector.Column) bool {
	return want.Type.OID.IsEnum() && want.User != nil && remote.User != nil && !remote.Array &&
		remote.User.Kind == types.EnumKind && slices.Equal(remote.User.Labels, want.User.Labels)
}

// maxNesting bounds how deep types may be made of each other.
const maxNesting = 32

// readType reads a row of typesQuery.
func readType(r [][]byte) (*remoteType, error) {
	number := func(b []byte) int64 {
		n, _ := strconv.ParseInt(string(b), 10, 64)
		return n
	}
	t := &remoteType{
		oid: types.OID(number(r[0])), schema: string(r[1]), name: string(r[2]), kind: r[3][0], elem: types.OID(number(r[4])), base: types.OID(number(r[5])),
		mod: int32(number(r[6])), notNull: string(r[7]) == "t", preset: string(r[11]),
	}
	for i, into := range []any{&t.labels, &t.columns, &t.checks} {
		if r[8+i] == nil {
			continue
		}
		if err := json.Unmarshal(r[8+i], into); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// userType describes a type that users have made, nil when it is another or of
// a kind that has no counterpart (a range, the row type of a table).
func userType(known map[types.OID]*remoteType, id types.OID, depth int) (u *connector.UserType, array bool) {
	t := known[id]
	if t == nil || depth > maxNesting {
		return nil, false
	}
	if t.elem != 0 {
		u, nested := userType(known, t.elem, depth+1)
		return u, u != nil && !nested
	}
	u = &connector.UserType{Schema: t.schema, Name: t.name}
	part := func(id types.OID, mod int32) (connector.Column, bool) {
		c := connector.Column{Type: types.Type{OID: id, Mod: mod}}
		if id < firstNormal {
			return c, types.HasInput(c.Type)
		}
		c.User, c.Array = userType(known, id, depth+1)
		return c, c.User != nil
	}
	switch t.kind {
	case 'e':
		u.Kind, u.Labels = types.EnumKind, t.labels
	case 'd':
		base, ok := part(t.base, t.mod)
		if !ok {
			return nil, false
		}
		u.Kind, u.Base, u.NotNull, u.Default = types.DomainKind, base, t.notNull, t.preset
		for _, k := range t.checks {
			u.Checks = append(u.Checks, connector.DomainCheck{Name: k[0], SQL: k[1]})
		}
	case 'c':
		if t.columns == nil {
			return nil, false
		}
		u.Kind = types.CompositeKind
		for _, a := range t.columns {
			id, _ := strconv.ParseUint(a[1], 10, 32)
			mod, _ := strconv.ParseInt(a[2], 10, 32)
			c, ok := part(types.OID(id), int32(mod))
			if !ok {
				return nil, false
			}
			c.Name = a[0]
			u.Columns = append(u.Columns, c)
		}
	default:
		return nil, false
	}
	return u, false
}
