package server

import (
	"strconv"
	"time"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/function"
	"github.com/hubsql/hubsql/catalog/pgcatalog"
	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/exec"
	"github.com/hubsql/hubsql/exec/vector"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// systemRelations gives the engine the shape of the system catalog.
type systemRelations struct{ registry *function.Registry }

// Relation implements exec.SystemRelations.
func (systemRelations) Relation(snap *catalog.Snapshot, schema, name string, role types.OID) (oid types.OID, readable, ok bool) {
	r, ok := pgcatalog.Relation(schema, name)
	if !ok {
		return 0, false, false
	}
	return r.OID, r.MayRead(snap, role), true
}

// Lookup implements exec.SystemRelations.
func (r systemRelations) Lookup(snap *catalog.Snapshot, path []string, t types.OID, text string) (types.OID, error) {
	return pgcatalog.Lookup(snap, path, r.registry, t, text)
}

// Text implements exec.SystemRelations.
func (r systemRelations) Text(snap *catalog.Snapshot, path []string, t, oid types.OID) string {
	return pgcatalog.RegText(snap, path, r.registry, t, oid)
}

// activity tells the system catalog what the engine does.
type activity struct{ hub *Hub }

// Started implements pgcatalog.Activity.
func (a activity) Started() time.Time { return a.hub.engine.Started() }

// LastValue implements pgcatalog.Activity.
func (a activity) LastValue(seq *catalog.Relation) (int64, bool) {
	v, called, err := a.hub.rows.LastValue(seq)
	return v, called && err == nil
}

// Backends implements pgcatalog.Activity.
func (a activity) Backends() []pgcatalog.Backend {
	var out []pgcatalog.Backend
	for _, s := range a.hub.engine.Sessions() {
		out = append(out, backendOf(s))
	}
	return out
}

func backendOf(s exec.Status) pgcatalog.Backend {
	return pgcatalog.Backend{
		PID: s.PID, User: s.User, ApplicationName: s.ApplicationName, ClientAddr: s.ClientAddr, Started: s.Started,
		TxStart: s.TxStart, QueryStart: s.QueryStart, StateChange: s.StateChange, State: s.State, Query: s.Query,
		WaitEventType: s.WaitEventType, WaitEvent: s.WaitEvent,
	}
}

// Settings implements pgcatalog.Activity.
func (activity) Settings(s *session.Session) []pgcatalog.Setting {
	var out []pgcatalog.Setting
	for _, e := range s.Vars.All() {
		d := e.Setting
		lowest, highest := "", ""
		if d.Type == session.Int || d.Type == session.Real {
			lowest, highest = strconv.FormatFloat(d.Min, 'f', -1, 64), strconv.FormatFloat(d.Max, 'f', -1, 64)
		}
		out = append(out, pgcatalog.Setting{
			Name: d.Name, Value: e.Value, Unit: d.Unit, Category: d.Category, Description: d.Doc,
			Context: d.Context.String(), Type: d.Type.String(), Source: e.Source,
			Min: lowest, Max: highest, Enum: d.Values, BootValue: d.Default, ResetValue: e.ResetValue,
		})
	}
	return out
}

// functions are those that act on the protocol server.
func (h *Hub) functions() []*function.Overload {
	signal := func(name, doc string, act func(pid int32) bool) *function.Overload {
		return &function.Overload{
			Name: name, Kind: function.Scalar, Args: []types.OID{types.Int4}, ArgNames: []string{"pid"}, Ret: types.Bool,
			Volatility: function.Volatile, Strict: true, Doc: doc, Example: "SELECT " + name + "(42)",
			Kernel: func(c *function.Call, args []*vector.Vec, n int, out *vector.Vec) error {
				for i := range n {
					if args[0].IsNull(i) {
						out.SetNull(i, n)
						continue
					}
					ok, err := h.signal(c.Session, int32(args[0].Int(i)), act)
					if err != nil {
						return err
					}
					out.Set(i, n, types.BoolDatum(ok))
				}
				return nil
			},
		}
	}
	cancel := signal("pg_cancel_backend", "Cancels the statement that a session of the same role is executing.", func(pid int32) bool { return h.server.CancelBackend(pid) })
	terminate := signal("pg_terminate_backend", "Ends a session of the same role.", func(pid int32) bool { return h.server.TerminateBackend(pid) })
	cancel.OID, terminate.OID = 2171, 2096
	return []*function.Overload{cancel, terminate}
}

// signal acts on another session: one of the same role, or any for a superuser
// and members of pg_signal_backend.
func (h *Hub) signal(s *session.Session, pid int32, act func(int32) bool) (bool, error) {
	snap := h.catalog.Current()
	me, ok := snap.Role(s.CurrentUser)
	if !ok {
		return false, nil
	}
	for _, b := range h.engine.Sessions() {
		if b.PID != pid {
			continue
		}
		other, ok := snap.Role(b.User)
		set := snap.EffectiveRoles(me.OID)
		if ok && (set.Super || set.Has(other.OID) || set.Has(catalog.RoleSignalBackend) && !snap.IsSuper(other.OID)) {
			return act(pid), nil
		}
		return false, pgerror.New(pgerror.InsufficientPrivilege, "must be a member of the role whose process is being terminated or member of pg_signal_backend")
	}
	s.Notice(pgerror.Warningf(pgerror.WarningCode, "PID %d is not a PostgreSQL server process", pid))
	return false, nil
}
