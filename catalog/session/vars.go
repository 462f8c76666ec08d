package session

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubsql/hubsql/catalog/types"
	"github.com/hubsql/hubsql/wire/pgerror"
)

// Defaults are checked values that replace the built-in defaults of settings for
// every session of a process. It is read only.
type Defaults map[string]string

// ParseDefaults checks settings of a configuration file. Any setting may be given
// but those that never change; the error names the first bad one.
func ParseDefaults(values map[string]string) (Defaults, error) {
	d := Defaults{}
	v := NewVars(nil)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s, err := v.describe(name)
		if err != nil {
			return nil, err
		}
		if s.Context == Internal {
			return nil, errFixed(s.Name)
		}
		value, err := v.check(s, values[name])
		if err != nil {
			return nil, err
		}
		d[s.Name] = value
	}
	return d, nil
}

// state is what a session has set of one setting.
type state struct {
	session  string // SET
	local    string // SET LOCAL
	isSet    bool
	hasLocal bool
}

// Vars holds the settings of one session. It is used by the session's goroutine;
// statements may read it meanwhile, as nothing is set while one runs.
type Vars struct {
	defaults Defaults
	states   map[string]state // by canonical name
	// undo has one frame per open transaction level: the states that settings had
	// before the level first changed them.
	undo    []map[string]state
	custom  map[string]*Setting // placeholders with a dot in their name
	changed map[string]bool     // reported settings changed since ReportChanges
	format  *types.Format
	admin   bool
	version uint64
	// settled is version+1 when the last Begin found the characteristics of the
	// transaction at their defaults.
	settled uint64
}

// NewVars returns a session's settings at their defaults; d may be nil.
func NewVars(d Defaults) *Vars {
	v := &Vars{defaults: d, states: map[string]state{}, changed: map[string]bool{}}
	v.refresh()
	return v
}

// Version changes whenever a setting does: what is computed from settings holds
// as long as it stays the same.
func (v *Vars) Version() uint64 { return v.version }

// SetAdmin says whether the session may change superuser settings.
func (v *Vars) SetAdmin(admin bool) { v.admin = admin }

// describe finds a setting; names with a dot are made up on demand.
func (v *Vars) describe(name string) (*Setting, error) {
	if s := find(name); s != nil {
		return s, nil
	}
	if !strings.Contains(name, ".") {
		return nil, ErrUnknown(name)
	}
	if s := v.custom[strings.ToLower(name)]; s != nil {
		return s, nil
	}
	for part := range strings.SplitSeq(name, ".") {
		if !simpleName(part) {
			e := pgerror.New(pgerror.InvalidName, "invalid configuration parameter name \""+name+"\"")
			e.Detail = "Custom parameter names must be two or more simple identifiers separated by dots."
			return nil, e
		}
	}
	return &Setting{Name: name, Type: String, Category: "Customized Options"}, nil
}

func simpleName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			return false
		}
	}
	return s != ""
}

// ErrUnknown is 42704 for a setting that does not exist.
func ErrUnknown(name string) error {
	return pgerror.New(pgerror.UndefinedObject, "unrecognized configuration parameter \""+name+"\"")
}

func errFixed(name string) error {
	return pgerror.New(pgerror.CantChangeRuntimeParam, "parameter \""+name+"\" cannot be changed")
}

// check returns the canonical form of a value.
func (v *Vars) check(s *Setting, value string) (string, error) {
	switch s.Name {
	case "DateStyle":
		return v.checkDateStyle(s, value)
	case "TimeZone":
		name, _, err := parseZone(value)
		if err != nil {
			return "", s.invalid(value)
		}
		return name, nil
	case "hub.weight":
		value, err := s.canonical(value)
		if n, _ := strconv.Atoi(value); err == nil && n > usualWeight && !v.admin {
			return "", pgerror.New(pgerror.InsufficientPrivilege, "permission denied to set parameter \"hub.weight\" above 100")
		}
		return value, err
	}
	return s.canonical(value)
}

// usualWeight is the default of hub.weight, beyond which only superusers go.
const usualWeight = 100

// Set sets a setting for the session, or with local for the current transaction
// (outside of one that changes nothing). Errors: 42704 unknown, 22023 invalid
// value, 42501 and 55P02 when the setting may not be changed.
func (v *Vars) Set(name, value string, local bool) error {
	s, err := v.settable(name)
	if err != nil {
		return err
	}
	if value, err = v.check(s, value); err != nil {
		return err
	}
	if s.Type == String && s.Category == "Customized Options" {
		if v.custom == nil {
			v.custom = map[string]*Setting{}
		}
		if v.custom[strings.ToLower(s.Name)] == nil {
			v.custom[strings.ToLower(s.Name)] = s
		}
	}
	v.store(s, value, true, local)
	return nil
}

