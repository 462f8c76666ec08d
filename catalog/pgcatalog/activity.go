package pgcatalog

import (
	"slices"

	"github.com/hubsql/hubsql/catalog"
	"github.com/hubsql/hubsql/catalog/types"
)

// backends lists the sessions by process number.
func (s *source) backends() []Backend {
	if s.act == nil {
		return nil
	}
	list := s.act.Backends()
	slices.SortFunc(list, func(a, b Backend) int { return int(a.PID) - int(b.PID) })
	return list
}

// seesBackend reports whether the current user may see what another session
// does: it has that user's privileges or those of pg_read_all_stats.
func (s *source) seesBackend(b Backend) bool {
	if s.roles.Super || s.roles.Has(catalog.RoleReadAllStats) {
		return true
	}
	r, ok := s.snap.Role(b.User)
	return ok && s.roles.Has(r.OID)
}

// hiddenQuery is what others see of a session's statement.
const hiddenQuery = "<insufficient privilege>"

func pgStatActivity(x *scan) {
	for _, b := range x.backends() {
		user := null
		if r, ok := x.snap.Role(b.User); ok {
			user = oid(r.OID)
		}
		if !x.seesBackend(b) {
			x.add(oid(databaseOID), str(x.database), num(int(b.PID)), null, user, str(b.User), str(b.ApplicationName),
				null, null, null, null, null, null, null, null, null, null, null, null, null, str(hiddenQuery), null)
			continue
		}
		port := null
		if b.ClientPort != 0 {
			port = num(b.ClientPort)
		}
		x.add(oid(databaseOID), str(x.database), num(int(b.PID)), null, user, str(b.User), str(b.ApplicationName),
			address(b.ClientAddr), null, port, instant(b.Started), instant(b.TxStart), instant(b.QueryStart), instant(b.StateChange),
			orNull(b.WaitEventType), orNull(b.WaitEvent), orNull(b.State), null, null, null, str(b.Query), str("client backend"))
	}
}

// address makes an inet, NULL when the text is none (a local socket).
func address(s string) types.Datum {
	d, err := types.ParseText(types.Of(types.Inet), s, nil)
	if s == "" || err != nil {
		return null
	}
	return d
}

func pgStatSSL(x *scan) {
	for _, b := range x.backends() {
		if b.TLSVersion == "" {
			x.add(num(int(b.PID)), yes(false), null, null, null, null, null, null)
			continue
		}
		x.add(num(int(b.PID)), yes(true), str(b.TLSVersion), str(b.TLSCipher), num(b.TLSBits), null, null, null)
	}
}

func pgStatGSSAPI(x *scan) {
	for _, b := range x.backends() {
		x.add(num(int(b.PID)), yes(false), null, yes(false))
	}
}
