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
