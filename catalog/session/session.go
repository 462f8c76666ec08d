// Package session is the state of one client session that planning and
// execution read: who it is, and its settings.
package session

import (
	"time"

	"github.com/hubsql/hubsql/catalog/types"
)

// Session is the state of one connection. It is owned by the connection's
// goroutine; statements read it while that goroutine waits for them.
type Session struct {
	PID      int32
	Database string
	// SessionUser is who logged in, CurrentUser what SET ROLE made of it.
	SessionUser string
	CurrentUser string
	ClientAddr  string
	Started     time.Time
	// TxStart and StatementStart are what now() and statement_timestamp() show.
	TxStart        time.Time
	StatementStart time.Time

	// Catalog is the snapshot that the running statement uses (a
	// *catalog.Snapshot), for functions that look things up in it. SearchPath
	// lists the schemas of search_path that exist, "$user" replaced; pg_catalog
	// comes before them unless it is among them. The engine sets both for each
	// statement.
	Catalog    interface{ Version() uint64 }
	SearchPath []string

	Vars *Vars
	// Drawn remembers the values of sequences; never nil.
	Drawn *Drawn
	// Notice sends a NOTICE or WARNING to the client; never nil.
	Notice func(error)
}

// Format returns how values are printed for this session.
func (s *Session) Format() *types.Format { return s.Vars.Format() }
