package exec

import (
	"sync"
	"time"

	"github.com/hubsql/hubsql/wire/pgerror"
)

// Status is what one session does, for pg_stat_activity.
type Status struct {
	PID             int32
	User            string
	ApplicationName string
	ClientAddr      string
	Started         time.Time
	TxStart         time.Time
	QueryStart      time.Time
	StateChange     time.Time
	// State is active, idle, idle in transaction or idle in transaction
	// (aborted).
	State string
	Query string
	// WaitEventType and WaitEvent say what the session waits for, "" for nothing.
	WaitEventType, WaitEvent string
}

// activity lists the open sessions.
type activity struct {
	mu   sync.Mutex
	list map[*Session]*entry
}

// entry is the status of one session. The session writes it, under a lock of its
// own: sessions do not wait for each other.
type entry struct {
	mu     sync.Mutex
	status Status
	// vars is the version of the settings that ApplicationName is from.
	vars uint64
}

// Sessions returns the status of every open session, in no order.
func (e *Engine) Sessions() []Status {
	e.activity.mu.Lock()
	defer e.activity.mu.Unlock()
	out := make([]Status, 0, len(e.activity.list))
	for _, s := range e.activity.list {
		s.mu.Lock()
		out = append(out, s.status)
		s.mu.Unlock()
	}
	return out
}

// Started is when the engine was made.
func (e *Engine) Started() time.Time { return e.started }

// admit puts the session on the list unless its role has limit sessions
// already. A negative limit is none; superusers are not limited.
func (s *Session) admit(limit int32, super bool) error {
	a := &s.engine.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	user := s.sess.SessionUser
	if limit >= 0 && !super {
		open := int32(0)
		for _, other := range a.list {
			other.mu.Lock()
			if other.status.User == user {
				open++
			}
			other.mu.Unlock()
		}
		if open >= limit {
			return pgerror.Fatalf(pgerror.TooManyConnections, "too many connections for role %q", user)
		}
	}
	s.entry.status = Status{
		PID: s.sess.PID, User: user, ClientAddr: s.sess.ClientAddr, Started: s.sess.Started,
		ApplicationName: s.sess.Vars.Str("application_name"),
	}
	s.entry.vars = s.sess.Vars.Version()
	a.list[s] = &s.entry
	return nil
}

// report updates the status of the session at the time now. query is "" to keep
// the last one.
func (s *Session) report(state, query string, now time.Time) {
	e := &s.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	st := &e.status
	if v := s.sess.Vars.Version(); v != e.vars {
		e.vars, st.ApplicationName = v, s.sess.Vars.Str("application_name")
	}
	if query != "" {
		st.Query, st.QueryStart = query, now
	}
	if st.State != state {
		st.State, st.StateChange = state, now
	}
	st.TxStart = time.Time{}
	if s.tx.state != txIdle {
		st.TxStart = s.sess.TxStart
	}
}

// idle reports the state between statements.
func (s *Session) idle() {
	state := "idle"
	switch s.tx.state {
	case txBlock:
		state = "idle in transaction"
	case txFailed:
		state = "idle in transaction (aborted)"
	}
	s.report(state, "", time.Now())
}

// forgotten removes the session from the list.
func (s *Session) forgotten() {
	s.engine.activity.mu.Lock()
	delete(s.engine.activity.list, s)
	s.engine.activity.mu.Unlock()
}