func (v *Vars) settable(name string) (*Setting, error) {
	s, err := v.describe(name)
	if err != nil {
		return nil, err
	}
	switch {
	case s.Context == Internal:
		return nil, errFixed(s.Name)
	case s.Context == Postmaster:
		return nil, pgerror.New(pgerror.CantChangeRuntimeParam, "parameter \""+s.Name+"\" cannot be changed without restarting the server")
	case s.Context == Sighup:
		return nil, pgerror.New(pgerror.CantChangeRuntimeParam, "parameter \""+s.Name+"\" cannot be changed now")
	case s.Context == Superuser && !v.admin:
		return nil, pgerror.New(pgerror.InsufficientPrivilege, "permission denied to set parameter \""+s.Name+"\"")
	}
	return s, nil
}

// SetList sets a setting from the list of SET x = a, b. Settings that take no
// list refuse more than one element (22023).
func (v *Vars) SetList(name string, values []string, local bool) error {
	value, err := FlattenList(name, values)
	if err != nil {
		return err
	}
	return v.Set(name, value, local)
}

// FlattenList makes one value of a list as SET does.
func FlattenList(name string, values []string) (string, error) {
	kind := noList
	if s := find(name); s != nil {
		kind = s.List
	}
	if len(values) != 1 && kind == noList {
		return "", pgerror.Newf(pgerror.InvalidParameterValue, "SET %s takes only one argument", name)
	}
	out := slices.Clone(values)
	if kind == listQuote {
		for i := range out {
			out[i] = QuoteIdentifier(out[i])
		}
	}
	return strings.Join(out, ", "), nil
}

// SetInternal sets any setting, whatever its context, outside of transactions:
// for is_superuser, session_authorization and the like. The value must be valid.
func (v *Vars) SetInternal(name, value string) {
	s := find(name)
	if s == nil {
		return
	}
	if c, err := v.check(s, value); err == nil {
		value = c
	}
	before := v.value(s)
	v.states[s.Name] = state{session: value, isSet: true}
	v.noteChange(s, before)
}

// SetStartup sets a setting from a startup message; it becomes the value that
// RESET goes back to.
func (v *Vars) SetStartup(name, value string) error {
	s, err := v.settable(name)
	if err != nil {
		return err
	}
	if value, err = v.check(s, value); err != nil {
		return err
	}
	before := v.value(s)
	v.defaults = maps.Clone(v.defaults)
	if v.defaults == nil {
		v.defaults = Defaults{}
	}
	v.defaults[s.Name] = value
	if find(s.Name) == nil { // a placeholder
		return v.Set(name, value, false)
	}
	v.noteChange(s, before)
	return nil
}

// store changes a state, remembering the old one for the open transaction level.
func (v *Vars) store(s *Setting, value string, isSet, local bool) {
	if local && len(v.undo) == 0 {
		return
	}
	old := v.states[s.Name]
	before := v.value(s)
	if n := len(v.undo); n > 0 {
		frame := v.undo[n-1]
		if frame == nil {
			frame = map[string]state{}
			v.undo[n-1] = frame
		}
		if _, saved := frame[s.Name]; !saved {
			frame[s.Name] = old
		}
	}
	if local {
		if !isSet {
			value = v.fallback(s)
		}
		old.local, old.hasLocal = value, true
		v.states[s.Name] = old
	} else {
		v.states[s.Name] = state{session: value, isSet: isSet}
	}
	v.noteChange(s, before)
}

// Reset is RESET name; errors as Set.
func (v *Vars) Reset(name string) error { return v.ResetTo(name, false) }

// ResetTo is SET [LOCAL] name TO DEFAULT.
func (v *Vars) ResetTo(name string, local bool) error {
	s, err := v.settable(name)
	if err != nil {
		return err
	}
	v.store(s, "", false, local)
	return nil
}

// keptByResetAll are settings that RESET ALL leaves alone.
func keptByResetAll(name string) bool {
	switch name {
	case "is_superuser", "role", "session_authorization", "server_encoding", "seed",
		"transaction_isolation", "transaction_read_only", "transaction_deferrable":
		return true
	}
	return false
}

// ResetAll is RESET ALL.
func (v *Vars) ResetAll() {
	for _, name := range slices.Sorted(maps.Keys(v.states)) {
		s, err := v.describe(name)
		if err != nil || keptByResetAll(s.Name) || s.Context == Internal {
			continue
		}
		v.store(s, "", false, false)
	}
}

