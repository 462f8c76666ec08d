package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/hubsql/hubsql/wire/pgerror"
)

func show(err error) string {
	var e *pgerror.Error
	if !errors.As(err, &e) {
		return "none"
	}
	s := string(e.Code) + " " + e.Message
	if e.Detail != "" {
		s += "|" + e.Detail
	}
	if e.Hint != "" {
		s += "^" + e.Hint
	}
	return s
}

func TestTableIsOrderedAndItsDefaultsAreValid(t *testing.T) {
	v := NewVars(nil)
	for i, s := range table {
		if i > 0 && strings.ToLower(table[i-1].Name) >= strings.ToLower(s.Name) {
			t.Errorf("%s comes after %s", s.Name, table[i-1].Name)
		}
		if got := find(strings.ToUpper(s.Name)); got == nil || got.Name != s.Name {
			t.Errorf("%s is not found", s.Name)
		}
		if c, err := v.check(&table[i], s.Default); err != nil || c != s.Default {
			t.Errorf("default of %s: %q, %v", s.Name, c, err)
		}
	}
}

func TestSetRefusesWhatPostgreSQLRefuses(t *testing.T) {
	for _, c := range [][3]string{
		{"statement_timeout", "5x", `22023 invalid value for parameter "statement_timeout": "5x"^Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`},
		{"statement_timeout", "-5", `22023 -5 ms is outside the valid range for parameter "statement_timeout" (0 .. 2147483647)`},
		{"work_mem", "1", `22023 1 kB is outside the valid range for parameter "work_mem" (64 .. 2147483647)`},
		{"extra_float_digits", "99", `22023 99 is outside the valid range for parameter "extra_float_digits" (-15 .. 3)`},
		{"jit", "maybe", `22023 parameter "jit" requires a Boolean value`},
		{"bytea_output", "zz", `22023 invalid value for parameter "bytea_output": "zz"^Available values: escape, hex.`},
		{"datestyle", "ISO, foo", `22023 invalid value for parameter "DateStyle": "ISO, foo"|Unrecognized key word: "foo".`},
		{"timezone", "Foo/Bar", `22023 invalid value for parameter "TimeZone": "Foo/Bar"`},
		{"client_encoding", "foo", `22023 invalid value for parameter "client_encoding": "foo"`},
		{"random_page_cost", "-1", `22023 -1 is outside the valid range for parameter "random_page_cost" (0 .. 1.79769e+308)`},
		{"server_version", "x", `55P02 parameter "server_version" cannot be changed`},
		{"port", "1", `55P02 parameter "port" cannot be changed without restarting the server`},
		{"search_path", `a b"`, `22023 invalid value for parameter "search_path": "a b""|List syntax is invalid.`},
		{"nope", "1", `42704 unrecognized configuration parameter "nope"`},
		{"1.x", "1", `42602 invalid configuration parameter name "1.x"|Custom parameter names must be two or more simple identifiers separated by dots.`},
		{"session_replication_role", "replica", `42501 permission denied to set parameter "session_replication_role"`},
	} {
		if got := show(NewVars(nil).Set(c[0], c[1], false)); got != c[2] {
			t.Errorf("SET %s = %q:\n got %s\nwant %s", c[0], c[1], got, c[2])
		}
	}
}

func TestShowPrintsCanonicalValues(t *testing.T) {
	for _, c := range [][3]string{
		{"work_mem", "100.5kB", "100kB"},
		{"work_mem", "1.5GB", "1536MB"},
		{"work_mem", "4MB", "4MB"},
		{"statement_timeout", "90s", "90s"},
		{"statement_timeout", "1min", "1min"},
		{"statement_timeout", "0.5s", "500ms"},
		{"statement_timeout", "5000", "5s"},
		{"statement_timeout", "0", "0"},
		{"timezone", "utc", "UTC"},
		{"TIMEZONE", "europe/berlin", "Europe/Berlin"},
		{"TimeZone", "-5", "<-05>+05"},
		{"timezone", "UTC+3", "UTC+3"},
		{"timezone", "INTERVAL '+02:30'", "<+02:30>-02:30"},
		{"datestyle", "German", "German, DMY"},
		{"datestyle", "SQL, DMY", "SQL, DMY"},
		{"datestyle", "ymd", "ISO, YMD"},
		{"datestyle", "Postgres", "Postgres, MDY"},
		{"datestyle", "US", "ISO, MDY"},
		{"client_encoding", "utf-8", "UTF8"},
		{"jit", "TRUE", "on"},
		{"bytea_output", "ESCAPE", "escape"},
		{"application_name", "xäy", "x??y"},
		{"foo.bar", "3", "3"},
		{"search_path", `"A b", public`, `"A b", public`},
	} {
		v := NewVars(nil)
		if err := v.Set(c[0], c[1], false); err != nil {
			t.Errorf("SET %s = %q: %v", c[0], c[1], err)
			continue
		}
		if got, err := v.Get(c[0]); got != c[2] || err != nil {
			t.Errorf("SET %s = %q shows %q, %v; want %q", c[0], c[1], got, err, c[2])
		}
	}
}

