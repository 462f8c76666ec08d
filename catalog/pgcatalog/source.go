package pgcatalog

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/federation/connector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Activity is what the running server tells about itself. Its methods may be
// called concurrently.
type Activity interface {
	// Backends lists the sessions, in any order.
	Backends() []Backend
	// Started is when the server was started.
	Started() time.Time
	// Settings lists the settings as a session sees them, ordered by name.
	Settings(s *session.Session) []Setting
	// LastValue returns the value that was drawn last from a sequence; ok is
	// false when none was.
	LastValue(seq *catalog.Relation) (value int64, ok bool)
}

// Backend is one session in pg_stat_activity. Times that are zero and strings
// that are empty show as NULL.
type Backend struct {
	PID             int32
	User            string
	ApplicationName string
	ClientAddr      string
	ClientPort      int
	Started         time.Time
	TxStart         time.Time
	QueryStart      time.Time
	StateChange     time.Time
	WaitEventType   string
	WaitEvent       string
	// State is active, idle, idle in transaction or idle in transaction
	// (aborted).
	State string
	Query string
	// TLS names the protocol version and cipher, empty without TLS.
	TLSVersion, TLSCipher string
	TLSBits               int
}

// Setting is one row of pg_settings. Strings that are empty show as NULL, but
// for Value, BootValue and ResetValue.
type Setting struct {
	Name, Value, Unit, Category, Description string
	// Context is internal, postmaster, sighup, superuser or user; Type is bool,
	// enum, integer, real or string; Source is default, configuration file,
	// session and so on.
	Context, Type, Source string
	Min, Max              string
	Enum                  []string
	BootValue, ResetValue string
}

// New returns the system relations as one session sees them, over one snapshot.
// The source holds nothing that has to be closed. act may be nil: what it would
// tell is empty.
func New(snap *catalog.Snapshot, sess *session.Session, reg *function.Registry, act Activity) connector.Source {
	return newSource(snap, sess, reg, act)
}

func newSource(snap *catalog.Snapshot, sess *session.Session, reg *function.Registry, act Activity) *source {
	s := &source{snap: snap, sess: sess, reg: reg, act: act, database: sess.Database}
	if r, ok := snap.Role(sess.CurrentUser); ok {
		s.role = r.OID
		s.roles = snap.EffectiveRoles(r.OID)
	}
	s.names = Names{Snapshot: snap, SearchPath: sess.SearchPath, Registry: reg}
	s.relations = sync.OnceValue(snap.Relations)
	return s
}

// source is the system relations for one statement.
type source struct {
	snap     *catalog.Snapshot
	sess     *session.Session
	reg      *function.Registry
	act      Activity
	database string
	names    Names
	// role is the current user, roles what it has the privileges of.
	role  types.OID
	roles catalog.RoleSet
	// relations lists the user's relations by OID.
	relations func() []*catalog.Relation
}

// Schemas implements connector.Source.
func (s *source) Schemas(context.Context) ([]string, error) {
	return []string{function.PgCatalog, "information_schema", "hub"}, nil
}

// Tables implements connector.Source.
func (s *source) Tables(_ context.Context, schema string) ([]string, error) {
	var out []string
	for _, r := range system().list {
		if r.Schema == schema {
			out = append(out, r.Name)
		}
	}
	return out, nil
}

// Table implements connector.Source.
func (s *source) Table(_ context.Context, ref connector.TableRef) (connector.TableHandle, error) {
	r, ok := Relation(ref.Schema, ref.Name)
	if !ok {
		return nil, pgerror.Newf(pgerror.UndefinedTable, "relation \"%s.%s\" does not exist", ref.Schema, ref.Name)
	}
	h := &handle{rel: r, project: make([]int, len(r.Columns))}
	for i := range r.Columns {
		h.project[i] = i
	}
	return h, nil
}

// Close implements connector.Source.
func (s *source) Close() error { return nil }

// handle is a system relation with the columns and keys asked for.
type handle struct {
	rel *RelationInfo
	// project lists the columns of the relation that the handle has.
	project []int
	keys    []key
}

// key restricts a column of the relation to some values.
type key struct {
	column int
	values []types.Datum
}

// Columns implements connector.TableHandle.
func (h *handle) Columns() []connector.Column {
	out := make([]connector.Column, len(h.project))
	for i, p := range h.project {
		c := h.rel.Columns[p]
		out[i] = connector.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull, Hidden: c.AttNum < 0}
	}
	return out
}

// String implements connector.TableHandle.
func (h *handle) String() string {
	var s strings.Builder
	s.WriteString(h.rel.Schema + "." + h.rel.Name)
	for i, k := range h.keys {
		if i == 0 {
			s.WriteString(" by ")
		} else {
			s.WriteString(", ")
		}
		s.WriteString(h.rel.Columns[k.column].Name)
	}
	return s.String()
}

// PushProject implements connector.ProjectPusher.
func (s *source) PushProject(h connector.TableHandle, columns []int) (connector.TableHandle, bool) {
	t, ok := h.(*handle)
	if !ok {
		return h, false
	}
	n := *t
	n.project = make([]int, len(columns))
	for i, c := range columns {
		n.project[i] = t.project[c]
	}
	return &n, true
}

// Estimate implements connector.Estimator.
func (s *source) Estimate(_ context.Context, h connector.TableHandle) (float64, bool) {
	t, ok := h.(*handle)
	if !ok {
		return 0, false
	}
	if contents[relationName{t.rel.Schema, t.rel.Name}] == nil {
		return 0, true
	}
	if len(t.keys) > 0 {
		return 5, true
	}
	user := float64(len(s.relations()))
	switch t.rel.Name {
	case "pg_attribute", "columns", "column_privileges":
		return 20*user + 2600, true
	case "pg_proc":
		return 3000, true
	case "pg_class", "tables", "table_privileges", "pg_tables", "pg_stat_user_tables", "pg_foreign_table":
		return user + 210, true
	case "pg_type", "pg_operator", "pg_settings", "pg_timezone_names":
		return 500, true
	}
	return 50, true
}

// PushFilter implements connector.FilterPusher: comparisons of a column with
// constants for equality become keys. The values are compared again above, so
// that a key need not be exact.
func (s *source) PushFilter(h connector.TableHandle, filter connector.Sealed) (connector.TableHandle, []connector.Outcome) {
	list := filter.Predicates()
	out := make([]connector.Outcome, len(list))
	t, ok := h.(*handle)
	if !ok {
		return h, out
	}
	n := *t
	n.keys = slices.Clone(t.keys)
	for i, e := range list {
		out[i].Reason = "not a comparison of a column with constants for equality"
		if column, values, ok := keyOf(e); ok {
			n.keys = append(n.keys, key{column: t.project[column], values: values})
			out[i] = connector.Outcome{Pushed: connector.Superset, Reason: "used as a key"}
		}
	}
	return &n, out
}
