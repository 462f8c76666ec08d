package wire

import (
	"time"

	"github.com/hubsql/hubsql/catalog/session"
	"github.com/hubsql/hubsql/catalog/types"
)

// SettingsOf returns the Settings of a session whose settings are vars.
func SettingsOf(vars *session.Vars) Settings { return &varsSettings{vars: vars} }

type varsSettings struct {
	vars *session.Vars
	told bool // Reported has been called
}

// Format implements Settings.
func (s *varsSettings) Format() *types.Format { return s.vars.Format() }

// Get implements Settings.
func (s *varsSettings) Get(name string) string {
	value, err := s.vars.Get(name)
	if err != nil {
		return ""
	}
	return value
}

// IdleTimeout implements Settings.
func (s *varsSettings) IdleTimeout(inTransaction bool) time.Duration {
	if inTransaction {
		return s.vars.IdleInTransactionTimeout()
	}
	return s.vars.IdleSessionTimeout()
}

// Reported implements Settings.
func (s *varsSettings) Reported() []Setting {
	var entries []session.Entry
	if s.told {
		entries = s.vars.ReportChanges()
	} else {
		entries = s.vars.Reported()
		s.told = true
	}
	var out []Setting
	for _, e := range entries {
		out = append(out, Setting{Name: e.Setting.Name, Value: e.Shown})
	}
	return out
}
