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
}

// activity lists the open sessions.
type activity struct {
	mu   sync.Mutex
	list map[*Session]Status
}

// Sessions returns the status of every open session, in no order.
func (e *Engine) Sessions() []Status {
	e.activity.mu.Lock()
	defer e.activity.mu.Unlock()
	out := make([]Status, 0, len(e.activity.list))
	for _, s := range e.activity.list {
		out = append(out, s)
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
		for _, st := range a.list {
			if st.User == user {
				open++
			}
		}
		if open >= limit {
			return pgerror.Fatalf(pgerror.TooManyConnections, "too many connections for role %q", user)
		}
	}
	a.list[s] = Status{User: user}
	return nil
}

// report updates the status of the session. query is "" to keep the last one.
func (s *Session) report(state, query string) {
	a := &s.engine.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	st := a.list[s]
	st.PID, st.User, st.ClientAddr, st.Started = s.sess.PID, s.sess.SessionUser, s.sess.ClientAddr, s.sess.Started
	st.ApplicationName = s.sess.Vars.Str("application_name")
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
	a.list[s] = st
}

// idle reports the state between statements.
func (s *Session) idle() {
	switch s.tx.state {
	case txBlock:
		s.report("idle in transaction", "")
	case txFailed:
		s.report("idle in transaction (aborted)", "")
	default:
		s.report("idle", "")
	}
}

// forgotten removes the session from the list.
func (s *Session) forgotten() {
	s.engine.activity.mu.Lock()
	delete(s.engine.activity.list, s)
	s.engine.activity.mu.Unlock()
}
