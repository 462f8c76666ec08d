package session

import (
	"strconv"
	"time"
)

// Bool returns a built-in boolean setting.
func (v *Vars) Bool(name string) bool { return v.stored(name) == "on" }

// Int returns a built-in integer setting in its base unit.
func (v *Vars) Int(name string) int64 {
	n, _ := strconv.ParseInt(v.stored(name), 10, 64) // stored values are canonical
	return n
}

// Str returns a built-in string or enum setting.
func (v *Vars) Str(name string) string { return v.stored(name) }

// millis returns a setting in milliseconds as a duration; 0 means no limit.
func (v *Vars) millis(name string) time.Duration {
	return time.Duration(v.Int(name)) * time.Millisecond
}

// StatementTimeout returns statement_timeout, 0 for none.
func (v *Vars) StatementTimeout() time.Duration { return v.millis("statement_timeout") }

// IdleInTransactionTimeout returns idle_in_transaction_session_timeout, 0 for none.
func (v *Vars) IdleInTransactionTimeout() time.Duration {
	return v.millis("idle_in_transaction_session_timeout")
}

// IdleSessionTimeout returns idle_session_timeout, 0 for none.
func (v *Vars) IdleSessionTimeout() time.Duration { return v.millis("idle_session_timeout") }

// LockTimeout returns lock_timeout, 0 for none.
func (v *Vars) LockTimeout() time.Duration { return v.millis("lock_timeout") }

// WorkMem returns work_mem in bytes.
func (v *Vars) WorkMem() int64 { return v.Int("work_mem") << 10 }

// Weight returns the share of the processors that queries get beside others, 1
// for the usual one.
func (v *Vars) Weight() float64 { return float64(v.Int("hub.weight")) / usualWeight }

// MemoryLimit returns memory_limit in bytes, 0 for that of the server.
func (v *Vars) MemoryLimit() int64 { return v.Int("memory_limit") << 10 }

// TempFileLimit returns temp_file_limit in bytes, 0 for none. A limit of nothing
// is a limit of one byte.
func (v *Vars) TempFileLimit() int64 {
	if n := v.Int("temp_file_limit"); n >= 0 {
		return max(n<<10, 1)
	}
	return 0
}

// SearchPath returns the schemas of search_path as written, "$user" included:
// the caller replaces it by the current user's schema and leaves out schemas
// that do not exist.
func (v *Vars) SearchPath() []string {
	names, _ := SplitIdentifiers(v.stored("search_path")) // checked when it was set
	return names
}

// ReadOnly reports whether the current transaction is read only.
func (v *Vars) ReadOnly() bool { return v.Bool("transaction_read_only") }
