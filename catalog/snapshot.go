package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
)

// Snapshot is the catalog at one moment. It never changes and may be used by
// any number of goroutines.
type Snapshot struct {
	version uint64
	objects map[types.OID]Object
	names   map[nameKey]types.OID
	keys    *keyring
	derived *derived
}

// derived is what is computed from the objects when first asked for.
type derived struct {
	once     sync.Once
	policies map[types.OID][]*RowPolicy
	masks    map[types.OID][]*MaskingPolicy
	members  map[types.OID][]*Membership // by member
	grants   map[types.OID][]*Membership // by role
	byServer map[types.OID][]*Relation
	byDepend map[types.OID][]*Relation
	bySource map[SourceObject][]*Relation // tables of sources, not of files
	roles    sync.Map                     // types.OID -> RoleSet
	byFiles  sync.Map                     // *Relation over files -> []*Relation over the same
}

// Version grows with every committed change. Two snapshots with the same
// version hold the same objects, except for the staged ones of a transaction,
// whose version is odd and unique within the process.
func (s *Snapshot) Version() uint64 { return s.version }

func (s *Snapshot) index() *derived {
	d := s.derived
	d.once.Do(func() {
		d.policies, d.masks = map[types.OID][]*RowPolicy{}, map[types.OID][]*MaskingPolicy{}
		d.members, d.grants = map[types.OID][]*Membership{}, map[types.OID][]*Membership{}
		d.byServer, d.byDepend = map[types.OID][]*Relation{}, map[types.OID][]*Relation{}
		d.bySource = map[SourceObject][]*Relation{}
		for _, id := range slices.Sorted(maps.Keys(s.objects)) {
			switch o := s.objects[id].(type) {
			case *RowPolicy:
				d.policies[o.Relation] = append(d.policies[o.Relation], o)
			case *MaskingPolicy:
				d.masks[o.Relation] = append(d.masks[o.Relation], o)
			case *Membership:
				d.members[o.Member] = append(d.members[o.Member], o)
				d.grants[o.Role] = append(d.grants[o.Role], o)
			case *Relation:
				if o.ServerID != 0 {
					d.byServer[o.ServerID] = append(d.byServer[o.ServerID], o)
					if obj, ok := s.Source(o); ok && !obj.Files {
						d.bySource[obj] = append(d.bySource[obj], o)
					}
				}
				for _, on := range o.Depends {
					d.byDepend[on] = append(d.byDepend[on], o)
				}
			}
		}
	})
	return d
}

// byName looks a name up and converts to the class asked for.
func byName[T Object](s *Snapshot, k nameKey) (T, bool) {
	if id, ok := s.names[k]; ok {
		return s.objects[id].(T), true
	}
	var none T
	return none, false
}

// list returns all objects of one class in the order of their OIDs.
func list[T Object](s *Snapshot) []T {
	var out []T
	for _, o := range s.objects {
		if t, ok := o.(T); ok {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b T) int { return cmp.Compare(a.ID(), b.ID()) })
	return out
}

// Object returns any object by its OID.
func (s *Snapshot) Object(id types.OID) (Object, bool) {
	o, ok := s.objects[id]
	return o, ok
}

// Role returns a role by name.
func (s *Snapshot) Role(name string) (*Role, bool) {
	return byName[*Role](s, nameKey{ClassRole, 0, name})
}

// RoleByOID returns a role.
func (s *Snapshot) RoleByOID(id types.OID) (*Role, bool) {
	r, ok := s.objects[id].(*Role)
	return r, ok
}

