package wire

import (
	"testing"

	"github.com/hubsql/hubsql/catalog/session"
)

func TestSettingsOfASession(t *testing.T) {
	vars := session.NewVars(nil)
	s := SettingsOf(vars)
	told := map[string]string{}
	for _, set := range s.Reported() {
		told[set.Name] = set.Value
	}
	for _, name := range []string{"client_encoding", "DateStyle", "TimeZone", "server_version", "integer_datetimes", "standard_conforming_strings", "application_name"} {
		if _, ok := told[name]; !ok {
			t.Errorf("%s is not reported", name)
		}
	}
	if again := s.Reported(); again != nil {
		t.Errorf("reported again: %v", again)
	}
	if err := vars.Set("application_name", "x", false); err != nil {
		t.Fatal(err)
	}
	if got := s.Reported(); len(got) != 1 || got[0] != (Setting{"application_name", "x"}) {
		t.Errorf("reported %v", got)
	}
	if err := vars.Set("idle_session_timeout", "90s", false); err != nil {
		t.Fatal(err)
	}
	if d := s.IdleTimeout(false); d.Seconds() != 90 {
		t.Errorf("%s is read as %v", s.Get("idle_session_timeout"), d)
	}
	if s.Get("client_min_messages") != "notice" || s.Get("nosuch") != "" || s.Format() == nil {
		t.Error("settings are not read")
	}
}