func TestSettingsFollowTransactions(t *testing.T) {
	v := NewVars(nil)
	get := func() string {
		s, err := v.Get("application_name")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	set := func(value string, local bool) {
		t.Helper()
		if err := v.Set("application_name", value, local); err != nil {
			t.Fatal(err)
		}
	}
	want := func(step, value string) {
		t.Helper()
		if got := get(); got != value {
			t.Errorf("after %s: %q, want %q", step, got, value)
		}
	}
	set("nothing", true)
	want("SET LOCAL outside of a transaction", "")
	set("a", false)
	v.Begin()
	set("b", false)
	v.Rollback()
	want("rollback", "a")
	v.Begin()
	set("c", true)
	want("SET LOCAL", "c")
	v.Commit()
	want("commit of SET LOCAL", "a")
	v.Begin()
	set("d", false)
	set("e", true)
	want("SET LOCAL over SET", "e")
	v.Commit()
	want("commit of both", "d")
	v.Begin()
	set("f", false)
	sp := v.Savepoint()
	set("g", false)
	v.RollbackTo(sp)
	want("rollback to savepoint", "f")
	set("h", false)
	v.Release(sp)
	want("release", "h")
	v.Rollback()
	want("rollback after release", "d")
	v.ResetAll()
	want("RESET ALL", "")
}

func TestChangesOfReportedSettingsAreNoticed(t *testing.T) {
	v := NewVars(nil)
	names := func() []string {
		var out []string
		for _, e := range v.ReportChanges() {
			out = append(out, e.Setting.Name+"="+e.Shown)
		}
		return out
	}
	for _, c := range [][2]string{{"timezone", "Asia/Tokyo"}, {"work_mem", "8MB"}} {
		if err := v.Set(c[0], c[1], false); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(); !slices.Equal(got, []string{"TimeZone=Asia/Tokyo"}) {
		t.Errorf("changes: %v", got)
	}
	if v.Format().TimeZone.String() != "Asia/Tokyo" {
		t.Error("the format kept the old zone")
	}
	v.Begin()
	if err := v.Set("DateStyle", "SQL", false); err != nil {
		t.Fatal(err)
	}
	names()
	v.Rollback()
	if got := names(); !slices.Equal(got, []string{"DateStyle=ISO, MDY"}) {
		t.Errorf("changes after rollback: %v", got)
	}
}

func TestDefaultsOfTheProcessAndOfTheStartupMessage(t *testing.T) {
	d, err := ParseDefaults(map[string]string{"statement_timeout": "30s", "port": "6000"})
	if err != nil {
		t.Fatal(err)
	}
	v := NewVars(d)
	if v.StatementTimeout() != 30*time.Second {
		t.Errorf("statement_timeout is %v", v.StatementTimeout())
	}
	if err := v.SetStartup("search_path", `"$user", Sales`); err != nil {
		t.Fatal(err)
	}
	if err := v.Set("search_path", "x", false); err != nil {
		t.Fatal(err)
	}
	if err := v.Reset("search_path"); err != nil {
		t.Fatal(err)
	}
	if got := v.SearchPath(); !slices.Equal(got, []string{"$user", "sales"}) {
		t.Errorf("search_path is %q", got)
	}
	if _, err := ParseDefaults(map[string]string{"work_mem": "x"}); err == nil {
		t.Error("a bad default was accepted")
	}
}

func TestOnlySuperusersRaiseTheirWeight(t *testing.T) {
	v := NewVars(nil)
	if err := v.Set("hub.weight", "50", false); err != nil || v.Weight() != 0.5 {
		t.Errorf("lowering it: %v, weight %v", err, v.Weight())
	}
	if err := v.Set("hub.weight", "101", false); pgerror.CodeOf(err) != pgerror.InsufficientPrivilege {
		t.Errorf("raising it: %v", err)
	}
	v.SetAdmin(true)
	if err := v.Set("hub.weight", "400", false); err != nil || v.Weight() != 4 {
		t.Errorf("a superuser raises it: %v, weight %v", err, v.Weight())
	}
}