// RoleName returns the name of a role, "public" for PUBLIC, its number when it
// does not exist.
func (s *Snapshot) RoleName(id types.OID) string {
	if id == PublicRole {
		return "public"
	}
	if r, ok := s.RoleByOID(id); ok {
		return r.Name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// Schema returns a schema by name.
func (s *Snapshot) Schema(name string) (*Schema, bool) {
	return byName[*Schema](s, nameKey{ClassSchema, 0, name})
}

// SchemaByOID returns a schema.
func (s *Snapshot) SchemaByOID(id types.OID) (*Schema, bool) {
	o, ok := s.objects[id].(*Schema)
	return o, ok
}

// Wrapper returns a foreign data wrapper by name.
func (s *Snapshot) Wrapper(name string) (*Wrapper, bool) {
	return byName[*Wrapper](s, nameKey{ClassWrapper, 0, name})
}

// Server returns a server by name.
func (s *Snapshot) Server(name string) (*Server, bool) {
	return byName[*Server](s, nameKey{ClassServer, 0, name})
}

// ServerByOID returns a server.
func (s *Snapshot) ServerByOID(id types.OID) (*Server, bool) {
	o, ok := s.objects[id].(*Server)
	return o, ok
}

// Relation returns a relation by schema and name.
func (s *Snapshot) Relation(schema, name string) (*Relation, bool) {
	sc, ok := s.Schema(schema)
	if !ok {
		return nil, false
	}
	return byName[*Relation](s, nameKey{ClassRelation, sc.OID, name})
}

// RelationByOID returns a relation.
func (s *Snapshot) RelationByOID(id types.OID) (*Relation, bool) {
	o, ok := s.objects[id].(*Relation)
	return o, ok
}

// Lookup returns the first relation of that name along a search path of schema
// names; schemas that do not exist are skipped.
func (s *Snapshot) Lookup(searchPath []string, name string) (*Relation, bool) {
	for _, schema := range searchPath {
		if r, ok := s.Relation(schema, name); ok {
			return r, true
		}
	}
	return nil, false
}

// UserMapping returns the mapping that role uses on a server: its own, or that
// of PUBLIC.
func (s *Snapshot) UserMapping(server, role types.OID) (*UserMapping, bool) {
	if m, ok := s.OwnMapping(server, role); ok {
		return m, true
	}
	return s.OwnMapping(server, PublicRole)
}

// OwnMapping returns the mapping made FOR exactly this role (or PublicRole).
func (s *Snapshot) OwnMapping(server, role types.OID) (*UserMapping, bool) {
	return byName[*UserMapping](s, (&UserMapping{Server: server, Role: role}).key())
}

// Comment returns the comment on an object; sub is a column number or 0.
func (s *Snapshot) Comment(class Class, object types.OID, sub int32) (string, bool) {
	c, ok := byName[*Comment](s, (&Comment{On: class, Object: object, Sub: sub}).key())
	if !ok {
		return "", false
	}
	return c.Text, true
}

// RowPolicies returns the row policies of a relation in the order they were
// made.
func (s *Snapshot) RowPolicies(relation types.OID) []*RowPolicy { return s.index().policies[relation] }

// RowPolicy returns a policy of a relation by name.
func (s *Snapshot) RowPolicy(relation types.OID, name string) (*RowPolicy, bool) {
	return byName[*RowPolicy](s, nameKey{ClassRowPolicy, relation, name})
}

// MaskingPolicies returns the masking policies of a relation in the order they
// were made.
func (s *Snapshot) MaskingPolicies(relation types.OID) []*MaskingPolicy {
	return s.index().masks[relation]
}

// MaskingPolicy returns a masking policy of a relation by name.
func (s *Snapshot) MaskingPolicy(relation types.OID, name string) (*MaskingPolicy, bool) {
	return byName[*MaskingPolicy](s, nameKey{ClassMaskingPolicy, relation, name})
}

// Membership returns the direct membership of member in role.
func (s *Snapshot) Membership(role, member types.OID) (*Membership, bool) {
	return byName[*Membership](s, (&Membership{Role: role, Member: member}).key())
}

// TablesOf returns the foreign tables of a server.
func (s *Snapshot) TablesOf(server types.OID) []*Relation { return s.index().byServer[server] }

// Dependents returns the views that read a relation directly.
func (s *Snapshot) Dependents(relation types.OID) []*Relation { return s.index().byDepend[relation] }

// Roles lists all roles by OID.
func (s *Snapshot) Roles() []*Role { return list[*Role](s) }

// Memberships lists all memberships by OID.
func (s *Snapshot) Memberships() []*Membership { return list[*Membership](s) }

// Schemas lists all schemas by OID.
func (s *Snapshot) Schemas() []*Schema { return list[*Schema](s) }

// Wrappers lists all foreign data wrappers by OID.
func (s *Snapshot) Wrappers() []*Wrapper { return list[*Wrapper](s) }

// Servers lists all servers by OID.
func (s *Snapshot) Servers() []*Server { return list[*Server](s) }

// UserMappings lists all user mappings by OID.
func (s *Snapshot) UserMappings() []*UserMapping { return list[*UserMapping](s) }

// Relations lists all relations by OID.
func (s *Snapshot) Relations() []*Relation { return list[*Relation](s) }

// AllRowPolicies lists the row policies of all relations by OID.
func (s *Snapshot) AllRowPolicies() []*RowPolicy { return list[*RowPolicy](s) }

// AllMaskingPolicies lists the masking policies of all relations by OID.
func (s *Snapshot) AllMaskingPolicies() []*MaskingPolicy { return list[*MaskingPolicy](s) }

// Comments lists all comments by OID.
func (s *Snapshot) Comments() []*Comment { return list[*Comment](s) }

// Live returns the relation that stands for server.schema.table: its columns are
// those the source reports, its owner is the server's. It is not part of the
// snapshot.
func (s *Snapshot) Live(server *Server, schema, name string, columns []connector.Column) *Relation {
	r := &Relation{
		Schema: schema, Name: name, Kind: ForeignTable, Owner: server.Owner,
		Server: server.Name, ServerID: server.OID, Remote: &RemoteName{Schema: schema, Name: name},
		Columns: make([]Column, len(columns)),
	}
	for i, c := range columns {
		r.Columns[i] = Column{Name: c.Name, AttNum: int16(i + 1), Type: c.Type, NotNull: c.NotNull}
	}
	return r
}

// Reveal returns the options of an object with its secrets in clear, for
// opening a source and nothing else. id is the object's OID.
func (s *Snapshot) Reveal(id types.OID, o Options) (map[string]string, error) {
	out := make(map[string]string, len(o))
	for _, x := range o {
		if !x.IsSecret {
			out[x.Name] = x.Value
			continue
		}
		v, err := s.keys.open(id, "option."+x.Name, x.Sealed)
		if err != nil {
			return nil, err
		}
		out[x.Name] = v
	}
	return out, nil
}

// Verifier returns the SCRAM verifier of a role, "" when it has no password.
func (s *Snapshot) Verifier(r *Role) (string, error) {
	if r.Verifier.Empty() {
		return "", nil
	}
	return s.keys.open(r.OID, "verifier", r.Verifier)
}

// HashKey returns the key of hub.hash_mask. It must not be changed or shown.
func (s *Snapshot) HashKey() []byte { return s.keys.hash }