// fallback is the value without SET.
func (v *Vars) fallback(s *Setting) string {
	if d, ok := v.defaults[s.Name]; ok {
		return d
	}
	return s.Default
}

// value is the stored form in force.
func (v *Vars) value(s *Setting) string {
	st := v.states[s.Name]
	switch {
	case st.hasLocal:
		return st.local
	case st.isSet:
		return st.session
	}
	return v.fallback(s)
}

// noteChange follows a change of s from its value before.
func (v *Vars) noteChange(s *Setting, before string) {
	if v.value(s) == before {
		return
	}
	v.version++
	if s.Reported {
		v.changed[s.Name] = true
	}
	switch s.Name {
	case "TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output":
		v.refresh()
	}
}

// Get returns a setting as SHOW prints it; 42704 when it does not exist.
func (v *Vars) Get(name string) (string, error) {
	s, err := v.describe(name)
	if err != nil {
		return "", ErrUnknown(name)
	}
	if find(name) == nil && v.custom[strings.ToLower(name)] == nil {
		if d, ok := v.defaults[s.Name]; ok {
			return d, nil
		}
		return "", ErrUnknown(name)
	}
	return s.show(v.value(s)), nil
}

// CanonicalName returns the name of a setting as SHOW heads its column.
func CanonicalName(name string) string {
	if s := find(name); s != nil {
		return s.Name
	}
	return name
}

// Entry is one line of SHOW ALL and pg_settings.
type Entry struct {
	Setting *Setting
	// Value is the stored form in the base unit (pg_settings.setting), Shown what
	// SHOW prints.
	Value, Shown string
	// ResetValue is what RESET would go back to, in the stored form.
	ResetValue string
	// Source is default, session, or configuration file.
	Source string
}

// All returns every setting ordered by name, placeholders last.
func (v *Vars) All() []Entry {
	out := make([]Entry, 0, len(table)+len(v.custom))
	add := func(s *Setting) {
		e := Entry{Setting: s, Value: v.value(s), ResetValue: v.fallback(s), Source: "default"}
		e.Shown = s.show(e.Value)
		st := v.states[s.Name]
		if st.isSet || st.hasLocal {
			e.Source = "session"
		} else if _, ok := v.defaults[s.Name]; ok {
			e.Source = "configuration file"
		}
		out = append(out, e)
	}
	for i := range table {
		add(&table[i])
	}
	for _, name := range slices.Sorted(maps.Keys(v.custom)) {
		add(v.custom[name])
	}
	return out
}

// Reported returns the settings that a client is told at login, with their
// values, ordered by name, and forgets earlier changes.
func (v *Vars) Reported() []Entry {
	clear(v.changed)
	var out []Entry
	for _, e := range v.All() {
		if e.Setting.Reported {
			out = append(out, e)
		}
	}
	return out
}

// ReportChanges returns the reported settings that changed since the last call,
// ordered by name.
func (v *Vars) ReportChanges() []Entry {
	if len(v.changed) == 0 {
		return nil
	}
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(v.changed)) {
		s := find(name)
		value := v.value(s)
		out = append(out, Entry{Setting: s, Value: value, Shown: s.show(value), ResetValue: v.fallback(s)})
	}
	clear(v.changed)
	return out
}

// Format returns how values are printed; it is replaced, never changed, when a
// setting it depends on changes.
func (v *Vars) Format() *types.Format { return v.format }

// refresh builds the format from the settings.
func (v *Vars) refresh() {
	get := func(name string) string { return v.value(find(name)) }
	f := types.DefaultFormat()
	if _, loc, err := parseZone(get("TimeZone")); err == nil {
		f.TimeZone = loc
	}
	style, order, _ := strings.Cut(get("DateStyle"), ", ")
	f.DateStyle, f.DateOrder = style, order
	f.IntervalStyle = get("IntervalStyle")
	if n, err := strconv.Atoi(get("extra_float_digits")); err == nil {
		f.ExtraFloatDigits = n
	}
	f.ByteaEscape = get("bytea_output") == "escape"
	if v.format != nil {
		f.Now, f.Names = v.format.Now, v.format.Names
	}
	v.format = f
}

// SetStatement gives the format what depends on the running statement: the time
// that the input 'now' means, and the names behind regclass and its family.
func (v *Vars) SetStatement(now time.Time, names types.RegNames) {
	if v.format.Now.Equal(now) && v.format.Names == names {
		return
	}
	f := *v.format
	f.Now, f.Names = now, names
	v.format = &f
}

// stored returns the stored value of a built-in setting.
func (v *Vars) stored(name string) string {
	s := find(name)
	if s == nil {
		panic(fmt.Sprintf("setting %q is not in the table", name))
	}
	return v.value(s)
}
